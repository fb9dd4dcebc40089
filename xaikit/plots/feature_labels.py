"""Labels of a row's features: `age = 39`, the bin `28 < age <= 44`, or only the name of a group."""

from __future__ import annotations

import re
from collections.abc import Iterable
from unicodedata import bidirectional

import pandas as pd

from xaikit.explanations.attribution import Attribution
from xaikit.tables.labels import cut_middle, labels, numbered
from xaikit.tables.wording import cell_text, escaped, label_text, label_texts

_NAME, _BOUND, _ALL = 30, 24, 36
"""Most characters of a name beside a value, of a bound or level, and of a whole condition."""
_TIME = re.compile(r"(\d{4}-\d\d-\d\d|-?\d+ days)( \+?\d\d:\d\d)(:\d\d)(\S*)")
_AFTER = (" > ", " <= ", " = ")
"""What follows the name of a column that begins a condition of a bin; see `Condition.words`."""


def names_and_values(
    attribution: Attribution, i: int, features: Iterable[int], k: int
) -> list[str]:
    """Return labels of features of row `i`, no two of which are equal.

    For an explanation with bins, the bin of output `k` is the label.
    """
    wide = label_texts(attribution.feature_names)
    narrow = label_texts(attribution.feature_names, _NAME)
    binned = "conditions" in attribution.feature_details
    found = []
    for j in features:
        column = attribution.feature_data(j)
        if binned:
            found.append(_condition(attribution, i, j, k, (wide[j], narrow[j])))
        elif column is None:
            found.append(narrow[j])
        else:
            found.append(f"{_left_to_right(narrow[j])} = {value_label(column, i)}")
    return numbered(found)


def value_label(column: pd.Series, i: int, width: int = 20) -> str:
    """Return the label of a cell; one that is cut is unlike those of the column's other values."""
    others = column.cat.categories if isinstance(column.dtype, pd.CategoricalDtype) \
        else column.unique()
    return cell_text(column.iloc[i], width, others)


def _condition(
    attribution: Attribution, i: int, j: int, k: int, names: tuple[str, str]
) -> str:
    """Return a bin as a label: the feature's name between bounds, or before a level.

    If it is long, a shorter name is taken, and its bounds or level are shortened.
    """
    conditions = attribution.feature_details["conditions"][:, j, k]
    wide, narrow = names
    if attribution.feature_columns is not None and len(attribution.feature_columns[j]) > 1:
        return wide
    column = attribution.feature_data(j)
    own = attribution.feature_names[j] if column is None else str(column.name)
    parts = split_words(str(conditions[i]), own)
    if parts is None:
        return label_text(str(conditions[i]), _ALL, map(str, conditions))
    low, sign, high = parts
    if sign == " = ":
        # Beside the levels that other rows have, and those that a category has.
        others = [split_words(str(words), own) for words in conditions]
        levels = [part[2] for part in others if part is not None and part[1] == sign]
        if column is not None and isinstance(column.dtype, pd.CategoricalDtype):
            levels += map(str, column.cat.categories)
        width = max(_BOUND, _ALL - len(wide) - len(sign))
        name = wide if len(wide) + len(sign) + len(high) <= _ALL else narrow
        return f"{_left_to_right(name)}{sign}{escaped(labels([high, *levels], width)[0])}"
    long = len(low) + len(sign) + len(high) + len(wide) > _ALL
    low, high = (escaped(text) for text in (_short_bounds([low, high]) if long else (low, high)))
    low, high = (_minus(text) for text in (low, high))
    name = _left_to_right(narrow if long else wide)
    return f"{low} < {name}{sign}{high}" if low else f"{name}{sign}{high}"


def split_words(words: str, name: str) -> tuple[str, str, str] | None:
    """Split a condition on one bin of a column into its lower bound, its sign and what follows.

    Returns
    -------
    tuple (low, sign, high) or None
        `low` is empty if the name stands first. None if the words are not those of such a column.

    Examples
    --------
    >>> split_words("2020-01-01 < 2 <= 2021-06-30", "2"), split_words("job = clerk", "job")
    (('2020-01-01', ' <= ', '2021-06-30'), ('', ' = ', 'clerk'))
    """
    if words in (name, f"{name} missing"):
        return "", words[len(name):], ""
    sign = next((s for s in _AFTER if words.startswith(name + s)), None)
    if sign is not None:
        return "", sign, words[len(name + sign):]
    low, found, high = words.partition(f" < {name} <= ")
    return (low, " <= ", high) if found else None


def _short_bounds(bounds: list[str]) -> list[str]:
    """Shorten bounds that are times to as much as tells them apart, and others in the middle."""
    times = [_TIME.fullmatch(bound) for bound in bounds if bound]
    for last in (1, 2, 3):
        short = ["".join(t.groups()[:last]) for t in times if t]
        if times and len(short) == len(times) == len(set(short)):
            # A mark says that more than midnight is left out.
            rests = ["".join(t.groups()[last:]) for t in times if t]
            texts = iter(text + "…" * bool(re.search("[1-9]", re.sub(r"[+-]\d\d:\d\d$", "", rest)))
                         for text, rest in zip(short, rests, strict=True))
            return [next(texts) if bound else "" for bound in bounds]
    return [cut_middle(bound, _BOUND) for bound in bounds]


def _minus(text: str) -> str:
    """Return a number with the sign that other numbers of plots have."""
    return f"−{text[1:]}" if text.startswith("-") else text


def _left_to_right(name: str) -> str:
    """Return a name between marks without which a minus after Hebrew or Arabic would move."""
    return f"\u200e{name}\u200e" if any(bidirectional(c) in ("R", "AL") for c in name) else name
