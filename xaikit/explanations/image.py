"""ImageAttribution: what each region or pixel of each image contributed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from xaikit.explanations.attribution import Attribution
from xaikit.explanations.base import frozen
from xaikit.explanations.choosing import resolve, split_key
from xaikit.explanations.importance import Importance
from xaikit.settings import Either, check

FIELD = Either("values", "standard_errors")
"""Numbers of regions that `ImageAttribution.pixels` spreads over their pixels."""


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class ImageAttribution(Attribution):
    """Contributions of regions of images: superpixels, cells of a grid, or single pixels.

    Images may have different numbers of regions. Arrays are as long as the largest number, and
    padded with NaN for other images; a single image (``e[0]``) has only its own regions.

    Attributes
    ----------
    images : array (n_rows, height, width[, channels]) or (n_rows, channels, height, width)
        The explained images.
    labels : int array (n_rows, height, width)
        The region of each pixel: a position on the axis of features, or −1 for none.
    channels : {"first", "last"} or None
        Position of the channels; None if there is no axis of channels.
    """

    images: np.ndarray
    labels: np.ndarray
    channels: str | None = None
    feature_names: tuple[str, ...] = ()
    _own_units: ClassVar[bool] = True
    noun: str = "region"

    def __post_init__(self) -> None:
        n_units = np.shape(self.values)[1]
        if not self.feature_names:
            names = tuple(f"segment {u}" for u in range(n_units))
            object.__setattr__(self, "feature_names", names)
        super().__post_init__()
        images = frozen(self.images)
        height, width = images.shape[2:4] if self.channels == "first" else images.shape[1:3]
        object.__setattr__(self, "images", images)
        if len(images) != self.n_rows:
            raise ValueError(f"{self.n_rows} rows of values do not fit {len(images)} images.")
        self._freeze("labels", (self.n_rows, height, width), dtype=np.int64)
        if self.labels.max(initial=-1) >= n_units:
            raise ValueError(f"labels go up to {self.labels.max()}, but there are {n_units} units.")

    @property
    def mask(self) -> np.ndarray:
        """Mask of the regions of each image, (n_rows, n_features)."""
        there = np.zeros((self.n_rows, self.values.shape[1] + 1), dtype=bool)
        for own, labels in zip(there, self.labels, strict=True):
            own[labels.ravel()] = True
        # The last column is for −1, pixels of no region.
        return there[:, :-1]

    def pixels(self, field: str = "values") -> np.ndarray:
        """Return each pixel's number: that of its region.

        Parameters
        ----------
        field : {"values", "standard_errors"}

        Returns
        -------
        array (n_rows, height, width, n_outputs)
            NaN for pixels of no region, such as one that slicing removed.

        Raises
        ------
        SettingError
            For any other field.
        """
        check({"field": field}, {"field": FIELD})
        regions = getattr(self, field)
        nothing = np.full((self.n_rows, 1, len(self.output_names)), np.nan)
        # The last entry is for −1, pixels of no region.
        regions = np.concatenate([regions, nothing], axis=1)
        return regions[np.arange(self.n_rows)[:, None, None], self.labels]

    def __getitem__(self, key: Any) -> Attribution:
        keys = key if isinstance(key, tuple) else (key,)
        if any(k is Ellipsis for k in keys):
            return self[tuple(split_key(key, 3, "rows, features and outputs"))]
        rows = resolve(self.row_names, keys[0], "row")
        if len(rows) != 1:
            return super().__getitem__(key)
        alone = super().__getitem__((rows, np.flatnonzero(self.mask[rows[0]])))
        return alone if len(keys) == 1 else Attribution.__getitem__(alone, (0, *keys[1:]))

    def _of_rows(self, rows: np.ndarray, features: np.ndarray) -> dict[str, Any]:
        # One more entry, so that −1 (no region) maps to −1.
        new = np.full(len(self.feature_names) + 1, -1)
        new[features] = np.arange(len(features))
        return {"images": self.images[rows], "labels": new[self.labels[rows]]}

    def _units_of(self, row: int) -> dict[int, str]:
        return {int(u): self.feature_names[u] for u in np.flatnonzero(self.mask[row])}

    def importance(self, confidence: float = 0.95) -> Importance:
        """Return `Attribution.importance` of images that share their regions, such as a grid.

        Raises
        ------
        ValueError
            If there are no images, or they have different regions, which cannot be averaged.
        """
        self._check_rows()
        if (self.labels != self.labels[0]).any():
            raise ValueError("these images have different regions, which cannot be averaged; "
                             "explain them on a grid or with the same labels.")
        return super().importance(confidence)

    def _summary(self) -> str:
        n, m, k = self.values.shape
        height, width = self.labels.shape[1:]
        return f"{n} images of {height} × {width}, up to {m} regions × {k} outputs" \
               f"{self._and_left_out()}"
