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

from xaikit.solvers.bounds import kl_divergence, kl_lower

MOST_FOUND = 8
"""Rules that are kept of those that reach the goal."""
_ODD = np.uint64(0x9E3779B97F4A7C15)


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
    shorter : float
        Of two rules, the one with a column more is worth as much if it holds for 1/`shorter` times
        as many rows. With 1, rows alone count.
    exact : float
        A rule that uses up all errors that τ allows is worth so many times a rule without errors.
    """

    precision: float
    error: float
    beam: int = 4
    most: int = 6
    shorter: float = 1.0
    exact: float = 1.0

    def worth(self, n: np.ndarray, k: np.ndarray, n_columns: np.ndarray) -> np.ndarray:
        """Return what rules are worth that name columns, hold for n rows, and of which k agree."""
        allowed = max(1.0 - self.precision, 1e-9)
        errors = (1.0 - k / np.maximum(n, 1)) / allowed
        return np.asarray(n * self.shorter**n_columns * self.exact**errors)

    @property
    def evidence(self) -> float:
        """β = ln(1/error), what n rows together may speak against a bound."""
        return -float(np.log(self.error))

    def lower(self, n: np.ndarray, k: np.ndarray) -> np.ndarray:
        """Return the lower bounds of rules that hold for n rows of which k agree."""
        trials = np.maximum(n, 1)
        return np.where(n, kl_lower(k / trials, self.evidence / trials), 0.0)

    def reached(self, n: np.ndarray, k: np.ndarray) -> np.ndarray:
        """Return whether the lower bounds of rules are at least τ: kl(k/n, τ) ≥ β/n above τ."""
        shares = k / np.maximum(n, 1)
        return np.asarray((shares >= self.precision) & (n > 0) & (
            n * kl_divergence(shares, self.precision) >= self.evidence))

    def score(self, n: np.ndarray, k: np.ndarray) -> np.ndarray:
        """Return lower bounds of Wilson (1927) with z² = 2β, which are fast, to compare rules by.

        `lower` differs little from them; it and `reached` decide.
        """
        trials, square = np.maximum(n, 1), 2.0 * self.evidence
        shares = k / trials
        reach = np.sqrt(square * (shares * (1.0 - shares) + square / (4.0 * trials)) / trials)
        lower = (shares + square / (2.0 * trials) - reach) / (1.0 + square / trials)
        return np.where(n, np.maximum(lower, 0.0), 0.0)

    @property
    def least(self) -> int:
        """Rows that a rule needs if all of them agree."""
        if self.precision >= 1.0:
            return 1
        return max(1, int(np.ceil(self.evidence / -np.log(self.precision))))


def search_rules(
    masks: np.ndarray, agree: np.ndarray, n_rows: int, goal: Goal,
    columns: np.ndarray | None = None, loose: Goal | None = None,
) -> tuple[list[Found], Found]:
    """Find rules whose precision reaches the goal, those that are worth most first.

    What a rule is worth: see `Goal.worth`.

    Parameters
    ----------
    masks : uint64 array (n_predicates, n_words)
        Where each predicate is true, packed.
    agree : uint64 array (n_words,)
        Where rows agree, packed.
    n_rows : int
        Rows in all; bits beyond are 0.
    goal : Goal
    columns : int array (n_predicates,), optional
        Column that each predicate is about; by default each has its own.
    loose : Goal, optional
        A goal of a larger error: rules that reach it alone are found if none reaches `goal`.

    Returns
    -------
    found : list of Found
        Sorted by worth, then length, precision and position. None of them reaches the goal without
        one of its predicates.
    best : Found
        The rule of the highest lower bound, whether or not it reaches the goal.
    """
    columns = np.arange(len(masks)) if columns is None else np.asarray(columns)
    return _Search(masks, agree, n_rows, goal, columns, loose).run()


Counted = tuple[tuple[int, ...], int, int]
"""A rule, its rows, and how many of them agree."""


class _Search:
    """A search, and the rules that reached the goal so far; see `search_rules`."""

    def __init__(self, masks: np.ndarray, agree: np.ndarray, n_rows: int, goal: Goal,
                 columns: np.ndarray, loose: Goal | None) -> None:
        self.masks, self.agree, self.goal, self.columns = masks, agree, goal, columns
        self.loose = goal if loose is None else loose
        self.everywhere = _all_rows(n_rows, masks.shape[1])
        # With what each is worth. Exact bounds of all would take most of the time.
        self.reached: list[tuple[float, Counted]] = []
        self.nearly: list[tuple[float, Counted]] = []
        self.largest = 0.0

    def run(self) -> tuple[list[Found], Found]:
        """Look at rules of one length after the other."""
        named = np.zeros((1, self.columns.max(initial=0) + 1), dtype=bool)
        beam = _Level([()], self.everywhere[None], named, self.agree, self.goal)
        nearest, score = beam.counted(0), float(beam.score[0])
        if self.goal.reached(beam.n, beam.k)[0]:
            return [self._found(nearest)], self._found(nearest)
        for _ in range(self.goal.most):
            level = beam.extended(self.masks, self.columns, self.agree)
            if not len(level.n):
                break
            best = int(np.argmax(level.score))
            if level.score[best] > score:
                nearest, score = level.counted(best), float(level.score[best])
            beam = level.part(self._open(level))
        found = self._best()
        return found, max([self._found(nearest), *found], key=lambda f: f.lower)

    def _found(self, counted: Counted) -> Found:
        rule, n, k = counted
        return Found(rule, n, k, float(self.goal.lower(np.array(n), np.array(k))))

    def _open(self, level: _Level) -> list[int]:
        """Keep the rules of a level that reach the goal; return those to extend."""
        kept = np.flatnonzero((level.n >= self.loose.least) & (level.room > self.largest))
        n, k = level.n[kept], level.k[kept]
        done = self.goal.reached(n, k)
        self.reached += [(float(level.worth[i]), level.counted(i)) for i in kept[done].tolist()]
        if not self.reached:
            near = kept[self.loose.reached(n, k)].tolist()
            self.nearly += [(float(level.worth[i]), level.counted(i)) for i in near]
        self.largest = max((value for value, _ in self.reached), default=0.0)
        left = kept[~done & (level.room[kept] > self.largest)]
        chosen = best_of(level.n[left], level.k[left], level.score[left], self.goal.beam)
        return [int(left[i]) for i in chosen]

    def _best(self) -> list[Found]:
        """Return the rules that reached the goal, without predicates that they do not need."""
        by = self.goal if self.reached else self.loose
        ordered = sorted(self.reached or self.nearly, key=lambda one: (-one[0], one[1]))
        pruned = dict.fromkeys(self._pruned(one, by) for _, one in ordered[:MOST_FOUND])
        found = [self._found(one) for one in pruned]
        return sorted(found, key=lambda f: (-self._worth(f), len(f.rule), -f.lower, f.rule))

    def _worth(self, found: Found) -> float:
        named = len(set(self.columns[list(found.rule)].tolist()))
        return float(self.goal.worth(*map(np.array, (found.n_rows, found.n_agree, named))))

    def _pruned(self, counted: Counted, goal: Goal) -> Counted:
        """Drop predicates without which a rule still reaches the goal, the widest rule first."""
        while len(rule := counted[0]) > 1:
            shorter = [rule[:j] + rule[j + 1:] for j in range(len(rule))]
            where = np.stack([np.bitwise_and.reduce(self.masks[list(other)], axis=0)
                              for other in shorter]) & self.everywhere
            level = _Level(shorter, where, np.zeros((len(shorter), 1), dtype=bool), self.agree,
                           self.goal)
            enough = np.flatnonzero(goal.reached(level.n, level.k))
            if not len(enough):
                break
            counted = level.counted(int(enough[np.argmax(level.n[enough])]))
        return counted


class _Level:
    """Rules of one length, as arrays."""

    def __init__(self, rules: Sequence[tuple[int, ...]], where: np.ndarray, named: np.ndarray,
                 agree: np.ndarray, goal: Goal) -> None:
        self.rules, self.where, self.named, self.goal = rules, where, named, goal
        self.n = np.bitwise_count(where).sum(axis=1, dtype=np.int64)
        self.k = np.bitwise_count(where & agree).sum(axis=1, dtype=np.int64)
        self.score = goal.score(self.n, self.k)
        n_columns = named.sum(axis=1)
        self.worth = goal.worth(self.n, self.k, n_columns)
        # No longer rule, however precise, is worth more than this one without errors.
        self.room = goal.worth(self.n, self.n, n_columns)

    def counted(self, i: int) -> Counted:
        """Return the rule at a place, its rows, and how many of them agree."""
        return self.rules[i], int(self.n[i]), int(self.k[i])

    def part(self, places: Sequence[int]) -> _Level:
        """Return the rules at some places."""
        new = object.__new__(_Level)
        new.rules, new.goal = [self.rules[i] for i in places], self.goal
        for name in ("where", "named", "n", "k", "score", "worth", "room"):
            setattr(new, name, getattr(self, name)[list(places)])
        return new

    def extended(self, masks: np.ndarray, columns: np.ndarray, agree: np.ndarray) -> _Level:
        """Return the rules with one predicate more, each set of rows once."""
        longer = self.where[:, None] & masks[None]
        narrower = (longer != self.where[:, None]).any(axis=2) & longer.any(axis=2)
        b, p = np.nonzero(narrower)
        # Sums of odd multiples of the words: equal for equal sets of rows, and by chance for one in
        # 2^64 others.
        words = np.arange(1, longer.shape[2] + 1, dtype=np.uint64) * _ODD | np.uint64(1)
        keys = (longer[b, p] * words).sum(axis=1, dtype=np.uint64)
        first = np.sort(np.unique(keys, return_index=True)[1])
        b, p = b[first], p[first]
        named = self.named[b]
        named[np.arange(len(p)), columns[p]] = True
        rules = [tuple(sorted((*self.rules[i], j))) for i, j in zip(b.tolist(), p.tolist(),
                                                                    strict=True)]
        return _Level(rules, longer[b, p], named, agree, self.goal)


def _all_rows(n_rows: int, n_words: int) -> np.ndarray:
    """Return the mask of the empty rule."""
    left = np.clip(n_rows - 64 * np.arange(n_words), 0, 64).astype(np.uint64)
    full = np.uint64(2**64 - 1)
    return np.where(left == 64, full, (np.uint64(1) << np.minimum(left, np.uint64(63)))
                    - np.uint64(1))


def best_of(n: np.ndarray, k: np.ndarray, score: np.ndarray, most: int) -> list[int]:
    """Return the places of the rules to extend: half those of the best precision, half of gain.

    The gain is that of FOIL (Quinlan 1990): what a rule's agreeing rows win in precision. It
    prefers wide rules, which a further predicate may bring to the goal.

    Parameters
    ----------
    n, k : int arrays (n_rules,)
        Rows that rules hold for, at least 1, and how many of them agree.
    score : array (n_rules,)
        Lower bounds on their precision, to compare them by.
    most : int
    """
    if not len(n):
        return []
    shares = np.maximum(k, 0.5) / n
    gain = k * np.log(shares / shares[np.argmax(n)])
    order = np.arange(len(n))
    by_precision = np.lexsort((order, -n, -score))
    by_gain = np.lexsort((order, -gain))
    chosen = dict.fromkeys(np.stack([by_gain, by_precision], axis=1).ravel()[:2 * most].tolist())
    return list(chosen)[:most]
