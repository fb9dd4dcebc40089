"""What is done with rules: scores on fresh rows, picks, counter-examples, and cuts near a row."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

import xaikit as xk
from xaikit.explainers.anchors.predicates import predicates_of
from xaikit.explainers.anchors.refine import _best_cut
from xaikit.sampling.bins import columns_of
from xaikit.solvers.bounds import kl_lower
from xaikit.solvers.rule_search import Goal

RNG = np.random.default_rng(0)


def table(n, rng=RNG):
    return pd.DataFrame({"age": rng.integers(18, 80, n), "hours": rng.normal(40, 10, n).round(1),
                         "job": rng.choice(["clerk", "cook", "smith"], n)})


class Rich:
    """Says yes for clerks over 45, and for most of those over 70."""

    classes_ = np.array(["no", "yes"])
    _estimator_type = "classifier"

    def predict(self, X):
        old = (X["age"] > 70) & (X["hours"] > 28)
        return np.where(((X["job"] == "clerk") & (X["age"] > 45)) | old, "yes", "no")


def price(Z):
    return 2.0 * Z["age"] + (Z["job"] == "cook") * 30.0


X, FRESH = table(4000), table(10_000, np.random.default_rng(2))
ROWS = table(60, np.random.default_rng(1))
RULES = xk.Anchors(random_state=0).fit(Rich(), X).explain(ROWS)


# --- scores

def test_a_score_counts_rows():
    said = Rich().predict(FRESH)
    for i in range(0, 20, 5):
        score = RULES[i].score(Rich(), FRESH)
        holds = RULES[i].applies(FRESH)
        assert float(score.precision) == pytest.approx((said[holds] == RULES.said[i]).mean())
        assert float(score.coverage) == pytest.approx(holds.mean())
        assert score.precision.lower <= float(score.precision) <= score.precision.upper
        assert score.precision.n_rows == holds.sum()
        assert str(score).startswith("precision ")


def test_rules_are_scored_together_and_the_first_decides():
    part, said = RULES[[0, 4, 9]], Rich().predict(FRESH)
    first = np.full(len(FRESH), -1)
    for i in (2, 1, 0):
        first[part.rules[i].applies(FRESH)] = i
    right = [said[r] == part.said[i] for r, i in enumerate(first) if i >= 0]
    score = part.score(Rich(), FRESH)
    assert float(score.precision) == pytest.approx(np.mean(right))
    assert float(score.coverage) == pytest.approx((first >= 0).mean())


@pytest.mark.parametrize("settings", [{"threshold": 120.0}, {"within": 25.0}])
def test_rules_of_numbers_are_scored_by_their_side_or_band(settings, tmp_path):
    rules = xk.Anchors(random_state=0, **settings).fit(price, X).explain(ROWS[:5])
    again = xk.load_explanation(rules.save(tmp_path / "rules.json"))
    for i in range(5):
        own, fresh = price(ROWS).iloc[i], price(FRESH)[again.rules[i].applies(FRESH)]
        agree = (fresh >= 120) == (own >= 120) if "threshold" in settings else abs(fresh - own) <= 25
        assert float(again[i].score(price, FRESH).precision) == pytest.approx(agree.mean())


def test_rules_of_texts_are_scored_on_texts():
    def mood(texts):
        return np.array([float("fun" in t.split()) for t in texts])

    model = xk.wrap(mood, task="classification", output_names=["fun"])
    rules = xk.Anchors(random_state=0).fit(model, xk.TextMasker()).explain(["what fun it is"])
    score = rules[0].score(model, ["fun and games", "no fun", "dull", "funny"])
    assert (float(score.precision), float(score.coverage)) == (1.0, 0.5)
    with pytest.raises(TypeError, match="is about texts"):
        rules[0].score(model, [1.0, 2.0])


def test_what_cannot_be_scored():
    with pytest.raises(TypeError, match="rules are about tables, got texts"):
        RULES[0].score(Rich(), ["a text"])
    numbers = xk.Anchors(random_state=0, threshold=120.0).fit(price, X).explain(ROWS[:2])
    with pytest.raises(ValueError, match="output"):
        numbers.score(xk.wrap(lambda Z: np.zeros((len(Z), 2)), output_names=["p", "q"]), FRESH)


# --- picks

def test_a_submodular_pick_covers_most_rows_that_are_left():
    picked = RULES.pick(4)
    assert picked.verified.all()
    left, gains = np.ones(len(ROWS), dtype=bool), []
    for rule in picked.rules:
        best = max((r.applies(ROWS) & left).sum() for r, v in zip(RULES.rules, RULES.verified, strict=True) if v)
        holds = rule.applies(ROWS)
        assert (holds & left).sum() == best
        gains.append(best)
        left &= ~holds
    assert gains == sorted(gains, reverse=True)
    assert len(set(picked.rules)) == len(picked)


def test_a_coverage_pick_takes_the_widest_rules_each_once():
    picked = RULES.pick(3, by="coverage")
    widths = [rule.applies(ROWS).sum() for rule in picked.rules]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] == max(r.applies(ROWS).sum() for r, v in zip(RULES.rules, RULES.verified, strict=True) if v)
    assert len({(r, a) for r, a in zip(picked.rules, picked.answers, strict=True)}) == len(picked)


def test_picks_stop_where_nothing_is_gained():
    one = xk.Anchors(random_state=0).fit(xk.wrap(lambda Z: np.ones(len(Z)), task="classification"), X).explain(ROWS)
    assert len(one.pick(5)) == 1
    assert len(one.pick(5, X=FRESH)) == 1
    assert len(RULES[[]].pick(5)) == 0
    with pytest.raises(xk.SettingError, match="by must be"):
        RULES.pick(by="size")
    with pytest.raises(xk.SettingError, match="n must be"):
        RULES.pick(0)


# --- counter-examples

def test_counter_examples_are_rows_under_the_rule_that_disagree():
    found = 0
    for i in range(len(RULES)):
        anchor = RULES[i]
        rows = anchor.counter_examples
        if rows is None:
            assert anchor.precision.value == 1.0
            continue
        found += len(rows)
        assert 1 <= len(rows) <= 3
        assert anchor.applies(rows).all()
        assert list(Rich().predict(rows)) == list(anchor.counter_answers)
        assert anchor.answer not in anchor.counter_answers
        assert rows.dtypes.astype(str).tolist() == ROWS.dtypes.astype(str).tolist()
    assert found
    assert RULES[[5, 3]].counter_of.max(initial=0) <= 1


# --- conditions that are not needed, and cuts between the coarse ones

def test_unneeded_conditions_are_left_out():
    got = xk.Anchors(random_state=0, prefer="widest").fit(Rich(), X).explain(ROWS)
    young = ROWS["age"] < 40
    for i in np.flatnonzero(young & got.verified):
        for condition in got.rules[i].conditions:
            rest = xk.Rule([c for c in got.rules[i].conditions if c is not condition])
            assert rest.applies(FRESH).sum() > got.rules[i].applies(FRESH).sum()


def test_cuts_are_refined_where_deciles_are_too_coarse():
    # Between two deciles of x0 lies all that the model says yes to.
    rng = np.random.default_rng(5)
    Z = rng.random((8000, 3))
    model = xk.wrap(lambda Z: ((Z[:, 0] > 0.43) & (Z[:, 0] < 0.47)).astype(float), task="classification", output_names=["yes"])
    got = xk.Anchors(random_state=0).fit(model, Z).explain([[0.45, 0.5, 0.5]])
    assert got.answers == ("yes",)
    assert got.verified[0]
    (condition,) = got.rules[0].conditions
    assert 0.42 < condition.low < 0.45 < condition.high < 0.48


@pytest.mark.parametrize("exclusive", [False, True])
def test_the_best_cut_is_that_of_trying_all(exclusive):
    rng, goal = np.random.default_rng(1), Goal(0.9, 0.2)
    for _ in range(40):
        cells = rng.integers(0, 12, 60).astype(float)
        agrees = rng.random(60) < np.where(cells < 7, 0.95, 0.3)
        own = float(rng.integers(0, 9))
        score, at = _best_cut(cells, agrees, own, goal, exclusive=exclusive)
        want = {}
        for cut in np.unique(cells):
            stay = cells < cut if exclusive else cells <= cut
            if (cut > own if exclusive else cut >= own) and goal.least <= stay.sum() < 60:
                bound = float(kl_lower(agrees[stay].mean(), goal.evidence / stay.sum()))
                want[cut] = stay.sum(), bound, float(goal.score(stay.sum(), agrees[stay].sum()))
        if not want:
            assert at == -1
            continue
        reach = {cut: n for cut, (n, bound, _) in want.items() if bound >= goal.precision}
        best = max(reach, key=reach.get) if reach else max(want, key=lambda cut: want[cut][2])
        assert score == pytest.approx(want[best][2])


# --- one pool for all calls

def test_a_pool_that_is_kept_is_asked_in_fit(counting):
    model = counting(lambda Z: (np.asarray(Z)[:, 0] > 50).astype(float))
    Z = X[["age", "hours"]].to_numpy(float)
    kept = xk.Anchors(random_state=0, pool=3000, keep_pool=True).fit(xk.wrap(model, task="classification"), Z)
    model.clear()
    first, second = kept.explain(Z[:3]), kept.explain(Z[3:6])
    assert model.n_rows <= 6 + 2 * 32  # the rows, and what is asked again
    fresh = xk.Anchors(random_state=0, pool=3000).fit(xk.wrap(model, task="classification"), Z).explain(Z[:3])
    assert first.rules == fresh.rules
    assert len(second) == 3


def test_conditions_hold_where_their_masks_do():
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({
        "whole": rng.integers(0, 9, 300), "gaps": np.where(rng.random(300) < 0.2, np.nan, rng.normal(size=300)),
        "days": pd.date_range("2020-01-01", periods=300), "job": rng.choice(["a", None, "c"], 300),
        "money": [Decimal(int(i)) / 7 for i in rng.integers(0, 40, 300)], "large": rng.integers(2**60, 2**60 + 50, 300),
        "ends": rng.choice([np.inf, -np.inf, 1.0, 2.0], 300), "flag": rng.random(300) < 0.5})
    masker = xk.TabularMasker(frame)
    found = predicates_of(columns_of(masker, "decile", np.zeros((300, 1))), masker.schema, masker.background)
    assert {c.column for c in found.conditions} >= set(frame.columns) - {"flag"}
    for condition, holds in zip(found.conditions, found.holds(masker.background), strict=True):
        np.testing.assert_array_equal(holds, condition.mask(frame), err_msg=condition.words())
