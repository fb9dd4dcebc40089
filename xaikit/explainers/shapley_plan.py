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
        Which set of pairs each block takes.
    sampled : int array
        Units that differ from some row of a block.
    n_pairs : int
    """

    active: np.ndarray
    exact: np.ndarray
    blocks: tuple[np.ndarray, ...] = ()
    sets: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    sampled: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    n_pairs: int = 0


def plan_exact(differs: np.ndarray) -> Plan:
    """Plan to ask for everything."""
    return Plan(np.flatnonzero(differs.any(axis=0)), np.ones(len(differs), dtype=bool))


def plan_sample(differs: np.ndarray, budget: int, *, additive: bool) -> Plan:
    """Plan to sample coalitions within a budget.

    Background rows whose own games take no more than their share of the budget are asked whole,
    which leaves more for the others. These form blocks, by position modulo the number of blocks.

    Parameters
    ----------
    differs : bool array (B, M)
    budget : int
        Model rows.
    additive : bool
        Whether the game is the mean of the games of single background rows. Where it is not (a
        link) there is one block of all.
    """
    n_background = len(differs)
    # The two ends of a background row's game are known: its own answer, and the explained row's.
    costs = np.maximum(power(differs.sum(axis=1)) - 2.0, 0.0)
    exact = np.zeros(n_background, dtype=bool)
    while additive:
        most = 2.0 * _affordable_pairs(budget - costs[exact].sum(), (~exact).sum())
        more = ~exact & (costs <= most)
        if not more.any():
            break
        exact |= more
    active = np.flatnonzero(differs.any(axis=0))
    left = np.flatnonzero(~exact)
    if len(left) == 0:
        return Plan(active, exact)
    sampled = np.flatnonzero(differs[left].any(axis=0))
    n_pairs = _affordable_pairs(budget - costs[exact].sum(), len(left))
    n_pairs = _enough_pairs(n_pairs, len(sampled), budget, n_background)
    if exact.any():
        n_pairs = _round_down(n_pairs, len(sampled))
    n_blocks = block_count(n_background, n_pairs, len(sampled)) if additive else 1
    chosen = [left[left % n_blocks == g] for g in range(n_blocks)]
    sets = np.array([g for g in range(n_blocks) if len(chosen[g])])
    return Plan(active, exact, tuple(chosen[g] for g in sets), sets, sampled, n_pairs)


def block_count(n_background: int, n_pairs: int, n_units: int) -> int:
    """Give the number of blocks that a background is cut into."""
    return max(1, min(BLOCKS, n_background, MOST_CELLS // (n_pairs * n_units)))


def few_pairs(plan: Plan) -> bool:
    """Say whether some sizes of coalitions were asked too seldom for standard errors."""
    n_units = len(plan.sampled)
    return bool(plan.blocks) and plan.n_pairs < min(2 * n_units, all_pairs(n_units))


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
