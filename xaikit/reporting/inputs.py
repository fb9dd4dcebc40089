"""The checked model, rows and labels of a report, and the rows that each part uses."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from xaikit.explainers.games import check_index_unread
from xaikit.explanations.choosing import check_output_named, choose_output
from xaikit.explanations.encoding import check_frame
from xaikit.predictor.adapter import Predictor
from xaikit.predictor.targets import about_outputs, labels_of_targets_kept
from xaikit.sampling.seeds import stream
from xaikit.sampling.tabular import check_is_table
from xaikit.tables.schema import Schema, as_table
from xaikit.tables.tables import Table, rows_of, take_rows
from xaikit.tables.targets import Labels, read_labels, read_weights
from xaikit.tables.wording import listed, plural

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
        The rows as the model gets them, with their own index, and as a frame with a fresh one.
    labels : list
        Names of the rows: index labels of a frame, positions in an array.
    given : Labels or None
        Those of the rows, as objects.
    weights : array (n_rows,) or None
        How much each row counts.
    background : table
    scored, averaged, explained : int arrays
        Positions of the rows for the performance, the global methods and Kernel SHAP. Each is a
        random sample of those with a weight, and the shorter ones are part of the longer ones.
    output : int
        Position of the output that the report is about.
    answers : array (n_scored, n_outputs)
        The model's answers for `scored`.
    """

    predictor: Predictor
    table: Table
    frame: pd.DataFrame
    labels: list[Any]
    given: Labels | None
    weights: np.ndarray | None
    background: Table
    background_given: bool
    seed: int
    scored: np.ndarray
    averaged: np.ndarray
    explained: np.ndarray
    output: int
    answers: np.ndarray

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the model's outputs."""
        return self.predictor.output_names or ()

    def rows(self, positions: np.ndarray) -> Table:
        """Return some rows as the model gets them."""
        return rows_of(self.table, positions)

    @property
    def y(self) -> np.ndarray | None:
        """The labels, (n_rows,) of objects; None without labels."""
        return None if self.given is None else self.given.values

    def truth(self, positions: np.ndarray) -> np.ndarray | None:
        """Return the labels of some rows; None without labels."""
        return None if self.y is None else self.y[positions]

    def weights_of(self, positions: np.ndarray) -> np.ndarray | None:
        """Return the weights of some rows; None without weights."""
        return None if self.weights is None else self.weights[positions]

    def as_given(self, labels: np.ndarray, positions: np.ndarray) -> Any:
        """Return labels of some rows in the kind of container that the user's came in."""
        if self.given is None or self.given.index is None:
            return labels
        return pd.Series(labels, index=self.given.index[positions], name=self.given.name,
                         dtype=object if labels.dtype.kind == "U" else labels.dtype)


def one_per_row(labels: Labels) -> Labels:
    """Return labels as one object per row, missing ones as NaN.

    Raises
    ------
    ValueError
        If there are several per row, or infinite ones.

    Examples
    --------
    >>> one_per_row(Labels(np.array(["yes", None], dtype=object))).values
    array(['yes', nan], dtype=object)
    """
    if isinstance(labels.given, np.ndarray):
        raise ValueError(f"y is a structured array of {listed(labels.given.dtype.names)}, as for "
                         "survival models; a report needs one label per row: pass one of its "
                         "fields, or no y.")
    if labels.values.ndim != 1:
        raise ValueError(f"y has {labels.values.shape[1]} columns; a report needs one label per "
                         "row: choose the outputs of one target, xaikit.wrap(model, outputs=…), or "
                         "pass one column of y.")
    if labels.values.dtype.kind == "f" and (far := int(np.isinf(labels.values).sum())):
        raise ValueError(f"y holds infinite labels in {plural(far, 'row')}; leave those rows out.")
    values = labels.values.astype(object)
    if labels.values.dtype.kind in "mM":  # NumPy would make whole numbers of nanoseconds
        values = pd.Series(labels.values).astype(object).to_numpy(copy=True)
    values[labels.missing] = np.nan
    return replace(labels, values=values)


def rows_kept(X: Any, sample_weight: Any, n_explain: int, seed: int) -> np.ndarray:
    """Return the positions of the rows that a report explains and keeps."""
    table = as_table(X)
    weights = read_weights(sample_weight, X, len(table))
    return np.sort(_order_of(table, weights, seed)[:n_explain])


def check_kept(X: Any, rows: np.ndarray) -> None:
    """Check that JSON can hold the rows that a report explains and keeps.

    Raises
    ------
    TypeError
        If not; the sentence names the column.
    """
    check_frame(Schema.of(X).to_frame(take_rows(as_table(X), rows)))


def check_texts(X: Any, y: Any, **shown: Any) -> None:
    """Check that files can hold the names and labels of a report, and the texts to show on it.

    Raises
    ------
    TypeError
        If `X` is no table but texts or images.
    ValueError
        If UTF-8 cannot hold a text; the sentence names it.
    """
    check_is_table(X, "to report on")
    table = as_table(X)
    texts: dict[str, Any] = {
        what: [text] if isinstance(text, str) else text or () for what, text in shown.items()}
    texts["y"] = () if y is None else read_labels(y, X, len(table)).values.ravel()
    if isinstance(table, pd.DataFrame):
        texts |= {"the names of columns": table.columns, "the index of X": table.index}
        texts |= {f"the levels of {name!r}": dtype.categories
                  for name, dtype in table.dtypes.items() if isinstance(dtype, pd.CategoricalDtype)}
    for what, values in texts.items():
        for value in values:
            try:
                str(value).encode("utf8")
            except UnicodeEncodeError as error:
                raise ValueError(
                    f"{what}: {str(value)!r} contains half of a surrogate pair, which no file can "
                    "hold; clean it by text.encode('utf8', 'replace').decode().") from error


def reported(predictor: Predictor, output: int | str | None) -> int:
    """Return the position of the output that a report is about, as `output` names it."""
    names = predictor.output_names or ()
    check_output_named(names, about_outputs(predictor), output)
    return choose_output(names, output)


def _order_of(table: Table, weights: np.ndarray | None, seed: int) -> np.ndarray:
    """Return the rows with weights above 0 in a random order."""
    order = stream(seed, "rows of the report").permutation(len(table))
    return order if weights is None else order[weights[order] > 0]


def read_case(
    predictor: Predictor, X: Any, y: Any, background: Any, *, n_explain: int, n_global: int,
    seed: int, sample_weight: Any = None, output: int | str | None = None,
) -> Case:
    """Check the rows, bind the model to them, and ask it about the scored rows."""
    table = as_table(X)
    if len(table) == 0 or table.shape[1] == 0:
        raise ValueError(f"X needs rows and columns, got shape {table.shape}.")
    given = None if y is None else read_labels(y, X, len(table))
    if given is not None and not predictor.outputs.chosen:
        given = one_per_row(given)
    weights = read_weights(sample_weight, X, len(table))
    if background is not None and len(as_table(background)) == 0:
        raise ValueError("the background has no rows.")
    labels = list(table.index) if isinstance(table, pd.DataFrame) else list(range(len(table)))
    labels = [v if type(v) in (bool, int, str) else str(v) for v in labels]
    bound = predictor.bind(X)
    check_index_unread(bound)
    chosen = reported(bound, output)
    if given is not None and predictor.outputs.chosen:  # of one target among several, perhaps
        given = one_per_row(labels_of_targets_kept(bound, given))
    table = rows_of(bound.columns.conform(table), np.arange(len(table)))
    order = _order_of(table, weights, seed)
    scored, averaged, explained = (
        np.sort(order[:most]) for most in (MOST_SCORED, n_global, n_explain))
    known = table if background is None else bound.columns.conform(background)
    return Case(
        predictor=bound, table=table, frame=bound.columns.to_frame(table), labels=labels,
        given=given, weights=weights, background=known, background_given=background is not None,
        seed=seed, scored=scored, averaged=averaged, explained=explained,
        output=chosen, answers=bound(take_rows(table, scored)),
    )
