"""Waterfall: the steps from the base value to the prediction of one row."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes

from xaikit.explanations.attribution import Attribution
from xaikit.explanations.base import left_out_words
from xaikit.explanations.choosing import DIFFERENCE, choose_row, of_all_outputs, output_to_draw
from xaikit.explanations.image import ImageAttribution
from xaikit.explanations.text import TextAttribution
from xaikit.plots.columns import output_label, row_label
from xaikit.plots.feature_labels import names_and_values
from xaikit.plots.inputs import check_attribution, finite, largest_first
from xaikit.plots.style import (
    BLUE,
    INK,
    MUTED,
    NORMAL,
    ROOM,
    VERMILION,
    WHISKERS,
    axes_for,
    caption,
    fidelity_note,
    label_rows,
    number_axis,
    reaches,
    whiskers,
    write_beside,
)
from xaikit.settings import check, documented
from xaikit.tables.wording import numbers, signed

# A gap below a thousandth of the drawn range is narrower than a line.
_VISIBLE = 1e-3


class _Steps(NamedTuple):
    """The bars from top to bottom: labels, lengths, and half the length of their whiskers."""

    labels: list[str]
    values: np.ndarray
    reach: np.ndarray
    has_gap: bool


@documented
def waterfall(attribution: Attribution, *, row: Any = None, output: int | str | None = None,
              max_display: int | None = 10, ax: Axes | None = None) -> Axes:
    """Draw the steps from the base value of one row (top) to its prediction (bottom).

    Every bar begins where the one above ends. If the contributions do not add up to the
    prediction, as with LIME, a hatched bar shows the difference. LIME's steps begin where no
    condition holds, or without conditions at its intercept, and the label of the axis says how well
    they fit the model: of a difference of rows, the one that they fit worse.

    Parameters
    ----------
    attribution : Attribution
        Contributions, values of shape (n_rows, n_features, n_outputs).
    row : label or int, optional
        Label of the row, the first by default. A whole number is a position only if labels are
        not whole numbers themselves; ``e.iloc[i]`` is always by position.
    {output, max_display}
        One last bar is the sum of the others, and one of those that slicing left out; they have no
        whisker, since the error of a sum needs covariances.
    ax : matplotlib Axes or None
        Where to draw; None opens a new figure.

    Returns
    -------
    matplotlib Axes
        In units of the model's output. Whiskers are ±1.96 standard errors, if known.

    Raises
    ------
    TypeError
        If `attribution` is not an Attribution, or `row` or `output` names several.
    ValueError
        If there is nothing to draw, or a setting is out of range.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from xaikit.explanations.attribution import Attribution
    >>> e = Attribution(method="exact", feature_names=("age", "sex"), output_names=("risk",),
    ...                 values=[[[0.3], [-0.1]]], base_values=[[0.2]], predictions=[[0.4]])
    >>> ax = waterfall(e)
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['base value', 'age', 'sex', 'prediction']
    >>> plt.close(ax.figure)
    """
    check_attribution(attribution, "waterfall")
    check({"max_display": max_display})
    i = choose_row(attribution.row_names, row)
    k = output_to_draw(attribution, output, i)
    of_row, of_all = row_label(attribution, i), of_all_outputs(attribution, k, i)
    if isinstance(attribution, TextAttribution | ImageAttribution):
        attribution, i = attribution[i], 0  # without the units that only others have
    base, prediction = attribution.base_values[i, k], attribution.predictions[i, k]
    start = base if np.isfinite(base) else 0.0
    steps = _add_gap(_steps(attribution, i, k, max_display), start, prediction)
    ends = start + np.cumsum(finite(steps.values))

    ax = axes_for(ax, 1.3 + 0.33 * (len(ends) + 2))
    lines = [ax.axvline(start, color=MUTED, linewidth=0.8, linestyle=":", zorder=0)]
    if np.isfinite(prediction):
        lines.append(ax.axvline(prediction, color=MUTED, linewidth=0.8, linestyle=":", zorder=0))
    base_reach = reaches(attribution.base_errors[i, k])
    any_whisker = _draw_steps(ax, steps, np.append(start, ends), base_reach)
    _draw_ends(ax, start, base, float(base_reach), len(ends) + 1, prediction)
    of_two = attribution.method.startswith(DIFFERENCE)
    end = "difference of predictions" if of_two else "prediction"
    label_rows(ax, [_base_words(attribution), *steps.labels, end])
    number_axis(ax.xaxis)
    name = output_label(attribution, k)
    ax.set_title(f"row {of_row} · {name}{of_all}", loc="left", color=INK, fontsize=NORMAL)
    what = "log-odds" if attribution.settings.get("link") == "logit" else "model output"
    notes = [WHISKERS] * any_whisker
    if attribution.method.endswith("LIME"):  # its steps are those of a model of the model
        notes.append(fidelity_note(attribution.fidelity[i, k]))
    ax.set_xlabel(caption(f"{what}: {name}", notes), color=INK, fontsize=NORMAL)
    return ax


def _base_words(attribution: Attribution) -> str:
    """Return what the start of the steps is: the intercept of LIME is its value of no condition."""
    lime = attribution.method.endswith("LIME")
    if attribution.method.startswith(DIFFERENCE):
        return "difference of intercepts" if lime else "difference of base values"
    if lime and "conditions" in attribution.feature_details:
        return "no condition holds"
    if lime and isinstance(attribution, TextAttribution | ImageAttribution):
        return f"no {attribution.noun} shown"
    return "intercept" if lime else "base value"


def _steps(attribution: Attribution, i: int, k: int, max_display: int | None) -> _Steps:
    values, reach = attribution.values[i, :, k], reaches(attribution.standard_errors[i, :, k])
    order = largest_first(values)
    most = len(order) if max_display is None else max_display
    shown = order if len(order) <= most else order[: most - 1]
    labels = names_and_values(attribution, i, shown, k)
    rest, sums = order[len(shown):], list[float]()
    if len(rest):
        labels.append(f"{len(rest)} {'other ' if labels else ''}{attribution.noun}s")
        sums.append(finite(values[rest]).sum())
    if said := left_out_words(attribution.n_left_out[i:i + 1], attribution.noun):
        labels.append(said)
        sums.append(attribution.left_out[i, k])
    return _Steps(labels, np.append(values[shown], sums),
                  np.append(reach[shown], np.full(len(sums), np.nan)), False)


def _add_gap(steps: _Steps, start: float, prediction: float) -> _Steps:
    ends = np.append(start, start + np.cumsum(finite(steps.values)))
    gap = prediction - ends[-1]
    if not abs(gap) > _VISIBLE * max(np.ptp(ends), abs(gap)) or abs(gap) <= 1e-9 * abs(prediction):
        return steps  # also if the prediction is unknown
    return _Steps([*steps.labels, "not explained"], np.append(steps.values, gap),
                  np.append(steps.reach, np.nan), True)


def _draw_steps(ax: Axes, steps: _Steps, corners: np.ndarray, base_reach: np.ndarray) -> bool:
    """Draw bars, whiskers, connectors and numbers; `corners` are the start and all ends."""
    n = len(steps.values)
    rows, lefts, ends = np.arange(1, n + 1), corners[:-1], corners[1:]
    values = finite(steps.values)
    bars = ax.barh(rows, values, left=lefts, height=0.66, zorder=2,
                   color=np.where(values >= 0, VERMILION, BLUE).tolist())
    if steps.has_gap:
        bars[-1].set(facecolor="none", edgecolor=MUTED, hatch="////")
    ax.vlines(corners, np.arange(n + 1), np.arange(1, n + 2), color=MUTED, linewidth=0.8, zorder=1)
    any_whisker = whiskers(ax, np.arange(n + 1), corners - np.append(base_reach, steps.reach),
                           corners + np.append(base_reach, steps.reach))
    reach = finite(steps.reach)
    right = np.maximum(np.maximum(lefts, ends), ends + reach)
    for r, text in enumerate(numbers(steps.values, signed)):
        write_beside(ax, r + 1, right[r], text)
    start_reach = float(finite(base_reach))
    low = min(corners.min(), (ends - reach).min(initial=np.inf), corners[0] - start_reach)
    high = max(corners.max(), right.max(initial=-np.inf), corners[0] + start_reach)
    span = high - low or 1.0
    ax.set_xlim(low - 0.04 * span, high + ROOM * span)
    return any_whisker


def _draw_ends(ax: Axes, start: float, base: float, base_reach: float, last: int,
               prediction: float) -> None:
    """Draw markers of the base value and the prediction, with their numbers."""
    first, said = numbers([base, prediction])
    ax.plot([start], [0], marker="D", markersize=5, color=INK, zorder=4)
    write_beside(ax, 0, start + (base_reach if np.isfinite(base_reach) else 0.0), first, 8)
    at = prediction if np.isfinite(prediction) else start
    ax.plot([prediction], [last], marker="D", markersize=5, color=INK, zorder=4)
    write_beside(ax, last, at, said, 8)
