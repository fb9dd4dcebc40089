"""Labels matched to the model's outputs: the task, the classes, and the usable rows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from xaikit.explainers.classes import classes_of_outputs
from xaikit.predictor.attributes import declared_classes
from xaikit.reporting.inputs import Case
from xaikit.tables.targets import class_codes, distinct_labels
from xaikit.tables.wording import level_text, listed, plural


@dataclass(frozen=True)
class Truth:
    """Labels matched to outputs, for the scored rows whose label is known.

    Attributes
    ----------
    task : {"classification", "regression", None}
        None if no labels fit the model's answers.
    kept : int array
        Positions, among the scored rows, of those with a usable label.
    target : array
        Class codes, or numbers.
    classes : tuple of str
        Name of the class of each code.
    probabilities : array (n_kept, n_classes) or None
    scores : array (n_kept,) or None
        Scores of the second of two classes, if there are no probabilities.
    predicted : array
        Predicted class codes, or numbers.
    labels : array (n_kept,)
        The labels themselves, of one type, for scorers.
    weights : array (n_kept,) or None
        All above 0: other rows are not among the scored.
    notes : list of str
        Sentences on what was assumed or left out.
    """

    task: str | None
    kept: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    target: np.ndarray = field(default_factory=lambda: np.zeros(0))
    predicted: np.ndarray = field(default_factory=lambda: np.zeros(0))
    classes: tuple[str, ...] = ()
    probabilities: np.ndarray | None = None
    scores: np.ndarray | None = None
    labels: np.ndarray = field(default_factory=lambda: np.zeros(0))
    weights: np.ndarray | None = None
    notes: list[str] = field(default_factory=list)


def match(case: Case) -> Truth:
    """Return the labels of the scored rows, matched to the model's outputs."""
    y = case.truth(case.scored)
    if y is None:
        return Truth(None, notes=["No labels were given (y), so the performance of the model was "
                                  "not measured."])
    notes: list[str] = []
    known = np.flatnonzero(~pd.isna(pd.Series(y)).to_numpy())
    if len(known) < len(y):
        notes.append(f"{plural(len(y) - len(known), 'row')} without a label left out of the "
                     "performance.")
    if len(known) == 0:
        return Truth(None, notes=["All labels are missing, so the performance of the model was "
                                  "not measured."])
    answers = case.answers[known]
    task = case.predictor.task or _guess(y[known], answers, notes)
    if task == "regression":
        truth = _regression(y, known, answers, notes)
    elif task == "classification":
        truth = _classification(case, y, known, answers, notes)
    else:
        truth = Truth(None, notes=notes)
    return replace(truth, weights=case.weights_of(case.scored[truth.kept]))


def _guess(y: np.ndarray, answers: np.ndarray, notes: list[str]) -> str | None:
    """Return the task that labels and answers suggest, and note that it is a guess."""
    n_values = pd.Series(y).nunique()
    within = answers.min() >= 0.0 and answers.max() <= 1.0
    number = _numbers(y) is not None
    advice = "pass xk.wrap(model, task=…) to set the task."
    if (n_values == 2 and within and answers.shape[1] <= 2) or (
        answers.shape[1] > 1 and n_values == answers.shape[1]
    ):
        notes.append("Assumed: the model is a classifier (the labels have "
                     f"{n_values} values, which fits the answers); {advice}")
        return "classification"
    if number and answers.shape[1] == 1:
        notes.append("Assumed: the model is a regression (the labels are numbers, and it returns "
                     f"one number per row); {advice}")
        return "regression"
    notes.append(f"The labels have {plural(n_values, 'value')} and the model has "
                 f"{plural(answers.shape[1], 'output')}, which do not fit each other, so its "
                 f"performance was not measured; {advice}")
    return None


def _regression(y: np.ndarray, known: np.ndarray, answers: np.ndarray, notes: list[str]) -> Truth:
    target = _numbers(y[known])
    if target is None or answers.shape[1] != 1:
        notes.append("The labels are not numbers, or the model returns several numbers per row, so "
                     "its performance was not measured.")
        return Truth(None, notes=notes)
    return Truth("regression", known, target, answers[:, 0], labels=target,
                 notes=notes)


def _numbers(y: np.ndarray) -> np.ndarray | None:
    try:
        numbers = np.asarray(y.tolist(), dtype=np.float64)
    except (TypeError, ValueError):
        return None
    return numbers if numbers.ndim == 1 and np.isfinite(numbers).all() else None


def _classification(
    case: Case, y: np.ndarray, known: np.ndarray, answers: np.ndarray, notes: list[str]
) -> Truth:
    values = _class_values(case, y[known], answers, notes)
    if values is None:
        return Truth(None, notes=notes)
    codes = class_codes(y[known], values)
    fits = codes >= 0
    if not fits.all():
        strange = listed([level_text(v) for v in distinct_labels(y[known][~fits])])
        notes.append(f"{plural(int((~fits).sum()), 'row')} left out of the performance: the model "
                     f"does not know the label {strange}.")
    if not fits.any():
        notes.append(f"The model's classes are {listed(values)}; none of the labels is among them, "
                     "so its performance was not measured.")
        return Truth(None, notes=notes)
    known, codes, answers = known[fits], codes[fits], answers[fits]
    names = tuple(str(v) for v in values)
    probabilities, scores = _probabilities(case, answers, len(values))
    predicted = _predicted(case, values, answers, probabilities)
    return Truth("classification", known, codes, predicted, names, probabilities, scores,
                 np.asarray([values[c] for c in codes.tolist()]), notes=notes)


def _class_values(
    case: Case, y: np.ndarray, answers: np.ndarray, notes: list[str]
) -> list[Any] | None:
    """Return the class of each output, of a single one [the other, its own]; None if unknown."""
    declared = declared_classes(case.predictor.model_of_methods)
    if declared is not None and not isinstance(declared, list):
        return _declared(case, list(declared), notes)
    seen, names = distinct_labels(y), case.output_names
    values = classes_of_outputs(seen, names)
    if values is None:
        notes.append(f"The labels have {plural(len(seen), 'value')}, which does not fit the "
                     f"model's {plural(len(names), 'output')}, so its performance was not "
                     "measured.")
    elif values == seen and set(map(str, seen)).isdisjoint(names):
        role = (f"{seen[1]} is the positive one, whose probability or score the model returns"
                if len(names) == 1 else "the model's outputs are in the same order")
        notes.append(f"Assumed: the classes are the sorted labels, {listed(seen)}; {role}.")
    return values


def _declared(case: Case, classes: list[Any], notes: list[str]) -> list[Any] | None:
    """Return the classes that a model declares, in the order of the outputs that were chosen."""
    own = case.predictor.output_classes
    if own is None and len(case.output_names) == 1:
        return classes  # it answers with the label itself
    if own is not None and len(own) == len(classes):
        return list(own)
    if own is not None and len(own) == 1 and len(classes) == 2:
        return [*(c for c in classes if c != own[0]), *own]
    notes.append(f"The outputs {listed(case.output_names)} are not one for each of the classes "
                 f"{listed(classes)}, so the performance of the model was not measured; leave out "
                 "outputs= to measure it.")
    return None


def _probabilities(
    case: Case, answers: np.ndarray, n_classes: int
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return the probabilities of all classes, or else a score of the second, if there is one."""
    scale = case.predictor.scale
    within = bool(answers.min() >= 0.0 and answers.max() <= 1.0)
    one = answers.shape[1] == 1
    if one and n_classes == 2 and scale != "decision":
        # A classifier's predict returns classes; then 0 and 1 are not probabilities.
        if within and scale != "prediction":
            return np.column_stack([1 - answers[:, 0], answers[:, 0]]), None
        return None, answers[:, 0] if scale != "prediction" else None
    if not one and within and np.allclose(answers.sum(axis=1), 1.0, atol=1e-3):
        return answers / answers.sum(axis=1, keepdims=True), None
    if n_classes == 2:
        return None, answers[:, 0] if one else answers[:, 1] - answers[:, 0]
    return None, None


def _predicted(
    case: Case, values: list[Any], answers: np.ndarray, probabilities: np.ndarray | None
) -> np.ndarray:
    if answers.shape[1] > 1:
        return answers.argmax(axis=1)
    if probabilities is not None:
        # At exactly 0.5 the first class is predicted, as with argmax.
        return (answers[:, 0] > 0.5).astype(np.int64)
    labels = class_codes(answers[:, 0], values)
    if case.predictor.scale == "prediction" or (labels >= 0).all():
        return labels
    return (answers[:, 0] > 0.0).astype(np.int64)
