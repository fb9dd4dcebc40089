"""Splitting of texts into words, sentences, or what a user's function cuts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, TypeAlias

import numpy as np

from xaikit.settings import is_whole

Span: TypeAlias = tuple[int, int]
"""Start and stop of a piece of a text."""
Split: TypeAlias = Callable[[str], Iterable[Any]]
"""A function that cuts a text."""

# A full stop must be followed by a space, else 3.5 and example.com would be cut; scripts written
# without spaces have marks of their own.
_CLOSING = r"[\"'”’»›)\]}」』）]*"
_SENTENCE_END = re.compile(
    rf"[.!?…]+{_CLOSING}(?=\s|$)|[。！？．]+{_CLOSING}|[\n\r\v\f\x85\u2028\u2029]+")


def words(text: str) -> list[Span]:
    """Return the words of a text.

    Examples
    --------
    >>> words("Don't, 3.5!")
    [(0, 5), (7, 10)]
    """
    return [match.span() for match in _word().finditer(text)]


def sentences(text: str) -> list[Span]:
    """Return the sentences that hold a word, without the white space around them.

    Examples
    --------
    >>> sentences("So. It is 3.5?")
    [(0, 3), (4, 14)]
    """
    found, start = list[Span](), 0
    for stop in [*(match.end() for match in _SENTENCE_END.finditer(text)), len(text)]:
        piece = text[start:stop]
        if _word().search(piece):
            first = start + len(piece) - len(piece.lstrip())
            found.append((first, start + len(piece.rstrip())))
        start = stop
    return found


def given_pieces(text: str, split: Split) -> list[Span]:
    """Return the pieces that a user's function cuts a text into.

    Raises
    ------
    TypeError, ValueError
        If they are not pieces of the text in order.
    """
    given = split(text)
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise TypeError("split must return a list of (start, stop) pairs or of pieces of the "
                        f"text, got {type(given).__name__}.")
    pieces, at = list[Span](), 0
    for piece in given:
        start, stop = _found(text, piece, at) if isinstance(piece, str) else _pair(piece)
        if not 0 <= start < stop <= len(text):
            raise ValueError(f"split returned the piece ({start}, {stop}), which is empty or "
                             f"outside of the text of {len(text)} characters: {shortened(text)}.")
        if start < at:
            raise ValueError(f"split returned the piece ({start}, {stop}), which begins before the "
                             f"last one ends, at {at}; pieces must be in order and not overlap.")
        pieces.append((start, stop))
        at = stop
    return pieces


def shortened(text: str) -> str:
    """Return a text in quotes, as a sentence shows it: its first 40 characters."""
    return repr(text) if len(text) <= 40 else f"{text[:40]!r}…"


@cache
def _word() -> re.Pattern[str]:
    r"""Return the pattern of a word.

    Python's ``\w`` leaves combining marks out, and would split decomposed "café" and most Indian
    words. Apostrophes, hyphens, the Catalan point and the invisible joiners of Persian and Indian
    scripts join letters to one word.
    """
    marks = _marks()
    letter, join = rf"[\w{marks}]", "['’‐‑\\-·\xad\u200c\u200d]"
    word = rf"\w{letter}*(?:(?:{join}|(?<=\d)[.,](?=\d))\w{letter}*)*"
    flag = "[\U0001f1e6-\U0001f1ff]{2}"
    pictures, skin = "\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff", "\U0001f3fb-\U0001f3ff"
    picture = rf"[{pictures}][{marks}{skin}]*"
    return re.compile(rf"{word}|{flag}|{picture}(?:\u200d{picture})*")


def _marks() -> str:
    """Return the combining marks of Unicode as ranges of a character class."""
    # Between 0x1E94A and the variation selectors, which are added below, Unicode has no marks.
    last = 0x1EA00
    marks = [c for c in range(0x300, last) if unicodedata.category(chr(c))[0] == "M"]
    breaks = [i for i in range(1, len(marks)) if marks[i] != marks[i - 1] + 1]
    starts, stops = [0, *breaks], [*breaks, len(marks)]
    ranges = [f"{chr(marks[a])}-{chr(marks[b - 1])}" for a, b in zip(starts, stops, strict=True)]
    return "".join([*ranges, "\U000e0100-\U000e01ef"])


def _found(text: str, piece: str, at: int) -> Span:
    """Return where a piece is in a text, from a position on."""
    start = text.find(piece, at)
    if start < 0:
        raise ValueError(f"split returned the piece {shortened(piece)}, which is not in the text "
                         f"after position {at}: {shortened(text)}; pieces must be unchanged and in "
                         "order, or be given as (start, stop) pairs.")
    return start, start + len(piece)


def _pair(piece: Any) -> Span:
    """Return a (start, stop) pair as Python numbers."""
    if not (isinstance(piece, tuple | list | np.ndarray) and len(piece) == 2
            and all(is_whole(edge) for edge in piece)):
        raise TypeError(f"split must return (start, stop) pairs of whole numbers or pieces of the "
                        f"text, got {piece!r} among them.")
    return int(piece[0]), int(piece[1])
