"""ImageMasker: the units of an image are its regions; a blurred or plain image stands in for them.

Images come as (height, width), (height, width, channels) or (channels, height, width). Everything
that needs to know where the channels are asks `channels_of`.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from xaikit.kernels.images import compose_images
from xaikit.predictor.adapter import Predictor
from xaikit.sampling.game import zobrist
from xaikit.sampling.seeds import resolve_seed, stream
from xaikit.sampling.segments import (
    checked_count,
    checked_segmenter,
    dense,
    picture,
    planes_of,
    segment,
)
from xaikit.tables.numeric import image_array

CHANNELS = (1, 3, 4)
"""Numbers of channels by which an axis is known for one: grey, colour, colour with opacity."""
LAYOUTS = (None, "first", "last", "grey")
BASELINES = ("blur", "mean", "noise")
BLUR = 0.1
"""Standard deviation of the blur as a share of the image's shorter side."""


class ImageMasker:
    """Hidden regions of an image take the values of a stand-in, pixel by pixel.

    Parameters
    ----------
    segmenter : str, callable or int array (height, width) or (n, height, width)
        What the regions are. ``"slic"``, ``"quickshift"`` and ``"felzenszwalb"`` find superpixels
        and need scikit-image; ``"grid"`` cuts near-square cells. A callable is given an image as
        float64 in [0, 1], (height, width) or (height, width, channels), and gives labels
        (height, width). An array holds the labels themselves, the same for all images or those of
        each. Labels may be any whole numbers; pixels of negative ones are never hidden.
    n_segments : int
        About how many regions ``"slic"`` and ``"grid"`` make; the other two follow the image, and
        this sets the size that they aim at.
    baseline : {"blur", "mean", "noise"}, number or array
        What is seen where a region is hidden: the image through a Gaussian filter whose standard
        deviation is a tenth of the shorter side; its mean colour; uniform noise between the lowest
        and highest value of each channel, the same draw for every image; a constant; or an image,
        or a stack of several of which each is a stand-in. Rounded to the dtype of the images.
    channels : {"first", "last", "grey"}, optional
        Where images have their channels. By default the shape says so, see `channels_of`.
        ``"grey"``: there is no such axis.
    random_state : int, Generator or None
        Of the noise, and of ``"quickshift"``.

    Raises
    ------
    ValueError
        For settings that are none of these.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.arange(16.0).reshape(4, 4)
    >>> row = ImageMasker("grid", n_segments=4, baseline=0).rows(image)[0]
    >>> row.layout
    array([[0, 0, 1, 1],
           [0, 0, 1, 1],
           [2, 2, 3, 3],
           [2, 2, 3, 3]])
    >>> row.compose(np.array([0]), np.array([[0b1001]], dtype=np.uint64))[0]
    array([[ 0.,  1.,  0.,  0.],
           [ 4.,  5.,  0.,  0.],
           [ 0.,  0., 10., 11.],
           [ 0.,  0., 14., 15.]])
    """

    kind = "image"

    def __init__(
        self,
        segmenter: Any = "slic",
        n_segments: int = 64,
        baseline: Any = "blur",
        channels: str | None = None,
        random_state: Any = 0,
    ) -> None:
        if channels not in LAYOUTS:
            raise ValueError("channels must be 'first', 'last', 'grey' or None, "
                             f"got {channels!r}.")
        self.n_segments = checked_count(n_segments)
        self.segmenter = checked_segmenter(segmenter)
        self.baseline = _checked_baseline(baseline)
        self.channels = channels
        self.seed = resolve_seed(random_state)

    def conform(self, X: Any) -> np.ndarray:
        """Give images as a stack (n, …), their dtype and the place of their channels as they were.

        Parameters
        ----------
        X : array, tensor or list
            One image or several. Where `channels` is not told, three axes are one image if the
            last is of 1, 3 or 4 channels, or else the first of 3 or 4; all other arrays of three
            axes are stacks of grey images.

        Raises
        ------
        TypeError
            For what is no array of numbers.
        ValueError
            For an empty stack, images that are not finite, or other numbers of axes.
        """
        return self._checked(self._stacked(image_array(X)))

    def channels_of(self, shape: tuple[int, ...]) -> str | None:
        """Say where a stack of images (n, …) has its channels: "first", "last" or None.

        Examples
        --------
        >>> masker = ImageMasker("grid")
        >>> masker.channels_of((8, 224, 224, 3)), masker.channels_of((8, 3, 224, 224))
        ('last', 'first')
        """
        if len(shape) == 3:
            return None
        if self.channels in ("first", "last"):
            return self.channels
        if shape[3] not in CHANNELS and shape[1] not in CHANNELS:
            raise ValueError(f"expected images with 1, 3 or 4 channels, got shape {shape}; say "
                             "where the channels are with channels='first' or 'last'.")
        return "last" if shape[3] in CHANNELS else "first"

    def rows(self, X: Any, *, first: int | None = None) -> ImageRows:
        """Make images ready to be masked.

        Parameters
        ----------
        X : images
            As `conform` takes them.
        first : int, optional
            Says that `X` is a part of what `conform` gave, from this position on: where labels
            were given image by image, they are taken from there.
        """
        return ImageRows(self, self.conform(X) if first is None else X, first)

    def described(self) -> dict[str, Any]:
        """Give what an explanation says of it."""
        return {
            "segmenter": _name_of(self.segmenter),
            "n_segments": self.n_segments,
            "baseline": _name_of(self.baseline),
            "channels": self.channels,
            "masker_seed": self.seed,
        }

    def stand_ins(self, image: np.ndarray) -> np.ndarray:
        """Give what stands in for an image: (B, …) of its dtype and layout.

        Raises
        ------
        ValueError
            If the baseline is of another shape, or its values do not fit the dtype.
        """
        if isinstance(self.baseline, str):
            return rounded(self._made_of(image)[None], image.dtype)
        given = self.baseline
        if not isinstance(given, np.ndarray):
            return rounded(np.full((1, *image.shape), given), image.dtype)
        given = given[None] if given.shape == image.shape else given
        if given.shape[1:] != image.shape:
            raise ValueError(f"expected a baseline of the images' shape {image.shape}, or a "
                             f"stack of such, got shape {self.baseline.shape}.")
        return rounded(given, image.dtype)

    def _made_of(self, image: np.ndarray) -> np.ndarray:
        """Blur an image, or give its mean colour or noise, as float64 of its layout."""
        channels = self.channels_of((1, *image.shape))
        made = planes_of(image, channels).astype(np.float64)
        noise = stream(self.seed, "noise")
        for plane in made:
            low, high = plane.min(), plane.max()
            if self.baseline == "blur":
                plane[:] = gaussian_filter(plane, BLUR * min(plane.shape))
            elif self.baseline == "mean":
                plane[:] = plane.mean()
            else:
                plane[:] = low + (high - low) * noise.random(plane.shape)
            # The rounding of sums must not leave the image's own range: 256 is no uint8.
            np.clip(plane, low, high, out=plane)
        if channels is None:
            return made[0]
        return made if channels == "first" else np.moveaxis(made, 0, -1)

    def labels_of(self, image: np.ndarray, position: int = 0) -> np.ndarray:
        """Give the unit of each pixel of an image, numbered from 0: int64 (height, width).

        `position` is that of the image, where the labels were given image by image.
        """
        if isinstance(self.segmenter, np.ndarray):
            given = self.segmenter if self.segmenter.ndim == 2 else self.segmenter[position]
            return dense(given)
        channels = self.channels_of((1, *image.shape))
        return segment(picture(image, channels), self.segmenter, self.n_segments, self.seed)

    def _stacked(self, array: np.ndarray) -> np.ndarray:
        """Put an axis of images in front where there is none."""
        if array.ndim == 2 and self.channels in (None, "grey"):
            return array[None]
        if array.ndim == 3:
            one = self.channels in ("first", "last") or (self.channels is None and (
                array.shape[2] in CHANNELS or array.shape[0] in CHANNELS[1:]))
            return array[None] if one else array
        if array.ndim == 4 and self.channels != "grey":
            self.channels_of(array.shape)
            return array
        told = "" if self.channels is None else f" with channels={self.channels!r}"
        raise ValueError(f"expected one image or a stack of images{told}, "
                         f"got an array of shape {array.shape}.")

    def _checked(self, stack: np.ndarray) -> np.ndarray:
        """Refuse a stack that cannot be explained, before the model is asked anything."""
        if 0 in stack.shape:
            raise ValueError(f"expected images with pixels, got shape {stack.shape}.")
        if not np.isfinite(stack).all():
            raise ValueError("expected images of finite numbers, got NaN or infinity in "
                             f"{_broken(stack)}; replace them before explaining.")
        size, labels = size_of(stack, self.channels_of(stack.shape)), self.segmenter
        if isinstance(labels, np.ndarray) and labels.shape[-2:] != size:
            raise ValueError(f"expected labels of the images' height and width {size}, "
                             f"got shape {labels.shape}.")
        if isinstance(labels, np.ndarray) and labels.ndim == 3 and len(labels) != len(stack):
            raise ValueError(f"expected {len(labels)} images, as many as there are label arrays, "
                             f"got {len(stack)}.")
        return stack


class ImageRows:
    """Images bound to a masker; regions are looked for once an image.

    Attributes
    ----------
    masker : ImageMasker
    stack : array (n, …)
    """

    def __init__(self, masker: ImageMasker, stack: np.ndarray, first: int | None = None) -> None:
        self.masker, self.stack = masker, stack
        self._first = first or 0
        self._labels: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self.stack)

    def __getitem__(self, i: int) -> MaskedImage:
        return MaskedImage(self.masker, self.stack[i], self._labels_of(i))

    def _labels_of(self, i: int) -> np.ndarray:
        i = range(len(self))[i]
        if i not in self._labels:
            self._labels[i] = self.masker.labels_of(self.stack[i], self._first + i)
        return self._labels[i]


class MaskedImage:
    """One image, its regions and what stands in for them: all that a Game needs.

    See `game.Masked`.
    """

    def __init__(self, masker: ImageMasker, image: np.ndarray, labels: np.ndarray) -> None:
        self.masker, self.layout = masker, labels
        self.source = image[None]
        self.n_units = int(labels.max()) + 1
        self.row_bytes = image.nbytes
        self._image = np.ascontiguousarray(image)
        self._baselines = np.ascontiguousarray(masker.stand_ins(image))
        self.weights = np.full(len(self._baselines), 1.0 / len(self._baselines))
        self._units = spread(labels, image.shape, masker.channels_of((1, *image.shape)))
        codes = self._codes()
        keys = zobrist(codes)
        self.differs = codes[:-1] != codes[-1]
        self.base_keys = np.bitwise_xor.reduce(keys[:, :, :-1], axis=1)
        self.flip_keys = keys[:, :, :-1] ^ keys[:, :, -1:]

    @cached_property
    def distances(self) -> np.ndarray:
        """How far each unit is from each stand-in: mean difference by the image's range, (B, M)."""
        image = self._image.ravel().astype(np.float64)
        span = np.ptp(image)
        inside = self._units >= 0
        units = self._units[inside]
        sizes = np.bincount(units, minlength=self.n_units)
        far = np.empty(self.differs.shape)
        for out, stand_in in zip(far, self._baselines.reshape(len(far), -1), strict=True):
            apart = np.abs(image - stand_in)[inside]
            # Of a constant image any difference is as far as can be.
            apart = np.minimum(apart / span, 1.0) if span > 0.0 else (apart > 0.0).astype(float)
            out[:] = np.bincount(units, apart, self.n_units) / sizes
        return np.minimum(far, 1.0)

    def shortcut(self, predictor: Predictor) -> None:
        """Give None: there is none."""

    def compose(self, of_background: np.ndarray, masks: np.ndarray) -> np.ndarray:
        """Make the images of questions.

        Parameters
        ----------
        of_background : int array (q,)
            Positions of the stand-ins.
        masks : uint64 array (q, W)
            Units kept, packed.

        Returns
        -------
        array (q, …), new, of the image's dtype and layout
        """
        out = np.empty((len(masks), *self._image.shape), dtype=self._image.dtype)
        compose_images(_bits(self._image[None])[0], _bits(self._baselines), self._units,
                       of_background, masks, _bits(out))
        return out

    def _codes(self) -> np.ndarray:
        """Number what each unit shows in each stand-in and, last, in the image: (B + 1, M)."""
        order = np.argsort(self._units, kind="stable")
        bounds = np.searchsorted(self._units[order], np.arange(self.n_units + 1))
        pool = np.concatenate([self._baselines, self._image[None]])
        contents = _bits(pool)[:, order]
        codes = np.empty((len(pool), self.n_units), dtype=np.int64)
        for u in range(self.n_units):
            seen: dict[bytes, int] = {}
            for i, content in enumerate(contents[:, bounds[u] : bounds[u + 1]]):
                codes[i, u] = seen.setdefault(content.tobytes(), len(seen))
        return codes


def size_of(stack: np.ndarray, channels: str | None) -> tuple[int, ...]:
    """Give height and width of a stack of images (n, …)."""
    return stack.shape[2:4] if channels == "first" else stack.shape[1:3]


def spread(
    of_pixel: np.ndarray, shape: tuple[int, ...], channels: str | None
) -> np.ndarray:
    """Give every value of an image what its pixel has: (height, width) to int32 (V,).

    Examples
    --------
    >>> spread(np.array([[7, 8]]), (1, 2, 3), "last")
    array([7, 7, 7, 8, 8, 8], dtype=int32)
    """
    if channels == "last":
        of_pixel = of_pixel[:, :, None]
    return np.broadcast_to(of_pixel, shape).astype(np.int32).ravel()


def rounded(made: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Cast stand-ins to the images' dtype, to the nearest whole number where that is one of them.

    Values are never wrapped or turned into infinity: what does not fit is an error.
    """
    if made.dtype == dtype:
        return made
    if dtype.kind == "f":
        if np.abs(made.astype(np.float64)).max() > np.finfo(dtype).max:
            raise ValueError(f"the baseline goes beyond what {dtype} holds.")
        return made.astype(dtype)
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    whole = np.rint(made) if made.dtype.kind == "f" else made
    if whole.min() < low or whole.max() > high:
        raise ValueError(f"expected a baseline between {low} and {high}, as the images are "
                         f"{dtype}, got {made.min()} to {made.max()}.")
    if whole.dtype.kind == "f" and dtype.itemsize == 8:
        # The float next to 2**63 is 2**63 itself, which would wrap around.
        whole = np.clip(whole, None, np.nextafter(float(high), 0.0))
    return whole.astype(dtype)


def _checked_baseline(baseline: Any) -> Any:
    if isinstance(baseline, str):
        if baseline not in BASELINES:
            raise ValueError(f"baseline must be one of {', '.join(BASELINES)}, a number, or an "
                             f"image or a stack of them, got {baseline!r}.")
        return baseline
    array = image_array(baseline)
    if array.size == 0 or not np.isfinite(array).all():
        raise ValueError("expected a baseline of finite numbers, got "
                         f"{'none' if array.size == 0 else 'NaN or infinity'}.")
    return array[()].item() if array.ndim == 0 else array.copy()


def _bits(stack: np.ndarray) -> np.ndarray:
    """Give a stack's memory as unsigned integers (n, V): copies keep −0.0 and any dtype."""
    return stack.reshape(len(stack), -1).view(f"u{stack.itemsize}")


def _broken(stack: np.ndarray) -> str:
    bad = np.flatnonzero(~np.isfinite(stack.reshape(len(stack), -1)).all(axis=1))
    return f"image {bad[0]}" if len(bad) == 1 else f"{len(bad)} images, the first number {bad[0]}"


def _name_of(setting: Any) -> Any:
    """Give a setting as a plain value; arrays by their shape."""
    if isinstance(setting, np.ndarray):
        return f"array of shape {setting.shape}"
    if callable(setting):
        return getattr(setting, "__qualname__", None) or type(setting).__name__
    return setting
