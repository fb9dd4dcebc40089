"""What a report is made of: sections of sentences, tables and figures, all of them plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from xaikit.tables.wording import number

LONGEST_TEXT = 80  # characters of a cell: a column of reviews must not turn a table into a book
SHORT_TEXT = 24


@dataclass(frozen=True)
class Text:
    """One paragraph."""

    text: str
    kind: ClassVar[str] = "text"


@dataclass(frozen=True)
class Heading:
    """The name of what follows, one level below the section's title."""

    text: str
    kind: ClassVar[str] = "heading"


@dataclass(frozen=True)
class Bullets:
    """Sentences of equal standing."""

    items: tuple[str, ...]
    kind: ClassVar[str] = "bullets"


@dataclass(frozen=True)
class Table:
    """A frame with a caption; `folded` tables open on a click."""

    name: str
    caption: str
    frame: pd.DataFrame
    folded: bool = False
    timing: bool = False
    longest: int = LONGEST_TEXT
    kind: ClassVar[str] = "table"

    @property
    def rows(self) -> list[list[Cell]]:
        """The cells as they are shown."""
        columns = [[Cell.of(v, self.longest) for v in self.frame.iloc[:, j]]
                   for j in range(self.frame.shape[1])]
        return [list(row) for row in zip(*columns, strict=True)]

    @property
    def numeric(self) -> list[bool]:
        """Say for each column whether it holds numbers (set flush right)."""
        return [pd.api.types.is_numeric_dtype(d) and not pd.api.types.is_bool_dtype(d)
                for d in self.frame.dtypes]

    @property
    def looks(self) -> list[str]:
        """Give each column's class: n for numbers, s for text short enough not to be broken."""
        short = [all(len(str(v)) <= SHORT_TEXT for v in self.frame.iloc[:, j])
                 for j in range(self.frame.shape[1])]
        return ["n" if n else "s" if s else "" for n, s in zip(self.numeric, short, strict=True)]


@dataclass(frozen=True)
class Figure:
    """A drawing, what it shows in words, and its numbers as a table."""

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
        """Give all tables, those of figures too."""
        return [b.table if isinstance(b, Figure) else b for b in self.blocks
                if isinstance(b, Figure | Table)]

    def texts(self) -> list[str]:
        """Give all sentences outside tables and figures."""
        out: list[str] = []
        for block in self.blocks:
            if isinstance(block, Text | Heading):
                out.append(block.text)
            elif isinstance(block, Bullets):
                out.extend(block.items)
        return out


@dataclass(frozen=True)
class Cell:
    """A cell as it is shown, and what to sort it by."""

    text: str
    key: str = ""

    @classmethod
    def of(cls, value: Any, longest: int = LONGEST_TEXT) -> Cell:
        """Show a value."""
        if isinstance(value, bool | np.bool_):
            return cls("yes" if value else "no")
        if isinstance(value, int | np.integer):
            # No thousands separator below 10,000: years read better without one.
            whole = int(value)
            return cls(f"{whole:,}" if abs(whole) >= 10_000 else str(whole), str(whole))
        if isinstance(value, float | np.floating):
            return cls("–" if np.isnan(value) else number(float(value)), repr(float(value)))
        if pd.api.types.is_scalar(value) and pd.isna(value):
            return cls("–")
        return cls(cut(value, longest))


def cut(value: Any, most: int = LONGEST_TEXT) -> str:
    """Write a value on one line of at most `most` characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in str(value)).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def percent(share: float, digits: int = 1) -> str:
    """Write a share as a percentage.

    Examples
    --------
    >>> percent(0.12345), percent(1.0), percent(0.00001)
    ('12.3 %', '100 %', 'under 0.1 %')
    """
    if not np.isfinite(share):
        return "n/a"
    least = 10.0**-digits / 2
    if 0 < 100 * share < least:  # next to nothing is not nothing
        return f"under {2 * least:g} %"
    if least > 100 * (1 - share) > 0:
        return f"over {100 - 2 * least:g} %"
    text = f"{100 * share:.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} %"


def interval(lower: float, upper: float) -> str:
    """Write an interval, or a dash where it is not known.

    Examples
    --------
    >>> interval(-0.5, 0.25)
    '−0.5 to 0.25'
    """
    if not (np.isfinite(lower) and np.isfinite(upper)):
        return "–"
    return f"{number(lower)} to {number(upper)}"


def listed(names: Any, most: int = 5) -> str:
    """Write names as `a, b and c`, beyond `most` as `a, b, … (7 in all)`.

    Examples
    --------
    >>> listed(["a", "b", "c"]), listed("abcdefg", 2)
    ('a, b and c', 'a, b, … (7 in all)')
    """
    names = [cut(n, 60) for n in names]
    if len(names) > most:
        return f"{', '.join(names[:most])}, … ({len(names)} in all)"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def plural(count: int, noun: str) -> str:
    """Count a noun.

    Examples
    --------
    >>> plural(1, "row"), plural(12000, "row")
    ('1 row', '12,000 rows')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
