"""Explanations with rows, features and outputs of several kinds, and their comparison."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pandas as pd

import xaikit as xk

FEATURES = ("age", "city", "when")
OUTPUTS = ("no", "yes")
ROWS = ("r0", 7, ("a", 1), pd.Timestamp("2024-02-29"))
PER_CELL = ("values", "standard_errors")
PER_OUTPUT = ("base_values", "predictions", "base_errors", "fidelity")


def data(n=4):
    return pd.DataFrame({
        "age": np.arange(n) * 10.0,
        "city": pd.Categorical(["Ulm", "Bonn", None, "Ulm"][:n], categories=["Ulm", "Kiel", "Bonn"]),
        "when": pd.to_datetime(["2020-01-01", "2021-06-01", "2019-05-05", None][:n]),
    })


def attribution(rng=None, features=FEATURES, outputs=OUTPUTS, rows=ROWS, **more):
    rng = np.random.default_rng(1) if rng is None else rng
    n, m, k = len(rows), len(features), len(outputs)
    given = {
        "method": "Test", "values": rng.normal(size=(n, m, k)),
        "base_values": rng.normal(size=(n, k)), "predictions": rng.normal(size=(n, k)),
        "standard_errors": rng.random((n, m, k)), "base_errors": rng.random((n, k)),
        "fidelity": rng.random((n, k)), "row_names": rows, "feature_names": features,
        "output_names": outputs, "details": {"extra": rng.normal(size=(n, 2)), "name": np.array(
            [f"n{i}" for i in range(n)])},
    }
    if features == FEATURES and n <= 4:
        given["data"] = data(n)
    return xk.Attribution(**{**given, **more})


def importance(features=FEATURES, outputs=OUTPUTS, **more):
    rng = np.random.default_rng(2)
    shape = (len(features), len(outputs))
    given = {"method": "Test", "feature_names": features, "output_names": outputs,
             "values": rng.normal(size=shape), "lower": rng.normal(size=shape),
             "details": {"signed": rng.normal(size=shape), "deep": rng.normal(size=(*shape, 5))}}
    return xk.Importance(**{**given, **more})


def assert_same(a, b):
    """Compare every field to the last bit; frames with their dtypes."""
    assert type(a) is type(b)
    for f in fields(a):
        x, y = getattr(a, f.name), getattr(b, f.name)
        if isinstance(x, np.ndarray):
            assert_same_array(x, y)
        elif isinstance(x, pd.DataFrame):
            pd.testing.assert_frame_equal(x, y)
        elif f.name == "details":
            assert list(x) == list(y)
            for name in x:
                assert_same_array(x[name], y[name])
        else:
            assert x == y, f.name
            assert type(x) is type(y)


def assert_same_array(x, y):
    assert (x.dtype, x.shape) == (y.dtype, y.shape)
    if x.dtype == object:
        assert x.tolist() == y.tolist()
    else:
        assert x.tobytes() == y.tobytes()
