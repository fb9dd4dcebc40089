"""LIME of several classes: how well each is fitted together with the others, and alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.datasets import load_iris, load_wine, make_classification
from sklearn.ensemble import HistGradientBoostingClassifier

import xaikit as xk


def classes(n: int = 1_000, n_rows: int = 3) -> list[dict[str, Any]]:
    """Measure the leave-one-out R² of each class, explained together and one at a time."""
    rows = []
    for name, model, X, explained in _tables(n_rows):
        together = _fidelity(model, X, explained, n, None)
        alone = np.stack([_fidelity(model, X, explained, n, k)[0]
                          for k in range(len(together))])
        rows.append({
            "table": name, "classes": len(alone),
            "R² together (mean)": float(together.mean()), "R² alone (mean)": float(alone.mean()),
            "largest loss of a class": float((alone - together).max())})
    return rows


def _fidelity(model: Any, X: np.ndarray, rows: np.ndarray, n: int, outputs: Any) -> np.ndarray:
    """Return the mean R² of each class over the rows."""
    explainer = xk.LIME(budget=n + 1, outputs=outputs, random_state=0)
    return np.nanmean(explainer.fit(model, X).explain(rows).fidelity, axis=0)


def _tables(n_rows: int) -> Iterator[tuple[str, Any, np.ndarray, np.ndarray]]:
    """Build steps of one column in six places, and boosted trees of three and six classes."""
    X = np.random.default_rng(0).normal(size=(1_000, 5))
    cuts = np.quantile(X[:, 0], [0.1, 0.3, 0.45, 0.6, 0.75, 0.9])
    yield "steps", lambda Z: (Z[:, :1] > cuts).astype(float), X, X[:n_rows] + 0.01
    made = {"iris": load_iris(return_X_y=True), "wine": load_wine(return_X_y=True),
            "6 clusters": make_classification(2_000, 12, n_informative=8, n_classes=6,
                                               n_clusters_per_class=1, random_state=0)}
    for name, (table, labels) in made.items():
        order = np.random.default_rng(0).permutation(len(table))
        known, held = order[n_rows:], order[:n_rows]
        boosted = HistGradientBoostingClassifier(max_iter=20, random_state=0)
        yield name, boosted.fit(table[known], labels[known]), table[known], table[held]
