"""Draw neighbours bin by bin, and regress on their levels without a one-hot matrix."""

from __future__ import annotations

import numpy as np

from xaikit.kernels.compile import kernel


@kernel
def draw_units(points, chances, order, n_inside, heights, drawn):
    """Draw a row of the pool for every unit of every sample, from inside or outside the unit's bin.

    `points` (n, M) lie in the unit cube; `order` (M, P) lists the P rows of the pool, the
    `n_inside` (M,) rows inside the bin first; `heights` (M, P) are the cumulative sums of their
    weights; `drawn` (n, M) receives positions in the pool. A point below `chances` (M,) draws from
    inside; if no row is outside, every point does.
    """
    n_pool = order.shape[1]
    for i in range(points.shape[0]):
        for u in range(points.shape[1]):
            place, chance, low, size = points[i, u], chances[u], 0, n_inside[u]
            inside = heights[u, size - 1]
            if place < chance or size == n_pool:
                height, high = place / chance * inside, size - 1
            else:
                height = inside + (place - chance) / (1.0 - chance) * (heights[u, -1] - inside)
                low, high = size, n_pool - 1
            # Interpolate to guess the position (exact if all weights are equal), then walk to it.
            bottom = heights[u, low - 1] if low > 0 else 0.0
            share = (height - bottom) / (heights[u, high] - bottom)
            at = low + min(max(int(share * (high - low + 1)), 0), high - low)
            while at > low and heights[u, at - 1] > height:
                at -= 1
            while at < high and heights[u, at] <= height:
                at += 1
            drawn[i, u] = order[u, at]


@kernel
def look_up(drawn, table, out):
    """Fill `out` (n, M) with ``table[u, drawn[i, u]]``."""
    for i in range(out.shape[0]):
        for u in range(out.shape[1]):
            out[i, u] = table[u, drawn[i, u]]


@kernel
def add_level_moments(codes, weights, answers, gram, moments):
    """Add HᵀWH to `gram` (L, L) and HᵀWy to `moments` (L, K), where H is the one-hot `codes`.

    `codes` (n, M) hold one level in 0 … L − 1 for every column; the levels of a later column are
    larger. `weights` W are (n,), `answers` y (n, K). Only the upper triangle of `gram` is filled.
    """
    n_columns = codes.shape[1]
    for i in range(codes.shape[0]):
        for c in range(n_columns):
            level = codes[i, c]
            row = gram[level]
            for d in range(c, n_columns):
                row[codes[i, d]] += weights[i]
            for k in range(answers.shape[1]):
                moments[level, k] += weights[i] * answers[i, k]


@kernel
def level_forms(codes, matrix, out):
    """Fill `out` (n,) with the quadratic forms hᵀAh of the one-hot rows h of `codes` (n, M).

    A is `matrix` (L, L), symmetric.
    """
    n_columns = codes.shape[1]
    for i in range(codes.shape[0]):
        total = 0.0
        for c in range(n_columns):
            row = matrix[codes[i, c]]
            beside = 0.0
            for d in range(c + 1, n_columns):
                beside += row[codes[i, d]]
            total += row[codes[i, c]] + 2.0 * beside
        out[i] = total


@kernel
def level_squares(codes, residuals, table, out):
    """Add Σ_i (residual_i · Σ_c table[j, code_ic])² to `out` (J, K).

    `table` is (L, J), `residuals` are (n, K).
    """
    n_columns = codes.shape[1]
    step = np.empty(table.shape[1])
    for i in range(codes.shape[0]):
        for j in range(step.shape[0]):
            step[j] = 0.0
        for c in range(n_columns):
            row = table[codes[i, c]]
            for j in range(step.shape[0]):
                step[j] += row[j]
        for k in range(residuals.shape[1]):
            for j in range(step.shape[0]):
                added = residuals[i, k] * step[j]
                out[j, k] += added * added
