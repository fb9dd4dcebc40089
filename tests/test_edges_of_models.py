"""Models and answers at the edges of what libraries promise; each was wrong once."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import ClassifierChain
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

import xaikit as xk
from xaikit import ModelError, wrap


@pytest.fixture
def X(rng):
    return rng.normal(size=(90, 3))


@pytest.mark.parametrize("around", [
    lambda m: make_pipeline(StandardScaler(), m), lambda m: GridSearchCV(m, {"C": [1.0]}, cv=2),
    lambda m: make_pipeline(StandardScaler(), GridSearchCV(m, {"C": [1.0]}, cv=2))],
    ids=["pipeline", "search", "both"])
@pytest.mark.parametrize("n_classes", [3, 4])
def test_decisions_between_two_classes_are_named_so_inside_others(X, around, n_classes):
    y = np.digitize(X[:, 0], np.linspace(-0.7, 0.7, n_classes - 1))
    model = around(SVC(decision_function_shape="ovo")).fit(X, y)
    predictor = wrap(model, output="decision").bind(X)
    assert predictor.output_names[:2] == ("0 / 1", "0 / 2")
    np.testing.assert_array_equal(predictor(X), model.decision_function(X))


def test_classes_may_be_a_list(X):
    class Listed(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            self.classes_ = sorted(set(y))
            return self

        def predict_proba(self, X):
            return np.tile([0.4, 0.6], (len(X), 1))

        def predict(self, X):
            return [self.classes_[1]] * len(X)

    y = (X[:, 0] > 0).astype(int)
    assert wrap(Listed().fit(X, y.tolist())).bind(X).output_names == ("0", "1")
    words = np.where(y, "dog", "cat").tolist()
    assert wrap(Listed().fit(X, words)).bind(X).output_names == ("cat", "dog")


def test_a_chain_answers_once_a_target(X):
    model = ClassifierChain(LogisticRegression()).fit(X, (X[:, :2] > 0).astype(int))
    predictor = wrap(model).bind(X)
    assert predictor.output_names == ("0: 1", "1: 1")
    np.testing.assert_array_equal(predictor(X), model.predict_proba(X))


def test_frames_without_text_labels_reach_what_was_fitted_on_them(X):
    frame = pd.DataFrame(X)
    model = make_pipeline(FunctionTransformer(second), LinearRegression()).fit(frame, X[:, 0])
    np.testing.assert_array_equal(wrap(model).bind(frame)(frame)[:, 0], model.predict(frame))


def second(frame):
    return frame.loc[:, [1]]


def test_names_of_a_fit_do_not_depend_on_what_is_loaded(X):
    pytest.importorskip("lightgbm")
    frame = pd.DataFrame(X[:, :2], columns=["Column_0", "Column_1"])
    scaled = make_column_transformer((StandardScaler(), ["Column_0"]))
    model = make_pipeline(scaled, LinearRegression()).fit(frame, X[:, 0])
    np.testing.assert_array_equal(wrap(model).bind(frame)(frame)[:, 0], model.predict(frame))


# Answers ------------------------------------------------------------------------------------------


def share(Z):
    return 1.0 / (1.0 + np.exp(-np.asarray(Z)[:, 0]))


def as_frame(Z):
    p = share(Z)
    return pd.DataFrame({"a": p, "b": 1 - p})[["a", "b"] if p[0] > 0.5 else ["b", "a"]]


def as_dicts(Z):
    return [{"a": p, "b": 1 - p} if p > 0.5 else {"b": 1 - p, "a": p} for p in share(Z)]


@pytest.mark.parametrize("model", [as_frame, as_dicts])
@pytest.mark.parametrize("settings", [{}, {"output_names": ["first", "second"]}, {"outputs": [0]}])
def test_columns_that_answers_name_are_put_in_order(model, settings):
    predictor = wrap(model, **settings)
    p = share(np.array([[2.0], [-2.0]]))
    want = np.column_stack([p, 1 - p])[:, : 1 if "outputs" in settings else 2]
    for i, row in enumerate(([[2.0]], [[-2.0]])):
        np.testing.assert_allclose(predictor(row), want[i : i + 1])


def test_other_names_are_refused_whatever_the_user_calls_them():
    predictor = wrap(lambda Z: pd.DataFrame({"a" if Z[0, 0] > 0 else "c": Z[:, 0]}),
                     output_names=["mine"])
    predictor(np.ones((1, 1)))
    with pytest.raises(ModelError, match="changed from a to c"):
        predictor(-np.ones((1, 1)))


def test_masked_answers_are_missing_ones(X):
    with pytest.raises(ModelError, match="rows with masked cells, which means that they are missing"):
        wrap(lambda Z: np.ma.masked_less(Z[:, 0], 0.0))(X)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_small_output_beside_a_large_one_is_probed_by_its_own_size(X, dtype):
    def model(Z):
        return np.column_stack([1e5 * (1 + Z[:, 0]**2), Z[:, 1] - Z[:, 1].mean()]).astype(dtype)

    with pytest.raises(ValueError, match="depends on the other rows"):
        wrap(model).bind(X)


def test_rounding_of_float32_beside_a_large_output_is_no_dependence(X):
    calls = []

    def model(Z):
        calls.append(len(Z))
        rounding = 5e-8 * len(calls) * 1e6
        return np.column_stack([np.full(len(Z), 1e6), Z[:, 1] + rounding]).astype(np.float32)

    assert wrap(model).bind(X).findings.repeatable


def test_errors_whose_text_says_little_are_told_with_their_kind(X):
    def no_key(Z):
        raise KeyError("age")

    def no_text(Z):
        raise AssertionError

    with pytest.raises(ModelError, match=r"KeyError: 'age'$"):
        wrap(no_key)(X)
    with pytest.raises(ModelError, match=r": AssertionError$"):
        wrap(no_text)(X)


@pytest.mark.parametrize(("outputs", "words"), [([], "outputs is empty"), ([0, 0], "twice"),
                                                ([0, -1], "twice")])
def test_outputs_that_name_nothing_or_the_same(X, outputs, words):
    with pytest.raises(ValueError, match=words):
        wrap(lambda Z: Z[:, 0], outputs=outputs).bind(X)


# Tables -------------------------------------------------------------------------------------------


def test_texts_of_which_one_is_missing_are_no_table():
    with pytest.raises(ValueError, match="got None of type NoneType at position 2"):
        wrap(lambda texts: np.ones(len(texts))).bind(["a film", "bb", None])


def test_true_is_no_level_of_whole_numbers():
    predictor = wrap(lambda Z: np.ones(len(Z))).bind(pd.DataFrame({"c": pd.Categorical([1, 2])}))
    with pytest.raises(ValueError, match="levels that its categories do not know: True"):
        predictor(pd.DataFrame({"c": [True]}))


def test_missing_whole_numbers_for_a_model_of_arrays(X):
    frame = pd.DataFrame({"x0": pd.array([1, None], dtype="Int64"), "x1": [1.0, 2], "x2": [0.0, 0]})
    seen = []
    predictor = wrap(lambda Z: (seen.append(Z), np.nan_to_num(Z).sum(axis=1))[1]).bind(X)
    np.testing.assert_array_equal(predictor(frame)[:, 0], [2.0, 2.0])
    np.testing.assert_array_equal(seen[-1][:, 0], [1.0, np.nan])


def test_dense_rows_for_a_sparse_column():
    frame = pd.DataFrame({"c": pd.arrays.SparseArray([0.0, 0, 1]), "n": [1.0, 2, 3]})
    seen = []
    predictor = wrap(lambda Z: (seen.append(Z), Z["n"])[1]).bind(frame)
    predictor(frame.astype(float))
    pd.testing.assert_frame_equal(seen[-1], frame)


def test_columns_of_lists_are_refused_with_what_to_do():
    frame = pd.DataFrame({"c": [[1], [2, 3]] * 15, "n": np.arange(30.0)})
    with pytest.raises(TypeError, match="unnest them into columns"):
        xk.KernelSHAP().fit(lambda Z: Z["n"], frame).explain(frame[:1])


def test_a_fraction_widens_a_column_of_polars():
    pl = pytest.importorskip("polars")
    seen = []
    predictor = wrap(lambda Z: (seen.append(Z), Z["a"] * 1.0)[1]).bind(pl.DataFrame({"a": [1, 2]}))
    np.testing.assert_array_equal(predictor(pl.DataFrame({"a": [0.7, 2.0]}))[:, 0], [0.7, 2.0])
    assert seen[-1].schema["a"] == pl.Float64


def test_catboost_is_not_handed_what_would_end_the_process(X):
    catboost, pl = pytest.importorskip("catboost"), pytest.importorskip("polars")
    city = np.array(["Ulm", "Bonn", "Kiel"])[np.arange(90) % 3]
    frame = pd.DataFrame({"n": X[:, 0], "city": city})
    model = catboost.CatBoostRegressor(iterations=5, verbose=0, cat_features=["city"],
                                       allow_writing_files=False)
    model.fit(frame, X[:, 0])
    given = pl.DataFrame({"n": X[:, 0], "city": pl.Series(city, dtype=pl.Categorical)})
    np.testing.assert_allclose(wrap(model).bind(given)(given)[:, 0], model.predict(frame))


# Torch --------------------------------------------------------------------------------------------


def test_numbers_too_large_for_a_half_precision_module():
    torch = pytest.importorskip("torch")
    with pytest.raises(ModelError, match="float16 was given numbers too large for it"):
        wrap(torch.nn.Linear(1, 1).half())(np.array([[1e5], [2.0]]))


def test_what_a_module_keeps_of_its_first_call_can_be_trained_through(X):
    torch = pytest.importorskip("torch")

    class Rotary(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear, self.table = torch.nn.Linear(3, 4), None

        def forward(self, x):
            if self.table is None:
                self.table = torch.cos(torch.arange(4.0))
            return self.linear(x) * self.table

    module = Rotary()
    wrap(module).bind(X)
    module(torch.zeros(2, 3)).sum().backward()
    assert module.linear.bias.grad is not None


def test_rows_that_only_fill_a_batch_are_not_judged():
    torch = pytest.importorskip("torch")
    pytest.importorskip("torch.export")
    program = torch.export.export(torch.nn.Linear(2, 1), (torch.zeros(4, 2),))
    with pytest.raises(ModelError, match=r"1 of 2 rows with NaN or infinity \(rows 1 of"):
        wrap(program)(np.array([[1, 2], [np.nan, 1]], dtype=np.float32))
