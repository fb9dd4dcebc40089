"""The Shapley values of single rows: which way to solve each, and asking what it needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import logit

from xaikit.explainers.base import Stopwatch
from xaikit.explanations.base import Cost
from xaikit.kernels.shapley import add_marginals, add_submasks
from xaikit.predictor.adapter import Predictor
from xaikit.sampling.coalitions import all_coalitions, pack, paired_coalitions
from xaikit.sampling.game import Game
from xaikit.sampling.seeds import stream
from xaikit.sampling.tabular import TabularMasker, TabularRows
from xaikit.solvers.odd_process import OddProcess
from xaikit.solvers.shapley import PairedLeastSquares, exact_from_all, shapley_weights

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
FIDELITY_PAIRS = 32
"""Least pairs of coalitions, among those asked, to measure the fidelity of exact values on."""


@dataclass
class ShapleyRow:
    """What was found for one row; arrays are (M, K) or (K,)."""

    values: np.ndarray
    errors: np.ndarray
    prediction: np.ndarray
    fidelity: np.ndarray
    background_errors: np.ndarray
    solver: str
    model_rows: int = 0
    warnings: list[str] = field(default_factory=list)


@dataclass
class ShapleyTask:
    """Explains some rows; goes to workers whole. Nothing in it changes but the designs it keeps."""

    predictor: Predictor
    masker: TabularMasker
    answers: np.ndarray
    solver: str
    budget: int | None
    link: str
    seed: int
    max_memory: int
    designs: dict[tuple[int, int], PairedLeastSquares] = field(default_factory=dict)
    processes: dict[tuple[int, int], OddProcess] = field(default_factory=dict)

    def __call__(self, table: Any) -> tuple[list[ShapleyRow], Cost]:
        """Explain the rows of a table; give what was found and what it cost."""
        predictor = self.predictor.spawn()
        rows = TabularRows(self.masker, table)
        watch, questions, found = Stopwatch(), 0, []
        for i in range(len(rows)):
            before = predictor.ledger.rows
            game = Game(predictor, rows[i], self.answers, self.max_memory)
            row = self._explain(game)
            row.model_rows = predictor.ledger.rows - before
            questions += game.questions
            found.append(row)
        return found, watch.cost(predictor, questions=questions)

    def _explain(self, game: Game) -> ShapleyRow:
        active = np.flatnonzero(game.row.differs.any(axis=0))
        by_least_squares = len(active) > 1 and not self._exact_fits(game, active)
        # All that a row needs is asked at once: the row itself, and its pairs of coalitions.
        design = self._sampled_design(len(active)) if by_least_squares else None
        prediction, differences = self._ask(game, active, design)
        base = linked(self.masker.weights @ self.answers, self.link)
        shape = (game.n_units, len(prediction))
        row = ShapleyRow(np.zeros(shape), np.zeros(shape), prediction, np.full(shape[1], np.nan),
                   np.full(shape, np.nan), "wls" if by_least_squares else "exact")
        if design is not None:
            self._solve_sample(design, active, row, differences, prediction - base)
            row.warnings += self._budget_warnings(len(active))
        elif len(active) > 1:
            self._solve_exactly(game, active, row, prediction - base)
        elif len(active) == 1:
            # Alone in its game a unit takes all there is between the two ends.
            row.values[active[0]] = prediction - base
        # What is left of sums of rounded numbers is no contribution: a dummy's value is 0.
        size = np.maximum(np.abs(linked(self.answers, self.link)).max(axis=0), np.abs(prediction))
        row.values[np.abs(row.values) <= ROUNDING * size] = 0.0
        return row

    def _exact_fits(self, game: Game, active: np.ndarray) -> bool:
        if self.solver in ("wls", "gp"):
            return False
        differs = game.row.differs
        if self.link == "identity":
            needed = float(_power(differs.sum(axis=1)).sum())
        else:
            needed = float(_power(len(active)) * len(differs))
        limit = MOST_EXACT_QUESTIONS if self.budget is None else self.budget
        if self.link != "identity" and len(active) > MOST_LINKED_UNITS:
            limit = 0
        if needed <= limit or (limit > 0 and self._different_fit(game, needed, limit)):
            return True
        if self.solver == "exact":
            raise ValueError(
                f"exact values of this row take up to {needed:,.0f} model rows, more than "
                + ("is sensible" if self.budget is None or limit == 0
                   else f"the budget of {self.budget:,}")
                + "; use solver='wls', fewer background rows, or groups of columns."
            )
        return False

    def _different_fit(self, game: Game, needed: float, limit: int) -> bool:
        """Say whether the different ones of too many questions fit; counting them costs no row."""
        if self.link != "identity" or not limit < needed <= MOST_COUNTED_QUESTIONS:
            return False
        return game.count_submasks(*_submask_list(game.row.differs)) <= limit

    def _solve_exactly(
        self, game: Game, active: np.ndarray, row: ShapleyRow, total: np.ndarray
    ) -> None:
        design = self._design(len(active), max(2 * len(active), FIDELITY_PAIRS))
        weights = self.masker.weights
        if self.link == "identity":
            kept = _pairs_of(design, active, game.n_units)
            by_background, values = exact_by_background(game, kept)
            row.values = np.einsum("b,buk->uk", weights, by_background)
            row.background_errors = mean_error(weights, by_background)
        else:
            kept = np.zeros((2 ** len(active), game.n_units), dtype=bool)
            kept[:, active] = all_coalitions(len(active))
            every = linked(game.values(kept), self.link)
            row.values[active] = exact_from_all(every)
            number = design.pairs.kept @ (1 << np.arange(len(active)))
            values = every[np.stack([number, len(every) - 1 - number], axis=1).ravel()]
        row.fidelity = design.fit_of(row.values[active], values[0::2] - values[1::2], total)

    def _solve_sample(
        self, design: PairedLeastSquares, active: np.ndarray, row: ShapleyRow,
        differences: np.ndarray, total: np.ndarray,
    ) -> None:
        """Solve for the sampled pairs: least squares, and from its values the odd process."""
        values, errors, fidelity = design.solve(differences, total)
        pairs = design.pairs
        # With every pair asked least squares is exact, and nothing is left to learn.
        if self.solver == "gp" and np.any(pairs.drawn < pairs.available):
            found = self._process(design).solve(differences, total, values)
            if found.converged:
                row.solver, values, errors = "gp", found.values, found.errors
                fidelity = design.fit_of(values, differences, total)
            else:
                row.warnings.append("The Gaussian process found no likely parameters for some "
                                    "rows, whose values are those of least squares (wls).")
        row.values[active], row.errors[active], row.fidelity = values, errors, fidelity

    def _process(self, design: PairedLeastSquares) -> OddProcess:
        """Give the process on a design's pairs, made once for all rows that use them."""
        n_pairs, n_units = design.pairs.kept.shape
        needed = PROCESS_MATRICES * 8 * (n_pairs + 1) ** 2
        if needed > self.max_memory:
            most = int(np.sqrt(self.max_memory / (8 * PROCESS_MATRICES))) - 1
            raise ValueError(
                f"solver='gp' takes {needed / 2**20:,.0f} MiB for {n_pairs:,} pairs of coalitions, "
                f"more than max_memory={self.max_memory / 2**20:,.0f} MiB: use solver='wls', a "
                f"budget of at most {2 * most * len(self.masker.weights) + 1:,} model rows, or "
                "more memory."
            )
        process = self.processes.get((n_units, n_pairs))
        if process is None:
            process = self.processes[n_units, n_pairs] = OddProcess(design.pairs.kept)
        return process

    def _sampled_design(self, n_units: int) -> PairedLeastSquares:
        """Give the coalitions that the budget buys."""
        n_pairs, least = self._affordable_pairs(), min(n_units, _all_pairs(n_units))
        if n_pairs < least:
            n_background = len(self.masker.weights)
            raise ValueError(
                f"budget={self.budget} model rows buys {max(n_pairs, 0)} pairs of coalitions on "
                f"{n_background} background rows, and {n_units} units need at least {int(least)}: "
                f"raise the budget to {2 * n_background * int(least) + 1} or more, or use fewer "
                "background rows or groups of columns."
            )
        return self._design(n_units, int(min(n_pairs, _all_pairs(n_units))))

    def _affordable_pairs(self) -> int:
        assert self.budget is not None
        # One row is the explained row itself; a pair is two coalitions on every background row.
        return (self.budget - 1) // (2 * len(self.masker.weights))

    def _budget_warnings(self, n_units: int) -> list[str]:
        if self._affordable_pairs() >= min(2 * n_units, _all_pairs(n_units)):
            return []
        return [f"The budget of {self.budget} model rows is so small that some coalition sizes "
                "were not asked often enough: standard errors are not known. Raise the budget."]

    def _ask(
        self, game: Game, active: np.ndarray, design: PairedLeastSquares | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Give v(all) (K,), and v(S) − v(complement) for the pairs of a design, (m, K)."""
        kept = np.ones((1, game.n_units), dtype=bool)
        if design is not None:
            kept = np.concatenate([kept, _pairs_of(design, active, game.n_units)])
        values = linked(game.values(kept), self.link)
        return values[0], values[1::2] - values[2::2]

    def _design(self, n_units: int, n_pairs: int) -> PairedLeastSquares:
        """Give the coalitions for rows with `n_units` active units, drawn once for all of them."""
        design = self.designs.get((n_units, n_pairs))
        if design is None:
            rng = stream(self.seed, "coalitions", n_units, n_pairs)
            design = PairedLeastSquares.of(paired_coalitions(n_units, n_pairs, rng))
            # Two threads may both get here: they make the same design, so either will do.
            self.designs[n_units, n_pairs] = design
        return design


def _all_pairs(n_units: int) -> float:
    """Give the number of pairs of a coalition and its complement, none and all left out."""
    return _power(n_units - 1) - 1


def _power(n: Any) -> Any:
    """Give 2ⁿ as a float; infinity where that is too large, which every budget is below."""
    with np.errstate(over="ignore"):
        return np.exp2(np.asarray(n, dtype=np.float64))


def _pairs_of(design: PairedLeastSquares, active: np.ndarray, n_units: int) -> np.ndarray:
    """Give the coalitions of a design of active units, each before its complement, (2m, M)."""
    chosen = design.pairs.kept
    kept = np.zeros((2 * len(chosen), n_units), dtype=bool)
    kept[0::2, active], kept[1::2, active] = chosen, ~chosen
    return kept


def exact_by_background(game: Game, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the exact Shapley values of the games of single background rows.

    In the game of background row b every unit equal to b is a dummy: only the 2^d coalitions
    of the d units that differ are asked, and each answer is added to the values as it comes in.

    Parameters
    ----------
    game : Game
    kept : bool array (n_coalitions, M)
        Coalitions whose values are wanted too; they are among those asked.

    Returns
    -------
    by_background : array (B, M, n_outputs)
        Their weighted mean is the Shapley value of the whole game, which is linear in them.
    values : array (n_coalitions, n_outputs)
        v(S) of the whole game.
    """
    n_background, n_units = game.row.differs.shape
    starts, players, n_players = _submask_list(game.row.differs)
    gain, loss = shapley_weights(int(n_players.max()))
    masks = pack(kept)
    shapley, values = np.zeros((0, 0, 0)), np.zeros((0, 0))
    for first in range(0, int(starts[-1]), game.chunk):
        n = min(game.chunk, int(starts[-1]) - first)
        ids = game.ask_submasks(starts, players, n_players, first, n)
        if first == 0:
            n_outputs = game.answers.shape[1]
            shapley = np.zeros((n_background, n_units, n_outputs))
            values = np.zeros((len(masks), n_outputs))
        add_marginals(starts, players, n_players, first, ids, game.answers, gain, loss, shapley)
        add_submasks(starts, players, n_players, first, masks, ids, game.answers,
                     game.row.weights, values)
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


def mean_error(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Standard error of a weighted mean over the first axis; NaN for a single row."""
    concentration = float((weights**2).sum())
    if concentration >= 1.0 - 1e-12:
        return np.full(values.shape[1:], np.nan)
    deviations = values - np.tensordot(weights, values, axes=1)
    variance = np.tensordot(weights, deviations**2, axes=1) / (1.0 - concentration)
    return np.sqrt(variance * concentration)
