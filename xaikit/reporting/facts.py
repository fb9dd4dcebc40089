"""The results from which the sections of a report are written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from xaikit.explanations.attribution import Attribution
from xaikit.explanations.base import Cost
from xaikit.reporting.checks import Check
from xaikit.reporting.data import Associations, Column
from xaikit.reporting.examples import Example
from xaikit.reporting.importance import METHODS, Options, Ranking
from xaikit.reporting.inputs import Case
from xaikit.reporting.performance import Measured
from xaikit.reporting.truth import Truth
from xaikit.tables.labels import labels
from xaikit.tables.wording import listed


@dataclass(frozen=True)
class Facts:
    """All results of a report.

    Attributes
    ----------
    k : int
        Position of the reported output.
    sample, examples_of : Attribution or None
        Kernel SHAP values of the random sample of rows, and of the examples.
    """

    case: Case
    truth: Truth
    options: Options
    k: int
    measured: list[Measured]
    columns: list[Column]
    schema_table: pd.DataFrame
    associations: Associations
    rankings: list[Ranking]
    sample: Attribution | None
    examples: list[Example]
    examples_of: Attribution | None
    checks: list[Check]
    cost: Cost

    @cached_property
    def labels(self) -> dict[str, str]:
        """The name of each column and feature as sentences write it: none is like another."""
        names = [*self.case.predictor.columns.names, *self.rankings[0].sizes.feature_names]
        return dict(zip(names, labels(names, 60), strict=True))

    def listed(self, names: Iterable[str], most: int = 5) -> str:
        """Write names of columns and features as `a, b and c`."""
        return listed([self.labels[name] for name in names], most)

    @property
    def warnings(self) -> list[tuple[str, str]]:
        """Methods and what they warn of: of their results, and of the rows shown as examples."""
        results = [(r.label, r.result) for r in self.rankings]
        if self.examples_of is not None:
            results.append((METHODS["kernel_shap"], self.examples_of))
        return list(dict.fromkeys((label, w) for label, result in results for w in result.warnings))

    @property
    def output(self) -> str:
        """Name of the reported output."""
        return labels(self.case.output_names, 60)[self.k]

    @property
    def about(self) -> str:
        """The reported output as the end of a phrase; empty if the model has no name for it."""
        return "" if self.case.output_names == ("output",) else f" for “{self.output}”"

    @property
    def unit(self) -> str:
        """The unit of the model's numbers, in words."""
        return unit_of(self.case.predictor.scale, self.truth.task or self.case.predictor.task,
                       self.output)


def unit_of(scale: str, task: str | None, output: str) -> str:
    """Return the unit of the model's numbers, in words.

    Examples
    --------
    >>> unit_of("proba", "classification", "yes")
    'probability of “yes”'
    """
    if scale == "proba":
        return f"probability of “{output}”"
    if scale in ("decision", "logits"):
        return f"{scale} score of “{output}”"
    if task == "regression":
        return "units of the prediction"
    return "units of the model's output" if output == "output" else f"units of “{output}”"


def sd_of_output(case: Case, k: int) -> float:
    """Return the standard deviation of an output over the scored rows, or 1 if it is constant."""
    sd = float(np.std(case.answers[:, k]))
    return sd if sd > 0 else 1.0
