"""Functions of (estimator, X, y) as scorers: what they must take and return, and whole groups of rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import ndcg_score, r2_score

import xaikit as xk

RNG = np.random.default_rng(0)
X = pd.DataFrame(RNG.normal(size=(120, 3)), columns=list("abc"))
Y = (2 * X["a"] - X["b"] + RNG.normal(size=120)).round(2)
QUERIES = np.repeat(np.arange(12), 10)
MODEL = LinearRegression().fit(X, Y)


def scored(scoring, **more):
    return xk.PermutationImportance(scoring=scoring, n_repeats=2, random_state=0).fit(MODEL).explain(X, Y, **more)


def of_whole_groups(model, X, y):
    """The mean NDCG of queries of ten rows each, for which all of them are needed."""
    gains = np.exp(np.asarray(y)).reshape(-1, 10)
    return np.mean([ndcg_score(g[None], p[None])
                    for g, p in zip(gains, np.asarray(model.predict(X)).reshape(-1, 10), strict=True)])


@pytest.mark.parametrize(("scoring", "sentence"), [
    (lambda m, X, y: "good", r"must return one number, got 'good' \(str\)"),
    (lambda m, X, y: (1.0, 2.0), r"must return one number, got \(1.0, 2.0\) \(tuple\)"),
    (lambda m, X, y: np.array("0.5"), "must return one number"), (lambda m, X, y: 10**400, "must return one number"),
    (lambda m, X, y: None, "must return one number, got None"),
    (lambda m, X, y: np.ones(3), "must return one number"),
    (r2_score, r"must be a function of \(estimator, X, y\).*too many positional"),
    (lambda y_true, y_pred: 1.0, r"must be a function of \(estimator, X, y\).*make_scorer"),
])
def test_what_is_no_scorer_is_refused_in_a_sentence(scoring, sentence):
    with pytest.raises((xk.SettingError, ValueError), match=sentence):
        scored(scoring)


@pytest.mark.parametrize("result", [1, np.float32(0.5), np.array(0.5), True])
def test_a_number_of_any_type_is_a_score(result):
    assert (scored(lambda m, X, y: result).values == 0.0).all()


def test_a_scorer_that_needs_whole_groups_is_told_of_blocks():
    with pytest.raises(ValueError, match=r"scores all 120 rows, and fails on the 9\d that .* pass blocks=.*blocks=None"):
        scored(of_whole_groups)
    assert np.isnan(scored(of_whole_groups, blocks=None).standard_errors).all()
    assert np.isfinite(scored(of_whole_groups, blocks=QUERIES).standard_errors).all()


def test_an_error_of_the_scorer_on_all_rows_is_its_own():
    def broken(m, X, y):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        scored(broken)


def test_a_report_leaves_out_whole_groups_or_nothing():
    settings = {"scoring": of_whole_groups, "methods": ["permutation"], "path": None, "verbose": False}
    with pytest.raises(ValueError, match="pass blocks="):
        xk.report(MODEL, X, Y, **settings)
    for blocks, known in ((None, False), (QUERIES, True), (pd.Series(QUERIES, X.index), True)):
        found = xk.report(MODEL, X, Y, blocks=blocks, **settings).explanations["permutation"]
        assert np.isfinite(found.standard_errors).all() == known
    want = scored(of_whole_groups, blocks=QUERIES)
    assert found.values.shape == want.values.shape
    for wrong in (1, "some", QUERIES[:5]):
        with pytest.raises(ValueError, match="blocks"):
            xk.report(MODEL, X, Y, blocks=wrong, **settings)


def test_sentences_name_no_class_of_ours():
    votes = VotingClassifier([("one", LogisticRegression())]).fit(X, Y > 0)
    with pytest.raises(ValueError, match="cannot score these rows.*the model has none of") as caught:
        xk.PermutationImportance(scoring="roc_auc").fit(votes).explain(X, Y > 0)
    assert "Replay" not in str(caught.value)


def test_numbers_whose_squares_vanish_are_said():
    tiny = xk.wrap(lambda Z: 1e-200 * np.asarray(Z)[:, 0], task="regression")
    e = xk.PermutationImportance(random_state=0).fit(tiny).explain(X, 1e-200 * X["a"])
    assert any("No number in y exceeds 1e-140" in w for w in e.warnings)
    assert not any("exceeds" in w for w in scored(None).warnings)
