"""Predictor: batches, the ledger, copies for workers, and calls of a method by name."""

from __future__ import annotations

import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from predictor_cases import IRIS_FRAME, IRIS_X, ON_FRAME, mixed_people, people_pipeline

from xaikit.errors import ModelError
from xaikit.predictor.adapter import Predictor
from xaikit.predictor.ledger import Ledger
from xaikit.predictor.wrapping import wrap

# --- batches

@pytest.mark.parametrize("container", [np.array, pd.DataFrame])
@pytest.mark.parametrize(("batch_size", "sizes"), [
    ("auto", [10]), (10, [10]), (4, [4, 4, 2]), (1, [1] * 10), (100, [10]),
])
def test_batch_size_splits_calls(batch_size, sizes, container, counting):
    model = counting(lambda X: np.asarray(X)[:, 0])
    predictor = wrap(model, batch_size=batch_size)
    got = predictor(container(IRIS_X[:10]))
    np.testing.assert_array_equal(got[:, 0], IRIS_X[:10, 0])
    assert [len(b) for b in model.batches] == sizes
    assert (predictor.ledger.rows, predictor.ledger.calls) == (10, len(sizes))
    assert predictor.ledger.seconds > 0


@pytest.mark.parametrize("batch_size", [0, -1, 2.5, "big", None, True])
def test_batch_size_must_be_a_positive_whole_number(batch_size):
    with pytest.raises(ValueError, match="batch_size must be a whole number of at least 1"):
        wrap(lambda X: X[:, 0], batch_size=batch_size)


# --- ledger and copies

def test_ledgers_count_add_up_and_differ():
    ledger = Ledger()
    ledger.count(3, 1, 0.5)
    earlier = ledger.copy()
    ledger.count(4, 2, 0.25)
    ledger.count(spared=5)
    assert ledger == Ledger(7, 3, 0.75, 5)
    assert ledger.minus(earlier) == Ledger(4, 2, 0.25, 5)
    assert earlier == Ledger(3, 1, 0.5, 0)
    earlier.add(Ledger(10, 20, 30.0, 40))
    assert earlier == Ledger(13, 21, 30.5, 40)
    assert ledger == Ledger(7, 3, 0.75, 5)


def test_counting_from_several_threads_loses_nothing():
    ledger, one = Ledger(), Ledger(1, 2, 0.5, 3)

    def work():
        for _ in range(2000):
            ledger.add(one)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledger == Ledger(8000, 16000, 4000.0, 24000)


def test_a_worker_counts_from_nothing_and_reports_what_it_counted():
    predictor = wrap(np.sin)
    predictor.ledger.count(3, 1, 0.5)
    assert pickle.loads(pickle.dumps(predictor)).ledger == Ledger()
    assert predictor.ledger == Ledger(3, 1, 0.5)
    # What a worker returns keeps its counts and can go on counting.
    again = pickle.loads(pickle.dumps(predictor.ledger))
    assert again == predictor.ledger
    again.count(1, 1, 0.0)
    assert (again.rows, predictor.ledger.rows) == (4, 3)


def test_spawn_counts_apart():
    predictor = wrap(lambda X: X[:, 0])
    twin = predictor.spawn()
    twin(IRIS_X)
    assert (predictor.ledger.rows, twin.ledger.rows) == (0, 150)


def test_pickle_round_trip():
    frame, y = mixed_people()
    predictor = wrap(people_pipeline(frame, y), outputs="yes").bind(frame)
    again = pickle.loads(pickle.dumps(predictor))
    assert isinstance(again, Predictor)
    assert again.output_names == ("yes",)
    np.testing.assert_array_equal(again(frame), predictor(frame))


# --- methods by name

def test_ask_method_takes_turns_and_refuses_what_is_no_method():
    class Crowded:
        def __init__(self):
            self.inside, self.most = 0, 0

        def predict(self, X):
            self.inside += 1
            self.most = max(self.most, self.inside)
            time.sleep(0.02)
            self.inside -= 1
            return X[:, 0]

    model = Crowded()
    predictor = wrap(model, thread_safe=False).bind(IRIS_X)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: predictor.ask_method("predict", IRIS_X[:2]), range(4)))
    assert model.most == 1
    with pytest.raises(ValueError, match="method must be one of predict for .*got 'score'"):
        predictor.ask_method("score", IRIS_X)
    with pytest.raises(ValueError, match="method must be one of none for .*callable"):
        wrap(np.sin).ask_method("predict", IRIS_X)


def test_ask_method_gives_labels_and_counts():
    model = ON_FRAME
    predictor = wrap(model)
    assert predictor.methods == ("predict_proba", "decision_function", "predict")
    np.testing.assert_array_equal(predictor.ask_method("predict", IRIS_X), model.predict(IRIS_FRAME))
    assert (predictor.ledger.rows, predictor.ledger.calls) == (150, 1)
    with pytest.raises(ModelError, match=r"predict of the model failed .*\(150, 2\)"):
        predictor.ask_method("predict", IRIS_X[:, :2])
    assert wrap(lambda X: X).methods == ()
