"""Ugly tables, and models of them whose answers a loop over rows and columns explains."""

from __future__ import annotations

import datetime as dt
import math
import zlib
from decimal import Decimal
from fractions import Fraction
from numbers import Number
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

N = 10
I = np.arange(N)  # noqa: E741
NOON = dt.datetime(2024, 3, 31, 0, 30)
BIG = 2**63


def cycled(*cells):
    """Return cells over and over, as an array of objects."""
    out = np.empty(N, dtype=object)
    out[:] = [cells[i % len(cells)] for i in range(N)]
    return out


def objects(*cells):
    return pd.Series(cycled(*cells), dtype=object)


def levels(*cells, known, ordered=False):
    return pd.Categorical(cycled(*cells), categories=known, ordered=ordered)


def floats(*cells, dtype=np.float64):
    return np.array(cycled(*cells).tolist(), dtype=dtype)


def arrow(cells, kind, *settings):
    pa = pytest.importorskip("pyarrow")
    made = getattr(pa, kind)(*[getattr(pa, s)() if hasattr(pa, str(s)) else s for s in settings])
    cells = pa.array(list(cycled(*cells)), type=made)
    return pd.arrays.ArrowExtensionArray(pa.chunked_array([cells]))


ZONE = dt.timezone(dt.timedelta(hours=5, minutes=45))
MONTHS = pd.period_range("2024-01", periods=3, freq="M")
DAYS = pd.date_range("2024", periods=N)
NIGHT = pd.date_range("2024-10-26 22:30", periods=N, freq="30min", tz="UTC")
COLUMNS = {
    "mixed types": lambda: objects(1, "1", True, 1.0, None, b"1", ("a", 1)),
    "numbers as text": lambda: objects("1", "1.0", "01", " 1", ""),
    "missing markers": lambda: objects(None, np.nan, pd.NA, pd.NaT, "", "nan", "None"),
    "whitespace": lambda: objects("a", " a", "a ", "a\t", "a\n", "\u00a0", "", " "),
    "half surrogates": lambda: objects("a", "a\0", "a\0b", "🙂", "\ud83d", "e\u0301", "\u00e9"),
    "ids": lambda: objects(*(UUID(int=i) for i in range(N))),
    "bytes": lambda: objects(b"a", b"a\0", b"", b"\xff", None),
    "whole numbers beyond 64 bits": lambda: objects(2**70, 2**70 + 1, -(2**80), 0),
    "decimals": lambda: objects(Decimal("1.0"), Decimal("1.00"), Decimal("-0"), None),
    "truth and None": lambda: objects(True, False, None),
    "NumPy's scalars": lambda: objects(np.int8(1), np.float32(1), np.bool_(True), np.str_("1")),
    "complex objects": lambda: objects(1j, 2 + 1j, None),
    "dates": lambda: objects(dt.date(2024, 1, 1), dt.date(1, 1, 1), dt.date(9999, 12, 31), None),
    "times of day": lambda: objects(dt.time(1), dt.time(23, 59, 59, 999999), None),
    "datetimes": lambda: objects(NOON, NOON.replace(year=1), NOON.replace(year=9999), None),
    "zones mixed": lambda: objects(NOON.replace(tzinfo=dt.UTC), NOON, NOON.replace(tzinfo=ZONE)),
    "durations": lambda: objects(dt.timedelta(1), dt.timedelta(-1, 1), dt.timedelta(0, 0, 1)),
    "tuples": lambda: objects((1, 2), (1.0, 2), (), None),
    "frozen sets": lambda: objects(frozenset("a"), frozenset(), frozenset([1])),
    "functions": lambda: objects(len, abs, None),
    "intervals as objects": lambda: objects(pd.Interval(0, 1), pd.Interval(0, 1, "left"), None),
    "free text": lambda: objects(*(f"Patient {i}, {'no ' * (i % 3)}complaints.\nSince {1990 + i}. " * 20 for i in range(N))),
    "markup": lambda: objects("$x^2$", "<b>&amp;</b>", "{{ x }}", "%s\\n", "\u202eabc", "=1+1"),
    "months as objects": lambda: objects(np.timedelta64(1, "M"), np.timedelta64(2, "M"), None),
    "picoseconds as objects": lambda: objects(np.timedelta64(1, "ps"), np.timedelta64(2, "ps")),
    "floats as objects": lambda: objects(np.inf, -np.inf, float("nan"), 1.0),
    "unused levels": lambda: levels("a", "b", known=["z", "b", "a", "y"]),
    "levels of several types": lambda: levels(1, "1", 2.5, known=[1, "1", 2.5, "x"]),
    "ordered levels": lambda: levels("lo", "hi", None, known=["lo", "mid", "hi"], ordered=True),
    "whole numbers as levels": lambda: levels(3, 1, None, known=[3, 2, 1]),
    "floats as levels": lambda: levels(0.1, -0.0, known=[0.1, -0.0]),
    "intervals as levels": lambda: pd.cut(I % 7, [-1, 1, 3, 6]),
    "levels all missing": lambda: levels(None, known=["a", "b"]),
    "no levels": lambda: levels(None, known=[]),
    "empty levels": lambda: levels("", " ", None, known=["", " "]),
    "str": lambda: pd.array(cycled("a", "a\0", "🙂", "", None), dtype="str"),
    "string": lambda: pd.array(cycled("a", "", " ", pd.NA), dtype="string[python]"),
    "Arrow's text": lambda: arrow(("a", "", None), "large_string"),
    "Arrow's dictionary": lambda: arrow(("a", "b", None), "dictionary", "int8", "string"),
    "Arrow's decimal": lambda: arrow((Decimal("1.10"), Decimal("-0.01"), None), "decimal128", 5, 2),
    "Arrow's times": lambda: arrow((NOON, NOON.replace(hour=3), None), "timestamp", "us"),
    "Arrow's zone": lambda: arrow((NOON, NOON.replace(hour=3)), "timestamp", "ns", "Europe/Berlin"),
    "Arrow's dates": lambda: arrow((dt.date(2024, 1, 1), dt.date(2023, 1, 1), None), "date32"),
    "Arrow's times of day": lambda: arrow((dt.time(1), dt.time(2), None), "time64", "us"),
    "Arrow's bytes": lambda: arrow((b"a", b"\xff", None), "binary"),
    "Arrow's uint64": lambda: arrow((2**64 - 1, 2**64 - 2, None), "uint64"),
    "Arrow's null": lambda: arrow((None,), "null"),
    "sparse": lambda: pd.arrays.SparseArray(np.where(I % 3, 0.0, I)),
    "sparse of 7": lambda: pd.arrays.SparseArray(np.where(I % 3, 7, I), fill_value=7),
    "Int8 to its ends": lambda: pd.array(cycled(127, -128, None), dtype="Int8"),
    "UInt64": lambda: pd.array(cycled(2**64 - 1, BIG, 0), dtype="UInt64"),
    "Float32": lambda: pd.array(cycled(0.5, -0.0, None), dtype="Float32"),
    "periods": lambda: pd.array(cycled(*MONTHS, pd.NaT), dtype="period[M]"),
    "intervals": lambda: pd.arrays.IntervalArray.from_breaks(np.arange(N + 1.0)),
    "night of two hours 2": lambda: pd.Series(NIGHT).dt.tz_convert("Europe/Berlin").array,
    "NaT only": lambda: pd.Series([pd.NaT] * N).array,
    "timedelta": lambda: pd.to_timedelta(I % 4, unit="ns").array,
    "years 1 and 9999": lambda: np.array(["0001", "9999"] * 5, dtype="M8[s]"),
    "times to their ends": lambda: np.array([1 - BIG, BIG - 1] * 5).view("M8[ns]"),
    "huge": lambda: floats(1e300, -1e300, 1.7e308),
    "tiny": lambda: floats(1e-300, -1e-300, 2e-300),
    "denormal": lambda: floats(5e-324, -5e-324, 0.0),
    "huge and tiny": lambda: floats(1e300, 1e-300, 1.0),
    "infinite": lambda: floats(np.inf, -np.inf, np.nan, 0.0),
    "all missing": lambda: floats(np.nan),
    "signs of zero": lambda: floats(0.0, -0.0),
    "int64 to its ends": lambda: floats(BIG - 1, -BIG, 0, dtype=np.int64),
    "uint64": lambda: floats(BIG + 1, 2**64 - 1, 0, dtype=np.uint64),
    "float16": lambda: floats(65504, 6e-8, 1, dtype=np.float16),
    "float32": lambda: floats(3.4e38, -1e-45, 1, dtype=np.float32),
    "long double": lambda: floats(1.0, 2.0, dtype=np.longdouble),
    "constant": lambda: floats(3.0),
    "one-hot": lambda: floats(1, 0, 0, dtype=np.int8),
    "truth and NA": lambda: pd.array(cycled(True, False, pd.NA), dtype="boolean"),
    "Int64 all missing": lambda: pd.array([pd.NA] * N, dtype="Int64"),
    "constant and missing": lambda: floats(7.0, np.nan),
    "None only": lambda: objects(None),
    "ids as text": lambda: objects(*(f"id-{i:05}" for i in range(N))),
    "ids as numbers": lambda: I + 10**15,
    "months as levels": lambda: pd.Categorical.from_codes(I % 3, pd.PeriodIndex(MONTHS)),
    "times as levels": lambda: pd.Categorical.from_codes(I % 3, DAYS[:3]),
    "truth as levels": lambda: levels(True, False, None, known=[False, True]),
    "decimals as levels": lambda: levels(Decimal("1.0"), Decimal(2), known=[Decimal(2), Decimal("1.0")]),
    "a spring night": lambda: pd.date_range(
        "2024-03-31 00:30", periods=N, freq="15min", tz="UTC").tz_convert("Europe/Berlin").array,
    "infinite and finite": lambda: floats(np.inf, 1.0, 2.0),
    "sparse text": lambda: pd.arrays.SparseArray(cycled("a", "b"), fill_value="a"),
    "sparse truth": lambda: pd.arrays.SparseArray(I % 3 == 0),
    "sparse of NaN": lambda: pd.arrays.SparseArray(np.where(I % 3, np.nan, I * 1.0)),
    "quarters": lambda: pd.period_range("2024Q1", periods=N, freq="Q-JAN").array,
    "intervals of times": lambda: pd.arrays.IntervalArray.from_breaks(
        pd.date_range("2024", periods=N + 1), closed="left"),
    "Arrow's truth": lambda: arrow((True, False, None), "bool_"),
    "Arrow's durations": lambda: arrow((dt.timedelta(1), dt.timedelta(2), None), "duration", "us"),
    "letters composed": lambda: objects("e\u0301", "\u00e9", "\ufb01", "fi", "\u0645\u0631\u062d"),
}


def wide():
    """Return 30 rows of 200 columns: numbers, levels, gaps, and columns of one value."""
    rng = np.random.default_rng(0)
    kinds = (lambda: rng.normal(size=30), lambda: rng.choice(["a", "b", "c"], 30),
             lambda: np.where(rng.random(30) < 0.5, np.nan, rng.integers(0, 3, 30)), lambda: np.full(30, 7))
    return pd.DataFrame({f"measurement {c}": kinds[c % 4]() for c in range(200)})


class Frame(pd.DataFrame):
    """A subclass with metadata, as geopandas has one."""

    _metadata = ("note",)

    @property
    def _constructor(self):
        return Frame


def frame(columns=("ugly", "z"), index=None):
    """Return a frame of numbers, its first column of text."""
    made = pd.DataFrame({c: (I * (3 + 2 * c) % 7).astype(float) for c in range(len(columns))})
    made[0] = cycled("a", "b", "c")
    made.columns = columns if isinstance(columns, pd.Index) else pd.Index(columns, tupleize_cols=False)
    made.index = made.index if index is None else pd.Index(index)
    return made


def numbers(dtype=np.float64):
    return np.column_stack([I * 3 % 5, I * 5 % 7, I % 2]).astype(dtype)


def read_only():
    X = np.asfortranarray(numbers())
    X.flags.writeable = False
    return X


def subclass():
    made = Frame(frame())
    made.note = "kept"
    return made


def with_attrs():
    made = frame()
    made.attrs = {"unit": "cm"}
    return made


def polars(**columns):
    pl = pytest.importorskip("polars")
    return pl.DataFrame({name: pl.Series(list(cycled(*cells)), dtype=getattr(pl, dtype))
                         for name, (dtype, *cells) in columns.items()})


DOUBLE = pd.MultiIndex.from_tuples([("a", 1), ("b", None)], names=["top", None])
TABLES = {
    "names of all types, index repeated": lambda: frame((0, ("a", 1), None, np.nan, 1.5, DAYS[0]), [0] * N),
    "blanks as names, index out of order": lambda: frame((True, b"a", "", " ", "a\nb", "🙂"), -I * 3 % 7),
    "names like outputs and attributes, index with missing": lambda: frame(
        ("output", "base_value", "values", "index", "shape", "T"), [None, *"zyxwvutsr"]),
    "names and index of two levels": lambda: frame(
        DOUBLE, pd.MultiIndex.from_product([range(2), range(5)])),
    "names with a name, index of levels": lambda: frame(
        pd.Index(["a", "b"], name="measures"), pd.CategoricalIndex(list("ab") * 5)),
    "levels as names, index of times": lambda: frame(pd.CategoricalIndex(["a", "b"]), DAYS),
    "mathtext and markup as names": lambda: frame(("$x^2$", r"$\frac{", "<b>a</b>", "a\tb", "\u202eab")),
    "names of the frame's columns": lambda: frame(
        ("base", "prediction", "row", "feature", "value", "standard_error", "not explained")),
    "names that sort badly": lambda: frame((10, 9, "a", 2.0)),
    "months as names, index of NaT": lambda: frame(pd.PeriodIndex(MONTHS), [pd.NaT] * N),
    "index of tuples": lambda: frame(index=pd.Index([(i, "a") for i in range(N)], tupleize_cols=False)),
    "no duplicate labels": lambda: frame().set_flags(allows_duplicate_labels=False),
    "columns that sum to 1": lambda: pd.get_dummies(pd.Series(list("abcde") * 2)),
    "duplicate rows": lambda: pd.DataFrame({"a": [1.0, 1.0] * 5, "b": ["x", "x"] * 5}),
    "one row": lambda: frame().iloc[:1],
    "one column": lambda: frame()[["ugly"]],
    "one cell": lambda: frame()[["ugly"]].iloc[:1],
    "every other row from the end": lambda: frame().iloc[::-2],
    "a subclass": subclass,
    "attrs": with_attrs,
    "array read-only, by column": read_only,
    "array of every other cell, backwards": lambda: np.repeat(
        np.repeat(numbers(), 2, axis=0), 3, axis=1)[::-2, ::-3],
    "array of one row repeated": lambda: np.broadcast_to(np.array([1.0, 2.0]), (N, 2)),
    "array big-endian": lambda: numbers(">f8"),
    "frame big-endian": lambda: pd.DataFrame({"a": numbers(">f8")[:, 0], "b": numbers(">i4")[:, 1]}),
    "array of truth": lambda: numbers(bool),
    "array of float16": lambda: numbers(np.float16),
    "array of uint64": lambda: numbers(np.uint64) + np.uint64(BIG),
    "array of long doubles": lambda: numbers(np.longdouble),
    "array of complex numbers": lambda: numbers(complex) * 1j,
    "array of objects": lambda: np.column_stack([cycled(1, 2.5, True), cycled("a", None, "b")]),
    "array of numbers as objects": lambda: numbers(object),
    "array of text": lambda: np.array([["a", "b "], ["", "é"]] * 5),
    "array of bytes": lambda: np.array([[b"a", b"b"], [b"", b"\xff"]] * 5),
    "array of times": lambda: np.array([["2024", "2023"], ["2022", "NaT"]] * 5, dtype="M8[s]"),
    "array of durations": lambda: np.array([[1, 2], [3, 4]] * 5, dtype="m8[ms]"),
    "masked array without a mask": lambda: np.ma.array(numbers()),
    "nested lists": lambda: numbers().tolist(),
    "SciPy's sparse": lambda: sparse.coo_matrix(numbers(np.int64)),
    "polars": lambda: polars(
        t=("String", "a", "", None), n=("Int64", BIG - 1, 0, None), c=("Categorical", "a", None),
        d=("Date", dt.date(2024, 1, 1), None), o=("Time", dt.time(1), None), b=("Binary", b"a", b"\0")),
}


def rows_of(table, rows):
    """Return some rows of any table."""
    if isinstance(table, pd.DataFrame):
        return table.iloc[rows]
    if sparse.issparse(table):
        return table.tocsr()[rows].asformat(table.format)
    return table[rows]


def columns_of(table):
    """Return the columns of any table as lists of cells."""
    if isinstance(table, pd.DataFrame):
        return [list(table.iloc[:, c].array) for c in range(table.shape[1])]
    if type(table).__module__.startswith("polars"):
        return [column.to_list() for column in table.get_columns()]
    return [list(column) for column in as_array(table).T]


def as_array(table):
    return table.toarray() if sparse.issparse(table) else np.asarray(table)


def term(c, cell):
    """Return a number between 0 and 1 that depends on every bit of a cell, and on its type."""
    text = f"{c} {type(cell).__name__} {cell!r}"
    return zlib.crc32(text.encode("utf8", "surrogatepass")) / 2**32


def terms(table):
    """Return the terms of all cells: (n_rows, n_columns)."""
    return np.array([[term(c, cell) for cell in cells]
                     for c, cells in enumerate(columns_of(table))]).T


def plain_number(cell):
    """Return a number, time or duration as a fraction; None for other cells and missing ones."""
    if isinstance(cell, np.timedelta64) and np.datetime_data(cell)[0] in ("M", "ps"):
        return None  # pandas does not count in them
    if isinstance(cell, np.datetime64 | np.timedelta64 | dt.datetime | dt.timedelta):
        time = pd.Timestamp(cell) if isinstance(cell, np.datetime64 | dt.datetime) else pd.Timedelta(cell)
        if time is pd.NaT:
            return None
        unit = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[time.unit]
        return Fraction(int(time.asm8.view("i8")) * unit)
    if isinstance(cell, bool | np.bool_) or not isinstance(cell, Number) or isinstance(cell, complex):
        return None
    cell = cell.item() if isinstance(cell, np.generic) and not isinstance(cell, np.longdouble) else cell
    cell = float(cell) if isinstance(cell, np.longdouble) else cell
    return Fraction(cell) if math.isfinite(cell) else None


def is_missing(cell):
    return any(cell is marker for marker in (None, pd.NA, pd.NaT)) or bool(cell != cell)


def is_measured(cells, dtype):
    """Return whether known cells are numbers or times of one kind, and not only 0 and 1."""
    known = [cell for cell in cells if not is_missing(cell)]
    zones = {getattr(cell, "tzinfo", None) for cell in known}
    finite = [cell for cell in known if not isinstance(cell, float | np.floating) or np.isfinite(cell)]
    found = set(map(plain_number, finite))
    return bool(known) and len(zones) == 1 and None not in found and found != {0, 1} \
        and not isinstance(dtype, pd.CategoricalDtype)


class Additive:
    """Answers the sum of the cells' terms to tables like the one that it was made of.

    With `steps`, the term of a number or time is its share of the largest one.
    """

    def __init__(self, table, steps=False):
        self.like = as_array(table) if isinstance(table, list | np.ma.MaskedArray) else table
        columns = columns_of(self.like)
        self.types = [set(map(type, cells)) for cells in columns]
        dtypes = list(getattr(table, "dtypes", [None] * len(columns)))
        self.scales = {c: self._scale(cells) for c, cells in enumerate(columns)
                       if steps and is_measured(cells, dtypes[c])}

    def _scale(self, cells):
        found = [value for value in map(plain_number, cells) if value is not None]
        least = min(found, default=Fraction(0))
        return least, max((max(abs(v), v - least) for v in found), default=0) or Fraction(1)

    def number(self, c, cell):
        least, most = self.scales[c]
        value = plain_number(cell)
        return term(c, cell) if value is None else float((value - least) / most)

    def __call__(self, X):
        assert_like(X, self.like)
        answers = np.zeros(X.shape[0])
        for c, cells in enumerate(columns_of(X)):
            assert set(map(type, cells)) <= self.types[c], (c, set(map(type, cells)))
            answers += [self.number(c, v) if c in self.scales else term(c, v) for v in cells]
        return answers


def assert_like(X, like):
    """Assert that two tables have one container, and the same columns and dtypes."""
    assert (type(X), X.shape[1]) == (type(like), like.shape[1])
    if isinstance(X, pd.DataFrame):
        assert X.columns.identical(like.columns), X.columns
        assert (X.attrs, getattr(X, "note", None)) == (like.attrs, getattr(like, "note", None))
        for own, wanted in zip(X.dtypes, like.dtypes, strict=True):
            wanted = wanted.newbyteorder("=") if isinstance(wanted, np.dtype) else wanted
            assert own == wanted
            if isinstance(own, pd.CategoricalDtype):
                assert own.categories.identical(wanted.categories)
    elif isinstance(X, np.ndarray):
        assert X.dtype == like.dtype.newbyteorder("=")
        assert X.flags.writeable
        assert X.flags.f_contiguous == like.flags.f_contiguous or 1 in X.shape
    elif sparse.issparse(X):
        assert (X.dtype, X.format) == (like.dtype, like.format)
    else:
        assert X.schema == like.schema
