"""Saves that are really killed: what lies on the disk afterwards is the old file or the new one, whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

import xaikit as xk

SAVER = """
import sys
import numpy as np
from xaikit import Attribution
path = sys.argv[1]
def of(value):
    values = np.full((4000, 20, 1), float(value))
    return Attribution(method="exact", feature_names=[f"f{j}" for j in range(20)], output_names=["y"],
                       values=values, base_values=np.zeros((4000, 1)), predictions=values.sum(axis=1))
for turn in range(10**6):
    of(turn).save(path)
    print(turn, flush=True)
"""


def kill_while_saving(path, after):
    """Save numbered explanations over one another in another process; kill it; return the last number told."""
    process = subprocess.Popen([sys.executable, "-c", SAVER, str(path)], stdout=subprocess.PIPE, text=True,
                               env={**os.environ, "OMP_NUM_THREADS": "1"})
    try:
        told = [process.stdout.readline() for _ in range(2)]
        time.sleep(after)
    finally:
        process.send_signal(signal.SIGKILL)
    told += process.stdout.read().splitlines()
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL
    return int(told[-1])


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize("ending", ["json", "parquet"])
def test_a_killed_save_leaves_the_old_file_or_the_new_one(tmp_path, ending):
    if ending == "parquet":
        pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    path = tmp_path / f"e.{ending}"
    for after in np.random.default_rng(0).uniform(0.0, 0.3, 2):
        last = kill_while_saving(path, after)
        values = xk.load_explanation(path).values if ending == "json" else \
            pd.read_parquet(path).filter(like="value: ").to_numpy()
        assert np.size(values) == 4000 * 20
        # All of it is of one turn: the last that was told of, or the one being saved.
        assert set(np.ravel(values)) in ({float(last)}, {float(last + 1)})
