"""Scores of a model's answers, on all rows and with blocks of rows left out."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import get_scorer

from xaikit.errors import XaikitError
from xaikit.explainers.refused_scorers import Refused, why_not
from xaikit.explainers.replay import Replay
from xaikit.predictor.answers import LARGEST
from xaikit.tables.schema import Schema
from xaikit.tables.tables import rows_of
from xaikit.tables.targets import Labels
from xaikit.tables.wording import cut

BLOCKS = 10
"""Parts of the rows left out in turn for the standard error of a score."""


@dataclass(frozen=True)
class Scoring:
    """Scorers, the labels they compare answers with, and blocks of rows.

    Attributes
    ----------
    scorers : dict of name to callable
    y : Labels
    weights : array (n_rows,) or None
    schema : Schema
        Turns rows back into what the user passed, for scorers that look at them.
    blocks : int array (n_rows,)
        The block of each row.
    by_class : bool
        Whether rows of every class are needed for a score, or just two rows.
    """

    scorers: dict[str, Callable[..., float]]
    y: Labels
    weights: np.ndarray | None
    schema: Schema
    blocks: np.ndarray
    by_class: bool

    def __call__(self, replay: Replay, rows: np.ndarray | None = None) -> np.ndarray:
        """Compute the scores of a table's rows, all by default: (n_scorers,)."""
        replay.rows = np.arange(len(self.y)) if rows is None else rows
        scores = [self._score(name, replay) for name in self.scorers]
        if not np.all(np.abs(scores) <= LARGEST):  # NaN is not either
            raise ValueError(f"a score is not finite, or beyond ±{LARGEST:g}, so that drops and "
                             f"their squares overflow: {self.named(scores)}.")
        return np.array(scores)

    def _score(self, name: str, replay: Replay) -> float:
        """Call a scorer with the rows to score, their own index, labels and weights."""
        scorer, rows = self.scorers[name], replay.rows
        part, labels = rows_of(replay.table, rows), self.y.of(rows)
        # scikit-learn's scorers pass on what they are handed; only a user's looks at it.
        replay.handed = part if of_sklearn(scorer) else self.schema.native(part)
        weights = {} if self.weights is None else {"sample_weight": self.weights[rows]}

        def score(other: Any) -> float:
            return float(other(replay, replay.handed, labels, **weights))

        try:
            return score(scorer)
        except (AttributeError, IndexError, TypeError, ValueError) as error:
            if isinstance(error, XaikitError) or not of_sklearn(scorer):
                raise
            refused = Refused(name, scorer, replay, np.asarray(labels), str(error), score)
            raise ValueError(
                f"the scorer {name!r} cannot score these rows: {why_not(refused)} "
                f"scikit-learn says: {cut(error, 200)}") from error

    def named(self, scores: Any) -> dict[str, float]:
        """Return scores by name."""
        return dict(zip(self.scorers, np.asarray(scores).tolist(), strict=True))

    def drops_by_block(
        self, as_is: Replay, shuffled: Replay, givers: np.ndarray
    ) -> np.ndarray:
        """Compute what the scores lose with each block left out, (n_scorers, n_blocks).

        With a block go its rows and the rows that were given its cells: both are samples. Both
        scores are of the rows that stay, so a feature without effect drops by exactly 0.

        Parameters
        ----------
        as_is, shuffled : Replay
        givers : int array (n_rows,)
            The row that each row's cells come from.

        Returns
        -------
        array (n_scorers, n_blocks)
            NaN where too few rows stay.
        """
        n_blocks = self.blocks.max() + 1
        drops = np.full((len(self.scorers), n_blocks), np.nan)
        for block in range(n_blocks if n_blocks > 1 else 0):
            rows = np.flatnonzero((self.blocks != block) & (self.blocks[givers] != block))
            if self._scorable(rows):
                drops[:, block] = self(as_is, rows) - self(shuffled, rows)
        return drops

    def _scorable(self, rows: np.ndarray) -> bool:
        """Return whether rows are enough for a score: two numbers, or every class."""
        part, everyone = self._counted(rows), self._counted(np.arange(len(self.y)))
        if len(part) < 2:
            return False
        return not self.by_class or len(np.unique(part)) == len(np.unique(everyone))

    def _counted(self, rows: np.ndarray) -> np.ndarray:
        """Return the labels of those rows that have a weight."""
        return self.y.values[rows if self.weights is None else rows[self.weights[rows] > 0]]


def of_sklearn(scorer: Any) -> bool:
    """Return whether a scorer is one of scikit-learn's, or made by it, and no plain function."""
    return hasattr(scorer, "set_score_request")


def scorers_of(scoring: Any, task: str | None, weighted: bool = False
               ) -> dict[str, Callable[..., float]]:
    """Return scorers by name; those of a task if none are given.

    Raises
    ------
    ValueError
        If there is neither a scorer nor a known task, no scorer of a name, or a function that
        takes no weights where there are some.
    TypeError
        If something is not a scorer.
    """
    if scoring is None:
        if task is None:
            raise ValueError(
                "y was given, but whether the model classifies or regresses is not known: wrap it "
                "with xk.wrap(model, task='classification' or 'regression'), or choose scoring."
            )
        scoring = "accuracy" if task == "classification" else "r2"
    named: dict[str, Any] = {}
    for one in scoring if isinstance(scoring, list | tuple) else [scoring]:
        name = one if isinstance(one, str) else getattr(one, "__name__", repr(one))
        if named.get(name, one) is not one and not isinstance(one, str):
            raise ValueError(f"scoring holds two scorers of the name {name!r}; name them apart.")
        named[name] = get_scorer(one) if isinstance(one, str) else one
        if not callable(named[name]):
            raise TypeError("scoring must be a scorer's name, a function of (estimator, X, y), or "
                            f"a list of them; got {one!r}.")
        if weighted and not takes_weights(named[name]):
            raise ValueError(f"sample_weight was given, and the scorer {name!r} takes none: add a "
                             "parameter sample_weight to the function, or leave the weights out.")
    return named


def takes_weights(scorer: Callable[..., float]) -> bool:
    """Return whether a function can be called with ``sample_weight=``."""
    try:
        parameters = inspect.signature(scorer).parameters
    except (TypeError, ValueError):  # some written in C have none
        return True
    return "sample_weight" in parameters or any(
        p.kind is p.VAR_KEYWORD for p in parameters.values())


def random_blocks(n_rows: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the block of each row. Blocks balanced by label would vary too little."""
    n_blocks = min(BLOCKS, n_rows // 2)
    return rng.permutation(n_rows) % max(n_blocks, 1)
