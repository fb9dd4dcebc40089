"""Regions: a map of pixels as a ranking of the segments that carry it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from xaikit.explainers.base import plain
from xaikit.explainers.results import padded
from xaikit.explanations.choosing import choose_output
from xaikit.explanations.image import ImageAttribution
from xaikit.sampling.segments import checked_count, checked_segmenter, dense, picture, segment
from xaikit.settings import documented, is_number

SCALES = (50, 100, 150, 250, 500, 1200)
"""Scales of `"felzenszwalb"`, from Kapishnikov 2019, section 3.2."""
_N_SEGMENTS = 64
"""What `"felzenszwalb"` aims at: no region of its own is less than a 256th of the image."""


@documented
def regions(
    explanation: ImageAttribution,
    output: int | str | None = None,
    segmenter: Any = "felzenszwalb",
    scales: Any = SCALES,
    least: float = 0.001,
    random_state: int = 0,
) -> ImageAttribution:
    """Turn a map of pixels into regions, the one that carries most first.

    The image is cut into segments at several scales. Then the segment is added whose pixels not yet
    covered have the highest mean value, and again, until nothing is left: large segments win
    where the whole of them matters, small ones where only a part does.

    Parameters
    ----------
    explanation : ImageAttribution
        Of any method; `RISE` gives a map that is fine enough.
    {output}
    segmenter : str, callable, int array (height, width) or (n, height, width), or list
        As in `ImageMasker`. A list holds callables and arrays, each a segmentation of its own.
    scales : sequence of numbers
        For ``"felzenszwalb"`` its scale, the larger, the larger the segments; for ``"slic"``,
        ``"quickshift"`` and ``"grid"`` numbers of segments. Callables and arrays have their own.
    least : float
        Share of the image's pixels that a segment must bring to be added. What is left when none
        does is the last region.
    random_state : int
        Of ``"quickshift"``.

    Returns
    -------
    ImageAttribution
        Units are regions in the order in which they were added, one output. `values` are means of
        the pixels' values over what each region brought; `standard_errors` the means of theirs, an
        upper bound; ``feature_details["share"]`` the share of the image's pixels.

    Raises
    ------
    ImportError
        If scikit-image is needed and missing.
    TypeError, ValueError
        If `explanation` is not one of images, or a setting is out of range.
    IndexError, KeyError
        If there is no such output.

    References
    ----------
    Kapishnikov, Bolukbasi, Viégas & Terry 2019, "XRAI: Better Attributions Through Regions",
    algorithm 1. The segments are not dilated here.

    Examples
    --------
    >>> e = ImageAttribution(
    ...     method="by hand", values=np.array([[[1.0], [5.0], [3.0], [3.0]]]),
    ...     base_values=[[0.0]], predictions=[[12.0]], output_names=("output",),
    ...     images=np.zeros((1, 2, 2)), labels=np.arange(4).reshape(1, 2, 2))
    >>> found = regions(e, segmenter=[np.array([[0, 0], [1, 1]]), np.array([[0, 1], [2, 3]])])
    >>> found.labels[0], found.values[0, :, 0]
    (array([[2, 0],
           [1, 1]]), array([5., 3., 1.]))
    """
    if not isinstance(explanation, ImageAttribution):
        raise TypeError("expected an ImageAttribution, which has a map of pixels; got "
                        f"{type(explanation).__name__}.")
    if not is_number(least) or not 0.0 <= least <= 1.0:
        raise ValueError(f"least must be a share between 0 and 1, got {least!r}.")
    k = choose_output(explanation.output_names, output)
    segmenters = _checked(segmenter, scales, explanation.labels.shape)
    maps = explanation.pixels()[:, :, :, k]
    errors = explanation.pixels("standard_errors")[:, :, :, k]
    found = []
    for i, image in enumerate(explanation.images):
        cuts = [cut(image, i, explanation.channels, random_state) for cut in segmenters]
        found.append(_ranked(maps[i], errors[i], cuts, least))
    return ImageAttribution(
        method=f"regions of {explanation.method}",
        values=padded([one.values[:, None] for one in found]),
        standard_errors=padded([one.errors[:, None] for one in found]),
        feature_details={"share": padded([one.shares for one in found])},
        base_values=explanation.base_values[:, [k]],
        predictions=explanation.predictions[:, [k]],
        output_names=(explanation.output_names[k],),
        images=explanation.images, channels=explanation.channels,
        labels=np.stack([one.labels for one in found]),
        row_names=explanation.row_names, random_state=explanation.random_state,
        settings={**explanation.settings, "regions": {
            "segmenter": segmenter if isinstance(segmenter, str) else f"{len(segmenters)} given",
            "scales": plain(scales), "least": least, "random_state": random_state}},
        cost=explanation.cost, warnings=explanation.warnings)


@dataclass(frozen=True)
class _Regions:
    """Regions in their order: labels (height, width); means, their errors and shares (R,)."""

    labels: np.ndarray
    values: np.ndarray
    errors: np.ndarray
    shares: np.ndarray


@dataclass(frozen=True)
class _Cut:
    """One segmentation of images: by name at a scale, or given."""

    segmenter: Any
    scale: float = 1.0

    def __call__(
        self, image: np.ndarray, i: int, channels: str | None, seed: int
    ) -> np.ndarray:
        if isinstance(self.segmenter, np.ndarray):
            return dense(self.segmenter if self.segmenter.ndim == 2 else self.segmenter[i])
        seen = picture(image, channels)
        if self.segmenter == "felzenszwalb":
            return segment(seen, self.segmenter, _N_SEGMENTS, seed, self.scale)
        return segment(seen, self.segmenter, int(self.scale), seed)


def _ranked(
    pixels: np.ndarray, errors: np.ndarray, cuts: list[np.ndarray], least: float
) -> _Regions:
    """Add the segment with the highest mean of what it brings, again and again."""
    values = pixels.ravel()
    labels = np.full(values.shape, -1)
    open_ = ~np.isnan(values)
    segments = _numbered(cuts)
    n_segments = int(segments.max()) + 1
    sizes, sums = _totals(segments[:, open_], values[open_], n_segments)
    fewest = max(1, int(np.ceil(least * values.size)))
    order: list[np.ndarray] = []
    while (sizes >= fewest).any():
        means = np.where(sizes >= fewest, sums / np.maximum(sizes, 1), -np.inf)
        best = int(means.argmax())
        brought = np.flatnonzero((segments == best).any(axis=0) & open_)
        less, taken = _totals(segments[:, brought], values[brought], n_segments)
        sizes, sums = sizes - less, sums - taken
        open_[brought] = False
        order.append(brought)
    if open_.any():
        order.append(np.flatnonzero(open_))
    for r, brought in enumerate(order):
        labels[brought] = r
    return _Regions(
        labels.reshape(pixels.shape),
        np.array([values[brought].mean() for brought in order]),
        np.array([errors.ravel()[brought].mean() for brought in order]),
        np.array([len(brought) / values.size for brought in order]))


def _numbered(cuts: list[np.ndarray]) -> np.ndarray:
    """Number the segments of all segmentations together: (n_cuts, pixels), -1 for none."""
    numbered, first = [], 0
    for cut in cuts:
        numbered.append(np.where(cut.ravel() < 0, -1, cut.ravel() + first))
        first += int(cut.max()) + 1
    return np.stack(numbered)


def _totals(
    segments: np.ndarray, values: np.ndarray, n_segments: int
) -> tuple[np.ndarray, np.ndarray]:
    """Count the pixels of each segment and add up their values: two arrays (n_segments,)."""
    inside = segments >= 0
    everywhere = np.broadcast_to(values, segments.shape)[inside]
    return (np.bincount(segments[inside], minlength=n_segments),
            np.bincount(segments[inside], everywhere, n_segments))


def _checked(segmenter: Any, scales: Any, shape: tuple[int, ...]) -> list[_Cut]:
    if isinstance(segmenter, str):
        checked_segmenter(segmenter)
        numbers = list(scales) if isinstance(scales, list | tuple | np.ndarray) else [scales]
        if not numbers or not all(is_number(s) and s > 0 for s in numbers):
            raise ValueError(f"scales must be numbers above 0, at least one, got {scales!r}.")
        if segmenter != "felzenszwalb":
            numbers = [checked_count(number) for number in numbers]
        return [_Cut(segmenter, float(number)) for number in numbers]
    given = list(segmenter) if isinstance(segmenter, list | tuple) else [segmenter]
    if any(isinstance(one, str) for one in given) or not given:
        raise ValueError("a list of segmenters holds callables and arrays of labels, at least one; "
                         "of a segmenter with a name, several segmentations are made by scales.")
    checked = [checked_segmenter(one) for one in given]
    for one in checked:
        if isinstance(one, np.ndarray) and one.shape not in (shape, shape[1:]):
            raise ValueError(f"expected labels of shape {shape[1:]} or {shape}, got {one.shape}.")
    return [_Cut(one) for one in checked]
