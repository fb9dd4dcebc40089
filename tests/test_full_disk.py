"""Writers that meet a full disk: the system itself cuts the file, and the old one stays as it was."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("resource", reason="this system has no limits on files")

# RLIMIT_FSIZE lets no file of the process grow beyond a size, as a full disk does.
SCRIPT = """
import resource, signal, sys
import numpy as np
import xaikit as xk
from xaikit import Attribution
kind, folder, most = sys.argv[1], sys.argv[2], int(sys.argv[3])
X = np.random.default_rng(0).normal(size=(60, 3))
values = np.random.default_rng(0).normal(size=(2000, 20, 1))
e = Attribution(method="exact", feature_names=[f"f{j}" for j in range(20)], output_names=["y"],
                values=values, base_values=np.zeros((2000, 1)), predictions=values.sum(axis=1))
if kind == "report":
    r = xk.report(lambda X: X[:, 0], X, path=None, verbose=False, n_explain=5, n_global=20, methods=["mean_impact"])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
if most:
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
try:
    if kind == "report":
        r.save(folder + "/r.html")
    else:
        e.save(folder + "/e." + kind)
except OSError as error:
    print("OSError:", error.strerror)
"""


def save(kind, folder, most=0):
    done = subprocess.run([sys.executable, "-c", SCRIPT, kind, str(folder), str(most)], capture_output=True, text=True,
                          timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def bytes_in(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("kind", ["json", "csv", "parquet", "html", "report"])
def test_a_disk_that_fills_up_leaves_what_was_there(kind, tmp_path):
    if kind == "parquet":
        pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    # Nothing of a first save stays, and a second one leaves the files of the first as they were.
    assert "OSError: " in save(kind, tmp_path, 2000)
    assert bytes_in(tmp_path) == {}
    assert save(kind, tmp_path) == ""
    before = bytes_in(tmp_path)
    largest = max(map(len, before.values()))
    for most in (2000, largest // 2, largest - 1):
        assert "OSError: File too large" in save(kind, tmp_path, most)
        assert bytes_in(tmp_path) == before
    assert save(kind, tmp_path, largest + 1000) == ""
