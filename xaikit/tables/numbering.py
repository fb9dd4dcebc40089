"""Distinct values numbered: cells of a column, rows of codes, and units of several columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from xaikit.tables.dtypes import numpy_dtype


def number_units(table: Any, units: Any) -> np.ndarray:
    """Number the distinct values of every unit of a table, or a list of columns: (n_rows, M)."""
    if isinstance(table, pd.DataFrame):
        table = [table.iloc[:, c].array for c in range(table.shape[1])]
    elif isinstance(table, np.ndarray):
        table = list(table.T)
    numbered = np.stack([number_values(column) for column in table], axis=1)
    return np.stack([number_rows(numbered[:, unit]) for unit in units], axis=1)


def number_values(column: Any) -> np.ndarray:
    """Number the distinct values of a column; missing values are one value."""
    series = pd.Series(column, dtype=numpy_dtype(column))
    if not isinstance(series.dtype, np.dtype):
        if isinstance(series.dtype, pd.ArrowDtype):
            # Arrow numbers the values of each chunk apart, and cannot join that with nulls.
            series = pd.Series(series.array[np.arange(len(series))])
        return pd.factorize(series, use_na_sentinel=False)[0].astype(np.int64)
    cells = series.to_numpy()
    if cells.dtype.kind == "f" and cells.dtype.itemsize <= 8:
        # By bits: −0.0 and 0.0 are different questions to 1/x.
        plain = np.where(np.isnan(cells), np.nan, cells).astype(cells.dtype)
        return np.unique(plain.view(f"u{cells.dtype.itemsize}"), return_inverse=True)[1]
    if cells.dtype.kind == "O":
        # 1, 1.0 and True hash alike, but a model may tell them apart.
        missing = series.isna().to_numpy()
        typed = np.empty(len(cells), dtype=object)
        typed[:] = ["" if gone else (type(v).__name__, v)
                    for v, gone in zip(cells, missing, strict=True)]
        cells = typed
    try:
        return pd.factorize(cells, use_na_sentinel=False)[0].astype(np.int64)
    except TypeError as error:
        raise TypeError(f"columns of lists, dicts or arrays cannot be explained ({error}): unnest "
                        "them into columns of their own.") from error


def number_rows(codes: np.ndarray) -> np.ndarray:
    """Number the distinct rows of an int array (n, columns)."""
    if codes.shape[1] == 1:
        return codes[:, 0]
    return np.unique(codes, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)
