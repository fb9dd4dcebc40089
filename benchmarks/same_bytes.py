"""Compare every explainer's numbers with those of an earlier commit: same seed, same bytes.

    python -m benchmarks.same_bytes REVISION

Run `benchmarks/byte_cases.py` on this checkout and on a copy of the revision, each in a process of
its own with one thread, and compare the SHA-256 digests of all arrays. Print which cases differ on
which data set, and exit with 1 if any does or failed. Settings, costs and times are not compared,
nor are arrays that the revision did not have, such as those of a new attribute: they are named.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.tables import markdown

ROOT = Path(__file__).resolve().parents[1]
CASES = ROOT / "benchmarks" / "byte_cases.py"
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
"""Set to 1: the last bits of a sum may depend on the number of threads."""

Arrays = dict[str, np.ndarray]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.same_bytes",
                                     description="Compare every explainer's bytes with a commit's.")
    parser.add_argument("revision", help="a commit, tag or branch, such as HEAD or main")
    revision = parser.parse_args().revision
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder)
        unpack(revision, there)
        before, now = collect([there, ROOT], there)
    rows, reports = compare(before, now)
    print(markdown(rows) + "\n")
    new = [key for key in now if key not in before and not key.endswith("|failed")]
    same = f"All {len(now) - len(new)} arrays are the same: {digest(now)}."
    print("\n".join(reports or [same]))
    if new:
        names = sorted({key.split("|")[2] for key in new})
        print(f"{len(new)} arrays are new: {', '.join(names)}.")
    return 1 if reports else 0


def unpack(revision: str, folder: Path) -> None:
    """Write the package as it was at a revision into a folder."""
    packed = subprocess.run(["git", "archive", revision, "xaikit"], cwd=ROOT, check=True,
                            stdout=subprocess.PIPE).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")


def collect(checkouts: list[Path], folder: Path) -> list[Arrays]:
    """Run the cases on each checkout, at the same time; return their arrays."""
    files = [folder / f"{i}.npz" for i in range(len(checkouts))]
    running = []
    for checkout, file in zip(checkouts, files, strict=True):
        # With -P the folder of this file is not searched for modules: only the checkout's are ours.
        env = {**os.environ, **dict.fromkeys(THREADS, "1"), "PYTHONPATH": str(checkout),
               "TQDM_DISABLE": "1"}
        running.append(subprocess.Popen([sys.executable, "-P", CASES, file], cwd=folder, env=env))
    failed = [process.wait() for process in running]
    if any(failed):
        raise SystemExit("The cases could not be run; the error is above.")
    return [load(file, checkout) for file, checkout in zip(files, checkouts, strict=True)]


def load(file: Path, checkout: Path) -> Arrays:
    """Read the arrays of a checkout; raise if another xaikit was imported there."""
    arrays = dict(np.load(file))
    home = Path(str(arrays.pop("home"))).resolve()
    if not home.is_relative_to(checkout.resolve()):
        raise SystemExit(f"Expected xaikit from {checkout}, but {home} was imported.")
    return arrays


def digest(arrays: Arrays) -> str:
    """Return the SHA-256 of arrays: their names, dtypes, shapes and bytes."""
    found = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        found.update(f"{name} {array.dtype.str} {array.shape} ".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()[:16]


def compare(before: Arrays, now: Arrays) -> tuple[list[dict[str, str]], list[str]]:
    """Return a table of cases by data sets, and a sentence for each cell that is not the same."""
    pairs = dict.fromkeys(tuple(key.split("|")[:2]) for key in (*now, *before))
    columns = list(dict.fromkeys(data for _, data in pairs))
    rows = {case: {"case": case, **dict.fromkeys(columns, "–")} for case, _ in pairs}
    reports = []
    for case, data in pairs:
        sides = [{key.split("|")[2]: array for key, array in side.items()
                  if key.startswith(f"{case}|{data}|")} for side in (before, now)]
        failed = any("failed" in side for side in sides)
        found = differences(*sides)
        rows[case][data] = "failed" if failed else "different" if found else "same"
        reports += [f"{case} on {data}: {', '.join(found)}."] if found else []
    return list(rows.values()), reports


def differences(before: Arrays, now: Arrays) -> list[str]:
    """Return a phrase for each array of one case that differs: its name and by how much."""
    failures = [f"{when}: {side['failed']}" for when, side in (("then", before), ("now", now))
                if "failed" in side]
    if failures:
        return failures
    return [_difference(name, array, now.get(name)) for name, array in before.items()
            if name not in now or digest({name: array}) != digest({name: now[name]})]


def _difference(name: str, before: np.ndarray, now: np.ndarray | None) -> str:
    if now is None:
        return f"{name} is gone"
    if before.shape != now.shape or before.dtype.kind != now.dtype.kind:
        return f"{name} was {before.dtype} {before.shape}, is {now.dtype} {now.shape}"
    if now.dtype.kind not in "fiub":
        return f"{name} in {np.count_nonzero(before != now)} of {now.size} cells"
    gap = np.abs(now.astype(float) - before.astype(float))
    unknown = np.count_nonzero(np.isnan(now) != np.isnan(before)) if now.dtype.kind == "f" else 0
    return f"{name} by at most {np.nanmax(gap, initial=0.0):.3g}" + (
        f" and {unknown} NaN" if unknown else "")


if __name__ == "__main__":
    sys.exit(main())
