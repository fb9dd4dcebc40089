"""Columns of data for plots: numbers, levels, and offsets that keep points apart."""

from __future__ import annotations

import re
from collections.abc import Iterable
from unicodedata import bidirectional

import matplotlib.dates as mdates
import numpy as np
import pandas as pd

from xaikit.explanations.attribution import Attribution
from xaikit.explanations.importance import Importance
from xaikit.tables.dtypes import kind_of_column
from xaikit.tables.labels import cut_middle, numbered
from xaikit.tables.numeric import (
    beyond_origin,
    float_column,
    numbers_or_ranks,
    text_column,
    with_times,
)
from xaikit.tables.wording import (
    cell_text,
    cell_texts,
    escaped,
    label_text,
    label_texts,
    significant,
)

_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:\d\d)?")
_NAME, _BOUND = 30, 24  # most characters of a name beside a value, and of a bound


def output_label(explanation: Attribution | Importance, k: int) -> str:
    """Return the label of an output, unlike those of the others."""
    return label_text(explanation.output_names[k], 36, explanation.output_names)


def row_label(attribution: Attribution, i: int) -> str:
    """Return the label of a row, unlike those of the others."""
    return label_text(attribution.row_names[i], 36, attribution.row_names)


def names_and_values(
    attribution: Attribution, i: int, features: Iterable[int], k: int
) -> list[str]:
    """Return labels of features of row `i`: `age = 39`, or only the name of a group.

    For an explanation with bins, the bin of output `k` is the label: `28 < age <= 44`.
    """
    given = attribution.feature_names
    if "conditions" in attribution.feature_details:
        words = attribution.feature_details["conditions"][i, :, k]
        wide, narrow = label_texts(given), label_texts(given, _NAME)
        return numbered(_condition(str(words[j]), given[j], wide[j], narrow[j]) for j in features)
    names, found = label_texts(given, _NAME), []
    for j in features:
        column = attribution.feature_data(int(j))
        found.append(names[j] if column is None
                     else f"{_left_to_right(names[j])} = {value_label(column, i)}")
    return numbered(found)


def value_label(column: pd.Series, i: int, width: int = 20) -> str:
    """Return the label of a cell, unlike those of the column's other levels."""
    label = cell_text(column.iloc[i], width)
    if not isinstance(column.iloc[i], str) or "…" not in label:
        return label
    levels = column.cat.categories if isinstance(column.dtype, pd.CategoricalDtype) \
        else column.unique()
    return cell_texts([column.iloc[i], *levels], width)[0]


def _left_to_right(name: str) -> str:
    """Return a name between marks without which a minus after Hebrew or Arabic would move."""
    return f"\u200e{name}\u200e" if any(bidirectional(c) in ("R", "AL") for c in name) else name


def _condition(words: str, name: str, wide: str, narrow: str) -> str:
    """Return a condition as a label: if it is long, its bounds are shortened before the name."""
    # The name stands first, or after a lower bound and its sign, which may contain it too.
    places = [m.start() for m in re.finditer(re.escape(name), words)
              if m.start() == 0 or words[: m.start()].endswith((" < ", " <= "))]
    if not places or not name:
        return label_text(words)
    low, high = words[: places[0]], words[places[0] + len(name):]
    if len(words) <= 36:
        return f"{escaped(low)}{_left_to_right(wide)}{escaped(high)}"
    times = [m.group() for m in _TIME.finditer(low + high)]
    # The date alone, or as much of the time as tells the bounds apart.
    digits = next((n for n in (10, 16, 19) if len({t[:n] for t in times}) == len(times)), None)
    low, high = (_TIME.sub(lambda m: _short_time(m.group(), digits), part) for part in (low, high))
    return f"{escaped(cut_middle(low, _BOUND))}{_left_to_right(narrow)}" \
           f"{escaped(cut_middle(high, _BOUND))}"


def _short_time(time: str, digits: int | None) -> str:
    """Return the first characters of a time, and a mark if more than midnight is left out."""
    rest = "" if digits is None else time[digits:]
    return time if digits is None else time[:digits] + "…" * bool(re.search("[1-9]", rest))


UNITS = {"days": 86400.0, "hours": 3600.0, "minutes": 60.0, "seconds": 1.0}
"""Seconds of the units in which durations are drawn."""


def axis_unit(column: pd.Series) -> str:
    """Return what the numbers of a column's axis count: dates, or the unit of its durations.

    Empty for plain numbers and levels.
    """
    kind = kind_of_column(column)
    if kind == "datetime":
        return "date"
    if kind != "timedelta":
        return ""
    longest = np.nanmax(np.abs(_seconds(column)), initial=0.0)
    return next((unit for unit, seconds in UNITS.items() if longest >= 2 * seconds), "seconds")


def _seconds(column: pd.Series) -> np.ndarray:
    return with_times(column).dt.total_seconds().to_numpy(dtype=np.float64, na_value=np.nan)


def axis_numbers(column: pd.Series) -> np.ndarray | None:
    """Return the numbers to draw a column at on an axis; None if it has an axis of levels.

    Dates and durations count in `axis_unit`.
    """
    kind, unit = kind_of_column(column), axis_unit(column)
    if unit == "date":
        # In the column's own time zone, as in the table; matplotlib would convert to UTC.
        times = with_times(column)
        return mdates.date2num((times if times.dt.tz is None else times.dt.tz_localize(None))
                               .to_numpy())
    if unit:
        return _seconds(column) / UNITS[unit]
    return float_column(column) if kind in ("integer", "float") else None


def ordered_numbers(column: pd.Series) -> np.ndarray | None:
    """Return numbers that rise with the values, NaN if missing; None if there is no order."""
    kind = kind_of_column(column)
    if kind in ("integer", "float"):
        return beyond_origin(column)[1]
    if kind == "boolean" or (kind == "category" and column.cat.ordered):
        return numbers_or_ranks(column)
    return axis_numbers(column)


def number_texts(values: Iterable[float], unit: str) -> list[str]:
    """Return labels of positions on a number axis; see `axis_unit`."""
    if unit == "date":
        return cell_texts(pd.Timestamp(mdates.num2date(v)) for v in values)
    return [f"{text} {unit}".strip() for text in cell_texts(float(v) for v in values)]


def tick_texts(ticks: list[float], unit: str) -> list[str]:
    """Return labels of round numbers or dates, in full: 1000.25 does not read 1000.2."""
    if unit == "date" or len(ticks) < 2:
        return number_texts(ticks, unit)
    return [f"{significant(t, 12)} {unit}".strip().replace("-", "−") for t in ticks]


def level_codes(column: pd.Series, limit: int) -> tuple[np.ndarray, list[str]]:
    """Return each row's level, -1 if missing, and the labels of at most `limit` levels.

    Levels are in the order of a categorical column, or else sorted. Beyond `limit`, the rarest
    levels share the last code.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes, values = column.cat.codes.to_numpy().astype(np.int64), column.cat.categories
    else:
        codes, values = pd.factorize(text_column(column), sort=True)
    counts = np.bincount(codes[codes >= 0], minlength=len(values))
    used = np.flatnonzero(counts)
    kept = used
    if len(used) > limit:
        kept = np.sort(used[np.argsort(-counts[used], kind="stable")[: limit - 1]])
    names = cell_texts(values[k] for k in kept)
    new = np.full(len(values) + 1, len(kept))
    new[kept] = np.arange(len(kept))
    new[-1] = -1  # code -1 (missing) stays -1
    if len(kept) < len(used):
        names.append(f"{len(used) - len(kept)} rarer levels")
    return new[codes], numbered(names)


def bin_of(positions: np.ndarray, n_bins: int) -> float:
    """Return the width of one of `n_bins` equal parts of the range of the known positions."""
    known = positions[np.isfinite(positions)]
    return float(np.ptp(known)) / n_bins if known.size else 0.0


def fan_out_known(
    positions: np.ndarray, bin_width: float, width: float, step: float
) -> np.ndarray:
    """Return `fan_out` of the known positions, and 0 for unknown ones, which are not drawn."""
    known = np.isfinite(positions)
    offsets = np.zeros(len(positions))
    offsets[known] = fan_out(positions[known], bin_width, width, step)
    return offsets


def fan_out(positions: np.ndarray, bin_width: float, width: float, step: float) -> np.ndarray:
    """Return offsets in [-width, width] that separate points whose positions share a bin.

    The points of a bin go to the middle, one step up, one step down, two up and so on: the outline
    shows the density, and the picture is always the same.
    """
    bins = np.zeros(len(positions), dtype=np.int64)
    if bin_width > 0 and len(positions):
        bins = np.floor((positions - positions.min()) / bin_width).astype(np.int64)
    order = np.argsort(bins, kind="stable")
    rank = np.arange(len(bins)) - np.searchsorted(bins[order], bins[order])
    place = np.empty(len(bins))
    place[order] = (rank + 1) // 2 * np.where(rank % 2, 1, -1)
    furthest = np.abs(place).max(initial=1.0)
    return place * min(step, width / furthest)
