"""Tests of prediction difference."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit

import xaikit as xk


def model(X):
    X = np.asarray(X, dtype=float)
    return np.stack([X[:, 0] * X[:, 1], X[:, 2]], axis=1)


def naive(X, row, n_neighbours):
    """Gower's distance in all other columns, the nearest first, and the mean over them."""
    span = np.ptp(X, axis=0)
    values = np.zeros((X.shape[1], 2))
    for j in range(X.shape[1]):
        others = [k for k in range(X.shape[1]) if k != j]
        far = sum(np.minimum(np.abs(X[:, k] - row[k]) / span[k], 1.0) for k in others)
        near = np.argsort(far, kind="stable")[:n_neighbours]
        hidden = np.tile(row, (n_neighbours, 1))
        hidden[:, j] = X[near, j]
        values[j] = model(row[None])[0] - model(hidden).mean(axis=0)
    return values


@pytest.mark.parametrize("n_neighbours", [1, 5, 40])
def test_values_agree_with_the_naive_twin(rng, n_neighbours):
    X, rows = rng.normal(size=(40, 3)), rng.normal(size=(5, 3))
    e = xk.PredictionDifference(n_neighbours=n_neighbours).fit(model, X).explain(rows)
    for i, row in enumerate(rows):
        np.testing.assert_allclose(e.values[i], naive(X, row, n_neighbours), rtol=1e-9, atol=1e-12)


def test_with_all_rows_it_is_occlusion(rng):
    X, rows = rng.normal(size=(12, 3)), rng.normal(size=(3, 3))
    e = xk.PredictionDifference(n_neighbours=99).fit(model, X).explain(rows)
    occlusion = xk.Occlusion().fit(model, X).explain(rows)
    np.testing.assert_allclose(e.values, occlusion.values, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(e.standard_errors, occlusion.feature_details["background_errors"],
                               rtol=1e-9, atol=1e-12)


def test_what_goes_together_stays_together(rng):
    # x1 is x0 again: redrawn given x0 it hardly changes.
    x0 = rng.normal(size=300)
    X = np.column_stack([x0, x0 + 0.01 * rng.normal(size=300)])
    row = np.array([[2.0, 2.0]])
    near = xk.PredictionDifference(n_neighbours=5).fit(lambda X: X[:, 1], X).explain(row)
    anyone = xk.Occlusion(max_background=300).fit(lambda X: X[:, 1], X).explain(row)
    assert abs(near.values[0, 1, 0]) < 0.2 < 1.0 < abs(anyone.values[0, 1, 0])


def test_log_odds(rng):
    X, row = rng.random((20, 2)), rng.random((1, 2))
    e = xk.PredictionDifference(link="logit", n_neighbours=20).fit(lambda X: X[:, 0], X).explain(row)
    np.testing.assert_allclose(e.values[0, 0, 0], logit(row[0, 0]) - logit(X[:, 0].mean()))
    np.testing.assert_allclose(e.values[0, 1, 0], 0.0, atol=1e-12)
    np.testing.assert_allclose(e.predictions[0, 0], logit(row[0, 0]))
    p = X[:, 0].mean()
    np.testing.assert_allclose(e.standard_errors[0, 0, 0],
                               X[:, 0].std(ddof=1) / np.sqrt(20) / (p * (1 - p)))


def test_missing_values_and_levels(rng):
    frame = pd.DataFrame({"a": [1.0, np.nan, 3.0, 4.0], "t": ["x", "y", "x", None]})
    e = xk.PredictionDifference(n_neighbours=2).fit(
        lambda X: X["a"].fillna(-1.0).to_numpy(), frame).explain(frame)
    assert np.isfinite(e.values).all()


def test_texts_have_one_stand_in_and_no_error():
    e = xk.PredictionDifference().fit(
        lambda texts: np.array([float(len(t)) for t in texts]), xk.TextMasker()).explain("so good")
    np.testing.assert_array_equal(e.values[0, :, 0], [3.0, 5.0])
    assert np.isnan(e.standard_errors).all()


@pytest.mark.parametrize(("settings", "sentence"), [
    ({"link": "odds"}, "link must be one of 'identity', 'logit', got 'odds'"),
    ({"n_neighbours": 0}, "n_neighbours must be a whole number of at least 1, got 0"),
    ({"n_neighbours": True}, "n_neighbours must be a whole number of at least 1, got True"),
])
def test_bad_settings(rng, settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        xk.PredictionDifference(**settings).fit(model, rng.normal(size=(5, 3)))


def test_log_odds_need_probabilities(rng):
    with pytest.raises(ValueError, match="needs probabilities between 0 and 1"):
        xk.PredictionDifference(link="logit").fit(
            lambda X: 5 * X[:, 0], 1.0 + rng.random((5, 3))).explain(np.ones((1, 3)))


def test_the_link_is_recorded_beside_the_scale_of_the_model(rng):
    X = rng.random((20, 2))
    e = xk.PredictionDifference(link="logit").fit(lambda X: X[:, 0], X).explain(X[:1])
    assert (e.settings["link"], e.settings["scale"]) == ("logit", "log-odds")
