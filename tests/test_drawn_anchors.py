"""Anchors of composed rows, texts and images: their guarantee recounted, and what they say."""

from __future__ import annotations

import json
from itertools import product

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import xaikit as xk
from xaikit.tables.shown import Shown

RNG = np.random.default_rng(0)
X = pd.DataFrame({"a": RNG.normal(size=1500), "b": RNG.normal(size=1500),
                  "job": RNG.choice(["clerk", "cook", "smith"], 1500)})
X["b"] = X["a"] + 0.1 * X["b"]  # so that drawn rows differ from those of the background


def both(Z):
    return ((Z["a"] > 0) & (Z["b"] > 0)).to_numpy(float)


BOTH = xk.wrap(both, task="classification", output_names=["both"])
TEXTS = ["a good film , really good", "the worst film of all", "fine"]
CLASSES = ("bad", "good")


def mood(texts):
    share = np.array([1.0 if "worst" in t else 0.1 if "good" in t else 0.4 for t in texts])
    return np.column_stack([share, 1 - share])


# --- tables of composed rows

def test_composed_rows_need_more_conditions_than_rows_as_they_are():
    row = pd.DataFrame({"a": [1.0], "b": [1.0], "job": ["cook"]})
    seen = xk.Anchors(random_state=0, distribution="conditional").fit(BOTH, X).explain(row)
    drawn = xk.Anchors(random_state=0, distribution="interventional").fit(BOTH, X).explain(row)
    assert seen.verified[0]
    assert drawn.verified[0]
    assert len(seen.rules[0]) == 1  # a and b go together
    assert {c.column for c in drawn.rules[0].conditions} == {"a", "b"}
    assert (seen.distributions, drawn.distributions) == (("conditional",), ("interventional",))


def test_the_precision_of_drawn_rules_is_that_of_composed_rows():
    got = xk.Anchors(random_state=0, distribution="interventional").fit(BOTH, X).explain(X.iloc[:12])
    assert got.verified.mean() > 0.6
    rng = np.random.default_rng(1)
    for i in np.flatnonzero(got.verified):
        rows = X.iloc[rng.integers(len(X), size=20_000)].reset_index(drop=True)
        for condition in got.rules[i].conditions:
            among = X.loc[condition.mask(X), condition.column].to_numpy()
            rows[condition.column] = rng.choice(among, len(rows))
        agree = np.where(both(rows) == 1, "both", "not both") == got.said[i]
        assert agree.mean() >= 0.95 - 0.005
        assert got.precision_lower[i] - 0.02 <= agree.mean() <= got.precision_upper[i] + 0.02


def test_columns_of_a_group_come_from_one_row():
    seen = []

    def model(Z):
        seen.append(Z.copy())
        return both(Z)

    masker = xk.TabularMasker(X, groups={"ab": ["a", "b"]})
    xk.Anchors(random_state=0, distribution="interventional", budget=600).fit(
        xk.wrap(model, task="classification"), masker).explain(X.iloc[:2])
    asked = pd.concat(seen)
    pairs = set(zip(X["a"], X["b"], strict=True))
    assert all(pair in pairs for pair in zip(asked["a"], asked["b"], strict=True))


def test_a_small_background_is_topped_up_and_says_so():
    few = X.iloc[:200]
    got = xk.Anchors(random_state=0).fit(BOTH, few).explain(X.iloc[200:215])
    assert set(got.distributions) == {"conditional", "interventional"} or got.verified.all()
    plain = xk.Anchors(random_state=0, distribution="conditional").fit(BOTH, few).explain(X.iloc[200:215])
    assert got.verified.sum() > plain.verified.sum()
    assert got.to_frame()["distribution"].tolist() == list(got.distributions)


@pytest.mark.parametrize("budget", [1, 100, 400, 1500])
def test_a_budget_holds_for_each_row(budget, counting):
    model = counting(lambda Z: (Z[:, 0] + Z[:, 1] > 0.3).astype(float))
    background = X[["a", "b"]].to_numpy()
    explainer = xk.Anchors(random_state=0, distribution="interventional", budget=budget).fit(
        xk.wrap(model, task="classification"), background)
    model.clear()
    got = explainer.explain(background[:4])
    assert model.n_rows == got.cost.model_rows
    assert model.n_rows <= 4 * budget + 750 + 4 + 40  # the rows of the hints, the rows, and the probe
    for verified, stop, reason in zip(got.verified, got.stop_reasons, got.reasons, strict=True):
        assert bool(reason) == (not verified)
        assert verified or stop in ("budget", "unreached", "unconfirmed")
    if budget <= 100:
        assert set(got.stop_reasons) == {"budget"}
        assert "the budget ended" in got.reasons[0]


@pytest.mark.statistics
def test_few_drawn_rules_are_verified_that_are_not_precise():
    # Showing the first unit makes all but 6 % of the variants agree: a little too few.
    def model(texts):
        return np.array([float("sun" in t and not all(w in t for w in ("a", "b", "c", "d"))) for t in texts])

    wrapped, wrong = xk.wrap(model, task="classification"), 0
    for seed in range(60):
        got = xk.Anchors(random_state=seed, confidence=0.9, max_length=1, precision=0.95).fit(wrapped, xk.TextMasker()).explain(["sun a b c d"])
        wrong += bool(got.verified[0])
    assert wrong <= 6 + 3  # 10 % of 60, and room for chance


# --- texts

def test_words_under_which_a_text_keeps_its_class():
    got = xk.Anchors(random_state=0).fit(xk.wrap(mood, task="classification", output_names=CLASSES), xk.TextMasker()).explain(TEXTS)
    assert isinstance(got, xk.TextRules)
    assert got.verified.all()
    assert got.rules[1].names == ("worst",)
    assert got.answers == ("good", "bad", "good")
    assert len(got.rules[2]) == 0
    assert str(got[2]).startswith("good for every text")
    assert str(got[1]).startswith("bad if “worst” is in the text (precision 1.000")
    assert got[1].coverage.value == 0.5
    one = xk.Anchors(random_state=0, threshold=0.5).fit(lambda ts: np.array([float("good" in t) for t in ts]), xk.TextMasker()).explain(TEXTS[:1])
    assert one.rules[0].names == ("good",)  # either of two equal words is enough


def test_a_linear_model_of_words_against_all_its_variants():
    words = ["awful", "plot", "great", "cast", "fun", "dull", "end"]
    docs = [" ".join(w for w, on in zip(words, kept, strict=True) if on) for kept in product([0, 1], repeat=7)]
    score = np.array([-3, -1, 3, 1, 2, -2, 0.5])
    labels = np.array([(np.array(kept) @ score) > 0 for kept in product([0, 1], repeat=7)])
    model = make_pipeline(CountVectorizer(), LogisticRegression(C=100)).fit(docs, labels)
    text = " ".join(words)
    got = xk.Anchors(random_state=0, prefer="widest").fit(model, xk.TextMasker()).explain([text])
    said = model.predict(docs) == model.predict([text])[0]
    kept = np.array(list(product([0, 1], repeat=7)), dtype=bool)

    def precision(units):
        return said[kept[:, list(units)].all(axis=1)].mean()

    (rule,) = got.rules
    assert got.verified[0]
    assert precision(rule.units) >= 0.95
    shorter = [units for units in product([0, 1], repeat=7) if sum(units) < len(rule)]
    assert all(precision(np.flatnonzero(units)) < 0.95 for units in shorter)
    assert got.precision_lower[0] <= precision(rule.units) <= got.precision_upper[0]


def test_equal_variants_are_asked_once(counting):
    model = counting(mood)
    got = xk.Anchors(random_state=0).fit(xk.wrap(model, task="classification", output_names=CLASSES), xk.TextMasker()).explain(["the worst"])
    assert got.verified[0]
    assert got.cost.model_rows <= 4 + 1 + 32  # variants, the text itself, and the probe


def test_counter_examples_of_texts_hide_little():
    got = xk.Anchors(random_state=0, precision=0.6, confidence=0.8).fit(xk.wrap(mood, task="classification", output_names=CLASSES), xk.TextMasker()).explain(["a good film and a fun cast"])
    anchor = got[0]
    for text, answer in zip(anchor.counter_examples["text"] if anchor.counter_examples is not None else [], anchor.counter_answers, strict=True):
        assert answer != anchor.answer
        assert anchor.applies([text])[0]
        assert CLASSES[int(mood([text])[0].argmax())] == answer


@pytest.mark.parametrize("text", ["one", "word " * 300, "a a a a"])
def test_odd_texts_have_rules(text):
    got = xk.Anchors(random_state=0, budget=700).fit(xk.wrap(mood, task="classification", output_names=CLASSES), xk.TextMasker()).explain([text])
    assert len(got) == 1
    assert bool(got.reasons[0]) == (not got.verified[0])


def test_numbers_of_texts_need_a_side_or_a_band():
    def length(texts):
        return np.array([len(t.split()) for t in texts], dtype=float)

    got = xk.Anchors(random_state=0, threshold=3.0).fit(length, xk.TextMasker()).explain(["one two three four five six"])
    assert got.answers == ("output >= 3",)
    near = xk.Anchors(random_state=0, within=10.0).fit(length, xk.TextMasker()).explain(["one two three"])
    assert near.verified[0]
    assert len(near.rules[0]) == 0


# --- images

LABELS = np.repeat(np.repeat(np.arange(4).reshape(2, 2), 4, axis=0), 4, axis=1)


def lit(images):
    images = np.asarray(images)
    return (images[:, :4, 4:].mean(axis=(1, 2)) > 0.5).astype(float)


def test_regions_under_which_an_image_keeps_its_class():
    images = RNG.uniform(0.6, 1.0, size=(2, 8, 8))
    got = xk.Anchors(random_state=0).fit(xk.wrap(lit, task="classification"), xk.ImageMasker(segmenter=LABELS, baseline=0.0)).explain(images)
    assert isinstance(got, xk.ImageRules)
    assert [rule.units for rule in got.rules] == [(1,), (1,)]
    assert got.rules[0].words() == "segment 1 is shown"
    assert got.verified.all()
    np.testing.assert_array_equal(got.images, images)
    with pytest.raises(TypeError, match="its own"):
        got[0].applies(images)


# --- what a user holds

def test_rule_sets_of_texts_and_images_are_cut_and_saved(tmp_path):
    texts = xk.Anchors(random_state=0).fit(xk.wrap(mood, task="classification", output_names=CLASSES), xk.TextMasker()).explain(TEXTS)
    images = xk.Anchors(random_state=0, precision=0.9).fit(xk.wrap(lit, task="classification"), xk.ImageMasker(segmenter=LABELS, baseline=0.0)).explain(np.full((5, 8, 8), 0.9))
    for rules in (texts, images):
        again = xk.load_explanation(rules.save(tmp_path / "rules.json"))
        assert type(again) is type(rules)
        assert json.dumps(again.to_dict()) == json.dumps(rules.to_dict())
        assert again.rules == rules.rules
        part = rules[[2, 0]]
        assert part.rules == (rules.rules[2], rules.rules[0])
        assert len(part.to_frame()) == 2
        assert "2 rules" in repr(part)
    assert texts[[1]].texts == (TEXTS[1],)
    assert images[[1]].images.shape == (1, 8, 8)


def test_shown_words_are_whole_words_as_often_as_named():
    rule = Shown((0, 3), ("good", "good"))
    assert rule.words() == "“good” (2 times) are in the text"
    assert rule.applies(["good good", "good", "goodness good", "Good good"]).tolist() == [True, False, False, False]
    assert Shown((0,), ("…",)).applies(["so…", "so"]).tolist() == [True, False]
    assert Shown((1, 2), ("segment 1", "segment 2"), "image").words() == "segments 1 and 2 are shown"
    with pytest.raises(TypeError, match="is about texts, got"):
        rule.applies([3.0])
    with pytest.raises(ValueError, match="kind must be"):
        Shown((), (), "sound")


def test_results_do_not_depend_on_workers_or_on_the_rows_beside():
    explainer = xk.Anchors(random_state=3, distribution="interventional", budget=900)
    rows = X.iloc[:40]
    want = explainer.fit(BOTH, X).explain(rows)
    got = xk.Anchors(**{**explainer.get_params(), "n_jobs": 2}).fit(BOTH, X).explain(rows)
    assert got.rules == want.rules
    np.testing.assert_array_equal(got.precision, want.precision)
    alone = explainer.fit(BOTH, X).explain(rows.iloc[[7]])
    assert alone.rules[0] == want.rules[7]
    assert alone.precision_lower[0] == want.precision_lower[7]
