"""Where a column can be moved to: steps of numbers in their own dtype, and levels to swap in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from xaikit.tables.dtypes import MEASURED, TIMES, kind_of
from xaikit.tables.matching import missing_in
from xaikit.tables.numeric import float_column
from xaikit.tables.tables import Table, column_of

CENTRED = 0.1
"""Below this ratio of |mean| to sd a relative step moves a column by next to nothing on average."""


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
    x = float_column(column)
    known = x[np.isfinite(x)]
    spread = float(known.std(ddof=1)) if len(known) > 1 else 0.0
    high, low = targets(x, known, spread, "sd" if lacks_zero(column, mode) else mode, delta)
    if clip and len(known):
        high, low = (np.clip(t, known.min(), known.max()) for t in (high, low))
    scale = np.ones(len(x))
    if kind_of(column.dtype) != "float":
        wanted = high - low
        high, low = whole(x, high, column), whole(x, low, column)
        step = whole_days(column)
        if step > 1:
            # Dates without a time of day stay such.
            high, low = (step * whole(x / step, t / step, column) for t in (high, low))
        actual = high - low
        with np.errstate(invalid="ignore", divide="ignore"):
            scale = np.where(actual != 0, wanted / actual, 1.0)
    up, down = with_numbers(column, high), with_numbers(column, low)
    return Steps(up, down, scale, changed(column, up) | changed(column, down))


def can_step(columns: Iterable[pd.Series]) -> bool:
    """Return whether columns have steps: all numbers or dates, and not all of only 0 and 1."""
    columns = list(columns)
    numeric = all(kind_of(c.dtype) in MEASURED for c in columns)
    return numeric and not all(is_binary(c, alone=len(columns) == 1) for c in columns)


def lacks_zero(column: pd.Series, mode: str) -> bool:
    """Return whether a mode needs a zero that the column does not have."""
    return mode.startswith("relative") and kind_of(column.dtype) in TIMES


def is_centred(column: pd.Series) -> bool:
    """Return whether the mean of a numeric column is close to 0, beside its spread."""
    x = float_column(column)
    known = x[np.isfinite(x)]
    spread = float(known.std(ddof=1)) if len(known) > 1 else 0.0
    return spread > 0 and bool(abs(known.mean()) < CENTRED * spread)


def targets(
    x: np.ndarray, known: np.ndarray, spread: float, mode: str, delta: float
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
        high, low = (np.quantile(ordered, np.clip(rank + d, 0, 1)) for d in (delta, -delta))
        return np.where(np.isfinite(x), high, x), np.where(np.isfinite(x), low, x)
    if mode == "relative":
        return x * (1 + delta), x * (1 - delta)
    step = {
        "relative_abs": lambda: delta * np.abs(x),
        "sd": lambda: np.full(len(x), delta * spread),
        "range": lambda: np.full(len(x), delta * (np.ptp(known) if len(known) else 0.0)),
    }[mode]()
    return x + step, x - step


def whole(x: np.ndarray, target: np.ndarray, column: pd.Series) -> np.ndarray:
    """Round targets to whole numbers away from `x`, within what the column's dtype can hold."""
    distance = np.abs(target - x)
    # 10·(1 + 0.1) is a hair above 11: rounding noise must not make it 12.
    moved = x + np.sign(target - x) * np.ceil(distance - 1e-9 * np.maximum(distance, 1.0))
    dtype = getattr(column.dtype, "numpy_dtype", column.dtype)
    if getattr(dtype, "kind", "") in "iu":
        info = np.iinfo(dtype)
        moved = np.clip(moved, info.min, info.max)
    return moved


def whole_days(column: pd.Series) -> int:
    """Return the length of a day in the column's own unit if it holds dates only, else 1."""
    known = column.dropna()
    if kind_of(column.dtype) != "datetime" or not (known == known.dt.normalize()).all():
        return 1
    return int(pd.Timedelta(days=1) / pd.Timedelta(1, unit=known.dt.unit))


def with_numbers(column: pd.Series, moved: np.ndarray) -> pd.Series:
    """Return the column with other numbers in its own dtype; cells that stay keep all their bits.

    Parameters
    ----------
    column : Series
    moved : array (n_rows,)
        As `float_column` returns them.
    """
    old = float_column(column)
    places = np.flatnonzero((moved != old) & np.isfinite(moved))
    new = moved[places]
    if kind_of(column.dtype) != "float":
        cells = pd.Series(new.astype(np.int64)).astype(column.dtype)
    else:
        cells = pd.Series(new).astype(column.dtype)
    out = column.reset_index(drop=True).copy()
    out.iloc[places] = cells.array
    return out


def changed(column: pd.Series, moved: pd.Series) -> np.ndarray:
    """Return which cells of a numeric or date column were moved."""
    old, new = float_column(column), float_column(moved)
    return (old != new) & ~(np.isnan(old) & np.isnan(new))


def is_binary(column: pd.Series, alone: bool = False) -> bool:
    """Return whether a numeric column holds only 0 and 1; with `alone`, both of them."""
    known = column[~missing_in(column)]
    whole = kind_of(column.dtype) in ("integer", "float") and bool(known.isin([0, 1]).all())
    return whole and (not alone or known.nunique() == 2)


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
        if kind_of(column.dtype) == "text":
            column = column.map(lambda v: f"{type(v).__name__} {v}", na_action="ignore")
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
