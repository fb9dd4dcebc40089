"""What the adapter needs to know about a kind of model, and what the kinds share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd

from xaikit.tables.tables import Batch


@dataclass(frozen=True)
class Options:
    """What the user said about the model.

    Attributes
    ----------
    output : str or None
        Which answer to ask for, or what the answer is.
    inputs : mapping, sequence or None
        Which columns go to which input of a model with several; see `inputs.Split`.
    feature_names : tuple of str or None
        Names for the columns of arrays.
    """

    output: str | None = None
    inputs: Any = None
    feature_names: tuple[str, ...] | None = None


class Backend:
    """How a kind of model is called: `prepare` builds what it is handed, and a call asks it.

    A new kind is one class with `accepts`, `__init__`, `prepare` and `__call__`, entered in
    `backends.BACKENDS` before more general ones. Frameworks are looked up in ``sys.modules`` and
    never imported: a model of a framework that was not imported cannot exist.
    """

    kind: ClassVar[str] = "model"
    """Name in messages and reports."""
    containers: tuple[str, ...] = ()
    """Containers of the user (of `containers.CONTAINERS`) that the model is handed unchanged."""
    takes_inputs: ClassVar[bool] = False
    """Whether ``inputs=`` has a use."""
    task: str | None = None
    """``"classification"``, ``"regression"``, or None if it cannot be known."""
    ranks: bool = False
    """Whether the model learned to order rows, so that its scores are no labels."""
    scale: str = "output"
    """What the numbers are: ``"proba"``, ``"decision"``, ``"logits"``, ``"prediction"``, …"""
    feature_names: tuple[Any, ...] | None = None
    """Column labels that the model was fitted with, if it remembers them."""
    class_names: tuple[str, ...] | None = None
    """Names of the outputs, if the model knows them."""
    output_classes: tuple[Any, ...] | None = None
    """The class that each output is of, if there is one an output and the model knows it."""
    thread_safe: bool = True
    """Whether several threads may call it at once."""
    fixed_rows: int | None = None
    """Rows of every call, if the model can take no other number."""

    @classmethod
    def accepts(cls, model: Any) -> bool:
        """Return whether `model` is of this kind."""
        raise NotImplementedError

    def __init__(self, model: Any, options: Options) -> None:
        raise NotImplementedError

    def prepare(self, batch: Batch) -> Any:
        """Build what the model is handed. The caller has no more use for `batch`: it may change."""
        return batch

    def __call__(self, prepared: Any) -> Any:
        """Ask the model; return any answer that `answers.as_answers` understands."""
        raise NotImplementedError


def check_columns(
    batch: pd.DataFrame, names: tuple[Any, ...], spell: Callable[[Any], Any] = lambda label: label
) -> pd.DataFrame:
    """Return the columns that a model was fitted on, in its order.

    `spell` writes a label of the batch as the model's library does.

    Raises
    ------
    ValueError
        If columns are missing, unknown to the model or repeated.
    """
    own = [spell(c) for c in batch.columns]
    if own == list(names):
        return batch
    missing = [str(n) for n in names if n not in own]
    extra = [str(c) for c in own if c not in names]
    if missing or extra or len(own) != len(names):
        raise ValueError(
            "the model was fitted on other columns"
            + (f"; missing: {', '.join(missing)}" if missing else "")
            + (f"; not known to it: {', '.join(extra)}" if extra else "") + "."
        )
    return batch.iloc[:, [own.index(n) for n in names]]


def check_width(batch: Batch, width: int) -> None:
    """Raise ValueError unless the table has as many columns as the model was fitted on."""
    if batch.shape[1] != width:
        raise ValueError(f"the model was fitted on {width} columns, got {batch.shape[1]}.")
