"""Explanations to draw, and what was drawn, read back from the figure."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
from matplotlib.collections import PathCollection

from xaikit import plots
from xaikit.explanations.attribution import Attribution

PLOTS = {
    "waterfall": plots.waterfall,
    "bar": plots.bar,
    "beeswarm": plots.beeswarm,
    "scatter": lambda e, **kw: plots.scatter(e, 0, **kw),
}


def table(n):
    rng = np.random.default_rng(0)
    return pd.DataFrame({
        "age": rng.integers(17, 90, n),
        "income": np.where(np.arange(n) % 5 == 2, np.nan, rng.normal(40_000, 9_000, n)),
        "work": pd.Categorical(np.where(np.arange(n) % 4 == 3, None, rng.choice(["b", "a"], n)),
                               categories=["b", "a", "unused"]),
        "job": rng.choice(["clerk", "cook"], n),
        "married": rng.random(n) < 0.5,
        "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), unit="D"),
    })


def make(n=20, k=1, *, gap=0.0, se=0.02, data=True, group=True, scale=1.0, **changes):
    """Return an explanation of a mixed table whose last feature is a group without a column."""
    if isinstance(data, bool):
        data = table(n) if data else None
    names = [*table(1).columns, *["address"] * group]
    rng = np.random.default_rng(1)
    values = rng.normal(size=(n, len(names), k)) * scale
    base = np.full((n, k), 0.25)
    fields = {
        "method": "exact", "feature_names": names,
        "output_names": [f"out{c}" for c in range(k)], "values": values, "base_values": base,
        "predictions": base + values.sum(axis=1) + gap, "data": data,
        "standard_errors": np.full(values.shape, se),
    }
    return Attribution(**{**fields, **changes})


def small(values, **changes):
    """Return an explanation of one row and output from a list of contributions."""
    values = np.array(values, dtype=float).reshape(1, -1, 1)
    fields = {
        "method": "exact", "feature_names": [f"f{j}" for j in range(values.shape[1])],
        "output_names": ["risk"], "values": values, "base_values": [[0.5]],
        "predictions": [[0.5 + np.nansum(values)]],
    }
    return Attribution(**{**fields, **changes})


def row_labels(ax):
    return [t.get_text() for t in ax.get_yticklabels()]


def side_numbers(ax):
    return [t.get_text() for t in ax.texts]


def widths(ax):
    return np.array([p.get_width() for p in ax.patches])


def whisker_ends(ax):
    """Return (row, low, high) of each horizontal whisker."""
    found = []
    for container in ax.containers:
        for lines in getattr(container, "lines", [None, None, ()])[2]:
            found += [(s[0, 1], s[0, 0], s[1, 0]) for s in lines.get_segments()]
    return np.array(sorted(found))


def points(ax):
    """Return the places of all points of a scatter or beeswarm."""
    sets = [c.get_offsets() for c in ax.collections if isinstance(c, PathCollection)]
    return np.concatenate(sets)


def picture(ax):
    stream = io.BytesIO()
    ax.figure.savefig(stream, format="png", dpi=50)
    return stream.getvalue()
