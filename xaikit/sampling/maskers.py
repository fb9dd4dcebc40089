"""The protocols of maskers and their rows, on which games and explainers rely.

A background row is one replacement for hidden units: a background row of a table, the text with
replaced words, or the baseline image.
"""

from __future__ import annotations

from operator import index
from typing import Any, Protocol

import numpy as np

from xaikit.tables.tables import Batch


class Masked(Protocol):
    """A row, text or image whose units can be hidden: what a game needs of it.

    It may also have a method ``shortcut(predictor)`` that returns a predictor of masks (n, M) which
    answers as `predictor` does for the rows composed of them, and counts in the same ledger; or
    None. A game of a single background row then asks about masks.
    """

    masker: Any
    """The masker that made it."""
    source: Batch
    """The row itself, as a batch of one."""
    layout: Any
    """Where the units are: for texts an int array (n_spans, 3) of unit, start and stop; for images
    the unit of each pixel, int (height, width); for tables None."""
    n_units: int
    """M, the number of units."""
    weights: np.ndarray
    """Weights of the background rows (B,), summing to 1."""
    row_bytes: int
    """Bytes of one composed row."""

    @property
    def differs(self) -> np.ndarray:
        """Whether each unit of the row differs from each background row, bool (B, M)."""

    @property
    def base_keys(self) -> np.ndarray:
        """Keys of the background rows, uint64 (2, B); see `zobrist`."""

    @property
    def flip_keys(self) -> np.ndarray:
        """Change of these keys when a unit of the row is shown, uint64 (2, M, B)."""

    @property
    def distances(self) -> np.ndarray:
        """Distance of each unit from each background row, between 0 and 1: (B, M)."""

    def compose(self, of_background: np.ndarray, masks: np.ndarray) -> Batch:
        """Compose rows: the background rows `of_background` (n,) with the units of `masks` shown.

        `masks` (n, W) are packed.
        """


class Rows(Protocol):
    """Rows ready to be masked: a sequence, so that a loop over it ends."""

    def __len__(self) -> int:
        """Return the number of rows."""

    def __getitem__(self, i: int) -> Masked:
        """Return a row; negative positions count from the end.

        Raises
        ------
        IndexError
            If there is no row at this position.
        """


class Masker(Protocol):
    """The units of a row, text or image, and the background rows that replace hidden ones."""

    kind: str
    """Kind of data: "table", "text" or "image"."""

    def conform(self, X: Any) -> Batch:
        """Return what is to be explained as a batch of rows, texts or images."""

    def doubts(self, batch: Any) -> tuple[str, ...]:
        """Return warnings about the units of what `conform` returned."""

    def rows(self, X: Any, *, first: int | None = None) -> Rows:
        """Prepare rows to be masked.

        If `first` is given, `X` is the part of what `conform` returned that begins at this
        position.
        """

    def described(self) -> dict[str, Any]:
        """Return the settings that an explanation records, as plain values."""


def row_position(i: int, n: int) -> int:
    """Return the position of one of `n` rows, counted from 0; negative ones count from the end.

    Raises
    ------
    IndexError
        If there is no such row. Loops over rows end with it.
    TypeError
        If `i` is not a whole number.

    Examples
    --------
    >>> row_position(-1, 3)
    2
    """
    try:
        i = index(i)
    except TypeError as error:
        raise TypeError(f"expected the position of one row as a whole number, got {i!r}; "
                        "take several rows one by one.") from error
    if -n <= i < n:
        return i % n
    if n == 0:
        raise IndexError(f"there is no row at position {i}: the masker was given no rows.")
    raise IndexError(f"expected a position from {-n} to {n - 1}, as the number of rows is {n}; "
                     f"got {i}.")
