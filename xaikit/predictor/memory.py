"""Answers remembered by row content, so that a slow model is asked about each row once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import numpy as np
import pandas as pd

from xaikit.tables.dtypes import is_object_dtype
from xaikit.tables.numbering import cell_bits
from xaikit.tables.tables import Batch, take_rows

MOST_ROWS = 2**17
"""Most rows remembered; beyond that the oldest are forgotten."""


class Memory:
    """Remembers answers; the copies of one Predictor share it."""

    def __init__(self) -> None:
        self._known: dict[bytes, np.ndarray] = {}
        self._lock = threading.Lock()

    def answers(
        self, batch: Batch, ask: Callable[[Batch], np.ndarray]
    ) -> tuple[np.ndarray, int]:
        """Return the answers to a batch and how many rows were asked: new ones, each once."""
        keys = row_keys(batch)
        with self._lock:
            found = {key: self._known[key] for key in set(keys) if key in self._known}
        first: dict[bytes, int] = {}
        for i, key in enumerate(keys):
            if key not in found:
                first.setdefault(key, i)
        if first:
            new = ask(take_rows(batch, np.fromiter(first.values(), dtype=np.int64)))
            found.update(zip(first, new, strict=True))
            self._remember({key: found[key] for key in first})
        return np.array([found[key] for key in keys]), len(first)

    def _remember(self, new: dict[bytes, np.ndarray]) -> None:
        with self._lock:
            self._known.update((key, row.copy()) for key, row in new.items())
            excess = len(self._known) - MOST_ROWS
            if excess > 0:
                for key in list(self._known)[:excess]:
                    del self._known[key]

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy in another process starts empty.
        return (Memory, ())


def row_keys(batch: Batch) -> list[bytes]:
    """Return a 128-bit digest of every row and the form of the batch: equal bits, equal digests.

    Examples
    --------
    >>> a, b, c = row_keys(["yes", "no", "yes"])
    >>> a == c, a == b
    (True, False)
    """
    if isinstance(batch, list):
        return [_digest(text.encode("utf8", "surrogatepass")) for text in batch]
    head = _form(batch)
    if isinstance(batch, np.ndarray) and batch.dtype != object:
        return [_digest(head + np.ascontiguousarray(row).tobytes()) for row in batch]
    columns = [batch.iloc[:, c] for c in range(batch.shape[1])] \
        if isinstance(batch, pd.DataFrame) else [pd.Series(c, dtype=object) for c in batch.T]
    return [_digest(head + b"\x1f".join(cells))
            for cells in zip(*(_cells(column) for column in columns), strict=True)]


def _form(batch: pd.DataFrame | np.ndarray) -> bytes:
    """Encode names, dtypes and the shape of a row: they decide what the same cells mean."""
    if isinstance(batch, np.ndarray):
        return f"{batch.dtype.str}{batch.shape[1:]}".encode()
    levels = [(list(d.categories), d.ordered) if isinstance(d, pd.CategoricalDtype) else str(d)
              for d in batch.dtypes]
    return repr((list(batch.columns), levels)).encode("utf8", "surrogatepass")


def _cells(column: pd.Series) -> list[bytes]:
    """Encode every cell with its type: 1, 1.0, True and "1" differ."""
    if is_object_dtype(column.dtype):
        return [cell_bits(v) for v in column]
    missing = column.isna().to_numpy()
    return [b"" if gone else cell_bits(v)
            for v, gone in zip(column.astype(object), missing, strict=True)]


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=16).digest()
