"""The Shapley values of single rows, in rounds of more and more questions where that may save some.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xaikit.explainers.games import Turn
from xaikit.explainers.results import RowResult
from xaikit.explainers.shapley.asking import ask
from xaikit.explainers.shapley.plan import (
    BLOCKS,
    MOST_CELLS,
    Choice,
    Rules,
    choose,
    first_budget,
    most_pairs,
)
from xaikit.explainers.shapley.solve import solve
from xaikit.sampling.game import Game

GROWTH = (2.0, 1.7, 1.4, 1.2)
"""How much a round may be larger than the one before: the first of these that the time allows."""
PAIRS_PER_UNIT = 8
"""Minimum number of pairs per unit that a time limit alone allows."""


@dataclass(frozen=True)
class Budget:
    """What a user allows for each row.

    Attributes
    ----------
    model_rows : int or "auto"
        Most rows that the model is asked. ``"auto"``: 16·M + 256 coalitions on every background
        row, M being the units that can matter; where there is a time limit, as many as that allows.
    tol : float or None
        Stop once every standard error is at most this share of the range of values.
    seconds : float or None
        Seconds a row, on average over the rows.
    """

    model_rows: int | str
    tol: float | None = None
    seconds: float | None = None

    @property
    def in_rounds(self) -> bool:
        """Whether to ask in rounds, and to check the errors or the time after each."""
        return self.tol is not None or self.seconds is not None

    def most(self, n_units: int, n_background: int) -> int:
        """Return the most model rows for a row with so many units and background rows."""
        if self.model_rows != "auto":
            return int(self.model_rows)
        if self.seconds is not None:
            pairs = max(PAIRS_PER_UNIT * n_units, MOST_CELLS // (BLOCKS * n_units))
            return 1 + 2 * n_background * pairs
        return (16 * n_units + 256) * n_background

    def met(self, values: np.ndarray, errors: np.ndarray) -> bool:
        """Return whether the errors (M, K) are within `tol`, for every output."""
        if self.tol is None:
            return False
        ranges = values.max(axis=0) - values.min(axis=0)
        # A constant model has neither values nor errors.
        return bool(np.all(errors.max(axis=0) <= self.tol * ranges))


def growth(elapsed: float, solving: float, seconds: float | None) -> float:
    """Return how much larger the next round may be; 1 for not at all.

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


_SMALL = 2**26
"""Bytes of a result of which nothing need be said."""


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
        Calls of the model. Texts and images take a few more, as their first calls are small.
    model_seconds : float
        Seconds in the model, at the speed that it had in `fit`, on one worker.
    result_bytes : int
        Memory that the values and errors of the explanation take, whatever `max_memory`.
    """

    model_rows: np.ndarray
    solvers: Sequence[str]
    calls: int
    model_seconds: float
    result_bytes: int

    def __repr__(self) -> str:
        shown = ", ".join(f"{n:,} {solver}" for solver, n in Counter(self.solvers).items())
        if self.result_bytes > _SMALL:
            shown += f"; the result takes {self.result_bytes / 2**20:,.0f} MiB"
        return (f"<Forecast: at most {int(self.model_rows.sum()):,} model rows in {self.calls:,} "
                f"calls, about {self.model_seconds:.2g} s in the model; {shown}>")


@dataclass(frozen=True)
class ShapleySolver:
    """Explains games one after the other. Nothing in it changes but the designs it keeps."""

    rules: Rules
    budget: Budget

    def __call__(self, game: Game, turn: Turn) -> RowResult:
        """Explain a row."""
        most = self._most(game)
        rounds = Rounds(game, self.rules, self.budget, most, turn)
        choice = rounds.first()
        while True:
            began, asked = time.perf_counter(), game.predictor.ledger.seconds
            answers = ask(game, rounds.rules, choice)
            row = solve(game, rounds.rules, choice, answers)
            solving = time.perf_counter() - began - (game.predictor.ledger.seconds - asked)
            if choice.plan.few:
                row.warnings.append(
                    f"The budget of {rounds.budget} model rows is so small that some coalition "
                    "sizes were not asked often enough: where standard errors are NaN, they are "
                    "not known. Raise the budget.")
            following = rounds.following(row, choice, solving)
            if following is None:
                row.warnings += rounds.warnings(row)
                return row
            choice = following

    def forecast(self, game: Game) -> tuple[float, str]:
        """Return the most model rows that a row may take, and how it will be solved."""
        most = self._most(game)
        choice = choose(self.rules, game, most, most)
        return choice.plan.model_rows, choice.solver

    def _most(self, game: Game) -> int | None:
        """Return the most model rows for a game; None: no limit."""
        n_background, auto = len(game.row.weights), self.budget.model_rows == "auto"
        if auto and self.rules.solver == "exact":
            return None
        # Units that differ from no background row cost nothing, however many there are.
        most = self.budget.most(max(len(game.active), 1), n_background)
        if auto and self.rules.solver == "gp":
            # The user set no number: as many as there is memory for.
            most = min(most, 1 + 2 * n_background * most_pairs(self.rules.max_memory))
        return most


class Rounds:
    """The rounds of one row: how much each may ask, and when to stop."""

    def __init__(
        self, game: Game, rules: Rules, budget: Budget, most: int | None, turn: Turn
    ) -> None:
        self.game, self.rules, self.allowed, self.most = game, rules, budget, most
        self.seconds: float | None = None
        if budget.seconds is not None:
            # What earlier rows saved or overspent is shared by those to come.
            self.seconds = (budget.seconds * turn.n - turn.elapsed) / (turn.n - turn.i)
        self.start, self.first_row = time.perf_counter(), game.predictor.ledger.rows
        self.budget = most
        self.lost = 0
        """Rows asked since the first that later rounds cannot use."""

    @property
    def single(self) -> bool:
        """Whether there is one round alone."""
        return not self.allowed.in_rounds or self.most is None or self.rules.solver == "exact"

    def first(self) -> Choice:
        """Return the choice of the first round."""
        if self.single or self.most is None:
            return choose(self.rules, self.game, self.most, self.most)
        if self.allowed.seconds is None and self.rules.solver == "auto":
            # Other solvers ask other coalitions: a change of solver would ask anew.
            self.rules = self.rules.fixed(choose(self.rules, self.game, self.most, self.most))
        self.budget = min(first_budget(self.game.row.differs), self.most)
        return choose(self.rules, self.game, self.budget, self.most)

    def following(self, row: RowResult, choice: Choice, solving: float) -> Choice | None:
        """Return the choice of the next round, or None to stop.

        `solving` are the seconds of the last round that were not the model's.
        """
        if self.single or self.most is None or self.budget is None \
                or self.allowed.met(row.values, row.errors):
            return None
        larger = growth(time.perf_counter() - self.start, solving, self.seconds)
        wanted = min(int(self.budget * larger), self.most - self.lost)
        if wanted <= self.budget or choice.solver == "exact":
            return None
        following = choose(self.rules, self.game, wanted, self.most)
        asked = self.game.predictor.ledger.rows - self.first_row
        changes = following.chooses != choice.chooses
        if changes:
            self.lost = asked
        if changes or not self.game.remembers(wanted):
            # All of it would be asked anew.
            wanted = min(wanted, self.most - asked)
            if wanted <= self.budget:
                return None
            following = choose(self.rules, self.game, wanted, self.most)
        self.budget = wanted
        return following

    def warnings(self, row: RowResult) -> list[str]:
        """Return what there is to say of rounds that ended before their goal."""
        if self.single or self.allowed.met(row.values, row.errors):
            return []
        said = []
        if self.allowed.tol is not None:
            said.append("Some rows came to the end of their budget before their standard errors "
                        f"were within tol={self.allowed.tol:g}.")
        elapsed = time.perf_counter() - self.start
        if self.seconds is not None and elapsed > 2.0 * max(self.seconds, 0.0):
            said.append("The time was too short even for the fewest coalitions that have standard "
                        "errors, and was exceeded.")
        return said
