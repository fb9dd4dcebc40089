"""An Attribution as one Parquet table: a line for each row and output, with typed data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from xaikit.explanations.base import with_text_labels
from xaikit.tables.labels import numbered


def wide_frame(attribution: Any) -> pd.DataFrame:
    """Return a line for each row and output, in columns that Parquet has types for.

    After ``row``, ``output``, ``base_value``, ``base_error``, ``prediction`` and ``fidelity`` come
    ``value: …`` and ``error: …`` of every feature and ``data: …`` of every column of the explained
    rows, in its own dtype; as text where Parquet has no type for its cells.
    """
    n_rows, _, n_outputs = attribution.values.shape
    columns: list[tuple[str, Any]] = [
        ("row", _repeated(pd.Series(list(attribution.row_names), dtype=object).infer_objects(),
                          n_outputs)),
        ("output", np.tile(np.array(attribution.output_names, dtype=object), n_rows)),
        ("base_value", attribution.base_values.ravel()),
        ("base_error", attribution.base_errors.ravel()),
        ("prediction", attribution.predictions.ravel()),
        ("fidelity", attribution.fidelity.ravel()),
    ]
    there = np.where(attribution.mask[:, :, None], 1.0, np.nan)  # texts differ in length
    for what, numbers in (("value", attribution.values), ("error", attribution.standard_errors)):
        columns += [(f"{what}: {name}", (numbers * there)[:, j].ravel())
                    for j, name in enumerate(attribution.feature_names)]
    if attribution.data is not None:
        columns += [(f"data: {name}", _repeated(_storable(attribution.data.iloc[:, c]), n_outputs))
                    for c, name in enumerate(attribution.data.columns)]
    frame = pd.DataFrame({c: cells for c, (_, cells) in enumerate(columns)})
    frame.columns = pd.Index(numbered(name for name, _ in columns))
    return with_text_labels(frame)


def _repeated(column: pd.Series, times: int) -> pd.Series:
    return column.repeat(times).reset_index(drop=True)


def _storable(column: pd.Series) -> pd.Series:
    """Return a column, with text for cells that Arrow has no type for, or would change."""
    import pyarrow as pa

    if isinstance(column.dtype, pd.SparseDtype):
        column = column.sparse.to_dense()
    elif isinstance(column.dtype, pd.ArrowDtype):
        column = _readable(column)
    try:
        if column.dtype == object and not _of_one_type(column):
            return _texts(column)
        pa.Table.from_pandas(column.to_frame("cells"), preserve_index=False)
    except (pa.ArrowException, AttributeError, OverflowError, TypeError, ValueError):
        return _texts(column)
    return column


def _of_one_type(column: pd.Series) -> bool:
    """Return whether cells are of one type and one time zone: Arrow would cast them to the first's.

    Numbers of Python and NumPy count as one type, but truth values and text do not.
    """
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind == "time":  # Arrow's have no zone
        return all(getattr(cell, "tzinfo", None) is None for cell in column)
    if kind in ("string", "bytes", "decimal", "boolean", "integer", "floating", "empty",
                "mixed-integer-float"):
        return True
    known = [cell for cell, gone in zip(column, column.isna(), strict=True) if not gone]
    return len({(type(cell), str(getattr(cell, "tzinfo", None))) for cell in known}) == 1


def _readable(column: pd.Series) -> pd.Series:
    """Return a column of Arrow as objects if pandas cannot read the name of its type in a file."""
    try:
        pd.api.types.pandas_dtype(str(column.dtype))
    except (TypeError, NotImplementedError):
        return pd.Series(list(column), index=column.index, dtype=object)
    return column


def _texts(column: pd.Series) -> pd.Series:
    """Return cells as text; halves of surrogate pairs, which UTF-8 cannot hold, are escaped."""
    return pd.Series([None if gone else str(cell).encode("utf8", "backslashreplace").decode()
                      for cell, gone in zip(column, column.isna(), strict=True)],
                     index=column.index, dtype=object)
