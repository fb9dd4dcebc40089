"""Torch: modules, scripted and exported ones."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from xaikit.predictor.backends.base import Backend, Options, Split, as_numbers
from xaikit.predictor.tables import Batch

_MODE_LOCK = threading.RLock()


class TorchModule(Backend):
    """A ``torch.nn.Module``: one float tensor a call, or one for each of ``inputs=``."""

    kind = "torch module"
    takes_inputs = True

    @classmethod
    def accepts(cls, model: Any) -> bool:
        """Say whether `model` is a torch module."""
        torch = sys.modules.get("torch")
        return torch is not None and isinstance(model, torch.nn.Module)

    def __init__(self, model: Any, options: Options) -> None:
        if options.output not in (None, "logits", "proba", "prediction"):
            raise ValueError("output of a torch module must be 'logits', 'proba' or 'prediction' "
                             f"(your word for what it returns), got {options.output!r}.")
        self.model = model
        self.scale = options.output or "module output"
        self._split = None if options.inputs is None else Split(options.inputs,
                                                                options.feature_names)

    def prepare(self, batch: Batch) -> tuple[list[Any], dict[str, Any]]:
        """Make tensors of the dtype and on the device of the first parameter: (args, kwargs)."""
        if self._split is None:
            # Documents go as they are: a module may hold its own tokenizer.
            return [batch if isinstance(batch, list)
                    else self._tensor(as_numbers(batch, "a torch module"), None)], {}
        parts = [(part.name, self._tensor(numbers, part.dtype))
                 for part, numbers in self._split.parts(batch, "a torch module")]
        if self._split.by_name:
            return [], {str(name): tensor for name, tensor in parts}
        return [tensor for _, tensor in parts], {}

    def __call__(self, prepared: tuple[list[Any], dict[str, Any]]) -> Any:
        """Ask in eval mode without gradients, leaving every training flag as it was."""
        args, kwargs = prepared
        with evaluating(self.model):
            return self.model(*args, **kwargs)

    def _tensor(self, numbers: np.ndarray, dtype: str | None) -> Any:
        torch = sys.modules["torch"]
        first = next(iter(self.model.parameters()), None)
        own = first.dtype if first is not None and first.is_floating_point() else torch.float32
        device = first.device if first is not None else torch.device("cpu")
        return torch.tensor(numbers, dtype=own if dtype is None else getattr(torch, dtype),
                            device=device)


@contextmanager
def evaluating(module: Any) -> Iterator[None]:
    """Put a module in evaluation mode, without gradients; put every flag back afterwards."""
    torch = sys.modules["torch"]
    # Threads share the module: one that put the flags back would do so under another's feet.
    with _MODE_LOCK:
        flags = [(part, part.training) for part in module.modules()]
        try:
            module.eval()
            with torch.inference_mode():
                yield
        finally:
            for part, training in flags:
                part.training = training
