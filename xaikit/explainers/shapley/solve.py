"""The Shapley values of one row, computed from its answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xaikit.explainers.results import RowResult
from xaikit.explainers.shapley.asking import Answers, ExactValues
from xaikit.explainers.shapley.plan import Choice, Plan, Rules
from xaikit.sampling.game import Game
from xaikit.solvers.even_process import EvenProcess
from xaikit.solvers.links import clipped, linked, mean_error, slope
from xaikit.solvers.odd_process import OddProcess
from xaikit.solvers.shapley import exact_from_all, explained, interactions_from_all

ROUNDING = 64 * np.finfo(np.float64).eps
"""Values below this share of the answers' size are rounding errors of the sums they came from."""
EVEN_MATRICES = 8
"""Matrices of pairs × pairs that the even process holds at a time."""
NOT_CONVERGED = ("The Gaussian process did not converge for some rows, whose values are those of "
                 "least squares (wls).")
PAIRS_NOT_CONVERGED = ("The interactions of some rows are not known (NaN): the Gaussian process "
                       "did not converge for them.")


def solve(game: Game, rules: Rules, choice: Choice, answers: Answers) -> RowResult:
    """Compute the Shapley values of a row.

    Parameters
    ----------
    game : Game
        Its weights and number of units; it is not asked.
    rules : Rules
    choice : Choice
    answers : Answers
        What `ask` returned for them.
    """
    return RowSolve(game.row.weights, game.n_units, rules, choice, answers).result()


@dataclass
class Sampled:
    """What was found of the games of blocks.

    Attributes
    ----------
    values, variances : arrays (n_blocks, d, n_outputs)
        Of the d active units.
    unexplained : array (n_blocks, n_outputs)
        Weighted squares of what the values leave of the pairs' differences.
    """

    values: np.ndarray
    variances: np.ndarray
    unexplained: np.ndarray


class RowSolve:
    """The solve of one row; its methods share what is known of it."""

    def __init__(
        self, weights: np.ndarray, n_units: int, rules: Rules, choice: Choice, answers: Answers
    ) -> None:
        self.weights, self.rules, self.choice, self.plan = weights, rules, choice, choice.plan
        self.answers, link = answers, rules.link
        mean = weights @ answers.background
        self.slope = slope(mean, link)
        prediction = linked(answers.everything, link)[0]
        shape = (n_units, len(prediction))
        unknown = np.full(shape[1], np.nan)
        self.row = RowResult(
            values=np.zeros(shape), errors=np.zeros(shape), base=linked(mean, link),
            prediction=prediction, fidelity=unknown,
            base_errors=mean_error(weights, answers.background) * self.slope,
            details={"solver": choice.solver, "noise": unknown.copy(),
                     **clipped(answers.everything[0], mean, answers.between, link)},
            unit_details={"background_errors": np.full(shape, np.nan)})
        self.interactions = np.zeros((n_units, *shape)) if rules.interactions else None
        self.interaction_variances = np.zeros((n_units, *shape))
        # What sums of rounded numbers leave over is no contribution: a dummy's value is 0.
        self.rounding = ROUNDING * np.maximum(
            np.abs(linked(answers.background, link)).max(axis=0), np.abs(prediction))

    def result(self) -> RowResult:
        """Solve, and return what was found."""
        row, active = self.row, self.plan.active
        unexplained = np.zeros(row.values.shape[1])
        if len(active) == 1:
            # Alone in its game, a unit takes the whole difference between the two ends.
            row.values[active[0]] = row.prediction - row.base
        elif self.answers.whole is not None:
            unexplained = self._solve_whole(self.answers.whole)
        elif len(active) > 1:
            unexplained = self._add_up()
        if len(active) > 0:
            row.fidelity = explained(row.values[active], unexplained, self.rounding)
        if self.rules.noisy and not self.plan.blocks:
            # Exact sums of answers that differ each time: the size of the error is not known.
            row.errors[active] = np.nan
            self.interaction_variances[np.ix_(active, active)] = np.nan
        row.values[np.abs(row.values) <= self.rounding] = 0.0
        if self.interactions is not None:
            row.pairs = matrices(row, self.interactions, self.interaction_variances)
        return row

    def _solve_whole(self, whole: np.ndarray) -> np.ndarray:
        """Solve a linked game asked whole; return what the values leave unexplained."""
        active, row = self.plan.active, self.row
        every = linked(whole, self.rules.link)
        row.values[active] = exact_from_all(every)
        if self.interactions is not None:
            self.interactions[np.ix_(active, active)] = interactions_from_all(every)
        design = self.rules.designs.measuring(len(active))
        number = design.kept[0] @ (1 << np.arange(len(active)))
        differences = every[number] - every[len(every) - 1 - number]
        total = row.prediction - row.base
        return design.unexplained(row.values[active][None], differences[None], total[None])[0]

    def _add_up(self) -> np.ndarray:
        """Add up exact and sampled games; return what the values leave unexplained."""
        weights, plan, row = self.weights, self.plan, self.row
        unexplained = np.zeros(row.values.shape[1])
        by_background = np.zeros((len(weights), *row.values.shape))
        variances = np.zeros((0, *row.values.shape))
        if self.answers.exact is not None:
            by_background = self.answers.exact.by_background
            unexplained += weights[plan.exact].sum() * self._left_by_exact(self.answers.exact)
            if self.interactions is not None:
                self.interactions += self.answers.exact.interactions
        row.values += np.einsum("b,buk->uk", weights, by_background)
        if plan.blocks:
            shares = np.array([weights[b].sum() for b in plan.blocks])
            sampled = self._solve_blocks()
            variances = np.zeros((len(shares), *row.values.shape))
            variances[:, plan.active] = sampled.variances
            for block, of_units in zip(plan.blocks, sampled.values, strict=True):
                by_background[np.ix_(block, plan.active)] = of_units
            row.values[plan.active] += np.einsum("g,guk->uk", shares, sampled.values)
            row.errors = self._errors(shares, variances)
            # The squares of a mean of games are at most the mean of their squares.
            unexplained += shares @ sampled.unexplained
        row.unit_details["background_errors"] = background_errors(
            weights, plan, by_background, variances)
        if self.interactions is not None and plan.blocks:
            self._add_interactions(shares)
        return unexplained

    def _errors(self, shares: np.ndarray, variances: np.ndarray) -> np.ndarray:
        squares, active = np.einsum("g,guk->uk", shares**2, variances), self.plan.active
        # The values add up to the prediction and the base as they were answered, and share the
        # noise of these two.
        squares[active] += self._noise * (1.0 + (self.weights**2).sum()) / len(active)**2
        return np.sqrt(squares)

    def _left_by_exact(self, exact: ExactValues) -> np.ndarray:
        """Return what the values of background rows asked whole leave unexplained."""
        plan = self.plan
        design = self.rules.designs.measuring(len(plan.active))
        weights = np.where(plan.exact, self.weights, 0.0)
        mean = np.einsum("b,buk->uk", weights, exact.by_background)[plan.active]
        differences = exact.values[0::2] - exact.values[1::2]
        left = design.unexplained(mean[None], differences[None], mean.sum(axis=0)[None])[0]
        return left / weights.sum()**2

    def _solve_blocks(self) -> Sampled:
        """Solve the games of blocks, by least squares and then the odd process."""
        row, rules, plan = self.row, self.rules, self.plan
        values = linked(self.answers.pairs, rules.link)
        differences = values[:, 0::2] - values[:, 1::2]
        totals = row.prediction - self._block_bases()
        drawn = rules.designs.least_squares(self.choice.key, plan.sets)
        found = Sampled(*drawn.solve(differences[:, :drawn.kept.shape[1]], totals))
        if self.choice.solver == "gp":
            kept = rules.designs.pairs(self.choice.key, plan.sets)
            process = OddProcess(kept).solve(
                differences, totals, found.values, self._noise_of_differences())
            if process.converged:
                found.values, found.variances = process.values, process.variances
                row.details["noise"] = process.noise
            else:
                row.details["solver"] = "wls"
                row.warnings.append(NOT_CONVERGED)
        return found

    def _add_interactions(self, shares: np.ndarray) -> None:
        """Add the interactions of the sampled games, and their variances."""
        plan, rules = self.plan, self.rules
        values = linked(self.answers.pairs, rules.link)
        sums, ends = values[:, 0::2] + values[:, 1::2], self.row.prediction + self._block_bases()
        kept = rules.designs.pairs(self.choice.key, plan.sets)
        # All sets are solved together; of more pairs than memory holds, evenly chosen ones are.
        most = int(np.sqrt(rules.max_memory / (8 * EVEN_MATRICES))) // len(shares) - 1
        n_pairs = kept.shape[1]
        used = np.unique(np.linspace(0, n_pairs - 1, min(n_pairs, max(most, 2))).astype(int))
        found = EvenProcess(kept[:, used], shares).solve(
            sums[:, used], ends, self.row.values[plan.active])
        if not found.converged.all():
            self.row.warnings.append(PAIRS_NOT_CONVERGED)
        where = np.ix_(plan.active, plan.active)
        assert self.interactions is not None
        self.interactions[where] += shares.sum() * found.values
        self.interaction_variances[where] += shares.sum()**2 * found.variances

    def _block_bases(self) -> np.ndarray:
        """Return the base values of the games of blocks, (n_blocks, n_outputs)."""
        weights, answers = self.weights, self.answers.background
        return np.stack([linked(weights[b] @ answers[b] / weights[b].sum(), self.rules.link)
                         for b in self.plan.blocks])

    @property
    def _noise(self) -> np.ndarray:
        """Variance of answers to the same question, on the scale of contributions."""
        return self.rules.noise * self.slope**2

    def _noise_of_differences(self) -> np.ndarray:
        """Return the variance (n_outputs,) of a difference of two means over a block's rows."""
        weights = self.weights
        sizes = np.mean([weights[b].sum()**2 / (weights[b]**2).sum() for b in self.plan.blocks])
        return 2.0 * self._noise / sizes


def background_errors(
    weights: np.ndarray, plan: Plan, by_background: np.ndarray, variances: np.ndarray
) -> np.ndarray:
    """Compute the errors of values that come from the background being a sample of rows.

    Parameters
    ----------
    weights : array (B,)
    plan : Plan
    by_background : array (B, M, n_outputs)
        Values of each background row's game; those of its block where it was sampled. The latter
        vary less, by the number of rows in a block, and more, by the sampling of coalitions.
    variances : array (n_blocks, M, n_outputs)
        Of the sampling of coalitions.

    Returns
    -------
    array (M, n_outputs)
        NaN for a single row or a single block.
    """
    if not plan.blocks:
        return mean_error(weights, by_background)
    n_blocks, n_sampled = len(plan.blocks), np.count_nonzero(~plan.exact)
    if n_blocks < 2:
        return np.full(by_background.shape[1:], np.nan)
    of_block = by_background[[block[0] for block in plan.blocks]]
    # Between rows of a block: the variance of blocks, less that of their sampling.
    between = np.maximum(of_block.var(axis=0, ddof=1) - variances.mean(axis=0), 0.0)
    within = (n_sampled / n_blocks - 1.0) * between * weights[~plan.exact].sum()
    concentration = float((weights**2).sum())
    return np.sqrt(mean_error(weights, by_background)**2
                   + within * concentration / (1.0 - concentration))


def matrices(
    row: RowResult, interactions: np.ndarray, variances: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the matrix (M, M, n_outputs) whose rows sum to a row's values, and its errors."""
    matrix = interactions / 2.0
    error = np.sqrt(variances) / 2.0
    units = np.arange(len(matrix))
    matrix[units, units] = row.values - matrix.sum(axis=1)
    # The errors of a unit's interactions may be correlated: their sum is an upper bound.
    error[units, units] = np.hypot(row.errors, error.sum(axis=1))
    return {"interactions": matrix, "interaction_errors": error}
