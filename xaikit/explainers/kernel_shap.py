"""Kernel SHAP: Shapley values of a model's answer, exact where that is affordable."""

from __future__ import annotations

from typing import Any, Self

import joblib
import numpy as np

from xaikit.explainers.base import Explainer, Stopwatch, in_parallel, is_number, row_slices
from xaikit.explainers.shapley_limits import (
    Forecast,
    Limits,
    check_budget,
    most_model_rows,
    parse_seconds,
)
from xaikit.explainers.shapley_rows import CLIP, ShapleyRow, ShapleyTask, linked, mean_error
from xaikit.explanations.attribution import Attribution
from xaikit.explanations.base import Cost
from xaikit.predictor.pace import AUTO_BATCH
from xaikit.predictor.tables import Table, take_rows
from xaikit.predictor.tempo import seconds_per_row
from xaikit.sampling.game import MAX_MEMORY
from xaikit.sampling.seeds import resolve_seed, stream
from xaikit.sampling.tabular import TabularMasker, as_masker

SOLVERS = ("auto", "exact", "wls", "gp")
LINKS = ("identity", "logit")
ASSUMED_PACE = 1e-5
"""Seconds a row that a model is taken to need where the clock must not decide: 10 µs, between
boosted trees and forests."""


class KernelSHAP(Explainer):
    """Shapley values of each row's answer, with error bars.

    A feature's value is its average contribution over all orders in which the row's features can be
    revealed, hidden features taking the values of background rows.

    Parameters
    ----------
    solver : {"auto", "exact", "wls", "gp"}
        ``"exact"``: one background row at a time; units equal to it are never asked, and equal
        composed rows are asked once. ``"wls"``: least squares on stratified pairs of
        coalitions, with standard errors. ``"gp"``: the same pairs, solved by a Gaussian process
        that learns how the units interact: smaller errors for the same model rows, and
        milliseconds to seconds of its own a row. Both ask background rows whole where these
        differ in so few units that it costs no more than sampling. ``"auto"``: exact for each
        row where its questions fit the budget; else the process, if the model takes longer than
        it for the questions, or least squares; see `pace_`.
    budget : int, "auto" or str
        Most model rows asked per explained row (answers to the background are asked once, in
        `fit`). ``"auto"``: 16·M + 256 coalitions on every background row. A time, such as
        ``"30s"``, ``"2min"`` or ``"1h"``: for all rows of a call of `explain` together; what is
        asked then depends on the clock.
    tol : float, optional
        Stop asking about a row as soon as all its standard errors are at most this share of the
        range of its values, for every output; the budget is the most. Each look is at twice as
        many questions as the last, which are among them.
    link : {"identity", "logit"}
        The scale that contributions add up on. ``"logit"`` takes the log-odds of the *mean*
        probability over the background, which is not the mean of the log-odds.
    groups : dict of name to columns, optional
        Columns shown and hidden together.
    outputs : position, name or list, optional
        Outputs to explain; all by default.
    interactions : bool
        Find the interaction of every two units too, from the same answers; see
        `Attribution.interactions`. Where coalitions are sampled it is found from as many of them
        as `max_memory` holds (some 2,000 of the default's), and takes about a second a row.
    max_background : int
        A longer background is sampled down to this many rows, and a warning says so. Pass a
        `TabularMasker` to use every row.
    batch_size : int or "auto"
        Most rows a call of the model.
    random_state : int, Generator or None
    n_jobs : int or None
        Workers, through joblib. The numbers do not depend on it.
    max_memory : int
        Bytes of buffers, whatever the numbers of rows, coalitions and background rows. The
        model's own memory comes on top.

    Attributes
    ----------
    predictor_, masker_ : Predictor, TabularMasker
    background_answers_ : array (n_background, n_outputs)
    noise_ : array (n_outputs,)
        Variance of the model's answers to the same question: 0 if it repeats itself, else measured
        by asking about the background once more.
    seconds_per_row_ : float
        What the model took for a row of the background.
    pace_ : float
        The seconds a row that ``solver="auto"`` chooses by. Without a seed they are measured: a
        model so fast that `seconds_per_row_` is mostly the fixed cost of a call is asked 2,048
        rows more. With a seed they are taken to be 10 µs: no clock decides what comes out.

    References
    ----------
    Lundberg & Lee 2017, "A Unified Approach to Interpreting Model Predictions", section 4;
    Covert & Lee 2021, "Improving KernelSHAP", sections 3–4.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 4.0]])
    >>> explainer = KernelSHAP(random_state=0).fit(lambda X: X @ [1.0, 10.0], X[:1])
    >>> e = explainer.explain(X[1:])
    >>> e.values[:, :, 0]
    array([[ 2.,  0.],
           [ 0., 40.]])
    """

    def __init__(
        self,
        *,
        solver: str = "auto",
        budget: int | str = "auto",
        tol: float | None = None,
        link: str = "identity",
        groups: Any = None,
        outputs: Any = None,
        interactions: bool = False,
        max_background: int = 200,
        batch_size: int | str = "auto",
        random_state: Any = None,
        n_jobs: int | None = None,
        max_memory: int = MAX_MEMORY,
    ) -> None:
        self.solver = solver
        self.budget = budget
        self.tol = tol
        self.link = link
        self.groups = groups
        self.outputs = outputs
        self.interactions = interactions
        self.max_background = max_background
        self.batch_size = batch_size
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.max_memory = max_memory

    def fit(self, model: Any, background: Any = None) -> Self:
        """Wrap and probe the model, keep the background, and ask about it once.

        Parameters
        ----------
        model : estimator, torch module, callable or Predictor
        background : DataFrame, array (n_background, n_columns) or TabularMasker
            Rows whose values stand in for hidden features.

        Raises
        ------
        ValueError
            For settings out of range, an empty or unfit background, or a model that the probe finds
            cannot be explained.
        ModelError
            If the model fails.
        """
        self._check_settings()
        self.seed_ = resolve_seed(self.random_state)
        self.warnings_: tuple[str, ...] = ()
        ready = isinstance(background, TabularMasker)
        given = as_masker(background, self.groups if ready else None)
        rows = given.background if ready else self._thin(given.background)
        predictor = self._wrap(model).bind(given.schema.native(rows))
        assert predictor.findings is not None
        # Groups name columns by the model's own names, which an array has only once it is bound.
        schema = predictor.columns
        masker = background if ready else as_masker(
            schema.native(schema.conform(rows)), self.groups, schema.names)
        self.warnings_ += predictor.findings.warnings
        before = predictor.ledger.seconds
        self.background_answers_ = predictor(masker.background)
        seconds = predictor.ledger.seconds - before
        self.seconds_per_row_ = seconds / len(masker.background)
        self.pace_ = ASSUMED_PACE
        if self.solver == "auto" and self.random_state is None:
            self.pace_ = seconds_per_row(predictor, masker.background, seconds)
        self.noise_ = np.zeros(self.background_answers_.shape[1])
        if not predictor.findings.repeatable:
            again = predictor.ask_anew(masker.background)
            self.noise_ = ((again - self.background_answers_)**2).mean(axis=0) / 2.0
        self.predictor_, self.masker_ = predictor, masker
        return self

    def explain(self, X: Any) -> Attribution:
        """Explain rows.

        Parameters
        ----------
        X : DataFrame, array (n_rows, n_columns), or one row

        Returns
        -------
        Attribution
            `standard_errors` are 0 for exact rows (NaN if the model does not repeat itself);
            `fidelity` is the weighted R² of the sum of values on pairs of coalitions of the same
            size, a lower bound for sampled rows; `details` hold each row's solver, model rows, the
            error of its values from the background being a sample, and for the Gaussian process
            the noise it found (see `xaikit.solvers.odd_process.Solution`).

        Raises
        ------
        sklearn.exceptions.NotFittedError
        ValueError
            If X does not fit the background, or the budget is too small.
        ModelError
            If the model fails.
        """
        self._check_fitted()
        self._check_settings()
        watch = Stopwatch()
        table, parts, task = self._task(X)
        found, cost = [], Cost()
        for rows, spent in in_parallel(task, parts, self.n_jobs, "KernelSHAP"):
            found += rows
            cost += spent
            self.predictor_.ledger.add(spent.model_rows, spent.calls, spent.model_seconds)
        return self._result(table, found, cost, watch)

    def forecast(self, X: Any) -> Forecast:
        """Say what `explain` would ask of the model, at most, without asking it.

        Parameters
        ----------
        X : DataFrame, array (n_rows, n_columns), or one row

        Returns
        -------
        Forecast
            Of the whole budget: `tol` and a time as budget may stop earlier.

        Examples
        --------
        >>> X = np.eye(3)
        >>> KernelSHAP().fit(lambda X: X.prod(axis=1), X).forecast(X).model_rows
        array([9., 9., 9.])
        """
        self._check_fitted()
        self._check_settings()
        _, parts, task = self._task(X)
        found = [one for part in parts for one in task.forecast(part)]
        model_rows = np.array([rows for rows, _ in found])
        handed = AUTO_BATCH if self.batch_size == "auto" else int(self.batch_size)
        return Forecast(
            model_rows, tuple(solver for _, solver in found),
            int(np.ceil(model_rows / handed).sum()),
            float(model_rows.sum() * self.seconds_per_row_))

    def _task(self, X: Any) -> tuple[Table, list[Table], ShapleyTask]:
        """Give the table to explain, its parts for workers, and what is to be done with them."""
        table = self.masker_.schema.conform(X)
        if len(table) == 0:
            raise ValueError("the table to explain has no rows.")
        parts = [take_rows(table, np.arange(s.start, s.stop)) for s in row_slices(len(table))]
        task = ShapleyTask(
            predictor=self.predictor_, masker=self.masker_, answers=self.background_answers_,
            solver=self.solver, limits=self._limits(len(table), len(parts)), link=self.link,
            seed=self.seed_, max_memory=int(self.max_memory),
            pace=self.pace_, noise=self._linked_noise(),
            interactions=bool(self.interactions),
        )
        return table, parts, task

    def _result(
        self, table: Any, rows: list[ShapleyRow], cost: Cost, watch: Stopwatch
    ) -> Attribution:
        schema = self.masker_.schema
        elapsed = watch.cost(self.predictor_).seconds
        warnings = dict.fromkeys([*self.warnings_, *(w for row in rows for w in row.warnings)])
        base = linked(self.masker_.weights @ self.background_answers_, self.link)
        interactions, interaction_errors = _matrices(rows) if self.interactions else (None, None)
        return Attribution(
            method="KernelSHAP",
            values=np.stack([row.values for row in rows]),
            standard_errors=np.stack([row.errors for row in rows]),
            base_values=np.tile(base, (len(rows), 1)),
            predictions=np.stack([row.prediction for row in rows]),
            base_errors=np.tile(self._base_errors(), (len(rows), 1)),
            fidelity=np.stack([row.fidelity for row in rows]),
            interactions=interactions,
            interaction_errors=interaction_errors,
            data=schema.to_frame(table),
            row_names=tuple(getattr(table, "index", range(len(rows)))),
            details={
                "solver": np.array([row.solver for row in rows]),
                "model_rows": np.array([row.model_rows for row in rows]),
                "background_errors": np.stack([row.background_errors for row in rows]),
                "noise": np.stack([row.noise for row in rows]),
            },
            feature_names=self.masker_.unit_names,
            output_names=self.predictor_.output_names or (),
            settings={**self._settings(), "n_background": self.masker_.n_background,
                      "scale": self.predictor_.scale},
            random_state=self.seed_,
            cost=Cost(cost.model_rows, cost.unique_rows, cost.questions, cost.calls,
                      cost.model_seconds, elapsed),
            warnings=tuple(warnings),
        )

    def _check_settings(self) -> None:
        if self.solver not in SOLVERS:
            raise ValueError(f"solver must be one of {', '.join(SOLVERS)}, got {self.solver!r}.")
        if self.link not in LINKS:
            raise ValueError(f"link must be one of {', '.join(LINKS)}, got {self.link!r}.")
        check_budget(self.budget, self.solver)
        if self.tol is not None and not (is_number(self.tol) and 0 < self.tol < 1):
            raise ValueError("tol must be a share of the range of values between 0 and 1, or None, "
                             f"got {self.tol!r}.")
        if not isinstance(self.interactions, bool | np.bool_):
            raise ValueError(f"interactions must be True or False, got {self.interactions!r}.")
        for name in ("max_background", "max_memory"):
            value = getattr(self, name)
            whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
            if not whole or value < 1:
                raise ValueError(f"{name} must be at least 1 and whole, got {value!r}.")

    def _limits(self, n_rows: int, n_parts: int) -> Limits:
        n_units, n_background = self.masker_.n_units, self.masker_.n_background
        if self.solver == "exact":
            return Limits(None if self.budget == "auto" else int(self.budget))
        if self.budget == "auto":
            return Limits((16 * n_units + 256) * n_background, self.tol)
        if isinstance(self.budget, str):
            seconds = parse_seconds(self.budget)
            assert seconds is not None
            workers = min(joblib.effective_n_jobs(self.n_jobs), n_parts)
            return Limits(most_model_rows(n_units, n_background), self.tol,
                          seconds * workers / n_rows)
        return Limits(int(self.budget), self.tol)

    def _thin(self, rows: Table) -> Table:
        n = len(rows)
        if n <= self.max_background:
            return rows
        chosen = stream(self.seed_, "background").permutation(n)[: self.max_background]
        self.warnings_ += (
            f"The background is a random sample of {self.max_background} of {n:,} rows; raise "
            "max_background or pass a TabularMasker to use more.",
        )
        return take_rows(rows, np.sort(chosen))

    def _linked_noise(self) -> np.ndarray:
        if self.link == "identity":
            return self.noise_
        return self.noise_ * self._slope()**2

    def _slope(self) -> np.ndarray:
        """Give the slope of the link at the base values."""
        mean = np.clip(self.masker_.weights @ self.background_answers_, CLIP, 1 - CLIP)
        return 1.0 / (mean * (1 - mean))

    def _base_errors(self) -> np.ndarray:
        """Standard error of the base values, sd/√B by the effective number of background rows."""
        error = mean_error(self.masker_.weights, self.background_answers_)
        return error if self.link == "identity" else error * self._slope()


def _matrices(rows: list[ShapleyRow]) -> tuple[np.ndarray, np.ndarray]:
    """Give matrices whose rows sum to the values, and their errors: (n_rows, M, M, n_outputs)."""
    values, errors = [], []
    for row in rows:
        assert row.interactions is not None
        assert row.interaction_variances is not None
        matrix, error = row.interactions / 2.0, np.sqrt(row.interaction_variances) / 2.0
        units = np.arange(len(matrix))
        matrix[units, units] = row.values - matrix.sum(axis=1)
        # The errors of a unit's interactions may go together: added up, they are an upper bound.
        error[units, units] = np.hypot(row.errors, error.sum(axis=1))
        values.append(matrix)
        errors.append(error)
    return np.stack(values), np.stack(errors)
