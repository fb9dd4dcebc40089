"""The scale that contributions add up on, and the errors of a background that is a sample."""

from __future__ import annotations

import numpy as np
from scipy.special import logit

from xaikit.explainers.shapley_plan import Plan

CLIP = 1e-7
"""Probabilities are kept this far from 0 and 1 before the logit."""


def linked(mean: np.ndarray, link: str) -> np.ndarray:
    """Put mean answers on the scale that contributions add up on."""
    if link == "identity":
        return mean
    if mean.min() < -CLIP or mean.max() > 1 + CLIP:
        raise ValueError(f"link='logit' needs probabilities between 0 and 1, but the model "
                         f"answers between {mean.min():.4g} and {mean.max():.4g}; use "
                         "link='identity', or wrap the model with output='proba'.")
    return logit(np.clip(mean, CLIP, 1 - CLIP))


def slope(mean: np.ndarray, link: str) -> np.ndarray:
    """Give the slope of the link at mean answers."""
    if link == "identity":
        return np.ones_like(mean)
    mean = np.clip(mean, CLIP, 1 - CLIP)
    return 1.0 / (mean * (1 - mean))


def background_errors(
    weights: np.ndarray, plan: Plan, by_background: np.ndarray, variances: np.ndarray
) -> np.ndarray:
    """Give the errors (M, K) of values for the background being a sample of the rows there are.

    `by_background` (B, M, K) holds the values of each background row's game, those of its block
    where it was sampled: these spread less, by the number of rows in a block, and more, by the
    sampling of coalitions, `variances` (n_blocks, M, K). NaN for a single row or a single block.
    """
    if not plan.blocks:
        return mean_error(weights, by_background)
    n_blocks, n_sampled = len(plan.blocks), np.count_nonzero(~plan.exact)
    if n_blocks < 2:
        return np.full(by_background.shape[1:], np.nan)
    of_block = by_background[[block[0] for block in plan.blocks]]
    # Between rows of a block: what blocks spread, less what their sampling does.
    between = np.maximum(of_block.var(axis=0, ddof=1) - variances.mean(axis=0), 0.0)
    within = (n_sampled / n_blocks - 1.0) * between * weights[~plan.exact].sum()
    concentration = float((weights**2).sum())
    return np.sqrt(mean_error(weights, by_background)**2
                   + within * concentration / (1.0 - concentration))


def mean_error(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Standard error of a weighted mean over the first axis; NaN for a single row."""
    concentration = float((weights**2).sum())
    if concentration >= 1.0 - 1e-12:
        return np.full(values.shape[1:], np.nan)
    deviations = values - np.tensordot(weights, values, axes=1)
    variance = np.tensordot(weights, deviations**2, axes=1) / (1.0 - concentration)
    return np.sqrt(variance * concentration)
