"""Memory that grows with the number of features or outputs stays near `max_memory`."""

from __future__ import annotations

import numpy as np
import pytest
from measuring import peak

import xaikit as xk

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
