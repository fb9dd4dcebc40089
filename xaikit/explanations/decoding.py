"""What `encoding` wrote, as the same arrays and frames: nothing is guessed, and sizes are checked.

A file may have been cut, changed by another program, or made by an enemy: it must neither take far
more memory than it is long, nor become other values than it holds.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd

from xaikit.explanations.arrow_streams import arrow_column
from xaikit.explanations.floats import decode_floats
from xaikit.explanations.room import TAG
from xaikit.explanations.zones import read_zone, with_zone
from xaikit.tables.wording import cut

_ODD_FLOATS = re.compile("-?inf|nan|nan:[0-9a-f]{1,16}")


def read_json(text: str) -> Any:
    """Return what strict JSON holds.

    Raises
    ------
    ValueError
        If it is no JSON, names a key twice, holds NaN or infinity, or is nested too deeply.
    """
    try:
        return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_of_pairs)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _no_constant(name: str) -> Any:
    raise ValueError(f"it holds {name}, which JSON does not know")


def _of_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"it names {cut(repr(twice))} twice")
    return found


def checksum(fields: Any) -> str:
    """Return the sha256 of JSON values, whatever the order of keys and the blanks in a file."""
    text = json.dumps(fields, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def decode(value: Any) -> Any:
    """Return the value that `encode` converted."""
    if isinstance(value, list):
        return [decode(v) for v in value]
    if not isinstance(value, dict):
        return value
    kind = value.get(TAG)
    if kind is None:
        return {k: decode(v) for k, v in value.items()}
    return _DECODERS[kind](value)


def _decode_scalar(value: dict) -> Any:
    kind = np.dtype(value["dtype"]).kind
    if kind in "SU":
        return np.bytes_(base64.b64decode(value["data"])) if kind == "S" else np.str_(value["data"])
    return _decode_array({**value, "shape": [1], "data": [value["data"]]})[0]


def _decode_timestamp(value: dict) -> pd.Timestamp:
    stamp = pd.Timestamp(decode(value["data"]))
    if value["zone"] is not None:
        return stamp.tz_localize("UTC").tz_convert(read_zone(value["zone"]))
    return stamp.replace(fold=1) if value["fold"] else stamp


def _decode_array(value: dict) -> np.ndarray:
    dtype, data = np.dtype(value["dtype"]), value["data"]
    _check_array(dtype, data, value["shape"])
    if dtype.kind == "O":
        out = np.empty(len(data), dtype=object)
        for i, cell in enumerate(data):  # NumPy would look into cells that are arrays
            out[i] = decode(cell)
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
        out = decode_floats(data, dtype)
    else:
        out = np.array(data, dtype=dtype)
    return out.reshape(value["shape"])


def _check_array(dtype: np.dtype, data: Any, shape: Any) -> None:
    """Raise ValueError if an array is not as long as its cells, or would change them."""
    if not isinstance(data, list) or not isinstance(shape, list) \
            or not all(type(n) is int and n >= 0 for n in shape) or math.prod(shape) != len(data):
        raise ValueError(f"an array of shape {str(shape)[:40]} does not fit its cells")
    if dtype.kind not in _CELLS or dtype.names is not None:
        raise ValueError(f"arrays of {str(dtype)[:40]} are never written")
    fits = _is_text if dtype.kind == "f" and dtype.itemsize > 8 else _CELLS[dtype.kind]
    wrong = next((cell for cell in data if not fits(cell)), None) if fits is not None else None
    if wrong is not None or (None in data and dtype.kind != "O"):
        raise ValueError(f"{str(wrong)[:40]} is no cell of an array of {str(dtype)[:40]}")
    if dtype.kind == "U" and (longest := max(map(len, data), default=0)) > dtype.itemsize // 4:
        raise ValueError(f"a text of {longest} characters does not fit {dtype}")


def _is_float(cell: Any) -> bool:
    return type(cell) in (float, int) or (isinstance(cell, str)
                                          and bool(_ODD_FLOATS.fullmatch(cell)))


def _is_text(cell: Any) -> bool:
    return isinstance(cell, str)


_CELLS: dict[str, Callable[[Any], bool] | None] = {
    "O": None, "b": lambda c: type(c) is bool, "f": _is_float,
    **dict.fromkeys("iumM", lambda c: type(c) is int), **dict.fromkeys("US", _is_text),
    "c": lambda c: isinstance(c, list) and len(c) == 2,
}
"""Whether JSON holds the cells of an array like this, by the kind of its dtype."""


def _decode_column(value: dict) -> pd.Series:
    kind = value["kind"]
    if kind == "category":
        dtype = pd.CategoricalDtype(_decode_axis(value["categories"]), ordered=value["ordered"])
        return pd.Series(pd.Categorical.from_codes(value["data"], dtype=dtype))
    if kind == "zoned":
        stamps = pd.Series(_decode_array(value["data"]))
        return stamps.dt.tz_localize("UTC").dt.tz_convert(read_zone(value["zone"]))
    if kind in ("array", "bytes"):
        array = _decode_array(value["data"])
        return pd.Series(array, dtype=array.dtype)
    if kind == "sparse":
        array = _decode_array(value["data"])
        return pd.Series(array, dtype=pd.SparseDtype(array.dtype, decode(value["fill"])))
    if kind == "arrow":
        return arrow_column(value["data"])
    if kind == "interval":
        ends = [pd.Index(_decode_column(end)) for end in value["data"]]
        return pd.Series(pd.arrays.IntervalArray.from_arrays(*ends, closed=value["closed"]))
    if kind == "periods":
        ordinals = np.array(value["data"], dtype=np.int64)
        return pd.Series(pd.arrays.PeriodArray(
            ordinals, dtype=pd.PeriodDtype.construct_from_string(value["dtype"])))
    if kind == "floats":
        return pd.Series(pd.arrays.FloatingArray(
            _decode_array(value["data"]), np.array(value["missing"], dtype=bool)))
    dtype = value["dtype"]
    # pandas knows Python's text beside NaN by no name.
    known = pd.StringDtype("python", na_value=np.nan) if dtype == "str[python]" else \
        pd.api.types.pandas_dtype(dtype)
    # It would take ordinals for years, and make room for the width that the name of a dtype gives.
    if isinstance(known, np.dtype | pd.PeriodDtype | pd.SparseDtype):
        raise ValueError(f"columns of {cut(str(dtype))} are not stored so")
    return pd.Series([decode(v) for v in value["data"]], dtype=known)


def _decode_axis(value: dict) -> pd.Index:
    names = decode(value["names"])
    if "levels" in value:
        levels = [_decode_axis(level) for level in value["levels"]]
        return pd.MultiIndex(levels=levels, codes=value["codes"], names=names)
    if "range" in value:
        return pd.RangeIndex(*value["range"], name=names[0])
    labels = _decode_column(value["labels"])
    axis = pd.Index(labels, dtype=labels.dtype, name=names[0], tupleize_cols=False)
    if value["freq"] is not None:
        axis.freq = value["freq"]
    return axis


def _decode_frame(value: dict) -> pd.DataFrame:
    index, names = (_decode_axis(axis) for axis in value["axes"])
    columns = [_decode_column(c) for c in value["columns"]]
    if len(columns) != len(names) or any(len(column) != len(index) for column in columns):
        raise ValueError("the columns of a frame are not as many or as long as its names and rows")
    frame = pd.DataFrame(dict(enumerate(columns)), index=pd.RangeIndex(len(index)))
    for k, column in enumerate(value["columns"]):
        if column["kind"] == "bytes":  # a Series would make objects of them
            array = _decode_array(column["data"]).reshape(-1, 1)
            frame.isetitem(k, pd.DataFrame(array).iloc[:, 0])
    frame.index, frame.columns = index, names
    return frame


def _wholes(parts: Any) -> Any:
    """Return whole numbers, and refuse text: "1e99999999" would become as many digits."""
    if not all(type(part) is int for part in parts):
        raise ValueError(f"{cut(str(parts))} are no whole numbers")
    return parts


_DECODERS: dict[str, Any] = {
    "array": _decode_array,
    "frame": _decode_frame,
    "tuple": lambda v: tuple(decode(x) for x in v["data"]),
    "integer": lambda v: int(v["data"], 16),
    "float": lambda v: decode_floats([v["data"]], np.dtype(np.float64)).tolist()[0],
    "scalar": _decode_scalar,
    "missing": lambda v: pd.NaT if v["kind"] == "NaT" else pd.NA,
    "timestamp": _decode_timestamp,
    "timedelta": lambda v: pd.Timedelta(decode(v["data"])),
    "complex": lambda v: complex(*decode(v["data"])),
    "bytes": lambda v: base64.b64decode(*v["data"]),
    "decimal": lambda v: Decimal(*v["data"]),
    "fraction": lambda v: Fraction(*_wholes(decode(v["data"]))),
    "date": lambda v: date.fromisoformat(*v["data"]),
    "datetime": lambda v: with_zone(datetime.fromisoformat(v["data"][0]), *v["data"][1:]),
    "time": lambda v: with_zone(time.fromisoformat(v["data"][0]), *v["data"][1:]),
    "duration": lambda v: timedelta(*v["data"]),
    "uuid": lambda v: UUID(*v["data"]),
    "interval": lambda v: pd.Interval(*decode(v["data"])),
    "period": lambda v: pd.Period(ordinal=v["data"][0], freq=v["data"][1]),
}
