"""TableQuestions: a model asked about a table with some columns changed, in bounded memory."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
import pandas as pd

from xaikit.predictor.adapter import Predictor
from xaikit.predictor.ledger import Ledger
from xaikit.predictor.probe import differs_alone
from xaikit.sampling.tabular import check_is_table
from xaikit.settings import MAX_MEMORY
from xaikit.tables.casting import cast_column, cast_numbers
from xaikit.tables.dtypes import is_number_dtype, is_object_dtype, numpy_dtype, same_dtype
from xaikit.tables.groups import resolve_groups
from xaikit.tables.numbering import number_rows, number_values
from xaikit.tables.tables import replace_columns

_COPIES = 4
"""Copies of a row held while it is asked: taken, changed, prepared for the model, the model's."""
_LEAST_ROWS = 64
"""Rows in a batch however little memory is allowed: below it the fixed cost of a call rules."""


class TableQuestions:
    """A table, and questions about its rows with some of their columns changed.

    Three verbs serve the methods that average over a table: `base` asks about the rows as they are,
    `replaced` about rows with new cells in some columns, `borrowed` about rows that take some
    columns from other rows. Answers come in the order of the questions, whatever the batches.

    Parameters
    ----------
    predictor : Predictor
        Bound to the table, and probed on a few of its rows.
    X : DataFrame or array (n_rows, n_columns)
    groups : dict of name to columns, optional
        Columns that form one unit.
    max_memory : int
        Bytes of the batches that are built; the answers and the model's own memory come on top.

    Attributes
    ----------
    predictor : Predictor
        Its ledger counts what these questions cost, the probe included.
    table : table (n_rows, n_columns)
    units : tuple of int arrays
        Column positions of each unit.
    unit_names, column_names : tuples of str

    Raises
    ------
    ValueError
        If the table is empty or does not fit the model, or the groups do not fit the table.
    ModelError
        If the model fails.

    Examples
    --------
    The mean answer with 0 and with 10 in the first column of every row (partial dependence):

    >>> import xaikit as xk
    >>> X = np.array([[1.0, 3.0], [2.0, 5.0]])
    >>> questions = TableQuestions(xk.wrap(lambda X: X.sum(axis=1)), X)
    >>> [float(questions.replaced({0: np.array([value])}).mean()) for value in (0.0, 10.0)]
    [4.0, 14.0]
    >>> questions.borrowed([1], rows=np.array([0, 0]), donors=np.array([0, 1])).ravel()
    array([4., 6.])
    """

    def __init__(
        self, predictor: Predictor, X: Any, groups: Any = None, max_memory: int = MAX_MEMORY
    ) -> None:
        check_is_table(X, "whose columns are changed")
        self.predictor = predictor.bind(X)
        schema = self.predictor.columns
        self.table = schema.conform(X)
        units = resolve_groups(schema.names, groups)
        self.unit_names, self.units = tuple(units), tuple(units.values())
        self.column_names = schema.names
        self._batch_rows = max(_LEAST_ROWS, int(max_memory) // (_COPIES * 8 * len(schema.names)))
        self._known: dict[str | None, np.ndarray] = {}
        self._codes: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self.table)

    @property
    def ledger(self) -> Ledger:
        """The ledger of these questions."""
        return self.predictor.ledger

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the model's outputs."""
        return self.predictor.output_names or ()

    def spawn(self) -> Self:
        """Return a copy for a worker: an empty ledger, and the base answers known so far."""
        own = copy.copy(self)
        own.predictor, own._known = self.predictor.spawn(), dict(self._known)
        return own

    def doubts(self, ledger: Ledger) -> tuple[str, ...]:
        """Return the warnings of the probe, and one if large calls were answered otherwise.

        Parameters
        ----------
        ledger : Ledger
            Of all the work; three rows more may be asked and counted there.
        """
        return (*self.predictor.findings.warnings, *differs_alone(self.predictor, ledger))

    def base(self, method: str | None = None) -> np.ndarray:
        """Return the answers to the table as it is, asked at the first call and kept.

        Parameters
        ----------
        method : str, optional
            Ask this method of an estimator, as `Predictor.ask_method` does, instead of the
            predictor.

        Returns
        -------
        array (n_rows, n_outputs)
            With `method`, what it returns for all rows.
        """
        if method not in self._known:
            self._known[method] = self._asked(np.arange(len(self)), lambda part: {}, method)
        return self._known[method]

    def replaced(
        self, cells: Mapping[int, Any], rows: np.ndarray | None = None
    ) -> np.ndarray:
        """Return the answers to rows with new cells in some columns. Each question is asked.

        Parameters
        ----------
        cells : mapping of column position to array (n_asked,) or (1,)
            New cells in the column's dtype or one that it can hold. A single one is for all rows.
        rows : int array (n_asked,), optional
            Positions of the rows, repeated as needed. By default every row, once.

        Returns
        -------
        array (n_asked, n_outputs)

        Raises
        ------
        ValueError
            If a column cannot hold its new cells without a change of dtype.
        """
        rows = np.arange(len(self)) if rows is None else rows
        held = {int(c): self._held(int(c), new, len(rows)) for c, new in cells.items()}
        return self._asked(rows, lambda part: {c: new[part] for c, new in held.items()}, None)

    def borrowed(
        self, columns: Any, rows: np.ndarray, donors: np.ndarray, method: str | None = None
    ) -> np.ndarray:
        """Return the answers to rows whose `columns` hold the cells of other rows.

        Equal questions are asked once, and those equal to a row as it is are answered from `base`;
        the ledger counts them as spared.

        Parameters
        ----------
        columns : sequence of int
            Column positions, such as one of `units`.
        rows, donors : int arrays (n_asked,)
            Positions of the rows, and of the rows that lend them their cells.
        method : str, optional
            See `base`.

        Returns
        -------
        array (n_asked, n_outputs)
            With `method`, what it returns for the rows.
        """
        codes = self._numbered(columns)
        changed = codes[rows] != codes[donors]
        keys = rows[changed] * (codes.max() + 1) + codes[donors[changed]]
        _, first, which = np.unique(keys, return_index=True, return_inverse=True)
        self.ledger.count(spared=len(rows) - len(first))
        if len(first) == 0:
            return self.base(method)[rows]
        lenders = donors[changed][first]
        asked = self._asked(rows[changed][first], lambda part: {
            int(c): self._cells(int(c), lenders[part]) for c in columns}, method)
        if changed.all():
            return asked[which]
        base = self.base(method)
        # Labels may be longer text than those of the base, or another kind of number.
        answers = base[rows].astype(np.result_type(base, asked), copy=False)
        answers[changed] = asked[which]
        return answers

    def _asked(
        self, rows: np.ndarray, cells_of: Callable[[slice], dict[int, Any]], method: str | None
    ) -> np.ndarray:
        """Ask about rows in batches; `cells_of` returns the new cells of a part of them."""
        answers = []
        for first in range(0, len(rows), self._batch_rows):
            part = slice(first, first + self._batch_rows)
            batch, cells = self.predictor.rows_of(self.table, rows[part]), cells_of(part)
            batch = replace_columns(batch, cells) if cells else batch
            answers.append(self.predictor.ask(batch, own=True) if method is None
                           else self.predictor.ask_method(method, batch))
        return np.concatenate(answers) if answers else np.empty((0, len(self.output_names)))

    def _held(self, c: int, cells: Any, n: int) -> Any:
        """Return new cells in the dtype of column `c`, one for each of `n` questions."""
        cells = cells if hasattr(cells, "dtype") else np.asarray(cells)
        name, new = self.column_names[c], pd.Series(cells, dtype=numpy_dtype(cells))
        if isinstance(self.table, np.ndarray):
            dtype = self.table.dtype
            held = cast_array(new, dtype)
        else:
            dtype = self.table.dtypes.iloc[c]
            held = cast_column(new, dtype, name).array
        if not same_dtype(numpy_dtype(held), dtype) and not is_object_dtype(dtype):
            raise ValueError(f"column {name!r} holds {dtype}, which cannot hold the new cells of "
                             f"{new.dtype} unchanged; choose cells of {dtype}.")
        if len(held) == 1:
            return held.take(np.zeros(n, dtype=np.int64))
        if len(held) != n:
            raise ValueError(f"column {name!r} got {len(held)} new cells for {n} rows; expected "
                             "one a row, or one for all.")
        return held

    def _cells(self, c: int, rows: np.ndarray) -> Any:
        if isinstance(self.table, np.ndarray):
            return self.table[rows, c]
        return self.table.iloc[:, c].array.take(rows)

    def _numbered(self, columns: Any) -> np.ndarray:
        """Number the distinct cells, or combinations of cells, of some columns: (n_rows,)."""
        for c in map(int, columns):
            if c not in self._codes:
                self._codes[c] = number_values(self._cells(c, np.arange(len(self))))
        return number_rows(np.stack([self._codes[int(c)] for c in columns], axis=1))


def cast_array(cells: pd.Series, dtype: np.dtype) -> Any:
    """Return cells for an array of `dtype`; in another dtype if a value would change."""
    if is_number_dtype(dtype) and is_number_dtype(cells.dtype):
        return cast_numbers(cells.to_numpy(), dtype)
    if dtype.kind == "U":
        text = cells.to_numpy().astype(np.str_)
        return text.astype(dtype) if text.itemsize <= dtype.itemsize else text
    return cells.array
