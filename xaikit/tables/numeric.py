"""Columns, batches and images as arrays of numbers: one function for each meaning of "numbers"."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from xaikit.tables.containers import taken_in
from xaikit.tables.dtypes import (
    NUMBERS,
    TIMES,
    are_objects,
    is_object_dtype,
    kind_of,
    kind_of_column,
)
from xaikit.tables.numbering import number_levels
from xaikit.tables.tables import Batch


def float_column(column: pd.Series) -> np.ndarray:
    """Return a column of numbers or times as float64, missing as NaN.

    Times count in the column's own unit. Numbers are rounded if floats cannot hold them; where that
    matters, `exact_column` and `beyond_origin` do not round.

    Raises
    ------
    TypeError
        If a cell is not a number, in a column of Python objects.
    """
    column = with_times(column)
    if kind_of(column.dtype) in TIMES:
        missing = column.isna().to_numpy()
        return np.where(missing, np.nan, column.astype("int64").to_numpy().astype(np.float64))
    if is_object_dtype(column.dtype):
        return np.array([np.nan if gone else _as_float(cell, column.name) for cell, gone
                         in zip(column, column.isna(), strict=True)], dtype=np.float64)
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def with_times(column: pd.Series) -> pd.Series:
    """Return a column whose cells are times or durations with their dtype, any other as it is."""
    if is_object_dtype(column.dtype) and kind_of_column(column) in TIMES:
        return column.infer_objects()
    return column


def _as_float(cell: Any, name: Any) -> float:
    try:
        return float(cell)
    except OverflowError:
        return np.inf if cell > 0 else -np.inf
    except (TypeError, ValueError) as error:
        raise TypeError(f"column {name!r} holds numbers elsewhere, but here {cell!r} of type "
                        f"{type(cell).__name__}; make them all numbers, or all text.") from error


def exact_column(column: pd.Series) -> np.ndarray:
    """Return a column of numbers or times so that cells compare exactly, missing as NaN.

    Returns
    -------
    array (n_rows,)
        Of float64 if it holds every cell, else of Python's numbers.

    Examples
    --------
    >>> exact_column(pd.Series([0, 1])), exact_column(pd.Series([0, 2**53 + 1]))
    (array([0., 1.]), array([0, 9007199254740993], dtype=object))
    """
    column, floats = with_times(column), float_column(column)
    known = np.isfinite(floats)
    if not are_objects(column.dtype):
        floating = kind_of(column.dtype) == "float" and getattr(column.dtype, "itemsize", 8) <= 8
        if floating or np.abs(floats[known]).max(initial=0.0) < 2.0**53:
            return floats
    cells = floats.astype(object)
    own = column[known].astype("int64") if kind_of(column.dtype) in TIMES else column[known]
    cells[known] = [c.item() if isinstance(c, np.generic) else c for c in own.astype(object)]
    # As Python's numbers: NumPy's floats round what they are compared with.
    return cells if cells[known].tolist() != floats[known].tolist() else floats


def beyond_origin(column: pd.Series) -> tuple[Any, np.ndarray]:
    """Return a column of numbers or times as float64 beyond an origin, missing as NaN.

    The origin is 0.0 if floats hold the cells, or if all that they round is fractions which stay
    apart; else it is the least finite cell, so that whole numbers above 2**53 differ.

    Examples
    --------
    >>> beyond_origin(pd.Series([2**53, 2**53 + 1]))
    (9007199254740992, array([0., 1.]))
    """
    cells, floats = exact_column(column), float_column(column)
    known = np.isfinite(floats)
    if cells.dtype != object or (kind_of_column(column) == "float" and
                                 len(set(cells[known])) == len(np.unique(floats[known]))):
        return 0.0, floats
    origin = min(cells[known])
    return origin, np.array([float(cell - origin) if k else cell for cell, k
                             in zip(cells, known, strict=True)], dtype=np.float64)


def numbers_or_ranks(column: pd.Series) -> np.ndarray:
    """Return numbers as they are and anything else as ranks in level order, missing as NaN.

    Levels are in the order of a category, times in their own, and all else in `number_levels`'.
    """
    kind = kind_of_column(column)
    if kind in NUMBERS:
        return float_column(column)
    if kind == "category":
        ranks = column.cat.codes.to_numpy()
    elif kind in TIMES:
        ranks = pd.factorize(with_times(column), sort=True)[0]
    else:
        ranks = number_levels(column)[0]
    return np.where(ranks < 0, np.nan, ranks.astype(np.float64))


def number_array(batch: Batch, whom: str) -> np.ndarray:
    """Return a batch of numbers as one array, of a dtype that holds all columns.

    Parameters
    ----------
    batch : table, list of documents or array
    whom : str
        Who takes numbers, for the sentence.

    Raises
    ------
    TypeError
        If a column or the array holds something else.
    """
    if isinstance(batch, pd.DataFrame):
        bad = [f"{c} ({d})" for c, d in zip(batch.columns, batch.dtypes, strict=True)
               if kind_of(d) not in NUMBERS]
        if bad:
            raise TypeError(f"{whom} takes numbers, but these columns hold none: "
                            f"{', '.join(bad)}. Wrap a function that encodes them.")
        plain = [d if isinstance(d, np.dtype) else np.dtype(np.float64) for d in batch.dtypes]
        return batch.to_numpy(dtype=np.result_type(*plain), na_value=np.nan)
    if isinstance(batch, list):
        raise TypeError(f"{whom} takes numbers, got a list of documents. "
                        "Wrap a function that encodes them.")
    if batch.dtype.kind not in "biuf":
        raise TypeError(f"{whom} takes numbers, got an array of {batch.dtype}. "
                        "Wrap a function that encodes it.")
    return batch


CHANNELS = (1, 3, 4)
"""Lengths by which an axis is taken for that of channels: grey, colour, colour with opacity."""


def channels_first(stack: np.ndarray) -> np.ndarray:
    """Return images (n, height, width, channels) as (n, channels, height, width).

    Raises
    ------
    ValueError
        If they seem to have their channels first already: they would be turned around twice.

    Examples
    --------
    >>> channels_first(np.zeros((5, 8, 6, 3))).shape
    (5, 3, 8, 6)
    """
    if stack.shape[3] not in CHANNELS and stack.shape[1] in CHANNELS:
        raise ValueError(
            "xaikit.wrap(model, channels='first') turns images (n, height, width, channels) around "
            f"for the model, and these, of shape {stack.shape}, seem to have their channels first "
            "already: leave channels out of wrap, and pass ImageMasker(channels='first').")
    return np.ascontiguousarray(np.moveaxis(stack, -1, 1))


def image_array(X: Any) -> np.ndarray:
    """Return images, labels or a number of a baseline as an array.

    Raises
    ------
    TypeError
        If it holds anything but numbers of at most eight bytes.
    ValueError
        If images are of different shapes.
    """
    try:
        array = np.asarray(taken_in(X))
    except ValueError as error:
        raise ValueError("expected images of one shape; explain images of different shapes one "
                         f"shape at a time ({error}).") from error
    if array.dtype.kind not in "buif" or array.dtype.itemsize > 8:
        raise TypeError(f"expected images of whole numbers or floats, got {array.dtype}.")
    return array
