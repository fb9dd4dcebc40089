"""Do explanations point at what a network reads? Scenes with known truth, see benchmarks.scenes."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import xaikit as xk
from benchmarks.scenes import pointing, precision, reader, scenes

torch = pytest.importorskip("torch", reason="the network that reads the scenes is a torch module")
pytest.importorskip("skimage", reason="superpixels need scikit-image")
pytestmark = [
    pytest.mark.statistics,
    pytest.mark.filterwarnings("error::RuntimeWarning"),
]

N_SCENES = 16


@pytest.fixture(scope="module")
def read():
    """Train a network; return it with scenes that it reads rightly, their digits' pixels and names."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    network, accuracy = reader(n=2_000, epochs=10)
    assert accuracy > 0.85  # a network that cannot read has nothing to point at
    predictor = xk.wrap(network, output="proba", channels="first")
    test = scenes(2 * N_SCENES, 2)
    named = predictor(test.images).argmax(axis=1)
    right = np.flatnonzero(named == test.digits)[:N_SCENES]
    assert len(right) == N_SCENES
    yield predictor, test.images[right], test.truth[right], named[right]
    torch.set_num_threads(threads)


def _segments():
    return xk.ImageMasker(n_segments=64, baseline="mean")


METHODS = {
    "LIME": (xk.LIME(budget=801, random_state=0), _segments),
    "Kernel SHAP": (xk.KernelSHAP(solver="wls", budget=801, random_state=0), _segments),
    # A cell of 4.8 pixels is a fifth of a digit's side; nothing is black by itself in a photograph,
    # so that the mean colour, as for the others, disturbs the network less than RISE's own black.
    "RISE": (xk.RISE(budget=1502, grid=10, random_state=0), _segments),
}


@pytest.fixture(scope="module")
def maps(read):
    """Explain all scenes by a method: values of their pixels for the digits that were named."""
    predictor, images, _, digits = read

    @cache
    def explained(method):
        explainer, masker = METHODS[method]
        pixels = explainer.fit(predictor, masker()).explain(images).pixels()
        return np.stack([pixels[i, :, :, digit] for i, digit in enumerate(digits)])

    return explained


def _goals(maps, truth):
    noise = np.random.default_rng(0).random(truth.shape)
    # No two kinds of processor train the same network. Measured on 25 scenes and two of them:
    # pointing .93 to 1.00 (maps of other scenes .29 to .50, random .12), area .57 to .71 (.19 to
    # .24, .10). The benchmark holds the same methods to .9.
    return (pointing(maps, truth, slack=1) >= 0.8,
            precision(maps, truth) >= 3.0 * precision(noise, truth))


@pytest.mark.parametrize("method", METHODS)
def test_it_points_at_the_digit(read, maps, method):
    assert all(_goals(maps(method), read[2]))


@pytest.mark.parametrize("method", METHODS)
def test_the_map_of_another_scene_fails_both_goals(read, maps, method):
    assert not any(_goals(np.roll(maps(method), 1, axis=0), read[2]))
