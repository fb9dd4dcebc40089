"""Rows of other dtypes than the background's: a value reaches the model as it was, or a sentence.

Each case is a background column, and one cell of a row whose dtype differs from it.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

import xaikit as xk
from xaikit.tables.casting import cast_column
from xaikit.tables.schema import Schema

pa = pytest.importorskip("pyarrow")

NOON = pd.Timestamp("2024-01-03 12:00")
MONTH = pd.Period("2024-01", "M")
WHOLE = ["int64[pyarrow]", "Int64", "Sparse[int64]", "uint8[pyarrow]", "UInt8"]
NUMBERS = [*WHOLE, "Float64", "float[pyarrow]", "Sparse[float64]", "boolean", "bool[pyarrow]",
           "decimal128(5, 2)[pyarrow]"]
TIMES = ["datetime64[ns]", "datetime64[s]", "timestamp[us][pyarrow]", "datetime64[ns, UTC]"]
DURATIONS = ["timedelta64[ns]", "duration[s][pyarrow]"]
CELLS = ["period[M]", "date32[day][pyarrow]", "interval[float64, right]", "time64[us][pyarrow]"]
DTYPES = [*NUMBERS, *TIMES, *DURATIONS, *CELLS, "string", "string[pyarrow]", "str", "int64",
          "float32", "bool"]

CELL = {
    "a fraction": [1.5, Decimal("1.5"), Fraction(3, 2), np.float32(1.5)],
    "a whole number": [3, np.int8(3), Decimal(3), 3.0, True],
    "a large number": [300, 1e300, 2**53 + 1],
    "a complex number": [1 + 2j],
    "a time": [NOON, NOON.to_pydatetime(), NOON.tz_localize("UTC"), np.datetime64("2024-01-03T12")],
    "a day": [dt.date(2024, 1, 3)],
    "a duration": [pd.Timedelta("1 day 1 s"), dt.timedelta(seconds=1), np.timedelta64(5, "s")],
    "a time of day": [dt.time(12, 30)],
    "a period": [MONTH, pd.Period("2024-01-03", "D")],
    "an interval": [pd.Interval(0.0, 1.5)],
    "text": ["word", "1", "2024-01-03 12:00"],
    "others": [b"bytes", (1, 2)],
}
CELLS_OF_ROWS = [cell for cells in CELL.values() for cell in cells]


def dtype_of(name: str):
    """Return a dtype; pandas reads Arrow's decimals from no text."""
    return pd.ArrowDtype(pa.decimal128(5, 2)) if name.startswith("decimal") \
        else pd.api.types.pandas_dtype(name)


def same(old, new) -> bool:
    """Return whether a cell came through: the same number, the same instant, or the same cell."""
    if isinstance(old, str):
        return str(new) == old or _text_of(old, new)
    if isinstance(old, (dt.timedelta, np.timedelta64)):
        return isinstance(new, (dt.timedelta, np.timedelta64)) \
            and pd.Timedelta(new) == pd.Timedelta(old)
    if isinstance(old, (int, float, Decimal, Fraction, np.number)):
        # Python does not compare Decimal with NumPy's whole numbers.
        old = old.item() if isinstance(old, np.integer) else old
        # Floats of fewer digits round; nothing else does.
        return isinstance(new, (int, float, Decimal, Fraction, np.number, np.bool_)) \
            and (new == old or (isinstance(old, float) and abs(float(new) / old - 1) < 1e-6))
    if isinstance(old, (dt.datetime, np.datetime64)):
        return isinstance(new, (dt.datetime, np.datetime64)) \
            and (pd.Timestamp(old).tz is None) == (pd.Timestamp(new).tz is None) \
            and pd.Timestamp(new) == pd.Timestamp(old)
    return isinstance(new, type(old)) and new == old


def _text_of(old: str, new) -> bool:
    """Return whether text was read as the number or the time that it writes."""
    if isinstance(new, (int, float, Decimal, np.number, np.bool_)):
        return float(old) == float(new)
    return isinstance(new, (dt.datetime, np.datetime64)) \
        and pd.Timestamp(new).tz_localize(None) == pd.Timestamp(old)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("as_objects", [True, False], ids=["objects", "own dtype"])
def test_a_cell_reaches_the_model_as_it_was_or_a_sentence_refuses_it(dtype, as_objects):
    wanted = dtype_of(dtype)
    for cell in CELLS_OF_ROWS:
        column = pd.Series([cell], dtype=object)
        column = column if as_objects else column.infer_objects()
        cast = cast_or_sentence(column, wanted)
        if isinstance(cast, str):
            assert cast.startswith("column 'a' should"), (cell, dtype, cast)
        else:
            assert same(cell, cast.iloc[0]), (cell, dtype, cast)


def cast_or_sentence(column: pd.Series, dtype) -> pd.Series | str:
    try:
        return cast_column(column, dtype, "a")
    except ValueError as error:
        return str(error)


KEPT = [
    ("int64[pyarrow]", 1.5, 1.5), ("Int64", Decimal("1.5"), 1.5), ("Sparse[int64]", 1.5, 1.5),
    ("Int64", 3.0, 3), ("uint8[pyarrow]", 300, 300.0), ("Int64", "12", 12), ("Int64", "1.5", 1.5),
    ("datetime64[s]", pd.Timestamp("2024-01-03 12:00:00.5"), pd.Timestamp("2024-01-03 12:00:00.5")),
    ("datetime64[ns]", pd.Timestamp("3000-01-01"), pd.Timestamp("3000-01-01")),
    ("datetime64[ns, UTC]", NOON.tz_localize("Europe/Paris"), NOON.tz_localize("Europe/Paris")),
    ("date32[day][pyarrow]", dt.date(2024, 1, 3), dt.date(2024, 1, 3)),
    ("period[M]", "2024-01", MONTH), ("period[M]", MONTH, MONTH), ("string", "word", "word"),
    ("object", MONTH, MONTH), ("Float64", 0.1, 0.1), ("Int64", 2**53 + 1, 2**53 + 1),
]


@pytest.mark.parametrize(("dtype", "cell", "expected"), KEPT)
def test_a_cell_of_the_right_kind_is_taken_and_widens_the_column_if_need_be(dtype, cell, expected):
    column = pd.Series([cell], dtype=object)
    cast = cast_column(column, dtype_of(dtype), "a")
    assert cast.iloc[0] == expected


REFUSED = [
    ("timedelta64[ns]", "2020-01", "got the text '2020-01'; a duration"),
    ("datetime64[ns]", "01:00:00", "got the text '01:00:00'; a time is written as 2024-01-31"),
    ("datetime64[ns]", "now", "got the text 'now'"), ("datetime64[ns, UTC]", "1.5 s", "got the text '1.5 s'"),
    *((dtype, text, "should hold numbers, but holds") for dtype in ("int64", "float64", "Int64", "double[pyarrow]")
      for text in ("01067", "1_0", " 7", "nan", "+7", "")), ("int64", b"1", "should hold numbers, but holds b'1'"),
    ("float64", np.timedelta64(1, "s"), "should hold numbers, but holds"),
    ("int64[pyarrow]", NOON, r"column 'a' should be int64\[pyarrow\], got objects \(Timestamp\)"),
    ("Sparse[int64]", MONTH, r"objects \(Period\)"), ("Float64", 1 + 2j, r"objects \(complex\)"),
    ("period[M]", pd.Timestamp("2024-01-31"), "should be period"), ("period[M]", "word", "period"),
    ("period[M]", "2024-01-31", r"'2024-01-31' would become Period\('2024-01', 'M'\)"),
    ("datetime64[ns]", 1.5, r"should be datetime64\[ns\], got objects \(float\)"),
    ("timedelta64[ns]", "1", "got the text '1'; a duration is written with its unit"),
    ("datetime64[ns, UTC]", NOON, "with and without a time zone"),
    ("datetime64[ns]", NOON.tz_localize("UTC"), "with and without a time zone"),
    ("Float64", 2**53 + 1, "would change"),
    ("string", 7, r"should hold text \(string\), got objects \(int\)"),
    ("date32[day][pyarrow]", NOON, "should be date32"), ("decimal128", Decimal("Infinity"), "would change"),
]


@pytest.mark.parametrize(("dtype", "cell", "sentence"), REFUSED)
def test_a_cell_of_another_kind_is_refused(dtype, cell, sentence):
    with pytest.raises(ValueError, match=sentence):
        cast_column(pd.Series([cell], dtype=object), dtype_of(dtype), "a")


@pytest.mark.parametrize("dtype", [d for d in DTYPES if d not in ("Sparse[int64]", "bool")])
@pytest.mark.parametrize("missing", [None, np.nan, pd.NaT, pd.NA])
def test_a_row_of_nothing_but_a_missing_cell_is_missing_in_every_dtype(dtype, missing):
    cast = cast_column(pd.Series([missing], dtype=object), dtype_of(dtype), "a")
    assert cast.isna().all()


LARGE = 2**53 + 1


@pytest.mark.parametrize("dtype", ["int64", "uint8", "float64", "float32", "bool"])
def test_whole_numbers_beyond_floats_are_never_rounded(dtype):
    wanted = np.dtype(dtype)
    for column in (pd.Series([LARGE, 3]), pd.Series([LARGE, 3], dtype=object), pd.Series([LARGE, 3], dtype="UInt64")):
        assert cast_column(column, wanted, "a").tolist() == [LARGE, 3]
    for column in (pd.Series([LARGE, None], dtype="Int64"), pd.Series([LARGE, None], dtype=object),
                   pd.Series([LARGE, 0.5], dtype=object)):
        with pytest.raises(ValueError, match=f"column 'a' holds {LARGE}, a whole number that a float does not hold"):
            cast_column(column, wanted, "a")
    with pytest.raises(ValueError, match="would change"):
        cast_column(pd.Series([LARGE, 3]), pd.SparseDtype(float), "a")


def test_a_sparse_column_of_truths_widens_for_missing_cells():
    cast = cast_column(pd.Series([None, None], dtype=object), pd.SparseDtype(bool, False), "a")
    assert cast.isna().all()
    assert cast_column(pd.Series([2**63], dtype=object), pd.SparseDtype(bool, False), "a").tolist() == [2.0**63]


def test_decimals_become_the_nearest_float_once():
    column = pd.Series([Decimal("1.505")], dtype=object)
    assert cast_column(column, dtype_of("double[pyarrow]"), "a").tolist() == [1.505]
    exact = column.astype(pd.ArrowDtype(pa.decimal128(6, 3)))
    assert cast_column(exact, dtype_of("decimal128(5, 2)[pyarrow]"), "a").tolist() == [Decimal("1.505")]


ARRAYS = [
    (np.array(["2020-01-01"], "M8[ns]"), np.array(["9999-01-01"], "M8[s]"), np.datetime64("9999-01-01")),
    (np.array(["2020-01-01"], "M8[s]"), np.array(["2020-01-01T12:00:00.5"], "M8[ms]"),
     np.datetime64("2020-01-01T12:00:00.5")),
    (np.array(["2020-01-01"], "M8[s]"), np.array([1], "m8[s]"), "expected an array of datetime64"),
    (np.array(["2020-01-01"], "M8[s]"), np.array(["2020-01-01"]), "expected an array of datetime64"),
    (np.array([1.0]), np.array([np.timedelta64(1, "s")], object), "should hold numbers"),
    (np.array([1.0]), np.array([np.datetime64("2020")], object), "should hold numbers"),
    (np.array([1]), np.array([LARGE, 0.5], object)[:1], LARGE),
]


@pytest.mark.parametrize(("own", "row", "expected"), ARRAYS)
def test_cells_of_arrays_come_through_or_are_refused(own, row, expected):
    schema = Schema.of(own.reshape(-1, 1))
    if isinstance(expected, str):
        with pytest.raises(ValueError, match=expected):
            schema.conform(row.reshape(-1, 1))
        return
    assert schema.conform(row.reshape(-1, 1))[0, 0] == expected


def test_lists_keep_their_cells():
    schema = Schema.of([[1, "a"]])
    assert schema.conform([[1, "a"]]).tolist() == [[1, "a"]]
    assert schema.conform([[True, "a"]])[0, 0] is True
    frame = Schema.of(pd.DataFrame({"a": [1], "b": [0.5]}))
    assert frame.conform([[LARGE, 1.5]])["a"].tolist() == [LARGE]
    with pytest.raises(ValueError, match=f"the table holds {LARGE}, a whole number"):
        Schema.of(np.array([[1, 2]])).conform(pd.DataFrame({"x0": [LARGE], "x1": [1.5]}))


def polars_cases() -> list[tuple]:
    pl = pytest.importorskip("polars")
    day, noon = dt.date(2024, 1, 3), NOON.to_pydatetime()
    enum = pl.Enum(["a", "b"])
    return [
        ([day], pl.Date, pl.Series("a", [noon]), noon),
        ([noon], pl.Datetime("ms"), pl.Series("a", [noon.replace(microsecond=7)]),
         noon.replace(microsecond=7)),
        ([dt.timedelta(1)], pl.Duration("ms"), pl.Series("a", ["1"]), "written with its unit"),
        ([1], pl.Int64, pl.Series("a", [day]), "should be int64"),
        ([1], pl.UInt8, pl.Series("a", [day]), "should be uint8"),
        ([1.0], pl.Float32, pl.Series("a", [noon]), "should be float"),
        ([True], pl.Boolean, pl.Series("a", [day]), "should be bool"),
        ([Decimal("1.5")], pl.Decimal(5, 2), pl.Series("a", [day]), "should be decimal"),
        ([1], pl.Int64, pl.Series("a", [1.5]), 1.5),
        (["a"], enum, pl.Series("a", [None]), None), (["a"], enum, pl.Series("a", [3]), "levels"),
        ([day], pl.Date, pl.Series("a", [day]), day),
        ([Decimal("1.5")], pl.Decimal(10, 2), pl.Series("a", [Decimal("1.505")]), Decimal("1.505")),
        ([Decimal("1.5")], pl.Decimal(10, 2), pl.Series("a", [1.505]), 1.505),
        ([Decimal("1.5")], pl.Decimal(10, 2), pl.Series("a", [Decimal("2.25")]), Decimal("2.25")),
        ([noon], pl.Datetime("ms"), pl.Series("a", [dt.time(2)]), "should be datetime"),
        ([day], pl.Date, pl.Series("a", [dt.time(2)]), "should be datetime"),
        (["a"], pl.String, pl.Series("a", [dt.time(2)]), "should hold text"),
        ([dt.time(1)], pl.Time, pl.Series("a", [noon]), "should be time64"),
        ([dt.time(1)], pl.Time, pl.Series("a", ["zz"]), "should be time64"),
        ([dt.time(1)], pl.Time, pl.Series("a", [dt.time(2)]), dt.time(2)),
    ]


@pytest.mark.parametrize("k", range(21))
def test_cells_of_polars_tables_come_through_or_are_refused(k):
    pl = pytest.importorskip("polars")
    cells, dtype, row, expected = polars_cases()[k]
    schema = Schema.of(pl.DataFrame({"a": pl.Series(cells, dtype=dtype)}))
    if isinstance(expected, str):
        with pytest.raises(ValueError, match=expected):
            schema.conform(pl.DataFrame({"a": row}))
        return
    assert schema.native(schema.conform(pl.DataFrame({"a": row})))["a"].to_list() == [expected]


# --- rows beside the background

def explained(background, row, f):
    return xk.explain(f, row, background).values[:, 0, 0]


def large(Z):
    cells = Z["a"] if isinstance(Z, pd.DataFrame) else np.asarray(Z)[:, 0]
    return np.array([float(int(v) == LARGE) for v in cells])


def year(Z):
    cells = Z["a"] if isinstance(Z, pd.DataFrame) else Z[:, 0]
    return np.array([float(np.datetime64(v, "Y").astype(int) + 1970) for v in np.asarray(cells)])


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "uint8", "Int64", "Float64", "double[pyarrow]"])
def test_a_large_whole_number_is_itself_beside_any_background(dtype):
    background = pd.DataFrame({"a": pd.Series([1, 2], dtype=dtype), "b": [0.0, 1.0]})
    row = pd.DataFrame({"a": [LARGE], "b": [0.0]})
    if dtype in ("Float64", "double[pyarrow]"):
        with pytest.raises(ValueError, match="would change"):
            explained(background, row, large)
        return
    assert explained(background, row, large).tolist() == [1.0]
    if dtype.startswith("float"):
        assert explained(background[["a", "a"]].to_numpy(), np.array([[LARGE, 1]]), large).tolist() == [1.0]


@pytest.mark.parametrize("as_frame", [True, False])
def test_a_time_beyond_the_backgrounds_unit_is_itself_beside_it(as_frame):
    own, row = np.array([["2020-01-01"], ["2021-01-01"]], "M8[ns]"), np.array([["9999-01-01"]], "M8[s]")
    if as_frame:
        own, row = pd.DataFrame(own, columns=["a"]), pd.DataFrame(row, columns=["a"])
    else:
        own, row = np.c_[own, own], np.c_[row, own[:1].astype("M8[s]")]
    assert explained(own, row, year) == pytest.approx([9999 - 2020.5])


@pytest.mark.parametrize(("cell", "dtype"), [
    (5, "int64"), (Decimal("9.999"), "object"), (Decimal("9.999"), pd.ArrowDtype(pa.decimal128(10, 3)))])
@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_decimals_stay_decimals_beside_the_background(cell, dtype, container):
    own = pd.DataFrame({"a": pd.Series([Decimal("1.50"), Decimal("2.25")], dtype=dtype_of("decimal")), "b": [0, 1]})
    row = pd.DataFrame({"a": pd.Series([cell], dtype=dtype), "b": [0]})
    if container == "polars":
        pl = pytest.importorskip("polars")
        own = pl.from_pandas(own)

    def f(Z):
        return np.array([float(v + Decimal(1)) for v in Z["a"]])

    assert explained(own, row, f) == pytest.approx([float(cell) - 1.875])


def test_levels_of_truth_and_of_numbers_are_not_each_others():
    for own, other in (([True, False], 1), ([0, 1], True)):
        with pytest.raises(ValueError, match="levels that its categories do not know"):
            cast_column(pd.Series([other], dtype=object), pd.CategoricalDtype(own), "a")


@pytest.mark.parametrize("dtype", ["Int8", "int8[pyarrow]", "int8"])
def test_narrow_whole_numbers_widen_to_whole_numbers(dtype):
    for number in (300, LARGE):
        assert cast_column(pd.Series([number], dtype=object), dtype_of(dtype), "a").tolist() == [number]
