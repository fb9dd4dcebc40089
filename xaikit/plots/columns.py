"""A column of data as something to draw: numbers, levels, and offsets that keep points apart."""

from __future__ import annotations

from numbers import Number
from typing import Any

import matplotlib.dates as mdates
import numpy as np
import pandas as pd

from xaikit.explanations.attribution import Attribution
from xaikit.tables.dtypes import kind_of
from xaikit.tables.numeric import numbers_or_ranks
from xaikit.tables.wording import cell_text, plain


def name_and_value(attribution: Attribution, i: int, j: int) -> str:
    """Label feature `j` of row `i` as `age = 39`; a group of columns by its name alone.

    If an explanation has bins, the bin is the label: `28 < age <= 44`.
    """
    if "conditions" in attribution.feature_details:
        return plain(attribution.feature_details["conditions"][i, j])
    column = attribution.feature_data(j)
    name = plain(attribution.feature_names[j], 30)
    return name if column is None else f"{name} = {cell_text(column.iloc[i])}"


def is_date(column: pd.Series) -> bool:
    """Return whether a column holds points in time."""
    return kind_of(column.dtype) == "datetime"


def is_levels(column: pd.Series) -> bool:
    """Return whether a column belongs on an axis of levels rather than of numbers."""
    dtype = column.dtype
    return (pd.api.types.is_bool_dtype(dtype) or isinstance(dtype, pd.CategoricalDtype)
            or ordered_numbers(column) is None)


def ordered_numbers(column: pd.Series) -> np.ndarray | None:
    """Return numbers that rise with the values, NaN where missing; None if there is no order."""
    if is_date(column):
        # The wall-clock time that the table shows; matplotlib would convert it to UTC.
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
    """Write a position on a number axis, which counts days for dates."""
    return cell_text(pd.Timestamp(mdates.num2date(value)) if date else float(value))


def level_codes(column: pd.Series, limit: int) -> tuple[np.ndarray, list[str]]:
    """Return each row's level, -1 where missing, and the levels' texts, at most `limit` of them.

    Levels keep the order of a categorical, and are sorted otherwise. Beyond `limit` the rarest
    share the last place.
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
    new[-1] = -1  # code -1, a missing value, reads the last place
    if len(kept) < len(used):
        names.append(f"{len(used) - len(kept)} rarer levels")
    return new[codes], names


def bin_of(positions: np.ndarray, n_bins: int) -> float:
    """Return the width of one of `n_bins` equal parts of what the known positions span."""
    known = positions[np.isfinite(positions)]
    return float(np.ptp(known)) / n_bins if known.size else 0.0


def spread_known(positions: np.ndarray, bin_width: float, width: float, step: float) -> np.ndarray:
    """Return `spread` of the known positions, and 0 for the unknown ones, which are not drawn."""
    known = np.isfinite(positions)
    offsets = np.zeros(len(positions))
    offsets[known] = spread(positions[known], bin_width, width, step)
    return offsets


def spread(positions: np.ndarray, bin_width: float, width: float, step: float) -> np.ndarray:
    """Return offsets in [-width, width] that fan out points whose positions share a bin.

    Points of a bin go to the middle, one step up, one step down, two up and so on, so the outline
    shows the density and the picture is the same every time.
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
