"""Arrays and frames as strict JSON and back, without pickle or rounding."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

_TAG = "__xaikit__"


def encode(value: Any) -> Any:
    """Return a value as JSON types; `decode` returns an equal value.

    Supported are None, bool, int, float, complex, str, bytes, UUID, Decimal, Fraction, Python's
    dates and times, NumPy arrays and scalars, pandas' frames, timestamps, time differences,
    intervals and periods, and lists, tuples and string-keyed dicts of supported values. Outside of
    tables, subclasses of list, dict, tuple, str and float come back as these.

    Raises
    ------
    TypeError
        For a value of any other type.
    """
    if value is None or type(value) in (bool, int, str):
        return value
    if isinstance(value, np.generic):
        return {_TAG: "scalar", "dtype": value.dtype.str, "data": _cells(value.reshape(1))[0]}
    if isinstance(value, float):
        return _float(float(value))
    if isinstance(value, str):
        return str(value)
    if isinstance(value, np.ndarray):
        return _encode_array(value)
    if isinstance(value, pd.DataFrame):
        return _encode_frame(value)
    if isinstance(value, tuple):
        return {_TAG: "tuple", "data": [encode(v) for v in value]}
    if isinstance(value, list):
        return [encode(v) for v in value]
    if isinstance(value, dict):
        return _encode_dict(value)
    if value is pd.NaT or value is pd.NA:
        return {_TAG: "missing", "kind": repr(value)}
    if isinstance(value, pd.Timestamp):
        return {_TAG: "timestamp", "data": value.isoformat(), "unit": value.unit,
                "zone": None if value.tz is None else _zone_name(value.tz)}
    if isinstance(value, pd.Timedelta):
        return {_TAG: "timedelta", "data": int(value.as_unit("ns").value),
                "unit": value.unit}
    if type(value) in _ENCODERS:
        name, parts = _ENCODERS[type(value)]
        return {_TAG: name, "data": [encode(part) for part in parts(value)]}
    raise _inexact(value)


def _inexact(value: Any) -> TypeError:
    return TypeError(f"JSON cannot hold {value!r} of type {type(value).__name__} exactly; "
                     "convert it to numbers, text or dates first.")


def _encode_cell(cell: Any) -> Any:
    """Return a cell of a table as JSON types.

    Raises
    ------
    TypeError
        As for `encode`; also for members of an Enum, named tuples and others that would come back
        as the type that they are derived from: a file imports no class of a user's.
    """
    derived = isinstance(cell, str | float | tuple) and type(cell) not in (str, float, tuple)
    if derived and not isinstance(cell, np.generic):
        raise _inexact(cell)
    return encode(cell)


def check_frame(frame: pd.DataFrame) -> None:
    """Check that JSON can hold the cells and dtypes of a frame.

    Raises
    ------
    TypeError
        If not; the sentence names the column.
    """
    for k, name in enumerate(frame.columns):
        try:
            _encode_column(frame.iloc[:, k])
        except TypeError as error:
            raise TypeError(f"column {str(name)!r} cannot be written to a file: {error}") from error


def _zone_name(zone: tzinfo) -> str:
    """Return the name of a zone of pandas."""
    try:
        pd.DatetimeTZDtype(tz=str(zone))
    except (KeyError, TypeError, ValueError) as error:
        raise TypeError(f"JSON cannot hold the time zone {zone!r} exactly; convert the times to a "
                        "zone that has a name.") from error
    return str(zone)


def _zone(zone: tzinfo | None) -> Any:
    """Return the zone of a Python time as its name, or as its offset from UTC in microseconds."""
    if zone is None:
        return None
    if isinstance(zone, ZoneInfo) and zone.key is not None:
        return zone.key
    if isinstance(zone, timezone) and zone == timezone(zone.utcoffset(None)):
        return zone.utcoffset(None) // timedelta(microseconds=1)
    raise TypeError(f"JSON cannot hold the time zone {zone!r} exactly; use zoneinfo.ZoneInfo, or "
                    "pandas' times.")


def _with_zone(value: Any, zone: Any, fold: int) -> Any:
    if isinstance(zone, int):
        zone = timezone(timedelta(microseconds=zone))
    return value.replace(tzinfo=ZoneInfo(zone) if isinstance(zone, str) else zone, fold=fold)


def _of_clock(value: Any) -> tuple[Any, ...]:
    return value.replace(tzinfo=None, fold=0).isoformat(), _zone(value.tzinfo), value.fold


_ENCODERS: dict[type, tuple[str, Callable[[Any], tuple[Any, ...]]]] = {
    complex: ("complex", lambda v: (v.real, v.imag)),
    bytes: ("bytes", lambda v: (base64.b64encode(v).decode("ascii"),)),
    Decimal: ("decimal", lambda v: (str(v),)),
    Fraction: ("fraction", lambda v: (v.numerator, v.denominator)),
    date: ("date", lambda v: (v.isoformat(),)),
    datetime: ("datetime", _of_clock),
    time: ("time", _of_clock),
    timedelta: ("duration", lambda v: (v.days, v.seconds, v.microseconds)),
    UUID: ("uuid", lambda v: (str(v),)),
    pd.Interval: ("interval", lambda v: (v.left, v.right, v.closed)),
    pd.Period: ("period", lambda v: (v.ordinal, v.freqstr)),
}
"""The names of further types in a file, and the parts that `_DECODERS` makes them of again."""


def decode(value: Any) -> Any:
    """Return the value that `encode` converted."""
    if isinstance(value, list):
        return [decode(v) for v in value]
    if not isinstance(value, dict):
        return value
    kind = value.get(_TAG)
    if kind is None:
        return {k: decode(v) for k, v in value.items()}
    return _DECODERS[kind](value)


def _float(value: float) -> Any:
    return value if math.isfinite(value) else {_TAG: "float", "data": repr(value)}


def _encode_dict(value: dict) -> dict:
    if not all(isinstance(k, str) for k in value) or _TAG in value:
        raise TypeError(f"JSON objects need text keys, got {list(value)[:5]!r}.")
    return {k: encode(v) for k, v in value.items()}


def _cells(array: np.ndarray) -> list:
    """Return the cells of a one-dimensional array as JSON types (non-finite floats as text)."""
    kind = array.dtype.kind
    if kind in "mM":
        return array.view(np.int64).tolist()
    if kind == "c":
        return [list(pair) for pair in zip(_cells(array.real), _cells(array.imag), strict=True)]
    if kind == "S":
        return [base64.b64encode(v).decode("ascii") for v in array.tolist()]
    if kind == "f" and array.dtype.itemsize > 8:
        return [str(v) for v in array]
    if kind == "f":
        # float16 and float32 widen to float64 and narrow back without loss.
        cells = array.astype(np.float64)
        bad = ~np.isfinite(cells)
        out = cells.tolist()
        for i in np.flatnonzero(bad):
            out[i] = repr(out[i])
        return out
    if kind == "O":
        return [_encode_cell(v) for v in array]
    if kind in "biuU":
        return array.tolist()
    raise TypeError(f"JSON cannot hold an array of dtype {array.dtype} exactly.")


def _encode_array(array: np.ndarray) -> dict:
    return {
        _TAG: "array",
        "dtype": array.dtype.str,
        "shape": list(array.shape),
        "data": _cells(np.ascontiguousarray(array).reshape(-1)),
    }


def _decode_array(value: dict) -> np.ndarray:
    dtype, data = np.dtype(value["dtype"]), value["data"]
    if dtype.kind == "O":
        out = np.empty(len(data), dtype=object)
        out[:] = [decode(v) for v in data]
    elif dtype.kind in "mM":
        out = np.array(data, dtype=np.int64).view(dtype)
    elif dtype.kind == "c":
        part = np.empty(0, dtype=dtype).real.dtype.str
        cells = [cell for pair in data for cell in pair]
        out = _decode_array({"dtype": part, "data": cells, "shape": [len(cells)]}).view(dtype)
    elif dtype.kind == "S":
        out = np.array([base64.b64decode(v) for v in data], dtype=dtype)
    elif dtype.kind == "f" and dtype.itemsize > 8:
        out = np.array([dtype.type(v) for v in data], dtype=dtype)
    elif dtype.kind == "f":
        out = np.array([float(v) for v in data], dtype=np.float64).astype(dtype)
    else:
        out = np.array(data, dtype=dtype)
    return out.reshape(value["shape"])


def _encode_column(column: pd.Series) -> dict:
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        categories = _encode_column(pd.Series(dtype.categories))
        codes = column.cat.codes.tolist()
        return {"kind": "category", "ordered": bool(dtype.ordered), "categories": categories,
                "data": codes}
    if isinstance(dtype, pd.DatetimeTZDtype):
        stamps = column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
        return {"kind": "zoned", "zone": _zone_name(dtype.tz), "data": _encode_array(stamps)}
    if isinstance(dtype, np.dtype):
        return {"kind": "bytes" if dtype.kind == "S" else "array",
                "data": _encode_array(column.to_numpy())}
    if isinstance(dtype, pd.ArrowDtype):
        return {"kind": "arrow", "data": _arrow_text(column)}
    if isinstance(dtype, pd.IntervalDtype):
        ends = pd.arrays.IntervalArray(column)
        return {"kind": "interval", "closed": dtype.closed,
                "data": [_encode_column(pd.Series(end)) for end in (ends.left, ends.right)]}
    if isinstance(dtype, pd.SparseDtype):
        return {"kind": "sparse", "fill": encode(dtype.fill_value),
                "data": _encode_array(column.sparse.to_dense().to_numpy())}
    if isinstance(dtype, pd.PeriodDtype):
        column = column.astype(str).where(column.notna())
    cells = [None if missing else _encode_cell(cell)
             for cell, missing in zip(column.tolist(), column.isna(), strict=True)]
    python = isinstance(dtype, pd.StringDtype) and dtype == "string[python]"
    return {"kind": "extension", "dtype": "string[python]" if python else str(dtype), "data": cells}


def _arrow_text(column: pd.Series) -> str:
    """Return an Arrow column as an Arrow stream, which is exact, in base64."""
    import pyarrow as pa

    table = pa.table({"cells": pa.chunked_array(column.array.__arrow_array__()).combine_chunks()})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return base64.b64encode(sink.getvalue()).decode("ascii")


def _arrow_column(text: str) -> pd.Series:
    try:
        import pyarrow as pa
    except ImportError as error:
        raise ImportError("the explanation holds Arrow columns (polars tables have them); reading "
                          "it needs pyarrow: pip install 'xaikit[io]'.") from error
    with pa.ipc.open_stream(base64.b64decode(text)) as stream:
        return pd.Series(pd.arrays.ArrowExtensionArray(stream.read_all()["cells"]))


def _decode_column(value: dict) -> pd.Series:
    kind = value["kind"]
    if kind == "category":
        categories = pd.Index(_decode_column(value["categories"]))
        dtype = pd.CategoricalDtype(categories, ordered=value["ordered"])
        return pd.Series(pd.Categorical.from_codes(value["data"], dtype=dtype))
    if kind == "zoned":
        stamps = pd.Series(_decode_array(value["data"]))
        return stamps.dt.tz_localize("UTC").dt.tz_convert(value["zone"])
    if kind in ("array", "bytes"):
        array = _decode_array(value["data"])
        return pd.Series(array, dtype=array.dtype)
    if kind == "sparse":
        array = _decode_array(value["data"])
        return pd.Series(array, dtype=pd.SparseDtype(array.dtype, decode(value["fill"])))
    if kind == "arrow":
        return _arrow_column(value["data"])
    if kind == "interval":
        ends = [pd.Index(_decode_column(end)) for end in value["data"]]
        return pd.Series(pd.arrays.IntervalArray.from_arrays(*ends, closed=value["closed"]))
    return pd.Series([decode(v) for v in value["data"]], dtype=value["dtype"])


def _encode_frame(frame: pd.DataFrame) -> dict:
    columns = [{"name": encode(name), **_encode_column(frame.iloc[:, k])}
               for k, name in enumerate(frame.columns)]
    encoded = {_TAG: "frame", "n_rows": len(frame), "columns": columns}
    if not isinstance(frame.columns, pd.MultiIndex):
        # pandas would read plain tuples back as the levels of a MultiIndex.
        encoded["flat"] = True
    if any(name is not None for name in frame.columns.names):
        encoded["labels"] = encode(list(frame.columns.names))
    return encoded


def _decode_frame(value: dict) -> pd.DataFrame:
    columns = [_decode_column(c) for c in value["columns"]]
    names = [decode(c["name"]) for c in value["columns"]]
    frame = pd.DataFrame(dict(enumerate(columns)), index=pd.RangeIndex(value["n_rows"]))
    for k, column in enumerate(value["columns"]):
        if column["kind"] == "bytes":  # a Series would make objects of them
            array = _decode_array(column["data"]).reshape(-1, 1)
            frame.isetitem(k, pd.DataFrame(array).iloc[:, 0])
    frame.columns = pd.Index(names, tupleize_cols=not value.get("flat", False))
    frame.columns.names = decode(value["labels"]) if "labels" in value else frame.columns.names
    return frame


def _decode_timestamp(value: dict) -> pd.Timestamp:
    stamp = pd.Timestamp(value["data"]).as_unit(value["unit"])
    return stamp if value["zone"] is None else stamp.tz_convert(value["zone"])


_DECODERS: dict[str, Any] = {
    "array": _decode_array,
    "frame": _decode_frame,
    "tuple": lambda v: tuple(decode(x) for x in v["data"]),
    "float": lambda v: float(v["data"]),
    "scalar": lambda v: _decode_array({**v, "shape": [1], "data": [v["data"]]})[0],
    "missing": lambda v: pd.NaT if v["kind"] == "NaT" else pd.NA,
    "timestamp": _decode_timestamp,
    "timedelta": lambda v: pd.Timedelta(v["data"], unit="ns").as_unit(v["unit"]),
    "complex": lambda v: complex(*decode(v["data"])),
    "bytes": lambda v: base64.b64decode(*v["data"]),
    "decimal": lambda v: Decimal(*v["data"]),
    "fraction": lambda v: Fraction(*v["data"]),
    "date": lambda v: date.fromisoformat(*v["data"]),
    "datetime": lambda v: _with_zone(datetime.fromisoformat(v["data"][0]), *v["data"][1:]),
    "time": lambda v: _with_zone(time.fromisoformat(v["data"][0]), *v["data"][1:]),
    "duration": lambda v: timedelta(*v["data"]),
    "uuid": lambda v: UUID(*v["data"]),
    "interval": lambda v: pd.Interval(*decode(v["data"])),
    "period": lambda v: pd.Period(ordinal=v["data"][0], freq=v["data"][1]),
}
