"""Segments: the regions of an image, from superpixels, a grid or an array of labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from xaikit.settings import Constraint, Either, Kind, OneOf, Whole, check, is_array
from xaikit.tables.containers import taken_in

SEGMENTERS = ("slic", "quickshift", "felzenszwalb", "grid")
SETTINGS: dict[str, Constraint] = {
    "segmenter": Either(OneOf(*SEGMENTERS), Kind(callable, "a function of an image"),
                        Kind(is_array, "an array of labels")),
    "n_segments": Whole(1),
}
"""What settings of a segmentation may be; see `xaikit.settings`."""


def segment(
    image: np.ndarray, segmenter: Any, n_segments: int, seed: int = 0, scale: float = 100.0
) -> np.ndarray:
    """Divide an image into regions.

    Parameters
    ----------
    image : float array (height, width) or (height, width, channels)
        In [0, 1], as `picture` returns it.
    segmenter : str or callable
        See `ImageMasker`.
    n_segments : int
        Approximate number of regions.
    seed : int
        Seed of ``"quickshift"``.
    scale : float
        Scale of ``"felzenszwalb"``; larger values give larger regions.

    Returns
    -------
    int64 array (height, width)
        Regions numbered from 0 without gaps; -1 where the segmenter returned a negative number.

    Raises
    ------
    ImportError
        If scikit-image is needed and missing.
    ValueError
        If a callable returns labels of another shape.

    Examples
    --------
    >>> segment(np.zeros((2, 4)), "grid", 2)
    array([[0, 0, 1, 1],
           [0, 0, 1, 1]])
    """
    size = image.shape[:2]
    if callable(segmenter):
        labels = checked_labels(np.asarray(taken_in(segmenter(image))))
        if labels.shape != size:
            raise ValueError(f"expected labels of shape {size} from the segmenter, "
                             f"got {labels.shape}.")
        return dense(labels)
    if segmenter == "grid":
        return _grid(size, n_segments)
    # scikit-image fails on single pixels.
    if size == (1, 1):
        return np.zeros(size, dtype=np.int64)
    return dense(_superpixels(image, segmenter, n_segments, seed, scale))


def picture(image: np.ndarray, channels: str | None) -> np.ndarray:
    """Convert an image for the segmenters: float64 in [0, 1], grey or with three channels last.

    The fourth of four channels, opacity, is dropped; two channels, or more than four, are averaged.

    Examples
    --------
    >>> picture(np.array([[0, 5], [10, 20]], dtype=np.uint8), None)
    array([[0.  , 0.25],
           [0.5 , 1.  ]])
    """
    planes = planes_of(image, channels).astype(np.float64)
    colour = planes[:3] if len(planes) in (3, 4) else planes.mean(axis=0, keepdims=True)
    low, high = colour.min(), colour.max()
    # Halve before subtracting: the range of a float64 image may overflow.
    span = high / 2 - low / 2
    scaled = (colour / 2 - low / 2) / (span if span > 0.0 else 1.0)
    return scaled[0] if len(scaled) == 1 else np.ascontiguousarray(np.moveaxis(scaled, 0, -1))


def dense(labels: np.ndarray) -> np.ndarray:
    """Renumber the labels that occur from 0 in ascending order; negative labels become -1.

    Examples
    --------
    >>> dense(np.array([[40, 7], [-2, 40]]))
    array([[ 1,  0],
           [-1,  1]])
    """
    out = np.full(labels.shape, -1, dtype=np.int64)
    inside = labels >= 0
    if not inside.any():
        raise ValueError("the labels are all negative, so there is nothing to hide; "
                         "number the regions from 0.")
    out[inside] = np.unique(labels[inside], return_inverse=True)[1].reshape(-1)
    return out


def checked_segmenter(segmenter: Any) -> Any:
    """Return a segmenter as text, callable or int array; raise ValueError if it is none of them."""
    check({"segmenter": segmenter}, SETTINGS)
    if isinstance(segmenter, str) or not is_array(segmenter):
        return segmenter
    labels = checked_labels(np.array(taken_in(segmenter)))
    if labels.ndim not in (2, 3) or labels.size == 0:
        raise ValueError("expected labels of shape (height, width) or (n, height, width), "
                         f"got {labels.shape}.")
    for own in labels if labels.ndim == 3 else [labels]:
        dense(own)
    return labels


def checked_labels(labels: np.ndarray) -> np.ndarray:
    """Return labels as int64; raise ValueError if they are not whole numbers."""
    if labels.dtype.kind not in "bui":
        raise ValueError(f"expected labels of whole numbers, got {labels.dtype}; "
                         "convert them: labels.astype(int).")
    return labels.astype(np.int64)


def planes_of(image: np.ndarray, channels: str | None) -> np.ndarray:
    """Return the channels of an image as planes (C, height, width)."""
    if channels is None:
        return image[None]
    return image if channels == "first" else np.moveaxis(image, -1, 0)


def _grid(size: tuple[int, ...], n_cells: int) -> np.ndarray:
    """Cut an image into nearly square cells, about `n_cells` of them."""
    height, width = size
    ideal = np.sqrt(n_cells * height / width)
    choices = []
    for n_rows in (int(ideal), int(ideal) + 1):
        rows = min(max(n_rows, 1), height)
        columns = min(max(round(n_cells / rows), 1), width)
        choices.append((abs(rows * columns - n_cells), abs(rows - ideal), rows, columns))
    _, _, rows, columns = min(choices)
    y, x = np.arange(height) * rows // height, np.arange(width) * columns // width
    return y[:, None] * columns + x


def _superpixels(
    image: np.ndarray, segmenter: str, n_segments: int, seed: int, scale: float
) -> np.ndarray:
    """Divide an image into superpixels by scikit-image."""
    try:
        from skimage import segmentation
    except ImportError as error:
        raise ImportError(
            f"segmenter={segmenter!r} needs scikit-image: pip install 'xaikit[image]'. "
            "segmenter='grid' and arrays of labels work without it.") from error
    grey = image.ndim == 2
    area = image.shape[0] * image.shape[1] / n_segments
    side = np.sqrt(area)
    if segmenter == "slic":
        # Compactness weighs distance against colour, which has a range of 100 in Lab and of 1 in
        # grey. Without smoothing, photographs get half the requested regions, and noise gets one.
        return segmentation.slic(
            image, n_segments=n_segments, compactness=0.1 if grey else 10.0, start_label=0,
            sigma=min(1.0, side / 24), channel_axis=None if grey else -1)
    if segmenter == "felzenszwalb":
        # `min_size` limits the regions to four times the requested number.
        return segmentation.felzenszwalb(
            image, scale=scale, sigma=0.5, min_size=max(1, round(area / 4)),
            channel_axis=None if grey else -1)
    # Link pixels to modes within the width of a region; the kernel has a sixth of it as its
    # standard deviation.
    colour = np.repeat(image[:, :, None], 3, axis=2) if grey else image
    return segmentation.quickshift(colour, ratio=0.5, kernel_size=max(1.0, side / 6),
                                   max_dist=max(1.5, side), rng=seed)
