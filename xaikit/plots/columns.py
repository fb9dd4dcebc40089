"""Columns of data for plots: numbers, levels, and offsets that keep points apart."""

from __future__ import annotations

from collections.abc import Iterable

import matplotlib.dates as mdates
import numpy as np
import pandas as pd

from xaikit.explanations.attribution import Attribution
from xaikit.explanations.importance import Importance
from xaikit.explanations.rules import RuleSet
from xaikit.tables.cell_texts import cell_texts
from xaikit.tables.dtypes import kind_of_column
from xaikit.tables.labels import numbered
from xaikit.tables.numbering import number_levels
from xaikit.tables.numeric import (
    beyond_origin,
    float_column,
    numbers_or_ranks,
    with_times,
)
from xaikit.tables.wording import (
    digits_apart,
    digits_of_spread,
    label_text,
    significant,
)


def output_label(explanation: Attribution | Importance, k: int) -> str:
    """Return the label of an output, unlike those of the others."""
    return label_text(explanation.output_names[k], 36, explanation.output_names)


def row_label(explanation: Attribution | RuleSet, i: int) -> str:
    """Return the label of a row, unlike those of the others."""
    return label_text(explanation.row_names[i], 36, explanation.row_names)


_DRAWN = (2, 9998)
"""Years that matplotlib draws, with some room for ticks beside them."""
UNITS = {"days": 86400.0, "hours": 3600.0, "minutes": 60.0, "seconds": 1.0}
"""Seconds of the units in which durations are drawn."""


def axis_unit(column: pd.Series) -> str:
    """Return what the numbers of a column's axis count: dates, or the unit of its durations.

    Empty for plain numbers and levels, and for dates that matplotlib cannot draw.
    """
    kind = kind_of_column(column)
    if kind == "datetime":
        years = with_times(column).dt.year
        drawn = not ((years < _DRAWN[0]) | (years > _DRAWN[1])).any()
        return "date" if drawn else ""
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
    # Three digits of the range show a step such as 0.25 of it.
    digits = max(digits_of_spread(ticks, 11) + 1, digits_apart(ticks, 12))
    return [f"{significant(t, digits)} {unit}".strip().replace("-", "−") for t in ticks]


def level_codes(column: pd.Series, limit: int) -> tuple[np.ndarray, list[str]]:
    """Return each row's level, -1 if missing, and the labels of at most `limit` levels.

    Levels are in the order of a categorical column, or else sorted by their texts. Beyond `limit`,
    the rarest levels share the last code.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes, values = column.cat.codes.to_numpy().astype(np.int64), column.cat.categories
    else:
        codes, values = number_levels(column)
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
