"""Which cells of a column are missing, within bounds, or among levels: exact for every dtype.

Comparisons are those of the numbers themselves. NumPy would round first: it compares int64 and
float64 as float64, and float32 with a Python float as float32.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from xaikit.tables.dtypes import NUMBERS, are_objects, kind_of, kind_of_column
from xaikit.tables.numeric import with_times
from xaikit.tables.tables import Table, column_of
from xaikit.tables.values import kind_of_value, plain_value
from xaikit.tables.wording import listed


def find_column(table: Table, label: str | int, names: Any = None) -> pd.Series:
    """Return a column by its name as text; in an array also by its position.

    Parameters
    ----------
    table : DataFrame or array (n_rows, n_columns)
    label : str or int
    names : sequence of str, optional
        Names of an array's columns; ``x0``, ``x1``, … by default.

    Raises
    ------
    KeyError
        If there is no such column, or more than one.
    """
    if isinstance(table, np.ndarray) and isinstance(label, int):
        if 0 <= label < table.shape[1]:
            return column_of(table, label)
        raise KeyError(f"there is no column {label}; the array has {table.shape[1]} columns.")
    known = table.columns if isinstance(table, pd.DataFrame) \
        else [f"x{j}" for j in range(table.shape[1])] if names is None else names
    places = [c for c, name in enumerate(known) if str(name) == str(label)]
    if len(places) != 1:
        found = f"{len(places)} columns are" if places else "no column is"
        raise KeyError(f"{found} named {str(label)!r}; the table has {listed(known)}.")
    return column_of(table, places[0])


def missing_in(column: pd.Series) -> np.ndarray:
    """Return where cells are missing; NaN counts, as in a database."""
    missing = column.isna().to_numpy(dtype=bool)
    if kind_of(column.dtype) == "float":
        # Arrow keeps NaN apart from null.
        missing = missing | np.isnan(column.to_numpy(dtype=np.float64, na_value=np.nan))
    return missing


def within(column: pd.Series, low: Any, high: Any, closed: tuple[bool, bool]) -> np.ndarray:
    """Return where known cells are between two plain values.

    Parameters
    ----------
    column : Series
    low, high : number, Timestamp, Timedelta, date or None
        None: no bound on this side.
    closed : tuple of bool
        Whether a cell may equal `low`, and `high`.

    Raises
    ------
    TypeError
        If the column's cells are of another kind than the bounds, or a category.
    """
    kind = kind_of_column(column)
    wanted = kind_of_value(high if low is None else low)
    if kind == "category":
        raise TypeError(f"column {column.name!r} holds categories, which have no bounds; "
                        "name the levels.")
    if kind in NUMBERS and wanted == "number" \
            and not are_objects(column.dtype):
        return _numbers_within(_exact(column, kind), low, high, closed)
    try:
        if (kind, wanted) in (("datetime", "time"), ("timedelta", "duration")):
            return _times_within(with_times(column), low, high, closed)
        if kind == "text" or are_objects(column.dtype):
            return _cells_within(column, low, high, closed)
    except TypeError as error:
        raise TypeError(f"column {column.name!r} cannot be compared with "
                        f"{high if low is None else low!r}: {error}.") from error
    raise TypeError(f"column {column.name!r} of {column.dtype} cannot be compared with "
                    f"{high if low is None else low!r}.")


def among(column: pd.Series, levels: tuple[Any, ...]) -> np.ndarray:
    """Return where known cells equal one of some plain values; 1, 1.0 and True are equal."""
    kind = kind_of(column.dtype)
    if kind == "category":
        of_level = among(pd.Series(column.cat.categories), levels)
        return np.append(of_level, False)[column.cat.codes]
    if kind in NUMBERS and not are_objects(column.dtype):
        cells = _exact(column, kind)
        number = float if kind == "float" else int
        wanted = [number(v) for v in levels if kind_of_value(v) == "number"
                  and math.isfinite(v) and number(v) == v]
        if kind == "float":
            wanted += [v for v in levels if isinstance(v, float) and math.isinf(v)]
        else:
            least, most = np.iinfo(cells.dtype).min, np.iinfo(cells.dtype).max
            wanted = [v for v in wanted if least <= v <= most]
        return np.isin(cells, np.array(wanted, dtype=cells.dtype))
    wanted_cells = set(levels)
    return np.array([plain_value(v) in wanted_cells for v in column.astype(object)], dtype=bool)


def _exact(column: pd.Series, kind: str) -> np.ndarray:
    """Return numbers in a dtype that holds them exactly; missing cells are 0 or NaN."""
    if kind == "float":
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    if kind == "boolean":
        return column.to_numpy(dtype=bool, na_value=False).astype(np.int8)
    own = getattr(column.dtype, "numpy_dtype", column.dtype)
    return column.to_numpy() if own is column.dtype else column.to_numpy(dtype=own, na_value=0)


def _numbers_within(cells: np.ndarray, low: Any, high: Any,
                    closed: tuple[bool, bool]) -> np.ndarray:
    inside = np.ones(len(cells), dtype=bool)
    for bound, included, sign in ((low, closed[0], 1), (high, closed[1], -1)):
        if bound is None:
            continue
        if cells.dtype.kind == "f":
            edge, included = _nearest_float(bound, included, sign)
        elif math.isinf(bound):
            inside &= (bound < 0) == (sign > 0)
            continue
        else:
            # The first whole number that is within.
            edge = math.ceil(sign * bound) if included else math.floor(sign * bound) + 1
            edge, included = sign * edge, True
        if sign > 0:
            inside &= cells >= edge if included else cells > edge
        else:
            inside &= cells <= edge if included else cells < edge
    return inside


def _nearest_float(bound: Any, included: bool, sign: int) -> tuple[float, bool]:
    """Return the bound as a float; where none equals it, the first float that is within."""
    near = float(bound)
    if near == bound:
        return near, included
    if near < bound if sign > 0 else near > bound:
        near = math.nextafter(near, sign * math.inf)
    return near, True


def _times_within(column: pd.Series, low: Any, high: Any, closed: tuple[bool, bool]) -> np.ndarray:
    inside = np.ones(len(column), dtype=bool)
    if low is not None:
        cells = column >= low if closed[0] else column > low
        inside &= cells.to_numpy(dtype=bool, na_value=False)
    if high is not None:
        cells = column <= high if closed[1] else column < high
        inside &= cells.to_numpy(dtype=bool, na_value=False)
    return inside


def _cells_within(column: pd.Series, low: Any, high: Any, closed: tuple[bool, bool]) -> np.ndarray:
    def holds(value: Any) -> bool:
        above = low is None or (value >= low if closed[0] else value > low)
        return bool(above and (high is None or (value <= high if closed[1] else value < high)))

    missing = column.isna().to_numpy(dtype=bool)
    return np.array([not gone and holds(plain_value(v))
                     for v, gone in zip(column.astype(object), missing, strict=True)], dtype=bool)
