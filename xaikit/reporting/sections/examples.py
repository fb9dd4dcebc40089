"""Section 6: single rows."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from xaikit import plots
from xaikit.explanations.attribution import Attribution
from xaikit.plots.columns import row_label
from xaikit.plots.feature_labels import value_labels
from xaikit.reporting.document import Figure, Heading, Section, Table, Text
from xaikit.reporting.examples import Example
from xaikit.reporting.facts import Facts
from xaikit.reporting.figures import draw
from xaikit.tables.wording import numbers, percent, unescaped

SHOWN = 10


def examples(facts: Facts) -> Section:
    """Write the section."""
    if facts.examples_of is None:
        frame = pd.DataFrame([{"row": facts.case.labels[e.position], "why": e.title,
                               "truth": e.truth} for e in facts.examples])
        return Section("examples", "Single rows", (
            Text("Contributions need Kernel SHAP, which was not among the methods."),
            Table("examples", "Examples", frame)))
    blocks: list[object] = [Text(
        "From top to bottom, the features lead from the base value (the mean answer over the "
        "background rows) to the prediction of the row. ± is the standard error from sampling; 0 "
        "means exact.")]
    for i, example in enumerate(facts.examples):
        blocks += _example(facts, example, facts.examples_of, i)
    return Section("examples", "Single rows", tuple(blocks))


def _example(facts: Facts, example: Example, found: Attribution, i: int) -> list[object]:
    name, label = unescaped(row_label(found, i)), _label(facts, example)
    said, base, *true = numbers([found.predictions[i, 0], found.base_values[i, 0], *label])
    table = contributions_table(found, i)
    truth = f" Truth: {true[0] if true else example.truth}." if example.truth is not None else ""
    first = ", ".join(f"{f} {v}" for f, v in zip(
        map(facts.labels.get, table["feature"]), numbers(table["contribution"][:3]), strict=False))
    key = f"row {example.position}"
    bars = min(len(table), SHOWN) + 2
    svg = draw(key, f"From the base value {base} to the prediction {said} of row "
               f"{name}. Largest contributions: {first}.", 1.3 + 0.33 * bars,
               partial(_waterfall, found, i))
    proba = facts.case.predictor.scale == "proba"
    share = f" ({percent(found.predictions[i, 0])})" if proba else ""
    return [
        Heading(f"{example.title} (row {name})"),
        Text(f"Prediction{facts.about}: {said}{share}; base value "
             f"{base}.{truth}"),
        Figure(key, svg, f"Row {name}.", Table(key, f"Contributions in row {name}", table,
                                               folded=True)),
    ]


def _label(facts: Facts, example: Example) -> list[float]:
    """Return the label of an example if it is a number with a point, which numbers stand beside."""
    label = None if facts.case.y is None else facts.case.y[example.position]
    return [label] if isinstance(label, float) and np.isfinite(label) else []


def _waterfall(found: Attribution, i: int, ax: Any) -> None:
    plots.waterfall(found[i], max_display=SHOWN, ax=ax)


def contributions_table(found: Attribution, i: int) -> pd.DataFrame:
    """Return the contributions of row `i`, largest first."""
    values, errors = found.values[i, :, 0], found.standard_errors[i, :, 0]
    order = np.argsort(-np.abs(values), kind="stable")
    columns = [found.feature_data(int(j)) for j in order]
    return pd.DataFrame({
        "feature": [found.feature_names[j] for j in order],
        "value": ["–" if text is None else unescaped(text)
                  for text in value_labels(columns, i, 40)],
        "contribution": values[order], "± standard error": errors[order],
    })
