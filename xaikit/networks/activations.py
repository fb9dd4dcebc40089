"""Activation functions by name, each by its framework's exact formula."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit, ndtr, softmax


def _leaky(z: np.ndarray, slope: float = 0.01) -> np.ndarray:
    return np.where(z > 0, z, slope * z)


def _elu(z: np.ndarray, alpha: float = 1.0) -> np.ndarray:
    return np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0.0)))


def _gelu_tanh(z: np.ndarray) -> np.ndarray:
    return 0.5 * z * (1.0 + np.tanh(np.sqrt(2.0 / np.pi) * (z + 0.044715 * z**3)))


def _softplus(z: np.ndarray, beta: float = 1.0, threshold: float = np.inf) -> np.ndarray:
    # torch is linear beyond a threshold; at its default of 20 the gap is 2e-9.
    return np.where(beta * z > threshold, z, np.logaddexp(0.0, beta * z) / beta)


class Activation(NamedTuple):
    """An activation function by name, with its parameters; called with (n_rows, n_units).

    Known are identity, relu, logistic, tanh, softmax (over a row), exp, elu (alpha, 1 by default),
    leaky_relu (slope, 0.01), gelu (exact), gelu_tanh (its approximation), silu, and softplus
    (beta, 1, and the value of beta·z above which it is linear, none).

    Examples
    --------
    >>> Activation("leaky_relu", (0.1,))(np.array([[-2.0, 3.0]]))
    array([[-0.2,  3. ]])
    """

    name: str
    parameters: tuple[float, ...] = ()

    def __call__(self, z: np.ndarray) -> np.ndarray:
        """Apply it to pre-activations."""
        return FORMULAS[self.name][0](z, *self.parameters)

    @classmethod
    def of(cls, spec: Any) -> Activation:
        """Read a name, or a name with parameters such as ``("leaky_relu", 0.2)``."""
        name, *rest = (spec,) if isinstance(spec, str) else spec
        parameters = rest[0] if isinstance(spec, Activation) else rest
        name = SYNONYMS.get(name, name)
        if name not in FORMULAS:
            raise ValueError(f"activation {name!r} is not known; use one of "
                             f"{', '.join(sorted({*FORMULAS, *SYNONYMS}))}.")
        defaults = FORMULAS[name][1]
        if len(parameters) > len(defaults):
            raise ValueError(f"activation {name!r} takes {len(defaults)} parameters, "
                             f"got {len(parameters)}.")
        return cls(name, (*(float(p) for p in parameters), *defaults[len(parameters):]))


FORMULAS: dict[str, tuple[Callable[..., np.ndarray], tuple[float, ...]]] = {
    "elu": (_elu, (1.0,)), "exp": (np.exp, ()), "gelu": (lambda z: z * ndtr(z), ()),
    "gelu_tanh": (_gelu_tanh, ()), "identity": (lambda z: z, ()), "leaky_relu": (_leaky, (0.01,)),
    "logistic": (expit, ()), "relu": (lambda z: np.maximum(z, 0.0), ()),
    "silu": (lambda z: z * expit(z), ()), "softmax": (lambda z: softmax(z, axis=1), ()),
    "softplus": (_softplus, (1.0, np.inf)), "tanh": (np.tanh, ()),
}
SYNONYMS = {"linear": "identity", "sigmoid": "logistic", "swish": "silu", "exponential": "exp"}
