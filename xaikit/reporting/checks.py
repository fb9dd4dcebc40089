"""Whether to trust the explanations: each check with its number, a verdict, and advice."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from xaikit.explainers.run import cost_of
from xaikit.explanations.attribution import Attribution
from xaikit.explanations.base import Cost
from xaikit.reporting.importance import (
    MOST_OF_IT,
    TOP,
    Options,
    Ranking,
    background_of,
    kernel_shap,
)
from xaikit.reporting.inputs import Case
from xaikit.sampling.seeds import stream
from xaikit.tables.tables import Table
from xaikit.tables.wording import number, percent

FINE, LOOK, ACT = "fine", "look", "act"
BASE_FINE, BASE_LOOK = 0.1, 0.3
"""Half a 95 % interval of the base value, as a share of the predictions' standard deviation."""
MOVED_FINE, MOVED_LOOK = 0.1, 0.3
"""The largest change of a contribution in another run, as a share of the same."""
SHARED_FINE, SHARED_LOOK = 0.8, 0.6
"""The overlap of the top five features of two runs."""
TELLS_LITTLE = 5
"""From this many features on, it says little that all of them are above noise."""
STABILITY_ROWS = 10
N_SEEDS = 3


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes
    ----------
    name, measured, advice : str
    verdict : {"fine", "look", "act"}
    """

    name: str
    measured: str
    verdict: str
    advice: str


@dataclass(frozen=True)
class Stability:
    """Agreement between repeated explanations of the same rows.

    Attributes
    ----------
    shared : float
        Mean Jaccard index of a row's top five features between two runs.
    largest : float
        Largest change of a contribution between two runs.
    """

    shared: float
    largest: float


def grade(value: float, fine: float, look: float) -> str:
    """Return the verdict on a number for which lower is better.

    Examples
    --------
    >>> grade(0.1, 0.2, 0.5), grade(0.3, 0.2, 0.5), grade(0.9, 0.2, 0.5)
    ('fine', 'look', 'act')
    """
    return FINE if value <= fine else LOOK if value <= look else ACT


def compare(runs: list[np.ndarray]) -> Stability:
    """Compute the agreement between runs of values (n_rows, n_features)."""
    shared, largest = [], 0.0
    for one, two in combinations(runs, 2):
        largest = max(largest, float(np.abs(one - two).max()))
        for a, b in zip(one, two, strict=True):
            left, right = _top(a), _top(b)
            shared.append(len(left & right) / max(len(left | right), 1) if left | right else 1.0)
    return Stability(float(np.mean(shared)) if shared else np.nan, largest)


def _top(values: np.ndarray) -> set[int]:
    order = np.argsort(-np.abs(values), kind="stable")[:TOP]
    return {int(j) for j in order if values[j] != 0}


def repeat(
    case: Case, options: Options, k: int, sample: Attribution, background: Table
) -> tuple[Stability, Stability, Cost]:
    """Compute the agreement of ten rows' explanations over three seeds, and over three backgrounds.

    `sample` is the report's own explanation of output `k`, made with `background`.
    """
    rows = case.explained[:STABILITY_ROWS]
    rng = stream(options.seed, "background of the checks")
    own, cost = sample.values[: len(rows), :, 0], Cost()
    runs = [(background, options.seed + s) for s in range(1, N_SEEDS)]
    runs += [(background_of(case, rng), options.seed) for _ in range(N_SEEDS - 1)]
    values = []
    for table, seed in runs:
        explainer = kernel_shap(case.predictor, table, options, seed)
        values.append(explainer.explain(case.rows(rows)).values[:, :, k])
        ledger = explainer.predictor_.ledger
        cost += cost_of(ledger)
    return compare([own, *values[: N_SEEDS - 1]]), compare([own, *values[N_SEEDS - 1:]]), cost


def check_attribution(sample: Attribution, sd: float) -> list[Check]:
    """Check additivity, sampling error, fidelity and the base value.

    `sd` is the standard deviation of the model's answers.
    """
    gap = float(np.abs(sample.gap()).max())
    errors = sample.standard_errors[np.isfinite(sample.standard_errors)]
    error = float(errors.max(initial=0.0))
    exact = float((sample.details["solver"] == "exact").mean())
    known = sample.fidelity[np.isfinite(sample.fidelity)]
    base = float(sample.base_errors[0, 0])
    checks = [
        Check("Additivity", f"largest gap {number(gap)}",
              FINE if gap <= 1e-6 * max(sd, abs(float(sample.predictions.max()))) else ACT,
              "Contributions and base value add up to the prediction."
              if gap <= 1e-6 else "They should add up to the prediction; please report this."),
        Check("Sampling error", f"largest standard error {number(error)}, "
              f"{percent(error / sd)} of the predictions' standard deviation; "
              f"{percent(exact, 0)} of rows exact", grade(error / sd, 0.05, 0.15),
              "If single rows matter, raise budget=: four times the budget halves the error.")
        if len(errors) else
        Check("Sampling error", "not known", LOOK, "The budget is too small to measure it: raise "
              "budget=."),
    ]
    if len(known):
        middle = float(np.median(known))
        checks.append(Check(
            "Fidelity of the sum", f"median R² {number(middle)}",
            grade(1 - middle, 0.2, 0.5),
            "Near 1, the sum of contributions describes the model well. If it is lower, features "
            "interact, and one number per feature hides that."))
    if np.isfinite(base):
        checks.append(Check(
            "Base value", f"known to ± {number(1.96 * base)} (95 %), "
            f"{percent(1.96 * base / sd)} of the predictions' standard deviation",
            grade(1.96 * base / sd, BASE_FINE, BASE_LOOK),
            f"All contributions start from it. Fine up to {percent(BASE_FINE, 0)}: four times the "
            "background rows halve its error."))
    return checks


def check_stability(seeds: Stability, backgrounds: Stability, sd: float) -> list[Check]:
    """Check the agreement of repeated runs; `sd` is that of the model's answers."""
    limits = (f"Fine if the overlap is at least {SHARED_FINE:g} and no contribution changes by "
              f"more than {percent(MOVED_FINE, 0)}. ")
    return [
        Check(name, f"top-{TOP} overlap {number(run.shared)} (1 = the same features), largest "
              f"change {number(run.largest)}, {percent(run.largest / sd)} of the predictions' "
              "standard deviation", _stability_verdict(run, sd), limits + advice)
        for name, run, advice in (
            ("Other seeds", seeds, "If the explanation of a row changes with the seed, raise "
             "budget=."),
            ("Other background rows", backgrounds, "Contributions depend on the rows that a row is "
             "compared with. Choose a background that answers your question."),
        )
    ]


def _stability_verdict(run: Stability, sd: float) -> str:
    """Return the worse of the verdicts on the features in front, and on the sizes."""
    if not np.isfinite(run.shared):
        return LOOK
    order = [FINE, LOOK, ACT]
    shared = grade(1 - run.shared, 1 - SHARED_FINE + 1e-9, 1 - SHARED_LOOK + 1e-9)
    moved = grade(run.largest / sd, MOVED_FINE, MOVED_LOOK)
    return max(shared, moved, key=order.index)


def check_noise(rankings: list[Ranking]) -> list[Check]:
    """Check whether it says anything that features are above noise.

    Mean sizes are never negative: that of a feature which the model uses at all is above that of
    noise, however small it is. Then the shares of the features say more.
    """
    sized = [r for r in rankings if (r.values >= 0).all() and len(r.values) >= TELLS_LITTLE]
    if not sized:
        return []
    all_above = any(r.above_noise.all() for r in sized)
    said = "; ".join(f"{r.label}: {int(r.above_noise.sum())} of {len(r.values)} features, "
                     f"{r.features_for(MOST_OF_IT)} of them hold {percent(MOST_OF_IT, 0)} of the "
                     "sum" for r in sized)
    return [Check("Features above noise", said, LOOK if all_above else FINE,
                  "A mean size is never negative: every feature that the model uses at all is "
                  "above noise. Where all are, read the sizes, not the count." if all_above else
                  "Some features are no larger than noise by these methods.")]


def check_model(case: Case) -> list[Check]:
    """Check that the model repeats its answers and leaves its input unchanged."""
    findings = case.predictor.findings
    return [
        Check("Same question, same answer", "yes" if findings.repeatable else "no",
              FINE if findings.repeatable else ACT,
              "The model gives the same rows the same answers." if findings.repeatable else
              "The model's own noise is part of every number here. Is dropout on?"),
        Check("Input left unchanged", "yes" if findings.keeps_input else "no",
              FINE if findings.keeps_input else LOOK,
              "The model does not change its input." if findings.keeps_input else
              "The model writes into the table that it gets; here it got copies."),
    ]
