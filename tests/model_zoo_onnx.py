"""The rows of ONNX; see `model_zoo`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from model_zoo import LABELS, MIXED, NUMBERS, TEXTS, Row, array_of, float32, row


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
