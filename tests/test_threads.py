"""Several threads that explain at once: the same bytes, and nothing of the process changed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import reference
import scipy.linalg  # noqa: F401  # loads a BLAS of its own
from threadpoolctl import threadpool_info, threadpool_limits

import xaikit as xk
from xaikit.solvers.threads import one_thread

X = np.random.default_rng(0).normal(size=(14, 24))


def smooth(X):
    return np.sin(X).sum(axis=1) + X[:, 0] * X[:, 1] * X[:, 2]


def blas_threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_the_last_to_leave_restores_what_the_first_found():
    threadpool_limits(2, user_api="blas")  # so that this thread is the one that may set it
    before = blas_threads()
    assert set(before) == {2}
    inside, leave, left = threading.Barrier(2), threading.Event(), []

    def first():
        with one_thread():
            inside.wait(60)
            leave.wait(60)
        left.append(blas_threads())

    other = threading.Thread(target=first)
    other.start()
    inside.wait(60)
    with one_thread():
        assert set(blas_threads()) <= {1}
        leave.set()
        other.join()
        assert set(blas_threads()) <= {1}  # the first to enter has left, and this thread has not
    assert set(left[0]) == {1}
    assert blas_threads() == before
    with pytest.raises(KeyError), one_thread():
        raise KeyError
    assert blas_threads() == before


SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
import test_threads
test_threads.threads_at_once()
"""


def threads_at_once():
    """Explain in four threads at once, in a process whose BLAS has two threads."""
    threadpool_limits(2, user_api="blas")
    before = blas_threads()
    settings = [{"solver": "gp", "budget": 3000, "random_state": 0},
                {"solver": "auto", "budget": 6000, "random_state": 1}]
    explainers = [xk.KernelSHAP(verbose=False, **own).fit(smooth, X[4:]) for own in settings]
    alone = [reference.bytes_of(e.explain(X[:4])) for e in explainers]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda k: (k % 2, reference.bytes_of(explainers[k % 2].explain(X[:4]))), range(16)))
    assert all(got == alone[k] for k, got in found)
    assert blas_threads() == before == [2] * len(before)
    again = [reference.bytes_of(e.explain(X[:4])) for e in explainers]
    assert again == alone


def test_threads_give_the_bytes_of_one_and_leave_blas_as_it_was():
    done = subprocess.run([sys.executable, "-c", SCRIPT.format(tests=os.path.dirname(__file__))],
                          capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
