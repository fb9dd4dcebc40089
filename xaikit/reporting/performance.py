"""The model's performance beside that of a constant guess, and its calibration."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri
from sklearn import metrics

from xaikit.reporting.truth import Truth
from xaikit.sampling.seeds import stream
from xaikit.solvers.intervals import means_of
from xaikit.tables.wording import numbers

N_BOOTSTRAP = 200
N_BINS = 10


@dataclass(frozen=True)
class Measured:
    """One performance measure of the model and of the best constant guess.

    Attributes
    ----------
    name, meaning : str
    value, lower, upper, baseline : float
        NaN if unknown.
    higher_is_better : bool
    """

    name: str
    meaning: str
    value: float
    lower: float
    upper: float
    baseline: float
    higher_is_better: bool

    @property
    def beats_baseline(self) -> bool:
        """Return whether the whole interval is better than the constant guess."""
        if self.higher_is_better:
            return bool(self.lower > self.baseline)
        return bool(self.upper < self.baseline)


@dataclass(frozen=True)
class _Measure:
    name: str
    meaning: str
    higher_is_better: bool
    value: Callable[[np.ndarray, Any, np.ndarray | None], float]
    """Of the target, the field of `Truth`, and the weights."""
    of: str
    """The field of `Truth` that it is computed from: "predicted", "probabilities" or "scores"."""


def _auc(target: np.ndarray, scores: np.ndarray, weights: np.ndarray | None) -> float:
    if len(np.unique(target)) < (2 if scores.ndim == 1 else scores.shape[1]):
        return np.nan
    if scores.ndim == 1:
        return float(metrics.roc_auc_score(target, scores, sample_weight=weights))
    if scores.shape[1] == 2:
        return float(metrics.roc_auc_score(target, scores[:, 1], sample_weight=weights))
    return float(metrics.roc_auc_score(target, scores, multi_class="ovr", average="macro",
                                       sample_weight=weights))


def _log_loss(target: np.ndarray, probabilities: np.ndarray, weights: np.ndarray | None) -> float:
    labels = np.arange(probabilities.shape[1])
    return float(metrics.log_loss(target, probabilities, labels=labels, sample_weight=weights))


def _brier(target: np.ndarray, probabilities: np.ndarray, weights: np.ndarray | None) -> float:
    return float(metrics.brier_score_loss(target, probabilities[:, 1], pos_label=1,
                                          sample_weight=weights))


def _r2(target: np.ndarray, predicted: np.ndarray, weights: np.ndarray | None) -> float:
    if len(target) < 2 or np.ptp(target) == 0:
        return np.nan
    return float(metrics.r2_score(target, predicted, sample_weight=weights))


def _rmse(target: np.ndarray, predicted: np.ndarray, weights: np.ndarray | None) -> float:
    return float(np.sqrt(metrics.mean_squared_error(target, predicted, sample_weight=weights)))


def _of_metric(metric: Callable[..., float]
               ) -> Callable[[np.ndarray, Any, np.ndarray | None], float]:
    return lambda target, given, weights: float(metric(target, given, sample_weight=weights))


_ACCURACY = _Measure("accuracy", "share of rows classified correctly", True,
                     _of_metric(metrics.accuracy_score), "predicted")
_BALANCED = _Measure("balanced accuracy", "mean over classes of the share correct", True,
                     _of_metric(metrics.balanced_accuracy_score), "predicted")
_LOG_LOSS = _Measure("log-loss", "error of the probabilities; a confident mistake counts most",
                     False, _log_loss, "probabilities")
_BRIER = _Measure("Brier score", "mean squared error of the probability", False, _brier,
                  "probabilities")
_REGRESSION = (
    _Measure("R²", "share of the labels' variance explained; 0 is no better than their mean",
             True, _r2, "predicted"),
    _Measure("MAE", "mean absolute error, in units of the labels", False,
             _of_metric(metrics.mean_absolute_error), "predicted"),
    _Measure("RMSE", "root of the mean squared error; large errors count more", False, _rmse,
             "predicted"),
)


def _auc_measure(truth: Truth, source: str) -> _Measure:
    several = len(truth.classes) > 2
    meaning = ("area under the ROC curve of each class against the rest, averaged" if several else
               f"chance that a row of {truth.classes[1]} scores above one of "
               f"{truth.classes[0]}")
    return _Measure("ROC AUC", meaning, True, _auc, source)


def _measures(truth: Truth) -> list[_Measure]:
    if truth.task == "regression":
        return list(_REGRESSION)
    chosen = [_ACCURACY, _BALANCED]
    if truth.probabilities is not None:
        chosen.append(_LOG_LOSS)
        if len(truth.classes) == 2:
            chosen.append(_BRIER)
        chosen.append(_auc_measure(truth, "probabilities"))
    elif truth.scores is not None:
        chosen.append(_auc_measure(truth, "scores"))
    return chosen


def measure(truth: Truth, seed: int) -> list[Measured]:
    """Compute performance measures with bootstrap intervals, and those of a constant guess.

    The guess is the mean of the labels, or the most frequent class with the frequencies of the
    classes as probabilities. It is made from the same rows, so no constant can do better on them.
    Weights count in all of them; the rows are resampled alike, each with its weight.

    Examples
    --------
    >>> truth = Truth("regression", np.arange(4), np.array([1.0, 2.0, 3.0, 4.0]),
    ...               np.array([1.0, 2.0, 3.0, 5.0]))
    >>> [m.name for m in measure(truth, 0)], round(measure(truth, 0)[1].value, 3)
    (['R²', 'MAE', 'RMSE'], 0.25)
    """
    rng = stream(seed, "bootstrap of the performance")
    n, weights = len(truth.target), truth.weights
    resamples = [rng.integers(n, size=n) for _ in range(N_BOOTSTRAP)]
    constant = _constant(truth)
    found = []
    with warnings.catch_warnings():
        # A resample may lack a class. Then scikit-learn warns, and the measure is not finite.
        warnings.simplefilter("ignore")
        for m in _measures(truth):
            given = getattr(truth, m.of)
            drawn = [m.value(truth.target[r], given[r], None if weights is None else weights[r])
                     for r in resamples] if n > 1 else [np.nan]
            known = np.array([v for v in drawn if np.isfinite(v)])
            lower, upper = (np.quantile(known, [0.025, 0.975])
                            if len(known) > N_BOOTSTRAP // 2 else (np.nan, np.nan))
            found.append(Measured(m.name, m.meaning, m.value(truth.target, given, weights),
                                  float(lower), float(upper),
                                  m.value(truth.target, constant[m.of], weights),
                                  m.higher_is_better))
    return found


def _constant(truth: Truth) -> dict[str, np.ndarray]:
    n = len(truth.target)
    if truth.task == "regression":
        return {"predicted": np.full(n, means_of(truth.target, truth.weights))}
    shares = class_shares(truth)
    return {"predicted": np.full(n, shares.argmax()), "probabilities": np.tile(shares, (n, 1)),
            "scores": np.zeros(n)}


def class_shares(truth: Truth) -> np.ndarray:
    """Return the share of each class among the rows, by weight if there are weights."""
    counts = np.bincount(truth.target, truth.weights, len(truth.classes))
    return counts / (len(truth.target) if truth.weights is None else truth.weights.sum())


def confusion(truth: Truth, most: int = 20) -> pd.DataFrame:
    """Return counts of rows by true (down) and predicted class (across), for frequent classes.

    With weights, their sums.
    """
    k = len(truth.classes)
    codes = np.arange(k)
    if k > most:
        codes = np.sort(np.argsort(-class_shares(truth), kind="stable")[:most])
    counts = metrics.confusion_matrix(truth.target, truth.predicted, labels=codes,
                                      sample_weight=truth.weights)
    frame = pd.DataFrame(counts, columns=[f"predicted {truth.classes[c]}" for c in codes])
    frame.insert(0, "truth", [truth.classes[c] for c in codes], allow_duplicates=True)
    total = counts.sum(axis=1)
    correct = np.where(total > 0, counts.diagonal() / np.where(total > 0, total, 1), np.nan)
    frame["share correct"] = correct
    return frame


def reliability(truth: Truth, code: int) -> pd.DataFrame:
    """Compute the share of a class among rows with similar predicted probability, in ten bins.

    The intervals of the shares are Wilson's, at 95 %. With weights, means and shares are weighted,
    and the intervals are those of (Σw)²/Σw² rows, as many as would say as much (Kish).

    Raises
    ------
    ValueError
        If there are no probabilities.
    """
    if truth.probabilities is None:
        raise ValueError("calibration needs predicted probabilities, and there are none.")
    p, hit = truth.probabilities[:, code], truth.target == code
    bins = np.minimum((p * N_BINS).astype(np.int64), N_BINS - 1)
    rows = []
    for b in range(N_BINS):
        inside = bins == b
        n = int(inside.sum())
        if n == 0:
            continue
        weights = np.ones(n) if truth.weights is None else truth.weights[inside]
        share = float(np.average(hit[inside], weights=weights))
        lower, upper = wilson(share, float(weights.sum() ** 2 / (weights**2).sum()))
        rows.append({"predicted": f"{b / N_BINS:.1f} to {(b + 1) / N_BINS:.1f}", "rows": n,
                     "mean predicted": float(np.average(p[inside], weights=weights)),
                     "observed share": share, "lower": lower, "upper": upper,
                     "weight": float(weights.sum())})
    return pd.DataFrame(rows)


def calibration_error(bins: pd.DataFrame) -> float:
    """Compute the mean |predicted − observed share|, weighted by the rows' weights (ECE)."""
    distance = (bins["mean predicted"] - bins["observed share"]).abs()
    return float(np.average(distance, weights=bins["weight"]))


def wilson(share: float, n: float) -> tuple[float, float]:
    """Compute Wilson's 95 % interval of a share; `n` need not be a whole number of rows.

    References
    ----------
    Wilson 1927, "Probable inference, the law of succession, and statistical inference".

    Examples
    --------
    >>> [round(v, 4) for v in wilson(0.5, 10)]
    [0.2366, 0.7634]
    """
    z = float(ndtri(0.975))
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return max(0.0, float(middle - reach)), min(1.0, float(middle + reach))


def residuals(truth: Truth) -> pd.DataFrame:
    """Compute means of the residuals (label − prediction) by tenths of the prediction."""
    frame = pd.DataFrame({"prediction": truth.predicted, "label": truth.target})
    n_bins = min(N_BINS, len(frame))
    tenth = (frame["prediction"].rank(method="first").to_numpy() - 1) * n_bins // len(frame)
    rows = []
    ends = frame["prediction"].groupby(tenth).agg(["min", "max"])
    texts = numbers(ends.to_numpy().ravel())
    for b in range(n_bins):
        inside = tenth == b
        part, weights = frame[inside], None if truth.weights is None else truth.weights[inside]
        off = part["label"] - part["prediction"]
        mean = float(means_of(off, weights))
        rows.append({
            "predicted": f"{texts[2 * b]} to {texts[2 * b + 1]}",
            "rows": len(part), "mean prediction": float(means_of(part["prediction"], weights)),
            "mean label": float(means_of(part["label"], weights)), "mean residual": mean,
            "sd of residuals": np.sqrt(means_of((off - mean) ** 2, weights) * len(part)
                                       / (len(part) - 1)) if len(part) > 1 else np.nan,
        })
    return pd.DataFrame(rows)
