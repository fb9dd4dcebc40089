"""Laws of Shapley values and of the toolkit, on random games."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import reference
from asking import not_compared
from hypothesis import assume, given
from hypothesis import strategies as st

import xaikit as xk

pytestmark = pytest.mark.kernels

LEVELS = 3


class Lookup:
    """A model that is a table: any function of rows of {0, 1, 2}^M there can be."""

    def __init__(self, table):
        self.table = table

    def __call__(self, X):
        codes = np.asarray(X, dtype=np.int64)
        place = LEVELS ** np.arange(codes.shape[1])
        return self.table[codes @ place]


class Case:
    """A random model, background with weights, and rows."""

    def __init__(self, seed, n_units, n_background, n_outputs, weighted):
        rng = np.random.default_rng(seed)
        self.rng = rng
        self.table = rng.normal(size=(LEVELS**n_units, n_outputs))
        self.background = rng.integers(LEVELS, size=(n_background, n_units)).astype(float)
        self.X = rng.integers(LEVELS, size=(3, n_units)).astype(float)
        self.weights = rng.random(n_background) + 0.05 if weighted else None

    @property
    def model(self):
        return Lookup(self.table)

    @property
    def n_units(self):
        return self.X.shape[1]

    def masker(self, container=np.asarray):
        return xk.TabularMasker(container(self.background), weights=self.weights)

    def explain(self, model=None, X=None, container=np.asarray, **settings):
        explainer = xk.KernelSHAP(random_state=0, **settings)
        explainer.fit(self.model if model is None else model, self.masker(container))
        return explainer.explain(container(self.X if X is None else X))


cases = st.builds(
    Case, seed=st.integers(0, 2**32 - 1), n_units=st.integers(2, 6), n_background=st.integers(1, 5),
    n_outputs=st.integers(1, 2), weighted=st.booleans(),
)
# Enough model rows for at least 2M pairs on 5 background rows of 6 units, too few for all of them.
SAMPLED = {"solver": "wls", "budget": 10 * 13 + 1}
SOLVERS = st.sampled_from([{"solver": "exact"}, {"solver": "auto"}, SAMPLED])


@given(cases)
def test_exact_values_are_the_definition_s(case):
    got = case.explain(solver="exact")
    for i, row in enumerate(case.X):
        v = reference.game(case.model, row, case.background, case.weights)
        ref = reference.shapley(v, case.n_units)
        np.testing.assert_allclose(got.values[i], ref, atol=1e-12)


@given(cases, SOLVERS)
def test_efficiency(case, solver):
    got = case.explain(**solver)
    assert np.abs(got.gap()).max() < 1e-9
    # A prediction is a mean of as many equal answers as there are background rows.
    np.testing.assert_allclose(got.predictions, case.model(case.X), rtol=1e-14)
    weights = case.masker().weights
    np.testing.assert_allclose(got.base_values[0], weights @ case.model(case.background), atol=1e-12)


@given(cases, SOLVERS, st.data())
def test_dummy(case, solver, data):
    unit = data.draw(st.integers(0, case.n_units - 1))
    blind = lambda X: Lookup(case.table)(np.where(np.arange(case.n_units) == unit, 0.0, X))  # noqa: E731
    got = case.explain(blind, **solver)
    if solver["solver"] == "exact":
        np.testing.assert_allclose(got.values[:, unit], 0.0, atol=1e-12)
    else:
        # Sampled values are wrong by no more than some of their own errors.
        assert (np.abs(got.values[:, unit]) <= 8 * got.standard_errors[:, unit] + 1e-9).all()


@given(cases, SOLVERS, st.data())
def test_a_unit_equal_to_all_background_rows_gets_exactly_nothing(case, solver, data):
    unit = data.draw(st.integers(0, case.n_units - 1))
    case.background[:, unit] = case.X[:, unit] = 1.0
    got = case.explain(**solver)
    np.testing.assert_array_equal(got.values[:, unit], 0.0)
    np.testing.assert_array_equal(got.standard_errors[:, unit], 0.0)


@given(cases, st.data())
def test_symmetry(case, data):
    i = data.draw(st.integers(0, case.n_units - 2))
    j = data.draw(st.integers(i + 1, case.n_units - 1))
    swapped = list(range(case.n_units))
    swapped[i], swapped[j] = j, i
    # Symmetric in i and j: the model, the background's two columns and the row's two cells.
    model = lambda X: case.model(X) + case.model(np.asarray(X)[:, swapped])  # noqa: E731
    case.background[:, j], case.X[:, j] = case.background[:, i], case.X[:, i]
    got = case.explain(model, solver="exact")
    np.testing.assert_allclose(got.values[:, i], got.values[:, j], atol=1e-12)


@given(cases, SOLVERS, st.floats(-3, 3), st.floats(-3, 3))
def test_linearity_in_the_model(case, solver, a, b):
    other = Lookup(case.rng.normal(size=case.table.shape))
    both = Lookup(a * case.table + b * other.table)
    got = case.explain(both, **solver)
    ref = a * case.explain(**solver).values + b * case.explain(other, **solver).values
    # The coalitions are the same for all three, so even sampled values are linear.
    np.testing.assert_allclose(got.values, ref, atol=1e-10)


@given(cases)
def test_values_are_the_mean_over_background_rows(case):
    whole = case.explain(solver="exact")
    ref = np.zeros(whole.values.shape)
    for weight, row in zip(case.masker().weights, case.background, strict=True):
        alone = xk.KernelSHAP(solver="exact").fit(case.model, row[None]).explain(case.X)
        ref += weight * alone.values
    np.testing.assert_allclose(whole.values, ref, atol=1e-12)


@given(cases)
def test_a_row_given_twice_is_a_row_of_twice_the_weight(case):
    weights = np.ones(len(case.background))
    weights[0] = 2.0
    case.weights = weights
    ref = case.explain(solver="exact")
    case.background, case.weights = np.concatenate([case.background, case.background[:1]]), None
    got = case.explain(solver="exact")
    np.testing.assert_allclose(got.values, ref.values, atol=1e-12)


@given(cases, st.randoms(use_true_random=False))
def test_columns_in_another_order_give_the_same_values(case, random):
    order = list(range(case.n_units))
    random.shuffle(order)
    ref = case.explain(solver="exact")
    back = np.argsort(order)
    model = lambda X: case.model(np.asarray(X)[:, back])  # noqa: E731
    case.background = case.background[:, order]
    got = case.explain(model, X=case.X[:, order], solver="exact")
    np.testing.assert_allclose(got.values, ref.values[:, order], atol=1e-12)


@given(cases, SOLVERS)
def test_batches_and_rows_in_any_order_give_the_same_bytes(case, solver):
    ref = case.explain(**solver)
    for settings in ({"batch_size": 3}, {"max_memory": 1}):
        got = case.explain(**solver, **settings)
        assert reference.bytes_of(got) == reference.bytes_of(ref)
    got = case.explain(X=case.X[::-1], **solver)[::-1]
    assert reference.bytes_of(got) == reference.bytes_of(ref)
    one = case.explain(X=case.X[1], **solver)
    assert reference.bytes_of(one) == reference.bytes_of(ref[1])


@given(cases, SOLVERS)
def test_a_frame_gives_the_bytes_of_an_array(case, solver):
    ref = case.explain(**solver)
    got = case.explain(container=pd.DataFrame, **solver)
    assert reference.bytes_of(got) == reference.bytes_of(ref)


@given(cases, st.data())
def test_groups_are_units_of_a_smaller_game(case, data):
    assume(case.n_units > 2)
    size = data.draw(st.integers(2, case.n_units - 1))
    group = data.draw(st.permutations(range(case.n_units)))[:size]
    units = sorted([list(group), *[[c] for c in range(case.n_units) if c not in group]], key=min)
    masker = xk.TabularMasker(case.background, groups={"g": list(group)}, weights=case.weights)
    got = xk.KernelSHAP(solver="exact").fit(case.model, masker).explain(case.X)
    for i, row in enumerate(case.X):
        v = reference.game(case.model, row, case.background, case.weights, units=units)
        np.testing.assert_allclose(got.values[i], reference.shapley(v, len(units)), atol=1e-12)


@given(cases, SOLVERS)
def test_sampled_and_exact_never_ask_a_row_twice_or_more_than_the_budget(case, solver):
    asked = []

    def model(X):
        asked.extend(map(tuple, np.asarray(X).tolist()))
        return case.model(X)

    explainer = xk.KernelSHAP(random_state=0, **solver).fit(model, case.masker())
    for row in case.X:
        asked.clear()
        with not_compared:
            got = explainer.explain(row)
        assert len(asked) == len(set(asked)) == got.cost.model_rows == got.details["model_rows"][0]
        assert len(asked) <= solver.get("budget", np.inf)
        # What was asked in fit is known: no row of the background is asked again.
        assert not set(asked) & set(map(tuple, case.background.tolist()))
