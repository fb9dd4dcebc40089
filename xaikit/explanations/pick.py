"""Submodular pick: a few rows whose explanations together show how a model decides."""

from __future__ import annotations

from typing import Any

import numpy as np

from xaikit.explanations.attribution import Attribution
from xaikit.explanations.choosing import check_one_unit, resolve_once
from xaikit.explanations.image import ImageAttribution
from xaikit.explanations.text import TextAttribution
from xaikit.settings import Whole, check, documented


@documented
def submodular_pick(
    explanation: Attribution, n_picks: int = 5, outputs: Any = None, *,
    max_display: int | None = 10,
) -> np.ndarray:
    """Return rows that together show the most important features, with few repeats.

    The weight of a feature is the root of the sum of its |values| over the rows. The gain of a pick
    is the weight of the features that it shows and no earlier pick showed.

    Parameters
    ----------
    explanation : Attribution
        Values of shape (n_rows, n_features, n_outputs). Texts are compared by their words.
    n_picks : int
        Number of rows to pick; all rows, if there are fewer.
    outputs : position, name or list, optional
        Outputs whose |values| are added up; all classes by default. Name some of several outputs
        that are not known to be classes: their units may differ.
    {max_display}
        A row shows so many features, and never one whose value is 0. The paper shows all, since
        its explanations have only a few features.

    Returns
    -------
    int array (n_picks,)
        Positions of rows in the order of picking, so that gains fall; the first of equal rows.
        Once every feature is shown, the remaining picks are the first remaining rows.

    Raises
    ------
    SettingError
        For counts below 1, or if `outputs` has to be named.
    TypeError
        If `explanation` is not an Attribution.
    ValueError
        For an explanation without values, or images with different regions.

    References
    ----------
    Ribeiro, Singh & Guestrin 2016, "Why Should I Trust You?", section 4, algorithm 2.

    Examples
    --------
    >>> e = Attribution(method="exact", feature_names=("age", "sex", "job"), output_names=("risk",),
    ...                 values=[[[3], [0], [0]], [[2], [1], [0]], [[0], [0], [1]]],
    ...                 base_values=[[0]] * 3, predictions=[[3], [3], [1]])
    >>> submodular_pick(e, n_picks=2)
    array([1, 2])
    """
    check({"n_picks": n_picks, "outputs": outputs, "max_display": max_display},
          {"n_picks": Whole(1)})
    sizes = _sizes(explanation, outputs)
    shown = _largest(sizes, max_display)
    weights = np.sqrt(np.where(shown, sizes, 0.0).sum(axis=0))
    picks: list[int] = []
    left, new = np.ones(len(sizes), dtype=bool), shown.copy()
    for _ in range(min(int(n_picks), len(sizes))):
        gains = np.where(left, (new * weights).sum(axis=1), -1.0)
        # The same numbers added up in another order may differ in their last digits.
        picks.append(int(np.argmax(gains >= gains.max() * (1 - 1e-12))))
        left[picks[-1]] = False
        new &= ~shown[picks[-1]]
    return np.array(picks, dtype=np.int64)


def _sizes(explanation: Attribution, outputs: Any) -> np.ndarray:
    """Return |values| that can be compared over rows, (n_rows, n_features); 0 if unknown."""
    if not isinstance(explanation, Attribution):
        raise TypeError(f"submodular_pick needs an Attribution, got {type(explanation).__name__}; "
                        "pass what the .explain(X) of a local explainer returned.")
    if isinstance(explanation, ImageAttribution) and \
            (explanation.labels != explanation.labels[:1]).any():
        raise ValueError("the images have different regions, which cannot be compared; explain "
                         "them with the same label array for all, such as the cells of a grid.")
    if isinstance(explanation, TextAttribution):
        explanation = explanation.by_word()
    check_one_unit(explanation.output_names, explanation.settings, outputs)
    values = explanation.values
    if outputs is not None:
        values = values[:, :, resolve_once(explanation.output_names, outputs, "output")]
    if values.size == 0:
        raise ValueError(f"there is nothing to pick from: the values have shape {values.shape}.")
    return np.nan_to_num(np.abs(values), nan=0.0, posinf=0.0).sum(axis=2)


def _largest(sizes: np.ndarray, max_display: int | None) -> np.ndarray:
    """Return a mask of the largest numbers above 0 of each row, the first of equal ones."""
    order = np.argsort(-sizes, axis=1, kind="stable")[:, :max_display]
    shown = np.zeros(sizes.shape, dtype=bool)
    np.put_along_axis(shown, order, True, axis=1)
    return shown & (sizes > 0)
