"""Choose background rows to replace hidden units: those near the row, evenly over the samples."""

from __future__ import annotations

import numpy as np
from scipy import optimize

LEAST_ROWS = 50
"""Minimum effective number of background rows, if there are so many..."""
SHARE_OF_ROWS = 0.1
"""...or this share of all background rows, if that is more."""
GOLDEN = (np.sqrt(5.0) - 1.0) / 2.0


def local_weights(distances: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, float]:
    """Return weights that decrease with the distance of background rows, and their width.

    Parameters
    ----------
    distances : array (B,)
        Distance of each background row.
    weights : array (B,)
        Weights of the background rows, summing to 1.

    Returns
    -------
    weights : array (B,)
        ∝ weight · exp(−distance²/2ν²), summing to 1. ν is such that the effective number of rows,
        1/Σw², is about 50 or 10 % of all, whichever is more.
    width : float
        ν; infinite if the given weights are returned.
    """
    wanted = max(LEAST_ROWS, SHARE_OF_ROWS * len(distances))
    # Relative to the nearest row, so that not all weights underflow.
    squares = distances**2 - distances.min()**2
    if wanted >= 1.0 / (weights**2).sum() or squares.max() == 0.0:
        return weights, np.inf

    def shares(log_width: float) -> np.ndarray:
        found = weights * np.exp(-0.5 * squares * np.exp(-2.0 * log_width))
        return found / found.sum()

    def surplus(log_width: float) -> float:
        return 1.0 / float((shares(log_width)**2).sum()) - wanted

    middle = 0.5 * np.log(squares.max())
    low, high = middle - 12.0, middle + 6.0
    if surplus(low) > 0.0:
        return shares(low), float(np.exp(low))  # enough rows are equally near
    width = optimize.brentq(surplus, low, high, xtol=1e-6)
    return shares(width), float(np.exp(width))


def choose_evenly(
    ranks: np.ndarray, sizes: np.ndarray, weights: np.ndarray, start: float
) -> np.ndarray:
    """Choose a background row for each coalition, evenly and in proportion to the rows' weights.

    The choice depends only on the coalition's size and rank, not on the number of coalitions: the
    multiples of the golden ratio, modulo 1, fill the unit interval evenly at any number.

    Parameters
    ----------
    ranks, sizes : int arrays (n,)
        See `laws.DrawnCoalitions`.
    weights : array (B,)
        Weights of the background rows, summing to 1.
    start : float
        Offset between 0 and 1, drawn from the seed.

    Returns
    -------
    int array (n,)
        Positions of the background rows.
    """
    # Each size has an offset of its own: √2 and the golden ratio have no common multiple.
    places = (start + ranks * GOLDEN + sizes * np.sqrt(2.0)) % 1.0
    chosen = np.searchsorted(np.cumsum(weights), places, side="right")
    return np.minimum(chosen, np.flatnonzero(weights)[-1])
