"""Sliding windows over an image, and the cells into which their edges divide it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Windows:
    """Windows as sets of cells.

    Attributes
    ----------
    cells : int array (height, width)
        The cell of each pixel.
    hides : bool array (n_windows, n_cells)
        Which cells each window covers; every cell is covered.
    """

    cells: np.ndarray
    hides: np.ndarray


def cut_into_windows(
    shape: tuple[int, int], size: tuple[int, int], stride: tuple[int, int]
) -> Windows:
    """Slide a window over an image so that every pixel is covered.

    Parameters
    ----------
    shape, size, stride : (vertical, horizontal) pairs of pixels
        Of the image, the window and its steps. The last window of a row or column ends at the edge.

    Raises
    ------
    ValueError
        If the window is larger than the image, or the stride larger than the window.

    Examples
    --------
    >>> windows = cut_into_windows((1, 4), (1, 2), (1, 1))
    >>> windows.cells, windows.hides.astype(int)
    (array([[0, 1, 2, 3]]), array([[1, 1, 0, 0],
           [0, 1, 1, 0],
           [0, 0, 1, 1]]))
    """
    for length, own, step in zip(shape, size, stride, strict=True):
        if own > length:
            raise ValueError(f"a window of {size[0]} × {size[1]} pixels does not fit into an image "
                             f"of {shape[0]} × {shape[1]}; use a smaller one.")
        if step > own:
            raise ValueError(f"a stride of {step} would skip pixels, since a window covers {own}; "
                             f"use a stride of at most {own}.")
    (rows, down), (columns, across) = (
        _along(length, own, step) for length, own, step in zip(shape, size, stride, strict=True))
    n_columns = across.shape[1]
    cells = rows[:, None] * n_columns + columns
    hides = (down[:, None, :, None] & across[None, :, None, :]).reshape(
        len(down) * len(across), -1)
    return Windows(cells, hides)


def _along(length: int, size: int, step: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the piece of each pixel of a line, and which pieces each window covers."""
    starts = np.arange(0, length - size + 1, step)
    if starts[-1] + size < length:
        starts = np.append(starts, length - size)
    edges = np.unique(np.concatenate([starts, starts + size]))
    pieces = np.searchsorted(edges, np.arange(length), side="right") - 1
    first = edges[:-1]
    return pieces, (first >= starts[:, None]) & (first < starts[:, None] + size)
