"""The files of a report: their names, and a check that they can be written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def names_beside(path: Path) -> dict[str, Path]:
    """Return the paths of all files of a report whose page is `path`.

    Examples
    --------
    >>> [p.name for p in names_beside(Path("out/report.html")).values()]
    ['report.html', 'report.md', 'report.json', 'importance.csv', 'attributions.csv']
    >>> names_beside(Path("adult.html"))["importance"].name
    'adult-importance.csv'
    """
    prefix = "" if path.stem == "report" else f"{path.stem}-"
    return {
        "html": path,
        "markdown": path.with_name(f"{path.stem}.md"),
        "json": path.with_name(f"{path.stem}.json"),
        "importance": path.with_name(f"{prefix}importance.csv"),
        "attributions": path.with_name(f"{prefix}attributions.csv"),
    }


def check_writable(path: str | os.PathLike[str]) -> Path:
    """Check that a report can be written to `path`, create its folder, and return it as a Path.

    This comes before any work, so that a wrong path is known at once.

    Raises
    ------
    ValueError
        If `path` is a folder, or has an ending that belongs to a file beside it.
    OSError
        If its folder cannot be created or written to.
    """
    target = Path(path).absolute()  # the model may change the working directory
    if target.is_dir():
        raise ValueError(f"path={str(path)!r} is a folder; name a file in it, such as "
                         f"{str(target / 'report.html')!r}.")
    if target.suffix.lower() in (".md", ".json", ".csv"):
        raise ValueError(f"path={str(path)!r} names the page itself, so end it in .html; the "
                         "Markdown, JSON and CSV files are written beside it.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for file in names_beside(target).values():
            if file.is_dir():
                raise IsADirectoryError(f"{file} is a folder")
            if file.exists() and not os.access(file, os.W_OK):
                raise PermissionError(f"no permission to replace {file}")
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        raise type(error)(f"the report cannot be written to {str(target)!r} ({reason}); choose "
                          "another path. The model has not been asked yet.") from error
    return target
