"""Casts that change no value: a batch takes the dtypes of a schema, or an error says why not."""

from __future__ import annotations

import re
from decimal import Decimal
from math import isfinite
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from xaikit.tables.dtypes import (
    NUMBERS,
    TIMES,
    are_objects,
    inferred,
    is_number_dtype,
    is_object_dtype,
    kind_of,
    kind_of_cell,
    same_dtype,
)
from xaikit.tables.object_numbers import object_numbers
from xaikit.tables.tables import holds
from xaikit.tables.wording import is_missing, listed

MOST_DIGITS = 30
"""Digits after the point up to which decimals are widened."""


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
    rows = np.repeat(np.arange(len(values)), values[0].size).tolist() \
        if values.ndim > 1 and len(values) else None
    return cast_numbers(object_numbers(values.ravel(), where, rows).reshape(values.shape), dtype)


def cast_times(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Cast NumPy's times, or keep those that are finer than `dtype` or beyond it.

    Raises
    ------
    ValueError
        If the one are points in time and the other durations.
    """
    if values.dtype.kind != dtype.kind:
        raise ValueError(f"expected an array of {dtype}, got {values.dtype}.")
    return values.astype(dtype) if holds(dtype, values) else values


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
        return _of_nothing(column, dtype, where)
    wanted, family = kind_of(dtype), _family(column[~missing])
    if wanted in TIMES:
        return _cast_to_times(column, dtype, family, where)
    if wanted in NUMBERS:
        return _cast_to_nullable(column, dtype, family, where)
    return _cast_to_cells(column, dtype, family, where)


def _of_nothing(column: pd.Series, dtype: Any, where: str) -> pd.Series:
    """Return a column of missing cells; a sparse one of whole numbers or truths has none."""
    nothing = pd.Series([None] * len(column), column.index, object)
    sparse = isinstance(dtype, pd.SparseDtype)
    for held in (dtype, *([pd.SparseDtype(np.float64)] if sparse else [])):
        try:
            cast = nothing.astype(held)
        except (TypeError, ValueError, NotImplementedError):
            continue
        if cast.isna().all():
            return cast
    raise ValueError(f"{where} should be {dtype}, which has no missing values, and all are.")


def _family(known: pd.Series) -> str:
    """Return what cells are: numbers, datetime, timedelta, text (all of them str) or other."""
    own = kind_of(known.dtype)
    if own in (*NUMBERS, *TIMES):
        return own if own in TIMES else "numbers"
    # One cell of each type says it for all, but for NumPy's times, whose units are the cell's.
    cells = {type(cell): cell for cell in known}
    of_units = [v for v in known if isinstance(v, np.datetime64 | np.timedelta64)] \
        if any(issubclass(t, np.datetime64 | np.timedelta64) for t in cells) else []
    families = {_family_of_cell(cell) for cell in (*cells.values(), *of_units)}
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
    if kind_of(own) in TIMES:
        raise ValueError(f"{where} should be {dtype}, got {_words(column)}.")
    return cast_objects(column.to_numpy(dtype=object), dtype, where)


def _cast_to_nullable(column: pd.Series, dtype: Any, family: str, where: str) -> pd.Series:
    """Cast to the numbers of pandas that may be missing, of Arrow, or of sparse columns."""
    if family not in ("numbers", "text") or (family == "text" and kind_of(dtype) == "boolean"):
        raise ValueError(f"{where} should be {dtype}, got {_words(column)}.")
    known = np.flatnonzero(column.notna())
    cells = _plain_cells(column.iloc[known])
    if family == "text":
        cells = object_numbers(cells, where, known.tolist()).tolist()
    for held in (dtype, *_wider(dtype, cells)):
        try:
            cast = _given(column, cells, known, held).astype(held)
        except (TypeError, ValueError, ArithmeticError, NotImplementedError):
            continue
        if np.array_equal(np.flatnonzero(cast.notna()), known) \
                and _same_numbers(_plain_cells(cast.iloc[known]), cells, held):
            return cast
    raise ValueError(f"{where} should be {dtype}; values of {_words(column)} would change.")


def _plain_cells(known: pd.Series) -> list[Any]:
    """Return numbers as Python's: it does not compare Decimal with NumPy's whole numbers."""
    return [v.item() if isinstance(v, np.generic) else v for v in known.tolist()]


def _given(column: pd.Series, cells: list[Any], known: np.ndarray, held: Any) -> pd.Series:
    """Return what is to be cast: Arrow's decimals take nothing but decimals of their own scale.

    It also rounds decimals to floats twice, so that they are floats here.
    """
    decimal = str(held).startswith("decimal")
    if kind_of(column.dtype) in NUMBERS and not are_objects(column.dtype) and not decimal:
        return column
    numbers = np.full(len(column), None, dtype=object)
    if decimal:
        unit = Decimal(1).scaleb(-held.pyarrow_dtype.scale)
        numbers[known] = [Decimal(repr(v) if isinstance(v, float) else v).quantize(unit)
                          for v in cells]
    else:
        numbers[known] = [float(v) if _is_float(held) and not isinstance(v, Integral) else v
                          for v in cells]
    return pd.Series(numbers, column.index)


def _numpy_of(dtype: Any) -> np.dtype:
    """Return the NumPy dtype of the numbers in a dtype; that of objects for Arrow's decimals."""
    return getattr(dtype, "subtype", getattr(dtype, "numpy_dtype", np.dtype(object)))


def _is_float(dtype: Any) -> bool:
    return _numpy_of(dtype).kind == "f"


def _wider(dtype: Any, cells: list[Any]) -> list[Any]:
    """Return the dtypes to try for numbers that one does not hold, of the same library.

    True and False are no numbers to the user, so that 2 among them is a mistake.
    """
    kind = kind_of(dtype)
    if kind == "boolean" and not isinstance(dtype, pd.SparseDtype):
        return []
    if str(dtype).startswith("decimal") and all(isinstance(v, Decimal | int) for v in cells):
        exponents = [v.as_tuple().exponent for v in cells if isinstance(v, Decimal)]
        if not all(isinstance(e, int) for e in exponents):
            return []  # infinity, which no decimal of Arrow is
        scale = max([0, *(-int(e) for e in exponents)])
        return [pd.ArrowDtype(type_for_decimals(scale))] if scale <= MOST_DIGITS else []
    if isinstance(dtype, pd.ArrowDtype):
        wider = ["int64[pyarrow]", "double[pyarrow]"]
    elif isinstance(dtype, pd.SparseDtype):
        wider = [pd.SparseDtype(np.int64), pd.SparseDtype(np.float64)]
    else:
        wider = ["Int64", "Float64"]
    return [pd.api.types.pandas_dtype(d) for d in (wider if kind == "integer" else wider[1:])]


def type_for_decimals(scale: int) -> Any:
    """Return Arrow's widest decimals of 128 bits, with `scale` digits after the point."""
    import pyarrow as pa

    return pa.decimal128(38, scale)


def _same_numbers(cast: list[Any], cells: list[Any], dtype: Any) -> bool:
    """Return whether numbers are as they were, but for the rounding that floats bring."""
    if not _is_float(dtype):
        return all(a == b or (isinstance(b, float) and isinstance(a, Decimal) and float(a) == b)
                   for a, b in zip(cast, cells, strict=True))
    held = _numpy_of(dtype)
    with np.errstate(over="ignore"):  # a number beyond float32 is infinite there, and so not equal
        return all(a == b or (not isinstance(b, Integral) and isfinite(b) and a == held.type(b)
                              and isfinite(a)) for a, b in zip(cast, cells, strict=True))


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
    pattern, advice = _WRITTEN[kind_of(dtype)]
    strange = [v for v in texts[texts.notna()] if not pattern.match(v)]
    if strange:
        raise ValueError(f"{where} should be {dtype}, got the text {strange[0]!r}; {advice}.")
    try:
        return texts.astype(_finest(dtype))
    except (ValueError, OverflowError):  # beyond what nanoseconds reach, or no time
        return _cast_or_raise(texts, dtype, where, column.dtype)


_WRITTEN = {
    "datetime": (re.compile(r"\d{4}-\d{1,2}-\d{1,2}([T ]\d|$)"),
                 "a time is written as 2024-01-31 or 2024-01-31 12:00"),
    "timedelta": (re.compile(r"[+-]?(P|\d+(\.\d*)?\s*[a-zA-Zµ]|\d+:\d+)"),
                  "a duration is written with its unit, such as '5 s' or '2 days 12:00:00'"),
}
"""How text begins that pandas reads as what it says; it takes other text for much else."""


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
    # True equals 1, but is not a level of whole numbers, nor 1 one of truth values.
    truths, known = set(map(_is_truth, dtype.categories)), cells.notna().to_numpy(dtype=bool)
    if len(truths) == 1:
        odd = np.array([_is_truth(v) not in truths for v in cells], dtype=bool)
        lost = lost | (odd & known)
    if lost.any():
        levels = listed(sorted({repr(v) for v in column[lost]}))
        raise ValueError(
            f"{where} holds levels that its categories do not know: {levels}. The model has never "
            "seen them; drop those rows, or add the levels to the background's categories."
        )
    return cells.astype(dtype)


def _is_truth(value: Any) -> bool:
    return isinstance(value, bool | np.bool_)
