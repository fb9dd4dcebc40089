"""Bins of a table's columns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeRegressor

from xaikit.sampling.tabular import TabularMasker
from xaikit.tables.conditions import Condition
from xaikit.tables.dtypes import MEASURED, TIMES, kind_of_column
from xaikit.tables.matching import missing_in
from xaikit.tables.numbering import number_values
from xaikit.tables.numeric import beyond_origin, exact_column, float_column, with_times
from xaikit.tables.tables import column_of
from xaikit.tables.wording import digits_apart

QUANTILES = {"quartile": (0.25, 0.5, 0.75), "decile": tuple(np.arange(1, 10) / 10)}
WAYS = (*QUANTILES, "tree")
LEAVES = 4
"""Maximum number of bins into which a tree cuts a column..."""
LEAST_OF_BIN = 0.02
"""...and the minimum share of rows in a bin; with few rows, chance would set a bin's edges."""


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
        bounds = [None, *self.bounds(), None]
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

    def bounds(self) -> list[Any]:
        """Return edges as values of the column: numbers or times; none of a column of levels."""
        edges = np.zeros(0) if self.edges is None else self.edges
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
        # Twelve digits leave out what floats round, as in 30.009999999999998.
        between = kind(origin) + (math.floor(edge) if kind is int else kind(f"{edge:.12g}"))
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
