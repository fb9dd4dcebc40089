"""What reports say of models and tables of many kinds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from report_cases import SECTIONS, Page, cancer, classifier, mixed, quick, said, undrawn
from sklearn import metrics
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import xaikit as xk


def test_regression():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    X = X.iloc[:150, :2]
    y = y[:150].copy()
    model = DecisionTreeRegressor(max_depth=4, random_state=0).fit(X, y)
    y.iloc[:7] = np.nan
    r = quick(model, X, y, methods=["mean_impact"])
    known = y.notna()
    shown = r.tables["performance"].set_index("measure")
    assert shown.loc["R²", "model"] == metrics.r2_score(y[known], model.predict(X[known]))
    assert shown.loc["MAE", "model"] == metrics.mean_absolute_error(
        y[known], model.predict(X[known]))
    assert shown.loc["R²", "constant guess"] == pytest.approx(0.0, abs=1e-12)
    assert "7 rows without a label" in said(r, "performance")
    assert r.tables["residuals"]["rows"].sum() == 143
    assert "variance" in r.summary[0]


def test_several_classes_and_the_chosen_output():
    X, y = load_iris(return_X_y=True, as_frame=True)
    X = X.iloc[:, 2:]
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    model = LogisticRegression(max_iter=500).fit(X, names)
    r = undrawn(model, X, names, output="versicolor", methods=["kernel_shap"], n_explain=4)
    assert r.explanations["kernel_shap"].output_names == ("versicolor",)
    assert "versicolor" in " ".join(r.summary)
    shown = r.tables["performance"].set_index("measure")["model"]
    assert shown["ROC AUC"] == pytest.approx(
        metrics.roc_auc_score(names, model.predict_proba(X), multi_class="ovr"))
    assert "Brier score" not in shown
    with pytest.raises(xk.SettingError, match="there are 3; name one, such as output='setosa'"):
        undrawn(model, X)


@pytest.fixture(scope="module")
def unlabelled():
    """Return a report by one method, on a classifier's rows without labels."""
    X, y = cancer()
    return quick(classifier(X, y), X, methods="permutation")


def test_without_labels(unlabelled):
    r = unlabelled
    assert [s.key for s in r.sections] == SECTIONS
    assert "No labels were given" in r.texts["performance"][0]
    assert "performance" not in r.tables
    assert r.explanations["permutation"].output_names == ("1",)


def test_methods_can_be_left_out(unlabelled):
    r = unlabelled
    assert list(r.explanations) == ["permutation"]
    assert "Needs Kernel SHAP" in r.texts["contributions"][0]
    assert len(r.attributions) == 0
    Page(r.to_html())


@pytest.mark.parametrize("labels", ["text", "bool", "number"])
def test_a_function_with_one_probability(labels):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3))
    hit = X[:, 0] + 0.3 * rng.normal(size=80) > 0
    y = {"text": np.where(hit, "yes", "no"), "bool": hit, "number": hit * 2.0 + 1}[labels]

    def model(T):
        return 1 / (1 + np.exp(-3 * T[:, 0]))

    r = undrawn(model, X, y, methods=["mean_impact"])
    assert "Assumed: the model is a classifier" in said(r, "performance")
    assert "is the positive one" in said(r, "performance")
    accuracy = r.tables["performance"].set_index("measure").loc["accuracy", "model"]
    assert accuracy == metrics.accuracy_score(hit, model(X) > 0.5)
    assert r.importances["feature"].iloc[0] == "x0"


def test_a_function_of_numbers_is_taken_for_a_regression():
    X = np.random.default_rng(0).normal(size=(60, 2))
    r = undrawn(lambda T: 3 * T[:, 1], X, X[:, 1], methods=["mean_impact"])
    assert "Assumed: the model is a regression" in said(r, "performance")
    unfit = undrawn(lambda T: T[:, :1] * [[1.0, 2.0]], X, [f"t{i % 5}" for i in range(60)],
                  methods=["mean_impact"], output="output 1")
    assert "do not fit each other" in said(unfit, "performance")


def test_a_decision_score_has_no_probabilities():
    X, y = cancer()
    r = quick(SVC().fit(X, y), X, y, methods=["mean_impact"])
    assert "no probabilities" in said(r, "performance")
    shown = r.tables["performance"].set_index("measure")["model"]
    assert shown["ROC AUC"] == metrics.roc_auc_score(y, SVC().fit(X, y).decision_function(X))


def test_labels_that_the_model_does_not_know():
    X, y = cancer()
    strange = y.astype(object).copy()
    strange.iloc[:5] = "?"
    r = undrawn(classifier(X, y), X, strange, methods=["mean_impact"])
    assert "5 rows left out" in said(r, "performance")
    none = undrawn(classifier(X, y), X, ["?"] * 300, methods=["mean_impact"])
    assert "none of the labels is among them" in said(none, "performance")
    missing = undrawn(classifier(X, y), X, [None] * 300, methods=["mean_impact"])
    assert "All labels are missing" in said(missing, "performance")


def test_caveats_are_raised_by_the_data():
    X = mixed(90)
    y = np.array(["rare"] * 5 + ["common"] * 85)

    def model(T):
        return 0.2 + 0.001 * T["tenure"].to_numpy()

    r = undrawn(xk.wrap(model, task="classification"), X, y, methods=["mean_impact"])
    for wanted in ("age and tenure are strongly associated",
                   "empty: all values are missing", "constant", "identifier", "gaps (",
                   "only 90 rows", "unbalanced", "not clearly better than a constant guess"):
        assert wanted in " ".join(r.caveats), wanted
    assert r.summary[-1].startswith("Most important caveat: ")


def test_methods_that_disagree_are_a_caveat():
    rng = np.random.default_rng(0)
    # A flag that moves the output a lot, but that no label follows.
    X = pd.DataFrame({"flag": rng.integers(0, 2, 60), "signal": rng.normal(size=60)})

    def firsts(y):
        r = undrawn(lambda T: 5 * T["flag"].to_numpy() + T["signal"].to_numpy(), X, y,
                    methods=["mean_impact", "permutation"])
        assert set(r.tables["ranks"]["feature"]) == {"flag", "signal"}
        tops = [e.feature_names[e.order()[0]] for e in r.explanations.values()]
        return tops, any("disagree" in c for c in r.caveats)

    assert firsts(X["signal"]) == (["flag", "signal"], True)
    # Without labels, permutation importance is how far the output moves.
    assert firsts(None) == (["flag", "flag"], False)


def test_thousands_of_levels_and_odd_cells():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"text": [f"word {i}" for i in rng.integers(0, 5000, 400)],
                      "n": rng.normal(size=400)})
    r = quick(lambda T: T["n"].to_numpy() + T["text"].str.len().to_numpy(), X, n_explain=4)
    assert any("identifier" in c for c in r.caveats)
    assert len(r.to_html()) < 2_000_000


@pytest.mark.parametrize("labelled", [True, False])
def test_one_row(labelled):
    X = pd.DataFrame({"a": [1.0], "b": ["x"]})
    background = pd.DataFrame({"a": [0.0, 2.0, 3.0], "b": ["y", "x", "z"]})
    r = quick(lambda T: T["a"].to_numpy(), X, [1.0] if labelled else None, background=background)
    Page(r.to_html())
    assert any("only 1 row:" in c for c in r.caveats)
    assert any("no score can drop" in c for c in r.caveats) == labelled
    undrawn(lambda T: T["a"].to_numpy(), X, [1.0] if labelled else None)  # its own background


def test_a_constant_model():
    X = np.random.default_rng(0).normal(size=(30, 2))
    r = undrawn(lambda T: np.zeros(len(T)), X, n_explain=4)
    assert "nothing to explain" in r.caveats[0]
    assert "No feature moves" in " ".join(r.summary)


def test_groups_and_missing_values():
    X, y = cancer()
    X = X.mask(np.random.default_rng(0).random(X.shape) < 0.1)
    model = DecisionTreeClassifier(max_depth=4, random_state=0).fit(X, y)
    groups = {"size": list(X.columns[[0, 2]])}
    r = quick(model, X, y, groups=groups, methods=["kernel_shap", "mean_impact"], n_explain=4)
    assert "size" in r.explanations["kernel_shap"].feature_names
    Page(r.to_html())


def test_exact_explanations_pass_their_checks():
    X = np.random.default_rng(0).normal(size=(60, 3))
    r = undrawn(LinearRegression().fit(X, X @ [1.0, 2.0, 3.0]), X, X @ [1.0, 2.0, 3.0],
              budget="auto", background=X[:30], methods=["kernel_shap"])
    verdicts = {c.name: c.verdict for c in r.checks}
    assert verdicts["Additivity"] == verdicts["Sampling error"] == "fine"
    assert verdicts["Other seeds"] == verdicts["Fidelity of the sum"] == "fine"
    assert verdicts["Same question, same answer"] == verdicts["Input left unchanged"] == "fine"


def test_a_noisy_model_is_found_out():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2))
    r = quick(lambda T: T[:, 0] + rng.normal(size=len(T)), X, methods=["permutation"])
    assert {c.name: c.verdict for c in r.checks}["Same question, same answer"] == "act"
    assert any("check failed" in c for c in r.caveats)


def test_model_rows_are_counted_in_full():
    class Rows:
        n = 0

        def __call__(self, T):
            Rows.n += len(T)
            return T[:, 0] * T[:, 1]

    X = np.random.default_rng(0).normal(size=(50, 2))
    r = undrawn(Rows(), X)
    assert r.provenance["model rows asked"] == Rows.n
