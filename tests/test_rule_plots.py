"""What the plots of rules draw: bars, points, marked words and framed regions."""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

import xaikit as xk
from xaikit.plots.style import BLUE, GREEN

pytestmark = pytest.mark.filterwarnings("error")

RNG = np.random.default_rng(0)
X = pd.DataFrame({"age": RNG.integers(18, 80, 4000), "cost in $ of $": RNG.normal(40, 10, 4000).round(1),
                  "job": RNG.choice(["clerk", "a job whose name is far too long for one line of a plot"], 4000)})


def rich(Z):
    # Five in a hundred are an exception.
    return ((Z["age"] > 45) & (Z["job"] == "clerk") & (Z["cost in $ of $"] < 56)).to_numpy(float)


RULES = xk.Anchors(random_state=0).fit(xk.wrap(rich, task="classification", output_names=["rich"]), X).explain(X.iloc[:40])
TEXTS = xk.Anchors(random_state=0, threshold=0.5).fit(lambda ts: np.array([float("good" in t) for t in ts]), xk.TextMasker()).explain(["a good $ film", "dull"])
GRID = np.repeat(np.repeat(np.arange(4).reshape(2, 2), 3, axis=0), 3, axis=1)
IMAGES = xk.Anchors(random_state=0, threshold=0.5).fit(lambda a: a[:, :3, 3:].mean(axis=(1, 2)), xk.ImageMasker(segmenter=GRID, baseline=0.0)).explain(np.ones((2, 6, 6)))


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def below(ax):
    return ax.get_xlabel()


# --- the card of a rule

def test_a_card_has_a_bar_for_each_condition():
    i = int(np.argmax([len(rule) for rule in RULES.rules]))
    ax = xk.plots.rule_card(RULES, row=i)
    anchor = RULES[i]
    assert len(anchor.conditions) >= 2
    bars = [bar for bar in ax.patches if isinstance(bar, Rectangle)]
    np.testing.assert_allclose([bar.get_width() for bar in bars], anchor.steps)
    labels = [text.get_text().replace("\n", " ") for text in ax.get_yticklabels()]
    for label, condition in zip(labels, anchor.conditions, strict=True):
        assert label.startswith(condition.words().replace("$", r"\$"))
    assert f"{anchor.precision.value:.3f}" in below(ax)
    assert f"coverage {anchor.coverage.value:.3f}" in below(ax)
    assert to_hex(bars[-1].get_facecolor()) == (GREEN if anchor.verified else BLUE).lower()
    ax.figure.savefig("/dev/null", format="png")


def test_a_card_shows_the_rows_own_value():
    i = next(i for i, rule in enumerate(RULES.rules) if any(c.column == "age" for c in rule.conditions))
    labels = [text.get_text() for text in xk.plots.rule_card(RULES, row=i).get_yticklabels()]
    assert any(label.startswith("age") and label.endswith(f"({X['age'].iloc[i]})") for label in labels)


def test_a_card_says_why_a_rule_is_not_verified_and_what_speaks_against_it():
    few = xk.Anchors(random_state=0, distribution="conditional", pool=60).fit(
        xk.wrap(rich, task="classification", output_names=["rich"]), X).explain(X.iloc[:30])
    i = int(np.flatnonzero(~few.verified)[0])
    assert "not verified: the pool is too small" in below(xk.plots.rule_card(few, row=i)).replace("\n", " ")
    rough = xk.Anchors(random_state=0, precision=0.7).fit(xk.wrap(rich, task="classification", output_names=["rich"]), X).explain(X.iloc[:40])
    j = next(i for i in range(len(rough)) if rough[i].counter_answers)
    assert f"but {rough[j].counter_answers[0]}: a row with " in below(xk.plots.rule_card(rough, row=j))


def test_the_rule_of_every_row_is_one_bar():
    always = xk.Anchors(random_state=0).fit(xk.wrap(lambda Z: np.ones(len(Z)), task="classification"), X).explain(X.iloc[:1])
    ax = xk.plots.rule_card(always)
    assert [text.get_text() for text in ax.get_yticklabels()] == ["every row"]
    assert [bar.get_width() for bar in ax.patches] == [1.0]


# --- all rules of a set

def test_points_are_the_different_rules():
    ax = xk.plots.precision_coverage(RULES)
    want = {(rule, answer): (RULES.coverage[i], RULES.precision[i], bool(RULES.verified[i]))
            for i, (rule, answer) in enumerate(zip(RULES.rules, RULES.answers, strict=True))}
    sure, unsure = (c for c in ax.collections if not isinstance(c, LineCollection))
    got = {(*map(float, at), True) for at in sure.get_offsets()} | {(*map(float, at), False) for at in unsure.get_offsets()}
    assert got == {(float(c), float(p), v) for c, p, v in want.values() if np.isfinite(p)}
    named = [text.get_text() for text in ax.texts]
    picked = RULES.pick(5)
    assert len(named) == len(picked)
    assert named[0].startswith(picked.answers[int(np.argsort(-picked.precision, kind="stable")[0])])
    assert f"of {len(RULES)} rows" in below(ax)
    heights = sorted(text.xyann[1] for text in ax.texts)
    assert all(np.diff(heights) > 0.01 * np.ptp(ax.get_ylim()))


# --- texts and images

def test_the_words_of_a_rule_are_marked():
    ax = xk.plots.text_rule(TEXTS)
    boxes = [box for box in ax.get_children() if isinstance(box, Rectangle) and box is not ax.patch and box.get_width() > 1]
    assert len(boxes) == 1
    (good,) = (text for text in ax.texts if text.get_text().startswith("good"))
    assert boxes[0].get_x() == pytest.approx(good.get_position()[0])
    assert "“good” is in the text" in ax.get_title(loc="left")
    assert "verified on fresh rows" in ax.texts[-1].get_text()
    assert xk.plots.text_rule(TEXTS, row=1).get_title(loc="left") == "text 1 · output < 0.5 for every text"


def test_the_regions_of_a_rule_are_framed_and_the_others_pale():
    ax = xk.plots.image_rule(IMAGES)
    veil = ax.images[1].get_array()
    np.testing.assert_array_equal(veil[..., 3] == 0, GRID == 1)
    assert sum(isinstance(c, LineCollection) for c in ax.collections) == 1
    assert "segment 1 is shown" in ax.get_title(loc="left")


# --- what cannot be drawn

@pytest.mark.parametrize(("draw", "error", "words"), [
    (lambda: xk.plots.rule_card(TEXTS), TypeError, "plots.text_rule draws these"),
    (lambda: xk.plots.rule_card(IMAGES), TypeError, "plots.image_rule draws these"),
    (lambda: xk.plots.rule_card(RULES[0]), TypeError, "needs a RuleSet, got Anchor"),
    (lambda: xk.plots.text_rule(RULES), TypeError, "needs a TextRules, got RuleSet"),
    (lambda: xk.plots.image_rule(TEXTS), TypeError, "needs an ImageRules, got TextRules"),
    (lambda: xk.plots.precision_coverage(RULES[[]]), ValueError, "nothing to draw"),
    (lambda: xk.plots.rule_card(RULES, row=400), IndexError, "400"),
    (lambda: xk.plots.rule_card(RULES, ax="here"), TypeError, "ax must be")])
def test_what_cannot_be_drawn(draw, error, words):
    with pytest.raises(error, match=words):
        draw()
