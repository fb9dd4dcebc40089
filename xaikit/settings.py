"""The vocabulary of settings: what a name means, what it may be, and the sentence where it is not.

A setting means the same wherever it stands. Those shared by several methods are declared in
`SETTINGS`, and described in `DESCRIPTIONS`; a method declares its own beside its constructor.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np

from xaikit.errors import SettingError

Thing = TypeVar("Thing")


class Constraint(Protocol):
    """What a setting may be: a test, and the words for it."""

    def holds(self, value: Any) -> bool:
        """Return whether a value is allowed."""

    def __str__(self) -> str:
        """Return the words that complete "must be …"."""


@dataclass(frozen=True)
class Whole:
    """A whole number of at least `least`. True and False are not numbers."""

    least: int = 1
    what: str = ""
    """What it counts, for the sentence."""

    def holds(self, value: Any) -> bool:
        """Return whether a value is such a number."""
        return is_whole(value) and bool(value >= self.least)

    def __str__(self) -> str:
        return f"a whole number of at least {self.least}" + (f" ({self.what})" * bool(self.what))


@dataclass(frozen=True)
class Number:
    """A number above `above`, below `below` and at most `most`; NaN is none."""

    above: float = -math.inf
    below: float = math.inf
    most: float = math.inf

    def holds(self, value: Any) -> bool:
        """Return whether a value is such a number."""
        return is_number(value) and bool(self.above < value <= self.most) \
            and bool(value < self.below or self.below == math.inf)

    def __str__(self) -> str:
        bounds = ((f"above {self.above:g}", self.above), (f"below {self.below:g}", self.below),
                  (f"at most {self.most:g}", self.most))
        return " ".join(["a number", " and ".join(
            words for words, bound in bounds if math.isfinite(bound))]).rstrip()


class OneOf:
    """One of some values, compared by type as well: 1 is not True."""

    def __init__(self, *values: Any) -> None:
        self.values = values

    def holds(self, value: Any) -> bool:
        """Return whether a value is one of them."""
        return any(type(value) is type(own) and value == own for own in self.values)

    def __str__(self) -> str:
        shown = [repr(value) for value in self.values]
        return shown[0] if len(shown) == 1 else f"one of {', '.join(shown)}"


class Flag:
    """True or False."""

    def holds(self, value: Any) -> bool:
        """Return whether a value is True or False."""
        return isinstance(value, bool | np.bool_)

    def __str__(self) -> str:
        return "True or False"


class Either:
    """What one of some constraints allows; plain values stand for themselves."""

    def __init__(self, *parts: Any) -> None:
        self.parts = [p if hasattr(p, "holds") else OneOf(p) for p in parts]

    def holds(self, value: Any) -> bool:
        """Return whether a part allows the value."""
        return any(part.holds(value) for part in self.parts)

    def __str__(self) -> str:
        return " or ".join(str(part) for part in self.parts)


@dataclass(frozen=True)
class Several:
    """A sequence of `least` to `most` values that each satisfy a constraint."""

    each: Constraint
    least: int = 1
    most: int | None = None

    def holds(self, value: Any) -> bool:
        """Return whether a value is such a sequence."""
        return isinstance(value, list | tuple | np.ndarray) and np.ndim(value) == 1 \
            and self.least <= len(value) <= (len(value) if self.most is None else self.most) \
            and all(self.each.holds(v) for v in value)

    def __str__(self) -> str:
        number = f"{self.least}" if self.most == self.least else f"at least {self.least}"
        return f"a sequence of {number}, each {self.each}"


SHARE = Number(above=0.0, below=1.0)
POSITIVE = Number(above=0.0)

SETTINGS: dict[str, Constraint] = {
    "batch_size": Either(Whole(1), "auto"),
    "budget": Either(Whole(1, "model rows"), "auto"),
    "confidence": SHARE,
    "interactions": Flag(),
    "link": OneOf("identity", "logit"),
    "max_background": Whole(1),
    "max_display": Either(Whole(1), None),
    "max_levels": Whole(2),
    "max_memory": Whole(1),
    "max_seconds": Either(POSITIVE, None),
    "n_bootstrap": Whole(1),
    "n_neighbours": Whole(1),
    "n_repeats": Whole(1),
    "n_jobs": Either(Whole(1), Number(most=-1), None),
    "retries": Whole(0),
    "tol": Either(SHARE, None),
}
"""Settings that mean the same in every method; `check` knows them by name."""

DESCRIPTIONS = {
    "batch_size": """int or "auto"
        Most rows a call of the model.""",
    "confidence": """float
        Of the intervals, between 0 and 1.""",
    "groups": """dict of name to columns, optional
        Columns of a table that are shown, hidden, moved or shuffled together.""",
    "link": """{"identity", "logit"}
        The scale on which differences of answers are taken: the model's own, or log-odds (natural
        logarithms) of probabilities, which are kept 1e-7 away from 0 and 1.""",
    "max_background": """int
        A longer background is sampled down to this many rows, and a warning says so. Pass a
        `TabularMasker` to use every row.""",
    "max_display": """int or None
        Most features to show, those of the largest |value|; None shows all.""",
    "max_memory": """int
        Bytes of buffers, whatever the numbers of rows and questions. The model's own memory comes
        on top.""",
    "n_bootstrap": """int
        Resamples of the rows for the intervals.""",
    "n_jobs": """int or None
        Workers, through joblib. The numbers do not depend on it.""",
    "output": """int, str or None
        Position or name of one output. None takes the only one, or the second of two (the positive
        class of a classifier); with more, name one.""",
    "outputs": """position, name or list, optional
        Outputs of the model to explain; all by default.""",
    "random_state": """int, Generator or None
        Seed: the same one gives the same bytes.""",
}
"""What a docstring says of a shared setting; see `described`."""


def check(given: Mapping[str, Any], own: Mapping[str, Constraint] | None = None) -> None:
    """Check settings against the vocabulary, and a method's own against its own.

    Parameters
    ----------
    given : mapping of name to value
    own : mapping of name to Constraint, optional
        Constraints that the vocabulary does not have.

    Raises
    ------
    SettingError
        For the first value that is not allowed.

    Examples
    --------
    >>> check({"max_memory": -1})
    Traceback (most recent call last):
    xaikit.errors.SettingError: max_memory must be a whole number of at least 1, got -1.
    """
    known = {**SETTINGS, **(own or {})}
    for name, value in given.items():
        constraint = known.get(name)
        if constraint is not None and not constraint.holds(value):
            raise SettingError(f"{name} must be {constraint}, got {value!r}.")


def described(doc: str | None) -> str | None:
    """Fill in the descriptions of shared settings.

    Parameters
    ----------
    doc : str or None
        A docstring in which a line such as ``{n_jobs, max_memory}`` stands for the parameters.

    Examples
    --------
    >>> print(described("    {batch_size}"))
        batch_size : int or "auto"
            Most rows a call of the model.
    """
    if doc is None:
        return None
    return re.sub(r"^    \{([a-z_, ]+)\}$", lambda found: "\n".join(
        f"    {name} : {DESCRIPTIONS[name]}" for name in found[1].split(", ")), doc, flags=re.M)


def documented(thing: Thing) -> Thing:
    """Fill in the descriptions of shared settings in the docstring of a function or class."""
    thing.__doc__ = described(thing.__doc__)
    return thing


def is_whole(value: Any) -> bool:
    """Return whether a value is a whole number; True and False are not."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool | np.bool_)


def is_number(value: Any) -> bool:
    """Return whether a value is a number; True and False are not."""
    return is_whole(value) or isinstance(value, float | np.floating)
