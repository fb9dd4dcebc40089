"""Games with known Shapley values: real and synthetic tables, models of several kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import shap
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.ensemble import (
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from benchmarks.cases import adult
from xaikit.sampling.coalitions import all_coalitions
from xaikit.solvers.shapley import exact_from_all

N_BACKGROUND = 50
N_ROWS = 4


@dataclass(frozen=True)
class Game:
    """A model with rows to explain, background rows, and the true Shapley values (n, M)."""

    name: str
    predict: Callable[[np.ndarray], np.ndarray]
    background: np.ndarray
    rows: np.ndarray
    truth: np.ndarray


def games() -> Iterator[Game]:
    """Yield every game of the benchmark."""
    case = adult(N_BACKGROUND, N_ROWS)
    yield _enumerated("Adult 12, boosting, probability", case.predict, case.background, case.rows)
    case = adult(2_000, N_ROWS)
    labels = case.predict(case.background) > 0.5
    network = make_pipeline(StandardScaler(), MLPClassifier((32, 32), max_iter=60, random_state=0))
    network.fit(case.background, labels)
    yield _enumerated("Adult 12, MLP, probability", lambda X: network.predict_proba(X)[:, 1],
                      case.background[:N_BACKGROUND], case.rows)
    X, y = load_diabetes(return_X_y=True)
    yield _of_table("diabetes 10, SVM", make_pipeline(StandardScaler(), SVR(C=100)), X, y)
    yield _of_table("diabetes 10, forest", RandomForestRegressor(60, random_state=0), X, y)
    X = np.random.default_rng(1).normal(size=(4_000, 8))
    yield _of_table("smooth 8, boosting", HistGradientBoostingRegressor(random_state=0), X,
                    _smooth(X))
    X, y = load_breast_cancer(return_X_y=True)
    yield _of_trees("cancer 30, boosting, raw", LGBMClassifier(verbose=-1), X, y, "raw")
    yield _of_trees("cancer 30, forest", RandomForestClassifier(50, random_state=0), X, y,
                    "predict_proba")
    X, y = load_digits(return_X_y=True)
    yield _of_trees("digits 64, boosting, raw", LGBMClassifier(verbose=-1), X, y >= 5, "raw")
    for name, mix in (("independent 60", 0.0), ("correlated 60", 0.7)):
        X = _normal(mix)
        y = _smooth(X) + X[:, 8:40] @ np.linspace(1, 0.1, 32) / 4
        yield _of_trees(f"{name}, boosting", LGBMRegressor(verbose=-1), X, y, "raw")


def _smooth(X: np.ndarray) -> np.ndarray:
    return (np.exp(0.4 * X[:, 0]) * X[:, 1] + np.sin(2 * X[:, 2]) * X[:, 3]
            + X[:, 4] * X[:, 5] * X[:, 6] + 0.3 * X[:, 7] ** 2)


def _normal(mix: float) -> np.ndarray:
    rng = np.random.default_rng(2)
    shared = rng.normal(size=(4_000, 1))
    return np.sqrt(mix) * shared + np.sqrt(1 - mix) * rng.normal(size=(4_000, 60))


def _of_table(name: str, model: Any, X: np.ndarray, y: np.ndarray) -> Game:
    model.fit(X, y)
    return _enumerated(name, model.predict, *_split(X))


def _split(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.random.default_rng(0).permutation(len(X))
    return X[order[:N_BACKGROUND]], X[order[N_BACKGROUND : N_BACKGROUND + N_ROWS]]


def _enumerated(
    name: str, predict: Callable[[np.ndarray], np.ndarray], background: np.ndarray,
    rows: np.ndarray,
) -> Game:
    """Return a game whose truth comes from all coalitions."""
    every = all_coalitions(rows.shape[1])
    truth = [exact_from_all(coalition_values(predict, background, row, every)[:, None])[:, 0]
             for row in rows]
    return Game(name, predict, background, rows, np.array(truth))


def _of_trees(name: str, model: Any, X: np.ndarray, y: np.ndarray, method: str) -> Game:
    """Return a game whose truth is the interventional values of trees.

    These are of single precision: 1e-7 of the answer.
    """
    model.fit(X, y)
    background, rows = _split(X)
    truth = shap.TreeExplainer(model, background, feature_perturbation="interventional",
                               model_output="raw").shap_values(rows, check_additivity=False)
    if np.ndim(truth) == 3:
        truth = truth[:, :, 1]

    def predict(Z: np.ndarray) -> np.ndarray:
        answers = model.predict(Z, raw_score=True) if method == "raw" else model.predict_proba(Z)
        return answers[:, 1] if answers.ndim == 2 else answers

    total = predict(rows) - predict(background).mean()
    if np.abs(np.sum(truth, axis=1) - total).max() > 1e-5 * np.abs(total).max():
        raise ValueError(f"the values of {name!r} do not add up: the truth is unknown.")
    return Game(name, predict, background, rows, np.asarray(truth))


def coalition_values(
    predict: Callable[[np.ndarray], np.ndarray], background: np.ndarray, row: np.ndarray,
    kept: np.ndarray,
) -> np.ndarray:
    """Compute v(S) of coalitions (n, M): the mean answer with hidden units from the background."""
    kept = np.asarray(kept, dtype=bool)
    step = max(1, 200_000 // len(background))
    values = [
        predict(np.where(kept[a : a + step, None, :], row, background[None]).reshape(
            -1, len(row))).reshape(-1, len(background)).mean(axis=1)
        for a in range(0, len(kept), step)
    ]
    return np.concatenate(values)
