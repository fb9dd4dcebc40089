"""Log-odds of probabilities too near to 0 or 1: clipped, and the result says where."""

import numpy as np
import pytest
from scipy.special import expit

import xaikit as xk

ENDS = np.zeros((1, 2))
ROW = np.ones((1, 2))
METHODS = {
    "exact": lambda: xk.KernelSHAP(link="logit", solver="exact"),
    "wls": lambda: xk.KernelSHAP(link="logit", solver="wls", random_state=0),
    "difference": lambda: xk.PredictionDifference(link="logit"),
}


def by_corner(nothing, first, second, both):
    """Return a model of the probabilities at the corners of the unit square."""
    table = np.array([[nothing, second], [first, both]])

    def model(X):
        X = np.asarray(X).astype(int)
        p = table[X[:, 0], X[:, 1]]
        return np.column_stack([1.0 - p, p])

    return model


CASES = {
    "nothing": ((0.2, 0.4, 0.6, 0.8), ""),
    "near but not clipped": ((2e-7, 0.4, 0.6, 1 - 2e-7), ""),
    "log-odds of 54": ((0.2, 0.4, 0.6, expit(54.0)), "prediction"),
    "a tiny base": ((1e-9, 0.4, 0.6, 0.8), "base value"),
    "in between": ((0.2, 0.0, 0.6, 0.8), "coalitions"),
    "all": ((0.0, 0.0, 0.0, 1.0), "prediction, base value, coalitions"),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("corners", "where"), CASES.values(), ids=CASES)
def test_the_result_says_where_probabilities_were_clipped(method, corners, where):
    e = METHODS[method]().fit(by_corner(*corners), ENDS).explain(ROW)
    assert e.details["clipped"].tolist() == [[where, where]]
    said = [w for w in e.warnings if "clips probabilities" in w]
    assert len(said) == bool(where)
    clear = np.clip(corners, 1e-7, 1 - 1e-7)
    np.testing.assert_allclose(e.predictions[0, 1], np.log(clear[3] / (1 - clear[3])), rtol=1e-6)


def test_the_warning_counts_rows():
    X = np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    explainer = xk.KernelSHAP(link="logit").fit(by_corner(0.2, 1.0, 0.6, 0.8), ENDS)
    e = explainer.explain(X)
    assert e.details["clipped"][:, 1].tolist() == ["coalitions", "prediction", "", ""]
    (said,) = e.warnings
    assert "of 4 rows explained together, the prediction of 1, the base value of 0, and coalitions alone of 1" in said
    assert "±16.1" in said
    shared = explainer.explain(explainer.games(X))
    assert shared.warnings == e.warnings


def test_outputs_are_told_apart():
    def model(X):
        p = by_corner(0.2, 0.4, 0.6, 0.8)(X)
        return np.column_stack([p[:, 1], (X.sum(axis=1) == 2) * 1.0])

    e = xk.KernelSHAP(link="logit").fit(model, ENDS).explain(ROW)
    assert e.details["clipped"].tolist() == [["", "prediction, base value, coalitions"]]


def test_no_word_of_it_without_a_link():
    e = xk.KernelSHAP().fit(by_corner(0.0, 0.0, 0.0, 1.0), ENDS).explain(ROW)
    assert "clipped" not in e.details
    assert e.warnings == ()


def test_where_it_took_place_is_saved(tmp_path):
    e = METHODS["exact"]().fit(by_corner(0.0, 0.0, 0.0, 1.0), ENDS).explain(ROW)
    e.save(tmp_path / "e.json")
    again = xk.load_explanation(tmp_path / "e.json")
    np.testing.assert_array_equal(again.details["clipped"], e.details["clipped"])
    assert again.warnings == e.warnings
