"""The contents of a table: one line per column, and pairs of associated columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.stats import rankdata

from xaikit.plots.columns import ordered_numbers
from xaikit.tables.cell_texts import texts_of_columns
from xaikit.tables.dtypes import inferred, kind_of_column
from xaikit.tables.numbering import number_levels
from xaikit.tables.wording import unescaped

STRONG = 0.7
"""Least association of a reported pair: the two columns share half of their (rank) variance."""
MOST_ROWS = 5_000
MOST_COLUMNS = 200
"""In longer or wider tables, associations are measured on a part, and the report says so."""
MANY_LEVELS = 50
_PLACES = ("lowest", "median", "highest", "most frequent")
"""Columns of the table of columns that show cells."""


@dataclass(frozen=True)
class Column:
    """Facts about one column."""

    name: str
    kind: str
    missing: float
    distinct: int
    n_rows: int
    levels: bool

    @property
    def constant(self) -> bool:
        """Return whether the column has at most one value."""
        return self.distinct <= 1

    @property
    def like_an_id(self) -> bool:
        """Return whether nearly every row has a different value, without a useful order."""
        known = self.n_rows * (1 - self.missing)
        if known < 20 or self.kind not in ("text", "category", "integer"):
            return False
        if self.kind == "integer":
            return self.distinct >= known  # a counter or a key
        return self.distinct > 0.5 * known

    @property
    def many_levels(self) -> bool:
        """Return whether the column has more levels than a reader can take in."""
        return self.levels and self.distinct > MANY_LEVELS


@dataclass(frozen=True)
class Pair:
    """Two columns and their association."""

    first: str
    second: str
    strength: float
    signed: float
    measure: str


@dataclass(frozen=True)
class Associations:
    """Strong pairs, the strongest first, and the clusters that they form."""

    pairs: tuple[Pair, ...]
    clusters: tuple[tuple[str, ...], ...]
    n_rows: int
    n_columns: int
    skipped: tuple[str, ...]


def describe_columns(frame: pd.DataFrame, names: tuple[str, ...]) -> tuple[list[Column],
                                                                          pd.DataFrame]:
    """Return facts about every column, and a table of them for readers.

    Examples
    --------
    >>> columns, table = describe_columns(pd.DataFrame({"a": [1, 1, None]}), ("a",))
    >>> columns[0].constant, table.loc[0, "missing %"].round(1)
    (True, np.float64(33.3))
    """
    columns, lines, shown, values, shares = [], [], [], [], []
    for j, name in enumerate(names):
        column = frame.iloc[:, j]
        if column.dtype == object:
            column = inferred(column)
        numbers = ordered_numbers(column)
        levels = numbers is None or isinstance(column.dtype, pd.CategoricalDtype)
        known = column[column.notna()]
        counts = _counts(known)
        missing = float(column.isna().mean())
        columns.append(Column(name, kind_of_column(column), missing, int((counts > 0).sum()),
                              len(frame), levels))
        shown.append(_extremes(known, numbers, levels, counts))
        values.append(counts.index)
        shares.append(f" ({100 * counts.iloc[0] / len(known):.0f} %)" if len(known) else "")
        lines.append({"column": name, "type": str(column.dtype), "missing %": 100 * missing,
                      "distinct": int((counts > 0).sum())})
    # Written together: what differs in this table looks different.
    texts = texts_of_columns([list(cells.values()) for cells in shown], 30, values)
    for line, cells, share, written in zip(lines, shown, shares, texts, strict=True):
        own = dict(zip(cells, map(unescaped, written), strict=True))
        if "most frequent" in own:
            own["most frequent"] += share
        line |= {place: own.get(place, "–") for place in _PLACES}
    return columns, pd.DataFrame(lines)


def _counts(known: pd.Series) -> pd.Series:
    """Return how often each value occurs, the most frequent first."""
    # pandas joins objects that are equal, such as 1 and True, and counts no long floats.
    if known.dtype not in (object, np.longdouble) or known.dtype == np.float64:
        return known.value_counts()
    codes, values = number_levels(known)
    counts = pd.Series(np.bincount(codes, minlength=len(values)),
                       index=pd.Index(values, dtype=object, tupleize_cols=False))
    return counts.sort_values(ascending=False, kind="stable")


def _extremes(known: pd.Series, numbers: np.ndarray | None, levels: bool,
              counts: pd.Series) -> dict[str, Any]:
    """Return the cells that the table shows of a column, by their places."""
    if not len(known):
        return {}
    most = {"most frequent": counts.index[0]}
    if levels or numbers is None or kind_of_column(known) == "boolean":
        return most
    ordered = known.sort_values()
    places = (0, (len(ordered) - 1) // 2, -1)
    extremes = dict(zip(_PLACES, (ordered.iloc[k] for k in places), strict=False))
    # The most frequent number says nothing if numbers hardly repeat.
    return extremes | (most if counts.iloc[0] > 0.05 * len(known) else {})


def associate(frame: pd.DataFrame, names: tuple[str, ...],
              rng: np.random.Generator) -> Associations:
    """Compute associations between columns; return the strong pairs and their clusters.

    Two columns of numbers or ordered levels: Spearman's rank correlation. Two columns of levels:
    Cramér's V, corrected for bias. One of each: the correlation ratio of the ranks, corrected for
    the number of levels. Without the corrections, a column of many levels would seem related to
    every other.
    """
    rows = np.arange(len(frame))
    if len(rows) > MOST_ROWS:
        rows = np.sort(rng.choice(len(rows), MOST_ROWS, replace=False))
    used = list(range(min(frame.shape[1], MOST_COLUMNS)))
    ranks: dict[int, np.ndarray] = {}
    codes: dict[int, np.ndarray] = {}
    skipped = []
    for j in used:
        column = frame.iloc[rows, j]
        column = inferred(column) if column.dtype == object else column
        numbers = ordered_numbers(column)
        if numbers is not None:
            ranks[j] = numbers.astype(np.float64)
            continue
        code = _codes(column)
        if code.max(initial=-1) + 1 > max(MANY_LEVELS, len(rows) // 5):
            skipped.append(names[j])
        else:
            codes[j] = code
    pairs = _number_pairs(ranks, names) + _level_pairs(codes, names) + _mixed_pairs(
        ranks, codes, names)
    strong = sorted((p for p in pairs if p.strength >= STRONG),
                    key=lambda p: (-p.strength, p.first, p.second))
    return Associations(tuple(strong), _clusters(strong, names), len(rows), len(used),
                        tuple(skipped))


def _codes(column: pd.Series) -> np.ndarray:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return pd.factorize(column.cat.codes.where(column.notna()))[0]
    return number_levels(column)[0]


def _number_pairs(ranks: dict[int, np.ndarray], names: tuple[str, ...]) -> list[Pair]:
    varied = {j: v for j, v in ranks.items() if len(np.unique(v[~np.isnan(v)])) > 1}
    rho = pd.DataFrame(varied).corr(method="spearman", min_periods=10).to_numpy()
    keys = list(varied)
    return [Pair(names[keys[a]], names[keys[b]], abs(float(rho[a, b])), float(rho[a, b]),
                 "Spearman ρ")
            for a in range(len(keys)) for b in range(a + 1, len(keys))
            if np.isfinite(rho[a, b])]


def _level_pairs(codes: dict[int, np.ndarray], names: tuple[str, ...]) -> list[Pair]:
    keys = list(codes)
    return [Pair(names[a], names[b], v, v, "Cramér's V")
            for i, a in enumerate(keys) for b in keys[i + 1:]
            if np.isfinite(v := cramers_v(codes[a], codes[b]))]


def _mixed_pairs(ranks: dict[int, np.ndarray], codes: dict[int, np.ndarray],
                 names: tuple[str, ...]) -> list[Pair]:
    return [Pair(names[a], names[b], v, v, "correlation ratio η")
            for a in codes for b in ranks
            if np.isfinite(v := correlation_ratio(codes[a], ranks[b]))]


def cramers_v(a: np.ndarray, b: np.ndarray) -> float:
    """Compute Cramér's V of two columns of codes (−1 is missing), corrected for bias.

    References
    ----------
    Bergsma 2013, "A bias-correction for Cramér's V and Tschuprow's T".

    Examples
    --------
    >>> round(cramers_v(np.array([0, 1] * 50), np.array([0, 1] * 50)), 3)
    1.0
    """
    both = (a >= 0) & (b >= 0)
    n = int(both.sum())
    if n < 10:
        return np.nan
    _, left = np.unique(a[both], return_inverse=True)
    _, right = np.unique(b[both], return_inverse=True)
    r, k = int(left.max()) + 1, int(right.max()) + 1
    if min(r, k) < 2:
        return np.nan
    counts = np.bincount(left * k + right, minlength=r * k).reshape(r, k).astype(np.float64)
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / n
    phi = float(((counts - expected) ** 2 / expected).sum()) / n
    phi = max(0.0, phi - (r - 1) * (k - 1) / (n - 1))
    smaller = min(r - (r - 1) ** 2 / (n - 1), k - (k - 1) ** 2 / (n - 1)) - 1
    return float(min(1.0, np.sqrt(phi / smaller))) if smaller > 0 else np.nan


def correlation_ratio(codes: np.ndarray, numbers: np.ndarray) -> float:
    """Compute η of a column's ranks by levels (−1 is missing), corrected for their number.

    Examples
    --------
    >>> round(correlation_ratio(np.array([0, 1] * 50), np.array([3.0, 8.0] * 50)), 3)
    1.0
    """
    both = (codes >= 0) & ~np.isnan(numbers)
    n = int(both.sum())
    if n < 10:
        return np.nan
    _, level = np.unique(codes[both], return_inverse=True)
    k = int(level.max()) + 1
    ranks = rankdata(numbers[both])
    total = float(((ranks - ranks.mean()) ** 2).sum())
    if k < 2 or n <= k or total == 0:
        return np.nan
    means = np.bincount(level, weights=ranks) / np.bincount(level)
    within = float(((ranks - means[level]) ** 2).sum())
    # Kelley's ε²: without it, a column of n levels would explain everything.
    return float(np.sqrt(max(0.0, 1 - (within / (n - k)) / (total / (n - 1)))))


def _clusters(pairs: list[Pair], names: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    place = {name: j for j, name in enumerate(names)}
    ends = np.array([(place[p.first], place[p.second]) for p in pairs], dtype=np.int64)
    if not len(ends):
        return ()
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])),
                      shape=(len(names), len(names)))
    count, part = connected_components(graph, directed=False)
    groups = [np.flatnonzero(part == c) for c in range(count)]
    return tuple(tuple(names[j] for j in g) for g in groups if len(g) > 1)
