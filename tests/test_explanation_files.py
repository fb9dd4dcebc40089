"""Explanations as files: exact, whole, and safe to show."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from explanation_cases import assert_same, attribution, data, importance

import xaikit as xk
from xaikit.explanations.base import Explanation

AWKWARD = [np.nan, np.inf, -np.inf, -0.0, 5e-324, 1 / 3, np.nextafter(1.0, 2.0), 1.7e308]


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
    ("not json", "is not JSON"), ("[1, 2]", "holds a JSON list"), ("{}", "got type None"),
    ('{"type": "Sorcery", "format": 1, "fields": {}}', "'Sorcery'"),
    ('{"type": "Attribution", "format": 99, "fields": {}}', "format 99"),
])
def test_files_of_something_else(tmp_path, text, words):
    path = tmp_path / "e.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=words):
        xk.load_explanation(path)


@pytest.mark.parametrize("settings", [{"a": object()}, {"a": 1j}, {"a": {1: 2}}, {"a": np.array([1j])}],
                         ids=["object", "complex", "numbered keys", "complex array"])
def test_what_json_cannot_hold_is_said(settings):
    with pytest.raises(TypeError, match="JSON"):
        attribution(settings=settings).to_json()


@pytest.mark.parametrize("column", [
    pd.cut([1.0, 2.0], 2), [1j, 2j]], ids=["interval", "complex"])
def test_columns_that_json_cannot_hold_are_said(column, tmp_path):
    e = attribution(features=("f",), rows=(0, 1), data=pd.DataFrame({"f": column}))
    with pytest.raises(TypeError, match="JSON cannot hold"):
        e.save(tmp_path / "e.json")
    assert not (tmp_path / "e.json").exists()


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
    pd.testing.assert_frame_equal(got, e.to_frame(), check_dtype=False)
    importance().save(tmp_path / "i.parquet")


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
