"""A few small questions that find a model which cannot be explained, before the work begins."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from xaikit.errors import ModelError, ProbeError
from xaikit.predictor.decisions import order_of_classes
from xaikit.predictor.ledger import Ledger, Sample
from xaikit.predictor.memory import row_keys
from xaikit.tables.tables import Batch, rows_of, rows_with_missing, slice_rows, take_rows

TOLERANCE = 1e-4
"""Largest difference, relative to the answers, that counts as rounding: float32 networks round at
about 1e-6, while batch normalisation left in training mode moves answers by far more."""
ROUNDING = 2e-7
"""Rounding error of float32 in an output that is small beside others, relative to the largest."""
PROBED = 4
"""Most rows that the probe asks about together: some models change their ways from three on."""
MOST_AGAIN = 32
"""Most rows of a large call that are asked again: of labels, few flip where all numbers move."""
_AGAIN = 3
"""Rows that are asked again of other answers."""
_SEARCHED = 1000
"""Rows searched for one that differs from the first."""


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
    reads_index : bool
        Answers depend on the index of a frame, or the model fails without the frame's own.
    seconds_per_row : float
        In calls of a handful of rows: an upper bound, since it includes the fixed cost of a call.
    warnings : tuple of str
        Sentences that a reader of the explanation should know.
    """

    n_outputs: int
    n_rows: int
    repeatable: bool
    keeps_input: bool
    reads_index: bool
    seconds_per_row: float
    warnings: tuple[str, ...]


def probe(predictor: Any, batch: Batch) -> Findings:
    """Ask about a handful of rows, the same in reverse order, and the first alone.

    Where answers differ, ask again to learn whether that is noise, the order, or the index of a
    frame. For a classifier, also compare the classes that it names with its probabilities.

    Parameters
    ----------
    predictor : Predictor
        Keeps the index of a frame that it is asked about.
    batch : batch of the predictor's schema
        The probe takes its first row, and others that differ from it and from one another.

    Raises
    ------
    ProbeError
        If an answer depends on the other rows of the batch.
    """
    rows = _different_rows(batch)
    few, before, keeps, own_index = _asked_first(predictor, batch, rows)
    apart = Comparison(few)
    back, alone = _otherwise(predictor, before)
    shift = max(apart(back[::-1]), apart(alone))
    reads_index = False
    if not shift <= TOLERANCE and own_index:
        back = predictor.ask(rows_of(before, np.arange(len(rows))[::-1]), remember=False)
        alone = predictor.ask(rows_of(before, np.arange(1)), remember=False)
        with_index = max(apart(back[::-1]), apart(alone))
        reads_index, shift = with_index <= TOLERANCE, with_index
    noise = 0.0 if shift <= TOLERANCE else apart(predictor.ask(before, remember=False))
    repeatable = noise <= TOLERANCE
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
    warnings += order_of_classes(predictor, batch)
    return Findings(few.shape[1], len(rows), repeatable, keeps, reads_index, seconds_per_row,
                    tuple(warnings))


def _asked_first(predictor: Any, batch: Batch, rows: np.ndarray
                 ) -> tuple[np.ndarray, Batch, bool, bool]:
    """Return the answers to rows, the rows, whether they were kept, and had an index of their own.

    Index labels that occur twice stop some models, which are then asked without them.
    """
    for taken in (rows_of, take_rows):
        handed, before = taken(batch, rows), taken(batch, rows)
        own_index = isinstance(before, pd.DataFrame) and taken is rows_of
        try:
            few = predictor.ask(handed, own=True, remember=False)
            break
        except ModelError:
            if not own_index or before.index.is_unique:
                raise
    return few, before, row_keys(handed) == row_keys(before), own_index


class Comparison:
    """How far answers are from those of the same rows in another batch, relative to their size.

    Parameters
    ----------
    answers : array (n_rows, n_outputs)
    """

    def __init__(self, answers: np.ndarray) -> None:
        self.answers = answers
        # By output: one that is in the millions must not hide a change in one of single digits.
        with np.errstate(over="ignore"):
            single = np.array_equal(answers, answers.astype(np.float32))
        rounding = ROUNDING if single else 1e-12
        size = np.abs(answers)
        self.sizes = np.maximum(np.maximum(size.max(axis=0), rounding / TOLERANCE * size.max()),
                                1e-12)

    def __call__(self, others: np.ndarray) -> float:
        """Return the largest difference; `others` may be of the first rows only."""
        return float((np.abs(self.answers[:len(others)] - others) / self.sizes).max())


def places_to_keep(batch: Batch) -> np.ndarray:
    """Return the positions of the rows of a call that `sample_of` chooses from, the best first.

    Most have missing cells if there are such rows: some models fill them in from their batch.
    """
    gone = _spaced(np.flatnonzero(rows_with_missing(batch)), MOST_AGAIN - _AGAIN)
    others = _spaced(range(len(batch)), MOST_AGAIN)
    mixed = [*gone[:_AGAIN - 1], *others[:_AGAIN], *gone[_AGAIN - 1:], *others[_AGAIN:]]
    return np.array(list(dict.fromkeys(mixed))[:MOST_AGAIN])


def sample_of(rows: Batch, answers: np.ndarray, n_rows: int, method: str | None) -> Sample:
    """Return the rows of a call that are asked again: more of them if the answers are labels.

    Parameters
    ----------
    rows : batch
        Those at `places_to_keep`.
    answers : array
        The answers to them.
    n_rows : int
        Of the call.
    method : str or None
        As for `Sample`.
    """
    if not _are_labels(answers):
        rows, answers = slice_rows(rows, 0, _AGAIN), answers[:_AGAIN]
    return Sample(n_rows, rows, answers, method)


def _are_labels(answers: np.ndarray) -> bool:
    """Return whether answers are text, or a few whole numbers."""
    if answers.dtype.kind not in "f":
        return True
    return bool((answers == np.round(answers)).all()) and \
        len(np.unique(answers, axis=0)) <= len(answers) // 2


def _spaced(places: Sequence[int] | np.ndarray, most: int) -> list[int]:
    """Return at most so many of the places, evenly spaced: the ends and the middle first."""
    n, last = min(most, len(places)), len(places) - 1
    spaced = [places[k * last // max(n - 1, 1)] for k in range(n)]
    ends = [spaced[k] for k in sorted({0, n // 2, n - 1} if n else ())]
    return list(map(int, dict.fromkeys([*ends, *spaced])))


def differs_alone(predictor: Any, ledger: Ledger) -> list[str]:
    """Warn if the answers in the largest call were not those to a few of its rows asked again.

    The probe sees a handful of rows; a model may change its ways in larger batches. Numbers are
    asked for row by row, labels by as many rows as the probe found to be answered as single ones.

    Parameters
    ----------
    predictor : Predictor
        Probed. It is told how many rows were compared, and keeps samples of larger calls from then
        on; after a warning, of none.
    ledger : Ledger
        Of the work. If it holds a sample, its rows are asked again, and counted there.
    """
    sample, ledger.sample = ledger.sample, None
    if sample is None or not predictor.findings.repeatable:
        return []
    predictor.compared, asks = sample.n_rows, predictor.spawn()
    n, step = len(sample.answers), 1 if len(sample.answers) <= _AGAIN else predictor.findings.n_rows
    alone = [_again(asks, sample, np.arange(i, min(i + step, n))) for i in range(0, n, step)]
    ledger.add(asks.ledger)
    how_far = _how_far(sample.answers, np.concatenate(alone))
    if how_far is None:
        return []
    predictor.compared = sys.maxsize  # it is said once
    return [f"Asked about {sample.n_rows:,} rows together, the model answers otherwise than about "
            f"a few ({how_far}): its answer for a row depends on the others of a large "
            "batch, and so do the numbers here. Wrap a function that treats each row alone, or "
            "choose batch_size=1."]


def _again(predictor: Any, sample: Sample, rows: np.ndarray) -> np.ndarray:
    """Ask about rows of a sample what was asked of them in the large call."""
    batch = predictor.rows_of(sample.rows, rows)
    if sample.method is None:
        return predictor.ask(batch, remember=False)
    return predictor.ask_method(sample.method, batch)


def _how_far(answers: np.ndarray, others: np.ndarray) -> str | None:
    """Return in words how far other answers are from these; None if no farther than rounding."""
    if answers.dtype.kind not in "fiu":  # labels
        return None if (answers == others).all() else "other labels"
    shift = Comparison(answers.reshape(len(answers), -1))(others.reshape(len(others), -1))
    return None if shift <= TOLERANCE else f"by {shift:.2g} of its size"


def _otherwise(predictor: Any, few: Batch) -> tuple[np.ndarray, np.ndarray]:
    """Return the answers to rows in reverse order and to the first, without their own index.

    NaN if the model fails without it.
    """
    try:
        return (predictor.ask(take_rows(few, np.arange(len(few))[::-1]), remember=False),
                predictor.ask(take_rows(few, np.arange(1)), remember=False))
    except ModelError:
        if not isinstance(few, pd.DataFrame):
            raise
        return np.full((len(few), 1), np.nan), np.full((1, 1), np.nan)


def _different_rows(batch: Batch) -> np.ndarray:
    """Return the positions of the first row and of at most `PROBED` − 1 that differ from it.

    A row with missing cells comes first, and is asked about alone: a model may fill them in from
    its batch.
    """
    few = np.arange(min(2, len(batch)))
    spaced = np.unique(np.linspace(0, len(batch) - 1, 4 * PROBED).astype(np.int64))
    for places in (np.union1d(few, spaced), np.arange(min(len(batch), _SEARCHED))):
        keys = row_keys(take_rows(batch, places))
        first = dict(zip(reversed(keys), reversed(places.tolist()), strict=True))
        chosen = sorted(first.values())
        if len(chosen) > 1:  # as a rule all rows differ
            break
    steps = np.linspace(0, len(chosen) - 1, min(PROBED, len(chosen))).astype(np.int64)
    rows, gone = np.array(chosen)[steps], np.flatnonzero(rows_with_missing(batch))
    if len(gone):
        others = rows[rows != gone[0]]
        rows = np.append(gone[:1], others[:max(PROBED - 1, 1)])
    return rows
