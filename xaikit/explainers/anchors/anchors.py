"""Anchors: rules under which a model answers as it does for a row, confirmed on fresh rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np

from xaikit.errors import SettingError
from xaikit.explainers.anchors.meanings import Meaning, check_settled, meaning_of, settled
from xaikit.explainers.anchors.pool import Labelled, ask_about, make_pool
from xaikit.explainers.anchors.predicates import predicates_of
from xaikit.explainers.anchors.results import rule_set
from xaikit.explainers.anchors.works import Part, PoolWork, TableDrawsWork, ToppedUpWork, UnitsWork
from xaikit.explainers.base import Explainer
from xaikit.explainers.games import bound_to, check_index_unread
from xaikit.explainers.run import Stopwatch, row_slices, run
from xaikit.explanations.rules import RuleSet
from xaikit.predictor.adapter import Predictor
from xaikit.predictor.probe import differs_alone
from xaikit.sampling.bins import columns_of
from xaikit.sampling.seeds import resolve_seed
from xaikit.sampling.tabular import as_masker
from xaikit.settings import SHARE, Either, Flag, Number, OneOf, Whole
from xaikit.solvers.rule_search import Goal
from xaikit.tables.tables import Batch, take_rows

DRAWS, TOPPED_UP, HINTS = 4_000, 500, 2_000
"""Most model rows for each explained row by default, and where a background is topped up; and how
many background rows tell which rules to draw rows under."""
SMALL = 1_000
"""Rows that confirm rules, below which rows may be drawn as well."""
PREFERRED = {"balanced": (0.5, 0.1), "widest": (1.0, 1.0)}
"""What a condition more, and the use of all errors that are allowed, leave of a rule's worth."""

Work = PoolWork | TableDrawsWork | ToppedUpWork | UnitsWork


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
    prefer : {"balanced", "widest"}
        Which of the rules that are precise enough. ``"widest"``: that which holds for most rows.
        ``"balanced"``: a condition more has to double the rows, and a rule at the limit of the
        allowed errors has to hold for ten times as many rows as one without errors.
    distribution : {"auto", "conditional", "interventional"}
        Rows of a table that rules are about. ``"conditional"``: background rows as they are, of
        which the model is asked once for all explained rows. ``"interventional"``: the columns of
        the rule come from background rows that satisfy it, the others from another one, as in the
        paper; every explained row asks anew. ``"auto"``: the first, and the second for rules that
        a background of less than 2,000 rows does not confirm; `RuleSet.distributions` says which.
        Texts and images are always drawn: each unit outside the rule is hidden with probability ½.
    budget : int or "auto"
        Most model rows for each explained row for which rows are drawn; by default 4,000, and 500
        if the distribution of a table is ``"auto"``.
    pool : int
        Most background rows that are used. The model is asked about all of them, unless all rules
        are ``"interventional"``: half of them to find rules, half to confirm them. All explained
        rows share them.
    keep_pool : bool
        Whether `fit` asks about the pool, once for all calls of `explain`.
    threshold : float, optional
        Rules are about the side of this value that a number is on. Choose one output.
    within : float or "auto"
        For numbers without a threshold: answers this near to a row's own agree. ``"auto"`` is a
        tenth of the 10 % to 90 % range of the answers.
    {outputs, batch_size, random_state, n_jobs, verbose}

    Notes
    -----
    Rules are found on one half of the pool and confirmed on the other, the k-th of them at error
    (1 − confidence)/(k(k + 1)), by the bound of Clopper and Pearson; conditions that the other half
    does not need are dropped, at a share of that error each. So the chance that any rule of a row
    is called verified although its precision is below the asked one is at most 1 − confidence, for
    rows drawn as the background was. Where rows are drawn, the k-th rule is judged on 128, 512 and
    2,048 fresh ones or more, the j-th time at 6/(π²j²) of its error. A small background and rows
    that are drawn beside it have half of the error each.

    Cuts of numbers are deciles of the background. Where no rule of these is precise enough, cuts
    are added that fit the rows around the explained one.

    References
    ----------
    Ribeiro, Singh, Guestrin 2018, "Anchors: high-precision model-agnostic explanations", section 3;
    Kaufmann & Kalyanakrishnan 2013, "Information complexity in bandit subset selection".

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
        "prefer": OneOf(*PREFERRED),
        "distribution": OneOf("auto", "conditional", "interventional"),
        "keep_pool": Flag(),
        "pool": Whole(2),
        "threshold": Either(Number(finite=True), None),
        "within": Either(Number(above=0.0, finite=True), "auto"),
    }

    masker_: Any
    labelled_: Labelled | None

    def __init__(
        self,
        *,
        precision: float = 0.95,
        confidence: float = 0.95,
        beam: int = 4,
        max_length: int = 6,
        prefer: str = "balanced",
        distribution: str = "auto",
        budget: int | str = "auto",
        pool: int = 10_000,
        keep_pool: bool = False,
        threshold: float | None = None,
        within: float | str = "auto",
        outputs: Any = None,
        batch_size: int | str = "auto",
        random_state: Any = None,
        n_jobs: int | None = None,
        verbose: bool = True,
    ) -> None:
        self.precision = precision
        self.confidence = confidence
        self.beam = beam
        self.max_length = max_length
        self.prefer = prefer
        self.distribution = distribution
        self.budget = budget
        self.pool = pool
        self.keep_pool = keep_pool
        self.threshold = threshold
        self.within = within
        self.outputs = outputs
        self.batch_size = batch_size
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    def check_settings(self) -> None:
        super().check_settings()
        if self.threshold is not None and self.within != "auto":
            raise SettingError("threshold and within say two things; set one of them.")

    def fit(self, model: Any, background: Any = None) -> Self:
        """Wrap and probe the model, and keep the background.

        Parameters
        ----------
        model : estimator, torch module, callable or Predictor
        background : DataFrame, array (n_background, n_columns), or masker
            Rows that rules are about: a sample of those that the model will meet. Its order does
            not matter; more rows confirm narrower rules. A `TextMasker` for texts, an
            `ImageMasker` for images.

        Raises
        ------
        ValueError
            For settings out of range, or a model that the probe refuses.
        ModelError
            If the model fails.
        """
        self.check_settings()
        self.seed_, self.labelled_ = resolve_seed(self.random_state), None
        if getattr(type(background), "kind", "table") != "table":
            # Texts and images are probed when there are some.
            self.predictor_, self.masker_ = self._wrap(model), background
            return self
        given = as_masker(background)
        if np.ptp(given.weights) > 0.0:
            raise ValueError("rules count rows, which have no weights; pass the table itself.")
        self.predictor_ = self._wrap(model).bind(given.schema.native(given.background))
        check_index_unread(self.predictor_)
        schema = self.predictor_.columns
        self.masker_ = as_masker(schema.native(schema.conform(given.background)), given.groups,
                                 None if schema.is_frame else schema.names)
        if self.keep_pool:
            asking = self.predictor_.spawn()
            self.labelled_ = self._labelled(asking)
            self.predictor_.ledger.add(asking.ledger)
        return self

    def explain(self, X: Any) -> RuleSet:
        """Find the rule of each row.

        Parameters
        ----------
        X : DataFrame, array (n_rows, n_columns), or one row; texts; or images
            What `fit` was given a background or masker for.

        Returns
        -------
        RuleSet
            A `TextRules` of texts, an `ImageRules` of images. Rows for which no rule was confirmed
            have the one that comes nearest, and `reasons` say why it was not.

        Raises
        ------
        sklearn.exceptions.NotFittedError
        ValueError
            For settings out of range, or rows that do not fit the background.
        ModelError
            If the model fails.
        """
        self._check_ready()
        watch, predictor, masker = Stopwatch(self.predictor_.ledger), self.predictor_, self.masker_
        batch = masker.conform(X)
        if masker.kind != "table":
            predictor = bound_to(predictor, masker, batch, X)
            self.predictor_.ledger.add(predictor.ledger)  # of the probe
        asking = predictor.spawn()
        work, meaning, holds = self._work(asking, batch)
        said = meaning.read(asking, batch)
        self.predictor_.ledger.add(asking.ledger)
        parts = [Part(s.start, take_rows(batch, np.arange(s.start, s.stop)), said[s], holds[:, s])
                 for s in row_slices(len(batch))]
        found = run(work, parts, self.predictor_.ledger, n_jobs=self.n_jobs, label="Anchors",
                    verbose=self.verbose)
        doubts = (*asking.findings.warnings, *masker.doubts(batch),
                  *differs_alone(asking, self.predictor_.ledger))
        return rule_set(masker, batch, [one for part in found for one in part], said, meaning, {
            **self._about(asking), "output_names": asking.output_names or (),
            "cost": watch.cost(), "warnings": doubts})

    def _work(self, asking: Predictor, batch: Batch) -> tuple[Work, Meaning, np.ndarray]:
        """Return the work on parts, what answers mean, and where conditions hold (n, n_rows)."""
        by_default = TOPPED_UP if self.distribution == "auto" and self.masker_.kind == "table" \
            else DRAWS
        budget = by_default if self.budget == "auto" else int(self.budget)
        goal = Goal(float(self.precision), 1.0 - float(self.confidence), int(self.beam),
                    int(self.max_length), *PREFERRED[self.prefer])
        masker, seed = self.masker_, self.seed_
        if masker.kind != "table":
            meaning = meaning_of(asking, self.threshold, self.within)
            check_settled(meaning)
            return (UnitsWork(asking.spawn(), masker, meaning, goal, budget, seed), meaning,
                    np.zeros((0, len(batch)), dtype=bool))
        labelled = self.labelled_ or self._labelled(asking)
        meaning = settled(meaning_of(asking, self.threshold, self.within),
                          labelled.said)  # now that all answers are seen
        nothing = np.zeros((len(masker.background), 1))  # deciles need no answers
        predicates = predicates_of(columns_of(masker, "decile", nothing), masker.schema, batch)
        pool, holds = make_pool(labelled, meaning, predicates), predicates.holds(batch)
        small = self.distribution == "auto" and len(pool.check) < SMALL
        if small:  # either way may verify a rule
            goal = replace(goal, error=goal.error / 2.0)
        of_draws = TableDrawsWork(asking.spawn(), masker.with_background(labelled.table), pool,
                                  predicates, goal, budget, seed)
        if self.distribution == "interventional":
            return of_draws, meaning, holds
        of_pool = PoolWork(pool, predicates, masker.with_background(pool.check.table), goal)
        return ToppedUpWork(of_pool, of_draws) if small else of_pool, meaning, holds

    def _labelled(self, asking: Predictor) -> Labelled:
        """Ask the model about the pool."""
        return ask_about(asking, meaning_of(asking, self.threshold, self.within),
                         self.masker_.background, int(self.pool), self.seed_,
                         HINTS if self.distribution == "interventional" else None)
