"""Plans: which background rows are asked whole, which are sampled, and by which solver."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from xaikit.explainers.shapley.designs import Designs, Key, choosing_seconds
from xaikit.sampling.coalitions import all_pairs, power
from xaikit.sampling.game import Game, submask_list
from xaikit.solvers.odd_process import solving_seconds

BLOCKS = 10
"""Most blocks of background rows, each with coalitions of its own.

The mean over blocks has a fraction of the error of one set of coalitions on all rows, for the same
number of model rows; beyond ten the gain is small, and a Gaussian process likes smooth games."""
MOST_CELLS = 2**22
"""Most signs of coalitions in the design of a row: with more units there are fewer blocks."""
STEPS_TO_DOUBLE = 8
"""Numbers of pairs that differ from row to row are rounded down to a power of 2^(1/8), so that rows
share designs."""
MOST_EXACT_QUESTIONS = 2**26
"""Beyond this many composed rows for one explained row, exact values are refused."""
MOST_LINKED_UNITS = 16
"""Most units for exact values of a linked game, which is held whole: 65,536 coalitions."""
MOST_COUNTED_QUESTIONS = 2**18
"""Most questions that are compared with each other to see how many different ones there are."""
PROCESS_MATRICES = 12
"""Matrices of pairs × pairs that the odd process holds at a time; choosing pairs takes fewer."""
SECONDS_A_ROW = 1e-5
"""What ``solver="auto"`` assumes that a model takes for a row, between boosted trees and forests.

No clock decides which solver is used."""


@dataclass(frozen=True)
class Plan:
    """What to ask for one row's Shapley values.

    Attributes
    ----------
    active : int array
        Units that differ from some background row; the others are dummies.
    exact : bool array (B,)
        Background rows whose own games are asked whole.
    blocks : tuple of int arrays
        The other background rows, each block sharing `n_pairs` pairs of coalitions.
    sets : int array (n_blocks,)
        Which of the `n_sets` sets of pairs each block takes.
    n_pairs, n_sets : int
    model_rows : float
        Most rows that the model is asked.
    """

    active: np.ndarray
    exact: np.ndarray
    blocks: tuple[np.ndarray, ...] = ()
    sets: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    n_pairs: int = 0
    n_sets: int = 0
    model_rows: float = 1.0

    @property
    def partial(self) -> bool:
        """Whether some of all pairs of coalitions are asked, not all."""
        return bool(self.blocks) and self.n_pairs < all_pairs(len(self.active))

    @property
    def few(self) -> bool:
        """Whether some sizes of coalitions are asked too rarely for standard errors."""
        n_units = len(self.active)
        return bool(self.blocks) and self.n_pairs < min(2 * n_units, all_pairs(n_units))


def plan_exact(differs: np.ndarray, *, additive: bool) -> Plan:
    """Plan to ask everything: 2^d rows of each background row that differs in d units.

    Parameters
    ----------
    differs : bool array (B, M)
    additive : bool
        Whether the game is the mean of the games of single background rows. If it is not (a
        link), each row is asked about all units that differ from any row.
    """
    n_background = len(differs)
    active = np.flatnonzero(differs.any(axis=0))
    rows = power(differs.sum(axis=1)).sum() if additive else power(len(active)) * n_background
    return Plan(active, np.ones(n_background, dtype=bool), model_rows=float(rows))


def plan_sample(
    differs: np.ndarray, budget: int, *, most: int | None = None, additive: bool, mixed: bool = True
) -> Plan:
    """Plan to sample coalitions within a budget.

    Background rows whose own games cost no more than their share of the budget are asked whole,
    which leaves more for the others. The others form blocks, by position modulo the number of
    blocks. A larger budget asks all that a smaller one does, if `most` is the same.

    Parameters
    ----------
    differs : bool array (B, M)
    budget : int
        Model rows.
    most : int, optional
        The largest budget that this may grow to.
    additive : bool
        Whether the game is the mean of the games of single background rows. If it is not (a
        link), all rows form one block.
    mixed : bool
        Whether any row may be asked whole.
    """
    n_background = len(differs)
    active = np.flatnonzero(differs.any(axis=0))
    n_units = len(active)
    # Both ends of a background row's game are known: its own answer and the explained row's.
    costs = np.maximum(power(differs.sum(axis=1)) - 2.0, 0.0)
    exact = np.zeros(n_background, dtype=bool)
    while additive and mixed:
        affordable = 2.0 * _affordable_pairs(budget - costs[exact].sum(), (~exact).sum())
        more = ~exact & (costs <= affordable)
        if not more.any():
            break
        exact |= more
    left, spent = np.flatnonzero(~exact), float(costs[exact].sum())
    if len(left) == 0:
        return Plan(active, exact, model_rows=1.0 + spent)
    n_sets = 1
    if additive:
        n_sets = block_count(n_background, _affordable_pairs(most or budget, n_background), n_units)
    n_pairs = _enough_pairs(_affordable_pairs(budget - spent, len(left)), n_units, budget,
                            n_background)
    if n_sets > 1:
        n_pairs = min(n_pairs, MOST_CELLS // (n_sets * n_units))
    if exact.any():
        n_pairs = _round_down(n_pairs, n_units)
    chosen = [left[left % n_sets == g] for g in range(n_sets)]
    sets = np.array([g for g in range(n_sets) if len(chosen[g])])
    return Plan(active, exact, tuple(chosen[g] for g in sets), sets, n_pairs, n_sets,
                1.0 + spent + 2.0 * n_pairs * len(left))


def check_budget(differs: np.ndarray, budget: int) -> None:
    """Raise ValueError if a budget is too small for any plan of a row, without asking the model.

    `differs` is that of `plan_sample`. A budget that passes may still turn out to be too small.
    """
    # The questions about one background row all differ from each other.
    if differs.any(axis=0).sum() >= 2 and power(differs.sum(axis=1)).max() - 2.0 > budget:
        plan_sample(differs, budget, additive=True)


def block_count(n_background: int, n_pairs: int, n_units: int) -> int:
    """Return the number of blocks that a background is cut into."""
    return max(1, min(BLOCKS, n_background, MOST_CELLS // max(n_pairs * n_units, 1)))


def first_budget(differs: np.ndarray) -> int:
    """Return the model rows of the fewest pairs that yield standard errors."""
    return 1 + 4 * len(differs) * int(np.count_nonzero(differs.any(axis=0)))


def _affordable_pairs(budget: float, n_background: int) -> int:
    # One row is the explained row itself; a pair is two coalitions on every background row.
    return int((budget - 1) // (2 * max(n_background, 1)))


def _enough_pairs(n_pairs: int, n_units: int, budget: int, n_background: int) -> int:
    least = int(min(n_units, all_pairs(n_units)))
    if n_pairs < least:
        raise ValueError(
            f"budget={budget} model rows buys {max(n_pairs, 0)} pairs of coalitions on "
            f"{n_background} background rows, and {n_units} units need at least {least}: "
            f"raise the budget to {2 * n_background * least + 1} or more, or use fewer "
            "background rows or groups of columns."
        )
    return int(min(n_pairs, all_pairs(n_units)))


def _round_down(n_pairs: int, n_units: int) -> int:
    step = np.floor(STEPS_TO_DOUBLE * np.log2(n_pairs)) / STEPS_TO_DOUBLE
    return max(int(2.0**step), int(min(n_units, all_pairs(n_units))))


@dataclass(frozen=True)
class Rules:
    """How games are solved; the same for all rows.

    Attributes
    ----------
    solver : {"auto", "exact", "wls", "gp"}
    link : {"identity", "logit"}
    max_memory : int
    noise : array (n_outputs,)
        Variance of the model's answers to the same request.
    interactions : bool
    designs : Designs
    """

    solver: str
    link: str
    max_memory: int
    noise: np.ndarray
    interactions: bool
    designs: Designs

    @property
    def noisy(self) -> bool:
        """Whether the model answers the same question differently each time."""
        return self.designs.noisy

    def fixed(self, last: Choice) -> Rules:
        """Return rules by which smaller games of a row are solved as its `last` one is."""
        if self.solver == "auto" and last.plan.partial:
            return replace(self, solver=last.solver)
        return self


@dataclass(frozen=True)
class Choice:
    """A plan, and how its blocks are solved: "exact" if it has none, "wls" or "gp"."""

    plan: Plan
    solver: str
    chooses: bool
    """Whether pairs are chosen for the process, beyond those drawn."""

    @property
    def key(self) -> Key:
        """The design of the plan's blocks."""
        return len(self.plan.active), self.plan.n_pairs, self.plan.n_sets, self.chooses


def choose(rules: Rules, game: Game, budget: int | None, most: int | None) -> Choice:
    """Choose what to ask about a game, and how to solve it.

    Parameters
    ----------
    rules : Rules
    game : Game
    budget : int or None
        Model rows; None: no limit.
    most : int or None
        What the budget may grow to.

    Raises
    ------
    ValueError
        If the budget or the memory is too small.
    """
    plan = _planned(rules, game, budget, most)
    solver = _chosen_solver(rules, plan)
    if solver == "gp":
        _check_memory(rules, plan, len(game.row.weights))
    # Pairs are chosen for the odd part alone; intervals of interactions, which are of the even
    # part, held too seldom with them.
    return Choice(plan, solver, plan.partial and solver == "gp" and not rules.interactions)


def _planned(rules: Rules, game: Game, budget: int | None, most: int | None) -> Plan:
    differs, additive = game.row.differs, rules.link == "identity"
    plan = plan_exact(differs, additive=additive)
    if len(plan.active) < 2 or _exact_fits(rules, game, plan, budget):
        return plan
    # The errors of answers that differ each time are seen where many share in a value.
    return plan_sample(differs, budget or 0, most=most, additive=additive, mixed=not rules.noisy)


def _exact_fits(rules: Rules, game: Game, plan: Plan, budget: int | None) -> bool:
    if rules.solver in ("wls", "gp") or (rules.solver == "auto" and rules.noisy):
        return False
    limit = MOST_EXACT_QUESTIONS if budget is None else budget
    if rules.link != "identity" and len(plan.active) > MOST_LINKED_UNITS:
        limit = 0
    needed = plan.model_rows
    if needed <= limit or (limit > 0 and _different_fit(rules, game, needed, limit)):
        return True
    if rules.solver == "exact":
        raise ValueError(
            f"exact values of this row take up to {needed:,.0f} model rows, more than "
            + ("is sensible" if budget is None or limit == 0 else f"the budget of {budget:,}")
            + "; use solver='wls', fewer background rows, or groups of columns."
        )
    return False


def _different_fit(rules: Rules, game: Game, needed: float, limit: int) -> bool:
    """Return whether the different ones of too many questions fit; counting them asks nothing."""
    if rules.link != "identity" or not limit < needed <= MOST_COUNTED_QUESTIONS:
        return False
    return game.count_submasks(*submask_list(game.row.differs)) <= limit


def _chosen_solver(rules: Rules, plan: Plan) -> str:
    if not plan.blocks:
        return "exact"
    # With every pair asked, least squares is exact and nothing is left to learn. With some sizes
    # hardly asked, there is nothing to learn from yet.
    if (not rules.noisy and not plan.partial) or plan.few:
        return "wls"
    if rules.solver != "auto":
        return rules.solver
    of_process = (solving_seconds(len(plan.blocks), plan.n_pairs, len(rules.noise))
                  + choosing_seconds(len(plan.active), plan.n_pairs))
    worth = of_process <= SECONDS_A_ROW * plan.model_rows
    return "gp" if worth and _process_bytes(plan.n_pairs) <= rules.max_memory else "wls"


def _check_memory(rules: Rules, plan: Plan, n_background: int) -> None:
    needed = _process_bytes(plan.n_pairs)
    if needed > rules.max_memory:
        most = most_pairs(rules.max_memory)
        # Fewer pairs than units say nothing of some units.
        budget = (f", a budget of at most {2 * most * n_background + 1:,} model rows"
                  if most >= len(plan.active) else "")
        raise ValueError(
            f"solver='gp' takes {needed:,} bytes for {plan.n_pairs:,} pairs of coalitions, more "
            f"than max_memory={rules.max_memory:,}: use solver='wls'{budget}, or more memory.")


def _process_bytes(n_pairs: int) -> int:
    return PROCESS_MATRICES * 8 * (n_pairs + 1)**2


def most_pairs(max_memory: int) -> int:
    """Return the number of pairs that the odd process has memory for."""
    return int(np.sqrt(max_memory / (8 * PROCESS_MATRICES))) - 1
