"""pandas columns of Arrow's dtypes, and dates: explained, moved, drawn and saved."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

import xaikit as xk
from xaikit.sampling.bins import columns_of
from xaikit.sampling.moves import is_binary, levels
from xaikit.sampling.tabular import TabularMasker

pa = pytest.importorskip("pyarrow")
N = 24
HOURS = [pd.Timestamp("2024-01-01") + pd.Timedelta(hours=i) for i in range(N)]
COLUMNS = {
    "whole": pd.array([None, *range(N - 1)], dtype="int16[pyarrow]"),
    "truth": pd.array([None, *(bool(i % 2) for i in range(N - 1))], dtype="bool[pyarrow]"),
    "text": pd.array(["x", "y", None] * 8, dtype=pd.ArrowDtype(pa.string())),
    "levels": pd.array(["x", "y", None] * 8,
                       dtype=pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))),
    "time": pd.array(HOURS, dtype="timestamp[ms][pyarrow]"),
    "zone": pd.array(HOURS, dtype=pd.ArrowDtype(pa.timestamp("us", "Europe/Berlin"))),
    "date": pd.array([dt.date(2024, 1, 1 + i) for i in range(N)], dtype="date32[pyarrow]"),
    "of day": pd.array([dt.time(i) for i in range(N)], dtype="time64[us][pyarrow]"),
    "decimal": pd.array([Decimal(i) for i in range(N)], dtype=pd.ArrowDtype(pa.decimal128(5, 2))),
    "length": pd.array([pd.Timedelta(hours=i) for i in range(N)], dtype="duration[ns][pyarrow]"),
}
ARROW = pytest.mark.parametrize("name", COLUMNS)


def table(name):
    return pd.DataFrame({name: COLUMNS[name], "other": np.linspace(1, 2, N)})


def first_and_other(X):
    """Answer by both columns, and insist on their dtypes."""
    name = X.columns[0]
    assert X.dtypes.tolist() == table(name).dtypes.tolist()
    codes = pd.factorize(table(name)[name].astype(str), sort=True)[1]
    return X["other"] + codes.get_indexer(X[name].astype(str)) / N


def explained(name):
    X = table(name)
    return xk.KernelSHAP(random_state=0).fit(first_and_other, X[:12]).explain(X[12:14])


@ARROW
def test_kernel_shap(name):
    e = explained(name)
    total = (e.values.sum(axis=1) + e.base_values)[:, 0]
    np.testing.assert_allclose(total, first_and_other(table(name)[12:14]), atol=1e-12)


@ARROW
def test_saved_and_read_back_exactly(name, tmp_path):
    e = explained(name)
    e.save(tmp_path / "e.json")
    back = xk.load_explanation(tmp_path / "e.json")
    pd.testing.assert_frame_equal(back.data, e.data, check_exact=True)


@ARROW
def test_drawn(name):
    e = explained(name)
    assert xk.plots.scatter(e, name) is not None
    assert xk.plots.beeswarm(e) is not None


@ARROW
def test_mean_impact(name):
    got = xk.MeanImpactValue(random_state=0).fit(lambda X: X["other"].to_numpy()).explain(
        table(name))
    assert got.values[0, 0] == 0
    assert got.values[1, 0] != 0


def test_a_report(tmp_path):
    X = pd.DataFrame({name: COLUMNS[name] for name in ("date", "of day", "decimal")})
    xk.report(lambda Z: Z["date"].astype("datetime64[s]").dt.day.to_numpy(), X,
              path=tmp_path / "r.html", n_explain=2, n_global=8)
    assert "of day" in (tmp_path / "r.html").read_text(encoding="utf8")


def test_an_arrow_column_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    import sys

    explained("whole").save(tmp_path / "e.json")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"needs pyarrow: pip install 'xaikit\[io\]'"):
        xk.load_explanation(tmp_path / "e.json")


# --- dates

@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_dates_are_moved_by_whole_days(unit):
    """A step of 3.7 days would ask about a time of day that no date has; the effect is scaled."""
    days = pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(N) ** 1.5 // 1, "D"))
    X = pd.DataFrame({"day": days.astype(f"datetime64[{unit}]")})
    seen = []

    def days_since(Z):
        seen.append(Z["day"])
        return (Z["day"] - pd.Timestamp("2024-01-01")) / pd.Timedelta(days=1)

    got = xk.MeanImpactValue(random_state=0, clip=False, delta=0.1).fit(days_since).explain(X)
    assert all((day == day.dt.normalize()).all() for day in seen)
    spread = days_since(X).std(ddof=1)
    np.testing.assert_allclose(got.values[0, 0], 2 * 0.1 * spread, rtol=1e-9)


def test_times_of_day_are_moved_by_less():
    X = pd.DataFrame({"time": HOURS})
    seen = []

    def hours(Z):
        seen.append(Z["time"])
        return Z["time"].dt.day * 24.0 + Z["time"].dt.hour

    xk.MeanImpactValue(random_state=0).fit(hours).explain(X)
    assert any((time != time.dt.floor("h")).any() for time in seen)


# --- NaN, which Arrow keeps apart from null


def with_nan(numbers=(0.0, 1.0)):
    cells = pa.array([None, float("nan"), *np.resize(numbers, N - 2)])
    return pd.DataFrame({"x": pd.arrays.ArrowExtensionArray(pa.chunked_array([cells])),
                         "other": np.linspace(1, 2, N)})


def test_nan_is_in_the_bin_of_missing_cells():
    X = with_nan()
    answers = np.nan_to_num(X["x"].to_numpy(float, na_value=0.0))
    (column, _) = columns_of(TabularMasker(X), "tree", answers[:, None])
    assert column.bins(X["x"])[:4].tolist() == [-1, -1, 0, 1]
    assert column.words(column.condition(X["x"][1], -1)) == "x missing"


def test_nan_is_far_from_numbers_and_near_null():
    for X in (with_nan(), with_nan([7.0])):
        far = TabularMasker(X).rows(X).distances(1)[:, 0]
        np.testing.assert_array_equal(far, [0.0, 0.0] + [1.0] * (N - 2))


def test_nan_is_not_a_number_to_move():
    X = with_nan()
    assert is_binary(X["x"], alone=True)
    codes, donors = levels(X, np.array([0]))
    assert codes[:4].tolist() == [-1, -1, 0, 1]
    assert donors.tolist() == [2, 3]


def test_lime_of_polars_nan_is_that_of_pandas():
    pl = pytest.importorskip("polars")
    frame = with_nan().astype({"x": "float64"})
    model = lambda t: 5.0 * np.isnan(t["x"].to_numpy().astype(float)) + t["other"].to_numpy()  # noqa: E731
    for missing in (None, float("nan")):
        table = pl.DataFrame({"x": frame["x"].fillna(-1.0).to_numpy(), "other": frame["other"].to_numpy()})
        table = table.with_columns(pl.when(pl.col("x") < 0).then(missing).otherwise(pl.col("x")).alias("x"))
        lime = xk.LIME(random_state=0, budget=300)
        got, ref = lime.fit(model, table).explain(table[:2]), lime.fit(model, frame).explain(frame[:2])
        np.testing.assert_array_equal(got.values, ref.values)
        assert got.feature_details["conditions"][0, 0, 0] == "x missing"
        np.testing.assert_allclose(got.values[:, 0], 5.0, atol=0.05)
