"""Shapley values from coalition values: exactly, or by constrained least squares.

Legend (after Covert & Lee 2021 and Lundberg & Lee 2017): M units; z the 0/1 mask of coalition S;
t = 2z − 1; d = v(S) − v(complement); Δ = v(all) − v(none); φ the Shapley values; w pair weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Protocol

import numpy as np
from scipy.special import gammaln

from xaikit.solvers.parts import parts


class Pairs(Protocol):
    """Pairs of a coalition and its complement, drawn from strata of equal size."""

    @property
    def kept(self) -> np.ndarray:
        """One coalition of each pair, bool (m, M)."""

    @property
    def weights(self) -> np.ndarray:
        """Kernel weight of each pair divided by its probability of being drawn (m,)."""

    @property
    def strata(self) -> np.ndarray:
        """Stratum of each pair (m,)."""

    @property
    def drawn(self) -> np.ndarray:
        """Number of pairs drawn from each stratum."""

    @property
    def available(self) -> np.ndarray:
        """Number of pairs in each stratum."""


def shapley_weights(n_players: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the weight of a coalition's value in a player's Shapley value, by number of players.

    Returns
    -------
    gain, loss : arrays (n_players + 1, n_players + 1)
        ``gain[d, s]`` = (s−1)!(d−s)!/d! for players in a coalition of s of d players, and
        ``loss[d, s]`` = s!(d−s−1)!/d!, to be subtracted, for players outside; 0 if there is no such
        player.

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
    """Compute the Shapley values of a game known on all coalitions.

    Parameters
    ----------
    values : array (2^M, n_outputs)
        In the order of `all_coalitions`: coalition i keeps the units whose bits are set in i.

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


def interaction_weights(n_players: int) -> np.ndarray:
    """Return the weight of a second difference in the Shapley interaction of two players.

    Returns
    -------
    array (n_players + 1, n_players + 1)
        ``[d, t]`` = t!(d−t−2)!/(d−1)! if t others of d players are present; 0 unless t + 2 <= d.

    References
    ----------
    Grabisch & Roubens 1999, "An axiomatic approach to the concept of interaction among players".
    """
    d = np.arange(n_players + 1)[:, None]
    t = np.arange(n_players + 1)[None, :]
    logs = gammaln(t + 1) + gammaln(np.maximum(d - t - 1, 1)) - gammaln(np.maximum(d, 1))
    return np.exp(np.where(t + 2 <= d, logs, -np.inf))


def interactions_from_all(values: np.ndarray) -> np.ndarray:
    """Compute the Shapley interaction index of every two units of a game known on all coalitions.

    Parameters
    ----------
    values : array (2^M, n_outputs)
        In the order of `all_coalitions`.

    Returns
    -------
    array (M, M, n_outputs)
        0 on the diagonal.

    Examples
    --------
    >>> both = np.array([0, 0, 0, 1.0])[:, None]
    >>> interactions_from_all(both)[0, 1]
    array([1.])
    """
    n_units = len(values).bit_length() - 1
    table = interaction_weights(n_units)[n_units]
    kept = (np.arange(len(values))[:, None] >> np.arange(n_units)) & 1
    sizes = kept.sum(axis=1)
    found = np.zeros((n_units, n_units, values.shape[1]))
    for i in range(n_units):
        for j in range(i):
            inside = kept[:, i] + kept[:, j]
            signs = np.where(inside == 1, -1.0, 1.0)
            found[i, j] = found[j, i] = (signs * table[sizes - inside]) @ values
    return found


@dataclass(frozen=True)
class PairedLeastSquares:
    """Least squares on paired coalitions, factorised once and solved for any number of games.

    It minimises Σ w (d − t·φ)² subject to Σφ = Δ. With Q = I − 11ᵀ/M, T = tQ and r = d − Δ·t̄, the
    solution is φ = Δ/M + (TᵀWT)⁺ TᵀW r. This equals Kernel SHAP on both coalitions of every pair,
    with half as many rows. Games with interactions of order at most 2 are solved exactly.

    There may be several sets of pairs with the same number of pairs of each size. Each set is for a
    game of its own, that of a block of background rows; the mean of the games, by their shares, is
    the whole game.

    Attributes
    ----------
    pairs : Pairs
        The first set; its weights and strata hold for all sets.
    kept : bool array (n_sets, m, M)
        One coalition of each pair.
    row_means : array (n_sets, m)
        t̄, the mean of each row of t.
    inverse : array (n_sets, M, M)
        (TᵀWT)⁺.
    cut : list of (slice, slice)
        Pairs, and strata, of the parts in which the design is handled; see `solvers.parts`.
    projected : array (n_sets, m, M)
        T. This and what follows are None in a design of several parts.
    leverages : array (n_sets, m)
        ℓ = w Tᵀ(TᵀWT)⁺T, at most 1.
    steps : array (n_sets, m, M)
        Change of the estimate when a pair with residual 1 is left out: w T(TᵀWT)⁺/(1 − ℓ).
    """

    pairs: Pairs
    kept: np.ndarray
    row_means: np.ndarray
    inverse: np.ndarray
    cut: list[tuple[slice, slice]]
    projected: np.ndarray | None = None
    leverages: np.ndarray | None = None
    steps: np.ndarray | None = None

    @classmethod
    def of(cls, sets: Sequence[Pairs]) -> PairedLeastSquares:
        """Factorise the design of these sets of pairs.

        Raises
        ------
        ValueError
            If the pairs do not determine the values of all units.
        """
        kept = sets[0].kept[None] if len(sets) == 1 else np.stack([pairs.kept for pairs in sets])
        n_units, weights, means = kept.shape[2], sets[0].weights[:, None], []
        cut = parts(sets[0].drawn[1:], len(sets) * n_units)
        whole = np.zeros((len(sets), n_units, n_units))
        for rows, _ in cut:
            projected, row_means = centred(kept[:, rows])
            means.append(row_means)
            whole += projected.transpose(0, 2, 1) @ (weights[rows] * projected)
        # Q projects out the direction of ones; adding it back makes the matrix invertible.
        size = np.trace(whole, axis1=1, axis2=2)[:, None, None] / max(n_units - 1, 1)
        whole += size * (1.0 / n_units)
        try:
            np.linalg.cholesky(whole)
        except np.linalg.LinAlgError as error:
            raise ValueError(
                f"{kept.shape[1]} pairs of coalitions do not determine the values of {n_units} "
                "units; raise the budget."
            ) from error
        inverse = np.linalg.inv(whole)
        inverse -= (1.0 / n_units) / size
        design = cls(sets[0], kept, np.concatenate(means, axis=1), inverse, cut)
        if len(cut) > 1:
            return design
        design = replace(design, projected=projected)
        leverages, steps = design._moved(cut[0][0])
        return replace(design, leverages=leverages, steps=steps)

    def take(self, sets: np.ndarray) -> PairedLeastSquares:
        """Return the design of some of the sets."""
        if len(sets) == len(self.kept):
            return self
        projected, leverages, steps = (None if held is None else held[sets] for held in (
            self.projected, self.leverages, self.steps))
        return replace(
            self, kept=self.kept[sets], row_means=self.row_means[sets], inverse=self.inverse[sets],
            projected=projected, leverages=leverages, steps=steps)

    def solve(
        self, differences: np.ndarray, totals: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Solve for the Shapley values of every set's game.

        Parameters
        ----------
        differences : array (n_sets, m, n_outputs)
            d of each pair.
        totals : array (n_sets, n_outputs)
            Δ.

        Returns
        -------
        values, variances : arrays (n_sets, M, n_outputs)
            Variances are due to drawing pairs, 0 if all pairs were drawn.
        unexplained : array (n_sets, n_outputs)
            Weighted sum of squared residuals of the differences; see `explained`. Residuals of
            sizes that were not fully drawn are corrected for having been fitted.
        """
        rest = differences - self.row_means[:, :, None] * totals[:, None]
        weighted = self.pairs.weights[:, None] * rest
        moments = reduce(np.add, (self._projected(rows).transpose(0, 2, 1) @ weighted[:, rows]
                                  for rows, _ in self.cut))
        values = totals[:, None] / self.kept.shape[2] + self.inverse @ moments
        residuals = rest - self._summed(values)
        variances, leverages = self._variances(residuals)
        partly = (self.pairs.drawn < self.pairs.available)[self.pairs.strata]
        fitted = np.where(partly, np.maximum(1.0 - leverages, 1e-9), 1.0)
        return values, variances, self._squares(residuals, 1.0 / fitted)

    def unexplained(
        self, values: np.ndarray, differences: np.ndarray, totals: np.ndarray
    ) -> np.ndarray:
        """Return the weighted sum of squared residuals of the differences (n_sets, n_outputs)."""
        rest = differences - self.row_means[:, :, None] * totals[:, None]
        return self._squares(rest - self._summed(values), np.ones(rest.shape[:2]))

    def _projected(self, rows: slice) -> np.ndarray:
        """Return T of some pairs."""
        return centred(self.kept[:, rows])[0] if self.projected is None else self.projected[:, rows]

    def _summed(self, values: np.ndarray) -> np.ndarray:
        """Return T φ of all pairs, (n_sets, m, n_outputs)."""
        return np.concatenate([self._projected(rows) @ values for rows, _ in self.cut], axis=1)

    def _moved(self, rows: slice) -> tuple[np.ndarray, np.ndarray]:
        """Return the leverages and steps of some pairs."""
        if self.leverages is not None and self.steps is not None:
            return self.leverages[:, rows], self.steps[:, rows]
        projected, weights = self._projected(rows), self.pairs.weights[rows]
        moved = projected @ self.inverse
        leverages = weights * (moved * projected).sum(axis=2)
        scale = weights / np.maximum(1.0 - leverages, 1e-9)
        return np.clip(leverages, 0.0, 1.0), moved * scale[:, :, None]

    def _squares(self, residuals: np.ndarray, scale: np.ndarray) -> np.ndarray:
        return np.einsum("i,gi,gik->gk", self.pairs.weights, scale, residuals**2)

    def _variances(self, residuals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return stratified sandwich variances with finite-population correction, and leverages.

        With residuals e_i and the contributions u_i = w_i T_i e_i/(1 − ℓ_i) of the pairs, it is
        V = G⁺ [Σ_s c_s Σ_i (u_i − ū_s)(u_i − ū_s)ᵀ] G⁺, where G = TᵀWT, s are the strata that were
        not fully drawn, and c_s = (1 − m_s/N_s)·m_s/(m_s − 1) for m_s of N_s pairs.

        Returns
        -------
        variances : array (n_sets, M, n_outputs)
            NaN if fewer than two pairs were drawn from a stratum.
        leverages : array (n_sets, m)
        """
        pairs = self.pairs
        drawn, available = pairs.drawn[1:], pairs.available[1:]
        partly = drawn < available
        # One pair of a size, or none, does not show how much pairs of that size differ.
        known = not np.any(drawn[partly] < 2)
        shape = (len(residuals), self.kept.shape[2], residuals.shape[2])
        variances, leverages = np.full(shape, 0.0 if known else np.nan), []
        left_out = 1.0 - drawn / available
        factors = np.where(partly, left_out * drawn / np.maximum(drawn - 1, 1), 0.0)
        for rows, strata in self.cut:
            own, steps = self._moved(rows)
            leverages.append(own)
            if known:
                variances += _spread(steps, residuals[:, rows], drawn[strata], factors[strata])
        return variances, np.concatenate(leverages, axis=1)


def centred(kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return T of coalitions (n_sets, n, M), and the means (n_sets, n) that it lacks."""
    signs = 2.0 * kept - 1.0
    row_means = signs.mean(axis=2)
    signs -= row_means[:, :, None]
    return signs, row_means


def _spread(
    steps: np.ndarray, residuals: np.ndarray, drawn: np.ndarray, factors: np.ndarray
) -> np.ndarray:
    """Return what whole strata add to the variances, (n_sets, M, n_outputs)."""
    # Pairs are ordered by stratum, so the sum over a stratum is one over consecutive rows.
    first = np.concatenate([[0], np.cumsum(drawn)[:-1]]).astype(np.int64)
    out = np.empty((len(steps), steps.shape[2], residuals.shape[2]))
    for k in range(residuals.shape[2]):
        added = steps * residuals[:, :, k, None]
        means = np.add.reduceat(added, first, axis=1) / drawn[:, None]
        added -= np.repeat(means, drawn.astype(np.int64), axis=1)
        added *= added
        out[:, :, k] = factors @ np.add.reduceat(added, first, axis=1)
    return out


def explained(values: np.ndarray, unexplained: np.ndarray, rounding: np.ndarray) -> np.ndarray:
    """Return the R² with which the sum of its Shapley values reproduces a game, for each output.

    Parameters
    ----------
    values : array (M, n_outputs)
        φ.
    unexplained : array (n_outputs,)
        Weighted sum of squared residuals of the pairs' differences. The weighted sum of squares
        that the values themselves explain, compared with equal values for all units, is
        (2/M)·Σ(φ − φ̄)² over all pairs.
    rounding : array (n_outputs,)
        Differences up to this size are rounding errors.

    Returns
    -------
    array (n_outputs,)
        1 for an additive game; NaN if there is nothing to explain.
    """
    own = 2.0 / len(values) * ((values - values.mean(axis=0)) ** 2).sum(axis=0)
    whole = own + unexplained
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(whole > rounding**2, own / whole, np.nan)
