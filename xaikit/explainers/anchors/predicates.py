"""The conditions that rules are made of, and which rows satisfy each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

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
    """

    conditions: tuple[Condition, ...]
    schema: Schema

    def and_also(self, more: Iterable[Condition]) -> Predicates:
        """Return these conditions, followed by more."""
        return Predicates((*self.conditions, *more), self.schema)

    def holds(self, table: Table) -> np.ndarray:
        """Return which rows satisfy each condition, bool (n_conditions, n_rows)."""
        frame = self.schema.to_frame(table) if isinstance(table, np.ndarray) else table
        out = np.zeros((len(self.conditions), len(table)), dtype=bool)
        for p, condition in enumerate(self.conditions):
            out[p] = condition.mask(frame)
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
    found: list[Condition] = []
    for c, column in enumerate(columns):
        cells = column_of(rows, c)
        gone = missing_in(cells)
        if gone.any():
            found.append(Condition(column.name, missing="only"))
        if gone.all():
            continue
        if column.edges is None:
            found += [Condition(column.name, levels=(level,)) for level in _levels(cells[~gone])]
            continue
        bounds = column.bounds()
        found += [Condition(column.name, high=bound) for bound in bounds]
        found += [Condition(column.name, low=bound) for bound in bounds]
    return Predicates(tuple(dict.fromkeys(found)), schema)


def _levels(cells: pd.Series) -> list[object]:
    """Return the different cells of a column, in the order of their first row."""
    return list(dict.fromkeys(cells.tolist()))
