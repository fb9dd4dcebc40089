"""Weighted ridge regression on the presence of units: coefficients, errors, leave-one-out fidelity.

Legend: n samples of d units; w weights summing to 1, W = diag(w); x the 0/1 mask of a sample minus
its weighted mean, divided by its standard deviation; A = XᵀWX + λI; β = A⁻¹XᵀWy for the
standardised units; e = y − ȳ − Xβ; h_i = w_i(1 + x_iᵀA⁻¹x_i) the leverages. The intercept is not
penalised.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, reduce

import numpy as np
from scipy import linalg

from xaikit.solvers.parts import parts
from xaikit.solvers.threads import one_thread

RIDGE = 1e-8
"""λ, as a share of each unit's variance; it only keeps the system from being singular.

A penalty relative to the total weight, such as 1e-4 of it, would shrink the values of units that
the kernel rarely hides: that of the only word of a text by a quarter.
"""


@dataclass(frozen=True)
class Strata:
    """The sampling design, which determines the standard errors of estimates.

    Attributes
    ----------
    starts : int array (n_strata,)
        First draw of each stratum; draws are ordered by stratum.
    factors : array (n_strata,)
        Weight of the squared deviations of a stratum's draws: (1 − m/N)·m/(m − 1) for m of N draws
        without replacement, 0 if all were drawn.
    draw : int
        Number of consecutive samples that make one draw: 2 for pairs of complements.
    leverages : bool
        Whether to correct residuals for having been fitted by dividing them by √(1 − leverage) of
        their draw (HC2); if False, `factors` contain the correction.
    """

    starts: np.ndarray
    factors: np.ndarray
    draw: int = 1
    leverages: bool = True

    @classmethod
    def one(cls, n: int, n_units: int) -> Strata:
        """Return a single stratum of `n` independent samples, with HC1's factor n/(n − d − 1)."""
        left = n - n_units - 1.0
        return cls(np.array([0]), np.array([n / left if left > 0.0 else np.nan]),
                   leverages=False)


@dataclass(frozen=True)
class Fit:
    """A fitted regression: `coefficients` and `errors` (d, K), `intercept` and `fidelity` (K,).

    `errors` are standard errors due to sampling. `fidelity` is the leave-one-out R², NaN for a
    constant answer and if there are no more samples than coefficients.
    """

    coefficients: np.ndarray
    errors: np.ndarray
    intercept: np.ndarray
    fidelity: np.ndarray

    @classmethod
    def of_nothing(cls, answer: np.ndarray) -> Fit:
        """Return the fit of an answer (K,) that no unit can change."""
        none = np.zeros((0, len(answer)))
        return cls(none, none, answer, np.full(len(answer), np.nan))


class PresenceRegression:
    """Weighted ridge regression on masks, factorised once and solved for any number of answers.

    Parameters
    ----------
    kept : bool array (n, d)
        Whether each sample keeps each unit.
    weights : array (n,)
        Weights of the samples; they are scaled to sum to 1.
    strata : Strata
        How the samples were drawn.

    References
    ----------
    White 1980, MacKinnon & White 1985 (heteroskedasticity-consistent errors, HC1 and HC2); Cochran
    1977, "Sampling Techniques", chapter 5 (strata).
    """

    def __init__(self, kept: np.ndarray, weights: np.ndarray, strata: Strata) -> None:
        self.weights, self.strata = weights / weights.sum(), strata
        self._kept = kept
        # Of designs of one part; see `solvers.parts`.
        self._held: np.ndarray | None = None
        self._moved: np.ndarray | None = None
        self._cut = parts(np.full(len(kept) // strata.draw, strata.draw), kept.shape[1])
        self._means = self._added(lambda rows: self.weights[rows] @ kept[rows])
        counted = kept[weights > 0.0]
        self._constant = counted.all(axis=0) | ~counted.any(axis=0)
        self._roots = np.sqrt(self.weights)[:, None]
        self._scales = np.ones(kept.shape[1])
        self._scales = np.sqrt(self._added(lambda rows: squares_of_columns(self._x(rows))))
        self._scales[self._constant] = 1.0
        if len(self._cut) == 1:
            self._held = self._x(self._cut[0][0])
        with one_thread():
            matrix = self._added(lambda rows: gram(self._x(rows)))
            matrix[np.diag_indices_from(matrix)] += RIDGE
            self._inverse = linalg.inv(matrix)
            if self._held is not None:
                self._moved = self._held @ self._inverse
            self._forms = np.concatenate([
                np.einsum("ij,ij->i", self._moved_of(rows), self._x(rows))
                for rows, _ in self._cut])
        # With every coalition asked there is no sampling error; use the raw residuals.
        self._left = np.ones((len(kept), 1)) if not strata.factors.any() else \
            np.maximum(1.0 - self.weights - self._forms, 1e-9)[:, None]

    def _added(self, of: Callable[[slice], np.ndarray]) -> np.ndarray:
        """Return the sum of what a function returns for the parts of the rows."""
        return reduce(np.add, (of(rows) for rows, _ in self._cut))

    def _x(self, rows: slice) -> np.ndarray:
        """Return √w·x of some samples, (n, d)."""
        if self._held is not None:
            return self._held[rows]
        # √w·(z − mean)/sd, computed in place: with hundreds of units each copy is slow.
        x = self._kept[rows] - self._means
        x *= self._roots[rows]
        x[:, self._constant] = 0.0
        x /= self._scales
        return x

    def _moved_of(self, rows: slice) -> np.ndarray:
        """Return √w·A⁻¹x of some samples, (n, d)."""
        return self._x(rows) @ self._inverse if self._moved is None else self._moved[rows]

    @cached_property
    def thin(self) -> np.ndarray:
        """Whether the effective number of samples that keep, or hide, a unit is below 2, bool (d,).

        The error of what a single sample says cannot be estimated. False if every coalition was
        asked.
        """
        least = np.full(self._kept.shape[1], np.inf)
        for side in (True, False):
            sums, squares = (self._weight_of(side, w) for w in (self.weights, self.weights**2))
            least = np.minimum(least, np.where(
                squares > 0.0, sums**2 / np.where(squares > 0.0, squares, 1.0), 0.0))
        return (least < 2.0) & bool(self.strata.factors.any())

    def _weight_of(self, side: bool, weights: np.ndarray) -> np.ndarray:
        """Return the weight of the samples that keep each unit (True), or hide it (False): (d,)."""
        # A kept unit is above its mean.
        return self._added(lambda rows: weights[rows] @ ((self._x(rows) > 0.0) == side))

    @cached_property
    def _all_steps(self) -> np.ndarray:
        """Steps of all samples of a design of one part."""
        return self._steps_of(self._cut[0][0])

    def _steps(self, rows: slice) -> np.ndarray:
        """Return the change of the coefficients for a residual of 1 in each of some samples."""
        return self._steps_of(rows) if self._held is None else self._all_steps

    def _steps_of(self, rows: slice) -> np.ndarray:
        steps = self._moved_of(rows) * self._roots[rows]
        steps /= self._scales
        if self.strata.leverages:
            # Only the difference of a pair of complements matters: its leverage is 2wxᵀA⁻¹x.
            forms = self._forms[rows]
            taken = 2.0 * forms if self.strata.draw == 2 else self.weights[rows] + forms
            steps /= np.sqrt(np.maximum(1.0 - taken, 1e-9))[:, None]
        return steps

    def solve(self, answers: np.ndarray) -> Fit:
        """Regress answers (n, K) on the masks."""
        centre, sizes, scaled = standardised(answers, self.weights)
        with one_thread():
            moments = self._added(lambda rows: self._x(rows).T @ (self._roots * scaled)[rows])
            solved = self._inverse @ moments
        residuals = scaled - self._fitted(solved)
        solved /= self._scales[:, None]
        intercept = centre + sizes * -(self._means @ solved)
        return Fit(sizes * solved, sizes * np.sqrt(self._variances(residuals)), intercept,
                   self._explained(scaled, residuals / self._left))

    def fidelity(
        self, answers: np.ndarray, coefficients: np.ndarray, intercept: np.ndarray
    ) -> np.ndarray:
        """Return the cross-validated R² (K,) of another linear model of the masks; NaN as in `Fit`.

        The residuals of other coefficients do not vanish at a leverage near 1, such as that of the
        only sample that keeps a unit, so every leverage is replaced by their mean (GCV, Golub et
        al. 1979).
        """
        centre, sizes, scaled = standardised(answers, self.weights)
        mean = (intercept - centre + self._means @ coefficients) / sizes
        residuals = scaled - mean - self._fitted(self._scales[:, None] * coefficients / sizes)
        n, n_units = self._kept.shape
        return self._explained(scaled, residuals / max(1.0 - (n_units + 1.0) / n, 1e-9))

    def _fitted(self, solved: np.ndarray) -> np.ndarray:
        """Return the predictions (n, K) of standardised coefficients; 0 where w is 0."""
        with one_thread():
            fitted = np.concatenate([self._x(rows) @ solved for rows, _ in self._cut])
            return fitted / np.where(self._roots > 0.0, self._roots, 1.0)

    def _explained(self, scaled: np.ndarray, residuals: np.ndarray) -> np.ndarray:
        """Return R² (K,), given leave-one-out residuals (n, K) of the scaled answers."""
        n, n_units = self._kept.shape
        # A saturated fit has no leave-one-out predictions.
        if n <= n_units + 1:
            return np.full(scaled.shape[1], np.nan)
        whole = self.weights @ scaled**2
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(whole > 0.0, 1.0 - self.weights @ residuals**2 / whole, np.nan)

    def _variances(self, residuals: np.ndarray) -> np.ndarray:
        """Return sandwich variances (d, K): V = Σ_s c_s Σ (u − ū_s)² over the draws of strata s.

        u, the sum of w e A⁻¹x over the samples of a draw, is its contribution to the coefficients.
        """
        starts, draw = self.strata.starts, self.strata.draw
        sizes = np.diff(np.append(starts, len(residuals) // draw))[:, None]
        out = np.empty((self._kept.shape[1], residuals.shape[1]))
        for k in range(residuals.shape[1]):
            sums = np.zeros((len(starts), self._kept.shape[1]))
            squares = np.zeros_like(sums)
            for rows, draws in self._cut:
                added = self._steps(rows) * residuals[rows, k, None]
                if draw > 1:
                    added = added.reshape(-1, draw, added.shape[1]).sum(axis=1)
                # Strata may go on from part to part.
                here = slice(np.searchsorted(starts, draws.start, side="right") - 1,
                             np.searchsorted(starts, draws.stop))
                first = np.maximum(starts[here] - draws.start, 0)
                sums[here] += np.add.reduceat(added, first, axis=0)
                squares[here] += np.add.reduceat(added**2, first, axis=0)
            squares -= sizes * (sums / sizes)**2
            out[:, k] = self.strata.factors @ np.maximum(squares, 0.0)
        return out


def squares_of_columns(x: np.ndarray) -> np.ndarray:
    """Return the sum of squares of each column (d,)."""
    return np.einsum("ij,ij->j", x, x)


def gram(x: np.ndarray) -> np.ndarray:
    """Return xᵀx (d, d)."""
    return x.T @ x


def standardised(
    answers: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the weighted means of answers, their largest deviations, and the scaled deviations.

    Without scaling, squares of nearly equal, huge or tiny numbers would lose digits. Answers that
    differ only by rounding all count as the mean.

    Returns
    -------
    centre, sizes : arrays (K,)
        A size of 0 is replaced by 1.
    scaled : array (n, K)
        (answers − centre)/sizes.
    """
    centre = weights @ answers
    centred = answers - centre
    seen = answers[weights > 0.0]
    rounding = 64 * np.finfo(np.float64).eps * np.abs(seen).max(axis=0)
    centred[:, np.ptp(seen, axis=0) <= rounding] = 0.0
    sizes = np.abs(centred).max(axis=0)
    sizes[sizes == 0.0] = 1.0
    return centre, sizes, centred / sizes
