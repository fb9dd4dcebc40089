"""Activation functions and their derivatives by name, each by its framework's exact formula."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit, ndtr, softmax

# Beyond these the normal density and gelu_tanh's logistic factor are constant in float64. Clipping
# there keeps squares and cubes from overflowing.
_GELU_FLAT, _GELU_TANH_FLAT = 40.0, 25.0


class Activation(NamedTuple):
    """An activation function by name, with its parameters.

    The names are identity, relu, logistic, tanh, softmax (over a row), exp, elu (alpha, 1 by
    default), leaky_relu (slope, 0.01), gelu (exact), gelu_tanh (its approximation), silu, and
    softplus (beta, 1, and the value of beta·z above which it is linear, infinity).

    Examples
    --------
    >>> Activation("leaky_relu", (0.1,))(np.array([[-2.0, 3.0]]))
    array([[-0.2,  3. ]])
    """

    name: str
    parameters: tuple[float, ...] = ()

    def __call__(self, z: np.ndarray) -> np.ndarray:
        """Return the activations of pre-activations `z` (n_rows, n_units)."""
        return FORMULAS[self.name].value(z, *self.parameters)

    def slope(self, z: np.ndarray) -> np.ndarray:
        """Return the derivative of each activation with respect to its own pre-activation.

        At a kink it is the slope on the left, as in torch: 0 for relu, `slope` for leaky_relu,
        `alpha` for elu, and the curve's slope at softplus's threshold.

        Parameters
        ----------
        z : array (n_rows, n_units)
            Pre-activations.

        Returns
        -------
        array (n_rows, n_units)

        Raises
        ------
        ValueError
            For softmax, whose outputs each depend on a whole row; use `pull_back`.

        Examples
        --------
        >>> Activation("relu").slope(np.array([[-2.0, 0.0, 3.0]]))
        array([[0., 0., 1.]])
        """
        slope = FORMULAS[self.name].slope
        if slope is None:
            raise ValueError(f"{self.name} has no slope for each unit, because each of its outputs "
                             "depends on the whole row; use pull_back(z, gradient).")
        return slope(z, *self.parameters)

    def pull_back(self, z: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """Return the gradient with respect to `z`, given the gradient with respect to f(z).

        This is one step of backpropagation (a vector-Jacobian product).

        Parameters
        ----------
        z : array (n_rows, n_units)
            Pre-activations.
        gradient : array (n_rows, n_units), or (n_quantities, n_rows, n_units)
            Derivatives of one quantity, or of several, with respect to the activations. If they
            are the same at every row, n_rows may be 1.

        Returns
        -------
        array (n_rows, n_units), or (n_quantities, n_rows, n_units)

        Examples
        --------
        >>> z = np.array([[1.0, 0.0]])
        >>> Activation("softmax").pull_back(z, np.array([[1.0, 0.0]])).round(6)
        array([[ 0.196612, -0.196612]])
        """
        if FORMULAS[self.name].slope is None:
            return _softmax_pull_back(z, gradient)
        return gradient * self.slope(z)

    @classmethod
    def of(cls, spec: Any) -> Activation:
        """Read a name, or a name with parameters such as ``("leaky_relu", 0.2)``."""
        name, *rest = (spec,) if isinstance(spec, str) else spec
        parameters = rest[0] if isinstance(spec, Activation) else rest
        name = SYNONYMS.get(name, name)
        if name not in FORMULAS:
            raise ValueError(f"activation {name!r} is not known; use one of "
                             f"{', '.join(sorted({*FORMULAS, *SYNONYMS}))}.")
        defaults = FORMULAS[name].defaults
        if len(parameters) > len(defaults):
            raise ValueError(f"activation {name!r} takes {len(defaults)} parameters, "
                             f"got {len(parameters)}.")
        return cls(name, (*(float(p) for p in parameters), *defaults[len(parameters):]))


class Formula(NamedTuple):
    """An activation: its value, its slope (None if units depend on each other), its defaults."""

    value: Callable[..., np.ndarray]
    slope: Callable[..., np.ndarray] | None
    defaults: tuple[float, ...] = ()


def _relu(z: np.ndarray) -> np.ndarray:
    return np.maximum(z, 0.0)


def _relu_slope(z: np.ndarray) -> np.ndarray:
    return (z > 0).astype(np.float64)


def _leaky(z: np.ndarray, slope: float = 0.01) -> np.ndarray:
    return np.where(z > 0, z, slope * z)


def _leaky_slope(z: np.ndarray, slope: float = 0.01) -> np.ndarray:
    return np.where(z > 0, 1.0, slope)


def _elu(z: np.ndarray, alpha: float = 1.0) -> np.ndarray:
    return np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0.0)))


def _elu_slope(z: np.ndarray, alpha: float = 1.0) -> np.ndarray:
    return np.where(z > 0, 1.0, alpha * np.exp(np.minimum(z, 0.0)))


def _logistic_slope(z: np.ndarray) -> np.ndarray:
    return expit(z) * expit(-z)  # y(1 - y) would lose all digits where y is close to 1


def _tanh_slope(z: np.ndarray) -> np.ndarray:
    return 4.0 * _logistic_slope(2.0 * z)  # sech²


def _gelu(z: np.ndarray) -> np.ndarray:
    return z * ndtr(z)


def _gelu_slope(z: np.ndarray) -> np.ndarray:
    near = np.clip(z, -_GELU_FLAT, _GELU_FLAT)
    return ndtr(z) + near * np.exp(-0.5 * near**2) / np.sqrt(2.0 * np.pi)


def _gelu_tanh_inner(z: np.ndarray) -> np.ndarray:
    return np.sqrt(2.0 / np.pi) * (z + 0.044715 * z**3)


def _gelu_tanh(z: np.ndarray) -> np.ndarray:
    # tanh is 1 to the last digit long before the clip.
    near = np.clip(z, -_GELU_TANH_FLAT, _GELU_TANH_FLAT)
    return 0.5 * z * (1.0 + np.tanh(_gelu_tanh_inner(near)))


def _gelu_tanh_slope(z: np.ndarray) -> np.ndarray:
    # With (1 + tanh u)/2 = logistic(2u) the value is z·logistic(2u).
    near = np.clip(z, -_GELU_TANH_FLAT, _GELU_TANH_FLAT)
    u = _gelu_tanh_inner(near)
    u_slope = np.sqrt(2.0 / np.pi) * (1.0 + 3.0 * 0.044715 * near**2)
    return expit(2.0 * u) + near * 2.0 * u_slope * _logistic_slope(2.0 * u)


def _silu(z: np.ndarray) -> np.ndarray:
    return z * expit(z)


def _silu_slope(z: np.ndarray) -> np.ndarray:
    return expit(z) * (1.0 + z * expit(-z))


def _softplus(z: np.ndarray, beta: float = 1.0, threshold: float = np.inf) -> np.ndarray:
    # torch is linear beyond a threshold; at its default of 20 the gap is 2e-9.
    return np.where(beta * z > threshold, z, np.logaddexp(0.0, beta * z) / beta)


def _softplus_slope(z: np.ndarray, beta: float = 1.0, threshold: float = np.inf) -> np.ndarray:
    return np.where(beta * z > threshold, 1.0, expit(beta * z))


def _softmax(z: np.ndarray) -> np.ndarray:
    return softmax(z, axis=1)


def _softmax_pull_back(z: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    shares = _softmax(z)
    # A constant added to a row of `gradient` changes nothing. Subtracting the entry of the largest
    # share makes that product zero, so that 1 - share is never formed where the share is near 1.
    top = shares.argmax(axis=1)
    gradient = np.broadcast_to(gradient, np.broadcast_shapes(gradient.shape, z.shape))
    gradient = gradient - gradient[..., np.arange(len(z)), top][..., None]
    return shares * (gradient - (gradient * shares).sum(axis=-1, keepdims=True))


FORMULAS: dict[str, Formula] = {
    "elu": Formula(_elu, _elu_slope, (1.0,)),
    "exp": Formula(np.exp, np.exp),
    "gelu": Formula(_gelu, _gelu_slope),
    "gelu_tanh": Formula(_gelu_tanh, _gelu_tanh_slope),
    "identity": Formula(lambda z: z, np.ones_like),
    "leaky_relu": Formula(_leaky, _leaky_slope, (0.01,)),
    "logistic": Formula(expit, _logistic_slope),
    "relu": Formula(_relu, _relu_slope),
    "silu": Formula(_silu, _silu_slope),
    "softmax": Formula(_softmax, None),
    "softplus": Formula(_softplus, _softplus_slope, (1.0, np.inf)),
    "tanh": Formula(np.tanh, _tanh_slope),
}
SYNONYMS = {"linear": "identity", "sigmoid": "logistic", "swish": "silu", "exponential": "exp"}


def is_one(spec: Any) -> bool:
    """Return whether `spec` is one activation, perhaps with parameters, and not a sequence."""
    return isinstance(spec, str | Activation) or (
        len(spec) > 1 and isinstance(spec[0], str) and not isinstance(spec[1], str | tuple))
