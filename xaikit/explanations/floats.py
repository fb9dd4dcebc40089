"""Floats of up to 64 bits as JSON types, to the last bit."""

from __future__ import annotations

import math

import numpy as np


def encode_floats(array: np.ndarray) -> list:
    """Return floats, with the infinite and missing ones as text; unusual NaNs with their bits."""
    with np.errstate(invalid="ignore"):
        cells = array.astype(np.float64)  # float16 and float32 narrow back without loss
    out, unsigned = cells.tolist(), array.dtype.str.replace("f", "u")
    usual = np.array([np.nan], dtype=array.dtype).view(unsigned)[0]
    for i in np.flatnonzero(~np.isfinite(cells)):
        bits = array[i:i + 1].view(unsigned)[0]
        out[i] = repr(out[i]) if bits == usual or not np.isnan(cells[i]) else f"nan:{bits:x}"
    return out


def decode_floats(data: list, dtype: np.dtype) -> np.ndarray:
    """Return the floats that `encode_floats` wrote."""
    odd = {i: int(cell[4:], 16) for i, cell in enumerate(data)
           if isinstance(cell, str) and cell.startswith("nan:")}
    cells = [math.nan if i in odd else float(cell) for i, cell in enumerate(data)]
    out = np.array(cells, dtype=np.float64).astype(dtype)
    out.view(dtype.str.replace("f", "u"))[list(odd)] = list(odd.values())
    return out
