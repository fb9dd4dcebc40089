"""LIME: a linear model of a model's answers near one row, text or image."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np

from xaikit.explainers.games import GameExplainer, Question, Turn
from xaikit.explainers.results import RowResult
from xaikit.kernels.levels import look_up
from xaikit.sampling.bins import WAYS, BinnedRow, BinnedRows, Column, columns_of, even_points
from xaikit.sampling.game import MAX_MEMORY, Game
from xaikit.sampling.laws import (
    DrawnCoalitions,
    bernoulli,
    cosine_kernel,
    draw_by_size,
    hidden_kernel,
    uniform_removals,
)
from xaikit.sampling.local import choose_evenly, local_weights
from xaikit.sampling.seeds import stream
from xaikit.sampling.tabular import MaskedRow
from xaikit.settings import POSITIVE, Either, OneOf
from xaikit.solvers.levels import Levels, level_effects
from xaikit.solvers.regression import Fit, PresenceRegression, Strata

FIRST_SAMPLES, MOST_SAMPLES = 512, 8192
SAMPLES_PER_UNIT = 8
"""With ``budget="auto"`` at least so many samples a unit are asked..."""
PRECISION = 0.05
"""...and more until 1.96 standard errors are at most this share of the largest coefficient."""
LEVEL_SAMPLES = 16
"""Samples a unit from which on levels within bins are told apart."""
THIN = ("Where errors are NaN, a unit stayed, or was hidden, in fewer than two neighbours that "
        "count: nothing is known of its value. Raise the budget or kernel_width.")
COSINE_WIDTH = 0.25
"""ν of texts and images, of the cosine distance between masks, as in the reference package."""
TABLE_WIDTH = 0.75
"""ν of tables, times √M, of the distance √(hidden units): likewise."""


class LIME(GameExplainer):
    """Linear models of a model's answers around each row, text or image, and how well they fit.

    Minimises Σ π(z)(f(z) − β₀ − Σ β_j z_j)², where z says which units of the row stay and π how
    near it such a neighbour is. β_j is what keeping unit j adds to the answer, on average over the
    neighbourhood. `Attribution.fidelity` says whether to believe it.

    Parameters
    ----------
    budget : int or "auto"
        Most model rows asked per explained row: the samples, and the row itself. ``"auto"``: from
        max(512, 8·M) samples, doubled until 1.96 standard errors are at most 5 % of the largest
        coefficient, up to 8,192.
    sampling : {"kernel", "weighted"}
        ``"kernel"`` draws neighbours as often as the kernel π says: each coalition once, sizes of
        which there are few whole, and again only where several rows can stand in for what it hides.
        ``"weighted"`` draws as the reference package does and weights by π: the same in the limit,
        with larger errors.
    kernel_width : float, optional
        ν of the kernel; infinite for a flat one. By default 0.25 of the cosine distance between
        masks for texts and images, 0.75·√M of √(number of hidden units) for tables.
    discretize : {"auto", "tree", "quartile", "decile"} or None
        How tables are made binary. By bins: z_j says whether column j is in the row's bin, and
        every column is drawn by itself; `feature_details["conditions"]` names the bins, which are
        quantiles or, for ``"tree"``, what a regression tree of the model's answers on the column
        makes of it (the background is asked once). None: a neighbour has the row's own values
        where z is 1 and those of *one* background row elsewhere, drawn from the rows nearest to it
        (Gower's distance), so that the dependence of what is swapped stays. ``"auto"``: ``"tree"``,
        which fitted better and was stabler on three tables (docs/lime.md).
    {groups, outputs, max_background, batch_size, random_state, n_jobs, max_memory}

    Notes
    -----
    `base_values` are the intercepts β₀; `predictions` the model's own answers, which the linear
    model need not meet: `gap()` is what it misses. `standard_errors` are of the sampling of
    neighbours alone. `fidelity` is the leave-one-out R² of the linear model on the neighbourhood,
    NaN if all answers are the same or there are no more samples than coefficients. `details` hold
    the number of samples and, for tables without bins, the width ν of the rows' distances.

    References
    ----------
    Ribeiro, Singh, Guestrin 2016, "Why Should I Trust You?", section 3; Visani et al. 2022
    (stability as a stopping rule).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> e = LIME(random_state=0).fit(lambda X: 3 * (X[:, 0] > 0), X).explain([[2.0, 0.0]])
    >>> e.feature_names, e.values.shape, bool(e.values[0, 0, 0] > 10 * abs(e.values[0, 1, 0]))
    (('x0', 'x1'), (1, 2, 1), True)
    """

    own_settings: ClassVar = {
        "sampling": OneOf("kernel", "weighted"),
        "kernel_width": Either(POSITIVE, None),
        "discretize": OneOf(None, "auto", *WAYS),
    }

    def __init__(
        self,
        *,
        budget: int | str = "auto",
        sampling: str = "kernel",
        kernel_width: float | None = None,
        discretize: str | None = "auto",
        groups: Any = None,
        outputs: Any = None,
        max_background: int = 10_000,
        batch_size: int | str = "auto",
        random_state: Any = None,
        n_jobs: int | None = None,
        max_memory: int = MAX_MEMORY,
    ) -> None:
        self.budget = budget
        self.sampling = sampling
        self.kernel_width = kernel_width
        self.discretize = discretize
        self.groups = groups
        self.outputs = outputs
        self.max_background = max_background
        self.batch_size = batch_size
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.max_memory = max_memory

    def fit(self, model: Any, background: Any = None) -> Self:
        self._bind(model, background)
        way = "tree" if self.discretize == "auto" else self.discretize
        if self.masker_.kind == "table" and way is not None:
            rows = self.masker_.background
            answers = self.predictor_(rows) if way == "tree" else np.zeros((len(rows), 1))
            self.columns_ = columns_of(self.masker_, way, answers)
        return self

    def _solver(self, question: Question) -> LimeSolver:
        kind, settings = question.masker.kind, (self.budget, self.sampling, self.kernel_width)
        if kind == "table" and self.discretize is not None:
            return BinnedLimeSolver(kind, *settings, self.seed_, columns=self.columns_)
        if self.discretize not in (None, "auto"):
            raise ValueError(f"discretize={self.discretize!r} is for tables; the units of a {kind} "
                             "stay or go.")
        return LimeSolver(kind, *settings, self.seed_)


@dataclass(frozen=True)
class Sampled:
    """Masks with their weights, and the regression on them, the same for all rows of as many units.

    `drawn` is None for independent draws.
    """

    kept: np.ndarray
    weights: np.ndarray
    drawn: DrawnCoalitions | None
    regression: PresenceRegression


@dataclass
class LimeSolver:
    """Explains games by masks. Nothing in it changes but the designs it keeps."""

    kind: str
    budget: int | str
    sampling: str
    width: float | None
    seed: int
    designs: dict[tuple[int, int, bool], Sampled] = field(default_factory=dict)

    def __call__(self, game: Game, turn: Turn) -> RowResult:
        """Explain a row, with more and more samples if the budget is "auto"."""
        n_units = game.n_units
        prediction = game.values(np.ones((1, n_units), dtype=bool))[0]
        n, most = self._sizes(n_units)
        weights, width = game.row.weights, np.nan
        if self.kind == "table":
            weights, width = local_weights(game.row.distances.mean(axis=1), weights)
        while True:
            fit, n_samples = self._fitted(game, n, weights)
            if n >= most or n_samples < n - 1 or settled(fit):
                break
            n = min(2 * n, most)
        result = as_result(fit, prediction, n_samples)
        if np.isnan(fit.errors).any():
            result.warnings.append(THIN)
        if self.kind == "table":
            result.details["width"] = width
        return result

    def _sizes(self, n_units: int) -> tuple[int, int]:
        """Give the first and the largest number of samples."""
        if self.budget == "auto":
            first, most = max(FIRST_SAMPLES, SAMPLES_PER_UNIT * n_units), MOST_SAMPLES
            if first > most:
                raise ValueError(
                    f"{n_units:,} units need some {first:,} samples: hide larger units at a time "
                    "(sentences, fewer segments, groups of columns), or say how many model rows "
                    f"may be asked, such as budget={first + 1}.")
            return first, most
        n = int(self.budget) - 1
        if n < min(n_units + 2, 2**n_units):
            raise ValueError(f"budget={self.budget} model rows leaves {n} samples for {n_units:,} "
                             f"units; a linear model of them takes at least {n_units + 2}: raise "
                             "the budget, or hide larger units.")
        return n, n

    def _fitted(self, game: Game, n: int, weights: np.ndarray) -> tuple[Fit, int]:
        several = int(np.count_nonzero(weights)) > 1
        sampled = self._sampled(game.n_units, n, several)
        if sampled.drawn is None:
            rng = stream(self.seed, "stand-ins", len(sampled.kept))
            chosen = rng.choice(len(weights), size=len(sampled.kept), p=weights)
        else:
            start = stream(self.seed, "stand-ins").random()
            chosen = choose_evenly(sampled.drawn.ranks, sampled.drawn.sizes, weights, start)
        answers = game.pairs(sampled.kept, chosen)
        fit = sampled.regression.solve(answers)
        fit.errors[sampled.regression.thin] = np.nan
        return fit, len(answers)

    def _sampled(self, n_units: int, n: int, several: bool) -> Sampled:
        """Give masks and their regression, made once for all rows that use them."""
        key = (n_units, n, several)
        found = self.designs.get(key)
        if found is None:
            rng = stream(self.seed, "masks", n_units)
            found = self._weighted(n_units, n, rng) if self.sampling == "weighted" \
                else self._from_kernel(n_units, n, several, rng)
            # Two threads may both get here: they make the same design, so either will do.
            self.designs[key] = found
        return found

    def _law(self, n_units: int) -> np.ndarray:
        return uniform_removals(n_units) if self.kind == "text" else bernoulli(n_units)

    def _kernel(self, n_units: int) -> np.ndarray:
        if self.kind == "table":
            return hidden_kernel(n_units, self.width or TABLE_WIDTH * np.sqrt(n_units))
        return cosine_kernel(n_units, self.width or COSINE_WIDTH)

    def _from_kernel(
        self, n_units: int, n: int, several: bool, rng: np.random.Generator
    ) -> Sampled:
        law = self._law(n_units) * self._kernel(n_units)
        # Coalitions of no or all units alone would not tell the units apart.
        if not (law[1:-1] if n_units > 1 else law[:1]).any():
            raise ValueError(f"kernel_width={self.width} is so small that no neighbour counts: "
                             "raise it.")
        drawn = draw_by_size(law / law.sum(), n, rng, distinct=not several)
        if drawn.draw == 2 and n < min(2 * (n_units + 2), 2**n_units):
            raise ValueError(
                f"budget={self.budget} leaves {n} samples for {n_units:,} units; where masks count "
                f"as much as their complements, as with a flat kernel, it takes {2 * n_units + 4}: "
                "raise the budget.")
        strata = Strata(drawn.starts, drawn.factors, drawn.draw)
        return Sampled(drawn.kept, drawn.weights, drawn,
                       PresenceRegression(drawn.kept, drawn.weights, strata))

    def _weighted(self, n_units: int, n: int, rng: np.random.Generator) -> Sampled:
        sizes = rng.choice(n_units + 1, size=n, p=self._law(n_units))
        order = rng.permuted(np.tile(np.arange(n_units), (n, 1)), axis=1)
        kept = order < sizes[:, None]
        weights = self._kernel(n_units)[sizes]
        weights /= weights.sum()
        return Sampled(kept, weights, None,
                       PresenceRegression(kept, weights, Strata.one(n, n_units)))


@dataclass
class BinnedLimeSolver(LimeSolver):
    """Explains rows of a table by the bins of their columns."""

    columns: list[Column] = field(default_factory=list)
    binned: BinnedRows | None = None
    points: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))

    def __call__(self, game: Game, turn: Turn) -> RowResult:
        """Explain a row, with more and more samples if the budget is "auto"."""
        masked, binned = game.row, self.binned
        assert isinstance(masked, MaskedRow)
        if binned is None or binned.rows is not masked.rows:
            binned = self.binned = BinnedRows(masked.rows, self.columns)
        n_units = game.n_units
        prediction = game.predictor.ask(game.row.source)[0]
        n, most = self._sizes(n_units)
        row = binned[masked.i]
        width = self.width or TABLE_WIDTH * np.sqrt(n_units)
        chances, points = self._chances(row.shares, width), self._points(most, n_units)
        drawn = row.draw(points[:0], chances)
        answers = np.zeros((0, len(prediction)))
        while True:
            more = row.draw(points[len(drawn) : n], chances)
            drawn = np.concatenate([drawn, more])
            answers = np.concatenate([answers, self._ask(game, row, more)])
            fit = self._regressed(row, drawn, answers, chances, width)
            if n >= most or settled(fit):
                break
            n = min(2 * n, most)
        result = as_result(fit, prediction, len(drawn))
        result.unit_details["conditions"] = np.array(binned.conditions(masked.i), dtype=str)
        if np.isnan(fit.errors).any():
            result.warnings.append(THIN)
        return result

    def _points(self, n: int, n_units: int) -> np.ndarray:
        """Give points of the unit cube, the same for all rows."""
        if self.points.shape != (n, n_units):
            rng = stream(self.seed, "points", n_units)
            self.points = even_points(n, n_units, rng) if self.sampling == "kernel" \
                else rng.random((n, n_units))
        return self.points

    @staticmethod
    def _ask(game: Game, row: BinnedRow, drawn: np.ndarray) -> np.ndarray:
        return np.concatenate([
            game.predictor.ask(row.table(drawn[first : first + game.chunk]), own=True)
            for first in range(0, len(drawn), game.chunk)])

    def _chances(self, shares: np.ndarray, width: float) -> np.ndarray:
        """Give the probability that a unit is in the row's bin: p/(p + (1 − p)ε)."""
        if self.sampling == "weighted":
            return shares
        return shares / (shares + (1.0 - shares) * np.exp(-0.5 / width**2))

    def _regressed(self, row: BinnedRow, drawn: np.ndarray, answers: np.ndarray,
                   chances: np.ndarray, width: float) -> Fit:
        kept = row.kept(drawn)
        n, n_units = kept.shape
        weights = np.ones(n)
        if self.sampling == "weighted":
            weights = hidden_kernel(n_units, width)[kept.sum(axis=1)]
        plain = PresenceRegression(kept, weights / weights.sum(), Strata.one(n, n_units))
        unseen = row.unseen(kept) | (plain.thin & (row.shares < 1.0))
        if self.sampling == "weighted" or n < LEVEL_SAMPLES * n_units:
            fit = plain.solve(answers)
            fit.errors[unseen] = np.nan
            return fit
        # The same coefficients, with less noise: what levels within a bin explain is no error.
        of_position, units, within, shares = row.levels(chances, n)
        codes = np.empty(drawn.shape, dtype=np.int64)
        look_up(drawn, of_position, codes)
        intercept, values, errors = level_effects(codes, Levels(units, within, shares), answers)
        errors[unseen] = np.nan
        return Fit(values, errors, intercept, plain.fidelity(answers, values, intercept))


def settled(fit: Fit) -> bool:
    """Say whether errors are small beside the largest coefficient, for every output."""
    largest = np.abs(fit.coefficients).max(axis=0)
    return bool(np.all(1.96 * fit.errors.max(axis=0) <= PRECISION * largest))


def as_result(fit: Fit, prediction: np.ndarray, n_samples: int) -> RowResult:
    """Give what a regression found as the result of a row."""
    return RowResult(fit.coefficients, fit.errors, fit.intercept, prediction, fit.fidelity,
                     details={"samples": n_samples})
