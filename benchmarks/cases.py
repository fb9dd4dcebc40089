"""Data and models that benchmarks, tests and notebooks share, and a model that counts its work."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.preprocessing import OrdinalEncoder

ADULT = Path(__file__).parent / "data" / "adult.csv.xz"


@dataclass(frozen=True)
class Case:
    """A fitted model as a function of a float array, with background and rows to explain."""

    name: str
    predict: Callable[[np.ndarray], np.ndarray]
    background: np.ndarray
    rows: np.ndarray


class Counted:
    """A model that counts the rows it is sent, the calls, and the seconds it takes."""

    def __init__(self, function: Callable[[np.ndarray], np.ndarray]) -> None:
        self.function = function
        self.rows, self.calls, self.seconds = 0, 0, 0.0

    def __call__(self, X: np.ndarray) -> np.ndarray:
        start = time.perf_counter()
        answers = self.function(X)
        self.seconds += time.perf_counter() - start
        self.rows += len(X)
        self.calls += 1
        return answers


def read_adult() -> pd.DataFrame:
    """Return the Adult table, 32,561 rows, as data/README.md describes it.

    The target is ``income``; missing cells of the text columns are the text ``"?"``.
    """
    return pd.read_csv(ADULT)


@cache
def adult(n_background: int = 100, n_rows: int = 50) -> Case:
    """Build a case from Adult: 12 features (without fnlwgt and education) and boosted trees.

    Text columns become ordinal codes: shap needs numbers, and both packages get the same array.
    """
    table = read_adult()
    y = (table.pop("income") == ">50K").to_numpy()
    table = table.drop(columns=["fnlwgt", "education"])
    text = table.select_dtypes(exclude="number").columns
    table[text] = OrdinalEncoder().fit_transform(table[text])
    X = table.to_numpy(dtype=float)
    model = HistGradientBoostingClassifier(random_state=0).fit(X, y)
    order = np.random.default_rng(0).permutation(len(X))
    return Case("Adult, 12 features", lambda Z: model.predict_proba(Z)[:, 1],
                X[order[:n_background]], X[order[n_background : n_background + n_rows]])


@cache
def continuous(n_background: int = 100, n_rows: int = 50) -> Case:
    """Build a case of 12 normal features and boosted trees: no two composed rows are equal."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5_000, 12))
    y = X[:, 0] * X[:, 1] + X[:, 2] + np.sin(X[:, 3]) > 0
    model = HistGradientBoostingClassifier(random_state=0).fit(X, y)
    return Case("continuous, 12 features", lambda Z: model.predict_proba(Z)[:, 1],
                X[:n_background], X[n_background : n_background + n_rows])
