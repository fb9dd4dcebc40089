"""Condition: what is asked of one column; in words, as a mask, in SQL and as a pandas query."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from xaikit.tables.matching import among, find_column, missing_in, within
from xaikit.tables.queries import query_bound, query_levels, query_name
from xaikit.tables.schema import as_table
from xaikit.tables.sql import identifier, literal
from xaikit.tables.values import (
    as_bound,
    decode_value,
    distinct,
    encode_value,
    kind_of_value,
    plain_value,
)
from xaikit.tables.wording import digits_apart, is_missing, level_text, significant

CLOSED = {"left": (True, False), "right": (False, True), "both": (True, True),
          "neither": (False, False)}
"""Whether the lower and the upper bound belong to an interval, by pandas' names."""


@dataclass(frozen=True, repr=False)
class Condition:
    """A condition on one column: bounds, levels, or missing.

    Conditions that hold for the same cells of the same kind of column are equal: levels are sorted,
    those outside the bounds are dropped.

    Parameters
    ----------
    column : str or int
        Name of the column; a whole number is a position in an array.
    low, high : number, time, duration or date, optional
        Bounds; without them every known value is within.
    closed : {"right", "left", "both", "neither"}
        Which of the bounds a value may equal, as in `pandas.Interval`.
    levels : sequence, optional
        The values that satisfy the condition. A missing value among them sets `missing`.
    excluded : sequence, optional
        Values that do not satisfy it.
    missing : bool or "only"
        Whether missing cells satisfy it too, or only they. NaN, None, NaT and NA are missing.

    Raises
    ------
    ValueError
        If no value is within the bounds, or `closed` or `missing` is none of the above.
    TypeError
        If a bound is neither a number nor a time, or the two are of different kinds.

    Examples
    --------
    >>> age = Condition("age", low=28, high=44)
    >>> age.words(), (age & Condition("age", low=39)).words()
    ('28 < age <= 44', '39 < age <= 44')
    >>> job = Condition("job", levels=["clerk", "cook"], missing=True)
    >>> job.words()
    'job is clerk, cook or missing'
    >>> print(job.to_sql())
    ("job" IS NULL OR "job" IN ('clerk', 'cook'))
    >>> age.to_pandas_query()
    '(age > 28 and age <= 44)'
    """

    column: str | int
    low: Any = None
    high: Any = None
    closed: str = "right"
    levels: Any = None
    excluded: Any = ()
    missing: bool | str = False

    def __post_init__(self) -> None:
        if self.column is None or isinstance(self.column, bool | float):
            raise TypeError(f"column must be a name or a position, got {self.column!r}.")
        if not isinstance(self.closed, str) or self.closed not in CLOSED:
            raise ValueError(f"closed must be one of {', '.join(CLOSED)}, got {self.closed!r}.")
        column, missing = plain_value(self.column), plain_value(self.missing)
        if not isinstance(missing, bool) and missing != "only":
            raise ValueError(f"missing must be True, False or 'only', got {missing!r}.")
        self._set(column=column if type(column) is int else str(column), missing=missing,
                  low=as_bound(self.low, "low"), high=as_bound(self.high, "high"))
        self._check_bounds()
        excluded = distinct(self.excluded, "excluded")
        if any(map(is_missing, excluded)):
            raise ValueError("a missing value cannot be excluded by name; missing=False, the "
                             "default, excludes it.")
        self._set(excluded=tuple(v for v in excluded if self._is_inside(v)))
        if missing == "only" and (self.excluded or any(
                part is not None for part in (self.low, self.high, self.levels))):
            raise ValueError("missing='only' goes with neither bounds nor levels.")
        if self.low is not None and self.low == self.high:
            self._set(levels=(self.low,) if self.levels is None else self.levels)
        if self.levels is not None:
            self._settle_levels(distinct(self.levels, "levels"))
        low_closed, high_closed = CLOSED[self.closed]
        self._set(closed=_closed(low_closed and self.low is not None,
                                 high_closed or self.high is None))

    def _settle_levels(self, levels: list[Any]) -> None:
        """Keep the levels that satisfy the condition, which then say all of it."""
        if any(map(is_missing, levels)):
            self._set(missing=True)
        kept = tuple(v for v in levels if not is_missing(v) and self._is_inside(v)
                     and v not in self.excluded)
        self._set(low=None, high=None, excluded=(), levels=kept)
        if not kept and self.missing:
            self._set(levels=None, missing="only")

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _check_bounds(self) -> None:
        if self.low is None or self.high is None:
            return
        if kind_of_value(self.low) != kind_of_value(self.high):
            raise TypeError(f"expected bounds of one kind, got {self.low!r} and {self.high!r}.")
        if _is_empty(self.low, self.high, CLOSED[self.closed]):
            raise ValueError(f"no value is between low={self.low!r} and high={self.high!r} with "
                             f"closed={self.closed!r}; low must be below high.")

    def _is_inside(self, value: Any) -> bool:
        """Return whether a known value is within the bounds."""
        bounds = [b for b in (self.low, self.high) if b is not None]
        if any(kind_of_value(value) != kind_of_value(b) for b in bounds):
            return False
        low_closed, high_closed = CLOSED[self.closed]
        return (self.low is None or value > self.low or (low_closed and value == self.low)) and \
            (self.high is None or value < self.high or (high_closed and value == self.high))

    def __and__(self, other: Condition) -> Condition:
        """Return the condition that holds where both do.

        Raises
        ------
        ValueError
            If they are about different columns.
        """
        if not isinstance(other, Condition):
            return NotImplemented
        if self.column != other.column:
            raise ValueError(f"conditions on {self.column!r} and {other.column!r} are about "
                             "different columns and cannot be one.")
        missing = bool(self.missing) and bool(other.missing)
        if "only" in (self.missing, other.missing):
            return Condition(self.column, levels=(), missing=missing)
        (low, low_closed), (high, high_closed) = _tighter(self, other, 0), _tighter(self, other, 1)
        if low is not None and high is not None and _is_empty(low, high, (low_closed, high_closed)):
            return Condition(self.column, levels=(), missing=missing)
        levels = self.levels if other.levels is None else other.levels
        if self.levels is not None and other.levels is not None:
            levels = tuple(v for v in self.levels if v in other.levels)
        return Condition(self.column, low, high, _closed(low_closed, high_closed), levels,
                         (*self.excluded, *other.excluded), missing)

    def words(self, digits: int = 4) -> str:
        """Write the condition in a few words.

        Parameters
        ----------
        digits : int
            Significant digits of bounds; more are written if two bounds would read alike.
            `wording.digits_apart` says how many tell the bounds of several conditions apart.

        Examples
        --------
        >>> Condition("age", missing="only").words(), Condition("job", excluded=["clerk"]).words()
        ('age missing', 'job is not clerk')
        """
        name, missing = self.column, " or missing" if self.missing else ""
        if self.missing == "only":
            return f"{name} missing"
        if self.levels is not None:
            if len(self.levels) < 2:
                return f"{name} = {level_text(self.levels[0])}{missing}" if self.levels \
                    else f"{name} impossible"
            shown = [level_text(v, alone=False) for v in self.levels] + ["missing"] * bool(missing)
            return f"{name} is {', '.join(shown[:-1])} or {shown[-1]}"
        if self.low is None and self.high is None and not self.excluded:
            return f"{name} known{missing}"
        return self._interval_words(digits) + missing

    def _interval_words(self, digits: int) -> str:
        bounds = [b for b in (self.low, self.high) if b is not None]
        if bounds and kind_of_value(bounds[0]) == "number":
            digits = digits_apart(bounds, digits)
            low, high = (None if b is None else significant(b, digits)
                         for b in (self.low, self.high))
        else:
            low, high = self.low, self.high
        below, above = ("<=" if closed else "<" for closed in CLOSED[self.closed])
        if high is None:
            words = f"{self.column} {'>=' if below == '<=' else '>'} {low}"
        else:
            words = f"{self.column} {above} {high}"
            words = words if low is None else f"{low} {below} {words}"
        if not self.excluded:
            return words
        others = ", ".join(level_text(v, alone=len(self.excluded) == 1) for v in self.excluded)
        negation = "not" if len(self.excluded) == 1 else "none of"
        return f"{words} and {negation} {others}" if bounds \
            else f"{self.column} is {negation} {others}"

    def mask(self, X: Any, columns: Iterable[Any] | None = None) -> np.ndarray:
        """Return where rows satisfy the condition.

        Parameters
        ----------
        X : DataFrame, array (n_rows, n_columns), or another library's table
            A frame's column is found by its name.
        columns : sequence of str, optional
            Names of an array's columns; ``x0``, ``x1``, … by default.

        Returns
        -------
        bool array (n_rows,)

        Raises
        ------
        KeyError
            If there is no such column.
        TypeError
            If its cells cannot be compared with the bounds.
        """
        column = find_column(as_table(X), self.column, columns)
        missing = missing_in(column)
        if self.missing == "only":
            return missing
        if self.levels is not None:
            holds = among(column, self.levels)
        else:
            holds = np.ones(len(column), dtype=bool)
            if self.low is not None or self.high is not None:
                holds &= within(column, self.low, self.high, CLOSED[self.closed])
            if self.excluded:
                holds &= ~among(column, self.excluded)
        return holds | missing if self.missing else holds & ~missing

    def to_sql(self) -> str:
        """Write the condition as an expression of standard SQL; it is never NULL.

        The database must hold the column in the type that it has in the table, and missing cells as
        NULL. Times are compared as text (see `sql.literal`).

        Raises
        ------
        ValueError
            If SQL cannot hold a bound or level: see `sql.literal`.
        """
        name = identifier(str(self.column))
        parts = [f"{name} {sign} {literal(bound)}" for sign, bound in self._compared()]
        if self.levels is not None:
            parts = [_sql_levels(name, self.levels, "=", "IN")] if self.levels else ["1 = 0"]
        if self.excluded:
            parts.append(_sql_levels(name, self.excluded, "<>", "NOT IN"))
        if self.missing == "only":
            return f"{name} IS NULL"
        if self.missing:
            return f"({name} IS NULL OR {' AND '.join(parts)})" if parts else "1 = 1"
        if self.levels == ():
            return parts[0]
        known = f"{name} IS NOT NULL"
        return f"({' AND '.join([known, *parts])})" if parts else known

    def to_pandas_query(self) -> str:
        """Write the condition for `DataFrame.query`.

        A float16 column is an exception to the agreement with `mask`: pandas rounds numbers to it
        before it compares. So is NaN that Arrow keeps apart from null: pandas does not count it as
        missing.

        Raises
        ------
        ValueError
            If pandas cannot read the column's name in a query, or hold a level.
        """
        if isinstance(self.column, int):
            raise ValueError(f"DataFrame.query finds columns by name, not by position "
                             f"{self.column}; name the column.")
        name = query_name(self.column)
        known, gone = f"{name}.notna()", f"{name}.isna()"
        parts = [query_bound(name, sign, bound) for sign, bound in self._compared()]
        if self.levels:
            parts.append(query_levels(name, self.levels))
        if self.excluded:
            parts.append(query_levels(name, self.excluded, negated=True))
        if self.missing == "only":
            return gone
        if self.levels == ():
            return f"({known} and {gone})"
        if self.missing:
            return f"({gone} or {' and '.join(parts) or known})"
        plain = parts and not self.excluded and "date" not in map(
            kind_of_value, (self.low, self.high))
        parts = parts if plain else [known, *parts]
        return parts[0] if len(parts) == 1 else f"({' and '.join(parts)})"

    def _compared(self) -> list[tuple[str, Any]]:
        """Return the bounds that there are, each with the sign that cells are compared with."""
        low_closed, high_closed = CLOSED[self.closed]
        sides = ((">=" if low_closed else ">", self.low), ("<=" if high_closed else "<", self.high))
        return [(sign, bound) for sign, bound in sides if bound is not None]

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON holds; `from_dict` gives back an equal condition, to the last bit.

        Raises
        ------
        TypeError
            For levels that cannot be written as JSON.
        """
        state: dict[str, Any] = {}
        for f in fields(self):
            value = getattr(self, f.name)
            if value != f.default or f.name == "column":
                state[f.name] = [encode_value(v) for v in value] if isinstance(value, tuple) \
                    else encode_value(value)
        return state

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Condition:
        """Rebuild a condition from what `to_dict` returned.

        Raises
        ------
        ValueError
            If `state` has other keys.
        """
        known = [f.name for f in fields(cls)]
        if "column" not in state or not set(state) <= set(known):
            raise ValueError(f"expected a condition with 'column' and some of {known[1:]}, "
                             f"got the keys {sorted(state)}.")
        values: dict[str, Any] = {
            name: [decode_value(v) for v in value] if isinstance(value, list | tuple)
            else decode_value(value) for name, value in state.items()}
        return cls(**values)

    def __repr__(self) -> str:
        told = [f"{f.name}={getattr(self, f.name)!r}" for f in fields(self)[1:]
                if getattr(self, f.name) != f.default]
        return f"Condition({', '.join([repr(self.column), *told])})"


def _closed(low: bool, high: bool) -> str:
    return next(name for name, sides in CLOSED.items() if sides == (low, high))


def _is_empty(low: Any, high: Any, closed: tuple[bool, bool]) -> bool:
    return not (low < high or (low == high and all(closed)))


def _tighter(one: Condition, two: Condition, side: int) -> tuple[Any, bool]:
    """Return the narrower of two conditions' bounds on one side, and whether it is closed."""
    name = ("low", "high")[side]
    found = [(getattr(c, name), CLOSED[c.closed][side]) for c in (one, two)
             if getattr(c, name) is not None]
    if len(found) < 2:
        return found[0] if found else (None, side == 1)
    (a, a_closed), (b, b_closed) = found
    if kind_of_value(a) != kind_of_value(b):
        raise TypeError(f"expected bounds of one kind, got {a!r} and {b!r}.")
    if a == b:
        return a, a_closed and b_closed
    return (a, a_closed) if (a > b) == (side == 0) else (b, b_closed)


def _sql_levels(name: str, levels: tuple[Any, ...], one: str, several: str) -> str:
    if len(levels) == 1:
        return f"{name} {one} {literal(levels[0])}"
    return f"{name} {several} ({', '.join(map(literal, levels))})"
