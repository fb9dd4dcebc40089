"""Caveats: what a reader of these numbers must know, the most serious first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from xaikit.reporting.checks import ACT
from xaikit.reporting.data import MOST_COLUMNS
from xaikit.reporting.facts import Facts
from xaikit.reporting.importance import BACKGROUND_ROWS
from xaikit.reporting.performance import class_shares
from xaikit.tables.wording import listed, numbers, percent, plural

FEW_ROWS = 100
SMALL_CLASS = 0.10
SOME_MISSING = 0.05


@dataclass(frozen=True)
class Caveat:
    """A sentence and its seriousness (0 to 10)."""

    weight: float
    text: str


def raise_caveats(facts: Facts) -> list[Caveat]:
    """Return the caveats of this model and this data, the most serious first."""
    found: list[Caveat] = []
    for source in (_model, _quality, _rows, _columns, _clusters, _methods, _warnings):
        found.extend(source(facts))
    unique = {c.text: c for c in found}
    return sorted(unique.values(), key=lambda c: -c.weight)


def _model(facts: Facts) -> Iterator[Caveat]:
    if np.ptp(facts.case.answers[:, facts.k]) == 0:
        yield Caveat(10, f"The model's answer{facts.about} is the same for every row, so there is "
                         "nothing to explain.")
    for check in facts.checks:
        if check.verdict == ACT:
            yield Caveat(8, f"A check failed: {check.name.lower()}, {check.measured}. "
                            f"{check.advice}")


def _quality(facts: Facts) -> Iterator[Caveat]:
    if not facts.measured:
        return
    first = facts.measured[0]
    if np.isfinite(first.lower) and not first.beats_baseline:
        said, guess = numbers([first.value, first.baseline])
        yield Caveat(9, f"The model is not clearly better than a constant guess ({first.name} "
                        f"{said} against {guess}): the features that it relies on may say little "
                        "about the world.")
    if facts.truth.task == "classification":
        shares = class_shares(facts.truth)
        rare = int(np.argmin(np.where(shares > 0, shares, np.inf)))
        if shares[rare] < SMALL_CLASS:
            yield Caveat(6, f"The classes are unbalanced: only {percent(shares[rare])} of rows are "
                            f"“{facts.truth.classes[rare]}”. Accuracy then says little; read the "
                            "balanced accuracy and the confusion matrix.")


def _rows(facts: Facts) -> Iterator[Caveat]:
    case = facts.case
    if len(case.frame) < FEW_ROWS:
        yield Caveat(7, f"There are only {plural(len(case.frame), 'row')}: intervals are wide, and "
                        "a few more rows may change the rankings.")
    n_background = len(case.background)
    if facts.sample is not None and n_background > BACKGROUND_ROWS:
        yield Caveat(2, f"Kernel SHAP compares every row with a random sample of {BACKGROUND_ROWS} "
                        f"of {n_background:,} background rows; section 7 shows the effect of "
                        "another sample.")


def _columns(facts: Facts) -> Iterator[Caveat]:
    constant = [c.name for c in facts.columns if c.constant and c.missing < 1]
    empty = [c.name for c in facts.columns if c.missing == 1]
    ids = [c.name for c in facts.columns if c.like_an_id]
    many = [c.name for c in facts.columns if c.many_levels and not c.like_an_id]
    gaps = sorted((c for c in facts.columns if SOME_MISSING <= c.missing < 1),
                  key=lambda c: -c.missing)
    if empty:
        yield Caveat(5, f"{facts.listed(empty)}: all values are missing, so the report cannot show "
                        "what the model does with other values.")
    if constant:
        yield Caveat(4, f"{facts.listed(constant)}: constant in these rows, so the importance is 0 "
                        "here, whatever the model does with other values.")
    if ids:
        yield Caveat(6.5, f"{facts.listed(ids)}: nearly every row has a different value, like an "
                          "identifier. A model that relies on it may have memorised single rows.")
    if many:
        yield Caveat(3, f"{facts.listed(many)}: many levels, so each one has only a few rows.")
    if gaps:
        named = listed([f"{facts.labels[c.name]} ({percent(c.missing)})" for c in gaps])
        yield Caveat(3 + 3 * gaps[0].missing, f"Values are missing: {named}. The report treats "
                     "“missing” as a value; the rows that have it may differ in other ways too.")
    if len(facts.columns) > MOST_COLUMNS:
        yield Caveat(2, f"Only the first {MOST_COLUMNS} of {len(facts.columns)} columns were "
                        "searched for strong associations.")


def _clusters(facts: Facts) -> Iterator[Caveat]:
    for cluster in facts.associations.clusters:
        inside = [p for p in facts.associations.pairs
                  if p.first in cluster and p.second in cluster]
        top = {name for r in facts.rankings for name in r.top()}
        weight = 6 + inside[0].strength if top & set(cluster) else 3.5
        size = f"{inside[0].measure} = {_short(inside[0].strength)}"
        if len(cluster) == 2:
            yield Caveat(weight, f"{facts.listed(cluster)} are strongly associated ({size}): they "
                                 "share importance, and changing only one of them asks the model "
                                 "about rows that do not occur.")
        else:
            strongest = facts.listed([inside[0].first, inside[0].second])
            yield Caveat(weight, f"{facts.listed(cluster, 6)} are strongly associated (strongest: "
                                 f"{strongest}, {size}): they share importance. Pass groups= to "
                                 "explain them as one feature.")


def _short(strength: float) -> str:
    """Write a strength with two digits, and 1.00 only for a perfect 1."""
    return "1.00" if strength >= 1 - 1e-9 else f"{min(strength, 0.99):.2f}"


def _methods(facts: Facts) -> Iterator[Caveat]:
    for ranking in facts.rankings:
        if ranking.key == "permutation" and facts.truth.task is not None and (
                "score" not in ranking.result.settings):
            yield Caveat(4, "All labels are equal, or there is only one, so no score can drop: "
                            "permutation importance measures how far the output moves instead.")
    firsts = {r.label: r.top(1)[0] for r in facts.rankings if r.top(1)}
    if len(set(firsts.values())) > 1:
        named = "; ".join(f"{label}: {facts.labels[name]}" for label, name in firsts.items())
        yield Caveat(5, f"The methods disagree on the most important feature ({named}). They "
                        "measure different things; section 4 says what each measures.")
    unseen = np.all([~r.above_noise for r in facts.rankings], axis=0)
    names = [facts.rankings[0].sizes.feature_names[j] for j in np.flatnonzero(unseen)]
    if names:
        yield Caveat(2.5, f"{facts.listed(names)}: not above noise by any method.")


def _warnings(facts: Facts) -> Iterator[Caveat]:
    for label, warning in facts.warnings:
        # `_rows` raises a caveat of its own about the background.
        if not warning.startswith("The background is a random sample"):
            yield Caveat(2, f"{label}: {warning}")
