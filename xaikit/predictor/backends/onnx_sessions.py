"""ONNX: sessions of onnxruntime."""

from __future__ import annotations

import sys
from typing import Any

from xaikit.predictor.backends.base import Backend, Options
from xaikit.predictor.backends.inputs import TEXT, Declared, split_of
from xaikit.tables.tables import Batch

DTYPES = {
    "float": "float32", "double": "float64", "float16": "float16", "bool": "bool", "string": TEXT,
    **{f"{sign}int{bits}": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}
"""ONNX's names of element types, and NumPy's."""
WORDS = ("proba", "decision", "logits", "prediction")


class OnnxSession(Backend):
    """An ``onnxruntime.InferenceSession``: every input cast to its declared type."""

    kind = "ONNX session"
    takes_inputs = True

    @classmethod
    def accepts(cls, model: Any) -> bool:
        """Return whether `model` is a session."""
        runtime = sys.modules.get("onnxruntime")
        return runtime is not None and isinstance(model, runtime.InferenceSession)

    def __init__(self, model: Any, options: Options) -> None:
        self.model = model
        declared = [_declared(given) for given in model.get_inputs()]
        self._split = split_of(options.inputs, options.feature_names, declared, f"this {self.kind}")
        self._inputs = declared
        rows = {d.rows for d in declared if d.rows is not None}
        self.fixed_rows = rows.pop() if len(rows) == 1 else None
        if self._split is not None and options.inputs is None:
            self.feature_names = self._split.feature_names
        self._output = _output(model.get_outputs(), options.output)
        probable = _holds_probabilities(self._output)
        self.task = "classification" if probable else None
        self.scale = options.output or ("proba" if probable else "model output")

    def prepare(self, batch: Batch) -> dict[str, Any]:
        """Build an array for each input by name."""
        whom = f"an {self.kind}"
        if self._split is None:
            return {self._inputs[0].name: self._inputs[0].of(batch, whom)}
        # By the declared names: inputs= may be a list, in their order.
        return {part.own_name: cells for part, cells in self._split.parts(batch, whom)}

    def __call__(self, prepared: dict[str, Any]) -> Any:
        """Run for the chosen output; a ZipMap answers with a dict for each row."""
        return self.model.run([self._output.name], prepared)[0]


def _declared(given: Any) -> Declared:
    held = given.type.removeprefix("tensor(").removesuffix(")")
    if held not in DTYPES:
        raise TypeError(f"input {given.name!r} of the ONNX model takes {given.type}, which NumPy "
                        "cannot make; wrap a function that runs the session.")
    shape = tuple(n if isinstance(n, int) else None for n in given.shape)
    return Declared(given.name, DTYPES[held], shape or (None, None))


def _output(outputs: list[Any], asked: str | None) -> Any:
    """Choose the output: by name, else probabilities, else the first numbers."""
    named = {output.name: output for output in outputs}
    if asked in named:
        return named[asked]
    if asked is not None and asked not in WORDS:
        raise ValueError(f"output must be one of the session's ({', '.join(named)}) or your word "
                         f"for what it returns ({', '.join(WORDS)}), got {asked!r}.")
    likely = [o for o in outputs if _holds_probabilities(o)]
    if asked == "proba" and likely:
        return likely[0]
    numbers = [o for o in outputs if o.type in ("tensor(float)", "tensor(double)",
                                                "tensor(float16)")]
    whole = [o for o in outputs if "int" in o.type and o.type.startswith("tensor(")]
    found = [*(likely if asked is None else []), *numbers, *whole]
    if not found:
        types = ", ".join(f"{o.name}: {o.type}" for o in outputs)
        raise TypeError(f"none of the session's outputs are numbers ({types}).")
    return found[0]


def _holds_probabilities(output: Any) -> bool:
    """Return whether an output is probabilities: named so, or zipped with the class labels."""
    return output.type.startswith("seq(map(") or "prob" in output.name.lower()
