"""Predictor: any model as one function, a batch of rows in, (n_rows, n_outputs) float64 out."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Self

import numpy as np

from xaikit.errors import ModelError
from xaikit.predictor.answers import as_answers, as_returned, names_of
from xaikit.predictor.backends import choose
from xaikit.predictor.backends.base import Options
from xaikit.predictor.backends.estimators import Estimator, Function
from xaikit.predictor.failures import ran_out_of_memory, words_for
from xaikit.predictor.ledger import Ledger
from xaikit.predictor.memory import Memory
from xaikit.predictor.outputs import Outputs
from xaikit.predictor.pace import Pace
from xaikit.predictor.probe import PROBED, Findings, places_to_keep, probe, sample_of
from xaikit.predictor.settings import Settings
from xaikit.tables.numeric import channels_first
from xaikit.tables.schema import AnySchema, Schema, schema_of
from xaikit.tables.tables import (
    Batch,
    Table,
    copy_of,
    describe,
    is_table,
    rows_of,
    slice_rows,
    take_rows,
)

PAUSE = 0.5
"""Seconds before the first repetition of a failed call; each further one waits twice as long."""


class Predictor:
    """A model as one batched function, made by `wrap`.

    There are three ways to ask: calling the predictor takes anything, `ask` takes a batch that fits
    the schema, and `ask_method` calls one method of an estimator as it is.

    Attributes
    ----------
    schema : Schema, Documents, Stack or None
        Names, dtypes and categories restored on every batch; known after `bind`.
    outputs : Outputs
        Names and classes of all outputs, and which of them are kept.
    output_names : tuple of str or None
        Of those kept. Known from the model, or after the first answer.
    task, scale, kind : str
        What the model does, what its numbers are, and how it is called.
    settings : Settings
        What `wrap` was told.
    ledger : Ledger
        Rows, calls and seconds so far.
    findings : Findings
        What the probe saw; there after `bind`.
    compared : int
        Rows of the largest call whose answers were compared with those to single rows.
    """

    def __init__(self, model: Any, settings: Settings) -> None:
        self.model = model
        self.settings = settings
        names = settings.feature_names
        self._backend = choose(model, Options(
            settings.output, settings.inputs,
            None if names is None else tuple(str(n) for n in names)))
        self.kind = self._backend.kind
        self.task = settings.task or self._backend.task
        self.scale = self._backend.scale
        self.schema: AnySchema | None = None
        self._findings: Findings | None = None
        self.ledger = Ledger()
        safe = settings.thread_safe
        self._pace = Pace(settings.batch_size, self._backend.thread_safe if safe is None else safe)
        self._memory = Memory() if settings.deduplicate else None
        self.outputs = Outputs(self._backend.class_names, settings.output_names, settings.outputs,
                               self._backend.output_classes)
        self._largest = 0  # rows of the largest call that went well
        self.compared = PROBED
        self._stands_for: Callable[[Any], Batch] | None = None
        self._keeps_index = False  # frames are handed over with an index that counts their rows
        # A call that may be repeated must find the batch unchanged.
        self._may_lend = settings.retries == 0

    @property
    def output_names(self) -> tuple[str, ...] | None:
        """Names of the outputs kept; None before they are known."""
        return self.outputs.names

    def __call__(self, X: Any) -> np.ndarray:
        """Ask the model about a batch.

        Parameters
        ----------
        X : table, documents, images, or one row
            DataFrame (pandas, polars), array, sparse matrix or tensor (n_rows, n_columns); one row
            as Series or 1-D array; list of texts; images (n_rows, height, width[, channels]).

        Returns
        -------
        array (n_rows, n_outputs) of float64

        Raises
        ------
        ModelError
            If the model raises, or does not return one finite number for each row and output.
        """
        asked, batch = self._conformed(X)
        return asked.ask(batch)

    def ask(self, batch: Batch, *, own: bool = False, remember: bool = True) -> np.ndarray:
        """Ask the model about a batch that fits the schema.

        Parameters
        ----------
        batch : batch of the schema
        own : bool
            Whether the model may be handed the batch itself and write to it. Otherwise it gets a
            copy, as it does if a call may be repeated or the probe saw the model write.
        remember : bool
            False asks about every row, whatever ``deduplicate`` says.

        Returns
        -------
        array (n_rows, n_outputs) of float64

        Raises
        ------
        ModelError
            As for a call of the predictor.
        """
        if len(batch) == 0:
            raise ValueError("the table has no rows; there is nothing to ask the model.")
        if remember and self._memory is not None:
            answers, n_asked = self._memory.answers(batch, partial(
                self.ask, own=own, remember=False))
            self.ledger.count(spared=len(batch) - n_asked)
            return answers
        parts, start, n_rows = [], 0, len(batch)  # a model may drop rows of what it is lent
        while start < n_rows:
            rows = self._backend.fixed_rows or self._pace.rows(batch, self._largest)
            part = slice_rows(batch, start, start + rows)
            # pandas 2 warns about writing to a part of a frame.
            whole, n_asked = part is batch or isinstance(part, np.ndarray), len(part)
            few = self._few_of(part)
            answered = self._call(part, own and whole and self._may_lend)
            if answered is not None:
                parts.append(answered)
                start += n_asked
                self._largest = max(self._largest, n_asked)
                self._keep_few(few, answered, n_asked)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def ask_method(self, method: str, table: Table) -> np.ndarray:
        """Ask one of `methods` and return its answer as it is: class labels stay labels.

        Raises
        ------
        ModelError
            If the model raises, or does not return one answer for each row.
        """
        if method not in self.methods:
            raise ValueError(f"method must be one of {', '.join(self.methods) or 'none'} for "
                             f"{self!r}, got {method!r}.")
        start, few = time.perf_counter(), self._few_of(table)
        try:
            prepared = self._prepare(self._copy_of(table))
            with self._pace.turn():
                raw = getattr(self.model_of_methods, method)(prepared)
            answers = as_returned(raw, len(table), prepared)
            names = names_of(raw)
        except (Exception, SystemExit) as error:
            raise ModelError(f"{method} of the model failed on a {describe(table)}: "
                             f"{words_for(error, table)}") from error
        self.ledger.count(len(table), 1, time.perf_counter() - start)
        ordered = None if method == "predict" else self.outputs.by_name(answers, names)
        answers = answers if ordered is None else ordered
        self._keep_few(few, answers, len(answers), method)
        return answers

    def handed(self, X: Any) -> Any:
        """Return what the model would be handed for `X`: its container, names and dtypes."""
        asked, batch = self._conformed(X)
        return asked._prepare(copy_of(batch))

    @property
    def findings(self) -> Findings:
        """What the probe saw.

        Raises
        ------
        AttributeError
            Before `bind`, which probes.
        """
        if self._findings is None:
            raise AttributeError("the predictor has not been probed: bind it to some rows first, "
                                 "bound = predictor.bind(X).")
        return self._findings

    @property
    def columns(self) -> Schema:
        """The schema of a table.

        Raises
        ------
        TypeError
            If the predictor is bound to documents or images, which have no columns.
        """
        if not isinstance(self.schema, Schema):
            bound_to = "nothing" if self.schema is None else self.schema.container
            raise TypeError(f"expected a table with columns; the model is bound to {bound_to}.")
        return self.schema

    @property
    def methods(self) -> tuple[str, ...]:
        """The answering methods of an estimator; none for other kinds of model."""
        return self._backend.methods if isinstance(self._backend, Estimator) else ()

    @property
    def ranks(self) -> bool:
        """Whether the model learned to order rows, and its task was not set."""
        return self._backend.ranks and self.settings.task is None

    @property
    def model_of_methods(self) -> Any:
        """The estimator itself if one of its bound methods was wrapped, else the model."""
        return getattr(self._backend, "model", self.model)

    def bind(self, X: Any) -> Self:
        """Return a copy that knows the schema of `X` and was probed on a few of its rows.

        A predictor that knows a schema already keeps it, and `X` is put into that form.

        Raises
        ------
        ValueError
            If the batch is empty or does not fit the model.
        ProbeError
            If the model cannot be explained.
        ModelError
            If the model fails on the rows.
        """
        bound = self.spawn()
        bound.schema = self.schema_for(X)
        batch = bound.schema.conform(X)
        if len(batch) == 0 or (is_table(batch) and np.shape(batch)[1] == 0):
            raise ValueError(f"expected a table with rows and columns, got shape "
                             f"{np.shape(batch)}.")
        # The probe looks whether the model writes to its batch, and whether it reads its index.
        bound._may_lend = bound._keeps_index = True
        bound._findings = probe(bound, batch)
        bound._keeps_index, bound.compared = bound._findings.reads_index, PROBED
        bound._may_lend = bound._findings.keeps_input and self.settings.retries == 0
        return bound

    def spawn(self) -> Self:
        """Return a copy that shares the model and counts apart, in an empty ledger."""
        # Calls grow anew: their sizes must not depend on which worker asked what before.
        return self._twin(ledger=Ledger(), outputs=copy.copy(self.outputs), _largest=0)

    def after(self, n_steps: int, made: Callable[[Any], Any],
              stands_for: Callable[[Any], Batch]) -> Self:
        """Return a predictor of batches that enter a pipeline after its first steps.

        It shares outputs, pace and ledger with this one.

        Parameters
        ----------
        n_steps : int
        made : callable
            Turns a batch into what the first steps would make of the rows that it stands for.
        stands_for : callable
            Turns a batch into these rows.
        """
        tail = copy.copy(self._backend)
        assert isinstance(tail, Estimator)
        tail.model = tail.model[n_steps:]
        # Nothing is remembered: such a batch is not the rows that it stands for.
        return self._twin(_backend=Function(lambda batch: tail(made(batch)), Options()),
                          schema=None, _memory=None, _stands_for=stands_for)

    def _twin(self, **changed: Any) -> Self:
        twin = object.__new__(type(self))
        vars(twin).update(vars(self) | changed)
        return twin

    def __getstate__(self) -> dict[str, Any]:
        # A copy in another process counts from nothing what happens there.
        return vars(self) | {"ledger": Ledger()}

    def _conformed(self, X: Any) -> tuple[Self, Batch]:
        """Return `X` as a batch, and this predictor or a twin that knows the batch's schema."""
        if self.schema is not None:
            return self, self.schema.conform(X)
        schema = schema_of(X)
        return self._twin(schema=schema), schema.conform(X)

    def schema_for(self, X: Any) -> AnySchema:
        """Return the schema that `bind` gives, without asking the model."""
        if self.schema is not None:
            return self.schema
        names, fitted_on = self.settings.feature_names, self._backend.feature_names
        schema = schema_of(X, names)
        unnamed = names is None and isinstance(schema, Schema) and not schema.is_frame
        return schema_of(X, fitted_on) if unnamed and fitted_on is not None else schema

    def _call(self, batch: Batch, own: bool) -> np.ndarray | None:
        """Ask in one call; None means that memory ran out and fewer rows may do."""
        start, filled = time.perf_counter(), self._filled_up(batch)
        n_filled, n_rows = len(filled), len(batch)  # before the model may drop some of them
        for repeat in range(self.settings.retries + 1):
            try:
                # The model may write to what it is handed: never to the caller's own batch.
                prepared = self._prepare(filled if own else self._copy_of(filled))
                with self._pace.turn():
                    raw = self._backend(prepared)
                break
            except (Exception, SystemExit) as error:  # the model must not end the program
                if repeat == self.settings.retries or ran_out_of_memory(error):
                    self._failed(batch, error)
                    return None
            time.sleep(PAUSE * 2**repeat)
        try:
            answers = as_answers(raw, n_filled, n_rows, prepared)
            names = names_of(raw)
        except Exception as error:
            self._failed(batch, error)
            return None
        self.ledger.count(n_rows, 1, time.perf_counter() - start)
        return self.outputs.of(answers, names)

    def _failed(self, batch: Batch, error: BaseException) -> None:
        """Ask about fewer rows from now on if memory ran out, else raise a ModelError."""
        if len(batch) == 1 or self._backend.fixed_rows is not None or not ran_out_of_memory(error):
            raise ModelError(f"the model failed on a {describe(batch)}: "
                             f"{words_for(error, batch)}") from error
        self._pace.halve(len(batch))

    def rows_of(self, batch: Batch, rows: np.ndarray) -> Batch:
        """Return rows of a batch to ask about: a frame with their own index if the model reads it.

        Otherwise the index counts them, as nothing then depends on it.
        """
        return rows_of(batch, rows) if self._keeps_index else take_rows(batch, rows)

    def _few_of(self, batch: Batch) -> tuple[np.ndarray, Batch] | None:
        """Return places and rows of a call, if it is the largest since those compared."""
        kept = self.ledger.sample
        if self._findings is None or len(batch) <= self.compared or (
                kept is not None and (len(batch), True) <= kept.rank):
            return None
        places = places_to_keep(batch)
        few = self.rows_of(batch, places)
        return places, few if self._stands_for is None else self._stands_for(few)

    def _keep_few(self, few: tuple[np.ndarray, Batch] | None, answers: np.ndarray, n_rows: int,
                  method: str | None = None) -> None:
        """Keep a few rows of a call and the answers to them in it."""
        if few is not None:
            places, rows = few
            self.ledger.keep(sample_of(rows, answers[places], n_rows, method))

    def _copy_of(self, batch: Batch) -> Batch:
        return copy_of(batch, keep_index=self._keeps_index)

    def _prepare(self, batch: Batch) -> Any:
        if self.settings.channels == "first" and isinstance(batch, np.ndarray) and batch.ndim == 4:
            batch = channels_first(batch)
        prepared = self._backend.prepare(batch)
        if self.schema is not None and self.schema.container in self._backend.containers:
            return self.schema.native(prepared)
        return prepared

    def _filled_up(self, batch: Batch) -> Batch:
        """Repeat the last row if the model takes a fixed number of rows and no other."""
        missing = (self._backend.fixed_rows or 0) - len(batch)
        if missing <= 0:
            return batch
        return take_rows(batch, np.minimum(np.arange(len(batch) + missing), len(batch) - 1))

    def __repr__(self) -> str:
        names = self.output_names
        shown = "not asked yet" if names is None else ", ".join(names[:8])
        article = "an" if self.kind[0] in "aeioOX" else "a"
        return f"<Predictor of {article} {self.kind}: {shown} ({self.scale})>"
