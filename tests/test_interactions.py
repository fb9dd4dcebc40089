"""Pairwise Shapley interactions: exact, from the same samples, and beside shapiq's."""

from itertools import combinations

import numpy as np
import pytest
import reference
from scipy.optimize import approx_fprime

import xaikit as xk
from xaikit.sampling.coalitions import all_coalitions
from xaikit.solvers.even_process import CENTRE, CONSTANT, JITTER, EvenProcess, _Parts
from xaikit.solvers.shapley import interaction_weights, interactions_from_all


def model(X):
    return np.tanh(X[:, 0] * X[:, 1]) + X[:, 2] * X[:, 3] * X[:, 4] + np.exp(0.3 * X[:, 5]) * X[:, 0]


def two_outputs(X):
    return np.column_stack([model(X), X[:, 0] * X[:, 5] + X.sum(axis=1)])


def fit(model, background, **settings):
    return xk.KernelSHAP(random_state=0, interactions=True, **settings).fit(model, background)


def index(e):
    """Shapley interaction indices of an attribution: (n_rows, pairs, n_outputs)."""
    i, j = np.triu_indices(e.values.shape[1], 1)
    return 2.0 * e.interactions[:, i, j], 2.0 * e.interaction_errors[:, i, j]


@pytest.fixture
def tables(rng):
    return rng.normal(size=(6, 7)), rng.normal(size=(4, 7))


# Exact --------------------------------------------------------------------------------------------


def test_golden_unanimity():
    """1/(|T| − 1) for two members of T: Grabisch & Roubens 1999."""
    kept = all_coalitions(5)
    for members in ((0, 1), (0, 2, 3), (0, 1, 2, 3, 4)):
        found = interactions_from_all(kept[:, members].all(axis=1).astype(float)[:, None])[..., 0]
        for i, j in combinations(range(5), 2):
            inside = i in members and j in members
            assert found[i, j] == pytest.approx(1.0 / (len(members) - 1) if inside else 0.0)


@pytest.mark.parametrize("n_units", [1, 2, 3, 6])
def test_naive(rng, n_units):
    values = rng.normal(size=(2**n_units, 2))
    ref = reference.interactions(lambda s: values[sum(2**u for u in s)], n_units)
    np.testing.assert_allclose(interactions_from_all(values), ref, atol=1e-12)


def test_weights_of_many_players_do_not_overflow():
    table = interaction_weights(300)
    assert np.isfinite(table).all()
    assert table[300, 0] == pytest.approx(1 / 299)


@pytest.mark.parametrize("weighted", [False, True])
def test_exact_interactions_by_their_definition(rng, tables, weighted):
    background, X = tables
    background[:3, :4] = X[0, :4]
    weights = rng.random(6) if weighted else np.ones(6)
    e = fit(two_outputs, xk.TabularMasker(background, weights=weights), solver="exact").explain(X)
    i, j = np.triu_indices(7, 1)
    for row, got in zip(X, index(e)[0], strict=True):
        ref = reference.interactions(reference.game(two_outputs, row, background, weights), 7)
        np.testing.assert_allclose(got, ref[i, j], atol=1e-12)
    np.testing.assert_array_equal(e.interaction_errors, 0.0)


@pytest.mark.parametrize("settings", [
    {"solver": "exact"}, {"solver": "wls", "budget": 500}, {"solver": "gp", "budget": 500},
    {"budget": 500}, {"solver": "exact", "link": "logit"},
    {"solver": "wls", "link": "logit", "budget": 400}], ids=str)
def test_rows_sum_to_the_values(tables, settings):
    background, X = tables
    probability = lambda X: 1 / (1 + np.exp(-two_outputs(X)))  # noqa: E731
    e = fit(probability, background, **settings).explain(X)
    np.testing.assert_allclose(e.interactions.sum(axis=2), e.values, atol=1e-12)
    np.testing.assert_allclose(e.interactions, e.interactions.transpose(0, 2, 1, 3), atol=1e-15)
    plain = e.details["solver"] == "exact"
    assert (e.interaction_errors[plain] == 0.0).all()
    assert (e.interaction_errors[~plain] > 0.0).any(axis=(1, 2)).all()


def test_logit_by_its_definition(tables):
    background, X = tables
    probability = lambda X: 1 / (1 + np.exp(-model(X)))  # noqa: E731
    e = fit(probability, background, solver="exact", link="logit").explain(X[:1])
    ref = reference.interactions(reference.game(
        probability, X[0], background, link=lambda p: np.log(p / (1 - p))), 7)
    np.testing.assert_allclose(index(e)[0][0], ref[np.triu_indices(7, 1)], atol=1e-9)


def test_shapiq_agrees(tables):
    shapiq = pytest.importorskip("shapiq")
    background, X = tables
    e = fit(model, background, solver="exact").explain(X[:1])

    def v(coalitions):
        return np.array([model(np.where(z, X[0], background)).mean() for z in coalitions])

    exact = shapiq.ExactComputer(v, n_players=7)
    sii, k_sii = (exact(index=name, order=2) for name in ("SII", "k-SII"))
    for p, (i, j) in enumerate(combinations(range(7), 2)):
        assert index(e)[0][0, p, 0] == pytest.approx(sii[(i, j)], abs=1e-10)
    # What a feature does by itself is the first order of 2-SII.
    own = [k_sii[(i,)] for i in range(7)]
    np.testing.assert_allclose(np.diag(e.interactions[0, :, :, 0]), own, atol=1e-10)


# From samples -------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_units", [2, 3, 4, 6])
def test_the_posterior_is_that_of_dense_regression(n_units, rng):
    kept = np.stack([all_coalitions(n_units)[1:2 ** (n_units - 1)]] * 2)
    shares, scales = np.array([0.3, 0.7]), np.array([0.4, 0.3, 0.5, 0.01])
    process = EvenProcess(kept, shares)
    even, rho = rng.normal(size=len(process.signs)), rng.gamma(2.0, size=n_units)
    got = process.posterior(even, scales, rho)
    ref = reference.even_process(process.signs, process.sets, shares, even, scales, rho, CONSTANT,
                                 JITTER)
    for one, other in zip(got, ref, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("n_units", [2, 4, 8])
def test_the_gradient_is_that_of_the_objective(n_units, rng):
    signs = rng.choice([-1.0, 1.0], size=(30, n_units))
    parts = _Parts(signs, np.arange(30) % 3, rng.gamma(2.0, size=n_units))
    even = rng.normal(size=30)
    for logs in (CENTRE, CENTRE + rng.normal(size=4)):
        numeric = approx_fprime(logs, lambda x: parts.objective(x, even)[0], 1e-6)
        np.testing.assert_allclose(parts.objective(logs, even)[1], numeric, rtol=1e-3, atol=1e-3)


@pytest.mark.statistics
def test_games_of_second_order_are_exact_once_there_are_pairs_enough(rng):
    background, X = rng.normal(size=(20, 8)), rng.normal(size=(3, 8))
    second = rng.normal(size=(8, 8))
    quadratic = lambda X: np.einsum("ni,ij,nj->n", X, second, X)  # noqa: E731
    truth = index(fit(quadratic, background, solver="exact").explain(X))[0]
    got = index(fit(quadratic, background, solver="wls", budget=2000).explain(X))[0]
    np.testing.assert_allclose(got, truth, atol=1e-4 * np.abs(truth).max())


@pytest.mark.statistics
def test_units_that_matter_only_together_are_found(rng):
    background, X = rng.choice([-1.0, 1.0], size=(40, 12)), rng.choice([-1.0, 1.0], size=(3, 12))
    e = fit(lambda X: X[:, 3] * X[:, 7], background, solver="gp", budget=6000).explain(X)
    i, j = np.triu_indices(12, 1)
    found = np.abs(index(e)[0][:, :, 0])
    assert ((i[found.argmax(axis=1)] == 3) & (j[found.argmax(axis=1)] == 7)).all()


@pytest.mark.statistics
@pytest.mark.parametrize("solver", ["wls", "gp"])
def test_intervals_cover_on_random_games(solver):
    hits = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        background, X = rng.normal(size=(15, 9)), rng.normal(size=(2, 9))
        hidden, out = rng.normal(size=(9, 6)), rng.normal(size=6)
        network = lambda X, a=hidden, b=out: np.tanh(X @ a) @ b  # noqa: E731
        truth = index(fit(network, background, solver="exact").explain(X))[0]
        got, errors = index(fit(network, background, solver=solver, budget=2500).explain(X))
        hits.append(np.abs(got - truth) <= 1.96 * errors)
    assert np.mean(hits) >= 0.88


def test_values_do_not_need_interactions_to_be_found(tables):
    background, X = tables
    assert xk.KernelSHAP().fit(model, background).explain(X).interactions is None


def test_little_memory_gives_larger_errors(tables):
    background, X = tables
    wide, narrow = (fit(model, background, solver="wls", budget=600, max_memory=m).explain(X[:1])
                    for m in (2**26, 2**16))
    np.testing.assert_array_equal(wide.values, narrow.values)
    assert index(narrow)[1].mean() > index(wide)[1].mean()


# In an attribution --------------------------------------------------------------------------------


def test_slices_and_files_keep_them(tables, tmp_path):
    background, X = tables
    e = fit(two_outputs, background, solver="exact").explain(X)
    part = e[1:3, [0, 4, 2], "output 1"]
    np.testing.assert_array_equal(
        part.interactions, e.interactions[np.ix_([1, 2], [0, 4, 2], [0, 4, 2], [1])])
    assert part.interaction_errors.shape == part.interactions.shape
    e.save(tmp_path / "e.json")
    again = xk.load_explanation(tmp_path / "e.json")
    np.testing.assert_array_equal(again.interactions, e.interactions)
    np.testing.assert_array_equal(again.interaction_errors, e.interaction_errors)


def test_both_or_none(tables):
    e = fit(model, tables[0], solver="exact").explain(tables[1])
    from dataclasses import replace

    with pytest.raises(ValueError, match="come together"):
        replace(e, interaction_errors=None)
    with pytest.raises(ValueError, match="interactions has shape"):
        replace(e, interactions=e.interactions[:, :3])
