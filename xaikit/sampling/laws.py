"""Coalitions drawn by a law of their size: how many units stay, then which, each as likely.

Whatever a method weights coalitions by, if it depends on their size alone, can be sampled from:
then every sample counts fully. Sizes of which there are few coalitions are asked whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

from xaikit.sampling.coalitions import first_coalitions, number_of_coalitions


@dataclass(frozen=True)
class DrawnCoalitions:
    """Coalitions and what each counts.

    Attributes
    ----------
    kept : bool array (n, M)
        Size by size; where the law is symmetric each coalition stands before its complement.
    weights : array (n,)
        Summing to 1: shares of the law.
    ranks, sizes : int arrays (n,)
        The number of each coalition among those of its size (or of its pair among such pairs), and
        its size: the same for a coalition whatever `n` is.
    starts : int array (n_strata,)
        Where each stratum of draws begins, in draws.
    drawn, available : arrays (n_strata,)
        Draws of each stratum, and those there are. A single draw of several says nothing about how
        its stratum spreads: it is joined to another.
    draw : int
        Coalitions a draw: 2 if they come with their complements.
    """

    kept: np.ndarray
    weights: np.ndarray
    ranks: np.ndarray
    sizes: np.ndarray
    starts: np.ndarray
    drawn: np.ndarray
    available: np.ndarray
    draw: int

    @property
    def factors(self) -> np.ndarray:
        """The factors of `solvers.regression.Strata`."""
        left = 1.0 - self.drawn / self.available
        with np.errstate(invalid="ignore", divide="ignore"):
            factors = left * np.where(self.drawn > 1, self.drawn / (self.drawn - 1), np.nan)
        return np.where(left > 0.0, factors, 0.0)


def draw_by_size(
    law: np.ndarray, n: int, rng: np.random.Generator, *, one_answer: bool = True
) -> DrawnCoalitions:
    """Draw about `n` different coalitions by a law of their size.

    Sizes of which the law wants at least as many coalitions as there are, are drawn whole and
    count their share of the law. Of the others numbers are drawn in proportion to the law
    (systematically), and within a size units appear about equally often. What is drawn for a small
    `n` is drawn for a larger one too, but for a coalition here and there.

    Parameters
    ----------
    law : array (M + 1,)
        Probability of each size.
    n : int
    rng : Generator
    one_answer : bool
        Whether a coalition has a single answer. If it has several, no size is drawn whole, and
        where there are fewer coalitions than draws they are drawn again.
    """
    n_units = len(law) - 1
    paired = bool(np.allclose(law, law[::-1], rtol=1e-9, atol=0.0)) and n_units > 1
    draw = 2 if paired else 1
    sizes = np.arange((n_units // 2 if paired else n_units) + 1)
    shares = law[sizes] * np.where(paired & (2 * sizes != n_units), 2.0, 1.0)
    there = np.array([number_of_coalitions(n_units, int(s), paired=paired) for s in sizes])
    available = there if one_answer else np.full(len(sizes), np.inf)
    offset, *streams = rng.spawn(len(sizes) + 1)
    drawn, each = _allocated(shares, available, n // draw, offset.random())
    used = np.flatnonzero(drawn)
    counts = drawn[used].astype(np.int64)
    found = [first_coalitions(n_units, int(s), int(min(m, there[s])), streams[s], paired=paired)
             for s, m in zip(used, counts, strict=True)]
    kept = np.concatenate([own[np.arange(m) % len(own)]
                           for own, m in zip(found, counts, strict=True)])
    ranks = np.concatenate([np.arange(m) for m in counts])
    of_size, weights = np.repeat(sizes[used], counts), np.repeat(each[used], counts)
    if paired:
        kept = np.stack([kept, ~kept], axis=1).reshape(-1, n_units)
        weights, ranks = np.repeat(weights, 2) / 2.0, np.repeat(ranks, 2)
        of_size = kept.sum(axis=1)
    starts, drawn, available = _strata(counts.astype(float), available[used])
    return DrawnCoalitions(kept, weights / weights.sum(), ranks, of_size, starts, drawn, available,
                           draw)


def _allocated(
    shares: np.ndarray, available: np.ndarray, n: int, offset: float
) -> tuple[np.ndarray, np.ndarray]:
    """Give how many coalitions of each size to draw, and what each of them counts."""
    shares = shares / shares.sum()
    whole = np.zeros(len(shares), dtype=bool)
    while True:
        # A size drawn whole takes less than its share would: the others get more.
        left, total = max(n - available[whole].sum(), 1.0), shares[~whole].sum()
        more = ~whole & (shares > 0.0) & (shares * left >= available * total)
        if not more.any():
            break
        whole |= more
    drawn, each = np.where(whole, available, 0.0), np.where(whole, shares / available, 0.0)
    if total > 0.0:
        rest = np.where(whole, 0.0, shares)
        edges = np.floor(np.cumsum(rest) / total * left + offset)
        drawn += np.diff(edges, prepend=0.0) * (rest > 0.0)
        each += np.where(rest > 0.0, total / left, 0.0)
    return drawn, each


def _strata(
    counts: np.ndarray, available: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Join sizes of which a single one of several was drawn to their neighbours."""
    joined: list[list[float]] = []
    first = 0.0
    for count, there in zip(counts, available, strict=True):
        joined.append([first, count, there])
        first += count
        # Sizes drawn whole have no error: others are joined to them only for want of better ones.
        if len(joined) > 1 and (_single(joined[-2]) or (
                _single(joined[-1]) and joined[-2][1] < joined[-2][2])):
            _join_last(joined)
    if len(joined) > 1 and _single(joined[-1]):
        _join_last(joined)
    starts, drawn, there = np.array(joined).T
    return starts.astype(np.int64), drawn, there


def _single(stratum: list[float]) -> bool:
    return stratum[1] == 1.0 < stratum[2]


def _join_last(strata: list[list[float]]) -> None:
    _, count, there = strata.pop()
    strata[-1][1] += count
    strata[-1][2] += there


def bernoulli(n_units: int, p: float = 0.5) -> np.ndarray:
    """Give the law of sizes where each unit stays with probability `p`, (M + 1,)."""
    return binom.pmf(np.arange(n_units + 1), n_units, p)


def uniform_removals(n_units: int) -> np.ndarray:
    """Give the law of sizes where each number of hidden units, 1 to M, is as likely, (M + 1,).

    A single unit stays as often as it goes: what is always hidden has no effect.
    """
    if n_units == 1:
        return np.full(2, 0.5)
    law = np.full(n_units + 1, 1.0 / n_units)
    law[-1] = 0.0
    return law


def cosine_kernel(n_units: int, width: float) -> np.ndarray:
    """Give LIME's kernel for masks of each size, (M + 1,): exp(−(1 − √(k/M))²/2ν²).

    1 − √(k/M) is the cosine distance of a mask of k units from that of all.
    """
    far = 1.0 - np.sqrt(np.arange(n_units + 1) / n_units)
    return np.exp(-0.5 * (far / width)**2)


def hidden_kernel(n_units: int, width: float) -> np.ndarray:
    """Give LIME's kernel of tables for masks of each size, (M + 1,): exp(−(M − k)/2ν²)."""
    return np.exp(-0.5 * np.arange(n_units, -1, -1) / width**2)
