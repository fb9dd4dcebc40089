"""How each kind of model is called: one small class for each, tried in the order of `BACKENDS`."""

from __future__ import annotations

from typing import Any

from xaikit.predictor.backends.base import Backend, Options
from xaikit.predictor.backends.boosters import CatBoostModel, LightGBMBooster, XGBoostBooster
from xaikit.predictor.backends.estimators import Estimator, Function
from xaikit.predictor.backends.keras_models import KerasModel
from xaikit.predictor.backends.named_functions import NamedFunction
from xaikit.predictor.backends.onnx_sessions import OnnxSession
from xaikit.predictor.backends.torch_modules import ExportedTorch, TorchModule
from xaikit.tables.wording import cut

BACKENDS: tuple[type[Backend], ...] = (
    KerasModel, ExportedTorch, TorchModule, OnnxSession, XGBoostBooster, LightGBMBooster,
    CatBoostModel, Estimator, NamedFunction, Function,
)
"""Special kinds come before more general ones."""


def choose(model: Any, options: Options) -> Backend:
    """Return the backend for `model`.

    Raises
    ------
    TypeError
        If the model can neither be called nor predict.
    ValueError
        If an option has no use for this kind of model.
    """
    for backend in BACKENDS:
        if backend.accepts(model):
            if options.inputs is not None and not backend.takes_inputs:
                raise ValueError(f"inputs= is for models with several inputs (torch, Keras, ONNX); "
                                 f"a model of kind {backend.kind!r} is handed the whole batch.")
            return backend(model, options)
    raise TypeError(
        f"expected a model with predict or predict_proba, a torch module or a function of a batch, "
        f"got {cut(repr(model), 200)} of type {type(model).__name__}."
    )
