"""Command lines for tests: a folder of models and tables, and how to run them."""

from __future__ import annotations

import io
import itertools

import numpy as np
import pandas as pd

from xaikit import cli

_NUMBERS = itertools.count()


MODELS = '''
import numpy as np
_RNG = np.random.default_rng(0)

def linear(X):
    return 2.0 * X["a"].to_numpy(dtype=float) + X["b"].to_numpy(dtype=float)

def chance(X):
    return 1.0 / (1.0 + np.exp(-X["a"].to_numpy(dtype=float)))

def levels(X):
    assert list(X.columns) == ["a", "b", "city"], list(X.columns)
    return X["a"].to_numpy(dtype=float) + X["city"].map({"Ulm": 1.0, "Bonn": 3.0}).fillna(0).to_numpy()

def noisy(X):
    return _RNG.normal(size=len(X))

def batchy(X):
    return X["a"].to_numpy(dtype=float) - X["a"].mean()

def broken(X):
    raise RuntimeError("the model is on fire")

number = 7
'''


def run(capsys, *argv):
    """Run a command line in this process: (exit status, stdout, stderr)."""
    status = cli.main([str(a) for a in argv])
    shown = capsys.readouterr()
    return status, shown.out, shown.err


def read(text):
    return pd.read_csv(io.StringIO(text))


def explain(capsys, place, *more, model="linear"):
    return run(capsys, "explain", "--model", place.model(model), "--data", "plain.csv",
               "--background", "plain.csv", *more)


class Place:
    """A folder with a module of models (see `model`) and two tables, one of them as `frame`."""

    def __init__(self, path):
        self.path, self._module = path, f"cli_models_{next(_NUMBERS)}"
        (path / f"{self._module}.py").write_text(MODELS)
        rng = np.random.default_rng(0)
        self.frame = pd.DataFrame({"a": rng.normal(size=12).round(3), "b": rng.integers(0, 5, 12)})
        self.frame.to_csv(path / "plain.csv", index=False)
        full = self.frame.assign(city=["Ulm", "Bonn", "?"] * 4,
                                 y=(self.frame["a"] > 0).astype(int), note="n")
        full.to_csv(path / "full.csv", index=False)

    def model(self, name):
        """Return what --model takes for one of the models."""
        return f"{self._module}:{name}"
