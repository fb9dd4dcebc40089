"""Pace: how many rows go into a call of the model, and how many threads may call it."""

from __future__ import annotations

import threading
import warnings
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from xaikit.tables.tables import Batch, is_table, row_bytes

AUTO_BATCH = 2**18
"""Most rows in a call by default: enough to hide the fixed cost of a call."""
AUTO_BYTES = 2**26
"""Most bytes of rows in a call by default, 64 MiB: the bound that matters for images."""
FIRST_OF_LARGE = 64
"""Most texts or images in the first call by default; each later call may take twice the largest
that went well. What a network needs for one is not known, and thousands may exhaust a GPU."""


class Pace:
    """Rows in a call and threads at a time; the copies of one Predictor share it.

    Parameters
    ----------
    batch_size : int or "auto"
    thread_safe : bool
        False lets in one thread at a time.
    """

    def __init__(self, batch_size: int | str, thread_safe: bool) -> None:
        self._most = AUTO_BATCH if batch_size == "auto" else int(batch_size)
        self._by_bytes = batch_size == "auto"
        self._thread_safe = thread_safe
        self._warned = False
        self._lock = threading.RLock()

    def rows(self, batch: Batch, largest: int = 0) -> int:
        """Return the number of rows that a call may hold, after one of `largest` that went well."""
        if not self._by_bytes:
            return self._most
        most = min(self._most, max(1, AUTO_BYTES // row_bytes(batch)))
        return most if is_table(batch) else min(most, max(FIRST_OF_LARGE, 2 * largest))

    def halve(self, rows: int) -> None:
        """Allow half of `rows` from now on, since memory ran out; warn the first time."""
        with self._lock:
            self._most = min(self._most, max(1, rows // 2))
            if not self._warned:
                self._warned = True
                warnings.warn(f"the model ran out of memory on {rows} rows; it is asked "
                              f"{self._most} rows at a time from here on, and fewer if need be.",
                              RuntimeWarning, stacklevel=2)

    def turn(self) -> AbstractContextManager[Any]:
        """Return a context that waits for its turn if threads have to take turns."""
        return nullcontext() if self._thread_safe else self._lock

    def __getstate__(self) -> dict[str, Any]:
        # Locks cannot travel to another process, and need not: nobody there shares the model.
        return {k: v for k, v in vars(self).items() if k != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._lock = threading.RLock()
