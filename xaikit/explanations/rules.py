"""RuleSet: for each row a rule under which a model answers as it does for the row."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from xaikit.explanations.base import Explanation
from xaikit.explanations.choosing import resolve, split_key
from xaikit.tables.rules import Rule
from xaikit.tables.wording import plural

_SHARES = ("precision", "precision_lower", "precision_upper", "coverage", "coverage_lower",
           "coverage_upper")


@dataclass(frozen=True)
class Share:
    """A share of rows, with an interval.

    Examples
    --------
    >>> float(Share(0.97, 0.951, 0.98, 400))
    0.97
    """

    value: float
    lower: float
    upper: float
    n_rows: int

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.lower:.3f} to {self.upper:.3f}, {self.n_rows:,} rows)"


@dataclass(frozen=True)
class Anchor:
    """The rule of one row.

    Attributes
    ----------
    rule : Rule
    answer : str
        What the model says where the rule holds: a class, or a range of numbers.
    precision : Share
        Of the rows that the rule holds for, those for which the model says the same.
    coverage : Share
        Of all rows, those that the rule holds for.
    steps : tuple of float
        Precision after each condition.
    verified : bool
        Whether rows that the search did not see confirm the precision.
    reason : str
        Why they do not; empty if they do.
    """

    rule: Rule
    answer: str
    precision: Share
    coverage: Share
    steps: tuple[float, ...]
    verified: bool
    reason: str

    @property
    def conditions(self) -> tuple[Any, ...]:
        """The conditions of the rule, that first which helps most."""
        return self.rule.conditions

    def applies(self, X: Any) -> np.ndarray:
        """Return which rows of a table the rule holds for; see `Rule.applies`."""
        return self.rule.applies(X)

    def __str__(self) -> str:
        sure = "" if self.verified else f"; not verified: {self.reason}"
        return (f"{self.answer} if {self.rule.words()} (precision {self.precision}; coverage "
                f"{self.coverage.value:.3f}{sure})")


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class RuleSet(Explanation):
    """Rules of some rows, one for each.

    ``rules[3]`` is the `Anchor` of the row at a position, ``rules[:3]`` and ``rules[[0, 2]]`` are
    rule sets.

    Attributes
    ----------
    rules : tuple of Rule
    answers : tuple of str
        What the model says where each rule holds.
    precision, precision_lower, precision_upper : array (n_rows,)
        Measured on rows that no search saw. The lower bound counts all rules that were tried.
    coverage, coverage_lower, coverage_upper : array (n_rows,)
    n_checked : int array (n_rows,)
        Rows that the precision was measured on.
    steps : tuple of tuples of float
        Precision after each condition of each rule.
    verified : bool array (n_rows,)
    reasons : tuple of str
        Why a rule is not verified.
    row_names : tuple
    data : DataFrame or None
        The rows.
    """

    rules: tuple[Rule, ...]
    answers: tuple[str, ...]
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
    row_names: tuple[Any, ...]
    data: pd.DataFrame | None = field(default=None)

    def __post_init__(self) -> None:
        self._freeze_names()
        rules = tuple(r if isinstance(r, Rule) else Rule.from_dict(r) for r in self.rules)
        object.__setattr__(self, "rules", rules)
        for name in ("answers", "reasons", "row_names", "steps"):
            values = tuple(getattr(self, name))
            if len(values) != len(rules):
                raise ValueError(f"{name} has {len(values)} entries, for {len(rules)} rules.")
            object.__setattr__(self, name, values)
        object.__setattr__(self, "steps", tuple(tuple(map(float, s)) for s in self.steps))
        for name in _SHARES:
            self._freeze(name, (len(rules),))
        self._freeze("n_checked", (len(rules),), dtype=np.int64)
        self._freeze("verified", (len(rules),), dtype=bool)

    def _fields(self) -> dict[str, Any]:
        return {**super()._fields(), "rules": [rule.to_dict() for rule in self.rules]}

    def __len__(self) -> int:
        return len(self.rules)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, int | np.integer) and not isinstance(key, bool):
            return self._anchor(int(resolve(tuple(range(len(self))), key, "row")[0]))
        rows = resolve(self.row_names, split_key(key, 1, "rows")[0], "row")
        kept: dict[str, Any] = {name: tuple(getattr(self, name)[i] for i in rows) for name in (
            "rules", "answers", "steps", "reasons", "row_names")}
        kept |= {name: getattr(self, name)[rows] for name in (*_SHARES, "n_checked", "verified")}
        return replace(self, **kept, data=None if self.data is None else self.data.iloc[rows])

    def _anchor(self, i: int) -> Anchor:
        n = int(self.n_checked[i])
        p, p_low, p_high, c, c_low, c_high = (float(getattr(self, name)[i]) for name in _SHARES)
        precision, coverage = Share(p, p_low, p_high, n), Share(c, c_low, c_high, n)
        return Anchor(self.rules[i], self.answers[i], precision, coverage, self.steps[i],
                      bool(self.verified[i]), self.reasons[i])

    def to_frame(self) -> pd.DataFrame:
        """Return a line for each row: its rule in words, and the numbers."""
        return pd.DataFrame({
            "row": pd.Series(list(self.row_names), dtype=object).infer_objects(),
            "rule": [rule.words() for rule in self.rules], "answer": list(self.answers),
            "n_conditions": [len(rule) for rule in self.rules],
            **{name: getattr(self, name) for name in (*_SHARES, "n_checked", "verified")},
            "reason": list(self.reasons)})

    def _summary(self) -> str:
        n = int(self.verified.sum())
        return f"{plural(len(self), 'rule')}, {n} of them verified"
