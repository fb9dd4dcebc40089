"""The command line and CSV files: the same numbers as from Parquet, and sentences on what was read."""

from __future__ import annotations

import json
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from cli_cases import read, run
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

ASKED = ["--model", "towns.joblib", "--allow-pickle", "--target", "y"]


@pytest.fixture
def towns(place):
    """Save a classifier of codes and of a level NA, and its table, as CSV."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"plz": rng.choice(["01067", "10115"], 60), "land": rng.choice(["NA", "DE"], 60),
                      "age": rng.integers(20, 60, 60)})
    y = np.where((X["plz"] == "01067") + 0.7 * (X["land"] == "NA") + 0.3 * rng.normal(size=60) > 0.5, "NA", "01")
    # Both encoders answer zeros to a level that they do not know, without a word.
    model = make_pipeline(make_column_transformer(
        (StandardScaler(), ["age"]), (OneHotEncoder(handle_unknown="ignore"), ["plz", "land"])),
        LogisticRegression()).fit(X, y)
    joblib.dump(model, "towns.joblib")
    frame = X.assign(y=y)
    frame.to_csv("towns.csv", index=False)
    return frame


@pytest.mark.parametrize("method", ["permutation", "kernel_shap"])
def test_importances_of_csv_and_parquet_are_equal(capsys, towns, method):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    towns.to_parquet("towns.parquet")
    more = ["--method", method] + ["--limit", "5"] * (method == "kernel_shap")
    status, csv, err = run(capsys, "importance", *ASKED, "--data", "towns.csv", *more)
    assert status == 0
    assert "xaikit: read towns.csv: numbers in age; text in plz, land and y.\n" in err
    assert csv == run(capsys, "importance", *ASKED, "--data", "towns.parquet", *more)[1]
    values = read(csv).groupby("feature")["value"].max()
    assert (values[["plz", "land"]] > 0.05).all()


def test_one_row_and_its_background_are_read_alike(capsys, towns):
    towns.iloc[[int(np.argmax(towns["plz"] == "10115"))]].to_csv("row.csv", index=False)
    status, out, err = run(capsys, "explain", *ASKED, "--data", "row.csv", "--background", "towns.csv")
    assert status == 0
    assert set(read(out)["data"]) >= {"10115"}
    assert "read row.csv and towns.csv" in err


def test_a_cell_that_is_no_number_is_named(capsys, towns):
    towns.astype({"age": object}).assign(age=[*towns["age"][:-1], "old"]).to_csv("odd.csv", index=False)
    status, out, err = run(capsys, "importance", *ASKED, "--data", "odd.csv")
    assert (status, out) == (2, "")
    assert "column 'age' holds 'old' (row 60 of odd.csv), where the model was fitted on numbers" in err
    _, _, err = run(capsys, "importance", *ASKED, "--data", "odd.csv", "--na-values", "old", "-")
    assert "column 'age' has 'old' in 1 row, read as missing." in err


def test_all_options_reach_the_reader(capsys, place):
    Path("odd.csv").write_bytes("a\tb\tcity\n1,5\t007\tMünchen\n-\t5\tUlm\n".encode("latin-1"))
    status, out, err = run(
        capsys, "doctor", "--model", place.model("levels"), "--data", "odd.csv", "--delimiter", r"\t",
        "--encoding", "latin-1", "--decimal", ",", "--na-values", "-", "--text-columns", "b")
    assert status == 1  # the model answers NaN to a missing number
    assert "  a: float64 (float); 1.5; 1 missing" in out
    assert "  b: str (text); 007, 5" in out.replace("object (text)", "str (text)")
    assert "  city: " in out
    assert "München, Ulm" in out
    assert "xaikit: column 'a' has '-' in 1 row, read as missing." in err


def test_the_report_says_how_its_table_was_read(capsys, towns):
    status, _, err = run(capsys, "report", *ASKED, "--data", "towns.csv", "--class", "NA", "--budget", "400")
    assert status == 0, err
    known = json.loads(Path("report.json").read_text(encoding="utf8"))["provenance"]
    assert known["how it was read"] == "read towns.csv: numbers in age; text in plz, land and y."
    assert "numbers in age; text in plz, land and y." in Path("report.html").read_text(encoding="utf8")


@pytest.mark.parametrize(("content", "more", "sentence"), [
    (b"", [], "odd.csv is empty."),
    (b"a,b\n", [], "odd.csv has no rows."),
    (b"a,b\n1,2,3\n", [], "line 2 of odd.csv has 3 cells, but the header has 2"),
    (b"a,a\n1,2\n", [], "two columns of odd.csv are named 'a'"),
    (b"a;b\n1;2\n", [], "add --delimiter ';'"),
    (b"a,b\n\xe4,2\n", [], "name its own with --encoding"),
    (b'a,b\n"1,2\n', [], "is a quote not closed?"),
    (b"a,,c\n1,2,3\n", [], "column 2 of odd.csv has no name"),
    (b"a,b\n1,2\n", ["--delimiter", "::"], "delimiter must be one character"),
    (b"a,b\n1,2\n", ["--encoding", "klingon"], "encoding must be an encoding of text"),
    (b"a,b\n1,2\n", ["--decimal", "x"], "decimal must be one of"),
    (b"a,b\n1,2\n", ["--text-columns", "z"], "there is no column 'z' to read as text; odd.csv has a, b."),
])
def test_odd_files_are_refused_in_one_sentence(capsys, place, content, more, sentence):
    Path("odd.csv").write_bytes(content)
    for command in (["importance"], ["explain", "--background", "odd.csv"]):
        status, out, err = run(capsys, *command, "--model", place.model("linear"), "--data", "odd.csv", *more)
        assert (status, out) == (2, "")
        assert sentence in err
        assert err.count("\n") == 1
