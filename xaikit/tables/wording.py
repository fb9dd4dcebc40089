"""Words and numbers as sentences, labels and axes show them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd


def plain(text: Any, width: int = 36) -> str:
    """Give one line of at most `width` characters that matplotlib shows as it stands."""
    # Control characters would make an SVG invalid, and a newline would push labels apart.
    line = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    if len(line) > width:
        # Cut in the middle: the end is what tells one-hot columns such as job=clerk apart.
        tail = (width - 1) * 2 // 5
        line = line[: width - 1 - tail] + "…" + line[len(line) - tail:]
    return line.replace("$", r"\$")  # else two dollars would start a formula


def number(value: float) -> str:
    """Write a number with about three digits and a real minus sign."""
    if not math.isfinite(value):
        return "n/a"
    if value == 0:
        return "0"  # not "−0"
    if 1000 <= abs(value) < 1e9:
        return f"{value:,.0f}".replace("-", "−")
    return f"{value:.3g}".replace("-", "−")


def signed(value: float) -> str:
    """Write a number with its sign, which must be readable without colour."""
    return f"+{number(value)}" if math.isfinite(value) and value > 0 else number(value)


def is_missing(value: Any) -> bool:
    """Say whether a single value is missing (None, NaN, NaT, NA)."""
    return bool(pd.api.types.is_scalar(value) and pd.isna(value))


def describe(value: Any, width: int = 20) -> str:
    """Write a feature's value shortly: `39`, `0.1235`, `2024-05-01`, `missing`, `Private`."""
    if is_missing(value):
        return "missing"
    if isinstance(value, pd.Timestamp):
        return value.strftime("%Y-%m-%d" if value == value.normalize() else "%Y-%m-%d %H:%M")
    if isinstance(value, float | np.floating):
        return _describe_float(float(value))
    return plain(value, width)


def _describe_float(value: float) -> str:
    if value.is_integer() and abs(value) < 1e15:
        return f"{value + 0.0:.0f}".replace("-", "−")  # adding 0 turns -0 into 0
    text = f"{value:.1f}".removesuffix(".0") if 1000 <= abs(value) < 1e9 else f"{value:.4g}"
    return text.replace("-", "−")
