"""Importance by several methods, their agreement, and the importance of a column of noise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from xaikit.explainers.games import drawn_background
from xaikit.explainers.mean_impact import MeanImpactValue
from xaikit.explainers.permutation import PermutationImportance
from xaikit.explainers.run import cost_of
from xaikit.explainers.scoring import BLOCKS
from xaikit.explainers.shapley.kernel_shap import KernelSHAP
from xaikit.explainers.shapley.plan import check_budget
from xaikit.explanations.attribution import Attribution
from xaikit.explanations.base import Cost
from xaikit.explanations.importance import Importance
from xaikit.predictor.adapter import Predictor
from xaikit.predictor.attributes import declared_classes
from xaikit.predictor.wrapping import wrap
from xaikit.reporting.inputs import Case
from xaikit.reporting.truth import Truth
from xaikit.sampling.seeds import stream
from xaikit.sampling.tabular import as_masker
from xaikit.tables.groups import resolve_groups
from xaikit.tables.tables import Table, take_rows

METHODS = {"kernel_shap": "Kernel SHAP", "permutation": "Permutation",
           "mean_impact": "Mean impact value"}
BACKGROUND_ROWS = 100
NOISE_ROWS = {"kernel_shap": 10, "permutation": 200, "mean_impact": 200}
TOP = 5
MOST_OF_IT = 0.9
"""Share of the sum of sizes that the largest features hold together."""


@dataclass(frozen=True)
class Options:
    """Settings of a report."""

    methods: tuple[str, ...]
    groups: Any
    scoring: Any
    budget: int | str
    seed: int
    n_jobs: int | None
    verbose: bool = True
    blocks: Any = BLOCKS
    """As in `PermutationImportance.explain`; groups are numbers of all rows of the table."""

    def blocks_of(self, positions: np.ndarray) -> Any:
        """Return the blocks of some rows, for the jackknife; None if these are of one group."""
        if np.ndim(self.blocks) == 0:
            return self.blocks
        own = self.blocks[positions]
        return own if len(np.unique(own)) > 1 else None


@dataclass(frozen=True)
class Ranking:
    """The importance of the features by one method, as sizes that can be ranked.

    Attributes
    ----------
    key, label : str
    sizes : Importance
        One output. Values are not negative, unless a score rises when a feature is shuffled.
    result : Attribution or Importance
        The method's result for the reported output.
    noise : float
        Importance (the end of its interval) of a column of noise that the model never sees.
    n_rows : int
        Number of rows that the method averages over.
    """

    key: str
    label: str
    sizes: Importance
    result: Attribution | Importance
    noise: float
    n_rows: int

    @property
    def values(self) -> np.ndarray:
        """Sizes, (n_features,)."""
        return self.sizes.values[:, 0]

    @property
    def above_noise(self) -> np.ndarray:
        """Mask of the features whose whole interval is beyond the noise."""
        lower, upper = self.sizes.lower[:, 0], self.sizes.upper[:, 0]
        unknown = ~(np.isfinite(lower) & np.isfinite(upper))
        lower, upper = np.where(unknown, self.values, lower), np.where(unknown, self.values, upper)
        return (lower > self.noise) | (upper < -self.noise)

    def features_for(self, share: float) -> int:
        """Return how many of the largest features together hold a share of the sum of sizes."""
        sizes = np.sort(np.abs(self.values))[::-1]
        return int(np.searchsorted(np.cumsum(sizes), share * sizes.sum() * (1 - 1e-12))) + 1

    def top(self, most: int = TOP) -> list[str]:
        """Return the names of the most important features, without those of importance 0."""
        order = self.sizes.order(0)[:most]
        return [self.sizes.feature_names[j] for j in order if self.values[j] != 0]


def kernel_shap(model: Any, background: Table, options: Options, seed: int) -> KernelSHAP:
    """Return a fitted Kernel SHAP whose default budget suits hundreds of rows."""
    explainer = KernelSHAP(groups=options.groups, max_background=BACKGROUND_ROWS,
                           random_state=seed, n_jobs=options.n_jobs,
                           verbose=options.verbose).fit(model, background)
    budget = options.budget
    if budget == "auto":
        # Less than half of Kernel SHAP's own default: a report explains hundreds of rows, and its
        # checks show whether the budget was large enough.
        masker = explainer.masker_
        budget = (4 * masker.n_units + 128) * masker.n_background
    return explainer.set_params(budget=budget)


def check_plans(
    predictor: Predictor, X: Any, background: Any, rows: np.ndarray, options: Options
) -> None:
    """Check groups, background and budget for some rows of a table; the model is not asked.

    Raises
    ------
    ValueError
        If a group names an unknown column, the background lacks one, or the budget is too small.
    """
    schema = predictor.schema_for(X)
    table = schema.conform(X)
    known = table if background is None else schema.conform(background)
    resolve_groups(schema.names, options.groups)
    if options.budget == "auto" or "kernel_shap" not in options.methods:
        return
    known = take_rows(known, drawn_background(len(known), BACKGROUND_ROWS, options.seed))
    masker = as_masker(schema.native(known), options.groups, schema.names)
    masked = masker.rows(schema.native(take_rows(table, rows)))
    for i in range(len(masked)):
        check_budget(masked[i].differs, int(options.budget))


def global_method(key: str, options: Options, scored: bool) -> Any:
    """Return the explainer of permutation importance or of mean impact values."""
    if key == "permutation":
        return PermutationImportance(scoring=options.scoring if scored else None,
                                     groups=options.groups, random_state=options.seed,
                                     n_jobs=options.n_jobs, verbose=options.verbose)
    return MeanImpactValue(groups=options.groups, random_state=options.seed, n_jobs=options.n_jobs,
                           verbose=options.verbose)


def labelled_rows(case: Case, truth: Truth) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of averaged rows with a usable label, and those labels."""
    positions = case.scored[truth.kept]
    inside = np.isin(positions, case.averaged)
    return positions[inside], truth.labels[inside]


def rows_for(key: str, case: Case, truth: Truth, most: int | None = None
             ) -> tuple[np.ndarray, Any]:
    """Return the positions of the rows for a global method, and their labels if it uses a score.

    Without two different labels no score is defined, and permutation importance measures how far
    the output moves.
    """
    if key == "permutation" and truth.task is not None:
        positions, labels = labelled_rows(case, truth)
        if most is not None:
            some = first_rows(labels, most) if truth.classes else slice(most)
            positions, labels = positions[some], labels[some]
        if len(np.unique(labels)) > 1:
            return positions, case.as_given(labels, positions)
    return case.averaged[:most], None


def first_rows(labels: np.ndarray, most: int) -> np.ndarray:
    """Return the first rows, with the first of every class if a sorted table has them further down.

    Examples
    --------
    >>> first_rows(np.array(["a", "a", "a", "b"]), 2)
    array([0, 3])
    """
    _, firsts = np.unique(labels, return_index=True)
    others = np.setdiff1d(np.arange(len(labels)), firsts)
    return np.sort(np.concatenate([firsts[:most], others[: max(most - len(firsts), 0)]]))


def run_global(key: str, case: Case, truth: Truth, options: Options) -> Importance:
    """Compute permutation importance (of a score, with labels) or mean impact values."""
    positions, labels = rows_for(key, case, truth)
    explainer = global_method(key, options, labels is not None)
    # A copy, because the result's cost counts these rows already.
    own = as_task(case.predictor.spawn(), truth)
    explainer.fit(own if labels is None else with_classes(own, truth))
    return explainer.explain(case.rows(positions), labels, case.weights_of(positions),
                             **_jackknife(positions, labels, options))


def _jackknife(positions: np.ndarray, labels: Any, options: Options) -> dict[str, Any]:
    """Return the blocks of a score's jackknife, which nothing else has."""
    return {} if labels is None else {"blocks": options.blocks_of(positions)}


def as_task(predictor: Predictor, truth: Truth) -> Predictor:
    """Return a predictor that knows the task, from the labels if it did not."""
    if predictor.task is not None or truth.task is None:
        return predictor
    return wrap(predictor, task=truth.task)


def with_classes(predictor: Predictor, truth: Truth) -> Predictor:
    """Return a predictor whose outputs are named as their classes, which a few labels may lack."""
    names = truth.classes
    if predictor.methods or len(names) < 3 or len(set(names)) < len(names) or \
            predictor.settings.outputs is not None or predictor.output_names == names:
        return predictor
    return wrap(predictor, output_names=names)


def cut_to(
    result: Attribution | Importance, names: tuple[str, ...], k: int
) -> Attribution | Importance:
    """Return one output of a result; the only output of a score is the score itself."""
    if result.output_names != names:
        return result[:, :1] if isinstance(result, Importance) else result
    own = np.array([k])  # a plain number may be taken for a name
    return result[:, :, own] if isinstance(result, Attribution) else result[:, own]


def as_sizes(result: Attribution | Importance) -> Importance:
    """Return importances that can be ranked: for signed mean impacts, the mean |impact|."""
    if isinstance(result, Attribution):
        return result.importance()
    if "absolute" not in result.details:
        return result
    details = {k: v for k, v in result.details.items() if not k.startswith("absolute")}
    return replace(result, method="mean |impact|", values=result.details["absolute"],
                   standard_errors=np.full(result.values.shape, np.nan),
                   lower=result.details["absolute_lower"], upper=result.details["absolute_upper"],
                   details={**details, "signed": result.values})


class Blind:
    """A model that never sees the last column of a table, by whichever method it is asked."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        classes = declared_classes(predictor.model_of_methods)
        if classes is not None:
            self.classes_ = classes
        # As a search keeps what it found: how the outputs of some are counted depends on its class.
        self.best_estimator_ = predictor.model_of_methods
        if predictor.task == "classification":  # else labels would have to be numbers
            self._estimator_type = "classifier"

    def __call__(self, table: Table) -> np.ndarray:
        """Return the answers for the table without its last column."""
        return self.predictor(_without_last(table))

    def __getattr__(self, name: str) -> Any:
        # Only the estimator's methods that answer are forwarded. While a copy is unpickled,
        # "predictor" itself is looked up here, before it exists.
        if name.startswith("_") or name == "predictor" or name not in self.predictor.methods:
            raise AttributeError(name)
        schema = self.predictor.columns
        return lambda table: self.predictor.ask_method(name, schema.conform(_without_last(table)))


def _without_last(table: Table) -> Table:
    return table.iloc[:, :-1] if isinstance(table, pd.DataFrame) else table[:, :-1]


def with_noise(table: Table, name: str, rng: np.random.Generator) -> Table:
    """Return the table with one more column, of standard normal numbers."""
    noise = rng.normal(size=len(table))
    if isinstance(table, pd.DataFrame):
        out = table.reset_index(drop=True)
        return pd.concat([out, pd.Series(noise, name=name)], axis=1).set_axis(table.index)
    column = noise.astype(table.dtype) if table.dtype.kind == "f" else noise
    if table.dtype.kind in "OUS":
        column = column.astype(object)
    return np.column_stack([table, column])


def noise_level(key: str, case: Case, truth: Truth, options: Options, k: int
                ) -> tuple[float, Cost]:
    """Compute the importance of a column of noise that the model never sees, on few rows.

    Returns
    -------
    float, Cost
        The largest absolute value of its importance and of the ends of its interval, and the cost.
    """
    rng = stream(options.seed, "noise column", key)
    name = _unused(case)
    blind = _blind_predictor(case, truth, name)
    if key == "kernel_shap":
        background = case.background
        rows = case.explained[: NOISE_ROWS[key]]
        explainer = kernel_shap(blind, with_noise(background, name, rng), options, options.seed)
        masker = explainer.masker_
        # One more unit may need more rows than a small budget allows.
        least = 2 * masker.n_background * masker.n_units + 1
        explainer.set_params(budget=max(explainer.budget, least))
        result: Any = explainer.explain(with_noise(case.rows(rows), name, rng))
        ledger = explainer.predictor_.ledger
        cost = cost_of(ledger, result.cost.seconds)
    else:
        positions, labels = rows_for(key, case, truth, NOISE_ROWS[key])
        explainer = global_method(key, options, labels is not None)
        explainer.fit(blind if labels is None else with_classes(blind, truth))
        result = explainer.explain(with_noise(case.rows(positions), name, rng), labels,
                                   case.weights_of(positions),
                                   **_jackknife(positions, labels, options))
        cost = result.cost
    sizes = as_sizes(cut_to(result, result.output_names if len(result.output_names) ==
                            len(case.output_names) else case.output_names, k))
    j = sizes.feature_names.index(name)
    ends = np.array([sizes.values[j, 0], sizes.lower[j, 0], sizes.upper[j, 0]])
    return float(np.nanmax(np.abs(ends))), cost


def _unused(case: Case) -> str:
    name = "random noise"
    while name in case.predictor.columns.names:
        name += "_"
    return name


def _blind_predictor(case: Case, truth: Truth, noise: str) -> Predictor:
    inner = case.predictor
    columns = None if inner.columns.is_frame else [*inner.columns.names, noise]
    # Margins come from a method that has another name: then it is asked as a function.
    margins = inner.scale == "decision" and "decision_function" not in inner.methods
    told, estimator = inner.settings, bool(inner.methods) and not margins
    blind: Any = Blind(inner.spawn())
    # The labels of a classifier that has no probabilities are outputs only if it was not asked.
    asked = inner.scale if not estimator or inner.outputs.classes is None or \
        inner.scale != "prediction" else None
    return wrap(blind.__call__ if margins else blind, output=asked, task=inner.task or truth.task,
                feature_names=columns, batch_size=told.batch_size,
                # By position: the model asked through another may not say what its outputs are.
                outputs=inner.outputs.kept if estimator and inner.outputs.chosen else None,
                output_names=told.output_names if estimator else inner.output_names)


def agreement(rankings: list[Ranking]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rank correlation of every two methods, and how many of the top five they share."""
    labels = [r.label for r in rankings]
    rho = np.eye(len(rankings))
    shared = np.zeros((len(rankings), len(rankings)), dtype=np.int64)
    for a, one in enumerate(rankings):
        for b, two in enumerate(rankings):
            left, right = np.abs(one.values), np.abs(two.values)
            if a != b:
                varied = len(left) > 2 and np.ptp(left) > 0 and np.ptp(right) > 0
                rho[a, b] = float(spearmanr(left, right).statistic) if varied else np.nan
            shared[a, b] = len(set(one.top()) & set(two.top()))
    correlation = pd.DataFrame(rho, columns=labels)
    overlap = pd.DataFrame(shared, columns=labels)
    for frame in (correlation, overlap):
        frame.insert(0, "method", labels)
    return correlation, overlap


def side_by_side(rankings: list[Ranking]) -> pd.DataFrame:
    """Return each feature's rank by every method, in the order of the first.

    There is no mean of the ranks: the methods measure different things, in different units.
    """
    ranks = {r.label: r.sizes.ranks(0) for r in rankings}
    frame = pd.DataFrame({"feature": list(rankings[0].sizes.feature_names), **ranks})
    unseen = np.all([~r.above_noise for r in rankings], axis=0)
    frame["above noise"] = [
        "by none" if u else listed_methods(j, rankings) for j, u in enumerate(unseen)]
    first = rankings[0].label
    return frame.sort_values(first, kind="stable").reset_index(drop=True)


def listed_methods(j: int, rankings: list[Ranking]) -> str:
    """Return the names of the methods by which feature `j` is above noise."""
    found = [r.label for r in rankings if r.above_noise[j]]
    return "by all" if len(found) == len(rankings) else "by " + ", ".join(found)


def background_of(case: Case, rng: np.random.Generator) -> Table:
    """Draw another background of the same size, with replacement if it is small."""
    n = len(case.background)
    size = min(n, BACKGROUND_ROWS)
    return take_rows(case.background, np.sort(rng.choice(n, size, replace=n <= BACKGROUND_ROWS)))
