"""Tests of occlusion and the windows that slide over images."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import xaikit as xk
from xaikit.sampling.windows import cut_into_windows


def product(X):
    X = np.asarray(X, dtype=float)
    return X[:, 0] * X[:, 1] + 2.0 * X[:, 2]


def captum_net(X):
    """The net of captum's tests: relu(s − 10) + 3(s + 1) − 1, s the sum."""
    s = np.asarray(X, dtype=float).sum(axis=1)
    return np.maximum(s - 10.0, 0.0) + 3.0 * (s + 1.0) - 1.0


def test_the_golden_net():
    # captum 0.7, tests/attr/test_occlusion.py: (20, 50, 30), zero baseline.
    e = xk.Occlusion().fit(captum_net, np.zeros((1, 3))).explain(np.array([[20.0, 50.0, 30.0]]))
    np.testing.assert_allclose(e.values[0, :, 0], [80.0, 200.0, 120.0], rtol=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_values_are_what_the_answer_loses(rng, weighted):
    background, X = rng.normal(size=(7, 3)), rng.normal(size=(4, 3))
    weights = rng.random(7) if weighted else np.ones(7)
    masker = xk.TabularMasker(background, weights=weights)
    e = xk.Occlusion().fit(product, masker).explain(X)
    for i, row in enumerate(X):
        for j in range(3):
            hidden = np.tile(row, (7, 1))
            hidden[:, j] = background[:, j]
            lost = product(row[None])[0] - np.average(product(hidden), weights=weights)
            # Sums of seven numbers in another order.
            np.testing.assert_allclose(e.values[i, j, 0], lost, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(e.base_values[:, 0], np.average(product(background), weights=weights))
    np.testing.assert_array_equal(e.standard_errors, 0.0)
    assert np.isnan(e.fidelity).all()


def test_background_errors_are_those_of_a_mean(rng):
    background, row = rng.normal(size=(9, 3)), rng.normal(size=(1, 3))
    e = xk.Occlusion().fit(product, background).explain(row)
    hidden = np.tile(row, (9, 1))
    hidden[:, 2] = background[:, 2]
    np.testing.assert_allclose(e.feature_details["background_errors"][0, 2, 0],
                               product(hidden).std(ddof=1) / 3.0, rtol=1e-10)


def test_groups_are_hidden_together(rng):
    background, row = rng.normal(size=(3, 3)), rng.normal(size=(1, 3))
    e = xk.Occlusion(groups={"both": [0, 1]}).fit(product, background).explain(row)
    assert e.feature_names == ("both", "x2")
    hidden = np.tile(row, (3, 1))
    hidden[:, :2] = background[:, :2]
    np.testing.assert_allclose(e.values[0, 0, 0], product(row)[0] - product(hidden).mean())


def test_equal_questions_are_asked_once(rng, counting):
    background = rng.integers(2, size=(20, 3)).astype(float)
    model = counting(product)
    e = xk.Occlusion().fit(model, background).explain(np.array([[0.0, 1.0, 1.0]]))
    # A column has two values: hidden, it is the row's own or the other.
    assert e.cost.model_rows <= 1 + 3


@pytest.mark.parametrize(("size", "stride"), [((4, 4), (4, 4)), ((3, 5), (2, 1)), ((1, 1), (1, 1)),
                                               ((6, 7), (6, 7)), ((4, 3), (3, 3))])
def test_windows(rng, size, stride):
    shape = (6, 7)
    windows = cut_into_windows(shape, size, stride)
    covered = windows.hides[:, windows.cells]
    assert covered.any(axis=0).all()
    for own in covered:
        y, x = np.nonzero(own)
        assert (y.max() - y.min() + 1, x.max() - x.min() + 1) == size
        assert own.sum() == size[0] * size[1]
    assert len({own.tobytes() for own in covered}) == len(covered)
    assert windows.hides.any(axis=0).all()


@pytest.mark.parametrize("first", [False, True])
def test_a_pixel_gets_the_mean_of_its_windows(rng, first):
    image, weights = rng.random((6, 8, 3)), rng.normal(size=(6, 8, 3))
    if first:
        image, weights = np.moveaxis(image, -1, 0), np.moveaxis(weights, -1, 0)
    masker = xk.ImageMasker("grid", baseline=0)
    e = xk.Occlusion(window=(3, 4), stride=(1, 2)).fit(
        lambda X: (X * weights).reshape(len(X), -1).sum(axis=1), masker).explain(image)
    by_pixel = (image * weights).sum(axis=0 if first else -1)
    total, count = np.zeros((6, 8)), np.zeros((6, 8))
    for y in range(0, 4):
        for x in range(0, 5, 2):
            total[y : y + 3, x : x + 4] += by_pixel[y : y + 3, x : x + 4].sum()
            count[y : y + 3, x : x + 4] += 1
    np.testing.assert_allclose(e.pixels()[0, :, :, 0], total / count, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("settings", "sentence"), [
    ({"window": 0}, r"window must be a whole number of at least 1 \(pixels\) or a sequence of 2"),
    ({"window": (2, 2.5)}, "window must be a whole number"),
    ({"stride": 2}, "set window too"),
    ({"window": 9}, "a window of 9 × 9 pixels does not fit into an image of 6 × 8"),
    ({"window": 2, "stride": 3}, "a stride of 3 would skip pixels, .* at most 2"),
])
def test_bad_windows(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        xk.Occlusion(**settings).fit(lambda X: X.mean((1, 2)), xk.ImageMasker("grid")).explain(
            np.zeros((6, 8)))


def test_windows_are_for_images(rng):
    with pytest.raises(ValueError, match="window= slides over images; the units of a table"):
        xk.Occlusion(window=2).fit(product, rng.normal(size=(3, 3))).explain(np.zeros((1, 3)))


def test_texts_lose_a_word_at_a_time():
    model = lambda texts: np.array([float("good" in t.split()) for t in texts])  # noqa: E731
    e = xk.Occlusion().fit(model, xk.TextMasker()).explain(["a good film", "good good"])
    assert e[0].feature_names == ("a", "good", "film")
    np.testing.assert_array_equal(e[0].values[0, :, 0], [0.0, 1.0, 0.0])
    # Each alone is worth nothing while the other is there: the limit that the page names.
    np.testing.assert_array_equal(e[1].values[0, :, 0], [0.0, 0.0])


def test_mixed_frames(rng):
    frame = pd.DataFrame({"n": [1, 2, 3], "t": ["a", "b", None], "c": pd.Categorical(["u", "v", "u"])})
    seen = []

    def model(batch):
        seen.append(batch.dtypes.tolist())
        return batch["n"].to_numpy() + (batch["t"] == "a").to_numpy()

    xk.Occlusion().fit(model, frame).explain(frame)
    assert all(dtypes == frame.dtypes.tolist() for dtypes in seen)
