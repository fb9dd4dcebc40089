"""Rows of every masker are sequences: they end, and negative positions count from the end."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pandas as pd
import pytest

import xaikit as xk

pytestmark = pytest.mark.kernels

TABLE = np.arange(12.0).reshape(3, 4)
IMAGES = np.arange(48.0).reshape(3, 4, 4)
TEXTS = ["one word", "two more", "the last of three"]


@pytest.fixture(params=["array", "frame", "text", "image", "image with labels of its own"])
def rows(request):
    """Return three masked rows of each kind of data."""
    labels = np.arange(3)[:, None, None] + np.arange(16).reshape(4, 4) // 4
    return {
        "array": lambda: xk.TabularMasker(TABLE[:2] + 0.5).rows(TABLE),
        "frame": lambda: xk.TabularMasker(pd.DataFrame(TABLE[:2] + 0.5)).rows(pd.DataFrame(TABLE)),
        "text": lambda: xk.TextMasker().rows(TEXTS),
        "image": lambda: xk.ImageMasker("grid", n_segments=4, channels="grey").rows(IMAGES),
        "image with labels of its own": lambda: xk.ImageMasker(labels, channels="grey").rows(IMAGES),
    }[request.param]()


def assert_same_row(got, want):
    assert np.array_equal(got.source, want.source)
    assert len(got.source) == 1
    for name in ("differs", "base_keys", "flip_keys", "distances"):
        np.testing.assert_array_equal(getattr(got, name), getattr(want, name))
    masks = np.arange(4, dtype=np.uint64)[:, None]
    of_background = np.zeros(4, dtype=np.int64)
    assert np.array_equal(got.compose(of_background, masks), want.compose(of_background, masks))


def test_a_loop_over_rows_ends(rows):
    # One more than there are, so that a loop without an end fails instead of hanging.
    got = list(islice(rows, len(rows) + 1))
    assert len(got) == len(rows) == 3
    for i, row in enumerate(got):
        assert_same_row(row, rows[i])


@pytest.mark.parametrize("whole_number", [int, np.int64])
def test_negative_positions_count_from_the_end(rows, whole_number):
    for i in (-1, -2, -3):
        assert_same_row(rows[whole_number(i)], rows[3 + i])


@pytest.mark.parametrize("position", [3, -4, np.int64(3)])
def test_positions_out_of_range(rows, position):
    with pytest.raises(IndexError, match=rf"expected a position from -3 to 2, as the number of rows is 3; got {position}\."):
        rows[position]


@pytest.mark.parametrize("position", [1.0, "0", None, slice(0, 1)])
def test_positions_that_are_not_whole_numbers(rows, position):
    with pytest.raises(TypeError, match="expected the position of one row as a whole number"):
        rows[position]


def test_rows_of_none():
    rows = xk.TabularMasker(TABLE).rows(TABLE[:0], first=0)
    assert list(islice(rows, 1)) == []
    with pytest.raises(IndexError, match="no row at position 0: the masker was given no rows"):
        rows[0]
