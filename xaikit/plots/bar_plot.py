"""Bars: how much each feature matters, for one row or over a whole data set."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes

from xaikit.explanations.attribution import Attribution
from xaikit.explanations.base import left_out_words
from xaikit.explanations.choosing import of_all_outputs, output_to_draw
from xaikit.explanations.importance import Importance
from xaikit.plots.columns import output_label, row_label
from xaikit.plots.feature_labels import names_and_values
from xaikit.plots.inputs import check_not_empty, finite, largest_first
from xaikit.plots.style import (
    BLUE,
    GREEN,
    INK,
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
from xaikit.tables.wording import (
    label_text,
    label_texts,
    method_words,
    number,
    numbers,
    plural,
    signed,
)


class _Bars(NamedTuple):
    """One bar per feature, in the order of the features."""

    labels: list[str]
    values: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    title: str
    axis: str
    whiskers: str
    signed: bool
    noun: str
    notes: tuple[str, ...] = ()


@documented
def bar(explanation: Attribution | Importance, *, output: int | str | None = None,
        max_display: int | None = 15, ax: Axes | None = None) -> Axes:
    """Draw one bar per feature, the largest on top, with its interval and its number.

    For an Attribution of one row, bars show the signed contributions; for one of several rows, its
    ``.importance()``, the mean |contribution| of each feature.

    Parameters
    ----------
    explanation : Importance or Attribution
        Values of shape (n_features, n_outputs) or (n_rows, n_features, n_outputs).
    {output, max_display}
        The axis label says how many are not shown.
    ax : matplotlib Axes or None
        Where to draw; None opens a new figure.

    Returns
    -------
    matplotlib Axes
        Whiskers are the explanation's interval, or else ±1.96 standard errors, if known.

    Raises
    ------
    TypeError
        If `explanation` is neither an Importance nor an Attribution.
    ValueError
        If there is nothing to draw, or a setting is out of range.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from xaikit.explanations.importance import Importance
    >>> e = Importance(method="permutation", feature_names=("age", "sex"), output_names=("risk",),
    ...                values=[[0.1], [0.3]], lower=[[0.0], [0.2]], upper=[[0.2], [0.4]])
    >>> ax = bar(e)
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['sex', 'age']
    >>> plt.close(ax.figure)
    """
    if not isinstance(explanation, Attribution | Importance):
        raise TypeError(f"bar needs an Importance or an Attribution, got "
                        f"{type(explanation).__name__}; pass what an explainer's .explain(X) "
                        "returned.")
    check_not_empty(explanation, "bar")
    check({"max_display": max_display})
    one_row = isinstance(explanation, Attribution) and len(explanation) == 1
    k = output_to_draw(explanation, output, 0 if one_row else None)
    if isinstance(explanation, Importance):
        return _draw(_from_importance(explanation, k), max_display, ax)
    if len(explanation) == 1:
        return _draw(_from_row(explanation, k), max_display, ax)
    bars = _from_importance(explanation.importance(), k)
    name = output_label(explanation, k)
    axis = f"mean |contribution| to {name}, {len(explanation):,} rows"
    return _draw(bars._replace(axis=axis, notes=_left_out(explanation)), max_display, ax)


def _from_importance(importance: Importance, k: int) -> _Bars:
    values = importance.values[:, k]
    reach = reaches(importance.standard_errors[:, k])
    lower, upper = importance.lower[:, k], importance.upper[:, k]
    unknown = ~(np.isfinite(lower) & np.isfinite(upper))
    confidence = importance.settings.get("confidence")
    share = f"{100 * confidence:.3g} % " if isinstance(confidence, float) else ""
    return _Bars(
        label_texts(importance.feature_names), values,
        np.where(unknown, values - reach, lower), np.where(unknown, values + reach, upper),
        "", f"{label_text(method_words(importance.method))} · {output_label(importance, k)}",
        WHISKERS if unknown.all() else f"whiskers: {share}interval", bool((values < 0).any()),
        importance.noun, _left_out(importance),
    )


def _from_row(attribution: Attribution, k: int) -> _Bars:
    values = attribution.values[0, :, k]
    reach = reaches(attribution.standard_errors[0, :, k])
    labels = names_and_values(attribution, 0, range(len(values)), k)
    of_all = of_all_outputs(attribution, k, 0)
    total = f" (sum {signed(attribution.left_out[0, k])})"
    output = output_label(attribution, k)
    return _Bars(labels, values, values - reach, values + reach,
                 f"row {row_label(attribution, 0)} · {output}{of_all}",
                 f"contribution to {output}", WHISKERS, True, attribution.noun,
                 (*_left_out(attribution, total),
                  fidelity_note(attribution.fidelity[0, k])))


def _left_out(explanation: Attribution | Importance, total: str = "") -> tuple[str, ...]:
    said = left_out_words(np.atleast_1d(explanation.n_left_out), explanation.noun)
    return (said + total,) if said else ()


def _draw(bars: _Bars, max_display: int | None, ax: Axes | None) -> Axes:
    shown = largest_first(bars.values)[:max_display]
    values, rows = finite(bars.values[shown]), np.arange(len(shown))
    lower, upper = bars.lower[shown], bars.upper[shown]
    ax = axes_for(ax, 1.1 + 0.33 * len(shown))
    colours = np.where(values >= 0, VERMILION, BLUE).tolist() if bars.signed else GREEN
    ax.barh(rows, values, height=0.66, color=colours, zorder=2)
    ax.axvline(0, color=INK, linewidth=0.8, zorder=2.5)
    any_whisker = whiskers(ax, rows, lower, upper)
    _write_numbers(ax, bars.values[shown], lower, upper, bars.signed)
    label_rows(ax, [bars.labels[j] for j in shown])
    number_axis(ax.xaxis)
    left_out = len(bars.values) - len(shown)
    notes = [bars.whiskers] * any_whisker
    notes += bars.notes
    notes += [f"{plural(left_out, f'smaller {bars.noun}')} not shown"] * (left_out > 0)
    ax.set_xlabel(caption(bars.axis, notes), color=INK, fontsize=NORMAL)
    if bars.title:
        ax.set_title(bars.title, loc="left", color=INK, fontsize=NORMAL)
    return ax


def _write_numbers(ax: Axes, values: np.ndarray, lower: np.ndarray, upper: np.ndarray,
                   with_sign: bool) -> None:
    """Write each bar's number beyond its bar and whisker, and make room for it."""
    left = np.minimum(np.minimum(finite(values), 0), finite(lower))
    right = np.maximum(np.maximum(finite(values), 0), finite(upper))
    for r, text in enumerate(numbers(values, signed if with_sign else number)):
        write_beside(ax, r, right[r], text)
    low, high = left.min(), right.max()
    span = high - low or 1.0
    ax.set_xlim(low - (0.04 * span if low < 0 else 0.0), high + ROOM * span)
