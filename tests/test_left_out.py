"""Slices of explanations: what was left out is counted and summed, and not called unexplained."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from plot_cases import make, row_labels, small, widths

import xaikit as xk
from xaikit import plots


def texts():
    """Return the explanation of a text of three words, and one of two."""
    values = np.array([[1.0, 2.0, 4.0], [8.0, 16.0, np.nan]])[:, :, None]
    return xk.TextAttribution(
        method="exact", texts=["a good film", "too long"], values=values, output_names=["y"],
        spans=[[[0, 0, 1], [1, 2, 6], [2, 7, 11]], [[0, 0, 3], [1, 4, 8]]],
        base_values=np.zeros((2, 1)), predictions=np.nansum(values, axis=1))


def images():
    """Return the explanation of an image of three regions, and one of two."""
    values = np.array([[1.0, 2.0, 4.0], [8.0, 16.0, np.nan]])[:, :, None]
    return xk.ImageAttribution(
        method="exact", images=np.zeros((2, 1, 3)), labels=[[[0, 1, 2]], [[0, 1, 1]]], values=values,
        output_names=["y"], base_values=np.zeros((2, 1)), predictions=np.nansum(values, axis=1))


def test_left_out_features_are_summed():
    e = make(5, 2)
    part = e[1:4, ["income", "age"], "out1"]
    np.testing.assert_array_equal(part.n_left_out, [5, 5, 5])
    np.testing.assert_allclose(part.left_out, e.values[1:4, 2:, 1:].sum(axis=1), rtol=1e-12)
    again = part[0, "age"]
    np.testing.assert_array_equal(again.n_left_out, [6])
    np.testing.assert_allclose(again.left_out[0, 0], e.values[1, 1:, 1].sum(), rtol=1e-12)
    assert not e.n_left_out.any()
    assert not e[2].left_out.any()
    assert "6 features left out" in repr(again)
    assert "left out" not in repr(e)


def test_unknown_contributions_count_but_add_nothing():
    part = small([1.0, np.nan, 2.0])[:, [0]]
    assert (part.n_left_out.tolist(), part.left_out.tolist()) == ([2], [[2.0]])


def test_a_slice_survives_a_file(tmp_path):
    part = make(5)[:, [0, 5]]
    back = xk.load_explanation(part.save(tmp_path / "part.json"))
    np.testing.assert_array_equal(back.left_out, part.left_out)
    np.testing.assert_array_equal(back.n_left_out, part.n_left_out)


def test_a_waterfall_has_a_bar_for_what_was_left_out():
    e = small([5, -4, 3, 2, -1])
    ax = plots.waterfall(e[:, [0, 3]])
    assert row_labels(ax) == ["base value", "f0", "f3", "3 features left out", "prediction"]
    np.testing.assert_allclose(widths(ax), [5, 2, -2])
    assert not ax.patches[-1].get_hatch()
    ax = plots.waterfall(e[:, [0, 1, 3, 4]], max_display=2)
    assert row_labels(ax)[1:-1] == ["f0", "3 other features", "1 feature left out"]
    np.testing.assert_allclose(widths(ax), [5, -3, 3])
    gap = small([5, -4, 3], predictions=[[6.0]])[:, [0]]
    assert row_labels(plots.waterfall(gap))[2:4] == ["2 features left out", "not explained"]


def test_bars_and_beeswarms_say_what_was_left_out():
    e = small([5, -4, 3, 2, -1])
    assert "3 features left out (sum −2)" in plots.bar(e[:, [0, 3]]).get_xlabel()
    assert "left out" not in plots.bar(e).get_xlabel()
    part = make(4)[:, [0]]
    assert "6 features left out" in plots.bar(part).get_xlabel()
    assert "6 features left out" in plots.beeswarm(part).get_xlabel()


def test_texts_and_images_do_not_count_padding():
    for e in (texts(), images()):
        assert not any(e[i].n_left_out.any() for i in range(len(e)))
        np.testing.assert_array_equal(e[:, [0]].n_left_out, [2, 1])
        np.testing.assert_array_equal(e[:, [0]].left_out, [[6.0], [16.0]])
    assert "1 unit left out" in plots.text_highlight(texts()[0, :-1], as_html=True)
    np.testing.assert_array_equal(texts()[:, [0]].by_word().n_left_out, [2, 1])
    assert np.isnan(images()[:, []].pixels()).all()
    assert "up to 2 units left out" in repr(texts()[:, [0]])
    assert "up to 2 regions left out" in repr(images()[:, [0]])


def test_units_that_others_have_are_not_drawn_or_added():
    """Arrays are padded up to the longest text; the other texts do not have these units."""
    for e, names in ((texts(), ["long", "too"]), (images(), ["segment 1", "segment 0"])):
        assert row_labels(plots.waterfall(e, row=1))[1:-1] == names
        assert sorted(e[1, :, "y"].feature_names) == sorted(e[1].feature_names) == sorted(names)
        assert e[1, -1].values.item() == e[1][:, -1].values.item() == 16
        with pytest.raises(IndexError, match="feature 2 is out of range: there are 2"):
            e[1, 2]
        assert "unknown" not in plots.beeswarm(e).get_xlabel()
    shown = plots.beeswarm(small([1.0, np.nan])).get_xlabel()
    assert "1 unknown contributions not drawn" in shown


def test_details_follow_their_outputs():
    e = make(2, 3, details={"clipped": np.array([list("abc"), list("def")]), "samples": np.arange(2),
                            "kept": np.arange(12).reshape(2, 2, 3), "deep": np.zeros((2, 5))})
    part = e[1, "age", ["out2", "out0"]].details
    assert part["clipped"].tolist() == [["f", "d"]]
    assert part["kept"].tolist() == [[[8, 6], [11, 9]]]
    assert (part["samples"].tolist(), part["deep"].shape) == ([1], (1, 5))


def test_an_importance_knows_what_was_left_out(tmp_path):
    e = make(5)
    part = e[:, [0, 5]].importance()
    assert part.n_left_out == 5
    assert "5 features left out" in repr(part)
    assert "5 features left out" in plots.bar(part).get_xlabel()
    assert part["age"].n_left_out == e.importance()["age"].n_left_out == 6
    assert xk.load_explanation(part.save(tmp_path / "part.json")).n_left_out == 5
    assert "left out" not in repr(e.importance())


@pytest.mark.parametrize("key", [[0, 0], ["age", 0], [1, -6, 2], [6, -1]])
def test_a_feature_or_output_is_chosen_once(key):
    e = make(4, 2)
    for choose in (lambda: e[:, key], lambda: e.importance()[key], lambda: e[:, :, [1, 1]]):
        with pytest.raises(IndexError, match="is chosen more than once; name every"):
            choose()
    with pytest.raises(IndexError, match="is chosen more than once"):
        xk.submodular_pick(e, outputs=["out1", 1])
    assert len(e[[1, 1, 2]]) == 3  # rows may be drawn with replacement


def test_an_image_says_how_many_regions_were_left_out():
    assert "1 region left out" in plots.image_overlay(images()[0, :-1]).get_xlabel()


@pytest.mark.parametrize("k", [1, 2])
def test_shap_still_adds_up(k, monkeypatch):
    shap = pytest.importorskip("shap")
    assert shap
    e = make(4, k, group=False)
    got = e[:, [0, 3]].to_shap()
    total = got.base_values + got.values.sum(axis=1)
    np.testing.assert_allclose(total, e.predictions[:, 0] if k == 1 else e.predictions)
    assert got.feature_names == ["age", "job", "4 features left out"]
    assert got.data.shape == got.display_data.shape == (4, 3)
    for e in (texts(), images(), texts()[:, [1]], images()[:, [2, 0]]):
        got = e.to_shap()
        np.testing.assert_allclose(got.base_values + got.values.sum(axis=1), e.predictions[:, 0])


def test_what_is_left_out_has_its_own_noun(tmp_path):
    """Texts have units, images regions, and so has all that is made of them."""
    words, parts = texts()[:, [0]].by_word(), images()[:1, [0]]
    for e, said in ((words, "up to 2 units"), (words.importance(), "2 units"),
                    (texts()[:, [0]].importance(), "2 units"), (parts.importance(), "2 regions")):
        assert f"{said} left out" in repr(e)
        assert f"{said} left out" in plots.bar(e).get_xlabel()
        assert f"{said} left out" in repr(xk.load_explanation(e.save(tmp_path / "e.json")))
    assert "up to 2 units left out" in plots.beeswarm(words).get_xlabel()
    assert row_labels(plots.waterfall(texts()[0, [0]]))[2] == "2 units left out"
    assert row_labels(plots.waterfall(texts()[0], max_display=2))[2] == "2 other units"
    assert "1 smaller unit not shown" in plots.bar(words, max_display=1).get_xlabel()
    assert "1 smaller unit not shown" in plots.beeswarm(words, max_display=1).get_xlabel()


@pytest.mark.parametrize("e", [make(4)[[]], texts()[[]], images()[[]]], ids=["table", "texts", "images"])
def test_no_rows_have_no_importance(e):
    with pytest.raises(ValueError, match="a mean over rows, and this explanation has none; select"):
        e.importance()
    assert len(e) == len(e.to_frame()) == 0


@pytest.mark.parametrize("choose", [
    lambda e: e[1:3, "age"], lambda e: e[:, [True] + [False] * 6],
    lambda e: e[:, -1][::-1], lambda e: e[:, []], lambda e: e[[3, 3, 0], [4, 1], "out1"],
    lambda e: e[:, 1:][:, 2:][:, [0]], lambda e: e[[-1], ["job", "age"]]])
def test_slices_add_up(choose, tmp_path):
    """Contributions that were kept and left out are the prediction less the base value."""
    part = choose(make(4, 2))
    for e in (part, pickle.loads(pickle.dumps(part)), xk.load_explanation(part.save(tmp_path / "e.json"))):
        np.testing.assert_allclose(e.values.sum(axis=1) + e.left_out, e.predictions - e.base_values, atol=1e-12)
        assert (e.n_left_out == 7 - len(e.feature_names)).all()
    assert part.importance().n_left_out == 7 - len(part.feature_names)


SOLVERS = {f"{solver}-{link}": xk.KernelSHAP(link=link, solver=solver, random_state=0)
           for solver in ("exact", "wls", "gp", "auto") for link in ("identity", "logit")}
SOLVERS |= {"LIME": xk.LIME(budget=60, random_state=0), "occlusion": xk.Occlusion()}
SOLVERS |= {f"difference-{link}": xk.PredictionDifference(link=link, n_neighbours=3, random_state=0)
            for link in ("identity", "logit")}


@pytest.mark.parametrize("name", SOLVERS)
def test_slices_add_up_for_every_solver_and_link(name):
    X = np.random.default_rng(0).normal(size=(6, 5))
    e = SOLVERS[name].fit(lambda A: 1 / (1 + np.exp(-A[:, 0] * A[:, 1] - A[:, 2])), X).explain(X[:3])
    part = e[[2, 0]][:, [4, 1]]
    np.testing.assert_allclose(part.gap() - part.left_out, e.gap()[[2, 0]], atol=1e-12)
    if "-" in name and not name.startswith("difference"):  # Kernel SHAP explains all
        np.testing.assert_allclose(
            part.values.sum(axis=1) + part.left_out, part.predictions - part.base_values, atol=1e-9)
    assert part.n_left_out.tolist() == [3, 3]
