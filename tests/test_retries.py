"""Calls that raise and are repeated, as those to remote models."""

from __future__ import annotations

import numpy as np
import pytest

import xaikit as xk
from xaikit.predictor import adapter

ROWS = np.arange(60.0).reshape(20, 3)


class Sums:
    """Adds rows up; fails as often as it is told, and keeps what it was asked."""

    def __init__(self, failures):
        self.failures, self.asked = failures, []

    def __call__(self, X):
        self.asked.append(X.copy())
        if self.failures:
            self.failures -= 1
            raise ConnectionError("the line is dead")
        return X.sum(axis=1)


@pytest.mark.parametrize("failures", [0, 1, 3])
def test_a_call_that_raised_is_repeated(monkeypatch, failures):
    waits = []
    monkeypatch.setattr(adapter.time, "sleep", waits.append)
    model = Sums(failures=failures)
    np.testing.assert_array_equal(xk.wrap(model, retries=3)(ROWS)[:, 0], ROWS.sum(axis=1))
    assert waits == [0.5, 1.0, 2.0][:failures]


def test_repeats_end(monkeypatch):
    monkeypatch.setattr(adapter, "PAUSE", 0)
    model = Sums(failures=3)
    with pytest.raises(xk.ModelError, match="the line is dead"):
        xk.wrap(model, retries=2)(ROWS)
    assert len(model.asked) == 3


def test_a_repeated_call_gets_the_batch_as_it_was(monkeypatch):
    monkeypatch.setattr(adapter, "PAUSE", 0)
    seen = []

    def spoils(X):
        seen.append(X.copy())
        X[:] = -1
        if len(seen) == 1:
            raise ConnectionError
        return seen[-1].sum(axis=1)

    np.testing.assert_array_equal(xk.wrap(spoils, retries=1)(ROWS)[:, 0], ROWS.sum(axis=1))
    np.testing.assert_array_equal(seen[1], ROWS)


@pytest.mark.parametrize("retries", [-1, 1.5, True, "3", None])
def test_retries_must_be_a_whole_number(retries):
    with pytest.raises(ValueError, match="retries must be a whole number of at least 0"):
        xk.wrap(Sums(0), retries=retries)
