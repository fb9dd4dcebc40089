"""Rule: conditions on several columns that hold together; in words, as a mask, SQL or a query."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from xaikit.tables.conditions import Condition
from xaikit.tables.schema import as_table


@dataclass(frozen=True, repr=False)
class Rule:
    """Conditions that all hold. Without any, the rule holds for every row.

    Conditions on one column become one, at the place of the first.

    Parameters
    ----------
    conditions : sequence of Condition

    Examples
    --------
    >>> rule = Rule([Condition("age", low=35), Condition("job", levels=["clerk"]),
    ...              Condition("age", high=47)])
    >>> rule.words()
    '35 < age <= 47 and job = clerk'
    >>> rule.to_pandas_query()
    "(age > 35 and age <= 47) and job in ['clerk']"
    >>> Rule().words(), Rule().to_sql()
    ('every row', '1 = 1')
    """

    conditions: tuple[Condition, ...] = ()

    def __post_init__(self) -> None:
        merged: dict[str | int, Condition] = {}
        for one in self.conditions:
            if not isinstance(one, Condition):
                raise TypeError(f"a rule is made of conditions, got {type(one).__name__}.")
            merged[one.column] = merged[one.column] & one if one.column in merged else one
        object.__setattr__(self, "conditions", tuple(merged.values()))

    def __len__(self) -> int:
        return len(self.conditions)

    def words(self, digits: int = 4) -> str:
        """Write the rule in words.

        Parameters
        ----------
        digits : int
            Significant digits of bounds; see `Condition.words`.
        """
        return " and ".join(c.words(digits) for c in self.conditions) or "every row"

    def applies(self, X: Any, columns: Iterable[Any] | None = None) -> np.ndarray:
        """Return which rows the rule holds for.

        Parameters
        ----------
        X : DataFrame, array (n_rows, n_columns), or another library's table
        columns : sequence of str, optional
            Names of an array's columns; ``x0``, ``x1``, … by default.

        Returns
        -------
        bool array (n_rows,)

        Raises
        ------
        KeyError, TypeError
            As for `Condition.mask`.

        Examples
        --------
        >>> Rule([Condition("x0", low=1.0)]).applies([[0.5], [2.0]])
        array([False,  True])
        """
        table = as_table(X)
        names = None if columns is None else list(columns)
        holds = np.ones(len(table), dtype=bool)
        for condition in self.conditions:
            holds &= condition.mask(table, names)
        return holds

    def to_sql(self) -> str:
        """Write the rule as an expression of standard SQL, which is never NULL.

        Raises
        ------
        ValueError
            As for `Condition.to_sql`.
        """
        return " AND ".join(c.to_sql() for c in self.conditions) or "1 = 1"

    def to_pandas_query(self) -> str:
        """Write the rule for `DataFrame.query`.

        Raises
        ------
        ValueError
            As for `Condition.to_pandas_query`, or if the rule has no conditions: a query needs one.
        """
        if not self.conditions:
            raise ValueError("a rule without conditions holds for every row, which no query says; "
                             "use the whole frame.")
        return " and ".join(c.to_pandas_query() for c in self.conditions)

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON holds; `from_dict` gives back an equal rule."""
        return {"conditions": [c.to_dict() for c in self.conditions]}

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Rule:
        """Rebuild a rule from what `to_dict` returned.

        Raises
        ------
        ValueError
            If `state` holds anything else.
        """
        if set(state) != {"conditions"} or not isinstance(state["conditions"], list):
            raise ValueError(f"expected a rule with 'conditions', got the keys {sorted(state)}.")
        return cls(tuple(Condition.from_dict(c) for c in state["conditions"]))

    def __repr__(self) -> str:
        return f"Rule({self.words()})"
