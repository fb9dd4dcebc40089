"""What a masker and its rows must offer: the protocol that games and explainers rely on."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from xaikit.predictor.adapter import Predictor
from xaikit.tables.tables import Batch


class Masked(Protocol):
    """What a game needs of a masked row; every masker's rows have it."""

    masker: Any
    """The masker that made it."""
    source: Batch
    """The row itself, as a batch of one."""
    layout: Any
    """Where the units are: of texts an int array (n_spans, 3) of unit, start, stop; of images the
    unit of each pixel, int (height, width); of tables None."""
    n_units: int
    weights: np.ndarray
    """Weights of the stand-ins (B,), summing to 1."""
    row_bytes: int
    """Bytes of one composed row."""

    @property
    def differs(self) -> np.ndarray:
        """Which units of the row differ from which stand-ins: bool (B, M)."""

    @property
    def base_keys(self) -> np.ndarray:
        """Keys of the stand-ins, uint64 (2, B); see `zobrist`."""

    @property
    def flip_keys(self) -> np.ndarray:
        """What showing the row's unit does to them, uint64 (2, M, B)."""

    @property
    def distances(self) -> np.ndarray:
        """How far each unit is from each stand-in, between 0 and 1: (B, M)."""

    def compose(self, of_background: np.ndarray, masks: np.ndarray) -> Batch:
        """Compose the rows of questions."""

    def shortcut(self, predictor: Predictor) -> Predictor | None:
        """Return what answers masks (n, M) as `predictor` answers the rows composed of them.

        None if there is no such shortcut. It is for rows of one replacement row, and counts in the
        same ledger.
        """


class Rows(Protocol):
    """Rows ready to be masked."""

    def __len__(self) -> int:
        """Return the number of rows."""

    def __getitem__(self, i: int) -> Masked:
        """Return a row."""


class Masker(Protocol):
    """The units of a row, a text or an image, and what replaces a hidden one."""

    kind: str
    """Of what: "table", "text" or "image"."""

    def conform(self, X: Any) -> Batch:
        """Return what is to be explained as a batch of rows, texts or images."""

    def rows(self, X: Any, *, first: int | None = None) -> Rows:
        """Make rows ready to be masked.

        With `first`, `X` is a part of what `conform` returned, from this position on.
        """

    def described(self) -> dict[str, Any]:
        """Return what an explanation should record of it, as plain values."""
