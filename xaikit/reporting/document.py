"""The parts of a report: sections of sentences, tables and figures, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from xaikit.tables.labels import labels
from xaikit.tables.wording import is_missing, numbers

LONGEST_TEXT = 80
"""Most characters of a cell, so that a column of long texts leaves a table readable."""
HEADING = 40
"""Most characters of a column's name."""
SHORT_TEXT = 24
"""Most characters of a cell that is never broken into lines."""


@dataclass(frozen=True)
class Text:
    """One paragraph."""

    text: str
    kind: ClassVar[str] = "text"


@dataclass(frozen=True)
class Heading:
    """A heading below the section's title."""

    text: str
    kind: ClassVar[str] = "heading"


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    items: tuple[str, ...]
    kind: ClassVar[str] = "bullets"


@dataclass(frozen=True)
class Table:
    """A frame with a caption; `folded` tables open on a click.

    Texts are not cut to what reads like another one, or like a name `among` which they are. Numbers
    of a column that differ look different, and so do those of columns that have one unit: they
    stand `together`, by position. Where each row has a unit of its own, numbers are shown `across`.
    """

    name: str
    caption: str
    frame: pd.DataFrame
    folded: bool = False
    timing: bool = False
    longest: int = LONGEST_TEXT
    among: tuple[str, ...] = ()
    together: tuple[int, ...] = ()
    across: bool = False
    kind: ClassVar[str] = "table"

    @property
    def headings(self) -> list[str]:
        """The names of the columns."""
        return labels(self.frame.columns, HEADING)

    @property
    def rows(self) -> list[list[Cell]]:
        """The cells, row by row."""
        columns = [list(self.frame.iloc[:, j]) for j in range(self.frame.shape[1])]
        texts = [labels([*column, *self.among], self.longest)[: len(column)] for column in columns]
        for places in self._units():
            floats = [(i, j) for i, j in places if isinstance(columns[j][i], float | np.floating)]
            written = numbers(columns[j][i] for i, j in floats)
            for (i, j), text in zip(floats, written, strict=True):
                texts[j][i] = text
        return [[Cell.of(column[i], text[i]) for column, text in zip(columns, texts, strict=True)]
                for i in range(len(self.frame))]

    def _units(self) -> list[list[tuple[int, int]]]:
        """Return the places (row, column) of the numbers that are compared with each other."""
        n_rows, n_columns = self.frame.shape
        if self.across:
            return [[(i, j) for j in range(n_columns)] for i in range(n_rows)]
        alone = [(j,) for j in range(n_columns) if j not in self.together]
        return [[(i, j) for j in group for i in range(n_rows)] for group in (*alone, self.together)]

    @property
    def numeric(self) -> list[bool]:
        """Whether each column holds numbers, which are right-aligned."""
        return [pd.api.types.is_numeric_dtype(d) and not pd.api.types.is_bool_dtype(d)
                for d in self.frame.dtypes]

    @property
    def looks(self) -> list[str]:
        """Each column's CSS class: n for numbers, s for short text, which is never broken."""
        short = [all(len(str(v)) <= SHORT_TEXT for v in self.frame.iloc[:, j])
                 for j in range(self.frame.shape[1])]
        return ["n" if n else "s" if s else "" for n, s in zip(self.numeric, short, strict=True)]


@dataclass(frozen=True)
class Figure:
    """A drawing, its description in words, and its numbers as a table."""

    name: str
    svg: str
    alt: str
    table: Table
    kind: ClassVar[str] = "figure"


@dataclass(frozen=True)
class Section:
    """A numbered part of the report."""

    key: str
    title: str
    blocks: tuple[Any, ...] = field(default=())

    def tables(self) -> list[Table]:
        """Return all tables, including those of figures."""
        return [b.table if isinstance(b, Figure) else b for b in self.blocks
                if isinstance(b, Figure | Table)]

    def texts(self) -> list[str]:
        """Return all sentences outside tables and figures."""
        out: list[str] = []
        for block in self.blocks:
            if isinstance(block, Text | Heading):
                out.append(block.text)
            elif isinstance(block, Bullets):
                out.extend(block.items)
        return out


@dataclass(frozen=True)
class Cell:
    """The text of a cell, and the number to sort it by."""

    text: str
    key: str = ""

    @classmethod
    def of(cls, value: Any, text: str) -> Cell:
        """Return a value as a cell; numbers and text are written as `text`."""
        if isinstance(value, bool | np.bool_):
            return cls("yes" if value else "no")
        if isinstance(value, int | np.integer):
            # No thousands separator below 10,000, because of years.
            whole = int(value)
            return cls(f"{whole:,}" if abs(whole) >= 10_000 else str(whole), str(whole))
        if isinstance(value, float | np.floating):
            return cls("–" if np.isnan(value) else text, repr(float(value)))
        if is_missing(value):
            return cls("–")
        return cls(text)
