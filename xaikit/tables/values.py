"""Single values as conditions hold them: plain Python values, and those values as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from xaikit.tables.dtypes import is_counted
from xaikit.tables.wording import is_missing

ORDERED = ("number", "time", "duration", "date")
"""Kinds of values that can be bounds."""


def plain_value(value: Any) -> Any:
    """Return a value as Python's own type, and times as pandas' types if it has their unit.

    Examples
    --------
    >>> plain_value(np.float32(0.5)), plain_value(np.datetime64("2024-05-01"))
    (0.5, Timestamp('2024-05-01 00:00:00'))
    """
    if isinstance(value, np.datetime64 | datetime):
        return pd.Timestamp(value)
    if isinstance(value, np.timedelta64 | timedelta):
        return pd.Timedelta(value) if is_counted(value) else value
    if isinstance(value, np.floating):
        return float(value)
    return value.item() if isinstance(value, np.generic) else value


def kind_of_value(value: Any) -> str:
    """Name the kind of a plain value: number, text, time, duration, date or other."""
    kinds = {"number": bool | int | float | Decimal | Fraction, "text": str, "time": pd.Timestamp,
             "duration": pd.Timedelta, "date": date}
    return next((kind for kind, types in kinds.items() if isinstance(value, types)), "other")


def as_bound(value: Any, name: str) -> Any:
    """Return a bound as a plain value, None for none.

    Raises
    ------
    TypeError
        If it is neither a number, nor a time, a duration or a date.
    ValueError
        If it is missing, or beyond the range of floats.
    """
    if value is None:
        return None
    value = plain_value(value)
    if is_missing(value):
        raise ValueError(f"{name} is a missing value; leave it out for no bound.")
    if isinstance(value, bool) or kind_of_value(value) not in ORDERED:
        raise TypeError(f"{name} must be a number, a time, a duration or a date, got {value!r}.")
    return _in_range(value, name)


def distinct(values: Iterable[Any], name: str) -> list[Any]:
    """Return the distinct ones of some plain values: numbers by size, all else as text.

    Raises
    ------
    TypeError
        If `values` is not a list of single values.
    ValueError
        If a whole number is beyond the range of floats.
    """
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(f"{name} must be a list of values, got {values!r}.")
    plain = [_in_range(plain_value(v), name) for v in values]
    try:
        return list(dict.fromkeys(sorted(plain, key=_place)))
    except TypeError as error:
        raise TypeError(f"{name} must hold single values, such as text and numbers: "
                        f"{error}.") from error


def _in_range(value: Any, name: str) -> Any:
    if isinstance(value, int) and abs(value) >= 2**1023:
        raise ValueError(f"{name} holds a whole number beyond the range of floats.")
    return value


def _place(value: Any) -> tuple[str, Any, str]:
    number = kind_of_value(value) == "number" and value == value
    # Python compares a Decimal with no Fraction.
    exact = Fraction(value) if isinstance(value, Decimal) and value.is_finite() else value
    return kind_of_value(value), exact if number else math.inf, str(value)


def encode_value(value: Any) -> Any:
    """Return a plain value as what JSON holds; numbers keep every bit.

    Raises
    ------
    TypeError
        For a value of another kind than `kind_of_value` names.
    """
    kind = kind_of_value(value)
    if kind == "time":
        if value.tz is None:
            return {"time": value.isoformat()}
        # In UTC, as an hour comes twice when clocks are set back.
        return {"time": value.tz_convert("UTC").isoformat(), "zone": str(value.tz)}
    if kind in ("duration", "date"):
        return {kind: value.isoformat()}
    if isinstance(value, float) and not math.isfinite(value):
        return {"number": str(value)}
    if isinstance(value, Decimal | Fraction):
        return {type(value).__name__.lower(): str(value)}
    if kind == "other":
        raise TypeError(f"cannot write {value!r} of type {type(value).__name__} as JSON; expected "
                        "numbers, text, truth values, dates, times or durations.")
    return value


def decode_value(code: Any) -> Any:
    """Undo `encode_value`."""
    if not isinstance(code, dict):
        return code
    (kind, text), *_ = code.items()
    if kind == "time":
        time = pd.Timestamp(text)
        return time.tz_convert(code["zone"]) if "zone" in code else time
    readers = {"number": float, "decimal": Decimal, "fraction": Fraction, "duration": pd.Timedelta,
               "date": date.fromisoformat}
    if kind not in readers:
        raise ValueError(f"expected a value of one of the kinds time, {', '.join(readers)}; got "
                         f"{kind!r}.")
    return readers[kind](text)
