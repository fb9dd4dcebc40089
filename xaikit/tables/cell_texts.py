"""Cells of a table as labels of plots and reports: different values have different texts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from xaikit.tables.labels import labels, numbered
from xaikit.tables.wording import (
    MOST_DIGITS,
    digits_apart,
    digits_of_spread,
    escaped,
    is_missing,
    plain_text,
    significant,
)


def cell_texts(values: Iterable[Any], width: int = 20) -> list[str]:
    """Return values of a feature as labels of a plot; different values have different labels.

    Words are cut at `width` characters. Words that could be read as something else are in quotes.

    Examples
    --------
    >>> cell_texts([39, 0.12345, None, "missing", "39", "", " Ulm"])
    ['39', '0.1235', 'missing', "'missing'", "'39'", "''", "' Ulm'"]
    >>> cell_texts([pd.Timestamp("2024-05-01"), pd.Timestamp("2024-05-01 07:30:10")])
    ['2024-05-01 00:00', '2024-05-01 07:30']
    """
    given = [_key(v) for v in values]
    keys = list(dict.fromkeys(given))
    texts = _numbers_and_times([value for _, value in keys])
    left = [i for i in range(len(keys)) if i not in texts]
    plain = {"missing", *texts.values(), *(plain_text(v) for _, v in keys
                                           if not isinstance(v, str))}
    words = [repr(v) if isinstance(v, str) and (v in plain or v != v.strip()) else
             str(v).replace("-", "−") if isinstance(v, int | np.integer) else plain_text(v)
             for v in (keys[i][1] for i in left)]
    texts |= zip(left, labels(words, width), strict=True)
    unique = numbered(_with_types([texts[i] for i in range(len(keys))], keys))
    found = dict(zip(keys, map(escaped, unique), strict=True))
    return [found[key] for key in given]


def _with_types(texts: list[str], keys: list[tuple[str, Any]]) -> list[str]:
    """Return texts with the types of what is written alike, if these differ: 1 (int), 1 (float)."""
    types: dict[str, set[str]] = {}
    for text, (kind, _) in zip(texts, keys, strict=True):
        types.setdefault(text, set()).add(kind)
    return [f"{text} ({kind})" if kind and len(types[text]) > 1 else text
            for text, (kind, _) in zip(texts, keys, strict=True)]


def texts_of_columns(columns: Sequence[Sequence[Any]], width: int = 20,
                     others: Sequence[Iterable[Any]] = ()) -> list[list[str]]:
    """Return cells of several columns as labels of one plot or table; different ones differ.

    The cells of a column are written together, and with more digits only if they would read like a
    different cell of another column. Numbers that agree to nine digits count as equal.

    Parameters
    ----------
    columns : sequence of sequences
        Cells by column.
    width : int
        Words are cut at that many characters.
    others : sequence of iterables, optional
        Further values of each column. A cell that is cut is unlike them too.

    Examples
    --------
    >>> texts_of_columns([[0.5, 0.123451], [0.123452], ["0.5"], [1], [1.0]])
    [['0.5', '0.123451'], ['0.123452'], ["'0.5'"], ['1'], ['1']]
    """
    found = [text for cells in columns for text in cell_texts(cells, width)]
    cells = [cell for own in columns for cell in own]
    column_of = [c for c, own in enumerate(columns) for _ in own]
    words = [i for i, cell in enumerate(cells) if isinstance(cell, str) or "…" in found[i]]
    cut_in = dict.fromkeys(column_of[i] for i in words if "…" in found[i])
    beside = [v for c in cut_in if c < len(others) for v in others[c]]
    for i, text in zip(words, cell_texts([*(cells[i] for i in words), *beside], width),
                       strict=False):
        found[i] = text
    alike: dict[str, dict[Any, list[int]]] = {}
    for i, cell in enumerate(cells):
        alike.setdefault(found[i], {}).setdefault(_meaning(cell), []).append(i)
    for groups in alike.values():
        if len(groups) > 1:
            firsts = [cells[places[0]] for places in groups.values()]
            for places, text in zip(groups.values(), cell_texts(firsts, width), strict=True):
                for i in places:
                    found[i] = text
    texts = iter(found)
    return [[next(texts) for _ in own] for own in columns]


def _meaning(cell: Any) -> tuple[str, Any]:
    """Return what cells of several columns share if they say the same: 1 and 1.0, but not "1"."""
    if is_missing(cell):
        return "missing", None
    if isinstance(cell, datetime | date):
        return "time", str(pd.Timestamp(cell))
    if isinstance(cell, float | np.floating | Decimal) and math.isfinite(cell):
        value = float(cell)
        return "", value if value.is_integer() else float(f"{value:.{MOST_DIGITS}g}")
    return "text" if isinstance(cell, str) else "", cell


def _key(value: Any) -> tuple[str, Any]:
    """Return what tells cells apart: 1, 1.0 and True are equal, but of different types."""
    return ("", None) if is_missing(value) else (type(value).__name__, value)


def _numbers_and_times(values: list[Any]) -> dict[int, str]:
    """Return the texts of missing values, numbers with a point, and times, by position."""
    texts = {i: "missing" for i, v in enumerate(values) if v is None}
    texts |= {i: duration_text(v) for i, v in enumerate(values) if isinstance(v, timedelta)}
    floats = {i: float(v) for i, v in enumerate(values) if isinstance(v, float | np.floating)}
    times = {i: v for i, v in enumerate(values) if isinstance(v, pd.Timestamp)}
    shown = [_describe_float(v) for v in floats.values()]
    digits = digits_of_spread(floats.values(), 4)
    if digits > 4 or len(set(shown)) < len(floats):
        digits = digits_apart(list(floats.values()), digits)
        shown = [significant(v, digits).replace("-", "−") for v in floats.values()]
    patterns = ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f"]
    if any(not 1 <= v.year <= 9999 for v in times.values()):  # which strftime does not take
        return texts | dict(zip(floats, shown, strict=True)) | {i: str(v) for i, v in times.items()}
    # `normalize` overflows beside the first and the last nanosecond of 64 bits.
    if all(v.time() == time(0) and not v.nanosecond for v in times.values()):
        patterns = ["%Y-%m-%d"]
    written = [[v.strftime(pattern) for v in times.values()] for pattern in patterns]
    # In full, with nanoseconds and time zones, if nothing shorter tells them apart.
    written.append([str(v) for v in times.values()])
    best = next((w for w in written if len(set(w)) == len(times)), written[-1])
    return texts | dict(zip(floats, shown, strict=True)) | dict(zip(times, best, strict=True))


def duration_text(value: timedelta) -> str:
    """Write a duration in full, with one minus for all of it.

    Examples
    --------
    >>> [duration_text(pd.Timedelta(hours=h)) for h in (1.5, -30, 48)]
    ['01:30:00', '−1 day 06:00:00', '2 days']
    """
    try:
        days, _, clock = str(abs(pd.Timedelta(value))).partition(" days")
    except (OverflowError, ValueError):  # beyond 64 bits, as Python's may be
        return str(value)
    clock, minus = clock.strip(" +"), "−" if value < timedelta(0) else ""
    clock = clock.rstrip("0") if "." in clock else clock
    if days == "0" and clock:
        return f"{minus}{clock}"
    rest = "" if clock in ("", "00:00:00") else f" {clock}"
    return f"{minus}{days} day{'' if days == '1' else 's'}{rest}"


def _describe_float(value: float) -> str:
    if value.is_integer() and abs(value) < 1e15:
        return f"{value + 0.0:.0f}".replace("-", "−")  # adding 0 turns -0 into 0
    text = f"{value:.1f}".removesuffix(".0") if 1000 <= abs(value) < 1e15 else f"{value:.4g}"
    return text.replace("-", "−")
