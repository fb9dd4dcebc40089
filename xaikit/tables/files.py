"""Files that are written whole or not at all, and hashes of what a table holds."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
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
    link is followed, and a file that is replaced keeps its permissions. What is no file, such as a
    device or a named pipe, is written into.

    Raises
    ------
    OSError
        If the file cannot be written, or is there and may not be; its path is named.
    """
    write_all({path: content})


def write_all(contents: Mapping[Path, str | bytes]) -> None:
    """Write files as `write_whole` does: all, or none if anything goes wrong.

    All are on the disk before the first is renamed. If a rename fails, or the program is stopped
    between two of them, those that were renamed before are put back.
    """
    temporaries: dict[Path, Path] = {}
    kept: dict[Path, Path | None] = {}
    targets = {Path(os.path.realpath(path)): _bytes(content) for path, content in contents.items()}
    files = {target: content for target, content in targets.items() if check_target(target)}
    try:
        for target, content in files.items():
            temporaries[_beside(target)] = target
            _write(next(reversed(temporaries)), target, content)
        for target in files if len(files) > 1 else ():
            kept[target] = _kept(target)
        for temporary, target in temporaries.items():
            os.replace(temporary, target)
        for target in targets.keys() - files.keys():
            target.write_bytes(targets[target])
    except BaseException:
        _put_back(temporaries, kept)
        raise
    finally:
        for name in (*temporaries, *kept.values()):
            if name is not None:
                name.unlink(missing_ok=True)


def _beside(target: Path) -> Path:
    return target.with_name(f".xaikit-{secrets.token_hex(8)}.tmp")


def _bytes(content: str | bytes) -> bytes:
    return content.encode("utf8", "backslashreplace") if isinstance(content, str) else content


def check_target(target: Path) -> bool:
    """Return whether a path can be that of a file: False of a device or a pipe that is there.

    Raises
    ------
    OSError
        If it is a folder, its folder is not there, or one of the two may not be written.
    """
    if target.is_dir():
        raise _refusal(errno.EISDIR, target)
    if target.exists() and not os.access(target, os.W_OK):
        raise _refusal(errno.EACCES, target)
    if not target.parent.is_dir():
        raise _refusal(errno.ENOTDIR if target.parent.exists() else errno.ENOENT, target.parent)
    is_file = target.is_file() or not target.exists()
    if is_file and not os.access(target.parent, os.W_OK):
        raise _refusal(errno.EACCES, target.parent)
    return is_file


def _refusal(number: int, path: Path) -> OSError:
    return OSError(number, os.strerror(number), str(path))


def _write(temporary: Path, target: Path, content: bytes) -> None:
    """Write a file that will replace another one, down to the disk; none but its owner reads it."""
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL,
                         0o666 if mode is None else 0o600)
    with open(descriptor, "wb") as file:
        if mode is not None:
            temporary.chmod(mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _kept(target: Path) -> Path | None:
    """Return a second name of a file that will be replaced; None if there is none yet."""
    if not target.exists():
        return None
    name = _beside(target)
    try:
        os.link(target, name)
    except OSError:  # file systems without links
        shutil.copy2(target, name)
    return name


def _put_back(temporaries: Mapping[Path, Path], kept: Mapping[Path, Path | None]) -> None:
    """Undo the renames that took place."""
    for temporary, target in temporaries.items():
        if temporary.exists() or target not in kept:
            continue
        old = kept[target]
        if old is None:
            target.unlink(missing_ok=True)
        else:
            os.replace(old, target)


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
