"""The vocabulary of settings: what each may be, and the sentence that refuses any other value.

A setting means the same in every method. Those shared by several methods are declared in `SETTINGS`
and described in `DESCRIPTIONS`; a method declares its own beside its constructor.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
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
    """A number, not NaN, within bounds: `above` and `below` exclude the bound itself."""

    above: float | None = None
    below: float | None = None
    least: float | None = None
    most: float | None = None
    finite: bool = False

    def holds(self, value: Any) -> bool:
        """Return whether a value is such a number."""
        return is_number(value) and not math.isnan(value) \
            and not (self.finite and math.isinf(value)) \
            and (self.above is None or bool(value > self.above)) \
            and (self.below is None or bool(value < self.below)) \
            and (self.least is None or bool(value >= self.least)) \
            and (self.most is None or bool(value <= self.most))

    def __str__(self) -> str:
        bounds = (("above", self.above), ("of at least", self.least), ("below", self.below),
                  ("at most", self.most))
        words = " and ".join(f"{word} {bound:g}" for word, bound in bounds if bound is not None)
        return " ".join(["a finite number" if self.finite else "a number", words]).rstrip()


class OneOf:
    """One of some values of the same type: 1 is not True."""

    def __init__(self, *values: Any) -> None:
        self.values = values

    def holds(self, value: Any) -> bool:
        """Return whether a value is one of them."""
        return any(value == own for own in self.values if type(value) is type(own)
                   or (isinstance(value, str) and isinstance(own, str)))

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


class Kind:
    """A value that passes a test, described in words of its own."""

    def __init__(self, test: Callable[[Any], bool], words: str) -> None:
        self.test, self.words = test, words

    def holds(self, value: Any) -> bool:
        """Return whether a value passes the test."""
        return self.test(value)

    def __str__(self) -> str:
        return self.words


class Either:
    """A value that any of some constraints allows; a plain value allows itself."""

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
        return (isinstance(value, list | tuple) or (
            isinstance(value, np.ndarray) and value.ndim == 1)) \
            and self.least <= len(value) <= (len(value) if self.most is None else self.most) \
            and all(self.each.holds(v) for v in value)

    def __str__(self) -> str:
        if self.least == 0 and self.most is None:
            return f"a sequence of values that are each {self.each}"
        number = f"{self.least}" if self.most == self.least else f"at least {self.least}"
        return f"a sequence of {number}, each {self.each}"


LONGEST_SHOWN = 60
"""Characters of a value that a sentence quotes whole."""

MAX_MEMORY = 2**26
"""Bytes of buffers by default: 64 MiB."""

SHARE = Number(above=0.0, below=1.0)
POSITIVE = Number(above=0.0)


def _is_names(value: Any) -> bool:
    """Return whether a value is a sequence of one axis, and not one text."""
    return not isinstance(value, str | bytes | Mapping) and hasattr(value, "__len__") \
        and hasattr(value, "__iter__") and getattr(value, "ndim", 1) == 1


def _is_choice(value: Any) -> bool:
    """Return whether a value chooses one thing: a position or a name, but not a truth value."""
    return not isinstance(value, bool | np.bool_ | float | np.floating | Mapping) \
        and value is not None


NAMES = Either(Kind(_is_names, "a sequence of names"), None)

SETTINGS: dict[str, Constraint] = {
    "batch_size": Either(Whole(1), "auto"),
    "budget": Either(Whole(1, "model rows"), "auto"),
    "confidence": SHARE,
    "feature_names": NAMES,
    "groups": Either(Kind(lambda groups: isinstance(groups, Mapping | list | tuple),
                          "a dict of name to columns, a list of lists of columns"), None),
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
    "n_jobs": Either(Kind(lambda n: is_whole(n) and n != 0, "a whole number other than 0"), None),
    "output_names": NAMES,
    "outputs": Either(Kind(lambda chosen: all(map(_is_choice, chosen)) if is_array(chosen)
                           else _is_choice(chosen),
                           "a position, a name, a list or tuple of these"), None),
    "random_state": Either(Whole(0), Kind(
        lambda seed: isinstance(seed, np.random.Generator), "a numpy.random.Generator"), None),
    "retries": Whole(0),
    "tol": Either(SHARE, None),
    "verbose": Flag(),
}
"""Settings that mean the same in every method; `check` knows them by name."""

DESCRIPTIONS = {
    "batch_size": """int or "auto"
        Maximum number of rows in one call of the model.""",
    "confidence": """float
        Of the intervals, between 0 and 1.""",
    "groups": """dict of name to columns, optional
        Columns of a table that are shown, hidden, moved or shuffled together.""",
    "link": """{"identity", "logit"}
        The scale on which differences of answers are taken: the model's own, or log-odds (natural
        logarithms) of probabilities, which are clipped to 1e-7 from 0 and 1. Where that happened, a
        warning says so, and ``details["clipped"]`` names the rows and outputs.""",
    "max_background": """int
        A longer background is sampled down to this many rows, and a warning says so. Pass a
        `TabularMasker` to use every row.""",
    "max_display": """int or None
        Maximum number of features to show, those of the largest |value|; None shows all.""",
    "max_memory": """int
        Bytes of buffers, whatever the numbers of rows and questions. The model's own memory comes
        on top.""",
    "n_bootstrap": """int
        Resamples of the rows for the intervals.""",
    "verbose": """bool
        Whether work of more than two seconds shows a progress bar on stderr.""",
    "n_jobs": """int or None
        Workers, through joblib. The numbers do not depend on it.""",
    "output": """int, str or None
        Position or name of one output. None takes the only one, or the second of two (the positive
        class of a classifier); with more, name one. A plot of one row of a classifier takes the
        largest there. Several targets or scores have no default.""",
    "outputs": """position, name or list, optional
        Outputs of the model to explain; all by default.""",
    "random_state": """int, Generator or None
        Seed. The same seed gives the same bytes.""",
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
            raise SettingError(f"{name} must be {constraint}, got {shown(value)}.")


def shown(value: Any) -> str:
    """Return a value as a sentence quotes it; a long one by its type, and its shape or first part.

    Examples
    --------
    >>> shown("all"), shown(np.zeros((60, 80)))
    ("'all'", 'ndarray of shape (60, 80)')
    """
    words, kind = repr(value), type(value).__name__
    if len(words) <= LONGEST_SHOWN and "\n" not in words:
        return words
    shape = getattr(value, "shape", None)
    return f"{kind} {words[:LONGEST_SHOWN]}…" if shape is None else f"{kind} of shape {shape}"


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
            Maximum number of rows in one call of the model.
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
    """Return whether a value is a number; True and False are not, NaN is."""
    return is_whole(value) or isinstance(value, float | np.floating)


def is_array(value: Any) -> bool:
    """Return whether a value is an array of at least one axis: a list, an array or a tensor."""
    return isinstance(value, list | tuple) or getattr(value, "ndim", 0) > 0
