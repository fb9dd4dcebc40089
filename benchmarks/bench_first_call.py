"""The first call in a fresh process: import, compile, explain 10 rows of Adult; the whole process.

Both processes load the same fitted model and ask 512 coalitions × 100 background rows for each row.
Cold means an empty numba cache; cached, the second and later processes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from benchmarks.cases import adult

ROUNDS = 5
_LOAD = """
import joblib
model, background, rows = joblib.load({path!r})
predict = lambda X: model.predict_proba(X)[:, 1]
"""
_OURS = _LOAD + """
import xaikit as xk
explainer = xk.KernelSHAP(solver="wls", budget=51_201, random_state=0).fit(predict, background)
explainer.explain(rows)
"""
_THEIRS = _LOAD + """
import shap
shap.KernelExplainer(predict, background).shap_values(rows, nsamples=512, l1_reg=False, silent=True)
"""


def first_call() -> list[dict[str, Any]]:
    """Measure the seconds of whole processes, which run in turn."""
    case = adult()
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "model.joblib")
        model = case.predict.__closure__[0].cell_contents
        joblib.dump((model, case.background, case.rows[:10]), path)
        seconds: dict[str, list[float]] = {}
        for turn in range(ROUNDS):
            for name, code in (("xaikit", _OURS), ("shap KernelExplainer", _THEIRS)):
                cache = str(Path(folder) / f"cache-{name[:4]}-{turn}")
                for state in ("cold", "cached"):
                    seconds.setdefault(f"{name}, {state}", []).append(
                        _run(code.format(path=path), cache))
    rows = []
    for name, runs in seconds.items():
        peer = seconds["shap KernelExplainer, " + name.rpartition(", ")[2]]
        ratio = float(np.median(np.array(runs) / np.array(peer)))
        rows.append({"first call": name, "whole process s (median)": float(np.median(runs)),
                     "lowest": min(runs), "highest": max(runs), "ratio to shap": ratio})
    return rows


def _run(code: str, cache: str) -> float:
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache, "TQDM_DISABLE": "1"}
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    return time.perf_counter() - start
