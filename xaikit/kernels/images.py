"""Compose masked images: hide whole units, or blend every pixel by a mask between 0 and 1.

An image is a flat array of V values, whatever its axes. An index array maps each value to its unit
or pixel, so grey, channel-first and channel-last images are one case.
"""

from __future__ import annotations

import numpy as np

from xaikit.kernels.compile import kernel

ONE = np.uint64(1)
SIX_BITS = np.uint64(63)


@kernel
def compose_images(image, baselines, starts, labels, of_background, masks, out):
    """Fill `out` (q, V) with `image` (V,) where a value's unit is kept, else with a baseline.

    Values are copied run by run, as fast as memory allows. `baselines` (B, V) are the replacement
    images; `starts` uint64 (R + 1,) the first value of each run of one unit, and V; `labels`
    int32 (R,) the unit of each run (-1: no unit, always shown); `of_background` (q,) is the
    baseline and `masks` (q, W) the packed mask of each row of `out`.
    """
    n_units = 64 * masks.shape[1]
    # Entry 0 is for the runs that belong to no unit.
    shown = np.empty(n_units + 1, dtype=np.bool_)
    shown[0] = True
    for q in range(out.shape[0]):
        # Unpack each mask once: a run then takes one byte look-up, not three bit operations.
        for u in range(n_units):
            shown[u + 1] = (masks[q, u >> 6] >> (np.uint64(u) & SIX_BITS)) & ONE
        baseline = baselines[of_background[q]]
        row = out[q]
        for r in range(labels.shape[0]):
            # Unsigned positions and a loop for either source let the compiler copy in blocks.
            if shown[labels[r] + 1]:
                for v in range(starts[r], starts[r + 1]):
                    row[v] = image[v]
            else:
                for v in range(starts[r], starts[r + 1]):
                    row[v] = baseline[v]


@kernel
def blend_images(image, baselines, pixels, of_background, masks, out):
    """Fill `out` (q, V) with mask · `image` (V,) + (1 − mask) · baseline.

    `baselines` (B, V) are the replacement images; `pixels` int32 (V,) is the pixel of each value;
    `of_background` (q,) is the baseline and `masks` (q, P), between 0 and 1, the mask of each row
    of `out`.
    """
    for q in range(out.shape[0]):
        mask = masks[q]
        baseline = baselines[of_background[q]]
        row = out[q]
        for v in range(row.shape[0]):
            m = mask[pixels[v]]
            # Not baseline + m · (image − baseline): a mask of 1 must return the image exactly.
            row[v] = m * image[v] + (np.float32(1.0) - m) * baseline[v]
