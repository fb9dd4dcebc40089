"""Word counts of masked texts for bag-of-words pipelines, computed without writing the texts.

A pipeline that begins with a CountVectorizer or TfidfVectorizer uses only how often each word
occurs in a text. If no word crosses the border of a unit, the counts of a masked text are the sum
of the counts of its shown units, of the tokens that replace its hidden units, and of the text
between units. That is a product of sparse matrices; writing the texts and splitting them into words
again would take most of the time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import csr_array, csr_matrix, vstack
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.pipeline import Pipeline

from xaikit.predictor.adapter import Predictor

WORD_PATTERN = CountVectorizer().token_pattern
_IN_WORD = re.compile(r"\w")


def counting(
    predictor: Predictor, text: str, spans: np.ndarray, token: str | None,
    composed: Callable[[np.ndarray], list[str]],
) -> Predictor | None:
    """Build a predictor of masks (n, M) that answers as `predictor` answers the masked texts.

    It shares the ledger and the outputs of `predictor`.

    Parameters
    ----------
    predictor : Predictor
    text : str
    spans : int array (n_spans, 3)
        Unit, start and stop of the pieces that may be hidden.
    token : str or None
        Replacement of a hidden piece. None cuts the piece out, together with adjacent white space.
    composed : callable
        Returns the masked texts of masks.

    Returns
    -------
    Predictor or None
        None if the model is not such a pipeline, or if words could cross the border of a unit.
    """
    model = predictor.model_of_methods
    if type(model) is not Pipeline or len(model.steps) < 2 or predictor.kind != "estimator":
        return None
    vectorizer = model.steps[0][1]
    if not _counts_words(vectorizer) or not _parted(text, spans):
        return None
    counted = _Counted(vectorizer, text, spans, token)
    whole = counted(np.ones((1, counted.n_units), dtype=bool))
    # The computed counts must equal those of the vectorizer to the last bit.
    if (csr_array(whole) != csr_array(vectorizer.transform([text]))).nnz:
        return None
    return predictor.after(1, counted, composed)


class _Counted:
    """The matrix that a vectorizer would return for masked texts, computed from the masks."""

    def __init__(
        self, vectorizer: Any, text: str, spans: np.ndarray, token: str | None
    ) -> None:
        self.n_units = int(spans[:, 0].max()) + 1
        self._vectorizer = vectorizer
        between, last = [], 0
        for _, start, stop in spans:
            between.append(text[last:start])
            last = stop
        between.append(text[last:])
        self._shown = self._of_units(spans, [text[start:stop] for _, start, stop in spans])
        self._hidden = None if token is None else self._of_units(spans, [token] * len(spans))
        self._always = self._counts(["\n".join(between)])

    def __call__(self, kept: np.ndarray) -> Any:
        """Return the matrix (n, n_words) of masks (n, M)."""
        # The last column stands for the text between units, which is always there.
        whole = np.concatenate([kept, np.ones((len(kept), 1), dtype=bool)], axis=1)
        counts = csr_matrix(whole, dtype=self._always.dtype) @ vstack([self._shown, self._always])
        if self._hidden is not None:
            counts = counts + csr_matrix(~kept, dtype=self._always.dtype) @ self._hidden
        counts = csr_matrix(counts)
        counts.sort_indices()
        if self._vectorizer.binary:
            counts.data[:] = 1
        return self._weighted(counts)

    def _of_units(self, spans: np.ndarray, pieces: list[str]) -> Any:
        """Add up the counts of the pieces of each unit, (M, n_words)."""
        of_piece = csr_matrix((np.ones(len(spans)), (spans[:, 0], np.arange(len(spans)))),
                              shape=(self.n_units, len(spans)))
        return csr_matrix(of_piece @ self._counts(pieces))

    def _counts(self, pieces: list[str]) -> Any:
        """Return the word counts of pieces of text, (n_pieces, n_words)."""
        # TfidfVectorizer.transform would weight them, so call its parent's.
        return csr_matrix(CountVectorizer.transform(self._vectorizer, pieces), dtype=np.float64)

    def _weighted(self, counts: Any) -> Any:
        """Weight counts as the vectorizer does."""
        vectorizer = self._vectorizer
        if not isinstance(vectorizer, TfidfVectorizer):
            return counts.astype(vectorizer.dtype)
        transformer = TfidfTransformer(norm=vectorizer.norm, use_idf=vectorizer.use_idf,
                                       sublinear_tf=vectorizer.sublinear_tf)
        if vectorizer.use_idf:
            transformer.idf_ = vectorizer.idf_
        else:
            transformer.fit(counts)  # learns nothing, but transform requires it
        return transformer.transform(counts.astype(vectorizer.dtype), copy=False)


def _counts_words(vectorizer: Any) -> bool:
    """Return whether a vectorizer counts single words, split by the default pattern."""
    return type(vectorizer) in (CountVectorizer, TfidfVectorizer) and (
        vectorizer.analyzer == "word" and tuple(vectorizer.ngram_range) == (1, 1)
        and vectorizer.tokenizer is None and vectorizer.preprocessor is None
        # Stripping accents could turn a sign between words into a letter.
        and vectorizer.strip_accents is None
        and vectorizer.token_pattern == WORD_PATTERN and vectorizer.input == "content")


def _parted(text: str, spans: np.ndarray) -> bool:
    """Return whether a non-word character separates each piece from the others and the rest."""
    stops, starts = [0, *spans[:, 2].tolist()], [*spans[:, 1].tolist(), len(text)]
    for i, (stop, start) in enumerate(zip(stops, starts, strict=True)):
        between = text[stop:start]
        inner = 0 < i < len(spans)
        if inner and not between:
            return False
        if between and ((i > 0 and _IN_WORD.match(between[0]))
                        or (i < len(spans) and _IN_WORD.match(between[-1]))):
            return False
    return True
