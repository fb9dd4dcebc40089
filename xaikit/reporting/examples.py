"""Rows to show as examples: a typical one, the extremes, and the worst mistakes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xaikit.reporting.inputs import Case
from xaikit.reporting.truth import Truth
from xaikit.tables.wording import label_text, unescaped

N_WORST = 2


@dataclass(frozen=True)
class Example:
    """A row to show as an example.

    Attributes
    ----------
    title : str
    position : int
        Its position in the table.
    truth : str or None
        Its label, which is not cut to what reads like another one; None without labels.
    """

    title: str
    position: int
    truth: str | None


def choose_examples(case: Case, truth: Truth, k: int) -> list[Example]:
    """Return examples among the scored rows, each row once."""
    said = case.answers[:, k]
    middle = int(np.argmin(np.abs(said - np.median(said))))
    chosen = [("Typical: the median prediction", middle),
              ("Lowest prediction", int(said.argmin())),
              ("Highest prediction", int(said.argmax()))]
    chosen += [(title, int(i)) for title, i in _worst(truth)]
    found: dict[int, Example] = {}
    for title, i in chosen:
        position = int(case.scored[i])
        if position not in found:
            found[position] = Example(title, position,
                                      None if case.y is None else _truth(case.y, position))
    return list(found.values())


def _truth(y: np.ndarray, position: int) -> str | None:
    """Return a label in words, unlike those of other rows."""
    label = y[position]
    if label is None:
        return None
    missing = isinstance(label, float) and np.isnan(label)
    return "missing" if missing else unescaped(label_text(label, 40, y))


def _worst(truth: Truth) -> list[tuple[str, int]]:
    if truth.task == "regression":
        error = np.abs(truth.target - truth.predicted)
        title = "Worst error"
    elif truth.task == "classification":
        wrong = truth.predicted != truth.target
        title = "Worst mistake: lowest probability of the true class"
        if truth.probabilities is not None:
            given = truth.probabilities[np.arange(len(truth.target)), truth.target]
            error = np.where(wrong, 1 - given, 0.0)
        else:
            title, error = "A mistake", wrong.astype(np.float64)
    else:
        return []
    order = np.argsort(-error, kind="stable")[:N_WORST]
    return [(title if n == 0 else title.replace("Worst", "Next worst"), int(truth.kept[i]))
            for n, i in enumerate(order) if error[i] > 0]
