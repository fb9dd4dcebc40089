"""DenseNetwork.gradient: published numbers, a naive twin, torch's autograd, central differences."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import reference_networks as reference
from network_cases import N1, torch_or_skip

import xaikit as xk
from xaikit.networks import network as network_module

SPECS = ["identity", "relu", "logistic", "tanh", "exp", ("elu", 0.5), ("leaky_relu", 0.2), "gelu", "gelu_tanh",
         "silu", ("softplus", 2.0, 5.0), "softmax"]
N1_ROWS = [[0, 0], [1, 0], [0, 1], [1, -1], [-2, 3]]


def drawn(rng, activation="tanh", output_activation="identity", sizes=(3, 5, 4, 2), **names):
    scale = 0.3 if activation == "exp" else 1.0  # exp of exp of ordinary numbers overflows
    weights = [scale * rng.normal(size=pair) / np.sqrt(pair[0]) for pair in pairwise(sizes)]
    biases = [rng.normal(size=n) for n in sizes[1:]]
    return xk.DenseNetwork(weights, biases, activation=activation, output_activation=output_activation, **names)


def differences(network, rows, step=1e-5):
    moves = step * np.eye(network.n_inputs)
    return np.stack([(network.forward(rows + move) - network.forward(rows - move)) / (2 * step)
                     for move in moves], axis=1)


# --- published numbers

def test_worked_numbers_of_n1():
    # design/networks.md, "N1 with biases"; eight digits.
    network = xk.DenseNetwork(**N1, activation="logistic")
    found = network.gradient(N1_ROWS, 0)
    golden = {"rtol": 0, "atol": 5e-9}
    assert found.shape == (5, 2)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found[0], [-0.0383604, -0.03230235], **golden)
    np.testing.assert_allclose(found.mean(axis=0), [-0.03802535, -0.03201803], **golden)
    np.testing.assert_allclose((found**2).sum(axis=0), [0.00723004, 0.00512606], **golden)
    np.testing.assert_allclose(found.std(axis=0, ddof=1), [0.00031781, 0.00026708], **golden)
    # The Hessian at (1, 0), as the difference of gradients (error about step² = 1e-10).
    start, moves = np.array([1.0, 0.0]), 1e-5 * np.eye(2)
    hessian = (network.gradient(start + moves, 0) - network.gradient(start - moves, 0)) / 2e-5
    np.testing.assert_allclose(hessian, [[0.00106478, 0.00089628], [0.00089628, 0.00075472]], rtol=0, atol=6e-9)


@pytest.mark.parametrize("weights", [
    N1["weights"], [[[1, -2], [3, 1]], [[2, 1], [-1, 1]], [[1, 0.5], [-2, 3]]],
])
def test_a_linear_network_has_the_connection_weights_as_its_gradient(weights):
    # Olden's product of the weights: N1 and N4 of design/networks.md.
    network = xk.DenseNetwork(weights, activation="identity")
    found = network.gradient([[0.3, -2.0], [5.0, 1.0]])
    np.testing.assert_allclose(found, [np.linalg.multi_dot(network.weights)] * 2, rtol=1e-14)


# --- other ways to the same numbers

@pytest.mark.parametrize("output_activation", ["identity", "softmax", "logistic"])
@pytest.mark.parametrize("activation", SPECS, ids=str)
def test_gradients_are_those_of_the_twin(rng, activation, output_activation):
    network = drawn(rng, activation, output_activation)
    rows = rng.normal(size=(6, 3))
    named = [(a.name, a.parameters) for a in network.activations]
    twin = [reference.network_gradient([w.tolist() for w in network.weights], [b.tolist() for b in network.biases],
                                       named, row) for row in rows.tolist()]
    np.testing.assert_allclose(network.gradient(rows), twin, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("activation", SPECS, ids=str)
def test_gradients_are_central_differences(rng, activation):
    network = drawn(rng, activation, "softmax")
    rows = rng.normal(size=(20, 3))
    # The step misses every kink of these rows; error step²·f‴ ≈ 1e-10·f‴, rounding 1e-16/step.
    np.testing.assert_allclose(network.gradient(rows), differences(network, rows), rtol=1e-6, atol=1e-8)


def torch_net(torch, activation):
    nn = torch.nn
    layers = {
        "identity": nn.Identity, "relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "elu": lambda: nn.ELU(0.5),
        "leaky_relu": lambda: nn.LeakyReLU(0.2), "gelu": nn.GELU, "gelu_tanh": lambda: nn.GELU("tanh"),
        "silu": nn.SiLU, "softplus": lambda: nn.Softplus(2, 5), "softmax": lambda: nn.Softmax(1),
    }
    act = layers[activation]
    return nn.Sequential(nn.Linear(3, 3), act(), nn.Linear(3, 4), act(), nn.Linear(4, 2), nn.Softmax(1)).double()


@pytest.mark.parametrize("kinks", [False, True])
@pytest.mark.parametrize("activation", ["identity", "relu", "sigmoid", "tanh", "elu", "leaky_relu", "gelu", "gelu_tanh",
                                        "silu", "softplus", "softmax"])
def test_gradients_are_those_of_autograd(rng, activation, kinks):
    torch = torch_or_skip()
    net = torch_net(torch, activation)
    rows = rng.normal(size=(20, 3))
    if kinks:  # pre-activations of the first layer are the inputs; softplus has its kink at 2.5
        net[0].weight.data = torch.eye(3, dtype=torch.float64)
        net[0].bias.data.zero_()
        rows = rng.choice([0.0, -0.0, 2.5, -1.0, 3.0], size=(20, 3))
    x = torch.tensor(rows, requires_grad=True)
    wanted = []
    for k in range(2):
        (found,) = torch.autograd.grad(net(x)[:, k].sum(), x)
        wanted.append(found.numpy())
    network = xk.DenseNetwork.from_model(net)
    # torch forms 1 - y: absolute errors of 1e-16.
    np.testing.assert_allclose(network.gradient(rows), np.stack(wanted, axis=2), rtol=1e-10, atol=1e-14)


# --- outputs, tables, blocks

def test_one_output_by_position_or_name(rng):
    network = drawn(rng, output_names=["no", "yes"])
    rows = rng.normal(size=(4, 3))
    every = network.gradient(rows)
    assert every.shape == (4, 3, 2)
    for output, k in ((0, 0), (np.int64(1), 1), (-1, 1), (-2, 0), ("no", 0), ("yes", 1)):
        found = network.gradient(rows, output)
        assert found.shape == (4, 3)
        np.testing.assert_allclose(found, every[:, :, k], rtol=1e-13)


@pytest.mark.parametrize("output", [2, -3, "maybe", True, 0.0, [0]])
def test_an_output_that_is_none_of_the_networks(output):
    network = xk.DenseNetwork([np.eye(2)], output_names=["no", "yes"])
    with pytest.raises(ValueError, match=r"is not one of the network's 2 outputs; pass a position, a name \(no and yes\)"):
        network.gradient([[1.0, 2.0]], output)


def test_tables_rows_and_order_of_columns(rng):
    network = drawn(rng, feature_names=["a", "b", "c"])
    rows = rng.normal(size=(4, 3))
    before, wanted = rows.copy(), network.gradient(rows)
    frame = pd.DataFrame(rows, columns=["a", "b", "c"])
    # The answer is in the network's own order.
    np.testing.assert_array_equal(network.gradient(frame[["c", "a", "b"]]), wanted)
    np.testing.assert_allclose(network.gradient(rows[1]), wanted[1:2], rtol=1e-13)
    assert network.gradient(rows[:0]).shape == (0, 3, 2)
    assert network.gradient(rows[:0], 1).shape == (0, 3)
    np.testing.assert_array_equal(rows, before)
    with pytest.raises(ValueError, match="the network has 3 inputs, got 2 columns"):
        network.gradient(rows[:, :2])


@pytest.mark.parametrize("block", [1, 7, 25, 1000])
def test_blocks_of_rows_do_not_matter(rng, monkeypatch, block):
    network = drawn(rng)
    rows = rng.normal(size=(11, 3))
    wanted = network.gradient(rows)
    asked, layers = [], xk.DenseNetwork.layers
    monkeypatch.setattr(network_module, "_BLOCK", block)
    monkeypatch.setattr(xk.DenseNetwork, "layers", lambda self, X: asked.append(len(X)) or layers(self, X))
    np.testing.assert_allclose(network.gradient(rows), wanted, rtol=1e-13)  # BLAS sums in another order
    # The widest layer has five units, and there are two outputs.
    assert max(asked) == min(11, max(1, block // 10))
    assert sum(asked) == 11


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_inputs_that_are_not_finite(bad):
    # A relu's slope at NaN would be 0, and the row would look as if nothing mattered.
    with pytest.raises(ValueError, match=r"NaN or infinity in 1 of 2 rows \(first: row 1\); fill or drop"):
        xk.DenseNetwork([np.eye(2)] * 2).gradient([[0.0, 1.0], [bad, 1.0]])


def test_scaled_weights_give_gradients_per_standard_deviation(rng):
    rows = rng.normal(size=(50, 3)) * [1.0, 10.0, 0.1]
    plain = drawn(rng)
    scaled = xk.DenseNetwork.from_model(plain, scale_by=rows)
    spread = rows.std(axis=0)
    np.testing.assert_allclose(scaled.gradient(rows / spread), plain.gradient(rows) * spread[:, None],
                               rtol=1e-12, atol=1e-15)


def test_a_logistic_output_near_one_keeps_its_gradient():
    network = xk.DenseNetwork([[[1.0]]], output_activation="logistic")
    # e⁻⁴⁰ up to a part in 1e17; y(1 - y) would be 0.
    np.testing.assert_allclose(network.gradient([[40.0]], 0), [[np.exp(-40.0)]], rtol=1e-13)
