"""Predictor: any model as one function; which answer it gives, and under which names."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from predictor_cases import IRIS_FRAME, IRIS_X, IRIS_Y, ON_ARRAY, ON_FRAME, SPECIES
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_classification, make_regression
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import IsolationForest, RandomForestClassifier, RandomForestRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

import xaikit as xk
from xaikit.errors import ModelError
from xaikit.predictor.adapter import Predictor
from xaikit.predictor.wrapping import wrap

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


@pytest.mark.parametrize("outputs", ["rose", 3, -4, ["setosa", "rose"]])
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


def test_a_choice_that_fits_no_output_is_refused_every_time():
    predictor = wrap(lambda X: X[:, :2], outputs="third")
    for _ in range(2):
        with pytest.raises(ValueError, match="outputs='third' is not one of the model's 2"):
            predictor(IRIS_X)


def test_public_names():
    assert xk.wrap is wrap
    assert xk.Predictor is Predictor
    assert xk.ModelError is ModelError
    assert isinstance(wrap(DummyRegressor().fit(IRIS_X, IRIS_Y)), Predictor)


# --- models that are refused

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
