"""Classifiers that declare no classes: the class of each output, by its name or by the labels."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer

import xaikit as xk

RNG = np.random.default_rng(0)
X = pd.DataFrame(RNG.normal(size=(200, 3)), columns=list("abc"))
Y = np.where(X.a + 0.5 * RNG.normal(size=200) > 0, "yes", "no")
Y3 = np.clip((1.2 * X.a + 1 + 0.3 * RNG.normal(size=200)).round(), 0, 2).astype(int)
TWO, THREE = LogisticRegression().fit(X, Y), LogisticRegression().fit(X, Y3)
SCORERS = ["accuracy", "neg_log_loss", "roc_auc", "f1_macro"]


class Turned:
    """Answers of two classes in the other order, with their names."""

    _estimator_type = "classifier"

    def predict_proba(self, X):
        return pd.DataFrame(TWO.predict_proba(X)[:, ::-1], columns=["yes", "no"])


class Unnamed:
    _estimator_type = "classifier"

    def predict_proba(self, X):
        return TWO.predict_proba(X)[:, ::-1]


class Decides(Unnamed):
    """One score a row, above 0 for the second of its outputs."""

    def decision_function(self, X):
        return -TWO.decision_function(X)

    def predict(self, X):
        return TWO.predict(X)


class Contradicting(Turned):
    """Declares its classes in an order that its answers do not have."""

    classes_ = np.array(["no", "yes"])

    def predict(self, X):
        return TWO.predict(X)


class Numbered:
    _estimator_type = "classifier"

    def predict_proba(self, X):
        return pd.DataFrame(THREE.predict_proba(X))[[2, 0, 1]]


class ThreeShares:
    _estimator_type = "classifier"

    def predict_proba(self, X):
        return THREE.predict_proba(X)


class ThreeLabels:
    _estimator_type = "classifier"

    def predict(self, X):
        return THREE.predict(X)


def explained(model, y, scoring, X=X):
    explainer = xk.PermutationImportance(scoring=scoring, random_state=0, verbose=False, n_repeats=3)
    return explainer.fit(model, X).explain(X, y)


def named(model):
    return xk.wrap(model, output_names=["yes", "no"])


def function(f):
    return xk.wrap(f, task="classification", output_names=["yes", "no"])


@pytest.mark.parametrize("scoring", SCORERS)
@pytest.mark.parametrize(("model", "truth", "y"), [
    (Turned(), TWO, Y), (Turned().predict_proba, TWO, Y), (named(Unnamed()), TWO, Y),
    (named(Decides()), TWO, Y), (Contradicting(), TWO, Y),
    (xk.wrap(lambda X: Turned().predict_proba(X), task="classification"), TWO, Y),
    (xk.wrap(Turned(), output_names=["no", "yes"]), TWO, Y),
    (Numbered(), THREE, Y3), (ThreeShares(), THREE, Y3),
], ids=["frame", "bound method", "named", "decides", "contradicting", "function", "names turned",
        "numbered", "sorted"])
def test_scores_are_those_of_the_classes_that_the_outputs_name(model, truth, y, scoring):
    if truth is THREE and scoring == "roc_auc":
        scoring = "roc_auc_ovr"
    found = explained(model, y, scoring)
    assert found.settings["score"][scoring] == pytest.approx(get_scorer(scoring)(truth, X, y), abs=1e-12)
    assert not found.warnings
    own = explained(truth, y, scoring)
    np.testing.assert_allclose(found.values, own.values, atol=1e-12)


@pytest.mark.parametrize("model", [Contradicting(), xk.wrap(Turned(), output_names=["no", "yes"])])
def test_columns_go_by_their_names_not_by_an_order_declared_beside_them(model):
    predictor = xk.wrap(model) if isinstance(model, Contradicting) else model
    np.testing.assert_array_equal(predictor(X), TWO.predict_proba(X))
    assert predictor.output_names == ("no", "yes")
    renamed = xk.wrap(Contradicting(), output_names=["stays", "goes"])
    np.testing.assert_array_equal(renamed(X), TWO.predict_proba(X))


CAPITALS, BLANK = np.char.upper(Y), np.char.add(Y, " ")
SOME = Y3 > 0


@pytest.mark.parametrize(("model", "rows", "y", "scoring", "said"), [
    (ThreeShares(), SOME, Y3[SOME], "accuracy", "3 outputs, which do not fit the 2 classes in y"),
    (ThreeShares(), SOME, Y3[SOME], "neg_log_loss", "3 outputs, which do not fit the 2 classes"),
    (ThreeShares(), ..., np.append(Y3[:-1], 3), "accuracy", "do not fit the 4 classes in y; give "),
    (ThreeLabels(), ..., (Y3 + 1).astype(str), "accuracy", "'1', '2' and '3', and predict names 0,"),
    (Decides(), ..., CAPITALS, "accuracy", "y holds NO and YES, and predict names no and yes"),
    (function(Unnamed().predict_proba), ..., CAPITALS, "accuracy", "'NO', and an output is called 'no'"),
    (function(lambda X: Unnamed().predict_proba(X)), ..., BLANK, "accuracy", "'no ', and an output"),
    (Turned(), ..., CAPITALS, "neg_log_loss", "'NO', and an output is called 'no'"),
    (xk.wrap(lambda X: TWO.predict_proba(X)[:, 0], task="classification", output_names=["no"]), ...,
     CAPITALS, "accuracy", "'NO', and an output is called 'no'"),
])
def test_labels_that_fit_no_class_are_refused(model, rows, y, scoring, said):
    with pytest.raises(ValueError, match=said):
        explained(model, y, scoring, X[rows] if rows is not ... else X)


def test_labels_that_predict_never_names_are_doubted():
    found = explained(ThreeLabels(), Y3 + 1, "accuracy")
    assert any("y holds 3, which predict names in no row, and predict names 0" in w
               for w in found.warnings)
    rare = explained(ThreeLabels(), np.append(Y3[:-1], 3), "accuracy")
    assert not any("spell" in w for w in rare.warnings)  # a class too rare to be named is no misspelling
    assert rare.settings["score"]["accuracy"] == np.mean(THREE.predict(X) == np.append(Y3[:-1], 3))


@pytest.mark.parametrize("y", [Y == "yes", (Y == "yes").astype(int), np.where(Y == "yes", "b", "a")])
def test_the_order_of_named_outputs_and_other_labels_is_said_to_be_assumed(y):
    found = explained(function(lambda X: Unnamed().predict_proba(X)), y, "accuracy")
    assert any("Assumed: the outputs are in the order of the sorted labels, so that 'yes' is the"
               in w for w in found.warnings)


def test_probabilities_without_a_known_class_are_not_scored():
    class Both(ThreeLabels):
        def predict_proba(self, X):
            return THREE.predict_proba(X)[:, :2]  # one class short

    assert explained(Both(), Y3, "accuracy").settings["score"]["accuracy"] == THREE.score(X, Y3)
    with pytest.raises(ValueError, match="which class each output is of is not known"):
        explained(Both(), Y3, "neg_log_loss")


def test_the_report_measures_no_performance_on_labels_spelled_otherwise(tmp_path):
    report = xk.report(function(lambda X: Unnamed().predict_proba(X)), X, CAPITALS,
                       path=tmp_path / "r.html", verbose=False)
    assert "spell the labels as the outputs are named" in (tmp_path / "r.html").read_text()
    assert report is not None
