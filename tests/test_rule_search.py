"""The beam search over rules: against every rule there is, and against counting with Python's sets."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xaikit.sampling.coalitions import pack
from xaikit.solvers.bounds import kl_lower
from xaikit.solvers.rule_search import Goal, search_rules

WIDE = Goal(precision=0.8, error=0.1, beam=1000, most=6)


def searched(holds, agrees, goal):
    return search_rules(pack(holds), pack(agrees[None])[0], holds.shape[1], goal)


def counted(holds, agrees, rule):
    """Return the rows that a rule holds for and how many agree, row by row."""
    rows = [i for i in range(holds.shape[1]) if all(holds[p][i] for p in rule)]
    return len(rows), sum(bool(agrees[i]) for i in rows)


def every_rule(holds, agrees, goal):
    """Return coverage of all rules whose bound reaches the goal, by enumeration."""
    reached = {}
    for length in range(goal.most + 1):
        for rule in combinations(range(len(holds)), length):
            n, k = counted(holds, agrees, rule)
            if n and kl_lower(k / n, goal.evidence / n) >= goal.precision:
                reached[rule] = n
    return reached


@st.composite
def spaces(draw):
    n, m = draw(st.integers(1, 150)), draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    holds = rng.random((m, n)) < rng.uniform(0.2, 0.9, (m, 1))
    # Some predicates say something about agreement.
    agrees = rng.random(n) < np.where(holds[0] & holds[-1], draw(st.sampled_from([0.9, 0.97, 1.0])), 0.4)
    return holds, agrees


@given(spaces())
def test_a_wide_beam_finds_the_rule_of_the_largest_coverage(space):
    holds, agrees = space
    found, best = searched(holds, agrees, WIDE)
    want = every_rule(holds, agrees, WIDE)
    assert bool(found) == bool(want)
    if found:
        assert found[0].n_rows == max(want.values())
        assert len(found[0].rule) == min(len(rule) for rule, n in want.items() if n == found[0].n_rows)
        for one in found:  # nothing of a rule can be left out
            assert not any(set(rule) < set(one.rule) for rule in want)
        assert best.lower >= WIDE.precision


@given(spaces(), st.integers(1, 4))
def test_counts_are_those_of_the_rows(space, beam):
    holds, agrees = space
    goal = Goal(precision=0.8, error=0.1, beam=beam, most=6)
    found, best = searched(holds, agrees, goal)
    for one in (*found, best):
        n, k = counted(holds, agrees, one.rule)
        assert (one.n_rows, one.n_agree) == (n, k)
        assert one.lower == pytest.approx(float(kl_lower(k / n, goal.evidence / n)) if n else 0.0)
    assert [f.n_rows for f in found] == sorted((f.n_rows for f in found), reverse=True)
    assert {f.rule for f in found} <= set(every_rule(holds, agrees, goal))


def test_the_empty_rule_is_enough_where_all_agree():
    holds = np.eye(100, dtype=bool)[:3]
    found, best = searched(holds, np.ones(100, dtype=bool), Goal(0.95, 0.05))
    assert found == [best]
    assert (best.rule, best.n_rows, best.n_agree) == ((), 100, 100)


@pytest.mark.parametrize("n", [1, 63, 64, 65, 128, 130])
def test_rows_at_the_ends_of_words_count(n):
    holds = np.zeros((1, n), dtype=bool)
    holds[0, -1] = True
    _, best = searched(holds, holds[0], Goal(0.2, 0.5))
    assert (best.rule, best.n_rows, best.n_agree) == (((0,), 1, 1) if n > 1 else ((), 1, 1))


def test_where_none_agrees_there_is_no_rule():
    found, best = searched(np.ones((2, 50), dtype=bool), np.zeros(50, dtype=bool), Goal(0.9, 0.05))
    assert found == []
    assert best.lower == 0.0


def test_a_rule_needs_the_rows_that_certify_it():
    assert Goal(0.95, 0.05).least == 59
    holds = np.zeros((1, 200), dtype=bool)
    for n, reached in ((58, False), (59, True)):
        holds[0, :n] = True
        found, _ = searched(holds, holds[0], Goal(0.95, 0.05))
        assert bool(found) == reached


def test_shorter_and_more_exact_rules_are_worth_more():
    goal = Goal(precision=0.9, error=0.1, shorter=0.5, exact=0.1)
    n, k, columns = np.array([100, 100, 200, 100]), np.array([100, 90, 200, 95]), np.array([1, 1, 2, 1])
    np.testing.assert_allclose(goal.worth(n, k, columns), [50, 5, 50, 50 * 0.1**0.5])


def test_predicates_on_one_column_count_once():
    rng = np.random.default_rng(0)
    x, y = rng.random((2, 3000))
    agrees = (x > 0.3) & (x < 0.7)
    holds = np.stack([x > 0.3, x < 0.7, y > 0.01])
    goal = Goal(0.9, 0.05, shorter=0.5)
    found, _ = search_rules(pack(holds), pack(agrees[None])[0], 3000, goal, np.array([0, 0, 1]))
    assert found[0].rule == (0, 1)
