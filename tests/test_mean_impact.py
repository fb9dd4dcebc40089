"""Mean Impact Value: golden numbers, every mode against plain loops, and what it asks."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import xaikit as xk
from xaikit.errors import ModelError
from xaikit.predictor.wrapping import wrap

PROBE_ROWS = 7
"""Rows the probe asks of a table of two rows or more: two, two, two and one."""

MODES = ("relative", "relative_abs", "sd", "range", "quantile")


def miv(model, X, **settings):
    settings.setdefault("random_state", 0)
    settings.setdefault("n_bootstrap", 20)
    return xk.MeanImpactValue(**settings).fit(model).explain(X)


def curved(X):
    X = np.asarray(X, dtype=float)
    return np.column_stack([X[:, 0] * X[:, 1] + np.sin(X[:, 2]), np.exp(0.3 * X[:, 1]) - X[:, 2]])


def naive_targets(x, column, mode, delta):
    """The two points one number is moved to, from the definitions in the docstring."""
    known = [v for v in column if v == v]
    if mode == "relative":
        return x * (1 + delta), x * (1 - delta)
    if mode == "relative_abs":
        return x + delta * abs(x), x - delta * abs(x)
    if mode == "sd":
        mean = sum(known) / len(known)
        sd = (sum((v - mean) ** 2 for v in known) / (len(known) - 1)) ** 0.5
        return x + delta * sd, x - delta * sd
    if mode == "range":
        step = delta * (max(known) - min(known))
        return x + step, x - step
    ordered = sorted(known)
    below, equal = sum(v < x for v in ordered), sum(v == x for v in ordered)
    rank = (below + (equal - 1) / 2) / (len(ordered) - 1)

    def at(q):
        place = min(max(q, 0.0), 1.0) * (len(ordered) - 1)
        low = min(int(place), len(ordered) - 2)
        return ordered[low] + (place - low) * (ordered[low + 1] - ordered[low])

    return at(rank + delta), at(rank - delta)


def naive_miv(f, X, mode, delta, clip=False, unit=None):
    """One row at a time: (signed, absolute) of a column, or of columns moved together."""
    effects = []
    for row in X:
        if any(row[c] != row[c] for c in unit):
            effects.append(np.zeros(f(X[:1]).shape[1]))
            continue
        up, down = row.copy(), row.copy()
        for c in unit:
            up[c], down[c] = naive_targets(row[c], X[:, c], mode, delta)
            if clip:
                up[c] = min(max(up[c], np.nanmin(X[:, c])), np.nanmax(X[:, c]))
                down[c] = min(max(down[c], np.nanmin(X[:, c])), np.nanmax(X[:, c]))
        effects.append(f(up[None])[0] - f(down[None])[0])
    return np.mean(effects, axis=0), np.mean(np.abs(effects), axis=0)


def naive_swap(f, frame, columns):
    """Swap every other observed level (or pattern of levels) into every row."""
    def key(i):
        cells = [frame.iloc[i][c] for c in columns]
        return None if any(pd.isna(v) for v in cells) else tuple(cells)

    patterns = sorted({key(i) for i in range(len(frame))} - {None})
    donor = {p: next(i for i in range(len(frame)) if key(i) == p) for p in patterns}
    signed, absolute = [], []
    for i in range(len(frame)):
        own, effects = f(frame.iloc[[i]])[0], []
        for p in patterns:
            if key(i) is None or key(i) == p:
                continue
            row = frame.iloc[[i]].copy()
            for c in columns:
                row[c] = frame[c].iloc[[donor[p]]].array
            change = f(row)[0] - own
            flip = len(patterns) == 2 and p == patterns[0]
            effects.append((-change if flip else change, np.abs(change)))
        signed.append(np.mean([e[0] for e in effects], axis=0) if effects else own * 0)
        absolute.append(np.mean([e[1] for e in effects], axis=0) if effects else own * 0)
    return np.mean(signed, axis=0), np.mean(absolute, axis=0)


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
    moved = np.concatenate(model.batches[4:])[:, 0]
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
        signed, absolute = naive_miv(curved, X, mode, delta, clip, [c])
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
    signed, absolute = naive_miv(model, X, mode, 0.1, unit=[0])
    np.testing.assert_allclose(got.values[0], signed, rtol=1e-10)
    np.testing.assert_allclose(got.details["absolute"][0], absolute, rtol=1e-10)
    assert got.details["unmoved"][0, 0] == pytest.approx(2 / 12)


@pytest.mark.parametrize("mode", MODES)
def test_a_group_of_numbers_moves_together(mode, rng):
    X = rng.normal(3.0, 1.0, size=(11, 3))
    got = miv(curved, X, mode=mode, groups={"pair": ["x0", "x1"]})
    assert got.feature_names == ("pair", "x2")
    signed, absolute = naive_miv(curved, X, mode, 0.1, unit=[0, 1])
    np.testing.assert_allclose(got.values[0], signed, rtol=1e-10)
    np.testing.assert_allclose(got.details["absolute"][0], absolute, rtol=1e-10)


def levels_frame():
    rng = np.random.default_rng(2)
    return pd.DataFrame({
        "two": pd.Categorical(rng.choice(["b", "a"], 14)),
        "many": rng.choice(["x", "y", "z"], 14),
        "flag": rng.random(14) < 0.4,
        "hot_a": np.array([1, 0, 0] * 4 + [1, 0]),
        "hot_b": np.array([0, 1, 0] * 4 + [0, 1]),
        "number": rng.normal(size=14),
    })


def levels_model(frame):
    two = (frame["two"].astype(object) == "b").to_numpy() * 2.0
    many = frame["many"].map({"x": 1.0, "y": 4.0, "z": -2.0}).fillna(0).to_numpy()
    flag = frame["flag"].to_numpy(dtype=float)
    hot = 3.0 * frame["hot_a"].to_numpy() - frame["hot_b"].to_numpy()
    base = two * flag + many * (1 + two) + hot * many + frame["number"].to_numpy() * flag
    return np.column_stack([base, base**2])


@pytest.mark.parametrize("columns", [["two"], ["many"], ["flag"], ["hot_a", "hot_b"],
                                     ["two", "many"], ["number", "flag"]])
def test_levels_equal_plain_loops(columns):
    frame = levels_frame()
    groups = {"+".join(columns): columns} if len(columns) > 1 else None
    got = miv(levels_model, frame, groups=groups, max_levels=99)["+".join(columns)]
    signed, absolute = naive_swap(levels_model, frame, columns)
    np.testing.assert_allclose(got.values[0], signed, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(got.details["absolute"][0], absolute, rtol=1e-10, atol=1e-12)


def test_missing_levels_stay_missing():
    frame = levels_frame()
    frame["many"] = frame["many"].where(np.arange(14) % 5 > 0, None)
    got = miv(levels_model, frame)["many"]
    signed, absolute = naive_swap(levels_model, frame, ["many"])
    np.testing.assert_allclose(got.values[0], signed, rtol=1e-10)
    np.testing.assert_allclose(got.details["absolute"][0], absolute, rtol=1e-10)
    assert got.details["unmoved"][0, 0] == pytest.approx(3 / 14)


def test_a_boolean_is_true_minus_false():
    frame = pd.DataFrame({"flag": [True, False, True], "a": [1.0, 2.0, 6.0]})
    got = miv(lambda t: t["flag"].to_numpy() * t["a"].to_numpy(), frame)
    # f(True) − f(False) is the value of a: 1, 2, 6.
    assert got.values[0, 0] == pytest.approx(3.0, rel=1e-12)


def test_one_hot_columns_are_swapped_as_levels_and_never_leave_the_patterns(counting):
    frame = levels_frame()
    model = counting(levels_model)
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
    swapped = {c for b in model.batches[5:] for c in b["city"]}
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
    # Of equal rows the probe asks one, four times.
    assert model.n_rows == 4


def test_a_column_of_one_level_does_not_move():
    got = miv(lambda t: np.ones(len(t)), pd.DataFrame({"city": ["a"] * 4, "flag": [True] * 4}))
    np.testing.assert_array_equal(got.values, 0.0)
    np.testing.assert_array_equal(got.details["unmoved"], 1.0)


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


# --- what the model is asked

def test_at_most_two_rows_a_moved_row_are_asked(counting, rng):
    X = rng.normal(size=(20, 3))
    X[:5, 0] = 0.0
    X[7, 1] = np.nan
    model = counting(lambda X: np.nan_to_num(X).sum(axis=1))
    got = miv(model, X, mode="relative")
    want = 2 * (15 + 19 + 20) + PROBE_ROWS
    assert model.n_rows == want
    assert got.cost.model_rows == want
    assert got.cost.calls == len(model.batches)


def test_what_reaches_the_model_has_the_exact_dtypes(counting):
    frame = pd.DataFrame({
        "i": [3, 1, 2], "f32": np.array([1, 2, 3], np.float32), "flag": [True, False, True],
        "c": pd.Categorical(["b", "a", "b"], categories=["b", "a", "never"], ordered=True),
        "t": ["x", "y", "x"], "n": pd.array([1, None, 3], dtype="Int64"),
        "d": pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-09"]),
        "b": pd.array([True, None, False], dtype="boolean"),
    })
    model = counting(lambda t: t["i"].to_numpy(dtype=float))
    before = frame.copy(deep=True)
    miv(model, frame, groups={"both": ["t", "flag"]})
    for batch in model.batches:
        assert list(batch.columns) == list(frame.columns)
        assert list(batch.dtypes) == list(frame.dtypes)
        assert list(batch["c"].cat.categories) == ["b", "a", "never"]
    pd.testing.assert_frame_equal(frame, before, check_exact=True)


def numbers_of(e):
    parts = [e.values, e.standard_errors, e.lower, e.upper, *e.details.values()]
    return [np.asarray(p).tobytes() for p in parts]


@pytest.mark.parametrize("settings", [
    {"n_jobs": 2}, {"max_memory": 1}, {"batch_size": 7}, {"batch_size": 1, "max_memory": 1},
])
def test_work_settings_move_no_byte(settings):
    frame = pd.concat([levels_frame()] * 12, ignore_index=True)  # beyond the least chunk of 64
    want = numbers_of(miv(levels_model, frame, sweep=(0.2,)))
    got = numbers_of(miv(levels_model, frame, sweep=(0.2,), **settings))
    assert got == want


def test_a_frame_is_an_array(rng):
    X = rng.normal(size=(10, 3))
    array, frame = miv(curved, X), miv(curved, pd.DataFrame(X, columns=["a", "b", "c"]))
    assert numbers_of(array) == numbers_of(frame)
    assert frame.feature_names == ("a", "b", "c")


def test_the_seed_moves_intervals_only(rng):
    X = rng.normal(size=(10, 3))
    one, two, other = miv(curved, X), miv(curved, X), miv(curved, X, random_state=1)
    assert numbers_of(one) == numbers_of(two)
    np.testing.assert_array_equal(one.values, other.values)
    assert not np.array_equal(one.lower, other.lower)
    assert (one.random_state, other.random_state) == (0, 1)


def test_outputs_are_chosen_by_name(rng):
    X = rng.normal(size=(10, 3))
    both = miv(curved, X)
    one = miv(curved, X, outputs="output 1")
    assert one.output_names == ("output 1",)
    np.testing.assert_array_equal(one.values, both.values[:, 1:])


def test_one_row():
    got = miv(lambda X: 2 * X[:, 0], [3.0, 1.0])
    assert got.values[0, 0] == pytest.approx(1.2, rel=1e-12)
    assert np.isnan(got.standard_errors).all()
    assert np.isnan(got.lower).all()


@pytest.mark.parametrize(("settings", "sentence"), [
    ({"mode": "absolute"}, "mode must be one of 'relative', .*'quantile', got 'absolute'"),
    ({"delta": 0}, "delta must be a number above 0, got 0"),
    ({"delta": -0.1}, "delta must be a number above 0"),
    ({"delta": np.nan}, "delta must be a number above 0"),
    ({"delta": np.inf}, "delta must be a number above 0"),
    ({"delta": True}, "delta must be a number above 0"),
    ({"delta": "0.1"}, "delta must be a number above 0"),
    ({"delta": 1.0, "mode": "quantile"}, "delta must be below 1 in quantile mode, got 1.0"),
    ({"delta": 0.1, "sweep": [0.2, 1.5], "mode": "quantile"}, "delta must be below 1"),
    ({"sweep": (0.1, -1)}, "sweep must be a sequence of values that are each a number above 0, got"),
    ({"sweep": 0.2}, "sweep must be a sequence"),
    ({"sweep": [True]}, "sweep must be a sequence"),
    ({"clip": 1}, "clip must be True or False, got 1"),
    ({"confidence": 1.0}, "confidence must be a number between 0 and 1"),
    ({"confidence": 95}, "confidence must be a number between 0 and 1"),
    ({"max_levels": 1}, "max_levels must be a whole number of at least 2, got 1"),
    ({"max_levels": "a"}, "max_levels must be a whole number of at least 2, got 'a'"),
    ({"n_bootstrap": 0}, "n_bootstrap must be a whole number of at least 1, got 0"),
    ({"n_bootstrap": True}, "n_bootstrap must be a whole number of at least 1, got True"),
    ({"max_memory": -1}, "max_memory must be a whole number of at least 1, got -1"),
    ({"groups": {"g": ["x9"]}}, "'x9', which is not one of"),
    ({"groups": {"g": ["x0"], "h": ["x0"]}}, "in two groups"),
    ({"outputs": "score"}, "not one of the model's 1"),
])
def test_bad_settings(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        miv(lambda X: X[:, 0], np.ones((3, 2)), **settings)


@pytest.mark.parametrize("table", [np.zeros((0, 2)), pd.DataFrame({"a": []}), np.zeros((2, 0))])
def test_empty_tables(table):
    with pytest.raises(ValueError, match="rows and columns"):
        miv(lambda X: np.asarray(X)[:, 0], table)


@pytest.mark.parametrize("call", [0, 5])
def test_a_model_that_raises(call, counting):
    with pytest.raises(ModelError, match="no answer today"):
        miv(counting(lambda X: X[:, 0], fail_at=call), np.arange(8.0).reshape(4, 2))


def test_not_fitted():
    with pytest.raises(Exception, match="call fit"):
        xk.MeanImpactValue().explain(np.ones((2, 2)))


def test_the_ledger_of_the_explainer_counts(rng):
    predictor = wrap(curved)
    explainer = xk.MeanImpactValue(random_state=0).fit(predictor)
    got = explainer.explain(rng.normal(size=(6, 3)))
    assert got.cost.model_rows == 2 * 3 * 6 + PROBE_ROWS
    assert got.cost.seconds >= 0
    assert got.settings["delta"] == 0.1


def test_a_fraction_stored_as_float32_moves_within_float32():
    frame = pd.DataFrame({"a": np.array([0.1, 0.2], np.float32)})
    got = miv(lambda t: t["a"].to_numpy(dtype=float), frame)
    # Cells move to the nearest float32: relative error up to 6e-8 of x, 6e-7 of the step.
    assert got.values[0, 0] == pytest.approx(0.03, rel=2e-6)


# --- found in review

@pytest.mark.parametrize("dtype", [np.int64, np.float64])
def test_a_lone_column_of_zeros_and_ones_is_swapped(dtype):
    frame = pd.DataFrame({"b": np.array([0, 1, 1, 0, 1], dtype=dtype)})
    seen = set()

    def model(table):
        seen.update(table["b"].tolist())
        return (table["b"] == 1).astype(float)

    assert miv(model, frame).values[0, 0] == 1.0
    assert seen == {0, 1}
