"""Rules found and confirmed on rows that are drawn under them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from xaikit.explainers.anchors.judged import (
    CERTAINTY,
    MOST_COUNTERS,
    NO_BUDGET,
    UNCONFIRMED,
    UNREACHED,
    VERIFIED,
    Judged,
    why,
)
from xaikit.solvers.bounds import share_bounds
from xaikit.solvers.rule_draws import Draws, Positions, Step, search_by_draws
from xaikit.solvers.rule_search import Goal

FIRST_LOOK, LOOKS = 128, 3
"""Fresh rows that a rule is judged by at first, at least; and how often, four times as many each
time."""
SCREENED = 32
"""Rows drawn under each rule that is guessed."""
TRIED = 8
"""Rules that fresh rows are asked to confirm, one after the other."""


class FreshDraws(Draws, Protocol):
    """Draws that can also be made apart from the search."""

    columns: Sequence[int]
    """Column that each predicate is about; of a text or image its unit."""

    def fresh(self, rule: Positions, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draw rows that no search saw: which agree, what is said of them, and what they are."""

    def counters(self, drawn: np.ndarray, most: int) -> tuple[np.ndarray, Any]:
        """Return the places of the drawn rows nearest to the explained one, and these."""


class DrawnRule:
    """The search for the rule of one row, text or image.

    Parameters
    ----------
    draws : FreshDraws
    goal : Goal
    budget : int
        Most model rows.
    named : callable
        Makes a rule of the positions of its predicates.
    covers : callable
        Returns the coverage of a rule, with its interval.
    guesses : sequence of positions
        Rules that may be precise enough; they are tried before any search.
    """

    def __init__(self, draws: FreshDraws, goal: Goal, budget: int, named: Any, covers: Any,
                 guesses: Sequence[Positions] = ()) -> None:
        self.draws, self.goal, self.budget = draws, goal, budget
        self.named, self.covers, self.guesses = named, covers, guesses
        self.first_look = first_look(goal.precision, goal.error)
        self.refused = False
        # About what the last look can confirm: other rules are given up sooner.
        tau, last = goal.precision, self.first_look * 4 ** (LOOKS - 1)
        self.least_share = tau + 2.0 * np.sqrt(tau * (1.0 - tau) / last)

    def rule(self) -> Judged:
        """Return the best rule that is confirmed, or that which comes nearest."""
        tried = list[_Looks]()
        if confirmed := self._confirmed(self._likely(self.guesses[:TRIED]), tried):
            return self._judged(confirmed, VERIFIED)
        # What is tried may depend on what came before: every rule is judged on rows of its own.
        for step in search_by_draws(self.draws, self.goal, self.budget - 2 * self.first_look):
            found = [f.rule for f in step.found if f.rule not in self.guesses]
            if confirmed := self._confirmed(found, tried):
                return self._judged(confirmed, VERIFIED)
        nearest = _Looks(self, self._parts(step.best.rule), self.goal.error)
        if all(step.best.rule != _sorted(one.parts) for one in tried if one.n):
            nearest.look(self.first_look, spare=0)
        nearest = max([nearest, *tried], key=lambda looks: looks.lower)
        return self._judged(nearest, self._stop(step, bool(tried)), step)

    def _likely(self, rules: Sequence[Positions]) -> list[Positions]:
        """Return the rules that seem precise enough by a few rows each."""
        rules = rules[:self.budget // (4 * SCREENED)]
        if not rules:
            return []
        self.draws.ask(rules, SCREENED)
        return [rule for rule in rules if self._seems_precise(rule)]

    def _seems_precise(self, rule: Positions) -> bool:
        n, agree = self.draws.known([rule])
        return bool(n[0] >= SCREENED and agree[0] >= self.least_share * n[0])

    def _confirmed(self, rules: Sequence[Positions], tried: list[_Looks]) -> _Looks | None:
        """Try rules one after the other; return that which fresh rows confirm."""
        for parts, error in self._tried(rules, len(tried)):
            tried.append(_Looks(self, parts, error))
            if tried[-1].confirmed():
                return tried[-1]
        return None

    def _tried(self, rules: Sequence[Positions], before: int
               ) -> Iterator[tuple[list[Positions], float]]:
        """Yield rules with the error at which each is judged: first what of a rule may do."""
        for k, rule in enumerate(rules, before + 1):
            parts = self._parts(rule)
            error = self.goal.error / (k * (k + 1) * max(len(parts), 1))
            for j in range(1, len(parts)):
                if self._seems_precise(_sorted(parts[:j])):
                    yield parts[:j], error
            yield parts, error

    def _parts(self, rule: Positions) -> list[Positions]:
        """Return the predicates of a rule by column: that first which helps most, and so on."""
        rest: dict[int, Positions] = {}
        for p in rule:
            rest[self.draws.columns[p]] = (*rest.get(self.draws.columns[p], ()), p)
        ordered, left = list[Positions](), list(rest.values())
        while left:
            n, k = self.draws.hints([_sorted([*ordered, part]) for part in left])
            ordered.append(left.pop(int(np.argmax(k / np.maximum(n, 1)))))
        return ordered

    def _stop(self, step: Step, tried: bool) -> str:
        if self.goal.precision >= 1.0:
            return CERTAINTY
        if step.out or self.refused:
            return NO_BUDGET
        return UNCONFIRMED if tried else UNREACHED

    def _judged(self, looks: _Looks, stop: str, step: Step | None = None) -> Judged:
        coverage, low, high = self.covers(looks.rule)
        steps = [self.draws.known([_sorted(looks.parts[: j + 1])])
                 for j in range(len(looks.parts))]
        shares = [float(k[0] / n[0]) if n[0] else float("nan") for n, k in steps]
        if shares and looks.n:
            shares[-1] = looks.k / looks.n
        counters, said = looks.counters()
        return Judged(
            self.named(looks.rule), precision=looks.k / looks.n if looks.n else float("nan"),
            precision_lower=looks.lower, precision_upper=looks.upper, coverage=coverage,
            coverage_lower=low, coverage_upper=high, n_checked=looks.n,
            steps=tuple(shares), stop=stop,
            reason=why(stop, self.goal, step.best.n_rows, step.best.lower) if step else "",
            counters=counters, counter_said=said)


class _Looks:
    """Fresh rows under one rule: how many there are, and how many agree."""

    def __init__(self, of: DrawnRule, parts: Sequence[Positions], error: float) -> None:
        self.of, self.parts, self.error = of, list(parts), error
        self.rule: Positions = sum(self.parts, ())
        self.n, self.k, self.lower, self.upper, self.looks = 0, 0, 0.0, 1.0, 0
        self.drawn: list[np.ndarray] = []
        self.said: list[np.ndarray] = []

    def confirmed(self) -> bool:
        """Look up to three times; stop when the rule is confirmed, or is not likely to be."""
        for j in range(LOOKS):
            if not self.look(first_look(self.of.goal.precision, self.error) * 4**j):
                return False
            if self.lower >= self.of.goal.precision:
                return True
            if self.k < self.of.least_share * self.n:
                return False
        return False

    def look(self, n: int, spare: int | None = None) -> bool:
        """Draw until there are `n` rows; return False if the budget does not allow it.

        By default as many rows as a first look takes are spared for the rule that comes nearest.
        """
        draws, more = self.of.draws, n - self.n
        if draws.spent + more + (self.of.first_look if spare is None else spare) > self.of.budget:
            self.of.refused = True
            return False
        agree, said, drawn = draws.fresh(self.rule, more)
        self.n, self.k, self.looks = n, self.k + int(agree.sum()), self.looks + 1
        self.drawn.append(drawn[~agree])
        self.said.append(said[~agree])
        error = 6.0 * self.error / (np.pi * self.looks) ** 2
        lower, upper = share_bounds(self.k, self.n, error)
        self.lower, self.upper = float(lower), float(upper)
        return True

    def counters(self) -> tuple[Any, np.ndarray]:
        """Return the nearest rows that speak against the rule, and what is said of them."""
        if not sum(map(len, self.drawn)):
            return None, np.zeros(0, dtype=object)
        places, rows = self.of.draws.counters(np.concatenate(self.drawn), MOST_COUNTERS)
        return rows, np.concatenate(self.said)[places]


def first_look(precision: float, error: float) -> int:
    """Return the rows that confirm a rule if nearly all of them agree."""
    if precision >= 1.0:
        return FIRST_LOOK
    return max(FIRST_LOOK, int(1.5 * np.log(np.pi**2 / (6.0 * error)) / -np.log(precision)))


def _sorted(parts: Sequence[Positions]) -> Positions:
    """Return the predicates of parts of a rule, by which draws know it."""
    return tuple(sorted(sum(parts, ())))
