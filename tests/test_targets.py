"""Labels and weights beside a table: containers, dtypes, the index, and the classes of a model."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from xaikit.explainers.classes import as_spelled, strange_labels
from xaikit.predictor.decisions import classes_of_outputs
from xaikit.tables.targets import class_codes, read_labels, read_weights

NAMED = pd.DataFrame({"a": [1.0, 2.0, 3.0]}, index=["x", "y", "z"])
COUNTED = NAMED.reset_index(drop=True)


# --- containers and dtypes

def arrow(cells, dtype):
    pytest.importorskip("pyarrow")
    return pd.Series(cells, dtype=dtype)


CELLS = {
    "list": lambda: (["a", "b", "a"], "aba"),
    "array": lambda: (np.array(["a", "b", "a"]), "aba"),
    "column": lambda: (np.array([["a"], ["b"], ["a"]]), "aba"),
    "Series": lambda: (pd.Series(["a", "b", "a"]), "aba"),
    "frame": lambda: (pd.DataFrame({"y": ["a", "b", "a"]}), "aba"),
    "string": lambda: (pd.Series(["a", "b", "a"], dtype="string"), "aba"),
    "category": lambda: (pd.Series(["a", "b", "a"], dtype="category"), "aba"),
    "category of numbers": lambda: (pd.Series([4, 3, 4], dtype="category"), [4, 3, 4]),
    "Int64": lambda: (pd.Series([4, 3, 4], dtype="Int64"), [4, 3, 4]),
    "Float64": lambda: (pd.Series([4.5, 3, 4], dtype="Float64"), [4.5, 3.0, 4.0]),
    "boolean": lambda: (pd.Series([True, False, True], dtype="boolean"), [True, False, True]),
    "objects": lambda: (np.array([4, 3, 4], dtype=object), [4, 3, 4]),
    "objects of truth": lambda: (pd.Series([True, False, True], dtype=object), [True, False, True]),
    "int64 of Arrow": lambda: (arrow([4, 3, 4], "int64[pyarrow]"), [4, 3, 4]),
    "bool of Arrow": lambda: (arrow([True, False, True], "bool[pyarrow]"), [True, False, True]),
    "text of Arrow": lambda: (arrow(["a", "b", "a"], "string[pyarrow]"), "aba"),
}


@pytest.mark.parametrize("name", CELLS)
def test_labels_of_any_container_become_numpys(name):
    given, want = CELLS[name]()
    got = read_labels(given, None, 3)
    assert got.values.tolist() == list(want)
    assert got.values.dtype.kind in {str: "OU", int: "i", float: "f", bool: "b"}[type(want[0])]
    assert not got.missing.any()
    some = got.of(np.array([2, 1]))
    assert isinstance(some, pd.Series) == isinstance(given, pd.Series | pd.DataFrame)
    assert np.asarray(some).tolist() == [want[2], want[1]]


@pytest.mark.parametrize("kind", ["Series", "Categorical", "frame"])
def test_labels_of_polars(kind):
    pl = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    series = pl.Series("y", ["b", "a", "b"], dtype=pl.Categorical if kind == "Categorical" else None)
    shuffled = NAMED.set_axis([2, 0, 1])  # polars has no index: positions count
    got = read_labels(series.to_frame() if kind == "frame" else series, shuffled, 3)
    assert got.values.tolist() == ["b", "a", "b"]
    assert read_labels(pl.Series([1, None, 2]), shuffled, 3).missing.tolist() == [False, True, False]


@pytest.mark.parametrize("given", [
    ["a", None, "b"], np.array([1.0, np.nan, 2.0]), pd.Series([1, None, 2], dtype="Int64"),
    pd.Series(["a", pd.NA, "b"], dtype="string"), pd.Series(["a", None, "b"], dtype="category"),
    pd.Series([True, None, False], dtype="boolean"), np.array([[1, 2], [np.nan, 1], [0, 0]]),
])
def test_missing_labels(given):
    assert read_labels(given, None, 3).missing.tolist() == [False, True, False]


def test_several_targets_keep_their_names():
    frame = pd.DataFrame({"p": [1, 2, 3], "q": [0.5, 1.5, 2.5]}, index=list("zyx"))
    got = read_labels(frame, NAMED, 3).of(np.array([0, 2]))
    pd.testing.assert_frame_equal(got, frame.loc[["x", "z"]])


def test_a_structured_array_comes_back_as_it_was():
    times = np.array([(True, 2.5), (False, 1.0), (True, 0.5)], dtype=[("event", "?"), ("time", "f8")])
    read = read_labels(times, NAMED, 3)
    assert (read.values == [[1, 2.5], [0, 1], [1, 0.5]]).all()
    np.testing.assert_array_equal(read.of(np.array([2, 0])), times[[2, 0]])


# --- the index

@pytest.mark.parametrize(("index", "table", "want"), [
    ("xyz", NAMED, "abc"),
    ("zyx", NAMED, "cba"),                     # put in order
    (range(3), NAMED, "abc"),                  # counted on one side: positions
    (list("pqr"), COUNTED, "abc"),
    ([2, 0, 1], None, "abc"),                  # an array has no index
    ([2, 0, 1], np.zeros((3, 1)), "abc"),
    ("xxy", NAMED.set_axis(list("xxy")), "abc"),
])
def test_an_index_is_put_in_order(index, table, want):
    y = pd.Series(list("abc"), index=list(index), name="y")
    got = read_labels(y, table, 3)
    assert got.values.tolist() == list(want)
    if isinstance(table, pd.DataFrame) and set(index) == set(table.index):
        assert got.index.equals(table.index)
    frame = read_labels(y.to_frame(), table, 3)
    assert frame.values.tolist() == list(want)
    assert frame.of(np.array([0])).name == "y"


@pytest.mark.parametrize(("index", "table", "sentence"), [
    ([2, 0, 1], COUNTED, "one of the two may only count its rows"),
    (range(3), pd.DataFrame({"a": range(3)}, index=[2, 0, 1]), "may only count its rows"),
    ("pqr", NAMED, "it holds other rows"),
    ("xyq", NAMED, "it holds other rows"),
    ("xyx", NAMED.set_axis(list("xxy")), "occur twice"),
    ("xxy", NAMED, "occur twice"),
])
@pytest.mark.parametrize("read", [read_labels, read_weights])
def test_an_index_that_fits_no_rows_is_refused(read, index, table, sentence):
    with pytest.raises(ValueError, match=f"the index of .*{sentence}.*to_numpy"):
        read(pd.Series([1.0, 2.0, 3.0], index=list(index)), table, 3)


# --- weights

@pytest.mark.parametrize("given", [
    [1, 0, 2], np.array([1.0, 0.0, 2.0]), np.array([[1], [0], [2]]),
    pd.Series([2, 0, 1], index=list("zyx")), pd.Series([1, 0, 2], dtype="Int64"),
    np.array([1, 0, 2], dtype=object),
])
def test_weights_become_floats(given):
    got = read_weights(given, NAMED, 3)
    assert got.dtype == np.float64
    assert got.tolist() == [1.0, 0.0, 2.0]


def test_no_weights():
    assert read_weights(None, NAMED, 3) is None


@pytest.mark.parametrize(("given", "sentence"), [
    ([1, 2], "2 weights for 3 rows"),
    ([1, -0.5, 2], "got -0.5 in row 1"),
    ([1, np.nan, 2], "got nan in row 1"),
    ([1, 2, np.inf], "got inf in row 2"),
    ([0, 0, 0], "their sum is 0"),
    ([1e308, 1e308, 1e308], "their sum is inf"),
    (["1", "2", "3"], "got '1' of type str in row 0"),
    ([True, False, True], "got True of type bool in row 0"),
    (pd.Series([1, None, 2], dtype="Int64"), "got nan in row 1"),
    (np.ones((3, 2)), r"of shape \(3, 2\)"),
    (1.0, r"has shape \(\)"),
])
@pytest.mark.filterwarnings("ignore:overflow")
def test_weights_that_are_none(given, sentence):
    with pytest.raises(ValueError, match=f"sample_weight.*{sentence}"):
        read_weights(given, NAMED, 3)


# --- classes

@pytest.mark.parametrize(("labels", "classes", "codes"), [
    ([1.0, 0.0], [0, 1], [1, 0]),
    ([True, False], [0, 1], [1, 0]),
    ([1, 2], [0, 1], [1, -1]),
    (["1", "0"], [0, 1], [1, 0]),
    (["yes", "no "], ["no", "yes"], [1, -1]),
    (["YES", "NO"], ["no", "yes"], [-1, -1]),
])
def test_codes_of_classes(labels, classes, codes):
    assert class_codes(np.array(labels), classes).tolist() == codes
    strange = strange_labels(np.array(labels), np.array(classes))
    assert (strange is None) == (min(codes) >= 0)
    if strange is None:
        assert as_spelled(np.array(labels), np.array(classes)).tolist() == [classes[k] for k in codes]


def test_labels_that_are_shown_show_their_blanks():
    said = strange_labels(np.array(["no ", "no", "1"]), ["no", "yes"])
    assert said.startswith("y holds '1' and 'no ' in 2 rows")
    assert said.endswith("its classes are no and yes.")


def test_several_targets_have_classes_each():
    Y, classes = np.array([[0, 5], [1, 6]]), [np.array([0, 1]), np.array([5, 7])]
    assert "y holds 6 in 1 row" in strange_labels(Y, classes)
    assert strange_labels(Y[:1], classes) is None
    # One column a class: which of them a row is of.
    assert strange_labels(np.array([[0, 1], [1, 1]]), np.array([0, 1, 2])) is None


@pytest.mark.parametrize(("seen", "names", "want"), [
    (["no", "yes"], ("output 0", "output 1"), ["no", "yes"]),
    (["no", "yes"], ("yes", "no"), ["yes", "no"]),
    (["no", "yes"], ("risk",), ["no", "yes"]),
    (["no", "yes"], ("yes",), ["no", "yes"]),
    (["no", "yes"], ("no",), ["yes", "no"]),
    (["a", "c"], ("c", "b", "a"), ["c", "b", "a"]),
    ([0, 2], ("2", "1", "0"), [2, 1, 0]),
    ([0, 1], ("no", "yes"), [0, 1]),
    ([0, 1], ("a", "b", "c"), None),
    ([0], ("risk",), None),
])
def test_which_output_is_of_which_class(seen, names, want):
    assert classes_of_outputs(seen, names) == want
