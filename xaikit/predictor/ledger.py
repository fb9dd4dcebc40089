"""The ledger: how many rows a model was asked, in how many calls, for how long."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any


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

    def copy(self) -> Ledger:
        """Return the counts so far as a ledger of their own."""
        with self._lock:
            return Ledger(self.rows, self.calls, self.seconds, self.spared)

    def minus(self, earlier: Ledger) -> Ledger:
        """Return what was counted since `earlier`, a copy of this ledger."""
        now = self.copy()
        return Ledger(now.rows - earlier.rows, now.calls - earlier.calls,
                      now.seconds - earlier.seconds, now.spared - earlier.spared)

    def __reduce__(self) -> tuple[Any, ...]:
        # The lock stays behind; the counts travel, for a worker reports its work in a ledger.
        return (Ledger, (self.rows, self.calls, self.seconds, self.spared))
