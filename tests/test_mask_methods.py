"""Laws of every explainer that hides units, over tables, texts and images."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import xaikit as xk

METHODS = {
    "KernelSHAP": lambda: xk.KernelSHAP(random_state=0),
    "LIME": lambda: xk.LIME(random_state=0, budget=400),
    "Occlusion": lambda: xk.Occlusion(random_state=0),
    "PredictionDifference": lambda: xk.PredictionDifference(random_state=0),
    "ExtremalMask": lambda: xk.ExtremalMask(random_state=0, areas=[0.3, 0.6]),
}
WORDS = {"good": 2.0, "bad": -3.0, "film": 0.5}


def by_words(texts):
    """Two outputs, text by text."""
    totals = [sum(WORDS.get(w, 0.0) for w in t.lower().split()) for t in texts]
    return np.array([[t, t * t] for t in totals])


def by_cells(images):
    """Two outputs of the corners and the middle, image by image."""
    images = images.astype(np.float64)
    return np.stack([images[:, 0, 0] * images[:, -1, -1], images[:, 2, 2]], axis=1)


def of_table(X):
    """Two outputs, cell by cell."""
    X = np.asarray(X, dtype=float)
    return np.stack([X[:, 0] * X[:, 1] + X[:, 2], X[:, 3]], axis=1)


@pytest.fixture
def cases(rng):
    """Give a model, what hides its units, and five things to explain, by kind."""
    texts = ["A good film", "bad bad film it is", "nothing", "Good, good!", "a bad one, but good"]
    return {
        "table": (of_table, rng.normal(size=(20, 4)), rng.normal(size=(5, 4))),
        "text": (by_words, xk.TextMasker(), texts),
        "image": (by_cells, xk.ImageMasker("grid", n_segments=6), rng.random((5, 6, 6)).astype(np.float32)),
    }


def same(a, b):
    for name in ("values", "standard_errors", "base_values", "predictions", "fidelity"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)


@pytest.mark.parametrize("kind", ["table", "text", "image"])
@pytest.mark.parametrize("name", METHODS)
def test_same_seed_same_bytes(cases, name, kind):
    model, background, X = cases[kind]
    e = METHODS[name]().fit(model, background).explain(X)
    same(e, METHODS[name]().fit(model, background).explain(X))
    for settings in ({"batch_size": 3}, {"max_memory": 2**12}, {"n_jobs": 2}):
        if name == "KernelSHAP" and "max_memory" in settings:
            continue  # how much memory there is, is one of the things that its "auto" goes by
        same(e, METHODS[name]().set_params(**settings).fit(model, background).explain(X))


@pytest.mark.parametrize("kind", ["table", "text", "image"])
@pytest.mark.parametrize("name", METHODS)
def test_rows_do_not_depend_on_each_other(cases, name, kind):
    model, background, X = cases[kind]
    explainer = METHODS[name]().fit(model, background)
    e, last = explainer.explain(X), explainer.explain(X[4:])
    np.testing.assert_array_equal(e[4].values, last.values)
    np.testing.assert_array_equal(e[4].predictions, last.predictions)
    if kind != "table":
        assert type(e) is type(last) is {"text": xk.TextAttribution, "image": xk.ImageAttribution}[kind]


@pytest.mark.parametrize("kind", ["table", "text", "image"])
@pytest.mark.parametrize("name", METHODS)
def test_explanations_survive_a_file(cases, name, kind, tmp_path):
    model, background, X = cases[kind]
    e = METHODS[name]().fit(model, background).explain(X)
    back = xk.load_explanation(e.save(tmp_path / "e.json"))
    assert type(back) is type(e)
    same(e, back)
    same(e[1:3], back[1:3])
    np.testing.assert_array_equal(e.gap(), back.gap())
    assert len(e.to_frame()) == e.mask.sum() * 2
    assert name in repr(e)
    assert e._repr_html_()


@pytest.mark.parametrize("kind", ["table", "text", "image"])
def test_explainers_share_games(cases, kind):
    model, background, X = cases[kind]
    first = xk.KernelSHAP(random_state=0).fit(model, background)
    games = first.games(X)
    shap = first.explain(games)
    np.testing.assert_array_equal(shap.values, first.explain(X).values)
    again = first.explain(games)
    assert again.cost.model_rows == 0
    np.testing.assert_array_equal(shap.values, again.values)
    # Each unit hidden alone is among the questions of exact Shapley values.
    occlusion = xk.Occlusion().fit(model, games[0].row.masker).explain(games)
    assert occlusion.cost.model_rows == 0
    np.testing.assert_allclose(
        occlusion.values, xk.Occlusion().fit(model, games[0].row.masker).explain(X).values, rtol=1e-9,
        atol=1e-9)
    one = first.explain(games[2])
    np.testing.assert_array_equal(one.values, shap[2].values if kind != "table" else shap.values[2:3])


def test_games_of_two_maskers_are_told_apart(cases):
    model, background, X = cases["table"]
    one, other = (xk.KernelSHAP().fit(model, background) for _ in range(2))
    with pytest.raises(ValueError, match="made by different maskers"):
        one.explain([*one.games(X), *other.games(X)])


def test_games_of_another_model_or_masker_are_refused(cases):
    model, background, X = cases["table"]
    games = xk.KernelSHAP().fit(model, background).games(X)
    with pytest.raises(ValueError, match="another masker than this explainer was fitted with"):
        xk.Occlusion().fit(model, background).explain(games)
    with pytest.raises(ValueError, match="ask another model"):
        xk.Occlusion().fit(lambda X: -model(X), games[0].row.masker).explain(games)


def test_games_and_data_are_not_mixed(cases):
    model, background, X = cases["table"]
    explainer = xk.Occlusion().fit(model, background)
    with pytest.raises(TypeError, match="expected games alone, or data alone"):
        explainer.explain([*explainer.games(X), X])


def test_windows_and_soft_masks_are_no_games(cases):
    model, background, X = cases["image"]
    games = xk.KernelSHAP().fit(model, background).games(X)
    with pytest.raises(ValueError, match="a window cuts images into cells of its own"):
        xk.Occlusion(window=2).fit(model, games[0].row.masker).explain(games)
    with pytest.raises(TypeError, match="RISE masks images softly, which no game can"):
        xk.RISE(budget=22).fit(model, games[0].row.masker).explain(games)


def test_an_image_of_one_region_is_warned_of(cases):
    model, _, X = cases["image"]
    one = xk.ImageMasker(np.zeros((6, 6), dtype=int), baseline=0)
    e = xk.KernelSHAP(random_state=0).fit(model, one).explain(X)
    assert any("one region as a whole" in warning for warning in e.warnings)


@pytest.mark.parametrize("name", METHODS)
def test_explainers_are_estimators(name):
    explainer = METHODS[name]()
    assert clone(explainer).get_params() == explainer.get_params()
    with pytest.raises(NotFittedError, match="call fit"):
        explainer.explain(np.zeros((1, 2)))


@pytest.mark.parametrize("kind", ["text", "image"])
@pytest.mark.parametrize("name", METHODS)
def test_groups_are_for_tables(cases, name, kind):
    model, background, _ = cases[kind]
    with pytest.raises(ValueError, match="groups name columns of a table"):
        METHODS[name]().set_params(groups={"a": [0, 1]}).fit(model, background)


@pytest.mark.parametrize("name", METHODS)
def test_a_model_that_fails_half_way_says_so(name, rng):
    asked = []

    def model(X):
        asked.append(len(X))
        if sum(asked) > 60:
            raise RuntimeError("no answer today")
        return X[:, 0]

    with pytest.raises(xk.ModelError, match="no answer today"):
        METHODS[name]().fit(model, rng.normal(size=(20, 8))).explain(rng.normal(size=(6, 8)))


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("kind", ["text", "image"])
def test_nan_answers_are_refused(cases, name, kind):
    _, background, X = cases[kind]
    with pytest.raises(xk.ModelError, match="finite|NaN"):
        METHODS[name]().fit(lambda batch: np.full(len(batch), np.nan), background).explain(X)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("kind", ["table", "text", "image"])
def test_constant_models(cases, name, kind):
    _, background, X = cases[kind]
    e = METHODS[name]().fit(lambda batch: np.full(len(batch), 7.25), background).explain(X)
    if name != "ExtremalMask":
        np.testing.assert_allclose(e.values[e.mask], 0.0, atol=1e-12)
    # The mean of twenty equal answers, by weights of 1/20.
    np.testing.assert_allclose(e.predictions, 7.25, rtol=1e-14)
    assert np.isnan(e.fidelity).all()


@pytest.mark.parametrize("name", METHODS)
def test_the_input_is_left_alone(cases, name):
    for model, background, X in cases.values():
        before = list(X) if isinstance(X, list) else X.copy()
        METHODS[name]().fit(model, background).explain(X)
        assert before == X if isinstance(X, list) else np.array_equal(before, X)


@pytest.mark.parametrize("name", METHODS)
def test_frames_and_arrays_agree(rng, name):
    background, X = rng.normal(size=(20, 4)), rng.normal(size=(3, 4))
    names = list("abcd")
    e = METHODS[name]().fit(of_table, background).explain(X)
    framed = METHODS[name]().fit(of_table, pd.DataFrame(background, columns=names)).explain(
        pd.DataFrame(X, columns=names))
    np.testing.assert_array_equal(e.values, framed.values)
    assert framed.feature_names == tuple(names)


def test_interactions_of_texts_have_room_for_the_longest():
    e = xk.KernelSHAP(random_state=0, interactions=True).fit(by_words, xk.TextMasker()).explain(
        ["good film", "a good bad film"])
    assert e.interactions.shape == (2, 4, 4, 2)
    np.testing.assert_allclose(e[0].interactions[0].sum(axis=1), e[0].values[0], atol=1e-12)
    assert np.isnan(e.interactions[0, 3]).all()
