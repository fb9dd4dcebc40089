"""LIME's numbers: golden ones, both ways of sampling, and the reference package."""

from __future__ import annotations

import numpy as np
import pytest
import reference_lime as naive
from lime_cases import ROWS, WAYS, WORDS, X, conjunction, curved, explain, solve, text_model

from xaikit.explainers.lime.lime import LIME
from xaikit.sampling.binned_rows import BinnedRows
from xaikit.sampling.bins import columns_of
from xaikit.sampling.image import ImageMasker
from xaikit.sampling.laws import bernoulli, uniform_removals
from xaikit.sampling.tabular import TabularMasker
from xaikit.sampling.text import TextMasker

pytestmark = pytest.mark.kernels

# --- golden numbers (re-derived by enumeration)


@pytest.mark.parametrize(("d", "p", "inside"), [(5, 2, 0.5), (6, 3, 0.25)])
def test_image_and(d, p, inside):
    found = solve("image", conjunction(list(range(p))), d, 2**d + 1, np.inf)
    np.testing.assert_allclose(found.values[:, 0], [inside] * p + [0.0] * (d - p), atol=1e-7)
    np.testing.assert_array_equal(found.errors, 0.0)


@pytest.mark.parametrize(("d", "p", "inside", "outside"), [
    (10, 2, 0.4888889, -0.0111111), (12, 3, 0.2863636, -0.0136364)])
def test_text_and(d, p, inside, outside):
    found = solve("text", conjunction(list(range(p))), d, 2**d + 1, np.inf)
    np.testing.assert_allclose(found.values[:, 0], [inside] * p + [outside] * (d - p), atol=1e-7)
    some = solve("text", conjunction(list(range(p))), d, 600, np.inf)
    off = np.abs(some.values - found.values)
    assert (off <= 4 * some.errors + 1e-9).all()


@pytest.mark.parametrize("kind", ["image", "text", "table"])
@pytest.mark.parametrize("width", [None, np.inf, 0.4])
@pytest.mark.parametrize("d", [1, 2, 5])
def test_the_limit_is_the_definition_s(kind, width, d):
    """All coalitions, each with its share of the law times the kernel of its mask."""
    table = np.random.default_rng(d).normal(size=(2,) * d)
    game = lambda z: table[tuple(np.asarray(z).astype(int).T)]  # noqa: E731
    law = uniform_removals(d) if kind == "text" else bernoulli(d)
    own = width or (0.75 * np.sqrt(d) if kind == "table" else 0.25)
    shares = law * [naive.kernel_of([1] * k + [0] * (d - k), own, kind) for k in range(d + 1)]
    intercept, beta = naive.limit(lambda z: table[z], d, shares)
    explainer = LIME(discretize=None, kernel_width=width, budget=1000)
    if kind == "table":
        explainer.fit(game, np.zeros((1, d)))
        got = explainer.explain(np.ones((1, d)))
        np.testing.assert_allclose(got.values[0], beta, atol=1e-4)
    found = solve(kind, game, d, 1000, width)
    np.testing.assert_allclose(found.values, beta, atol=1e-4)
    np.testing.assert_allclose(found.base, intercept, atol=1e-4)


def test_a_linear_table_on_quartile_bins():
    rng = np.random.default_rng(1)
    background, slopes = rng.random((4000, 4)), np.array([1.0, -2.0, 3.0, 0.5])
    row = np.array([[0.1, 0.3, 0.6, 0.9]])
    truth = slopes * [-1 / 2, -1 / 6, 1 / 6, 1 / 2]
    for settings in ({}, {"kernel_width": 0.6}, {"sampling": "weighted"}, {"kernel_width": np.inf}):
        got = explain(lambda t: t @ slopes, background, row, discretize="quartile", budget=6000,
                      **settings)
        # The background is a sample too: of 4,000 rows, edges are off by some 0.01.
        off = np.abs(got.values[0, :, 0] - truth)
        assert (off <= 4 * got.standard_errors[0, :, 0] + 0.02 * np.abs(slopes)).all()
    assert got.feature_details["conditions"][0, 0, 0].startswith("x0 <= 0.2")


def test_the_net_of_captum_s_tests():
    # relu(s − 10) + 3(s + 1) − 1, s = Σx, at (20, 50, 30), zeros elsewhere; captum 0.7's own
    # numbers by least squares: 77.5, 197.5, 117.5; units {0, 1} and {2}: 275, 115.
    def net(table):
        s = np.asarray(table, dtype=float).sum(axis=1)
        return np.maximum(s - 10.0, 0.0) + 3.0 * (s + 1.0) - 1.0

    settings = {"discretize": None, "kernel_width": np.inf, "budget": 50}
    row = np.array([[20.0, 50.0, 30.0]])
    got = explain(net, np.zeros((1, 3)), row, **settings)
    np.testing.assert_allclose(got.values[0, :, 0], [77.5, 197.5, 117.5], rtol=1e-7)
    np.testing.assert_allclose(got.base_values, -3.0, rtol=1e-6)
    groups = explain(net, np.zeros((1, 3)), row, groups={"g": [0, 1]}, **settings)
    np.testing.assert_allclose(groups.values[0, :, 0], [275.0, 115.0], rtol=1e-7)


def test_binned_values_are_differences_of_means(rng):
    """Of columns drawn by themselves: β_j = E[f | z_j = 1] − E[f | z_j = 0]."""
    masker = TabularMasker(X)
    binned = BinnedRows(masker.rows(ROWS), columns_of(masker, "quartile", curved(X)[:, None])).row(0)
    width = 0.75 * 2.0
    chances = binned.shares / (binned.shares + (1 - binned.shares) * np.exp(-0.5 / width**2))
    drawn = binned.draw(rng.random((60_000, 4)), chances)
    answers, kept = curved(binned.table(drawn)), binned.kept(drawn)
    ref = [answers[kept[:, u]].mean() - answers[~kept[:, u]].mean() for u in range(4)]
    got = explain(discretize="quartile", budget=6000)
    np.testing.assert_allclose(got.values[0, :, 0], ref, atol=0.03 + 4 * got.standard_errors[0].max())


@pytest.mark.parametrize("sampling", ["kernel", "weighted"])
@pytest.mark.parametrize("width", [0.45, 0.8, np.inf])
def test_the_kernel_of_tables_tilts_the_bins(sampling, width):
    # f = 1 where both columns are in the row's bins: β_0 is the chance that column 1 is in its own,
    # p/(p + (1 − p)ε) with ε = exp(−1/2ν²), and the other way round.
    background = (np.arange(400.0)[:, None] * [1, 7]) % 400
    row = np.array([[50.0, 150.0]])
    model = lambda t: ((t[:, 0] <= 99.75) & (t[:, 1] > 99.75) & (t[:, 1] <= 199.5)).astype(float)  # noqa: E731
    got = explain(model, background, row, discretize="quartile", kernel_width=width, sampling=sampling,
                  budget=4000)
    chance = 0.25 / (0.25 + 0.75 * np.exp(-0.5 / width**2))
    np.testing.assert_allclose(got.values[0, :, 0], chance, atol=4 * got.standard_errors.max() + 0.003)


# --- both ways of sampling


@pytest.mark.parametrize("kind", ["image", "text", "table"])
def test_kernel_and_weighted_sampling_have_one_limit(kind):
    d = 9
    table = np.random.default_rng(3).normal(size=(2,) * d)
    game = lambda z: table[tuple(np.asarray(z).astype(int).T)]  # noqa: E731
    one = solve(kind, game, d, 600)
    other = solve(kind, game, d, 30_000, sampling="weighted")
    assert (np.abs(one.values - other.values) <= 4 * np.hypot(one.errors, other.errors)).all()
    assert one.errors.mean() < solve(kind, game, d, 600, sampling="weighted").errors.mean()


@pytest.mark.parametrize("discretize", ["quartile", None])
def test_both_ways_agree_on_tables(discretize):
    one = explain(discretize=discretize, budget=4000)
    other = explain(discretize=discretize, budget=12_000, sampling="weighted")
    off = np.abs(one.values - other.values)
    assert (off <= 4.5 * np.hypot(one.standard_errors, other.standard_errors)).all()


@pytest.mark.statistics
def test_errors_over_seeds_are_those_stated():
    for settings in WAYS:
        found = [explain(random_state=seed, **settings) for seed in range(30)]
        values = np.stack([e.values for e in found])
        stated = np.mean([e.standard_errors for e in found], axis=0)
        ratio = stated / np.maximum(values.std(axis=0, ddof=1), 1e-12)
        # Points that fill the cube evenly do better than stated, never worse.
        assert 0.75 < np.median(ratio) < 2.5, settings


# --- against the reference package


def quartile_steps(background):
    edges = np.quantile(background, [0.25, 0.5, 0.75], axis=0)
    levels = np.random.default_rng(5).normal(size=(background.shape[1], 4))

    def model(table):
        table = np.asarray(table)
        steps = [levels[c][np.searchsorted(edges[:, c], table[:, c])] for c in range(table.shape[1])]
        return np.sum(steps, axis=0) + steps[0] * steps[1]
    return model


def test_lime_on_a_table():
    lime = pytest.importorskip("lime.lime_tabular", reason="lime is not installed")
    background = np.random.default_rng(2).random((2000, 4))
    model, row = quartile_steps(background), background[7]
    theirs = lime.LimeTabularExplainer(background, mode="regression", discretizer="quartile",
                                       random_state=0)
    (_, pairs), = [item for item in theirs.explain_instance(
        row, model, num_features=4, num_samples=20_000).local_exp.items() if item[0] == 1]
    ref = np.array([dict(pairs)[c] for c in range(4)])
    got = explain(model, background, row[None], discretize="quartile", budget=8000)
    spread = explain(model, background, row[None], discretize="quartile", budget=20_000,
                     sampling="weighted").standard_errors[0, :, 0]
    np.testing.assert_allclose(got.values[0, :, 0], ref, atol=4 * spread.max())


def test_lime_on_a_text():
    lime = pytest.importorskip("lime.lime_text", reason="lime is not installed")
    theirs = lime.LimeTextExplainer(random_state=0)
    found = theirs.explain_instance(" ".join(WORDS), text_model, num_features=len(WORDS),
                                    num_samples=10_000)
    ref = dict(found.as_list())
    got = explain(text_model, TextMasker(), " ".join(WORDS), budget=4000)
    ours = dict(zip(got.feature_names, got.values[0, :, 1], strict=True))
    assert set(ref) == set(ours)
    for word in WORDS:
        assert abs(ref[word] - ours[word]) < 0.02


def test_lime_on_an_image():
    lime = pytest.importorskip("lime.lime_image", reason="lime is not installed")
    rng = np.random.default_rng(4)
    image, labels = rng.random((12, 16, 3)), np.kron(np.arange(12).reshape(3, 4), np.ones((4, 4), int))

    def model(images):
        cells = np.stack([images[:, labels == u].mean(axis=(1, 2)) for u in range(12)], axis=1)
        return np.stack([cells @ np.arange(12) / 10 + 3 * cells[:, 0] * cells[:, 5],
                         cells[:, 3] ** 2], axis=1)

    theirs = lime.LimeImageExplainer(random_state=0)
    found = theirs.explain_instance(
        image, model, labels=(0, 1), top_labels=None, hide_color=0, num_features=12,
        num_samples=6000, segmentation_fn=lambda x: labels, random_seed=0)
    got = explain(model, ImageMasker(labels, baseline=0), image[None], budget=3000)
    for k in range(2):
        ref = np.array([dict(found.local_exp[k])[u] for u in range(12)])
        np.testing.assert_allclose(got.values[0, :, k], ref, atol=0.05 * np.abs(ref).max())
