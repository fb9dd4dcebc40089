"""The scale on which contributions add up, and the standard error of a weighted mean."""

from __future__ import annotations

import numpy as np
from scipy.special import logit

CLIP = 1e-7
"""Probabilities are clipped to [CLIP, 1 − CLIP] before the logit."""


def linked(mean: np.ndarray, link: str) -> np.ndarray:
    """Transform mean answers to the scale on which contributions add up.

    Raises
    ------
    ValueError
        If the link is ``"logit"`` and the answers are not probabilities.
    """
    if link == "identity":
        return mean
    if mean.min() < -CLIP or mean.max() > 1 + CLIP:
        raise ValueError(f"link='logit' needs probabilities between 0 and 1, but the model "
                         f"answers between {mean.min():.4g} and {mean.max():.4g}; use "
                         "link='identity', or wrap the model with output='proba'.")
    return logit(np.clip(mean, CLIP, 1 - CLIP))


def slope(mean: np.ndarray, link: str) -> np.ndarray:
    """Return the derivative of the link at mean answers."""
    if link == "identity":
        return np.ones_like(mean)
    mean = np.clip(mean, CLIP, 1 - CLIP)
    return 1.0 / (mean * (1 - mean))


def mean_error(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the standard error of a weighted mean over the first axis; NaN for a single row."""
    concentration = float((weights**2).sum())
    if concentration >= 1.0 - 1e-12:
        return np.full(values.shape[1:], np.nan)
    deviations = values - np.tensordot(weights, values, axes=1)
    variance = np.tensordot(weights, deviations**2, axes=1) / (1.0 - concentration)
    return np.sqrt(variance * concentration)
