"""Distinct values numbered: cells of a column, rows of codes, and units of several columns."""

from __future__ import annotations

import pickle
from contextlib import suppress
from datetime import date, timedelta
from numbers import Number
from types import NoneType
from typing import Any

import numpy as np
import pandas as pd

from xaikit.tables.dtypes import numpy_dtype
from xaikit.tables.wording import plain_text


def number_units(table: Any, units: Any) -> np.ndarray:
    """Number the distinct values of every unit of a table, or a list of columns: (n_rows, M)."""
    if isinstance(table, pd.DataFrame):
        table = [table.iloc[:, c].array for c in range(table.shape[1])]
    elif isinstance(table, np.ndarray):
        table = list(table.T)
    numbered = np.stack([number_values(column) for column in table], axis=1)
    return np.stack([number_rows(numbered[:, unit]) for unit in units], axis=1)


def number_values(column: Any) -> np.ndarray:
    """Number the values of a column that a model may answer differently.

    So 1, 1.0 and True are different, and -0.0 and 0.0, and None, NaN, NaT and NA; all floats that
    are NaN are one value.
    """
    series = pd.Series(column, dtype=numpy_dtype(column))
    if isinstance(series.dtype, pd.ArrowDtype):
        # Arrow numbers the values of each chunk apart, and cannot join that with nulls.
        series = pd.Series(series.array[np.arange(len(series))])
    cells = series.to_numpy() if isinstance(series.dtype, np.dtype) else series.array
    kind = cells.dtype.kind
    if kind == "c":
        return number_rows(np.stack([number_values(cells.real), number_values(cells.imag)], axis=1))
    if kind == "f" and isinstance(cells, np.ndarray):
        return _float_codes(cells)
    if kind == "O" and isinstance(cells, np.ndarray):
        cells = _object_bits(cells)
    try:
        codes = pd.factorize(cells, use_na_sentinel=False)[0].astype(np.int64)
    except NotImplementedError as error:  # Arrow's
        raise TypeError("columns of lists, dicts or arrays cannot be explained "
                        f"({cells.dtype}): unnest them into columns of their own.") from error
    if kind != "f":
        return codes
    # An array of pandas, which joins −0.0 and 0.0.
    signs = np.signbit(series.to_numpy(dtype=np.float64, na_value=np.nan))
    return number_rows(np.stack([codes, signs & ~series.isna().to_numpy()], axis=1))


def _float_codes(cells: np.ndarray) -> np.ndarray:
    """Number floats by bits: −0.0 and 0.0 are different questions to 1/x."""
    plain = np.where(np.isnan(cells), np.nan, cells).astype(cells.dtype)
    if cells.dtype.itemsize <= 8:
        return np.unique(plain.view(f"u{cells.dtype.itemsize}"), return_inverse=True)[1]
    # Long floats have bits that mean nothing.
    codes = np.unique(plain, return_inverse=True)[1]
    return number_rows(np.stack([codes, np.signbit(plain)], axis=1))


def _object_bits(cells: np.ndarray) -> np.ndarray:
    """Return what tells objects apart, as objects that pandas numbers."""
    out = np.empty(len(cells), dtype=object)
    try:
        out[:] = [v if type(v) is str else (hash(v), cell_bits(v))[1] for v in cells]
    except TypeError as error:
        raise TypeError(f"columns of lists, dicts or arrays cannot be explained ({error}): unnest "
                        "them into columns of their own.") from error
    except ValueError as error:  # NumPy hashes no duration without a unit
        raise TypeError(f"a column holds what cannot be compared ({error}): durations need a unit, "
                        "as in np.timedelta64(5, 's').") from error
    return out


def cell_bits(value: Any) -> bytes:
    """Encode a cell with its type: 1, 1.0, True and "1" differ.

    Examples
    --------
    >>> cell_bits(1.0), cell_bits(None)
    (b'float 1.0', b'NoneType None')
    """
    plain = isinstance(value, Number | str | bytes | date | timedelta | NoneType)
    if not plain:  # the repr of other objects may leave things out
        with suppress(Exception):
            return pickle.dumps(value)
    return f"{type(value).__name__} {value!r}".encode("utf8", "surrogatepass")


def number_rows(codes: np.ndarray) -> np.ndarray:
    """Number the distinct rows of an int array (n, columns)."""
    if codes.shape[1] == 1:
        return codes[:, 0]
    return np.unique(codes, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def number_levels(column: pd.Series) -> tuple[np.ndarray, list[Any]]:
    """Number the levels of a column in the order of their texts, and then of their types.

    Levels that are written alike but differ, as 1, 1.0 and "1" in a column of objects, are
    different; see `number_values`.

    Returns
    -------
    codes : int array (n_rows,)
        −1 where a cell is missing.
    levels : list
        A cell for each level.

    Examples
    --------
    >>> number_levels(pd.Series(["b", "1", 1, None], dtype=object))
    (array([ 2,  1,  0, -1]), [1, '1', 'b'])
    """
    known = np.flatnonzero(column.notna())
    numbers = number_values(column.iloc[known].array)
    _, first, numbers = np.unique(numbers, return_index=True, return_inverse=True)
    cells = [column.iloc[known[k]] for k in first]
    order = sorted(range(len(cells)),
                   key=lambda k: (plain_text(cells[k]), type(cells[k]).__name__, first[k]))
    ranks, codes = np.empty(len(cells), dtype=np.int64), np.full(len(column), -1, dtype=np.int64)
    ranks[order] = np.arange(len(cells))
    codes[known] = ranks[numbers]
    return codes, [cells[k] for k in order]
