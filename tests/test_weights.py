"""Sample weights of importances: against plain loops, repeated rows, scikit-learn, and refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import reference_importance as naive
from sklearn.datasets import load_diabetes, load_iris
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression
from sklearn.metrics import accuracy_score, r2_score
from sklearn.tree import DecisionTreeClassifier

import xaikit as xk
from xaikit.solvers.intervals import bootstrap_means, errors_of_means, means_of

IRIS_X, IRIS_Y = load_iris(return_X_y=True)
FEW = np.arange(0, 150, 3)
WEIGHTS = np.random.default_rng(5).integers(0, 4, 150).astype(float)
TREE = DecisionTreeClassifier(max_depth=3, random_state=0).fit(IRIS_X, IRIS_Y)


def permute(model, X, y=None, weights=None, **settings):
    settings.setdefault("random_state", 0)
    return xk.PermutationImportance(**settings).fit(model).explain(X, y, sample_weight=weights)


def impact(model, X, weights=None, **settings):
    return xk.MeanImpactValue(random_state=0, **settings).fit(model).explain(X, sample_weight=weights)


def curved(X):
    X = np.asarray(X, dtype=float)
    return np.column_stack([X[:, 0] * X[:, 1], np.sin(X[:, 2]) + X[:, 0]])


# --- scores

def test_weighted_drops_and_errors_of_a_classifier_equal_plain_loops():
    X, y, weights = IRIS_X[FEW], IRIS_Y[FEW], WEIGHTS[FEW]
    got = permute(TREE, X, y, weights, n_repeats=3, random_state=2)
    drops, errors = naive.score_drops(accuracy_score, TREE.predict, X, y, 2, 3, weights)
    np.testing.assert_allclose(got.details["repeats"][:, 0], drops, atol=1e-12)
    np.testing.assert_allclose(got.values[:, 0], drops.mean(axis=1), atol=1e-12)
    # Each block's own weights: the weights of the first rows would give other errors.
    np.testing.assert_allclose(got.standard_errors[:, 0], errors, atol=1e-12)
    assert got.settings["score"]["accuracy"] == TREE.score(X, y, sample_weight=weights)


def test_weighted_drops_and_errors_of_a_regressor_equal_plain_loops():
    X, y = load_diabetes(return_X_y=True)
    X, y, weights = X[:60, :3], y[:60], WEIGHTS[:60]
    model = LinearRegression().fit(X, y)
    got = permute(model, X, y, weights, n_repeats=2, random_state=9)
    drops, errors = naive.score_drops(r2_score, model.predict, X, y, 9, 2, weights)
    np.testing.assert_allclose(got.details["repeats"][:, 0], drops, atol=1e-12)
    np.testing.assert_allclose(got.standard_errors[:, 0], errors, atol=1e-12)


def test_weighted_drops_agree_with_scikit_learn():
    X, y, weights = IRIS_X[FEW], IRIS_Y[FEW], WEIGHTS[FEW]
    got = permute(TREE, X, y, weights, n_repeats=10)
    want = permutation_importance(TREE, X, y, scoring="accuracy", n_repeats=10, random_state=0,
                                  sample_weight=weights)
    # Two independent sets of shuffles: 4.5 standard errors of their difference.
    spread = np.sqrt((want.importances_std**2 + got.details["repeats"][:, 0].std(axis=-1) ** 2) / 9)
    assert (np.abs(got.values[:, 0] - want.importances_mean) <= 4.5 * spread + 1e-12).all()


def test_equal_weights_change_nothing():
    for y in (None, IRIS_Y):
        one, two = permute(TREE, IRIS_X, y, n_repeats=2), permute(TREE, IRIS_X, y, np.full(150, 0.3),
                                                                 n_repeats=2)
        np.testing.assert_allclose(two.values, one.values, atol=1e-12)
        np.testing.assert_allclose(two.standard_errors, one.standard_errors, atol=1e-12)
        np.testing.assert_allclose(two.lower, one.lower, atol=1e-12)


def test_a_scorer_of_ones_own_gets_each_rows_weight():
    frame = pd.DataFrame(IRIS_X, columns=list("abcd"), index=[f"r{i}" for i in range(150)])
    weights = pd.Series(np.arange(150.0), index=frame.index)
    seen = []

    def scorer(estimator, X, y, sample_weight):
        np.testing.assert_array_equal(sample_weight, weights[X.index])
        seen.append(len(X))
        return accuracy_score(y, estimator.predict(X), sample_weight=sample_weight)

    model = DecisionTreeClassifier(max_depth=3, random_state=0).fit(frame, IRIS_Y)
    got = permute(model, frame, IRIS_Y, weights[::-1], scoring=scorer, n_repeats=2)
    want = permute(model, frame, IRIS_Y, np.arange(150.0), scoring="accuracy", n_repeats=2)
    np.testing.assert_array_equal(got.values, want.values)
    np.testing.assert_array_equal(got.standard_errors, want.standard_errors)
    assert len(set(seen)) > 2


def no_weights(estimator, X, y):
    return 1.0


@pytest.mark.parametrize(("scoring", "sentence"), [
    (no_weights, "the scorer 'no_weights' takes none: add a parameter sample_weight"),
    ("neg_max_error", "the scorer 'neg_max_error' cannot score these rows: it takes no weights"),
])
def test_scorers_without_weights(scoring, sentence):
    with pytest.raises(ValueError, match=sentence):
        permute(xk.wrap(lambda X: X[:, 0], task="regression"), IRIS_X, IRIS_X[:, 0], WEIGHTS,
                scoring=scoring)


# --- how far the output moves

def test_weighted_changes_and_errors_equal_plain_loops(rng):
    X, weights = rng.normal(size=(23, 3)).round(1), WEIGHTS[:23]
    got = permute(curved, X, weights=weights, n_repeats=4, random_state=5)
    want, moves = naive.weighted_change(curved, X, 5, 4, weights)
    np.testing.assert_allclose(got.values, want, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(got.details["repeats"].mean(axis=-1), want, rtol=1e-12)
    errors = moves.std(axis=1, ddof=1) / 23**0.5
    np.testing.assert_allclose(got.standard_errors, errors, rtol=1e-10, atol=1e-14)
    assert ((got.lower <= got.values) & (got.values <= got.upper)).all()


# --- mean impact

def test_weighted_impacts_and_errors_equal_plain_loops(rng):
    X, weights = rng.normal(size=(20, 3)).round(1), WEIGHTS[:20]
    X[:4, 1] = 0.0  # rows that a relative step does not move
    got = impact(curved, X, weights, sweep=(0.2,))
    for c in range(3):
        effects = np.array(naive.impacts(curved, X, "relative", 0.1, unit=[c]))
        mean = sum(w * e for w, e in zip(weights, effects, strict=True)) / weights.sum()
        np.testing.assert_allclose(got.values[c], mean, atol=1e-14)
        size = sum(w * abs(e) for w, e in zip(weights, effects, strict=True)) / weights.sum()
        np.testing.assert_allclose(got.details["absolute"][c], size, atol=1e-14)
        n = (weights > 0).sum()
        squares = sum((w / weights.sum() * (e - mean)) ** 2 for w, e in zip(weights, effects, strict=True))
        np.testing.assert_allclose(got.standard_errors[c], (n / (n - 1) * squares) ** 0.5, atol=1e-14)
    assert got.details["unmoved"][1, 0] == pytest.approx(
        weights[X[:, 1] == 0].sum() / weights.sum())
    assert ((got.lower <= got.values) & (got.values <= got.upper)).all()


# --- whole weights are repeated rows, 0 a row left out: where no shuffle or step depends on the rows

def repeated(values, rows=slice(None)):
    return np.repeat(values[rows], WEIGHTS[rows].astype(int), axis=0)


def test_whole_weights_are_repeated_rows_of_a_score():
    settings = {"scoring": ["accuracy", "neg_log_loss", "balanced_accuracy", "roc_auc_ovr"],
                "groups": {"all": ["x0", "x1", "x2", "x3"]}, "n_repeats": 1}
    one = permute(TREE, IRIS_X[FEW], IRIS_Y[FEW], WEIGHTS[FEW], **settings)
    two = permute(TREE, repeated(IRIS_X, FEW), repeated(IRIS_Y, FEW), **settings)
    assert one.settings["score"] == pytest.approx(two.settings["score"], abs=1e-12)


@pytest.mark.parametrize("mode", ["relative", "relative_abs"])
def test_whole_weights_are_repeated_rows_of_a_mean_impact(mode):
    X = np.column_stack([IRIS_X[:, :3], IRIS_Y == 1])  # the last column is swapped
    one, two = impact(curved, X, WEIGHTS, mode=mode), impact(curved, repeated(X), mode=mode)
    np.testing.assert_allclose(one.values, two.values, atol=1e-14)
    for name in ("absolute", "share", "unmoved"):
        np.testing.assert_allclose(one.details[name], two.details[name], atol=1e-14)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_a_row_of_weight_0_is_left_out_of_means(scale, rng):
    effects, kept = rng.normal(size=(150, 2)), WEIGHTS > 0
    np.testing.assert_allclose(means_of(effects, scale * WEIGHTS),
                               np.average(effects[kept], axis=0, weights=WEIGHTS[kept]))
    np.testing.assert_allclose(errors_of_means(effects, scale * WEIGHTS),
                               errors_of_means(effects[kept], WEIGHTS[kept]))
    both = [bootstrap_means(e, 50, 0.9, np.random.default_rng(0), scale * w)
            for e, w in ((effects, WEIGHTS), (effects[kept], WEIGHTS[kept]))]
    np.testing.assert_allclose(*both)
    assert np.isnan(errors_of_means(effects, np.eye(150)[0])).all()


def test_errors_of_weighted_means_are_those_of_many_samples(rng):
    weights = rng.exponential(size=(1500, 400))
    effects = weights + rng.normal(size=(1500, 400))  # the mean depends on the weights
    means = [means_of(e, w) for e, w in zip(effects, weights, strict=True)]
    said = [errors_of_means(e, w) for e, w in zip(effects, weights, strict=True)]
    # 1500 samples know their spread to 1.8 %, and a linearised ratio of 400 rows is 3 % low.
    assert np.mean(said) == pytest.approx(np.std(means), rel=0.08)


# --- refusals

@pytest.mark.parametrize("explain", [
    lambda X, w: permute(curved, X, weights=w), lambda X, w: permute(TREE, X, IRIS_Y, w),
    lambda X, w: impact(curved, X, w),
], ids=["change", "score", "impact"])
@pytest.mark.parametrize(("weights", "sentence"), [
    (WEIGHTS[:10], "sample_weight holds 10 weights for 150 rows"), (-WEIGHTS, "of at least 0"),
    (0 * WEIGHTS, "their sum is 0"), (WEIGHTS > 1, "of type bool in row 0"),
])
def test_bad_weights(explain, weights, sentence):
    with pytest.raises(ValueError, match=sentence):
        explain(IRIS_X, weights)


@pytest.mark.parametrize(("weights", "words"), [
    (pd.TimedeltaIndex(["1s"] * 150), "values of timedelta64"), (np.ones(150, "m8[ns]"), "values of timedelta64"),
    ([1] * 149 + [10**400], r"got 10000\d+… of type int in row 149"),
])
def test_weights_that_are_no_numbers_of_a_float(weights, words):
    with pytest.raises(ValueError, match=f"sample_weight must be one finite number.*{words}"):
        permute(DecisionTreeClassifier().fit(IRIS_X, IRIS_Y), IRIS_X, IRIS_Y, weights)
