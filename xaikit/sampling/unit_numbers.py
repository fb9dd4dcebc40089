"""Numbers of the values of units, and keys of the rows that are made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from xaikit.sampling.game import zobrist
from xaikit.tables.numbering import number_units


class Numbered(NamedTuple):
    """Numbers of the values of units, equal where these are, and keys of rows made of them.

    Attributes
    ----------
    background, rows : int arrays (B, M), (n_rows, M)
    keys, background_keys : uint64 arrays (2, M, n_rows), (2, M, B)
    base_keys : uint64 array (2, B)
        Of the background rows themselves; see `maskers.Masked`.
    """

    background: np.ndarray
    rows: np.ndarray
    keys: np.ndarray
    background_keys: np.ndarray
    base_keys: np.ndarray


def numbered(pool: Any, units: Sequence[np.ndarray], n_background: int) -> Numbered:
    """Number the units of background rows and of those that follow them.

    Parameters
    ----------
    pool : array or list of columns
    units : sequence of int arrays
        Columns of each unit.
    n_background : int
    """
    codes = number_units(pool, units)
    keys = zobrist(codes)
    of_background = np.ascontiguousarray(keys[:, :, :n_background])
    return Numbered(codes[:n_background], codes[n_background:], keys[:, :, n_background:],
                    of_background, np.bitwise_xor.reduce(of_background, axis=1))
