"""Prediction difference: the answer beside its mean with one unit redrawn from similar rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from xaikit.explainers.masked import Bound, MaskedExplainer, RowResult, Turn
from xaikit.explainers.shapley_scale import linked, mean_error, slope
from xaikit.sampling.game import MAX_MEMORY, Game
from xaikit.tables.tables import Batch

SCALES = {"difference": "identity", "log_odds": "logit"}


class PredictionDifference(MaskedExplainer):
    """How far the answer is from its mean with one unit redrawn, given all others.

    The unit takes the values that it has in the background rows most like the explained row *in all
    other units* (Gower's distance): values that occur together with the rest, where `Occlusion`
    takes any row's.

    Parameters
    ----------
    scale : {"difference", "log_odds"}
        f(x) − mean, or log-odds of f(x) − log-odds of the mean (natural logarithms; of
        probabilities, kept 1e-7 from 0 and 1).
    n_neighbours : int
        Background rows to take a unit's values from; all of them if there are fewer.
    groups, outputs, max_background, batch_size, random_state, n_jobs, max_memory
        As everywhere; the seed chooses the background rows of a long background alone.

    Notes
    -----
    Model rows: one for the row, and one for each unit and neighbour; equal ones once.
    `standard_errors` are of the mean over the neighbours, NaN where there is one alone, as in
    texts. `base_values` are the answer to the background. `fidelity` is not measured (NaN).

    References
    ----------
    Robnik-Šikonja & Kononenko 2008, "Explaining Classifications for Individual Instances", section
    3; Zintgraf et al. 2017, "Visualizing Deep Neural Network Decisions", section 3 (conditional
    sampling).

    Examples
    --------
    >>> X = np.array([[0.0, 0.0], [0.1, 4.0], [9.0, 0.1], [9.0, 4.0]])
    >>> explainer = PredictionDifference(n_neighbours=2).fit(lambda X: X[:, 0], X)
    >>> explainer.explain([[9.0, 4.0]]).values[0, :, 0]     # x0 is 0.1 or 9 where x1 is 4
    array([4.45, 0.  ])
    """

    def __init__(
        self,
        *,
        scale: str = "difference",
        n_neighbours: int = 50,
        groups: Any = None,
        outputs: Any = None,
        max_background: int = 2000,
        batch_size: int | str = "auto",
        random_state: Any = None,
        n_jobs: int | None = None,
        max_memory: int = MAX_MEMORY,
    ) -> None:
        self.scale = scale
        self.n_neighbours = n_neighbours
        self.groups = groups
        self.outputs = outputs
        self.max_background = max_background
        self.batch_size = batch_size
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.max_memory = max_memory

    def _solver(self, bound: Bound, batch: Batch, n_parts: int) -> DifferenceSolver:
        return DifferenceSolver(SCALES[self.scale], int(self.n_neighbours))

    def _check_settings(self) -> None:
        if self.scale not in SCALES:
            raise ValueError(f"scale must be one of {', '.join(SCALES)}, got {self.scale!r}.")
        whole = isinstance(self.n_neighbours, int | np.integer)
        if not whole or isinstance(self.n_neighbours, bool) or self.n_neighbours < 1:
            raise ValueError("n_neighbours must be a positive whole number, "
                             f"got {self.n_neighbours!r}.")


@dataclass(frozen=True)
class DifferenceSolver:
    """Explains games, on the scale of a link."""

    link: str
    n_neighbours: int

    def __call__(self, game: Game, turn: Turn) -> RowResult:
        """Redraw one unit after the other."""
        n_units, weights = game.n_units, game.row.weights
        mean = weights @ game.background_answers
        prediction = game.values(np.ones((1, n_units), dtype=bool))
        near = self._neighbours(game.row.distances)
        kept = ~np.repeat(np.eye(n_units, dtype=bool), near.shape[1], axis=0)
        answers = game.pairs(kept, near.ravel()).reshape(*near.shape, -1)
        shares = weights[near] / weights[near].sum(axis=1, keepdims=True)
        redrawn = np.einsum("ub,ubk->uk", shares, answers)
        errors = np.stack([mean_error(share, own)
                           for share, own in zip(shares, answers, strict=True)])
        values = linked(prediction, self.link) - linked(redrawn, self.link)
        return RowResult(
            values, errors * slope(redrawn, self.link), linked(mean, self.link),
            linked(prediction, self.link)[0], np.full(mean.shape, np.nan),
            mean_error(weights, game.background_answers) * slope(mean, self.link))

    def _neighbours(self, distances: np.ndarray) -> np.ndarray:
        """Give, for each unit, the stand-ins nearest in all the others: (M, n_neighbours)."""
        others = distances.sum(axis=1, keepdims=True) - distances
        n = min(self.n_neighbours, len(distances))
        # Stable, so that of equally near ones the first are taken, and rounded, so that sums that
        # differ in their last bits are equally near.
        return np.argsort(np.round(others, 9), axis=0, kind="stable")[:n].T
