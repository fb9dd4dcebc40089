"""Words about dtypes: what kind of values a column holds, and whether two columns hold the same."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

NUMBERS = ("boolean", "integer", "float")
"""Kinds of columns that hold numbers."""
TIMES = ("datetime", "timedelta")
"""Kinds of columns that hold points in time, or durations."""
MEASURED = ("integer", "float", *TIMES)
"""Kinds of columns whose values have distances, and can be cut into intervals."""

_COUNTED = ("W", "D", "h", "m", "s", "ms", "us", "ns")
"""Units of NumPy's durations that pandas reads."""


def kind_of(dtype: Any) -> str:
    """Name a column's kind: boolean, integer, float, datetime, timedelta, category or text.

    Arrow's dates without a time count as text: pandas has no arithmetic for them. So do Python
    objects, whose kind `kind_of_column` reads off the cells.
    """
    arrow = str(dtype) if isinstance(dtype, pd.ArrowDtype) else ""
    if arrow.startswith(("date32", "date64")):
        return "text"
    if arrow.startswith("duration"):
        return "timedelta"
    if arrow.startswith("decimal"):
        return "float"
    types = pd.api.types
    checks = (
        ("category", lambda d: isinstance(d, pd.CategoricalDtype)),
        ("boolean", types.is_bool_dtype),
        ("integer", types.is_integer_dtype),
        ("float", types.is_float_dtype),
        ("datetime", types.is_datetime64_any_dtype),
        ("timedelta", types.is_timedelta64_dtype),
    )
    for kind, check in checks:
        if check(dtype):
            return kind
    return "text"


def kind_of_column(column: pd.Series) -> str:
    """Name a column's kind as `kind_of` does, by its known cells if they are Python objects.

    Whole numbers are integers; with fractions, `Decimal` or `Fraction` among them, all are floats.
    Decimals beside Fractions are text, as Python does not compare them; so is any other mixture.

    Examples
    --------
    >>> from decimal import Decimal
    >>> kind_of_column(pd.Series([Decimal("0.10"), None])), kind_of_column(pd.Series([1, "1"]))
    ('float', 'text')
    """
    if not is_object_dtype(column.dtype):
        return kind_of(column.dtype)
    found, types = set(), set()
    for cell in column[column.notna()]:
        kind = kind_of_cell(cell)
        if kind == "text":
            return kind
        found.add(kind)
        types.add(type(cell))
    if found in ({"integer"}, {"float"}, {"integer", "float"}):
        return "text" if {Decimal, Fraction} <= types else sorted(found)[0]
    if found <= {"boolean"}:
        return "boolean" if found else "text"
    # Times: of one kind, and of one zone.
    return kind_of(column.infer_objects().dtype)


def kind_of_cell(cell: Any) -> str:
    """Name the kind of one known cell; what is neither number nor time is text."""
    # Members of an Enum are levels: there is none for a number in between.
    if isinstance(cell, Enum) or not is_counted(cell):
        return "text"
    # NumPy's timedelta64 is derived from its whole numbers.
    kinds = {"boolean": bool | np.bool_, "timedelta": timedelta | np.timedelta64,
             "datetime": datetime | np.datetime64, "integer": Integral,
             "float": float | np.floating | Decimal | Fraction}
    return next((kind for kind, types in kinds.items() if isinstance(cell, types)), "text")


def is_counted(cell: Any) -> bool:
    """Return False for NumPy's times that pandas cannot count: in months, picoseconds, 10 s."""
    if not isinstance(cell, np.timedelta64 | np.datetime64):
        return True
    unit, step = np.datetime_data(cell)
    return step == 1 and (isinstance(cell, np.datetime64) or unit in _COUNTED)


def check_comparable(cells: Any, what: str) -> None:
    """Raise ValueError if Python compares a cell with nothing, not even with itself."""
    try:
        pd.isna(cells)
    except ArithmeticError as error:  # Decimal's InvalidOperation
        raise ValueError(f"{what} holds Decimal('sNaN'), a signaling NaN, which cannot be compared "
                         "or hashed; write Decimal('NaN') or None for a missing value.") from error


def check_supported(column: pd.Series) -> None:
    """Raise TypeError if a column holds what neither pandas nor Python can tell apart.

    These are Arrow's intervals of months, days and nanoseconds, and durations without a unit.
    """
    if isinstance(column.dtype, pd.ArrowDtype) and "interval" in str(column.dtype):
        raise TypeError(f"column {column.name!r} holds {column.dtype}, which pandas cannot read; "
                        "turn it into text, or into columns of numbers.")
    if not is_object_dtype(column.dtype) or np.timedelta64 not in set(map(type, column)):
        return
    if any(isinstance(v, np.timedelta64) and np.datetime_data(v)[0] == "generic"
           and not np.isnat(v) for v in column):
        raise TypeError(f"column {column.name!r} holds durations without a unit, which cannot be "
                        "compared; write np.timedelta64(5, 's') in place of np.timedelta64(5).")


def inferred(column: pd.Series) -> pd.Series:
    """Return a column of Python objects with the dtype of its cells, any other as it is."""
    try:
        return column.infer_objects()
    except ValueError:
        return column  # half of a surrogate pair, which Arrow cannot hold, or durations in months


def are_objects(dtype: Any) -> bool:
    """Return whether a dtype's numbers are Python objects: that dtype, and Arrow's decimals."""
    return is_object_dtype(dtype) or str(dtype).startswith("decimal")


def is_number_dtype(dtype: Any) -> bool:
    """Return whether a dtype is one of NumPy's numbers or booleans."""
    return isinstance(dtype, np.dtype) and dtype.kind in "biuf"


def is_object_dtype(dtype: Any) -> bool:
    """Return whether a dtype holds Python objects."""
    return isinstance(dtype, np.dtype) and dtype.kind == "O"


def native_order(dtype: Any) -> Any:
    """Return a dtype in this machine's byte order, the only one that pandas and numba read."""
    foreign = isinstance(dtype, np.dtype) and not dtype.isnative
    return dtype.newbyteorder("=") if foreign else dtype


def same_dtype(own: Any, dtype: Any) -> bool:
    """Return whether two dtypes are equal, with categories in the same order."""
    return own == dtype and (not isinstance(dtype, pd.CategoricalDtype)
                             or own.categories.equals(dtype.categories))


def numpy_dtype(cells: Any) -> Any:
    """Return the dtype of an array; NumPy's own where pandas wraps a NumPy array."""
    return getattr(cells.dtype, "numpy_dtype", cells.dtype) \
        if isinstance(cells, pd.arrays.NumpyExtensionArray) else cells.dtype
