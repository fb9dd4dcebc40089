"""Text with its words or sentences coloured by their contributions, as a plot or as HTML."""

from __future__ import annotations

import math
import re
from html import escape
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from xaikit.explanations.base import left_out_words
from xaikit.explanations.choosing import choose_row, of_all_outputs, output_to_draw
from xaikit.explanations.text import TextAttribution
from xaikit.plots.columns import output_label, row_label
from xaikit.plots.inputs import check_not_empty, finite, largest_first
from xaikit.plots.marked_text import Marked, draw_marked, opacity, parts_of
from xaikit.plots.style import BLUE, REACH, VERMILION, fidelity_note
from xaikit.plots.text_lines import Part
from xaikit.settings import check, documented
from xaikit.tables.wording import number, numbers, signed, unescaped

_VISIBLE = 0.01  # share of the largest contribution; smaller ones may be rounding errors
_LEGEND = "solid line: raises the output; dashed: lowers it"


@documented
def text_highlight(explanation: TextAttribution, *, row: Any = None,
                   output: int | str | None = None, max_display: int | None = None,
                   ax: Axes | None = None, as_html: bool = False) -> Axes | str:
    """Draw a text with its units coloured: vermilion raises the output, blue lowers it.

    The line below a unit also shows the sign, solid or dashed; there is no line if the value ± 1.96
    standard errors contains 0. The strongest colour is the largest |contribution| in the text;
    units below a hundredth of it have no colour.

    Parameters
    ----------
    explanation : TextAttribution
        Contributions, values of shape (n_texts, n_units, n_outputs).
    row : label or int, optional
        Label of the text, the first by default. A whole number is a position only if labels are
        not whole numbers themselves; ``e.iloc[i]`` is always by position.
    {output, max_display}
        A note says how many visible units are not highlighted.
    ax : matplotlib Axes or None
        Where to draw; None opens a new figure. If the text does not fit (or has more than 40
        lines), its beginning is drawn, and a note says how many words are missing.
    as_html : bool
        Return HTML instead, of the whole text; a unit's title is its value ± standard error.

    Returns
    -------
    matplotlib Axes, or str
        HTML is one ``<figure>`` with its own styles, no script, and the page's text colour.

    Raises
    ------
    TypeError
        If `explanation` is not a TextAttribution, or `row` or `output` names several.
    ValueError
        If there is nothing to draw, a setting is out of range, or `ax` was given together with
        `as_html`.

    Examples
    --------
    >>> e = TextAttribution(method="exact", texts=["good film"], spans=[[[0, 0, 4], [1, 5, 9]]],
    ...                     values=[[[0.5], [-0.1]]], base_values=[[0.2]], predictions=[[0.6]],
    ...                     output_names=("positive",))
    >>> html = text_highlight(e, as_html=True)
    >>> 'title="+0.5">good</span>' in html
    True
    """
    if not isinstance(explanation, TextAttribution):
        raise TypeError(f"text_highlight needs a TextAttribution, got {type(explanation).__name__};"
                        " pass what an explainer that was fitted with a TextMasker returned.")
    check_not_empty(explanation, "text_highlight")
    check({"max_display": max_display})
    if as_html and ax is not None:
        raise ValueError("ax was given together with as_html=True; HTML is not drawn on an Axes.")
    i = choose_row(explanation.row_names, row)
    k = output_to_draw(explanation, output, i)
    marked = _marked(explanation, i, k, max_display)
    return _html(marked) if as_html else draw_marked(marked, ax)


def _marked(explanation: TextAttribution, i: int, k: int, max_display: int | None) -> Marked:
    spans, n_units = explanation.spans[i], int(explanation.spans[i][:, 0].max(initial=-1)) + 1
    values = explanation.values[i, :n_units, k]
    errors = explanation.standard_errors[i, :n_units, k]
    sizes = np.abs(finite(values))
    largest = float(sizes.max(initial=0.0))
    strength = sizes / largest if largest > 0 else sizes
    strength[strength < _VISIBLE] = 0.0
    n_visible = np.count_nonzero(strength)
    if max_display is not None:
        strength[largest_first(values)[max_display:]] = 0.0
    unsure = REACH * finite(errors) >= sizes
    notes = _notes(explanation, i, k, largest, bool((unsure & (strength > 0)).any()))
    left_out = int(n_visible - np.count_nonzero(strength))
    notes += [f"{left_out} smaller units not highlighted"] * (left_out > 0)
    title = f"text {row_label(explanation, i)} · " \
            f"{output_label(explanation, k)}{of_all_outputs(explanation, k, i)}"
    return Marked(explanation.texts[i], spans[np.argsort(spans[:, 1], kind="stable")], values,
                   errors, strength, np.where(unsure, 0.0, np.sign(finite(values))), title, notes)


def _notes(explanation: TextAttribution, i: int, k: int, largest: float,
           any_unsure: bool) -> list[str]:
    """Return the notes below a text: prediction, fidelity, and how to read the colours."""
    said, base = numbers([explanation.predictions[i, k], explanation.base_values[i, k]])
    answer = [f"prediction {said}", f"base value {base}",
              fidelity_note(float(explanation.fidelity[i, k]))]
    legend = [f"strongest colour: ±{number(largest)}", _LEGEND]
    left_out = left_out_words(explanation.n_left_out[i:i + 1], explanation.noun)
    answer += [left_out] * bool(left_out)
    legend += ["no line: the 95 % interval holds 0"] * any_unsure
    return [" · ".join(answer), " · ".join(legend)]


# HTML --------------------------------------------------------------------------------------------


def _html(marked: Marked) -> str:
    body = "".join(_html_part(part, marked) for part in parts_of(marked))
    lines = "<br>".join(escape(unescaped(line)) for line in marked.notes)
    return (
        '<figure class="xaikit-text" style="margin:1em 0;color:inherit">'
        f'<p dir="auto" style="margin:0;line-height:2;white-space:pre-wrap;overflow-wrap:anywhere">'
        f"{body}</p>"
        '<figcaption style="margin-top:.6em;font-size:.85em;line-height:1.5">'
        f"<strong>{escape(unescaped(marked.title))}</strong><br>{lines}</figcaption></figure>")


def _html_part(part: Part, marked: Marked) -> str:
    text = escape(_clean(part.text))
    if part.unit < 0:
        return text
    value, error = marked.values[part.unit], marked.errors[part.unit]
    title = signed(value) + (f" ± {number(error)}" if math.isfinite(error) and error > 0 else "")
    strength = marked.strength[part.unit]
    style = f' style="{_css(value, strength, marked.signs[part.unit])}"' if strength > 0 else ""
    return f'<span{style} title="{title}">{text}</span>'


def _css(value: float, strength: float, sign: float) -> str:
    colour = VERMILION if value > 0 else BLUE
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    line = {1.0: f"solid {colour}", -1.0: f"dashed {colour}"}.get(float(sign), "solid transparent")
    return (f"background:rgba({red},{green},{blue},{opacity(strength):.2f});"
            f"background-clip:padding-box;border-bottom:2px {line};padding:1px 0")


def _clean(text: str) -> str:
    """Return a text without what HTML cannot hold: control characters, lone surrogates."""
    return re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]", "\ufffd", text)
