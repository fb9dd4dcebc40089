"""RISE: which pixels the answer goes with, when images are seen through soft random masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from xaikit.explainers.base import Stopwatch, is_number
from xaikit.explainers.masked import Bound, MaskedExplainer, RowResult
from xaikit.explanations.base import Cost
from xaikit.kernels.images import blend_images
from xaikit.predictor.adapter import Predictor
from xaikit.sampling.game import MAX_MEMORY, Game
from xaikit.sampling.image import ImageMasker, rounded, size_of, spread
from xaikit.sampling.seeds import stream
from xaikit.solvers.rise import Masks, correlate, draw_masks
from xaikit.tables.tables import Batch


class RISE(MaskedExplainer):
    """Pixels that the model's answer goes with, with error bars.

    The image is seen through random masks: coarse grids of ones and zeros, upsampled to soft
    blots and moved by a random part of a cell. A pixel's value is the slope of the answer
    on the mask's brightness there, Cov(f, M) / Var(M): signed, in units of the model's output,
    and 0 where the answer does not depend on what is near the pixel.

    Parameters
    ----------
    n_masks : int
        Questions about an image. The model is asked one row more for the image itself, and one for
        each stand-in.
    grid : int
        Cells of the grid, each way: the map shows nothing much smaller than a cell.
    p : float
        Probability that a cell is shown.
    outputs : position, name or list, optional
        Outputs to explain; all by default.
    batch_size : int or "auto"
        Most rows a call of the model.
    random_state : int, Generator or None
    n_jobs : int or None
        Workers, through joblib, each with an image. The numbers do not depend on it.
    max_memory : int
        Bytes of masked images made at a time; at least one is. The model's own memory and the
        maps that come out come on top.

    Attributes
    ----------
    predictor_, masker_ : Predictor, ImageMasker

    Notes
    -----
    All images are seen through the same masks. Of several stand-ins each mask has one, in turns.
    `standard_errors` are those of the slope from the masks being a sample. Neighbouring pixels
    share most of their masks, so that their errors go together. `fidelity` is not measured: the
    slopes are those of as many regressions as there are pixels, and do not add up.

    References
    ----------
    Petsiuk, Das & Saenko 2018, "RISE: Randomized Input Sampling for Explanation of Black-box
    Models", section 3. Its estimate Σ f·M / (n·E[M]) is the same but for a constant that the mean
    of f adds, and for the scale.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.ones((6, 6))
    >>> explainer = RISE(n_masks=200, grid=3, random_state=0).fit(lambda X: 2 * X[:, 1, 4])
    >>> e = explainer.explain(image)
    >>> e.pixels()[0, 1, 4].round(4), e.values.shape
    (array([2.]), (1, 36, 1))
    """

    def __init__(
        self,
        *,
        n_masks: int = 4000,
        grid: int = 8,
        p: float = 0.5,
        outputs: Any = None,
        batch_size: int | str = "auto",
        random_state: Any = None,
        n_jobs: int | None = None,
        max_memory: int = MAX_MEMORY,
    ) -> None:
        self.n_masks = n_masks
        self.grid = grid
        self.p = p
        self.outputs = outputs
        self.batch_size = batch_size
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.max_memory = max_memory

    def fit(self, model: Any, background: Any = None) -> Self:
        """Wrap the model, and keep what is seen behind the masks.

        Parameters
        ----------
        model : torch module, callable or Predictor
        background : ImageMasker, optional
            Its `baseline` is what is seen; its regions are not used. By default 0, as in the paper.

        Raises
        ------
        TypeError
            If the background is something else.
        ValueError
            For settings out of range.
        """
        if background is None:
            background = ImageMasker("grid", baseline=0)
        if not isinstance(background, ImageMasker):
            raise TypeError("RISE explains images, and takes an ImageMasker or nothing beside the "
                            f"model; got {type(background).__name__}.")
        return super().fit(model, background)

    def games(self, X: Any) -> list[Game]:
        """Refuse: a soft mask is no coalition, so there is no game to share."""
        raise TypeError("RISE sees images through soft masks, which are no questions of a game; "
                        "pass images, and make games with KernelSHAP.")

    def _check_games(self, games: list[Game]) -> None:
        self.games(games)

    def _parts(self, batch: Batch) -> list[tuple[int, Batch]]:
        """Cut a stack of images into single ones: each is thousands of questions."""
        return [(i, batch[i : i + 1]) for i in range(len(batch))]

    def _task(self, bound: Bound, batch: Batch, n_parts: int) -> RiseTask:
        return RiseTask(bound, self._masks(bound, batch))

    def _masks(self, bound: Bound, batch: Batch) -> Masks:
        height, width = size_of(batch, _masker(bound).channels_of(batch.shape))
        return draw_masks(stream(self.seed_, "rise"), int(self.n_masks), (height, width),
                          int(self.grid), float(self.p))

    def _names(self, layouts: list[Any]) -> dict[str, Any]:
        height, width = layouts[0].shape
        return {"feature_names": tuple(f"pixel {y}, {x}"
                                       for y in range(height) for x in range(width))}

    def _check_settings(self) -> None:
        for name, least in (("n_masks", 2), ("grid", 1), ("max_memory", 1)):
            value = getattr(self, name)
            whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
            if not whole or value < least:
                raise ValueError(f"{name} must be at least {least} and whole, got {value!r}.")
        if not is_number(self.p) or not 0.0 < self.p < 1.0:
            raise ValueError(f"p must be a probability between 0 and 1, got {self.p!r}.")


@dataclass(frozen=True)
class RiseTask:
    """Explains an image; goes to workers whole."""

    bound: Bound
    masks: Masks

    def __call__(self, part: tuple[int, np.ndarray]) -> tuple[list[RowResult], Cost]:
        """Explain a stack of one image."""
        predictor, watch = self.bound.predictor.spawn(), Stopwatch()
        masker, image = _masker(self.bound), np.ascontiguousarray(part[1][0])
        stand_ins = np.ascontiguousarray(masker.stand_ins(image))
        ends = predictor.ask(np.concatenate([image[None], stand_ins]), own=True)
        answers = self._answers(predictor, image, stand_ins)
        maps = correlate(answers, self.masks)
        n_outputs = answers.shape[1]
        row = RowResult(
            values=maps.values.reshape(-1, n_outputs),
            errors=maps.errors.reshape(-1, n_outputs),
            base=ends[1:].mean(axis=0),
            prediction=ends[0],
            fidelity=np.full(n_outputs, np.nan),
            details={"model_rows": predictor.ledger.rows},
            warnings=_warnings(maps.errors),
            layout=np.arange(maps.values[:, :, 0].size).reshape(self.masks.size),
        )
        return [row], watch.cost(predictor)

    def _answers(
        self, predictor: Predictor, image: np.ndarray, stand_ins: np.ndarray
    ) -> np.ndarray:
        """Ask about the masked images, made a part at a time: (n_masks, n_outputs)."""
        exact = image.itemsize > 4 or (image.dtype.kind in "iu" and image.itemsize > 2)
        dtype = np.dtype(np.float64 if exact else np.float32)
        pixels = np.arange(self.masks.size[0] * self.masks.size[1]).reshape(self.masks.size)
        of_value = spread(pixels, image.shape, _masker(self.bound).channels_of((1, *image.shape)))
        behind = np.arange(len(self.masks)) % len(stand_ins)
        own, others = image.ravel().astype(dtype), stand_ins.reshape(len(stand_ins), -1)
        others = others.astype(dtype)
        # A question: its mask twice over (grid rows are upsampled first), the blend, and the cast.
        question = 8 * pixels.size + image.size * (dtype.itemsize + image.itemsize)
        chunk = max(1, self.bound.max_memory // question)
        answers = []
        for first in range(0, len(self.masks), chunk):
            stop = min(first + chunk, len(self.masks))
            masks = self.masks.full(first, stop).reshape(stop - first, -1)
            blended = np.empty((stop - first, image.size), dtype=dtype)
            blend_images(own, others, of_value, behind[first:stop], masks, blended)
            asked = rounded(blended, image.dtype).reshape(-1, *image.shape)
            answers.append(predictor.ask(asked, own=True))
        return np.concatenate(answers)


def _masker(bound: Bound) -> ImageMasker:
    assert isinstance(bound.masker, ImageMasker)
    return bound.masker


def _warnings(errors: np.ndarray) -> list[str]:
    unseen = int(np.isnan(errors[:, :, 0]).sum())
    if not unseen:
        return []
    return [f"{unseen:,} pixels were masked the same in all questions, so that nothing is known of "
            "them (value 0, error NaN); raise n_masks."]
