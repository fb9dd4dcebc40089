"""Checks of arguments that all plots share, and the choice of output and row."""

from __future__ import annotations

from typing import Any

import numpy as np

from xaikit.explanations.attribution import Attribution
from xaikit.explanations.base import resolve
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


def check_max_display(max_display: Any, name: str = "max_display") -> None:
    """Raise unless `max_display` is a whole number of at least 1."""
    if isinstance(max_display, bool) or not isinstance(max_display, int | np.integer):
        raise TypeError(f"{name} must be a whole number, got {max_display!r}.")
    if max_display < 1:
        raise ValueError(f"{name} must be at least 1, got {max_display}.")


def choose_output(explanation: Attribution | Importance, output: int | str | None) -> int:
    """Give the position of the output to draw; see any plot for what None means."""
    n_outputs = len(explanation.output_names)
    if output is not None:
        return choose(explanation.output_names, output, "output")
    if n_outputs <= 2:
        return n_outputs - 1
    sizes = np.abs(finite(explanation.values)).reshape(-1, n_outputs)
    return int(sizes.mean(axis=0).argmax())


def choose(names: tuple[Any, ...], key: Any, axis: str) -> int:
    """Give the position of one row, feature or output named by position or name."""
    found = resolve(names, key, axis)
    if len(found) != 1:
        raise TypeError(f"{axis} must be one position or name, got {key!r}; "
                        f"draw one {axis} after the other.")
    return int(found[0])


def finite(values: np.ndarray) -> np.ndarray:
    """Give a copy with 0 for everything that is not finite, for sorting and adding up."""
    return np.where(np.isfinite(values), values, 0.0)


def largest_first(values: np.ndarray) -> np.ndarray:
    """Give positions by |value|, largest first, unknown values last; ties keep their order."""
    size = np.where(np.isfinite(values), np.abs(values), -1.0)
    return np.argsort(-size, kind="stable")
