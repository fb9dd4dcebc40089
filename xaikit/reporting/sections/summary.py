"""The summary on top of the page, in three to five sentences."""

from __future__ import annotations

import numpy as np

from xaikit.reporting.caveats import Caveat
from xaikit.reporting.checks import FINE
from xaikit.reporting.facts import Facts
from xaikit.reporting.performance import class_shares
from xaikit.tables.wording import cut, interval, listed, number, numbers, percent, plural


def summarise(facts: Facts, caveats: list[Caveat]) -> tuple[str, ...]:
    """Return sentences on the performance, the main features, the checks, and the main caveat."""
    said = [_quality(facts), _drivers(facts), _agreement(facts)]
    bad = [c for c in facts.checks if c.verdict != FINE]
    if bad:
        said.append(f"{len(facts.checks) - len(bad)} of {plural(len(facts.checks), 'check')} of "
                    "these explanations are fine; section 7 gives advice on the others: "
                    f"{listed([c.name.lower() for c in bad])}.")
    elif facts.checks:
        said.append(f"All {plural(len(facts.checks), 'check')} of these explanations are fine.")
    if caveats:
        said.append(f"Most important caveat: {cut(caveats[0].text, 400)}")
    return tuple(s for s in said if s)


def _quality(facts: Facts) -> str:
    if not facts.measured:
        return facts.truth.notes[-1] if facts.truth.notes else ""
    rows = plural(len(facts.truth.target), "row") + (
        "" if facts.truth.weights is None else ", by weight,")
    first = facts.measured[0]
    known = np.isfinite(first.lower) and np.isfinite(first.upper)
    within = f" (95 % interval {percent(first.lower)} to {percent(first.upper)})" if known else ""
    verdict = "clearly better than" if first.beats_baseline else "not clearly better than"
    if facts.truth.task == "classification":
        tail = ""
        auc = [m for m in facts.measured if m.name == "ROC AUC" and np.isfinite(m.value)]
        if auc:
            tail = f" ROC AUC: {number(auc[0].value)}."
        guess = facts.truth.classes[int(class_shares(facts.truth).argmax())]
        return (f"The model classifies {percent(first.value)} of {rows} correctly{within}, "
                f"{verdict} always predicting “{guess}” ({percent(first.baseline)}).{tail}")
    mae, guess = numbers([facts.measured[1].value, facts.measured[1].baseline])
    if not np.isfinite(first.value):
        return (f"The labels of {rows} are all the same, so there is no variance to explain; the "
                f"mean error of the predictions is {mae}.")
    return (f"The model explains {percent(first.value)} of the variance of the labels{within} on "
            f"{rows}; the mean error of its predictions is {mae}, against {guess} for always "
            "predicting the mean.")


def _drivers(facts: Facts) -> str:
    first = facts.rankings[0]
    tops = first.top(3)
    if not tops:
        return f"No feature moves the model's answer{facts.about} in these rows."
    sizes = first.sizes
    own = sizes.output_names[0] == facts.case.output_names[facts.k]
    points = own and facts.case.predictor.scale == "proba"
    scale = 100.0 if points else 1.0  # a probability moves by percentage points
    parts = []
    places = [sizes.feature_names.index(name) for name in tops]
    for j, said in zip(places, numbers(scale * first.values[places]), strict=True):
        within = interval(scale * sizes.lower[j, 0], scale * sizes.upper[j, 0])
        parts.append(f"{facts.labels[sizes.feature_names[j]]} ({said}"
                     + (f"; {within})" if within != "–" else ")"))
    unit = ("percentage points" if points else facts.unit if own else
            f"units of {sizes.output_names[0]}")
    how = {"kernel_shap": "how far the feature moves a prediction on average",
           "mean_impact": "mean impact"}.get(first.key, "importance")
    return (f"The model's answer{facts.about} depends most on {listed(parts, width=120)}. In "
            f"brackets: {how}, in {unit}, with 95 % intervals.")


def _agreement(facts: Facts) -> str:
    if len(facts.rankings) < 2:
        return ""
    tops = [set(r.top()) for r in facts.rankings]
    shared = set.intersection(*tops)
    count = {2: "Both", 3: "All three"}.get(len(tops), f"All {len(tops)}")
    if not shared:
        return "The methods have no feature in common among their top five."
    order = [n for n in facts.rankings[0].top() if n in shared]
    return (f"{count} methods have {facts.listed(order)} among their top five"
            + ("." if len(shared) >= 3 else "; they differ on the rest."))
