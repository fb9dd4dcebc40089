"""TextAttribution: the contribution of each word or sentence of each text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from xaikit.explanations.attribution import Attribution
from xaikit.explanations.base import frozen
from xaikit.explanations.choosing import resolve, split_key
from xaikit.explanations.importance import Importance
from xaikit.tables.labels import numbered


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class TextAttribution(Attribution):
    """Contributions of the units of texts: words, sentences, or pieces that a masker defines.

    Texts have different numbers of units. Arrays are as long as the longest text, and padded with
    NaN for shorter ones; `mask` says which entries are there, ``e.values[e.mask].max()``. A single
    text (``e[0]``) has only its own units, named by their words; a repeated word is numbered, such
    as ``good (2)``.

    Attributes
    ----------
    texts : tuple of str
    spans : sequence of int arrays (n_spans, 3), one a text
        Unit, start and stop of every piece of text that belongs to a unit.
    """

    texts: tuple[str, ...]
    spans: Any
    feature_names: tuple[str, ...] = ()
    _own_units: ClassVar[bool] = True
    noun: str = "unit"

    def __post_init__(self) -> None:
        object.__setattr__(self, "texts", tuple(self.texts))
        spans = frozen_spans(self.texts, self.spans, len(self.values), "rows of values")
        object.__setattr__(self, "spans", spans)
        if not self.feature_names:
            n_units = np.shape(self.values)[1]
            names = unit_names(self.texts[0], spans[0]) if len(spans) == 1 \
                else tuple(f"unit {u}" for u in range(n_units))
            object.__setattr__(self, "feature_names", names)
        super().__post_init__()

    @property
    def mask(self) -> np.ndarray:
        """Mask of the units of each text, (n_rows, n_features)."""
        there = np.zeros(self.values.shape[:2], dtype=bool)
        for own, spans in zip(there, self.spans, strict=True):
            own[spans[:, 0]] = True
        return there

    def units(self, row: int = 0) -> tuple[str, ...]:
        """Return the names of a text's units: their words."""
        return unit_names(self.texts[row], self.spans[row])

    def __getitem__(self, key: Any) -> Attribution:
        keys = key if isinstance(key, tuple) else (key,)
        if any(k is Ellipsis for k in keys):
            return self[tuple(split_key(key, 3, "rows, features and outputs"))]
        rows = resolve(self.row_names, keys[0], "row")
        if len(rows) != 1:
            return super().__getitem__(key)
        row = int(rows[0])
        if len(keys) > 1 or self.n_rows > 1:
            alone = self._alone(row)
            return alone if len(keys) == 1 else Attribution.__getitem__(alone, (0, *keys[1:]))
        return super().__getitem__(key)

    def _alone(self, row: int) -> TextAttribution:
        """Return the explanation of one text, with only its own units."""
        only = np.unique(self.spans[row][:, 0])
        if self.n_rows == 1 and len(only) == len(self.feature_names):
            return self
        part = Attribution.__getitem__(self, (row, only))
        return replace(part, feature_names=self.units(row))  # type: ignore[return-value]

    def _of_rows(self, rows: np.ndarray, features: np.ndarray) -> dict[str, Any]:
        new = np.full(max(len(self.feature_names), 1), -1)
        new[features] = np.arange(len(features))
        spans = []
        for i in rows:
            own = self.spans[i].copy()
            own[:, 0] = new[own[:, 0]]
            spans.append(own[own[:, 0] >= 0])
        return {"texts": tuple(self.texts[i] for i in rows), "spans": spans}

    def by_word(self) -> Attribution:
        """Add up the contributions of equal words, so that texts can be compared.

        Returns
        -------
        Attribution
            One feature per distinct word, in lower case; 0 in texts without it. Errors of a
            repeated word are added up, which is an upper bound.
        """
        words = [tuple(name.lower() for name in plain_names(text, own))
                 for text, own in zip(self.texts, self.spans, strict=True)]
        vocabulary = tuple(dict.fromkeys(word for own in words for word in own))
        place = {word: j for j, word in enumerate(vocabulary)}
        shape = (self.n_rows, len(vocabulary), len(self.output_names))
        values, errors = np.zeros(shape), np.zeros(shape)
        for i, own in enumerate(words):
            columns, units = [place[word] for word in own], np.unique(self.spans[i][:, 0])
            np.add.at(values[i], columns, self.values[i, units])
            np.add.at(errors[i], columns, self.standard_errors[i, units])
        return Attribution(
            method=self.method, values=values, standard_errors=errors, feature_names=vocabulary,
            output_names=self.output_names, base_values=self.base_values,
            predictions=self.predictions, base_errors=self.base_errors, fidelity=self.fidelity,
            n_left_out=self.n_left_out, left_out=self.left_out,
            row_names=self.row_names, settings=self.settings, random_state=self.random_state,
            cost=self.cost, warnings=self.warnings, noun=self.noun)

    def importance(self, confidence: float = 0.95) -> Importance:
        """Return the mean |contribution| of each distinct word, with intervals over texts.

        See `by_word` and `Attribution.importance`.
        """
        return self.by_word().importance(confidence)

    def _units_of(self, row: int) -> dict[int, str]:
        names = unit_names(self.texts[row], self.spans[row])
        return dict(zip(np.unique(self.spans[row][:, 0]).tolist(), names, strict=True))

    def _summary(self) -> str:
        return f"{self.n_rows} texts, up to {self.values.shape[1]} units × " \
               f"{self.values.shape[2]} outputs{self._and_left_out()}"


def frozen_spans(texts: Sequence[str], spans: Any, n: int, what: str) -> tuple[np.ndarray, ...]:
    """Return the spans of texts as read-only arrays (n_spans, 3).

    Raises
    ------
    ValueError
        If there are not `n` texts and as many lists of spans.
    """
    found = tuple(frozen(np.array(own, dtype=np.int64).reshape(-1, 3)) for own in spans)
    if not len(found) == len(texts) == n:
        raise ValueError(f"{n} {what} do not fit {len(texts)} texts and {len(found)} lists of "
                         "spans.")
    return found


def plain_names(text: str, spans: np.ndarray) -> tuple[str, ...]:
    """Return the first piece of text of every unit."""
    firsts: dict[int, str] = {}
    for unit, start, stop in spans:
        firsts.setdefault(int(unit), text[start:stop])
    return tuple(firsts[u] for u in sorted(firsts))


def unit_names(text: str, spans: np.ndarray) -> tuple[str, ...]:
    """Return the names of units: their words, numbered where repeated."""
    return tuple(numbered(plain_names(text, spans)))
