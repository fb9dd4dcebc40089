"""Remembered answers: a predictor with a memory answers as one without, and asks less."""

from __future__ import annotations

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from zlib import crc32

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import xaikit as xk
from xaikit.predictor import memory


class Reader:
    """A model that reads every bit of a batch, and keeps what it was asked."""

    def __init__(self):
        self.batches = []

    def __call__(self, batch):
        self.batches.append(batch)
        if isinstance(batch, pd.DataFrame):
            rows = [tuple(row) for row in batch.astype(object).to_numpy().tolist()]
        else:
            rows = [row.tobytes() if isinstance(row, np.ndarray) else row for row in batch]
        return [[crc32(repr(row).encode()), len(repr(row))] for row in rows]

    @property
    def n_rows(self):
        return sum(map(len, self.batches))


def numbered(values):
    return pd.DataFrame({"v": values, "one": 1.0})


BATCHES = {  # a batch of five rows, and how many of them differ
    "float64": (np.array([[0.1, 1], [0.2, 1], [0.1, 1], [0.1, 1], [0.2, 1]]), 2),
    "float32 by column": (np.asfortranarray(np.array([[1, 2], [2, 1]] * 2 + [[0, 0]], "f4")), 3),
    "every other row": (np.arange(20.0).reshape(10, 2)[::2] // 8, 3),
    "both zeros": (np.array([[0.0], [-0.0], [0.0], [-0.0], [0.0]]), 2),
    "NaN": (np.array([[np.nan, 1], [1, np.nan], [np.nan, 1], [np.nan, np.nan], [1, np.nan]]), 3),
    "texts in an array": (np.array([["a", "ab"], ["aa", "b"], ["a", "ab"], ["", "a"], ["", ""]]),
                          4),
    "objects": (np.array([[1, "1"], [True, "1"], [1.0, "1"], ["1", 1], [1, "1"]], object), 4),
    "images": (np.stack([np.eye(3, dtype=np.uint8) * k for k in (1, 2, 1, 0, 2)]), 3),
    "documents": (["a", "b", "a", "", "a "], 4),
    "category": (numbered(pd.Categorical(["x", "y", "x", None, "x"], categories=list("yzx"))), 3),
    "text": (numbered(["x", None, "x", "None", ""]), 4),
    "nullable": (numbered(pd.array([1, None, 1, 0, 2**53 + 1], dtype="Int64")), 4),
    "nullable truth": (numbered(pd.array([True, None, False, True, None], dtype="boolean")), 3),
    "large numbers": (numbered([2**53, 2**53 + 1, 2**53, 2**53 + 1, 2**53 + 2]), 3),
    "times": (numbered(pd.to_datetime(["2020-01-01", None, "2020-01-01", "2020-01-02", None])), 3),
    "last digits": (np.nextafter(0.1, np.array([[0, 1], [1, 0], [0, 1], [0.1, 0.1], [1, 0]])), 3),
    "long rows": (np.eye(5, 2000, 1000)[[0, 1, 0, 2, 2]], 3),
    "nanoseconds": (numbered(pd.to_datetime([0, 1, 0, 2, 1], unit="ns")), 3),
    "spans": (numbered(pd.to_timedelta([0, 1, 0, None, 1], unit="ns")), 3),
    "zeros in a frame": (numbered([0.0, -0.0, 0.0, -0.0, 1.0]), 3),
    "last digits in a frame": (numbered(np.nextafter(0.1, [0, 1, 0, 1, 0.1])), 3),
    "missing here or there": (pd.DataFrame({"a": ["x", None, "x", None, "x"],
                                            "b": [None, "x", None, "x", "x"]}), 3),
    "separators": (pd.DataFrame({"a": ["x\x1f", "x", "x\x1fy", "", "x"],
                                 "b": ["y", "\x1fy", "", "x\x1fy", "\x1fy"]}), 4),
}


@pytest.mark.parametrize("name", BATCHES)
def test_equal_rows_are_asked_once_and_answered_alike(name):
    batch, different = BATCHES[name]
    model = Reader()
    predictor = xk.wrap(model, deduplicate=True)
    want = xk.wrap(Reader())(batch)
    np.testing.assert_array_equal(predictor(batch), want)
    assert model.n_rows == different
    np.testing.assert_array_equal(predictor(batch[::-1]), want[::-1])
    assert model.n_rows == different
    assert (predictor.ledger.rows, predictor.ledger.calls) == (different, 1)


@pytest.mark.parametrize("name", BATCHES)
def test_what_is_asked_has_the_form_of_what_was_given(name):
    batch, _ = BATCHES[name]
    model = Reader()
    xk.wrap(model, deduplicate=True).bind(batch)(batch)
    for asked in model.batches:
        if isinstance(batch, pd.DataFrame):
            pd.testing.assert_series_equal(asked.dtypes, batch.dtypes)
        else:
            assert type(asked) is type(batch)
            assert getattr(asked, "dtype", None) == getattr(batch, "dtype", None)


def test_only_new_rows_are_asked():
    model = Reader()
    predictor = xk.wrap(model, deduplicate=True)
    X = np.arange(6.0).reshape(6, 1)
    predictor(X[:3])
    predictor(X[1:5])
    predictor(X)
    assert [batch.ravel().tolist() for batch in model.batches] == [[0, 1, 2], [3, 4], [5]]
    assert predictor.ledger.rows == 6


def test_copies_share_what_is_remembered_and_count_apart():
    model = Reader()
    predictor = xk.wrap(model, deduplicate=True)
    X = np.arange(4.0).reshape(4, 1)
    predictor(X)
    twin = predictor.spawn()
    np.testing.assert_array_equal(twin(X), predictor(X))
    assert model.n_rows == 4
    assert (twin.ledger.rows, predictor.ledger.rows) == (0, 4)


def test_the_rows_asked_are_split_into_batches():
    sizes = []

    def model(batch):
        sizes.append(len(batch))
        return batch[:, 0]

    X = np.repeat(np.arange(7.0), 2).reshape(14, 1)
    np.testing.assert_array_equal(xk.wrap(model, deduplicate=True, batch_size=3)(X), X)
    assert sizes == [3, 3, 1]


def test_a_failed_call_leaves_nothing_behind():
    calls = []

    def model(batch):
        calls.append(len(batch))
        if len(calls) == 1:
            raise ValueError("no answer today")
        return batch[:, 0]

    predictor = xk.wrap(model, deduplicate=True)
    X = np.arange(3.0).reshape(3, 1)
    with pytest.raises(xk.ModelError, match="no answer today"):
        predictor(X)
    np.testing.assert_array_equal(predictor(X), X)
    assert calls == [3, 3]


@pytest.mark.parametrize("first", [True, False])
def test_answers_that_were_written_over_are_not_remembered(first):
    predictor = xk.wrap(lambda X: X[:, 0], deduplicate=True)
    X = np.array([[1.0], [2.0], [1.0]])
    if not first:
        predictor(X)
    answers = predictor(X)
    answers[0] = 99
    np.testing.assert_array_equal(answers.ravel(), [99, 2, 1])
    np.testing.assert_array_equal(predictor(X), X)


def test_answers_that_the_model_writes_over_are_not_remembered():
    buffer = np.zeros((3, 1))

    def model(batch):
        buffer[:len(batch)] = batch
        return buffer[:len(batch)]

    predictor = xk.wrap(model, deduplicate=True)
    X = np.array([[1.0], [2.0], [3.0]])
    np.testing.assert_array_equal(predictor(X), X)
    predictor(X + 10)
    np.testing.assert_array_equal(predictor(X), X)


@pytest.mark.parametrize("most", [0, 1, 3, 100])
def test_no_more_answers_are_kept_than_the_bound(monkeypatch, most):
    monkeypatch.setattr(memory, "MOST_ROWS", most)
    predictor = xk.wrap(lambda X: X[:, 0], deduplicate=True)
    X = np.arange(20.0).reshape(20, 1)
    for start, n in ((0, 8), (5, 8), (13, 1), (14, 1), (0, 8), (2, 8)):
        part = np.repeat(X[start:start + n], 2, axis=0)
        np.testing.assert_array_equal(predictor(part), part)
        assert len(predictor._memory._known) <= most


def test_the_oldest_answers_are_forgotten_first(monkeypatch):
    monkeypatch.setattr(memory, "MOST_ROWS", 4)
    model = Reader()
    predictor = xk.wrap(model, deduplicate=True)
    X = np.arange(6.0).reshape(6, 1)
    for part in (X[:4], X[4:], X[2:], X[:1]):
        predictor(part)
    assert [batch.ravel().tolist() for batch in model.batches] == [[0, 1, 2, 3], [4, 5], [0]]


def test_what_is_remembered_does_not_travel():
    held = memory.Memory()
    held.answers(["a", "b"], lambda texts: np.zeros((len(texts), 1)))
    asked = []
    twin = pickle.loads(pickle.dumps(held))
    twin.answers(["a"], lambda texts: asked.append(texts) or np.ones((1, 1)))
    assert asked == [["a"]]


def test_threads_may_ask_at_once():
    together = threading.Barrier(4)

    def model(batch):
        together.wait(timeout=60)  # a bound for failure, not a measure
        return batch[:, 0]

    predictor = xk.wrap(model, deduplicate=True)
    X = np.arange(50.0).reshape(50, 1)
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(predictor, X[k:]) for k in range(4)]
        for k, made in enumerate(asked):
            np.testing.assert_array_equal(made.result(), X[k:])
    np.testing.assert_array_equal(predictor(X), X)


@given(npst.arrays(st.sampled_from(["f8", "f4", "i4", "?"]),
                   st.tuples(st.integers(1, 12), st.just(2)), elements=st.sampled_from([0, 1])),
       st.sampled_from("CF"), st.integers(0, 5))
def test_arrays_are_answered_as_without_a_memory(batch, order, again):
    batch = np.asarray(batch, order=order)
    model = Reader()
    predictor = xk.wrap(model, deduplicate=True)
    want = xk.wrap(Reader())(batch)
    predictor(batch[:again + 1])
    np.testing.assert_array_equal(predictor(batch), want)
    assert model.n_rows == len({row.tobytes() for row in batch})


@given(st.lists(st.tuples(st.floats(allow_infinity=False) | st.sampled_from([0.0, -0.0]),
                          st.text(max_size=2), st.sampled_from(["x", "y", None]),
                          st.integers(-1, 1)), min_size=1, max_size=10))
def test_frames_are_answered_as_without_a_memory(rows):
    a, b, c, d = zip(*rows, strict=True)
    frame = pd.DataFrame({"a": a, "b": pd.Series(b, dtype=object), "d": pd.array(d, dtype="Int8"),
                          "c": pd.Categorical(c, categories=["y", "x"])})
    predictor = xk.wrap(Reader(), deduplicate=True)
    want = xk.wrap(Reader())(frame)
    np.testing.assert_array_equal(predictor(frame), want)
    np.testing.assert_array_equal(predictor(frame.iloc[::-1]), want[::-1])


# --- what a memory must not take as equal

def test_the_same_cells_under_other_names_are_another_question():
    predictor = xk.wrap(lambda frame: frame["a"], deduplicate=True)
    assert predictor(pd.DataFrame({"a": [1.0], "b": [2.0]})).item() == 1
    assert predictor(pd.DataFrame({"b": [1.0], "a": [2.0]})).item() == 2


def test_the_same_cells_in_another_shape_are_another_question():
    predictor = xk.wrap(lambda images: np.full(len(images), images.shape[1]), deduplicate=True)
    assert predictor(np.ones((1, 2, 3))).item() == 2
    assert predictor(np.ones((1, 3, 2))).item() == 3


def test_the_same_cells_of_another_dtype_are_another_question():
    predictor = xk.wrap(lambda frame: np.full(len(frame), frame["a"].dtype.itemsize),
                        deduplicate=True)
    assert predictor(pd.DataFrame({"a": np.array([1], np.int8)})).item() == 1
    assert predictor(pd.DataFrame({"a": np.array([1], np.int64)})).item() == 8


def test_ways_to_be_missing_that_a_model_can_tell_apart_are_told_apart():
    frame = pd.DataFrame({"a": pd.Series([None, np.nan, pd.NA, "x"], dtype=object)})

    def model(batch):
        return [len(type(cell).__name__) for cell in batch["a"]]

    np.testing.assert_array_equal(xk.wrap(model, deduplicate=True)(frame), xk.wrap(model)(frame))


def test_long_arrays_in_cells_are_told_apart():
    first, second = np.zeros(2000), np.zeros(2000)
    second[1000] = 5
    frame = pd.DataFrame({"a": pd.Series([first, second], dtype=object)})

    def model(batch):
        return [cell.sum() for cell in batch["a"]]

    np.testing.assert_array_equal(xk.wrap(model, deduplicate=True)(frame), xk.wrap(model)(frame))


def test_rows_that_were_not_asked_are_counted_as_spared():
    predictor = xk.wrap(lambda X: X[:, 0], deduplicate=True)
    X = np.array([[1.0], [2.0], [1.0], [1.0]])
    predictor(X)
    assert (predictor.ledger.rows, predictor.ledger.spared) == (2, 2)
    predictor(X[1:])
    assert (predictor.ledger.rows, predictor.ledger.spared) == (2, 5)
    np.testing.assert_array_equal(predictor.ask(X, remember=False), X)
    assert (predictor.ledger.rows, predictor.ledger.spared) == (6, 5)
    plain = xk.wrap(lambda X: X[:, 0])
    plain(X)
    assert (plain.ledger.rows, plain.ledger.spared) == (4, 0)
