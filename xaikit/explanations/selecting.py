"""Rows by label or position, the largest features, groups of features, and differences of rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import pandas as pd

from xaikit.explanations.choosing import DIFFERENCE, check_one_unit, resolve, unknown_row
from xaikit.settings import Whole, check
from xaikit.tables.groups import resolve_groups
from xaikit.tables.wording import listed

E = TypeVar("E", bound="Selecting")


class Rows(Generic[E]):
    """Chooses rows as pandas does: `e.loc[...]` by their labels, `e.iloc[...]` by positions.

    Features and outputs may follow, by position or name, as in a plain slice.
    """

    def __init__(self, explanation: E, by_label: bool) -> None:
        self._explanation = explanation
        self._by_label = by_label

    def __getitem__(self, key: Any) -> Any:
        rows, rest = self._split(key)
        names = self._explanation.row_names
        if isinstance(rows, tuple):  # a label; pandas would take it for a key of several axes
            return self._explanation[(resolve(names, rows, "row"), *rest)]
        # pandas decides, also on slices between labels, masks and labels that occur twice.
        labels = pd.Index(names, tupleize_cols=False) if self._by_label else None
        places = pd.Series(np.arange(len(names)), index=labels)
        try:
            found = places.loc[rows] if self._by_label else places.iloc[rows]
        except KeyError as error:
            raise KeyError(unknown_row(names, rows)) from error
        return self._explanation[(np.atleast_1d(np.asarray(found)), *rest)]

    def _split(self, key: Any) -> tuple[Any, tuple[Any, ...]]:
        """Return the key of rows and those of features and outputs; labels may be tuples."""
        names = self._explanation.row_names
        whole = not isinstance(key, tuple) or (self._by_label and key in names)
        return (key, ()) if whole else (key[0], key[1:])


class Selecting:
    """What an Attribution can be cut down or summed up to."""

    row_names: tuple[Any, ...]
    feature_names: tuple[str, ...]
    output_names: tuple[str, ...]
    values: np.ndarray
    settings: dict[str, Any]
    _own_units: ClassVar[bool] = False
    """Whether each row has units of its own, as texts and images do."""

    def __getitem__(self, key: Any) -> Any:
        raise TypeError(f"{type(self).__name__} cannot be sliced.")

    @property
    def loc(self: E) -> Rows[E]:
        """Rows by their labels: ``e.loc[8669]``, ``e.loc[["a", "b"], "age"]``."""
        return Rows(self, by_label=True)

    @property
    def iloc(self: E) -> Rows[E]:
        """Rows by their positions: ``e.iloc[0]``, ``e.iloc[-1, :, ">50K"]``."""
        return Rows(self, by_label=False)

    def top(self, k: int, output: int | str | None = None) -> Any:
        """Return the explanation of the `k` features with the largest mean |contribution|.

        Parameters
        ----------
        k : int
            All features if there are fewer.
        output : int, str or None
            Position or name of one output; None looks at the largest over all classes. Name one
            of several outputs that are not known to be classes: their units may differ.

        Returns
        -------
        Attribution
            A slice: its features are in the order of the table, and it knows how many were left
            out. The largest features of one row are ``e[0].top(k)``.
        """
        check({"k": k}, {"k": Whole(1)})
        if len(self.row_names) != 1:
            self._check_own_units("compared between rows, but within one: e[0].top(k)")
        check_one_unit(self.output_names, self.settings, output)
        part = self if output is None else self[:, :, output]
        sizes = np.abs(np.where(np.isfinite(part.values), part.values, 0.0))
        largest = sizes.mean(axis=0).max(axis=-1, initial=0.0)
        return self[:, np.sort(np.argsort(-largest, kind="stable")[:k])]

    def grouped(self, groups: Any) -> Any:
        """Return the explanation with groups of features in place of their members.

        The contribution of a group is the sum of its members'. For Shapley values this is not the
        value of the group as one player (``KernelSHAP(groups=)``), which counts what its members do
        together with others differently. Errors of members are added up, an upper bound.

        Parameters
        ----------
        groups : dict of name to features, or sequence of lists of features
            Features by name or position. Features in no group stay as they are.

        Returns
        -------
        Attribution
            Without `feature_details`, which are about single features, but for LIME's conditions:
            that of a group is its members', joined by "and".

        Raises
        ------
        ValueError
            If groups overlap, name unknown features, or if features are the words of texts or
            regions of images, which differ between rows.

        Examples
        --------
        >>> from xaikit import Attribution
        >>> e = Attribution(method="exact", feature_names=("age", "city", "zip"),
        ...                 output_names=("risk",), values=[[[0.3], [0.2], [-0.1]]],
        ...                 base_values=[[0.2]], predictions=[[0.6]])
        >>> e.grouped({"place": ["city", "zip"]}).values[0, :, 0].round(3)
        array([0.3, 0.1])
        """
        self._check_own_units("grouped")
        units = resolve_groups(self.feature_names, groups)
        members = list(units.values())
        state: Any = self
        pairs = {name: None if getattr(state, name) is None
                 else _summed(_summed(getattr(state, name), members, 1), members, 2)
                 for name in ("interactions", "interaction_errors")}
        columns = _columns(state)
        conditions = state.feature_details.get("conditions")
        details = {} if conditions is None else {"conditions": np.stack(
            [_joined(conditions[:, own]) for own in units.values()], axis=1)}
        return replace(
            state, feature_names=tuple(units), feature_details=details, **pairs,
            **{name: _summed(getattr(state, name), members, 1)
               for name in ("values", "standard_errors")},
            feature_columns=None if columns is None else tuple(
                tuple(c for f in own for c in columns[f]) for own in units.values()))

    def __sub__(self, other: Any) -> Any:
        """Return how contributions, base values and predictions differ, row by row.

        ``e[0] - e[1]`` says why two rows are answered differently. Errors are added up, an upper
        bound whatever the two share; that of equal base values is 0. The fidelity is the lower one.

        Raises
        ------
        ValueError
            If the two have other features, outputs, methods or numbers of rows.
        """
        if not isinstance(other, Selecting):
            return NotImplemented
        for one in (self, other):
            one._check_own_units("subtracted")
        a: Any = self
        b: Any = other
        _check_same(a, b)
        new = {name: getattr(a, name) - getattr(b, name)
               for name in ("values", "base_values", "predictions", "left_out")}
        new["standard_errors"] = a.standard_errors + b.standard_errors
        new["base_errors"] = np.where(new["base_values"] == 0.0, 0.0, a.base_errors + b.base_errors)
        pairs = {"interactions": None, "interaction_errors": None}
        if a.interactions is not None and b.interactions is not None:
            pairs = {"interactions": a.interactions - b.interactions,
                     "interaction_errors": a.interaction_errors + b.interaction_errors}
        return replace(
            a, **new, **pairs, method=DIFFERENCE + a.method, data=None,
            details={},
            fidelity=np.minimum(a.fidelity, b.fidelity), feature_details={}, feature_columns=None,
            n_left_out=np.maximum(a.n_left_out, b.n_left_out),
            row_names=tuple(f"{m} − {n}" for m, n in zip(a.row_names, b.row_names, strict=True)),
            warnings=tuple(dict.fromkeys((*a.warnings, *b.warnings))))

    def _check_own_units(self, done: str) -> None:
        if self._own_units:
            raise ValueError(f"units of texts and regions of images cannot be {done}: each row has "
                             "its own. Add up equal words of texts first: e.by_word().")


def _columns(e: Any) -> tuple[tuple[int, ...], ...] | None:
    """Return the columns of each feature; None without data, or if they are not known."""
    if e.data is None or e.feature_columns is not None:
        return None if e.data is None else e.feature_columns
    names = [str(c) for c in e.data.columns]
    return tuple((names.index(name),) if name in names else () for name in e.feature_names)


def _summed(array: np.ndarray, members: list[np.ndarray], axis: int) -> np.ndarray:
    """Add up the members of each unit along an axis; what is not known stays in its own unit."""
    return np.stack([array.take(own, axis=axis).sum(axis=axis) for own in members], axis=axis)


def _joined(conditions: np.ndarray) -> np.ndarray:
    """Join the conditions of features (n_rows, n_features, …), with "and": (n_rows, …)."""
    joined = conditions[:, 0].astype(object)
    for other in np.moveaxis(conditions[:, 1:], 1, 0):
        joined = joined + " and " + other.astype(object)
    return joined.astype(str)


def _check_same(a: Any, b: Any) -> None:
    for what, one, two in (
        ("features", a.feature_names, b.feature_names), ("outputs", a.output_names, b.output_names),
        ("methods", a.method, b.method), ("numbers of rows", len(a.row_names), len(b.row_names)),
        ("scales", a.settings.get("scale"), b.settings.get("scale")),
    ):
        if one != two:
            shown = [listed(list(v)) if isinstance(v, Iterable) and not isinstance(v, str) else v
                     for v in (one, two)]
            raise ValueError(f"explanations with different {what} cannot be subtracted: {shown[0]} "
                             f"and {shown[1]}.")
