"""An estimator that gives back answers asked before, so that any scorer can be used on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if

from xaikit.predictor.adapter import Predictor
from xaikit.tables.tables import Table


class Replay(BaseEstimator):
    """An estimator for scorers: it gives back answers that were asked before.

    `source` gives a method's answers to all rows, `rows` says which of them are scored. A table of
    any other length is asked of the model itself.
    """

    def __init__(self, predictor: Predictor, classes: Any = None) -> None:
        self.predictor = predictor
        self.classes_ = classes
        self.source: Callable[[str], np.ndarray] | None = None
        self.rows = np.zeros(0, dtype=np.int64)

    def _has(self, method: str) -> bool:
        if self.predictor.methods:
            return method in self.predictor.methods
        if method == "predict":
            return True
        raw = self.predictor.scale in ("logits", "decision")
        return self.classes_ is not None and raw == (method == "decision_function")

    def predict(self, X: Any) -> np.ndarray:
        """Give back what predict answers."""
        return self._replay("predict", X)

    @available_if(lambda self: self._has("predict_proba"))
    def predict_proba(self, X: Any) -> np.ndarray:
        """Give back what predict_proba answers."""
        return self._replay("predict_proba", X)

    @available_if(lambda self: self._has("decision_function"))
    def decision_function(self, X: Any) -> np.ndarray:
        """Give back what decision_function answers."""
        return self._replay("decision_function", X)

    def _replay(self, method: str, X: Any) -> np.ndarray:
        if self.source is None or len(X) != len(self.rows):
            return self.ask(method, X)
        return self.source(method)[self.rows]

    def ask(self, method: str, table: Table) -> np.ndarray:
        """Ask the model itself."""
        if self.predictor.methods:
            return self.predictor.ask_method(method, table)
        answers = self.predictor.ask(table)
        if self.classes_ is None:
            return answers[:, 0] if answers.shape[1] == 1 else answers
        return self._as_classifier(method, answers)

    def _as_classifier(self, method: str, answers: np.ndarray) -> np.ndarray:
        """Read outputs as a classifier's: columns in the order of the sorted labels of y."""
        n_classes = len(self.classes_)
        single = answers.shape[1] == 1
        if (2 if single else answers.shape[1]) != n_classes:
            raise ValueError(
                f"the model gives {answers.shape[1]} outputs, which do not fit the {n_classes} "
                "classes in y; wrap a function with one output a class."
            )
        if method == "decision_function":
            # Scorers want one number where there are two classes: how far the second is ahead.
            if n_classes == 2:
                return answers[:, 0] if single else answers[:, 1] - answers[:, 0]
            return answers
        raw = self.predictor.scale in ("logits", "decision")
        if not raw and (answers.min() < 0 or answers.max() > 1):
            return self._as_labels(method, answers)
        if method == "predict_proba":
            return np.column_stack([1 - answers, answers]) if single else answers
        if single:
            return self.classes_[(answers[:, 0] > (0.0 if raw else 0.5)).astype(int)]
        return self.classes_[answers.argmax(axis=1)]

    def _as_labels(self, method: str, answers: np.ndarray) -> np.ndarray:
        """Read answers that cannot be probabilities as the labels themselves, if they are."""
        labels = self.classes_.tolist()
        if method == "predict" and answers.shape[1] == 1 and \
                set(np.unique(answers).tolist()) <= set(labels):
            return self.classes_[[labels.index(v) for v in answers[:, 0].tolist()]]
        raise ValueError(
            f"the model's answers lie between {answers.min():.4g} and {answers.max():.4g}: they "
            "are not probabilities. Say xk.wrap(model, task='classification', output='logits') if "
            "they are log-odds, or return probabilities."
        )


class ReplayClassifier(ClassifierMixin, Replay):
    """A replay that scorers take for a classifier."""


class ReplayRegressor(RegressorMixin, Replay):
    """A replay that scorers take for a regressor."""


def replay_of(predictor: Predictor, y: np.ndarray) -> Replay:
    """Make the replay of a predictor; the classes of a plain function are the labels in `y`."""
    if predictor.task != "classification":
        return ReplayRegressor(predictor)
    classes = getattr(predictor.model_of_methods, "classes_", None)
    return ReplayClassifier(predictor, np.unique(y) if classes is None else classes)
