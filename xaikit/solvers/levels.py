"""Effects of lying inside a bin, with the noise that finer levels of the columns explain removed.

Legend: n samples of weights w, 1 on average, whose M columns are drawn independently of each other;
z_c is 1 if column c lies inside the explained row's bin and 0 if outside; l_c the level of column
c, one of several inside the bin or one of several outside; p_l the share of level l in its part
(inside or outside). The regression

    y = β₀ + Σ_c z_c β_c + Σ_c δ_{c,l_c} + e,   Σ_l p_l δ_{c,l} = 0 in each part

has the same β as the regression on z alone, because the columns (1[l_c = l] − p_l)·1[part] have
mean 0 given z_c, whatever the other columns are. Its residuals are smaller, and so are the errors
of β ("control variates": Owen 2013, "Monte Carlo theory, methods and examples", section 8.9).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from xaikit.kernels.levels import add_level_moments, level_forms, level_squares
from xaikit.solvers.regression import standardised
from xaikit.solvers.threads import one_thread

RIDGE = 1e-8
"""Penalty on β, as a share of the variance of its unit, as in `regression`."""
LEVEL_RIDGE = 1e-3
"""Penalty on δ: the effect of a level with few samples is shrunk towards 0."""


@dataclass(frozen=True)
class Levels:
    """The levels of all columns, numbered consecutively.

    Attributes
    ----------
    column : int array (L,)
        Column of each level.
    within : bool array (L,)
        Whether the level lies inside the explained row's bin.
    share : array (L,)
        Share of the level in its part, inside or outside.
    """

    column: np.ndarray
    within: np.ndarray
    share: np.ndarray


def level_effects(
    codes: np.ndarray, levels: Levels, answers: np.ndarray, weights: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Estimate β₀ and β by ridge regression, with standard errors of β.

    Parameters
    ----------
    codes : int array (n, M)
        The level of each column of each sample.
    levels : Levels
    answers : array (n, K)
    weights : array (n,), optional
        Weights of the samples, equal by default; they are scaled to a mean of 1.

    Returns
    -------
    intercept : array (K,)
    coefficients, errors : arrays (M, K)
        Errors are heteroskedasticity-consistent (HC2: residuals are divided by √(1 − leverage)).
    """
    n, n_units, n_levels = len(codes), codes.shape[1], len(levels.column)
    weights = np.ones(n) if weights is None else weights / weights.mean()
    centre, sizes, scaled = standardised(answers, weights / n)
    gram, moments = np.zeros((n_levels, n_levels)), np.zeros((n_levels, answers.shape[1]))
    add_level_moments(codes, weights, np.ascontiguousarray(scaled), gram, moments)
    gram += np.triu(gram, 1).T
    parts = _parts(levels, n_units)
    counts = np.bincount(levels.column, weights=np.diag(gram) * levels.within, minlength=n_units)
    variances = counts / n * (1.0 - counts / n)
    penalty = np.full(parts.shape[1], LEVEL_RIDGE)
    penalty[0] = 0.0
    # If all samples are inside, or none, the unit is constant and the intercept absorbs its effect.
    penalty[1 : n_units + 1] = np.where(variances > 0.0, RIDGE * variances, 1.0)
    with one_thread():
        inverse = linalg.inv(parts.T @ gram @ parts / n + np.diag(penalty)) / n
        solved = inverse @ (parts.T @ moments)
        of_levels = parts @ solved
        steps = np.ascontiguousarray(parts @ inverse[:, 1 : n_units + 1])
        forms = np.ascontiguousarray(parts @ inverse @ parts.T)
    residuals = scaled - of_levels[codes].sum(axis=1)
    leverages = np.empty(n)
    level_forms(codes, forms, leverages)
    residuals /= np.sqrt(np.maximum(1.0 - weights * leverages, 1e-9))[:, None]
    residuals *= weights[:, None]
    variances = np.zeros((n_units, answers.shape[1]))
    level_squares(codes, np.ascontiguousarray(residuals), steps, variances)
    solved, errors = sizes * solved, sizes * np.sqrt(variances)
    return solved[0] + centre, solved[1 : n_units + 1], errors


def _parts(levels: Levels, n_units: int) -> np.ndarray:
    """Build the design of each level in terms of β₀, β and δ: (L, 1 + M + L)."""
    n_levels = len(levels.column)
    parts = np.zeros((n_levels, 1 + n_units + n_levels))
    # Every sample has exactly one level of column 0, so those levels carry the constant.
    parts[:, 0] = levels.column == 0
    parts[np.arange(n_levels), 1 + levels.column] = levels.within
    same = (levels.column[:, None] == levels.column) & (levels.within[:, None] == levels.within)
    parts[:, 1 + n_units :] = np.eye(n_levels) - same * levels.share
    return parts
