"""Bins of a table's columns, and rows drawn bin by bin: LIME's classic neighbourhood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import qmc
from sklearn.tree import DecisionTreeRegressor

from xaikit.kernels.levels import draw_units, look_up
from xaikit.sampling.tabular import TabularMasker, TabularRows
from xaikit.tables.conditions import Condition
from xaikit.tables.dtypes import MEASURED, TIMES, kind_of
from xaikit.tables.numbering import number_rows, number_values
from xaikit.tables.numeric import float_column
from xaikit.tables.tables import Table, column_of
from xaikit.tables.wording import digits_apart

QUANTILES = {"quartile": (0.25, 0.5, 0.75), "decile": tuple(np.arange(1, 10) / 10)}
WAYS = (*QUANTILES, "tree")
LEAST_OF_LEVEL = 15
"""Fewest neighbours that a level should be seen in."""
LEVEL_SHARE = 1.0
"""A level should also be seen in this many neighbours for each unit."""
LEAVES = 4
"""Most bins that a tree cuts a column into."""
LEAST_OF_BIN = 0.02
"""Least share of rows in a bin of a tree; with fewer, its edges would be chance."""
MOST_SOBOL = 21_201
"""Most columns of a Sobol sequence."""


@dataclass(frozen=True)
class Column:
    """The bins of one column: intervals between edges, or one bin for each level.

    Attributes
    ----------
    name : str
    edges : array or None
        Of a column of numbers or times, in its own unit; None for levels.
    dtype : dtype or None
        Of a column of times.
    """

    name: str
    edges: np.ndarray | None
    dtype: Any = None

    def bins(self, column: pd.Series) -> np.ndarray:
        """Number the bins of cells; missing cells are one bin, −1."""
        missing = column.isna().to_numpy()
        if self.edges is None:
            return np.where(missing, -1, number_values(column.array))
        cells = float_column(column)
        if self.dtype is not None and column.dtype != self.dtype:
            # Times finer than the background's: count them in the unit of the edges.
            unit = pd.Series([1]).astype(self.dtype).astype(column.dtype)
            cells = cells / float_column(unit)
        return np.where(missing, -1, np.searchsorted(self.edges, cells, side="left"))

    def condition(self, cell: Any, place: int) -> Condition:
        """Return the condition that a cell's bin, number `place`, stands for.

        Examples
        --------
        >>> Column("age", np.array([28.0, 37.0])).condition(30, 1)
        Condition('age', low=28.0, high=37.0)
        """
        if place < 0:
            return Condition(self.name, missing="only")
        if self.edges is None:
            return Condition(self.name, levels=(cell,))
        bounds = [None, *self._bounds(), None]
        return Condition(self.name, low=bounds[place], high=bounds[place + 1])

    def words(self, condition: Condition) -> str:
        """Write a bin, with digits that tell the edges apart; the name where all cells are one bin.

        Examples
        --------
        >>> age = Column("age", np.array([28.0, 37.0]))
        >>> age.words(age.condition(30, 1))
        '28 < age <= 37'
        """
        if self.edges is None or condition.missing or (self.dtype is not None and len(self.edges)):
            return condition.words()
        return condition.words(digits_apart(self.edges.tolist())) if len(self.edges) else self.name

    def _bounds(self) -> list[Any]:
        assert self.edges is not None
        if self.dtype is None:
            return self.edges.tolist()
        # Cells are whole numbers of the column's unit, so those up to an edge are up to its floor.
        whole = np.floor(self.edges).astype(np.int64)
        whole = np.maximum(whole, whole[:1] + np.arange(len(whole)))
        return list(pd.Series(whole).astype(self.dtype))


def columns_of(masker: TabularMasker, way: str, answers: np.ndarray) -> list[Column]:
    """Cut the columns of a background into bins.

    Parameters
    ----------
    masker : TabularMasker
    way : {"quartile", "decile", "tree"}
        With ``"tree"``, a regression tree of the answers on the column alone makes the cuts.
    answers : array (B, n_outputs)
        The model's, for the background.
    """
    found = []
    for c, name in enumerate(masker.schema.names):
        column = column_of(masker.background, c)
        kind = kind_of(column.dtype)
        edges = None
        if kind in MEASURED:
            cells = float_column(column)
            known = np.isfinite(cells)
            edges = np.zeros(0)
            if known.any():
                cells, weights = cells[known], masker.weights[known]
                edges = _tree_edges(cells, answers[known], weights) if way == "tree" \
                    else _quantiles(cells, QUANTILES[way], weights)
        found.append(Column(name, edges, column.dtype if kind in TIMES else None))
    return found


def _tree_edges(cells: np.ndarray, answers: np.ndarray, weights: np.ndarray) -> np.ndarray:
    # Trees read float32, which cannot hold dates and large numbers exactly, so they get the ranks.
    values, ranks = np.unique(cells, return_inverse=True)
    centred = answers - answers.mean(axis=0)
    centred /= np.abs(centred).max() or 1.0  # their squares must not overflow
    # Differences that come from rounding alone must not make a cut.
    grower = DecisionTreeRegressor(
        max_leaf_nodes=LEAVES, min_samples_leaf=LEAST_OF_BIN, random_state=0,
        min_impurity_decrease=1e-9 * centred.var(axis=0).mean())
    tree = grower.fit(ranks[:, None], centred, sample_weight=weights).tree_
    below = np.sort(tree.threshold[tree.feature >= 0]).astype(np.int64)
    middle = values[below] + (values[below + 1] / 2 - values[below] / 2)
    # Between two neighbouring floats the middle may round to the upper one.
    return np.where(middle < values[below + 1], middle, values[below])


def _quantiles(cells: np.ndarray, at: tuple[float, ...], weights: np.ndarray) -> np.ndarray:
    edges = np.quantile(cells, at) if np.ptp(weights) == 0.0 \
        else np.quantile(cells, at, weights=weights, method="inverted_cdf")
    # No cell is above the largest value, so an edge there moves below it.
    lower = cells[cells < cells.max()]
    if not len(lower):
        return np.zeros(0)
    return np.unique(np.where(edges < cells.max(), edges, lower.max()))


class BinnedRows:
    """Rows whose neighbours are drawn unit by unit, from inside or outside the row's bin.

    A neighbour copies each unit from a background row or from the row itself: from one in the row's
    bin if the unit is kept, else from one outside. A group is inside if all its columns are.

    Parameters
    ----------
    rows : TabularRows
    columns : list of Column
    """

    def __init__(self, rows: TabularRows, columns: list[Column]) -> None:
        self.rows = rows
        self._columns = columns
        units = rows.masker.units
        self._cells = [rows.pooled(c) for c in range(len(columns))]
        bins = np.stack([column.bins(cells) for column, cells in
                         zip(columns, self._cells, strict=True)], axis=1)
        n_background = rows.masker.n_background
        # The explained row counts as much as a background row does on average.
        self._weights = np.append(rows.masker.weights * n_background, 1.0) / (n_background + 1)
        fine = np.stack([_tenths(cells, n_background, bins[:, c])
                         for c, cells in enumerate(self._cells)], axis=1)
        self._own = bins[n_background:]
        self._words: dict[tuple[int, int], str] = {}
        self._bins = np.stack([number_rows(bins[:, unit]) for unit in units])
        self._fine = np.stack([number_rows(np.concatenate([bins[:, unit], fine[:, unit]], axis=1))
                               for unit in units])

    def __getitem__(self, i: int) -> BinnedRow:
        n_background = self.rows.masker.n_background
        here = n_background + i
        positions = np.append(np.arange(n_background), here)
        inside = self._bins[:, positions] == self._bins[:, here, None]
        return BinnedRow(self.rows, positions, inside, self._fine[:, positions], self._weights)

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
    """One of `BinnedRows`: for each unit, the rows of the pool that are within its bin.

    Attributes
    ----------
    shares : array (M,)
        Weight of the rows within, the row itself among them.
    """

    def __init__(self, rows: TabularRows, positions: np.ndarray, inside: np.ndarray,
                 fine: np.ndarray, weights: np.ndarray) -> None:
        self._rows, self._positions, self._inside, self._fine = rows, positions, inside, fine
        self._weights = weights
        self._order = np.argsort(~inside, axis=1, kind="stable")
        self._n_inside = inside.sum(axis=1)
        self._heights = np.cumsum(weights[self._order], axis=1)
        self.shares = np.where(inside.all(axis=1), 1.0, inside @ weights)

    def draw(self, points: np.ndarray, chances: np.ndarray) -> np.ndarray:
        """Draw neighbours.

        Parameters
        ----------
        points : array (n, M)
            Points of the unit cube, one a neighbour.
        chances : array (M,)
            Probability that a unit is within.

        Returns
        -------
        int array (n, M)
            For each unit, the row of the pool to copy it from; see `table` and `kept`.
        """
        drawn = np.empty(points.shape, dtype=np.int64)
        draw_units(np.ascontiguousarray(points), chances, self._order, self._n_inside,
                   self._heights, drawn)
        return drawn

    def kept(self, drawn: np.ndarray) -> np.ndarray:
        """Return which units of neighbours are within, bool (n, M)."""
        kept = np.empty(drawn.shape, dtype=bool)
        look_up(drawn, self._inside, kept)
        return kept

    def unseen(self, kept: np.ndarray) -> np.ndarray:
        """Return which units could vary, but are within in all neighbours or in none, (M,)."""
        return (kept.all(axis=0) | ~kept.any(axis=0)) & (self.shares < 1.0)

    def table(self, drawn: np.ndarray) -> Table:
        """Build the neighbours."""
        return self._rows.mix([self._positions[drawn[:, u]] for u in range(drawn.shape[1])])

    def levels(
        self, chances: np.ndarray, n: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Number the levels that distinguish neighbours further than within or not.

        Parameters
        ----------
        chances : array (M,)
        n : int
            Neighbours drawn. Levels that are too rare among them count as one.

        Returns
        -------
        of_position : int array (M, P)
            The level of each row of the pool, numbered through all units.
        units, within, shares : arrays (n_levels,)
            The unit of each level, whether it is within, and its share of its part.
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
            # The rare levels of a part share the number after its last frequent one.
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
    """Number the tenths of a column of numbers; other columns are one tenth, missing cells −1."""
    if kind_of(column.dtype) not in MEASURED:
        return np.zeros(len(bins), dtype=np.int64)
    cells = float_column(column)
    known = cells[:n_background]
    known = known[np.isfinite(known)]
    edges = np.unique(np.quantile(known, QUANTILES["decile"])) if known.size else np.zeros(0)
    return np.where(bins < 0, -1, np.searchsorted(edges, cells, side="left"))


def even_points(n: int, n_units: int, rng: np.random.Generator) -> np.ndarray:
    """Draw points that fill the unit cube evenly, (n, M); the first n do not depend on n.

    They are a scrambled Sobol sequence (Owen 1998), or independent if there are more units than the
    sequence has dimensions.
    """
    if n_units > MOST_SOBOL:
        return rng.random((n, n_units))
    size = 1 << (max(n, 2) - 1).bit_length()
    return qmc.Sobol(n_units, rng=rng).random(size)[:n]
