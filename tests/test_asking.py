"""How a model is asked in bulk: batches, memory that runs out, turns, repeats, remembered answers."""

from __future__ import annotations

import pickle
import threading
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import xaikit as xk
from xaikit.predictor import adapter, memory, pace
from xaikit.predictor.memory import Memory, row_keys

ROWS = np.arange(60.0).reshape(20, 3)


class Sums:
    """Adds rows up; keeps what it was asked, and fails as it is told."""

    def __init__(self, most=None, error=None, failures=0):
        self.most, self.error, self.failures = most, error, failures
        self.asked = []

    def __call__(self, X):
        self.asked.append(X.copy())
        if self.most is not None and len(X) > self.most:
            raise self.error
        if self.failures:
            self.failures -= 1
            raise ConnectionError("the line is dead")
        return X.sum(axis=1)

    @property
    def sizes(self):
        return [len(X) for X in self.asked]


def torch_error():
    torch = pytest.importorskip("torch")
    return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


# --- memory that runs out

@pytest.mark.parametrize("error", [
    MemoryError, torch_error,
    lambda: RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate "
                         "memory: you tried to allocate 8000000000 bytes."),
    lambda: RuntimeError("std::bad_alloc"),
    lambda: np.exceptions.AxisError("Unable to allocate 7.45 GiB for an array"),
])
def test_out_of_memory_halves_the_batch_and_goes_on(error):
    model = Sums(most=6, error=error())
    predictor = xk.wrap(model)
    with pytest.warns(RuntimeWarning, match="ran out of memory on 20 rows; it is asked 10 rows") as w:
        answers = predictor(ROWS)
    np.testing.assert_array_equal(answers[:, 0], ROWS.sum(axis=1))
    assert model.sizes == [20, 10, 5, 5, 5, 5]
    assert len(w) == 1


def test_the_smaller_batch_is_kept_and_shared_with_copies():
    model = Sums(most=6, error=MemoryError())
    predictor = xk.wrap(model)
    twin = predictor.spawn()
    with pytest.warns(RuntimeWarning, match="ran out of memory"):
        predictor(ROWS)
    model.asked.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        twin(ROWS)
    assert model.sizes == [5, 5, 5, 5]


def test_only_rows_that_were_answered_are_counted():
    predictor = xk.wrap(Sums(most=6, error=MemoryError()))
    with pytest.warns(RuntimeWarning, match="ran out of memory"):
        predictor(ROWS)
    assert (predictor.ledger.rows, predictor.ledger.calls) == (20, 4)


def test_one_row_that_does_not_fit_is_an_error():
    with pytest.warns(RuntimeWarning, match="ran out"), pytest.raises(xk.ModelError, match="shape"):
        xk.wrap(Sums(most=0, error=MemoryError()))(ROWS)


def test_another_error_is_no_lack_of_memory():
    model = Sums(most=6, error=ValueError("too many rows"))
    with pytest.raises(xk.ModelError, match="too many rows"):
        xk.wrap(model)(ROWS)
    assert model.sizes == [20]


def test_a_lack_of_memory_behind_another_error_is_seen():
    def model(X):
        if len(X) > 10:
            try:
                raise MemoryError
            except MemoryError as error:
                raise RuntimeError("layer 3 failed") from error
        return X.sum(axis=1)

    with pytest.warns(RuntimeWarning, match="ran out of memory"):
        assert xk.wrap(model)(ROWS).shape == (20, 1)


# --- batch size

def test_a_batch_is_at_most_64_mib(monkeypatch):
    monkeypatch.setattr(pace, "AUTO_BYTES", 3 * 8 * 7)
    model = Sums()
    xk.wrap(model)(ROWS)
    assert model.sizes == [7, 7, 6]


def test_rows_larger_than_the_bound_are_asked_one_by_one(monkeypatch):
    monkeypatch.setattr(pace, "AUTO_BYTES", 1)
    model = Sums()
    xk.wrap(model)(ROWS[:3])
    assert model.sizes == [1, 1, 1]


def test_a_given_size_is_not_bounded_by_bytes(monkeypatch):
    monkeypatch.setattr(pace, "AUTO_BYTES", 1)
    model = Sums()
    xk.wrap(model, batch_size=15)(ROWS)
    assert model.sizes == [15, 5]


# --- turns

class Overlap:
    """Sees whether two threads were inside at once: the first waits for the second to come."""

    def __init__(self):
        self.inside, self.most, self.lock = 0, 0, threading.Lock()
        self.second = threading.Event()

    def __call__(self, X):
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
            if self.inside == 2:
                self.second.set()
        self.second.wait(timeout=0.3)
        with self.lock:
            self.inside -= 1
        return X.sum(axis=1)


@pytest.mark.parametrize(("thread_safe", "most"), [(False, 1), (True, 2), (None, 2)])
def test_threads_take_turns_where_they_must(thread_safe, most):
    model = Overlap()
    predictor = xk.wrap(model, thread_safe=thread_safe)
    threads = [threading.Thread(target=predictor, args=(ROWS,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert model.most == most


def test_copies_of_a_predictor_take_turns_together():
    model = Overlap()
    predictor = xk.wrap(model, thread_safe=False)
    threads = [threading.Thread(target=predictor.spawn(), args=(ROWS,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert model.most == 1


def row_sums(X):
    return X.sum(axis=1)


@pytest.mark.parametrize("settings", [{}, {"thread_safe": False}, {"deduplicate": True}])
def test_predictors_travel_to_other_processes(settings):
    predictor = xk.wrap(row_sums, **settings).bind(ROWS)
    twin = pickle.loads(pickle.dumps(predictor))
    np.testing.assert_array_equal(twin(ROWS), predictor(ROWS))
    there = joblib.Parallel(n_jobs=2)(joblib.delayed(predictor)(part) for part in (ROWS, ROWS[:4]))
    np.testing.assert_array_equal(there[1], predictor(ROWS[:4]))


# --- repeats

@pytest.mark.parametrize("failures", [0, 1, 3])
def test_a_call_that_raised_is_repeated(monkeypatch, failures):
    waits = []
    monkeypatch.setattr(adapter.time, "sleep", waits.append)
    model = Sums(failures=failures)
    np.testing.assert_array_equal(xk.wrap(model, retries=3)(ROWS)[:, 0], ROWS.sum(axis=1))
    assert waits == [0.5, 1.0, 2.0][:failures]


def test_repeats_end(monkeypatch):
    monkeypatch.setattr(adapter, "PAUSE", 0)
    model = Sums(failures=3)
    with pytest.raises(xk.ModelError, match="the line is dead"):
        xk.wrap(model, retries=2)(ROWS)
    assert len(model.asked) == 3


def test_a_repeated_call_gets_the_batch_as_it_was(monkeypatch):
    monkeypatch.setattr(adapter, "PAUSE", 0)
    seen = []

    def spoils(X):
        seen.append(X.copy())
        X[:] = -1
        if len(seen) == 1:
            raise ConnectionError
        return seen[-1].sum(axis=1)

    np.testing.assert_array_equal(xk.wrap(spoils, retries=1)(ROWS)[:, 0], ROWS.sum(axis=1))
    np.testing.assert_array_equal(seen[1], ROWS)


@pytest.mark.parametrize("retries", [-1, 1.5, True, "3", None])
def test_retries_must_be_a_whole_number(retries):
    with pytest.raises(ValueError, match="retries must be a whole number of at least 0"):
        xk.wrap(row_sums, retries=retries)


# --- remembered answers

MIXED = pd.DataFrame({
    "f": [0.5, np.nan, -0.0, 0.0, 0.5],
    "i": pd.array([1, None, 1, 1, 1], dtype="Int64"),
    "t": ["a", None, "a", "a", "a"],
    "c": pd.Categorical(["x", "y", "x", "x", "x"]),
    "d": pd.to_datetime(["2020-01-01", None, "2020-01-01", "2020-01-01", "2020-01-01"]),
    "o": pd.Series([1, "1", 1.0, True, 1], dtype=object),
})
TEXTS = ["one", "two", "one", "", "two"]
IMAGES = np.stack([np.full((2, 2), k, np.uint8) for k in (1, 2, 1, 3, 2)])


@pytest.mark.parametrize(("X", "different"), [
    (ROWS[[0, 1, 0, 2, 1]], 3), (np.asfortranarray(ROWS[[0, 1, 0, 2, 1]]), 3), (TEXTS, 3),
    (IMAGES, 3), (MIXED, 4), (MIXED[["t", "c", "d"]], 2),
    (np.array([[1, "a"], [1.0, "a"], [True, "a"], [1, "a"]], dtype=object), 3),
])
def test_equal_rows_are_asked_once(X, different):
    asked = []

    def model(batch):
        asked.append(len(batch))
        return np.arange(len(batch)) + 1.0

    predictor = xk.wrap(model, deduplicate=True)
    answers = predictor(X)
    assert asked == [different]
    assert len(np.unique(answers)) == different
    np.testing.assert_array_equal(predictor(X), answers)
    assert asked == [different]
    assert predictor.ledger.rows == different


def test_minus_zero_and_zero_are_different_questions():
    got = xk.wrap(lambda X: np.sign(1 / X[:, 0]), deduplicate=True)
    with np.errstate(divide="ignore"):
        assert got(np.array([[0.0], [-0.0]])).ravel().tolist() == [1, -1]


def test_answers_that_are_handed_out_can_be_written_to():
    predictor = xk.wrap(row_sums, deduplicate=True)
    predictor(ROWS)[:] = 99
    np.testing.assert_array_equal(predictor(ROWS)[:, 0], ROWS.sum(axis=1))


def test_the_oldest_answers_are_forgotten(monkeypatch):
    monkeypatch.setattr(memory, "MOST_ROWS", 4)
    model = Sums()
    predictor = xk.wrap(model, deduplicate=True)
    predictor(ROWS[:4])
    predictor(ROWS[4:6])
    predictor(ROWS[2:6])
    assert model.sizes == [4, 2]
    predictor(ROWS[:1])
    assert model.sizes == [4, 2, 1]


def test_more_rows_than_are_remembered_are_answered_all_the_same(monkeypatch):
    monkeypatch.setattr(memory, "MOST_ROWS", 4)
    np.testing.assert_array_equal(xk.wrap(row_sums, deduplicate=True)(ROWS)[:, 0],
                                  ROWS.sum(axis=1))


def test_another_process_starts_with_nothing_remembered():
    held = Memory()
    held.answers(ROWS, lambda X: X[:, :1])
    assert pickle.loads(pickle.dumps(held))._known == {}


@given(st.lists(st.tuples(st.sampled_from([0.0, -0.0, 1.0, float("nan")]), st.booleans(),
                          st.sampled_from(["", "a", "\ud800"]) | st.none()), min_size=1, max_size=9))
def test_keys_are_equal_where_the_rows_are(rows):
    frame = pd.DataFrame({c: pd.Series(list(cells), dtype=object)
                          for c, cells in enumerate(zip(*rows, strict=True))})
    keys = row_keys(frame)
    for a, one in enumerate(rows):
        for b, other in enumerate(rows):
            assert (keys[a] == keys[b]) == (repr(one).replace("None", "nan")
                                            == repr(other).replace("None", "nan"))


def test_memory_changes_no_explanation():
    data = np.random.default_rng(0).integers(0, 3, size=(30, 4)).astype(float)

    def model(X):
        return np.sin(X).prod(axis=1)

    plain, kept = (xk.KernelSHAP(random_state=0).fit(xk.wrap(model, deduplicate=d), data[:10])
                   .explain(data[10:14]) for d in (False, True))
    np.testing.assert_allclose(kept.values, plain.values, rtol=1e-12, atol=1e-15)
