"""Text with its words or sentences coloured by what they contributed: as a plot or as HTML."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from html import escape
from typing import Any, NamedTuple
from unicodedata import category

import numpy as np
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.textpath import TextToPath
from matplotlib.transforms import Affine2D, ScaledTranslation, Transform

from xaikit.explanations.text import TextAttribution
from xaikit.plots.inputs import (
    check_max_display,
    check_not_empty,
    choose,
    choose_output,
    finite,
    largest_first,
)
from xaikit.plots.style import (
    BLUE,
    INK,
    NORMAL,
    REACH,
    SMALL,
    VERMILION,
    axes_for,
    fidelity_note,
    figure_of,
)
from xaikit.tables.wording import number, plain, signed

# Weak enough that dark ink on a white page, and light ink on a dark one, stay readable.
_FAINTEST, _STRONGEST = 0.08, 0.55
_VISIBLE = 0.01  # of the largest: below it the error of rounding alone would be highlighted
_MOST_LINES = 40
_WIDEST = 500  # characters that are measured as one: more than a line has room for
# Points from one line to the next, of the text and of the notes below it, and for the title.
_LINE, _NOTE, _TITLE = 2.0 * NORMAL, 1.3 * SMALL, 34.0
_NEW_WIDTH = 7.3 * 72  # points: the width of a new figure's axes, less some room for their edge
_RUNS, _BREAK = re.compile(r"\s+|\S+"), re.compile("[\n\r\v\f\x85\u2028\u2029]")
_LEGEND = "solid line: raises the output; dashed: lowers it"


class _Marked(NamedTuple):
    """One text, one output: its parts in order, and what belongs to each unit."""

    text: str
    spans: np.ndarray
    values: np.ndarray
    errors: np.ndarray
    strength: np.ndarray
    """Between 0, for units that are not highlighted, and 1."""
    signs: np.ndarray
    """−1 or 1; 0 where the value may be of either sign."""
    title: str
    notes: list[str]


class _Part(NamedTuple):
    """A piece of text without line breaks; `unit` is −1 between units."""

    text: str
    unit: int


class _Placed(NamedTuple):
    """A piece of text on a line, `left` and `width` in points."""

    text: str
    unit: int
    left: float
    width: float
    line: int


def text_highlight(explanation: TextAttribution, *, row: Any = 0, output: int | str | None = None,
                   max_display: int | None = None, ax: Axes | None = None,
                   as_html: bool = False) -> Axes | str:
    """Show a text with its units coloured: vermilion raises the output, blue lowers it.

    The sign is also shown by the line below a unit, solid or dashed; there is no line where the
    value ± 1.96 standard errors holds 0. The strongest colour is the largest |contribution| in the
    text; units below a hundredth of it have none.

    Parameters
    ----------
    explanation : TextAttribution
        Contributions, values of shape (n_texts, n_units, n_outputs).
    row : int or label, default 0
        Position or name of the text.
    output : int, str or None
        Position or name of the output. None takes the only one, the second of two, and of more
        the one with the largest mean |value|.
    max_display : int or None
        Most units to highlight, those of the largest |contribution|; None: all.
    ax : matplotlib Axes or None
        Where to draw; None opens a new figure. Of a text that is too long for it (or has more than
        40 lines) the beginning is drawn, and a note says how many words are not.
    as_html : bool, default False
        Give HTML instead, of the whole text; a unit's value ± standard error is in its title.

    Returns
    -------
    matplotlib Axes, or str
        HTML is one ``<figure>`` with styles of its own, no script, and the page's text colour.

    Raises
    ------
    TypeError
        If `explanation` is no TextAttribution, or `row` or `output` are not a single one.
    ValueError
        If there is nothing to show, or `ax` was given together with `as_html`.

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
    if max_display is not None:
        check_max_display(max_display)
    if as_html and ax is not None:
        raise ValueError("ax was given together with as_html=True; HTML is not drawn on an Axes.")
    i = choose(explanation.row_names, row, "row")
    marked = _marked(explanation, i, choose_output(explanation, output), max_display)
    return _html(marked) if as_html else _draw(marked, ax)


def _marked(explanation: TextAttribution, i: int, k: int, max_display: int | None) -> _Marked:
    spans, n_units = explanation.spans[i], int(explanation.spans[i][:, 0].max(initial=-1)) + 1
    values = explanation.values[i, :n_units, k]
    errors = explanation.standard_errors[i, :n_units, k]
    sizes = np.abs(finite(values))
    largest = float(sizes.max(initial=0.0))
    strength = sizes / largest if largest > 0 else sizes
    strength[strength < _VISIBLE] = 0.0
    n_visible = np.count_nonzero(strength)
    strength[largest_first(values)[n_units if max_display is None else max_display:]] = 0.0
    unsure = REACH * finite(errors) >= sizes
    notes = _notes(explanation, i, k, largest, bool((unsure & (strength > 0)).any()))
    left_out = int(n_visible - np.count_nonzero(strength))
    notes += [f"{left_out} smaller units not highlighted"] * (left_out > 0)
    return _Marked(explanation.texts[i], spans[np.argsort(spans[:, 1], kind="stable")], values,
                   errors, strength, np.where(unsure, 0.0, np.sign(finite(values))),
                   f"text {plain(explanation.row_names[i])} · {plain(explanation.output_names[k])}",
                   notes)


def _notes(explanation: TextAttribution, i: int, k: int, largest: float,
           any_unsure: bool) -> list[str]:
    """Say what the model answered, whether to believe the colours, and how to read them."""
    answer = [f"prediction {number(explanation.predictions[i, k])}",
              f"base value {number(explanation.base_values[i, k])}",
              fidelity_note(float(explanation.fidelity[i, k]))]
    legend = [f"strongest colour: ±{number(largest)}", _LEGEND]
    legend += ["no line: the 95 % interval holds 0"] * any_unsure
    return [" · ".join(answer), " · ".join(legend)]


def _parts(marked: _Marked) -> Iterator[_Part]:
    """Cut a text into what belongs to units and what is between them; line breaks stay inside."""
    at = 0
    for unit, start, stop in marked.spans.tolist():
        yield _Part(marked.text[at:start], -1)
        yield _Part(marked.text[start:stop], unit)
        at = stop
    yield _Part(marked.text[at:], -1)


# HTML --------------------------------------------------------------------------------------------


def _html(marked: _Marked) -> str:
    body = "".join(_html_part(part, marked) for part in _parts(marked))
    lines = "<br>".join(escape(_unescaped(line)) for line in marked.notes)
    return (
        '<figure class="xaikit-text" style="margin:1em 0;color:inherit">'
        f'<p dir="auto" style="margin:0;line-height:2;white-space:pre-wrap;overflow-wrap:anywhere">'
        f"{body}</p>"
        '<figcaption style="margin-top:.6em;font-size:.85em;line-height:1.5">'
        f"<strong>{escape(_unescaped(marked.title))}</strong><br>{lines}</figcaption></figure>")


def _html_part(part: _Part, marked: _Marked) -> str:
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
    return (f"background:rgba({red},{green},{blue},{_alpha(strength):.2f});"
            f"background-clip:padding-box;border-bottom:2px {line};padding:1px 0")


def _alpha(strength: float) -> float:
    return _FAINTEST + (_STRONGEST - _FAINTEST) * strength


def _clean(text: str) -> str:
    """Replace what no page can hold: control characters and halves of surrogate pairs."""
    return re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]", "\ufffd", text)


def _unescaped(text: str) -> str:
    r"""Undo the ``\$`` that `plain` writes for matplotlib."""
    return text.replace(r"\$", "$")


# Axes --------------------------------------------------------------------------------------------


def _draw(marked: _Marked, ax: Axes | None) -> Axes:
    width, height = (_NEW_WIDTH, math.inf) if ax is None else _room(ax)
    # The note on what is left out, known only later, is one more.
    notes = _wrapped(marked.notes, width)
    most = min(_MOST_LINES, (height - _NOTE * (len(notes) + 1)) / _LINE)
    placed, n_lines, n_cut = _laid_out(marked, width, max(1, int(most)))
    notes = [f"{n_cut:,} more words not shown"] * (n_cut > 0) + notes
    ax = axes_for(ax, (_TITLE + _LINE * n_lines + _NOTE * len(notes)) / 72)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    points = Affine2D().scale(1 / 72) + figure_of(ax).dpi_scale_trans \
        + ScaledTranslation(0, 1, ax.transAxes)  # type: ignore[arg-type]
    # All is kept out of the layout: before it, the axes are narrower than what will fit them.
    for piece in placed:
        _draw_piece(ax, piece, marked, points)
    ax.text(0, -_LINE * n_lines - 3, "\n".join(notes), color=INK, fontsize=SMALL, va="top",
            ha="left", transform=points, in_layout=False)
    ax.set_title(marked.title, loc="left", color=INK, fontsize=NORMAL)
    return ax


def _room(ax: Axes) -> tuple[float, float]:
    """Give the width and height of an Axes in points."""
    axes_for(ax, 1.0)  # refuses what is no Axes
    figure = figure_of(ax)
    figure.draw_without_rendering()  # else a layout engine has not yet given the axes their size
    box = ax.get_window_extent()
    return box.width * 72 / figure.dpi, box.height * 72 / figure.dpi


def _wrapped(notes: list[str], width: float) -> list[str]:
    """Break notes that are too wide at their middle dots."""
    lines = list[str]()
    for note in notes:
        first, *more = note.split(" · ")
        lines.append(first)
        for item in more:
            longer = f"{lines[-1]} · {item}"
            if _width(longer) * SMALL / NORMAL <= width:
                lines[-1] = longer
            else:
                lines.append(item)
    return lines


def _draw_piece(ax: Axes, piece: _Placed, marked: _Marked, points: Transform) -> None:
    """Write a piece of text, in its box where it is highlighted."""
    base = -_LINE * (piece.line + 0.7)
    # Dollars are the text's own, not formulas.
    ax.text(piece.left, base, piece.text, color=INK, fontsize=NORMAL, va="baseline", ha="left",
            transform=points, zorder=3, parse_math=False, in_layout=False)
    strength = marked.strength[piece.unit] if piece.unit >= 0 else 0.0
    if strength <= 0:
        return
    colour = VERMILION if marked.values[piece.unit] > 0 else BLUE
    bottom = base - 0.32 * NORMAL
    ax.add_artist(Rectangle((piece.left, bottom), piece.width, 1.4 * NORMAL, transform=points,
                            facecolor=colour, alpha=_alpha(strength), linewidth=0, zorder=1,
                            clip_on=False, in_layout=False))
    sign = float(marked.signs[piece.unit])
    if sign:
        ends = [piece.left, piece.left + piece.width]
        ax.add_artist(Line2D(ends, [bottom, bottom], transform=points, color=colour, linewidth=1.4,
                             linestyle="-" if sign > 0 else (0, (2, 1.5)), zorder=2,
                             solid_capstyle="butt", clip_on=False, in_layout=False))


class _Pen:
    """Sets words in lines of a width in points, as many lines as there may be."""

    def __init__(self, width: float, most: int) -> None:
        self.width, self.most = width, most
        self.left, self.line, self.n_cut = 0.0, 0, 0
        self.placed: list[_Placed] = []
        self.space = _width(" ")

    def break_line(self) -> None:
        """Begin a new line, unless this one is empty."""
        if self.left > 0:
            self.left, self.line = 0.0, self.line + 1

    def write(self, atom: list[_Part]) -> None:
        """Place a word with its punctuation and the space after it, on a new line if need be."""
        if self.line < self.most:
            self._break_before(*(self._solid_width(part.text) for part in atom))
        for part in atom:
            for text, width in self._narrow(part.text):
                self._break_before(width - self.space * text.endswith(" "))
                if self.line >= self.most:
                    break
                self.placed.append(_Placed(text, part.unit, self.left, width, self.line))
                self.left += width
        self.n_cut += self.line >= self.most

    def _break_before(self, *widths: float) -> None:
        # The space at the end of a line needs no room. A point is for sums that were rounded.
        if self.left + sum(widths) > self.width + 1.0:
            self.break_line()

    def _solid_width(self, text: str) -> float:
        return _width(text.rstrip()) if len(text) <= _WIDEST else math.inf

    def _narrow(self, text: str) -> Iterator[tuple[str, float]]:
        """Cut what is wider than a line into pieces that are not; give their widths too."""
        width, n = math.inf, _WIDEST
        if len(text) <= _WIDEST:
            width = _width(text)
            if width <= self.width or len(text) == 1:
                yield text, width
                return
            n = max(1, int(len(text) * self.width / width))
        for at in range(0, len(text), n):
            yield from self._narrow(text[at : at + n])


def _laid_out(marked: _Marked, width: float, most: int) -> tuple[list[_Placed], int, int]:
    """Set a text in lines: what is placed, the number of lines, and of words left out."""
    pen = _Pen(width, most)
    for atom in _atoms(marked):
        if atom:
            pen.write(atom)
        else:
            pen.break_line()
    return pen.placed, max((piece.line for piece in pen.placed), default=0) + 1, pen.n_cut


def _atoms(marked: _Marked) -> Iterator[list[_Part]]:
    """Give what must stay on one line: a word and what touches it; nothing is a line break.

    The space after a word goes with it, so that the box of a sentence has no gaps.
    """
    atom = list[_Part]()
    for part in _parts(marked):
        for text in _RUNS.findall(part.text):
            solid = not text.isspace()
            if solid:
                atom.append(_Part(_drawable(text), part.unit))
                continue
            broken = _BREAK.search(text) is not None
            if not broken and atom and atom[-1].unit == part.unit:
                atom[-1] = part._replace(text=atom[-1].text + " ")
            elif not broken:
                atom.append(_Part(" ", part.unit))
            if atom:
                yield atom
            if broken:
                yield []
            atom = []
    if atom:
        yield atom


def _drawable(text: str) -> str:
    """Replace what no font has a sign for: control characters, halves of surrogate pairs."""
    # Format characters, such as the invisible joiners of scripts and emoji, show nothing anyway.
    return "".join(c if c.isprintable() else "" if category(c) == "Cf" else "\ufffd" for c in text)


def _width(text: str) -> float:
    """Measure a text in points, without a renderer: the same for a screen, PNG and SVG."""
    font = FontProperties(size=NORMAL)
    return float(TextToPath().get_text_width_height_descent(text, font, ismath=False)[0])
