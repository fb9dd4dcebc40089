"""Names and values in the language of `DataFrame.query`, so that it compares exactly."""

from __future__ import annotations

import keyword
import math
import warnings
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from xaikit.tables.values import kind_of_value

METHODS = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
LARGE = 2**53
"""From here on not every whole number is a float."""


@lru_cache(maxsize=1024)
def query_name(name: str) -> str:
    """Write the name of a column, in backticks if need be.

    Raises
    ------
    ValueError
        If the installed pandas cannot read the name in a query: one with a backtick or a line
        break, for instance.
    """
    written = name if name.isidentifier() and not keyword.iskeyword(name) else f"`{name}`"
    frame = pd.DataFrame({name: [0, 1]})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # As conditions use it: more than once, and beside text with the other quotes.
            found = frame.query(f"({written} == 1 or {written}.isna()) and {written} not in "
                                "['b', \"'\"]").index.tolist()
    except Exception:
        found = []
    if found != [1]:
        raise ValueError(f"DataFrame.query cannot read the column name {name!r}; rename the "
                         "column, or use the condition's mask.")
    return written


def query_bound(name: str, sign: str, value: Any) -> str:
    """Compare a column with a plain value; `sign` is one of <, <=, > and >=.

    Raises
    ------
    ValueError
        If a query has no way to write the value.
    """
    kind = _kind(value)
    if kind == "number":
        column = _as_exact(name, [value], single=True)
        if column.endswith("('object')"):
            # A method, as pandas with numexpr cannot compare objects with a negative number.
            return f"{column}.{METHODS[sign]}({_number(value)})"
        return f"{column} {sign} {_number(value)}"
    if kind == "time":
        utc = value if value.tz is None else value.tz_convert("UTC")
        return f"{name} {sign} '{utc}'"
    if kind == "duration":
        return f"{name}.astype('timedelta64[ns]') {sign} '{value}'"
    return f"{name}.astype('str') {sign} '{value}'"


def query_levels(name: str, levels: tuple[Any, ...], negated: bool = False) -> str:
    """Compare a column with some plain values: equal to one of them, or to none.

    Raises
    ------
    ValueError
        If a query has no way to write a level.
    """
    word, link = ("not in", " and ") if negated else ("in", " or ")
    listed = [v for v in levels if _kind(v) in ("number", "text")]
    dates = [v for v in levels if kind_of_value(v) == "date"]
    parts = []
    if listed:
        # Arrow looks zeros up by their bits, so both are listed.
        zero = ["-0.0"] * any(isinstance(v, float) and v == 0.0 for v in listed)
        written = ", ".join([ascii(v) if isinstance(v, str) else _number(v) for v in listed] + zero)
        parts.append(f"{_as_exact(name, listed)} {word} [{written}]")
    if dates:
        parts.append(f"{name}.astype('str') {word} [{', '.join(repr(str(v)) for v in dates)}]")
    for value in levels:
        kind = kind_of_value(value)
        if kind in ("time", "duration"):
            # pandas compares times with text by order, but takes == for a test among texts.
            first, second = ("<", ">") if negated else ("<=", ">=")
            both = " or " if negated else " and "
            parts.append(f"({query_bound(name, first, value)}{both}"
                         f"{query_bound(name, second, value)})")
    return parts[0] if len(parts) == 1 else f"({link.join(parts)})"


def _kind(value: Any) -> str:
    """Return `kind_of_value`, or raise ValueError for what a query has no way to write."""
    kind = kind_of_value(value)
    if kind == "other" or isinstance(value, Decimal | Fraction):
        raise ValueError(f"DataFrame.query cannot hold {value!r} of type "
                         f"{type(value).__name__}; use the condition's mask.")
    return kind


def _number(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    if math.isinf(value):
        return "1e999" if value > 0 else "-1e999"
    # Whole, so that pandas does not compare a column of whole numbers as floats.
    return str(int(value)) if value.is_integer() and abs(value) < LARGE else repr(value)


def _as_exact(name: str, values: list[Any], single: bool = False) -> str:
    """Write a column so that pandas compares it with numbers without rounding them.

    Beyond 2**53 pandas may compare whole numbers as floats; objects compare as in Python. With
    `single`, numbers that float32 cannot hold matter too: pandas rounds them beside such a column.
    """
    numbers = [abs(v) for v in values if not isinstance(v, str) and not math.isinf(v)]
    if any(v >= LARGE for v in numbers):
        return f"{name}.astype('object')"
    with np.errstate(over="ignore"):
        rounded = single and any(float(np.float32(v)) != v for v in numbers)
    return f"{name}.astype('float64')" if rounded else name
