"""Error of Shapley values against model rows: xaikit's solvers and the peers, on many games."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightshap
import matplotlib as mpl
import numpy as np
import shap
import shapiq

import xaikit as xk
from benchmarks.cases import Counted
from benchmarks.games import Game, coalition_values, games
from xaikit.explainers.shapley.designs import choosing_seconds
from xaikit.solvers.odd_process import solving_seconds

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.ticker import NullFormatter

BUDGETS = (10, 20, 40)
"""Coalitions a row, in multiples of M."""
FLOOR = 1e-12
"""Relative squared errors below this count as this: the truth is not known more exactly."""
MOST_COUNTED = 100.0
"""The most that one cell counts in the geometric mean."""


def accuracy() -> list[dict[str, Any]]:
    """Measure the error, model rows and seconds of every estimator on every game."""
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
            slack = 1e-6 * np.abs(truth).max()  # the error of the truth itself
            covered.append(np.mean(np.abs(values - truth) <= 1.96 * deviations + slack))
    return {
        "game": game.name, "units": game.rows.shape[1], "coalitions": coalitions,
        "estimator": name,
        "relative squared error": float(np.median(errors)), "model rows": int(np.median(rows)),
        "overhead s a row": float(np.median(seconds)),
        "95 % intervals hold": float(np.mean(covered)) if covered else float("nan"),
    }


def summary(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return how many times below the best peer's error each of ours is, over all cells."""
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


PACES = (1e-6, 1e-5, 1e-4, 1e-3)
"""Seconds a row of models for which the time at equal error is compared."""


def at_equal_error(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return how much longer the best peer takes to come as near the truth, by the model's pace.

    A time is model rows × seconds a row + overhead. If no budget brings a peer near enough, its
    rows and overhead at the largest budget are scaled by the ratio of errors, because the squared
    error of a sample falls with its size, but at most to those of all coalitions, which are exact.
    Ours is the process if its estimated work is at most the model's at this pace, else least
    squares: what "auto" chooses at 10 µs a row, and a user who knows the model at other paces.
    """
    found = []
    for pace in PACES:
        ratios = []
        for cell in (c for c in cells if c["estimator"] == "xaikit gp"):
            key = ("game", "coalitions")
            wls = next(c for c in cells if c["estimator"] == "xaikit wls"
                       and all(c[k] == cell[k] for k in key))
            n_pairs = cell["coalitions"] // 2
            of_process = (solving_seconds(10, n_pairs, 1)
                          + choosing_seconds(cell["units"], n_pairs))
            ours = cell if of_process <= pace * cell["model rows"] else wls
            peers = {c["estimator"] for c in cells if not c["estimator"].startswith("xaikit")}
            theirs = min(_time_to(ours["relative squared error"], pace, [
                c for c in cells if c["estimator"] == peer and c["game"] == cell["game"]])
                for peer in peers)
            ratios.append(theirs / (pace * ours["model rows"] + ours["overhead s a row"]))
        found.append({
            "model's µs a row": pace * 1e6, "cells": len(ratios),
            "ahead of every peer in": int(np.sum(np.array(ratios) > 1.0)),
            "best peer's time / ours, geometric mean": float(np.exp(np.mean(np.log(ratios)))),
            "worst cell": float(min(ratios)),
        })
    return found


def _time_to(error: float, pace: float, cells: list[dict[str, Any]]) -> float:
    times = [pace * c["model rows"] + c["overhead s a row"] for c in cells
             if c["relative squared error"] <= error]
    if times:
        return min(times)
    last = max(cells, key=lambda c: c["coalitions"])
    # All coalitions are exact: more are never needed.
    more = min(last["relative squared error"] / error, 2.0 ** last["units"] / last["coalitions"])
    return float((pace * last["model rows"] + last["overhead s a row"]) * more)


def plot(cells: list[dict[str, Any]], path: Path) -> None:
    """Draw the error against model rows, one panel a game."""
    names = list(dict.fromkeys(c["game"] for c in cells))
    n_columns = 4
    figure, axes = plt.subplots(-(-len(names) // n_columns), n_columns, figsize=(13, 9),
                                layout="constrained", squeeze=False)
    styles = {"xaikit gp": ("#0b5394", "o-", 2.2), "xaikit wls": ("#45a0d9", "s-", 1.8)}
    colours = iter(["#d55e00", "#8c564b", "#6b8e23", "#999999", "#b8860b", "#cc79a7"])
    for name in (n for n in METHODS if n not in styles):
        styles[name] = (next(colours), "x--", 1.0)
    for axis, game in zip(axes.flat, names, strict=False):
        for method, (colour, style, width) in styles.items():
            own = [c for c in cells if (c["game"], c["estimator"]) == (game, method)]
            axis.loglog([c["model rows"] for c in own],
                        [c["relative squared error"] for c in own], style, color=colour,
                        linewidth=width, markersize=5, label=method)
        axis.set_title(game, fontsize=10)
        axis.grid(alpha=0.25)
        rows = [c["model rows"] for c in cells
                if (c["game"], c["estimator"]) == (game, "shapiq KernelSHAP, paired")]
        axis.set_xticks(rows, labels=[f"{n:,}" for n in rows])
        axis.xaxis.set_minor_formatter(NullFormatter())
    for axis in axes.flat[len(names):]:
        axis.axis("off")
    axes.flat[-1].legend(*axes.flat[0].get_legend_handles_labels(), loc="center", frameon=False)
    figure.supxlabel("model rows for one explained row")
    figure.supylabel("relative squared error of the Shapley values (median)")
    figure.savefig(path, dpi=110)
    plt.close(figure)


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


def _lightshap(model: Any, background: np.ndarray, row: np.ndarray, coalitions: int) -> Any:
    """Run its Kernel SHAP with the largest exact part that leaves room for one round of sampling.

    A round asks 2·M coalitions, less those that the exact part has; the values at the ends and the
    exact part are asked once.
    """
    m = len(row)
    plans = {"h2": (2 * m + m * (m - 1), 2 * m - 6), "h1": (2 * m, 2 * m - 4),
             "sampling": (0, 2 * m - 2)}
    how, rounds = "sampling", 1
    for name, (fixed, each) in plans.items():
        if fixed + each <= coalitions and each > 0:
            how, rounds = name, int((coalitions - fixed) // each)
            break
    e = lightshap.explain_any(model, row[None], background, method="kernel", how=how,
                              max_iter=rounds, tol=1e-300, random_state=0, verbose=False)
    return np.ravel(e.shap_values), np.ravel(e.standard_errors)


METHODS: dict[str, Callable[..., Any]] = {
    "xaikit gp": _ours("gp"),
    "xaikit wls": _ours("wls"),
    "shap Kernel (l1_reg=False)": _shap_kernel,
    "shap Permutation": _shap_permutation,
    "lightshap Kernel": _lightshap,
    "shapiq KernelSHAP, paired": _shapiq(
        lambda n: shapiq.approximator.KernelSHAP(n, pairing_trick=True, random_state=0)),
    "shapiq kADDSHAP, paired": _shapiq(
        lambda n: shapiq.approximator.kADDSHAP(n, 2, pairing_trick=True, random_state=0)),
    "shapiq SVARM": _shapiq(lambda n: shapiq.approximator.SVARM(n, random_state=0)),
}
