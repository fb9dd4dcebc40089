"""Rules found by drawing rows under them: a beam search whose precisions KL-LUCB estimates.

Legend: a rule is a set of predicates; drawing n rows under it shows how many agree with the answer
that is explained. KL-LUCB (Kaufmann & Kalyanakrishnan 2013) finds the rules of the highest shares:
it draws more where the intervals of the best and of the others overlap, with evidence
β = ln(K(1 + ln t)/δ) for K rules at step t.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from xaikit.solvers.bounds import kl_lower, kl_upper
from xaikit.solvers.rule_search import Found, Goal, best_of

Positions = tuple[int, ...]
FIRST_BATCH, LARGEST_BATCH = 32, 1024
"""Rows that a rule is drawn at first, and at most, at a step; each step doubles them."""
MOST_STEPS = 2
"""Steps for ranking the rules of one length; those after it would tell nearly equal rules apart."""
RANKING_ERROR = 0.5
"""δ of the ranking, which only chooses the rules that are looked at more closely."""
APART = 0.1
"""ε: intervals may overlap by so much."""
COMPARED = 2
"""Rules of each length that are drawn, as a multiple of the beam: the others look worse."""


class Draws(Protocol):
    """Rows drawn under rules, and whether the model says the same for them."""

    n_predicates: int
    first: int
    """Rows that the empty rule is drawn at first."""

    @property
    def spent(self) -> int:
        """Model rows asked so far."""

    def known(self, rules: Sequence[Positions]) -> tuple[np.ndarray, np.ndarray]:
        """Return how many drawn rows speak for each rule, and how many of them agree."""

    def hints(self, rules: Sequence[Positions]) -> tuple[np.ndarray, np.ndarray]:
        """Return the same for rows that may come from elsewhere, and only order the rules."""

    def worth(self, rules: Sequence[Positions]) -> np.ndarray:
        """Return what each rule is worth, once it is precise: its coverage, and how short it is."""

    def ask(self, rules: Sequence[Positions], each: int) -> None:
        """Draw rows under each rule, and ask the model about all of them at once."""


@dataclass(frozen=True)
class Step:
    """What a search knows once it has looked at the rules of one more length.

    Attributes
    ----------
    found : list of Found
        Rules of this length whose bound reaches the goal, those that are worth most first.
    best : Found
        The rule of the highest bound so far.
    out : bool
        Whether the budget ended the search.
    """

    found: list[Found]
    best: Found
    out: bool


def search_by_draws(draws: Draws, goal: Goal, budget: int) -> Iterator[Step]:
    """Look for rules whose precision reaches the goal, the shortest first.

    Whoever is content with what a step found need not ask for another. Rules that were found are
    extended like others: they may turn out to be less precise than they seemed.

    Parameters
    ----------
    draws : Draws
    goal : Goal
    budget : int
        Most model rows.
    """
    budgeted = _Budgeted(draws, budget)
    budgeted.ask([()], draws.first)
    found, best = _settled(budgeted, [()], goal)
    yield Step(found, best, budgeted.out)
    beam: list[Positions] = [()]
    for _ in range(goal.most):
        rules = _longer(draws, beam)
        if not rules or budgeted.out:
            break
        beam = _top(budgeted, rules, goal)
        found, nearest = _settled(budgeted, beam, goal)
        best = max(best, nearest, key=lambda f: f.lower)
        worth = dict(zip(beam, draws.worth(beam), strict=True))
        found.sort(key=lambda f: (-worth[f.rule], -f.lower, f.rule))
        yield Step(found, best, budgeted.out)


class _Budgeted:
    """Draws until a budget is spent."""

    def __init__(self, draws: Draws, budget: int) -> None:
        self.draws, self.budget, self.out = draws, budget, False

    def ask(self, rules: Sequence[Positions], each: int) -> bool:
        """Draw as many rows as the budget allows; return False if it allows none."""
        each = min(each, (self.budget - self.draws.spent) // max(len(rules), 1))
        if each < 1:
            self.out = True
            return False
        self.draws.ask(rules, each)
        return True


def _longer(draws: Draws, beam: Sequence[Positions]) -> list[Positions]:
    """Return the rules with one predicate more, as far as they are worth anything."""
    rules = list(dict.fromkeys(tuple(sorted((*rule, p))) for rule in beam
                               for p in range(draws.n_predicates) if p not in rule))
    worth = draws.worth(rules) if rules else ()
    return [rule for rule, value in zip(rules, worth, strict=True) if value > 0.0]


def _counted(draws: Draws, rules: Sequence[Positions], goal: Goal) -> list[Found]:
    """Return what is known of rules."""
    n, k = draws.known(rules)
    return [Found(rule, int(a), int(b), float(c))
            for rule, a, b, c in zip(rules, n, k, goal.lower(n, k), strict=True)]


def _top(budgeted: _Budgeted, rules: Sequence[Positions], goal: Goal) -> list[Positions]:
    """Return the rules of the highest precision, as many as the beam holds."""
    draws = budgeted.draws
    n, k = draws.hints(rules)
    hinted = best_of(np.maximum(n, 1), k, goal.score(n, k), COMPARED * goal.beam)
    rules = [rules[i] for i in hinted]
    batch = FIRST_BATCH
    for step in range(1, MOST_STEPS + 1):
        n, k = draws.known(rules)
        shares = k / np.maximum(n, 1)
        evidence = np.log(len(rules) * (1.0 + np.log(step)) / RANKING_ERROR)
        lower = np.where(n, kl_lower(shares, evidence / np.maximum(n, 1)), 0.0)
        upper = np.where(n, kl_upper(shares, evidence / np.maximum(n, 1)), 1.0)
        order = np.argsort(-np.where(n, shares, 0.5), kind="stable")
        top, rest = order[:goal.beam], order[goal.beam:]
        unsure = [*top[lower[top] < upper[rest].max(initial=0.0) - APART],
                  *rest[upper[rest] > lower[top].min() + APART]]
        # Rules that nothing is known of are drawn in any case.
        unsure = list(dict.fromkeys([*np.flatnonzero(n == 0), *unsure]))
        if not unsure or not budgeted.ask([rules[i] for i in unsure], batch):
            break
        batch = min(2 * batch, LARGEST_BATCH)
    n, k = draws.known(rules)
    order = np.argsort(-k / np.maximum(n, 1), kind="stable")[:goal.beam]
    return [rules[i] for i in order]


def _settled(budgeted: _Budgeted, rules: Sequence[Positions], goal: Goal
             ) -> tuple[list[Found], Found]:
    """Draw under precise rules until their bounds reach the goal or cannot; return those that do.

    Also the rule of the highest bound.
    """
    batch = FIRST_BATCH
    while True:
        counted = _counted(budgeted.draws, rules, goal)
        undecided = [f.rule for f in counted if f.lower < goal.precision
                     and f.n_agree >= goal.precision * max(f.n_rows, 1)]
        if not undecided or batch > LARGEST_BATCH or not budgeted.ask(undecided, batch):
            break
        batch *= 2
    return ([f for f in counted if f.lower >= goal.precision], max(counted, key=lambda f: f.lower))
