"""How a model is asked in bulk: rows a call, fewer when memory runs out, turns, travel."""

from __future__ import annotations

import pickle
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pandas as pd
import pytest

import xaikit as xk
from xaikit.errors import ModelError
from xaikit.predictor import adapter, pace
from xaikit.predictor.failures import ran_out_of_memory
from xaikit.predictor.pace import Pace

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


def test_a_row_larger_than_the_bound_of_bytes_is_asked_alone(monkeypatch):
    monkeypatch.setattr(pace, "AUTO_BYTES", 1)
    model = Small(10**9)
    np.testing.assert_array_equal(xk.wrap(model)(X), SUMS)
    assert model.sizes == [1] * 20


def test_a_batch_size_that_was_given_holds_for_large_rows_too(monkeypatch):
    monkeypatch.setattr(pace, "AUTO_BYTES", 1)
    model = Small(10**9)
    xk.wrap(model, batch_size=15)(X)
    assert model.sizes == [15, 5]


# --- out of memory

def test_what_torch_raises_where_there_is_no_memory_halves_the_batch():
    torch = pytest.importorskip("torch")

    class Torch(Small):
        def run_out(self):
            torch.empty(2**60)

    model = Torch(6)
    predictor = xk.wrap(model)
    with pytest.warns(RuntimeWarning, match="on 20 rows; it is asked 10 rows") as said:
        np.testing.assert_array_equal(predictor(X), SUMS)
    assert len(said) == 1
    assert model.sizes == [20, 10, 5, 5, 5, 5]
    assert (predictor.ledger.rows, predictor.ledger.calls) == (20, 4)


def test_what_numpy_raises_where_there_is_no_memory_halves_the_batch():
    class NumPy(Small):
        def run_out(self):
            np.empty(2**57)

    with pytest.warns(RuntimeWarning, match="ran out of memory on 20 rows"):
        np.testing.assert_array_equal(xk.wrap(NumPy(6))(X), SUMS)


def test_later_calls_and_copies_stay_at_the_size_that_fits():
    model = Small(6)
    predictor = xk.wrap(model)
    twin = predictor.spawn()
    with pytest.warns(RuntimeWarning, match="ran out of memory"):
        predictor(X)
    model.sizes.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for asked in (predictor, twin):
            np.testing.assert_array_equal(asked(X), SUMS)
    assert model.sizes == [5] * 8


def test_one_row_that_does_not_fit_is_an_error():
    with pytest.warns(RuntimeWarning, match="ran out of memory"), \
            pytest.raises(ModelError, match=r"failed on a ndarray of shape \(1, 3\).*no room"):
        xk.wrap(Small(0))(X)


def test_other_errors_do_not_shrink_the_batch():
    class Wrong(Small):
        def run_out(self):
            raise ValueError("memory of a wrong shape")

    model = Wrong(6)
    with pytest.raises(ModelError, match="wrong shape"):
        xk.wrap(model)(X)
    assert model.sizes == [20]


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


def caused(error):
    wrapped = ValueError("the pipeline failed")
    wrapped.__cause__ = error
    return wrapped


@pytest.mark.parametrize(("error", "is_so"), [
    (MemoryError(), True), (OutOfMemoryError(), True),
    (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED"), True),
    (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), True),
    (RuntimeError("Failed to allocate memory for requested buffer of size 1"), True),
    (RuntimeError("std::bad_alloc"), True), (RuntimeError("CUDA out of memory."), True),
    (RuntimeError("RESOURCE EXHAUSTED: OOM when allocating tensor"), True),
    (caused(caused(MemoryError())), True), (caused(KeyError("a")), False),
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


@pytest.mark.parametrize("safe", [True, None])
def test_threads_meet_in_a_function_that_is_safe(safe):
    model = Meeting(4)
    with ThreadPoolExecutor(4) as pool:
        for made in pool.map(xk.wrap(model, thread_safe=safe), [X] * 4):
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
    predictor, made = None, []

    def model(batch):
        return batch[:, 0] if len(batch) == 1 else predictor(batch[:1]).repeat(len(batch))

    predictor = xk.wrap(model, thread_safe=False)
    # A daemon, for a thread that waits for itself would wait to the end of the tests.
    thread = threading.Thread(target=lambda: made.append(predictor(X)), daemon=True)
    thread.start()
    thread.join(timeout=60)
    np.testing.assert_array_equal(made[0].ravel(), np.full(20, X[0, 0]))


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


def test_a_thread_that_is_late_does_not_raise_the_rows_again():
    held = Pace("auto", True)
    with pytest.warns(RuntimeWarning, match="ran out of memory"):
        held.halve(8)
    held.halve(64)
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


def total(batch):
    return batch.sum(axis=1)


@pytest.mark.parametrize("asked_before", [False, True])
@pytest.mark.parametrize("options", [{}, {"thread_safe": False}, {"batch_size": 3},
                                     {"deduplicate": True}, {"retries": 2}], ids=str)
def test_a_predictor_travels_before_and_after_it_was_asked(options, asked_before):
    predictor = xk.wrap(total, **options)
    if asked_before:
        predictor = predictor.bind(X)
        predictor(X)
    twin = pickle.loads(pickle.dumps(predictor))
    np.testing.assert_array_equal(twin(X), SUMS)
    assert twin.settings == predictor.settings
    assert twin.ledger.rows == 20


def test_a_predictor_works_in_other_processes():
    predictor = xk.wrap(total, thread_safe=False, deduplicate=True).bind(X)
    made = joblib.Parallel(n_jobs=2, backend="loky")(
        joblib.delayed(predictor)(part) for part in (X[:7], X[7:]))
    np.testing.assert_array_equal(np.concatenate(made), SUMS)


def test_memory_that_ran_out_is_not_asked_for_again(monkeypatch):
    monkeypatch.setattr(adapter, "PAUSE", 0)
    model = Small(10)
    with pytest.warns(RuntimeWarning, match="ran out of memory"):
        xk.wrap(model, retries=5)(X)
    assert model.sizes == [20, 10, 10]
