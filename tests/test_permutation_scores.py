"""Permutation importance of scores: against plain loops and scikit-learn, estimators and functions."""

from __future__ import annotations

import warnings
from functools import cache

import numpy as np
import pandas as pd
import pytest
import reference_importance as naive
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, get_scorer, make_scorer, r2_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

import xaikit as xk
from xaikit.predictor.wrapping import wrap

PROBE_ROWS = 9
IRIS_X, IRIS_Y = load_iris(return_X_y=True)
BINARY = IRIS_Y > 0


def permute(model, X, y=None, **settings):
    settings.setdefault("random_state", 0)
    return xk.PermutationImportance(**settings).fit(model).explain(X, y)


def curved(X):
    X = np.asarray(X, dtype=float)
    return np.column_stack([X[:, 0] * X[:, 1], np.sin(X[:, 2]) + X[:, 0]])


# --- what scores lose

@pytest.mark.parametrize(("scoring", "score", "method"), [
    ("accuracy", accuracy_score, "predict"),
    (None, accuracy_score, "predict"),
])
def test_drops_and_errors_of_a_classifier_equal_plain_loops(scoring, score, method):
    rows = np.arange(0, 150, 3)
    X, y = IRIS_X[rows], np.array(["a", "b", "c"])[IRIS_Y[rows]]
    model = LogisticRegression(max_iter=500).fit(IRIS_X, np.array(["a", "b", "c"])[IRIS_Y])
    got = permute(model, X, y, scoring=scoring, n_repeats=3, random_state=2)
    drops, errors = naive.score_drops(score, model.predict, X, y, 2, 3)
    np.testing.assert_allclose(got.details["repeats"][:, 0], drops, atol=1e-12)
    np.testing.assert_allclose(got.values[:, 0], drops.mean(axis=1), atol=1e-12)
    np.testing.assert_allclose(got.standard_errors[:, 0], errors, atol=1e-12)
    assert got.output_names == ("accuracy",)
    assert got.settings["score"] == {"accuracy": pytest.approx(model.score(X, y))}


@pytest.mark.parametrize("model", [LinearRegression(), RandomForestRegressor(8, random_state=0)])
def test_drops_and_errors_of_a_regressor_equal_plain_loops(model):
    X, y = load_diabetes(return_X_y=True)
    X, y = X[:60, :4], y[:60]
    model.fit(X, y)
    got = permute(model, X, y, n_repeats=2, random_state=9)
    drops, errors = naive.score_drops(r2_score, model.predict, X, y, 9, 2)
    np.testing.assert_allclose(got.values[:, 0], drops.mean(axis=1), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(got.standard_errors[:, 0], errors, rtol=1e-9, atol=1e-12)
    assert got.output_names == ("r2",)
    # Student's t with 9 degrees of freedom: 2.262157.
    np.testing.assert_allclose(got.upper - got.values, 2.2621571628 * got.standard_errors,
                               rtol=1e-9)
    np.testing.assert_allclose(got.values - got.lower, got.upper - got.values, rtol=1e-9)


CASES = [
    pytest.param(LogisticRegression(max_iter=5000), load_breast_cancer, "accuracy", id="logistic"),
    pytest.param(make_pipeline(StandardScaler(), SVC()), load_iris, "accuracy", id="svc"),
    pytest.param(KNeighborsClassifier(3), load_iris, "accuracy", id="neighbours"),
    pytest.param(Ridge(), load_diabetes, "r2", id="ridge"),
    pytest.param(RandomForestRegressor(10, random_state=0), load_diabetes, "r2", id="forest"),
    pytest.param(DecisionTreeClassifier(max_depth=3), load_breast_cancer, "roc_auc", id="tree"),
]


@pytest.mark.parametrize(("model", "load", "scoring"), CASES)
def test_agrees_with_scikit_learn(model, load, scoring):
    X, y = load(return_X_y=True)
    chosen = np.random.default_rng(0).permutation(len(X))[:150]
    X, y = X[chosen, :4], y[chosen]
    model.fit(X, y)
    n_repeats = 10
    got = permute(model, X, y, scoring=scoring, n_repeats=n_repeats)
    want = permutation_importance(model, X, y, scoring=scoring, n_repeats=n_repeats,
                                  random_state=0, n_jobs=1)
    # Two independent sets of shuffles: 4.5 standard errors of their difference, four features.
    spread = np.sqrt((want.importances_std**2
                      + got.details["repeats"][:, 0].std(axis=-1) ** 2) / (n_repeats - 1))
    difference = np.abs(got.values[:, 0] - want.importances_mean)
    assert (difference <= 4.5 * spread + 1e-12).all()
    assert got.settings["score"][scoring] == pytest.approx(get_scorer(scoring)(model, X, y))


def test_several_scorers_share_shuffles():
    model = LogisticRegression(max_iter=500).fit(IRIS_X, BINARY)
    names = ["accuracy", "roc_auc", "neg_log_loss", "balanced_accuracy"]
    got = permute(model, IRIS_X, BINARY, scoring=names, n_repeats=2)
    assert got.output_names == tuple(names)
    for k, name in enumerate(names):
        alone = permute(model, IRIS_X, BINARY, scoring=name, n_repeats=2)
        np.testing.assert_allclose(got.values[:, k], alone.values[:, 0], rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(got.standard_errors[:, k], alone.standard_errors[:, 0],
                                   rtol=1e-12, atol=1e-15)


def test_a_scorer_may_look_at_the_table():
    frame = pd.DataFrame(IRIS_X, columns=["a", "b", "c", "d"])
    model = LogisticRegression(max_iter=500).fit(frame, BINARY)
    lengths = set()

    def weighted(estimator, X, y):
        assert list(X.columns) == ["a", "b", "c", "d"]
        lengths.add(len(X))
        return accuracy_score(y, estimator.predict(X), sample_weight=X["a"] > 5.5)

    got = permute(model, frame, BINARY, scoring=weighted, n_repeats=2)
    assert got.output_names == ("weighted",)
    # All rows, and all but a block of 15 and those that were given its values.
    assert max(lengths) == 150
    assert 120 <= min(lengths) < 135
    weight = frame["a"] > 5.5
    base = accuracy_score(BINARY, model.predict(frame), sample_weight=weight)
    assert got.settings["score"]["weighted"] == pytest.approx(base)
    for c, name in enumerate(frame.columns):
        drops = []
        for order in naive.sources(0, c, 2, frame, BINARY):
            shuffled = frame.copy()
            shuffled[name] = frame[name].to_numpy()[order]
            drops.append(base - accuracy_score(BINARY, model.predict(shuffled),
                                               sample_weight=shuffled["a"] > 5.5))
        assert got.values[c, 0] == pytest.approx(np.mean(drops), abs=1e-12)


def test_a_scorer_may_ask_about_rows_of_its_own():
    model = LogisticRegression(max_iter=500).fit(IRIS_X, BINARY)

    def of_some(estimator, X, y):
        return accuracy_score(y[:40], estimator.predict(X[:40]))

    got = permute(model, IRIS_X, BINARY, scoring=of_some, n_repeats=1)
    assert got.settings["score"]["of_some"] == model.score(IRIS_X[:40], BINARY[:40])


def test_a_scorer_made_by_scikit_learn():
    model = LogisticRegression(max_iter=500).fit(IRIS_X, BINARY)
    got = permute(model, IRIS_X, BINARY, scoring=make_scorer(accuracy_score), n_repeats=2)
    want = permute(model, IRIS_X, BINARY, scoring="accuracy", n_repeats=2)
    np.testing.assert_array_equal(got.values, want.values)


@pytest.mark.parametrize("model", [LinearSVC(), SVC()])
def test_models_with_a_decision_function_only(model):
    labels = np.where(BINARY, "yes", "no")
    model.fit(IRIS_X, labels)
    got = permute(model, IRIS_X, labels, scoring=["roc_auc", "accuracy"], n_repeats=2)
    assert got.settings["score"]["roc_auc"] == get_scorer("roc_auc")(model, IRIS_X, labels)
    assert got.settings["score"]["accuracy"] == model.score(IRIS_X, labels)
    with pytest.raises(Exception, match="predict_proba|probab"):
        permute(model, IRIS_X, labels, scoring="neg_log_loss")


# --- models that are functions

LOGISTIC = LogisticRegression(max_iter=500).fit(IRIS_X, BINARY)
MULTI = LogisticRegression(max_iter=500).fit(IRIS_X, IRIS_Y)
FEW = slice(None, None, 3)
LABELS = [BINARY, BINARY.astype(int), np.where(BINARY, "yes", "no"), np.where(BINARY, 7, -3)]


@cache
def as_the_estimator():
    return permute(LOGISTIC, IRIS_X[FEW], BINARY[FEW], scoring=["accuracy", "roc_auc"],
                   n_repeats=1)


@pytest.mark.parametrize("y", LABELS, ids=["bool", "int", "text", "other ints"])
@pytest.mark.parametrize(("model", "output"), [
    (LOGISTIC.predict_proba, None),
    (lambda X: LOGISTIC.predict_proba(X), None),
    (lambda X: LOGISTIC.predict_proba(X)[:, 1], None),
    (lambda X: LOGISTIC.predict_proba(X)[:, [1]], "proba"),
    (lambda X: LOGISTIC.decision_function(X), "logits"),
    (lambda X: LOGISTIC.decision_function(X), "decision"),
    (lambda X: np.outer(LOGISTIC.decision_function(X), [-0.5, 0.5]), "logits"),
], ids=["bound", "two", "one", "one column", "logits", "decision", "two logits"])
def test_binary_functions_score_as_their_estimator(model, output, y):
    if getattr(model, "__self__", None) is not None:
        y = BINARY  # the estimator knows its own labels
    got = permute(wrap(model, task="classification", output=output), IRIS_X[FEW], y[FEW],
                  scoring=["accuracy", "roc_auc"], n_repeats=1)
    want = as_the_estimator()
    np.testing.assert_allclose(got.values, want.values, atol=1e-12)
    assert got.settings["score"] == pytest.approx(want.settings["score"])


@pytest.mark.parametrize(("model", "output", "scoring"), [
    (MULTI.predict_proba, None, ["accuracy", "neg_log_loss"]),
    (lambda X: MULTI.predict_proba(X), None, ["accuracy", "neg_log_loss"]),
    (lambda X: MULTI.decision_function(X), "logits", ["accuracy"]),
])
def test_functions_of_several_classes(model, output, scoring):
    got = permute(wrap(model, task="classification", output=output), IRIS_X, IRIS_Y,
                  scoring=scoring, n_repeats=2)
    want = permute(MULTI, IRIS_X, IRIS_Y, scoring=scoring, n_repeats=2)
    np.testing.assert_allclose(got.values, want.values, atol=1e-12)


def test_a_regression_function_has_r2_by_default():
    X, y = load_diabetes(return_X_y=True)
    model = LinearRegression().fit(X, y)
    got = permute(wrap(lambda X: model.predict(X), task="regression"), X, y, n_repeats=2)
    want = permute(model, X, y, n_repeats=2)
    assert got.output_names == ("r2",)
    np.testing.assert_array_equal(got.values, want.values)
    scored = permute(lambda X: model.predict(X), X, y, n_repeats=2, scoring="r2")
    np.testing.assert_array_equal(scored.values, want.values)


def test_regressors_of_several_targets():
    X, y = load_diabetes(return_X_y=True)
    Y = np.column_stack([y, y**0.5])
    model = LinearRegression().fit(X, Y)
    got = permute(model, X, Y, n_repeats=2)
    assert got.settings["score"]["r2"] == pytest.approx(model.score(X, Y))
    assert np.isfinite(got.standard_errors).all()


def test_outputs_that_do_not_fit_the_classes_are_an_error():
    with pytest.raises(ValueError, match="3 outputs, which do not fit the 2 classes"):
        permute(wrap(lambda X: MULTI.predict_proba(X), task="classification"), IRIS_X, BINARY)


def test_answers_that_are_labels_are_read_as_labels():
    labels = np.where(BINARY, 2, 1)
    perfect = wrap(lambda X: np.where(X[:, 0] > 5.8, 2, 1), task="classification")
    truth = np.where(IRIS_X[:, 0] > 5.8, 2, 1)
    e = permute(perfect, IRIS_X, truth)
    assert e.settings["score"] == {"accuracy": 1.0}
    assert e.values[0, 0] > 0.3
    with pytest.raises(ValueError, match="not probabilities.*output='logits'"):
        permute(wrap(lambda X: X[:, 0] - 5.8, task="classification"), IRIS_X, labels)


@pytest.mark.parametrize("max_memory", [1, 2**26])
def test_labels_stay_labels_where_the_changed_rows_all_have_label_one(max_memory):
    X = np.repeat([[0.0, 0.0], [1.0, 1.0]], [20, 40], axis=0)
    y = np.repeat([1, 2], [20, 40])
    # Every row that shuffling changes is labelled 1, which could be taken for a probability of 1.
    model = wrap(lambda X: np.where(X.sum(axis=1) == 2, 2, 1), task="classification")
    got = permute(model, X, y, scoring="balanced_accuracy", n_repeats=4, max_memory=max_memory)
    for unit in range(2):
        changed = [X[order, unit] != X[:, unit] for order in naive.sources(0, unit, 4, X, y)]
        drops = [(rows & (y == 2)).sum() / 40 / 2 for rows in changed]
        np.testing.assert_allclose(got.details["repeats"][unit, 0], drops, atol=1e-12)


def test_one_row_has_an_accuracy_and_no_r2():
    got = permute(MULTI, IRIS_X[:1], IRIS_Y[:1])
    np.testing.assert_array_equal(got.values, 0.0)
    assert np.isnan(got.standard_errors).all()
    assert any("Too few rows" in w for w in got.warnings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns of the score it cannot give
        with pytest.raises(ValueError, match="a score is not finite"):
            permute(wrap(lambda X: X[:, 0], task="regression"), IRIS_X[:1], [1.0])


def test_one_class_has_an_accuracy():
    got = permute(MULTI, IRIS_X[:50], IRIS_Y[:50], n_repeats=3)
    assert got.settings["score"]["accuracy"] == 1.0
    assert np.isfinite(got.values).all()


def test_a_rare_class_has_no_interval_and_says_so():
    y = np.zeros(60, dtype=int)
    y[0] = 1
    got = permute(wrap(lambda X: 1 / (1 + np.exp(-X[:, 0])), task="classification"),
                  IRIS_X[:60] - 5, y, scoring="roc_auc", n_repeats=2)
    assert np.isnan(got.standard_errors).all()
    assert any("class too rare" in w for w in got.warnings)


@pytest.mark.parametrize(("y", "sentence"), [
    (IRIS_Y[:10], "y holds 10 labels for 150 rows of X; pass one label per row"),
    (np.where(np.arange(150) == 3, np.nan, 1.0), "y holds NaN"),
    (np.zeros((2, 150)), "y holds 2 labels for 150 rows"),
    (np.zeros((150, 2, 1)), "y has shape"),
    (1, "y has shape"),
])
def test_labels_that_do_not_fit(y, sentence):
    with pytest.raises(ValueError, match=sentence):
        permute(MULTI, IRIS_X, y)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_missing_text_labels(missing):
    y = pd.Series(np.where(BINARY, "yes", "no"), dtype=object)
    y[3] = missing
    with pytest.raises(ValueError, match="y holds NaN|y holds missing"):
        permute(wrap(lambda X: LOGISTIC.predict_proba(X), task="classification"), IRIS_X, y)


def test_labels_without_a_task():
    with pytest.raises(ValueError, match="task='classification' or 'regression'"):
        permute(lambda X: X[:, 0], IRIS_X, IRIS_Y)


def test_scoring_without_labels():
    with pytest.raises(ValueError, match="scoring was given without y"):
        permute(MULTI, IRIS_X, scoring="accuracy")
