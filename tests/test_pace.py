"""Rows a call, fewer when memory runs out, and turns: what `test_asking` does not ask."""

from __future__ import annotations

import pickle
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

import xaikit as xk
from xaikit.predictor import adapter, pace
from xaikit.predictor.adapter import ModelError
from xaikit.predictor.pace import Pace, ran_out_of_memory

X = np.arange(60.0).reshape(20, 3)
SUMS = X.sum(axis=1, keepdims=True)


class Small:
    """Runs out of memory above `most` rows; keeps the sizes it was asked, refused ones too."""

    def __init__(self, most):
        self.most, self.sizes = most, []

    def __call__(self, batch):
        self.sizes.append(len(batch))
        if len(batch) > self.most:
            self.run_out()
        return np.asarray(batch, dtype=float).sum(axis=1)

    def run_out(self):
        raise MemoryError("no room")


class OutOfMemoryError(RuntimeError):
    """Named like the exceptions of CUDA frameworks, with a text that says nothing."""


# --- rows a call

@pytest.mark.parametrize("size", [1, 3, 7, 20, 1000, np.int64(4)])
def test_no_call_holds_more_rows_than_batch_size(size):
    model = Small(10**9)
    np.testing.assert_array_equal(xk.wrap(model, batch_size=size)(X), SUMS)
    assert max(model.sizes) == min(size, 20)
    assert sum(model.sizes) == 20
    assert len(model.sizes) == -(-20 // size)


def test_by_default_few_rows_are_one_call():
    model = Small(10**9)
    xk.wrap(model)(X)
    assert model.sizes == [20]


def test_by_default_no_call_holds_more_than_the_bound_of_rows(monkeypatch):
    monkeypatch.setattr(pace, "AUTO_BATCH", 6)
    model = Small(10**9)
    np.testing.assert_array_equal(xk.wrap(model)(X), SUMS)
    assert model.sizes == [6, 6, 6, 2]


@pytest.mark.parametrize(("batch", "row"), [
    (np.zeros((20, 3)), 24),
    (np.zeros((20, 3), dtype=np.float32), 12),
    (np.zeros((20, 4, 4, 3), dtype=np.uint8), 48),
    (pd.DataFrame({"a": np.zeros(20, dtype=np.int8), "b": np.zeros(20)}), 9),
    (["abcd"] * 20, 4),
])
def test_by_default_no_call_holds_more_than_the_bound_of_bytes(monkeypatch, batch, row):
    monkeypatch.setattr(pace, "AUTO_BYTES", 5 * row)
    sizes = []

    def model(part):
        sizes.append(len(part))
        return np.zeros(len(part))

    xk.wrap(model)(batch)
    assert sizes == [5, 5, 5, 5]


@pytest.mark.parametrize("size", [0, -3, 2.0, "many", True, None, np.float64(4)])
def test_other_batch_sizes_are_refused(size):
    with pytest.raises(ValueError, match="batch_size must be a positive whole number or 'auto'"):
        xk.wrap(len, batch_size=size)


# --- out of memory

def test_what_torch_raises_where_there_is_no_memory_halves_the_batch():
    torch = pytest.importorskip("torch")

    class Torch(Small):
        def run_out(self):
            torch.empty(2**60)

    model = Torch(6)
    with pytest.warns(RuntimeWarning, match="ran out of memory on 20 rows") as said:
        np.testing.assert_array_equal(xk.wrap(model)(X), SUMS)
    assert len(said) == 1
    assert model.sizes == [20, 10, 5, 5, 5, 5]


def test_what_numpy_raises_where_there_is_no_memory_halves_the_batch():
    class NumPy(Small):
        def run_out(self):
            np.empty(2**57)

    with pytest.warns(RuntimeWarning, match="ran out of memory on 20 rows"):
        np.testing.assert_array_equal(xk.wrap(NumPy(6))(X), SUMS)


def test_the_batch_shrinks_again_without_another_warning():
    model = Small(12)
    predictor = xk.wrap(model)
    with pytest.warns(RuntimeWarning, match="ran out of memory"):
        predictor(X)
    model.most = 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(predictor(X), SUMS)
    assert model.sizes[-10:] == [2] * 10


def test_a_batch_size_that_was_given_is_halved_as_well():
    model = Small(3)
    with pytest.warns(RuntimeWarning, match="on 12 rows; it is asked 6 rows"):
        np.testing.assert_array_equal(xk.wrap(model, batch_size=12)(X), SUMS)
    assert max(model.sizes[2:]) == 3


def test_frames_and_texts_are_halved_too():
    frame = pd.DataFrame({"a": range(7), "b": pd.Categorical(list("xyxyxyx"))})
    seen = []

    def of_frame(part):
        if len(part) > 3:
            raise MemoryError
        seen.append(part["b"].dtype == frame["b"].dtype)
        return part["a"]

    with pytest.warns(RuntimeWarning, match="ran out of memory"):
        np.testing.assert_array_equal(xk.wrap(of_frame)(frame).ravel(), range(7))
    assert seen == [True] * 3

    def of_texts(part):
        if len(part) > 3:
            raise MemoryError
        return [len(text) for text in part]

    with pytest.warns(RuntimeWarning, match="ran out of memory"):
        np.testing.assert_array_equal(xk.wrap(of_texts)(["a", "bb", "ccc", "", "e"]).ravel(),
                                      [1, 2, 3, 0, 1])


@pytest.mark.parametrize(("error", "is_so"), [
    (MemoryError(), True), (OutOfMemoryError(), True),
    (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED"), True),
    (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), True),
    (RuntimeError("Failed to allocate memory for requested buffer of size 1"), True),
    (ValueError("allocation of rows"), False), (KeyError("memory"), False), (None, False),
])
def test_what_counts_as_out_of_memory(error, is_so):
    assert ran_out_of_memory(error) is is_so


# --- threads

class Meeting:
    """Counts how many threads are inside at once; `needed` of them wait for one another."""

    def __init__(self, needed):
        self.lock, self.inside, self.most = threading.Lock(), 0, 0
        self.barrier = threading.Barrier(needed)

    def __call__(self, batch):
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        # Raises where the others cannot come in. The time is a bound for failure, not a measure.
        self.barrier.wait(timeout=60)
        with self.lock:
            self.inside -= 1
        return batch[:, 0]


def ask_from_threads(predictor, n=4):
    with ThreadPoolExecutor(n) as pool:
        return [made.result() for made in [pool.submit(predictor, X) for _ in range(n)]]


@pytest.mark.parametrize("safe", [True, None])
def test_threads_meet_in_a_function_that_is_safe(safe):
    model = Meeting(4)
    for made in ask_from_threads(xk.wrap(model, thread_safe=safe)):
        np.testing.assert_array_equal(made.ravel(), X[:, 0])
    assert model.most == 4


def test_threads_take_turns_where_the_model_is_not_safe(monkeypatch):
    arrived, inside, crowds = threading.Semaphore(0), [], []
    turn, leave = Pace.turn, threading.Event()

    def counted(self):
        arrived.release()
        return turn(self)

    def model(batch):
        inside.append(None)
        assert leave.wait(timeout=60)
        crowds.append(len(inside))
        inside.pop()
        return batch[:, 0]

    monkeypatch.setattr(Pace, "turn", counted)
    predictor = xk.wrap(model, thread_safe=False)
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(predictor.spawn() if k % 2 else predictor, X) for k in range(4)]
        for _ in range(4):  # all wait for their turn before the first is let out
            assert arrived.acquire(timeout=60)
        leave.set()
        for made in asked:
            np.testing.assert_array_equal(made.result().ravel(), X[:, 0])
    assert crowds == [1] * 4


def test_a_thread_may_ask_again_from_within_the_model():
    predictor = None

    def model(batch):
        return batch[:, 0] if len(batch) == 1 else predictor(batch[:1]).repeat(len(batch))

    predictor = xk.wrap(model, thread_safe=False)
    np.testing.assert_array_equal(predictor(X).ravel(), np.full(20, X[0, 0]))


def test_a_turn_ends_where_the_model_raises():
    def model(batch):
        if len(batch) > 6:
            raise ValueError("no")
        return batch.sum(axis=1)

    predictor = xk.wrap(model, thread_safe=False)
    with pytest.raises(ModelError, match="no"):
        predictor(X)
    with ThreadPoolExecutor(1) as pool:
        np.testing.assert_array_equal(pool.submit(predictor, X[:2]).result(timeout=60), SUMS[:2])


def test_threads_that_run_out_of_memory_together_say_so_once():
    # Not `pytest.warns`: the filters of warnings are the process's, not the thread's.
    held = Pace("auto", True)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(held.halve, [64, 32, 16, 8]))
    assert len(said) == 1
    assert held.rows(X) == 4


# --- travel

def test_a_predictor_keeps_the_size_that_fits_when_it_travels():
    predictor = xk.wrap(Small(6))
    with pytest.warns(RuntimeWarning, match="ran out of memory"):
        predictor(X)
    twin = pickle.loads(pickle.dumps(predictor))
    twin.model.sizes.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        twin(X)
    assert twin.model.sizes == [5] * 4


def test_memory_that_ran_out_is_not_asked_for_again(monkeypatch):
    monkeypatch.setattr(adapter, "PAUSE", 0)
    model = Small(10)
    with pytest.warns(RuntimeWarning, match="ran out of memory"):
        xk.wrap(model, retries=5)(X)
    assert model.sizes == [20, 10, 10]
