"""Functions that know the names of their columns or outputs, such as a `DenseNetwork`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from xaikit.predictor.attributes import attribute
from xaikit.predictor.backends.base import Options, check_columns, check_width
from xaikit.predictor.backends.boosters import names_unless
from xaikit.predictor.backends.estimators import Function
from xaikit.tables.tables import Batch, is_table


class NamedFunction(Function):
    """A callable with the attributes ``feature_names`` or ``output_names``, sequences of names.

    It is called like any function, but with the columns of a frame in the order of its
    ``feature_names``. The names ``x0``, ``x1``, … stand for inputs without names: the columns are
    then left as they are, and only their number is checked.
    """

    @classmethod
    def accepts(cls, model: Any) -> bool:
        """Return whether `model` is a callable that names its columns or outputs."""
        named = _names(model, "feature_names") or _names(model, "output_names")
        return named is not None and super().accepts(model)

    def __init__(self, model: Any, options: Options) -> None:
        super().__init__(model, options)
        names = _names(model, "feature_names")
        self.n_columns = None if names is None else len(names)
        self.feature_names = names_unless(names or (), "x")
        self.class_names = _names(model, "output_names")

    def prepare(self, batch: Batch) -> Batch:
        """Put the columns of a frame in the callable's order; check the width of a table."""
        if self.n_columns is None or not is_table(batch):
            return batch
        if self.feature_names is not None and isinstance(batch, pd.DataFrame):
            return check_columns(batch, self.feature_names, str)
        check_width(batch, self.n_columns)
        return batch


def _names(model: Any, name: str) -> tuple[str, ...] | None:
    """Return a callable's names as text; None if the attribute is no sequence of names."""
    names = attribute(model, name)
    if not isinstance(names, list | tuple | np.ndarray | pd.Index) or len(names) == 0:
        return None
    return tuple(str(own) for own in names)
