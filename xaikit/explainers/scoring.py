"""Scores of a model's answers, on all rows and with blocks of rows left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import get_scorer

from xaikit.explainers.replay import Replay
from xaikit.predictor.answers import LARGEST
from xaikit.tables.tables import take_rows

BLOCKS = 10
"""Parts of the rows left out in turn for the standard error of a score."""


@dataclass(frozen=True)
class Scoring:
    """Scorers, the labels they compare answers with, and blocks of rows.

    Attributes
    ----------
    scorers : dict of name to callable
    y : array (n_rows, …)
    blocks : int array (n_rows,)
        The block of each row.
    """

    scorers: dict[str, Callable[..., float]]
    y: np.ndarray
    blocks: np.ndarray

    def __call__(self, replay: Replay, rows: np.ndarray | None = None) -> np.ndarray:
        """Compute the scores of a table's rows, all by default: (n_scorers,)."""
        everyone = rows is None or len(rows) == len(self.y)
        replay.rows = np.arange(len(self.y)) if rows is None else rows
        part = replay.table if everyone else take_rows(replay.table, replay.rows)
        labels = self.y[replay.rows]
        scores = [float(scorer(replay, part, labels)) for scorer in self.scorers.values()]
        if not np.all(np.abs(scores) <= LARGEST):  # NaN is not either
            raise ValueError(f"a score is not finite, or beyond ±{LARGEST:g}, so that drops and "
                             f"their squares overflow: {self.named(scores)}.")
        return np.array(scores)

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
        if len(rows) < 2:
            return False
        return self.y.dtype.kind in "fc" or len(np.unique(self.y[rows])) == len(np.unique(self.y))


def scorers_of(scoring: Any, task: str | None) -> dict[str, Callable[..., float]]:
    """Return scorers by name; those of a task if none are given.

    Raises
    ------
    ValueError
        If there is neither a scorer nor a known task, or no scorer of a name.
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
    named = {}
    for one in scoring if isinstance(scoring, list | tuple) else [scoring]:
        name = one if isinstance(one, str) else getattr(one, "__name__", repr(one))
        named[name] = get_scorer(one) if isinstance(one, str) else one
        if not callable(named[name]):
            raise TypeError("scoring must be a scorer's name, a function of (estimator, X, y), or "
                            f"a list of them; got {one!r}.")
    return named


def labels_of(y: Any, n_rows: int) -> np.ndarray:
    """Return labels as an array; raise if they do not fit the rows or some are missing."""
    labels = np.asarray(y)
    if labels.shape[:1] != (n_rows,):
        raise ValueError(f"y has shape {labels.shape}, expected one label for each of the "
                         f"{n_rows} rows.")
    if pd.isna(labels).any():
        raise ValueError("y holds NaN or missing labels; leave those rows out.")
    return labels


def random_blocks(n_rows: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the block of each row. Blocks balanced by label would vary too little."""
    n_blocks = min(BLOCKS, n_rows // 2)
    return rng.permutation(n_rows) % max(n_blocks, 1)
