"""Texts cut and masked in one call, for the tests of splitting and of the masker."""

from __future__ import annotations

import numpy as np

from xaikit.sampling.coalitions import pack
from xaikit.sampling.text import TextMasker


def pieces(text, **settings):
    return [text[start:stop] for _, start, stop in TextMasker(**settings).spans(text)]


def compose(text, kept, **settings):
    masks = pack(np.atleast_2d(np.asarray(kept, dtype=bool)))
    return TextMasker(**settings).rows(text)[0].compose(np.zeros(len(masks), dtype=int), masks)
