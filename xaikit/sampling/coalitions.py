"""Coalitions: which units stay. Packed bits, enumeration, and Shapley-stratified pairs.

A coalition of M units is a row of ⌈M/64⌉ uint64 words, unit u in bit u % 64 of word u // 64.
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
    padded = np.zeros((n, n_words * 64), dtype=bool)
    padded[:, :n_units] = kept
    octets = np.packbits(padded, axis=1, bitorder="little")
    return octets.view("<u8").astype(np.uint64)


def unpack(masks: np.ndarray, n_units: int) -> np.ndarray:
    """Undo `pack`: words (n, W) to boolean masks (n, n_units)."""
    octets = np.ascontiguousarray(masks).astype("<u8").view(np.uint8)
    return np.unpackbits(octets, axis=1, count=n_units, bitorder="little").astype(bool)


def all_coalitions(n_units: int) -> np.ndarray:
    """Give all 2^n_units coalitions as booleans, coalition i keeping the units of i's bits."""
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
        Shapley kernel weight of the pair divided by its chance of being drawn, up to a constant.
    strata : int array (m,)
        Size of the smaller coalition of the pair.
    drawn, available : int arrays (number of strata + 1,)
        Pairs drawn of each stratum and pairs there are (as float64: they can be astronomical).
    """

    kept: np.ndarray
    weights: np.ndarray
    strata: np.ndarray
    drawn: np.ndarray
    available: np.ndarray


def paired_coalitions(
    n_units: int, n_pairs: int, rng: np.random.Generator
) -> PairedCoalitions:
    """Draw `n_pairs` pairs without replacement, spread evenly over coalition sizes.

    Strata s = 1…⌊M/2⌋ hold the pairs whose smaller coalition has s units. Each gets the same share,
    capped at what it holds (then it is enumerated); what is left over goes to the others. Within
    a stratum random permutations are cut into blocks, so every unit appears about equally often.
    From 2M pairs on, the pairs of a smaller draw with an equal generator are among a larger one's.

    Parameters
    ----------
    n_units : int
        M, at least 2.
    n_pairs : int
        At least M, or all pairs there are if fewer.
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
    """Give the number of coalitions of a size, or of pairs of one and its complement."""
    found = comb(n_units, size)
    # Bounded, so that it can be a float: no one will draw more.
    return float(min(found // 2 if paired and 2 * size == n_units else found, 2**1000))


def all_pairs(n_units: int) -> float:
    """Return the number of pairs of a coalition and its complement, but that of none and all."""
    return float(power(n_units - 1)) - 1


def power(n: Any) -> Any:
    """Return 2ⁿ as a float, infinity on overflow: more than any budget."""
    with np.errstate(over="ignore"):
        return np.exp2(np.asarray(n, dtype=np.float64))


def unasked(pairs: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Say which pairs (m, M) are not among those asked (n, M), whichever of two is given of each.

    Examples
    --------
    >>> pairs = np.array([[True, False, False], [True, True, False]])
    >>> unasked(pairs, ~pairs[:1])
    array([False,  True])
    """
    one, other = (_names(kept ^ ~kept[:, :1]) for kept in (pairs, asked))
    return ~np.isin(one, other)


def _share(available: np.ndarray, n_pairs: int) -> np.ndarray:
    """Split `n_pairs` over strata as evenly as what they hold allows; at least 2 each.

    With fewer than 2M pairs the M single units come first: without them a least-squares solve
    could not tell every unit apart. What is left goes to the strata from the smallest on.
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
    """Give the first `m` of all coalitions of one size, in an order the generator alone decides.

    Parameters
    ----------
    n_units, size, m : int
    rng : Generator
    paired : bool
        Whether a coalition of half the units is the same as its complement.

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
        # Few are left: list them, rather than wait for the last ones to turn up.
        everything = _enumerate(n_units, size, paired)
        left = everything[~np.isin(_names(everything), _names(found))]
        found = np.concatenate([found, left[listed.permutation(len(left))[: m - half]]])
    return found


def _by_turns(
    n_units: int, size: int, m: int, rng: np.random.Generator, paired: bool
) -> np.ndarray:
    """Cut random orders of the units into coalitions until `m` different ones are found."""
    found, turns = np.zeros((0, n_units), dtype=bool), 16
    while len(found) < m:
        order = rng.permuted(np.tile(np.arange(n_units), (turns, 1)), axis=1)
        units = order[:, : n_units // size * size].reshape(-1, size)
        fresh = np.zeros((len(units), n_units), dtype=bool)
        np.put_along_axis(fresh, units, True, axis=1)
        if paired and 2 * size == n_units:
            # A half and its complement are one pair: name it by the half that holds unit 0.
            fresh ^= ~fresh[:, :1]
        found = np.concatenate([found, fresh])
        found = found[np.sort(np.unique(_names(found), return_index=True)[1])]
        turns *= 2
    return found[:m]


def _enumerate(n_units: int, size: int, paired: bool) -> np.ndarray:
    if paired and 2 * size == n_units:
        chosen = [(0, *rest) for rest in combinations(range(1, n_units), size - 1)]
    else:
        chosen = list(combinations(range(n_units), size))
    kept = np.zeros((len(chosen), n_units), dtype=bool)
    np.put_along_axis(kept, np.array(chosen, dtype=np.int64), True, axis=1)
    return kept


def _names(kept: np.ndarray) -> np.ndarray:
    """Give every coalition one value to compare it by."""
    masks = np.ascontiguousarray(pack(kept))
    return masks.view(np.dtype((np.void, masks.shape[1] * 8))).ravel()
