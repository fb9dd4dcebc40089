"""Permutation importance: what is lost when one feature is shuffled between rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from xaikit.errors import SettingError
from xaikit.explainers.base import Explainer
from xaikit.explainers.classes import (
    TEXT_OF_NUMBERS,
    Classes,
    as_numbers,
    check_complete,
    check_plain,
    classes_for_scores,
    known_labels,
    strange_labels,
)
from xaikit.explainers.replay import Replay, replay_of
from xaikit.explainers.results import SMALLEST
from xaikit.explainers.run import Stopwatch, run
from xaikit.explainers.scoring import BLOCKS, Blocks, Scoring, blocks_of, of_sklearn, scorers_of
from xaikit.explanations.importance import Importance
from xaikit.predictor.decisions import Reading, by_output_names
from xaikit.predictor.ledger import Ledger
from xaikit.predictor.targets import labels_of_targets_kept, of_targets_kept
from xaikit.sampling.seeds import stream
from xaikit.sampling.table_questions import TableQuestions
from xaikit.settings import MAX_MEMORY
from xaikit.solvers.intervals import bootstrap_means, errors_of_means, jackknife
from xaikit.tables.ordering import order_by_content
from xaikit.tables.tables import borrow_columns
from xaikit.tables.targets import Labels, read_groups, read_labels, read_weights

N_BOOTSTRAP = 1000

Found = tuple[np.ndarray, np.ndarray]
"""What the work on a unit found; see the `__call__` of each."""


class PermutationImportance(Explainer):
    """How much worse a score gets, or how far the output moves, when a feature is shuffled.

    A row that receives its own value back is not asked again, and a row that receives the same
    value in several repeats is asked once: columns of few values cost far fewer model rows than
    n_rows × n_repeats.

    Parameters
    ----------
    scoring : str, callable, or list of them, optional
        scikit-learn scorers, each an output of the result. Default with ``y``: ``"accuracy"`` for
        classifiers, ``"r2"`` for regressors. A callable is called as ``scoring(estimator, X, y)``,
        with ``sample_weight=`` if there are weights. `X` has the rows' own index, and so has `y` if
        it came as a Series.
    n_repeats : int
        Shuffles of each feature.
    {groups, outputs, confidence, batch_size, random_state, n_jobs, max_memory, verbose}

    Notes
    -----
    `outputs` chooses what is followed if no ``y`` is given. Shuffles and blocks are drawn for the
    content of rows: the same rows in another order give the same numbers, but for the last digits.

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
        verbose: bool = True,
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
        self.verbose = verbose

    def explain(self, X: Any, y: Any = None, sample_weight: Any = None,
                blocks: Any = BLOCKS) -> Importance:
        """Shuffle every feature.

        Parameters
        ----------
        X : DataFrame or array (n_rows, n_columns)
        y : array (n_rows,), optional
            With it, importance is the drop of the score; without, the mean absolute change of each
            output. A Series is put in the order of X by its index.
        sample_weight : array (n_rows,), optional
            How much each row counts in the score, or in the mean. Cells are borrowed from all rows
            alike. A Series is put in the order of X by its index.
        blocks : int, None, or array (n_rows,)
            Blocks of rows that the jackknife of a score leaves out in turn: how many random ones;
            None for no jackknife, and no intervals; or the group of each row, such as a query or a
            patient, for scorers that need whole groups. Groups are left out whole, at most 10
            blocks of them; rows that were lent cells of those take cells of another repeat.

        Returns
        -------
        Importance
            With ``y`` intervals are those of a jackknife over blocks of rows (Student's t), and
            ``settings["score"]`` holds the scores with nothing shuffled; without, of a bootstrap
            over rows. Both count the sampling of rows and the shuffling. ``details["repeats"]``
            (n_features, n_outputs, n_repeats) holds each shuffle's value.

        Raises
        ------
        sklearn.exceptions.NotFittedError
        ValueError
            For settings out of range, an empty table, ``y`` or weights that do not fit it, or
            labels that the model does not know.
        ModelError
            If the model fails.
        """
        self._check_ready()
        if y is None and self.scoring is not None:
            raise SettingError("scoring was given without y; pass explain(X, y), or leave scoring "
                               "out to measure how far the output moves.")
        if y is None and blocks is not BLOCKS:
            raise SettingError("blocks are those of the jackknife of a score; pass explain(X, y).")
        ledger = self.predictor_.ledger
        watch = Stopwatch(ledger)
        questions = TableQuestions(self.predictor_, X, self.groups, self.max_memory)
        weights = read_weights(sample_weight, X, len(questions))
        labels = None if y is None else read_labels(y, X, len(questions))
        groups = read_groups(blocks, X, len(questions), "blocks") if np.ndim(blocks) else None
        order = order_by_content(questions.table, None if labels is None else labels.values,
                                 weights, groups)
        shuffles = Shuffles(self.seed_, self.n_repeats, order)
        work = change_work(questions, shuffles, weights) if labels is None else score_work(
            questions, shuffles, labels, weights, self.scoring,
            blocks_of(blocks if groups is None else groups, order, stream(self.seed_, "blocks")))
        ledger.add(questions.ledger)
        found = run(work, range(len(questions.units)), ledger, n_jobs=self.n_jobs,
                    label="permutation", verbose=self.verbose)
        about = self._about(questions.predictor if y is None else None)
        numbers = work.numbers(found, self.confidence)
        about["settings"] |= numbers.pop("settings", {})
        if y is not None:
            about["settings"]["blocks"] = "groups" if np.ndim(blocks) else blocks
        warnings = (*questions.doubts(ledger), *numbers.pop("warnings", ()))
        return Importance(**about, **numbers, feature_names=questions.unit_names,
                          cost=watch.cost(), warnings=tuple(dict.fromkeys(warnings)))


@dataclass(frozen=True)
class Shuffles:
    """The shuffles of a table's units, each from a random stream of its own.

    `order` holds the positions of the rows in an order that is that of their content: a shuffle is
    the same if the rows come in another order.
    """

    seed: int
    n_repeats: int
    order: np.ndarray

    def of(self, unit: int) -> np.ndarray:
        """Return the row that each row's cells come from, (n_repeats, n_rows)."""
        sources = np.empty((self.n_repeats, len(self.order)), dtype=np.int64)
        for r, own in enumerate(sources):
            drawn = stream(self.seed, "permutation", unit, r).permutation(len(self.order))
            own[self.order] = self.order[drawn]
        return sources


def shuffled(
    questions: TableQuestions, unit: int, sources: np.ndarray, method: str | None = None
) -> np.ndarray:
    """Return the answers to a table with a unit shuffled, (n_repeats, n_rows, …)."""
    n_repeats, n_rows = sources.shape
    answers = questions.borrowed(questions.units[unit], np.tile(np.arange(n_rows), n_repeats),
                                 sources.ravel(), method)
    return answers.reshape(n_repeats, n_rows, *answers.shape[1:])


def change_work(
    questions: TableQuestions, shuffles: Shuffles, weights: np.ndarray | None
) -> ChangeWork:
    """Ask about the table as it is, before the work is shared out."""
    questions.base()
    return ChangeWork(questions, shuffles, weights)


def score_work(
    questions: TableQuestions, shuffles: Shuffles, y: Labels, weights: np.ndarray | None,
    scoring: Any, blocks: Blocks,
) -> ScoreWork:
    """Score the table as it is, before the work is shared out."""
    check_complete(y)
    predictor, warnings = questions.predictor, list[str]()
    if scoring is None and predictor.ranks:
        raise ValueError("the model is a ranker, whose scores are not in units of y: choose a "
                         "scorer of rankings, scoring=a function of (model, X, y), and pass "
                         "blocks=, the query of each row.")
    scorers = scorers_of(scoring, predictor.task, weights is not None)
    y = labels_of_targets_kept(predictor, y)
    if any(map(of_sklearn, scorers.values())):
        check_plain(y)
    strict, named = any(map(of_sklearn, scorers.values())), partial(decisions, questions)
    classes = (classes_for_scores(predictor, y.values, named, strict)
               if predictor.task == "classification" else None)
    if classes is not None:
        y = replace(y, values=by_output_names(predictor, y.values))
        y, warnings = known_labels(y, classes, strict, predictor.outputs.all_names or ())
        warnings += classes.doubts
    elif strict and predictor.task == "regression":
        read = as_numbers(y, len(questions.output_names))
        if read is not y and any(isinstance(v, str) for v in y.values.reshape(-1).tolist()):
            warnings.append(TEXT_OF_NUMBERS)
        y = read
    known = classes is not None and strange_labels(y.values, classes.values) is None
    ready = Scoring(scorers, y, weights, predictor.columns,
                    blocks, known or (y.values.dtype.kind not in "iuf" and y.values.ndim == 1))
    as_is = replay_of(predictor, questions.table, questions.base, classes)
    scores = ready(as_is)
    ready = ready.with_known(as_is, scores)
    warnings += too_small(y)
    return ScoreWork(questions, shuffles, ready, classes, scores, as_is.reading, tuple(warnings))


def too_small(y: Labels) -> list[str]:
    """Warn of numbers whose squares vanish, so that scores of squares are not what they seem."""
    largest = np.abs(y.values).max(initial=0.0) if y.values.dtype.kind == "f" else 0.0
    return [f"No number in y exceeds {SMALLEST:g}: the squares of such numbers vanish, and with "
            "them what scores such as R² and squared errors are made of. Multiply y, and wrap a "
            "function that multiplies the answers alike."] if 0 < largest < SMALLEST else []


def decisions(questions: TableQuestions) -> np.ndarray:
    """Return what `predict` names for the rows of a table as it is, of the targets kept."""
    named = of_targets_kept(questions.predictor, "predict", questions.base("predict"))
    return named[:, 0] if named.ndim > 1 and named.shape[1] == 1 else named


@dataclass(frozen=True)
class ChangeWork:
    """Measures how far the output moves; goes to workers whole."""

    questions: TableQuestions
    shuffles: Shuffles
    weights: np.ndarray | None

    def __call__(self, unit: int) -> tuple[Found, Ledger]:
        """Return the mean changes by row and by repeat, (n_rows or n_repeats, n_outputs).

        Rows are in the order of their content.
        """
        questions, sources = self.questions.spawn(), self.shuffles.of(unit)
        change = np.abs(shuffled(questions, unit, sources) - questions.base())
        repeats = change.mean(axis=1)
        if self.weights is not None:
            repeats = np.average(change, axis=1, weights=self.weights)
            # How far a row moves the mean is its weight times its distance from it.
            relative = (self.weights / self.weights.mean())[:, None]
            change = repeats.mean(axis=0) + relative * (change - repeats.mean(axis=0))
        given = np.empty_like(change)
        for r, source in enumerate(sources):
            given[r, source] = change[r]
        # A row takes part twice, taking a value and giving its own (Hoeffding's projection): an
        # interval from the takers alone would be half as wide as it has to be.
        by_row = change.mean(axis=0) + given.mean(axis=0) - change.mean(axis=(0, 1))
        return (by_row[self.shuffles.order], repeats), questions.ledger

    def numbers(self, found: list[Found], confidence: float) -> dict[str, Any]:
        """Summarise the units' changes: values, errors, intervals and details."""
        by_row = np.stack([rows for rows, _ in found], axis=1)
        n, *shape = by_row.shape
        lower, upper = bootstrap_means(by_row.reshape(n, -1), N_BOOTSTRAP, confidence,
                                       stream(self.shuffles.seed, "bootstrap"))
        return {
            "values": by_row.mean(axis=0), "standard_errors": errors_of_means(by_row),
            "lower": lower.reshape(shape), "upper": upper.reshape(shape),
            "details": {"repeats": np.stack([repeats.T for _, repeats in found])},
            "output_names": self.questions.output_names,
        }


@dataclass(frozen=True)
class ScoreWork:
    """Measures what scores lose; goes to workers whole.

    `scores` (n_scorers,) are those with nothing shuffled; `reading` says how the answers name a
    class; `warnings` are about the labels in y.
    """

    questions: TableQuestions
    shuffles: Shuffles
    scoring: Scoring
    classes: Classes | None
    scores: np.ndarray
    reading: Reading | None
    warnings: tuple[str, ...]

    def __call__(self, unit: int) -> tuple[Found, Ledger]:
        """Return the drops of each repeat, and the mean drops with each block left out.

        Arrays (n_scorers, n_repeats) and (n_scorers, n_blocks).
        """
        questions, sources = self.questions.spawn(), self.shuffles.of(unit)
        known: dict[str | None, np.ndarray] = {}

        def answers(repeat: Any, method: str | None) -> np.ndarray:
            if method not in known:
                known[method] = shuffled(questions, unit, sources, method)
            return known[method][repeat]

        predictor, own = questions.predictor, questions.table
        as_is = replay_of(predictor, own, questions.base, self.classes, self.reading)

        def replay(repeat: Any) -> Replay:
            """Return the replay of a shuffle, or of rows from several: (repeats, rows)."""
            table = borrow_columns(own, questions.units[unit], sources[repeat])
            return replay_of(predictor, table, partial(answers, repeat), self.classes, self.reading)

        drops, parts = [], []
        for r, source in enumerate(sources):
            this = replay(r)
            drops.append(self.scores - self.scoring(this))

            def without(block: int, r: int = r) -> Replay:
                return replay(self._others(sources, r, block))

            parts.append(self.scoring.drops_by_block(as_is, this, source, without))
        return (np.stack(drops, axis=-1), np.mean(parts, axis=0)), questions.ledger

    def _others(self, sources: np.ndarray, repeat: int, block: int
                ) -> tuple[np.ndarray, np.ndarray]:
        """Return, for each row, the next shuffle in which a block lends it no cell, and the row.

        If it lends one in every shuffle, it is the same shuffle.
        """
        turn = np.roll(np.arange(len(sources)), -repeat)
        lent = self.scoring.blocks.of_rows[sources[turn]] == block
        return turn[np.argmin(lent, axis=0)], np.arange(sources.shape[1])

    def numbers(self, found: list[Found], confidence: float) -> dict[str, Any]:
        """Summarise the units' drops: values, errors, intervals and details."""
        repeats = np.stack([drops for drops, _ in found])
        errors, reach = jackknife(np.stack([parts for _, parts in found]), confidence)
        values, warnings = repeats.mean(axis=-1), list(self.warnings)
        if np.isnan(errors).any() and self.scoring.blocks.wanted:
            warnings.append("Too few rows, or a class too rare, for the interval of a score.")
        return {
            "values": values, "standard_errors": errors,
            "lower": values - reach, "upper": values + reach,
            "details": {"repeats": repeats}, "output_names": tuple(self.scoring.scorers),
            "settings": {"score": self.scoring.named(self.scores)},
            "warnings": warnings,
        }
