"""Mean Impact Value: how a model's answer moves when one column of every row is moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from xaikit.errors import SettingError
from xaikit.explainers.base import Explainer
from xaikit.explainers.run import Stopwatch, run
from xaikit.explanations.importance import Importance
from xaikit.predictor.ledger import Ledger
from xaikit.sampling.moves import can_step, is_centred, lacks_zero, levels, most_frequent, steps
from xaikit.sampling.seeds import stream
from xaikit.sampling.table_questions import TableQuestions
from xaikit.settings import MAX_MEMORY, POSITIVE, Flag, OneOf, Several
from xaikit.solvers.intervals import bootstrap_means, errors_of_means, means_of
from xaikit.tables.matching import missing_in
from xaikit.tables.tables import column_of
from xaikit.tables.targets import read_weights


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
    sweep : sequence of float
        Further δ, whose signed and absolute values are added to `details`.
    max_levels : int
        Most levels of a categorical column that are swapped in, the most frequent first.
    {groups, outputs, n_bootstrap, confidence, batch_size, random_state, n_jobs, max_memory}
    {verbose}

    Notes
    -----
    *Categories, text, booleans* and numbers that are only 0 and 1 have no 1 ± δ: every row takes
    each of the other observed levels.
    With two levels the effect is f(second level) − f(first level) in sorted order; with more it is
    the mean over other levels of f(other) − f(own), whose sign has no direction: read ``absolute``.
    A group that holds such a column, or only columns of 0 and 1 (one-hot), is swapped as one column
    whose levels are the observed combinations.
    *Whole numbers* stay whole: they move to the next whole number at least as far away as δ asks
    for, and the effect is scaled back to δ's step (exact where f is linear in between).
    *Dates* have no zero, so the relative modes move them by δ·sd. *Missing values* stay missing.
    The seed moves only the intervals.

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

    own_settings: ClassVar = {
        "delta": POSITIVE,
        "mode": OneOf("relative", "relative_abs", "sd", "range", "quantile"),
        "clip": Flag(),
        "sweep": Several(POSITIVE, least=0),
    }

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
        verbose: bool = True,
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
        self.verbose = verbose

    def check_settings(self) -> None:
        super().check_settings()
        for delta in (self.delta, *self.sweep):
            if not np.isfinite(delta):
                raise SettingError(f"delta must be finite, got {delta!r}.")
            if self.mode == "quantile" and delta >= 1:
                raise SettingError(f"delta must be below 1 in quantile mode, got {delta!r}.")

    def explain(self, X: Any, y: Any = None, sample_weight: Any = None) -> Importance:
        """Move every feature of every row.

        Parameters
        ----------
        X : DataFrame or array (n_rows, n_columns)
            The rows averaged over.
        y : ignored
        sample_weight : array (n_rows,), optional
            How much each row counts in the means. How far a row is moved does not depend on it. A
            Series is put in the order of X by its index.

        Returns
        -------
        Importance
            `values` are signed, in units of the output. `details` hold ``absolute`` (mean |effect|)
            with its interval, ``share`` (of the sum of absolute), ``unmoved`` (fraction of rows
            that no step could move), and ``sweep``, ``sweep_absolute`` (n_features, n_outputs,
            n_deltas) if `sweep` holds any.

        Raises
        ------
        sklearn.exceptions.NotFittedError
        ValueError
            For settings out of range, an empty table, or weights that do not fit it.
        ModelError
            If the model fails.
        """
        self._check_ready()
        ledger = self.predictor_.ledger
        watch = Stopwatch(ledger)
        questions = TableQuestions(self.predictor_, X, self.groups, self.max_memory)
        weights = read_weights(sample_weight, X, len(questions))
        work = ImpactWork(questions, (self.delta, *self.sweep), self.mode, self.clip,
                          self.max_levels, weights)
        stepped = [can_step(columns_of(questions, unit).values()) for unit in questions.units]
        if not all(stepped):
            questions.base()  # asked before the work is shared out, not by every worker
        ledger.add(questions.ledger)
        impacts = run(work, list(enumerate(stepped)), ledger, n_jobs=self.n_jobs, label="MIV",
                      verbose=self.verbose)
        warnings = (*questions.doubts(ledger), *(w for i in impacts for w in i.warnings))
        return Importance(
            **self._about(questions.predictor), **self._numbers(impacts, weights),
            feature_names=questions.unit_names, output_names=questions.output_names,
            cost=watch.cost(), warnings=warnings)

    def _numbers(self, impacts: list[Impact], weights: np.ndarray | None) -> dict[str, Any]:
        """Summarise effects over rows: values, errors, intervals and details."""
        signed = np.stack([impact.signed for impact in impacts], axis=1)
        size = np.stack([impact.absolute for impact in impacts], axis=1)
        n, shape = len(signed), signed.shape[1:3]
        first = np.concatenate([signed[..., 0], size[..., 0]], axis=1).reshape(n, -1)
        lower, upper = (
            bound.reshape(2, *shape) for bound in bootstrap_means(
                first, self.n_bootstrap, self.confidence, stream(self.seed_, "bootstrap"), weights)
        )
        absolute = means_of(size, weights)
        total = absolute[..., 0].sum(axis=0)
        details = {
            "absolute": absolute[..., 0],
            "absolute_lower": lower[1], "absolute_upper": upper[1],
            "share": absolute[..., 0] / np.where(total > 0, total, np.nan),
            "unmoved": np.repeat([[impact.unmoved] for impact in impacts], shape[1], axis=1),
        }
        if len(self.sweep):
            details["sweep"] = means_of(signed, weights)[..., 1:]
            details["sweep_absolute"] = absolute[..., 1:]
        return {"values": means_of(signed[..., 0], weights),
                "standard_errors": errors_of_means(signed[..., 0], weights),
                "lower": lower[0], "upper": upper[0], "details": details}


@dataclass(frozen=True)
class Impact:
    """Effects of one unit, arrays (n_rows, n_outputs, n_deltas), and warnings about them.

    `unmoved` is the fraction of rows, by weight, that were not moved.
    """

    signed: np.ndarray
    absolute: np.ndarray
    unmoved: float
    warnings: list[str]


@dataclass(frozen=True)
class ImpactWork:
    """Moves one unit; goes to workers whole."""

    questions: TableQuestions
    deltas: tuple[float, ...]
    mode: str
    clip: bool
    max_levels: int
    weights: np.ndarray | None

    def __call__(self, part: tuple[int, bool]) -> tuple[Impact, Ledger]:
        """Move a unit by steps, or swap its levels if it has none."""
        unit, stepped = part
        questions = self.questions.spawn()
        impact = self._stepped(questions, unit) if stepped else self._swapped(questions, unit)
        return impact, questions.ledger

    def _stepped(self, questions: TableQuestions, unit: int) -> Impact:
        columns = columns_of(questions, questions.units[unit])
        found = [effects_of_steps(questions, columns, self.mode, delta, self.clip)
                 for delta in self.deltas]
        signed = np.stack([effects for effects, _ in found], axis=-1)
        unmoved = float(1.0 - means_of(found[0][1], self.weights))
        name = questions.unit_names[unit]
        warnings = [sentence for c, column in columns.items()
                    for sentence in caveats(column, questions.column_names[c], self.mode)]
        if unmoved > 0.5:
            warnings.append(f"{unmoved:.0%} of rows could not be moved in {name!r} (zeros, missing "
                            "values or a constant column); its impact is the mean over all rows, "
                            "0 for these. Another mode may move them.")
        if any(missing_in(column).any() for column in columns.values()):
            warnings += missing_alone(name, *levels(questions.table, questions.units[unit]))
        return Impact(signed, np.abs(signed), unmoved, warnings)

    def _swapped(self, questions: TableQuestions, unit: int) -> Impact:
        columns, name, most = questions.units[unit], questions.unit_names[unit], self.max_levels
        codes, donors = levels(questions.table, columns)
        warnings = missing_alone(name, codes, donors)
        if len(donors) > most:
            warnings.append(f"{name!r} has {len(donors)} levels; the {most} most frequent were "
                            "swapped in (max_levels).")
        own = questions.base()
        signed, absolute, counted = np.zeros_like(own), np.zeros_like(own), np.zeros(len(own))
        for level in most_frequent(codes, most):
            rows = np.flatnonzero((codes != level) & (codes >= 0))
            givers = np.full(len(rows), donors[level])
            change = questions.borrowed(columns, rows, givers) - own[rows]
            # Of two sorted levels the second counts as the higher one.
            signed[rows] += -change if len(donors) == 2 and level == 0 else change
            absolute[rows] += np.abs(change)
            counted[rows] += 1
        swaps = np.maximum(counted, 1)[:, None]
        # A level is no step: it is swapped whole, whatever δ.
        signed, absolute = (np.repeat((sums / swaps)[..., None], len(self.deltas), axis=-1)
                            for sums in (signed, absolute))
        unmoved = float(means_of(counted == 0, self.weights))
        if unmoved > 0.5:
            warnings.append(f"{unmoved:.0%} of rows could not be moved in {name!r} (missing values "
                            "or a single level); its impact is the mean over all rows, 0 for "
                            "these.")
        return Impact(signed, absolute, unmoved, warnings)


def effects_of_steps(
    questions: TableQuestions, columns: dict[int, pd.Series], mode: str, delta: float, clip: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Ask about columns moved up and down together.

    Returns
    -------
    effects : array (n_rows, n_outputs)
        f(up) − f(down); 0 for rows that did not move.
    moved : bool array (n_rows,)
    """
    taken = {c: steps(column, mode, delta, clip) for c, column in columns.items()}
    moved = np.logical_or.reduce([own.moved for own in taken.values()])
    rows, effects = np.flatnonzero(moved), np.zeros((len(moved), len(questions.output_names)))
    if len(rows) == 0:
        return effects, moved
    answers = questions.replaced(
        {c: pd.concat([own.up.iloc[rows], own.down.iloc[rows]], ignore_index=True)
         for c, own in taken.items()},
        np.concatenate([rows, rows]))
    # The columns of a group take steps of their own: one scale would fit none of them.
    scale = next(iter(taken.values())).scale if len(taken) == 1 else np.ones(len(moved))
    effects[rows] = (answers[: len(rows)] - answers[len(rows) :]) * scale[rows, None]
    return effects, moved


def columns_of(questions: TableQuestions, unit: np.ndarray) -> dict[int, pd.Series]:
    """Return the columns of a unit by position."""
    return {int(c): column_of(questions.table, int(c)) for c in unit}


def caveats(column: pd.Series, name: str, mode: str) -> list[str]:
    """Return what a reader should know about a column that is moved in a mode."""
    if lacks_zero(column, mode):
        return [f"{name!r} holds dates or durations: it was moved by delta standard deviations "
                "instead of relatively."]
    if mode == "relative" and is_centred(column):
        return [f"{name!r} is centred (|mean| is below a tenth of its standard deviation), so its "
                "relative impact cancels out; use mode='sd', or read the absolute impact."]
    return []


def missing_alone(name: str, codes: np.ndarray, donors: np.ndarray) -> list[str]:
    """Return a warning if all that a unit's cells differ in is whether they are missing."""
    if len(donors) != 1 or (codes >= 0).all():
        return []
    return [f"{name!r} differs between rows only in whether it is missing, and missing values stay "
            "missing: what they do to the output is not in its impact. Permutation importance "
            "shuffles them too."]
