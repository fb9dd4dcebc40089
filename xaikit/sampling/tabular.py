"""TabularMasker: units are columns of a table; a hidden one takes the values of background rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from xaikit.kernels.masking import compose_rows
from xaikit.sampling.coalitions import unpack
from xaikit.sampling.gower import as_scaled, gower
from xaikit.sampling.maskers import row_position
from xaikit.sampling.unit_numbers import Numbered, numbered
from xaikit.settings import Either, Kind, check, is_array
from xaikit.tables.dtypes import inferred, numpy_dtype
from xaikit.tables.groups import resolve_groups
from xaikit.tables.schema import Schema, as_table, other_than_table
from xaikit.tables.tables import (
    Table,
    by_column,
    join_cells,
    join_rows,
    make_frame,
    rows_of,
    slice_rows,
)

SETTINGS = {"weights": Either(Kind(is_array, "an array of a number for each background row"), None)}
"""What settings of a tabular masker may be; see `xaikit.settings`."""


class TabularMasker:
    """Hidden columns take the values of background rows, whole and with their dtypes.

    Parameters
    ----------
    background : DataFrame or array (n_background, n_columns)
        Rows whose values replace those of hidden columns; all rows are used.
    groups : dict of name to columns, or sequence of column lists, optional
        Columns shown and hidden together (one-hot blocks, correlated sets). A column in no group is
        a unit of its own. A group's value is not the sum of its members' values.
    weights : array (n_background,), optional
        Weight of each background row, equal by default; rows of weight 0 are left out.
    feature_names : sequence of str, optional
        Names for the columns of an array.

    Attributes
    ----------
    schema : Schema
    background : table
    weights : array (n_background,)
        Summing to 1.
    units : tuple of int arrays
        Column positions of each unit.
    unit_names : tuple of str

    Raises
    ------
    ValueError
        For an empty background, weights that are negative, NaN or all 0, and groups that overlap or
        name unknown columns.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"age": [39, 50], "city": ["Ulm", "Bonn"], "zip": [89073, 53111]})
    >>> TabularMasker(people, groups={"place": ["city", "zip"]}).unit_names
    ('age', 'place')
    """

    kind = "table"

    def __init__(
        self,
        background: Any,
        groups: Any = None,
        weights: Any = None,
        *,
        feature_names: Any = None,
    ) -> None:
        check({"weights": weights}, SETTINGS)
        check_is_table(background, "as background")
        table = as_table(background)
        if len(table) == 0 or table.shape[1] == 0:
            raise ValueError(f"the background needs rows and columns, got shape {table.shape}.")
        self.schema = Schema.of(background, feature_names)
        shares = _shares(weights, len(table))
        used = np.flatnonzero(shares)
        self.weights = shares[used]
        # With its own index: a model may read it, which the probe is to see.
        self.background = rows_of(self.schema.conform(table), used)
        self.by_column = by_column(table)
        names, self.units = _units(self.schema.names, groups)
        self.unit_names = names

    @property
    def n_units(self) -> int:
        """Number of units, M."""
        return len(self.units)

    @property
    def n_background(self) -> int:
        """Number of background rows, B."""
        return len(self.background)

    def conform(self, X: Any) -> Table:
        """Return a table with the background's columns and dtypes.

        Parameters
        ----------
        X : DataFrame, array (n_rows, n_columns), or one row

        Raises
        ------
        ValueError
            If the table is empty or its columns do not fit the background's.
        """
        if len(self.schema.names) > 1:  # a text may be the row of a table of one column
            check_is_table(X, "to explain")
        table = self.schema.conform(X)
        if len(table) == 0:
            raise ValueError("the table to explain has no rows.")
        return table

    @property
    def groups(self) -> dict[str, list[str]] | None:
        """Return the units of several columns by name; None if there are none."""
        names = self.schema.names
        found = {name: [names[c] for c in unit]
                 for name, unit in zip(self.unit_names, self.units, strict=True)
                 if len(unit) > 1 or name != names[unit[0]]}
        return found or None

    def with_background(self, background: Table) -> TabularMasker:
        """Return a masker with the same units and other rows, all of the same weight."""
        return TabularMasker(self.schema.native(background), self.groups,
                             feature_names=None if self.schema.is_frame else self.schema.names)

    def doubts(self, batch: Table) -> tuple[str, ...]:
        """Return no warnings: see `Masker`."""
        return ()

    def described(self) -> dict[str, Any]:
        """Return what an explanation records of it."""
        return {"n_background": self.n_background}

    def rows(self, X: Any, *, first: int | None = None) -> TabularRows:
        """Return rows ready to be masked; with `first`, `X` is part of what `conform` returned."""
        return TabularRows(self, self.conform(X) if first is None else X)


class TabularRows:
    """Rows bound to a masker: their values pooled with the background's, and numbered.

    Attributes
    ----------
    masker : TabularMasker
    table : table (n_rows, n_columns)
    """

    def __init__(self, masker: TabularMasker, table: Table) -> None:
        self.masker = masker
        self.table = table
        background = masker.background
        self._pool: Any
        if isinstance(table, np.ndarray):
            self._pool = np.ascontiguousarray(join_rows(background, table))
        else:
            self._pool = [join_cells(background.iloc[:, c], table.iloc[:, c])
                          for c in range(table.shape[1])]
        self._unit_of_column = np.empty(table.shape[1], dtype=np.int64)
        for u, unit in enumerate(masker.units):
            self._unit_of_column[unit] = u

    @cached_property
    def _numbered(self) -> Numbered:
        # Computed when first needed: rows that are only mixed need none of it.
        return numbered(self._pool, self.masker.units, self.masker.n_background)

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, i: int) -> MaskedRow:
        return MaskedRow(self, row_position(i, len(self)))

    def compared(self, i: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return where row `i` differs from the background, and the keys of its questions.

        Returns
        -------
        differs : bool array (B, M)
            Where values differ; NaN equals NaN.
        base_keys, flip_keys : uint64 arrays (2, B), (2, M, B)
            See `maskers.Masked`.
        """
        known = self._numbered
        differs = known.background != known.rows[i]
        return differs, known.base_keys, known.background_keys ^ known.keys[:, :, i, None]

    def apart(self, i: int) -> np.ndarray:
        """Return which units are equal in all background rows, but not in row `i`: bool (M,)."""
        codes = self._numbered.background
        return (codes == codes[0]).all(axis=0) & (codes[0] != self._numbered.rows[i])

    @property
    def row_bytes(self) -> int:
        """Bytes of one composed row; text counts as the size of its pointer."""
        if isinstance(self._pool, np.ndarray):
            return int(self._pool.itemsize * self._pool.shape[1])
        return int(sum(getattr(column.dtype, "itemsize", 8) for column in self._pool))

    def compose(self, i: int, of_background: np.ndarray, masks: np.ndarray) -> Table:
        """Return the rows of questions: row `i` where units are kept, background rows elsewhere.

        Parameters
        ----------
        i : int
            The explained row.
        of_background : int array (q,)
        masks : uint64 array (q, W)

        Returns
        -------
        table (q, n_columns), new, of the background's container and dtypes
        """
        pool, here = self._pool, self.masker.n_background + i
        if isinstance(pool, np.ndarray) and pool.dtype == np.float64 and not self.masker.by_column:
            out = np.empty((len(masks), pool.shape[1]))
            compose_rows(pool, pool[here], self._unit_of_column, of_background, masks, out)
            return out
        kept = unpack(masks, self.masker.n_units)
        return self.mix([np.where(kept[:, u], here, of_background)
                         for u in range(self.masker.n_units)])

    def mix(self, sources: Sequence[np.ndarray]) -> Table:
        """Return rows whose units come from different rows.

        Parameters
        ----------
        sources : sequence of M int arrays (q,)
            For each unit, the position of the row that it is copied from. Positions count the
            background rows first, then those of the table.

        Returns
        -------
        table (q, n_columns), new, of the background's container and dtypes
        """
        pool, of_column = self._pool, [sources[u] for u in self._unit_of_column]
        if not isinstance(pool, np.ndarray):
            return make_frame([pool[c].take(source) for c, source in enumerate(of_column)],
                              self.masker.schema.columns)
        out = np.empty((len(of_column[0]), pool.shape[1]), dtype=pool.dtype,
                       order="F" if self.masker.by_column else "C")
        for c, source in enumerate(of_column):
            out[:, c] = pool[source, c]
        return out

    def distances(self, i: int, of_background: np.ndarray | None = None) -> np.ndarray:
        """Compute Gower's distance of row `i` from background rows, all by default, by unit.

        The distance of numbers and dates is their difference by the background's range, that of
        other values 0 or 1, that of several columns their mean. Two missing values have distance 0,
        a missing and a known one 1.

        Parameters
        ----------
        i : int
        of_background : int array (n,), optional

        Returns
        -------
        array (n, M)

        References
        ----------
        Gower 1971, "A general coefficient of similarity and some of its properties".
        """
        n = self.masker.n_background
        chosen = slice(n) if of_background is None else of_background
        far = np.stack([gower(scaled[chosen], scaled[n + i]) for scaled in self._scaled], axis=1)
        return np.stack([far[:, unit].mean(axis=1) for unit in self.masker.units], axis=1)

    def pooled(self, c: int) -> pd.Series:
        """Return column `c` of the background rows, followed by that of the table's rows."""
        cells = self._pool[c] if isinstance(self._pool, list) else self._pool[:, c]
        return inferred(pd.Series(cells, dtype=numpy_dtype(cells)))

    @cached_property
    def _scaled(self) -> list[np.ndarray]:
        """Columns of the pool as numbers; a difference of 1 or more counts as 1."""
        return [as_scaled(self.pooled(c), self.masker.n_background)
                for c in range(len(self._unit_of_column))]


class MaskedRow:
    """One row, its units and their replacements: all that a Game needs; see `maskers.Masked`."""

    def __init__(self, rows: TabularRows, i: int) -> None:
        self.rows, self.i = rows, i
        self.n_units = rows.masker.n_units
        self.masker, self.layout = rows.masker, None
        self.weights = rows.masker.weights
        self.row_bytes = rows.row_bytes

    @cached_property
    def _compared(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        # Computed when first needed: with ten thousand background rows it takes a while.
        return self.rows.compared(self.i)

    @property
    def differs(self) -> np.ndarray:
        """Where units differ from those of the background, bool (B, M)."""
        return self._compared[0]

    @property
    def base_keys(self) -> np.ndarray:
        """Keys of the background rows, uint64 (2, B)."""
        return self._compared[1]

    @property
    def flip_keys(self) -> np.ndarray:
        """What showing a unit adds to the keys by exclusive or, uint64 (2, M, B)."""
        return self._compared[2]

    @property
    def source(self) -> Table:
        """The row as a table of one."""
        return slice_rows(self.rows.table, self.i, self.i + 1)

    @property
    def distances(self) -> np.ndarray:
        """Gower's distances (B, M); see `TabularRows.distances`."""
        return self.rows.distances(self.i)

    def compose(self, of_background: np.ndarray, masks: np.ndarray) -> Table:
        """Return the rows of questions; see `TabularRows.compose`."""
        return self.rows.compose(self.i, of_background, masks)


def check_is_table(X: Any, role: str) -> None:
    """Raise TypeError if `X` is not a table but texts or images, which have maskers of their own.

    Parameters
    ----------
    X : anything
    role : str
        What it was passed as, in words.
    """
    other = other_than_table(X)
    if other is not None:
        masker = "TextMasker" if other == "texts" else "ImageMasker"
        raise TypeError(f"expected a table {role}, got {other}, which have no columns. Explain "
                        f"them with KernelSHAP or LIME: .fit(model, xaikit.{masker}()), then "
                        ".explain(them).")


def as_masker(background: Any, groups: Any = None, feature_names: Any = None) -> TabularMasker:
    """Return a masker unchanged; build one from a table."""
    if isinstance(background, TabularMasker):
        if groups is not None:
            raise ValueError("groups were given twice: to the explainer and to a ready masker. "
                             "Pass them to the masker alone.")
        return background
    if background is None:
        raise ValueError("a background is needed: rows whose values replace those of hidden "
                         "features. Pass the training data, or a sample of it.")
    return TabularMasker(background, groups, feature_names=feature_names)


def _units(names: tuple[str, ...], groups: Any) -> tuple[tuple[str, ...], tuple[np.ndarray, ...]]:
    units = resolve_groups(names, groups)
    return tuple(units), tuple(units.values())


def _shares(weights: Any, n: int) -> np.ndarray:
    """Return the weights of `n` background rows, summing to 1; raise ValueError for bad ones."""
    if weights is None:
        return np.full(n, 1.0 / n)
    shares = np.asarray(weights, dtype=np.float64)
    if shares.shape != (n,):
        raise ValueError(f"weights has shape {shares.shape}, expected ({n},): one for each row.")
    if not np.isfinite(shares).all() or (shares < 0).any():
        raise ValueError("background weights must be finite and not negative; "
                         "replace NaN and negative ones.")
    if shares.sum() <= 0:
        raise ValueError("the background weights are all 0; at least one must be positive.")
    return shares / shares.sum()
