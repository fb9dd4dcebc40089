"""Composed rows: numbering the different ones, making them, averaging the answers to them.

A question is a pair (background row b, coalition S): the explained row on the units in S, row b on
all others. Masks are packed into uint64 words, unit u in bit u % 64 of word u // 64. A composed
row's key is 128 bits in two halves, the exclusive or of its values' keys: `base_keys` (2, B) for
the background rows, and `flip_keys` (2, M, B) for what showing a unit changes.

What is known lives in four arrays: an open hash table of ids (-1: free; its length a power of two),
and by id the keys (2, capacity), background rows (capacity,) and masks (capacity, W). The few lines
that look a key up stand in each kernel again, and the arrays are handed over one by one: a shared
function and a tuple would add a third to the time that the first call spends compiling.
"""

from __future__ import annotations

import numpy as np

from xaikit.kernels.compile import kernel

ONE = np.uint64(1)
SIX_BITS = np.uint64(63)


@kernel
def rehash(table, keys, n_known):
    """Enter the first `n_known` keys, all different, into an empty table."""
    slots = np.uint64(table.shape[0] - 1)
    for i in range(n_known):
        slot = keys[0, i] & slots
        while table[slot] >= 0:
            slot = (slot + ONE) & slots
        table[slot] = i


@kernel
def number_products(
    masks, members, bounds, base_keys, flip_keys, first, table, keys, backgrounds, known_masks,
    n_known, ids,
):
    """Number questions first, first + 1, … of the masks of blocks times their background rows.

    Block g has the masks (C, W) of ``masks[g]``, and the background rows
    ``members[bounds[g]:bounds[g + 1]]``; keys stand in the order of `members`. `ids` (q,) receives
    the id of the first question with the same key; new ones are appended to what is known from
    `n_known` on, whose new value is returned.
    """
    slots = np.uint64(table.shape[0] - 1)
    n_masks = masks.shape[1]
    row_keys = np.empty((2, members.shape[0]), dtype=np.uint64)
    g = 0
    while first >= n_masks * bounds[g + 1]:
        g += 1
    size = bounds[g + 1] - bounds[g]
    c = (first - n_masks * bounds[g]) // size
    b = bounds[g] + (first - n_masks * bounds[g]) % size
    q = 0
    while q < ids.shape[0]:
        low_end, high_end = bounds[g], bounds[g + 1]
        for half in range(2):
            # Loops over whole rows of slices become vector instructions. (A slice assignment would
            # too, but numba takes 3 s to compile the error message for shapes that do not fit.)
            mine, base = row_keys[half], base_keys[half]
            for i in range(low_end, high_end):
                mine[i] = base[i]
            for u in range(flip_keys.shape[1]):
                if (masks[g, c, u >> 6] >> (np.uint64(u) & SIX_BITS)) & ONE:
                    flips = flip_keys[half, u]
                    for i in range(low_end, high_end):
                        mine[i] ^= flips[i]
        while b < high_end and q < ids.shape[0]:
            low, high = row_keys[0, b], row_keys[1, b]
            slot = low & slots
            while table[slot] >= 0 and (
                keys[0, table[slot]] != low or keys[1, table[slot]] != high
            ):
                slot = (slot + ONE) & slots
            if table[slot] < 0:
                table[slot] = n_known
                keys[0, n_known], keys[1, n_known] = low, high
                backgrounds[n_known] = members[b]
                for w in range(masks.shape[2]):
                    known_masks[n_known, w] = masks[g, c, w]
                n_known += 1
            ids[q] = table[slot]
            q += 1
            b += 1
        c += 1
        if c == n_masks:
            c = 0
            g += 1
        if q < ids.shape[0]:
            b = bounds[g]
    return n_known


@kernel
def number_pairs(
    masks, of_background, base_keys, flip_keys, first, table, keys, backgrounds, known_masks,
    n_known, ids,
):
    """Number questions first, first + 1, … of a list of masks (n, W), each with its background row.

    The rest is as in `number_products`.
    """
    slots = np.uint64(table.shape[0] - 1)
    for q in range(ids.shape[0]):
        b = of_background[first + q]
        low, high = base_keys[0, b], base_keys[1, b]
        for u in range(flip_keys.shape[1]):
            if (masks[first + q, u >> 6] >> (np.uint64(u) & SIX_BITS)) & ONE:
                low ^= flip_keys[0, u, b]
                high ^= flip_keys[1, u, b]
        slot = low & slots
        while table[slot] >= 0 and (keys[0, table[slot]] != low or keys[1, table[slot]] != high):
            slot = (slot + ONE) & slots
        if table[slot] < 0:
            table[slot] = n_known
            keys[0, n_known], keys[1, n_known] = low, high
            backgrounds[n_known] = b
            for w in range(masks.shape[1]):
                known_masks[n_known, w] = masks[first + q, w]
            n_known += 1
        ids[q] = table[slot]
    return n_known


@kernel
def number_submasks(
    starts, players, n_players, base_keys, flip_keys, first,
    table, keys, backgrounds, known_masks, n_known, ids,
):
    """Number questions first, first + 1, … of the list of all submasks of all background rows.

    Background row b owns the numbers starts[b] to starts[b + 1]; the bits of the number within it
    say which of its `n_players[b]` players, units `players` (B, M), are kept. The rest is
    as in `number_products`.
    """
    slots = np.uint64(table.shape[0] - 1)
    mask = np.empty(known_masks.shape[1], dtype=np.uint64)
    b = np.searchsorted(starts, first, side="right") - 1
    for q in range(ids.shape[0]):
        while first + q >= starts[b + 1]:
            b += 1
        number = first + q - starts[b]
        for w in range(mask.shape[0]):
            mask[w] = np.uint64(0)
        low, high = base_keys[0, b], base_keys[1, b]
        for p in range(n_players[b]):
            if (number >> p) & 1:
                u = players[b, p]
                mask[u >> 6] |= ONE << (np.uint64(u) & SIX_BITS)
                low ^= flip_keys[0, u, b]
                high ^= flip_keys[1, u, b]
        slot = low & slots
        while table[slot] >= 0 and (keys[0, table[slot]] != low or keys[1, table[slot]] != high):
            slot = (slot + ONE) & slots
        if table[slot] < 0:
            table[slot] = n_known
            keys[0, n_known], keys[1, n_known] = low, high
            backgrounds[n_known] = b
            for w in range(mask.shape[0]):
                known_masks[n_known, w] = mask[w]
            n_known += 1
        ids[q] = table[slot]
    return n_known


@kernel
def compose_rows(background, row, unit_of_column, of_background, masks, out):
    """Fill `out` (q, C) with `row` (C,) where the column's unit is kept, else background row."""
    for q in range(out.shape[0]):
        b = of_background[q]
        for c in range(out.shape[1]):
            u = unit_of_column[c]
            kept = (masks[q, u >> 6] >> (np.uint64(u) & SIX_BITS)) & ONE
            out[q, c] = row[c] if kept else background[b, c]


@kernel
def add_answers(bounds, first, ids, answers, weights, sums):
    """Add the answers to questions first, first + 1, … of blocks' masks to sums of the masks.

    `ids` (q,) are rows of `answers`, `weights` those of background rows in the order of the blocks'
    members, `sums` (n_blocks, C, K); see `number_products`.
    """
    n_masks = sums.shape[1]
    g = 0
    while first >= n_masks * bounds[g + 1]:
        g += 1
    size = bounds[g + 1] - bounds[g]
    c = (first - n_masks * bounds[g]) // size
    b = bounds[g] + (first - n_masks * bounds[g]) % size
    for q in range(ids.shape[0]):
        for k in range(sums.shape[2]):
            sums[g, c, k] += weights[b] * answers[ids[q], k]
        b += 1
        if b == bounds[g + 1]:
            c += 1
            if c == n_masks:
                c = 0
                g += 1
            b = bounds[min(g, bounds.shape[0] - 2)]
