"""Conditions: the same rows by mask, in SQLite and by DataFrame.query, whatever the cells and names."""

from __future__ import annotations

import json
import math
import sqlite3
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from condition_cases import (
    BOUNDED,
    COLUMNS,
    NAMES,
    NO_GAPS,
    a_column_and_a_condition,
    build,
    check_everywhere,
)
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

import xaikit as xk
from xaikit.tables.sql import literal

Condition = xk.Condition
pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")


# --- masks, SQL and queries

@settings(max_examples=150)
@given(a_column_and_a_condition(BOUNDED, True), NAMES)
@example(("float64", [0.1, 0.2], {"low": 0.1}), "x")
@example(("float32", [float(np.float32(0.1)), 0.25], {"high": 0.1}), "x")
@example(("int64", [2**53, 2**53 + 1], {"high": 2.0**53}), "x")
@example(("float64", [2.0**53, 2.0**53 + 2], {"high": 2**53 + 1, "closed": "neither"}), "x")
@example(("float64", [2.0**53, 2.0**53 + 2], {"low": 2**53 + 1, "closed": "both"}), "x")
@example(("float64", [7.2057594037927945e75, None], {"low": 7.2057594037927945e75, "closed": "left"}), "x")
def test_bounds(case, name):
    assume(name != "another column")
    check_everywhere(*case[:2], name, case[2])


@settings(max_examples=150)
@given(a_column_and_a_condition(list(COLUMNS), False), NAMES)
def test_levels(case, name):
    assume(name != "another column")
    check_everywhere(*case[:2], name, case[2])


VALUE_OF = {"TEXT": "a", "TIMESTAMP": pd.Timestamp("2024-05-01"), "DATE": date(2024, 5, 1),
            None: pd.Timedelta("1h")}


@pytest.mark.parametrize("kind", COLUMNS)
def test_missing_known_and_never_of_every_dtype(kind):
    value = VALUE_OF.get(COLUMNS[kind][2], 1)
    cells = [value, value] if kind in NO_GAPS else [value, None]
    for settings_ in ({"missing": "only"}, {}, {"missing": True}, {"levels": []}):
        check_everywhere(kind, cells, "a b", settings_)


def test_nan_is_missing_even_where_arrow_keeps_it_apart():
    column = pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array([[1.0, math.nan, None]])))
    frame = pd.DataFrame({"x": column})
    assert Condition("x", missing="only").mask(frame).tolist() == [False, True, True]
    assert Condition("x", high=2.0, missing=True).mask(frame).tolist() == [True, True, True]


@given(st.floats(allow_nan=False))
@example(0.707056753354459)  # SQLite 3.40 reads these digits off by one bit
@example(3.975656703568297e-297)
@example(7.2057594037927945e75)
@example(0.30000000000000004)
@example(2.2250738585072011e-308)
def test_sqlite_reads_every_float_to_the_last_bit(value):
    (got,) = sqlite3.connect(":memory:").execute(f"SELECT {literal(value)}").fetchone()
    assert got == value


def test_floats_are_written_plainly_where_one_rounding_is_enough():
    for value in (0.30000000000000004, 1e23, 0.707056753354459):
        assert literal(value).startswith("(CAST(")
    assert [literal(v) for v in (28.5, 0.1, -3.0, 1e20)] == ["28.5", "0.1", "-3.0", "1e+20"]


@pytest.mark.parametrize("value", ["a\0b", "\ud800", 2**63, -2**63 - 1, pd.Timedelta("1h"), Fraction(1, 3),
                                   pd.Timestamp("2024-05-01", tz="Europe/Berlin")])
def test_what_sql_cannot_hold(value):
    with pytest.raises(ValueError, match="SQL"):
        Condition("x", levels=[value]).to_sql()
    with pytest.raises(ValueError, match="SQL cannot hold"):
        Condition("a\0", low=1).to_sql()


def test_a_name_cannot_end_the_quotes():
    name, text = 'x" OR 1=1; DROP TABLE t; --', "'); DROP TABLE t; --"
    check_everywhere("object of text", [text, "b", None], name, {"levels": [text]})


def test_a_column_called_true_is_not_read_for_the_value():
    connection = sqlite3.connect(":memory:")
    connection.execute('CREATE TABLE t ("true" INTEGER, flag INTEGER)')
    connection.execute("INSERT INTO t VALUES (0, 1)")
    text = Condition("flag", levels=[True]).to_sql()
    assert connection.execute(f"SELECT COUNT(*) FROM t WHERE {text}").fetchone() == (1,)


def test_times_of_a_zone():
    days = pd.date_range("2024-03-30", periods=4, tz="Europe/Berlin").as_unit("us")
    frame = pd.DataFrame({"day": days, "arrow": days.to_series(index=range(4)).astype(
        pd.ArrowDtype(pa.timestamp("us", "Europe/Berlin")))})
    for name in frame:
        condition = Condition(name, low=days[1])
        assert condition.mask(frame).tolist() == [False, False, True, True]
        assert frame.query(condition.to_pandas_query()).index.tolist() == [2, 3]
        again = Condition.from_dict(json.loads(json.dumps(condition.to_dict())))
        assert (again, str(again.low)) == (condition, str(days[1]))
    with pytest.raises(TypeError, match="cannot be compared with"):
        Condition("day", low=pd.Timestamp("2024-03-31")).mask(frame)


# --- tables

@pytest.mark.parametrize("table", [
    np.array([[1.0, 30.0], [2.0, np.nan], [3.0, 50.0]]),
    [[1.0, 30.0], [2.0, math.nan], [3.0, 50.0]],
    np.array([[1, 30], [2, None], ["c", 50]], dtype=object),
])
def test_arrays_by_position_and_name(table):
    want = [True, False, False]
    assert Condition(1, high=44).mask(table).tolist() == want
    assert Condition("x1", high=44).mask(table).tolist() == want
    assert Condition("age", high=44).mask(table, columns=["id", "age"]).tolist() == want
    for condition in (Condition(2, high=44), Condition("x2", high=44), Condition("age", high=44)):
        with pytest.raises(KeyError, match="column"):
            condition.mask(table)


def test_other_containers():
    polars = pytest.importorskip("polars", reason="polars is not installed")
    table = polars.DataFrame({"age": [30, None, 50], "job": ["cook", "clerk", None]})
    assert Condition("age", high=44).mask(table).tolist() == [True, False, False]
    assert Condition("job", excluded=["cook"], missing=True).mask(table).tolist() == [False, True, True]


def test_columns_are_found_as_text_and_must_be_one():
    frame = pd.DataFrame([[1, 2, 3]], columns=[0, "a", "a"])
    assert Condition("0", low=0).mask(frame).tolist() == [True]
    assert Condition(np.int64(0), low=0).mask(frame).tolist() == [True]
    with pytest.raises(KeyError, match="2 columns are named 'a'"):
        Condition("a", low=0).mask(frame)
    with pytest.raises(ValueError, match="by name, not by position"):
        Condition(0, low=0).to_pandas_query()


@pytest.mark.parametrize(("cells", "low"), [
    (["a", "b"], 1), ([1, 2], pd.Timestamp("2024-05-01")), (pd.Categorical([1, 2]), 1),
    (pd.to_datetime(["2024-05-01"]), 3), ([1, "a"], 1), ([date(2024, 5, 1)], pd.Timestamp("2024-05-01")),
])
def test_cells_of_another_kind_than_the_bounds(cells, low):
    with pytest.raises(TypeError, match="column 'x'"):
        Condition("x", low=low).mask(pd.DataFrame({"x": cells}))


def test_the_table_stays_as_it_was():
    frame = pd.DataFrame({"x": [1.0, None], "c": pd.Categorical(["a", None])})
    before = frame.copy(deep=True)
    Condition("x", low=0, excluded=[1], missing=True).mask(frame)
    Condition("c", levels=["a"]).mask(frame)
    pd.testing.assert_frame_equal(frame, before)


# --- one condition from two

@given(a_column_and_a_condition(BOUNDED, True), a_column_and_a_condition(BOUNDED, True), st.data())
def test_both_of_two_conditions_hold_where_each_does(one, other, data):
    kind, cells, first = one
    values = [v for v in [*cells, *other[1]] if kind_like(v, cells)]
    second = {name: v for name, v in other[2].items() if name in ("closed", "missing")}
    if values and data.draw(st.booleans()):
        second["levels"] = data.draw(st.lists(st.sampled_from(values), max_size=3))
    else:
        second["low"] = first["low"]
    a, b = Condition("x", **first), Condition("x", **second)
    frame = pd.DataFrame({"x": build(kind, cells)})
    np.testing.assert_array_equal((a & b).mask(frame), a.mask(frame) & b.mask(frame))
    assert a & b == b & a
    assert a & a == a
    assert hash(a & b) == hash(b & a)


def kind_like(value, cells):
    return value is not None and any(type(value) is type(v) for v in cells)


@pytest.mark.parametrize(("one", "other", "want"), [
    ({"low": 28}, {"high": 44}, "28 < x <= 44"),
    ({"low": 28, "high": 60}, {"low": 30, "high": 44, "closed": "left"}, "30 <= x < 44"),
    ({"low": 28}, {"low": 28, "closed": "left"}, "x > 28"),
    ({"low": 28, "closed": "left"}, {"high": 28}, "x = 28"),
    ({"low": 28}, {"high": 28}, "x impossible"),
    ({"low": 28, "missing": True}, {"high": 20, "missing": True}, "x missing"),
    ({"levels": ["a", "b"]}, {"levels": ["c", "b"]}, "x = b"),
    ({"levels": ["a", "b", "c"]}, {"excluded": ["a"]}, "x is b or c"),
    ({"levels": [1, 5, 9]}, {"low": 2}, "x is 5 or 9"),
    ({"excluded": [3]}, {"low": 2, "excluded": [1, 4]}, "x > 2 and none of 3, 4"),
    ({"missing": "only"}, {"high": 3, "missing": True}, "x missing"),
    ({"missing": "only"}, {"high": 3}, "x impossible"),
])
def test_merged_words(one, other, want):
    assert (Condition("x", **one) & Condition("x", **other)).words() == want
    assert (Condition("x", **other) & Condition("x", **one)).words() == want


def test_what_cannot_be_merged():
    with pytest.raises(ValueError, match="different columns"):
        Condition("x") & Condition("y")
    with pytest.raises(TypeError, match="one kind"):
        Condition("x", low=1) & Condition("x", low=pd.Timestamp("2024-05-01"))
    with pytest.raises(TypeError):
        Condition("x") & 3


# --- what cannot be

@pytest.mark.parametrize(("settings_", "error", "sentence"), [
    ({"low": 3, "high": 2}, ValueError, "low must be below high"),
    ({"low": 3, "high": 3}, ValueError, "no value is between"),
    ({"low": 3, "high": 4, "closed": "up"}, ValueError, "closed must be one of left, right"),
    ({"missing": "no"}, ValueError, "missing must be True, False or 'only'"),
    ({"missing": 1}, ValueError, "missing must be True, False or 'only'"),
    ({"missing": "only", "low": 3}, ValueError, "neither bounds nor levels"),
    ({"low": math.nan}, ValueError, "low is a missing value"),
    ({"low": "a"}, TypeError, "low must be a number, a time"),
    ({"low": True}, TypeError, "low must be a number, a time"),
    ({"low": 1, "high": pd.Timestamp("2024-05-01")}, TypeError, "bounds of one kind"),
    ({"high": 10**400}, ValueError, "beyond the range of floats"),
    ({"levels": "clerk"}, TypeError, "levels must be a list"),
    ({"levels": [["a"]]}, TypeError, "levels must hold single values"),
    ({"excluded": [None]}, ValueError, "cannot be excluded by name"),
])
def test_conditions_that_cannot_be(settings_, error, sentence):
    with pytest.raises(error, match=sentence):
        Condition("x", **settings_)


def test_dicts_that_are_no_condition():
    for state in ({"low": 3}, {"column": "x", "lower": 3}):
        with pytest.raises(ValueError, match="expected a condition with 'column'"):
            Condition.from_dict(state)
    with pytest.raises(TypeError, match="cannot write b'1'"):
        Condition("x", levels=[b"1"]).to_dict()
    with pytest.raises(ValueError, match="cannot hold Decimal"):
        Condition("x", levels=[Decimal(1)]).to_pandas_query()


def test_values_of_numpy_and_python_are_the_same_condition():
    assert Condition("x", low=np.float32(0.5), levels=np.array([1, 2])) == Condition("x", low=0.5, levels=[2, 1])
    assert Condition("t", low=datetime(2024, 5, 1)) == Condition("t", low=np.datetime64("2024-05-01"))
    assert Condition("t", low=timedelta(hours=1)) == Condition("t", low=np.timedelta64(1, "h"))
    assert repr(Condition("x", low=np.int8(3), levels=None)) == "Condition('x', low=3)"
