"""Schema: what reaches a model has the names, order, dtypes and categories that were agreed."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from xaikit.tables.dtypes import kind_of, kind_of_column
from xaikit.tables.schema import Schema, as_table
from xaikit.tables.tables import borrow_columns, column_of, replace_columns, take_rows


def mixed_frame():
    """One column of every dtype that must survive, four rows."""
    return pd.DataFrame({
        "int": [3, 1, 2, 2],
        "int8": np.array([1, -2, 3, 4], dtype=np.int8),
        "float": [0.7, np.nan, -0.0, 1e300],
        "float32": np.array([0.1, np.nan, 0.3, 0.4], dtype=np.float32),
        "bool": [True, False, True, True],
        "category": pd.Categorical(["b", "a", None, "b"], categories=["b", "a", "never"]),
        "ordered": pd.Categorical(["lo", "hi", "lo", "hi"], categories=["lo", "mid", "hi"],
                                  ordered=True),
        "numbered": pd.Categorical([2, 1, 2, 2], categories=[2, 1, 7]),
        "text": ["x", "y", "x", None],
        "mixed": pd.Series([1, "one", 1.5, None], dtype=object),
        "date": pd.to_datetime(["2020-01-01", None, "2021-06-01", "2022-01-01"]) + pd.Timedelta("90min"),
        "zoned": pd.to_datetime(["2020-01-01", "2020-07-01", None, "2022-01-01"]
                                ).tz_localize("Europe/Berlin"),
        "span": pd.to_timedelta(["1D", None, "3h", "4s"]),
        "Int64": pd.array([1, None, 2**60 + 1, 4], dtype="Int64"),
        "boolean": pd.array([True, None, False, True], dtype="boolean"),
        "Float64": pd.array([0.5, None, 1.5, 2.5], dtype="Float64"),
    })


def schema_of(values):
    return Schema.of(pd.DataFrame({"a": values}))


def assert_column(got, want):
    pd.testing.assert_series_equal(got, want, check_exact=True, check_names=False)


def series(values, dtype=None):
    return pd.Series(values, dtype=dtype)


LEVELS = pd.CategoricalDtype(["b", "a", "never"], ordered=True)


@pytest.mark.parametrize("column", mixed_frame().columns)
def test_every_dtype_is_kept_exactly(column):
    want = mixed_frame()[[column]]
    got = Schema.of(want).conform(want)
    pd.testing.assert_frame_equal(got, want, check_exact=True)
    if isinstance(want[column].dtype, pd.CategoricalDtype):
        assert list(got[column].cat.categories) == list(want[column].cat.categories)


@pytest.mark.parametrize("column", mixed_frame().columns)
def test_every_dtype_is_restored_from_object_cells(column):
    # What a table looks like after a trip through a NumPy object array. A missing value in
    # a numeric column makes a float of it, which is how NumPy marks what is missing.
    want = mixed_frame()[[column]]
    given = want.astype(object)
    got = Schema.of(want).conform(given)
    pd.testing.assert_frame_equal(got, want, check_exact=True)


def test_a_whole_mixed_frame_is_restored_by_name_from_objects_in_another_order():
    want = mixed_frame()
    given = want.astype(object)[list(want.columns[::-1])]
    before = given.copy(deep=True)
    got = Schema.of(want).conform(given)
    pd.testing.assert_frame_equal(got, want, check_exact=True)
    pd.testing.assert_frame_equal(given, before)


def test_single_rows_cut_from_a_mixed_frame_are_restored():
    frame = mixed_frame()
    schema = Schema.of(frame)
    for i in range(len(frame)):
        got = schema.conform(frame.iloc[i])
        want = frame.iloc[[i]]
        assert list(got.index) == [i]
        assert [str(d) for d in got.dtypes if "int" not in str(d)] == [
            str(d) for d in want.dtypes if "int" not in str(d)]
        pd.testing.assert_frame_equal(got, want, check_exact=True)


LOSSLESS = [
    pytest.param([1, 2], series([3.0, 4.0]), series([3, 4]), id="float to int"),
    pytest.param([1, 2], series([True, False]), series([1, 0]), id="bool to int"),
    pytest.param([1, 2], series(["3", "4"]), series([3, 4]), id="digits to int"),
    pytest.param([1.5], series([3, 4]), series([3.0, 4.0]), id="int to float"),
    pytest.param([1.5], series(["2.5"]), series([2.5]), id="digits to float"),
    pytest.param([True, False], series([0, 1]), series([False, True]), id="0/1 to bool"),
    pytest.param([True, False], series([0.0, 1.0]), series([False, True]), id="0./1. to bool"),
    pytest.param([True, False], series([1, False], object), series([True, False]),
                 id="objects to bool"),
    pytest.param(series(["b"], LEVELS), series(["a", "b"]), series(["a", "b"], LEVELS),
                 id="text to category"),
    pytest.param(series(["b"], LEVELS), series(["a", "b"], "category"),
                 series(["a", "b"], LEVELS), id="other category order"),
    pytest.param(series(["b"], LEVELS), series([None, "b"], object),
                 series([None, "b"], LEVELS), id="missing to category"),
    pytest.param(series([1, 2], "category"), series([2.0, 1.0]), series([2, 1], "category"),
                 id="float to numbered category"),
    pytest.param(["x"], series(["a", "b"], "category"), series(["a", "b"], "str"),
                 id="category to text"),
    pytest.param(["x"], series([np.nan, np.nan]), series([np.nan, np.nan], "str"),
                 id="all missing to text"),
    pytest.param(series(["x", 1], object), series([1, 2]), series([1, 2], object),
                 id="int to mixed"),
    pytest.param(series([1, None], "Int64"), series([3.0, np.nan]), series([3, None], "Int64"),
                 id="float with NaN to Int64"),
    pytest.param(series([True, None], "boolean"), series([0, 1]),
                 series([False, True], "boolean"), id="0/1 to boolean"),
    pytest.param(series([1.5, None], "Float64"), series([1, None], object),
                 series([1.0, None], "Float64"), id="objects to Float64"),
    pytest.param(pd.to_datetime(["2020-01-01"]), series(["2020-03-01"]),
                 series(pd.to_datetime(["2020-03-01"])), id="text to date"),
    pytest.param(pd.to_datetime(["2020-01-01"]).tz_localize("Europe/Berlin"),
                 series(pd.to_datetime(["2020-01-01"]).tz_localize("UTC")),
                 series(pd.to_datetime(["2020-01-01 01:00"]).tz_localize("Europe/Berlin")),
                 id="the same instant in another zone"),
    pytest.param(series([0.5], np.float32), series([0.1]), series([0.1], np.float32),
                 id="float64 rounds to the model's float32"),
]


@pytest.mark.parametrize(("fitted", "given", "want"), LOSSLESS)
def test_casts_that_change_no_value_are_made(fitted, given, want):
    before = given.copy(deep=True)
    got = schema_of(fitted).conform(pd.DataFrame({"a": given}))["a"]
    assert_column(got, want)
    pd.testing.assert_series_equal(given, before)


WIDENED = [
    pytest.param([1, 2], series([0.7, 2.0]), series([0.7, 2.0]), id="fraction in int"),
    pytest.param([1, 2], series([1.0, np.nan]), series([1.0, np.nan]), id="NaN in int"),
    pytest.param([1, 2], series([1, None], "Int64"), series([1.0, np.nan]), id="NA in int"),
    pytest.param([1, 2], series([1, None], object), series([1.0, np.nan]), id="None in int"),
    pytest.param([True, False], series([2, 0]), series([2, 0]), id="2 in bool"),
    pytest.param([True, False], series([1.0, np.nan]), series([1.0, np.nan]), id="NaN in bool"),
    pytest.param(series([1], np.uint8), series([-1]), series([-1]), id="−1 in unsigned"),
    pytest.param(series([1], np.int8), series([300]), series([300]), id="300 in int8"),
    pytest.param(series([1.0], np.float32), series([1e300]), series([1e300]),
                 id="overflow of float32"),
    pytest.param(series([1.0], np.float32), series([2**24 + 1]), series([2.0**24 + 1]),
                 id="integer that float32 cannot hold"),
]


@pytest.mark.parametrize(("fitted", "given", "want"), WIDENED)
def test_values_are_never_truncated(fitted, given, want):
    got = schema_of(fitted).conform(pd.DataFrame({"a": given}))["a"]
    np.testing.assert_array_equal(got.to_numpy(np.float64), want.to_numpy(np.float64))
    assert got.dtype == want.dtype


def test_whole_numbers_beyond_2_to_53_are_not_rounded_without_a_word():
    big = 2**53 + 1
    got = schema_of([1.5]).conform(pd.DataFrame({"a": [big]}))["a"]
    assert int(got.iloc[0]) == big


@pytest.mark.parametrize("dtype", [object, "Int64", "str"])
def test_long_whole_numbers_keep_every_digit_on_the_way_to_int64(dtype):
    want = [2**60 + 1, -(2**53) - 1]
    given = pd.DataFrame({"a": pd.Series(want, dtype=object).astype(dtype)})
    got = schema_of([1, 2]).conform(given)["a"].tolist()
    assert got == want


REFUSED = [
    pytest.param([1, 2], ["x", "1"], "'a'.*numbers.*'x'", id="text in int"),
    pytest.param([1.5], ["high"], "'a'.*numbers", id="text in float"),
    pytest.param([True, False], ["yes"], "'a'.*numbers", id="text in bool"),
    pytest.param([1.5], pd.to_datetime(["2020-01-01"]), "'a' should be float64.*datetime",
                 id="date in float"),
    pytest.param(["x"], [3], "'a' should hold text", id="number in text"),
    pytest.param(["x"], pd.to_datetime(["2020-01-01"]), "'a' should hold text", id="date in text"),
    pytest.param(series(["b"], LEVELS), ["b", "new", "newer"], "'a'.*'new' and 'newer'",
                 id="unknown levels"),
    pytest.param(series([1, 2], "category"), ["1"], "'a'.*'1'", id="digit for a number level"),
    pytest.param(series([1, None], "Int64"), ["x"], "'a' should hold numbers", id="text in Int64"),
    pytest.param(series([True, None], "boolean"), [2], "'a' should be boolean", id="2 in boolean"),
    pytest.param(pd.to_datetime(["2020-01-01"]), ["soon"], "'a' should be datetime",
                 id="words in date"),
    pytest.param(pd.to_datetime(["2020-01-01"]), [5], "'a' should be datetime", id="int in date"),
    pytest.param(pd.to_datetime(["2020-01-01"]), [True], "'a' should be datetime",
                 id="bool in date"),
    pytest.param(pd.to_datetime(["2020-01-01"]).tz_localize("UTC"), pd.to_datetime(["2020-01-01"]),
                 "'a' should be datetime.*UTC", id="naive in zoned"),
]


@pytest.mark.parametrize(("dtype", "wider"), [("Int64", "Float64"),
                                              ("int64[pyarrow]", "double[pyarrow]")])
def test_a_fraction_widens_a_nullable_column_of_whole_numbers(dtype, wider):
    pytest.importorskip("pyarrow")
    got = schema_of(series([1, None], dtype)).conform(pd.DataFrame({"a": [0.7, None, 2.0]}))["a"]
    assert str(got.dtype) == wider
    assert got.isna().tolist() == [False, True, False]
    assert got[0] == 0.7


@pytest.mark.parametrize(("fitted", "given", "sentence"), REFUSED)
def test_values_that_a_column_cannot_hold_are_an_error_naming_it(fitted, given, sentence):
    with pytest.raises(ValueError, match=sentence):
        schema_of(fitted).conform(pd.DataFrame({"a": given}))


def test_unknown_levels_raise_the_error_and_no_warning_besides():
    schema = schema_of(series(["b"], LEVELS))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="'new'"):
            schema.conform(pd.DataFrame({"a": ["new"]}))


@pytest.mark.parametrize(("columns", "sentence"), [
    (["a"], "missing: b"),
    (["a", "b", "c"], "not expected: c"),
    (["a", "z"], "missing: b; not expected: z"),
    (["a", "b", "a"], "unique"),
])
def test_missing_extra_and_repeated_columns_are_errors(columns, sentence):
    schema = Schema.of(pd.DataFrame({"a": [1], "b": [2]}))
    with pytest.raises(ValueError, match=sentence):
        schema.conform(pd.DataFrame([[0] * len(columns)], columns=columns))


def test_a_schema_needs_unique_names():
    with pytest.raises(ValueError, match="more than once: a"):
        Schema.of(pd.DataFrame([[1, 2, 3]], columns=["a", "b", "a"]))


def test_a_schema_of_an_array_needs_unique_names():
    with pytest.raises(ValueError, match=r"unique|more than once"):
        Schema.of(np.zeros((2, 2)), ["a", "a"])


def test_feature_names_must_fit():
    with pytest.raises(ValueError, match="3 names for 2 columns"):
        Schema.of(np.zeros((1, 2)), ["a", "b", "c"])


def test_arrays_get_invented_names():
    got = Schema.of(np.zeros((1, 3))).names
    want = ("x0", "x1", "x2")
    assert got == want


def test_an_array_is_given_a_frame_schemas_names_and_dtypes():
    schema = Schema.of(pd.DataFrame({"n": [1], "c": pd.Categorical([2], categories=[1, 2])}))
    got = schema.conform(np.array([[3.0, 1.0], [4.0, 2.0]]))
    want = pd.DataFrame({"n": [3, 4], "c": pd.Categorical([1, 2], categories=[1, 2])})
    pd.testing.assert_frame_equal(got, want)


def test_nested_lists_are_given_a_frame_schemas_names_and_dtypes():
    schema = Schema.of(pd.DataFrame({"n": [1], "t": ["x"]}))
    got = schema.conform([[3, "y"], [4, "z"]])
    want = pd.DataFrame({"n": [3, 4], "t": ["y", "z"]})
    pd.testing.assert_frame_equal(got, want)


def test_a_frame_is_put_in_an_array_schemas_order():
    schema = Schema.of(np.zeros((1, 2)), ["a", "b"])
    got = schema.conform(pd.DataFrame({"b": [1], "a": [True]}))
    want = np.array([[1.0, 1.0]])
    want[0] = [True, 1]
    np.testing.assert_array_equal(got, want)
    assert got.dtype == np.float64


@pytest.mark.parametrize(("fitted", "given", "want"), [
    (np.zeros((1, 2), int), np.array([[1.0, 2.0]]), np.array([[1, 2]])),
    (np.zeros((1, 2), int), np.array([[0.7, 2.0]]), np.array([[0.7, 2.0]])),
    (np.zeros((1, 2), np.float32), np.array([[0.1, 2.0]]), np.array([[0.1, 2.0]], np.float32)),
    (np.zeros((1, 2)), np.array([[True, False]]), np.array([[1.0, 0.0]])),
    (np.zeros((1, 2)), np.array([[1, None]], object), np.array([[1.0, np.nan]])),
    (np.zeros((1, 1), "U1"), np.array([["long"]]), np.array([["long"]])),
    (np.zeros((1, 1), object), np.array([[1.5]]), np.array([[1.5]], object)),
])
def test_arrays_are_cast_without_loss(fitted, given, want):
    before = given.copy()
    got = Schema.of(fitted).conform(given)
    assert got.dtype == want.dtype
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(given, before)


@pytest.mark.parametrize(("given", "sentence"), [
    (np.array([["1", "2"]]), "expected an array of float64"),
    (np.array([[1, "x"]], object), "should hold numbers"),
    (np.zeros((1, 3)), "expected 2 columns .* got 3"),
    (np.zeros((1, 2, 2)), r"shape \(1, 2, 2\)"),
    (np.zeros(0), r"shape \(0,\)"),
    (pd.DataFrame({"a": [1]}), "expected 2 columns"),
])
def test_arrays_that_do_not_fit_are_errors(given, sentence):
    with pytest.raises(ValueError, match=sentence):
        Schema.of(np.zeros((1, 2))).conform(given)


@pytest.mark.parametrize("given", [sparse.csr_matrix(np.eye(2)), sparse.csc_array(np.eye(2))])
def test_sparse_tables_are_dense_inside_and_given_back(given):
    schema = Schema.of(given)
    dense = schema.conform(given)
    np.testing.assert_array_equal(dense, np.eye(2))
    back = schema.native(dense)
    assert type(back) is type(given)
    assert back.format == given.format
    np.testing.assert_array_equal(back.toarray(), np.eye(2))


@pytest.mark.parametrize("given", [3, "text", None, {"a": 1}])
def test_what_is_no_table_is_refused(given):
    with pytest.raises(TypeError, match="expected a DataFrame or a 2-D array"):
        as_table(given)


@pytest.mark.parametrize(("given", "n_columns", "want"), [
    (np.array([1.0, 2.0]), None, [[1.0, 2.0]]),
    ([1.0, 2.0], 2, [[1.0, 2.0]]),
    ((1.0, 2.0), 1, [[1.0], [2.0]]),
    ([[1.0], [2.0]], 1, [[1.0], [2.0]]),
])
def test_one_dimension_is_a_row_unless_the_table_has_one_column(given, n_columns, want):
    got = as_table(given, n_columns)
    np.testing.assert_array_equal(got, want)


def test_take_rows_keeps_dtypes_and_starts_a_fresh_index():
    frame = mixed_frame().set_index(pd.Index([9, 8, 7, 6]))
    got = take_rows(frame, np.array([2, 0, 2]))
    want = frame.iloc[[2, 0, 2]].reset_index(drop=True)
    pd.testing.assert_frame_equal(got, want, check_exact=True)
    array = np.arange(6).reshape(3, 2)
    np.testing.assert_array_equal(take_rows(array, np.array([2, 0])), [[4, 5], [0, 1]])


def test_borrow_columns_copies_other_rows_cells_with_their_dtypes():
    frame = mixed_frame()
    before = frame.copy(deep=True)
    rows = np.array([3, 2, 1, 0])
    got = borrow_columns(frame, [1, 5, 13], rows)
    want = frame.copy()
    for c in (1, 5, 13):
        want.isetitem(c, frame.iloc[rows, c].array)
    pd.testing.assert_frame_equal(got, want, check_exact=True)
    pd.testing.assert_frame_equal(frame, before)


def test_replace_columns_leaves_the_given_table_as_it_was():
    array = np.arange(4.0).reshape(2, 2)
    got = replace_columns(array, {1: [8, 9]})
    np.testing.assert_array_equal(got, [[0, 8], [2, 9]])
    np.testing.assert_array_equal(array, [[0, 1], [2, 3]])


def test_columns_of_object_arrays_keep_numbers_as_objects():
    table = np.array([[2**53 + 1, "a", True], [None, "b", False]], dtype=object)
    assert column_of(table, 0).tolist() == [2**53 + 1, None]
    assert [kind_of_column(column_of(table, c)) for c in range(3)] == ["integer", "text", "boolean"]


@pytest.mark.parametrize(("column", "want"), [
    ("int", "integer"), ("int8", "integer"), ("float", "float"), ("float32", "float"),
    ("bool", "boolean"), ("category", "category"), ("ordered", "category"), ("text", "text"),
    ("mixed", "text"), ("date", "datetime"), ("zoned", "datetime"), ("span", "timedelta"),
    ("Int64", "integer"), ("boolean", "boolean"), ("Float64", "float"),
])
def test_kinds(column, want):
    got = kind_of(mixed_frame()[column].dtype)
    assert got == want


def test_to_frame_names_the_columns_and_starts_a_fresh_index():
    schema = Schema.of(np.zeros((1, 2)), ["a", "b"])
    pd.testing.assert_frame_equal(schema.to_frame(np.array([[1.0, 2.0]])),
                                  pd.DataFrame({"a": [1.0], "b": [2.0]}))
    frame = pd.DataFrame({"a": [1]}, index=[7])
    assert list(Schema.of(frame).to_frame(frame).index) == [0]


def test_labels_that_read_alike_are_refused():
    # Units are known by text: the columns 1 and "1" would be one.
    with pytest.raises(ValueError, match=r"unique|more than once"):
        Schema.of(pd.DataFrame([[1, 2]], columns=[1, "1"]))
