"""Files that are written whole or not at all, and hashes of what a table holds."""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from xaikit.tables.schema import Schema
from xaikit.tables.tables import Table


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file under a temporary name, then rename it: readers never see half a file.

    Text is written as UTF-8, with escapes for halves of surrogate pairs, which that cannot hold. A
    link is followed, and a file that is replaced keeps its permissions.
    """
    write_all({path: content})


def write_all(contents: Mapping[Path, str | bytes]) -> None:
    """Write files as `write_whole` does; none is renamed before all are written."""
    temporaries: dict[Path, Path] = {}
    try:
        for path, content in contents.items():
            target = Path(os.path.realpath(path))
            temporary = target.with_name(f".xaikit-{secrets.token_hex(8)}.tmp")
            temporaries[temporary] = target
            with temporary.open("xb") as file:
                file.write(content.encode("utf8", "backslashreplace")
                           if isinstance(content, str) else content)
            if target.exists():
                temporary.chmod(stat.S_IMODE(target.stat().st_mode))
        for temporary, target in temporaries.items():
            os.replace(temporary, target)
    except BaseException:
        for temporary in temporaries:
            temporary.unlink(missing_ok=True)
        raise


def content_hash(table: Table, y: np.ndarray | None, schema: Schema) -> str:
    """Return the sha256 of a table's names, dtypes and values, and of the labels.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [1, 2]})
    >>> content_hash(frame, None, Schema.of(frame))[:8] == content_hash(
    ...     frame.copy(), None, Schema.of(frame))[:8]
    True
    """
    digest = hashlib.sha256(repr((schema.names, [str(d) for d in schema.dtypes])).encode(
        "utf8", "surrogatepass"))
    frame = table if isinstance(table, pd.DataFrame) else pd.DataFrame(table)
    for j in range(frame.shape[1]):
        digest.update(_hash_column(frame.iloc[:, j]))
    if y is not None:
        digest.update(_hash_column(pd.Series([str(v) for v in y], dtype=object)))
    return digest.hexdigest()


def _hash_column(column: pd.Series) -> bytes:
    try:
        return pd.util.hash_pandas_object(column, index=False).to_numpy().tobytes()
    except (TypeError, ValueError):  # lists, tuples beside text, half of a surrogate pair
        return pd.util.hash_pandas_object(column.map(repr), index=False).to_numpy().tobytes()
