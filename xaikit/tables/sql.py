"""Names and values in SQL: standard syntax that SQLite reads too, and reads to the last bit."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

from xaikit.tables.values import kind_of_value


def identifier(name: str) -> str:
    """Quote the name of a column.

    Examples
    --------
    >>> print(identifier('the "best" age'))
    "the ""best"" age"
    """
    return '"' + _checked(name).replace('"', '""') + '"'


def literal(value: Any) -> str:
    """Write a plain value.

    Decimals are written in full, for a column of NUMERIC. Times are text as Python and pandas store
    them, ``'2024-05-01 12:00:00'``, with as many digits after the second as they have.

    Raises
    ------
    ValueError
        For what SQL has no portable literal for: durations, times of a zone, whole numbers of more
        than 64 bits, text that is not Unicode or holds NUL, and values of other types.

    Examples
    --------
    >>> [literal(v) for v in ("it's", 3, 0.5, True)]
    ["'it''s'", '3', '0.5', '(1 = 1)']
    """
    kind = kind_of_value(value)
    if isinstance(value, bool):
        # TRUE is standard too, but SQLite reads it as a column where a table has one of that name.
        return "(1 = 1)" if value else "(1 = 0)"
    if isinstance(value, int):
        if not -2**63 <= value < 2**63:
            raise ValueError(f"SQL's whole numbers have 64 bits, so it cannot hold {value}.")
        return str(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, Decimal) and value.is_finite():
        return f"{value:f}"
    if kind == "text":
        return "'" + _checked(value).replace("'", "''") + "'"
    if kind == "date" or (kind == "time" and value.tz is None):
        return f"'{value}'"
    raise ValueError(f"SQL has no portable literal for {value!r}: write the column as numbers, "
                     "text, or times without a zone.")


def _checked(text: str) -> str:
    if "\0" in text or any("\ud800" <= c <= "\udfff" for c in text):
        raise ValueError(f"SQL cannot hold {text!r}: NUL and half characters have no literal.")
    return text


def _float(value: float) -> str:
    """Write a float so that every database reads the same bits.

    One rounding is enough if the digits fit 53 bits, the power of ten is exact, and the digits are
    not next to halfway between two floats, where a reader with wider floats rounds twice. All else
    is written as a whole number times powers of two: SQLite 3.40 is off by one bit on some of it.
    """
    if math.isinf(value):
        return "9e999" if value > 0 else "-9e999"
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    whole = int("".join(map(str, digits)))
    off = abs(Fraction(repr(value)) - Fraction(value)) / Fraction(math.ulp(value))
    if whole < 2**53 and abs(int(exponent)) <= 22 and off < Fraction(511, 1024):
        return repr(value)
    numerator, denominator = abs(value).as_integer_ratio()
    shift = denominator.bit_length() - 1
    if numerator >= 2**53:
        shift = -((numerator & -numerator).bit_length() - 1)
        numerator >>= -shift
    operator, steps = ("/", shift) if shift > 0 else ("*", -shift)
    powers = [2**60] * (steps // 60) + [2 ** (steps % 60)] * (steps % 60 > 0)
    factors = "".join(f" {operator} {power}" for power in powers)
    return f"({'-' * sign}CAST({numerator} AS DOUBLE PRECISION){factors})"
