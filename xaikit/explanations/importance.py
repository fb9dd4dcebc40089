"""Importance: how much each feature matters to a model over a whole data set."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from xaikit.explanations.base import Explanation, resolve

_BOUNDS = ("standard_errors", "lower", "upper", "p_values")


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Importance(Explanation):
    """Importance of features, one number a feature and output.

    Slicing takes features, then outputs: ``e["age"]``, ``e[:3, "score"]``; no axis is dropped.

    Attributes
    ----------
    values : array (n_features, n_outputs)
        The method's importance, in its own units (signed for signed methods).
    standard_errors, lower, upper : array (n_features, n_outputs)
        Error and interval; NaN where unknown.
    p_values : array (n_features, n_outputs) or None
        Where the method tests a hypothesis.
    details : dict of arrays (n_features, n_outputs, …)
        Further findings, such as the absolute form of a signed importance.
    """

    values: np.ndarray
    # None where not given; __post_init__ fills them, so readers always find arrays.
    standard_errors: np.ndarray = field(default=None)  # type: ignore[arg-type]
    lower: np.ndarray = field(default=None)  # type: ignore[arg-type]
    upper: np.ndarray = field(default=None)  # type: ignore[arg-type]
    p_values: np.ndarray | None = None
    details: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._freeze_names()
        shape = (len(self.feature_names), len(self.output_names))
        self._freeze("values", shape)
        for name in _BOUNDS:
            if getattr(self, name) is None:
                if name == "p_values":
                    continue
                object.__setattr__(self, name, np.full(shape, np.nan))
            self._freeze(name, shape)
        self._freeze_details("details", shape)

    def __len__(self) -> int:
        return len(self.feature_names)

    def __getitem__(self, key: Any) -> Importance:
        keys = key if isinstance(key, tuple) else (key,)
        if len(keys) > 2:
            raise IndexError(f"at most features and outputs can be chosen; got {len(keys)} keys.")
        features = resolve(self.feature_names, keys[0], "feature")
        outputs = resolve(self.output_names, keys[1] if len(keys) > 1 else slice(None), "output")
        cells = np.ix_(features, outputs)
        bounds: dict[str, Any] = {
            name: None if getattr(self, name) is None else getattr(self, name)[cells]
            for name in _BOUNDS
        }
        return replace(
            self,
            values=self.values[cells],
            feature_names=tuple(self.feature_names[j] for j in features),
            output_names=tuple(self.output_names[k] for k in outputs),
            details={name: array[cells] for name, array in self.details.items()},
            **bounds,
        )

    def order(self, output: int | str = 0) -> np.ndarray:
        """Give feature positions, most important first by |value|; ties keep their order."""
        column = resolve(self.output_names, output, "output")[0]
        return np.argsort(-np.abs(self.values[:, column]), kind="stable")

    def ranks(self, output: int | str = 0) -> np.ndarray:
        """Give each feature's rank by |value|, 1 for the most important."""
        ranks = np.empty(len(self), dtype=np.int64)
        ranks[self.order(output)] = np.arange(1, len(self) + 1)
        return ranks

    def to_frame(self, layout: str = "long") -> pd.DataFrame:
        """Give the importances as a frame, most important first.

        Parameters
        ----------
        layout : {"long", "wide"}
            ``"long"``: one row a feature and output with interval, rank and details.
            ``"wide"``: one row a feature, one column an output.
        """
        if layout == "wide":
            frame = pd.DataFrame(self.values, columns=list(self.output_names))
            frame.insert(0, "feature", list(self.feature_names), allow_duplicates=True)
            return frame
        if layout != "long":
            raise ValueError(f"layout must be 'long' or 'wide', got {layout!r}.")
        parts = []
        for k, output in enumerate(self.output_names):
            order = self.order(k)
            columns: dict[str, Any] = {
                "feature": [self.feature_names[j] for j in order],
                "output": output,
                "rank": np.arange(1, len(order) + 1),
                "value": self.values[order, k],
            }
            for name, label in zip(_BOUNDS, ("standard_error", "lower", "upper", "p_value"),
                                   strict=True):
                array = getattr(self, name)
                if array is not None:
                    columns[label] = array[order, k]
            for name, array in self.details.items():
                if array.ndim == 2:
                    columns[name] = array[order, k]
            parts.append(pd.DataFrame(columns))
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()

    def _summary(self) -> str:
        m, k = self.values.shape
        return f"{m} features × {k} outputs"
