"""DenseNetwork: its arrays, names and values, and what it refuses."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from network_cases import FRAME, N1, X

import xaikit as xk


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
    # Olden's product reveals a transposed matrix or a lost layer; networks.md, eight digits.
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
