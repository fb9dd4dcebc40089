"""Columns, batches and images as arrays of numbers: one function for each meaning of "numbers"."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from xaikit.tables.containers import taken_in
from xaikit.tables.dtypes import TIMES, kind_of
from xaikit.tables.tables import Batch


def float_column(column: pd.Series) -> np.ndarray:
    """Return a column of numbers or times as float64, missing as NaN.

    Times count in the column's own unit.
    """
    if kind_of(column.dtype) in TIMES:
        missing = column.isna().to_numpy()
        return np.where(missing, np.nan, column.astype("int64").to_numpy().astype(np.float64))
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def numbers_or_ranks(column: pd.Series) -> np.ndarray:
    """Return numbers as they are and anything else as ranks in level order, missing as NaN.

    Levels are in the order of a category, times in their own, and all else is sorted as text.
    """
    if pd.api.types.is_numeric_dtype(column.dtype):
        return float_column(column)
    kind = kind_of(column.dtype)
    if kind == "category":
        ranks = column.cat.codes.to_numpy()
    else:
        ranks = pd.factorize(column if kind in TIMES else column.astype("string"), sort=True)[0]
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
               if kind_of(d) not in ("boolean", "integer", "float")]
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
