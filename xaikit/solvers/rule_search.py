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
    nothing = _all_rows(n_rows, masks.shape[1])
    beam = _Level([()], nothing[None], np.zeros((1, columns.max(initial=0) + 1), dtype=bool),
                  agree, goal)
    best = beam.found(0)
    if best.lower >= goal.precision:
        return [best], best
    reached, nearly = list[tuple[float, Found]](), list[tuple[float, Found]]()
    largest, least = 0.0, (loose or goal).least
    for _ in range(goal.most):
        level = beam.extended(masks, columns, agree, goal)
        if len(level.n):  # also a rule that holds for few rows, if all of them agree
            best = max(best, level.found(int(np.argmax(level.lower))), key=lambda f: f.lower)
        kept = np.flatnonzero((level.n >= least) & (level.room > largest))
        if not len(kept):
            break
        if loose is not None and not reached:
            near = kept[loose.lower(level.n[kept], level.k[kept]) >= goal.precision]
            nearly += [(float(level.worth[i]), level.found(int(i))) for i in near]
        done = level.lower[kept] >= goal.precision
        reached += [(float(level.worth[i]), level.found(i)) for i in kept[done]]
        largest = max((value for value, _ in reached), default=0.0)
        beam = level.part(_chosen(level, kept[~done & (level.room[kept] > largest)], goal.beam))
        if not len(beam.n):
            break
    by = goal if reached or loose is None else loose
    reached = sorted(reached or nearly, key=lambda one: (-one[0], one[1].rule))
    found = dict.fromkeys(_pruned(f, masks, agree, nothing, by) for _, f in reached[:MOST_FOUND])

    def worth(f: Found) -> float:
        named = len(set(columns[list(f.rule)].tolist()))
        return float(goal.worth(np.array(f.n_rows), np.array(f.n_agree), np.array(named)))

    return sorted(found, key=lambda f: (-worth(f), len(f.rule), -f.lower, f.rule)), best


class _Level:
    """Rules of one length, as arrays."""

    def __init__(self, rules: Sequence[tuple[int, ...]], where: np.ndarray, named: np.ndarray,
                 agree: np.ndarray, goal: Goal) -> None:
        self.rules, self.where, self.named = rules, where, named
        self.n = np.bitwise_count(where).sum(axis=1, dtype=np.int64)
        self.k = np.bitwise_count(where & agree).sum(axis=1, dtype=np.int64)
        self.lower = goal.lower(self.n, self.k)
        n_columns = named.sum(axis=1)
        self.worth = goal.worth(self.n, self.k, n_columns)
        # No longer rule, however precise, is worth more than this one without errors.
        self.room = goal.worth(self.n, self.n, n_columns)

    def found(self, i: int) -> Found:
        """Return the rule at a place."""
        return Found(self.rules[i], int(self.n[i]), int(self.k[i]), float(self.lower[i]))

    def part(self, places: Sequence[int]) -> _Level:
        """Return the rules at some places."""
        new = object.__new__(_Level)
        new.rules = [self.rules[i] for i in places]
        for name in ("where", "named", "n", "k", "lower", "worth", "room"):
            setattr(new, name, getattr(self, name)[list(places)])
        return new

    def extended(self, masks: np.ndarray, columns: np.ndarray, agree: np.ndarray, goal: Goal
                 ) -> _Level:
        """Return the rules with one predicate more, each set of rows once."""
        longer = self.where[:, None] & masks[None]
        narrower = (longer != self.where[:, None]).any(axis=2) & longer.any(axis=2)
        b, p = np.nonzero(narrower)
        # Equal sets of rows have equal sums of odd multiples of their words.
        words = np.arange(1, longer.shape[2] + 1, dtype=np.uint64) * _ODD | np.uint64(1)
        keys = (longer[b, p] * words).sum(axis=1, dtype=np.uint64)
        first = np.sort(np.unique(keys, return_index=True)[1])
        b, p = b[first], p[first]
        named = self.named[b]
        named[np.arange(len(p)), columns[p]] = True
        rules = [tuple(sorted((*self.rules[i], j))) for i, j in zip(b.tolist(), p.tolist(),
                                                                    strict=True)]
        return _Level(rules, longer[b, p], named, agree, goal)


def _pruned(found: Found, masks: np.ndarray, agree: np.ndarray, nothing: np.ndarray, goal: Goal
            ) -> Found:
    """Drop predicates without which a rule still reaches the goal, the widest rule first."""
    while len(found.rule) > 1:
        shorter = [found.rule[:j] + found.rule[j + 1:] for j in range(len(found.rule))]
        where = np.stack([np.bitwise_and.reduce(masks[list(r)], axis=0) for r in shorter]) & nothing
        enough = [f for f in _judged(shorter, where, agree, goal) if f.lower >= goal.precision]
        if not enough:
            break
        found = max(enough, key=lambda f: f.n_rows)
    return found


def _all_rows(n_rows: int, n_words: int) -> np.ndarray:
    """Return the mask of the empty rule."""
    left = np.clip(n_rows - 64 * np.arange(n_words), 0, 64).astype(np.uint64)
    full = np.uint64(2**64 - 1)
    return np.where(left == 64, full, (np.uint64(1) << np.minimum(left, np.uint64(63)))
                    - np.uint64(1))


def _judged(rules: Sequence[tuple[int, ...]], where: np.ndarray, agree: np.ndarray, goal: Goal
            ) -> list[Found]:
    """Count the rows of rules, and bound their precision."""
    level = _Level(rules, where, np.zeros((len(rules), 1), dtype=bool), agree, goal)
    return [level.found(i) for i in range(len(rules))]


def _chosen(level: _Level, places: np.ndarray, most: int) -> list[int]:
    """Return the places of the rules to extend; see `best_of`."""
    return [int(places[i]) for i in
            best_of(level.n[places], level.k[places], level.lower[places], most)]


def best_of(n: np.ndarray, k: np.ndarray, lower: np.ndarray, most: int) -> list[int]:
    """Return the places of the rules to extend: half those of the best precision, half of gain.

    The gain is that of FOIL (Quinlan 1990): what a rule's agreeing rows win in precision. It
    prefers wide rules, which a further predicate may bring to the goal.

    Parameters
    ----------
    n, k : int arrays (n_rules,)
        Rows that rules hold for, at least 1, and how many of them agree.
    lower : array (n_rules,)
        Bounds on their precision.
    most : int
    """
    if not len(n):
        return []
    shares = np.maximum(k, 0.5) / n
    gain = k * np.log(shares / shares[np.argmax(n)])
    order = np.arange(len(n))
    by_precision = np.lexsort((order, -n, -lower))
    by_gain = np.lexsort((order, -gain))
    chosen = dict.fromkeys(np.stack([by_gain, by_precision], axis=1).ravel()[:2 * most].tolist())
    return list(chosen)[:most]
