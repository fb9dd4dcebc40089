"""Memory that grows with the number of features or outputs stays near `max_memory`."""

from __future__ import annotations

import joblib
import numpy as np
import pytest
from measuring import peak

import xaikit as xk
from xaikit.explainers.run import run
from xaikit.predictor.ledger import Ledger

M = 2000
RNG = np.random.default_rng(0)
BACKGROUND, X, WEIGHTS = RNG.normal(size=(10, M)), RNG.normal(size=(1, M)), RNG.normal(size=M)


@pytest.mark.parametrize("method", [xk.Occlusion, xk.PredictionDifference])
def test_hiding_one_of_many_columns_after_the_other_takes_no_square_of_them(method):
    explainer = method(max_memory=2**22, verbose=False).fit(lambda X: X @ WEIGHTS, BACKGROUND)
    method(verbose=False).fit(lambda X: X[:, 0], BACKGROUND[:, :3]).explain(X[:, :3])  # compiles and imports
    e, most = peak(lambda: explainer.explain(X))
    # A mask of all hidings, for each background row, would take 40 MB.
    assert most < 4 * 2**22
    np.testing.assert_allclose(e.values[0, :, 0], WEIGHTS * (X[0] - BACKGROUND.mean(axis=0)), atol=1e-9)


@pytest.mark.parametrize("method", [xk.Occlusion, xk.PredictionDifference])
def test_parts_are_the_same_as_the_whole(method):
    few = X[:, :30], BACKGROUND[:, :30]
    one, two = (method(max_memory=memory, verbose=False, random_state=0).fit(
        lambda X: np.tanh(X).sum(axis=1), few[1]).explain(few[0]) for memory in (1, 2**26))
    np.testing.assert_array_equal(one.values, two.values)
    np.testing.assert_array_equal(one.feature_details["background_errors"] if method is xk.Occlusion
                                  else one.standard_errors,
                                  two.feature_details["background_errors"] if method is xk.Occlusion
                                  else two.standard_errors)


def test_rows_of_a_thousand_outputs_leave_their_results_alone():
    of_outputs = RNG.normal(size=(12, 1000))
    explainer = xk.KernelSHAP(solver="wls", budget=300, max_memory=2**22, verbose=False).fit(
        lambda X: np.tanh(X @ of_outputs), BACKGROUND[:, :12])
    rows = RNG.normal(size=(20, 12))
    explainer.explain(rows[:1])
    (_, one), (many, all_of_them) = (peak(lambda n=n: explainer.explain(rows[:n])) for n in (1, 20))
    # The answers to the coalitions of a row take 2.4 MB.
    assert all_of_them < one + 3 * (many.values.nbytes + many.standard_errors.nbytes)


def test_a_forecast_names_a_large_result():
    explainer = xk.KernelSHAP(budget=300, verbose=False).fit(
        lambda X: np.tanh(X[:, :1] * np.ones(1000)), BACKGROUND[:, :12])
    rows = np.resize(X, (400, 12))
    small, large = explainer.forecast(rows[:20]), explainer.forecast(rows)
    got = explainer.explain(rows[:20])
    assert small.result_bytes == got.values.nbytes + got.standard_errors.nbytes
    assert "the result takes 73 MiB" in repr(large)
    assert "result" not in repr(small)


def test_levels_of_many_columns_are_not_told_apart():
    weights = RNG.normal(size=200)
    explainer = xk.LIME(budget=3300, random_state=0, verbose=False, max_memory=2**22).fit(
        lambda X: X @ weights, RNG.normal(size=(50, 200)))
    xk.LIME(verbose=False).fit(lambda X: X[:, 0], BACKGROUND[:, :3]).explain(X[:, :3])
    e, most = peak(lambda: explainer.explain(X[:, :200]))
    assert most < 70 * 2**20  # a matrix of the squares of its levels would take 25 MB, and there are several
    assert np.isfinite(e.standard_errors).all()


@pytest.mark.parametrize(("asked", "used"), [(None, None), (-1, -1), (1, 1), (9999, 2)])
def test_no_more_workers_start_than_there_are_parts(monkeypatch, asked, used):
    seen = []

    class Watched(joblib.Parallel):
        def __init__(self, n_jobs=None, **how):
            seen.append(n_jobs)
            super().__init__(n_jobs=1, **how)

    monkeypatch.setattr(joblib, "Parallel", Watched)
    assert run(lambda part: (part, Ledger()), ["a", "b"], Ledger(), n_jobs=asked, label="x", verbose=False) == ["a", "b"]
    assert seen == [used]
