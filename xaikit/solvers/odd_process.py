"""Shapley values from pairs of coalitions, by a Gaussian process on the odd part of the game.

Legend: M units, t ∈ {−1, 1}^M the signs of coalition S (+1 for units it keeps), h(t) = (v(S) −
v(complement))/2 the odd part of the game, on which alone the Shapley values depend: a product of k
signs (k odd) with coefficient β gives each of its units 2β/k. The process says how large such
coefficients may be before any is seen:

    k(t, t') = t·t'/M + λ₃ e₃(ρ∘t∘t')/e₃(ρ) + λ₅ e₅(ρ∘t∘t')/e₅(ρ) + σ² [t = t']

where e_k is the sum of all products of k different entries: order 1 is left free, orders 3 and 5
are likelier among units with a large weight ρ (heredity), and σ² takes in what is left. All of λ,
σ² and ρ are learned from the answers, by the likelihood of what was asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import linalg, optimize

from xaikit.solvers.threads import one_thread

FLOOR = 0.02
"""Weight of a unit whose least-squares value is 0, next to 1 for the largest."""
CENTRE = np.log([0.05, 0.01, 1e-3])
"""Where λ₃, λ₅ and σ² are expected, next to 1 for order 1; on the scale of their logarithms."""
SPREAD = 3.0
"""Standard deviation of that expectation."""
WEIGHT_SPREAD = 0.5
"""Standard deviation of log ρ around what the least-squares values say."""
QUIET = np.log([1e-4, 1e-9, 1e-9])
"""Where the search starts once more if σ² comes out 2 SPREADs and more below what is expected: the
game is nearly additive, and weak interactions may have been taken for noise."""
STEPS = 12
"""Most steps of the search."""
LEARNING_PAIRS = 450
"""Pairs to learn from: as many sets are taken as it needs."""
JITTER = 1e-10
"""Added to the diagonal, next to 1 for order 1: rounding must not make the matrix singular."""
DROWNED = 5e-3
"""Interactions smaller than this, next to the largest answer, are looked at by themselves."""
ROUNDING = 64 * np.finfo(np.float64).eps
"""What is left of a linear game, next to its answers."""
SMALLEST = 1e-12
"""Sums of products of five that cancel to less than this share of their terms are rounding."""
SURE = 1e-6
"""Noise of the pair of all and none, next to σ²: the values have to add up to it."""


def solving_seconds(n_sets: int, n_pairs: int, n_outputs: int) -> float:
    """Estimate the seconds of a solve on one core of a laptop, within a factor of two or so.

    A step of the search passes over each matrix of pairs some fifty times and inverts it.
    """
    n = float(n_pairs + 1)
    n_learning = min(n_sets, np.ceil(LEARNING_PAIRS / n_pairs))
    learning = STEPS * n_learning * (3e-4 + 1.2e-7 * n**2 + 5e-11 * n**3)
    return n_outputs * float(learning + n_sets * (4e-8 * n**2 + 5e-11 * n**3))


@dataclass(frozen=True)
class Solution:
    """What a solve found: arrays (n_sets, M, n_outputs).

    `noise` (n_outputs,) is the standard deviation, in the game's units, of what no sum of products
    of up to five signs accounts for: the model's own noise, and interactions of more units.
    """

    values: np.ndarray
    variances: np.ndarray
    noise: np.ndarray
    converged: bool


class OddProcess:
    """The process on sets of pairs of coalitions, each for a game of its own.

    The games are alike, those of blocks of background rows: λ, σ² and ρ are learned once for all,
    from as many sets as it needs.

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
        self.noise[-1] = SURE
        self.n_learning = min(n_sets, -(-LEARNING_PAIRS // n_pairs))

    def solve(
        self, differences: np.ndarray, totals: np.ndarray, first: np.ndarray,
        noise: np.ndarray | None = None,
    ) -> Solution:
        """Give Shapley values and their posterior variances.

        Parameters
        ----------
        differences : array (n_sets, m, n_outputs)
            v(S) − v(complement) of each pair.
        totals : array (n_sets, n_outputs)
            v(all) − v(none).
        first : array (n_sets, M, n_outputs)
            Values to take the units' weights from, those of least squares as a rule.
        noise : array (n_outputs,), optional
            Variance that the differences are known to have where nothing differs. Where a few
            pairs are nearly all there are, interactions look like noise and noise like them: then
            the variances are at least what this noise does to the values.
        """
        values, variances, converged = np.zeros(first.shape), np.zeros(first.shape), True
        found_noise = np.zeros(first.shape[2])
        odds = np.concatenate([differences, totals[:, None]], axis=1) / 2.0
        with one_thread():
            for k in range(first.shape[2]):
                odd, weights, taken = self._bared(odds[:, :, k], first[:, :, k])
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
                # The mean square of what was asked would be low by what M free values can meet.
                free = odd.size / (odd.size - means.size)
                variances[:, :, k] = free * (size * deviations)**2
        return Solution(values, variances, found_noise, converged)

    def _bared(
        self, odds: np.ndarray, first: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Take the linear part out of games (n_sets, n) in which all else would drown.

        Interactions far smaller than the largest values would be lost to rounding and to weights
        that only these have. Gives the games, the units' weights and the values taken out.
        """
        rest = odds - np.einsum("gnu,gu->gn", self.signs, first) / 2.0
        largest = np.abs(odds).max()
        if np.abs(rest).max() >= DROWNED * largest:
            return odds, heredity(first.mean(axis=0)), np.zeros_like(first)
        rest[np.abs(rest) <= ROUNDING * largest] = 0.0
        return rest, np.ones(first.shape[1]), first

    def posterior(
        self, odds: np.ndarray, scales: np.ndarray, rho: np.ndarray, noise: float = 0.0
    ) -> tuple[np.ndarray, np.ndarray, float]:
        """Give means and deviations (n_sets, M), and the process's scale, given λ₃, λ₅, σ², ρ.

        `noise` is the least variance of an answer.
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
        """Give the λ₃, λ₅, σ² and ρ that make what was asked likeliest."""
        start = np.concatenate([CENTRE, np.log(weights)])
        # A step of the search may overshoot by hundreds, where exp leaves the numbers there are.
        # Were all variables bounded on both sides, L-BFGS-B would make its first step that long.
        far = np.concatenate([np.full(3, 25.0), np.full(len(weights), 8.0)])
        bounds = np.column_stack([start - far, start + far])
        bounds[2, 1] = np.inf
        found = self._search(start, odds, start, bounds)
        if found.x[2] < CENTRE[2] - 2.0 * SPREAD:
            quiet = self._search(np.concatenate([QUIET, start[3:]]), odds, start, bounds)
            found = quiet if quiet.fun < found.fun else found
        if not np.isfinite(found.fun) or found.fun >= _IMPOSSIBLE:
            raise linalg.LinAlgError("no likely parameters")
        return np.exp(found.x[:3]), np.exp(found.x[3:])

    def _search(
        self, start: np.ndarray, odds: np.ndarray, centre: np.ndarray, bounds: np.ndarray
    ) -> Any:
        return optimize.minimize(
            self.unlikelihood, start, (odds, centre), jac=True, method="L-BFGS-B", bounds=bounds,
            options={"maxiter": STEPS, "maxcor": 20})

    def unlikelihood(
        self, logs: np.ndarray, odds: np.ndarray, centre: np.ndarray
    ) -> tuple[float, np.ndarray]:
        """Give −2 log posterior density of the logarithms of (λ₃, λ₅, σ², ρ), and its gradient.

        The scale of each set's game is profiled out: n log(hᵀK⁻¹h/n) + log|K|, plus the priors'
        squares.
        """
        spread = np.concatenate([np.full(3, SPREAD), np.full(len(logs) - 3, WEIGHT_SPREAD)])
        off = (logs - centre) / spread
        value, gradient = off @ off, 2.0 * off / spread
        scales, rho = np.exp(np.minimum(logs[:3], 300.0)), np.exp(logs[3:])
        for g in range(self.n_learning):
            one, slopes = self._unlikely(self.signs[g], odds[g], scales, rho)
            if one >= _IMPOSSIBLE:
                return _IMPOSSIBLE, np.zeros_like(logs)
            value += one
            gradient += slopes * np.concatenate([scales, rho])
        return value, gradient

    def _unlikely(
        self, signs: np.ndarray, odd: np.ndarray, scales: np.ndarray, rho: np.ndarray
    ) -> tuple[float, np.ndarray]:
        """Give −2 log likelihood of one set, and its gradient by λ₃, λ₅, σ² and ρ."""
        parts = _Products(signs, rho)
        lower, failed = linalg.lapack.dpotrf(self._matrix(scales, parts), lower=1, overwrite_a=1)
        if failed:
            return _IMPOSSIBLE, np.zeros(3 + len(rho))
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
        # Symmetric: read by columns, it is what LAPACK can overwrite.
        return matrix.T


def _covariance(scales: np.ndarray, parts: _Products) -> tuple[np.ndarray, np.ndarray]:
    """Give the covariances of the Shapley values with what was asked (n, M), and variances."""
    rho = parts.rho
    two, four = parts.without(parts.signs)
    covariance = parts.signs * (2.0 / len(rho) + rho * (
        scales[0] * (2 / 3) * two / parts.e3 + scales[1] * (2 / 5) * four / parts.e5))
    two, four = parts.without(np.ones((1, len(rho))))
    variance = 4.0 / len(rho) + rho * (
        scales[0] * (4 / 9) * two[0] / parts.e3 + scales[1] * (4 / 25) * four[0] / parts.e5)
    return covariance, variance


class _Products:
    """Sums of products of 3 and of 5 different entries of ρ∘t∘t', by Newton's identities.

    With power sums p_k = Σ (ρ t t')^k, of which those of even k are the same for all pairs:
    e₃ = (p₁³ − 3p₁p₂ + 2p₃)/6 and e₅ = (p₁⁵ − 10p₁³p₂ + 20p₁²p₃ + 15p₁p₂² − 30p₁p₄ − 20p₂p₃ +
    24p₅)/120. Divided by their values at t = t', which makes them 1 there (0 with too few units).
    """

    def __init__(self, signs: np.ndarray, rho: np.ndarray) -> None:
        self.signs, self.rho = signs, rho
        self.linear = signs @ signs.T / len(rho)
        self.sums = [np.sum(rho**k) for k in range(6)]
        self.p1, self.p3, p5 = ((signs * rho**k) @ signs.T for k in (1, 3, 5))
        p = self.sums
        # Fewer units have no product; a divisor of 1 then keeps its 0. Where one unit has nearly
        # all the weight, the products of five others are lost to rounding.
        self.e3 = third_sum(p[1], p[2], p[3]) if len(rho) >= 3 else 1.0
        five = fifth_sum(p[1], p[2], p[3], p[4], p[5]) if len(rho) >= 5 else 1.0
        self.e5 = max(five, SMALLEST * p[1]**5)
        self.third = third_sum(self.p1, p[2], self.p3) / self.e3 if len(rho) >= 3 else 0.0 * self.p1
        self.fifth = fifth_sum(self.p1, p[2], self.p3, p[4], p5) / self.e5 \
            if len(rho) >= 5 else 0.0 * self.p1

    def without(self, signs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give e₂ and e₄ of the entries of ρ∘t but one, for each one: (n, M) each."""
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
        """Give tr(slope · ∂K/∂θ) for θ = λ₃, λ₅ (2,) and for ρ (M,).

        ∂e_k/∂ρ_i is s_i·e_{k−1} of the other entries, s_i = t_i t'_i; with s_i² = 1 its trace comes
        down to the quadratic forms tᵢᵀ(slope ∘ A)tᵢ of three matrices A.
        """
        rho, p, p1, p3 = self.rho, self.sums, self.p1, self.p3
        by_scale = np.array([np.vdot(slope, self.third), np.vdot(slope, self.fifth)])
        squares = p1 * p1
        plain, second = self._forms(slope), self._forms(slope * squares)
        first_sum = np.vdot(slope, p1)
        q2, q4 = p[2] - rho**2, p[4] - rho**4
        two, four = (part[0] for part in self.without(np.ones((1, len(rho)))))
        third = 0.5 * (second - p[2] * plain) + rho**2 * plain - rho * first_sum
        by_rho = scales[0] * (third - by_scale[0] * two) / self.e3
        if len(rho) >= 5:
            fourth = self._forms(slope * squares * squares + 8.0 * slope * p1 * p3)
            odd = (-4.0 * rho * np.vdot(slope, squares * p1) - 8.0 * rho * np.vdot(slope, p3)
                   + 12.0 * rho * (q2 - rho**2) * first_sum)
            even = 9.0 * rho**4 - 6.0 * q2 * rho**2 + 3.0 * q2**2 - 6.0 * q4
            fifth = (fourth + 6.0 * (rho**2 - q2) * second + even * plain + odd) / 24.0
            by_rho += scales[1] * (fifth - by_scale[1] * four) / self.e5
        return by_scale, by_rho if len(rho) >= 3 else np.zeros(len(rho))

    def _forms(self, matrix: np.ndarray) -> np.ndarray:
        return np.einsum("ij,ij->j", self.signs, matrix @ self.signs)


_IMPOSSIBLE = 1e300


def third_sum(p1: Any, p2: Any, p3: Any) -> Any:
    """Give e₃ by the power sums."""
    return (p1 * (p1 * p1 - 3.0 * p2) + 2.0 * p3) / 6.0


def fourth_sum(p1: Any, p2: Any, p3: Any, p4: Any) -> Any:
    """Give e₄ by the power sums."""
    squares = p1 * p1
    return (squares * (squares - 6.0 * p2) + 3.0 * p2 * p2 + 8.0 * p1 * p3 - 6.0 * p4) / 24.0


def fifth_sum(p1: Any, p2: Any, p3: Any, p4: Any, p5: Any) -> Any:
    """Give e₅ by the power sums."""
    squares = p1 * p1
    return (p1 * (squares * (squares - 10.0 * p2) + 20.0 * p1 * p3 + (15.0 * p2 * p2 - 30.0 * p4))
            - 20.0 * p2 * p3 + 24.0 * p5) / 120.0


def heredity(first: np.ndarray) -> np.ndarray:
    """Give the units' weights ρ by heredity, with mean 1."""
    sizes = np.abs(first)
    weights = sizes / max(sizes.max(), np.finfo(np.float64).tiny) + FLOOR
    return weights / weights.mean()
