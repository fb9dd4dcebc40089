"""Every kind of model and input: what reaches the model has the form of its training data."""

from __future__ import annotations

import inspect
import re
import sys
from contextlib import contextmanager, nullcontext
from pathlib import Path

import model_zoo_boosters  # noqa: F401  (enters its rows)
import model_zoo_networks  # noqa: F401  (enters its rows)
import model_zoo_onnx  # noqa: F401  (enters its rows)
import numpy as np
import pandas as pd
import pytest
from model_zoo import ROWS
from scipy import sparse

import xaikit as xk
from xaikit.predictor.decisions import decide
from xaikit.predictor.targets import n_classes
from xaikit.tables.targets import distinct_labels

DOCS = Path(__file__).resolve().parents[1] / "docs" / "models_and_tables.md"
# Libraries that may be absent; the tests of their rows are then skipped.
LIBRARIES = ("torch", "keras", "xgboost", "lightgbm", "catboost", "onnxruntime", "skl2onnx", "polars")
OF_A_LIBRARY = [key for key in ROWS if re.search(
    "torch|keras|xgboost|lightgbm|catboost|onnx|polars", " ".join(key).lower())]
IDS = [f"{kind} on {given}" for kind, given in ROWS]


def assert_same(got, want):
    """Compare container, names, order, dtypes, categories and cells."""
    assert type(got) is type(want)
    if isinstance(want, pd.DataFrame):
        pd.testing.assert_frame_equal(got.reset_index(drop=True), want.reset_index(drop=True),
                                      check_exact=True, check_column_type=True)
    elif isinstance(want, np.ndarray):
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got, want)
    elif sparse.issparse(want):
        assert (got.format, got.dtype) == (want.format, want.dtype)
        np.testing.assert_array_equal(got.toarray(), want.toarray())
    elif isinstance(want, dict):
        assert list(got) == list(want)
        for key in want:
            assert_same(got[key], want[key])
    elif isinstance(want, tuple | list):
        assert len(got) == len(want)
        for one, other in zip(got, want, strict=True):
            assert_same(one, other)
    elif hasattr(want, "get_column"):
        assert got.schema == want.schema
        assert got.equals(want, null_equal=True)
    elif hasattr(want, "device"):
        assert (got.dtype, got.device) == (want.dtype, want.device)
        np.testing.assert_array_equal(got.float().numpy(), want.float().numpy())
    elif type(want).__name__ == "DMatrix":
        assert got.feature_names == want.feature_names
        assert got.feature_types == want.feature_types
        np.testing.assert_array_equal(got.get_data().toarray(), want.get_data().toarray())
    else:
        assert got == want


def some(X, rows, order=None):
    """Return some rows of a batch of any kind, a frame's columns in another order."""
    if isinstance(X, pd.DataFrame):
        part = X.iloc[rows].reset_index(drop=True)
        return part if order is None else part[list(part.columns[::order])]
    if isinstance(X, list):
        return [X[i] for i in rows]
    part = X[rows]
    if isinstance(X, np.ndarray) and X.flags.f_contiguous and not X.flags.c_contiguous:
        return np.asfortranarray(part)
    return part.select(part.columns[::order]) if hasattr(part, "columns") and order else part


@contextmanager
def watched(place, seen):
    """Append the first argument of every call of a method to `seen`; answers stay the same."""
    owner, name = place
    method = getattr(owner, name)

    def listening(*args, **kwargs):
        seen.append(args[0] if args else kwargs)
        return method(*args, **kwargs)

    setattr(owner, name, listening)
    try:
        yield
    finally:
        delattr(owner, name)


def as_answers(raw):
    if hasattr(raw, "detach"):
        raw = raw.detach().double().numpy()
    answers = np.asarray(raw, dtype=np.float64)
    return answers.reshape(len(answers), -1)


def parts(batch):
    """Return the arrays, frames or tensors that a model was given."""
    if isinstance(batch, dict):
        batch = tuple(batch.values())
    if isinstance(batch, tuple) or (isinstance(batch, list) and batch
                                    and not isinstance(batch[0], str)):
        return [part for piece in batch for part in parts(piece)]
    return [batch]


def assert_said(words, batch):
    """Check the page's description of what reaches a model against what did."""
    held = parts(batch)
    kinds = {"ndarray": "array", "DataFrame": "frame", "Tensor": "tensor", "list": "list of str",
             "DMatrix": "DMatrix"}
    for part in held:
        kind = type(part).__name__
        if hasattr(part, "get_column"):
            kind_word = "polars DataFrame"
        else:
            kind_word = "sparse" if sparse.issparse(part) else kinds[kind]
        assert kind_word in words, (kind_word, words)
        if "by column" in words:
            assert part.flags.f_contiguous
    dtypes = {str(part.dtype).removeprefix("torch.") for part in held if hasattr(part, "dtype")}
    named = set(re.findall(r"b?float\d+|int\d+", words))
    assert named <= dtypes, (named, dtypes)


def page():
    """Return the page's table: what reaches the model, by model and input."""
    lines = [line for line in DOCS.read_text(encoding="utf8").splitlines() if line.startswith("| ")]
    cells = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]
    return {row[:2]: row[2] for row in cells if len(row) == 3}


@pytest.fixture(params=[pytest.param(key, id=name) for key, name in zip(ROWS, IDS, strict=True)])
def made(request):
    return ROWS[request.param]()


def test_what_reaches_the_model_is_what_it_was_fitted_with(made, request):
    """Bind a model to its data, then ask it with rows and columns in another order."""
    rows = np.array([7, 3, 21, 3, 40])
    want = as_answers(made.own(made.model, some(made.X, rows)))
    before = made.state(made.model)
    predictor = xk.wrap(made.model, **made.options).bind(some(made.X, np.arange(30)))
    seen = []
    given = some(made.X, rows, order=-1)
    with nullcontext() if made.place is None else watched(made.place, seen):
        got = predictor(given)
    if made.place is None:  # no method of the library can be replaced: ask the adapter
        seen = [predictor.handed(given)]
    assert seen
    for batch in seen:
        assert_same(batch, made.wanted(some(made.X, rows)))
        assert_said(page()[request.node.callspec.params["made"]], batch)
    np.testing.assert_allclose(got, want, rtol=made.tolerance, atol=made.tolerance)
    assert got.dtype == np.float64
    assert_same(repr(made.state(made.model)), repr(before))


def test_one_row_is_answered_as_in_a_batch(made):
    predictor = xk.wrap(made.model, **made.options).bind(some(made.X, np.arange(30)))
    whole = predictor(some(made.X, np.array([4, 9])))
    np.testing.assert_allclose(predictor(some(made.X, np.array([9]))), whole[1:], rtol=1e-4,
                               atol=1e-6)


def test_the_page_in_the_docs_shows_this_table():
    assert set(ROWS) <= set(page()), set(ROWS) - set(page())


def test_every_row_of_the_zoo_is_of_its_own():
    assert len({inspect.getsource(make) for make in ROWS.values()}) == len(ROWS)


@pytest.mark.parametrize("key", OF_A_LIBRARY, ids=" on ".join)
def test_a_row_of_a_library_that_is_absent_is_skipped(monkeypatch, key):
    for name in LIBRARIES:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(pytest.skip.Exception, match="could not import"):
        ROWS[key]()


def test_the_models_own_predict_decides_and_its_outputs_are_counted(made):
    """Where a model names classes itself, nothing overrules it; the kinds without classes have none."""
    X = some(made.X, np.arange(30))
    predictor = xk.wrap(made.model, **made.options).bind(X)
    answers = predictor(X)
    counted = n_classes(predictor)
    assert counted in (None, len(predictor.outputs.all_names))
    if predictor.task == "regression":
        assert counted is None
    if "predict" not in predictor.methods or predictor.task != "classification":
        return
    table = predictor.schema.conform(X)
    named = predictor.ask_method("predict", table)
    if named.ndim > 1 and named.shape[1] > 1:
        return
    decided = decide(predictor, table, answers, distinct_labels(named.ravel()))
    assert [decided.classes[k] for k in decided.named] == named.ravel().tolist()
    assert counted is None or answers.shape[1] == counted
