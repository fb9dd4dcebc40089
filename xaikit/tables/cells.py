"""What the cells of a text file hold: numbers, truth values or text, and which are missing."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from xaikit.tables.wording import is_missing
from xaikit.tables.written_levels import TRUTHS

MARKERS = frozenset({
    "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>",
    "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"})
"""Texts that programs write for a missing number (those that pandas reads so)."""
EXACT = 2**53
"""Whole numbers up to this one are floats without rounding."""

_INFINITE = r"-?[Ii]nf(?:inity)?"
_WHOLE = re.compile(r"0|-?[1-9][0-9]*")
_POWER = r"(?:[eE][+-]?[0-9]+)?"
_PLAIN = re.compile(rf"-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+){_POWER}|{_INFINITE}")
_PADDED = re.compile(rf"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+){_POWER}|\+?{_INFINITE}")
# Any digits and signs that people write into numbers: also '1,234', '0x1F', '1_000' and Arabic.
_SIMILAR = re.compile(r"[+-]?[\d.,_'’ \u00a0\u202f]*\d[\d.,_'’ \u00a0\u202f]*(?:[eE][+-]?\d+)?\s*%?"
                      r"|0[xX][0-9a-fA-F]+")
_DIGITS = b"0123456789.+-eE\n"
_LONG = re.compile(r"\n-?[0-9]{16}")
_LED = re.compile(r"\n(?:\+|-?0[0-9])")
# Programs write the sign of an exponent, or a decimal point; 12E4 may as well be a code.
_MAYBE_CODE = re.compile(r"[0-9]+[eE][0-9]+")


@dataclass(frozen=True)
class FittedColumn:
    """What is known of a column before its cells are read.

    Attributes
    ----------
    kind : {"number", "boolean", "text", "levels"} or None
        "levels" if they are dates, objects or of several types; None if only the name is known.
    levels : tuple or None
        The levels that an encoder or a tree was fitted with; NaN among them if it was one.
    category : bool
        Whether the model was fitted on a pandas category.
    hashed : bool
        Whether the model takes text and truth values for categories, tells the two apart, and
        knows neither its levels nor missing ones: CatBoost.
    whose : str
        Who knows it, for sentences.
    """

    kind: str | None = None
    levels: tuple[Any, ...] | None = None
    category: bool = False
    hashed: bool = False
    whose: str = "the model was fitted on"

    @classmethod
    def of_levels(cls, levels: Any, **more: Any) -> FittedColumn:
        """Return a column of some levels, whose type is the kind.

        Examples
        --------
        >>> FittedColumn.of_levels(["01067", float("nan")]).kind
        'text'
        """
        cells = pd.Series(levels, dtype=getattr(levels, "dtype", object))
        own = tuple(v.item() if isinstance(v, np.generic) else v for v in cells)
        known = [v for v in own if not is_missing(v)]
        kinds = (("text", str), ("boolean", bool), ("number", (int, float)))
        kind = next((k for k, types in kinds if known and all(isinstance(v, types) for v in known)),
                    "levels" if known else None)
        # Encoders that were fitted on objects compare them with objects only.
        objects = str(getattr(levels, "dtype", "")) == "object" and not more.get("category")
        return cls("levels" if objects and kind in ("boolean", "number") else kind, own, **more)

    def has_level(self, text: str) -> bool:
        """Return whether a text is one of the levels."""
        return self.levels is not None and text in self.levels

    @property
    def has_missing(self) -> bool:
        """Return whether missing is one of the levels."""
        return self.levels is not None and any(map(is_missing, self.levels))

    @property
    def gap(self) -> Any:
        """The missing value of the fit: None if it was a level and NaN was none, else NaN."""
        gone = [level for level in self.levels or () if is_missing(level)]
        return None if gone and all(level is None for level in gone) else math.nan


@dataclass(frozen=True)
class Decision:
    """What a column is read as.

    Attributes
    ----------
    kind : {"number", "boolean", "text", "levels"}
    missing : set of str
        The cells that are missing.
    decided : bool
        Whether the user, the model or another table decided it, and not the cells.
    digits : Digits, optional
        The cells that are not missing, if they are known to be plain numbers.
    """

    kind: str
    missing: frozenset[str]
    decided: bool
    digits: Digits | None = None


@dataclass(frozen=True)
class Digits:
    """The plain numbers of a column, in which int64 or float64 loses nothing.

    Attributes
    ----------
    values : list of int or float
    powers : bool
        Whether some have exponents.
    """

    values: list[Any]
    powers: bool

    @classmethod
    def of(cls, texts: Sequence[str], gaps: bool, decimal: str) -> Digits | None:
        """Read texts as plain numbers by looking at them as a whole; None leaves it open.

        Text that Python reads as a float, and that has no other characters than digits, points and
        signs, and neither a plus nor another zero in front, is plain.

        Examples
        --------
        >>> [Digits.of(t, False, ".") for t in (["-1.50", "2"], ["007"], [" 7"])]
        [Digits(values=[-1.5, 2.0], powers=False), None, None]
        """
        joined = "\n".join(["", *texts, ""])
        if decimal != "." or not texts or not joined.isascii() \
                or joined.count("\n") > len(texts) + 1 \
                or joined.encode().translate(None, _DIGITS) or _LED.search(joined):
            return None
        powers = "e" in joined or "E" in joined
        whole = not (gaps or powers or "." in joined or "\n-0\n" in joined)
        longest = max(map(len, texts))
        if longest > (18 if whole else 300) or (not whole and _LONG.search(joined)):
            return None  # may be too large
        try:
            values = list(map(int if whole else float, texts))
        except ValueError:
            return None
        wide = [t for t in texts if "e" in t or "E" in t] if powers else []
        return None if any(map(_overflows, wide)) else cls(values, powers)


def decide(
    texts: Sequence[str], known: FittedColumn, is_text: bool, na_values: Sequence[str], decimal: str
) -> Decision:
    """Decide what the different cells of a column are.

    A column is one of numbers if each cell that is not missing is a number, and writing the number
    would lose nothing: it has no zeros or plus in front, and int64 or float64 holds it.

    Parameters
    ----------
    texts : sequence of str
        The different cells.
    known : FittedColumn
    is_text : bool
        Whether the user says that the column holds text.
    na_values : sequence of str
        Texts that mean missing, besides empty cells.
    decimal : {".", ","}

    Examples
    --------
    >>> [decide(c, FittedColumn(), False, [], ".").kind for c in (["7", "NA"], ["07", "NA"])]
    ['number', 'text']
    """
    markers = frozenset({"", *MARKERS, *na_values}.intersection(texts))
    rest = [t for t in texts if t not in markers] if markers else texts
    digits = Digits.of(rest, bool(markers), decimal)
    if digits is None:
        markers |= {t for t in rest if not t.strip() or t.strip() in MARKERS}
        rest = [t for t in rest if t not in markers]
    as_text = "text" if is_text or known.kind == "text" else None
    if known.hashed and not is_text and rest and not markers and truths_of(rest):
        return Decision("boolean", markers, False)
    kind = as_text or known.kind
    if kind in (None, "boolean"):
        # A column of nothing but 'NA' may be one of text, and then a gap would be a silent change.
        only_markers = not rest and any(t.strip() and t not in na_values for t in markers)
        kind = "text" if only_markers else _kind(rest, digits, bool(markers), decimal)
    elif kind == "number" and rest and truths_of(rest):
        kind = "boolean"
    if kind not in ("text", "levels"):
        return Decision(kind, markers, known.kind == kind, digits)
    missing = frozenset(t for t in markers if t in na_values or _is_gap(t, known))
    return Decision(kind, missing, as_text is not None or kind == "levels")


def _is_gap(text: str, known: FittedColumn) -> bool:
    """Return whether a cell of a column of text or levels is missing.

    A fit that had missing cells, and none with this text, read the text as missing. Where no level
    is text, every marker is a gap.
    """
    if known.has_level(text):
        return False
    if text == "":
        return not known.hashed
    no_text = known.kind == "levels" and not any(isinstance(v, str) for v in known.levels or ())
    return no_text or (known.has_missing and text.strip() in MARKERS)


def _kind(rest: Sequence[str], digits: Digits | None, gaps: bool, decimal: str) -> str:
    if rest and truths_of(rest):
        return "boolean"
    return "number" if digits is not None or (
        all(is_plain(t, decimal) for t in rest) and is_exact(rest, gaps, decimal)) else "text"


def truths_of(texts: Sequence[str]) -> dict[str, bool]:
    """Return the meaning of truth values if all texts are some, else nothing."""
    return next((truth for truth in TRUTHS if all(t.strip() in truth for t in texts)), {})


def is_plain(text: str, decimal: str = ".") -> bool:
    """Return whether a text is a number as programs write it.

    Examples
    --------
    >>> [is_plain(t) for t in ("-1.50", " 7 ", "1e-05", "inf", "007", "+7", "1,234", "1_000")]
    [True, True, True, True, False, False, False, False]
    """
    return _PLAIN.fullmatch(_pointed(text, decimal)) is not None


def is_number(text: str, decimal: str = ".") -> bool:
    """Return whether a text is a number, perhaps with zeros or a plus in front."""
    return _PADDED.fullmatch(_pointed(text, decimal)) is not None


def looks_like_number(text: str) -> bool:
    """Return whether people would read a text as a number, or as a code of digits."""
    return _SIMILAR.fullmatch(text.strip()) is not None


def may_be_code(text: str) -> bool:
    """Return whether a number could also be a code, as 12E4 could."""
    return ("e" in text or "E" in text) and _MAYBE_CODE.fullmatch(text.strip()) is not None


def is_exact(texts: Sequence[str], gaps: bool, decimal: str = ".") -> bool:
    """Return whether int64, or float64 if there are fractions or gaps, holds all plain numbers."""
    pointed = _all_pointed(texts, decimal)
    if not gaps and all(map(_WHOLE.fullmatch, pointed)):
        long = [t for t in pointed if len(t) > 18]
        return all(len(t) <= 20 and -2**63 <= int(t) < 2**63 for t in long)
    # Whole numbers of 15 digits are floats without rounding.
    long = [t for t in pointed if len(t) > 15 and "." not in t and _WHOLE.fullmatch(t)]
    if any(len(t) > 20 or abs(int(t)) > EXACT for t in long):
        return False
    # Only a power, or hundreds of digits, takes a number beyond the range of floats.
    wide = [t for t in pointed if "e" in t or "E" in t or len(t) > 300]
    return not any(map(_overflows, wide))


def _overflows(text: str) -> bool:
    """Return whether a number is too large or too small for a float."""
    if re.fullmatch(_INFINITE, text):
        return False
    digits = re.split("[eE]", text)[0]
    return math.isinf(float(text)) or (float(text) == 0 and bool(re.search("[1-9]", digits)))


def numbers_of(texts: Sequence[str], gaps: bool, decimal: str = ".") -> list[Any]:
    """Return numbers: int if all are whole numbers of int64 and there are no gaps, else float."""
    pointed = _all_pointed(texts, decimal)
    if not gaps and all(map(_WHOLE.fullmatch, pointed)):
        whole = list(map(int, pointed)) if max(map(len, pointed), default=0) <= 20 else [2**63]
        if min(whole, default=0) >= -2**63 and max(whole, default=0) < 2**63:
            return whole
    return list(map(float, pointed))


def _all_pointed(texts: Sequence[str], decimal: str) -> Sequence[str]:
    if decimal == ".":
        return list(map(str.strip, texts))
    return [_pointed(t, decimal) for t in texts]


def _pointed(text: str, decimal: str) -> str:
    """Return a number as Python writes it; commas and points change places for a decimal comma."""
    return text.strip() if decimal == "." else text.strip().translate({44: 46, 46: 44})
