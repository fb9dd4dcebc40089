"""Rules that hold for many rows of which nearly all agree, found by a beam search over predicates.

Legend: n rows whose answers are known; a predicate is true for some of them; a rule is a set of
predicates, true where all of them are. Its coverage is how many rows it is true for, its precision
how many of these agree. Masks are packed, 64 rows a word, so that a rule costs an `and` and two
counts for each word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xaikit.solvers.bounds import kl_lower


@dataclass(frozen=True)
class Found:
    """A rule, and how many rows of the search it is true for.

    Attributes
    ----------
    rule : tuple of int
        Positions of its predicates, sorted; the empty rule is true for all rows.
    n_rows, n_agree : int
    lower : float
        Lower bound on its precision, as if it were the only rule that was tried.
    """

    rule: tuple[int, ...]
    n_rows: int
    n_agree: int
    lower: float


@dataclass(frozen=True)
class Goal:
    """What a search looks for.

    Attributes
    ----------
    precision : float
        τ, that the lower bound must reach.
    error : float
        How often the bound of a single rule may be wrong.
    beam : int
        Rules of each length that are extended further.
    most : int
        Most predicates of a rule.
    """

    precision: float
    error: float
    beam: int = 4
    most: int = 6

    @property
    def evidence(self) -> float:
        """β = ln(1/error), what n rows together may speak against a bound."""
        return -float(np.log(self.error))

    @property
    def least(self) -> int:
        """Rows that a rule needs if all of them agree."""
        if self.precision >= 1.0:
            return 1
        return max(1, int(np.ceil(self.evidence / -np.log(self.precision))))


def search_rules(
    masks: np.ndarray, agree: np.ndarray, n_rows: int, goal: Goal
) -> tuple[list[Found], Found]:
    """Find rules whose precision reaches the goal, those of the largest coverage first.

    Parameters
    ----------
    masks : uint64 array (n_predicates, n_words)
        Where each predicate is true, packed.
    agree : uint64 array (n_words,)
        Where rows agree, packed.
    n_rows : int
        Rows in all; bits beyond are 0.
    goal : Goal

    Returns
    -------
    found : list of Found
        Sorted by coverage, then length, precision and position. Rules that hold for the same rows
        are there once, as the shortest.
    best : Found
        The rule of the highest lower bound, whether or not it reaches the goal.
    """
    nothing = _all_rows(n_rows, masks.shape[1])
    empty = _judged([()], nothing[None], agree, goal)[0]
    if empty.lower >= goal.precision:
        return [empty], empty
    beam, of_beam, best, reached = [empty], nothing[None], empty, list[Found]()
    for _ in range(goal.most):
        rules, of_rules = _extended(beam, of_beam, masks)
        if not rules:
            break
        judged = _judged(rules, of_rules, agree, goal)
        largest = max((f.n_rows for f in reached), default=0)
        kept = [i for i, f in enumerate(judged) if f.n_rows >= max(goal.least, largest + 1)]
        best = max([best, *(judged[i] for i in kept)], key=lambda f: f.lower)
        reached += [judged[i] for i in kept if judged[i].lower >= goal.precision]
        largest = max((f.n_rows for f in reached), default=0)
        open_ = [i for i in kept if judged[i].lower < goal.precision and judged[i].n_rows > largest]
        chosen = _best_of(judged, open_, goal.beam)
        beam, of_beam = [judged[i] for i in chosen], of_rules[chosen]
    return sorted(reached, key=lambda f: (-f.n_rows, len(f.rule), -f.lower, f.rule)), best


def _all_rows(n_rows: int, n_words: int) -> np.ndarray:
    """Return the mask of the empty rule."""
    left = np.clip(n_rows - 64 * np.arange(n_words), 0, 64).astype(np.uint64)
    full = np.uint64(2**64 - 1)
    return np.where(left == 64, full, (np.uint64(1) << np.minimum(left, np.uint64(63)))
                    - np.uint64(1))


def _extended(
    beam: Sequence[Found], of_beam: np.ndarray, masks: np.ndarray
) -> tuple[list[tuple[int, ...]], np.ndarray]:
    """Return the rules with one predicate more, and where they are true, each set of rows once."""
    longer = of_beam[:, None] & masks[None]
    narrower = (longer != of_beam[:, None]).any(axis=2) & longer.any(axis=2)
    rules, places, seen = list[tuple[int, ...]](), list[tuple[int, int]](), set[bytes]()
    for b, p in zip(*np.nonzero(narrower), strict=True):
        key = longer[b, p].tobytes()
        if key not in seen:
            seen.add(key)
            rules.append(tuple(sorted((*beam[b].rule, int(p)))))
            places.append((int(b), int(p)))
    chosen = np.array(places, dtype=np.int64).reshape(-1, 2)
    return rules, longer[chosen[:, 0], chosen[:, 1]]


def _judged(rules: Sequence[tuple[int, ...]], where: np.ndarray, agree: np.ndarray, goal: Goal
            ) -> list[Found]:
    """Count the rows of rules, and bound their precision."""
    n = np.bitwise_count(where).sum(axis=1, dtype=np.int64)
    k = np.bitwise_count(where & agree).sum(axis=1, dtype=np.int64)
    lower = kl_lower(k / np.maximum(n, 1), goal.evidence / np.maximum(n, 1))
    return [Found(rule, int(a), int(b), float(c) if a else 0.0)
            for rule, a, b, c in zip(rules, n, k, lower, strict=True)]


def _best_of(judged: Sequence[Found], places: Sequence[int], most: int) -> list[int]:
    """Return the places of the rules to extend: half those of the best precision, half of gain.

    The gain is that of FOIL (Quinlan 1990): what a rule's agreeing rows win in precision. It
    prefers wide rules, which a further predicate may bring to the goal.
    """
    if not places:
        return []
    widest = max((judged[i] for i in places), key=lambda f: f.n_rows)
    base = max(widest.n_agree, 0.5) / widest.n_rows

    def gain(i: int) -> float:
        f = judged[i]
        return f.n_agree * float(np.log(max(f.n_agree, 0.5) / f.n_rows / base))

    by_precision = sorted(places, key=lambda i: (-judged[i].lower, -judged[i].n_rows, i))
    by_gain = sorted(places, key=lambda i: (-gain(i), i))
    chosen = dict.fromkeys(i for pair in zip(by_gain, by_precision, strict=True) for i in pair)
    return list(chosen)[:most]
