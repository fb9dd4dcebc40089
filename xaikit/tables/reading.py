"""Tables read from files: every cell as it was written, and sentences on what it was read as."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from xaikit.tables.binary_files import read_binary
from xaikit.tables.cells import (
    Decision,
    FittedColumn,
    decide,
    is_number,
    numbers_of,
    truths_of,
)
from xaikit.tables.csv_files import Cells, CSVFile, Options, read_columns
from xaikit.tables.dtypes import kind_of
from xaikit.tables.reading_notes import JointColumn, column_notes, few, summary
from xaikit.tables.wording import cut, is_missing
from xaikit.tables.written_levels import levels_written

ENDINGS = (".csv", ".parquet", ".feather")


@dataclass(frozen=True)
class Tables:
    """Tables as they were read.

    Attributes
    ----------
    frames : tuple of DataFrame
        One a file, in the order that was asked for.
    notes : tuple of str
        Sentences on what the columns were read as, and on all that might be read otherwise.
    """

    frames: tuple[pd.DataFrame, ...]
    notes: tuple[str, ...]


def read_tables(
    paths: Sequence[str | Path], options: Options | None = None,
    fitted: Mapping[str, FittedColumn] | None = None,
) -> Tables:
    """Read tables that belong together: a column is read as the same in all of them.

    What a column of a CSV holds is decided by the options, else by the model, else by a file that
    knows its dtypes, else by the cells of all CSV files together; see `cells.decide`.

    Parameters
    ----------
    paths : sequence of str or Path
        ``.csv``, ``.parquet`` or ``.feather`` (the last two need pyarrow).
    options : Options, optional
        How to read CSV files.
    fitted : mapping of column name to FittedColumn, optional
        What the model knows of its columns; see `predictor.fitted_columns`.

    Raises
    ------
    ValueError
        For another ending, a file that is no table, and cells that are no numbers in a column that
        the model was fitted on as numbers.
    FileNotFoundError
        If there is no such file.
    """
    options, known = options or Options(), dict(fitted or {})
    names = [str(path) for path in paths]
    for name in names:
        _check_path(name)
    frames, notes, files = dict[str, pd.DataFrame](), list[str](), list[CSVFile]()
    for name in dict.fromkeys(names):
        if Path(name).suffix.lower() == ".csv":
            files.append(read_columns(name, options, list(known)))
            notes += files[-1].notes
            continue
        frames[name], more = read_binary(name, list(known))
        notes += more
        known = _with_dtypes(known, frames[name], name)
    if files:
        _check_text_columns(files, options)
        made, more = _read_joint(files, options, known)
        frames |= made
        notes = more[:1] + notes + more[1:]
    return Tables(tuple(frames[name] for name in names), tuple(notes))


def read_table(
    path: str | Path, options: Options | None = None,
    fitted: Mapping[str, FittedColumn] | None = None,
) -> pd.DataFrame:
    """Read one table; see `read_tables`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "towns.csv")
    ...     _ = path.write_text("plz,land,people\\n01067,NA,12\\n")
    ...     read_table(path).to_dict("records")
    [{'plz': '01067', 'land': 'NA', 'people': 12}]
    """
    return read_tables([path], options, fitted).frames[0]


def _check_path(path: str) -> None:
    if Path(path).suffix.lower() not in ENDINGS:
        raise ValueError(f"cannot read {path!r}: expected a .csv, .parquet or .feather file.")
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {path!r}.")


def _check_text_columns(files: list[CSVFile], options: Options) -> None:
    for name in options.text_columns:
        if not any(name in file.columns for file in files):
            raise ValueError(f"there is no column {name!r} to read as text; {files[0].path} has "
                             f"{', '.join(files[0].columns)}.")


def _with_dtypes(
    known: dict[str, FittedColumn], frame: pd.DataFrame, path: str
) -> dict[str, FittedColumn]:
    """Return what is known of columns, with the dtypes of a frame where the model knows nothing."""
    whose, kinds = f"{path} has", {"integer": "number", "float": "number"}
    made = dict(known)
    for c, (name, dtype) in enumerate(zip(map(str, frame.columns), frame.dtypes, strict=True)):
        if name in known and known[name].kind is not None:
            continue
        if isinstance(dtype, pd.CategoricalDtype):
            made[name] = FittedColumn.of_levels(dtype.categories, category=True, whose=whose)
            continue
        kind = kinds.get(kind_of(dtype), kind_of(dtype))
        if kind in ("number", "boolean") or (kind == "text" and _all_text(frame.iloc[:, c])):
            made[name] = FittedColumn(kind, whose=whose)
    return made


def _all_text(column: pd.Series) -> bool:
    return all(isinstance(cell, str) for cell in column.dropna())


def _read_joint(
    files: list[CSVFile], options: Options, known: Mapping[str, FittedColumn]
) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """Return the frames of CSV files by path, and notes."""
    made: dict[str, dict[str, pd.Series]] = {file.path: {} for file in files}
    kinds: dict[str, list[str]] = {}
    notes: list[tuple[str, str, str]] = []
    for name in dict.fromkeys(name for file in files for name in file.columns):
        column = _joined(name, files)
        # LightGBM writes 'my age' as 'my_age'.
        of_fit = known.get(name) or known.get(name.replace(" ", "_")) or FittedColumn()
        decision = decide(column.texts, of_fit, name in options.text_columns, options.na_values,
                          options.decimal)
        cells = _cells(column, decision, of_fit, options.decimal)
        for path, codes in column.codes.items():
            made[path][name] = cells.take(codes).reset_index(drop=True)
        kinds.setdefault(_kind_read(cells, decision), []).append(name)
        notes += column_notes(column, decision, of_fit, options.decimal)
    said = summary([file.path for file in files], kinds)
    frames = {file.path: pd.DataFrame({name: made[file.path][name] for name in file.columns})
              for file in files}
    return frames, [said, *few(notes)]


def _joined(name: str, files: list[CSVFile]) -> JointColumn:
    """Join the cells of a column of several files."""
    numbers: dict[str, int] = {}
    codes: dict[str, np.ndarray] = {}
    having = [file for file in files if name in file.columns]
    if len(having) == 1:
        only = having[0].columns[name]
        return JointColumn(name, only.texts, {having[0].path: only.codes})
    for file in having:
        own: Cells = file.columns[name]
        new = [numbers.setdefault(text, len(numbers)) for text in own.texts]
        codes[file.path] = np.array(new, dtype=np.int64)[own.codes]
    return JointColumn(name, list(numbers), codes)


def _kind_read(cells: pd.Series, decision: Decision) -> str:
    return "nothing" if cells.isna().all() and not decision.decided else decision.kind


def _cells(
    column: JointColumn, decision: Decision, known: FittedColumn, decimal: str
) -> pd.Series:
    """Return the different cells of a column as values."""
    gone, rest = np.zeros(len(column.texts), dtype=bool), list(column.texts)
    if decision.missing:
        gone[:] = [text in decision.missing for text in column.texts]
        rest = [text for text in column.texts if text not in decision.missing]
    if decision.kind == "text":
        # Inferred from text alone, the dtype is that of text in this pandas.
        cells = pd.Series([*column.texts, ""]).iloc[:-1]
        if gone.any():
            cells = cells.mask(gone) if known.gap is not None else _objects(cells, gone, None)
    elif decision.kind == "levels":
        cells = _of_levels(rest, gone, known)
    elif decision.kind == "boolean":
        cells = _spread([truths_of(rest)[text.strip()] for text in rest], gone)
        if gone.any() and known.kind == "number":
            cells = cells.astype(float)
    else:
        if decision.digits is not None:
            values = decision.digits.values
        else:
            _check_numbers(column, rest, known, decimal)
            values = numbers_of(rest, bool(gone.any()), decimal)
        cells = _spread(values if rest else [float("nan")][:0], gone)
        cells = cells if rest else cells.astype(float)
    return _as_levels(cells, known) if known.category else cells


def _of_levels(texts: list[str], gone: np.ndarray, known: FittedColumn) -> pd.Series:
    """Return the levels that texts stand for: times as times, all else as objects."""
    values = levels_written(texts, known.levels or ()).values
    cells = np.empty(len(gone), dtype=object)
    cells[~gone] = np.fromiter(values, dtype=object, count=len(values))
    cells[gone] = known.gap
    times = (pd.Timestamp, pd.Timedelta)
    return pd.Series(cells, dtype=None if any(
        all(isinstance(v, kind) for v in values) for kind in times) and values else object)


def _objects(cells: pd.Series, gone: np.ndarray, gap: Any) -> pd.Series:
    """Return cells as objects, with a missing value of the fit's own."""
    made = cells.to_numpy(dtype=object, copy=True)
    made[gone] = gap
    return pd.Series(made, dtype=object)


def _spread(values: list[Any], gone: np.ndarray) -> pd.Series:
    """Return values with NaN where cells are missing."""
    if not gone.any():
        return pd.Series(values)
    truths = bool(values) and isinstance(values[0], bool)
    cells = np.full(len(gone), np.nan, dtype=object if truths else np.float64)
    cells[~gone] = values
    return pd.Series(cells)


def _check_numbers(
    column: JointColumn, texts: list[str], known: FittedColumn, decimal: str
) -> None:
    wrong = next((text for text in texts if not is_number(text, decimal)), None)
    if wrong is not None:
        shown = cut(wrong, 40)
        raise ValueError(
            f"column {column.name!r} holds {shown!r} ({column.where(wrong)}), where {known.whose} "
            f"numbers; correct the cell, or add --na-values {shown!r} if it means missing, or "
            f"--text-columns {column.name!r} if the column holds text.")


def _as_levels(cells: pd.Series, known: FittedColumn) -> pd.Series:
    """Return a category of the levels of the fit, and after them those that it did not have."""
    levels = [level for level in known.levels or () if not is_missing(level)]
    new = sorted(set(cells.dropna()) - set(levels), key=str)
    equal = {level: level for level in levels}  # of the fit's own type: 1.0 for True
    own = [equal.get(cell, cell) for cell in cells.astype(object)]
    return pd.Series(own, dtype=object).astype(pd.CategoricalDtype([*levels, *new]))
