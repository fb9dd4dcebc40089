"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import sys

os.environ.setdefault("MPLBACKEND", "Agg")
# Every core has a worker of its own: the threads of models and BLAS would wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import pytest
from fresh import Fresh
from hypothesis import HealthCheck, settings
from passed import Passed

# Derandomised: a test that fails does so for everyone. No deadline: without the JIT all is slow.
settings.register_profile("xaikit", deadline=None, max_examples=30, derandomize=True,
                          suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", deadline=None, max_examples=300)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "xaikit"))


def pytest_addoption(parser):
    parser.addoption("--unless-passed", metavar="FILE",
                     help="leave out tests that FILE lists as passed; add those that pass now")


def pytest_configure(config):
    path = config.getoption("--unless-passed")
    if path:
        config.pluginmanager.register(Passed(path, writes=not hasattr(config, "workerinput")))


class Counting:
    """A model that keeps a copy of every batch it is called with.

    `fail_at`: the number of the call, from 0, that raises an error, once.
    """

    def __init__(self, function, fail_at=None):
        self.function = function
        self.fail_at = fail_at
        self.batches = []

    def __call__(self, batch):
        if self.fail_at is not None and len(self.batches) == self.fail_at:
            self.fail_at = None
            raise RuntimeError("no answer today")
        self.batches.append(batch.copy())
        return self.function(batch)

    def clear(self):
        self.batches = []

    @property
    def n_rows(self):
        return sum(len(batch) for batch in self.batches)

    @property
    def rows(self):
        """All rows so far as tuples of Python values; NaN as text, so that it equals itself."""
        listed = []
        for batch in self.batches:
            cells = batch.to_numpy(dtype=object) if isinstance(batch, pd.DataFrame) else batch
            listed += [tuple("NaN" if v != v else v for v in row) for row in cells.tolist()]
        return listed


@pytest.fixture
def counting():
    """Return the class of models that record their calls."""
    return Counting


@pytest.fixture
def rng():
    """Return a seeded generator."""
    return np.random.default_rng(20240607)


@pytest.fixture(scope="session")
def adult():
    """Return the Adult table, text columns as categories."""
    from benchmarks.cases import read_adult

    frame = read_adult()
    for column in frame.select_dtypes(exclude="number"):
        frame[column] = frame[column].astype("category")
    return frame


@pytest.fixture(scope="session")
def fresh():
    """Return what runs code in processes that have used nothing of xaikit."""
    runner = Fresh()
    yield runner
    runner.close()


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Return the working directory of a command line, with models and tables in it."""
    from cli_cases import Place

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return Place(tmp_path)


@pytest.fixture(autouse=True)
def _closed_figures():
    """Close the figures that a test opened."""
    yield
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close("all")
