"""CSV files as columns of text: nothing is interpreted, and nothing is lost."""

from __future__ import annotations

import codecs
import csv
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from xaikit.settings import Constraint, Kind, OneOf, check
from xaikit.tables.wording import cut, listed, plural

DELIMITERS = {";": ";", "\t": "\\t", "|": "|"}
"""Delimiters besides the comma that files often have, as an option names them."""
_PACKED = (b"\x1f\x8b", b"PK", b"BZ", b"\xfd7", b"(\xb5")
"""How files of gzip, zip, bzip2, xz and zstd begin."""
BLOCK = 8192
"""Rows whose cells are looked up together."""


def _is_delimiter(value: Any) -> bool:
    return value is None or (isinstance(value, str) and len(value) == 1 and value not in "\"\r\n")


def _is_encoding(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool("a".encode(value))
    except LookupError:
        return False


def _are_texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(v, str) for v in value)


SETTINGS: dict[str, Constraint] = {
    "text_columns": Kind(_are_texts, "a list of column names"),
    "na_values": Kind(_are_texts, "a list of texts"),
    "delimiter": Kind(_is_delimiter, "one character, neither a quote nor a line break"),
    "encoding": Kind(_is_encoding, "an encoding of text, such as utf-8, cp1252 or latin-1"),
    "decimal": OneOf(".", ","),
}
"""What the options of a CSV file may be; see `xaikit.settings`."""


@dataclass(frozen=True)
class Options:
    """How to read CSV files.

    Attributes
    ----------
    text_columns : sequence of str
        Columns to read as text, whatever their cells look like.
    na_values : sequence of str
        Texts that mean missing, in every column.
    delimiter : str, optional
        The character between two cells; a comma by default.
    encoding : str
        UTF-8 by default, with or without a byte order mark.
    decimal : {".", ","}
        The decimal sign of numbers.
    """

    text_columns: Sequence[str] = ()
    na_values: Sequence[str] = ()
    delimiter: str | None = None
    encoding: str = "utf-8"
    decimal: str = "."

    def __post_init__(self) -> None:
        check(vars(self), SETTINGS)


@dataclass(frozen=True)
class Cells:
    """A column: its cells in order of appearance, and the number of each row's cell.

    Equal cells may come several times if most are different: to find them would take longer.
    """

    texts: list[str]
    codes: np.ndarray


@dataclass
class CSVFile:
    """The columns of a file by name, and sentences on what was left out."""

    path: str
    columns: dict[str, Cells]
    notes: list[str] = field(default_factory=list)


def read_columns(path: str, options: Options, known: Sequence[str] = ()) -> CSVFile:
    """Read a CSV file as columns of text.

    Parameters
    ----------
    path : str
    options : Options
    known : sequence of str
        Names of columns that a model was fitted with. Columns without a name are kept if pandas'
        name for them, such as ``Unnamed: 0``, is among these.

    Raises
    ------
    ValueError
        If the file is empty, not of the encoding, or not a table: rows of another length than the
        header, names that are missing or occur twice, quotes that are not closed.
    """
    most = csv.field_size_limit(sys.maxsize)  # a limit of the process; long documents exceed it
    try:
        with _opened(path, options) as file:
            return _read(path, _reader(file, options, known), options, known)
    except UnicodeError as error:
        with Path(path).open("rb") as file:
            if file.read(2) in _PACKED:
                raise ValueError(f"{path} is a compressed file; unpack it first.") from error
        raise ValueError(f"line {_line_that_is_no_text(path, options)} of {path} is not text in "
                         f"the encoding {options.encoding} ({getattr(error, 'reason', error)}); "
                         "name its own with --encoding, such as cp1252, latin-1 or utf-16."
                         ) from error
    except csv.Error as error:
        raise ValueError(f"the row that begins on line {_start_of_bad_row(path, options, known)} "
                         f"of {path} cannot be read as CSV ({error}); is a quote not closed?"
                         ) from error
    finally:
        csv.field_size_limit(most)


def _opened(path: str, options: Options) -> TextIO:
    return Path(path).open(encoding=_with_mark(options.encoding), newline="")


def _reader(file: TextIO, options: Options, known: Sequence[str]) -> Any:
    """Return a reader of all rows of a file."""
    blanks = not any(n.startswith(" ") for n in known) and _has_blanks_after_names(file, options)
    file.seek(0)
    return csv.reader(file, delimiter=options.delimiter or ",", strict=True,
                      skipinitialspace=blanks)


def _line_that_is_no_text(path: str, options: Options) -> int:
    """Return the first line that cannot be decoded, to say so."""
    decoder, lines = codecs.getincrementaldecoder(options.encoding)(), 1
    with Path(path).open("rb") as file, suppress(UnicodeError):
        for line in file:
            decoder.decode(line)
            lines += 1
    return lines


def _start_of_bad_row(path: str, options: Options, known: Sequence[str]) -> int:
    """Return the line on which the first row begins that cannot be read, to say so."""
    begun = 1
    with _opened(path, options) as file, suppress(csv.Error):
        reader = _reader(file, options, known)
        for _ in reader:
            begun = int(reader.line_num) + 1
    return begun


def _with_mark(encoding: str) -> str:
    """Return an encoding that leaves out the byte order mark of UTF-8."""
    return "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding


def _has_blanks_after_names(file: Any, options: Options) -> bool:
    """Return whether each delimiter of the header has a blank after it, which is then dropped.

    Of a model that was fitted on such names they are kept, and so are those of its levels.
    """
    names = file.readline().rstrip("\r\n").split(options.delimiter or ",")
    return len(names) > 1 and all(name.startswith(" ") for name in names[1:])


def _read(path: str, reader: Any, options: Options, known: Sequence[str]) -> CSVFile:
    header = next((row for row in reader if row and any(cell.strip() for cell in row)), None)
    if header is None:
        raise ValueError(f"{path} is empty.")
    header[0] = header[0].lstrip("\ufeff")  # the mark of an encoding that was named without it
    if any("\0" in name for name in header):
        raise ValueError(f"{path} is not text in the encoding {options.encoding}: its header has "
                         "NUL characters. Is it utf-16, or no CSV file?")
    if len(header) == 1 and options.delimiter is None:
        _check_delimiter(path, header[0])
    columns = [_Column() for _ in header]
    rows = _rows(path, reader, len(header))
    while block := list(islice(rows, BLOCK)):
        for column, part in zip(columns, zip(*block, strict=True), strict=True):
            column.add(part)
    cells = [column.cells() for column in columns]
    return _named(path, header, cells, known)


class _Column:
    """Collects the cells of a column; those of few texts by number, as equal texts take memory."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.numbers: dict[str, int] | None = None
        self.codes: list[np.ndarray] = []

    def add(self, cells: Sequence[str]) -> None:
        """Add the cells of some rows; the first of them decide whether texts are numbered."""
        if not self.texts and self.numbers is None and 2 * len(set(cells)) <= len(cells):
            self.numbers = {}
        if self.numbers is None:
            self.texts.extend(cells)
            return
        numbers = self.numbers
        for text in dict.fromkeys(cells):
            numbers.setdefault(text, len(numbers))
        self.codes.append(np.fromiter(map(numbers.__getitem__, cells), np.int64, len(cells)))

    def cells(self) -> Cells:
        """Return all cells."""
        if self.numbers is None:
            return Cells(self.texts, np.arange(len(self.texts)))
        return Cells(list(self.numbers), np.concatenate(self.codes))


def _rows(path: str, reader: Any, width: int) -> Iterator[list[str]]:
    """Yield the rows below the header; blank lines are none."""
    for row in reader:
        if len(row) == width:
            yield row
        elif row and not (len(row) == 1 and not row[0].strip()):
            raise ValueError(
                f"line {reader.line_num} of {path} has {plural(len(row), 'cell')}, but the header "
                f"has {width}; put cells that hold the delimiter in quotes, and write a delimiter "
                "for each cell that is empty.")


def _check_delimiter(path: str, name: str) -> None:
    other = next((shown for sign, shown in DELIMITERS.items() if sign in name), None)
    if other is not None:
        raise ValueError(f"the header of {path} is one cell, {cut(name, 40)!r}; if its delimiter "
                         f"is not a comma, add --delimiter '{other}' (if it is, add "
                         "--delimiter ',').")


def _named(path: str, header: list[str], cells: list[Cells], known: Sequence[str]) -> CSVFile:
    """Return the columns by name, without those of an index or a last delimiter."""
    made = CSVFile(path, {})
    for c, (name, column) in enumerate(zip(header, cells, strict=True)):
        as_pandas = f"Unnamed: {c}"
        empty = not any(text.strip() for text in column.texts)
        if name.strip() or as_pandas in known:
            _check_new(path, name or as_pandas, made.columns)
            made.columns[name if name.strip() else as_pandas] = column
        elif c == 0:
            made.notes.append(f"the first column of {path} has no name and was left out: it is "
                              "the index of a table that was written with it.")
        elif empty:
            made.notes.append(f"column {c + 1} of {path} is empty, without a name, and was left "
                              "out.")
        else:
            raise ValueError(f"column {c + 1} of {path} has no name; the others are "
                             f"{listed(n for n in header if n.strip())}. Name it in the header.")
    return made


def _check_new(path: str, name: str, columns: dict[str, Cells]) -> None:
    if name in columns:
        raise ValueError(f"two columns of {path} are named {name!r}; rename one of them.")
