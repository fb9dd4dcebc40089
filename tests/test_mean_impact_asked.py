"""Mean Impact Value: what the model is asked, settings, seeds, and refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import reference_importance as naive

import xaikit as xk
from xaikit.errors import ModelError
from xaikit.predictor.wrapping import wrap

PROBE_ROWS = 9
ALONE = 3  # rows of the first large batch that are asked again, one by one
"""Rows the probe asks of a table of four rows or more: four, the same in reverse, and one."""

MODES = ("relative", "relative_abs", "sd", "range", "quantile")


def miv(model, X, **settings):
    settings.setdefault("random_state", 0)
    settings.setdefault("n_bootstrap", 20)
    return xk.MeanImpactValue(**settings).fit(model).explain(X)


def curved(X):
    X = np.asarray(X, dtype=float)
    return np.column_stack([X[:, 0] * X[:, 1] + np.sin(X[:, 2]), np.exp(0.3 * X[:, 1]) - X[:, 2]])


# --- what the model is asked

def test_at_most_two_rows_a_moved_row_are_asked(counting, rng):
    X = rng.normal(size=(20, 3))
    X[:5, 0] = 0.0
    X[7, 1] = np.nan
    model = counting(lambda X: np.nan_to_num(X).sum(axis=1))
    got = miv(model, X, mode="relative")
    want = 2 * (15 + 19 + 20) + PROBE_ROWS + ALONE
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


@pytest.mark.parametrize("settings", [
    {"n_jobs": 2}, {"max_memory": 1}, {"batch_size": 7}, {"batch_size": 1, "max_memory": 1},
])
def test_work_settings_move_no_byte(settings):
    frame = pd.concat([naive.levels_frame()] * 12, ignore_index=True)  # beyond the least chunk of 64
    want = naive.numbers_of(miv(naive.levels_model, frame, sweep=(0.2,)))
    got = naive.numbers_of(miv(naive.levels_model, frame, sweep=(0.2,), **settings))
    assert got == want


def test_a_frame_is_an_array(rng):
    X = rng.normal(size=(10, 3))
    array, frame = miv(curved, X), miv(curved, pd.DataFrame(X, columns=["a", "b", "c"]))
    assert naive.numbers_of(array) == naive.numbers_of(frame)
    assert frame.feature_names == ("a", "b", "c")


def test_the_seed_moves_intervals_only(rng):
    X = rng.normal(size=(10, 3))
    one, two, other = miv(curved, X), miv(curved, X), miv(curved, X, random_state=1)
    assert naive.numbers_of(one) == naive.numbers_of(two)
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
    ({"delta": np.inf}, "delta must be finite, got inf"),
    ({"sweep": (0.1, np.inf)}, "delta must be finite, got inf"),
    ({"delta": True}, "delta must be a number above 0"),
    ({"delta": "0.1"}, "delta must be a number above 0"),
    ({"delta": 1.0, "mode": "quantile"}, "delta must be below 1 in quantile mode, got 1.0"),
    ({"delta": 0.1, "sweep": [0.2, 1.5], "mode": "quantile"}, "delta must be below 1"),
    ({"sweep": (0.1, -1)}, "sweep must be a sequence of values that are each a number above 0, got"),
    ({"sweep": 0.2}, "sweep must be a sequence"),
    ({"sweep": [True]}, "sweep must be a sequence"),
    ({"clip": 1}, "clip must be True or False, got 1"),
    ({"confidence": 1.0}, "confidence must be a number above 0 and below 1"),
    ({"confidence": 95}, "confidence must be a number above 0 and below 1"),
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


@pytest.mark.parametrize("call", [0, 4])
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
    assert got.cost.model_rows == 2 * 3 * 6 + PROBE_ROWS + ALONE
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
