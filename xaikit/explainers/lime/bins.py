"""LIME on bins: which columns of a table's row stay within the row's bins."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from xaikit.explainers.games import Turn
from xaikit.explainers.lime.masks import TABLE_WIDTH
from xaikit.explainers.lime.samples import as_result, errors_are_small, numbers_of_samples
from xaikit.explainers.results import RowResult
from xaikit.kernels.levels import look_up
from xaikit.sampling.bins import BinnedRow, BinnedRows, Column, even_points
from xaikit.sampling.game import Game
from xaikit.sampling.laws import hidden_kernel
from xaikit.sampling.seeds import stream
from xaikit.sampling.tabular import MaskedRow
from xaikit.solvers.levels import Levels, level_effects
from xaikit.solvers.regression import Fit, PresenceRegression, Strata

LEVEL_SAMPLES = 16
"""Samples for each unit from which on the regression tells levels within bins apart."""


@dataclass
class BinSolver:
    """Explains rows of a table by the bins of their columns.

    Attributes
    ----------
    budget, sampling, width
        As in `LIME`, `width` being its `kernel_width`.
    seed : int
    columns : list of Column
    binned : BinnedRows or None
        The bins of the part of the table that was asked about last.
    points : array (n, M)
        Points of the unit cube, the same for all rows.
    """

    budget: int | str
    sampling: str
    width: float | None
    seed: int
    columns: list[Column]
    binned: BinnedRows | None = None
    points: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))

    def __call__(self, game: Game, turn: Turn) -> RowResult:
        """Explain a row; with budget "auto", double the samples until errors are small."""
        masked, units = game.row, game.active
        assert isinstance(masked, MaskedRow)
        binned = self._binned(masked)
        prediction = game.predictor.ask(masked.source)[0]
        fit, drawn = Fit.of_nothing(prediction), np.zeros((0, 0), dtype=np.int64)
        if len(units):
            fit, drawn = self._doubled(game, binned.row(masked.i, units), len(prediction))
        result = as_result(fit, prediction, len(drawn), units, game.n_units)
        result.unit_details["conditions"] = np.array(binned.conditions(masked.i), dtype=str)
        return result

    def _doubled(
        self, game: Game, row: BinnedRow, n_outputs: int
    ) -> tuple[Fit, np.ndarray]:
        """Return the fit of the units that can matter, and the neighbours drawn for it."""
        n_units = len(game.active)
        n, most = numbers_of_samples(self.budget, n_units)
        # Other units say nothing about the width: it is that of the table.
        width = self.width or TABLE_WIDTH * np.sqrt(game.n_units)
        chances, points = self._chances(row.shares, width), self._points(most, n_units)
        drawn = row.draw(points[:0], chances)
        answers = np.zeros((0, n_outputs))
        while True:
            more = row.draw(points[len(drawn) : n], chances)
            drawn = np.concatenate([drawn, more])
            answers = np.concatenate([answers, ask(game, row, more)])
            fit = self._fitted(row, drawn, answers, chances, width)
            if n >= most or errors_are_small(fit):
                return fit, drawn
            n = min(2 * n, most)

    def _binned(self, masked: MaskedRow) -> BinnedRows:
        """Return the bins of a row and of those that came with it, computed once for all."""
        binned = self.binned
        if binned is None or binned.rows is not masked.rows:
            binned = self.binned = BinnedRows(masked.rows, self.columns)
        return binned

    def _points(self, n: int, n_units: int) -> np.ndarray:
        """Return points of the unit cube (n, M), drawn once for all rows."""
        if self.points.shape != (n, n_units):
            rng = stream(self.seed, "points", n_units)
            # Threads share the solver, and rows may differ in the units that can matter.
            points = even_points(n, n_units, rng) if self.sampling == "kernel" \
                else rng.random((n, n_units))
            self.points = points
            return points
        return self.points

    def _chances(self, shares: np.ndarray, width: float) -> np.ndarray:
        """Return the probability that a unit is in the row's bin: p/(p + (1 − p)ε)."""
        if self.sampling == "weighted":
            return shares
        return shares / (shares + (1.0 - shares) * np.exp(-0.5 / width**2))

    def _fitted(self, row: BinnedRow, drawn: np.ndarray, answers: np.ndarray,
                chances: np.ndarray, width: float) -> Fit:
        """Fit the linear model; with many samples, remove the noise that levels explain."""
        kept = row.kept(drawn)
        n, n_units = kept.shape
        weights = np.ones(n)
        if self.sampling == "weighted":
            weights = hidden_kernel(n_units, width)[kept.sum(axis=1)]
        regression = PresenceRegression(kept, weights / weights.sum(), Strata.one(n, n_units))
        unseen = row.unseen(kept) | (regression.thin & (row.shares < 1.0))
        if self.sampling == "weighted" or n < LEVEL_SAMPLES * n_units:
            fit = regression.solve(answers)
            fit.errors[unseen] = np.nan
            return fit
        # The coefficients estimate the same; what levels within a bin explain is not noise.
        of_position, units, within, shares = row.levels(chances, n)
        codes = np.empty(drawn.shape, dtype=np.int64)
        look_up(drawn, of_position, codes)
        intercept, values, errors = level_effects(codes, Levels(units, within, shares), answers)
        errors[unseen] = np.nan
        return Fit(values, errors, intercept, regression.fidelity(answers, values, intercept))


def ask(game: Game, row: BinnedRow, drawn: np.ndarray) -> np.ndarray:
    """Return the model's answers to neighbours, asked in parts that a game's memory holds."""
    return np.concatenate([
        game.predictor.ask(row.table(drawn[first : first + game.chunk]), own=True)
        for first in range(0, len(drawn), game.chunk)])
