"""The Shapley values of one row's game: which way to solve it, and asking what that needs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from xaikit.explainers.masked import RowResult
from xaikit.explainers.shapley_designs import Design, Designs, choosing_seconds, pairs_of
from xaikit.explainers.shapley_exact import exact_by_background, submask_list
from xaikit.explainers.shapley_plan import Plan, all_pairs, plan_exact, plan_sample
from xaikit.explainers.shapley_scale import background_errors, linked, mean_error, slope
from xaikit.sampling.coalitions import all_coalitions
from xaikit.sampling.game import Game
from xaikit.solvers.even_process import EvenProcess
from xaikit.solvers.odd_process import OddProcess, solving_seconds
from xaikit.solvers.shapley import exact_from_all, explained, interactions_from_all

MOST_EXACT_QUESTIONS = 2**26
"""Beyond this many composed rows for one explained row, exact values are refused."""
ROUNDING = 64 * np.finfo(np.float64).eps
"""Values below this share of the answers' size are rounding errors of the sums they came from."""
MOST_LINKED_UNITS = 16
"""Most units for exact values of a linked game, which is held whole: 65,536 coalitions."""
MOST_COUNTED_QUESTIONS = 2**18
"""Most questions whose different ones are counted to see whether they fit a budget."""
PROCESS_MATRICES = 12
"""Matrices of pairs × pairs that the odd process holds at a time; choosing pairs takes fewer."""
EVEN_MATRICES = 8
"""Matrices of pairs × pairs that the even process holds at a time."""


@dataclass
class ShapleyRow(RowResult):
    """What was found for one row; its interactions, if wanted, are arrays (M, M, K).

    Interactions are the Shapley interaction indices of two units, 0 on the diagonal.
    """

    interactions: np.ndarray | None = None
    interaction_variances: np.ndarray | None = None

    @property
    def solver(self) -> str:
        """How it was solved."""
        return str(self.details["solver"])


@dataclass(frozen=True)
class Rules:
    """How games are solved; the same for all rows.

    `pace` is the model's seconds a row, by which `solver="auto"` chooses. `noise` (K,) is the
    variance of its answers to the same question.
    """

    solver: str
    link: str
    max_memory: int
    pace: float
    noise: np.ndarray
    interactions: bool
    designs: Designs

    @property
    def noisy(self) -> bool:
        """Whether the model answers the same question differently each time."""
        return self.designs.noisy

    def settled(self, last: GameSolve) -> Rules:
        """Give rules by which smaller games of a row are solved like its `last`."""
        if self.solver == "auto" and last.samples_some:
            return replace(self, solver=last.solver)
        return self


class GameSolve:
    """Solves one game within a budget.

    Parameters
    ----------
    rules : Rules
    game : Game
    budget : int or None
        Model rows; None: no limit.
    most : int or None
        What the budget may grow to.

    Attributes
    ----------
    plan : Plan
    solver : {"exact", "wls", "gp"}
    samples_some : bool
        Whether some of all pairs of coalitions are asked, not all.
    chooses : bool
        Whether some of these are chosen for the process, not drawn.
    """

    def __init__(self, rules: Rules, game: Game, budget: int | None, most: int | None) -> None:
        self.rules, self.game = rules, game
        self.weights = game.row.weights
        self.budget = budget
        self.plan = self._planned(budget, most)
        self.samples_some = bool(
            self.plan.blocks and self.plan.n_pairs < all_pairs(len(self.plan.active)))
        self.solver = self._chosen()
        # The choice is for the odd part alone; interactions, of the even part, had intervals that
        # held too seldom by it.
        self.chooses = self.samples_some and self.solver == "gp" and not rules.interactions

    def solve(self) -> ShapleyRow:
        """Ask as much as the budget allows, and solve."""
        plan, link = self.plan, self.rules.link
        self.check_memory()
        answers = self.game.background_answers
        mean = self.weights @ answers
        base, self._slope = linked(mean, link), slope(mean, link)
        # All that sampling needs is asked at once: the row itself, and the pairs of coalitions.
        prediction, differences, sums = self._ask()
        shape = (self.game.n_units, len(prediction))
        row = ShapleyRow(
            np.zeros(shape), np.zeros(shape), base, prediction, np.full(shape[1], np.nan),
            mean_error(self.weights, answers) * self._slope,
            {"solver": self.solver, "noise": np.full(shape[1], np.nan)},
            {"background_errors": np.full(shape, np.nan)})
        if self.rules.interactions:
            row.interactions = np.zeros((shape[0], *shape))
            row.interaction_variances = np.zeros((shape[0], *shape))
        # What is left of sums of rounded numbers is no contribution: a dummy's value is 0.
        rounding = ROUNDING * np.maximum(
            np.abs(linked(answers, link)).max(axis=0), np.abs(prediction))
        unexplained = np.zeros(shape[1])
        if len(plan.active) == 1:
            # Alone in its game a unit takes all there is between the two ends.
            row.values[plan.active[0]] = prediction - base
        elif len(plan.active) > 1 and link != "identity" and not plan.blocks:
            unexplained = self._solve_linked(row, prediction - base)
        elif len(plan.active) > 1:
            unexplained = self._add_up(row, differences)
            if row.interactions is not None and plan.blocks:
                self._add_interactions(row, sums)
        if len(plan.active) > 0:
            row.fidelity = explained(row.values[plan.active], unexplained, rounding)
        if self.rules.noisy and not plan.blocks:
            # Exact sums of answers that differ each time: by how much is not known.
            row.errors[plan.active] = np.nan
            if row.interaction_variances is not None:
                row.interaction_variances[np.ix_(plan.active, plan.active)] = np.nan
        row.values[np.abs(row.values) <= rounding] = 0.0
        return row

    def _planned(self, budget: int | None, most: int | None) -> Plan:
        differs, additive = self.game.row.differs, self.rules.link == "identity"
        plan = plan_exact(differs, additive=additive)
        if len(plan.active) < 2 or self._exact_fits(plan, budget):
            return plan
        # The errors of answers that differ each time are seen where many share in a value.
        return plan_sample(differs, budget or 0, most=most, additive=additive,
                           mixed=not self.rules.noisy)

    def _exact_fits(self, plan: Plan, budget: int | None) -> bool:
        solver = self.rules.solver
        if solver in ("wls", "gp") or (solver == "auto" and self.rules.noisy):
            return False
        limit = MOST_EXACT_QUESTIONS if budget is None else budget
        if self.rules.link != "identity" and len(plan.active) > MOST_LINKED_UNITS:
            limit = 0
        needed = plan.model_rows
        if needed <= limit or (limit > 0 and self._different_fit(needed, limit)):
            return True
        if solver == "exact":
            raise ValueError(
                f"exact values of this row take up to {needed:,.0f} model rows, more than "
                + ("is sensible" if budget is None or limit == 0
                   else f"the budget of {budget:,}")
                + "; use solver='wls', fewer background rows, or groups of columns."
            )
        return False

    def _chosen(self) -> str:
        """Say how the plan's blocks are solved: "exact" if it has none."""
        plan, rules = self.plan, self.rules
        if not plan.blocks:
            return "exact"
        # With every pair asked least squares is exact, and nothing is left to learn.
        if not rules.noisy and not self.samples_some:
            return "wls"
        if plan.few:
            # Some sizes were hardly asked: there is nothing to learn from yet.
            return "wls"
        if rules.solver != "auto":
            return rules.solver
        of_process = (solving_seconds(len(plan.blocks), plan.n_pairs, len(rules.noise))
                      + choosing_seconds(len(plan.active), plan.n_pairs))
        worth = of_process <= rules.pace * plan.model_rows
        return "gp" if worth and self._memory_of(plan.n_pairs) <= rules.max_memory else "wls"

    @staticmethod
    def _memory_of(n_pairs: int) -> int:
        return PROCESS_MATRICES * 8 * (n_pairs + 1)**2

    def _different_fit(self, needed: float, limit: int) -> bool:
        """Say whether the different ones of too many questions fit; counting them costs no row."""
        if self.rules.link != "identity" or not limit < needed <= MOST_COUNTED_QUESTIONS:
            return False
        return self.game.count_submasks(*submask_list(self.game.row.differs)) <= limit

    def _solve_linked(self, row: ShapleyRow, total: np.ndarray) -> np.ndarray:
        """Solve a linked game, asked whole; give what the values leave unexplained."""
        active = self.plan.active
        kept = np.zeros((2 ** len(active), self.game.n_units), dtype=bool)
        kept[:, active] = all_coalitions(len(active))
        every = linked(self.game.values(kept), self.rules.link)
        row.values[active] = exact_from_all(every)
        if row.interactions is not None:
            row.interactions[np.ix_(active, active)] = interactions_from_all(every)
        design = self.rules.designs.measuring(len(active))
        number = design.kept[0] @ (1 << np.arange(len(active)))
        differences = every[number] - every[len(every) - 1 - number]
        return design.unexplained(row.values[active][None], differences[None], total[None])[0]

    def _add_up(self, row: ShapleyRow, differences: np.ndarray) -> np.ndarray:
        """Add up exact and sampled games; give what the values leave unexplained."""
        weights, plan = self.weights, self.plan
        unexplained = np.zeros(row.values.shape[1])
        by_background = np.zeros((len(weights), *row.values.shape))
        variances = np.zeros((0, *row.values.shape))
        if plan.exact.any():
            by_background, squares = self._solve_exactly(row.interactions)
            unexplained += weights[plan.exact].sum() * squares
        row.values += np.einsum("b,buk->uk", weights, by_background)
        if plan.blocks:
            of_block = np.array([weights[b].sum() for b in plan.blocks])
            totals = row.prediction - self._base_of_blocks()
            values, spread, squares = self._solve_sample(row, differences, totals)
            variances = np.zeros((len(values), *row.values.shape))
            variances[:, plan.active] = spread
            for block, of_units in zip(plan.blocks, values, strict=True):
                by_background[np.ix_(block, plan.active)] = of_units
            row.values[plan.active] += np.einsum("g,guk->uk", of_block, values)
            squares_of_errors = np.einsum("g,guk->uk", of_block**2, variances)
            # The values add up to the prediction and the base as they were answered, and share
            # the noise of these two.
            squares_of_errors[plan.active] += (
                self._noise * (1.0 + (weights**2).sum()) / len(plan.active)**2)
            row.errors = np.sqrt(squares_of_errors)
            # The squares of a mean of games are at most the mean of their squares.
            unexplained += of_block @ squares
        row.unit_details["background_errors"] = background_errors(
            weights, plan, by_background, variances)
        return unexplained

    def _solve_exactly(self, interactions: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Give the values of background rows asked whole (0 for others), and what they leave.

        Their weighted interactions are added to `interactions`, where these are wanted.
        """
        plan, game = self.plan, self.game
        design = self.rules.designs.measuring(len(plan.active))
        kept = pairs_of(design.kept[0], plan.active, game.n_units)
        weights = np.where(plan.exact, self.weights, 0.0)
        by_background, values = exact_by_background(game, kept, plan.exact, interactions)
        share = weights.sum()
        mean = np.einsum("b,buk->uk", weights, by_background)[plan.active]
        left = design.unexplained(mean[None], (values[0::2] - values[1::2])[None],
                                  mean.sum(axis=0)[None])[0]
        return by_background, left / share**2

    def _solve_sample(
        self, row: ShapleyRow, differences: np.ndarray, totals: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Solve the games of blocks, by least squares and then the odd process."""
        design = self._design()
        values, variances, unexplained = design.least_squares(differences, totals)
        if row.solver == "gp":
            found = OddProcess(design.kept).solve(
                differences, totals, values, self._noise_of_differences())
            if found.converged:
                values, variances = found.values, found.variances
                row.details["noise"] = found.noise
            else:
                row.details["solver"] = "wls"
                row.warnings.append("The Gaussian process found no likely parameters for some "
                                    "rows, whose values are those of least squares (wls).")
        if self.plan.few:
            row.warnings.append(
                f"The budget of {self.budget} model rows is so small that some "
                "coalition sizes were not asked often enough: standard errors are not known. "
                "Raise the budget.")
        return values, variances, unexplained

    def _add_interactions(self, row: ShapleyRow, sums: np.ndarray) -> None:
        """Add the interactions of the sampled games, and their variances."""
        plan, design = self.plan, self._design()
        shares = np.array([self.weights[b].sum() for b in plan.blocks])
        ends = row.prediction + self._base_of_blocks()
        # All sets are solved together; of more pairs than memory holds, evenly chosen ones are.
        most = int(np.sqrt(self.rules.max_memory / (8 * EVEN_MATRICES))) // len(shares) - 1
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

    @property
    def _noise(self) -> np.ndarray:
        """The variance of answers to the same question, on the scale of contributions."""
        return self.rules.noise * self._slope**2

    def _noise_of_differences(self) -> np.ndarray:
        """Give the variance (K,) of a difference of two means over a block's rows."""
        weights = self.weights
        sizes = np.mean([weights[b].sum()**2 / (weights[b]**2).sum() for b in self.plan.blocks])
        return 2.0 * self._noise / sizes

    def _design(self) -> Design:
        return self.rules.designs.of(self.plan, chosen=self.chooses)

    def check_memory(self) -> None:
        """Refuse more pairs than there is memory for in the process."""
        if self.solver != "gp":
            return
        n_pairs = self.plan.n_pairs
        needed = self._memory_of(n_pairs)
        if needed > self.rules.max_memory:
            most = most_pairs(self.rules.max_memory)
            raise ValueError(
                f"solver='gp' takes {needed / 2**20:,.0f} MiB for {n_pairs:,} pairs of coalitions, "
                f"more than max_memory={self.rules.max_memory / 2**20:,.0f} MiB: use "
                f"solver='wls', a budget of at most {2 * most * len(self.weights) + 1:,} model "
                "rows, or more memory."
            )

    def _base_of_blocks(self) -> np.ndarray:
        """Give the base values of the games of blocks, (n_blocks, K)."""
        weights, answers = self.weights, self.game.background_answers
        return np.stack([linked(weights[b] @ answers[b] / weights[b].sum(), self.rules.link)
                         for b in self.plan.blocks])

    def _ask(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Give v(all) (K,), and v(S) ∓ v(complement) for the pairs of blocks, (n_blocks, m, K)."""
        plan, game, link = self.plan, self.game, self.rules.link
        if not plan.blocks:
            values = game.values(np.ones((1, game.n_units), dtype=bool))
            return linked(values, link)[0], values[:0], values[:0]
        design = self._design()
        kept = np.stack([pairs_of(own, plan.active, game.n_units) for own in design.kept])
        everything = np.ones((len(kept), 1, game.n_units), dtype=bool)
        values = linked(game.block_values(np.concatenate([everything, kept], axis=1), plan.blocks),
                        link)
        first, second = values[:, 1::2], values[:, 2::2]
        return values[0, 0], first - second, first + second


def most_pairs(max_memory: int) -> int:
    """Give the pairs that the odd process has memory for."""
    return int(np.sqrt(max_memory / (8 * PROCESS_MATRICES))) - 1
