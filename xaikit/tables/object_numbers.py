"""Python's numbers, and text that writes one, as arrays: no digit is lost on the way."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from xaikit.tables.dtypes import NUMBERS, kind_of_cell

_PLAIN = (bool, int, float)
_WRITTEN = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
"""A number without zeros, blanks or a plus in front, which reading it would lose. No more digits
than a float has: see `_number`."""
_EXACT = 2**53


def object_numbers(cells: Any, where: str, rows: Sequence[int] | None = None) -> np.ndarray:
    """Return cells as int64 or uint64 if all are whole numbers, else as float64.

    Parameters
    ----------
    cells : sequence or array of objects
        Numbers, texts that write one, and missing cells, which become NaN.
    where : str
        What holds them, to begin a sentence with.
    rows : sequence of int, optional
        Their positions in their table, if they are not all of its rows.

    Raises
    ------
    ValueError
        If a cell is neither, or a whole number that float64 does not hold has to be a float beside
        the others.

    Examples
    --------
    >>> object_numbers([1, "2.5", None], "column 'a'")
    array([1. , 2.5, nan])
    >>> object_numbers([1, 2**63], "column 'a'").dtype
    dtype('uint64')
    """
    array = np.empty(len(cells), dtype=object)
    array[:] = list(cells)
    missing = np.asarray(pd.isna(array), dtype=bool)
    numbers = array[~missing].tolist()
    if not set(map(type, numbers)) <= set(_PLAIN):
        places = np.flatnonzero(~missing) if rows is None else np.asarray(rows)[~missing]
        numbers = [_number(cell, where, row)
                   for cell, row in zip(numbers, places.tolist(), strict=True)]
    if not missing.any() and all(isinstance(n, int) for n in numbers):
        for dtype in (np.int64, np.uint64):
            try:
                return np.array(numbers, dtype=dtype)
            except OverflowError:
                continue
    floats = np.full(len(array), np.nan)
    floats[~missing] = [_float(n, where) for n in numbers]
    return floats


def _number(cell: Any, where: str, row: int) -> Any:
    """Return one cell as a Python number."""
    if isinstance(cell, str) and _WRITTEN.fullmatch(cell):
        number: Any = int(cell) if cell.lstrip("-").isdecimal() else float(cell)
        if isinstance(number, int) or Decimal(repr(number)) == Decimal(cell):
            return number
    if isinstance(cell, str) or kind_of_cell(cell) not in NUMBERS:
        raise ValueError(f"{where} should hold numbers, but holds {cell!r}, in row {row} "
                         f"(counted from 0), of type {type(cell).__name__}.")
    return int(cell) if isinstance(cell, Integral) else float(cell)


def _float(number: Any, where: str) -> float:
    if isinstance(number, int) and abs(number) > _EXACT and (
            abs(number) > 10**300 or int(float(number)) != number):
        raise ValueError(f"{where} holds {number}, a whole number that a float does not hold, "
                         "beside fractions or missing cells, so that all had to be floats. Leave "
                         "those out, or divide the numbers.")
    return float(number)
