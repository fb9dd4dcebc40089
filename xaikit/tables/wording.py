"""Words and numbers as sentences, labels and axes show them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd


def label_text(text: Any, width: int = 36) -> str:
    """Return text as a label of a plot: one line of at most `width` characters, `$` escaped."""
    line = _one_line(text)
    if len(line) > width:
        # Cut in the middle: one-hot columns such as job=clerk differ at the end.
        tail = (width - 1) * 2 // 5
        line = line[: width - 1 - tail] + "…" + line[len(line) - tail:]
    return line.replace("$", r"\$")  # matplotlib reads text between two dollars as a formula


def unescaped(label: str) -> str:
    r"""Undo the ``\$`` of `label_text` and `cell_text`, for text outside plots."""
    return label.replace(r"\$", "$")


def number(value: float) -> str:
    """Write a number with about three digits and a real minus sign."""
    if not math.isfinite(value):
        return "n/a"
    if value == 0:
        return "0"  # not "−0"
    if 1000 <= abs(value) < 1e9:
        return f"{value:,.0f}".replace("-", "−")
    return f"{value:.3g}".replace("-", "−")


def signed(value: float) -> str:
    """Write a number with its sign, which must be readable without colour."""
    return f"+{number(value)}" if math.isfinite(value) and value > 0 else number(value)


def is_missing(value: Any) -> bool:
    """Return whether a single value is missing (None, NaN, NaT, NA)."""
    return bool(pd.api.types.is_scalar(value) and pd.isna(value))


def cell_text(value: Any, width: int = 20) -> str:
    """Return a feature's value as a label: `39`, `0.1235`, `2024-05-01`, `missing`, `Private`."""
    if is_missing(value):
        return "missing"
    if isinstance(value, pd.Timestamp):
        return value.strftime("%Y-%m-%d" if value == value.normalize() else "%Y-%m-%d %H:%M")
    if isinstance(value, float | np.floating):
        return _describe_float(float(value))
    return label_text(value, width)


def _describe_float(value: float) -> str:
    if value.is_integer() and abs(value) < 1e15:
        return f"{value + 0.0:.0f}".replace("-", "−")  # adding 0 turns -0 into 0
    text = f"{value:.1f}".removesuffix(".0") if 1000 <= abs(value) < 1e9 else f"{value:.4g}"
    return text.replace("-", "−")


def _one_line(value: Any) -> str:
    # Control characters would make an SVG invalid, and a newline would push labels apart.
    return " ".join("".join(c if c.isprintable() else " " for c in str(value)).split())


def cut(value: Any, most: int = 80) -> str:
    """Write a value on one line of at most `most` characters."""
    line = _one_line(value)
    return line if len(line) <= most else line[: most - 1] + "…"


def percent(share: float, digits: int = 1) -> str:
    """Write a share as a percentage.

    Examples
    --------
    >>> percent(0.12345), percent(1.0), percent(-0.5), percent(0.00001)
    ('12.3 %', '100 %', '−50 %', 'under 0.1 %')
    """
    if not math.isfinite(share):
        return "n/a"
    least = 10.0**-digits / 2
    if 0 < 100 * share < least:  # a share above 0 must not read as 0
        return f"under {2 * least:g} %"
    if least > 100 * (1 - share) > 0:
        return f"over {100 - 2 * least:g} %"
    text = f"{100 * share:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"{text} %".replace("-", "−")


def interval(lower: float, upper: float) -> str:
    """Write an interval, or a dash if it is unknown.

    Examples
    --------
    >>> interval(-0.5, 0.25)
    '−0.5 to 0.25'
    """
    if not (math.isfinite(lower) and math.isfinite(upper)):
        return "–"
    return f"{number(lower)} to {number(upper)}"


def listed(names: Any, most: int = 5, width: int = 60) -> str:
    """Write names of at most `width` characters as `a, b and c`, or as `a, b, … (7 in all)`.

    Examples
    --------
    >>> listed(["a", "b", "c"]), listed("abcdefg", 2)
    ('a, b and c', 'a, b, … (7 in all)')
    """
    names = [cut(n, width) for n in names]
    if len(names) > most:
        return f"{', '.join(names[:most])}, … ({len(names)} in all)"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def plural(count: int, noun: str) -> str:
    """Write how many there are of a noun.

    Examples
    --------
    >>> plural(1, "row"), plural(12000, "row")
    ('1 row', '12,000 rows')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def significant(value: int | float | Decimal | Fraction, digits: int) -> str:
    """Write a number with some significant digits, but never fewer than stand before the point.

    Whole numbers, Decimals and Fractions are written in full.

    Examples
    --------
    >>> significant(0.123456, 4), significant(45123.4, 4), significant(2**60 + 1, 4)
    ('0.1235', '45123', '1152921504606846977')
    """
    if isinstance(value, int | Fraction):
        return str(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    value += 0.0  # which turns -0 into 0
    if 10.0**digits <= abs(value) < 1e15:
        return f"{value:.0f}"
    return f"{value:.{digits}g}"


def digits_apart(values: Sequence[int | float], least: int = 4) -> int:
    """Return the fewest significant digits, `least` or more, that tell all numbers apart.

    Examples
    --------
    >>> digits_apart([0.1, 0.2]), digits_apart([0.123451, 0.123452])
    (4, 6)
    """
    for digits in range(least, 17):
        if len({significant(value, digits) for value in values}) == len(set(values)):
            return digits
    return 17


def level_text(value: Any, alone: bool = True) -> str:
    """Write a level; text is in quotes if it could be read as something else.

    Parameters
    ----------
    value : object
        A level that is not missing.
    alone : bool
        Whether it is shown by itself, and not in a list.

    Examples
    --------
    >>> [level_text(v) for v in ("Ulm", 7, "7", "", " Ulm")]
    ['Ulm', '7', "'7'", "''", "' Ulm'"]
    """
    text = str(value)
    if not isinstance(value, str):
        return text
    odd = not text or text != text.strip() or not text.isprintable() or text[0] in "'\"" \
        or text == "missing" or text.endswith(" or missing") or _reads_as_value(text)
    in_list = not alone and (", " in text or " or " in text)
    return repr(text) if odd or in_list else text


def _reads_as_value(text: str) -> bool:
    """Return whether text looks like a number, a truth value or a date."""
    if text in ("True", "False"):
        return True
    for read in (float, datetime.fromisoformat):
        try:
            read(text)
        except ValueError:
            continue
        return True
    return False
