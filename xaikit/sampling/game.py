"""Game: one row's set function v(S), asked in bulk, each distinct row once, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial

import numpy as np

from xaikit.kernels.masking import (
    add_answers,
    number_pairs,
    number_products,
    number_submasks,
    rehash,
)
from xaikit.predictor.adapter import Predictor
from xaikit.sampling.coalitions import pack, unpack
from xaikit.sampling.maskers import Masked
from xaikit.settings import MAX_MEMORY
from xaikit.tables.tables import Batch

_LEAST_CHUNK = 256
"""Questions handled at a time even if memory is short; with fewer, fixed costs dominate."""
_LEAST_BYTES = 2**22
"""Maximum bytes of the rows of these questions; large rows, such as images, are fewer."""


class Game:
    """One row's set function: v(S) = Σ_b weight_b · f(row on S, background row b elsewhere).

    A question is a pair of a coalition and a background row. The model is asked equal composed rows
    only once, whichever questions they come from. Answers are remembered as far as memory allows,
    so a second method on the same game asks only new rows.

    Parameters
    ----------
    predictor : Predictor
        The model; its ledger counts the rows asked.
    row : Masked
        The row to explain.
    background_answers : array (B, n_outputs), optional
        The model's answers to the background rows themselves, if they are known.
    max_memory : int, default 64 MiB
        Bound in bytes on the game's buffers and remembered answers. The memory that the model uses
        for a batch is not included.

    Attributes
    ----------
    questions : int
        Questions so far; equal composed rows are counted each time.
    doubts : tuple of str
        Warnings about the answers so far.
    chunk : int
        Maximum number of questions handled at a time.
    answers : array (capacity, n_outputs)
        Answers to the remembered questions, by id; of shape (0, 0) before the first question.

    Examples
    --------
    >>> import numpy as np
    >>> import xaikit as xk
    >>> X = np.array([[0.0, 0.0], [1.0, 5.0]])
    >>> game = Game(xk.wrap(lambda X: X.prod(axis=1)), xk.TabularMasker(X[:1]).rows(X)[1])
    >>> game.values(np.array([[False, False], [True, False], [True, True]])).ravel()
    array([0., 0., 5.])
    """

    def __init__(
        self,
        predictor: Predictor,
        row: Masked,
        background_answers: np.ndarray | None = None,
        max_memory: int = MAX_MEMORY,
    ) -> None:
        self.predictor = predictor
        self.row = row
        self.n_units = row.n_units
        self.questions = 0
        self.doubts: tuple[str, ...] = ()
        self._given = background_answers
        self._n_words = max(1, -(-self.n_units // 64))
        # A question takes its composed row (twice, to allow for temporaries), id, answer and mask.
        # An answer is remembered with its mask, keys and up to four slots of the hash table.
        n_outputs = 1 if background_answers is None else background_answers.shape[1]
        asked = 2 * row.row_bytes + 8 * (2 + self._n_words + n_outputs)
        known = 8 * (3 + self._n_words + n_outputs + 2)
        least = max(1, min(_LEAST_CHUNK, _LEAST_BYTES // row.row_bytes))
        self.chunk = max(least, int(max_memory) // (asked + 2 * known))
        self._most_known = 2 * self.chunk + len(row.weights)
        # A predictor; where there is a shortcut, one of masks instead of the rows composed of them.
        shortcut = getattr(row, "shortcut", None)
        self.asks = (None if shortcut is None else shortcut(predictor)) or predictor
        self._known: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
        self._capacity: int
        self._n_known: int
        self.answers: np.ndarray
        self._forget()

    def values(self, kept: np.ndarray) -> np.ndarray:
        """Compute v(S) for coalitions.

        Parameters
        ----------
        kept : bool array (n_coalitions, M)
            Whether each coalition keeps each unit.

        Returns
        -------
        array (n_coalitions, n_outputs)
        """
        kept = np.asarray(kept, dtype=bool)
        if kept.ndim != 2 or kept.shape[1] != self.n_units or len(kept) == 0:
            raise ValueError(f"expected coalitions of shape (n, {self.n_units}), n at least 1, "
                             f"got {kept.shape}.")
        return self.block_values(kept[None], [np.arange(len(self.row.weights))])[0]

    @cached_property
    def active(self) -> np.ndarray:
        """Units that differ from some background row, in order; no other can change an answer."""
        return np.flatnonzero(self.row.differs.any(axis=0))

    @property
    def background_answers(self) -> np.ndarray:
        """The model's answers to the background rows, (B, n_outputs); asked if not yet known."""
        if self._given is None:
            n_background = len(self.row.weights)
            self._given = self.pairs(np.zeros((n_background, self.n_units), dtype=bool),
                                     np.arange(n_background))
        return self._given

    def pairs(self, kept: np.ndarray, of_background: np.ndarray) -> np.ndarray:
        """Return the answers to coalitions, each with one background row for its hidden units.

        Parameters
        ----------
        kept : bool array (n, M)
            Whether each coalition keeps each unit.
        of_background : int array (n,)
            Positions of the background rows.

        Returns
        -------
        array (n, n_outputs)
        """
        masks, members = pack(kept), of_background.astype(np.int64)
        answers: list[np.ndarray] = []
        for first in range(0, len(masks), self.chunk):
            n = min(self.chunk, len(masks) - first)
            ids = self._ask(n, partial(self._number_pairs, masks, members, first))
            answers.append(self.answers[ids])
        if not answers:
            return self.answers[:0]
        return answers[0] if len(answers) == 1 else np.concatenate(answers)

    def block_values(self, kept: np.ndarray, blocks: Sequence[np.ndarray]) -> np.ndarray:
        """Compute v(S) of the games of blocks of background rows, each on its own coalitions.

        Parameters
        ----------
        kept : bool array (n_blocks, n_coalitions, M)
            Coalitions of each block.
        blocks : sequence of int arrays
            Positions of each block's background rows.

        Returns
        -------
        array (n_blocks, n_coalitions, n_outputs)
            Means over each block, weighted by its rows' weights.
        """
        masks = pack(kept.reshape(-1, self.n_units)).reshape(*kept.shape[:2], -1)
        members = np.concatenate(blocks).astype(np.int64)
        bounds = np.concatenate([[0], np.cumsum([len(b) for b in blocks])]).astype(np.int64)
        weights = np.concatenate([self.row.weights[b] / self.row.weights[b].sum() for b in blocks])
        base_keys = np.ascontiguousarray(self.row.base_keys[:, members])
        flip_keys = np.ascontiguousarray(self.row.flip_keys[:, :, members])
        total = masks.shape[1] * len(members)
        sums = np.zeros((*masks.shape[:2], 0))
        for first in range(0, total, self.chunk):
            n = min(self.chunk, total - first)
            ids = self._ask(n, partial(
                self._number_products, masks, members, bounds, base_keys, flip_keys, first))
            if first == 0:
                sums = np.zeros((*masks.shape[:2], self.answers.shape[1]))
            add_answers(bounds, first, ids, self.answers, weights, sums)
        return sums

    def ask_submasks(
        self, starts: np.ndarray, players: np.ndarray, n_players: np.ndarray, first: int, n: int
    ) -> np.ndarray:
        """Answer questions first … first + n − 1 of the submasks of all background rows.

        Parameters
        ----------
        starts : int array (B + 1,)
            First question of each background row, and their total number.
        players : int array (B, M)
            Unit of each player of each background row.
        n_players : int array (B,)
            Number of players of each background row.
        first, n : int
            Position of the first question, and their number, at most `chunk`.

        Returns
        -------
        int array (n,)
            Rows of `answers`, valid until the next question.
        """
        return self._ask(n, lambda ids: number_submasks(
            starts, players, n_players, self.row.base_keys, self.row.flip_keys, first, *self._known,
            self._n_known, ids))

    def remembers(self, n: int) -> bool:
        """Return whether the answers to `n` questions can all be remembered."""
        return n + len(self.row.weights) <= self._most_known

    def count_submasks(
        self, starts: np.ndarray, players: np.ndarray, n_players: np.ndarray
    ) -> int:
        """Count the distinct questions among all submasks, asking none; see `ask_submasks`."""
        total = int(starts[-1])
        table, keys, of_background, masks = _empty_known(total, self._n_words)
        return int(number_submasks(
            starts, players, n_players, self.row.base_keys, self.row.flip_keys, 0, table, keys,
            of_background, masks, 0, np.empty(total, dtype=np.int64)))

    def _number_products(
        self, masks: np.ndarray, members: np.ndarray, bounds: np.ndarray, base_keys: np.ndarray,
        flip_keys: np.ndarray, first: int, ids: np.ndarray,
    ) -> int:
        return number_products(masks, members, bounds, base_keys, flip_keys, first, *self._known,
                               self._n_known, ids)

    def _number_pairs(
        self, masks: np.ndarray, members: np.ndarray, first: int, ids: np.ndarray
    ) -> int:
        return number_pairs(masks, members, self.row.base_keys, self.row.flip_keys, first,
                            *self._known, self._n_known, ids)

    def parts(self, n: int, questions: int) -> list[slice]:
        """Cut `n` steps of so many questions into parts whose questions fit a chunk."""
        step = max(1, self.chunk // max(1, questions))
        return [slice(first, min(first + step, n)) for first in range(0, n, step)]

    def _ask(self, n: int, number: Callable[[np.ndarray], int]) -> np.ndarray:
        """Let a kernel number `n` questions, ask the model the new ones and return all ids."""
        self._reserve(n)
        self.questions += n
        ids = np.empty(n, dtype=np.int64)
        before, self._n_known = self._n_known, int(number(ids))
        if self._n_known > before:
            new = slice(before, self._n_known)
            _, _, of_background, masks = self._known
            try:
                asked = self._composed(of_background[new], masks[new])
                self._learn(self.asks.ask(asked, own=True), before)
            except BaseException:
                # Questions without answers must not remain in the hash table.
                self._forget()
                raise
        self.predictor.ledger.count(spared=n - (self._n_known - before))
        return ids

    def _composed(self, of_background: np.ndarray, masks: np.ndarray) -> Batch:
        """Compose rows, or return their masks if a shortcut answers these."""
        if self.asks is not self.predictor:
            return unpack(masks, self.n_units)
        return self.row.compose(of_background, masks)

    def _learn(self, answers: np.ndarray, at: int) -> None:
        """Store answers from id `at` on."""
        if len(self.answers) < self._capacity:
            self.answers = np.empty((self._capacity, answers.shape[1]))
        self.answers[at : at + len(answers)] = answers

    def _reserve(self, n: int) -> None:
        """Make room for `n` more questions: grow, or forget all if memory does not allow it."""
        if self._n_known + n > max(self._most_known, self._capacity):
            self._forget()
        needed = max(self._n_known, len(self.row.weights)) + n
        if needed > self._capacity:
            self._allocate(max(needed, min(2 * self._capacity, self._most_known)))
        if self._n_known == 0 and self._given is not None:
            self._enter_background(self._given)

    def _allocate(self, capacity: int) -> None:
        """Move known questions and answers to arrays of length `capacity`; ids do not change."""
        n, answers = self._n_known, self.answers
        _, *old = self._known
        table, keys, of_background, masks = _empty_known(capacity, self._n_words)
        keys[:, :n], of_background[:n], masks[:n] = old[0][:, :n], old[1][:n], old[2][:n]
        self._known, self._capacity = (table, keys, of_background, masks), capacity
        if n:
            rehash(table, keys, n)
            self._learn(answers[:n], 0)

    def _forget(self) -> None:
        """Forget all questions and answers; the next question enters the background rows again."""
        self._known = (np.empty(0, dtype=np.int32), np.empty((2, 0), dtype=np.uint64),
                       np.empty(0, dtype=np.int64), np.empty((0, self._n_words), dtype=np.uint64))
        self._n_known, self._capacity, self.answers = 0, 0, np.empty((0, 0))

    def _enter_background(self, answers: np.ndarray) -> None:
        """Enter the background rows as known questions, with their answers."""
        ids = np.empty(len(answers), dtype=np.int64)
        nothing = np.zeros((1, 1, self._n_words), dtype=np.uint64)
        everyone = np.arange(len(answers))
        self._n_known = int(self._number_products(
            nothing, everyone, np.array([0, len(answers)]), self.row.base_keys, self.row.flip_keys,
            0, ids))
        self._learn(answers[np.unique(ids, return_index=True)[1]], 0)


def _empty_known(capacity: int, n_words: int) -> tuple[np.ndarray, ...]:
    """Return empty arrays of known questions, as `kernels.masking` describes them."""
    return (np.full(1 << int(2 * capacity - 1).bit_length(), -1, dtype=np.int32),
            np.empty((2, capacity), dtype=np.uint64), np.empty(capacity, dtype=np.int64),
            np.empty((capacity, n_words), dtype=np.uint64))


def submask_list(differs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number the submasks of all background rows, as `Game.ask_submasks` takes them.

    Parameters
    ----------
    differs : bool array (B, M)
        Whether each unit of the row differs from each background row: the players.

    Returns
    -------
    starts : int array (B + 1,)
    players : int array (B, M)
    n_players : int array (B,)
    """
    n_players = differs.sum(axis=1).astype(np.int64)
    players = np.argsort(~differs, axis=1, kind="stable").astype(np.int64)
    return np.concatenate([[0], np.cumsum(2**n_players)]).astype(np.int64), players, n_players


def zobrist(codes: np.ndarray) -> np.ndarray:
    """Draw a 128-bit key for every value of every unit (Zobrist 1970).

    The key of a composed row is the exclusive or of the keys of its values, so equal rows have
    equal keys; the probability that any two different rows among a billion share a key is below
    1e-20. The keys are used only by the hash table; no result depends on them.

    Parameters
    ----------
    codes : int array (n, M)
        Number of each row's value of each unit, from 0.

    Returns
    -------
    uint64 array (2, M, n)
        Keys of the values of every row, in two halves.
    """
    rng = np.random.default_rng(0)
    n_units = codes.shape[1]
    keys = rng.integers(2**64, size=(2, n_units, int(codes.max(initial=0)) + 1), dtype=np.uint64)
    return keys[:, np.arange(n_units)[:, None], codes.T]
