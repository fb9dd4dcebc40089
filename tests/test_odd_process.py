"""The Gaussian process on the odd part of a game, against dense regression and exact values."""

from __future__ import annotations

import joblib
import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import approx_fprime

import xaikit as xk
from xaikit.sampling.coalitions import all_coalitions, paired_coalitions
from xaikit.solvers.odd_process import CENTRE, JITTER, TOTAL_NOISE, OddProcess
from xaikit.solvers.shapley import PairedLeastSquares, exact_from_all


def random_game(rng, n_units, order, decay=0.5):
    """Values (2^M,) of a game whose interactions go up to an order, weaker the higher it is."""
    kept = all_coalitions(n_units)
    heavy = rng.gamma(1.0, size=n_units)
    values = np.zeros(len(kept))
    for k in range(1, min(order, n_units) + 1):
        for _ in range(3 * n_units):
            group = rng.choice(n_units, size=k, replace=False, p=heavy / heavy.sum())
            values += decay**k * rng.normal() * kept[:, group].all(axis=1)
    return values


def solved(values, n_units, n_pairs, seed=0):
    """Solve a game on sampled pairs: least squares, the process, and the truth."""
    pairs = paired_coalitions(n_units, n_pairs, np.random.default_rng(seed))
    number = pairs.kept @ (1 << np.arange(n_units))
    differences = (values[number] - values[len(values) - 1 - number])[:, None]
    total = values[-1:] - values[:1]
    first, _, _ = PairedLeastSquares.of([pairs]).solve(differences[None], total[None])
    found = OddProcess(pairs.kept[None]).solve(differences[None], total[None], first)
    return first[0, :, 0], found, exact_from_all(values[:, None])[:, 0]


def relative_error(values, truth):
    return ((values - truth) ** 2).sum() / (truth**2).sum()


@pytest.mark.parametrize("n_units", [2, 3, 4, 5, 6, 7])
def test_the_posterior_is_that_of_dense_regression(n_units, rng):
    kept = all_coalitions(n_units)[1:2 ** (n_units - 1)]
    odd, rho = rng.normal(size=len(kept) + 1), rng.gamma(2.0, size=n_units)
    scales = np.array([0.3, 0.2, 0.05])
    noise = np.append(np.full(len(kept), scales[2]), scales[2] * TOTAL_NOISE) + JITTER
    process = OddProcess(kept[None])
    for got, want in zip(process.posterior(odd[None], scales, rho)[:2],
                         reference.odd_process(kept, odd, scales, rho, noise), strict=True):
        np.testing.assert_allclose(got[0], want, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("n_units", [2, 3, 4, 5, 8])
def test_the_gradient_is_that_of_the_objective(n_units, rng):
    kept = all_coalitions(n_units)[1:2 ** (n_units - 1)][:40]
    sets = np.stack([kept, ~kept])
    process, odds = OddProcess(sets), rng.normal(size=(2, len(kept) + 1))
    assert process.n_learning == 2
    logs = np.concatenate([CENTRE, np.zeros(n_units)]) + 0.3 * rng.normal(size=n_units + 3)
    centre = np.concatenate([CENTRE, np.zeros(n_units)])
    _, gradient = process.objective(logs, odds, centre)
    numeric = approx_fprime(logs, lambda x: process.objective(x, odds, centre)[0], 1e-6)
    np.testing.assert_allclose(gradient, numeric, rtol=1e-3, atol=1e-3 * np.abs(numeric).max())


@pytest.mark.parametrize("n_units", [7, 8, 9])
def test_games_of_third_order_are_exact_once_there_are_pairs_enough(n_units, rng):
    values = random_game(rng, n_units, 3)
    enough = n_units + n_units * (n_units - 1) * (n_units - 2) // 6
    n_pairs = min(enough + 5, 2 ** (n_units - 1) - 1)
    _, found, truth = solved(values, n_units, n_pairs)
    assert relative_error(found.values[0, :, 0], truth) < 1e-9


def test_it_is_nearer_the_truth_than_least_squares():
    rng = np.random.default_rng(5)
    ratios = []
    for seed in range(12):
        first, found, truth = solved(random_game(rng, 10, 5), 10, 150, seed)
        ratios.append(relative_error(found.values[0, :, 0], truth) / relative_error(first, truth))
    # Measured 0.01 to 0.1; a third is a long way from both.
    assert np.exp(np.mean(np.log(ratios))) < 1 / 3


def test_intervals_cover_on_random_games():
    rng = np.random.default_rng(6)
    inside = []
    for seed in range(40):
        _, found, truth = solved(random_game(rng, 9, 5), 9, 90, seed)
        inside.append(np.abs(found.values[0, :, 0] - truth) <= 1.96 * np.sqrt(found.variances[0, :, 0]))
    # 360 intervals at 95 %: two standard deviations of a share are 2.3 %, and units of one game
    # are not independent.
    assert 0.88 <= np.mean(inside) <= 0.995


@given(st.integers(2, 9), st.integers(0, 10**6))
def test_values_add_up_and_scale_with_the_game(n_units, seed):
    values = random_game(np.random.default_rng(seed), n_units, 4)
    pairs = min(3 * n_units, 2 ** (n_units - 1) - 1)
    _, found, _ = solved(values, n_units, pairs)
    assert abs(found.values.sum() - (values[-1] - values[0])) < 1e-9 * (1 + np.abs(values).max())
    _, scaled, _ = solved(-3.0 * values + 7.0, n_units, pairs)
    np.testing.assert_allclose(scaled.values, -3.0 * found.values, rtol=1e-3,
                               atol=1e-4 * np.abs(values).max())


def test_outputs_are_solved_each_by_itself(rng):
    pairs = paired_coalitions(8, 50, rng)
    differences, total = rng.normal(size=(1, 50, 3)), rng.normal(size=(1, 3))
    differences[..., 1], total[..., 1] = 0.0, 0.0
    design, process = PairedLeastSquares.of([pairs]), OddProcess(pairs.kept[None])
    first, _, _ = design.solve(differences, total)
    whole = process.solve(differences, total, first)
    for k in range(3):
        alone = process.solve(differences[..., [k]], total[..., [k]], first[..., [k]])
        np.testing.assert_array_equal(whole.values[..., [k]], alone.values)
        np.testing.assert_array_equal(whole.variances[..., [k]], alone.variances)
    assert not whole.values[..., 1].any()
    assert not whole.variances[..., 1].any()


def test_sets_share_what_was_learned(rng):
    values = random_game(rng, 9, 4)
    sets = [paired_coalitions(9, 80, np.random.default_rng(seed)).kept for seed in range(4)]
    odds = []
    for kept in sets:
        number = kept @ (1 << np.arange(9))
        odds.append(np.append(values[number] - values[511 - number], values[-1] - values[0]) / 2)
    process = OddProcess(np.stack(sets))
    scales, rho = process._learn(np.stack(odds), np.ones(9))
    means, _, _ = process.posterior(np.stack(odds), scales, rho)
    for g, kept in enumerate(sets):
        alone, _, _ = OddProcess(kept[None]).posterior(odds[g][None], scales, rho)
        np.testing.assert_allclose(means[g], alone[0], rtol=1e-9)
    truth = exact_from_all(values[:, None])[:, 0]
    singles = [relative_error(mean, truth) for mean in means]
    assert relative_error(means.mean(axis=0), truth) < np.mean(singles)


# --- through KernelSHAP

def model(X):
    return X[:, 0] * X[:, 1] * X[:, 2] + np.sin(X[:, 3]) * X[:, 4] + X.sum(axis=1)


DATA = np.random.default_rng(0).normal(size=(40, 10))


def gp(n_jobs=None, **settings):
    explainer = xk.KernelSHAP(solver="gp", random_state=0, n_jobs=n_jobs, **settings)
    return explainer.fit(model, DATA[:8])


def test_kernel_shap_by_the_process():
    e = gp(budget=2 * 120 * 8 + 1).explain(DATA[10:13])
    truth = xk.KernelSHAP(solver="exact", random_state=0).fit(model, DATA[:8]).explain(DATA[10:13])
    assert e.details["solver"].tolist() == ["gp"] * 3
    assert relative_error(e.values, truth.values) < 1e-6
    assert np.abs(e.gap()).max() < 1e-12
    assert (e.details["model_rows"] <= 2 * 120 * 8 + 1).all()


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_the_bytes_do_not_depend_on_workers_or_threads(n_jobs):
    want = gp(budget=2 * 120 * 8 + 1).explain(DATA[10:16]).values
    with joblib.parallel_config("threading"):
        got = gp(n_jobs, budget=2 * 120 * 8 + 1).explain(DATA[10:16]).values
    np.testing.assert_array_equal(got, want)


def test_all_pairs_asked_need_no_process():
    explainer = xk.KernelSHAP(solver="gp", random_state=0).fit(model, DATA[:4, :])
    e = explainer.set_params(budget=2**10 * 4).explain(DATA[10:11])
    assert e.details["solver"].tolist() == ["exact"]
    np.testing.assert_array_equal(e.standard_errors, 0)


def test_more_pairs_than_memory_holds_are_refused_with_what_to_do():
    with pytest.raises(ValueError, match=r"takes 8,\d+,\d+ bytes for 300 pairs .* at most 1,\d\d\d model rows"):
        gp(budget=2 * 300 * 8 + 1, max_memory=2**20).explain(DATA[10:11])


@pytest.mark.parametrize("max_memory", [1, 2000])
def test_no_budget_is_advised_that_would_be_too_small(max_memory):
    with pytest.raises(ValueError, match=rf"max_memory={max_memory:,}: use solver='wls', or more memory\.$"):
        gp(budget=2 * 300 * 8 + 1, max_memory=max_memory).explain(DATA[10:11])


def test_a_model_without_interactions_is_exact():
    e = xk.KernelSHAP(solver="gp", budget=2 * 30 * 8 + 1, random_state=0).fit(
        lambda X: X @ np.arange(10.0), DATA[:8]).explain(DATA[10:12])
    want = np.arange(10.0) * (DATA[10:12] - DATA[:8].mean(axis=0))
    np.testing.assert_allclose(e.values[:, :, 0], want, atol=1e-6)
