"""Labels and weights of reports: their order, the outputs that were kept, and what weights change."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from report_cases import said, undrawn
from sklearn import metrics
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain
from sklearn.svm import SVC

import xaikit as xk
from xaikit.reporting import importance, performance
from xaikit.reporting.truth import Truth
from xaikit.sampling.seeds import stream

X, CODES = load_iris(return_X_y=True, as_frame=True)
X = X.iloc[::3, :2].set_axis([f"flower {i}" for i in range(50)]).set_axis(["a", "b"], axis=1)
CODES = CODES.to_numpy()[::3]
YES = np.where(CODES > 0, "yes", "no")
TWO = LogisticRegression().fit(X, YES)
THREE = LogisticRegression().fit(X, CODES)
WEIGHTS = np.random.default_rng(5).integers(0, 4, 50).astype(float)


def report(model, y, **settings):
    return undrawn(model, X, y, **{"methods": ["mean_impact"], "n_global": 20, **settings})


def measured(r):
    return r.tables["performance"].set_index("measure")["model"]


# --- labels and outputs

def test_labels_in_another_order_are_put_in_order():
    y = pd.Series(YES, index=X.index)
    one, two = report(TWO, y), report(TWO, y.iloc[::-1])
    assert one.to_dict()["tables"] == two.to_dict()["tables"]
    assert measured(one)["accuracy"] == metrics.accuracy_score(YES, TWO.predict(X))
    with pytest.raises(ValueError, match="the index of y is not that of X"):
        report(TWO, y.rename(lambda name: name + "?"))


@pytest.mark.parametrize("model", [
    xk.wrap(TWO, outputs=[1, 0]), xk.wrap(TWO, outputs="no"), xk.wrap(TWO, outputs=["yes"]),
    xk.wrap(TWO, output_names=["bad", "good"]), xk.wrap(TWO, output_names=["yes", "no"], outputs=1),
    xk.wrap(lambda X: TWO.predict_proba(X)[:, ::-1], task="classification", output_names=["yes", "no"]),
    xk.wrap(lambda X: TWO.predict_proba(X)[:, 0], task="classification", output_names=["no"]),
], ids=["reversed", "first", "second", "renamed", "renamed and chosen", "function", "first of a function"])
def test_outputs_that_are_kept_are_measured_as_their_classes(model):
    r = report(model, YES, output=0)
    got, chances = measured(r), TWO.predict_proba(X)
    assert got["accuracy"] == metrics.accuracy_score(YES, TWO.predict(X))
    assert got["ROC AUC"] == pytest.approx(metrics.roc_auc_score(YES == "yes", chances[:, 1]))
    assert got["log-loss"] == pytest.approx(metrics.log_loss(YES, chances))
    assert "Assumed" not in said(r, "performance")


@pytest.mark.parametrize("model", [
    xk.wrap(THREE, outputs=[1]), xk.wrap(THREE, outputs=[2, 0]),
    xk.wrap(SVC(decision_function_shape="ovo").fit(X, CODES), output="decision"),
], ids=["one of three", "two of three", "pairs of classes"])
def test_outputs_that_are_not_one_a_class_are_measured_by_what_predict_names(model):
    r = report(model, CODES, output=0)
    assert measured(r)["accuracy"] == metrics.accuracy_score(CODES, model.model.predict(X))
    assert [*measured(r).index] == ["accuracy", "balanced accuracy"]
    assert "are not one for each of the classes 0, 1 and 2" in said(r, "performance")


@pytest.mark.parametrize("outputs", ["1", 1, ["1"]])
@pytest.mark.parametrize("kind", [RidgeClassifier, lambda: OneVsRestClassifier(LogisticRegression())])
def test_one_label_of_several_is_reported_by_its_name(kind, outputs):
    labels = np.column_stack([CODES > 0, CODES > 1]).astype(int)
    model = kind().fit(X, labels)
    r = report(xk.wrap(model, outputs=outputs), labels[:, 1], methods=["permutation"])
    assert measured(r)["accuracy"] == metrics.accuracy_score(labels[:, 1], model.predict(X)[:, 1])


@pytest.mark.parametrize(("model", "scoring"), [
    (THREE, "neg_log_loss"),
    (xk.wrap(lambda X: THREE.predict_proba(X), task="classification"), "accuracy"),
], ids=["estimator", "function"])
def test_sorted_classes_are_all_among_the_rows_of_the_noise(model, scoring, monkeypatch):
    monkeypatch.setitem(importance.NOISE_ROWS, "permutation", 20)  # all of the first class
    r = report(model, CODES, output=0, methods=["permutation"], scoring=scoring, n_global=50)
    want = xk.PermutationImportance(random_state=0, scoring=scoring).fit(THREE).explain(X, CODES)
    np.testing.assert_allclose(r.explanations["permutation"].values, want.values, atol=1e-12)


def test_a_class_that_few_rows_lack_is_known_from_the_others():
    rare = np.where(np.arange(50) == 7, 2, CODES % 2)
    model = xk.wrap(lambda X: THREE.predict_proba(X), task="classification")
    seeds = [s for s in range(5)
             if 7 not in stream(s, "rows of the report").permutation(50)[:20]]
    r = report(model, rare, output=0, methods=["permutation"], random_state=seeds[0])
    assert r.explanations["permutation"].output_names == ("accuracy",)


def test_a_scorer_in_a_report_may_look_rows_up_by_their_index():
    prices = pd.Series(np.arange(50.0), index=X.index)

    def earned(estimator, rows, y):
        assert y.index.equals(rows.index)
        return float(prices[rows.index][(estimator.predict(rows) == y).to_numpy()].sum())

    r = report(TWO, pd.Series(YES, index=X.index), methods=["permutation"], scoring=earned,
               n_global=50)
    assert r.explanations["permutation"].settings["score"]["earned"] == prices.to_numpy()[
        TWO.predict(X) == YES].sum()


# --- weights

def test_weights_of_a_classifier():
    r = report(THREE, CODES, sample_weight=pd.Series(WEIGHTS, index=X.index)[::-1], output=1,
               methods=["permutation", "mean_impact"], n_global=50, scoring="accuracy")
    got, kept = measured(r), WEIGHTS > 0
    chances = THREE.predict_proba(X)
    for name, want in [
        ("accuracy", metrics.accuracy_score(CODES, THREE.predict(X), sample_weight=WEIGHTS)),
        ("balanced accuracy", metrics.balanced_accuracy_score(CODES, THREE.predict(X),
                                                              sample_weight=WEIGHTS)),
        ("log-loss", metrics.log_loss(CODES, chances, sample_weight=WEIGHTS)),
    ]:
        assert got[name] == pytest.approx(want), name
    counts = metrics.confusion_matrix(CODES, THREE.predict(X), sample_weight=WEIGHTS)
    np.testing.assert_allclose(r.tables["confusion"].iloc[:, 1:4].to_numpy(dtype=float), counts)
    wanted = xk.MeanImpactValue(random_state=0).fit(THREE).explain(X[kept], sample_weight=WEIGHTS[kept])
    np.testing.assert_allclose(r.explanations["mean_impact"].values[:, 0], wanted.values[:, 1])
    wanted = xk.PermutationImportance(random_state=0).fit(THREE).explain(
        X[kept], CODES[kept], WEIGHTS[kept])
    np.testing.assert_allclose(r.explanations["permutation"].values, wanted.values)
    assert "Rows count by their weights" in said(r, "performance")
    assert "Kernel SHAP" in r.provenance["weights"]
    assert "weights" not in report(THREE, CODES, output=1).provenance


def test_weights_that_leave_few_rows():
    few = np.zeros(50)
    few[[3, 27, 40]] = 1.0
    r = report(THREE, CODES, sample_weight=few, output=1, n_global=2)
    assert "Measured on 3 rows" in said(r, "performance")
    with pytest.raises(ValueError, match="sample_weight holds 3 weights for 50 rows"):
        report(THREE, CODES, sample_weight=few[:3])


def truths():
    """Return what weights say, and what repeated rows do."""
    counts = np.random.default_rng(5).integers(1, 5, 50)
    chances = THREE.predict_proba(X)
    for task, target, predicted, classes, probabilities in [
        ("regression", CODES + np.linspace(-0.3, 0.3, 50), LinearRegression().fit(X, CODES).predict(X),
         (), None),
        ("classification", CODES, chances.argmax(axis=1), ("0", "1", "2"), chances),
    ]:
        parts = [Truth(task, rows, target[rows], predicted[rows], classes,
                       None if probabilities is None else probabilities[rows], weights=weights)
                 for rows, weights in ((np.arange(50), counts.astype(float)),
                                       (np.repeat(np.arange(50), counts), None))]
        yield tuple(parts)


@pytest.mark.parametrize(("weighted", "rows"), list(truths()), ids=["regression", "classification"])
def test_whole_weights_are_repeated_rows_of_the_performance(weighted, rows, monkeypatch):
    monkeypatch.setattr(performance, "N_BOOTSTRAP", 20)
    for one, two in zip(performance.measure(weighted, 0), performance.measure(rows, 0), strict=True):
        assert one.value == pytest.approx(two.value), one.name
        assert one.baseline == pytest.approx(two.baseline, abs=1e-12), one.name
        assert one.lower <= one.value <= one.upper
    if weighted.task == "regression":
        return
    np.testing.assert_allclose(performance.class_shares(weighted), performance.class_shares(rows))
    one, two = (performance.confusion(t).iloc[:, 1:].to_numpy(dtype=float) for t in (weighted, rows))
    np.testing.assert_allclose(one, two)
    one, two = (performance.reliability(t, 1) for t in (weighted, rows))
    columns = ["mean predicted", "observed share", "weight"]
    np.testing.assert_allclose(one[columns], two[columns])
    assert performance.calibration_error(one) == pytest.approx(performance.calibration_error(two))


def test_weighted_residuals_by_hand():
    truth = Truth("regression", np.arange(20), np.arange(20.0), np.arange(20.0) - [0.0, 1.0] * 10,
                  weights=np.array([3.0, 1.0] * 10))
    table = performance.residuals(truth)
    np.testing.assert_allclose(table["mean residual"], 0.25)
    # Two rows a bin, of residuals 0 and 1: 2 / (2 − 1) · (3 · 0.25² + 0.75²) / 4.
    np.testing.assert_allclose(table["sd of residuals"], (2 * (3 * 0.0625 + 0.5625) / 4) ** 0.5)


def test_probabilities_of_votes_say_no_more_than_their_accuracy(tmp_path):
    X = np.random.default_rng(0).normal(size=(80, 2))
    y = (X[:, 0] + 0.3 * X[:, 1] > 0).astype(int)
    for votes in (True, False):
        model = xk.wrap(lambda X, votes=votes: 1.0 * (X[:, 0] > 0) if votes else 1 / (1 + np.exp(-X[:, 0])),
                        task="classification")
        report = undrawn(model, X, y)
        assert ("All probabilities are exactly 0 or 1" in said(report, "performance")) == votes


def test_margins_and_chains_are_reported_on(tmp_path):
    """The model that never sees a column of noise answers in as many outputs as the model itself."""
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(80, 3)), columns=list("abc"))
    Y = np.column_stack([X.a > 0, X.b > 0, X.c > 0.5]).astype(int)
    chain = ClassifierChain(LogisticRegression()).fit(X, Y)
    r = undrawn(xk.wrap(chain, outputs="1: 1"), X, Y, methods=["permutation", "kernel_shap"])
    accuracy = (chain.predict(X)[:, 1] == Y[:, 1]).mean()
    assert r.tables["performance"].iloc[0, 1] == pytest.approx(accuracy)
    xgboost = pytest.importorskip("xgboost")
    model = xgboost.XGBClassifier(n_estimators=5).fit(X, Y[:, 0])
    r = undrawn(xk.wrap(model, output="decision"), X, Y[:, 0], methods=["permutation", "kernel_shap"])
    assert r.tables["performance"].iloc[0, 1] == pytest.approx(model.score(X, Y[:, 0]))
