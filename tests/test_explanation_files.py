"""Explanations as files: exact, whole, and safe to show."""

from __future__ import annotations

import json
from collections import namedtuple
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from explanation_cases import assert_same, attribution, data, importance

import xaikit as xk
from xaikit.explanations.base import Explanation

AWKWARD = [np.nan, np.inf, -np.inf, -0.0, 5e-324, 1 / 3, np.nextafter(1.0, 2.0), 1.7e308]


class Odd(tzinfo):
    """A zone that no file can name."""

    def utcoffset(self, when):
        return timedelta(hours=1)


def awkward_data():
    days = pd.to_datetime(["2020-01-01 00:00:00.123456", None])
    return pd.DataFrame({
        "float": [np.nan, -0.0], "float32": np.array([0.1, np.inf], dtype=np.float32),
        "int": np.array([-(2**63), 2**63 - 1]), "uint64": np.array([0, 2**64 - 1], dtype=np.uint64),
        "int8": np.array([1, -1], dtype=np.int8), "bool": [True, False],
        "kind": pd.Categorical(["a", None], categories=["b", "a"], ordered=True),
        "numbers": pd.Categorical([2.5, 1.5], categories=[2.5, 1.5]),
        "str": pd.Series(["ü <b>", None], dtype="str"), "string": pd.array(["x", pd.NA], dtype="string"),
        "object": pd.Series([1, None], dtype=object),
        "object2": pd.Series(["1", ("t", 1.5)], dtype=object),
        "day": days, "nanoseconds": days.astype("datetime64[ns]"),
        "zoned": days.tz_localize("Europe/Berlin"), "utc": days.tz_localize("UTC"),
        "span": pd.to_timedelta([1, None], unit="h"),
        "Int64": pd.array([2**60 + 1, pd.NA], dtype="Int64"),
        "boolean": pd.array([True, pd.NA], dtype="boolean"),
        "Float64": pd.array([0.1, pd.NA], dtype="Float64"),
    })


@pytest.mark.parametrize("name", list(awkward_data()))
def test_every_column_comes_back(name, tmp_path):
    e = attribution(features=("f",), rows=(0, 1), data=awkward_data()[[name]])
    assert_same(xk.Attribution.from_json(e.to_json()), e)
    assert_same(xk.load_explanation(e.save(tmp_path / "e.json")), e)


@pytest.mark.parametrize("rows", [
    (0, 1), ("a", "b"), (("a", 1), ("b", 2.5)), (None, float("inf")), (np.int64(3), np.float32(0.1)),
    (pd.Timestamp("2024-01-01", tz="Europe/Berlin"), pd.Timedelta("1h")), (True, 10**30),
    (pd.Timestamp("2024-03-31 02:30:00.000000001"), np.datetime64("2020-01-01")),
], ids=repr)
def test_every_row_name_comes_back(rows):
    e = attribution(features=("f",), rows=rows)
    back = xk.Attribution.from_json(e.to_json())
    assert_same(back, e)
    assert [type(a) for a in back.row_names] == [type(a) for a in rows]


def test_every_bit_of_a_float_comes_back(tmp_path):
    values = np.array(AWKWARD).reshape(2, 2, 2)
    e = attribution(features=("a", "b"), rows=(0, 1), values=values, fidelity=np.full((2, 2), np.nan),
                    settings={"a": None, "b": 0.1, "c": [1, "x", {"d": np.inf}], "e": (1, 2), "f": True},
                    random_state=2**63, cost=xk.Cost(1, 2, 3, 0.1, 0.2), warnings=("ü <&>",))
    text = e.to_json()
    # Strict JSON: other readers stumble over NaN and Infinity.
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert_same(xk.Attribution.from_json(text), e)
    assert_same(xk.load_explanation(e.save(tmp_path / "e.json")), e)


def test_bits_of_ten_thousand_floats(rng):
    bits = rng.integers(2**63, size=(1, 10_000, 1)).view(np.float64)
    bits = np.where(np.isnan(bits), 0.0, bits)
    e = attribution(features=tuple(map(str, range(10_000))), outputs=("o",), rows=(0,), values=bits)
    assert xk.Attribution.from_json(e.to_json()).values.tobytes() == bits.tobytes()


@pytest.mark.parametrize("i", [
    importance(), importance(p_values=np.full((3, 2), 0.5)), importance()[[]],
    attribution().importance(), attribution()[[]], attribution(data=None)],
    ids=["plain", "p values", "empty", "of attribution", "empty attribution", "no data"])
def test_results_come_back(i, tmp_path):
    assert_same(xk.load_explanation(i.save(str(tmp_path / "i.json"))), i)
    assert_same(Explanation.from_dict(i.to_dict()), i)


def test_names_of_columns_come_back():
    frame = data()
    frame.columns = [3, ("a", "b"), "c"]
    e = attribution(data=frame)
    pd.testing.assert_frame_equal(xk.Attribution.from_json(e.to_json()).data, frame)


def test_another_type_is_refused():
    text = attribution().to_json()
    with pytest.raises(ValueError, match="expected Importance, got Attribution"):
        xk.Importance.from_json(text)
    assert isinstance(Explanation.from_json(text), xk.Attribution)


@pytest.mark.parametrize(("text", "words"), [
    ("not json", "e.json: this is not JSON"), ("[1, 2]", "holds a JSON list"), ("{}", "got type None"),
    ('{"type": "Sorcery", "format": 2, "fields": {}}', "'Sorcery'"),
    ('{"type": "Attribution", "format": 99, "fields": {}}', "format 99"),
])
def test_files_of_something_else(tmp_path, text, words):
    path = tmp_path / "e.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=words):
        xk.load_explanation(path)


@pytest.mark.parametrize("settings", [{"a": object()}, {"a": {1}}, {"a": {1: 2}},
                                      {"a": np.zeros(1, dtype="i4,i4")}],
                         ids=["object", "set", "numbered keys", "structured array"])
def test_what_json_cannot_hold_is_said(settings):
    with pytest.raises(TypeError, match="JSON"):
        attribution(settings=settings).to_json()


@pytest.mark.parametrize("column", [
    [object(), 1], [datetime(2024, 5, 1, tzinfo=Odd()), None]], ids=["object", "zone"])
def test_columns_that_json_cannot_hold_are_said(column, tmp_path):
    e = attribution(features=("f",), rows=(0, 1), data=pd.DataFrame({"f": column}))
    with pytest.raises(TypeError, match="JSON cannot hold"):
        e.save(tmp_path / "e.json")
    assert not (tmp_path / "e.json").exists()


BERLIN = ZoneInfo("Europe/Berlin")
CELLS = {
    "decimals": [Decimal("1.10"), Decimal("-0"), Decimal("1E+5"), Decimal("NaN"), None],
    "fractions": [Fraction(-1, 3), Fraction(10**30, 7)],
    "complex": [complex(1.5, -0.0), complex(float("inf"), 5e-324)],
    "bytes": [b"", b"\x00\xff"],
    "dates": [date(2024, 2, 29), date.min, date.max],
    "times": [datetime(2024, 10, 27, 2, 30, 0, 1), datetime.max,
              datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN, fold=1),
              datetime(2024, 10, 27, tzinfo=UTC),
              datetime(2024, 10, 27, tzinfo=timezone(timedelta(hours=-3, minutes=-30)))],
    "times of day": [time(2, 30, fold=1), time(1, 2, 3, 4, tzinfo=UTC), time(5, tzinfo=BERLIN)],
    "durations": [timedelta(days=-1, microseconds=1), timedelta.max],
    "intervals": [pd.Interval(0, 1), pd.Interval(0.0, 1.0, "neither"),
                  pd.Interval(pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-02"), "left")],
    "periods": [pd.Period("2024-02", "M"), pd.Period("2024-02-01", "D"), pd.NaT],
    "tuples": [("a", 1.5, (None, Decimal(1))), ()],
    "markers": [None, np.nan, pd.NA, pd.NaT, np.datetime64("NaT", "D")],
    "NumPy's": [np.complex64(1 - 2j), np.bytes_(b"ab"), np.float32(0.1), np.int8(-1), np.float64(0.1)],
    "NumPy's texts and times": [np.str_("a"), np.datetime64(5, "ps"), np.timedelta64(3, "M"), np.True_, np.float64("inf")],
}


@pytest.mark.parametrize("name", CELLS)
def test_every_cell_comes_back(name):
    """With its type and all it holds: the repr says both."""
    cells = CELLS[name]
    column = pd.Series([cells[i % len(cells)] for i in range(5)], dtype=object)
    e = attribution(features=("f",), rows=tuple(range(5)), data=pd.DataFrame({"f": column}))
    back = xk.Attribution.from_json(e.to_json()).data["f"]
    assert back.dtype == object
    assert list(map(repr, back)) == list(map(repr, column))
    assert [getattr(v, "fold", 0) for v in back] == [getattr(v, "fold", 0) for v in column]


@pytest.mark.parametrize("column", [
    pd.cut([1.0, 2.0, np.nan], 2), pd.cut(pd.to_datetime(["2024-01-01", "2024-05-01", None]), 2),
    pd.arrays.IntervalArray.from_tuples([(0, 1), (1, 2), (1, 3)], closed="both"),
    pd.arrays.IntervalArray.from_tuples([(0.0, 0.1), None, (1.0, 3.0)]),
    pd.Categorical([Decimal("1.1"), None, Decimal("1.1")]),
    np.array([complex(1.5, -0.0), complex(np.nan, np.inf), 0j]),
    np.array([1j, 2, 3], dtype=np.complex64),
    np.array([1 + np.finfo(np.longdouble).eps, np.nan, np.longdouble("1e-4000")]),
    pd.arrays.SparseArray([0.0, 1.5, np.nan]),
    pd.DataFrame(np.array([[b"a"], [b"bc"], [b""]]))[0],
    pd.Series([pd.Period(ordinal=10**6, freq="M"), pd.Period(ordinal=-(10**6), freq="M"), pd.NaT]),
    pd.Series(pd.period_range("2020", periods=3, freq="2Q-NOV")),
    pd.Series(pd.arrays.FloatingArray(np.array([np.nan, 1, 2]), np.array([False, True, False]))),
], ids=["cut", "cut dates", "intervals", "missing intervals", "levels", "complex", "complex64",
        "long floats", "sparse", "byte array", "far periods", "quarters", "NaN beside NA"])
def test_every_dtype_comes_back(column):
    e = attribution(features=("f",), rows=(0, 1, 2), data=pd.DataFrame({"f": column}))
    back = xk.Attribution.from_json(e.to_json()).data
    pd.testing.assert_frame_equal(back, e.data, check_exact=True)
    assert repr(list(back["f"])) == repr(list(e.data["f"]))


class Level(StrEnum):
    LOW = "low"


class Price(float):
    pass


Place = namedtuple("Place", "city zip")


@pytest.mark.parametrize("cell", [Level.LOW, Price(1.5), Place("Ulm", "89073")], ids=["enum", "float", "named tuple"])
def test_cells_that_would_come_back_as_another_type_are_said(cell, tmp_path):
    e = attribution(features=("f",), rows=(0, 1), data=pd.DataFrame({"f": pd.Series([cell, None], dtype=object)}))
    with pytest.raises(TypeError, match=f"of type {type(cell).__name__} exactly; convert it to numbers"):
        e.save(tmp_path / "e.json")
    assert not list(tmp_path.iterdir())


def test_periods_are_kept():
    months = pd.Series(pd.PeriodIndex(["2020-01", None], freq="M"))
    e = attribution(features=("f",), rows=(0, 1), data=pd.DataFrame({"f": months}))
    pd.testing.assert_frame_equal(xk.Attribution.from_json(e.to_json()).data, e.data)


def test_save_tables(tmp_path):
    e = attribution(rows=(0, 1, 2, 3))
    path = e.save(tmp_path / "e.csv")
    got = pd.read_csv(path, keep_default_na=False, na_values=[])
    # The shortest text of a float is read back as the same float.
    assert got["value"].astype(float).tolist() == e.to_frame()["value"].tolist()
    assert list(got["feature"]) == list(e.to_frame()["feature"])
    pytest.importorskip("pyarrow")
    got = pd.read_parquet(e.save(str(tmp_path / "e.parquet")))
    wide = e.to_frame("wide")
    assert got["row"].tolist() == wide["row"].tolist()
    for name in ("output", "base_value", "prediction"):
        assert got[name].tolist() == wide[name].tolist()
    for j, name in enumerate(e.feature_names):
        np.testing.assert_array_equal(got[f"value: {name}"], e.values[:, j].ravel())
        np.testing.assert_array_equal(got[f"error: {name}"], e.standard_errors[:, j].ravel())
    i = importance()
    got = pd.read_parquet(i.save(tmp_path / "i.parquet"))
    pd.testing.assert_frame_equal(got, i.to_frame(), check_dtype=False)


def test_parquet_holds_text_where_arrow_would_change_cells_or_stop(tmp_path):
    pa = pytest.importorskip("pyarrow")
    noon = pd.Timestamp("2024-07-01 12:00")
    cells = {
        "dates and times": [date(2024, 1, 1), noon], "zones": [noon.tz_localize("Europe/Berlin"), noon.tz_localize("America/New_York")],
        "naive and not": [noon, noon.tz_localize("UTC")], "texts and bytes": ["1", b"1"], "numbers and truth": [1, True],
        "large": [2**70, 1], "half": ["x\ud800", "y"], "truth beside": [True, None], "numbers": [1, 2.5], "stamps": [noon, noon],
        "clocks": [time(1, tzinfo=UTC), time(2, tzinfo=UTC)], "lists": [[1], [2, 3]], "nothing": [None, None],
    }
    table = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in cells.items()})
    table["records"] = pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array([pa.array([{"a": 1}, {"a": 2}])])))
    table["levels"] = pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array([pa.array(["a", "b"]).dictionary_encode()])))
    e = attribution(features=tuple(map(str, range(table.shape[1]))), rows=("p", "q"), data=table)
    got = pd.read_parquet(e.save(tmp_path / "e.parquet")).iloc[::len(e.output_names)].filter(like="data: ")
    assert got["data: clocks"].tolist() == ["01:00:00+00:00", "02:00:00+00:00"]
    assert got["data: levels"].tolist() == ["a", "b"]
    assert got["data: truth beside"].tolist() == [True, None]
    for name in list(cells)[:7]:
        assert got[f"data: {name}"].tolist() == [str(v).replace("\ud800", "\\ud800") for v in cells[name]]
    assert got["data: numbers"].tolist() == [1, 2.5]
    assert got["data: stamps"].tolist() == [noon, noon]
    assert [list(v) for v in got["data: lists"]] == [[1], [2, 3]]
    assert got["data: records"].tolist() == [{"a": 1}, {"a": 2}]


def test_settings_that_are_nested_too_deeply_are_refused(tmp_path):
    deep = []
    for _ in range(3000):
        deep = [deep]
    with pytest.raises(TypeError, match="settings: it is nested too deeply"):
        attribution(settings={"a": deep}).save(tmp_path / "e.json")


def test_parquet_holds_data_in_their_own_dtypes(tmp_path):
    pytest.importorskip("pyarrow")
    table = pd.DataFrame({
        "number": [1.5, 2.5], "whole": np.array([1, 2], dtype=np.int8), "text": ["a", None],
        "level": pd.Categorical(["x", "y"]), "day": pd.to_datetime(["2024-01-01", "2024-05-01"]),
        "fee": [Decimal("1.10"), Decimal("2.20")], "mixed": pd.Series([1, "1"], dtype=object),
        "sparse": pd.arrays.SparseArray([0.0, 1.0]), "flag": pd.array([True, None], dtype="boolean")})
    e = attribution(features=tuple(table), rows=("p", "q"), data=table)
    got = pd.read_parquet(e.save(tmp_path / "e.parquet")).filter(like="data: ")
    k = len(e.output_names)
    for name in table:
        own = got[f"data: {name}"].iloc[::k].reset_index(drop=True)
        if name == "mixed":
            assert own.tolist() == ["1", "1"]
        elif name == "sparse":
            assert own.tolist() == [0.0, 1.0]
        else:
            pd.testing.assert_series_equal(own, table[name], check_names=False, check_dtype=name != "text")


@pytest.mark.parametrize("name", ["e.pkl", "e", "e.xlsx"])
def test_save_elsewhere(tmp_path, name):
    with pytest.raises(ValueError, match="use one of .json, .csv, .parquet, .html"):
        attribution().save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("make", [attribution, importance])
def test_html_is_escaped(make, tmp_path):
    evil = "<script>alert('&')</script>"
    more = {"data": pd.DataFrame({evil: [evil] * 4})} if make is attribution else {}
    e = make(features=(evil,), outputs=(evil,), method=evil, warnings=(evil,), **more)
    for text in (e._repr_html_(), e.save(tmp_path / "e.html").read_text(encoding="utf8")):
        assert "<script" not in text
        assert "&lt;script&gt;" in text


def test_repr():
    assert repr(attribution()).startswith("<Attribution by Test: 4 rows × 3 features × 2 outputs; 0 ")
    assert repr(importance()).startswith("<Importance by Test: 3 features × 2 outputs; 0 ")


@pytest.mark.parametrize("make", [attribution, importance])
def test_a_printed_explanation_has_its_warnings(make):
    one, two = make(warnings=("Look.",)), make(warnings=("Look.", "Look again."))
    assert repr(one).endswith("; 1 warning>")
    assert str(two) == f"{two!r}\nwarning: Look.\nwarning: Look again."
    assert str(make(warnings=())) == repr(make(warnings=()))
    assert "warning" not in repr(make(warnings=()))


def test_a_result_without_methods_of_its_own_says_so():
    from dataclasses import dataclass

    @dataclass(frozen=True, kw_only=True, repr=False, eq=False)
    class Bare(Explanation):
        pass

    bare = Bare(method="m", feature_names=(), output_names=())
    with pytest.raises(TypeError, match="Bare has no frame"):
        bare.to_frame()
    with pytest.raises(TypeError, match="Bare has no summary"):
        repr(bare)
    assert Bare.from_json(bare.to_json()).to_dict() == bare.to_dict()
