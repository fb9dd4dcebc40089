"""An estimator that returns answers asked before, so that any scorer can be used on them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if

from xaikit.errors import SettingError
from xaikit.explainers.classes import Classes
from xaikit.predictor.adapter import Predictor
from xaikit.predictor.decisions import RAW, Reading, not_shares
from xaikit.predictor.targets import of_targets_kept
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
    reading : Reading, optional
        How a function's outputs name a class, if it was found out before.

    Attributes
    ----------
    rows : int array
        Rows of the table that are scored.
    handed : object
        What the scorer was handed of these rows: if it passes this on, it gets their answers.
    reading : Reading or None
        Known as soon as a function's answers were read. Once labels, always labels: rows that are
        all labelled 1 look like probabilities.
    """

    def __init__(
        self, predictor: Predictor, table: Table, answers: Answers,
        classes: Classes | None = None, reading: Reading | None = None,
    ) -> None:
        self.predictor = predictor
        self.table = table
        self.answers = answers
        self.classes = classes
        self.classes_: Any = None if classes is None else classes.values
        self.reading = reading
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

    def _replay(self, method: str, X: Any) -> Any:
        known, methods = X is self.handed, self.predictor.methods
        table = self.table if known else self.predictor.columns.conform(X)
        if not methods:
            answers = self.answers(None)[self.rows] if known else self.predictor.ask(table)
            if self.classes is not None:
                reading = self._reading(method, answers, self.classes)
                return self._as_classifier(method, answers, self.classes, reading)
            return answers[:, 0] if answers.shape[1] == 1 else answers
        asked = method if method in methods else methods[0]
        answers = self.answers(asked)[self.rows] if known else \
            self.predictor.ask_method(asked, table)
        answers = of_targets_kept(self.predictor, asked, answers)
        return self._of_estimator(method, asked, answers)

    def _of_estimator(self, method: str, asked: str, answers: Any) -> Any:
        """Return the answers of an estimator; read as its classes if it does not declare them."""
        classes = self.classes
        if asked == "predict" or classes is None:
            return answers
        if not classes.placed:
            raise SettingError(
                "which class each output is of is not known: the model has no classes_, and its "
                "answers do not fit the labels. Give it classes_, or choose a scorer of labels, "
                "such as 'accuracy'.")
        if method == asked and classes.columns is None:
            return answers
        reading = Reading(classes.in_order_of_outputs,
                          "shares" if asked == "predict_proba" else "scores")
        return self._as_classifier(method, answers.reshape(len(answers), -1), classes, reading)

    @property
    def _raw(self) -> bool:
        """Whether a function returns log-odds or distances, not probabilities."""
        return self.predictor.scale in RAW

    def _as_classifier(self, method: str, answers: np.ndarray, classes: Classes,
                       reading: Reading) -> np.ndarray:
        """Return outputs as a classifier's: columns in the order of the sorted classes."""
        columns = np.arange(len(self.classes_)) if classes.columns is None else classes.columns
        if method == "predict":
            return self.classes_[np.argsort(columns)[reading.named(answers)]]
        if method == "predict_proba":
            return reading.shares(answers)[:, columns]
        if len(self.classes_) > 2:
            return answers[:, columns]
        # Scorers want one number where there are two classes: how far the second is ahead.
        ahead = reading.ahead(answers)
        return ahead if columns[0] == 0 else -ahead

    def _reading(self, method: str, answers: np.ndarray, classes: Classes) -> Reading:
        """Return how to read answers; refuse those that cannot be what the first ones were."""
        if self.reading is None:
            self.reading = classes.reading(answers, self.predictor.scale)
        reading, within = self.reading, answers.min() >= 0 and answers.max() <= 1
        if reading.rule == "shares" and not within:
            reading = classes.reading(answers, self.predictor.scale)
        strange = reading.rule == "labels" and (reading.named(answers) < 0).any()
        if strange or (method == "predict_proba" and reading.rule != "shares"):
            raise SettingError(not_shares(answers, len(self.classes_)))
        return reading


class ReplayClassifier(ClassifierMixin, Replay):
    """A replay that scorers take for a classifier."""


class ReplayRegressor(RegressorMixin, Replay):
    """A replay that scorers take for a regressor."""


def replay_of(
    predictor: Predictor, table: Table, answers: Answers, classes: Classes | None,
    reading: Reading | None = None,
) -> Replay:
    """Return the replay of a table: that of a classifier if there are classes."""
    kind = ReplayRegressor if classes is None else ReplayClassifier
    return kind(predictor, table, answers, classes, reading)


def shown_error(error: Exception) -> str:
    """Return an error's words about a replay as words about the model that it stands for."""
    return re.sub(r"\b(Replay(Classifier|Regressor)?|Blind)\b", "the model", str(error))
