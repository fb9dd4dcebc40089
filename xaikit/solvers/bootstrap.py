"""Row-bootstrap intervals of means."""

from __future__ import annotations

import numpy as np

_CELLS = 2**22
"""Resampling counts held at a time (32 MiB)."""


def bootstrap_means(
    effects: np.ndarray, n_bootstrap: int, confidence: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Give percentile intervals of the means of columns, rows drawn with replacement.

    Parameters
    ----------
    effects : array (n_rows, n_columns)
    n_bootstrap : int
    confidence : float
    rng : Generator

    Returns
    -------
    lower, upper : arrays (n_columns,)
        NaN for fewer than two rows.

    References
    ----------
    Efron & Tibshirani 1993, chapter 13 (percentile intervals).
    """
    n = len(effects)
    if n < 2:
        return (np.full(effects.shape[1], np.nan),) * 2
    means = np.empty((n_bootstrap, effects.shape[1]))
    block = max(1, _CELLS // n)
    for first in range(0, n_bootstrap, block):
        m = min(block, n_bootstrap - first)
        draws = rng.integers(n, size=(m, n)) + np.arange(m)[:, None] * n
        counts = np.bincount(draws.ravel(), minlength=m * n).reshape(m, n)
        means[first : first + m] = counts @ effects / n
    tail = (1.0 - confidence) / 2
    lower, upper = np.quantile(means, [tail, 1.0 - tail], axis=0)
    return lower, upper
