"""ImageMasker: the units of an image are its regions; a hidden region shows a replacement image.

Images are (height, width), (height, width, channels) or (channels, height, width). `channels_of`
decides where the channels are; all code that depends on it calls that method.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from xaikit.kernels.images import compose_images
from xaikit.sampling.baselines import checked_baseline, replacements_of
from xaikit.sampling.game import zobrist
from xaikit.sampling.maskers import row_position
from xaikit.sampling.seeds import resolve_seed
from xaikit.sampling.segments import SETTINGS, checked_segmenter, dense, picture, segment
from xaikit.settings import Constraint, OneOf, check
from xaikit.tables.numeric import CHANNELS, image_array

OWN_SETTINGS: dict[str, Constraint] = {**SETTINGS, "channels": OneOf("first", "last", "grey", None)}


class ImageMasker:
    """Hidden regions of an image show a replacement image, pixel by pixel.

    Parameters
    ----------
    segmenter : str, callable or int array (height, width) or (n, height, width)
        How images are cut into regions. ``"slic"``, ``"quickshift"`` and ``"felzenszwalb"`` find
        superpixels and need scikit-image; ``"grid"`` cuts near-square cells. A callable takes an
        image as float64 in [0, 1], (height, width) or (height, width, channels), and returns labels
        (height, width). An array holds the labels themselves: (height, width) for all images, or
        one such array for each. Labels may be any whole numbers; pixels with a negative label are
        never hidden.
    n_segments : int
        ``"slic"`` and ``"grid"`` make about this many regions. The other two follow the image; for
        them it sets the size of region that they aim at.
    baseline : {"blur", "mean", "noise"}, number or array
        What a hidden region shows. ``"blur"``: the image through a Gaussian filter whose standard
        deviation is a tenth of the shorter side; ``"mean"``: the image's mean colour; ``"noise"``:
        uniform noise between the lowest and highest value of each channel, the same draw for every
        image; or a constant; or an image; or a stack of images, over which answers are averaged.
        Values are rounded to the dtype of the images.
    channels : {"first", "last", "grey"}, optional
        Where images have their channels; ``"grey"``: they have no axis of channels. By default the
        shape decides, see `channels_of`.
    random_state : int, Generator or None
        Seed of the noise and of ``"quickshift"``.

    Raises
    ------
    ValueError
        For settings out of range.

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
        check({"n_segments": n_segments, "channels": channels}, OWN_SETTINGS)
        self.n_segments = int(n_segments)
        self.segmenter = checked_segmenter(segmenter)
        self.baseline = checked_baseline(baseline)
        self.channels = channels
        self.seed = resolve_seed(random_state)

    def conform(self, X: Any) -> np.ndarray:
        """Return images as a stack (n, …), with their dtype and the place of their channels.

        Parameters
        ----------
        X : array, tensor or list
            One image or several. Without `channels`, an array of three axes is one image if its
            last axis has length 1, 3 or 4, or its first has length 3 or 4; otherwise it is a stack
            of grey images.

        Raises
        ------
        TypeError
            If `X` is not an array of numbers.
        ValueError
            For an empty stack, images that are not finite, or an unexpected number of axes.
        """
        return self._checked(self._stacked(image_array(X)))

    def doubts(self, batch: np.ndarray) -> tuple[str, ...]:
        """Return no warnings: see `Masker`."""
        return ()

    def channels_of(self, shape: tuple[int, ...]) -> str | None:
        """Return where a stack of images (n, …) has its channels: "first", "last" or None.

        Examples
        --------
        >>> masker = ImageMasker("grid")
        >>> masker.channels_of((8, 224, 224, 3)), masker.channels_of((8, 3, 224, 224))
        ('last', 'first')
        """
        if len(shape) == 3:
            return None
        if self.channels in ("first", "last"):
            claimed, other = (1, 3) if self.channels == "first" else (3, 1)
            if shape[claimed] not in CHANNELS and shape[other] in CHANNELS:
                raise ValueError(
                    f"ImageMasker(channels={self.channels!r}) says where images have their "
                    f"channels, and images of shape {shape[1:]} seem to have theirs at the other "
                    "end; leave channels out, or turn the images around with np.moveaxis.")
            return self.channels
        if shape[3] not in CHANNELS and shape[1] not in CHANNELS:
            raise ValueError(f"expected images with 1, 3 or 4 channels, got shape {shape}; say "
                             "where the channels are with channels='first' or 'last'.")
        return "last" if shape[3] in CHANNELS else "first"

    def rows(self, X: Any, *, first: int | None = None) -> ImageRows:
        """Return images ready to be masked.

        Parameters
        ----------
        X : images
            As `conform` takes them; with `first`, a part of what it returned.
        first : int, optional
            Position of the part's first image, and of its labels if each image has its own.
        """
        return ImageRows(self, self.conform(X) if first is None else X, first)

    def described(self) -> dict[str, Any]:
        """Return what an explanation records of it."""
        return {
            "segmenter": _name_of(self.segmenter),
            "n_segments": self.n_segments,
            "baseline": _name_of(self.baseline),
            "channels": self.channels,
            "masker_seed": self.seed,
        }

    def replacements(self, image: np.ndarray) -> np.ndarray:
        """Return an image's replacement images: (B, …) of its dtype and layout.

        Raises
        ------
        ValueError
            If the baseline is of another shape, or its values do not fit the dtype.
        """
        channels = self.channels_of((1, *image.shape))
        return replacements_of(image, self.baseline, channels, self.seed)

    def labels_of(self, image: np.ndarray, position: int = 0) -> np.ndarray:
        """Return the unit of each pixel of an image, numbered from 0: int64 (height, width).

        `position` is that of the image, if each image has labels of its own.
        """
        if isinstance(self.segmenter, np.ndarray):
            given = self.segmenter if self.segmenter.ndim == 2 else self.segmenter[position]
            return dense(given)
        channels = self.channels_of((1, *image.shape))
        return segment(picture(image, channels), self.segmenter, self.n_segments, self.seed)

    def _stacked(self, array: np.ndarray) -> np.ndarray:
        """Return images as a stack: add an axis in front of a single image."""
        if array.ndim == 2 and self.channels in (None, "grey"):
            return array[None]
        if array.ndim == 3:
            one = self.channels in ("first", "last") or (self.channels is None and (
                array.shape[2] in CHANNELS or array.shape[0] in CHANNELS[1:]))
            return array[None] if one else array
        if array.ndim == 4 and self.channels != "grey":
            self.channels_of(array.shape)
            return array
        layout = "" if self.channels is None else f" with channels={self.channels!r}"
        raise ValueError(f"expected one image or a stack of images{layout}, "
                         f"got an array of shape {array.shape}.")

    def _checked(self, stack: np.ndarray) -> np.ndarray:
        """Return a stack; raise ValueError if it cannot be explained."""
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
    """Images bound to a masker; each image is segmented once, when it is first needed.

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
        i = row_position(i, len(self))
        return MaskedImage(self.masker, self.stack[i], self._labels_of(i))

    def _labels_of(self, i: int) -> np.ndarray:
        if i not in self._labels:
            self._labels[i] = self.masker.labels_of(self.stack[i], self._first + i)
        return self._labels[i]


class MaskedImage:
    """One image, its regions and its replacement images: all that a Game needs.

    See `maskers.Masked`.
    """

    def __init__(self, masker: ImageMasker, image: np.ndarray, labels: np.ndarray) -> None:
        self.masker, self.layout = masker, labels
        self.source = image[None]
        self.n_units = int(labels.max()) + 1
        self.row_bytes = image.nbytes
        self._image = np.ascontiguousarray(image)
        self._baselines = np.ascontiguousarray(masker.replacements(image))
        self.weights = np.full(len(self._baselines), 1.0 / len(self._baselines))
        self._units = of_values(labels, image.shape, masker.channels_of((1, *image.shape)))
        self._runs = runs_of(self._units)
        codes = self._codes()
        keys = zobrist(codes)
        self.differs = codes[:-1] != codes[-1]
        self.base_keys = np.bitwise_xor.reduce(keys[:, :, :-1], axis=1)
        self.flip_keys = keys[:, :, :-1] ^ keys[:, :, -1:]

    @cached_property
    def distances(self) -> np.ndarray:
        """Mean difference of each unit from each replacement, by the image's range: (B, M)."""
        image = self._image.ravel().astype(np.float64)
        span = np.ptp(image)
        inside = self._units >= 0
        units = self._units[inside]
        sizes = np.bincount(units, minlength=self.n_units)
        far = np.empty(self.differs.shape)
        for out, shown in zip(far, self._baselines.reshape(len(far), -1), strict=True):
            apart = np.abs(image - shown)[inside]
            # The range of a constant image is 0: any difference counts as the largest.
            apart = np.minimum(apart / span, 1.0) if span > 0.0 else (apart > 0.0).astype(float)
            out[:] = np.bincount(units, apart, self.n_units) / sizes
        return np.minimum(far, 1.0)

    def compose(self, of_background: np.ndarray, masks: np.ndarray) -> np.ndarray:
        """Return the images of questions.

        Parameters
        ----------
        of_background : int array (q,)
            Positions of the replacement images.
        masks : uint64 array (q, W)
            Units kept, packed.

        Returns
        -------
        array (q, …), new, of the image's dtype and layout
        """
        out = np.empty((len(masks), *self._image.shape), dtype=self._image.dtype)
        compose_images(_bits(self._image[None])[0], _bits(self._baselines), *self._runs,
                       of_background, masks, _bits(out))
        return out

    def _codes(self) -> np.ndarray:
        """Number what each unit shows in each replacement and, last, in the image: (B + 1, M)."""
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


def runs_of(units: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where runs of one unit start, and where the last one ends, and the unit of each.

    Examples
    --------
    >>> runs_of(np.array([7, 7, -1, 7]))
    (array([0, 2, 3, 4], dtype=uint64), array([ 7, -1,  7]))
    """
    starts = np.flatnonzero(np.append(True, np.diff(units) != 0))
    return np.append(starts, len(units)).astype(np.uint64), units[starts]


def size_of(stack: np.ndarray, channels: str | None) -> tuple[int, ...]:
    """Return height and width of a stack of images (n, …)."""
    return stack.shape[2:4] if channels == "first" else stack.shape[1:3]


def of_values(
    of_pixel: np.ndarray, shape: tuple[int, ...], channels: str | None
) -> np.ndarray:
    """Return, for every value of an image, the number of its pixel: (height, width) to int32 (V,).

    Examples
    --------
    >>> of_values(np.array([[7, 8]]), (1, 2, 3), "last")
    array([7, 7, 7, 8, 8, 8], dtype=int32)
    """
    if channels == "last":
        of_pixel = of_pixel[:, :, None]
    return np.broadcast_to(of_pixel, shape).astype(np.int32).ravel()


def _bits(stack: np.ndarray) -> np.ndarray:
    """Return a view of a stack as unsigned integers (n, V): copies of it keep −0.0 and NaN bits."""
    return stack.reshape(len(stack), -1).view(f"u{stack.itemsize}")


def _broken(stack: np.ndarray) -> str:
    """Return words for which images hold NaN or infinity."""
    bad = np.flatnonzero(~np.isfinite(stack.reshape(len(stack), -1)).all(axis=1))
    return f"image {bad[0]}" if len(bad) == 1 else f"{len(bad)} images, the first number {bad[0]}"


def _name_of(setting: Any) -> Any:
    """Return a setting as a plain value: arrays by their shape, functions by their name."""
    if isinstance(setting, np.ndarray):
        return f"array of shape {setting.shape}"
    if callable(setting):
        return getattr(setting, "__qualname__", None) or type(setting).__name__
    return setting
