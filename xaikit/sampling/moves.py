"""Where a column can be moved to: steps of numbers in their own dtype, and levels to swap in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from xaikit.tables.dtypes import MEASURED, TIMES, are_objects, is_object_dtype, kind_of_column
from xaikit.tables.matching import missing_in
from xaikit.tables.numbering import number_levels
from xaikit.tables.numeric import beyond_origin, exact_column, float_column, with_times
from xaikit.tables.tables import Table, column_of

CENTRED = 0.1
"""Below this ratio of |mean| to sd a relative step moves a column by next to nothing on average."""

SMALLER = 2.0**-64
"""Numbers so much smaller have steps that are in the range of floats."""
FLOATS = np.finfo(np.float64)
NOT_A_TIME = -2**63
"""The whole number that stands for a missing time."""


@dataclass(frozen=True)
class Steps:
    """A numeric or date column moved up and down, in its own dtype.

    Attributes
    ----------
    up, down : Series (n_rows,)
    scale : array (n_rows,)
        The step that was asked for as a multiple of the step that the dtype allowed.
    moved : bool array (n_rows,)
        Whether either cell differs from the column's own.
    """

    up: pd.Series
    down: pd.Series
    scale: np.ndarray
    moved: np.ndarray


def steps(column: pd.Series, mode: str, delta: float, clip: bool = False) -> Steps:
    """Move every cell of a numeric or date column up and down.

    Parameters
    ----------
    column : Series
    mode : {"relative", "relative_abs", "sd", "range", "quantile"}
        See `targets`. Dates have no zero: for them the relative modes are ``"sd"``.
    delta : float
    clip : bool
        Keep moved cells within the observed range.
    """
    if isinstance(column.dtype, pd.SparseDtype):
        found, own = steps(column.sparse.to_dense(), mode, delta, clip), column.dtype
        return replace(found, up=found.up.astype(own), down=found.down.astype(own))
    origin, x = beyond_origin(column)
    known = x[np.isfinite(x)]
    mode = "sd" if lacks_zero(column, mode) else mode
    unit = unit_of(column)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        high, low = targets(x, known, mean_and_spread(known)[1], mode, delta, float(origin))
        if clip and len(known):
            high, low = (np.clip(t, known.min(), known.max()) for t in (high, low))
        if unit is None:
            high, low, scale = _within_floats(column, x, (high, low), mode, delta)
        else:
            wanted = high - low
            high, low = (whole(x, target, column, unit, origin) for target in (high, low))
            actual = high - low
            scale = np.where(actual != 0, wanted / actual, 1.0)
    up, down = with_numbers(column, high), with_numbers(column, low)
    return Steps(up, down, scale, changed(column, up) | changed(column, down))


def _within_floats(
    column: pd.Series, x: np.ndarray, wanted: tuple[np.ndarray, np.ndarray], mode: str, delta: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return targets within the range of a column's floats, and the scales of `Steps`."""
    finite, scale = np.isfinite(x), np.ones(len(x))
    high, low = (np.where(finite, np.clip(target, *bounds_of(column, 0.0)), x) for target in wanted)
    cut = finite & ((high != wanted[0]) | (low != wanted[1]))
    if cut.any():
        smaller, known = SMALLER * x, SMALLER * x[finite]
        above, below = targets(smaller, known, mean_and_spread(known)[1], mode, delta)
        actual = SMALLER * high - SMALLER * low
        scale[cut] = np.where(actual != 0, (above - below) / actual, 1.0)[cut]
    return high, low, scale


def mean_and_spread(known: np.ndarray) -> tuple[float, float]:
    """Return the mean and the standard deviation of finite numbers, whatever their size."""
    if len(known) == 0:
        return 0.0, 0.0
    most = np.abs(known).max()
    factor = 2.0**-600 if most > 2.0**500 else 2.0**600 if most < 2.0**-450 else 1.0
    spread = float((factor * known).std(ddof=1)) if len(known) > 1 else 0.0
    return float((factor * known).mean()) / factor, spread / factor


def can_step(columns: Iterable[pd.Series]) -> bool:
    """Return whether columns have steps: all numbers or dates, and not all of only 0 and 1."""
    columns = list(columns)
    numeric = all(kind_of_column(c) in MEASURED for c in columns)
    return numeric and not all(is_binary(c, alone=len(columns) == 1) for c in columns)


def lacks_zero(column: pd.Series, mode: str) -> bool:
    """Return whether a mode needs a zero that the column does not have."""
    return mode.startswith("relative") and kind_of_column(column) in TIMES


def is_centred(column: pd.Series) -> bool:
    """Return whether the mean of a numeric column is close to 0, beside its spread."""
    origin, x = beyond_origin(column)
    mean, spread = mean_and_spread(x[np.isfinite(x)])
    return spread > 0 and abs(mean + float(origin)) < CENTRED * spread


def targets(
    x: np.ndarray, known: np.ndarray, spread: float, mode: str, delta: float, origin: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the two points that each number is moved to.

    Parameters
    ----------
    x : array (n_rows,)
        NaN where missing.
    known : array
        Those of `x` that are finite.
    spread : float
        Their standard deviation.
    mode : str
        ``"relative"``: x(1 ± δ); ``"relative_abs"``: x ± δ|x|; ``"sd"``: x ± δ·spread;
        ``"range"``: x ± δ·(max − min); ``"quantile"``: the values at the ranks of x ± δ.
    delta : float
        δ.
    origin : float
        Where `x`, `high` and `low` are counted from.

    Returns
    -------
    high, low : arrays (n_rows,)
    """
    if mode == "quantile":
        if len(known) == 0:
            return x, x
        ordered = np.sort(known)
        # Middle of the ranks of equal values, on the scale that np.quantile reads.
        below, above = (np.searchsorted(ordered, x, side=s) for s in ("left", "right"))
        rank = (below + above - 1) / 2 / max(len(ordered) - 1, 1)
        # The difference of two numbers must not overflow.
        shrunk = SMALLER if np.abs(ordered).max() > 2.0**1000 else 1.0
        high, low = (np.quantile(shrunk * ordered, np.clip(rank + d, 0, 1)) / shrunk
                     for d in (delta, -delta))
        return np.where(np.isfinite(x), high, x), np.where(np.isfinite(x), low, x)
    if mode == "relative" and not origin:
        return x * (1 + delta), x * (1 - delta)
    step = {
        "relative": lambda: delta * (x + origin),
        "relative_abs": lambda: delta * np.abs(x + origin),
        "sd": lambda: np.full(len(x), delta * spread),
        "range": lambda: np.full(len(x), delta * (np.ptp(known) if len(known) else 0.0)),
    }[mode]()
    return x + step, x - step


def whole(x: np.ndarray, target: np.ndarray, column: pd.Series, unit: float = 1.0,
          origin: Any = 0.0) -> np.ndarray:
    """Round targets to whole units away from `x`, within what the column's dtype can hold.

    All of them count from `origin`.
    """
    own, target = x / unit, target / unit
    distance = np.abs(target - own)
    # 10·(1 + 0.1) is a hair above 11: rounding noise must not make it 12.
    moved = own + np.sign(target - own) * np.ceil(distance - 1e-9 * np.maximum(distance, 1.0))
    return np.clip(unit * moved, *bounds_of(column, origin))


def unit_of(column: pd.Series) -> float | None:
    """Return what cells are multiples of: 1, a day in a column's own unit, a decimal's last digit.

    None for a column that holds any fraction.
    """
    kind, dtype = kind_of_column(column), column.dtype
    if kind == "datetime":
        # Dates without a time of day stay such.
        known = with_times(column.dropna())
        parts = ("hour", "minute", "second", "microsecond", "nanosecond")
        days = not any(getattr(known.dt, part).any() for part in parts)
        return int(pd.Timedelta(days=1) / pd.Timedelta(1, unit=known.dt.unit)) if days else 1
    if kind != "float":
        return 1
    return 10.0**-dtype.pyarrow_dtype.scale if isinstance(dtype, pd.ArrowDtype) \
        and are_objects(dtype) else None


def bounds_of(column: pd.Series, origin: Any) -> tuple[float, float]:
    """Return the least and the largest number beyond `origin` that a column's dtype can hold."""
    dtype, kind = getattr(column.dtype, "numpy_dtype", column.dtype), kind_of_column(column)
    if kind in TIMES:
        first, last = _bounds_of_times(column)
        return float(first - int(origin)), float(last - int(origin))
    if getattr(dtype, "kind", "") in "iu":
        info = np.iinfo(dtype)
        return float(info.min - int(origin)), float(info.max - int(origin))
    if getattr(dtype, "kind", "") == "f" and dtype.itemsize < 8:
        return float(np.finfo(dtype).min), float(np.finfo(dtype).max)
    if isinstance(column.dtype, pd.ArrowDtype) and are_objects(column.dtype):
        decimal = column.dtype.pyarrow_dtype
        most = float((10**decimal.precision - 1) * 10.0**-decimal.scale)
        return -most - float(origin), most - float(origin)
    return float(FLOATS.min), float(FLOATS.max)


def _bounds_of_times(column: pd.Series) -> tuple[int, int]:
    """Return the least and the largest time or duration that a column can hold, in its own unit."""
    least, most = NOT_A_TIME + 1, -NOT_A_TIME - 1
    cells = column[column.notna()] if is_object_dtype(column.dtype) else ()
    python = any(isinstance(c, datetime) and not isinstance(c, pd.Timestamp) for c in cells)
    if python and with_times(column).dt.unit == "us":
        # A day less: zones are up to a day from UTC, and floats round.
        ends = [datetime.min + timedelta(days=1), datetime.max - timedelta(days=1)]
        least, most = np.array(ends, dtype="M8[us]").view(np.int64).tolist()
    return least, most


def with_numbers(column: pd.Series, moved: np.ndarray) -> pd.Series:
    """Return the column with other numbers in its own dtype; cells that stay keep all their bits.

    Parameters
    ----------
    column : Series
    moved : array (n_rows,)
        As `beyond_origin` returns them.
    """
    origin, old = beyond_origin(column)
    places = np.flatnonzero((moved != old) & np.isfinite(moved))
    out = column.reset_index(drop=True).copy()
    if len(places):
        out.iloc[places] = _cells(out, places, moved[places], origin)
    return out


def _cells(column: pd.Series, places: np.ndarray, new: np.ndarray, origin: Any) -> Any:
    """Return numbers beyond an origin as cells of a column, each like the cell that it replaces."""
    kind, typed = kind_of_column(column), with_times(column)
    if typed is not column:
        times = _cells(typed, places, new, origin)
        return [_time_like(cell, time) for cell, time in zip(column.iloc[places], times,
                                                             strict=True)]
    if is_object_dtype(column.dtype):
        own = [type(cell) for cell in column[column.notna()]]
        # A whole number among fractions becomes one of their type.
        other = next((t for t in own if not issubclass(t, Integral)), None)
        types = [type(cell) for cell in column.iloc[places]]
        return [_number_like(t if other is None or not issubclass(t, Integral) else other, v,
                             origin) for t, v in zip(types, new.tolist(), strict=True)]
    if isinstance(column.dtype, pd.ArrowDtype) and are_objects(column.dtype):
        scale = column.dtype.pyarrow_dtype.scale
        return pd.array([_number_like(Decimal, round(v, scale), origin) for v in new.tolist()],
                        dtype=column.dtype)
    if kind == "float":
        return pd.Series(new).astype(column.dtype).array
    return _whole_cells(column, new, origin)


def _whole_cells(column: pd.Series, new: np.ndarray, origin: Any) -> Any:
    """Return whole numbers beyond an origin as cells of whole numbers or times."""
    if not origin and np.abs(new).max() < 2.0**62:
        return pd.Series(new.astype(np.int64)).astype(column.dtype).array
    times = kind_of_column(column) in TIMES
    dtype = np.dtype(np.int64) if times else column.dtype
    info = np.iinfo(getattr(dtype, "numpy_dtype", dtype))
    # The largest whole number of 64 bits is a float too many: Python's numbers are exact. The least
    # one is no time.
    exact = [min(max(int(v) + int(origin), info.min + times), info.max) for v in new.tolist()]
    # pandas makes 0 of the largest whole number of uint64.
    made = np.array(exact, dtype=dtype) if isinstance(dtype, np.dtype) \
        else pd.array(exact, dtype=dtype)
    return pd.Series(made).astype(column.dtype).array


def _number_like(kind: Any, number: float, origin: Any) -> Any:
    if issubclass(kind, Decimal | Fraction):
        return kind(repr(number)) + kind(origin)
    if issubclass(kind, Integral):
        return kind(int(number) + int(origin))
    return kind(number + float(origin))


def _time_like(cell: Any, time: Any) -> Any:
    """Return pandas' time as NumPy's or Python's, as `cell` is one."""
    if isinstance(cell, np.generic):
        return time.to_numpy()
    if isinstance(cell, pd.Timestamp | pd.Timedelta):
        return time
    return time.to_pydatetime() if isinstance(time, pd.Timestamp) else time.to_pytimedelta()


def changed(column: pd.Series, moved: pd.Series) -> np.ndarray:
    """Return which cells of a numeric or date column were moved."""
    return (exact_column(column) != exact_column(moved)) & ~np.isnan(float_column(column))


def is_binary(column: pd.Series, alone: bool = False) -> bool:
    """Return whether a numeric column holds only 0 and 1; with `alone`, both of them."""
    if kind_of_column(column) not in ("integer", "float"):
        return False
    known = np.unique(float_column(column[~missing_in(column)]))
    return bool(np.isin(known, [0, 1]).all()) and (not alone or len(known) == 2)


def levels(table: Table, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number the observed levels of some columns, or their combinations, in sorted order.

    Returns
    -------
    codes : int array (n_rows,)
        −1 where a value is missing.
    donors : int array (n_levels,)
        A row that holds each level.
    """
    parts, missing = [], np.zeros(len(table), dtype=bool)
    for c in columns:
        column = column_of(table, c)
        missing |= missing_in(column)
        if isinstance(column.dtype, pd.CategoricalDtype):
            parts.append(column.cat.codes.to_numpy().astype(np.int64))
            continue
        if kind_of_column(column) == "text" or is_object_dtype(column.dtype):
            parts.append(number_levels(column)[0])
        else:
            parts.append(pd.factorize(column, sort=True)[0].astype(np.int64))
    patterns = np.stack(parts, axis=1)
    shown = np.flatnonzero(~missing)
    codes = np.full(len(table), -1, dtype=np.int64)
    if len(shown) == 0:
        return codes, np.zeros(0, dtype=np.int64)
    _, first, inverse = np.unique(patterns[shown], axis=0, return_index=True, return_inverse=True)
    codes[shown] = inverse.reshape(-1)
    return codes, shown[first]


def most_frequent(codes: np.ndarray, most: int) -> np.ndarray:
    """Return the `most` most frequent codes, in order; −1 is not a code."""
    counts = np.bincount(codes[codes >= 0])
    return np.sort(np.argsort(-counts, kind="stable")[:most])
