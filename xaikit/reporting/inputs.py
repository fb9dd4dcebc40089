"""The model, the rows and the labels of a report, checked, and the rows that each part uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from xaikit.explanations.base import resolve
from xaikit.predictor.adapter import Predictor
from xaikit.sampling.seeds import stream
from xaikit.tables.schema import as_table
from xaikit.tables.tables import Table, take_rows
from xaikit.tables.wording import plural

MOST_SCORED = 10_000
"""Rows that performance is measured on: its interval is then below a percent wide."""


@dataclass(frozen=True)
class Case:
    """What is reported on.

    Attributes
    ----------
    predictor : Predictor
        Bound to the table.
    table, frame : the rows as the model gets them, and as a frame with a fresh index
    labels : list
        The rows' names: index labels of a frame, positions in an array.
    y : array (n_rows,) of objects, or None
    background : table
    scored, averaged, explained : int arrays
        Positions of the rows that performance, global methods and Kernel SHAP use. The shorter are
        part of the longer ones, and all are random samples.
    answers : array (n_scored, n_outputs)
        What the model says about `scored`.
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
        """Give some rows as the model gets them."""
        return take_rows(self.table, positions)

    def truth(self, positions: np.ndarray) -> np.ndarray | None:
        """Give the labels of some rows."""
        return None if self.y is None else self.y[positions]


def read_labels(y: Any, n_rows: int) -> np.ndarray | None:
    """Give y as one object a row, or say why it does not fit.

    Examples
    --------
    >>> read_labels(pd.Series(["yes", None]), 2)
    array(['yes', nan], dtype=object)
    """
    if y is None:
        return None
    if isinstance(y, pd.DataFrame):
        if y.shape[1] != 1:
            raise ValueError(f"y has {y.shape[1]} columns; a report takes one label a row.")
        y = y.iloc[:, 0]
    if not isinstance(y, pd.Series):
        array = np.asarray(y)
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        if array.ndim != 1:
            raise ValueError(f"y has shape {array.shape}; a report takes one label a row.")
        y = pd.Series(array)
    if len(y) != n_rows:
        raise ValueError(f"y holds {plural(len(y), 'label')} for {plural(n_rows, 'row')} of X; "
                         "they must be as many and in the same order.")
    labels = y.to_numpy(dtype=object)
    labels = labels.copy()
    labels[pd.isna(y).to_numpy()] = np.nan
    return labels


def read_case(
    predictor: Predictor, X: Any, y: Any, background: Any, *, n_explain: int, n_global: int,
    seed: int,
) -> Case:
    """Check the rows, bind the model to them, and ask it about those that are scored."""
    table = as_table(X)
    for name, count in (("n_explain", n_explain), ("n_global", n_global)):
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
            raise ValueError(f"{name} must be a whole number of at least 1, got {count!r}.")
    if len(table) == 0 or table.shape[1] == 0:
        raise ValueError(f"X needs rows and columns, got shape {table.shape}.")
    truth = read_labels(y, len(table))
    if background is not None and len(as_table(background)) == 0:
        raise ValueError("the background has no rows.")
    labels = list(table.index) if isinstance(table, pd.DataFrame) else list(range(len(table)))
    labels = [v if isinstance(v, int | str) else str(v) for v in labels]
    bound = predictor.bind(X)
    table = take_rows(bound.columns.conform(table), np.arange(len(table)))
    order = stream(seed, "rows of the report").permutation(len(table))
    scored, averaged, explained = (
        np.sort(order[:most]) for most in (MOST_SCORED, n_global, n_explain))
    known = table if background is None else bound.columns.conform(background)
    return Case(
        predictor=bound, table=table, frame=bound.columns.to_frame(table), labels=labels, y=truth,
        background=known, background_given=background is not None, seed=seed, scored=scored,
        averaged=averaged, explained=explained, answers=bound(take_rows(table, scored)),
    )


def choose_position(names: tuple[str, ...], output: Any) -> int:
    """Give the position of the output that the user asked for.

    Examples
    --------
    >>> choose_position(("no", "yes"), "yes")
    1
    """
    try:
        found = resolve(names, output, "output")
    except (KeyError, IndexError) as error:
        raise ValueError(f"output={output!r} is not one of the model's outputs: "
                         f"{', '.join(names[:20])}.") from error
    if len(found) != 1:
        raise ValueError(f"output must be one name or position, got {output!r}.")
    return int(found[0])
