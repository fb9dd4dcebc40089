"""LIME on texts, images, and tables of mixed, missing, constant and unseen values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import reference
from lime_cases import ROWS, WAYS, X, explain

import xaikit as xk
from xaikit.sampling.image import ImageMasker
from xaikit.sampling.tabular import TabularMasker
from xaikit.sampling.text import TextMasker

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


def test_a_short_text_asked_whole_has_the_fit_it_has():
    # All seven masks of three words are asked: nothing is left to foretell.
    words = lambda texts: np.array([len(t.split()) ** 2.0 for t in texts])  # noqa: E731
    e = xk.LIME(random_state=0).fit(words, xk.TextMasker()).explain("one two three")
    assert 0.5 < e.fidelity[0, 0] < 1.0


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
        words = got.feature_details["conditions"][:, :, 0]
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


# --- constant, single and missing values


@pytest.mark.parametrize("settings", WAYS)
def test_a_constant_column(settings):
    background, rows = X.copy(), ROWS.copy()
    background[:, 1] = rows[:, 1] = 2.0
    got = explain(background=background, rows=rows, **settings)
    np.testing.assert_array_equal(got.values[:, 1], 0.0)
    np.testing.assert_array_equal(got.standard_errors[:, 1], 0.0)


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
