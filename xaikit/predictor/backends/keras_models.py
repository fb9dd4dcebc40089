"""Keras 3 models, on any of its back ends (tried on torch)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from xaikit.predictor.backends.base import Backend, Options
from xaikit.predictor.backends.inputs import Declared, split_of
from xaikit.predictor.backends.torch_modules import flags_kept, word_for
from xaikit.tables.tables import Batch


class KerasModel(Backend):
    """A ``keras.Model``: ``predict`` of one array, or of one for each input."""

    kind = "Keras model"
    takes_inputs = True
    thread_safe = False  # predict builds and shares its function and counters

    @classmethod
    def accepts(cls, model: Any) -> bool:
        """Return whether `model` is a Keras model."""
        keras = sys.modules.get("keras")
        return keras is not None and isinstance(model, getattr(keras, "Model", ()))

    def __init__(self, model: Any, options: Options) -> None:
        self.model = model
        self.scale = word_for(options.output, self.kind)
        # A model that was not called yet, or is written as a class, declares no inputs.
        tensors = getattr(model, "inputs", None) or []
        declared = [Declared(t.name, _numpy_name(t.dtype), tuple(t.shape)) for t in tensors]
        self._split = split_of(options.inputs, options.feature_names, declared, f"this {self.kind}")
        self._single = declared[0] if declared else Declared("input", "float32", ())
        self.fixed_rows = self._single.rows
        if self._split is not None and options.inputs is None:
            self.feature_names = self._split.feature_names

    def prepare(self, batch: Batch) -> Any:
        """Build arrays of the declared dtypes: one, a list, or a dict by input name."""
        whom = f"a {self.kind}"
        if self._split is None:
            return self._single.of(batch, whom)
        parts = self._split.parts(batch, whom)
        if not self._split.by_name:
            return [cells for _, cells in parts]
        return {str(part.name): cells for part, cells in parts}

    def __call__(self, prepared: Any) -> Any:
        """Ask about one batch, leaving every training flag as it was."""
        first = next(iter(prepared.values())) if isinstance(prepared, dict) else prepared
        rows = len(first[0]) if isinstance(first, list) else len(first)
        with _untouched(self.model):
            return self.model.predict(prepared, batch_size=rows, verbose=0)


def _numpy_name(dtype: Any) -> str:
    """Return the dtype to hand over: NumPy has no bfloat16, and Keras casts float32 to it."""
    name = str(dtype)
    return "float32" if name == "bfloat16" else np.dtype(name).name


@contextmanager
def _untouched(model: Any) -> Iterator[None]:
    """Restore training flags: on torch, predict leaves every part in evaluation mode."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(model, torch.nn.Module):
        yield
        return
    with flags_kept(model):
        yield
