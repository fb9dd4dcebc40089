"""An image with its regions coloured by their contributions."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgba
from matplotlib.patheffects import Normal, Stroke

from xaikit.explanations.base import left_out_words
from xaikit.explanations.choosing import choose_row, of_all_outputs, output_to_draw
from xaikit.explanations.image import ImageAttribution
from xaikit.explanations.rules_of_units import ImageRules
from xaikit.plots.columns import output_label, row_label
from xaikit.plots.inputs import check_not_empty, finite, largest_first
from xaikit.plots.style import (
    BLUE,
    INK,
    NORMAL,
    SMALL,
    VERMILION,
    axes_for,
    caption,
    fidelity_note,
    figure_of,
    style_colorbar,
)
from xaikit.settings import check, documented
from xaikit.tables.wording import label_text, method_words, number

STRONGEST = 0.7
"""Opacity of the largest contribution; the image stays visible below it."""
MOST_BORDERS = 1024
"""With more regions than this, such as single pixels, no borders are drawn."""
# The opacity is the root of the contribution, so that small ones are visible too.
_STEPS = np.linspace(0.0, 1.0, 17)
_SIGNED = LinearSegmentedColormap.from_list("signed", [
    *[(0.5 - s / 2, to_rgba(BLUE, STRONGEST * np.sqrt(s))) for s in _STEPS[::-1]],
    *[(0.5 + s / 2, to_rgba(VERMILION, STRONGEST * np.sqrt(s))) for s in _STEPS]])
_LUMINANCE = np.array([0.299, 0.587, 0.114])


@documented
def image_overlay(explanation: ImageAttribution, *, row: Any = None,
                  output: int | str | None = None, max_display: int | None = None,
                  boundaries: bool = True, ax: Axes | None = None) -> Axes:
    """Draw an image with its regions coloured: vermilion raises the output, blue lowers it.

    The image itself is grey, since its own colours would be mistaken for contributions.

    Parameters
    ----------
    explanation : ImageAttribution
        Contributions, values of shape (n_rows, n_regions, n_outputs).
    row : label or int, optional
        Label of the image, the first by default. A whole number is a position only if labels are
        not whole numbers themselves; ``e.iloc[i]`` is always by position.
    {output, max_display}
        With a number, the regions shown are framed: by a solid line if they raise the output, by
        a dashed line if they lower it.
    boundaries : bool
        Whether to draw the borders between regions; single pixels have none.
    ax : matplotlib Axes or None
        Where to draw; None opens a new figure with a colour bar.

    Returns
    -------
    matplotlib Axes
        The text below it says how well the explanation fits the model.

    Raises
    ------
    TypeError
        If `explanation` is not an ImageAttribution, or `row` or `output` names several.
    ValueError
        If there is nothing to draw, or a setting is out of range.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from xaikit.explanations.image import ImageAttribution
    >>> e = ImageAttribution(method="LIME", values=[[[0.5], [-0.2]]], base_values=[[0.0]],
    ...                      predictions=[[0.3]], output_names=("seven",),
    ...                      images=np.zeros((1, 2, 2)), labels=[[[0, 0], [1, 1]]])
    >>> ax = image_overlay(e)
    >>> ax.get_title(loc="left")
    'LIME · image 0 · seven = 0.3'
    >>> plt.close(ax.figure)
    """
    if not isinstance(explanation, ImageAttribution):
        raise TypeError(f"image_overlay needs an ImageAttribution, got "
                        f"{type(explanation).__name__}; pass what an explainer fitted with an "
                        "ImageMasker returned.")
    check_not_empty(explanation, "image_overlay")
    check({"max_display": max_display})
    i = choose_row(explanation.row_names, row)
    k = output_to_draw(explanation, output, i)
    values, labels = finite(explanation.values[i, :, k]), explanation.labels[i]
    shown = largest_first(values)[:max_display]
    size = float(np.abs(values).max()) or 1.0
    new = ax is None
    height, width = labels.shape
    ax = axes_for(ax, min(max(7.0 * height / width, 2.5), 9.0))
    ax.imshow(picture(explanation, i), cmap="gray", vmin=0.0, vmax=1.0, interpolation="nearest")
    coloured = np.full(len(values) + 1, np.nan)  # the last is for −1, pixels of no region
    coloured[shown] = values[shown]
    scale = Normalize(-size, size)
    ax.imshow(_SIGNED(scale(np.ma.masked_invalid(coloured[labels]))), interpolation="nearest")
    if boundaries and len(values) <= MOST_BORDERS:
        ax.add_collection(LineCollection(borders(labels), colors="white", linewidths=0.6,
                                         alpha=0.8))
    if max_display is not None:
        _frame(ax, labels, values, shown)
    _label(ax, explanation, i, k, max_display)
    if new:
        bar = figure_of(ax).colorbar(ScalarMappable(scale, _SIGNED), ax=ax, shrink=0.8)
        style_colorbar(bar, f"contribution to {output_label(explanation, k)}")
    return ax


def _frame(ax: Axes, labels: np.ndarray, values: np.ndarray, shown: np.ndarray) -> None:
    """Draw a frame around each of some regions, its line showing the sign."""
    for unit in shown:
        ax.add_collection(LineCollection(
            borders(labels == unit), colors=INK, linewidths=1.6,
            linestyles="solid" if values[unit] > 0 else (0, (2, 1)),
            path_effects=[Stroke(linewidth=3.2, foreground="white"), Normal()]))


def _label(
    ax: Axes, explanation: ImageAttribution, i: int, k: int, max_display: int | None
) -> None:
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines["bottom"].set_visible(False)
    ax.set_title(
        f"{label_text(method_words(explanation.method))} · image {row_label(explanation, i)} · "
        f"{output_label(explanation, k)} = {number(explanation.predictions[i, k])}"
        f"{of_all_outputs(explanation, k, i)}",
        loc="left", color=INK, fontsize=NORMAL)
    notes = [fidelity_note(explanation.fidelity[i, k])]
    left_out = left_out_words(explanation.n_left_out[i:i + 1], explanation.noun)
    notes += [left_out] * bool(left_out)
    if max_display is not None:
        n_units = int(explanation.n_units[i])
        notes.append(f"the {min(max_display, n_units)} largest of {n_units} regions; "
                     "solid frame: raises, dashed: lowers")
    ax.set_xlabel(caption("vermilion raises the output, blue lowers it", notes), color=INK,
                  fontsize=SMALL)


def picture(explanation: ImageAttribution | ImageRules, i: int) -> np.ndarray:
    """Return an image in grey, in [0, 1]."""
    image = np.asarray(explanation.images[i], dtype=np.float64)
    if explanation.channels == "first":
        image = np.moveaxis(image, 0, -1)
    if image.ndim == 3:
        colours = image.shape[2] in (3, 4)
        image = image[:, :, :3] @ _LUMINANCE if colours else image.mean(axis=2)
    kind = explanation.images.dtype
    if kind == np.uint8:
        return image / 255.0
    low, high = image.min(), image.max()
    if low >= 0.0 and high <= 1.0:
        return image
    return (image - low) / ((high - low) or 1.0)


def borders(labels: np.ndarray) -> Any:
    """Return the lines between pixels of different regions: (n, 2 ends, (x, y))."""
    if labels.dtype == bool:
        # The frame of a single region is drawn at the edge of the image too.
        around = np.zeros(np.add(labels.shape, 2), dtype=bool)
        around[1:-1, 1:-1] = labels
        return borders(around.astype(np.int64)) - 1.0
    y, x = np.nonzero(labels[:, 1:] != labels[:, :-1])
    upright = np.array([[x + 0.5, y - 0.5], [x + 0.5, y + 0.5]])
    y, x = np.nonzero(labels[1:] != labels[:-1])
    level = np.array([[x - 0.5, y + 0.5], [x + 0.5, y + 0.5]])
    return np.concatenate([upright, level], axis=2).transpose(2, 0, 1)
