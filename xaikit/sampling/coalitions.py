"""Coalitions: which units are kept. Bit packing, enumeration and Shapley-stratified pairs.

A packed coalition of M units is a row of ⌈M/64⌉ uint64 words, unit u in bit u % 64 of word u // 64.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Any

import numpy as np


def pack(kept: np.ndarray) -> np.ndarray:
    """Pack boolean masks (n, M) into words (n, ⌈M/64⌉).

    Examples
    --------
    >>> pack(np.array([[True, False, True]]))
    array([[5]], dtype=uint64)
    """
    n, n_units = kept.shape
    n_words = max(1, -(-n_units // 64))
    octets = np.zeros((n, n_words * 8), dtype=np.uint8)
    octets[:, : -(-n_units // 8)] = np.packbits(kept, axis=1, bitorder="little")
    return octets.view("<u8").astype(np.uint64)


def unpack(masks: np.ndarray, n_units: int) -> np.ndarray:
    """Unpack words (n, W) into boolean masks (n, n_units); the inverse of `pack`."""
    octets = np.ascontiguousarray(masks).astype("<u8").view(np.uint8)
    return np.unpackbits(octets, axis=1, count=n_units, bitorder="little").astype(bool)


def all_coalitions(n_units: int) -> np.ndarray:
    """Return all 2^n_units coalitions as booleans; coalition i keeps the units of its set bits."""
    numbers = np.arange(2**n_units, dtype=np.int64)
    return ((numbers[:, None] >> np.arange(n_units)) & 1).astype(bool)


@dataclass(frozen=True)
class PairedCoalitions:
    """Pairs of a coalition and its complement, drawn stratum by stratum.

    Attributes
    ----------
    kept : bool array (m, M)
        One coalition of each pair; the other is its complement.
    weights : array (m,)
        Shapley kernel weight of the pair divided by its probability of being drawn, up to a
        constant factor.
    strata : int array (m,)
        Size of the smaller coalition of the pair.
    drawn, available : arrays (number of strata + 1,)
        Number of pairs drawn from each stratum, and in it, by size from 0 on; float64, because
        there may be more pairs than an integer holds.
    """

    kept: np.ndarray
    weights: np.ndarray
    strata: np.ndarray
    drawn: np.ndarray
    available: np.ndarray


def paired_coalitions(
    n_units: int, n_pairs: int, rng: np.random.Generator
) -> PairedCoalitions:
    """Draw `n_pairs` pairs without replacement, evenly over coalition sizes.

    Stratum s = 1…⌊M/2⌋ holds the pairs whose smaller coalition has s units. Every stratum gets the
    same number of pairs; one with fewer pairs is enumerated, and the rest goes to the others.
    Within a stratum random permutations are cut into blocks, so every unit appears about equally
    often. From 2M pairs on, a draw contains all pairs of a smaller draw with an equal generator.

    Parameters
    ----------
    n_units : int
        M, at least 2.
    n_pairs : int
        At least M, or the number of all pairs if that is smaller.
    rng : Generator

    References
    ----------
    Covert & Lee 2021, section 4 (pairing); Musco & Witter 2024, section 3 (leverage scores give
    every size the same share).
    """
    sizes = range(1, n_units // 2 + 1)
    available = np.array(
        [0.0, *(number_of_coalitions(n_units, s, paired=True) for s in sizes)])
    drawn = _share(available, n_pairs)
    parts = [first_coalitions(n_units, s, int(drawn[s]), own, paired=True)
             for s, own in zip(sizes, rng.spawn(len(sizes)), strict=True)]
    strata = np.repeat(np.arange(len(drawn)), drawn.astype(np.int64))
    halves = np.where(2 * strata == n_units, 0.5, 1.0)
    weights = halves / (strata * (n_units - strata) * drawn[strata])
    return PairedCoalitions(np.concatenate(parts), weights, strata, drawn, available)


def number_of_coalitions(n_units: int, size: int, *, paired: bool) -> float:
    """Return the number of coalitions of a size, or of pairs of one and its complement."""
    found = comb(n_units, size)
    # Capped so that it fits into a float; no one will draw more.
    return float(min(found // 2 if paired and 2 * size == n_units else found, 2**1000))


def all_pairs(n_units: int) -> float:
    """Return the number of pairs of a coalition and its complement, except that of none and all."""
    return float(power(n_units - 1)) - 1


def power(n: Any) -> Any:
    """Return 2ⁿ as a float, infinity on overflow."""
    with np.errstate(over="ignore"):
        return np.exp2(np.asarray(n, dtype=np.float64))


def unasked(pairs: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return which pairs (m, M) are not among those asked (n, M); either coalition names its pair.

    Examples
    --------
    >>> pairs = np.array([[True, False, False], [True, True, False]])
    >>> unasked(pairs, ~pairs[:1])
    array([False,  True])
    """
    one, other = (_names(kept ^ ~kept[:, :1]) for kept in (pairs, asked))
    return ~np.isin(one, other)


def _share(available: np.ndarray, n_pairs: int) -> np.ndarray:
    """Divide `n_pairs` among the strata as evenly as their sizes allow, with at least 2 in each.

    With fewer than 2M pairs, the M pairs of stratum 1 come first, because without them least
    squares may not determine the values of all units. The rest goes to the other strata, starting
    with the smallest size.
    """
    drawn = np.minimum(available, 2.0)
    n_units = available[1]
    if n_pairs < 2 * n_units and n_pairs < available.sum():
        drawn = np.zeros_like(available)
        drawn[1] = n_units
        first_without = 2 + int(n_pairs - n_units) // 2
        drawn[2:first_without] = np.minimum(available[2:first_without], 2.0)
        if drawn[2:].sum() == 0 and len(drawn) > 2:
            drawn[2] = n_pairs - n_units
    left = min(float(n_pairs), available.sum()) - drawn.sum()
    while left > 0:
        open_ = np.flatnonzero((drawn < available) & (drawn > 0))
        each = max(1.0, left // len(open_))
        for s in open_:
            more = min(each, available[s] - drawn[s], left)
            drawn[s] += more
            left -= more
    return drawn


def first_coalitions(
    n_units: int, size: int, m: int, rng: np.random.Generator, *, paired: bool
) -> np.ndarray:
    """Return the first `m` coalitions of one size, in an order that depends only on the generator.

    Parameters
    ----------
    n_units, size, m : int
    rng : Generator
    paired : bool
        Whether a coalition of half the units counts as equal to its complement.

    Returns
    -------
    bool array (m, n_units)
    """
    if 2 * size > n_units:
        return ~first_coalitions(n_units, n_units - size, m, rng, paired=paired)
    if size == 0:
        return np.zeros((m, n_units), dtype=bool)
    total = number_of_coalitions(n_units, size, paired=paired)
    by_turns, listed = rng.spawn(2)
    half = int(-(-total // 2)) if total < 2**53 else m
    found = _by_turns(n_units, size, min(m, half), by_turns, paired)
    if m > half:
        # Enumerate the rest: random draws would take long to find the last ones.
        everything = _enumerate(n_units, size, paired)
        left = everything[~np.isin(_names(everything), _names(found))]
        found = np.concatenate([found, left[listed.permutation(len(left))[: m - half]]])
    return found


def _by_turns(
    n_units: int, size: int, m: int, rng: np.random.Generator, paired: bool
) -> np.ndarray:
    """Cut random permutations of the units into coalitions until `m` distinct ones are found."""
    found, turns = np.zeros((0, n_units), dtype=bool), 16
    while len(found) < m:
        order = rng.permuted(np.tile(np.arange(n_units), (turns, 1)), axis=1)
        units = order[:, : n_units // size * size].reshape(-1, size)
        fresh = np.zeros((len(units), n_units), dtype=bool)
        np.put_along_axis(fresh, units, True, axis=1)
        if paired and 2 * size == n_units:
            # Represent a pair of halves by the half that holds unit 0.
            fresh ^= ~fresh[:, :1]
        found = np.concatenate([found, fresh])
        found = found[np.sort(np.unique(_names(found), return_index=True)[1])]
        turns *= 2
    return found[:m]


def _enumerate(n_units: int, size: int, paired: bool) -> np.ndarray:
    """Return all coalitions of a size; of a pair of halves, the one that holds unit 0."""
    if paired and 2 * size == n_units:
        chosen = [(0, *rest) for rest in combinations(range(1, n_units), size - 1)]
    else:
        chosen = list(combinations(range(n_units), size))
    kept = np.zeros((len(chosen), n_units), dtype=bool)
    np.put_along_axis(kept, np.array(chosen, dtype=np.int64), True, axis=1)
    return kept


def _names(kept: np.ndarray) -> np.ndarray:
    """Return one comparable value for each coalition."""
    masks = np.ascontiguousarray(pack(kept))
    return masks.view(np.dtype((np.void, masks.shape[1] * 8))).ravel()
