"""Labels of permutation importance: those a model does not know, their order, scorers that refuse."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
import reference_importance as naive
import sklearn.metrics
from sklearn.datasets import load_iris
from sklearn.metrics import accuracy_score
from sklearn.multioutput import MultiOutputClassifier
from sklearn.tree import DecisionTreeClassifier

import xaikit as xk

IRIS_X, IRIS_Y = load_iris(return_X_y=True)
IRIS_X = IRIS_X[:, 2:]
FRAME = pd.DataFrame(IRIS_X, columns=list("cd"), index=[f"flower {i}" for i in range(150)])
YES = np.where(IRIS_Y > 0, "yes", "no")
CODES = DecisionTreeClassifier(max_depth=2, random_state=0).fit(IRIS_X, IRIS_Y)
TEXTS = DecisionTreeClassifier(max_depth=2, random_state=0).fit(IRIS_X, YES)
NAMED = DecisionTreeClassifier(max_depth=2, random_state=0).fit(FRAME, YES)


def permute(model, X, y, **settings):
    settings = {"random_state": 0, "n_repeats": 1, **settings}
    return xk.PermutationImportance(**settings).fit(model).explain(X, y)


def function(model, **settings):
    return xk.wrap(lambda X: model.predict_proba(X), task="classification", **settings)


# --- labels that a model does not know

STRANGE = {
    "capitals": (TEXTS, np.char.upper(YES), "y holds NO and YES in 150 rows.*classes are no and yes"),
    "blanks": (TEXTS, np.char.add(YES, " "), "y holds 'no ' and 'yes '"),
    "codes from 1": (CODES, IRIS_Y + 1, "y holds 3 in 50 rows.*classes are 0, 1 and 2"),
    "one class more": (TEXTS, np.where(IRIS_Y == 2, "perhaps", YES), "y holds perhaps in 50 rows"),
    "text of fractions": (CODES, IRIS_Y.astype(float).astype(str), "y holds '0.0', '1.0' and '2.0'"),
    "a function's": (function(TEXTS, output_names=["no", "yes"]),
                     np.where(IRIS_Y == 2, "perhaps", YES), "do not fit the 3|y holds perhaps"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_labels_that_the_model_does_not_know_are_refused(name):
    model, y, sentence = STRANGE[name]
    with pytest.raises(ValueError, match=sentence):
        permute(model, IRIS_X, y)


def test_a_scorer_of_ones_own_may_read_anything_from_y():
    def earned(estimator, X, y):
        return float(np.sum(y * (estimator.predict(X) == "yes")))

    amounts = np.arange(150.0) - 40
    got = permute(TEXTS, IRIS_X, amounts, scoring=earned, n_repeats=1)
    assert got.settings["score"]["earned"] == amounts[YES == "yes"].sum()
    assert any("which the model does not know" in w for w in got.warnings)
    with pytest.raises(ValueError, match="which the model does not know"):
        permute(TEXTS, IRIS_X, amounts, scoring=[earned, "accuracy"])


@pytest.mark.parametrize(("model", "y"), [
    (CODES, IRIS_Y.astype(str)), (CODES, pd.Series(IRIS_Y.astype(str), dtype="category")),
    (DecisionTreeClassifier(max_depth=2, random_state=0).fit(IRIS_X, IRIS_Y.astype(str)), IRIS_Y),
])
def test_labels_that_are_classes_by_their_text(model, y):
    got = permute(model, IRIS_X, y)
    np.testing.assert_array_equal(got.values, permute(CODES, IRIS_X, IRIS_Y).values)
    assert any("matched by their text" in w for w in got.warnings)


@pytest.mark.parametrize("y", [
    pd.Series(IRIS_Y, dtype="Int64"), pd.Series(IRIS_Y, dtype="category"), IRIS_Y.astype(object),
    IRIS_Y.astype(float), pd.DataFrame({"y": IRIS_Y}), IRIS_Y[:, None], IRIS_Y.tolist(),
], ids=["Int64", "category", "object", "float", "frame", "column", "list"])
def test_labels_of_any_kind_score_alike(y):
    want = permute(CODES, IRIS_X, IRIS_Y)
    got = permute(CODES, IRIS_X, y)
    assert naive.numbers_of(got) == naive.numbers_of(want)
    assert got.warnings == ()


def test_several_targets_are_checked_one_by_one():
    Y = np.column_stack([IRIS_Y > 0, IRIS_Y])
    model = MultiOutputClassifier(DecisionTreeClassifier(max_depth=2, random_state=0)).fit(IRIS_X, Y)

    def both(estimator, X, y):
        return float((np.asarray(estimator.predict(X)) == np.asarray(y)).all(axis=1).mean())

    got = permute(model, IRIS_X, Y, scoring=both)
    assert got.settings["score"]["both"] == (model.predict(IRIS_X) == Y).all(axis=1).mean()
    assert got.warnings == ()
    assert "y holds 3" in permute(model, IRIS_X, Y + np.array([0, 1]), scoring=both).warnings[0]


# --- which output is of which class

@pytest.mark.parametrize(("answer", "names", "output"), [
    (lambda X: TEXTS.predict_proba(X)[:, ::-1], ["yes", "no"], None),
    (lambda X: TEXTS.predict_proba(X)[:, 0], ["no"], None),
    (lambda X: TEXTS.predict_proba(X)[:, 1], ["yes"], None),
    (lambda X: 0.5 - TEXTS.predict_proba(X)[:, 1], ["no"], "logits"),
    (lambda X: pd.DataFrame(TEXTS.predict_proba(X)[:, ::-1], columns=["yes", "no"]), None, None),
], ids=["reversed", "first", "second", "logits of the first", "answers with names"])
def test_outputs_that_are_named_as_labels_are_of_these(answer, names, output):
    model = xk.wrap(answer, task="classification", output_names=names, output=output)
    got = permute(model, IRIS_X, YES, scoring=["accuracy", "roc_auc"])
    want = permute(TEXTS, IRIS_X, YES, scoring=["accuracy", "roc_auc"])
    np.testing.assert_allclose(got.values, want.values, atol=1e-12)
    assert got.settings["score"] == pytest.approx(want.settings["score"])


def test_named_classes_need_not_all_be_in_y():
    model = function(CODES, output_names=["0", "1", "2"])
    got = permute(model, IRIS_X[:100], IRIS_Y[:100])
    assert naive.numbers_of(got) == naive.numbers_of(permute(CODES, IRIS_X[:100], IRIS_Y[:100]))
    with pytest.raises(ValueError, match="3 outputs, which do not fit the 2 classes"):
        permute(function(CODES), IRIS_X[:100], IRIS_Y[:100])


# --- the index

def test_labels_with_the_rows_index_in_another_order():
    want = permute(NAMED, FRAME, YES)
    order = np.random.default_rng(0).permutation(150)
    y = pd.Series(YES, index=FRAME.index).iloc[order]
    assert naive.numbers_of(permute(NAMED, FRAME, y)) == naive.numbers_of(want)
    assert naive.numbers_of(permute(NAMED, FRAME, y.to_frame())) == naive.numbers_of(want)
    assert naive.numbers_of(permute(NAMED, FRAME, pd.Series(YES))) == naive.numbers_of(want)
    with pytest.raises(ValueError, match="the index of y is not that of X: it holds other rows"):
        permute(NAMED, FRAME, y.rename(lambda name: name + "?"))


def test_a_scorer_may_look_rows_up_by_their_index():
    prices = pd.Series(np.random.default_rng(1).uniform(1, 9, 150), index=FRAME.index)
    sizes = set()

    def earned(estimator, X, y):
        assert y.index.equals(X.index)
        sizes.add(len(X))
        return float(prices[X.index][(estimator.predict(X) == y).to_numpy()].sum() / len(X))

    def of_prices(y, answers):
        # The labels of the naive twin are positions, from which it knows the rows.
        rows = y.astype(int)
        return prices.to_numpy()[rows][answers == YES[rows]].sum() / len(rows)

    got = permute(NAMED, FRAME, pd.Series(YES, index=FRAME.index), scoring=earned, random_state=3)
    drops, errors = naive.score_drops(
        of_prices, lambda X: NAMED.predict(pd.DataFrame(X, columns=list("cd"))), IRIS_X,
        np.arange(150), 3, 1)
    np.testing.assert_allclose(got.values[:, 0], drops.mean(axis=1), atol=1e-12)
    np.testing.assert_allclose(got.standard_errors[:, 0], errors, atol=1e-12)
    assert len(sizes) > 2


def test_a_scorer_gets_rows_in_the_container_that_was_passed():
    pl = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    kinds = set()

    def hits(estimator, X, y):
        kinds.add((type(X), type(y)))
        return accuracy_score(y, estimator.predict(X))

    model = xk.wrap(lambda X: (X["c"].to_numpy() > 2.45) * 1.0, task="classification")
    got = permute(model, pl.DataFrame(IRIS_X, schema=list("cd")), YES, scoring=hits)
    assert kinds == {(pl.DataFrame, np.ndarray)}
    assert got.settings["score"]["hits"] == 1.0


@pytest.mark.parametrize("X", [IRIS_X, FRAME], ids=["array", "frame"])
def test_as_many_other_rows_are_asked_and_not_replayed(X):
    model = TEXTS if X is IRIS_X else NAMED

    def backwards(estimator, X, y):
        return accuracy_score(y, estimator.predict(X[::-1]))

    got = permute(model, X, YES, scoring=backwards, n_repeats=1)
    assert got.settings["score"]["backwards"] == (model.predict(X[::-1]) == YES).mean()


# --- scorers that refuse

def test_two_scorers_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two scorers of the name '<lambda>'"):
        permute(CODES, IRIS_X, IRIS_Y, scoring=[lambda e, X, y: 1.0, lambda e, X, y: 2.0])


CLASSES_3 = "y holds 0, 1 and 2, and the model's classes are 0, 1 and 2. Scorers that take these rows: "
CLASSES_2 = "y holds 0 and 1, and the model's classes are 0, 1 and 2. Pass rows of every class"
POSITIVE = "y holds no and yes.*: sklearn.metrics.make_scorer.sklearn.metrics.* pos_label='yes'"
NUMBERS = "it scores numbers, and the model is a classifier. y holds .* take these rows: 'accuracy'"
ONE_HOT = r"y holds a column of 0 and 1 for each class. Pass one label per row: model.classes_\[numpy.argm"
LABELS = xk.wrap(lambda X: CODES.predict(X), task="classification")
BOTH = DecisionTreeClassifier(max_depth=2, random_state=0).fit(
    IRIS_X, np.column_stack([IRIS_Y > 0, IRIS_Y > 1]) * 1)
NUMBER = xk.wrap(lambda X: X[:, 0], task="regression")
SEVERAL = "there are several targets. Scorers that take these rows: "

REFUSED = [
    (CODES, IRIS_Y, "f1", CLASSES_3 + "'f1_macro', 'f1_weighted' and 'f1_micro'"),
    (CODES, IRIS_Y, "precision", CLASSES_3 + "'precision_macro', 'precision_weighted' and"),
    (CODES, IRIS_Y, "recall_samples", CLASSES_3 + "'recall_macro'"),
    (CODES, IRIS_Y, "roc_auc", CLASSES_3 + "'roc_auc_ovr', 'roc_auc_ovo' and 'accuracy'"),
    (CODES, IRIS_Y, "neg_mean_gamma_deviance", NUMBERS), (TEXTS, YES, "r2", NUMBERS),
    (CODES, IRIS_Y[:100], "roc_auc_ovr", CLASSES_2), (CODES, IRIS_Y[:100], "neg_log_loss", CLASSES_2),
    (CODES, IRIS_Y[:100], "average_precision", CLASSES_2),
    (CODES, IRIS_Y[:50], "roc_auc_ovr", "y holds 0, and the"),
    (TEXTS, YES, "average_precision", POSITIVE), (TEXTS, YES, "f1", POSITIVE),
    (TEXTS, YES, "neg_brier_score", POSITIVE), (TEXTS, YES, "f1_samples", "take these rows: 'f1_macro'"),
    (TEXTS, YES[:50], "neg_log_loss", "y holds no, and the model's classes are no and yes. Pass rows"),
    (function(CODES), IRIS_Y, "f1", CLASSES_3), (function(TEXTS), YES, "average_precision", POSITIVE),
    (LABELS, IRIS_Y, "f1", CLASSES_3), (TEXTS, np.eye(2)[(IRIS_Y > 0) * 1], "accuracy", ONE_HOT),
    (CODES, np.eye(3)[IRIS_Y], "accuracy", ONE_HOT), (CODES, np.eye(3)[IRIS_Y], "f1", ONE_HOT),
    (BOTH, np.column_stack([IRIS_Y > 0, IRIS_Y > 1]), "f1", SEVERAL + "'f1_macro', 'f1_weighted'"),
    (NUMBER, IRIS_X[:, 0], "roc_auc", "the model is a regression. Scorers that take these rows: 'r2'"),
    (NUMBER, IRIS_Y, "neg_log_loss", "the model is a regression. Scorers that take these rows: 'r2'"),
    (xk.wrap(lambda X: X[:, 0]), IRIS_Y, "accuracy", r"is not known. Wrap it with xk.wrap\(model, task="),
]


@pytest.mark.filterwarnings("ignore:F-score is ill-defined")
@pytest.mark.parametrize(("model", "y", "scoring", "sentence"), REFUSED)
def test_scorers_that_refuse_the_labels(model, y, scoring, sentence):
    with pytest.raises(ValueError, match=f"the scorer {scoring!r} cannot score these rows: .*"
                                         f"{sentence}.* scikit-learn says: ") as refused:
        permute(model, IRIS_X[:len(y)], y, scoring=scoring)
    said = str(refused.value).split(" scikit-learn says: ")[0]
    for scorer in re.findall(r"'(\w+)'", said.partition("Scorers that take these rows")[2]):
        assert np.isfinite(permute(model, IRIS_X[:len(y)], y, scoring=scorer).values).all()


@pytest.mark.parametrize("scoring", ["f1", "precision", "average_precision", "neg_brier_score", "d2_brier_score"])
def test_the_scorer_of_a_positive_class_that_a_sentence_writes_works(scoring):
    with pytest.raises(ValueError, match="Name the positive class") as refused:
        permute(TEXTS, IRIS_X, YES, scoring=scoring)
    written = re.search(r"(sklearn\.metrics\.make_scorer\(.*\))\. scikit-learn", str(refused.value))[1]
    got = permute(TEXTS, IRIS_X, YES, scoring=eval(written, {"sklearn": sklearn}))
    want = permute(DecisionTreeClassifier(max_depth=2, random_state=0).fit(IRIS_X, IRIS_Y > 0),
                   IRIS_X, IRIS_Y > 0, scoring=scoring)
    np.testing.assert_allclose(got.values, want.values, atol=1e-12)


def test_labels_in_a_column_for_each_class_as_one_label_a_row():
    for model, classes in ((CODES, np.arange(3)), (TEXTS, np.array(["no", "yes"]))):
        y = np.eye(len(classes))[np.minimum(IRIS_Y, len(classes) - 1)]
        got = permute(model, IRIS_X, model.classes_[np.argmax(y, axis=1)])
        assert got.settings["score"]["accuracy"] > 0.9
    with pytest.raises(ValueError, match=r"a column of 0 and 1 for each output.*numpy.argmax\(y, axis=1\)"):
        permute(function(CODES), IRIS_X, np.eye(3)[IRIS_Y])
    permute(function(CODES), IRIS_X, np.argmax(np.eye(3)[IRIS_Y], axis=1))


@pytest.mark.parametrize("shift", [0, 1, -1])
def test_functions_that_return_one_of_several_labels(shift):
    def labels(X):
        return CODES.predict(X) + shift

    model = xk.wrap(labels, task="classification")
    got = permute(model, IRIS_X, IRIS_Y + shift)
    assert naive.numbers_of(got) == naive.numbers_of(permute(CODES, IRIS_X, IRIS_Y))
    with pytest.raises(ValueError, match="1 output for 3 classes: such a function must return labels"):
        permute(model, IRIS_X, IRIS_Y + shift, scoring="neg_log_loss")
    with pytest.raises(ValueError, match="1 output for 3 classes: such a function must return labels"):
        permute(xk.wrap(lambda X: X[:, 0] / 10, task="classification"), IRIS_X, IRIS_Y + shift)
    with pytest.raises(ValueError, match="the model gives 1 output, which does not fit the 3 classes in y"):
        permute(model, IRIS_X, np.array(["a", "b", "c"])[IRIS_Y])


def test_numbers_with_fractions_for_a_classifier():
    with pytest.raises(ValueError, match="y holds .* different numbers with fractions, and the model is a c"):
        permute(function(CODES), IRIS_X, IRIS_X[:, 0])


def test_a_scorer_of_classes_on_a_regression():
    with pytest.raises(ValueError, match="'accuracy' cannot score these rows: the model is a regr"):
        permute(xk.wrap(lambda X: X[:, 0], task="regression"), IRIS_X, IRIS_X[:, 0],
                scoring="accuracy")


def test_two_columns_of_labels_for_a_model_of_one_target(rng):
    X = rng.normal(size=(30, 2))
    y = np.where(X[:, 0] > 0, "yes", "no")
    explainer = xk.PermutationImportance(random_state=0).fit(DecisionTreeClassifier(max_depth=2).fit(X, y))
    with pytest.raises(ValueError, match="y has 2 columns. If the model names one class per row, pass one label"):
        explainer.explain(X, np.column_stack([y, y]))
