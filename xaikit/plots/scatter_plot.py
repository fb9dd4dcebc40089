"""Scatter: a feature's values against its contributions."""

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
from xaikit.plots.columns import (
    bin_of,
    is_date,
    is_levels,
    level_codes,
    number_text,
    ordered_numbers,
    spread_known,
)
from xaikit.plots.inputs import check_attribution, choose, choose_output
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
from xaikit.tables.wording import plain

_MOST_WHISKERS = 300  # rows; more whiskers hide the points
_MOST_LEVELS = 16


class _Places(NamedTuple):
    """Where each row lies on the horizontal axis, and the axis itself."""

    x: np.ndarray
    ticks: list[float]
    labels: list[str]
    limits: tuple[float, float]
    divider: float | None  # between known and missing values


class _Paint(NamedTuple):
    """A partner's values as colours: NaN where missing."""

    c: np.ndarray
    cmap: Colormap
    norm: Normalize
    ticks: list[float]
    labels: list[str]


def scatter(attribution: Attribution, feature: int | str, *, output: int | str | None = None,
            color: int | str | None = None, ax: Axes | None = None) -> Axes:
    """Draw a feature's values against its contributions, one point a row.

    Categories, text and booleans lie on an axis of levels, points fanned out by density. Missing
    values have a place of their own at the right, behind a dotted line.

    Parameters
    ----------
    attribution : Attribution
        Contributions, values of shape (n_rows, n_features, n_outputs), with their data.
    feature : int or str
        Position or name of the feature.
    output : int, str or None
        Position or name of the output. None takes the only one, the second of two, and of more
        the one with the largest mean |value|.
    color : int, str or None
        Position or name of a partner feature to colour the points by.
    ax : matplotlib Axes or None
        Where to draw, giving up some room for a colour bar; None opens a new figure.

    Returns
    -------
    matplotlib Axes
        Vertical axis in units of the model's output. Up to 300 rows have whiskers of ±1.96
        standard errors, where these are known.

    Raises
    ------
    TypeError
        If `attribution` is no Attribution, or `feature` or `color` are not a single one.
    ValueError
        If there is nothing to draw, or no column of data for the feature or its partner.

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
    assert attribution.standard_errors is not None
    j, k = choose(attribution.feature_names, feature, "feature"), choose_output(attribution, output)
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
        _add_colorbar(ax, paint, plain(attribution.feature_names[partner]))
    _label_places(ax, places)
    number_axis(ax.yaxis)
    notes = _notes(y, reach, paint, few)
    ax.set_xlabel(caption(plain(attribution.feature_names[j], 60), notes), color=INK,
                  fontsize=NORMAL)
    ax.set_ylabel(f"contribution to {plain(attribution.output_names[k])}", color=INK,
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
    if is_levels(column):
        codes, names = level_codes(column, _MOST_LEVELS)
        return _level_places(codes, names, y)
    numbers = ordered_numbers(column)
    assert numbers is not None
    return _number_places(numbers, is_date(column), y)


def _level_places(codes: np.ndarray, names: list[str], y: np.ndarray) -> _Places:
    bin_width = bin_of(y, 60)
    gone = codes < 0
    n = len(names)
    x = np.where(gone, n + 0.25, codes).astype(np.float64)
    for place in np.unique(x):
        rows = x == place
        x[rows] += spread_known(y[rows], bin_width, width=0.33, step=0.04)
    ticks, labels = list(map(float, range(n))), list(names)
    if not gone.any():
        return _Places(x, ticks, labels, (-0.6, n - 0.4), None)
    return _Places(x, [*ticks, n + 0.25], [*labels, "missing"], (-0.6, n + 0.85), n - 0.375)


def _number_places(numbers: np.ndarray, date: bool, y: np.ndarray) -> _Places:
    gone = ~np.isfinite(numbers)
    known = numbers[~gone]
    low, high = (known.min(), known.max()) if len(known) else (0.0, 0.0)
    span = high - low or max(abs(high) * 0.1, 1.0)
    room = 0.04 * span
    ticks = _ticks(known, date, room if len(known) == len(numbers) else 0.0)
    labels = [number_text(t, date) for t in ticks]
    if len(known) == len(numbers):
        return _Places(numbers, ticks, labels, (low - room, high + room), None)
    side = high + 0.14 * span
    x = np.where(gone, side, numbers)
    x[gone] += spread_known(y[gone], bin_of(y, 60), width=0.05 * span, step=0.006 * span)
    return _Places(x, [*ticks, side],
                   [*labels, "missing or ∞" if np.isinf(numbers).any() else "missing"],
                   (low - room, side + 0.09 * span), high + 0.06 * span)


def _ticks(known: np.ndarray, date: bool, room: float) -> list[float]:
    """Choose round numbers or dates from the least to the greatest value, and `room` beyond."""
    low, high = known.min(initial=np.inf), known.max(initial=-np.inf)
    if low >= high:
        return [float(low)] if len(known) else []
    if date:
        first, last = mdates.num2date([low, high])
        ticks = mdates.AutoDateLocator().tick_values(first, last)
        ticks = ticks[:: 1 + len(ticks) // 8]  # its own maxticks= warns at some spans
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
    if is_levels(column):
        codes, names = level_codes(column, len(LEVELS) + 1)
        n = max(len(names), 1)
        cmap = ListedColormap([*LEVELS, NEUTRAL][:n])
        norm: Normalize = BoundaryNorm(np.arange(n + 1) - 0.5, n)
        return _Paint(np.where(codes < 0, np.nan, codes), cmap, norm,
                      list(map(float, range(len(names)))), names)
    numbers = ordered_numbers(column)
    assert numbers is not None
    known = numbers[np.isfinite(numbers)]
    low, high = _colour_range(known)
    ticks = [low, (low + high) / 2, high] if low < high else [low] * min(len(known), 1)
    if is_date(column) and high - low > 3:
        ticks = [round(t) for t in ticks]  # whole days
    labels = [number_text(t, is_date(column)) for t in ticks]
    if low > known.min(initial=low):
        labels[0] = f"≤ {labels[0]}"
    if high < known.max(initial=high):
        labels[-1] = f"≥ {labels[-1]}"
    c = np.where(np.isfinite(numbers), numbers, np.nan)
    return _Paint(c, LOW_TO_HIGH, Normalize(low, high), ticks, labels)


def _colour_range(known: np.ndarray) -> tuple[float, float]:
    """Give the middle 90 %, so that one outlier does not take all the colour."""
    if not len(known):
        return 0.0, 0.0
    # An observed value at each end: the 5 % point of ages is no 19.95.
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
    if not paint.labels:  # a partner without any known value: all points are hollow
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
