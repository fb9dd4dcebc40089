"""Casts that change no value: a batch takes the dtypes of a schema, or an error says why not."""

from __future__ import annotations

from math import isfinite
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from xaikit.tables.dtypes import (
    NUMBERS,
    TIMES,
    inferred,
    is_number_dtype,
    is_object_dtype,
    kind_of,
    kind_of_cell,
    same_dtype,
)
from xaikit.tables.wording import is_missing, listed


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
    """Cast one column of a frame to `dtype` without changing a value, or raise a sentence.

    A value of the right kind that `dtype` cannot hold (a fraction among whole numbers, noon among
    days) widens the column.
    """
    if same_dtype(column.dtype, dtype):
        return column
    where = f"column {name!r}"
    if isinstance(dtype, pd.CategoricalDtype):
        return _cast_levels(column, dtype, where)
    if is_number_dtype(dtype):
        return pd.Series(_cast_to_numbers(column, dtype, where), index=column.index)
    if is_object_dtype(dtype):
        return column.astype(object)
    missing = np.asarray(column.isna())
    if missing.all():
        return _cast_or_raise(pd.Series([None] * len(column), column.index, object), dtype, where)
    wanted, family = kind_of(dtype), _family(column[~missing])
    if wanted in TIMES:
        return _cast_to_times(column, dtype, family, where)
    if wanted in NUMBERS:
        return _cast_to_nullable(column, dtype, family, where)
    return _cast_to_cells(column, dtype, family, where)


def _family(known: pd.Series) -> str:
    """Return what cells are: numbers, datetime, timedelta, text (all of them str) or other."""
    own = kind_of(known.dtype)
    if own in (*NUMBERS, *TIMES):
        return own if own in TIMES else "numbers"
    families = {_family_of_cell(cell) for cell in known}
    return families.pop() if len(families) == 1 else "other"


def _family_of_cell(cell: Any) -> str:
    kind = kind_of_cell(cell)
    if kind == "text":
        return "text" if isinstance(cell, str) else "other"
    return "numbers" if kind in NUMBERS else kind


def _cast_or_raise(column: pd.Series, dtype: Any, where: str, got: Any = None) -> pd.Series:
    try:
        return column.astype(dtype)
    except (TypeError, ValueError, ArithmeticError, NotImplementedError) as error:
        raise ValueError(f"{where} should be {dtype}, got "
                         f"{column.dtype if got is None else got}: {error}.") from error


def _cast_to_numbers(column: pd.Series, dtype: Any, where: str) -> np.ndarray:
    own = column.dtype
    if is_number_dtype(own):
        return cast_numbers(column.to_numpy(), dtype)
    missing = pd.isna(column).to_numpy()
    if _family(column[~missing]) in TIMES:
        raise ValueError(f"{where} should be {dtype}, got {_words(column)}.")
    if not missing.any():
        return cast_objects(column.to_numpy(dtype=object), dtype, where)
    values = np.full(len(column), np.nan)
    values[~missing] = numbers_or_raise(column[~missing].tolist(), where,
                                        np.flatnonzero(~missing))
    return cast_numbers(values, dtype)


def _cast_to_nullable(column: pd.Series, dtype: Any, family: str, where: str) -> pd.Series:
    """Cast to the numbers of pandas that may be missing, of Arrow, or of sparse columns."""
    if family not in ("numbers", "text"):
        raise ValueError(f"{where} should be {dtype}, got {_words(column)}.")
    known = np.flatnonzero(column.notna())
    # Python does not compare Decimal with NumPy's whole numbers.
    cells = [v.item() if isinstance(v, np.generic) else v for v in column.iloc[known]]
    if family == "text":
        whole = _whole_numbers(cells)
        cells = (numbers_or_raise(cells, where, known) if whole is None else whole).tolist()
        column = pd.Series(cells, column.index[known]).reindex(column.index)
    # True and False are no numbers to the user, so that 2 among them is a mistake.
    for held in (dtype,) if kind_of(dtype) == "boolean" else (dtype, _widened(dtype)):
        try:
            cast = column.astype(held)
        except (TypeError, ValueError, ArithmeticError, NotImplementedError):
            continue
        if np.array_equal(np.flatnonzero(cast.notna()), known) \
                and _same_numbers(cast.iloc[known].tolist(), cells, held):
            return cast
    raise ValueError(f"{where} should be {dtype}; values of {_words(column)} would change.")


def _widened(dtype: Any) -> Any:
    """Return the floats of the library that a dtype of numbers belongs to."""
    if isinstance(dtype, pd.ArrowDtype):
        return pd.api.types.pandas_dtype("double[pyarrow]")
    return pd.SparseDtype(np.float64) if isinstance(dtype, pd.SparseDtype) else pd.Float64Dtype()


def _same_numbers(cast: list[Any], cells: list[Any], dtype: Any) -> bool:
    """Return whether numbers are as they were, but for the rounding that floats bring."""
    held = getattr(dtype, "subtype", getattr(dtype, "numpy_dtype", np.dtype(object)))
    if cast == cells or kind_of(dtype) != "float":
        return cast == cells
    eps = float(np.finfo(held if held.kind == "f" else np.float64).eps)
    return all(a == b or (not isinstance(b, Integral) and isfinite(b)
                          and abs(float(a) - float(b)) <= eps * abs(float(b)))
               for a, b in zip(cast, cells, strict=True))


def _cast_to_times(column: pd.Series, dtype: Any, family: str, where: str) -> pd.Series:
    if family not in (kind_of(dtype), "text"):
        raise ValueError(f"{where} should be {dtype}, got {_words(column)}.")
    own = _parsed(column, dtype, where) if family == "text" else inferred(column)
    if is_object_dtype(own.dtype):
        raise ValueError(f"{where} should be {dtype}, got times of several zones or units.")
    if (_zone(own.dtype) is None) != (_zone(dtype) is None):
        raise ValueError(f"{where} should be {dtype}, got {own.dtype}: with and without a time "
                         "zone are two things; use dt.tz_localize or dt.tz_convert.")
    try:
        cast = own.astype(dtype)
        known = np.asarray(own.notna())
        kept = np.array_equal(np.asarray(cast.notna()), known) \
            and (cast.astype(own.dtype) == own)[known].all()
    except (ValueError, OverflowError):
        kept = False
    # Times that are finer than the schema's, or beyond it, keep their unit.
    return cast if kept else own


def _parsed(column: pd.Series, dtype: Any, where: str) -> pd.Series:
    """Return text as times, in nanoseconds where they fit."""
    texts = column.astype(object)
    if kind_of(dtype) == "timedelta":
        bare = [v for v in texts[texts.notna()] if v.strip().lstrip("+-").isdecimal()]
        if bare:
            raise ValueError(f"{where} should be {dtype}, got {bare[0]!r}, a duration without a "
                             f"unit; write '{bare[0].strip()} seconds'.")
    try:
        return texts.astype(_finest(dtype))
    except (ValueError, OverflowError):
        return _cast_or_raise(texts, dtype, where, column.dtype)


def _finest(dtype: Any) -> Any:
    """Return the dtype of the same kind and zone that counts nanoseconds."""
    if kind_of(dtype) == "timedelta":
        return np.dtype("m8[ns]")
    zone = _zone(dtype)
    return np.dtype("M8[ns]") if zone is None else pd.DatetimeTZDtype("ns", zone)


def _zone(dtype: Any) -> Any:
    held = dtype.pyarrow_dtype if isinstance(dtype, pd.ArrowDtype) else dtype
    return getattr(held, "tz", None)


def _cast_to_cells(column: pd.Series, dtype: Any, family: str, where: str) -> pd.Series:
    """Cast to text, or to what is compared cell by cell: periods, dates, times of day, bytes."""
    if _is_written(dtype) and family != "text":
        raise ValueError(f"{where} should hold text ({dtype}), got {_words(column)}. "
                         "Convert it to the dtype that the model was fitted with.")
    cast = _cast_or_raise(column.astype(object), dtype, where, _words(column))
    for old, new in zip(column, cast, strict=True):
        if is_missing(old) != is_missing(new) or not (is_missing(old) or _same_cell(old, new)):
            raise ValueError(f"{where} should be {dtype}, got {_words(column)}; "
                             f"{old!r} would become {new!r}.")
    return cast


def _is_written(dtype: Any) -> bool:
    return pd.api.types.is_string_dtype(dtype) and not isinstance(dtype, pd.PeriodDtype)


def _same_cell(old: Any, new: Any) -> bool:
    if isinstance(old, str) and not isinstance(new, str):
        return str(new) == old
    return isinstance(new, type(old)) and bool(old == new)


def _words(column: pd.Series) -> str:
    """Return a column's dtype, for objects with the types of its cells."""
    if not is_object_dtype(column.dtype):
        return str(column.dtype)
    types = sorted({type(v).__name__ for v in column if not is_missing(v)})
    return f"objects ({', '.join(types)})"


def _cast_levels(column: pd.Series, dtype: pd.CategoricalDtype, where: str) -> pd.Series:
    cells = column.astype(object)
    lost = (~cells.isin(dtype.categories.astype(object)) & cells.notna()).to_numpy(dtype=bool)
    if not any(map(_is_truth, dtype.categories)):
        # True equals 1, but is not a level of whole numbers.
        lost = lost | np.array([_is_truth(v) for v in column], dtype=bool)
    if lost.any():
        levels = listed(sorted({repr(v) for v in column[lost]}))
        raise ValueError(
            f"{where} holds levels that its categories do not know: {levels}. The model has never "
            "seen them; drop those rows, or add the levels to the background's categories."
        )
    return cells.astype(dtype)


def _is_truth(value: Any) -> bool:
    return isinstance(value, bool | np.bool_)
