"""Extremal masks: the few units that, shown alone, keep an answer as high as it can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from xaikit.explainers.base import check_model_rows, is_number
from xaikit.explainers.masked import Bound, MaskedExplainer, RowResult, Turn
from xaikit.sampling.game import MAX_MEMORY, Game
from xaikit.tables.tables import Batch


class ExtremalMask(MaskedExplainer):
    """Which units answer best for the rest: sets of bounded size that keep the answer highest.

    For every area the set S of at most that share of the units is sought whose v(S) is largest,
    all others hidden. The search needs no gradients. It begins with units added one by one, each
    time the one that adds most, or with those that are missed most from the whole, whichever is
    better: where no unit does anything alone the second finds a way. Then units are exchanged one
    by one while that helps.

    Parameters
    ----------
    areas : sequence of float
        Shares of the units, between 0 and 1.
    budget : int or "auto"
        Most model rows per explained row and output. Adding units costs about M·(largest area·M)
        rows, and M rows more say which are missed; what is left of the budget is spent on
        exchanges. ``"auto"``: twice that.
    groups, outputs, max_background, batch_size, random_state, n_jobs, max_memory
        As everywhere. Each output is a search of its own: name those that matter.

    Notes
    -----
    `values` are the share of areas whose set holds the unit: 1 for units in all of them. They are
    no contributions and do not add up. `details["kept"]` (n_rows, n_areas, n_outputs) are the
    answers v(S), beside `predictions` with everything shown and `base_values` with nothing shown.
    `standard_errors` and `fidelity` are not known (NaN): a search has none.

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

    def _solver(self, bound: Bound, batch: Batch, n_parts: int) -> ExtremalSolver:
        return ExtremalSolver(np.sort(np.asarray(self.areas, dtype=np.float64)), self.budget)

    def _check_settings(self) -> None:
        areas = list(self.areas) if isinstance(self.areas, list | tuple | np.ndarray) else []
        if not areas or not all(is_number(a) and 0.0 < a <= 1.0 for a in areas):
            raise ValueError("areas must be shares of the units, above 0 and at most 1, "
                             f"got {self.areas!r}.")
        check_model_rows(self.budget)


@dataclass(frozen=True)
class ExtremalSolver:
    """Explains games. Nothing is drawn: the search is the same every time."""

    areas: np.ndarray
    budget: int | str

    def __call__(self, game: Game, turn: Turn) -> RowResult:
        """Search for every output."""
        n_units, n_background = game.n_units, len(game.row.weights)
        sizes = np.maximum(np.round(self.areas * n_units).astype(np.int64), 1)
        ends = np.array([[False], [True]]).repeat(n_units, axis=1)
        base, prediction = game.values(ends)
        # One after the other is added, and every one is left out once.
        adding = int(sizes.max()) * n_units - int(sizes.max() * (sizes.max() - 1)) // 2 + n_units
        budget = 2 * adding * n_background if self.budget == "auto" else int(self.budget)
        if budget < adding * n_background:
            raise ValueError(
                f"budget={budget} model rows is too small: adding {sizes.max()} of {n_units} units "
                f"one by one takes {adding * n_background:,} on {n_background} stand-ins. Raise "
                "the budget, or ask for smaller areas or larger units.")
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
        """Give the first `n` units, each the one that added most."""
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
        """Give all units, those first without which least is left of the whole."""
        without = ~np.eye(self._game.n_units, dtype=bool)
        return [int(u) for u in np.argsort(self._values(without), kind="stable")]

    def exchanged(self, starts: list[list[int]], shares: int) -> tuple[np.ndarray, float]:
        """From the best of sets exchange units, while that helps and the budget's share lasts."""
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
        """Give a better set with one unit exchanged, if there is one and the budget finds it."""
        inside, outside = np.flatnonzero(kept), np.flatnonzero(~kept)
        if len(outside) == 0 or self._left - len(inside) < stop:
            return None
        without = np.tile(kept, (len(inside), 1))
        without[np.arange(len(inside)), inside] = False
        # The unit that is missed least goes first; the one that adds most comes.
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
