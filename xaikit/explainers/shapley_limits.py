"""When to stop asking about a row: model rows, seconds, an error small enough."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xaikit.explainers.shapley_plan import BLOCKS, MOST_CELLS

GROWTH = (2.0, 1.7, 1.4, 1.2)
"""How much a round may be larger than the one before: the first of these that the time allows."""
UNITS_OF_TIME = {"ms": 1e-3, "s": 1.0, "sec": 1.0, "min": 60.0, "h": 3600.0}
PAIRS_PER_UNIT = 8
"""With a time as budget, at least so many pairs per unit are allowed."""


@dataclass(frozen=True)
class Limits:
    """Limits on the work for one row.

    Attributes
    ----------
    model_rows : int or None
        None: no limit.
    tol : float or None
        Stop once the largest standard error is at most this share of the range of values.
    seconds : float or None
        Seconds a row, on average.
    """

    model_rows: int | None
    tol: float | None = None
    seconds: float | None = None

    @property
    def in_rounds(self) -> bool:
        """Whether to begin with few questions and to look before asking more."""
        return self.tol is not None or self.seconds is not None

    def met(self, values: np.ndarray, errors: np.ndarray) -> bool:
        """Say whether the errors (M, K) are small enough beside the values, for every output."""
        if self.tol is None:
            return False
        spread = values.max(axis=0) - values.min(axis=0)
        # A constant model has neither values nor errors.
        return bool(np.all(errors.max(axis=0) <= self.tol * spread))


@dataclass(frozen=True)
class Allowance:
    """What a user allowed, from which each row's limits follow.

    `seconds` is the share of each row, where the budget is a time.
    """

    budget: int | str
    solver: str
    tol: float | None
    seconds: float | None

    def limits(self, n_units: int, n_background: int) -> Limits:
        """Give the limits of a row with so many units and stand-ins."""
        if self.seconds is not None:
            return Limits(most_model_rows(n_units, n_background), self.tol, self.seconds)
        exact = self.solver == "exact"
        if self.budget != "auto":
            return Limits(int(self.budget), None if exact else self.tol)
        if exact:
            return Limits(None)
        return Limits((16 * n_units + 256) * n_background, self.tol)


def growth(elapsed: float, solving: float, seconds: float | None) -> float:
    """Say how much larger the next round may be; 1 for not at all.

    Parameters
    ----------
    elapsed : float
        Seconds that the row took so far.
    solving : float
        Those of them that the last round's solve took, which grow with the cube of what is asked
        at worst.
    seconds : float or None
        Seconds for the row.
    """
    if seconds is None:
        return GROWTH[0]
    asking = max(elapsed - solving, 0.0)
    fitting = (f for f in GROWTH if elapsed + asking * (f - 1.0) + solving * f**3 <= seconds)
    return next(fitting, 1.0)


def parse_seconds(text: str) -> float | None:
    """Read a time such as "90s", "2min" or "1.5 h"; None if it is none.

    Examples
    --------
    >>> parse_seconds("2min"), parse_seconds("a while")
    (120.0, None)
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([a-z]+)\s*", text.lower())
    if found is None or found[2] not in UNITS_OF_TIME or float(found[1]) == 0.0:
        return None
    return float(found[1]) * UNITS_OF_TIME[found[2]]


def most_model_rows(n_units: int, n_background: int) -> int:
    """Give the model rows at which to stop when nothing but a time was set."""
    pairs = max(PAIRS_PER_UNIT * n_units, MOST_CELLS // (BLOCKS * n_units))
    return 1 + 2 * n_background * pairs


@dataclass(frozen=True, eq=False)
class Forecast:
    """What an explanation will cost at most. Made by `KernelSHAP.forecast`.

    Attributes
    ----------
    model_rows : array (n_rows,)
        Most rows the model is asked for each explained row; equal questions are asked once.
    solvers : tuple of str
        How each row will be solved.
    calls : int
        Calls of the model.
    model_seconds : float
        Seconds in the model, by the pace that it had in `fit`, on one worker.
    """

    model_rows: np.ndarray
    solvers: Sequence[str]
    calls: int
    model_seconds: float

    def __repr__(self) -> str:
        counts: dict[str, int] = {}
        for solver in self.solvers:
            counts[solver] = counts.get(solver, 0) + 1
        shown = ", ".join(f"{n:,} {solver}" for solver, n in counts.items())
        return (f"<Forecast: at most {int(self.model_rows.sum()):,} model rows in {self.calls:,} "
                f"calls, about {self.model_seconds:.2g} s in the model; {shown}>")


def check_budget(budget: Any, solver: str) -> None:
    """Refuse what is no budget."""
    timed = isinstance(budget, str) and parse_seconds(budget) is not None
    whole = isinstance(budget, int | np.integer) and not isinstance(budget, bool) and budget >= 1
    if not (whole or timed or (isinstance(budget, str) and budget == "auto")):
        raise ValueError("budget must be a positive number of model rows, 'auto', or a time such "
                         f"as '30s', '2min' or '1h', got {budget!r}.")
    if timed and solver == "exact":
        raise ValueError(f"budget={budget!r} cannot be kept by solver='exact', whose questions are "
                         "fixed; use solver='auto', or a number of model rows.")
