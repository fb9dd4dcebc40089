"""TextMasker: the units of a text are its words or sentences; hidden ones are cut out or masked."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from itertools import compress
from typing import Any

import numpy as np

from xaikit.predictor.adapter import Predictor
from xaikit.sampling.coalitions import pack, unpack
from xaikit.sampling.counted import counting
from xaikit.sampling.game import zobrist
from xaikit.sampling.maskers import row_position
from xaikit.sampling.splitting import (
    Span,
    Split,
    given_pieces,
    has_unspaced,
    sentences,
    shortened,
    words,
)
from xaikit.settings import Constraint, Either, Flag, Kind, OneOf, check
from xaikit.tables.schema import Documents

MOST_WORDS = 200
"""Units above which ``split="auto"`` goes from words to sentences."""
JOINED_BYTES = 2**22
"""Bytes beside the texts themselves while some of them are written."""
SETTINGS: dict[str, Constraint] = {
    "split": Either(OneOf("word", "sentence", "auto"),
                    Kind(callable, "a function that cuts a text")),
    "mask_token": Kind(lambda token: token is None or (isinstance(token, str) and token != ""),
                       "text that is not empty, or None to cut hidden units out"),
    "by_word": Flag(),
}
"""What settings of a text masker may be; see `xaikit.settings`."""


class TextMasker:
    """Hidden words or sentences are cut out of the text, or replaced by a mask token.

    A word that occurs twice is two units. Words are runs of letters, digits and accents, with
    apostrophes and hyphens inside them ("don't", "well-made"), and points and commas inside
    numbers; an emoji is a word of its own. Punctuation belongs to no unit and always stays. In
    Chinese and Japanese each Han character and each run of hiragana or katakana is a word. The
    words of Thai, Lao, Burmese and Khmer have no mark, so that each run of letters is one unit,
    with a warning: pass a tokenizer of that language as `split`.

    Parameters
    ----------
    split : {"word", "sentence", "auto"} or callable, default "word"
        A ``"sentence"`` ends at . ! ? … 。 with the closing quotes after them, before a space or at
        the end of the text, and at line breaks. The full stop of a common English or German
        abbreviation, or of a single letter, does not end one ("Dr. Lee", "e.g. this", "U.S.").
        ``"auto"`` (or None) takes words up to 200 units, and above that sentences, if there is more
        than one. A callable takes a text and returns its pieces in order: (start, stop) pairs, or
        the pieces themselves.
    mask_token : str, optional
        Replaces a hidden unit, such as ``"[MASK]"``. By default a hidden unit is cut out, with the
        white space after it if otherwise two spaces would meet.
    by_word : bool, default False
        Make all occurrences of a word (case counts) one unit, as in a bag of words.

    Raises
    ------
    ValueError
        For settings out of range.

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
        self, split: str | Split | None = "word", mask_token: str | None = None,
        by_word: bool = False,
    ) -> None:
        split = "auto" if split is None else split
        check({"split": split, "mask_token": mask_token, "by_word": by_word}, SETTINGS)
        self.split, self.mask_token, self.by_word = split, mask_token, bool(by_word)

    def conform(self, X: Any) -> list[str]:
        """Return the texts of one text, a list, a Series or a 1-D array as a list.

        Raises
        ------
        TypeError, ValueError
            If there is no text, if one of them is not text, or if a text has no unit.
        """
        texts = _listed(X)
        for i, text in enumerate(texts):
            # Check here, where all texts are together, so that errors count in the user's order.
            self._checked_spans(text, i)
        for doubt in self.doubts(texts):
            warnings.warn(doubt, stacklevel=2)
        return texts

    def doubts(self, texts: list[str]) -> tuple[str, ...]:
        """Return warnings about the units of texts."""
        unspaced = next((i for i, text in enumerate(texts) if has_unspaced(text)), None)
        if unspaced is None or callable(self.split):
            return ()
        return (f"text {unspaced} is in a script that marks neither words nor sentences (Thai, "
                "Lao, Burmese or Khmer), so that a unit is a run of letters; pass a tokenizer of "
                "that language as split=, a function from a text to its words.",)

    def rows(self, X: Any, *, first: int | None = None) -> TextRows:
        """Return texts ready to be masked; with `first`, `X` is part of what `conform` returned."""
        texts = _listed(X) if first is None else X
        return TextRows(self, texts, [self._checked_spans(t, i) for i, t in enumerate(texts)])

    def described(self) -> dict[str, Any]:
        """Return what an explanation records of it."""
        split = self.split
        if callable(split):
            split = getattr(split, "__qualname__", type(split).__name__)
        return {"split": split, "mask_token": self.mask_token, "by_word": self.by_word}

    def spans(self, text: str) -> np.ndarray:
        """Return the pieces of a text's units.

        Parameters
        ----------
        text : str

        Returns
        -------
        int array (n_spans, 3)
            Unit, start and stop of each piece, in the order of the text; empty if it has no unit.

        Raises
        ------
        TypeError, ValueError
            If a callable `split` returns something other than pieces of the text in order.

        Examples
        --------
        >>> TextMasker(by_word=True).spans("so, so good").tolist()
        [[0, 0, 2], [0, 4, 6], [1, 7, 11]]
        """
        if callable(self.split):
            return self._numbered(text, given_pieces(text, self.split))
        if self.split == "sentence":
            return self._numbered(text, sentences(text))
        by_words = self._numbered(text, words(text))
        if self.split == "auto" and _n_units(by_words) > MOST_WORDS:
            by_sentences = self._numbered(text, sentences(text))
            return by_sentences if _n_units(by_sentences) > 1 else by_words
        return by_words

    def _checked_spans(self, text: str, i: int) -> np.ndarray:
        """Return the pieces of text number `i`; raise ValueError if there is none."""
        spans = self.spans(text)
        if len(spans) == 0:
            what = "words" if self.split == "auto" else \
                "pieces by split" if callable(self.split) else f"{self.split}s"
            raise ValueError(f"text {i} has no {what} to hide: {shortened(text)}; leave it out.")
        return spans

    def _numbered(self, text: str, pieces: list[Span]) -> np.ndarray:
        """Return pieces with their units (n_spans, 3): each one a unit, or each word."""
        spans = np.empty((len(pieces), 3), dtype=np.int64)
        known: dict[str, int] = {}
        for p, (start, stop) in enumerate(pieces):
            unit = known.setdefault(text[start:stop], len(known)) if self.by_word else p
            spans[p] = unit, start, stop
        return spans


class TextRows:
    """Texts bound to a masker, with the pieces of their units.

    Attributes
    ----------
    masker : TextMasker
    texts : list of str
    spans : list of int arrays (n_spans, 3)
        Unit, start and stop of each piece; one array for each text.
    """

    def __init__(self, masker: TextMasker, texts: list[str], spans: list[np.ndarray]) -> None:
        self.masker, self.texts, self.spans = masker, texts, spans

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, i: int) -> MaskedText:
        i = row_position(i, len(self))
        return MaskedText(self.masker, self.texts[i], self.spans[i])


class MaskedText:
    """One text and its units: all that a Game needs; see `maskers.Masked`.

    It has one replacement, the text with every unit hidden: B = 1.
    """

    def __init__(self, masker: TextMasker, text: str, spans: np.ndarray) -> None:
        self.masker, self.source, self.layout = masker, [text], spans
        self.n_units = _n_units(spans)
        self.weights = np.ones(1)
        token = masker.mask_token
        differs = np.zeros(self.n_units, dtype=bool)
        for unit, start, stop in spans.tolist():
            differs[unit] = text[start:stop] != token  # all pieces of a unit are equal
        self.differs = differs[None]
        # Hiding a unit that equals the token does not change the key.
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
        """Return a predictor of masks if the model counts words; see `counted.counting`."""
        def composed(masks: np.ndarray) -> list[str]:
            return self.compose(np.zeros(len(masks), dtype=np.int64), pack(masks))

        return counting(predictor, self.source[0], self.layout, self.masker.mask_token, composed)

    def compose(self, of_background: np.ndarray, masks: np.ndarray) -> list[str]:
        """Return the texts of questions.

        Parameters
        ----------
        of_background : int array (q,)
            All 0, as there is one replacement.
        masks : uint64 array (q, W)

        Returns
        -------
        list of q str
        """
        return self._pieces.joined(masks)


class _Pieces:
    """A text in pieces, each shown under a condition on the mask.

    Condition u < M means that unit u is kept, M + u that it is hidden, 2M is always met, and a
    condition from 2M + 1 on means that any unit of a group is kept.
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
        """Return the condition that any of some units is kept."""
        group = tuple(sorted(set(units)))
        if len(group) == 1:
            return group[0]
        return self._groups.setdefault(group, self.always + 1 + len(self._groups))

    def end(self, condition: int) -> None:
        """Set the condition to keep the white space at the end of the text."""
        self._last = condition

    def joined(self, masks: np.ndarray) -> list[str]:
        """Return the texts that packed masks (q, W) show, written in parts of bounded size."""
        n_units = self.always // 2
        # A mask takes a byte for each of its conditions, and two for each piece.
        some = max(1, JOINED_BYTES // (self.always + 1 + len(self._groups) + 2 * len(self._texts)))
        return [text for first in range(0, len(masks), some)
                for text in self._joined(unpack(masks[first : first + some], n_units))]

    def _joined(self, kept: np.ndarray) -> list[str]:
        """Return the texts that bool masks (q, M) show."""
        columns = [kept, ~kept, np.ones((len(kept), 1), dtype=bool)]
        columns += [np.any(kept[:, group], axis=1)[:, None] for group in self._groups]
        met = np.concatenate(columns, axis=1)
        # `compress` reads bytes of 0 and 1 faster than lists or arrays.
        shown, n = met.take(self._conditions, axis=1).tobytes(), len(self._texts)
        texts = ["".join(compress(self._texts, shown[at : at + n]))
                 for at in range(0, len(shown), n)]
        for q in np.flatnonzero(~met[:, self._last]):
            texts[q] = texts[q].rstrip()
        return texts


def _masked_pieces(text: str, spans: np.ndarray, token: str) -> _Pieces:
    """Return the pieces of a text whose hidden units are replaced by a token."""
    n_units, ends = _n_units(spans), [*spans[1:, 1].tolist(), len(text)]
    pieces = _Pieces(n_units)
    pieces.add(text[: spans[0, 1]], pieces.always)
    for (unit, start, stop), end in zip(spans.tolist(), ends, strict=True):
        # The text after a unit is part of both its forms: that halves the pieces to join.
        pieces.add(text[start:end], unit)
        pieces.add(token + text[stop:end], n_units + unit)
    return pieces


def _cut_pieces(text: str, spans: np.ndarray) -> _Pieces:
    """Return the pieces of a text whose hidden units are cut out.

    The white space after a run of units is cut out with them if all are hidden and no punctuation
    touches them. Then one of two spaces is left, and neighbours never run together.
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
    """Return whether a text ends with something other than white space."""
    return bool(text) and not text[-1].isspace()


def _n_units(spans: np.ndarray) -> int:
    return int(spans[:, 0].max(initial=-1)) + 1


def _listed(X: Any) -> list[str]:
    """Return texts as a list of at least one."""
    if isinstance(X, bytes | Mapping | set):
        raise TypeError(f"expected a text or a list of texts, got {type(X).__name__}.")
    try:
        texts = Documents().conform(X)
    except TypeError as error:
        raise TypeError(f"expected a text or a list of texts, got {type(X).__name__}.") from error
    if not texts:
        raise ValueError("expected at least one text to explain, got an empty list.")
    return texts
