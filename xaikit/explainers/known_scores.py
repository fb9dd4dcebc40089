"""Common scores from sums over rows: with each block of rows left out at the cost of one score.

scikit-learn's own scorers take a fraction of a millisecond or more for each set of rows, and a
jackknife has ten sets for every shuffle. The scores here are functions of sums over rows (hits,
losses, squares), so that one pass over the rows gives all ten. A scorer is replaced only if both
agree on all rows; see `known_score`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import pandas as pd

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
        found = [self._of_class(k, column, kept) for k, column in enumerate(scores.T)]
        weights = [there if self.average == "weighted" else np.ones_like(there)
                   for _, there in found]
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(sum(score * w for (score, _), w in zip(found, weights, strict=True))
                              / sum(weights))

    def _of_class(self, k: int, scores: np.ndarray, kept: Kept) -> tuple[np.ndarray, np.ndarray]:
        """Return the score of one class against the others, and its weight: (n_blocks,) each."""
        order = np.argsort(-scores, kind="stable")
        ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
        ones = np.ones(len(scores)) if self.weights is None else self.weights
        positive, found = self.truth[order] == k, np.full(kept.n_blocks, np.nan)
        there = np.zeros(kept.n_blocks)
        for block in range(kept.n_blocks):
            weights = (ones * kept.mask(block))[order]
            hits, misses = (np.cumsum(weights * of)[ends] for of in (positive, ~positive))
            there[block] = hits[-1]
            if hits[-1] > 0 and misses[-1] > 0:
                found[block] = self.finish(hits, misses)
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
    if name in _PAIRS:
        return OfPairs(truth, classes, weights, _PAIRS[name])
    if name in _EACH_CLASS:
        return OfRanks(truth, weights, "predict_proba", _area, _EACH_CLASS[name])
    # These take the second of the sorted classes for the positive one.
    if len(classes) == 2 and classes[0] < classes[1]:
        if name in _RANKS:
            method = next((m for m in ("decision_function", "predict_proba") if methods(m)), None)
            return None if method is None else OfRanks(truth, weights, method, _RANKS[name])
        if name == "neg_brier_score":
            return OfLosses(truth, weights, _brier, np.negative, "predict_proba")
    return OfLosses(truth, weights, _log_loss, np.negative, "predict_proba") \
        if name == "neg_log_loss" else None


def agrees(score: float, theirs: float) -> bool:
    """Return whether a score is the scorer's, but for rounding."""
    return abs(score - theirs) <= _AGREES * max(1.0, abs(theirs))


def _of_regression(name: str, y: np.ndarray, weights: np.ndarray | None) -> KnownScore | None:
    if y.dtype.kind not in "biuf":
        return None
    truth = y.astype(np.float64)
    if name in ("r2", "explained_variance"):
        return OfSquares(truth, weights, name != "r2")
    if name not in _LOSSES:
        return None
    return OfLosses(truth, weights, *_LOSSES[name])


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


def _square(truth: np.ndarray, said: np.ndarray) -> np.ndarray | None:
    return None if said.shape != truth.shape else np.asarray((truth - said) ** 2)


def _absolute(truth: np.ndarray, said: np.ndarray) -> np.ndarray | None:
    return None if said.shape != truth.shape else np.asarray(np.abs(truth - said))


def _square_of_logs(truth: np.ndarray, said: np.ndarray) -> np.ndarray | None:
    if (truth < 0).any() or (said < 0).any():
        return None
    return _square(np.log1p(truth), np.log1p(said))


def _relative(truth: np.ndarray, said: np.ndarray) -> np.ndarray | None:
    off = _absolute(truth, said)
    return None if off is None else off / np.maximum(np.abs(truth), np.finfo(np.float64).eps)


def _log_loss(truth: np.ndarray, said: np.ndarray) -> np.ndarray | None:
    tiny = np.finfo(np.float64).eps
    return np.asarray(-np.log(np.clip(said[np.arange(len(said)), truth], tiny, 1 - tiny)))


def _brier(truth: np.ndarray, said: np.ndarray) -> np.ndarray | None:
    return np.asarray((truth - said[:, 1]) ** 2)


def _accuracy(pairs: np.ndarray) -> np.ndarray:
    return np.asarray(np.trace(pairs, axis1=1, axis2=2) / pairs.sum(axis=(1, 2)))


def _balanced_accuracy(pairs: np.ndarray) -> np.ndarray:
    there = pairs.sum(axis=2)
    shares = np.where(there > 0, np.diagonal(pairs, axis1=1, axis2=2) / there, 0.0)
    return np.asarray(shares.sum(axis=1) / (there > 0).sum(axis=1))


def _matthews(pairs: np.ndarray) -> np.ndarray:
    """Compute the correlation of true and predicted classes (Gorodkin 2004); 0 if one is alone."""
    n, true, said = pairs.sum(axis=(1, 2)), pairs.sum(axis=2), pairs.sum(axis=1)
    covariance = np.trace(pairs, axis1=1, axis2=2) * n - (true * said).sum(axis=1)
    spread = np.sqrt((n**2 - (true**2).sum(axis=1)) * (n**2 - (said**2).sum(axis=1)))
    return np.where(spread > 0, covariance / spread, 0.0)


def _by_class(pairs: np.ndarray, score: Callable[..., tuple[np.ndarray, np.ndarray]],
              average: str) -> np.ndarray:
    """Compute a score of each class, hits over a sum, and its mean over classes.

    `score` takes the hits of each class and how often it is true and predicted. Classes that are
    nowhere do not count; a class with nothing to divide by has 0.
    """
    hits = np.diagonal(pairs, axis1=1, axis2=2)
    true, said = pairs.sum(axis=2), pairs.sum(axis=1)
    if average == "micro":
        over, under = score(*(part.sum(axis=1) for part in (hits, true, said)))
        return np.asarray(over / under)
    over, under = score(hits, true, said)
    each = np.where(under > 0, over / under, 0.0)
    if average == "binary":
        return each[:, 1] if each.shape[1] == 2 else np.full(len(each), np.nan)
    counts = true + said > 0 if average == "macro" else true
    return np.asarray((each * counts).sum(axis=1) / counts.sum(axis=1))


def _area(hits: np.ndarray, misses: np.ndarray) -> float:
    """Compute the area under the curve of both, whose corners are at each answer."""
    middles = hits - np.diff(hits, prepend=0.0) / 2
    return float((np.diff(misses, prepend=0.0) * middles).sum() / (hits[-1] * misses[-1]))


def _average_precision(hits: np.ndarray, misses: np.ndarray) -> float:
    """Compute the mean precision over the positive rows, at the answer of each."""
    more, said = np.diff(hits, prepend=0.0), hits + misses
    return float((more * hits / np.where(said > 0, said, 1.0)).sum() / hits[-1])


_RANKS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "roc_auc": _area, "average_precision": _average_precision,
}
_EACH_CLASS = {"roc_auc_ovr": "macro", "roc_auc_ovr_weighted": "weighted"}
_OF_CLASSES: dict[str, Callable[..., tuple[Any, Any]]] = {
    "f1": lambda hits, true, said: (2 * hits, true + said),
    "precision": lambda hits, true, said: (hits, said),
    "recall": lambda hits, true, said: (hits, true),
    "jaccard": lambda hits, true, said: (hits, true + said - hits),
}
_PAIRS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "accuracy": _accuracy, "balanced_accuracy": _balanced_accuracy,
    "matthews_corrcoef": _matthews,
    **{name: partial(_by_class, score=score, average="binary")
       for name, score in _OF_CLASSES.items()},
    **{f"{name}_{average}": partial(_by_class, score=score, average=average)
       for name, score in _OF_CLASSES.items() for average in ("macro", "micro", "weighted")},
}
_LOSSES: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "neg_mean_squared_error": (_square, np.negative),
    "neg_mean_absolute_error": (_absolute, np.negative),
    "neg_root_mean_squared_error": (_square, lambda mean: -np.sqrt(mean)),
    "neg_mean_squared_log_error": (_square_of_logs, np.negative),
    "neg_root_mean_squared_log_error": (_square_of_logs, lambda mean: -np.sqrt(mean)),
    "neg_mean_absolute_percentage_error": (_relative, np.negative),
}
