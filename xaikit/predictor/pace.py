"""How a model is asked in bulk: rows a call, fewer when memory runs out; callers one at a time."""

from __future__ import annotations

import re
import threading
import warnings
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from xaikit.tables.tables import Batch, row_bytes

AUTO_BATCH = 2**18
"""Most rows a call by default: enough to hide a call's fixed cost."""

AUTO_BYTES = 2**26
"""Most bytes of rows a call by default, 64 MiB: for images this is the bound that counts."""

_NO_MEMORY = re.compile(
    "out of memory|(can't|unable to|failed to|could not) allocate|not enough memory|bad_alloc|"
    "alloc_failed|resource exhausted", re.IGNORECASE)


class Pace:
    """Rows a call and callers at a time; the copies of one Predictor share it.

    Parameters
    ----------
    batch_size : int or "auto"
    thread_safe : bool
        False lets one caller in at a time.
    """

    def __init__(self, batch_size: int | str, thread_safe: bool) -> None:
        self._most = AUTO_BATCH if batch_size == "auto" else int(batch_size)
        self._by_bytes = batch_size == "auto"
        self._thread_safe = thread_safe
        self._warned = False
        self._lock = threading.RLock()

    def rows(self, batch: Batch) -> int:
        """Give the rows that a call may hold."""
        if not self._by_bytes:
            return self._most
        return min(self._most, max(1, AUTO_BYTES // row_bytes(batch)))

    def halve(self, rows: int) -> None:
        """Take half of `rows` from now on, for memory ran out; say so the first time."""
        with self._lock:
            self._most = min(self._most, max(1, rows // 2))
            if not self._warned:
                self._warned = True
                warnings.warn(f"the model ran out of memory on {rows} rows; it is asked "
                              f"{self._most} rows at a time from here on, and fewer if need be.",
                              RuntimeWarning, stacklevel=2)

    def turn(self) -> AbstractContextManager[Any]:
        """Wait for one's turn, where callers have to take turns."""
        return nullcontext() if self._thread_safe else self._lock

    def __getstate__(self) -> dict[str, Any]:
        # Locks cannot travel to another process, and need not: nobody there shares the model.
        return {k: v for k, v in vars(self).items() if k != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._lock = threading.RLock()


def ran_out_of_memory(error: BaseException | None) -> bool:
    """Say whether an exception of any framework means that memory ran out.

    Examples
    --------
    >>> ran_out_of_memory(RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"))
    True
    >>> ran_out_of_memory(ValueError("wrong shape"))
    False
    """
    while error is not None:
        if isinstance(error, MemoryError) or "OutOfMemory" in type(error).__name__ \
                or _NO_MEMORY.search(str(error)):
            return True
        error = error.__cause__
    return False
