"""Words and numbers as sentences, labels and axes show them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pandas as pd

from xaikit.tables.labels import labels, numbered, one_line

_GROUPED = 1e12  # larger numbers are written with an exponent
MOST_DIGITS = 9  # beyond, numbers that are shown together may differ by rounding errors


def label_text(text: Any, width: int = 36, among: Iterable[Any] = ()) -> str:
    """Return one text as a label of a plot, unlike those of the other names `among` which it is."""
    alone = labels([text], width)[0]
    # A text that need not change is the same among any others, of which there may be many.
    return escaped(alone if alone == str(text) else labels([text, *among], width)[0])


def label_texts(names: Iterable[Any], width: int = 36) -> list[str]:
    r"""Return names as labels of a plot, no two of which are equal: equal names are numbered.

    Examples
    --------
    >>> label_texts(["age", "US$", "age"])
    ['age', 'US\\$', 'age (2)']
    """
    return [escaped(label) for label in numbered(labels(names, width), width)]


def escaped(text: str) -> str:
    """Return text for a plot: matplotlib reads what is between two dollars as a formula."""
    return text.replace("$", r"\$")


def unescaped(label: str) -> str:
    r"""Undo `escaped` of `label_text` and `cell_text`, for text outside plots."""
    return label.replace(r"\$", "$")


def number(value: float, digits: int = 3) -> str:
    """Write a number with about three digits and a real minus sign.

    Examples
    --------
    >>> number(-0.12345), number(999.7), number(1234567.1), number(1000.25, 6)
    ('−0.123', '1,000', '1,234,567', '1,000.25')
    """
    if not math.isfinite(value):
        return "n/a"
    size = abs(float(value))
    text = significant(size, digits) if size < _GROUPED else f"{size:.{digits}g}"
    if "e" not in text:
        whole, point, rest = text.partition(".")
        text = f"{int(whole):,}{point}{rest}"
    text = text.replace("-", "−")
    return f"−{text}" if value < 0 else text


def method_words(method: str) -> str:
    """Return the name of a method in words, from that of its class.

    Examples
    --------
    >>> method_words("mean |KernelSHAP|"), method_words("PermutationImportance")
    ('mean |Kernel SHAP|', 'permutation importance')
    """

    def words(match: re.Match[str]) -> str:
        parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z]+", match[0])
        return " ".join(p if p.isupper() or p == "Kernel" else p.lower() for p in parts)

    return re.sub(r"\b(?:[A-Z][a-z]+|[A-Z]+(?![a-z])){2,}\b", words, method)


def signed(value: float, digits: int = 3) -> str:
    """Write a number with its sign, which must be readable without colour."""
    text = number(value, digits)
    return f"+{text}" if math.isfinite(value) and value > 0 else text


def numbers(values: Iterable[float], write: Callable[[float, int], str] = number) -> list[str]:
    """Write numbers that are shown together, with digits enough to tell different ones apart.

    Differences between them are shown to about two digits, unless they are rounding errors.

    Examples
    --------
    >>> numbers([999.7, 1000.2]), numbers([0.99999, 1.0]), numbers([0.5, 0.12345])
    (['999.7', '1,000.2'], ['0.99999', '1'], ['0.5', '0.123'])
    >>> numbers([0.3, 0.1 + 0.2, -0.123412, -0.123415], signed)
    ['+0.3', '+0.3', '−0.123412', '−0.123415']
    """
    values = [float(v) for v in values]
    least = digits_of_spread(values, 3)
    most = max(MOST_DIGITS, least + 3)
    alike: dict[str, list[float]] = {}
    for value in values:
        alike.setdefault(write(value, least), []).append(value)
    return [write(v, digits_apart(alike[write(v, least)], least, most)) for v in values]


def digits_of_spread(values: Iterable[float], least: int) -> int:
    """Return the significant digits, `least` or more, that show two digits of the largest gap.

    Examples
    --------
    >>> digits_of_spread([1000.0, 1000.25], 3), digits_of_spread([1.0, 5.0], 3)
    (6, 3)
    """
    known = [v for v in values if math.isfinite(v)]
    spread = max(known, default=0.0) - min(known, default=0.0)
    largest = max(map(abs, known), default=0.0)
    if not spread > 1e-12 * largest or not math.isfinite(spread):
        return least
    return max(least, math.floor(math.log10(largest)) - math.floor(math.log10(spread)) + 2)


def is_missing(value: Any) -> bool:
    """Return whether a single value is missing (None, NaN, NaT, NA)."""
    return bool(pd.api.types.is_scalar(value) and pd.isna(value))


def cut(value: Any, most: int = 80) -> str:
    """Write a value on one line of at most `most` characters."""
    line = one_line(value)
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


def interval(lower: float, upper: float, among: Iterable[float] = ()) -> str:
    """Write an interval, with digits that tell it from the numbers `among` which it is shown.

    An interval that is unknown is a dash.

    Examples
    --------
    >>> interval(-0.5, 0.25), interval(0.99951, 1, among=[0.9997])
    ('−0.5 to 0.25', '0.99951 to 1')
    """
    if not (math.isfinite(lower) and math.isfinite(upper)):
        return "–"
    return " to ".join(numbers([lower, upper, *among])[:2])


def listed(names: Any, most: int = 5, width: int = 60) -> str:
    """Write names of at most `width` characters as `a, b and c`, or as `a, b, … (7 in all)`.

    Different names stay different.

    Examples
    --------
    >>> listed(["a", "b", "c"]), listed("abcdefg", 2)
    ('a, b and c', 'a, b, … (7 in all)')
    """
    names = labels(names, width)
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
    text = f"{value:.{digits}g}"
    # An everyday number with an exponent has more digits before the point, or was rounded up.
    return f"{value:.0f}" if "e" in text and 1e-4 <= abs(value) < 1e15 else text


def digits_apart(values: Sequence[int | float], least: int = 4, most: int = 17) -> int:
    """Return the fewest significant digits, `least` or more, that tell all numbers apart.

    Numbers that `most` digits do not tell apart count as equal.

    Examples
    --------
    >>> digits_apart([0.1, 0.2]), digits_apart([0.123451, 0.123452])
    (4, 6)
    >>> digits_apart([0.3, 0.1 + 0.2], most=9)
    4
    """
    distinct = len({significant(v, most) for v in values}) if most < 17 else len(set(values))
    for digits in range(least, most):
        if len({significant(value, digits) for value in values}) == distinct:
            return digits
    return max(least, most)


def plain_text(value: Any) -> str:
    """Return the text of a value; of an object that has none of its own, what it is.

    An address in memory would be another one in every run.

    Examples
    --------
    >>> plain_text(7), plain_text(object())
    ('7', 'object')
    """
    kind = type(value)
    plain = kind.__str__ is object.__str__ and kind.__repr__ is object.__repr__
    return kind.__name__ if plain else str(value)


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
    text = plain_text(value)
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
