"""The conditions that rules are made of, and which rows satisfy each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from xaikit.sampling.bins import Column
from xaikit.tables.conditions import Condition
from xaikit.tables.matching import missing_in
from xaikit.tables.schema import Schema
from xaikit.tables.tables import Table, column_of


@dataclass(frozen=True)
class Predicates:
    """Conditions on single columns: cuts of numbers and times to one side, levels, and gaps.

    Attributes
    ----------
    conditions : tuple of Condition
    schema : Schema
        Whose names the conditions have for columns.
    columns : tuple of Column
        With the edges of the numbers of a background.
    cuts : tuple of (column, edge, above) or None
        For conditions that are one edge of a column of numbers: positions of both, and whether
        cells above the edge satisfy it.
    """

    conditions: tuple[Condition, ...]
    schema: Schema
    columns: tuple[Column, ...]
    cuts: tuple[tuple[int, int, bool] | None, ...]

    def and_also(self, more: Iterable[Condition]) -> Predicates:
        """Return these conditions, followed by more."""
        more = tuple(more)
        return replace(self, conditions=(*self.conditions, *more),
                       cuts=(*self.cuts, *[None] * len(more)))

    def holds(self, table: Table) -> np.ndarray:
        """Return which rows satisfy each condition, bool (n_conditions, n_rows)."""
        frame = self.schema.to_frame(table) if isinstance(table, np.ndarray) else table
        out = np.zeros((len(self.conditions), len(table)), dtype=bool)
        bins: dict[int, np.ndarray] = {}
        for p, (condition, cut) in enumerate(zip(self.conditions, self.cuts, strict=True)):
            if cut is None:
                out[p] = condition.mask(frame)
                continue
            c, edge, above = cut
            if c not in bins:  # all cuts of a column at once, which is much faster
                bins[c] = self.columns[c].bins(column_of(table, c))
            out[p] = bins[c] > edge if above else (bins[c] >= 0) & (bins[c] <= edge)
        return out


def predicates_of(columns: list[Column], schema: Schema, rows: Table) -> Predicates:
    """Return the conditions on the columns of a table that some of its rows satisfy.

    Parameters
    ----------
    columns : list of Column
        With the edges of the numbers of a background.
    schema : Schema
    rows : table
        To be explained: levels are theirs, as no rule for them needs another one.
    """
    found: dict[Condition, tuple[int, int, bool] | None] = {}
    for c, column in enumerate(columns):
        cells = column_of(rows, c)
        gone = missing_in(cells)
        if gone.any():
            found[Condition(column.name, missing="only")] = None
        if gone.all():
            continue
        if column.edges is None:
            found |= {Condition(column.name, levels=(level,)): None
                      for level in _levels(cells[~gone])}
            continue
        for above in (False, True):
            for edge, bound in enumerate(column.bounds()):
                # Times are cut at whole units, which the edges need not be.
                cut = (c, edge, above) if column.dtype is None else None
                found[Condition(column.name, **{"low" if above else "high": bound})] = cut
    return Predicates(tuple(found), schema, tuple(columns), tuple(found.values()))


def _levels(cells: pd.Series) -> list[object]:
    """Return the different cells of a column, in the order of their first row."""
    return list(dict.fromkeys(cells.tolist()))
