"""How long a model takes for a row, when it is asked many at a time."""

from __future__ import annotations

import numpy as np

from xaikit.predictor.adapter import Predictor
from xaikit.tables.tables import Batch, take_rows

TIMED_ROWS = 2048
"""Rows that hide the fixed cost of a call."""
WORTH = 0.25
"""Most seconds spent on finding out."""


def seconds_per_row(predictor: Predictor, batch: Batch, seconds: float) -> float:
    """Measure the model's seconds a row.

    Parameters
    ----------
    predictor : Predictor
    batch : batch of its schema
    seconds : float
        What the model took for this batch. If that is so little that most of it may be the fixed
        cost of a call, the batch is asked again, repeated to more rows.
    """
    n = len(batch)
    if n < TIMED_ROWS and seconds / n * TIMED_ROWS < WORTH:
        before = predictor.ledger.seconds
        predictor.ask(take_rows(batch, np.arange(TIMED_ROWS) % n), own=True, remember=False)
        return (predictor.ledger.seconds - before) / TIMED_ROWS
    return seconds / n
