"""An order of rows that depends on what they hold alone, so that draws can be keyed by it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from xaikit.tables.tables import Table
from xaikit.tables.wording import is_missing


def order_by_content(table: Table, *beside: np.ndarray | None) -> np.ndarray:
    """Return the positions of rows in an order that any order of the same rows leads to.

    The order itself means nothing. Rows that hold the same stay as they are given, which then makes
    no difference.

    Parameters
    ----------
    table : table (n_rows, n_columns)
        Numbers count as their value: a frame and an array of the same numbers have one order.
    beside : arrays (n_rows, …) or None
        What equal rows are told apart by, such as labels and weights: by their rank alone, so that
        labels may be spelled as numbers or as text.

    Examples
    --------
    >>> X = np.array([[3.0, 1.0], [0.5, 2.0], [7.0, 2.0]])
    >>> X[order_by_content(X)].tolist() == X[::-1][order_by_content(X[::-1])].tolist()
    True
    """
    frame = table if isinstance(table, pd.DataFrame) else pd.DataFrame(table)
    cells = [_comparable(frame.iloc[:, c]) for c in range(frame.shape[1])]
    hashes = pd.util.hash_pandas_object(pd.DataFrame(dict(enumerate(cells))), index=False)
    keys = [hashes.to_numpy()]
    for array in beside:
        if array is not None:
            keys += [_ranks(column) for column in array.reshape(len(frame), -1).T]
    return np.lexsort(keys[::-1])  # which sorts by the last key first, and is stable


def _comparable(column: pd.Series) -> Any:
    """Return cells as floats or bytes, whose hashes depend on their values alone."""
    if getattr(column.dtype, "kind", "O") in "biuf":
        return column.to_numpy(dtype=np.float64, na_value=np.nan) + 0.0  # there is no −0.0
    return np.array([_text(v) for v in column.to_numpy(dtype=object)], dtype=object)


def _text(cell: Any) -> bytes:
    return b"" if is_missing(cell) else str(cell).encode("utf8", "surrogatepass")


def _ranks(column: np.ndarray) -> np.ndarray:
    """Return each value's place among the different ones: of numbers, or else of their text."""
    plain = column.dtype.kind in "biuf"
    return np.unique(column if plain else np.array([_text(v) for v in column]),
                     return_inverse=True)[1]
