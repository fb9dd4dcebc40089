"""Weighted ridge regression on the presence of units: coefficients, errors, leave-one-out fidelity.

Legend: n samples of d units, z the 0/1 mask of a sample, x = (1, z), w weights, W their diagonal,
A = XᵀWX + λ(Σw)·diag(0, 1, …, 1), β = A⁻¹XᵀWy with the intercept first, e = y − Xβ,
h_i = w_i x_iᵀA⁻¹x_i the leverages.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from xaikit.solvers.threads import one_thread

RIDGE = 1e-4
"""λ, as a share of the sum of weights: so small that it only keeps a solve from being singular."""


@dataclass(frozen=True)
class Strata:
    """How samples were drawn, for the errors of what is estimated from them.

    Attributes
    ----------
    starts : int array (n_strata,)
        Where each stratum of draws begins; they stand stratum by stratum.
    factors : array (n_strata,)
        What the squares of a stratum's draws count: (1 − m/N)·m/(m − 1) for m of N draws without
        replacement, 0 where all were drawn.
    draw : int
        Samples that make one draw, one behind the other: 2 for pairs of complements.
    """

    starts: np.ndarray
    factors: np.ndarray
    draw: int = 1

    @classmethod
    def one(cls, n: int, n_units: int) -> Strata:
        """Give the one stratum of `n` independent samples, with HC1's factor n/(n − d − 1)."""
        left = n - n_units - 1.0
        return cls(np.array([0]), np.array([n / left if left > 0.0 else np.nan]))


@dataclass(frozen=True)
class Fit:
    """What a regression found: `coefficients` and `errors` (d, K), `intercept` and `fidelity` (K,).

    `errors` are of the sampling; `fidelity` is the leave-one-out R², NaN for a constant answer.
    """

    coefficients: np.ndarray
    errors: np.ndarray
    intercept: np.ndarray
    fidelity: np.ndarray


class PresenceRegression:
    """Weighted ridge on masks, factorised once and solved for any number of answers.

    Parameters
    ----------
    kept : bool array (n, d)
    weights : array (n,)
    strata : Strata

    References
    ----------
    White 1980, MacKinnon & White 1985 (heteroskedasticity-consistent errors, HC1); Cochran 1977,
    "Sampling Techniques", chapter 5 (strata).
    """

    def __init__(self, kept: np.ndarray, weights: np.ndarray, strata: Strata) -> None:
        n, n_units = kept.shape
        self.weights, self.strata = weights, strata
        self._x = np.column_stack([np.ones(n), kept])
        with one_thread():
            matrix = self._x.T @ (weights[:, None] * self._x)
            matrix[np.arange(1, n_units + 1), np.arange(1, n_units + 1)] += RIDGE * weights.sum()
            self._inverse = linalg.inv(matrix)
            moved = self._x @ self._inverse
        self._leverages = np.clip(weights * (moved * self._x).sum(axis=1), 0.0, 1.0)
        # What a residual of 1 adds to the coefficients.
        self._steps = (weights[:, None] * moved)[:, 1:]

    def solve(self, answers: np.ndarray) -> Fit:
        """Regress answers (n, K) on the masks."""
        weights = self.weights
        # Squares of numbers that are nearly the same would lose all their digits.
        centre = (weights @ answers) / weights.sum()
        centred = answers - centre
        with one_thread():
            solved = self._inverse @ (self._x.T @ (weights[:, None] * centred))
            residuals = centred - self._x @ solved
        intercept = solved[0] + centre
        return Fit(solved[1:], np.sqrt(self._variances(residuals)), intercept,
                   self.fidelity(answers, solved[1:], intercept))

    def fidelity(
        self, answers: np.ndarray, coefficients: np.ndarray, intercept: np.ndarray
    ) -> np.ndarray:
        """Give the leave-one-out R² (K,) of a linear model of the masks; NaN if all is constant."""
        weights = self.weights
        centred = answers - (weights @ answers) / weights.sum()
        residuals = answers - intercept - self._x[:, 1:] @ coefficients
        left = residuals / np.maximum(1.0 - self._leverages, 1e-9)[:, None]
        whole = weights @ centred**2
        rounding = weights.sum() * (64 * np.finfo(np.float64).eps * np.abs(answers).max(axis=0))**2
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(whole > rounding, 1.0 - (weights @ left**2) / whole, np.nan)

    def _variances(self, residuals: np.ndarray) -> np.ndarray:
        """Give sandwich variances (d, K): V = Σ_s c_s Σ (u − ū_s)² over the draws of strata.

        u is what a draw adds to the coefficients: the sum of w e A⁻¹x over its samples.
        """
        starts, draw = self.strata.starts, self.strata.draw
        sizes = np.diff(np.append(starts, len(residuals) // draw))[:, None]
        out = np.empty((self._steps.shape[1], residuals.shape[1]))
        for k in range(residuals.shape[1]):
            added = self._steps * residuals[:, k, None]
            if draw > 1:
                added = added.reshape(-1, draw, added.shape[1]).sum(axis=1)
            means = np.add.reduceat(added, starts, axis=0) / sizes
            squares = np.add.reduceat(added**2, starts, axis=0) - sizes * means**2
            out[:, k] = self.strata.factors @ np.maximum(squares, 0.0)
        return out
