"""Mean Impact Value: golden numbers, every mode against plain loops, and what it asks."""

from __future__ import annotations

import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
import reference_importance as naive

import xaikit as xk

PROBE_ROWS = 9
"""Rows the probe asks of a table of four rows or more: four, the same in reverse, and one."""

MODES = ("relative", "relative_abs", "sd", "range", "quantile")


def miv(model, X, **settings):
    settings.setdefault("random_state", 0)
    settings.setdefault("n_bootstrap", 20)
    return xk.MeanImpactValue(**settings).fit(model).explain(X)


def curved(X):
    X = np.asarray(X, dtype=float)
    return np.column_stack([X[:, 0] * X[:, 1] + np.sin(X[:, 2]), np.exp(0.3 * X[:, 1]) - X[:, 2]])


# --- golden numbers (design/networks.md)

def test_golden_linear():
    got = miv(lambda X: 2 * X[:, 0], np.array([[1.0], [2.0], [3.0]]))
    # 2·(1.1 − 0.9)·mean(1, 2, 3) = 0.8
    assert got.values[0, 0] == pytest.approx(0.8, rel=1e-12)
    assert got.details["absolute"][0, 0] == pytest.approx(0.8, rel=1e-12)
    assert got.details["share"][0, 0] == 1.0
    assert got.details["unmoved"][0, 0] == 0.0
    # Effects .4, .8, 1.2: their standard deviation .4 over √3.
    assert got.standard_errors[0, 0] == pytest.approx(0.4 / 3**0.5, rel=1e-12)
    assert got.warnings == ()


def test_golden_centred():
    got = miv(lambda X: 2 * X[:, 0], np.array([[-1.0], [0.0], [1.0]]))
    assert got.values[0, 0] == pytest.approx(0.0, abs=1e-15)
    assert got.details["absolute"][0, 0] == pytest.approx(0.26666667, abs=5e-9)
    assert got.details["unmoved"][0, 0] == pytest.approx(1 / 3)
    assert any("'x0' is centred" in w and "mode='sd'" in w for w in got.warnings)


def test_the_mode_that_the_warning_names_sees_a_centred_column():
    got = miv(lambda X: 2 * X[:, 0], np.array([[-1.0], [0.0], [1.0]]), mode="sd")
    # 2·(2·0.1·sd) with sd = 1.
    assert got.values[0, 0] == pytest.approx(0.4, rel=1e-12)
    assert got.warnings == ()


@pytest.mark.parametrize("dtype", ["int64", "int8", "uint8", "Int64", "float32", "float64"])
def test_golden_linear_holds_in_every_numeric_dtype(dtype, counting):
    frame = pd.DataFrame({"a": pd.array([1, 2, 3], dtype=dtype), "b": [0.5, 0.1, 0.7]})
    model = counting(lambda t: 2 * t["a"].to_numpy(dtype=float) + t["b"].to_numpy())
    got = miv(model, frame)
    assert got.values[0, 0] == pytest.approx(0.8, rel=1e-6)  # float32 rounds its own cells
    for batch in model.batches:
        assert list(batch.dtypes) == list(frame.dtypes)


def test_whole_numbers_move_to_the_next_whole_number(counting):
    model = counting(lambda t: t[:, 0].astype(float))
    got = miv(model, np.array([[10], [25], [0]]))
    moved = np.concatenate(model.batches[3:])[:, 0]
    # 10 → 11 and 9; 25 ± 2.5 → 28 and 22; 0 stays.
    assert sorted(moved.tolist()) == [9, 11, 22, 28]
    assert got.values[0, 0] == pytest.approx((2 + 5 + 0) / 3, rel=1e-12)
    assert all(b.dtype == np.int64 for b in model.batches)


def test_nullable_integers_with_na_stay_put_where_they_are_missing(counting):
    frame = pd.DataFrame({"a": pd.array([10, None, 20], dtype="Int64")})
    model = counting(lambda t: t["a"].fillna(100).to_numpy(dtype=float))
    got = miv(model, frame)
    want = (2.0 + 0.0 + 4.0) / 3
    assert got.values[0, 0] == pytest.approx(want, rel=1e-12)
    assert got.details["unmoved"][0, 0] == pytest.approx(1 / 3)
    assert all(str(b["a"].dtype) == "Int64" for b in model.batches)
    assert all(b["a"].notna().all() for b in model.batches[4:])


# --- against plain loops

@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("delta", [0.1, 0.35])
def test_every_mode_equals_plain_loops(mode, delta, clip, rng):
    X = rng.normal(1.0, 2.0, size=(17, 3))
    X[3, 1] = X[5, 1]
    got = miv(curved, X, mode=mode, delta=delta, clip=clip)
    for c in range(3):
        signed, absolute = naive.mean_impact(curved, X, mode, delta, clip, [c])
        # The same differences, summed in another order.
        np.testing.assert_allclose(got.values[c], signed, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(got.details["absolute"][c], absolute, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(got.details["share"].sum(axis=0), 1.0, rtol=1e-12)


@pytest.mark.parametrize("mode", MODES)
def test_missing_numbers_equal_plain_loops(mode, rng):
    X = rng.normal(3.0, 1.0, size=(12, 3))
    X[[1, 4], 0] = np.nan

    def model(X):
        return np.nan_to_num(np.asarray(X, dtype=float))[:, :2] ** 2

    got = miv(model, X, mode=mode)
    signed, absolute = naive.mean_impact(model, X, mode, 0.1, unit=[0])
    np.testing.assert_allclose(got.values[0], signed, rtol=1e-10)
    np.testing.assert_allclose(got.details["absolute"][0], absolute, rtol=1e-10)
    assert got.details["unmoved"][0, 0] == pytest.approx(2 / 12)


@pytest.mark.parametrize("mode", MODES)
def test_a_group_of_numbers_moves_together(mode, rng):
    X = rng.normal(3.0, 1.0, size=(11, 3))
    got = miv(curved, X, mode=mode, groups={"pair": ["x0", "x1"]})
    assert got.feature_names == ("pair", "x2")
    signed, absolute = naive.mean_impact(curved, X, mode, 0.1, unit=[0, 1])
    np.testing.assert_allclose(got.values[0], signed, rtol=1e-10)
    np.testing.assert_allclose(got.details["absolute"][0], absolute, rtol=1e-10)


@pytest.mark.parametrize("columns", [["two"], ["many"], ["flag"], ["hot_a", "hot_b"],
                                     ["two", "many"], ["number", "flag"]])
def test_levels_equal_plain_loops(columns):
    frame = naive.levels_frame()
    groups = {"+".join(columns): columns} if len(columns) > 1 else None
    got = miv(naive.levels_model, frame, groups=groups, max_levels=99)["+".join(columns)]
    signed, absolute = naive.swapped(naive.levels_model, frame, columns)
    np.testing.assert_allclose(got.values[0], signed, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(got.details["absolute"][0], absolute, rtol=1e-10, atol=1e-12)


def test_missing_levels_stay_missing():
    frame = naive.levels_frame()
    frame["many"] = frame["many"].where(np.arange(14) % 5 > 0, None)
    got = miv(naive.levels_model, frame)["many"]
    signed, absolute = naive.swapped(naive.levels_model, frame, ["many"])
    np.testing.assert_allclose(got.values[0], signed, rtol=1e-10)
    np.testing.assert_allclose(got.details["absolute"][0], absolute, rtol=1e-10)
    assert got.details["unmoved"][0, 0] == pytest.approx(3 / 14)


def test_a_boolean_is_true_minus_false():
    frame = pd.DataFrame({"flag": [True, False, True], "a": [1.0, 2.0, 6.0]})
    got = miv(lambda t: t["flag"].to_numpy() * t["a"].to_numpy(), frame)
    # f(True) − f(False) is the value of a: 1, 2, 6.
    assert got.values[0, 0] == pytest.approx(3.0, rel=1e-12)


def test_one_hot_columns_are_swapped_as_levels_and_never_leave_the_patterns(counting):
    frame = naive.levels_frame()
    model = counting(naive.levels_model)
    miv(model, frame, groups={"hot": ["hot_a", "hot_b"]})
    seen = {tuple(row) for b in model.batches for row in b[["hot_a", "hot_b"]].to_numpy().tolist()}
    assert seen == {(1, 0), (0, 1), (0, 0)}


def test_max_levels_swaps_in_the_most_frequent_and_says_so(counting):
    frame = pd.DataFrame({"city": list("aaabbbccd")})
    model = counting(lambda t: t["city"].map({"a": 1.0, "b": 3.0, "c": 0.0, "d": 0.0}).to_numpy())
    got = miv(model, frame, max_levels=2)
    assert any("'city' has 4 levels; the 2 most frequent" in w for w in got.warnings)
    # a→b +2 three times; b→a −2 three times; c→a, c→b mean 2 twice; d the same once.
    assert got.values[0, 0] == pytest.approx((6 - 6 + 4 + 2) / 9, rel=1e-12)
    assert got.details["absolute"][0, 0] == pytest.approx((6 + 6 + 4 + 2) / 9, rel=1e-12)
    swapped = {c for b in model.batches[4:6] for c in b["city"]}
    assert swapped == {"a", "b"}


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_dates_move_by_standard_deviations_and_say_so(zone):
    days = pd.Series(pd.to_datetime(["2020-01-01", "2020-01-11", "2020-01-21", None]))
    if zone is not None:
        days = days.dt.tz_localize(zone)
    frame = pd.DataFrame({"day": days})
    first = days.iloc[0]

    def model(table):
        return ((table["day"] - first) / pd.Timedelta("1D")).fillna(0).to_numpy()

    got = miv(model, frame)
    # sd = 10 days; 2·0.1·10 days each, one of four rows is missing.
    assert got.values[0, 0] == pytest.approx(2.0 * 3 / 4, rel=1e-9)
    assert got.details["unmoved"][0, 0] == 0.25
    assert any("'day' holds dates" in w for w in got.warnings)
    assert miv(model, frame, mode="range").values[0, 0] == pytest.approx(4.0 * 3 / 4, rel=1e-9)


# --- columns that do not move

@pytest.mark.parametrize(("column", "mode"), [
    ([4.0] * 5, "sd"), ([4.0] * 5, "range"), ([4.0] * 5, "quantile"), ([0.0] * 5, "relative"),
    ([np.nan] * 5, "relative"), ([np.nan] * 5, "quantile"), ([np.nan] * 5, "range"),
])
def test_columns_that_cannot_move_have_no_impact_and_cost_nothing(column, mode, counting):
    model = counting(lambda X: np.nan_to_num(X[:, 0]) + 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = miv(model, np.array(column)[:, None], mode=mode)
    assert got.values[0, 0] == 0.0
    assert got.details["unmoved"][0, 0] == 1.0
    assert np.isnan(got.details["share"][0, 0])
    assert any("100% of rows could not be moved in 'x0'" in w for w in got.warnings)
    # Of equal rows the probe asks one, three times.
    assert model.n_rows == 3


def test_a_column_of_one_level_does_not_move():
    got = miv(lambda t: np.ones(len(t)), pd.DataFrame({"city": ["a"] * 4, "flag": [True] * 4}))
    np.testing.assert_array_equal(got.values, 0.0)
    np.testing.assert_array_equal(got.details["unmoved"], 1.0)
    assert all(any(f"100% of rows could not be moved in {name!r}" in w for w in got.warnings)
               for name in ("city", "flag"))
    assert not any("missing, and" in w for w in got.warnings)


@pytest.mark.parametrize("column", [
    ["a", None] * 10, [None, None, "a", None] * 5, [1.0, np.nan] * 10, [0.0, np.nan] * 10,
    pd.array([True, None] * 10, dtype="boolean"), pd.Categorical(["a", None] * 10, ["a", "b"]),
    pd.to_datetime(["2024-01-01", None] * 10), [Decimal("1.5"), None] * 10,
], ids=["text", "rare text", "float", "zero", "boolean", "category", "date", "decimal"])
def test_a_column_of_one_value_or_none_says_that_missing_stays_missing(column):
    """Its impact is 0 however much the model answers to missing values."""
    frame = pd.DataFrame({"c": column, "k": np.arange(20.0)})
    got = miv(lambda t: 10.0 * t["c"].isna() + t["k"], frame)
    assert got.values[0, 0] == 0.0
    assert [w for w in got.warnings if "missing values stay missing" in w] == [
        "'c' differs between rows only in whether it is missing, and missing values stay missing: what "
        "they do to the output is not in its impact. Permutation importance shuffles them too."]


def test_a_column_that_the_model_ignores_has_exactly_no_impact(rng):
    got = miv(lambda X: X[:, 0], rng.normal(size=(20, 2)))
    assert got.values[1, 0] == 0.0
    assert got.details["absolute"][1, 0] == 0.0


# --- sweep, intervals

def test_a_sweep_holds_what_each_delta_gives_alone(rng):
    X = rng.normal(2.0, 1.0, size=(15, 3))
    got = miv(curved, X, delta=0.1, sweep=(0.05, 0.2))
    assert got.details["sweep"].shape == (3, 2, 2)
    for k, delta in enumerate((0.05, 0.2)):
        alone = miv(curved, X, delta=delta)
        np.testing.assert_allclose(got.details["sweep"][..., k], alone.values, rtol=1e-12)
        np.testing.assert_allclose(got.details["sweep_absolute"][..., k],
                                   alone.details["absolute"], rtol=1e-12)
    np.testing.assert_array_equal(got.values, miv(curved, X).values)


def test_intervals_cover_the_impact_on_the_population():
    hits, absolute_hits = [], []
    for seed in range(150):
        X = np.random.default_rng(seed).exponential(size=(40, 1))
        got = miv(lambda X: X[:, 0] - 0.0, X, n_bootstrap=200, confidence=0.9, random_state=seed)
        # f(1.1x) − f(0.9x) = 0.2x, whose mean over the population is 0.2.
        hits.append(got.lower[0, 0] <= 0.2 <= got.upper[0, 0])
        absolute_hits.append(
            got.details["absolute_lower"][0, 0] <= 0.2 <= got.details["absolute_upper"][0, 0])
    # 90 % wanted; 40 skewed rows and 150 trials leave about ±8 % around 87 %.
    assert 0.78 <= np.mean(hits) <= 0.97
    assert hits == absolute_hits


def test_wider_confidence_gives_wider_intervals(rng):
    X = rng.normal(2.0, 1.0, size=(30, 3))
    narrow, wide = (miv(curved, X, confidence=c, n_bootstrap=300) for c in (0.5, 0.99))
    moves = wide.details["absolute"] > 0  # the second output does not know x0
    assert moves.sum() == 5
    assert (wide.lower < narrow.lower)[moves].all()
    assert (wide.upper > narrow.upper)[moves].all()
    # The mean itself lies within even the middle half of its resamples.
    assert ((narrow.lower <= narrow.values) & (narrow.values <= narrow.upper)).all()


class Alike:
    """Objects that are written alike."""

    def __init__(self, amount):
        self.amount = amount

    def __repr__(self):
        return "an object"


@pytest.mark.parametrize("cells", [
    [Alike(0.0), Alike(5.0)],
    [pd.Timestamp("2020-01-01", tz="UTC"), pd.Timestamp("2020-01-01", tz="Etc/UTC")],
], ids=["objects", "zones"])
def test_levels_that_are_written_alike_are_swapped(cells):
    column = pd.Series([cells[0], cells[1]] * 6, dtype=object)
    frame = pd.DataFrame({"c": column})
    amounts = {id(cells[0]): 0.0, id(cells[1]): 5.0}

    def model(X):
        return np.array([amounts[id(cell)] for cell in X["c"]])

    got = xk.MeanImpactValue(random_state=0).fit(xk.wrap(model, task="regression")).explain(frame)
    assert abs(got.values[0, 0]) == pytest.approx(5.0)


@pytest.mark.parametrize(("mode", "impact"), [("relative", 0.1), ("range", 0.2)])
@pytest.mark.parametrize("dtype", ["uint64", "UInt64"])
def test_steps_end_at_the_largest_whole_number(mode, impact, dtype):
    """pandas makes 0 of the largest one."""
    column = pd.Series([2**64 - 2**20, 2**63, 1000], dtype=dtype)
    got = miv(lambda t: t["a"].to_numpy(dtype=float) / 2.0**64, pd.DataFrame({"a": column}), mode=mode)
    assert got.values[0, 0] == pytest.approx(impact, abs=1e-6)
