"""The regions of images: superpixels, grids, functions, and labels."""

from __future__ import annotations

import builtins

import numpy as np
import pytest
from image_cases import DTYPES, QUARTERS, images

from xaikit.sampling.coalitions import pack
from xaikit.sampling.image import ImageMasker
from xaikit.sampling.segments import SEGMENTERS, dense, picture, segment


def test_labels_of_each_image():
    masker = ImageMasker(np.stack([QUARTERS, QUARTERS.T, QUARTERS * 0]), baseline=0)
    X = np.ones((3, 6, 6, 3))
    layouts = [masker.rows(X)[i].layout for i in range(3)]
    np.testing.assert_array_equal(layouts[1], QUARTERS.T)
    assert masker.rows(X)[-1].n_units == 1
    np.testing.assert_array_equal(masker.rows(X[1:], first=1)[0].layout, QUARTERS.T)
    with pytest.raises(ValueError, match="expected 3 images"):
        masker.rows(X[1:])
    with pytest.raises(IndexError):
        masker.rows(X)[3]


def test_labels_are_made_dense():
    labels = np.where(QUARTERS == 3, -5, QUARTERS * 100 + 7)
    row = ImageMasker(labels, baseline=0).rows(np.ones((6, 6)))[0]
    np.testing.assert_array_equal(row.layout, np.where(QUARTERS == 3, -1, QUARTERS))
    assert row.n_units == 3
    shown = row.compose(np.zeros(1, int), pack(np.zeros((1, 3), dtype=bool)))[0]
    np.testing.assert_array_equal(shown, QUARTERS == 3)
    assert dense(np.array([[True, False]])).tolist() == [[1, 0]]


@pytest.mark.parametrize(("size", "n", "wanted"), [
    ((224, 224), 64, 64), ((10, 40), 4, 4), ((40, 10), 4, 4), ((3, 3), 100, 9), ((1, 9), 4, 4),
    ((50, 50), 7, 6), ((50, 50), 1, 1)])
def test_grid(size, n, wanted):
    labels = segment(np.zeros(size), "grid", n)
    assert np.unique(labels).tolist() == list(range(wanted))
    sizes = np.bincount(labels.ravel())
    assert sizes.max() <= 2.3 * sizes.min()


def test_a_grid_of_a_wide_image_has_square_cells():
    labels = segment(np.zeros((10, 40)), "grid", 4)
    np.testing.assert_array_equal(labels, np.broadcast_to(np.arange(40) // 10, (10, 40)))


@pytest.mark.parametrize("segmenter", SEGMENTERS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 3), (1, 7), (2, 2, 4), (4, 8, 8), (12, 15), (16, 16, 3)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_segmenter_and_kind_of_image(rng, segmenter, shape, dtype):
    if segmenter != "grid":
        pytest.importorskip("skimage")
    for X in (images(rng, shape, dtype), np.ones(shape, dtype=dtype)):
        masker = ImageMasker(segmenter, 6)
        row = masker.rows(X)[0]
        assert np.unique(row.layout).tolist() == list(range(row.n_units))
        again = masker.rows(X)[0]
        np.testing.assert_array_equal(row.layout, again.layout)


@pytest.mark.parametrize("segmenter", ["slic", "quickshift", "felzenszwalb"])
@pytest.mark.parametrize("colour", [False, True])
def test_superpixels_follow_the_image(segmenter, colour):
    pytest.importorskip("skimage")
    halves = np.repeat([[0, 0, 0, 0, 0, 0, 0, 200, 200, 200, 200, 200]], 12, axis=0).astype(np.uint8)
    X = np.stack([halves, halves // 2, 255 - halves], axis=2) if colour else halves
    labels = ImageMasker(segmenter, 4).rows(X)[0].layout
    assert not set(labels[:, :7].ravel()) & set(labels[:, 7:].ravel())


def test_segmenters_see_a_picture(rng):
    seen = []

    def segmenter(image):
        seen.append(image)
        return np.zeros(image.shape[:2], dtype=int)

    masker = ImageMasker(segmenter)
    rows = masker.rows(images(rng, (2, 4, 6, 5), np.float32) * 7 - 50)
    rows[0], rows[0], rows[1]
    assert len(seen) == 2  # once an image
    assert seen[0].shape == (6, 5, 3)
    assert seen[0].dtype == np.float64
    assert seen[0].min() == 0.0
    assert seen[0].max() == 1.0
    assert masker.described()["segmenter"].endswith("segmenter")


def test_picture_of_extreme_values():
    image = np.array([[-1.5e308, 0.0, 1.5e308]])
    np.testing.assert_allclose(picture(image, None), [[0.0, 0.5, 1.0]], rtol=1e-15)
    assert picture(np.full((2, 2, 7), 3.0), "last").tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_without_scikit_image(monkeypatch):
    honest = builtins.__import__

    def missing(name, *args, **kwargs):
        if name.startswith("skimage"):
            raise ImportError(name)
        return honest(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ImportError, match=r"pip install 'xaikit\[image\]'.*segmenter='grid' and arrays"):
        ImageMasker("slic").rows(np.zeros((6, 6)))[0]
    assert ImageMasker("grid", 4).rows(np.zeros((6, 6)))[0].n_units == 4


def test_labels_must_fit_the_images():
    with pytest.raises(ValueError, match=r"height and width \(6, 5\), got shape \(6, 6\)"):
        ImageMasker(QUARTERS).conform(np.zeros((6, 5)))
    each = ImageMasker(np.stack([QUARTERS, QUARTERS.T]))
    with pytest.raises(ValueError, match="expected 2 images, as many as there are label arrays, got 1"):
        each.rows(np.zeros((1, 6, 6)))
    with pytest.raises(ValueError, match="expected labels of shape .* from the segmenter"):
        ImageMasker(lambda image: QUARTERS).rows(np.zeros((6, 5)))[0]
