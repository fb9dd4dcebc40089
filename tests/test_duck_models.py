"""Models that only look like estimators: any object with a method that answers works."""

from functools import partial
from unittest.mock import MagicMock, Mock

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.linear_model import LogisticRegression

import xaikit as xk
from xaikit import ModelError
from xaikit.predictor.attributes import attribute, declared_classes, method
from xaikit.reporting.sections.provenance import describe_model

X = np.random.default_rng(0).normal(size=(40, 3))
Y = (X[:, 0] > 0).astype(int)


def scores(X):
    return 2.0 * np.asarray(X, dtype=float)[:, 0] + 1.0


def shares(X):
    p = 1.0 / (1.0 + np.exp(-scores(X)))
    return np.column_stack([1.0 - p, p])


class Shares:
    def predict_proba(self, X):
        return shares(X)


class Classifier(Shares):
    """What scikit-learn's classifiers were before they had tags."""

    _estimator_type = "classifier"
    classes_ = np.array([0, 1])

    def predict(self, X):
        return self.classes_[shares(X).argmax(axis=1)]


class Listed(Shares):
    classes_ = [0, 1]  # noqa: RUF012 - a list is what is tested


class Regressor:
    _estimator_type = "regressor"

    def predict(self, X):
        return scores(X)


class Predicts:
    def predict(self, X):
        return scores(X)


class Decides:
    classes_ = np.array([0, 1])

    def decision_function(self, X):
        return scores(X)


class Slots(Predicts):
    __slots__ = ("weights",)


class Static:
    predict = staticmethod(scores)


class OfClass:
    @classmethod
    def predict(cls, X):
        return scores(X)


class Closed(Shares):
    """Every property raises, each in its own way."""

    @property
    def classes_(self):
        raise RuntimeError("not on this machine")

    @property
    def feature_names_in_(self):
        raise ValueError("no names")

    @property
    def n_features_in_(self):
        raise NotImplementedError

    @property
    def decision_function(self):
        raise OSError("no decisions")

    def __sklearn_tags__(self):
        raise KeyError("tags")


class Proxy:
    """Answers to every name, but answers with numbers to one alone."""

    def __getattr__(self, name):
        return lambda *given: "what was that?"

    def predict(self, X):
        return scores(X)


class Itself:
    def __getattr__(self, name):
        return self

    def __call__(self, X):
        return scores(X)


class Blank:
    """A function that says it has no methods."""

    predict = predict_proba = None

    def __call__(self, X):
        return scores(X)


class Steps(Predicts):
    """A pipeline of another library: its steps are not named pairs."""

    def __init__(self, steps):
        self.steps = steps


MODELS = {  # what is wrapped, what it should answer, names of outputs, task
    "shares": (Shares(), shares, ("output 0", "output 1"), "classification"),
    "bound": (Shares().predict_proba, shares, ("output 0", "output 1"), "classification"),
    "classifier": (Classifier(), shares, ("0", "1"), "classification"),
    "listed": (Listed(), shares, ("0", "1"), "classification"),
    "regressor": (Regressor(), scores, ("output",), "regression"),
    "predicts": (Predicts(), scores, ("output",), None),
    "decides": (Decides(), scores, ("1",), None),
    "slots": (Slots(), scores, ("output",), None),
    "static": (Static(), scores, ("output",), None),
    "static, bound": (Static.predict, scores, ("output",), None),
    "of a class": (OfClass(), scores, ("output",), None),
    "of a class, bound": (OfClass.predict, scores, ("output",), None),
    "closed": (Closed(), shares, ("output 0", "output 1"), "classification"),
    "proxy": (Proxy(), scores, ("output",), None),
    "itself": (Itself(), scores, ("output",), None),
    "mock": (MagicMock(side_effect=scores), scores, ("output",), None),
    "mock of predict": (Mock(spec=["predict"], predict=scores), scores, ("output",), None),
    "blank": (Blank(), scores, ("output",), None),
    "steps without names": (Steps(["scale", "model"]), scores, ("output",), None),
    "steps in a dict": (Steps({"model": 1}), scores, ("output",), None),
    "partial": (partial(np.multiply, 2.0), lambda X: 2.0 * X,
                ("output 0", "output 1", "output 2"), None),
}


@pytest.mark.parametrize(("model", "answers", "names", "task"), MODELS.values(), ids=MODELS)
def test_whatever_answers_is_a_model(model, answers, names, task):
    predictor = xk.wrap(model).bind(X)
    want = np.reshape(answers(X), (len(X), -1))
    np.testing.assert_array_equal(predictor(X), want)
    assert (predictor.output_names, predictor.task) == (names, task)
    explainer = xk.Occlusion().fit(model, X[:4])
    np.testing.assert_array_equal(explainer.explain(X[:1]).predictions, want[:1])
    assert isinstance(describe_model(model), str)


@pytest.mark.parametrize("name", ["shares", "bound", "classifier", "listed", "closed"])
def test_scores_of_a_classifier_without_a_base_class(name):
    # The same model as scikit-learn's own class.
    real = LogisticRegression().fit(X, Y)
    real.coef_, real.intercept_ = np.array([[2.0, 0.0, 0.0]]), np.array([1.0])
    shuffled = xk.PermutationImportance(scoring=["accuracy", "roc_auc", "neg_log_loss"],
                                        n_repeats=1, random_state=0)
    got, want = (shuffled.fit(model).explain(X[:12], Y[:12]) for model in (MODELS[name][0], real))
    np.testing.assert_allclose(got.values, want.values, rtol=1e-12)
    np.testing.assert_allclose(got.standard_errors, want.standard_errors, rtol=1e-9)


def test_scores_of_decisions_alone_and_of_a_regressor():
    decides = xk.wrap(Decides(), task="classification")
    shuffled = xk.PermutationImportance(n_repeats=2, random_state=0)
    classified = shuffled.fit(decides).explain(X, Y)
    assert classified.settings["score"] == {"accuracy": np.mean((scores(X) > 0) == Y)}
    regressed = shuffled.fit(Regressor()).explain(X, scores(X))
    assert regressed.settings["score"] == {"r2": 1.0}


def test_three_classes_without_predict_are_scored_by_the_largest():
    class Three:
        classes_ = ("a", "b", "c")

        def predict_proba(self, X):
            p = np.exp(X)
            return p / p.sum(axis=1, keepdims=True)

    y = np.array(["a", "b", "c"])[X.argmax(axis=1)]
    e = xk.PermutationImportance(n_repeats=2, random_state=0).fit(Three()).explain(X, y)
    assert e.settings["score"] == {"accuracy": 1.0}


def test_a_mock_that_answers_everything_is_not_taken_for_an_estimator():
    with pytest.raises(ModelError, match="not numbers"):
        xk.wrap(Mock()).bind(X)


def test_what_no_model_has_is_refused_as_before():
    with pytest.raises(TypeError, match="expected a model with predict or predict_proba"):
        xk.wrap(object())
    with pytest.raises(TypeError, match="expected a fitted model, got the class Shares"):
        xk.wrap(Shares)
    with pytest.raises(ValueError, match="no decision_function"):
        xk.wrap(Classifier(), output="decision")


def test_attributes_that_raise_or_are_made_up_are_not_there():
    assert attribute(Closed(), "classes_") is None
    assert attribute(Proxy(), "classes_") is None
    assert method(Proxy(), "predict") is not None
    assert method(Blank(), "predict") is None
    assert declared_classes(Proxy()) is None
    np.testing.assert_array_equal(declared_classes(Listed()), [0, 1])


class Rule(RegressorMixin, BaseEstimator):
    """Has nothing to learn, and no attribute that ends in an underscore."""

    def fit(self, X, y):
        return self

    def predict(self, X):
        return scores(X)


class Inside(ClassifierMixin, BaseEstimator):
    """Keeps what it learned in a model of its own."""

    def fit(self, X, y):
        self.model = LogisticRegression().fit(X, y)
        return self

    def predict(self, X):
        return self.model.predict(X)

    def predict_proba(self, X):
        return self.model.predict_proba(X)


@pytest.mark.parametrize("model", [
    Rule(), Rule().predict, Rule().fit(X, Y), Inside().fit(X, Y), Inside().fit(X, Y).predict_proba,
], ids=["rule", "method of a rule", "fitted rule", "model inside", "method of a model inside"])
def test_an_estimator_that_answers_is_fitted(model):
    e = xk.KernelSHAP().fit(model, X).explain(X[:2])
    asked = getattr(model, "predict_proba", getattr(model, "predict", model))
    np.testing.assert_allclose(e.predictions, np.asarray(asked(X[:2])).reshape(2, -1), rtol=1e-9)


@pytest.mark.parametrize("model", [Inside(), Inside().predict], ids=["estimator", "its method"])
def test_an_estimator_that_fails_and_seems_unfitted_is_said_to(model):
    with pytest.raises(ModelError, match="no attribute 'model'. Inside seems not to be fitted; fit it before"):
        xk.KernelSHAP().fit(model, X)
