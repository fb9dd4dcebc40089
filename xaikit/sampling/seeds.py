"""Random streams: one seed for an explanation and one stream for each purpose.

What is drawn for one purpose therefore does not depend on what was drawn before it.
"""

from __future__ import annotations

import zlib

import numpy as np

from xaikit.settings import check


def resolve_seed(random_state: int | np.integer | np.random.Generator | None) -> int:
    """Return the seed of `random_state`, drawn from a Generator or, for None, from the system.

    Raises
    ------
    SettingError
        For anything but a non-negative int, a Generator or None.
    """
    check({"random_state": random_state})
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint32)[0])
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**32))
    return int(random_state)


def stream(seed: int, *purpose: int | str) -> np.random.Generator:
    """Return the random stream of one purpose, the same whatever was drawn before it."""
    keys = [zlib.crc32(p.encode()) if isinstance(p, str) else int(p) for p in purpose]
    # The length is part of the key, because SeedSequence ignores trailing zeros.
    return np.random.default_rng(np.random.SeedSequence([seed, len(keys), *keys]))
