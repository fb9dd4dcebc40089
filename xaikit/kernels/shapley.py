"""Exact Shapley values and interactions, accumulated while the answers come in."""

from __future__ import annotations

import numpy as np

from xaikit.kernels.compile import kernel

ONE = np.uint64(1)
SIX_BITS = np.uint64(63)


@kernel
def add_marginals(starts, players, n_players, first, ids, answers, gain, loss, values):
    """Add the contribution of each answer to each player's Shapley value to `values` (B, M, K).

    The answers are to questions first, first + 1, … of the list that `masking.number_submasks`
    describes. An answer v(S) with |S| = s of d players has weight gain[d, s] = (s−1)!(d−s)!/d! for
    the players in S and −loss[d, s] = −s!(d−s−1)!/d! for the others.
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


@kernel
def add_submasks(
    starts, players, n_players, first, masks, ids, answers, weights, values
):
    """Add the weighted answers to `masks` (n_masks, W) to `values` (n_masks, K).

    The answers are to questions first, first + 1, … of the list that `masking.number_submasks`
    describes; `weights` (B,) are those of the background rows. A mask's question number within
    background row b has the bits of the mask at b's players.
    """
    for b in range(n_players.shape[0]):
        if starts[b + 1] <= first or starts[b] >= first + ids.shape[0]:
            continue
        for c in range(masks.shape[0]):
            number = 0
            for p in range(n_players[b]):
                u = players[b, p]
                if (masks[c, u >> 6] >> (np.uint64(u) & SIX_BITS)) & ONE:
                    number |= 1 << p
            q = starts[b] + number - first
            if 0 <= q < ids.shape[0]:
                for k in range(values.shape[1]):
                    values[c, k] += weights[b] * answers[ids[q], k]


@kernel
def add_interactions(
    starts, players, n_players, first, ids, answers, weights, table, values
):
    """Add the contribution of each answer to each pair's interaction to `values` (M, M, K).

    The answers are to questions first, first + 1, … of the list that `masking.number_submasks`
    describes; `weights` (B,) are those of the background rows. With `table`[d, t] =
    t!(d−t−2)!/(d−1)!, an answer v(S) with |S| = s has weight table[d, s − 2] for two players in S,
    −table[d, s − 1] for one in S and one outside, and table[d, s] for two outside. Only entries
    [i, j] with i < j are filled.
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
            here = (number >> p) & 1
            for o in range(p + 1, d):
                inside = here + ((number >> o) & 1)
                weight = weights[b] * table[d, size - inside]
                if inside == 1:
                    weight = -weight
                for k in range(values.shape[2]):
                    values[players[b, p], players[b, o], k] += weight * answers[ids[q], k]
