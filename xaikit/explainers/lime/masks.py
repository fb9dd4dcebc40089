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
        By the numbers of units and samples, and whether there are several replacement rows.
    """

    kind: str
    budget: int | str
    sampling: str
    width: float | None
    seed: int
    designs: dict[tuple[int, int, bool], Design] = field(default_factory=dict)

    def __call__(self, game: Game, turn: Turn) -> RowResult:
        """Explain a row; with budget "auto", double the samples until errors are small."""
        n_units = game.n_units
        prediction = game.values(np.ones((1, n_units), dtype=bool))[0]
        n, most = numbers_of_samples(self.budget, n_units)
        weights, width = game.row.weights, np.nan
        if self.kind == "table":
            weights, width = local_weights(game.row.distances.mean(axis=1), weights)
        while True:
            fit, n_samples = self._fitted(game, n, weights)
            # Fewer samples than wanted: every mask was asked.
            if n >= most or n_samples < n - 1 or errors_are_small(fit):
                break
            n = min(2 * n, most)
        result = as_result(fit, prediction, n_samples)
        if self.kind == "table":
            result.details["width"] = width
        return result

    def _fitted(self, game: Game, n: int, weights: np.ndarray) -> tuple[Fit, int]:
        """Ask about `n` masks, fit the linear model, and return the number of answers too."""
        several = int(np.count_nonzero(weights)) > 1
        design = self._design(game.n_units, n, several)
        if design.drawn is None:
            rng = stream(self.seed, "stand-ins", len(design.kept))
            chosen = rng.choice(len(weights), size=len(design.kept), p=weights)
        else:
            start = stream(self.seed, "stand-ins").random()
            chosen = choose_evenly(design.drawn.ranks, design.drawn.sizes, weights, start)
        answers = game.pairs(design.kept, chosen)
        fit = design.regression.solve(answers)
        fit.errors[design.regression.thin] = np.nan
        return fit, len(answers)

    def _design(self, n_units: int, n: int, several: bool) -> Design:
        """Return masks and their regression, built once for all rows that use them."""
        key = (n_units, n, several)
        found = self.designs.get(key)
        if found is None:
            rng = stream(self.seed, "masks", n_units)
            found = self._weighted(n_units, n, rng) if self.sampling == "weighted" \
                else self._from_kernel(n_units, n, several, rng)
            # Two threads may build the same design at once: either will do.
            self.designs[key] = found
        return found

    def _from_kernel(
        self, n_units: int, n: int, several: bool, rng: np.random.Generator
    ) -> Design:
        """Draw masks from the kernel, without repetition unless several rows can replace a unit."""
        law = self._law(n_units) * self._kernel(n_units)
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

    def _weighted(self, n_units: int, n: int, rng: np.random.Generator) -> Design:
        """Draw masks independently and weight them by the kernel, as the reference package does."""
        sizes = rng.choice(n_units + 1, size=n, p=self._law(n_units))
        kept = np.empty((n, n_units), dtype=bool)
        for part, _ in parts(np.ones(n), n_units):
            order = np.tile(np.arange(n_units), (part.stop - part.start, 1))
            kept[part] = rng.permuted(order, axis=1) < sizes[part, None]
        weights = self._kernel(n_units)[sizes]
        weights /= weights.sum()
        return Design(kept, weights, None,
                      PresenceRegression(kept, weights, Strata.one(n, n_units)))

    def _law(self, n_units: int) -> np.ndarray:
        """Return how often each number of units stays, before the kernel: (M + 1,)."""
        return uniform_removals(n_units) if self.kind == "text" else bernoulli(n_units)

    def _kernel(self, n_units: int) -> np.ndarray:
        """Return the kernel for each number of units that stay: (M + 1,)."""
        if self.kind == "table":
            return hidden_kernel(n_units, self.width or TABLE_WIDTH * np.sqrt(n_units))
        return cosine_kernel(n_units, self.width or COSINE_WIDTH)
