"""Section 2: the performance of the model."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from xaikit.plots.style import BLUE, INK, MANY_POINTS, MUTED, NORMAL, number_axis
from xaikit.reporting.document import Bullets, Figure, Heading, Section, Table, Text
from xaikit.reporting.facts import Facts
from xaikit.reporting.figures import draw
from xaikit.reporting.inputs import MOST_SCORED
from xaikit.reporting.performance import (
    Measured,
    calibration_error,
    confusion,
    reliability,
    residuals,
)
from xaikit.solvers.intervals import means_of
from xaikit.tables.wording import interval, number, plural


def performance(facts: Facts) -> Section:
    """Write the section."""
    blocks: list[object] = []
    if facts.truth.task is not None:
        n = len(facts.truth.target)
        capped = len(facts.case.frame) > MOST_SCORED
        sampled = f", a random sample of {len(facts.case.frame):,}" if capped else ""
        weighted = "" if facts.truth.weights is None else (
            " Rows count by their weights (sample_weight), in every number of this section but the "
            "numbers of rows.")
        blocks.append(Text(
            f"Measured on {plural(n, 'row')}{sampled}, with 95 % intervals from resampling these "
            "rows, beside the best constant guess for them. If the model was fitted on some of "
            f"these rows, the numbers are too good; the report cannot detect that.{weighted}"))
    if facts.truth.notes:
        blocks.append(Bullets(tuple(facts.truth.notes)))
    if facts.measured:
        blocks.append(Table("performance", "The model beside a constant guess",
                            measures_table(facts.measured), across=True))
    if facts.truth.task == "classification":
        blocks += _classification(facts)
    elif facts.truth.task == "regression":
        blocks += _regression(facts)
    return Section("performance", "Performance and calibration", tuple(blocks))


def measures_table(measured: list[Measured]) -> pd.DataFrame:
    """Return one line per measure."""
    return pd.DataFrame([{
        "measure": m.name, "model": m.value,
        "95 % interval": interval(m.lower, m.upper, among=(m.value, m.baseline)),
        "constant guess": m.baseline, "better is": "higher" if m.higher_is_better else "lower",
        "meaning": m.meaning,
    } for m in measured])


def _classification(facts: Facts) -> list[object]:
    counted = "rows" if facts.truth.weights is None else "sums of weights"
    blocks: list[object] = [Table("confusion", f"Confusion matrix: {counted} by truth (down) and "
                                  "prediction (across)", confusion(facts.truth))]
    if facts.truth.probabilities is None:
        return [*blocks, Text("There are no probabilities of all classes, so there is no "
                              "calibration to show.")]
    one_column = len(facts.case.output_names) == 1
    code = 1 if one_column else facts.k
    name = facts.truth.classes[code]
    bins = reliability(facts.truth, code)
    error = calibration_error(bins)
    shown = bins.assign(**{"95 % interval": [interval(a, b) for a, b in
                                             zip(bins["lower"], bins["upper"], strict=True)]})
    table = Table("calibration", f"Predicted probability and observed share of “{name}”",
                  shown.drop(columns=["lower", "upper", "weight"]), together=(2, 3))
    svg = draw("calibration", f"Calibration of the probability of {name}: the observed share "
               f"against the predicted probability in {len(bins)} bins; mean distance "
               f"{number(error)}.", 3.4, lambda ax: _draw_reliability(ax, bins))
    certain = " All probabilities are exactly 0 or 1: the model names classes without degrees of " \
        "certainty, so that this says no more than its accuracy." \
        if np.isin(facts.truth.probabilities, (0, 1)).all() else ""
    return [*blocks, Heading("Calibration"),
            Text(f"Among rows with a predicted probability of 70 %, 70 % should be “{name}”; the "
                 f"dotted line shows this. The mean distance from it is {number(error)} (expected "
                 f"calibration error; ten equal bins).{certain}"),
            Figure("calibration", svg, f"Calibration of “{name}”; whiskers: 95 % interval "
                   "(Wilson); numbers: rows.", table)]


def _draw_reliability(ax: Axes, bins: pd.DataFrame) -> None:
    x, y = bins["mean predicted"].to_numpy(), bins["observed share"].to_numpy()
    reach = np.abs(np.stack([y - bins["lower"].to_numpy(), bins["upper"].to_numpy() - y]))
    ax.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=":")
    ax.errorbar(x, y, yerr=reach, fmt="none", ecolor=INK, elinewidth=1, capsize=2.5)
    ax.plot(x, y, color=BLUE, marker="o", markersize=5, linewidth=1)
    for a, b, n in zip(x, y, bins["rows"], strict=True):
        ax.annotate(f"{n:,}", (a, b), xytext=(7, -9), textcoords="offset points", color=MUTED,
                    fontsize=8)
    _frame(ax, "predicted probability", "observed share")
    ax.set(xlim=(-0.02, 1.08), ylim=(-0.05, 1.05))


def _frame(ax: Axes, across: str, up: str) -> None:
    ax.spines["left"].set_visible(True)
    number_axis(ax.xaxis)
    number_axis(ax.yaxis)
    ax.set_xlabel(across, color=INK, fontsize=NORMAL)
    ax.set_ylabel(up, color=INK, fontsize=NORMAL)


def _regression(facts: Facts) -> list[object]:
    bins = residuals(facts.truth)
    table = Table("residuals", "Residuals by tenths of the prediction", bins, together=(2, 3, 4))
    bias = float(means_of(facts.truth.target - facts.truth.predicted, facts.truth.weights))
    svg = draw("residuals", "Residuals, label minus prediction, against the prediction for "
               f"{len(facts.truth.target)} rows; mean residual {number(bias)}.", 3.6,
               lambda ax: _draw_residuals(ax, facts.truth.predicted,
                                          facts.truth.target - facts.truth.predicted))
    return [Heading("Residuals"),
            Text("Label minus prediction. For a good model they scatter evenly around 0; a trend "
                 "or a funnel shape shows something that the model misses."),
            Figure("residuals", svg, "Residuals against predictions.", table)]


def _draw_residuals(ax: Axes, predicted: np.ndarray, off: np.ndarray) -> None:
    ax.axhline(0, color=MUTED, linewidth=0.8, linestyle=":", zorder=0)
    many = len(off) > MANY_POINTS // 2
    ax.scatter(predicted, off, s=6 if many else 14, color=BLUE, alpha=0.35 if many else 0.6,
               linewidths=0, rasterized=many)
    _frame(ax, "prediction", "label − prediction")
