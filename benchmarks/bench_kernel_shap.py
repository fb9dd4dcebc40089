"""Kernel SHAP against shap: overhead at the same coalitions, and model rows of exact values."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import shap

import xaikit as xk
from benchmarks.cases import Case, Counted, adult, continuous

COALITIONS = 512
ROUNDS = 7


def overhead(name: str = "adult") -> list[dict[str, Any]]:
    """Measure the time outside the model: 512 coalitions × 100 background rows for 50 rows."""
    case = {"adult": adult, "continuous": continuous}[name]()
    truth = _exact(case).values[:, :, 0]
    methods = {"xaikit wls": _ours("wls"), "xaikit auto": _ours("auto"),
               "shap KernelExplainer": _theirs_kernel}
    found: dict[str, list[tuple[float, float, int, float]]] = {name: [] for name in methods}
    for turn in range(ROUNDS + 1):
        for name, method in methods.items():
            model = Counted(case.predict)
            start = time.perf_counter()
            values = method(model, case)
            total = time.perf_counter() - start
            error = float(((values - truth) ** 2).sum() / (truth**2).sum())
            if turn:  # the first turn warms up
                found[name].append((total - model.seconds, model.seconds, model.rows, error))
    rows = []
    for name, runs in found.items():
        outside, inside, asked, error = np.median(np.array(runs), axis=0)
        ratios = [a[0] / b[0] for a, b in zip(runs, found["shap KernelExplainer"], strict=True)]
        rows.append({
            "method": name, "rows": len(case.rows), "coalitions a row": COALITIONS,
            "model rows": int(asked), "overhead s": float(outside), "model s": float(inside),
            "relative squared error": float(error),
            "overhead / model's time": float(np.median([run[0] / run[1] for run in runs])),
            "overhead ratio (median of pairs)": float(np.median(ratios)),
        })
    return rows


def exact_rows(n_rows: int = 20) -> list[dict[str, Any]]:
    """Count the model rows for exact values of Adult rows; compare the values of both packages."""
    case = adult()
    model = Counted(case.predict)
    start = time.perf_counter()
    e = xk.KernelSHAP(solver="exact", random_state=0).fit(model, case.background).explain(
        case.rows[:n_rows])
    ours = (time.perf_counter() - start, model.seconds, model.rows)
    model = Counted(case.predict)
    masker = shap.maskers.Independent(case.background, max_samples=len(case.background))
    start = time.perf_counter()
    theirs_values = shap.ExactExplainer(model, masker)(case.rows[:n_rows]).values
    theirs = (time.perf_counter() - start, model.seconds, model.rows)
    gap = float(np.abs(e.values[:, :, 0] - theirs_values).max())
    return [
        {"method": name, "rows": n_rows, "model rows a row": asked / n_rows,
         "ratio of model rows": asked / theirs[2], "overhead s": total - inside,
         "model s": inside, "largest difference between the two": gap}
        for name, (total, inside, asked) in
        (("xaikit exact", ours), ("shap ExactExplainer", theirs))
    ]


def _exact(case: Case) -> xk.Attribution:
    return xk.KernelSHAP(solver="exact", random_state=0).fit(
        case.predict, case.background).explain(case.rows)


def _ours(solver: str) -> Callable[[Counted, Case], np.ndarray]:
    def method(model: Counted, case: Case) -> np.ndarray:
        # One more row than the coalitions cost: the explained row itself.
        budget = COALITIONS * len(case.background) + 1
        explainer = xk.KernelSHAP(solver=solver, budget=budget, random_state=0)
        return explainer.fit(model, case.background).explain(case.rows).values[:, :, 0]
    return method


def _theirs_kernel(model: Counted, case: Case) -> np.ndarray:
    explainer = shap.KernelExplainer(model, case.background)
    return explainer.shap_values(case.rows, nsamples=COALITIONS, l1_reg=False, silent=True)
