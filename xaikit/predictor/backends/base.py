"""What the adapter needs to know of a kind of model, and what the kinds share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd

from xaikit.tables.tables import Batch


@dataclass(frozen=True)
class Options:
    """What the user said of the model.

    Attributes
    ----------
    output : str or None
        Which answer is meant, or what it is.
    inputs : mapping, sequence or None
        Which columns go to which input of a model with several; see `inputs.Split`.
    feature_names : tuple of str or None
        Names for the columns of arrays.
    """

    output: str | None = None
    inputs: Any = None
    feature_names: tuple[str, ...] | None = None


class Backend:
    """How a kind of model is called: `prepare` makes what it is handed, calling it answers.

    A new kind is one class with `accepts`, `__init__`, `prepare` and `__call__`, entered in
    `backends.BACKENDS` before the more general ones. A framework is looked up in ``sys.modules``
    and never imported: a model of a framework that was not imported cannot exist.
    """

    kind: ClassVar[str] = "model"
    """How messages and reports name it."""
    containers: tuple[str, ...] = ()
    """Containers that it is handed as the user's own (of `containers.CONTAINERS`)."""
    takes_inputs: ClassVar[bool] = False
    """Whether ``inputs=`` can be given."""
    task: str | None = None
    """``"classification"``, ``"regression"`` or None where it cannot be known."""
    scale: str = "output"
    """What the numbers are: ``"proba"``, ``"decision"``, ``"logits"``, ``"prediction"``, …"""
    feature_names: tuple[Any, ...] | None = None
    """Column labels the model was fitted with, where it remembers them."""
    class_names: tuple[str, ...] | None = None
    """Names of the outputs, where the model knows them."""
    thread_safe: bool = True
    """Whether several threads may ask it at once."""
    fixed_rows: int | None = None
    """Rows of every call, where the model can take no other number."""

    @classmethod
    def accepts(cls, model: Any) -> bool:
        """Say whether `model` is of this kind."""
        raise NotImplementedError

    def __init__(self, model: Any, options: Options) -> None:
        raise NotImplementedError

    def prepare(self, batch: Batch) -> Any:
        """Make what the model is handed; `batch` is the caller's to give and may be changed."""
        return batch

    def __call__(self, prepared: Any) -> Any:
        """Ask the model; any answer that `answers.as_answers` understands."""
        raise NotImplementedError


def check_columns(
    batch: pd.DataFrame, names: tuple[Any, ...], spell: Callable[[Any], Any] = lambda label: label
) -> pd.DataFrame:
    """Give the columns a model was fitted on, in its order, or say which are missing or extra.

    `spell` writes a label of the batch as the model's library does.
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
    """Refuse a table of another width than the model was fitted on."""
    if batch.shape[1] != width:
        raise ValueError(f"the model was fitted on {width} columns, got {batch.shape[1]}.")
