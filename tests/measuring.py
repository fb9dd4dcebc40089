"""The memory that a piece of work takes."""

from __future__ import annotations

import tracemalloc


def peak(work):
    """Return what a piece of work returns, and the most bytes that it held at a time."""
    tracemalloc.start()
    try:
        found = work()
        return found, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
