"""Sentences on what the columns of CSV files were read as, and what might be read otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xaikit.tables.cells import (
    MARKERS,
    Decision,
    FittedColumn,
    is_exact,
    is_plain,
    looks_like_number,
    may_be_code,
    numbers_of,
    truths_of,
)
from xaikit.tables.wording import cut, is_missing, listed, plural
from xaikit.tables.written_levels import levels_written

MOST = 5
"""Columns that get a sentence of their own, for each kind of sentence."""
MOST_NAMED = 20
"""Columns named of each kind."""
STARTS = frozenset("-.0123456789iI")
"""First characters of plain numbers."""
KINDS = {"number": "numbers in", "text": "text in", "boolean": "truth values in",
         "levels": "levels of the fit in", "nothing": "no value in"}


@dataclass(frozen=True)
class JointColumn:
    """A column of one or more files: its cells, and the number of each row's cell, by path."""

    name: str
    texts: list[str]
    codes: Mapping[str, np.ndarray]

    def count(self, texts: Sequence[str]) -> int:
        """Return how many rows hold one of some cells."""
        wanted = set(texts)
        is_wanted = np.array([text in wanted for text in self.texts], dtype=bool)
        return sum(int(is_wanted[codes].sum()) for codes in self.codes.values())

    def where(self, text: str) -> str:
        """Return the first row that holds a cell; the first below the header is row 1."""
        wanted = self.texts.index(text)
        found = ((path, np.flatnonzero(codes == wanted)) for path, codes in self.codes.items())
        return next(f"row {rows[0] + 1} of {path}" for path, rows in found if len(rows))


def summary(paths: Sequence[str], kinds: Mapping[str, Sequence[str]]) -> str:
    """Return one sentence on what all columns were read as."""
    parts = [f"{words} {listed(kinds[kind], MOST_NAMED)}"
             for kind, words in KINDS.items() if kind in kinds]
    return f"read {listed(paths)}: {'; '.join(parts)}."


def few(notes: Sequence[tuple[str, str, str]]) -> list[str]:
    """Return (sort, column, sentence) as sentences, the columns beyond a few in one for each sort.

    Examples
    --------
    >>> few([("a", f"x{i}", f"x{i} is a.") for i in range(7)])[-2:]
    ['x4 is a.', 'the same holds for x5 and x6.']
    """
    made = []
    for sort in dict.fromkeys(sort for sort, _, _ in notes):
        of_sort = [(name, sentence) for own, name, sentence in notes if own == sort]
        made += [sentence for _, sentence in of_sort[:MOST]]
        if len(of_sort) > MOST:
            made.append(f"the same holds for {listed(name for name, _ in of_sort[MOST:])}.")
    return made


def column_notes(
    column: JointColumn, decision: Decision, known: FittedColumn, decimal: str
) -> Iterator[tuple[str, str, str]]:
    """Yield (sort, column, sentence) on all that a column might be read as instead."""
    rest = column.texts if not decision.missing else [
        text for text in column.texts if text not in decision.missing]
    notes = {
        "gaps": _gaps(column, decision),
        "empty": _empty(column, rest, known) if decision.kind in ("text", "levels") else None,
        "None": _two_gaps(column, decision, known),
        "truths": _truths(column, decision, rest, known),
        "levels": _levels(column, rest, known) if decision.kind == "levels" else None,
        "new levels": _new_levels(column, rest, known) if decision.kind == "text" else None,
        "markers": _markers(column, rest, known) if decision.kind == "text" else None,
        "blanks": _blanks(column, rest, known) if decision.kind == "text" else None,
        "text": None if decision.decided or decision.kind != "text" else _text(column, rest),
        "numbers": _numbers(column, rest, decision, known, decimal)
        if decision.kind == "number" else None,
    }
    for sort, sentence in notes.items():
        if sentence is not None:
            end = "" if sentence.endswith("?") else "."
            yield sort, column.name, f"column {column.name!r} {sentence}{end}"


def _quoted(texts: Sequence[str]) -> str:
    return listed(map(repr, dict.fromkeys(texts)), width=42)


def _gaps(column: JointColumn, decision: Decision) -> str | None:
    written = [text for text in column.texts if text in decision.missing and text.strip()]
    if not written:
        return None
    return f"has {_quoted(written)} in {plural(column.count(written), 'row')}, read as missing"


def _empty(column: JointColumn, rest: Sequence[str], known: FittedColumn) -> str | None:
    """Return a sentence on empty cells that were kept as the empty text."""
    if "" not in rest:
        return None
    why = "was a level of the fit" + (", as missing was" if known.has_missing else "")
    if known.hashed:
        why = "the model takes in place of missing ones"
    return (f"has empty cells in {plural(column.count(['']), 'row')}, read as the empty text, "
            f"which {why}; add --na-values '' if they are missing")


def _two_gaps(column: JointColumn, decision: Decision, known: FittedColumn) -> str | None:
    """Return a sentence on missing cells where the fit had two kinds of them."""
    gone = [level for level in known.levels or () if is_missing(level)]
    if not decision.missing or not any(v is None for v in gone) or all(v is None for v in gone):
        return None
    return ("has missing cells, read as NaN; the fit had None as another level, which a CSV file "
            "does not tell apart: pass a table with None, or a Parquet file of objects")


def _truths(
    column: JointColumn, decision: Decision, rest: Sequence[str], known: FittedColumn
) -> str | None:
    """Return a sentence on truth values, if the model takes text for something else."""
    written = [text for text in rest if truths_of([text])] if known.hashed else []
    by_user = len(written) == len(column.texts) and decision.kind == "text"
    if not written or by_user:
        return None
    if decision.kind == "boolean":
        return (f"has {_quoted(written)}, read as truth values; add --text-columns "
                f"{column.name!r} if the model was fitted on text")
    return (f"has {_quoted(written)} in {plural(column.count(written), 'row')}, read as text; if "
            "the model was fitted on truth values, replace them by 1 and 0, which it takes for the "
            "same")


def _levels(column: JointColumn, rest: Sequence[str], known: FittedColumn) -> str | None:
    """Return a sentence on cells that are no level of the fit, or could be several."""
    found = levels_written(rest, known.levels or ())
    if found.new:
        return (f"has {_quoted(found.new)} in {plural(column.count(found.new), 'row')}, which "
                "was no level of the fit")
    if found.unclear:
        return (f"has {_quoted(found.unclear)} in {plural(column.count(found.unclear), 'row')}, "
                "which stands for levels of several types; it was read as the one that is no text")
    return None


def _new_levels(column: JointColumn, rest: Sequence[str], known: FittedColumn) -> str | None:
    """Return a sentence on text that is no level of the fit; on markers there is one of its own."""
    new = [] if known.levels is None else [
        text for text in rest if text.strip() not in MARKERS and not known.has_level(text)]
    if not new:
        return None
    return (f"has {_quoted(new)} in {plural(column.count(new), 'row')}, which was no level of the "
            "fit: is it spelled otherwise, or in another encoding (--encoding)?")


def _markers(column: JointColumn, rest: Sequence[str], known: FittedColumn) -> str | None:
    """Return a sentence on texts such as 'NA' that were kept."""
    kept = [text for text in rest if text.strip() in MARKERS and not known.has_level(text)]
    if not kept:
        return None
    unknown = "" if known.levels is None else ", which was no level of the fit"
    return (f"has {_quoted(kept)} in {plural(column.count(kept), 'row')}, kept as text{unknown}; "
            f"add --na-values {kept[0].strip()!r} if it means missing")


def _blanks(column: JointColumn, rest: Sequence[str], known: FittedColumn) -> str | None:
    edged = [text for text in rest if text != text.strip()]
    if not edged or known.levels is not None:  # text that is no level has a sentence of its own
        return None
    return (f"keeps the blanks around its text, as in {cut(repr(edged[0]), 40)} "
            f"({column.where(edged[0])})")


def _text(column: JointColumn, rest: Sequence[str]) -> str | None:
    """Return a sentence on a column that looks like one of numbers, but is none."""
    others = [text for text in rest if text.strip() not in MARKERS]
    if not others:
        return None
    if all(map(looks_like_number, others)):
        odd = [text for text in others if not is_plain(text)]
        shown = odd[0] if odd else max(rest, key=len)
        return (f"was read as text: numbers would change {cut(shown, 40)!r} "
                f"({column.where(shown)})" + _decimal_hint(odd))
    numbers = [text for text in rest if text.lstrip()[:1] in STARTS and is_plain(text)]
    if 2 * column.count(numbers) >= column.count(rest):
        shown = next(text for text in others if not is_plain(text))
        return (f"was read as text: most cells are numbers, but not {cut(shown, 40)!r} "
                f"({column.where(shown)})")
    return None


def _decimal_hint(odd: Sequence[str]) -> str:
    comma = odd and all(is_plain(text, ",") for text in odd)
    return "; add --decimal , if a comma is the decimal sign" if comma else ""


def _numbers(
    column: JointColumn, rest: Sequence[str], decision: Decision, known: FittedColumn, decimal: str
) -> str | None:
    """Return a sentence on numbers that could be codes."""
    gaps = bool(decision.missing)
    padded = [] if decision.digits is not None or not decision.decided else [
        text for text in rest
        if not (is_plain(text, decimal) and is_exact([text], gaps, decimal))]
    if padded:
        value = numbers_of(padded[:1], True, decimal)[0]
        return (f"was read as numbers, since {known.whose} numbers: {padded[0]!r} "
                f"({column.where(padded[0])}) as {value:.17g}")
    no_powers = decision.digits is not None and not decision.digits.powers
    codes = [] if decision.decided or no_powers else [text for text in rest if may_be_code(text)]
    if codes:
        value = numbers_of(codes[:1], True, decimal)[0]
        return (f"was read as numbers, {codes[0]!r} ({column.where(codes[0])}) as {value:.17g}; "
                f"add --text-columns {column.name!r} if these are codes")
    return None
