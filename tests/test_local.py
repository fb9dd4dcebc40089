"""Stand-ins near a row: how many carry the weight, and how samples are spread over them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xaikit.sampling.local import choose_evenly, local_weights


def flat(n):
    return np.full(n, 1.0 / n)


def rows_of(weights):
    return 1.0 / (weights**2).sum()


# --- weights

@pytest.mark.parametrize(("n", "wanted"), [(100, 50), (400, 50), (1000, 100), (5000, 500)])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_about_50_rows_or_a_tenth_carry_the_weight(rng, n, wanted, scale):
    distances = rng.random(n) * scale
    weights, width = local_weights(distances, flat(n))
    np.testing.assert_allclose(rows_of(weights), wanted, rtol=1e-4)
    np.testing.assert_allclose(weights.sum(), 1.0, rtol=1e-12)
    # The definition, once more.
    ref = np.exp(-(distances**2 - distances.min() ** 2) / (2 * width**2))
    np.testing.assert_allclose(weights, ref / ref.sum(), rtol=1e-5, atol=1e-12)
    assert (np.diff(weights[np.argsort(distances)]) <= 0.0).all()


@pytest.mark.parametrize("n", [1, 2, 49, 50])
def test_where_there_are_few_rows_all_are_wanted(rng, n):
    weights, width = local_weights(rng.random(n), flat(n))
    np.testing.assert_array_equal(weights, flat(n))
    assert width == np.inf


@pytest.mark.parametrize("distance", [0.0, 0.3])
def test_equal_distances_count_the_same(distance):
    weights, width = local_weights(np.full(300, distance), flat(300))
    np.testing.assert_array_equal(weights, flat(300))
    assert width == np.inf


def test_ties_at_the_front_stay_ties():
    distances = np.concatenate([np.zeros(120), np.linspace(0.5, 1.0, 380)])
    weights, width = local_weights(distances, flat(500))
    # 120 rows are equally near: no fewer can be told apart.
    np.testing.assert_allclose(weights[:120], 1 / 120, rtol=1e-6)
    assert weights[120:].max() < 1e-6
    assert np.isfinite(width)


def test_equal_rows_weigh_the_same(rng):
    distances = np.repeat(rng.random(100), 4)
    weights, _ = local_weights(distances, flat(400))
    np.testing.assert_array_equal(weights[::4], weights[1::4])
    np.testing.assert_allclose(rows_of(weights), 50, rtol=1e-4)


def test_weights_of_the_background_count(rng):
    distances, own = rng.random(600), rng.random(600)
    own /= own.sum()
    weights, width = local_weights(distances, own)
    np.testing.assert_allclose(rows_of(weights), 60, rtol=1e-4)
    ref = own * np.exp(-(distances**2) / (2 * width**2))
    np.testing.assert_allclose(weights, ref / ref.sum(), rtol=1e-5, atol=1e-12)


def test_one_heavy_row_that_is_near():
    # More than a third of the weight on one row: 50 rows are out of reach, whatever the width.
    own = np.append(0.4, np.full(299, 0.6 / 299))
    weights, width = local_weights(np.linspace(0.0, 1.0, 300), own)
    np.testing.assert_array_equal(weights, own)
    assert width == np.inf


def test_one_far_row_does_not_matter(rng):
    near = rng.random(500) * 0.01
    ref, width = local_weights(near, flat(500))
    got, same = local_weights(np.append(near, 1.0), flat(501))
    np.testing.assert_allclose(got[:500], ref, rtol=0.05, atol=1e-6)
    np.testing.assert_allclose(same, width, rtol=0.05)
    assert got[500] < 1e-9


@pytest.mark.parametrize("apart", [1e-3, 1e-9, 1e-16])
def test_rows_that_are_nearly_as_far_as_each_other(rng, apart):
    distances = 0.9 + apart * rng.integers(0, 40, size=300)
    weights, _ = local_weights(distances, flat(300))
    assert 49.9 <= rows_of(weights) <= 300.0
    np.testing.assert_allclose(weights.sum(), 1.0)


# --- choosing evenly

@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.floats(0.0, 0.999))
def test_shares_follow_the_weights(seed, n_rows, start):
    rng = np.random.default_rng(seed)
    weights = rng.random(n_rows) * (rng.random(n_rows) < 0.7)
    weights[0] = 1.0
    weights /= weights.sum()
    chosen = choose_evenly(np.arange(1000), np.full(1000, 5), weights, start)
    shares = np.bincount(chosen, minlength=n_rows) / 1000
    # The golden ratio's multiples: apart by a few steps of 1/n, not by the 1/√n of chance.
    np.testing.assert_allclose(shares, weights, atol=0.008)
    assert (shares[weights == 0.0] == 0.0).all()


def test_the_choice_depends_on_the_coalition_alone(rng):
    weights = rng.random(20)
    weights /= weights.sum()
    ranks, sizes = np.arange(500), rng.integers(0, 9, size=500)
    whole = choose_evenly(ranks, sizes, weights, 0.37)
    np.testing.assert_array_equal(choose_evenly(ranks[:100], sizes[:100], weights, 0.37), whole[:100])
    order = rng.permutation(500)
    np.testing.assert_array_equal(choose_evenly(ranks[order], sizes[order], weights, 0.37), whole[order])


def test_sizes_start_at_different_places():
    # One coalition of each of many sizes: were they to start alike, all would get the same row.
    chosen = choose_evenly(np.zeros(200, dtype=int), np.arange(200), flat(10), 0.1)
    assert np.ptp(np.bincount(chosen, minlength=10)) <= 4


@pytest.mark.parametrize("weights", [[1.0], [0.0, 1.0, 0.0], [0.5, 0.5, 0.0, 0.0]])
def test_rows_of_no_weight_are_never_chosen(weights):
    chosen = choose_evenly(np.arange(300), np.zeros(300, dtype=int), np.array(weights), 0.999999999)
    assert set(chosen) == set(np.flatnonzero(weights))


def test_weights_that_add_up_to_a_hair_less_than_1():
    weights = np.full(10, 0.1)
    last = np.nextafter(1.0, 0.0)
    assert np.cumsum(weights)[-1] <= last
    assert choose_evenly(np.array([0]), np.array([0]), weights, last).tolist() == [9]
