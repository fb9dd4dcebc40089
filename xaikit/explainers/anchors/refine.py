"""Cuts of columns near a row, where no rule of the coarse cuts is precise enough."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from xaikit.sampling.coalitions import pack, unpack
from xaikit.solvers.rule_search import Goal
from xaikit.tables.conditions import Condition
from xaikit.tables.dtypes import MEASURED, kind_of_column
from xaikit.tables.numeric import beyond_origin
from xaikit.tables.schema import Schema
from xaikit.tables.tables import Table, column_of, join_cells

MOST_TRIED = 64
"""Places where a column may be cut, evenly spread over its cells."""
MOST_CUTS = 8
"""Cuts that are added at a time, those of the most precise rules."""


class Cut(NamedTuple):
    """A condition on a column of numbers or times, and where it holds.

    Attributes
    ----------
    score : float
        Lower bound on the precision of the rule that it was made for; see `Goal.score`.
    condition : Condition
    search, check : uint64 arrays (n_words,)
        Rows of each half that satisfy it, packed.
    """

    score: float
    condition: Condition
    search: np.ndarray
    check: np.ndarray


class Cells:
    """Columns of numbers and times of both halves of a pool and of the rows to explain, as floats.

    Parameters
    ----------
    schema : Schema
    search, check, rows : tables
    """

    def __init__(self, schema: Schema, search: Table, check: Table, rows: Table) -> None:
        self.n_search, self.n_check = len(search), len(check)
        self.columns: list[tuple[str, pd.Series, np.ndarray]] = []
        for c, name in enumerate(schema.names):
            background = join_cells(column_of(search, c), column_of(check, c))
            column = pd.Series(join_cells(pd.Series(background), column_of(rows, c)))
            if kind_of_column(column) in MEASURED:
                self.columns.append((name, column, beyond_origin(column)[1]))

    def cuts(self, i: int, where: np.ndarray, agree: np.ndarray, goal: Goal) -> list[Cut]:
        """Return the cuts that make a rule most precise, at most one to each side of each column.

        Parameters
        ----------
        i : int
            The explained row.
        where, agree : uint64 arrays (n_words,)
            Rows of the search that the rule holds for, and rows that agree, packed.
        goal : Goal
        """
        n = self.n_search
        inside = np.flatnonzero(unpack(where[None], n)[0])
        agrees, found = unpack(agree[None], n)[0][inside], list[tuple[float, int, int, str]]()
        for c, (_, _, cells) in enumerate(self.columns):
            own, known = cells[n + self.n_check + i], np.isfinite(cells[inside])
            if not np.isfinite(own) or not known.any():
                continue
            rows, says = inside[known], agrees[known]
            for sign, side in ((1.0, "high"), (-1.0, "low")):
                score, at = _best_cut(sign * cells[rows], says, sign * own, goal,
                                      exclusive=sign < 0)
                if at >= 0:
                    found.append((score, c, int(rows[at]), side))
        best = sorted(found, key=lambda cut: -cut[0])[:MOST_CUTS]
        return [self._cut(*cut) for cut in best]

    def _cut(self, score: float, c: int, at: int, side: str) -> Cut:
        name, column, cells = self.columns[c]
        holds = cells <= cells[at] if side == "high" else cells > cells[at]
        condition = Condition(name, **{side: column.iloc[at]})
        n = self.n_search
        search, check = (pack(part[None])[0] for part in (holds[:n], holds[n:n + self.n_check]))
        return Cut(score, condition, search, check)


def _best_cut(
    cells: np.ndarray, agrees: np.ndarray, own: float, goal: Goal, *, exclusive: bool = False
) -> tuple[float, int]:
    """Return the score of the best cut above a row's own cell, and the place of its cell.

    Rows up to the cut stay; with `exclusive`, those before it. Of cuts that reach the goal, the one
    that leaves most rows is best. The place is −1 if no cut leaves out any row.
    """
    order = np.argsort(cells, kind="stable")
    ordered = cells[order]
    # How many rows stay for a cut at each place: all that are equal stay or go together.
    stay = np.searchsorted(ordered, ordered, side="left" if exclusive else "right")
    agreeing = np.concatenate([[0], np.cumsum(agrees[order])])
    allowed = (ordered > own if exclusive else ordered >= own) & (stay < len(cells)) \
        & (stay >= goal.least)
    if not allowed.any():
        return 0.0, -1
    places = np.flatnonzero(allowed)
    if len(places) > MOST_TRIED:
        places = places[np.linspace(0, len(places) - 1, MOST_TRIED).astype(np.int64)]
    n = stay[places]
    score, reach = goal.score(n, agreeing[n]), goal.reached(n, agreeing[n])
    best = int(np.argmax(np.where(reach, n, -1))) if reach.any() else int(np.argmax(score))
    return float(score[best]), int(order[places[best]])
