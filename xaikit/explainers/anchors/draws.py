"""Rows drawn under a rule: its units stay as they are, the others are replaced at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from xaikit.explainers.anchors.meanings import Meaning
from xaikit.explainers.anchors.pool import Pool
from xaikit.explainers.anchors.predicates import Predicates
from xaikit.predictor.adapter import Predictor
from xaikit.sampling.coalitions import pack, unpack
from xaikit.sampling.maskers import Masked
from xaikit.sampling.seeds import stream
from xaikit.sampling.tabular import TabularRows
from xaikit.settings import MAX_MEMORY
from xaikit.solvers.rule_draws import Positions
from xaikit.solvers.rule_search import Goal, search_rules
from xaikit.tables.tables import Batch, Table

FIRST_MASKS, FIRST_ROWS = 256, 64
"""Rows drawn under the empty rule at first: those of texts and images also tell of longer rules."""


HINT_ERROR = 0.5
"""How often the bound of a guessed rule may be wrong; it is only a guess."""


class Answers:
    """Asks whether rows say the same as the explained one, in bounded memory."""

    def __init__(self, predictor: Predictor, meaning: Meaning, own: Any, row_bytes: int) -> None:
        self.predictor, self.meaning, self.own = predictor, meaning, own
        self.most = max(1, MAX_MEMORY // max(2 * row_bytes, 1))
        self.spent = 0

    def said(self, n: int, compose: Any) -> np.ndarray:
        """Return what the model says of `n` rows; `compose(start, stop)` returns some of them."""
        parts = []
        for start in range(0, n, self.most):
            before = self.predictor.ledger.rows
            stop = min(start + self.most, n)
            parts.append(self.meaning.read(self.predictor, compose(start, stop)))
            self.spent += self.predictor.ledger.rows - before
        return np.concatenate(parts)


class MaskDraws:
    """Variants of a text or image: each unit outside the rule is hidden with probability ½.

    Units are hidden independently. So a variant that was drawn under a shorter rule, and happens
    to show the units of a longer one, is a draw under the longer rule too.
    """

    first = FIRST_MASKS

    def __init__(self, row: Masked, answers: Answers, seed: int) -> None:
        self.row, self.answers, self.n_predicates = row, answers, row.n_units
        self.columns: Sequence[int] = range(row.n_units)
        self.rng, self._fresh = (stream(seed, purpose, row.n_units) for purpose in (
            "draws of rules", "fresh draws of rules"))
        n_words = pack(np.zeros((1, max(row.n_units, 1)), dtype=bool)).shape[1]
        self.shown = np.zeros((0, n_words), dtype=np.uint64)
        self.forced, self.agree = self.shown, np.zeros(0, dtype=bool)
        self._known: dict[bytes, Any] = {}

    @property
    def spent(self) -> int:
        """Model rows asked so far."""
        return self.answers.spent

    def known(self, rules: Sequence[Positions]) -> tuple[np.ndarray, np.ndarray]:
        """Return how many variants speak for each rule, and how many of them agree."""
        n, k = np.zeros(len(rules), dtype=np.int64), np.zeros(len(rules), dtype=np.int64)
        for i, mask in enumerate(self._masks(rules)):
            counts = ~((mask & ~self.shown).any(axis=1) | (self.forced & ~mask).any(axis=1))
            n[i], k[i] = counts.sum(), (counts & self.agree).sum()
        return n, k

    hints = known

    def worth(self, rules: Sequence[Positions]) -> np.ndarray:
        """Return the share of variants that show the units of each rule."""
        return np.array([0.5 ** len(rule) for rule in rules])

    def ask(self, rules: Sequence[Positions], each: int) -> None:
        """Draw variants under each rule."""
        forced = np.repeat(self._masks(rules), each, axis=0)
        shown, said = self._drawn(forced, self.rng)
        self.shown, self.forced = (np.concatenate(pair) for pair in (
            (self.shown, shown), (self.forced, forced)))
        agree = self.answers.meaning.agrees(said, self.answers.own)
        self.agree = np.concatenate([self.agree, agree])

    def fresh(self, rule: Positions, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draw variants that no search saw: which agree, what is said of them, and which units."""
        shown, said = self._drawn(np.repeat(self._masks([rule]), n, axis=0), self._fresh)
        agree = self.answers.meaning.agrees(said, self.answers.own)
        return agree, said, unpack(shown, max(self.n_predicates, 1))

    def counters(self, drawn: np.ndarray, most: int) -> tuple[np.ndarray, Any]:
        """Return the places of the variants that hide least, and these: texts, or masks."""
        kept = np.unique(drawn, axis=0, return_index=True)[1]
        places = kept[np.argsort(-drawn[kept].sum(axis=1), kind="stable")][:most]
        if self.row.masker.kind == "image":
            return places, drawn[places]
        return places, self.row.compose(np.zeros(len(places), dtype=np.int64),
                                        pack(drawn[places]))

    def _masks(self, rules: Sequence[Positions]) -> np.ndarray:
        kept = np.zeros((len(rules), max(self.n_predicates, 1)), dtype=bool)
        for own, rule in zip(kept, rules, strict=True):
            own[list(rule)] = True
        return pack(kept)

    def _drawn(self, forced: np.ndarray, rng: np.random.Generator
               ) -> tuple[np.ndarray, np.ndarray]:
        """Return variants that show the forced units, packed, and what the model says of them."""
        n, n_units = len(forced), max(self.n_predicates, 1)
        shown = pack(rng.random((n, n_units)) < 0.5) | forced
        of_background = rng.integers(len(self.row.weights), size=n)
        asked = np.column_stack([of_background.astype(np.uint64), shown])
        keys = [question.tobytes() for question in asked]
        new = list(dict.fromkeys(key for key in keys if key not in self._known))
        if new:
            place = {key: i for i, key in reversed(list(enumerate(keys)))}
            at = np.array([place[key] for key in new])
            said = self.answers.said(len(at), lambda start, stop: self.row.compose(
                of_background[at[start:stop]], shown[at[start:stop]]))
            self._known.update(zip(new, said, strict=True))
        said = np.empty(n, dtype=object)
        said[:] = [self._known[key] for key in keys]
        return shown, said


class TableDraws:
    """Rows of a background of which the columns of a rule come from rows that satisfy it.

    The value of a column under the rule is that of a random background row that satisfies the
    conditions on it (of a group of columns, all of them); the other columns are those of one more
    row. Where no background row satisfies them, the explained row's own value stands.
    """

    first = FIRST_ROWS

    def __init__(
        self, rows: TabularRows, i: int, own: np.ndarray, predicates: Predicates,
        holds: np.ndarray, pool: Pool, answers: Answers, seed: int, shorter: float,
    ) -> None:
        self.rows, self.i, self.answers, self.shorter = rows, i, answers, shorter
        self.allowed = np.flatnonzero(own)
        self.n_predicates, self.holds = len(self.allowed), holds
        names = list(predicates.schema.names)
        columns = [names.index(str(predicates.conditions[p].column)) for p in self.allowed]
        of_column = {int(c): u for u, unit in enumerate(rows.masker.units) for c in unit}
        self.columns: Sequence[int] = columns
        self.units = [of_column[c] for c in columns]
        self.asked = pool.asked
        self.agree = pool.asked.agreeing(answers.meaning, answers.own)
        self.rng, self._fresh = (stream(seed, purpose) for purpose in (
            "draws of rules", "fresh draws of rules"))
        self.counts: dict[Positions, tuple[int, int]] = {}
        self._sources: dict[tuple[int, ...], np.ndarray] = {}

    @property
    def spent(self) -> int:
        """Model rows asked so far."""
        return self.answers.spent

    def known(self, rules: Sequence[Positions]) -> tuple[np.ndarray, np.ndarray]:
        """Return how many rows were drawn under each rule, and how many of them agree."""
        found = np.array([self.counts.get(rule, (0, 0)) for rule in rules], dtype=np.int64)
        return found[:, 0], found[:, 1]

    def hints(self, rules: Sequence[Positions]) -> tuple[np.ndarray, np.ndarray]:
        """Return the same for background rows that satisfy each rule as they are."""
        found = np.array([self.asked.counts(self._of_pool(rule), self.agree)
                          for rule in rules], dtype=np.int64)
        return found[:, 0], found[:, 1]

    def worth(self, rules: Sequence[Positions]) -> np.ndarray:
        """Return the background rows that satisfy each rule, less for each column it names."""
        return np.array([self.asked.counts(self._of_pool(rule), self.agree)[0]
                         * self.shorter ** len({self.columns[p] for p in rule})
                         for rule in rules])

    def guesses(self, goal: Goal) -> list[Positions]:
        """Return rules that are precise for background rows as they are: they may be here too."""
        # More precise than is asked for, as fewer fresh rows confirm such rules; but on few rows.
        surer = replace(goal, precision=(1.0 + goal.precision) / 2.0, error=HINT_ERROR)
        found, _ = search_rules(self.asked.masks[self.allowed], self.agree,
                                len(self.asked), surer, np.array(self.columns, dtype=np.int64))
        return [f.rule for f in sorted(found, key=lambda f: -f.lower)]

    def ask(self, rules: Sequence[Positions], each: int) -> None:
        """Draw rows under each rule."""
        sources = [self._drawn(rule, each, self.rng) for rule in rules]
        said = self._said([np.concatenate(unit) for unit in zip(*sources, strict=True)])
        agree = self.answers.meaning.agrees(said, self.answers.own).reshape(len(rules), each)
        for rule, k in zip(rules, agree.sum(axis=1), strict=True):
            before = self.counts.get(rule, (0, 0))
            self.counts[rule] = (before[0] + each, before[1] + int(k))

    def fresh(self, rule: Positions, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draw rows that no search saw: which agree, what is said of them, and their sources."""
        sources = self._drawn(rule, n, self._fresh)
        said = self._said(sources)
        return (self.answers.meaning.agrees(said, self.answers.own), said,
                np.stack(sources, axis=1))

    def counters(self, drawn: np.ndarray, most: int) -> tuple[np.ndarray, Table]:
        """Return the places of the rows nearest to the explained one, and these."""
        n = self.rows.masker.n_background
        far = np.zeros(drawn.shape)
        away = drawn < n
        units = np.broadcast_to(np.arange(drawn.shape[1]), drawn.shape)
        far[away] = self.rows.distances(self.i)[drawn[away], units[away]]
        places = np.argsort(far.mean(axis=1), kind="stable")[:most]
        return places, self.rows.mix(list(drawn[places].T))

    def _of_pool(self, rule: Positions) -> tuple[int, ...]:
        return tuple(self.allowed[list(rule)].tolist())

    def _drawn(self, rule: Positions, n: int, rng: np.random.Generator) -> list[np.ndarray]:
        """Return for each unit the positions of the rows that it is copied from."""
        rest = rng.integers(self.rows.masker.n_background, size=n)
        sources = [rest] * self.rows.masker.n_units
        for unit in dict.fromkeys(self.units[p] for p in rule):
            among = self._among(tuple(p for p in rule if self.units[p] == unit))
            sources[unit] = among[rng.integers(len(among), size=n)]
        return sources

    def _among(self, rule: Positions) -> np.ndarray:
        """Return the background rows that satisfy conditions on one unit, or else the row."""
        if rule not in self._sources:
            found = np.flatnonzero(self.holds[self.allowed[list(rule)]].all(axis=0))
            own = np.array([self.rows.masker.n_background + self.i])
            self._sources[rule] = found if len(found) else own
        return self._sources[rule]

    def _said(self, sources: list[np.ndarray]) -> np.ndarray:
        def compose(start: int, stop: int) -> Batch:
            return self.rows.mix([unit[start:stop] for unit in sources])

        return self.answers.said(len(sources[0]), compose)
