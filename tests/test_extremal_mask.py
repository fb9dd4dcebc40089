"""Tests of extremal masks."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

import xaikit as xk


def test_additive_games_are_solved_exactly(rng):
    weights = rng.normal(size=10)
    e = xk.ExtremalMask(areas=[0.2, 0.5]).fit(lambda X: X @ weights, np.zeros((1, 10))).explain(
        np.ones((1, 10)))
    order = np.argsort(-weights)
    wanted = np.zeros(10)
    wanted[order[:5]] += 0.5
    wanted[order[:2]] += 0.5
    np.testing.assert_array_equal(e.values[0, :, 0], wanted)
    np.testing.assert_allclose(e.details["kept"][0, :, 0],
                               [weights[order[:2]].sum(), weights[order[:5]].sum()], rtol=1e-12)


def test_exchanges_mend_what_adding_got_wrong():
    # Alone the first unit is best, and of the whole the second and the last are missed most; but
    # the second and the third are best together.
    def model(X):
        return 4 * X[:, 0] + X[:, 1] + 8 * X[:, 1] * X[:, 2] * (1 - X[:, 0]) + 0.5 * X[:, 3]

    def kept(budget):
        e = xk.ExtremalMask(areas=[0.5], budget=budget).fit(model, np.zeros((1, 4))).explain(
            np.ones((1, 4)))
        return e.details["kept"][0, 0, 0]

    best = max(float(model(np.isin(np.arange(4), chosen)[None].astype(float))[0])
               for chosen in combinations(range(4), 2))
    assert kept(11) == 5.0
    assert kept("auto") == best == 9.0


def test_every_output_has_a_search_of_its_own(rng):
    e = xk.ExtremalMask(areas=[0.25]).fit(lambda X: np.stack([X[:, 0], X[:, 3]], axis=1),
                                          np.zeros((1, 4))).explain(np.ones((1, 4)))
    np.testing.assert_array_equal(e.values[0], [[1, 0], [0, 0], [0, 0], [0, 1]])


def test_the_budget_is_kept(rng, counting):
    model = counting(lambda X: (X ** 2).sum(axis=1) + X[:, 0] * X[:, 1])
    explainer = xk.ExtremalMask(areas=[0.3], budget=4 * 60).fit(model, rng.normal(size=(4, 12)))
    e = explainer.explain(rng.normal(size=(2, 12)))
    # Beside the search: the row itself (the background is known).
    assert (e.details["model_rows"] <= 4 * 60 + 4).all()


def test_images(rng):
    labels = np.arange(9).repeat(4).reshape(3, 3, 2, 2).transpose(0, 2, 1, 3).reshape(6, 6)
    e = xk.ExtremalMask(areas=[1 / 9]).fit(
        lambda X: X[:, 2:4, 2:4].mean(axis=(1, 2)), xk.ImageMasker(labels, baseline=0)).explain(
        np.ones((6, 6)))
    assert e.values[0, :, 0].argmax() == labels[2, 2] == int(np.flatnonzero(e.values[0, :, 0])[0])


@pytest.mark.parametrize(("settings", "sentence"), [
    ({"areas": []}, "areas must be a sequence of at least 1, each a number above 0 and at most 1"), ({"areas": [0.0]}, "above 0 and at most 1"),
    ({"areas": 0.2}, "areas must be a sequence"), ({"areas": [1.2]}, "at most 1"),
    ({"budget": 0}, r"budget must be a whole number of at least 1 \(model rows\)"),
    ({"budget": 3}, "budget=3 model rows is too small: adding 1 of 4 units one by one takes 8"),
])
def test_bad_settings(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        xk.ExtremalMask(**{"areas": [0.25], **settings}).fit(
            lambda X: X.sum(axis=1), np.zeros((1, 4))).explain(np.ones((1, 4)))


def test_all_units_may_be_shown():
    e = xk.ExtremalMask(areas=[1.0]).fit(lambda X: X.sum(axis=1), np.zeros((1, 3))).explain(
        np.ones((1, 3)))
    np.testing.assert_array_equal(e.values[0, :, 0], 1.0)


def test_where_no_unit_does_anything_alone():
    # All of three units are needed: adding them one by one sees nothing until the last.
    model = lambda X: (X[:, [2, 5, 7]].sum(axis=1) == 3).astype(float)  # noqa: E731
    e = xk.ExtremalMask(areas=[3 / 8]).fit(model, np.zeros((1, 8))).explain(np.ones((1, 8)))
    np.testing.assert_array_equal(np.flatnonzero(e.values[0, :, 0]), [2, 5, 7])
    assert e.details["kept"][0, 0, 0] == 1.0
