"""The coalitions of sampled rows, drawn once for all rows that use them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from xaikit.explainers.shapley_plan import Plan, all_pairs
from xaikit.sampling.coalitions import paired_coalitions
from xaikit.sampling.seeds import stream
from xaikit.solvers.shapley import PairedLeastSquares

FIDELITY_PAIRS = 32
"""Least pairs of coalitions, among those asked, to measure the fidelity of exact values on."""


@dataclass
class Designs:
    """Sets of pairs of coalitions, factorised, by numbers of units, pairs and sets.

    `noisy` says that the model answers a question differently each time: then there is no end of
    answers, and having asked all pairs once one does not know the values.
    """

    seed: int
    noisy: bool
    known: dict[tuple[int, int, int], PairedLeastSquares] = field(default_factory=dict)

    def of(self, plan: Plan) -> PairedLeastSquares:
        """Give the coalitions of a plan's blocks."""
        return self._drawn(len(plan.active), plan.n_pairs, plan.n_sets).take(plan.sets)

    def measuring(self, n_units: int) -> PairedLeastSquares:
        """Give pairs of coalitions to measure the fidelity of exact values on."""
        n_pairs = min(max(2 * n_units, FIDELITY_PAIRS), all_pairs(n_units))
        return self._drawn(n_units, int(n_pairs), 1)

    def _drawn(self, n_units: int, n_pairs: int, n_sets: int) -> PairedLeastSquares:
        key = (n_units, n_pairs, n_sets)
        design = self.known.get(key)
        if design is None:
            sets = [paired_coalitions(n_units, n_pairs, stream(self.seed, "coalitions", n_units, g))
                    for g in range(n_sets)]
            if self.noisy:
                sets = [replace(s, available=np.full_like(s.available, np.inf)) for s in sets]
            design = PairedLeastSquares.of(sets)
            # Two threads may both get here: they make the same design, so either will do.
            self.known[key] = design
        return design


def pairs_of(chosen: np.ndarray, active: np.ndarray, n_units: int) -> np.ndarray:
    """Give coalitions of active units (m, n_active), each before its complement, (2m, M)."""
    kept = np.zeros((2 * len(chosen), n_units), dtype=bool)
    kept[0::2, active], kept[1::2, active] = chosen, ~chosen
    return kept
