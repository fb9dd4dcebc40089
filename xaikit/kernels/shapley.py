"""Exact Shapley values, summed up while the answers come in."""

from __future__ import annotations

import numpy as np

from xaikit.kernels.compile import kernel


@kernel
def add_marginals(starts, players, n_players, first, ids, answers, gain, loss, values):
    """Add to `values` (B, M, K) what each answer adds to each player's Shapley value.

    Answers are to the questions first, first + 1, … of the list that `masking.number_submasks`
    describes. An answer v(S) with |S| = s of d players counts gain[d, s] = (s−1)!(d−s)!/d! for the
    players in S and −loss[d, s] = −s!(d−s−1)!/d! for the others.
    """
    b = np.searchsorted(starts, first, side="right") - 1
    for q in range(ids.shape[0]):
        while first + q >= starts[b + 1]:
            b += 1
        number = first + q - starts[b]
        d = n_players[b]
        size = 0
        for p in range(d):
            size += (number >> p) & 1
        for p in range(d):
            weight = gain[d, size] if (number >> p) & 1 else -loss[d, size]
            u = players[b, p]
            for k in range(values.shape[2]):
                values[b, u, k] += weight * answers[ids[q], k]
