"""The Shapley values of single rows: game after game, in rounds where that may spare questions."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from xaikit.explainers.masked import Turn
from xaikit.explainers.shapley_limits import Allowance, Limits, growth
from xaikit.explainers.shapley_plan import first_budget
from xaikit.explainers.shapley_solve import GameSolve, Rules, ShapleyRow, most_pairs
from xaikit.sampling.game import Game


@dataclass(frozen=True)
class ShapleySolver:
    """Explains games one after the other. Nothing in it changes but the designs it keeps."""

    allowance: Allowance
    rules: Rules

    def __call__(self, game: Game, turn: Turn) -> ShapleyRow:
        """Explain a row."""
        limits = self._limits(game)
        seconds = None
        if limits.seconds is not None:
            # What earlier rows left over, or took too much of, is shared by those to come.
            seconds = (limits.seconds * turn.n - turn.elapsed) / (turn.n - turn.i)
        return self._explain(game, limits, seconds)

    def forecast(self, game: Game) -> tuple[float, str]:
        """Give the most model rows that a row may take, and how it will be solved."""
        most = self._limits(game).model_rows
        planned = GameSolve(self.rules, game, most, most)
        planned.check_memory()
        return planned.plan.model_rows, planned.solver

    def _limits(self, game: Game) -> Limits:
        n_background = len(game.row.weights)
        limits = self.allowance.limits(game.n_units, n_background)
        if self.rules.solver == "gp" and self.allowance.budget == "auto":
            # No one said how many: as many as there is memory for.
            most = 1 + 2 * n_background * most_pairs(self.rules.max_memory)
            limits = replace(limits, model_rows=min(limits.model_rows or most, most))
        return limits

    def _explain(self, game: Game, limits: Limits, seconds: float | None) -> ShapleyRow:
        """Explain a row, in rounds of more and more questions where that may spare some."""
        most = limits.model_rows
        if not limits.in_rounds or most is None:
            return GameSolve(self.rules, game, most, most).solve()
        ledger, start = game.predictor.ledger, time.perf_counter()
        # Rows asked so far are those since the first; lost are those of no use to later rounds.
        first, lost = ledger.rows, 0
        budget, rules = min(first_budget(game.row.differs), most), self.rules
        if limits.seconds is None:
            # Other solvers ask other coalitions: to change would be to ask anew.
            rules = rules.settled(GameSolve(rules, game, most, most))
        solve = GameSolve(rules, game, budget, most)
        while True:
            began, asking = time.perf_counter(), ledger.seconds
            row = solve.solve()
            if limits.met(row.values, row.errors):
                return row
            now = time.perf_counter()
            solving = now - began - (ledger.seconds - asking)
            larger = growth(now - start, solving, seconds)
            wanted = min(int(budget * larger), most - lost)
            if wanted <= budget or row.solver == "exact":
                break
            larger_solve = GameSolve(rules, game, wanted, most)
            changes = larger_solve.chooses != solve.chooses
            if changes:
                lost = ledger.rows - first
            if changes or not game.remembers(wanted):
                # All of it would be asked anew.
                wanted = min(wanted, most - (ledger.rows - first))
                if wanted <= budget:
                    break
                larger_solve = GameSolve(rules, game, wanted, most)
            budget, solve = wanted, larger_solve
        if limits.tol is not None:
            row.warnings.append(f"Some rows came to the end of their budget before their standard "
                                f"errors were within tol={limits.tol:g}.")
        if seconds is not None and now - start > 2.0 * max(seconds, 0.0):
            row.warnings.append("The time was too short even for the fewest coalitions that have "
                                "standard errors, and was exceeded.")
        return row
