"""Coalitions drawn by a law of their size: shares, pairs, nesting, honest errors, golden limits."""

from __future__ import annotations

from functools import cache
from math import comb, exp

import numpy as np
import pytest
import reference_lime as naive

from xaikit.sampling.coalitions import all_coalitions, pack
from xaikit.sampling.laws import (
    bernoulli,
    cosine_kernel,
    draw_by_size,
    hidden_kernel,
    uniform_removals,
)
from xaikit.solvers.regression import PresenceRegression, Strata

LAWS = {
    "image": lambda m: bernoulli(m) * cosine_kernel(m, 0.25),
    "flat": bernoulli,
    "text": lambda m: uniform_removals(m) * cosine_kernel(m, 0.25),
    "removals": uniform_removals,
    "table": lambda m: bernoulli(m) * hidden_kernel(m, 0.75 * np.sqrt(m)),
}
SIZES = [1, 2, 3, 64, 300]


def law_of(name, m):
    law = LAWS[name](m)
    return law / law.sum()


def draw(name, m, n, seed=0, **settings):
    return draw_by_size(law_of(name, m), n, np.random.default_rng(seed), **settings)


def names(kept):
    return [bytes(row) for row in pack(kept)]


def by_size(drawn, m):
    return np.bincount(drawn.kept.sum(axis=1), weights=drawn.weights, minlength=m + 1)


# --- shares

@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("m", SIZES)
@pytest.mark.parametrize("n", [10, 511, 2048])
def test_weights_are_shares_of_the_law(name, m, n):
    law, drawn = law_of(name, m), draw(name, m, n)
    assert len(drawn.kept) == len(drawn.weights) == len(drawn.ranks) == len(drawn.sizes) <= n
    np.testing.assert_allclose(drawn.weights.sum(), 1.0, rtol=1e-12)
    assert (drawn.weights > 0.0).all()
    np.testing.assert_array_equal(drawn.sizes, drawn.kept.sum(axis=1))
    found, there = by_size(drawn, m), np.array([float(comb(m, s)) for s in range(m + 1)])
    # Sizes of which the law wants all there are have their share of it exactly.
    whole = (law * n >= there) & (law > 0.0)
    np.testing.assert_allclose(found[whole], law[whole], rtol=1e-9)
    # Systematic: of others as many as the law says, give or take one draw (of a pair, two).
    each = drawn.weights.max() * drawn.draw if whole.all() else \
        drawn.draw * (1.0 - law[whole].sum()) / max(1.0, n - drawn.draw - there[whole].sum())
    np.testing.assert_allclose(found, law, atol=1.0001 * each)


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("m", SIZES)
def test_no_coalition_twice(name, m):
    drawn = draw(name, m, 700)
    assert len(set(names(drawn.kept))) == len(drawn.kept)


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("m", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("more", [0, 1, 500])
def test_enough_samples_enumerate(name, m, more):
    law, drawn = law_of(name, m), draw(name, m, 2**m + more)
    assert sorted(names(drawn.kept)) == sorted(names(all_coalitions(m)[law[all_coalitions(m).sum(axis=1)] > 0]))
    each = np.array([law[s] / comb(m, s) for s in drawn.kept.sum(axis=1)])
    np.testing.assert_allclose(drawn.weights, each, rtol=1e-12)
    np.testing.assert_array_equal(drawn.factors, 0.0)


@pytest.mark.parametrize("m", [2, 3, 12, 65])
@pytest.mark.parametrize("n", [9, 100])
def test_symmetric_laws_come_in_complementary_pairs(m, n):
    drawn = draw("flat", m, n)
    assert drawn.draw == 2
    np.testing.assert_array_equal(drawn.kept[0::2], ~drawn.kept[1::2])
    np.testing.assert_array_equal(drawn.weights[0::2], drawn.weights[1::2])
    np.testing.assert_allclose(drawn.weights @ drawn.kept, 0.5, rtol=1e-12)
    assert draw("text", m, n).draw == draw("image", m, n).draw == 1


@pytest.mark.parametrize("name", LAWS)
def test_same_seed_same_bytes(name):
    one, two = draw(name, 30, 600, seed=3), draw(name, 30, 600, seed=3)
    for field in ("kept", "weights", "ranks", "sizes", "starts", "drawn", "available"):
        assert getattr(one, field).tobytes() == getattr(two, field).tobytes()
    assert names(draw(name, 30, 600, seed=4).kept) != names(one.kept)


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("m", [12, 64, 300])
def test_a_small_draw_is_in_a_larger_one(name, m):
    small, large = draw(name, m, 512), draw(name, m, 1024)
    assert len(set(names(small.kept)) - set(names(large.kept))) <= 0.02 * 512
    # A coalition has the same rank in both, so that it keeps its stand-in.
    ranks = dict(zip(names(large.kept), large.ranks, strict=True))
    for name_, rank in zip(names(small.kept), small.ranks, strict=True):
        assert ranks.get(name_, rank) == rank


@pytest.mark.parametrize("name", LAWS)
def test_units_of_a_size_come_about_equally_often(name):
    drawn = draw(name, 24, 1000)
    for size in np.unique(drawn.sizes):
        counts = drawn.kept[drawn.sizes == size].sum(axis=0)
        # Random orders are cut into coalitions: apart by chance only where an order is cut off.
        assert np.ptp(counts) <= max(4.0, 5.0 * np.sqrt(counts.mean() + 1.0))


def test_sizes_that_the_law_leaves_out_are_never_drawn():
    law = np.zeros(65)
    law[64], law[63] = 0.5, 0.5
    drawn = draw_by_size(law, 500, np.random.default_rng(0))
    assert sorted(drawn.sizes) == [63] * 64 + [64]
    alone = draw_by_size(np.array([0.0, 0.0, 1.0]), 5, np.random.default_rng(0))
    assert alone.kept.tolist() == [[True, True]]


def test_coalitions_without_one_answer_come_round_again():
    drawn = draw("table", 3, 500, distinct=False)
    assert len(drawn.kept) == 500
    assert len(set(names(drawn.kept))) == 8
    np.testing.assert_allclose(drawn.weights, 1 / 500)
    np.testing.assert_allclose(by_size(drawn, 3), law_of("table", 3), atol=1.001 / 500)
    for size in range(4):
        # Ranks go on, so that each time another stand-in is chosen; all coalitions as often.
        own = drawn.sizes == size
        np.testing.assert_array_equal(drawn.ranks[own], np.arange(own.sum()))
        assert np.ptp(np.unique(pack(drawn.kept[own]), return_counts=True)[1]) <= 1
    assert (drawn.factors > 1.0).all()


# --- strata

@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("m", [2, 3, 5, 12, 64])
@pytest.mark.parametrize("n", [6, 9, 13, 14, 30])
def test_strata_cover_all_draws_and_their_factors_are_known(name, m, n):
    drawn = draw(name, m, n)
    sizes = np.diff(np.append(drawn.starts, len(drawn.kept) // drawn.draw))
    np.testing.assert_array_equal(sizes, drawn.drawn)
    assert (drawn.drawn <= drawn.available).all()
    assert np.isfinite(drawn.factors).all() or len(drawn.starts) == 1
    assert ((drawn.factors > 0.0) == (drawn.drawn < drawn.available)).all()


class Quadratic:
    """A random game of pairs and a bent sum."""

    def __init__(self, m, seed):
        rng = np.random.default_rng(seed)
        self.single, self.bent = rng.normal(size=m), rng.normal(size=m)
        self.pairs = rng.normal(size=(m, m)) / np.sqrt(m)

    def __call__(self, kept):
        kept = np.asarray(kept, dtype=float)
        return (kept @ self.single + ((kept @ self.pairs) * kept).sum(axis=1)
                + 2.0 * np.tanh(kept @ self.bent))[:, None]


def fitted(drawn, game):
    strata = Strata(drawn.starts, drawn.factors, drawn.draw)
    return PresenceRegression(drawn.kept, drawn.weights, strata).solve(game(drawn.kept))


GAMES = 40


@cache
def limits(name, m):
    """The regression on all coalitions, for all games at once: (GAMES, m)."""
    kept = all_coalitions(m)
    each = np.array([law_of(name, m)[s] / comb(m, s) for s in range(m + 1)])[kept.sum(axis=1)]
    answers = np.concatenate([Quadratic(m, seed)(kept) for seed in range(GAMES)], axis=1)
    return PresenceRegression(kept, each, Strata.one(*kept.shape)).solve(answers).coefficients.T


def hits(name, m, n):
    """How often the intervals of random games hold the limit."""
    found = []
    for seed, limit in enumerate(limits(name, m)):
        fit = fitted(draw(name, m, n, seed=seed), Quadratic(m, seed))
        found.append(np.abs(fit.coefficients[:, 0] - limit) <= 1.96 * fit.errors[:, 0])
    return np.mean(found)


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize(("m", "n"), [(8, 80), (12, 200), (12, 600)])
def test_intervals_cover_the_limit(name, m, n):
    # 40 games of m units: 95 % give or take 3 for chance, and a little for strata of few draws.
    assert 0.90 <= hits(name, m, n) <= 0.99


@pytest.mark.parametrize("name", ["flat", "text", "image"])
def test_intervals_of_few_samples_are_not_blind(name):
    assert 0.86 <= hits(name, 12, 48) <= 0.995


def test_pairs_have_smaller_errors_than_samples_alone():
    squares = {True: [], False: []}
    for seed, limit in enumerate(limits("flat", 10)):
        for paired in squares:
            # A law that is symmetric but for a hair is drawn without pairs.
            skewed = law_of("flat", 10) * (1.0 if paired else np.linspace(1.0, 1.0 + 1e-6, 11))
            drawn = draw_by_size(skewed / skewed.sum(), 200, np.random.default_rng(seed))
            assert drawn.draw == (2 if paired else 1)
            fit = fitted(drawn, Quadratic(10, seed))
            squares[paired].append((fit.coefficients[:, 0] - limit) ** 2)
    assert np.mean(squares[True]) < 0.8 * np.mean(squares[False])


# --- golden numbers of the definition, by enumeration

def both(m, words):
    return lambda kept: np.asarray(kept)[:, words].all(axis=1).astype(float)[:, None]


@pytest.mark.parametrize(("m", "p", "inside"), [(5, 2, 0.5), (6, 3, 0.25)])
def test_image_and(m, p, inside):
    found = fitted(draw("flat", m, 2**m), both(m, range(p))).coefficients[:, 0]
    np.testing.assert_allclose(found, [inside] * p + [0.0] * (m - p), atol=1e-7)


@pytest.mark.parametrize(("m", "p", "inside", "outside"), [
    (10, 2, 0.4888889, -0.0111111), (12, 3, 0.2863636, -0.0136364)])
def test_text_and(m, p, inside, outside):
    found = fitted(draw("removals", m, 2**m), both(m, range(p))).coefficients[:, 0]
    np.testing.assert_allclose(found, [inside] * p + [outside] * (m - p), atol=1e-7)


@pytest.mark.parametrize("p", [2, 3])
def test_text_and_of_many_words(p):
    inside = []
    for m in (40, 160):
        drawn = draw("removals", m, 8000)
        found = fitted(drawn, both(m, range(p)))
        inside.append(found.coefficients[:p, 0].mean())
        limit = 6 / ((p + 1) * (p + 2))
        assert abs(inside[-1] - limit) < 4.0 / m + 3.0 * found.errors[:p].mean()


def test_the_net_of_captum_s_tests():
    # relu(s − 10) + 3(s + 1) − 1, s = Σx, x = (20, 50, 30), zeros where hidden: least squares on all
    # masks is 77.5, 197.5, 117.5 and −3; with units {0, 1} and {2}: 275 and 115.
    def net(x):
        s = x.sum(axis=1)
        return (np.maximum(s - 10.0, 0.0) + 3.0 * (s + 1.0) - 1.0)[:, None]

    x = np.array([20.0, 50.0, 30.0])
    found = fitted(draw("flat", 3, 8), lambda kept: net(kept * x))
    np.testing.assert_allclose(found.coefficients[:, 0], [77.5, 197.5, 117.5], rtol=1e-7)
    np.testing.assert_allclose(found.intercept, -3.0, rtol=1e-6)
    groups = np.array([[1, 1, 0], [0, 0, 1]])
    found = fitted(draw("flat", 2, 4), lambda kept: net(kept @ groups * x))
    np.testing.assert_allclose(found.coefficients[:, 0], [275.0, 115.0], rtol=1e-7)


# --- laws and kernels

@pytest.mark.parametrize("m", [1, 2, 5, 9])
def test_kernels_are_the_definition_s(m):
    for kept in range(m + 1):
        mask = [1] * kept + [0] * (m - kept)
        assert cosine_kernel(m, 0.25)[kept] == pytest.approx(naive.kernel_of(mask, 0.25, "text"))
        assert hidden_kernel(m, 0.7)[kept] == pytest.approx(naive.kernel_of(mask, 0.7, "table"))
    np.testing.assert_array_equal(cosine_kernel(m, np.inf), 1.0)
    np.testing.assert_array_equal(hidden_kernel(m, np.inf), 1.0)
    assert hidden_kernel(m, 0.5)[0] == pytest.approx(exp(-m / 0.5))


@pytest.mark.parametrize("m", SIZES)
def test_laws_sum_to_1(m):
    np.testing.assert_allclose(bernoulli(m).sum(), 1.0)
    np.testing.assert_allclose(bernoulli(m, 0.2) @ np.arange(m + 1), 0.2 * m)
    np.testing.assert_allclose(uniform_removals(m).sum(), 1.0)
    if m > 1:
        assert uniform_removals(m)[-1] == 0.0
        np.testing.assert_allclose(uniform_removals(m)[:-1], 1.0 / m)


def test_a_unit_alone_is_compared_with_nothing():
    np.testing.assert_array_equal(uniform_removals(1), [0.5, 0.5])
