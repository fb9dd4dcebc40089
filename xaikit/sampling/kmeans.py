"""Summarise a long background by a few weighted rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans

from xaikit.sampling.seeds import resolve_seed, stream
from xaikit.sampling.tabular import TabularMasker, check_is_table
from xaikit.settings import Whole, check
from xaikit.tables.dtypes import MEASURED, kind_of_column
from xaikit.tables.numbering import number_values
from xaikit.tables.numeric import beyond_origin, with_times
from xaikit.tables.schema import Schema, as_table
from xaikit.tables.tables import take_rows

MOST_LEVELS = 50
"""Levels of a categorical column that are compared: the most frequent ones."""


def kmeans_background(
    X: Any,
    k: int = 50,
    *,
    groups: Any = None,
    feature_names: Any = None,
    random_state: Any = None,
) -> TabularMasker:
    """Choose k representative rows, weighted by the number of rows that each represents.

    Rows are clustered by k-means on standardised numbers and indicators of levels. Each cluster is
    represented by the row nearest to its centre. That is an actual row, with its dtypes and
    categories, whereas a centre averages categories and whole numbers to values that do not occur.

    The mean answer over these rows is near the mean over all rows, but not equal to it, and the
    standard errors that an `Attribution` reports for its background are those of k random rows.

    Parameters
    ----------
    X : DataFrame or array (n_rows, n_columns)
    k : int, default 50
        Rows to choose; fewer are returned if fewer are distinct.
    groups, feature_names
        As in `TabularMasker`.
    random_state : int, Generator or None

    Returns
    -------
    TabularMasker
        A background for any explainer.

    Raises
    ------
    ValueError
        If k is not a whole number of at least 1, or X has no rows or columns.

    Examples
    --------
    >>> X = np.array([[0.0], [0.1], [0.2], [9.0]])
    >>> few = kmeans_background(X, 2, random_state=0)
    >>> few.background.ravel(), few.weights
    (array([0.1, 9. ]), array([0.75, 0.25]))
    """
    check({"k": k}, {"k": Whole(1)})
    check_is_table(X, "as background")
    table = as_table(X)
    if len(table) == 0 or table.shape[1] == 0:
        raise ValueError(f"the background needs rows and columns, got shape {table.shape}.")
    schema = Schema.of(X, feature_names)
    table = schema.conform(table)
    points = _points(schema.to_frame(table))
    n_different = len(np.unique(points, axis=0))
    seed = int(stream(resolve_seed(random_state), "kmeans").integers(2**31))
    clusters = KMeans(min(int(k), n_different), n_init=3, random_state=seed).fit(points)
    distances = ((points - clusters.cluster_centers_[clusters.labels_])**2).sum(axis=1)
    # Rows by cluster, the nearest to the centre first.
    order = np.lexsort((distances, clusters.labels_))
    _, first, counts = np.unique(clusters.labels_[order], return_index=True, return_counts=True)
    chosen = order[first]
    by_position = np.argsort(chosen)
    rows = schema.native(take_rows(table, chosen[by_position]))
    return TabularMasker(rows, groups, counts[by_position], feature_names=feature_names)


def _points(frame: pd.DataFrame) -> np.ndarray:
    """Map rows to points whose Euclidean distances compare them: (n_rows, dimensions)."""
    parts = []
    for c in range(frame.shape[1]):
        column = with_times(frame.iloc[:, c])
        if kind_of_column(column) == "datetime":
            column = (column - column.min()).dt.total_seconds()
        if kind_of_column(column) not in MEASURED:
            codes = number_values(column.array)
            common = np.argsort(-np.bincount(codes), kind="stable")[:MOST_LEVELS]
            # Two different levels are as far apart as numbers two standard deviations apart.
            parts.append(np.sqrt(2.0) * (codes[:, None] == common))
        else:
            parts.append(_standardised(beyond_origin(column)[1])[:, None])
    return np.concatenate(parts, axis=1)


def _standardised(cells: np.ndarray) -> np.ndarray:
    """Standardise finite cells; others become 0, the mean."""
    missing = ~np.isfinite(cells)
    known = cells[~missing]
    spread = known.std() if len(known) else 0.0
    centred = np.where(missing, 0.0, cells - (known.mean() if len(known) else 0.0))
    return centred / spread if spread > 0 else np.zeros_like(cells)
