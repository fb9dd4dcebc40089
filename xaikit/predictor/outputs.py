"""Which outputs of a model are kept, and what they are called."""

from __future__ import annotations

from typing import Any

import numpy as np

from xaikit.errors import ModelError

_SHOWN = 8
"""Most names listed in a message."""
_OF_HALVES = 2e-3
"""How far from 1 the sum of shares may be that half-precision networks return."""


class Outputs:
    """The names of a model's outputs and the choice among them.

    Parameters
    ----------
    own : tuple of str or None
        Names that the model gives its outputs, if it knows them.
    names : sequence of str or None
        The user's names for all outputs.
    chosen : position, name, list of them, or None
        Outputs to keep; None keeps all.
    classes : tuple or None
        The class that each of all outputs is of, if the model says so.

    Attributes
    ----------
    all_names : tuple of str or None
        Names of all outputs; None before they are known.
    classes : tuple or None
    are_shares : bool
        Whether there are several outputs, and all answers so far were shares of 1.

    Raises
    ------
    ValueError
        If the names or the choice do not fit the outputs.
    """

    def __init__(self, own: tuple[str, ...] | None, names: Any, chosen: Any,
                 classes: tuple[Any, ...] | None = None) -> None:
        self._chosen, self._own = chosen, own
        self.classes = classes
        self.are_shares = True
        self.all_names = own if names is None else _renamed(own, tuple(str(n) for n in names))
        self._kept = None if self.all_names is None else _positions(chosen, self.all_names)
        self._answered: tuple[str, ...] | None = None

    @property
    def names(self) -> tuple[str, ...] | None:
        """Names of the outputs kept; None before they are known."""
        if self.all_names is None or self._kept is None:
            return self.all_names
        return tuple(self.all_names[k] for k in self._kept)

    @property
    def kept(self) -> list[int]:
        """Positions of the outputs kept, among all; none before they are known."""
        if self._kept is None:
            return list(range(len(self.all_names or ())))
        return [int(k) for k in self._kept]

    @property
    def chosen(self) -> bool:
        """Whether the user said which outputs to keep."""
        return self._chosen is not None

    def of(self, answers: np.ndarray, names: tuple[str, ...] | None) -> np.ndarray:
        """Return the outputs kept, in the order of the first answer.

        Names that are not known yet are learned from the first answer.

        Parameters
        ----------
        answers : array (n_rows, n_outputs)
        names : tuple of str or None
            Names that the answer itself carries.

        Raises
        ------
        ModelError
            If the number of outputs or their names differ from those of the first answer.
        """
        self._check_number(answers.shape[1], names)
        if names is not None:
            answers = self._in_order(answers, names)
        self.are_shares = self.are_shares and answers.shape[1] > 1 and shares_of_one(answers)
        return answers if self._kept is None else answers[:, self._kept]

    def by_name(self, answers: np.ndarray, names: tuple[str, ...] | None) -> np.ndarray | None:
        """Return named answers in the order of all outputs; None if they carry other names.

        The names of an answer say more about it than an order that was declared beside it.
        """
        for known in (self._own, self.all_names):
            if names is not None and known is not None and len(set(names)) == len(names) \
                    and sorted(names) == sorted(known):
                return answers[:, [names.index(name) for name in known]]
        return None

    def _check_number(self, n_outputs: int, names: tuple[str, ...] | None) -> None:
        if self.all_names is None:
            learned = names or (("output",) if n_outputs == 1 else tuple(
                f"output {k}" for k in range(n_outputs)))
            # The choice may be refused; nothing is learned then.
            self._kept, self.all_names = _positions(self._chosen, learned), learned
        elif len(self.all_names) != n_outputs:
            raise ModelError(f"the model answered with {n_outputs} outputs, where "
                             f"{len(self.all_names)} were expected "
                             f"({', '.join(self.all_names[:_SHOWN])}).")

    def _in_order(self, answers: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
        ordered = self.by_name(answers, names)
        if ordered is not None:
            return ordered
        if self._answered is None:
            self._answered = names
        if names == self._answered:
            return answers
        if sorted(names) != sorted(self._answered) or len(set(names)) < len(names):
            raise ModelError("the columns of the model's answers changed from "
                             f"{', '.join(self._answered[:_SHOWN])} to "
                             f"{', '.join(names[:_SHOWN])}.")
        return answers[:, [names.index(name) for name in self._answered]]


def shares_of_one(answers: np.ndarray) -> bool:
    """Return whether the outputs (n_rows, n_outputs) of every row are parts of 1."""
    return bool((answers >= 0).all()) and np.allclose(answers.sum(axis=1), 1.0, atol=_OF_HALVES)


def _renamed(own: tuple[str, ...] | None, names: tuple[str, ...]) -> tuple[str, ...]:
    if own is not None and len(names) != len(own):
        raise ValueError(f"output_names holds {len(names)} names for the model's "
                         f"{len(own)} outputs.")
    if len(set(names)) < len(names) or not names:
        raise ValueError(f"output_names must be different names, got {list(names)}.")
    return names


def _positions(chosen: Any, names: tuple[str, ...]) -> np.ndarray | None:
    """Return the positions of the chosen outputs; None for all."""
    if chosen is None:
        return None
    n_outputs, several = len(names), isinstance(chosen, list | tuple | np.ndarray)
    if several and len(chosen) == 0:
        raise ValueError("outputs is empty; name at least one, or leave it out for all.")
    kept: list[int] = []
    for choice in chosen if several else [chosen]:
        if isinstance(choice, int | np.integer) and -n_outputs <= choice < n_outputs:
            kept.append(int(choice) % n_outputs)
        elif str(choice) in names:
            kept.append(names.index(str(choice)))
        else:
            raise ValueError(f"outputs={choice!r} is not one of the model's {n_outputs}: "
                             f"{', '.join(names)}.")
    if len(set(kept)) < len(kept):
        raise ValueError(f"outputs={chosen!r} names an output twice.")
    return np.array(kept, dtype=np.int64)
