"""Composed rows: number the distinct ones, build them, and average the answers to them.

A question is a pair (background row b, coalition S). Its composed row has the explained row's
values for the units in S and those of background row b for all others. Masks are packed into uint64
words, unit u in bit u % 64 of word u // 64. The key of a composed row has 128 bits, in two halves,
and is the exclusive or of the keys of its values: `base_keys` (2, B) are the keys of the background
rows, and `flip_keys` (2, M, B) what showing a unit changes in them.

Four arrays hold the known questions: an open-addressing hash table of ids (-1: free slot; its
length is a power of two) and, by id, the keys (2, capacity), background rows (capacity,) and masks
(capacity, W). Each kernel repeats the few lines that look up a key and takes the arrays one by one,
because a shared function and a tuple would add a third to the compile time of the first call.
"""

from __future__ import annotations

import numpy as np

from xaikit.kernels.compile import kernel

ONE = np.uint64(1)
SIX_BITS = np.uint64(63)


@kernel
def rehash(table, keys, n_known):
    """Insert the first `n_known` keys, all distinct, into an empty table."""
    slots = np.uint64(table.shape[0] - 1)
    for i in range(n_known):
        slot = keys[0, i] & slots
        while table[slot] >= 0:
            slot = (slot + ONE) & slots
        table[slot] = i


@kernel
def number_products(masks, members, bounds, base_keys, flip_keys, first, table, keys, backgrounds,
                    known_masks, n_known, ids):
    """Number questions first, first + 1, … of the products of masks and background rows by block.

    Block g pairs each of the masks ``masks[g]`` (C, W) with each of the background rows
    ``members[bounds[g]:bounds[g + 1]]``, mask by mask; `base_keys` and `flip_keys` are in the order
    of `members`. `ids` (q,) receives the id of the first question with the same key. New questions
    are appended to the known ones from `n_known` on; the new number of known ones is returned.
    """
    # The keys are built by loops over rows of slices, which become vector instructions. Slice
    # assignments would too, but numba takes 3 s to compile the error message for unequal shapes.
    slots = np.uint64(table.shape[0] - 1)
    n_masks = masks.shape[1]
    row_keys = np.empty((2, members.shape[0]), dtype=np.uint64)
    q = g = 0
    while q < ids.shape[0]:
        while first + q >= n_masks * bounds[g + 1]:
            g += 1
        start, stop = bounds[g], bounds[g + 1]
        within = first + q - n_masks * start
        c, begin = within // (stop - start), start + within % (stop - start)
        for half in range(2):
            mine, base = row_keys[half], base_keys[half]
            for b in range(start, stop):
                mine[b] = base[b]
            for u in range(flip_keys.shape[1]):
                if (masks[g, c, u >> 6] >> (np.uint64(u) & SIX_BITS)) & ONE:
                    flips = flip_keys[half, u]
                    for b in range(start, stop):
                        mine[b] ^= flips[b]
        for b in range(begin, min(stop, begin + ids.shape[0] - q)):
            low, high = row_keys[0, b], row_keys[1, b]
            slot = low & slots
            while table[slot] >= 0 and (
                    keys[0, table[slot]] != low or keys[1, table[slot]] != high):
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
    return n_known


@kernel
def number_pairs(masks, of_background, base_keys, flip_keys, first, table, keys, backgrounds,
                 known_masks, n_known, ids):
    """Number questions first, first + 1, … of a list of masks (n, W), each with one background row.

    `of_background` (n,) is the background row of each mask; the rest is as in `number_products`.
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
def number_submasks(starts, players, n_players, base_keys, flip_keys, first, table, keys,
                    backgrounds, known_masks, n_known, ids):
    """Number questions first, first + 1, … of the list of all submasks of all background rows.

    Background row b has question numbers starts[b] … starts[b + 1] − 1. The bits of the number less
    starts[b] are its mask: bit p keeps unit players[b, p], where `players` is (B, M) and p is less
    than n_players[b]. The rest is as in `number_products`.
    """
    slots, n_words = np.uint64(table.shape[0] - 1), known_masks.shape[1]
    mask = np.empty(n_words, dtype=np.uint64)
    low = high = np.uint64(0)
    b = np.searchsorted(starts, first, side="right") - 1
    for q in range(ids.shape[0]):
        while first + q >= starts[b + 1]:
            b += 1
        number = first + q - starts[b]
        fresh = q == 0 or number == 0
        if fresh:
            for w in range(n_words):
                mask[w] = np.uint64(0)
            low, high = base_keys[0, b], base_keys[1, b]
        for p in range(n_players[b]):
            here = (number >> p) & 1
            # From one number to the next all bits change up to the lowest one: two on average.
            if here or not fresh:
                u = players[b, p]
                mask[u >> 6] ^= ONE << (np.uint64(u) & SIX_BITS)
                low ^= flip_keys[0, u, b]
                high ^= flip_keys[1, u, b]
                if not fresh and here:
                    break
        slot = low & slots
        while table[slot] >= 0 and (keys[0, table[slot]] != low or keys[1, table[slot]] != high):
            slot = (slot + ONE) & slots
        if table[slot] < 0:
            table[slot] = n_known
            keys[0, n_known], keys[1, n_known] = low, high
            backgrounds[n_known] = b
            for w in range(n_words):
                known_masks[n_known, w] = mask[w]
            n_known += 1
        ids[q] = table[slot]
    return n_known


@kernel
def compose_rows(background, row, unit_of_column, of_background, masks, out):
    """Fill `out` (q, C) with `row` (C,) where a column's unit is kept, else a background row."""
    n_columns = out.shape[1]
    words, bits = unit_of_column >> 6, np.empty(n_columns, dtype=np.uint64)
    for c in range(n_columns):
        bits[c] = ONE << (np.uint64(unit_of_column[c]) & SIX_BITS)
    for q in range(out.shape[0]):
        b = of_background[q]
        if masks.shape[1] == 1:  # a loop of several columns at a time
            mask = masks[q, 0]
            for c in range(n_columns):
                out[q, c] = row[c] if mask & bits[c] else background[b, c]
        else:
            for c in range(n_columns):
                out[q, c] = row[c] if masks[q, words[c]] & bits[c] else background[b, c]


@kernel
def add_answers(bounds, first, ids, answers, weights, sums):
    """Add the weighted answers to questions first, first + 1, … to the sums of their masks.

    The questions are those of `number_products`. `ids` (q,) are rows of `answers` (capacity, K),
    `weights` those of the background rows in the order of the blocks' members, and `sums` is
    (n_blocks, C, K).
    """
    n_masks = sums.shape[1]
    q = g = 0
    while q < ids.shape[0]:
        while first + q >= n_masks * bounds[g + 1]:
            g += 1
        start, stop = bounds[g], bounds[g + 1]
        within = first + q - n_masks * start
        c, begin = within // (stop - start), start + within % (stop - start)
        for b in range(begin, min(stop, begin + ids.shape[0] - q)):
            for k in range(sums.shape[2]):
                sums[g, c, k] += weights[b] * answers[ids[q], k]
            q += 1
