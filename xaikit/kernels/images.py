"""Images of which parts are hidden: whole units, or every pixel to some degree.

A value is one number of an image laid out flat (V,), whatever its axes; what says which unit or
pixel each value belongs to makes grey, channel-first and channel-last images one case.
"""

from __future__ import annotations

import numpy as np

from xaikit.kernels.compile import kernel

ONE = np.uint64(1)
SIX_BITS = np.uint64(63)


@kernel
def compose_images(image, baselines, labels, of_background, masks, out):
    """Fill `out` (q, V) with `image` (V,) where the value's unit is kept, else with a stand-in.

    `baselines` (B, V) are the stand-ins, `labels` int32 (V,) the unit of each value (-1: of none,
    always shown), `of_background` (q,) and the packed `masks` (q, W) the questions.
    """
    n_units = 64 * masks.shape[1]
    # One place more, in front, for the values of no unit.
    shown = np.empty(n_units + 1, dtype=np.bool_)
    shown[0] = True
    for q in range(out.shape[0]):
        # Unpacked once a mask: a look-up of a byte per value, where bits would take three steps.
        for u in range(n_units):
            shown[u + 1] = (masks[q, u >> 6] >> (np.uint64(u) & SIX_BITS)) & ONE
        stand_in = baselines[of_background[q]]
        row = out[q]
        for v in range(row.shape[0]):
            row[v] = image[v] if shown[labels[v] + 1] else stand_in[v]


@kernel
def blend_images(image, baselines, pixels, of_background, masks, out):
    """Fill `out` (q, V) with mask · `image` (V,) + (1 − mask) · stand-in.

    `baselines` (B, V) are the stand-ins, `pixels` int32 (V,) the pixel of each value,
    `of_background` (q,) the stand-in of each question, `masks` (q, P) between 0 and 1.
    """
    for q in range(out.shape[0]):
        mask = masks[q]
        stand_in = baselines[of_background[q]]
        row = out[q]
        for v in range(row.shape[0]):
            m = mask[pixels[v]]
            # Not stand-in + m · difference: a mask of 1 must give the image itself.
            row[v] = m * image[v] + (np.float32(1.0) - m) * stand_in[v]
