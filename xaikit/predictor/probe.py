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


_SEARCHED = 1000
"""Rows searched for one that differs from the first."""


class ProbeError(ValueError):
    """The probe found a model that cannot be explained."""


@dataclass(frozen=True)
class Findings:
    """What the probe saw.

    Attributes
    ----------
    n_outputs : int
    n_rows : int
        Different rows asked about: with 1, dependence on other rows could not be seen.
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
    n_rows: int
    repeatable: bool
    keeps_input: bool
    seconds_per_row: float
    warnings: tuple[str, ...]


def probe(predictor: Any, table: Table) -> Findings:
    """Ask one row, two rows, the two swapped, the same again.

    Parameters
    ----------
    predictor : Predictor
    table : table of the predictor's schema
        Its first row and the first one that differs from it are asked about.

    Raises
    ------
    ProbeError
        If an answer depends on the other rows of the batch.
    """
    table = _two_different_rows(table)
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
    return Findings(pair.shape[1], len(table), repeatable, keeps,
                    ledger.seconds / max(ledger.rows, 1), tuple(warnings))


def _two_different_rows(table: Table) -> Table:
    frame = pd.DataFrame(table)
    head = frame.iloc[:_SEARCHED].astype(str).fillna("")
    different = np.flatnonzero((head != head.iloc[0]).any(axis=1).to_numpy())
    return take_rows(table, np.array([0, *different[:1]]))


def _equal(a: Table, b: Table) -> bool:
    return bool(pd.DataFrame(a).equals(pd.DataFrame(b)))
