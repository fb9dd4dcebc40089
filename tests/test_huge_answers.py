"""Answers as large as a number can be: refused, or explained by finite numbers. Never inf."""

import numpy as np
import pytest

import xaikit as xk
from xaikit import ModelError

LARGEST = 1e150
TABLE = np.random.default_rng(0).normal(size=(24, 5))
IMAGES = np.random.default_rng(1).random((1, 6, 6))
SEEDED = {"random_state": 0}


def signs(X):
    return np.where(np.sin(9 * X[:, 0] * X[:, 1]) + X[:, 2] > 0, 1.0, -1.0)


def table(explainer, size):
    return explainer.fit(lambda X: size * signs(X), TABLE).explain(TABLE[:2])


def text(explainer, size):
    model = lambda texts: np.array([size * (-1.0) ** len(t) for t in texts])  # noqa: E731
    return explainer.fit(model, xk.TextMasker()).explain(["one of many words is not too few"])


def image(explainer, size):
    return explainer.fit(lambda X: size * signs(X.reshape(len(X), -1))).explain(IMAGES)


def scored(explainer, size):
    model = xk.wrap(lambda X: size * signs(X), task="regression")
    return explainer.fit(model, TABLE).explain(TABLE, size * TABLE[:, 0])


METHODS = {
    "exact": (table, lambda: xk.KernelSHAP(solver="exact", interactions=True)),
    "wls": (table, lambda: xk.KernelSHAP(solver="wls", budget=24 * 25, **SEEDED)),
    "gp": (table, lambda: xk.KernelSHAP(solver="gp", budget=24 * 25, **SEEDED)),
    "bins": (table, lambda: xk.LIME(budget=300, **SEEDED)),
    "near rows": (table, lambda: xk.LIME(budget=300, discretize=None, kernel_width=2.0, **SEEDED)),
    "occlusion": (table, xk.Occlusion),
    "difference": (table, xk.PredictionDifference),
    "extremal": (table, lambda: xk.ExtremalMask(areas=[0.4])),
    "shuffled": (table, lambda: xk.PermutationImportance(n_repeats=2, **SEEDED)),
    "moved": (table, lambda: xk.MeanImpactValue(mode="sd", n_bootstrap=50, **SEEDED)),
    "scored": (scored, lambda: xk.PermutationImportance(n_repeats=2, **SEEDED)),
    "text": (text, lambda: xk.LIME(budget=200, **SEEDED)),
    "rise": (image, lambda: xk.RISE(budget=40, grid=2, **SEEDED)),
}


@pytest.mark.parametrize("name", METHODS)
def test_differences_that_overflow_are_refused(name):
    explain, made = METHODS[name]
    with pytest.raises(ModelError, match="beyond ±1e\\+150 .* overflow"):
        explain(made(), 1e308)


@pytest.mark.parametrize("name", METHODS)
def test_the_largest_answers_have_finite_contributions_and_errors(name):
    explain, made = METHODS[name]
    e = explain(made(), LARGEST)
    assert np.isfinite(e.values).all()
    numbers = [v for v in vars(e).values() if isinstance(v, np.ndarray)]
    assert not any(np.isinf(array).any() for array in numbers)


@pytest.mark.parametrize("name", ["shuffled", "moved"])
def test_errors_of_tiny_answers_are_as_large_as_they_are(name):
    tiny, plain = (METHODS[name][1]().fit(lambda X, s=s: s * X[:, 0] * X[:, 1]).explain(TABLE)
                   for s in (2.0**-700, 1.0))
    np.testing.assert_allclose(tiny.values * 2.0**700, plain.values, rtol=1e-12)
    np.testing.assert_allclose(tiny.standard_errors * 2.0**700, plain.standard_errors, rtol=1e-12)
    assert plain.standard_errors.max() > 0.01


@pytest.mark.parametrize("name", ["exact", "wls", "gp", "bins", "occlusion", "difference", "text"])
def test_errors_whose_squares_vanish_are_not_known(name):
    explain, made = METHODS[name]
    e, plain = explain(made(), 2.0**-700), explain(made(), 1.0)
    np.testing.assert_allclose(e.values * 2.0**700, plain.values, rtol=1e-7, atol=1e-9)
    assert np.isnan(e.standard_errors).all()
    assert np.isnan(e.base_errors).all()
    assert any("exceeds 1e-140" in warning for warning in e.warnings)
    assert not any("exceeds 1e-140" in warning for warning in plain.warnings)


def test_a_tiny_output_does_not_hide_the_errors_of_another():
    model = lambda X: np.column_stack([signs(X), 2.0**-700 * signs(X)])  # noqa: E731
    e = xk.KernelSHAP(solver="wls", budget=24 * 25, **SEEDED).fit(model, TABLE).explain(TABLE[:2])
    assert np.isfinite(e.standard_errors[..., 0]).all()
    assert np.isnan(e.standard_errors[..., 1]).all()


def test_scores_whose_squares_overflow_are_refused():
    model = xk.wrap(lambda X: LARGEST * signs(X), task="regression")
    explainer = xk.PermutationImportance(scoring="neg_mean_squared_error").fit(model, TABLE)
    with pytest.raises(ValueError, match="a score is not finite, or beyond ±1e\\+150"):
        explainer.explain(TABLE, TABLE[:, 0])
