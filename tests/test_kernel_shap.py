"""Values of Kernel SHAP: golden numbers, naive oracles, and their errors."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from kernel_shap_cases import WLS, background_and_rows, fit, probability, third_order, two_outputs

import xaikit as xk

pytestmark = pytest.mark.kernels


@pytest.fixture
def tables(rng):
    """Return a background and rows of 8 columns whose cells all differ."""
    return background_and_rows(rng)


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


def test_a_dummy_that_differs_from_the_background_is_exactly_zero(rng):
    background, X = rng.normal(size=(30, 6)), rng.normal(size=(5, 6))
    e = fit(lambda Z: np.tanh(Z[:, 0]) * 0.7 + 0.1, background, solver="exact").explain(X)
    np.testing.assert_array_equal(e.values[:, 1:], 0.0)
    assert (e.values[:, 0] != 0).all()
    np.testing.assert_array_equal(e.importance().lower[1:], 0.0)


# Errors and fidelity -----------------------------------------------------------------------------


@pytest.mark.statistics
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
