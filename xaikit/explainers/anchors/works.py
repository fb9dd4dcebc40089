"""The rules of a part of the rows: what goes to workers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from xaikit.explainers.anchors.by_draws import DrawnRule
from xaikit.explainers.anchors.draws import Answers, MaskDraws, TableDraws
from xaikit.explainers.anchors.judged import CERTAINTY, Judged, two_sided
from xaikit.explainers.anchors.meanings import Meaning
from xaikit.explainers.anchors.on_pool import RowSearch
from xaikit.explainers.anchors.pool import Pool
from xaikit.explainers.anchors.predicates import Predicates
from xaikit.explainers.anchors.refine import Cells
from xaikit.explanations.text import plain_names
from xaikit.predictor.adapter import Predictor
from xaikit.predictor.ledger import Ledger
from xaikit.sampling.maskers import Masked, Masker
from xaikit.sampling.tabular import TabularMasker
from xaikit.solvers.rule_draws import Positions
from xaikit.solvers.rule_search import Goal
from xaikit.tables.rules import Rule
from xaikit.tables.shown import Shown
from xaikit.tables.tables import Batch, take_rows


@dataclass(frozen=True)
class Part:
    """Some of the rows to explain.

    Attributes
    ----------
    first : int
        Position of its first row.
    batch : batch
    said : array (n_rows,)
        What the model says of the rows.
    holds : bool array (n_conditions, n_rows)
        Which conditions the rows of a table satisfy.
    """

    first: int
    batch: Batch
    said: np.ndarray
    holds: np.ndarray

    def take(self, rows: np.ndarray) -> Part:
        """Return the rows at some positions."""
        return Part(self.first, take_rows(self.batch, rows), self.said[rows], self.holds[:, rows])


@dataclass(frozen=True)
class PoolWork:
    """Rules of rows as the background has them."""

    pool: Pool
    predicates: Predicates
    near: TabularMasker
    goal: Goal

    def __call__(self, part: Part) -> tuple[list[Judged], Ledger]:
        """Find the rules of a part; the model is asked nothing more."""
        rows = self.near.rows(part.batch, first=part.first)
        cells = Cells(self.predicates.schema, self.pool.search.table, self.pool.check.table,
                      part.batch)
        agree: dict[Any, tuple[np.ndarray, np.ndarray]] = {}
        found = []
        for i, own in enumerate(part.said.tolist()):
            if own not in agree:
                agree = {own: (self.pool.search.agreeing(self.pool.meaning, own),
                               self.pool.check.agreeing(self.pool.meaning, own)), **agree}
            found.append(RowSearch(self.pool, self.predicates, rows[i], cells,
                                   np.flatnonzero(part.holds[:, i]), agree[own], self.goal).rule())
        return found, Ledger()


@dataclass(frozen=True)
class TableDrawsWork:
    """Rules of rows that are composed of background rows."""

    predictor: Predictor
    masker: TabularMasker
    pool: Pool
    predicates: Predicates
    goal: Goal
    budget: int
    seed: int

    def __call__(self, part: Part) -> tuple[list[Judged], Ledger]:
        """Find the rules of a part."""
        predictor = self.predictor.spawn()
        rows, found = self.masker.rows(part.batch, first=part.first), []
        holds = self.predicates.holds(self.masker.background)
        for i in range(len(rows)):
            answers = Answers(predictor, self.pool.meaning, part.said[i], rows.row_bytes)
            draws = TableDraws(rows, i, part.holds[:, i], self.predicates, holds, self.pool,
                               answers, self.seed, self.goal.shorter)
            search = DrawnRule(draws, self.goal, self.budget, partial(self._named, draws),
                               partial(self._covered, draws), draws.guesses(self.goal))
            found.append(search.rule())
        return found, predictor.ledger

    def _named(self, draws: TableDraws, rule: Positions) -> Rule:
        return Rule(tuple(self.predicates.conditions[p]
                          for p in draws.allowed[list(rule)].tolist()))

    def _covered(self, draws: TableDraws, rule: Positions) -> tuple[float, float, float]:
        """Return the coverage of a rule on the rows of the other half, with its interval."""
        check = self.pool.check
        n = len(check)
        k = int(np.bitwise_count(check.where(draws.allowed[list(rule)])).sum())
        return (k / n if n else 0.0, *two_sided(k, n, self.goal.error))


@dataclass(frozen=True)
class ToppedUpWork:
    """Rules of rows as a small background has them; where it is too small, rows are drawn.

    Each of the two is to have half of the error, since either may verify a rule that is wrong.
    """

    of_pool: PoolWork
    of_draws: TableDrawsWork

    def __call__(self, part: Part) -> tuple[list[Judged], Ledger]:
        """Find the rules of a part."""
        found, ledger = self.of_pool(part)
        left = np.array([i for i, one in enumerate(found)
                         if not one.verified and one.stop != CERTAINTY], dtype=np.int64)
        if not len(left):
            return found, ledger
        drawn, ledger = self.of_draws(part.take(left))
        for i, one in zip(left, drawn, strict=True):
            if one.verified or one.precision_lower > found[i].precision_lower:
                found[i] = one
        return found, ledger


@dataclass(frozen=True)
class UnitsWork:
    """Rules of texts and images, about which of their units are shown."""

    predictor: Predictor
    masker: Masker
    meaning: Meaning
    goal: Goal
    budget: int
    seed: int

    def __call__(self, part: Part) -> tuple[list[Judged], Ledger]:
        """Find the rules of a part."""
        predictor = self.predictor.spawn()
        rows, found = self.masker.rows(part.batch, first=part.first), []
        for i in range(len(rows)):
            row = rows[i]
            answers = Answers(predictor, self.meaning, part.said[i], row.row_bytes)
            named = partial(shown, self._names(row), self.masker.kind)
            found.append(DrawnRule(MaskDraws(row, answers, self.seed), self.goal, self.budget,
                                   named, share_of_variants).rule())
        return found, predictor.ledger

    def _names(self, row: Masked) -> tuple[str, ...]:
        """Return what the units of a text or image are called."""
        if self.masker.kind == "image":
            return tuple(f"segment {u}" for u in range(row.n_units))
        return plain_names(str(row.source[0]), row.layout)


def shown(names: tuple[str, ...], kind: str, rule: Positions) -> Shown:
    """Return the rule that some units are shown."""
    return Shown(rule, tuple(names[u] for u in rule), kind)


def share_of_variants(rule: Positions) -> tuple[float, float, float]:
    """Return the share of variants that show the units of a rule, which is known."""
    share = 0.5 ** len(rule)
    return share, share, share
