"""Images and labels that the tests of the image masker share."""

from __future__ import annotations

import numpy as np

DTYPES = [np.uint8, np.int16, np.int64, np.bool_, np.float16, np.float32, np.float64, ">f4"]
QUARTERS = np.kron([[0, 1], [2, 3]], np.ones((3, 3), dtype=np.int64))


def images(rng, shape, dtype=np.float64):
    return (rng.random(shape) * (1 if dtype == np.bool_ else 200)).round(1).astype(dtype)
