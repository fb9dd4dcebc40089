"""What Kernel SHAP asks: its cost, its budget, and no question that it can spare."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from asking import ALONE, not_compared
from kernel_shap_cases import WLS, background_and_rows, fit, probability, third_order


@pytest.fixture
def tables(rng):
    """Return a background and rows of 8 columns whose cells all differ."""
    return background_and_rows(rng)


@pytest.mark.parametrize("settings", [
    WLS, {"solver": "exact"}, {"solver": "auto"}, {"solver": "auto", "budget": 300}, {"solver": "wls"},
    {"solver": "exact", "budget": 1024}, {"solver": "exact", "link": "logit"},
], ids=str)
@pytest.mark.parametrize("max_memory", [2**26, 1])
def test_cost_is_what_the_model_was_asked(tables, counting, settings, max_memory):
    background, X = tables
    model = counting(probability)
    explainer = fit(model, background, max_memory=max_memory, **settings)
    # The probe's nine rows, then the background once.
    assert model.n_rows == 9 + len(background)
    model.clear()
    got = explainer.explain(X)
    assert got.cost.model_rows == model.n_rows == got.details["model_rows"].sum() + ALONE
    assert got.cost.calls == len(model.batches)
    assert got.cost.questions >= got.cost.model_rows
    assert got.cost.seconds >= got.cost.model_seconds > 0.0
    for i in range(len(X)):
        model.clear()
        explainer.explain(X[i])
        assert model.n_rows - ALONE == got.details["model_rows"][i] <= settings.get("budget", np.inf)


@not_compared
def test_exact_asks_only_where_row_and_background_differ(rng, counting):
    background = rng.integers(2, size=(5, 10)).astype(float)
    row = rng.integers(2, size=10).astype(float)
    model = counting(third_order)
    explainer = fit(model, background, solver="exact")
    model.clear()
    explainer.explain(row)
    wanted = set()
    for b in background:
        differs = np.flatnonzero(row != b)
        for s in reference.subsets(differs):
            wanted.add(tuple(np.where(reference.mask_of(s, 10), row, b).tolist()))
    assert sorted(model.rows) == sorted(wanted - set(map(tuple, background.tolist())))


@pytest.mark.parametrize("budget", [129, 200, 257, 400, 1000])
@pytest.mark.parametrize("n_background", [1, 4])
@not_compared
def test_the_budget_is_kept_and_used(rng, counting, budget, n_background):
    background, X = rng.normal(size=(n_background, 12)), rng.normal(size=(2, 12))
    model = counting(third_order)
    explainer = fit(model, background, solver="wls", budget=budget)
    for row in X:
        model.clear()
        explainer.explain(row)
        assert model.n_rows <= budget
        # What is left would not have bought two more pairs.
        assert model.n_rows > budget - 1 - 2 * 2 * n_background


@pytest.mark.parametrize("n_background", [1, 3])
def test_the_least_budget_is_the_one_the_error_names(rng, n_background):
    background, X = rng.normal(size=(n_background, 9)), rng.normal(size=(1, 9))
    least = 2 * n_background * 9 + 1
    with pytest.raises(ValueError, match=f"raise the budget to {least} or more"):
        fit(third_order, background, solver="wls", budget=least - 1).explain(X)
    got = fit(third_order, background, solver="wls", budget=least).explain(X)
    assert any("so small that some coalition sizes were not asked often enough" in w for w in got.warnings)
    assert any("where standard errors are NaN, they are not known" in w for w in got.warnings)
    assert np.isnan(got.standard_errors).all()
    got = fit(third_order, background, solver="wls", budget=2 * least).explain(X)
    assert got.warnings == ()


def test_exact_beyond_the_budget(rng, tables):
    background, X = tables
    with pytest.raises(ValueError, match="take up to 1,024 model rows, more than the budget of 500"):
        fit(third_order, background, solver="exact", budget=500).explain(X)
    background, X = rng.normal(size=(1, 40)), rng.normal(size=(1, 40))
    for link in ("identity", "logit"):
        with pytest.raises(ValueError, match="more than is sensible"):
            fit(probability, background, solver="exact", link=link).explain(X)


@pytest.mark.parametrize(("solver", "link"), [
    ("wls", "identity"), ("auto", "identity"), ("auto", "logit"), ("exact", "identity"),
    ("exact", "logit")])
def test_more_units_than_powers_of_two_in_float64(rng, solver, link):
    background, X = rng.random(size=(1, 1100)), rng.random(size=(1, 1100))
    few = {} if solver == "exact" else {"budget": 2400}
    explainer = fit(lambda X: X.mean(axis=1), background, solver=solver, link=link, **few)
    if solver == "exact":
        with pytest.raises(ValueError, match="more than is sensible"):
            explainer.explain(X)
        return
    got = explainer.explain(X)
    assert np.abs(got.gap()).max() < 1e-9
    if link == "identity":
        np.testing.assert_allclose(got.values[0, :, 0], (X - background)[0] / 1100, atol=1e-12)


def test_auto_counts_different_questions(rng):
    # Few different values: 64 background rows, and far fewer different composed rows than Σ 2^d.
    background, X = rng.integers(2, size=(64, 6)).astype(float), rng.integers(2, size=(4, 6)) + 0.0
    e = fit(lambda Z: Z.prod(axis=1), background, solver="auto", budget=70).explain(X)
    assert set(e.details["solver"]) == {"exact"}
    assert e.details["model_rows"].max() <= 70
    with pytest.raises(ValueError, match="raise the budget"):
        fit(lambda Z: Z.prod(axis=1), rng.normal(size=(64, 6)), budget=70).explain(X)
