"""How each kind of model is called: one small class a kind, tried in the order of `BACKENDS`.

A new kind of model is one class here with the four members of `Backend`, placed before the more
general ones. A framework is looked up in `sys.modules` and never imported: a model of a framework
that was not imported cannot exist.
"""

from __future__ import annotations

import sys
import threading
from itertools import combinations
from typing import Any, ClassVar, Protocol

import numpy as np
import pandas as pd

from xaikit.predictor.schema import Table, kind_of

_MODE_LOCK = threading.RLock()


class Backend(Protocol):
    """What the adapter needs to know of a kind of model."""

    kind: ClassVar[str]
    task: str | None
    """``"classification"``, ``"regression"`` or None where it cannot be known."""
    scale: str
    """What the numbers are: ``"proba"``, ``"decision"``, ``"logits"``, ``"prediction"``, …"""
    feature_names: tuple[Any, ...] | None
    """Column labels the model was fitted with, where it remembers them."""
    class_names: tuple[str, ...] | None
    """Names of the outputs, where the model knows them."""

    @classmethod
    def accepts(cls, model: Any) -> bool:
        """Say whether `model` is of this kind."""

    def __init__(self, model: Any, output: str | None) -> None: ...

    def __call__(self, batch: Table) -> Any:
        """Ask the model; any answer that `answers.as_answers` understands."""


class TorchModule:
    """A ``torch.nn.Module`` that takes one float tensor of shape (n_rows, n_columns)."""

    kind = "torch module"
    task: str | None = None
    feature_names: tuple[Any, ...] | None = None
    class_names: tuple[str, ...] | None = None

    @classmethod
    def accepts(cls, model: Any) -> bool:
        """Say whether `model` is a torch module."""
        torch = sys.modules.get("torch")
        return torch is not None and isinstance(model, torch.nn.Module)

    def __init__(self, model: Any, output: str | None) -> None:
        if output not in (None, "logits", "proba", "prediction"):
            raise ValueError("output of a torch module must be 'logits', 'proba' or 'prediction' "
                             f"(your word for what it returns), got {output!r}.")
        self.model = model
        self.scale = output or "module output"

    def __call__(self, batch: Table) -> Any:
        """Ask in eval mode without gradients, leaving every training flag as it was."""
        torch = sys.modules["torch"]
        first = next(iter(self.model.parameters()), None)
        dtype = first.dtype if first is not None and first.is_floating_point() else torch.float32
        device = first.device if first is not None else torch.device("cpu")
        tensor = torch.tensor(_numeric(batch, "a torch module"), dtype=dtype, device=device)
        # Threads share the module: one that put the flags back would do so under another's feet.
        with _MODE_LOCK:
            flags = [(module, module.training) for module in self.model.modules()]
            try:
                self.model.eval()
                with torch.inference_mode():
                    return self.model(tensor)
            finally:
                for module, training in flags:
                    module.training = training


class Estimator:
    """Anything with scikit-learn's ``predict`` (and ``predict_proba``, ``decision_function``)."""

    kind = "estimator"
    METHODS: ClassVar[dict[str, str]] = {
        "proba": "predict_proba", "decision": "decision_function", "prediction": "predict",
    }

    @classmethod
    def accepts(cls, model: Any) -> bool:
        """Say whether `model` predicts, or is the bound method of something that does."""
        return hasattr(_owner(model), "predict")

    def __init__(self, model: Any, output: str | None) -> None:
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
        self._asked = output is not None or model is not self.model
        scales = {method: scale for scale, method in self.METHODS.items()}
        self.scale = output or scales.get(self.method, self.method)
        self.task = _task(self.model)
        names = getattr(self.model, "feature_names_in_", None)
        self.feature_names = None if names is None else tuple(names)
        self.class_names = self._class_names()

    def __call__(self, batch: Table) -> Any:
        """Ask the chosen method, with names iff the model was fitted with names."""
        answer = getattr(self.model, self.method)(self.prepare(batch))
        if self.class_names is not None and self.method == "predict":
            # Labels are names, not amounts: one output a class, 1 where it is predicted. Whoever
            # asks for output="prediction" gets the labels, if they are numbers.
            return np.asarray(answer)[:, None] == np.asarray(self.model.classes_)
        return answer

    def prepare(self, batch: Table) -> Table:
        """Give the batch the container that the model was fitted with."""
        if self.feature_names is not None:
            if isinstance(batch, np.ndarray):
                _check_width(batch, len(self.feature_names))
                return pd.DataFrame(batch, columns=list(self.feature_names))
            if list(batch.columns) != list(self.feature_names):
                return _select(batch, self.feature_names)
            return batch
        width = getattr(self.model, "n_features_in_", None)
        if width is not None:
            _check_width(batch, width)
            if isinstance(batch, pd.DataFrame) and _all_numbers(batch):
                return _as_array(batch)
        return batch

    def _choose(self, output: str | None) -> str:
        if output is not None:
            if output not in self.METHODS:
                raise ValueError(f"output must be one of {', '.join(self.METHODS)}, "
                                 f"got {output!r}.")
            if not hasattr(self.model, self.METHODS[output]):
                raise ValueError(f"{type(self.model).__name__} has no "
                                 f"{self.METHODS[output]}, so output={output!r} cannot be had.")
            return self.METHODS[output]
        return next(m for m in self.METHODS.values() if hasattr(self.model, m))

    def _class_names(self) -> tuple[str, ...] | None:
        classes = getattr(self.model, "classes_", None)
        if classes is None:
            return None
        if self.method == "predict":
            one_target = not isinstance(classes, list) and self.task == "classification"
            return tuple(str(c) for c in classes) if one_target and not self._asked else None
        if isinstance(classes, list):
            return tuple(f"{k}: {c}" for k, group in enumerate(classes) for c in group)
        if self.method == "decision_function" and len(classes) == 2:
            return (str(classes[1]),)
        shape = getattr(self.model, "decision_function_shape", None)
        if self.method == "decision_function" and shape == "ovo":
            return tuple(f"{a} / {b}" for a, b in combinations(classes, 2))
        return tuple(str(c) for c in classes)


class Function:
    """Any callable: a batch in, one answer a row out."""

    kind = "callable"
    task: str | None = None
    feature_names: tuple[Any, ...] | None = None
    class_names: tuple[str, ...] | None = None

    @classmethod
    def accepts(cls, model: Any) -> bool:
        """Say whether `model` can be called."""
        return callable(model) and not isinstance(model, type)

    def __init__(self, model: Any, output: str | None) -> None:
        self.model = model
        self.scale = output or "output"

    def __call__(self, batch: Table) -> Any:
        """Call it."""
        return self.model(batch)


BACKENDS: tuple[Any, ...] = (TorchModule, Estimator, Function)


def choose(model: Any, output: str | None) -> Backend:
    """Find the backend for `model`.

    Raises
    ------
    TypeError
        If the model can neither be called nor predict.
    """
    for backend in BACKENDS:
        if backend.accepts(model):
            return backend(model, output)
    raise TypeError(
        f"expected a model with predict or predict_proba, a torch module or a function of a batch, "
        f"got {model!r} of type {type(model).__name__}."
    )


def _owner(model: Any) -> Any:
    """Give the estimator behind a bound ``predict…`` method, else the model itself."""
    owner = getattr(model, "__self__", None)
    name = getattr(model, "__name__", "")
    if owner is not None and hasattr(owner, "predict") and name in Estimator.METHODS.values():
        return owner
    return model


def _check_fitted(model: Any) -> None:
    base = sys.modules.get("sklearn.base")
    if base is None or not isinstance(model, base.BaseEstimator):
        return
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(model)
    except NotFittedError as error:
        raise NotFittedError(
            f"{type(model).__name__} is not fitted; fit it before it is explained."
        ) from error


def _task(model: Any) -> str | None:
    base = sys.modules.get("sklearn.base")
    if base is not None and isinstance(model, base.BaseEstimator):
        if base.is_classifier(model):
            return "classification"
        if base.is_regressor(model):
            return "regression"
    return "classification" if hasattr(model, "predict_proba") else None


def _check_width(batch: Table, width: int) -> None:
    if batch.shape[1] != width:
        raise ValueError(f"the model was fitted on {width} columns, got {batch.shape[1]}.")


def _select(frame: pd.DataFrame, names: tuple[Any, ...]) -> pd.DataFrame:
    missing = [str(n) for n in names if n not in frame.columns]
    extra = [str(c) for c in frame.columns if c not in names]
    if missing or extra:
        raise ValueError(
            "the model was fitted on other columns"
            + (f"; missing: {', '.join(missing)}" if missing else "")
            + (f"; not known to it: {', '.join(extra)}" if extra else "") + "."
        )
    return frame[list(names)]


def _all_numbers(frame: pd.DataFrame) -> bool:
    return all(kind_of(d) in ("boolean", "integer", "float") for d in frame.dtypes)


def _as_array(frame: pd.DataFrame) -> np.ndarray:
    """Give a frame of numbers as a writable array; nullable columns become floats."""
    plain = [d if isinstance(d, np.dtype) else np.dtype(np.float64) for d in frame.dtypes]
    return frame.to_numpy(dtype=np.result_type(*plain), na_value=np.nan, copy=True)


def _numeric(batch: Table, whom: str) -> np.ndarray:
    if isinstance(batch, pd.DataFrame):
        bad = [f"{c} ({d})" for c, d in zip(batch.columns, batch.dtypes, strict=True)
               if kind_of(d) not in ("boolean", "integer", "float")]
        if bad:
            raise TypeError(f"{whom} takes numbers, but these columns hold none: "
                            f"{', '.join(bad)}. Wrap a function that encodes them.")
        return batch.to_numpy(dtype=np.float64, na_value=np.nan)
    if batch.dtype.kind not in "biuf":
        raise TypeError(f"{whom} takes numbers, got an array of {batch.dtype}. "
                        "Wrap a function that encodes it.")
    return batch
