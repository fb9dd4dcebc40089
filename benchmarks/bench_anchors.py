"""Rules beside alibi and anchor-exp: the same models and rows, judged on rows that none saw."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numba
import numpy as np
from scipy.stats import binomtest

import xaikit as xk
from benchmarks.anchor_tasks import Task, tasks
from benchmarks.cases import Counted
from benchmarks.tables import markdown
from xaikit.explanations.rules import RuleSet

HERE = Path(__file__).parent
PEERS_PYTHON = HERE.parent / ".venv-anchors" / "bin" / "python"
PRECISION = 0.95
LEAST = 20
"""Held-out rows that a rule must cover for its precision to be read."""
ROUNDS = 3
HOLD = f"hold {PRECISION}"


@dataclass(frozen=True)
class Run:
    """What a package found for the rows of a task, and what it cost.

    Attributes
    ----------
    covered : bool array (n_rows, n_held)
        Which held-out rows each rule is true for.
    agree : bool array (n_rows, n_held)
        For which of them the model says the same as for the row.
    columns : int array (n_rows,)
        Columns that each rule names.
    verified : bool array (n_rows,) or None
        For a package that says so.
    cost : dict
        Rows, calls and seconds of the model, and seconds in all; for all rows together.
    """

    package: str
    covered: np.ndarray
    agree: np.ndarray
    columns: np.ndarray
    verified: np.ndarray | None
    cost: dict[str, float]


def beside() -> tuple[list[dict[str, Any]], str]:
    """Measure all packages on all tasks, and return the peers' versions, if these are there."""
    rows, versions = list[dict[str, Any]](), ""
    if not PEERS_PYTHON.exists():
        return rows, versions
    all_tasks = _tasks()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for i, task in enumerate(all_tasks):
            task.save(folder / str(i))
        _run_peers(folder)
        for i, task in enumerate(all_tasks):
            runs = [_ours(task, task.rows)]
            for package in ("alibi", "anchor-exp"):
                run, version = _theirs(task, folder / str(i), package)
                runs.append(run)
                versions += f", {package} {version}" if i == 0 else ""
            rows += _by_run(task, task.rows, runs)
    return rows, versions.removeprefix(", ")


def one_row(n: int = 5) -> list[dict[str, Any]]:
    """Measure what a row costs that is explained in a call of its own, on Adult."""
    task = _tasks()[1]
    runs = [_ours(task, task.rows[i : i + 1]).cost for i in range(n)]
    return [{"task": task.name, "calls of explain": n,
             **{f"{what} a row": float(np.mean([cost[what] for cost in runs]))
                for what in ("model rows", "calls", "seconds")}}]


def alone() -> list[dict[str, Any]]:
    """Measure how often xaikit's verified rules hold, on more rows than the peers can explain."""
    return [row for task in _tasks()
            for row in _by_run(task, task.more, [_ours(task, task.more)])]


def bands() -> list[dict[str, Any]]:
    """Measure rules about a number near a row's own (`within="auto"`), on diabetes."""
    task = _tasks()[-1]
    low, high = np.quantile(task.score(task.train), [0.1, 0.9])
    own, others = task.score(task.more), task.score(task.held)
    near = np.abs(others - own[:, None]) <= 0.1 * (high - low)
    return [_measured(f"{task.name}, near its number", _ours(task, task.more, near))]


def goals(rows: list[dict[str, Any]], many: list[dict[str, Any]]) -> list[tuple[str, float, float]]:
    """Return goals beside alibi, each by its worst task."""
    ours = {row["task"]: row for row in rows if row["package"] == "xaikit"}
    theirs = {row["task"]: row for row in rows if row["package"] == "alibi"}
    wide = [name for name in ours if not name.startswith("rare")]

    def worst(what: str, names: list[str], inverse: bool = False) -> float:
        ratios = [ours[name][what] / theirs[name][what] for name in names]
        return max(1.0 / r if r else np.inf for r in ratios) if inverse else max(ratios)

    every = list(ours)

    def less_precise(name: str) -> float:
        both = theirs[name], ours[name]
        wide_enough = all(row["wide enough"] for row in both)
        a, b = (row["precision" if wide_enough else "pooled precision"] for row in both)
        return float(a / b)

    return [
        ("rules: at least .95 of the verified ones hold (.95 / measured, worst task that has any)",
         0.95 / min(row[f"verified that {HOLD}"] for row in many if row["verified"]), 1.0),
        ("rules: coverage at least 1.2 times alibi's (1.2 alibi's / ours, worst task, without the "
         "rare class)", 1.2 * worst("coverage", wide, inverse=True), 1.0),
        ("rules: precision no lower than alibi's (alibi's / ours, worst task; pooled where "
         "rules are too narrow)", max(map(less_precise, every)), 1.0),
        ("rules: at most 1/10 of alibi's model rows (worst task)",
         worst("model rows a row", every), 0.1),
        ("rules: at most 1/20 of alibi's time (worst task)", worst("s a row", every), 0.05),
        ("rules: no more conditions than alibi's (worst task)", worst("conditions", every), 1.0),
    ]


def in_three(rows: list[dict[str, Any]]) -> list[str]:
    """Return the measures as tables that are narrow enough to read: rules, verified ones, costs."""
    of_rules = ["task", "package", "rows", "wide enough", "precision", HOLD, "pooled precision",
                "coverage", "conditions"]
    of_verified = ["task", *(name for name in rows[0] if "verified" in name)]
    costs = ["task", "package", *(name for name in rows[0] if "a row" in name)]
    sure = [row for row in rows if row["verified"] != ""]
    return [markdown([{name: row[name] for name in names} for row in some])
            for some, names in ((rows, of_rules), (sure, of_verified), (rows, costs))]


@cache
def _tasks() -> list[Task]:
    return tasks()


def _run_peers(folder: Path) -> None:
    """Let the peers explain all tasks of a folder."""
    done = subprocess.run([str(PEERS_PYTHON), "-m", "benchmarks.peers_of_anchors", str(folder)],
                          cwd=HERE.parent, capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONPATH": str(HERE.parent)})
    if done.returncode:
        raise RuntimeError(f"the peers of anchors failed:\n{done.stderr[-2_000:]}")


def _theirs(task: Task, folder: Path, package: str) -> tuple[Run, str]:
    """Read what a peer found."""
    found = json.loads((folder / f"{package}.json").read_text())
    cost = {what: found[what] for what in ("model rows", "calls", "seconds", "model's seconds")}
    return Run(package, np.load(folder / f"{package}.npy"), _same(task, task.rows),
               np.array(found["columns"]), None, cost), found["version"]


def _same(task: Task, rows: np.ndarray) -> np.ndarray:
    return np.asarray(task.says(rows)[:, None] == task.says(task.held))


def _ours(task: Task, rows: np.ndarray, near: np.ndarray | None = None) -> Run:
    """Explain rows with xaikit, median of three times; `near` are answers in a band."""
    regression = not hasattr(task.model, "predict_proba")
    settings: dict[str, Any] = {"threshold": task.cut} if regression and near is None else {}
    model = Counted(lambda frame: task.score(task.codes(frame)))
    wrapped = xk.wrap(model, task="regression" if regression else "classification")
    background, frame = task.frame(task.train), task.frame(rows)

    def explain(frame: Any) -> RuleSet:
        return xk.Anchors(precision=PRECISION, random_state=0, **settings).fit(
            wrapped, background).explain(frame)

    costs = []
    for turn in range(ROUNDS + 1):  # the first turn warms up
        model.rows, model.calls, model.seconds = 0, 0, 0.0
        start = time.perf_counter()
        rules = explain(frame if turn else frame[:1])
        costs.append({"seconds": time.perf_counter() - start, "model rows": model.rows,
                      "calls": model.calls, "model's seconds": model.seconds})
    cost = {what: float(np.median([c[what] for c in costs[1:]])) for what in costs[0]}
    held = task.frame(task.held)
    return Run("xaikit", np.array([rule.applies(held) for rule in rules.rules]),
               _same(task, rows) if near is None else near,
               np.array([len(rule) for rule in rules.rules]), rules.verified, cost)


def _by_run(task: Task, rows: np.ndarray, runs: list[Run]) -> list[dict[str, Any]]:
    """Judge runs; where a class is rare, judge its rows also apart, at the mean cost of a row."""
    if not task.name.startswith("rare"):
        return [_measured(task.name, run) for run in runs]
    rare = task.says(rows) == 1
    apart = [Run(run.package, run.covered[rare], run.agree[rare], run.columns[rare],
                 None if run.verified is None else run.verified[rare],
                 {what: value * float(rare.mean()) for what, value in run.cost.items()})
             for run in runs]
    return [_measured(name, run) for name, some in (
        (task.name, runs), ("rare class: its rows alone", apart)) for run in some]


def _measured(name: str, run: Run) -> dict[str, Any]:
    """Judge a run on the rows held out."""
    n = run.covered.sum(axis=1)
    k = (run.covered & run.agree).sum(axis=1)
    wide = n >= LEAST
    hold = np.array([_holds(a, b) for a, b in zip(k, n, strict=True)])
    share, sure = n / run.covered.shape[1], run.verified
    both = wide if sure is None else wide & sure

    def mean(values: np.ndarray, where: np.ndarray) -> float:
        return float(values[where].mean()) if where.any() else float("nan")

    precision = k / np.maximum(n, 1)
    everywhere, each = np.ones(len(n), dtype=bool), {
        what: value / len(n) for what, value in run.cost.items()}
    return {
        "task": name, "package": run.package, "rows": len(n), "wide enough": mean(wide, everywhere),
        "precision": mean(precision, wide), HOLD: mean(hold, wide),
        "pooled precision": float(k.sum() / max(n.sum(), 1)),
        "coverage": mean(share, everywhere), "conditions": mean(run.columns, everywhere),
        "verified": "" if sure is None else mean(sure, everywhere),
        "precision of verified": "" if sure is None else mean(precision, both),
        f"verified that {HOLD}": "" if sure is None else mean(hold, both),
        "coverage of verified": "" if sure is None else mean(share, sure),
        "model rows a row": each["model rows"], "calls a row": each["calls"],
        "s a row": each["seconds"], "overhead s a row": each["seconds"] - each["model's seconds"],
    }


def _holds(k: int, n: int) -> bool:
    """Return whether k of n held-out rows that agree speak for the precision, or not against it."""
    if k >= PRECISION * n:
        return True
    return bool(binomtest(int(k), int(n)).proportion_ci(0.95, method="exact").high >= PRECISION)


def counting(n_rules: int = 200, n_rows: int = 10_000, each: int = 4) -> list[dict[str, Any]]:
    """Measure how long 200 rules of four conditions take to be counted over 10,000 packed rows."""
    rng = np.random.default_rng(0)
    n_words = -(-n_rows // 64)
    masks, agree = (rng.integers(0, 2**64, size=size, dtype=np.uint64)
                    for size in ((100, n_words), (n_words,)))
    rules = np.stack([rng.choice(100, each, replace=False) for _ in range(n_rules)])
    ways: dict[str, Callable[..., np.ndarray]] = {
        "numpy, np.bitwise_count": _by_numpy, "numba, a loop over rules": _by_numba}
    times: dict[str, list[float]] = {name: [] for name in ways}
    answers = [way(masks, rules, agree) for way in ways.values()]
    np.testing.assert_array_equal(*answers)
    for _ in range(200):
        for name, way in ways.items():
            start = time.perf_counter()
            way(masks, rules, agree)
            times[name].append(time.perf_counter() - start)
    first = next(iter(times.values()))
    return [{"way": name, "rules": n_rules, "rows": n_rows, "ms (median)": 1e3 * np.median(runs),
             "ratio to numpy (median of pairs)": float(np.median(
                 [a / b for a, b in zip(runs, first, strict=True)]))}
            for name, runs in times.items()]


def _by_numpy(masks: np.ndarray, rules: np.ndarray, agree: np.ndarray) -> np.ndarray:
    where = np.bitwise_and.reduce(masks[rules], axis=1)
    return np.stack([np.bitwise_count(where).sum(axis=1, dtype=np.int64),
                     np.bitwise_count(where & agree).sum(axis=1, dtype=np.int64)])


@numba.njit
def _ones(word: np.uint64) -> np.uint64:  # pragma: no cover
    """Count the ones of a word: of pairs, of fours, of bytes, and all bytes at once."""
    word -= (word >> np.uint64(1)) & np.uint64(0x5555555555555555)
    word = (word & np.uint64(0x3333333333333333)) + (
        (word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (word * np.uint64(0x0101010101010101)) >> np.uint64(56)


@numba.njit
def _by_numba(masks: np.ndarray, rules: np.ndarray, agree: np.ndarray
              ) -> np.ndarray:  # pragma: no cover
    counts = np.zeros((2, len(rules)), dtype=np.int64)
    for r in range(len(rules)):
        where = masks[rules[r, 0]].copy()
        for p in rules[r, 1:]:
            mask = masks[p]
            for w in range(len(where)):
                where[w] &= mask[w]
        n = k = np.uint64(0)
        for w in range(len(where)):
            n += _ones(where[w])
            k += _ones(where[w] & agree[w])
        counts[0, r], counts[1, r] = n, k
    return counts
