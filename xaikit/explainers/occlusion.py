"""Occlusion: what an answer loses when one unit, or a window of an image, is hidden."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from xaikit.errors import SettingError
from xaikit.explainers.games import GameExplainer, Request, Turn
from xaikit.explainers.results import RowResult, spread
from xaikit.sampling.game import Game
from xaikit.sampling.image import ImageMasker, size_of
from xaikit.sampling.windows import Windows, cut_into_windows
from xaikit.settings import MAX_MEMORY, Either, Several, Whole
from xaikit.solvers.links import mean_error
from xaikit.tables.tables import Batch

PIXELS = Either(Whole(1, "pixels"), Several(Whole(1), least=2, most=2), None)


class Occlusion(GameExplainer):
    """What the answer loses when a unit is hidden: f(x) − v(all but that unit).

    A unit is a column or group of a table, a word or sentence of a text, a segment of an image, or
    a window sliding over an image. Hidden columns take the values of background rows, and the
    answer is averaged over them.

    Parameters
    ----------
    window : int or (height, width), optional
        Hide windows of so many pixels instead of the masker's segments. A pixel gets the mean over
        the windows that cover it.
    stride : int or (vertical, horizontal), optional
        Step of the window, its own size by default.
    {groups, outputs, max_background, batch_size, random_state, n_jobs, max_memory, verbose}

    Notes
    -----
    Model rows: one for the row, and one for each unit (or window) and background row. A unit that
    differs from no background row cannot matter: it costs nothing, and its value is 0.
    The seed only chooses rows from a long background. `standard_errors` are 0: nothing is sampled.
    `feature_details["background_errors"]` are those of the background being a sample of rows.
    `fidelity` is not measured (NaN).

    References
    ----------
    Zeiler & Fergus 2014, "Visualizing and Understanding Convolutional Networks", section 4.2.

    Examples
    --------
    >>> X = np.array([[0.0, 0.0], [2.0, 3.0]])
    >>> e = Occlusion().fit(lambda X: X[:, 0] * X[:, 1], X[:1]).explain(X[1:])
    >>> e.values[0, :, 0]
    array([6., 6.])
    """

    own_settings: ClassVar = {"window": PIXELS, "stride": PIXELS}

    def __init__(
        self,
        *,
        window: Any = None,
        stride: Any = None,
        groups: Any = None,
        outputs: Any = None,
        max_background: int = 200,
        batch_size: int | str = "auto",
        random_state: Any = None,
        n_jobs: int | None = None,
        max_memory: int = MAX_MEMORY,
        verbose: bool = True,
    ) -> None:
        self.window = window
        self.stride = stride
        self.groups = groups
        self.outputs = outputs
        self.max_background = max_background
        self.batch_size = batch_size
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.max_memory = max_memory
        self.verbose = verbose

    def check_settings(self) -> None:
        super().check_settings()
        if self.stride is not None and self.window is None:
            raise SettingError("stride is the step of a window: set window too.")

    def _request(self, X: Any) -> Request:
        request = super()._request(X)
        if self.window is None:
            return request
        if request.games is not None:
            raise ValueError("a window cuts images into cells of its own, and games have their "
                             "segments: pass the images, or leave window= out.")
        masker = request.masker
        if not isinstance(masker, ImageMasker):
            raise ValueError(f"window= slides over images; the units of a {masker.kind} are hidden "
                             "one by one.")
        by_cell = ImageMasker(
            self._windows(masker, request.batch).cells, baseline=masker.baseline,
            channels=masker.channels, random_state=masker.seed)
        return replace(request, masker=by_cell)

    def _windows(self, masker: ImageMasker, batch: Batch) -> Windows:
        stride = self.window if self.stride is None else self.stride
        height, width = size_of(batch, masker.channels_of(batch.shape))
        return cut_into_windows((height, width), pair_of(self.window), pair_of(stride))

    def _method(self, request: Request) -> OcclusionSolver:
        if self.window is None:
            return OcclusionSolver(None)
        assert isinstance(request.masker, ImageMasker)
        return OcclusionSolver(self._windows(request.masker, request.batch).hides)


@dataclass(frozen=True)
class OcclusionSolver:
    """Explains games. `hides` (n_windows, M) marks what each window hides; None: single units."""

    hides: np.ndarray | None

    def __call__(self, game: Game, turn: Turn) -> RowResult:
        """Hide one unit or window after the other."""
        n_units, weights = game.n_units, game.row.weights
        base = weights @ game.background_answers
        prediction = game.values(np.ones((1, n_units), dtype=bool))[0]
        n_hidings = len(game.active) if self.hides is None else len(self.hides)
        lost = np.empty((n_hidings, len(prediction)))
        errors, everyone = np.empty(lost.shape), np.arange(len(weights))
        # All hidings at once would take memory with the square of the number of units.
        for part in game.parts(n_hidings, len(weights)):
            hides = one_by_one(game.active[part], n_units) if self.hides is None else \
                self.hides[part]
            answers = game.pairs(~np.repeat(hides, len(weights), axis=0), np.tile(
                everyone, len(hides))).reshape(len(hides), len(weights), len(prediction))
            lost[part] = prediction - np.einsum("b,wbk->wk", weights, answers)
            errors[part] = [mean_error(weights, own) for own in answers]
        if self.hides is None:
            unchanged = mean_error(weights, np.zeros_like(game.background_answers))
            lost = spread(lost, game.active, n_units)
            errors = spread(errors, game.active, n_units, unchanged)
        else:
            share = self.hides / self.hides.sum(axis=0)
            lost, errors = share.T @ lost, share.T @ errors
        return RowResult(lost, np.zeros(lost.shape), base, prediction,
                         np.full(base.shape, np.nan), mean_error(weights, game.background_answers),
                         unit_details={"background_errors": errors})


def one_by_one(units: np.ndarray, n_units: int) -> np.ndarray:
    """Return masks of single units, (n, n_units).

    Examples
    --------
    >>> one_by_one(np.array([2, 0]), 3)
    array([[False, False,  True],
           [ True, False, False]])
    """
    masks = np.zeros((len(units), n_units), dtype=bool)
    masks[np.arange(len(units)), units] = True
    return masks


def pair_of(pixels: Any) -> tuple[int, int]:
    """Read a size in pixels: one number for both directions, or (vertical, horizontal)."""
    several = isinstance(pixels, tuple | list | np.ndarray)
    vertical, horizontal = pixels if several else (pixels, pixels)
    return int(vertical), int(horizontal)
