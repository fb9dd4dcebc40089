"""Error of Shapley values against model rows: xaikit's solvers and the peers, on many games."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import shap
import shapiq

import xaikit as xk
from benchmarks.cases import Counted
from benchmarks.games import Game, coalition_values, games

BUDGETS = (10, 20, 40)
"""Coalitions a row, in multiples of M."""
FLOOR = 1e-12
"""Relative squared errors below this count as this: the truth is no better known."""
MOST_COUNTED = 100.0
"""Most that one cell counts in the geometric mean."""


def accuracy() -> list[dict[str, Any]]:
    """Median relative squared error, model rows and seconds of every estimator on every game."""
    return [_cell(game, size, name, method) for game in games() for size in _sizes(game)
            for name, method in METHODS.items()]


def _sizes(game: Game) -> list[int]:
    n_units = game.rows.shape[1]
    return [k * n_units for k in BUDGETS if k * n_units < 2**n_units - 2]


def _cell(game: Game, coalitions: int, name: str, method: Callable[..., Any]) -> dict[str, Any]:
    errors, covered, rows, seconds = [], [], [], []
    for row, truth in zip(game.rows, game.truth, strict=True):
        model = Counted(game.predict)
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            values, deviations = method(model, game.background, row, coalitions)
        seconds.append(time.perf_counter() - start - model.seconds)
        rows.append(model.rows)
        errors.append(max(((values - truth) ** 2).sum() / (truth**2).sum(), FLOOR))
        if deviations is not None:
            slack = 1e-6 * np.abs(truth).max()  # what is not known of the truth itself
            covered.append(np.mean(np.abs(values - truth) <= 1.96 * deviations + slack))
    return {
        "game": game.name, "coalitions": coalitions, "estimator": name,
        "relative squared error": float(np.median(errors)), "model rows": int(np.median(rows)),
        "overhead s a row": float(np.median(seconds)),
        "95 % intervals hold": float(np.mean(covered)) if covered else float("nan"),
    }


def summary(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """How many times below the best peer's error each of ours is, over all cells."""
    found = []
    for ours in (name for name in METHODS if name.startswith("xaikit")):
        ratios = []
        for cell in (c for c in cells if c["estimator"] == ours):
            peers = [c["relative squared error"] for c in cells
                     if (c["game"], c["coalitions"]) == (cell["game"], cell["coalitions"])
                     and not c["estimator"].startswith("xaikit")]
            ratios.append(min(peers) / cell["relative squared error"])
        counted = np.minimum(ratios, MOST_COUNTED)
        covered = [c["95 % intervals hold"] for c in cells if c["estimator"] == ours]
        found.append({
            "estimator": ours, "cells": len(ratios),
            "times below the best peer, geometric mean": float(np.exp(np.mean(np.log(counted)))),
            "worst cell": float(min(ratios)), "95 % intervals hold": float(np.mean(covered)),
        })
    return found


def _ours(solver: str) -> Callable[..., Any]:
    def method(model: Any, background: np.ndarray, row: np.ndarray, coalitions: int) -> Any:
        e = xk.KernelSHAP(solver=solver, budget=coalitions * len(background) + 1,
                          random_state=0, max_memory=2**29).fit(model, background).explain(
            row[None])
        return e.values[0, :, 0], e.standard_errors[0, :, 0]
    return method


def _shap_kernel(model: Any, background: np.ndarray, row: np.ndarray, coalitions: int) -> Any:
    np.random.seed(0)
    explainer = shap.KernelExplainer(model, background)
    return np.ravel(explainer.shap_values(row[None], nsamples=coalitions, l1_reg=False,
                                          silent=True)), None


def _shap_permutation(model: Any, background: np.ndarray, row: np.ndarray, coalitions: int) -> Any:
    masker = shap.maskers.Independent(background, max_samples=len(background))
    explainer = shap.PermutationExplainer(model, masker, seed=0)
    evaluations = max(coalitions, 2 * len(row) + 1)
    return explainer(row[None], max_evals=evaluations, silent=True).values[0], None


def _shapiq(make: Callable[[int], Any]) -> Callable[..., Any]:
    def method(model: Any, background: np.ndarray, row: np.ndarray, coalitions: int) -> Any:
        def game(kept: np.ndarray) -> np.ndarray:
            return coalition_values(model, background, row, kept)

        found = make(len(row)).approximate(coalitions, game)
        return np.array([found[(j,)] for j in range(len(row))]), None
    return method


METHODS: dict[str, Callable[..., Any]] = {
    "xaikit gp": _ours("gp"),
    "xaikit wls": _ours("wls"),
    "shap Kernel (l1_reg=False)": _shap_kernel,
    "shap Permutation": _shap_permutation,
    "shapiq KernelSHAP, paired": _shapiq(
        lambda n: shapiq.approximator.KernelSHAP(n, pairing_trick=True, random_state=0)),
    "shapiq kADDSHAP, paired": _shapiq(
        lambda n: shapiq.approximator.kADDSHAP(n, 2, pairing_trick=True, random_state=0)),
    "shapiq SVARM": _shapiq(lambda n: shapiq.approximator.SVARM(n, random_state=0)),
}
