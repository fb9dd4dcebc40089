"""Rows, small fitted networks and tolerances shared by the tests of `DenseNetwork`."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

X = np.random.default_rng(3).normal(size=(40, 3)) * [1.0, 10.0, 0.1] + [0.0, 5.0, -1.0]
Y = X[:, 0] * X[:, 1] + 5 * X[:, 2]
FRAME = pd.DataFrame(X, columns=["age", "income", "rate"])
# The same float64 products, summed in another order: a few units in the last place for each layer.
CLOSE = {"rtol": 1e-10, "atol": 1e-12}
# torch and Keras compute in float32, whose epsilon is 1.2e-7; each layer adds a few.
SINGLE = {"rtol": 2e-5, "atol": 2e-6}
N1 = {"weights": [[[1.49, -0.19], [0.16, -0.16]], [[-0.52], [0.81]]], "biases": [[13.12, -0.11], [0.56]]}


def fitted(model, rows=X, y=Y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a few iterations are enough
        return model.fit(rows, y)


def mlp(kind=MLPRegressor, **settings):
    return kind(**{"hidden_layer_sizes": (5, 4), "max_iter": 4, "random_state": 0, **settings})


def frozen(model):
    return pytest.importorskip("sklearn.frozen", reason="scikit-learn before 1.6").FrozenEstimator(model)


def torch_or_skip():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    torch.manual_seed(0)
    return torch
