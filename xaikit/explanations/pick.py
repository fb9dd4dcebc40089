"""Submodular pick: a few rows whose explanations together show what a model goes by."""

from __future__ import annotations

import numpy as np

from xaikit.explanations.attribution import Attribution
from xaikit.explanations.base import resolve
from xaikit.explanations.image import ImageAttribution
from xaikit.explanations.text import TextAttribution


def submodular_pick(
    explanation: Attribution, n_picks: int = 5, output: int | str | None = None, *,
    top_k: int | None = 10,
) -> np.ndarray:
    """Pick rows to look at: those that together show the most important features, without repeats.

    A feature weighs the root of the sum of its |values| over the rows; a pick is worth the weights
    of the features it shows that no pick before it showed.

    Parameters
    ----------
    explanation : Attribution
        Values of shape (n_rows, n_features, n_outputs). Texts are compared by their words.
    n_picks : int, default 5
        All rows, if there are fewer.
    output : int, str or None
        Position or name of the output; None adds up |values| over all outputs.
    top_k : int or None, default 10
        Features that a row shows: those of its largest |values|, 0 never among them. None: all
        that are not 0, as in the paper, whose explanations have only a few.

    Returns
    -------
    int array (n_picks,)
        Positions of rows in the order they were picked, so their gains fall; of equal ones the
        first. Once every feature is shown, the remaining picks are the first rows left.

    Raises
    ------
    TypeError, ValueError
        For counts below 1, an explanation without values, or images whose regions differ.

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
    _check_count(n_picks, "n_picks")
    if top_k is not None:
        _check_count(top_k, "top_k")
    sizes = _sizes(explanation, output)
    shown = _largest(sizes, sizes.shape[1] if top_k is None else top_k)
    weights = np.sqrt(np.where(shown, sizes, 0.0).sum(axis=0))
    picks: list[int] = []
    left, new = np.ones(len(sizes), dtype=bool), shown.copy()
    for _ in range(min(int(n_picks), len(sizes))):
        gains = np.where(left, (new * weights).sum(axis=1), -1.0)
        # Sums of the same numbers in another order may differ in their last digits.
        picks.append(int(np.argmax(gains >= gains.max() * (1 - 1e-12))))
        left[picks[-1]] = False
        new &= ~shown[picks[-1]]
    return np.array(picks, dtype=np.int64)


def _sizes(explanation: Attribution, output: int | str | None) -> np.ndarray:
    """Give |values| that can be compared over rows, (n_rows, n_features); unknown ones are 0."""
    if not isinstance(explanation, Attribution):
        raise TypeError(f"submodular_pick needs an Attribution, got {type(explanation).__name__}; "
                        "pass what the .explain(X) of a local explainer returned.")
    if isinstance(explanation, ImageAttribution) and \
            (explanation.labels != explanation.labels[:1]).any():
        raise ValueError("the images have regions of their own, which cannot be compared; explain "
                         "them with the same label array for all, such as the cells of a grid.")
    if isinstance(explanation, TextAttribution):
        explanation = explanation.by_word()
    values = explanation.values
    if output is not None:
        values = values[:, :, resolve(explanation.output_names, output, "output")]
    if values.size == 0:
        raise ValueError(f"there is nothing to pick from: the values have shape {values.shape}.")
    return np.nan_to_num(np.abs(values), nan=0.0, posinf=0.0).sum(axis=2)


def _largest(sizes: np.ndarray, top_k: int) -> np.ndarray:
    """Mark the `top_k` largest numbers of each row that are above 0; of equal ones the first."""
    order = np.argsort(-sizes, axis=1, kind="stable")[:, :top_k]
    shown = np.zeros(sizes.shape, dtype=bool)
    np.put_along_axis(shown, order, True, axis=1)
    return shown & (sizes > 0)


def _check_count(count: int, name: str) -> None:
    if isinstance(count, bool) or not isinstance(count, int | np.integer):
        raise TypeError(f"{name} must be a whole number, got {count!r}.")
    if count < 1:
        raise ValueError(f"{name} must be at least 1, got {count}.")
