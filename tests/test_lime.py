"""LIME: golden numbers, agreement with the reference package, honest limits, and bad input."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import reference
import reference_lime as naive
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import xaikit as xk
from xaikit.errors import ModelError
from xaikit.explainers.games import Turn
from xaikit.explainers.lime.lime import LIME
from xaikit.explainers.lime.masks import MaskSolver
from xaikit.sampling.bins import BinnedRows, columns_of
from xaikit.sampling.image import ImageMasker
from xaikit.sampling.laws import bernoulli, uniform_removals
from xaikit.sampling.local import local_weights
from xaikit.sampling.tabular import TabularMasker
from xaikit.sampling.text import TextMasker

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4))
ROWS = X[:3] + 0.1
WAYS = [{"discretize": "quartile"}, {"discretize": "tree"}, {"discretize": None},
        {"discretize": None, "sampling": "weighted"},
        {"discretize": "decile", "sampling": "weighted"}]


def curved(table):
    # Column by column: the same to the last bit in batches of any size.
    t = np.asarray(table, dtype=float)
    return np.sin(t[:, 0]) + t[:, 0] * t[:, 1] - (t[:, 2] > 0.3)


def two(table):
    t = np.asarray(table, dtype=float)
    return np.stack([curved(t), t[:, 3] ** 2 - t[:, 1]], axis=1)


def explain(model=curved, background=X, rows=ROWS, **settings):
    settings.setdefault("random_state", 0)
    settings.setdefault("budget", 400)
    return LIME(**settings).fit(model, background).explain(rows)


def solve(kind, game, n_units, budget, width=None, sampling="kernel"):
    """LIME on a game of n_units that are shown (1) or hidden (0)."""
    masker = TabularMasker(np.zeros((1, n_units)))
    explainer = xk.KernelSHAP().fit(game, masker)
    (one,) = explainer.games(np.ones((1, n_units)))
    return MaskSolver(kind, budget, sampling, width, 0)(one, Turn(0, 1, 0.0))


def conjunction(words):
    return lambda z: np.asarray(z)[:, words].all(axis=1).astype(float)


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
    assert got.feature_details["conditions"][0, 0].startswith("x0 <= 0.2")


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
    binned = BinnedRows(masker.rows(ROWS), columns_of(masker, "quartile", curved(X)[:, None]))[0]
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


WORDS = ["a", "really", "fine", "and", "moving", "film", "that", "never", "once", "felt", "too", "long"]


def text_model(texts):
    """A bag of words with an interaction."""
    sets = [set(text.split()) for text in texts]
    p = np.array([0.4 * ("fine" in s) + 0.3 * ({"never", "long"} <= s) - 0.2 * ("too" in s)
                  for s in sets])
    return np.stack([1 - p, p], axis=1)


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


# --- texts and images

def test_a_bag_of_words_is_found_whole():
    weights = {"good": 2.0, "bad": -3.0, "film": 0.5}
    model = lambda texts: np.array(  # noqa: E731
        [sum(weights.get(w, 0.0) for w in t.replace(".", " ").split()) for t in texts])
    texts = ["a good film.", "bad, but a good bad film", "good"]
    got = explain(model, TextMasker(), texts)
    for i, text in enumerate(texts):
        own = got[i]
        expected = [weights.get(name.split()[0], 0.0) for name in own.feature_names]
        # A comma sticks to a word where the model cuts, not where the masker does.
        if "," not in text:
            np.testing.assert_allclose(own.values[0, :, 0], expected, atol=1e-4)
            # Of one word there are two texts, and as many coefficients.
            np.testing.assert_allclose(own.fidelity, np.nan if text == "good" else 1.0, atol=1e-6)


def test_a_text_of_one_word_and_none():
    got = explain(lambda texts: np.array([3.0 + 2.0 * ("yes" in t) for t in texts]), TextMasker(), "yes")
    np.testing.assert_allclose(got.values, 2.0, rtol=1e-4)
    np.testing.assert_allclose(got.base_values, 3.0, rtol=1e-4)
    assert got.details["model_rows"] <= 2
    for text in ("", "  ", "!?"):
        with pytest.raises(ValueError, match="text 0 has no words"):
            explain(lambda texts: np.array([float(len(t)) for t in texts]), TextMasker(), [text])


@pytest.mark.parametrize("budget", [40, 300])
def test_an_image_linear_in_its_pixels(rng, budget):
    image, slopes = rng.random((8, 8)), rng.normal(size=(8, 8))
    labels = np.kron(np.arange(16).reshape(4, 4), np.ones((2, 2), int))
    baseline = rng.random((8, 8))
    model = lambda images: (images * slopes).sum(axis=(1, 2))  # noqa: E731
    got = explain(model, ImageMasker(labels, baseline=baseline, channels="grey"), image[None],
                  budget=budget)
    truth = [((image - baseline) * slopes)[labels == u].sum() for u in range(16)]
    np.testing.assert_allclose(got.values[0, :, 0], truth, atol=1e-5)
    np.testing.assert_allclose(got.base_values, (baseline * slopes).sum(), atol=1e-5)
    np.testing.assert_allclose(got.fidelity, 1.0, atol=1e-6)
    np.testing.assert_allclose(got.standard_errors, 0.0, atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 1), (6, 5)])
def test_one_superpixel(shape):
    image = np.full((1, *shape), 0.75)
    masker = ImageMasker(np.zeros(shape, int), baseline=0.0, channels="grey")
    got = explain(lambda images: images.reshape(len(images), -1)[:, 0] * 4.0, masker, image)
    np.testing.assert_allclose(got.values, 3.0, rtol=1e-4)
    assert got.values.shape == (1, 1, 1)


def test_texts_of_different_lengths_share_nothing_but_the_seed():
    model = lambda texts: np.array([len(set(t.split())) ** 2.0 for t in texts])  # noqa: E731
    texts = ["one two three four", "five six", "seven eight nine ten eleven twelve"]
    whole = explain(model, TextMasker(), texts, budget=50)
    for i, text in enumerate(texts):
        alone = explain(model, TextMasker(), text, budget=50)
        assert reference.bytes_of(alone) == reference.bytes_of(whole[i])


# --- the same bytes

@pytest.mark.parametrize("settings", WAYS)
def test_batches_and_rows_in_any_order_give_the_same_bytes(settings):
    ref = explain(**settings)
    for more in ({"batch_size": 7}, {"max_memory": 1}, {"batch_size": 1000, "max_memory": 2**30}):
        assert reference.bytes_of(explain(**settings, **more)) == reference.bytes_of(ref)
    turned = explain(rows=ROWS[::-1], **settings)[::-1]
    assert reference.bytes_of(turned) == reference.bytes_of(ref)
    one = explain(rows=ROWS[1:2], **settings)
    assert reference.bytes_of(one) == reference.bytes_of(ref[1])


def test_jobs_give_the_same_bytes():
    for settings in ({"discretize": "quartile"}, {"discretize": None}):
        rows = X[:40]
        ref = explain(rows=rows, budget=60, **settings)
        assert reference.bytes_of(explain(rows=rows, budget=60, n_jobs=2, **settings)) \
            == reference.bytes_of(ref)


@pytest.mark.parametrize("settings", WAYS)
def test_the_seed_decides(settings):
    one, two_, other = explain(**settings), explain(**settings), explain(random_state=1, **settings)
    assert reference.bytes_of(one) == reference.bytes_of(two_)
    assert (one.values != other.values).any()


@pytest.mark.parametrize("settings", WAYS)
def test_a_frame_gives_the_bytes_of_an_array(settings):
    names = ["x0", "x1", "x2", "x3"]
    got = explain(background=pd.DataFrame(X, columns=names), rows=pd.DataFrame(ROWS, columns=names),
                  **settings)
    assert reference.bytes_of(got) == reference.bytes_of(explain(**settings))


@pytest.mark.parametrize("settings", WAYS)
def test_several_outputs_at_once_are_each_alone(settings):
    if settings["discretize"] == "tree":
        pytest.skip("a tree cuts columns for all outputs together")
    whole = explain(two, **settings)
    assert whole.values.shape == (3, 4, 2)
    for k in range(2):
        alone = explain(lambda t, k=k: two(t)[:, k], **settings)
        # Matrix products of other shapes may add in another order.
        np.testing.assert_allclose(alone.values[..., 0], whole.values[..., k], rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(alone.standard_errors[..., 0], whole.standard_errors[..., k],
                                   rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(alone.fidelity[:, 0], whole.fidelity[:, k], rtol=1e-9)


@pytest.mark.parametrize("settings", WAYS)
def test_the_input_is_left_alone(settings):
    background, rows = X.copy(), ROWS.copy()
    for array in (background, rows):
        array.flags.writeable = False
    got = explain(background=background, rows=rows, **settings)
    assert np.isfinite(got.values).all()
    frame = pd.DataFrame(X, index=range(1000, 1300))
    before = frame.copy()
    explain(background=frame, rows=frame.iloc[:2], **settings)
    pd.testing.assert_frame_equal(frame, before)


# --- budgets

@pytest.mark.parametrize("settings", WAYS)
@pytest.mark.parametrize("budget", [13, 100, 1001])
def test_budgets_are_kept(settings, budget, counting):
    model = counting(curved)
    explainer = LIME(budget=budget, random_state=0, **settings).fit(model, X)
    model.clear()
    got = explainer.explain(ROWS)
    assert (got.details["model_rows"] <= budget).all()
    assert model.n_rows == got.details["model_rows"].sum() == got.cost.model_rows
    assert (got.details["samples"] <= budget - 1).all()


@pytest.mark.parametrize("settings", WAYS)
def test_auto_grows_until_errors_are_small(settings):
    # Near to linear in the presence of units: settled at once. Noise: never.
    easy = explain(lambda t: np.asarray(t)[:, 0] > X[:, 0].min() - 1, budget="auto", **settings)
    assert np.isnan(easy.fidelity).all()
    assert (easy.details["samples"] == 512).all()
    hard = explain(lambda t: np.sin(1e3 * np.asarray(t).sum(axis=1)), budget="auto", rows=ROWS[:1], **settings)
    assert hard.details["samples"] == 8192


def test_auto_stops_in_between():
    games = [conjunction(list(range(p))) for p in (1, 6)]
    samples = [solve("image", game, 30, "auto").details["samples"] for game in games]
    assert samples[0] == 512 < samples[1] <= 8192
    found = solve("image", games[1], 30, "auto")
    if samples[1] < 8192:
        assert 1.96 * found.errors.max() <= 0.05 * np.abs(found.values).max()


def test_few_units_are_enumerated_and_done():
    found = solve("image", conjunction([0, 1]), 6, "auto")
    assert found.details["samples"] == 64
    np.testing.assert_array_equal(found.errors, 0.0)


def test_near_rows_of_few_columns_are_as_many_samples_as_paid_for():
    # Three columns have 8 coalitions, but each has as many answers as there are rows.
    got = explain(background=X[:, :3], rows=ROWS[:, :3], model=lambda t: np.asarray(t).sum(axis=1),
                  discretize=None, budget=2001)
    assert (got.details["samples"] == 2000).all()
    masker = TabularMasker(X[:, :3])
    row = masker.rows(ROWS[:, :3])[0]
    weights, width = local_weights(row.distances.mean(axis=1), row.weights)
    truth = ROWS[0, :3] - weights @ X[:, :3]
    off = np.abs(got.values[0, :, 0] - truth)
    assert (off <= 4 * got.standard_errors[0, :, 0]).all()
    assert got.details["width"][0] == pytest.approx(width)


@pytest.mark.parametrize("settings", WAYS)
def test_fewer_samples_than_units_are_refused(settings):
    with pytest.raises(ValueError, match="takes at least 6: raise the budget, or hide larger units"):
        explain(budget=6, **settings)
    assert np.isfinite(explain(budget=7, **settings).values).all()


def test_a_flat_kernel_needs_pairs():
    with pytest.raises(ValueError, match="as much as their complements.*it takes 64: raise the budget"):
        solve("image", conjunction([0]), 30, 40, np.inf)
    found = solve("image", conjunction([0]), 30, 65, np.inf)
    np.testing.assert_allclose(found.values[0], 1.0, atol=1e-5)


def test_more_units_than_auto_can_pay_for():
    with pytest.raises(ValueError, match="2,000 units need some 16,000 samples.*budget=16001"):
        solve("text", lambda z: np.asarray(z).sum(axis=1), 2000, "auto")


# --- widths

@pytest.mark.parametrize("settings", WAYS)
def test_an_infinite_width_is_a_flat_kernel(settings):
    flat = explain(kernel_width=np.inf, budget=2000, **settings)
    wide = explain(kernel_width=1e6, budget=2000, **settings)
    np.testing.assert_allclose(flat.values, wide.values, atol=4 * flat.standard_errors.max())
    assert flat.settings["kernel_width"] == np.inf


def test_a_narrow_kernel_keeps_near_masks():
    wide, narrow = (solve("image", conjunction(list(range(4))), 12, 500, w) for w in (np.inf, 0.02))
    # Near the image itself each of the four segments is needed: 1, not 2⁻³.
    np.testing.assert_allclose(wide.values[:4], 0.125, atol=0.1)
    assert (narrow.values[:4] > 0.95).all()


@pytest.mark.parametrize("kind", ["text", "image"])
def test_a_kernel_so_narrow_that_nothing_counts(kind):
    with pytest.raises(ValueError, match="kernel_width=0.0001 is so small that no neighbour counts"):
        solve(kind, conjunction([0]), 8, 100, 1e-4)


# --- mixed tables

def mixed(n=60):
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({
        "number": rng.normal(size=n),
        "whole": rng.integers(0, 9, size=n).astype("int16"),
        "nullable": pd.array(rng.integers(0, 9, size=n), dtype="Int64"),
        "date": pd.date_range("2020-01-01", periods=n, freq="D"),
        "flag": rng.random(n) < 0.5,
        "kind": pd.Categorical(rng.choice(["a", "b"], size=n), categories=["b", "a", "z"]),
        "text": rng.choice(["x", "y"], size=n),
    })
    frame.loc[3, ["number", "text", "date"]] = None
    frame.loc[5, "nullable"] = pd.NA
    frame.loc[7, "kind"] = None
    return frame


@pytest.mark.parametrize("settings", WAYS)
def test_mixed_tables_reach_the_model_intact(settings):
    frame, seen = mixed(), []

    def model(table):
        seen.append(table.dtypes)
        assert set(table["text"].dropna()) <= {"x", "y"}
        assert list(table["kind"].cat.categories) == ["b", "a", "z"]
        flags = table["flag"].to_numpy(dtype=float)
        texts = (table["text"] == "x").to_numpy(dtype=float)
        return 2.0 * flags + texts + table["number"].isna().to_numpy()

    got = explain(model, frame, frame.iloc[[3, 5, 7, 9]], **settings)
    assert all(dtypes.equals(frame.dtypes) for dtypes in seen)
    assert np.isfinite(got.values).all()
    size = np.abs(got.values[:, :, 0]).mean(axis=0)
    assert size[4] > 3 * size[[1, 2, 3, 5]].max()
    assert got.values[0, 0, 0] > 0.5  # Its number is missing.
    if settings["discretize"] is not None:
        words = got.feature_details["conditions"]
        assert words[0, 0] == "number missing"
        assert words[1, 2] == "nullable missing"
        assert words[2, 5] == "kind missing"
        assert words[3, 4] == f"flag = {frame['flag'][9]}"
        assert words[0, 3] == "date missing"


def test_unseen_levels_and_rows_in_any_order():
    frame = mixed()
    rows = frame.iloc[[3, 9, 11]].assign(text=["x", "new", "newer"])
    model = lambda t: (t["text"] == "new").to_numpy(float) + t["flag"].to_numpy(float)  # noqa: E731
    got = explain(model, frame, rows, discretize="quartile")
    turned = explain(model, frame, rows.iloc[::-1], discretize="quartile")[::-1]
    assert reference.bytes_of(turned) == reference.bytes_of(got)
    assert got.values[1, 6, 0] > 0.5


@pytest.mark.parametrize("settings", [{"budget": 30}, {"budget": 200}, {"budget": 200, "sampling": "weighted"}])
def test_a_level_that_no_neighbour_has_is_not_called_certain(settings):
    frame = pd.DataFrame({"kind": ["a"] * 20_000, "flag": [True, False] * 10_000})
    rows = pd.DataFrame({"kind": ["new", "a"], "flag": [True, True]})
    model = lambda t: 5.0 * (t["kind"] == "new").to_numpy() + t["flag"].to_numpy()  # noqa: E731
    got = explain(model, frame, rows, discretize="quartile", max_background=20_000, **settings)
    assert np.isnan(got.standard_errors[0, 0])
    assert np.isfinite(got.standard_errors[:, 1]).all()
    # All background rows are as this one: nothing there was to be seen.
    assert got.standard_errors[1, 0] == got.values[1, 0] == 0.0
    (warning,) = got.warnings
    assert "in fewer than two neighbours that count" in warning


def test_a_width_so_small_that_all_neighbours_are_within():
    got = explain(discretize="quartile", kernel_width=0.02)
    assert np.isnan(got.standard_errors).all()
    assert got.warnings


def test_weights_of_the_background_count_in_bins():
    background = np.array([[0.0], [1.0], [2.0], [3.0]]).repeat(10, axis=0)
    heavy = np.repeat([1.0, 1.0, 1.0, 1000.0], 10)
    model = lambda t: np.asarray(t)[:, 0]  # noqa: E731
    row = np.array([[0.0]])
    flat = explain(model, TabularMasker(background), row, discretize="quartile")
    skewed = explain(model, TabularMasker(background, weights=heavy), row, discretize="quartile")
    # What is not in the row's bin is almost always 3.
    assert flat.values[0, 0, 0] > -2.2
    np.testing.assert_allclose(skewed.values, -3.0, atol=0.2)


def test_kmeans_backgrounds_keep_their_weights():
    masker = xk.kmeans_background(X, 20, random_state=0)
    for settings in WAYS[:3]:
        assert np.isfinite(explain(background=masker, **settings).values).all()


# --- shared games

def test_games_share_answers_with_kernel_shap(counting):
    model = counting(curved)
    background = X[:20]
    shap = xk.KernelSHAP(solver="exact", random_state=0).fit(model, background)
    games = shap.games(ROWS)
    shap.explain(games)
    model.clear()
    lime = LIME(discretize=None, budget=500, random_state=0).fit(model, games[0].row.masker)
    model.clear()
    got = lime.explain(games)
    assert model.n_rows == 0  # All 16 coalitions × 20 rows were asked.
    assert got.cost.model_rows == 0
    ref = explain(background=background, discretize=None, budget=500)
    np.testing.assert_array_equal(got.values, ref.values)
    np.testing.assert_array_equal(got.standard_errors, ref.standard_errors)
    np.testing.assert_array_equal(got.fidelity, ref.fidelity)


@pytest.mark.parametrize("settings", WAYS)
def test_own_games_give_the_same_numbers(settings):
    explainer = LIME(budget=400, random_state=0, **settings).fit(curved, X)
    games = explainer.games(ROWS)
    got, ref = explainer.explain(games), explainer.explain(ROWS)
    np.testing.assert_array_equal(got.values, ref.values)
    np.testing.assert_array_equal(got.predictions, ref.predictions)


# --- an estimator

def test_clone_and_parameters():
    explainer = LIME(budget=99, sampling="weighted", kernel_width=2.0, discretize="decile",
                     random_state=5)
    twin = clone(explainer)
    assert twin.get_params() == explainer.get_params()
    twin.set_params(budget="auto", discretize=None)
    assert (twin.budget, twin.discretize, explainer.budget) == ("auto", None, 99)
    assert repr(LIME(budget=9)) == "LIME(budget=9)"
    for one in (LIME().explain, LIME().games):
        with pytest.raises(NotFittedError):
            one(ROWS)


def test_random_state_none_says_what_it_drew():
    got = LIME(budget=50).fit(curved, X).explain(ROWS)
    same = LIME(budget=50, random_state=got.random_state).fit(curved, X).explain(ROWS)
    np.testing.assert_array_equal(got.values, same.values)


# --- bad input

@pytest.mark.parametrize(("settings", "sentence"), [
    ({"budget": 0}, r"budget must be a whole number of at least 1 \(model rows\) or 'auto', got 0"),
    ({"budget": 2.5}, "budget must be"), ({"budget": True}, "budget must be"),
    ({"budget": "all"}, "budget must be"),
    ({"sampling": "lime"}, "sampling must be one of 'kernel', 'weighted', got 'lime'"),
    ({"discretize": "bins"}, "discretize must be one of None, 'auto', 'quartile', 'decile', 'tree'"),
    ({"kernel_width": 0}, "kernel_width must be a number above 0 or None, got 0"),
    ({"kernel_width": -1.0}, "kernel_width must be"), ({"kernel_width": np.nan}, "kernel_width must be"),
    ({"kernel_width": "wide"}, "kernel_width must be"), ({"kernel_width": True}, "kernel_width must be"),
])
def test_unknown_settings(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        LIME(**settings).fit(curved, X)
    with pytest.raises(ValueError, match=sentence):
        LIME().fit(curved, X).set_params(**settings).explain(ROWS)


def test_bins_are_for_tables():
    for masker, thing in ((TextMasker(), "a text"), (ImageMasker("grid", channels="grey"), np.zeros((1, 8, 8)))):
        with pytest.raises(ValueError, match="discretize='quartile' is for tables; the units of a"):
            explain(lambda batch: np.zeros(len(batch)), masker, thing, discretize="quartile")


def test_groups_are_for_tables():
    with pytest.raises(ValueError, match="groups name columns of a table"):
        LIME(groups={"g": [0, 1]}).fit(text_model, TextMasker())


@pytest.mark.parametrize("settings", WAYS)
def test_a_constant_model(settings):
    got = explain(lambda t: np.full(len(t), 0.1), **settings)
    np.testing.assert_allclose(got.values, 0.0, atol=1e-15)
    np.testing.assert_allclose(got.base_values, 0.1, rtol=1e-12)
    np.testing.assert_allclose(got.standard_errors, 0.0, atol=1e-15)
    assert np.isnan(got.fidelity).all()


@pytest.mark.parametrize("settings", WAYS)
def test_a_constant_column(settings):
    background, rows = X.copy(), ROWS.copy()
    background[:, 1] = rows[:, 1] = 2.0
    got = explain(background=background, rows=rows, **settings)
    if settings["discretize"] is None:
        assert (np.abs(got.values[:, 1]) <= 4.5 * got.standard_errors[:, 1]).all()
    else:
        np.testing.assert_allclose(got.values[:, 1], 0.0, atol=1e-8)


@pytest.mark.parametrize("settings", WAYS)
def test_one_background_row_one_column_and_one_row(settings):
    assert np.isfinite(explain(background=X[:1], **settings).values).all()
    one = explain(lambda t: 2.0 * np.asarray(t)[:, 0], X[:, :1], ROWS[:1, :1], **settings)
    assert one.values.shape == (1, 1, 1)
    assert np.isfinite(one.values).all()
    same = explain(background=X[:1], rows=X[:1], **settings)
    np.testing.assert_allclose(same.values, 0.0, atol=1e-12)
    single = explain(rows=ROWS[0], **settings)
    assert reference.bytes_of(single) == reference.bytes_of(explain(rows=ROWS[:1], **settings))


@pytest.mark.parametrize("settings", WAYS)
def test_nan_cells(settings):
    background, rows = X.copy(), ROWS.copy()
    background[::7, 2] = background[::5, 0] = rows[1, 2] = rows[2] = np.nan
    got = explain(lambda t: np.where(np.isnan(t[:, 2]), 5.0, 0.0), background, rows, **settings)
    assert np.isfinite(got.values).all()
    # Rows near one without a number are mostly without it too: so much less does it matter there.
    assert (got.values[1:, 2, 0] > (0.9 if settings["discretize"] is None else 3.7)).all()
    assert (got.values[0, 2, 0] <= 0) if settings["discretize"] is None else (got.values[0, 2, 0] < -0.5)


def test_tables_that_do_not_fit():
    explainer = LIME(budget=100).fit(curved, pd.DataFrame(X, columns=list("abcd")))
    with pytest.raises(ValueError, match="no rows"):
        explainer.explain(pd.DataFrame(X[:0], columns=list("abcd")))
    with pytest.raises(ValueError, match="d"):
        explainer.explain(pd.DataFrame(X[:2, :3], columns=list("abc")))
    with pytest.raises(ValueError, match="needs rows and columns"):
        LIME().fit(curved, X[:0])
    with pytest.raises(ValueError, match="a background is needed"):
        LIME().fit(curved)


@pytest.mark.parametrize("settings", WAYS)
def test_a_model_that_fails_half_way(settings, counting):
    model = counting(curved)
    explainer = LIME(budget=400, batch_size=50, random_state=0, **settings).fit(model, X)
    ref = explainer.explain(ROWS)
    model.clear()
    model.fail_at = 5
    with pytest.raises(ModelError, match="no answer today"):
        explainer.explain(ROWS)
    # The explainer is none the worse for it.
    assert reference.bytes_of(explainer.explain(ROWS)) == reference.bytes_of(ref)


@pytest.mark.parametrize("settings", WAYS)
def test_a_model_that_answers_nan(settings):
    asked = []

    def model(table):
        asked.append(len(table))
        return np.full(len(table), np.nan if sum(asked) > 1500 else 1.0)

    explainer = LIME(budget=5000, batch_size=100, random_state=0, **settings).fit(model, X)
    with pytest.raises(ModelError, match="NaN|not finite|nan"):
        explainer.explain(X[:9])


@pytest.mark.parametrize("settings", WAYS)
def test_a_noisy_model(settings):
    rng = np.random.default_rng(9)
    noisy = lambda t: 3.0 * (np.asarray(t)[:, 0] > 0) + rng.normal(size=len(t))  # noqa: E731
    got = explain(noisy, budget=3000, **settings)
    assert any("answers the same rows differently" in warning for warning in got.warnings)
    assert (got.fidelity < 0.9).all()
    if settings["discretize"] is not None:
        assert (np.abs(got.values[:, 1:, 0]) <= 5 * got.standard_errors[:, 1:, 0]).all()
    else:
        # A question that comes again gets the answer it had: its noise is none of the sampling.
        assert (np.abs(got.values[:, 1:, 0]) < 0.7).all()


def test_a_long_background_is_thinned_and_says_so():
    got = explain(background=np.tile(X, (2, 1)), max_background=100)
    assert any("random sample of 100 of 600 rows" in warning for warning in got.warnings)


@pytest.mark.parametrize("budget", [257, 1025])
def test_the_fit_of_rows_in_a_rare_bin_is_a_share(budget):
    # One neighbour alone within the bin, or without: its leverage is nearly 1.
    X = np.random.default_rng(0).normal(size=(2000, 3))
    X[:, 2] = 0.0
    X[:2, 2] = 1.0
    e = xk.LIME(budget=budget, discretize="quartile", random_state=0).fit(
        lambda X: X[:, 0] + 0.1 * X[:, 1] + (X[:, 2] == 1), X).explain(X[:4])
    # The first two are in a middle quarter of x0, which explains nothing; the others at its ends.
    assert (np.abs(e.fidelity[:2]) < 0.1).all()
    assert ((e.fidelity[2:] > 0.5) & (e.fidelity[2:] < 1.0)).all()


def test_a_short_text_asked_whole_has_the_fit_it_has():
    # All seven masks of three words are asked: nothing is left to foretell.
    words = lambda texts: np.array([len(t.split()) ** 2.0 for t in texts])  # noqa: E731
    e = xk.LIME(random_state=0).fit(words, xk.TextMasker()).explain("one two three")
    assert 0.5 < e.fidelity[0, 0] < 1.0


def test_a_kernel_too_narrow_to_hide_anything_is_not_sure(rng):
    X = rng.normal(size=(300, 4))
    for width in (0.2, 0.25):
        e = xk.LIME(kernel_width=width, discretize=None, random_state=0).fit(
            lambda A: A.sum(axis=1), X).explain(X[:1])
        unknown = np.isnan(e.standard_errors[0, :, 0])
        assert unknown[e.values[0, :, 0] == 0.0].all()
        if unknown.any():
            assert any("in fewer than two neighbours" in warning for warning in e.warnings)
    wide = xk.LIME(kernel_width=1.0, discretize=None, random_state=0).fit(
        lambda A: A.sum(axis=1), X).explain(X[:1])
    assert np.isfinite(wide.standard_errors).all()
    assert not wide.warnings
