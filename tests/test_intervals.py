"""Percentile intervals of means, standard errors, and the jackknife."""

from __future__ import annotations

import numpy as np
import pytest

import xaikit.solvers.intervals as module
from xaikit.solvers.intervals import bootstrap_means, errors_of_means, jackknife


def naive(effects, n_bootstrap, confidence, rng):
    """The same draws, one resample at a time."""
    n = len(effects)
    draws = rng.integers(n, size=(n_bootstrap, n))
    means = [[sum(effects[i][k] for i in draw) / n for k in range(effects.shape[1])]
             for draw in draws]
    tail = (1 - confidence) / 2
    return np.quantile(means, [tail, 1 - tail], axis=0)


@pytest.mark.parametrize(("n", "k", "confidence"), [(2, 1, 0.5), (7, 3, 0.95), (30, 2, 0.8)])
def test_intervals_are_those_of_the_naive_twin(n, k, confidence):
    effects = np.random.default_rng(n).normal(size=(n, k))
    got = bootstrap_means(effects, 200, confidence, np.random.default_rng(1))
    want = naive(effects, 200, confidence, np.random.default_rng(1))
    # The same sums in another order.
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)


def test_blocks_do_not_matter(monkeypatch):
    effects = np.random.default_rng(0).normal(size=(9, 2))
    want = bootstrap_means(effects, 50, 0.9, np.random.default_rng(3))
    monkeypatch.setattr(module, "_CELLS", 20)
    got = bootstrap_means(effects, 50, 0.9, np.random.default_rng(3))
    np.testing.assert_array_equal(got, want)


def test_equal_rows_have_an_interval_of_no_width():
    lower, upper = bootstrap_means(np.full((6, 1), 2.5), 40, 0.95, np.random.default_rng(0))
    assert (lower[0], upper[0]) == (2.5, 2.5)


def test_two_rows_have_three_means():
    # Means of two draws from (0, 1) are 0, ½, 1 with chances ¼, ½, ¼.
    lower, upper = bootstrap_means(np.array([[0.0], [1.0]]), 4000, 0.4, np.random.default_rng(0))
    assert (lower[0], upper[0]) == (0.5, 0.5)
    lower, upper = bootstrap_means(np.array([[0.0], [1.0]]), 4000, 0.6, np.random.default_rng(0))
    assert (lower[0], upper[0]) == (0.0, 1.0)


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_rows_have_no_interval(n):
    lower, upper = bootstrap_means(np.zeros((n, 3)), 10, 0.9, np.random.default_rng(0))
    assert np.isnan(lower).all()
    assert np.isnan(upper).all()
    assert lower.shape == upper.shape == (3,)


def test_intervals_cover_the_mean():
    rng = np.random.default_rng(8)
    effects = rng.exponential(size=(60, 400))  # 400 data sets of 60 rows with mean 1
    lower, upper = bootstrap_means(effects, 400, 0.9, rng)
    covered = np.mean((lower <= 1) & (upper >= 1))
    # A shared resampling ties the sets little; skewed data of 60 rows cover about 88 % at 90 %.
    assert 0.82 < covered < 0.94


def test_the_input_is_left_as_it_was():
    effects = np.arange(6.0).reshape(3, 2)
    bootstrap_means(effects, 5, 0.9, np.random.default_rng(0))
    np.testing.assert_array_equal(effects, np.arange(6.0).reshape(3, 2))


# --- standard errors

@pytest.mark.parametrize("shape", [(5,), (7, 3), (2, 2, 2)])
def test_errors_of_means(shape):
    effects = np.random.default_rng(4).normal(size=shape)
    got = errors_of_means(effects)
    n = shape[0]
    mean = sum(effects) / n
    want = (sum((row - mean) ** 2 for row in effects) / (n - 1) / n) ** 0.5
    np.testing.assert_allclose(got, want, rtol=1e-12)


def test_one_row_has_no_error():
    assert np.isnan(errors_of_means(np.ones((1, 3)))).all()


def test_the_jackknife_of_a_mean_is_its_standard_error():
    x = np.array([1.0, 2.0, 4.0, 9.0, 0.0])
    left_out = np.array([np.delete(x, i).mean() for i in range(5)])
    errors, reach = jackknife(left_out, 0.95)
    # Efron & Tibshirani 1993, equation 11.10: exact for the mean.
    assert errors == pytest.approx(x.std(ddof=1) / 5**0.5, rel=1e-12)
    # Student's t with 4 degrees of freedom: 2.776445.
    assert reach == pytest.approx(2.7764451052 * errors, rel=1e-9)


def test_a_part_that_is_not_known_leaves_no_error():
    errors, reach = jackknife(np.array([[1.0, 2.0, np.nan], [1.0, 1.0, 1.0]]), 0.9)
    np.testing.assert_array_equal(np.isnan(errors), [True, False])
    np.testing.assert_array_equal([errors[1], reach[1]], [0.0, 0.0])
