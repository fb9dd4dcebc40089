"""The command line: tables and models that it reads, or refuses in a sentence."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from cli_cases import explain, read, run
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import xaikit as xk
from xaikit.cli.inputs import load_data
from xaikit.tables.csv_files import Options
from xaikit.tables.reading import read_table


def test_text_that_means_missing(capsys, place):
    status, _, _ = run(capsys, "doctor", "--model", place.model("levels"), "--data", "full.csv",
                         "--drop", "y", "--drop", "note", "--na-values", "?")
    assert status == 0
    assert read_table("full.csv")["city"].isna().sum() == 0
    assert read_table("full.csv", Options(na_values=["?"]))["city"].isna().sum() == 4


@pytest.mark.parametrize(("argv", "sentence"), [
    (["--data", "gone.csv"], "there is no file 'gone.csv'"),
    (["--data", "table.xlsx"], "expected a .csv, .parquet or .feather"),
    (["--data", "empty.csv"], "empty.csv is empty"),
    (["--data", "header.csv"], "header.csv has no rows"),
    (["--data", "full.csv", "--target", "z"], "no column 'z'; it has a, b, city, y and note"),
    (["--data", "full.csv", "--drop", "z"], "no column 'z'; it has a, b, city, y and note"),
])
def test_tables_that_cannot_be_read(capsys, place, argv, sentence):
    Path("empty.csv").write_text("")
    Path("header.csv").write_text("a,b\n")
    Path("table.xlsx").write_text("")
    status, out, err = run(capsys, "importance", "--model", place.model("linear"), *argv)
    assert (status, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("ending", ["parquet", "feather"])
def test_binary_tables(place, ending):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    frame = place.frame.assign(c=pd.Categorical(["x", "y"] * 6))
    getattr(frame, f"to_{ending}")(f"table.{ending}")
    pd.testing.assert_frame_equal(read_table(f"table.{ending}"), frame)


def test_limit_takes_the_first_rows(capsys, place):
    _, out, _ = explain(capsys, place, "--limit", 1)
    assert set(read(out)["row"]) == {0}
    assert float(read(out)["data"][0]) == place.frame["a"][0]


@pytest.fixture
def saved(place):
    """Save a fitted classifier of the plain table in several ways."""
    model = LogisticRegression().fit(place.frame, place.frame["a"] > 0)
    joblib.dump(model, "model.joblib")
    return model


def test_a_pickle_is_refused_and_then_loaded_with_a_warning(capsys, place, saved):
    command = ["importance", "--model", "model.joblib", "--data", "plain.csv"]
    status, out, err = run(capsys, *command)
    assert (status, out) == (2, "")
    assert "add --allow-pickle" in err
    status, out, err = run(capsys, *command, "--allow-pickle")
    assert status == 0
    assert set(read(out)["output"].astype(str)) == {"False", "True"}
    assert "warning: model.joblib is a pickle" in err


def test_skops_types_are_refused_until_trusted(capsys, place):
    sio = pytest.importorskip("skops.io", reason="skops is not installed")
    sio.dump(LogisticRegression().fit(place.frame, place.frame["a"] > 0), "known.skops")
    status, out, _ = run(capsys, "importance", "--model", "known.skops", "--data", "plain.csv")
    assert status == 0
    assert set(read(out)["feature"]) == {"a", "b"}
    odd = make_pipeline(FunctionTransformer(np.nan_to_num), LogisticRegression()).fit(
        place.frame, place.frame["a"] > 0)
    sio.dump(odd, "odd.skops")
    unknown = sio.get_untrusted_types(file="odd.skops")
    command = ["importance", "--model", "odd.skops", "--data", "plain.csv"]
    status, out, err = run(capsys, *command)
    assert (status, out) == (2, "")
    assert all(name in err for name in unknown)
    trust = [word for name in unknown for word in ("--trust", name)]
    status, out, _ = run(capsys, *command, *trust)
    assert status == 0
    assert set(read(out)["feature"]) == {"a", "b"}


@pytest.mark.parametrize(("spec", "sentence"), [
    ("model.h5", "cannot load a model from 'model.h5'"),
    ("model.h5", "expected package.module:name or a file"),
    ("gone.onnx", "there is no model file 'gone.onnx'"),
    ("gone.skops", "there is no model file 'gone.skops'"),
    ("gone.joblib", "there is no model file 'gone.joblib'"),
    ("no_such_module_at_all:f", "No module named"),
])
def test_models_that_cannot_be_loaded(capsys, place, spec, sentence):
    status, _, err = run(capsys, "doctor", "--model", spec)
    assert status == 2
    assert sentence in err
    assert "Traceback" not in err


@pytest.mark.parametrize(("name", "sentence"), [
    ("nothing", "has no 'nothing'"), ("number", "expected a model with predict"),
])
def test_names_that_are_no_models(capsys, place, name, sentence):
    status, _, err = run(capsys, "doctor", "--model", place.model(name))
    assert status == 2
    assert sentence in err


@pytest.mark.parametrize("command", [
    ["explain", "--background", "plain.csv"], ["importance"],
    ["importance", "--method", "mean_impact"], ["importance", "--method", "kernel_shap"],
])
def test_a_model_that_raises_is_a_finding(capsys, place, command):
    status, out, err = run(capsys, *command, "--model", place.model("broken"), "--data", "plain.csv")
    assert (status, out) == (1, "")
    assert err.splitlines()[-1].startswith("xaikit: the model failed on a DataFrame of shape (4, 2)")
    assert "the model is on fire" in err
    assert "Traceback" not in err


def test_an_unfitted_model(capsys, place):
    joblib.dump(LogisticRegression(), "raw.joblib")
    status, _, err = run(capsys, "doctor", "--model", "raw.joblib", "--allow-pickle")
    assert status == 2
    assert "LogisticRegression is not fitted" in err


def test_a_module_that_fails_to_import_is_a_message(capsys, place):
    (place.path / "cli_fails_to_import.py").write_text("1 / 0\n")
    status, _, err = run(capsys, "doctor", "--model", "cli_fails_to_import:model")
    assert status in (1, 2)
    assert "division by zero" in err


def test_importance_by_weights(capsys, place):
    frame = place.frame.assign(w=np.arange(12) % 3, n=-1)
    frame.to_csv("weighted.csv", index=False)
    command = ["importance", "--model", place.model("linear"), "--data", "weighted.csv"]
    status, out, _ = run(capsys, *command, "--method", "mean_impact", "--weights", "w", "--drop", "n")
    assert status == 0
    got = read(out).set_index("feature")["value"]
    assert got["a"] == pytest.approx(np.average(0.4 * frame["a"], weights=frame["w"]))
    assert set(got.index) == {"a", "b"}
    for more, sentence in ((["--method", "kernel_shap", "--weights", "w"], "--weights cannot be used"),
                           (["--weights", "v"], "no column 'v'; it has a, b, w and n"),
                           (["--weights", "n", "--drop", "w"], "sample_weight must be one finite")):
        status, out, err = run(capsys, *command, *more)
        assert (status, out) == (2, "")
        assert sentence in err


def test_a_report_by_weights(place, monkeypatch, capsys):
    from xaikit.reporting import build

    asked = {}
    monkeypatch.setattr(build, "report", lambda model, X, y, **more: asked.update(more, X=X, y=y))
    place.frame.assign(w=np.arange(12) % 3, y=1).to_csv("weighted.csv", index=False)
    status, _, _ = run(capsys, "report", "--model", place.model("linear"), "--data", "weighted.csv",
                       "--target", "y", "--weights", "w")
    assert status == 0
    assert list(asked["X"].columns) == ["a", "b"]
    assert asked["sample_weight"].tolist() == [0, 1, 2] * 4


@pytest.mark.parametrize(("columns", "target"), [
    ([1, 2, 3], "3"), (pd.MultiIndex.from_tuples([("a", "x"), ("a", "z"), ("y", "")]), "('y', '')"),
], ids=["numbers", "pairs"])
def test_names_that_are_no_text_are_found_by_their_text(columns, target, tmp_path, monkeypatch):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    monkeypatch.chdir(tmp_path)
    frame = pd.DataFrame([[1.0, 2.0, 0], [3.0, 4.0, 1]], columns=columns)
    frame.to_parquet("table.parquet")
    arguments = Namespace(data="table.parquet", background="table.parquet", target=target, limit=None,
                          weights=None, drop=[str(columns[0])], delimiter=None, encoding="utf-8",
                          text_columns=[], na_values=[], decimal=".")
    given = load_data(arguments, xk.wrap(lambda X: X.sum(axis=1)))
    assert given.y.tolist() == [0, 1]
    assert list(given.X.columns) == list(given.background.columns) == [columns[1]]
    arguments.target = "4"
    with pytest.raises(ValueError, match="no column '4'"):
        load_data(arguments, xk.wrap(lambda X: X.sum(axis=1)))
