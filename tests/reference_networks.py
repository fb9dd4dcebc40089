"""Naive oracles of networks: every derivative by the chain rule, one number at a time."""

from __future__ import annotations

from math import erf, exp, expm1, log1p, pi, sqrt, tanh


def logistic(t):
    return 1 / (1 + exp(-t))


def normal(t):
    """Return the distribution function and the density of the standard normal."""
    return (1 + erf(t / sqrt(2))) / 2, exp(-t * t / 2) / sqrt(2 * pi)


def gelu_tanh(t):
    """Return the value and slope of t/2 · (1 + tanh(√(2/π)(t + 0.044715 t³)))."""
    root = sqrt(2 / pi)
    inner = tanh(root * (t + 0.044715 * t**3))
    return t / 2 * (1 + inner), (1 + inner) / 2 + t / 2 * (1 - inner**2) * root * (1 + 0.134145 * t**2)


# Value and slope of each activation at one number; the left slope at a kink.
ACTIVATIONS = {
    "identity": lambda t: (t, 1),
    "relu": lambda t: (t, 1) if t > 0 else (0, 0),
    "logistic": lambda t: (logistic(t), logistic(t) * (1 - logistic(t))),
    "tanh": lambda t: (tanh(t), 1 - tanh(t) ** 2),
    "exp": lambda t: (exp(t), exp(t)),
    "elu": lambda t, alpha=1: (t, 1) if t > 0 else (alpha * expm1(t), alpha * exp(t)),
    "leaky_relu": lambda t, slope=0.01: (t, 1) if t > 0 else (slope * t, slope),
    "gelu": lambda t: (t * normal(t)[0], normal(t)[0] + t * normal(t)[1]),
    "gelu_tanh": gelu_tanh,
    "silu": lambda t: (t * logistic(t), logistic(t) + t * logistic(t) * (1 - logistic(t))),
    "softplus": lambda t, beta=1, threshold=float("inf"): (
        (t, 1) if beta * t > threshold else (log1p(exp(beta * t)) / beta, logistic(beta * t))),
}


def activate(name, parameters, z):
    """Return f(z) and its Jacobian ∂f_j/∂z_m for the numbers z of one layer."""
    units = range(len(z))
    if name == "softmax":
        total = sum(exp(t) for t in z)
        p = [exp(t) / total for t in z]
        return p, [[p[j] * ((j == m) - p[m]) for m in units] for j in units]
    pairs = [ACTIVATIONS[name](t, *parameters) for t in z]
    return [value for value, _ in pairs], [
        [pairs[j][1] if j == m else 0 for m in units] for j in units]


def network_gradient(weights, biases, activations, row):
    """Return ∂output_k/∂x_i of one row as nested lists [i][k], by the chain rule from the front.

    `activations` holds (name, parameters) of each layer.
    """
    values = list(row)
    inputs = range(len(row))
    slopes = [[float(i == j) for j in inputs] for i in inputs]  # ∂value_j/∂x_i
    for w, b, (name, parameters) in zip(weights, biases, activations, strict=True):
        before, units = range(len(w)), range(len(b))
        z = [sum(values[h] * w[h][m] for h in before) + b[m] for m in units]
        z_slopes = [[sum(slopes[i][h] * w[h][m] for h in before) for m in units] for i in inputs]
        values, jacobian = activate(name, parameters, z)
        slopes = [[sum(jacobian[j][m] * z_slopes[i][m] for m in units) for j in units] for i in inputs]
    return slopes
