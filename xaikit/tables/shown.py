"""Shown: the rule of a text or image, that some of its units are shown; the rest may be hidden."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from xaikit.tables.schema import other_than_table


@dataclass(frozen=True, repr=False)
class Shown:
    """Units of one text or image that are shown, whatever becomes of the others.

    Parameters
    ----------
    units : sequence of int
        Positions of the units.
    names : sequence of str
        What each is: the piece of text, or the name of a region.
    kind : {"text", "image"}

    Examples
    --------
    >>> rule = Shown((3, 5), ("not", "good"), "text")
    >>> rule.words()
    '“not” and “good” are in the text'
    >>> rule.applies(["This is not a good film.", "A good film, goodness!"])
    array([ True, False])
    >>> Shown((), (), "text").words()
    'every text'
    """

    units: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    kind: str = "text"

    def __post_init__(self) -> None:
        object.__setattr__(self, "units", tuple(int(u) for u in self.units))
        object.__setattr__(self, "names", tuple(str(name) for name in self.names))
        if len(self.units) != len(self.names):
            raise ValueError(f"{len(self.units)} units do not fit {len(self.names)} names.")
        if self.kind not in ("text", "image"):
            raise ValueError(f"kind must be 'text' or 'image', got {self.kind!r}.")

    @property
    def conditions(self) -> tuple[str, ...]:
        """The names of the units."""
        return self.names

    def __len__(self) -> int:
        return len(self.units)

    def words(self, digits: int = 4) -> str:
        """Write the rule in words; `digits` is there as for the rules of tables."""
        if not self.units:
            return f"every {self.kind}"
        if self.kind == "image":
            numbers = [name.removeprefix("segment ") for name in self.names]
            noun = "segment" if len(numbers) == 1 else "segments"
            return f"{noun} {_joined(numbers)} {'is' if len(numbers) == 1 else 'are'} shown"
        counts = {name: self.names.count(name) for name in self.names}
        quoted = [f"“{name}”" + (f" ({n} times)" if n > 1 else "") for name, n in counts.items()]
        return f"{_joined(quoted)} {'is' if len(self.names) == 1 else 'are'} in the text"

    def applies(self, X: Any) -> np.ndarray:
        """Return which texts hold all pieces of the rule, each as often as the rule names it.

        A piece that begins or ends with a letter or digit is looked for as a whole word. Case
        matters.

        Parameters
        ----------
        X : sequence of str, or one text

        Returns
        -------
        bool array (n_texts,)

        Raises
        ------
        TypeError
            For the rule of an image, whose regions no other image has, and for anything but texts.
        """
        if self.kind != "text":
            raise TypeError("the regions of an image are its own, so that its rule says nothing of "
                            "other images.")
        texts = [X] if isinstance(X, str) else list(X)
        if not all(isinstance(text, str) for text in texts):
            other = other_than_table(X) or type(X).__name__
            raise TypeError(f"the rule of a text is about texts, got {other}.")
        wanted = {name: self.names.count(name) for name in self.names}
        return np.array([all(len(_whole(name).findall(text)) >= n for name, n in wanted.items())
                         for text in texts], dtype=bool)

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON holds; `from_dict` gives back an equal rule."""
        return {"units": list(self.units), "names": list(self.names), "kind": self.kind}

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Shown:
        """Rebuild a rule from what `to_dict` returned.

        Raises
        ------
        ValueError
            If `state` holds anything else.
        """
        if set(state) != {"units", "names", "kind"}:
            raise ValueError(f"expected a rule with 'units', got the keys {sorted(state)}.")
        return cls(tuple(state["units"]), tuple(state["names"]), state["kind"])

    def __repr__(self) -> str:
        return f"Shown({self.words()})"


def _joined(words: list[str]) -> str:
    """Return words as a list in a sentence."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _whole(name: str) -> re.Pattern[str]:
    """Return a pattern of a piece that is no part of a longer word."""
    left = r"(?<!\w)" if re.match(r"\w", name) else ""
    right = r"(?!\w)" if re.search(r"\w$", name) else ""
    return re.compile(f"{left}{re.escape(name)}{right}")
