"""Processes in which nothing of xaikit was used before: each runs one piece of code.

An import that happened earlier hides a missing one, so what is imported on demand has to be tested in
processes of its own. A start of Python with its imports takes one to three seconds, nearly all of it for
pandas, scikit-learn and numba. `Fresh` therefore starts one interpreter, which imports those and the
root of xaikit, and forks it for every piece of code: a child costs about a tenth of a second.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

SERVER = """
import json, os, signal, sys, traceback
import joblib, matplotlib.pyplot, numba, numpy, pandas, scipy.stats, sklearn.ensemble
import xaikit

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what a child prints must not end up among the answers
for line in sys.stdin:
    reading, writing = os.pipe()
    if os.fork() == 0:
        signal.alarm(120)  # ends a child that never comes to an end
        scope = {"xk": xaikit, "np": numpy, "pd": pandas}
        try:
            exec(json.loads(line), scope)
            sent = {"answer": scope.get("answer")}
        except BaseException:
            sent = {"error": traceback.format_exc()}
        with os.fdopen(writing, "w") as pipe:
            json.dump(sent, pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    os.wait()
    print(text or json.dumps({"error": "the process died or took over two minutes"}), file=answers, flush=True)
"""


class Fresh:
    """Runs code in processes in which, of xaikit, only the root is imported."""

    def __init__(self) -> None:
        # One thread, as a fork copies no others.
        self._server = subprocess.Popen(
            [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            cwd=Path(__file__).resolve().parents[1],
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"})

    def __call__(self, code: str):
        """Run `code` with xk, np and pd; return what it called ``answer``, by way of JSON."""
        self._server.stdin.write(json.dumps(code) + "\n")
        self._server.stdin.flush()
        sent = json.loads(self._server.stdout.readline())
        assert "error" not in sent, sent["error"]
        return sent["answer"]

    def close(self) -> None:
        """End the interpreter."""
        self._server.stdin.close()
        self._server.wait()
        self._server.stdout.close()
