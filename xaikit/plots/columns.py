"""Columns of data for plots: numbers, levels, and offsets that keep points apart."""

from __future__ import annotations

from numbers import Number
from typing import Any

import matplotlib.dates as mdates
import numpy as np
import pandas as pd

from xaikit.explanations.attribution import Attribution
from xaikit.tables.dtypes import kind_of
from xaikit.tables.numeric import numbers_or_ranks
from xaikit.tables.wording import cell_text, label_text


def name_and_value(attribution: Attribution, i: int, j: int, k: int) -> str:
    """Return the label of feature `j` of row `i`: `age = 39`, or only the name of a group.

    For an explanation with bins, the bin of output `k` is the label: `28 < age <= 44`.
    """
    if "conditions" in attribution.feature_details:
        # Explanations that older versions saved have one condition for all outputs.
        conditions = np.atleast_1d(attribution.feature_details["conditions"][i, j])
        return label_text(conditions[min(k, len(conditions) - 1)])
    column = attribution.feature_data(j)
    name = label_text(attribution.feature_names[j], 30)
    return name if column is None else f"{name} = {cell_text(column.iloc[i])}"


def is_date(column: pd.Series) -> bool:
    """Return whether a column holds points in time."""
    return kind_of(column.dtype) == "datetime"


def axis_numbers(column: pd.Series) -> np.ndarray | None:
    """Return the numbers to draw a column at on an axis; None if it has an axis of levels."""
    dtype = column.dtype
    if pd.api.types.is_bool_dtype(dtype) or isinstance(dtype, pd.CategoricalDtype):
        return None
    return ordered_numbers(column)


def ordered_numbers(column: pd.Series) -> np.ndarray | None:
    """Return numbers that rise with the values, NaN if missing; None if there is no order."""
    if is_date(column):
        # In the column's own time zone, as in the table; matplotlib would convert to UTC.
        local = column if column.dt.tz is None else column.dt.tz_localize(None)
        return mdates.date2num(local.to_numpy())
    if pd.api.types.is_numeric_dtype(column.dtype):
        return numbers_or_ranks(column)
    if isinstance(column.dtype, pd.CategoricalDtype) and column.cat.ordered:
        return numbers_or_ranks(column)
    if column.dtype == object and _holds_numbers(column):
        return pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    return None


def _holds_numbers(column: pd.Series) -> bool:
    known = column[column.notna()]
    return len(known) > 0 and all(isinstance(v, Number) for v in known)


def number_text(value: float, date: bool) -> str:
    """Return the label of a position on a number axis, which counts days for dates."""
    return cell_text(pd.Timestamp(mdates.num2date(value)) if date else float(value))


def level_codes(column: pd.Series, limit: int) -> tuple[np.ndarray, list[str]]:
    """Return each row's level, -1 if missing, and the labels of at most `limit` levels.

    Levels are in the order of a categorical column, or else sorted. Beyond `limit`, the rarest
    levels share the last code.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes, values = column.cat.codes.to_numpy().astype(np.int64), column.cat.categories
    else:
        codes, values = pd.factorize(column.astype("string"), sort=True)
    counts = np.bincount(codes[codes >= 0], minlength=len(values))
    used = np.flatnonzero(counts)
    kept = used
    if len(used) > limit:
        kept = np.sort(used[np.argsort(-counts[used], kind="stable")[: limit - 1]])
    names: list[Any] = [cell_text(values[k]) for k in kept]
    new = np.full(len(values) + 1, len(kept))
    new[kept] = np.arange(len(kept))
    new[-1] = -1  # code -1 (missing) stays -1
    if len(kept) < len(used):
        names.append(f"{len(used) - len(kept)} rarer levels")
    return new[codes], names


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
