"""Predictor: what the probe finds when a model is bound to a table."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest
import reference_importance as naive
from predictor_cases import IRIS_X, ON_ARRAY
from sklearn.base import BaseEstimator
from sklearn.datasets import load_iris
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import Pipeline

import xaikit as xk
from xaikit.predictor.wrapping import wrap


@pytest.mark.parametrize("container", [np.array, pd.DataFrame])
def test_a_model_that_writes_into_its_batch(container):
    def model(X):
        out = np.array(X)[:, 0].copy()
        if isinstance(X, pd.DataFrame):
            X.iloc[:, 0] = -1.0
        else:
            X[:, 0] = -1.0
        return out

    table = container(IRIS_X)
    predictor = wrap(model).bind(table)
    got = predictor(table)
    np.testing.assert_array_equal(got[:, 0], IRIS_X[:, 0])
    np.testing.assert_array_equal(np.asarray(table), load_iris().data)
    assert not predictor.findings.keeps_input
    assert any("changes the batch" in w for w in predictor.findings.warnings)


def test_a_noisy_model_is_warned_of():
    rng = np.random.default_rng(0)
    predictor = wrap(lambda X: rng.normal(size=len(X))).bind(IRIS_X)
    assert not predictor.findings.repeatable
    assert any("dropout" in w for w in predictor.findings.warnings)


@pytest.mark.parametrize("model", [
    lambda X: X[:, 0] - X[:, 0].mean(),
    lambda X: np.arange(len(X), dtype=float),
    lambda X: X[:, 0] / len(X),
])
def test_a_model_whose_answers_depend_on_the_batch_is_refused(model):
    with pytest.raises(ValueError, match="depends on the other rows of the batch"):
        wrap(model).bind(IRIS_X[[0, 60]])


def test_a_quiet_model_has_no_findings():
    predictor = wrap(ON_ARRAY).bind(IRIS_X)
    findings = predictor.findings
    assert findings.repeatable
    assert findings.keeps_input
    assert findings.warnings == ()
    assert findings.n_outputs == 3
    assert findings.seconds_per_row > 0
    # Four rows, twice, and one; then eight rows, twice, for the order of the classes.
    assert predictor.ledger.rows == 9 + 16


def test_the_probe_looks_for_two_different_rows():
    X = np.array([[1.0, 2.0], [1.0, 2.0], [3.0, 4.0]])
    with pytest.raises(ValueError, match="depends on the other rows"):
        wrap(lambda Z: Z[:, 0] - Z[:, 0].mean()).bind(X)
    assert wrap(lambda Z: Z[:, 0]).bind(X[:2]).findings.n_rows == 1


def test_objects_with_nan_are_not_taken_for_changed():
    X = np.array([[1.0, "a"], [np.nan, "b"]], dtype=object)
    assert wrap(lambda Z: np.arange(len(Z)) * 0.0).bind(X).findings.keeps_input


def test_findings_are_there_after_bind_alone():
    with pytest.raises(AttributeError, match=r"has not been probed: bind it to some rows first"):
        wrap(lambda Z: Z[:, 0]).findings  # noqa: B018


# --- the index of a frame

DAYS = pd.DataFrame({"a": np.arange(12.0), "b": np.arange(12.0) % 5},
                    index=pd.date_range("2026-02-20", periods=12, name="day"))


def seasonal(X):
    return X["a"].to_numpy() * X.index.month


def sorted_by_b(X):
    return (2.0 * X["a"]).sort_values(key=lambda a: -a)


@pytest.mark.parametrize("index", [DAYS.index, pd.RangeIndex(12), pd.Index(list("lkjihgfedcba"))], ids=type)
def test_answers_that_carry_the_index_are_put_in_order(index):
    X = DAYS.set_axis(index)
    predictor = wrap(sorted_by_b).bind(X)
    np.testing.assert_array_equal(predictor(X)[:, 0], 2.0 * X["a"])
    assert not predictor.findings.reads_index
    e = xk.PermutationImportance(random_state=0).fit(sorted_by_b).explain(X)
    np.testing.assert_array_equal(
        e.values, xk.PermutationImportance(random_state=0).fit(lambda X: 2.0 * X["a"].to_numpy()).explain(X).values)


def test_a_model_that_reads_the_index_is_handed_it_by_global_methods():
    predictor = wrap(seasonal).bind(DAYS)
    assert predictor.findings.reads_index
    np.testing.assert_array_equal(predictor(DAYS)[:, 0], seasonal(DAYS))
    plain = DAYS.reset_index(drop=True).assign(month=DAYS.index.month)
    of_columns = xk.MeanImpactValue().fit(lambda X: X["a"] * X["month"]).explain(plain)
    np.testing.assert_allclose(xk.MeanImpactValue().fit(seasonal).explain(DAYS).values, of_columns.values[:2])
    lent = [DAYS["a"].to_numpy()[source] for source in naive.sources(0, 0, 10, DAYS)]
    want = np.mean([np.abs(cells - DAYS["a"]) * DAYS.index.month for cells in lent])
    e = xk.PermutationImportance(random_state=0).fit(seasonal).explain(DAYS)
    np.testing.assert_allclose(e.values[:, 0], [want, 0.0], rtol=1e-12)


def test_a_scorer_and_a_model_see_the_same_index():
    y = pd.Series(seasonal(DAYS), DAYS.index)
    def scorer(model, X, y):
        return -float(np.abs(np.asarray(model.predict(X)) - X["a"] * X.index.month).max())
    e = xk.PermutationImportance(random_state=0, scoring=scorer).fit(
        wrap(seasonal, task="regression")).explain(DAYS, y)
    np.testing.assert_array_equal(e.values, 0.0)


@pytest.mark.parametrize("model", [
    seasonal, lambda X: X["a"] + DAYS["b"].to_numpy()[np.asarray(X.index.map(DAYS.index.get_loc))]],
    ids=["needs dates", "looks rows up"])
@pytest.mark.parametrize("explainer", [xk.KernelSHAP, xk.LIME, xk.Occlusion, xk.PredictionDifference])
def test_methods_that_compose_rows_refuse_a_model_that_reads_the_index(explainer, model):
    with pytest.raises(xk.ProbeError, match=r"index of its rows.*X\.reset_index\(\)"):
        explainer().fit(model, DAYS)
    with pytest.raises(xk.ProbeError, match="index of its rows"):
        xk.report(model, DAYS, path=None)


def test_labels_that_occur_twice_stop_no_model_that_needs_none():
    X = DAYS.set_axis(np.zeros(12, dtype=int))
    predictor = wrap(lambda Z: Z["a"].reindex(Z.index.sort_values()).to_numpy()).bind(X)
    np.testing.assert_array_equal(predictor(X)[:, 0], X["a"])
    assert not predictor.findings.reads_index


def test_a_model_that_looks_rows_up_by_position_is_seen():
    table = DAYS.reset_index(drop=True)
    with pytest.raises(xk.ProbeError, match="index of its rows"):
        xk.KernelSHAP().fit(lambda X: X["a"] + table["b"].loc[X.index].to_numpy(), table)


# --- other rows of the batch

@pytest.mark.parametrize("most", [3, 4])
def test_a_model_that_changes_from_three_rows_on_is_refused(most):
    with pytest.raises(xk.ProbeError, match="depends on the other rows"):
        wrap(lambda X: X[:, 0] - X[:, 0].mean() * (len(X) >= most)).bind(IRIS_X)


DIFFERS = "rows together, the model answers otherwise than about a few"
TEXTS = ["one two three four five six", "seven eight nine ten"]
IMAGES = np.random.default_rng(0).random((2, 16, 16, 3))


def of_tables(X):
    return X[:, 0]


def of_texts(texts):
    return np.array([len(text) for text in texts], dtype=float)


def of_images(images):
    return np.asarray(images).mean(axis=(1, 2, 3))


@pytest.mark.parametrize("most", [6, 50])
@pytest.mark.parametrize(("ask", "own"), [
    (lambda f: xk.KernelSHAP().fit(f, IRIS_X).explain(IRIS_X[:1]), of_tables),
    (lambda f: xk.KernelSHAP(batch_size=60).fit(f, IRIS_X).explain(IRIS_X[:1]), of_tables),
    (lambda f: xk.PermutationImportance(n_repeats=1).fit(f).explain(IRIS_X), of_tables),
    (lambda f: xk.MeanImpactValue().fit(f).explain(IRIS_X), of_tables),
    (lambda f: xk.LIME().fit(f, IRIS_X).explain(IRIS_X[:3]), of_tables),
    (lambda f: xk.LIME(n_jobs=2).fit(f, IRIS_X).explain(IRIS_X[:40]), of_tables),
    (lambda f: xk.Occlusion().fit(f, IRIS_X).explain(IRIS_X[:1]), of_tables),
    (lambda f: xk.KernelSHAP().fit(f, xk.TextMasker()).explain(TEXTS), of_texts),
    (lambda f: xk.LIME().fit(f, xk.TextMasker()).explain(TEXTS), of_texts),
    (lambda f: xk.LIME().fit(f, xk.ImageMasker("grid")).explain(IMAGES), of_images),
    (lambda f: xk.RISE(budget=300).fit(f, xk.ImageMasker("grid")).explain(IMAGES), of_images)],
    ids=["games", "batches", "permutation", "impact", "lime", "workers", "occlusion", "texts",
         "lime of texts", "images", "rise"])
def test_a_model_that_changes_in_larger_batches_is_warned_of(ask, own, most):
    def batchy(X):
        answers = own(X)
        return answers - answers.mean() * (len(answers) >= most)

    assert sum(DIFFERS in w for w in ask(batchy).warnings) == 1
    assert not any(DIFFERS in w for w in ask(own).warnings)


class Summed(BaseEstimator):
    """Adds up counts, otherwise from so many texts on."""

    def __init__(self, most):
        self.most = most

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def predict(self, X):
        return np.asarray(X.sum(axis=1)).ravel() * (1.0 + (X.shape[0] >= self.most))


def counts_of(most):
    return Pipeline([("words", CountVectorizer()), ("sum", Summed(most))]).fit(TEXTS)


class ByBatch:
    """A regressor or classifier that answers otherwise from so many rows on."""

    def __init__(self, most, labels=False):
        self.most, self._estimator_type = most, "classifier" if labels else "regressor"
        self.labels = labels
        if labels:
            self.classes_ = np.array(["big", "small"])

    def predict(self, X):
        X = np.asarray(X)
        found = X[:, 0] - 100 * (len(X) >= self.most)
        return np.where(found > 5.8, "big", "small") if self.labels else found


FEW, SOME = IRIS_X[::8][:20], IRIS_X[::3]  # 20 and 50 rows
SIZES = np.where(SOME[:, 0] > 5.8, "big", "small")
FLAGGED = np.column_stack([SOME, np.arange(50) < 2])[:, [4, 0, 1]].astype(float)  # shuffling it asks few rows
FLAGGED[:, 0] *= 0.5
PLAIN = np.column_stack([np.ones(50), SOME])  # of which the first column says nothing


@pytest.mark.parametrize(("ask", "most"), [
    (lambda most: xk.KernelSHAP().fit(lambda X: ByBatch(most).predict(X), FEW).explain(SOME), 21),
    (lambda most: xk.KernelSHAP(n_jobs=2).fit(lambda X: ByBatch(most).predict(X), FEW).explain(SOME), 50),
    (lambda most: xk.LIME().fit(ByBatch(most), FEW).explain(SOME[:2]), 50),
    (lambda most: xk.Occlusion().fit(ByBatch(most), FEW).explain(SOME[:2]), 50),
    (lambda most: xk.PredictionDifference().fit(ByBatch(most), FEW).explain(SOME[:2]), 50),
    (lambda most: xk.PermutationImportance().fit(ByBatch(most)).explain(SOME), 51),
    (lambda most: xk.PermutationImportance().fit(ByBatch(most)).explain(SOME, SOME[:, 0]), 60),
    (lambda most: xk.PermutationImportance().fit(ByBatch(most, labels=True)).explain(SOME, SIZES), 20),
    (lambda most: xk.PermutationImportance().fit(ByBatch(most, labels=True)).explain(SOME, SIZES), 60),
    (lambda most: xk.PermutationImportance(n_jobs=2).fit(lambda X: X[:, 1] * (len(X) < most)).explain(PLAIN), 51),
    (lambda most: xk.MeanImpactValue().fit(ByBatch(most)).explain(SOME), 60),
    (lambda most: xk.MeanImpactValue(mode="sd").fit(lambda X: X[:, 1] * (len(X) < most)).explain(PLAIN), 60),
    (lambda most: xk.PermutationImportance().fit(ByBatch(most)).explain(FLAGGED), 300),
    (lambda most: xk.PermutationImportance().fit(ByBatch(most)).explain(FLAGGED, SOME[:, 0]), 300),
    (lambda most: xk.MeanImpactValue().fit(ByBatch(most)).explain(FLAGGED), 80),
    *[(lambda most, e=e: e().fit(lambda T: of_texts(T) * (len(T) < most), xk.TextMasker()).explain(
        ["fine", *TEXTS]), 8) for e in (xk.KernelSHAP, xk.LIME)],
    (lambda most: xk.KernelSHAP().fit(counts_of(most), xk.TextMasker()).explain(["one", *TEXTS]), 20),
    (lambda most: xk.KernelSHAP().fit(ByBatch(most), np.zeros((1, 4))).explain([[1, 0, 0, 0], [1, 2, 3, 4]]), 8),
], ids=["shap", "workers", "lime", "occlusion", "difference", "permutation", "score", "labels", "labels shuffled",
        "constant column", "impact", "impact of a constant column", "rare flag", "score of a rare flag",
        "impact of a rare flag", "short text first", "lime of a short text first",
        "counted words", "first row like the background"])
def test_a_model_that_changes_only_in_batches_larger_than_the_background_is_warned_of(ask, most):
    assert sum(DIFFERS in w for w in ask(most).warnings) == 1
    assert not any(DIFFERS in w for w in ask(10**9).warnings)


class ByRank(ByBatch):
    """A classifier that moves its threshold in large batches, so that few labels flip."""

    def predict(self, X):
        return np.where(np.asarray(X)[:, 0] > 5.8 + 0.5 * (len(X) >= self.most), "big", "small")


@pytest.mark.parametrize("n_classes", [3, 6, 10])
def test_labels_of_many_classes_are_labels(n_classes):
    def model(X, most=60):
        found = (np.asarray(X)[:, 0] * 7).astype(int) % n_classes
        flips = (np.arange(len(found)) * 7 % 10 < 2) & (len(found) >= most)
        return (found + flips) % n_classes

    assert sum(DIFFERS in w for w in xk.LIME().fit(model, FEW).explain(SOME[:1]).warnings) == 1


def test_answers_in_another_order_of_an_index_that_repeats_are_refused():
    X = DAYS.assign(hour=DAYS.index.day)

    def by_time(Z):
        return (Z["a"] + Z.index.day).sort_values()

    assert wrap(by_time).bind(X).findings.reads_index
    for explainer in (xk.PermutationImportance(), xk.MeanImpactValue()):
        with pytest.raises(xk.ModelError, match="in another order than the rows, by an index in which labels occur"):
            explainer.fit(by_time).explain(X)


@pytest.mark.parametrize("method", ["predict", "function"])
def test_a_few_labels_that_flip_in_larger_batches_are_seen(method):
    def ask(most):
        model = ByRank(most, labels=True)
        if method == "predict":
            return xk.PermutationImportance(random_state=0).fit(model).explain(SOME, SIZES)
        return xk.LIME(random_state=0).fit(lambda X: model.predict(X) == "big", FEW).explain(SOME[:1])

    assert sum(DIFFERS in w for w in ask(60).warnings) == 1
    assert not any(DIFFERS in w for w in ask(10**9).warnings)


GAPS = SOME.copy()
GAPS[7::9, 0] = np.nan


def filled_in(X, least):
    """Fill gaps by the mean of the batch, if it is large enough, else by 6."""
    X = np.asarray(X, dtype=float)
    known = X[~np.isnan(X[:, 0]), 0]
    filled = 6.0 if len(X) < least else known.mean() if len(known) else np.nan
    return np.where(np.isnan(X[:, 0]), filled, X[:, 0]) + X[:, 1]


@pytest.mark.parametrize("kind", [np.asarray, pd.DataFrame])
def test_a_model_that_fills_in_missing_cells_from_its_batch_is_seen(kind):
    X = kind(GAPS)
    for least, words in ((2, "depends on the other rows"), (1, "NaN")):
        with pytest.raises(xk.XaikitError, match=words):
            xk.LIME().fit(partial(filled_in, least=least), X)
    for most in (20, 10**9):
        asked = (xk.LIME().fit(partial(filled_in, least=most), X).explain(X[:2]),
                 xk.PermutationImportance().fit(partial(filled_in, least=most)).explain(X))
        assert [sum(DIFFERS in w for w in e.warnings) for e in asked] == [most == 20] * 2


@pytest.mark.parametrize("images", [[0, 1, 2], [2, 1, 0], [1, 0, 2]])
def test_a_call_whose_answers_are_all_equal_tells_nothing(images):
    stack = np.stack([np.zeros((16, 16, 3)), *IMAGES])[images]
    model = xk.RISE(budget=300).fit(lambda A: of_images(A) * (1 + 0.5 * (len(A) >= 20)), xk.ImageMasker("grid"))
    assert sum(DIFFERS in w for w in model.explain(stack).warnings) == 1
    rows = np.array([[0.0, 0, 0, 0], [1, 2, 3, 4]])
    other = xk.Occlusion().fit(lambda X: X[:, 0] * (1 + (len(X) >= 30)), np.abs(FEW) * [0, 1, 1, 1])
    assert sum(DIFFERS in w for w in other.explain(rows).warnings) == 1


def test_explainers_that_share_games_give_one_warning_each():
    def batchy(X):
        return X[:, 0] * X[:, 1] * (1 + (len(X) >= 100))

    games = xk.KernelSHAP().fit(batchy, FEW).games(SOME[:4])
    one = xk.KernelSHAP(budget=500, solver="wls").fit(batchy, games[0].row.masker).explain(games[1:2])
    two = xk.LIME().fit(batchy, games[0].row.masker).explain(games[2:])
    for e in (one, two, *(method().fit(batchy, games[0].row.masker).explain(games)
                          for method in (xk.Occlusion, xk.LIME, xk.KernelSHAP))):
        assert sum(DIFFERS in w for w in e.warnings) == 1


def test_a_model_that_was_warned_of_at_fit_is_not_warned_of_again():
    batchy = xk.KernelSHAP().fit(ByBatch(10), FEW)
    assert sum(DIFFERS in w for w in batchy.explain(SOME[:2]).warnings) == 1
