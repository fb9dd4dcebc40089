"""Bounds on a share of which some trials are known: of one rule, or of the best of many.

Legend: p the share of n trials that succeeded; ℓ = β/n how much evidence a bound allows against
it; kl(p, q) = p ln(p/q) + (1−p) ln((1−p)/(1−q)). The upper bound is the largest q with
kl(p, q) ≤ ℓ, the lower bound the smallest (Garivier & Cappé 2011, "The KL-UCB algorithm", §2).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import betaincinv, rel_entr, xlogy

_STEPS = 9
"""Steps of Newton's method, which stays above the root; six are enough for shares above 1 %."""


def kl_divergence(p: Any, q: Any) -> np.ndarray:
    """Return kl(p, q) of two Bernoulli distributions, infinite where q excludes what p allows.

    Examples
    --------
    >>> float(kl_divergence(1.0, 0.25)).__round__(10)
    1.3862943611
    """
    p, q = np.asarray(p, dtype=float), np.asarray(q, dtype=float)
    return np.asarray(rel_entr(p, q) + rel_entr(1.0 - p, 1.0 - q))


def kl_upper(p: Any, level: Any) -> np.ndarray:
    """Return the largest q in [p, 1] with kl(p, q) ≤ `level`.

    It is never too small: kl is convex in q, so that Newton's steps from above stay above.

    Parameters
    ----------
    p : array
        Shares in [0, 1].
    level : array
        ℓ, at least 0.

    Examples
    --------
    >>> float(kl_upper(0.9, 0.05)).__round__(10)
    0.9687216037
    """
    p, level = np.broadcast_arrays(np.asarray(p, dtype=float), np.asarray(level, dtype=float))
    entropy = -xlogy(p, p) - xlogy(1.0 - p, 1.0 - p)
    inside = (p < 1.0) & (level > 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        q = np.minimum(p + np.sqrt(level / 2.0), -np.expm1(-(level + entropy) / (1.0 - p)))
        for _ in range(_STEPS):
            steps = (kl_divergence(p, q) - level) * q * (1.0 - q) / (q - p)
            q = np.where(np.isfinite(steps), q - np.maximum(steps, 0.0), q)
    return np.where(inside, np.clip(q, p, 1.0), np.where(level > 0.0, 1.0, p))


def kl_lower(p: Any, level: Any) -> np.ndarray:
    """Return the smallest q in [0, p] with kl(p, q) ≤ `level`.

    Examples
    --------
    >>> [float(kl_lower(p, 0.05)).__round__(10) for p in (0.9, 1.0)]
    [0.7799213989, 0.9512294245]
    """
    return np.asarray(1.0 - kl_upper(1.0 - np.asarray(p, dtype=float), level))


def share_bounds(
    successes: Any, trials: Any, error: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Return one-sided bounds on a share, each wrong with probability `error` at most.

    Together they are an interval of confidence 1 − 2·`error`. Without trials they are 0 and 1.

    Parameters
    ----------
    successes, trials : arrays
        Of independent trials, whose number does not depend on their outcome.
    error : float or array
        Between 0 and 1.

    References
    ----------
    Clopper & Pearson 1934.

    Examples
    --------
    >>> lower, upper = share_bounds(59, 59, 0.05)
    >>> float(lower).__round__(4), float(upper)
    (0.9505, 1.0)
    """
    k, n = np.asarray(successes, dtype=float), np.asarray(trials, dtype=float)
    lower = np.where(k > 0, betaincinv(np.maximum(k, 1.0), n - k + 1.0, error), 0.0)
    upper = np.where(k < n, betaincinv(k + 1.0, np.maximum(n - k, 1.0), 1.0 - np.asarray(error)),
                     1.0)
    return lower, upper
