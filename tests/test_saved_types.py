"""Every type of value, wherever an explanation holds it: it comes back exact, or is refused or said."""

from __future__ import annotations

import struct
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, IntFlag, StrEnum
from fractions import Fraction
from pathlib import PurePosixPath
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from explanation_cases import attribution

import xaikit as xk

BERLIN = ZoneInfo("Europe/Berlin")
# Fixed offsets that are called as a zone is, or that no name of an offset holds.
ODD_ZONES = [timezone(timedelta(hours=1), "CET"), timezone(timedelta(hours=-5), "EST5EDT"), timezone(timedelta(hours=3), "UTC"),
             timezone(timedelta(hours=1, seconds=1)), timezone(timedelta(hours=1), "Europe/Berlin")]
Place = namedtuple("Place", "city zip")


class Code(str):
    pass


class Size(str, Enum):  # noqa: UP042 (unlike that of StrEnum, str() of a member is its name)
    S = "s"


class Level(StrEnum):
    LOW = "low"


class Rank(IntEnum):
    FIRST = 1


class Bits(IntFlag):
    READ = 4


class Price(float):
    pass


class Share(float, Enum):
    HALF = 0.5


class Raw(bytes):
    pass


class Pair(tuple):
    pass


class Names(list):
    pass


class Euro(Decimal):
    pass


class Day(datetime):
    pass


class Half(np.float64):
    pass


class Table(pd.DataFrame):
    pass


def bits(pattern, dtype):
    return np.array([pattern], dtype=f"u{np.dtype(dtype).itemsize}").view(dtype)


EXACT = {
    "texts": ["", "a\x00b", "x\ud800", "\udc00\ud800", "a\r\nb\u2028", "😀", np.str_("a\x00"), np.str_("")],
    "bytes": [b"", b"a\x00", np.bytes_(b"a\x00\x00"), np.bytes_(b"")],
    "truth": [True, np.True_, 1, np.int8(1), 1.0, np.float64(1)],
    "whole numbers": [2**64, -(10**400), 10**5000, -(10**5000), np.uint64(2**64 - 1), np.longlong(3),
                      np.ulonglong(3), np.intc(3)],
    "floats": [-0.0, 5e-324, float("inf"), -float("inf"), float("nan"), -float("nan"),
               struct.unpack("<d", struct.pack("<Q", 0x7FF8000000000123))[0],
               bits(0x7FF0000000000001, "f8")[0], bits(0xFFC00123, "f4")[0], bits(0x7E01, "f2")[0],
               np.float16(0.1), np.float32(0.1), np.longdouble("0.1"), np.longdouble("-inf")],
    "complex": [complex(-0.0, float("inf")), complex(-float("nan"), 1), np.complex64(1 - 0j),
                np.clongdouble(1j) * np.longdouble("0.1")],
    "exact numbers": [Decimal("sNaN"), Decimal("NaN123"), Decimal("-0"), Decimal("-Infinity"), Decimal("1E+999999"),
                      Fraction(10**30, 7), Fraction(1, 10**5000), UUID(int=5)],
    "Python's times": [date.max, datetime.min, time(2, 30, tzinfo=BERLIN, fold=1), timedelta.min,
                       datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN, fold=1), datetime(2024, 1, 1, fold=1),
                       datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=1), "CET")),
                       datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=ZoneInfo("UTC"))],
    "stamps": [pd.Timestamp(1), pd.Timestamp(datetime(2024, 1, 1, fold=1)), pd.Timestamp("2024-10-27T02:30+01:00").tz_convert(BERLIN),
               pd.Timestamp("2024-10-27T02:30+02:00").tz_convert("Europe/Berlin"), pd.Timestamp("2024-01-01T00:00+05:30"),
               pd.Timestamp(np.datetime64("20000-01-01", "s")), pd.Timestamp(np.datetime64("-0044-03-15", "s")),
               pd.Timestamp("2024-01-01").as_unit("ms"), pd.Timestamp("2024-01-01", tz="UTC"),
               *[pd.Timestamp("2024-06-01", tz=zone) for zone in ODD_ZONES]],
    "durations": [pd.Timedelta(1), pd.Timedelta("1s").as_unit("s"), pd.Timedelta(np.timedelta64(10**12, "s")),
                  pd.Timedelta(np.timedelta64(-(10**15), "ms"))],
    "NumPy's times": [np.datetime64(5, unit) for unit in ("Y", "M", "W", "D", "h", "s", "ms", "us", "ns", "ps", "fs", "as", "25s")]
                     + [np.timedelta64(5, unit) for unit in ("Y", "M", "D", "as", "7h")]
                     + [np.timedelta64(3), np.datetime64("NaT"), np.timedelta64("NaT", "s")],
    "pandas'": [pd.NA, pd.NaT, None, pd.Interval(0, 1, "both"), pd.Interval(np.float32(0), np.float32(1)),
                pd.Period("2024-01", "M"), pd.Period("2024Q1", "Q-NOV"), pd.Period("2024-01-01", "W-WED"), pd.Period("2024-01-01", "3D")],
    "tuples": [(), ((np.str_("a"), -0.0), [None, {"a": b"b"}])],
}
SETTINGS = {
    "arrays": [np.array(5.0), np.empty((0, 3)), np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.array([1, 2], ">i4"),
               np.array([1j], ">c8"), np.array([5], ">M8[s]"), np.array([5], "m8[25s]"), np.array([b"a\x00", b""], "S3"),
               np.array(["ab", "b\x00c"], ">U3"), np.array([b""], "S0"), np.array(["0.1", "inf"], np.longdouble),
               np.array([1j], np.clongdouble), np.array([1], np.longlong), np.broadcast_to(np.float64(1), (3,)),
               bits(0x7FF0000000000001, "f8"), bits(0xFFC00123, "<f4").astype(">f4"), bits(0x7E01, "f2"), np.array([[1, "a"], [None, (1,)]], object)],
}
DERIVED = {
    "Code": (Code("a"), "a"), "Size": (Size.S, "s"), "Level": (Level.LOW, "low"), "Rank": (Rank.FIRST, 1),
    "Bits": (Bits.READ, 4), "Price": (Price(0.1), 0.1), "Share": (Share.HALF, 0.5), "Raw": (Raw(b"a"), b"a"),
    "Pair": (Pair((1,)), (1,)), "Place": (Place("Ulm", 1), ("Ulm", 1)), "in a tuple": ((1, Level.LOW), (1, "low")),
}
DERIVED_SETTINGS = {
    "Names": (Names([1]), [1]), "OrderedDict": (OrderedDict(a=1), {"a": 1}), "defaultdict": (defaultdict(int, a=1), {"a": 1}),
    "Counter": (Counter("a"), {"a": 1}), "in a list": ([Rank.FIRST], [1]), "in a dict": ({"a": Level.LOW}, {"a": "low"}),
    "key": ({Level.LOW: 1}, {"low": 1}),
}
REFUSED = {
    "Euro": Euro(1), "Day": Day(2024, 1, 1), "Half": Half(1), "set": {1}, "frozenset": frozenset({1}), "path": PurePosixPath("/a"),
    "deque": deque([1]), "bytearray": bytearray(b"a"), "range": range(3), "void": np.void(b"ab"), "type": int,
    "records": np.zeros(2, "i4,f8"), "voids": np.array([b"ab"], "V2"), "masked": np.ma.array([1.0, 2.0], mask=[0, 1]),
    "recarray": np.zeros(2, "f8").view(np.recarray), "series": pd.Series([1, 2]), "index": pd.Index([1]), "extension": pd.array([1, None]),
    "texts": np.array(["a"], np.dtypes.StringDType()), "offset": pd.offsets.Day(1), "numbered keys": {1: 2}, "our tag": {"__xaikit__": 1},
}


def objects(values):
    array = np.empty(len(values), dtype=object)
    for i, value in enumerate(values):
        array[i] = value
    return array


def with_cells(values):
    rows = tuple(range(len(values)))
    return attribution(features=("f",), rows=rows, data=pd.DataFrame({"f": pd.Series(objects(values), dtype=object)}))


def with_columns(values):
    columns = pd.Index(objects(values), dtype=object, tupleize_cols=False)
    return attribution(features=("f",), rows=(0,), data=pd.DataFrame(np.zeros((1, len(values))), columns=columns))


PLACES = {
    "cells": (with_cells, lambda e: e.data["f"].to_numpy()),
    "rows": (lambda v: attribution(features=("f",), rows=tuple(v)), lambda e: e.row_names),
    "details": (lambda v: attribution(features=("f",), rows=tuple(range(len(v))), details={"d": objects(v)}), lambda e: e.details["d"]),
    "settings": (lambda v: attribution(settings={"a": v}), lambda e: e.settings["a"]),
    "columns": (with_columns, lambda e: e.data.columns.array),
}


def look(value):
    """Return all that tells a value from another: types, bits, zones and folds."""
    if isinstance(value, list | tuple):
        return type(value), [look(v) for v in value]
    if isinstance(value, dict):
        return type(value), [(look(k), look(v)) for k, v in value.items()]
    if isinstance(value, np.ndarray) and value.dtype == object:
        return value.shape, [look(v) for v in value.ravel()]
    if isinstance(value, np.ndarray | np.generic) and value.dtype.itemsize < 16:
        return type(value), value.dtype.str, value.dtype.char, value.shape, value.tobytes()
    if type(value) is float:
        return float, struct.pack("<d", value)
    if type(value) is int:
        return int, hex(value)
    if type(value) is Fraction:
        return Fraction, hex(value.numerator), hex(value.denominator)
    zone = getattr(value, "tzinfo", None)
    return type(value), repr(value), str(zone), type(zone), getattr(value, "fold", 0), getattr(value, "unit", "")


def again(e, tmp_path):
    return xk.load_explanation(e.save(tmp_path / "e.json"))


@pytest.mark.parametrize("place", PLACES)
def test_values_come_back_exactly(place, tmp_path):
    make, get = PLACES[place]
    for name, values in EXACT.items():
        if place == "columns":
            values = [v for v in values if v is not None]
        if place == "settings":
            values = list(values)
        if place != "columns" or name != "tuples":  # labels of columns are hashable
            e = make(values)
            for got, wanted in zip(get(again(e, tmp_path)), get(e), strict=True):
                assert look(got) == look(wanted), name


@pytest.mark.parametrize("array", SETTINGS["arrays"], ids=lambda a: f"{a.dtype.str} {a.shape}")
def test_arrays_come_back_exactly(array, tmp_path):
    back = again(attribution(settings={"a": array}), tmp_path).settings["a"]
    assert look(back) == look(array)
    if array.dtype.itemsize >= 16:
        assert (back.dtype, back.shape) == (array.dtype, array.shape)


@pytest.mark.parametrize("place", ["cells", "details"])
@pytest.mark.parametrize("value", [v for v, _ in (DERIVED | DERIVED_SETTINGS).values()] + list(REFUSED.values()),
                         ids=[*DERIVED, *DERIVED_SETTINGS, *REFUSED])
def test_cells_of_other_types_are_refused(place, value, tmp_path):
    where = "data.*column 'f'" if place == "cells" else r"details\['d'\]"
    with pytest.raises(TypeError, match=f"^(?s:{where}.*JSON.*(convert|make))"):
        PLACES[place][0]([value, None]).save(tmp_path / "e.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", REFUSED)
def test_settings_of_other_types_are_refused(name, tmp_path):
    with pytest.raises(TypeError, match=r"^settings\['a'\]: JSON .*(convert|make)"):
        attribution(settings={"a": REFUSED[name]}).save(tmp_path / "e.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("place", ["rows", "settings", "columns"])
@pytest.mark.parametrize("name", DERIVED)
def test_labels_and_settings_of_derived_types_are_said(name, place, tmp_path):
    value, plain = DERIVED[name]
    make, get = PLACES[place]
    with pytest.warns(UserWarning, match="is written to the file as"):
        back = again(make([value]), tmp_path)
    assert look(get(back)[0]) == look(plain)


@pytest.mark.parametrize("name", DERIVED_SETTINGS)
def test_settings_of_derived_types_are_said(name, tmp_path):
    value, plain = DERIVED_SETTINGS[name]
    with pytest.warns(UserWarning, match="is written to the file as"):
        assert look(again(attribution(settings={"a": value}), tmp_path).settings["a"]) == look(plain)


def test_a_derived_frame_is_said(tmp_path):
    e = attribution(features=("f",), rows=(0,), data=Table({"f": [1]}))
    with pytest.warns(UserWarning, match="a label or setting of type Table is written to the file as DataFrame"):
        assert type(again(e, tmp_path).data) is pd.DataFrame


def test_masked_arrays_are_refused_before_they_lose_their_mask():
    masked = np.ma.array([[[1.0]]], mask=[[[True]]])
    for more in ({"values": masked}, {"details": {"d": masked}}):
        with pytest.raises(ValueError, match=r"masked.*\.filled\("):
            attribution(features=("f",), outputs=("o",), rows=(0,), **more)
    with pytest.raises(ValueError, match="masked"):
        xk.ImageAttribution(method="m", values=np.zeros((1, 1, 1)), base_values=np.zeros((1, 1)), predictions=np.zeros((1, 1)),
                            output_names=("o",), images=np.ma.zeros((1, 2, 2)), labels=np.zeros((1, 2, 2)))


def test_levels_of_categories_are_cells(tmp_path):
    levels = pd.Categorical.from_codes([0, -1], dtype=pd.CategoricalDtype(pd.Index([Level.LOW], dtype=object)))
    e = attribution(features=("f",), rows=(0, 1), data=pd.DataFrame({"f": levels}))
    with pytest.raises(TypeError, match="^data: column 'f' cannot be written to a file: .*of type Level exactly; convert"):
        e.save(tmp_path / "e.json")
    assert not list(tmp_path.iterdir())


def test_files_of_the_first_format_are_named(tmp_path):
    path = attribution().save(tmp_path / "e.json")
    path.write_text(path.read_text().replace('"format": 3', '"format": 1'))
    with pytest.raises(xk.FormatError, match="expected an explanation of format 3 .* got .*format 1"):
        xk.load_explanation(path)


MONTHS = pd.period_range("2024-01", periods=2, freq="M")
AXES = {
    "range": pd.RangeIndex(3, 7, 2), "range name": pd.RangeIndex(2, name="n"), "ints": pd.Index([3, 1], dtype="int8"),
    "floats": pd.Index([0.5, np.nan], dtype="float32"), "text": pd.Index(["a", "b"], name="t"), "string": pd.Index(["a", "b"], dtype="string"),
    "objects": pd.Index(["a", 1], dtype=object), "text objects": pd.Index(["a", "x\ud800"], dtype=object), "flat tuples": pd.Index([("a", 1), ("b", 2)], tupleize_cols=False),
    "levels": pd.MultiIndex.from_product([["a", "unused"], pd.to_datetime(["2024-01-01", "2024-01-02"])], names=["x", None])[:2],
    "levels missing": pd.MultiIndex.from_tuples([("a", np.nan), (None, 2.0)], names=[("n", 1), 5]),
    "ordered": pd.CategoricalIndex(["b", "a"], categories=["b", "c", "a"], ordered=True, name="k"), "unordered": pd.CategoricalIndex(["b", None], categories=["b", "a"]),
    "intervals": pd.interval_range(0, 2, name="i"), "dates": pd.date_range("2024-01-01", periods=2, freq="MS", name="d"),
    "no freq": pd.to_datetime(["2024-01-01", "2024-01-05"]), "zoned": pd.date_range("2024-10-27", periods=2, freq="h", tz="Europe/Berlin"),
    "durations": pd.timedelta_range("1h", periods=2, freq="h"), "periods": MONTHS, "bools": pd.Index([True, False]), "Int64": pd.Index([1, None], dtype="Int64"),
}


@pytest.mark.parametrize("name", AXES)
def test_every_index_comes_back(name, tmp_path):
    axis = AXES[name]
    e = attribution(features=("f",), rows=(0, 1), data=pd.DataFrame([[0, 1], [2, 3]], columns=axis, index=axis))
    back = again(e, tmp_path).data
    pd.testing.assert_frame_equal(back, e.data, check_index_type="exact", check_column_type="exact", check_freq=True, check_names=True)
    for got in (back.columns, back.index):
        assert type(got) is type(axis)
        assert got.names == axis.names
        if isinstance(axis, pd.MultiIndex):
            for a, b in zip(got.levels, axis.levels, strict=True):
                pd.testing.assert_index_equal(a, b, exact=True)
        else:
            assert getattr(got, "freq", None) == getattr(axis, "freq", None)


COLUMNS = {
    **{f"{unit} times": np.array(["2024-01-01", "NaT"], f"M8[{unit}]") for unit in ("s", "ms", "us", "ns")},
    "durations": np.array([1, "NaT"], "m8[s]"), "float16": np.array([0.1, -np.nan], np.float16), "big-endian": np.array([1.5, -np.nan], ">f8"),
    "big-endian times": np.array([5, 6], ">M8[s]"), "longdouble": np.array(["0.1", "nan"], np.longdouble), "bytes": np.array([b"a\x00", b""], "S3"),
    "ordered": pd.Categorical(["b", None], categories=["b", "c", "a"], ordered=True), "of periods": pd.Categorical(MONTHS),
    "of zones": pd.Categorical(pd.date_range("2024-10-27", periods=2, tz="Europe/Berlin")), "of intervals": pd.cut([1, 2], 2),
    "intervals of zones": pd.IntervalIndex.from_breaks(pd.date_range("2024-01-01", periods=3, tz="UTC")), "periods": pd.PeriodIndex(["2024Q1", None], freq="Q-NOV"),
    "text": pd.array(["a", None], dtype="str"), "python text": pd.array(["a", None], dtype=pd.StringDtype("python", na_value=np.nan)), "NA text": pd.array(["a", None], dtype=pd.StringDtype("python")),
    "UInt8": pd.array([1, None], dtype="UInt8"), "Float32": pd.array([0.1, None], dtype="Float32"), "sparse bools": pd.arrays.SparseArray([True, False]),
    **{f"offset called {zone}": pd.date_range("2024-06-01", periods=2, tz=zone) for zone in ODD_ZONES},
    "sparse NaN": pd.arrays.SparseArray([1.0, np.nan], fill_value=np.nan), "fixed zone": pd.to_datetime(["2024-01-01T00:00+05:30", None]),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_every_column_dtype_comes_back(name, tmp_path):
    frame = pd.DataFrame(COLUMNS[name].reshape(-1, 1)).set_axis(["f"], axis=1) if name == "bytes" else pd.DataFrame({"f": COLUMNS[name]})
    e = attribution(features=("f",), rows=(0, 1), data=frame)
    back = again(e, tmp_path).data
    assert repr(back.dtypes["f"]) == repr(frame.dtypes["f"])
    pd.testing.assert_frame_equal(back, frame, check_exact=True)
    if isinstance(frame.dtypes["f"], pd.CategoricalDtype):
        assert getattr(back["f"].cat.categories, "freq", 0) == getattr(frame["f"].cat.categories, "freq", 0)
    if frame.dtypes["f"].kind == "f" and isinstance(frame.dtypes["f"], np.dtype) and frame.dtypes["f"].itemsize < 16:
        assert back["f"].to_numpy().tobytes() == frame["f"].to_numpy().tobytes()


@pytest.mark.parametrize("freq", [
    pd.DateOffset(months=1), pd.offsets.CustomBusinessDay(holidays=["2024-01-01"]), pd.offsets.BusinessHour(start="08:00"),
    pd.offsets.Easter(), pd.offsets.MonthEnd(normalize=True)], ids=str)
def test_a_freq_without_a_text_is_left_out_and_said(freq, tmp_path):
    axis = pd.date_range("2024-02-05", periods=2, freq=freq)
    frame = pd.DataFrame({"f": pd.Categorical(axis)}, index=axis)
    with pytest.warns(UserWarning, match="freq .* has no text that pandas reads"):
        back = again(attribution(features=("f",), rows=(0, 1), data=frame), tmp_path).data
    pd.testing.assert_frame_equal(back, frame, check_freq=False)
    assert back.index.freq is None


def test_the_zone_of_the_machine_is_refused(tmp_path):
    tz = pytest.importorskip("dateutil.tz")
    frame = pd.DataFrame({"f": pd.date_range("2024-06-01", periods=2, tz=tz.tzlocal())})
    with pytest.raises(TypeError, match="cannot hold the time zone tzlocal"):
        again(attribution(features=("f",), rows=(0, 1), data=frame), tmp_path)


def test_texts_of_which_one_is_very_long_are_refused_before_they_are_saved(tmp_path):
    e = attribution(settings={"a": np.array(["x" * 20_000, *"y" * 999])})
    with pytest.raises(TypeError, match="too wide for its texts.*make them arrays of objects"):
        e.save(tmp_path / "e.json")
    assert again(attribution(settings={"a": np.array(["x" * 200, *"y" * 999])}), tmp_path).settings["a"][1] == "y"
