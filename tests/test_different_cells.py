"""Cells that are equal, or all missing, to pandas, but different questions to a model."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
import reference_importance as naive

import xaikit as xk
from xaikit.predictor.memory import row_keys
from xaikit.predictor.wrapping import wrap
from xaikit.sampling.table_questions import TableQuestions
from xaikit.tables.numbering import number_values


def objects(*cells):
    array = np.empty(len(cells), dtype=object)
    array[:] = cells
    return array


NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
DIFFERENT = {
    "missing": objects(None, np.nan, pd.NA, pd.NaT, np.datetime64("NaT"), Decimal("NaN")),
    "types": objects(1, 1.0, True, Decimal(1), np.int8(1), "1", b"1"),
    "signs of objects": objects(0.0, -0.0, None),
    "signs": np.array([0.0, -0.0, np.nan]),
    "signs of long floats": np.array([0.0, -0.0, 1.0, 1 + np.finfo(np.longdouble).eps, np.nan],
                                     dtype=np.longdouble),
    "signs of nullable floats": pd.array([0.0, -0.0, None], dtype="Float64"),
    "signs of sparse floats": pd.arrays.SparseArray([0.0, -0.0, 1.0, np.nan]),
    "signs of complex numbers": np.array([0j, complex(0, -0.0), complex(-0.0, 0)]),
    "digits": objects(Decimal("1.0"), Decimal("1.00"), Decimal(1)),
    "zones": objects(NOON, NOON.astimezone(timezone(timedelta(hours=2)))),
    "whole numbers": np.array([2**53, 2**53 + 1, 2**53 + 2]),
    "nullable whole numbers": pd.array([2**53, 2**53 + 1, None], dtype="Int64"),
    "tuples": objects((1,), (1.0,), (True,)),
    "intervals": objects(pd.Interval(0, 1), pd.Interval(0.0, 1.0), pd.Interval(0, 1, "left")),
}


if find_spec("pyarrow"):
    DIFFERENT["signs of Arrow's floats"] = pd.array([0.0, -0.0, None], dtype="double[pyarrow]")


@pytest.mark.parametrize("name", DIFFERENT)
def test_different_cells_have_different_numbers(name):
    cells = DIFFERENT[name]
    codes = number_values(cells.take(np.tile(np.arange(len(cells)), 2)))
    assert len(set(codes.tolist())) == len(cells)
    assert codes[: len(cells)].tolist() == codes[len(cells):].tolist()


def test_every_float_that_is_nan_is_one():
    other = np.array([0x7ff8000000000001], dtype=np.uint64).view(np.float64)[0]
    for cells in (np.array([np.nan, -np.nan, other]), objects(np.nan, -np.nan, float(other))):
        assert number_values(cells).tolist() == [0, 0, 0]


def test_cells_without_a_hash_are_refused():
    with pytest.raises(TypeError, match="lists, dicts or arrays cannot be explained"):
        number_values(objects([1], [2]))


MARKERS = [None, float("nan"), pd.NA, pd.NaT, "a"]


def effect(marker):
    """One number for each marker, as an encoder that knows them all gives."""
    names = ["NoneType", "float", "NAType", "NaTType", "str"]
    return (-9.0, 4.0, 7.0, 1.0, 0.0)[names.index(type(marker).__name__)]


def additive(X):
    X = X if isinstance(X, np.ndarray) else X.to_numpy(dtype=object)
    return np.array([[effect(m) + 2.0 * k + 3.0 * z] for m, k, z in X])


def marked(n=12):
    return pd.DataFrame({"m": pd.Series(MARKERS * 3, dtype=object)[:n],
                         "k": np.arange(n) % 5 + 0.5, "z": np.arange(n) % 3 - 0.25})


ROWS = [
    *[(lambda solver=solver: xk.KernelSHAP(solver=solver, random_state=0))
      for solver in ("exact", "wls", "gp")],
    lambda: xk.Occlusion(random_state=0),
]


@pytest.mark.parametrize("make", ROWS, ids=["exact", "wls", "gp", "occlusion"])
@pytest.mark.parametrize("form", [lambda t: t, lambda t: t.to_numpy(dtype=object)],
                         ids=["frame", "array"])
def test_markers_are_different_questions(make, form):
    """An additive model's contribution is its term at the cell minus the term's mean."""
    table = marked()
    got = make().fit(additive, form(table)).explain(form(table)).values[:, :, 0]
    terms = np.column_stack([[effect(m) for m in table["m"]], 2 * table["k"], 3 * table["z"]])
    np.testing.assert_allclose(got, terms - terms.mean(axis=0), atol=1e-9)


def test_markers_are_different_to_permutation():
    cells = marked().to_numpy(dtype=object)
    e = xk.PermutationImportance(n_repeats=3, random_state=5).fit(additive).explain(marked())
    want, _ = naive.change(additive, cells, [[0], [1], [2]], 5, 3, marked())
    np.testing.assert_allclose(e.values, want, rtol=1e-12)


def test_borrowed_markers_are_asked():
    questions = TableQuestions(wrap(additive), marked())
    got = questions.borrowed([0], np.zeros(4, dtype=int), np.arange(4))
    want = [effect(m) + 2 * 0.5 - 3 * 0.25 for m in MARKERS[:4]]
    assert got[:, 0].tolist() == want


def test_memory_and_the_probe_tell_markers_apart():
    table = marked(5)[["m"]]
    assert len(set(row_keys(table))) == 5
    predictor = wrap(lambda X: [effect(m) for m in X["m"]], deduplicate=True).bind(table)
    assert predictor.findings.n_rows == 4
    assert predictor(table).ravel().tolist() == [effect(m) for m in MARKERS]


def test_the_probe_sees_a_model_that_writes_another_marker():
    def tidy(X):
        answers = [effect(m) for m in X["m"]]
        X["m"] = X["m"].where(X["m"].notna(), np.nan)
        return answers

    predictor = wrap(tidy).bind(marked(5)[["m"]])
    assert not predictor.findings.keeps_input
    assert predictor(marked(5)[["m"]]).ravel().tolist() == [effect(m) for m in MARKERS]
