"""LIME on masks: which units stay, drawn from the kernel or weighted by it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from xaikit.explainers.games import Turn
from xaikit.explainers.lime.samples import as_result, errors_are_small, numbers_of_samples
from xaikit.explainers.results import RowResult
from xaikit.sampling.game import Game
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
from xaikit.solvers.parts import parts
from xaikit.solvers.regression import Fit, PresenceRegression, Strata

COSINE_WIDTH = 0.25
"""ν of texts and images, for the cosine distance between masks, as in the reference package."""
TABLE_WIDTH = 0.75
"""ν of tables, times √M, for the distance √(hidden units), as in the reference package."""


@dataclass(frozen=True)
class Design:
    """Masks, their weights, and the regression on them: the same for all rows of as many units.

    `drawn` is None if masks are drawn independently.
    """

    kept: np.ndarray
    weights: np.ndarray
    drawn: DrawnCoalitions | None
    regression: PresenceRegression


@dataclass
class MaskSolver:
    """Explains games by masks. It changes in nothing but the designs that it remembers.

    Attributes
    ----------
    kind : {"table", "text", "image"}
        What is explained: it decides the kernel, and how often each number of units stays.
    budget, sampling, width
        As in `LIME`, `width` being its `kernel_width`.
    seed : int
    designs : dict
        By the numbers of units that can matter and of samples, whether there are several
        replacement rows, and the kernel's width.
    """

    kind: str
    budget: int | str
    sampling: str
    width: float | None
    seed: int
    designs: dict[tuple[int, int, bool, float], Design] = field(default_factory=dict)

    def __call__(self, game: Game, turn: Turn) -> RowResult:
        """Explain a row; with budget "auto", double the samples until errors are small."""
        prediction = game.values(np.ones((1, game.n_units), dtype=bool))[0]
        weights, width = game.row.weights, np.nan
        if self.kind == "table":
            weights, width = local_weights(game.row.distances.mean(axis=1), weights)
        fit, n_samples = Fit.of_nothing(prediction), 0
        if len(game.active):
            fit, n_samples = self._doubled(game, weights)
        result = as_result(fit, prediction, n_samples, game.active, game.n_units)
        if self.kind == "table":
            result.details["width"] = width
        return result

    def _doubled(self, game: Game, weights: np.ndarray) -> tuple[Fit, int]:
        """Return the fit of the units that can matter, and its number of answers."""
        n, most = numbers_of_samples(self.budget, len(game.active))
        while True:
            fit, n_samples = self._fitted(game, n, weights)
            # Fewer samples than wanted: every mask was asked.
            if n >= most or n_samples < n - 1 or errors_are_small(fit):
                return fit, n_samples
            n = min(2 * n, most)

    def _fitted(self, game: Game, n: int, weights: np.ndarray) -> tuple[Fit, int]:
        """Ask about `n` masks, fit the linear model, and return the number of answers too."""
        several = int(np.count_nonzero(weights)) > 1
        # Other units say nothing about the width: it is that of the table.
        width = self.width or (COSINE_WIDTH if self.kind != "table"
                               else TABLE_WIDTH * np.sqrt(game.n_units))
        design = self._design(len(game.active), n, several, width)
        if design.drawn is None:
            rng = stream(self.seed, "stand-ins", len(design.kept))
            chosen = rng.choice(len(weights), size=len(design.kept), p=weights)
        else:
            start = stream(self.seed, "stand-ins").random()
            chosen = choose_evenly(design.drawn.ranks, design.drawn.sizes, weights, start)
        kept = design.kept
        if len(game.active) < game.n_units:
            kept = np.ones((len(kept), game.n_units), dtype=bool)
            kept[:, game.active] = design.kept
        answers = game.pairs(kept, chosen)
        fit = design.regression.solve(answers)
        fit.errors[design.regression.thin] = np.nan
        return fit, len(answers)

    def _design(self, n_units: int, n: int, several: bool, width: float) -> Design:
        """Return masks and their regression, built once for all rows that use them."""
        key = (n_units, n, several, width)
        found = self.designs.get(key)
        if found is None:
            rng = stream(self.seed, "masks", n_units)
            found = self._weighted(n_units, n, width, rng) if self.sampling == "weighted" \
                else self._from_kernel(n_units, n, several, width, rng)
            # Two threads may build the same design at once: either will do.
            self.designs[key] = found
        return found

    def _from_kernel(
        self, n_units: int, n: int, several: bool, width: float, rng: np.random.Generator
    ) -> Design:
        """Draw masks from the kernel, without repetition unless several rows can replace a unit."""
        law = self._law(n_units) * self._kernel(n_units, width)
        # Masks that keep no unit, or all of them, do not tell the units apart.
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
        return Design(drawn.kept, drawn.weights, drawn,
                      PresenceRegression(drawn.kept, drawn.weights, strata))

    def _weighted(
        self, n_units: int, n: int, width: float, rng: np.random.Generator
    ) -> Design:
        """Draw masks independently and weight them by the kernel, as the reference package does."""
        sizes = rng.choice(n_units + 1, size=n, p=self._law(n_units))
        kept = np.empty((n, n_units), dtype=bool)
        for part, _ in parts(np.ones(n), n_units):
            order = np.tile(np.arange(n_units), (part.stop - part.start, 1))
            kept[part] = rng.permuted(order, axis=1) < sizes[part, None]
        weights = self._kernel(n_units, width)[sizes]
        weights /= weights.sum()
        return Design(kept, weights, None,
                      PresenceRegression(kept, weights, Strata.one(n, n_units)))

    def _law(self, n_units: int) -> np.ndarray:
        """Return how often each number of units stays, before the kernel: (M + 1,)."""
        return uniform_removals(n_units) if self.kind == "text" else bernoulli(n_units)

    def _kernel(self, n_units: int, width: float) -> np.ndarray:
        """Return the kernel for each number of units that stay: (M + 1,)."""
        return (hidden_kernel if self.kind == "table" else cosine_kernel)(n_units, width)
