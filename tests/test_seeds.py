"""Random streams: one seed an explanation, one stream a purpose."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from xaikit.errors import SettingError
from xaikit.sampling.seeds import resolve_seed, stream


@pytest.mark.parametrize(("purpose", "keys"), [
    ((), []),
    ((3,), [3]),
    (("bootstrap",), [zlib.crc32(b"bootstrap")]),
    (("permutation", 2, np.int64(5)), [zlib.crc32(b"permutation"), 2, 5]),
])
def test_a_stream_is_that_of_its_seed_sequence(purpose, keys):
    got = stream(11, *purpose).random(4)
    want = np.random.default_rng(np.random.SeedSequence([11, len(keys), *keys])).random(4)
    np.testing.assert_array_equal(got, want)


def test_a_stream_does_not_depend_on_what_was_drawn_before():
    want = stream(1, "a", 7).random(3)
    for before in range(3):
        stream(1, "a", before).random(10)
        stream(1, "b").random(10)
    np.testing.assert_array_equal(stream(1, "a", 7).random(3), want)


def test_streams_differ_by_seed_and_purpose():
    # Purposes of one name have one length: a SeedSequence takes (0, "a") and (0, "a", 0) for one.
    purposes = [(0,), (1,), (0, "b"), (1, "b"), (0, "a", 0), (0, "a", 1), (1, "a", 0), (0, 0, "a")]
    drawn = {tuple(stream(*p).random(2)) for p in purposes}
    assert len(drawn) == len(purposes)


def test_streams_leave_the_global_generator_alone():
    np.random.seed(4)
    want = np.random.get_state()[1].copy()
    stream(0, "a").random(5)
    resolve_seed(None)
    resolve_seed(3)
    np.testing.assert_array_equal(np.random.get_state()[1], want)


@pytest.mark.parametrize(("given", "want"), [(0, 0), (7, 7), (np.int32(9), 9), (2**63, 2**63)])
def test_a_number_is_its_own_seed(given, want):
    got = resolve_seed(given)
    assert got == want
    assert type(got) is int


def test_a_generator_gives_a_seed_and_moves_on():
    generator = np.random.default_rng(5)
    got = [resolve_seed(generator), resolve_seed(generator)]
    again = np.random.default_rng(5)
    want = [int(again.integers(2**32)), int(again.integers(2**32))]
    assert got == want
    assert got[0] != got[1]


def test_no_seed_is_a_new_seed_each_time():
    drawn = {resolve_seed(None) for _ in range(20)}
    # 20 draws from 2**32: an equal pair has a chance of 4e-8.
    assert len(drawn) == 20
    assert all(0 <= seed < 2**32 for seed in drawn)


@pytest.mark.parametrize("given", [
    True, np.True_, 1.0, "1", np.random.RandomState(0), [1], -1, np.int64(-3)])
def test_other_seeds_are_refused(given):
    with pytest.raises(SettingError, match="random_state must be a whole number of at least 0 or"):
        resolve_seed(given)
