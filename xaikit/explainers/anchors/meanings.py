"""When the answer to another row is the same: the same class, the same side of a value, or near."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from xaikit.errors import SettingError
from xaikit.predictor.adapter import Predictor
from xaikit.predictor.decisions import RAW, Reading, own_decisions
from xaikit.predictor.targets import n_classes
from xaikit.tables.tables import Batch
from xaikit.tables.targets import class_codes, distinct_labels
from xaikit.tables.wording import level_text, listed, number, numbers

SPREAD = 0.1
"""Half the width of a band by default, as a share of the 10 % to 90 % range of the answers."""


class Meaning(Protocol):
    """What an answer says, and which other answers say the same."""

    def read(self, predictor: Predictor, table: Batch) -> np.ndarray:
        """Return what the model says of rows, (n_rows,): asked once for each."""

    def agrees(self, others: np.ndarray, own: Any) -> np.ndarray:
        """Return which of the others say the same as a row's own."""

    def words(self, own: Any) -> str:
        """Write what the rows of a rule have in common."""

    def words_of(self, other: Any) -> str:
        """Write what the model says of another row."""

    def described(self) -> dict[str, Any]:
        """Return what a rule set records of it; `meaning_described` makes it of that again."""


@dataclass(frozen=True)
class SameClass:
    """Rows of one class, as the model's own `predict` names it, or else its outputs.

    Attributes
    ----------
    names : tuple of str
        Of the outputs, if these name the class.
    """

    names: tuple[str, ...]

    def read(self, predictor: Predictor, table: Batch) -> np.ndarray:
        """Return the label of each row, as an object."""
        named = own_decisions(predictor, table) if "predict" in predictor.methods else None
        if named is not None:
            return np.asarray(named).astype(object)
        names = self.names if len(self.names) > 1 else (f"not {self.names[0]}", *self.names)
        reading = Reading(list(names), "scores" if predictor.scale in RAW else "shares")
        return np.array(names, dtype=object)[reading.named(predictor.ask(table))]

    def agrees(self, others: np.ndarray, own: Any) -> np.ndarray:
        """Return which labels are a row's own."""
        return np.asarray(class_codes(others, distinct_labels(np.array([own], dtype=object))) == 0)

    def words(self, own: Any) -> str:
        """Write the label."""
        return level_text(own)

    words_of = words

    def described(self) -> dict[str, Any]:
        """Return what a rule set records."""
        return {"kind": "class"}


@dataclass(frozen=True)
class OfNumber:
    """What a single number says; `name` is that of the output."""

    name: str

    def read(self, predictor: Predictor, table: Batch) -> np.ndarray:
        """Return the answers."""
        return predictor.ask(table)[:, 0]

    def words_of(self, other: Any) -> str:
        """Write an answer."""
        return number(float(other))


@dataclass(frozen=True)
class SameSide(OfNumber):
    """Rows whose answer is at least a value, or rows whose answer is below it."""

    threshold: float

    def agrees(self, others: np.ndarray, own: Any) -> np.ndarray:
        """Return which answers are on the side of a row's own."""
        others = np.asarray(others, dtype=np.float64)
        return np.asarray((others >= self.threshold) == (own >= self.threshold))

    def words(self, own: Any) -> str:
        """Write the side."""
        return f"{self.name} {'>=' if own >= self.threshold else '<'} {number(self.threshold)}"

    def described(self) -> dict[str, Any]:
        """Return what a rule set records."""
        return {"kind": "side", "output": self.name, "threshold": self.threshold}


@dataclass(frozen=True)
class Near(OfNumber):
    """Rows whose answer is within a distance of a row's own."""

    within: float

    def agrees(self, others: np.ndarray, own: Any) -> np.ndarray:
        """Return which answers are within the distance."""
        return np.asarray(np.abs(np.asarray(others, dtype=np.float64) - own) <= self.within)

    def words(self, own: Any) -> str:
        """Write the band."""
        low, high = numbers([own - self.within, own + self.within])
        return f"{low} <= {self.name} <= {high}"

    def described(self) -> dict[str, Any]:
        """Return what a rule set records."""
        return {"kind": "near", "output": self.name, "within": self.within}


def meaning_of(predictor: Predictor, threshold: float | None, within: float | str) -> Meaning:
    """Choose what answers mean: classes where there are any, else numbers.

    A band whose width is "auto" is of width NaN until `settled`.

    Raises
    ------
    SettingError
        If numbers are of several outputs, or a threshold is given for the decisions of a class.
    """
    names = predictor.output_names or ()
    classes = predictor.task == "classification" or n_classes(predictor) is not None
    if classes and threshold is None:
        return SameClass(names)
    if len(names) != 1:
        raise SettingError(f"a rule is about one number, and the model has {len(names)} outputs: "
                           f"choose one, such as outputs={names[0]!r}. The outputs: "
                           f"{listed(names)}.")
    if threshold is not None:
        return SameSide(names[0], float(threshold))
    return Near(names[0], float("nan") if isinstance(within, str) else float(within))


def check_settled(meaning: Meaning) -> None:
    """Raise SettingError if a band is left open, and there is no background to set its width."""
    if isinstance(meaning, Near) and np.isnan(meaning.within):
        raise SettingError("a rule about a number needs threshold= or within=: without a "
                           "background there is no range of answers to choose it by.")


def settled(meaning: Meaning, answers: np.ndarray) -> Meaning:
    """Return a meaning whose band, if it is left open, is a tenth of the spread of answers."""
    if not isinstance(meaning, Near) or not np.isnan(meaning.within):
        return meaning
    low, high = np.quantile(answers, [0.1, 0.9])
    return Near(meaning.name, float(SPREAD * (high - low)))


def meaning_described(described: dict[str, Any], predictor: Predictor) -> Meaning:
    """Make the meaning that a rule set records, for a model that is bound to rows.

    Raises
    ------
    ValueError
        If the model has no output of its name.
    """
    if described["kind"] == "class":
        return SameClass(predictor.output_names or ())
    name = described["output"]
    if tuple(predictor.output_names or ()) != (name,):
        raise ValueError(f"the rules are about the output {name!r}, and the model has "
                         f"{listed(predictor.output_names or ())}; pass xk.wrap(model, "
                         f"outputs={name!r}), or the model that was explained.")
    if described["kind"] == "side":
        return SameSide(name, float(described["threshold"]))
    return Near(name, float(described["within"]))
