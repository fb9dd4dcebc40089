"""Networks read out of scikit-learn models answer as the models do."""

from __future__ import annotations

import numpy as np
import pytest
from network_cases import CLOSE, FRAME, X, Y, fitted, frozen, mlp
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    RobustScaler,
    StandardScaler,
)

import xaikit as xk


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_regressor(activation):
    model = fitted(mlp(activation=activation))
    network = xk.DenseNetwork.from_model(model)
    np.testing.assert_allclose(network.forward(X)[:, 0], model.predict(X), **CLOSE)
    assert network.output_names == ("output",)
    assert network.feature_names == ("x0", "x1", "x2")


def test_regressor_of_several_outputs_and_poisson():
    model = fitted(mlp(), y=np.c_[Y, -Y])
    np.testing.assert_allclose(xk.DenseNetwork.from_model(model).forward(X), model.predict(X), **CLOSE)
    if "loss" not in model.get_params():
        pytest.skip("scikit-learn before 1.7")
    model = fitted(mlp(loss="poisson"), StandardScaler().fit_transform(X), abs(Y))
    rows = StandardScaler().fit_transform(X)
    np.testing.assert_allclose(xk.DenseNetwork.from_model(model).forward(rows)[:, 0], model.predict(rows), **CLOSE)


def test_binary_classifier():
    model = fitted(mlp(MLPClassifier), FRAME, np.where(Y > 0, "yes", "no"))
    network = xk.DenseNetwork.from_model(model)
    np.testing.assert_allclose(network.forward(FRAME)[:, 0], model.predict_proba(FRAME)[:, 1], **CLOSE)
    assert network.output_names == ("yes",)
    assert network.feature_names == ("age", "income", "rate")


def test_classifier_of_several_classes_and_labels():
    classes = np.digitize(Y, [-5.0, 5.0])
    model = fitted(mlp(MLPClassifier), y=classes)
    network = xk.DenseNetwork.from_model(model)
    np.testing.assert_allclose(network.forward(X), model.predict_proba(X), **CLOSE)
    assert network.output_names == ("0", "1", "2")
    assert network.output_activation.name == "softmax"
    model = fitted(mlp(MLPClassifier), y=np.c_[Y > 0, X[:, 0] > 0].astype(int))
    network = xk.DenseNetwork.from_model(model)
    np.testing.assert_allclose(network.forward(X), model.predict_proba(X), **CLOSE)
    assert network.output_activation.name == "logistic"


@pytest.mark.parametrize("scaler", [
    StandardScaler(), StandardScaler(with_std=False), MinMaxScaler((-1, 3)), MaxAbsScaler(), RobustScaler(),
    make_pipeline(MinMaxScaler(), "passthrough", StandardScaler()), "passthrough",
], ids=str)
def test_pipeline_of_scalers(scaler):
    model = fitted(make_pipeline(scaler, mlp()), FRAME)
    network = xk.DenseNetwork.from_model(model)
    scaled = FRAME if scaler == "passthrough" else model[0].transform(FRAME)
    np.testing.assert_allclose(network.forward(np.asarray(scaled))[:, 0], model.predict(FRAME), **CLOSE)
    assert network.feature_names == ("age", "income", "rate")
    by_spread = xk.DenseNetwork.from_model(model, scale_by=FRAME)
    spread = np.std(np.asarray(scaled), axis=0)
    np.testing.assert_allclose(by_spread.weights[0], model[-1].coefs_[0] * spread[:, None], rtol=1e-12)
    np.testing.assert_allclose(by_spread.forward(np.asarray(scaled) / spread)[:, 0], model.predict(FRAME), **CLOSE)
    for got, own in zip((*by_spread.weights[1:], *by_spread.biases),
                        (*model[-1].coefs_[1:], *model[-1].intercepts_), strict=True):
        np.testing.assert_array_equal(got, own)


def test_units_do_not_matter_to_scaled_weights():
    """The same network on metres and on millimetres: only scaled weights are comparable."""
    weights = [np.array([[1.0], [1.0]]), np.array([[1.0]])]
    metres, millimetres = X[:, :2], X[:, :2] * [1.0, 1000.0]
    other = [weights[0] / [[1.0], [1000.0]], weights[1]]
    np.testing.assert_allclose(xk.DenseNetwork.from_model(weights, scale_by=metres).weights[0],
                               xk.DenseNetwork.from_model(other, scale_by=millimetres).weights[0])


def test_a_step_that_is_none():
    model = Pipeline([("nothing", None), ("scaler", StandardScaler().fit(X)), ("network", fitted(mlp()))])
    got = xk.DenseNetwork.from_model(model, scale_by=X).weights[0]
    # After a StandardScaler every input has a standard deviation of 1.
    np.testing.assert_allclose(got, model[-1].coefs_[0], rtol=1e-12)


def test_names_of_transformed_columns():
    table = FRAME.assign(town=["Rome", "Oslo"] * 20)
    columns = ColumnTransformer([("n", StandardScaler(), ["age"]), ("c", OneHotEncoder(), ["town"])])
    model = fitted(make_pipeline(columns, mlp()), table)
    network = xk.DenseNetwork.from_model(model)
    assert network.feature_names == ("n__age", "c__town_Oslo", "c__town_Rome")
    np.testing.assert_allclose(network.forward(model[0].transform(table))[:, 0], model.predict(table), **CLOSE)
    spread = np.std(model[0].transform(table), axis=0)
    np.testing.assert_allclose(xk.DenseNetwork.from_model(model, scale_by=table).weights[0],
                               network.weights[0] * spread[:, None])
    reduced = fitted(make_pipeline(StandardScaler(), PCA(2), mlp()))
    assert xk.DenseNetwork.from_model(reduced).feature_names == ("pca0", "pca1")
    nameless = fitted(make_pipeline(FunctionTransformer(np.abs), mlp()))
    assert xk.DenseNetwork.from_model(nameless).feature_names == ("x0", "x1", "x2")


def test_wrapped_estimators():
    model = fitted(TransformedTargetRegressor(make_pipeline(StandardScaler(), mlp()), transformer=MinMaxScaler()), FRAME)
    network = xk.DenseNetwork.from_model(model)
    inner = model.regressor_
    np.testing.assert_allclose(network.forward(inner[0].transform(FRAME))[:, 0], inner.predict(FRAME), **CLOSE)
    assert network.feature_names == ("age", "income", "rate")
    both = fitted(make_pipeline(MinMaxScaler(), model))
    within = both[-1].regressor_[0].transform(both[0].transform(FRAME))
    np.testing.assert_allclose(  # transformers inside and outside of the wrapper
        xk.DenseNetwork.from_model(both, scale_by=FRAME).weights[0],
        both[-1].regressor_[-1].coefs_[0] * np.std(within, axis=0)[:, None], rtol=1e-12)


def test_the_best_of_a_search():
    search = fitted(GridSearchCV(make_pipeline(StandardScaler(), mlp()), {"mlpregressor__alpha": [1e-4, 1e-2]}, cv=2))
    network = xk.DenseNetwork.from_model(search)
    inputs = search.best_estimator_[0].transform(X)
    np.testing.assert_allclose(network.forward(inputs)[:, 0], search.predict(X), **CLOSE)


def test_frozen_estimators():
    model = fitted(make_pipeline(StandardScaler(), mlp()))
    network = xk.DenseNetwork.from_model(model)
    for wrapped in (frozen(model), make_pipeline(frozen(model[0]), frozen(model[1]))):
        got = xk.DenseNetwork.from_model(wrapped, scale_by=X * [1.0, 2.0, 3.0])
        spread = np.std(model[0].transform(X * [1.0, 2.0, 3.0]), axis=0)
        np.testing.assert_allclose(got.weights[0], network.weights[0] * spread[:, None], rtol=1e-12)


def test_predictors_and_bound_methods():
    model = fitted(mlp(MLPClassifier), y=Y > 0)
    network = xk.DenseNetwork.from_model(xk.wrap(model.predict_proba, feature_names=list("abc")))
    assert network.feature_names == ("a", "b", "c")
    assert network.output_names == ("True",)
    assert xk.DenseNetwork.from_model(xk.wrap(fitted(mlp())).bind(FRAME)).feature_names == tuple(FRAME)
    assert xk.DenseNetwork.from_model(fitted(mlp()).predict).n_inputs == 3


@pytest.mark.parametrize("method", [lambda model: model, lambda model: model.predict])
def test_columns_seen_in_another_order_do_not_rename_the_inputs(method):
    # The predictor puts the columns in the model's order; the names follow the weights.
    model = fitted(mlp(), FRAME)
    predictor = xk.wrap(method(model)).bind(FRAME[["rate", "income", "age"]])
    assert xk.DenseNetwork.from_model(predictor).feature_names == ("age", "income", "rate")


def test_estimators_are_left_as_they_were():
    model = fitted(mlp())
    before = [w.copy() for w in (*model.coefs_, *model.intercepts_)]
    xk.DenseNetwork.from_model(make_pipeline(StandardScaler().fit(X), model), scale_by=X).forward(X)
    for was, now in zip(before, (*model.coefs_, *model.intercepts_), strict=True):
        assert now.flags.writeable
        np.testing.assert_array_equal(was, now)


@pytest.mark.parametrize("model", [
    MLPClassifier(), make_pipeline(StandardScaler(), MLPRegressor()), TransformedTargetRegressor(MLPRegressor()),
], ids=str)
def test_unfitted_estimators(model):
    with pytest.raises(NotFittedError, match="not fitted"):
        xk.DenseNetwork.from_model(model)


def test_an_unfitted_scaler():
    with pytest.raises(NotFittedError, match="not fitted"):
        xk.DenseNetwork.from_model(make_pipeline(StandardScaler(), fitted(mlp())), scale_by=X)


def test_a_network_that_diverged():
    model = fitted(mlp())
    model.coefs_[1][0, 0] = np.nan
    with pytest.raises(ValueError, match="weights of layer 2 hold NaN"):
        xk.DenseNetwork.from_model(model)


@pytest.mark.parametrize("model", [
    RandomForestClassifier(), make_pipeline(StandardScaler(), RandomForestClassifier()),
    make_pipeline(StandardScaler()), lambda rows: rows, "model", None,
], ids=lambda model: type(model).__name__)
def test_other_models(model):
    with pytest.raises(TypeError, match="DenseNetwork needs a plain dense network; .* Use PermutationImportance"):
        xk.DenseNetwork.from_model(model)
