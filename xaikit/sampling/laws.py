"""Draw coalitions by a law of their size; coalitions of one size are equally likely.

If a method weights coalitions by their size alone, they can be sampled in proportion to these
weights, so that every sample counts equally. Sizes with few coalitions are enumerated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

from xaikit.sampling.coalitions import first_coalitions, number_of_coalitions


@dataclass(frozen=True)
class DrawnCoalitions:
    """Coalitions and their weights.

    Attributes
    ----------
    kept : bool array (n, M)
        Ordered by size; if the law is symmetric, each coalition is followed by its complement.
    weights : array (n,)
        Share of the law that each coalition represents; they sum to 1.
    ranks, sizes : int arrays (n,)
        The position of each coalition among those of its size (or of its pair among such pairs),
        and its size. A coalition's rank and size do not depend on `n`.
    starts : int array (n_strata,)
        First draw of each stratum.
    drawn, available : arrays (n_strata,)
        Number of draws from each stratum, and in it. A single draw of several does not show how
        much its stratum varies, so such a stratum is joined to another.
    draw : int
        Coalitions in each draw: 2 if they come with their complements.
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
        """Factors for `solvers.regression.Strata`."""
        left = 1.0 - self.drawn / self.available
        with np.errstate(invalid="ignore", divide="ignore"):
            factors = left * np.where(self.drawn > 1, self.drawn / (self.drawn - 1), np.nan)
        return np.where(left > 0.0, factors, 0.0)


def draw_by_size(
    law: np.ndarray, n: int, rng: np.random.Generator, *, distinct: bool = True
) -> DrawnCoalitions:
    """Draw about `n` coalitions by a law of their size.

    A size for which the law asks at least as many coalitions as exist is enumerated, and its
    coalitions share its probability. The numbers of draws of the other sizes are in proportion to
    the law (systematic sampling), and within a size units appear about equally often. A larger `n`
    draws nearly all coalitions of a smaller one again.

    Parameters
    ----------
    law : array (M + 1,)
        Probability of each size.
    n : int
        Number of coalitions.
    rng : Generator
    distinct : bool, default True
        Whether each coalition is drawn at most once. If False, as when the answer to a coalition
        depends on a random background row, every size counts as infinite: none is enumerated, and
        if there are fewer coalitions than draws they are repeated in turn.
    """
    n_units = len(law) - 1
    paired = bool(np.allclose(law, law[::-1], rtol=1e-9, atol=0.0)) and n_units > 1
    draw = 2 if paired else 1
    sizes = np.arange((n_units // 2 if paired else n_units) + 1)
    shares = law[sizes] * np.where(paired & (2 * sizes != n_units), 2.0, 1.0)
    there = np.array([number_of_coalitions(n_units, int(s), paired=paired) for s in sizes])
    available = there if distinct else np.full(len(sizes), np.inf)
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
    """Return how many coalitions of each size to draw, and the weight of each of them."""
    shares = shares / shares.sum()
    whole = np.zeros(len(shares), dtype=bool)
    while True:
        # A size that is enumerated takes fewer draws than its share, so the others get more.
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
    """Join each size with a single draw of several to a neighbouring size."""
    joined: list[list[float]] = []
    first = 0.0
    for count, there in zip(counts, available, strict=True):
        joined.append([first, count, there])
        first += count
        # Enumerated sizes have no error; join another size to them only if there is no other way.
        if len(joined) > 1 and (_single(joined[-2]) or (
                _single(joined[-1]) and joined[-2][1] < joined[-2][2])):
            _join_last(joined)
    if len(joined) > 1 and _single(joined[-1]):
        _join_last(joined)
    starts, drawn, there = np.array(joined).T
    return starts.astype(np.int64), drawn, there


def _single(stratum: list[float]) -> bool:
    """Return whether a stratum [start, drawn, available] has a single draw of several."""
    return stratum[1] == 1.0 < stratum[2]


def _join_last(strata: list[list[float]]) -> None:
    _, count, there = strata.pop()
    strata[-1][1] += count
    strata[-1][2] += there


def bernoulli(n_units: int, p: float = 0.5) -> np.ndarray:
    """Return the law of sizes if each unit is kept with probability `p`, (M + 1,)."""
    return binom.pmf(np.arange(n_units + 1), n_units, p)


def uniform_removals(n_units: int) -> np.ndarray:
    """Return the law of sizes if each number of hidden units, 1 to M, is equally likely, (M + 1,).

    A single unit is kept half of the time; if it were always hidden, it would have no effect.
    """
    if n_units == 1:
        return np.full(2, 0.5)
    law = np.full(n_units + 1, 1.0 / n_units)
    law[-1] = 0.0
    return law


def cosine_kernel(n_units: int, width: float) -> np.ndarray:
    """Return LIME's kernel for masks of each size, (M + 1,): exp(−(1 − √(k/M))²/2ν²).

    1 − √(k/M) is the cosine distance between a mask of k units and the mask of all; ν is `width`.
    """
    far = 1.0 - np.sqrt(np.arange(n_units + 1) / n_units)
    return np.exp(-0.5 * (far / width)**2)


def hidden_kernel(n_units: int, width: float) -> np.ndarray:
    """Return LIME's tabular kernel for masks of each size, (M + 1,): exp(−(M − k)/2ν²)."""
    return np.exp(-0.5 * np.arange(n_units, -1, -1) / width**2)
