"""Section 5: the contributions of features over rows, and by their values."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from xaikit import plots
from xaikit.explanations.attribution import Attribution
from xaikit.plots.columns import axis_numbers, level_codes
from xaikit.reporting.document import Figure, Heading, Section, Table, Text
from xaikit.reporting.facts import Facts
from xaikit.reporting.figures import draw
from xaikit.tables.cell_texts import cell_texts
from xaikit.tables.wording import plural, unescaped

N_SCATTER = 3
SHOWN = 12
MOST_LEVELS = 12
N_BANDS = 5


def shape(facts: Facts) -> Section:
    """Write the section."""
    sample = facts.sample
    if sample is None:
        return Section("contributions", "Contributions", (Text(
            "Needs Kernel SHAP, which was not among the methods."),))
    n = plural(sample.n_rows, "row")
    table = summary_table(sample)
    order = _order(sample)
    svg = draw("beeswarm", f"Contributions of {min(len(order), SHOWN)} features to "
               f"{facts.output} in {n}, one point per row, coloured from low to high values.",
               1.2 + 0.4 * min(len(order), SHOWN), partial(_bees, sample))
    blocks: list[object] = [
        Text(f"Contributions by Kernel SHAP in {n}, in {facts.unit}. Right of 0, a feature raised "
             "the row's prediction; left of 0, it lowered it."),
        Figure("beeswarm", svg, "One point per row and feature.",
               Table("contributions", "Contributions of each feature over rows", table,
                     folded=True, together=(1, 2, 3, 4))),
    ]
    with_data = [j for j in order if sample.feature_data(int(j)) is not None][:N_SCATTER]
    for j in with_data:
        blocks += _scatter(facts, sample, int(j))
    return Section("contributions", "Contributions", tuple(blocks))


def _bees(sample: Attribution, ax: Any) -> None:
    plots.beeswarm(sample, max_display=SHOWN, ax=ax)


def _points(sample: Attribution, j: int, ax: Any) -> None:
    plots.scatter(sample, sample.feature_names[j], ax=ax)


def _order(sample: Attribution) -> np.ndarray:
    return np.argsort(-np.abs(sample.values[:, :, 0]).mean(axis=0), kind="stable")


def summary_table(sample: Attribution) -> pd.DataFrame:
    """Return means and extremes of each feature's contributions, the largest mean size first."""
    order = _order(sample)
    values = sample.values[:, order, 0]
    return pd.DataFrame({
        "feature": [sample.feature_names[j] for j in order],
        "mean size": np.abs(values).mean(axis=0), "mean": values.mean(axis=0),
        "lowest": values.min(axis=0), "highest": values.max(axis=0),
        "rows raised %": 100 * (values > 0).mean(axis=0),
    })


def _scatter(facts: Facts, sample: Attribution, j: int) -> list[object]:
    name = facts.labels[sample.feature_names[j]]
    table = band_table(sample, j)
    key = f"contributions by value {j}"
    svg = draw(f"scatter {j}", f"Values of {name} against its contributions to {facts.output}, "
               f"{plural(sample.n_rows, 'row')}.", 3.8, partial(_points, sample, j))
    return [Heading(name),
            Figure(f"scatter {j}", svg, f"{name}: value against contribution.",
                   Table(key, f"Contributions by value of {name}", table, folded=True,
                         together=(2, 3, 4)))]


def band_table(sample: Attribution, j: int) -> pd.DataFrame:
    """Return means and extremes of a feature's contributions by bands of a number, or by level.

    Raises
    ------
    ValueError
        If the feature has no column of data.
    """
    column, values = sample.feature_data(j), sample.values[:, j, 0]
    if column is None:
        raise ValueError(f"feature {sample.feature_names[j]!r} has no column of data.")
    numbers = axis_numbers(column)
    if numbers is None:
        codes, labels = level_codes(column, MOST_LEVELS)
        labels = [unescaped(label) for label in labels]
    else:
        codes, labels = _bands(column, numbers)
    rows = []
    for code, label in [*enumerate(labels), (-1, "missing")]:
        inside = values[codes == code]
        if len(inside):
            rows.append({"value": label, "rows": len(inside), "mean contribution": inside.mean(),
                         "lowest": inside.min(), "highest": inside.max()})
    return pd.DataFrame(rows)


def _bands(column: pd.Series, numbers: np.ndarray) -> tuple[np.ndarray, list[str]]:
    known = ~np.isnan(numbers)
    if not known.any():
        return np.full(len(numbers), -1), []
    # Bands of equally many rows; equal values stay together, so there may be fewer bands.
    edges = np.unique(np.quantile(numbers[known], np.linspace(0, 1, N_BANDS + 1)[1:-1]))
    raw = np.searchsorted(edges, numbers, side="left")
    used = np.unique(raw[known])
    codes = np.where(known, np.searchsorted(used, raw), -1)
    ends = []
    for code in range(len(used)):
        part = column[codes == code].sort_values()
        ends += [part.iloc[0], part.iloc[-1]]
    texts = [unescaped(text) for text in cell_texts(ends)]
    return codes, [low if low == high else f"{low} to {high}"
                   for low, high in zip(texts[::2], texts[1::2], strict=True)]
