"""Shapley values from pairs of coalitions, by a Gaussian process on the odd part of the game.

Legend: M units; t ∈ {−1, 1}^M the signs of coalition S (+1 for the units it keeps);
h(t) = (v(S) − v(complement))/2 the odd part of the game, which alone determines the Shapley values:
a product of k signs (k odd) with coefficient β contributes 2β/k to each of its units. The prior
covariance says how large such coefficients are expected to be:

    k(t, t') = t·t'/M + λ₃ e₃(ρ∘t∘t')/e₃(ρ) + λ₅ e₅(ρ∘t∘t')/e₅(ρ) + σ² [t = t']

where e_k is the sum of all products of k distinct entries. Order 1 sets the scale; orders 3 and 5
are larger among units with a large weight ρ (heredity); σ² is the variance of the remainder. λ₃,
λ₅, σ² and ρ are learned by maximising the posterior density given the answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import linalg, optimize

from xaikit.solvers.threads import one_thread

FLOOR = 0.02
"""Weight of a unit whose least-squares value is 0, relative to 1 for the largest."""
CENTRE = np.log([0.05, 0.01, 1e-3])
"""Prior means of the logarithms of λ₃, λ₅ and σ², relative to 1 for order 1."""
SPREAD = 3.0
"""Prior standard deviation of these logarithms."""
WEIGHT_SPREAD = 0.5
"""Prior standard deviation of log ρ around its value from the least-squares values."""
QUIET = np.log([1e-4, 1e-9, 1e-9])
"""Start of a second search, made if log σ² comes out more than 2 SPREADs below its prior mean: the
game is then nearly additive, and the first search may have taken weak interactions for noise."""
STEPS = 12
"""Maximum number of optimiser iterations."""
LEARNING_PAIRS = 450
"""Minimum number of pairs that the parameters are learned from; whole sets are used."""
JITTER = 1e-10
"""Added to the diagonal, relative to 1 for order 1, so that rounding cannot make the matrix
singular."""
NEARLY_LINEAR = 5e-3
"""If the interactions are smaller than this, relative to the largest answer, the linear part of the
game is removed before the fit."""
ROUNDING = 64 * np.finfo(np.float64).eps
"""Residuals of a linear game up to this, relative to its largest answer, are rounding errors."""
SMALLEST = 1e-12
"""Least e₅, relative to p₁⁵: smaller sums of products are the rounding errors of cancellation."""
TOTAL_NOISE = 1e-6
"""Noise variance of the pair of all and none, relative to σ²; small, because the values have to add
up to its answer."""
IMPOSSIBLE = 1e300
"""Objective where the covariance matrix is not positive definite."""


def solving_seconds(n_sets: int, n_pairs: int, n_outputs: int) -> float:
    """Estimate the seconds of a solve on one core of a laptop, within a factor of about two.

    Each iteration of the search passes over each matrix of pairs some fifty times and inverts it.
    """
    n = float(n_pairs + 1)
    n_learning = min(n_sets, np.ceil(LEARNING_PAIRS / n_pairs))
    learning = STEPS * n_learning * (3e-4 + 1.2e-7 * n**2 + 5e-11 * n**3)
    return n_outputs * float(learning + n_sets * (4e-8 * n**2 + 5e-11 * n**3))


@dataclass(frozen=True)
class Solution:
    """Shapley values and their posterior variances: arrays (n_sets, M, n_outputs).

    `noise` (n_outputs,) is the standard deviation, in units of the game, of the part that products
    of up to five signs do not explain: noise of the model and interactions of more units.
    `converged` is False if the search failed for any output; values and variances of that output
    are then 0.
    """

    values: np.ndarray
    variances: np.ndarray
    noise: np.ndarray
    converged: bool


class OddProcess:
    """A Gaussian process on sets of pairs of coalitions, one game per set.

    The games, those of blocks of background rows, are alike: one λ, σ² and ρ is learned for all,
    from as many sets as have `LEARNING_PAIRS` pairs.

    Parameters
    ----------
    kept : bool array (n_sets, m, M)
        One coalition of each pair.

    References
    ----------
    Rasmussen & Williams 2006, "Gaussian Processes for Machine Learning", chapter 2 and section 5.4;
    heredity after Chipman 1996.
    """

    def __init__(self, kept: np.ndarray) -> None:
        n_sets, n_pairs, n_units = kept.shape
        self.signs = np.concatenate([2.0 * kept - 1.0, np.ones((n_sets, 1, n_units))], axis=1)
        self.noise = np.ones(n_pairs + 1)
        self.noise[-1] = TOTAL_NOISE
        self.n_learning = min(n_sets, -(-LEARNING_PAIRS // n_pairs))

    def solve(
        self, differences: np.ndarray, totals: np.ndarray, first: np.ndarray,
        noise: np.ndarray | None = None,
    ) -> Solution:
        """Estimate Shapley values and their posterior variances.

        Parameters
        ----------
        differences : array (n_sets, m, n_outputs)
            v(S) − v(complement) of each pair.
        totals : array (n_sets, n_outputs)
            v(all) − v(none).
        first : array (n_sets, M, n_outputs)
            Values that determine the units' weights ρ, usually those of least squares.
        noise : array (n_outputs,), optional
            Variance of the differences due to the noise of the model itself, if it is known. If
            the pairs are few and nearly all that exist, the process cannot distinguish interactions
            from noise; the variances are then at least those that this noise causes.
        """
        values, variances, converged = np.zeros(first.shape), np.zeros(first.shape), True
        found_noise = np.zeros(first.shape[2])
        odds = np.concatenate([differences, totals[:, None]], axis=1) / 2.0
        with one_thread():
            for k in range(first.shape[2]):
                odd, weights, taken = self._without_linear_part(odds[:, :, k], first[:, :, k])
                size = np.abs(odd).max()
                if size == 0.0:
                    values[:, :, k] = taken
                    continue
                known = 0.0 if noise is None else noise[k] / size / size / 4.0
                try:
                    found = self._learn(odd / size, weights)
                    means, deviations, scale = self.posterior(odd / size, *found, known)
                except (linalg.LinAlgError, ZeroDivisionError):
                    converged = False
                    continue
                found_noise[k] = size * np.sqrt(scale * found[0][2])
                left = totals[:, k] - taken.sum(axis=1) - size * means.sum(axis=1)
                values[:, :, k] = taken + size * means + left[:, None] / means.shape[1]
                # Correct the mean square of the answers for the M values fitted to them.
                free = odd.size / (odd.size - means.size)
                variances[:, :, k] = free * (size * deviations)**2
        return Solution(values, variances, found_noise, converged)

    def _without_linear_part(
        self, odds: np.ndarray, first: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Remove the linear part of nearly linear games (n_sets, n).

        Next to much larger values, interactions would be lost to rounding, and to weights that only
        the units with these values have.

        Returns
        -------
        odds : array (n_sets, n)
            The games to fit.
        weights : array (M,)
            Expected ρ.
        taken : array (n_sets, M)
            Values of the linear part that was removed; 0 if none was.
        """
        rest = odds - np.einsum("gnu,gu->gn", self.signs, first) / 2.0
        largest = np.abs(odds).max()
        if np.abs(rest).max() >= NEARLY_LINEAR * largest:
            return odds, heredity(first.mean(axis=0)), np.zeros_like(first)
        rest[np.abs(rest) <= ROUNDING * largest] = 0.0
        return rest, np.ones(first.shape[1]), first

    def posterior(
        self, odds: np.ndarray, scales: np.ndarray, rho: np.ndarray, noise: float = 0.0
    ) -> tuple[np.ndarray, np.ndarray, float]:
        """Return posterior means and standard deviations (n_sets, M), and the process's scale.

        Parameters
        ----------
        odds : array (n_sets, m + 1)
            Odd part of every pair; the pair of all and none is last.
        scales : array (3,)
            λ₃, λ₅ and σ².
        rho : array (M,)
            ρ.
        noise : float
            Lower bound on the variance of an answer.
        """
        means, variances, least = np.zeros((3, len(self.signs), len(rho)))
        fit = 0.0
        for g, (signs, odd) in enumerate(zip(self.signs, odds, strict=True)):
            parts = _Products(signs, rho)
            factor = linalg.cho_factor(self._matrix(scales, parts), lower=True, overwrite_a=True,
                                       check_finite=False)
            solved = linalg.cho_solve(factor, odd, check_finite=False)
            covariance, prior = _covariance(scales, parts)
            half = linalg.solve_triangular(factor[0], covariance, lower=True, check_finite=False)
            means[g] = covariance.T @ solved
            variances[g] = np.maximum(prior - np.einsum("ij,ij->j", half, half), 0.0)
            if noise > 0.0:
                shares = linalg.solve_triangular(factor[0], half, lower=True, trans=1,
                                                 check_finite=False)
                least[g] = noise * np.einsum("ij,ij->j", shares[:-1], shares[:-1])
            fit += odd @ solved
        scale = fit / odds.size
        return means, np.sqrt(np.maximum(scale * variances, least)), scale

    def _learn(
        self, odds: np.ndarray, weights: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the most probable (λ₃, λ₅, σ²) and ρ given the odd parts."""
        start = np.concatenate([CENTRE, np.log(weights)])
        # Bounded, since a step may overshoot by hundreds, where exp overflows. If every variable is
        # bounded on both sides, L-BFGS-B scales its first step to the bounds; leave one open.
        far = np.concatenate([np.full(3, 25.0), np.full(len(weights), 8.0)])
        bounds = np.column_stack([start - far, start + far])
        bounds[2, 1] = np.inf
        found = self._search(start, odds, start, bounds)
        if found.x[2] < CENTRE[2] - 2.0 * SPREAD:
            quiet = self._search(np.concatenate([QUIET, start[3:]]), odds, start, bounds)
            found = quiet if quiet.fun < found.fun else found
        if not np.isfinite(found.fun) or found.fun >= IMPOSSIBLE:
            raise linalg.LinAlgError("no parameters with a finite posterior density were found")
        return np.exp(found.x[:3]), np.exp(found.x[3:])

    def _search(
        self, start: np.ndarray, odds: np.ndarray, centre: np.ndarray, bounds: np.ndarray
    ) -> Any:
        return optimize.minimize(
            self.objective, start, (odds, centre), jac=True, method="L-BFGS-B", bounds=bounds,
            options={"maxiter": STEPS, "maxcor": 20})

    def objective(
        self, logs: np.ndarray, odds: np.ndarray, centre: np.ndarray
    ) -> tuple[float, np.ndarray]:
        """Return −2 log posterior density of the logarithms of (λ₃, λ₅, σ², ρ), and its gradient.

        With the scale of each set's game profiled out it is the sum of n log(hᵀK⁻¹h/n) + log|K|
        over the sets plus the squared deviations from the prior means, up to a constant.
        """
        spread = np.concatenate([np.full(3, SPREAD), np.full(len(logs) - 3, WEIGHT_SPREAD)])
        off = (logs - centre) / spread
        value, gradient = off @ off, 2.0 * off / spread
        scales, rho = np.exp(np.minimum(logs[:3], 300.0)), np.exp(logs[3:])
        for g in range(self.n_learning):
            one, slopes = self._set_objective(self.signs[g], odds[g], scales, rho)
            if one >= IMPOSSIBLE:
                return IMPOSSIBLE, np.zeros_like(logs)
            value += one
            gradient += slopes * np.concatenate([scales, rho])
        return value, gradient

    def _set_objective(
        self, signs: np.ndarray, odd: np.ndarray, scales: np.ndarray, rho: np.ndarray
    ) -> tuple[float, np.ndarray]:
        """Return −2 log likelihood of one set and its gradient in λ₃, λ₅, σ² and ρ."""
        parts = _Products(signs, rho)
        lower, failed = linalg.lapack.dpotrf(self._matrix(scales, parts), lower=1, overwrite_a=1)
        if failed:
            return IMPOSSIBLE, np.zeros(3 + len(rho))
        determinant = 2.0 * np.log(np.diag(lower)).sum()
        inverse = linalg.lapack.dpotri(lower, lower=1, overwrite_c=1)[0]
        inverse = np.tril(inverse) + np.tril(inverse, -1).T
        solved = inverse @ odd
        fit, n = float(odd @ solved), len(odd)
        slope = inverse - (n / fit) * np.outer(solved, solved)
        gradient = np.empty(3 + len(rho))
        gradient[:2], gradient[3:] = parts.slopes(slope, scales)
        gradient[2] = np.diag(slope) @ self.noise
        return n * np.log(fit / n) + determinant, gradient

    def _matrix(self, scales: np.ndarray, parts: _Products) -> np.ndarray:
        matrix = parts.linear + scales[0] * parts.third + scales[1] * parts.fifth
        matrix[np.diag_indices_from(matrix)] += scales[2] * self.noise + JITTER
        # The transpose of a symmetric matrix has the column order that LAPACK can overwrite.
        return matrix.T


def _covariance(scales: np.ndarray, parts: _Products) -> tuple[np.ndarray, np.ndarray]:
    """Return the Shapley values' covariances with the odd parts (n, M) and prior variances (M,)."""
    rho = parts.rho
    two, four = parts.without(parts.signs)
    covariance = parts.signs * (2.0 / len(rho) + rho * (
        scales[0] * (2 / 3) * two / parts.e3 + scales[1] * (2 / 5) * four / parts.e5))
    two, four = parts.without(np.ones((1, len(rho))))
    variance = 4.0 / len(rho) + rho * (
        scales[0] * (4 / 9) * two[0] / parts.e3 + scales[1] * (4 / 25) * four[0] / parts.e5)
    return covariance, variance


class _Products:
    """Sums of products of 3 and of 5 distinct entries of ρ∘t∘t', by Newton's identities.

    With the power sums p_k = Σ (ρ t t')^k, which for even k are the same for all t and t',
    e₃ = (p₁³ − 3p₁p₂ + 2p₃)/6 and e₅ = (p₁⁵ − 10p₁³p₂ + 20p₁²p₃ + 15p₁p₂² − 30p₁p₄ − 20p₂p₃ +
    24p₅)/120. They are divided by their values at t = t', so that they are 1 there, or 0 with too
    few units.
    """

    def __init__(self, signs: np.ndarray, rho: np.ndarray) -> None:
        self.signs, self.rho = signs, rho
        self.linear = signs @ signs.T / len(rho)
        self.sums = [np.sum(rho**k) for k in range(6)]
        self.p1, self.p3, p5 = ((signs * rho**k) @ signs.T for k in (1, 3, 5))
        p = self.sums
        # With fewer units the sums are 0, and dividing by 1 keeps them 0. If one unit has nearly
        # all the weight, e₅ is lost to rounding; a lower bound keeps the quotient finite.
        self.e3 = third_sum(p[1], p[2], p[3]) if len(rho) >= 3 else 1.0
        five = fifth_sum(p[1], p[2], p[3], p[4], p[5]) if len(rho) >= 5 else 1.0
        self.e5 = max(five, SMALLEST * p[1]**5)
        self.third = third_sum(self.p1, p[2], self.p3) / self.e3 if len(rho) >= 3 else 0.0 * self.p1
        self.fifth = fifth_sum(self.p1, p[2], self.p3, p[4], p5) / self.e5 \
            if len(rho) >= 5 else 0.0 * self.p1

    def without(self, signs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return e₂ and e₄ of all entries of ρ∘t but one, for each entry: arrays (n, M)."""
        rho, p = self.rho, self.sums
        q1 = (signs @ rho)[:, None] - rho * signs
        q3 = (signs @ rho**3)[:, None] - rho**3 * signs
        q2, q4 = p[2] - rho**2, p[4] - rho**4
        two = (q1**2 - q2) / 2 if len(rho) >= 3 else 0.0 * q1
        four = fourth_sum(q1, q2, q3, q4) if len(rho) >= 5 else 0.0 * q1
        return two, four

    def slopes(
        self, slope: np.ndarray, scales: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return tr(slope · ∂K/∂θ) for θ = λ₃, λ₅ (2,) and for ρ (M,).

        ∂e_k/∂ρ_i is s_i·e_{k−1} of the other entries, where s_i = t_i t'_i. Because s_i² = 1, its
        trace reduces to the quadratic forms tᵢᵀ(slope ∘ A)tᵢ of three matrices A.
        """
        rho, p, p1, p3 = self.rho, self.sums, self.p1, self.p3
        by_scale = np.array([np.vdot(slope, self.third), np.vdot(slope, self.fifth)])
        squares = p1 * p1
        zeroth, second = self._forms(slope), self._forms(slope * squares)
        first_sum = np.vdot(slope, p1)
        q2, q4 = p[2] - rho**2, p[4] - rho**4
        two, four = (part[0] for part in self.without(np.ones((1, len(rho)))))
        third = 0.5 * (second - p[2] * zeroth) + rho**2 * zeroth - rho * first_sum
        by_rho = scales[0] * (third - by_scale[0] * two) / self.e3
        if len(rho) >= 5:
            fourth = self._forms(slope * squares * squares + 8.0 * slope * p1 * p3)
            odd = (-4.0 * rho * np.vdot(slope, squares * p1) - 8.0 * rho * np.vdot(slope, p3)
                   + 12.0 * rho * (q2 - rho**2) * first_sum)
            even = 9.0 * rho**4 - 6.0 * q2 * rho**2 + 3.0 * q2**2 - 6.0 * q4
            fifth = (fourth + 6.0 * (rho**2 - q2) * second + even * zeroth + odd) / 24.0
            by_rho += scales[1] * (fifth - by_scale[1] * four) / self.e5
        return by_scale, by_rho if len(rho) >= 3 else np.zeros(len(rho))

    def _forms(self, matrix: np.ndarray) -> np.ndarray:
        """Return the quadratic forms tᵢᵀ·matrix·tᵢ of the columns of the signs, (M,)."""
        return np.einsum("ij,ij->j", self.signs, matrix @ self.signs)


def third_sum(p1: Any, p2: Any, p3: Any) -> Any:
    """Return e₃ from the power sums."""
    return (p1 * (p1 * p1 - 3.0 * p2) + 2.0 * p3) / 6.0


def fourth_sum(p1: Any, p2: Any, p3: Any, p4: Any) -> Any:
    """Return e₄ from the power sums."""
    squares = p1 * p1
    return (squares * (squares - 6.0 * p2) + 3.0 * p2 * p2 + 8.0 * p1 * p3 - 6.0 * p4) / 24.0


def fifth_sum(p1: Any, p2: Any, p3: Any, p4: Any, p5: Any) -> Any:
    """Return e₅ from the power sums."""
    squares = p1 * p1
    return (p1 * (squares * (squares - 10.0 * p2) + 20.0 * p1 * p3 + (15.0 * p2 * p2 - 30.0 * p4))
            - 20.0 * p2 * p3 + 24.0 * p5) / 120.0


def heredity(first: np.ndarray) -> np.ndarray:
    """Return the units' weights ρ by heredity, with mean 1.

    Before scaling they are |first| over its maximum plus `FLOOR`.
    """
    sizes = np.abs(first)
    weights = sizes / max(sizes.max(), np.finfo(np.float64).tiny) + FLOOR
    return weights / weights.mean()
