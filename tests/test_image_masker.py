"""ImageMasker: what is taken for an image, its settings, and the composed images."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from image_cases import DTYPES, QUARTERS, images

import xaikit as xk
from xaikit.sampling.coalitions import pack
from xaikit.sampling.image import ImageMasker

pytestmark = pytest.mark.kernels

# What is an image --------------------------------------------------------------------------------


@pytest.mark.parametrize(("shape", "channels", "wanted", "found"), [
    ((6, 5), None, (1, 6, 5), None),
    ((9, 6, 5), None, (9, 6, 5), None),
    ((1, 6, 5), None, (1, 6, 5), None),
    ((6, 5, 3), None, (1, 6, 5, 3), "last"),
    ((6, 5, 4), None, (1, 6, 5, 4), "last"),
    ((6, 5, 1), None, (1, 6, 5, 1), "last"),
    ((3, 6, 5), None, (1, 3, 6, 5), "first"),
    ((4, 6, 5), None, (1, 4, 6, 5), "first"),
    ((3, 6, 3), None, (1, 3, 6, 3), "last"),
    ((1, 1, 3), None, (1, 1, 1, 3), "last"),
    ((2, 6, 5, 3), None, (2, 6, 5, 3), "last"),
    ((2, 3, 6, 5), None, (2, 3, 6, 5), "first"),
    ((2, 1, 6, 5), None, (2, 1, 6, 5), "first"),
    ((3, 6, 3), "first", (1, 3, 6, 3), "first"),
    ((1, 6, 5), "first", (1, 1, 6, 5), "first"),
    ((6, 5, 7), "last", (1, 6, 5, 7), "last"),
    ((3, 6, 5), "grey", (3, 6, 5), None),
    ((6, 5), "grey", (1, 6, 5), None),
])
def test_shapes(shape, channels, wanted, found):
    masker = ImageMasker("grid", 4, channels=channels)
    stack = masker.conform(np.zeros(shape, dtype=np.float32))
    assert stack.shape == wanted
    assert stack.dtype == np.float32
    assert masker.channels_of(stack.shape) == found
    assert masker.described()["channels"] == channels
    rows = masker.rows(stack, first=0)
    assert len(rows) == len(stack)
    assert rows[0].source.shape == (1, *wanted[1:])
    size = wanted[2:4] if found == "first" else wanted[1:3]
    assert rows[0].layout.shape == size


def test_a_part_of_grey_images_stays_grey_images():
    masker = ImageMasker("grid", 4)
    stack = masker.conform(np.zeros((35, 6, 5)))
    for n in (1, 3, 4):
        assert masker.rows(stack[:n], first=0).stack.shape == (n, 6, 5)


def test_tensors_and_lists(rng):
    torch = pytest.importorskip("torch")
    X = images(rng, (2, 3, 6, 5), np.float32)
    masker = ImageMasker("grid", 4)
    np.testing.assert_array_equal(masker.conform(torch.from_numpy(X)), X)
    np.testing.assert_array_equal(masker.conform(torch.from_numpy(X[0])), X[:1])
    np.testing.assert_array_equal(masker.conform(list(X)), X)
    own = ImageMasker(torch.zeros((6, 5), dtype=torch.int64), baseline=torch.from_numpy(X[1]))
    np.testing.assert_array_equal(own.rows(X)[0].compose(np.zeros(1, int), pack(np.zeros((1, 1), dtype=bool))),
                                  X[1:])


@pytest.mark.parametrize(("X", "error", "said"), [
    (np.zeros(5), ValueError, "expected one image or a stack of images, got an array of shape"),
    (np.zeros((2, 2, 2, 2, 2)), ValueError, "got an array of shape"),
    (np.zeros((0, 6, 6)), ValueError, "expected images with pixels, got shape"),
    (np.zeros((2, 0, 4, 3)), ValueError, "expected images with pixels"),
    (np.zeros((2, 6, 5, 7)), ValueError, "say where the channels are"),
    (np.array([["a", "b"]]), TypeError, "expected images of whole numbers or floats"),
    (np.zeros((6, 6), dtype=complex), TypeError, "got complex128"),
    ([np.zeros((6, 6)), np.zeros((5, 4))], ValueError, "images of one shape"),
    (np.full((6, 6), np.nan), ValueError, "got NaN or infinity in image 0"),
    (np.full((9, 4, 5), np.inf), ValueError, "in 9 images, the first number 0"),
])
def test_bad_images(X, error, said):
    with pytest.raises(error, match=said):
        ImageMasker("grid").conform(X)


def test_bad_images_are_refused_by_rows_too():
    with pytest.raises(ValueError, match="NaN or infinity in image 1"):
        ImageMasker("grid").rows(np.stack([np.zeros((5, 5)), np.full((5, 5), np.nan)]))
    with pytest.raises(ValueError, match="with channels='last'"):
        ImageMasker("grid", channels="last").conform(np.zeros((5, 5)))


@pytest.mark.parametrize(("settings", "said"), [
    ({"segmenter": "voronoi"}, "segmenter must be one of 'slic', 'quickshift', .*'grid' or a function of an image or"),
    ({"segmenter": np.zeros((6, 6))}, "expected labels of whole numbers, got float64"),
    ({"segmenter": np.zeros(4, dtype=int)}, "expected labels of shape"),
    ({"segmenter": np.zeros((0, 4), dtype=int)}, "expected labels of shape"),
    ({"segmenter": -np.ones((6, 6), dtype=int)}, "the labels are all negative"),
    ({"n_segments": 0}, "n_segments must be a whole number of at least 1, got 0"),
    ({"n_segments": 2.5}, "n_segments must be"),
    ({"n_segments": True}, "n_segments must be"),
    ({"baseline": "black"}, "baseline must be one of 'blur', 'mean', 'noise' or a finite number or an image"),
    ({"baseline": np.nan}, "baseline must be .*, got nan"),
    ({"baseline": np.full((6, 6), np.inf)}, "expected a baseline of finite numbers, got NaN or infinity"),
    ({"baseline": np.zeros((0, 4))}, "got none"),
    ({"channels": "middle"}, "channels must be one of 'first', 'last', 'grey', None, got 'middle'"),
])
def test_bad_settings(settings, said):
    with pytest.raises(ValueError, match=said):
        ImageMasker(**settings)
    with pytest.raises(ValueError, match="random_state must be a whole number of at least 0"):
        ImageMasker(random_state=-1)


# Composed images ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(6, 6), (6, 6, 3), (3, 6, 6), (6, 6, 1)])
def test_compose_is_where(rng, dtype, shape):
    image = images(rng, shape, dtype)
    stack = images(rng, (2, *shape), dtype)
    channels = "first" if shape[0] == 3 else None
    row = ImageMasker(QUARTERS, baseline=stack, channels=channels).rows(image)[0]
    kept = rng.random((6, 4)) < 0.5
    of_background = rng.integers(2, size=6)
    found = row.compose(of_background, pack(kept))
    assert found.dtype == image.dtype
    for q in range(6):
        shown = kept[q][QUARTERS]
        if len(shape) == 3:
            shown = shown[None] if channels == "first" else shown[:, :, None]
        np.testing.assert_array_equal(found[q], np.where(shown, image, stack[of_background[q]]))


def test_memory_order_and_the_input_do_not_matter(rng):
    image = images(rng, (6, 6, 3))
    before = image.copy()
    masks = pack(rng.random((5, 4)) < 0.5)
    plain = ImageMasker(QUARTERS).rows(image)[0].compose(np.zeros(5, int), masks)
    other = ImageMasker(QUARTERS).rows(np.asfortranarray(image))[0].compose(np.zeros(5, int), masks)
    np.testing.assert_array_equal(plain, other)
    np.testing.assert_array_equal(image, before)


def test_masker_can_be_pickled():
    masker = pickle.loads(pickle.dumps(ImageMasker(QUARTERS, baseline="noise")))
    assert masker.rows(np.zeros((6, 6)))[0].n_units == 4


# Through an explainer ----------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(6, 6), (6, 6, 3), (3, 6, 6), (5, 6, 6), (2, 6, 6, 3), (2, 3, 6, 6)])
@pytest.mark.parametrize("baseline", [0, "mean"])
def test_kernel_shap_of_a_linear_model(rng, shape, baseline):
    masker = ImageMasker(QUARTERS, baseline=baseline)
    X = images(rng, shape)
    stack = masker.conform(X)
    weights = rng.normal(size=stack.shape[1:])
    e = xk.KernelSHAP(random_state=0).fit(lambda X: (X * weights).sum(axis=tuple(range(1, X.ndim))),
                                          masker).explain(X)
    assert type(e).__name__ == "ImageAttribution"
    assert e.channels == masker.channels_of(stack.shape)
    for i, image in enumerate(stack):
        effects = weights * (image - masker.replacements(image)[0])
        if image.ndim == 3:
            effects = effects.sum(axis=0 if e.channels == "first" else 2)
        wanted = [effects[u == QUARTERS].sum() for u in range(4)]
        np.testing.assert_allclose(e.values[i, :, 0], wanted, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(e.labels[0], QUARTERS)


def test_more_images_than_a_worker_takes_keep_their_own_labels(rng):
    each = np.stack([np.where(rng.random((6, 6)) < 0.5, 0, 1) for _ in range(35)])
    X = rng.random((35, 6, 6))
    e = xk.KernelSHAP(random_state=0).fit(lambda X: X.sum(axis=(1, 2)), ImageMasker(each, baseline=0)).explain(X)
    np.testing.assert_array_equal(e.labels, each)
    np.testing.assert_allclose(e.values[:, 1, 0], (X * each).sum(axis=(1, 2)), rtol=1e-9)
    assert e.channels is None


def test_chunks_do_not_matter(rng):
    X, labels = images(rng, (2, 6, 6, 3)), np.arange(36).reshape(6, 6) // 3
    found = [xk.KernelSHAP(random_state=0, max_memory=memory, n_jobs=jobs, budget=300)
             .fit(lambda X: X.max(axis=(1, 2, 3)), ImageMasker(labels, baseline="blur")).explain(X)
             for memory, jobs in ((2**26, None), (20_000, None))]
    assert found[0].values.tobytes() == found[1].values.tobytes()


def test_a_unit_like_its_stand_in_is_never_asked_about(rng, counting):
    image = images(rng, (6, 6))
    image[QUARTERS == 2] = 0.0
    model = counting(lambda X: X.sum(axis=(1, 2)))
    e = xk.KernelSHAP(random_state=0).fit(model, ImageMasker(QUARTERS, baseline=0)).explain(image)
    assert e.values[0, 2, 0] == 0.0
    assert e.details["model_rows"][0] <= 8
