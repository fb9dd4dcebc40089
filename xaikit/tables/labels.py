"""Short labels for names and values that are shown together: different ones look different."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

_NARROWEST = 8  # characters; in less, texts that are cut alike are only numbered
# Variation selectors, fillers and blanks that Python counts as printable.
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\ufe00-\ufe0f\uffa0"
                     "\U000e0100-\U000e01ef]")


def labels(values: Iterable[Any], width: int = 36) -> list[str]:
    """Return texts on one line of at most `width` characters; different ones stay different.

    A long text is cut in the middle. Where that makes texts equal, the label shows the place where
    they differ. Texts that look alike, as with a blank at the end, are written in quotes. What
    still is equal is numbered. Equal texts have equal labels.

    Examples
    --------
    >>> labels(["mean_income_in_2019_of_the_house", "mean_income_in_2020_of_the_house"], 24)
    ['mean_inc…2019_of_t…house', 'mean_inc…2020_of_t…house']
    >>> labels(["Ulm", "Ulm ", ""])
    ['Ulm', "'Ulm '", "''"]
    """
    given = [str(v) for v in values]
    texts = list(dict.fromkeys(given))
    short = numbered(_shortened(_readable(texts), width), width)
    found = dict(zip(texts, short, strict=True))
    return [found[text] for text in given]


def numbered(texts: Iterable[str], width: int | None = None) -> list[str]:
    """Return texts with repeated ones numbered; with `width`, they stay that short.

    Examples
    --------
    >>> numbered(["good", "film", "good"])
    ['good', 'film', 'good (2)']
    """
    taken = set[str]()
    counts: dict[str, int] = {}
    found = []
    for text in texts:
        label = text
        while label in taken:
            counts[text] = counts.get(text, 1) + 1
            tag = f" ({counts[text]})"
            label = (text if width is None else cut_middle(text, width - len(tag))) + tag
        taken.add(label)
        found.append(label)
    return found


def one_line(value: Any) -> str:
    """Return a text on one line, without what no font can draw."""
    # Control characters would make an SVG invalid, and a newline would push labels apart. Format
    # characters, such as a zero-width space, have no width that a blank could stand for.
    text = str(value)
    if not text.isprintable():
        text = "".join(c if c.isprintable() else "" if unicodedata.category(c) == "Cf" else " "
                       for c in text)
    return " ".join(text.split())


def cut_middle(line: str, width: int) -> str:
    """Cut a long line in the middle: one-hot columns such as job=clerk differ at the end."""
    if len(line) <= width:
        return line
    tail = (width - 1) * 2 // 5
    return line[: width - 1 - tail] + "…" + line[len(line) - tail:]


def _readable(texts: list[str]) -> list[str]:
    """Return texts on one line each; those that look like another one are spelled out."""
    lines = [one_line(text) for text in texts]
    looks = [_look(line) for line in lines]
    alike: dict[str, int] = {}
    for look in looks:
        alike[look] = alike.get(look, 0) + 1
    return [line if look and (alike[look] == 1 or text == look) else _spelled(text)
            for text, line, look in zip(texts, lines, looks, strict=True)]


def _look(line: str) -> str:
    """Return a line as readers see it, so that lines that look alike are equal."""
    if not line.isascii():
        line = _UNSEEN.sub("", unicodedata.normalize("NFC", line))
    return " ".join(line.split())


def _spelled(text: str) -> str:
    """Return a text in quotes, with escapes for what cannot be seen."""
    written = repr(text) if _look(text) == unicodedata.normalize("NFC", text) else ascii(text)
    written = written if unicodedata.is_normalized("NFC", text) else ascii(text)
    # A page shows several blanks as one.
    return re.sub("(?<= ) ", r"\\x20", written)


def _shortened(lines: list[str], width: int) -> list[str]:
    """Cut lines in the middle, and at the place where they differ if they are equal then."""
    short = [cut_middle(line, width) for line in lines]
    same: dict[str, list[int]] = {}
    for i, label in enumerate(short):
        same.setdefault(label, []).append(i)
    for places in same.values():
        if len(places) == 1 or width < _NARROWEST:
            continue
        start = _difference([lines[i] for i in places], width // 4)
        if start <= width // 3:
            continue
        rests = [lines[i][start:] for i in places]
        head = min(start - 1, max(width // 3, width - 1 - max(map(len, rests))))
        for i, rest in zip(places, _shortened(rests, width - head - 1), strict=True):
            short[i] = f"{lines[i][:head]}…{rest}"
    return short


def _difference(lines: list[str], most: int) -> int:
    """Return where lines begin to differ, or where that word begins if it is near."""
    first, last = min(lines), max(lines)
    start = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b),
                 len(first))
    word = start
    while word > 0 and start - word <= most and first[word - 1].isalnum():
        word -= 1
    return word if start - word <= most else start
