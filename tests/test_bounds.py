"""Bounds on shares: golden numbers, their definitions, and how often they hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from xaikit.solvers.bounds import kl_divergence, kl_lower, kl_upper, share_bounds

SHARES = st.one_of(st.sampled_from([0.0, 1.0, 0.5, 1e-9, 1 - 1e-9]), st.floats(0.0, 1.0))
LEVELS = st.one_of(st.just(0.0), st.floats(1e-12, 1e3))


def naive(p, q):
    """Return kl(p, q) term by term."""
    return sum(a * np.log(a / b) for a, b in ((p, q), (1 - p, 1 - q)) if a > 0)


def test_golden_numbers():
    assert kl_divergence(1.0, 0.25) == pytest.approx(1.3862943611, abs=1e-10)
    assert kl_upper(0.9, 0.05) == pytest.approx(0.9687216037, abs=1e-10)
    assert kl_lower(0.9, 0.05) == pytest.approx(0.7799213989, abs=1e-10)
    assert kl_lower(1.0, 0.05) == pytest.approx(0.9512294245, abs=1e-10)


@pytest.mark.parametrize("level", [1e-6, 1e-3, 0.05, 0.7, 5.0])
@pytest.mark.parametrize("p", [0.0, 1e-4, 0.3, 0.9, 0.9999])
def test_bounds_are_the_roots(p, level):
    def excess(q):
        return naive(p, q) - level

    want = optimize.brentq(excess, p + 1e-15, 1 - 1e-16, xtol=1e-15, rtol=1e-14) \
        if excess(1 - 1e-16) > 0 else 1.0
    assert kl_upper(p, level) == pytest.approx(want, abs=1e-10)
    assert kl_lower(1 - p, level) == pytest.approx(1 - want, abs=1e-10)


@given(SHARES, LEVELS)
def test_bounds_lie_on_their_side_and_are_never_too_narrow(p, level):
    low, high = kl_lower(p, level), kl_upper(p, level)
    assert 0.0 <= low <= p <= high <= 1.0
    for q in (high, low):
        if 0.0 < q < 1.0 and q != p:
            assert kl_divergence(p, q) >= level * (1 - 1e-6) - 1e-12


def test_arrays_are_bounded_cell_by_cell():
    p, level = np.array([[0.0, 0.5, 1.0]]), np.array([[0.1], [0.0]])
    for function in (kl_lower, kl_upper):
        assert function(p, level).tolist() == [[float(function(a, b)) for a in p[0]] for b in level[:, 0]]


@pytest.mark.parametrize(("k", "n"), [(0, 0), (0, 10), (10, 10), (7, 9), (59, 59), (58, 59)])
def test_share_bounds_are_scipys(k, n):
    lower, upper = share_bounds(k, n, 0.05)
    if n == 0:
        assert (lower, upper) == (0.0, 1.0)
        return
    want = stats.binomtest(k, n).proportion_ci(0.9, method="exact")
    assert (lower, upper) == pytest.approx((want.low, want.high), abs=1e-12)


def test_certifying_95_percent_takes_59_rows_without_a_failure():
    assert [bool(share_bounds(n, n, 0.05)[0] >= 0.95) for n in (58, 59)] == [False, True]


@pytest.mark.statistics
@pytest.mark.parametrize("p", [0.5, 0.9, 0.95, 0.99])
def test_share_bounds_hold_as_often_as_they_say(p):
    drawn = np.random.default_rng(0).binomial(200, p, size=20_000)
    lower, upper = share_bounds(drawn, 200, 0.05)
    # Four standard errors of a share of 5 % of 20,000.
    assert (lower > p).mean() <= 0.05 + 0.0062
    assert (upper < p).mean() <= 0.05 + 0.0062
