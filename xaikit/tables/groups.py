"""Groups of columns that a method shows, hides, moves or shuffles together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from xaikit.settings import check, is_whole


def resolve_groups(names: tuple[str, ...], groups: Any) -> dict[str, np.ndarray]:
    """Return the column positions of each unit by name, in the order of the units' first columns.

    A unit is a group, or a column that is in no group.

    Parameters
    ----------
    names : tuple of str
        Column names.
    groups : dict of name to columns, sequence of column lists, or None
        Columns by name, or by position unless some name is a whole number. A group without a name
        is named after its columns.

    Raises
    ------
    ValueError
        If a group is empty, names an unknown column or has the name of another unit, or if groups
        overlap.

    Examples
    --------
    >>> resolve_groups(("age", "city", "zip"), {"place": ["city", "zip"]})
    {'age': array([0]), 'place': array([1, 2])}
    """
    check({"groups": groups})
    if groups is None:
        return {name: np.array([c]) for c, name in enumerate(names)}
    if not isinstance(groups, Mapping):
        groups = {" + ".join(map(name_text, columns)): columns for columns in groups}
    taken: dict[int, str] = {}
    units: list[tuple[int, str, np.ndarray]] = []
    for label, columns in groups.items():
        single = isinstance(columns, str) or not isinstance(columns, Iterable)
        columns = [columns] if single else list(columns)
        if not columns:
            raise ValueError(f"group {label!r} names no column.")
        positions = [_position(names, column, label) for column in columns]
        for c in positions:
            if c in taken:
                raise ValueError(f"column {names[c]!r} is in two groups, {taken[c]!r} and "
                                 f"{str(label)!r}; groups must not overlap.")
            taken[c] = name_text(label)
        units.append((min(positions), name_text(label), np.array(positions)))
    units += [(c, name, np.array([c])) for c, name in enumerate(names) if c not in taken]
    units.sort(key=lambda unit: unit[0])
    labels = [label for _, label, _ in units]
    if len(set(labels)) < len(labels):
        raise ValueError("a group has the name of another column; rename the group.")
    return {label: positions for _, label, positions in units}


def name_text(label: Any) -> str:
    """Return a column's label as its name: a MultiIndex has NumPy's numbers in its tuples.

    Examples
    --------
    >>> name_text(("a", np.int64(1)))
    "('a', 1)"
    """
    if isinstance(label, tuple):
        label = tuple(v.item() if isinstance(v, np.generic) else v for v in label)
    return str(label)


def _position(names: tuple[str, ...], column: Any, label: Any) -> int:
    numbered = any(name.lstrip("-").isdecimal() for name in names)
    if is_whole(column) and not numbered:  # else it is a name, and the position of another
        if 0 <= column < len(names):
            return int(column)
    elif name_text(column) in names:
        return names.index(name_text(column))
    raise ValueError(f"group {label!r} names column {column!r}, which is not one of "
                     f"{', '.join(names)}.")
