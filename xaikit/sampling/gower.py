"""Gower's distance of the cells of one column (Gower 1971)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from xaikit.tables.dtypes import MEASURED, kind_of_column
from xaikit.tables.matching import missing_in
from xaikit.tables.numbering import number_values
from xaikit.tables.numeric import beyond_origin


def gower(cells: np.ndarray, own: float) -> np.ndarray:
    """Return the distances of scaled cells from one, between 0 and 1.

    Two missing values have distance 0, a missing and a known one 1.

    Examples
    --------
    >>> gower(np.array([0.0, 0.5, np.nan]), 0.25)
    array([0.25, 0.25, 1.  ])
    """
    with np.errstate(invalid="ignore"):  # infinity less itself
        far = np.where(cells == own, 0.0, np.minimum(np.abs(cells - own), 1.0))
    far = np.where(np.isnan(far), 1.0, far)
    return np.where(np.isnan(cells), 0.0, far) if np.isnan(own) else far


def as_scaled(column: pd.Series, n_background: int) -> np.ndarray:
    """Return a column as float64, by its range over the background; levels are numbers 1 apart.

    Parameters
    ----------
    column : Series
        The cells of the background, followed by others.
    n_background : int
    """
    if kind_of_column(column) in MEASURED:
        cells = beyond_origin(column)[1]
        known = cells[:n_background][np.isfinite(cells[:n_background])]
        with np.errstate(over="ignore"):
            span = float(np.ptp(known)) if known.size else 0.0
        if np.isinf(span):
            cells, span = cells / 4.0, float(np.ptp(known / 4.0))
        if span > 0.0:
            return cells / span
    codes = number_values(column.array).astype(np.float64)
    return np.where(missing_in(column), np.nan, codes)
