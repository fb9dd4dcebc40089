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
    rf"[.!?…।॥؟۔]+{_CLOSING}(?=\s|$)|[。！？．｡]+{_CLOSING}|[\n\r\v\f\x85\u2028\u2029]+")

_BEFORE_WORDS = re.compile(
    r"Dr|Mr|Mrs|Ms|Mx|Prof|Rev|Hon|Gen|Col|Capt|Lt|Sgt|Gov|Sen|St|Mt|vs|cf|viz|approx|ca|bzw|"
    r"vgl|evtl|ggf|inkl|exkl|einschl|sog|Hr|Fr|Frl|Dipl|Ing|Hrsg|Mme|Mlle|Sr|Sra|Srta|Dra")
"""Abbreviations that something follows: a name, or the rest of the sentence."""
_BEFORE_NUMBERS = re.compile(
    r"No|Nr|nr|Nos|Fig|fig|Figs|Abb|Tab|Eq|eq|Vol|vol|Ch|Sec|Art|Abs|Par|Kap|pp|Bd|Tel|Jan|"
    r"Feb|Mar|Apr|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec|Okt|Dez")
"""Abbreviations before a number; before anything else they are words, as in "No. It is bad."."""
_BEFORE_OR_LAST = re.compile(
    r"etc|usw|al|Inc|Ltd|Co|Corp|Jr|Bros|Dept|Mio|Mrd|max|min|std|Std|a\.m|p\.m|Ph\.D")
"""Abbreviations that may end a sentence: they do so before anything but a small letter."""
_LETTERS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
_LONGEST = 12
"""Characters before a full stop that may be an abbreviation."""

# Scripts without spaces. A Han character is a word or nearly one; kana are words, endings and
# particles by run. Words of the others only a dictionary finds.
_HAN = "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_HIRAGANA = "\u3041-\u3096\u309d-\u309f\u30fc"
_KATAKANA = "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
_UNSPACED = re.compile("[\u0e01-\u0e30\u0e81-\u0eb0\u1000-\u102a\u1780-\u17b3]")


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
    >>> sentences("Ask Dr. Lee, e.g. about No. 5.")
    [(0, 30)]
    """
    found, start = list[Span](), 0
    stops = (match.end() for match in _SENTENCE_END.finditer(text) if not _is_inside(text, match))
    for stop in [*stops, len(text)]:
        piece = text[start:stop]
        if _word().search(piece):
            first = start + len(piece) - len(piece.lstrip())
            found.append((first, start + len(piece.rstrip())))
        start = stop
    return found


def has_unspaced(text: str) -> bool:
    """Return whether a text has letters of Thai, Lao, Burmese or Khmer, whose words have no mark.

    Examples
    --------
    >>> has_unspaced("ฉันรักแมว"), has_unspaced("我爱猫")
    (True, False)
    """
    return _UNSPACED.search(text) is not None


def _is_inside(text: str, match: re.Match[str]) -> bool:
    """Return whether a full stop belongs to an abbreviation within a sentence."""
    if match[0][0] != "." or match[0][1:2] in (".", "!", "?", "…"):
        return False
    start = match.start()
    word = re.split(r"[^\w.]", text[max(0, start - _LONGEST):start])[-1].lstrip(".")
    following = text[match.end():match.end() + _LONGEST].lstrip()[:1]
    if _BEFORE_OR_LAST.fullmatch(word) or not following:
        return following.islower()
    if _BEFORE_NUMBERS.fullmatch(word):
        return following.isdigit()
    # The letter of an initial, of U.S. or of z. B.; but "So do I." is a sentence.
    return bool(_BEFORE_WORDS.fullmatch(word) or (word != "I" and _LETTERS.fullmatch(word)))


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
    scripts join letters to one word. In Chinese and Japanese each Han character is a word, and so
    is each run of hiragana or of katakana.
    """
    marks, alone = _marks(), _HAN + _HIRAGANA + _KATAKANA
    first, join = rf"[^\W{alone}]", "['’‐‑\\-·\xad\u200c\u200d]"
    letters = rf"(?:{first}++[{marks}]*+)++"
    word = rf"{letters}(?:(?:{join}|(?<=\d)[.,](?=\d)){letters})*"
    word += "".join(rf"|[{kana}][{kana}{marks}]*" for kana in (_HIRAGANA, _KATAKANA))
    word += rf"|[{_HAN}][{marks}]*"
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
