"""The coalitions of sampled rows, drawn once for all rows that use them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from xaikit.explainers.shapley_plan import Plan, all_pairs
from xaikit.sampling.coalitions import PairedCoalitions, paired_coalitions, unasked
from xaikit.sampling.seeds import stream
from xaikit.solvers import odd_choice
from xaikit.solvers.shapley import PairedLeastSquares

FIDELITY_PAIRS = 32
"""Least pairs of coalitions, among those asked, to measure the fidelity of exact values on."""
CANDIDATES = 8
"""Pairs to choose from, for each that is chosen in a stage."""


@dataclass(frozen=True)
class Design:
    """Pairs of coalitions for each block.

    Attributes
    ----------
    kept : bool array (n_sets, m, M)
        One coalition of each pair.
    drawn : PairedLeastSquares
        The first of these pairs, those that were drawn by chance: all but those chosen after them.
    """

    kept: np.ndarray
    drawn: PairedLeastSquares

    def take(self, sets: np.ndarray) -> Design:
        """Give the design of some of the sets."""
        return Design(self.kept[sets], self.drawn.take(sets))

    def least_squares(
        self, differences: np.ndarray, totals: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Solve by what was drawn; see `PairedLeastSquares.solve`.

        What was chosen has no chance of having been drawn, and so no weight.
        """
        return self.drawn.solve(differences[:, :self.drawn.kept.shape[1]], totals)


@dataclass
class Designs:
    """Sets of pairs of coalitions, by numbers of units, pairs and sets.

    They are drawn for least squares. For the odd process only the first are, two a unit; the others
    are chosen, as its prior says. That has no preference among units: pairs are chosen once, and
    every set takes them with the units in an order of its own. However many are wanted, the first
    are the same.

    `noisy` says that the model answers a question differently each time: then there is no end of
    answers, and having asked all pairs once one does not know the values.
    """

    seed: int
    noisy: bool
    known: dict[tuple[int, int, int, bool], Design] = field(default_factory=dict)
    longest: dict[int, np.ndarray] = field(default_factory=dict)

    def of(self, plan: Plan, *, chosen: bool) -> Design:
        """Give the coalitions of a plan's blocks, drawn alone or `chosen` in part."""
        return self._get(len(plan.active), plan.n_pairs, plan.n_sets, chosen).take(plan.sets)

    def measuring(self, n_units: int) -> PairedLeastSquares:
        """Give pairs of coalitions to measure the fidelity of exact values on."""
        n_pairs = min(max(2 * n_units, FIDELITY_PAIRS), all_pairs(n_units))
        return self._get(n_units, int(n_pairs), 1, False).drawn

    def _get(self, n_units: int, n_pairs: int, n_sets: int, chosen: bool) -> Design:
        key = (n_units, n_pairs, n_sets, chosen)
        design = self.known.get(key)
        if design is None:
            make = self._chosen if chosen else self._drawn
            # Two threads may both get here: they make the same design, so either will do.
            design = self.known[key] = make(n_units, n_pairs, n_sets)
        return design

    def _drawn(self, n_units: int, n_pairs: int, n_sets: int) -> Design:
        sets = [paired_coalitions(n_units, n_pairs, stream(self.seed, "coalitions", n_units, g))
                for g in range(n_sets)]
        drawn = self._least_squares(sets)
        return Design(drawn.kept, drawn)

    def _chosen(self, n_units: int, n_pairs: int, n_sets: int) -> Design:
        rng, n_first = stream(self.seed, "coalitions", n_units), min(n_pairs, 2 * n_units)
        first = paired_coalitions(n_units, n_first, rng)
        while not _tells_apart(first):
            # So few pairs do not in up to one of 200 draws (of 9 units); each spawns anew.
            first = paired_coalitions(n_units, n_first, rng)
        kept = self._continued(first.kept, n_pairs)
        orders = [stream(self.seed, "order of units", n_units, g).permutation(n_units)
                  for g in range(n_sets)]
        return Design(np.stack([kept[:, order] for order in orders]), self._least_squares(
            [replace(first, kept=first.kept[:, order]) for order in orders]))

    def _least_squares(self, sets: list[PairedCoalitions]) -> PairedLeastSquares:
        if self.noisy:
            sets = [replace(s, available=np.full_like(s.available, np.inf)) for s in sets]
        return PairedLeastSquares.of(sets)

    def _continued(self, kept: np.ndarray, n_pairs: int) -> np.ndarray:
        """Go on choosing after these pairs (m, M), doubling them stage by stage."""
        n_units = kept.shape[1]
        longest = self.longest.get(n_units, kept)
        while 2 * len(kept) <= len(longest):
            kept = longest[:2 * len(kept)]
        if len(longest) < n_pairs:
            # A stage hangs on how many there are, not on how many are wanted.
            while len(kept) < n_pairs:
                more = paired_coalitions(n_units, _candidates(n_units, len(kept)),
                                         stream(self.seed, "candidates", n_units, len(kept))).kept
                pool = more[unasked(more, kept)]
                n = min(len(kept), n_pairs - len(kept))
                kept = np.concatenate([kept, pool[odd_choice.choose_pairs(kept, pool, n)]])
            self.longest[n_units] = longest = kept
        return longest[:n_pairs]


def choosing_seconds(n_units: int, n_pairs: int) -> float:
    """Estimate the seconds it takes to choose pairs, which all rows share."""
    seconds, m = 0.0, 2 * n_units
    while m < n_pairs:
        seconds += odd_choice.choosing_seconds(
            n_units, m, _candidates(n_units, m) - m, min(m, n_pairs - m))
        m *= 2
    return seconds


def _tells_apart(pairs: PairedCoalitions) -> bool:
    """Say whether least squares can tell every unit apart by these pairs."""
    signs = 2.0 * pairs.kept - 1.0
    signs -= signs.mean(axis=1, keepdims=True)
    spectrum = np.linalg.eigvalsh(signs.T @ (pairs.weights[:, None] * signs))
    # The direction of ones is always lost; rounding leaves 1e-16 of others that are.
    return len(spectrum) < 2 or bool(spectrum[1] > 1e-9 * spectrum[-1])


def _candidates(n_units: int, n_pairs: int) -> int:
    return int(min((1 + CANDIDATES) * n_pairs, all_pairs(n_units)))


def pairs_of(chosen: np.ndarray, active: np.ndarray, n_units: int) -> np.ndarray:
    """Give coalitions of active units (m, n_active), each before its complement, (2m, M)."""
    kept = np.zeros((2 * len(chosen), n_units), dtype=bool)
    kept[0::2, active], kept[1::2, active] = chosen, ~chosen
    return kept
