"""Predictor: what the probe finds when a model is bound to a table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from predictor_cases import IRIS_X, ON_ARRAY
from sklearn.datasets import load_iris

from xaikit.predictor.wrapping import wrap


@pytest.mark.parametrize("container", [np.array, pd.DataFrame])
def test_a_model_that_writes_into_its_batch(container):
    def model(X):
        out = np.array(X)[:, 0].copy()
        if isinstance(X, pd.DataFrame):
            X.iloc[:, 0] = -1.0
        else:
            X[:, 0] = -1.0
        return out

    table = container(IRIS_X)
    predictor = wrap(model).bind(table)
    got = predictor(table)
    np.testing.assert_array_equal(got[:, 0], IRIS_X[:, 0])
    np.testing.assert_array_equal(np.asarray(table), load_iris().data)
    assert not predictor.findings.keeps_input
    assert any("changes the batch" in w for w in predictor.findings.warnings)


def test_a_noisy_model_is_warned_of():
    rng = np.random.default_rng(0)
    predictor = wrap(lambda X: rng.normal(size=len(X))).bind(IRIS_X)
    assert not predictor.findings.repeatable
    assert any("dropout" in w for w in predictor.findings.warnings)


@pytest.mark.parametrize("model", [
    lambda X: X[:, 0] - X[:, 0].mean(),
    lambda X: np.arange(len(X), dtype=float),
    lambda X: X[:, 0] / len(X),
])
def test_a_model_whose_answers_depend_on_the_batch_is_refused(model):
    with pytest.raises(ValueError, match="depends on the other rows of the batch"):
        wrap(model).bind(IRIS_X[[0, 60]])


def test_a_quiet_model_has_no_findings():
    predictor = wrap(ON_ARRAY).bind(IRIS_X)
    findings = predictor.findings
    assert findings.repeatable
    assert findings.keeps_input
    assert findings.warnings == ()
    assert findings.n_outputs == 3
    assert findings.seconds_per_row > 0
    # One row and three pairs; then eight rows, twice, for the order of the classes.
    assert predictor.ledger.rows == 7 + 16


def test_the_probe_looks_for_two_different_rows():
    X = np.array([[1.0, 2.0], [1.0, 2.0], [3.0, 4.0]])
    with pytest.raises(ValueError, match="depends on the other rows"):
        wrap(lambda Z: Z[:, 0] - Z[:, 0].mean()).bind(X)
    assert wrap(lambda Z: Z[:, 0]).bind(X[:2]).findings.n_rows == 1


def test_objects_with_nan_are_not_taken_for_changed():
    X = np.array([[1.0, "a"], [np.nan, "b"]], dtype=object)
    assert wrap(lambda Z: np.arange(len(Z)) * 0.0).bind(X).findings.keeps_input


def test_findings_are_there_after_bind_alone():
    with pytest.raises(AttributeError, match=r"has not been probed: bind it to some rows first"):
        wrap(lambda Z: Z[:, 0]).findings  # noqa: B018
