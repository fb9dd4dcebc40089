"""What was found for single rows, put together as one explanation of all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from xaikit.explanations.attribution import Attribution
from xaikit.explanations.image import ImageAttribution
from xaikit.explanations.text import TextAttribution
from xaikit.sampling.image import ImageMasker
from xaikit.sampling.maskers import Masker
from xaikit.sampling.tabular import TabularMasker
from xaikit.solvers.links import words_for_clipping
from xaikit.tables.tables import Batch
from xaikit.tables.wording import listed

SMALLEST = 1e-140
"""Squares of smaller numbers lose digits (below 2e-308), or vanish."""


@dataclass
class RowResult:
    """What was found for one row: arrays (M, K) or (K,), and details beside them.

    Attributes
    ----------
    details : dict of name to value or array
        Of the row.
    unit_details : dict of name to array (M, …)
    pairs : dict of name to array (M, M, K)
        Values of two units; each is a field of `Attribution`.
    layout : array, optional
        Where the units are in the text or image; see `sampling.game.Masked`.
    """

    values: np.ndarray
    errors: np.ndarray
    base: np.ndarray
    prediction: np.ndarray
    fidelity: np.ndarray
    base_errors: np.ndarray | None = None
    details: dict[str, Any] = field(default_factory=dict)
    unit_details: dict[str, np.ndarray] = field(default_factory=dict)
    pairs: dict[str, np.ndarray] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    layout: Any = None


@dataclass(frozen=True)
class Stacked:
    """The results of some rows as arrays, each with the number of its axes that are of units."""

    arrays: dict[str, tuple[np.ndarray, int]]
    details: dict[str, tuple[np.ndarray, int]]
    of_units: dict[str, tuple[np.ndarray, int]]
    warnings: tuple[str, ...]
    layouts: list[Any]


def stacked(rows: Sequence[RowResult]) -> Stacked:
    """Put the results of some rows into arrays; the objects themselves are many times as large."""
    arrays = {
        "values": (padded([row.values for row in rows]), 1),
        "standard_errors": (padded([row.errors for row in rows]), 1),
        "base_values": (np.stack([row.base for row in rows]), 0),
        "predictions": (np.stack([row.prediction for row in rows]), 0),
        "base_errors": (np.stack([
            np.full(row.base.shape, np.nan) if row.base_errors is None else row.base_errors
            for row in rows]), 0),
        "fidelity": (np.stack([row.fidelity for row in rows]), 0),
        **{key: (padded([row.pairs[key] for row in rows], 2), 2) for key in rows[0].pairs},
    }
    details = {key: (np.stack([row.details[key] for row in rows]), 0) for key in rows[0].details}
    of_units = {key: (padded([row.unit_details[key] for row in rows]), 1)
                for key in rows[0].unit_details}
    said = dict.fromkeys(warning for row in rows for warning in row.warnings)
    layouts = [row.layout for row in rows] if rows[0].layout is not None else []
    return Stacked(arrays, details, of_units, tuple(said), layouts)


def attribution(
    masker: Masker, batch: Batch, parts: Sequence[Stacked], about: Mapping[str, Any]
) -> Attribution:
    """Make the explanation of a table, of texts or of images.

    Parameters
    ----------
    masker : Masker
    batch : batch
        What was explained.
    parts : sequence of Stacked
        Emptied on the way, so that nothing is held twice for long.
    about : mapping
        Further fields of the explanation. Its warnings come before those of the rows.
    """
    details = merged([part.details for part in parts])
    said = dict.fromkeys([*about["warnings"], *(w for part in parts for w in part.warnings),
                          *words_for_clipping(details.get("clipped", np.zeros((0, 0), dtype=str)))])
    arrays = merged([part.arrays for part in parts])
    said |= dict.fromkeys(forget_vanished(arrays, about["output_names"]))
    fields = {
        **arrays,
        "details": details,
        "feature_details": merged([part.of_units for part in parts]),
        **about,
        "warnings": tuple(said),
    }
    layouts = [layout for part in parts for layout in part.layouts]
    if masker.kind == "text":
        return TextAttribution(texts=tuple(batch), spans=layouts, **fields)
    if masker.kind == "image":
        assert isinstance(masker, ImageMasker)
        return ImageAttribution(images=batch, labels=np.stack(layouts),
                                channels=masker.channels_of(batch.shape), **fields)
    assert isinstance(masker, TabularMasker)
    return Attribution(
        data=masker.schema.to_frame(batch),
        row_names=tuple(getattr(batch, "index", range(len(batch)))),
        feature_names=masker.unit_names,
        feature_columns=tuple(tuple(unit.tolist()) for unit in masker.units), **fields)


def forget_vanished(arrays: dict[str, np.ndarray], names: Sequence[str]) -> list[str]:
    """Make errors of outputs whose values are all tiny unknown (NaN), and return a warning on them.

    Errors are roots of mean squares, and squares of numbers below `SMALLEST` are rounded, or 0.
    """
    largest = np.nanmax(np.abs(arrays["values"]), axis=(0, 1), initial=0.0)
    tiny = (largest > 0) & (largest < SMALLEST)
    if not tiny.any():
        return []
    for key in ("standard_errors", "base_errors", "interaction_errors"):
        if key in arrays:
            arrays[key] = np.where(tiny, np.nan, arrays[key])
    said = listed([name for name, gone in zip(names, tiny, strict=True) if gone])
    return [f"No contribution to {said} exceeds {SMALLEST:g}: the squares of such numbers vanish, "
            "so their standard errors are not known. Wrap a function that multiplies the answers, "
            "or returns their logarithm."]


def merged(parts: Sequence[dict[str, tuple[np.ndarray, int]]]) -> dict[str, np.ndarray]:
    """Concatenate arrays of parts of the rows; those of rows with fewer units are padded."""
    found = {}
    for key in list(parts[0]):
        axes = parts[0][key][1]
        arrays = [part.pop(key)[0] for part in parts]
        same = all(array.shape[1:] == arrays[0].shape[1:] for array in arrays)
        found[key] = np.concatenate(arrays) if same else padded(
            [row for array in arrays for row in array], axes)
        found[key].flags.writeable = False
    return found


def spread(found: np.ndarray, units: np.ndarray, n_units: int, rest: Any = 0.0) -> np.ndarray:
    """Return what was found for some units (n, …) as an array of all (M, …); 0 for the others."""
    out = np.empty((n_units, *found.shape[1:]))
    out[:] = rest
    out[units] = found
    return out


def padded(arrays: Sequence[np.ndarray], axes: int = 1) -> np.ndarray:
    """Stack arrays (M, …) whose numbers of units differ, with NaN (or "") where units are missing.

    The first `axes` axes are of units.
    """
    most = max(len(array) for array in arrays)
    if all(len(array) == most for array in arrays):
        return np.stack(arrays)
    shape = (len(arrays), *(most,) * axes, *arrays[0].shape[axes:])
    text = arrays[0].dtype.kind == "U"
    out = np.full(shape, "" if text else np.nan, dtype=object if text else np.float64)
    for into, array in zip(out, arrays, strict=True):
        into[tuple(slice(len(array)) for _ in range(axes))] = array
    return out.astype(str) if text else out
