"""Matrices of masks with very many cells, handled in parts of their rows.

A mask takes a byte a cell, the numbers made of it several times eight. Those of large matrices are
made a part at a time and made again when they are needed.
"""

from __future__ import annotations

import numpy as np

WHOLE_CELLS = 2**22
"""Matrices of at most so many cells are handled whole, and their numbers kept."""
PART_CELLS = 2**20
"""Cells of a part of a larger one."""


def parts(lengths: np.ndarray, width: int) -> list[tuple[slice, slice]]:
    """Cut consecutive groups of rows into parts; no group is divided.

    Parameters
    ----------
    lengths : int array
        Rows of each group.
    width : int
        Cells of a row.

    Returns
    -------
    list of (slice, slice)
        Rows and groups of each part. They depend on sizes alone, never on memory settings.

    Examples
    --------
    >>> parts(np.array([3, 5]), 10)
    [(slice(0, 8, None), slice(0, 2, None))]
    """
    ends = np.cumsum(lengths).astype(np.int64)
    if ends[-1] * width <= WHOLE_CELLS:
        return [(slice(0, int(ends[-1])), slice(0, len(ends)))]
    found, row, group = [], 0, 0
    while group < len(ends):
        stop = int(np.searchsorted(ends, row + PART_CELLS // width, side="right"))
        stop = max(stop, group + 1)
        found.append((slice(row, int(ends[stop - 1])), slice(group, stop)))
        row, group = int(ends[stop - 1]), stop
    return found
