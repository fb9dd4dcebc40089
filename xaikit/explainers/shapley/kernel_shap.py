"""Kernel SHAP: Shapley values of a model's answer, exact where that is affordable."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import joblib
import numpy as np

from xaikit.errors import SettingError
from xaikit.explainers.games import GameExplainer, Request, parts_of
from xaikit.explainers.shapley.designs import Designs
from xaikit.explainers.shapley.plan import Rules
from xaikit.explainers.shapley.rows import Budget, Forecast, ShapleySolver
from xaikit.predictor.adapter import Predictor
from xaikit.predictor.pace import AUTO_BATCH
from xaikit.sampling.game import Game
from xaikit.settings import MAX_MEMORY, OneOf
from xaikit.tables.tables import Batch, take_rows

NOISE_ROWS = 16
"""Texts or images to measure the noise of a model on that does not repeat itself."""


class KernelSHAP(GameExplainer):
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
        milliseconds to seconds of its own a row. Both ask background rows whole if these differ in
        so few units that it costs no more than sampling. ``"auto"``: exact for each row whose
        questions fit the budget; else the process or least squares, by the numbers of units, rows
        and outputs: the process if it should take no longer than a model of 10 µs a row takes for
        the questions. No clock decides. For a slower model choose ``solver="gp"``.
    budget : int or "auto"
        Most model rows asked per explained row (answers to the background are asked once, in
        `fit`). ``"auto"``: 16·M + 256 coalitions on every background row, or what `max_seconds`
        allows. M counts the units of the row that differ from some background row; the others
        cannot matter.
    max_seconds : float, optional
        Seconds for all rows of a call of `explain` together. What is asked then depends on the
        clock.
    tol : float, optional
        Stop asking about a row as soon as all its standard errors are at most this share of the
        range of its values, for every output; the budget is the most. Each look is at twice as
        many questions as the last, which are among them.
    {link}
        ``"logit"`` takes the log-odds of the *mean* probability over the background, which is not
        the mean of the log-odds.
    {groups, outputs}
    interactions : bool
        Compute the interaction of every two units too, from the same answers; see
        `Attribution.interactions`. Where coalitions are sampled it uses as many of them as
        `max_memory` holds (some 2,000 of the default's), and takes about a second a row.
    {max_background, batch_size, random_state, n_jobs, max_memory, verbose}

    Attributes
    ----------
    predictor_, masker_ : Predictor, masker
    background_answers_ : array (n_background, n_outputs)
        None for texts and images, each of which has replacement values of its own; they are probed
        and measured in `explain`.
    noise_ : array (n_outputs,)
        Variance of the model's answers to the same request: 0 if it repeats itself, else measured
        by asking about the background once more.
    seconds_per_row_ : float
        What the model took for a row of the background; `forecast` uses it.

    Notes
    -----
    Of the explanation, `standard_errors` are 0 for exact rows (NaN if the model does not repeat
    itself); `fidelity` is the weighted R² of the sum of values on pairs of coalitions of the same
    size, a lower bound for sampled rows; `details` hold each row's solver, model rows, and for the
    Gaussian process the noise it found (see `xaikit.solvers.odd_process.Solution`);
    `feature_details` the error of its values from the background being a sample.

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

    own_settings: ClassVar = {"solver": OneOf("auto", "exact", "wls", "gp")}

    def __init__(
        self,
        *,
        solver: str = "auto",
        budget: int | str = "auto",
        max_seconds: float | None = None,
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
        verbose: bool = True,
    ) -> None:
        self.solver = solver
        self.budget = budget
        self.max_seconds = max_seconds
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
        self.verbose = verbose

    def fit(self, model: Any, background: Any = None) -> Self:
        super().fit(model, background)
        if self.masker_.kind == "table":
            self.noise_ = noise_of(self.predictor_, self.masker_.background,
                                   self.background_answers_)
        return self

    def forecast(self, X: Any) -> Forecast:
        """Return what `explain` would ask of the model, at most, without asking it.

        Parameters
        ----------
        X : DataFrame, array (n_rows, n_columns), or one row

        Returns
        -------
        Forecast
            Of the whole budget: `tol` and `max_seconds` may stop earlier.

        Examples
        --------
        >>> X = np.eye(3)
        >>> KernelSHAP().fit(lambda X: X.prod(axis=1), X).forecast(X).model_rows
        array([9., 9., 9.])
        """
        request = self._request(X)
        solver, found, most_units = self._method(request), [], 1
        for first, part in parts_of(request.batch):
            rows = request.masker.rows(part, first=first)
            most_units = max(most_units, *(rows[i].n_units for i in range(len(rows))))
            found += [solver.forecast(Game(request.predictor, rows[i], request.answers,
                                           request.max_memory)) for i in range(len(rows))]
        model_rows = np.array([rows for rows, _ in found])
        a_call = AUTO_BATCH if self.batch_size == "auto" else int(self.batch_size)
        seconds = self.seconds_per_row_ if request.masker.kind == "table" \
            else request.predictor.findings.seconds_per_row
        # A number and its error for each unit; with interactions for each two units as well.
        n_numbers = 2 * most_units * (1 + most_units * bool(self.interactions))
        return Forecast(
            model_rows, tuple(solver for _, solver in found),
            int(np.ceil(model_rows / a_call).sum()), float(model_rows.sum() * seconds),
            8 * len(found) * n_numbers * len(request.predictor.output_names or (1,)))

    def check_settings(self) -> None:
        super().check_settings()
        if self.max_seconds is not None and self.solver == "exact":
            raise SettingError("max_seconds cannot be kept by solver='exact', whose questions are "
                             "fixed; use solver='auto', or a budget in model rows.")

    def _method(self, request: Request) -> ShapleySolver:
        noise = self.noise_ if request.masker.kind == "table" else noise_of(
            request.predictor, take_rows(
                request.batch, np.arange(min(len(request.batch), NOISE_ROWS))))
        seconds = None
        if self.max_seconds is not None:
            n_rows = len(request.batch)
            n_parts = 1 if request.games else len(parts_of(request.batch))
            seconds = self.max_seconds * min(
                joblib.effective_n_jobs(self.n_jobs), n_parts) / n_rows
        rules = Rules(self.solver, self.link, int(self.max_memory), noise, bool(self.interactions),
                      Designs(self.seed_, bool(np.any(noise > 0.0))))
        return ShapleySolver(rules, Budget(self.budget, self.tol, seconds))


def noise_of(
    predictor: Predictor, batch: Batch, answers: np.ndarray | None = None
) -> np.ndarray:
    """Measure the variance (n_outputs,) of answers to the same question; 0 if they repeat.

    Parameters
    ----------
    predictor : Predictor
        Its probe found whether it repeats itself.
    batch : batch
    answers : array, optional
        Of the batch, where they are known.
    """
    if predictor.findings.repeatable:
        return np.zeros(predictor.findings.n_outputs)
    first = predictor.ask(batch, remember=False) if answers is None else answers
    return ((predictor.ask(batch, remember=False) - first)**2).mean(axis=0) / 2.0
