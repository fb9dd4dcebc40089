"""The images that replace hidden regions: blur, mean, noise, constants, and images given."""

from __future__ import annotations

import numpy as np
import pytest
from image_cases import DTYPES, QUARTERS, images

from xaikit.sampling.baselines import rounded
from xaikit.sampling.image import ImageMasker


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 3), (4, 6, 5)])
@pytest.mark.parametrize("baseline", ["blur", "mean", "noise", 0, 1])
def test_stand_ins_keep_dtype_layout_and_range(rng, dtype, shape, baseline):
    image = images(rng, shape, dtype)
    masker = ImageMasker("grid", 4, baseline)
    found = masker.replacements(image)
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
    mean = ImageMasker(baseline="mean").replacements(image)[0]
    np.testing.assert_allclose(mean, np.broadcast_to(image.mean(axis=(0, 1)), image.shape), rtol=1e-12)
    noise = ImageMasker(baseline="noise").replacements(image)[0]
    assert (noise[:, :, 1] == 40.0).all()
    assert noise[:, :, 0].std() > 20
    np.testing.assert_array_equal(noise, ImageMasker(baseline="noise").replacements(image)[0])
    assert (noise != ImageMasker(baseline="noise", random_state=1).replacements(image)[0]).any()
    spot = np.zeros((40, 60))
    spot[20, 30] = 1.0
    blur = ImageMasker(baseline="blur").replacements(spot)[0]
    # A Gaussian of standard deviation 4: 1/(2π·4²) in the middle, e^{−1/2} of it 4 pixels away.
    assert blur[20, 30] == pytest.approx(1 / (2 * np.pi * 16), rel=1e-3)
    assert blur[20, 34] / blur[20, 30] == pytest.approx(np.exp(-0.5), rel=1e-3)
    first = ImageMasker(baseline="blur").replacements(np.moveaxis(image, -1, 0).copy())[0]
    np.testing.assert_allclose(np.moveaxis(first, 0, -1),
                               ImageMasker(baseline="blur").replacements(image)[0], rtol=1e-12)


def test_stand_ins_are_rounded():
    image = np.array([[0, 1], [1, 1]], dtype=np.uint8)
    assert ImageMasker(baseline="mean").replacements(image).tolist() == [[[1, 1], [1, 1]]]
    assert ImageMasker(baseline=0.4).replacements(image).max() == 0
    assert ImageMasker(baseline=np.full((2, 2), 2.6)).replacements(image).min() == 3
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
    apart = np.abs(colour.astype(float) - found.masker.replacements(colour)[0]) / np.ptp(colour)
    np.testing.assert_allclose(found.distances[0], [apart[u == QUARTERS].mean() for u in range(4)])
