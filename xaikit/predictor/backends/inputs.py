"""Which columns go to which input of a network, and as what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from xaikit.predictor.backends.base import check_width
from xaikit.tables.dtypes import kind_of
from xaikit.tables.numeric import number_array
from xaikit.tables.tables import Batch, is_table
from xaikit.tables.wording import listed

TEXT = "object"
"""The dtype of inputs that take text."""


@dataclass(frozen=True)
class Declared:
    """An input as the model declares it.

    Attributes
    ----------
    name : str
    dtype : str
        NumPy's name; `TEXT` for text.
    shape : tuple of int or None
        Including the rows; None where any number is allowed.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...] = (None, None)

    @property
    def rows(self) -> int | None:
        """Rows of every call, if they are fixed."""
        return self.shape[0] if self.shape else None

    @property
    def width(self) -> int | None:
        """Columns, if they are fixed."""
        if len(self.shape) == 1:
            return 1
        return self.shape[1] if len(self.shape) == 2 else None

    def of(self, batch: Batch, whom: str) -> np.ndarray:
        """Convert a whole batch to what this input takes.

        Raises
        ------
        TypeError, ValueError
            If that would change a value.
        """
        if isinstance(batch, list):
            if self.dtype != TEXT:
                raise TypeError(f"{whom} takes numbers, got a list of documents. "
                                "Wrap a function that encodes them.")
            batch = np.array(batch, dtype=object)[:, None]
        elif is_table(batch) and self.width is not None:
            check_width(batch, self.width)
        return self.shaped(cast(batch, self.dtype, whom))

    def shaped(self, cells: np.ndarray) -> np.ndarray:
        """Drop the axis of a single column if the input has none."""
        return cells[:, 0] if len(self.shape) == 1 and cells.ndim == 2 else cells


@dataclass(frozen=True)
class Part:
    """The columns of one input; `dtype` is None if the model does not declare it."""

    name: str | None
    columns: tuple[Any, ...]
    dtype: str | None = None
    declared: Declared | None = None

    @property
    def own_name(self) -> str:
        """The model's own name for it."""
        return str(self.name) if self.declared is None else self.declared.name


class Split:
    """Which columns go to which input of a model that has several.

    Parameters
    ----------
    inputs : dict of input name to columns, or list of columns
        Columns are a list of labels or positions; ``(columns, dtype)`` asks for a dtype, such as
        ``"int64"`` for the indices of an embedding. Categories go to an integer input as their
        codes, −1 for missing. Inputs of a dict are passed by name, those of a list in order.
    feature_names : tuple of str, optional
        Names for the columns of an array.
    declared : sequence of Declared
        The inputs as the model declares them.

    Examples
    --------
    >>> split = Split({"numbers": [0, 2], "codes": ([1], "int64")})
    >>> [(p.name, a.tolist()) for p, a in split.parts(np.array([[1.5, 2.0, 3.5]]), "a model")]
    [('numbers', [[1.5, 3.5]]), ('codes', [[2]])]
    """

    def __init__(
        self, inputs: Any, feature_names: tuple[str, ...] | None = None,
        declared: Sequence[Declared] = (),
    ) -> None:
        self.by_name = isinstance(inputs, Mapping)
        names: list[str | None] = [str(n) if self.by_name else None for n in inputs]
        if not names:
            raise ValueError("inputs names no input; pass a dict of input name to columns.")
        given = list(inputs.values()) if self.by_name else list(inputs)
        known: list[Declared | None] = [None] * len(names)
        if declared:
            known = _matched(names, declared)
        self.inputs = tuple(_read_part(n, g, d) for n, g, d in zip(names, given, known,
                                                                   strict=True))
        self.feature_names = feature_names

    def parts(self, batch: Batch, whom: str) -> list[tuple[Part, np.ndarray]]:
        """Return each input's cells (n_rows, n_columns).

        Raises
        ------
        ValueError
            If an input names a column that does not exist.
        TypeError
            If a column holds no numbers.
        """
        if not is_table(batch):
            raise TypeError(f"inputs= splits columns, but {whom} was handed none.")
        return [(part, self._cells(batch, part, whom)) for part in self.inputs]

    def _cells(self, batch: Batch, part: Part, whom: str) -> np.ndarray:
        positions = [self._position(batch, column, part) for column in part.columns]
        own = batch.iloc[:, positions] if isinstance(batch, pd.DataFrame) else batch[:, positions]
        cells = cast(own, part.dtype, f"input {part.name!r} of {whom}" if part.name else whom)
        return cells if part.declared is None else part.declared.shaped(cells)

    def _position(self, batch: Batch, column: Any, part: Part) -> int:
        labels = list(batch.columns) if isinstance(batch, pd.DataFrame) \
            else list(self.feature_names or ())
        if column in labels:
            return labels.index(column)
        if isinstance(column, int | np.integer) and 0 <= column < batch.shape[1]:
            return int(column)
        raise ValueError(f"input {part.name or ''!r} names the column {column!r}, which is not one "
                         f"of {', '.join(map(str, labels)) or f'{batch.shape[1]} positions'}.")


def split_of(
    inputs: Any, feature_names: tuple[str, ...] | None, declared: Sequence[Declared], whom: str
) -> Split | None:
    """Return the user's split, else one with a column for each declared input; None for one input.

    Raises
    ------
    ValueError
        If the model has several inputs that take more than one column each.
    """
    if inputs is not None:
        return Split(inputs, feature_names, declared)
    if len(declared) < 2:
        return None
    wide = [d.name for d in declared if d.width not in (1, None) or len(d.shape) > 2]
    if wide:
        raise ValueError(
            f"{whom} has {len(declared)} inputs ({listed(d.name for d in declared)}); "
            "say which columns each of them takes: inputs={name: [columns], …}.")
    return Split({d.name: [d.name] for d in declared},
                 feature_names or tuple(d.name for d in declared), declared)


def cast(batch: Any, dtype: str | None, whom: str) -> np.ndarray:
    """Convert a batch to an array of `dtype`, changing no value except by rounding floats.

    Raises
    ------
    TypeError
        If `dtype` is numeric and the batch is not.
    ValueError
        If `dtype` is whole and the batch holds fractions or gaps, or a number is too large.
    """
    if dtype == TEXT:
        return _texts(batch, whom)
    if dtype is not None and np.dtype(dtype).kind in "iu" and isinstance(batch, pd.DataFrame):
        batch = _coded(batch)
    numbers = number_array(batch, whom)
    if dtype is None or numbers.dtype == dtype:
        return numbers
    with np.errstate(invalid="ignore", over="ignore"):
        made = numbers.astype(dtype)
    if made.dtype.kind in "iub" and not np.array_equal(made, numbers):
        raise ValueError(f"{whom} takes {dtype}, but was given fractions, missing values or "
                         "numbers beyond its range.")
    if made.dtype.kind == "f" and not np.array_equal(np.isinf(made), np.isinf(numbers)):
        raise ValueError(f"{whom} takes {dtype}, but was given numbers too large for it.")
    return made


def _coded(frame: pd.DataFrame) -> pd.DataFrame:
    """Replace categories by their codes."""
    columns = {c: frame.iloc[:, c] for c in range(frame.shape[1])}
    codes = {c: v.cat.codes if kind_of(v.dtype) == "category" else v for c, v in columns.items()}
    return pd.DataFrame(codes, copy=False).set_axis(frame.columns, axis=1)


def _texts(batch: Any, whom: str) -> np.ndarray:
    cells = np.asarray(batch.astype(object) if isinstance(batch, pd.DataFrame) else batch,
                       dtype=object)
    bad = [v for v in cells.ravel() if not isinstance(v, str)]
    if bad:
        raise TypeError(f"{whom} takes text, got {bad[0]!r}.")
    return cells


def _matched(names: list[str | None], declared: Sequence[Declared]) -> list[Declared | None]:
    """Match the inputs given with those that the model declares, by name or in order."""
    known = {d.name: d for d in declared}
    by_order = all(n is None for n in names)
    if len(names) != len(declared) or not (by_order or set(names) == set(known)):
        given = f"{len(names)}" if by_order else listed(names)
        raise ValueError(f"inputs= names {given}, but the model's inputs are {listed(known)}.")
    return list(declared) if by_order else [known[str(n)] for n in names]


def _read_part(name: str | None, given: Any, declared: Declared | None) -> Part:
    columns, dtype = given if isinstance(given, tuple) and len(given) == 2 \
        and isinstance(given[0], list) else (given, None)
    if isinstance(columns, str) or not isinstance(columns, list | tuple | np.ndarray | pd.Index):
        columns = [columns]
    if len(columns) == 0:
        raise ValueError(f"input {name!r} names no column.")
    if dtype is not None:
        return Part(name, tuple(columns), np.dtype(dtype).name, declared)
    return Part(name, tuple(columns), None if declared is None else declared.dtype, declared)
