"""Pairwise Shapley interactions from pairs of coalitions, by a Gaussian process on the even part.

Legend: M units; t ∈ {−1, 1}^M the signs of coalition S (+1 for the units it keeps);
e(t) = (v(S) + v(complement))/2 the even part of the game, which alone determines the interactions
of two units: a product of k signs (k even) with coefficient β contributes 4β/(k − 1) to the
interaction of every two of its units. Each block of background rows has its own game. The
covariance is that of a part shared by all games plus, within a block, c times as much for the
block's own part; c is expected to be below 1:

    k(t, t') = (1 + c [same block]) · (a + λ₂ e₂(t∘t')/e₂(1) + e₂(ρ∘t∘t')/e₂(ρ)
               + λ₄ e₄(ρ∘t∘t')/e₄(ρ)) + σ² [t = t']

where e_k is the sum of all products of k distinct entries and ρ are the weights of the units
(heredity). The λ₂ term allows for units that matter together but not alone. λ₂, λ₄, c and σ² are
learned by maximising the posterior density given the answers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg, optimize

from xaikit.solvers.odd_process import IMPOSSIBLE, fourth_sum, heredity
from xaikit.solvers.threads import one_thread

CENTRE = np.log([0.3, 0.05, 0.3, 1e-3])
"""Prior means of the logarithms of λ₂, λ₄, c and σ², relative to 1 for the products of two."""
SPREAD = 3.0
"""Prior standard deviation of these logarithms."""
CONSTANT = 10.0
"""a; large, so that the mean of the even part is left free."""
STEPS = 20
"""Maximum number of optimiser iterations."""
LEARNING_PAIRS = 450
"""Maximum number of pairs that the parameters are learned from, taken evenly from all sets."""
JITTER = 1e-9
"""Added to the diagonal, as a share of it, so that rounding cannot make the matrix singular."""


@dataclass(frozen=True)
class Interactions:
    """Pairwise interactions and their variances: arrays (M, M, n_outputs), 0 on the diagonal.

    Outputs where `converged` (n_outputs,) is False are NaN.
    """

    values: np.ndarray
    variances: np.ndarray
    converged: np.ndarray


class EvenProcess:
    """A Gaussian process on sets of pairs of coalitions, one game per set.

    Parameters
    ----------
    kept : bool array (n_sets, m, M)
        One coalition of each pair.
    shares : array (n_sets,)
        Share of each set's game in the mean game, whose interactions are estimated.

    References
    ----------
    Grabisch & Roubens 1999 (the Shapley interaction index); Rasmussen & Williams 2006, "Gaussian
    Processes for Machine Learning", chapter 2 and section 5.4.
    """

    def __init__(self, kept: np.ndarray, shares: np.ndarray) -> None:
        n_sets, n_pairs, n_units = kept.shape
        signs = np.concatenate([2.0 * kept - 1.0, np.ones((n_sets, 1, n_units))], axis=1)
        self.signs = signs.reshape(-1, n_units)
        self.sets = np.repeat(np.arange(n_sets), n_pairs + 1)
        self.shares = shares / shares.sum()

    def solve(self, sums: np.ndarray, ends: np.ndarray, first: np.ndarray) -> Interactions:
        """Estimate the Shapley interaction index of every two units.

        Parameters
        ----------
        sums : array (n_sets, m, n_outputs)
            v(S) + v(complement) of each pair.
        ends : array (n_sets, n_outputs)
            v(all) + v(none).
        first : array (M, n_outputs)
            Shapley values that determine the units' weights ρ.
        """
        n_units, n_outputs = first.shape
        values, variances = np.zeros((2, n_units, n_units, n_outputs))
        converged = np.ones(n_outputs, dtype=bool)
        evens = np.concatenate([sums, ends[:, None]], axis=1) / 2.0
        evens = evens - evens.mean(axis=1, keepdims=True)
        with one_thread():
            for k in range(n_outputs):
                even = evens[:, :, k].ravel()
                size = np.sqrt(np.mean(even**2))
                if size <= np.finfo(np.float64).tiny or n_units < 2:
                    continue
                rho = heredity(first[:, k])
                try:
                    means, squares = self.posterior(even / size, self._learn(even / size, rho), rho)
                except linalg.LinAlgError:
                    converged[k] = False
                    values[:, :, k] = variances[:, :, k] = np.nan
                    continue
                values[:, :, k], variances[:, :, k] = size * means, size**2 * squares
        return Interactions(values, variances, converged)

    def posterior(
        self, even: np.ndarray, scales: np.ndarray, rho: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return posterior means and variances (M, M).

        Parameters
        ----------
        even : array (n_sets · (m + 1),)
            Even part of every pair, set by set; the pair of all and none comes last in each set.
        scales : array (4,)
            λ₂, λ₄, c and σ².
        rho : array (M,)
            ρ.
        """
        n_units = len(rho)
        parts = _Parts(self.signs, self.sets, rho)
        lower = linalg.cholesky(parts.matrix(scales), lower=True, overwrite_a=True,
                                check_finite=False)
        half = linalg.solve_triangular(lower, even, lower=True, check_finite=False)
        fit = half @ half / len(even)
        # A block's own part enters the mean game with its share.
        blocks = 1.0 + scales[2] * self.shares[self.sets]
        of_prior = 1.0 + scales[2] * (self.shares**2).sum()
        means, variances = np.zeros((2, n_units, n_units))
        for i in range(n_units - 1):
            covariance, prior = parts.covariance(scales, i)
            shown = linalg.solve_triangular(lower, blocks[:, None] * covariance, lower=True,
                                            check_finite=False)
            means[i, i + 1:] = shown.T @ half
            left = of_prior * prior - np.einsum("ij,ij->j", shown, shown)
            variances[i, i + 1:] = fit * np.maximum(left, 0.0)
        return means + means.T, variances + variances.T

    def _learn(self, even: np.ndarray, rho: np.ndarray) -> np.ndarray:
        """Return the most probable λ₂, λ₄, c and σ² given the even parts."""
        chosen = np.arange(0, len(even), -(-len(even) // LEARNING_PAIRS))
        parts = _Parts(self.signs[chosen], self.sets[chosen], rho)
        bounds = np.column_stack([CENTRE - 25.0, CENTRE + 25.0])
        # If every variable is bounded on both sides, L-BFGS-B scales its first step to the bounds;
        # leave one open.
        bounds[3, 1] = np.inf
        found = optimize.minimize(
            parts.objective, CENTRE, (even[chosen],), jac=True, method="L-BFGS-B",
            bounds=bounds, options={"maxiter": STEPS})
        if not np.isfinite(found.fun) or found.fun >= IMPOSSIBLE:
            raise linalg.LinAlgError("no parameters with a finite posterior density were found")
        return np.exp(found.x)


class _Parts:
    """The terms of the covariance as matrices; each is 1 where t = t', or 0 with too few units.

    They follow from Newton's identities. With the power sums p_k = Σ (ρ t t')^k,
    e₂ = (p₁² − p₂)/2 and e₄ = (p₁⁴ − 6p₁²p₂ + 3p₂² + 8p₁p₃ − 6p₄)/24.
    """

    def __init__(self, signs: np.ndarray, sets: np.ndarray, rho: np.ndarray) -> None:
        self.signs, self.rho = signs, rho
        self.n_units = n = len(rho)
        self.same = sets[:, None] == sets
        p1, p3 = ((signs * rho**k) @ signs.T for k in (1, 3))
        s1, p2, s3, p4 = (np.sum(rho**k) for k in (1, 2, 3, 4))
        self.e2 = _second(s1, p2)
        self.e4 = fourth_sum(s1, p2, s3, p4) if n >= 4 else 1.0
        self.equal = _second(signs @ signs.T, n) / _second(n, n)
        self.second = _second(p1, p2) / self.e2
        self.fourth = fourth_sum(p1, p2, p3, p4) / self.e4 if n >= 4 else 0.0 * p1

    def matrix(self, scales: np.ndarray) -> np.ndarray:
        """Return the covariance matrix K for `scales` = (λ₂, λ₄, c, σ²)."""
        matrix = self._shared(scales) * (1.0 + scales[2] * self.same)
        matrix[np.diag_indices_from(matrix)] += scales[3] + JITTER * matrix[0, 0]
        return matrix

    def _shared(self, scales: np.ndarray) -> np.ndarray:
        """Return the part of the covariance that all games share."""
        return CONSTANT + scales[0] * self.equal + self.second + scales[1] * self.fourth

    def covariance(self, scales: np.ndarray, i: int) -> tuple[np.ndarray, np.ndarray]:
        """Return covariances and prior variances of the interactions of unit i with later units.

        Returns
        -------
        covariances : array (n, M − 1 − i)
            With the even parts, by the shared part of the covariance.
        variances : array (M − 1 − i,)
            Of the interactions themselves, by the shared part.
        """
        signs, rho = self.signs, self.rho
        later = slice(i + 1, None)
        both, of_two = signs[:, i, None] * signs[:, later], rho[i] * rho[later]
        two = scales[0] / _second(self.n_units, self.n_units) + of_two / self.e2
        p2 = np.sum(rho**2) - rho[i]**2 - rho[later]**2
        rest = _second((signs @ rho)[:, None] - signs[:, i, None] * rho[i]
                       - signs[:, later] * rho[later], p2)
        whole = _second(rho.sum() - rho[i] - rho[later], p2)
        four = scales[1] * of_two / self.e4 if self.n_units >= 4 else 0.0 * of_two
        return both * (4.0 * two + 4 / 3 * four * rest), 16.0 * two + 16 / 9 * four * whole

    def objective(self, logs: np.ndarray, even: np.ndarray) -> tuple[float, np.ndarray]:
        """Return −2 log posterior density of the logarithms of λ₂, λ₄, c, σ², and its gradient.

        With the scale profiled out it is n log(eᵀK⁻¹e/n) + log|K| plus the squared deviations from
        the prior means, up to a constant.
        """
        off = (logs - CENTRE) / SPREAD
        scales = np.exp(np.minimum(logs, 300.0))
        lower, failed = linalg.lapack.dpotrf(self.matrix(scales).T, lower=1, overwrite_a=1)
        if failed:
            return IMPOSSIBLE, np.zeros_like(logs)
        determinant = 2.0 * np.log(np.diag(lower)).sum()
        inverse = linalg.lapack.dpotri(lower, lower=1, overwrite_c=1)[0]
        inverse = np.tril(inverse) + np.tril(inverse, -1).T
        solved = inverse @ even
        fit, n = float(even @ solved), len(even)
        slope = inverse - (n / fit) * np.outer(solved, solved)
        blocks = slope * (1.0 + scales[2] * self.same)
        slopes = np.array([np.vdot(blocks, self.equal), np.vdot(blocks, self.fourth),
                           np.vdot(slope * self.same, self._shared(scales)), np.trace(slope)])
        value = n * np.log(fit / n) + determinant + off @ off
        return float(value), scales * slopes + 2.0 * off / SPREAD


def _second(p1: np.ndarray | float, p2: np.ndarray | float) -> np.ndarray:
    return np.asarray((p1 * p1 - p2) / 2.0)

