"""Standard errors and intervals: of means over rows, and of numbers with blocks left out."""

from __future__ import annotations

import numpy as np
from scipy.special import stdtrit

_CELLS = 2**22
"""Resampling counts held at a time (32 MiB)."""


def means_of(effects: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return means over the first axis, weighted if there are weights.

    Parameters
    ----------
    effects : array (n_rows, …)
    weights : array (n_rows,), optional
        Not negative, and not all 0.
    """
    return np.asarray(effects.mean(axis=0) if weights is None
                      else np.average(effects, axis=0, weights=weights))


def errors_of_means(effects: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return the standard errors of `means_of`; NaN for fewer than two rows.

    Weights say how much a row counts, and not how often it was seen: their scale does not matter,
    and a row of weight 0 is as good as left out.

    References
    ----------
    Särndal, Swensson & Wretman 1992, section 5.7 (a weighted mean as a ratio, linearised).
    """
    n = len(effects) if weights is None else int((weights > 0).sum())
    if n < 2:
        return np.full(effects.shape[1:], np.nan)
    size = _size(effects)
    effects = effects / size
    if weights is None:
        return np.asarray(size * (effects.std(axis=0, ddof=1) / np.sqrt(n)))
    shares = (weights / weights.sum()).reshape(-1, *[1] * (effects.ndim - 1))
    squares = (shares * (effects - means_of(effects, weights))) ** 2
    return np.asarray(size * np.sqrt(squares.sum(axis=0) * n / (n - 1)))


def _size(numbers: np.ndarray) -> float:
    """Return a power of two near the largest number: divided by it, squares do not vanish.

    1 for numbers of usual size, for which nothing changes.
    """
    largest = np.max(np.abs(numbers), where=np.isfinite(numbers), initial=0.0)
    return 1.0 if largest == 0.0 or largest > 1e-100 else float(2.0 ** np.frexp(largest)[1])


def bootstrap_means(
    effects: np.ndarray, n_bootstrap: int, confidence: float, rng: np.random.Generator,
    weights: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Compute percentile intervals of `means_of` columns, from rows drawn with replacement.

    Parameters
    ----------
    effects : array (n_rows, n_columns)
    n_bootstrap : int
    confidence : float
    rng : Generator
    weights : array (n_rows,), optional
        Those of the rows drawn. Rows of weight 0 are not drawn.

    Returns
    -------
    lower, upper : arrays (n_columns,)
        NaN for fewer than two rows.

    References
    ----------
    Efron & Tibshirani 1993, chapter 13 (percentile intervals).
    """
    if weights is not None:
        effects, weights = effects[weights > 0], weights[weights > 0]
    n = len(effects)
    if n < 2:
        return (np.full(effects.shape[1], np.nan),) * 2
    means = np.empty((n_bootstrap, effects.shape[1]))
    block = max(1, _CELLS // n)
    for first in range(0, n_bootstrap, block):
        m = min(block, n_bootstrap - first)
        draws = rng.integers(n, size=(m, n)) + np.arange(m)[:, None] * n
        counts = np.bincount(draws.ravel(), minlength=m * n).reshape(m, n)
        means[first : first + m] = counts @ effects / n if weights is None else \
            (counts * weights) @ effects / (counts @ weights)[:, None]
    tail = (1.0 - confidence) / 2
    lower, upper = np.quantile(means, [tail, 1.0 - tail], axis=0)
    return lower, upper


def jackknife(parts: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Compute the error of a number from its values with each block of rows left out.

    Parameters
    ----------
    parts : array (…, n_blocks)
        NaN where a value is not known.
    confidence : float

    Returns
    -------
    errors, reach : arrays (…)
        The standard error, and half the width of the interval (Student's t with n_blocks − 1
        degrees of freedom). NaN if a part is.

    References
    ----------
    Efron & Tibshirani 1993, chapter 11.
    """
    n_blocks, size = parts.shape[-1], _size(parts)
    parts = parts / size
    squares = ((parts - parts.mean(axis=-1, keepdims=True)) ** 2).sum(axis=-1)
    errors = size * np.sqrt((n_blocks - 1) / n_blocks * squares)
    return errors, stdtrit(max(n_blocks - 1, 1), 0.5 + confidence / 2) * errors
