"""The rows of torch and Keras; see `model_zoo`."""

from __future__ import annotations

import copy
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from model_zoo import ARRAY, IMAGES, MIXED, NUMBERS, Row, array_of, float32, row

# --- torch

def torch_state(module: Any) -> Any:
    if not hasattr(module, "modules"):
        return None
    flags = [(type(part).__name__, part.training) for part in module.modules()]
    held = [*module.named_parameters(), *module.named_buffers()]
    kept = [(name, t.dtype, t.device, t.requires_grad, t.is_inference(),
             joblib.hash(t.detach().double().numpy())) for name, t in held]
    return flags, kept


def dense(dtype: str = "float32") -> Any:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Dropout(),
                                 torch.nn.Linear(4, 2)).to(getattr(torch, dtype))
    module.train()
    module[1].eval()  # a mixture of modes, to be found as it was
    return module


def tensors(X: Any, dtype: str = "float32") -> Any:
    torch = pytest.importorskip("torch")
    numbers = X.to_numpy(dtype=np.float64) if isinstance(X, pd.DataFrame) else X
    return torch.tensor(numbers, dtype=getattr(torch, dtype))


def asked(module: Any, *args: Any, **kwargs: Any) -> Any:
    """Ask a copy in evaluation mode."""
    torch = pytest.importorskip("torch")
    with torch.no_grad():
        return copy.deepcopy(module).eval()(*args, **kwargs)


def module_row(module: Any, X: Any, dtype: str = "float32", **more: Any) -> Row:
    return Row(module, X, lambda m, Z: asked(m, tensors(Z, dtype)), (module, "forward"),
               lambda Z: tensors(Z, dtype), torch_state, **more)


@row("torch Module", "array, float32")
def _() -> Row:
    return module_row(dense(), array_of(np.float32), tolerance=1e-6)


@row("torch Module", "pandas, numbers")
def _() -> Row:
    return module_row(dense(), NUMBERS, tolerance=1e-6)


@row("torch Module, float64", "array, float64")
def _() -> Row:
    return module_row(dense("float64"), ARRAY, "float64")


@row("torch Module, bfloat16", "array, float32")
def _() -> Row:
    return module_row(dense("bfloat16"), array_of(np.float32), "bfloat16", tolerance=1e-2)


@row("torch Module", "torch tensor")
def _() -> Row:
    module = dense()
    return Row(module, tensors(ARRAY), asked, (module, "forward"), state=torch_state,
               tolerance=1e-6)


@row("torch Module, scripted", "array, float32")
def _() -> Row:
    torch = pytest.importorskip("torch")
    module = torch.jit.script(dense())
    return Row(module, array_of(np.float32), lambda m, Z: asked(m, tensors(Z)), None,
               lambda Z: ([tensors(Z)], {}), torch_state, tolerance=1e-6)


@row("torch, exported", "array, float32")
def _() -> Row:
    return exported({0: "rows"})


@row("torch, exported with 8 rows a call", "array, float32")
def _() -> Row:
    return exported(None)


def exported(rows: Any) -> Row:
    torch = pytest.importorskip("torch")
    module = dense().eval()
    shapes = None if rows is None else ({0: torch.export.Dim("rows")},)
    program = torch.export.export(module, (torch.zeros(8, 3),), dynamic_shapes=shapes)
    return Row(program, array_of(np.float32), lambda _, Z: asked(module, tensors(Z)), None,
               lambda Z: ([tensors(Z)], {}), tolerance=1e-6)


@row("torch Module, two inputs", "pandas, categories and numbers")
def _() -> Row:
    torch = pytest.importorskip("torch")

    class TwoInputs(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.towns, self.last = torch.nn.Embedding(4, 2), torch.nn.Linear(4, 1)

        def forward(self, numbers: Any, codes: Any) -> Any:
            return self.last(torch.cat([numbers, self.towns(codes[:, 0])], dim=1))

    torch.manual_seed(0)
    module = TwoInputs()
    X = MIXED[["town", "age", "income"]]

    def parts(Z: pd.DataFrame) -> dict[str, Any]:
        return {"numbers": tensors(Z[["age", "income"]]),
                "codes": tensors(Z["town"].cat.codes.to_numpy()[:, None], "int64")}

    return Row(module, X, lambda m, Z: asked(m, **parts(Z)), (module, "forward"), parts,
               torch_state, {"inputs": {"numbers": ["age", "income"], "codes": (["town"], "int64")}},
               tolerance=1e-6)


def conv() -> Any:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), torch.nn.ReLU(), torch.nn.Flatten(),
                               torch.nn.Linear(72, 2))


@row("torch Module, channels first", "images, uint8, channels last")
def _() -> Row:
    module = conv()

    def turned(Z: Any) -> Any:
        return tensors(np.moveaxis(Z, -1, 1).astype(np.float32))

    return Row(module, IMAGES, lambda m, Z: asked(m, turned(Z)), (module, "forward"), turned,
               torch_state, {"channels": "first"}, tolerance=1e-5)


@row("torch Module, channels first", "images, float32, channels first")
def _() -> Row:
    X = np.ascontiguousarray(np.moveaxis(IMAGES, -1, 1).astype(np.float32) / 255)
    return module_row(conv(), X, tolerance=1e-5)


# --- Keras

def keras_of(*layers: Any, shape: tuple[int, ...] = (3,)) -> Any:
    keras = pytest.importorskip("keras")
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input(shape), *(layer(keras.layers) for layer in layers)])


def keras_state(model: Any) -> Any:
    flags = [part.training for part in model.modules()] if hasattr(model, "modules") else None
    return flags, [w.trainable for w in model.weights], [
        joblib.hash(np.asarray(w.numpy())) for w in model.weights]


def keras_row(model: Any, X: Any, wanted: Any, **more: Any) -> Row:
    model.train() if hasattr(model, "train") and hasattr(model, "modules") else None
    own = keras_copy(model)
    return Row(model, X, lambda _, Z: own.predict(wanted(Z), verbose=0), (model, "predict"), wanted,
               keras_state, tolerance=1e-5, **more)


def keras_copy(model: Any) -> Any:
    keras = pytest.importorskip("keras")
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    return twin


@row("Keras Sequential", "array, float32")
def _() -> Row:
    return keras_row(keras_of(lambda of: of.Dense(4, "relu"), lambda of: of.Dropout(0.5),
                              lambda of: of.Dense(1)), array_of(np.float32), float32)


@row("Keras Sequential", "pandas, numbers")
def _() -> Row:
    return keras_row(keras_of(lambda of: of.Dense(4, "relu"), lambda of: of.Dense(2, "softmax")),
                     NUMBERS, float32)


@row("Keras, one input a column", "pandas, numbers")
def _() -> Row:
    keras = pytest.importorskip("keras")
    keras.utils.set_random_seed(0)
    inputs = {name: keras.Input((1,), name=name) for name in ("income", "age")}
    joined = keras.layers.Concatenate()(list(inputs.values()))
    model = keras.Model(inputs, keras.layers.Dense(1)(joined))
    return keras_row(model, MIXED[["age", "income"]],
                     lambda Z: {name: float32(Z[[name]]) for name in sorted(inputs)})


@row("Keras, channels last", "images, float32, channels last")
def _() -> Row:
    model = keras_of(lambda of: of.Conv2D(2, 3), lambda of: of.Flatten(), lambda of: of.Dense(2),
                     shape=(8, 8, 3))
    return keras_row(model, IMAGES.astype(np.float32) / 255, float32)
