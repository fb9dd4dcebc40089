"""Work on parts, here or in workers: one loop, one progress bar, one bill."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import joblib
from tqdm import tqdm

from xaikit.explanations.base import Cost
from xaikit.predictor.ledger import Ledger

ROWS_A_TASK = 32
"""Rows a worker takes at a time: few enough to share out, enough to hide what a task costs."""

Work = Callable[[Any], tuple[Any, Ledger]]
"""Takes a part; returns a result, and the ledger of the predictor that it asked."""


def run(
    work: Work, parts: Sequence[Any], ledger: Ledger, *, n_jobs: int | None, label: str,
    keep: Callable[[Any], Any] | None = None, verbose: bool = True,
) -> list[Any]:
    """Do `work` on every part, and add what it cost to `ledger`.

    Runs through `joblib.Parallel`, so that a user's ``joblib.parallel_config`` decides where.

    Parameters
    ----------
    work : callable
        Goes to workers whole: it must not change.
    parts : sequence
        What each call of `work` is given. The cut must not depend on the number of workers.
    ledger : Ledger
    n_jobs : int or None
        At most one for each part is used.
    label : str
        Of the progress bar, which appears on stderr after two seconds.
    keep : callable, optional
        Makes of each result, as it comes in, what is kept of it.
    verbose : bool
        Whether there is a progress bar at all.

    Returns
    -------
    list
        In the order of the parts.
    """
    if n_jobs is not None and n_jobs > 0:
        n_jobs = min(n_jobs, max(len(parts), 1))
    jobs = joblib.Parallel(n_jobs=n_jobs, return_as="generator")(
        joblib.delayed(work)(part) for part in parts)
    results = []
    quiet = {} if verbose else {"disable": True}  # else TQDM_DISABLE decides
    with tqdm(total=len(parts), desc=label, delay=2.0, leave=False, **quiet) as bar:
        for result, spent in jobs:
            ledger.add(spent)
            results.append(result if keep is None else keep(result))
            bar.update()
    return results


class Stopwatch:
    """Measures a piece of work: the clock, and what a ledger has counted since it was made."""

    def __init__(self, ledger: Ledger) -> None:
        self._start = time.perf_counter()
        self._ledger, self._before = ledger, ledger.copy()

    def cost(self) -> Cost:
        """Return the cost so far."""
        return cost_of(self._ledger.minus(self._before), time.perf_counter() - self._start)


def cost_of(ledger: Ledger, seconds: float = 0.0) -> Cost:
    """Return what a ledger counted as a cost that took `seconds` in all."""
    return Cost(model_rows=ledger.rows, questions=ledger.rows + ledger.spared, calls=ledger.calls,
                model_seconds=ledger.seconds, seconds=seconds)


def row_slices(n_rows: int) -> list[slice]:
    """Cut rows into tasks. The cut is the same for any number of workers."""
    return [slice(i, min(i + ROWS_A_TASK, n_rows)) for i in range(0, n_rows, ROWS_A_TASK)]
