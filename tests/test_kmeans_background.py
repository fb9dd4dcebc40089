"""kmeans_background: rows that occur, weighted by how many they stand for."""

import numpy as np
import pandas as pd
import pytest

import xaikit as xk


def test_weights_are_the_shares_of_clusters():
    X = np.array([[0.0, 1.0]] * 5 + [[10.0, -1.0]] * 3 + [[-10.0, 7.0]] * 2)
    few = xk.kmeans_background(X, 3, random_state=0)
    assert {tuple(row): weight for row, weight in zip(few.background, few.weights, strict=True)} == {
        (0.0, 1.0): 0.5, (10.0, -1.0): 0.3, (-10.0, 7.0): 0.2}


def test_rows_are_rows_that_occur(adult):
    people = adult.drop(columns="income", errors="ignore").iloc[:400]
    few = xk.kmeans_background(people, 20, random_state=0)
    assert few.n_background <= 20
    np.testing.assert_allclose(few.weights.sum(), 1.0)
    assert (few.background.dtypes == people.dtypes).all()
    known = set(map(tuple, people.astype(str).to_numpy()))
    assert all(row in known for row in map(tuple, few.background.astype(str).to_numpy()))


def test_the_mean_is_nearer_than_that_of_as_many_random_rows(rng):
    X = rng.normal(size=(2000, 4)) * [1, 5, 0.1, 2] + rng.integers(3, size=(2000, 1)) * 6
    few = xk.kmeans_background(X, 30, random_state=0)
    error = np.abs((few.weights @ few.background - X.mean(axis=0)) / X.std(axis=0)).mean()
    chance = np.mean([np.abs((X[rng.permutation(2000)[:30]].mean(axis=0) - X.mean(axis=0))
                             / X.std(axis=0)).mean() for _ in range(50)])
    assert error < 0.5 * chance


def test_the_same_seed_gives_the_same_rows(rng):
    X = rng.normal(size=(100, 3))
    first, again = (xk.kmeans_background(X, 5, random_state=4) for _ in range(2))
    np.testing.assert_array_equal(first.background, again.background)


def test_it_is_a_background_for_explainers(rng):
    X = rng.normal(size=(100, 3))
    few = xk.kmeans_background(X, 5, groups={"both": [0, 1]}, random_state=0)
    e = xk.KernelSHAP(random_state=0).fit(lambda X: X.sum(axis=1), few).explain(X[:2])
    assert e.feature_names == ("both", "2") or len(e.feature_names) == 2
    np.testing.assert_allclose(e.base_values[:, 0], few.weights @ few.background.sum(axis=1))


@pytest.mark.parametrize("k", [1, 4, 50])
def test_fewer_different_rows_than_asked_for(k):
    X = pd.DataFrame({"a": [1, 1, 2, 2], "b": ["x", "x", "y", None], "c": [np.nan, np.nan, 1.0, 1.0]})
    few = xk.kmeans_background(X, k, random_state=0)
    assert few.n_background == min(k, 3)
    np.testing.assert_allclose(few.weights.sum(), 1.0)


@pytest.mark.parametrize(("X", "k", "words"), [
    (np.ones((3, 2)), 0, "k must be a whole number"), (np.ones((3, 2)), 1.5, "k must be"),
    (np.ones((3, 2)), True, "k must be"), (np.ones((0, 2)), 3, "rows and columns")])
def test_bad_input(X, k, words):
    with pytest.raises(ValueError, match=words):
        xk.kmeans_background(X, k)
