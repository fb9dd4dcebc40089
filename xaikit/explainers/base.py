"""What all explainers share: settings, seeds, workers, and the cost of what they did."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Self

import joblib
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from tqdm import tqdm

from xaikit.explanations.base import Cost, Explanation
from xaikit.predictor.adapter import Predictor
from xaikit.predictor.wrapping import wrap
from xaikit.sampling.seeds import resolve_seed

ROWS_A_TASK = 32
"""Rows a worker takes at a time: few enough to share out, enough to hide what a task costs."""


class Explainer(BaseEstimator):
    """Base of all explainers: constructors store settings, `fit` binds a model, `explain` answers.

    `fit` sets `predictor_` and `seed_`; `explain` never changes the explainer.
    """

    def _wrap(self, model: Any) -> Predictor:
        """Wrap a model with this explainer's settings about it."""
        params = self.get_params(deep=False)
        return wrap(model, outputs=params.get("outputs"),
                    batch_size=params.get("batch_size", "auto"))

    def fit(self, model: Any, background: Any = None) -> Self:
        """Bind a model.

        Parameters
        ----------
        model : estimator, torch module, callable or Predictor
        background : DataFrame or array, optional
            Where given, the model is probed on its first rows.
        """
        predictor = self._wrap(model)
        self.seed_ = resolve_seed(self.get_params(deep=False).get("random_state"))
        self.predictor_ = predictor if background is None else predictor.bind(background)
        return self

    def explain(self, X: Any) -> Explanation:
        """Explain; every method says what it takes."""
        raise TypeError(f"{type(self).__name__} cannot explain.")

    def _check_fitted(self) -> None:
        check_is_fitted(self, "predictor_", msg=(
            "this %(name)s is not fitted yet; call fit(model, background) before explain."))

    def _settings(self) -> dict[str, Any]:
        """Give the settings as plain values that JSON can hold."""
        return {key: plain(value) for key, value in self.get_params(deep=False).items()}


class Stopwatch:
    """Measures what a piece of work costs: model rows and seconds from a ledger, and the clock."""

    def __init__(self) -> None:
        self._start = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds since it was made."""
        return time.perf_counter() - self._start

    def cost(self, predictor: Predictor, *, unique: int | None = None,
             questions: int | None = None) -> Cost:
        """Give the cost so far of a predictor whose ledger began with the watch."""
        ledger = predictor.ledger
        return Cost(
            model_rows=ledger.rows,
            unique_rows=ledger.rows if unique is None else unique,
            questions=ledger.rows if questions is None else questions,
            calls=ledger.calls,
            model_seconds=ledger.seconds,
            seconds=self.seconds,
        )


def in_parallel(
    work: Callable[[Any], Any], tasks: list[Any], n_jobs: int | None, label: str
) -> Iterator[Any]:
    """Do `work` on every task and yield the results in order, with a progress bar on stderr.

    Runs through `joblib.Parallel`, so a ``joblib.parallel_config`` of the user's decides where.
    """
    results = joblib.Parallel(n_jobs=n_jobs, return_as="generator")(
        joblib.delayed(work)(task) for task in tasks
    )
    yield from tqdm(results, total=len(tasks), desc=label, delay=2.0, leave=False)


def row_slices(n_rows: int) -> list[slice]:
    """Cut rows into tasks. The cut is the same for any number of workers."""
    return [slice(i, min(i + ROWS_A_TASK, n_rows)) for i in range(0, n_rows, ROWS_A_TASK)]


def is_number(value: Any) -> bool:
    """Say whether a setting is a number; True and False are none."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def check_model_rows(budget: Any) -> None:
    """Refuse a budget that is neither a number of model rows nor "auto"."""
    whole = isinstance(budget, int | np.integer) and not isinstance(budget, bool)
    if not (isinstance(budget, str) and budget == "auto") and not (whole and int(budget) >= 1):
        raise ValueError("budget must be a positive number of model rows or 'auto', "
                         f"got {budget!r}.")


def plain(value: Any) -> Any:
    """Give a setting as a plain value: what is no number, text or list becomes its name."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return getattr(value, "__qualname__", None) or repr(value)
