"""Arrays and frames as strict JSON and back, without pickle or rounding."""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np
import pandas as pd

_TAG = "__xaikit__"


def encode(value: Any) -> Any:
    """Return a value as JSON types; `decode` returns an equal value.

    Supported are None, bool, int, float, str, NumPy arrays and scalars, pandas frames, timestamps
    and time differences, and lists, tuples and string-keyed dicts of supported values.

    Raises
    ------
    TypeError
        For a value of any other type.
    """
    if value is None or isinstance(value, bool | str) or type(value) is int:
        return value
    if isinstance(value, np.generic) and not isinstance(value, np.float64):
        return {_TAG: "scalar", "dtype": value.dtype.str, "data": _cells(value.reshape(1))[0]}
    if isinstance(value, float):
        return _float(float(value))
    if isinstance(value, np.ndarray):
        return _encode_array(value)
    if isinstance(value, pd.DataFrame):
        columns = [
            {"name": encode(name), **_encode_column(value.iloc[:, k])}
            for k, name in enumerate(value.columns)
        ]
        return {_TAG: "frame", "n_rows": len(value), "columns": columns}
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
                "zone": None if value.tz is None else str(value.tz)}
    if isinstance(value, pd.Timedelta):
        return {_TAG: "timedelta", "data": int(value.as_unit("ns").value),
                "unit": value.unit}
    raise TypeError(
        f"JSON cannot hold {value!r} of type {type(value).__name__} exactly; "
        "convert it to numbers, text or dates first."
    )


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
    if kind == "f":
        # float16 and float32 widen to float64 and narrow back without loss.
        cells = array.astype(np.float64)
        bad = ~np.isfinite(cells)
        out = cells.tolist()
        for i in np.flatnonzero(bad):
            out[i] = repr(out[i])
        return out
    if kind == "O":
        return [encode(v) for v in array]
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
        return {"kind": "zoned", "zone": str(dtype.tz), "data": _encode_array(stamps)}
    if isinstance(dtype, np.dtype):
        return {"kind": "array", "data": _encode_array(column.to_numpy())}
    if isinstance(dtype, pd.ArrowDtype):
        return {"kind": "arrow", "data": _arrow_text(column)}
    if isinstance(dtype, pd.PeriodDtype):
        column = column.astype(str).where(column.notna())
    cells = [None if missing else encode(cell)
             for cell, missing in zip(column.tolist(), column.isna(), strict=True)]
    return {"kind": "extension", "dtype": str(dtype), "data": cells}


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
    if kind == "array":
        array = _decode_array(value["data"])
        return pd.Series(array, dtype=array.dtype)
    if kind == "arrow":
        return _arrow_column(value["data"])
    return pd.Series([decode(v) for v in value["data"]], dtype=value["dtype"])


def _decode_frame(value: dict) -> pd.DataFrame:
    columns = [_decode_column(c) for c in value["columns"]]
    names = [decode(c["name"]) for c in value["columns"]]
    frame = pd.DataFrame(dict(enumerate(columns)), index=pd.RangeIndex(value["n_rows"]))
    frame.columns = pd.Index(names)
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
}
