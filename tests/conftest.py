"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "Agg")

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]

# Derandomised: a test that fails fails for everyone. JIT-free runs have no use for a deadline.
settings.register_profile("xaikit", deadline=None, max_examples=30, derandomize=True,
                          suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", deadline=None, max_examples=300)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "xaikit"))


class Counting:
    """A model that keeps a copy of every batch it was asked.

    `fail_at`: the number of the call (from 0) that raises, once.
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
        """All rows asked, as tuples of Python values; NaN as text, so that it equals itself."""
        listed = []
        for batch in self.batches:
            cells = batch.to_numpy(dtype=object) if isinstance(batch, pd.DataFrame) else batch
            listed += [tuple("NaN" if v != v else v for v in row) for row in cells.tolist()]
        return listed


@pytest.fixture
def counting():
    """Give the class of models that record what they are asked."""
    return Counting


@pytest.fixture
def rng():
    """Give a seeded generator."""
    return np.random.default_rng(20240607)


@pytest.fixture(scope="session")
def adult():
    """Give the Adult data as a frame; skip where the file is not there."""
    path = ROOT.parent / "shared" / "data" / "adult.csv"
    if not path.exists():
        pytest.skip(f"{path} is not on this machine")
    frame = pd.read_csv(path)
    for column in frame.select_dtypes(exclude="number"):
        frame[column] = frame[column].astype("category")
    return frame


@pytest.fixture(autouse=True)
def _closed_figures():
    """Close what a test drew, where it drew at all."""
    yield
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close("all")
