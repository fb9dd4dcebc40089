"""Neighbours of a table's row drawn once for several sets of bins, such as one set an output.

Legend: G sets of bins; q_g(z) the law of neighbours of set g, in which a neighbour with k units
outside of the row's bins has a weight ∝ e^{−tk} times that of its cells. A neighbour is drawn from
the laws of the sets in turn. For set g it then counts q_g(z)/mean_h q_h(z), which is 1 if the tilt
t is 0 and never above G (the balance heuristic: Veach & Guibas 1995, "Optimally combining sampling
techniques for Monte Carlo rendering").
"""

from __future__ import annotations

import numpy as np

from xaikit.kernels.levels import draw_units
from xaikit.sampling.binned_rows import BinnedRow, BinnedRows
from xaikit.sampling.bins import Column, columns_of
from xaikit.sampling.tabular import TabularMasker, TabularRows
from xaikit.tables.numbering import number_rows

ALIKE = 1e-9
"""Answers that differ by this share of their range have one set of bins."""


def bin_sets(
    masker: TabularMasker, way: str, answers: np.ndarray
) -> tuple[list[list[Column]], np.ndarray]:
    """Cut the columns of a background into bins, for each output on its own.

    Returns
    -------
    sets : list of lists of Column
        One set for all outputs, unless a tree cuts the columns.
    of_output : int array (n_outputs,)
        Set of each output. Outputs that are the same up to sign, size and a constant, such as the
        probabilities of two classes, have the same bins.
    """
    of_output = _alike(answers) if way == "tree" else np.zeros(answers.shape[1], dtype=np.int64)
    sets = [columns_of(masker, way, np.ascontiguousarray(answers[:, of_output == g]))
            for g in range(of_output.max() + 1)]
    return sets, of_output


def _alike(answers: np.ndarray) -> np.ndarray:
    """Number outputs (K,): the same number if answers are equal up to sign, size and a constant."""
    centred = answers - answers.mean(axis=0)
    rounding = 64 * np.finfo(np.float64).eps * np.abs(answers).max(axis=0)
    sizes = np.abs(centred).max(axis=0)
    found, first = np.zeros(answers.shape[1], dtype=np.int64), list[np.ndarray]()
    # A constant answer suits any bins.
    for k in np.flatnonzero(sizes > rounding):
        own, limit = centred[:, k] / sizes[k], ALIKE + rounding[k] / sizes[k]
        same = (g for g, other in enumerate(first)
                if min(np.abs(own - other).max(), np.abs(own + other).max()) <= limit)
        found[k] = next(same, len(first))
        if found[k] == len(first):
            first.append(own)
    return found


class SharedBins:
    """Rows of a table with several sets of bins.

    Parameters
    ----------
    rows : TabularRows
    sets : list of lists of Column
        See `bin_sets`.
    """

    def __init__(self, rows: TabularRows, sets: list[list[Column]]) -> None:
        self.rows = rows
        self.each = [BinnedRows(rows, columns) for columns in sets]
        # Cells that lie in the same bins of all sets are neighbours in this order.
        self._places = np.zeros((0, 0), dtype=np.int64) if len(sets) == 1 else np.stack([
            number_rows(np.stack([binned.numbers[u] for binned in self.each]
                                 + [self.each[0].fine[u]], axis=1))
            for u in range(len(rows.masker.units))])

    def row(self, i: int, units: np.ndarray | None = None) -> SharedBinsRow:
        """Return row `i` with some of its units; all by default."""
        units = np.arange(len(self.each[0].numbers)) if units is None else units
        each = [binned.row(i, units) for binned in self.each]
        places = self._places[np.ix_(units, each[0].positions)] if len(each) > 1 else None
        return SharedBinsRow(each, places)

    def conditions(self, i: int, of_output: np.ndarray) -> np.ndarray:
        """Write the conditions of a row's bins, text (M, n_outputs)."""
        words = np.array([binned.conditions(i) for binned in self.each], dtype=str)
        return words.T[:, of_output]


class SharedBinsRow:
    """One of `SharedBins`.

    Attributes
    ----------
    each : list of BinnedRow
        The row's bins of each set.
    """

    def __init__(self, each: list[BinnedRow], places: np.ndarray | None) -> None:
        self.each = each
        self._order = None if places is None else np.argsort(places, axis=1, kind="stable")

    def draw(self, points: np.ndarray, turns: np.ndarray, tilt: float) -> np.ndarray:
        """Draw neighbours.

        Parameters
        ----------
        points : array (n, M)
            Points in the unit cube, one for each neighbour.
        turns : array (n,)
            Numbers from 0 to 1 that choose the set whose law a neighbour is drawn from.
        tilt : float
            t: a unit outside of the row's bin counts e^{−t} times.

        Returns
        -------
        int array (n, M)
            Row of the pool from which each unit is copied; see `BinnedRow`.
        """
        if self._order is None:
            return self.each[0].draw(points, self.each[0].chances(tilt))
        drawn = np.empty(points.shape, dtype=np.int64)
        n_units, n_pool = self._order.shape
        chosen = (turns * len(self.each)).astype(np.int64)
        for g, row in enumerate(self.each):
            # One order for all laws: points that fill the cube evenly then fill any bin evenly.
            heights = np.cumsum(np.take_along_axis(row.tilted(tilt), self._order, axis=1), axis=1)
            own = np.ascontiguousarray(points[chosen == g])
            found = np.empty(own.shape, dtype=np.int64)
            draw_units(own, np.ones(n_units), self._order, np.full(n_units, n_pool),
                       heights, found)
            drawn[chosen == g] = found
        return drawn

    def weights(self, kept: list[np.ndarray], tilt: float) -> np.ndarray:
        """Return how much each neighbour counts for each set, (n, G).

        Parameters
        ----------
        kept : list of bool arrays (n, M)
            By set, whether units of neighbours lie inside the row's bins.
        tilt : float
        """
        logs = np.stack([
            -tilt * (~inside).sum(axis=1)
            - np.log(row.shares + (1.0 - row.shares) * np.exp(-tilt)).sum()
            for row, inside in zip(self.each, kept, strict=True)], axis=1)
        laws = np.exp(logs - logs.max(axis=1, keepdims=True))
        return laws / laws.mean(axis=1, keepdims=True)
