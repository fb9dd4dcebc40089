"""Permutation importance: against plain loops, against scikit-learn, and what it asks."""

from __future__ import annotations

import warnings
from functools import cache

import numpy as np
import pandas as pd
import pytest
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
from xaikit.errors import ModelError
from xaikit.predictor.wrapping import wrap
from xaikit.sampling.seeds import stream

PROBE_ROWS = 7
IRIS_X, IRIS_Y = load_iris(return_X_y=True)
BINARY = IRIS_Y > 0


def permute(model, X, y=None, **settings):
    settings.setdefault("random_state", 0)
    return xk.PermutationImportance(**settings).fit(model).explain(X, y)


def curved(X):
    X = np.asarray(X, dtype=float)
    return np.column_stack([X[:, 0] * X[:, 1], np.sin(X[:, 2]) + X[:, 0]])


def sources(seed, unit, n_repeats, n):
    return [stream(seed, "permutation", unit, r).permutation(n) for r in range(n_repeats)]


def naive_change(f, X, units, seed, n_repeats):
    """Mean |f(shuffled) − f|, one row at a time."""
    values, by_row = [], []
    base = f(X)
    for u, columns in enumerate(units):
        rows = np.zeros((len(X), base.shape[1]))
        for order in sources(seed, u, n_repeats, len(X)):
            for i, source in enumerate(order):
                row = X[i : i + 1].copy()
                for c in columns:
                    row[0, c] = X[source, c]
                change = np.abs(f(row)[0] - base[i]) / n_repeats
                # A row takes part as the taker of a value and as the giver of its own.
                rows[i] += change
                rows[source] += change
        values.append(rows.mean(axis=0) / 2)
        by_row.append(rows)
    return np.array(values), np.array(by_row)


def naive_blocks(n, seed):
    """Deal rows out at random."""
    return np.array([place % min(10, n // 2) for place in stream(seed, "blocks").permutation(n)])


def naive_scores(score, predict, X, y, seed, n_repeats):
    """Mean drop of a score for every column, and its jackknife error over blocks."""
    blocks, n = naive_blocks(len(y), seed), len(X)
    drops, errors, base = [], [], predict(X)
    for c in range(X.shape[1]):
        repeats, left_out = [], []
        for order in sources(seed, c, n_repeats, n):
            shuffled = X.copy()
            shuffled[:, c] = X[order, c]
            answers = predict(shuffled)
            repeats.append(score(y, base) - score(y, answers))
            left_out.append([])
            for b in range(blocks.max() + 1):
                kept = blocks != b
                # With a block's rows go those that were given their values.
                both = kept & (blocks[order] != b)
                left_out[-1].append(score(y[both], base[both]) - score(y[both], answers[both]))
        drops.append(repeats)
        parts = [sum(p) / n_repeats for p in zip(*left_out, strict=True)]
        mean, n_blocks = sum(parts) / len(parts), len(parts)
        errors.append(((n_blocks - 1) / n_blocks * sum((p - mean) ** 2 for p in parts)) ** 0.5)
    return np.array(drops), np.array(errors)


# --- how far the output moves

@pytest.mark.parametrize(("groups", "units"), [
    (None, [[0], [1], [2]]),
    ({"pair": ["x0", "x2"]}, [[0, 2], [1]]),
])
@pytest.mark.parametrize("n_repeats", [1, 4])
def test_change_equals_plain_loops(groups, units, n_repeats, rng):
    X = rng.normal(size=(23, 3)).round(1)
    got = permute(curved, X, groups=groups, n_repeats=n_repeats, random_state=5)
    want, by_row = naive_change(curved, X, units, 5, n_repeats)
    # Equal answers, averaged in another order.
    np.testing.assert_allclose(got.values, want, rtol=1e-12, atol=1e-14)
    errors = by_row.std(axis=1, ddof=1) / 23**0.5
    np.testing.assert_allclose(got.standard_errors, errors, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(got.details["repeats"].mean(axis=-1), want, rtol=1e-12)
    assert got.details["repeats"].shape == (len(units), 2, n_repeats)
    assert (got.lower <= got.values).all()
    assert (got.values <= got.upper).all()
    assert got.output_names == ("output 0", "output 1")


def test_change_in_a_mixed_frame_keeps_dtypes(counting):
    frame = pd.DataFrame({
        "i": np.arange(12), "c": pd.Categorical(list("abc") * 4, categories=list("abcd")),
        "n": pd.array([1, None, 3] * 4, dtype="Int64"), "t": list("xy") * 6,
    })
    model = counting(lambda t: t["i"] * (t["c"].astype(object) == "a") + t["n"].fillna(0).astype(float))
    before = frame.copy(deep=True)
    got = permute(model, frame, n_repeats=3)
    for batch in model.batches:
        assert list(batch.dtypes) == list(frame.dtypes)
        assert list(batch["c"].cat.categories) == list("abcd")
    pd.testing.assert_frame_equal(frame, before)
    assert (got.values[:3, 0] > 0).all()
    assert got.values[3, 0] == 0.0


def test_only_chosen_outputs_are_followed(rng):
    X = rng.normal(size=(20, 3))
    both, one = permute(curved, X), permute(curved, X, outputs="output 1")
    np.testing.assert_array_equal(one.values, both.values[:, 1:])


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
    drops, errors = naive_scores(score, model.predict, X, y, 2, 3)
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
    drops, errors = naive_scores(r2_score, model.predict, X, y, 9, 2)
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
    X, y = X[chosen, :6], y[chosen]
    model.fit(X, y)
    n_repeats = 10
    got = permute(model, X, y, scoring=scoring, n_repeats=n_repeats)
    want = permutation_importance(model, X, y, scoring=scoring, n_repeats=n_repeats,
                                  random_state=0, n_jobs=1)
    # Two independent sets of shuffles: 4.5 standard errors of their difference, six features.
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
        for order in sources(0, c, 2, 150):
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


# --- what the model is asked

def test_a_binary_column_costs_at_most_a_row_each(counting):
    X = np.column_stack([np.arange(30) % 2, np.full(30, 4), np.arange(30)]).astype(float)
    model = counting(lambda X: X.sum(axis=1))
    got = permute(model, X[:, :2], n_repeats=25)
    # Every row with the other value, once, beside the rows as they are; a constant costs nothing.
    assert model.n_rows <= 30 + 30 + PROBE_ROWS
    assert got.cost.model_rows == model.n_rows
    assert got.cost.questions >= 2 * 25 * 30
    assert got.values[1, 0] == 0.0


def test_each_different_row_is_asked_once(counting):
    # Three columns that tell rows apart, so that no two shuffles make equal rows.
    ids = np.arange(40)
    X = np.column_stack([ids % 3, ids, ids + 100, ids + 200]).astype(float)
    model = counting(lambda X: X.sum(axis=1))
    got = permute(model, X, n_repeats=8)
    asked = model.rows[PROBE_ROWS:]
    assert len(asked) == len(set(asked))
    want = {tuple(row) for row in X.tolist()}
    for unit in range(4):
        for order in sources(0, unit, 8, 40):
            shuffled = X.copy()
            shuffled[:, unit] = X[order, unit]
            want |= {tuple(row) for row in shuffled.tolist()}
    assert set(asked) == want
    assert got.cost.model_rows == len(want) + PROBE_ROWS


def test_scores_ask_each_different_row_once_for_each_method(counting):
    X = np.column_stack([np.arange(40) % 2, np.arange(40) % 5]).astype(float)
    y = X[:, 0] > 0
    model = counting(lambda X: X[:, 0] * 0.9)
    got = permute(wrap(model, task="classification"), X, y, scoring=["accuracy", "roc_auc"],
                  n_repeats=6)
    # Two methods, each 40 rows as they are, 40 with the other value, 4·40 with other fifths.
    assert model.n_rows <= PROBE_ROWS + 2 * (40 + 40 + 4 * 40)
    assert got.values[1].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("scored", [False, True])
def test_a_column_that_the_model_ignores_has_exactly_no_importance(scored, rng):
    X = rng.normal(size=(60, 3))
    y = X[:, 0] > 0
    model = LogisticRegression().fit(X, y)
    model.coef_[0, 2] = 0.0
    got = permute(model, X, y if scored else None, n_repeats=5,
                  **({"scoring": ["accuracy", "roc_auc"]} if scored else {}))
    np.testing.assert_array_equal(got.values[2], 0.0)
    np.testing.assert_array_equal(got.standard_errors[2], 0.0)
    assert got.values[0, 0] > 0


def test_a_group_is_shuffled_together(rng):
    X = rng.normal(size=(80, 3))
    X[:, 1] = X[:, 0]  # the model sees their difference, which shuffling them together keeps
    apart = permute(lambda X: X[:, 0] - X[:, 1] + X[:, 2], X)
    together = permute(lambda X: X[:, 0] - X[:, 1] + X[:, 2], X, groups={"twins": ["x0", "x1"]})
    assert together.feature_names == ("twins", "x2")
    # Differences of equal numbers are exactly 0; adding x2 rounds at 1e-16.
    assert together.values[0, 0] == pytest.approx(0.0, abs=1e-15)
    assert (apart.values[:2, 0] > 0.5).all()


# --- standard errors

def test_intervals_of_scores_cover_what_many_rows_give():
    def model(X):
        return X[:, 0] + 0.5 * X[:, 1]

    rng = np.random.default_rng(1)
    predictor = wrap(model, task="regression")
    # With y = f + noise of variance 1: shuffling x0 adds 2 to a residual variance of 1, so r2
    # falls by 2 / var(y), var(y) = 1 + 0.25 + 1.
    truth = 2 / 2.25
    hits = []
    for _ in range(40):
        X = rng.normal(size=(120, 2))
        y = model(X) + rng.normal(size=120)
        e = permute(predictor, X, y, n_repeats=1, random_state=rng)
        hits.append(e.lower[0, 0] <= truth <= e.upper[0, 0])
    # 95 % wanted; 40 trials leave ±7 %, and a jackknife of a ratio is a little off.
    assert np.mean(hits) >= 0.85


def test_intervals_of_changes_cover_the_population():
    rng = np.random.default_rng(2)
    # Mean |x − x'| of two standard normals is 2/√π.
    hits = []
    for _ in range(80):
        e = permute(lambda X: X[:, 0], rng.normal(size=(100, 1)), n_repeats=5, random_state=rng)
        hits.append(e.lower[0, 0] <= 2 / np.pi**0.5 <= e.upper[0, 0])
    # Nominally .95; 80 runs put 99.9 % of honest ones above .86.
    assert np.mean(hits) >= 0.86


# --- labels and settings

@pytest.mark.parametrize(("y", "sentence"), [
    (IRIS_Y[:10], r"y has shape \(10,\), expected one label for each of the 150 rows"),
    (np.where(np.arange(150) == 3, np.nan, 1.0), "y holds NaN"),
    (np.zeros((2, 150)), "y has shape"),
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


def test_scoring_without_labels():
    with pytest.raises(ValueError, match="scoring was given without y"):
        permute(MULTI, IRIS_X, scoring="accuracy")


def test_labels_without_a_task():
    with pytest.raises(ValueError, match="task='classification' or 'regression'"):
        permute(lambda X: X[:, 0], IRIS_X, IRIS_Y)


@pytest.mark.parametrize("n_repeats", [0, -1, 2.5, True, "3", None])
def test_bad_n_repeats(n_repeats):
    with pytest.raises(ValueError, match="n_repeats must be a positive whole number"):
        permute(MULTI, IRIS_X, IRIS_Y, n_repeats=n_repeats)


@pytest.mark.parametrize(("settings", "error", "sentence"), [
    ({"confidence": 1.0}, ValueError, "confidence must lie"),
    ({"confidence": 0}, ValueError, "confidence must lie"),
    ({"scoring": "acuracy"}, ValueError, "acuracy"),
    ({"scoring": 3}, TypeError, "scoring must be a scorer's name"),
    ({"scoring": ["accuracy", None]}, TypeError, "scoring must be a scorer's name"),
    ({"groups": {"g": ["x9"]}}, ValueError, "'x9', which is not one of"),
    ({"random_state": -1}, ValueError, "random_state must be a whole number of at least 0"),
])
def test_bad_settings(settings, error, sentence):
    with pytest.raises(error, match=sentence):
        permute(MULTI, IRIS_X, IRIS_Y, **settings)


def test_one_row_without_labels():
    got = permute(lambda X: X[:, 0], np.array([[1.0, 2.0]]))
    np.testing.assert_array_equal(got.values, 0.0)
    assert np.isnan(got.standard_errors).all()


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


@pytest.mark.parametrize("table", [np.zeros((0, 2)), pd.DataFrame({"a": []})])
def test_empty_tables(table):
    with pytest.raises(ValueError, match="rows and columns"):
        permute(lambda X: np.asarray(X)[:, 0], table)


@pytest.mark.parametrize("y", [None, np.arange(6.0)])
def test_a_model_that_raises(y, counting):
    for call in (0, 4, 5):
        model = counting(lambda X: X[:, 0], fail_at=call)
        with pytest.raises(ModelError, match="no answer today"):
            permute(wrap(model, task="regression"), np.arange(12.0).reshape(6, 2), y)


def test_not_fitted():
    with pytest.raises(Exception, match="call fit"):
        xk.PermutationImportance().explain(IRIS_X)


# --- reproducible

def numbers_of(e):
    parts = [e.values, e.standard_errors, e.lower, e.upper, *e.details.values()]
    return [np.asarray(p).tobytes() for p in parts]


@pytest.mark.parametrize("y", [None, IRIS_Y], ids=["change", "score"])
@pytest.mark.parametrize("settings", [
    {}, {"n_jobs": 2}, {"max_memory": 1}, {"batch_size": 50},
])
def test_work_settings_move_no_byte(settings, y):
    want = permute(MULTI, IRIS_X, y, n_repeats=3)
    got = permute(MULTI, IRIS_X, y, n_repeats=3, **settings)
    if "batch_size" in settings or "max_memory" in settings:
        # BLAS may round the last bit otherwise in a batch of another height.
        np.testing.assert_allclose(got.values, want.values, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(got.details["repeats"], want.details["repeats"], atol=1e-14)
    else:
        assert numbers_of(got) == numbers_of(want)
    assert got.cost.model_rows == want.cost.model_rows


@pytest.mark.parametrize("settings", [{"n_jobs": 2}, {"max_memory": 1}, {"batch_size": 7}])
def test_work_settings_move_no_byte_of_a_rowwise_model(settings, rng):
    X = rng.normal(size=(40, 3))
    assert numbers_of(permute(curved, X, **settings)) == numbers_of(permute(curved, X))


def test_the_seed_decides():
    def explained(seed):
        return permute(MULTI, IRIS_X, IRIS_Y, n_repeats=2, random_state=seed)

    one, two, other, drawn = (explained(seed) for seed in (0, 0, 1, None))
    assert numbers_of(one) == numbers_of(two)
    assert not np.array_equal(one.details["repeats"], other.details["repeats"])
    again = explained(drawn.random_state)
    assert numbers_of(again) == numbers_of(drawn)


def test_a_frame_is_an_array(rng):
    X = rng.normal(size=(30, 3))
    array, frame = permute(curved, X), permute(curved, pd.DataFrame(X, columns=["a", "b", "c"]))
    assert numbers_of(array) == numbers_of(frame)
    assert frame.feature_names == ("a", "b", "c")


def test_labels_may_be_a_series_with_an_index_of_its_own():
    y = pd.Series(IRIS_Y, index=np.arange(150)[::-1])
    assert numbers_of(permute(MULTI, IRIS_X, y, n_repeats=2)) == numbers_of(
        permute(MULTI, IRIS_X, IRIS_Y, n_repeats=2))
    text = pd.Series(np.array(["a", "b", "c"])[IRIS_Y]).astype("category")
    model = LogisticRegression(max_iter=500).fit(IRIS_X, text)
    got = permute(model, IRIS_X, text, n_repeats=2)
    np.testing.assert_allclose(got.values, permute(MULTI, IRIS_X, IRIS_Y, n_repeats=2).values,
                               atol=1e-12)


# --- found in review

def test_answers_that_are_labels_are_read_as_labels():
    labels = np.where(BINARY, 2, 1)
    perfect = wrap(lambda X: np.where(X[:, 0] > 5.8, 2, 1), task="classification")
    truth = np.where(IRIS_X[:, 0] > 5.8, 2, 1)
    e = permute(perfect, IRIS_X, truth)
    assert e.settings["score"] == {"accuracy": 1.0}
    assert e.values[0, 0] > 0.3
    with pytest.raises(ValueError, match="not probabilities.*output='logits'"):
        permute(wrap(lambda X: X[:, 0] - 5.8, task="classification"), IRIS_X, labels)


def test_a_generator_is_drawn_from_once():
    explainer = xk.PermutationImportance(random_state=np.random.default_rng(3)).fit(curved)
    X = np.random.default_rng(0).normal(size=(30, 3))
    np.testing.assert_array_equal(explainer.explain(X).values, explainer.explain(X).values)
