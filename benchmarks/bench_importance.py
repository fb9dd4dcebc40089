"""Permutation importance beside scikit-learn's, and mean impact values of frames beside arrays."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.datasets import make_classification, make_regression
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression

import xaikit as xk

ROUNDS = 5
REPEATS = 10


def permutation() -> list[dict[str, Any]]:
    """Measure time, model rows, and how far the means of both are apart in standard errors."""
    return [_beside_sklearn(*case) for case in _cases()]


def mean_impact() -> list[dict[str, Any]]:
    """Measure a frame of 200 columns of numbers beside the same numbers as an array."""
    X = np.random.default_rng(0).normal(size=(1_000, 200))
    frame = pd.DataFrame(X, columns=[f"c{j}" for j in range(200)])
    by_array = xk.MeanImpactValue().fit(lambda Z: Z[:, 0] - Z[:, 1], X)
    by_frame = xk.MeanImpactValue().fit(lambda Z: Z["c0"].to_numpy() - Z["c1"].to_numpy(), frame)
    ours, theirs = _in_turn(lambda: by_frame.explain(frame), lambda: by_array.explain(X))
    return [{"columns": 200, "rows": 1_000, "frame, s": float(np.median(ours)),
             "array, s": float(np.median(theirs)),
             "ratio (median of pairs)": float(np.median(ours / theirs))}]


def _cases() -> list[tuple[str, Any, np.ndarray, np.ndarray, str]]:
    """Return models of many and few rows, fast and slow, with scorers."""
    X, y = make_classification(20_000, 10, n_informative=4, random_state=0)
    wide, labels = make_classification(30, 20, random_state=0)
    Z, target = make_regression(20_000, 10, n_informative=4, noise=20.0, random_state=0)
    linear, trees = LogisticRegression(), HistGradientBoostingClassifier(random_state=0)
    return [
        *[("logistic regression", linear.fit(X, y), X, y, scoring)
          for scoring in ("accuracy", "roc_auc", "neg_log_loss", "f1", "jaccard")],
        ("boosted trees", trees.fit(X, y), X, y, "accuracy"),
        ("boosted trees", HistGradientBoostingRegressor(random_state=0).fit(Z, target), Z, target,
         "r2"),
        ("logistic regression, 30 rows", LogisticRegression().fit(wide, labels), wide, labels,
         "accuracy"),
    ]


def _beside_sklearn(name: str, model: Any, X: np.ndarray, y: np.ndarray, scoring: str
                    ) -> dict[str, Any]:
    explainer = xk.PermutationImportance(scoring=scoring, n_repeats=REPEATS,
                                         random_state=0).fit(model)

    def theirs() -> Any:
        return permutation_importance(model, X, y, scoring=scoring, n_repeats=REPEATS,
                                      random_state=0)

    own = explainer.explain(X, y)  # both are warmed up
    other = theirs()
    ours, others = _in_turn(lambda: explainer.explain(X, y), theirs)
    apart, errors = np.abs(own.values[:, 0] - other.importances_mean), own.standard_errors[:, 0]
    return {
        "model": name, "rows": len(X), "columns": X.shape[1], "score": scoring,
        "xaikit, s": float(np.median(ours)), "scikit-learn, s": float(np.median(others)),
        "ratio (median of pairs)": float(np.median(ours / others)),
        "model rows, xaikit": own.cost.model_rows,
        "model rows, scikit-learn": len(X) * (1 + X.shape[1] * REPEATS),
        "apart, in standard errors": float((apart[errors > 0] / errors[errors > 0]).max()),
    }


def _in_turn(*tasks: Callable[[], Any]) -> np.ndarray:
    """Return the seconds of tasks that run in turn, (n_tasks, ROUNDS)."""
    seconds = np.empty((len(tasks), ROUNDS))
    for r, i in np.ndindex(ROUNDS, len(tasks)):
        start = time.perf_counter()
        tasks[i]()
        seconds[i, r] = time.perf_counter() - start
    return seconds
