"""Numbers that are Python objects, and whole numbers beyond 2**53: measured as the numbers they are."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import xaikit as xk
from xaikit.explanations.attribution import Attribution
from xaikit.plots.columns import axis_numbers, axis_unit, number_texts, ordered_numbers
from xaikit.reporting.data import describe_columns
from xaikit.sampling.bins import columns_of
from xaikit.sampling.kmeans import kmeans_background
from xaikit.sampling.tabular import TabularMasker
from xaikit.tables.dtypes import kind_of_column
from xaikit.tables.numeric import beyond_origin, exact_column, float_column
from xaikit.tables.schema import Schema

PRICES = [12.3, 0.1, 199.99, 45.5, 7.07, 0.3, 88.8, 63.25, 150.0, 21.4, 0.2, 99.9]
DAYS = [3, 1, 40, 12, 2, 11, 25, 7, 19, 5, 30, 60]
BIG = 2**53


def series(cells):
    return pd.Series(list(cells), dtype=object)


def arrow(cells, kind):
    pa = pytest.importorskip("pyarrow")
    return pd.Series(pd.array(list(cells), dtype=pd.ArrowDtype(getattr(pa, kind[0])(*kind[1:]))))


# name: the same column as plain numbers and as objects, the type of a cell, and its number
TWINS = {
    "decimals": (PRICES, lambda: series(Decimal(repr(v)) for v in PRICES), Decimal, float),
    "fractions": (PRICES, lambda: series(Fraction(v) for v in PRICES), Fraction, float),
    "floats": (PRICES, lambda: series(PRICES), float, float),
    "whole": (DAYS, lambda: series(DAYS), int, float),
    "durations": (pd.to_timedelta(DAYS, unit="D"), lambda: series(dt.timedelta(d) for d in DAYS),
                  dt.timedelta, lambda v: pd.Timedelta(v) / pd.Timedelta(days=1)),
    "Arrow's durations": (pd.to_timedelta(DAYS, unit="D"),
                          lambda: arrow([dt.timedelta(d) for d in DAYS], ("duration", "us")),
                          pd.Timedelta, lambda v: pd.Timedelta(v) / pd.Timedelta(days=1)),
}
EVERY = pytest.mark.parametrize("name", TWINS)


def frame_of(cells):
    return pd.DataFrame({"p": pd.Series(cells), "z": np.linspace(1, 2, len(cells))})


def model_of(number, kind=None):
    """Answer 2p + z²; with `kind`, insist on the type of every cell."""
    def model(X):
        assert kind is None or {type(v) for v in X["p"]} == {kind}
        return [2.0 * number(p) + z**2 for p, z in zip(X["p"], X["z"], strict=True)]
    return model


@EVERY
@pytest.mark.parametrize("mode", ["relative", "sd", "range", "quantile"])
def test_mean_impact_is_that_of_plain_numbers(name, mode):
    plain, objects, kind, number = TWINS[name]
    found = [xk.MeanImpactValue(mode=mode, random_state=0).fit(model_of(number, own)).explain(
        frame_of(cells)) for cells, own in ((plain, None), (objects(), kind))]
    np.testing.assert_allclose(found[1].values, found[0].values, rtol=1e-12)
    assert found[0].values[0, 0] > 1


@EVERY
@pytest.mark.parametrize("way", ["quartile", "decile", "tree"])
def test_lime_is_that_of_plain_numbers(name, way):
    plain, objects, kind, number = TWINS[name]
    plain, objects = frame_of(plain), frame_of(objects())
    found = [xk.LIME(discretize=way, budget=65, random_state=0).fit(
        model_of(number, own), table).explain(table[:3])
        for table, own in ((plain, None), (objects, kind))]
    np.testing.assert_allclose(found[1].values, found[0].values, rtol=1e-9, atol=1e-9)


@EVERY
def test_axes_and_shap_hold_the_numbers(name):
    plain, objects, _, _ = TWINS[name]
    column, wanted = objects(), pd.Series(plain)
    np.testing.assert_allclose(axis_numbers(column), axis_numbers(wanted), rtol=1e-12)
    assert pd.Series(ordered_numbers(column)).rank().tolist() == wanted.rank().tolist()
    if axis_unit(column) == "":
        np.testing.assert_allclose(explained(column)._shap_data()[0][:, 0], plain)
    facts, table = describe_columns(pd.DataFrame({"p": column}), ("p",))
    assert facts[0].kind == kind_of_column(wanted)
    assert table.loc[0, "lowest"] != "–"


def explained(column):
    n = len(column)
    return Attribution(method="m", feature_names=("p",), output_names=("y",),
                       values=np.arange(float(n)).reshape(n, 1, 1), base_values=np.zeros((n, 1)),
                       predictions=np.zeros((n, 1)), data=pd.DataFrame({"p": column}))


@pytest.mark.parametrize(("cells", "unit", "labels"), [
    (pd.to_timedelta([1, 2, 11, 12, None], unit="D"), "days", ["2 days", "12 days"]),
    (pd.to_timedelta([1, 5], unit="s"), "seconds", ["1 seconds", "5 seconds"]),
])
def test_durations_have_an_axis_of_numbers(cells, unit, labels):
    column = pd.Series(cells)
    assert axis_unit(column) == unit
    ax = xk.plots.scatter(explained(column), "p")
    shown = [label.get_text() for label in ax.get_xticklabels()]
    plt.close(ax.figure)
    assert set(labels) <= set(shown)
    assert number_texts([2.0], unit) == [f"2 {unit}"]


@pytest.mark.parametrize(("cells", "kind"), [
    ([1, 2, None], "integer"), ([1, 2.5], "float"), ([Decimal(1), 2], "float"),
    ([Decimal(1), Fraction(1, 2)], "text"), ([True, None], "boolean"), ([True, 2], "text"),
    ([1, "1"], "text"), ([None, np.nan], "text"), ([dt.timedelta(1), None], "timedelta"),
    ([np.timedelta64(1, "D")], "timedelta"), ([dt.datetime(2024, 5, 1)], "datetime"),
    ([dt.date(2024, 5, 1)], "text"), ([1j], "text"), ([dt.timedelta(1), 2], "text"),
])
def test_kinds_of_objects(cells, kind):
    assert kind_of_column(series(cells)) == kind


def test_text_among_numbers_is_named():
    with pytest.raises(TypeError, match=r"column 'p' holds numbers elsewhere, but here 'x'"):
        float_column(pd.Series([1, "x"], dtype=object, name="p"))


# Arrow's decimals ---------------------------------------------------------------------------------


def test_arrow_decimals_move_by_their_last_digit_and_keep_their_dtype():
    cells = arrow([Decimal("12.34"), Decimal("1.05"), None], ("decimal128", 6, 2))
    seen = []

    def model(X):
        seen.append(X["p"])
        return [0.0 if v is pd.NA else 2.0 * float(v) for v in X["p"]]

    e = xk.MeanImpactValue(random_state=0).fit(model).explain(pd.DataFrame({"p": cells}))
    assert {str(s.dtype) for s in seen} == {"decimal128(6, 2)[pyarrow]"}
    np.testing.assert_allclose(e.values[0, 0], 2 * 0.2 * (12.34 + 1.05) / 3, rtol=1e-12)


def test_arrow_decimals_stay_within_their_digits():
    cells = arrow([Decimal("9.9"), Decimal("1.0")], ("decimal128", 2, 1))
    e = xk.MeanImpactValue(random_state=0, delta=0.5).fit(
        lambda X: [float(v) for v in X["p"]]).explain(pd.DataFrame({"p": cells}))
    np.testing.assert_allclose(e.values[0, 0], (9.9 + 1.0) / 2, rtol=1e-12)


# Whole numbers beyond 2**53 -----------------------------------------------------------------------

WIDE = {
    "int64": lambda small: pd.Series(BIG + np.array(small)),
    "uint64": lambda small: pd.Series(np.uint64(2**64 - 10) + np.array(small, dtype=np.uint64)),
    "Int64": lambda small: pd.Series(pd.array(BIG + np.array(small), dtype="Int64")),
    "objects": lambda small: series(2**70 + v for v in small),
    "nanoseconds": lambda small: pd.Series(pd.to_datetime(2**60 + 86_400 + np.array(small))),
}
SMALL = [0, 1, 2, 1, 0, 2, 2, 5, 9, 1, 0, 3]


def least(column):
    return int(min(exact_column(column)))


@pytest.mark.parametrize("name", WIDE)
@pytest.mark.parametrize("mode", ["sd", "range"])
def test_mean_impact_of_wide_whole_numbers(name, mode):
    """It is that of the small ones: sd and range know no origin."""
    column = WIDE[name](SMALL)
    low = least(column)
    time = name == "nanoseconds"
    wide = xk.MeanImpactValue(mode=mode, random_state=0).fit(
        lambda X: [(v.value if time else int(v)) - low for v in X["p"]]).explain(frame_of(column))
    step = {"sd": np.std(SMALL, ddof=1), "range": 9}[mode]
    # At the upper end of 64 bits the step up is cut off, and the effect is scaled back.
    np.testing.assert_allclose(wide.values[0, 0], 2 * 0.1 * step, rtol=1e-9)
    assert not wide.warnings


@pytest.mark.parametrize("name", WIDE)
@pytest.mark.parametrize("way", ["quartile", "tree"])
def test_bins_of_wide_whole_numbers(name, way):
    """They part the rows as the bins of the small ones do, and as their conditions say."""
    column, small = WIDE[name](SMALL), pd.Series(SMALL)
    bins, wanted = (
        columns_of(TabularMasker(pd.DataFrame({"p": cells})), way, np.array(SMALL)[:, None])[0]
        for cells in (column, small))
    assert len(bins.edges) == len(wanted.edges) > 1
    places = bins.bins(column)
    assert places.tolist() == wanted.bins(small).tolist()
    table = pd.DataFrame({"p": column})
    for place in range(len(bins.edges) + 1):
        mask = bins.condition(column[0], place).mask(table)
        assert mask.tolist() == (places == place).tolist()


@pytest.mark.parametrize("name", WIDE)
def test_wide_whole_numbers_differ_everywhere_else(name):
    column = WIDE[name](SMALL)
    origin, numbers = beyond_origin(column)
    assert (origin, numbers.tolist()) == (least(column), SMALL)
    assert len(kmeans_background(pd.DataFrame({"p": column}), 6, random_state=0).background) == 6
    rows = TabularMasker(pd.DataFrame({"p": column})).rows(pd.DataFrame({"p": column[:1]}))
    np.testing.assert_allclose(rows[0].distances[:, 0], np.array(SMALL) / 9)
    if name != "nanoseconds":
        assert pd.Series(ordered_numbers(column)).rank().tolist() == pd.Series(SMALL).rank().tolist()


def test_the_largest_whole_number_is_not_passed():
    column = pd.Series([2**63 - 1, 2**63 - 2, 2**62])
    e = xk.MeanImpactValue(random_state=0).fit(
        lambda X: [float(int(v) < 0) for v in X["p"]]).explain(pd.DataFrame({"p": column}))
    assert e.values[0, 0] == 0


@pytest.mark.parametrize(("cells", "dtype"), [([BIG + 1, -BIG - 1], "int64"),
                                              ([2**64 - 1, 2**63], "uint64")])
def test_nullable_whole_numbers_reach_an_array_as_they_are(cells, dtype):
    table = pd.DataFrame({"x0": pd.array(cells, dtype=dtype.capitalize().replace("Ui", "UI"))})
    got = Schema.of(np.array([[1]], dtype=dtype)).conform(table)
    assert got.dtype == dtype
    assert got.ravel().tolist() == cells


def test_polars_decimals_move_by_their_last_digit():
    pl = pytest.importorskip("polars")
    cells = pl.Series([Decimal(repr(v)) for v in PRICES], dtype=pl.Decimal(10, 2))
    e = xk.MeanImpactValue(random_state=0).fit(
        lambda X: 2 * X["p"].cast(pl.Float64).to_numpy()).explain(pl.DataFrame({"p": cells}))
    np.testing.assert_allclose(e.values[0, 0], 2 * 0.2 * np.mean(PRICES), rtol=1e-12)


@EVERY
@pytest.mark.parametrize("way", ["quartile", "decile", "tree"])
def test_conditions_hold_for_the_cells_of_their_bin(name, way):
    table = pd.DataFrame({"p": TWINS[name][1]()})
    numbers = np.array([TWINS[name][3](v) for v in table["p"]])
    column = columns_of(TabularMasker(table), way, numbers[:, None])[0]
    places = column.bins(table["p"])
    assert len(set(places)) == len(column.edges) + 1 > 3
    for place in range(len(column.edges) + 1):
        condition = column.condition(table["p"][0], place)
        assert condition.mask(table).tolist() == (places == place).tolist()
        if TWINS[name][2] in (Decimal, Fraction):
            assert xk.Condition.from_dict(condition.to_dict()) == condition


@pytest.mark.parametrize(("settings", "want"), [
    ({"high": Decimal("0.3")}, [True, True, False, False]),      # 0.3 is below Decimal("0.3")
    ({"high": 0.3}, [True, False, False, False]),
    ({"low": Fraction(3, 10), "closed": "left"}, [False, True, True, False]),
    ({"levels": [Decimal("0.3"), 1]}, [False, True, True, False]),
    ({"excluded": [Fraction(3, 10)]}, [True, False, True, False]),
])
def test_bounds_and_levels_compare_exactly(settings, want):
    cells = [0.1, Decimal("0.3"), 1, None]
    if "low" in settings or "excluded" in settings:
        cells[1] = Fraction(3, 10)  # Python orders no Decimal and Fraction
    condition = xk.Condition("p", **settings)
    assert condition.mask(pd.DataFrame({"p": series(cells)})).tolist() == want
    assert xk.Condition.from_dict(condition.to_dict()) == condition


def test_decimals_in_words_and_elsewhere():
    price = xk.Condition("p", low=Decimal("1E+1"), high=Decimal("12.30"))
    assert price.words() == "10 < p <= 12.30"
    assert price.to_sql() == '("p" IS NOT NULL AND "p" > 10 AND "p" <= 12.30)'
    for bound in (Decimal("0.1"), Fraction(1, 3)):
        with pytest.raises(ValueError, match="DataFrame.query cannot hold"):
            xk.Condition("p", low=bound).to_pandas_query()
    assert xk.Condition("p", low=Decimal("0.3")).mask(
        pd.DataFrame({"p": [0.3, 0.30000000000000004]})).tolist() == [False, True]


@pytest.mark.parametrize(("cells", "kind"), [
    ([dt.datetime(2024, 1, 1, h) for h in (0, 5, 9, 20)], dt.datetime),
    ([pd.Timestamp(2024, 1, 1, h) for h in (0, 5, 9, 20)], pd.Timestamp),
    ([np.datetime64("2024-01-01T00", "s") + h * 3600 for h in (0, 5, 9, 20)], np.datetime64),
    ([np.timedelta64(h * 3600, "s") for h in (0, 5, 9, 20)], np.timedelta64),
    ([Decimal(1), 2, 4, 8], Decimal), ([1, 2, 4, None], int), ([np.int8(1), 2, 4, 8], None),
], ids=repr)
@pytest.mark.parametrize("form", [lambda t: t, lambda t: t.to_numpy(dtype=object)],
                         ids=["frame", "array"])
def test_moved_cells_are_of_the_type_of_the_column(cells, kind, form):
    seen = []

    def model(X):
        column = X["p"] if isinstance(X, pd.DataFrame) else X[:, 0]
        seen.extend(type(v) for v in column if v is not None)
        return np.zeros(len(X))

    X = form(pd.DataFrame({"p": series(cells)}))
    xk.MeanImpactValue(random_state=0, mode="sd", delta=2).fit(model).explain(X)
    own = {type(v) for v in cells if v is not None}
    assert len(seen) > 8
    assert set(seen) <= (own | {kind})


def test_numbers_beyond_floats_are_infinite_to_a_measure():
    assert float_column(series([10**400, -(10**400), 1])).tolist() == [np.inf, -np.inf, 1.0]


@pytest.mark.parametrize("way", ["quartile", "decile", "tree"])
def test_bounds_of_decimals_are_not_those_of_rounded_floats(way, rng):
    prices = [Decimal(f"{v:.2f}") if i % 2 else int(v) for i, v in enumerate(rng.uniform(0, 100, 40))]
    X = pd.DataFrame({"p": pd.Series(prices, dtype=object)})
    masker = xk.TabularMasker(X)
    edges = columns_of(masker, way, np.array([[float(p)] for p in prices]))[0].edges
    assert len(edges) > 1
    assert all(-edge.as_tuple().exponent <= 6 for edge in edges)
