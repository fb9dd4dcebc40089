"""Activation functions: values by hand, slopes by other means, and far values."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import reference_networks as reference

import xaikit as xk
from xaikit.networks.activations import FORMULAS, Activation


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


# --- slopes

SPECS = ["identity", "relu", "logistic", "tanh", "exp", "elu", ("elu", 0.5), "leaky_relu", ("leaky_relu", 0.2),
         "gelu", "gelu_tanh", "silu", "softplus", ("softplus", 2.0), ("softplus", 2.0, 5.0)]
Z = np.array([[-7.5, -2.0, -0.75, -1e-3, 1e-3, 0.3, 1.5, 2.4, 2.6, 8.0]])


def test_every_activation_is_tested():
    assert {Activation.of(spec).name for spec in SPECS} | {"softmax"} == set(FORMULAS)


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_slopes_are_those_of_the_twin(spec):
    activation = Activation.of(spec)
    twin = [reference.ACTIVATIONS[activation.name](t, *activation.parameters) for t in Z[0]]
    # The twin forms 1 - y, which loses digits at 8: 1 - tanh(8)² is 4.5e-7.
    np.testing.assert_allclose(activation.slope(Z)[0], [slope for _, slope in twin], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(activation(Z)[0], [value for value, _ in twin], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_slopes_are_central_differences(spec):
    activation = Activation.of(spec)
    step = 1e-5  # error of the difference: step²·f‴/6 ≈ 2e-11·f‴, and rounding 1e-16·f/step
    difference = (activation(Z + step) - activation(Z - step)) / (2 * step)
    np.testing.assert_allclose(activation.slope(Z), difference, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize(("spec", "at", "left"), [
    ("relu", 0.0, 0.0), ("leaky_relu", 0.0, 0.01), (("leaky_relu", 0.2), 0.0, 0.2), ("elu", 0.0, 1.0),
    (("elu", 0.5), 0.0, 0.5), (("softplus", 2.0, 4.0), 2.0, 1 / (1 + np.exp(-4.0))),
], ids=str)
def test_at_a_kink_the_slope_is_the_left_one(spec, at, left):
    got = Activation.of(spec).slope(np.array([[at, at or -0.0]]))[0]
    np.testing.assert_allclose(got, [left, left], rtol=1e-15)


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_slopes_of_far_values_are_limits_without_warnings(spec):
    activation = Activation.of(spec)
    far = np.array([[-1e300, -1e4, 1e4, 1e300]])
    if activation.name == "exp":
        far = far[:, :2]  # above 709 the value itself overflows
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        slope = activation.slope(far)[0]
        assert np.isfinite(activation(far)).all()
    limits = {"identity": (1, 1), "leaky_relu": (*activation.parameters, 1), "exp": (0, None),
              "logistic": (0, 0), "tanh": (0, 0)}
    left, right = limits.get(activation.name, (0, 1))
    assert slope[:2].tolist() == [left, left]
    assert slope[2:].tolist() == [right, right][: len(slope) - 2]


@pytest.mark.parametrize(("name", "at", "slope"), [
    # mpmath, 60 digits; with 1 - y hardly a digit would be right.
    ("logistic", 36.0, 2.3195228302435683e-16), ("logistic", -36.0, 2.3195228302435683e-16),
    ("tanh", 19.0, 1.2556531168192118e-16), ("tanh", -25.0, 7.7149993918556711e-22),
    ("gelu", -12.0, -2.5578956616748956e-31), ("gelu_tanh", -8.0, -4.7147845041068416e-20),
    ("silu", -40.0, -1.6568581595637197e-16),
])
def test_small_slopes_keep_their_digits(name, at, slope):
    np.testing.assert_allclose(Activation.of(name).slope(np.array([[at]])), slope, rtol=1e-13)


def test_softmax_has_no_slope_of_a_unit():
    with pytest.raises(ValueError, match=r"softmax has no slope for each unit.*use pull_back\(z, gradient\)"):
        Activation.of("softmax").slope(np.zeros((1, 3)))


@pytest.mark.parametrize("spec", [*SPECS, "softmax"], ids=str)
def test_pull_back_is_the_jacobian_of_the_twin(spec, rng):
    activation = Activation.of(spec)
    z, gradient = rng.normal(size=(4, 3)), rng.normal(size=(2, 4, 3))
    pulled = activation.pull_back(z, gradient)
    for row in range(4):
        jacobian = np.array(reference.activate(activation.name, activation.parameters, z[row].tolist())[1])
        np.testing.assert_allclose(pulled[:, row], gradient[:, row] @ jacobian, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(activation.pull_back(z, gradient[0]), pulled[0])
    everywhere = np.broadcast_to(gradient[:, :1], gradient.shape)
    np.testing.assert_array_equal(activation.pull_back(z, gradient[:, :1]), activation.pull_back(z, everywhere))


@pytest.mark.parametrize("top", [0, 2])
def test_a_sure_softmax_keeps_its_digits(top):
    # The largest share is 1 to the last digit, so share·(1 − share) would be zero.
    z = np.zeros((1, 3))
    z[0, top] = 40.0
    rest = np.exp(-40.0)
    wanted = np.full(3, -rest)
    wanted[top] = 2 * rest
    gradient = np.zeros((1, 3))
    gradient[0, top] = 1.0
    np.testing.assert_allclose(Activation.of("softmax").pull_back(z, gradient)[0], wanted, rtol=1e-14)


def test_softmax_of_far_values():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = Activation.of("softmax").pull_back(np.array([[-1e300, 1e300, 0.0]]), np.array([[1.0, 2.0, 3.0]]))
    assert got.tolist() == [[0.0, 0.0, 0.0]]
