"""The class that an answer names: one decision for the report, permutation importance and the probe."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from report_cases import said, undrawn
from sklearn import metrics
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_classification
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

import xaikit as xk
from xaikit.errors import SettingError
from xaikit.predictor.decisions import Reading, decide, read_outputs
from xaikit.reporting.inputs import read_case
from xaikit.reporting.truth import match

X, Y = make_classification(120, 3, n_informative=3, n_redundant=0, weights=[0.85], flip_y=0.1, random_state=0)
X3, Y3 = make_classification(90, 3, n_informative=3, n_redundant=0, n_classes=3, n_clusters_per_class=1,
                             flip_y=0.2, random_state=0)
TEXT, TEXT3 = np.array(["no", "yes"])[Y], np.array(["a", "b", "c"])[Y3]
LOGISTIC = LogisticRegression().fit(X, TEXT)
THREE = LogisticRegression().fit(X3, TEXT3)


class Own:
    """A classifier without a base class or classes_, and with a threshold of its own."""

    def predict(self, X):
        return np.where(LOGISTIC.predict_proba(X)[:, 1] > 0.3, "yes", "no")

    def predict_proba(self, X):
        return LOGISTIC.predict_proba(X)


class CostSensitive(ClassifierMixin, BaseEstimator):
    """A classifier that names the class of least expected cost."""

    def fit(self, X, y):
        self.inner_ = LogisticRegression().fit(X, y)
        self.classes_ = self.inner_.classes_
        return self

    def predict(self, X):
        return self.classes_[(self.predict_proba(X) @ np.array([[0, 1], [4, 0]])).argmin(axis=1)]

    def predict_proba(self, X):
        return self.inner_.predict_proba(X)


def voting(y):
    return VotingClassifier([("line", LogisticRegression()), ("tree", DecisionTreeClassifier(
        max_depth=3, random_state=0))]).fit(X, y)


MODELS = {
    "threshold": lambda: (FixedThresholdClassifier(LogisticRegression(), threshold=0.25).fit(X, Y), X, Y),
    "threshold, text": lambda: (FixedThresholdClassifier(
        LogisticRegression(), threshold=0.25, pos_label="yes").fit(X, TEXT), X, TEXT),
    "tuned": lambda: (TunedThresholdClassifierCV(
        LogisticRegression(), scoring="balanced_accuracy", cv=2).fit(X, Y), X, Y),
    "own class": lambda: (Own(), X, TEXT),
    "costs": lambda: (CostSensitive().fit(X, TEXT), X, TEXT),
    "costs, one output": lambda: (xk.wrap(CostSensitive().fit(X, TEXT), outputs="no"), X, TEXT),
    "costs, decisions": lambda: (xk.wrap(CostSensitive().fit(X, Y), output="prediction"), X, Y),
    "votes": lambda: (voting(Y), X, Y),
    "votes, text": lambda: (voting(TEXT), X, TEXT),
    "one against the rest": lambda: (OneVsRestClassifier(LogisticRegression()).fit(X3, TEXT3), X3, TEXT3),
    "pairs": lambda: (OneVsOneClassifier(LogisticRegression()).fit(X3, TEXT3), X3, TEXT3),
    "output codes, text": lambda: (OutputCodeClassifier(
        LogisticRegression(), random_state=0).fit(X3, TEXT3), X3, TEXT3),
    "pairs of classes": lambda: (SVC(decision_function_shape="ovo").fit(X3, TEXT3), X3, TEXT3),
}


WITHOUT_PROBABILITIES = ("votes", "votes, text", "pairs", "output codes, text", "pairs of classes",
                         "costs, decisions")


def truth_of(model, rows, y):
    return match(read_case(xk.wrap(model), rows, y, None, n_explain=1, n_global=1, seed=0, output=0))


def permuted(model, rows, y, n_repeats=1):
    return xk.PermutationImportance(random_state=0, n_repeats=n_repeats).fit(model).explain(rows, y)


@pytest.mark.parametrize("name", MODELS)
def test_what_predict_names_is_the_decision(name):
    model, rows, y = MODELS[name]()
    named = (model.model if isinstance(model, xk.Predictor) else model).predict(rows)
    truth = truth_of(model, rows, y)
    assert np.asarray(truth.classes)[truth.predicted].tolist() == named.astype(str).tolist()
    assert np.asarray(truth.classes)[truth.target].tolist() == y.astype(str).tolist()
    assert permuted(model, rows, y).settings["score"] == {"accuracy": metrics.accuracy_score(y, named)}
    assert (truth.probabilities is None) == (name in WITHOUT_PROBABILITIES)


def test_a_report_on_text_labels_without_probabilities():
    model, rows, y = MODELS["votes, text"]()
    r = undrawn(model, rows, y, methods=["permutation"], n_global=30)
    got = r.tables["performance"].set_index("measure")["model"]
    assert got["accuracy"] == metrics.accuracy_score(y, model.predict(rows))
    assert [*got.index] == ["accuracy", "balanced accuracy"]


# --- names and choices

def table_of(*names):
    return lambda X: pd.DataFrame(LOGISTIC.predict_proba(X), columns=["no", "yes"])[list(names)]


CHOSEN = {
    "own class, first output": xk.wrap(Own(), outputs=0),
    "own class, named": xk.wrap(Own(), output_names=["no", "yes"], outputs="no"),
    "renamed and chosen by name": xk.wrap(LOGISTIC, output_names=["bad", "good"], outputs="bad"),
    "columns no, yes": xk.wrap(table_of("no", "yes"), task="classification"),
    "columns yes, no": xk.wrap(table_of("yes", "no"), task="classification"),
    "column no of yes, no": xk.wrap(table_of("yes", "no"), task="classification", outputs="no"),
    "first output of a function": xk.wrap(lambda X: LOGISTIC.predict_proba(X), task="classification", outputs=0),
    "second output of a function": xk.wrap(lambda X: LOGISTIC.predict_proba(X), task="classification", outputs=1),
    "small log-odds": xk.wrap(lambda X: LOGISTIC.decision_function(X) / 50, task="classification", output="logits"),
    "log-odds, two columns": xk.wrap(lambda X: LOGISTIC.predict_log_proba(X), task="classification"),
}


@pytest.mark.parametrize("name", CHOSEN)
def test_outputs_are_read_alike_by_the_report_and_permutation_importance(name):
    model = CHOSEN[name]
    named = (Own() if isinstance(model.model, Own) else LOGISTIC).predict(X)
    truth = truth_of(model, X, TEXT)
    assert np.array(truth.classes)[truth.predicted].tolist() == named.tolist()
    ahead = truth.scores if truth.probabilities is None else truth.probabilities[:, 1]
    assert metrics.roc_auc_score(truth.target, ahead) == pytest.approx(
        metrics.roc_auc_score(Y, LOGISTIC.decision_function(X)))
    assert permuted(model, X, TEXT).settings["score"]["accuracy"] == metrics.accuracy_score(TEXT, named)


def test_columns_with_numbers_for_names_are_of_these_classes():
    model = xk.wrap(lambda X: pd.DataFrame(LOGISTIC.predict_proba(X))[[1, 0]], task="classification")
    assert permuted(model, X, Y).settings["score"]["accuracy"] == metrics.accuracy_score(TEXT, LOGISTIC.predict(X))


def test_labels_may_be_the_names_that_the_user_gave_the_outputs():
    model = LogisticRegression().fit(X3, Y3)
    want = permuted(model, X3, Y3)
    for outputs in (None, "b"):
        named = xk.wrap(model, output_names=["a", "b", "c"], outputs=outputs)
        got, truth = permuted(named, X3, TEXT3), truth_of(named, X3, TEXT3)
        np.testing.assert_array_equal(got.values, want.values)
        assert got.warnings == ()
        assert truth.classes == ("a", "b", "c")
        np.testing.assert_array_equal(truth.predicted, model.predict(X3))
    undrawn(named, X3[:30], TEXT3[:30], methods=["permutation"])
    with pytest.raises(ValueError, match="y holds d in 1 row, which the model does not know"):
        permuted(named, X3, np.append(TEXT3[:-1], "d"))


def test_one_output_of_three_names_no_class():
    model = xk.wrap(lambda X: THREE.predict_proba(X), task="classification", outputs=1)
    with pytest.raises(ValueError, match="outputs= keeps 1 of the model's 3 outputs.*leave out outputs="):
        permuted(model, X3, TEXT3)
    assert truth_of(model, X3, TEXT3).task is None


# --- rules, and what cannot be decided

@pytest.mark.parametrize(("answers", "scale", "classes", "rule"), [
    ([0.2, 0.7], "output", ["no", "yes"], "shares"), ([0.2, 0.7], "logits", ["no", "yes"], "scores"),
    ([1.0, 2.0], "output", [1, 2], "labels"), ([1.0, 1.0], "output", [1, 2], "labels"),
    ([0.0, 1.0], "output", [0, 1], "shares"), ([0.0, 2.0], "output", [0, 1, 2], "labels"),
    ([-1.0, 1.0], "output", [-1, 1], "labels"), ([-1.0, 0.5], "output", [0, 1], None),
    ([0.2, 0.7], "output", [0, 1, 2], None),
])
def test_the_rule_of_a_single_output(answers, scale, classes, rule):
    answers = np.array(answers)[:, None]
    if rule is not None:
        assert read_outputs(answers, scale, classes) == Reading(classes, rule)
        return
    with pytest.raises(SettingError, match="not probabilities|1 output for 3 classes"):
        read_outputs(answers, scale, classes)


def test_answers_that_are_no_probabilities_are_refused_before_the_model_is_explained():
    model = xk.wrap(lambda X: LOGISTIC.decision_function(X), task="classification")
    r = undrawn(model, X, TEXT, methods=["permutation"])
    assert "was not measured: the model's answers lie between" in said(r, "performance")
    assert "score" not in r.explanations["permutation"].settings


class Codes(Own):
    def predict(self, X):
        return (super().predict(X) == "yes") + 7


class Fails(Own):
    def predict(self, X):
        raise NotImplementedError("no decision here")


class Half(Own):
    def predict(self, X):
        return np.where(X[:, 0] > 0, super().predict(X), "perhaps")


@pytest.mark.parametrize(("model", "sentence"), [
    (Codes(), "was not measured: predict names 7 and 8, and the classes are no and yes"),
    (Fails(), "was not measured: predict of the model failed.*no decision here"),
])
def test_a_predict_that_decides_nothing(model, sentence):
    truth = truth_of(model, X, TEXT)
    assert truth.task is None
    assert re.search(sentence, truth.notes[-1])


def test_a_class_that_only_predict_names_counts_as_a_mistake():
    bound = xk.wrap(Half()).bind(X)
    decided = decide(bound, X, bound(X), ["no", "yes"])
    assert decided.classes == ["no", "perhaps", "yes"]
    assert decided.probabilities is None
    assert (np.array(decided.classes)[decided.named] == Half().predict(X)).all()


def test_the_probe_takes_a_threshold_of_the_models_own_for_one():
    order = np.argsort(LOGISTIC.predict_proba(X)[:, 1])[-8:]
    low = FixedThresholdClassifier(LogisticRegression(), threshold=float(
        np.sort(LOGISTIC.predict_proba(X)[:, 1])[-5] + 1e-6), pos_label="yes").fit(X, TEXT)
    assert xk.wrap(low).bind(X[order]).findings.warnings == ()


@pytest.mark.parametrize("threshold", [0.01, 0.99])
def test_the_probe_takes_no_threshold_for_another_order_where_one_class_alone_is_named(threshold):
    far = FixedThresholdClassifier(LogisticRegression(), threshold=threshold, pos_label="yes").fit(X, TEXT)
    wrong_side = np.argsort(LOGISTIC.predict_proba(X)[:, 1])[slice(20, 28) if threshold < 0.5 else slice(-28, -20)]
    for rows in (X[wrong_side], np.concatenate([X[wrong_side], X])):
        assert xk.wrap(far).bind(rows).findings.warnings == ()


def test_a_wrong_order_of_classes_is_seen_behind_rows_of_one_class():
    reversed_ = LogisticRegression().fit(X, TEXT)
    reversed_.predict_proba = lambda X: LOGISTIC.predict_proba(X)[:, ::-1]
    first = np.argsort(LOGISTIC.predict_proba(X)[:, 1])[:8]
    assert LOGISTIC.predict(X[first]).tolist() == ["no"] * 8
    words = xk.wrap(reversed_).bind(np.concatenate([X[first], X])).findings.warnings
    assert "may not be in the order of classes_" in words[0]


# --- outputs that were left out

@pytest.mark.parametrize("model", [
    xk.wrap(lambda X: pd.DataFrame(THREE.predict_proba(X), columns=list("abc")), task="classification",
            outputs=["a", "b"]),
    xk.wrap(lambda X: THREE.predict_proba(X), task="classification", output_names=["a", "b", "c"], outputs=[1, 0]),
    xk.wrap(lambda X: THREE.predict_proba(X), task="classification", outputs=[0, 1]),
    xk.wrap(lambda X: THREE.predict_proba(X), task="classification", outputs=0)],
    ids=["columns", "names", "positions", "one"])
@pytest.mark.parametrize("all_classes", [True, False])
def test_a_function_with_a_class_left_out_has_no_decisions(model, all_classes):
    rows = np.flatnonzero(all_classes | (TEXT3 != "c"))
    with pytest.raises(ValueError, match="outputs= keeps . of the model's 3 outputs, so the class that it names"):
        permuted(model, X3[rows], TEXT3[rows])
    r = undrawn(model, X3[rows], TEXT3[rows], methods=["mean_impact"], output=0)
    assert "outputs= keeps" in said(r, "performance")
    assert "accuracy" not in said(r, "performance")


def test_one_named_output_may_be_the_probability_among_other_numbers():
    model = xk.wrap(lambda X: pd.DataFrame({"spread": X[:, 0], "risk": LOGISTIC.predict_proba(X)[:, 1],
                                            "age": X[:, 1]}), task="classification", outputs="risk")
    score = permuted(model, X, TEXT).settings["score"]["accuracy"]
    assert score == metrics.accuracy_score(TEXT, LOGISTIC.predict(X))


@pytest.mark.parametrize(("names", "outputs"), [
    (["yes", "margin"], "yes"), (["risk", "margin"], 0), (["risk", "margin"], ["risk"]), (["margin", "yes"], 1)])
def test_a_probability_beside_another_number_is_chosen_by_name(names, outputs):
    def f(X):
        columns = {"margin": LOGISTIC.decision_function(X), "else": LOGISTIC.predict_proba(X)[:, 1]}
        return np.column_stack([columns.get(name, columns["else"]) for name in names])

    model = xk.wrap(f, task="classification", output_names=names, outputs=outputs)
    score = permuted(model, X, TEXT).settings["score"]["accuracy"]
    assert score == metrics.accuracy_score(TEXT, LOGISTIC.predict(X))
    plain = xk.wrap(f, task="classification", outputs=names.index("margin") ^ 1)
    with pytest.raises(ValueError, match="outputs= keeps 1 of the model's 2 outputs"):
        permuted(plain, X, TEXT)


@pytest.mark.parametrize("output", [0, 1])
def test_one_of_two_shares_is_that_of_its_class(output):
    model = xk.wrap(lambda X: LOGISTIC.predict_proba(X), task="classification", outputs=output)
    score = permuted(model, X, TEXT).settings["score"]["accuracy"]
    assert score == metrics.accuracy_score(TEXT, LOGISTIC.predict(X))


# --- several targets

TARGETS = np.column_stack([2 * X[:, 0], X[:, 1]])
LINES = LinearRegression().fit(X, TARGETS)
STUMPS = DecisionTreeClassifier(max_depth=2, random_state=0).fit(X, np.column_stack([TEXT, Y]))


@pytest.mark.parametrize("y", [TARGETS, TARGETS[:, 0], pd.DataFrame(TARGETS)], ids=["all", "its own", "frame"])
def test_outputs_choose_a_target_and_its_labels(y):
    model = xk.wrap(LINES, outputs=0)
    alone = LinearRegression().fit(X, TARGETS[:, 0])
    e, want = permuted(model, X, y), permuted(alone, X, TARGETS[:, 0])
    np.testing.assert_allclose(e.values, want.values, atol=1e-9)
    assert e.values[0, 0] > 1 > abs(e.values[1, 0])
    r2 = undrawn(model, X, y, methods=["permutation"]).tables["performance"].set_index("measure").loc["R²"]
    assert r2["model"] == pytest.approx(1.0)


@pytest.mark.parametrize(("model", "y", "words"), [
    (LINES, TARGETS[:, 1], "y has 1 column, and the model 2 targets"),
    (xk.wrap(lambda X: X[:, :2], task="regression"), TARGETS[:, 1], "y has 1 column, and the model 2 targets"),
    (LINES, np.column_stack([TARGETS, Y]), "y has 3 columns, and the model 2 targets"),
    (xk.wrap(LINES, outputs=1), np.column_stack([TARGETS, Y]), "y has 3 columns, and the model 1 target")])
def test_labels_of_other_targets_than_the_models_are_refused(model, y, words):
    with pytest.raises(ValueError, match=f"{words}: pass a column for each, or choose"):
        permuted(model, X, y)


def test_targets_in_another_order_meet_their_labels():
    for outputs in ([1, 0], [0, 1], None):
        e = permuted(xk.wrap(LINES, outputs=outputs), X, TARGETS)
        assert e.settings["score"]["r2"] == pytest.approx(1.0)


def test_the_labels_of_a_classifiers_target_are_chosen_too():
    model, both = xk.wrap(STUMPS, outputs=[0, 1]), np.column_stack([TEXT, Y.astype(str)])
    score = permuted(model, X, both).settings["score"]["accuracy"]
    assert score == metrics.accuracy_score(TEXT, STUMPS.predict(X)[:, 0])


def test_a_report_on_several_targets_is_refused_before_the_first_question(counting):
    model = counting(lambda X: X[:, :2])
    with pytest.raises(ValueError, match=r"y has 2 columns; .*outputs=…\), or pass one column"):
        undrawn(model, X, TARGETS)
    assert not model.batches


@pytest.mark.parametrize("rows", [2, 4])
def test_two_labels_with_fractions_are_no_classes(rows):
    r = undrawn(lambda X: np.full(len(X), 0.5), X[:rows], [0.5, 0.7] * (rows // 2), methods=["permutation"])
    assert "Assumed: the model is a regression" in said(r, "performance")


# --- blocks

def test_groups_are_left_out_whole():
    queries, sizes = np.repeat(np.arange(12), 10), []

    def gain(model, rows, y):
        sizes.append(len(rows))
        return metrics.ndcg_score(np.reshape(y, (-1, 10)), np.reshape(model.predict(rows), (-1, 10)))

    explainer = xk.PermutationImportance(scoring=gain, n_repeats=3, random_state=0).fit(
        LinearRegression().fit(X, Y))
    e = explainer.explain(X, Y, blocks=queries)
    assert {size % 10 for size in sizes} == {0}
    assert min(sizes) == 100  # ten blocks of one or two queries
    assert np.isfinite(e.standard_errors).all()
    mixed = np.random.default_rng(0).permutation(120)
    sizes.clear()
    named = pd.Series(queries.astype(str), index=range(120))
    again = explainer.explain(X, Y, blocks=named)
    np.testing.assert_array_equal(again.standard_errors, e.standard_errors)
    with pytest.raises(ValueError, match="blocks must be one known group per row"):
        explainer.explain(X[mixed], Y[mixed], blocks=np.where(queries == 3, None, queries))


def test_no_group_that_is_left_out_lends_a_cell():
    """They are no part of the sample then."""
    groups, sizes = np.repeat(np.arange(12), 10), []
    own, lent = ({tuple(row): g for row, g in zip(part.tolist(), groups, strict=True)}
                 for part in (X[:, 1:], X[:, :1]))

    def score(model, rows, y):
        stay = {own[tuple(row)] for row in rows[:, 1:].tolist()}
        assert {lent[tuple(row)] for row in rows[:, :1].tolist()} <= stay
        sizes.append(len(rows))
        return metrics.accuracy_score(y, model.predict(rows))

    model = xk.wrap(LogisticRegression().fit(X, Y))
    explainer = xk.PermutationImportance(scoring=score, random_state=0, groups={"first": [0], "rest": [1, 2]})
    first = explainer.fit(model).explain(X, Y, blocks=groups)
    assert len(set(sizes)) > 1
    assert np.isfinite(first.standard_errors).all()


def test_errors_of_groups_are_as_large_as_the_scatter_of_the_values():
    """Of 40 samples of 30 groups; without other lenders the errors were a fifth too small."""
    found = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        groups = np.repeat(np.arange(30), 5)
        shared, noise = (rng.normal(size=30)[groups] for _ in range(2))
        rows = np.column_stack([shared + 0.3 * rng.normal(size=150), rng.normal(size=150)])
        model = xk.wrap(lambda Z: Z[:, 0] + 0.5 * Z[:, 1], task="regression")
        explainer = xk.PermutationImportance(random_state=seed, verbose=False).fit(model)
        e = explainer.explain(rows, model(rows)[:, 0] + 0.8 * noise, blocks=groups)
        found.append((e.values[0, 0], e.standard_errors[0, 0]))
    values, errors = np.transpose(found)
    assert 0.9 < np.sqrt((errors**2).mean()) / values.std(ddof=1) < 1.4


def test_no_blocks_no_intervals_and_no_further_scores():
    calls = []

    def scorer(model, rows, y):
        calls.append(len(rows))
        return metrics.accuracy_score(y, model.predict(rows))

    explainer = xk.PermutationImportance(scoring=scorer, n_repeats=4, random_state=0).fit(
        LogisticRegression().fit(X, Y))
    e, full = explainer.explain(X, Y, blocks=None), explainer.explain(X, Y)
    np.testing.assert_array_equal(e.values, full.values)
    assert np.isnan(e.standard_errors).all()
    assert e.warnings == ()
    assert (e.settings["blocks"], full.settings["blocks"]) == (None, 10)
    assert calls[:1 + 3 * 4] == [120] * 13
    assert explainer.explain(X, Y, blocks=5).standard_errors.shape == (3, 1)


@pytest.mark.parametrize(("y", "blocks", "sentence"), [
    (Y, 1, "blocks must be"), (Y, True, "blocks must be"), (Y, np.zeros(3), "blocks holds 3 groups for 120 rows"),
    (Y, np.zeros(120), "blocks holds a single group"), (None, None, "blocks are those of the jackknife of a score; pass"), (None, 5, "blocks are those"),
])
def test_blocks_that_are_refused(y, blocks, sentence):
    with pytest.raises(ValueError, match=sentence):
        xk.PermutationImportance().fit(LogisticRegression().fit(X, Y)).explain(X, y, blocks=blocks)
