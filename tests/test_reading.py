"""Columns of CSV files: what each kind of cell is read as, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from xaikit.tables import csv_files
from xaikit.tables.cells import Digits, FittedColumn, is_exact, is_plain, numbers_of
from xaikit.tables.csv_files import Options
from xaikit.tables.reading import read_table, read_tables
from xaikit.tables.schema import Schema

GAP = float("nan")


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def read(cells, known=None, **options):
    """Write a column `x` beside a column of numbers, read it: its values, its dtype, the notes."""
    quoted = ['"' + cell.replace('"', '""') + '"' for cell in cells]
    Path("t.csv").write_text("x,other\n" + "".join(f"{cell},1\n" for cell in quoted), encoding="utf8")
    got = read_tables(["t.csv"], Options(**options), {} if known is None else {"x": known})
    column = got.frames[0]["x"]
    return column.tolist(), column.dtype, " ".join(got.notes)


def same(got, want):
    """Check values and their types; NaN equals NaN."""
    assert [type(v) for v in got] == [type(v) for v in want]
    assert [None if v != v else v for v in got] == [None if v != v else v for v in want]


@pytest.mark.parametrize(("cells", "want"), [
    (["1", "-20", "0"], [1, -20, 0]),
    (["1", "2.5"], [1.0, 2.5]),
    (["1.50", ".5", "5."], [1.5, 0.5, 5.0]),
    (["1", ""], [1.0, GAP]),
    (["1", "NA", "nan", "NULL", "None", " "], [1.0, *[GAP] * 5]),
    (["1e-05", "1.5E+3"], [1e-05, 1500.0]),
    (["inf", "-inf", "1.0"], [float("inf"), -float("inf"), 1.0]),
    ([" 5 ", "6"], [5, 6]),
    (["9223372036854775807", "-9223372036854775808"], [2**63 - 1, -2**63]),
    (["9007199254740992", ""], [2.0**53, GAP]),
    (["1.0376e-310", "6.0269187e+284"], [1.0376e-310, 6.0269187e+284]),
    (["-0", "1"], [-0.0, 1.0]),
    (["True", "False"], [True, False]),
    (["true", "false"], [True, False]),
    (["True", ""], [True, GAP]),
    (["", ""], [GAP, GAP]),
    (["a", "b"], ["a", "b"]),
    (["a", ""], ["a", GAP]),
    (["True", "yes"], ["True", "yes"]),
    (["2024-01-05", "2024-02-30"], ["2024-01-05", "2024-02-30"]),
    (['say "so"', "a,b", "two\nlines"], ['say "so"', "a,b", "two\nlines"]),
])
def test_cells_that_need_no_word(cells, want):
    got, _, notes = read(cells)
    same(got, want)
    assert " was read as text" not in notes
    assert "kept as text" not in notes


@pytest.mark.parametrize(("cells", "sentence"), [
    (["01067", "10115"], "column 'x' was read as text: numbers would change '01067' (row 1 of t.csv)."),
    (["1", "+49"], "numbers would change '+49' (row 2 of t.csv)"),
    (["1", "0x1F"], "numbers would change '0x1F'"),
    (["1_000", "2"], "numbers would change '1_000'"),
    (["١٢", "2"], "numbers would change '١٢'"),
    (["1,234", "999"], "numbers would change '1,234' (row 1 of t.csv); add --decimal , if a comma"),
    (["1.234,5", "2"], "numbers would change '1.234,5'"),
    (["12345678901234567890", "1"], "numbers would change '12345678901234567890'"),
    (["9007199254740993", ""], "numbers would change '9007199254740993'"),
    (["9007199254740993", "0.5"], "numbers would change '9007199254740993'"),
    (["1e999", "1"], "numbers would change"),
    (["1e-999", "1"], "numbers would change"),
    (["1", "2", "3", "4 kg"], "most cells are numbers, but not '4 kg' (row 4 of t.csv)"),
    (["DE", "NA", "NA"], "column 'x' has 'NA' in 2 rows, kept as text; add --na-values 'NA' if it means missing."),
    (["NA", "NA"], "column 'x' has 'NA' in 2 rows, kept as text; add --na-values 'NA'"),
    (["a", "None", "null"], "has 'None' and 'null' in 2 rows, kept as text"),
    ([" a", "b"], "keeps the blanks around its text, as in ' a' (row 1 of t.csv)"),
])
def test_text_that_could_be_something_else_stays_and_is_named(cells, sentence):
    got, _, notes = read(cells)
    same(got, [GAP if cell == "" else cell for cell in cells])
    assert sentence in notes


@pytest.mark.parametrize(("cells", "want", "sentence"), [
    (["1", "NA"], [1.0, GAP], "column 'x' has 'NA' in 1 row, read as missing."),
    (["1e5", "7"], [1e5, 7.0], "'1e5' (row 1 of t.csv) as 100000; add --text-columns 'x' if these are codes"),
])
def test_numbers_that_could_be_something_else_are_named(cells, want, sentence):
    got, _, notes = read(cells)
    same(got, want)
    assert sentence in notes


TOWNS = FittedColumn.of_levels(["01067", "10115"])
LONG_LEVELS = [f"a worker since the beginning of this year, in the {trade}" for trade in ("mines", "mills")]
LANDS = FittedColumn.of_levels(["DE", "NA"])
GAPPED = FittedColumn.of_levels(["DE", np.nan])
CATEGORY = FittedColumn.of_levels(["b", "a"], category=True)


@pytest.mark.parametrize(("cells", "known", "want", "sentence"), [
    (["10115", "10117"], TOWNS, ["10115", "10117"], ""),
    (["DE", "NA", ""], LANDS, ["DE", "NA", GAP], ""),
    (["NA", "NA"], LANDS, ["NA", "NA"], ""),
    # The fit had gaps and no 'NA': whoever read that table took 'NA' for missing.
    (["DE", "NA"], GAPPED, ["DE", GAP], "has 'NA' in 1 row, read as missing"),
    (LONG_LEVELS, FittedColumn.of_levels([1, "b"]), LONG_LEVELS, "has '" + "' and '".join(f"{t[:24]}…{t[-15:]}" for t in LONG_LEVELS)),
    (["01067", "NA"], TOWNS, ["01067", "NA"], "kept as text, which was no level of the fit"),
    (["a", ""], FittedColumn.of_levels(["", "a"]), ["a", ""], ""),
    (["1", "2"], FittedColumn("text"), ["1", "2"], ""),
    (["True", "False"], FittedColumn.of_levels(["False", "True"]), ["True", "False"], ""),
    (["True", "False"], FittedColumn.of_levels([False, True]), [True, False], ""),
    (["True", ""], FittedColumn("number"), [1.0, GAP], ""),
    (["007", "+5"], FittedColumn("number"), [7.0, 5.0],
     "was read as numbers, since the model was fitted on numbers: '007' (row 1 of t.csv) as 7"),
    (["12345678901234567890"], FittedColumn("number"), [12345678901234567000.0], "'12345678901234567890'"),
    (["1", "0"], FittedColumn.of_levels([1, 0]), [1, 0], ""),
    (["", ""], FittedColumn("text"), [GAP, GAP], ""),
])
def test_columns_are_read_as_the_model_was_fitted(cells, known, want, sentence):
    got, dtype, notes = read(cells, known)
    same(got, want)
    assert sentence in notes
    if known.kind == "text":
        assert dtype == pd.Series(["a"]).dtype


def test_categories_have_the_levels_of_the_fit_and_then_new_ones():
    got, dtype, _ = read(["a", "c", ""], CATEGORY)
    same(got, ["a", "c", GAP])
    assert list(dtype.categories) == ["b", "a", "c"]
    got, dtype, _ = read(["3", "1"], FittedColumn.of_levels([1, 2, 3], category=True))
    assert list(dtype.categories) == [1, 2, 3]


def test_text_in_a_column_of_numbers_is_named_with_its_row():
    with pytest.raises(ValueError, match=(
            r"column 'x' holds 'old' \(row 2 of t.csv\), where the model was fitted on numbers; correct "
            r"the cell, or add --na-values 'old' if it means missing, or --text-columns 'x' if")):
        read(["1", "old"], FittedColumn("number"))


@pytest.mark.parametrize(("cells", "options", "want"), [
    (["1", "2"], {"text_columns": ["x"]}, ["1", "2"]),
    (["NA", "1"], {"text_columns": ["x"]}, ["NA", "1"]),
    (["DE", "NA"], {"na_values": ["NA"]}, ["DE", GAP]),
    (["1", "?"], {"na_values": ["?"]}, [1.0, GAP]),
    (["1", "-999"], {"na_values": ["-999"]}, [1.0, GAP]),
    (["1,5", "-2,25e-3"], {"decimal": ","}, [1.5, -0.00225]),
    (["1.5", "2"], {"decimal": ","}, ["1.5", "2"]),
    (["1.234,5", "2"], {"decimal": ","}, ["1.234,5", "2"]),
])
def test_options(cells, options, want):
    same(read(cells, **options)[0], want)


def test_the_user_overrules_the_model():
    same(read(["007", "x"], FittedColumn("number"), text_columns=["x"])[0], ["007", "x"])


def test_files_that_belong_together_are_read_alike():
    Path("rows.csv").write_text("plz,land,n,new\n10115,NA,7,a\n")
    Path("back.csv").write_text("n,plz,land\nNA,01067,DE\n1,10115,NA\n")
    got = read_tables(["rows.csv", "back.csv"])
    assert got.frames[0].iloc[0].tolist() == ["10115", "NA", 7.0, "a"]
    assert got.frames[1].iloc[1].tolist() == [1.0, "10115", "NA"]
    assert got.notes[0] == "read rows.csv and back.csv: numbers in n; text in plz, land and new."
    assert "'01067' (row 1 of back.csv)" in " ".join(got.notes)


def test_a_csv_is_read_like_the_parquet_file_beside_it():
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    frame = pd.DataFrame({"plz": ["10115"], "n": [1.5], "c": pd.Categorical(["b"], ["b", "a"]), "t": [True]})
    frame.to_parquet("back.parquet")
    frame.to_csv("rows.csv", index=False)
    csv, parquet = read_tables(["rows.csv", "back.parquet"]).frames
    pd.testing.assert_frame_equal(csv, parquet)
    Path("rows.csv").write_text("plz,n,c,t\n10115,x,b,True\n")
    with pytest.raises(ValueError, match=r"'x' \(row 1 of rows.csv\), where back.parquet has numbers"):
        read_tables(["rows.csv", "back.parquet"])


def test_dates_of_a_csv_fit_those_of_parquet():
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    frame = pd.DataFrame({"day": pd.to_datetime(["2024-01-05", "2024-02-29"]), "n": [1.0, 2.0]})
    frame.to_parquet("back.parquet")
    frame.to_csv("rows.csv", index=False)
    csv, parquet = read_tables(["rows.csv", "back.parquet"]).frames
    assert csv["day"].tolist() == ["2024-01-05", "2024-02-29"]
    pd.testing.assert_frame_equal(Schema.of(parquet).conform(csv), parquet)


def test_whatever_pandas_writes_comes_back():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({
        "whole": rng.integers(-9, 9, 50), "float": rng.normal(size=50) * 10.0 ** rng.integers(-300, 300, 50),
        "gaps": np.where(rng.random(50) < 0.5, np.nan, rng.normal(size=50)), "truth": rng.random(50) < 0.5,
        "text": rng.choice(["a b", 'q"', "x,y", "é", "NA", "l\nm"], 50), "code": rng.choice(["007", "7"], 50),
        "big": rng.integers(2**60, 2**62, 50),
    })
    frame.to_csv("t.csv", index=False)
    pd.testing.assert_frame_equal(read_table("t.csv"), frame)
    frame.to_csv("t.csv")
    pd.testing.assert_frame_equal(read_table("t.csv"), frame)


def test_many_columns_alike_get_one_sentence_more():
    Path("t.csv").write_text(",".join(f"c{i}" for i in range(9)) + "\n" + ",".join(["007"] * 9) + "\n")
    notes = read_tables(["t.csv"]).notes
    assert len(notes) == 1 + 5 + 1
    assert notes[-1] == "the same holds for c5, c6, c7 and c8."


def test_looking_at_numbers_as_a_whole_agrees_with_looking_at_each():
    rng = np.random.default_rng(0)
    alphabet = np.array([*list("0012345678999.-+eE \n"), "1" * 15, "9223372036854775807", "e-320", "e400", "0.", ".5"])
    found = 0
    for _ in range(2000):
        texts = ["".join(rng.choice(alphabet, rng.integers(1, 4))) for _ in range(rng.integers(1, 3))]
        gaps = bool(rng.random() < 0.5)
        got = Digits.of(texts, gaps, ".")
        if got is not None:
            found += 1
            assert all(map(is_plain, texts))
            assert is_exact(texts, gaps)
            same(got.values, numbers_of(texts, gaps))
    assert found > 200


def test_blocks_of_rows_do_not_matter(monkeypatch):
    frame = pd.DataFrame({"few": list("aabbcaab"), "many": list("abcdefga"), "n": [1, 1, 1, 2, 3, 4, 5, 6]})
    frame.to_csv("t.csv", index=False)
    for block in (1, 3, 100):
        monkeypatch.setattr(csv_files, "BLOCK", block)
        pd.testing.assert_frame_equal(read_table("t.csv"), frame)
    frame.assign(many=["007", "NA", "7", "8", "NA", "9", "10", "007"]).to_csv("t.csv", index=False)
    assert "column 'many' has 'NA' in 2 rows, kept as text" in " ".join(read_tables(["t.csv"]).notes)
