"""Regions: segments of an image, ranked by the mean value of their pixels (XRAI)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from xaikit.explainers.base import plain
from xaikit.explainers.results import padded
from xaikit.explanations.choosing import check_output_named, choose_output
from xaikit.explanations.image import ImageAttribution
from xaikit.sampling.seeds import resolve_seed
from xaikit.sampling.segments import checked_segmenter, dense, picture, segment
from xaikit.settings import POSITIVE, Either, Number, Several, Whole, check, documented

SCALES = (50, 100, 150, 250, 500, 1200)
"""Scales of `"felzenszwalb"`, from Kapishnikov 2019, section 3.2."""
_N_SEGMENTS = 64
"""What `"felzenszwalb"` aims at: its smallest region is then a 256th of the image."""
_LEAST = Number(least=0.0, most=1.0)
_SCALE_NUMBERS = Either(POSITIVE, Several(POSITIVE))
_SEGMENT_COUNTS = Either(Whole(1, "segments"), Several(Whole(1)))


@documented
def regions(
    explanation: ImageAttribution,
    output: int | str | None = None,
    segmenter: Any = "felzenszwalb",
    scales: Any = SCALES,
    least: float = 0.001,
    random_state: Any = 0,
) -> ImageAttribution:
    """Rank segments of an image by the mean value of their pixels in a map, highest first.

    Cut the image into segments at several scales. Then, again and again until all pixels are
    covered, add the segment whose pixels not yet covered have the highest mean value. A large
    segment comes first where all of it matters, a small one where only a part does.

    Parameters
    ----------
    explanation : ImageAttribution
        From any method; the finer its map the better, as that of `RISE`.
    {output}
    segmenter : str, callable, int array (height, width) or (n, height, width), or list
        As in `ImageMasker`. A list holds callables and arrays, each a segmentation.
    scales : number or sequence of numbers
        For ``"felzenszwalb"`` its scale: a larger one makes larger segments. For ``"slic"``,
        ``"quickshift"`` and ``"grid"`` numbers of segments. Callables and arrays ignore it.
    least : float
        Share of the image's pixels, not yet covered, that a segment needs to be added. When none
        has so many, the pixels left are the last region.
    random_state : int, Generator or None
        Seed of ``"quickshift"``.

    Returns
    -------
    ImageAttribution
        Units are regions, in the order in which they were added, for one output. `values` are the
        means of the map over the pixels that each region added; `standard_errors` the means of its
        errors there, an upper bound; ``feature_details["share"]`` the shares of the image's pixels.

    Raises
    ------
    ImportError
        If scikit-image is needed and missing.
    TypeError
        If `explanation` is not an ImageAttribution.
    KeyError, IndexError
        If there is no such output.
    ValueError
        For settings out of range.

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
    check({"least": least}, {"least": _LEAST})
    seed = resolve_seed(random_state)
    check_output_named(explanation.output_names, explanation.settings, output)
    k = choose_output(explanation.output_names, output)
    segmenters = _checked(segmenter, scales, explanation.labels.shape)
    maps = explanation.pixels()[:, :, :, k]
    errors = explanation.pixels("standard_errors")[:, :, :, k]
    found = []
    for i, image in enumerate(explanation.images):
        cuts = [cut(image, i, explanation.channels, seed) for cut in segmenters]
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
            "scales": plain(scales), "least": least, "random_state": seed}},
        n_left_out=explanation.n_left_out, left_out=explanation.left_out[:, [k]],
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
    """Add, again and again, the segment with the highest mean over the pixels still open."""
    values = pixels.ravel()
    labels = np.full(values.shape, -1)
    left = ~np.isnan(values)
    segments = _numbered(cuts)
    n_segments = int(segments.max()) + 1
    sizes, sums = _totals(segments[:, left], values[left], n_segments)
    fewest = max(1, int(np.ceil(least * values.size)))
    order: list[np.ndarray] = []
    while (sizes >= fewest).any():
        means = np.where(sizes >= fewest, sums / np.maximum(sizes, 1), -np.inf)
        best = int(means.argmax())
        added = np.flatnonzero((segments == best).any(axis=0) & left)
        less, taken = _totals(segments[:, added], values[added], n_segments)
        sizes, sums = sizes - less, sums - taken
        left[added] = False
        order.append(added)
    if left.any():
        order.append(np.flatnonzero(left))
    for r, added in enumerate(order):
        labels[added] = r
    return _Regions(
        labels.reshape(pixels.shape),
        np.array([values[added].mean() for added in order]),
        np.array([errors.ravel()[added].mean() for added in order]),
        np.array([len(added) / values.size for added in order]))


def _numbered(cuts: list[np.ndarray]) -> np.ndarray:
    """Return the segments of all cuts, numbered consecutively: (n_cuts, pixels); -1 for none."""
    numbered, first = [], 0
    for cut in cuts:
        numbered.append(np.where(cut.ravel() < 0, -1, cut.ravel() + first))
        first += int(cut.max()) + 1
    return np.stack(numbered)


def _totals(
    segments: np.ndarray, values: np.ndarray, n_segments: int
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the number of pixels and the sum of values of each segment: two (n_segments,)."""
    inside = segments >= 0
    everywhere = np.broadcast_to(values, segments.shape)[inside]
    return (np.bincount(segments[inside], minlength=n_segments),
            np.bincount(segments[inside], everywhere, n_segments))


def _checked(segmenter: Any, scales: Any, shape: tuple[int, ...]) -> list[_Cut]:
    """Return the segmentations; raise ValueError for settings that are none."""
    if isinstance(segmenter, str):
        checked_segmenter(segmenter)
        check({"scales": scales}, {
            "scales": _SCALE_NUMBERS if segmenter == "felzenszwalb" else _SEGMENT_COUNTS})
        return [_Cut(segmenter, float(number)) for number in np.atleast_1d(scales)]
    given = list(segmenter) if isinstance(segmenter, list | tuple) else [segmenter]
    if any(isinstance(one, str) for one in given) or not given:
        raise ValueError("a list of segmenters holds callables and arrays of labels, at least one; "
                         "for a segmenter with a name, set several scales instead.")
    checked = [checked_segmenter(one) for one in given]
    for one in checked:
        if isinstance(one, np.ndarray) and one.shape not in (shape, shape[1:]):
            raise ValueError(f"expected labels of shape {shape[1:]} or {shape}, got {one.shape}.")
    return [_Cut(one) for one in checked]
