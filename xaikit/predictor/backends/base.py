"""What the adapter needs to know of a kind of model, and what the kinds share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from xaikit.predictor.tables import Batch, kind_of


@dataclass(frozen=True)
class Options:
    """What the user said of the model.

    Attributes
    ----------
    output : str or None
        Which answer is meant, or what it is.
    inputs : mapping, sequence or None
        Which columns go to which input of a model with several; see `Split`.
    feature_names : tuple of str or None
        Names for the columns of arrays.
    """

    output: str | None = None
    inputs: Any = None
    feature_names: tuple[str, ...] | None = None


class Backend:
    """How a kind of model is called: `prepare` makes what it is handed, calling it answers.

    A new kind is one class with `accepts`, `__init__`, `prepare` and `__call__`, entered in
    `backends.BACKENDS` before the more general ones. A framework is looked up in ``sys.modules``
    and never imported: a model of a framework that was not imported cannot exist.
    """

    kind: ClassVar[str] = "model"
    """How messages and reports name it."""
    native: ClassVar[bool] = False
    """Whether it is handed the user's own container (polars, sparse, tensor)."""
    takes_inputs: ClassVar[bool] = False
    """Whether ``inputs=`` can be given."""
    task: str | None = None
    """``"classification"``, ``"regression"`` or None where it cannot be known."""
    scale: str = "output"
    """What the numbers are: ``"proba"``, ``"decision"``, ``"logits"``, ``"prediction"``, …"""
    feature_names: tuple[Any, ...] | None = None
    """Column labels the model was fitted with, where it remembers them."""
    class_names: tuple[str, ...] | None = None
    """Names of the outputs, where the model knows them."""
    thread_safe: bool = True
    """Whether several threads may ask it at once."""
    fixed_rows: int | None = None
    """Rows of every call, where the model can take no other number."""

    @classmethod
    def accepts(cls, model: Any) -> bool:
        """Say whether `model` is of this kind."""
        raise NotImplementedError

    def __init__(self, model: Any, options: Options) -> None:
        raise NotImplementedError

    def prepare(self, batch: Batch) -> Any:
        """Make what the model is handed; `batch` is the caller's to give and may be changed."""
        return batch

    def __call__(self, prepared: Any) -> Any:
        """Ask the model; any answer that `answers.as_answers` understands."""
        raise NotImplementedError


@dataclass(frozen=True)
class Input:
    """One input of a model: its columns, and the dtype it wants them in."""

    name: str | None
    columns: tuple[Any, ...]
    dtype: str | None


class Split:
    """Which columns go to which input of a model that has several.

    Parameters
    ----------
    inputs : dict of input name to columns, or list of columns
        Columns are a list of labels or positions; ``(columns, dtype)`` asks for a dtype, such as
        ``"int64"`` for the indices of an embedding. Categories go to an integer input as their
        codes, −1 where missing. Inputs of a dict are handed over by name, those of a list in order.
    feature_names : tuple of str, optional
        What the columns of an array are called.

    Examples
    --------
    >>> split = Split({"numbers": [0, 2], "codes": ([1], "int64")})
    >>> [(p.name, a.tolist()) for p, a in split.parts(np.array([[1.5, 2.0, 3.5]]), "a model")]
    [('numbers', [[1.5, 3.5]]), ('codes', [[2]])]
    """

    def __init__(self, inputs: Any, feature_names: tuple[str, ...] | None = None) -> None:
        self.by_name = isinstance(inputs, Mapping)
        given = inputs.items() if self.by_name else [(None, columns) for columns in inputs]
        self.inputs = tuple(_read_input(name, columns) for name, columns in given)
        self.feature_names = feature_names
        if not self.inputs:
            raise ValueError("inputs names no input; give a dict of input name to columns.")

    def parts(self, batch: Batch, whom: str) -> list[tuple[Input, np.ndarray]]:
        """Give each input's numbers (n_rows, n_columns).

        Raises
        ------
        ValueError
            If an input names a column that is not there.
        TypeError
            If a column holds no numbers.
        """
        if isinstance(batch, list):
            raise TypeError(f"inputs= splits columns, but {whom} was handed documents.")
        return [(part, self._numbers(batch, part, whom)) for part in self.inputs]

    def _numbers(self, batch: Batch, part: Input, whom: str) -> np.ndarray:
        positions = [self._position(batch, column, part) for column in part.columns]
        whole = part.dtype is not None and np.dtype(part.dtype).kind in "iu"
        if isinstance(batch, pd.DataFrame):
            batch = batch.iloc[:, positions]
            levels = [c for c, d in enumerate(batch.dtypes) if kind_of(d) == "category"]
            if whole and levels:
                codes = {c: batch.iloc[:, c].cat.codes if c in levels else batch.iloc[:, c]
                         for c in range(len(positions))}
                batch = pd.DataFrame(codes).set_axis(batch.columns, axis=1)
            numbers = as_numbers(batch, whom)
        else:
            numbers = as_numbers(batch[:, positions], whom)
        return numbers if part.dtype is None else _exactly(numbers, part, whom)

    def _position(self, batch: Batch, column: Any, part: Input) -> int:
        labels = list(batch.columns) if isinstance(batch, pd.DataFrame) \
            else list(self.feature_names or ())
        if column in labels:
            return labels.index(column)
        if isinstance(column, int | np.integer) and 0 <= column < batch.shape[1]:
            return int(column)
        raise ValueError(f"input {part.name or ''!r} names the column {column!r}, which is not one "
                         f"of {', '.join(map(str, labels)) or f'{batch.shape[1]} positions'}.")


def as_numbers(batch: Batch, whom: str) -> np.ndarray:
    """Give a batch of numbers as an array; one dtype that holds all columns, missing as NaN."""
    if isinstance(batch, pd.DataFrame):
        bad = [f"{c} ({d})" for c, d in zip(batch.columns, batch.dtypes, strict=True)
               if kind_of(d) not in ("boolean", "integer", "float")]
        if bad:
            raise TypeError(f"{whom} takes numbers, but these columns hold none: "
                            f"{', '.join(bad)}. Wrap a function that encodes them.")
        plain = [d if isinstance(d, np.dtype) else np.dtype(np.float64) for d in batch.dtypes]
        return batch.to_numpy(dtype=np.result_type(*plain), na_value=np.nan)
    if isinstance(batch, list):
        raise TypeError(f"{whom} takes numbers, got a list of documents. "
                        "Wrap a function that encodes them.")
    if batch.dtype.kind not in "biuf":
        raise TypeError(f"{whom} takes numbers, got an array of {batch.dtype}. "
                        "Wrap a function that encodes it.")
    return batch


def check_columns(batch: pd.DataFrame, names: tuple[Any, ...]) -> pd.DataFrame:
    """Give the columns a model was fitted on, in its order, or say which are missing or extra."""
    if list(batch.columns) == list(names):
        return batch
    missing = [str(n) for n in names if n not in batch.columns]
    extra = [str(c) for c in batch.columns if c not in names]
    if missing or extra:
        raise ValueError(
            "the model was fitted on other columns"
            + (f"; missing: {', '.join(missing)}" if missing else "")
            + (f"; not known to it: {', '.join(extra)}" if extra else "") + "."
        )
    return batch[list(names)]


def check_width(batch: Batch, width: int) -> None:
    """Refuse a table of another width than the model was fitted on."""
    if batch.shape[1] != width:
        raise ValueError(f"the model was fitted on {width} columns, got {batch.shape[1]}.")


def _read_input(name: Any, given: Any) -> Input:
    columns, dtype = given if isinstance(given, tuple) and len(given) == 2 \
        and isinstance(given[0], list) else (given, None)
    if isinstance(columns, str) or not isinstance(columns, list | tuple | np.ndarray | pd.Index):
        columns = [columns]
    if len(columns) == 0:
        raise ValueError(f"input {name!r} names no column.")
    return Input(name, tuple(columns), None if dtype is None else np.dtype(dtype).name)


def _exactly(numbers: np.ndarray, part: Input, whom: str) -> np.ndarray:
    cast = numbers.astype(part.dtype)
    if np.dtype(part.dtype).kind in "iu" and not np.array_equal(cast, numbers):
        raise ValueError(f"input {part.name!r} of {whom} takes {part.dtype}, but its columns hold "
                         "fractions or missing values.")
    return cast
