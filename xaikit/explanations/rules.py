"""RuleSet: for each row a rule under which a model answers as it does for the row."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from xaikit.explanations.anchor import Anchor, RuleScore, Share, scored
from xaikit.explanations.base import Explanation, frozen
from xaikit.explanations.choosing import resolve, split_key
from xaikit.settings import OneOf, Whole, check
from xaikit.tables.rules import Rule
from xaikit.tables.shown import Shown
from xaikit.tables.wording import plural

_SHARES = ("precision", "precision_lower", "precision_upper", "coverage", "coverage_lower",
           "coverage_upper")
_PER_ROW = ("rules", "answers", "said", "steps", "reasons", "stop_reasons", "distributions",
            "row_names")


def _as_rule(value: Any) -> Any:
    """Return a rule; what a file holds of one is made a rule again."""
    if not isinstance(value, dict):
        return value
    return Shown.from_dict(value) if "units" in value else Rule.from_dict(value)


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class RuleSet(Explanation):
    """Rules of some rows, one for each.

    ``rules[3]`` is the `Anchor` of the row at a position, ``rules[:3]`` and ``rules[[0, 2]]`` are
    rule sets.

    Attributes
    ----------
    rules : tuple of Rule
        Of texts and images, of Shown.
    answers : tuple of str
        What the model says where each rule holds.
    said : tuple of labels or numbers
        What the model says of each row.
    precision, precision_lower, precision_upper : array (n_rows,)
        Measured on rows that no search saw. The lower bound counts all rules that were tried.
    coverage, coverage_lower, coverage_upper : array (n_rows,)
        Of the background; of a text or image, the share of its variants that show the units.
    n_checked : int array (n_rows,)
        Rows that the precision was measured on.
    steps : tuple of tuples of float
        Precision after each condition of each rule.
    verified : bool array (n_rows,)
    stop_reasons : tuple of str
        Why each search ended: ``"verified"``; ``"unconfirmed"``, fresh rows confirmed no rule;
        ``"unreached"``, no rule was precise enough; ``"few rows"``, the pool is too small;
        ``"budget"``; ``"certainty"``, a precision of 1 was asked for.
    reasons : tuple of str
        The same in words, for rules that are not verified.
    row_names : tuple
    meaning : dict
        When an answer is the same as a row's own: ``{"kind": "class"}``, or ``"side"`` of a
        ``"threshold"``, or ``"near"`` with ``"within"``; with numbers, of the ``"output"``.
    distributions : tuple of {"conditional", "interventional"}
        Rows that each rule is about: see `Anchors`.
    data : DataFrame or None
        The rows.
    counters : DataFrame, or None if there are none
        Counter-examples: under the rule, the model says something else. The nearest to the row...
    counter_of : int array (n_counters,)
        ...whose position is this...
    counter_answers : tuple of str
        ...and what the model says of them.
    """

    rules: tuple[Any, ...]
    answers: tuple[str, ...]
    said: tuple[Any, ...]
    precision: np.ndarray
    precision_lower: np.ndarray
    precision_upper: np.ndarray
    coverage: np.ndarray
    coverage_lower: np.ndarray
    coverage_upper: np.ndarray
    n_checked: np.ndarray
    verified: np.ndarray
    steps: tuple[tuple[float, ...], ...]
    reasons: tuple[str, ...]
    stop_reasons: tuple[str, ...]
    row_names: tuple[Any, ...]
    meaning: dict[str, Any]
    distributions: tuple[str, ...]
    data: pd.DataFrame | None = field(default=None)
    counters: Any = None
    counter_of: Any = ()
    counter_answers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._freeze_names()
        rules = tuple(map(_as_rule, self.rules))
        object.__setattr__(self, "rules", rules)
        for name in _PER_ROW[1:]:
            values = tuple(getattr(self, name))
            if len(values) != len(rules):
                raise ValueError(f"{name} has {len(values)} entries, for {len(rules)} rules.")
            object.__setattr__(self, name, values)
        object.__setattr__(self, "steps", tuple(tuple(map(float, s)) for s in self.steps))
        for name in _SHARES:
            self._freeze(name, (len(rules),))
        self._freeze("n_checked", (len(rules),), dtype=np.int64)
        self._freeze("verified", (len(rules),), dtype=bool)
        object.__setattr__(self, "counter_answers", tuple(map(str, self.counter_answers)))
        self._freeze("counter_of", (len(self.counter_answers),), dtype=np.int64)
        if not isinstance(self.counters, pd.DataFrame | None):
            object.__setattr__(self, "counters", frozen(self.counters, bool))
        if (0 if self.counters is None else len(self.counters)) != len(self.counter_answers):
            raise ValueError(f"counters do not fit {len(self.counter_answers)} answers to them.")

    def _fields(self) -> dict[str, Any]:
        return {**super()._fields(), "rules": [rule.to_dict() for rule in self.rules]}

    def __len__(self) -> int:
        return len(self.rules)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, int | np.integer) and not isinstance(key, bool):
            return self._anchor(int(resolve(tuple(range(len(self))), key, "row")[0]))
        return self._at(resolve(self.row_names, split_key(key, 1, "rows")[0], "row"))

    def _at(self, rows: np.ndarray) -> Any:
        """Return the rules of rows at some positions."""
        kept: dict[str, Any] = {name: tuple(getattr(self, name)[i] for i in rows)
                                for name in _PER_ROW}
        kept |= {name: getattr(self, name)[rows] for name in (*_SHARES, "n_checked", "verified")}
        places = [np.flatnonzero(self.counter_of == i) for i in rows]
        which = np.concatenate([np.zeros(0, dtype=np.int64), *places])
        return replace(
            self, **kept, data=None if self.data is None else self.data.iloc[rows],
            counters=self._counters_at(which) if len(which) else None,
            counter_of=np.repeat(np.arange(len(rows)), list(map(len, places))),
            counter_answers=tuple(self.counter_answers[j] for j in which), **self._of_rows(rows))

    def _of_rows(self, rows: np.ndarray) -> dict[str, Any]:
        """Return fields of a subclass for rows at some positions."""
        return {}

    def _counters_at(self, places: np.ndarray) -> Any:
        if self.counters is None or not isinstance(self.counters, pd.DataFrame):
            return None if self.counters is None else self.counters[places]
        return self.counters.iloc[places].reset_index(drop=True)

    def _anchor(self, i: int) -> Anchor:
        n = int(self.n_checked[i])
        p, p_low, p_high, c, c_low, c_high = (float(getattr(self, name)[i]) for name in _SHARES)
        places = np.flatnonzero(self.counter_of == i)
        return Anchor(
            self.rules[i], self.answers[i], Share(p, p_low, p_high, n), Share(c, c_low, c_high, n),
            self.steps[i], bool(self.verified[i]), self.stop_reasons[i], self.reasons[i],
            self._counters_at(places) if len(places) else None,
            tuple(self.counter_answers[j] for j in places), self.said[i], self.meaning)

    def to_frame(self) -> pd.DataFrame:
        """Return a line for each row: its rule in words, and the numbers."""
        return pd.DataFrame({
            "row": pd.Series(list(self.row_names), dtype=object).infer_objects(),
            "rule": [rule.words() for rule in self.rules], "answer": list(self.answers),
            "n_conditions": [len(rule) for rule in self.rules],
            **{name: getattr(self, name) for name in (*_SHARES, "n_checked", "verified")},
            "distribution": list(self.distributions),
            "stop_reason": list(self.stop_reasons), "reason": list(self.reasons)})

    def pick(self, n: int = 5, *, by: str = "submodular", X: Any = None) -> Any:
        """Return the few rules that together say most about the model, the best first.

        Only verified rules are picked, and none that adds no row. `score` measures the picked
        rules together, on rows of your own.

        Parameters
        ----------
        n : int
            Most rules to pick.
        by : {"submodular", "coverage"}
            ``"submodular"``: the rule that holds for most rows that no earlier pick holds for.
            ``"coverage"``: the rules that hold for most rows, each by itself.
        X : table or texts, optional
            Rows that are to be covered; by default those that the rules are of.

        Returns
        -------
        RuleSet

        Raises
        ------
        SettingError
            For `n` below 1, or another `by`.
        TypeError
            For the rules of images, which hold for no other image.
        ValueError
            If there are no rows to cover.

        References
        ----------
        Ribeiro, Singh & Guestrin 2018, section "Anchors as a global explanation" (submodular).
        """
        check({"n": n, "by": by}, {"n": Whole(1), "by": OneOf("submodular", "coverage")})
        rows = self._own_rows() if X is None else X
        if rows is None:
            raise ValueError("this rule set holds no rows; pass those that the rules are to cover "
                             "as X.")
        places = np.flatnonzero(self.verified)
        holds = [self.rules[i].applies(rows) for i in places]
        picks: list[int] = []
        left = np.ones(len(holds[0]) if holds else 0, dtype=bool)
        for _ in range(min(int(n), len(places))):
            gains = [-1 if int(places[j]) in picks else int((h & left).sum())
                     for j, h in enumerate(holds)]
            best = int(np.argmax(gains))
            if gains[best] <= 0:
                break
            picks.append(int(places[best]))
            if by == "submodular":
                left &= ~holds[best]
            else:  # an equal rule adds nothing
                holds = [h & False if self._same(int(places[j]), picks[-1]) else h
                         for j, h in enumerate(holds)]
        return self._at(np.array(picks, dtype=np.int64))

    def _same(self, i: int, j: int) -> bool:
        return self.rules[i] == self.rules[j] and self.answers[i] == self.answers[j]

    def _own_rows(self) -> Any:
        return self.data

    def score(self, model: Any, X: Any) -> RuleScore:
        """Measure the rules together on rows or texts of one's own.

        A row is covered if some rule holds for it; the first that does says what the model is to
        say. The precision is the share of covered rows for which the model says that.

        Parameters
        ----------
        model : estimator, torch module, callable or Predictor
        X : DataFrame, array (n_rows, n_columns), or texts

        Raises
        ------
        TypeError
            For the rules of images.
        ModelError
            If the model fails.
        """
        return scored(self.rules, self.said, self.meaning, model, X)

    def _summary(self) -> str:
        n = int(self.verified.sum())
        return f"{plural(len(self), 'rule')}, {n} of them verified"
