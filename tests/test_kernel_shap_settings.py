"""Settings of Kernel SHAP, and the settings, tables and models that it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from kernel_shap_cases import WLS, background_and_rows, fit, third_order, two_outputs
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import xaikit as xk


@pytest.fixture
def tables(rng):
    """Return a background and rows of 8 columns whose cells all differ."""
    return background_and_rows(rng)


def test_scikit_learn_conventions(tables):
    explainer = xk.KernelSHAP(budget=500, random_state=3)
    assert repr(explainer) == "KernelSHAP(budget=500, random_state=3)"
    assert explainer.get_params()["solver"] == "auto"
    explainer.set_params(solver="wls")
    fitted = explainer.fit(third_order, tables[0])
    assert fitted is explainer
    copy = clone(explainer)
    assert copy.get_params() == explainer.get_params()
    assert not hasattr(copy, "predictor_")
    settings = {"solver": "exact", "budget": 9, "max_seconds": None, "tol": 0.1, "interactions": True, "link": "logit", "groups": [[0]], "outputs": 0,
                "max_background": 3, "batch_size": 5, "random_state": 1, "n_jobs": 2,
                "max_memory": 10, "verbose": False}
    assert xk.KernelSHAP(**settings).get_params() == settings
    with pytest.raises(TypeError):
        xk.KernelSHAP("exact")


def test_settings_are_recorded(tables):
    background, X = tables
    got = fit(two_outputs, background, **WLS).explain(X)
    assert got.settings["solver"] == "wls"
    assert got.settings["budget"] == WLS["budget"]
    assert got.settings["n_background"] == 4
    assert got.method == "KernelSHAP"
    back = type(got).from_json(got.to_json())
    assert reference.bytes_of(back) == reference.bytes_of(got)
    assert back.settings == got.settings
    assert back.cost == got.cost


@pytest.mark.parametrize(("settings", "error", "words"), [
    ({"solver": "kernel"}, ValueError, "solver must be one of 'auto', 'exact', 'wls', 'gp'"),
    ({"solver": None}, ValueError, "solver must be one of"),
    ({"link": "log"}, ValueError, "link must be one of 'identity', 'logit', got 'log'"),
    ({"budget": 0}, ValueError, r"budget must be a whole number of at least 1 \(model rows\) or 'auto', got 0"),
    ({"budget": -5}, ValueError, "budget must be"),
    ({"budget": 10.5}, ValueError, "budget must be"),
    ({"budget": True}, ValueError, "budget must be"),
    ({"budget": "lots"}, ValueError, "budget must be"),
    ({"budget": None}, ValueError, "budget must be"),
    ({"budget": "30s"}, ValueError, "budget must be"),
    ({"max_seconds": 0}, ValueError, "max_seconds must be a number above 0 or None, got 0"),
    ({"max_seconds": "30s"}, ValueError, "max_seconds must be"),
    ({"max_seconds": 5, "solver": "exact"}, ValueError, "cannot be kept by solver='exact'"),
    ({"tol": 0}, ValueError, "tol must be a number above 0 and below 1 or None, got 0"),
    ({"tol": 1.0}, ValueError, "tol must be"),
    ({"tol": "small"}, ValueError, "tol must be"),
    ({"tol": np.nan}, ValueError, "tol must be"),
    ({"max_background": 0}, ValueError, "max_background must be a whole number of at least 1"),
    ({"max_background": True}, ValueError, "max_background must be"),
    ({"max_memory": -1}, ValueError, "max_memory must be a whole number of at least 1, got -1"),
    ({"n_jobs": 0}, ValueError, "n_jobs must be"),
    ({"interactions": 1}, ValueError, "interactions must be True or False, got 1"),
    ({"random_state": -1}, ValueError, "random_state must be a whole number of at least 0 or .* or None, got -1"),
    ({"random_state": 1.5}, ValueError, "random_state must be a whole number"),
    ({"random_state": True}, ValueError, "random_state must be a whole number"),
    ({"random_state": "zero"}, ValueError, "random_state must be a whole number"),
    ({"batch_size": 0}, ValueError, "batch_size must be a whole number of at least 1 or 'auto', got 0"),
    ({"batch_size": "big"}, ValueError, "batch_size must be"),
    ({"groups": {"g": ["x0", "nobody"]}}, ValueError, "'nobody'"),
])
def test_bad_settings(tables, settings, error, words):
    with pytest.raises(error, match=words):
        fit(third_order, tables[0], **settings)


@pytest.mark.parametrize(("setting", "words"), [
    ({"solver": "kernel"}, "solver must"), ({"link": "log"}, "link must"), ({"budget": 0}, "budget must")])
def test_settings_changed_after_fit_are_checked_too(tables, setting, words):
    explainer = fit(third_order, tables[0]).set_params(**setting)
    with pytest.raises(ValueError, match=words):
        explainer.explain(tables[1])


# Tables and models -------------------------------------------------------------------------------


def test_bad_tables(tables):
    background, X = tables
    explainer = fit(third_order, background)
    for bad, words in ((X[:, :5], "expected 8 columns"), (X[:0], "no rows"),
                       (np.full((1, 8), "a"), "expected an array of float64")):
        with pytest.raises(ValueError, match=words):
            explainer.explain(bad)
    with pytest.raises(ValueError, match="a background is needed"):
        xk.KernelSHAP().fit(third_order)
    with pytest.raises(ValueError, match="needs rows and columns"):
        xk.KernelSHAP().fit(third_order, background[:0])


def test_explain_before_fit():
    with pytest.raises(NotFittedError, match="call fit"):
        xk.KernelSHAP().explain(np.zeros((1, 2)))


@pytest.mark.parametrize(("answer", "words"), [
    (lambda X: np.full(len(X), np.nan), "NaN or infinity"),
    (lambda X: np.full(len(X), np.inf), "NaN or infinity"),
    (lambda X: np.full(len(X), "yes"), "expected numbers"),
    (lambda X: ["yes"] * len(X), "expected numbers"),
    (lambda X: np.zeros(len(X) + 1), "expected one answer a row"),
    (lambda X: 1.0, "expected one answer a row"),
    (lambda X: np.zeros((len(X), 2, 2)), r"\(n_rows,\) or \(n_rows, n_outputs\)"),
    (lambda X: None, "expected one answer a row"),
    (lambda X: [[0.0]] * (len(X) - 1) + [[0.0, 1.0]], "do not form an array"),
    (lambda X: 1 / 0, "division by zero"),
])
def test_models_that_cannot_be_explained(tables, answer, words):
    background, X = tables
    with pytest.raises(xk.ModelError, match=words):
        fit(answer, background)
    # The same when the model goes wrong only later on.
    with pytest.raises(xk.ModelError, match=words):
        fit(lambda B: answer(B) if len(B) > 6 else third_order(B), background, **WLS).explain(X)


def test_a_model_that_failed_once_can_be_asked_again(tables, counting):
    background, X = tables
    ref = fit(third_order, background, **WLS).explain(X)
    model = counting(third_order)
    explainer = fit(model, background, **WLS)
    model.fail_at = len(model.batches) + 3
    with pytest.raises(xk.ModelError, match="no answer today"):
        explainer.explain(X)
    assert reference.bytes_of(explainer.explain(X)) == reference.bytes_of(ref)


def test_a_model_that_looks_at_the_whole_batch(tables):
    with pytest.raises(ValueError, match="depends on the other rows of the batch"):
        fit(lambda X: third_order(X) - third_order(X).mean(), tables[0])


def test_a_model_that_changes_its_number_of_outputs(tables):
    background, X = tables
    with pytest.raises(xk.ModelError, match="answered with 2 outputs, where 1 were expected"):
        fit(lambda B: two_outputs(B) if len(B) > 6 else third_order(B), background, **WLS).explain(X)


def test_things_that_are_no_model(tables):
    for thing in (3.0, "model", None):
        with pytest.raises(TypeError, match="expected a model"):
            fit(thing, tables[0])
