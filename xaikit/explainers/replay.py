"""An estimator that returns answers asked before, so that any scorer can be used on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if

from xaikit.errors import SettingError
from xaikit.explainers.classes import Classes
from xaikit.predictor.adapter import Predictor
from xaikit.tables.tables import Table

Answers = Callable[[str | None], np.ndarray]
"""Returns the answers to all rows: of a method of an estimator, or (None) of any other model."""


class Replay(BaseEstimator):
    """An estimator for scorers, whose answers to a table were asked before.

    Parameters
    ----------
    predictor : Predictor
        Asked about any table but `handed`, as scorers with rows of their own pass.
    table : table (n_rows, n_columns)
    answers : callable
        See `Answers`.
    classes : Classes, optional
        Of a classifier.
    labels : bool
        Whether the answers of a function are known to be labels; see `_as_classifier`.

    Attributes
    ----------
    rows : int array
        Rows of the table that are scored.
    handed : object
        What the scorer was handed of these rows: if it passes this on, it gets their answers.
    labels : bool
        True as soon as answers were read as labels.
    """

    def __init__(
        self, predictor: Predictor, table: Table, answers: Answers,
        classes: Classes | None = None, labels: bool = False,
    ) -> None:
        self.predictor = predictor
        self.table = table
        self.answers = answers
        self.classes = classes
        self.classes_: Any = None if classes is None else classes.values
        self.labels = labels
        self.rows = np.arange(len(table))
        self.handed: Any = None

    def _has(self, method: str) -> bool:
        if self.predictor.methods:
            return method in self.predictor.methods
        if method == "predict":
            return True
        return self.classes_ is not None and self._raw == (method == "decision_function")

    def predict(self, X: Any) -> np.ndarray:
        """Return the answers of predict."""
        return self._replay("predict", X)

    @available_if(lambda self: self._has("predict_proba"))
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the answers of predict_proba."""
        return self._replay("predict_proba", X)

    @available_if(lambda self: self._has("decision_function"))
    def decision_function(self, X: Any) -> np.ndarray:
        """Return the answers of decision_function."""
        return self._replay("decision_function", X)

    def _replay(self, method: str, X: Any) -> np.ndarray:
        known, methods = X is self.handed, self.predictor.methods
        if methods and method not in methods:
            return self._chosen(self._replay(methods[0], X))
        table = self.table if known else self.predictor.columns.conform(X)
        if methods:
            return self.answers(method)[self.rows] if known else \
                self.predictor.ask_method(method, table)
        answers = self.answers(None)[self.rows] if known else self.predictor.ask(table)
        if self.classes is None:
            return answers[:, 0] if answers.shape[1] == 1 else answers
        return self._as_classifier(method, self._in_order(answers, self.classes))

    def _in_order(self, answers: np.ndarray, classes: Classes) -> np.ndarray:
        """Return outputs in the order of the sorted classes; a single one as that of the second."""
        if classes.columns is None or (np.diff(classes.columns) > 0).all():
            return answers
        if answers.shape[1] == 1:
            return -answers if self._raw else 1 - answers
        return answers[:, classes.columns]

    def _chosen(self, answers: np.ndarray) -> np.ndarray:
        """Return the classes that an estimator without predict would name."""
        single = answers.ndim == 1 or answers.shape[1] == 1
        middle = 0.5 if self.predictor.methods[0] == "predict_proba" else 0.0
        return self.classes_[(np.ravel(answers) > middle).astype(int) if single
                             else answers.argmax(axis=1)]

    @property
    def _raw(self) -> bool:
        """Whether a function returns log-odds or distances, not probabilities."""
        return self.predictor.scale in ("logits", "decision")

    def _as_classifier(self, method: str, answers: np.ndarray) -> np.ndarray:
        """Read outputs as a classifier's: columns in the order of the sorted labels of y."""
        n_classes, single = len(self.classes_), answers.shape[1] == 1
        if method == "decision_function":
            # Scorers want one number where there are two classes: how far the second is ahead.
            if n_classes == 2:
                return answers[:, 0] if single else answers[:, 1] - answers[:, 0]
            return answers
        # Once labels, always labels: rows that are all labelled 1 look like probabilities.
        if self.labels or (not self._raw and (answers.min() < 0 or answers.max() > 1)):
            return self._as_labels(method, answers)
        if method == "predict_proba":
            return np.column_stack([1 - answers, answers]) if single else answers
        if single:
            return self.classes_[(answers[:, 0] > (0.0 if self._raw else 0.5)).astype(int)]
        return self.classes_[answers.argmax(axis=1)]

    def _as_labels(self, method: str, answers: np.ndarray) -> np.ndarray:
        """Read answers that cannot be probabilities as the labels themselves, if they are."""
        classes = self.classes_.tolist()
        if method == "predict" and answers.shape[1] == 1 and \
                set(np.unique(answers).tolist()) <= set(classes):
            self.labels = True
            return self.classes_[[classes.index(v) for v in answers[:, 0].tolist()]]
        if self.classes is not None and self.classes.labels:
            raise SettingError(
                f"the model gives 1 output for {len(classes)} classes: such a function must return "
                "labels that y holds, and has no probabilities. Wrap a function with one output a "
                "class, or choose a scorer of labels, such as 'accuracy'.")
        raise SettingError(
            f"the model's answers lie between {answers.min():.4g} and {answers.max():.4g}: they "
            "are not probabilities. Say xk.wrap(model, task='classification', output='logits') if "
            "they are log-odds, or return probabilities."
        )


class ReplayClassifier(ClassifierMixin, Replay):
    """A replay that scorers take for a classifier."""


class ReplayRegressor(RegressorMixin, Replay):
    """A replay that scorers take for a regressor."""


def replay_of(
    predictor: Predictor, table: Table, answers: Answers, classes: Classes | None,
    labels: bool = False,
) -> Replay:
    """Return the replay of a table: that of a classifier if there are classes."""
    kind = ReplayRegressor if classes is None else ReplayClassifier
    return kind(predictor, table, answers, classes, labels)
