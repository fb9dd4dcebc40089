"""Sentences on models and labels that do not fit: what is wrong, and what to do, before the work."""

from __future__ import annotations

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from report_cases import said, undrawn
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression

import xaikit as xk
from xaikit import plots
from xaikit.tables.schema import other_than_table

X, CODES = load_iris(return_X_y=True)
NAMES = np.array(["small", "middle", "large"])
THREE = LogisticRegression(max_iter=500).fit(X, CODES)


class Wrapper:
    """A model that keeps another inside once it is fitted."""

    def fit(self, X, y):
        self.model = LogisticRegression().fit(X, y)
        return self

    def predict(self, X):
        return self.model.predict(X)


def test_a_model_that_lacks_what_fit_sets_is_said_to_be_unfitted():
    assert len(xk.KernelSHAP().fit(Wrapper().fit(X, CODES > 0), X).explain(X[:1]))
    with pytest.raises(xk.ModelError, match="no attribute 'model'. Wrapper seems not to be fitted; fit it before"):
        xk.KernelSHAP().fit(Wrapper(), X)


def test_labels_in_capitals_are_told_the_names_of_the_outputs():
    named = xk.wrap(THREE, output_names=NAMES)
    labels = np.char.upper(NAMES)[CODES]
    with pytest.raises(ValueError, match="classes are 0, 1 and 2. Y holds 'LARGE', and an output is called 'large'"):
        xk.PermutationImportance().fit(named).explain(X, labels)
    r = undrawn(named, X, labels, output=0, methods=["mean_impact"])
    assert "others: y holds 'LARGE', and an output is called 'large': spell the labels" in said(r, "performance")


def test_survival_times_are_no_labels_of_a_report(counting):
    model = counting(lambda X: X[:, 0])
    times = np.array(list(zip(CODES > 0, X[:, 0], strict=True)), dtype=[("event", bool), ("time", float)])
    with pytest.raises(ValueError, match="y is a structured array of event and time, as for survival models"):
        undrawn(model, X, times)
    assert not model.batches


def test_images_of_several_shapes_are_called_by_all_of_them():
    images = [np.zeros((8, 8, 3)), np.zeros((9, 8, 3)), np.zeros((8, 8, 3))]
    assert other_than_table(images) == "images of shapes (8, 8, 3) and (9, 8, 3)"
    assert other_than_table(images[::2]) == "images of shape (2, 8, 8, 3)"
    assert other_than_table([[1.0, 2.0]]) is None
    with pytest.raises(TypeError, match=r"shapes \(8, 8, 3\) and \(9, 8, 3\)"):
        xk.KernelSHAP().fit(lambda images: np.zeros(len(images)), images)


def test_a_report_asks_for_one_of_three_outputs_before_the_first_question(monkeypatch):
    monkeypatch.setattr(THREE, "predict_proba", lambda X: pytest.fail("asked"))
    with pytest.raises(xk.SettingError, match="there are 3; name one"):
        undrawn(THREE, X, CODES)


@pytest.mark.parametrize(("settings", "first"), [({}, "no condition holds"), ({"discretize": None}, "intercept")])
def test_a_waterfall_of_lime_begins_at_what_it_begins_at(settings, first):
    e = xk.LIME(random_state=0, **settings).fit(lambda X: X[:, 0] * X[:, 2], X).explain(X[:2])
    ax = plots.waterfall(e)
    assert ax.get_yticklabels()[0].get_text() == first
    d = e[0] - e[1]
    np.testing.assert_array_equal(d.fidelity, e.fidelity.min(axis=0)[None])
    of_two = plots.waterfall(d)
    assert of_two.get_yticklabels()[0].get_text() == "difference of intercepts"
    worse = plots.waterfall(e[int(e.fidelity[:, 0].argmin())]).get_xlabel().split("·")[-1].splitlines()[-1]
    assert worse in of_two.get_xlabel()
    plt.close("all")


def test_a_waterfall_of_a_difference_of_values_begins_at_that_of_base_values():
    e = xk.KernelSHAP(random_state=0).fit(lambda X: X[:, 0] * X[:, 2], X[:20]).explain(X[:2])
    assert plots.waterfall(e[0] - e[1]).get_yticklabels()[0].get_text() == "difference of base values"
    plt.close("all")


@pytest.mark.parametrize("ask", [
    lambda y: undrawn(lambda X: X[:, 0], X, y),
    lambda y: xk.PermutationImportance().fit(xk.wrap(THREE.predict_proba, task="classification")).explain(X, y)],
    ids=["report", "permutation"])
def test_lists_of_labels_of_other_lengths_are_refused(ask, counting):
    with pytest.raises(ValueError, match=r"y holds lists of different lengths: .*\(scikit-learn's MultiLabelBin"):
        ask([[1], [1, 2]] * 75)


def test_a_report_refuses_infinite_labels_before_the_work(counting):
    model, y = counting(lambda X: X[:, 0]), X[:, 0].copy()
    y[3] = np.inf
    with pytest.raises(ValueError, match="y holds infinite labels in 1 row; leave those rows out"):
        undrawn(model, X, y)
    assert sum(map(len, model.batches)) <= 9  # those of the probe


@pytest.mark.parametrize(("y", "words"), [
    (np.datetime64("2026-01-01") + np.arange(150), "the labels are .*, not numbers, so its"),
    (np.ones(150), "The labels of 150 rows are all the same, so there is no variance to explain")])
def test_a_report_on_labels_that_give_no_score_says_why(y, words):
    r = undrawn(xk.wrap(lambda X: X[:, 0], task="regression"), X, y, methods=["mean_impact"])
    assert re.search(words, r.to_markdown())


class OrderRanker:
    """A model whose answers only order rows."""

    def predict(self, X):
        return -100 - X[:, 0]


def test_the_scores_of_a_ranker_are_no_guesses_at_the_labels():
    r = undrawn(OrderRanker(), X, X[:, 0], methods=["mean_impact"])
    assert "The model is a ranker, whose scores are not in units of the labels" in said(r, "performance")
    assert "variance" not in r.to_markdown()


def test_a_ranker_needs_a_scorer_of_rankings():
    with pytest.raises(ValueError, match="the model is a ranker.*choose a scorer of rankings"):
        xk.PermutationImportance().fit(OrderRanker()).explain(X, X[:, 0])


@pytest.mark.parametrize("model", [IsolationForest(n_estimators=5, random_state=0), KMeans(2, n_init=1, random_state=0)], ids=["outliers", "groups"])
def test_models_that_learn_no_labels_are_not_judged_by_them(model):
    found = model.fit(X).predict(X)
    r = undrawn(model, X, found, methods=["mean_impact"])
    assert "The model was fitted without labels" in said(r, "performance")
    assert "variance" not in r.to_markdown()
