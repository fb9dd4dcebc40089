"""The ledger: how many rows a model was asked, in how many calls, for how long."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Ledger:
    """A running count of a model's work; adding is safe from several threads."""

    rows: int = 0
    calls: int = 0
    seconds: float = 0.0
    _lock: Any = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(self, rows: int, calls: int, seconds: float) -> None:
        """Count some calls."""
        with self._lock:
            self.rows += rows
            self.calls += calls
            self.seconds += seconds

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy in another process counts what happens there, from nothing.
        return (Ledger, ())
