"""DenseNetwork: the extracted network answers as the model does, and says no to anything else."""

from __future__ import annotations

import copy
import os
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning, NotFittedError
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
from xaikit.networks.activations import Activation

RNG = np.random.default_rng(3)
X = RNG.normal(size=(40, 3)) * [1.0, 10.0, 0.1] + [0.0, 5.0, -1.0]
Y = X[:, 0] * X[:, 1] + 5 * X[:, 2]
FRAME = pd.DataFrame(X, columns=["age", "income", "rate"])
# The same float64 products in another order: a few units in the last place, times the depth.
CLOSE = {"rtol": 1e-10, "atol": 1e-12}
# torch and Keras compute in float32: eps is 1.2e-7, a few layers add some of them.
SINGLE = {"rtol": 2e-5, "atol": 2e-6}
N1 = {"weights": [[[1.49, -0.19], [0.16, -0.16]], [[-0.52], [0.81]]], "biases": [[13.12, -0.11], [0.56]]}


def fitted(model, rows=X, y=Y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a few iterations give weights enough
        return model.fit(rows, y)


def mlp(kind=MLPRegressor, **settings):
    return kind(**{"hidden_layer_sizes": (5, 4), "max_iter": 4, "random_state": 0, **settings})


def frozen(model):
    return pytest.importorskip("sklearn.frozen", reason="scikit-learn before 1.6").FrozenEstimator(model)


# --- plain arrays ---------------------------------------------------------------------------------

def test_worked_number_n1():
    network = xk.DenseNetwork(**N1, activation="logistic")
    got = network.forward([[0, 0], [1, 0], [0, 1], [1, -1], [-2, 3]])
    # networks.md gives eight digits.
    np.testing.assert_allclose(got[:, 0], [0.42274848, 0.3847018, 0.39065564, 0.41669649, 0.40264329],
                               rtol=0, atol=5e-9)
    assert got.shape == (5, 1)
    assert (network.n_inputs, network.n_outputs, network.n_layers) == (2, 1, 2)
    assert network.hidden_sizes == (2,)
    assert repr(network) == "<DenseNetwork 2-2-1: logistic, identity>"


def test_connection_weights_of_n1_n2_and_n4():
    # Olden's product tells a transposed matrix or a lost layer; values of networks.md, 8 digits.
    n2 = [[-1.67624, 3.29022, 1.32466], [-0.51874, -0.22921, -0.25526],
          [-4.01764, 2.12486, -0.08168], [-1.75691, -1.44702, 0.58286]]
    nets = [
        (N1["weights"], [[-0.9287], [-0.2128]]),
        ([np.transpose(n2), [[4.57857], [-0.48815], [-5.73901], [-2.65221]]],
         [[20.29541116], [6.81959957], [5.11254892]]),
        ([[[1, -2], [3, 1]], [[2, 1], [-1, 1]], [[1, 0.5], [-2, 3]]], [[6, -3], [-1, 14.5]]),
    ]
    for weights, wanted in nets:
        product = np.linalg.multi_dot(xk.DenseNetwork(weights).weights)
        assert np.allclose(product, wanted, rtol=0, atol=5e-9) or np.allclose(
            product, np.transpose(wanted), rtol=0, atol=5e-9)
        linear = xk.DenseNetwork(weights, activation="identity")
        np.testing.assert_allclose(linear.forward(np.eye(linear.n_inputs)), product, rtol=1e-13)


def test_layers_hold_every_value():
    network = xk.DenseNetwork([[[1.0, -1.0]], [[2.0], [3.0]]], [[0.5, 0.0], [1.0]], output_activation="tanh")
    hidden, output = network.layers([[2.0], [-4.0]])
    assert hidden.before.tolist() == [[2.5, -2.0], [-3.5, 4.0]]
    assert hidden.after.tolist() == [[2.5, 0.0], [0.0, 4.0]]
    assert output.before.tolist() == [[6.0], [13.0]]
    assert output.after.tolist() == np.tanh([[6.0], [13.0]]).tolist()


def test_arrays_are_read_only_copies():
    given = np.ones((2, 1), dtype=np.float32)
    network = xk.DenseNetwork([given])
    given[:] = 7
    assert network.weights[0].tolist() == [[1.0], [1.0]]
    assert network.weights[0].dtype == network.biases[0].dtype == np.float64
    for array in (*network.weights, *network.biases):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 2.0
    with pytest.raises(AttributeError):
        network.weights = ()
    for again in (pickle.loads(pickle.dumps(network)), copy.deepcopy(network)):
        assert not again.weights[0].flags.writeable
        assert again.forward([[2.0, 3.0]]).tolist() == [[5.0]]
    rows = np.array([[1.0, 2.0]])
    network.forward(rows)[:] = 9
    xk.DenseNetwork([np.eye(2)]).layers(rows)[0].after[:] = 9
    assert rows.tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize(("spec", "values"), [
    ("linear", [-2.0, 0.0, 3.0]), ("relu", [0.0, 0.0, 3.0]),
    ("sigmoid", [0.11920292, 0.5, 0.95257413]), ("tanh", [-0.96402758, 0.0, 0.99505475]),
    ("softmax", [0.00637746, 0.04712342, 0.94649912]), ("exponential", [0.13533528, 1.0, 20.08553692]),
    ("elu", [-0.86466472, 0.0, 3.0]), (("elu", 0.5), [-0.43233236, 0.0, 3.0]),
    ("leaky_relu", [-0.02, 0.0, 3.0]), (("leaky_relu", 0.2), [-0.4, 0.0, 3.0]),
    ("gelu", [-0.04550026, 0.0, 2.9959503]), ("gelu_tanh", [-0.04540231, 0.0, 2.99636261]),
    ("swish", [-0.23840584, 0.0, 2.85772238]), ("softplus", [0.12692801, 0.69314718, 3.04858735]),
    (("softplus", 2.0), [0.00907496, 0.34657359, 3.00123784]),
    (("softplus", 2.0, 5.0), [0.00907496, 0.34657359, 3.0]),
], ids=str)
def test_activations(spec, values):
    # Values by Python's math module, eight digits.
    network = xk.DenseNetwork([np.eye(3)], output_activation=spec)
    np.testing.assert_allclose(network.forward([[-2.0, 0.0, 3.0]])[0], values, rtol=0, atol=6e-9)
    hidden = xk.DenseNetwork([np.eye(3), np.eye(3)], activation=spec)
    assert hidden.activations[0] == network.output_activation


def test_far_values_do_not_overflow():
    for name in ("sigmoid", "tanh", "softmax", "elu", "gelu", "gelu_tanh", "silu", "softplus"):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert np.isfinite(Activation.of(name)(np.array([[-1e4, 1e4]]))).all()


def test_one_activation_a_hidden_layer():
    eye = np.eye(2)
    network = xk.DenseNetwork([eye] * 3, activation=["tanh", ("leaky_relu", 0.1)], output_activation="softmax")
    assert network.activations == (("tanh", ()), ("leaky_relu", (0.1,)), ("softmax", ()))


def test_names_and_frames():
    network = xk.DenseNetwork([[[1.0], [10.0]]], feature_names=["a", "b"], output_names=["score"])
    assert (network.feature_names, network.output_names) == (("a", "b"), ("score",))
    assert network.forward(pd.DataFrame({"b": [1], "a": [2]})).tolist() == [[12.0]]
    assert network.forward([1.0, 2.0]).tolist() == [[21.0]]
    assert network.forward(pd.Series({"a": 1.0, "b": 2.0})).tolist() == [[21.0]]
    with pytest.raises(ValueError, match="inputs are a, b; the table's columns are a, c"):
        network.forward(pd.DataFrame({"a": [1], "c": [2]}))
    unnamed = xk.DenseNetwork([[[1.0, 0.0], [10.0, 0.0]]])
    assert unnamed.output_names == ("output 0", "output 1")
    assert unnamed.forward(pd.DataFrame({"c": [1], "a": [2]}))[0, 0] == 21.0


@pytest.mark.parametrize(("arguments", "sentence"), [
    ({"weights": []}, "weights holds no layer"),
    ({"weights": [[1.0, 2.0]]}, r"weights of layer 1 should have shape \(n_in, n_out\), got \(2,\)"),
    ({"weights": [np.ones((0, 2))]}, r"got \(0, 2\)"),
    ({"weights": [[["a"]]]}, "weights of layer 1 should be an array of numbers"),
    ({"weights": [np.eye(2), [[np.nan], [1.0]]]}, "weights of layer 2 hold NaN or infinite"),
    ({"weights": [np.eye(2)], "biases": [[0.0, np.inf]]}, "biases of layer 1 hold NaN or infinite"),
    ({"weights": [np.ones((2, 3)), np.ones((4, 1))]}, "layer 2 takes 4 inputs, but layer 1 gives 3 outputs"),
    ({"weights": [np.eye(2)], "biases": [[1.0]]}, "layer 1 has 2 outputs and 1 biases"),
    ({"weights": [np.eye(2)], "biases": []}, "biases of 0 layers for weights of 1"),
    ({"weights": [np.eye(2)], "biases": [[[1.0, 2.0]]]}, r"biases of layer 1 should have shape \(n_out,\)"),
    ({"weights": [np.eye(2)] * 2, "activation": "swoosh"}, "activation 'swoosh' is not known; use one of elu"),
    ({"weights": [np.eye(2)] * 2, "activation": ["relu", "tanh"]}, "2 names for 1 hidden"),
    ({"weights": [np.eye(2)] * 2, "activation": ("relu", 0.1)}, "'relu' takes 0 parameters, got 1"),
    ({"weights": [np.eye(2)], "feature_names": ["a"]}, "feature_names should be 2 different names, got 1: a"),
    ({"weights": [np.eye(2)], "output_names": ["a", "a"]}, "output_names should be 2 different names"),
])
def test_bad_networks(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        xk.DenseNetwork(**arguments)


def test_bad_rows():
    network = xk.DenseNetwork([np.eye(2)])
    with pytest.raises(ValueError, match="the network has 2 inputs, got 3 columns"):
        network.forward(np.ones((4, 3)))
    with pytest.raises(ValueError, match="shape"):
        network.forward(np.ones((1, 2, 2)))


def test_from_plain_arrays():
    assert xk.DenseNetwork.from_model([np.ones((3, 2)), np.ones((2, 1))]).hidden_sizes == (2,)
    network = xk.DenseNetwork.from_model({**N1, "activation": "tanh"})
    assert network.biases[0].tolist() == [13.12, -0.11]
    assert network.activation[0].name == "tanh"
    with pytest.raises(TypeError, match="bias"):
        xk.DenseNetwork.from_model({"weights": [np.eye(2)], "bias": [0, 0]})


@pytest.mark.parametrize("rows", [X, FRAME, X[:1]])
def test_weights_are_scaled_by_the_spread_of_the_inputs(rows):
    plain = xk.DenseNetwork.from_model([np.ones((3, 2)), np.ones((2, 1))])
    scaled = xk.DenseNetwork.from_model([np.ones((3, 2)), np.ones((2, 1))], scale_by=rows)
    spread = np.std(np.asarray(rows), axis=0)
    np.testing.assert_allclose(scaled.weights[0], plain.weights[0] * spread[:, None])
    np.testing.assert_array_equal(scaled.weights[1], plain.weights[1])


@pytest.mark.parametrize(("rows", "sentence"), [
    (X[:0], "scale_by has no rows"), (X[:, :2], "has 3 inputs, got 2 columns"),
])
def test_rows_to_scale_by_must_fit(rows, sentence):
    with pytest.raises(ValueError, match=sentence):
        xk.DenseNetwork.from_model([np.ones((3, 2)), np.ones((2, 1))], scale_by=rows)


# --- scikit-learn ---------------------------------------------------------------------------------

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


# --- torch ----------------------------------------------------------------------------------------

@pytest.fixture
def torch():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    torch.manual_seed(0)
    return torch


def moved(torch, net):
    """Give batch normalisations statistics and scales that differ from 0 and 1."""
    for layer in net.modules():
        if isinstance(layer, torch.nn.BatchNorm1d):
            layer.running_mean.normal_()
            layer.running_var.uniform_(0.5, 2.0)
            if layer.affine:
                torch.nn.init.normal_(layer.weight)
                torch.nn.init.normal_(layer.bias)
    return net


def answers(torch, net, rows):
    was = net.training
    net.eval()
    with torch.no_grad():
        found = net(torch.tensor(rows, dtype=next(net.parameters()).dtype)).double().numpy()
    net.train(was)
    return found


def torch_nets(nn):
    return {
        "single": lambda: nn.Linear(3, 2),
        "plain": lambda: nn.Sequential(nn.Linear(3, 5, bias=False), nn.ReLU(), nn.Linear(5, 2), nn.Softmax(1)),
        "nested": lambda: nn.Sequential(
            nn.Flatten(), nn.Sequential(nn.Linear(3, 4), nn.Identity(), nn.Tanh()), nn.Dropout(0.5),
            nn.Sequential(nn.Sequential(nn.Linear(4, 2)), nn.Sigmoid())),
        "normalised": lambda: nn.Sequential(
            nn.BatchNorm1d(3), nn.Linear(3, 5), nn.BatchNorm1d(5), nn.SiLU(), nn.BatchNorm1d(5, affine=False),
            nn.Dropout(), nn.BatchNorm1d(5), nn.Linear(5, 2), nn.BatchNorm1d(2)),
        "parameters": lambda: nn.Sequential(
            nn.Linear(3, 4), nn.LeakyReLU(0.3), nn.Linear(4, 4), nn.ELU(0.7), nn.Linear(4, 4), nn.Softplus(2, 3),
            nn.Linear(4, 4), nn.GELU(), nn.Linear(4, 4), nn.GELU("tanh"), nn.Linear(4, 4), nn.Linear(4, 1)),
    }


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["single", "plain", "nested", "normalised", "parameters"])
def test_torch(torch, name, dtype):
    net = moved(torch, torch_nets(torch.nn)[name]()).to(getattr(torch, dtype)).train()
    rows = RNG.normal(size=(20, 3)) * 3
    before = {key: value.clone() for key, value in net.state_dict().items()}
    network = xk.DenseNetwork.from_model(net)
    assert all(layer.training for layer in net.modules())
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
    assert all(value.requires_grad for value in net.parameters())
    np.testing.assert_allclose(network.forward(rows), answers(torch, net, rows),
                               **(SINGLE if dtype == "float32" else CLOSE))


def test_torch_details(torch):
    nn = torch.nn
    relu = nn.ReLU()
    net = nn.Sequential(nn.Linear(3, 3), relu, nn.Linear(3, 3), relu, nn.Linear(3, 2))
    network = xk.DenseNetwork.from_model(xk.wrap(net, feature_names=list("abc")))
    assert network.feature_names == ("a", "b", "c")
    assert [a.name for a in network.activations] == ["relu", "relu", "identity"]
    np.testing.assert_array_equal(network.weights[2], net[4].weight.detach().numpy().T)
    net[0].weight.data.zero_()
    assert network.weights[0].any()


def torch_refusals(nn):
    class Linear(nn.Linear):
        def forward(self, x):
            return super().forward(x) ** 2

    class Twice(nn.Sequential):
        def forward(self, x):
            return super().forward(x) * 2

    shared = nn.Linear(3, 3)
    hooked = nn.Linear(3, 3)
    hooked.register_forward_hook(lambda *_: None)
    start = nn.Linear(3, 3)
    matrix = "which has no single input-to-output weight matrix"
    return {
        "lstm": (nn.Sequential(start, nn.LSTM(3, 3)), f"layer 2 is LSTM, {matrix}"),
        "conv": (nn.Sequential(nn.Conv1d(3, 3, 1), start), f"layer 1 is Conv1d, {matrix}"),
        "deep": (nn.Sequential(start, nn.Sequential(nn.ReLU(), nn.Embedding(3, 3))), "layer 3 is Embedding"),
        "attention": (nn.Sequential(nn.MultiheadAttention(3, 1)), "layer 1 is MultiheadAttention"),
        "layer norm": (nn.Sequential(start, nn.LayerNorm(3)), "layer 2 is LayerNorm"),
        "own layer": (nn.Sequential(start, Linear(3, 3)), "layer 2 is Linear"),
        "own forward": (Twice(start), "layer 1 is Twice"),
        "twice": (nn.Sequential(shared, nn.ReLU(), shared), "layer 3 is Linear, a layer used twice"),
        "hook": (nn.Sequential(hooked), "Linear carries forward hooks"),
        "two activations": (nn.Sequential(start, nn.ReLU(), nn.Tanh()), "layer 3 is Tanh, an activation with no"),
        "first": (nn.Sequential(nn.ReLU(), start), "layer 1 is ReLU, an activation with no dense"),
        "late norm": (nn.Sequential(start, nn.ReLU(), nn.BatchNorm1d(3)), "layer 3 is BatchNorm1d, a normalisation"),
        "no statistics": (nn.Sequential(start, nn.BatchNorm1d(3, track_running_stats=False)), "layer 2 is BatchNorm1d"),
        "softmax over rows": (nn.Sequential(start, nn.Softmax(0)), "layer 2 is Softmax"),
        "flatten rows": (nn.Sequential(nn.Flatten(0), start), "layer 1 is Flatten"),
        "empty": (nn.Sequential(nn.Dropout()), "the model, which has no dense layer"),
    }


REFUSALS = ("lstm", "conv", "deep", "attention", "layer norm", "own layer", "own forward", "twice", "hook",
            "two activations", "first", "late norm", "no statistics", "softmax over rows", "flatten rows", "empty")


@pytest.mark.parametrize("name", REFUSALS)
def test_torch_refusals(torch, name):
    net, sentence = torch_refusals(torch.nn)[name]
    with pytest.raises(TypeError, match=f"plain dense network; {sentence}.*Use PermutationImportance or KernelSHAP"):
        xk.DenseNetwork.from_model(net)


def test_torch_sizes_that_do_not_fit(torch):
    nn = torch.nn
    with pytest.raises(ValueError, match="layer 2 takes 4 inputs, but layer 1 gives 3"):
        xk.DenseNetwork.from_model(nn.Sequential(nn.Linear(2, 3), nn.Linear(4, 1)))
    for net in (nn.Sequential(nn.BatchNorm1d(3), nn.Linear(2, 1)), nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(3))):
        with pytest.raises(ValueError, match="is BatchNorm1d, which normalises 3 columns; the dense layer beside it has [12]"):
            xk.DenseNetwork.from_model(net)


# --- Keras ----------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def keras():
    os.environ.setdefault("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras", minversion="3", reason="Keras 3 is not installed")
    keras.utils.set_random_seed(0)
    return keras


def keras_nets(keras):
    layers = keras.layers

    def branchless():
        start = keras.Input((3,))
        inner = keras.Sequential([keras.Input((4,)), layers.Dense(4, "tanh"), layers.BatchNormalization()])
        rows = layers.Dropout(0.5)(layers.Dense(4, activation="gelu")(layers.BatchNormalization()(start)))
        return keras.Model(start, layers.Dense(2, "softmax")(inner(rows)))

    return {
        "sequential": lambda: keras.Sequential([
            keras.Input((3,)), layers.Dense(5, activation="relu", use_bias=False), layers.Dropout(0.5),
            layers.Dense(1, activation="sigmoid")]),
        "functional": branchless,
        "activations": lambda: keras.Sequential([
            keras.Input((3,)), layers.Flatten(), layers.Dense(4, "leaky_relu"), layers.Dense(4), layers.LeakyReLU(0.4),
            layers.Dense(4), layers.ELU(0.6), layers.Dense(4), layers.Activation("silu"), layers.Dense(4, "elu"),
            layers.Dense(4), layers.ReLU(), layers.Dense(4), layers.ReLU(negative_slope=0.3),
            layers.Dense(4, activation=layers.LeakyReLU(0.7)), layers.Dense(4, "softplus"), layers.Dense(2),
            layers.Activation("linear"), layers.Softmax()]),
        "normalised": lambda: keras.Sequential([
            keras.Input((3,)), layers.BatchNormalization(scale=False), layers.Dense(4), layers.BatchNormalization(),
            layers.Activation("exponential"), layers.BatchNormalization(center=False), layers.Dense(2)]),
    }


@pytest.mark.parametrize("name", ["sequential", "functional", "activations", "normalised"])
def test_keras(keras, name):
    model = keras_nets(keras)[name]()
    rng = np.random.default_rng(1)
    model.set_weights([rng.uniform(0.2, 1.0, w.shape) * (rng.choice([-1, 1], w.shape) if w.ndim == 2 else 1)
                       for w in model.get_weights()])
    before = model.get_weights()
    rows = rng.normal(size=(20, 3)).astype(np.float32)
    network = xk.DenseNetwork.from_model(model)
    np.testing.assert_allclose(network.forward(rows), model.predict(rows, verbose=0), **SINGLE)
    for was, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(was, now)


@pytest.fixture(scope="module")
def keras_refusals(keras):
    layers = keras.layers
    start, dense, other = keras.Input((3,)), layers.Dense(3), layers.Dense(3)
    wide, fixed = keras.Input((4, 3)), keras.Input(batch_shape=(3, 3))
    inner, small = keras.Sequential([keras.Input((3,)), layers.Dense(3)]), layers.Dense(3)

    def sequence(*parts):
        return keras.Sequential([keras.Input((3,)), *parts])

    quantised = sequence(small)
    small.quantize("int8")
    return [
        (keras.Model(wide, layers.Dense(1)(layers.LSTM(2)(wide))), "has inputs and outputs of shapes"),
        (sequence(layers.Dense(4), layers.Reshape((2, 2)), layers.LSTM(2)), "layer 2 is Reshape, which has no single"),
        (sequence(layers.Dense(4), layers.LayerNormalization()), "layer 2 is LayerNormalization"),
        (sequence(layers.Dense(4, "selu")), "layer 1 is Dense"),
        (sequence(layers.Dense(4), layers.ReLU(max_value=6)), "layer 2 is ReLU"),
        (sequence(layers.Dense(4, activation=abs)), "layer 1 is Dense"),
        (keras.Model(start, dense(dense(start))), "layer 1 is Dense, a layer used twice"),
        (keras.Model(start, layers.Add()([dense(start), other(start)])), "layer 3 is Add"),
        (keras.Model(start, [dense(start), other(start)]), "has inputs and outputs of shapes"),
        (keras.Model(start, keras.ops.add(dense(start), 1.0)), "layer 2 is Add"),
        (sequence(layers.Dense(4, "relu"), layers.Activation("tanh")), "layer 2 is Activation, an activation with no"),
        (keras.Model(start, inner(inner(start))), "layer 1 is Dense, a layer used twice"),
        (keras.Model(fixed, dense(layers.BatchNormalization(axis=0)(fixed))), "layer 1 is BatchNormalization"),
        (quantised, "layer 1 is Dense, which has no single"),
    ]


@pytest.mark.parametrize("case", range(14))
def test_keras_refusals(keras_refusals, case):
    model, sentence = keras_refusals[case]
    with pytest.raises(TypeError, match=f"{sentence}.*Use PermutationImportance or KernelSHAP"):
        xk.DenseNetwork.from_model(model)


def test_keras_models_that_cannot_be_read(keras):
    class Own(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match="the Keras Sequential has no weights yet"):
        xk.DenseNetwork.from_model(keras.Sequential([keras.layers.Dense(2)]))
    own = Own()
    own(np.ones((2, 3)))
    with pytest.raises(TypeError, match="layer 1 is Own"):
        xk.DenseNetwork.from_model(own)
