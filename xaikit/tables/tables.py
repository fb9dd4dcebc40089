"""Batches as they live inside xaikit: pandas frames, NumPy arrays, lists of documents.

Whatever a user passes becomes one of these (`Schema.conform`); the schema remembers what it was and
turns it back for the model (`Schema.native`). The functions here take rows and compose columns, and
keep every dtype.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from xaikit.tables.dtypes import MEASURED, inferred, kind_of, kind_of_column, numpy_dtype

Table: TypeAlias = Any
"""A DataFrame or a 2-D array."""

Batch: TypeAlias = Any
"""A table, a list of documents, or an array (n_rows, …) of images or series."""

def is_table(batch: Batch) -> bool:
    """Return whether a batch has rows and columns."""
    return isinstance(batch, pd.DataFrame) or (isinstance(batch, np.ndarray) and batch.ndim == 2)


def take_rows(batch: Batch, rows: np.ndarray) -> Batch:
    """Return the rows at integer positions; dtypes and memory order intact, the index fresh."""
    if isinstance(batch, pd.DataFrame):
        if not batch.flags.allows_duplicate_labels:  # rows are taken several times
            batch = batch.set_flags(allows_duplicate_labels=True)
        return _fresh(rows_of(batch, rows))
    if isinstance(batch, list):
        return [batch[i] for i in rows]
    return np.asfortranarray(batch[rows]) if by_column(batch) else batch[rows]


def rows_of(batch: Batch, rows: np.ndarray) -> Batch:
    """Return the rows at integer positions; dtypes, memory order and the index intact.

    They never share memory with `batch`: a model could reach the caller's data through them, as
    ``torch.from_numpy`` lets it write even to what pandas guards against it.
    """
    if not isinstance(batch, pd.DataFrame):
        return take_rows(batch, rows)
    # pandas shares the cells if all rows are taken in order.
    whole = len(rows) == len(batch) and np.array_equal(rows, np.arange(len(batch)))
    return batch.copy() if whole else batch.take(rows)


def _fresh(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame of one's own with an index that counts its rows."""
    frame.index = pd.RangeIndex(len(frame))
    return frame


def slice_rows(batch: Batch, start: int, stop: int) -> Batch:
    """Return a run of rows; they may share memory with `batch`."""
    if start == 0 and stop >= len(batch):
        return batch
    return batch.iloc[start:stop] if isinstance(batch, pd.DataFrame) else batch[start:stop]


def copy_of(batch: Batch, keep_index: bool = False) -> Batch:
    """Return a copy that may be written to: same memory order, a frame's index fresh or kept."""
    if isinstance(batch, pd.DataFrame):
        own = batch.copy()
        return own if keep_index else _fresh(own)
    return batch.copy(order="K") if isinstance(batch, np.ndarray) else list(batch)


def rows_with_missing(batch: Batch) -> np.ndarray:
    """Return which rows of a table have missing cells, (n_rows,); no text or image has any.

    Examples
    --------
    >>> rows_with_missing(np.array([[1.0, 2.0], [np.nan, 3.0]]))
    array([False,  True])
    """
    if not is_table(batch):
        return np.zeros(len(batch), dtype=bool)
    if not isinstance(batch, pd.DataFrame):
        # A sum is several times as fast as a look at every cell, and NaN if any is.
        with np.errstate(all="ignore"):
            full = batch.dtype.kind in "biu" or (
                batch.dtype.kind == "f" and not np.isnan(batch.sum()))
        if full:
            return np.zeros(len(batch), dtype=bool)
        return np.asarray(pd.isna(batch).any(axis=1))
    sparse = [isinstance(d, pd.SparseDtype) for d in batch.dtypes]
    if any(sparse):  # pandas warns of sparse columns of several fill values
        gone = [batch.iloc[:, c].isna() for c in np.flatnonzero(sparse)]
        rest = batch.iloc[:, np.flatnonzero(~np.array(sparse))]
        return np.any([np.asarray(g, dtype=bool) for g in gone], axis=0) | rows_with_missing(rest)
    return np.asarray(batch.isna().to_numpy().any(axis=1))


def row_bytes(batch: Batch) -> int:
    """Estimate the bytes of a row; text in a table counts as one pointer."""
    if isinstance(batch, list):
        return max(1, sum(map(len, batch)) // max(len(batch), 1))
    if isinstance(batch, np.ndarray):
        return max(1, batch.itemsize * int(np.prod(batch.shape[1:])))
    return max(1, sum(getattr(d, "itemsize", 8) for d in batch.dtypes))


def describe(batch: Any) -> str:
    """Describe a batch in a few words, for messages.

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
    """Return whether a table is an array stored column by column."""
    return bool(isinstance(table, np.ndarray) and table.flags.f_contiguous
                and not table.flags.c_contiguous)


def column_of(table: Table, c: int) -> pd.Series:
    """Return column `c` as a Series; text and truth values of an object array get their dtype."""
    if isinstance(table, pd.DataFrame):
        return table.iloc[:, c]
    column = pd.Series(table[:, c], dtype=object if table.dtype == object else None)
    # pandas would make floats of whole numbers beside None, and its own times of Python's.
    return column if kind_of_column(column) in MEASURED else inferred(column)


def common_dtype(above: np.ndarray, below: np.ndarray) -> np.dtype:
    """Return the dtype of NumPy that holds the cells of both arrays as they are.

    These are Python's objects where floats would round a whole number, or where no unit of time is
    both fine and wide enough.

    Examples
    --------
    >>> halves = np.array([0.5])
    >>> common_dtype(np.array([2**53 + 1]), halves), common_dtype(np.array([1]), halves)
    (dtype('O'), dtype('float64'))
    """
    parts = (above, below)
    wide = np.result_type(*parts)
    units = [part.dtype for part in parts if part.dtype.kind in "mM"]
    for dtype in (wide, *units):
        if all(holds(dtype, part) for part in parts):
            return np.dtype(dtype)
    return np.dtype(object)


def holds(dtype: np.dtype, cells: np.ndarray) -> bool:
    """Return whether whole numbers or times are themselves after a cast, and after one back.

    NumPy rounds them, and wraps around, without a word. Of other cells nothing is asked.
    """
    if cells.dtype == dtype or cells.dtype.kind not in "iumM":
        return True
    back = cells.astype(dtype).astype(cells.dtype)
    return bool((back == cells).all() if cells.dtype.kind in "iu"
                else ((back == cells) | (np.isnat(cells) & np.isnat(back))).all())


def join_rows(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Return the rows of two arrays as one, of a dtype that holds both."""
    dtype = common_dtype(above, below)
    return np.concatenate([above.astype(dtype), below.astype(dtype)])


def join_cells(above: pd.Series, below: pd.Series) -> Any:
    """Return the cells of two columns as one array, of a dtype that holds both."""
    parts = [above, below]
    if all(isinstance(part.dtype, np.dtype) and part.dtype.kind in "biufmM" for part in parts):
        # pandas joins booleans and fractions to objects; NumPy has a number for both.
        dtype = common_dtype(above.to_numpy(), below.to_numpy())
        parts = [part.astype(dtype) for part in parts]
    elif above.dtype != below.dtype:
        parts = _joinable(parts)
    return pd.concat(parts, ignore_index=True).array


def _joinable(parts: list[pd.Series]) -> list[pd.Series]:
    """Return columns of dtypes that pandas joins without rounding, or as Python's objects."""
    kinds = {kind_of(part.dtype) for part in parts}
    decimals = [part.dtype for part in parts if str(part.dtype).startswith("decimal")]
    if len(decimals) == 2:
        wide = max(decimals, key=lambda d: d.pyarrow_dtype.scale)
        return [part.astype(wide) for part in parts]
    if decimals:
        # Arrow rounds decimals to floats twice.
        return [part if part.dtype not in decimals else pd.Series(
            [None if v is None or v is pd.NA else float(v) for v in part], dtype="double[pyarrow]")
            for part in parts]
    large = any(kind_of(part.dtype) == "integer" and part.abs().max() > 2**53 for part in parts)
    if kinds == {"integer", "float"} and large:
        return [part.astype(object) for part in parts]
    try:
        pd.concat(parts)
    except (pd.errors.OutOfBoundsDatetime, pd.errors.OutOfBoundsTimedelta):
        return [part.astype(object) for part in parts]
    return parts


def replace_columns(table: Table, columns: dict[int, Any]) -> Table:
    """Return a copy of `table`, its index too, in which some columns, by position, are replaced."""
    if isinstance(table, pd.DataFrame):
        # A frame built anew would take as many steps as it has columns.
        frame = table.copy()
        for c, cells in columns.items():
            frame.isetitem(c, pd.Series(cells, frame.index, numpy_dtype(cells), copy=False))
        return frame
    out = table.copy(order="K")
    for c, values in columns.items():
        out[:, c] = np.asarray(values, dtype=out.dtype)
    return out


def borrow_columns(table: Table, columns: Any, rows: np.ndarray) -> Table:
    """Return a copy of `table` whose `columns` hold the values of other `rows`, dtypes intact."""
    return replace_columns(table, {
        int(c): table.iloc[:, c].array.take(rows) if isinstance(table, pd.DataFrame)
        else table[rows, c]
        for c in columns
    })


def make_frame(columns: list[Any], names: pd.Index) -> pd.DataFrame:
    """Build a frame of arrays that keep their dtypes (pandas would infer text from objects)."""
    frame = pd.DataFrame({
        c: pd.Series(cells, dtype=numpy_dtype(cells), copy=False) for c, cells in enumerate(columns)
    }, copy=False)
    frame.columns = names
    return frame
