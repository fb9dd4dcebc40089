"""Anchors of tables: what rules promise, recounted on rows; and what comes of odd tables."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

import xaikit as xk
from xaikit.sampling.seeds import stream

RNG = np.random.default_rng(0)


def table(n, rng=RNG):
    return pd.DataFrame({
        "age": rng.integers(18, 80, n), "hours": rng.normal(40, 10, n).round(1),
        "job": rng.choice(["clerk", "cook", "smith", "nurse"], n, p=[0.4, 0.3, 0.2, 0.1]),
        "gap": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n))})


class Rich:
    """Says yes for clerks over 45, and for everyone over 70."""

    classes_ = np.array(["no", "yes"])
    _estimator_type = "classifier"

    def predict(self, X):
        return np.where(((X["job"] == "clerk") & (X["age"] > 45)) | (X["age"] > 70), "yes", "no")


X = table(4000)
ROWS = table(40, np.random.default_rng(1))
FRESH = table(20_000, np.random.default_rng(2))
RICH = xk.Anchors(random_state=0).fit(Rich(), X)
RULES = RICH.explain(ROWS)


# --- what a rule promises

def test_rules_hold_for_their_rows_and_say_what_the_model_says():
    said = Rich().predict(ROWS)
    for i, rule in enumerate(RULES.rules):
        assert rule.applies(ROWS)[i]
        assert RULES.answers[i] == said[i]
    assert RULES.verified.mean() > 0.8


def test_verified_rules_are_precise_on_rows_that_nobody_saw():
    said = Rich().predict(FRESH)
    for anchor in (RULES[i] for i in np.flatnonzero(RULES.verified)):
        holds = anchor.applies(FRESH)
        assert (said[holds] == anchor.answer).mean() >= 0.95
        assert anchor.coverage.lower <= holds.mean() + 0.01
        assert anchor.coverage.upper >= holds.mean() - 0.01


def test_numbers_are_those_of_the_half_that_the_search_did_not_see():
    order = stream(RICH.seed_, "pool of rules").permutation(len(X))
    check = X.iloc[order[len(X) // 2:]]
    said = Rich().predict(check)
    for anchor in (RULES[i] for i in range(len(RULES))):
        holds = anchor.applies(check)
        agrees = said[holds] == anchor.answer
        assert anchor.precision.n_rows == holds.sum()
        assert float(anchor.precision) == pytest.approx(agrees.mean())
        assert float(anchor.coverage) == pytest.approx(holds.mean())
        assert anchor.precision.lower <= float(anchor.precision) <= anchor.precision.upper
        assert len(anchor.steps) == len(anchor.conditions)
        if anchor.steps:
            assert anchor.steps[-1] == pytest.approx(agrees.mean())


@pytest.mark.statistics
def test_few_rules_are_verified_that_are_not_precise():
    # The best rule, x0 > 0.5, is a little too imprecise to be certified; chance would pass many.
    def model(Z):
        return (Z[:, 0] > 0.5) ^ (Z[:, 1] < 0.07)

    rng, wrong = np.random.default_rng(3), 0
    wrapped = xk.wrap(model, task="classification", output_names=["yes"])
    for seed in range(60):
        background = rng.random((1500, 2)).round(3)
        got = xk.Anchors(random_state=seed, max_length=1, precision=0.95, confidence=0.9).fit(wrapped, background).explain([[0.75, 0.5]])
        (rule,) = got.rules
        fresh = rng.random((20_000, 2)).round(3)
        holds = rule.applies(fresh)
        wrong += bool(got.verified[0] and (model(fresh)[holds] == model(np.array([[0.75, 0.5]]))).mean() < 0.95)
    assert wrong <= 6 + 3  # 10 % of 60, and room for chance


def test_a_model_that_always_says_the_same_has_the_rule_of_every_row():
    got = xk.Anchors(random_state=0).fit(xk.wrap(lambda Z: np.ones(len(Z)), task="classification"), X[["age", "hours"]]).explain(ROWS[["age", "hours"]])
    assert all(len(rule) == 0 for rule in got.rules)
    np.testing.assert_array_equal(got.coverage, 1.0)
    assert got.verified.all()
    assert got.to_frame()["rule"].unique().tolist() == ["every row"]


def test_rules_need_few_conditions():
    # One cut is all of the model, and these rows are not beside it.
    rows = ROWS[(ROWS["age"] < 38) | (ROWS["age"] > 58)]
    got = xk.Anchors(random_state=0).fit(lambda Z: np.column_stack([Z["age"] <= 48, Z["age"] > 48]).astype(float), X).explain(rows)
    assert {c.column for rule in got.rules for c in rule.conditions} == {"age"}
    assert max(map(len, got.rules)) == 1


# --- reproducible

def test_rows_do_not_depend_on_the_rows_beside_them():
    want = RULES[[3, 7, 0]]
    got = RICH.explain(ROWS.iloc[[3, 7, 0]])
    assert got.rules == want.rules
    np.testing.assert_array_equal(got.precision_lower, want.precision_lower)
    assert xk.Anchors(random_state=0).fit(Rich(), X).explain(ROWS).to_frame().equals(RULES.to_frame())


def test_the_pool_is_asked_once_for_all_rows(counting):
    model = counting(lambda Z: (np.asarray(Z)[:, 0] > 50).astype(float))
    explainer = xk.Anchors(random_state=0, pool=600).fit(xk.wrap(model, task="classification"), X[["age", "hours"]].to_numpy(float))
    model.clear()
    got = explainer.explain(ROWS[["age", "hours"]].to_numpy(float))
    assert model.n_rows == got.cost.model_rows
    assert 600 + len(ROWS) <= model.n_rows <= 600 + len(ROWS) + 32


# --- numbers

def test_rules_of_numbers_are_about_a_side_or_a_band():
    def price(Z):
        return 2.0 * Z["age"] + (Z["job"] == "cook") * 30.0

    side = xk.Anchors(threshold=120.0, random_state=0).fit(price, X).explain(ROWS)
    fresh = price(FRESH)
    for i in np.flatnonzero(side.verified):
        above = price(ROWS)[i] >= 120
        assert side.answers[i] == f"output {'>=' if above else '<'} 120"
        assert ((fresh[side.rules[i].applies(FRESH)] >= 120) == above).mean() >= 0.95
    band = xk.Anchors(within=25.0, random_state=0).fit(price, X).explain(ROWS)
    assert band.verified.any()
    for i in np.flatnonzero(band.verified):
        assert (abs(fresh[band.rules[i].applies(FRESH)] - price(ROWS)[i]) <= 25.0).mean() >= 0.95
    low, high = np.quantile(price(X), [0.1, 0.9])
    auto = xk.Anchors(random_state=0).fit(price, X).explain(ROWS.iloc[:2])
    shown = [float(v) for v in auto.answers[0].replace("<= output <=", "").split()]
    assert np.diff(shown)[0] == pytest.approx(0.2 * (high - low), rel=0.02)


def test_outputs_that_are_shares_of_a_few_rows_alone_are_no_classes():
    background = np.vstack([np.zeros((3, 2)), np.random.default_rng(0).normal(size=(400, 2))])
    background[:3, 0] = [0.0, 1e-9, 2e-9]
    explainer = xk.Anchors(random_state=0).fit(
        lambda Z: np.column_stack([np.exp(Z[:, 0]) / 2, 0.5 + 40 * Z[:, 1]]), background[[0, 1, 2, *range(200)]])
    with pytest.raises(xk.SettingError, match="choose one, such as outputs="):
        explainer.explain(background[:2])


# --- what a user holds

def test_rule_sets_are_cut_shown_and_saved(tmp_path):
    assert len(RULES[:5]) == 5
    assert RULES[[2, 4]].rules == (RULES.rules[2], RULES.rules[4])
    assert str(RULES[0]).startswith(f"{RULES.answers[0]} if {RULES.rules[0].words()} (precision ")
    frame = RULES.to_frame()
    assert frame["rule"].tolist() == [rule.words() for rule in RULES.rules]
    again = xk.load_explanation(RULES.save(tmp_path / "rules.json"))
    assert isinstance(again, xk.RuleSet)
    assert json.dumps(again.to_dict()) == json.dumps(RULES.to_dict())
    assert again.rules == RULES.rules
    RULES.save(tmp_path / "rules.html")
    assert pd.read_csv(RULES.save(tmp_path / "rules.csv"))["rule"].tolist() == frame["rule"].tolist()
    for i in (0, 5):
        if len(RULES.rules[i]):
            assert FRESH.query(RULES.rules[i].to_pandas_query()).index.tolist() == \
                np.flatnonzero(RULES.rules[i].applies(FRESH)).tolist()
    assert "40 rules" in repr(RULES)


# --- odd tables, and settings that do not fit

@pytest.mark.parametrize(("name", "frame"), [
    ("constant", pd.DataFrame({"a": np.ones(300), "b": ["x"] * 300})),
    ("levels", pd.DataFrame({"a": RNG.choice(list("xyz"), 300), "b": pd.Categorical(RNG.choice(["p", None], 300))})),
    ("wide", pd.DataFrame(RNG.normal(size=(300, 300)), columns=[f"c{j}" for j in range(300)])),
    ("days", pd.DataFrame({"day": pd.date_range("2024-01-01", periods=300), "flag": RNG.random(300) < 0.5})),
    ("two rows", pd.DataFrame({"a": [1.0, 2.0]}))])
def test_odd_tables_have_rules(name, frame):
    def model(Z):
        return np.array([hash(str(v)) % 2 for v in Z.iloc[:, 0]], dtype=float)

    got = xk.Anchors(random_state=0).fit(xk.wrap(model, task="classification"), frame).explain(frame.iloc[:2])
    assert len(got) == 2
    assert [bool(rule.applies(frame.iloc[[i]])[0]) for i, rule in enumerate(got.rules)] == [True, True]
    for verified, reason in zip(got.verified, got.reasons, strict=True):
        assert bool(reason) == (not verified)


def test_a_row_unlike_all_others_has_a_rule_without_rows_or_one_that_fits():
    strange = ROWS.iloc[:1].assign(age=500, job="astronaut", hours=-3.0)
    got = RICH.explain(strange)
    assert got.rules[0].applies(strange)[0]


def test_a_rare_class_is_not_called_verified():
    def rare(Z):
        return (Z["age"] == 30) & (Z["job"] == "nurse") & (Z["hours"] > 50)

    row = ROWS.iloc[:1].assign(age=30, job="nurse", hours=55.0)
    got = xk.Anchors(random_state=0).fit(xk.wrap(lambda Z: rare(Z).to_numpy(float), task="classification"), X).explain(row)
    assert not got.verified[0]
    assert got.reasons[0].startswith("no rule reached the precision")
    assert got.stop_reasons == ("unreached",)


def test_a_precision_of_1_is_never_certain():
    for distribution in ("conditional", "interventional"):
        got = xk.Anchors(precision=1.0, random_state=0, distribution=distribution, budget=800).fit(Rich(), X).explain(ROWS.iloc[:3])
        assert not got.verified.any()
        assert set(got.stop_reasons) == {"certainty"}
        assert "ask for less, such as 0.99" in got.reasons[0]


def test_too_small_a_pool_says_how_many_rows_it_takes():
    got = xk.Anchors(pool=60, random_state=0, distribution="conditional").fit(Rich(), X).explain(ROWS.iloc[:1])
    assert not got.verified[0]
    assert got.stop_reasons == ("few rows",)
    assert got.reasons == ("the pool is too small: a precision of 0.95 takes 118 rows at least",)


def test_estimators_of_several_classes_and_missing_cells():
    Y = np.digitize(X["hours"], [35, 45])
    tree = DecisionTreeClassifier(max_depth=3, random_state=0).fit(X[["age", "hours", "gap"]], Y)
    got = xk.Anchors(random_state=0).fit(tree, X[["age", "hours", "gap"]]).explain(ROWS[["age", "hours", "gap"]])
    assert set(got.answers) == {"0", "1", "2"}
    assert got.verified.mean() > 0.8
    line = LogisticRegression().fit(X[["age", "hours"]], Y == 2)
    assert set(xk.Anchors(random_state=0).fit(line, X[["age", "hours"]]).explain(ROWS[["age", "hours"]]).answers) <= {"True", "False"}


@pytest.mark.parametrize(("ask", "error", "words"), [
    (lambda: xk.Anchors().fit(lambda t: np.zeros(len(t)), xk.TextMasker()).explain(["a b"]), xk.SettingError, "needs threshold= or within="),
    (lambda: xk.Anchors(distribution="joint").fit(Rich(), X), xk.SettingError, "distribution must be"),
    (lambda: xk.Anchors(prefer="short").fit(Rich(), X), xk.SettingError, "prefer must be"),
    (lambda: xk.Anchors(budget=0).fit(Rich(), X), xk.SettingError, "budget must be"),
    (lambda: xk.Anchors().fit(Rich()), ValueError, "a background is needed"),
    (lambda: xk.Anchors(threshold=1.0, within=2.0).fit(Rich(), X), xk.SettingError, "set one of them"),
    (lambda: xk.Anchors(precision=1.2).fit(Rich(), X), xk.SettingError, "precision must be"),
    (lambda: xk.Anchors(precision=0.0).fit(Rich(), X), xk.SettingError, "precision must be"),
    (lambda: xk.Anchors(pool=1).fit(Rich(), X), xk.SettingError, "pool must be"),
    (lambda: xk.Anchors().fit(lambda Z: Z[["age", "hours"]].to_numpy(), X).explain(ROWS), xk.SettingError, "choose one, such as outputs="),
    (lambda: xk.Anchors().fit(Rich(), xk.TabularMasker(X, weights=np.arange(4000))), ValueError, "which have no weights"),
    (lambda: xk.Anchors().explain(ROWS), Exception, "not fitted yet")])
def test_what_cannot_be_done(ask, error, words):
    with pytest.raises(error, match=words):
        ask()
