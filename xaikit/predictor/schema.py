"""Names, order, dtypes and categories of a table, restored on every batch."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

Table: TypeAlias = Any
"""A DataFrame or a 2-D array."""


@dataclass(frozen=True)
class Schema:
    """What a table looks like: its container, columns and dtypes.

    Attributes
    ----------
    container : {"frame", "array"}
        What the model is handed.
    columns : Index
        Column labels (invented as ``x0…`` for an array).
    dtypes : tuple of dtypes
        One a column.
    """

    container: str
    columns: pd.Index
    dtypes: tuple[Any, ...]

    @classmethod
    def of(cls, table: Any, feature_names: Any = None) -> Schema:
        """Read the schema of a table.

        Parameters
        ----------
        table : DataFrame or array (n_rows, n_columns)
        feature_names : sequence of str, optional
            Names for the columns of an array.

        Examples
        --------
        >>> import pandas as pd
        >>> Schema.of(pd.DataFrame({"age": [39, 50], "sex": ["F", "M"]})).names
        ('age', 'sex')
        """
        table = as_table(table)
        if isinstance(table, pd.DataFrame):
            _check_unique([str(c) for c in table.columns])
            return cls("frame", table.columns, tuple(table.dtypes))
        names = [f"x{j}" for j in range(table.shape[1])]
        if feature_names is not None:
            names = [str(n) for n in feature_names]
            if len(names) != table.shape[1]:
                raise ValueError(f"feature_names holds {len(names)} names for "
                                 f"{table.shape[1]} columns.")
        _check_unique(names)
        return cls("array", pd.Index(names), (table.dtype,) * table.shape[1])

    @property
    def names(self) -> tuple[str, ...]:
        """Column names as text."""
        return tuple(str(c) for c in self.columns)

    def conform(self, table: Any) -> Table:
        """Give `table` this schema's container, column order and dtypes, changing no value.

        A cast that would change a value is not made: a fraction in a column of whole numbers keeps
        its own dtype (the batch is then widened), and a value that the column cannot hold at all
        is an error. Columns are put in order by name.

        Raises
        ------
        ValueError
            For missing or extra columns, unknown category levels, or values of another kind.
        """
        table = as_table(table, n_columns=len(self.columns))
        if self.container == "array":
            return self._conform_array(table)
        if isinstance(table, np.ndarray):
            self._check_width(table.shape[1])
            table = pd.DataFrame(table, columns=self.columns)
        table = self._reorder(table)
        if all(_same(own, dtype) for own, dtype in zip(table.dtypes, self.dtypes, strict=True)):
            return table
        cells = {k: _cast(table.iloc[:, k], dtype, self.names[k])
                 for k, dtype in enumerate(self.dtypes)}
        frame = pd.DataFrame(cells, index=table.index, copy=False)
        frame.columns = self.columns
        return frame

    def to_frame(self, table: Table) -> pd.DataFrame:
        """Give a copy of a table as a frame with this schema's names and a fresh index."""
        if isinstance(table, pd.DataFrame):
            return table.reset_index(drop=True).copy()
        return pd.DataFrame(table, columns=self.columns, copy=True)

    def _conform_array(self, table: Table) -> np.ndarray:
        if isinstance(table, pd.DataFrame):
            if set(self.names) == {str(c) for c in table.columns}:
                table = table[[c for name in self.names for c in table.columns if str(c) == name]]
            table = table.to_numpy()
        self._check_width(table.shape[1])
        dtype = self.dtypes[0] if self.dtypes else table.dtype
        if table.dtype == dtype:
            return table
        if _is_number(table.dtype) and _is_number(dtype):
            return _cast_numbers(table, dtype)
        if _is_object(table.dtype) and _is_number(dtype):
            return _cast_numbers(_numbers_or_raise(table, "the table"), dtype)
        if _is_number(table.dtype) != _is_number(dtype) and not _is_object(dtype):
            raise ValueError(f"expected an array of {dtype}, got {table.dtype}.")
        return table.astype(np.result_type(table.dtype, dtype))

    def _check_width(self, n_columns: int) -> None:
        if n_columns != len(self.columns):
            raise ValueError(f"expected {len(self.columns)} columns "
                             f"({_listed(self.names)}), got {n_columns}.")

    def _reorder(self, table: pd.DataFrame) -> pd.DataFrame:
        if table.columns.equals(self.columns):
            return table
        missing = [str(c) for c in self.columns if c not in table.columns]
        extra = [str(c) for c in table.columns if c not in self.columns]
        if missing or extra:
            parts = [f"missing: {_listed(missing)}"] * bool(missing)
            parts += [f"not expected: {_listed(extra)}"] * bool(extra)
            raise ValueError(f"the columns do not match the {len(self.columns)} expected ones; "
                             f"{'; '.join(parts)}.")
        if len(table.columns) != len(self.columns):
            raise ValueError("column names must be unique; rename those that occur twice.")
        return table[list(self.columns)]


def as_table(table: Any, n_columns: int | None = None) -> Table:
    """Accept a frame, a 2-D array, nested lists, or one row as a Series or 1-D array.

    A 1-D array is one row; where `n_columns` is 1 it is a column of rows.
    """
    if isinstance(table, pd.DataFrame):
        return table
    if isinstance(table, pd.Series):
        # A row cut from a mixed frame is an object Series: give its cells their own dtypes back.
        return table.to_frame().T.infer_objects()
    if not isinstance(table, np.ndarray | list | tuple):
        if hasattr(table, "toarray"):
            raise TypeError(f"sparse {type(table).__name__} tables are not supported here; "
                            "pass table.toarray() if it fits in memory.")
        raise TypeError(f"expected a DataFrame or a 2-D array, got {type(table).__name__}.")
    array = np.asarray(table)
    if array.ndim == 1 and len(array):
        array = array.reshape(-1, 1) if n_columns == 1 else array.reshape(1, -1)
    if array.ndim != 2:
        raise ValueError(f"expected a table of shape (n_rows, n_columns), got shape {array.shape}.")
    return array


def take_rows(table: Table, rows: np.ndarray) -> Table:
    """Give the rows at integer positions; dtypes and memory order intact, the index fresh."""
    if isinstance(table, pd.DataFrame):
        return table.take(rows).reset_index(drop=True)
    return np.asfortranarray(table[rows]) if by_column(table) else table[rows]


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


def copy_of(table: Table) -> Table:
    """Give a copy of a table that keeps an array's memory order."""
    return table.copy(order="K") if isinstance(table, np.ndarray) else table.copy()


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
    """Name a column's kind: boolean, integer, float, datetime, timedelta, category or text."""
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


def _check_unique(names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError("column names must be unique as text; these occur more than once: "
                         f"{', '.join(twice)}. Rename them.")


def _listed(names: Any, most: int = 8) -> str:
    names = list(names)
    return ", ".join(map(str, names[:most])) + (f", … ({len(names)} in all)"
                                                if len(names) > most else "")


def _is_number(dtype: Any) -> bool:
    return isinstance(dtype, np.dtype) and dtype.kind in "biuf"


def _is_object(dtype: Any) -> bool:
    return isinstance(dtype, np.dtype) and dtype.kind == "O"


def _cast_numbers(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Cast if no value changes, else keep the values in a dtype that holds both."""
    with np.errstate(invalid="ignore", over="ignore"):
        cast = values.astype(dtype)
        # There and back: beyond 2**53 a whole number and its float compare equal and are not.
        same = (cast == values) & (cast.astype(values.dtype) == values)
    if values.dtype.kind == "f" and dtype.kind == "f":
        # Narrower floats are the user's own precision: rounding is meant, overflow is not.
        same = np.isclose(cast, values, rtol=np.finfo(dtype).eps, atol=0, equal_nan=True)
    if np.all(same):
        return cast
    wide = values.astype(np.result_type(values.dtype, dtype))
    kept = values.dtype.kind == "f" or np.array_equal(wide.astype(values.dtype), values)
    return wide if kept else values


def _whole_numbers(column: pd.Series) -> np.ndarray | None:
    """Give cells that all are whole numbers, or the text of one, without a detour by floats."""
    try:
        cells = [int(v) for v in column.tolist() if isinstance(v, Integral | str)]
        return np.array(cells, dtype=np.int64) if len(cells) == len(column) else None
    except (TypeError, ValueError, OverflowError):
        return None


def _numbers_or_raise(values: Any, where: str) -> np.ndarray:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where} should hold numbers, but does not: {error}.") from error


def _cast(column: pd.Series, dtype: Any, name: str) -> pd.Series:
    """Cast one column of a frame to `dtype` without changing a value, or say why not."""
    own = column.dtype
    if _same(own, dtype):
        return column
    where = f"column {name!r}"
    if isinstance(dtype, pd.CategoricalDtype):
        return _cast_levels(column, dtype, where)
    if _is_number(dtype):
        if not _is_number(own):
            missing = pd.isna(column).to_numpy()
            if kind_of(own) in ("datetime", "timedelta"):
                raise ValueError(f"{where} should be {dtype}, got {own}.")
            if dtype.kind in "iu" and not missing.any():
                whole = _whole_numbers(column)
                if whole is not None:
                    return pd.Series(_cast_numbers(whole, dtype), index=column.index)
            values = np.full(len(column), np.nan)
            values[~missing] = _numbers_or_raise(column[~missing].tolist(), where)
            return pd.Series(_cast_numbers(values, dtype), index=column.index)
        return pd.Series(_cast_numbers(column.to_numpy(), dtype), index=column.index)
    if kind_of(dtype) == "text":
        written = kind_of(own) in ("text", "category") or column.isna().all()
        if not written and not _is_object(dtype):
            raise ValueError(f"{where} should hold text ({dtype}), got {own}. "
                             "Convert it to the dtype that the model was fitted with.")
        return column.astype(object).astype(dtype)
    timed = ("datetime", "timedelta")
    if kind_of(dtype) in timed and kind_of(own) not in (kind_of(dtype), "text"):
        raise ValueError(f"{where} should be {dtype}, got {own}.")
    try:
        cast = column.astype(dtype)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where} should be {dtype}, got {own}: {error}.") from error
    if not cast.isna().equals(column.isna()):
        raise ValueError(f"{where} should be {dtype}; values of {own} would be lost.")
    known = column.notna()
    if kind_of(own) in ("boolean", "integer", "float") and not (
        cast[known].tolist() == column[known].tolist()
    ):
        raise ValueError(f"{where} should be {dtype}; values of {own} would change.")
    if kind_of(dtype) in timed:
        # Times finer than the schema's keep their unit, and the batch is widened.
        exact = column if kind_of(own) in timed else column.astype(_finest(dtype))
        return cast if (cast == exact)[known].all() else exact
    return cast


def _finest(dtype: Any) -> Any:
    """Give the dtype of the same kind and zone that counts nanoseconds."""
    if isinstance(dtype, pd.DatetimeTZDtype):
        return pd.DatetimeTZDtype("ns", dtype.tz)
    return np.dtype("M8[ns]" if kind_of(dtype) == "datetime" else "m8[ns]")


def _same(own: Any, dtype: Any) -> bool:
    """Compare dtypes; those of unordered categories are only the same in the same order."""
    return own == dtype and (not isinstance(dtype, pd.CategoricalDtype)
                             or own.categories.equals(dtype.categories))


def _cast_levels(column: pd.Series, dtype: pd.CategoricalDtype, where: str) -> pd.Series:
    lost = ~column.isin(dtype.categories) & column.notna()
    if lost.any():
        levels = _listed(sorted({repr(v) for v in column[lost]}))
        raise ValueError(
            f"{where} holds levels that its categories do not know: {levels}. The model has never "
            "seen them; drop those rows, or add the levels to the background's categories."
        )
    return column.astype(object).astype(dtype)
