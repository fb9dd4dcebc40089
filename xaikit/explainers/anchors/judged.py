"""What is found out about the rule of one row, whichever way rows under rules are had."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from xaikit.solvers.bounds import share_bounds
from xaikit.solvers.rule_search import Goal

VERIFIED, UNCONFIRMED, UNREACHED = "verified", "unconfirmed", "unreached"
FEW_ROWS, NO_BUDGET, CERTAINTY = "few rows", "budget", "certainty"
"""Why a search ended: see `RuleSet.stop_reasons`."""
MOST_COUNTERS = 3
"""Counter-examples that are kept for each rule."""


@dataclass(frozen=True)
class Judged:
    """A rule of one row, and what fresh rows say of it; see `RuleSet`.

    Attributes
    ----------
    rule : Rule or Shown
    counters : list
        Rows, texts or images under the rule for which the model says something else, the nearest
        first.
    counter_said : array
        What it says of them.
    """

    rule: Any
    precision: float
    precision_lower: float
    precision_upper: float
    coverage: float
    coverage_lower: float
    coverage_upper: float
    n_checked: int
    steps: tuple[float, ...]
    stop: str
    reason: str = ""
    distribution: str = "interventional"
    counters: Any = None
    counter_said: Any = field(default_factory=lambda: np.zeros(0, dtype=object))

    @property
    def verified(self) -> bool:
        """Whether fresh rows confirm the rule."""
        return self.stop == VERIFIED


def two_sided(successes: int, trials: int, error: float) -> tuple[float, float]:
    """Return the interval of a share that is wrong with probability `error` at most."""
    lower, upper = share_bounds(successes, trials, error / 2.0)
    return float(lower), float(upper)


def why(stop: str, goal: Goal, n_rows: int = 0, lower: float = 0.0) -> str:
    """Return in words why a rule is not verified.

    Parameters
    ----------
    stop : str
        One of the reasons above.
    goal : Goal
    n_rows : int
        Rows that the best rule was judged by...
    lower : float
        ...and the lower bound on its precision.
    """
    best = f"the best is sure of {lower:.3f} on {n_rows:,} rows"
    return {
        VERIFIED: "",
        CERTAINTY: "no number of rows confirms a precision of 1; ask for less, such as 0.99",
        FEW_ROWS: f"the pool is too small: a precision of {goal.precision:g} takes "
                  f"{2 * goal.least} rows at least",
        UNCONFIRMED: "fresh rows did not confirm any rule that was found",
        UNREACHED: f"no rule reached the precision; {best}",
        NO_BUDGET: f"the budget ended before a rule was certain; {best}",
    }[stop]
