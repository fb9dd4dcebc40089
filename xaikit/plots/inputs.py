"""Checks of what plots draw, and the order of what they show."""

from __future__ import annotations

from typing import Any

import numpy as np

from xaikit.explanations.attribution import Attribution
from xaikit.explanations.importance import Importance

_ADVICE = {
    "Importance": "plots.bar draws an Importance",
    "Attribution": "plots.waterfall, bar, beeswarm and scatter draw an Attribution",
}


def check_attribution(explanation: Any, plot: str) -> None:
    """Raise unless `explanation` is an Attribution with something to draw."""
    if not isinstance(explanation, Attribution):
        came = type(explanation).__name__
        advice = _ADVICE.get(came, "pass what the .explain(X) of a local explainer returned")
        raise TypeError(f"{plot} needs an Attribution, got {came}; {advice}.")
    check_not_empty(explanation, plot)


def check_not_empty(explanation: Attribution | Importance, plot: str) -> None:
    """Raise if an axis of the values has length 0."""
    if explanation.values.size == 0:
        raise ValueError(f"{plot} has nothing to draw: the values have shape "
                         f"{explanation.values.shape}; explain or select at least one of each.")


def finite(values: np.ndarray) -> np.ndarray:
    """Return a copy with 0 for everything that is not finite, to sort and add up."""
    return np.where(np.isfinite(values), values, 0.0)


def largest_first(values: np.ndarray) -> np.ndarray:
    """Return positions by |value|, largest first, unknown values last; ties keep their order."""
    size = np.where(np.isfinite(values), np.abs(values), -1.0)
    return np.argsort(-size, kind="stable")
