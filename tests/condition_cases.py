"""Columns, names and conditions that go wrong easily, and a naive twin to compare with."""

from __future__ import annotations

import json
import math
import sqlite3
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume
from hypothesis import strategies as st

import xaikit as xk
from xaikit.tables.queries import query_name
from xaikit.tables.sql import identifier

Condition = xk.Condition


# --- the naive twin: one cell at a time, by Python's own comparisons

def holds(value, low=None, high=None, closed="right", levels=None, excluded=(), missing=False):
    if value is None or value != value:
        return missing in (True, "only") or (levels is not None and None in levels)
    if missing == "only" or (levels is not None and value not in levels) or value in excluded:
        return False
    above = low is None or value > low or (closed in ("left", "both") and value == low)
    below = high is None or value < high or (closed in ("right", "both") and value == high)
    return above and below


# --- cells and names that go wrong

def cells_of(values, *more):
    return st.lists(st.one_of(st.none(), values, *more), min_size=1, max_size=12)


BIG = [2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63), 2**62 + 1]
INTS = st.one_of(st.sampled_from([0, 1, -1, 28, 44, 300, *BIG]), st.integers(-2**63, 2**63 - 1))
SMALL = st.integers(-128, 127)
FLOATS = st.one_of(
    st.sampled_from([0.0, -0.0, 0.1, 0.30000000000000004, 28.5, 5e-324, 1.7976931348623157e308,
                     2.0**53, 2.0**53 + 2, 2.0**63, 2.0**64, math.inf, -math.inf]),
    st.floats(allow_nan=False), st.floats(-1, 1, allow_nan=False))
SINGLES = st.floats(width=32, allow_nan=False)
TEXTS = st.one_of(
    st.sampled_from(["", " ", "clerk", "Clerk", "it's", '"', "''", "a\nb", "a\\", "%", "--", "; drop", "`",
                     "@x", "NULL", "1", "1.0", "True", "nan", "None", "é", "日本", "\u2028", "{x}", "a or b"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6))
TIMES = st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)).map(
    lambda t: pd.Timestamp(t).as_unit("us"))
DATES = st.dates(date(1000, 1, 1), date(9999, 12, 31))
SPANS = st.timedeltas(timedelta(days=-9000), timedelta(days=9000)).map(pd.Timedelta)
NAMES = st.one_of(
    st.sampled_from(["age", "a b", "class", "True", "true", "select", 'say "hi"', "it's", "", " ", "1", "a`b",
                     "a\nb", "日本", "ﬁ", "inf", "index", "#", "\\", "Timestamp", "[x]", "a.b", "--", "notna"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8))

# name: how a column is built, its cells, the type that a database gives it
COLUMNS = {
    "int64": ("int64", INTS, "INTEGER"),
    "int8": ("int8", SMALL, "INTEGER"),
    "uint8": ("uint8", st.integers(0, 255), "INTEGER"),
    "Int64": ("Int64", INTS, "INTEGER"),
    "int64[pyarrow]": ("int64[pyarrow]", INTS, "INTEGER"),
    "float64": ("float64", FLOATS, "REAL"),
    "float32": ("float32", SINGLES, "REAL"),
    "Float64": ("Float64", FLOATS, "REAL"),
    "double[pyarrow]": ("double[pyarrow]", FLOATS, "REAL"),
    "bool": ("bool", st.booleans(), "INTEGER"),
    "boolean": ("boolean", st.booleans(), "INTEGER"),
    "bool[pyarrow]": ("bool[pyarrow]", st.booleans(), "INTEGER"),
    "object of text": ("object", TEXTS, "TEXT"),
    "str": ("str", TEXTS, "TEXT"),
    "string": ("string", TEXTS, "TEXT"),
    "string[pyarrow]": ("string[pyarrow]", TEXTS, "TEXT"),
    "category of text": ("category", TEXTS, "TEXT"),
    "category of integers": ("category", INTS, "INTEGER"),
    "category of floats": ("category", FLOATS, "REAL"),
    "object of everything": ("object", st.one_of(TEXTS, INTS, FLOATS, st.booleans()), ""),
    "datetime64[us]": ("datetime64[us]", TIMES, "TIMESTAMP"),
    "datetime64[ns]": ("datetime64[ns]", TIMES, "TIMESTAMP"),
    "timestamp[us][pyarrow]": ("timestamp[us][pyarrow]", TIMES, "TIMESTAMP"),
    "object of dates": ("object", DATES, "DATE"),
    "date32[pyarrow]": ("date32[pyarrow]", DATES, "DATE"),
    "timedelta64[us]": ("timedelta64[us]", SPANS, None),
    "duration[us][pyarrow]": ("duration[us][pyarrow]", SPANS, None),
}
NO_GAPS = ("int64", "int8", "uint8", "bool")
BOUNDED = [name for name in COLUMNS
           if not any(word in name for word in ("text", "str", "category", "everything"))]


def build(kind, cells):
    dtype = COLUMNS[kind][0]
    if dtype == "category":
        return pd.Series(pd.Categorical(cells, categories=list(dict.fromkeys(
            v for v in cells if v is not None))))
    if dtype == "str" and int(pd.__version__.split(".")[0]) < 3:
        dtype = "object"
    return pd.Series(cells, dtype="object").astype(dtype)


def in_sqlite(cells, name, kind, expression):
    """Ask SQLite which rows an expression is true for, and which its negation."""
    connection = sqlite3.connect(":memory:")
    connection.execute(f"CREATE TABLE t ({identifier(name)} {kind}, place INTEGER)")
    stored = [str(v) if isinstance(v, pd.Timestamp | date) else v for v in cells]
    connection.executemany("INSERT INTO t VALUES (?, ?)", [(v, i) for i, v in enumerate(stored)])
    true, false = ([i for (i,) in connection.execute(f"SELECT place FROM t WHERE {text} ORDER BY place")]
                   for text in (expression, f"NOT {expression}" if expression[0] == "("
                                else f"NOT ({expression})"))
    connection.close()
    assert sorted(true + false) == list(range(len(cells))), "neither true nor false"
    return true


@st.composite
def a_column_and_a_condition(draw, kinds, bounded):
    kind = draw(st.sampled_from(kinds))
    values = COLUMNS[kind][1]
    cells = draw(st.lists(values, min_size=1, max_size=12) if kind in NO_GAPS else cells_of(values))
    known = [v for v in cells if v is not None]
    chosen = st.one_of(st.sampled_from(known), values) if known else values
    number = known and isinstance(known[0], int | float) and not isinstance(known[0], str)
    settings_ = {"missing": draw(st.booleans())}
    if bounded:
        edge = chosen
        if number:
            near = st.sampled_from([math.nextafter(v, s * math.inf) for v in known for s in (-1, 1)])
            edge = st.one_of(chosen, near, INTS, FLOATS)
        edge = edge.map(lambda v: int(v) if isinstance(v, bool) else v)
        settings_["low"], settings_["high"] = draw(st.one_of(st.none(), edge)), draw(st.one_of(st.none(), edge))
        settings_["closed"] = draw(st.sampled_from(["left", "right", "both", "neither"]))
        settings_["excluded"] = draw(st.lists(chosen, max_size=2))
        low, high = settings_["low"], settings_["high"]
        assume(low is None or high is None or low < high)
    else:
        which = draw(st.sampled_from(["levels", "excluded"]))
        settings_[which] = draw(st.lists(chosen, min_size=which == "excluded", max_size=3))
    return kind, cells, settings_


def check_everywhere(kind, cells, name, settings_):
    want = [i for i, v in enumerate(cells) if holds(v, **settings_)]
    condition = Condition(name, **settings_)
    frame = pd.DataFrame({name: build(kind, cells), "another column": 0})
    assert np.flatnonzero(condition.mask(frame)).tolist() == want
    assert Condition.from_dict(json.loads(json.dumps(condition.to_dict()))) == condition
    affinity = COLUMNS[kind][2]
    if affinity is not None:
        assert in_sqlite(cells, name, affinity, condition.to_sql()) == want, condition.to_sql()
    try:
        query_name(name)
    except ValueError:
        with pytest.raises(ValueError, match="rename the column"):
            condition.to_pandas_query()
        return
    assert frame.query(condition.to_pandas_query()).index.tolist() == want, condition.to_pandas_query()
