"""Beeswarm: the contributions of all rows, one strip of points per feature."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable

from xaikit.explanations.attribution import Attribution
from xaikit.explanations.base import left_out_words
from xaikit.explanations.choosing import output_to_draw
from xaikit.plots.columns import (
    bin_of,
    fan_out_known,
    ordered_numbers,
    output_label,
)
from xaikit.plots.feature_labels import names_and_values
from xaikit.plots.inputs import check_attribution, finite, largest_first
from xaikit.plots.style import (
    INK,
    LOW_TO_HIGH,
    MANY_POINTS,
    MUTED,
    NEUTRAL,
    NORMAL,
    axes_for,
    caption,
    figure_of,
    label_rows,
    number_axis,
    style_colorbar,
)
from xaikit.settings import check, documented
from xaikit.tables.wording import label_texts, plural


@documented
def beeswarm(attribution: Attribution, *, output: int | str | None = None,
             max_display: int | None = 12, ax: Axes | None = None) -> Axes:
    """Draw every row's contributions, one strip of points per feature, the largest on top.

    Colours show the rank of a feature's value, from low to high. Categories and text without an
    order, and groups of columns, are grey; hollow points are missing values.

    Parameters
    ----------
    attribution : Attribution
        Contributions, values of shape (n_rows, n_features, n_outputs).
    {output, max_display}
        Features are sorted by mean |value|; the axis label says how many are not shown.
    ax : matplotlib Axes or None
        Where to draw, with a colour bar beside it; None opens a new figure.

    Returns
    -------
    matplotlib Axes
        In units of the model's output. The picture of an explanation is always the same.

    Raises
    ------
    TypeError
        If `attribution` is not an Attribution.
    ValueError
        If there is nothing to draw, or a setting is out of range.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from xaikit.explanations.attribution import Attribution
    >>> e = Attribution(method="exact", feature_names=("age", "sex"), output_names=("risk",),
    ...                 values=[[[0.3], [-0.1]], [[0.2], [0.0]]], base_values=[[0.2], [0.2]],
    ...                 predictions=[[0.4], [0.4]])
    >>> ax = beeswarm(e)
    >>> ax.get_xlabel().splitlines()[0]
    'contribution to risk'
    >>> plt.close(ax.figure)
    """
    check_attribution(attribution, "beeswarm")
    check({"max_display": max_display})
    k = output_to_draw(attribution, output)
    values = attribution.values[:, :, k]
    shown = largest_first(np.abs(finite(values)).mean(axis=0))[:max_display]
    drawn = values[:, shown]
    ax = axes_for(ax, 1.2 + 0.4 * len(shown))
    ax.axvline(0, color=INK, linewidth=0.8, zorder=1)
    ax.hlines(range(len(shown)), 0, 1, transform=ax.get_yaxis_transform(), color=MUTED,
              alpha=0.35, linewidth=0.6, linestyle=":", zorder=0)
    bin_width = bin_of(drawn, 120)
    looks: set[str] = set()
    for r, j in enumerate(shown):
        column = attribution.feature_data(int(j))
        looks |= _draw_strip(ax, r, values[:, j], column, bin_width, drawn.size > MANY_POINTS)
    if len(values) == 1:
        looks.discard("grey")  # the labels of a single row show its values
    if "ranked" in looks:
        _add_colorbar(ax)
    label_rows(ax, _labels(attribution, shown, k))
    number_axis(ax.xaxis)
    unknown = int((~np.isfinite(drawn) & attribution.mask[:, shown]).sum())
    hidden = values.shape[1] - len(shown)
    notes = _notes(looks, unknown, hidden, attribution.noun)
    left_out = left_out_words(attribution.n_left_out, attribution.noun)
    notes += [left_out] * bool(left_out)
    ax.set_xlabel(caption(f"contribution to {output_label(attribution, k)}", notes),
                  color=INK, fontsize=NORMAL)
    return ax


def _labels(attribution: Attribution, shown: np.ndarray, k: int) -> list[str]:
    if len(attribution) == 1:
        return names_and_values(attribution, 0, shown, k)
    names = label_texts(attribution.feature_names)
    return [names[j] for j in shown]


def _draw_strip(ax: Axes, row: int, values: np.ndarray, column: pd.Series | None, bin_width: float,
                rasterized: bool) -> set[str]:
    """Draw one feature's points; return which kinds of points there were."""
    numbers = None if column is None else ordered_numbers(column)
    missing = np.zeros(len(values), bool) if column is None else column.isna().to_numpy()
    known = np.isfinite(values)
    height = fan_out_known(values, bin_width, width=0.38, step=0.15)
    hollow, full = known & missing, known & ~missing
    ranks = None if numbers is None else _ranks(numbers)
    size = 6 if rasterized else 15
    looks = set()
    if hollow.any():
        looks.add("missing")
        ax.scatter(values[hollow], row + height[hollow], s=size, facecolors="none",
                   edgecolors=MUTED, linewidths=0.8, zorder=3, rasterized=rasterized)
    if full.any() and ranks is None:
        looks.add("grey")
        ax.scatter(values[full], row + height[full], s=size, color=NEUTRAL, linewidths=0, zorder=2,
                   rasterized=rasterized)
    elif full.any() and ranks is not None:
        looks.add("ranked")
        ax.scatter(values[full], row + height[full], s=size, c=ranks[full], vmin=0, vmax=1,
                   cmap=LOW_TO_HIGH, linewidths=0, zorder=2, rasterized=rasterized)
    return looks


def _ranks(numbers: np.ndarray) -> np.ndarray | None:
    """Return ranks from 0 (lowest) to 1 (highest); None if all known values are equal.

    Ranks, because outliers would leave no colours for the other values.
    """
    ranks = pd.Series(numbers).rank().to_numpy()
    if np.isnan(ranks).all() or np.nanmin(ranks) == np.nanmax(ranks):
        return None
    return (ranks - np.nanmin(ranks)) / (np.nanmax(ranks) - np.nanmin(ranks))


def _add_colorbar(ax: Axes) -> None:
    bar = figure_of(ax).colorbar(ScalarMappable(cmap=LOW_TO_HIGH), ax=ax, aspect=30, pad=0.02,
                                 fraction=0.05)
    bar.set_ticks([0, 1], labels=["low", "high"])
    style_colorbar(bar, "feature's value, ranked")


def _notes(looks: set[str], unknown: int, left_out: int, noun: str) -> list[str]:
    notes = []
    if "grey" in looks:
        notes.append("grey: no order (categories, text, groups), or all equal")
    if "missing" in looks:
        notes.append("hollow: missing value")
    if unknown:
        notes.append(f"{unknown:,} unknown contributions not drawn")
    if left_out:
        notes.append(f"{plural(left_out, f'smaller {noun}')} not shown")
    return notes
