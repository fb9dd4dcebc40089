"""Casts that change no value: a batch takes the dtypes of a schema, or a sentence says why not."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from xaikit.tables.tables import kind_of


def is_number(dtype: Any) -> bool:
    """Say whether a dtype is a NumPy number or boolean."""
    return isinstance(dtype, np.dtype) and dtype.kind in "biuf"


def is_object(dtype: Any) -> bool:
    """Say whether a dtype holds Python objects."""
    return isinstance(dtype, np.dtype) and dtype.kind == "O"


def cast_numbers(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Cast if no value changes, else keep the values in a dtype that holds both."""
    with np.errstate(invalid="ignore", over="ignore"):
        cast = values.astype(dtype)
        # There and back: beyond 2**53 a whole number and its float compare equal and are not.
        same = (cast == values) & (cast.astype(values.dtype) == values)
    if values.dtype.kind == "f" and dtype.kind == "f":
        # Narrower floats are the user's own precision: rounding is meant, overflow is not.
        same = np.isclose(cast, values, rtol=np.finfo(dtype).eps, atol=0, equal_nan=True)
    if np.all(same):
        return cast
    wide = values.astype(np.result_type(values.dtype, dtype))
    kept = values.dtype.kind == "f" or np.array_equal(wide.astype(values.dtype), values)
    return wide if kept else values


def _whole_numbers(column: pd.Series) -> np.ndarray | None:
    """Give cells that all are whole numbers, or the text of one, without a detour by floats."""
    try:
        cells = [int(v) for v in column.tolist() if isinstance(v, Integral | str)]
        return np.array(cells, dtype=np.int64) if len(cells) == len(column) else None
    except (TypeError, ValueError, OverflowError):
        return None


def numbers_or_raise(values: Any, where: str) -> np.ndarray:
    """Read numbers as float64, or say where something else stands."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where} should hold numbers, but does not: {error}.") from error


def cast_column(column: pd.Series, dtype: Any, name: str) -> pd.Series:
    """Cast one column of a frame to `dtype` without changing a value, or say why not."""
    own = column.dtype
    if same_dtype(own, dtype):
        return column
    where = f"column {name!r}"
    if isinstance(dtype, pd.CategoricalDtype):
        return _cast_levels(column, dtype, where)
    if is_number(dtype):
        if not is_number(own):
            missing = pd.isna(column).to_numpy()
            if kind_of(own) in ("datetime", "timedelta"):
                raise ValueError(f"{where} should be {dtype}, got {own}.")
            if dtype.kind in "iu" and not missing.any():
                whole = _whole_numbers(column)
                if whole is not None:
                    return pd.Series(cast_numbers(whole, dtype), index=column.index)
            values = np.full(len(column), np.nan)
            values[~missing] = numbers_or_raise(column[~missing].tolist(), where)
            return pd.Series(cast_numbers(values, dtype), index=column.index)
        return pd.Series(cast_numbers(column.to_numpy(), dtype), index=column.index)
    if kind_of(dtype) == "text":
        written = kind_of(own) in ("text", "category") or column.isna().all()
        if not written and not is_object(dtype):
            raise ValueError(f"{where} should hold text ({dtype}), got {own}. "
                             "Convert it to the dtype that the model was fitted with.")
        return column.astype(object).astype(dtype)
    timed = ("datetime", "timedelta")
    if kind_of(dtype) in timed and kind_of(own) not in (kind_of(dtype), "text"):
        raise ValueError(f"{where} should be {dtype}, got {own}.")
    if kind_of(dtype) == "integer" and kind_of(own) == "float" and _fractions(column):
        # Widened: a nullable column to the library's own nullable floats.
        return column.astype("double[pyarrow]" if isinstance(dtype, pd.ArrowDtype) else "Float64")
    try:
        cast = column.astype(dtype)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where} should be {dtype}, got {own}: {error}.") from error
    if not np.array_equal(np.asarray(cast.isna()), np.asarray(column.isna())):
        raise ValueError(f"{where} should be {dtype}; values of {own} would be lost.")
    known = column.notna()
    if kind_of(own) in ("boolean", "integer", "float") and not (
        cast[known].tolist() == column[known].tolist()
    ):
        raise ValueError(f"{where} should be {dtype}; values of {own} would change.")
    if kind_of(dtype) in timed:
        # Times finer than the schema's keep their unit, and the batch is widened.
        exact = column if kind_of(own) in timed else column.astype(_finest(dtype))
        return cast if (cast == exact)[known].all() else exact
    return cast


def _fractions(column: pd.Series) -> bool:
    cells = column.to_numpy(dtype=np.float64, na_value=np.nan)
    known = cells[np.isfinite(cells)]
    return bool((known != np.round(known)).any())


def _finest(dtype: Any) -> Any:
    """Give the dtype of the same kind and zone that counts nanoseconds."""
    if isinstance(dtype, pd.DatetimeTZDtype):
        return pd.DatetimeTZDtype("ns", dtype.tz)
    return np.dtype("M8[ns]" if kind_of(dtype) == "datetime" else "m8[ns]")


def same_dtype(own: Any, dtype: Any) -> bool:
    """Compare dtypes; those of unordered categories are only the same in the same order."""
    return own == dtype and (not isinstance(dtype, pd.CategoricalDtype)
                             or own.categories.equals(dtype.categories))


def _cast_levels(column: pd.Series, dtype: pd.CategoricalDtype, where: str) -> pd.Series:
    lost = (~column.isin(dtype.categories) & column.notna()).to_numpy(dtype=bool)
    if not any(map(_is_truth, dtype.categories)):
        # True equals 1, but is no level of whole numbers.
        lost = lost | np.array([_is_truth(v) for v in column], dtype=bool)
    if lost.any():
        levels = listed(sorted({repr(v) for v in column[lost]}))
        raise ValueError(
            f"{where} holds levels that its categories do not know: {levels}. The model has never "
            "seen them; drop those rows, or add the levels to the background's categories."
        )
    return column.astype(object).astype(dtype)


def _is_truth(value: Any) -> bool:
    return isinstance(value, bool | np.bool_)


def listed(names: Any, most: int = 8) -> str:
    """List the first few names."""
    names = list(names)
    return ", ".join(map(str, names[:most])) + (f", … ({len(names)} in all)"
                                                if len(names) > most else "")


