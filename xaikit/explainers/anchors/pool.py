"""Background rows that the model was asked about once, for all rules of all explained rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xaikit.explainers.anchors.meanings import Meaning
from xaikit.explainers.anchors.predicates import Predicates
from xaikit.predictor.adapter import Predictor
from xaikit.sampling.coalitions import pack
from xaikit.sampling.seeds import stream
from xaikit.tables.tables import Table, take_rows


@dataclass(frozen=True)
class Labelled:
    """Rows of a background in random order, and what the model says of the first of them.

    Attributes
    ----------
    table : table (n_rows, n_columns)
    said : array (n_asked,)
    n_search : int
        Rows at the front that the search sees.
    """

    table: Table
    said: np.ndarray
    n_search: int


@dataclass(frozen=True)
class Half:
    """Rows with what the model says of them, and where the conditions hold.

    Attributes
    ----------
    table : table (n_rows, n_columns)
    said : array (n_rows,)
        Empty if the model was not asked about these rows.
    masks : uint64 array (n_conditions, n_words)
        Packed, 64 rows a word.
    """

    table: Table
    said: np.ndarray
    masks: np.ndarray

    def __len__(self) -> int:
        return len(self.table)

    def where(self, rule: Sequence[int] | np.ndarray) -> np.ndarray:
        """Return the rows that a rule holds for, packed."""
        if not len(rule):
            return np.asarray(pack(np.ones((1, len(self)), dtype=bool))[0])
        return np.asarray(np.bitwise_and.reduce(self.masks[list(rule)], axis=0))

    def counts(self, rule: Sequence[int], agree: np.ndarray) -> tuple[int, int]:
        """Return how many rows a rule holds for, and how many of them agree (packed)."""
        where = self.where(rule)
        return int(np.bitwise_count(where).sum()), int(np.bitwise_count(where & agree).sum())

    def agreeing(self, meaning: Meaning, own: Any) -> np.ndarray:
        """Return which rows say the same as a row's own answer, packed."""
        return np.asarray(pack(meaning.agrees(self.said, own)[None])[0])

    def with_masks(self, masks: Sequence[np.ndarray]) -> Half:
        """Return these rows with further conditions after the present ones."""
        return Half(self.table, self.said, np.concatenate([self.masks, np.stack(masks)]))


@dataclass(frozen=True)
class Pool:
    """Two halves of a background: rules are found on one, and confirmed on the other.

    Attributes
    ----------
    search, check : Half
    asked : Half
        All rows that the model was asked about.
    meaning : Meaning
    """

    search: Half
    check: Half
    asked: Half
    meaning: Meaning


def ask_about(
    predictor: Predictor, meaning: Meaning, background: Table, most: int, seed: int,
    most_asked: int | None = None,
) -> Labelled:
    """Ask the model about a random sample of the background: half of it is for the search.

    Parameters
    ----------
    predictor : Predictor
    meaning : Meaning
    background : table
        Rows that are a sample of those that rules are about.
    most : int
        Most rows of the sample.
    seed : int
    most_asked : int, optional
        If given, the model is asked about so many rows of the search alone.
    """
    order = stream(seed, "pool of rules").permutation(len(background))[:most]
    table, n_search = take_rows(background, order), len(order) // 2
    if most_asked is None:
        return Labelled(table, meaning.read(predictor, table), n_search)
    n_search = min(max(n_search, 1), most_asked)
    return Labelled(table, meaning.read(predictor, take_rows(table, np.arange(n_search))), n_search)


def make_pool(labelled: Labelled, meaning: Meaning, predicates: Predicates) -> Pool:
    """Cut labelled rows in two."""
    n, cut = len(labelled.table), labelled.n_search
    holds = predicates.holds(labelled.table)
    search, check, asked = (
        Half(take_rows(labelled.table, np.arange(start, stop)), labelled.said[start:stop],
             pack(holds[:, start:stop]))
        for start, stop in ((0, cut), (cut, n), (0, len(labelled.said))))
    return Pool(search, check, asked, meaning)
