"""Parquet and Feather files as frames, without what pandas loses of them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from xaikit.tables.cells import EXACT
from xaikit.tables.dtypes import is_object_dtype
from xaikit.tables.wording import listed


def read_binary(path: str, known: Sequence[str]) -> tuple[pd.DataFrame, list[str]]:
    """Read a Parquet or Feather file: a frame, and sentences on what was converted or left out.

    Parameters
    ----------
    path : str
    known : sequence of str
        Names of columns that a model was fitted with; an index of such a name becomes a column.

    Raises
    ------
    ValueError
        If the file is damaged or of another format.
    """
    frame, notes = _without_index(_read(path), path, known)
    columns = {c: frame.iloc[:, c] for c in range(frame.shape[1])}
    for c, column in columns.items():
        if is_object_dtype(column.dtype) and _are_decimals(column):
            columns[c], note = _as_floats(column)
            notes.append(f"column {str(column.name)!r} of {path} {note}.")
        elif column.dtype == np.float64 and bool((column.abs() > EXACT).any()):
            # pandas reads whole numbers with gaps as floats, which rounds large ones.
            exact = _read(path, columns=[column.name], dtype_backend="numpy_nullable")
            own = exact.get(column.name, column)
            columns[c] = own if pd.api.types.is_integer_dtype(own.dtype) else column
    return pd.DataFrame(columns, copy=False).set_axis(frame.columns, axis=1), notes


def _read(path: str, **how: Any) -> pd.DataFrame:
    suffix = Path(path).suffix.lower()
    try:
        return pd.read_parquet(path, **how) if suffix == ".parquet" else \
            pd.read_feather(path, **how)
    except ImportError:
        raise
    except Exception as error:
        first = (str(error).strip().splitlines() or [repr(error)])[0].rstrip(".")
        raise ValueError(f"{path} cannot be read as a {suffix} file: {first}.") from error


def _without_index(
    frame: pd.DataFrame, path: str, known: Sequence[str]
) -> tuple[pd.DataFrame, list[str]]:
    """Return a frame with a fresh index; index levels that the model knows become columns."""
    named = [name for name in frame.index.names if name is not None]
    wanted = [name for name in named if str(name) in known and name not in frame.columns]
    notes = [f"the index {listed(set(named) - set(wanted))} of {path} was left out; write it as a "
             "column if it is one."] if len(named) > len(wanted) else []
    frame = frame.reset_index(level=wanted) if wanted else frame
    return frame.reset_index(drop=True), notes


def _are_decimals(column: pd.Series) -> bool:
    known = column.dropna()
    return len(known) > 0 and all(isinstance(cell, Decimal) for cell in known)


def _as_floats(column: pd.Series) -> tuple[pd.Series, str]:
    """Return decimals as floats, and whether digits were lost."""
    floats = pd.Series([float("nan") if cell is None else float(cell) for cell in column],
                       index=column.index, name=column.name)
    lost = sum(Decimal(repr(value)) != cell
               for value, cell in zip(floats, column, strict=True) if cell is not None)
    return floats, "holds decimals, read as float64" + (
        f", which rounded {lost:,} of them" if lost else "")
