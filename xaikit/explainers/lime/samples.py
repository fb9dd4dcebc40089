"""How many samples LIME asks about, and when they are enough."""

from __future__ import annotations

import numpy as np

from xaikit.explainers.results import RowResult, spread
from xaikit.solvers.regression import Fit

FIRST_SAMPLES, MOST_SAMPLES = 512, 8192
"""Samples of ``budget="auto"``: the fewest and the most."""
SAMPLES_PER_UNIT = 8
"""The fewest samples for each unit, if that is more."""
PRECISION = 0.05
"""Samples are doubled until 1.96 standard errors are this share of the largest coefficient."""
THIN = ("Where errors are NaN, a unit stayed, or was hidden, in fewer than two neighbours that "
        "count: nothing is known of its value. Raise the budget or kernel_width.")


def numbers_of_samples(budget: int | str, n_units: int) -> tuple[int, int]:
    """Return the first and the largest number of samples; the budget also pays for the row itself.

    Raises
    ------
    ValueError
        If the units are too many for the budget.

    Examples
    --------
    >>> numbers_of_samples("auto", 100), numbers_of_samples(501, 100)
    ((800, 8192), (500, 500))
    """
    if budget == "auto":
        first = max(FIRST_SAMPLES, SAMPLES_PER_UNIT * n_units)
        if first > MOST_SAMPLES:
            raise ValueError(
                f"{n_units:,} units need some {first:,} samples: make units larger (sentences, "
                "fewer segments, groups of columns), or set how many model rows may be asked, "
                f"such as budget={first + 1}.")
        return first, MOST_SAMPLES
    n = int(budget) - 1
    if n < min(n_units + 2, 2**n_units):
        raise ValueError(f"budget={budget} model rows leaves {n} samples for {n_units:,} "
                         f"units; a linear model of them takes at least {n_units + 2}: raise "
                         "the budget, or hide larger units.")
    return n, n


def errors_are_small(fit: Fit) -> bool:
    """Return whether errors are small beside the largest coefficient, for every output."""
    largest = np.abs(fit.coefficients).max(axis=0)
    return bool(np.all(1.96 * fit.errors.max(axis=0) <= PRECISION * largest))


def as_result(
    fit: Fit, prediction: np.ndarray, n_samples: int, units: np.ndarray, n_units: int
) -> RowResult:
    """Return a fit of some units as the result of a row; the value of all others is exactly 0.

    A warning says so if some errors are unknown.
    """
    result = RowResult(
        spread(fit.coefficients, units, n_units), spread(fit.errors, units, n_units),
        fit.intercept, prediction, fit.fidelity, details={"samples": n_samples})
    if np.isnan(fit.errors).any():
        result.warnings.append(THIN)
    return result
