"""Anchors: rules under which a model answers as it does for a row, confirmed on fresh rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from xaikit.errors import SettingError
from xaikit.explainers.anchors.meanings import Meaning, meaning_of
from xaikit.explainers.anchors.pool import Half, Pool, make_pool
from xaikit.explainers.anchors.predicates import Predicates, predicates_of
from xaikit.explainers.base import Explainer
from xaikit.explainers.games import check_index_unread
from xaikit.explainers.run import Stopwatch
from xaikit.explanations.rules import RuleSet
from xaikit.predictor.probe import differs_alone
from xaikit.sampling.bins import columns_of
from xaikit.sampling.coalitions import pack
from xaikit.sampling.seeds import resolve_seed
from xaikit.sampling.tabular import TabularMasker, as_masker
from xaikit.settings import SHARE, Either, Number, Whole
from xaikit.solvers.bounds import share_bounds
from xaikit.solvers.rule_search import Found, Goal, search_rules
from xaikit.tables.rules import Rule

TRIED = 8
"""Rules that fresh rows are asked to confirm, one after the other."""


class Anchors(Explainer):
    """Rules that anchor an answer: where a rule holds, the model nearly always says the same.

    The rule of a row is a set of conditions that the row satisfies. Among rows of the background
    that satisfy it, the model says the same as for the row with at least the asked precision. Of
    such rules the one is sought that holds for most rows (its coverage).

    Parameters
    ----------
    precision : float
        Share of rows under a rule that must agree, up to 1.
    confidence : float
        How sure that must be. A rule is `verified` if rows that its search did not see say so.
    beam : int
        Rules of each length that are extended. More may find wider rules.
    max_length : int
        Most conditions of a rule, before those on one column are merged.
    pool : int
        Most background rows that the model is asked about: half of them to find rules, half to
        confirm them. All explained rows share them.
    threshold : float, optional
        Rules are about the side of this value that a number is on. Choose one output.
    within : float or "auto"
        For numbers without a threshold: answers this near to a row's own agree. ``"auto"`` is a
        tenth of the 10 % to 90 % range of the answers.
    {outputs, batch_size, random_state}

    Notes
    -----
    Rules are found on one half of the pool and confirmed on the other, rule by rule in the order
    of their coverage, the k-th at error (1 − confidence)/(k(k + 1)), by the bound of Clopper and
    Pearson. So the chance that any rule of a row is called verified although its precision is
    below the asked one is at most 1 − confidence, for rows drawn as the background was.

    References
    ----------
    Ribeiro, Singh, Guestrin 2018, "Anchors: high-precision model-agnostic explanations".

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(size=(2000, 2))
    >>> import xaikit as xk
    >>> model = xk.wrap(lambda X: (X[:, 0] > 0.5).astype(float), task="classification")
    >>> rules = Anchors(random_state=0).fit(model, X).explain([[0.9, 0.2]])
    >>> bool(rules.verified[0]), rules.rules[0].conditions[0].column
    (True, 'x0')
    """

    own_settings: ClassVar = {
        "precision": Number(above=0.0, most=1.0),
        "confidence": SHARE,
        "beam": Whole(1),
        "max_length": Whole(1),
        "pool": Whole(2),
        "threshold": Either(Number(finite=True), None),
        "within": Either(Number(above=0.0, finite=True), "auto"),
    }

    masker_: TabularMasker

    def __init__(
        self,
        *,
        precision: float = 0.95,
        confidence: float = 0.95,
        beam: int = 4,
        max_length: int = 6,
        pool: int = 10_000,
        threshold: float | None = None,
        within: float | str = "auto",
        outputs: Any = None,
        batch_size: int | str = "auto",
        random_state: Any = None,
    ) -> None:
        self.precision = precision
        self.confidence = confidence
        self.beam = beam
        self.max_length = max_length
        self.pool = pool
        self.threshold = threshold
        self.within = within
        self.outputs = outputs
        self.batch_size = batch_size
        self.random_state = random_state

    def check_settings(self) -> None:
        super().check_settings()
        if self.threshold is not None and self.within != "auto":
            raise SettingError("threshold and within say two things; set one of them.")

    def fit(self, model: Any, background: Any = None) -> Self:
        """Wrap and probe the model, and keep the background.

        Parameters
        ----------
        model : estimator, torch module, callable or Predictor
        background : DataFrame, array (n_background, n_columns), or TabularMasker
            Rows that rules are about: a sample of those that the model will meet. Its order does
            not matter; more rows confirm narrower rules.

        Raises
        ------
        TypeError
            If the background is no table.
        ValueError
            For settings out of range, or a model that the probe refuses.
        ModelError
            If the model fails.
        """
        self.check_settings()
        if getattr(background, "kind", "table") != "table":
            raise TypeError("Anchors needs a table, whose rows rules are about; got "
                            f"{type(background).__name__}.")
        self.seed_ = resolve_seed(self.random_state)
        given = as_masker(background)
        if np.ptp(given.weights) > 0.0:
            raise ValueError("rules count rows, which have no weights; pass the table itself.")
        self.predictor_ = self._wrap(model).bind(given.schema.native(given.background))
        check_index_unread(self.predictor_)
        schema = self.predictor_.columns
        self.masker_ = as_masker(schema.native(schema.conform(given.background)),
                                 feature_names=None if schema.is_frame else schema.names)
        return self

    def explain(self, X: Any) -> RuleSet:
        """Find the rule of each row.

        Parameters
        ----------
        X : DataFrame, array (n_rows, n_columns), or one row

        Returns
        -------
        RuleSet
            Rows for which no rule was confirmed have the one that comes nearest, and `reasons` say
            why it was not.

        Raises
        ------
        sklearn.exceptions.NotFittedError
        ValueError
            For settings out of range, or rows that do not fit the background.
        ModelError
            If the model fails.
        """
        self._check_ready()
        ledger = self.predictor_.ledger
        watch, predictor, masker = Stopwatch(ledger), self.predictor_.spawn(), self.masker_
        table, schema = masker.conform(X), masker.schema
        nothing = np.zeros((len(masker.background), 1))  # deciles need no answers
        predicates = predicates_of(columns_of(masker, "decile", nothing), schema, table)
        meaning = meaning_of(predictor, self.threshold, self.within)
        pool = make_pool(predictor, meaning, masker.background, predicates, int(self.pool),
                         self.seed_)
        meaning_of(predictor, self.threshold, self.within)  # now that all answers are seen
        finder = Finder(pool, predicates, self._goal())
        own, allowed = pool.meaning.read(predictor, table), predicates.holds(table)
        found = [finder.rule(own[i], np.flatnonzero(allowed[:, i])) for i in range(len(table))]
        ledger.add(predictor.ledger)
        doubts = (*predictor.findings.warnings, *differs_alone(predictor, ledger))
        fields: dict[str, Any] = {name: tuple(getattr(f, name) for f in found) for name in (
            "precision", "precision_lower", "precision_upper", "coverage", "coverage_lower",
            "coverage_upper", "n_checked", "verified", "steps", "reason", "rule", "answer")}
        for name in ("reason", "rule", "answer"):
            fields[f"{name}s"] = fields.pop(name)
        return RuleSet(
            **self._about(predictor), **fields,
            row_names=tuple(getattr(table, "index", range(len(table)))),
            feature_names=schema.names, output_names=predictor.output_names or (),
            data=schema.to_frame(table), cost=watch.cost(), warnings=doubts)

    def _goal(self) -> Goal:
        return Goal(float(self.precision), 1.0 - float(self.confidence), int(self.beam),
                    int(self.max_length))


@dataclass(frozen=True)
class Judged:
    """A rule of one row, and what fresh rows say of it; see `RuleSet`."""

    rule: Rule
    answer: str
    precision: float
    precision_lower: float
    precision_upper: float
    coverage: float
    coverage_lower: float
    coverage_upper: float
    n_checked: int
    steps: tuple[float, ...]
    verified: bool
    reason: str


class Finder:
    """Finds and confirms rules on a pool, one row after the other."""

    def __init__(self, pool: Pool, predicates: Predicates, goal: Goal) -> None:
        self.pool, self.predicates, self.goal = pool, predicates, goal

    @property
    def meaning(self) -> Meaning:
        """What answers mean."""
        return self.pool.meaning

    def rule(self, own: Any, allowed: np.ndarray) -> Judged:
        """Return the rule of a row: the widest that is confirmed, or that which comes nearest.

        Parameters
        ----------
        own : label or number
            What the model says of the row.
        allowed : int array
            Positions of the conditions that the row satisfies.
        """
        search, check = (self._agree(half, own) for half in (self.pool.search, self.pool.check))
        found, best = search_rules(self.pool.search.masks[allowed], search, len(self.pool.search),
                                   self.goal)
        tried = [tuple(int(p) for p in allowed[list(f.rule)]) for f in found[:TRIED]]
        for k, rule in enumerate(tried, 1):
            judged = self._judged(rule, own, search, check, self.goal.error / (k * (k + 1)))
            if judged.precision_lower >= self.goal.precision:
                return judged
        rule = tried[0] if tried else tuple(int(p) for p in allowed[list(best.rule)])
        return self._judged(rule, own, search, check, self.goal.error, self._why(found, best))

    def _agree(self, half: Half, own: Any) -> np.ndarray:
        agrees = self.meaning.agrees(half.said, own)
        return np.asarray(pack(agrees[None])[0]) if len(half) else np.zeros(1, dtype=np.uint64)

    def _why(self, found: Sequence[Found], best: Found) -> str:
        """Return why no rule was confirmed."""
        if found:
            return "fresh rows did not confirm any rule that was found"
        if len(self.pool.search) < self.goal.least:
            return (f"the pool is too small: a precision of {self.goal.precision:g} takes "
                    f"{2 * self.goal.least} rows at least")
        return (f"no rule reached the precision; the best is sure of {best.lower:.2g} on "
                f"{best.n_rows} rows")

    def _judged(self, rule: tuple[int, ...], own: Any, search: np.ndarray, check: np.ndarray,
                error: float, why_not: str = "") -> Judged:
        """Ask the fresh rows about a rule."""
        half, parts = self.pool.check, self._by_column(rule, search)
        n, k = half.counts(rule, check)
        lower = float(share_bounds(k, n, error)[0])
        upper = float(share_bounds(k, n, self.goal.error / 2)[1])
        covered = share_bounds(n, len(half), self.goal.error / 2)
        steps = [half.counts(sum(parts[: j + 1], ()), check) for j in range(len(parts))]
        return Judged(
            Rule(tuple(self.predicates.conditions[p] for part in parts for p in part)),
            self.meaning.words(own),
            k / n if n else float("nan"), lower, upper, n / len(half) if len(half) else 0.0,
            float(covered[0]), float(covered[1]), n,
            tuple(b / a if a else float("nan") for a, b in steps), not why_not, why_not)

    def _by_column(self, rule: tuple[int, ...], search: np.ndarray) -> list[tuple[int, ...]]:
        """Return the conditions of a rule by column: that first which helps most, and so on."""
        rest: dict[Any, tuple[int, ...]] = {}
        for p in rule:
            column = self.predicates.conditions[p].column
            rest[column] = (*rest.get(column, ()), p)
        ordered = list[tuple[int, ...]]()
        while rest:
            counts = {column: self.pool.search.counts(sum(ordered, ()) + part, search)
                      for column, part in rest.items()}
            first = max(counts, key=lambda column: counts[column][1] / max(counts[column][0], 1))
            ordered.append(rest.pop(first))
        return ordered
