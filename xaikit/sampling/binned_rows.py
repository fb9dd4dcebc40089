"""Rows drawn bin by bin: LIME's classic neighbourhood."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd
from scipy.stats import qmc

from xaikit.kernels.levels import draw_units, look_up
from xaikit.sampling.bins import QUANTILES, Column
from xaikit.sampling.tabular import TabularRows
from xaikit.tables.dtypes import MEASURED, kind_of_column
from xaikit.tables.numbering import number_rows
from xaikit.tables.numeric import beyond_origin
from xaikit.tables.tables import Table

LEAST_OF_LEVEL = 15
"""Minimum expected number of neighbours with a level..."""
LEVEL_SHARE = 1.0
"""...and this many times the number of units, so that levels are few among the neighbours."""
MOST_SOBOL = 21_201
"""Maximum number of dimensions of a Sobol sequence."""


class BinnedRows:
    """Rows whose neighbours are drawn unit by unit, from inside or outside the row's bins.

    For a kept unit, a neighbour has the values of a row from the same bin as the explained row, and
    otherwise those of a row from another bin. They are copied from the pool of the background rows
    and the explained row itself. A group of columns is inside its bin if each of its columns is.

    Parameters
    ----------
    rows : TabularRows
    columns : list of Column
        Bins of each column.

    Attributes
    ----------
    numbers, fine : int arrays (M, n_background + n_rows)
        Bins of the pool's rows by unit, and their parts; numbers rise with the cells of a column.
    """

    def __init__(self, rows: TabularRows, columns: list[Column]) -> None:
        self.rows = rows
        self._columns = columns
        units = rows.masker.units
        self._cells = [rows.pooled(c) for c in range(len(columns))]
        bins = np.stack([column.bins(cells) for column, cells in
                         zip(columns, self._cells, strict=True)], axis=1)
        n_background = rows.masker.n_background
        # The explained row has the mean weight of a background row.
        self._weights = np.append(rows.masker.weights * n_background, 1.0) / (n_background + 1)
        fine = np.stack([_tenths(cells, n_background, bins[:, c])
                         for c, cells in enumerate(self._cells)], axis=1)
        self._own = bins[n_background:]
        self._words: dict[tuple[int, int], str] = {}
        self.numbers = np.stack([number_rows(bins[:, unit]) for unit in units])
        self.fine = np.stack([number_rows(np.concatenate([bins[:, unit], fine[:, unit]], axis=1))
                               for unit in units])

    def row(self, i: int, units: np.ndarray | None = None) -> BinnedRow:
        """Return row `i` with some of its units; a neighbour has the row's values in all others."""
        units = np.arange(len(self.numbers)) if units is None else units
        n_background = self.rows.masker.n_background
        here = n_background + i
        positions = np.append(np.arange(n_background), here)
        inside = self.numbers[:, positions] == self.numbers[:, here, None]
        fine = self.fine[:, positions]
        if len(units) < len(inside):
            inside, fine = inside[units], fine[units]
        return BinnedRow(self.rows, units, positions, inside, fine, self._weights)

    def conditions(self, i: int) -> list[str]:
        """Write the conditions of a row's bins, one text a unit."""
        words = [self._words_of(i, c) for c in range(len(self._columns))]
        return [" and ".join(words[c] for c in unit) for unit in self.rows.masker.units]

    def _words_of(self, i: int, c: int) -> str:
        place = (c, int(self._own[i, c]))
        if place not in self._words:
            column = self._columns[c]
            cell = self._cells[c].iloc[self.rows.masker.n_background + i]
            self._words[place] = column.words(column.condition(cell, place[1]))
        return self._words[place]


class BinnedRow:
    """One of `BinnedRows`: for each of M units, which rows of the pool lie inside its bin.

    Attributes
    ----------
    shares : array (M,)
        Total weight of the pool's rows inside the bin of each unit, the row itself included.
    positions : int array (P,)
        The pool's rows among the background and all explained rows.
    """

    def __init__(self, rows: TabularRows, units: np.ndarray, positions: np.ndarray,
                 inside: np.ndarray, fine: np.ndarray, weights: np.ndarray) -> None:
        self._rows, self.positions, self._inside, self._fine = rows, positions, inside, fine
        self._units = units
        self._weights = weights
        self.shares = np.where(inside.all(axis=1), 1.0, inside @ weights)

    def chances(self, tilt: float) -> np.ndarray:
        """Return the probability that each unit is inside: p/(p + (1 − p)e^{−tilt}), (M,)."""
        return self.shares / (self.shares + (1.0 - self.shares) * np.exp(-tilt))

    def tilted(self, tilt: float) -> np.ndarray:
        """Return weights of the pool's rows by unit; outside of the bin they count e^{−tilt}."""
        return np.where(self._inside, self._weights, np.exp(-tilt) * self._weights)

    def draw(self, points: np.ndarray, chances: np.ndarray) -> np.ndarray:
        """Draw neighbours.

        Parameters
        ----------
        points : array (n, M)
            Points in the unit cube, one for each neighbour.
        chances : array (M,)
            Probability that each unit lies inside its bin.

        Returns
        -------
        int array (n, M)
            Row of the pool from which each unit is copied; see `table` and `kept`.
        """
        drawn = np.empty(points.shape, dtype=np.int64)
        order, heights = self._inside_first
        draw_units(np.ascontiguousarray(points), chances, order, self._inside.sum(axis=1),
                   heights, drawn)
        return drawn

    @cached_property
    def _inside_first(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows of the pool by unit, those inside first, and their cumulative weights: (M, P)."""
        order = np.argsort(~self._inside, axis=1, kind="stable")
        return order, np.cumsum(self._weights[order], axis=1)

    def kept(self, drawn: np.ndarray) -> np.ndarray:
        """Return whether each unit of the neighbours lies inside its bin, bool (n, M)."""
        kept = np.empty(drawn.shape, dtype=bool)
        look_up(drawn, self._inside, kept)
        return kept

    def unseen(self, kept: np.ndarray) -> np.ndarray:
        """Return which units vary in the pool, but lie inside in all neighbours or none, (M,)."""
        return (kept.all(axis=0) | ~kept.any(axis=0)) & (self.shares < 1.0)

    def table(self, drawn: np.ndarray) -> Table:
        """Build the table of neighbours."""
        sources = [np.full(len(drawn), self.positions[-1])] * self._rows.masker.n_units
        for u, unit in enumerate(self._units.tolist()):
            sources[unit] = self.positions[drawn[:, u]]
        return self._rows.mix(sources)

    def levels(
        self, chances: np.ndarray, n: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Number the levels of units, which are finer than inside and outside the bin.

        Parameters
        ----------
        chances : array (M,)
            Probability that each unit lies inside its bin.
        n : int
            Number of neighbours. Levels that are rare among them are merged into one.

        Returns
        -------
        of_position : int array (M, P)
            Level of each row of the pool, numbered consecutively over all units.
        units, within, shares : arrays (n_levels,)
            Unit of each level, whether it is inside the bin, and its share of its part, inside or
            outside.
        """
        columns: list[int] = []
        withins, shares, of_position = [], [], []
        least = max(LEAST_OF_LEVEL, LEVEL_SHARE * len(self.shares))
        for u, (inside, fine) in enumerate(zip(self._inside, self._fine, strict=True)):
            n_fine = int(fine.max()) + 1
            counts = np.bincount(fine + n_fine * inside, weights=self._weights,
                                 minlength=2 * n_fine).reshape(2, n_fine)
            sizes = counts.sum(axis=1, keepdims=True)
            parts = counts / np.where(sizes > 0.0, sizes, 1.0)
            chance = np.array([[1.0 - chances[u]], [chances[u]]])
            often = parts * chance * n >= least
            # Rare levels of a part share the number after its last frequent one.
            rare = (counts > 0) & ~often
            names = np.where(often, np.cumsum(often, axis=1) - 1, often.sum(axis=1)[:, None])
            n_levels = often.sum(axis=1) + rare.any(axis=1)
            names[1] += n_levels[0]
            of_position.append(len(columns) + names[inside.astype(np.int64), fine])
            share = np.bincount(names.ravel(), weights=parts.ravel(), minlength=n_levels.sum())
            shares += list(share[: n_levels.sum()])
            columns += [u] * int(n_levels.sum())
            withins += [False] * int(n_levels[0]) + [True] * int(n_levels[1])
        return np.stack(of_position), np.array(columns), np.array(withins), np.array(shares)


def _tenths(column: pd.Series, n_background: int, bins: np.ndarray) -> np.ndarray:
    """Return the decile bin of each number; levels and missing cells are not divided further."""
    if kind_of_column(column) not in MEASURED:
        return np.zeros(len(bins), dtype=np.int64)
    cells = beyond_origin(column)[1]
    known = cells[:n_background]
    known = known[np.isfinite(known)]
    edges = np.unique(np.quantile(known, QUANTILES["decile"])) if known.size else np.zeros(0)
    return np.where(bins < 0, -1, np.searchsorted(edges, cells, side="left"))


def even_points(n: int, n_units: int, rng: np.random.Generator) -> np.ndarray:
    """Draw points that fill the unit cube evenly, (n, M); a smaller draw begins a larger one.

    The points are a scrambled Sobol sequence (Owen 1998), or independent random numbers if there
    are more units than the sequence has dimensions.
    """
    if n_units > MOST_SOBOL:
        return rng.random((n, n_units))
    size = 1 << (max(n, 2) - 1).bit_length()
    return qmc.Sobol(n_units, rng=rng).random(size)[:n]
