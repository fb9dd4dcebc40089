"""Batches as they live inside xaikit: pandas frames, NumPy arrays, lists of documents.

Whatever a user hands over becomes one of these (`as_batch`); the schema remembers what it was and
gives that back to the model. Rows are taken and columns composed here, dtypes intact.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pandas as pd

Table: TypeAlias = Any
"""A DataFrame or a 2-D array."""

Batch: TypeAlias = Any
"""A table, a list of documents, or an array (n_rows, …) of images or series."""

# pandas 3 copies a shared column before it is written to; before, a shallow copy shared the writes.
_COPIES_ON_WRITE = int(pd.__version__.split(".")[0]) >= 3


def is_table(batch: Batch) -> bool:
    """Say whether a batch has rows and columns."""
    return isinstance(batch, pd.DataFrame) or (isinstance(batch, np.ndarray) and batch.ndim == 2)


def take_rows(batch: Batch, rows: np.ndarray) -> Batch:
    """Give the rows at integer positions; dtypes and memory order intact, the index fresh."""
    if isinstance(batch, pd.DataFrame):
        return batch.take(rows).reset_index(drop=True)
    if isinstance(batch, list):
        return [batch[i] for i in rows]
    return np.asfortranarray(batch[rows]) if by_column(batch) else batch[rows]


def slice_rows(batch: Batch, start: int, stop: int) -> Batch:
    """Give a run of rows; they may share memory with `batch`."""
    if start == 0 and stop >= len(batch):
        return batch
    return batch.iloc[start:stop] if isinstance(batch, pd.DataFrame) else batch[start:stop]


def copy_of(batch: Batch) -> Batch:
    """Give a copy that may be written to: memory order kept, the index of a frame fresh."""
    if isinstance(batch, pd.DataFrame):
        own = batch.copy(deep=not _COPIES_ON_WRITE)
        own.index = pd.RangeIndex(len(own))
        return own
    return batch.copy(order="K") if isinstance(batch, np.ndarray) else list(batch)


def row_bytes(batch: Batch) -> int:
    """Estimate the bytes of a row: text of a table by its pointer, documents by their length."""
    if isinstance(batch, list):
        return max(1, sum(map(len, batch)) // max(len(batch), 1))
    if isinstance(batch, np.ndarray):
        return max(1, batch.itemsize * int(np.prod(batch.shape[1:])))
    return max(1, sum(getattr(d, "itemsize", 8) for d in batch.dtypes))


def describe(batch: Any) -> str:
    """Say what a batch is in a few words, for messages.

    Examples
    --------
    >>> describe(np.zeros((2, 3)))
    'ndarray of shape (2, 3) (float64)'
    """
    if isinstance(batch, list):
        return f"list of {len(batch)}"
    shape = getattr(batch, "shape", None)
    if shape is None:
        return type(batch).__name__
    dtypes = getattr(batch, "dtypes", None)
    names = [batch.dtype] if dtypes is None else dtypes
    shown = ", ".join(sorted({str(d) for d in names}))
    return f"{type(batch).__name__} of shape {tuple(shape)} ({shown})"


def by_column(table: Table) -> bool:
    """Say whether a table is an array stored column by column."""
    return bool(isinstance(table, np.ndarray) and table.flags.f_contiguous
                and not table.flags.c_contiguous)


def column_of(table: Table, c: int) -> pd.Series:
    """Give column `c` as a Series; cells of an object array get a dtype of their own back."""
    if isinstance(table, pd.DataFrame):
        return table.iloc[:, c]
    return pd.Series(table[:, c]).infer_objects()


def join_cells(above: pd.Series, below: pd.Series) -> Any:
    """Give the cells of two columns as one array, of a dtype that holds both."""
    dtypes = (above.dtype, below.dtype)
    if all(isinstance(d, np.dtype) and d.kind in "biuf" for d in dtypes):
        # pandas joins booleans and fractions to objects; NumPy has a number for both.
        both = np.result_type(*dtypes)
        above, below = above.astype(both), below.astype(both)
    return pd.concat([above, below], ignore_index=True).array


def replace_columns(table: Table, columns: dict[int, Any]) -> Table:
    """Give a copy of `table` with some columns, by position, replaced."""
    if isinstance(table, pd.DataFrame):
        return make_frame([columns[c] if c in columns else table.iloc[:, c].array
                           for c in range(table.shape[1])], table.columns)
    out = table.copy(order="K")
    for c, values in columns.items():
        out[:, c] = np.asarray(values, dtype=out.dtype)
    return out


def borrow_columns(table: Table, columns: Any, rows: np.ndarray) -> Table:
    """Give a copy of `table` whose `columns` hold the values of other `rows`, dtypes intact."""
    return replace_columns(table, {
        int(c): table.iloc[:, c].array.take(rows) if isinstance(table, pd.DataFrame)
        else table[rows, c]
        for c in columns
    })


def make_frame(columns: list[Any], names: pd.Index) -> pd.DataFrame:
    """Make a frame of arrays that keep their dtypes (pandas would read text from objects)."""
    frame = pd.DataFrame({
        c: pd.Series(cells, dtype=numpy_dtype(cells), copy=False) for c, cells in enumerate(columns)
    }, copy=False)
    frame.columns = names
    return frame


def numpy_dtype(cells: Any) -> Any:
    """Give the dtype of an array; the plain one where pandas wraps a NumPy array."""
    return getattr(cells.dtype, "numpy_dtype", cells.dtype) \
        if isinstance(cells, pd.arrays.NumpyExtensionArray) else cells.dtype


def kind_of(dtype: Any) -> str:
    """Name a column's kind: boolean, integer, float, datetime, timedelta, category or text.

    Arrow's dates without a time have no arithmetic in pandas: they are told apart, like text.
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
