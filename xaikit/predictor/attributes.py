"""What an object of any class says of itself: attributes that may be missing, raise, or be made up.

Models come from any library, and many only look like scikit-learn's.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

_NOWHERE = "xaikit_asks_for_what_no_model_has"


def attribute(thing: Any, name: str) -> Any:
    """Return an attribute of a model; None if it has no such attribute.

    A property that raises has nothing to tell. An object that answers to every name, such as a mock
    or a remote proxy, has only what it or its class defines.

    Examples
    --------
    >>> attribute("text", "upper")(), attribute("text", "predict")
    ('TEXT', None)
    """
    try:
        if _answers_to(thing, _NOWHERE):
            inspect.getattr_static(thing, name)
        return getattr(thing, name)
    except Exception:
        return None


def method(thing: Any, name: str) -> Callable[..., Any] | None:
    """Return a method of a model; None if it has no such attribute, or one that is no method."""
    found = attribute(thing, name)
    return found if callable(found) else None


def declared_classes(model: Any) -> Any:
    """Return the classes that a model declares as ``classes_``, in the order of its outputs.

    Returns
    -------
    array, list of arrays, or None
        A list if there are several targets; None if nothing is declared that could be classes. A
        classifier of several labels a row, of which each is there or not, has a target for each.
    """
    classes = attribute(model, "classes_")
    if isinstance(classes, np.ndarray) and classes.ndim == 1 and has_several_labels(model):
        return [np.array([0, 1]) for _ in classes]
    if not hasattr(classes, "__len__") or not hasattr(classes, "__iter__") \
            or isinstance(classes, str | bytes | Mapping) or len(classes) == 0:
        return None  # CatBoost's regressors have none of them
    if isinstance(classes, list) and all(np.ndim(group) == 1 for group in classes):
        return classes
    return np.asarray(classes)


def has_several_labels(model: Any) -> bool:
    """Return whether a classifier names several of its classes for a row, or none.

    scikit-learn's say so under `multilabel_`, and its networks in how they read the labels.
    """
    while True:
        read = attribute(model, "_label_binarizer")
        if attribute(model, "multilabel_") is True \
                or attribute(read, "y_type_") == "multilabel-indicator":
            return True
        inner = _inside(model)
        if inner is None:
            return False
        model = inner


def _inside(model: Any) -> Any:
    """Return the last step of a pipeline, or the best model of a search; None of others."""
    steps = attribute(model, "steps")
    inner = steps[-1][1] if isinstance(steps, list) and steps else \
        attribute(model, "best_estimator_")
    return None if isinstance(inner, str) else inner


def is_ranker(model: Any) -> bool:
    """Return whether a model learned to order rows: by its class's name or its objective.

    Of a pipeline or a search, its last step or its best model says so.
    """
    while (inner := _inside(model)) is not None:
        model = inner
    objective = attribute(model, "objective")
    return type(model).__name__.endswith("Ranker") or \
        (isinstance(objective, str) and "rank" in objective)


def _answers_to(thing: Any, name: str) -> bool:
    try:
        getattr(thing, name)
    except Exception:
        return False
    return True
