"""Sentences on scorers of scikit-learn that refuse rows: why, and which others take them."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import get_scorer, get_scorer_names, make_scorer

from xaikit.explainers.classes import is_one_hot
from xaikit.explainers.replay import Replay
from xaikit.tables.targets import distinct_labels
from xaikit.tables.wording import level_text, listed

AVERAGES = ("_macro", "_weighted", "_micro", "_samples")
OTHERS = ("accuracy", "f1_macro", "f1_samples")
OF_NUMBERS = ("r2", "neg_mean_absolute_error")
MOST = 3
"""Scorers named at most."""


@dataclass(frozen=True)
class Refused:
    """A scorer that refused some rows.

    Attributes
    ----------
    name : str
    scorer : callable
        Of scikit-learn.
    replay : Replay
        What it was to score.
    labels : array (n_rows, …)
    error : str
        What the scorer said.
    score : callable
        Scores the same rows by another scorer.
    """

    name: str
    scorer: Any
    replay: Replay
    labels: np.ndarray
    error: str
    score: Callable[[Any], float]

    def takes(self, scorer: Any) -> bool:
        """Return whether another scorer takes the rows, by trying it."""
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                return bool(np.isfinite(self.score(scorer)))
        except Exception:
            return False


def why_not(refused: Refused) -> str:
    """Write why a scorer may have refused rows, and what to do; all that is advised was tried."""
    classes, labels, replay = refused.replay.classes_, refused.labels, refused.replay
    if "sample_weight" in refused.error:
        return "it takes no weights. Choose another scorer, or leave out sample_weight."
    if classes is None:
        if replay.predictor.task is None:
            return ("whether the model classifies is not known. Wrap it with "
                    "xk.wrap(model, task='classification'), or choose a scorer of numbers.")
        columns = f" of {labels.shape[1]} targets" if labels.ndim > 1 else ""
        return f"the model is a regression{columns}.{_others(refused)}"
    if labels.ndim > 1 and is_one_hot(labels, classes):
        return ("y holds a column of 0 and 1 for each class. Pass one label per row: "
                "model.classes_[numpy.argmax(y, axis=1)], or numpy.argmax(y, axis=1) alone if the "
                "classes are 0, 1, 2, ….")
    if labels.ndim == 1 and (odd := odd_types(labels)):
        return (f"y holds {odd}. scikit-learn takes whole numbers, truth values or text of one "
                "type for classes: convert the labels, and the model's classes with them.")
    if labels.ndim > 1 and np.ndim(classes[0]) == 0:
        return (f"y has {labels.shape[1]} columns. If the model names one class per row, pass one "
                f"label per row.{_others(refused)}")
    if labels.ndim > 1 or np.ndim(classes[0]) > 0:
        return f"there are several targets.{_others(refused)}"
    return _of_classes(refused, np.asarray(classes).tolist())


def _of_classes(refused: Refused, known: list[Any]) -> str:
    """Write why the labels of one target were refused."""
    seen = distinct_labels(refused.labels)
    shown = [listed([level_text(v) for v in some]) for some in (seen, known)]
    about = f"y holds {shown[0]}, and the model's classes are {shown[1]}."
    if _is_of_numbers(refused.scorer):
        about = f"it scores numbers, and the model is a classifier. {about}"
    elif len(known) == 2 and (words := _with_positive(refused, known[-1])):
        return f"{about} Name the positive class in a scorer of your own: {words}."
    elif len(seen) < len(known) and (len(known) == 2 or not _is_binary(refused.scorer)):
        about += " Pass rows of every class."
    return about + _others(refused)


def _is_of_numbers(scorer: Any) -> bool:
    return getattr(_of(scorer, "_score_func", None), "__module__", "").endswith("_regression")


def _is_binary(scorer: Any) -> bool:
    """Return whether a scorer is one of two classes."""
    kwargs = _of(scorer, "_kwargs", {})
    name = getattr(_of(scorer, "_score_func", None), "__name__", "")
    return kwargs.get("average") == "binary" or "likelihood" in name or (
        name == "roc_auc_score" and "multi_class" not in kwargs)


def _of(scorer: Any, name: str, default: Any) -> Any:
    """Return what scikit-learn's scorers hold under a private name; words alone depend on it."""
    return getattr(scorer, name, default)


def _with_positive(refused: Refused, positive: Any) -> str:
    """Write the scorer that names its positive class, if it takes the rows."""
    score = _of(refused.scorer, "_score_func", None)
    try:
        if "pos_label" not in inspect.signature(score).parameters:
            return ""
    except (TypeError, ValueError):
        return ""
    more: dict[str, Any] = {}
    if _of(refused.scorer, "_sign", 1) < 0:
        more["greater_is_better"] = False
    method = _of(refused.scorer, "_response_method", "predict")
    if method != "predict":
        more["response_method"] = method
    more |= _of(refused.scorer, "_kwargs", {}) | {"pos_label": positive}
    if not refused.takes(make_scorer(score, **more)):
        return ""
    words = ", ".join(f"{name}={value!r}" for name, value in more.items())
    return f"sklearn.metrics.make_scorer(sklearn.metrics.{score.__name__}, {words})"


def _others(refused: Refused) -> str:
    """Write which other scorers take the rows; nothing if none was found."""
    found = [name for name in _candidates(refused) if refused.takes(get_scorer(name))][:MOST]
    return f" Scorers that take these rows: {listed(map(repr, found))}." if found else ""


def _candidates(refused: Refused) -> Sequence[str]:
    """Return the averages of the same score, then other scores."""
    if refused.replay.classes_ is None:
        return OF_NUMBERS
    stem = refused.name
    for ending in AVERAGES:
        stem = stem.removesuffix(ending)
    own = [f"{stem}{ending}" for ending in (*AVERAGES, "_ovr", "_ovo")]
    names = set(get_scorer_names())
    return [name for name in dict.fromkeys([*own, *OTHERS])
            if name in names and name != refused.name]


def odd_types(labels: np.ndarray) -> str:
    """Return words for labels that scikit-learn does not take for classes; none for others.

    Examples
    --------
    >>> odd_types(np.array([b"no", b"yes"])), odd_types(np.array([1, "1"], dtype=object))
    ('bytes', 'int and str')
    >>> odd_types(np.array([0.0, 0.5])), odd_types(np.array([0.0, 1.0]))
    ('fractions', '')
    """
    if labels.dtype.kind == "f":
        return "" if (labels == np.round(labels)).all() else "fractions"
    if labels.dtype.kind != "O":
        return "bytes" if labels.dtype.kind == "S" else ""
    types = {"str" if isinstance(v, str) else type(v).__name__ for v in labels}
    return listed(sorted(types)) if len(types) > 1 or not types <= {"str", "int", "bool"} else ""
