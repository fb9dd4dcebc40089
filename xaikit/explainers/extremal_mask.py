"""Extremal masks: the few units that, shown alone, keep an answer as high as it can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from xaikit.explainers.games import GameExplainer, Request, Turn
from xaikit.explainers.results import RowResult
from xaikit.sampling.game import Game
from xaikit.settings import MAX_MEMORY, Number, Several


class ExtremalMask(GameExplainer):
    """Which units answer best for the rest: sets of bounded size that keep the answer highest.

    For each area, find the set S, within that share of the units, that maximises v(S), all other
    units hidden. The search needs no gradients. It starts from the better of two sets: units added
    one by one, each time the one that adds most; or the units whose removal from the whole costs
    most, which finds a way where no unit has an effect alone. Then it exchanges units one by one
    while that helps.

    Parameters
    ----------
    areas : sequence of float
        Shares of the units, between 0 and 1.
    budget : int or "auto"
        Most model rows per explained row and output. Adding units costs about M·(largest area·M)
        coalitions, and removing each unit once M more; exchanges use what is left of the budget.
        ``"auto"``: twice that.
    {groups, outputs, max_background, batch_size, random_state, n_jobs, max_memory, verbose}

    Notes
    -----
    Each output is a search of its own: name those that matter. `values` are the share of areas
    whose set holds the unit: 1 for units in all of them. They are not contributions and do not add
    up. `details["kept"]` (n_rows, n_areas, n_outputs) are the answers v(S), beside `predictions`
    with everything shown and `base_values` with nothing shown. `standard_errors` and `fidelity` are
    NaN: a search has none.

    References
    ----------
    Fong, Patrick, Vedaldi 2019, "Understanding Deep Networks via Extremal Perturbations and Smooth
    Masks" (the question; they answer it with gradients).

    Examples
    --------
    >>> X = np.zeros((1, 4))
    >>> explainer = ExtremalMask(areas=[0.25, 0.5]).fit(lambda X: X @ [1.0, 5.0, 2.0, 0.0], X)
    >>> explainer.explain(np.ones((1, 4))).values[0, :, 0]
    array([0. , 1. , 0.5, 0. ])
    """

    own_settings: ClassVar = {"areas": Several(Number(above=0.0, most=1.0))}

    def __init__(
        self,
        *,
        areas: Any = (0.05, 0.1, 0.2, 0.4),
        budget: int | str = "auto",
        groups: Any = None,
        outputs: Any = None,
        max_background: int = 50,
        batch_size: int | str = "auto",
        random_state: Any = None,
        n_jobs: int | None = None,
        max_memory: int = MAX_MEMORY,
        verbose: bool = True,
    ) -> None:
        self.areas = areas
        self.budget = budget
        self.groups = groups
        self.outputs = outputs
        self.max_background = max_background
        self.batch_size = batch_size
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.max_memory = max_memory
        self.verbose = verbose

    def _method(self, request: Request) -> ExtremalSolver:
        return ExtremalSolver(np.sort(np.asarray(self.areas, dtype=np.float64)), self.budget)


@dataclass(frozen=True)
class ExtremalSolver:
    """Explains games. Nothing is random: the search is the same every time."""

    areas: np.ndarray
    budget: int | str

    def __call__(self, game: Game, turn: Turn) -> RowResult:
        """Search for every output."""
        n_units, n_background = game.n_units, len(game.row.weights)
        sizes = np.maximum(np.round(self.areas * n_units).astype(np.int64), 1)
        ends = np.array([[False], [True]]).repeat(n_units, axis=1)
        base, prediction = game.values(ends)
        # Units are added one after the other, and each is left out once.
        adding = int(sizes.max()) * n_units - int(sizes.max() * (sizes.max() - 1)) // 2 + n_units
        budget = 2 * adding * n_background if self.budget == "auto" else int(self.budget)
        if budget < adding * n_background:
            raise ValueError(
                f"budget={budget} model rows is too small: adding {sizes.max()} of {n_units} units "
                f"one by one takes {adding * n_background:,} on {n_background} background rows. "
                "Raise the budget, or ask for smaller areas or larger units.")
        n_outputs = len(prediction)
        values, kept = np.zeros((n_units, n_outputs)), np.zeros((len(sizes), n_outputs))
        for k in range(n_outputs):
            search = _Search(game, k, budget // n_background)
            added, missed = search.added(int(sizes.max())), search.missed()
            sets = []
            for i, size in enumerate(sizes):
                best, kept[i, k] = search.exchanged(
                    [added[:size], missed[:size]], len(sizes) - i)
                sets.append(best)
            values[:, k] = np.mean(sets, axis=0)
        unknown = np.full(n_outputs, np.nan)
        return RowResult(values, np.full(values.shape, np.nan), base, prediction, unknown,
                         details={"kept": kept})


class _Search:
    """The search for one output, counting the coalitions it asked about."""

    def __init__(self, game: Game, output: int, budget: int) -> None:
        self._game, self._output, self._left = game, output, budget

    def added(self, n: int) -> list[int]:
        """Return the first `n` units, each the one that added most."""
        kept, chosen = np.zeros(self._game.n_units, dtype=bool), []
        for _ in range(n):
            out = np.flatnonzero(~kept)
            tried = np.tile(kept, (len(out), 1))
            tried[np.arange(len(out)), out] = True
            best = int(out[self._values(tried).argmax()])
            kept[best] = True
            chosen.append(best)
        return chosen

    def missed(self) -> list[int]:
        """Return all units, first those whose removal lowers v most."""
        without = ~np.eye(self._game.n_units, dtype=bool)
        return [int(u) for u in np.argsort(self._values(without), kind="stable")]

    def exchanged(self, starts: list[list[int]], shares: int) -> tuple[np.ndarray, float]:
        """Exchange units of the best set, while that helps and the budget's share lasts."""
        tried = np.zeros((len(starts), self._game.n_units), dtype=bool)
        for own, chosen in zip(tried, starts, strict=True):
            own[chosen] = True
        values = self._values(tried)
        kept, value = tried[values.argmax()], float(values.max())
        stop = self._left - self._left // shares
        better: tuple[np.ndarray, float] | None = kept, value
        while better is not None:
            kept, value = better
            better = self._exchange(kept, value, stop)
        return kept, value

    def _exchange(
        self, kept: np.ndarray, value: float, stop: int
    ) -> tuple[np.ndarray, float] | None:
        """Return a better set with one unit exchanged; None if the budget finds none."""
        inside, outside = np.flatnonzero(kept), np.flatnonzero(~kept)
        if len(outside) == 0 or self._left - len(inside) < stop:
            return None
        without = np.tile(kept, (len(inside), 1))
        without[np.arange(len(inside)), inside] = False
        # Remove the unit that costs least, add the one that brings most.
        for gone in without[np.argsort(-self._values(without), kind="stable")]:
            if self._left - len(outside) < stop:
                return None
            more = np.tile(gone, (len(outside), 1))
            more[np.arange(len(outside)), outside] = True
            found = self._values(more)
            if found.max() > value:
                return more[found.argmax()], float(found.max())
        return None

    def _values(self, kept: np.ndarray) -> np.ndarray:
        self._left -= len(kept)
        return self._game.values(kept)[:, self._output]
