"""Ugly models: each has the numbers of a naive loop, or a sentence."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import reference as naive
import reference_importance as by_loop
import scipy.sparse as sp

import xaikit as xk

A = np.random.default_rng(0).integers(-4, 5, (6, 3)) / 2.0
FRAME = pd.DataFrame(A, columns=list("abc"), index=list("uvwxyz"))
KNOWN, ROWS = slice(0, 4), slice(4, 6)
LAST = A[5, 0]
assert (A[:5, 0] != LAST).all()


def f(Z):
    Z = np.asarray(Z, dtype=float)
    return Z[:, 0] * Z[:, 1] + 2 * Z[:, 2]


def column(Z):
    return f(Z)[:, None]


def objects(values):
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out


def exact(v):
    return Decimal(repr(float(v)))


# --- what each method finds, by loops over rows

def without(row, j):
    return np.mean([f(np.where(np.arange(3) == j, known, row)[None])[0] for known in A[KNOWN]])


WANT = {
    "KernelSHAP": np.array([naive.shapley(naive.game(f, row, A[KNOWN]), 3) for row in A[ROWS]]),
    "Occlusion": np.array([[[f(row[None])[0] - without(row, j)] for j in range(3)]
                           for row in A[ROWS]]),
    "PermutationImportance": by_loop.change(column, A, [[0], [1], [2]], 0, 2)[0],
    "MeanImpactValue": np.array([by_loop.mean_impact(column, A, "range", 0.25, unit=[c])[0]
                                 for c in range(3)]),
}
SETTINGS = {"PermutationImportance": {"n_repeats": 2}, "MeanImpactValue": {"mode": "range", "delta": 0.25}}
OVER_TABLES = tuple(SETTINGS)


def ask(method, model, table=FRAME, **settings):
    explainer = getattr(xk, method)(**{"random_state": 0, **SETTINGS.get(method, {}), **settings})
    if method in OVER_TABLES:
        return explainer.fit(model).explain(table)
    known, rows = (table.iloc[s] if isinstance(table, pd.DataFrame) else table[s]
                   for s in (KNOWN, ROWS))
    return explainer.fit(model, known).explain(rows)


LIME = {kind: ask("LIME", f, table) for kind, table in (("frame", FRAME), ("array", A))}


# --- models whose answers are right in an odd form

class Buffer:
    """Answers in one array, which the next call overwrites."""

    def __init__(self):
        self.own = np.zeros(100_000)

    def __call__(self, Z):
        self.own[:len(Z)] = f(Z)
        return self.own[:len(Z)]


class Keeper:
    """Keeps what it was handed, and spoils it at the next call."""

    def __init__(self):
        self.old = None

    def __call__(self, Z):
        if self.old is not None:
            self.old[:] = 77.0
        self.old = Z
        return f(Z)


def writes(Z):
    out = f(Z)
    Z[:] = 0.0
    return out


def read_only(Z):
    out = f(Z)
    out.flags.writeable = False
    return out


def through_views(Z):
    Z = np.asarray(Z)
    Z[:, 0] *= Z[:, 1]
    Z[:, 0] += 2 * Z[:, 2]
    return Z[:, 0]


def sorted_inside(Z):
    frame = pd.DataFrame(np.asarray(Z), columns=list("pqr")).sort_values("p")
    return frame["p"] * frame["q"] + 2 * frame["r"]


RIGHT = {
    "frame of another index": lambda Z: pd.DataFrame({7: f(Z)}, index=range(10, 10 + len(Z))),
    "frame named by tuple": lambda Z: pd.DataFrame({("a", "b"): f(Z)}),
    "frame of sparse cells": lambda Z: pd.DataFrame({"o": pd.arrays.SparseArray(f(Z))}),
    "Series sorted by answer": lambda Z: pd.Series(f(Z)).sort_values(),
    "Series backwards": lambda Z: pd.Series(f(Z))[::-1],
    "rows sorted inside": sorted_inside,
    "nullable Series": lambda Z: pd.Series(f(Z), dtype="Float64"),
    "Categorical": lambda Z: pd.Categorical(f(Z)),
    "list": lambda Z: f(Z).tolist(),
    "tuple of NumPy's": lambda Z: tuple(f(Z)),
    "nested tuples": lambda Z: tuple((v,) for v in f(Z)),
    "list of arrays": lambda Z: [np.array([v]) for v in f(Z)],
    "list of 0-d arrays": lambda Z: [np.array(v) for v in f(Z)],
    "nothing masked": lambda Z: np.ma.array(f(Z)),
    "sparse matrix": lambda Z: sp.csr_matrix(column(Z)),
    "sparse array": lambda Z: sp.coo_array(column(Z)),
    "float16": lambda Z: f(Z).astype(np.float16),  # each of these answers is a multiple of 1/16
    "float32": lambda Z: f(Z).astype(np.float32),
    "long double": lambda Z: f(Z).astype(np.longdouble),
    "other bytes order": lambda Z: f(Z).astype(">f8"),
    "objects": lambda Z: objects(f(Z).tolist()),
    "Decimal": lambda Z: objects([exact(v) for v in f(Z)]),
    "Fraction": lambda Z: [Fraction(v) for v in f(Z)],
    "one buffer": Buffer(),
    "read-only": read_only,
    "writes into its batch": writes,
    "answers with a view of its batch": through_views,
    "keeps its batch": Keeper(),
    "memoryview": lambda Z: memoryview(f(Z)),
}
WRITES = ("writes into its batch", "answers with a view of its batch")


@pytest.mark.parametrize("name", RIGHT)
def test_odd_forms_of_right_answers(name):
    kind = "array" if name in (*WRITES, "keeps its batch") else "frame"
    table = A.copy() if kind == "array" else FRAME
    for method, want in WANT.items():
        got = ask(method, RIGHT[name], table)
        np.testing.assert_allclose(got.values.ravel(), want.ravel(), atol=1e-12, err_msg=method)
        assert any("changes the batch" in w for w in got.warnings) == (name in WRITES)
    # LIME draws values between the background's, which narrow floats round.
    np.testing.assert_allclose(ask("LIME", RIGHT[name], table).values, LIME[kind].values,
                               atol={"float16": 0.02, "float32": 1e-5}.get(name, 0.0), rtol=0.0)
    np.testing.assert_array_equal(table, A)


@pytest.mark.parametrize("form", [pd.Series, lambda v: pd.DataFrame({"p": v, "q": -v})])
def test_answers_in_another_order_of_the_rows(form):
    got = xk.wrap(lambda Z: form(f(Z)).sample(frac=1, random_state=1))(FRAME)
    np.testing.assert_array_equal(got[:, 0], f(A))
    # An index of its own says nothing about the rows.
    named = xk.wrap(lambda Z: form(f(Z)).set_axis(list("zyxwvu")))(FRAME)
    np.testing.assert_array_equal(named[:, 0], f(A))


def test_truth_values_and_whole_numbers_are_numbers():
    for model in (lambda Z: f(Z) > 0, lambda Z: np.floor(f(Z)).astype(np.int8)):
        want = [naive.shapley(naive.game(lambda Z, m=model: m(Z) * 1.0, row, A[KNOWN]), 3)
                for row in A[ROWS]]
        np.testing.assert_allclose(ask("KernelSHAP", model).values, want, atol=1e-12)


# --- answers that are refused

def everyone(answer):
    """A model that gives every row the same answer, as an object."""
    return lambda Z: objects([answer] * len(Z))


def lasting(Z):
    yield from f(Z)


REFUSED = {
    "masked": (lambda Z: np.ma.masked_equal(f(Z), f(Z)[0]), "masked cells"),
    "None": (lambda Z: None, r"answered with shape \(\)"),
    "Nones": (everyone(None), "NaN or infinity"),
    "NA": (everyone(pd.NA), "rows with NaN or infinity"),
    "NaT": (everyone(pd.NaT), "rows with NaN or infinity"),
    "bytes": (everyone(b"1.5"), "answered with text"),
    "array of bytes": (lambda Z: f(Z).astype("S"), "expected numbers"),
    "texts": (lambda Z: np.where(f(Z) > 0, "yes", "no"), "expected numbers"),
    "categories": (lambda Z: pd.Series(np.where(f(Z) > 0, "y", "n"), dtype="category"), "text"),
    "NumPy's durations": (everyone(np.timedelta64(3, "s")), "answered with timedelta64"),
    "NumPy's times": (everyone(np.datetime64("2020-01-01")), "answered with datetime64"),
    "durations": (lambda Z: pd.to_timedelta(f(Z), unit="s"), "expected numbers"),
    "lists in objects": (everyone([1.0]), r"not numbers: .*sequence\. Explain"),
    "records": (lambda Z: np.array([(v,) for v in f(Z)], dtype=[("p", float)]), "expected numbers"),
    "one too few": (lambda Z: f(Z)[:-1], r"asked 4 rows and answered with shape \(3,\)"),
    "one too many": (lambda Z: np.append(f(Z), 0), r"answered with shape \(5,\)"),
    "a scalar for one row": (lambda Z: column(Z).squeeze(), "asked 1 row and answered with shape"),
    "a row": (lambda Z: sp.csr_matrix(f(Z)[None]), r"answered with shape \(1, 4\)"),
    "0-d": (lambda Z: np.array(1.0), r"answered with shape \(\)"),
    "generator": (lasting, "not numbers.*generator"),
    "tuple of arrays": (lambda Z: (f(Z), f(Z)), "tuple of 2 arrays"),
    "dict": (lambda Z: {"p": f(Z)}, "dict of 'p'"),
    "too large": (everyone(10**400), "too large"),
    "batch order": (lambda Z: f(Z) + np.arange(len(Z)), "depends on the other rows"),
    "batch size": (lambda Z: f(Z) + len(Z), "depends on the other rows"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("table", [FRAME, A], ids=["frame", "array"])
def test_answers_that_are_refused(name, table):
    model, sentence = REFUSED[name]
    for method in ("KernelSHAP", "PermutationImportance"):
        with pytest.raises((xk.ModelError, xk.ProbeError), match=sentence):
            ask(method, model, table)


class Failing:
    """Fails at a call, or on one value."""

    def __init__(self, call=None, answer=None):
        self.call, self.answer, self.calls = call, answer, 0

    def __call__(self, Z):
        self.calls += 1
        if self.calls == self.call:
            raise OSError("the line is dead")
        hit = np.asarray(Z)[:, 0] == LAST
        if self.answer is None and self.call is None and hit.any():
            raise ValueError("no such value")
        return np.where(hit, f(Z) if self.answer is None else self.answer, f(Z))


@pytest.mark.parametrize("method", [*WANT, "LIME"])
@pytest.mark.parametrize(("how", "sentence"), [
    ({"call": 6}, "OSError: the line is dead"), ({}, "no such value"), ({"answer": np.nan}, "NaN"),
    ({"answer": -np.inf}, "NaN or infinity"),
])
def test_models_that_fail_half_way(method, how, sentence):
    with pytest.raises(xk.ModelError, match=sentence) as caught:
        ask(method, Failing(**how))
    assert caught.value.__cause__ is not None


def test_random_answers_are_warned_of():
    draw = np.random.default_rng(0).random
    got = ask("PermutationImportance", lambda Z: f(Z) + draw(len(Z)))
    assert any("answers the same rows differently" in w for w in got.warnings)
