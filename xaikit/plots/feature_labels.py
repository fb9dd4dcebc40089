"""Labels of a row's features: `age = 39`, the bin `28 < age <= 44`, or only the name of a group."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any
from unicodedata import bidirectional

import pandas as pd

from xaikit.explanations.attribution import Attribution
from xaikit.tables.cell_texts import cell_texts, texts_of_columns
from xaikit.tables.labels import labels, numbered
from xaikit.tables.numbering import number_levels
from xaikit.tables.values import plain_value
from xaikit.tables.wording import (
    escaped,
    is_missing,
    label_texts,
    level_text,
)

_NAME, _BOUND, _ALL = 30, 24, 36
"""Most characters of a name beside a value, of a bound or level, and of a whole condition."""
_NUMBER = re.compile(r"-?(\d[\d./]*(e[+-]?\d+)?|inf)", re.IGNORECASE)
_DATE = re.compile(r"(\d{4}-\d\d-\d\d)( \d\d:\d\d)(:\d\d(?:\.\d+)?)([+-][\d:]+)?")
_DURATION = re.compile(r"-?\d+ days( \+?\d\d:\d\d:\d\d(\.\d+)?)?")
_AFTER = (" > ", " <= ", " = ")
"""What follows the name of a column that begins a condition of a bin; see `Condition.words`."""


def names_and_values(
    attribution: Attribution, i: int, features: Iterable[int], k: int
) -> list[str]:
    """Return labels of features of row `i`, no two of which are equal.

    For an explanation with bins, the bin of output `k` is the label.
    """
    features = list(features)
    if "conditions" in attribution.feature_details:
        return numbered(_conditions(attribution, i, features, k))
    names = label_texts(attribution.feature_names, _NAME)
    values = value_labels([attribution.feature_data(j) for j in features], i)
    return numbered(names[j] if value is None else f"{_left_to_right(names[j])} = {value}"
                    for j, value in zip(features, values, strict=True))


def value_labels(columns: Sequence[pd.Series | None], i: int, width: int = 20) -> list[str | None]:
    """Return labels of row `i` of columns that are shown together; None where there is no column.

    A label is unlike that of any other value of the row. If it is cut, or the column has values of
    several types, it is unlike those of the column's other values.
    """
    known = [column for column in columns if column is not None]
    texts = texts_of_columns([[column.iloc[i]] for column in known], width,
                             [_values(column) for column in known])
    labels = iter(_of_type(column, i, own[0], width)
                  for column, own in zip(known, texts, strict=True))
    return [None if column is None else next(labels) for column in columns]


def _of_type(column: pd.Series, i: int, text: str, width: int) -> str:
    """Return the label of a cell; with its type if others of the column are written alike."""
    cell = column.iloc[i]
    if column.dtype != object or is_missing(cell) or column.map(type).nunique() < 2:
        return text
    levels = number_levels(column)[1]
    alike = [v for v in levels if type(v) is not type(cell) and cell_texts([v], width)[0] == text]
    return cell_texts([cell, *alike], width)[0] if alike else text


def _values(column: pd.Series) -> Iterable[Any]:
    """Return the values of a column, those of its category included."""
    return column.cat.categories if isinstance(column.dtype, pd.CategoricalDtype) \
        else column.unique()


def _conditions(attribution: Attribution, i: int, features: list[int], k: int) -> list[str]:
    """Return bins as labels: a feature's name between bounds, before a level, or alone.

    If one is long, a shorter name is taken, and its bounds or level are shortened.
    """
    wide = label_texts(attribution.feature_names)
    narrow = label_texts(attribution.feature_names, _NAME)
    bins = [_bin(attribution, i, j, k) for j in features]
    levels = _level_texts(attribution, i, k, {
        j: bin_[2] for j, bin_ in zip(features, bins, strict=True) if bin_[1] == " = "})
    found = []
    for j, (low, sign, high) in zip(features, bins, strict=True):
        if sign == " = ":
            texts = [text for text in levels[j] if len(wide[j] + sign + text) <= _ALL]
            name = _left_to_right(wide[j] if texts else narrow[j])
            found.append(f"{name}{sign}{texts[0] if texts else levels[j][-1]}")
            continue
        room = _ALL - len(wide[j]) - len(sign)
        bounds, long = _bound_texts([low, high], room)
        name = _left_to_right(narrow[j] if long else wide[j])
        found.append(f"{bounds[0]} < " * bool(low) + f"{name}{sign}{bounds[1]}")
    return found


def _bin(attribution: Attribution, i: int, j: int, k: int) -> tuple[str, str, str]:
    """Return the parts of a condition as `split_words` does; all are empty for a group."""
    of_columns = attribution.feature_columns
    if of_columns is not None and len(of_columns[j]) > 1:
        return "", "", ""
    column = attribution.feature_data(j)
    own = attribution.feature_names[j] if column is None else str(column.name)
    parts = split_words(str(attribution.feature_details["conditions"][i, j, k]), own)
    # Without `feature_columns`, as in older files, only the words tell that this is a group.
    grouped = parts is not None and of_columns is None and " and " in parts[0] + parts[2] \
        and not (parts[1] == " = " and (column is None or _is_level(column.iloc[i], parts[2])))
    return ("", "", "") if parts is None or grouped else parts


def _is_level(cell: Any, words: str) -> bool:
    return not is_missing(cell) and level_text(plain_value(cell)) == words


def _level_texts(attribution: Attribution, i: int, k: int,
                 levels: dict[int, str]) -> dict[int, tuple[str, str]]:
    """Return two labels of each level, a whole and a short one, unlike those of all others.

    A level is the row's own value, and written like it; without data it is only known in words.
    """
    cells, others = [], []
    for j, words in levels.items():
        column = attribution.feature_data(j)
        if column is not None and _is_level(column.iloc[i], words):
            cells.append([column.iloc[i]])
            others.append(list(_values(column)))
            continue
        rows = [_bin(attribution, r, j, k) for r in range(len(attribution))]
        cells.append([_read_level(words)])
        others.append([_read_level(high) for _, sign, high in rows if sign == " = "])
    whole, short = (texts_of_columns(cells, width, others) for width in (_ALL, _BOUND))
    return {j: (a[0], b[0]) for j, a, b in zip(levels, whole, short, strict=True)}


def _read_level(words: str) -> Any:
    """Return a level from its words: a number unless it is in quotes; see `level_text`."""
    for read in (int, float):
        try:
            return read(words)
        except ValueError:
            continue
    return words


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


def _bound_texts(bounds: list[str], room: int) -> tuple[list[str], bool]:
    """Return bounds as labels, and whether they were too long for the room.

    Times that are too long are written to the day, the minute or the second, whichever tells them
    apart. A mark says that something is left out.
    """
    forms = [_forms(bound) for bound in bounds if bound]
    texts = [next(shown for shown, rest in own if not rest) for own in forms]
    long = sum(map(len, texts)) + len(" < ") * (len(texts) > 1) > room
    if long:
        apart = (form for form in zip(*forms, strict=False)
                 if len({shown for shown, _ in form}) == len(form))
        timed = all(len(own) > 1 for own in forms)
        short = [shown + "…" * bool(rest) for shown, rest in next(apart, ())] if timed else []
        texts = short or labels(texts, _BOUND)
    written = iter(escaped(text) for text in texts)
    return [next(written) if bound else "" for bound in bounds], long


def _forms(bound: str) -> list[tuple[str, str]]:
    """Return texts of a bound, each with what it leaves out; of times several, short ones first."""
    date = _DATE.fullmatch(bound)
    if date:
        day, minute, second = date.group(1, 2, 3)
        second = _trimmed(second)
        minute = minute if second or minute != " 00:00" else ""
        return [(day, minute + second), (day + minute, second), (day + minute + second, ""),
                (bound, "")]
    if _DURATION.fullmatch(bound):
        return _forms_of_duration(bound)
    return [(bound.replace("-", "−") if _NUMBER.fullmatch(bound) else bound, "")]


def _forms_of_duration(bound: str) -> list[tuple[str, str]]:
    """Return texts of a duration; minus belongs to all of it, unlike in pandas' words."""
    try:
        length = abs(pd.Timedelta(bound))
    except (ValueError, OverflowError):  # beyond 64 bits of nanoseconds
        return [(bound, "")]
    minus = "−" if bound.startswith("-") else ""
    days, _, clock = str(length).partition(" days")
    minute, second = clock[:6], _trimmed(clock[6:])
    if days == "0" and (minute + second).strip(" 0:"):
        return [(f"{minus}{minute.strip()}{second or ':00'}", "")] * 2
    minute = minute if second or minute != " 00:00" else ""
    return [(f"{minus}{days} days{minute}", second), (f"{minus}{days} days{minute}{second}", "")]


def _trimmed(second: str) -> str:
    """Return `:07.250000` as `:07.25`, and `:00` as nothing."""
    second = second.rstrip("0").rstrip(".") if "." in second else second
    return "" if second == ":00" else second


def _left_to_right(name: str) -> str:
    """Return a name between marks without which a minus after Hebrew or Arabic would move."""
    return f"\u200e{name}\u200e" if any(bidirectional(c) in ("R", "AL") for c in name) else name
