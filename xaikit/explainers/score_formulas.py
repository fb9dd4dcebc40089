"""The formulas of scikit-learn's scores: of a row's loss, of pairs of classes, of ranks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy.special import xlogy

TINY = float(np.finfo(np.float64).eps)


def row_by_row(loss: Callable[..., np.ndarray], least: float = -np.inf, above: float = -np.inf
               ) -> Callable[[np.ndarray, np.ndarray], np.ndarray | None]:
    """Return a loss of true and predicted numbers; None where no score is defined.

    Parameters
    ----------
    loss : callable
    least : float
        The least number that may be true.
    above : float
        Below all numbers that may be predicted.
    """
    def checked(truth: np.ndarray, said: np.ndarray) -> np.ndarray | None:
        defined = said.shape == truth.shape and truth.min() >= least and said.min() > above
        return np.asarray(loss(truth, said)) if defined else None
    return checked


def _poisson(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    return np.asarray(2 * (xlogy(y, y / p) - y + p))


def _gamma(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    return np.asarray(2 * (np.log(p / y) + y / p - 1))


def log_loss(truth: np.ndarray, said: np.ndarray) -> np.ndarray:
    """Compute −log of each row's probability of its class."""
    return np.asarray(-np.log(np.clip(said[np.arange(len(said)), truth], TINY, 1 - TINY)))


def brier(truth: np.ndarray, said: np.ndarray) -> np.ndarray:
    """Compute each row's squared error of all probabilities; of two classes, of one of them."""
    if said.shape[1] == 2:
        return np.asarray((truth - said[:, 1]) ** 2)
    return np.asarray((((np.arange(said.shape[1]) == truth[:, None]) - said) ** 2).sum(axis=1))


def among_first(truth: np.ndarray, said: np.ndarray) -> np.ndarray | None:
    """Return whether each row's class is one of the two with the largest answers."""
    if said.ndim < 2:
        return None
    first = np.argsort(said, axis=1, kind="stable")[:, -2:]
    return np.asarray((first == truth[:, None]).any(axis=1), dtype=np.float64)


def entropy(shares: np.ndarray) -> np.ndarray:
    """Compute the log-loss of always answering with the shares of the classes, (n_blocks, k)."""
    return np.asarray(-xlogy(shares, shares).sum(axis=1))


def impurity(shares: np.ndarray) -> np.ndarray:
    """Compute the Brier score of always answering with the shares of the classes."""
    gini = 1 - (shares**2).sum(axis=1)
    return np.asarray(gini / 2 if shares.shape[1] == 2 else gini)


def _absolute_skill(y: np.ndarray, p: np.ndarray) -> float:
    return float(1 - np.abs(y - p).mean() / np.abs(y - np.median(y)).mean())


def _positive_likelihood(pairs: np.ndarray) -> np.ndarray:
    """Compute the share of hits over the share of false alarms; 1 if there are none."""
    return _odds(pairs, 1)


def _negative_likelihood(pairs: np.ndarray) -> np.ndarray:
    """Compute minus the share of misses over the share of rightly refused; 1 if there are none."""
    return -_odds(pairs, 0)


def _odds(pairs: np.ndarray, said: int) -> np.ndarray:
    if pairs.shape[1] != 2:
        return np.full(len(pairs), np.nan)
    shares = pairs[:, :, said] / pairs.sum(axis=2)
    return np.where(pairs[:, 0, said] == 0, 1.0, shares[:, 1] / shares[:, 0])


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


def area(hits: np.ndarray, misses: np.ndarray) -> float:
    """Compute the area under the curve of both, whose corners are at each answer."""
    middles = hits - np.diff(hits, prepend=0.0) / 2
    return float((np.diff(misses, prepend=0.0) * middles).sum() / (hits[-1] * misses[-1]))


def average_precision(hits: np.ndarray, misses: np.ndarray) -> float:
    """Compute the mean precision over the positive rows, at the answer of each."""
    more, said = np.diff(hits, prepend=0.0), hits + misses
    return float((more * hits / np.where(said > 0, said, 1.0)).sum() / hits[-1])


RANKS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "roc_auc": area, "average_precision": average_precision,
}
EACH_CLASS = {"roc_auc_ovr": "macro", "roc_auc_ovr_weighted": "weighted"}
EACH_PAIR = {"roc_auc_ovo": "macro", "roc_auc_ovo_weighted": "weighted"}
_OF_CLASSES: dict[str, Callable[..., tuple[Any, Any]]] = {
    "f1": lambda hits, true, said: (2 * hits, true + said),
    "precision": lambda hits, true, said: (hits, said),
    "recall": lambda hits, true, said: (hits, true),
    "jaccard": lambda hits, true, said: (hits, true + said - hits),
}
PAIRS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "accuracy": _accuracy, "balanced_accuracy": _balanced_accuracy,
    "matthews_corrcoef": _matthews,
    "positive_likelihood_ratio": _positive_likelihood,
    "neg_negative_likelihood_ratio": _negative_likelihood,
    **{name: partial(_by_class, score=score, average="binary")
       for name, score in _OF_CLASSES.items()},
    **{f"{name}_{average}": partial(_by_class, score=score, average=average)
       for name, score in _OF_CLASSES.items() for average in ("macro", "micro", "weighted")},
}
_square = row_by_row(lambda y, p: (y - p) ** 2)
_square_of_logs = row_by_row(lambda y, p: (np.log1p(y) - np.log1p(p)) ** 2, 0, -TINY)
LOSSES: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "neg_mean_squared_error": (_square, np.negative),
    "neg_mean_absolute_error": (row_by_row(lambda y, p: np.abs(y - p)), np.negative),
    "neg_root_mean_squared_error": (_square, lambda mean: -np.sqrt(mean)),
    "neg_mean_squared_log_error": (_square_of_logs, np.negative),
    "neg_root_mean_squared_log_error": (_square_of_logs, lambda mean: -np.sqrt(mean)),
    "neg_mean_absolute_percentage_error": (
        row_by_row(lambda y, p: np.abs(y - p) / np.maximum(np.abs(y), TINY)), np.negative),
    "neg_mean_poisson_deviance": (row_by_row(_poisson, 0, 0), np.negative),
    "neg_mean_gamma_deviance": (row_by_row(_gamma, TINY, 0), np.negative),
}
OF_ROWS: dict[str, Callable[[np.ndarray, np.ndarray], Any]] = {
    "neg_max_error": lambda y, p: -np.abs(y - p).max(),
    "neg_median_absolute_error": lambda y, p: -np.median(np.abs(y - p)),
    "d2_absolute_error_score": _absolute_skill,
}
