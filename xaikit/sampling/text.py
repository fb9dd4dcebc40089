"""TextMasker: the units of a text are its words or sentences; hidden ones are cut out or masked."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from itertools import compress
from typing import Any, TypeAlias

import numpy as np

from xaikit.predictor.adapter import Predictor
from xaikit.sampling.coalitions import unpack
from xaikit.sampling.counted import counting
from xaikit.sampling.game import zobrist
from xaikit.tables.schema import Documents

MOST_WORDS = 200
"""Units above which ``split="auto"`` goes from words to sentences."""
SPLITS = ("word", "sentence", "auto")

Span: TypeAlias = tuple[int, int]
Cut: TypeAlias = Callable[[str], Iterable[Any]]

# A full stop must be followed by a space, else 3.5 and example.com would be cut; the scripts that
# write no spaces have marks of their own.
_CLOSING = r"[\"'”’»›)\]}」』）]*"
_SENTENCE_END = re.compile(
    rf"[.!?…]+{_CLOSING}(?=\s|$)|[。！？．]+{_CLOSING}|[\n\r\v\f\x85\u2028\u2029]+")


class TextMasker:
    """Hidden words or sentences are cut out of the text, or replaced by a mask token.

    Units are positions: a word that occurs twice is two units. Words are runs of letters, digits
    and accents, with apostrophes and hyphens inside them ("don't", "well-made"), and points and
    commas inside numbers; an emoji is a word of its own. Punctuation belongs to no unit and always
    stays. A language written without spaces, such as Chinese, comes out as one word a run of
    signs: cut it with a tokenizer of that language, as `split`.

    Parameters
    ----------
    split : {"word", "sentence", "auto"} or callable, default "word"
        ``"sentence"`` ends at . ! ? … 。 with the closing quotes after them, before a space or the
        end, and at line breaks. ``"auto"`` (or None) takes words up to 200 units, and above that
        sentences, if there is more than one. A callable is given a text and gives its pieces in
        order: (start, stop) pairs, or the pieces themselves.
    mask_token : str, optional
        What a hidden unit is replaced by, such as ``"[MASK]"``. By default it is cut out, with the
        white space after it if nothing else stays between two spaces.
    by_word : bool, default False
        Whether all occurrences of a word (case counts) are one unit, as in a bag of words.

    Raises
    ------
    TypeError, ValueError
        For settings that cannot be.

    References
    ----------
    Ribeiro, Singh & Guestrin 2016, section 3.1 (`by_word`: presence of words).

    Examples
    --------
    >>> from xaikit.sampling.coalitions import pack
    >>> text = TextMasker().rows("A fine, well-made film.")[0]
    >>> text.n_units
    4
    >>> text.compose(np.array([0]), pack(np.array([[True, False, False, True]])))
    ['A , film.']
    """

    kind = "text"

    def __init__(
        self, split: str | Cut | None = "word", mask_token: str | None = None,
        by_word: bool = False,
    ) -> None:
        split = "auto" if split is None else split
        if not callable(split) and split not in SPLITS:
            raise ValueError(f"split must be one of {', '.join(map(repr, SPLITS))} or a function "
                             f"that cuts a text, got {split!r}.")
        if mask_token is not None and not isinstance(mask_token, str):
            raise TypeError(f"mask_token must be text or None, got {mask_token!r} of type "
                            f"{type(mask_token).__name__}.")
        if mask_token == "":
            raise ValueError("mask_token is empty; to cut hidden words out, leave it None.")
        if not isinstance(by_word, bool | np.bool_):
            raise TypeError(f"by_word must be True or False, got {by_word!r}.")
        self.split, self.mask_token, self.by_word = split, mask_token, bool(by_word)

    def conform(self, X: Any) -> list[str]:
        """Give a list of the texts in one text, a list, a Series or a 1-D array.

        Raises
        ------
        TypeError, ValueError
            If there is no text, something else among them, or a text without any unit.
        """
        texts = _listed(X)
        for i, text in enumerate(texts):
            # Checked here, where all texts are together, so that the number is the user's own.
            self._checked_spans(text, i)
        return texts

    def rows(self, X: Any, *, first: int | None = None) -> TextRows:
        """Make texts ready to be masked; with `first`, of a part of what `conform` gave."""
        texts = _listed(X) if first is None else X
        return TextRows(self, texts, [self._checked_spans(t, i) for i, t in enumerate(texts)])

    def described(self) -> dict[str, Any]:
        """Give what an explanation says of it."""
        split = self.split
        if callable(split):
            split = getattr(split, "__qualname__", type(split).__name__)
        return {"split": split, "mask_token": self.mask_token, "by_word": self.by_word}

    def spans(self, text: str) -> np.ndarray:
        """Cut a text into the pieces of its units.

        Parameters
        ----------
        text : str

        Returns
        -------
        int array (n_spans, 3)
            Unit, start and stop of each piece, in the order of the text; no rows if it has no unit.

        Raises
        ------
        TypeError, ValueError
            If a callable `split` gives something other than pieces of the text in order.

        Examples
        --------
        >>> TextMasker(by_word=True).spans("so, so good").tolist()
        [[0, 0, 2], [0, 4, 6], [1, 7, 11]]
        """
        if callable(self.split):
            return self._numbered(text, _given_pieces(text, self.split))
        if self.split == "sentence":
            return self._numbered(text, _sentences(text))
        words = self._numbered(text, _words(text))
        if self.split == "auto" and _n_units(words) > MOST_WORDS:
            sentences = self._numbered(text, _sentences(text))
            return sentences if _n_units(sentences) > 1 else words
        return words

    def _checked_spans(self, text: str, i: int) -> np.ndarray:
        spans = self.spans(text)
        if len(spans) == 0:
            what = "words" if self.split == "auto" else \
                "pieces by split" if callable(self.split) else f"{self.split}s"
            raise ValueError(f"text {i} has no {what} to hide: {_short(text)}; leave it out.")
        return spans

    def _numbered(self, text: str, pieces: list[Span]) -> np.ndarray:
        """Number pieces by position, or by word."""
        spans = np.empty((len(pieces), 3), dtype=np.int64)
        known: dict[str, int] = {}
        for p, (start, stop) in enumerate(pieces):
            unit = known.setdefault(text[start:stop], len(known)) if self.by_word else p
            spans[p] = unit, start, stop
        return spans


class TextRows:
    """Texts bound to a masker, and cut.

    Attributes
    ----------
    masker : TextMasker
    texts : list of str
    spans : list of int arrays (n_spans, 3)
        Unit, start and stop of each piece, one array a text.
    """

    def __init__(self, masker: TextMasker, texts: list[str], spans: list[np.ndarray]) -> None:
        self.masker, self.texts, self.spans = masker, texts, spans

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, i: int) -> MaskedText:
        return MaskedText(self.masker, self.texts[i], self.spans[i])


class MaskedText:
    """One text and its units: all that a Game needs; see `game.Masked`.

    The one stand-in is the text with every unit hidden, so B = 1.
    """

    def __init__(self, masker: TextMasker, text: str, spans: np.ndarray) -> None:
        self.masker, self.source, self.layout = masker, [text], spans
        self.n_units = _n_units(spans)
        self.weights = np.ones(1)
        token = masker.mask_token
        differs = np.zeros(self.n_units, dtype=bool)
        for unit, start, stop in spans.tolist():
            differs[unit] = text[start:stop] != token  # pieces of one unit are equal
        self.differs = differs[None]
        # Hiding a unit that does not differ leaves its key as it is.
        keys = zobrist(np.stack([np.zeros_like(differs), differs]).astype(np.int64))
        self.base_keys = np.bitwise_xor.reduce(keys[:, :, :1], axis=1)
        self.flip_keys = keys[:, :, :1] ^ keys[:, :, 1:]
        self.row_bytes = sys.getsizeof(text) + len(spans) * len(token or "")
        self._pieces = _cut_pieces(text, spans) if token is None else \
            _masked_pieces(text, spans, token)

    @property
    def distances(self) -> np.ndarray:
        """1 where hiding a unit changes the text, else 0: (1, M)."""
        return self.differs.astype(np.float64)

    def shortcut(self, predictor: Predictor) -> Predictor | None:
        """Give a predictor of masks, if the model counts words; see `counted.counting`."""
        return counting(predictor, self.source[0], self.layout, self.masker.mask_token)

    def compose(self, of_background: np.ndarray, masks: np.ndarray) -> list[str]:
        """Make the texts of questions.

        Parameters
        ----------
        of_background : int array (q,)
            All 0: there is one stand-in.
        masks : uint64 array (q, W)

        Returns
        -------
        list of q str
        """
        return self._pieces.joined(unpack(masks, self.n_units))


class _Pieces:
    """A text in pieces, each shown under a condition on the mask.

    Condition u < M is that unit u is kept; M + u that it is hidden; 2M that anything is; from
    2M + 1 on that any unit of a group is kept.
    """

    def __init__(self, n_units: int) -> None:
        self.always = 2 * n_units
        self._texts: list[str] = []
        self._conditions: list[int] = []
        self._groups: dict[tuple[int, ...], int] = {}
        self._last = self.always

    def add(self, text: str, condition: int) -> None:
        """Append a piece."""
        if text:
            self._texts.append(text)
            self._conditions.append(condition)

    def any_of(self, units: list[int]) -> int:
        """Give the condition that any of some units is kept."""
        group = tuple(sorted(set(units)))
        if len(group) == 1:
            return group[0]
        return self._groups.setdefault(group, self.always + 1 + len(self._groups))

    def end(self, condition: int) -> None:
        """Say when the text keeps its end; where it does not, the white space there goes too."""
        self._last = condition

    def joined(self, kept: np.ndarray) -> list[str]:
        """Join the pieces that bool masks (q, M) show."""
        columns = [kept, ~kept, np.ones((len(kept), 1), dtype=bool)]
        columns += [np.any(kept[:, group], axis=1)[:, None] for group in self._groups]
        met = np.concatenate(columns, axis=1)
        # Bytes of 0 and 1 are the fastest thing `compress` can read.
        shown, n = met.take(self._conditions, axis=1).tobytes(), len(self._texts)
        texts = ["".join(compress(self._texts, shown[at : at + n]))
                 for at in range(0, len(shown), n)]
        for q in np.flatnonzero(~met[:, self._last]):
            texts[q] = texts[q].rstrip()
        return texts


def _masked_pieces(text: str, spans: np.ndarray, token: str) -> _Pieces:
    """Make pieces of which hidden ones are replaced by a token."""
    n_units, ends = _n_units(spans), [*spans[1:, 1].tolist(), len(text)]
    pieces = _Pieces(n_units)
    pieces.add(text[: spans[0, 1]], pieces.always)
    for (unit, start, stop), end in zip(spans.tolist(), ends, strict=True):
        # What follows a unit goes with either form of it: half the pieces to join.
        pieces.add(text[start:end], unit)
        pieces.add(token + text[stop:end], n_units + unit)
    return pieces


def _cut_pieces(text: str, spans: np.ndarray) -> _Pieces:
    """Make pieces of which hidden ones are cut out.

    White space after a run of units goes with them where all are hidden and no punctuation touches
    them: then one space is left of two, and neighbours never run together.
    """
    pieces = _Pieces(_n_units(spans))
    ends = [*spans[1:, 1].tolist(), len(text)]
    first = text[: spans[0, 1]]
    pieces.add(first, pieces.always)
    touched, run = _ends_solid(first), list[int]()
    for (unit, start, stop), end in zip(spans.tolist(), ends, strict=True):
        pieces.add(text[start:stop], unit)
        run.append(unit)
        between = text[stop:end]
        rest = between.lstrip()
        condition = pieces.always if touched else pieces.any_of(run)
        pieces.add(between[: len(between) - len(rest)], condition)
        pieces.add(rest, pieces.always)
        pieces.end(pieces.always if rest else condition)
        if between:
            touched, run = _ends_solid(rest), []
    return pieces


def _ends_solid(text: str) -> bool:
    """Say whether a text ends with something other than white space."""
    return bool(text) and not text[-1].isspace()


def _n_units(spans: np.ndarray) -> int:
    return int(spans[:, 0].max(initial=-1)) + 1


def _words(text: str) -> list[Span]:
    return [match.span() for match in _word().finditer(text)]


def _sentences(text: str) -> list[Span]:
    """Give the sentences that hold a word, without the white space around them."""
    found, start = list[Span](), 0
    for stop in [*(match.end() for match in _SENTENCE_END.finditer(text)), len(text)]:
        piece = text[start:stop]
        if _word().search(piece):
            first = start + len(piece) - len(piece.lstrip())
            found.append((first, start + len(piece.rstrip())))
        start = stop
    return found


@cache
def _word() -> re.Pattern[str]:
    r"""Give the pattern of a word.

    Python's ``\w`` has no combining marks: of decomposed "café" and of most Indian words it would
    make several. Joined by apostrophes, hyphens, the Catalan point and the invisible joiners of
    Persian and Indian scripts.
    """
    marks = _marks()
    letter, join = rf"[\w{marks}]", "['’‐‑\\-·\xad\u200c\u200d]"
    word = rf"\w{letter}*(?:(?:{join}|(?<=\d)[.,](?=\d))\w{letter}*)*"
    flag = "[\U0001f1e6-\U0001f1ff]{2}"
    pictures, skin = "\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff", "\U0001f3fb-\U0001f3ff"
    picture = rf"[{pictures}][{marks}{skin}]*"
    return re.compile(rf"{word}|{flag}|{picture}(?:\u200d{picture})*")


def _marks() -> str:
    """Write the combining marks of Unicode as ranges of a character class."""
    # The last mark before the variation selectors is at 0x1E94A; the rest of Unicode has none.
    last = 0x1EA00
    marks = [c for c in range(0x300, last) if unicodedata.category(chr(c))[0] == "M"]
    breaks = [i for i in range(1, len(marks)) if marks[i] != marks[i - 1] + 1]
    starts, stops = [0, *breaks], [*breaks, len(marks)]
    ranges = [f"{chr(marks[a])}-{chr(marks[b - 1])}" for a, b in zip(starts, stops, strict=True)]
    return "".join([*ranges, "\U000e0100-\U000e01ef"])


def _given_pieces(text: str, split: Cut) -> list[Span]:
    """Cut a text with a user's function; check what it gave."""
    given = split(text)
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise TypeError(f"split must give a list of (start, stop) pairs or of pieces of the text, "
                        f"got {type(given).__name__}.")
    pieces, at = list[Span](), 0
    for piece in given:
        start, stop = _found(text, piece, at) if isinstance(piece, str) else _pair(piece)
        if not 0 <= start < stop <= len(text):
            raise ValueError(f"split gave the piece ({start}, {stop}), which is empty or outside "
                             f"of the text of {len(text)} characters: {_short(text)}.")
        if start < at:
            raise ValueError(f"split gave the piece ({start}, {stop}), which begins before the "
                             f"last one ends, at {at}; pieces must be in order and not overlap.")
        pieces.append((start, stop))
        at = stop
    return pieces


def _found(text: str, piece: str, at: int) -> Span:
    """Find a piece from a position on."""
    start = text.find(piece, at)
    if start < 0:
        raise ValueError(f"split gave the piece {_short(piece)}, which does not stand in the text "
                         f"after position {at}: {_short(text)}; pieces must be unchanged and in "
                         "order, or give (start, stop) pairs.")
    return start, start + len(piece)


def _pair(piece: Any) -> Span:
    whole = isinstance(piece, tuple | list | np.ndarray) and len(piece) == 2 and all(
        isinstance(edge, int | np.integer) and not isinstance(edge, bool) for edge in piece)
    if not whole:
        raise TypeError(f"split must give (start, stop) pairs of whole numbers or pieces of the "
                        f"text, got {piece!r} among them.")
    return int(piece[0]), int(piece[1])


def _listed(X: Any) -> list[str]:
    """Give texts as a list of at least one."""
    if isinstance(X, bytes | Mapping | set):
        raise TypeError(f"expected a text or a list of texts, got {type(X).__name__}.")
    try:
        texts = Documents().conform(X)
    except TypeError as error:
        raise TypeError(f"expected a text or a list of texts, got {type(X).__name__}.") from error
    if not texts:
        raise ValueError("expected at least one text to explain, got an empty list.")
    return texts


def _short(text: str) -> str:
    return repr(text) if len(text) <= 40 else f"{text[:40]!r}…"
