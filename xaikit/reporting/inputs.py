"""The checked model, rows and labels of a report, and the rows that each part uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from xaikit.explanations.encoding import check_frame
from xaikit.predictor.adapter import Predictor
from xaikit.sampling.seeds import stream
from xaikit.tables.schema import Schema, as_table
from xaikit.tables.tables import Table, take_rows
from xaikit.tables.wording import plural

MOST_SCORED = 10_000
"""Most rows to measure performance on; its interval is then less than a percent wide."""


@dataclass(frozen=True)
class Case:
    """The model and the data of a report.

    Attributes
    ----------
    predictor : Predictor
        Bound to the table.
    table, frame : DataFrame or array, DataFrame
        The rows as the model gets them, and as a frame with a fresh index.
    labels : list
        Names of the rows: index labels of a frame, positions in an array.
    y : array (n_rows,) of objects, or None
    background : table
    scored, averaged, explained : int arrays
        Positions of the rows for the performance, the global methods and Kernel SHAP. Each is a
        random sample, and the shorter ones are part of the longer ones.
    answers : array (n_scored, n_outputs)
        The model's answers for `scored`.
    """

    predictor: Predictor
    table: Table
    frame: pd.DataFrame
    labels: list[Any]
    y: np.ndarray | None
    background: Table
    background_given: bool
    seed: int
    scored: np.ndarray
    averaged: np.ndarray
    explained: np.ndarray
    answers: np.ndarray

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the model's outputs."""
        return self.predictor.output_names or ()

    def rows(self, positions: np.ndarray) -> Table:
        """Return some rows as the model gets them."""
        return take_rows(self.table, positions)

    def truth(self, positions: np.ndarray) -> np.ndarray | None:
        """Return the labels of some rows; None without labels."""
        return None if self.y is None else self.y[positions]


def read_labels(y: Any, n_rows: int) -> np.ndarray | None:
    """Return y as one object per row, missing labels as NaN.

    Raises
    ------
    ValueError
        If it does not have one label per row.

    Examples
    --------
    >>> read_labels(pd.Series(["yes", None]), 2)
    array(['yes', nan], dtype=object)
    """
    if y is None:
        return None
    if isinstance(y, pd.DataFrame):
        if y.shape[1] != 1:
            raise ValueError(f"y has {y.shape[1]} columns; a report needs one label per row.")
        y = y.iloc[:, 0]
    if not isinstance(y, pd.Series):
        array = np.asarray(y)
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        if array.ndim != 1:
            raise ValueError(f"y has shape {array.shape}; a report needs one label per row.")
        y = pd.Series(array)
    if len(y) != n_rows:
        raise ValueError(f"y holds {plural(len(y), 'label')} for {plural(n_rows, 'row')} of X; "
                         "pass one label per row, in the same order.")
    labels = y.to_numpy(dtype=object)
    labels = labels.copy()
    labels[pd.isna(y).to_numpy()] = np.nan
    return labels


def check_kept(X: Any, n_explain: int, seed: int) -> None:
    """Check that JSON can hold the rows that a report explains and keeps.

    Raises
    ------
    TypeError
        If not; the sentence names the column.
    """
    table = as_table(X)
    rows = np.sort(_order_of(table, seed)[:n_explain])
    check_frame(Schema.of(X).to_frame(take_rows(table, rows)))


def _order_of(table: Table, seed: int) -> np.ndarray:
    return stream(seed, "rows of the report").permutation(len(table))


def read_case(
    predictor: Predictor, X: Any, y: Any, background: Any, *, n_explain: int, n_global: int,
    seed: int,
) -> Case:
    """Check the rows, bind the model to them, and ask it about the scored rows."""
    table = as_table(X)
    if len(table) == 0 or table.shape[1] == 0:
        raise ValueError(f"X needs rows and columns, got shape {table.shape}.")
    truth = read_labels(y, len(table))
    if background is not None and len(as_table(background)) == 0:
        raise ValueError("the background has no rows.")
    labels = list(table.index) if isinstance(table, pd.DataFrame) else list(range(len(table)))
    labels = [v if isinstance(v, int | str) else str(v) for v in labels]
    bound = predictor.bind(X)
    table = take_rows(bound.columns.conform(table), np.arange(len(table)))
    order = _order_of(table, seed)
    scored, averaged, explained = (
        np.sort(order[:most]) for most in (MOST_SCORED, n_global, n_explain))
    known = table if background is None else bound.columns.conform(background)
    return Case(
        predictor=bound, table=table, frame=bound.columns.to_frame(table), labels=labels, y=truth,
        background=known, background_given=background is not None, seed=seed, scored=scored,
        averaged=averaged, explained=explained, answers=bound(take_rows(table, scored)),
    )
