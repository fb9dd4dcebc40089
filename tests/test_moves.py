"""Where a column can be moved to, against numbers worked by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from xaikit.sampling.moves import (
    can_step,
    changed,
    is_binary,
    is_centred,
    lacks_zero,
    levels,
    most_frequent,
    steps,
    targets,
    whole,
    with_numbers,
)
from xaikit.tables.numeric import float_column

X = np.array([1.0, 2.0, -4.0, 0.0, np.nan])
KNOWN = X[:4]


@pytest.mark.parametrize(("mode", "up", "down"), [
    ("relative", [1.5, 3.0, -6.0, 0.0, np.nan], [0.5, 1.0, -2.0, 0.0, np.nan]),
    ("relative_abs", [1.5, 3.0, -2.0, 0.0, np.nan], [0.5, 1.0, -6.0, 0.0, np.nan]),
    ("sd", [2.5, 3.5, -2.5, 1.5, np.nan], [-0.5, 0.5, -5.5, -1.5, np.nan]),
    ("range", [4.0, 5.0, -1.0, 3.0, np.nan], [-2.0, -1.0, -7.0, -3.0, np.nan]),
    # Ranks of 1, 2, −4, 0 are 2/3, 1, 0, 1/3; half a rank up and down, within 0 and 1.
    ("quantile", [2.0, 2.0, 0.5, 1.5, np.nan], [-2.0, 0.5, -4.0, -4.0, np.nan]),
])
def test_targets(mode, up, down):
    got = targets(X, KNOWN, 3.0, mode, 0.5)
    np.testing.assert_allclose(got, [up, down], rtol=1e-12)


def test_quantile_targets_of_equal_values_start_from_their_middle_rank():
    x = np.array([0.0, 0.0, 0.0, 10.0])
    up, down = targets(x, x, 0.0, "quantile", 0.5)
    # The three zeros stand at ranks 0, 1, 2 of 0…3: their middle is 1/3, and half a rank up is 5/6,
    # halfway between the last zero and 10.
    np.testing.assert_allclose(up, [5, 5, 5, 10], rtol=1e-12)
    np.testing.assert_allclose(down, [0, 0, 0, 0], atol=1e-12)


@pytest.mark.parametrize("mode", ["quantile", "range"])
def test_a_column_of_missing_values_stays(mode):
    x = np.full(3, np.nan)
    up, down = targets(x, x[:0], 0.0, mode, 0.1)
    assert np.isnan(up).all()
    assert np.isnan(down).all()


@pytest.mark.parametrize(("x", "target", "dtype", "want"), [
    (10, 11.000000000000002, "int64", 11),   # 10·(1 + 0.1) in floating point
    (10, 9.0, "int64", 9),
    (10, 10.4, "int64", 11),
    (10, 9.6, "int64", 9),
    (10, 12.1, "int64", 13),
    (10, 10.0, "int64", 10),
    (-10, -11.0, "int64", -11),
    (0, 0.0, "int64", 0),
    (120, 132.0, "int8", 127),
    (1, -0.5, "uint8", 0),
    (3, 3.3, "Int64", 4),
    (127, 140.0, "Int8", 127),
])
def test_whole(x, target, dtype, want):
    column = pd.Series([x], dtype=dtype)
    got = whole(np.array([float(x)]), np.array([target]), column)
    assert got[0] == want


@pytest.mark.parametrize(("column", "want"), [
    (pd.Series([1, 2]), [1.0, 2.0]),
    (pd.Series([1, None], dtype="Int64"), [1.0, np.nan]),
    (pd.Series([0.5, np.nan], dtype="float32"), [0.5, np.nan]),
    (pd.Series(pd.to_datetime(["1970-01-02", None])).astype("datetime64[s]"), [86400.0, np.nan]),
    (pd.Series(pd.to_datetime(["1970-01-02", None])).dt.tz_localize("UTC"
                                                                    ).dt.as_unit("s"),
     [86400.0, np.nan]),
    (pd.Series(pd.to_timedelta(["1D", None])).astype("timedelta64[s]"), [86400.0, np.nan]),
])
def test_numbers_and_back(column, want):
    got = float_column(column)
    np.testing.assert_array_equal(got, want)
    moved = np.add(want, [1.0, 0.0])
    back = with_numbers(column, moved)
    assert back.dtype == column.dtype
    np.testing.assert_array_equal(float_column(back), moved)
    np.testing.assert_array_equal(changed(column, back), [True, False])


def test_cells_that_stay_keep_all_their_bits():
    big = 2**62 + 1  # not a float64
    column = pd.Series([big, 5], index=[8, 9])
    got = with_numbers(column, np.array([float(big - 5), 1.0]))  # beyond 5, the least cell
    assert got.tolist() == [big, 6]
    assert column.tolist() == [big, 5]
    assert list(got.index) == [0, 1]


@pytest.mark.parametrize(("column", "want"), [
    (pd.Series([0, 1, 1]), True),
    (pd.Series([0.0, np.nan]), True),
    (pd.Series([0, None], dtype="Int64"), True),
    (pd.Series([1, 2]), False),
    (pd.Series([0.0, 0.5]), False),
    (pd.Series([True, False]), False),
    (pd.Series(["0", "1"]), False),
])
def test_is_binary(column, want):
    assert is_binary(column) is want


@pytest.mark.parametrize(("column", "codes", "donors"), [
    (["b", "a", "b", None], [1, 0, 1, -1], [1, 0]),
    (pd.Categorical(["b", "a", None, "b"], categories=["b", "a", "never"]), [0, 1, -1, 0], [0, 1]),
    ([True, False, True, True], [1, 0, 1, 1], [1, 0]),
    (pd.array([True, None, False, True], dtype="boolean"), [1, -1, 0, 1], [2, 0]),
    (pd.Series(["x", 1, None, "x"], dtype=object), [1, 0, -1, 1], [1, 0]),
    ([None, None, None, None], [-1, -1, -1, -1], []),
])
def test_levels(column, codes, donors):
    got_codes, got_donors = levels(pd.DataFrame({"a": column}), np.array([0]))
    np.testing.assert_array_equal(got_codes, codes)
    np.testing.assert_array_equal(got_donors, donors)


def test_levels_of_several_columns_are_their_patterns():
    table = pd.DataFrame({"a": [0, 1, 0, 0], "b": ["y", "x", "x", None], "z": [1, 2, 3, 4]})
    codes, donors = levels(table, np.array([0, 1]))
    # Sorted patterns: (0, x), (0, y), (1, x).
    np.testing.assert_array_equal(codes, [1, 2, 0, -1])
    np.testing.assert_array_equal(donors, [2, 0, 1])


@pytest.mark.parametrize(("codes", "most", "want"), [
    ([0, 1, 1, 2, 2, 2, -1, -1, -1, -1], 2, [1, 2]),
    ([0, 1, 2], 2, [0, 1]),
    ([3, 3, 0], 9, [0, 1, 2, 3]),
])
def test_most_frequent(codes, most, want):
    got = most_frequent(np.array(codes), most)
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize(("column", "clip", "up", "down", "scale", "moved"), [
    ([1.0, np.nan, 0.0, 4.0], False, [1.5, np.nan, 0.0, 6.0], [0.5, np.nan, 0.0, 2.0], [1] * 4,
     [True, False, False, True]),
    ([1.0, np.nan, 0.0, 4.0], True, [1.5, np.nan, 0.0, 4.0], [0.5, np.nan, 0.0, 2.0], [1] * 4,
     [True, False, False, True]),
    # Half of 3 is 1.5, for which whole numbers move by 2: the effect counts 3/4.
    (pd.array([3, None, 8], dtype="Int64"), False, [5, np.nan, 12], [1, np.nan, 4], [0.75, 1, 1],
     [True, False, True]),
])
def test_steps(column, clip, up, down, scale, moved):
    column = pd.Series(column)
    got = steps(column, "relative", 0.5, clip)
    assert got.up.dtype == got.down.dtype == column.dtype
    np.testing.assert_array_equal(float_column(got.up), up)
    np.testing.assert_array_equal(float_column(got.down), down)
    known = column.notna().to_numpy()
    np.testing.assert_array_equal(got.scale[known], np.array(scale)[known])
    np.testing.assert_array_equal(got.moved, moved)


@pytest.mark.parametrize("mode", ["relative", "relative_abs", "sd"])
def test_steps_of_dates_are_standard_deviations_in_whole_days(mode):
    column = pd.Series(pd.to_datetime(["2020-01-01", "2020-01-11", "2020-01-21", None]))
    got = steps(column, mode, 0.25)
    # A quarter of 10 days is 2.5: 3 whole days, for which the effect counts 2.5/3.
    np.testing.assert_array_equal((got.up - column).dt.days[:3], [3, 3, 3])
    np.testing.assert_array_equal((column - got.down).dt.days[:3], [3, 3, 3])
    np.testing.assert_allclose(got.scale[:3], 2.5 / 3, rtol=1e-12)
    np.testing.assert_array_equal(got.moved, [True, True, True, False])
    assert lacks_zero(column, mode) is mode.startswith("relative")


@pytest.mark.parametrize(("columns", "want"), [
    ([[1.5, 2.0]], True), ([[0, 1]], False), ([[0, 0]], True), ([[0, 1], [1, 0]], False),
    ([[0, 0], [1, 0]], False), ([[0, 1], [3, 0]], True), ([["a", "b"]], False),
    ([[True, False]], False), ([[1.5, 2.0], ["a", "b"]], False),
    ([pd.to_datetime(["2020-01-01", "2020-01-02"])], True),
])
def test_can_step(columns, want):
    assert can_step(pd.Series(column) for column in columns) is want


@pytest.mark.parametrize(("column", "want"), [
    ([-1.0, 0.0, 1.0], True), ([-1.0, 0.0, 1.3, np.nan], True), ([-1.0, 0.0, 1.4], False),
    ([0.0, 0.0], False), ([1.0], False), ([np.nan], False),
])
def test_is_centred(column, want):
    # Means 0, 0.1, 0.133 beside standard deviations 1, 1.15, 1.21.
    assert is_centred(pd.Series(column, dtype=float)) is want
