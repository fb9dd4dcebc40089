"""Run every benchmark in one go and write benchmarks/RESULTS.md."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

from benchmarks import (
    bench_first_call,
    bench_intervals,
    bench_kernel_shap,
    bench_memory,
    bench_shapley,
    bench_wrap,
    games,
)
from benchmarks.tables import markdown

PACKAGES = ("xaikit", "shap", "shapiq", "lightshap", "lime", "dalex", "numpy", "scipy",
            "scikit-learn", "lightgbm", "numba", "pandas")


def main() -> None:
    """Run and write."""
    overhead = bench_kernel_shap.overhead()
    exact = bench_kernel_shap.exact_rows()
    first = bench_first_call.first_call()
    memory = bench_memory.memory()
    many = bench_memory.many_rows()
    continuous = bench_kernel_shap.overhead("continuous")
    intervals = bench_intervals.coverage()
    wrapped = bench_wrap.wrapping()
    composed = bench_wrap.composing()
    handed = bench_wrap.handed_over()
    accuracy = bench_shapley.accuracy()
    summary = bench_shapley.summary(accuracy)
    equal = bench_shapley.at_equal_error(accuracy)
    here = Path(__file__).parent
    bench_shapley.plot(accuracy, here / "shapley_error.png")
    goals = [
        ("overhead at most 1/3 of shap.KernelExplainer's",
         overhead[0]["overhead ratio (median of pairs)"], 1 / 3),
        ("the same at equal model rows (continuous features)",
         continuous[0]["overhead ratio (median of pairs)"], 1 / 3),
        ("exact values with at most 1/6 of shap.ExactExplainer's model rows",
         exact[0]["ratio of model rows"], 1 / 6),
        ("first call, cold, faster than shap's", first[0]["ratio to shap"], 1.0),
        ("first call, cached, faster than shap's", first[1]["ratio to shap"], 1.0),
        ("a wrapped pipeline at most 5 % slower than a direct call",
         wrapped[1]["ratio to direct (median of pairs)"], 1.05),
        ("the same for LightGBM", wrapped[6]["ratio to direct (median of pairs)"], 1.05),
        ("composing in at most 1/5 of the time of row-wise pandas",
         1 / composed[1]["ratio to xaikit (median of pairs)"], 1 / 5),
        ("squared error of gp at most 1/3 of the best peer's in every cell",
         1 / summary[0]["worst cell"], 1 / 3),
        ("squared error of gp at most 1/15 of the best peer's in the geometric mean",
         1 / summary[0]["times below the best peer, geometric mean"], 1 / 15),
        ("95 % intervals of gp hold for 92–98 % (distance from 95 %)",
         abs(summary[0]["95 % intervals hold"] - 0.95), 0.03),
        ("the same for wls", abs(summary[1]["95 % intervals hold"] - 0.95), 0.03),
        ("time at equal error behind a peer in no cell, models above 1 µs a row (share of cells)",
         1 - min(row["ahead of every peer in"] / row["cells"] for row in equal), 0.0),
        ("overhead of auto at most 10 % of the time of 100 boosted trees (Adult)",
         overhead[1]["overhead / model's time"], 0.1),
        ("the same for wls", overhead[0]["overhead / model's time"], 0.1),
        ("10,000 rows: memory beside the explanation at most 1.1 of that for 1,000 rows",
         (many[1]["peak MB"] - many[1]["the explanation itself, MB"])
         / (many[0]["peak MB"] - many[0]["the explanation itself, MB"]), 1.1),
    ]
    goal_rows = [{"goal": goal, "measured ratio": value, "allowed": limit,
                  "met": bool(value <= limit)} for goal, value, limit in goals]
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    parts = [
        "# Benchmark results",
        "Written by `make bench` (`python -m benchmarks`) in one run; seconds are of a shared, "
        "noisy machine, so read the ratios.",
        f"Python {platform.python_version()}, {packages}; {machine}.",
        "## Goals", markdown(goal_rows),
        "## Overhead of Kernel SHAP\n\nAdult, 12 features, 100 background rows, boosted trees; "
        f"median of {bench_kernel_shap.ROUNDS} runs in turn after a warm-up. Both are given the "
        "same number of coalitions; xaikit asks equal composed rows once, hence fewer model rows. "
        "Errors are against exact values.", markdown(overhead),
        "The same with continuous features, where no two composed rows are equal and both packages "
        "ask the same number of model rows:", markdown(continuous),
        "## Exact values", markdown(exact),
        "## First call in a fresh process", markdown(first),
        "## Peak memory\n\nM = 100 features; `max_memory` is 64 MiB (67 MB). Measured by "
        "tracemalloc: what Python and NumPy allocate.", markdown(memory),
        "Rows of Adult, 20 background rows, 100 coalitions a row:", markdown(many),
        "## Intervals of permutation importance\n\nA linear model with one strong and one weak "
        "feature, fresh samples of rows.", markdown(intervals),
        "## Wrapping\n\nA frame of 100,000 rows and 30 mixed columns (26 for LightGBM, which takes "
        "no text and no dates as they are), handed to the model directly "
        f"and through each package; median of {bench_wrap.ROUNDS} rounds in turn. What shap and "
        "dalex do to a batch here is to pass it on.", markdown(wrapped),
        "## Composing masked rows\n\nRows of the same 30 columns, half of them of the explained "
        f"row, half of one of {bench_wrap.N_BACKGROUND} background rows.", markdown(composed),
        "## Error of Shapley values against model rows\n\nMedian of "
        f"{games.N_ROWS} rows and {games.N_BACKGROUND} background rows a game; truth from all "
        "coalitions or from the trees. Every estimator is given the same number of coalitions; "
        "xaikit and shap's permutations ask equal rows once. Overhead is the time outside the "
        "model.", "![Error against model rows, a panel a game](shapley_error.png)",
        markdown(summary),
        "Time at equal error: how long the best peer takes to come as near the truth as xaikit, "
        "with the solver that `auto` takes for a model of this pace. Where no budget here brings a "
        "peer near enough, its largest one is extrapolated as 1/rows.", markdown(equal),
        markdown(accuracy),
        "## What reaches the model\n\nOne row explained by each package, handed the same frame; "
        "the model keeps what it gets. The overhead is what the package takes, the model's own "
        "time left out. lime is handed an array, for it takes no frames.", markdown(handed),
    ]
    text = "\n\n".join(parts) + "\n"
    path = here / "RESULTS.md"
    path.write_text(text, encoding="utf8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
