"""LIME on bins: which columns of a table's row stay within the row's bins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xaikit.explainers.games import Turn
from xaikit.explainers.lime.masks import TABLE_WIDTH
from xaikit.explainers.lime.samples import as_result, errors_are_small, numbers_of_samples
from xaikit.explainers.results import RowResult
from xaikit.kernels.levels import look_up
from xaikit.sampling.binned_rows import BinnedRow, even_points
from xaikit.sampling.bins import Column
from xaikit.sampling.game import Game
from xaikit.sampling.laws import hidden_kernel
from xaikit.sampling.seeds import stream
from xaikit.sampling.shared_bins import SharedBins, SharedBinsRow
from xaikit.sampling.tabular import MaskedRow
from xaikit.solvers.levels import Levels, level_effects
from xaikit.solvers.regression import Fit, PresenceRegression, Strata

LEVEL_SAMPLES = 16
"""Samples for each unit from which on the regression tells levels within bins apart."""
MOST_LEVELS = 800
"""Most levels that are told apart: the regression holds matrices of their square, 5 MB each."""

ONE_VALUE = ("Where a column has one value in the background and another one in an explained row, "
             "no bin tells them apart, and the coefficient is 0; discretize=None compares them.")


@dataclass
class BinSolver:
    """Explains rows of a table by the bins of their columns.

    Attributes
    ----------
    budget, sampling, width
        As in `LIME`, `width` being its `kernel_width`.
    seed : int
    sets : list of lists of Column
        Sets of bins; see `shared_bins.bin_sets`.
    of_output : int array (n_outputs,)
        Set of each output; of length 1 if all outputs share the only one.
    binned : SharedBins or None
        The bins of the part of the table that was asked about last.
    points : arrays (n, M) and (n,), or None
        Points of the unit cube, and turns that choose a set of bins: the same for all rows.
    """

    budget: int | str
    sampling: str
    width: float | None
    seed: int
    sets: list[list[Column]]
    of_output: np.ndarray
    binned: SharedBins | None = None
    points: tuple[np.ndarray, np.ndarray] | None = None

    def __call__(self, game: Game, turn: Turn) -> RowResult:
        """Explain a row; with budget "auto", double the samples until errors are small."""
        masked, units = game.row, game.active
        assert isinstance(masked, MaskedRow)
        binned = self._binned(masked)
        prediction = game.predictor.ask(masked.source)[0]
        fit, n_samples, warnings = Fit.of_nothing(prediction), 0, list[str]()
        of_output = np.broadcast_to(self.of_output, prediction.shape)
        if len(units):
            row = binned.row(masked.i, units)
            fit, n_samples = self._doubled(game, row, of_output)
            warnings = of_one_value(row, masked, units)
        result = as_result(fit, prediction, n_samples, units, game.n_units)
        result.unit_details["conditions"] = binned.conditions(masked.i, of_output)
        result.warnings += warnings
        return result

    def _doubled(
        self, game: Game, row: SharedBinsRow, of_output: np.ndarray
    ) -> tuple[Fit, int]:
        """Return the fit of the units that can matter, and its number of neighbours."""
        n_units = len(game.active)
        n, most = numbers_of_samples(self.budget, n_units)
        # Other units say nothing about the width: it is that of the table.
        width = self.width or TABLE_WIDTH * np.sqrt(game.n_units)
        tilt = 0.0 if self.sampling == "weighted" else 0.5 / width**2
        points, turns = self._points(most, n_units)
        drawn = np.empty((0, n_units), dtype=np.int64)
        answers = np.zeros((0, len(of_output)))
        while True:
            more = row.draw(points[len(drawn) : n], turns[len(drawn) : n], tilt)
            asked = ask(game, row.each[0], more)
            drawn, answers = (more, asked) if not len(drawn) else (
                np.concatenate([drawn, more]), np.concatenate([answers, asked]))
            fit = self._fitted(row, drawn, answers, of_output, tilt, width)
            if n >= most or errors_are_small(fit):
                return fit, len(drawn)
            n = min(2 * n, most)

    def _binned(self, masked: MaskedRow) -> SharedBins:
        """Return the bins of a row and of those that came with it, computed once for all."""
        binned = self.binned
        if binned is None or binned.rows is not masked.rows:
            binned = self.binned = SharedBins(masked.rows, self.sets)
        return binned

    def _points(self, n: int, n_units: int) -> tuple[np.ndarray, np.ndarray]:
        """Return points of the unit cube (n, M) and turns (n,), drawn once for all rows."""
        # Threads share the solver, and rows may differ in the units that can matter.
        found = self.points
        if found is None or found[0].shape != (n, n_units):
            rng = stream(self.seed, "points", n_units)
            points = even_points(n, n_units, rng) if self.sampling == "kernel" \
                else rng.random((n, n_units))
            found = self.points = points, stream(self.seed, "turns", n_units).random(n)
        return found

    def _fitted(self, row: SharedBinsRow, drawn: np.ndarray, answers: np.ndarray,
                of_output: np.ndarray, tilt: float, width: float) -> Fit:
        """Fit the linear models of all outputs, each on the bins of its set."""
        kept = [binned.kept(drawn) for binned in row.each]
        weights = row.weights(kept, tilt)
        if self.sampling == "weighted":
            kernel = hidden_kernel(drawn.shape[1], width)
            weights = np.stack([kernel[own.sum(axis=1)] for own in kept], axis=1)
        shape = (drawn.shape[1], answers.shape[1])
        found = Fit(np.empty(shape), np.empty(shape), np.empty(shape[1:]), np.empty(shape[1:]))
        for g, binned in enumerate(row.each):
            own = of_output == g
            # In C order, so that sums are those of all outputs at once, to the last bit.
            asked = np.ascontiguousarray(answers[:, own])
            fit = self._fitted_set(binned, drawn, kept[g], asked, weights[:, g], tilt)
            found.coefficients[:, own], found.errors[:, own] = fit.coefficients, fit.errors
            found.intercept[own], found.fidelity[own] = fit.intercept, fit.fidelity
        return found

    def _fitted_set(self, row: BinnedRow, drawn: np.ndarray, kept: np.ndarray, answers: np.ndarray,
                    weights: np.ndarray, tilt: float) -> Fit:
        """Fit a linear model; with many samples, remove the noise that levels explain."""
        n, n_units = kept.shape
        regression = PresenceRegression(kept, weights / weights.sum(), Strata.one(n, n_units))
        still = row.shares == 1.0
        unseen = row.unseen(kept) | (regression.thin & ~still)
        of_position, levels = np.empty(0), None
        if self.sampling != "weighted" and n >= LEVEL_SAMPLES * n_units:
            of_position, *parts = row.levels(row.chances(tilt), n)
            levels = Levels(*parts) if len(parts[0]) <= MOST_LEVELS else None
        if levels is None:
            fit = regression.solve(answers)
        else:
            # The coefficients estimate the same; what levels within a bin explain is not noise.
            codes = np.empty(drawn.shape, dtype=np.int64)
            look_up(drawn, of_position, codes)
            intercept, values, errors = level_effects(codes, levels, answers, weights)
            fit = Fit(values, errors, intercept, regression.fidelity(answers, values, intercept))
        fit.errors[unseen] = np.nan
        # No neighbour can be outside of such a bin; the solvers are off by rounding.
        fit.coefficients[still] = fit.errors[still] = 0.0
        return fit


def of_one_value(row: SharedBinsRow, masked: MaskedRow, units: np.ndarray) -> list[str]:
    """Return a warning if a column's only background value is in one bin with the row's own."""
    still = np.all([binned.shares == 1.0 for binned in row.each], axis=0)
    return [ONE_VALUE] if (still & masked.rows.apart(masked.i)[units]).any() else []


def ask(game: Game, row: BinnedRow, drawn: np.ndarray) -> np.ndarray:
    """Return the model's answers to neighbours, asked in parts that a game's memory holds."""
    return np.concatenate([
        game.predictor.ask(row.table(drawn[first : first + game.chunk]), own=True)
        for first in range(0, len(drawn), game.chunk)])
