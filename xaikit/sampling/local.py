"""Which stand-ins a row's hidden units are taken from: those near it, evenly over samples."""

from __future__ import annotations

import numpy as np
from scipy import optimize

LEAST_ROWS = 50
"""Stand-ins that should carry the weight, if there are so many..."""
SHARE_OF_ROWS = 0.1
"""...or this share of all, if that is more."""
GOLDEN = (np.sqrt(5.0) - 1.0) / 2.0


def local_weights(distances: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, float]:
    """Give weights that fall with the distance of a stand-in from the row, and their width.

    Parameters
    ----------
    distances : array (B,)
    weights : array (B,)
        Of the stand-ins themselves.

    Returns
    -------
    weights : array (B,)
        ∝ weight · exp(−distance²/2ν²), summing to 1, with ν such that about max(50, 10 %) of the
        rows carry it: 1/Σw² of them.
    width : float
        ν; infinite where all rows are wanted.
    """
    wanted = max(LEAST_ROWS, SHARE_OF_ROWS * len(distances))
    # From the nearest on, so that not all shares underflow.
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
        return shares(low), float(np.exp(low))  # so many are equally near
    width = optimize.brentq(surplus, low, high, xtol=1e-6)
    return shares(width), float(np.exp(width))


def spread(ranks: np.ndarray, sizes: np.ndarray, weights: np.ndarray, start: float) -> np.ndarray:
    """Choose a stand-in for each coalition, each as often as its weight says, evenly.

    The choice depends on the coalition's own size and rank, not on how many there are: the golden
    ratio's multiples fill an interval evenly however far one goes.

    Parameters
    ----------
    ranks, sizes : int arrays (n,)
    weights : array (B,)
        Summing to 1.
    start : float
        Between 0 and 1, of the seed.

    Returns
    -------
    int array (n,)
    """
    # Sizes begin at different places: √2 and the golden ratio have no common multiple.
    places = (start + ranks * GOLDEN + sizes * np.sqrt(2.0)) % 1.0
    chosen = np.searchsorted(np.cumsum(weights), places, side="right")
    return np.minimum(chosen, np.flatnonzero(weights)[-1])
