"""Four small questions that find a model which cannot be explained, before the work begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from xaikit.errors import ProbeError
from xaikit.predictor.decisions import order_of_classes
from xaikit.predictor.memory import row_keys
from xaikit.tables.tables import Batch, take_rows

TOLERANCE = 1e-4
"""Largest difference, relative to the answers, that counts as rounding: float32 networks round at
about 1e-6, while batch normalisation left in training mode moves answers by far more."""
ROUNDING = 2e-7
"""Rounding error of float32 in an output that is small beside others, relative to the largest."""
_SEARCHED = 1000
"""Rows searched for one that differs from the first."""
_CLASSIFIED = 8
"""Rows on which the class that predict names is compared with the probabilities."""


@dataclass(frozen=True)
class Findings:
    """What the probe saw.

    Attributes
    ----------
    n_outputs : int
    n_rows : int
        Different rows asked about. With 1, dependence on other rows cannot be seen.
    repeatable : bool
        The same rows get the same answers when asked again.
    keeps_input : bool
        The model does not change the batch it is given.
    seconds_per_row : float
        In calls of two rows: an upper bound, since it includes the fixed cost of a call.
    warnings : tuple of str
        Sentences that a reader of the explanation should know.
    """

    n_outputs: int
    n_rows: int
    repeatable: bool
    keeps_input: bool
    seconds_per_row: float
    warnings: tuple[str, ...]


def probe(predictor: Any, batch: Batch) -> Findings:
    """Ask about two rows, the same again, the two swapped, and the first alone.

    For a classifier, also compare the classes that it names with its probabilities on a few rows.

    Parameters
    ----------
    predictor : Predictor
    batch : batch of the predictor's schema
        The probe takes its first row and the first one that differs from it.

    Raises
    ------
    ProbeError
        If an answer depends on the other rows of the batch.
    """
    rows = _two_different_rows(batch)
    both = np.arange(len(rows))
    handed, before = take_rows(batch, rows), take_rows(batch, rows)
    pair = predictor.ask(handed, own=True, remember=False)
    keeps = row_keys(handed) == row_keys(before)
    again, swapped, alone = (
        predictor.ask(take_rows(before, chosen), remember=False)
        for chosen in (both, both[::-1], both[:1]))
    # By output: one that is in the millions must not hide a change in one of single digits.
    with np.errstate(over="ignore"):
        single = np.array_equal(pair, pair.astype(np.float32))
    rounding = ROUNDING if single else 1e-12
    sizes = np.maximum(np.abs(pair).max(axis=0), rounding / TOLERANCE * np.abs(pair).max())
    sizes = np.maximum(sizes, 1e-12)
    noise = float((np.abs(pair - again) / sizes).max())
    repeatable = noise <= TOLERANCE
    shift = float(max((np.abs(pair - swapped[::-1]) / sizes).max(),
                      (np.abs(pair[:1] - alone) / sizes).max()))
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
    seconds_per_row = ledger.seconds / max(ledger.rows, 1)
    warnings += order_of_classes(predictor, take_rows(
        batch, np.arange(min(len(batch), _CLASSIFIED))))
    return Findings(pair.shape[1], len(rows), repeatable, keeps, seconds_per_row, tuple(warnings))


def _two_different_rows(batch: Batch) -> np.ndarray:
    """Return the positions of the first row and of the first one that differs from it."""
    different: list[int] = []
    for most in (2, _SEARCHED):  # as a rule the second row differs
        if not different:
            keys = row_keys(batch[:most])
            different = [i for i, key in enumerate(keys) if key != keys[0]]
    return np.array([0, *different[:1]])
