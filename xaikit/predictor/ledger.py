"""The ledger: how many rows a model was asked, in how many calls, for how long, and a sample."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from xaikit.tables.tables import Batch


@dataclass(frozen=True)
class Sample:
    """A few rows of a large call, as they were before it, and the answers to them in it.

    `method` is that of an estimator, as `Predictor.ask_method` takes it, or None.
    """

    n_rows: int
    rows: Batch
    answers: np.ndarray
    method: str | None

    @property
    def rank(self) -> tuple[int, bool]:
        """How much it can tell: answers that are all equal may be so in any batch, such as 0."""
        return self.n_rows, bool((self.answers != self.answers[:1]).any())


@dataclass
class Ledger:
    """A running count of a model's work; counting is safe from several threads.

    Attributes
    ----------
    rows : int
        Rows the model was asked about.
    calls : int
        Calls that asked them.
    seconds : float
        Seconds spent in those calls.
    spared : int
        Questions answered without the model, because an equal one was asked before.
    sample : Sample or None
        Of the largest call, if a predictor kept any.

    Examples
    --------
    >>> ledger = Ledger()
    >>> ledger.count(rows=100, calls=1, seconds=0.5)
    >>> earlier = ledger.copy()
    >>> ledger.count(rows=20, calls=1, seconds=0.25)
    >>> ledger.minus(earlier)
    Ledger(rows=20, calls=1, seconds=0.25, spared=0)
    """

    rows: int = 0
    calls: int = 0
    seconds: float = 0.0
    spared: int = 0
    sample: Sample | None = field(default=None, repr=False, compare=False)
    _lock: Any = field(default_factory=threading.Lock, init=False, repr=False, compare=False)

    def count(
        self, rows: int = 0, calls: int = 0, seconds: float = 0.0, spared: int = 0
    ) -> None:
        """Count a call, or questions that were spared."""
        with self._lock:
            self.rows += rows
            self.calls += calls
            self.seconds += seconds
            self.spared += spared

    def add(self, other: Ledger) -> None:
        """Add what another ledger counted, such as a worker's."""
        self.count(other.rows, other.calls, other.seconds, other.spared)
        if other.sample is not None:
            self.keep(other.sample)

    def keep(self, sample: Sample) -> None:
        """Keep the sample of a call if it tells more than the one before, as a larger one does."""
        with self._lock:
            if self.sample is None or sample.rank > self.sample.rank:
                self.sample = sample

    def copy(self) -> Ledger:
        """Return the counts so far as a ledger of their own."""
        with self._lock:
            return Ledger(self.rows, self.calls, self.seconds, self.spared, self.sample)

    def minus(self, earlier: Ledger) -> Ledger:
        """Return what was counted since `earlier`, a copy of this ledger."""
        now = self.copy()
        return Ledger(now.rows - earlier.rows, now.calls - earlier.calls,
                      now.seconds - earlier.seconds, now.spared - earlier.spared,
                      None if now.sample is earlier.sample else now.sample)

    def __reduce__(self) -> tuple[Any, ...]:
        # The lock stays behind; the counts travel, for a worker reports its work in a ledger.
        return (Ledger, (self.rows, self.calls, self.seconds, self.spared, self.sample))
