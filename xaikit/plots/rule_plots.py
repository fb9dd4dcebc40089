"""Rules: the card of one, all of a set by coverage and precision, and those of texts and images."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.ticker import MaxNLocator

from xaikit.explanations.anchor import Anchor
from xaikit.explanations.choosing import choose_row
from xaikit.explanations.rules import RuleSet
from xaikit.explanations.rules_of_units import ImageRules, TextRules
from xaikit.plots.columns import row_label
from xaikit.plots.image_plot import borders, picture
from xaikit.plots.marked_text import Marked, draw_marked
from xaikit.plots.style import (
    BLUE,
    GREEN,
    INK,
    MUTED,
    NEUTRAL,
    NORMAL,
    SMALL,
    axes_for,
    caption,
    label_rows,
    whiskers,
    write_beside,
)
from xaikit.tables.rules import Rule
from xaikit.tables.wording import escaped, level_text

_WIDTH = 44
"""Characters of a line of a condition..."""
_NOTE = 64
"""...and of a note below a plot, beside which there may be long labels."""
_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
_LABELLED = 5
"""Rules whose words are written, the most that a pick chooses."""


def rule_card(rules: RuleSet, *, row: Any = None, ax: Axes | None = None) -> Axes:
    """Draw the rule of one row: its conditions, and the precision after each.

    Parameters
    ----------
    rules : RuleSet
        Of a table; `text_rule` and `image_rule` draw the others.
    row : label or int, optional
        Label of the row, the first by default.
    ax : matplotlib Axes or None
        Where to draw; None opens a new figure.

    Returns
    -------
    matplotlib Axes
        A bar for each condition, in the order in which they help, with the row's own value. The
        line is the precision that was asked for, the whisker the interval of that of the rule.

    Raises
    ------
    TypeError
        If `rules` is not the rule set of a table.
    ValueError
        If it is empty.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from xaikit.explainers.anchors.anchors import Anchors
    >>> X = np.random.default_rng(0).random((4000, 2))
    >>> model = lambda X: (X[:, 0] > 0.5).astype(float)
    >>> ax = rule_card(Anchors(random_state=0, threshold=0.5).fit(model, X).explain([[0.9, 0.2]]))
    >>> ax.get_title(loc="left")
    'row 0 · output >= 0.5'
    >>> plt.close(ax.figure)
    """
    if isinstance(rules, TextRules | ImageRules):
        named = "text_rule" if isinstance(rules, TextRules) else "image_rule"
        raise TypeError(f"rule_card draws rules of tables; plots.{named} draws these.")
    _check(rules, RuleSet, "rule_card", "a RuleSet")
    i = choose_row(rules.row_names, row)
    anchor = rules[i]
    labels = _condition_labels(rules, anchor, i)
    steps = np.array(anchor.steps or (anchor.precision.value,))
    notes = _notes(rules, anchor, i)
    lines = [label.count("\n") + 1 for label in labels]
    ax = axes_for(ax, 1.0 + 0.3 * sum(lines) + 0.19 * (len(notes) + 1))
    ax.barh(range(len(steps)), np.nan_to_num(steps), height=0.62,
            color=[NEUTRAL] * (len(steps) - 1) + [GREEN if anchor.verified else BLUE])
    last = np.array([len(steps) - 1])
    whiskers(ax, last, np.array([anchor.precision.lower]), np.array([anchor.precision.upper]))
    for j, share in enumerate(steps):
        reach = max(share, anchor.precision.upper) if j == len(steps) - 1 else share
        write_beside(ax, j, float(np.nan_to_num(reach)),
                     f"{share:.3f}" if np.isfinite(share) else "no rows")
    _asked_line(ax, rules)
    label_rows(ax, labels)
    ax.set_xlim(0.0, 1.15)
    ax.set_xticks(_SHARES)
    ax.set_title(f"row {row_label(rules, i)} · {escaped(anchor.answer)}", loc="left", color=INK,
                 fontsize=NORMAL)
    ax.set_xlabel(caption("precision after each condition", notes), color=INK, fontsize=SMALL,
                  loc="left")
    return ax


def precision_coverage(rules: RuleSet, *, ax: Axes | None = None) -> Axes:
    """Draw the rules of a set by the share of rows that each holds for, and its precision.

    Equal rules are one point. Rules that a pick of five would choose are named, if the set holds
    the rows.

    Parameters
    ----------
    rules : RuleSet
    ax : matplotlib Axes or None
        Where to draw; None opens a new figure.

    Returns
    -------
    matplotlib Axes
        Verified rules are filled. The line is the precision that was asked for.

    Raises
    ------
    TypeError
        If `rules` is not a RuleSet.
    ValueError
        If it is empty.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from xaikit.explainers.anchors.anchors import Anchors
    >>> X = np.random.default_rng(0).random((4000, 2))
    >>> model = lambda X: (X[:, 0] > 0.5).astype(float)
    >>> rules = Anchors(random_state=0, threshold=0.5).fit(model, X).explain(X[:20])
    >>> ax = precision_coverage(rules)
    >>> ax.get_xlabel().splitlines()[0]
    'coverage: share of rows that a rule holds for'
    >>> plt.close(ax.figure)
    """
    _check(rules, RuleSet, "precision_coverage", "a RuleSet")
    groups: dict[Any, list[int]] = {}
    for i, key in enumerate(zip(rules.rules, rules.answers, strict=True)):
        groups.setdefault(key, []).append(i)
    firsts = np.array([places[0] for places in groups.values()])
    ax = axes_for(ax, 4.6)
    x, y = rules.coverage[firsts], rules.precision[firsts]
    low, high = rules.precision_lower[firsts], rules.precision_upper[firsts]
    sizes = 26.0 + 10.0 * np.sqrt([len(places) - 1 for places in groups.values()])
    sure, known = rules.verified[firsts], np.isfinite(y)
    ax.vlines(x[known], low[known], high[known], color=MUTED, linewidth=0.9, zorder=1)
    for some, face in ((known & sure, GREEN), (known & ~sure, "white")):
        ax.scatter(x[some], y[some], s=sizes[some], facecolor=face,
                   edgecolor=GREEN if face == GREEN else BLUE, linewidth=1.1, zorder=3)
    asked = rules.settings.get("precision")
    floor = float(np.min([*low[known], *([asked] if isinstance(asked, float) else [])],
                         initial=1.0))
    ax.set_ylim(max(floor - 0.02, 0.0) if floor > 0.1 else -0.03, 1.015)
    widest = max(float(x.max(initial=0.0)), 0.05)
    ax.set_xlim(-0.02 * widest, 2.1 * widest)  # words of rules are on the right
    ax.set_xticks([tick for tick in MaxNLocator(5).tick_values(0.0, widest) if tick <= 1.0])
    if isinstance(asked, float):
        ax.axhline(asked, color=INK, linewidth=0.9, linestyle=(0, (4, 2)), zorder=2)
    _name_picks(ax, rules)
    ax.spines["left"].set_visible(True)
    n_known = int(known.sum())
    notes = [f"{n_known} different rules of {len(rules)} rows; larger points are rules of several",
             "filled: verified; hollow: not; whiskers: intervals; dashed: the precision asked for"]
    ax.set_xlabel(caption("coverage: share of rows that a rule holds for", notes), color=INK,
                  fontsize=SMALL)
    ax.set_ylabel("precision", color=INK, fontsize=SMALL)
    return ax


def text_rule(rules: TextRules, *, row: Any = None, ax: Axes | None = None) -> Axes:
    """Draw a text with the words of its rule marked.

    Parameters
    ----------
    rules : TextRules
    row : int, optional
        Position of the text, the first by default.
    ax : matplotlib Axes or None
        Where to draw; None opens a new figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    TypeError
        If `rules` is not a TextRules.
    ValueError
        If it is empty.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from xaikit.explainers.anchors.anchors import Anchors
    >>> from xaikit.sampling.text import TextMasker
    >>> model = lambda texts: np.array([float("good" in text) for text in texts])
    >>> rules = Anchors(random_state=0, threshold=0.5).fit(model, TextMasker()).explain(
    ...     ["a good film"])
    >>> ax = text_rule(rules)
    >>> ax.get_title(loc="left")
    'text 0 · output >= 0.5 if “good” is in the text'
    >>> plt.close(ax.figure)
    """
    _check(rules, TextRules, "text_rule", "a TextRules")
    i = choose_row(rules.row_names, row)
    anchor, spans = rules[i], rules.spans[i]
    n_units = int(spans[:, 0].max(initial=-1)) + 1
    strength = np.zeros(n_units)
    strength[list(anchor.rule.units)] = 1.0
    nothing = np.zeros(n_units)
    return draw_marked(Marked(
        rules.texts[i], spans[np.argsort(spans[:, 1], kind="stable")], strength, nothing,
        strength, nothing, _title(rules, anchor, i, "text"), _notes(rules, anchor, i)), ax)


def image_rule(rules: ImageRules, *, row: Any = None, ax: Axes | None = None) -> Axes:
    """Draw an image with the regions of its rule framed, and the others pale.

    Parameters
    ----------
    rules : ImageRules
    row : int, optional
        Position of the image, the first by default.
    ax : matplotlib Axes or None
        Where to draw; None opens a new figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    TypeError
        If `rules` is not an ImageRules.
    ValueError
        If it is empty.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from xaikit.explainers.anchors.anchors import Anchors
    >>> from xaikit.sampling.image import ImageMasker
    >>> model = lambda images: images[:, :3].mean(axis=(1, 2))
    >>> masker = ImageMasker(segmenter=np.arange(36).reshape(6, 6) // 18, baseline=0.0)
    >>> rules = Anchors(random_state=0, threshold=0.5).fit(model, masker).explain(
    ...     np.ones((1, 6, 6)))
    >>> ax = image_rule(rules)
    >>> ax.get_title(loc="left")
    'image 0 · output >= 0.5 if segment 0 is shown'
    >>> plt.close(ax.figure)
    """
    _check(rules, ImageRules, "image_rule", "an ImageRules")
    i = choose_row(rules.row_names, row)
    anchor, labels = rules[i], rules.labels[i]
    inside = np.isin(labels, list(anchor.rule.units))
    height, width = labels.shape
    ax = axes_for(ax, min(max(7.0 * height / width, 2.5), 9.0))
    ax.imshow(picture(rules, i), cmap="gray", vmin=0.0, vmax=1.0, interpolation="nearest")
    veil = np.zeros((*labels.shape, 4))
    veil[~inside] = (1.0, 1.0, 1.0, 0.72)
    ax.imshow(veil, interpolation="nearest")
    for unit in anchor.rule.units:
        ax.add_collection(LineCollection(borders(labels == unit), colors=GREEN, linewidths=2.0))
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines["bottom"].set_visible(False)
    ax.set_title(_title(rules, anchor, i, "image"), loc="left", color=INK, fontsize=NORMAL,
                 wrap=True)
    first, *more = _notes(rules, anchor, i)
    ax.set_xlabel(caption(first, more), color=INK, fontsize=SMALL)
    return ax


def _check(rules: Any, kind: type, plot: str, what: str) -> None:
    """Raise unless `rules` is a set of this kind that holds rules."""
    if not isinstance(rules, kind):
        raise TypeError(f"{plot} needs {what}, got {type(rules).__name__}; pass what "
                        "Anchors(...).fit(...).explain(...) returned.")
    assert isinstance(rules, RuleSet)
    if not len(rules):
        raise ValueError(f"{plot} has nothing to draw: the set holds no rules.")


def _condition_labels(rules: RuleSet, anchor: Anchor, i: int) -> list[str]:
    """Return each condition, with the row's own value."""
    labels = []
    assert isinstance(anchor.rule, Rule)
    for condition in anchor.rule.conditions:
        words = condition.words()
        if rules.data is not None and not condition.levels:
            words += f"   ({level_text(rules.data.iloc[i][condition.column])})"
        labels.append(escaped("\n".join(textwrap.wrap(words, _WIDTH))))
    return labels or ["every row"]


def _title(rules: RuleSet, anchor: Anchor, i: int, noun: str) -> str:
    when = f"{'if' if len(anchor.rule) else 'for'} {anchor.rule.words()}"
    title = f"{noun} {row_label(rules, i)} · {anchor.answer} {when}"
    return escaped("\n".join(textwrap.wrap(title, _NOTE)))


def _notes(rules: RuleSet, anchor: Anchor, i: int) -> list[str]:
    """Return in words how far a rule holds, and the nearest counter-example."""
    p, c = anchor.precision, anchor.coverage
    measured = f"precision {p.value:.3f} ({p.lower:.3f} to {p.upper:.3f}) on {p.n_rows:,} rows" \
        if p.n_rows else "precision not measured: there was no fresh row"
    notes = [f"{measured} · coverage {c.value:.3f}"]
    notes.append("verified on fresh rows" if anchor.verified else f"not verified: {anchor.reason}")
    example = _counter_words(rules, anchor, i)
    if example:
        notes.append(f"but {anchor.counter_answers[0]}: {example}")
    return [escaped(line) for note in notes for line in textwrap.wrap(note, _NOTE)]


def _counter_words(rules: RuleSet, anchor: Anchor, i: int) -> str:
    """Return the nearest counter-example in words: of a row, what differs from the explained."""
    if not anchor.counter_answers:
        return ""
    examples = anchor.counter_examples
    if isinstance(rules, ImageRules):
        return f"with {int(examples[0].sum())} of {examples.shape[1]} segments shown"
    first = examples.iloc[0]
    if isinstance(rules, TextRules) or rules.data is None:
        return "; ".join(map(level_text, first))
    own = rules.data.iloc[i]
    apart = [f"{name} = {level_text(cell)}" for name, cell in first.items()
             if level_text(cell) != level_text(own[name])]
    shown = apart[:6] + [f"{len(apart) - 6} more"] * (len(apart) > 6)
    return f"a row with {', '.join(shown)}" if shown else "an equal row"


def _asked_line(ax: Axes, rules: RuleSet) -> None:
    asked = rules.settings.get("precision")
    if isinstance(asked, float):
        ax.axvline(asked, color=INK, linewidth=0.9, linestyle=(0, (4, 2)), zorder=2)


def _name_picks(ax: Axes, rules: RuleSet) -> None:
    """Write the words of the rules that a pick chooses beside their points."""
    if rules.data is None:
        return
    picked = rules.pick(_LABELLED)
    order = np.argsort(-picked.precision, kind="stable")
    top = ax.get_ylim()[1]
    step = (top - ax.get_ylim()[0]) / 14.0
    at = np.inf
    for j in order:  # from the top down, no two at one height
        at = min(float(picked.precision[j]), at - step)
        words = textwrap.shorten(f"{picked.answers[j]} if {picked.rules[j].words()}", 48,
                                 placeholder=" …")
        ax.annotate(escaped(words), (picked.coverage[j], picked.precision[j]),
                    xytext=(0.52 * ax.get_xlim()[1], at), textcoords="data",
                    fontsize=SMALL - 1, color=INK, va="center",
                    arrowprops={"arrowstyle": "-", "color": MUTED, "linewidth": 0.6})
