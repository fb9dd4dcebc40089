"""Naive oracles of LIME: every formula once more, as loops short enough to check by eye."""

from __future__ import annotations

from itertools import product
from math import comb, exp, sqrt

import numpy as np

# Regression on masks (lime.py's solver) ---------------------------------------------------------


def ridge(kept, weights, answers, penalty=1e-8, rows=None):
    """Weighted ridge of (1, z); a unit's penalty is a share of its variance over *all* samples.

    A unit that never varies has none of it; `rows`: those that take part.
    """
    n, d = kept.shape
    rows = range(n) if rows is None else rows
    total, matrix, right = sum(weights), np.zeros((d + 1, d + 1)), np.zeros((d + 1, answers.shape[1]))
    for i in rows:
        x = np.array([1.0, *kept[i]])
        matrix += weights[i] / total * np.outer(x, x)
        right += weights[i] / total * np.outer(x, answers[i])
    for j in range(d):
        mean = sum(weights[i] * kept[i, j] for i in range(n)) / total
        variance = sum(weights[i] * (kept[i, j] - mean) ** 2 for i in range(n)) / total
        constant = len({bool(kept[i, j]) for i in range(n) if weights[i] > 0}) == 1
        matrix[j + 1, j + 1] += 1.0 if constant else penalty * variance
    return np.linalg.solve(matrix, right), matrix


def residuals_of(kept, weights, answers):
    """Residuals (n, K), leverages (n,) and what an answer adds to the coefficients (n, d)."""
    beta, matrix = ridge(kept, weights, answers)
    total, inverse = sum(weights), np.linalg.inv(matrix)
    e, h, steps = [], [], []
    for i in range(len(kept)):
        x, w = np.array([1.0, *kept[i]]), weights[i] / total
        e.append(answers[i] - x @ beta)
        h.append(w * x @ inverse @ x)
        steps.append((w * inverse @ x)[1:])
    return np.array(e), np.array(h), np.array(steps)


def hc1(kept, weights, answers):
    """Standard errors (d, K): n/(n−d−1) A⁻¹ (Σ w²e² xxᵀ) A⁻¹."""
    n, d = kept.shape
    e, _, _ = residuals_of(kept, weights, answers)
    _, matrix = ridge(kept, weights, answers)
    inverse, total = np.linalg.inv(matrix), sum(weights)
    found = []
    for k in range(answers.shape[1]):
        middle = np.zeros((d + 1, d + 1))
        for i in range(n):
            x = np.array([1.0, *kept[i]])
            middle += (weights[i] / total * e[i, k]) ** 2 * np.outer(x, x)
        v = n / (n - d - 1) * inverse @ middle @ inverse
        found.append(np.sqrt(np.diag(v)[1:]))
    return np.array(found).T


def stratified(kept, weights, answers, strata, draw):
    """Standard errors (d, K); `strata`: lists of draws, and how many draws there are in each.

    HC2: a residual by √(1 − leverage); of a pair of complements, √ of 1 − that of their difference.
    """
    e, h, steps = residuals_of(kept, weights, answers)
    total = sum(weights)
    variance = np.zeros((kept.shape[1], answers.shape[1]))
    for draws, available in strata:
        m = len(draws)
        if m == available:
            continue
        added = []
        for one in draws:
            members = [one * draw + r for r in range(draw)]
            taken = h[members[0]]
            if draw == 2:
                # Half of both leverages is that of the mean of the two, which is 2w.
                taken = h[members[0]] + h[members[1]] - 2 * weights[members[0]] / total
            added.append(sum(np.outer(steps[i], e[i]) for i in members) / sqrt(1 - taken))
        mean = sum(added) / m
        variance += (1 - m / available) * m / (m - 1) * sum((a - mean) ** 2 for a in added)
    return np.sqrt(variance)


def left_out_r2(kept, weights, answers):
    """R² of every answer as the fit without it foretells it; the penalty stays as it is."""
    total, mean = 0.0, sum(w * y for w, y in zip(weights, answers, strict=True)) / sum(weights)
    whole = sum(w * (y - mean) ** 2 for w, y in zip(weights, answers, strict=True))
    for i in range(len(kept)):
        beta, _ = ridge(kept, weights, answers, rows=[j for j in range(len(kept)) if j != i])
        total = total + weights[i] * (answers[i] - np.array([1.0, *kept[i]]) @ beta) ** 2
    return 1 - total / whole


def limit(f, d, law):
    """β₀, β of all coalitions, each with its share of the law of sizes: f takes a tuple of 0 and 1."""
    masks = list(product((0, 1), repeat=d))
    weights = [law[sum(z)] / comb(d, sum(z)) for z in masks]
    answers = np.array([np.atleast_1d(f(z)) for z in masks], dtype=float)
    beta, _ = ridge(np.array(masks, dtype=float), weights, answers, penalty=0.0)
    return beta[0], beta[1:]


# Bins (bins.py) --------------------------------------------------------------------------------


def draw_units(points, chances, inside, weights):
    """Rows of a pool for every unit: within with its chance, then by weight, in pool order."""
    drawn = np.zeros(points.shape, dtype=int)
    for i, u in product(range(points.shape[0]), range(points.shape[1])):
        within, without = np.flatnonzero(inside[u]), np.flatnonzero(~inside[u])
        point, chance = points[i, u], chances[u]
        if point < chance or len(without) == 0:
            rows, place = within, point / chance
        else:
            rows, place = without, (point - chance) / (1 - chance)
        height, total = 0.0, sum(weights[r] for r in rows)
        for r in rows:
            drawn[i, u] = r
            height += weights[r]
            if height > place * total:
                break
    return drawn


# Regression on levels (levels.py) --------------------------------------------------------------


def level_effects(codes, column, within, share, answers, penalty=1e-8, level_penalty=1e-3, weights=None):
    """Weighted least squares on 1, z and the centred levels, written out; HC2 errors."""
    (n, m), n_levels = codes.shape, len(column)
    w = np.ones(n) / n if weights is None else np.array(weights) / sum(weights)
    design = np.zeros((n, 1 + m + n_levels))
    for i in range(n):
        design[i, 0] = 1.0
        for c in range(m):
            part = within[codes[i, c]]
            design[i, 1 + c] = part
            for level in range(n_levels):
                if column[level] == c and within[level] == part:
                    design[i, 1 + m + level] = (codes[i, c] == level) - share[level]
    penalties = [0.0]
    for c in range(m):
        mean = w @ design[:, 1 + c]
        variance = w @ (design[:, 1 + c] - mean) ** 2
        penalties.append(penalty * variance if variance > 0 else 1.0)
    penalties += [level_penalty] * n_levels
    inverse = np.linalg.inv(design.T @ np.diag(w) @ design + np.diag(penalties))
    beta = inverse @ design.T @ np.diag(w) @ answers
    e = answers - design @ beta
    variance = np.zeros((1 + m + n_levels, answers.shape[1]))
    for i in range(n):
        step = w[i] * inverse @ design[i]
        variance += np.outer(step**2, e[i] ** 2) / (1 - design[i] @ step)
    return beta[0], beta[1 : m + 1], np.sqrt(variance[1 : m + 1])


# Kernels of distance ---------------------------------------------------------------------------


def kernel_of(mask, width, kind):
    """LIME's exp(−distance²/2ν²): cosine distance to all ones, or √(hidden units) of tables."""
    kept, n = sum(mask), len(mask)
    if kind == "table":
        return exp(-(n - kept) / (2 * width**2))
    cosine = kept / (sqrt(kept) * sqrt(n)) if kept else 0.0
    return exp(-((1 - cosine) ** 2) / (2 * width**2))
