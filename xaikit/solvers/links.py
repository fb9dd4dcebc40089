"""The scale on which contributions add up, and the standard error of a weighted mean."""

from __future__ import annotations

import numpy as np
from scipy.special import logit

from xaikit.tables.wording import plural

CLIP = 1e-7
"""Probabilities are clipped to [CLIP, 1 − CLIP] before the logit.

Nearer to 1, float32 has no more than one number, and a forest's 0 of 100 trees says nothing about
how near to 0 it is. One bound for all models and both ends keeps the order of the answers."""
CLIPPED = ("prediction", "base value", "coalitions")
"""Where clipping may take place: with all units shown, with all hidden, or in between."""


def linked(mean: np.ndarray, link: str) -> np.ndarray:
    """Transform mean answers to the scale on which contributions add up.

    Raises
    ------
    ValueError
        If the link is ``"logit"`` and the answers are not probabilities.
    """
    if link == "identity":
        return mean
    if mean.min(initial=0.0) < -CLIP or mean.max(initial=1.0) > 1 + CLIP:
        raise ValueError(f"link='logit' needs probabilities between 0 and 1, but the model "
                         f"answers between {mean.min():.4g} and {mean.max():.4g}; use "
                         "link='identity', or wrap the model with output='proba'.")
    return logit(np.clip(mean, CLIP, 1 - CLIP))


def clipped(
    prediction: np.ndarray, base: np.ndarray, coalitions: np.ndarray, link: str
) -> dict[str, np.ndarray]:
    """Return where a row's probabilities were clipped, as a detail of its result.

    Parameters
    ----------
    prediction, base : arrays (n_outputs,)
        Answers before the link.
    coalitions : array (n, n_outputs)
        Those in between.
    link : {"identity", "logit"}

    Returns
    -------
    dict of name to text array (n_outputs,)
        For each output the places of `CLIPPED`, separated by commas. Empty without a link.

    Examples
    --------
    >>> clipped(np.array([1.0]), np.array([0.5]), np.array([[1e-9], [0.1]]), "logit")["clipped"]
    array(['prediction, coalitions'], dtype='<U22')
    """
    if link == "identity":
        return {}
    found = np.stack([((p < CLIP) | (p > 1 - CLIP)).any(axis=0)
                      for p in (prediction[None], base[None], coalitions)], axis=1)
    return {"clipped": np.array([", ".join(np.array(CLIPPED)[own]) for own in found])}


def words_for_clipping(where: np.ndarray) -> list[str]:
    """Return a warning if probabilities were clipped, given where in rows and outputs (n, K)."""
    if not (where != "").any():
        return []
    # An output whose ends are right may still have clipped coalitions between them.
    places = [np.char.find(where, place) >= 0 for place in CLIPPED[:2]] + [where == CLIPPED[2]]
    prediction, base, only = (int(found.any(axis=1).sum()) for found in places)
    rows = plural(len(where), "row")
    return [f"link='logit' clips probabilities nearer than {CLIP:g} to 0 or 1, so that log-odds "
            f"end at ±{logit(1 - CLIP):.1f}. Clipped were, of {rows} explained together, the "
            f"prediction of {prediction}, the base value of {base}, and coalitions alone of {only} "
            "(details['clipped'] has rows and outputs). Contributions beyond are cut off: to see "
            "them, explain a function that returns log-odds, without a link."]


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
