"""What a row's Shapley values are to be got from: which background rows are asked how."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

BLOCKS = 10
"""Most blocks of background rows, each with coalitions of its own.

The mean over blocks has a fraction of the error of one set of coalitions on all rows, for the same
number of model rows; beyond ten the gain is small, and a Gaussian process likes smooth games."""
MOST_CELLS = 2**22
"""Most signs of coalitions in the design of a row: with more units there are fewer blocks."""
STEPS_TO_DOUBLE = 8
"""Numbers of pairs that differ from row to row are rounded down to a power of 2^(1/8), so that rows
share designs."""


@dataclass(frozen=True)
class Plan:
    """How to ask for one row's Shapley values.

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
    def few(self) -> bool:
        """Whether some sizes of coalitions are asked too seldom for standard errors."""
        n_units = len(self.active)
        return bool(self.blocks) and self.n_pairs < min(2 * n_units, all_pairs(n_units))


def plan_exact(differs: np.ndarray, *, additive: bool) -> Plan:
    """Plan to ask for everything: 2^d rows of each background row that differs in d units.

    Parameters
    ----------
    differs : bool array (B, M)
    additive : bool
        Whether the game is the mean of the games of single background rows. Where it is not (a
        link) each is asked about all that differs from any.
    """
    n_background = len(differs)
    active = np.flatnonzero(differs.any(axis=0))
    rows = power(differs.sum(axis=1)).sum() if additive else power(len(active)) * n_background
    return Plan(active, np.ones(n_background, dtype=bool), model_rows=float(rows))


def plan_sample(
    differs: np.ndarray, budget: int, *, most: int | None = None, additive: bool, mixed: bool = True
) -> Plan:
    """Plan to sample coalitions within a budget.

    Background rows whose own games take no more than their share of the budget are asked whole,
    which leaves more for the others. These form blocks, by position modulo the number of blocks.
    What is asked for a budget is asked for a larger one too, if `most` is the same.

    Parameters
    ----------
    differs : bool array (B, M)
    budget : int
        Model rows.
    most : int, optional
        The largest budget that this may grow to.
    additive : bool
        Whether the game is the mean of the games of single background rows. Where it is not (a
        link) there is one block of all.
    mixed : bool
        Whether any row may be asked whole.
    """
    n_background = len(differs)
    active = np.flatnonzero(differs.any(axis=0))
    n_units = len(active)
    # The two ends of a background row's game are known: its own answer, and the explained row's.
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


def block_count(n_background: int, n_pairs: int, n_units: int) -> int:
    """Give the number of blocks that a background is cut into."""
    return max(1, min(BLOCKS, n_background, MOST_CELLS // max(n_pairs * n_units, 1)))


def first_budget(differs: np.ndarray) -> int:
    """Give the model rows of the least number of pairs that standard errors can be told from."""
    return 1 + 4 * len(differs) * int(np.count_nonzero(differs.any(axis=0)))


def all_pairs(n_units: int) -> float:
    """Give the number of pairs of a coalition and its complement, none and all left out."""
    return float(power(n_units - 1)) - 1


def power(n: Any) -> Any:
    """Give 2ⁿ as a float; infinity where that is too large, which every budget is below."""
    with np.errstate(over="ignore"):
        return np.exp2(np.asarray(n, dtype=np.float64))


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
