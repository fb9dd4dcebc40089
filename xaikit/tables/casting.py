"""Casts that change no value: a batch takes the dtypes of a schema, or an error says why not."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from xaikit.tables.dtypes import TIMES, is_number_dtype, is_object_dtype, kind_of, same_dtype
from xaikit.tables.wording import listed


def cast_numbers(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Cast if no value changes, else keep the values in a dtype that holds both."""
    with np.errstate(invalid="ignore", over="ignore"):
        cast = values.astype(dtype)
        # There and back: beyond 2**53 NumPy compares whole numbers and floats after rounding.
        same = (cast == values) & (cast.astype(values.dtype) == values)
    if values.dtype.kind == "f" and dtype.kind == "f":
        # The user chose narrower floats, so rounding is allowed; overflow is not.
        same = np.isclose(cast, values, rtol=np.finfo(dtype).eps, atol=0, equal_nan=True)
    if np.all(same):
        return cast
    wide = values.astype(np.result_type(values.dtype, dtype))
    kept = values.dtype.kind == "f" or np.array_equal(wide.astype(values.dtype), values)
    return wide if kept else values


def cast_objects(values: np.ndarray, dtype: np.dtype, where: str) -> np.ndarray:
    """Cast Python objects as `cast_numbers` does; whole numbers never go through floats."""
    whole = _whole_numbers(values.ravel().tolist()) if dtype.kind in "iu" else None
    numbers = numbers_or_raise(values, where) if whole is None else whole.reshape(values.shape)
    return cast_numbers(numbers, dtype)


def _whole_numbers(cells: list[Any]) -> np.ndarray | None:
    """Return cells as whole numbers of 64 bits if all are such, or the text of one."""
    for dtype in (np.int64, np.uint64):
        try:
            whole = [int(v) for v in cells if isinstance(v, Integral | str)]
            return np.array(whole, dtype=dtype) if len(whole) == len(cells) else None
        except OverflowError:
            continue
        except (TypeError, ValueError):
            return None
    return None


def numbers_or_raise(values: Any, where: str, rows: Any = None) -> np.ndarray:
    """Return numbers as float64, or raise a sentence that says where something else stands.

    `rows` are the positions of the values in their table, if they are not all of its rows.
    """
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        cells = np.asarray(values, dtype=object)
        row = next((k for k, cell in enumerate(cells) if not _are_numbers(cell)), None)
        row = row if rows is None or row is None else rows[row]
        place = "" if row is None else f", in row {row} (counted from 0)"
        raise ValueError(f"{where} should hold numbers, but does not: {error}{place}.") from error


def _are_numbers(cells: Any) -> bool:
    try:
        np.asarray(cells, dtype=np.float64)
    except (TypeError, ValueError):
        return False
    return True


def cast_column(column: pd.Series, dtype: Any, name: str) -> pd.Series:
    """Cast one column of a frame to `dtype` without changing a value, or raise a sentence."""
    if same_dtype(column.dtype, dtype):
        return column
    where = f"column {name!r}"
    if isinstance(dtype, pd.CategoricalDtype):
        return _cast_levels(column, dtype, where)
    if is_number_dtype(dtype):
        return pd.Series(_cast_to_numbers(column, dtype, where), index=column.index)
    if kind_of(dtype) == "text":
        return _cast_to_text(column, dtype, where)
    return _cast_to_extension(column, dtype, where)


def _cast_to_numbers(column: pd.Series, dtype: Any, where: str) -> np.ndarray:
    own = column.dtype
    if is_number_dtype(own):
        return cast_numbers(column.to_numpy(), dtype)
    if kind_of(own) in TIMES:
        raise ValueError(f"{where} should be {dtype}, got {own}.")
    missing = pd.isna(column).to_numpy()
    if not missing.any():
        return cast_objects(column.to_numpy(dtype=object), dtype, where)
    values = np.full(len(column), np.nan)
    values[~missing] = numbers_or_raise(column[~missing].tolist(), where,
                                        np.flatnonzero(~missing))
    return cast_numbers(values, dtype)


def _cast_to_text(column: pd.Series, dtype: Any, where: str) -> pd.Series:
    written = kind_of(column.dtype) in ("text", "category") or column.isna().all()
    if not written and not is_object_dtype(dtype):
        raise ValueError(f"{where} should hold text ({dtype}), got {column.dtype}. "
                         "Convert it to the dtype that the model was fitted with.")
    return column.astype(object).astype(dtype)


def _cast_to_extension(column: pd.Series, dtype: Any, where: str) -> pd.Series:
    """Cast to times, or to the nullable dtypes of pandas and Arrow."""
    own, wanted = kind_of(column.dtype), kind_of(dtype)
    if wanted in TIMES and own not in (wanted, "text"):
        raise ValueError(f"{where} should be {dtype}, got {column.dtype}.")
    if wanted == "integer" and own == "float" and _fractions(column):
        # Widened to the nullable floats of the same library.
        return column.astype("double[pyarrow]" if isinstance(dtype, pd.ArrowDtype) else "Float64")
    try:
        cast = column.astype(dtype)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where} should be {dtype}, got {column.dtype}: {error}.") from error
    if not np.array_equal(np.asarray(cast.isna()), np.asarray(column.isna())):
        raise ValueError(f"{where} should be {dtype}; values of {column.dtype} would be lost.")
    known = column.notna()
    if own in ("boolean", "integer", "float") and not (
        cast[known].tolist() == column[known].tolist()
    ):
        raise ValueError(f"{where} should be {dtype}; values of {column.dtype} would change.")
    if wanted in TIMES:
        # Times finer than the schema's keep their unit, which widens the batch.
        exact = column if own in TIMES else column.astype(_finest(dtype))
        return cast if (cast == exact)[known].all() else exact
    return cast


def _fractions(column: pd.Series) -> bool:
    cells = column.to_numpy(dtype=np.float64, na_value=np.nan)
    known = cells[np.isfinite(cells)]
    return bool((known != np.round(known)).any())


def _finest(dtype: Any) -> Any:
    """Return the dtype of the same kind and zone that counts nanoseconds."""
    if isinstance(dtype, pd.DatetimeTZDtype):
        return pd.DatetimeTZDtype("ns", dtype.tz)
    return np.dtype("M8[ns]" if kind_of(dtype) == "datetime" else "m8[ns]")


def _cast_levels(column: pd.Series, dtype: pd.CategoricalDtype, where: str) -> pd.Series:
    lost = (~column.isin(dtype.categories) & column.notna()).to_numpy(dtype=bool)
    if not any(map(_is_truth, dtype.categories)):
        # True equals 1, but is not a level of whole numbers.
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
