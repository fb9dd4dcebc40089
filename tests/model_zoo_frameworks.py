"""The rows of torch, Keras, the boosters and ONNX; see `model_zoo`."""

from __future__ import annotations

import copy
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from model_zoo import (
    ARRAY,
    IMAGES,
    LABELS,
    MIXED,
    NUMBERS,
    TARGET,
    TEXTS,
    Row,
    Y,
    array_of,
    estimator,
    row,
)

LEVELS = MIXED[["age", "income", "town", "size", "member"]]


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


def float32(Z: Any) -> np.ndarray:
    return np.asarray(Z.to_numpy(dtype=np.float64) if hasattr(Z, "to_numpy") else Z,
                      dtype=np.float32)


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


# --- boosters

@row("XGBoost estimator", "pandas, categories and missing")
def _() -> Row:
    xgboost = pytest.importorskip("xgboost")
    X = LEVELS.assign(income=LEVELS["income"].where(LEVELS["income"] > -1))
    return estimator(xgboost.XGBClassifier(n_estimators=5, enable_categorical=True).fit(X, Y), X)


@row("XGBoost Booster", "pandas, categories and missing")
def _() -> Row:
    X = LEVELS.assign(income=LEVELS["income"].where(LEVELS["income"] > -1))
    return xgboost_row(X)


@row("XGBoost Booster", "array, float64")
def _() -> Row:
    return xgboost_row(ARRAY)


def xgboost_row(X: Any) -> Row:
    xgboost = pytest.importorskip("xgboost")

    def matrix(Z: Any, **more: Any) -> Any:
        return xgboost.DMatrix(Z, enable_categorical=True, **more)

    booster = xgboost.train({"objective": "binary:logistic"}, matrix(X, label=Y), 5)
    return Row(booster, X, lambda b, Z: b.predict(matrix(Z)), (booster, "predict"), matrix,
               lambda b: (bytes(b.save_raw()), b.attributes()), tolerance=1e-6)


@row("LightGBM estimator", "pandas, categories and missing")
def _() -> Row:
    lightgbm = pytest.importorskip("lightgbm")
    X = LEVELS.assign(income=LEVELS["income"].where(LEVELS["income"] > -1))
    return estimator(lightgbm.LGBMClassifier(n_estimators=5, verbose=-1).fit(X, Y), X)


@row("LightGBM estimator", "array, float64")
def _() -> Row:
    lightgbm = pytest.importorskip("lightgbm")
    return estimator(lightgbm.LGBMRegressor(n_estimators=5, verbose=-1).fit(ARRAY, TARGET), ARRAY,
                     "predict")


@row("LightGBM Booster", "pandas, categories and missing")
def _() -> Row:
    return lightgbm_row(LEVELS.assign(income=LEVELS["income"].where(LEVELS["income"] > -1)))


@row("LightGBM Booster", "array, float64")
def _() -> Row:
    return lightgbm_row(ARRAY)


def lightgbm_row(X: Any) -> Row:
    lightgbm = pytest.importorskip("lightgbm")
    booster = lightgbm.train({"objective": "binary", "verbose": -1, "min_data_in_leaf": 5},
                             lightgbm.Dataset(X, Y), 5)
    return Row(booster, X, lambda b, Z: b.predict(Z), (booster, "predict"),
               state=lambda b: (b.model_to_string(), b.params))


@row("CatBoost estimator", "pandas, categories and text")
def _() -> Row:
    return catboost_row("CatBoostClassifier", MIXED[["age", "income", "town", "word", "member"]],
                        ["town", "word"])


@row("CatBoost, native", "pandas, categories and text")
def _() -> Row:
    return catboost_row("CatBoost", MIXED[["age", "income", "town", "word", "member"]],
                        ["town", "word"], "predict")


@row("CatBoost estimator", "array, float64")
def _() -> Row:
    return catboost_row("CatBoostClassifier", ARRAY, [])


def catboost_row(name: str, X: Any, categories: list[str], method: str = "predict_proba") -> Row:
    catboost = pytest.importorskip("catboost")
    settings = {"iterations": 5, "cat_features": categories, "verbose": 0, "thread_count": 1,
                "allow_writing_files": False, "random_seed": 0}
    made = getattr(catboost, name)
    model = (made(settings) if name == "CatBoost" else made(**settings)).fit(X, Y)
    return Row(model, X, lambda m, Z: getattr(m, method)(Z), (model, method),
               state=lambda m: m.get_params())


# --- ONNX

@row("ONNX session, one input", "array, float32")
def _() -> Row:
    return onnx_row(array_of(np.float32), zipmap=False)


@row("ONNX session, one input, ZipMap", "pandas, numbers")
def _() -> Row:
    return onnx_row(NUMBERS, zipmap=True)


def session_of(model: Any, types: list[Any], X: Any, **options: Any) -> Any:
    runtime = pytest.importorskip("onnxruntime")
    convert = pytest.importorskip("skl2onnx")
    proto = convert.to_onnx(model, initial_types=types, options=options or None)
    return runtime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])


def onnx_row(X: Any, zipmap: bool) -> Row:
    pytest.importorskip("skl2onnx")
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit(float32(X), LABELS)
    session = session_of(model, [("X", FloatTensorType([None, 3]))], X, zipmap=zipmap)

    def own(s: Any, Z: Any) -> Any:
        answers = s.run(None, {"X": float32(Z)})[1]
        return [list(row.values()) for row in answers] if zipmap else answers

    return Row(session, X, own, None, lambda Z: {"X": float32(Z)}, tolerance=1e-6)


@row("ONNX session, one input a column", "pandas, mixed columns")
def _() -> Row:
    pytest.importorskip("skl2onnx")
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    X = MIXED[["age", "short", "word"]]
    model = make_pipeline(make_column_transformer(
        (OneHotEncoder(), ["word"]), remainder="passthrough"), LogisticRegression()).fit(X, LABELS)
    session = session_of(model, [("age", Int64TensorType([None, 1])),
                                 ("short", FloatTensorType([None, 1])),
                                 ("word", StringTensorType([None, 1]))], X, zipmap=False)

    def wanted(Z: pd.DataFrame) -> dict[str, np.ndarray]:
        return {"age": Z[["age"]].to_numpy(dtype=np.int64),
                "short": Z[["short"]].to_numpy(dtype=np.float32),
                "word": Z[["word"]].to_numpy(dtype=object)}

    return Row(session, X, lambda s, Z: s.run(None, wanted(Z))[1], None, wanted, tolerance=1e-6)


@row("ONNX session, text", "list of texts")
def _() -> Row:
    pytest.importorskip("skl2onnx")
    from skl2onnx.common.data_types import StringTensorType
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    # Whole texts as levels: a tokenizer of ONNX wants a locale that not every machine has.
    model = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(
        np.array(TEXTS, dtype=object)[:, None], LABELS)
    session = session_of(model, [("text", StringTensorType([None, 1]))], TEXTS, zipmap=False)

    def wanted(Z: list[str]) -> dict[str, np.ndarray]:
        return {"text": np.array(Z, dtype=object)[:, None]}

    return Row(session, TEXTS, lambda s, Z: s.run(None, wanted(Z))[1], None, wanted,
               tolerance=1e-6)
