"""What a user passes beside a table, one a row: labels and weights, in the order of its rows."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from xaikit.tables.cells import is_plain
from xaikit.tables.containers import taken_in
from xaikit.tables.dtypes import check_comparable, inferred, is_number_dtype
from xaikit.tables.wording import cut, plural


@dataclass(frozen=True)
class Labels:
    """Labels in the order of a table's rows, in NumPy's own dtypes.

    Attributes
    ----------
    values : array (n_rows,) or (n_rows, n_targets)
        Missing ones as NaN, None or NA.
    index : Index or None
        Of the rows, if the labels came as a Series or DataFrame.
    name : object
        Name of the Series, or columns of the DataFrame.
    given : DataFrame or structured array, optional
        Labels of several columns as they came, with the dtype of each.
    """

    values: np.ndarray
    index: pd.Index | None = None
    name: Any = None
    given: Any = None

    def __len__(self) -> int:
        return len(self.values)

    @property
    def missing(self) -> np.ndarray:
        """Mask of the rows with a missing label, (n_rows,)."""
        gone = np.asarray(pd.isna(self.values)).reshape(len(self.values), -1)
        return np.asarray(gone.any(axis=1))

    def of_targets(self, targets: list[int]) -> Labels:
        """Return the labels of some targets; of a single one as if it were the only one."""
        chosen: Any = targets[0] if len(targets) == 1 else targets
        frame = isinstance(self.given, pd.DataFrame) and len(targets) > 1
        return Labels(self.values[:, chosen], self.index,
                      None if self.name is None else self.name[chosen],
                      self.given.iloc[:, targets] if frame else None)

    def of(self, rows: np.ndarray) -> Any:
        """Return a copy of the labels of some rows, in the kind of container that they came in."""
        if self.given is not None:
            return self.given.iloc[rows].copy() if isinstance(self.given, pd.DataFrame) \
                else self.given[rows]
        values = self.values[rows]
        if self.index is None:
            return values
        return pd.Series(values, index=self.index[rows], name=self.name, dtype=values.dtype)


def read_labels(y: Any, X: Any, n_rows: int) -> Labels:
    """Return labels in the order of the rows of the table that they were passed with.

    A Series or DataFrame beside a DataFrame is put in order by its index; see `in_order`. All else
    is taken in the order that it has.

    Parameters
    ----------
    y : array, list, Series or DataFrame, also of polars
        One label per row, or one per row and target.
    X : table
        As the user passed it: only pandas' have an index.
    n_rows : int
        Its number of rows.

    Raises
    ------
    ValueError
        If there is not one label per row, or an index fits neither that of the rows nor their
        positions.

    Examples
    --------
    >>> X = pd.DataFrame({"a": [1.0, 2.0]}, index=["Ulm", "Bonn"])
    >>> read_labels(pd.Series(["no", "yes"], index=["Bonn", "Ulm"]), X, 2).values.tolist()
    ['yes', 'no']
    """
    return _read(y, X, n_rows, "y", "label")


def read_weights(sample_weight: Any, X: Any, n_rows: int) -> np.ndarray | None:
    """Return weights in the order of the rows of a table, as floats; None for none.

    Raises
    ------
    ValueError
        If they are not one finite number of at least 0 per row, or all 0, or as for `read_labels`.

    Examples
    --------
    >>> read_weights([1, 0, 2], np.zeros((3, 2)), 3)
    array([1., 0., 2.])
    """
    if sample_weight is None:
        return None
    given = _read(sample_weight, X, n_rows, "sample_weight", "weight").values
    wanted = "sample_weight must be one finite number of at least 0 per row, and not all 0"
    if given.ndim != 1:
        raise ValueError(f"{wanted}; got values of shape {given.shape}.")
    if given.dtype.kind in "mM":  # whole numbers to NumPy
        raise ValueError(f"{wanted}; got values of {given.dtype}.")
    odd = next(((row, v) for row, v in enumerate(given.tolist())
                if isinstance(v, bool) or not isinstance(v, Real | Decimal)
                or (isinstance(v, int) and abs(v) > 10**300)), None)
    if odd is not None:
        what = type(odd[1]).__name__
        raise ValueError(f"{wanted}; got {cut(repr(odd[1]))} of type {what} in row {odd[0]}.")
    weights = given.astype(np.float64)
    wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(wrong):
        raise ValueError(f"{wanted}; got {weights[wrong[0]]:g} in row {wrong[0]} "
                         f"({plural(len(wrong), 'such row')}).")
    if not 0 < weights.sum() < np.inf:
        raise ValueError(f"{wanted}; their sum is {weights.sum():g}.")
    return weights


def read_groups(groups: Any, X: Any, n_rows: int, name: str) -> np.ndarray:
    """Return the number of each row's group, counted from 0 in the order of their names.

    Raises
    ------
    ValueError
        If there is not one known group per row.

    Examples
    --------
    >>> read_groups(["b", "a", "b"], np.zeros((3, 2)), 3, "blocks")
    array([1, 0, 1])
    """
    given = _read(groups, X, n_rows, name, "group")
    if given.values.ndim != 1 or given.missing.any():
        raise ValueError(f"{name} must be one known group per row of X; got values of shape "
                         f"{given.values.shape}, missing in {int(given.missing.sum())} rows.")
    codes, groups = pd.factorize(given.values)
    # By their text, as the order of rows is to make no difference and types may be mixed.
    order = sorted(range(len(groups)), key=lambda g: str(groups[g]))
    return np.argsort(order)[codes]


def in_order(own: Any, index: pd.Index, name: str, noun: str) -> Any:
    """Return a Series or DataFrame in the order of the rows of a frame with an index.

    The same index in another order is put in order. An index that only counts 0, 1, 2, … on either
    side says nothing about the rows: then positions decide, as in scikit-learn, unless the other
    holds the same numbers in another order.

    Raises
    ------
    ValueError
        If it holds other rows, or if equal index labels in another order, or numbers that may only
        count the rows, leave open which is meant.
    """
    if own.index.equals(index):
        return own
    unique = own.index.is_unique and index.is_unique
    counted = pd.RangeIndex(len(own))
    counts = own.index.equals(counted) or index.equals(counted)
    # Not by sorting, since labels of several types have no order.
    if counts and unique and len(own) == len(index) and own.index.isin(index).all():
        # A table that was shuffled and then made anew, or labels that were: nobody can tell.
        raise ValueError(f"the index of {name} holds the numbers 0, 1, 2, … of X in another order, "
                         f"and one of the two may only count its rows. Pass {name}.to_numpy() if "
                         f"the order is the same, or {name}.loc[X.index].to_numpy() if not.")
    if unique:
        places = own.index.get_indexer(index)
        if (places >= 0).all():
            return own.iloc[places]
    if counts:
        return own
    reason = "it holds other rows" if unique else \
        "index labels that occur twice leave open which row is meant"
    raise ValueError(f"the index of {name} is not that of X: {reason}. Pass a {noun} for each row "
                     f"under the index of X, or {name}.to_numpy() if the order is the same.")


def distinct_labels(values: np.ndarray) -> list[Any]:
    """Return the different labels, sorted; those of several types by type first.

    Raises
    ------
    ValueError
        If they have no order, such as complex numbers.

    Examples
    --------
    >>> distinct_labels(np.array(["b", 2, "a", 1], dtype=object))
    [1, 2, 'a', 'b']
    """
    try:
        return sorted(set(values.tolist()), key=lambda v: (str(type(v)), v))
    except TypeError as error:
        raise ValueError(f"y holds labels of {type(values.tolist()[0]).__name__}, which have no "
                         f"order ({error}); convert them to text.") from error


def label_numbers(values: np.ndarray) -> np.ndarray | None:
    """Return labels as float64, also those that are text of numbers as programs write them.

    None if one is no finite number: codes such as "007" are none, and neither are times and
    durations, whose unit is open.

    Examples
    --------
    >>> label_numbers(np.array(["1.5", "2"])), label_numbers(np.array(["1.5", "02"]))
    (array([1.5, 2. ]), None)
    """
    if values.dtype.kind not in "biuf" and not all(map(_is_number, values.reshape(-1).tolist())):
        return None
    try:
        numbers = np.asarray(values.tolist(), dtype=np.float64)
    except (OverflowError, ValueError):  # Decimal's signaling NaN
        return None
    return numbers if np.isfinite(numbers).all() else None


def _is_number(cell: Any) -> bool:
    if isinstance(cell, str):
        return is_plain(cell)
    return isinstance(cell, Real | Decimal | np.bool_) and not isinstance(cell, np.timedelta64)


def class_codes(values: np.ndarray, classes: Any) -> np.ndarray:
    """Return the position of each label among a model's classes, −1 for one that is not there.

    Labels are matched by value (1 = 1.0 = True); if none is among the classes, by their text.

    Examples
    --------
    >>> class_codes(np.array([1.0, 0.0, 3.0]), [0, 1]), class_codes(np.array([0, 1]), ["0", "1"])
    (array([ 1,  0, -1]), array([0, 1]))
    """
    labels = values.tolist()
    place = {v: k for k, v in enumerate(classes)}
    codes = np.array([place.get(v, -1) for v in labels], dtype=np.int64)
    if (codes < 0).all():
        place = {str(v): k for k, v in enumerate(classes)}
        codes = np.array([place.get(str(v), -1) for v in labels], dtype=np.int64)
    return codes


def _read(given: Any, X: Any, n_rows: int, name: str, noun: str) -> Labels:
    of_pandas = isinstance(given, pd.Series | pd.DataFrame)
    if not of_pandas:
        given = taken_in(given)
    values: Any = given if isinstance(given, pd.Series | pd.DataFrame) else _array(given, name)
    if values.ndim not in (1, 2):
        raise ValueError(f"{name} has shape {values.shape}; pass one {noun} per row of X.")
    if len(values) != n_rows:
        raise ValueError(f"{name} holds {plural(len(values), noun)} for {plural(n_rows, 'row')} of "
                         f"X; pass one {noun} per row, in the same order.")
    if of_pandas and isinstance(X, pd.DataFrame):
        values = in_order(values, X.index, name, noun)
    cells = _cells(values)
    if cells.dtype == object:
        check_comparable(cells, name)
        nested = [v for v in cells.reshape(-1) if isinstance(v, list | dict | set | np.ndarray)]
        if nested:
            raise ValueError(f"{name} holds {nested[0]!r} in a cell; pass one {noun} per row, and "
                             "those of several targets as columns.")
    if getattr(given, "dtype", None) is not None and getattr(given.dtype, "names", None):
        return Labels(cells, None, pd.Index(given.dtype.names), given)
    names = values.columns if isinstance(values, pd.DataFrame) else getattr(values, "name", None)
    if values.ndim > cells.ndim:
        names = None if names is None else names[0]
    if not of_pandas:
        return Labels(cells, None, names)
    return Labels(cells, values.index, names, values if cells.ndim > 1 else None)


def _array(given: Any, name: str) -> Any:
    """Return what is no pandas object as an array; a masked cell is a missing one.

    A structured array, such as survival times with their events, becomes a frame of its fields.
    """
    # Nullable arrays of pandas have masks as well, and look masked to NumPy.
    if isinstance(given, np.ma.MaskedArray) and np.ma.is_masked(given):
        cells = np.array(given.data, dtype=object)
        cells[np.ma.getmaskarray(given)] = None
        return cells
    try:
        array = np.asarray(given)
    except ValueError as error:
        if "inhomogeneous" in str(error):
            several = ("; if a row may have several labels, a column of 0 and 1 for each label "
                       "(scikit-learn's MultiLabelBinarizer)" if name == "y" else "")
            raise ValueError(f"{name} holds lists of different lengths: pass one value per row"
                             f"{several}.") from error
        raise ValueError(f"{name} does not form an array: {str(error).rstrip('.')}.") from error
    if array.dtype.names is not None:
        return pd.DataFrame({field: array[field] for field in array.dtype.names})
    if array.dtype.kind in "US" and not isinstance(given, np.ndarray):
        # Beside text, NumPy makes text of everything in a list: of NaN, and of 1 beside "1".
        cells = np.array(given, dtype=object)
        return array if all(isinstance(v, str) for v in cells.reshape(-1)) else cells
    return array


def _cells(given: Any) -> np.ndarray:
    """Return the cells of a Series, a frame or an array; those of a lone column in one axis."""
    if isinstance(given, pd.DataFrame):
        columns = [_plain(given.iloc[:, k]) for k in range(given.shape[1])]
        return columns[0] if len(columns) == 1 else np.column_stack(columns)
    if given.ndim > 1:
        return _cells(given[:, 0]) if given.shape[1] == 1 else given
    return given if given.dtype.kind == "U" else _plain(pd.Series(given, copy=False))


def _plain(column: pd.Series) -> np.ndarray:
    """Return cells in a dtype of NumPy: numbers and truth values in their own, all else objects."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    dtype = inferred(column).dtype
    dtype = getattr(dtype, "numpy_dtype", dtype)
    if is_number_dtype(dtype) and not column.isna().any():
        return column.to_numpy(dtype=dtype)
    if isinstance(column.dtype, np.dtype):
        return column.to_numpy()
    return column.to_numpy(dtype=object, na_value=np.nan)
