"""Baselines of images: the values that replace those of a hidden region."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from xaikit.sampling.seeds import stream
from xaikit.sampling.segments import planes_of
from xaikit.settings import Either, Kind, Number, OneOf, check, is_array
from xaikit.tables.numeric import image_array

BASELINES = ("blur", "mean", "noise")
SETTINGS = {"baseline": Either(
    OneOf(*BASELINES), Number(finite=True), Kind(is_array, "an image or a stack of images"))}
"""What a baseline may be; see `xaikit.settings`."""
BLUR = 0.1
"""Standard deviation of the blur as a share of the image's shorter side."""


def checked_baseline(baseline: Any) -> Any:
    """Return a baseline as text, a Python number or an array of its own.

    Raises
    ------
    TypeError, ValueError
        If it is none of them, is empty, or holds NaN or infinity.
    """
    if getattr(baseline, "ndim", None) == 0:
        baseline = baseline.item()  # a number, as NumPy and torch return it
    check({"baseline": baseline}, SETTINGS)
    if not is_array(baseline):
        return baseline
    array = image_array(baseline)
    if array.size == 0 or not np.isfinite(array).all():
        raise ValueError("expected a baseline of finite numbers, got "
                         f"{'none' if array.size == 0 else 'NaN or infinity'}.")
    return array.copy()


def replacements_of(
    image: np.ndarray, baseline: Any, channels: str | None, seed: int
) -> np.ndarray:
    """Return an image's replacement images: (B, …) of its dtype and layout.

    Parameters
    ----------
    image : array (height, width), with an axis of channels or without
    baseline : str, number or array
        As `checked_baseline` returns it.
    channels : {"first", "last"} or None
        Where the image has its channels.
    seed : int
        Used by ``"noise"``.

    Raises
    ------
    ValueError
        If the baseline is of another shape, or its values do not fit the dtype.

    Examples
    --------
    >>> replacements_of(np.array([[0.0, 4.0]]), "mean", None, 0)
    array([[[2., 2.]]])
    """
    if isinstance(baseline, str):
        return rounded(_made_of(image, baseline, channels, seed)[None], image.dtype)
    if not isinstance(baseline, np.ndarray):
        return rounded(np.full((1, *image.shape), baseline), image.dtype)
    stack = baseline[None] if baseline.shape == image.shape else baseline
    if stack.shape[1:] != image.shape:
        raise ValueError(f"expected a baseline of the images' shape {image.shape}, or a "
                         f"stack of such, got shape {baseline.shape}.")
    return rounded(stack, image.dtype)


def rounded(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Cast values to the images' dtype, rounded to whole numbers if the dtype is one of these.

    Values never wrap around or become infinite.

    Raises
    ------
    ValueError
        If a value does not fit the dtype.
    """
    if values.dtype == dtype:
        return values
    if dtype.kind == "f":
        if np.abs(values.astype(np.float64)).max() > np.finfo(dtype).max:
            raise ValueError(f"the baseline goes beyond what {dtype} holds.")
        return values.astype(dtype)
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    whole = np.rint(values) if values.dtype.kind == "f" else values
    if whole.min() < low or whole.max() > high:
        raise ValueError(f"expected a baseline between {low} and {high}, as the images are "
                         f"{dtype}, got {values.min()} to {values.max()}.")
    if whole.dtype.kind == "f" and dtype.itemsize == 8:
        # The float nearest to 2**63 − 1 is 2**63, which would wrap around.
        whole = np.clip(whole, None, np.nextafter(float(high), 0.0))
    return whole.astype(dtype)


def _made_of(image: np.ndarray, baseline: str, channels: str | None, seed: int) -> np.ndarray:
    """Compute an image's blur, mean colour or noise, as float64 of its layout."""
    made = planes_of(image, channels).astype(np.float64)
    noise = stream(seed, "noise")
    for plane in made:
        low, high = plane.min(), plane.max()
        if baseline == "blur":
            plane[:] = gaussian_filter(plane, BLUR * min(plane.shape))
        elif baseline == "mean":
            plane[:] = plane.mean()
        else:
            plane[:] = low + (high - low) * noise.random(plane.shape)
        # Sums are rounded, and may leave the image's own range: 256 does not fit uint8.
        np.clip(plane, low, high, out=plane)
    if channels is None:
        return made[0]
    return made if channels == "first" else np.moveaxis(made, 0, -1)
