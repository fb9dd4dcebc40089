"""Text broken into lines of a given width: words, punctuation and spaces, placed in points."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from unicodedata import category

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

from xaikit.plots.style import NORMAL

_WIDEST = 500  # characters that are measured as one piece: more than fit on a line
_RUNS, _BREAK = re.compile(r"\s+|\S+"), re.compile("[\n\r\v\f\x85\u2028\u2029]")


class Part(NamedTuple):
    """A piece of text; `unit` is −1 between units."""

    text: str
    unit: int


class Placed(NamedTuple):
    """A piece of text on a line; `left` and `width` are in points."""

    text: str
    unit: int
    left: float
    width: float
    line: int


def set_lines(
    parts: Iterable[Part], width: float, most: int
) -> tuple[list[Placed], int, int]:
    """Return a text broken into at most `most` lines.

    Parameters
    ----------
    parts : iterable of Part
        The whole text in order.
    width : float
        Of a line, in points.
    most : int
        Most lines.

    Returns
    -------
    list of Placed, int, int
        The pieces placed, the number of lines, and the number of words that did not fit.
    """
    pen = _Pen(width, most)
    for atom in _atoms(parts):
        if atom:
            pen.write(atom)
        else:
            pen.break_line()
    return pen.placed, max((piece.line for piece in pen.placed), default=0) + 1, pen.n_cut


def _atoms(parts: Iterable[Part]) -> Iterator[list[Part]]:
    """Yield what must stay on one line: a word and what touches it; an empty list is a line break.

    The space after a word belongs to it, so that the box of a sentence has no gaps.
    """
    atom = list[Part]()
    for part in parts:
        for text in _RUNS.findall(part.text):
            solid = not text.isspace()
            if solid:
                atom.append(Part(_drawable(text), part.unit))
                continue
            broken = _BREAK.search(text) is not None
            if not broken and atom and atom[-1].unit == part.unit:
                atom[-1] = part._replace(text=atom[-1].text + " ")
            elif not broken:
                atom.append(Part(" ", part.unit))
            if atom:
                yield atom
            if broken:
                yield []
            atom = []
    if atom:
        yield atom


def _drawable(text: str) -> str:
    """Return a text without what no font can draw: control characters, lone surrogates."""
    # Format characters, such as the joiners of scripts and emoji, are invisible and left out.
    return "".join(c if c.isprintable() else "" if category(c) == "Cf" else "\ufffd" for c in text)


def text_width(text: str) -> float:
    """Compute the width of a text in points; it is the same for a screen, PNG and SVG."""
    font = FontProperties(size=NORMAL)
    return float(TextToPath().get_text_width_height_descent(text, font, ismath=False)[0])


class _Pen:
    """Places words on at most `most` lines of a width in points."""

    def __init__(self, width: float, most: int) -> None:
        self.width, self.most = width, most
        self.left, self.line, self.n_cut = 0.0, 0, 0
        self.placed: list[Placed] = []
        self.space = text_width(" ")

    def break_line(self) -> None:
        """Start a new line, unless this one is empty."""
        if self.left > 0:
            self.left, self.line = 0.0, self.line + 1

    def write(self, atom: list[Part]) -> None:
        """Write a word with its punctuation and the space after it, on a new line if needed."""
        if self.line < self.most:
            self._break_before(*(self._solid_width(part.text) for part in atom))
        for part in atom:
            for text, width in self._narrow(part.text):
                self._break_before(width - self.space * text.endswith(" "))
                if self.line >= self.most:
                    break
                self.placed.append(Placed(text, part.unit, self.left, width, self.line))
                self.left += width
        self.n_cut += self.line >= self.most

    def _break_before(self, *widths: float) -> None:
        # A space at the end of a line needs no room. One point allows for rounded sums.
        if self.left + sum(widths) > self.width + 1.0:
            self.break_line()

    def _solid_width(self, text: str) -> float:
        return text_width(text.rstrip()) if len(text) <= _WIDEST else math.inf

    def _narrow(self, text: str) -> Iterator[tuple[str, float]]:
        """Yield pieces of a text that fit on a line, with their widths."""
        width, n = math.inf, _WIDEST
        if len(text) <= _WIDEST:
            width = text_width(text)
            if width <= self.width or len(text) == 1:
                yield text, width
                return
            n = max(1, int(len(text) * self.width / width))
        for at in range(0, len(text), n):
            yield from self._narrow(text[at : at + n])
