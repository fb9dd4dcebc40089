"""LIME of several classes: one tree of bins for all, one for each class, and each class alone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
from sklearn.datasets import load_iris, load_wine, make_classification
from sklearn.ensemble import HistGradientBoostingClassifier

import xaikit as xk
from xaikit.sampling.bins import columns_of

SEEDS = 5
TOP = 3


def classes(n: int = 1_000, n_rows: int = 10) -> list[dict[str, Any]]:
    """Measure R² and stability of classes, averaged over them, rows and seeds."""
    rows = []
    for name, model, X, explained in _tables(n_rows):
        n_classes = model(X[:1]).shape[1]
        own = [_lime(model, X, n, seed) for seed in range(SEEDS)]
        shared = [_one_tree(_lime(model, X, n, seed), model) for seed in range(SEEDS)]
        alone = [_lime(model, X, n, 0, k).explain(explained).fidelity for k in range(n_classes)]
        found = {"one tree for all": [one.explain(explained) for one in shared],
                 "one for each": [one.explain(explained) for one in own]}
        rows.append({
            "table": name, "classes": n_classes,
            **{f"R², {way}": float(np.nanmean([e.fidelity for e in runs]))
               for way, runs in found.items()},
            "R², alone": float(np.nanmean(alone)),
            **{f"Jaccard, {way}": _jaccard(runs) for way, runs in found.items()}})
    return rows


def _lime(model: Any, X: np.ndarray, n: int, seed: int, outputs: Any = None) -> xk.LIME:
    return xk.LIME(budget=n + 1, outputs=outputs, random_state=seed).fit(model, X)


def _one_tree(lime: xk.LIME, model: Any) -> xk.LIME:
    """Return the explainer with the bins of one tree of all outputs, as it had them once."""
    answers = model(lime.masker_.background)
    lime.bins_ = [columns_of(lime.masker_, "tree", answers)], np.zeros(answers.shape[1], dtype=int)
    return lime


def _jaccard(runs: list[xk.Attribution]) -> float:
    """Return the mean Jaccard similarity of the largest coefficients of two seeds."""
    found = []
    for a, b in combinations([np.argsort(-np.abs(e.values), axis=1)[:, :TOP] for e in runs], 2):
        for i, k in np.ndindex(a.shape[0], a.shape[2]):
            one, other = set(a[i, :, k]), set(b[i, :, k])
            found.append(len(one & other) / len(one | other))
    return float(np.mean(found))


def _tables(n_rows: int) -> Iterator[tuple[str, Any, np.ndarray, np.ndarray]]:
    """Build steps of one column in six places and a line, and boosted trees of three and six."""
    X = np.random.default_rng(0).normal(size=(1_000, 5))
    cuts = np.quantile(X[:, 0], [0.1, 0.3, 0.45, 0.6, 0.75, 0.9])
    yield ("steps and a line", lambda Z: np.column_stack([Z[:, :1] > cuts, Z[:, 1]]), X,
           X[:n_rows] + 0.01)
    made = {"iris": load_iris(return_X_y=True), "wine": load_wine(return_X_y=True),
            "6 clusters": make_classification(2_000, 12, n_informative=8, n_classes=6,
                                               n_clusters_per_class=1, random_state=0)}
    for name, (table, labels) in made.items():
        order = np.random.default_rng(0).permutation(len(table))
        known, held = order[n_rows:], order[:n_rows]
        boosted = HistGradientBoostingClassifier(max_iter=20, random_state=0)
        yield (name, boosted.fit(table[known], labels[known]).predict_proba, table[known],
               table[held])
