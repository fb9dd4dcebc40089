"""What all plots share: colours, whiskers, axes and captions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colorbar import Colorbar
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator, ScalarFormatter

from xaikit.tables.wording import digits_apart, significant

# The HTML report replaces these two codes by CSS variables; text uses no other colour.
INK = "#1f2328"
MUTED = "#6b7280"

# Okabe & Ito's palette: distinct for common colour blindness, on white and on near-black.
BLUE = "#0072B2"
VERMILION = "#D55E00"
GREEN = "#009E73"
LEVELS = (BLUE, VERMILION, GREEN, "#CC79A7", "#56B4E9", "#E69F00")
NEUTRAL = "#8a94a6"
LOW_TO_HIGH = LinearSegmentedColormap.from_list("low to high", [BLUE, "#c08fd6", VERMILION])

REACH = 1.96  # standard errors in a 95 % interval (normal approximation)
WHISKERS = "whiskers: 95 % interval"
SMALL, NORMAL = 9, 10  # points
ROOM = 0.2  # share of the drawn range that is kept free on its right for numbers
MANY_POINTS = 3000  # more points are stored as an image, since an SVG would take megabytes


def axes_for(ax: Axes | None, height: float) -> Axes:
    """Return `ax`, or the axes of a new figure whose layout has room for long names."""
    if ax is None:
        ax = plt.subplots(figsize=(7.5, height), layout="constrained")[1]
    elif not isinstance(ax, Axes):
        raise TypeError(f"ax must be a matplotlib Axes, got {type(ax).__name__}; "
                        "make one with fig, ax = plt.subplots(), or leave it out.")
    ax.set_facecolor("none")
    for side, spine in ax.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(INK)
    ax.tick_params(color=MUTED, labelcolor=INK, labelsize=SMALL)
    return ax


def figure_of(ax: Axes) -> Figure:
    """Return the figure of `ax`, never a subfigure."""
    figure = ax.get_figure()
    while isinstance(figure, SubFigure):
        figure = figure.figure
    if figure is None:
        raise ValueError("ax belongs to no figure, since it was removed from its own; "
                         "make one with fig, ax = plt.subplots(), or leave it out.")
    return figure


def label_rows(ax: Axes, labels: Sequence[str]) -> None:
    """Write the labels of rows 0, 1, … of a horizontal plot, the first on top."""
    ax.set_yticks(range(len(labels)), labels=list(labels), color=INK, fontsize=SMALL)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(len(labels) - 0.4, -0.6)


def number_axis(axis: Axis) -> None:
    """Write numbers in full: an offset or factor (`1e6` in a corner) is easily overlooked."""
    formatter = ScalarFormatter(useOffset=False)
    formatter.set_powerlimits((-5, 12))  # beyond these, full numbers are too long
    axis.set_major_locator(MaxNLocator(nbins=6))
    axis.set_major_formatter(formatter)
    axis.get_offset_text().set_color(INK)


def caption(label: str, notes: Sequence[str] = ()) -> str:
    """Return an axis label with notes on lines below it."""
    return "\n".join([label, *notes])


def fidelity_note(fidelity: float) -> str:
    """Return the note on how much of the model's behaviour an explanation reproduces."""
    if not math.isfinite(fidelity):
        return "fidelity: not measured"
    text = f"{fidelity:.2f}"
    if text == "1.00" and fidelity < 1:  # only a perfect 1 reads 1
        digits = digits_apart([fidelity, 1.0], 3, 9)
        text = significant(fidelity, digits) if significant(fidelity, digits) != "1" else text
    return f"fidelity: R² = {text}".replace("-", "−")


def whiskers(ax: Axes, rows: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> bool:
    """Draw the horizontal intervals whose ends are known; return whether there were any."""
    known = np.isfinite(lower) & np.isfinite(upper) & (upper > lower)
    if known.any():
        # Around their middle, since an interval need not contain its value.
        middle, half = (lower + upper)[known] / 2, (upper - lower)[known] / 2
        ax.errorbar(middle, rows[known], xerr=half, fmt="none", ecolor=INK,
                    elinewidth=1.1, capsize=2.5, zorder=3)
    return bool(known.any())


def reaches(errors: np.ndarray) -> np.ndarray:
    """Return 1.96 standard errors if known and above 0, NaN otherwise."""
    return np.where(np.isfinite(errors) & (errors > 0), REACH * errors, np.nan)


def write_beside(ax: Axes, row: int, right: float, text: str, points: float = 4) -> None:
    """Write `text` to the right of `right`; on the left it could overlap the row's label."""
    ax.annotate(text, (right, row), xytext=(points, 0), textcoords="offset points", ha="left",
                va="center", color=INK, fontsize=SMALL, zorder=4)


def style_colorbar(bar: Colorbar, label: str) -> None:
    """Draw a colour bar's text in the colours of the plot."""
    bar.outline.set_visible(False)
    bar.minorticks_off()  # a bar of levels would have a tick at each border
    bar.ax.tick_params(length=0, labelcolor=INK, labelsize=SMALL)
    bar.set_label(label, color=INK, fontsize=SMALL)
