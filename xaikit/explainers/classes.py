"""Labels and the classes of a model: whether they are among them, and which output is of which."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from xaikit.predictor.adapter import Predictor
from xaikit.predictor.decisions import (
    Reading,
    classes_kept,
    read_outputs,
    some_left_out,
    spelled_otherwise,
    unnamed,
)
from xaikit.predictor.targets import declared_by
from xaikit.settings import is_whole
from xaikit.tables.targets import Labels, class_codes, distinct_labels, label_numbers
from xaikit.tables.wording import cut, level_text, listed, plural


@dataclass(frozen=True)
class Classes:
    """The classes of a model that answers as a classifier.

    Attributes
    ----------
    values : array or list
        The model's own, or the sorted ones of a function; a list of arrays for several targets.
    columns : int array or None
        The column of each class among a function's outputs. A single output is of the second of
        two classes, or of the first: then `columns` is (1, 0). None for an estimator, whose
        methods answer in the order of its classes.
    labels : bool
        Whether a function's single output must be the label itself: there are more than two.
    placed : bool
        Whether the class of each output is known. If not, only the labels that `predict` names can
        be scored.
    doubts : tuple of str
        What had to be assumed.
    """

    values: Any
    columns: np.ndarray | None = None
    labels: bool = False
    placed: bool = True
    doubts: tuple[str, ...] = ()

    def reading(self, answers: np.ndarray, scale: str) -> Reading:
        """Choose how a function's outputs name a class, from answers to many rows."""
        values = self.in_order_of_outputs
        return Reading(values, "labels") if self.labels else read_outputs(answers, scale, values)

    @property
    def in_order_of_outputs(self) -> list[Any]:
        """The class of each output; of a single one, the other class and its own."""
        values = list(self.values)
        return values if self.columns is None else [values[k] for k in np.argsort(self.columns)]


def classes_for_scores(predictor: Predictor, labels: np.ndarray,
                       decisions: Callable[[], np.ndarray], strict: bool) -> Classes:
    """Return the classes that a model declares, or those that its answers and the labels suggest.

    Parameters
    ----------
    predictor : Predictor
    labels : array (n_rows, …)
    decisions : callable
        Returns the labels that the `predict` of an estimator names.
    strict : bool
        See `known_labels`.

    Raises
    ------
    ValueError
        If the model's answers do not fit the labels.
    """
    declared = declared_by(predictor)
    if declared is not None:
        return Classes(declared)
    if not predictor.methods:
        return _of_outputs(predictor, labels, distinct_labels(labels.ravel()))
    if labels.ndim > 1:
        return Classes(np.unique(labels))
    try:
        return _undeclared(predictor, labels, decisions)
    except ValueError:
        if strict:
            raise
        return Classes(np.unique(labels))


def _undeclared(predictor: Predictor, labels: np.ndarray,
                decisions: Callable[[], np.ndarray]) -> Classes:
    """Return the classes of an estimator that declares none: of labels and what `predict` names."""
    seen, doubts = distinct_labels(labels), tuple[str, ...]()
    if "predict" in predictor.methods:
        named = decisions()
        if named.ndim > 1:
            raise ValueError(f"y has one label a row, and predict names {named.shape[1]}.")
        known = distinct_labels(named)
        more = [v for v, code in zip(seen, class_codes(np.array(seen, dtype=object), known),
                                     strict=True) if code < 0]
        if len(more) == len(seen) or len({type(v) for v in [*known, *more]}) > 1:
            raise ValueError(f"y holds {_shown(seen)}, and predict names {_shown(known)}: spell "
                             "the labels as the model does.")
        unknown = [v for v, code in zip(known, class_codes(np.array(known, dtype=object), seen),
                                        strict=True) if code < 0]
        if more and unknown:
            doubts = (f"y holds {_shown(more)}, which predict names in no row, and predict names "
                      f"{_shown(unknown)}, which no row of y is. If these are the same classes, "
                      "spell them alike.",)
        seen = distinct_labels(np.array([*known, *more], dtype=object))
    if "predict" not in predictor.methods or (
            predictor.scale != "prediction" and classes_kept(predictor, seen) is not None):
        classes = _of_outputs(predictor, labels, seen)
        return replace(classes, doubts=(*doubts, *classes.doubts))
    return Classes(_array_of(seen, labels), placed=False, doubts=doubts)


def _shown(labels: list[Any]) -> str:
    return listed([level_text(v) for v in labels])


def _array_of(values: list[Any], labels: np.ndarray) -> np.ndarray:
    """Return classes as an array of the kind of the labels."""
    if all(isinstance(v, str) for v in values) and labels.dtype.kind == "U":
        return np.array(values)  # a class that only the model names may be a longer text
    alike = all(type(v) is type(labels.tolist()[0]) for v in values)
    return np.array(values, dtype=labels.dtype if alike else None)


def _of_outputs(predictor: Predictor, labels: np.ndarray, seen: list[Any]) -> Classes:
    """Return the classes of outputs, from their names and the labels; all `seen` are known."""
    names = predictor.output_names or ()
    if labels.ndim > 1 and len(names) > 2 and is_one_hot(labels, names):
        raise ValueError("y holds a column of 0 and 1 for each output of the model; pass one label "
                         "per row: numpy.argmax(y, axis=1).")
    types = {type(v).__name__ for v in seen}
    if len(types) > 1:
        raise ValueError(f"y holds labels of several types, {listed(sorted(types))}, whose order "
                         "is not known; make them one, and the model's classes with them.")
    values = classes_kept(predictor, seen)
    if values is None and len(seen) > 2 and all(map(is_whole, seen)) \
            and len(predictor.outputs.all_names or ()) == 1:
        return Classes(np.unique(labels), labels=True)
    if values is None or len({type(v) for v in values}) > 1:
        raise ValueError(_misfit(predictor, seen))
    # Scorers want the classes, and the columns of answers, in sorted order.
    columns = np.array(sorted(range(len(values)), key=values.__getitem__))
    return Classes(_array_of([values[k] for k in columns], labels), columns,
                   doubts=_assumed(predictor.outputs.all_names or (), values))


def _assumed(names: tuple[str, ...], values: list[Any]) -> tuple[str, ...]:
    """Return a warning if named outputs are taken for classes of other names."""
    named = 1 < len(names) == len(values) and not unnamed(names)
    if not named or not set(map(str, values)).isdisjoint(names):
        return ()
    pairs = [f"{name!r} is the class {level_text(v)}"
             for name, v in zip(names, values, strict=True)]
    return (f"Assumed: the outputs are in the order of the sorted labels, so that {listed(pairs)}. "
            "Name the outputs as y names the classes (output_names=) to be sure.",)


def _misfit(predictor: Predictor, seen: list[Any]) -> str:
    """Write that a function's outputs do not fit the labels."""
    if any(isinstance(v, float) and not v.is_integer() for v in seen):
        return (f"y holds {plural(len(seen), 'different number')} with fractions, and the model is "
                "a classifier: pass the labels of its classes, or, if it is a regression, wrap it "
                "with task='regression'.")
    if other := spelled_otherwise(seen, predictor.outputs.all_names or ()):
        return other
    if left := some_left_out(predictor):
        return left
    n_outputs = len(predictor.output_names or ())
    verb = "does" if n_outputs == 1 else "do"
    give = "give the model classes_, or wrap a function" if predictor.methods else "wrap a function"
    return (f"the model gives {plural(n_outputs, 'output')}, which {verb} not fit the {len(seen)} "
            f"classes in y; {give} with one output a class, and pass rows of every class or name "
            "the outputs (output_names=).")


def is_one_hot(labels: np.ndarray, classes: Any) -> bool:
    """Return whether labels say of each class, in its own column, whether a row is of it."""
    if labels.shape[1] != len(classes) or np.ndim(classes[0]) > 0 or labels.dtype.kind in "OSUmM":
        return False
    return bool(np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all())


def as_spelled(values: np.ndarray, classes: Any) -> np.ndarray:
    """Return labels as a model spells them, if they are its classes by their text alone.

    Objects that equal its classes are returned as these: scorers refuse ``True`` beside ``0``.
    """
    if values.ndim > 1 or np.ndim(classes[0]) > 0:
        return values
    codes = class_codes(values, classes)
    spelled = np.asarray(classes)[codes]
    alike = spelled.tolist() == values.tolist() and (
        values.dtype != object or {*map(type, values)} <= {str, *map(type, spelled.tolist())})
    return values if (codes < 0).any() or alike else spelled


def strange_labels(values: np.ndarray, classes: Any) -> str | None:
    """Return a sentence on the labels that a model does not know, None if there are none.

    Several targets are looked at one by one. Labels that say of every class whether a row is of it
    are not looked at.
    """
    several = np.ndim(classes[0]) > 0
    if (values.ndim > 1) != several or (several and values.shape[1] != len(classes)):
        return None
    for labels, known in zip(values.T, classes, strict=True) if several else [(values, classes)]:
        strange = labels[class_codes(labels, known) < 0]
        if len(strange):
            shown = [listed([level_text(v) for v in vs])
                     for vs in (distinct_labels(strange), np.asarray(known).tolist())]
            return (f"y holds {shown[0]} in {plural(len(strange), 'row')}, which the model does "
                    f"not know; its classes are {shown[1]}.")
    return None


def check_complete(y: Labels) -> None:
    """Raise ValueError if labels are missing or infinite."""
    gone = y.missing
    if y.values.dtype.kind == "f":
        gone = gone | np.isinf(y.values).reshape(len(y), -1).any(axis=1)
    if gone.any():
        raise ValueError("y holds NaN, infinite or missing labels in "
                         f"{plural(int(gone.sum()), 'row')}; leave those rows out.")


def check_plain(y: Labels) -> None:
    """Raise ValueError if labels came as a structured array: scikit-learn's scorers take none."""
    if isinstance(y.given, np.ndarray):
        raise ValueError(f"y is a structured array of {listed(y.given.dtype.names)}, which the "
                         "scorers of scikit-learn do not take: choose a scoring function of your "
                         "own, or pass one of its fields.")


TEXT_OF_NUMBERS = "y holds text, which was read as the numbers that it shows."


def as_numbers(y: Labels, n_targets: int) -> Labels:
    """Return the labels of a regression of so many targets as numbers.

    Raises
    ------
    ValueError
        If they are of another number of targets, or times, text or anything else: a score would
        take times for nanoseconds.
    """
    n_columns = y.values.shape[1] if y.values.ndim > 1 else 1
    if n_columns != n_targets:
        raise ValueError(f"y has {plural(n_columns, 'column')}, and the model "
                         f"{plural(n_targets, 'target')}: pass a column for each, or choose the "
                         "target that y is of, xk.wrap(model, outputs=…).")
    numbers = y.values if y.values.dtype.kind in "biuf" else label_numbers(y.values)
    if numbers is None:
        raise ValueError(f"y holds {_what_is_no_number(y.values)}, and the model is a regression: "
                         "pass numbers, or, if it is a classifier, wrap it with "
                         "task='classification'.")
    return y if numbers is y.values else replace(y, values=numbers)


def _what_is_no_number(values: np.ndarray) -> str:
    """Return what the first cell is that is not a number that float64 holds."""
    if values.dtype.kind not in "OUS":
        return f"{values.dtype}"
    cell = next(v for v in values.reshape(-1).astype(object)
                if label_numbers(np.array([v], dtype=object)) is None)
    return f"{type(cell).__name__} such as {cut(repr(cell), 40)}"


def known_labels(y: Labels, classes: Classes, strict: bool, names: tuple[str, ...] = ()
                 ) -> tuple[Labels, list[str]]:
    """Return labels as the model spells them, and warnings.

    Parameters
    ----------
    y : Labels
    classes : Classes
    strict : bool
        Whether a label that the model does not know is an error: a scorer of a user's own may read
        anything from y.
    names : tuple of str
        Of the model's outputs, which labels may be meant to be.

    Raises
    ------
    ValueError
        If the model does not know a label, or labels are times, and `strict`.
    """
    if strict and y.values.dtype.kind in "mM":
        raise ValueError(f"y holds {y.values.dtype}, and the model is a classifier: convert its "
                         "classes and y to text.")
    strange = strange_labels(y.values, classes.values)
    if strange is None:
        spelled = as_spelled(y.values, classes.values)
        if spelled is y.values:
            return y, []
        if spelled.tolist() == y.values.tolist():
            return replace(y, values=spelled), []
        return replace(y, values=spelled), [
            f"y holds {type(y.values.tolist()[0]).__name__} where the model's classes are "
            f"{type(spelled.tolist()[0]).__name__}; they were matched by their text."]
    if strict:
        other = spelled_otherwise(distinct_labels(y.values), names) if y.values.ndim == 1 else ""
        advice = other[:1].upper() + other[1:] or (
            "No score can compare the two: spell the labels as the model does, or leave those rows "
            "out.")
        raise ValueError(f"{strange} {advice}")
    return y, [strange]
