"""TextRules and ImageRules: rules about which units of a text or an image are shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from xaikit.explanations.base import frozen
from xaikit.explanations.rules import RuleSet
from xaikit.explanations.text import frozen_spans


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class TextRules(RuleSet):
    """Rules of texts: words under which a model answers as it does, whatever else is hidden.

    Attributes
    ----------
    texts : tuple of str
    spans : sequence of int arrays (n_spans, 3), one a text
        Unit, start and stop of every piece of text that belongs to a unit.
    """

    texts: tuple[str, ...]
    spans: Any
    noun: str = "unit"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "texts", tuple(self.texts))
        object.__setattr__(self, "spans", frozen_spans(self.texts, self.spans, len(self), "rules"))

    def _own_rows(self) -> Any:
        return list(self.texts)

    def _of_rows(self, rows: np.ndarray) -> dict[str, Any]:
        return {"texts": [self.texts[i] for i in rows], "spans": [self.spans[i] for i in rows]}


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class ImageRules(RuleSet):
    """Rules of images: regions under which a model answers as it does, whatever else is hidden.

    Attributes
    ----------
    images : array (n_rows, height, width[, channels]) or (n_rows, channels, height, width)
    labels : int array (n_rows, height, width)
        The region of each pixel, −1 for none.
    channels : {"first", "last"} or None
        Position of the channels; None if there is no axis of channels.
    """

    images: np.ndarray
    labels: np.ndarray
    channels: str | None = None
    noun: str = "region"

    def __post_init__(self) -> None:
        super().__post_init__()
        images = frozen(self.images)
        height, width = images.shape[2:4] if self.channels == "first" else images.shape[1:3]
        object.__setattr__(self, "images", images)
        if len(images) != len(self):
            raise ValueError(f"{len(self)} rules do not fit {len(images)} images.")
        self._freeze("labels", (len(self), height, width), dtype=np.int64)

    def _of_rows(self, rows: np.ndarray) -> dict[str, Any]:
        return {"images": self.images[rows], "labels": self.labels[rows]}
