"""Torch modules, scripted and exported ones too."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature
from itertools import chain
from typing import Any

import numpy as np

from xaikit.predictor.backends.base import Backend, Options
from xaikit.predictor.backends.inputs import Split
from xaikit.tables.numeric import number_array
from xaikit.tables.tables import Batch

_MODE_LOCK = threading.RLock()


class TorchModule(Backend):
    """A ``torch.nn.Module``: called with one float tensor, or one for each of ``inputs=``."""

    kind = "torch module"
    takes_inputs = True

    @classmethod
    def accepts(cls, model: Any) -> bool:
        """Return whether `model` is a torch module, scripted ones included."""
        torch = sys.modules.get("torch")
        return torch is not None and isinstance(model, torch.nn.Module)

    def __init__(self, model: Any, options: Options) -> None:
        self.model = model
        self.scale = word_for(options.output, self.kind)
        self._split = None if options.inputs is None else Split(options.inputs,
                                                                options.feature_names)

    def prepare(self, batch: Batch) -> tuple[list[Any], dict[str, Any]]:
        """Build tensors of the dtype and on the device of the first parameter: (args, kwargs)."""
        whom = f"a {self.kind}"
        if self._split is None:
            # Documents stay as they are: a module may hold its own tokenizer.
            return [batch if isinstance(batch, list)
                    else self._tensor(number_array(batch, whom), None)], {}
        parts = [(part.name, self._tensor(cells, part.dtype))
                 for part, cells in self._split.parts(batch, whom)]
        if self._split.by_name:
            return [], {str(name): tensor for name, tensor in parts}
        return [tensor for _, tensor in parts], {}

    def __call__(self, prepared: tuple[list[Any], dict[str, Any]]) -> Any:
        """Ask in evaluation mode without gradients, leaving every training flag as it was."""
        args, kwargs = prepared
        # Not inference_mode: tensors that a module caches then could not be used in training.
        with flags_kept(self.model), sys.modules["torch"].no_grad():
            self.model.eval()
            try:
                return self.model(*args, **kwargs)
            except RuntimeError as error:
                if "scalar types: Long" not in str(error):
                    raise
                raise TypeError(f"{error}. An embedding takes whole numbers: name the columns of "
                                "each input, as in inputs=[([0, 1], 'int64')].") from error

    def _tensor(self, numbers: np.ndarray, dtype: str | None) -> Any:
        torch = sys.modules["torch"]
        own, device = self._takes()
        tensor = torch.tensor(numbers, dtype=own if dtype is None else getattr(torch, dtype),
                              device=device)
        if tensor.is_floating_point() and numbers.size:
            largest = float(np.abs(numbers).max(initial=0.0, where=np.isfinite(numbers)))
            if largest > torch.finfo(tensor.dtype).max:
                raise ValueError(f"a {self.kind} of {tensor.dtype} was given numbers too large for "
                                 f"it, such as {largest:.4g}; scale the columns.")
        return tensor

    def _takes(self) -> tuple[Any, Any]:
        """Return the dtype of the first floating-point tensor of the module, and its device."""
        torch = sys.modules["torch"]
        held = [*chain(self.model.parameters(), self.model.buffers())]
        device = held[0].device if held else torch.device("cpu")
        own = next((t.dtype for t in held if t.is_floating_point()), torch.float32)
        return own, device


class ExportedTorch(TorchModule):
    """A ``torch.export.ExportedProgram`` or its module, called as it was exported."""

    kind = "exported torch program"

    @classmethod
    def accepts(cls, model: Any) -> bool:
        """Return whether `model` was made by ``torch.export``."""
        torch = sys.modules.get("torch")
        if torch is None or "torch.export" not in sys.modules:
            return False
        # The module of a program has its own eval(), which raises.
        return isinstance(model, torch.export.ExportedProgram) or (
            isinstance(model, torch.fx.GraphModule) and "eval" in vars(model))

    def __init__(self, model: Any, options: Options) -> None:
        super().__init__(model, options)
        whole = isinstance(model, sys.modules["torch"].export.ExportedProgram)
        self._module = model.module() if whole else model
        _, by_keyword = (model.example_inputs if whole else None) or ((), {})
        self._by_keyword = set(by_keyword)
        examples = [node.meta["val"] for node in self._module.graph.nodes
                    if node.op == "placeholder" and hasattr(node.meta.get("val"), "shape")]
        self._first = (examples[0].dtype, examples[0].device)
        rows = {e.shape[0] for e in examples if e.ndim and isinstance(e.shape[0], int)}
        self.fixed_rows = rows.pop() if len(rows) == 1 else None

    def prepare(self, batch: Batch) -> tuple[list[Any], dict[str, Any]]:
        """Build tensors; those given by name take the place that the program was exported with."""
        args, named = super().prepare(batch)
        order = [name for name in signature(self._module.forward).parameters if name in named]
        args += [named.pop(name) for name in order if name not in self._by_keyword]
        return args, named

    def __call__(self, prepared: tuple[list[Any], dict[str, Any]]) -> Any:
        """Ask without gradients; an exported program has no training mode."""
        args, kwargs = prepared
        with sys.modules["torch"].no_grad():
            return self._module(*args, **kwargs)

    def _takes(self) -> tuple[Any, Any]:
        """Return the dtype and device of the example that the program was exported with."""
        return self._first


def word_for(output: str | None, kind: str) -> str:
    """Return the user's word for what a network returns; nothing is guessed."""
    if output not in (None, "logits", "proba", "prediction"):
        raise ValueError(f"output of a {kind} must be 'logits', 'proba' or 'prediction' "
                         f"(your word for what it returns), got {output!r}.")
    return output or "model output"


@contextmanager
def flags_kept(module: Any) -> Iterator[None]:
    """Restore the training flag of every part afterwards."""
    # Threads share the module: one must not restore the flags while another is asking.
    with _MODE_LOCK:
        # The parts of a frozen script have no flags.
        flags = [(p, p.training) for p in module.modules() if hasattr(p, "training")]
        try:
            yield
        finally:
            for part, training in flags:
                part.training = training
