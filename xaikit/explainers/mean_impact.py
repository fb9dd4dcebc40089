"""Mean Impact Value: how a model's answer moves when one column of every row is moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from xaikit.explainers.base import Explainer, Stopwatch, in_parallel
from xaikit.explanations.base import Cost
from xaikit.explanations.importance import Importance
from xaikit.predictor.adapter import Predictor
from xaikit.sampling.game import MAX_MEMORY
from xaikit.sampling.moves import (
    changed,
    is_binary,
    levels,
    most_frequent,
    targets,
    whole,
    whole_days,
    with_numbers,
)
from xaikit.sampling.seeds import stream
from xaikit.sampling.tabular import resolve_groups
from xaikit.solvers.bootstrap import bootstrap_means
from xaikit.tables.dtypes import kind_of
from xaikit.tables.numeric import float_column
from xaikit.tables.tables import (
    Table,
    borrow_columns,
    column_of,
    replace_columns,
    take_rows,
)

MODES = ("relative", "relative_abs", "sd", "range", "quantile")
NUMERIC = ("float", "integer", "datetime", "timedelta")
CENTRED = 0.1
"""Below this ratio of |mean| to sd a relative step moves a column by next to nothing on average."""


class MeanImpactValue(Explainer):
    """Mean impact value (MIV) of each feature.

    MIV_i = mean over rows of f(x with x_i·(1+δ)) − f(x with x_i·(1−δ)). Features are ranked by
    |MIV|; its sign says in which direction the output moves with the feature.

    Parameters
    ----------
    delta : float
        δ, above 0.
    mode : {"relative", "relative_abs", "sd", "range", "quantile"}
        The two points that a number x is moved to: x(1 ± δ); x ± δ|x|; x ± δ·sd; x ± δ·(max − min);
        or the values at the ranks of x ± δ. The relative form is the published one; on centred
        columns it cancels, and a warning says so.
    clip : bool
        Keep moved numbers within the observed range.
    groups : dict of name to columns, optional
        Columns moved together; a group of 0/1 columns (one-hot) is swapped as one column of levels.
    outputs : position, name or list, optional
    sweep : sequence of float
        Further δ, whose signed and absolute values are added to `details`.
    n_bootstrap : int
        Resamples of the rows for the intervals.
    confidence : float
    max_levels : int
        Most levels of a categorical column that are swapped in, the most frequent first.
    batch_size, random_state, n_jobs, max_memory
        As everywhere. The seed moves intervals only.

    Notes
    -----
    *Categories, text, booleans* and numbers that are only 0 and 1 have no 1 ± δ: every row is
    given each other observed level.
    With two levels the effect is f(second level) − f(first level) in sorted order; with more it is
    the mean over other levels of f(other) − f(own), whose sign has no direction: read ``absolute``.
    *Whole numbers* stay whole: they move to the next whole number at least as far away as δ asks
    for, and the effect is scaled back to δ's step (exact where f is linear in between).
    *Dates* have no zero, so the relative modes move them by δ·sd. *Missing values* stay missing.

    References
    ----------
    Dombi, Nandi, Dayhoff 1995; Jiang et al. 2013 (MIV for input selection).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.array([[1.0], [2.0], [3.0]])
    >>> e = MeanImpactValue().fit(lambda X: 2 * X[:, 0]).explain(X)
    >>> float(e.values[0, 0].round(10))
    0.8
    """

    def __init__(
        self,
        *,
        delta: float = 0.1,
        mode: str = "relative",
        clip: bool = False,
        groups: Any = None,
        outputs: Any = None,
        sweep: Any = (),
        n_bootstrap: int = 1000,
        confidence: float = 0.95,
        max_levels: int = 20,
        batch_size: int | str = "auto",
        random_state: Any = None,
        n_jobs: int | None = None,
        max_memory: int = MAX_MEMORY,
    ) -> None:
        self.delta = delta
        self.mode = mode
        self.clip = clip
        self.groups = groups
        self.outputs = outputs
        self.sweep = sweep
        self.n_bootstrap = n_bootstrap
        self.confidence = confidence
        self.max_levels = max_levels
        self.batch_size = batch_size
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.max_memory = max_memory

    def explain(self, X: Any, y: Any = None) -> Importance:
        """Move every feature of every row.

        Parameters
        ----------
        X : DataFrame or array (n_rows, n_columns)
            The rows averaged over.
        y : ignored

        Returns
        -------
        Importance
            `values` are signed, in units of the output. `details` hold ``absolute`` (mean |effect|)
            with its interval, ``share`` (of the sum of absolute), ``unmoved`` (fraction of rows
            that no step could move), and ``sweep``, ``sweep_absolute`` (n_features, n_outputs,
            n_deltas) where asked for.

        Raises
        ------
        ValueError
            For settings out of range or an empty table.
        ModelError
            If the model fails.
        """
        self._check_fitted()
        self._check_settings()
        watch, seed = Stopwatch(), self.seed_
        predictor = self.predictor_.bind(X)
        assert predictor.findings is not None
        table = predictor.columns.conform(X)
        units = resolve_groups(predictor.columns.names, self.groups)
        deltas = (self.delta, *self.sweep)
        task = _Task(predictor, table, tuple(units.values()), tuple(units),
                     predictor.columns.names, deltas, self.mode, self.clip, self.max_levels,
                     int(self.max_memory))
        results, cost = [], Cost()
        for result in in_parallel(task, list(range(len(units))), self.n_jobs, "MIV"):
            results.append(result)
            cost += result.cost
        self.predictor_.ledger.count(cost.model_rows, cost.calls, cost.model_seconds)
        warnings = [*predictor.findings.warnings, *(w for r in results for w in r.warnings)]
        cost += watch.cost(predictor)
        return self._result(results, tuple(units), predictor, seed, tuple(warnings), Cost(
            cost.model_rows, cost.unique_rows, cost.questions, cost.calls, cost.model_seconds,
            watch.cost(predictor).seconds))

    def _result(
        self, results: list[_Impact], names: tuple[str, ...], predictor: Predictor, seed: int,
        warnings: tuple[str, ...], cost: Cost,
    ) -> Importance:
        signed = np.stack([r.signed for r in results], axis=1)
        size = np.stack([r.absolute for r in results], axis=1)
        n, shape = len(signed), signed.shape[1:3]
        first = np.concatenate([signed[..., 0], size[..., 0]], axis=1).reshape(n, -1)
        lower, upper = (
            bound.reshape(2, *shape) for bound in bootstrap_means(
                first, self.n_bootstrap, self.confidence, stream(seed, "bootstrap"))
        )
        errors = np.full(shape, np.nan)
        if n > 1:
            errors = signed[..., 0].std(axis=0, ddof=1) / np.sqrt(n)
        absolute = size.mean(axis=0)
        total = absolute[..., 0].sum(axis=0)
        details = {
            "absolute": absolute[..., 0],
            "absolute_lower": lower[1], "absolute_upper": upper[1],
            "share": absolute[..., 0] / np.where(total > 0, total, np.nan),
            "unmoved": np.repeat([[r.unmoved] for r in results], shape[1], axis=1),
        }
        if len(self.sweep):
            details["sweep"] = signed.mean(axis=0)[..., 1:]
            details["sweep_absolute"] = absolute[..., 1:]
        return Importance(
            method="MeanImpactValue", values=signed[..., 0].mean(axis=0), standard_errors=errors,
            lower=lower[0], upper=upper[0], details=details, feature_names=names,
            output_names=predictor.output_names or (), settings=self._settings(),
            random_state=seed, cost=cost, warnings=warnings,
        )

    def _check_settings(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}, got {self.mode!r}.")
        for delta in (self.delta, *self.sweep):
            number = isinstance(delta, int | float | np.number) and not isinstance(delta, bool)
            if not number or not np.isfinite(delta) or delta <= 0:
                raise ValueError(f"delta must be a positive number, got {delta!r}.")
            if self.mode == "quantile" and delta >= 1:
                raise ValueError(f"in quantile mode delta must be below 1, got {delta!r}.")
        if not 0 < self.confidence < 1:
            raise ValueError(f"confidence must lie between 0 and 1, got {self.confidence!r}.")
        if self.max_levels < 2:
            raise ValueError(f"max_levels must be at least 2, got {self.max_levels}.")
        if self.n_bootstrap < 1:
            raise ValueError(f"n_bootstrap must be at least 1, got {self.n_bootstrap}.")


@dataclass
class _Impact:
    """Effects of one unit, (n_rows, n_outputs, n_deltas), and what there is to say about them."""

    signed: np.ndarray
    absolute: np.ndarray
    unmoved: float
    cost: Cost
    warnings: list[str]


@dataclass
class _Task:
    """Moves one unit; goes to workers whole, so it holds nothing that changes."""

    predictor: Predictor
    table: Table
    units: tuple[np.ndarray, ...]
    names: tuple[str, ...]
    column_names: tuple[str, ...]
    deltas: tuple[float, ...]
    mode: str
    clip: bool
    max_levels: int
    max_memory: int

    def __call__(self, unit: int) -> _Impact:
        predictor, watch = self.predictor.spawn(), Stopwatch()
        columns = {int(c): column_of(self.table, c) for c in self.units[unit]}
        warnings: list[str] = []
        if all(kind_of(col.dtype) in NUMERIC for col in columns.values()) and not all(
            is_binary(col, alone=len(columns) == 1) for col in columns.values()
        ):
            effects = [self._move(predictor, unit, columns, d, warnings) for d in self.deltas]
            signed = np.stack([e for e, _ in effects], axis=-1)
            absolute, unmoved = np.abs(signed), float(1.0 - effects[0][1].mean())
            if unmoved > 0.5:
                warnings.append(f"{unmoved:.0%} of rows could not be moved in {self.names[unit]!r} "
                                "(zeros, missing values or a constant column): its impact is of "
                                "the others. Another mode may move them.")
        else:
            one, two, unmoved = self._swap(predictor, unit, warnings)
            signed = np.repeat(one[..., None], len(self.deltas), axis=-1)
            absolute = np.repeat(two[..., None], len(self.deltas), axis=-1)
        return _Impact(signed, absolute, unmoved, watch.cost(predictor),
                       list(dict.fromkeys(warnings)))

    def _move(
        self, predictor: Predictor, unit: int, columns: dict[int, pd.Series], delta: float,
        warnings: list[str],
    ) -> tuple[np.ndarray, np.ndarray]:
        """Give each row's f(up) − f(down), (n_rows, K), and which rows moved."""
        up, down, scale = {}, {}, np.ones(len(self.table))
        moved = np.zeros(len(self.table), dtype=bool)
        for c, column in columns.items():
            up[c], down[c], own_scale = self._steps(
                column, self.column_names[c], delta, warnings)
            # A group's columns take steps of their own: one scale would fit none of them.
            scale = own_scale if len(columns) == 1 else scale
            moved |= changed(column, up[c]) | changed(column, down[c])
        rows = np.flatnonzero(moved)
        effect = np.zeros((len(self.table), self._n_outputs(predictor)))
        step = self._rows_at_once(2)
        for first in range(0, len(rows), step):
            here = rows[first : first + step]
            part = take_rows(self.table, np.concatenate([here, here]))
            new = {c: pd.concat([up[c].iloc[here], down[c].iloc[here]]).array for c in columns}
            answers = predictor.ask(replace_columns(part, new), own=True)
            effect[here] = (answers[: len(here)] - answers[len(here) :]) * scale[here, None]
        return effect, moved

    def _steps(
        self, column: pd.Series, name: str, delta: float, warnings: list[str]
    ) -> tuple[pd.Series, pd.Series, np.ndarray]:
        """Give a column moved up and down in its own dtype, and the scale of each row's effect."""
        x, kind, mode = float_column(column), kind_of(column.dtype), self.mode
        known = x[np.isfinite(x)]
        spread = float(known.std(ddof=1)) if len(known) > 1 else 0.0
        if kind in ("datetime", "timedelta") and mode.startswith("relative"):
            mode = "sd"
            warnings.append(f"{name!r} holds dates, which have no zero: it was moved by delta "
                            "standard deviations instead of relatively.")
        if mode == "relative" and spread > 0 and abs(known.mean()) < CENTRED * spread:
            warnings.append(
                f"{name!r} is centred (|mean| is below a tenth of its standard deviation), so its "
                "relative impact cancels out; use mode='sd', or read the absolute impact."
            )
        high, low = targets(x, known, spread, mode, delta)
        if self.clip and len(known):
            high, low = (np.clip(t, known.min(), known.max()) for t in (high, low))
        scale = np.ones(len(x))
        if kind != "float":
            wanted = high - low
            high, low = whole(x, high, column), whole(x, low, column)
            step = whole_days(column)
            if step > 1:
                # Dates without a time of day stay such.
                high, low = (step * whole(x / step, t / step, column) for t in (high, low))
            actual = high - low
            with np.errstate(invalid="ignore", divide="ignore"):
                scale = np.where(actual != 0, wanted / actual, 1.0)
        return with_numbers(column, high), with_numbers(column, low), scale

    def _swap(
        self, predictor: Predictor, unit: int, warnings: list[str]
    ) -> tuple[np.ndarray, np.ndarray, float]:
        """Give signed and absolute effects of swapping levels in, (n_rows, K), and unmoved rows."""
        columns = self.units[unit]
        codes, donors = levels(self.table, columns)
        n_levels = len(donors)
        if n_levels > self.max_levels:
            warnings.append(f"{self.names[unit]!r} has {n_levels} levels; the {self.max_levels} "
                            "most frequent were swapped in (max_levels).")
        used = most_frequent(codes, min(n_levels, self.max_levels))
        own = self._ask_all(predictor)
        signed, absolute = np.zeros_like(own), np.zeros_like(own)
        counted = np.zeros(len(own))
        two = n_levels == 2
        for level in used:
            rows = np.flatnonzero((codes != level) & (codes >= 0))
            for first in range(0, len(rows), self._rows_at_once(1)):
                here = rows[first : first + self._rows_at_once(1)]
                sources = np.concatenate([here, [donors[level]]])
                part = take_rows(self.table, sources)
                lent = borrow_columns(part, columns, np.full(len(sources), len(here)))
                change = predictor.ask(take_rows(lent, np.arange(len(here))), own=True) - own[here]
                # Of two sorted levels the second counts as the higher one.
                signed[here] += change if not two or level == 1 else -change
                absolute[here] += np.abs(change)
                counted[here] += 1
        several = np.maximum(counted, 1)[:, None]
        return signed / several, absolute / several, float((counted == 0).mean())

    def _ask_all(self, predictor: Predictor) -> np.ndarray:
        step = self._rows_at_once(1)
        return np.concatenate([
            predictor.ask(take_rows(self.table, np.arange(i, min(i + step, len(self.table)))))
            for i in range(0, len(self.table), step)
        ])

    def _rows_at_once(self, copies: int) -> int:
        width = 8 * self.table.shape[1]
        return max(64, self.max_memory // (2 * copies * width))

    def _n_outputs(self, predictor: Predictor) -> int:
        return len(predictor.output_names or ())
