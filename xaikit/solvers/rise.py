"""RISE as a regression of the model's answers on the brightness of each pixel's mask.

A mask is a coarse grid G of zeros and ones, upsampled bilinearly and shifted: M = Y·G·Xᵀ, where Y
(height × grid rows) and X (width × grid columns) depend on the shift alone. The regression needs
sums of weight·M and weight·M² over the masks, and both are linear in small arrays. For M that is
the grid. For M², each pixel mixes at most four cells and g² = g, so the small arrays are the cells
themselves and the products of neighbouring cells, each with separable factors in y and x:

    M² = Y²·G·X²ᵀ + 2·Y²·(g→)·X×ᵀ + 2·Y×·(g↓)·X²ᵀ + 2·Y×·(g↘ + g↙)·X×ᵀ

Y² are the squares, and Y× the products of neighbouring columns, of Y. The sums are therefore taken
over the small arrays, separately for each shift, and two matrix products at the end upsample all
shifts. Summing masks of full size would take masks × pixels operations instead.

Legend: f answers, M masks, n number of masks, S = Cov(f, M)/Var(M).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from xaikit.solvers.threads import one_thread

OUTPUTS_AT_ONCE = 16
"""Outputs summed together; fixed, so that no memory setting can change the bytes of results."""
_CONSTANT = 1e-9
"""A mask with a variance below this is constant at that pixel: the rest is rounding error."""


@dataclass(frozen=True)
class Maps:
    """Values and standard errors of each pixel: arrays (height, width, K).

    `values` are 0 and `errors` NaN at pixels where all masks are equal.
    """

    values: np.ndarray
    errors: np.ndarray


@dataclass(frozen=True)
class Masks:
    """Random masks of an image, stored as grids and shifts.

    Attributes
    ----------
    grids : bool array (n, rows, columns)
    shifts : int array (n, 2)
        Pixels that each mask is moved up and left.
    size : tuple of int
        Height and width of the image.
    """

    grids: np.ndarray
    shifts: np.ndarray
    size: tuple[int, int]

    def __len__(self) -> int:
        return len(self.grids)

    def full(self, first: int, stop: int) -> np.ndarray:
        """Build masks first … stop − 1 in full size: float32 (n, height, width) in [0, 1]."""
        by_y, by_x = (ramps(size, cells).astype(np.float32)
                      for size, cells in zip(self.size, self.grids.shape[1:], strict=True))
        up, left = self.shifts[first:stop].T
        with one_thread():
            masks = by_y[up] @ self.grids[first:stop].astype(np.float32)
            masks = masks @ by_x[left].swapaxes(1, 2)
        return np.minimum(masks, 1.0, out=masks)


def draw_masks(
    rng: np.random.Generator, n_masks: int, size: tuple[int, int], grid: int, p: float
) -> Masks:
    """Draw grids whose cells are 1 with probability `p`, and shifts by less than a cell.

    A grid has `grid` cells in each direction, or one for each pixel if there are fewer pixels.

    Examples
    --------
    >>> masks = draw_masks(np.random.default_rng(0), 5, (28, 30), 7, 0.5)
    >>> masks.grids.shape, masks.shifts.max() < 5, masks.full(0, 2).shape
    ((5, 7, 7), np.True_, (2, 28, 30))
    """
    cells = tuple(min(grid, pixels) for pixels in size)
    grids = rng.random((n_masks, *cells)) < p
    shifts = rng.integers([_cell(*pair) for pair in zip(size, cells, strict=True)],
                          size=(n_masks, 2))
    return Masks(grids, shifts, size)


def ramps(n_pixels: int, n_cells: int) -> np.ndarray:
    """Return the weights that upsample `n_cells` bilinearly, for each shift.

    The cells are stretched over one cell more than the pixels need (Petsiuk 2018, section 3.2);
    pixels beyond the outermost cell centres take the value of the nearest cell.

    Returns
    -------
    array (n_shifts, n_pixels, n_cells)
        Rows sum to 1 and have at most two nonzero entries.

    Examples
    --------
    >>> ramps(2, 1).tolist()
    [[[1.0], [1.0]], [[1.0], [1.0]]]
    """
    cell = _cell(n_pixels, n_cells)
    at = np.arange(cell)[:, None] + np.arange(n_pixels)
    where = np.clip((at + 0.5) * n_cells / ((n_cells + 1) * cell) - 0.5, 0.0, n_cells - 1.0)
    return np.maximum(0.0, 1.0 - np.abs(where[:, :, None] - np.arange(n_cells)))


def correlate(answers: np.ndarray, masks: Masks) -> Maps:
    """Regress the answers on the mask's brightness at each pixel, one pixel at a time.

    Parameters
    ----------
    answers : array (n, K)
        Answers of the model to the masked images.
    masks : Masks

    Returns
    -------
    Maps
        S = Cov(f, M)/Var(M), in units of the model's output. Its standard errors are
        heteroskedasticity-consistent (White 1980, HC0), with the residuals under the null.

    References
    ----------
    Petsiuk, Das & Saenko 2018, "RISE", equation 6, which divides by E[M]; here the mean is
    subtracted and the sum divided by Var(M).
    """
    n = len(answers)
    centred = answers - answers.mean(axis=0)
    with one_thread():
        by_y, by_x = (ramps(*pair) for pair in
                      zip(masks.size, masks.grids.shape[1:], strict=True))
        linear = _Upsampler(masks.grids, masks.shifts, by_y, by_x)
        square = _Upsampler(_pairs(masks.grids), masks.shifts, _square(by_y), _square(by_x))
        ones = np.ones((n, 1))
        mean = linear(ones) / n
        spread = np.maximum(square(ones) - n * mean**2, 0.0)
        constant = spread <= _CONSTANT * n
        spread = np.where(constant, 1.0, spread)
        parts = [_regress(centred[:, k : k + OUTPUTS_AT_ONCE], linear, square, mean, spread)
                 for k in range(0, centred.shape[1], OUTPUTS_AT_ONCE)]
    values, errors = (np.concatenate(arrays, axis=2) for arrays in zip(*parts, strict=True))
    return Maps(np.where(constant, 0.0, values), np.where(constant, np.nan, errors))


def _regress(
    f: np.ndarray, linear: _Upsampler, square: _Upsampler, mean: np.ndarray, spread: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return S and its error for centred answers `f` (n, k); `spread` is Σ(M − mean)²."""
    together = linear(f)
    weights = f**2
    total = weights.sum(axis=0)
    noise = square(weights) - 2.0 * mean * linear(weights) + mean**2 * total
    unexplained = 1.0 - together**2 / (np.where(total > 0.0, total, 1.0) * spread)
    errors = np.sqrt(np.maximum(unexplained, 0.0) * np.maximum(noise, 0.0)) / spread
    return together / spread, errors


class _Upsampler:
    """Weighted sums over masks, taken on small arrays and then upsampled.

    Parameters
    ----------
    cells : array (n, rows, columns)
        Small array of each mask.
    shifts : int array (n, 2)
        Shift of each mask.
    by_y, by_x : arrays (n_shifts, pixels, rows or columns)
        Weights that upsample the small arrays.
    """

    def __init__(
        self, cells: np.ndarray, shifts: np.ndarray, by_y: np.ndarray, by_x: np.ndarray
    ) -> None:
        self.shape = (by_y.shape[0] * by_y.shape[2], by_x.shape[0] * by_x.shape[2])
        self.by_y, self.by_x = (b.swapaxes(0, 1).reshape(b.shape[1], -1) for b in (by_y, by_x))
        i, y, x = np.nonzero(cells)
        row = shifts[i, 0] * by_y.shape[2] + y
        column = shifts[i, 1] * by_x.shape[2] + x
        # One row for each cell and shift, one column for each mask.
        self.sums = csr_array(
            (cells[i, y, x].astype(np.float64), (row * self.shape[1] + column, i)),
            shape=(self.shape[0] * self.shape[1], len(cells)))

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """Return the sums with weights (n, k): (height, width, k)."""
        small = (self.sums @ weights).T.reshape(-1, *self.shape)
        return np.moveaxis(self.by_y @ small @ self.by_x.T, 0, -1)


def _pairs(grids: np.ndarray) -> np.ndarray:
    """Compute the products that make up M²: (n, 2·rows, 2·columns), cells first, then neighbours.

    Products with cells beyond the last row or column are 0.
    """
    n, rows, columns = grids.shape
    g = np.zeros((n, rows + 1, columns + 1), dtype=np.int8)
    g[:, :-1, :-1] = grids
    here, right, below, across = g[:, :-1, :-1], g[:, :-1, 1:], g[:, 1:, :-1], g[:, 1:, 1:]
    crossed = here * across + right * below
    return np.concatenate([np.concatenate([here, 2 * here * right], axis=2),
                           np.concatenate([2 * here * below, 2 * crossed], axis=2)], axis=1)


def _square(ramp: np.ndarray) -> np.ndarray:
    """Compute squares of weights and products of neighbours: (n_shifts, pixels, 2·cells)."""
    neighbours = np.zeros_like(ramp)
    neighbours[:, :, :-1] = ramp[:, :, :-1] * ramp[:, :, 1:]
    return np.concatenate([ramp**2, neighbours], axis=2)


def _cell(n_pixels: int, n_cells: int) -> int:
    """Return the pixels of one cell, which is also the number of shifts."""
    return -(-n_pixels // n_cells)
