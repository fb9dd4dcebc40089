"""Every kernel against its plain-Python twin."""

from __future__ import annotations

import numpy as np
import pytest
import reference

from xaikit.kernels import masking, shapley
from xaikit.sampling.coalitions import pack
from xaikit.solvers.shapley import interaction_weights, shapley_weights

pytestmark = pytest.mark.kernels

# Two words from 65 units on; 64 fills the first one to its last bit.
UNITS = [1, 3, 63, 64, 65, 130]


def empty_known(capacity, n_words):
    size = 1 << int(2 * capacity - 1).bit_length()
    return (np.full(size, -1, dtype=np.int32), np.empty((2, capacity), dtype=np.uint64),
            np.empty(capacity, dtype=np.int64), np.empty((capacity, n_words), dtype=np.uint64))


def random_keys(rng, n_units, n_background, n_values):
    """Keys of a row and background rows whose cells take few values, so that many are equal."""
    keys = rng.integers(2**64, size=(2, n_units, n_values), dtype=np.uint64)
    columns = np.arange(n_units)
    background = keys[:, columns[:, None], rng.integers(n_values, size=(n_units, n_background))]
    row = keys[:, columns, rng.integers(n_values, size=n_units)]
    return np.bitwise_xor.reduce(background, axis=1), background ^ row[:, :, None]


def assert_known(known, n_known, ref):
    """Compare the arrays of what is known with the dict of the twin."""
    _, keys, of_background, masks = known
    assert n_known == len(ref)
    for (low, high), (i, b, mask) in ref.items():
        assert (int(keys[0, i]), int(keys[1, i])) == (low, high)
        assert of_background[i] == b
        assert tuple(int(word) for word in masks[i]) == mask


def submask_lists(rng, n_units, n_background, most):
    """Players of every background row: some of the units, at most `most`."""
    differs = rng.random((n_background, n_units)) < min(0.6, most / n_units)
    for b in range(n_background):
        units = np.flatnonzero(differs[b])
        differs[b, units[most:]] = False
    n_players = differs.sum(axis=1)
    players = np.argsort(~differs, axis=1, kind="stable")
    starts = np.concatenate([[0], np.cumsum(2**n_players)])
    return starts, players, n_players


BLOCKS = [[[0]], [[0, 1, 2, 3, 4]], [[1, 3], [4], [0, 2]]]


def number_products(masks, blocks, base_keys, flip_keys, first, known, n_known, ids):
    """Call the kernel as Game does."""
    members = np.concatenate(blocks)
    bounds = np.cumsum([0] + [len(b) for b in blocks])
    return masking.number_products(
        masks, members, bounds, np.ascontiguousarray(base_keys[:, members]),
        np.ascontiguousarray(flip_keys[:, :, members]), first, *known, n_known, ids)


@pytest.mark.parametrize("n_units", UNITS)
@pytest.mark.parametrize("blocks", BLOCKS)
@pytest.mark.parametrize(("n_masks", "chunk"), [(1, 1), (7, 100), (9, 7)])
def test_number_products(rng, n_units, blocks, n_masks, chunk):
    base_keys, flip_keys = random_keys(rng, n_units, 5, n_values=2)
    masks = np.stack([reference.pack(rng.random((n_masks, n_units)) < 0.5) for _ in blocks])
    total = n_masks * sum(len(b) for b in blocks)
    known, n_known, ref_known = empty_known(total, masks.shape[2]), 0, {}
    for first in range(0, total, chunk):
        n = min(chunk, total - first)
        ref = reference.number_products(masks, blocks, base_keys, flip_keys, first, n, ref_known)
        got = np.empty(n, dtype=np.int64)
        n_known = number_products(masks, blocks, base_keys, flip_keys, first, known, n_known, got)
        np.testing.assert_array_equal(got, ref)
        assert_known(known, n_known, ref_known)


@pytest.mark.parametrize("n_units", UNITS)
@pytest.mark.parametrize(("n_background", "chunk"), [(1, 1000), (6, 1000), (6, 5)])
def test_number_submasks(rng, n_units, n_background, chunk):
    base_keys, flip_keys = random_keys(rng, n_units, n_background, n_values=2)
    starts, players, n_players = submask_lists(rng, n_units, n_background, most=5)
    n_words, total = -(-n_units // 64), int(starts[-1])
    known, n_known, ref_known = empty_known(total, n_words), 0, {}
    for first in range(0, total, chunk):
        n = min(chunk, total - first)
        ref = reference.number_submasks(starts, players, n_players, base_keys, flip_keys, first, n,
                                        ref_known, n_words)
        got = np.empty(n, dtype=np.int64)
        n_known = masking.number_submasks(
            starts, players, n_players, base_keys, flip_keys, first, *known, n_known, got)
        np.testing.assert_array_equal(got, ref)
        assert_known(known, n_known, ref_known)


def test_both_lists_share_what_is_known(rng):
    base_keys, flip_keys = random_keys(rng, 4, 3, n_values=2)
    starts = np.array([0, 16, 32, 48])
    players, n_players = np.tile(np.arange(4), (3, 1)), np.full(3, 4)
    masks, blocks = reference.pack(rng.random((6, 4)) < 0.5)[None], [[0, 1, 2]]
    known, ref_known = empty_known(48 + 18, 1), {}
    ids = np.empty(48, dtype=np.int64)
    n_known = masking.number_submasks(
        starts, players, n_players, base_keys, flip_keys, 0, *known, 0, ids)
    reference.number_submasks(
        starts, players, n_players, base_keys, flip_keys, 0, 48, ref_known, 1)
    got = np.empty(18, dtype=np.int64)
    again = number_products(masks, blocks, base_keys, flip_keys, 0, known, n_known, got)
    ref = reference.number_products(masks, blocks, base_keys, flip_keys, 0, 18, ref_known)
    assert again == n_known
    np.testing.assert_array_equal(got, ref)


@pytest.mark.parametrize(("n_known", "size"), [(0, 2), (1, 2), (5, 16), (16, 32)])
@pytest.mark.parametrize("spread", [2**64, 3])
def test_rehash(rng, n_known, size, spread):
    # A spread of 3 makes nearly all keys fall on the same slots: probing must walk on.
    keys = rng.integers(spread, size=(2, n_known), dtype=np.uint64)
    keys[1] = np.arange(n_known)
    ref = reference.rehash(size, keys, n_known)
    got = np.full(size, -1, dtype=np.int32)
    masking.rehash(got, keys, n_known)
    np.testing.assert_array_equal(got, ref)


def test_equal_low_halves_are_told_apart_by_the_high_ones():
    base_keys = np.array([[7, 7], [1, 2]], dtype=np.uint64)
    flip_keys = np.zeros((2, 1, 2), dtype=np.uint64)
    ids, known = np.empty(2, dtype=np.int64), empty_known(2, 1)
    masks = np.zeros((1, 1, 1), dtype=np.uint64)
    assert number_products(masks, [[0, 1]], base_keys, flip_keys, 0, known, 0, ids) == 2
    np.testing.assert_array_equal(ids, [0, 1])


@pytest.mark.parametrize(("n_columns", "n_units"), [(1, 1), (5, 5), (7, 3), (70, 70), (140, 130)])
def test_compose_rows(rng, n_columns, n_units):
    background, row = rng.normal(size=(4, n_columns)), rng.normal(size=n_columns)
    background[0, 0] = np.nan
    unit_of_column = rng.permutation(np.arange(n_columns) % n_units)
    of_background = rng.integers(4, size=9)
    masks = reference.pack(rng.random((9, n_units)) < 0.5)
    ref = reference.compose_rows(background, row, unit_of_column, of_background, masks)
    got = np.empty((9, n_columns))
    masking.compose_rows(background, row, unit_of_column, of_background, masks, got)
    np.testing.assert_array_equal(got, ref)


@pytest.mark.parametrize("blocks", BLOCKS)
@pytest.mark.parametrize(("n_masks", "n_outputs"), [(1, 1), (5, 2), (2, 1)])
def test_add_answers(rng, blocks, n_masks, n_outputs):
    bounds = np.cumsum([0] + [len(b) for b in blocks])
    total = n_masks * int(bounds[-1])
    answers = rng.normal(size=(6, n_outputs))
    ids, weights = rng.integers(6, size=total), rng.random(int(bounds[-1]))
    ref = reference.add_answers(blocks, 0, ids, answers, weights, n_masks)
    for chunk in (total, 3):
        got = np.zeros((len(blocks), n_masks, n_outputs))
        for first in range(0, total, chunk):
            masking.add_answers(bounds, first, ids[first : first + chunk], answers, weights, got)
        # Both add in the same order: equal to the last bit, however it is cut.
        np.testing.assert_array_equal(got, ref)


@pytest.mark.parametrize("n_units", [1, 4, 65])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_add_marginals(rng, n_units, n_outputs):
    starts, players, n_players = submask_lists(rng, n_units, 5, most=5)
    total = int(starts[-1])
    answers, ids = rng.normal(size=(11, n_outputs)), rng.integers(11, size=total)
    gain, loss = shapley_weights(int(n_players.max()))
    ref = reference.add_marginals(starts, players, n_players, 0, ids, answers, n_units)
    found = []
    for chunk in (total, 7, 1):
        got, sums = np.zeros((5, n_units, n_outputs)), np.full((n_units + 1, n_outputs), np.nan)
        for first in range(0, total, chunk):
            shapley.add_marginals(starts, players, n_players, first, ids[first : first + chunk],
                                  answers, gain, loss, sums, got)
        # Weights come from gammaln in one and from factorials in the other.
        np.testing.assert_allclose(got, ref, rtol=1e-12, atol=1e-12)
        found.append(got)
    # However the list is cut, all is added in the same order.
    np.testing.assert_array_equal(found[1], found[0])
    np.testing.assert_array_equal(found[2], found[0])


@pytest.mark.parametrize("n_units", [1, 4, 65])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_add_submasks(rng, n_units, n_outputs):
    starts, players, n_players = submask_lists(rng, n_units, 5, most=5)
    total, weights = int(starts[-1]), rng.random(5)
    answers, ids = rng.normal(size=(11, n_outputs)), rng.integers(11, size=total)
    kept = rng.random((6, n_units)) < 0.5
    ref = reference.add_submasks(starts, players, n_players, kept, ids, answers, weights)
    for chunk in (total, 7):
        got = np.zeros((6, n_outputs))
        for first in range(0, total, chunk):
            shapley.add_submasks(starts, players, n_players, first, pack(kept),
                                 ids[first : first + chunk], answers, weights, got)
        # Both add row after row: equal to the last bit, however the list is cut.
        np.testing.assert_array_equal(got, ref)


@pytest.mark.parametrize("n_units", [1, 2, 4, 65])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_add_interactions(rng, n_units, n_outputs):
    starts, players, n_players = submask_lists(rng, n_units, 5, most=5)
    total, weights = int(starts[-1]), rng.random(5)
    answers, ids = rng.normal(size=(11, n_outputs)), rng.integers(11, size=total)
    ref = reference.add_interactions(starts, players, n_players, 0, ids, answers, weights, n_units)
    table = interaction_weights(int(n_players.max()))
    for chunk in (total, 7):
        got = np.zeros((n_units, n_units, n_outputs))
        for first in range(0, total, chunk):
            shapley.add_interactions(starts, players, n_players, first,
                                     ids[first : first + chunk], answers, weights, table, got)
        np.testing.assert_allclose(got, ref, rtol=1e-12, atol=1e-12)
