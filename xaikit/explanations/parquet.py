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
    """Return a column, with text for cells that Arrow has no type for."""
    import pyarrow as pa

    if isinstance(column.dtype, pd.SparseDtype):
        column = column.sparse.to_dense()
    try:
        pa.Table.from_pandas(column.to_frame("cells"), preserve_index=False)
    except (pa.ArrowException, TypeError, ValueError, NotImplementedError):
        return pd.Series([None if gone else str(cell) for cell, gone in
                          zip(column, column.isna(), strict=True)], index=column.index,
                         dtype=object)
    return column
