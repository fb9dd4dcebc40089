"""The verdicts of a report's checks on both sides of their limits, and its ranks."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from report_cases import undrawn
from sklearn.linear_model import LinearRegression

import xaikit as xk
from xaikit.explanations.attribution import Attribution
from xaikit.explanations.importance import Importance
from xaikit.reporting.checks import Stability, check_attribution, check_noise, check_stability
from xaikit.reporting.importance import Ranking, side_by_side


def verdicts(checks):
    return {c.name: c.verdict for c in checks}


@pytest.mark.parametrize(("half", "verdict"), [
    (0.09, "fine"), (0.1, "fine"), (0.11, "look"), (0.21, "look"), (0.3, "look"), (0.31, "act")])
def test_a_base_value_that_is_known_badly_is_a_finding(half, verdict):
    sample = Attribution(
        method="KernelSHAP", values=[[[1.0]]], base_values=[[0.0]], predictions=[[1.0]], standard_errors=[[[0.0]]],
        base_errors=[[half * 2.0 / 1.96]], feature_names=("a",), output_names=("y",),
        details={"solver": np.array(["exact"])})
    checks = check_attribution(sample, sd=2.0)
    assert verdicts(checks)["Base value"] == verdict
    base = next(c for c in checks if c.name == "Base value")
    assert "Fine up to 10 %" in base.advice
    assert f"{100 * half:.0f} %" in base.measured


@pytest.mark.parametrize(("shared", "moved", "verdict"), [
    (1.0, 0.1, "fine"), (1.0, 0.14, "look"), (1.0, 0.3, "look"), (1.0, 0.31, "act"), (0.8, 0.0, "fine"),
    (0.79, 0.0, "look"), (0.6, 0.0, "look"), (0.59, 0.0, "act"), (0.79, 0.4, "act"), (np.nan, 0.0, "look")])
def test_other_runs_that_move_values_are_a_finding(shared, moved, verdict):
    checks = check_stability(Stability(1.0, 0.0), Stability(shared, moved * 2.0), sd=2.0)
    assert verdicts(checks) == {"Other seeds": "fine", "Other background rows": verdict}
    assert "no contribution changes by more than 10 %" in checks[1].advice


def ranking(values, noise, label="one"):
    values = np.array(values)[:, None]
    sizes = Importance(method="m", feature_names=tuple("abcdefgh"[:len(values)]), output_names=("y",), values=values,
                       lower=values - 0.01, upper=values + 0.01)
    return Ranking("kernel_shap", label, sizes, sizes, noise, 10)


@pytest.mark.parametrize(("values", "noise", "verdict"), [
    ([5.0, 1.0, 0.5, 0.4, 0.3], 0.0, "look"), ([5.0, 1.0, 0.5, 0.4, 0.3], 0.35, "fine"),
    ([5.0, 1.0, 0.5, 0.4], 0.0, None), ([5.0, 1.0, 0.5, 0.4, -0.3], 0.0, None)])
def test_that_all_features_are_above_noise_says_little_of_sizes(values, noise, verdict):
    checks = check_noise([ranking(values, noise)])
    assert verdicts(checks).get("Features above noise") == verdict
    if verdict == "look":
        assert checks[0].measured == "one: 5 of 5 features, 3 of them hold 90 % of the sum"


@pytest.mark.parametrize(("values", "share", "n"), [
    ([9.0, 1.0], 0.9, 1), ([8.9, 1.1], 0.9, 2), ([1.0, 1.0], 0.5, 1), ([0.0, 0.0], 0.9, 1), ([-5.0, 1.0], 0.9, 2)])
def test_how_many_features_hold_most_of_the_sum(values, share, n):
    assert ranking(values, 0.0).features_for(share) == n


def test_ranks_are_those_of_each_method_and_have_no_mean():
    frame = side_by_side([ranking([1.0, 3.0, 2.0], 0.0), ranking([3.0, 1.0, 2.0], 0.0, "two")])
    assert list(frame.columns) == ["feature", "one", "two", "above noise"]
    assert frame["feature"].tolist() == ["b", "c", "a"]
    assert frame["two"].tolist() == [3, 2, 1]


def test_a_report_on_many_features_says_that_all_are_above_noise():
    X = np.random.default_rng(0).normal(size=(60, 6))
    r = undrawn(LinearRegression().fit(X, X @ np.arange(1.0, 7.0)), X)
    check = next(c for c in r.checks if c.name == "Features above noise")
    assert check.verdict == "look"
    assert "Kernel SHAP: 6 of 6 features" in check.measured


def test_methods_are_named_in_words():
    X = np.random.default_rng(0).normal(size=(30, 2))
    e = xk.PermutationImportance(random_state=0).fit(lambda X: X[:, 0]).explain(X)
    ax = xk.plots.bar(e)
    assert ax.get_xlabel().startswith("permutation importance · output")
    plt.close(ax.figure)
    ax = xk.plots.bar(xk.KernelSHAP().fit(lambda X: X[:, 0], X).explain(X).importance())
    assert ax.get_xlabel().startswith("mean |Kernel SHAP| · output")
    plt.close(ax.figure)
