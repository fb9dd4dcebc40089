"""Submodular pick: a few rows whose explanations together cover the important features."""

from __future__ import annotations

import numpy as np

from xaikit.explanations.attribution import Attribution
from xaikit.explanations.base import resolve
from xaikit.explanations.image import ImageAttribution
from xaikit.explanations.text import TextAttribution
from xaikit.settings import Whole, check


def submodular_pick(
    explanation: Attribution, n_picks: int = 5, output: int | str | None = None, *,
    top_k: int | None = 10,
) -> np.ndarray:
    """Return a few rows to look at, which together show the most important features.

    The weight of a feature is the root of the sum of its |values| over the rows. Each pick is the
    row that adds most: the weights of the features that it shows and no earlier pick showed.

    Parameters
    ----------
    explanation : Attribution
        Values of shape (n_rows, n_features, n_outputs). Texts are compared by their words.
    n_picks : int, default 5
        Rows to pick; all of them, if there are fewer.
    output : int, str or None
        Position or name of the output; None adds up |values| over all outputs.
    top_k : int or None, default 10
        A row shows the features with its `top_k` largest |values|, except those that are 0. None:
        all that are not 0, as in the paper, whose explanations are sparse.

    Returns
    -------
    int array (n_picks,)
        Positions of rows in the order they were picked, so that gains decrease; ties go to the
        first row. Once every feature is shown, the remaining picks are the first rows left.

    Raises
    ------
    TypeError
        If `explanation` is not an Attribution.
    ValueError
        For settings out of range, an explanation without values, or images whose regions differ.

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
    check({"n_picks": n_picks, "top_k": top_k}, {"n_picks": Whole(1)})
    sizes = _sizes(explanation, output)
    shown = _largest(sizes, sizes.shape[1] if top_k is None else top_k)
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


def _sizes(explanation: Attribution, output: int | str | None) -> np.ndarray:
    """Return |values| summed over outputs, (n_rows, n_features); unknown ones count as 0."""
    if not isinstance(explanation, Attribution):
        raise TypeError(f"submodular_pick needs an Attribution, got {type(explanation).__name__}; "
                        "pass what the .explain(X) of a local explainer returned.")
    if isinstance(explanation, ImageAttribution) and \
            (explanation.labels != explanation.labels[:1]).any():
        raise ValueError("the images have regions of their own, which cannot be compared; explain "
                         "them with the same labels for all, such as the cells of a grid.")
    if isinstance(explanation, TextAttribution):
        explanation = explanation.by_word()
    values = explanation.values
    if output is not None:
        values = values[:, :, resolve(explanation.output_names, output, "output")]
    if values.size == 0:
        raise ValueError(f"there is nothing to pick from: the values have shape {values.shape}.")
    return np.nan_to_num(np.abs(values), nan=0.0, posinf=0.0).sum(axis=2)


def _largest(sizes: np.ndarray, top_k: int) -> np.ndarray:
    """Return where the `top_k` largest numbers of each row are, except 0; ties go to the first."""
    order = np.argsort(-sizes, axis=1, kind="stable")[:, :top_k]
    shown = np.zeros(sizes.shape, dtype=bool)
    np.put_along_axis(shown, order, True, axis=1)
    return shown & (sizes > 0)
