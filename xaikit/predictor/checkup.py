"""What a model will be handed, in words: the lines that ``xaikit doctor`` prints."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from xaikit.predictor.adapter import Predictor
from xaikit.tables.dtypes import kind_of_column
from xaikit.tables.labels import labels
from xaikit.tables.schema import Schema, schema_of
from xaikit.tables.tables import describe, take_rows

_SHOWN = 3
"""Values shown of each column."""


def checkup(bound: Predictor, X: Any) -> list[str]:
    """Describe a bound predictor: its outputs, what each column becomes, what the probe found.

    Parameters
    ----------
    bound : Predictor
        As `Predictor.bind` returns it.
    X : batch
        Rows like those that will be explained.

    Examples
    --------
    >>> from xaikit import wrap
    >>> X = pd.DataFrame({"age": [39, 50], "paid": [True, False]})
    >>> lines = checkup(wrap(lambda X: X["age"] * 1.0).bind(X), X)
    >>> print("\\n".join(lines[1:4]))
    the model is handed: DataFrame of shape (2, 2) (bool, int64)
      age: int64 (integer); 39, 50
      paid: bool (boolean); True, False
    """
    findings = bound.findings
    assert bound.schema is not None
    batch = bound.schema.conform(X)
    few = bound.schema.native(take_rows(batch, np.arange(min(len(batch), 2))))
    handed = bound.handed(few)
    lines = [f"outputs: {', '.join(bound.output_names or ())} ({bound.scale}); "
             f"task: {bound.task or 'not known'}"]
    lines += [f"the model is handed: {text}" for text in _parts(handed)]
    if isinstance(bound.schema, Schema):
        lines += _columns(bound.schema, batch, handed)
    seen = "" if findings.n_rows > 1 else " (all equal: dependence on other rows cannot be seen)"
    return [
        *lines,
        f"the probe asked {findings.n_rows} different rows{seen}: together, in reverse, one alone",
        f"answers are the same when asked again: {_yes(findings.repeatable)}",
        f"the model leaves its input as it was: {_yes(findings.keeps_input)}",
        f"about {1000 * findings.seconds_per_row:.3g} ms a row in batches of a few",
        *(f"warning: {warning}" for warning in findings.warnings),
    ]


def as_read(X: Any) -> list[str]:
    """Describe the columns of a table, for a check without a model.

    Examples
    --------
    >>> print("\\n".join(as_read(pd.DataFrame({"zip": [1234, 89073]}))))
    the table as it was read: DataFrame of shape (2, 1) (int64)
      zip: int64 (integer); 1234, 89073
    """
    schema = schema_of(X)
    batch = schema.conform(X)
    lines = [f"the table as it was read: {describe(batch)}"]
    return lines + (_columns(schema, batch, None) if isinstance(schema, Schema) else [])


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


def _parts(handed: Any, label: str = "") -> list[str]:
    """Describe every array, frame or tensor among what the model is handed."""
    if isinstance(handed, dict):
        return [text for key, part in handed.items() for text in _parts(part, f"{key}: ")]
    if isinstance(handed, tuple) or (isinstance(handed, list) and handed
                                     and not isinstance(handed[0], str)):
        return [text for part in handed for text in _parts(part, label)]
    return [label + describe(handed)]


def _columns(schema: Schema, batch: Any, handed: Any) -> list[str]:
    """Describe each column by its dtype at the model, its kind and some of its values."""
    own = dict(zip(schema.names, schema.dtypes, strict=True))
    becomes = _becomes(schema, handed)
    lines = []
    for c, name in enumerate(schema.names):
        column = batch.iloc[:, c] if isinstance(batch, pd.DataFrame) else pd.Series(batch[:, c])
        missing = int(column.isna().sum())
        text = _dtype(own[name])
        there = _dtype(becomes.get(name, own[name]))
        text += f", handed over as {there}" if there != text else ""
        lines.append(f"  {name}: {text} ({kind_of_column(column)}); {_values(column)}"
                     + (f"; {missing} missing" if missing else ""))
    return lines


def _becomes(schema: Schema, handed: Any) -> dict[str, Any]:
    """Return the dtype that every column has at the model, where it is known."""
    if isinstance(handed, tuple):  # what torch is handed: ([tensors], {name: tensor})
        args, handed = handed
        handed = args[0] if len(args) == 1 else handed
    if isinstance(handed, dict):
        handed = next(iter(handed.values())) if len(handed) == 1 else handed
    if isinstance(handed, dict):
        return {str(name): part.dtype for name, part in handed.items()}
    if hasattr(handed, "columns") and hasattr(handed, "dtypes"):
        return dict(zip(map(str, handed.columns), handed.dtypes, strict=True))
    return dict.fromkeys(schema.names, handed.dtype) if hasattr(handed, "dtype") else {}


def _dtype(dtype: Any) -> str:
    if isinstance(dtype, pd.CategoricalDtype):
        order = "ordered " if dtype.ordered else ""
        return f"{order}category of {len(dtype.categories)} levels"
    return str(dtype)


def _values(column: pd.Series) -> str:
    known = column.dropna().unique()
    shown = ", ".join(labels(known[:_SHOWN], 40))
    return (shown or "no value") + (", …" if len(known) > _SHOWN else "")
