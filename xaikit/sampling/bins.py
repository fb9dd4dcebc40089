"""Bins of a table's columns, and rows drawn bin by bin: LIME's classic neighbourhood."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import qmc
from sklearn.tree import DecisionTreeRegressor

from xaikit.kernels.levels import draw_units, look_up
from xaikit.sampling.tabular import TabularMasker, TabularRows
from xaikit.tables.conditions import Condition
from xaikit.tables.dtypes import MEASURED, TIMES, kind_of_column
from xaikit.tables.matching import missing_in
from xaikit.tables.numbering import number_rows, number_values
from xaikit.tables.numeric import beyond_origin, exact_column, float_column, with_times
from xaikit.tables.tables import Table, column_of
from xaikit.tables.wording import digits_apart

QUANTILES = {"quartile": (0.25, 0.5, 0.75), "decile": tuple(np.arange(1, 10) / 10)}
WAYS = (*QUANTILES, "tree")
LEAST_OF_LEVEL = 15
"""Minimum expected number of neighbours with a level..."""
LEVEL_SHARE = 1.0
"""...and this many times the number of units, so that levels are few among the neighbours."""
LEAVES = 4
"""Maximum number of bins into which a tree cuts a column..."""
LEAST_OF_BIN = 0.02
"""...and the minimum share of rows in a bin; with few rows, chance would set a bin's edges."""
MOST_SOBOL = 21_201
"""Maximum number of dimensions of a Sobol sequence."""


@dataclass(frozen=True)
class Column:
    """The bins of one column: intervals between edges, or one bin for each level.

    Attributes
    ----------
    name : str
    edges : array or None
        Edges for a column of numbers or times, in its own unit; None for levels. Of Python's
        numbers, like the column's cells, if float64 cannot hold the cells.
    dtype : dtype or None
        Dtype of a column of times; None for other columns.
    """

    name: str
    edges: np.ndarray | None
    dtype: Any = None

    def bins(self, column: pd.Series) -> np.ndarray:
        """Return the bin number of each cell; missing cells are one bin, −1.

        Raises
        ------
        ValueError
            If there are edges, but cells are not all numbers or times.
        """
        missing = missing_in(column)
        if self.edges is None:
            return np.where(missing, -1, number_values(column.array))
        if not missing.all() and kind_of_column(column) not in MEASURED:
            raise ValueError(f"column {self.name!r} holds numbers in the background, but other "
                             "values in the rows to explain; bins are intervals of numbers. Use "
                             "discretize=None, or rows of numbers.")
        column, edges = with_times(column), self.edges
        cells = exact_column(column)
        if self.dtype is not None and column.dtype != self.dtype:
            # Times in a finer unit than the background's: convert the edges to that unit.
            unit = float_column(pd.Series([1]).astype(self.dtype).astype(column.dtype))[0]
            if cells.dtype == object or edges.dtype == object:
                edges = np.array([math.floor(edge) * int(unit) for edge in edges], dtype=object)
            else:
                cells = cells / unit
        if cells.dtype == object or edges.dtype == object:
            # As Python's numbers, which compare exactly.
            cells, edges = cells.astype(object), edges.astype(object)
        places = np.full(len(cells), -1)
        # Python compares no Decimal with NaN.
        places[~missing] = np.searchsorted(edges, cells[~missing], side="left")
        return places

    def condition(self, cell: Any, place: int) -> Condition:
        """Return the condition for the bin of a cell, number `place`.

        Examples
        --------
        >>> Column("age", np.array([28.0, 37.0])).condition(30, 1)
        Condition('age', low=28.0, high=37.0)
        """
        if place < 0:
            return Condition(self.name, missing="only")
        if self.edges is None:
            return Condition(self.name, levels=(cell,))
        bounds = [None, *self._bounds(self.edges), None]
        return Condition(self.name, low=bounds[place], high=bounds[place + 1])

    def words(self, condition: Condition) -> str:
        """Write a bin with enough digits to distinguish the edges; a single bin is just the name.

        Examples
        --------
        >>> age = Column("age", np.array([28.0, 37.0]))
        >>> age.words(age.condition(30, 1))
        '28 < age <= 37'
        """
        if self.edges is None or condition.missing or (self.dtype is not None and len(self.edges)):
            return condition.words()
        return condition.words(digits_apart(self.edges.tolist())) if len(self.edges) else self.name

    def _bounds(self, edges: np.ndarray) -> list[Any]:
        """Return edges as values of the column: numbers or times."""
        if self.dtype is None:
            return edges.tolist()
        # Cells are whole multiples of the unit, so an edge and its floor bound the same cells.
        whole = np.floor(edges).astype(np.int64)
        whole = np.maximum(whole, whole[:1] + np.arange(len(whole)))
        return list(pd.Series(whole).astype(self.dtype))


def columns_of(masker: TabularMasker, way: str, answers: np.ndarray) -> list[Column]:
    """Cut the columns of a background into bins.

    Parameters
    ----------
    masker : TabularMasker
    way : {"quartile", "decile", "tree"}
        ``"tree"`` cuts where a regression tree of the model's answers on the column alone does.
    answers : array (B, n_outputs)
        The model's answers to the background.
    """
    found = []
    for c, name in enumerate(masker.schema.names):
        column = with_times(column_of(masker.background, c))
        kind = kind_of_column(column)
        edges = None
        if kind in MEASURED:
            origin, cells = beyond_origin(column)
            exact = exact_column(column)
            # A tree is fitted to ranks, which infinite cells have too; quantiles would be NaN.
            known = ~np.isnan(cells) if way == "tree" and exact.dtype != object \
                else np.isfinite(cells)
            edges = np.zeros(0)
            if known.any():
                weights = masker.weights[known]
                edges = _tree_edges(cells[known], answers[known], weights) if way == "tree" \
                    else _quantiles(cells[known], QUANTILES[way], weights)
                edges = _like_cells(edges, origin, cells[known], exact[known])
        found.append(Column(name, edges, column.dtype if kind in TIMES else None))
    return found


def _like_cells(edges: np.ndarray, origin: Any, floats: np.ndarray,
                cells: np.ndarray) -> np.ndarray:
    """Return edges beyond an origin as numbers like a column's cells, which are `floats` beyond it.

    The edges part the cells as they part the floats.
    """
    if cells.dtype != object:
        return edges
    below = [max(cells[floats <= edge]) for edge in edges]
    kind: Any = next((type(cell) for cell in cells if isinstance(cell, Decimal | Fraction)), int)
    out = np.empty(len(edges), dtype=object)
    for i, (edge, cell) in enumerate(zip(edges.tolist(), below, strict=True)):
        least = min(cells[floats > edge])
        between = kind(origin) + (math.floor(edge) if kind is int else kind(repr(edge)))
        out[i] = between if cell <= between < least else cell
    # Of two fractions between the same whole numbers, one edge is left.
    return np.unique(out)


def _tree_edges(cells: np.ndarray, answers: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the edges at which a regression tree of the answers cuts a column."""
    # Trees cast to float32, which cannot resolve dates and large numbers, so fit to ranks.
    values, ranks = np.unique(cells, return_inverse=True)
    centred = answers - answers.mean(axis=0)
    centred /= np.abs(centred).max() or 1.0  # squares must not overflow
    # The minimum decrease prevents cuts that explain only rounding errors of equal answers.
    grower = DecisionTreeRegressor(
        max_leaf_nodes=LEAVES, min_samples_leaf=LEAST_OF_BIN, random_state=0,
        min_impurity_decrease=1e-9 * centred.var(axis=0).mean())
    tree = grower.fit(ranks[:, None], centred, sample_weight=weights).tree_
    below = np.sort(tree.threshold[tree.feature >= 0]).astype(np.int64)
    with np.errstate(invalid="ignore"):  # infinity less itself
        middle = values[below] + (values[below + 1] / 2 - values[below] / 2)
    # The midpoint of two adjacent floats may round to the upper one.
    return np.where(middle < values[below + 1], middle, values[below])


def _quantiles(cells: np.ndarray, at: tuple[float, ...], weights: np.ndarray) -> np.ndarray:
    """Return the distinct quantiles of a column that have cells above them."""
    edges = np.quantile(cells, at) if np.ptp(weights) == 0.0 \
        else np.quantile(cells, at, weights=weights, method="inverted_cdf")
    # An edge at the largest value would have no cells above it; use the next smaller value.
    lower = cells[cells < cells.max()]
    if not len(lower):
        return np.zeros(0)
    return np.unique(np.where(edges < cells.max(), edges, lower.max()))


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

    def __getitem__(self, i: int) -> BinnedRow:
        n_background = self.rows.masker.n_background
        here = n_background + i
        positions = np.append(np.arange(n_background), here)
        inside = self.numbers[:, positions] == self.numbers[:, here, None]
        return BinnedRow(self.rows, positions, inside, self.fine[:, positions], self._weights)

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
    """One of `BinnedRows`: for each unit, which rows of the pool lie inside its bin.

    Attributes
    ----------
    shares : array (M,)
        Total weight of the pool's rows inside the bin of each unit, the row itself included.
    positions : int array (P,)
        The pool's rows among the background and all explained rows.
    """

    def __init__(self, rows: TabularRows, positions: np.ndarray, inside: np.ndarray,
                 fine: np.ndarray, weights: np.ndarray) -> None:
        self._rows, self.positions, self._inside, self._fine = rows, positions, inside, fine
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
        return self._rows.mix([self.positions[drawn[:, u]] for u in range(drawn.shape[1])])

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
