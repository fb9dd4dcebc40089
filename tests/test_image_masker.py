"""ImageMasker: what is taken for an image, its regions, its stand-ins, and the composed images."""

from __future__ import annotations

import builtins
import pickle

import numpy as np
import pytest

import xaikit as xk
from xaikit.sampling.baselines import rounded
from xaikit.sampling.coalitions import pack
from xaikit.sampling.image import ImageMasker
from xaikit.sampling.segments import SEGMENTERS, dense, picture, segment

DTYPES = [np.uint8, np.int16, np.int64, np.bool_, np.float16, np.float32, np.float64, ">f4"]
QUARTERS = np.kron([[0, 1], [2, 3]], np.ones((3, 3), dtype=np.int64))


def images(rng, shape, dtype=np.float64):
    return (rng.random(shape) * (1 if dtype == np.bool_ else 200)).round(1).astype(dtype)


# What is an image ------------------------------------------------------------------------------


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
    np.testing.assert_array_equal(own.rows(X)[0].compose(np.zeros(1, int), pack(np.zeros((1, 1)))),
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


def test_labels_must_fit_the_images():
    with pytest.raises(ValueError, match=r"height and width \(6, 5\), got shape \(6, 6\)"):
        ImageMasker(QUARTERS).conform(np.zeros((6, 5)))
    each = ImageMasker(np.stack([QUARTERS, QUARTERS.T]))
    with pytest.raises(ValueError, match="expected 2 images, as many as there are label arrays, got 1"):
        each.rows(np.zeros((1, 6, 6)))
    with pytest.raises(ValueError, match="expected labels of shape .* from the segmenter"):
        ImageMasker(lambda image: QUARTERS).rows(np.zeros((6, 5)))[0]


# Regions ---------------------------------------------------------------------------------------


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


# Stand-ins -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 3), (4, 6, 5)])
@pytest.mark.parametrize("baseline", ["blur", "mean", "noise", 0, 1])
def test_stand_ins_keep_dtype_layout_and_range(rng, dtype, shape, baseline):
    image = images(rng, shape, dtype)
    masker = ImageMasker("grid", 4, baseline)
    found = masker.stand_ins(image)
    assert found.shape == (1, *shape)
    assert found.dtype == image.dtype
    if isinstance(baseline, str):
        assert found.min() >= image.min()
        assert found.max() <= image.max()
    else:
        assert (found == baseline).all()


def test_mean_and_noise_and_blur_by_channel(rng):
    image = images(rng, (20, 30, 3))
    image[:, :, 1] = 40.0
    mean = ImageMasker(baseline="mean").stand_ins(image)[0]
    np.testing.assert_allclose(mean, np.broadcast_to(image.mean(axis=(0, 1)), image.shape), rtol=1e-12)
    noise = ImageMasker(baseline="noise").stand_ins(image)[0]
    assert (noise[:, :, 1] == 40.0).all()
    assert noise[:, :, 0].std() > 20
    np.testing.assert_array_equal(noise, ImageMasker(baseline="noise").stand_ins(image)[0])
    assert (noise != ImageMasker(baseline="noise", random_state=1).stand_ins(image)[0]).any()
    spot = np.zeros((40, 60))
    spot[20, 30] = 1.0
    blur = ImageMasker(baseline="blur").stand_ins(spot)[0]
    # A Gaussian of standard deviation 4: 1/(2π·4²) in the middle, e^{−1/2} of it 4 pixels away.
    assert blur[20, 30] == pytest.approx(1 / (2 * np.pi * 16), rel=1e-3)
    assert blur[20, 34] / blur[20, 30] == pytest.approx(np.exp(-0.5), rel=1e-3)
    first = ImageMasker(baseline="blur").stand_ins(np.moveaxis(image, -1, 0).copy())[0]
    np.testing.assert_allclose(np.moveaxis(first, 0, -1),
                               ImageMasker(baseline="blur").stand_ins(image)[0], rtol=1e-12)


def test_stand_ins_are_rounded():
    image = np.array([[0, 1], [1, 1]], dtype=np.uint8)
    assert ImageMasker(baseline="mean").stand_ins(image).tolist() == [[[1, 1], [1, 1]]]
    assert ImageMasker(baseline=0.4).stand_ins(image).max() == 0
    assert ImageMasker(baseline=np.full((2, 2), 2.6)).stand_ins(image).min() == 3
    assert rounded(np.array([2.0**63]), np.dtype(np.int64))[0] > 2**62


@pytest.mark.parametrize(("baseline", "dtype", "said"), [
    (-1, np.uint8, "expected a baseline between 0 and 255, as the images are uint8, got -1"),
    (255.6, np.uint8, "between 0 and 255"),
    (7, np.bool_, "between 0 and 1"),
    (1e6, np.float16, "goes beyond what float16 holds"),
    (np.zeros((5, 5)), np.float64, r"expected a baseline of the images' shape \(6, 6\)"),
    (np.zeros((2, 4, 5)), np.float64, r"got shape \(2, 4, 5\)"),
])
def test_baselines_that_do_not_fit(baseline, dtype, said):
    with pytest.raises(ValueError, match=said):
        ImageMasker(QUARTERS, baseline=baseline).rows(np.zeros((6, 6), dtype=dtype))[0]


def test_several_stand_ins(rng):
    image = images(rng, (6, 6, 3))
    stack = np.stack([image, image * 0, image * 0])
    stack[2][QUARTERS == 1] = image[QUARTERS == 1]
    row = ImageMasker(QUARTERS, baseline=stack).rows(image)[0]
    assert row.weights.tolist() == [1 / 3] * 3
    assert row.differs.tolist() == [[False] * 4, [True] * 4, [True, False, True, True]]
    assert (row.flip_keys[:, ~row.differs.T] == 0).all()
    # Equal stand-ins in a unit have equal keys there; shown in full, all three are the image.
    np.testing.assert_array_equal(row.flip_keys[:, 0, 1], row.flip_keys[:, 0, 2])
    full = row.base_keys ^ np.bitwise_xor.reduce(row.flip_keys, axis=1)
    assert (full == full[:, :1]).all()
    assert len(np.unique(row.base_keys[0])) == 3
    assert row.row_bytes == image.nbytes


def test_distances(rng):
    image = np.zeros((6, 6))
    image[0, 0] = 10.0
    row = ImageMasker(QUARTERS, baseline=5.0).rows(image)[0]
    np.testing.assert_allclose(row.distances, [[0.5, 0.5, 0.5, 0.5]])
    far = ImageMasker(QUARTERS, baseline=100.0).rows(image)[0]
    np.testing.assert_array_equal(far.distances, [[1.0] * 4])
    flat = ImageMasker(QUARTERS, baseline=np.where(QUARTERS == 0, 1.0, 2.0)).rows(np.ones((6, 6)))[0]
    np.testing.assert_array_equal(flat.distances, [[0.0, 1.0, 1.0, 1.0]])
    colour = images(rng, (6, 6, 3), np.uint8)
    found = ImageMasker(QUARTERS, baseline="mean").rows(colour)[0]
    apart = np.abs(colour.astype(float) - found.masker.stand_ins(colour)[0]) / np.ptp(colour)
    np.testing.assert_allclose(found.distances[0], [apart[u == QUARTERS].mean() for u in range(4)])


# Composed images -------------------------------------------------------------------------------


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


# Through an explainer --------------------------------------------------------------------------


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
        effects = weights * (image - masker.stand_ins(image)[0])
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
