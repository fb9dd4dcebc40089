"""Effects of bins freed of the noise of levels: against least squares written out, and over seeds."""

from __future__ import annotations

import numpy as np
import pytest
import reference_lime as naive
from hypothesis import given
from hypothesis import strategies as st

from xaikit.kernels.levels import add_level_moments, level_forms, level_squares
from xaikit.solvers.levels import Levels, level_effects
from xaikit.solvers.regression import PresenceRegression, Strata

pytestmark = pytest.mark.kernels


class Case:
    """Columns of some levels within and some without, drawn independently."""

    def __init__(self, seed, n_units, n, n_outputs):
        self.rng = np.random.default_rng(seed)
        column, within, share, codes = [], [], [], []
        for c in range(n_units):
            first, counts = len(column), self.rng.integers(1, 4, size=2)
            parts = [self.rng.dirichlet(np.ones(m)) for m in counts]
            column += [c] * int(counts.sum())
            within += [False] * int(counts[0]) + [True] * int(counts[1])
            share += [*parts[0], *parts[1]]
            inside = self.rng.random(n) < 0.6
            codes.append(first + np.where(
                inside, counts[0] + self.rng.choice(counts[1], size=n, p=parts[1]),
                self.rng.choice(counts[0], size=n, p=parts[0])))
        self.levels = Levels(np.array(column), np.array(within), np.array(share))
        self.codes = np.stack(codes, axis=1)
        self.answers = self.rng.normal(size=(n, n_outputs))
        self.answers += self.rng.normal(size=(len(column), n_outputs))[self.codes].sum(axis=1)


cases = st.builds(Case, seed=st.integers(0, 2**32 - 1), n_units=st.integers(1, 4),
                  n=st.integers(40, 80), n_outputs=st.integers(1, 3))


@given(cases)
def test_effects_are_least_squares_written_out(case):
    levels = case.levels
    ref = naive.level_effects(case.codes, levels.column, levels.within, levels.share, case.answers)
    got = level_effects(case.codes, levels, case.answers)
    for one, other in zip(got, ref, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-8)
    weights = case.rng.random(len(case.codes)) + 0.1
    ref = naive.level_effects(case.codes, levels.column, levels.within, levels.share, case.answers,
                              weights=weights)
    for one, other in zip(level_effects(case.codes, levels, case.answers, 7.0 * weights), ref, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-8)


def one_hot(codes, n_levels):
    hot = np.zeros((len(codes), n_levels))
    for i, row in enumerate(codes):
        for code in row:
            hot[i, code] += 1.0
    return hot


@given(cases)
def test_kernels_are_those_of_the_one_hot_matrix(case):
    n_levels, rng = len(case.levels.column), case.rng
    hot = one_hot(case.codes, n_levels)
    gram, moments = np.zeros((n_levels, n_levels)), np.zeros((n_levels, case.answers.shape[1]))
    weights = rng.integers(1, 5, size=len(hot)) / 4.0
    add_level_moments(case.codes, weights, case.answers, gram, moments)
    np.testing.assert_array_equal(np.triu(gram), np.triu(hot.T * weights @ hot))
    np.testing.assert_array_equal(np.tril(gram, -1), 0.0)
    np.testing.assert_allclose(moments, hot.T * weights @ case.answers, atol=1e-12)
    matrix = rng.normal(size=(n_levels, n_levels))
    matrix += matrix.T
    forms = np.empty(len(hot))
    level_forms(case.codes, matrix, forms)
    np.testing.assert_allclose(forms, [h @ matrix @ h for h in hot], atol=1e-12)
    table = rng.normal(size=(n_levels, 2))
    squares = np.ones((2, case.answers.shape[1]))
    level_squares(case.codes, case.answers, table, squares)
    ref = 1.0 + sum(np.outer((h @ table) ** 2, y**2) for h, y in zip(hot, case.answers, strict=True))
    np.testing.assert_allclose(squares, ref, rtol=1e-12)


@given(cases)
def test_many_outputs_at_once_are_each_alone(case):
    whole = level_effects(case.codes, case.levels, case.answers)
    for k in range(case.answers.shape[1]):
        alone = level_effects(case.codes, case.levels, case.answers[:, [k]])
        for one, other in zip(alone, whole, strict=True):
            np.testing.assert_allclose(one[..., 0], other[..., k], rtol=1e-9, atol=1e-12)


def test_a_constant_answer_has_no_effects():
    case = Case(0, 3, 60, 1)
    intercept, values, errors = level_effects(case.codes, case.levels, np.full((60, 1), 7.7))
    np.testing.assert_allclose(intercept, 7.7, rtol=1e-14)
    np.testing.assert_array_equal(values, 0.0)
    np.testing.assert_array_equal(errors, 0.0)


@pytest.mark.parametrize("scale", [1e-250, 1e250])
@pytest.mark.filterwarnings("error")
def test_huge_and_tiny_answers_scale(scale):
    case = Case(1, 3, 60, 2)
    ref = level_effects(case.codes, case.levels, case.answers)
    got = level_effects(case.codes, case.levels, case.answers * scale)
    for one, other in zip(got, ref, strict=True):
        np.testing.assert_allclose(one / scale, other, rtol=1e-9, atol=1e-12)


def test_a_column_that_is_always_within_gets_nothing(rng):
    levels = Levels(np.array([0, 1, 1]), np.array([True, False, True]), np.ones(3))
    codes = np.stack([np.zeros(500, dtype=int), rng.integers(1, 3, size=500)], axis=1)
    answers = 1e3 + 2.0 * (codes[:, 1:] == 2) + rng.normal(size=(500, 1))
    intercept, values, errors = level_effects(codes, levels, answers)
    np.testing.assert_allclose(values[0], 0.0, atol=1e-9)
    np.testing.assert_allclose(errors[0], 0.0, atol=1e-9)
    assert abs(values[1, 0] - 2.0) < 4 * errors[1, 0]
    assert abs(intercept[0] - 1e3) < 1.0


# --- over seeds

SHARES = np.array([0.2, 0.5, 0.3])
CHANCE = 0.6


def sample(seed, n=1500, m=4):
    """Columns of three levels within, three without; answers bend within a bin, and two act as one."""
    rng = np.random.default_rng(seed)
    inside = rng.random((n, m)) < CHANCE
    level = rng.choice(3, p=SHARES, size=(n, m))
    codes = 6 * np.arange(m) + 3 * inside + level
    answers = (np.array([3.0, -1.0, 2.0])[level] * (1 + inside)).sum(axis=1)
    answers += 2.0 * inside[:, 0] * inside[:, 1] + level[:, 2] * inside[:, 3]
    levels = Levels(np.repeat(np.arange(m), 6), np.tile([False] * 3 + [True] * 3, m),
                    np.tile(SHARES, 2 * m))
    return codes, levels, inside, answers[:, None]


def both(seed):
    codes, levels, inside, answers = sample(seed)
    with_levels = level_effects(codes, levels, answers)
    n = len(inside)
    plain = PresenceRegression(inside, np.full(n, 1 / n), Strata.one(*inside.shape)).solve(answers)
    return with_levels[1][:, 0], with_levels[2][:, 0], plain.coefficients[:, 0], plain.errors[:, 0]


# β_j = E[f | z_j = 1] − E[f | z_j = 0] of independent columns.
MEAN = SHARES @ [3.0, -1.0, 2.0]
TRUTH = np.array([MEAN + 2.0 * CHANCE, MEAN + 2.0 * CHANCE, MEAN, MEAN + SHARES @ [0, 1, 2]])


@pytest.fixture(scope="module")
def seeds():
    return tuple(np.array(part) for part in zip(*[both(seed) for seed in range(30)], strict=True))


def test_the_limit_is_that_of_the_masks_alone(seeds):
    values, _, plain, _ = seeds
    for found in (values, plain):
        np.testing.assert_allclose(found.mean(axis=0), TRUTH,
                                   atol=4 * found.std(axis=0, ddof=1).max() / np.sqrt(30))


def test_levels_take_noise_away(seeds):
    values, _, plain, _ = seeds
    assert (values.std(axis=0) < 0.6 * plain.std(axis=0)).all()


def test_errors_are_honest(seeds):
    values, errors, plain, plain_errors = seeds
    for found, stated in ((values, errors), (plain, plain_errors)):
        ratio = stated.mean(axis=0) / found.std(axis=0, ddof=1)
        assert ((ratio > 0.7) & (ratio < 1.6)).all()
        hits = np.abs(found - TRUTH) <= 1.96 * stated
        assert 0.88 <= hits.mean() <= 0.995
