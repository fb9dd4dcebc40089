"""Tests of the submodular pick: rows that together show the most."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xaikit.errors import SettingError
from xaikit.explanations.attribution import Attribution
from xaikit.explanations.image import ImageAttribution
from xaikit.explanations.importance import Importance
from xaikit.explanations.pick import submodular_pick
from xaikit.explanations.text import TextAttribution

pytestmark = pytest.mark.filterwarnings("error")


def make(W, kind=Attribution, **fields):
    W = np.asarray(W, dtype=float)
    W = W[:, :, None] if W.ndim == 2 else W
    n, m, k = W.shape
    if kind is Attribution:
        fields["feature_names"] = [f"f{j}" for j in range(m)]
    return kind(method="exact", values=W, base_values=np.zeros((n, k)), predictions=W.sum(axis=1),
                output_names=[f"out{c}" for c in range(k)], **fields)


def naive(W, n_picks, most):
    """Do algorithm 2 of the paper, literally."""
    W = np.abs(np.asarray(W, dtype=float))
    n, m = W.shape
    for i in range(n):
        for j in sorted(range(m), key=lambda j: -W[i, j])[most:]:
            W[i, j] = 0.0
    importance = [np.sqrt(sum(W[i, j] for i in range(n))) for j in range(m)]

    def coverage(V):
        return sum(importance[j] for j in range(m) if any(W[i, j] > 0 for i in V))

    V = []
    while len(V) < min(n_picks, n):
        V.append(max((i for i in range(n) if i not in V),
                     key=lambda i: (round(coverage([*V, i]), 9), -i)))
    return V


# A toy in the manner of the paper's figure 5: feature 1 matters to most rows.
TOY = np.array([[1, 1, 0, 0, 0], [0, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 0, 1, 1],
                [0, 1, 0, 0, 1]])


def test_a_toy_by_hand():
    # Importances √1, √4, √2, √2, √2: row 2 shows 2 + 2·√2; then row 3 adds √2, more than row 0's 1.
    np.testing.assert_array_equal(submodular_pick(make(TOY), 3), [2, 3, 0])


@given(st.lists(st.lists(st.integers(-3, 3), min_size=6, max_size=6), min_size=1, max_size=8),
       st.integers(1, 9), st.sampled_from([1, 2, 3, 6, None]))
def test_as_the_paper_says(W, n_picks, most):
    comp = submodular_pick(make(W), n_picks, max_display=most)
    assert comp.tolist() == naive(W, n_picks, 6 if most is None else most)
    assert len(set(comp.tolist())) == len(comp) == min(n_picks, len(W))


def test_equal_rows_give_the_first_and_are_not_picked_twice():
    W = [[0, 1, 1], [0, 1, 1], [1, 0, 0]]
    np.testing.assert_array_equal(submodular_pick(make(W), 2), [0, 2])
    np.testing.assert_array_equal(submodular_pick(make(W), 3), [0, 2, 1])
    np.testing.assert_array_equal(submodular_pick(make(np.zeros((3, 2))), 2), [0, 1])


def test_sums_in_another_order_are_ties_too():
    # Both rows show features of the same importances, in another order: for some of these draws
    # the second row's sum is larger in its last digit.
    larger = 0
    for seed in range(20):
        row, W = np.random.default_rng(seed).random(5), np.zeros((2, 10))
        W[0, :5], W[1, 5:] = row, row[::-1]
        first, second = np.sqrt(W).sum(axis=1)
        larger += second > first
        np.testing.assert_array_equal(submodular_pick(make(W), 1), [0])
    assert larger


def test_importance_grows_with_the_root():
    # √1 + √1 is more than √3, though 1 + 1 is less than 3.
    np.testing.assert_array_equal(submodular_pick(make([[3, 0, 0], [0, 1, 1]]), 1), [1])


def test_only_the_largest_values_count_as_shown():
    # Nothing of an estimate is exactly 0: without max_display row 0 would seem to show it all.
    W = np.array([[1.0, 1e-9, 1e-9], [0.1, 0.9, 1e-9], [1e-9, 1e-9, 0.8]])
    np.testing.assert_array_equal(submodular_pick(make(W), 3, max_display=1), [0, 1, 2])
    np.testing.assert_array_equal(submodular_pick(make(W[[0, 2, 1]]), 3, max_display=1), [0, 2, 1])


def test_outputs():
    W = np.zeros((2, 2, 3))
    W[0, 0, 0], W[1, 1, 1], W[1, 1, 2] = 1.0, 0.9, 0.9
    e = make(W)
    np.testing.assert_array_equal(submodular_pick(e, 1, outputs=0), [0])
    np.testing.assert_array_equal(submodular_pick(e, 1, outputs="out1"), [1])
    np.testing.assert_array_equal(submodular_pick(e, 1, outputs=[0, 1, 2]), [1])
    np.testing.assert_array_equal(submodular_pick(replace(e, settings={"task": "classification"}), 1), [1])
    with pytest.raises(KeyError, match="no output named 'out9'"):
        submodular_pick(e, outputs="out9")


def test_unknown_values_are_not_shown():
    W = np.array([[np.nan, 0.0], [0.0, 0.1]])
    np.testing.assert_array_equal(submodular_pick(make(W), 1), [1])


def test_texts_are_compared_by_word():
    # By position all three texts would show the same: unit 0 and unit 1.
    texts = ["good film", "Good Film", "bad plot"]
    spans = [[[0, 0, 4], [1, 5, 9]], [[0, 0, 4], [1, 5, 9]], [[0, 0, 3], [1, 4, 8]]]
    e = make([[1, 1], [1, 1], [0.5, 0.5]], TextAttribution, texts=texts, spans=spans)
    np.testing.assert_array_equal(submodular_pick(e, 2), [0, 2])


def test_images_need_regions_in_common():
    labels = np.array([[[0, 1]], [[0, 1]]])
    images = np.zeros((2, 1, 2))
    e = make([[1, 0], [0, 2]], ImageAttribution, images=images, labels=labels)
    np.testing.assert_array_equal(submodular_pick(e), [1, 0])
    e = make([[1, 0], [0, 2]], ImageAttribution, images=images, labels=np.stack([labels[0], 1 - labels[0]]))
    with pytest.raises(ValueError, match="different regions, which cannot be compared; explain"):
        submodular_pick(e)


@pytest.mark.parametrize("wrong", [0, 2.0, True])
def test_counts_that_cannot_be(wrong):
    with pytest.raises(SettingError, match=f"n_picks must be a whole number of at least 1, got {wrong}"):
        submodular_pick(make(TOY), n_picks=wrong)


def test_what_cannot_be_picked_from():
    importance = Importance(method="m", feature_names=("a",), output_names=("o",), values=[[1.0]])
    with pytest.raises(TypeError, match="needs an Attribution, got Importance; pass what"):
        submodular_pick(importance)
    with pytest.raises(ValueError, match=r"nothing to pick from: the values have shape \(0, 5, 1\)"):
        submodular_pick(make(TOY)[:0])
