"""Estimators: anything with a method of scikit-learn's that answers, and functions."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from itertools import combinations
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from xaikit.predictor.answers import in_row_order
from xaikit.predictor.attributes import (
    attribute,
    declared_classes,
    has_several_labels,
    is_ranker,
    method,
)
from xaikit.predictor.backends.base import Backend, Options, check_columns, check_width
from xaikit.predictor.backends.boosters import (
    LightGBMBooster,
    lightgbm_frame,
    names_unless,
    without_arrow,
)
from xaikit.predictor.failures import words_for
from xaikit.tables.containers import NAMES
from xaikit.tables.dtypes import NUMBERS, kind_of
from xaikit.tables.tables import Batch, is_table
from xaikit.tables.wording import level_text, listed

TASKS = {"classifier": "classification", "regressor": "regression"}
"""Tasks by what estimators call themselves."""

MARGINS: dict[str, dict[str, Any]] = {
    "xgboost": {"output_margin": True}, "catboost": {"prediction_type": "RawFormulaVal"},
}
"""What `predict` of classifiers without decision_function returns margins for, by library."""


class Estimator(Backend):
    """Anything with scikit-learn's ``predict_proba``, ``decision_function`` or ``predict``.

    It need not derive from scikit-learn's classes.
    """

    kind = "estimator"
    containers = NAMES
    METHODS: ClassVar[dict[str, str]] = {
        "proba": "predict_proba", "decision": "decision_function", "prediction": "predict",
    }

    @classmethod
    def accepts(cls, model: Any) -> bool:
        """Return whether `model` predicts, or is a bound method of something that does."""
        return bool(_methods(_owner(model)))

    def __init__(self, model: Any, options: Options) -> None:
        output = options.output
        self.model = _owner(model)
        if isinstance(self.model, type):
            raise TypeError(f"expected a fitted model, got the class {self.model.__name__}; "
                            "pass an instance of it.")
        _check_fitted(self.model)
        if model is not self.model:
            self.method = model.__name__
            if output is not None and self.METHODS.get(output) != self.method:
                raise ValueError(f"output={output!r} contradicts the bound method "
                                 f"{self.method}; leave one of them out.")
        else:
            self.method = self._choose(output)
        self._called, self._keywords = self.method, dict[str, Any]()
        if self.method == "decision_function" and method(self.model, self.method) is None:
            self._called, self._keywords = "predict", MARGINS[_library(self.model)]
        self._asked = output is not None or model is not self.model
        scales = {method: scale for scale, method in self.METHODS.items()}
        self.scale = output or scales.get(self.method, self.method)
        self.ranks = is_ranker(self.model)
        self.task = None if self.ranks else _task(self.model)
        self.classes = declared_classes(self.model)
        self.feature_names, self._spell = _fitted_names(self.model)
        self._of_lightgbm = _library(self.model) == "lightgbm"
        if self._of_lightgbm or _library(self.model) == "catboost":
            # LightGBM's Arrow reader crashes the process on categories, and CatBoost's on those
            # of polars.
            self.containers = tuple(name for name in NAMES if name != "polars")
        self.class_names = self._class_names()
        self.output_classes = self._output_classes()

    def __call__(self, prepared: Any) -> Any:
        """Ask the chosen method."""
        try:
            answer = getattr(self.model, self._called)(prepared, **self._keywords)
        except Exception as error:
            if _seems_unfitted(self.model) or _lacks_its_own(error):
                raise ValueError(
                    f"{words_for(error).rstrip('.')}. {type(self.model).__name__} seems not to be "
                    "fitted; fit it before it is explained.") from error
            raise
        if self.class_names is not None and self.method == "predict":
            # Labels are names, not amounts: return one output a class, 1 where it is predicted.
            # output="prediction" returns the labels themselves, if they are numbers.
            return _one_hot(answer, self.classes, prepared)
        return answer

    def prepare(self, batch: Batch) -> Batch:
        """Convert the batch to what the model was fitted on: a frame of its names, or an array."""
        if not is_table(batch):
            return batch
        if self._of_lightgbm and isinstance(batch, pd.DataFrame):
            batch = lightgbm_frame(batch)
        elif _library(self.model) == "catboost" and isinstance(batch, pd.DataFrame):
            batch = without_arrow(batch)
        if self.feature_names is not None:
            if isinstance(batch, np.ndarray):
                check_width(batch, len(self.feature_names))
                return pd.DataFrame(batch, columns=list(self.feature_names))
            if type(self.model).__name__ == "XGBRanker" and "qid" not in self.feature_names:
                batch = batch.drop(columns="qid", errors="ignore")  # read at the fit, not after it
            # The schema has usually put the columns in this order already.
            if tuple(batch.columns) == self.feature_names:
                return batch
            return check_columns(batch, self.feature_names, self._spell)
        width = _fitted_width(self.model)
        if width is not None:
            check_width(batch, width)
            # scikit-learn remembers only labels that are text, so a frame with other labels may be
            # what the model was fitted on.
            if isinstance(batch, pd.DataFrame) and _all_numbers(batch) \
                    and all(isinstance(c, str) for c in batch.columns):
                return _as_array(batch)
        return batch

    @property
    def methods(self) -> tuple[str, ...]:
        """Those of `METHODS` that the model has."""
        return _methods(self.model)

    def _choose(self, output: str | None) -> str:
        if output is not None:
            if output not in self.METHODS:
                raise ValueError(f"output must be one of {', '.join(self.METHODS)}, "
                                 f"got {output!r}.")
            margins = output == "decision" and _library(self.model) in MARGINS \
                and _task(self.model) == "classification"
            if method(self.model, self.METHODS[output]) is None and not margins:
                raise ValueError(f"{type(self.model).__name__} has no "
                                 f"{self.METHODS[output]}, so output={output!r} is not possible.")
            return self.METHODS[output]
        return self.methods[0]

    def _class_names(self) -> tuple[str, ...] | None:
        classes = self.classes
        if classes is None:
            return None
        # With several targets each has an array of classes.
        several = isinstance(classes, list)
        if self.method == "predict":
            one_target = not several and self.task == "classification"
            return tuple(str(c) for c in classes) if one_target and not self._asked else None
        inner = _innermost(self.model)
        if several and has_several_labels(inner):
            return tuple(map(str, self.model.classes_))
        if several and type(inner).__name__ == "ClassifierChain":
            # One answer a target: that of the second of its two classes.
            return tuple(f"{k}: {group[-1]}" for k, group in enumerate(classes))
        if several:
            return tuple(f"{k}: {c}" for k, group in enumerate(classes) for c in group)
        if self.method == "decision_function" and len(classes) == 2:
            return (str(classes[1]),)
        shape = attribute(inner, "decision_function_shape")
        if self.method == "decision_function" and shape == "ovo":
            return tuple(f"{a} / {b}" for a, b in combinations(classes, 2))
        return tuple(str(c) for c in classes)

    def _output_classes(self) -> tuple[Any, ...] | None:
        """Return the class of each output if there is one an output: its name may hide a number."""
        if self.class_names is None or np.ndim(self.model.classes_[0]) > 0:
            return None
        every, second = tuple(self.model.classes_), tuple(self.model.classes_[1:])
        return next((c for c in (every, second) if tuple(map(str, c)) == self.class_names), None)


class Function(Backend):
    """Any callable: a batch in, one answer a row out."""

    kind = "callable"
    containers = NAMES

    @classmethod
    def accepts(cls, model: Any) -> bool:
        """Return whether `model` can be called."""
        return callable(model) and not isinstance(model, type)

    def __init__(self, model: Any, options: Options) -> None:
        self.model = model
        self.scale = options.output or "output"

    def __call__(self, prepared: Any) -> Any:
        """Call the function."""
        return self.model(prepared)


def _methods(model: Any) -> tuple[str, ...]:
    return tuple(name for name in Estimator.METHODS.values() if method(model, name))


def _one_hot(answer: Any, classes: Any, handed: Any) -> np.ndarray:
    """Return which class each label is, (n_rows, n_classes); refuse a label that is none."""
    if np.ma.is_masked(answer):
        raise ValueError("some of the labels that predict returned are masked.")
    labels = np.asarray(in_row_order(answer, handed)).reshape(-1)
    hits = labels[:, None] == np.asarray(classes)
    if not hits.any(axis=1).all():
        strange = labels[~hits.any(axis=1)][0]
        raise ValueError(f"predict answered with {level_text(strange)}, which is none of the "
                         f"model's classes_: {listed([level_text(c) for c in classes])}.")
    return hits


def _owner(model: Any) -> Any:
    """Return the estimator behind a bound ``predict…`` method, else the model itself."""
    owner, name = attribute(model, "__self__"), attribute(model, "__name__")
    # The owner of a class method is no model but a class: then the method is a function.
    bound = owner is not None and not isinstance(owner, type) and isinstance(name, str)
    return owner if bound and name in Estimator.METHODS.values() else model


def _fitted_names(model: Any) -> tuple[tuple[Any, ...] | None, Callable[[Any], Any]]:
    """Return the column labels of the fit, and how the model's library spells a label."""
    library = _library(model)
    if library == "catboost":
        return names_unless(getattr(model, "feature_names_", None) or (), ""), str
    names = attribute(model, "feature_names_in_")
    if not isinstance(names, list | tuple | np.ndarray | pd.Index):
        return None, _as_it_is
    # LightGBM remembers 'my age' as 'my_age', and so do estimators built around it.
    lightgbm_wrote = _holds(model, "lightgbm") and not any(" " in str(name) for name in names)
    spell = LightGBMBooster.spell if lightgbm_wrote else _as_it_is
    return names_unless(names, "Column_") if lightgbm_wrote else tuple(names), spell


def _fitted_width(model: Any) -> int | None:
    if _library(model) == "catboost":  # n_features_in_ is 0 after loading
        return len(model.feature_names_ or ()) or None
    width = attribute(model, "n_features_in_")
    return int(width) if isinstance(width, int | np.integer) else None


def _library(model: Any) -> str:
    return type(model).__module__.split(".")[0]


def _holds(model: Any, library: str) -> bool:
    """Return whether an estimator is of a library, or built around one that is."""
    if _library(model) == library:
        return True
    if library not in sys.modules or not hasattr(model, "get_params"):
        return False
    parts = [model, *model.get_params().values()]
    return any(_library(part) == library for part in parts)


def _innermost(model: Any) -> Any:
    """Return the estimator that answers, inside pipelines, searches and frozen estimators."""
    while True:
        inside = last_step(model)
        if inside is None:
            inside = attribute(model, "estimator" if type(model).__name__ == "FrozenEstimator"
                               else "best_estimator_")
        if inside is None:
            return model
        model = inside


def last_step(model: Any) -> Any:
    """Return the last step of a pipeline of named steps; None of anything else."""
    steps = attribute(model, "steps")
    if isinstance(steps, list) and steps and isinstance(steps[-1], tuple) and len(steps[-1]) == 2:
        return steps[-1][1]
    return None


def _as_it_is(label: Any) -> Any:
    return label


def _check_fitted(model: Any) -> None:
    """Refuse an estimator that is known to be unfitted; others are asked, and may answer."""
    inner = _innermost(model)
    known = _library(inner) == "sklearn" or method(inner, "__sklearn_is_fitted__")
    if known and _seems_unfitted(model):
        from sklearn.exceptions import NotFittedError

        raise NotFittedError(f"{type(model).__name__} is not fitted; fit it before it is "
                             "explained.")


def _lacks_its_own(error: Exception) -> bool:
    """Return whether a model that can be fitted failed for lack of an attribute of its own."""
    return isinstance(error, AttributeError) and method(error.obj, "fit") is not None


def _seems_unfitted(model: Any) -> bool:
    """Return whether scikit-learn takes an estimator for unfitted.

    It does so if no attribute ends in an underscore, which is a convention that classes of one's
    own need not follow.
    """
    base = sys.modules.get("sklearn.base")
    if base is None or not isinstance(model, base.BaseEstimator):
        return False
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(model)
    except NotFittedError:
        return True
    return False


def _task(model: Any) -> str | None:
    base = sys.modules.get("sklearn.base")
    # scikit-learn asks for tags, which only its own classes and those that know it have.
    if base is not None and method(model, "__sklearn_tags__"):
        with suppress(Exception):
            if base.is_classifier(model):
                return "classification"
            if base.is_regressor(model):
                return "regression"
    # Other classes, such as CatBoost's, name their task as scikit-learn's once did.
    says = attribute(model, "_estimator_type")
    if isinstance(says, str) and says in TASKS:
        return TASKS[says]
    return "classification" if method(model, "predict_proba") else None


def _all_numbers(frame: pd.DataFrame) -> bool:
    return all(kind_of(d) in NUMBERS for d in frame.dtypes)


def _as_array(frame: pd.DataFrame) -> np.ndarray:
    """Convert a frame of numbers to a writable array; nullable columns become floats."""
    plain = [d if isinstance(d, np.dtype) else np.dtype(np.float64) for d in frame.dtypes]
    return frame.to_numpy(dtype=np.result_type(*plain), na_value=np.nan, copy=True)
