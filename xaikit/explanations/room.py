"""How much memory the arrays of a file may take, the same for writing and reading."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

TAG = "__xaikit__"
"""The key under which a JSON object names the type that it stands for."""
_ALWAYS, _WIDEST = 2**24, 64
"""Bytes that all texts of a file may always take, and how many for each character that it holds:
NumPy's texts are all as wide as the widest of the table was."""
_LONGEST = 10**6
"""Rows of an array without cells."""


def check_room(fields: Any) -> None:
    """Check that arrays take little more memory than the file that holds them is long.

    Parameters
    ----------
    fields : JSON types
        As `encoding` writes them.

    Raises
    ------
    ValueError
        If not, as for many short texts beside a long one, which an array of objects holds better.
    """
    rest, taken, allowed = [fields], 0, 0
    while rest:
        node = rest.pop()
        if isinstance(node, dict):
            if node.get(TAG) == "array":
                _check_shape(node.get("shape"))
                size, characters = _text_sizes(node)
                taken, allowed = taken + size, allowed + _WIDEST * characters
            taken += 8 * sum(_length_of_range(level) for level in node.get("levels") or ())
            node = node.values()
        rest += [child for child in node if isinstance(child, dict | list)]
    if taken > max(_ALWAYS, allowed):
        raise ValueError("an array is too wide for its texts, which all take as much memory as the "
                         f"longest, or the levels of an index are too many: {taken:,} bytes in "
                         "all; make them arrays of objects, or drop unused levels")


def _length_of_range(level: Any) -> int:
    """Return how many labels a range becomes as a level of an index, where it is written out."""
    parts = level.get("range") if isinstance(level, dict) else None
    return len(range(*parts)) if parts else 0


def _check_shape(shape: Any) -> None:
    whole = isinstance(shape, list) and all(type(n) is int for n in shape)
    if not whole or (math.prod(shape) == 0 and max(shape) > _LONGEST):
        raise ValueError(f"an array of shape {str(shape)[:40]} without cells is too long")


def _text_sizes(array: dict[str, Any]) -> tuple[int, int]:
    """Return the bytes that an array of text takes, and how many characters the file holds."""
    dtype, data = np.dtype(array["dtype"]), array["data"]
    if dtype.kind not in "US" or not isinstance(data, list):
        return 0, 0
    return dtype.itemsize * len(data), sum(len(v) for v in data if isinstance(v, str))
