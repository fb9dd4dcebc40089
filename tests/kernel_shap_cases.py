"""Models, tables and settings that the tests of Kernel SHAP share."""

from __future__ import annotations

import numpy as np

import xaikit as xk


def third_order(X):
    """Interactions of up to three columns, cell by cell: same bytes in any batch."""
    X = np.asarray(X, dtype=float)
    total = np.zeros(len(X))
    for c in range(X.shape[1]):
        a, b = X[:, (c + 1) % X.shape[1]], X[:, (c + 2) % X.shape[1]]
        total = total + (c + 1) * X[:, c] + X[:, c] * a * b
    return total


def two_outputs(X):
    return np.stack([third_order(X), np.asarray(X, dtype=float)[:, 0] ** 2], axis=1)


def probability(X):
    return 1.0 / (1.0 + np.exp(-third_order(X) / 4))


def fit(model, background, **settings):
    return xk.KernelSHAP(**{"random_state": 0, **settings}).fit(model, background)


def background_and_rows(rng):
    """Return a background and rows of 8 columns whose cells all differ."""
    return rng.normal(size=(4, 8)), rng.normal(size=(5, 8))


# Room for 2M = 16 pairs on 4 background rows, and for a quarter of all 127.
WLS = {"solver": "wls", "budget": 2 * 4 * 32 + 1}
