"""Kernel SHAP: rounds until an error is small enough or time is up, forecasts, and noise."""

import numpy as np
import pytest
from asking import not_compared

import xaikit as xk
from xaikit.explainers.shapley import plan
from xaikit.explainers.shapley.rows import Budget, growth

many_games = pytest.mark.statistics


def model(X):
    return np.tanh(X[:, 0] * X[:, 1] + X[:, 2] - X[:, 3] * X[:, 4] * X[:, 5]) + X[:, 6:].sum(axis=1)


@pytest.fixture
def tables(rng):
    return rng.normal(size=(12, 14)), rng.normal(size=(3, 14))


def fit(model, background, **settings):
    return xk.KernelSHAP(random_state=0, **settings).fit(model, background)


def worst(e):
    """Largest standard error beside the range of values, by row."""
    return (e.standard_errors.max(axis=1) / np.ptp(e.values, axis=1))[:, 0]


@many_games
@pytest.mark.parametrize("solver", ["auto", "wls", "gp"])
def test_tol_stops_where_errors_are_small_enough(tables, counting, solver):
    background, X = tables
    counted = counting(model)
    explainer = fit(counted, background, solver=solver, budget=60_000)
    rows = []
    for tol in (0.1, 0.02):
        e = explainer.set_params(tol=tol).explain(X)
        assert (worst(e) <= tol).all()
        assert not e.warnings
        rows.append(e.details["model_rows"])
    assert (rows[0] <= rows[1]).all()
    assert (rows[1] < 60_000).all()


@not_compared
def test_no_question_is_asked_twice_in_rounds(tables, counting):
    background, X = tables
    counted = counting(model)
    explainer = fit(counted, background, solver="wls", budget=20_000, tol=1e-9)
    counted.clear()
    e = explainer.explain(X[:1])
    asked = np.concatenate(counted.batches)
    assert len(np.unique(asked, axis=0)) == len(asked) <= 20_000
    # In one go the same is asked, and the same is found.
    once = explainer.set_params(tol=None).explain(X[:1])
    assert once.details["model_rows"] == e.details["model_rows"]
    np.testing.assert_array_equal(once.values, e.values)


@pytest.mark.parametrize("max_memory", [1, 2**26])
def test_a_tol_out_of_reach_keeps_the_budget_and_says_so(tables, counting, max_memory):
    background, X = tables
    counted = counting(model)
    explainer = fit(counted, background, solver="wls", budget=3000, tol=1e-9,
                    max_memory=max_memory)
    e = explainer.explain(X)
    assert (e.details["model_rows"] <= 3000).all()
    assert any("before their standard errors were within tol=1e-09" in w for w in e.warnings)


def test_tol_with_a_budget_below_the_first_round(tables):
    background, X = tables
    e = fit(model, background, solver="wls", budget=14 * 2 * 12 + 1, tol=0.01).explain(X)
    assert np.isnan(e.standard_errors).any()
    assert any("Raise the budget" in w for w in e.warnings)


def test_tol_of_a_constant_model(tables):
    background, X = tables
    e = fit(lambda X: np.ones(len(X)), background, solver="wls", tol=0.01).explain(X)
    np.testing.assert_array_equal(e.values, 0.0)
    assert not e.warnings


@many_games
def test_tol_with_a_link(tables):
    background, X = tables
    e = fit(lambda X: 1 / (1 + np.exp(-model(X))), background, link="logit", budget=60_000,
            tol=0.1, solver="wls").explain(X)
    assert (worst(e) <= 0.1).all()


@many_games
def test_a_long_time_ends_in_exact_values(tables):
    background, X = tables
    e = fit(model, background, max_seconds=3600).explain(X[:1])
    assert set(e.details["solver"]) == {"exact"}
    np.testing.assert_allclose(e.values, fit(model, background, solver="exact").explain(X[:1]).values,
                               atol=1e-12)


def test_a_time_too_short_is_exceeded_and_says_so(tables):
    background, X = tables
    e = fit(model, background, max_seconds=1e-6, solver="wls").explain(X)
    assert (e.details["model_rows"] <= 4 * 14 * 12 + 1).all()
    assert (e.standard_errors > 0).any()
    assert any("time was too short" in w for w in e.warnings)


@pytest.mark.parametrize(("elapsed", "solving", "seconds", "larger"), [
    (1.0, 0.0, None, 2.0),    # no clock
    (1.0, 0.0, 2.0, 2.0),     # as much again
    (1.0, 0.0, 1.5, 1.4),
    (1.0, 0.0, 1.1, 1.0),     # too little is left for a round
    (1.0, 1.0, 8.9, 1.7),     # a solve twice as large takes eight times as long
    (3.0, 0.0, 2.0, 1.0),
])
def test_growth(elapsed, solving, seconds, larger):
    assert growth(elapsed, solving, seconds) == larger


def test_the_end_of_a_timed_search_holds_enough_for_many_units():
    assert Budget("auto", seconds=1.0).most(1000, 10) >= 2 * 8 * 1000 * 10


# Forecasts ----------------------------------------------------------------------------------------


@many_games
@pytest.mark.parametrize("settings", [
    {}, {"solver": "wls", "budget": 2000}, {"solver": "exact"}, {"link": "logit", "budget": 2000},
    {"solver": "wls", "budget": 2000, "tol": 0.5}], ids=str)
@not_compared
def test_the_forecast_is_kept(tables, counting, settings):
    background, X = tables
    background[:4, :8] = X[0, :8]
    counted = counting(lambda X: 1 / (1 + np.exp(-model(X))))
    explainer = fit(counted, background, **settings)
    explainer.seconds_per_row_ = 1e-7
    counted.clear()
    forecast = explainer.forecast(X)
    assert counted.n_rows == 0
    e = explainer.explain(X)
    assert (e.details["model_rows"] <= forecast.model_rows).all()
    if "tol" not in settings:
        assert list(e.details["solver"]) == list(forecast.solvers)
        assert (e.details["model_rows"] > 0.75 * forecast.model_rows).all()
        assert e.cost.calls <= 3 * forecast.calls
    assert forecast.model_seconds == pytest.approx(forecast.model_rows.sum() * 1e-7)
    assert f"{int(forecast.model_rows.sum()):,} model rows" in repr(forecast)


def test_a_forecast_of_nothing(tables):
    background, X = tables
    with pytest.raises(ValueError, match="no rows"):
        fit(model, background).forecast(X[:0])


# What auto chooses --------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "solver"), [(0.0, "wls"), (1.0, "gp")])
def test_auto_weighs_the_work_of_asking_against_the_solvers(tables, monkeypatch, seconds, solver):
    monkeypatch.setattr(plan, "SECONDS_A_ROW", seconds)
    background, X = tables
    e = fit(model, background, budget=2000).explain(X)
    assert set(e.details["solver"]) == {solver}
    named = fit(model, background, budget=2000, solver=solver).explain(X)
    np.testing.assert_array_equal(e.values, named.values)


def test_auto_never_takes_more_memory_than_allowed(tables, monkeypatch):
    monkeypatch.setattr(plan, "SECONDS_A_ROW", 1.0)
    background, X = tables
    explainer = fit(model, background, budget=2000, max_memory=2**16)
    assert set(explainer.explain(X).details["solver"]) == {"wls"}


@pytest.mark.parametrize(("n_units", "n_background", "budget", "solver"), [
    (12, 20, 64_000, "wls"), (12, 100, 4_000, "wls"), (12, 100, 8_000, "gp"), (12, 100, 64_000, "gp"),
    (30, 50, 8_000, "wls"), (30, 50, 16_000, "gp"), (30, 50, 32_000, "wls"), (20, 10, 16_000, "wls")])
def test_auto_chooses_by_sizes(rng, n_units, n_background, budget, solver):
    """The sizes at which the choice changes, as measured: a change of the rule shows here."""
    X = rng.normal(size=(n_background + 1, n_units))
    explainer = fit(lambda X: X.sum(axis=1), X[1:], budget=budget)
    assert explainer.forecast(X[:1]).solvers == (solver,)


def test_no_clock_decides_which_solver_is_used(tables, counting):
    """The same model, slow or fast, with a seed or without, is solved the same way."""
    import time

    background, X = tables

    def slow(X):
        time.sleep(2e-5 * len(X))
        return model(X)

    solvers = [xk.KernelSHAP(budget=800, random_state=seed).fit(asked, background).explain(
        X[:1]).details["solver"].tolist() for asked in (model, slow) for seed in (0, None)]
    assert solvers == solvers[:1] * 4


def test_nothing_but_the_probe_and_the_background_is_asked_in_fit(tables, counting):
    counted = counting(model)
    xk.KernelSHAP().fit(counted, tables[0])
    assert counted.n_rows == 9 + len(tables[0]) + 3  # three are asked alone


# More of the same ---------------------------------------------------------------------------------


@not_compared
def test_asking_for_more_goes_on_where_it_stopped(tables, counting):
    background, X = tables
    counted = counting(model)
    explainer = fit(xk.wrap(counted, deduplicate=True), background, solver="wls", budget=3000)
    counted.clear()
    first = explainer.explain(X[:1])
    asked = counted.n_rows
    assert asked == first.details["model_rows"][0]
    more = explainer.set_params(budget=6000).explain(X[:1])
    alone = fit(model, background, solver="wls", budget=6000).explain(X[:1])
    np.testing.assert_array_equal(more.values, alone.values)
    assert counted.n_rows == alone.details["model_rows"][0]
    assert more.details["model_rows"][0] == counted.n_rows - asked


# A model that does not repeat itself --------------------------------------------------------------


class Noisy:
    def __init__(self, deviation, seed=0):
        self.rng = np.random.default_rng(seed)
        self.deviation = deviation

    def __call__(self, X):
        return X[:, 0] * X[:, 1] + X.sum(axis=1) + self.deviation * self.rng.normal(size=len(X))


@many_games
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("solver", ["auto", "wls", "gp"])
@pytest.mark.parametrize("n_units", [4, 6, 14])
def test_errors_of_a_noisy_model_cover_its_noise(rng, solver, n_units):
    background, X = rng.normal(size=(20, n_units)), rng.normal(size=(2, n_units))
    truth = fit(Noisy(0.0), background, solver="exact").explain(X).values
    scores = []
    for seed in range(20):
        e = fit(Noisy(0.5, seed), background, solver=solver, budget=4000).explain(X)
        assert "exact" not in e.details["solver"]
        assert any("again" in w for w in e.warnings)
        scores.append((e.values - truth) / e.standard_errors)
    scores = np.array(scores)
    # 20 times 2 rows, whose values share the noise of their sums.
    assert np.mean(np.abs(scores) < 1.96) >= 0.85


@many_games
@pytest.mark.filterwarnings("ignore")
def test_the_process_says_how_large_the_noise_is(rng):
    background, X = rng.normal(size=(20, 10)), rng.normal(size=(5, 10))
    e = fit(Noisy(0.5), background, solver="gp", budget=8000).explain(X)
    # Half a difference of means over the two rows of a block: 0.5/√2/√2.
    np.testing.assert_allclose(e.details["noise"], 0.25, rtol=0.25)
    quiet = fit(Noisy(0.0), background, solver="gp", budget=8000).explain(X)
    assert (quiet.details["noise"] < 0.01).all() or np.isnan(quiet.details["noise"]).all()


@many_games
@pytest.mark.filterwarnings("ignore")
def test_exact_values_of_a_noisy_model_claim_no_errors(tables):
    background, X = tables
    e = fit(Noisy(0.5), background, solver="exact").explain(X[:1])
    assert np.isnan(e.standard_errors).all()


@pytest.mark.parametrize("solver", ["wls", "gp"])
@not_compared
def test_a_game_explained_again_with_more_budget_pays_for_the_difference(rng, counting, solver):
    background, X = rng.normal(size=(10, 12)), rng.normal(size=(2, 12))
    model = counting(lambda X: X[:, 0] * X[:, 1] * X[:, 2] + np.sin(X).sum(axis=1))
    explainer = xk.KernelSHAP(solver=solver, budget=10 * 2 * 30 + 1, random_state=0)
    games = explainer.fit(model, background).games(X)
    first = explainer.explain(games)
    model.clear()
    more = xk.KernelSHAP(solver=solver, budget=10 * 2 * 60 + 1, random_state=0).fit(
        model, games[0].row.masker)
    model.clear()
    second = more.explain(games)
    assert model.n_rows == second.cost.model_rows == 2 * 10 * 2 * 30
    assert first.cost.model_rows == 2 * (10 * 2 * 30 + 1)
    alone = more.explain(X)
    np.testing.assert_array_equal(second.values, alone.values)
