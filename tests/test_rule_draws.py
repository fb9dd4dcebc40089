"""The search by drawing: on spaces whose rules can all be counted, within its budget."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from xaikit.solvers.rule_draws import search_by_draws
from xaikit.solvers.rule_search import Goal


class Space:
    """Draws subsets of a few units, of which a function says whether they agree."""

    def __init__(self, n_units, agrees, seed=0, first=64):
        self.n_predicates, self.first, self.agrees = n_units, first, agrees
        self.rng, self.counts, self.spent, self.calls = np.random.default_rng(seed), {}, 0, 0

    def precision(self, rule):
        """Return the precision of a rule by counting all subsets that hold it."""
        free = [u for u in range(self.n_predicates) if u not in rule]
        sets = [{*rule, *more} for size in range(len(free) + 1) for more in combinations(free, size)]
        return np.mean([self.agrees(frozenset(s)) for s in sets])

    def known(self, rules):
        found = np.array([self.counts.get(rule, (0, 0)) for rule in rules])
        return found[:, 0], found[:, 1]

    hints = known

    def worth(self, rules):
        return np.array([0.5 ** len(rule) for rule in rules])

    def ask(self, rules, each):
        self.calls += 1
        for rule in rules:
            shown = self.rng.random((each, self.n_predicates)) < 0.5
            shown[:, list(rule)] = True
            k = sum(bool(self.agrees(frozenset(np.flatnonzero(row).tolist()))) for row in shown)
            before = self.counts.get(rule, (0, 0))
            self.counts[rule] = before[0] + each, before[1] + k
            self.spent += each


CASES = {
    "one unit": (lambda s: 2 in s, (2,)),
    "two units": (lambda s: {1, 4} <= s, (1, 4)),
    "either": (lambda s: 0 in s or {2, 3} <= s, (0,)),
    "all agree": (lambda s: True, ()),
    "a majority": (lambda s: len(s) >= 3, (0, 1, 2)),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("seed", range(3))
def test_the_shortest_precise_rule_is_found(name, seed):
    agrees, want = CASES[name]
    goal = Goal(0.95, 0.05, beam=4)
    space = Space(6, agrees, seed)
    every = [r for size in range(7) for r in combinations(range(6), size) if space.precision(r) >= 0.95]
    assert len(want) == min(map(len, every))  # the naive twin: all rules, all subsets
    step = next(step for step in search_by_draws(space, goal, 50_000) if step.found)
    assert len(step.found[0].rule) == len(want)
    assert space.precision(step.found[0].rule) >= 0.95
    if name != "a majority":
        assert step.found[0].rule == want
    assert not step.out


@pytest.mark.parametrize("budget", [0, 10, 64, 300, 1000])
def test_a_budget_is_kept(budget):
    space = Space(8, lambda s: len(s) >= 6)
    steps = list(search_by_draws(space, Goal(0.95, 0.05), budget))
    assert space.spent <= budget
    assert steps[-1].out or steps[-1].found


def test_where_nothing_agrees_nothing_is_found():
    steps = list(search_by_draws(Space(4, lambda s: False), Goal(0.95, 0.05, most=2), 10_000))
    assert len(steps) == 3
    assert all(step.found == [] for step in steps)
    assert steps[-1].best.lower < 0.1


def test_all_rules_of_a_step_are_asked_at_once():
    space = Space(40, lambda s: 7 in s)
    next(step for step in search_by_draws(space, Goal(0.95, 0.05), 10_000) if step.found)
    assert space.calls <= 8
