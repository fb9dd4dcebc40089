"""Segments: the regions of an image, found by superpixels, on a grid, or given as labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from xaikit.tables.containers import taken_in

SEGMENTERS = ("slic", "quickshift", "felzenszwalb", "grid")

Segmenter = Callable[[np.ndarray, int], np.ndarray]


def segment(
    image: np.ndarray, segmenter: Any, n_segments: int, seed: int = 0, scale: float = 100.0
) -> np.ndarray:
    """Find the regions of an image.

    Parameters
    ----------
    image : float array (height, width) or (height, width, channels)
        In [0, 1], as `picture` gives it.
    segmenter : str or callable
        See `ImageMasker`.
    n_segments : int
    seed : int
        Of ``"quickshift"``.
    scale : float
        Of ``"felzenszwalb"``: the larger, the larger its regions.

    Returns
    -------
    int64 array (height, width)
        Numbered from 0 without gaps; -1 where the segmenter gave a negative number.

    Raises
    ------
    ImportError
        If scikit-image is needed and missing.
    ValueError
        If a callable gives labels of another shape.

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
    # The libraries fail on single pixels, which need no library.
    if size == (1, 1):
        return np.zeros(size, dtype=np.int64)
    return dense(_superpixels(image, segmenter, n_segments, seed, scale))


def picture(image: np.ndarray, channels: str | None) -> np.ndarray:
    """Give an image as segmenters want it: float64 in [0, 1], grey or with three channels last.

    Opacity is dropped; more channels than four, or two, become their mean.

    Examples
    --------
    >>> picture(np.array([[0, 5], [10, 20]], dtype=np.uint8), None)
    array([[0.  , 0.25],
           [0.5 , 1.  ]])
    """
    planes = planes_of(image, channels).astype(np.float64)
    colour = planes[:3] if len(planes) in (3, 4) else planes.mean(axis=0, keepdims=True)
    low, high = colour.min(), colour.max()
    # Halves first: the range of float64 images may be beyond float64.
    span = high / 2 - low / 2
    scaled = (colour / 2 - low / 2) / (span if span > 0.0 else 1.0)
    return scaled[0] if len(scaled) == 1 else np.ascontiguousarray(np.moveaxis(scaled, 0, -1))


def dense(labels: np.ndarray) -> np.ndarray:
    """Number the labels that occur from 0, in their order; negative ones become -1.

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
                         "give regions numbers from 0.")
    out[inside] = np.unique(labels[inside], return_inverse=True)[1].reshape(-1)
    return out


def checked_segmenter(segmenter: Any) -> Any:
    """Give a segmenter as text, callable or int array, or say what is wrong with it."""
    if isinstance(segmenter, str):
        if segmenter not in SEGMENTERS:
            raise ValueError(f"segmenter must be one of {', '.join(SEGMENTERS)}, a callable or an "
                             f"array of labels, got {segmenter!r}.")
        return segmenter
    if callable(segmenter) and not hasattr(segmenter, "__array__"):
        return segmenter
    labels = checked_labels(np.array(taken_in(segmenter)))
    if labels.ndim not in (2, 3) or labels.size == 0:
        raise ValueError("expected labels of shape (height, width) or (n, height, width), "
                         f"got {labels.shape}.")
    for own in labels if labels.ndim == 3 else [labels]:
        dense(own)
    return labels


def checked_labels(labels: np.ndarray) -> np.ndarray:
    """Refuse labels that are no whole numbers."""
    if labels.dtype.kind not in "bui":
        raise ValueError(f"expected labels of whole numbers, got {labels.dtype}; "
                         "convert them: labels.astype(int).")
    return labels.astype(np.int64)


def checked_count(n_segments: Any) -> int:
    """Refuse a number of regions that is none."""
    whole = isinstance(n_segments, int | np.integer) and not isinstance(n_segments, bool)
    if not whole or n_segments < 1:
        raise ValueError(f"n_segments must be a whole number of at least 1, got {n_segments!r}.")
    return int(n_segments)


def planes_of(image: np.ndarray, channels: str | None) -> np.ndarray:
    """Give the channels of an image as planes (C, height, width)."""
    if channels is None:
        return image[None]
    return image if channels == "first" else np.moveaxis(image, -1, 0)


def _grid(size: tuple[int, ...], n_cells: int) -> np.ndarray:
    """Cut an image into near-square cells, as near `n_cells` as these allow."""
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
    try:
        from skimage import segmentation
    except ImportError as error:
        raise ImportError(
            f"segmenter={segmenter!r} needs scikit-image: pip install 'xaikit[image]'. "
            "segmenter='grid' and arrays of labels need nothing.") from error
    grey = image.ndim == 2
    area = image.shape[0] * image.shape[1] / n_segments
    side = np.sqrt(area)
    if segmenter == "slic":
        # Compactness weighs distance against colour: of 100 steps in Lab, of 1 in grey. Without
        # smoothing, photographs come out in half the regions asked for, and noise in one.
        return segmentation.slic(
            image, n_segments=n_segments, compactness=0.1 if grey else 10.0, start_label=0,
            sigma=min(1.0, side / 24), channel_axis=None if grey else -1)
    if segmenter == "felzenszwalb":
        # At most four times the number asked for.
        return segmentation.felzenszwalb(
            image, scale=scale, sigma=0.5, min_size=max(1, round(area / 4)),
            channel_axis=None if grey else -1)
    # Modes of the density within a region's width: its standard deviation a sixth of that.
    colour = np.repeat(image[:, :, None], 3, axis=2) if grey else image
    return segmentation.quickshift(colour, ratio=0.5, kernel_size=max(1.0, side / 6),
                                   max_dist=max(1.5, side), rng=seed)
