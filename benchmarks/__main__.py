"""Run every benchmark in one go and write benchmarks/RESULTS.md."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import (
    bench_anchors,
    bench_classes,
    bench_first_call,
    bench_importance,
    bench_intervals,
    bench_kernel_shap,
    bench_lime,
    bench_memory,
    bench_shapley,
    bench_wrap,
    games,
)
from benchmarks.tables import markdown

PACKAGES = ("xaikit", "shap", "shapiq", "lightshap", "lime", "captum", "dalex", "numpy", "scipy",
            "scikit-learn", "scikit-image", "torch", "lightgbm", "numba", "pandas")
HERE = Path(__file__).parent


@dataclass
class Part:
    """A part of the results: goals as (what, measured, allowed at most), and Markdown."""

    goals: list[tuple[str, float, float]] = field(default_factory=list)
    text: list[str] = field(default_factory=list)


def kernel_shap() -> Part:
    """Measure overhead, exact values, the first call and memory."""
    overhead = bench_kernel_shap.overhead()
    exact = bench_kernel_shap.exact_rows()
    first = bench_first_call.first_call()
    memory = bench_memory.memory()
    many = bench_memory.many_rows()
    long = bench_memory.long_text()
    continuous = bench_kernel_shap.overhead("continuous")
    beside = [row["peak MB"] - row["the explanation itself, MB"] for row in many]
    return Part([
        ("overhead at most 1/3 of shap.KernelExplainer's",
         overhead[0]["overhead ratio (median of pairs)"], 1 / 3),
        ("the same at equal model rows (continuous features)",
         continuous[0]["overhead ratio (median of pairs)"], 1 / 3),
        ("exact values with at most 1/6 of shap.ExactExplainer's model rows",
         exact[0]["ratio of model rows"], 1 / 6),
        ("first call, cold, faster than shap's", first[0]["ratio to shap"], 1.0),
        ("first call, cached, faster than shap's", first[1]["ratio to shap"], 1.0),
        ("overhead of auto at most 10 % of the time of 100 boosted trees (Adult)",
         overhead[1]["overhead / model's time"], 0.1),
        ("the same for wls", overhead[0]["overhead / model's time"], 0.1),
        ("10,000 rows: memory beside the explanation at most 1.1 of that for 1,000 rows",
         beside[1] / beside[0], 1.1),
        *[(f"a text of 2,000 words: {row['method']}, memory at most as documented",
           row["peak MB"] / row["documented, MB"], 1.0) for row in long],
    ], [
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
        "A text of many words, and a function of its length:", markdown(long),
    ])


def importance() -> Part:
    """Measure permutation importance beside scikit-learn's, its intervals, and MIV of frames."""
    beside, impact = bench_importance.permutation(), bench_importance.mean_impact()
    ratio = "ratio (median of pairs)"
    return Part([
        ("permutation importance with intervals: at most 2 times scikit-learn's time without, "
         "boosted trees", max(row[ratio] for row in beside if row["model"] == "boosted trees"),
         2.0),
        ("the same with 30 rows", beside[-1][ratio], 2.0),
    ], [
        f"## Permutation importance\n\n{bench_importance.REPEATS} shuffles of each column, median "
        f"of {bench_importance.ROUNDS} rounds in turn. xaikit's time includes the jackknife of the "
        "score; scikit-learn gives the spread over shuffles. `jaccard` is a score that xaikit does "
        "not know from sums, so that the scorer is called for every block.", markdown(beside),
        "Mean impact values of a frame beside those of an array:", markdown(impact),
        "## Intervals of permutation importance\n\nA linear model with one strong and one weak "
        "feature, fresh samples of rows.", markdown(bench_intervals.coverage())])


def adapter() -> Part:
    """Measure wrapping and composing, and record what reaches the model."""
    wrapped = bench_wrap.wrapping()
    composed = bench_wrap.composing()
    handed = bench_wrap.handed_over()
    return Part([
        ("a wrapped pipeline at most 5 % slower than a direct call",
         wrapped[1]["ratio to direct (median of pairs)"], 1.05),
        ("the same for LightGBM", wrapped[6]["ratio to direct (median of pairs)"], 1.05),
        ("composing in at most 1/5 of the time of row-wise pandas",
         1 / composed[1]["ratio to xaikit (median of pairs)"], 1 / 5),
    ], [
        "## Wrapping\n\nA frame of 100,000 rows and 30 mixed columns (26 for LightGBM, which takes "
        "no text and no dates as they are), handed to the model directly "
        f"and through each package; median of {bench_wrap.ROUNDS} rounds in turn. What shap and "
        "dalex do to a batch here is to pass it on.", markdown(wrapped),
        "## Composing masked rows\n\nRows of the same 30 columns, half of them of the explained "
        f"row, half of one of {bench_wrap.N_BACKGROUND} background rows.", markdown(composed),
        "## What reaches the model\n\nOne row explained by each package, handed the same frame; "
        "the model keeps what it gets. The overhead is the package's time without that of the "
        "model. lime is handed an array, because it takes no frames.", markdown(handed),
    ])


def shapley() -> Part:
    """Measure the error of Shapley values against model rows."""
    accuracy = bench_shapley.accuracy()
    summary = bench_shapley.summary(accuracy)
    equal = bench_shapley.at_equal_error(accuracy)
    bench_shapley.plot(accuracy, HERE / "shapley_error.png")
    return Part([
        ("squared error of gp at most 1/3 of the best peer's in every cell",
         1 / summary[0]["worst cell"], 1 / 3),
        ("squared error of gp at most 1/15 of the best peer's in the geometric mean",
         1 / summary[0]["times below the best peer, geometric mean"], 1 / 15),
        ("95 % intervals of gp hold for 92–98 % (distance from 95 %)",
         abs(summary[0]["95 % intervals hold"] - 0.95), 0.03),
        ("the same for wls", abs(summary[1]["95 % intervals hold"] - 0.95), 0.03),
        ("time at equal error behind a peer in no cell, models above 1 µs a row (share of cells)",
         1 - min(row["ahead of every peer in"] / row["cells"] for row in equal), 0.0),
    ], [
        "## Error of Shapley values against model rows\n\nMedian of "
        f"{games.N_ROWS} rows and {games.N_BACKGROUND} background rows a game; truth from all "
        "coalitions or from the trees. Every estimator is given the same number of coalitions; "
        "xaikit and shap's permutations ask equal rows once. Overhead is the time outside the "
        "model.", "![Error against model rows, a panel a game](shapley_error.png)",
        markdown(summary),
        "Time at equal error: how long the best peer takes to come as near the truth as xaikit, "
        "with the process if its estimated work is at most the model's at this pace, else least "
        "squares (`auto` chooses so for 10 µs a row; given 512 MiB, as the default 64 hold up to "
        "835 pairs). If no budget here brings a peer near enough, its largest one is extrapolated "
        "as 1/rows, at most to all coalitions.", markdown(equal),
        markdown(accuracy),
    ])


def lime() -> Part:
    """Measure LIME and the mask methods."""
    tables, texts, images = bench_lime.tables(), bench_lime.texts(), bench_lime.images()
    memory, rise = bench_lime.image_memory(), bench_lime.rise_accumulation()
    closed, stability = bench_lime.closed_forms(), bench_lime.stability()
    forms, scenes = bench_lime.forms(), bench_lime.on_scenes()
    classes = bench_classes.classes()
    by_lime, by_captum = "overhead / lime's", "overhead / captum's"
    by_ten = "overhead / lime, num_features=10's"
    jaccard = f"Jaccard of the top {bench_lime.TOP}"
    pointing = "pointing game"
    return Part([
        ("LIME of tables: overhead at most 1/10 of lime's (bins, the default)",
         tables[0][by_ten], 0.1),
        ("the same with near rows", tables[1][by_ten], 0.1),
        *[("LIME of texts of 300 words: total at most 1/3 of lime's", row["total / lime's"], 1 / 3)
          for row in texts[:1]],
        ("LIME of images: overhead at most 1/10 of lime's", images[0][by_lime], 0.1),
        ("the same of captum's", images[0][by_captum], 0.1),
        ("10,000 masks of an image in at most 300 MB (MB / 300)", memory[1]["peak MB"] / 300, 1.0),
        ("and at most 1.5 times the memory of 1,000", memory[1]["peak MB"] / memory[0]["peak MB"],
         1.5),
        ("RISE: at most 1/10 of the time of the same sums over full-size masks",
         1 / rise[2]["times xaikit's (median of pairs)"], 0.1),
        ("RISE: the same beside the plain sum alone",
         1 / rise[1]["times xaikit's (median of pairs)"], 0.1),
        *[(f"error to the closed form at most 1/2 of lime's: {row['game']}",
           row["ratio to lime"], 0.5) for row in closed[::2]],
        (f"{jaccard} over seeds at least .95 at 2,000 samples, Adult (.95 / measured)",
         0.95 / stability[0][jaccard], 1.0),
        *[(f"scenes: {row['method']} points at the digit, at least .9 (.9 / measured)",
           0.9 / row[pointing], 1.0) for row in scenes[:-1] if "Occlusion" not in row["method"]],
    ], [
        f"## LIME: overhead at {bench_lime.SAMPLES:,} samples\n\nAdult, 12 features, boosted "
        "trees; lime explains every twentieth row. The time of lime depends on how many features "
        "it is asked for: 10 by default; for 6 or fewer it searches among them.",
        markdown(tables),
        "Texts of 300 words, TF-IDF and logistic regression, fitted on sentences of film reviews. "
        "For a scikit-learn pipeline xaikit counts the words of masked texts instead of writing "
        "the texts; the model's time is then in the overhead. In the second row it is not told "
        "that the model is a pipeline.",
        markdown(texts) if texts else f"Skipped: {bench_lime.REVIEWS.name}, which may not be part "
        "of the repository, is not in ../shared/data.",
        "An image of 224 × 224 × 3, 49 given segments, 1,000 masks:", markdown(images),
        "Peak memory beside the model's:", markdown(memory),
        "RISE, from answers to a map. The full-size masks are made before; that is not "
        "counted.", markdown(rise),
        "## LIME: errors and stability\n\nClosed forms, flat kernels, over 20 seeds:",
        markdown(closed),
        f"The {bench_lime.TOP} largest coefficients of Adult rows over seeds:",
        markdown(stability),
        "The forms for tables, by their own fit and stability:", markdown(forms),
        "Several classes on tree bins: leave-one-out R² of the classes, and Jaccard of their "
        f"{bench_classes.TOP} largest coefficients over {bench_classes.SEEDS} seeds; one tree for "
        "all classes, one for each (xaikit's own), and each class explained by itself:",
        markdown(classes),
        "## Scenes with known truth\n\nDigits pasted on patches of photographs, read by a small "
        "convolutional network. For scenes that it classifies correctly: how often the largest "
        "value lies on the digit or one pixel beside it, and how well all values separate its "
        "pixels from the others.",
        markdown(scenes),
    ])


def anchors() -> Part:
    """Measure rules beside alibi's and anchor-exp's, and how their rows are counted."""
    beside, peers = bench_anchors.beside()
    if not beside:
        return Part(text=["## Anchors\n\nSkipped: the peers' environment is not there; "
                          "`make .venv-anchors/benched` sets it up."])
    many = bench_anchors.alone()
    return Part(bench_anchors.goals(beside, many), [
        "## Anchors\n\nThe same models and rows for all packages; " + peers + ". They run in "
        "an environment of their own, which has an older NumPy, and in which the models must "
        "say the same to 1e-9. All are asked for a precision of .95; the rest is their default "
        "(alibi: quartiles, one candidate kept, delta .1, tau .15; anchor-exp: quartiles, delta "
        ".1, tau .15; xaikit: 4 rules kept, at most 6 conditions, confidence .95). Trees predict "
        "a number for diabetes: rules are about the side of the median, which the peers are given "
        "as a class. Half of the rows explained for the rare class (2 % of all) are of it; rules "
        "of others may be every row.\n\nRules are judged on rows that no explainer saw: precision "
        f"over rules that cover at least {bench_anchors.LEAST} of them (wide enough); a rule holds "
        ".95 if its share there is at least that or the 95 % interval of Clopper and Pearson "
        "contains it; pooled precision counts the rows of all rules together; coverage and "
        "conditions (columns named) are over all rules, also those that were not confirmed. Only "
        "xaikit says which are verified. It asks the model about one pool for all rows of a call. "
        "The peers seek precision on rows that they compose, which these real rows are not.",
        *bench_anchors.in_three(beside),
        "A row explained in a call of its own, the whole pool for it:",
        markdown(bench_anchors.one_row()),
        "xaikit alone, on more rows than the peers can explain here:",
        *bench_anchors.in_three(many),
        "Rules about a number near the row's own (`within=\"auto\"`), xaikit alone:",
        *bench_anchors.in_three(bench_anchors.bands()),
        "Rows counted under rules of four conditions: an `and` and two counts of packed words:",
        markdown(bench_anchors.counting()),
    ])


PARTS: tuple[Callable[[], Part], ...] = (kernel_shap, importance, adapter, shapley, lime, anchors)


def main() -> None:
    """Run and write."""
    done = [part() for part in PARTS]
    goals: list[dict[str, Any]] = [
        {"goal": goal, "measured ratio": value, "allowed": limit, "met": bool(value <= limit)}
        for part in done for goal, value, limit in part.goals]
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    parts = [
        "# Benchmark results",
        "Written by `make bench` (`python -m benchmarks`) in one run; seconds are of a shared, "
        "noisy machine, so read the ratios.",
        f"Python {platform.python_version()}, {packages}; {machine}.",
        "## Goals", markdown(goals), *(text for part in done for text in part.text),
    ]
    text = "\n\n".join(parts) + "\n"
    (HERE / "RESULTS.md").write_text(text, encoding="utf8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
