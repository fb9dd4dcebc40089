"""Predictor: what reaches the model, and tables that do not fit it."""

from __future__ import annotations

import pickle
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from predictor_cases import (
    IRIS_FRAME,
    IRIS_X,
    IRIS_Y,
    ON_ARRAY,
    ON_FRAME,
    Recorder,
    mixed_people,
    people_pipeline,
)
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression

import xaikit as xk
from xaikit.errors import ModelError
from xaikit.predictor.wrapping import wrap

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


def test_an_estimator_that_writes_into_its_array_answers_a_frame():
    # pandas hands out read-only views of a frame's numbers.
    model = Recorder(write=True).fit(IRIS_X)
    frame = IRIS_FRAME.copy()
    got = wrap(model).bind(frame)(frame)
    np.testing.assert_allclose(got[:, 0], IRIS_X.sum(axis=1), rtol=1e-12)
    pd.testing.assert_frame_equal(frame, IRIS_FRAME)


@pytest.mark.parametrize("value", [Decimal("3.7"), np.float32(1.7)])
def test_fractions_among_objects_are_kept(value):
    schema = xk.Schema.of(pd.DataFrame({"price": [1, 2]}))
    got = schema.conform(pd.DataFrame({"price": pd.Series([value], dtype=object)}))
    assert float(got["price"].iloc[0]) == float(value)


# --- tables that do not fit

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
