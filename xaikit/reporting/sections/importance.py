"""Section 4: importance by several methods."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from xaikit import plots
from xaikit.reporting.document import Figure, Heading, Section, Table, Text
from xaikit.reporting.facts import Facts
from xaikit.reporting.figures import draw
from xaikit.reporting.importance import MOST_OF_IT, NOISE_ROWS, Ranking, agreement, side_by_side
from xaikit.tables.wording import interval, number, numbers, percent, plural

SHOWN = 12


def importance(facts: Facts) -> Section:
    """Write the section."""
    blocks: list[object] = [Text(
        f"The features that the model's answer{facts.about} depends on. Importance describes the "
        "model, not causes in the world.")]
    for ranking in facts.rankings:
        blocks += _method(facts, ranking)
    noise_rows = ", ".join(f"{r.label} {NOISE_ROWS[r.key]}" for r in facts.rankings)
    blocks += [Heading("The importance of noise"), Text(
        "Each method was run again with one more column of random numbers that the model never "
        "sees (it is removed before the model is asked), on at most this many rows: "
        f"{noise_rows}. The true importance of this column is zero, so its measured importance is "
        "the method's own noise: "
        + "; ".join(f"{r.label} {number(r.noise)}" for r in facts.rankings)
        + ". A feature is “above noise” if its whole interval is larger. If the noise is exactly "
        "0, the method adds none, and the interval alone decides. Mean sizes are never negative: "
        "“above noise” then means used at all, not important.")]
    if len(facts.rankings) > 1:
        blocks += _agreement(facts.rankings)
    return Section("importance", "Importance", tuple(blocks))


def explain_method(facts: Facts, ranking: Ranking) -> str:
    """Return sentences on what a method measures, and in which unit."""
    settings, rows = ranking.result.settings, plural(ranking.n_rows, "row")
    if ranking.key == "kernel_shap":
        return (f"How far a feature moves the prediction of a row away from the base value: the "
                f"mean size of its contribution over {rows}, each compared with "
                f"{settings['n_background']} background rows. Unit: {facts.unit}.")
    if ranking.key == "mean_impact":
        return (f"How far the prediction moves when only this feature changes: a number from 10 % "
                f"below to 10 % above its value, a category to each other level; mean over {rows}. "
                f"Unit: {facts.unit}. “Signed” is the mean with its sign.")
    if "score" in settings:
        score, value = next(iter(settings["score"].items()))
        return (f"How much worse the model gets without the information of a feature: the drop of "
                f"{score} (now {number(value)}) when its values are shuffled between {rows}, "
                f"{settings['n_repeats']} times. Unit: {score}. It measures the use of a feature "
                "for correct predictions, not its effect on the predictions.")
    return (f"How far the prediction moves on average when a feature's values are shuffled between "
            f"{rows}, {settings['n_repeats']} times. Unit: {facts.unit}.")


def _method(facts: Facts, ranking: Ranking) -> list[object]:
    table = importance_table(ranking)
    order, n = ranking.sizes.order(0), len(ranking.values)
    names, top = ranking.sizes.feature_names, order[:3]
    tops = ", ".join(f"{facts.labels[names[j]]} {said}" for j, said in
                     zip(top, numbers(ranking.values[top]), strict=True))
    sizes = ranking.sizes
    svg = draw(f"importance {ranking.key}", f"Bars of the importance of {min(n, SHOWN)} of "
               f"{plural(n, 'feature')} by {ranking.label}, with intervals. Largest: {tops}.",
               1.1 + 0.33 * min(n, SHOWN), partial(_bars, sizes))
    above = int(ranking.above_noise.sum())
    return [
        Heading(ranking.label), Text(explain_method(facts, ranking)),
        Figure(f"importance {ranking.key}", svg, f"{ranking.label}: {above} of "
               f"{plural(n, 'feature')} above noise; {ranking.features_for(MOST_OF_IT)} hold "
               f"{percent(MOST_OF_IT, 0)} of the sum of sizes.",
               Table(f"importance {ranking.key}", f"Importance by {ranking.label}", table,
                     folded=len(table) > SHOWN)),
    ]


def _bars(sizes: Any, ax: Any) -> None:
    plots.bar(sizes, max_display=SHOWN, ax=ax)


def importance_table(ranking: Ranking) -> pd.DataFrame:
    """Return one line per feature, the most important first."""
    sizes, order = ranking.sizes, ranking.sizes.order(0)
    frame = pd.DataFrame({
        "rank": np.arange(1, len(order) + 1),
        "feature": [sizes.feature_names[j] for j in order],
        "importance": ranking.values[order],
        "95 % interval": [interval(sizes.lower[j, 0], sizes.upper[j, 0]) for j in order],
    })
    if "signed" in sizes.details:
        frame["signed"] = sizes.details["signed"][order, 0]
    if "unmoved" in sizes.details and sizes.details["unmoved"].max(initial=0) > 0:
        frame["rows not moved %"] = 100 * sizes.details["unmoved"][order, 0]
    frame["above noise"] = np.where(ranking.above_noise[order], "yes", "no")
    return frame


def _agreement(rankings: list[Ranking]) -> list[object]:
    correlation, overlap = agreement(rankings)
    return [
        Heading("Do the methods agree?"),
        Text("The rank of each feature by every method, and below it the agreement between the "
             "rankings. The methods need not agree, since they measure different things. A result "
             "on which they agree is more certain."),
        Table("ranks", "Rank of each feature", side_by_side(rankings), folded=False),
        Table("rank correlation", "Rank correlation (Spearman; 1 is the same order)", correlation),
        Table("top-5 overlap", "Features that two methods share among their top five", overlap),
    ]
