"""Rules found and confirmed on rows of a background, without further questions to the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from xaikit.explainers.anchors.judged import (
    CERTAINTY,
    FEW_ROWS,
    MOST_COUNTERS,
    UNCONFIRMED,
    UNREACHED,
    VERIFIED,
    Judged,
    two_sided,
    why,
)
from xaikit.explainers.anchors.pool import Pool
from xaikit.explainers.anchors.predicates import Predicates
from xaikit.explainers.anchors.refine import Cells, Cut
from xaikit.sampling.coalitions import unpack
from xaikit.sampling.tabular import MaskedRow
from xaikit.solvers.bounds import kl_lower, share_bounds
from xaikit.solvers.rule_search import Found, Goal, search_rules
from xaikit.tables.rules import Rule
from xaikit.tables.tables import take_rows

TRIED = 8
"""Rules that fresh rows are asked to confirm, one after the other."""
STRICTER = 5.0
"""The search asks for an error so many times smaller: of many rules that seem precise enough by the
rows that chose them, fresh rows would confirm too few."""
NEARLY = 0.02
"""What conditions may add to the bound of a rule that is not precise enough, and be left out."""
REFINED = 2
"""Times that cuts are added near a row whose coarse cuts make no rule that is precise enough."""


class RowSearch:
    """The search for the rule of one row: its conditions, and the rows that speak for them.

    Parameters
    ----------
    pool : Pool
    predicates : Predicates
    row : MaskedRow
        Beside the rows of `pool.check`.
    cells : Cells
        Of the pool and the part of the rows that this one is of.
    allowed : int array
        Positions of the conditions that the row satisfies.
    agree : pair of uint64 arrays (n_words,)
        Where the rows of each half agree, packed.
    goal : Goal
    """

    def __init__(
        self, pool: Pool, predicates: Predicates, row: MaskedRow, cells: Cells, allowed: np.ndarray,
        agree: tuple[np.ndarray, np.ndarray], goal: Goal,
    ) -> None:
        self.goal, self.row, self.predicates = goal, row, predicates
        self.search, self.check = pool.search, pool.check
        self.agree_search, self.agree_check = agree
        self.allowed, self.cells = allowed, cells
        self.strict = replace(goal, error=goal.error / STRICTER)

    def rule(self) -> Judged:
        """Return the rule of the row: the best that is confirmed, or that which comes nearest."""
        found, best = self._found()
        for _ in range(REFINED):
            if found or len(self.search) < self.goal.least or not self._refine(best):
                break
            found, best = self._found()
        tried = [self._by_column(f.rule) for f in found[:TRIED]]
        for k, parts in enumerate(tried, 1):
            for j in range(min(len(parts), 1), len(parts) + 1):
                error = self.goal.error / (k * (k + 1) * max(len(parts), 1))
                n, agreeing = self.check.counts(sum(parts[:j], ()), self.agree_check)
                if share_bounds(agreeing, n, error)[0] >= self.goal.precision:
                    return self._judged(parts[:j], error, VERIFIED)
        parts = tried[0] if tried else self._shortened(self._by_column(best.rule), best.lower)
        return self._judged(parts, self.goal.error, self._stop(found), best)

    def _shortened(self, parts: list[tuple[int, ...]], lower: float) -> list[tuple[int, ...]]:
        """Return the first conditions of a rule, which make it nearly as precise as all do."""
        for j in range(len(parts)):
            n, k = self.search.counts(sum(parts[:j], ()), self.agree_search)
            if n and kl_lower(k / n, self.strict.evidence / n) >= lower - NEARLY:
                return parts[:j]
        return parts

    def _found(self) -> tuple[list[Found], Found]:
        columns = [self.predicates.conditions[p].column for p in self.allowed]
        numbers = np.unique(np.array(columns, dtype=str), return_inverse=True)[1]
        masks, n = self.search.masks[self.allowed], len(self.search)
        return search_rules(masks, self.agree_search, n, self.strict, numbers, self.goal)

    def _refine(self, best: Found) -> bool:
        """Add the cuts that make the best rule, and what begins it, most precise.

        Returns whether there are new ones.
        """
        parts, known = self._by_column(best.rule), set(self.predicates.conditions)
        new, first = list[Cut](), len(known)
        for prefix in (parts, parts[:1]):  # under fewer conditions, more rows tell where to cut
            where = self.search.where(sum(prefix, ()))
            for cut in self.cells.cuts(self.row.i, where, self.agree_search, self.strict):
                if cut.condition not in known:
                    known.add(cut.condition)
                    new.append(cut)
        if not new:
            return False
        self.predicates = self.predicates.and_also([cut.condition for cut in new])
        self.search = self.search.with_masks([cut.search for cut in new])
        self.check = self.check.with_masks([cut.check for cut in new])
        self.allowed = np.append(self.allowed, np.arange(first, first + len(new)))
        return True

    def _stop(self, found: Sequence[Found]) -> str:
        if found:
            return UNCONFIRMED
        if self.goal.precision >= 1.0:
            return CERTAINTY
        return FEW_ROWS if len(self.search) < self.goal.least else UNREACHED

    def _judged(self, parts: Sequence[tuple[int, ...]], error: float, stop: str,
                best: Found | None = None) -> Judged:
        """Ask the fresh rows about a rule, given by the conditions on each of its columns."""
        half, rule = self.check, sum(parts, ())
        n, k = half.counts(rule, self.agree_check)
        covered = two_sided(n, len(half), self.goal.error)
        counts = [half.counts(sum(parts[: j + 1], ()), self.agree_check)
                  for j in range(len(parts))]
        reason = why(stop, self.goal, best.n_rows, best.lower) if best else ""
        places = self._counters(rule)
        return Judged(
            rule=Rule(tuple(self.predicates.conditions[p] for p in rule)),
            precision=k / n if n else float("nan"),
            precision_lower=float(share_bounds(k, n, error)[0]),
            precision_upper=float(share_bounds(k, n, self.goal.error / 2)[1]),
            coverage=n / len(half) if len(half) else 0.0, coverage_lower=covered[0],
            coverage_upper=covered[1], n_checked=n,
            steps=tuple(b / a if a else float("nan") for a, b in counts), stop=stop, reason=reason,
            distribution="conditional",
            counters=take_rows(half.table, places), counter_said=half.said[places])

    def _counters(self, rule: tuple[int, ...]) -> np.ndarray:
        """Return the places of the fresh rows nearest to the row that speak against a rule."""
        half = self.check
        against = unpack((half.where(rule) & ~self.agree_check)[None], len(half))[0]
        places = np.flatnonzero(against)
        if not len(places):
            return places
        far = self.row.rows.distances(self.row.i, places).mean(axis=1)
        return places[np.argsort(far, kind="stable")[:MOST_COUNTERS]]

    def _by_column(self, found: Sequence[int]) -> list[tuple[int, ...]]:
        """Return the conditions of a rule by column: that first which helps most, and so on."""
        rest: dict[Any, tuple[int, ...]] = {}
        for p in self.allowed[list(found)].tolist():
            column = self.predicates.conditions[p].column
            rest[column] = (*rest.get(column, ()), p)
        ordered = list[tuple[int, ...]]()
        while rest:
            counts = {column: self.search.counts(sum(ordered, ()) + part, self.agree_search)
                      for column, part in rest.items()}
            first = max(counts, key=lambda column: counts[column][1] / max(counts[column][0], 1))
            ordered.append(rest.pop(first))
        return ordered
