"""Schemas: every batch reaches a model with the same columns, dtypes and container."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from xaikit.settings import check
from xaikit.tables.casting import cast_column, cast_numbers, cast_objects, cast_times
from xaikit.tables.containers import Container, Polars, container_of, taken_in
from xaikit.tables.dtypes import (
    check_comparable,
    check_supported,
    inferred,
    is_number_dtype,
    is_object_dtype,
    native_order,
    same_dtype,
)
from xaikit.tables.tables import Batch, Table, by_column, make_frame
from xaikit.tables.wording import is_missing, listed

PANDAS_UNITS = tuple((unit, 1) for unit in ("s", "ms", "us", "ns"))
"""Units of time that pandas knows, as NumPy writes them."""


@dataclass(frozen=True)
class Schema:
    """The container, columns and dtypes of a table.

    Attributes
    ----------
    container : {"frame", "array", "polars", "sparse", "tensor"}
        What the model receives.
    columns : Index
        Column labels; ``x0``, ``x1``, … for an array without names.
    dtypes : tuple of dtypes
        One a column.
    home : Container or None
        Turns a batch back into a container that is neither pandas nor NumPy.
    by_column : bool
        Whether an array lies in memory column by column.
    """

    container: str
    columns: pd.Index
    dtypes: tuple[Any, ...]
    home: Container | None = None
    by_column: bool = False

    @classmethod
    def of(cls, table: Any, feature_names: Any = None) -> Schema:
        """Read the schema of a table.

        Parameters
        ----------
        table : DataFrame, array, sparse matrix or tensor (n_rows, n_columns)
        feature_names : sequence of str, optional
            Names for the columns of an array.

        Examples
        --------
        >>> import pandas as pd
        >>> Schema.of(pd.DataFrame({"age": [39, 50], "sex": ["F", "M"]})).names
        ('age', 'sex')
        """
        check({"feature_names": feature_names})
        home = container_of(table)
        table = as_table(table)
        if isinstance(table, pd.DataFrame):
            _check_unique([str(c) for c in table.columns])
            for c in range(table.shape[1]):
                check_supported(table.iloc[:, c])
            return cls("frame" if home is None else home.name, table.columns,
                       tuple(map(native_order, table.dtypes)), home)
        names = [f"x{j}" for j in range(table.shape[1])]
        if feature_names is not None:
            names = [str(n) for n in feature_names]
            if len(names) != table.shape[1]:
                raise ValueError(f"feature_names holds {len(names)} names for "
                                 f"{table.shape[1]} columns.")
        _check_unique(names)
        return cls("array" if home is None else home.name, pd.Index(names),
                   (native_order(table.dtype),) * table.shape[1], home, by_column(table))

    @property
    def is_frame(self) -> bool:
        """Return whether batches are frames inside, each column with its own dtype."""
        return self.container in ("frame", Polars.name)

    @property
    def names(self) -> tuple[str, ...]:
        """Column names as text."""
        return tuple(str(c) for c in self.columns)

    def conform(self, table: Any) -> Table:
        """Return `table` with this schema's column order and dtypes, and every value as it was.

        Columns are put in order by name. A fraction in a column of whole numbers keeps its own
        dtype, and so widens the column; a value that the column cannot hold at all is an error.

        Raises
        ------
        ValueError
            For missing or extra columns, unknown category levels, or values of another kind.
        """
        table = as_table(table, n_columns=len(self.columns))
        if not self.is_frame:
            array = self._conform_array(table)
            return np.asfortranarray(array) if self.by_column else array
        if isinstance(table, np.ndarray):
            self._check_width(table.shape[1])
            table = pd.DataFrame(table, columns=self.columns)
        table = self._reorder(table)
        if all(map(same_dtype, table.dtypes, self.dtypes)):
            return table
        cells = {k: cast_column(table.iloc[:, k], dtype, self.names[k])
                 for k, dtype in enumerate(self.dtypes)}
        frame = pd.DataFrame(cells, index=table.index, copy=False)
        frame.columns = self.columns
        return frame

    def native(self, batch: Batch) -> Any:
        """Return a batch of this schema in the container that the user passed."""
        if self.home is None or isinstance(batch, pd.DataFrame) != self.is_frame:
            return batch
        return self.home.give(batch)

    def to_frame(self, table: Table) -> pd.DataFrame:
        """Return a copy of a table as a frame with this schema's names and a fresh index."""
        if isinstance(table, pd.DataFrame):
            return table.reset_index(drop=True).copy()
        return pd.DataFrame(table, columns=self.columns, copy=True)

    def _conform_array(self, table: Table) -> np.ndarray:
        if isinstance(table, pd.DataFrame):
            if set(self.names) == {str(c) for c in table.columns}:
                table = table[[c for name in self.names for c in table.columns if str(c) == name]]
            nullable = not all(isinstance(d, np.dtype) for d in table.dtypes)
            table = table.to_numpy(dtype=object, na_value=np.nan) if nullable \
                else _joined(table)
        self._check_width(table.shape[1])
        dtype = self.dtypes[0] if self.dtypes else table.dtype
        if table.dtype == dtype:
            return table
        if is_number_dtype(table.dtype) and is_number_dtype(dtype):
            return cast_numbers(table, dtype)
        if is_object_dtype(table.dtype) and is_number_dtype(dtype):
            return cast_objects(table, dtype, "the table")
        if table.dtype.kind in "mM" and dtype.kind in "mM":
            return cast_times(table, dtype)
        if table.dtype.kind != dtype.kind and not is_object_dtype(dtype):
            raise ValueError(f"expected an array of {dtype}, got {table.dtype}.")
        return table.astype(object if is_object_dtype(dtype)
                            else np.result_type(table.dtype, dtype))

    def _check_width(self, n_columns: int) -> None:
        if n_columns != len(self.columns):
            raise ValueError(f"expected {len(self.columns)} columns "
                             f"({listed(self.names)}), got {n_columns}.")

    def _reorder(self, table: pd.DataFrame) -> pd.DataFrame:
        if table.columns.equals(self.columns):
            return table
        missing = [str(c) for c in self.columns if c not in table.columns]
        extra = [str(c) for c in table.columns if c not in self.columns]
        if missing or extra:
            parts = [f"missing: {listed(missing)}"] * bool(missing)
            parts += [f"not expected: {listed(extra)}"] * bool(extra)
            raise ValueError(f"the columns do not match the {len(self.columns)} expected ones; "
                             f"{'; '.join(parts)}.")
        if len(table.columns) != len(self.columns):
            raise ValueError("column names must be unique; rename those that occur twice.")
        return table[list(self.columns)]


@dataclass(frozen=True)
class Documents:
    """Texts: the model receives a list of str."""

    container = "documents"
    names = ("text",)

    def conform(self, X: Any) -> list[str]:
        """Return a list of the texts in one text, a list, a Series or a 1-D array.

        Raises
        ------
        ValueError
            If an item is not text.
        """
        texts = [X] if isinstance(X, str) else _listed_texts(X)
        for i, text in enumerate(texts):
            if not isinstance(text, str):
                raise ValueError(f"expected documents (text), got {text!r} of type "
                                 f"{type(text).__name__} at position {i}.")
        return [str(text) for text in texts]

    def native(self, batch: list[str]) -> list[str]:
        """Return the list as it is."""
        return batch


@dataclass(frozen=True)
class Stack:
    """Images, or series: an array (n_rows, …) of more than two axes.

    Attributes
    ----------
    shape : tuple of int
        Of one image, ``(height, width)`` or ``(height, width, channels)`` as a rule.
    dtype : dtype
    """

    shape: tuple[int, ...]
    dtype: Any
    home: Container | None = None
    container = "stack"

    @property
    def names(self) -> tuple[str, ...]:
        """One name for the whole: pixels have none."""
        return ("×".join(map(str, self.shape)),)

    def conform(self, X: Any) -> np.ndarray:
        """Return an array (n_rows, …) of this shape and dtype; one image is a stack of one.

        Raises
        ------
        ValueError
            For images of another shape, or values that the dtype's kind cannot hold.
        """
        stack = np.asarray(taken_in(X))
        if stack.shape == self.shape:
            stack = stack[None]
        if stack.shape[1:] != self.shape:
            raise ValueError(f"expected images of shape {self.shape}, or a stack of them, "
                             f"got shape {stack.shape}.")
        if stack.dtype == self.dtype:
            return stack
        if not (is_number_dtype(stack.dtype) and is_number_dtype(self.dtype)):
            raise ValueError(f"expected images of {self.dtype}, got {stack.dtype}.")
        return cast_numbers(stack, self.dtype)

    def native(self, batch: np.ndarray) -> Any:
        """Return the batch in the container that the user passed."""
        return batch if self.home is None else self.home.give(batch)


AnySchema: TypeAlias = Schema | Documents | Stack


def schema_of(X: Any, feature_names: Any = None) -> AnySchema:
    """Read the schema of a table, of documents or of images.

    A list or 1-D array of texts, or a Series of them with an index of numbers, is read as
    documents; an array of more than two axes is read as a stack of images.

    Examples
    --------
    >>> schema_of(["a fine film", "a dull one"])
    Documents()
    >>> schema_of(np.zeros((5, 28, 28), dtype=np.uint8)).shape
    (28, 28)
    """
    if are_documents(X):
        return Documents()
    home = container_of(X)
    array = taken_in(X) if home is not None else X
    if isinstance(array, list | tuple) and len(array) and np.ndim(array[0]) > 1:
        array = np.asarray(array)
    if isinstance(array, np.ndarray) and array.ndim > 2:
        if 0 in array.shape:
            raise ValueError(f"expected images with pixels, got shape {array.shape}.")
        return Stack(array.shape[1:], native_order(array.dtype), home)
    return Schema.of(X, feature_names)


def are_documents(X: Any) -> bool:
    """Return whether `X` is one text or a sequence of texts, and not a row of a table."""
    if isinstance(X, str):
        return True
    if isinstance(X, pd.Series):
        return bool(len(X)) and pd.api.types.is_integer_dtype(X.index.dtype) \
            and _texts(X)
    if isinstance(X, np.ndarray) and X.ndim != 1:
        return False
    from_polars = type(X).__module__.startswith("polars.series")
    if not isinstance(X, list | tuple | np.ndarray) and not from_polars:
        return False
    return len(X) > 0 and _texts(X)


def other_than_table(X: Any) -> str | None:
    """Return in words what `X` is, if it is not a table but texts or images.

    Examples
    --------
    >>> other_than_table(["some text"]), other_than_table(np.zeros((2, 8, 8, 3)))
    ('texts', 'images of shape (2, 8, 8, 3)')
    """
    if are_documents(X):
        return "texts"
    if not isinstance(X, list | tuple):
        shape = np.shape(X) if hasattr(X, "shape") else ()
        return f"images of shape {shape}" if len(shape) > 2 else None
    shapes = list(dict.fromkeys(tuple(getattr(image, "shape", ())) for image in X))
    if not shapes or len(shapes[0]) < 2:
        return None
    return f"images of shape {(len(X), *shapes[0])}" if len(shapes) == 1 else \
        f"images of shapes {listed(shapes)}"


def as_table(table: Any, n_columns: int | None = None) -> Table:
    """Return a frame or a 2-D array of what a user passes as a table.

    A Series or 1-D array is one row; if `n_columns` is 1, a 1-D array is one column. Tables of
    other libraries (polars, SciPy's sparse, torch) become frames and arrays.
    """
    table = taken_in(table)
    if isinstance(table, pd.DataFrame):
        for c in np.flatnonzero([is_object_dtype(d) for d in table.dtypes]):
            check_comparable(table.iloc[:, c], f"column {table.columns[c]!r}")
        return table
    if isinstance(table, pd.Series):
        # A row taken from a mixed frame is an object Series; its cells get their own dtypes back.
        row = table.to_frame().T
        cells = [inferred(row.iloc[:, c]).array for c in range(len(table))]
        return make_frame(cells, row.columns).set_axis(row.index, axis=0)
    if not isinstance(table, np.ndarray | list | tuple):
        advice = "; pass its to_pandas()" if hasattr(table, "to_pandas") else ""
        raise TypeError(f"expected a DataFrame or a 2-D array, got {type(table).__name__}{advice}.")
    if isinstance(table, np.ma.MaskedArray) and np.ma.getmaskarray(table).any():
        raise TypeError("masked arrays would lose their mask on the way to the model; "
                        "write NaN where cells are masked: array.filled(np.nan).")
    try:
        array = np.asarray(table)
        if isinstance(table, list | tuple):
            array = _as_listed(table, array)
    except ValueError as error:
        raise ValueError(f"expected a table, whose rows have one cell for each column: "
                         f"{error}.") from error
    if array.dtype.kind in "mM" and np.datetime_data(array.dtype) not in PANDAS_UNITS:
        raise TypeError(f"expected times in s, ms, us or ns, got an array of {array.dtype}; "
                        f"convert it: array.astype('{array.dtype.kind}8[s]').")
    if array.dtype.kind == "V":
        raise TypeError("structured arrays are not supported; pass pd.DataFrame(array).")
    if array.ndim == 1 and len(array):
        array = array.reshape(-1, 1) if n_columns == 1 else array.reshape(1, -1)
    if array.ndim != 2:
        raise ValueError(f"expected a table of shape (n_rows, n_columns), got shape {array.shape}.")
    return array


def _joined(table: pd.DataFrame) -> np.ndarray:
    """Return a frame of NumPy's dtypes as an array; of objects if floats would round some cell."""
    array = table.to_numpy()
    wide = array.dtype.kind == "f" and any(
        d.kind in "iu" and not np.array_equal(table.iloc[:, c], array[:, c].astype(d))
        for c, d in enumerate(table.dtypes))
    return table.to_numpy(dtype=object) if wide else array


def _as_listed(table: Any, array: np.ndarray) -> np.ndarray:
    """Return the cells of lists as they are, where NumPy made text or rounded numbers of them."""
    cells = [cell for row in table for cell in (row if isinstance(row, list | tuple) else [row])]
    changed = (array.dtype.kind in "US" and not all(isinstance(v, str | bytes) for v in cells)) or (
        array.dtype.kind == "f" and any(isinstance(v, int) and abs(v) > 2**53 for v in cells))
    return np.array(table, dtype=object) if changed else array


def _texts(cells: Any) -> bool:
    """Return whether cells are texts, some of them perhaps missing."""
    found = False
    for cell in cells:
        if isinstance(cell, str):
            found = True
        elif not is_missing(cell):
            return False
    return found


def _listed_texts(X: Any) -> list[Any]:
    if isinstance(X, pd.DataFrame) or np.ndim(X) > 1:
        raise ValueError(f"expected a list of documents, got a {type(X).__name__} of shape "
                         f"{np.shape(X)}.")
    return X.to_list() if hasattr(X, "to_list") else list(X)


def _check_unique(names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError("column names must be unique as text; these occur more than once: "
                         f"{', '.join(twice)}. Rename them.")
