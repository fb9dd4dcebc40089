"""Predictor: any model as one function, and what each kind of model is handed."""

from __future__ import annotations

import pickle
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris, make_classification, make_regression
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC

import xaikit as xk
from xaikit.errors import ModelError
from xaikit.predictor.adapter import Predictor
from xaikit.predictor.answers import as_answers
from xaikit.predictor.ledger import Ledger
from xaikit.predictor.wrapping import wrap

IRIS_X, IRIS_Y = load_iris(return_X_y=True)
SPECIES = np.array(["setosa", "versicolor", "virginica"])[IRIS_Y]
IRIS_FRAME = pd.DataFrame(IRIS_X, columns=["sl", "sw", "pl", "pw"])

# Fitted once: none of the tests may change a model.
ON_FRAME = LogisticRegression(max_iter=500).fit(IRIS_FRAME, SPECIES)
ON_ARRAY = LogisticRegression(max_iter=500).fit(IRIS_X, SPECIES)


class Seen(BaseEstimator, TransformerMixin):
    """A pipeline step that passes its input on and keeps what it saw."""

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        self.fitted_dtypes_ = list(X.dtypes)
        self.columns_ = list(X.columns)
        self.feature_names_in_ = np.array(X.columns, dtype=object)
        self.seen_ = []
        return self

    def transform(self, X):
        self.seen_.append(X)
        return X


class Recorder(BaseEstimator):
    """A regressor fitted on an array or a frame that keeps every batch."""

    def __init__(self, write=False):
        self.write = write

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        if isinstance(X, pd.DataFrame):
            self.feature_names_in_ = np.array(X.columns, dtype=object)
        self.seen_ = []
        return self

    def predict(self, X):
        self.seen_.append(X)
        out = np.asarray(X, dtype=float).sum(axis=1)
        if self.write:
            X[:, 0] = 0.0
        return out


def mixed_people(n=60):
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({
        "age": rng.integers(18, 80, n),
        "income": rng.normal(30, 9, n).astype(np.float32),
        "member": rng.random(n) < 0.5,
        "city": pd.Categorical(rng.choice(["Ulm", "Bonn"], n), categories=["Ulm", "Bonn", "Kiel"]),
        "grade": pd.Categorical(rng.choice(["lo", "hi"], n), categories=["lo", "mid", "hi"],
                                ordered=True),
        "job": rng.choice(["clerk", "cook"], n),
        "visits": pd.array(np.where(rng.random(n) < 0.2, None, rng.integers(0, 9, n)), "Int64"),
        "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D"),
        "score": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
    })
    y = (frame["age"] + 9 * frame["member"] + 5 * (frame["city"] == "Ulm") > 50).to_numpy()
    return frame, np.where(y, "yes", "no")


def people_pipeline(frame, y):
    columns = ColumnTransformer([
        ("numbers", SimpleImputer(), ["age", "income", "score"]),
        ("levels", OneHotEncoder(handle_unknown="ignore"), ["city", "grade", "job", "member"]),
    ])
    return make_pipeline(Seen(), columns, LogisticRegression(max_iter=1000)).fit(frame, y)


# --- estimators answer as they do by themselves

CLASSIFIERS = [
    pytest.param(LogisticRegression(max_iter=500), SPECIES, id="text labels"),
    pytest.param(LogisticRegression(max_iter=500), IRIS_Y, id="int labels"),
    pytest.param(LogisticRegression(max_iter=500), np.array([7, -3, 2])[IRIS_Y],
                 id="labels in an unusual order"),
    pytest.param(RandomForestClassifier(5, random_state=0), IRIS_Y == 1, id="bool labels"),
    pytest.param(make_pipeline(StandardScaler(), SVC()), SPECIES,
                 id="pipeline with decision function"),
    pytest.param(GridSearchCV(LogisticRegression(max_iter=500), {"C": [1.0]}, cv=2), SPECIES,
                 id="grid search"),
]


@pytest.mark.parametrize(("model", "y"), CLASSIFIERS)
def test_classifiers(model, y):
    model.fit(IRIS_X, y)
    predictor = wrap(model)
    answer = model.predict_proba if hasattr(model, "predict_proba") else model.decision_function
    np.testing.assert_array_equal(predictor(IRIS_X), answer(IRIS_X))
    assert predictor.output_names == tuple(str(c) for c in np.unique(y))
    assert predictor.scale == ("proba" if hasattr(model, "predict_proba") else "decision")
    assert predictor.task == "classification"
    assert predictor.kind == "estimator"


@pytest.mark.parametrize("model", [LinearSVC(), RidgeClassifier(), SVC()])
def test_binary_decision_functions_are_one_output_named_by_the_second_class(model):
    y = np.where(IRIS_Y == 1, "yes", "no")
    model.fit(IRIS_X, y)
    predictor = wrap(model)
    np.testing.assert_array_equal(predictor(IRIS_X)[:, 0], model.decision_function(IRIS_X))
    assert predictor.output_names == ("yes",)
    assert predictor.scale == "decision"


@pytest.mark.parametrize("n_classes", [3, 4])
def test_one_against_one_decision_functions_are_not_named_after_classes(n_classes):
    # Pairs of classes: 3 for 3 classes, which are not the classes themselves, and 6 for 4.
    y = IRIS_Y.copy()
    y[:20] = n_classes - 1
    model = SVC(decision_function_shape="ovo").fit(IRIS_X, y)
    predictor = wrap(model)
    got = predictor(IRIS_X)
    np.testing.assert_array_equal(got, model.decision_function(IRIS_X))
    assert predictor.output_names != tuple(str(c) for c in model.classes_)
    assert len(predictor.output_names) == n_classes * (n_classes - 1) // 2


@pytest.mark.parametrize("model", [LinearRegression(), RandomForestRegressor(5, random_state=0)])
def test_regressors(model):
    X, y = make_regression(50, 3, random_state=0)
    model.fit(X, y)
    predictor = wrap(model)
    got = predictor(X)
    np.testing.assert_array_equal(got, model.predict(X)[:, None])
    assert (predictor.task, predictor.scale) == ("regression", "prediction")
    assert predictor.output_names == ("output",)


def test_outlier_detectors_answer_with_their_decision_function():
    model = IsolationForest(n_estimators=10, random_state=0).fit(IRIS_X)
    predictor = wrap(model)
    np.testing.assert_array_equal(predictor(IRIS_X)[:, 0], model.decision_function(IRIS_X))
    assert predictor.scale == "decision"


@pytest.mark.parametrize("model", [
    MultiOutputClassifier(LogisticRegression(max_iter=500)), RandomForestClassifier(5, random_state=0),
])
def test_classifiers_of_several_targets(model):
    Y = np.column_stack([SPECIES, np.where(IRIS_X[:, 0] > 5.8, "long", "short")])
    model.fit(IRIS_X, Y)
    predictor = wrap(model)
    want = np.concatenate(model.predict_proba(IRIS_X), axis=1)
    np.testing.assert_array_equal(predictor(IRIS_X), want)
    assert predictor.output_names == (
        "0: setosa", "0: versicolor", "0: virginica", "1: long", "1: short")


@pytest.mark.parametrize("model", [
    MultiOutputRegressor(LinearRegression()), LinearRegression(),
    RandomForestRegressor(5, random_state=0),
])
def test_regressors_of_several_targets(model):
    X, Y = make_regression(50, 3, n_targets=2, random_state=0)
    model.fit(X, Y)
    predictor = wrap(model)
    np.testing.assert_array_equal(predictor(X), model.predict(X))
    assert predictor.output_names == ("output 0", "output 1")


def test_bound_methods_are_known_as_their_estimators():
    model = ON_FRAME
    for method, scale in (("predict_proba", "proba"), ("decision_function", "decision")):
        predictor = wrap(getattr(model, method))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            got = predictor.bind(IRIS_X)(IRIS_X)
        np.testing.assert_array_equal(got, getattr(model, method)(IRIS_FRAME))
        assert predictor.output_names == ("setosa", "versicolor", "virginica")
        assert (predictor.scale, predictor.task) == (scale, "classification")


def test_a_bound_method_is_not_labelled_as_another_answer():
    model = ON_ARRAY
    try:
        scale = wrap(model.predict_proba, output="decision").scale
    except ValueError:
        return
    assert scale == "proba"


# --- which answer, which outputs

@pytest.mark.parametrize(("output", "method"), [
    ("proba", "predict_proba"), ("decision", "decision_function"), ("prediction", "predict"),
    (None, "predict_proba"),
])
def test_output_chooses_the_answer(output, method):
    model = LogisticRegression().fit(IRIS_X[::5], IRIS_Y[::5])
    got = wrap(model, output=output)(IRIS_X)
    want = getattr(model, method)(IRIS_X).reshape(len(IRIS_X), -1)
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize(("model", "output", "sentence"), [
    (LogisticRegression(), "margin", "output must be one of proba"),
    (LinearSVC(), "proba", "LinearSVC has no predict_proba"),
])
def test_wrong_output_is_an_error(model, output, sentence):
    with pytest.raises(ValueError, match=sentence):
        wrap(model.fit(IRIS_X[::5], IRIS_Y[::5]), output=output)


@pytest.mark.parametrize(("outputs", "columns", "names"), [
    ("virginica", [2], ("virginica",)),
    (0, [0], ("setosa",)),
    (-1, [2], ("virginica",)),
    (np.int64(1), [1], ("versicolor",)),
    (["virginica", 0], [2, 0], ("virginica", "setosa")),
    (("setosa",), [0], ("setosa",)),
])
def test_outputs_keeps_some(outputs, columns, names):
    model = ON_ARRAY
    predictor = wrap(model, outputs=outputs)
    assert predictor.output_names == names
    np.testing.assert_array_equal(predictor(IRIS_X), model.predict_proba(IRIS_X)[:, columns])


@pytest.mark.parametrize("outputs", ["rose", 3, -4, ["setosa", "rose"], 0.5])
def test_outputs_that_are_not_there_are_errors(outputs):
    model = ON_ARRAY
    with pytest.raises(ValueError, match="not one of the model's 3: setosa, versicolor"):
        wrap(model, outputs=outputs)


def test_outputs_of_a_function_are_known_after_its_first_answer():
    predictor = wrap(lambda X: X[:, :3], outputs=["output 2", 0])
    assert predictor.output_names is None
    assert "not asked yet" in repr(predictor)
    np.testing.assert_array_equal(predictor(IRIS_X), IRIS_X[:, [2, 0]])
    assert predictor.output_names == ("output 2", "output 0")
    assert "output 2, output 0" in repr(predictor)
    with pytest.raises(ValueError, match="not one of the model's 2"):
        wrap(lambda X: X[:, :2], outputs=2)(IRIS_X)


def test_task_is_inferred_or_said():
    assert wrap(lambda X: X[:, 0]).task is None
    assert wrap(lambda X: X[:, 0], task="regression").task == "regression"
    with pytest.raises(ValueError, match="task must be"):
        wrap(lambda X: X[:, 0], task="ranking")

    class Outsider:
        def predict(self, X):
            return X[:, 0]

        def predict_proba(self, X):
            return X[:, :2]

    assert wrap(Outsider()).task == "classification"
    np.testing.assert_array_equal(wrap(Outsider())(IRIS_X), IRIS_X[:, :2])


def test_wrapping_a_predictor_keeps_or_changes_its_settings():
    model = ON_ARRAY
    first = wrap(model, outputs="setosa", batch_size=7)
    assert wrap(first) is first
    second = wrap(first, output="decision")
    assert (second.scale, second.settings.outputs, second.settings.batch_size) == ("decision", "setosa", 7)
    third = wrap(first, outputs=[1, 2], batch_size=9)
    assert third.output_names == ("versicolor", "virginica")
    assert third.settings.batch_size == 9
    assert first.output_names == ("setosa",)


# --- calls, batches, ledger, pickle

@pytest.mark.parametrize("container", [np.array, pd.DataFrame])
@pytest.mark.parametrize(("batch_size", "sizes"), [
    ("auto", [10]), (10, [10]), (4, [4, 4, 2]), (1, [1] * 10), (100, [10]),
])
def test_batch_size_splits_calls(batch_size, sizes, container, counting):
    model = counting(lambda X: np.asarray(X)[:, 0])
    predictor = wrap(model, batch_size=batch_size)
    got = predictor(container(IRIS_X[:10]))
    np.testing.assert_array_equal(got[:, 0], IRIS_X[:10, 0])
    assert [len(b) for b in model.batches] == sizes
    assert (predictor.ledger.rows, predictor.ledger.calls) == (10, len(sizes))
    assert predictor.ledger.seconds > 0


@pytest.mark.parametrize("batch_size", [0, -1, 2.5, "big", None, True])
def test_batch_size_must_be_a_positive_whole_number(batch_size):
    with pytest.raises(ValueError, match="batch_size must be a whole number of at least 1"):
        wrap(lambda X: X[:, 0], batch_size=batch_size)


def test_ledgers_count_add_up_and_differ():
    ledger = Ledger()
    ledger.count(3, 1, 0.5)
    earlier = ledger.copy()
    ledger.count(4, 2, 0.25)
    ledger.count(spared=5)
    assert ledger == Ledger(7, 3, 0.75, 5)
    assert ledger.minus(earlier) == Ledger(4, 2, 0.25, 5)
    assert earlier == Ledger(3, 1, 0.5, 0)
    earlier.add(Ledger(10, 20, 30.0, 40))
    assert earlier == Ledger(13, 21, 30.5, 40)
    assert ledger == Ledger(7, 3, 0.75, 5)


def test_counting_from_several_threads_loses_nothing():
    ledger, one = Ledger(), Ledger(1, 2, 0.5, 3)

    def work():
        for _ in range(2000):
            ledger.add(one)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledger == Ledger(8000, 16000, 4000.0, 24000)


def test_a_worker_counts_from_nothing_and_reports_what_it_counted():
    predictor = wrap(np.sin)
    predictor.ledger.count(3, 1, 0.5)
    assert pickle.loads(pickle.dumps(predictor)).ledger == Ledger()
    assert predictor.ledger == Ledger(3, 1, 0.5)
    # What a worker returns keeps its counts and can go on counting.
    again = pickle.loads(pickle.dumps(predictor.ledger))
    assert again == predictor.ledger
    again.count(1, 1, 0.0)
    assert (again.rows, predictor.ledger.rows) == (4, 3)


def test_spawn_counts_apart():
    predictor = wrap(lambda X: X[:, 0])
    twin = predictor.spawn()
    twin(IRIS_X)
    assert (predictor.ledger.rows, twin.ledger.rows) == (0, 150)


def test_pickle_round_trip():
    frame, y = mixed_people()
    predictor = wrap(people_pipeline(frame, y), outputs="yes").bind(frame)
    again = pickle.loads(pickle.dumps(predictor))
    assert isinstance(again, Predictor)
    assert again.output_names == ("yes",)
    np.testing.assert_array_equal(again(frame), predictor(frame))


# --- what reaches the model

def test_what_reaches_a_pipeline_is_what_it_was_fitted_with():
    frame, y = mixed_people()
    model = people_pipeline(frame, y)
    want = model.predict_proba(frame)
    step = model.named_steps["seen"]
    predictor = wrap(model).bind(frame)
    before = frame.copy(deep=True)
    shuffled = frame[list(frame.columns[::-1])]
    for given in (frame, shuffled, frame.astype(object)):
        step.seen_.clear()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            got = predictor(given)
        np.testing.assert_array_equal(got, want)
        pd.testing.assert_frame_equal(step.seen_[0], frame, check_exact=True)
        assert list(step.seen_[0].dtypes) == step.fitted_dtypes_
        assert list(step.seen_[0]["city"].cat.categories) == ["Ulm", "Bonn", "Kiel"]
    pd.testing.assert_frame_equal(frame, before)


def test_one_row_in_every_guise_gets_its_own_answer():
    frame, y = mixed_people()
    model = people_pipeline(frame, y)
    predictor = wrap(model).bind(frame)
    want = model.predict_proba(frame.iloc[[5]])
    for given in (frame.iloc[[5]], frame.iloc[5], frame.iloc[[5]].to_numpy(dtype=object),
                  list(frame.iloc[5])):
        np.testing.assert_array_equal(predictor(given), want)
    numbers = wrap(LinearRegression().fit(IRIS_X, IRIS_Y))
    np.testing.assert_array_equal(numbers(IRIS_X[3]), numbers(IRIS_X[3:4]))


def test_a_model_fitted_with_names_is_given_names():
    model = ON_FRAME
    want = model.predict_proba(IRIS_FRAME)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(wrap(model)(IRIS_X), want)
        bound = wrap(model).bind(IRIS_X)
        np.testing.assert_array_equal(bound(IRIS_X), want)
        np.testing.assert_array_equal(wrap(model)(IRIS_FRAME[["pw", "pl", "sl", "sw"]]), want)
    assert bound.schema.names == ("sl", "sw", "pl", "pw")


@pytest.mark.parametrize("given", [
    IRIS_FRAME, IRIS_FRAME.astype(np.float32), IRIS_FRAME.astype("Float64"),
    IRIS_FRAME.assign(sw=True),
], ids=["float", "float32", "nullable", "bool and float"])
def test_a_model_fitted_without_names_is_given_none(given):
    model = ON_ARRAY
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = wrap(model)(given)
    np.testing.assert_allclose(got, model.predict_proba(given.to_numpy(float)),
                               rtol=1e-6)  # scikit-learn computes float32 tables in float32


def test_a_model_fitted_without_names_is_given_numbers_not_objects():
    model = Recorder().fit(np.zeros((1, 2)))
    got = wrap(model)(pd.DataFrame({"a": [0.5, 1.5], "b": [True, False]}))
    np.testing.assert_array_equal(got[:, 0], [1.5, 1.5])
    assert model.seen_[0].dtype == np.float64


def test_integer_arrays_stay_integer():
    model = Recorder().fit(np.zeros((1, 2)))
    predictor = wrap(model).bind(np.array([[1, 2], [3, 4]]))
    predictor(np.array([[5.0, 6.0]]))
    assert model.seen_[-1].dtype == np.int64
    predictor(np.array([[5.5, 6.0]]))
    np.testing.assert_array_equal(model.seen_[-1], [[5.5, 6.0]])


def test_memory_order_reaches_the_model(counting):
    orders = []

    def model(X):
        orders.append(X.flags.f_contiguous)
        return X[:, 0]

    table = np.asfortranarray(IRIS_X)
    wrap(model)(table)
    wrap(model).bind(table)(table)
    assert orders[0]
    assert orders[-1]


def test_categories_from_dtype():
    frame, y = mixed_people(200)
    X = frame[["age", "city", "grade", "score"]]
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", max_iter=5,
                                           min_samples_leaf=2).fit(X, y)
    want = model.predict_proba(X)
    predictor = wrap(model).bind(X)
    np.testing.assert_array_equal(predictor(X), want)
    other_order = X.assign(city=X["city"].cat.set_categories(["Kiel", "Bonn", "Ulm"]))
    np.testing.assert_array_equal(predictor(other_order), want)
    np.testing.assert_array_equal(predictor(X.astype(object)), want)
    with pytest.raises(ValueError, match="'city'.*'Rom'"):
        predictor(X.assign(city="Rom"))


def test_lightgbm_gets_its_categories():
    lightgbm = pytest.importorskip("lightgbm")
    frame, y = mixed_people(300)
    X = frame[["age", "city", "grade", "score"]]
    model = lightgbm.LGBMClassifier(n_estimators=5, min_child_samples=2, n_jobs=1,
                                    verbose=-1).fit(X, y)
    want = model.predict_proba(X)
    predictor = wrap(model).bind(X)
    assert predictor.output_names == ("no", "yes")
    np.testing.assert_array_equal(predictor(X), want)
    np.testing.assert_array_equal(predictor(X.astype(object)), want)
    other_order = X.assign(city=X["city"].cat.set_categories(["Kiel", "Bonn", "Ulm"]))
    np.testing.assert_array_equal(predictor(other_order), want)


def test_lightgbm_fitted_on_an_array_answers_a_frame():
    lightgbm = pytest.importorskip("lightgbm")
    model = lightgbm.LGBMRegressor(n_estimators=3, n_jobs=1, verbose=-1).fit(IRIS_X, IRIS_Y)
    want = model.predict(IRIS_X)[:, None]
    np.testing.assert_array_equal(wrap(model)(IRIS_FRAME), want)
    np.testing.assert_array_equal(wrap(model)(IRIS_X), want)


def test_the_model_is_left_as_it_was():
    model = ON_FRAME
    before = pickle.dumps(model)
    bound = wrap(model).bind(IRIS_FRAME)
    bound(IRIS_FRAME)
    assert bound.model is model
    assert pickle.dumps(model) == before
    assert list(model.feature_names_in_) == list(IRIS_FRAME.columns)
    assert model.get_params()["max_iter"] == 500


# --- callables

class Tensor:
    """As much of a tensor with a gradient as the adapter needs, for where torch is absent."""

    dtype = "float64"

    def __init__(self, array):
        self.array = array
        self.steps = []

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("call detach first")

    def detach(self):
        self.steps.append("detach")
        return self

    def cpu(self):
        self.steps.append("cpu")
        return self

    def numpy(self):
        assert self.steps == ["detach", "cpu"]
        return self.array


@pytest.mark.parametrize(("shape", "n_outputs"), [
    (lambda s: s.tolist(), 1),
    (lambda s: tuple(s), 1),
    (lambda s: s, 1),
    (lambda s: s[:, None], 1),
    (lambda s: np.column_stack([s, s, s]), 3),
    (lambda s: [[v, v] for v in s], 2),
    (lambda s: pd.Series(s, index=range(5, 5 + len(s))), 1),
    (lambda s: pd.DataFrame({"a": s, "b": s}), 2),
    (lambda s: s.astype(object), 1),
    (lambda s: Tensor(s), 1),
    (lambda s: np.asarray(s, dtype=np.float32), 1),
    (lambda s: s > 5, 1),
])
def test_answers_of_every_form(shape, n_outputs):
    sums = IRIS_X.sum(axis=1)
    got = wrap(lambda X: shape(X.sum(axis=1)))(IRIS_X)
    raw = np.asarray(shape(sums).array if isinstance(shape(sums), Tensor) else shape(sums), float)
    want = raw.reshape(len(IRIS_X), n_outputs)
    assert got.dtype == np.float64
    np.testing.assert_array_equal(got, want)


def test_answers_are_never_the_models_own_array():
    own = np.arange(3.0)
    got = as_answers(own, 3)
    got[:] = -1
    np.testing.assert_array_equal(own, [0, 1, 2])


def test_a_torch_tensor_with_a_gradient_is_an_answer():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    weights = torch.ones(4, dtype=torch.float64, requires_grad=True)
    got = wrap(lambda X: torch.from_numpy(X) @ weights)(IRIS_X)
    np.testing.assert_allclose(got[:, 0], IRIS_X.sum(axis=1), rtol=1e-12)
    assert weights.grad is None


# --- errors

@pytest.mark.parametrize("model", [LogisticRegression(), make_pipeline(StandardScaler(), SVC()),
                                   RandomForestRegressor()])
def test_unfitted_models_are_refused(model):
    with pytest.raises(NotFittedError, match="is not fitted; fit it before it is explained"):
        wrap(model)


@pytest.mark.parametrize(("model", "sentence"), [
    (LogisticRegression, "class LogisticRegression; pass an instance"),
    (3, "got 3 of type int"),
    ("model.pkl", "of type str"),
    (None, "NoneType"),
    (dict, "predict or predict_proba"),
])
def test_what_is_no_model_is_refused(model, sentence):
    with pytest.raises(TypeError, match=sentence):
        wrap(model)


def answer(value):
    """A model whose answer does not depend on its input."""
    return lambda X: value


BAD_ANSWERS = [
    pytest.param(lambda X: np.where(X[:, 0] > 1, np.nan, 0.0), "2 of 3 rows .* NaN .*rows 1, 2 of",
                 id="NaN"),
    pytest.param(lambda X: np.where(X[:, 0] > 1, np.inf, 0.0), "rows 1, 2 of", id="inf"),
    pytest.param(answer(["a", "b", "c"]), "answered with <U1.*expected numbers", id="text"),
    pytest.param(lambda X: np.array(["a", 1, None], object), "answered with text", id="objects"),
    pytest.param(answer(np.zeros(2)), "asked 3 rows and answered with shape \\(2,\\)",
                 id="two answers"),
    pytest.param(answer(1.0), "answered with shape \\(\\)", id="scalar"),
    pytest.param(answer(np.zeros((3, 2, 2))), "shape \\(3, 2, 2\\)", id="three dimensions"),
    pytest.param(answer(np.zeros((3, 0))), "shape \\(3, 0\\)", id="no outputs"),
    pytest.param(answer(None), "not numbers|shape \\(\\)", id="None"),
    pytest.param(answer([[1.0], [1.0, 2.0], [3.0]]), "do not form an array", id="ragged"),
    pytest.param(lambda X: 1 / 0, "division by zero", id="raises"),
]


@pytest.mark.parametrize(("model", "sentence"), BAD_ANSWERS)
def test_bad_answers_name_the_batch(model, sentence):
    with pytest.raises(ModelError, match=sentence) as caught:
        wrap(model)(np.array([[1.0, 0], [2.0, 0], [3.0, 0]]))
    assert "ndarray of shape (3, 2) (float64)" in str(caught.value)
    assert caught.value.__cause__ is not None


def test_a_model_that_raises_on_a_frame_names_shape_and_dtypes():
    frame, _ = mixed_people()

    def model(X):
        raise KeyError("colour")

    with pytest.raises(ModelError, match=r"DataFrame of shape \(60, 9\)") as caught:
        wrap(model)(frame)
    for dtype in ("int64", "float32", "category", "Int64"):
        assert dtype in str(caught.value)
    assert isinstance(caught.value.__cause__, KeyError)


def test_five_of_many_bad_rows_are_named():
    with pytest.raises(ModelError, match="150 of 150 rows .*rows 0, 1, 2, 3, 4, … of"):
        wrap(lambda X: X[:, 0] * np.nan)(IRIS_X)


def test_a_changing_number_of_outputs_is_an_error():
    predictor = wrap(lambda X: np.zeros((len(X), len(X))))
    predictor(IRIS_X[:3])
    with pytest.raises(ModelError, match="2 outputs, where 3 were expected"):
        predictor(IRIS_X[:2])
    with pytest.raises(ModelError, match="outputs, where"):
        wrap(lambda X: np.zeros((len(X), len(X)))).bind(IRIS_X)


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


def test_an_estimator_that_writes_into_its_array_answers_a_frame():
    # pandas hands out read-only views of a frame's numbers.
    model = Recorder(write=True).fit(IRIS_X)
    frame = IRIS_FRAME.copy()
    got = wrap(model).bind(frame)(frame)
    np.testing.assert_allclose(got[:, 0], IRIS_X.sum(axis=1), rtol=1e-12)
    pd.testing.assert_frame_equal(frame, IRIS_FRAME)


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
    # One row and three pairs; then eight rows, twice, for the order of the classes.
    assert predictor.ledger.rows == 7 + 16


@pytest.mark.parametrize(("given", "sentence"), [
    (IRIS_FRAME.drop(columns="pw"), "fitted on other columns; missing: pw"),
    (IRIS_FRAME.assign(extra=1), "not known to it: extra"),
    (IRIS_FRAME.rename(columns={"pw": "z"}), "missing: pw; not known to it: z"),
    (IRIS_X[:, :3], "fitted on 4 columns, got 3"),
])
def test_a_model_fitted_on_other_columns_says_so(given, sentence):
    model = ON_FRAME
    with pytest.raises(ModelError, match=sentence):
        wrap(model)(given)
    with pytest.raises((ModelError, ValueError)):
        wrap(model).bind(given)


def test_a_model_fitted_without_names_checks_the_width():
    model = ON_ARRAY
    with pytest.raises(ModelError, match="fitted on 4 columns, got 2"):
        wrap(model)(IRIS_X[:, :2])


@pytest.mark.parametrize("table", [IRIS_X[:0], IRIS_FRAME[:0]])
def test_empty_tables_are_refused(table):
    predictor = wrap(lambda X: np.asarray(X)[:, 0])
    with pytest.raises(ValueError, match="no rows"):
        predictor(table)
    with pytest.raises(ValueError, match="rows and columns"):
        predictor.bind(table)
    with pytest.raises(ValueError, match="rows and columns"):
        predictor.bind(np.zeros((3, 0)))


def test_a_choice_that_fits_no_output_is_refused_every_time():
    predictor = wrap(lambda X: X[:, :2], outputs="third")
    for _ in range(2):
        with pytest.raises(ValueError, match="outputs='third' is not one of the model's 2"):
            predictor(IRIS_X)


def test_ask_method_takes_turns_and_refuses_what_is_no_method():
    class Crowded:
        def __init__(self):
            self.inside, self.most = 0, 0

        def predict(self, X):
            self.inside += 1
            self.most = max(self.most, self.inside)
            time.sleep(0.02)
            self.inside -= 1
            return X[:, 0]

    model = Crowded()
    predictor = wrap(model, thread_safe=False).bind(IRIS_X)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: predictor.ask_method("predict", IRIS_X[:2]), range(4)))
    assert model.most == 1
    with pytest.raises(ValueError, match="method must be one of predict for .*got 'score'"):
        predictor.ask_method("score", IRIS_X)
    with pytest.raises(ValueError, match="method must be one of none for .*callable"):
        wrap(np.sin).ask_method("predict", IRIS_X)


def test_ask_method_gives_labels_and_counts():
    model = ON_FRAME
    predictor = wrap(model)
    assert predictor.methods == ("predict_proba", "decision_function", "predict")
    np.testing.assert_array_equal(predictor.ask_method("predict", IRIS_X), model.predict(IRIS_FRAME))
    assert (predictor.ledger.rows, predictor.ledger.calls) == (150, 1)
    with pytest.raises(ModelError, match=r"predict of the model failed .*\(150, 2\)"):
        predictor.ask_method("predict", IRIS_X[:, :2])
    assert wrap(lambda X: X).methods == ()


def test_a_classifier_beside_scikit_learn_by_its_mixin():
    class Own(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            self.classes_ = np.unique(y)
            return self

        def predict(self, X):
            return self.classes_[(X[:, 0] > 0).astype(int)]

    X, y = make_classification(40, random_state=0)
    predictor = wrap(Own().fit(X, y))
    got = predictor(X)
    # Labels are names: an output a class, 1 where it is predicted.
    np.testing.assert_array_equal(got, np.column_stack([X[:, 0] <= 0, X[:, 0] > 0]))
    assert predictor.output_names == ("0", "1")
    assert (predictor.task, predictor.scale) == ("classification", "prediction")


def test_public_names():
    assert xk.wrap is wrap
    assert xk.Predictor is Predictor
    assert xk.ModelError is ModelError
    assert isinstance(wrap(DummyRegressor().fit(IRIS_X, IRIS_Y)), Predictor)


# --- found in review

def test_a_bound_predictor_keeps_its_schema():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 2)), columns=["a", "b"])
    turned = frame[["b", "a"]]

    def first_column(Z):
        return 3 * Z.to_numpy()[:, 0]

    for explainer in (xk.PermutationImportance(random_state=0),
                      xk.MeanImpactValue(mode="sd", random_state=0)):
        e = explainer.fit(first_column, frame).explain(turned)
        assert e.feature_names == ("a", "b")
        assert e["b"].values[0, 0] == 0
        assert e["a"].values[0, 0] != 0
        with pytest.raises(ValueError, match="missing: b"):
            explainer.explain(frame[["a"]])


def test_the_probe_looks_for_two_different_rows():
    X = np.array([[1.0, 2.0], [1.0, 2.0], [3.0, 4.0]])
    with pytest.raises(ValueError, match="depends on the other rows"):
        wrap(lambda Z: Z[:, 0] - Z[:, 0].mean()).bind(X)
    assert wrap(lambda Z: Z[:, 0]).bind(X[:2]).findings.n_rows == 1


@pytest.mark.parametrize("value", [Decimal("3.7"), np.float32(1.7)])
def test_fractions_among_objects_are_kept(value):
    schema = xk.Schema.of(pd.DataFrame({"price": [1, 2]}))
    got = schema.conform(pd.DataFrame({"price": pd.Series([value], dtype=object)}))
    assert float(got["price"].iloc[0]) == float(value)


def test_objects_with_nan_are_not_taken_for_changed():
    X = np.array([[1.0, "a"], [np.nan, "b"]], dtype=object)
    assert wrap(lambda Z: np.arange(len(Z)) * 0.0).bind(X).findings.keeps_input
