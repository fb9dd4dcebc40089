"""Tests of TextAttribution: several texts in one, each with units of its own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import xaikit as xk
from xaikit.explanations.base import load_explanation
from xaikit.explanations.text import TextAttribution
from xaikit.sampling.text import TextMasker

pytestmark = pytest.mark.filterwarnings("error")

TEXTS = ("so so Good", "a good, long film", "So")
SPANS = [TextMasker().spans(text) for text in TEXTS]


def make(**changes):
    """Make an explanation of three texts (3, 4 and 1 units) and two outputs."""
    values = np.full((3, 4, 2), np.nan)
    values[0, :3, 0], values[1, :, 0], values[2, :1, 0] = [1, 2, 3], [4, 5, 6, 7], [8]
    values[:, :, 1] = -values[:, :, 0]
    base = np.full((3, 2), 0.5)
    fields = {
        "method": "exact", "texts": TEXTS, "spans": SPANS, "values": values, "base_values": base,
        "predictions": base + np.nansum(values, axis=1), "output_names": ("pos", "neg"),
        "standard_errors": np.where(np.isnan(values), np.nan, 0.25), "random_state": 7,
        "fidelity": np.full((3, 2), 0.75), "warnings": ("a sentence.",),
    }
    return TextAttribution(**{**fields, **changes})


def test_several_texts_have_room_for_the_longest():
    e = make()
    assert (e.n_rows, len(e)) == (3, 3)
    assert e.feature_names == ("unit 0", "unit 1", "unit 2", "unit 3")
    np.testing.assert_array_equal(e.n_units, [3, 4, 1])
    assert e.units(0) == ("so", "so (2)", "Good")
    assert e.units(1) == ("a", "good", "long", "film")
    assert "3 texts, up to 4 units × 2 outputs" in repr(e)


def test_one_text_has_its_own_units():
    e = make()
    one = e[0]
    assert isinstance(one, TextAttribution)
    assert one.feature_names == ("so", "so (2)", "Good")
    assert one.texts == (TEXTS[0],)
    np.testing.assert_array_equal(one.values[0, :, 0], [1, 2, 3])
    np.testing.assert_array_equal(one.standard_errors, np.full((1, 3, 2), 0.25))
    np.testing.assert_array_equal(one.spans[0], SPANS[0])
    assert one.row_names == (0,)
    assert e[-1].feature_names == ("So",)
    assert e[[2]].feature_names == ("So",)
    assert e[1:2].feature_names == ("a", "good", "long", "film")
    assert e[np.array([False, True, False])].texts == (TEXTS[1],)
    # Again, of the one: the same.
    assert one[0].feature_names == one.feature_names
    assert one[0].n_rows == 1


def test_a_text_s_units_have_the_names_of_its_words():
    e = make()
    assert e[0, "so (2)", "neg"].values.tolist() == [[[-2.0]]]
    assert e[1, ["film", "a"]].values[0, :, 0].tolist() == [7.0, 4.0]
    assert e[1, ["film", "a"]].feature_names == ("film", "a")
    assert e[1][:, 1:3].feature_names == ("good", "long")
    with pytest.raises(KeyError, match="no feature named 'film'; there are so, so"):
        e[0, "film"]


def test_spans_follow_the_units():
    e = make()
    part = e[1, ["film", "a"]]
    np.testing.assert_array_equal(part.spans[0], [[1, 0, 1], [0, 13, 17]])
    assert part.units() == ("film", "a")
    both = e[[1, 0]]
    assert both.texts == (TEXTS[1], TEXTS[0])
    np.testing.assert_array_equal(both.spans[1], SPANS[0])
    np.testing.assert_array_equal(both.n_units, [4, 3])
    few = e[:, [0, 1]]
    np.testing.assert_array_equal(few.n_units, [2, 2, 1])
    assert [own[:, 0].tolist() for own in few.spans] == [[0, 1], [0, 1], [0]]


def test_outputs_and_no_texts():
    e = make()
    assert e[:, :, "neg"].values.shape == (3, 4, 1)
    assert e[:, :, "neg"].texts == TEXTS
    nothing = e[:0]
    assert nothing.texts == ()
    assert nothing.values.shape == (0, 4, 2)


def test_the_gap_leaves_out_what_is_not_there():
    np.testing.assert_array_equal(make().gap(), np.zeros((3, 2)))
    off = make(predictions=make().predictions + 0.125)
    np.testing.assert_array_equal(off.gap(), np.full((3, 2), 0.125))
    np.testing.assert_array_equal(make()[2].gap(), [[0.0, 0.0]])


def test_by_word_adds_up_equal_words():
    got = make().by_word()
    assert not isinstance(got, TextAttribution)
    assert got.feature_names == ("so", "good", "a", "long", "film")
    np.testing.assert_array_equal(got.values[:, :, 0], [[3, 3, 0, 0, 0], [0, 5, 4, 6, 7],
                                                         [8, 0, 0, 0, 0]])
    np.testing.assert_array_equal(got.standard_errors[0, :, 1], [0.5, 0.25, 0, 0, 0])
    np.testing.assert_array_equal(got.gap(), np.zeros((3, 2)))
    assert got.random_state == 7
    assert got.warnings == ("a sentence.",)
    np.testing.assert_array_equal(got.importance().values[:, 0], [11 / 3, 8 / 3, 4 / 3, 2, 7 / 3])


def test_by_word_of_one_text_and_of_units_by_word():
    one = make()[0].by_word()
    assert one.feature_names == ("so", "good")
    spans = [TextMasker(by_word=True).spans(text) for text in TEXTS]
    values = np.full((3, 4, 1), np.nan)
    values[0, :2], values[1], values[2, :1] = 1.0, 2.0, 3.0
    e = TextAttribution(method="exact", texts=TEXTS, spans=spans, values=values,
                        base_values=np.zeros((3, 1)), predictions=np.zeros((3, 1)),
                        output_names=("o",))
    np.testing.assert_array_equal(e.n_units, [2, 4, 1])
    assert e.units(0) == ("so", "Good")
    np.testing.assert_array_equal(e.by_word().values[0, :2, 0], [1.0, 1.0])


# Of units 3 and 0, in this order, the shorter texts have only the second.


def test_by_word_of_chosen_units():
    got = make()[:, [3, 0]].by_word()
    values = dict(zip(got.feature_names, got.values[:, :, 0].T.tolist(), strict=True))
    assert values == {"so": [1, 0, 8], "film": [0, 7, 0], "a": [0, 4, 0]}


def test_one_text_of_chosen_units():
    got = make()[:, [3, 0]][0]
    assert got.feature_names == ("so",)
    assert got.values[0, :, 0].tolist() == [1.0]


def test_the_gap_of_chosen_units():
    got = make()[:, [3, 0], "pos"]
    np.testing.assert_array_equal(got.gap().ravel(), [2 + 3, 5 + 6, 0])


def test_json_round_trip(tmp_path):
    e = make()
    back = load_explanation(e.save(tmp_path / "e.json"))
    assert isinstance(back, TextAttribution)
    assert back.texts == e.texts
    for ours, theirs in zip(back.spans, e.spans, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for name in ("values", "standard_errors", "base_values", "predictions", "base_errors", "fidelity"):
        np.testing.assert_array_equal(getattr(back, name), getattr(e, name))
    assert back.to_json() == e.to_json()
    assert back[0].feature_names == e[0].feature_names
    part = e[0]
    assert TextAttribution.from_json(part.to_json()).feature_names == part.feature_names


def test_json_of_what_an_explainer_gave(tmp_path):
    e = xk.KernelSHAP(random_state=0).fit(lambda texts: np.array([float(len(t)) for t in texts]),
                                          TextMasker(mask_token="_")).explain(["é 👍", "a b c"])
    back = load_explanation(e.save(tmp_path / "e.json"))
    assert back.to_json() == e.to_json()
    assert back.settings["split"] == "word"


def test_frames():
    e = make()
    frame = e.to_frame()
    # Units that a text does not have are left out.
    assert len(frame) == (3 + 4 + 1) * 2
    assert frame["value"].notna().all()
    assert frame["feature"].tolist()[:6] == ["so", "so", "so (2)", "so (2)", "Good", "Good"]
    own = e[0].to_frame()
    assert own["feature"].tolist() == ["so", "so", "so (2)", "so (2)", "Good", "Good"]
    np.testing.assert_array_equal(own["value"], [1, -1, 2, -2, 3, -3])
    wide = e[0].to_frame("wide")
    assert list(wide.columns) == ["row", "output", "base_value", "prediction", "so", "so (2)", "Good"]
    assert isinstance(e.by_word().to_frame(), pd.DataFrame)
    assert "so (2)" in e[0]._repr_html_()


def test_fields_are_read_only():
    e = make()
    with pytest.raises(ValueError, match="read-only"):
        e.spans[0][0, 0] = 3
    with pytest.raises(ValueError, match="read-only"):
        e.values[0, 0, 0] = 3


def test_fields_that_do_not_fit():
    with pytest.raises(ValueError, match="3 rows of values do not fit 2 texts and 3 lists of spans"):
        make(texts=TEXTS[:2])
    with pytest.raises(ValueError, match="3 texts and 1 lists of spans"):
        make(spans=SPANS[:1])


def test_a_unit_may_be_a_sentence():
    text = "It is good. It is bad."
    got = xk.KernelSHAP(random_state=0).fit(
        lambda texts: np.array([float("good" in t) - 2.0 * ("bad" in t) for t in texts]),
        TextMasker("sentence")).explain(text)
    assert got.feature_names == ("It is good.", "It is bad.")
    np.testing.assert_allclose(got.values[0, :, 0], [1.0, -2.0], atol=1e-12)
