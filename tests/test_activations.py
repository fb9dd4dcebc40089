"""Activation functions: values by hand, slopes by other means, and far values."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import xaikit as xk
from xaikit.networks.activations import Activation


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
