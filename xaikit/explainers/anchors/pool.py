"""Background rows that the model was asked about once, for all rules of all explained rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xaikit.explainers.anchors.meanings import Meaning, settled
from xaikit.explainers.anchors.predicates import Predicates
from xaikit.predictor.adapter import Predictor
from xaikit.sampling.coalitions import pack
from xaikit.sampling.seeds import stream
from xaikit.tables.tables import Table, take_rows


@dataclass(frozen=True)
class Half:
    """Rows with what the model says of them, and where the conditions hold.

    Attributes
    ----------
    masks : uint64 array (n_conditions, n_words)
        Packed, 64 rows a word.
    said : array (n_rows,)
    """

    masks: np.ndarray
    said: np.ndarray

    def __len__(self) -> int:
        return len(self.said)

    def counts(self, rule: Sequence[int], agree: np.ndarray) -> tuple[int, int]:
        """Return the rows that a rule holds for, and how many of them agree (packed)."""
        if not len(rule):
            return len(self), int(np.bitwise_count(agree).sum())
        where = np.bitwise_and.reduce(self.masks[list(rule)], axis=0)
        return int(np.bitwise_count(where).sum()), int(np.bitwise_count(where & agree).sum())


@dataclass(frozen=True)
class Pool:
    """Two halves of a background: rules are found on one, and confirmed on the other."""

    search: Half
    check: Half
    meaning: Meaning


def make_pool(
    predictor: Predictor, meaning: Meaning, background: Table, predicates: Predicates, most: int,
    seed: int,
) -> Pool:
    """Ask the model about a random sample of the background, and cut it in two.

    Parameters
    ----------
    predictor : Predictor
    meaning : Meaning
    background : table
        Rows that are a sample of those that rules are about.
    predicates : Predicates
    most : int
        Most rows that are asked about.
    seed : int
    """
    order = stream(seed, "pool of rules").permutation(len(background))[:most]
    table = take_rows(background, order)
    said = meaning.read(predictor, table)
    meaning = settled(meaning, said)
    holds, half = predicates.holds(table), len(order) // 2
    search, check = (Half(pack(holds[:, part]), said[part]) for part in (
        slice(0, half), slice(half, len(order))))
    return Pool(search, check, meaning)
