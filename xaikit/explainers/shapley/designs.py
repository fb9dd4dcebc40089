"""The coalitions of sampled rows, drawn once for all rows that use them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from xaikit.sampling.coalitions import PairedCoalitions, all_pairs, paired_coalitions, unasked
from xaikit.sampling.seeds import stream
from xaikit.solvers import odd_choice
from xaikit.solvers.shapley import PairedLeastSquares

FIDELITY_PAIRS = 32
"""Least pairs of coalitions, among those asked, to measure the fidelity of exact values on."""
CANDIDATES = 8
"""Pairs to choose from, for each that is chosen in a stage."""

Key = tuple[int, int, int, bool]
"""Numbers of units, pairs and sets, and whether pairs beyond the first are chosen."""


@dataclass(frozen=True)
class Design:
    """Sets of pairs of coalitions, each for a block of background rows.

    Attributes
    ----------
    kept : bool array (n_sets, m, M)
        One coalition of each pair.
    drawn : list of PairedCoalitions
        For each set the first of these pairs, those that were drawn by chance: all but those chosen
        after them.
    """

    kept: np.ndarray
    drawn: list[PairedCoalitions]


@dataclass
class Designs:
    """Designs by numbers of units, pairs and sets, made on first use.

    Pairs are drawn for least squares. For the odd process only the first are, two a unit; the
    others are chosen by its prior. The prior has no preference among units, so pairs are chosen
    once, and every set takes them with the units in an order of its own. The first pairs are the
    same however many are wanted.

    Attributes
    ----------
    noisy : bool
        Whether the model answers a question differently each time. Then asking all pairs once does
        not determine the values.
    """

    seed: int
    noisy: bool
    known: dict[Key, Design] = field(default_factory=dict)
    factorised: dict[Key, PairedLeastSquares] = field(default_factory=dict)
    longest: dict[int, np.ndarray] = field(default_factory=dict)

    def pairs(self, key: Key, sets: np.ndarray) -> np.ndarray:
        """Return one coalition of each pair of some sets of a design, bool (n_sets, m, M)."""
        kept = self._design(key).kept
        return kept if len(sets) == len(kept) else kept[sets]

    def least_squares(self, key: Key, sets: np.ndarray) -> PairedLeastSquares:
        """Return the regression on what was drawn of some sets.

        Chosen pairs had no chance of being drawn, and so have no weight.
        """
        found = self.factorised.get(key)
        if found is None:
            # Two threads may both get here: they make the same design, so either will do.
            found = self.factorised[key] = PairedLeastSquares.of(self._design(key).drawn)
        return found.take(sets)

    def measuring(self, n_units: int) -> PairedLeastSquares:
        """Return pairs of coalitions to measure the fidelity of exact values on."""
        n_pairs = int(min(max(2 * n_units, FIDELITY_PAIRS), all_pairs(n_units)))
        return self.least_squares((n_units, n_pairs, 1, False), np.array([0]))

    def _design(self, key: Key) -> Design:
        design = self.known.get(key)
        if design is None:
            *sizes, chosen = key
            design = self.known[key] = (self._chosen if chosen else self._drawn)(*sizes)
        return design

    def _drawn(self, n_units: int, n_pairs: int, n_sets: int) -> Design:
        drawn = [paired_coalitions(n_units, n_pairs, stream(self.seed, "coalitions", n_units, g))
                 for g in range(n_sets)]
        kept = drawn[0].kept[None] if n_sets == 1 else np.stack([pairs.kept for pairs in drawn])
        return Design(kept, self._weighted(drawn))

    def _chosen(self, n_units: int, n_pairs: int, n_sets: int) -> Design:
        rng, n_first = stream(self.seed, "coalitions", n_units), min(n_pairs, 2 * n_units)
        first = paired_coalitions(n_units, n_first, rng)
        while not _separates(first):
            # Up to one in 200 draws of so few pairs fails (with 9 units); the next spawn differs.
            first = paired_coalitions(n_units, n_first, rng)
        kept = self._continued(first.kept, n_pairs)
        orders = [stream(self.seed, "order of units", n_units, g).permutation(n_units)
                  for g in range(n_sets)]
        return Design(
            np.stack([kept[:, order] for order in orders]),
            self._weighted([replace(first, kept=first.kept[:, order]) for order in orders]))

    def _weighted(self, sets: list[PairedCoalitions]) -> list[PairedCoalitions]:
        if not self.noisy:
            return sets
        return [replace(s, available=np.full_like(s.available, np.inf)) for s in sets]

    def _continued(self, kept: np.ndarray, n_pairs: int) -> np.ndarray:
        """Choose more pairs after these (m, M), doubling them stage by stage."""
        n_units = kept.shape[1]
        longest = self.longest.get(n_units, kept)
        while 2 * len(kept) <= len(longest):
            kept = longest[:2 * len(kept)]
        if len(longest) < n_pairs:
            # A stage depends on how many pairs there are, not on how many are wanted.
            while len(kept) < n_pairs:
                more = paired_coalitions(n_units, _candidates(n_units, len(kept)),
                                         stream(self.seed, "candidates", n_units, len(kept))).kept
                pool = more[unasked(more, kept)]
                n = min(len(kept), n_pairs - len(kept))
                kept = np.concatenate([kept, pool[odd_choice.choose_pairs(kept, pool, n)]])
            self.longest[n_units] = longest = kept
        return longest[:n_pairs]


def choosing_seconds(n_units: int, n_pairs: int) -> float:
    """Estimate, from sizes alone, the seconds it takes to choose pairs, which all rows share."""
    seconds, m = 0.0, 2 * n_units
    while m < n_pairs:
        seconds += odd_choice.choosing_seconds(
            n_units, m, _candidates(n_units, m) - m, min(m, n_pairs - m))
        m *= 2
    return seconds


def pairs_of(chosen: np.ndarray, active: np.ndarray, n_units: int) -> np.ndarray:
    """Return coalitions of active units (m, n_active), each before its complement, (2m, M)."""
    kept = np.zeros((2 * len(chosen), n_units), dtype=bool)
    kept[0::2, active], kept[1::2, active] = chosen, ~chosen
    return kept


def _separates(pairs: PairedCoalitions) -> bool:
    """Return whether least squares on these pairs determines the value of every unit."""
    signs = 2.0 * pairs.kept - 1.0
    signs -= signs.mean(axis=1, keepdims=True)
    spectrum = np.linalg.eigvalsh(signs.T @ (pairs.weights[:, None] * signs))
    # The direction of ones is always lost; rounding leaves 1e-16 of others that are.
    return len(spectrum) < 2 or bool(spectrum[1] > 1e-9 * spectrum[-1])


def _candidates(n_units: int, n_pairs: int) -> int:
    return int(min((1 + CANDIDATES) * n_pairs, all_pairs(n_units)))
