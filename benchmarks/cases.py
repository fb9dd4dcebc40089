"""Models and data that the benchmarks share, and a model that counts and times itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.preprocessing import OrdinalEncoder

ADULT = Path(__file__).parents[2] / "shared" / "data" / "adult.csv"


@dataclass(frozen=True)
class Case:
    """A fitted model as a function of a float array, with background and rows to explain."""

    name: str
    predict: Callable[[np.ndarray], np.ndarray]
    background: np.ndarray
    rows: np.ndarray


class Counted:
    """A model that counts the rows it is asked and the seconds it takes."""

    def __init__(self, function: Callable[[np.ndarray], np.ndarray]) -> None:
        self.function = function
        self.rows, self.seconds = 0, 0.0

    def __call__(self, X: np.ndarray) -> np.ndarray:
        start = time.perf_counter()
        answers = self.function(X)
        self.seconds += time.perf_counter() - start
        self.rows += len(X)
        return answers


@cache
def adult(n_background: int = 100, n_rows: int = 50) -> Case:
    """Adult, 12 features (without fnlwgt and education), ordinal codes, boosted trees.

    Codes instead of a mixed frame, since shap needs numbers; both packages get the same array.
    Where the file is absent a synthetic table of the same shape takes its place and is named so.
    """
    if ADULT.exists():
        table = pd.read_csv(ADULT)
        y = (table.pop("income") == ">50K").to_numpy()
        table = table.drop(columns=["fnlwgt", "education"])
        text = table.select_dtypes(exclude="number").columns
        table[text] = OrdinalEncoder().fit_transform(table[text])
        X, name = table.to_numpy(dtype=float), "Adult, 12 features"
    else:
        X, y = make_classification(8_000, 12, n_informative=8, random_state=0)
        X, name = np.round(X), "synthetic, 12 features (Adult is absent)"
    model = HistGradientBoostingClassifier(random_state=0).fit(X, y)
    order = np.random.default_rng(0).permutation(len(X))
    return Case(name, lambda Z: model.predict_proba(Z)[:, 1], X[order[:n_background]],
                X[order[n_background : n_background + n_rows]])


@cache
def continuous(n_background: int = 100, n_rows: int = 50) -> Case:
    """12 normal features and boosted trees: no two composed rows are equal."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5_000, 12))
    y = X[:, 0] * X[:, 1] + X[:, 2] + np.sin(X[:, 3]) > 0
    model = HistGradientBoostingClassifier(random_state=0).fit(X, y)
    return Case("continuous, 12 features", lambda Z: model.predict_proba(Z)[:, 1],
                X[:n_background], X[n_background : n_background + n_rows])
