"""Files of tables: marks, quotes, blank lines and index columns are read; broken ones are refused."""

from __future__ import annotations

import gzip
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from xaikit.errors import SettingError
from xaikit.tables.cells import FittedColumn
from xaikit.tables.csv_files import Options
from xaikit.tables.reading import read_table, read_tables


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(content, encoding="utf8"):
    Path("t.csv").write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return "t.csv"


@pytest.mark.parametrize(("content", "options", "columns"), [
    ("a,b\n1,x\n", {}, {"a": [1], "b": ["x"]}),
    ("\ufeffa,b\n1,x\n", {}, {"a": [1], "b": ["x"]}),
    ("a,b\r\n1,x\r\n", {}, {"a": [1], "b": ["x"]}),
    ("a,b\n1,x", {}, {"a": [1], "b": ["x"]}),
    ("\na,b\n\n1,x\n   \n2,y\n\n", {}, {"a": [1, 2], "b": ["x", "y"]}),
    ('"a, b","c"\n"1","x ""y"""\n', {}, {"a, b": [1], "c": ['x "y"']}),
    ('a, b\n1, "x, y"\n2, z\n', {}, {"a": [1, 2], "b": ["x, y", "z"]}),
    ("a;b\n1;x\n", {"delimiter": ";"}, {"a": [1], "b": ["x"]}),
    ("a;b\n1,5;x\n", {"delimiter": ";", "decimal": ","}, {"a": [1.5], "b": ["x"]}),
    ("a\tb\n1\tx\n", {"delimiter": "\t"}, {"a": [1], "b": ["x"]}),
    ("a;b\nx\n", {"delimiter": ","}, {"a;b": ["x"]}),
    (b"a,b\n1,M\xfcnchen\n", {"encoding": "latin-1"}, {"a": [1], "b": ["München"]}),
    ("a,b\n1,ü\n".encode("utf-16"), {"encoding": "utf-16"}, {"a": [1], "b": ["ü"]}),
    ("a,b\n", {}, {"a": [], "b": []}),
    (",a\n0,x\n1,y\n", {}, {"a": ["x", "y"]}),
    ("a,b,\n1,x,\n", {}, {"a": [1], "b": ["x"]}),
    ("a,b\n1," + "x" * 200_000 + "\n", {}, {"a": [1], "b": ["x" * 200_000]}),
    ("plz,land\n01067,NA\n", {}, {"plz": ["01067"], "land": ["NA"]}),
])
def test_files_that_are_tables(content, options, columns):
    got = read_table(write(content), Options(**options))
    got = {str(name): got[name].tolist() for name in got}
    assert {k: [None if v != v else v for v in cells] for k, cells in got.items()} == columns


@pytest.mark.parametrize(("content", "options", "sentence"), [
    ("", {}, "t.csv is empty."),
    ("\n  \n", {}, "t.csv is empty."),
    ("a,b\n1,2\n\n1,2,3\n", {}, "line 4 of t.csv has 3 cells, but the header has 2; put cells"),
    ("a,b\n1\n", {}, "line 2 of t.csv has 1 cell, but the header has 2"),
    ("a,b,a\n1,2,3\n", {}, "two columns of t.csv are named 'a'; rename one of them."),
    ("a,,c\n1,2,3\n", {}, "column 2 of t.csv has no name; the others are a and c."),
    ("a;b\n1;2\n", {}, "the header of t.csv is one cell, 'a;b'; if its delimiter is not a comma, add --delimiter ';'"),
    ("a\tb\n1\t2\n", {}, r"add --delimiter '\t'"),
    ('a,b\n1,2\n1,"x\n3,4\n5,6\n', {}, "the row that begins on line 3 of t.csv cannot be read as CSV (unexpected end "
     "of data); is a quote not closed?"),
    (gzip.compress(b"a,b\n1,2\n", mtime=0), {}, "t.csv is a compressed file; unpack it first."),
    ('a,b\n1,"x"y\n', {}, "line 2 of t.csv cannot be read as CSV"),
    (b"a,b\n" + b"1,Ulm\n" * 9000 + b"1,M\xfcnchen\n", {}, "line 9002 of t.csv is not text in the encoding utf-8"),
    ("a,b\n1,ü\n".encode("utf-16"), {}, "name its own with --encoding, such as cp1252, latin-1 or utf-16."),
    ("a,b\n1,2\n".encode("utf-16-le"), {}, "its header has NUL characters. Is it utf-16, or no CSV file?"),
    (b"PK\x03\x04\xff\xfe\x00", {}, "t.csv is a compressed file"),
    ("a\n1\n", {"text_columns": ["b"]}, "there is no column 'b' to read as text; t.csv has a."),
])
def test_files_that_are_none(content, options, sentence):
    with pytest.raises(ValueError, match=".") as caught:
        read_table(write(content), Options(**options))
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("options", "sentence"), [
    ({"delimiter": ";;"}, "delimiter must be one character, neither a quote nor a line break, got ';;'"),
    ({"delimiter": '"'}, "delimiter must be"),
    ({"encoding": "klingon"}, "encoding must be an encoding of text, such as utf-8, cp1252 or latin-1, got"),
    ({"encoding": "base64"}, "encoding must be"),
    ({"decimal": ";"}, "decimal must be one of '.', ',', got ';'"),
    ({"na_values": "NA"}, "na_values must be a list of texts, got 'NA'"),
    ({"text_columns": [1]}, "text_columns must be a list of column names"),
])
def test_options_that_mean_nothing(options, sentence):
    with pytest.raises(SettingError, match=".") as caught:
        Options(**options)
    assert sentence in str(caught.value)


def test_columns_left_out_are_named():
    notes = read_tables([write(",a,\n5,x,\n3,y,\n")]).notes
    assert notes[0] == "read t.csv: text in a."
    assert "the first column of t.csv has no name and was left out" in notes[1]
    assert "column 3 of t.csv is empty, without a name, and was left out." in notes[2]
    kept = read_table("t.csv", fitted={"Unnamed: 0": FittedColumn("number")})
    assert kept["Unnamed: 0"].tolist() == [5, 3]


def test_lightgbm_spells_names_differently():
    got = read_table(write("my plz\n10115\n"), fitted={"my_plz": FittedColumn("text")})
    assert got["my plz"].tolist() == ["10115"]


# Parquet and Feather


@pytest.fixture
def arrow():
    return pytest.importorskip("pyarrow", reason="pyarrow is not installed")


@pytest.mark.parametrize("ending", ["parquet", "feather"])
def test_arrow_columns_keep_their_values(arrow, ending):
    from pyarrow import feather, parquet

    table = arrow.table({
        "big": arrow.array([2**60 + 1, None, 3]), "small": arrow.array([1, None, 3]),
        "money": arrow.array([Decimal("0.10"), None, Decimal("1.25")]),
        "dictionary": arrow.array(["NA", "b", None]).dictionary_encode(), "code": ["01", "NA", ""],
        "float": [2.0**60, 0.5, None],
    })
    {"parquet": parquet.write_table, "feather": feather.write_feather}[ending](table, f"t.{ending}")
    got = read_tables([f"t.{ending}"])
    frame = got.frames[0]
    assert [None if v is pd.NA else v for v in frame["big"]] == [2**60 + 1, None, 3]
    assert frame["small"].dtype == "float64"
    assert frame["money"].dtype == "float64"
    assert frame["money"].tolist()[::2] == [0.1, 1.25]
    assert frame["dictionary"].dtype == "category"
    assert frame["dictionary"].tolist()[:2] == ["NA", "b"]
    assert frame["code"].tolist() == ["01", "NA", ""]
    assert frame["float"].tolist()[0] == 2.0**60
    assert got.notes == (f"column 'money' of t.{ending} holds decimals, read as float64.",)


def test_decimals_beyond_a_float_are_counted(arrow):
    pd.DataFrame({"d": [Decimal("0.12345678901234567890"), Decimal("0.5")]}).to_parquet("t.parquet")
    assert "which rounded 1 of them" in read_tables(["t.parquet"]).notes[0]


def test_an_index_that_the_model_knows_is_a_column(arrow):
    frame = pd.DataFrame({"id": [3, 1], "age": [30, 40], "a": [1.0, 2.0]})
    frame.set_index(["id", "age"]).to_parquet("t.parquet")
    got = read_tables(["t.parquet"], fitted={"a": FittedColumn(), "age": FittedColumn()})
    assert got.frames[0].to_dict("list") == {"age": [30, 40], "a": [1.0, 2.0]}
    assert got.notes == ("the index id of t.parquet was left out; write it as a column if it is one.",)


@pytest.mark.parametrize("ending", ["parquet", "feather"])
def test_damaged_binary_files(arrow, ending):
    Path(f"t.{ending}").write_text("hello")
    with pytest.raises(ValueError, match=rf"t.{ending} cannot be read as a .{ending} file: "):
        read_table(f"t.{ending}")
