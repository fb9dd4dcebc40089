"""Rows, features and outputs by position or name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from xaikit.errors import SettingError


def resolve(names: tuple[Any, ...], key: Any, axis: str) -> np.ndarray:
    """Return the positions that a position, slice, mask, name, or list of these selects.

    An int is always a position; text is always a name.

    Raises
    ------
    IndexError
        If a position or a mask does not fit.
    KeyError
        If there is no such name.
    """
    n = len(names)
    if isinstance(key, pd.Series):
        key = key.to_numpy()
    if isinstance(key, bool | np.bool_):
        raise KeyError(f"a single {key} chooses no {axis}; use a position, a name or a mask.")
    if isinstance(key, list | tuple) and len(key) and all(
        isinstance(k, bool | np.bool_) for k in key
    ):
        key = np.array(key)
    if isinstance(key, tuple) and key in names:
        return np.array([names.index(key)])
    if isinstance(key, slice):
        return np.arange(n)[key]
    if isinstance(key, int | np.integer):
        if not -n <= key < n:
            raise IndexError(f"{axis} {key} is out of range: there are {n}.")
        return np.array([key % n])
    if isinstance(key, np.ndarray) and key.dtype == bool:
        if key.shape != (n,):
            raise IndexError(f"a {axis} mask of shape {key.shape} does not fit {n} {axis}s.")
        return np.flatnonzero(key)
    if isinstance(key, list | tuple | np.ndarray | range | pd.Index):
        parts = [resolve(names, k, axis) for k in key]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)
    if key in names:
        return np.array([names.index(key)])
    raise KeyError(f"no {axis} named {key!r}; there are {_listed(names)}.")


def resolve_once(names: tuple[Any, ...], key: Any, axis: str) -> np.ndarray:
    """Return positions as `resolve` does, none of them twice.

    Raises
    ------
    IndexError, KeyError
        As for `resolve`, or if a position is selected twice: sums would count it twice.
    """
    found = resolve(names, key, axis)
    places, counts = np.unique(found, return_counts=True)
    if (counts > 1).any():
        raise IndexError(f"{axis} {names[places[counts > 1][0]]!r} is chosen more than once; name "
                         f"every {axis} once.")
    return found


def choose(names: tuple[Any, ...], key: Any, axis: str) -> int:
    """Return the position of one row, feature or output.

    Raises
    ------
    IndexError, KeyError
        If it is not there.
    TypeError
        If `key` selects none or several.
    """
    found = resolve(names, key, axis)
    if len(found) != 1:
        raise TypeError(f"{axis} must be one position or name, got {key!r}.")
    return int(found[0])


def choose_output(names: tuple[str, ...], output: int | str | None) -> int:
    """Return the position of the output that the setting `output` names.

    This is what ``output=`` means in every function that works on one output. None takes the only
    output, or the second of two, which is the positive class of a classifier. Of more than two,
    none is more likely to be meant than another.

    Raises
    ------
    IndexError, KeyError
        If there is no such output.
    SettingError
        If `output` is None and there are more than two outputs, or none.
    TypeError
        If `output` names several.

    Examples
    --------
    >>> choose_output(("no", "yes"), None), choose_output(("no", "yes"), "no")
    (1, 0)
    """
    if output is not None:
        return choose(names, output, "output")
    if len(names) not in (1, 2):
        advice = f"; name one, such as output={names[0]!r}" if names else ""
        raise SettingError(f"output=None needs one or two outputs, and there are {len(names)}"
                           f"{advice}. The outputs: {_listed(names) or 'none'}.")
    return len(names) - 1


def _listed(names: tuple[Any, ...]) -> str:
    return ", ".join(map(str, names[:10])) + (", …" if len(names) > 10 else "")
