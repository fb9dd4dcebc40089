"""Tests of the tabular masker: units, weights, and composed rows that could have been observed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import reference

import xaikit as xk
from xaikit.sampling.coalitions import pack
from xaikit.sampling.tabular import as_masker
from xaikit.tables.groups import resolve_groups

pytestmark = pytest.mark.kernels

BERLIN = "Europe/Berlin"


def mixed(n=6, seed=0):
    """One column of each kind that tables have; missing values where the kind allows them."""
    rng = np.random.default_rng(seed)

    def pick(values):
        return [values[i] for i in rng.integers(len(values), size=n)]

    days = pd.to_datetime(["2020-01-31", "2021-06-01", "2024-02-29"])
    frame = pd.DataFrame({
        "int": np.array(pick([1, 2, 3]), dtype=np.int64),
        "int8": np.array(pick([-1, 0, 5]), dtype=np.int8),
        "float": pick([0.5, np.nan, 2.5]),
        "float32": np.array(pick([0.1, 0.2]), dtype=np.float32),
        "bool": pick([True, False]),
        "level": pd.Categorical(pick(["lo", "hi"]), categories=["lo", "mid", "hi"], ordered=True),
        "kind": pd.Categorical(pick(["a", "b", None]), categories=["b", "a", "never"]),
        "number kind": pd.Categorical(pick([10, 20]), categories=[20, 10]),
        "str": pd.Series(pick(["x", "y"]), dtype="str"),
        "object": pd.Series(pick(["1", 1, 1.0, True, None]), dtype=object),
        "day": pd.Series(pick(list(days))),
        "zoned": pd.Series(pick(list(days.tz_localize(BERLIN)))),
        "span": pd.Series(pick(list(pd.to_timedelta([1, 2], unit="D")))),
        "Int64": pd.array(pick([1, pd.NA, 7]), dtype="Int64"),
        "boolean": pd.array(pick([True, pd.NA, False]), dtype="boolean"),
        "Float64": pd.array(pick([0.5, pd.NA]), dtype="Float64"),
    })
    return frame


def compose(masker, X, i, of_background, kept):
    return masker.rows(X)[i].compose(np.asarray(of_background), pack(np.asarray(kept, dtype=bool)))


def same(a, b):
    """Whether two cells are the same value of the same type, missing ones included."""
    missing = a is pd.NA or b is pd.NA or a != a or b != b
    if missing:
        return (a is pd.NA) == (b is pd.NA) and bool(pd.isna(a)) and bool(pd.isna(b))
    return type(a) is type(b) and a == b


# Composing ---------------------------------------------------------------------------------------


def test_composed_rows_of_every_dtype(rng):
    background, X = mixed(6, seed=1), mixed(4, seed=2)
    of_background = rng.integers(6, size=20)
    kept = rng.random((20, background.shape[1])) < 0.5
    for i in range(len(X)):
        got = compose(xk.TabularMasker(background), X, i, of_background, kept)
        assert list(got.columns) == list(background.columns)
        assert list(got.dtypes) == list(background.dtypes)
        for c in range(background.shape[1]):
            if isinstance(background.dtypes.iloc[c], pd.CategoricalDtype):
                ref_dtype = background.dtypes.iloc[c]
                assert list(got.dtypes.iloc[c].categories) == list(ref_dtype.categories)
                assert got.dtypes.iloc[c].ordered == ref_dtype.ordered
            cells, theirs, mine = got.iloc[:, c].tolist(), background.iloc[:, c].tolist(), \
                X.iloc[:, c].tolist()
            for q in range(20):
                ref = mine[i] if kept[q, c] else theirs[of_background[q]]
                assert same(cells[q], ref), (background.columns[c], cells[q], ref)


@pytest.mark.parametrize("name", list(mixed().columns))
def test_every_dtype_is_explained_and_equal_cells_are_dummies(name, counting):
    background, X = mixed(5, seed=3)[[name]], mixed(5, seed=4)[[name]]
    background["x"], X["x"] = 1.0, 2.0
    model = counting(lambda frame: frame["x"].to_numpy() + frame[name].isna().to_numpy())
    explainer = xk.KernelSHAP(random_state=0).fit(model, background)
    got = explainer.explain(X)
    here, there = X[name].isna().to_numpy(), background[name].isna().to_numpy()
    # The model is additive, so values are plain differences from the mean.
    np.testing.assert_allclose(got[:, name].values.ravel(), here - there.mean(), atol=1e-12)
    np.testing.assert_allclose(got[:, "x"].values.ravel(), 1.0, atol=1e-12)
    for batch in model.batches:
        assert list(batch.dtypes) == list(background.dtypes)


@pytest.mark.parametrize("dtype", ["string", "object", "category", "Int64", "boolean"])
def test_missing_cells_that_are_pandas_na(dtype):
    cells = {"Int64": [1, pd.NA], "boolean": [True, pd.NA]}.get(dtype, ["a", pd.NA])
    frame = pd.DataFrame({"c": pd.Series(cells, dtype=dtype), "x": [1.0, 2.0]})
    row = xk.TabularMasker(frame[:1]).rows(frame)[1]
    np.testing.assert_array_equal(row.differs, [[True, True]])
    row = xk.TabularMasker(frame[1:]).rows(frame)[1]
    np.testing.assert_array_equal(row.differs, [[False, False]])


@pytest.mark.parametrize("container", [np.asarray, pd.DataFrame])
def test_nan_equals_nan_and_negative_zero_is_another_value(container):
    background = container(np.array([[np.nan, 0.0, 1.0]]))
    row = container(np.array([[np.nan, -0.0, 1.0]]))
    got = xk.TabularMasker(background).rows(row)[0].differs
    # 1/x tells −0.0 from 0.0, so these are two questions, in an array as in a frame.
    np.testing.assert_array_equal(got, [[False, True, False]])


@pytest.mark.parametrize("container", [np.asarray, pd.DataFrame])
def test_fractions_in_a_row_are_not_cut_to_the_background_s_integers(container):
    background = container(np.zeros((3, 3), dtype=np.int64))
    row = container(np.array([[0.7, 0.2, 0.9]]))
    got = xk.KernelSHAP(random_state=0).fit(lambda X: np.asarray(X).sum(axis=1), background)
    got = got.explain(row)
    np.testing.assert_allclose(got.values[0, :, 0], [0.7, 0.2, 0.9], atol=1e-12)
    np.testing.assert_allclose(got.predictions, [[1.8]], atol=1e-12)


def test_a_fraction_among_booleans_widens_to_numbers():
    background = pd.DataFrame({"flag": [True, False], "x": [1.0, 2.0]})
    row = pd.DataFrame({"flag": [0.5], "x": [3.0]})
    got = compose(xk.TabularMasker(background), row, 0, [0, 1], [[True, False], [False, True]])
    assert got["flag"].tolist() == [0.5, 0.0]
    # An object column would be refused by most models.
    assert got["flag"].dtype == np.float64


def test_a_missing_value_in_a_row_of_integers_is_kept():
    background = pd.DataFrame({"n": [1, 2], "m": [3, 4]})
    row = pd.DataFrame({"n": [np.nan], "m": [5]})
    got = compose(xk.TabularMasker(background), row, 0, [0, 1], [[True, False], [False, True]])
    np.testing.assert_array_equal(got.to_numpy(), [[np.nan, 3.0], [2.0, 5.0]])


def test_finer_times_than_the_background_s_are_not_cut():
    days = pd.DataFrame({"t": pd.to_datetime(["2020-01-01"]).astype("datetime64[s]")})
    row = pd.DataFrame({"t": [pd.Timestamp("2020-01-01 12:00:00.5")]})
    got = xk.TabularMasker(days).schema.conform(row)
    assert got["t"].tolist() == row["t"].tolist()


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "int8", "bool", "object", "U3"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_keep_dtype_and_order(rng, dtype, order):
    pool = rng.integers(2, size=(7, 4)).astype(dtype)
    background, X = np.asarray(pool[:5], order=order), np.asarray(pool[5:], order=order)
    of_background, kept = rng.integers(5, size=8), rng.random((8, 4)) < 0.5
    got = compose(xk.TabularMasker(background), X, 1, of_background, kept)
    ref = np.where(kept, X[1], background[of_background])
    np.testing.assert_array_equal(got, ref)
    assert got.dtype == background.dtype
    assert got.flags["F_CONTIGUOUS" if order == "F" else "C_CONTIGUOUS"]


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "object"])
def test_the_explained_numbers_do_not_depend_on_order_or_container(rng, dtype, order):
    pool = rng.integers(5, size=(8, 4)).astype(dtype)
    ref = xk.KernelSHAP(random_state=0).fit(_product, pool[:5].astype(float)).explain(
        pool[5:].astype(float))
    got = xk.KernelSHAP(random_state=0).fit(_product, np.asarray(pool[:5], order=order)).explain(
        np.asarray(pool[5:], order=order))
    assert reference.bytes_of(got) == reference.bytes_of(ref)


def _product(X):
    X = np.asarray(X, dtype=float)
    return X[:, 0] * X[:, 1] + X[:, 2] * X[:, 3]


# Groups ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("groups", "names", "units"), [
    (None, ("a", "b", "c", "d"), [[0], [1], [2], [3]]),
    ({"bd": ["b", "d"]}, ("a", "bd", "c"), [[0], [1, 3], [2]]),
    ({"bd": ["d", "b"]}, ("a", "bd", "c"), [[0], [3, 1], [2]]),
    ({"rest": ["c", "d"], "first": "a"}, ("first", "b", "rest"), [[0], [1], [2, 3]]),
    ([["a", "c"]], ("a + c", "b", "d"), [[0, 2], [1], [3]]),
    ([("d", "a"), ["b"]], ("d + a", "b", "c"), [[3, 0], [1], [2]]),
    ({"x": [0, 2]}, ("x", "b", "d"), [[0, 2], [1], [3]]),
    ({"x": np.array([1, 2])}, ("a", "x", "d"), [[0], [1, 2], [3]]),
    ({"all": ["a", "b", "c", "d"]}, ("all",), [[0, 1, 2, 3]]),
])
def test_groups(groups, names, units):
    masker = xk.TabularMasker(pd.DataFrame([[1, 2, 3, 4]], columns=list("abcd")), groups)
    assert masker.unit_names == names
    assert [list(unit) for unit in masker.units] == units
    assert masker.n_units == len(units)


@pytest.mark.parametrize(("groups", "words"), [
    ({"x": ["a", "b"], "y": ["b", "c"]}, "'b' is in two groups, 'x' and 'y'"),
    ({"x": ["a", "a"]}, "two groups"),
    ({"x": ["a", "zip"]}, "'zip', which is not one of a, b, c"),
    ({"x": [7]}, "7, which is not one of"),
    ({"x": [-1]}, "-1, which is not one of"),
    ({"x": []}, "names no column"),
    ({"c": ["a", "b"]}, "the name of another column"),
    ([["a"], ["a", "b"]], "two groups"),
])
def test_groups_that_cannot_be(groups, words):
    with pytest.raises(ValueError, match=words):
        xk.TabularMasker(pd.DataFrame([[1, 2, 3]], columns=list("abc")), groups)


def test_columns_named_by_numbers_are_found_by_name():
    frame = pd.DataFrame([[1.0, 2.0, 3.0]], columns=[2, 0, 1])
    got = resolve_groups(xk.TabularMasker(frame).schema.names, {"g": [2, 1]})
    assert [list(unit) for unit in got.values()] == [[0, 2], [1]]


def test_a_group_is_shown_and_hidden_as_one(rng):
    background, X = rng.normal(size=(3, 4)), rng.normal(size=(1, 4))
    masker = xk.TabularMasker(background, groups={"g": ["x1", "x3"]})
    got = compose(masker, X, 0, [0, 2], [[False, True, False], [True, False, True]])
    ref = np.where([[0, 1, 0, 1], [1, 0, 1, 0]], X[0], background[[0, 2]])
    np.testing.assert_array_equal(got, ref)


def test_a_group_differs_where_any_of_its_columns_does():
    background = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0]])
    masker = xk.TabularMasker(background, groups={"g": [0, 1]})
    got = masker.rows(np.array([[1.0, 1.0, 0.0]]))[0].differs
    np.testing.assert_array_equal(got, [[True, False], [True, False], [False, False]])


def test_groups_beside_a_ready_masker_are_refused():
    masker = xk.TabularMasker(np.zeros((2, 2)))
    assert as_masker(masker) is masker
    with pytest.raises(ValueError, match="groups were given twice"):
        as_masker(masker, {"g": [0, 1]})


# Weights -----------------------------------------------------------------------------------------


def test_weights_sum_to_one_and_rows_of_weight_zero_are_left_out():
    background = np.arange(8.0).reshape(4, 2)
    masker = xk.TabularMasker(background, weights=[1, 0, 2, 1])
    np.testing.assert_allclose(masker.weights, [0.25, 0.5, 0.25], rtol=1e-15)
    np.testing.assert_array_equal(masker.background, background[[0, 2, 3]])
    assert masker.n_background == 3


@pytest.mark.parametrize("container", [np.asarray, pd.DataFrame])
def test_no_weights_are_equal_weights(container):
    masker = xk.TabularMasker(container(np.zeros((4, 2))))
    np.testing.assert_array_equal(masker.weights, np.full(4, 0.25))


@pytest.mark.parametrize(("weights", "words"), [
    ([1.0, np.nan], "replace NaN"),
    ([1.0, np.inf], "must be finite"),
    ([1.0, -0.5], "not negative"),
    ([0.0, 0.0], "all 0"),
    ([1.0], r"shape \(1,\), expected \(2,\)"),
    ([[1.0, 1.0]], r"shape \(1, 2\)"),
])
def test_weights_that_cannot_be(weights, words):
    with pytest.raises(ValueError, match=words):
        xk.TabularMasker(np.zeros((2, 2)), weights=weights)


# Rows that fit, and rows that do not -------------------------------------------------------------


@pytest.mark.parametrize("make", [
    lambda X: X.iloc[1:2],
    lambda X: X.iloc[1],
    lambda X: X.iloc[1:2][X.columns[::-1]],
    lambda X: X.iloc[1][X.columns[::-1]],
    lambda X: X.iloc[1:2].astype(object),
])
def test_one_row_in_any_shape(make):
    X = mixed(4, seed=5)
    masker = xk.TabularMasker(X)
    before = X.copy()
    got = masker.rows(make(X)).table.reset_index(drop=True)
    pd.testing.assert_frame_equal(got, X.iloc[1:2].reset_index(drop=True))
    pd.testing.assert_frame_equal(X, before)


@pytest.mark.parametrize("make", [lambda x: x, list, tuple, lambda x: x[None], lambda x: [list(x)]])
def test_one_row_of_an_array_in_any_shape(make):
    masker = xk.TabularMasker(np.zeros((2, 3)))
    got = masker.rows(make(np.array([1.0, 2.0, 3.0])))
    assert len(got) == 1
    np.testing.assert_array_equal(got.table, [[1.0, 2.0, 3.0]])


def test_one_column_takes_one_dimension_as_rows():
    assert len(xk.TabularMasker(np.zeros((2, 1))).rows(np.arange(5.0))) == 5


def test_a_frame_for_an_array_background_is_put_in_order_by_name():
    masker = xk.TabularMasker(np.zeros((1, 2)), feature_names=["a", "b"])
    got = masker.rows(pd.DataFrame({"b": [2.0], "a": [1.0]}))
    np.testing.assert_array_equal(got.table, [[1.0, 2.0]])


@pytest.mark.parametrize(("change", "words"), [
    (lambda X: X.drop(columns=["int", "str"]), "missing: int and str"),
    (lambda X: X.assign(more=1), "not expected: more"),
    (lambda X: X.rename(columns={"int": "INT"}), "missing: int; not expected: INT"),
    (lambda X: X.assign(kind="zebra"), r"column 'kind' holds levels .* 'zebra'"),
    (lambda X: X.assign(level="zebra"), "'zebra'"),
    (lambda X: X.assign(int="zebra"), "column 'int' should hold numbers"),
    (lambda X: X.assign(day="no day at all"), "column 'day' should be datetime64"),
    (lambda X: X.assign(float=pd.Timestamp("2020-01-01")), "column 'float' should be float64"),
    (lambda X: X.assign(str=1.5), "column 'str' should hold text"),
    (lambda X: X.assign(Int64="half"), "column 'Int64' should hold numbers"),
    (lambda X: X.iloc[:0], "no rows"),
    (lambda X: pd.concat([X, X[["int"]]], axis=1), "unique"),
    (lambda X: X.to_numpy()[:, :-1], "expected 16 columns"),
    (lambda X: np.zeros((1, 2, 16)), r"shape \(1, 2, 16\)"),
])
def test_rows_that_do_not_fit(change, words):
    masker = xk.TabularMasker(mixed(4, seed=5))
    with pytest.raises((TypeError, ValueError), match=words):
        masker.rows(change(mixed(4, seed=6)))


@pytest.mark.parametrize(("X", "error", "words"), [
    (np.zeros((0, 2)), ValueError, "no rows"),
    (np.zeros((2, 3)), ValueError, "expected 2 columns"),
    (np.array([["a", "b"]]), ValueError, "expected an array of float64"),
    (np.array([["a", "b"]], dtype=object), ValueError, "should hold numbers"),
    (3.0, TypeError, "expected a DataFrame or a 2-D array"),
    ({"x0": [1]}, TypeError, "got dict"),
])
def test_arrays_that_do_not_fit(X, error, words):
    with pytest.raises(error, match=words):
        xk.TabularMasker(np.zeros((2, 2))).rows(X)


@pytest.mark.parametrize("background", [
    np.zeros((0, 3)), np.zeros((3, 0)), pd.DataFrame({"a": []}), pd.DataFrame(index=[0, 1]),
])
def test_an_empty_background_is_refused(background):
    with pytest.raises(ValueError, match="needs rows and columns"):
        xk.TabularMasker(background)


def test_a_missing_background_is_refused():
    with pytest.raises(ValueError, match="a background is needed"):
        as_masker(None)


def test_column_names_must_be_unique():
    with pytest.raises(ValueError, match="more than once: a"):
        xk.TabularMasker(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(ValueError, match="3 names for 2 columns"):
        xk.TabularMasker(np.zeros((1, 2)), feature_names=["a", "b", "c"])


def test_a_sparse_table_that_does_not_fit_dense_is_refused_with_advice():
    from scipy import sparse

    with pytest.raises(ValueError, match="GiB with its zeros written out"):
        xk.TabularMasker(sparse.csr_array((200_000, 100_000)))


def test_the_background_is_the_masker_s_own(rng):
    for background in (rng.normal(size=(3, 2)), pd.DataFrame(rng.normal(size=(3, 2)))):
        masker = xk.TabularMasker(background)
        ref = np.array(masker.background)
        background[:] = 0.0
        np.testing.assert_array_equal(np.array(masker.background), ref)


def test_adult_rows_hold_only_observed_values(adult, rng):
    X = adult.drop(columns="income")
    background, rows = X.iloc[:50], X.iloc[50:52]
    kept = rng.random((200, X.shape[1])) < 0.5
    of_background = rng.integers(50, size=200)
    got = compose(xk.TabularMasker(background), rows, 1, of_background, kept)
    assert list(got.dtypes) == list(X.dtypes)
    for c, name in enumerate(X.columns):
        ref = np.where(kept[:, c], rows[name].astype(object).iloc[1],
                       background[name].astype(object).to_numpy()[of_background])
        assert got[name].tolist() == ref.tolist()
