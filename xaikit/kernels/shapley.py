"""Exact Shapley values and interactions, accumulated while the answers come in."""

from __future__ import annotations

import numpy as np

from xaikit.kernels.compile import kernel

ONE = np.uint64(1)
SIX_BITS = np.uint64(63)


@kernel
def add_marginals(starts, players, n_players, first, ids, answers, gain, loss, sums, values):
    """Add the contribution of each answer to each player's Shapley value to `values` (B, M, K).

    The answers are to questions first, first + 1, … of the list that `masking.number_submasks`
    describes. An answer v(S) with |S| = s of d players has weight gain[d, s] = (s−1)!(d−s)!/d! for
    the players in S and −loss[d, s] = −s!(d−s−1)!/d! for the others.

    So a value is the sum of gain + loss over the coalitions of its player, less that of loss over
    all. The first are sums over every second run of 2^p questions; they are built up from each
    other, as a counter carries, with two additions a question instead of d. `sums` (M + 1, K) holds
    the open runs, and in row d the sum over all: it is kept between calls.
    """
    n_outputs, size = values.shape[2], 0
    b = np.searchsorted(starts, first, side="right") - 1
    for q in range(ids.shape[0]):
        while first + q >= starts[b + 1]:
            b += 1
        number, d = first + q - starts[b], n_players[b]
        carried = 0
        while number and not (number >> carried) & 1:
            carried += 1
        size += 1 - carried  # of the number before: its last `carried` bits were ones
        if q == 0 or number == 0:
            size = 0
            for p in range(d):
                size += (number >> p) & 1
        if number == 0:
            sums[:] = 0.0
        inside, outside = gain[d, size] + loss[d, size], loss[d, size]
        for k in range(n_outputs):
            answer = answers[ids[q], k]
            sums[d, k] += outside * answer
            run, p = inside * answer, 0
            while (number >> p) & 1:
                values[b, players[b, p], k] += run
                run += sums[p, k]
                p += 1
            if p < d:
                sums[p, k] = run
            if number + 1 == 1 << d:
                for u in range(d):
                    values[b, players[b, u], k] -= sums[d, k]


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
