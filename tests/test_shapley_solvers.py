"""Tests of the Shapley solvers: games whose answer is known, and the naive twins."""

from __future__ import annotations

import numpy as np
import pytest
import reference

from xaikit.sampling.coalitions import all_coalitions, paired_coalitions
from xaikit.solvers.shapley import (
    PairedLeastSquares,
    exact_from_all,
    explained,
    shapley_weights,
)


def table_of(v, n_units):
    return np.array([np.atleast_1d(v(tuple(np.flatnonzero(z)))) for z in all_coalitions(n_units)],
                    dtype=float)


def glove(s):
    return min(0 in s, (1 in s) + (2 in s))


def airport(s):
    return max([(1, 2, 3)[i] for i in s], default=0)


def unanimity(s):
    return float({0, 2, 3} <= set(s))


def polynomial(n_units, order, rng, n_outputs=1):
    """A game with a random term for every set of at most `order` units."""
    terms = [(s, rng.normal(size=n_outputs)) for s in reference.subsets(range(n_units))
             if len(s) <= order]

    def v(s):
        return sum((term for t, term in terms if set(t) <= set(s)), np.zeros(n_outputs))

    def values(kept):
        inside = np.array([kept[:, list(t)].all(axis=1) for t, _ in terms])
        return inside.T @ np.array([term for _, term in terms])

    v.values = values
    return v


def solve(v, n_units, n_pairs, seed=0):
    pairs = paired_coalitions(n_units, n_pairs, np.random.default_rng(seed))
    ends = v.values(np.array([[True] * n_units, [False] * n_units]))
    differences = v.values(pairs.kept) - v.values(~pairs.kept)
    return PairedLeastSquares.of([pairs]), differences, ends[0] - ends[1]


def solved(design, differences, total):
    """Values, standard errors and fidelity of a design with one set of pairs."""
    values, variances, unexplained = design.solve(differences[None], total[None])
    fidelity = explained(values[0], unexplained[0], 1e-13 * np.abs(differences).max(axis=0))
    return values[0], np.sqrt(variances[0]), fidelity


# Golden games: Shapley values worked out in textbooks (glove and unanimity: Shapley 1953; airport:
# Littlechild & Owen 1973).
@pytest.mark.parametrize(("v", "n", "golden"), [
    (glove, 3, [2 / 3, 1 / 6, 1 / 6]),
    (airport, 3, [1 / 3, 5 / 6, 11 / 6]),
    (unanimity, 5, [1 / 3, 0, 1 / 3, 1 / 3, 0]),
])
@pytest.mark.parametrize("solver", [
    reference.shapley, reference.shapley_by_orders, reference.kernel_shap,
    lambda v, n: exact_from_all(table_of(v, n)),
])
def test_golden_games(v, n, golden, solver):
    got = np.ravel(solver(lambda s: np.array([float(v(s))]), n))
    np.testing.assert_allclose(got, golden, atol=1e-12)


@pytest.mark.parametrize("n_players", [0, 1, 2, 5, 12])
def test_shapley_weights(n_players):
    for ref, got in zip(reference.shapley_weights(n_players), shapley_weights(n_players),
                        strict=True):
        # gammaln is good to some 1e-15 relative of a logarithm of up to 20.
        np.testing.assert_allclose(got, ref, rtol=1e-13)


def test_shapley_weights_of_many_players_do_not_overflow():
    gain, loss = shapley_weights(300)
    assert np.isfinite(gain).all()
    assert np.isfinite(loss).all()
    # A lone player's first step: 0!(d−1)!/d! = 1/d.
    np.testing.assert_allclose(gain[300, 1], 1 / 300, rtol=1e-12)


@pytest.mark.parametrize("n_units", [1, 2, 4, 6])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_exact_from_all(rng, n_units, n_outputs):
    v = polynomial(n_units, n_units, rng, n_outputs)
    ref = reference.shapley(v, n_units)
    np.testing.assert_allclose(ref, reference.shapley_by_orders(v, n_units), atol=1e-12)
    np.testing.assert_allclose(exact_from_all(table_of(v, n_units)), ref, atol=1e-12)


@pytest.mark.parametrize("n_units", range(2, 9))
def test_all_pairs_give_the_exact_values(rng, n_units):
    v = polynomial(n_units, n_units, rng, n_outputs=2)
    ref = reference.shapley(v, n_units)
    np.testing.assert_allclose(reference.kernel_shap(v, n_units), ref, atol=1e-9)
    design, differences, total = solve(v, n_units, 2 ** (n_units - 1) - 1)
    got, errors, fidelity = solved(design, differences, total)
    np.testing.assert_allclose(got, ref, atol=1e-10)
    np.testing.assert_array_equal(errors, 0.0)
    assert (fidelity <= 1.0).all()


@pytest.mark.parametrize("n_units", [2, 3, 5, 8, 12, 20, 65])
@pytest.mark.parametrize("more", [1, 2, 4])
def test_interactions_of_two_are_exact_from_one_paired_pass(rng, n_units, more):
    first = rng.normal(size=n_units)
    second = np.triu(rng.normal(size=(n_units, n_units)), 1)

    def v(kept):
        z = kept.astype(float)
        return (z @ first + np.einsum("ni,ij,nj->n", z, second, z))[:, None]

    v.values = v
    ref = first + (second.sum(axis=0) + second.sum(axis=1)) / 2
    design, differences, total = solve(v, n_units, min(more * n_units, 2 ** (n_units - 1) - 1))
    got, errors, fidelity = solved(design, differences, total)
    # A solve with a condition number in the hundreds.
    np.testing.assert_allclose(got[:, 0], ref, atol=1e-9)
    if np.all(design.pairs.drawn[1:] >= np.minimum(2, design.pairs.available[1:])):
        np.testing.assert_allclose(errors, 0.0, atol=1e-9)
    else:  # a size never asked, or once: its spread is not known
        assert np.isnan(errors).all()
    np.testing.assert_allclose(fidelity, 1.0, atol=1e-9)


@pytest.mark.parametrize(("n_units", "n_pairs"), [(4, 6), (5, 10), (6, 14), (7, 20), (9, 40), (12, 30)])
def test_paired_least_squares(rng, n_units, n_pairs):
    v = polynomial(n_units, 3, rng, n_outputs=2)
    design, differences, total = solve(v, n_units, n_pairs)
    found = design.solve(differences[None], total[None])
    for k in range(2):
        ref = reference.solve_pairs(design.pairs, differences[:, k], total[k])
        for got, wanted in zip((array[0][..., k] for array in found), ref, strict=True):
            # Cholesky in one, a pseudo-inverse in the other.
            np.testing.assert_allclose(got, wanted, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(("n_units", "n_pairs"), [(3, 3), (6, 13), (10, 60)])
def test_the_design_by_its_definition(n_units, n_pairs):
    pairs = paired_coalitions(n_units, n_pairs, np.random.default_rng(1))
    got = PairedLeastSquares.of([pairs])
    projected, gram = reference.gram(pairs.kept, pairs.weights)
    inverse = np.linalg.pinv(gram, rcond=1e-10)
    np.testing.assert_allclose(got.projected[0], projected, atol=1e-13)
    np.testing.assert_allclose(got.inverse[0], inverse, rtol=1e-8, atol=1e-8 * np.abs(inverse).max())
    ref = [w * t @ inverse @ t for w, t in zip(pairs.weights, projected, strict=True)]
    np.testing.assert_allclose(got.leverages[0], ref, atol=1e-9)
    # The trace of a projection is its rank.
    np.testing.assert_allclose(got.leverages.sum(), n_units - 1, atol=1e-9)


def test_values_add_up_whatever_was_drawn(rng):
    v = polynomial(9, 4, rng, n_outputs=2)
    for n_pairs in (9, 18, 40, 255):
        design, differences, total = solve(v, 9, n_pairs)
        values, _, fidelity = solved(design, differences, total)
        np.testing.assert_allclose(values.sum(axis=0), total, atol=1e-11)
        # Equal shares are among what least squares can choose.
        assert ((fidelity >= 0.0) & (fidelity <= 1.0)).all()


def test_outputs_are_solved_each_for_itself(rng):
    v = polynomial(8, 4, rng, n_outputs=3)
    design, differences, total = solve(v, 8, 30)
    together = solved(design, differences, total)
    for k in range(3):
        alone = solved(design, differences[:, [k]], total[[k]])
        for a, b in zip(together, alone, strict=True):
            np.testing.assert_allclose(a[..., k], b[..., 0], rtol=1e-9, atol=1e-12)


def test_what_given_values_leave(rng):
    v = polynomial(6, 3, rng)
    design, differences, total = solve(v, 6, 31)
    values, _, unexplained = design.solve(differences[None], total[None])
    left = design.unexplained(values, differences[None], total[None])
    # All pairs were drawn, so the fit needs no correction and is the best there is.
    np.testing.assert_allclose(left, unexplained, rtol=1e-12)
    assert (design.unexplained(1.1 * values, differences[None], total[None]) > left).all()
    # What the values explain and what they leave is all there is, compared with equal shares.
    equal = design.unexplained(np.full((1, 6, 1), total / 6), differences[None], total[None])
    np.testing.assert_allclose(explained(values[0], left[0], 0.0), 1.0 - (left / equal)[0],
                               rtol=1e-12)


def test_sets_are_solved_each_for_itself(rng):
    v = polynomial(9, 4, rng, n_outputs=2)
    sets = [paired_coalitions(9, 40, np.random.default_rng(seed)) for seed in range(3)]
    ends = v.values(np.array([[True] * 9, [False] * 9]))
    differences = np.stack([v.values(p.kept) - v.values(~p.kept) for p in sets])
    totals = np.tile(ends[0] - ends[1], (3, 1))
    design = PairedLeastSquares.of(sets)
    together = design.solve(differences, totals)
    some = design.take(np.array([2])).solve(differences[2:], totals[2:])
    for g in range(3):
        alone = PairedLeastSquares.of([sets[g]]).solve(differences[[g]], totals[[g]])
        for a, b in zip(together, alone, strict=True):
            np.testing.assert_allclose(a[g], b[0], rtol=1e-9, atol=1e-12)
    for a, b in zip(together, some, strict=True):
        np.testing.assert_allclose(a[2], b[0], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("constant", [0.0, 7.0, 1e9])
def test_fidelity_where_nothing_is_left_to_explain(constant):
    design, differences, total = solve(_constant(constant), 6, 20)
    values, errors, fidelity = solved(design, differences, total)
    np.testing.assert_array_equal(values, 0.0)
    np.testing.assert_array_equal(errors, 0.0)
    assert np.isnan(fidelity).all()


def _constant(value):
    def v(s):
        return np.array([value])

    v.values = lambda kept: np.full((len(kept), 1), value)
    return v


def test_too_few_pairs_are_said_to_be_too_few():
    pairs = paired_coalitions(10, 200, np.random.default_rng(0))
    few = type(pairs)(pairs.kept[:3], pairs.weights[:3], pairs.strata[:3], pairs.drawn,
                      pairs.available)
    with pytest.raises(ValueError, match="3 pairs of coalitions do not determine the values of 10 units"):
        PairedLeastSquares.of([few])


@pytest.mark.parametrize(("n_units", "n_pairs"), [(8, 30), (10, 80)])
def test_standard_errors_are_honest(n_units, n_pairs):
    """Cover the exact values of a third-order game in 95 of 100 draws, more or less.

    Two hundred draws with 8 or 10 units each are correlated within a draw; a binomial with 200 cases
    has a standard deviation of .015, so .88 to .99 is generous on both sides. Without the
    finite-population correction the half-enumerated design covers nearly everything with errors
    far too large: the mean z² says so.
    """
    v = polynomial(n_units, 3, np.random.default_rng(5))
    ref = reference.shapley(v, n_units)[:, 0] if n_units <= 8 else exact_from_all(
        v.values(all_coalitions(n_units)))[:, 0]
    z = []
    for seed in range(200):
        design, differences, total = solve(v, n_units, n_pairs, seed)
        values, errors, _ = solved(design, differences, total)
        z.append((values[:, 0] - ref) / errors[:, 0])
    z = np.array(z)
    assert 0.88 <= (np.abs(z) < 1.96).mean() <= 0.99
    assert 0.6 <= (z**2).mean() <= 1.6
    # Unbiased: the mean z of each unit is within four of its standard deviations.
    assert np.abs(z.mean(axis=0)).max() < 4 * z.std() / np.sqrt(len(z))


def test_errors_halve_with_four_times_the_pairs(rng):
    v = polynomial(14, 3, rng)
    typical = []
    for n_pairs in (60, 240):
        design, differences, total = solve(v, 14, n_pairs)
        typical.append(np.sqrt((solved(design, differences, total)[1] ** 2).mean()))
    # 2 in the limit of many pairs; small samples and enumerated strata push it up.
    assert 1.6 < typical[0] / typical[1] < 4.0
