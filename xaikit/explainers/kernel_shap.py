"""Kernel SHAP: Shapley values of a model's answer, exact where that is affordable."""

from __future__ import annotations

from typing import Any

import joblib
import numpy as np

from xaikit.explainers.base import is_number
from xaikit.explainers.masked import Bound, MaskedExplainer, RowResult, padded
from xaikit.explainers.shapley_designs import Designs
from xaikit.explainers.shapley_limits import Allowance, Forecast, check_budget, parse_seconds
from xaikit.explainers.shapley_rows import ShapleySolver
from xaikit.explainers.shapley_solve import Rules
from xaikit.predictor.adapter import AUTO_BATCH, Predictor
from xaikit.predictor.tempo import seconds_per_row
from xaikit.sampling.game import MAX_MEMORY, Game
from xaikit.tables.tables import Batch, take_rows

SOLVERS = ("auto", "exact", "wls", "gp")
LINKS = ("identity", "logit")
ASSUMED_PACE = 1e-5
"""Seconds a row that a model is taken to need where the clock must not decide: 10 µs, between
boosted trees and forests."""
NOISE_ROWS = 16
"""Texts or images to measure the noise of a model on that does not repeat itself."""


class KernelSHAP(MaskedExplainer):
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
    predictor_, masker_ : Predictor, masker
    background_answers_ : array (n_background, n_outputs)
        None for texts and images, each of which has stand-ins of its own; they are probed and
        measured in `explain`.
    noise_ : array (n_outputs,)
        Variance of the model's answers to the same question: 0 if it repeats itself, else measured
        by asking about the background once more.
    seconds_per_row_ : float
        What the model took for a row of the background.
    pace_ : float
        The seconds a row that ``solver="auto"`` chooses by. Without a seed they are measured: a
        model so fast that `seconds_per_row_` is mostly the fixed cost of a call is asked 2,048
        rows more. With a seed (and no time as budget) they are taken to be 10 µs: no clock decides
        what comes out. Of a slower model, say ``solver="gp"``.

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
        batch, bound, _ = self._bind(X)
        parts = self._parts(batch)
        solver = self._solver(bound, batch, len(parts))
        found = []
        for first, part in parts:
            rows = bound.masker.rows(part, first=first)
            found += [solver.forecast(Game(bound.predictor, rows[i], bound.answers,
                                           bound.max_memory)) for i in range(len(rows))]
        model_rows = np.array([rows for rows, _ in found])
        handed = AUTO_BATCH if self.batch_size == "auto" else int(self.batch_size)
        assert bound.predictor.findings is not None
        pace = self.seconds_per_row_ if self.masker_.kind == "table" \
            else bound.predictor.findings.seconds_per_row
        return Forecast(
            model_rows, tuple(solver for _, solver in found),
            int(np.ceil(model_rows / handed).sum()), float(model_rows.sum() * pace))

    def _learn(self, predictor: Predictor, background: Batch, seconds: float) -> None:
        self.seconds_per_row_ = seconds / len(background)
        self.pace_ = ASSUMED_PACE
        if self.solver == "auto" and self._clock_decides:
            self.pace_ = seconds_per_row(predictor, background, seconds)
        self.noise_ = self._noise_of(predictor, background, self.background_answers_)

    @property
    def _clock_decides(self) -> bool:
        """Whether what comes out may hang on the clock: without a seed, or with a time to keep."""
        timed = isinstance(self.budget, str) and parse_seconds(self.budget) is not None
        return self.random_state is None or timed

    def _noise_of(
        self, predictor: Predictor, batch: Batch, answers: np.ndarray | None
    ) -> np.ndarray:
        """Measure the variance (K,) of answers to the same question; 0 if the probe saw none."""
        assert predictor.findings is not None
        if predictor.findings.repeatable:
            return np.zeros(predictor.findings.n_outputs)
        first = predictor.ask(batch, remember=False) if answers is None else answers
        return ((predictor.ask(batch, remember=False) - first)**2).mean(axis=0) / 2.0

    def _solver(self, bound: Bound, batch: Batch, n_parts: int) -> ShapleySolver:
        if self.masker_.kind == "table":
            noise, pace = self.noise_, self.pace_
        else:
            assert bound.predictor.findings is not None
            few = take_rows(batch, np.arange(min(len(batch), NOISE_ROWS)))
            noise, pace = self._noise_of(bound.predictor, few, None), ASSUMED_PACE
            if self._clock_decides:
                pace = bound.predictor.findings.seconds_per_row
        seconds = parse_seconds(self.budget) if isinstance(self.budget, str) else None
        if seconds is not None:
            seconds *= min(joblib.effective_n_jobs(self.n_jobs), n_parts) / len(batch)
        rules = Rules(self.solver, self.link, int(self.max_memory), pace, noise,
                      bool(self.interactions), Designs(self.seed_, bool(np.any(noise > 0.0))))
        return ShapleySolver(Allowance(self.budget, self.solver, self.tol, seconds), rules)

    def _more(self, rows: list[RowResult]) -> dict[str, tuple[np.ndarray, int]]:
        if not self.interactions:
            return {}
        matrices, errors = zip(*[_matrices(row) for row in rows], strict=True)
        return {"interactions": (padded(list(matrices), 2), 2),
                "interaction_errors": (padded(list(errors), 2), 2)}

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


def _matrices(row: Any) -> tuple[np.ndarray, np.ndarray]:
    """Give the matrix whose rows sum to a row's values, and its errors: (M, M, n_outputs)."""
    matrix = row.interactions / 2.0
    error = np.sqrt(row.interaction_variances) / 2.0
    units = np.arange(len(matrix))
    matrix[units, units] = row.values - matrix.sum(axis=1)
    # The errors of a unit's interactions may go together: added up, they are an upper bound.
    error[units, units] = np.hypot(row.errors, error.sum(axis=1))
    return matrix, error
