"""Models of several targets: the target of each output, and answers cut to the targets kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from xaikit.predictor.attributes import declared_classes
from xaikit.predictor.outputs import shares_of_one
from xaikit.tables.targets import Labels
from xaikit.tables.wording import listed


def targets_of(predictor: Any) -> list[int] | None:
    """Return the target that each of all outputs is of; None if there is one target.

    The outputs of a classifier are of one target, unless it declares classes of several.
    """
    n_outputs = len(predictor.outputs.all_names or ())
    declared = declared_classes(predictor.model_of_methods)
    if isinstance(declared, list):
        each = [t for t, classes in enumerate(declared) for _ in classes]
        # A chain of classifiers returns one output a target, the others one a class.
        return list(range(n_outputs)) if n_outputs == len(declared) else each
    several = declared is None and predictor.task != "classification" and n_outputs > 1
    return list(range(n_outputs)) if several else None


def targets_kept(predictor: Any) -> list[int] | None:
    """Return the targets that chosen outputs are of; None without a choice or for one target."""
    targets = targets_of(predictor)
    if targets is None or not predictor.outputs.chosen:
        return None
    return list(dict.fromkeys(targets[k] for k in predictor.outputs.kept))


def n_targets(predictor: Any) -> int:
    """Return how many targets the outputs kept are of; 1 if it is not known what outputs are."""
    targets = None if predictor.task is None else targets_of(predictor)
    return 1 if targets is None else len({targets[k] for k in predictor.outputs.kept})


def n_outputs(predictor: Any) -> int:
    """Return how many outputs a model has for the targets that the outputs kept are of."""
    outputs, targets = predictor.outputs, targets_of(predictor)
    if targets is None:
        return len(outputs.all_names or ())
    own = {targets[k] for k in outputs.kept}
    return sum(t in own for t in targets)


def n_classes(predictor: Any, answers: Iterable[np.ndarray] = ()) -> int | None:
    """Return the number of a model's outputs if each is of a class of one target, None if not.

    A function of an unknown task, or a classifier that names no classes, has them for outputs if
    its answers so far were shares of 1: those that this predictor has seen, and those given.
    """
    outputs, n = predictor.outputs, len(predictor.outputs.all_names or ())
    targets = None if predictor.task is None else targets_of(predictor)
    if targets is not None and predictor.task == "classification":
        own = {targets[k] for k in outputs.kept}
        n_own = sum(t in own for t in targets)
        return n_own if len(own) == 1 < n_own else None
    if n < 2 or targets is not None:
        return None
    one_each = not predictor.methods or (outputs.classes is not None and len(outputs.classes) == n)
    if predictor.task == "classification" and one_each:
        return n
    # What a model does not say of its classes, its answers may show, if all outputs are there.
    whole = len(outputs.kept) == n and all(map(shares_of_one, answers))
    return n if outputs.are_shares and whole else None


def about_outputs(predictor: Any, answers: Iterable[np.ndarray] = ()) -> dict[str, Any]:
    """Return what plots need to know of a model's outputs, as settings of an explanation.

    These are ``scale``, ``task``, ``n_targets``, ``n_outputs`` and ``n_classes``. Answers of
    workers, which this predictor has not seen, are to be given.
    """
    return {"scale": predictor.scale, "task": predictor.task, "n_targets": n_targets(predictor),
            "n_outputs": n_outputs(predictor), "n_classes": n_classes(predictor, answers)}


def declared_by(predictor: Any) -> Any:
    """Return the classes that a model declares; those of the targets that the outputs kept are of.

    Returns
    -------
    array, list of arrays, or None
        An array if one target is kept; see `declared_classes`.
    """
    declared, kept = declared_classes(predictor.model_of_methods), targets_kept(predictor)
    if kept is None or not isinstance(declared, list):
        return declared
    return declared[kept[0]] if len(kept) == 1 else [declared[t] for t in kept]


def of_targets_kept(predictor: Any, method: str, answers: np.ndarray) -> Any:
    """Return what a method answered, cut to the targets that the outputs kept are of.

    Parameters
    ----------
    predictor : Predictor
    method : str
    answers : array
        As `as_returned` makes them: those of `predict` are (n_rows,) or (n_rows, n_targets), those
        of several targets' probabilities stand side by side.

    Returns
    -------
    array or list of arrays
        Of a single target as if it were the only one; probabilities of several as a list.
    """
    kept, declared = targets_kept(predictor), declared_classes(predictor.model_of_methods)
    if method != "predict" and isinstance(declared, list):
        return _probabilities(answers, [len(classes) for classes in declared], kept)
    if kept is None or answers.ndim < 2 or answers.shape[1] <= max(kept):
        return answers
    return answers[:, kept[0]] if len(kept) == 1 else answers[:, kept]


def labels_of_targets_kept(predictor: Any, labels: Labels) -> Labels:
    """Return labels of all targets in the order of the outputs, cut to the targets kept.

    Columns of a frame that are named as the outputs go by name, all others by position. Labels that
    are not of several targets are returned as given.

    Parameters
    ----------
    predictor : Predictor
        Asked before, so that it knows its outputs.
    labels : Labels

    Raises
    ------
    ValueError
        If only some columns are named as outputs.
    """
    targets, kept, shape = targets_of(predictor), targets_kept(predictor), labels.values.shape
    if targets is None or len(shape) != 2 or shape[1] != max(targets) + 1:
        return labels
    order = _order_by_name(labels, predictor.outputs.all_names or ())
    if order is not None and order != list(range(len(order))):
        labels = labels.of_targets(order)
    return labels if kept is None else labels.of_targets(kept)


def _order_by_name(labels: Labels, outputs: tuple[str, ...]) -> list[int] | None:
    """Return the column of each output; None if columns are not named as outputs."""
    columns = [] if labels.name is None else [str(c) for c in labels.name]
    if set(columns).isdisjoint(outputs):
        return None
    if sorted(columns) != sorted(outputs):
        raise ValueError(f"the columns of y are {listed(columns)}, and the model's outputs "
                         f"{listed(outputs)}: name them alike, or pass y.to_numpy() if they are in "
                         "the same order.")
    return [columns.index(name) for name in outputs]


def _probabilities(answers: np.ndarray, sizes: list[int], kept: list[int] | None) -> Any:
    """Return the probabilities of each target kept; a single chosen target's as an array."""
    if answers.ndim != 2 or answers.shape[1] not in (len(sizes), sum(sizes)):
        return answers
    if answers.shape[1] == len(sizes):  # of the second of two classes
        if kept is None:
            return answers
        parts = [np.column_stack([1 - p, p]) for p in answers.T]
    else:
        parts = np.split(answers, np.cumsum(sizes)[:-1], axis=1)
    if kept is None:
        return parts
    return parts[kept[0]] if len(kept) == 1 else [parts[t] for t in kept]
