"""Rows, features and outputs by position or name."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from xaikit.errors import SettingError
from xaikit.settings import is_whole
from xaikit.tables.groups import name_text
from xaikit.tables.targets import in_order

DIFFERENCE = "difference of "
"""How the method of a difference of rows begins."""


def split_key(key: Any, n_axes: int, axes: str) -> list[Any]:
    """Return the key of each axis; ``...`` stands for as many whole axes as there are left.

    Raises
    ------
    IndexError
        If there are more keys than axes.

    Examples
    --------
    >>> split_key((..., "yes"), 3, "rows, features and outputs")
    [slice(None, None, None), slice(None, None, None), 'yes']
    """
    keys = list(key) if isinstance(key, tuple) else [key]
    dots = [i for i, k in enumerate(keys) if k is Ellipsis]
    if len(keys) - len(dots) > n_axes or len(dots) > 1:
        raise IndexError(f"at most {axes} can be chosen, and '...' once; got {len(keys)} keys.")
    at = dots[0] if dots else len(keys)
    return [*keys[:at], *[slice(None)] * (n_axes - len(keys) + len(dots)), *keys[at + len(dots):]]


def resolve(names: tuple[Any, ...], key: Any, axis: str) -> np.ndarray:
    """Return the positions that a position, slice, mask, name, or list of these selects.

    An int is always a position; text is always a name, and selects all that have it. A Series of
    truth values is read by its index.

    Raises
    ------
    IndexError
        If a position or a mask does not fit.
    KeyError
        If there is no such name.
    TypeError
        If a slice has names for ends.
    """
    n = len(names)
    key = _plain(names, key, axis)
    if isinstance(key, bool | np.bool_):
        raise KeyError(f"a single {key} chooses no {axis}; use a position, a name or a mask.")
    if isinstance(key, tuple) and (places := _named(names, key, axis)):
        return np.array(places)
    if isinstance(key, slice):
        return _sliced(n, key, axis)
    if isinstance(key, int | np.integer) and not isinstance(key, np.timedelta64):
        if not -n <= key < n:
            other = f"; write '{key}' for the {axis} of that name" if str(key) in names else ""
            raise IndexError(f"{axis} {key} is out of range: there are {n}{other}.")
        return np.array([key % n])
    if np.ndim(key) > 1 and isinstance(key, np.ndarray) and key.dtype != bool:
        raise IndexError(f"{axis}s are chosen by a list of them, got one of shape {key.shape}.")
    if isinstance(key, np.ndarray) and key.dtype == bool:
        if key.shape != (n,):
            raise IndexError(f"a {axis} mask of shape {key.shape} does not fit {n} {axis}s.")
        return np.flatnonzero(key)
    if isinstance(key, list | tuple | np.ndarray | range):
        nested = next((k for k in key if isinstance(k, list | np.ndarray)), None)
        if nested is not None:
            raise IndexError(f"{axis}s are chosen by a list of them, got a list of lists.")
        parts = [resolve(names, k, axis) for k in key]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)
    if places := _named(names, key, axis):
        return np.array(places)
    raise KeyError(f"no {axis} named {key!r}; there are {_listed(names)}.")


def warn_of_positions(names: tuple[str, ...], key: Any, axis: str) -> None:
    """Warn if a user's key has a position that is the name of another feature or output."""
    for k in key if isinstance(key, list) else [key]:
        if is_whole(k) and -len(names) <= k < len(names) and names[k] != str(k) in names:
            warnings.warn(f"{axis} {k} is taken as a position, at which is {names[k]!r}; write "
                          f"'{k}' for the {axis} of that name.", stacklevel=3)


def _plain(names: tuple[Any, ...], key: Any, axis: str) -> Any:
    """Return a key in Python's and NumPy's types: masks as arrays, other containers as lists."""
    if isinstance(key, pd.Series) and len(key) == len(names) and _boolean(key):
        key = _in_order(names, key, axis)
    if isinstance(key, pd.Series | pd.Index | pd.api.extensions.ExtensionArray):
        key = list(key)  # NumPy's durations would be taken for whole numbers
    elif hasattr(key, "__array__") and not isinstance(key, np.ndarray | np.generic):
        key = np.asarray(key)
    if isinstance(key, np.ndarray) and key.ndim == 0:
        key = key.item()
    of_objects = isinstance(key, np.ndarray) and key.dtype == object
    if not (of_objects or isinstance(key, list | tuple)) or not _boolean(key):
        return key
    if pd.isna(np.array(key, dtype=object)).any():
        raise IndexError(f"a {axis} mask holds missing values; say what they mean, such as by "
                         "mask.fillna(False).")
    return np.array(key, dtype=bool)


def _boolean(key: Any) -> bool:
    """Whether a container holds truth values alone, apart from missing values."""
    return bool(pd.api.types.infer_dtype(key, skipna=True) == "boolean")


def _in_order(names: tuple[Any, ...], mask: pd.Series, axis: str) -> pd.Series:
    """Return a mask in the order of the names, as `in_order` reads its index."""
    try:
        return in_order(mask, pd.Index(names), "mask", "truth value")
    except ValueError as error:
        raise IndexError(
            f"the index of a {axis} mask is not that of the {axis}s, or leaves open which is "
            f"meant; pass mask.to_numpy() if its order is that of the {axis}s.") from error


def _sliced(n: int, key: slice, axis: str) -> np.ndarray:
    try:
        return np.arange(n)[key]
    except TypeError as error:
        raise TypeError(f"a slice of {axis}s counts positions, got {key.start!r}:{key.stop!r}; "
                        "pass a list of names.") from error


def _named(names: tuple[Any, ...], key: Any, axis: str) -> list[int]:
    """Return the positions of a name; those of features and outputs are the text of a label."""
    return _places(names, key) or ([] if axis == "row" else _places(names, name_text(key)))


def _places(names: tuple[Any, ...], key: Any) -> list[int]:
    """Return the positions of a name: all of them, if it occurs more than once."""
    try:
        if names.count(key) == 1:
            return [names.index(key)]
    except (TypeError, ValueError):
        pass  # a missing label among the names is neither equal to others nor unequal
    found = []
    for i, name in enumerate(names):
        equal = name is key or name == key
        if isinstance(equal, bool | np.bool_) and equal:
            found.append(i)
    return found


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
    if len(found) > 1 and isinstance(key, str | tuple) and _places(names, key):
        raise TypeError(f"{len(found)} {axis}s are named {key!r}; choose one by its position, such "
                        f"as {found[0]}.")
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
        warn_of_positions(names, output, "output")
        return choose(names, output, "output")
    if len(names) not in (1, 2):
        advice = f"; name one, such as output={names[0]!r}" if names else ""
        raise SettingError(f"output=None needs one or two outputs, and there are {len(names)}"
                           f"{advice}. The outputs: {_listed(names) or 'none'}.")
    return len(names) - 1


def choose_row(names: tuple[Any, ...], row: Any) -> int:
    """Return the position of the row that the setting `row` of a plot names.

    None is the first row. A whole number is a label where labels are whole numbers, such as 2 or
    2.0, and a position where they are not, or only count the rows. 0 is the only row, whatever its
    label.

    Raises
    ------
    IndexError, KeyError
        If there is no such row.
    TypeError
        If `row` names several.

    Examples
    --------
    >>> choose_row((8669, 12), 12), choose_row(("Ulm", "Bonn"), 1), choose_row((0, 1), -1)
    (1, 1, 1)
    """
    if row is None:
        row = 0
    elif is_whole(row) and names != tuple(range(len(names))) and any(map(_counts, names)):
        places = _places(names, row) or [0] * (len(names) == 1 and row == 0)
        if not places:
            raise KeyError(unknown_row(names, row))
        if len(places) > 1:
            raise TypeError(f"{len(places)} rows are labelled {row!r}; draw one by its position, "
                            f"such as e.iloc[{places[0]}].")
        return places[0]
    return choose(names, row, "row")


def _counts(label: Any) -> bool:
    """Return whether a label of a row is a whole number, of whatever type."""
    return isinstance(label, Real) and not isinstance(label, bool) and float(label).is_integer()


def unknown_row(names: tuple[Any, ...], row: Any) -> str:
    """Return the sentence on a row label that is not there."""
    return (f"no row is labelled {row!r}; the labels are {_listed(names)}. A row by its position "
            "is e.iloc[0], e.iloc[1], …")


def check_output_named(names: tuple[str, ...], settings: Mapping[str, Any], output: Any) -> None:
    """Raise SettingError if `output` leaves open which target or score is meant.

    Targets and scores are of different units, so that neither the second nor the largest is the
    one; nor is one of several labels that a row may have, or of outputs of which nothing is known.

    Parameters
    ----------
    names : tuple of str
    settings : mapping
        Of an explanation. ``task``, ``n_targets``, ``n_outputs``, ``n_classes`` and ``score`` say
        what the outputs are.
    output : int, str or None
    """
    if output is not None or len(names) < 2:
        return
    n_targets = len(names) if settings.get("task") == "regression" else settings.get("n_targets", 1)
    what = ""
    if n_targets > 1:
        what = f"the model has {n_targets} targets"
    elif "score" in settings:
        what = f"the model was given {len(names)} scores"
    elif (settings.get("n_outputs") or 0) > len(names):
        what = f"{len(names)} of the model's {settings['n_outputs']} outputs are here"
    if what:
        raise SettingError(f"{what}, and none is more likely to be meant; name one, such as "
                           f"output={names[0]!r}. The outputs: {_listed(names)}.")
    if settings.get("n_classes", 0) is None:
        _check_classes(names, settings)


def check_one_unit(names: tuple[str, ...], settings: Mapping[str, Any], output: Any) -> None:
    """Raise SettingError if sizes of several outputs would be compared that may have other units.

    Those of classes have one unit. Parameters are those of `check_output_named`.
    """
    check_output_named(names, settings, output)
    if output is None and len(names) > 1:
        _check_classes(names, settings)


def _check_classes(names: tuple[str, ...], settings: Mapping[str, Any]) -> None:
    if settings.get("task") != "classification" and settings.get("n_classes") is None:
        raise SettingError(f"nothing says that the {len(names)} outputs are of one unit, so their "
                           f"sizes are not compared; name one, such as output={names[0]!r}, or "
                           "wrap a classifier with task='classification'. The outputs: "
                           f"{_listed(names)}.")


def output_to_draw(explanation: Any, output: int | str | None, row: int | None = None) -> int:
    """Return the position of the output that a plot draws.

    As `choose_output`, but of a classifier's outputs a plot of one row draws, by default, the one
    that is largest there, and several targets, which are of different units, have no default.

    Parameters
    ----------
    explanation : Attribution or Importance
    output : int, str or None
    row : int, optional
        Position of the only row that is drawn.

    Raises
    ------
    IndexError, KeyError, SettingError, TypeError
        As for `choose_output`.
    """
    names, settings = explanation.output_names, explanation.settings
    check_output_named(names, settings, output)
    if output is None and row is not None and len(names) > 1 and of_classes(explanation):
        return int(explanation.predictions[row].argmax())
    return choose_output(names, output)


def of_classes(explanation: Any) -> bool:
    """Return whether predictions are of all classes of a model, so that the largest is its own.

    The largest output of a difference of predictions is no class that anyone predicted.
    """
    return explanation.settings.get("n_classes") == len(explanation.output_names) \
        and not explanation.method.startswith(DIFFERENCE)


def of_all_outputs(explanation: Any, k: int, row: int) -> str:
    """Return words on a class that was drawn among several: that it is the largest of the row.

    Nothing for any other output, and for other models than classifiers.
    """
    n = len(explanation.output_names)
    largest = n > 1 and of_classes(explanation) \
        and int(explanation.predictions[row].argmax()) == k
    return f" (largest of {n})" if largest else ""


def _listed(names: tuple[Any, ...]) -> str:
    return ", ".join(map(str, names[:10])) + (", …" if len(names) > 10 else "")
