"""Peak memory: many rows, many coalitions, many background rows, and a text of many words."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np

import xaikit as xk
from benchmarks.cases import adult

N_UNITS = 100
N_WORDS = 2_000
BYTES = {"KernelSHAP": (2.5, 56), "LIME": (2, 40)}
"""Documented bytes for every mask and unit, and for every two units, of designs in parts."""


def memory() -> list[dict[str, Any]]:
    """Measure the peak of what Python and NumPy allocate while explaining, without the input.

    It does not grow with rows × coalitions × background.
    """
    sizes = [(1, 250, 1_000), (1, 1_000, 1_000), (4, 1_000, 1_000), (16, 1_000, 1_000),
             (4, 1_000, 250)]
    rng = np.random.default_rng(0)
    rows = []
    for n_rows, n_coalitions, n_background in sizes:
        background = rng.normal(size=(n_background, N_UNITS))
        explained = rng.normal(size=(n_rows, N_UNITS))
        explainer = xk.KernelSHAP(
            solver="wls", budget=n_coalitions * n_background + 1, random_state=0,
            max_background=n_background)
        explainer.fit(lambda X: X[:, 0] * X[:, 1] + X[:, 2], background)
        explainer.explain(explained[:1])  # compile outside the measurement
        tracemalloc.start()
        e = explainer.explain(explained)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        composed = n_rows * n_coalitions * n_background * N_UNITS * 8
        rows.append({"rows": n_rows, "coalitions": n_coalitions, "background": n_background,
                     "model rows": e.cost.model_rows, "peak MB": peak / 1e6,
                     "all composed rows at once, MB": composed / 1e6})
    return rows


def many_rows() -> list[dict[str, Any]]:
    """Measure the same peak while 1,000 and 10,000 rows of Adult are explained."""
    case = adult(20, 10_000)
    explainer = xk.KernelSHAP(solver="wls", budget=2_001, random_state=0)
    explainer.fit(case.predict, case.background)
    explainer.explain(case.rows[:1])
    found = []
    for n_rows in (1_000, 10_000):
        tracemalloc.start()
        e = explainer.explain(case.rows[:n_rows])
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        kept = sum(array.nbytes for array in (
            e.values, e.standard_errors, e.base_values, e.predictions, e.base_errors, e.fidelity,
            *e.details.values(), *e.feature_details.values())) + e.data.memory_usage().sum()
        found.append({"rows": n_rows, "model rows": e.cost.model_rows, "seconds": e.cost.seconds,
                      "peak MB": peak / 1e6, "the explanation itself, MB": kept / 1e6})
    return found


def documented(explainer: Any, n_masks: int, n_units: int) -> float:
    """Return the bytes that docs/kernel_shap.md and docs/lime.md allow for a text of many units."""
    of_mask, of_pair = BYTES[type(explainer).__name__]
    return explainer.max_memory + of_mask * n_masks * n_units + of_pair * n_units**2


def long_text() -> list[dict[str, Any]]:
    """Measure the same peak while a text of 2,000 words is explained."""
    words = [f"w{i}" for i in range(N_WORDS)]
    methods = {"Kernel SHAP, default budget": xk.KernelSHAP(random_state=0),
               "LIME, 16,001 model rows": xk.LIME(budget=16_001, random_state=0)}
    found = []
    for name, explainer in methods.items():
        explainer.fit(lambda texts: np.array([len(t) for t in texts], dtype=float),
                      xk.TextMasker())
        explainer.explain(" ".join(words[:50]))
        tracemalloc.start()
        e = explainer.explain(" ".join(words))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        found.append({"method": name, "words": N_WORDS, "model rows": e.cost.model_rows,
                      "seconds": e.cost.seconds, "peak MB": peak / 1e6,
                      "documented, MB": documented(explainer, e.cost.model_rows, N_WORDS) / 1e6})
    return found
