"""Importance: how much each feature matters to a model over a whole data set."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from xaikit.explanations.base import LAYOUT, Explanation, left_out_words
from xaikit.explanations.choosing import (
    check_output_named,
    choose_output,
    resolve_once,
    split_key,
    warn_of_positions,
)
from xaikit.settings import Whole, check

_BOUNDS = ("standard_errors", "lower", "upper", "p_values")


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Importance(Explanation):
    """Importance of features, one number per feature and output.

    A slice selects features, then outputs, and keeps both axes: ``e["age"]``, ``e[:3, "score"]``.

    Attributes
    ----------
    values : array (n_features, n_outputs)
        The importance in the method's own units (signed for signed methods).
    standard_errors, lower, upper : array (n_features, n_outputs)
        Error and interval; NaN if unknown.
    p_values : array (n_features, n_outputs) or None
        For a method that tests a hypothesis.
    details : dict of arrays (n_features, n_outputs, …)
        Further results, such as the absolute form of a signed importance.
    n_left_out : int
        How many features slicing left out; the most of a text or image.
    """

    values: np.ndarray
    # __post_init__ replaces None by arrays, so that readers always find arrays.
    standard_errors: np.ndarray = field(default=None)  # type: ignore[arg-type]
    lower: np.ndarray = field(default=None)  # type: ignore[arg-type]
    upper: np.ndarray = field(default=None)  # type: ignore[arg-type]
    p_values: np.ndarray | None = None
    details: dict[str, np.ndarray] = field(default_factory=dict)
    n_left_out: int = 0

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
        keys = split_key(key, 2, "features and outputs")
        warn_of_positions(self.feature_names, keys[0], "feature")
        warn_of_positions(self.output_names, keys[1], "output")
        features = resolve_once(self.feature_names, keys[0], "feature")
        outputs = resolve_once(self.output_names, keys[1], "output")
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
            n_left_out=self.n_left_out + len(self) - len(features),
            **bounds,
        )

    def order(self, output: int | str | None = None) -> np.ndarray:
        """Return feature positions, largest |value| first; ties keep their order.

        Parameters
        ----------
        output : int, str or None
            Position or name of one output. None takes the only one, or the second of two (the
            positive class of a classifier); with more, name one. A plot of one row of a classifier
            takes the largest there. Several targets or scores have no default.
        """
        check_output_named(self.output_names, self.settings, output)
        column = choose_output(self.output_names, output)
        return np.argsort(-np.abs(self.values[:, column]), kind="stable")

    def top(self, k: int, output: int | str | None = None) -> Importance:
        """Return the `k` features that matter most, the most important first.

        Parameters
        ----------
        k : int
            All features if there are fewer.
        output : int, str or None
            As for `order`.
        """
        check({"k": k}, {"k": Whole(1)})
        return self[self.order(output)[:k]]

    def ranks(self, output: int | str | None = None) -> np.ndarray:
        """Return each feature's rank by |value|, 1 for the largest.

        Parameters
        ----------
        output : int, str or None
            As for `order`.
        """
        ranks = np.empty(len(self), dtype=np.int64)
        ranks[self.order(output)] = np.arange(1, len(self) + 1)
        return ranks

    def to_frame(self, layout: str = "long") -> pd.DataFrame:
        """Return the importances as a frame.

        Parameters
        ----------
        layout : {"long", "wide"}
            ``"long"`` has one row per feature and output, with interval, rank and details, the
            most important first. ``"wide"`` has one row per feature and one column per output.

        Raises
        ------
        SettingError
            For any other layout.
        """
        check({"layout": layout}, {"layout": LAYOUT})
        if layout == "wide":
            frame = pd.DataFrame(self.values, columns=list(self.output_names))
            frame.insert(0, "feature", list(self.feature_names), allow_duplicates=True)
            return frame
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
        left_out = left_out_words(np.array([self.n_left_out]), self.noun)
        return f"{m} features × {k} outputs" + (f", {left_out}" if left_out else "")
