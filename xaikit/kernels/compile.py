"""The one decorator that owns every compiler flag."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile `function` on its first call and cache the machine code on disk.

    ``nogil`` lets threads run it in parallel; NumPy's error model drops the check for division by
    zero; ``fastmath`` is off because it reorders sums, which would change the bytes of results.
    """
    compiled: Any = numba.njit(nogil=True, error_model="numpy", cache=True)(function)
    return compiled
