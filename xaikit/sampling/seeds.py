"""Random streams: one seed for an explanation and one stream for each purpose.

What is drawn for one purpose therefore does not depend on what was drawn before it.
"""

from __future__ import annotations

import zlib

import numpy as np


def resolve_seed(random_state: int | np.integer | np.random.Generator | None) -> int:
    """Return the seed that `random_state` stands for, drawing one for a Generator or None.

    Raises
    ------
    TypeError, ValueError
        If it is not a non-negative int, a Generator or None.
    """
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint32)[0])
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**32))
    if isinstance(random_state, bool) or not isinstance(random_state, int | np.integer):
        raise TypeError("random_state must be a whole number, a numpy.random.Generator or None, "
                        f"got {random_state!r}.")
    if random_state < 0:
        raise ValueError(f"random_state must not be negative, got {random_state}.")
    return int(random_state)


def stream(seed: int, *purpose: int | str) -> np.random.Generator:
    """Return the random stream of one purpose, independent of what was drawn before."""
    keys = [zlib.crc32(p.encode()) if isinstance(p, str) else int(p) for p in purpose]
    # The length is part of the key, because SeedSequence ignores trailing zeros.
    return np.random.default_rng(np.random.SeedSequence([seed, len(keys), *keys]))
