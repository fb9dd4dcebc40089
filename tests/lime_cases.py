"""Models, tables and calls that the tests of LIME share."""

from __future__ import annotations

import numpy as np

import xaikit as xk
from xaikit.explainers.games import Turn
from xaikit.explainers.lime.lime import LIME
from xaikit.explainers.lime.masks import MaskSolver
from xaikit.sampling.tabular import TabularMasker

X = np.random.default_rng(0).normal(size=(300, 4))
ROWS = X[:3] + 0.1
WAYS = [{"discretize": "quartile"}, {"discretize": "tree"}, {"discretize": None},
        {"discretize": None, "sampling": "weighted"},
        {"discretize": "decile", "sampling": "weighted"}]
WORDS = ["a", "really", "fine", "and", "moving", "film", "that", "never", "once", "felt", "too", "long"]


def curved(table):
    # Column by column: the same to the last bit in batches of any size.
    t = np.asarray(table, dtype=float)
    return np.sin(t[:, 0]) + t[:, 0] * t[:, 1] - (t[:, 2] > 0.3)


def two(table):
    t = np.asarray(table, dtype=float)
    return np.stack([curved(t), t[:, 3] ** 2 - t[:, 1]], axis=1)


def explain(model=curved, background=X, rows=ROWS, **settings):
    settings.setdefault("random_state", 0)
    settings.setdefault("budget", 400)
    return LIME(**settings).fit(model, background).explain(rows)


def solve(kind, game, n_units, budget, width=None, sampling="kernel"):
    """LIME on a game of n_units that are shown (1) or hidden (0)."""
    masker = TabularMasker(np.zeros((1, n_units)))
    explainer = xk.KernelSHAP().fit(game, masker)
    (one,) = explainer.games(np.ones((1, n_units)))
    return MaskSolver(kind, budget, sampling, width, 0)(one, Turn(0, 1, 0.0))


def conjunction(words):
    return lambda z: np.asarray(z)[:, words].all(axis=1).astype(float)


def text_model(texts):
    """A bag of words with an interaction."""
    sets = [set(text.split()) for text in texts]
    p = np.array([0.4 * ("fine" in s) + 0.3 * ({"never", "long"} <= s) - 0.2 * ("too" in s)
                  for s in sets])
    return np.stack([1 - p, p], axis=1)
