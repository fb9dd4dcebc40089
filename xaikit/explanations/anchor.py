"""Anchor: the rule of one row, and how far it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from xaikit.tables.rules import Rule
from xaikit.tables.shown import Shown


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
class RuleScore:
    """How far rules hold on rows of one's own, with 95 % intervals.

    Attributes
    ----------
    precision : Share
        Of the rows that a rule holds for, those for which the model says what the rule says.
    coverage : Share
        Of all rows, those that a rule holds for.
    """

    precision: Share
    coverage: Share

    def __str__(self) -> str:
        return f"precision {self.precision}; coverage {self.coverage}"


@dataclass(frozen=True)
class Anchor:
    """The rule of one row.

    Attributes
    ----------
    rule : Rule or Shown
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
    stop_reason, reason : str
        Why the search ended, see `RuleSet`; and in words, why a rule is not verified.
    counter_examples : DataFrame, None, or bool array (n, n_regions) for an image
        Of the rows, texts or images under the rule for which the model says something else, the
        nearest ones: of an image the regions that they show.
    counter_answers : tuple of str
        What it says of them.
    said : label or number
        What the model says of the row itself.
    meaning : dict
        When another answer is the same; see `RuleSet`.
    """

    rule: Rule | Shown
    answer: str
    precision: Share
    coverage: Share
    steps: tuple[float, ...]
    verified: bool
    stop_reason: str
    reason: str
    counter_examples: Any
    counter_answers: tuple[str, ...]
    said: Any
    meaning: dict[str, Any]

    @property
    def conditions(self) -> tuple[Any, ...]:
        """The conditions of the rule, that first which helps most."""
        return self.rule.conditions

    def applies(self, X: Any) -> np.ndarray:
        """Return which rows or texts the rule holds for; see `Rule.applies`, `Shown.applies`."""
        return self.rule.applies(X)

    def score(self, model: Any, X: Any) -> RuleScore:
        """Measure the rule on rows or texts of one's own, which the model is asked about.

        Parameters
        ----------
        model : estimator, torch module, callable or Predictor
        X : DataFrame, array (n_rows, n_columns), or texts

        Raises
        ------
        TypeError
            For the rule of an image.
        ModelError
            If the model fails.
        """
        return scored([self.rule], [self.said], self.meaning, model, X)

    def __str__(self) -> str:
        sure = "" if self.verified else f"; not verified: {self.reason}"
        when = f"{'if' if len(self.rule) else 'for'} {self.rule.words()}"
        return (f"{self.answer} {when} (precision {self.precision}; coverage "
                f"{self.coverage.value:.3f}{sure})")


def scored(rules: Sequence[Rule | Shown], said: Sequence[Any], meaning: dict[str, Any], model: Any,
           X: Any) -> RuleScore:
    """Measure rules together, the first that holds for a row deciding what is said of it."""
    # Results ask no models; the room that does is above this one.
    found: RuleScore = import_module("xaikit.explainers.anchors.scoring").score_rules(
        rules, said, meaning, model, X)
    return found
