"""RISE: how an answer varies with each pixel of soft random masks over an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from xaikit.explainers.base import Explainer
from xaikit.explainers.games import bound_to
from xaikit.explainers.results import RowResult, attribution, stacked
from xaikit.explainers.run import Stopwatch, run
from xaikit.explanations.image import ImageAttribution
from xaikit.kernels.images import blend_images
from xaikit.predictor.adapter import Predictor
from xaikit.predictor.ledger import Ledger
from xaikit.predictor.probe import differs_alone
from xaikit.sampling.baselines import rounded
from xaikit.sampling.game import Game
from xaikit.sampling.image import ImageMasker, of_values, size_of
from xaikit.sampling.seeds import resolve_seed, stream
from xaikit.settings import MAX_MEMORY, SHARE, Whole
from xaikit.solvers.rise import Masks, correlate, draw_masks


class RISE(Explainer):
    """Slope of the model's answer on each pixel of random masks, with error bars.

    The model is asked about the image behind random masks: coarse grids of ones and zeros,
    upsampled to soft blots and shifted by a random part of a cell. A pixel's value is the slope of
    the answer on the mask's brightness there, Cov(f, M) / Var(M): signed, in units of the model's
    output, and 0 where the answer does not depend on the image near the pixel.

    Parameters
    ----------
    budget : int
        Model rows per image: the image itself, one for each replacement image (`ImageMasker` has
        one but for stacks of baselines), and the masked images.
    grid : int
        Cells of the grid in each direction: the map shows nothing much smaller than a cell.
    p : float
        Probability that a cell is shown.
    {outputs, batch_size, random_state, n_jobs, max_memory, verbose}

    Attributes
    ----------
    predictor_, masker_ : Predictor, ImageMasker

    Notes
    -----
    All images are masked alike. If there are several replacement images, masks take them in turns.
    `standard_errors` are those of the slope from the masks being a sample. The errors of
    neighbouring pixels, which share most of their masks, are correlated. `fidelity` is not measured
    (NaN): each pixel has a regression of its own, and the slopes do not add up.

    References
    ----------
    Petsiuk, Das & Saenko 2018, "RISE: Randomized Input Sampling for Explanation of Black-box
    Models", section 3. Its estimate Σ f·M / (n·E[M]) is the same but for a constant that the mean
    of f adds, and for the scale.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.ones((6, 6))
    >>> explainer = RISE(budget=202, grid=3, random_state=0).fit(lambda X: 2 * X[:, 1, 4])
    >>> e = explainer.explain(image)
    >>> e.pixels()[0, 1, 4].round(4), e.values.shape
    (array([2.]), (1, 36, 1))
    """

    own_settings: ClassVar = {"budget": Whole(4), "grid": Whole(1), "p": SHARE}

    def __init__(
        self,
        *,
        budget: int = 4002,
        grid: int = 8,
        p: float = 0.5,
        outputs: Any = None,
        batch_size: int | str = "auto",
        random_state: Any = None,
        n_jobs: int | None = None,
        max_memory: int = MAX_MEMORY,
        verbose: bool = True,
    ) -> None:
        self.budget = budget
        self.grid = grid
        self.p = p
        self.outputs = outputs
        self.batch_size = batch_size
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.max_memory = max_memory
        self.verbose = verbose

    def fit(self, model: Any, background: Any = None) -> Self:
        """Wrap the model, and keep the masker that replaces what is hidden.

        Parameters
        ----------
        model : torch module, callable or Predictor
        background : ImageMasker, optional
            Only its `baseline` is used, not its segments. By default 0, as in the paper.

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
        self.check_settings()
        self.seed_ = resolve_seed(self.random_state)
        # Images are probed when there are some.
        self.predictor_, self.masker_ = self._wrap(model), background
        return self

    def explain(self, X: Any) -> ImageAttribution:
        """Explain images.

        Parameters
        ----------
        X : array (n_rows, height, width[, channels]), or one image

        Raises
        ------
        sklearn.exceptions.NotFittedError
        ValueError
            For images of different shapes, or a budget too small.
        ModelError
            If the model fails.
        """
        self._check_ready()
        if isinstance(X, Game) or (isinstance(X, list) and any(isinstance(g, Game) for g in X)):
            raise TypeError("RISE masks images softly, which no game can: pass the images.")
        ledger, masker = self.predictor_.ledger, self.masker_
        watch, images = Stopwatch(ledger), masker.conform(X)
        predictor = bound_to(self.predictor_, masker, images, X)
        ledger.add(predictor.ledger)
        work = RiseWork(predictor, masker, self._masks(images), int(self.max_memory))
        # An image a part: each is thousands of questions.
        parts = run(work, list(enumerate(images)), ledger,
                    n_jobs=self.n_jobs, label="RISE", keep=stacked, verbose=self.verbose)
        doubts = differs_alone(predictor, ledger)
        about = self._about(predictor, (p.arrays["predictions"][0] for p in parts))
        about["settings"] |= masker.described()
        height, width = work.masks.size
        found = attribution(masker, images, parts, {
            **about, "output_names": predictor.output_names or (), "cost": watch.cost(),
            "warnings": (*predictor.findings.warnings, *doubts),
            "feature_names": tuple(f"pixel {y}, {x}" for y in range(height) for x in range(width)),
        })
        assert isinstance(found, ImageAttribution)
        return found

    def _masks(self, images: np.ndarray) -> Masks:
        height, width = size_of(images, self.masker_.channels_of(images.shape))
        n_masks = int(self.budget) - 1 - len(self.masker_.replacements(images[0]))
        if n_masks < 2:
            raise ValueError(f"budget={self.budget} model rows leaves {n_masks} masks; at least 2 "
                             f"are needed: raise it to {int(self.budget) + 2 - n_masks} or more.")
        return draw_masks(stream(self.seed_, "rise"), n_masks, (height, width), int(self.grid),
                          float(self.p))


@dataclass(frozen=True)
class RiseWork:
    """Explains an image; goes to workers whole."""

    predictor: Predictor
    masker: ImageMasker
    masks: Masks
    max_memory: int

    def __call__(self, part: tuple[int, np.ndarray]) -> tuple[list[RowResult], Ledger]:
        """Explain an image, of which the position is given too."""
        predictor, (_, image) = self.predictor.spawn(), part
        image = np.ascontiguousarray(image)
        replacements = np.ascontiguousarray(self.masker.replacements(image))
        ends = predictor.ask(np.concatenate([image[None], replacements]), own=True)
        answers = self._answers(predictor, image, replacements)
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
        return [row], predictor.ledger

    def _answers(
        self, predictor: Predictor, image: np.ndarray, replacements: np.ndarray
    ) -> np.ndarray:
        """Ask about the masked images, made in parts: (n_masks, n_outputs)."""
        exact = image.itemsize > 4 or (image.dtype.kind in "iu" and image.itemsize > 2)
        dtype = np.dtype(np.float64 if exact else np.float32)
        pixels = np.arange(self.masks.size[0] * self.masks.size[1]).reshape(self.masks.size)
        of_value = of_values(pixels, image.shape, self.masker.channels_of((1, *image.shape)))
        behind = np.arange(len(self.masks)) % len(replacements)
        own, others = image.ravel().astype(dtype), replacements.reshape(len(replacements), -1)
        others = others.astype(dtype)
        # A question: its mask twice over (grid rows are upsampled first), the blend, and the cast.
        question = 8 * pixels.size + image.size * (dtype.itemsize + image.itemsize)
        chunk = max(1, self.max_memory // question)
        answers = []
        for first in range(0, len(self.masks), chunk):
            stop = min(first + chunk, len(self.masks))
            masks = self.masks.full(first, stop).reshape(stop - first, -1)
            blended = np.empty((stop - first, image.size), dtype=dtype)
            blend_images(own, others, of_value, behind[first:stop], masks, blended)
            asked = rounded(blended, image.dtype).reshape(-1, *image.shape)
            answers.append(predictor.ask(asked, own=True))
        return np.concatenate(answers)


def _warnings(errors: np.ndarray) -> list[str]:
    unseen = int(np.isnan(errors[:, :, 0]).sum())
    if not unseen:
        return []
    return [f"{unseen:,} pixels were masked alike in all questions, so that their effect is not "
            "known (value 0, error NaN); raise the budget."]
