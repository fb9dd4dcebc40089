"""Scores of a model's answers, on all rows and with blocks of rows left out."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from inspect import signature
from typing import Any

import numpy as np
from sklearn.metrics import get_scorer, get_scorer_names

from xaikit.errors import SettingError, XaikitError
from xaikit.explainers.known_scores import Kept, KnownScore, agrees, known_score
from xaikit.explainers.refused_scorers import Refused, why_not
from xaikit.explainers.replay import Replay, shown_error
from xaikit.predictor.answers import LARGEST
from xaikit.settings import Whole, check
from xaikit.tables.schema import Schema
from xaikit.tables.tables import rows_of
from xaikit.tables.targets import Labels
from xaikit.tables.wording import cut

_REFUSALS = (AttributeError, IndexError, TypeError, ValueError)
"""What scikit-learn's scorers raise for rows or labels that do not fit."""
BLOCKS = 10
"""Parts of the rows left out in turn for the standard error of a score."""


@dataclass(frozen=True)
class Blocks:
    """Blocks of rows that are left out in turn.

    Attributes
    ----------
    of_rows : int array (n_rows,)
        The block of each row.
    whole : bool
        Whether rows of a block belong together: then a row that was given a cell of a block that
        goes is not left out with it, but takes another one.
    wanted : bool
        False if the user wants no jackknife: then all rows are in one block.
    """

    of_rows: np.ndarray
    whole: bool = False
    wanted: bool = True


@dataclass(frozen=True)
class Scoring:
    """Scorers, the labels they compare answers with, and blocks of rows.

    Attributes
    ----------
    scorers : dict of name to callable
    y : Labels
    weights : array (n_rows,) or None
    schema : Schema
        Turns rows back into what the user passed, for scorers that look at them.
    blocks : Blocks
    by_class : bool
        Whether rows of every class are needed for a score, or just two rows.
    known : dict of name to KnownScore
        Scores that need not be asked of their scorers for each block; see `with_known`.
    """

    scorers: dict[str, Callable[..., float]]
    y: Labels
    weights: np.ndarray | None
    schema: Schema
    blocks: Blocks
    by_class: bool
    known: dict[str, KnownScore] = field(default_factory=dict)

    def __call__(self, replay: Replay) -> np.ndarray:
        """Compute the scores of a table's rows: (n_scorers,)."""
        replay.rows = np.arange(len(self.y))
        return np.array([self._finite(name, replay) for name in self.scorers])

    def _finite(self, name: str, replay: Replay) -> float:
        """Compute one score of the rows of a replay, and refuse one that overflows."""
        score = self._score(name, replay)
        if not abs(score) <= LARGEST:  # NaN is not either
            raise ValueError(f"a score is not finite, or beyond ±{LARGEST:g}, so that drops and "
                             f"their squares overflow: {name!r} is {score}.")
        return score

    def _score(self, name: str, replay: Replay) -> float:
        """Call a scorer with the rows to score, their own index, labels and weights."""
        scorer, rows = self.scorers[name], replay.rows
        part, labels = rows_of(replay.table, rows), self.y.of(rows)
        # scikit-learn's scorers pass on what they are handed; only a user's looks at it.
        replay.handed = part if of_sklearn(scorer) else self.schema.native(part)
        weights = {} if self.weights is None else {"sample_weight": self.weights[rows]}

        def score(other: Any) -> float:
            return _number(other(replay, replay.handed, labels, **weights), name)

        try:
            return score(scorer)
        except Exception as error:
            own = not of_sklearn(scorer)
            if own and len(rows) < len(self.y) and not isinstance(error, XaikitError):
                raise ValueError(
                    f"the scorer {name!r} scores all {len(self.y)} rows, and fails on the "
                    f"{len(rows)} that a block of the jackknife leaves ({type(error).__name__}: "
                    f"{cut(error, 200)}). If it needs whole groups of rows, pass blocks=, the "
                    "group of each row; blocks=None leaves the jackknife and its intervals "
                    "out.") from error
            if own or isinstance(error, XaikitError) or not isinstance(error, _REFUSALS):
                raise
            refused = Refused(name, scorer, replay, np.asarray(labels), str(error), score)
            raise ValueError(
                f"the scorer {name!r} cannot score these rows: {why_not(refused)} "
                f"scikit-learn says: {cut(shown_error(error), 200)}") from error

    def named(self, scores: Any) -> dict[str, float]:
        """Return scores by name."""
        return dict(zip(self.scorers, np.asarray(scores).tolist(), strict=True))

    def drops_by_block(
        self, as_is: Replay, shuffled: Replay, givers: np.ndarray,
        without: Callable[[int], Replay],
    ) -> np.ndarray:
        """Compute what the scores lose with each block left out, (n_scorers, n_blocks).

        With a block go its rows, and the rows that were given its cells: both are samples. If
        blocks are `whole`, these rows stay, with the cells that another shuffle gave them. Both
        scores are of the rows that stay, so a feature without effect drops by exactly 0.

        Parameters
        ----------
        as_is, shuffled : Replay
        givers : int array (n_rows,)
            The row that each row's cells come from.
        without : callable
            Returns the replay of the rows with no cell of a block among them.

        Returns
        -------
        array (n_scorers, n_blocks)
            NaN where too few rows stay.
        """
        blocks = self.blocks.of_rows
        kept = Kept(blocks, blocks if self.blocks.whole else blocks[givers], blocks.max() + 1)
        drops = np.full((len(self.scorers), kept.n_blocks), np.nan)
        if kept.n_blocks == 1:
            return drops
        scorable = self._scorable(kept)
        parts = [(shuffled, scorable)] if not self.blocks.whole else [
            (without(block), np.arange(kept.n_blocks) == block)
            for block in np.flatnonzero(scorable).tolist()]
        for replay, part in parts:
            for k, name in enumerate(self.scorers):
                drops[k, part] = self._drops(name, as_is, replay, kept, part)[part]
        return drops

    def _drops(self, name: str, as_is: Replay, shuffled: Replay, kept: Kept,
               scorable: np.ndarray) -> np.ndarray:
        """Compute what one score loses with each block left out, (n_blocks,)."""
        drops = np.full(kept.n_blocks, np.nan)
        if name in self.known:
            own, other = (self._known(name, replay, kept) for replay in (as_is, shuffled))
            if own is not None and other is not None:
                drops = own - other
        for block in np.flatnonzero(scorable & np.isnan(drops)):
            rows = np.flatnonzero(kept.mask(int(block)))
            as_is.rows = shuffled.rows = rows
            drops[block] = self._finite(name, as_is) - self._finite(name, shuffled)
        return drops

    def _known(self, name: str, replay: Replay, kept: Kept) -> np.ndarray | None:
        """Compute a known score of the rows that each block leaves."""
        replay.rows = np.arange(len(self.y))
        replay.handed = replay.table
        answers = getattr(replay, self.known[name].method)(replay.handed)
        return self.known[name].kept(answers, kept)

    def with_known(self, replay: Replay, scores: np.ndarray) -> Scoring:
        """Return these scorers with the known scores that agree with them on all rows.

        Parameters
        ----------
        replay : Replay
            Of the rows as they are.
        scores : array (n_scorers,)
            The scorers' own.
        """
        nothing = np.zeros(len(self.y), dtype=np.int64)
        everyone, found = Kept(nothing, nothing, 2), dict[str, KnownScore]()
        for (name, scorer), score in zip(self.scorers.items(), scores, strict=True):
            known = known_score(own_name(scorer), self.y.values, self.weights, replay.classes_,
                                partial(hasattr, replay)) if of_sklearn(scorer) else None
            if known is None:
                continue
            trial = replace(self, known={name: known})._known(name, replay, everyone)
            if trial is not None and agrees(float(trial[1]), float(score)):
                found[name] = known
        return replace(self, known=found)

    def _scorable(self, kept: Kept) -> np.ndarray:
        """Return whether each block leaves enough for a score: two numbers, or every class."""
        ones = None if self.weights is None else (self.weights > 0).astype(np.float64)
        n_rows = kept.counts(np.zeros(len(self.y), dtype=np.int64), 1, ones)[:, 0]
        if not self.by_class:
            return n_rows >= 2
        # Several targets are counted together.
        n_codes = int(self._codes.max()) + 1
        counts = np.sum([kept.counts(codes, n_codes, ones) for codes in self._codes], axis=0)
        everyone = np.sum([np.bincount(codes, ones, n_codes) for codes in self._codes], axis=0)
        return np.asarray((n_rows >= 2) & ((counts > 0) == (everyone > 0)).all(axis=1))

    @cached_property
    def _codes(self) -> np.ndarray:
        """Numbers of the different labels, (n_targets, n_rows)."""
        codes = np.unique(self.y.values, return_inverse=True)[1]
        return np.ascontiguousarray(codes.reshape(len(self.y), -1).T)


def _number(score: Any, name: str) -> float:
    """Return what a scorer returned as a number."""
    cell = score.item() if isinstance(score, np.ndarray) and score.ndim == 0 else score
    if np.ndim(cell) == 0 and not isinstance(cell, str | bytes):
        try:
            return float(cell)
        except (OverflowError, TypeError, ValueError):
            pass
    raise SettingError(f"the scorer {name!r} must return one number, got {cut(repr(score))} "
                       f"({type(score).__name__}).")


def of_sklearn(scorer: Any) -> bool:
    """Return whether a scorer is one of scikit-learn's, or made by it, and no plain function."""
    return hasattr(scorer, "set_score_request")


def own_name(scorer: Any) -> str:
    """Return scikit-learn's name of a scorer, also of an equal one that `make_scorer` made.

    Examples
    --------
    >>> from sklearn.metrics import f1_score, make_scorer
    >>> own_name(make_scorer(f1_score, average="macro"))
    'f1_macro'
    """
    made_of = _made_of(scorer)
    return next((name for name in get_scorer_names() if _made_of(get_scorer(name)) == made_of), "")


def _made_of(scorer: Any) -> tuple[Any, ...]:
    """Return what decides a scorer of scikit-learn: function, sign, settings and method."""
    function = getattr(scorer, "_score_func", None)
    defaults = {} if function is None else {
        k: p.default for k, p in signature(function).parameters.items() if p.default is not p.empty}
    settings = {**defaults, **getattr(scorer, "_kwargs", {})}
    if settings.get("average") != "binary":
        settings.pop("pos_label", None)  # it has no effect
    return (*(getattr(scorer, name, scorer) for name in (
        "_score_func", "_sign", "_response_method")), settings)


def scorers_of(scoring: Any, task: str | None, weighted: bool = False
               ) -> dict[str, Callable[..., float]]:
    """Return scorers by name; those of a task if none are given.

    Raises
    ------
    ValueError
        If there is neither a scorer nor a known task, no scorer of a name, or a function that
        takes no weights where there are some.
    TypeError
        If something is not a scorer.
    """
    if scoring is None:
        if task is None:
            raise ValueError(
                "y was given, but whether the model classifies or regresses is not known: wrap it "
                "with xk.wrap(model, task='classification' or 'regression'), or choose scoring."
            )
        scoring = "accuracy" if task == "classification" else "r2"
    named: dict[str, Any] = {}
    for one in scoring if isinstance(scoring, list | tuple) else [scoring]:
        name = one if isinstance(one, str) else getattr(one, "__name__", repr(one))
        if named.get(name, one) is not one and not isinstance(one, str):
            raise ValueError(f"scoring holds two scorers of the name {name!r}; name them apart.")
        named[name] = get_scorer(one) if isinstance(one, str) else one
        if not callable(named[name]):
            raise TypeError("scoring must be a scorer's name, a function of (estimator, X, y), or "
                            f"a list of them; got {one!r}.")
        if weighted and not takes_weights(named[name]):
            raise ValueError(f"sample_weight was given, and the scorer {name!r} takes none: add a "
                             "parameter sample_weight to the function, or leave the weights out.")
        _check_called(named[name], name, {"sample_weight": None} if weighted else {})
    return named


def _check_called(scorer: Callable[..., float], name: str, weights: dict[str, None]) -> None:
    """Refuse a function that cannot be called with an estimator, rows and labels."""
    try:
        inspect.signature(scorer).bind(None, None, None, **weights)
    except ValueError:  # some written in C have none
        return
    except TypeError as error:
        advice = ("make_scorer of sklearn.metrics turns a function of (y_true, y_pred) into one."
                  if not isinstance(scorer, type) else "pass an instance.")
        raise SettingError(f"the scorer {name!r} must be a function of (estimator, X, y), got one "
                           f"with other parameters ({error}); {advice}") from error


def takes_weights(scorer: Callable[..., float]) -> bool:
    """Return whether a function can be called with ``sample_weight=``."""
    try:
        parameters = inspect.signature(scorer).parameters
    except (TypeError, ValueError):  # some written in C have none
        return True
    return "sample_weight" in parameters or any(
        p.kind is p.VAR_KEYWORD for p in parameters.values())


def random_blocks(n_rows: int, rng: np.random.Generator, n_blocks: int = BLOCKS) -> np.ndarray:
    """Draw the block of each row. Blocks balanced by label would vary too little."""
    return rng.permutation(n_rows) % max(min(n_blocks, n_rows // 2), 1)


def blocks_of(blocks: Any, order: np.ndarray, rng: np.random.Generator) -> Blocks:
    """Return the block of each row: drawn, all in one (no jackknife), or whole groups together.

    Parameters
    ----------
    blocks : int, None, or int array (n_rows,) of groups
        See `PermutationImportance.explain`.
    order : int array (n_rows,)
        Positions of the rows in the order in which they are drawn.
    rng : Generator

    Raises
    ------
    SettingError
        If `blocks` is a number below 2.
    ValueError
        If there is a single group.
    """
    if blocks is None:
        return Blocks(np.zeros(len(order), dtype=np.int64), wanted=False)
    if np.ndim(blocks) == 0:
        check({"blocks": blocks}, {"blocks": Whole(2)})
        drawn = np.empty(len(order), dtype=np.int64)
        drawn[order] = random_blocks(len(order), rng, int(blocks))
        return Blocks(drawn)
    n_groups = int(blocks.max()) + 1
    if n_groups < 2:
        raise ValueError("blocks holds a single group, and one has to stay when one is left out: "
                         "pass the group of each row, or blocks=None for no intervals.")
    return Blocks((rng.permutation(n_groups) % min(BLOCKS, n_groups))[blocks], whole=True)
