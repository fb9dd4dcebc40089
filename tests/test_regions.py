"""Regions over a map of pixels, against a twin that looks at every segment in every round."""

from __future__ import annotations

import numpy as np
import pytest
import reference_images as reference

from xaikit.explainers.regions import regions
from xaikit.explanations.attribution import Attribution
from xaikit.explanations.base import Explanation
from xaikit.explanations.image import ImageAttribution
from xaikit.sampling.segments import segment


def pixel_map(maps, labels=None, **fields):
    """Make an explanation of maps (n, height, width, K)."""
    n, height, width, k = maps.shape
    if labels is None:
        labels = np.broadcast_to(np.arange(height * width).reshape(height, width), (n, height, width))
    return ImageAttribution(**{
        "method": "by hand", "values": maps.reshape(n, -1, k), "labels": labels,
        "standard_errors": np.full((n, height * width, k), 0.5), "base_values": np.zeros((n, k)),
        "predictions": np.arange(n * k, dtype=float).reshape(n, k),
        "output_names": tuple(f"y{i}" for i in range(k)), "images": np.zeros((n, height, width)), **fields})


@pytest.mark.parametrize("least", [0.0, 0.05, 0.3, 1.0])
def test_regions_are_those_of_the_twin(rng, least):
    maps = rng.normal(size=(2, 8, 10, 1))
    cuts = [segment(np.zeros((8, 10)), "grid", n) for n in (4, 9, 30)]
    cuts.append(rng.integers(-1, 6, size=(8, 10)))
    found = regions(pixel_map(maps), segmenter=cuts, least=least)
    for i in range(2):
        labels, means = reference.regions(maps[i, :, :, 0], cuts, max(1, np.ceil(least * 80)))
        np.testing.assert_array_equal(found.labels[i], labels)
        n = len(means)
        np.testing.assert_allclose(found.values[i, :n, 0], means, rtol=1e-12)
        assert np.isnan(found.values[i, n:]).all()
        shares = [(labels == r).mean() for r in range(n)]
        np.testing.assert_allclose(found.feature_details["share"][i, :n], shares)


def test_the_grid_at_scales(rng):
    maps = rng.normal(size=(1, 8, 10, 1))
    found = regions(pixel_map(maps), segmenter="grid", scales=(4, 9))
    cuts = [segment(np.zeros((8, 10)), "grid", n) for n in (4, 9)]
    same = regions(pixel_map(maps), segmenter=cuts)
    np.testing.assert_array_equal(found.labels, same.labels)
    np.testing.assert_array_equal(regions(pixel_map(maps), segmenter="grid", scales=4).labels,
                                  regions(pixel_map(maps), segmenter=cuts[0]).labels)


@pytest.mark.parametrize("segmenter", ["felzenszwalb", "slic", "quickshift"])
def test_the_bright_square_comes_first(segmenter):
    pytest.importorskip("skimage")
    image = np.zeros((24, 24, 3), dtype=np.uint8)
    image[6:14, 8:18] = [250, 30, 90]
    square = image[:, :, 0] > 0
    e = pixel_map((square * 2.0 - 0.5)[None, :, :, None], images=image[None], channels="last")
    found = regions(e, segmenter=segmenter, scales=(4, 16))
    assert found.values[0, 0, 0] > 1.0
    assert square[found.labels[0] == 0].mean() > 0.9
    first = regions(pixel_map((square * 2.0 - 0.5)[None, :, :, None], channels="first",
                              images=np.moveaxis(image, -1, 0)[None]), segmenter=segmenter, scales=(4, 16))
    np.testing.assert_array_equal(first.labels, found.labels)


def test_fields(rng):
    maps = rng.normal(size=(2, 4, 4, 2))
    e = pixel_map(maps, row_names=("a", "b"), settings={"grid": 8}, random_state=3, warnings=("mind",))
    found = regions(e, "y1", segmenter="grid", scales=[4])
    assert found.output_names == ("y1",)
    np.testing.assert_array_equal(found.predictions, [[1.0], [3.0]])
    assert found.method == "regions of by hand"
    assert (found.row_names, found.random_state, found.warnings) == (("a", "b"), 3, ("mind",))
    assert found.settings["grid"] == 8
    assert found.settings["regions"] == {"segmenter": "grid", "scales": [4], "least": 0.001, "random_state": 0}
    np.testing.assert_allclose(found.standard_errors, 0.5)
    assert (np.diff(found.values[0, :, 0]) < 0).all()
    np.testing.assert_array_equal(regions(e, 1, segmenter="grid", scales=[4]).labels, found.labels)
    assert Explanation.from_dict(found.to_dict()).to_dict() == found.to_dict()


def test_labels_of_each_image_and_callables(rng):
    maps = rng.normal(size=(2, 4, 4, 1))
    each = np.stack([np.arange(16).reshape(4, 4) // 8, np.arange(16).reshape(4, 4) % 4])
    found = regions(pixel_map(maps), segmenter=each)
    assert found.n_units.tolist() == [2, 4]
    halves = regions(pixel_map(maps), segmenter=lambda image: each[0])
    np.testing.assert_array_equal(halves.labels[0], found.labels[0])
    assert halves.settings["regions"]["segmenter"] == "1 given"


def test_pixels_of_no_region_stay_out():
    labels = np.array([[[0, 1], [2, -1]]])
    e = pixel_map(np.array([1.0, 2.0, 3.0, 9.0]).reshape(1, 2, 2, 1), labels=labels)
    found = regions(e, segmenter=np.zeros((2, 2), dtype=int))
    assert found.labels.tolist() == [[[0, 0], [0, -1]]]
    assert found.values.tolist() == [[[2.0]]]


@pytest.mark.parametrize(("given", "said"), [
    ({"least": 2}, "least must be a number of at least 0 and at most 1, got 2"),
    ({"least": "few"}, "least must be a number"),
    ({"scales": ()}, r"scales must be a whole number of at least 1 \(segments\) or a sequence"),
    ({"scales": (0,)}, r"scales must be .*, got \(0,\)"),
    ({"scales": (2.5,)}, r"scales must be .*, got \(2.5,\)"),
    ({"scales": (True,)}, r"scales must be .*, got \(True,\)"),
    ({"segmenter": "felzenszwalb", "scales": (0.0, 2.5)}, "scales must be a number above 0 or a sequence"),
    ({"random_state": True}, "random_state must be"),
    ({"segmenter": "voronoi"}, "segmenter must be one of"),
    ({"segmenter": ["grid"]}, "a list of segmenters holds callables and arrays"),
    ({"segmenter": []}, "a list of segmenters holds"),
    ({"segmenter": np.zeros((3, 3), dtype=int)}, "expected labels of shape"),
    ({"segmenter": -np.ones((4, 4), dtype=int)}, "all negative"),
])
def test_bad_input(given, said):
    e = pixel_map(np.zeros((2, 4, 4, 2)))
    with pytest.raises(ValueError, match=said):
        regions(e, **{"output": 0, "segmenter": "grid", **given})


def test_only_explanations_of_images():
    table = Attribution(method="m", values=np.zeros((1, 2, 1)), base_values=[[0]], predictions=[[0]],
                        feature_names=("a", "b"), output_names=("y",))
    with pytest.raises(TypeError, match="expected an ImageAttribution"):
        regions(table)
    with pytest.raises((IndexError, KeyError, ValueError), match="y7"):
        regions(pixel_map(np.zeros((1, 4, 4, 2))), "y7", segmenter="grid")


def test_regions_of_a_slice_say_what_it_left_out():
    e = ImageAttribution(
        method="by hand", values=np.array([[[1.0], [5.0], [3.0], [3.0]]]), base_values=[[0.0]],
        predictions=[[12.0]], output_names=("output",), images=np.zeros((1, 2, 2)),
        labels=np.arange(4).reshape(1, 2, 2))
    found = regions(e[:, [0, 1]], segmenter=[np.array([[0, 0], [1, 1]])])
    assert (found.n_left_out.tolist(), found.left_out.tolist()) == ([2], [[6.0]])
