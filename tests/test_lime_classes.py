"""LIME of several outputs: bins of each output's own, and neighbours drawn once for all of them."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import reference
from lime_cases import ROWS, X, explain, two

import xaikit as xk
from xaikit.plots.bar_plot import bar
from xaikit.plots.waterfall_plot import waterfall
from xaikit.sampling.seeds import stream
from xaikit.sampling.shared_bins import SharedBins, bin_sets
from xaikit.sampling.tabular import TabularMasker

CUTS = np.quantile(X[:, 0], [0.1, 0.3, 0.45, 0.6, 0.75, 0.9])


def steps(table):
    """One step an output, all of them on the same column."""
    return (np.asarray(table, dtype=float)[:, :1] > CUTS).astype(float)


def alone(model, k, **settings):
    return explain(lambda t: model(t)[:, k], **settings)


@pytest.mark.parametrize("settings", [
    {}, {"kernel_width": 0.6}, {"kernel_width": np.inf}, {"budget": 60},
    {"sampling": "weighted"}, {"sampling": "weighted", "kernel_width": 0.6},
    {"groups": {"g": [0, 1]}}])
def test_each_output_has_what_it_has_alone(settings):
    settings = {"budget": 3001, "discretize": "tree", **settings}
    whole = explain(two, **settings)
    for k in range(2):
        own = alone(two, k, **settings)
        np.testing.assert_array_equal(
            whole.feature_details["conditions"][:, :, k], own.feature_details["conditions"][:, :, 0])
        errors = np.hypot(whole.standard_errors[:, :, k], own.standard_errors[:, :, 0])
        known = np.isfinite(errors)
        off = np.abs(whole.values[:, :, k] - own.values[:, :, 0])
        assert (off <= 4.5 * errors + 1e-9)[known].all()
        assert known.mean() > 0.7
        if settings["budget"] > 60:
            np.testing.assert_allclose(whole.fidelity[:, k], own.fidelity[:, 0], atol=0.12)


@pytest.mark.parametrize("width", [None, 0.4, np.inf])
def test_steps_in_many_places_are_each_found(width):
    whole = explain(steps, kernel_width=width)
    shared = [alone(steps, k, kernel_width=width).fidelity for k in range(6)]
    assert np.nanmin(shared) > 0.99
    assert np.nanmin(whole.fidelity) > 0.99
    # Inside the row's bin the answer is its own, and outside it the other one.
    np.testing.assert_allclose(whole.values[:, 0], 2.0 * steps(ROWS) - 1.0, atol=1e-6)
    np.testing.assert_allclose(whole.values[:, 1:], 0.0, atol=1e-6)


def test_errors_over_seeds_are_those_stated():
    found = [explain(two, random_state=seed, kernel_width=1.0) for seed in range(12)]
    spread = np.std([e.values for e in found], axis=0, ddof=1)
    stated = np.mean([e.standard_errors for e in found], axis=0)
    assert 0.75 < np.median(stated / np.maximum(spread, 1e-12)) < 2.5


def test_rows_in_any_order_and_batches_give_the_same_bytes():
    ref = explain(two, budget=300)
    assert reference.bytes_of(explain(two, budget=300, batch_size=7, max_memory=1)) == reference.bytes_of(ref)
    assert reference.bytes_of(explain(two, rows=ROWS[::-1], budget=300)[::-1]) == reference.bytes_of(ref)
    auto = explain(two, rows=ROWS[:1], budget="auto")
    own = explain(two, rows=ROWS[:1], budget=int(auto.details["samples"][0]) + 1)
    np.testing.assert_allclose(auto.values, own.values, atol=4 * own.standard_errors.max())


# --- which outputs have bins of their own


@pytest.mark.parametrize(("outputs", "sets"), [
    (lambda x: [x[0]], [0]),
    (lambda x: [x[0], 1.0 - x[0]], [0, 0]),
    (lambda x: [x[0], 1e-3 * x[0] + 7.0, -1e6 * x[0]], [0, 0, 0]),
    (lambda x: [x[0], x[1], 1.0 - x[0], x[1]], [0, 1, 0, 1]),
    (lambda x: [0.0 * x[0] + 0.1, x[0], x[1]], [0, 0, 1]),
    (lambda x: [0.0 * x[0], 0.0 * x[0]], [0, 0]),
    (lambda x: [1e300 * x[0], 1e-300 * x[0], x[0] + 0.1 * x[1]], [0, 0, 1]),
    (lambda x: [1e-13 * x[0] + 0.5, 0.5 - 1e-13 * x[0]], [0, 0]),
])
def test_outputs_that_are_alike_share_bins(outputs, sets):
    answers = np.stack(outputs(X[:, :2].T), axis=1)
    found, of_output = bin_sets(TabularMasker(X), "tree", answers)
    assert of_output.tolist() == sets
    assert len(found) == max(sets) + 1


def test_two_classes_have_what_one_of_them_has():
    chance = lambda t: 1.0 / (1.0 + np.exp(-np.asarray(t)[:, 0] * 2 - np.asarray(t)[:, 1]))  # noqa: E731
    both = explain(lambda t: np.stack([1 - chance(t), chance(t)], axis=1))
    own = explain(chance)
    np.testing.assert_allclose(both.values[:, :, 1], own.values[:, :, 0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(both.values[:, :, 0], -own.values[:, :, 0], rtol=1e-9, atol=1e-12)


# --- the law of the neighbours


@pytest.mark.parametrize("tilt", [0.0, 0.4, 6.0])
def test_weighted_neighbours_follow_the_law_of_each_set(tilt):
    """P(inside) is p/(p + (1 − p)e^{−t}) for every unit of every set, and units are independent."""
    masker = TabularMasker(X)
    sets, _ = bin_sets(masker, "tree", two(X))
    row = SharedBins(masker.rows(ROWS), sets).row(1)
    rng = stream(0, "test")
    drawn = row.draw(rng.random((20_000, 4)), rng.random(20_000), tilt)
    kept = [binned.kept(drawn) for binned in row.each]
    weights = row.weights(kept, tilt)
    assert (weights <= len(sets) + 1e-9).all()
    np.testing.assert_allclose(weights.mean(axis=0), 1.0, atol=0.03)
    for g, binned in enumerate(row.each):
        p, w = binned.shares, weights[:, g] / weights[:, g].sum()
        chances = p / (p + (1.0 - p) * np.exp(-tilt))
        np.testing.assert_allclose(w @ kept[g], chances, atol=0.03)
        np.testing.assert_allclose(w @ (kept[g][:, 0] & kept[g][:, 1]), chances[0] * chances[1],
                                   atol=0.03)
        # Within the bin, rows are drawn by their weight in the pool, here equally.
        inside = np.flatnonzero(binned._inside[0])
        shares = np.bincount(drawn[kept[g][:, 0], 0], weights=w[kept[g][:, 0]], minlength=301)[inside]
        half = len(inside) // 2
        np.testing.assert_allclose(shares[:half].sum() / shares.sum(), half / len(inside), atol=0.05)


# --- conditions of each output


def test_conditions_are_those_of_the_output_drawn(tmp_path):
    e = explain(steps, rows=ROWS[:1])
    words = e.feature_details["conditions"]
    assert words.shape == e.values.shape
    assert len(set(words[0, 0])) == 6
    one = e[:, ["x1", "x0"], 4]
    assert one.feature_details["conditions"].tolist() == [[[words[0, 1, 4]], [words[0, 0, 4]]]]
    e.save(tmp_path / "e.json")
    again = xk.load_explanation(tmp_path / "e.json")
    np.testing.assert_array_equal(again.feature_details["conditions"], words)
    for k in (1, 4):
        for drawn in (bar(again, output=k), waterfall(again, output=k), bar(again[:, :, k])):
            assert words[0, 0, k].replace("-", "−") in [label.get_text() for label in drawn.get_yticklabels()]
            plt.close(drawn.figure)


def test_errors_of_the_background_are_those_of_the_output_chosen():
    e = xk.Occlusion().fit(two, pd.DataFrame(X, columns=list("abcd"))).explain(ROWS)
    np.testing.assert_array_equal(e[:, "b", 1].feature_details["background_errors"],
                                  e.feature_details["background_errors"][:, 1:2, 1:])
