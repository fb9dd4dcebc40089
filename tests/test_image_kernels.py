"""Kernels on images against their plain-Python twins."""

from __future__ import annotations

import numpy as np
import pytest
import reference_images as reference

from xaikit.kernels.images import blend_images, compose_images
from xaikit.sampling.coalitions import pack
from xaikit.sampling.image import runs_of

pytestmark = pytest.mark.kernels


@pytest.mark.parametrize("in_runs", [False, True])
@pytest.mark.parametrize("n_units", [1, 3, 64, 65, 130])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.uint64])
def test_compose_images(rng, n_units, dtype, in_runs):
    n_values, n_background, n_questions = 150, 3, 7
    image = rng.integers(200, size=n_values).astype(dtype)
    baselines = rng.integers(200, size=(n_background, n_values)).astype(dtype)
    labels = rng.integers(-1, n_units, size=n_values).astype(np.int32)
    of_background = rng.integers(n_background, size=n_questions)
    kept = rng.random((n_questions, n_units)) < 0.5
    out = np.empty((n_questions, n_values), dtype=dtype)
    if in_runs:
        labels = np.sort(labels)
    compose_images(image, baselines, *runs_of(labels), of_background, pack(kept), out)
    np.testing.assert_array_equal(
        out, reference.compose_images(image, baselines, labels, of_background, kept))
    shown = np.where(labels < 0, True, kept[:, labels])
    np.testing.assert_array_equal(out, np.where(shown, image, baselines[of_background]))


def test_values_of_no_unit_always_show_the_image():
    image, baselines = np.array([7, 8], dtype=np.uint8), np.zeros((1, 2), dtype=np.uint8)
    out = np.empty((1, 2), dtype=np.uint8)
    compose_images(image, baselines, *runs_of(np.array([-1, 0], dtype=np.int32)), np.array([0]),
                   np.zeros((1, 1), dtype=np.uint64), out)
    assert out.tolist() == [[7, 0]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_blend_images(rng, dtype):
    image, baselines = rng.normal(size=24).astype(dtype), rng.normal(size=(2, 24)).astype(dtype)
    pixels = np.repeat(np.arange(8), 3).astype(np.int32)
    of_background = np.array([1, 0, 1, 0])
    masks = rng.random((4, 8)).astype(np.float32)
    masks[2], masks[3] = 1.0, 0.0
    out = np.empty((4, 24), dtype=dtype)
    blend_images(image, baselines, pixels, of_background, masks, out)
    ref = reference.blend_images(image, baselines, pixels, of_background, masks)
    np.testing.assert_allclose(out, ref, rtol=0, atol=1e-6)  # of float32 masks
    # Masks of 0 and 1 give the images themselves.
    np.testing.assert_array_equal(out[2], image)
    np.testing.assert_array_equal(out[3], baselines[0])
