"""Whatever a model answers, as one float64 array (n_rows, n_outputs), or a sentence why not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def as_answers(raw: Any, n_rows: int) -> np.ndarray:
    """Turn a model's answer to `n_rows` rows into a new (n_rows, n_outputs) float64 array.

    Raises
    ------
    TypeError
        If the answers are not numbers.
    ValueError
        If there is not one answer a row, or an answer is not finite.
    """
    if isinstance(raw, list) and raw and all(np.ndim(part) == 2 for part in raw):
        # scikit-learn's multi-output predict_proba: one (n_rows, n_classes) array a target.
        raw = np.concatenate([np.asarray(part) for part in raw], axis=1)
    if hasattr(raw, "detach"):
        raw = raw.detach().cpu()
        raw = raw.float().numpy() if str(raw.dtype) == "torch.bfloat16" else raw.numpy()
    if isinstance(raw, pd.DataFrame | pd.Series):
        raw = raw.to_numpy()
    array = _numbers(raw)
    if array.ndim == 0 or array.shape[0] != n_rows:
        raise ValueError(f"the model was asked {n_rows} rows and answered with shape "
                         f"{array.shape}; expected one answer a row, (n_rows,) or "
                         "(n_rows, n_outputs).")
    if array.ndim == 1:
        array = array.reshape(n_rows, 1)
    if array.ndim != 2 or array.shape[1] == 0:
        raise ValueError(f"the model answered with shape {array.shape}; expected (n_rows,) or "
                         "(n_rows, n_outputs). Wrap a function that flattens its answer.")
    if not np.isfinite(array).all():
        bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
        rows = ", ".join(map(str, bad[:5])) + (", …" if len(bad) > 5 else "")
        raise ValueError(f"the model answered {len(bad)} of {n_rows} rows with NaN or infinity "
                         f"(rows {rows} of the batch); no explanation can be made of that.")
    return array


def _numbers(raw: Any) -> np.ndarray:
    try:
        array = np.asarray(raw)
    except ValueError as error:
        raise ValueError(f"the model's answers do not form an array: {error}.") from error
    if array.dtype.kind not in "biufO":
        raise TypeError(f"the model answered with {array.dtype}, e.g. {array.reshape(-1)[:1]}; "
                        "expected numbers. Explain predict_proba, decision_function or a function "
                        "that returns numbers.")
    if array.dtype.kind == "O" and any(isinstance(v, str) for v in array.reshape(-1)):
        raise TypeError("the model answered with text; expected numbers. Explain predict_proba, "
                        "decision_function or a function that returns numbers.")
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"the model's answers are not numbers: {error}. Explain predict_proba, "
                        "decision_function or a function that returns numbers.") from error
