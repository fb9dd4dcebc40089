"""Rows by label and position, the largest features, groups afterwards, differences, and one-line explanations."""

from __future__ import annotations

import itertools
import pickle
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import xaikit as xk
from xaikit import plots
from xaikit.explanations.choosing import choose_row

LABELS = [8669, 12, 3, 0, 77, 5]
X = pd.DataFrame(np.random.default_rng(0).normal(size=(6, 4)), columns=list("abcd"), index=LABELS)


def model(Z):
    return np.column_stack([Z["a"] * Z["b"] + Z["c"], Z["d"]])


E = xk.KernelSHAP(solver="exact", interactions=True).fit(model, X).explain(X)
SAMPLED = xk.KernelSHAP(solver="wls", budget=60, random_state=0).fit(model, X).explain(X)
TEXTS = xk.Occlusion().fit(lambda T: np.array([t.count("a") for t in T]), xk.TextMasker()).explain(["a b", "c a a"])


@pytest.mark.parametrize(("key", "places"), [
    (3, [2]), (8669, [0]), ([12, 0], [1, 3]), (slice(12, 0), [1, 2, 3]), (X["a"] > 0, [0]), (slice(None), range(6)),
])
def test_loc_takes_labels(key, places):
    for e in (E, pickle.loads(pickle.dumps(E))):
        np.testing.assert_array_equal(e.loc[key].values, E.values[list(places)])
        assert e.loc[key].row_names == tuple(LABELS[i] for i in places)


@pytest.mark.parametrize(("key", "places"), [(3, [3]), (-1, [5]), ([1, 0], [1, 0]), (slice(1, 3), [1, 2])])
def test_iloc_and_plain_slices_take_positions(key, places):
    assert E.iloc[key].row_names == E[key].row_names == tuple(LABELS[i] for i in places)


def test_loc_and_iloc_choose_features_and_outputs_too():
    np.testing.assert_array_equal(E.loc[3, ["a", "c"], "output 1"].values, E.values[[2]][:, [0, 2]][:, :, [1]])
    np.testing.assert_array_equal(E.iloc[3, 0].values, E.values[[3]][:, [0]])


def test_labels_that_are_tuples_or_occur_twice():
    pairs = pd.MultiIndex.from_tuples([("x", 1), ("x", 2), ("y", 1)] * 2)
    e = xk.Occlusion().fit(model, X).explain(X.set_axis(pairs))
    assert e.loc[("x", 2)].row_names == (("x", 2), ("x", 2))
    with pytest.raises(KeyError, match="no row is labelled"):
        e.loc[("z", 2)]


@pytest.mark.parametrize(("ask", "error", "sentence"), [
    (lambda: E.loc[99], KeyError, "no row is labelled 99; the labels are 8669, 12, 3"),
    (lambda: E.loc["x"], KeyError, "no row is labelled 'x'"), (lambda: E.iloc[9], IndexError, "out-of-bounds"),
    (lambda: E[..., ..., 0], IndexError, "'...' once"), (lambda: E[0, 0, 0, 0], IndexError, "at most rows"),
    (lambda: plots.waterfall(E, row=1, output=0), KeyError, "no row is labelled 1;.*by its position is e.iloc"),
    (lambda: choose_row((4, 4, 7), 4), TypeError, "2 rows are labelled 4; draw one by its position, such as e.iloc"),
    (lambda: E.top(0), xk.SettingError, "k must be a whole number of at least 1"),
    (lambda: E.grouped({"a": ["b"]}), ValueError, "a group has the name of another column"),
    (lambda: E.grouped({"g": ["nothing"]}), ValueError, "'nothing'"),
    (lambda: TEXTS.grouped({"g": [0]}), ValueError, "units of texts .* cannot be grouped.*by_word"),
    (lambda: TEXTS.top(1), ValueError, "but within one"), (lambda: TEXTS[0] - TEXTS[1], ValueError, "subtracted"),
    (lambda: E - E[0], ValueError, "different numbers of rows cannot be subtracted: 6 and 1"),
    (lambda: E[:, "a"] - E[:, "b"], ValueError, "different features"),
    (lambda: E - xk.Occlusion().fit(model, X).explain(X), ValueError, "different methods"),
    (lambda: E - 3, TypeError, "unsupported"),
    (lambda: xk.explain(model, X.iloc[:1]), ValueError, "a single row has no background of its own: pass"),
])
def test_what_cannot_be_selected(ask, error, sentence):
    with pytest.raises(error, match=sentence):
        ask()


@pytest.mark.parametrize(("names", "row", "place"), [
    ((0, 1, 2), 1, 1), ((0, 1, 2), -1, 2), ((2, 1, 0), 0, 2), ((8, 9), None, 0), (("a", "b"), 1, 1), (("a", 1), 1, 1),
    ((8, 9), np.int64(9), 1), ((7,), 0, 0), ((1.5, 2.5), 1, 1), ((2.0, 0.0, 1.0), 1, 2), ((True, False), 1, 1)])
def test_a_plots_row_is_a_label_if_labels_are_whole_numbers(names, row, place):
    assert choose_row(names, row) == place


def test_dots_stand_for_whole_axes():
    assert E[..., "output 1"].output_names == ("output 1",)
    assert E[0, ..., 1].values.shape == (1, 4, 1)
    assert E[...].values.shape == E.values.shape
    assert E.importance()[..., 1].values.shape == (4, 1)
    assert TEXTS[..., 0].values.shape == (2, 3, 1)
    np.testing.assert_array_equal(TEXTS.mask, [[True, True, False], [True, True, True]])


def test_top_takes_the_largest_and_counts_the_rest():
    sizes = np.abs(E.values).mean(axis=0).max(axis=1)
    classes = replace(E, settings=E.settings | {"task": "classification"})
    assert classes.top(2).feature_names == tuple(np.array(list("abcd"))[np.sort(np.argsort(-sizes)[:2])])
    assert (classes.top(2).n_left_out == 2).all()
    assert E.top(1, output="output 1").feature_names == ("d",)
    assert E.top(9, output=0).feature_names == E.feature_names
    assert E.importance()[:, 1].top(1).feature_names == ("d",)
    assert TEXTS[1].top(1).feature_names == ("a",)


@pytest.mark.parametrize("e", [E, SAMPLED, E[:, ["b", "a", "d"]]], ids=["exact", "sampled", "slice"])
def test_groups_afterwards_are_sums(e, tmp_path):
    g = e.grouped({"ab": ["a", "b"]})
    a, b = e.feature_names.index("a"), e.feature_names.index("b")
    place = g.feature_names.index("ab")
    np.testing.assert_allclose(g.values[:, place], e.values[:, a] + e.values[:, b])
    np.testing.assert_allclose(g.standard_errors[:, place], e.standard_errors[:, a] + e.standard_errors[:, b])
    np.testing.assert_allclose(g.gap(), e.gap(), atol=1e-12)
    assert g.feature_data("ab") is None
    np.testing.assert_array_equal(g.feature_data("d"), e.feature_data("d"))
    if e.interactions is not None and e is E:
        np.testing.assert_allclose(g.interactions.sum(axis=2), g.values, atol=1e-12)
    loaded = xk.load_explanation(g.save(tmp_path / "g.json"))
    np.testing.assert_array_equal(loaded.values, g.values)
    assert plots.waterfall(g, output=0).get_yticklabels()


def test_the_difference_of_two_rows_says_why_they_are_answered_differently(tmp_path):
    d = SAMPLED[0] - SAMPLED[1]
    np.testing.assert_allclose(d.values, SAMPLED.values[:1] - SAMPLED.values[1:2])
    np.testing.assert_allclose(d.standard_errors, SAMPLED.standard_errors[:2].sum(axis=0)[None])
    np.testing.assert_array_equal(d.base_errors, 0.0)
    np.testing.assert_allclose(d.predictions[0], model(X)[0] - model(X)[1])
    np.testing.assert_allclose(d.gap(), 0.0, atol=1e-9)
    assert d.row_names == ("8669 − 12",)
    assert (E - E).interactions is not None
    assert xk.load_explanation(d.save(tmp_path / "d.json")).row_names == d.row_names
    cut = SAMPLED[0, ["a", "b"]] - SAMPLED[1, ["a", "b"]]
    np.testing.assert_allclose(cut.gap(), cut.left_out, atol=1e-9)


def test_one_call_explains_tables_texts_and_images():
    np.testing.assert_array_equal(xk.explain(model, X, random_state=0).values,
                                  xk.KernelSHAP(random_state=0).fit(model, X).explain(X).values)
    e = xk.explain(model, X.iloc[:1], X, outputs=0, groups={"ab": ["a", "b"]})
    assert e.feature_names == ("ab", "c", "d")
    of_texts = xk.explain(lambda T: np.array([float(len(t)) for t in T]), ["some text"])
    assert isinstance(of_texts, xk.TextAttribution)
    grid = xk.ImageMasker("grid", n_segments=4)
    of_images = xk.explain(lambda Z: Z.mean(axis=(1, 2)), np.arange(32.0).reshape(2, 4, 4), grid)
    assert isinstance(of_images, xk.ImageAttribution)


@pytest.mark.parametrize("verbose", [True, False])
def test_progress_is_shown_unless_it_is_not_wanted(verbose, capsys, monkeypatch):
    seconds = itertools.count(step=10)
    monkeypatch.setattr("tqdm.std.time", lambda: float(next(seconds)))  # the bar waits for two seconds
    xk.PermutationImportance(random_state=0, verbose=verbose).fit(lambda Z: Z["a"]).explain(X)
    assert ("permutation" in capsys.readouterr().err) == verbose


def test_a_position_that_is_the_name_of_another_feature_or_output_is_said():
    Z = pd.DataFrame(X.to_numpy()[:, :3], columns=[2, 5, ("a", 1)])
    of = xk.wrap(lambda Z: np.c_[Z.sum(axis=1), -Z.sum(axis=1)], output_names=["1", "2"])
    e = xk.explain(of, Z)
    for chosen in (lambda: e[:, 2], lambda: e[:, [2]], lambda: plots.scatter(e[..., "1"], 2)):
        with pytest.warns(UserWarning, match=r"feature 2 is taken as a position, .*'2' for the feat"):
            chosen()
    with pytest.warns(UserWarning, match=r"output 1 is taken as a position, at which is '2'"):
        plots.bar(e, output=1)
    with pytest.warns(UserWarning, match=r"output 1 is taken as a position, at which is '2'"):
        e.importance()[:, 1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert e[:, "2"].feature_names == ("2",)
        assert e[:, [("a", 1)]].feature_names == e[:, "('a', 1)"].feature_names == ("('a', 1)",)
        assert e[:, np.array([2])].feature_names == ("('a', 1)",)
        plots.scatter(e, "2", output="1")


def test_conditions_of_lime_stay_with_their_columns_when_others_are_grouped():
    e = xk.LIME(random_state=0).fit(model, X).explain(X[:2])
    together = e.grouped({"pair": ["b", "c"]})
    own, joined = e.feature_details["conditions"], together.feature_details["conditions"]
    assert together.feature_names == ("a", "pair", "d")
    np.testing.assert_array_equal(joined[:, [0, 2]], own[:, [0, 3]])
    assert joined[0, 1, 0] == f"{own[0, 1, 0]} and {own[0, 2, 0]}"
    labels = [text.get_text() for text in plots.waterfall(together[0], output=1).get_yticklabels()]
    assert any("no condition holds" in label for label in labels)
    assert "pair" in labels


def test_labels_of_a_frame_choose_the_features_of_their_text():
    pairs = pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)])
    e = xk.explain(lambda Z: Z.sum(axis=1), pd.DataFrame(X.to_numpy()[:, :3], columns=pairs))
    assert e[:, [pairs[1]]].feature_names == e[:, pairs[1]].feature_names == ("('a', 2)",)
    assert plots.scatter(e, pairs[0], color=pairs[2]).get_xlabel() == "('a', 1)"
    assert e.grouped({pairs[1]: [pairs[0], pairs[1]]}).feature_names == ("('a', 2)", "('b', 1)")
    odd = [pd.Timestamp("2020-01-01"), None, 1.5]
    e = xk.explain(lambda Z: Z.sum(axis=1), pd.DataFrame(X.to_numpy()[:, :3], columns=pd.Index(odd, dtype=object)))
    for name in odd:
        assert e[:, name].feature_names == (str(name),)
    e = xk.explain(lambda Z: Z.sum(axis=1), pd.DataFrame(X.to_numpy()[:, :3], columns=[3, 1, 0]))
    with pytest.raises(IndexError, match="feature 3 is out of range: there are 3; write '3' for the feature of that"):
        e[0, 3]


def test_a_whole_number_in_groups_is_a_name_where_names_are_whole_numbers():
    e = xk.explain(lambda Z: Z.sum(axis=1), pd.DataFrame(X.to_numpy()[:, :3], columns=[3, 1, 0]))
    assert e.grouped({"g": [1, 0]}).feature_names == ("3", "g")
    for wrong in (2, True):
        with pytest.raises(ValueError, match=f"names column {wrong}, which is not one of 3, 1, 0"):
            e.grouped({"g": [wrong]})


def test_an_error_that_is_not_known_stays_in_its_own_group():
    e = xk.Attribution(method="exact", feature_names=list("abcd"), output_names=["y"], values=np.ones((1, 4, 1)),
                       standard_errors=np.array([[[np.nan], [0.01], [0.02], [0.03]]]), base_values=[[0.0]],
                       predictions=[[4.0]])
    np.testing.assert_allclose(e.grouped({"g": ["c", "d"]}).standard_errors[0, :, 0], [np.nan, 0.01, 0.05])
    np.testing.assert_allclose(e.grouped({"g": ["a", "d"]}).standard_errors[0, :, 0], [np.nan, 0.01, 0.02])
