"""Labels matched to the model's outputs: the task, the classes, and the usable rows."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from xaikit.errors import ModelError
from xaikit.explainers.classes import TEXT_OF_NUMBERS
from xaikit.predictor.attributes import attribute
from xaikit.predictor.decisions import Decisions, by_output_names, decide, spelled_otherwise
from xaikit.predictor.targets import declared_by
from xaikit.reporting.inputs import Case
from xaikit.tables.tables import take_rows
from xaikit.tables.targets import class_codes, distinct_labels, label_numbers
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
    task = case.predictor.task or _guess(case, y[known], answers, notes)
    if task == "regression":
        truth = _regression(y, known, answers, notes)
    elif task == "classification":
        truth = _classification(case, y, known, answers, notes)
    else:
        truth = Truth(None, notes=notes)
    return replace(truth, weights=case.weights_of(case.scored[truth.kept]))


def _guess(case: Case, y: np.ndarray, answers: np.ndarray, notes: list[str]) -> str | None:
    """Return the task that labels and answers suggest, and note that it is a guess."""
    if case.predictor.ranks:
        notes.append("The model is a ranker, whose scores are not in units of the labels, so its "
                     "performance was not measured. Permutation importance takes a scorer of "
                     "rankings (scoring=, blocks=).")
        return None
    if _is_of_no_target(case.predictor.model_of_methods):
        notes.append("The model was fitted without labels, to find outliers, groups or densities. "
                     "Its scores are not in units of labels, so its performance was not measured.")
        return None
    n_values = pd.Series(y).nunique()
    within = answers.min() >= 0.0 and answers.max() <= 1.0
    number = label_numbers(y) is not None
    advice = "pass xk.wrap(model, task=…) to set the task."
    if not _has_fractions(y) and ((n_values == 2 and within and answers.shape[1] <= 2) or (
            answers.shape[1] > 1 and n_values == answers.shape[1])):
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


def _is_of_no_target(model: Any) -> bool:
    """Return whether a model of scikit-learn says that it is neither classifier nor regressor."""
    says = attribute(model, "__sklearn_tags__")
    with suppress(Exception):
        return says().estimator_type in ("clusterer", "outlier_detector", "density_estimator")
    return attribute(model, "_estimator_type") in ("clusterer", "outlier_detector",
                                                   "density_estimator")


def _has_fractions(y: np.ndarray) -> bool:
    """Return whether labels are numbers with fractions, which no class has for a label."""
    numbers = label_numbers(y)
    return numbers is not None and bool((numbers != np.round(numbers)).any())


def _regression(y: np.ndarray, known: np.ndarray, answers: np.ndarray, notes: list[str]) -> Truth:
    target = label_numbers(y[known])
    if target is None or answers.shape[1] != 1:
        kind = type(y[known][0]).__name__
        why = f"The model returns {answers.shape[1]} numbers per row" if target is not None else \
            f"The model is a regression, and the labels are {kind}, not numbers"
        notes.append(f"{why}, so its performance was not measured.")
        return Truth(None, notes=notes)
    if any(isinstance(v, str) for v in y[known]):
        notes.append(TEXT_OF_NUMBERS)
    return Truth("regression", known, target, answers[:, 0], labels=target, notes=notes)


def _classification(
    case: Case, y: np.ndarray, known: np.ndarray, answers: np.ndarray, notes: list[str]
) -> Truth:
    given = y[known]
    labels = by_output_names(case.predictor, given)
    seen = distinct_labels(labels)
    try:
        decided = decide(case.predictor, take_rows(case.table, case.scored[known]), answers, seen)
    except (ModelError, ValueError) as error:
        reason = str(error).rstrip(".")
        notes.append(f"The performance of the model was not measured: {reason}.")
        return Truth(None, notes=notes)
    codes = class_codes(labels, decided.classes)
    fits = codes >= 0
    _note_doubts(case, decided, seen, notes)
    _note_strange(given[~fits], len(known), decided, case.predictor.outputs.all_names or (), notes)
    if not fits.any():
        return Truth(None, notes=notes)
    values = np.asarray([decided.classes[c] for c in codes[fits].tolist()])
    return Truth("classification", known[fits], codes[fits], decided.named[fits],
                 _shown(case, decided, given is not labels), _of(decided.probabilities, fits),
                 _of(decided.scores, fits), values, notes=notes)


def _of(each: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    return None if each is None else each[rows]


def _shown(case: Case, decided: Decisions, by_name: bool) -> tuple[str, ...]:
    """Return the classes as the labels call them: by their own names or those of the outputs."""
    outputs = case.predictor.outputs
    if not by_name or outputs.classes is None:
        return tuple(map(str, decided.classes))
    names = dict(zip(outputs.classes, outputs.all_names or (), strict=True))
    return tuple(names.get(c, str(c)) for c in decided.classes)


def _note_doubts(case: Case, decided: Decisions, seen: list[Any], notes: list[str]) -> None:
    """Note what was assumed of the order of the classes, and what the model names beyond them."""
    names, classes = case.output_names, decided.classes
    if not decided.one_each:
        notes.append(f"The outputs ({listed(names)}) are not one for each of the classes "
                     f"{listed(classes)}, so only the classes that predict names were measured.")
    elif declared_by(case.predictor) is None and set(map(str, seen)).isdisjoint(
            case.predictor.outputs.all_names or ()):
        role = (f"{classes[1]} is the positive one, whose probability or score the model returns"
                if len(names) == 1 else "the model's outputs are in the same order")
        notes.append(f"Assumed: the classes are the sorted labels, {listed(seen)}; {role}.")
    strange = int((decided.named < 0).sum())
    if strange:
        notes.append(f"In {plural(strange, 'row')} predict names a class that is none of "
                     f"{listed(classes)}; they count as mistakes.")


def _note_strange(labels: np.ndarray, n_rows: int, decided: Decisions, names: tuple[str, ...],
                  notes: list[str]) -> None:
    """Note labels that the model does not know, and which of its outputs they may be meant for."""
    if len(labels):
        strange = listed([level_text(v) for v in distinct_labels(labels)])
        notes.append(f"{plural(len(labels), 'row')} left out of the performance: the model "
                     f"does not know the label {strange}.")
    if len(labels) == n_rows:
        notes.append(f"The model's classes are {listed(decided.classes)}; none of the labels is "
                     "among them, so its performance was not measured.")
    if other := spelled_otherwise(distinct_labels(labels), names):
        notes.append(f"The labels may be meant for others: {other}")
