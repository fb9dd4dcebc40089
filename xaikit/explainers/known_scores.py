"""Common scores from sums over rows: with each block of rows left out at the cost of one score.

scikit-learn's own scorers take a fraction of a millisecond or more for each set of rows, and a
jackknife has ten sets for every shuffle. The scores here are functions of sums over rows (hits,
losses, squares), so that one pass over the rows gives all ten. A scorer is replaced only if both
agree on all rows; see `known_score`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Protocol

import numpy as np
import pandas as pd

from xaikit.explainers.score_formulas import (
    EACH_CLASS,
    EACH_PAIR,
    LOSSES,
    OF_ROWS,
    PAIRS,
    RANKS,
    among_first,
    area,
    brier,
    entropy,
    impurity,
    log_loss,
)
from xaikit.tables.targets import class_codes

_MOST_CLASSES = 30
"""Pairs of a true and a predicted class are counted as long as they are few."""
_AGREES = 1e-9
"""How far a score may be from the scorer's, relative to the larger of 1 and the score."""


class KnownScore(Protocol):
    """A score of many sets of rows at once, from answers to all rows."""

    @property
    def method(self) -> str:
        """The method of the estimator whose answers are scored."""

    def kept(self, answers: Any, kept: Kept) -> np.ndarray | None:
        """Return the score of the rows that each block leaves, (n_blocks,); NaN where not known.

        None if the answers cannot be read.
        """


@dataclass(frozen=True)
class Kept:
    """The rows that stay when a block goes, and with it the rows that were given its cells.

    Attributes
    ----------
    blocks, givers : int arrays (n_rows,)
        The block of each row, and of the row that its cells come from.
    n_blocks : int
    """

    blocks: np.ndarray
    givers: np.ndarray
    n_blocks: int

    def sums(self, terms: np.ndarray) -> np.ndarray:
        """Return sums over the rows that each block leaves, (n_blocks, n_terms)."""
        both = self.blocks == self.givers
        return np.stack([self._sum(term, both) for term in terms.T], axis=1)

    def counts(self, codes: np.ndarray, n_codes: int, weights: np.ndarray | None) -> np.ndarray:
        """Return the weights of the codes that each block leaves, (n_blocks, n_codes)."""
        both = self.blocks == self.givers
        total = np.bincount(codes, weights, n_codes)
        gone = self._table(self.blocks, codes, n_codes, weights) \
            + self._table(self.givers, codes, n_codes, weights) \
            - self._table(self.blocks[both], codes[both], n_codes,
                          None if weights is None else weights[both])
        return np.asarray(total - gone, dtype=np.float64)

    def mask(self, block: int) -> np.ndarray:
        """Return which rows a block leaves."""
        return (self.blocks != block) & (self.givers != block)

    def _sum(self, term: np.ndarray, both: np.ndarray) -> np.ndarray:
        gone = np.bincount(self.blocks, term, self.n_blocks) \
            + np.bincount(self.givers, term, self.n_blocks) \
            - np.bincount(self.blocks[both], term[both], self.n_blocks)
        return np.asarray(term.sum() - gone)

    def _table(self, blocks: np.ndarray, codes: np.ndarray, n_codes: int,
               weights: np.ndarray | None) -> np.ndarray:
        return np.bincount(blocks * n_codes + codes, weights,
                           self.n_blocks * n_codes).reshape(self.n_blocks, n_codes)


@dataclass(frozen=True)
class OfPairs:
    """A score of the weights of all pairs of a true and a predicted class."""

    truth: np.ndarray
    classes: Any
    weights: np.ndarray | None
    finish: Callable[[np.ndarray], np.ndarray]
    method: str = "predict"

    def kept(self, answers: Any, kept: Kept) -> np.ndarray | None:
        """See `KnownScore`."""
        said, k = _codes(np.asarray(answers), self.classes), len(self.classes)
        if said is None:
            return None
        pairs = kept.counts(self.truth * k + said, k * k, self.weights)
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.finish(pairs.reshape(-1, k, k))


@dataclass(frozen=True)
class OfLosses:
    """A score that is a function of the mean loss of a row."""

    truth: np.ndarray
    weights: np.ndarray | None
    loss: Callable[[np.ndarray, np.ndarray], np.ndarray | None]
    finish: Callable[[np.ndarray], np.ndarray]
    method: str = "predict"

    def kept(self, answers: Any, kept: Kept) -> np.ndarray | None:
        """See `KnownScore`."""
        losses = self.loss(self.truth, np.asarray(answers, dtype=np.float64))
        if losses is None:
            return None
        ones = np.ones(len(losses)) if self.weights is None else self.weights
        sums = kept.sums(np.stack([losses * ones, ones], axis=1))
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.finish(sums[:, 0] / sums[:, 1])


@dataclass(frozen=True)
class OfSquares:
    """R², 1 − Σw(y − p)² / Σw(y − ȳ)², with ȳ the mean of the rows that stay.

    With `centred`, the explained variance: the mean of y − p is taken off as well.
    """

    truth: np.ndarray
    weights: np.ndarray | None
    centred: bool = False
    method: str = "predict"

    def kept(self, answers: Any, kept: Kept) -> np.ndarray | None:
        """See `KnownScore`."""
        said = np.asarray(answers, dtype=np.float64)
        if said.shape != self.truth.shape:
            return None
        ones = np.ones(len(said)) if self.weights is None else self.weights
        y = self.truth - np.average(self.truth, weights=self.weights)
        miss = self.truth - said
        if self.centred:
            miss = miss - np.average(miss, weights=self.weights)
        off, mean, n, first, second = kept.sums(np.stack(
            [miss**2, miss, np.ones(len(y)), y, y * y], axis=1) * ones[:, None]).T
        with np.errstate(invalid="ignore", divide="ignore"):
            spread = second - first**2 / n
            off = off - mean**2 / n if self.centred else off
            # Where almost all of the spread has gone, what is left is rounding.
            return np.asarray(np.where(spread > 1e-9 * (y * y * ones).sum(), 1 - off / spread,
                                       np.nan))


@dataclass(frozen=True)
class OfSkill:
    """1 − the mean loss of a row over that of always answering with the shares of the classes."""

    truth: np.ndarray
    weights: np.ndarray | None
    loss: Callable[[np.ndarray, np.ndarray], np.ndarray]
    without: Callable[[np.ndarray], np.ndarray]
    method: str = "predict_proba"

    def kept(self, answers: Any, kept: Kept) -> np.ndarray | None:
        """See `KnownScore`."""
        said = np.asarray(answers, dtype=np.float64)
        counts = kept.counts(self.truth, said.shape[1], self.weights)
        ones = np.ones(len(said)) if self.weights is None else self.weights
        n = counts.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            least = self.without(counts / n[:, None])
            lost = kept.sums((self.loss(self.truth, said) * ones)[:, None])[:, 0] / n
            return np.asarray(np.where(least > 0, 1 - lost / least, np.nan))


@dataclass(frozen=True)
class OfRows:
    """A score of numbers that no sums can give, such as a median: computed for each block."""

    truth: np.ndarray
    score: Callable[[np.ndarray, np.ndarray], Any]
    method: str = "predict"

    def kept(self, answers: Any, kept: Kept) -> np.ndarray | None:
        """See `KnownScore`."""
        said = np.asarray(answers, dtype=np.float64)
        if said.shape != self.truth.shape:
            return None
        masks = [kept.mask(block) for block in range(kept.n_blocks)]
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.array([self.score(self.truth[rows], said[rows]) if rows.any() else np.nan
                             for rows in masks])


@dataclass(frozen=True)
class OfRanks:
    """A score of the order of two classes' answers, from one sort for all blocks.

    With `average`, the mean over the classes of the score of each against all others.
    """

    truth: np.ndarray
    weights: np.ndarray | None
    method: str
    finish: Callable[[np.ndarray, np.ndarray], float]
    average: str | None = None

    def kept(self, answers: Any, kept: Kept) -> np.ndarray | None:
        """See `KnownScore`."""
        scores = np.asarray(answers, dtype=np.float64)
        if self.average is None or scores.ndim == 1 or scores.shape[1] < 3:
            return self._of_class(1, scores if scores.ndim == 1 else scores[:, -1], kept)[0]
        return _mean([self._of_class(k, column, kept) for k, column in enumerate(scores.T)],
                     self.average)

    def _of_class(self, k: int, scores: np.ndarray, kept: Kept) -> tuple[np.ndarray, np.ndarray]:
        """Return the score of one class against the others, and its weight: (n_blocks,) each."""
        return _by_rank(self.truth == k, scores, self.weights, kept, self.finish)


@dataclass(frozen=True)
class OfDuels:
    """The mean over pairs of classes of the score of each against the other (Hand & Till 2001)."""

    truth: np.ndarray
    average: str
    finish: Callable[[np.ndarray, np.ndarray], float]
    method: str = "predict_proba"

    def kept(self, answers: Any, kept: Kept) -> np.ndarray | None:
        """See `KnownScore`."""
        scores, found = np.asarray(answers, dtype=np.float64), []
        for a, b in combinations(range(scores.shape[1]), 2):
            rows = (self.truth == a) | (self.truth == b)
            own = Kept(kept.blocks[rows], kept.givers[rows], kept.n_blocks)
            one, other = (_by_rank(self.truth[rows] == k, scores[rows, k], None, own, self.finish)
                          for k in (a, b))
            found.append(((one[0] + other[0]) / 2, one[1] + other[1]))
        return _mean(found, self.average)


def _mean(found: list[tuple[np.ndarray, np.ndarray]], average: str) -> np.ndarray:
    """Return the mean of scores, "weighted" or not, for each block."""
    weights = [there if average == "weighted" else np.ones_like(there) for _, there in found]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sum(score * w for (score, _), w in zip(found, weights, strict=True))
                          / sum(weights))


def _by_rank(positive: np.ndarray, scores: np.ndarray, weights: np.ndarray | None, kept: Kept,
             finish: Callable[[np.ndarray, np.ndarray], float]) -> tuple[np.ndarray, np.ndarray]:
    """Return a score of ranks, and how much is positive, of what each block leaves."""
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    ones = np.ones(len(scores)) if weights is None else weights
    positive, found = positive[order], np.full(kept.n_blocks, np.nan)
    there = np.zeros(kept.n_blocks)
    for block in range(kept.n_blocks):
        left = (ones * kept.mask(block))[order]
        hits, misses = (np.cumsum(left * of)[ends] for of in (positive, ~positive))
        there[block] = hits[-1]
        if hits[-1] > 0 and misses[-1] > 0:
            found[block] = finish(hits, misses)
    return found, there


def known_score(name: str, y: np.ndarray, weights: np.ndarray | None, classes: Any,
                methods: Callable[[str], bool]) -> KnownScore | None:
    """Return the score of a scikit-learn scorer's name, None if it is not known here.

    Parameters
    ----------
    name : str
    y : array (n_rows,)
        Labels, or numbers of a regression.
    weights : array (n_rows,) or None
    classes : array or None
        Of a classifier, in the order of its answers.
    methods : callable
        Returns whether the estimator has a method.
    """
    if y.ndim > 1:
        return None
    if classes is None:
        return _of_regression(name, y, weights)
    if np.ndim(classes[0]) > 0 or len(classes) > _MOST_CLASSES:
        return None
    truth = _codes(y, classes)
    if truth is None:
        return None
    return _of_labels(name, truth, classes, weights) or \
        _of_probabilities(name, truth, classes, weights) or \
        _of_scores(name, truth, classes, weights, methods)


def _of_labels(name: str, truth: np.ndarray, classes: Any, weights: np.ndarray | None
               ) -> KnownScore | None:
    return OfPairs(truth, classes, weights, PAIRS[name]) if name in PAIRS else None


def _of_probabilities(name: str, truth: np.ndarray, classes: Any, weights: np.ndarray | None
                      ) -> KnownScore | None:
    if name in EACH_PAIR and weights is None and len(classes) > 2:
        return OfDuels(truth, EACH_PAIR[name], area)
    if name in {**EACH_CLASS, **EACH_PAIR}:
        return OfRanks(truth, weights, "predict_proba", area, EACH_CLASS.get(name))
    if name == "neg_log_loss":
        return OfLosses(truth, weights, log_loss, np.negative, "predict_proba")
    if name == "d2_log_loss_score":
        return OfSkill(truth, weights, log_loss, entropy)
    if not _second_is_positive(classes) and len(classes) == 2:
        return None
    if name == "neg_brier_score":
        return OfLosses(truth, weights, brier, np.negative, "predict_proba")
    return OfSkill(truth, weights, brier, impurity) if name == "d2_brier_score" else None


def _of_scores(name: str, truth: np.ndarray, classes: Any, weights: np.ndarray | None,
               methods: Callable[[str], bool]) -> KnownScore | None:
    method = next((m for m in ("decision_function", "predict_proba") if methods(m)), None)
    if method is None:
        return None
    if name == "top_k_accuracy" and len(classes) > 2:
        return OfLosses(truth, weights, among_first, np.positive, method)
    if name in RANKS and _second_is_positive(classes):
        return OfRanks(truth, weights, method, RANKS[name])
    return None


def _second_is_positive(classes: Any) -> bool:
    """Return whether there are two classes, of which scorers take the second for the positive."""
    return len(classes) == 2 and bool(classes[0] < classes[1])


def agrees(score: float, theirs: float) -> bool:
    """Return whether a score is the scorer's, but for rounding."""
    return abs(score - theirs) <= _AGREES * max(1.0, abs(theirs))


def _of_regression(name: str, y: np.ndarray, weights: np.ndarray | None) -> KnownScore | None:
    if y.dtype.kind not in "biuf":
        return None
    truth = y.astype(np.float64)
    if name in ("r2", "explained_variance"):
        return OfSquares(truth, weights, name != "r2")
    if name in OF_ROWS and weights is None:
        return OfRows(truth, OF_ROWS[name])
    return OfLosses(truth, weights, *LOSSES[name]) if name in LOSSES else None


def _codes(labels: np.ndarray, classes: Any) -> np.ndarray | None:
    """Return the positions of labels among the classes; None if one is not there."""
    if labels.ndim > 1:
        return None
    if labels.dtype.kind == "f":
        labels = labels.astype(np.float64)  # pandas has no index of other floats
    codes = pd.Index(classes).get_indexer(pd.Index(labels)) if len({*classes}) == len(classes) \
        else np.array([-1])
    if (codes < 0).any():
        codes = class_codes(labels, classes)
    return None if (codes < 0).any() else codes
