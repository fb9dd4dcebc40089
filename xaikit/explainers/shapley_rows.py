"""The Shapley values of single rows: which way to solve each, and asking what it needs."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.special import logit

from xaikit.explainers.base import Stopwatch
from xaikit.explainers.shapley_limits import Limits, growth
from xaikit.explainers.shapley_plan import (
    Plan,
    all_pairs,
    first_budget,
    plan_exact,
    plan_sample,
)
from xaikit.explanations.base import Cost
from xaikit.kernels.shapley import add_interactions, add_marginals, add_submasks
from xaikit.predictor.adapter import Predictor
from xaikit.sampling.coalitions import all_coalitions, pack, paired_coalitions
from xaikit.sampling.game import Game
from xaikit.sampling.seeds import stream
from xaikit.sampling.tabular import TabularMasker, TabularRows
from xaikit.solvers.even_process import EvenProcess
from xaikit.solvers.odd_process import OddProcess, solving_seconds
from xaikit.solvers.shapley import (
    PairedLeastSquares,
    exact_from_all,
    explained,
    interaction_weights,
    interactions_from_all,
    shapley_weights,
)

CLIP = 1e-7
"""Probabilities are kept this far from 0 and 1 before the logit."""
MOST_EXACT_QUESTIONS = 2**26
"""Beyond this many composed rows for one explained row, exact values are refused."""
ROUNDING = 64 * np.finfo(np.float64).eps
"""Values below this share of the answers' size are rounding errors of the sums they came from."""
MOST_LINKED_UNITS = 16
"""Most units for exact values of a linked game, which is held whole: 65,536 coalitions."""
MOST_COUNTED_QUESTIONS = 2**18
"""Most questions whose different ones are counted to see whether they fit a budget."""
PROCESS_MATRICES = 12
"""Matrices of pairs × pairs that the odd process holds at a time."""
EVEN_MATRICES = 8
"""Matrices of pairs × pairs that the even process holds at a time."""
FIDELITY_PAIRS = 32
"""Least pairs of coalitions, among those asked, to measure the fidelity of exact values on."""


@dataclass
class ShapleyRow:
    """What was found for one row; arrays are (M, K) or (K,), of interactions (M, M, K) or None.

    Interactions are the Shapley interaction indices of two units, 0 on the diagonal.
    """

    values: np.ndarray
    errors: np.ndarray
    prediction: np.ndarray
    fidelity: np.ndarray
    background_errors: np.ndarray
    noise: np.ndarray
    solver: str
    model_rows: int = 0
    warnings: list[str] = field(default_factory=list)
    interactions: np.ndarray | None = None
    interaction_variances: np.ndarray | None = None


@dataclass
class ShapleyTask:
    """Explains some rows; goes to workers whole. Nothing in it changes but the designs it keeps.

    `pace` is the model's seconds a row, by which `solver="auto"` chooses. `noise` (K,) is the
    variance of its answers to the same question, on the scale of contributions.
    """

    predictor: Predictor
    masker: TabularMasker
    answers: np.ndarray
    solver: str
    limits: Limits
    link: str
    seed: int
    max_memory: int
    pace: float
    noise: np.ndarray
    interactions: bool = False
    designs: dict[tuple[int, int, int], PairedLeastSquares] = field(default_factory=dict)

    def __call__(self, table: Any) -> tuple[list[ShapleyRow], Cost]:
        """Explain the rows of a table; give what was found and what it cost."""
        predictor = self.predictor.spawn()
        rows = TabularRows(self.masker, table)
        watch, questions, found = Stopwatch(), 0, []
        for i in range(len(rows)):
            before = predictor.ledger.rows
            game = Game(predictor, rows[i], self.answers, self.max_memory)
            seconds = None
            if self.limits.seconds is not None:
                # What earlier rows left over, or took too much of, is shared by those to come.
                seconds = (self.limits.seconds * len(rows) - watch.seconds) / (len(rows) - i)
            row = self._explain(game, seconds)
            row.model_rows = predictor.ledger.rows - before
            questions += game.questions
            found.append(row)
        return found, watch.cost(predictor, questions=questions)

    def forecast(self, table: Any) -> list[tuple[float, str]]:
        """Give the most model rows that each row may take, and how it will be solved."""
        rows = TabularRows(self.masker, table)
        found = []
        for i in range(len(rows)):
            game = Game(self.predictor, rows[i], self.answers, self.max_memory)
            plan = self._plan(game, self.limits.model_rows)
            found.append((plan.model_rows, self._solver_of(plan)))
        return found

    def _explain(self, game: Game, seconds: float | None) -> ShapleyRow:
        """Explain a row, in rounds of more and more questions where that may spare some."""
        most = self.limits.model_rows
        if not self.limits.in_rounds or most is None:
            return self._solved(game, most)
        ledger, start = game.predictor.ledger, time.perf_counter()
        first = ledger.rows
        budget = min(first_budget(game.row.differs), most)
        while True:
            began, asking = time.perf_counter(), ledger.seconds
            row = self._solved(game, budget)
            if self.limits.met(row.values, row.errors):
                return row
            now = time.perf_counter()
            solving = now - began - (ledger.seconds - asking)
            larger = growth(now - start, solving, seconds)
            wanted = min(int(budget * larger), most)
            if not game.remembers(wanted):
                # All of it would be asked anew.
                wanted = min(wanted, most - (ledger.rows - first))
            if wanted <= budget or row.solver == "exact":
                break
            budget = wanted
        if self.limits.tol is not None:
            row.warnings.append(f"Some rows came to the end of their budget before their standard "
                                f"errors were within tol={self.limits.tol:g}.")
        if seconds is not None and now - start > 2.0 * max(seconds, 0.0):
            row.warnings.append("The time was too short even for the fewest coalitions that have "
                                "standard errors, and was exceeded.")
        return row

    def _solved(self, game: Game, budget: int | None) -> ShapleyRow:
        """Ask as much as the budget allows, and solve."""
        plan = self._plan(game, budget)
        # All that sampling needs is asked at once: the row itself, and the pairs of coalitions.
        prediction, differences, sums = self._ask(game, plan)
        base = linked(self.masker.weights @ self.answers, self.link)
        shape = (game.n_units, len(prediction))
        row = ShapleyRow(np.zeros(shape), np.zeros(shape), prediction, np.full(shape[1], np.nan),
                         np.full(shape, np.nan), np.full(shape[1], np.nan), "exact")
        if self.interactions:
            row.interactions = np.zeros((game.n_units, *shape))
            row.interaction_variances = np.zeros((game.n_units, *shape))
        # What is left of sums of rounded numbers is no contribution: a dummy's value is 0.
        rounding = ROUNDING * np.maximum(
            np.abs(linked(self.answers, self.link)).max(axis=0), np.abs(prediction))
        unexplained = np.zeros(shape[1])
        if len(plan.active) == 1:
            # Alone in its game a unit takes all there is between the two ends.
            row.values[plan.active[0]] = prediction - base
        elif len(plan.active) > 1 and self.link != "identity" and not plan.blocks:
            unexplained = self._solve_linked(game, plan, row, prediction - base)
        elif len(plan.active) > 1:
            unexplained = self._solve(game, plan, row, differences)
            if row.interactions is not None and plan.blocks:
                self._add_interactions(plan, row, sums)
        if len(plan.active) > 0:
            row.fidelity = explained(row.values[plan.active], unexplained, rounding)
        if self._noisy and not plan.blocks:
            # Exact sums of answers that differ each time: by how much is not known.
            row.errors[plan.active] = np.nan
            if row.interaction_variances is not None:
                row.interaction_variances[np.ix_(plan.active, plan.active)] = np.nan
        row.values[np.abs(row.values) <= rounding] = 0.0
        return row

    @property
    def _noisy(self) -> bool:
        return bool(np.any(self.noise > 0.0))

    def _plan(self, game: Game, budget: int | None) -> Plan:
        differs, additive = game.row.differs, self.link == "identity"
        plan = plan_exact(differs, additive=additive)
        if len(plan.active) < 2 or self._exact_fits(game, plan, budget):
            return plan
        # The errors of answers that differ each time are seen where many share in a value.
        return plan_sample(differs, budget or 0, most=self.limits.model_rows, additive=additive,
                           mixed=not self._noisy)

    def _exact_fits(self, game: Game, plan: Plan, budget: int | None) -> bool:
        if self.solver in ("wls", "gp") or (self.solver == "auto" and self._noisy):
            return False
        limit = MOST_EXACT_QUESTIONS if budget is None else budget
        if self.link != "identity" and len(plan.active) > MOST_LINKED_UNITS:
            limit = 0
        needed = plan.model_rows
        if needed <= limit or (limit > 0 and self._different_fit(game, needed, limit)):
            return True
        if self.solver == "exact":
            raise ValueError(
                f"exact values of this row take up to {needed:,.0f} model rows, more than "
                + ("is sensible" if budget is None or limit == 0
                   else f"the budget of {budget:,}")
                + "; use solver='wls', fewer background rows, or groups of columns."
            )
        return False

    def _solver_of(self, plan: Plan) -> str:
        """Say how a plan's blocks are solved: "exact" if it has none."""
        if not plan.blocks:
            return "exact"
        # With every pair asked least squares is exact, and nothing is left to learn.
        if not self._noisy and plan.n_pairs >= all_pairs(len(plan.active)):
            return "wls"
        if self.solver == "auto":
            n_outputs = self.answers.shape[1]
            of_process = solving_seconds(len(plan.blocks), plan.n_pairs, n_outputs)
            worth = of_process <= self.pace * plan.model_rows
            return "gp" if worth and self._memory_of(plan.n_pairs) <= self.max_memory else "wls"
        return self.solver

    @staticmethod
    def _memory_of(n_pairs: int) -> int:
        return PROCESS_MATRICES * 8 * (n_pairs + 1)**2

    def _different_fit(self, game: Game, needed: float, limit: int) -> bool:
        """Say whether the different ones of too many questions fit; counting them costs no row."""
        if self.link != "identity" or not limit < needed <= MOST_COUNTED_QUESTIONS:
            return False
        return game.count_submasks(*_submask_list(game.row.differs)) <= limit

    def _solve_linked(
        self, game: Game, plan: Plan, row: ShapleyRow, total: np.ndarray
    ) -> np.ndarray:
        """Solve a linked game, asked whole; give what the values leave unexplained."""
        active = plan.active
        kept = np.zeros((2 ** len(active), game.n_units), dtype=bool)
        kept[:, active] = all_coalitions(len(active))
        every = linked(game.values(kept), self.link)
        row.values[active] = exact_from_all(every)
        if row.interactions is not None:
            row.interactions[np.ix_(active, active)] = interactions_from_all(every)
        design = self._measuring(len(active))
        number = design.kept[0] @ (1 << np.arange(len(active)))
        differences = every[number] - every[len(every) - 1 - number]
        return design.unexplained(row.values[active][None], differences[None], total[None])[0]

    def _solve(
        self, game: Game, plan: Plan, row: ShapleyRow, differences: np.ndarray
    ) -> np.ndarray:
        """Add up exact and sampled games; give what the values leave unexplained."""
        weights = self.masker.weights
        unexplained = np.zeros(row.values.shape[1])
        by_background = np.zeros((len(weights), *row.values.shape))
        variances = np.zeros((0, *row.values.shape))
        if plan.exact.any():
            by_background, squares = self._solve_exactly(game, plan, row.interactions)
            unexplained += weights[plan.exact].sum() * squares
        row.values += np.einsum("b,buk->uk", weights, by_background)
        if plan.blocks:
            of_block = np.array([weights[b].sum() for b in plan.blocks])
            totals = row.prediction - self._base_of(plan.blocks)
            values, spread, squares = self._solve_sample(plan, row, differences, totals)
            variances = np.zeros((len(values), *row.values.shape))
            variances[:, plan.active] = spread
            for block, of_units in zip(plan.blocks, values, strict=True):
                by_background[np.ix_(block, plan.active)] = of_units
            row.values[plan.active] += np.einsum("g,guk->uk", of_block, values)
            squares_of_errors = np.einsum("g,guk->uk", of_block**2, variances)
            # The values add up to the prediction and the base as they were answered, and share
            # the noise of these two.
            squares_of_errors[plan.active] += (
                self.noise * (1.0 + (weights**2).sum()) / len(plan.active)**2)
            row.errors = np.sqrt(squares_of_errors)
            # The squares of a mean of games are at most the mean of their squares.
            unexplained += of_block @ squares
        row.background_errors = background_errors(weights, plan, by_background, variances)
        return unexplained

    def _solve_exactly(
        self, game: Game, plan: Plan, interactions: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Give the values of background rows asked whole (0 for others), and what they leave.

        Their weighted interactions are added to `interactions`, where these are wanted.
        """
        design = self._measuring(len(plan.active))
        kept = _pairs_of(design.kept[0], plan.active, game.n_units)
        weights = np.where(plan.exact, self.masker.weights, 0.0)
        by_background, values = exact_by_background(game, kept, plan.exact, interactions)
        share = weights.sum()
        mean = np.einsum("b,buk->uk", weights, by_background)[plan.active]
        left = design.unexplained(mean[None], (values[0::2] - values[1::2])[None],
                                  mean.sum(axis=0)[None])[0]
        return by_background, left / share**2

    def _solve_sample(
        self, plan: Plan, row: ShapleyRow, differences: np.ndarray, totals: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Solve the games of blocks, by least squares and then the odd process."""
        design = self._design(plan)
        values, variances, unexplained = design.solve(differences, totals)
        row.solver = self._solver_of(plan)
        if row.solver == "gp":
            found = self._process(design).solve(
                differences, totals, values, self._noise_of_differences(plan))
            if found.converged:
                values, variances, row.noise = found.values, found.variances, found.noise
            else:
                row.solver = "wls"
                row.warnings.append("The Gaussian process found no likely parameters for some "
                                    "rows, whose values are those of least squares (wls).")
        if plan.few:
            row.warnings.append(
                f"The budget of {self.limits.model_rows} model rows is so small that some "
                "coalition sizes were not asked often enough: standard errors are not known. "
                "Raise the budget.")
        return values, variances, unexplained

    def _add_interactions(self, plan: Plan, row: ShapleyRow, sums: np.ndarray) -> None:
        """Add the interactions of the sampled games, and their variances."""
        design = self._design(plan)
        shares = np.array([self.masker.weights[b].sum() for b in plan.blocks])
        ends = row.prediction + self._base_of(plan.blocks)
        # All sets are solved together; of more pairs than memory holds, evenly chosen ones are.
        most = int(np.sqrt(self.max_memory / (8 * EVEN_MATRICES))) // len(shares) - 1
        n_pairs = design.kept.shape[1]
        chosen = np.unique(np.linspace(0, n_pairs - 1, min(n_pairs, max(most, 2))).astype(int))
        found = EvenProcess(design.kept[:, chosen], shares).solve(
            sums[:, chosen], ends, row.values[plan.active])
        if not found.converged.all():
            row.warnings.append("The interactions of some rows are not known (NaN): the Gaussian "
                                "process found no likely parameters for them.")
        assert row.interactions is not None
        assert row.interaction_variances is not None
        where = np.ix_(plan.active, plan.active)
        row.interactions[where] += shares.sum() * found.values
        row.interaction_variances[where] += shares.sum()**2 * found.variances

    def _noise_of_differences(self, plan: Plan) -> np.ndarray:
        """Give the variance (K,) of a difference of two means over a block's rows."""
        weights = self.masker.weights
        sizes = np.mean([weights[b].sum()**2 / (weights[b]**2).sum() for b in plan.blocks])
        return 2.0 * self.noise / sizes

    def _process(self, design: PairedLeastSquares) -> OddProcess:
        """Give the process on a design's pairs, if there is memory for it."""
        n_pairs = design.kept.shape[1]
        needed = self._memory_of(n_pairs)
        if needed > self.max_memory:
            most = int(np.sqrt(self.max_memory / (8 * PROCESS_MATRICES))) - 1
            raise ValueError(
                f"solver='gp' takes {needed / 2**20:,.0f} MiB for {n_pairs:,} pairs of coalitions, "
                f"more than max_memory={self.max_memory / 2**20:,.0f} MiB: use solver='wls', a "
                f"budget of at most {2 * most * len(self.masker.weights) + 1:,} model rows, or "
                "more memory."
            )
        return OddProcess(design.kept)

    def _base_of(self, blocks: tuple[np.ndarray, ...]) -> np.ndarray:
        """Give the base values of the games of blocks, (n_blocks, K)."""
        weights = self.masker.weights
        return np.stack([linked(weights[b] @ self.answers[b] / weights[b].sum(), self.link)
                         for b in blocks])

    def _ask(self, game: Game, plan: Plan) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Give v(all) (K,), and v(S) ∓ v(complement) for the pairs of blocks, (n_blocks, m, K)."""
        if not plan.blocks:
            values = game.values(np.ones((1, game.n_units), dtype=bool))
            return linked(values, self.link)[0], values[:0], values[:0]
        design = self._design(plan)
        kept = np.stack([_pairs_of(own, plan.active, game.n_units) for own in design.kept])
        everything = np.ones((len(kept), 1, game.n_units), dtype=bool)
        values = linked(game.block_values(np.concatenate([everything, kept], axis=1), plan.blocks),
                        self.link)
        first, second = values[:, 1::2], values[:, 2::2]
        return values[0, 0], first - second, first + second

    def _design(self, plan: Plan) -> PairedLeastSquares:
        """Give the coalitions of a plan's blocks."""
        return self._designed(len(plan.active), plan.n_pairs, plan.n_sets).take(plan.sets)

    def _measuring(self, n_units: int) -> PairedLeastSquares:
        """Give pairs of coalitions to measure the fidelity of exact values on."""
        n_pairs = min(max(2 * n_units, FIDELITY_PAIRS), all_pairs(n_units))
        return self._designed(n_units, int(n_pairs), 1)

    def _designed(self, n_units: int, n_pairs: int, n_sets: int) -> PairedLeastSquares:
        """Give sets of coalitions, drawn once for all rows that use them."""
        key = (n_units, n_pairs, n_sets)
        design = self.designs.get(key)
        if design is None:
            sets = [paired_coalitions(n_units, n_pairs, stream(self.seed, "coalitions", n_units, g))
                    for g in range(n_sets)]
            if self._noisy:
                # There is no end of answers to a question: having asked all of them once, one
                # does not know the values.
                sets = [replace(s, available=np.full_like(s.available, np.inf)) for s in sets]
            design = PairedLeastSquares.of(sets)
            # Two threads may both get here: they make the same design, so either will do.
            self.designs[key] = design
        return design


def _pairs_of(chosen: np.ndarray, active: np.ndarray, n_units: int) -> np.ndarray:
    """Give coalitions of active units (m, n_active), each before its complement, (2m, M)."""
    kept = np.zeros((2 * len(chosen), n_units), dtype=bool)
    kept[0::2, active], kept[1::2, active] = chosen, ~chosen
    return kept


def exact_by_background(
    game: Game, kept: np.ndarray, wanted: np.ndarray, interactions: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Give the exact Shapley values of the games of single background rows.

    In the game of background row b every unit equal to b is a dummy: only the 2^d coalitions
    of the d units that differ are asked, and each answer is added to the values as it comes in.

    Parameters
    ----------
    game : Game
    kept : bool array (n_coalitions, M)
        Coalitions whose values are wanted too; they are among those asked.
    wanted : bool array (B,)
        Which background rows.
    interactions : array (M, M, n_outputs), optional
        Where their interactions are added up, by the rows' weights.

    Returns
    -------
    by_background : array (B, M, n_outputs)
        Their weighted mean is the Shapley value of the whole game, which is linear in them; 0 for
        rows not wanted.
    values : array (n_coalitions, n_outputs)
        v(S), summed over the wanted rows by their weights.
    """
    n_background, n_units = game.row.differs.shape
    # An unwanted row's list is its own answer alone, which is known.
    starts, players, n_players = _submask_list(game.row.differs & wanted[:, None])
    gain, loss = shapley_weights(int(n_players.max()))
    masks, table = pack(kept), interaction_weights(int(n_players.max()))
    weights = np.where(wanted, game.row.weights, 0.0)
    halves = np.zeros((0, 0, 0)) if interactions is None else np.zeros(interactions.shape)
    shapley, values = np.zeros((0, 0, 0)), np.zeros((0, 0))
    for first in range(0, int(starts[-1]), game.chunk):
        n = min(game.chunk, int(starts[-1]) - first)
        ids = game.ask_submasks(starts, players, n_players, first, n)
        if first == 0:
            n_outputs = game.answers.shape[1]
            shapley = np.zeros((n_background, n_units, n_outputs))
            values = np.zeros((len(masks), n_outputs))
        add_marginals(starts, players, n_players, first, ids, game.answers, gain, loss, shapley)
        add_submasks(starts, players, n_players, first, masks, ids, game.answers, weights, values)
        if interactions is not None:
            add_interactions(starts, players, n_players, first, ids, game.answers, weights, table,
                             halves)
    if interactions is not None:
        interactions += halves + halves.transpose(1, 0, 2)
    return shapley, values


def _submask_list(differs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number the submasks of all background rows: starts (B + 1,), players (B, M), how many."""
    n_players = differs.sum(axis=1).astype(np.int64)
    players = np.argsort(~differs, axis=1, kind="stable").astype(np.int64)
    return np.concatenate([[0], np.cumsum(2**n_players)]).astype(np.int64), players, n_players


def linked(mean: np.ndarray, link: str) -> np.ndarray:
    """Put mean answers on the scale that contributions add up on."""
    if link == "identity":
        return mean
    if mean.min() < -CLIP or mean.max() > 1 + CLIP:
        raise ValueError(f"link='logit' needs probabilities between 0 and 1, but the model "
                         f"answers between {mean.min():.4g} and {mean.max():.4g}; use "
                         "link='identity', or wrap the model with output='proba'.")
    return logit(np.clip(mean, CLIP, 1 - CLIP))


def background_errors(
    weights: np.ndarray, plan: Plan, by_background: np.ndarray, variances: np.ndarray
) -> np.ndarray:
    """Give the errors (M, K) of values for the background being a sample of the rows there are.

    `by_background` (B, M, K) holds the values of each background row's game, those of its block
    where it was sampled: these spread less, by the number of rows in a block, and more, by the
    sampling of coalitions, `variances` (n_blocks, M, K). NaN for a single row or a single block.
    """
    if not plan.blocks:
        return mean_error(weights, by_background)
    n_blocks, n_sampled = len(plan.blocks), np.count_nonzero(~plan.exact)
    if n_blocks < 2:
        return np.full(by_background.shape[1:], np.nan)
    of_block = by_background[[block[0] for block in plan.blocks]]
    # Between rows of a block: what blocks spread, less what their sampling does.
    between = np.maximum(of_block.var(axis=0, ddof=1) - variances.mean(axis=0), 0.0)
    within = (n_sampled / n_blocks - 1.0) * between * weights[~plan.exact].sum()
    concentration = float((weights**2).sum())
    return np.sqrt(mean_error(weights, by_background)**2
                   + within * concentration / (1.0 - concentration))


def mean_error(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Standard error of a weighted mean over the first axis; NaN for a single row."""
    concentration = float((weights**2).sum())
    if concentration >= 1.0 - 1e-12:
        return np.full(values.shape[1:], np.nan)
    deviations = values - np.tensordot(weights, values, axes=1)
    variance = np.tensordot(weights, deviations**2, axes=1) / (1.0 - concentration)
    return np.sqrt(variance * concentration)
