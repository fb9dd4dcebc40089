"""Scatter: the contributions of a feature against its values."""

from __future__ import annotations

from typing import NamedTuple

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, Colormap, ListedColormap, Normalize
from matplotlib.ticker import MaxNLocator

from xaikit.explanations.attribution import Attribution
from xaikit.explanations.choosing import choose, output_to_draw, warn_of_positions
from xaikit.plots.columns import (
    axis_numbers,
    axis_unit,
    bin_of,
    fan_out_known,
    level_codes,
    number_texts,
    output_label,
    tick_texts,
)
from xaikit.plots.inputs import check_attribution
from xaikit.plots.style import (
    BLUE,
    INK,
    LEVELS,
    LOW_TO_HIGH,
    MANY_POINTS,
    MUTED,
    NEUTRAL,
    NORMAL,
    SMALL,
    WHISKERS,
    axes_for,
    caption,
    figure_of,
    number_axis,
    reaches,
    style_colorbar,
)
from xaikit.settings import documented
from xaikit.tables.wording import label_texts

_MOST_WHISKERS = 300  # rows; more whiskers would hide the points
_MOST_LEVELS = 16


class _Places(NamedTuple):
    """The horizontal position of each row, and the ticks and limits of the axis."""

    x: np.ndarray
    ticks: list[float]
    labels: list[str]
    limits: tuple[float, float]
    divider: float | None  # between known and missing values


class _Paint(NamedTuple):
    """A partner's values as numbers to colour by, NaN if missing."""

    c: np.ndarray
    cmap: Colormap
    norm: Normalize
    ticks: list[float]
    labels: list[str]


@documented
def scatter(attribution: Attribution, feature: int | str, *, output: int | str | None = None,
            color: int | str | None = None, ax: Axes | None = None) -> Axes:
    """Draw a feature's contributions against its values, one point per row.

    Categories, text and booleans have an axis of levels, where points are spread out by density.
    Missing values are on the right, behind a dotted line.

    Parameters
    ----------
    attribution : Attribution
        Contributions, values of shape (n_rows, n_features, n_outputs), with their data.
    feature : int or str
        Position or name of the feature.
    {output}
    color : int, str or None
        Position or name of a second feature, the partner, whose values colour the points.
    ax : matplotlib Axes or None
        Where to draw, with a colour bar beside it if needed; None opens a new figure.

    Returns
    -------
    matplotlib Axes
        The vertical axis is in units of the model's output. Up to 300 rows have whiskers of ±1.96
        standard errors, if known.

    Raises
    ------
    TypeError
        If `attribution` is not an Attribution, or `feature`, `output` or `color` names several.
    ValueError
        If there is nothing to draw, a setting is out of range, or the feature or its partner has
        no column of data.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import pandas as pd
    >>> from xaikit.explanations.attribution import Attribution
    >>> e = Attribution(method="exact", feature_names=("age",), output_names=("risk",),
    ...                 values=[[[0.3]], [[-0.1]]], base_values=[[0.2], [0.2]],
    ...                 predictions=[[0.5], [0.1]], data=pd.DataFrame({"age": [61, 22]}))
    >>> ax = scatter(e, "age")
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('age', 'contribution to risk')
    >>> plt.close(ax.figure)
    """
    check_attribution(attribution, "scatter")
    warn_of_positions(attribution.feature_names, [feature, color], "feature")
    j = choose(attribution.feature_names, feature, "feature")
    k = output_to_draw(attribution, output)
    column = _column(attribution, j)
    partner = None if color is None else choose(attribution.feature_names, color, "feature")
    paint = None if partner is None else _paint(_column(attribution, partner))
    y = attribution.values[:, j, k]
    reach = reaches(attribution.standard_errors[:, j, k])

    ax = axes_for(ax, 4.2)
    ax.spines["left"].set_visible(True)
    ax.axhline(0, color=MUTED, linewidth=0.8, linestyle=":", zorder=0)
    places = _places(column, y)
    few = len(y) <= _MOST_WHISKERS
    if few:
        ax.errorbar(places.x, y, yerr=np.nan_to_num(reach), fmt="none", ecolor=MUTED,
                    elinewidth=0.8, alpha=0.7, zorder=1)
    _draw_points(ax, places.x, y, paint)
    if paint is not None and partner is not None:
        _add_colorbar(ax, paint, label_texts(attribution.feature_names)[partner])
    _label_places(ax, places)
    number_axis(ax.yaxis)
    notes = _notes(y, reach, paint, few)
    ax.set_xlabel(caption(label_texts(attribution.feature_names, 60)[j], notes), color=INK,
                  fontsize=NORMAL)
    ax.set_ylabel(f"contribution to {output_label(attribution, k)}", color=INK,
                  fontsize=NORMAL)
    return ax


def _column(attribution: Attribution, j: int) -> pd.Series:
    column = attribution.feature_data(j)
    if column is None:
        name = attribution.feature_names[j]
        why = ("the explanation keeps no data" if attribution.data is None
               else "it is a group of columns")
        raise ValueError(f"scatter needs one column of data for feature {name!r}, but {why}; "
                         "draw it with plots.beeswarm or plots.bar instead.")
    return column


def _places(column: pd.Series, y: np.ndarray) -> _Places:
    numbers = axis_numbers(column)
    if numbers is None:
        return _level_places(*level_codes(column, _MOST_LEVELS), y)
    return _number_places(numbers, axis_unit(column), y)


def _level_places(codes: np.ndarray, names: list[str], y: np.ndarray) -> _Places:
    bin_width = bin_of(y, 60)
    gone = codes < 0
    n = len(names)
    x = np.where(gone, n + 0.25, codes).astype(np.float64)
    for place in np.unique(x):
        rows = x == place
        x[rows] += fan_out_known(y[rows], bin_width, width=0.33, step=0.04)
    ticks, labels = list(map(float, range(n))), list(names)
    if not gone.any():
        return _Places(x, ticks, labels, (-0.6, n - 0.4), None)
    return _Places(x, [*ticks, n + 0.25], [*labels, "missing"], (-0.6, n + 0.85), n - 0.375)


def _number_places(numbers: np.ndarray, unit: str, y: np.ndarray) -> _Places:
    gone = ~np.isfinite(numbers)
    known = numbers[~gone]
    low, high = (known.min(), known.max()) if len(known) else (0.0, 0.0)
    span = high - low or max(abs(high) * 0.1, 1.0)
    room = 0.04 * span
    ticks = _ticks(known, unit == "date", room if len(known) == len(numbers) else 0.0)
    labels = tick_texts(ticks, unit)
    if len(known) == len(numbers):
        return _Places(numbers, ticks, labels, (low - room, high + room), None)
    side = high + 0.14 * span
    x = np.where(gone, side, numbers)
    x[gone] += fan_out_known(y[gone], bin_of(y, 60), width=0.05 * span, step=0.006 * span)
    return _Places(x, [*ticks, side],
                   [*labels, "missing or ∞" if np.isinf(numbers).any() else "missing"],
                   (low - room, side + 0.09 * span), high + 0.06 * span)


def _ticks(known: np.ndarray, date: bool, room: float) -> list[float]:
    """Return round numbers or dates between the lowest and highest value, and `room` beyond."""
    low, high = known.min(initial=np.inf), known.max(initial=-np.inf)
    if low >= high:
        return [float(low)] if len(known) else []
    if date:
        first, last = mdates.num2date([low, high])
        ticks = mdates.AutoDateLocator().tick_values(first, last)
        ticks = ticks[:: 1 + len(ticks) // 8]  # maxticks= would warn for some ranges
    else:
        whole = bool((known == np.round(known)).all())
        ticks = MaxNLocator(6, integer=whole).tick_values(low, high)
    return [float(t) for t in ticks if low - room <= t <= high + room]


def _label_places(ax: Axes, places: _Places) -> None:
    if places.divider is not None:
        ax.axvline(places.divider, color=MUTED, linewidth=0.9, linestyle=":", zorder=0)
    ax.set_xticks(places.ticks, labels=places.labels, color=INK, fontsize=SMALL)
    ax.set_xlim(*places.limits)
    if sum(map(len, places.labels)) > 55 or len(places.labels) > 9:
        for label in ax.get_xticklabels():
            label.set(rotation=30, ha="right", rotation_mode="anchor")


def _paint(column: pd.Series) -> _Paint:
    numbers = axis_numbers(column)
    if numbers is None:
        codes, names = level_codes(column, len(LEVELS) + 1)
        n = max(len(names), 1)
        cmap = ListedColormap([*LEVELS, NEUTRAL][:n])
        norm: Normalize = BoundaryNorm(np.arange(n + 1) - 0.5, n)
        return _Paint(np.where(codes < 0, np.nan, codes), cmap, norm,
                      list(map(float, range(len(names)))), names)
    known = numbers[np.isfinite(numbers)]
    low, high = _colour_range(known)
    ticks = [low, (low + high) / 2, high] if low < high else [low] * min(len(known), 1)
    unit = axis_unit(column)
    if unit == "date" and high - low > 3:
        ticks = [round(t) for t in ticks]  # whole days
    labels = number_texts(ticks, unit)
    if low > known.min(initial=low):
        labels[0] = f"≤ {labels[0]}"
    if high < known.max(initial=high):
        labels[-1] = f"≥ {labels[-1]}"
    c = np.where(np.isfinite(numbers), numbers, np.nan)
    return _Paint(c, LOW_TO_HIGH, Normalize(low, high), ticks, labels)


def _colour_range(known: np.ndarray) -> tuple[float, float]:
    """Return the range of the middle 90 %, so that outliers do not take all colours."""
    if not len(known):
        return 0.0, 0.0
    # Observed values at both ends: 19.95 would be an odd label for an age.
    low, high = np.percentile(known, [5, 95], method="nearest")
    return (low, high) if low < high else (known.min(), known.max())


def _draw_points(ax: Axes, x: np.ndarray, y: np.ndarray, paint: _Paint | None) -> None:
    rasterized = len(y) > MANY_POINTS
    size = 6 if rasterized else 18
    known = np.isfinite(y)
    if paint is None:
        ax.scatter(x[known], y[known], s=size, color=BLUE, alpha=0.75, linewidths=0, zorder=2,
                   rasterized=rasterized)
        return
    hollow = known & np.isnan(paint.c)
    full = known & ~hollow
    ax.scatter(x[full], y[full], s=size, c=paint.c[full], cmap=paint.cmap, norm=paint.norm,
               linewidths=0, zorder=2, rasterized=rasterized)
    if hollow.any():
        ax.scatter(x[hollow], y[hollow], s=size, facecolors="none",
                   edgecolors=MUTED, linewidths=0.8, zorder=1.5, rasterized=rasterized)


def _add_colorbar(ax: Axes, paint: _Paint, name: str) -> None:
    if not paint.labels:  # the partner has no known value, and all points are hollow
        return
    bar = figure_of(ax).colorbar(ScalarMappable(paint.norm, paint.cmap), ax=ax, aspect=30,
                                 pad=0.02, fraction=0.05)
    bar.set_ticks(paint.ticks, labels=paint.labels)
    style_colorbar(bar, name)


def _notes(y: np.ndarray, reach: np.ndarray, paint: _Paint | None, few: bool) -> list[str]:
    notes = []
    if np.isfinite(reach).any():
        notes.append(WHISKERS if few else f"no whiskers: more than {_MOST_WHISKERS} rows")
    if paint is not None and np.isnan(paint.c).any():
        notes.append("hollow: partner's value missing")
    unknown = int((~np.isfinite(y)).sum())
    if unknown:
        notes.append(f"{unknown:,} unknown contributions not drawn")
    return notes
