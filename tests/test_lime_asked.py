"""What LIME asks the model: budgets, widths of the kernel, the same bytes, and shared games."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import reference
from lime_cases import ROWS, WAYS, X, conjunction, curved, explain, solve, two

import xaikit as xk
from xaikit.explainers.lime.lime import LIME
from xaikit.sampling.local import local_weights
from xaikit.sampling.tabular import TabularMasker

# --- the same bytes


@pytest.mark.parametrize("settings", WAYS)
def test_batches_and_rows_in_any_order_give_the_same_bytes(settings):
    ref = explain(**settings)
    for more in ({"batch_size": 7}, {"max_memory": 1}, {"batch_size": 1000, "max_memory": 2**30}):
        assert reference.bytes_of(explain(**settings, **more)) == reference.bytes_of(ref)
    turned = explain(rows=ROWS[::-1], **settings)[::-1]
    assert reference.bytes_of(turned) == reference.bytes_of(ref)
    one = explain(rows=ROWS[1:2], **settings)
    assert reference.bytes_of(one) == reference.bytes_of(ref[1])


def test_jobs_give_the_same_bytes():
    for settings in ({"discretize": "quartile"}, {"discretize": None}):
        rows = X[:40]
        ref = explain(rows=rows, budget=60, **settings)
        assert reference.bytes_of(explain(rows=rows, budget=60, n_jobs=2, **settings)) \
            == reference.bytes_of(ref)


@pytest.mark.parametrize("settings", WAYS)
def test_the_seed_decides(settings):
    one, two_, other = explain(**settings), explain(**settings), explain(random_state=1, **settings)
    assert reference.bytes_of(one) == reference.bytes_of(two_)
    assert (one.values != other.values).any()


@pytest.mark.parametrize("settings", WAYS)
def test_a_frame_gives_the_bytes_of_an_array(settings):
    names = ["x0", "x1", "x2", "x3"]
    got = explain(background=pd.DataFrame(X, columns=names), rows=pd.DataFrame(ROWS, columns=names),
                  **settings)
    assert reference.bytes_of(got) == reference.bytes_of(explain(**settings))


@pytest.mark.parametrize("settings", WAYS)
def test_several_outputs_at_once_are_each_alone(settings):
    if settings["discretize"] == "tree":
        pytest.skip("outputs with bins of their own share their draws: see test_lime_classes.py")
    whole = explain(two, **settings)
    assert whole.values.shape == (3, 4, 2)
    for k in range(2):
        alone = explain(lambda t, k=k: two(t)[:, k], **settings)
        # Matrix products of other shapes may add in another order.
        np.testing.assert_allclose(alone.values[..., 0], whole.values[..., k], rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(alone.standard_errors[..., 0], whole.standard_errors[..., k],
                                   rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(alone.fidelity[:, 0], whole.fidelity[:, k], rtol=1e-9)


@pytest.mark.parametrize("settings", WAYS)
def test_the_input_is_left_alone(settings):
    background, rows = X.copy(), ROWS.copy()
    for array in (background, rows):
        array.flags.writeable = False
    got = explain(background=background, rows=rows, **settings)
    assert np.isfinite(got.values).all()
    frame = pd.DataFrame(X, index=range(1000, 1300))
    before = frame.copy()
    explain(background=frame, rows=frame.iloc[:2], **settings)
    pd.testing.assert_frame_equal(frame, before)


# --- budgets


@pytest.mark.parametrize("settings", WAYS)
@pytest.mark.parametrize("budget", [13, 100, 1001])
def test_budgets_are_kept(settings, budget, counting):
    model = counting(curved)
    explainer = LIME(budget=budget, random_state=0, **settings).fit(model, X)
    model.clear()
    got = explainer.explain(ROWS)
    assert (got.details["model_rows"] <= budget).all()
    # Three rows of the first batch are asked again, alone.
    assert model.n_rows == got.details["model_rows"].sum() + 3 == got.cost.model_rows
    assert (got.details["samples"] <= budget - 1).all()


@pytest.mark.parametrize("settings", WAYS)
def test_auto_grows_until_errors_are_small(settings):
    # Answers that are all the same need no second round; noise is never fitted.
    easy = explain(lambda t: np.asarray(t)[:, 0] > X[:, 0].min() - 1, budget="auto", **settings)
    assert np.isnan(easy.fidelity).all()
    assert (easy.details["samples"] == 512).all()
    hard = explain(lambda t: np.sin(1e3 * np.asarray(t).sum(axis=1)), budget="auto", rows=ROWS[:1], **settings)
    assert hard.details["samples"] == 8192


def test_auto_stops_in_between():
    games = [conjunction(list(range(p))) for p in (1, 6)]
    samples = [solve("image", game, 30, "auto").details["samples"] for game in games]
    assert samples[0] == 512 < samples[1] <= 8192
    found = solve("image", games[1], 30, "auto")
    if samples[1] < 8192:
        assert 1.96 * found.errors.max() <= 0.05 * np.abs(found.values).max()


def test_few_units_are_enumerated_and_done():
    found = solve("image", conjunction([0, 1]), 6, "auto")
    assert found.details["samples"] == 64
    np.testing.assert_array_equal(found.errors, 0.0)


def test_near_rows_of_few_columns_are_as_many_samples_as_paid_for():
    # Three columns have 8 coalitions, but each has as many answers as there are rows.
    got = explain(background=X[:, :3], rows=ROWS[:, :3], model=lambda t: np.asarray(t).sum(axis=1),
                  discretize=None, budget=2001)
    assert (got.details["samples"] == 2000).all()
    masker = TabularMasker(X[:, :3])
    row = masker.rows(ROWS[:, :3])[0]
    weights, width = local_weights(row.distances.mean(axis=1), row.weights)
    truth = ROWS[0, :3] - weights @ X[:, :3]
    off = np.abs(got.values[0, :, 0] - truth)
    assert (off <= 4 * got.standard_errors[0, :, 0]).all()
    assert got.details["width"][0] == pytest.approx(width)


@pytest.mark.parametrize("settings", WAYS)
def test_fewer_samples_than_units_are_refused(settings):
    with pytest.raises(ValueError, match="takes at least 6: raise the budget, or hide larger units"):
        explain(budget=6, **settings)
    assert np.isfinite(explain(budget=7, **settings).values).all()


def test_a_flat_kernel_needs_pairs():
    with pytest.raises(ValueError, match="as much as their complements.*it takes 64: raise the budget"):
        solve("image", conjunction([0]), 30, 40, np.inf)
    found = solve("image", conjunction([0]), 30, 65, np.inf)
    np.testing.assert_allclose(found.values[0], 1.0, atol=1e-5)


def test_more_units_than_auto_can_pay_for():
    with pytest.raises(ValueError, match="2,000 units need some 16,000 samples.*budget=16001"):
        solve("text", lambda z: np.asarray(z).sum(axis=1), 2000, "auto")


# --- widths


@pytest.mark.parametrize("settings", WAYS)
def test_an_infinite_width_is_a_flat_kernel(settings):
    flat = explain(kernel_width=np.inf, budget=2000, **settings)
    wide = explain(kernel_width=1e6, budget=2000, **settings)
    np.testing.assert_allclose(flat.values, wide.values, atol=4 * flat.standard_errors.max())
    assert flat.settings["kernel_width"] == np.inf


def test_a_narrow_kernel_keeps_near_masks():
    wide, narrow = (solve("image", conjunction(list(range(4))), 12, 500, w) for w in (np.inf, 0.02))
    # Near the image itself each of the four segments is needed: 1, not 2⁻³.
    np.testing.assert_allclose(wide.values[:4], 0.125, atol=0.1)
    assert (narrow.values[:4] > 0.95).all()


@pytest.mark.parametrize("kind", ["text", "image"])
def test_a_kernel_so_narrow_that_nothing_counts(kind):
    with pytest.raises(ValueError, match="kernel_width=0.0001 is so small that no neighbour counts"):
        solve(kind, conjunction([0]), 8, 100, 1e-4)


def test_a_kernel_too_narrow_to_hide_anything_is_not_sure(rng):
    X = rng.normal(size=(300, 4))
    for width in (0.2, 0.25):
        e = xk.LIME(kernel_width=width, discretize=None, random_state=0).fit(
            lambda A: A.sum(axis=1), X).explain(X[:1])
        unknown = np.isnan(e.standard_errors[0, :, 0])
        assert unknown[e.values[0, :, 0] == 0.0].all()
        if unknown.any():
            assert any("in fewer than two neighbours" in warning for warning in e.warnings)
    wide = xk.LIME(kernel_width=1.0, discretize=None, random_state=0).fit(
        lambda A: A.sum(axis=1), X).explain(X[:1])
    assert np.isfinite(wide.standard_errors).all()
    assert not wide.warnings


# --- shared games


def test_games_share_answers_with_kernel_shap(counting):
    model = counting(curved)
    background = X[:20]
    shap = xk.KernelSHAP(solver="exact", random_state=0).fit(model, background)
    games = shap.games(ROWS)
    shap.explain(games)
    model.clear()
    lime = LIME(discretize=None, budget=500, random_state=0).fit(model, games[0].row.masker)
    model.clear()
    got = lime.explain(games)
    assert model.n_rows == 0  # All 16 coalitions × 20 rows were asked.
    assert got.cost.model_rows == 0
    ref = explain(background=background, discretize=None, budget=500)
    np.testing.assert_array_equal(got.values, ref.values)
    np.testing.assert_array_equal(got.standard_errors, ref.standard_errors)
    np.testing.assert_array_equal(got.fidelity, ref.fidelity)


@pytest.mark.parametrize("settings", WAYS)
def test_own_games_give_the_same_numbers(settings):
    explainer = LIME(budget=400, random_state=0, **settings).fit(curved, X)
    games = explainer.games(ROWS)
    got, ref = explainer.explain(games), explainer.explain(ROWS)
    np.testing.assert_array_equal(got.values, ref.values)
    np.testing.assert_array_equal(got.predictions, ref.predictions)
