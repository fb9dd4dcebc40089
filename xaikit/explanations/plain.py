"""Labels and settings as plain types, which files can hold; what changes is said."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

# The methods of the bases themselves: str() of a member of an Enum may be its name.
_BASES: dict[type, Callable[[Any], Any]] = {
    str: str.__str__,
    int: int.__index__,
    float: float.__float__,
    bytes: lambda value: bytes(memoryview(value)),
    tuple: lambda value: tuple(plain(v) for v in tuple.__iter__(value)),
    list: lambda value: [plain(v) for v in list.__iter__(value)],
    dict: lambda value: {plain(k): plain(v) for k, v in dict.items(value)},
    pd.DataFrame: pd.DataFrame,
}


def plain(value: Any) -> Any:
    """Return a value with members of an Enum, named tuples and others as their base types.

    A file imports no class of a user's. Cells of tables and arrays are left as they are: what a
    model was asked about is exact in a file or not there, and `encode` refuses other types.

    Warns
    -----
    UserWarning
        For a value that becomes its base type.
    """
    if type(value) is bool or isinstance(value, np.generic):
        return value
    base = next((b for b in _BASES if isinstance(value, b)), None)
    if base is None or (type(value) is base and base in (str, int, float, bytes, pd.DataFrame)):
        return value
    if type(value) is not base:
        warnings.warn(f"a label or setting of type {type(value).__name__} is written to the file "
                      f"as {base.__name__}, since files hold only standard types.",
                      UserWarning, stacklevel=2)
    return _BASES[base](value)
