"""Coverage of the 95 % intervals of permutation importance, in a simulation of many samples."""

from __future__ import annotations

from typing import Any

import numpy as np

import xaikit as xk

SAMPLES, ROWS = 150, 300
_SCORES = {"r2": "regression", "neg_mean_squared_error": "regression",
           "accuracy": "classification", "no y": "regression"}


def coverage() -> list[dict[str, Any]]:
    """Return the coverage and width of intervals by score, on fresh samples of a linear model."""
    rows = []
    for scoring, task in _SCORES.items():
        rng = np.random.default_rng(0)
        found = [_importance(scoring, task, rng) for _ in range(SAMPLES)]
        values = np.stack([e.values[:, 0] for e in found])
        errors = np.stack([e.standard_errors[:, 0] for e in found])
        target = values.mean(axis=0)
        inside = [(e.lower[:, 0] <= target) & (target <= e.upper[:, 0]) for e in found]
        for j, feature in enumerate(("strong feature", "weak feature")):
            rows.append({
                "score": scoring, "feature": feature, "samples": SAMPLES, "rows": ROWS,
                "coverage of 95 % intervals": float(np.mean(inside, axis=0)[j]),
                "stated error / true error": float(
                    np.sqrt((errors[:, j] ** 2).mean()) / values[:, j].std(ddof=1)),
            })
    return rows


def _importance(scoring: str, task: str, rng: np.random.Generator) -> xk.Importance:
    X = rng.normal(size=(ROWS, 2))
    y = 2 * X[:, 0] + 0.5 * X[:, 1] + rng.normal(size=ROWS)

    def amount(Z: np.ndarray) -> np.ndarray:
        return 2 * Z[:, 0] + 0.5 * Z[:, 1]

    def chance(Z: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-2 * amount(Z)))

    model = xk.wrap(chance if task == "classification" else amount, task=task)
    if scoring == "no y":
        return xk.PermutationImportance(n_repeats=5, random_state=rng).fit(model).explain(X)
    explainer = xk.PermutationImportance(scoring=scoring, n_repeats=5, random_state=rng)
    return explainer.fit(model).explain(X, y > 0 if task == "classification" else y)
