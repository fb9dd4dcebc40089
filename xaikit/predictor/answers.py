"""Any model's answer as one float64 array (n_rows, n_outputs), or an error that says why not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from xaikit.tables.containers import Sparse
from xaikit.tables.wording import plural

LARGEST = 1e150
"""The largest answer, of either sign. Sums of squares of larger ones overflow, and so do
differences of the very largest: contributions and their errors would be infinite or NaN."""


def as_answers(
    raw: Any, n_rows: int, n_used: int | None = None, handed: Any = None
) -> np.ndarray:
    """Turn a model's answer to `n_rows` rows into a new (n_rows, n_outputs) float64 array.

    Answers after the first `n_used` are dropped: those rows only filled up the batch. `handed` is
    what the model was asked about; see `in_row_order`.

    Raises
    ------
    TypeError
        If the answers are not numbers.
    ValueError
        If the number of answers differs from the number of rows, or an answer is not finite or
        beyond `LARGEST`.
    """
    _refuse_several(raw)
    if is_rows_of_names(raw):
        raw = pd.DataFrame(raw)
    if isinstance(raw, list) and raw and all(np.ndim(part) == 2 for part in raw):
        # scikit-learn's multi-output predict_proba: one (n_rows, n_classes) array a target.
        raw = np.concatenate([np.asarray(part) for part in raw], axis=1)
    if Sparse.owns(raw):
        raw = Sparse.take(raw)
    if hasattr(raw, "detach"):
        raw = raw.detach().cpu()
        raw = raw.float().numpy() if str(raw.dtype) == "torch.bfloat16" else raw.numpy()
    if hasattr(raw, "to_numpy"):
        raw = in_row_order(raw, handed).to_numpy()
    array = _numbers(raw)
    if array.ndim == 0 or array.shape[0] != n_rows:
        raise ValueError(f"the model was asked {plural(n_rows, 'row')} and answered with "
                         f"shape {array.shape}; expected one answer a row, (n_rows,) or "
                         "(n_rows, n_outputs).")
    if array.ndim == 1:
        array = array.reshape(n_rows, 1)
    if array.ndim != 2 or array.shape[1] == 0:
        raise ValueError(f"the model answered with shape {array.shape}; expected (n_rows,) or "
                         "(n_rows, n_outputs). Wrap a function that flattens its answer.")
    array = array[:n_used]
    if np.isfinite(array).all() and np.abs(array).max(initial=0.0) <= LARGEST:
        return array
    raise ValueError(_words_for(array))


def as_returned(raw: Any, n_rows: int, handed: Any = None) -> np.ndarray:
    """Return what a method of an estimator returned for `n_rows` rows: labels stay labels.

    A list of arrays, of the classes of several targets, becomes their columns side by side.
    `handed` is what was asked about; see `in_row_order`.

    Raises
    ------
    ValueError
        If an answer is masked, or the number of answers differs from the number of rows.
    """
    if np.ma.is_masked(raw):
        raise ValueError("some of its answers are masked, which means that they are missing.")
    if isinstance(raw, list) and raw and all(np.shape(part)[:1] == (n_rows,) and np.ndim(part) == 2
                                             for part in raw):
        raw = np.concatenate(raw, axis=1)  # several targets, with a column for each class
    array = np.asarray(in_row_order(raw, handed))
    if array.shape[:1] != (n_rows,):
        raise ValueError(f"it was asked {plural(n_rows, 'row')} and answered with shape "
                         f"{array.shape}.")
    return array


def in_row_order(raw: Any, handed: Any = None) -> Any:
    """Return a Series or frame in the order of the rows asked; anything else as it is.

    An answer with the index of the frame that was handed over, in another order, as after sorting,
    says which row each answer is for, and so do the numbers 0, 1, 2, … in another order. Any other
    index says nothing.

    Parameters
    ----------
    raw : the model's answer
    handed : what the model was asked about, optional

    Raises
    ------
    ValueError
        If it is the index that was handed over, in another order, and labels occur twice.

    Examples
    --------
    >>> in_row_order(pd.Series([0.1, 0.2], index=[1, 0])).tolist()
    [0.2, 0.1]
    """
    if not isinstance(raw, pd.Series | pd.DataFrame):
        return raw
    counted = pd.RangeIndex(len(raw))
    known = [handed.index, counted] if isinstance(handed, pd.DataFrame) else [counted]
    if any(raw.index.equals(own) for own in known):
        return raw
    if not raw.index.is_unique:
        _check_not_reordered(raw.index, known[0])
        return raw
    for own in known:
        places = raw.index.get_indexer(own)
        if len(own) == len(raw) and own.is_unique and (places >= 0).all():
            return raw.iloc[places]
    return raw


def _check_not_reordered(index: pd.Index, handed: pd.Index) -> None:
    """Raise ValueError if an index holds the labels that were handed over in another order."""
    labels = pd.Series([*index, *handed], dtype=object)
    codes = pd.factorize(labels, use_na_sentinel=False)[0]
    if len(index) == len(handed) and np.array_equal(*np.sort(codes.reshape(2, -1), axis=1)):
        raise ValueError("the model returned its answers in another order than the rows, by an "
                         "index in which labels occur twice, as rows are asked about several "
                         "times; return them in the order of the rows.")


def names_of(raw: Any) -> tuple[str, ...] | None:
    """Return the names that an answer carries: columns of a frame, or keys of its rows.

    Examples
    --------
    >>> names_of(pd.DataFrame({"cat": [0.2], "dog": [0.8]}))
    ('cat', 'dog')
    >>> names_of([{"cat": 0.2, "dog": 0.8}])
    ('cat', 'dog')
    """
    if is_rows_of_names(raw):
        return tuple(str(key) for key in raw[0])
    columns = getattr(raw, "columns", None)
    # Columns taken in another order, df[[1, 0]], may be a range as well: 0, 1, 2, … says nothing.
    if columns is None or (isinstance(columns, pd.RangeIndex)
                           and columns.equals(pd.RangeIndex(len(columns)))):
        return None
    return tuple(str(c) for c in columns)


def _words_for(array: np.ndarray) -> str:
    """Return the sentence that refuses answers that are not finite, or too large."""
    finite = np.isfinite(array).all(axis=1)
    bad = np.flatnonzero(~finite if not finite.all() else (np.abs(array) > LARGEST).any(axis=1))
    rows = ", ".join(map(str, bad[:5])) + (", …" if len(bad) > 5 else "")
    what = f"the model answered {len(bad)} of {len(array)} rows with"
    if not finite.all():
        return f"{what} NaN or infinity (rows {rows} of the batch), which cannot be explained."
    return (f"{what} numbers beyond ±{LARGEST:g} (rows {rows} of the batch), whose differences and "
            "squares overflow; wrap a function that divides them, or returns their logarithm.")


def is_rows_of_names(raw: Any) -> bool:
    """Return whether an answer is a list of dicts, one a row, as from ZipMap or a JSON endpoint."""
    return isinstance(raw, list) and bool(raw) and all(isinstance(row, Mapping) for row in raw)


def _refuse_several(raw: Any) -> None:
    """Refuse several answers at once: the user has to say which one is meant."""
    if isinstance(raw, Mapping):
        raise TypeError(f"the model answered with a {type(raw).__name__} of "
                        f"{', '.join(map(repr, raw))}; wrap a function that returns one of them.")
    if isinstance(raw, tuple) and any(np.ndim(part) > 0 for part in raw if hasattr(part, "shape")):
        raise TypeError(f"the model answered with a tuple of {len(raw)} arrays; wrap a function "
                        "that returns one of them.")


def _numbers(raw: Any) -> np.ndarray:
    if isinstance(raw, np.ma.MaskedArray):
        gone = np.flatnonzero(np.ma.getmaskarray(np.atleast_1d(raw)).reshape(
            len(np.atleast_1d(raw)), -1).any(axis=1))
        if len(gone):
            raise ValueError(f"the model answered {plural(len(gone), 'row')} with masked cells, "
                             "which means that they are missing, and cannot be explained.")
        raw = raw.data
    try:
        array = np.asarray(raw)
    except ValueError as error:
        raise ValueError(f"the model's answers do not form an array: {error}.") from error
    if array.dtype.kind not in "biufO":
        raise TypeError(f"the model answered with {array.dtype}, e.g. {array.reshape(-1)[:1]}; "
                        "expected numbers. Explain predict_proba, decision_function or a function "
                        "that returns numbers.")
    if array.dtype.kind == "O":
        array = _objects(array)
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"the model's answers are not numbers: {str(error).rstrip('.')}. Explain "
                        "predict_proba, decision_function or a function that returns numbers."
                        ) from error


def _objects(array: np.ndarray) -> np.ndarray:
    """Return objects, missing ones as NaN; NumPy would make numbers of bytes and of its times."""
    for cell in array.reshape(-1):
        if isinstance(cell, str | bytes | np.datetime64 | np.timedelta64):
            what = "text" if isinstance(cell, str | bytes) else type(cell).__name__
            raise TypeError(f"the model answered with {what}; expected numbers. Explain "
                            "predict_proba, decision_function or a function that returns numbers.")
    return np.where(pd.isna(array), np.nan, array)
