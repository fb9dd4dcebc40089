"""Tests of ImageAttribution and of image_overlay."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import LineCollection

import xaikit as xk
from xaikit.explanations.image import ImageAttribution
from xaikit.plots import bar, image_overlay


def make(channels="last", n_outputs=2):
    """Two images of 4 × 6: one of three regions, one of two."""
    rng = np.random.default_rng(0)
    labels = np.zeros((2, 4, 6), dtype=int)
    labels[0, :, 2:4], labels[0, :, 4:], labels[1, 2:] = 1, 2, 1
    values = rng.normal(size=(2, 3, n_outputs))
    values[1, 2] = np.nan
    images = rng.random((2, 4, 6, 3))
    if channels == "first":
        images = np.moveaxis(images, -1, 1)
    elif channels is None:
        images = images[:, :, :, 0]
    return ImageAttribution(
        method="LIME", values=values, standard_errors=np.abs(values) / 10,
        base_values=np.zeros((2, n_outputs)), predictions=np.ones((2, n_outputs)),
        fidelity=np.full((2, n_outputs), 0.5), output_names=tuple("ab"[:n_outputs]),
        images=images, labels=labels, channels=channels)


@pytest.mark.parametrize("channels", ["last", "first", None])
def test_pixels(channels):
    e = make(channels)
    pixels = e.pixels()
    assert pixels.shape == (2, 4, 6, 2)
    np.testing.assert_array_equal(pixels[0, 1, 3], e.values[0, 1])
    np.testing.assert_array_equal(pixels[1, 3, 0], e.values[1, 1])
    np.testing.assert_array_equal(e.pixels("standard_errors")[0, 0, 5], e.standard_errors[0, 2])
    with pytest.raises(ValueError, match="field must be 'values' or 'standard_errors', got 'x'"):
        e.pixels("x")


def test_one_image_has_its_own_regions():
    e = make()
    np.testing.assert_array_equal(e.n_units, [3, 2])
    np.testing.assert_array_equal(e.mask, [[True, True, True], [True, True, False]])
    assert e[1].values.shape == (1, 2, 2)
    assert np.isfinite(e[1].values).all()
    np.testing.assert_allclose(e.gap()[1], 1.0 - e.values[1, :2].sum(axis=0))
    assert e[:, :, "b"].output_names == ("b",)
    assert len(e.to_frame()) == 5 * 2


def test_chosen_regions():
    e = make()
    few = e[:, [2, 0]]
    np.testing.assert_array_equal(few.mask, [[True, True], [False, True]])
    assert np.isnan(few.pixels()[0, 0, 2]).all()
    np.testing.assert_array_equal(few.pixels()[0, 0, 0], e.values[0, 0])
    assert few[1].values.shape == (1, 1, 2)


def test_images_with_regions_of_their_own_are_not_averaged():
    e = make()
    with pytest.raises(ValueError, match="different regions, which cannot be averaged"):
        e.importance()
    assert e[0].importance().values.shape == (3, 2)


def test_round_trip(tmp_path):
    for channels in ("last", "first", None):
        e = make(channels)
        back = xk.load_explanation(e.save(tmp_path / "e.json"))
        assert type(back) is ImageAttribution
        assert back.channels == channels
        np.testing.assert_array_equal(back.images, e.images)
        np.testing.assert_array_equal(back.labels, e.labels)
        np.testing.assert_array_equal(back.values, e.values)


def test_what_does_not_fit_is_refused():
    e = make()
    fields = {name: getattr(e, name) for name in ("method", "base_values", "predictions", "output_names",
                                                  "images", "labels", "channels")}
    with pytest.raises(ValueError, match="labels go up to 2, but there are 2 units"):
        ImageAttribution(**fields, values=e.values[:, :2])
    with pytest.raises(ValueError, match="do not fit 1 images"):
        ImageAttribution(**{**fields, "images": e.images[:1]}, values=e.values)
    with pytest.raises(ValueError, match=r"labels has shape \(2, 4, 5\), expected \(2, 4, 6\)"):
        ImageAttribution(**{**fields, "labels": e.labels[:, :, 1:]}, values=e.values)


@pytest.mark.parametrize("channels", ["last", "first", None])
def test_overlay(channels):
    ax = image_overlay(make(channels), output="a")
    assert ax.get_title(loc="left") == "LIME · image 0 · a = 1"
    assert "fidelity: R² = 0.50" in ax.get_xlabel()
    base, heat = (image.get_array() for image in ax.images)
    assert base.shape == (4, 6)
    assert heat.shape == (4, 6, 4)
    assert len(ax.figure.axes) == 2  # with its colour bar


def test_overlay_of_the_largest():
    e = make(n_outputs=1)
    ax = image_overlay(e, max_display=1)
    largest = int(np.abs(e.values[0, :, 0]).argmax())
    opaque = np.asarray(ax.images[1].get_array())[:, :, 3] > 0
    np.testing.assert_array_equal(opaque, e.labels[0] == largest)
    assert "the 1 largest of 3 regions" in ax.get_xlabel()
    frames = [c for c in ax.collections if isinstance(c, LineCollection)]
    assert len(frames) == 2  # borders of all, and one frame
    # A column of 4 × 2 pixels has 12 sides.
    assert len(frames[1].get_segments()) == 12


def test_overlay_of_pixels_has_no_borders():
    e = ImageAttribution(method="RISE", values=np.ones((1, 40 * 40, 1)), base_values=[[0.0]],
                         predictions=[[1.0]], output_names=("a",), images=np.zeros((1, 40, 40)),
                         labels=np.arange(1600).reshape(1, 40, 40))
    ax = image_overlay(e, ax=plt.subplots()[1])
    assert not ax.collections
    assert "fidelity: not measured" in ax.get_xlabel()


def test_overlay_of_what_is_none():
    with pytest.raises(TypeError, match="image_overlay needs an ImageAttribution, got list"):
        image_overlay([1])
    with pytest.raises(KeyError, match="no output named 'z'"):
        image_overlay(make(), output="z")


def test_a_bar_shows_bins_and_fidelity(rng):
    X = rng.normal(size=(200, 2))
    e = xk.LIME(random_state=0, budget=301).fit(lambda X: np.sign(X[:, 0]), X).explain(X[:1])
    ax = bar(e)
    assert "fidelity: R² = " in ax.get_xlabel()
    assert ax.get_yticklabels()[0].get_text() == str(e.feature_details["conditions"][0, 0, 0])
