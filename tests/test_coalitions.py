"""Tests of coalitions: packing, listing, and pairs drawn stratum by stratum."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
import reference

from xaikit.sampling.coalitions import all_coalitions, pack, paired_coalitions, unpack
from xaikit.solvers.shapley import PairedLeastSquares


def draw(n_units, n_pairs, seed=0):
    return paired_coalitions(n_units, n_pairs, np.random.default_rng(seed))


def n_all_pairs(n_units):
    return 2 ** (n_units - 1) - 1


def budgets(n_units):
    """From the least there can be to a multiple of what is usual, capped at all there are."""
    wanted = [n_units, n_units + 1, 2 * n_units - 1, 2 * n_units, 3 * n_units + 1, 8 * n_units + 127]
    return sorted({min(n, n_all_pairs(n_units)) for n in wanted})


@pytest.mark.parametrize("n_units", [1, 5, 63, 64, 65, 128, 200])
def test_pack_and_unpack(rng, n_units):
    kept = rng.random((6, n_units)) < 0.5
    kept[0], kept[1] = True, False
    ref = reference.pack(kept)
    got = pack(kept)
    np.testing.assert_array_equal(got, ref)
    assert got.dtype == np.uint64
    np.testing.assert_array_equal(unpack(got, n_units), kept)
    np.testing.assert_array_equal(reference.unpack(got, n_units), kept)


def test_pack_of_nothing():
    assert pack(np.zeros((0, 3), dtype=bool)).shape == (0, 1)


@pytest.mark.parametrize("n_units", [1, 2, 5])
def test_all_coalitions(n_units):
    got = all_coalitions(n_units)
    assert got.shape == (2**n_units, n_units)
    for i in range(2**n_units):
        assert sum(2**u for u in range(n_units) if got[i, u]) == i


@pytest.mark.parametrize("n_units", [*range(2, 14), 40, 70])
def test_pairs_are_distinct_and_never_their_own_complements(n_units):
    for n_pairs in budgets(n_units):
        for seed in range(3):
            kept = draw(n_units, n_pairs, seed).kept
            both = np.concatenate([kept, ~kept])
            assert len({row.tobytes() for row in both}) == 2 * len(kept)


@pytest.mark.parametrize("n_units", [*range(2, 14), 40, 70])
def test_drawn_and_available_are_what_was_drawn_and_there_is(n_units):
    for n_pairs in budgets(n_units):
        pairs = draw(n_units, n_pairs)
        sizes = pairs.kept.sum(axis=1)
        smaller = np.minimum(sizes, n_units - sizes)
        np.testing.assert_array_equal(pairs.strata, smaller)
        np.testing.assert_array_equal(
            pairs.drawn, np.bincount(smaller, minlength=len(pairs.drawn)))
        for s in range(1, n_units // 2 + 1):
            # Of a half and its complement only one is a pair.
            halved = 2 if 2 * s == n_units else 1
            assert pairs.available[s] == comb(n_units, s) / halved


@pytest.mark.parametrize("n_units", range(2, 14))
def test_as_many_pairs_as_asked_for(n_units):
    for n_pairs in range(min(n_units, n_all_pairs(n_units)), min(4 * n_units, n_all_pairs(n_units))):
        assert len(draw(n_units, n_pairs).kept) == n_pairs


@pytest.mark.parametrize("n_units", [8, 13, 20])
def test_every_size_gets_the_same_share(n_units):
    pairs = draw(n_units, 6 * n_units)
    open_ = pairs.drawn[1:][pairs.drawn[1:] < pairs.available[1:]]
    # Whole numbers: one more or less.
    assert open_.max() - open_.min() <= 1
    assert (pairs.drawn[1:] >= np.minimum(pairs.available[1:], 2)).all()


@pytest.mark.parametrize("n_units", [2, 5, 6, 9])
@pytest.mark.parametrize("more", [0, 10])
def test_more_pairs_than_there_are_gives_all(n_units, more):
    pairs = draw(n_units, n_all_pairs(n_units) + more)
    assert len(pairs.kept) == n_all_pairs(n_units)
    np.testing.assert_array_equal(pairs.drawn[1:], pairs.available[1:])


@pytest.mark.parametrize("n_units", [4, 7, 12, 33])
def test_weights(n_units):
    for n_pairs in budgets(n_units):
        pairs = draw(n_units, n_pairs)
        ref = reference.pair_weights(n_units, pairs.strata, pairs.drawn)
        np.testing.assert_allclose(pairs.weights, ref, rtol=1e-15)


@pytest.mark.parametrize("n_units", range(2, 13))
def test_all_pairs_give_a_multiple_of_the_projection(n_units):
    pairs = draw(n_units, n_all_pairs(n_units))
    _, got = reference.gram(pairs.kept, pairs.weights)
    ref = 2.0 / n_units * (np.eye(n_units) - 1.0 / n_units)
    # Sums of a few thousand numbers near 1.
    np.testing.assert_allclose(got, ref, atol=1e-13)


@pytest.mark.parametrize("n_units", [7, 10])
def test_weights_make_the_design_right_on_average(n_units):
    total = np.zeros((n_units, n_units))
    n_seeds = 600
    for seed in range(n_seeds):
        pairs = draw(n_units, 2 * n_units + 3, seed)
        total += reference.gram(pairs.kept, pairs.weights)[1] / n_seeds
    ref = 2.0 / n_units * (np.eye(n_units) - 1.0 / n_units)
    # Entries scatter by 0.19 of 2/M in one draw, so by 0.008 in the mean of 600; allowed are 4.5 of
    # those. A stratum weighted by one pair too many or too few is off by 0.05 and more.
    np.testing.assert_allclose(total, ref, atol=0.035 * 2.0 / n_units)


@pytest.mark.parametrize(("n_units", "size"), [(12, 2), (12, 3), (12, 4), (15, 5), (40, 5)])
def test_units_appear_equally_often_in_a_stratum(n_units, size):
    pairs = draw(n_units, 4 * n_units)
    here = pairs.kept[pairs.strata == size]
    here = np.where(here.sum(axis=1, keepdims=True) == size, here, ~here)
    turn = n_units // size
    # The first blocks are cut from one permutation: no unit comes twice.
    assert here[:turn].sum(axis=0).max() == 1
    counts = here.sum(axis=0)
    # Each later permutation adds at most one; independent draws would differ by far more.
    assert counts.max() - counts.min() <= -(-len(here) // turn)
    assert counts.max() <= -(-len(here) // turn) + 1


@pytest.mark.parametrize("n_units", range(2, 41))
def test_the_design_tells_all_units_apart(n_units):
    for n_pairs in budgets(n_units):
        for seed in range(2):
            pairs = draw(n_units, n_pairs, seed)
            _, gram = reference.gram(pairs.kept, pairs.weights)
            spectrum = np.linalg.eigvalsh(gram)
            # The direction of ones is always lost; the next must stand clear of rounding.
            assert spectrum[1] > 1e-6 * spectrum[-1]
            PairedLeastSquares.of([pairs])


def test_same_stream_same_pairs():
    ref, got, other = draw(20, 90, 4), draw(20, 90, 4), draw(20, 90, 5)
    assert got.kept.tobytes() == ref.kept.tobytes()
    assert got.weights.tobytes() == ref.weights.tobytes()
    assert other.kept.tobytes() != ref.kept.tobytes()


def test_more_units_than_float64_counts_coalitions_of():
    # C(1100, 550) is about 1e329, past the largest float64.
    pairs = draw(1100, 2200)
    assert pairs.kept.shape == (2200, 1100)
    assert np.isfinite(pairs.weights).all()


@pytest.mark.parametrize("n_units", [4, 7, 12, 13, 30, 70])
def test_more_pairs_begin_with_the_fewer(n_units):
    most = 2 ** (n_units - 1) - 1
    counts = [n for n in (2 * n_units, 3 * n_units, 5 * n_units, 400, most) if n <= min(most, 3000)]
    smaller = set()
    for n_pairs in sorted(counts):
        drawn = {kept.tobytes() for kept in draw(n_units, n_pairs, 3).kept}
        assert len(drawn) == n_pairs
        assert smaller <= drawn
        smaller = drawn
