"""Permutation importance: what is lost when one feature is shuffled between rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit
from sklearn.metrics import get_scorer

from xaikit.explainers.base import Explainer, Stopwatch, in_parallel
from xaikit.explainers.replay import replay_of
from xaikit.explanations.base import Cost
from xaikit.explanations.importance import Importance
from xaikit.predictor.adapter import Predictor
from xaikit.sampling.game import MAX_MEMORY
from xaikit.sampling.seeds import stream
from xaikit.sampling.tabular import resolve_groups
from xaikit.solvers.bootstrap import bootstrap_means
from xaikit.tables.numbering import number_units
from xaikit.tables.tables import Table, borrow_columns, copy_of, replace_columns, take_rows

BLOCKS = 10
"""Parts of the rows left out in turn for the standard error of a score."""
N_BOOTSTRAP = 1000


class PermutationImportance(Explainer):
    """How much worse a score gets, or how far the output moves, when a feature is shuffled.

    A row that receives its own value back is not asked again, and a row that receives the same
    value in several repeats is asked once: columns of few values cost far fewer model rows than
    n_rows × n_repeats.

    Parameters
    ----------
    scoring : str, callable, or list of them, optional
        scikit-learn scorers, each an output of the result. Default with ``y``: ``"accuracy"`` for
        classifiers, ``"r2"`` for regressors. A callable is called as
        ``scoring(estimator, X, y)``.
    n_repeats : int
        Shuffles of each feature.
    groups : dict of name to columns, optional
        Columns shuffled together.
    outputs : position, name or list, optional
        Outputs to follow where no ``y`` is given.
    confidence : float
    batch_size, random_state, n_jobs, max_memory
        As everywhere.

    References
    ----------
    Breiman 2001, "Random Forests", section 10; Fisher, Rudin & Dominici 2019 (model reliance).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> e = PermutationImportance(random_state=0).fit(lambda X: 3 * X[:, 0]).explain(X)
    >>> bool(e.values[0, 0] > 2), float(e.values[1, 0])
    (True, 0.0)
    """

    def __init__(
        self,
        *,
        scoring: Any = None,
        n_repeats: int = 10,
        groups: Any = None,
        outputs: Any = None,
        confidence: float = 0.95,
        batch_size: int | str = "auto",
        random_state: Any = None,
        n_jobs: int | None = None,
        max_memory: int = MAX_MEMORY,
    ) -> None:
        self.scoring = scoring
        self.n_repeats = n_repeats
        self.groups = groups
        self.outputs = outputs
        self.confidence = confidence
        self.batch_size = batch_size
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.max_memory = max_memory

    def explain(self, X: Any, y: Any = None) -> Importance:
        """Shuffle every feature.

        Parameters
        ----------
        X : DataFrame or array (n_rows, n_columns)
        y : array (n_rows,), optional
            With it, importance is the drop of the score; without, the mean absolute change of each
            output.

        Returns
        -------
        Importance
            With ``y`` intervals are those of a jackknife over blocks of rows (Student's t), and
            ``settings["score"]`` holds the scores with nothing shuffled; without, of a bootstrap
            over rows. Both count the sampling of rows and the shuffling. ``details["repeats"]``
            (n_features, n_outputs, n_repeats) holds each shuffle's value.

        Raises
        ------
        ValueError
            For settings out of range, an empty table, or ``y`` that does not fit it.
        ModelError
            If the model fails.
        """
        self._check_fitted()
        self._check_settings(y)
        watch, seed = Stopwatch(), self.seed_
        predictor = self.predictor_.bind(X)
        assert predictor.findings is not None
        table = predictor.columns.conform(X)
        units = resolve_groups(predictor.columns.names, self.groups)
        codes = number_units(table, tuple(units.values()))
        task: _Task
        if y is None:
            task = _ChangeTask(predictor, table, tuple(units.values()), codes, seed,
                               self.n_repeats, int(self.max_memory))
        else:
            task = self._score_task(predictor, table, y, tuple(units.values()), codes, seed)
        task.prepare()
        results, cost = [], Cost()
        for result, spent in in_parallel(task, list(range(len(units))), self.n_jobs,
                                         "permutation"):
            results.append(result)
            cost += spent
        self.predictor_.ledger.count(cost.model_rows, cost.calls, cost.model_seconds)
        cost += watch.cost(predictor)
        cost = Cost(cost.model_rows, cost.unique_rows, cost.questions, cost.calls,
                    cost.model_seconds, watch.cost(predictor).seconds)
        numbers = task.summarise(results, self.confidence)
        warnings = (*predictor.findings.warnings, *numbers.pop("warnings", ()))
        return Importance(
            method="PermutationImportance", feature_names=tuple(units),
            settings={**self._settings(), **numbers.pop("settings", {})}, random_state=seed,
            cost=cost, warnings=tuple(dict.fromkeys(warnings)), **numbers,
        )

    def _check_settings(self, y: Any) -> None:
        if isinstance(self.n_repeats, bool) or not isinstance(self.n_repeats, int | np.integer) \
                or self.n_repeats < 1:
            raise ValueError(f"n_repeats must be a positive whole number, got {self.n_repeats!r}.")
        if not 0 < self.confidence < 1:
            raise ValueError(f"confidence must lie between 0 and 1, got {self.confidence!r}.")
        if y is None and self.scoring is not None:
            raise ValueError("scoring was given without y; pass explain(X, y), or leave scoring "
                             "out to measure how far the output moves.")

    def _score_task(
        self, predictor: Predictor, table: Table, y: Any, units: Any, codes: np.ndarray, seed: int
    ) -> _ScoreTask:
        labels = np.asarray(y)
        if labels.shape[:1] != (len(table),):
            raise ValueError(f"y has shape {labels.shape}, expected one label for each of the "
                             f"{len(table)} rows.")
        if pd.isna(labels).any():
            raise ValueError("y holds NaN or missing labels; leave those rows out.")
        scorers = _scorers(self.scoring, predictor.task)
        return _ScoreTask(predictor, table, units, codes, seed, self.n_repeats,
                          int(self.max_memory), labels, scorers)


@dataclass
class _Task:
    """Shuffles one unit; goes to workers whole, so nothing changes after `prepare`."""

    predictor: Predictor
    table: Table
    units: tuple[np.ndarray, ...]
    codes: np.ndarray
    seed: int
    n_repeats: int
    max_memory: int

    def prepare(self) -> None:
        """Ask what every unit needs: the answers with nothing shuffled."""

    def sources(self, unit: int) -> np.ndarray:
        """Give the row that each row's value comes from, (n_repeats, n_rows)."""
        return np.stack([
            stream(self.seed, "permutation", unit, r).permutation(len(self.table))
            for r in range(self.n_repeats)
        ])

    def shuffled(
        self, unit: int, sources: np.ndarray, base: np.ndarray,
        ask: Callable[[Table], np.ndarray],
    ) -> np.ndarray:
        """Give the answers to every shuffle, (n_repeats, n_rows, …), each different row asked once.

        `base` (n_rows, …) are the answers with nothing shuffled.
        """
        n, codes = len(self.table), self.codes[:, unit]
        here = np.broadcast_to(np.arange(n), sources.shape)
        out = np.broadcast_to(base, (len(sources), *base.shape)).copy()
        changed = codes[sources] != codes[here]
        wanted = here[changed] * (codes.max() + 1) + codes[sources[changed]]
        _, first, which = np.unique(wanted, return_index=True, return_inverse=True)
        rows, donors = here[changed][first], sources[changed][first]
        answers = []
        # The rows and, beside them, the rows whose values they borrow.
        step = max(64, self.max_memory // (4 * 8 * self.table.shape[1]))
        for i in range(0, len(rows), step):
            part = take_rows(self.table, rows[i : i + step])
            lent = take_rows(self.table, donors[i : i + step])
            columns = {int(c): _cells(lent, c) for c in self.units[unit]}
            answers.append(ask(replace_columns(part, columns)))
        if answers:
            out[changed] = np.concatenate(answers)[which.reshape(-1)]
        return out


@dataclass
class _ChangeTask(_Task):
    """Measures how far the output moves."""

    base: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))

    def prepare(self) -> None:
        self.base = self.predictor.ask(copy_of(self.table))

    def __call__(self, unit: int) -> tuple[np.ndarray, Cost]:
        predictor, watch = self.predictor.spawn(), Stopwatch()
        sources = self.sources(unit)
        answers = self.shuffled(unit, sources, self.base, predictor.ask)
        change = np.abs(answers - self.base)
        given = np.empty_like(change)
        for r, source in enumerate(sources):
            given[r, source] = change[r]
        # A row takes part twice, taking a value and giving its own (Hoeffding's projection): an
        # interval from the takers alone would be half as wide as it has to be.
        by_row = change.mean(axis=0) + given.mean(axis=0) - change.mean(axis=(0, 1))
        result = np.concatenate([by_row, change.mean(axis=1)])
        return result, watch.cost(predictor, questions=sources.size)

    def summarise(self, results: list[np.ndarray], confidence: float) -> dict[str, Any]:
        n = len(self.table)
        by_row = np.stack([r[:n] for r in results], axis=1)
        shape = by_row.shape[1:]
        lower, upper = bootstrap_means(by_row.reshape(n, -1), N_BOOTSTRAP, confidence,
                                       stream(self.seed, "bootstrap"))
        errors = np.full(shape, np.nan)
        if n > 1:
            errors = by_row.std(axis=0, ddof=1) / np.sqrt(n)
        return {
            "values": by_row.mean(axis=0), "standard_errors": errors,
            "lower": lower.reshape(shape), "upper": upper.reshape(shape),
            "details": {"repeats": np.stack([r[n:].T for r in results])},
            "output_names": self.predictor.output_names,
        }


@dataclass
class _ScoreTask(_Task):
    """Measures what scores lose."""

    y: np.ndarray
    scorers: dict[str, Any]

    def prepare(self) -> None:
        self.blocks = _blocks(len(self.y), stream(self.seed, "blocks"))
        self.base: dict[str, np.ndarray] = {}
        replay = replay_of(self.predictor, self.y)
        self.scores = self._score(replay, self.table, self._base_source(self.predictor),
                                  np.arange(len(self.y)))

    def __call__(self, unit: int) -> tuple[tuple[np.ndarray, np.ndarray], Cost]:
        predictor, watch = self.predictor.spawn(), Stopwatch()
        replay, sources = replay_of(predictor, self.y), self.sources(unit)
        base = self._base_source(predictor)
        known: dict[str, np.ndarray] = {}

        def answers_of(repeat: int) -> Callable[[str], np.ndarray]:
            def source(method: str) -> np.ndarray:
                if method not in known:
                    known[method] = self.shuffled(
                        unit, sources, base(method),
                        lambda table: replay.ask(method, table))
                return known[method][repeat]
            return source

        drops, parts = [], []
        for r in range(self.n_repeats):
            table = borrow_columns(self.table, self.units[unit], sources[r])
            everyone = np.arange(len(self.y))
            drops.append(self.scores - self._score(replay, table, answers_of(r), everyone))
            parts.append(self._parts(replay, table, answers_of(r), base, sources[r]))
        spent = watch.cost(predictor, questions=sources.size * max(1, len(known)))
        return (np.stack(drops, axis=-1), np.mean(parts, axis=0)), spent

    def _base_source(self, predictor: Predictor) -> Callable[[str], np.ndarray]:
        def source(method: str) -> np.ndarray:
            if method not in self.base:
                self.base[method] = replay_of(predictor, self.y).ask(method, copy_of(self.table))
            return self.base[method]
        return source

    def _parts(
        self, replay: Any, table: Table, source: Callable[[str], np.ndarray],
        base: Callable[[str], np.ndarray], givers: np.ndarray,
    ) -> np.ndarray:
        """Give the drops with each block left out, (n_scorers, n_blocks).

        With a block go its rows and the rows that were given its values: both are samples. Both
        scores are of the rows that stay, so a feature without effect drops by exactly 0.
        """
        n_blocks = self.blocks.max() + 1
        parts = np.full((len(self.scorers), n_blocks), np.nan)
        for block in range(n_blocks if n_blocks > 1 else 0):
            rows = np.flatnonzero((self.blocks != block) & (self.blocks[givers] != block))
            if self._scorable(rows):
                parts[:, block] = self._score(replay, self.table, base, rows) \
                    - self._score(replay, table, source, rows)
        return parts

    def _scorable(self, rows: np.ndarray) -> bool:
        """Say whether rows are enough for a score: two numbers, or every class."""
        if len(rows) < 2:
            return False
        return self.y.dtype.kind in "fc" or len(np.unique(self.y[rows])) == len(np.unique(self.y))

    def _score(
        self, replay: Any, table: Table, source: Callable[[str], np.ndarray], rows: np.ndarray
    ) -> np.ndarray:
        replay.source, replay.rows = source, rows
        part = table if len(rows) == len(table) else take_rows(table, rows)
        scores = [float(scorer(replay, part, self.y[rows])) for scorer in self.scorers.values()]
        if not np.isfinite(scores).all():
            named = dict(zip(self.scorers, scores, strict=True))
            raise ValueError(f"a score is not finite: {named}.")
        return np.array(scores)

    def summarise(
        self, results: list[tuple[np.ndarray, np.ndarray]], confidence: float
    ) -> dict[str, Any]:
        repeats = np.stack([drops for drops, _ in results])
        parts = np.stack([part for _, part in results])
        values, n_blocks = repeats.mean(axis=-1), parts.shape[-1]
        spread = ((parts - parts.mean(axis=-1, keepdims=True)) ** 2).sum(axis=-1)
        errors = np.sqrt((n_blocks - 1) / n_blocks * spread)
        reach = stdtrit(max(n_blocks - 1, 1), 0.5 + confidence / 2) * errors
        warnings = []
        if np.isnan(errors).any():
            warnings.append("Too few rows, or a class too rare, for the interval of a score.")
        return {
            "values": values, "standard_errors": errors,
            "lower": values - reach, "upper": values + reach,
            "details": {"repeats": repeats}, "output_names": tuple(self.scorers),
            "settings": {"score": dict(zip(self.scorers, self.scores.tolist(), strict=True))},
            "warnings": warnings,
        }


def _scorers(scoring: Any, task: str | None) -> dict[str, Any]:
    if scoring is None:
        if task is None:
            raise ValueError(
                "y was given, but whether the model classifies or regresses is not known: wrap it "
                "with xk.wrap(model, task='classification' or 'regression'), or choose scoring."
            )
        scoring = "accuracy" if task == "classification" else "r2"
    chosen = scoring if isinstance(scoring, list | tuple) else [scoring]
    named = {}
    for one in chosen:
        name = one if isinstance(one, str) else getattr(one, "__name__", repr(one))
        named[name] = get_scorer(one) if isinstance(one, str) else one
        if not callable(named[name]):
            raise TypeError("scoring must be a scorer's name, a function of (estimator, X, y), or "
                            f"a list of them; got {one!r}.")
    return named


def _blocks(n: int, rng: np.random.Generator) -> np.ndarray:
    """Deal rows out to blocks at random; blocks balanced by label would differ by too little."""
    n_blocks = min(BLOCKS, n // 2)
    return rng.permutation(n) % max(n_blocks, 1)


def _cells(table: Table, c: int) -> Any:
    return table[:, c] if isinstance(table, np.ndarray) else table.iloc[:, c].array
