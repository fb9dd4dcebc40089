"""Tests of results: shapes, slices, frames, exact files, and other people's plots."""

from __future__ import annotations

import json
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

import xaikit as xk
from xaikit.explanations.base import Explanation, resolve

FEATURES = ("age", "city", "when")
OUTPUTS = ("no", "yes")
ROWS = ("r0", 7, ("a", 1), pd.Timestamp("2024-02-29"))
PER_CELL = ("values", "standard_errors")
PER_OUTPUT = ("base_values", "predictions", "base_errors", "fidelity")


def data(n=4):
    return pd.DataFrame({
        "age": np.arange(n) * 10.0,
        "city": pd.Categorical(["Ulm", "Bonn", None, "Ulm"][:n], categories=["Ulm", "Kiel", "Bonn"]),
        "when": pd.to_datetime(["2020-01-01", "2021-06-01", "2019-05-05", None][:n]),
    })


def attribution(rng=None, features=FEATURES, outputs=OUTPUTS, rows=ROWS, **more):
    rng = np.random.default_rng(1) if rng is None else rng
    n, m, k = len(rows), len(features), len(outputs)
    given = {
        "method": "Test", "values": rng.normal(size=(n, m, k)),
        "base_values": rng.normal(size=(n, k)), "predictions": rng.normal(size=(n, k)),
        "standard_errors": rng.random((n, m, k)), "base_errors": rng.random((n, k)),
        "fidelity": rng.random((n, k)), "row_names": rows, "feature_names": features,
        "output_names": outputs, "details": {"extra": rng.normal(size=(n, 2)), "name": np.array(
            [f"n{i}" for i in range(n)])},
    }
    if features == FEATURES and n <= 4:
        given["data"] = data(n)
    return xk.Attribution(**{**given, **more})


def importance(features=FEATURES, outputs=OUTPUTS, **more):
    rng = np.random.default_rng(2)
    shape = (len(features), len(outputs))
    given = {"method": "Test", "feature_names": features, "output_names": outputs,
             "values": rng.normal(size=shape), "lower": rng.normal(size=shape),
             "details": {"signed": rng.normal(size=shape), "deep": rng.normal(size=(*shape, 5))}}
    return xk.Importance(**{**given, **more})


def assert_same(a, b):
    """Compare every field to the last bit; frames with their dtypes."""
    assert type(a) is type(b)
    for f in fields(a):
        x, y = getattr(a, f.name), getattr(b, f.name)
        if isinstance(x, np.ndarray):
            assert_same_array(x, y)
        elif isinstance(x, pd.DataFrame):
            pd.testing.assert_frame_equal(x, y)
        elif f.name == "details":
            assert list(x) == list(y)
            for name in x:
                assert_same_array(x[name], y[name])
        else:
            assert x == y, f.name
            assert type(x) is type(y)


def assert_same_array(x, y):
    assert (x.dtype, x.shape) == (y.dtype, y.shape)
    if x.dtype == object:
        assert x.tolist() == y.tolist()
    else:
        assert x.tobytes() == y.tobytes()


# Shapes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("field", "shape"), [
    ("values", (4, 3)), ("values", (4, 2, 2)), ("values", (4, 3, 1)), ("standard_errors", (4, 3)),
    ("base_values", (2,)), ("base_values", (4, 1)), ("predictions", (3, 2)), ("base_errors", (4,)),
    ("fidelity", (4, 2, 1)),
])
def test_attribution_shapes_are_checked(field, shape):
    with pytest.raises(ValueError, match=f"{field} has shape"):
        attribution(**{field: np.zeros(shape)})


@pytest.mark.parametrize("more", [
    {"row_names": ("a", "b")}, {"data": data(3)},
])
def test_attribution_rows_are_checked(more):
    with pytest.raises(ValueError, match="4 rows of values do not fit"):
        attribution(**more)


@pytest.mark.parametrize(("field", "shape"), [
    ("values", (3,)), ("values", (2, 3)), ("lower", (3, 1)), ("upper", (3,)),
    ("standard_errors", (1, 2)), ("p_values", (3, 3)),
])
def test_importance_shapes_are_checked(field, shape):
    with pytest.raises(ValueError, match=f"{field} has shape"):
        importance(**{field: np.zeros(shape)})


@pytest.mark.parametrize("make", [attribution, importance])
def test_details_are_checked(make):
    with pytest.raises(ValueError, match=r"details\['x'\] has shape \(1,\)"):
        make(details={"x": [1.0]})


def test_what_is_not_given_is_unknown():
    e = attribution(standard_errors=None, base_errors=None, fidelity=None, row_names=None)
    for name in ("standard_errors", "base_errors", "fidelity"):
        assert np.isnan(getattr(e, name)).all()
    assert e.standard_errors.shape == (4, 3, 2)
    assert e.row_names == (0, 1, 2, 3)
    i = importance(lower=None)
    assert np.isnan(i.lower).all()
    assert i.p_values is None


@pytest.mark.parametrize("e", [attribution(), importance(p_values=np.zeros((3, 2)))],
                         ids=["attribution", "importance"])
def test_results_are_frozen(e):
    with pytest.raises(AttributeError):
        e.values = e.values
    arrays = [getattr(e, f.name) for f in fields(e)] + list(e.details.values())
    arrays = [a for a in arrays if isinstance(a, np.ndarray)]
    assert len(arrays) >= 6
    for array in arrays:
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0


def test_results_own_their_arrays():
    values = np.zeros((4, 3, 2))
    e = attribution(values=values)
    values[:] = 1.0
    assert not e.values.any()


# Slices ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rows", "positions"), [
    (0, [0]), (-1, [3]), (np.int64(2), [2]), (slice(1, 3), [1, 2]), (slice(None, None, -2), [3, 1]),
    ("r0", [0]), (ROWS[3], [3]), ([2, 0], [2, 0]), (["r0", 1], [0, 1]), ([], []),
    (np.array([3, 3]), [3, 3]), (range(2), [0, 1]), (np.array([True, False, False, True]), [0, 3]),
    ([True, False, True, False], [0, 2]), (pd.Series([False, True, True, False]), [1, 2]),
    (pd.Index([1, 2]), [1, 2]), (slice(0, 0), []),
], ids=repr)
def test_rows_are_sliced(rows, positions):
    e = attribution()
    got = e[rows]
    assert got.row_names == tuple(ROWS[i] for i in positions)
    assert len(got) == got.n_rows == len(positions)
    for name in PER_CELL + PER_OUTPUT:
        assert_same_array(getattr(got, name), getattr(e, name)[positions])
    for name in e.details:
        np.testing.assert_array_equal(got.details[name], e.details[name][positions])
    pd.testing.assert_frame_equal(got.data, e.data.iloc[positions].reset_index(drop=True))
    assert (got.feature_names, got.output_names) == (FEATURES, OUTPUTS)


@pytest.mark.parametrize(("key", "features", "outputs"), [
    ((slice(None), "city"), [1], [0, 1]),
    ((slice(None), ["when", "age"]), [2, 0], [0, 1]),
    ((slice(None), np.array([True, False, True])), [0, 2], [0, 1]),
    ((slice(None), slice(None), "yes"), [0, 1, 2], [1]),
    ((slice(None), -1, 0), [2], [0]),
    ((slice(None), slice(1, None), [1, 0]), [1, 2], [1, 0]),
    ((slice(None), [], "yes"), [], [1]),
], ids=repr)
def test_features_and_outputs_are_sliced(key, features, outputs):
    e = attribution()
    got = e[key]
    assert_same_array(got.values, np.ascontiguousarray(e.values[:, features][:, :, outputs]))
    assert_same_array(got.fidelity, np.ascontiguousarray(e.fidelity[:, outputs]))
    assert got.feature_names == tuple(FEATURES[j] for j in features)
    assert got.output_names == tuple(OUTPUTS[k] for k in outputs)
    # The rows stay whole: a feature's partners are wanted for colours.
    assert list(got.data.columns) == list(e.data.columns)


def test_slices_of_slices():
    e = attribution()
    assert_same(e[1:][:, "age"][0], e[1, 0])
    assert_same(e[:, :, :], e)
    assert e[0, 0, 0].values.shape == (1, 1, 1)


@pytest.mark.parametrize(("key", "features", "outputs"), [
    ("city", [1], [0, 1]), (0, [0], [0, 1]), (slice(2), [0, 1], [0, 1]), (["when", "age"], [2, 0], [0, 1]),
    ((slice(None), "yes"), [0, 1, 2], [1]), ((-1, -1), [2], [1]),
], ids=repr)
def test_importance_is_sliced(key, features, outputs):
    i = importance(p_values=np.random.default_rng(0).random((3, 2)))
    got = i[key]
    for name in ("values", "standard_errors", "lower", "upper", "p_values"):
        np.testing.assert_array_equal(getattr(got, name), getattr(i, name)[np.ix_(features, outputs)])
    assert got.details["deep"].shape == (len(features), len(outputs), 5)
    assert got.feature_names == tuple(FEATURES[j] for j in features)


@pytest.mark.parametrize(("key", "error", "words"), [
    ("nobody", KeyError, "no row named 'nobody'"),
    (9, IndexError, "row 9 is out of range: there are 4"),
    (-5, IndexError, "out of range"),
    ((0, "sex"), KeyError, "no feature named 'sex'; there are age, city, when"),
    ((0, 0, "maybe"), KeyError, "no output named"),
    ((0, 0, 0, 0), IndexError, "at most rows, features and outputs"),
    (np.array([True, False]), IndexError, "does not fit 4 rows"),
    ([True, False], IndexError, "does not fit 4 rows"),
    ((0, 3), IndexError, "feature 3"),
], ids=repr)
def test_bad_keys(key, error, words):
    with pytest.raises(error, match=words):
        attribution()[key]


def test_bad_keys_of_importance():
    with pytest.raises(KeyError, match="no feature named"):
        importance()["sex"]
    with pytest.raises(IndexError, match="got 3 keys"):
        importance()[0, 0, 0]


def test_a_row_named_by_a_tuple_is_found():
    assert attribution()[[("a", 1)]].row_names == (("a", 1),)


def test_numbers_are_positions_and_text_is_names():
    assert list(resolve((3, 2, 1, 0), 0, "row")) == [0]
    assert list(resolve(("1", "0"), "0", "row")) == [1]


# Numbers -----------------------------------------------------------------------------------------


def test_gap():
    e = attribution()
    ref = np.array([[e.predictions[i, k] - e.base_values[i, k] - sum(e.values[i, :, k])
                     for k in range(2)] for i in range(4)])
    np.testing.assert_allclose(e.gap(), ref, atol=1e-14)


def test_importance_by_hand():
    values = np.array([[1.0, -4.0], [-3.0, 0.0], [2.0, 1.0]])[:, :, None]
    e = attribution(features=("a", "b"), outputs=("o",), rows=(0, 1, 2), values=values)
    got = e.importance()
    # |1|, |−3|, |2|: mean 2, deviation 1, error 1/√3. |−4|, 0, |1|: mean 5/3, deviation √(13/3).
    np.testing.assert_allclose(got.values[:, 0], [2.0, 5 / 3], rtol=1e-14)
    errors = np.array([1 / np.sqrt(3), np.sqrt(13 / 3) / np.sqrt(3)])
    np.testing.assert_allclose(got.standard_errors[:, 0], errors, rtol=1e-14)
    reach = 1.959963984540054 * errors
    np.testing.assert_allclose(got.upper[:, 0], [2.0 + reach[0], 5 / 3 + reach[1]], rtol=1e-12)
    # Mean sizes are not negative, so intervals end at 0.
    np.testing.assert_allclose(got.lower[:, 0], [2.0 - reach[0], 0.0], rtol=1e-12)
    np.testing.assert_allclose(got.details["signed"][:, 0], [0.0, -1.0], atol=1e-15)
    assert got.method == "mean |Test|"
    narrow = e.importance(confidence=0.5)
    np.testing.assert_allclose((narrow.upper - narrow.values)[:, 0], 0.6744897501960817 * errors,
                               rtol=1e-12)


def test_importance_of_one_row_has_no_interval():
    got = attribution()[0].importance()
    assert np.isnan(got.standard_errors).all()
    assert np.isnan(got.upper).all()
    np.testing.assert_array_equal(got.values, np.abs(attribution().values[0]))


def test_order_and_ranks():
    i = importance(values=np.array([[1.0, 0.0], [-3.0, 0.0], [1.0, 2.0]]))
    assert list(i.order()) == [1, 0, 2]
    assert list(i.ranks()) == [2, 1, 3]
    assert list(i.order("yes")) == [2, 0, 1]
    assert len(i) == 3


def test_cost_adds_up():
    a, b = xk.Cost(1, 2, 3, 4, 5.5, 6.5), xk.Cost(10, 20, 30, 40, 50.0, 60.0)
    assert a + b == xk.Cost(11, 22, 33, 44, 55.5, 66.5)
    assert a + xk.Cost() == a
    assert b.overhead_seconds == 10.0
    assert xk.Cost(model_seconds=9.0, seconds=3.0).overhead_seconds == 0.0
    assert str(xk.Cost(12345, calls=2)).startswith("12,345 model rows in 2 calls")


# Frames ------------------------------------------------------------------------------------------


def test_long_frame():
    e = attribution()
    got = e.to_frame()
    assert list(got.columns) == ["row", "feature", "data", "output", "value", "standard_error"]
    assert len(got) == 4 * 3 * 2
    for i in range(4):
        for j in range(3):
            for k in range(2):
                line = got.iloc[(i * 3 + j) * 2 + k]
                assert (line["row"], line["feature"], line["output"]) == (ROWS[i], FEATURES[j], OUTPUTS[k])
                assert line["value"] == e.values[i, j, k]
                assert line["standard_error"] == e.standard_errors[i, j, k]
                assert line["data"] == str(e.data.iloc[i, j])


def test_wide_frame():
    e = attribution()
    got = e.to_frame("wide")
    assert list(got.columns) == ["row", "output", "base_value", "prediction", *FEATURES]
    for i in range(4):
        for k in range(2):
            line = got.iloc[i * 2 + k]
            assert (line["row"], line["output"]) == (ROWS[i], OUTPUTS[k])
            assert line["base_value"] == e.base_values[i, k]
            assert line["prediction"] == e.predictions[i, k]
            np.testing.assert_array_equal(line[list(FEATURES)].astype(float), e.values[i, :, k])


def test_frames_of_importance():
    i = importance(values=np.array([[1.0, 0.0], [-3.0, 0.5], [2.0, 2.0]]))
    long, wide = i.to_frame(), i.to_frame("wide")
    assert list(long["feature"]) == ["city", "when", "age", "when", "city", "age"]
    assert list(long["rank"]) == [1, 2, 3, 1, 2, 3]
    assert list(long["output"]) == ["no"] * 3 + ["yes"] * 3
    assert list(long["lower"][:3]) == list(i.lower[[1, 2, 0], 0])
    assert list(long["signed"][:3]) == list(i.details["signed"][[1, 2, 0], 0])
    assert "p_value" not in long
    assert "p_value" in importance(p_values=np.zeros((3, 2))).to_frame()
    assert list(wide.columns) == ["feature", *OUTPUTS]
    np.testing.assert_array_equal(wide[list(OUTPUTS)], i.values)


@pytest.mark.parametrize("features", [("row", "output"), ("value", "prediction"), ("a", "a")])
def test_frames_with_features_named_like_columns(features):
    e = attribution(features=features)
    assert e.to_frame("wide").shape == (8, 6)
    assert list(e.to_frame()["feature"][:4]) == [features[0]] * 2 + [features[1]] * 2


@pytest.mark.parametrize("e", [attribution(), importance()], ids=["attribution", "importance"])
def test_bad_layout(e):
    with pytest.raises(ValueError, match="layout must be 'long' or 'wide', got 'tall'"):
        e.to_frame("tall")


def test_frames_of_nothing():
    e = attribution()[[]]
    assert e.to_frame().shape == (0, 6)
    assert e.to_frame("wide").shape == (0, 7)
    assert importance()[[]].to_frame().empty


def test_feature_data():
    e = attribution()
    assert list(e.feature_data("age")) == [0.0, 10.0, 20.0, 30.0]
    assert e.feature_data(1).dtype == "category"
    assert attribution(data=None).feature_data("age") is None
    assert attribution(data=data().rename(columns={"age": "years"})).feature_data("age") is None


# Files -------------------------------------------------------------------------------------------

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
                    random_state=2**63, cost=xk.Cost(1, 2, 3, 4, 0.1, 0.2), warnings=("ü <&>",))
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
    with pytest.raises(ValueError, match="this is a Attribution, not a Importance|an Attribution"):
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


# shap --------------------------------------------------------------------------------------------


@pytest.fixture
def shap():
    """Give shap, whose import is slow."""
    return pytest.importorskip("shap")


def test_to_shap_holds_the_numbers(shap):
    e = attribution()
    got = e.to_shap()
    assert isinstance(got, shap.Explanation)
    np.testing.assert_array_equal(got.values, e.values)
    np.testing.assert_array_equal(got.base_values, e.base_values)
    assert list(got.feature_names) == list(FEATURES)
    # Codes in level order (Ulm 0, Kiel 1, Bonn 2); days in time order; missing ones stay missing.
    np.testing.assert_array_equal(
        got.data, [[0, 0, 1], [10, 2, 2], [20, np.nan, 0], [30, 0, np.nan]])
    assert got.display_data[0, 1] == "Ulm"
    single = e[:, :, "yes"].to_shap()
    np.testing.assert_array_equal(single.values, e.values[:, :, 1])
    np.testing.assert_array_equal(single.base_values, e.base_values[:, 1])
    assert attribution(data=None).to_shap().data is None


@pytest.mark.parametrize("output", ["single", "one of two"])
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_shap_s_own_plots(shap, output):
    rows = tuple(range(4))
    e = attribution(outputs=("o",), rows=rows) if output == "single" else attribution(rows=rows)
    got = e.to_shap()
    got = got if output == "single" else got[..., 1]
    shap.plots.waterfall(got[0], show=False)
    shap.plots.bar(got, show=False)
    shap.plots.beeswarm(got, show=False)
    shap.plots.scatter(got[:, "age"], show=False)
    shap.plots.scatter(got[:, 1], color=got[:, 0], show=False)
    import matplotlib.pyplot as plt

    assert plt.gcf().axes
