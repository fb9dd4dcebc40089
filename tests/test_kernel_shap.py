"""Tests of Kernel SHAP: golden numbers, naive oracles, what it asks, and what it refuses."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
import reference
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import xaikit as xk
from xaikit.predictor.ledger import Ledger

pytestmark = pytest.mark.kernels


def third_order(X):
    """Interactions of up to three columns, cell by cell: same bytes in any batch."""
    X = np.asarray(X, dtype=float)
    total = np.zeros(len(X))
    for c in range(X.shape[1]):
        a, b = X[:, (c + 1) % X.shape[1]], X[:, (c + 2) % X.shape[1]]
        total = total + (c + 1) * X[:, c] + X[:, c] * a * b
    return total


def two_outputs(X):
    return np.stack([third_order(X), np.asarray(X, dtype=float)[:, 0] ** 2], axis=1)


def probability(X):
    return 1.0 / (1.0 + np.exp(-third_order(X) / 4))


def fit(model, background, **settings):
    return xk.KernelSHAP(**{"random_state": 0, **settings}).fit(model, background)


@pytest.fixture
def tables(rng):
    """Give a background and rows of 8 columns whose cells all differ."""
    return rng.normal(size=(4, 8)), rng.normal(size=(5, 8))


# Room for 2M = 16 pairs on 4 background rows, and for a quarter of all 127.
WLS = {"solver": "wls", "budget": 2 * 4 * 32 + 1}


# Golden numbers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["exact", "wls"])
def test_golden_linear(rng, solver):
    """β_j(x_j − mean b_j): Lundberg & Lee 2017, corollary 1."""
    background, X, beta = rng.normal(size=(7, 5)), rng.normal(size=(3, 5)), rng.normal(size=5)
    got = fit(lambda X: X @ beta, background, solver=solver).explain(X)
    ref = beta * (X - background.mean(axis=0))
    np.testing.assert_allclose(got.values[:, :, 0], ref, atol=1e-11)
    np.testing.assert_allclose(got.standard_errors, 0.0, atol=1e-11)
    np.testing.assert_allclose(got.fidelity, 1.0, atol=1e-11)


@pytest.mark.parametrize("solver", ["exact", "wls"])
def test_golden_product(rng, solver):
    """φ₁ = mean_b (x₁ − b₁)(x₂ + b₂)/2, by hand."""
    background, X = rng.normal(size=(6, 2)), rng.normal(size=(4, 2))
    got = fit(lambda X: X[:, 0] * X[:, 1], background, solver=solver).explain(X)
    ref = [((x - background) * (x + background)[:, ::-1]).mean(axis=0) / 2 for x in X]
    np.testing.assert_allclose(got.values[:, :, 0], ref, atol=1e-12)


@pytest.mark.parametrize("solver", ["exact", "wls"])
@pytest.mark.parametrize(("game", "golden"), [
    (lambda z: np.minimum(z[:, 0], z[:, 1] + z[:, 2]), [2 / 3, 1 / 6, 1 / 6]),
    (lambda z: np.max(z * [1, 2, 3], axis=1), [1 / 3, 5 / 6, 11 / 6]),
    (lambda z: z[:, 0] * z[:, 2] * z[:, 3], [1 / 3, 0, 1 / 3, 1 / 3, 0]),
], ids=["glove", "airport", "unanimity"])
def test_golden_games(solver, game, golden):
    """Games of units present (1) or absent (0): a row of ones against a background of zeros."""
    n = len(golden)
    got = fit(game, np.zeros((1, n)), solver=solver).explain(np.ones((1, n)))
    # The default budget buys all pairs of so few units.
    np.testing.assert_allclose(got.values[0, :, 0], golden, atol=1e-12)


@pytest.mark.parametrize("solver", ["exact", "wls", "auto"])
def test_golden_r_kernelshap(solver):
    """R package kernelshap, tests/testthat/test-basic.R, to the 8 digits printed there."""
    i = np.arange(1, 101)
    X = np.stack([i / 100, np.log(i), np.sqrt(i), np.sin(i), (i / 100) ** 2, np.cos(i)], axis=1)
    got = fit(lambda X: X[:, :4].prod(axis=1) + X[:, 4] + X[:, 5], X, solver=solver).explain(X[:2])
    golden = [[-1.19621609, -1.24184808, -0.9567848, 3.87942037, -0.33825, 0.54562519],
              [-1.64922699, -1.20770105, -1.18388581, 4.54321217, -0.33795, -0.41082395]]
    np.testing.assert_allclose(got.values[:, :, 0], golden, atol=5.1e-9)


def test_golden_integer_background():
    """A row of fractions on a background of integer zeros must not be truncated (f = Σx)."""
    got = fit(lambda X: X.sum(axis=1), np.zeros((5, 3), dtype=int)).explain([[0.7, 0.2, 0.9]])
    np.testing.assert_allclose(got.values[0, :, 0], [0.7, 0.2, 0.9], atol=1e-12)


def test_shap_agrees(rng):
    """An independent implementation: shap's KernelExplainer on all coalitions."""
    shap = pytest.importorskip("shap")
    background, X = rng.normal(size=(6, 5)), rng.normal(size=(3, 5))
    got = fit(two_outputs, background, solver="exact").explain(X)
    explainer = shap.KernelExplainer(two_outputs, background)
    ref = explainer.shap_values(X, nsamples=2**5, l1_reg=False, silent=True)
    np.testing.assert_allclose(got.values, ref, atol=1e-8)
    np.testing.assert_allclose(got.base_values[0], explainer.expected_value, atol=1e-12)


def test_shap_agrees_on_trees(rng):
    lightgbm = pytest.importorskip("lightgbm")
    shap = pytest.importorskip("shap")
    X = rng.integers(6, size=(300, 6)).astype(float)
    model = lightgbm.LGBMRegressor(n_estimators=15, num_leaves=8, verbose=-1, n_jobs=1)
    model.fit(X, X[:, 0] * X[:, 1] + X[:, 2] * X[:, 3] * X[:, 4])
    got = fit(model, X[:20], solver="exact").explain(X[20:23]).values[:, :, 0]
    ref = shap.TreeExplainer(model, X[:20], feature_perturbation="interventional")
    # TreeExplainer adds up leaves in float32 in places.
    np.testing.assert_allclose(got, ref.shap_values(X[20:23]), atol=1e-5)


# Oracles -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["exact", "wls", "auto"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("n_units", "n_background"), [(1, 3), (2, 1), (4, 3), (6, 2)])
def test_naive(rng, solver, weighted, n_units, n_background):
    # Two levels, so that units of row and background are often equal.
    background = rng.integers(2, size=(n_background, n_units)) * 0.7
    X = rng.integers(2, size=(3, n_units)) * 0.7
    weights = rng.random(n_background) + 0.1 if weighted else None
    got = fit(two_outputs, xk.TabularMasker(background, weights=weights), solver=solver).explain(X)
    for i, row in enumerate(X):
        v = reference.game(two_outputs, row, background, weights)
        np.testing.assert_allclose(got.values[i], reference.shapley(v, n_units), atol=1e-10)
        np.testing.assert_allclose(got.base_values[i], v(()), atol=1e-12)
        np.testing.assert_allclose(got.predictions[i], v(tuple(range(n_units))), atol=1e-12)
    np.testing.assert_allclose(got.standard_errors, 0.0, atol=1e-10)


@pytest.mark.parametrize("solver", ["exact", "wls", "auto"])
@pytest.mark.parametrize("n_units", [1, 2, 5])
def test_logit(rng, solver, n_units):
    background, X = rng.normal(size=(4, n_units)), rng.normal(size=(2, n_units))
    got = fit(probability, background, solver=solver, link="logit").explain(X)
    for i, row in enumerate(X):
        v = reference.game(probability, row, background, link=lambda p: np.log(p / (1 - p)))
        np.testing.assert_allclose(got.values[i], reference.shapley(v, n_units), atol=1e-9)
        np.testing.assert_allclose(got.base_values[i], v(()), atol=1e-10)
        # The log-odds of the mean, which is not the mean of the log-odds.
        means = [reference.game(probability, row, b[None])(()) for b in background]
        np.testing.assert_allclose(v(()), np.log(np.mean(means) / (1 - np.mean(means))), atol=1e-12)
    assert np.abs(got.gap()).max() < 1e-9


def test_logit_is_clipped_where_probabilities_are_0_or_1():
    got = fit(lambda X: (X[:, 0] > 0) * 1.0, np.zeros((1, 2)), link="logit").explain([[1.0, 1.0]])
    limit = np.log((1 - 1e-7) / 1e-7)
    np.testing.assert_allclose(got.base_values, -limit, rtol=1e-12)
    np.testing.assert_allclose(got.values[0, :, 0], [2 * limit, 0.0], atol=1e-9)


def test_logit_of_what_is_no_probability(tables):
    with pytest.raises(ValueError, match="needs probabilities between 0 and 1"):
        fit(third_order, tables[0], link="logit").explain(tables[1])


@pytest.mark.parametrize("groups", [{"g": ["x0", "x3"]}, [["x0", "x3"]], {"g": [0, 3]}])
def test_groups(rng, groups):
    background, X = rng.normal(size=(3, 5)), rng.normal(size=(2, 5))
    got = fit(third_order, background, groups=groups, solver="exact").explain(X)
    assert got.values.shape == (2, 4, 1)
    for i, row in enumerate(X):
        v = reference.game(third_order, row, background, units=[[0, 3], [1], [2], [4]])
        np.testing.assert_allclose(got.values[i], reference.shapley(v, 4), atol=1e-11)


def test_outputs_are_chosen_by_position_and_name(tables):
    background, X = tables
    whole = fit(two_outputs, background, **WLS).explain(X)
    assert whole.output_names == ("output 0", "output 1")
    for choice in (1, "output 1", [1], -1):
        got = fit(two_outputs, background, outputs=choice, **WLS).explain(X)
        assert got.values.shape == (5, 8, 1)
        assert got.output_names == ("output 1",)
        np.testing.assert_allclose(got.values, whole[:, :, 1].values, rtol=1e-9, atol=1e-12)
    got = fit(two_outputs, background, outputs=[1, 0], **WLS).explain(X)
    assert got.output_names == ("output 1", "output 0")
    with pytest.raises(ValueError, match="outputs=5"):
        fit(two_outputs, background, outputs=5)


def test_errors_of_sampled_values_are_honest(tables):
    background, X = tables
    ref = fit(third_order, background, solver="exact").explain(X).values
    z = []
    for seed in range(60):
        got = fit(third_order, background, random_state=seed, **WLS).explain(X)
        assert set(got.details["solver"]) == {"wls"}
        z.append((got.values - ref) / got.standard_errors)
    # 60 draws shared by 5 rows of 8 units: a deviation of about .02 in coverage.
    assert 0.85 <= (np.abs(z) < 1.96).mean() <= 0.99


def test_base_errors(rng):
    background, X = rng.normal(size=(9, 3)), rng.normal(size=(2, 3))
    got = fit(two_outputs, background).explain(X)
    ref = two_outputs(background).std(axis=0, ddof=1) / np.sqrt(9)
    np.testing.assert_allclose(got.base_errors, [ref, ref], rtol=1e-12)
    got = fit(probability, background, link="logit").explain(X)
    mean = probability(background).mean()
    ref = probability(background).std(ddof=1) / np.sqrt(9) / (mean * (1 - mean))
    np.testing.assert_allclose(got.base_errors, ref, rtol=1e-12)


def test_base_errors_of_weights(rng):
    background, X = rng.normal(size=(4, 3)), rng.normal(size=(1, 3))
    weights = np.array([0.1, 0.2, 0.3, 0.4])
    got = fit(third_order, xk.TabularMasker(background, weights=weights)).explain(X)
    answers = third_order(background)
    variance = weights @ (answers - weights @ answers) ** 2
    concentration = sum(w**2 for w in weights)
    ref = np.sqrt(variance / (1 - concentration) * concentration)
    np.testing.assert_allclose(got.base_errors, [[ref]], rtol=1e-12)
    got = fit(third_order, background[:1]).explain(X)
    assert np.isnan(got.base_errors).all()


def test_details(rng):
    background = rng.normal(size=(3, 6))
    X = rng.normal(size=(3, 6))
    X[1] = background[0]
    X[2] = background[0]
    X[2, 0] += 1.0
    # Exact needs 3·2⁶ rows for the first row, but 2·2⁶ + 1 or 2·2⁶ + 2 for the others.
    got = fit(third_order, background, budget=150).explain(X)
    assert list(got.details["solver"]) == ["wls", "exact", "exact"]
    assert got.feature_details["background_errors"].shape == got.values.shape
    # Three blocks of one row each: known for the sampled row too, as far as three can say.
    assert (got.feature_details["background_errors"][0] > 0.0).all()
    single = [fit(third_order, b[None], solver="exact").explain(X).values for b in background]
    ref = np.std(single, axis=0, ddof=1) / np.sqrt(3)
    np.testing.assert_allclose(got.feature_details["background_errors"][1:], ref[1:], atol=1e-12)
    np.testing.assert_array_equal(got.standard_errors[1:], 0.0)
    assert (got.standard_errors[0] > 0).all()


def test_fidelity_is_at_most_one_and_unknown_for_a_constant(tables):
    background, X = tables
    for settings in (WLS, {"solver": "exact"}):
        got = fit(two_outputs, background, **settings).explain(X)
        assert (got.fidelity <= 1.0).all()
        # The second output is additive.
        np.testing.assert_allclose(got.fidelity[:, 1], 1.0, atol=1e-10)
        assert (got.fidelity[:, 0] < 1.0 - 1e-6).all()
        got = fit(lambda X: np.full(len(X), 3.0), background, **settings).explain(X)
        assert np.isnan(got.fidelity).all()
        # Weights of both signs cancel but for their rounding.
        np.testing.assert_allclose(got.values, 0.0, atol=1e-14)


# What is asked -----------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [
    WLS, {"solver": "exact"}, {"solver": "auto"}, {"solver": "auto", "budget": 300}, {"solver": "wls"},
    {"solver": "exact", "budget": 1024}, {"solver": "exact", "link": "logit"},
], ids=str)
@pytest.mark.parametrize("max_memory", [2**26, 1])
def test_cost_is_what_the_model_was_asked(tables, counting, settings, max_memory):
    background, X = tables
    model = counting(probability)
    explainer = fit(model, background, max_memory=max_memory, **settings)
    # The probe's seven rows, then the background once.
    assert model.n_rows == 7 + len(background)
    model.clear()
    got = explainer.explain(X)
    assert got.cost.model_rows == model.n_rows == got.details["model_rows"].sum()
    assert got.cost.calls == len(model.batches)
    assert got.cost.questions >= got.cost.model_rows
    assert got.cost.seconds >= got.cost.model_seconds > 0.0
    for i in range(len(X)):
        model.clear()
        explainer.explain(X[i])
        assert model.n_rows == got.details["model_rows"][i]
        assert model.n_rows <= settings.get("budget", np.inf)


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


# Special rows ------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [WLS, {"solver": "exact"}], ids=["wls", "exact"])
def test_a_row_equal_to_all_of_the_background(counting, settings):
    background = np.ones((4, 8))
    model = counting(third_order)
    explainer = fit(model, background, **settings)
    model.clear()
    got = explainer.explain(background[:1])
    np.testing.assert_array_equal(got.values, 0.0)
    np.testing.assert_array_equal(got.standard_errors, 0.0)
    np.testing.assert_array_equal(got.predictions, got.base_values)
    assert model.n_rows == 0
    assert np.isnan(got.fidelity).all()


@pytest.mark.parametrize("settings", [WLS, {"solver": "exact"}], ids=["wls", "exact"])
@pytest.mark.parametrize("value", [2.0, np.nan])
def test_a_constant_column_gets_nothing_and_is_never_asked(tables, counting, settings, value):
    background, X = (table.copy() for table in tables)
    background[:, 3] = X[:, 3] = value
    model = counting(lambda X: third_order(np.nan_to_num(X)))
    explainer = fit(model, background, **settings)
    got = explainer.explain(X)
    np.testing.assert_array_equal(got.values[:, 3], 0.0)
    np.testing.assert_array_equal(got.standard_errors[:, 3], 0.0)
    assert {row[3] for row in model.rows} == {"NaN" if np.isnan(value) else value}
    assert np.abs(got.gap()).max() < 1e-9


def test_a_single_active_unit_takes_all(counting):
    background = np.zeros((3, 100))
    row = np.zeros(100)
    row[77] = 2.0
    model = counting(lambda X: X.sum(axis=1) ** 2)
    explainer = fit(model, background, solver="wls", budget=1)
    model.clear()
    got = explainer.explain(row)
    assert model.n_rows == 1
    assert got[:, "x77"].values.item() == 4.0
    assert np.count_nonzero(got.values) == 1


def test_one_column():
    got = fit(lambda X: X[:, 0] ** 2, np.array([[1.0], [3.0]])).explain(np.array([[2.0], [5.0]]))
    np.testing.assert_allclose(got.values[:, 0, 0], [-1.0, 20.0])


@pytest.mark.parametrize("make", [lambda x: x, lambda x: x[None], list, lambda x: [list(x)],
                                  lambda x: pd.Series(x, index=[f"x{j}" for j in range(8)])])
@pytest.mark.parametrize("settings", [WLS, {"solver": "exact"}], ids=["wls", "exact"])
def test_a_single_row(tables, make, settings):
    background, X = tables
    explainer = fit(two_outputs, background, **settings)
    ref = explainer.explain(X)[2]
    got = explainer.explain(make(X[2]))
    assert got.values.shape == (1, 8, 2)
    assert reference.bytes_of(got) == reference.bytes_of(ref)


# Same seed, same bytes ---------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [
    {"n_jobs": 2}, {"n_jobs": 1}, {"batch_size": 1}, {"batch_size": 7}, {"max_memory": 1},
    {"max_memory": 2**20}, {"max_memory": 2**32}], ids=str)
@pytest.mark.parametrize("solver", [
    WLS, {"solver": "exact"}, {"solver": "auto", "budget": 300}, {"solver": "exact", "link": "logit"}],
    ids=["wls", "exact", "auto", "logit"])
def test_the_bytes_depend_on_the_seed_alone(rng, settings, solver):
    # 34 rows are two tasks, and some have units equal to the background's.
    background, X = rng.normal(size=(4, 8)), rng.normal(size=(34, 8))
    X[::3, :4] = background[0, :4]
    n = 34 if "n_jobs" in settings else 3
    background = background[:2] if "n_jobs" in settings else background
    ref = fit(probability, background, **solver).explain(X[:n])
    got = fit(probability, background, **solver, **settings).explain(X[:n])
    # How often a row is asked again may depend on memory; what is found may not.
    if "max_memory" in settings:
        ref, got = (reference_without_rows(e) for e in (ref, got))
    assert reference.bytes_of(got) == reference.bytes_of(ref)
    assert got.random_state == 0


def reference_without_rows(e):
    from dataclasses import replace

    return replace(e, details={k: v for k, v in e.details.items() if k != "model_rows"})


@pytest.mark.parametrize("settings", [{}, {"n_jobs": 2}], ids=["serial", "2 workers"])
def test_what_two_workers_cost_is_added_up(rng, settings):
    background, X = rng.normal(size=(4, 8)), rng.normal(size=(40, 8))
    got = fit(third_order, background, **WLS, **settings).explain(X)
    assert got.cost.model_rows == got.details["model_rows"].sum()
    assert got.cost.calls > 0
    assert got.cost.model_seconds > 0.0


def test_rows_in_another_order_give_the_same_bytes(rng):
    background, X = rng.normal(size=(4, 8)), rng.normal(size=(40, 8))
    explainer = fit(third_order, background, **WLS)
    order = rng.permutation(40)
    ref, got = explainer.explain(X)[order], explainer.explain(X[order])
    assert reference.bytes_of(got) == reference.bytes_of(ref)


def test_seeds(tables):
    background, X = tables
    values = [fit(third_order, background, random_state=s, **WLS).explain(X).values.tobytes()
              for s in (0, 0, 1, np.int64(1))]
    assert values[0] == values[1] != values[2] == values[3]


@pytest.mark.parametrize("random_state", [None, "generator"])
def test_a_drawn_seed_is_recorded_and_reproduces(tables, random_state):
    background, X = tables
    if random_state == "generator":
        random_state = np.random.default_rng(3)
    got = fit(third_order, background, random_state=random_state, **WLS).explain(X)
    assert isinstance(got.random_state, int)
    again = fit(third_order, background, random_state=got.random_state, **WLS).explain(X)
    assert reference.bytes_of(again) == reference.bytes_of(got)
    other = fit(third_order, background, random_state=random_state, **WLS).explain(X)
    assert other.random_state != got.random_state


def test_the_global_generator_is_left_alone(tables):
    background, X = tables
    np.random.seed(0)
    ref = np.random.get_state()[1].copy()
    fit(third_order, background, random_state=None, **WLS).explain(X)
    np.testing.assert_array_equal(np.random.get_state()[1], ref)


@pytest.mark.parametrize("settings", [WLS, {"solver": "exact"}], ids=["wls", "exact"])
def test_frame_and_array_are_the_same(tables, settings):
    background, X = tables
    columns = list("hgfedcba")
    ref = fit(two_outputs, background, **settings).explain(X)
    frame = pd.DataFrame(X, columns=columns, index=[10, 20, 30, 40, 50])
    got = fit(two_outputs, pd.DataFrame(background, columns=columns), **settings).explain(frame)
    assert reference.bytes_of(got) == reference.bytes_of(ref)
    assert got.feature_names == tuple(columns)
    assert got.row_names == (10, 20, 30, 40, 50)
    assert ref.feature_names == tuple(f"x{j}" for j in range(8))
    pd.testing.assert_frame_equal(got.data, frame.reset_index(drop=True))


def test_columns_in_another_order_are_put_back(tables):
    background, X = (pd.DataFrame(t, columns=list("abcdefgh")) for t in tables)
    explainer = fit(third_order, background, **WLS)
    ref = explainer.explain(X)
    got = explainer.explain(X[X.columns[::-1]])
    assert reference.bytes_of(got) == reference.bytes_of(ref)
    assert got.feature_names == ref.feature_names


def test_names_of_a_model_fitted_on_a_frame_reach_arrays(rng):
    from sklearn.linear_model import LinearRegression

    frame = pd.DataFrame(rng.normal(size=(30, 3)), columns=["age", "height", "size"])
    model = LinearRegression().fit(frame, frame.sum(axis=1))
    got = fit(model, frame.to_numpy(), groups={"body": ["height", "size"]}).explain(frame.to_numpy()[:2])
    assert got.feature_names == ("age", "body")


# Nothing is changed ------------------------------------------------------------------------------


@pytest.mark.parametrize("container", [np.array, pd.DataFrame])
def test_tables_are_left_as_they_were(tables, container):
    def vandal(X):
        answers = third_order(X)
        if isinstance(X, pd.DataFrame):
            X.iloc[:, :] = -1.0
        else:
            X[:] = -1.0
        return answers

    background, X = (container(t) for t in tables)
    kept = [t.copy() for t in (background, X)]
    ref = fit(third_order, background, **WLS).explain(X)
    got = fit(vandal, background, **WLS).explain(X)
    for now, before in zip((background, X), kept, strict=True):
        np.testing.assert_array_equal(np.asarray(now), np.asarray(before))
    assert reference.bytes_of(got) == reference.bytes_of(ref)
    assert any("changes the batch" in w for w in got.warnings)
    assert not ref.warnings


def test_the_explanation_is_not_tied_to_the_table(tables):
    for X in (tables[1].copy(), pd.DataFrame(tables[1])):
        got = fit(third_order, tables[0], **WLS).explain(X)
        ref = got.data.copy()
        X[:] = 0.0
        pd.testing.assert_frame_equal(got.data, ref)


def test_explain_does_not_change_the_explainer(tables):
    background, X = tables
    explainer = fit(two_outputs, background, **WLS)

    def state():
        # The ledger of the model goes on counting; all else stays.
        explainer.predictor_.ledger = Ledger()
        return pickle.dumps(vars(explainer))

    ref = state()
    first = explainer.explain(X)
    second = explainer.explain(X)
    assert reference.bytes_of(first) == reference.bytes_of(second)
    assert first.cost.model_rows == second.cost.model_rows
    assert state() == ref


def test_pickled_explainers_explain_the_same(tables):
    background, X = tables
    explainer = fit(two_outputs, background, **WLS)
    got = pickle.loads(pickle.dumps(explainer)).explain(X)
    assert reference.bytes_of(got) == reference.bytes_of(explainer.explain(X))


def test_scikit_learn_conventions(tables):
    explainer = xk.KernelSHAP(budget=500, random_state=3)
    assert repr(explainer) == "KernelSHAP(budget=500, random_state=3)"
    assert explainer.get_params()["solver"] == "auto"
    explainer.set_params(solver="wls")
    fitted = explainer.fit(third_order, tables[0])
    assert fitted is explainer
    copy = clone(explainer)
    assert copy.get_params() == explainer.get_params()
    assert not hasattr(copy, "predictor_")
    settings = {"solver": "exact", "budget": 9, "max_seconds": None, "tol": 0.1, "interactions": True, "link": "logit", "groups": [[0]], "outputs": 0,
                "max_background": 3, "batch_size": 5, "random_state": 1, "n_jobs": 2,
                "max_memory": 10}
    assert xk.KernelSHAP(**settings).get_params() == settings
    with pytest.raises(TypeError):
        xk.KernelSHAP("exact")


def test_settings_are_recorded(tables):
    background, X = tables
    got = fit(two_outputs, background, **WLS).explain(X)
    assert got.settings["solver"] == "wls"
    assert got.settings["budget"] == WLS["budget"]
    assert got.settings["n_background"] == 4
    assert got.method == "KernelSHAP"
    back = type(got).from_json(got.to_json())
    assert reference.bytes_of(back) == reference.bytes_of(got)
    assert back.settings == got.settings
    assert back.cost == got.cost


# Background --------------------------------------------------------------------------------------


@pytest.mark.parametrize("container", [np.array, pd.DataFrame])
def test_a_long_background_is_sampled_and_a_warning_says_so(rng, container):
    background, X = rng.normal(size=(50, 3)), rng.normal(size=(2, 3))
    explainer = fit(third_order, container(background), max_background=20)
    got = explainer.explain(container(X))
    assert got.warnings == ("The background is a random sample of 20 of 50 rows; raise "
                            "max_background or pass a TabularMasker to use more.",)
    chosen = np.asarray(explainer.masker_.background)
    assert len({tuple(row) for row in chosen} & {tuple(row) for row in background}) == 20
    other = fit(third_order, container(background), max_background=20, random_state=1)
    assert not np.array_equal(np.asarray(other.masker_.background), chosen)
    again = fit(third_order, container(background), max_background=20)
    np.testing.assert_array_equal(np.asarray(again.masker_.background), chosen)


def test_a_masker_or_room_enough_uses_all(rng):
    background = rng.normal(size=(50, 3))
    for given, most in ((xk.TabularMasker(background), 20), (background, 50)):
        explainer = fit(third_order, given, max_background=most)
        assert explainer.masker_.n_background == 50
        assert explainer.warnings_ == ()


def test_groups_are_kept_where_the_background_is_sampled(rng):
    explainer = fit(third_order, rng.normal(size=(50, 3)), max_background=5, groups=[[0, 2]])
    assert explainer.masker_.unit_names == ("0 + 2", "x1")


# Refusals ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("settings", "error", "words"), [
    ({"solver": "kernel"}, ValueError, "solver must be one of 'auto', 'exact', 'wls', 'gp'"),
    ({"solver": None}, ValueError, "solver must be one of"),
    ({"link": "log"}, ValueError, "link must be one of 'identity', 'logit', got 'log'"),
    ({"budget": 0}, ValueError, r"budget must be a whole number of at least 1 \(model rows\) or 'auto', got 0"),
    ({"budget": -5}, ValueError, "budget must be"),
    ({"budget": 10.5}, ValueError, "budget must be"),
    ({"budget": True}, ValueError, "budget must be"),
    ({"budget": "lots"}, ValueError, "budget must be"),
    ({"budget": None}, ValueError, "budget must be"),
    ({"budget": "30s"}, ValueError, "budget must be"),
    ({"max_seconds": 0}, ValueError, "max_seconds must be a number above 0 or None, got 0"),
    ({"max_seconds": "30s"}, ValueError, "max_seconds must be"),
    ({"max_seconds": 5, "solver": "exact"}, ValueError, "cannot be kept by solver='exact'"),
    ({"tol": 0}, ValueError, "tol must be a number above 0 and below 1 or None, got 0"),
    ({"tol": 1.0}, ValueError, "tol must be"),
    ({"tol": "small"}, ValueError, "tol must be"),
    ({"tol": np.nan}, ValueError, "tol must be"),
    ({"max_background": 0}, ValueError, "max_background must be a whole number of at least 1"),
    ({"max_background": True}, ValueError, "max_background must be"),
    ({"max_memory": -1}, ValueError, "max_memory must be a whole number of at least 1, got -1"),
    ({"n_jobs": 0}, ValueError, "n_jobs must be"),
    ({"interactions": 1}, ValueError, "interactions must be True or False, got 1"),
    ({"random_state": -1}, ValueError, "random_state must be a whole number of at least 0 or .* or None, got -1"),
    ({"random_state": 1.5}, ValueError, "random_state must be a whole number"),
    ({"random_state": True}, ValueError, "random_state must be a whole number"),
    ({"random_state": "zero"}, ValueError, "random_state must be a whole number"),
    ({"batch_size": 0}, ValueError, "batch_size must be a whole number of at least 1 or 'auto', got 0"),
    ({"batch_size": "big"}, ValueError, "batch_size must be"),
    ({"groups": {"g": ["x0", "nobody"]}}, ValueError, "'nobody'"),
])
def test_bad_settings(tables, settings, error, words):
    with pytest.raises(error, match=words):
        fit(third_order, tables[0], **settings)


@pytest.mark.parametrize(("setting", "words"), [
    ({"solver": "kernel"}, "solver must"), ({"link": "log"}, "link must"), ({"budget": 0}, "budget must")])
def test_settings_changed_after_fit_are_checked_too(tables, setting, words):
    explainer = fit(third_order, tables[0]).set_params(**setting)
    with pytest.raises(ValueError, match=words):
        explainer.explain(tables[1])


def test_bad_tables(tables):
    background, X = tables
    explainer = fit(third_order, background)
    for bad, words in ((X[:, :5], "expected 8 columns"), (X[:0], "no rows"),
                       (np.full((1, 8), "a"), "expected an array of float64")):
        with pytest.raises(ValueError, match=words):
            explainer.explain(bad)
    with pytest.raises(ValueError, match="a background is needed"):
        xk.KernelSHAP().fit(third_order)
    with pytest.raises(ValueError, match="needs rows and columns"):
        xk.KernelSHAP().fit(third_order, background[:0])


def test_explain_before_fit():
    with pytest.raises(NotFittedError, match="call fit"):
        xk.KernelSHAP().explain(np.zeros((1, 2)))


@pytest.mark.parametrize(("answer", "words"), [
    (lambda X: np.full(len(X), np.nan), "NaN or infinity"),
    (lambda X: np.full(len(X), np.inf), "NaN or infinity"),
    (lambda X: np.full(len(X), "yes"), "expected numbers"),
    (lambda X: ["yes"] * len(X), "expected numbers"),
    (lambda X: np.zeros(len(X) + 1), "expected one answer a row"),
    (lambda X: 1.0, "expected one answer a row"),
    (lambda X: np.zeros((len(X), 2, 2)), r"\(n_rows,\) or \(n_rows, n_outputs\)"),
    (lambda X: None, "expected one answer a row"),
    (lambda X: [[0.0]] * (len(X) - 1) + [[0.0, 1.0]], "do not form an array"),
    (lambda X: 1 / 0, "division by zero"),
])
def test_models_that_cannot_be_explained(tables, answer, words):
    background, X = tables
    with pytest.raises(xk.ModelError, match=words):
        fit(answer, background)
    # The same when the model goes wrong only later on.
    with pytest.raises(xk.ModelError, match=words):
        fit(lambda B: answer(B) if len(B) > 6 else third_order(B), background, **WLS).explain(X)


def test_a_model_that_failed_once_can_be_asked_again(tables, counting):
    background, X = tables
    ref = fit(third_order, background, **WLS).explain(X)
    model = counting(third_order)
    explainer = fit(model, background, **WLS)
    model.fail_at = len(model.batches) + 3
    with pytest.raises(xk.ModelError, match="no answer today"):
        explainer.explain(X)
    assert reference.bytes_of(explainer.explain(X)) == reference.bytes_of(ref)


def test_a_model_that_looks_at_the_whole_batch(tables):
    with pytest.raises(ValueError, match="depends on the other rows of the batch"):
        fit(lambda X: third_order(X) - third_order(X).mean(), tables[0])


def test_a_model_that_changes_its_number_of_outputs(tables):
    background, X = tables
    with pytest.raises(xk.ModelError, match="answered with 2 outputs, where 1 were expected"):
        fit(lambda B: two_outputs(B) if len(B) > 6 else third_order(B), background, **WLS).explain(X)


def test_things_that_are_no_model(tables):
    for thing in (3.0, "model", None):
        with pytest.raises(TypeError, match="expected a model"):
            fit(thing, tables[0])


def test_adult_as_a_mixed_frame(adult):
    """Categories reach the model as categories, and values add up to what it says."""
    seen = set()

    def model(frame):
        seen.add(tuple(str(d) for d in frame.dtypes))
        young = frame["age"].to_numpy() < 40
        wed = (frame["marital_status"] == "Married-civ-spouse").to_numpy()
        return young * wed + frame["education_num"].to_numpy() * wed / 16 + 0.1 * young

    X = adult.drop(columns="income")
    got = fit(model, X.iloc[:10], solver="exact").explain(X.iloc[30:33])
    assert seen == {tuple(str(d) for d in X.dtypes)}
    np.testing.assert_allclose(got.predictions[:, 0], model(X.iloc[30:33]), rtol=1e-12)
    assert np.abs(got.gap()).max() < 1e-9
    asked = ["age", "marital_status", "education_num"]
    others = [name for name in X.columns if name not in asked]
    np.testing.assert_allclose(got[:, others].values, 0.0, atol=1e-12)
    # Far below 2^14 coalitions on 10 background rows: units equal to the background's are not asked.
    assert got.details["model_rows"].max() < 10 * 2**13


# --- found in review

def test_a_dummy_that_differs_from_the_background_is_exactly_zero(rng):
    background, X = rng.normal(size=(30, 6)), rng.normal(size=(5, 6))
    e = fit(lambda Z: np.tanh(Z[:, 0]) * 0.7 + 0.1, background, solver="exact").explain(X)
    np.testing.assert_array_equal(e.values[:, 1:], 0.0)
    assert (e.values[:, 0] != 0).all()
    np.testing.assert_array_equal(e.importance().lower[1:], 0.0)


def test_auto_counts_different_questions(rng):
    # Few different values: 64 background rows, and far fewer different composed rows than Σ 2^d.
    background, X = rng.integers(2, size=(64, 6)).astype(float), rng.integers(2, size=(4, 6)) + 0.0
    e = fit(lambda Z: Z.prod(axis=1), background, solver="auto", budget=70).explain(X)
    assert set(e.details["solver"]) == {"exact"}
    assert e.details["model_rows"].max() <= 70
    with pytest.raises(ValueError, match="raise the budget"):
        fit(lambda Z: Z.prod(axis=1), rng.normal(size=(64, 6)), budget=70).explain(X)
