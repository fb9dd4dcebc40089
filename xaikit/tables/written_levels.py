"""Levels of a fit that are neither text nor plain numbers, found by what a CSV holds of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd

from xaikit.tables.wording import is_missing

TRUTHS = ({"True": True, "False": False}, {"true": True, "false": False},
          {"TRUE": True, "FALSE": False})
"""The ways of writing truth values."""
READERS: tuple[tuple[Any, Callable[[str], Any]], ...] = (
    (bool, {word: value for words in TRUTHS for word, value in words.items()}.__getitem__),
    (int | float, lambda text: int(text) if text.lstrip("-").isdecimal() else float(text)),
    (Decimal, Decimal), (datetime, pd.Timestamp), (timedelta, pd.Timedelta),
    (date, date.fromisoformat))
"""How the text of a value is read, by the first type that the value has."""


@dataclass(frozen=True)
class WrittenLevels:
    """The values of the texts of a column.

    Attributes
    ----------
    values : list
        The level that each text stands for; if there is none, a value of the levels' type, or else
        the text itself.
    new : list of str
        The texts that stand for no level.
    unclear : list of str
        Those that stand for several levels, as '1' does for 1 and "1"; the first is taken.
    """

    values: list[Any]
    new: list[str]
    unclear: list[str]


def levels_written(texts: Sequence[str], levels: Sequence[Any]) -> WrittenLevels:
    """Return the levels that the texts of a column stand for.

    Examples
    --------
    >>> found = levels_written(["2024-01-05", "old"], [date(2024, 1, 5), date(2024, 1, 6)])
    >>> found.values, found.new
    ([datetime.date(2024, 1, 5), 'old'], ['old'])
    """
    known = [level for level in levels if not is_missing(level)]
    # Text last, as in a column of several types a number is more likely a number.
    known.sort(key=lambda level: isinstance(level, str))
    spelled: dict[str, list[Any]] = {}
    for level in known:
        spelled.setdefault(str(level), []).append(level)
    equal = {level: level for level in known if not isinstance(level, str)}
    readers = [read for kind, read in READERS if any(_is(level, kind) for level in known)]
    values, new, unclear = [], [], []
    for text in texts:
        found = spelled.get(text) or _equal(text, equal, readers)
        values.append(found[0] if found else _read(text, readers))
        new += [] if found else [text]
        unclear += [text] if len(found) > 1 else []
    return WrittenLevels(values, new, unclear)


def _is(level: Any, kind: Any) -> bool:
    return next((k for k, _ in READERS if isinstance(level, k)), None) is kind


def _equal(text: str, equal: dict[Any, Any], readers: Sequence[Callable[[str], Any]]) -> list[Any]:
    """Return the level that equals what a text may be read as: 1 for '1.0'."""
    read = [_try(reader, text) for reader in readers]
    return [equal[value] for value in read if value is not None and value in equal][:1]


def _read(text: str, readers: Sequence[Callable[[str], Any]]) -> Any:
    read = [_try(reader, text) for reader in readers]
    return next((value for value in read if value is not None), text)


def _try(reader: Callable[[str], Any], text: str) -> Any:
    try:
        return reader(text.strip())
    except (ValueError, KeyError, ArithmeticError):  # Decimal raises the last
        return None
