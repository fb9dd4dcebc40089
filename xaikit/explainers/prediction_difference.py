"""Prediction difference: the answer beside its mean with one unit redrawn from similar rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from xaikit.explainers.games import GameExplainer, Request, Turn
from xaikit.explainers.occlusion import one_by_one
from xaikit.explainers.results import RowResult, spread
from xaikit.sampling.game import Game
from xaikit.settings import MAX_MEMORY
from xaikit.solvers.links import clipped, linked, mean_error, slope


class PredictionDifference(GameExplainer):
    """Difference between the answer and its mean with one unit redrawn, given all others.

    The unit takes its values from the background rows most similar to the explained row *in all
    other units* (Gower's distance): values that occur together with the rest. `Occlusion` takes
    those of any row.

    Parameters
    ----------
    {link}
    n_neighbours : int
        Background rows to take a unit's values from; all of them if there are fewer.
    {groups, outputs, max_background, batch_size, random_state, n_jobs, max_memory, verbose}

    Notes
    -----
    Model rows: one for the row, and one for each unit and neighbour; equal ones once. A unit that
    differs from no background row cannot matter: it costs nothing, and its value and error are 0.
    The seed only chooses rows from a long background. `standard_errors` are those of the mean over
    the neighbours, NaN if there is only one, as in texts. `base_values` are the mean answer to the
    background. `fidelity` is not measured (NaN).

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
        link: str = "identity",
        n_neighbours: int = 50,
        groups: Any = None,
        outputs: Any = None,
        max_background: int = 2000,
        batch_size: int | str = "auto",
        random_state: Any = None,
        n_jobs: int | None = None,
        max_memory: int = MAX_MEMORY,
        verbose: bool = True,
    ) -> None:
        self.link = link
        self.n_neighbours = n_neighbours
        self.groups = groups
        self.outputs = outputs
        self.max_background = max_background
        self.batch_size = batch_size
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.max_memory = max_memory
        self.verbose = verbose

    def _method(self, request: Request) -> DifferenceSolver:
        return DifferenceSolver(self.link, int(self.n_neighbours))


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
        near = self._neighbours(game.row.distances, game.active)
        shares = weights[near] / weights[near].sum(axis=1, keepdims=True)
        redrawn = np.empty((len(near), len(mean)))
        errors = np.empty(redrawn.shape)
        # All units at once would take memory with the square of their number.
        for part in game.parts(*near.shape):
            masks = one_by_one(game.active[part], n_units)
            answers = game.pairs(~np.repeat(masks, near.shape[1], axis=0), near[part].ravel())
            answers = answers.reshape(len(masks), -1, len(mean))
            redrawn[part] = np.einsum("ub,ubk->uk", shares[part], answers)
            errors[part] = [mean_error(*own) for own in zip(shares[part], answers, strict=True)]
        errors *= slope(redrawn, self.link)
        values = linked(prediction, self.link) - linked(redrawn, self.link)
        return RowResult(
            spread(values, game.active, n_units), spread(errors, game.active, n_units),
            linked(mean, self.link),
            linked(prediction, self.link)[0], np.full(mean.shape, np.nan),
            mean_error(weights, game.background_answers) * slope(mean, self.link),
            details=clipped(prediction[0], mean, redrawn, self.link))

    def _neighbours(self, distances: np.ndarray, units: np.ndarray) -> np.ndarray:
        """Return, for some units, the background rows nearest in all others: (n, n_neighbours)."""
        others = (distances.sum(axis=1, keepdims=True) - distances)[:, units]
        n = min(self.n_neighbours, len(distances))
        # Stable: the first of equally near rows are taken. Rounded: sums that differ in their last
        # bits count as equal.
        return np.argsort(np.round(others, 9), axis=0, kind="stable")[:n].T
