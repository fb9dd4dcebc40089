"""Arrays and frames as strict JSON, without pickle or rounding; `decoding` reads it."""

from __future__ import annotations

import base64
import math
import warnings
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd

from xaikit.explanations.arrow_streams import arrow_text
from xaikit.explanations.floats import encode_floats
from xaikit.explanations.plain import plain
from xaikit.explanations.room import TAG
from xaikit.explanations.zones import clock_parts, zone_of_pandas
from xaikit.tables.wording import cut


def encode(value: Any) -> Any:
    """Return a value as JSON types; `decoding.decode` returns an equal value of the same type.

    Supported are None, bool, int, float, complex, str, bytes, UUID, Decimal, Fraction, Python's
    dates and times, NumPy arrays and scalars, pandas' frames, timestamps, time differences,
    intervals and periods, and lists, tuples and text-keyed dicts of supported values.

    Raises
    ------
    TypeError
        For a value of any other type, also of one that is derived from these, such as a member of
        an Enum or a named tuple: it would come back as another type.
    """
    kind = type(value)
    if kind in _ENCODERS:
        return _ENCODERS[kind](value)
    if kind in _PARTS:
        name, parts = _PARTS[kind]
        return {TAG: name, "data": [encode(part) for part in parts(value)]}
    if isinstance(value, np.generic) and kind is value.dtype.type:
        return _encode_scalar(value)
    plain = kind.__repr__ is object.__repr__  # an address in memory
    what = f"an object of type {kind.__name__}" if plain else \
        f"{cut(repr(value))} of type {kind.__name__}"
    raise TypeError(f"JSON cannot hold {what} exactly; convert it to numbers, text or dates first.")


def encode_field(name: str, value: Any) -> Any:
    """Return a field of a result as JSON types, with labels and settings as `plain` types.

    Raises
    ------
    TypeError
        As for `encode`; the sentence names the field, and the entry of a dict.
    """
    try:
        value = plain(value)
        return encode(value)
    except TypeError as error:
        raise TypeError(f"{_place(name, value)}: {error}") from error
    except RecursionError as error:
        raise TypeError(f"{name}: it is nested too deeply for JSON.") from error


def _place(name: str, value: Any) -> str:
    for key, entry in value.items() if isinstance(value, dict) else ():
        try:
            encode(entry)
        except TypeError:
            return f"{name}[{key!r}]"
    return name


def check_frame(frame: pd.DataFrame) -> None:
    """Check that JSON can hold the cells, dtypes and names of a frame.

    Raises
    ------
    TypeError
        If not; the sentence names the column.
    """
    _encode_frame(frame)


_PARTS: dict[type, tuple[str, Callable[[Any], tuple[Any, ...]]]] = {
    complex: ("complex", lambda v: (v.real, v.imag)),
    bytes: ("bytes", lambda v: (_base64(v),)),
    Decimal: ("decimal", lambda v: (str(v),)),
    Fraction: ("fraction", lambda v: (v.numerator, v.denominator)),
    date: ("date", lambda v: (v.isoformat(),)),
    datetime: ("datetime", clock_parts),
    time: ("time", clock_parts),
    timedelta: ("duration", lambda v: (v.days, v.seconds, v.microseconds)),
    UUID: ("uuid", lambda v: (str(v),)),
    pd.Interval: ("interval", lambda v: (v.left, v.right, v.closed)),
    pd.Period: ("period", lambda v: (v.ordinal, v.freqstr)),
}
"""The names of types in a file, and the parts that `decoding` makes them of again."""


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _encode_int(value: int) -> Any:
    # Python neither writes nor reads decimals of more than 640 digits where it is set so.
    return value if value.bit_length() <= 2048 else {TAG: "integer", "data": hex(value)}


def _encode_float(value: float) -> Any:
    return value if math.isfinite(value) else {TAG: "float", "data": _cells(np.array([value]))[0]}


def _encode_dict(value: dict) -> dict:
    if not all(type(k) is str for k in value) or TAG in value:
        raise TypeError(f"JSON objects need text keys, got {cut(list(value)[:5])}; make text of "
                        f"them, other than {TAG!r}, or a list of pairs.")
    return {k: encode(v) for k, v in value.items()}


def _encode_scalar(value: np.generic) -> dict:
    # An array would drop the zeros at the end of a text.
    if isinstance(value, np.bytes_ | np.str_):
        data = _base64(bytes(value)) if isinstance(value, bytes) else str.__str__(value)
    else:
        data = _cells(value.reshape(1))[0]
    return {TAG: "scalar", "dtype": _dtype_text(value.dtype), "data": data}


def _dtype_text(dtype: np.dtype) -> str:
    """Return the text of a dtype, which tells C's long from its long long of the same size."""
    text = dtype.str
    return text if np.dtype(text).char == dtype.char else text[0] + dtype.char


def _encode_timestamp(value: pd.Timestamp) -> dict:
    return {TAG: "timestamp", "data": encode(value.to_datetime64()), "fold": value.fold,
            "zone": None if value.tz is None else zone_of_pandas(value.tz)}


def _cells(array: np.ndarray) -> list:
    """Return the cells of a one-dimensional array as JSON types (non-finite floats as text)."""
    kind = array.dtype.kind
    if kind in "mM":
        return array.view(np.int64).tolist()
    if kind == "c":
        return [list(pair) for pair in zip(_cells(array.real), _cells(array.imag), strict=True)]
    if kind == "S":
        return [_base64(v) for v in array.tolist()]
    if kind == "f":
        return encode_floats(array) if array.dtype.itemsize <= 8 else [str(v) for v in array]
    if kind == "O":
        return [encode(v) for v in array]
    if kind in "biuU":
        return array.tolist()
    raise TypeError(f"JSON cannot hold an array of dtype {array.dtype} exactly; convert it to "
                    "numbers or text first.")


def _encode_array(array: np.ndarray) -> dict:
    data = _cells(np.ascontiguousarray(array).reshape(-1))
    return {TAG: "array", "dtype": _dtype_text(array.dtype), "shape": list(array.shape),
            "data": data}


def _encode_column(column: pd.Series) -> dict:
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        categories = _encode_axis(dtype.categories, lambda level: level)
        codes = column.cat.codes.tolist()
        return {"kind": "category", "ordered": bool(dtype.ordered), "categories": categories,
                "data": codes}
    if isinstance(dtype, pd.DatetimeTZDtype):
        stamps = column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
        return {"kind": "zoned", "zone": zone_of_pandas(dtype.tz), "data": _encode_array(stamps)}
    if isinstance(dtype, np.dtype):
        return {"kind": "bytes" if dtype.kind == "S" else "array",
                "data": _encode_array(column.to_numpy())}
    if isinstance(dtype, pd.ArrowDtype):
        return {"kind": "arrow", "data": arrow_text(column)}
    if isinstance(dtype, pd.IntervalDtype):
        ends = pd.arrays.IntervalArray(column)
        return {"kind": "interval", "closed": dtype.closed,
                "data": [_encode_column(pd.Series(end)) for end in (ends.left, ends.right)]}
    if isinstance(dtype, pd.SparseDtype):
        return {"kind": "sparse", "fill": encode(dtype.fill_value),
                "data": _encode_array(column.sparse.to_dense().to_numpy())}
    if isinstance(dtype, pd.PeriodDtype):  # whose texts pandas reads up to year 9999
        return {"kind": "periods", "dtype": str(dtype),
                "data": pd.PeriodIndex(column).asi8.tolist()}
    if isinstance(dtype, pd.Float32Dtype | pd.Float64Dtype):  # NaN may stand beside NA
        gone = [cell is pd.NA for cell in column.array]
        cells = column.to_numpy(dtype=dtype.numpy_dtype, na_value=np.nan)
        return {"kind": "floats", "data": _encode_array(cells), "missing": gone}
    cells = [None if missing else encode(cell)
             for cell, missing in zip(column.tolist(), column.isna(), strict=True)]
    name = str(dtype)
    if isinstance(dtype, pd.StringDtype) and dtype.storage == "python":
        name = "string[python]" if dtype.na_value is pd.NA else "str[python]"
    return {"kind": "extension", "dtype": name, "data": cells}


def _encode_frame(frame: pd.DataFrame) -> dict:
    columns = []
    for k, name in enumerate(frame.columns):
        try:
            columns.append(_encode_column(frame.iloc[:, k]))
        except TypeError as error:
            raise TypeError(f"column {str(name)!r} cannot be written to a file: {error}") from error
    return {TAG: "frame", "columns": columns,
            "axes": [_encode_axis(frame.index), _encode_axis(frame.columns)]}


def _encode_axis(axis: pd.Index, label: Callable[[Any], Any] = plain) -> dict:
    """Return the labels of rows or columns as JSON types, with the dtype and the names.

    Levels of categories are written so too, but are cells: `label` leaves them as they are.
    """
    named = {"names": encode(plain(list(axis.names)))}
    if isinstance(axis, pd.MultiIndex):
        return {**named, "levels": [_encode_axis(level) for level in axis.levels],
                "codes": [codes.tolist() for codes in axis.codes]}
    if isinstance(axis, pd.RangeIndex):
        return {**named, "range": [axis.start, axis.stop, axis.step]}
    labels = pd.Series(axis)
    if axis.dtype == object:
        labels = pd.Series([label(v) for v in axis], dtype=object)
    return {**named, "labels": _encode_column(labels), "freq": _freq(axis)}


def _freq(axis: pd.Index) -> str | None:
    """Return the text of a regular axis of times; None, and a warning, if pandas has no text."""
    freq = getattr(axis, "freq", None) if isinstance(
        axis, pd.DatetimeIndex | pd.TimedeltaIndex) else None
    if freq is None:
        return None
    try:
        known = pd.tseries.frequencies.to_offset(freq.freqstr)
    except ValueError:
        known = None
    if known == freq and known.normalize == freq.normalize:
        return str(freq.freqstr)
    warnings.warn(f"the freq {freq!r} of an index has no text that pandas reads, so the file does "
                  "not hold it; its labels are all there.", UserWarning, stacklevel=2)
    return None


_ENCODERS: dict[type, Callable[[Any], Any]] = {
    **dict.fromkeys((type(None), bool, str), lambda v: v),
    int: _encode_int,
    float: _encode_float,
    list: lambda v: [encode(x) for x in v],
    tuple: lambda v: {TAG: "tuple", "data": [encode(x) for x in v]},
    dict: _encode_dict,
    np.ndarray: _encode_array,
    pd.DataFrame: _encode_frame,
    **dict.fromkeys((type(pd.NaT), type(pd.NA)), lambda v: {TAG: "missing", "kind": repr(v)}),
    pd.Timestamp: _encode_timestamp,
    pd.Timedelta: lambda v: {TAG: "timedelta", "data": encode(v.to_timedelta64())},
}
"""How the exact types are written that are not written as `_PARTS`."""
