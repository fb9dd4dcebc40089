"""Everything a report asks the model: measure, explain, repeat, add noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from xaikit.explainers.run import cost_of
from xaikit.explainers.shapley.kernel_shap import KernelSHAP
from xaikit.explanations.attribution import Attribution
from xaikit.explanations.base import Cost
from xaikit.explanations.importance import Importance
from xaikit.reporting.checks import (
    Check,
    check_attribution,
    check_model,
    check_noise,
    check_stability,
    repeat,
)
from xaikit.reporting.data import associate, describe_columns
from xaikit.reporting.examples import choose_examples
from xaikit.reporting.facts import Facts, sd_of_output
from xaikit.reporting.importance import (
    METHODS,
    Options,
    Ranking,
    as_sizes,
    cut_to,
    kernel_shap,
    noise_level,
    rows_for,
    run_global,
)
from xaikit.reporting.inputs import Case
from xaikit.reporting.performance import measure
from xaikit.reporting.truth import Truth, match
from xaikit.sampling.seeds import stream


def find_out(case: Case, options: Options) -> Facts:
    """Compute everything that the report tells."""
    truth, k = match(case), case.output
    results, shap = _explain(case, truth, options)
    examples = choose_examples(case, truth, k)
    examples_of = None
    if shap is not None:
        positions = np.array([e.position for e in examples])
        examples_of = explain_rows(shap, case, positions)[:, :, np.array([k])]
    rankings, cost = _rank(case, truth, options, results, k)
    sample = next((r.result for r in rankings if isinstance(r.result, Attribution)), None)
    checks, spent = _check(case, options, sample, shap, k)
    checks += check_noise(rankings)
    cost += spent
    for ledger in [case.predictor.ledger, *([] if shap is None else [shap.predictor_.ledger])]:
        cost += cost_of(ledger)
    names = case.predictor.columns.names
    columns, table = describe_columns(case.frame, names)
    return Facts(
        case=case, truth=truth, options=options, k=k,
        measured=[] if truth.task is None else measure(truth, options.seed),
        columns=columns, schema_table=table,
        associations=associate(case.frame, names, stream(options.seed, "rows of associations")),
        rankings=rankings, sample=sample, examples=examples, examples_of=examples_of,
        checks=checks, cost=cost,
    )


def explain_rows(explainer: KernelSHAP, case: Case, positions: np.ndarray) -> Attribution:
    """Return the explanation of rows of the table, under their own names."""
    found = explainer.explain(case.rows(positions))
    return replace(found, row_names=tuple(case.labels[int(i)] for i in positions))


def _explain(
    case: Case, truth: Truth, options: Options
) -> tuple[dict[str, Attribution | Importance], KernelSHAP | None]:
    """Return the results of every method for all outputs, and the fitted Kernel SHAP."""
    results: dict[str, Attribution | Importance] = {}
    shap = None
    for key in options.methods:
        if key == "kernel_shap":
            shap = kernel_shap(case.predictor, case.background, options, options.seed)
            results[key] = explain_rows(shap, case, case.explained)
        else:
            results[key] = run_global(key, case, truth, options)
    return results, shap


def _rank(
    case: Case, truth: Truth, options: Options, results: dict[str, Attribution | Importance],
    k: int,
) -> tuple[list[Ranking], Cost]:
    """Return the results for the reported output, each with the importance of noise."""
    rankings, cost = [], Cost()
    for key, result in results.items():
        own = cut_to(result, case.output_names, k)
        noise, spent = noise_level(key, case, truth, options, k)
        cost += spent
        if isinstance(own, Attribution):
            n_rows = own.n_rows
        else:
            cost += result.cost
            n_rows = len(rows_for(key, case, truth)[0])
        rankings.append(Ranking(key, METHODS[key], as_sizes(own), own, noise, n_rows))
    return rankings, cost


def _check(
    case: Case, options: Options, sample: Attribution | None, shap: KernelSHAP | None, k: int
) -> tuple[list[Check], Cost]:
    checks, cost = [], Cost()
    if sample is not None and shap is not None:
        sd = sd_of_output(case, k)
        checks += check_attribution(sample, sd)
        seeds, backgrounds, cost = repeat(case, options, k, sample,
                                         shap.masker_.background)
        checks += check_stability(seeds, backgrounds, sd)
    return [*checks, *check_model(case)], cost
