"""Predictor: any model as one function, a batch of rows in, (n_rows, n_outputs) float64 out."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, Self

import numpy as np

from xaikit.predictor.answers import as_answers, names_of
from xaikit.predictor.backends import choose
from xaikit.predictor.backends.base import Options
from xaikit.predictor.backends.estimators import Estimator, Function
from xaikit.predictor.ledger import Ledger
from xaikit.predictor.memory import Memory
from xaikit.predictor.pace import Pace, ran_out_of_memory
from xaikit.predictor.probe import Findings, probe
from xaikit.tables.schema import AnySchema, Schema, schema_of
from xaikit.tables.tables import Batch, Table, copy_of, describe, is_table, slice_rows, take_rows

PAUSE = 0.5
"""Seconds before the first repetition of a failed call; each further one waits twice as long."""


class ModelError(RuntimeError):
    """The model raised an exception, or gave an answer that cannot be used."""


@dataclass(frozen=True)
class Settings:
    """What the user said of a model and how it is to be asked; `wrap` describes each."""

    output: str | None = None
    task: str | None = None
    batch_size: int | str = "auto"
    feature_names: Any = None
    outputs: Any = None
    output_names: Any = None
    inputs: Any = None
    channels: str | None = None
    retries: int = 0
    thread_safe: bool | None = None
    deduplicate: bool = False

    def __post_init__(self) -> None:
        if self.task not in (None, "classification", "regression"):
            raise ValueError(f"task must be 'classification' or 'regression', got {self.task!r}.")
        if self.batch_size != "auto" and not _is_whole(self.batch_size, 1):
            raise ValueError(f"batch_size must be a positive whole number or 'auto', "
                             f"got {self.batch_size!r}.")
        if self.channels not in (None, "first", "last"):
            raise ValueError(f"channels must be 'first' or 'last', got {self.channels!r}.")
        if not _is_whole(self.retries, 0):
            raise ValueError(f"retries must be a whole number of at least 0, got {self.retries!r}.")

    def changed(self, **given: Any) -> Settings:
        """Give a copy in which what differs from the defaults of `wrap` is replaced."""
        defaults = {f.name: f.default for f in fields(self)}
        return replace(self, **{k: v for k, v in given.items() if v is not defaults[k]})


def wrap(
    model: Any,
    *,
    output: str | None = None,
    task: str | None = None,
    batch_size: int | str = "auto",
    feature_names: Any = None,
    outputs: Any = None,
    output_names: Any = None,
    inputs: Any = None,
    channels: str | None = None,
    retries: int = 0,
    thread_safe: bool | None = None,
    deduplicate: bool = False,
) -> Predictor:
    """Wrap any model as a `Predictor`.

    Parameters
    ----------
    model : estimator, booster, network, ONNX session, callable or Predictor
        Anything with ``predict``/``predict_proba``, a torch or Keras model, a native booster, an
        ``onnxruntime.InferenceSession``, or a function of a batch. The model is neither copied nor
        changed. Of a Predictor, what is given here replaces its settings. A callable may have the
        attributes ``feature_names`` (frames reach it with their columns in this order) and
        ``output_names``, both sequences of str; a `DenseNetwork` has them.
    output : str, optional
        Which answer: ``"proba"``, ``"decision"`` or ``"prediction"`` of an estimator or booster
        (default: the first of these it has); an output's name of an ONNX session; for other
        networks your word for what they return (``"logits"``, ``"proba"``, ``"prediction"``).
    task : {"classification", "regression"}, optional
        Where it cannot be inferred.
    batch_size : int or "auto"
        Most rows a call. ``"auto"`` is 262,144, or as many as fit 64 MiB. Where the model runs out
        of memory the number is halved until it does not.
    feature_names : sequence of str, optional
        Names for the columns of arrays.
    outputs : position, name or list of them, optional
        Outputs to keep.
    output_names : sequence of str, optional
        Names for all of the model's outputs, where it has none or others.
    inputs : dict or list, optional
        Which columns go to which input of a network with several: ``{"numbers": ["age", "fare"],
        "codes": (["sex"], "int64")}``; by name for a dict, in order for a list.
    channels : {"first", "last"}, optional
        ``"first"`` hands images (n, height, width, channels) to the model as
        (n, channels, height, width). Default: as they are.
    retries : int
        How often a call that raised is repeated, after 0.5 s, 1 s, 2 s, …: for remote models.
    thread_safe : bool, optional
        False lets one thread ask at a time. Default: what is known of the kind of model.
    deduplicate : bool
        Ask equal rows once and remember their answers, for models dearer than the search for equal
        rows (some 10 µs a row). A `Game` does this by itself, and faster.

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
    given = {
        "output": output, "task": task, "batch_size": batch_size, "feature_names": feature_names,
        "outputs": outputs, "output_names": output_names, "inputs": inputs, "channels": channels,
        "retries": retries, "thread_safe": thread_safe, "deduplicate": deduplicate,
    }
    if not isinstance(model, Predictor):
        return Predictor(model, Settings(**given))
    changed = model.settings.changed(**given)
    same = all(getattr(changed, k) is getattr(model.settings, k) for k in given)
    if same:
        return model
    twin = Predictor(model.model, changed)
    if feature_names is None:
        twin.schema = model.schema
    return twin


class Predictor:
    """A model as one batched function. Made by `wrap`.

    Attributes
    ----------
    schema : Schema, Documents, Stack or None
        Names, dtypes and categories restored on every batch; known after `bind`.
    output_names : tuple of str or None
        Known from the model, or after the first answer.
    task, scale, kind : str
        What the model does, what its numbers are, and how it is called.
    settings : Settings
        What `wrap` was told.
    ledger : Ledger
        Rows, calls and seconds so far.
    findings : Findings or None
        What the probe saw; known after `bind`.
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
        self.findings: Findings | None = None
        self.ledger = Ledger()
        safe = settings.thread_safe
        self._pace = Pace(settings.batch_size, self._backend.thread_safe if safe is None else safe)
        self._memory = Memory() if settings.deduplicate else None
        self._all_names = self._backend.class_names
        self._kept: np.ndarray | None = None
        self._answered: tuple[str, ...] | None = None
        if settings.output_names is not None:
            self._rename(tuple(str(n) for n in settings.output_names))
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
        X : table, documents, images, or one row
            DataFrame (pandas, polars), array, sparse matrix or tensor (n_rows, n_columns); one row
            as Series or 1-D array; list of texts; images (n_rows, height, width[, channels]).

        Returns
        -------
        array (n_rows, n_outputs) of float64

        Raises
        ------
        ModelError
            If the model raises, or its answer is not one finite number a row and output.
        """
        schema = schema_of(X) if self.schema is None else self.schema
        return self._ask(schema, schema.conform(X))

    def ask(self, batch: Batch, *, own: bool = False) -> np.ndarray:
        """Ask about a batch that fits the schema; `own` says that the model may write into it."""
        # A call that may be repeated must find the batch as it was.
        kept = self.settings.retries == 0 and (self.findings is None or self.findings.keeps_input)
        return self._ask(self.schema, batch, own and kept)

    def ask_anew(self, batch: Batch, *, own: bool = False) -> np.ndarray:
        """Ask without remembering; with `own`, the model is handed the batch itself, no copy."""
        return self._ask_in_parts(self.schema, batch, own)

    def handed(self, X: Any) -> Any:
        """Give what the model would be handed for `X`: its container, names and dtypes."""
        schema = schema_of(X) if self.schema is None else self.schema
        return self._prepare(schema, copy_of(schema.conform(X)))

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
            answers = getattr(self._backend.model, method)(
                self._prepare(self.schema, copy_of(table)))
        except Exception as error:
            raise ModelError(f"{method} of the model failed on a {describe(table)}: "
                             f"{error}") from error
        self.ledger.add(len(table), 1, time.perf_counter() - start)
        return np.asarray(answers)

    def bind(self, X: Any) -> Self:
        """Give a copy that knows the schema of `X` and has been probed on two of its rows.

        A predictor that knows a schema already keeps it: `X` is put into that form.

        Raises
        ------
        ValueError
            If the batch is empty or does not fit the model, or the probe found a model that
            cannot be explained.
        """
        bound = self.spawn()
        if bound.schema is None:
            bound.schema = self._read_schema(X)
        batch = bound.schema.conform(X)
        if len(batch) == 0 or (is_table(batch) and np.shape(batch)[1] == 0):
            raise ValueError(f"expected a table with rows and columns, got shape "
                             f"{np.shape(batch)}.")
        bound.findings = probe(bound, batch)
        return bound

    def spawn(self) -> Self:
        """Give a copy with an empty ledger, sharing the model: workers count apart, then add up."""
        twin = copy.copy(self)
        twin.ledger = Ledger()
        return twin

    def after(self, n_steps: int, made: Callable[[Any], Any]) -> Self:
        """Give a predictor of other batches, which enter a pipeline behind its first steps.

        Outputs, pace and ledger are shared.

        Parameters
        ----------
        n_steps : int
        made : callable
            Makes of a batch what the first steps would make of the rows that it stands for.
        """
        tail = copy.copy(self._backend)
        assert isinstance(tail, Estimator)
        tail.model = tail.model[n_steps:]
        twin = copy.copy(self)
        twin._backend = Function(lambda batch: tail(made(batch)), Options())
        # Rows that stand for others are not theirs to be looked up by.
        twin.schema, twin._memory = None, None
        return twin

    def _read_schema(self, X: Any) -> AnySchema:
        names, fitted_on = self.settings.feature_names, self._backend.feature_names
        schema = schema_of(X, names)
        if names is None and fitted_on is not None and isinstance(schema, Schema) \
                and not schema.is_frame:
            return schema_of(X, fitted_on)
        return schema

    def _ask(self, schema: AnySchema | None, batch: Batch, own: bool = False) -> np.ndarray:
        if len(batch) == 0:
            raise ValueError("the table has no rows; there is nothing to ask the model.")
        ask = partial(self._ask_in_parts, schema, own=own)
        return ask(batch) if self._memory is None else self._memory.answers(batch, ask)

    def _ask_in_parts(
        self, schema: AnySchema | None, batch: Batch, own: bool = False
    ) -> np.ndarray:
        parts, start = [], 0
        while start < len(batch):
            rows = self._backend.fixed_rows or self._pace.rows(batch)
            part = slice_rows(batch, start, start + rows)
            # pandas 2 warns of writing into a part of a frame.
            whole = part is batch or isinstance(part, np.ndarray)
            answers = self._call(schema, part, own and whole)
            if answers is None:
                self._pace.halve(len(part))
                continue
            parts.append(answers)
            start += len(part)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _call(self, schema: AnySchema | None, batch: Batch, own: bool) -> np.ndarray | None:
        """Ask in one call; None says that memory ran out and fewer rows may do."""
        n = len(batch)
        start = time.perf_counter()
        try:
            raw = self._answer(schema, self._filled_up(batch), own)
            answers, names = as_answers(raw, self._backend.fixed_rows or n, n), names_of(raw)
        except Exception as error:
            if ran_out_of_memory(error) and n > 1 and self._backend.fixed_rows is None:
                return None
            raise ModelError(f"the model failed on a {describe(batch)}: {_told(error)}") from error
        self.ledger.add(n, 1, time.perf_counter() - start)
        self._check_names(answers.shape[1], names)
        if names is not None:
            answers = self._in_order(answers, names)
        return answers if self._kept is None else answers[:, self._kept]

    def _answer(self, schema: AnySchema | None, batch: Batch, own: bool) -> Any:
        """Hand the batch over, again where the call may be repeated."""
        for repeat in range(self.settings.retries + 1):
            try:
                # The model may write into what it is given: never into the caller's own batch.
                prepared = self._prepare(schema, batch if own else copy_of(batch))
                with self._pace.turn():
                    return self._backend(prepared)
            except Exception as error:
                if ran_out_of_memory(error) or repeat == self.settings.retries:
                    raise
            time.sleep(PAUSE * 2**repeat)
        raise AssertionError("the last repetition answers or raises")

    def _prepare(self, schema: AnySchema | None, batch: Batch) -> Any:
        if self.settings.channels == "first" and isinstance(batch, np.ndarray) and batch.ndim == 4:
            batch = np.ascontiguousarray(np.moveaxis(batch, -1, 1))
        prepared = self._backend.prepare(batch)
        if schema is None or schema.container not in self._backend.containers:
            return prepared
        return schema.native(prepared)

    def _filled_up(self, batch: Batch) -> Batch:
        """Repeat the last row where the model takes a fixed number of rows and no other."""
        missing = (self._backend.fixed_rows or 0) - len(batch)
        if missing <= 0:
            return batch
        return take_rows(batch, np.minimum(np.arange(len(batch) + missing), len(batch) - 1))

    def _rename(self, names: tuple[str, ...]) -> None:
        if self._all_names is not None and len(names) != len(self._all_names):
            raise ValueError(f"output_names holds {len(names)} names for the model's "
                             f"{len(self._all_names)} outputs.")
        if len(set(names)) < len(names) or not names:
            raise ValueError(f"output_names must be different names, got {list(names)}.")
        self._all_names = names

    def _check_names(self, n_outputs: int, names: tuple[str, ...] | None) -> None:
        """Learn the outputs' names from the first answer; later ones must have as many."""
        if self._all_names is None:
            self._all_names = names or (("output",) if n_outputs == 1 else tuple(
                f"output {k}" for k in range(n_outputs)))
            self._choose_outputs(n_outputs)
        elif len(self._all_names) != n_outputs:
            raise ModelError(f"the model answered with {n_outputs} outputs, where "
                             f"{len(self._all_names)} were expected "
                             f"({', '.join(self._all_names[:8])}).")

    def _in_order(self, answers: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
        """Put columns that an answer names in the order of the first answer."""
        if self._answered is None:
            self._answered = names
        if names == self._answered:
            return answers
        if sorted(names) != sorted(self._answered) or len(set(names)) < len(names):
            raise ModelError(f"the columns of the model's answers changed from "
                             f"{', '.join(self._answered[:8])} to {', '.join(names[:8])}.")
        return answers[:, [names.index(name) for name in self._answered]]

    def _choose_outputs(self, n_outputs: int) -> None:
        outputs = self.settings.outputs
        if outputs is None:
            return
        names = self._all_names or ()
        several = isinstance(outputs, list | tuple | np.ndarray)
        kept: list[int] = []
        if several and len(outputs) == 0:
            raise ValueError("outputs is empty; name at least one, or leave it out for all.")
        for choice in outputs if several else [outputs]:
            if isinstance(choice, int | np.integer) and -n_outputs <= choice < n_outputs:
                kept.append(int(choice) % n_outputs)
            elif str(choice) in names:
                kept.append(names.index(str(choice)))
            else:
                raise ValueError(f"outputs={choice!r} is not one of the model's {n_outputs}: "
                                 f"{', '.join(names)}.")
        if len(set(kept)) < len(kept):
            raise ValueError(f"outputs={outputs!r} names an output twice.")
        self._kept = np.array(kept, dtype=np.int64)

    def __repr__(self) -> str:
        names = self.output_names
        shown = "not asked yet" if names is None else ", ".join(names[:8])
        article = "an" if self.kind[0] in "aeioOX" else "a"
        return f"<Predictor of {article} {self.kind}: {shown} ({self.scale})>"


def _told(error: BaseException) -> str:
    """Say what went wrong; of exceptions whose text says little alone, with their kind."""
    plain = isinstance(error, ValueError | TypeError | RuntimeError) and str(error)
    return str(error) if plain else f"{type(error).__name__}: {error}".removesuffix(": ")


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) \
        and bool(value >= least)
