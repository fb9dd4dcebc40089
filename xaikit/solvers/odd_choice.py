"""Choose the pairs of coalitions that reduce the variance of the Shapley values most.

The choice is made before any answer is known. Legend as in `odd_process`, with all weights ρ = 1
and λ, σ² at their prior means. Covariances then depend on counts alone: that of h(t) and h(t') on
t·t', and that of h(t) and the Shapley values φ on t and its sum.
"""

from __future__ import annotations

import numpy as np
from scipy import linalg

from xaikit.solvers.odd_process import CENTRE, JITTER, TOTAL_NOISE, fifth_sum, fourth_sum, third_sum
from xaikit.solvers.threads import one_thread

TIE = 1e-9
"""Relative tolerance below which gains count as equal, so that rounding cannot decide a choice."""


def choosing_seconds(n_units: int, n_asked: int, n_pool: int, n: int) -> float:
    """Estimate the seconds of `choose_pairs` on one core of a laptop, within a factor of two."""
    return n * (5e-5 + n_pool * (4e-10 * (n_asked + n / 2) + 1e-9 * n_units))


def choose_pairs(asked: np.ndarray, pool: np.ndarray, n: int) -> np.ndarray:
    """Choose pairs greedily, each the one that lowers the variance of the values most.

    The answer to a pair, whatever it is, reduces the total posterior variance of the Shapley values
    by Σ_u Cov(φ_u, h)²/(Var h + σ²). Among equal pairs the first is chosen.

    Parameters
    ----------
    asked : bool array (m, M)
        One coalition of each pair that is asked in any case; the pair of all and none is implied.
    pool : bool array (p, M)
        One coalition of each pair to choose from; M is at least 5.
    n : int
        Pairs to choose, at most p.

    Returns
    -------
    int array (n,)
        Positions in the pool, in the order of choice.

    References
    ----------
    Rasmussen & Williams 2006, section 2.2; Cohn 1996, "Neural network exploration using optimal
    experiment design", section 3 (minimise the variance of the quantity of interest, not that of
    the answers).
    """
    known = np.concatenate([2.0 * asked - 1.0, np.ones((1, pool.shape[1]))])
    signs, m = 2.0 * pool - 1.0, len(asked) + 1
    chosen = np.empty(n, dtype=np.int64)
    with one_thread():
        matrix = _between(known, known)
        matrix[np.diag_indices_from(matrix)] += np.exp(CENTRE[2]) + JITTER
        matrix[-1, -1] += (TOTAL_NOISE - 1.0) * np.exp(CENTRE[2])
        lower = linalg.cholesky(matrix, lower=True, check_finite=False)
        # Cholesky factor of all asked pairs, in the columns of the pool: one row for each pair.
        rows = np.empty((m + n, len(pool)))
        rows[:m] = linalg.solve_triangular(lower, _between(known, signs), lower=True,
                                           check_finite=False)
        of_values = linalg.solve_triangular(lower, _with_values(known), lower=True,
                                            check_finite=False)
        shared = np.ascontiguousarray(_with_values(signs).T - of_values.T @ rows[:m])
        variances = 1.0 + np.exp(CENTRE).sum() + JITTER - np.einsum("ij,ij->j", rows[:m], rows[:m])
        for i in range(n):
            gains = np.einsum("ij,ij->j", shared, shared) / variances
            gains[chosen[:i]] = -1.0
            best = chosen[i] = np.argmax(gains >= (1.0 - TIE) * gains.max())
            size = np.sqrt(variances[best])
            row = rows[m + i]
            row[:] = _between(signs, signs[best])
            row -= rows[:m + i, best] @ rows[:m + i]
            row /= size
            variances -= row**2
            # In place: shared -= outer(shared[:, best] / size, row).
            linalg.blas.dger(-1.0 / size, row, shared[:, best].copy(), a=shared.T, overwrite_a=1)
    return chosen


def _between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the covariances, without noise, of h at signs a (n, M) and b (p, M) or (M,)."""
    three, five, _ = np.exp(CENTRE)
    # If ρ = 1, the power sums of t∘t' are t·t' for odd powers and M for even ones.
    p, m = a @ b.T, float(a.shape[1])
    return (p / m + three / third_sum(m, m, m) * third_sum(p, m, p)
            + five / fifth_sum(m, m, m, m, m) * fifth_sum(p, m, p, m, p))


def _with_values(signs: np.ndarray) -> np.ndarray:
    """Return the covariances (n, M) of h at signs (n, M) with the Shapley values."""
    three, five, _ = np.exp(CENTRE)
    m = float(signs.shape[1])
    # Power sums of all entries but one.
    odd, even = signs.sum(axis=1, keepdims=True) - signs, m - 1.0
    two, four = (odd**2 - even) / 2.0, fourth_sum(odd, even, odd, even)
    return signs * (2.0 / m + three * (2 / 3) / third_sum(m, m, m) * two
                    + five * (2 / 5) / fifth_sum(m, m, m, m, m) * four)
