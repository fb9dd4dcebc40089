"""Predictor: any model as one function, a batch of rows in, (n_rows, n_outputs) float64 out."""

from __future__ import annotations

import copy
import time
from typing import Any, Self

import numpy as np
import pandas as pd

from xaikit.predictor.answers import as_answers
from xaikit.predictor.backends import Estimator, choose
from xaikit.predictor.ledger import Ledger
from xaikit.predictor.probe import Findings, probe
from xaikit.predictor.schema import Schema, Table, as_table, copy_of, take_rows

AUTO_BATCH = 2**16
"""Rows a call by default: enough to hide a call's fixed cost, small beside most models' memory."""


class ModelError(RuntimeError):
    """The model raised an exception, or gave an answer that cannot be used."""


def wrap(
    model: Any,
    *,
    output: str | None = None,
    task: str | None = None,
    batch_size: int | str = "auto",
    feature_names: Any = None,
    outputs: Any = None,
) -> Predictor:
    """Wrap any model as a `Predictor`.

    Parameters
    ----------
    model : estimator, torch module, callable or Predictor
        Anything with ``predict``/``predict_proba``, a ``torch.nn.Module``, or a function of a
        batch. The model is neither copied nor changed.
    output : str, optional
        Which answer: ``"proba"``, ``"decision"`` or ``"prediction"`` of an estimator (default: the
        first of these it has); for a torch module your word for what it returns.
    task : {"classification", "regression"}, optional
        Where it cannot be inferred.
    batch_size : int or "auto"
        Most rows a call.
    feature_names : sequence of str, optional
        Names for the columns of arrays.
    outputs : position, name or list of them, optional
        Outputs to keep.

    Returns
    -------
    Predictor

    Examples
    --------
    >>> import numpy as np
    >>> predictor = wrap(lambda X: X.sum(axis=1))
    >>> predictor(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[3.],
           [7.]])
    """
    if isinstance(model, Predictor):
        given = (output, task, feature_names, outputs)
        if batch_size != "auto" or any(v is not None for v in given):
            return wrap(model.model, output=output or model.output, task=task or model.task,
                        batch_size=model.batch_size if batch_size == "auto" else batch_size,
                        feature_names=model.feature_names if feature_names is None
                        else feature_names,
                        outputs=model.outputs if outputs is None else outputs)
        return model
    return Predictor(model, output=output, task=task, batch_size=batch_size,
                     feature_names=feature_names, outputs=outputs)


class Predictor:
    """A model as one batched function. Made by `wrap`.

    Attributes
    ----------
    schema : Schema or None
        Names, dtypes and categories restored on every batch; known after `bind`.
    output_names : tuple of str or None
        Known from the model, or after the first answer.
    task, scale, kind : str
        What the model does, what its numbers are, and how it is called.
    ledger : Ledger
        Rows, calls and seconds so far.
    findings : Findings or None
        What the probe saw; known after `bind`.
    """

    def __init__(
        self,
        model: Any,
        *,
        output: str | None,
        task: str | None,
        batch_size: int | str,
        feature_names: Any,
        outputs: Any,
    ) -> None:
        if task not in (None, "classification", "regression"):
            raise ValueError(f"task must be 'classification' or 'regression', got {task!r}.")
        whole = isinstance(batch_size, int | np.integer) and not isinstance(batch_size, bool)
        if batch_size != "auto" and (not whole or int(batch_size) < 1):
            raise ValueError(f"batch_size must be a positive whole number or 'auto', "
                             f"got {batch_size!r}.")
        self.model = model
        self.output = output
        self.batch_size = batch_size
        self.feature_names = feature_names
        self.outputs = outputs
        self._backend = choose(model, output)
        self.kind = self._backend.kind
        self.task = task or self._backend.task
        self.scale = self._backend.scale
        self.schema: Schema | None = None
        self.findings: Findings | None = None
        self.ledger = Ledger()
        self._all_names = self._backend.class_names
        self._kept: np.ndarray | None = None
        if self._all_names is not None:
            self._choose_outputs(len(self._all_names))

    @property
    def output_names(self) -> tuple[str, ...] | None:
        """Names of the outputs kept; None before they are known."""
        if self._all_names is None or self._kept is None:
            return self._all_names
        return tuple(self._all_names[k] for k in self._kept)

    def __call__(self, X: Any) -> np.ndarray:
        """Ask the model about a batch.

        Parameters
        ----------
        X : DataFrame, array (n_rows, n_columns), or one row as Series or 1-D array

        Returns
        -------
        array (n_rows, n_outputs) of float64

        Raises
        ------
        ModelError
            If the model raises, or its answer is not one finite number a row and output.
        """
        table = as_table(X) if self.schema is None else self.schema.conform(X)
        # The model may write into what it is given, so it is never given the caller's own table.
        return self.ask(copy_of(table))

    def ask(self, table: Table) -> np.ndarray:
        """Ask about a table that already fits the schema and that the model may overwrite."""
        n = len(table)
        if n == 0:
            raise ValueError("the table has no rows; there is nothing to ask the model.")
        size = AUTO_BATCH if self.batch_size == "auto" else int(self.batch_size)
        if n <= size:
            return self._call(table)
        rows = np.arange(n)
        return np.concatenate([
            self._call(take_rows(table, rows[i : i + size])) for i in range(0, n, size)
        ])

    @property
    def methods(self) -> tuple[str, ...]:
        """The answering methods of an estimator; none for other kinds of model."""
        if not isinstance(self._backend, Estimator):
            return ()
        return tuple(m for m in Estimator.METHODS.values() if hasattr(self.model_of_methods, m))

    @property
    def model_of_methods(self) -> Any:
        """The estimator itself, where a bound method of it was wrapped; else the model."""
        return getattr(self._backend, "model", self.model)

    def ask_method(self, method: str, table: Table) -> np.ndarray:
        """Ask one of `methods` as it is (class labels stay labels), counted in the ledger."""
        assert isinstance(self._backend, Estimator)
        start = time.perf_counter()
        try:
            answers = getattr(self._backend.model, method)(self._backend.prepare(table))
        except Exception as error:
            raise ModelError(f"{method} of the model failed on a table of shape {table.shape}: "
                             f"{error}") from error
        self.ledger.add(len(table), 1, time.perf_counter() - start)
        return np.asarray(answers)

    def bind(self, X: Any) -> Self:
        """Give a copy that knows the schema of `X` and has been probed on two of its rows.

        A predictor that knows a schema already keeps it: `X` is put into that form.

        Raises
        ------
        ValueError
            If the table is empty or does not fit the model, or the probe found a model that
            cannot be explained.
        """
        table = as_table(X)
        if len(table) == 0 or table.shape[1] == 0:
            raise ValueError(f"expected a table with rows and columns, got shape {table.shape}.")
        bound = self.spawn()
        if bound.schema is not None:
            bound.findings = probe(bound, bound.schema.conform(table))
            return bound
        fitted_on = self._backend.feature_names
        names = self.feature_names
        if names is None and isinstance(table, np.ndarray) and fitted_on is not None:
            names = fitted_on
        bound.schema = Schema.of(table, names)
        bound.findings = probe(bound, bound.schema.conform(table))
        return bound

    def spawn(self) -> Self:
        """Give a copy with an empty ledger, sharing the model: workers count apart, then add up."""
        twin = copy.copy(self)
        twin.ledger = Ledger()
        return twin

    def _call(self, table: Table) -> np.ndarray:
        start = time.perf_counter()
        try:
            answers = as_answers(self._backend(table), len(table))
        except Exception as error:
            dtypes = sorted({str(d) for d in table.dtypes}) if isinstance(table, pd.DataFrame) \
                else [str(table.dtype)]
            raise ModelError(
                f"the model failed on a {type(table).__name__} of shape {table.shape} "
                f"({', '.join(dtypes)}): {error}"
            ) from error
        self.ledger.add(len(table), 1, time.perf_counter() - start)
        if self._all_names is None or len(self._all_names) != answers.shape[1]:
            self._learn_names(answers.shape[1])
        return answers if self._kept is None else answers[:, self._kept]

    def _learn_names(self, n_outputs: int) -> None:
        if self._all_names is not None:
            raise ModelError(f"the model answered with {n_outputs} outputs, where "
                             f"{len(self._all_names)} were expected "
                             f"({', '.join(self._all_names[:8])}).")
        self._all_names = ("output",) if n_outputs == 1 else tuple(
            f"output {k}" for k in range(n_outputs))
        self._choose_outputs(n_outputs)

    def _choose_outputs(self, n_outputs: int) -> None:
        if self.outputs is None:
            return
        names = self._all_names or ()
        several = isinstance(self.outputs, list | tuple | np.ndarray)
        chosen = self.outputs if several else [self.outputs]
        kept = []
        for choice in chosen:
            if isinstance(choice, int | np.integer) and -n_outputs <= choice < n_outputs:
                kept.append(int(choice) % n_outputs)
            elif str(choice) in names:
                kept.append(names.index(str(choice)))
            else:
                raise ValueError(f"outputs={choice!r} is not one of the model's {n_outputs}: "
                                 f"{', '.join(names)}.")
        self._kept = np.array(kept, dtype=np.int64)

    def __repr__(self) -> str:
        names = self.output_names
        shown = "not asked yet" if names is None else ", ".join(names[:8])
        return f"<Predictor of a {self.kind}: {shown} ({self.scale})>"
