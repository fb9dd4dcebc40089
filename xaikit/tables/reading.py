"""Tables read from files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd


def read_table(path: str | Path, missing: Sequence[str] = ()) -> pd.DataFrame:
    """Read a table by the ending of its name.

    Parameters
    ----------
    path : str or Path
        ``.csv``, ``.parquet`` or ``.feather`` (the last two need pyarrow).
    missing : sequence of str
        Further texts of a CSV that mean missing.

    Raises
    ------
    ValueError
        For another ending, and for an empty file.
    FileNotFoundError
        If there is no such file.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in (".csv", ".parquet", ".feather"):
        raise ValueError(f"cannot read {str(path)!r}: expected a .csv, .parquet or .feather file.")
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}.")
    if suffix == ".csv":
        try:
            return pd.read_csv(path, na_values=list(missing), skipinitialspace=True)
        except pd.errors.EmptyDataError as error:
            raise ValueError(f"{path} is empty.") from error
    return pd.read_parquet(path) if suffix == ".parquet" else pd.read_feather(path)
