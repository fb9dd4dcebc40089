"""A text with some of its pieces marked, drawn on an Axes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.transforms import Affine2D, ScaledTranslation, Transform

from xaikit.plots.style import BLUE, INK, NORMAL, SMALL, VERMILION, axes_for, figure_of
from xaikit.plots.text_lines import Part, Placed, set_lines, text_width

# Opacities at which dark text on a white page, and light text on a dark one, stay readable.
_FAINTEST, _STRONGEST = 0.08, 0.55
_MOST_LINES = 40
# Points per line of the text, per line of the notes below it, and for the title.
_LINE, _NOTE, _TITLE = 2.0 * NORMAL, 1.3 * SMALL, 34.0
_NEW_WIDTH = 7.3 * 72  # points, of the axes of a new figure, with some room for their edge


class Marked(NamedTuple):
    """A text, its spans in order, numbers for each unit, and what is written around it."""

    text: str
    spans: np.ndarray
    values: np.ndarray
    errors: np.ndarray
    strength: np.ndarray
    """From 0 (not highlighted) to 1."""
    signs: np.ndarray
    """−1 or 1; 0 if the sign is uncertain."""
    title: str
    notes: list[str]


def draw_marked(marked: Marked, ax: Axes | None) -> Axes:
    """Draw a marked text with its title and notes; as much of it as has room."""
    width, height = (_NEW_WIDTH, math.inf) if ax is None else _room(ax)
    # One line more, for a note on words that are missing, which is known later.
    notes = _wrapped(marked.notes, width)
    most = min(_MOST_LINES, (height - _NOTE * (len(notes) + 1)) / _LINE)
    placed, n_lines, n_cut = set_lines(parts_of(marked), width, max(1, int(most)))
    notes = [f"{n_cut:,} more words not shown"] * (n_cut > 0) + notes
    ax = axes_for(ax, (_TITLE + _LINE * n_lines + _NOTE * len(notes)) / 72)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    points = Affine2D().scale(1 / 72) + figure_of(ax).dpi_scale_trans \
        + ScaledTranslation(0, 1, ax.transAxes)  # type: ignore[arg-type]
    # Text is kept out of the layout, which would otherwise make the axes narrower.
    for piece in placed:
        _draw_piece(ax, piece, marked, points)
    ax.text(0, -_LINE * n_lines - 3, "\n".join(notes), color=INK, fontsize=SMALL, va="top",
            ha="left", transform=points, in_layout=False)
    ax.set_title(marked.title, loc="left", color=INK, fontsize=NORMAL)
    return ax


def _room(ax: Axes) -> tuple[float, float]:
    """Return the width and height of an Axes in points."""
    axes_for(ax, 1.0)  # raises if it is not an Axes
    figure = figure_of(ax)
    figure.draw_without_rendering()  # a layout engine sets the size of the axes only now
    box = ax.get_window_extent()
    return box.width * 72 / figure.dpi, box.height * 72 / figure.dpi


def _wrapped(notes: list[str], width: float) -> list[str]:
    """Return notes in lines, broken at middle dots if too wide."""
    lines = list[str]()
    for note in notes:
        first, *more = note.split(" · ")
        lines.append(first)
        for item in more:
            longer = f"{lines[-1]} · {item}"
            if text_width(longer) * SMALL / NORMAL <= width:
                lines[-1] = longer
            else:
                lines.append(item)
    return lines


def _draw_piece(ax: Axes, piece: Placed, marked: Marked, points: Transform) -> None:
    """Draw a piece of text, and its box if it is highlighted."""
    base = -_LINE * (piece.line + 0.7)
    # Dollars are part of the text and do not start formulas.
    ax.text(piece.left, base, piece.text, color=INK, fontsize=NORMAL, va="baseline", ha="left",
            transform=points, zorder=3, parse_math=False, in_layout=False)
    strength = marked.strength[piece.unit] if piece.unit >= 0 else 0.0
    if strength <= 0:
        return
    colour = VERMILION if marked.values[piece.unit] > 0 else BLUE
    bottom = base - 0.32 * NORMAL
    ax.add_artist(Rectangle((piece.left, bottom), piece.width, 1.4 * NORMAL, transform=points,
                            facecolor=colour, alpha=opacity(strength), linewidth=0, zorder=1,
                            clip_on=False, in_layout=False))
    sign = float(marked.signs[piece.unit])
    if sign:
        ends = [piece.left, piece.left + piece.width]
        ax.add_artist(Line2D(ends, [bottom, bottom], transform=points, color=colour, linewidth=1.4,
                             linestyle="-" if sign > 0 else (0, (2, 1.5)), zorder=2,
                             solid_capstyle="butt", clip_on=False, in_layout=False))


def parts_of(marked: Marked) -> Iterator[Part]:
    """Yield the parts of a text in order, those of units and those between units."""
    at = 0
    for unit, start, stop in marked.spans.tolist():
        yield Part(marked.text[at:start], -1)
        yield Part(marked.text[start:stop], unit)
        at = stop
    yield Part(marked.text[at:], -1)


def opacity(strength: float) -> float:
    """Return the opacity of a mark, by its strength from 0 to 1."""
    return _FAINTEST + (_STRONGEST - _FAINTEST) * strength
