"""Weighted regression on masks: against loops, textbook errors, and really leaving one out."""

from __future__ import annotations

import numpy as np
import pytest
import reference_lime as naive
from hypothesis import given
from hypothesis import strategies as st

from xaikit.sampling.laws import bernoulli, cosine_kernel, draw_by_size, uniform_removals
from xaikit.solvers.regression import PresenceRegression, Strata


class Case:
    """Random masks, weights and answers; more samples than units."""

    def __init__(self, seed, n_units, more, n_outputs, flat):
        self.rng = np.random.default_rng(seed)
        n = n_units + 4 + more
        self.kept = self.rng.random((n, n_units)) < 0.6
        # No unit is constant, nor are two the same: that has tests of its own.
        self.kept[: n_units + 1] = np.tri(n_units + 1, n_units, -1)
        self.weights = np.ones(n) if flat else self.rng.random(n) + 0.05
        self.answers = self.rng.normal(size=(n, n_outputs)) + self.kept @ self.rng.normal(
            size=(n_units, n_outputs))

    @property
    def one(self):
        return Strata.one(*self.kept.shape)

    def fit(self, strata=None, answers=None):
        regression = PresenceRegression(self.kept, self.weights, strata or self.one)
        return regression.solve(self.answers if answers is None else answers)


cases = st.builds(Case, seed=st.integers(0, 2**32 - 1), n_units=st.integers(1, 5),
                  more=st.integers(0, 20), n_outputs=st.integers(1, 3), flat=st.booleans())


@given(cases)
def test_coefficients_are_those_of_the_loops(case):
    beta, _ = naive.ridge(case.kept, case.weights, case.answers)
    got = case.fit()
    np.testing.assert_allclose(got.intercept, beta[0], rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(got.coefficients, beta[1:], rtol=1e-9, atol=1e-11)


@given(cases)
def test_coefficients_are_plain_least_squares_up_to_the_ridge(case):
    root = np.sqrt(case.weights)[:, None]
    design = root * np.column_stack([np.ones(len(case.kept)), case.kept])
    ref = np.linalg.lstsq(design, root * case.answers, rcond=None)[0]
    np.testing.assert_allclose(case.fit().coefficients, ref[1:], atol=1e-5)


@given(cases)
def test_errors_of_one_stratum_are_hc1(case):
    ref = naive.hc1(case.kept, case.weights, case.answers)
    # The textbook's form does not take off the mean of the scores, which is 0 but for the ridge.
    np.testing.assert_allclose(case.fit().errors, ref, rtol=1e-6, atol=1e-9)


@given(cases, st.data())
def test_errors_of_strata_are_those_of_the_loops(case, data):
    n = len(case.kept)
    cuts = sorted(data.draw(st.sets(st.integers(1, n // 2 - 1), max_size=2)))
    cuts = [c * 2 for c in cuts if 2 <= c * 2 <= n - 2]
    bounds = [0, *cuts, n]
    sizes = np.diff(bounds)
    available = [m if data.draw(st.booleans()) else 3 * m for m in sizes]
    factors = [(1 - m / there) * m / (m - 1) for m, there in zip(sizes, available, strict=True)]
    strata = [(range(a, b), there)
              for a, b, there in zip(bounds[:-1], bounds[1:], available, strict=True)]
    got = case.fit(Strata(np.array(bounds[:-1]), np.array(factors)))
    ref = naive.stratified(case.kept, case.weights, case.answers, strata, 1)
    # √ of rounding where a stratum's draws add the same; leverages near 1 are cut off at 1e-9.
    np.testing.assert_allclose(got.errors, ref, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("n_units", [3, 5])
def test_errors_of_pairs_are_those_of_the_loops(rng, n_units):
    halves = rng.random((14, n_units)) < 0.5
    kept = np.stack([halves, ~halves], axis=1).reshape(-1, n_units)
    weights = np.repeat(rng.random(14) + 0.1, 2)
    answers = rng.normal(size=(28, 2))
    strata = Strata(np.array([0, 5]), np.array([(1 - 5 / 9) * 5 / 4, (1 - 9 / 40) * 9 / 8]), draw=2)
    got = PresenceRegression(kept, weights, strata).solve(answers)
    ref = naive.stratified(kept, weights, answers, [(range(5), 9), (range(5, 14), 40)], 2)
    np.testing.assert_allclose(got.errors, ref, rtol=1e-6)


def test_an_answer_that_complements_share_adds_no_error(rng):
    halves = rng.random((30, 4)) < 0.5
    kept = np.stack([halves, ~halves], axis=1).reshape(-1, 4)
    even = np.repeat(rng.normal(size=30), 2)[:, None]
    strata = Strata(np.array([0]), np.array([30 / 29]), draw=2)
    got = PresenceRegression(kept, np.ones(60), strata).solve(even)
    np.testing.assert_allclose(got.coefficients, 0.0, atol=1e-12)
    np.testing.assert_allclose(got.errors, 0.0, atol=1e-12)
    alone = PresenceRegression(kept, np.ones(60), Strata.one(60, 4)).solve(even)
    assert (alone.errors > 0.1).all()


@given(cases)
def test_fidelity_is_that_of_really_leaving_one_out(case):
    ref = naive.left_out_r2(case.kept, case.weights, case.answers)
    # A sample that alone holds a unit is foretold by the ridge alone: 1 − h is then of size 1e-8.
    enough = len(case.kept) > 2 * case.kept.shape[1] + 6
    rtol = 1e-6 if enough else 1e-2
    np.testing.assert_allclose(1 - case.fit().fidelity, 1 - ref, rtol=rtol)


def test_fidelity_of_given_coefficients(rng):
    kept = rng.random((40, 3)) < 0.5
    answers = kept @ np.array([1.0, 2.0, 0.0])[:, None] + rng.normal(size=(40, 1))
    regression = PresenceRegression(kept, np.full(40, 1 / 40), Strata.one(40, 3))
    fit = regression.solve(answers)
    # Generalised cross-validation: all leverages are their mean, 4 coefficients of 40 samples.
    same = regression.fidelity(answers, fit.coefficients, fit.intercept)
    left = answers - fit.intercept - kept @ fit.coefficients
    np.testing.assert_allclose(
        same, 1 - (left**2).sum() / 0.9**2 / ((answers - answers.mean())**2).sum(), rtol=1e-6)
    np.testing.assert_allclose(same, fit.fidelity, rtol=0.05)
    worse = regression.fidelity(answers, fit.coefficients + 0.5, fit.intercept)
    assert worse < fit.fidelity
    nothing = regression.fidelity(answers, np.zeros((3, 1)), answers.mean(axis=0))
    assert nothing < 0.0  # Each answer foretold by a mean, counted with the leverages.


@pytest.mark.parametrize("value", [0.0, 1.0, 1e-300, 1e200, -7.7])
def test_a_constant_answer_has_no_fidelity(rng, value):
    kept = rng.random((30, 3)) < 0.5
    got = PresenceRegression(kept, rng.random(30), Strata.one(30, 3)).solve(np.full((30, 1), value))
    assert np.isnan(got.fidelity).all()
    np.testing.assert_array_equal(got.coefficients, 0.0)
    np.testing.assert_array_equal(got.errors, 0.0)
    np.testing.assert_allclose(got.intercept, value, rtol=1e-14)


def test_rounding_noise_on_a_constant_has_no_fidelity(rng):
    kept = rng.random((30, 3)) < 0.5
    answers = 1.0 + rng.integers(-1, 2, size=(30, 1)) * np.finfo(float).eps
    assert np.isnan(PresenceRegression(kept, np.ones(30), Strata.one(30, 3)).solve(answers).fidelity)


def test_as_many_coefficients_as_samples_leave_fidelity_unknown(rng):
    kept = np.tri(5, 4, -1, dtype=bool)
    answers = rng.normal(size=(5, 2))
    assert np.isnan(PresenceRegression(kept, np.ones(5), Strata.one(5, 4)).solve(answers).fidelity).all()
    more = PresenceRegression(kept[:, :3], np.ones(5), Strata.one(5, 3)).solve(answers)
    assert np.isfinite(more.fidelity).all()


def test_a_linear_answer_is_found_whole(rng):
    kept = rng.random((60, 4)) < 0.5
    truth = np.array([1.0, -2.0, 0.0, 5.0])
    got = PresenceRegression(kept, np.ones(60), Strata.one(60, 4)).solve((kept @ truth + 3.0)[:, None])
    np.testing.assert_allclose(got.coefficients[:, 0], truth, atol=1e-6)
    np.testing.assert_allclose(got.intercept, 3.0, atol=1e-6)
    np.testing.assert_allclose(got.fidelity, 1.0, atol=1e-12)


@given(cases)
def test_many_outputs_at_once_are_each_alone(case):
    whole = case.fit()
    for k in range(case.answers.shape[1]):
        alone = case.fit(answers=case.answers[:, [k]])
        # Matrix products of other shapes may add in another order.
        np.testing.assert_allclose(alone.coefficients[:, 0], whole.coefficients[:, k], rtol=1e-9,
                                   atol=1e-12)
        np.testing.assert_allclose(alone.errors[:, 0], whole.errors[:, k], rtol=1e-9, atol=1e-12)
        # A sample that alone holds a unit is left out by a division by some 1e-8.
        np.testing.assert_allclose(alone.fidelity[0], whole.fidelity[k], rtol=1e-5)


@pytest.mark.parametrize("scale", [1e-250, 1e-12, 1e12, 1e250])
@pytest.mark.filterwarnings("error")
def test_huge_and_tiny_answers_scale(rng, scale):
    kept, weights = rng.random((50, 3)) < 0.5, rng.random(50)
    answers = rng.normal(size=(50, 1))
    regression = PresenceRegression(kept, weights, Strata.one(50, 3))
    ref, got = regression.solve(answers), regression.solve(answers * scale)
    np.testing.assert_allclose(got.coefficients / scale, ref.coefficients, rtol=1e-9)
    np.testing.assert_allclose(got.errors / scale, ref.errors, rtol=1e-9)
    np.testing.assert_allclose(got.fidelity, ref.fidelity, rtol=1e-9)


def test_answers_far_from_0_keep_their_digits(rng):
    kept = rng.random((50, 3)) < 0.5
    answers = rng.normal(size=(50, 1)).round(3)
    regression = PresenceRegression(kept, np.ones(50), Strata.one(50, 3))
    ref, got = regression.solve(answers), regression.solve(answers + 1e9)
    # Of 16 digits the offset takes 9.
    np.testing.assert_allclose(got.coefficients, ref.coefficients, atol=1e-6)
    np.testing.assert_allclose(got.errors, ref.errors, atol=1e-6)
    np.testing.assert_allclose(got.fidelity, ref.fidelity, atol=1e-5)


@given(cases, st.floats(1e-200, 1e200))
def test_only_the_proportions_of_weights_count(case, factor):
    ref = case.fit()
    case.weights = case.weights * factor
    got = case.fit()
    np.testing.assert_allclose(got.coefficients, ref.coefficients, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(got.errors, ref.errors, rtol=1e-9, atol=1e-12)


def test_a_unit_that_never_varies_gets_exactly_nothing(rng):
    kept = rng.random((40, 4)) < 0.5
    kept[:, 1], kept[:, 2] = True, False
    answers = rng.normal(size=(40, 1)) + 1e6
    got = PresenceRegression(kept, rng.random(40), Strata.one(40, 4)).solve(answers)
    np.testing.assert_array_equal(got.coefficients[1:3], 0.0)
    np.testing.assert_array_equal(got.errors[1:3], 0.0)
    rest = PresenceRegression(kept[:, [0, 3]], np.ones(40), Strata.one(40, 2)).solve(answers)
    assert np.isfinite(rest.coefficients).all()


def test_equal_units_share(rng):
    kept = np.repeat(rng.random((40, 1)) < 0.5, 2, axis=1)
    answers = kept[:, :1] * 4.0
    got = PresenceRegression(kept, np.ones(40), Strata.one(40, 2)).solve(answers)
    np.testing.assert_allclose(got.coefficients, 2.0, atol=1e-6)


def test_a_unit_that_is_rarely_hidden_is_not_crushed():
    kept, weights = np.array([[True], [False]]), np.array([1.0, 3e-4])
    got = PresenceRegression(kept, weights, Strata.one(2, 1)).solve(np.array([[5.0], [1.0]]))
    np.testing.assert_allclose(got.coefficients, 4.0, rtol=1e-7)
    assert np.isnan(got.errors).all()  # Two samples of two unknowns.


@pytest.mark.parametrize("law", [
    lambda m: uniform_removals(m), lambda m: bernoulli(m),
    lambda m: bernoulli(m) * cosine_kernel(m, 0.25),
])
@pytest.mark.parametrize("m", [1, 2, 4])
def test_all_coalitions_by_a_law_have_its_limit_and_no_error(rng, law, m):
    weights = law(m) / law(m).sum()
    table = rng.normal(size=(2,) * m)
    drawn = draw_by_size(weights, 2**m, np.random.default_rng(0))
    answers = np.array([table[tuple(z)] for z in drawn.kept.astype(int)])[:, None]
    strata = Strata(drawn.starts, drawn.factors, drawn.draw)
    got = PresenceRegression(drawn.kept, drawn.weights, strata).solve(answers)
    intercept, beta = naive.limit(lambda z: table[z], m, weights)
    np.testing.assert_allclose(got.coefficients, beta, atol=1e-4)
    np.testing.assert_allclose(got.intercept, intercept, atol=1e-4)
    np.testing.assert_array_equal(got.errors, 0.0)
