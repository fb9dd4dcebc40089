"""LIME on columns of every dtype, ugly cells and shapes: the right number, or a sentence."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from lime_cases import explain

from xaikit.sampling.image import ImageMasker
from xaikit.sampling.tabular import TabularMasker

N = 40
I = np.arange(N)  # noqa: E741
NAN = np.where(I % 5 == 0, np.nan, I)


def holes(cells, missing=None):
    """Return cells as a list, every fifth one missing."""
    return [missing if i % 5 == 0 else cell for i, cell in enumerate(cells)]


def arrow(cells, dtype):
    return pd.array(cells, dtype=f"{dtype}[pyarrow]")


def nan_and_null():
    pa = pytest.importorskip("pyarrow")
    cells = pa.array([None if i % 10 == 0 else float(v) for i, v in enumerate(NAN)])
    return pd.arrays.ArrowExtensionArray(pa.chunked_array([cells]))


MIXED = [(1, "1", True, 1.0, None, ("a", 2))[i % 6] for i in range(N)]
# By name: how to make the column, and which cells a model answers 1 to. The row explained is the last.
COLUMNS = {
    "float64": (lambda: I / 7.0, lambda c: c > 3.0),
    "float32": (lambda: (I / 7.0).astype(np.float32), lambda c: c > 3.0),
    "float16": (lambda: (I / 7.0).astype(np.float16), lambda c: c > 3.0),
    "int8": (lambda: (I - 20).astype(np.int8), lambda c: c > 3),
    "uint64": (lambda: np.uint64(2**63) + (I.astype(np.uint64) << np.uint64(40)), lambda c: c > 2**63 + (20 << 40)),
    "NaN": (lambda: NAN, lambda c: c > 20),
    "infinite": (lambda: np.where(I % 3 == 0, np.inf, np.where(I % 3 == 1, -np.inf, I)), np.isposinf),
    "huge": (lambda: (I - 20) * 8e306, lambda c: c > 0),
    "huge of one sign": (lambda: (I + 1) * 1e300, lambda c: c > 1e301),
    "tiny": (lambda: I * 1e-300, lambda c: c > 2e-299),
    "subnormal": (lambda: I * 5e-324, lambda c: c > 20 * 5e-324),
    "far from 0": (lambda: 1e15 + I, lambda c: c > 1e15 + 20),
    "bool": (lambda: I % 2 == 1, lambda c: c),
    "boolean": (lambda: pd.array(holes(I % 2 == 1), dtype="boolean"), lambda c: c.fillna(False)),
    "Int64": (lambda: pd.array(holes(I), dtype="Int64"), lambda c: (c > 20).fillna(False)),
    "Float64": (lambda: pd.array(holes(I / 7), dtype="Float64"), lambda c: (c > 3).fillna(False)),
    "category": (lambda: pd.Categorical(holes("ab" * 20), ["z", "b", "a"]), lambda c: c == "b"),
    "ordered": (lambda: pd.Categorical(list("ab" * 20), ["b", "z", "a"], ordered=True), lambda c: c == "b"),
    "category of numbers": (lambda: pd.Categorical(I % 3), lambda c: c == 0),
    "category of intervals": (lambda: pd.cut(I, [-1, 9, 19, 50]), lambda c: c.cat.codes == 2),
    "mixed objects": (lambda: pd.Series(MIXED, dtype=object), lambda c: [type(v) is float for v in c]),
    "numbers as objects": (lambda: pd.Series(list(I % 2), dtype=object), lambda c: c == 1),
    "decimals": (lambda: pd.Series([Decimal(i % 2) for i in range(N)], dtype=object), lambda c: c == Decimal(1)),
    "dates": (lambda: pd.Series([dt.date(2024, 1, 1 + i % 2) for i in I], dtype=object),
              lambda c: c == dt.date(2024, 1, 2)),
    "bytes": (lambda: pd.Series([b"x", b"y"] * 20, dtype=object), lambda c: c == b"y"),
    "text": (lambda: holes("xy" * 20), lambda c: c == "y"),
    "string": (lambda: pd.array(holes("xy" * 20), dtype="string"), lambda c: (c == "y").fillna(False)),
    "NaT": (lambda: pd.to_datetime(holes(pd.date_range("2024", periods=N), pd.NaT)), lambda c: c > pd.Timestamp("2024-01-21")),
    "zone": (lambda: pd.date_range("2024-03-30", periods=N, freq="h", tz="Europe/Berlin"),
             lambda c: c > pd.Timestamp("2024-03-30 20:00", tz="Europe/Berlin")),
    "duration": (lambda: pd.to_timedelta(holes(I, None), unit="h"), lambda c: c > pd.Timedelta(hours=20)),
    "period": (lambda: pd.PeriodIndex([pd.NaT if i % 5 == 0 else pd.Period("2024-01", "M") + i % 2 for i in I], freq="M"),
               lambda c: c == pd.Period("2024-02", "M")),
    "pandas' sparse": (lambda: pd.arrays.SparseArray(np.where(I % 2, I, 0)), lambda c: c > 20),
    "Arrow's int": (lambda: arrow(holes(I), "int16"), lambda c: (c > 20).fillna(False)),
    "Arrow's text": (lambda: arrow(holes("xy" * 20), "string"), lambda c: (c == "y").fillna(False)),
    "Arrow's bool": (lambda: arrow(holes([bool(i % 2) for i in I]), "bool"), lambda c: c.fillna(False)),
    "Arrow's time": (lambda: arrow(list(pd.date_range("2024", periods=N)), "timestamp[ns]"),
                     lambda c: c > pd.Timestamp("2024-01-21")),
    "Arrow's NaN and null": (nan_and_null, lambda c: [not pd.isna(v) and v > 20 for v in c]),
}


class Case:
    """A table of an ugly column, a number and two columns that the model does not read."""

    def __init__(self, name):
        make, self.holds = COLUMNS[name]
        rng = np.random.default_rng(0)
        self.table = pd.DataFrame({"ugly": make(), "x": rng.normal(size=N), "idle": rng.normal(size=N)})
        self.table["again"] = self.table["ugly"]
        self.row = self.table.iloc[[N - 1]]

    def parts(self, table):
        """Return what the model adds up, by column: (n, 4)."""
        found = np.zeros((len(table), 4))
        found[:, 0] = 2.0 * np.asarray(self.holds(table["ugly"]), dtype=float)
        found[:, 1] = 3.0 * table["x"].to_numpy()
        return found

    def model(self, table):
        return self.parts(table).sum(axis=1)


@pytest.mark.parametrize("name", COLUMNS)
def test_near_rows_of_every_column(name):
    """Of few rows all are near: the effect is the row's part of the sum less the mean one."""
    case = Case(name)
    e = explain(case.model, case.table, case.row, discretize=None, budget=300)
    truth = case.parts(case.row)[0] - case.parts(case.table).mean(axis=0)
    assert (np.abs(e.values[0, :, 0] - truth) <= 4 * e.standard_errors[0, :, 0]).all()
    np.testing.assert_allclose(e.predictions, case.model(case.row)[:, None])


@pytest.mark.parametrize("name", COLUMNS)
def test_bins_of_every_column(name):
    """A step of a column is a bin: inside it the answer is 2 more than anywhere else."""
    case = Case(name)
    assert case.parts(case.row)[0, 0] == 2.0
    e = explain(lambda t: case.parts(t)[:, 0], case.table, case.row, discretize="tree", budget=200)
    np.testing.assert_allclose(e.values[0, :, 0], [2.0, 0.0, 0.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(e.fidelity, 1.0, atol=1e-6)


# --- shapes and names of tables

RNG = np.random.default_rng(1)
WIDE = RNG.normal(size=(30, 200))
FEW = np.repeat(RNG.normal(size=(3, 3)), 10, axis=0)
NAMES = {
    "numbers": pd.Index([0, 1, 2]), "mixed": pd.Index([("a", 1), ("a", 2), 0], tupleize_cols=False),
    "levels": pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)]),
}
# Background, row and budget: the model is 3 · the first column − 2 · the second.
TABLES = {
    "30 rows of 200 columns": (WIDE, WIDE[:1], 1001),
    "duplicate rows": (FEW, FEW[:1], 500),
    "one background row": (WIDE[:1, :3], WIDE[1:2, :3], 100),
    "one row, which is explained": (WIDE[:1, :3], WIDE[:1, :3], 100),
    "a row far away": (WIDE[:, :3], np.full((1, 3), 1e6), 500),
    **{f"names: {kind}": (pd.DataFrame(WIDE[:, :3], columns=names), WIDE[:1, :3], 500)
       for kind, names in NAMES.items()},
    "whole numbers and a fraction": (np.arange(90).reshape(30, 3), np.array([[2.5, 80.5, 1.0]]), 500),
}


def parted(cells, own):
    """Return the mean of a pool's cells in the quartile of one of them, less that of the others."""
    pool, edges = np.append(cells, own), np.unique(np.quantile(cells, [0.25, 0.5, 0.75]))
    edges = edges[edges < cells.max()]
    inside = np.searchsorted(edges, pool) == np.searchsorted(edges, own)
    return 0.0 if inside.all() else pool[inside].mean() - pool[~inside].mean()


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("discretize", ["quartile", None])
def test_a_linear_model_of_tables_of_every_shape(name, discretize):
    background, row, budget = TABLES[name]
    cells, slopes = np.asarray(background, dtype=float), [3.0, -2.0]
    e = explain(lambda t: np.asarray(t, dtype=float)[:, :2] @ slopes, background, row,
                discretize=discretize, budget=budget)
    truth = np.zeros(cells.shape[1])
    # Of at most 50 background rows all are near.
    truth[:2] = slopes * (row[0, :2] - cells[:, :2].mean(axis=0)) if discretize is None \
        else [slope * parted(cells[:, c], row[0, c]) for c, slope in enumerate(slopes)]
    off = np.abs(e.values[0, :, 0] - truth)
    assert (off <= 4 * e.standard_errors[0, :, 0] + 1e-6 * np.abs(truth).max()).all()


# --- columns that nothing can be said of


@pytest.mark.parametrize("settings", [
    {"discretize": None}, {"discretize": None, "sampling": "weighted"}, {"discretize": "quartile"},
    {"discretize": "tree", "budget": 120}, {"discretize": "decile", "sampling": "weighted"},
    {"discretize": "quartile", "groups": {"g": ["nan", "none", "text"]}}])
def test_columns_that_never_vary_get_0_without_error(settings):
    rng = np.random.default_rng(0)
    idle = {"same": 2.0, "nan": np.nan, "none": pd.Series([None] * 60, dtype=object), "text": "x",
            "level": pd.Categorical([None] * 60, ["u"]), "large": 2**53 + 1, "flag": True,
            "NA": pd.array([None] * 60, dtype="Int64"), "NaT": pd.to_datetime([None] * 60)}
    frame = pd.DataFrame({"a": rng.normal(size=60), **idle, "b": rng.normal(size=60)})
    e = explain(lambda t: (t["a"] * t["b"] + np.sin(t["a"])).to_numpy(), frame, frame.iloc[:2], **settings)
    for name in e.feature_names:
        if name not in ("a", "b"):
            assert not e[:, name].values.any()
            assert not e[:, name].standard_errors.any()
    assert (e[:, ["a", "b"]].standard_errors > 0.0).all()
    assert e.warnings == ()


def test_a_unit_that_equals_what_replaces_it_gets_0_without_error():
    image = np.random.default_rng(0).random((1, 4, 8))
    image[:, :, :2] = 0.5
    labels = np.arange(8)[None].repeat(4, axis=0)
    e = explain(lambda images: np.prod(images.mean(axis=1), axis=1) * 1e3,
                ImageMasker(labels, baseline=0.5, channels="grey"), image, budget=60)
    np.testing.assert_array_equal(e.values[0, :2], 0.0)
    np.testing.assert_array_equal(e.standard_errors[0, :2], 0.0)
    assert (e.standard_errors[0, 2:] > 0.0).all()


def test_a_value_that_the_background_lacks_is_compared_by_near_rows_only():
    background = np.column_stack([np.full(40, 2.0), I])
    row = np.array([[5.0, 3.0]])
    model = lambda t: 3.0 * t[:, 0] + t[:, 1]  # noqa: E731
    near = explain(model, background, row, discretize=None, budget=2000)
    assert abs(near.values[0, 0, 0] - 9.0) <= 4 * near.standard_errors[0, 0, 0]
    assert near.warnings == ()
    binned = explain(model, background, row, discretize="quartile")
    assert binned.values[0, 0, 0] == binned.standard_errors[0, 0, 0] == 0.0
    (warning,) = binned.warnings
    assert "one value in the background and another one in an explained row" in warning
    assert explain(model, background, background[:1], discretize="quartile").warnings == ()


# --- cells that do not fit


TEXT_AMONG_NUMBERS = np.array([[i, float(i)] for i in range(30)], dtype=object)


@pytest.mark.parametrize(("background", "row", "kind", "sentence"), [
    (TEXT_AMONG_NUMBERS, np.array([["q", 1.0]], dtype=object), ValueError,
     "'x0' holds numbers in the background, but other values.*Use discretize=None, or rows of numbers"),
    (pd.DataFrame({"a": [[1]] * 30}), pd.DataFrame({"a": [[1]]}), TypeError, "columns of lists, dicts or arrays"),
    (pd.DataFrame({"a": pd.Categorical(["x"] * 30)}), pd.DataFrame({"a": ["q"]}), ValueError,
     "'a' holds levels that its categories do not know: 'q'"),
    (pd.DataFrame({"a": range(30)}), pd.DataFrame({"a": ["q"]}), ValueError, "column .a. "),
])
def test_cells_that_no_bin_can_hold(background, row, kind, sentence):
    with pytest.raises(kind, match=sentence):
        explain(lambda t: np.zeros(len(t)), background, row, discretize="quartile")


def test_a_new_level_of_text_is_compared_with_all_others():
    frame = pd.DataFrame({"k": list("ab") * 20, "x": np.arange(40.0)})
    for discretize in ("tree", "quartile", None):
        e = explain(lambda t: 2.0 * (t["k"] == "new").to_numpy(), frame, frame[:1].assign(k="new"),
                    discretize=discretize)
        np.testing.assert_allclose(e.values[0, :, 0], [2.0, 0.0], atol=1e-6)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("cells", "far"), [
    ([-1.6e308, 1.6e308, 0.0, np.nan], [0.0, 1.0, 0.5, 1.0]),
    ([np.inf, 1.0, np.inf, -np.inf], [0.0, 1.0, 0.0, 1.0]),
    ([5e-324, 15e-324, 10e-324, 5e-324], [0.0, 1.0, 0.5, 0.0]),
])
def test_distances_of_huge_infinite_and_tiny_numbers(cells, far):
    X = np.array(cells)[:, None]
    np.testing.assert_allclose(TabularMasker(X).rows(X[:1]).distances(0)[:, 0], far)
