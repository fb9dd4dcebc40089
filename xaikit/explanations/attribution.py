"""Attribution: what each feature of each row contributed to each output."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from xaikit.explanations.base import LAYOUT, Explanation, left_out_words
from xaikit.explanations.choosing import (
    choose,
    resolve,
    resolve_once,
    split_key,
    warn_of_positions,
)
from xaikit.explanations.importance import Importance
from xaikit.explanations.selecting import Selecting
from xaikit.settings import check
from xaikit.tables.dtypes import inferred
from xaikit.tables.numeric import numbers_or_ranks


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Attribution(Selecting, Explanation):
    """Contributions of features to a model's answers, row by row.

    A slice selects rows, features and outputs, by position or name, and keeps all three axes:
    ``e[0]``, ``e[:, "age"]``, ``e[2:5, ["age", "sex"], ">50K"]``, ``e[..., ">50K"]``. A whole
    number is a position; `loc` takes the rows' own labels, which may be numbers too.

    Attributes
    ----------
    values : array (n_rows, n_features, n_outputs)
        Contributions, in units of the model's output (after the link).
    base_values, predictions : array (n_rows, n_outputs)
        The answer with every feature hidden, and with none hidden (after the link).
    standard_errors : array (n_rows, n_features, n_outputs)
        Error of `values` from sampling coalitions: 0 for exact values, NaN if unknown.
    base_errors : array (n_rows, n_outputs)
        Error of `base_values` from the background being a sample (sd/√B); NaN if unknown.
    fidelity : array (n_rows, n_outputs)
        How much of the model's behaviour the sum of contributions reproduces, by the method's own
        measure (R², at most 1); NaN if not measured.
    interactions : array (n_rows, n_features, n_features, n_outputs) or None
        The contributions divided among pairs: off the diagonal, half the Shapley interaction
        index of two features; on it, what a feature does by itself. Each matrix is symmetric, and
        its rows sum to `values` (the layout of shap's interaction values). A slice has no pairs
        with features that it left out.
    interaction_errors : like `interactions`, or None
        Their errors from sampling coalitions; an upper bound on the diagonal.
    data : DataFrame or None
        The explained rows, with their dtypes.
    row_names : tuple
        Labels of the rows.
    details : dict of arrays with n_rows as their first axis
        Further results of the method. A last axis as long as that of the outputs, after the first,
        is that of the outputs.
    feature_details : dict of arrays with (n_rows, n_features) as their first axes
        Further results about single features, or about single values if the third axis is that of
        outputs.
    feature_columns : tuple of tuples of int, or None
        The positions in `data` of each feature's columns, several for a group. None: every feature
        is the column of its name.
    n_left_out, left_out : arrays (n_rows,) and (n_rows, n_outputs)
        How many features slicing left out, and the sum of their contributions.
    """

    values: np.ndarray
    base_values: np.ndarray
    predictions: np.ndarray
    # __post_init__ replaces None by arrays, so that readers always find arrays.
    standard_errors: np.ndarray = field(default=None)  # type: ignore[arg-type]
    base_errors: np.ndarray = field(default=None)  # type: ignore[arg-type]
    fidelity: np.ndarray = field(default=None)  # type: ignore[arg-type]
    interactions: np.ndarray | None = None
    interaction_errors: np.ndarray | None = None
    data: pd.DataFrame | None = None
    row_names: tuple[Any, ...] = field(default=None)  # type: ignore[arg-type]
    details: dict[str, np.ndarray] = field(default_factory=dict)
    feature_details: dict[str, np.ndarray] = field(default_factory=dict)
    feature_columns: tuple[tuple[int, ...], ...] | None = None
    n_left_out: np.ndarray = field(default=None)  # type: ignore[arg-type]
    left_out: np.ndarray = field(default=None)  # type: ignore[arg-type]

    def __post_init__(self) -> None:
        self._freeze_names()
        shape = np.shape(self.values)
        if len(shape) != 3 or shape[1:] != (len(self.feature_names), len(self.output_names)):
            raise ValueError(
                f"values has shape {shape}, expected (n_rows, {len(self.feature_names)} features, "
                f"{len(self.output_names)} outputs)."
            )
        pairs = (shape[0], shape[2])
        expected = {"values": shape, "standard_errors": shape, "base_values": pairs,
                    "predictions": pairs, "base_errors": pairs, "fidelity": pairs}
        for name, wanted in expected.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, np.full(wanted, np.nan))
            self._freeze(name, wanted)
        square = (shape[0], shape[1], shape[1], shape[2])
        if (self.interactions is None) != (self.interaction_errors is None):
            raise ValueError("interactions and interaction_errors come together or not at all.")
        if self.interactions is not None:
            self._freeze("interactions", square)
            self._freeze("interaction_errors", square)
        rows = tuple(range(shape[0])) if self.row_names is None else tuple(self.row_names)
        if len(rows) != shape[0] or (self.data is not None and len(self.data) != shape[0]):
            kept = "" if self.data is None else f" and {len(self.data)} rows of data"
            raise ValueError(f"{shape[0]} rows of values do not fit {len(rows)} row names{kept}.")
        object.__setattr__(self, "row_names", rows)
        self._freeze_left_out(pairs)
        self._freeze_columns()
        self._freeze_details("details", shape[:1])
        self._freeze_details("feature_details", shape[:2])

    def _freeze_left_out(self, pairs: tuple[int, int]) -> None:
        for name, shape, dtype in (("n_left_out", pairs[:1], np.int64),
                                   ("left_out", pairs, np.float64)):
            if getattr(self, name) is None:
                object.__setattr__(self, name, np.zeros(shape, dtype))
            self._freeze(name, shape, dtype=dtype)

    def _freeze_columns(self) -> None:
        if self.feature_columns is None:
            return
        columns = tuple(tuple(map(int, own)) for own in self.feature_columns)
        object.__setattr__(self, "feature_columns", columns)
        if len(columns) != len(self.feature_names):
            raise ValueError(f"feature_columns has {len(columns)} entries, expected one for each "
                             f"of the {len(self.feature_names)} features.")
        n = np.inf if self.data is None else self.data.shape[1]
        if not all(0 <= c < n for own in columns for c in own):
            raise ValueError(f"feature_columns must hold positions of the {n} columns of data, got "
                             f"{columns}.")

    @property
    def n_rows(self) -> int:
        """Number of explained rows."""
        return self.values.shape[0]

    def __len__(self) -> int:
        return self.n_rows

    def __getitem__(self, key: Any) -> Attribution:
        keys = split_key(key, 3, "rows, features and outputs")
        warn_of_positions(self.feature_names, keys[1], "feature")
        warn_of_positions(self.output_names, keys[2], "output")
        rows = resolve(self.row_names, keys[0], "row")
        features = resolve_once(self.feature_names, keys[1], "feature")
        outputs = resolve_once(self.output_names, keys[2], "output")
        cube, pairs = np.ix_(rows, features, outputs), np.ix_(rows, outputs)
        square, of_features = np.ix_(rows, features, features, outputs), np.ix_(rows, features)
        return replace(
            self,
            values=self.values[cube],
            standard_errors=self.standard_errors[cube],
            base_values=self.base_values[pairs],
            predictions=self.predictions[pairs],
            base_errors=self.base_errors[pairs],
            fidelity=self.fidelity[pairs],
            interactions=None if self.interactions is None else self.interactions[square],
            interaction_errors=None if self.interaction_errors is None
            else self.interaction_errors[square],
            data=None if self.data is None else self.data.iloc[rows].reset_index(drop=True),
            row_names=tuple(self.row_names[i] for i in rows),
            feature_names=tuple(self.feature_names[j] for j in features),
            output_names=tuple(self.output_names[k] for k in outputs),
            details={name: self._of_outputs(array[rows], outputs)
                     for name, array in self.details.items()},
            feature_details={
                name: array[cube if array.shape[2:3] == self.values.shape[2:] else of_features]
                for name, array in self.feature_details.items()},
            feature_columns=None if self.feature_columns is None
            else tuple(self.feature_columns[j] for j in features),
            **self._left_out(rows, features, outputs), **self._of_rows(rows, features),
        )

    def _of_outputs(self, detail: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Return a detail of rows for some outputs, if its last axis is theirs."""
        theirs = detail.ndim > 1 and detail.shape[-1] == len(self.output_names)
        return detail[..., outputs] if theirs else detail

    def _left_out(self, rows: np.ndarray, features: np.ndarray, outputs: np.ndarray
                  ) -> dict[str, Any]:
        """Return the number and the sum of features that a slice leaves out, and those before."""
        gone = self.mask[rows]
        gone[:, features] = False
        values = self.values[np.ix_(rows, np.arange(len(self.feature_names)), outputs)]
        known = gone[:, :, None] & np.isfinite(values)
        return {"n_left_out": self.n_left_out[rows] + gone.sum(axis=1),
                "left_out": self.left_out[np.ix_(rows, outputs)] + values.sum(axis=1, where=known)}

    def _of_rows(self, rows: np.ndarray, features: np.ndarray) -> dict[str, Any]:
        """Return the fields of a subclass for some rows and features."""
        return {}

    def feature_data(self, feature: int | str) -> pd.Series | None:
        """Return the column of a feature; None for a group of columns, or without data."""
        j = choose(self.feature_names, feature, "feature")
        if self.data is None:
            return None
        if self.feature_columns is not None:
            # By position: a group may have the name of one of its columns.
            own = self.feature_columns[j]
            return self.data.iloc[:, own[0]] if len(own) == 1 else None
        name = self.feature_names[j]
        matches = [k for k, column in enumerate(self.data.columns) if str(column) == name]
        return self.data.iloc[:, matches[0]] if matches else None

    def gap(self) -> np.ndarray:
        """Return prediction − base value − sum of contributions, (n_rows, n_outputs).

        The sum is that of the features here: in a slice, the difference includes `left_out`.
        """
        return self.predictions - self.base_values - self.values.sum(
            axis=1, where=self.mask[:, :, None])

    @property
    def mask(self) -> np.ndarray:
        """Mask of the features of each row, (n_rows, n_features): all of them, in a table."""
        return np.ones(self.values.shape[:2], dtype=bool)

    @property
    def n_units(self) -> np.ndarray:
        """Number of features that each row has, (n_rows,)."""
        return self.mask.sum(axis=1)

    def _units_of(self, row: int) -> dict[int, str]:
        """Return the names of the features that a row has, by position."""
        return dict(enumerate(self.feature_names))

    def importance(self, confidence: float = 0.95) -> Importance:
        """Return the mean |contribution| of each feature, with intervals over rows.

        The interval treats the explained rows as a random sample of those the model will meet
        (normal approximation); the sampling error of single contributions is part of it.

        Parameters
        ----------
        confidence : float
            Of the intervals, between 0 and 1.

        Raises
        ------
        SettingError
            If `confidence` is not between 0 and 1.
        ValueError
            If there are no rows.
        """
        from scipy.special import ndtri

        check({"confidence": confidence})
        self._check_rows()
        size = np.abs(self.values)
        mean = size.mean(axis=0)
        errors = np.full(mean.shape, np.nan)
        if self.n_rows > 1:
            errors = size.std(axis=0, ddof=1) / np.sqrt(self.n_rows)
        reach = ndtri(0.5 + confidence / 2) * errors
        return Importance(
            method=f"mean |{self.method}|",
            values=mean, standard_errors=errors,
            lower=np.maximum(mean - reach, 0.0), upper=mean + reach,
            details={"signed": self.values.mean(axis=0)},
            feature_names=self.feature_names, output_names=self.output_names,
            settings={**self.settings, "confidence": confidence},
            random_state=self.random_state, cost=self.cost, warnings=self.warnings, noun=self.noun,
            n_left_out=int(self.n_left_out.max(initial=0)),
        )

    def to_frame(self, layout: str = "long") -> pd.DataFrame:
        """Return the contributions as a frame.

        Parameters
        ----------
        layout : {"long", "wide"}
            ``"long"`` has one row per contribution, with its error and the feature's value.
            ``"wide"`` has one row per explained row and output, and one column per feature.

        Raises
        ------
        SettingError
            For any other layout.
        """
        check({"layout": layout}, {"layout": LAYOUT})
        n, m, k = self.values.shape
        rows = inferred(pd.Series(list(self.row_names), dtype=object))
        if layout == "wide":
            flat = self.values.transpose(0, 2, 1).reshape(n * k, m)
            frame = pd.DataFrame(flat, columns=list(self.feature_names))
            frame.insert(0, "prediction", self.predictions.ravel(), allow_duplicates=True)
            frame.insert(0, "base_value", self.base_values.ravel(), allow_duplicates=True)
            frame.insert(0, "output", np.tile(self.output_names, n), allow_duplicates=True)
            frame.insert(0, "row", rows.repeat(k).to_numpy(), allow_duplicates=True)
            return frame
        shown = np.empty((n, m), dtype=object)
        names = np.empty((n, m), dtype=object)
        for j in range(m):
            column = self.feature_data(j)
            shown[:, j] = "" if column is None else [str(v) for v in column]
        for i in range(n):
            for j, name in self._units_of(i).items():
                names[i, j] = name
        frame = pd.DataFrame({
            "row": rows.repeat(m * k).to_numpy(),
            "feature": inferred(pd.Series(np.repeat(names.ravel(), k), dtype=object)),
            "data": inferred(pd.Series(np.repeat(shown.ravel(), k), dtype=object)),
            "output": np.tile(np.array(self.output_names, dtype=object), n * m),
            "value": self.values.ravel(),
            "standard_error": self.standard_errors.ravel(),
        })
        there = np.repeat(self.mask.ravel(), k)
        return frame if there.all() else frame[there].reset_index(drop=True)

    def _parquet(self) -> bytes:
        from xaikit.explanations.parquet import wide_frame

        return bytes(wide_frame(self).to_parquet(index=False))

    def to_shap(self) -> Any:
        """Return a ``shap.Explanation``, for shap's own plots (needs shap).

        Its values have shape (n_rows, n_features) for one output, and
        (n_rows, n_features, n_outputs) for several. Columns that are not numbers appear as level
        codes in ``data``, by which shap colours points, and as text in ``display_data``. The
        features that slicing left out are one last feature, since shap adds up all values, and
        units that a text or image does not have are 0.
        """
        import shap

        single = len(self.output_names) == 1
        numbers, shown = self._shap_data()
        values = np.where(self.mask[:, :, None], self.values, 0.0)
        names = list(self.feature_names)
        if said := left_out_words(self.n_left_out, self.noun):
            values = np.concatenate([values, self.left_out[:, None]], axis=1)
            names.append(said)
            if numbers is not None and shown is not None:
                numbers = np.column_stack([numbers, np.full(self.n_rows, np.nan)])
                shown = np.column_stack([shown, np.full(self.n_rows, "", dtype=object)])
        return shap.Explanation(
            values=np.array(values[:, :, 0] if single else values),
            base_values=np.array(self.base_values[:, 0] if single else self.base_values),
            data=numbers, display_data=shown, feature_names=names,
            output_names=None if single else list(self.output_names),
        )

    def _shap_data(self) -> tuple[np.ndarray | None, np.ndarray | None]:
        columns = [column for j in range(len(self.feature_names))
                   if (column := self.feature_data(j)) is not None]
        if self.data is None or len(columns) < len(self.feature_names):
            return None, None
        numbers = np.empty((self.n_rows, len(columns)))
        shown = np.empty((self.n_rows, len(columns)), dtype=object)
        for j, column in enumerate(columns):
            shown[:, j] = column.to_numpy(dtype=object, na_value=np.nan)
            numbers[:, j] = numbers_or_ranks(column)
        return numbers, shown

    def _summary(self) -> str:
        n, m, k = self.values.shape
        return f"{n} rows × {m} features × {k} outputs{self._and_left_out()}"

    def _check_rows(self) -> None:
        if self.n_rows == 0:
            raise ValueError("importance is a mean over rows, and this explanation has none; "
                             "select at least one.")

    def _and_left_out(self) -> str:
        said = left_out_words(self.n_left_out, self.noun)
        return f", {said}" if said else ""
