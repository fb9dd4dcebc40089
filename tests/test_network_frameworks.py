"""Networks read out of torch and Keras answer as the models do; other models are refused."""

from __future__ import annotations

import os

import numpy as np
import pytest
from network_cases import CLOSE, SINGLE, torch_or_skip

import xaikit as xk

# --- torch

@pytest.fixture
def torch():
    return torch_or_skip()


def moved(torch, net):
    """Set the statistics and scales of batch normalisations to values other than 0 and 1."""
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
    rows = np.random.default_rng(3).normal(size=(20, 3)) * 3
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


# --- Keras

@pytest.fixture(scope="module")
def keras():
    os.environ.setdefault("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras", minversion="3", reason="Keras 3 with its torch backend is not installed")
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
