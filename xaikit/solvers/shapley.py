"""Shapley values from coalition values: exactly, or by constrained least squares.

Legend (after Covert & Lee 2021 and Lundberg & Lee 2017): M units, z the 0/1 mask of coalition S,
t = 2z − 1, d = v(S) − v(complement), Δ = v(all) − v(none), φ the Shapley values, w pair weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import linalg
from scipy.special import gammaln


class Pairs(Protocol):
    """Pairs of a coalition and its complement, drawn from strata of equal size."""

    @property
    def kept(self) -> np.ndarray:
        """One coalition of each pair, bool (m, M)."""

    @property
    def weights(self) -> np.ndarray:
        """Kernel weight of each pair over its chance of being drawn (m,)."""

    @property
    def strata(self) -> np.ndarray:
        """Stratum of each pair (m,)."""

    @property
    def drawn(self) -> np.ndarray:
        """Pairs drawn of each stratum."""

    @property
    def available(self) -> np.ndarray:
        """Pairs there are of each stratum."""


def shapley_weights(n_players: int) -> tuple[np.ndarray, np.ndarray]:
    """Give what a coalition value counts in a player's Shapley value, by number of players.

    Returns
    -------
    gain, loss : arrays (n_players + 1, n_players + 1)
        ``gain[d, s]`` = (s−1)!(d−s)!/d! for players in a coalition of s of d players,
        ``loss[d, s]`` = s!(d−s−1)!/d! (counted negatively) for players outside; 0 where there
        is no such player.

    References
    ----------
    Shapley 1953; Lundberg & Lee 2017, equation 4.
    """
    d = np.arange(n_players + 1)[:, None]
    s = np.arange(n_players + 1)[None, :]
    gain = np.zeros((n_players + 1, n_players + 1))
    loss = np.zeros_like(gain)
    inside, outside = (s >= 1) & (s <= d), s < d
    # gammaln(n + 1) = ln n!
    whole = np.broadcast_to(gammaln(d + 1), gain.shape)
    first = np.where(inside, gammaln(np.maximum(s, 1)) + gammaln(np.maximum(d - s, 0) + 1), 0.0)
    second = np.where(outside, gammaln(s + 1) + gammaln(np.maximum(d - s, 1)), 0.0)
    gain[inside] = np.exp(first - whole)[inside]
    loss[outside] = np.exp(second - whole)[outside]
    return gain, loss


def exact_from_all(values: np.ndarray) -> np.ndarray:
    """Give the Shapley values of a game known on all coalitions.

    Parameters
    ----------
    values : array (2^M, n_outputs)
        In the order of `all_coalitions`: coalition i keeps the units of i's bits.

    Returns
    -------
    array (M, n_outputs)

    Examples
    --------
    >>> glove = np.array([0, 0, 0, 1, 0, 1, 0, 1.0])[:, None]   # one left glove, two right ones
    >>> exact_from_all(glove).round(4).ravel()
    array([0.6667, 0.1667, 0.1667])
    """
    n_units = len(values).bit_length() - 1
    gain, loss = shapley_weights(n_units)
    kept = (np.arange(len(values))[:, None] >> np.arange(n_units)) & 1 == 1
    sizes = kept.sum(axis=1)
    weights = np.where(kept, gain[n_units, sizes][:, None], -loss[n_units, sizes][:, None])
    return weights.T @ values


@dataclass(frozen=True)
class PairedLeastSquares:
    """Least squares on paired coalitions, factorised once and solved for any number of games.

    Minimises Σ w (d − t·φ)² subject to Σφ = Δ. With Q = I − 11ᵀ/M, T = tQ and r = d − Δ·t̄ the
    solution is φ = Δ/M + (TᵀWT)⁺ TᵀW r: Kernel SHAP on both halves of every pair, at half the size.
    Games whose interactions are of order 2 at most are solved exactly.

    Attributes
    ----------
    pairs : PairedCoalitions
    projected : array (m, M)
        T.
    row_means : array (m,)
        t̄, the mean of each row of t.
    inverse : array (M, M)
        (TᵀWT)⁺.
    leverages : array (m,)
        ℓ = w Tᵀ(TᵀWT)⁺T, at most 1.
    steps : array (m, M)
        What a residual of 1 adds to the estimate if its pair is left out: w T(TᵀWT)⁺/(1 − ℓ).
    """

    pairs: Pairs
    projected: np.ndarray
    row_means: np.ndarray
    inverse: np.ndarray
    leverages: np.ndarray
    steps: np.ndarray

    @classmethod
    def of(cls, pairs: Pairs) -> PairedLeastSquares:
        """Factorise the design of these pairs.

        Raises
        ------
        ValueError
            If the pairs cannot tell every unit apart.
        """
        signs = 2.0 * pairs.kept - 1.0
        row_means = signs.mean(axis=1)
        projected = signs - row_means[:, None]
        gram = projected.T @ (pairs.weights[:, None] * projected)
        n_units = signs.shape[1]
        # Q takes the direction of ones out: adding it back makes the matrix invertible.
        ones = np.full((n_units, n_units), 1.0 / n_units)
        size = np.trace(gram) / max(n_units - 1, 1)
        try:
            factor = linalg.cho_factor(gram + size * ones)
        except linalg.LinAlgError as error:
            raise ValueError(
                f"{len(signs)} pairs of coalitions cannot tell {n_units} units apart; "
                "raise the budget."
            ) from error
        inverse = linalg.cho_solve(factor, np.eye(n_units)) - ones / size
        leverages = pairs.weights * np.einsum("ij,jk,ik->i", projected, inverse, projected,
                                              optimize=True)
        scale = pairs.weights / np.maximum(1.0 - leverages, 1e-9)
        steps = projected @ inverse * scale[:, None]
        return cls(pairs, projected, row_means, inverse, np.clip(leverages, 0.0, 1.0), steps)

    def solve(self, differences: np.ndarray, total: np.ndarray) -> tuple[np.ndarray, ...]:
        """Solve for the Shapley values of a game.

        Parameters
        ----------
        differences : array (m, n_outputs)
            d of each pair.
        total : array (n_outputs,)
            Δ.

        Returns
        -------
        values, standard_errors : arrays (M, n_outputs)
            The errors are those of drawing pairs, 0 where all pairs were drawn.
        fidelity : array (n_outputs,)
            See `fit_of`.
        """
        n_units = self.projected.shape[1]
        weights = self.pairs.weights
        rest = differences - self.row_means[:, None] * total
        values = total / n_units + self.inverse @ (self.projected.T @ (weights[:, None] * rest))
        residuals = rest - self.projected @ values
        return values, self._errors(residuals), self._r2(rest, residuals)

    def fit_of(self, values: np.ndarray, differences: np.ndarray, total: np.ndarray) -> np.ndarray:
        """Say how well the sum of `values` reproduces the differences of pairs: a weighted R².

        Compared with sharing Δ equally between units: 1 for an additive game, below 0 for values
        worse than equal shares, NaN where nothing is left to explain.
        """
        rest = differences - self.row_means[:, None] * total
        return self._r2(rest, rest - self.projected @ values)

    def _r2(self, rest: np.ndarray, residuals: np.ndarray) -> np.ndarray:
        weights = self.pairs.weights[:, None]
        spread = (weights * rest**2).sum(axis=0)
        level = np.finfo(float).eps ** 2 * (weights * (np.abs(rest) + 1.0) ** 2).sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            r2 = 1.0 - (weights * residuals**2).sum(axis=0) / spread
        return np.where(spread > level, r2, np.nan)

    def _errors(self, residuals: np.ndarray) -> np.ndarray:
        """Stratified sandwich errors with finite-population correction, (M, n_outputs).

        u_i = w_i T_i e_i/(1 − ℓ_i) is what pair i adds to the estimate; its spread within the
        strata not fully drawn gives V = G⁺ [Σ_s c_s Σ_i (u_i − ū_s)(u_i − ū_s)ᵀ] G⁺ with
        c_s = (1 − m_s/N_s)·m_s/(m_s − 1). NaN if a stratum was drawn fewer than two times.
        """
        pairs, n_outputs = self.pairs, residuals.shape[1]
        drawn, available = pairs.drawn[1:], pairs.available[1:]
        partly = drawn < available
        if np.any(drawn[partly] < 2):
            # A size that was asked once or never says nothing about its own spread.
            return np.full((self.projected.shape[1], n_outputs), np.nan)
        errors = np.zeros((self.projected.shape[1], n_outputs))
        left_out = 1.0 - drawn / available
        factors = np.where(partly, left_out * drawn / np.maximum(drawn - 1, 1), 0.0)
        first = np.concatenate([[0], np.cumsum(drawn)[:-1]]).astype(np.int64)
        for k in range(n_outputs):
            # Pairs stand stratum by stratum, so a sum over a stratum is one of a run of rows.
            steps = self.steps * residuals[:, k, None]
            means = np.add.reduceat(steps, first, axis=0) / drawn[:, None]
            steps -= np.repeat(means, drawn.astype(np.int64), axis=0)
            errors[:, k] = factors @ np.add.reduceat(steps**2, first, axis=0)
        return np.sqrt(errors)
