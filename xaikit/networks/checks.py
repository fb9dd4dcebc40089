"""Checks of the arrays and names that make up a network."""

from __future__ import annotations

from typing import Any

import numpy as np


def read_only(values: Any, ndim: int, what: str) -> np.ndarray:
    """Return a read-only float64 copy of finite numbers with `ndim` axes.

    Raises
    ------
    ValueError
        If `values` are not such an array; the message calls them `what`.
    """
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"the {what} should be an array of numbers: {error}.") from error
    if array.ndim != ndim or array.size == 0:
        raise ValueError(f"the {what} should have shape {('(n_out,)', '(n_in, n_out)')[ndim - 1]}, "
                         f"got {array.shape}.")
    if not np.isfinite(array).all():
        raise ValueError(f"the {what} hold NaN or infinite values; train the model again.")
    array.setflags(write=False)
    return array


def check_sizes(weights: tuple[np.ndarray, ...], biases: tuple[np.ndarray, ...]) -> None:
    """Raise a ValueError unless each layer fits its biases and the layer before it."""
    if len(biases) != len(weights):
        raise ValueError(f"got biases of {len(biases)} layers for weights of {len(weights)}; pass "
                         "one array of each for every layer.")
    for k, (w, b) in enumerate(zip(weights, biases, strict=True), 1):
        if len(b) != w.shape[1]:
            raise ValueError(f"layer {k} has {w.shape[1]} outputs and {len(b)} biases; pass one "
                             "bias for each output.")
        if k > 1 and w.shape[0] != (n_before := weights[k - 2].shape[1]):
            raise ValueError(f"layer {k} takes {w.shape[0]} inputs, but layer {k - 1} gives "
                             f"{n_before} outputs; weights are (n_in, n_out).")


def invented_names(n_inputs: int) -> list[str]:
    """Return the names of inputs that have none: ``x0``, ``x1``, …."""
    return [f"x{j}" for j in range(n_inputs)]


def distinct_names(given: Any, default: list[str], what: str) -> tuple[str, ...]:
    """Return the names given, or the default ones; raise unless each is distinct."""
    names = default if given is None else [str(name) for name in given]
    if len(names) != len(default) or len(set(names)) != len(names):
        raise ValueError(f"{what} should be {len(default)} different names, "
                         f"got {len(names)}: {', '.join(names)}.")
    return tuple(names)
