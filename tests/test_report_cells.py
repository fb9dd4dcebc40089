"""Reports on tables whose cells are no plain numbers or texts: whole, or refused before any work."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import xaikit as xk
from xaikit.explanations.attribution import Attribution

N = 12
COLUMNS = {
    "interval": pd.cut(np.arange(N), 3),
    "interval objects": [pd.Interval(i % 3, 3) for i in range(N)],
    "decimal": [Decimal(i) / 10 for i in range(N)],
    "fraction": [Fraction(i, 3) for i in range(N)],
    "date": [date(2024, 1, 1 + i % 4) for i in range(N)],
    "time": [time(i % 4) for i in range(N)],
    "zones": [datetime(2024, 1, 1, i % 4, tzinfo=UTC) if i % 2 else datetime(2024, 1, 1)
              for i in range(N)],
    "duration": [timedelta(hours=i) for i in range(N)],
    "complex objects": [complex(i % 3, 1) for i in range(N)],
    "complex": np.arange(N) % 3 + 1j,
    "bytes": [b"\xff" * (i % 3) for i in range(N)],
    "period": [pd.Period("2024-01", "M") + i % 3 for i in range(N)],
    "periods": pd.period_range("2024-01", periods=N, freq="M"),
    "tuple": [(i % 3, "x") for i in range(N)],
    "markers": [None, np.nan, pd.NA, "x"] * 3,
    "whole objects": [2**70 + i for i in range(N)],
    "picoseconds": [np.timedelta64(i % 3, "ps") for i in range(N)],
    "months": [np.timedelta64(i % 3, "M") for i in range(N)],
    "steps of 10 s": [np.datetime64(i % 3, "10s") for i in range(N)],
    "steps of 25 µs": [np.timedelta64(i % 3, "25us") for i in range(N)],
    "far years": [np.datetime64(9000 + 1000 * (i % 3), "Y") for i in range(N)],
    "half a pair": ["x\ud800", "y"] * 6,
}


def table(cells):
    column = pd.Series(cells, dtype=object) if isinstance(cells, list) else cells
    return pd.DataFrame({"cells": column, "number": np.linspace(0, 1, N)})


def test_a_report_is_whole_and_can_be_read(tmp_path):
    X = pd.concat([table(cells)[["cells"]].set_axis([name], axis=1)
                   for name, cells in COLUMNS.items()], axis=1)
    xk.report(lambda Z: [float(len(v)) for v in Z["bytes"]], X,
              path=tmp_path / "r.html", background=X[:2], methods=["kernel_shap"],
              n_explain=4, n_global=N)
    assert len(list(tmp_path.iterdir())) == 5
    held = json.loads((tmp_path / "r.json").read_text(encoding="utf8"))
    e = Attribution.from_dict(held["explanations"]["kernel_shap"])
    assert e.data.dtypes.tolist() == X.dtypes.tolist()
    for name in COLUMNS:
        assert {repr(v) for v in e.data[name]} <= {repr(v) for v in X[name]}


class Odd:
    def __repr__(self):
        return "odd"


def test_what_no_file_can_hold_is_refused_before_the_first_question(tmp_path, counting):
    X, model = table([Odd() for _ in range(N)]), counting(lambda Z: Z["number"].to_numpy())
    with pytest.raises(TypeError, match="column 'cells' cannot be written to a file: JSON cannot "
                                        "hold odd of type Odd exactly; convert it"):
        xk.report(model, X, path=tmp_path / "r.html")
    assert not model.batches
    assert not list(tmp_path.iterdir())


HALF = "x\ud800"


@pytest.mark.parametrize(("made", "said"), [
    (lambda X: (X.set_axis(pd.Index(["number", HALF], dtype=object), axis=1), {}), "the names of columns"),
    (lambda X: (X.set_axis(pd.Index([HALF, *range(N - 1)], dtype=object)), {}), "the index of X"),
    (lambda X: (X, {"y": [HALF, "y"] * 6}), "y: 'x"), (lambda X: (X, {"title": HALF}), "title: 'x"),
    (lambda X: (X, {"data_notes": ["a", HALF]}), "data_notes: 'x"), (lambda X: (X, {"model_name": HALF}), "model_name"),
    (lambda X: (X.assign(cells=[Decimal("sNaN")] * N), {}), r"column 'cells' holds Decimal\('sNaN'\), a signaling"),
    (lambda X: (X, {"y": [Decimal("sNaN"), *range(N - 1)]}), r"y holds Decimal\('sNaN'\)"),
    (lambda X: (X, {"scoring": "nope"}), "'nope' is not a valid scoring"),
    (lambda X: (X, {"groups": {HALF: ["number", "cells"]}}), "groups: 'x"),
    (lambda X: (X.assign(cells=pd.Categorical.from_codes([0] * N, pd.Index([HALF], dtype=object))), {}), "the levels of 'c"),
    (lambda X: (X, {"groups": {"g": ["none"]}}), "group 'g' names column 'none'"),
    (lambda X: (X, {"groups": 5}), "groups must be"), (lambda X: (X, {"background": X[["cells"]]}), "missing: number"),
    (lambda X: (X, {"budget": 1}), "budget=1 model rows buys 0 pairs"),
    (lambda X: (X.assign(cells=pd.Series([None, *[np.timedelta64(5)] * (N - 1)], dtype=object)), {}), "'cells' holds durations without a unit"),
    (lambda X: (X.assign(cells=pd.array([(1, 2, 3)] * N, dtype=pd.ArrowDtype(pa.month_day_nano_interval()))), {}),
     "'cells' holds month_day_nano_interval"),
], ids=["names", "index", "y", "title", "notes", "model", "sNaN", "sNaN in y", "scoring", "groups", "levels",
        "unknown column", "no groups", "background", "budget", "no unit", "Arrow's intervals"])
def test_what_cannot_be_shown_is_refused_before_the_first_question(tmp_path, counting, made, said):
    X, more = made(table(COLUMNS["decimal"])[["number", "cells"]])
    model = counting(lambda Z: Z["number"].to_numpy())
    with pytest.raises((TypeError, ValueError), match=said):
        xk.report(model, X, path=tmp_path / "r.html", **more)
    assert not model.batches
    assert not list(tmp_path.iterdir())


def test_names_of_derived_types_are_shown(tmp_path):
    class Name(str):
        pass

    X = table(COLUMNS["date"])[["number"]].set_axis(pd.Index([Name(i) for i in range(N)], dtype=object))
    xk.report(lambda Z: Z["number"].to_numpy(), X, path=tmp_path / "r.html", methods=["kernel_shap"], n_explain=2,
              model_name=Name("net"), data_name=5, data_notes=Name("as it is"))
    held = json.loads((tmp_path / "r.json").read_text(encoding="utf8"))
    assert (held["title"], held["provenance"]["data"], held["provenance"]["how it was read"]) == (
        "What net relies on", "5", "as it is")


def test_a_report_that_fails_to_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    def report(**more):
        return xk.report(lambda Z: Z["number"].to_numpy(), table(COLUMNS["date"])[["number"]],
                         path=tmp_path / "r.html", methods=["mean_impact"], **more)

    report(title="old")
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    monkeypatch.setattr("xaikit.reporting.render.page", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        report(title="new")
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before
