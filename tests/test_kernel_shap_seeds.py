"""Kernel SHAP: the same seed gives the same bytes, and explaining changes nothing."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import reference
from asking import ALONE
from kernel_shap_cases import WLS, background_and_rows, fit, probability, third_order, two_outputs

from xaikit.predictor.ledger import Ledger


@pytest.fixture
def tables(rng):
    """Return a background and rows of 8 columns whose cells all differ."""
    return background_and_rows(rng)


@pytest.mark.parametrize("settings", [
    {"n_jobs": 2}, {"n_jobs": 1}, {"batch_size": 1}, {"batch_size": 7}, {"max_memory": 1},
    {"max_memory": 2**20}, {"max_memory": 2**32}], ids=str)
@pytest.mark.parametrize("solver", [
    WLS, {"solver": "exact"}, {"solver": "auto", "budget": 300}, {"solver": "exact", "link": "logit"}],
    ids=["wls", "exact", "auto", "logit"])
def test_the_bytes_depend_on_the_seed_alone(rng, settings, solver):
    # 34 rows are two tasks, and some have units equal to the background's.
    background, X = rng.normal(size=(4, 8)), rng.normal(size=(34, 8))
    X[::3, :4] = background[0, :4]
    n = 34 if "n_jobs" in settings else 3
    background = background[:2] if "n_jobs" in settings else background
    ref = fit(probability, background, **solver).explain(X[:n])
    got = fit(probability, background, **solver, **settings).explain(X[:n])
    # How often a row is asked again may depend on memory; what is found may not.
    if "max_memory" in settings:
        ref, got = (reference_without_rows(e) for e in (ref, got))
    assert reference.bytes_of(got) == reference.bytes_of(ref)
    assert got.random_state == 0


def reference_without_rows(e):
    from dataclasses import replace

    return replace(e, details={k: v for k, v in e.details.items() if k != "model_rows"})


@pytest.mark.parametrize("settings", [{}, {"n_jobs": 2}], ids=["serial", "2 workers"])
def test_what_two_workers_cost_is_added_up(rng, settings):
    background, X = rng.normal(size=(4, 8)), rng.normal(size=(40, 8))
    got = fit(third_order, background, **WLS, **settings).explain(X)
    assert got.cost.model_rows == got.details["model_rows"].sum() + ALONE
    assert got.cost.calls > 0
    assert got.cost.model_seconds > 0.0


def test_rows_in_another_order_give_the_same_bytes(rng):
    background, X = rng.normal(size=(4, 8)), rng.normal(size=(40, 8))
    explainer = fit(third_order, background, **WLS)
    order = rng.permutation(40)
    ref, got = explainer.explain(X)[order], explainer.explain(X[order])
    assert reference.bytes_of(got) == reference.bytes_of(ref)


def test_seeds(tables):
    background, X = tables
    values = [fit(third_order, background, random_state=s, **WLS).explain(X).values.tobytes()
              for s in (0, 0, 1, np.int64(1))]
    assert values[0] == values[1] != values[2] == values[3]


@pytest.mark.parametrize("random_state", [None, "generator"])
def test_a_drawn_seed_is_recorded_and_reproduces(tables, random_state):
    background, X = tables
    if random_state == "generator":
        random_state = np.random.default_rng(3)
    got = fit(third_order, background, random_state=random_state, **WLS).explain(X)
    assert isinstance(got.random_state, int)
    again = fit(third_order, background, random_state=got.random_state, **WLS).explain(X)
    assert reference.bytes_of(again) == reference.bytes_of(got)
    other = fit(third_order, background, random_state=random_state, **WLS).explain(X)
    assert other.random_state != got.random_state


def test_the_global_generator_is_left_alone(tables):
    background, X = tables
    np.random.seed(0)
    ref = np.random.get_state()[1].copy()
    fit(third_order, background, random_state=None, **WLS).explain(X)
    np.testing.assert_array_equal(np.random.get_state()[1], ref)


def test_explain_does_not_change_the_explainer(tables):
    background, X = tables
    explainer = fit(two_outputs, background, **WLS)

    def state():
        # The ledger of the model goes on counting; all else stays.
        explainer.predictor_.ledger = Ledger()
        return pickle.dumps(vars(explainer))

    ref = state()
    first = explainer.explain(X)
    second = explainer.explain(X)
    assert reference.bytes_of(first) == reference.bytes_of(second)
    assert first.cost.model_rows == second.cost.model_rows
    assert state() == ref


def test_pickled_explainers_explain_the_same(tables):
    background, X = tables
    explainer = fit(two_outputs, background, **WLS)
    got = pickle.loads(pickle.dumps(explainer)).explain(X)
    assert reference.bytes_of(got) == reference.bytes_of(explainer.explain(X))
