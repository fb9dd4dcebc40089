"""Four small questions that catch a model which cannot be explained before the work begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from xaikit.predictor.schema import Table, copy_of, take_rows

TOLERANCE = 1e-4
"""Largest difference taken for rounding, relative to the answers: float32 networks round at 1e-6
or so, batch normalisation left in training mode moves answers by far more."""


class ProbeError(ValueError):
    """The probe found a model that cannot be explained."""


@dataclass(frozen=True)
class Findings:
    """What the probe saw.

    Attributes
    ----------
    n_outputs : int
    repeatable : bool
        The same rows get the same answers when asked again.
    keeps_input : bool
        The model leaves the batch it is given as it was.
    seconds_per_row : float
        Of the two-row calls: an upper bound that includes a call's fixed cost.
    warnings : tuple of str
        What a reader of the explanation should know.
    """

    n_outputs: int
    repeatable: bool
    keeps_input: bool
    seconds_per_row: float
    warnings: tuple[str, ...]


def probe(predictor: Any, rows: Table) -> Findings:
    """Ask one row, two rows, the two swapped, the same again.

    Parameters
    ----------
    predictor : Predictor
    rows : table with one or two rows

    Raises
    ------
    ProbeError
        If an answer depends on the other rows of the batch.
    """
    table = predictor.schema.conform(rows)
    both = np.arange(len(table))

    def ask(chosen: np.ndarray) -> np.ndarray:
        return predictor.ask(copy_of(take_rows(table, chosen)))

    handed = copy_of(take_rows(table, both))
    before = copy_of(handed)
    pair = predictor.ask(handed)
    keeps = _equal(handed, before)
    again = ask(both)
    swapped = ask(both[::-1])[::-1]
    alone = ask(both[:1])
    scale = max(float(np.abs(pair).max()), 1e-12)
    noise = float(np.abs(pair - again).max()) / scale
    repeatable = noise <= TOLERANCE
    shift = max(float(np.abs(pair - swapped).max()), float(np.abs(pair[:1] - alone).max())) / scale
    if repeatable and shift > TOLERANCE:
        raise ProbeError(
            f"the model's answer for a row depends on the other rows of the batch (it moved by "
            f"{shift:.2g} of its size), so no question to it has one answer. Put the model in "
            "evaluation mode (batch normalisation is the usual cause), or wrap a function that "
            "treats each row alone."
        )
    warnings = []
    if not repeatable:
        warnings.append(
            f"The model answers the same rows differently when asked again (by {noise:.2g} of its "
            "size): is dropout on? Its noise is part of every number here."
        )
    if not keeps:
        warnings.append("The model changes the batch it is given; it was handed copies.")
    ledger = predictor.ledger
    return Findings(pair.shape[1], repeatable, keeps, ledger.seconds / max(ledger.rows, 1),
                    tuple(warnings))


def _equal(a: Table, b: Table) -> bool:
    if isinstance(a, pd.DataFrame):
        return a.equals(b)
    return bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))
