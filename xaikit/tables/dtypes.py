"""Words about dtypes: what kind of values a column holds, and whether two columns hold the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

TIMES = ("datetime", "timedelta")
"""Kinds of columns that hold points in time, or durations."""
MEASURED = ("integer", "float", *TIMES)
"""Kinds of columns whose values have distances, and can be cut into intervals."""


def kind_of(dtype: Any) -> str:
    """Name a column's kind: boolean, integer, float, datetime, timedelta, category or text.

    Arrow's dates without a time count as text: pandas has no arithmetic for them.
    """
    if str(dtype).startswith(("date32", "date64")):
        return "text"
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


def is_number_dtype(dtype: Any) -> bool:
    """Return whether a dtype is one of NumPy's numbers or booleans."""
    return isinstance(dtype, np.dtype) and dtype.kind in "biuf"


def is_object_dtype(dtype: Any) -> bool:
    """Return whether a dtype holds Python objects."""
    return isinstance(dtype, np.dtype) and dtype.kind == "O"


def same_dtype(own: Any, dtype: Any) -> bool:
    """Return whether two dtypes are equal, with categories in the same order."""
    return own == dtype and (not isinstance(dtype, pd.CategoricalDtype)
                             or own.categories.equals(dtype.categories))


def numpy_dtype(cells: Any) -> Any:
    """Return the dtype of an array; NumPy's own where pandas wraps a NumPy array."""
    return getattr(cells.dtype, "numpy_dtype", cells.dtype) \
        if isinstance(cells, pd.arrays.NumpyExtensionArray) else cells.dtype
