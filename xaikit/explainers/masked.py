"""What the explainers share that hide units of a row, a text or an image: fit, games, results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import MethodType
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from xaikit.explainers.base import Explainer, Stopwatch, in_parallel, row_slices
from xaikit.explanations.attribution import Attribution
from xaikit.explanations.base import Cost
from xaikit.explanations.image import ImageAttribution
from xaikit.explanations.text import TextAttribution
from xaikit.predictor.adapter import Predictor
from xaikit.sampling.game import Game, Masker
from xaikit.sampling.image import ImageMasker
from xaikit.sampling.seeds import resolve_seed, stream
from xaikit.sampling.tabular import TabularMasker, as_masker
from xaikit.tables.containers import container_of
from xaikit.tables.tables import Batch, take_rows


@dataclass
class RowResult:
    """What was found for one row: arrays (M, K) or (K,); details by row and by unit beside them."""

    values: np.ndarray
    errors: np.ndarray
    base: np.ndarray
    prediction: np.ndarray
    fidelity: np.ndarray
    base_errors: np.ndarray | None = None
    details: dict[str, Any] = field(default_factory=dict)
    unit_details: dict[str, np.ndarray] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    layout: Any = None
    """Where the units are in the text or image; see `Masked`."""


@dataclass(frozen=True)
class Stacked:
    """The results of some rows as arrays, each with the number of its axes that are of units."""

    arrays: dict[str, tuple[np.ndarray, int]]
    details: dict[str, tuple[np.ndarray, int]]
    of_units: dict[str, tuple[np.ndarray, int]]
    warnings: tuple[str, ...]
    layouts: list[Any]


@dataclass(frozen=True)
class Turn:
    """Which of a task's rows it is, and the seconds that those before it took."""

    i: int
    n: int
    elapsed: float


Solve = Callable[[Game, Turn], RowResult]


@dataclass(frozen=True)
class Bound:
    """A model that knows what it will be asked about, and what hides in it.

    `answers` are those to the background, where all rows have the same.
    """

    predictor: Predictor
    masker: Masker
    answers: np.ndarray | None
    max_memory: int


@dataclass(frozen=True)
class GameTask:
    """Explains some rows; goes to workers whole."""

    bound: Bound
    solve: Solve

    def __call__(self, part: tuple[int, Batch]) -> tuple[list[RowResult], Cost]:
        """Explain a part of all rows, texts or images, from a position on."""
        predictor = self.bound.predictor.spawn()
        first, batch = part
        rows = self.bound.masker.rows(batch, first=first)
        watch, found, questions = Stopwatch(), [], 0
        for i in range(len(rows)):
            game = Game(predictor, rows[i], self.bound.answers, self.bound.max_memory)
            found.append(solved(self.solve, game, Turn(i, len(rows), watch.seconds)))
            questions += game.questions
        return found, watch.cost(predictor, questions=questions)


def solved(solve: Solve, game: Game, turn: Turn) -> RowResult:
    """Explain one game, and note what it took."""
    before = game.predictor.ledger.rows
    result = solve(game, turn)
    result.details["model_rows"] = game.predictor.ledger.rows - before
    result.layout = game.row.layout
    if game.n_units == 1 and game.row.masker.kind == "image":
        result.warnings.append("Some images are one region as a whole, so that nothing in them is "
                               "told apart; use segmenter='grid', or give labels.")
    return result


class MaskedExplainer(Explainer):
    """Base of the explainers that ask about rows, texts or images with some units hidden.

    A subclass has the settings ``groups``, ``outputs``, ``batch_size``, ``random_state``,
    ``n_jobs`` and ``max_memory``, and says in `_solver` how a game becomes a result.
    """

    asks_background: ClassVar[bool] = True
    """Whether the answers to the background rows are wanted."""

    def fit(self, model: Any, background: Any = None) -> Self:
        """Wrap and probe the model, and keep what stands in for hidden units.

        Parameters
        ----------
        model : estimator, torch module, callable or Predictor
        background : DataFrame, array (n_background, n_columns), or masker
            Rows whose values stand in for hidden features; a `TextMasker` for texts, an
            `ImageMasker` for images.

        Raises
        ------
        ValueError
            For settings out of range, an empty or unfit background, or a model that the probe finds
            cannot be explained.
        ModelError
            If the model fails.
        """
        self._check_settings()
        params = self.get_params(deep=False)
        self.seed_ = resolve_seed(params["random_state"])
        self.warnings_: tuple[str, ...] = ()
        self.background_answers_: np.ndarray | None = None
        groups = params.get("groups")
        if getattr(type(background), "kind", "table") != "table":
            if groups is not None:
                raise ValueError("groups name columns of a table; the units of texts and images "
                                 "are the masker's: see its settings.")
            # Documents and images are probed when there are some: see `_bind`.
            self.predictor_, self.masker_ = self._wrap(model), background
            return self
        ready = isinstance(background, TabularMasker)
        given = as_masker(background, groups if ready else None)
        rows = given.background if ready else self._thin(given.background)
        predictor = self._wrap(model).bind(given.schema.native(rows))
        assert predictor.findings is not None
        # Groups name columns by the model's own names, which an array has only once it is bound.
        schema = predictor.columns
        masker = background if ready else as_masker(
            schema.native(schema.conform(rows)), groups, schema.names)
        self.warnings_ += predictor.findings.warnings
        before = predictor.ledger.seconds
        if self.asks_background:
            self.background_answers_ = predictor(masker.background)
        self.predictor_, self.masker_ = predictor, masker
        self._learn(predictor, masker.background, predictor.ledger.seconds - before)
        return self

    def explain(self, X: Any) -> Attribution:
        """Explain rows, texts, images, or games that other explainers share.

        Parameters
        ----------
        X : DataFrame, array (n_rows, n_columns), or one row; texts; images; or a list of games
            What `fit` was given a background or masker for; games are those of `games`.

        Returns
        -------
        Attribution
            A `TextAttribution` of texts, an `ImageAttribution` of images.

        Raises
        ------
        sklearn.exceptions.NotFittedError
        ValueError
            If X does not fit the background, or the budget is too small.
        ModelError
            If the model fails.
        """
        self._check_fitted()
        self._check_settings()
        watch = Stopwatch()
        if isinstance(X, Game):
            X = [X]
        if isinstance(X, list) and X and all(isinstance(game, Game) for game in X):
            return self._explain_games(X, watch)
        batch, bound, warnings = self._bind(X)
        parts = self._parts(batch)
        task = self._task(bound, batch, len(parts))
        found, cost = [], Cost()
        if bound.predictor is not self.predictor_:
            cost += Stopwatch().cost(bound.predictor)  # of the probe
        for rows, spent in in_parallel(task, parts, self._n_jobs(), type(self).__name__):
            found.append(self._stacked(rows))
            cost += spent
        self.predictor_.ledger.count(cost.model_rows, cost.calls, cost.model_seconds)
        return self._result(batch, bound, found, cost, watch, warnings)

    def games(self, X: Any) -> list[Game]:
        """Make the games of rows, texts or images, for several explainers to share.

        A game remembers the answers to its questions while `max_memory` allows: what one explainer
        asked, the next one need not ask again.

        Parameters
        ----------
        X : what `explain` takes
        """
        self._check_fitted()
        batch, bound, _ = self._bind(X)
        rows = bound.masker.rows(batch, first=0)
        return [Game(bound.predictor.spawn(), rows[i], bound.answers, bound.max_memory)
                for i in range(len(rows))]

    def _check_games(self, games: list[Game]) -> None:
        """Refuse games of another masker or model than this explainer was fitted with."""
        masker, model = games[0].row.masker, games[0].predictor.model
        if any(game.row.masker is not masker for game in games):
            raise ValueError("the games were made by different maskers; explain those of one "
                             "masker at a time.")
        own = self.predictor_.model
        if model is not own and not (isinstance(own, MethodType) and model == own):
            raise ValueError("the games ask another model than this explainer was fitted with.")
        if masker is not self.masker_:
            raise ValueError("the games were made by another masker than this explainer was fitted "
                             "with; call fit(model, games[0].row.masker).")

    def _explain_games(self, games: list[Game], watch: Stopwatch) -> Attribution:
        self._check_games(games)
        masker = games[0].row.masker
        bound = Bound(games[0].predictor, masker, games[0].background_answers,
                      int(self.get_params(deep=False)["max_memory"]))
        batch = joined([game.row.source for game in games])
        solve = self._solver(bound, batch, 1)
        found, cost = [], Cost()
        for i, game in enumerate(games):
            own = Stopwatch()
            ledger, asked = game.predictor.ledger, game.questions
            rows, calls, seconds = ledger.rows, ledger.calls, ledger.seconds
            found.append(self._stacked(
                [solved(solve, game, Turn(i, len(games), watch.seconds))]))
            more = ledger.rows - rows
            cost += Cost(more, more, game.questions - asked, ledger.calls - calls,
                         ledger.seconds - seconds, own.seconds)
        return self._result(batch, bound, found, cost, watch, ())

    def _bind(self, X: Any) -> tuple[Batch, Bound, tuple[str, ...]]:
        """Give what is to be explained, the model that knows it, and what its probe found."""
        batch = self.masker_.conform(X)
        memory = int(self.get_params(deep=False)["max_memory"])
        if self.masker_.kind == "table":
            return batch, Bound(self.predictor_, self.masker_, self.background_answers_,
                                memory), ()
        # The model is to see the container that it would be handed by the user: a tensor, say.
        home = container_of(X)
        predictor = self.predictor_.bind(batch if home is None or self.masker_.kind == "text"
                                         else home.give(batch))
        assert predictor.findings is not None
        return batch, Bound(predictor, self.masker_, None, memory), predictor.findings.warnings

    def _parts(self, batch: Batch) -> list[tuple[int, Batch]]:
        """Cut a batch into parts, each with the position of its first row."""
        return [(s.start, take_rows(batch, np.arange(s.start, s.stop)))
                for s in row_slices(len(batch))]

    def _task(self, bound: Bound, batch: Batch, n_parts: int) -> Callable[[Any], Any]:
        """Give what explains a part."""
        return GameTask(bound, self._solver(bound, batch, n_parts))

    def _solver(self, bound: Bound, batch: Batch, n_parts: int) -> Solve:
        """Say how a game becomes a result; the batch is what will be explained, in parts."""
        raise TypeError(f"{type(self).__name__} cannot explain.")

    def _check_settings(self) -> None:
        """Refuse settings out of range."""

    def _learn(self, predictor: Predictor, background: Batch, seconds: float) -> None:
        """Measure of the model what the method wants to know.

        `seconds` are what the answers to the background took.
        """

    def _n_jobs(self) -> int | None:
        return self.get_params(deep=False).get("n_jobs")

    def _thin(self, rows: Batch) -> Batch:
        n, most = len(rows), self.get_params(deep=False)["max_background"]
        if n <= most:
            return rows
        chosen = stream(self.seed_, "background").permutation(n)[:most]
        self.warnings_ += (
            f"The background is a random sample of {most} of {n:,} rows; raise "
            "max_background or pass a TabularMasker to use more.",
        )
        return take_rows(rows, np.sort(chosen))

    def _stacked(self, rows: list[RowResult]) -> Stacked:
        """Put the results of some rows into arrays: the objects themselves are many times as large.

        A value of a pair is of units on none, one or two of its axes.
        """
        arrays = {
            "values": (padded([row.values for row in rows]), 1),
            "standard_errors": (padded([row.errors for row in rows]), 1),
            "base_values": (np.stack([row.base for row in rows]), 0),
            "predictions": (np.stack([row.prediction for row in rows]), 0),
            "base_errors": (np.stack([
                np.full(row.base.shape, np.nan) if row.base_errors is None else row.base_errors
                for row in rows]), 0),
            "fidelity": (np.stack([row.fidelity for row in rows]), 0),
            **self._more(rows),
        }
        details = {key: (np.stack([row.details[key] for row in rows]), 0)
                   for key in rows[0].details}
        of_units = {key: (padded([row.unit_details[key] for row in rows]), 1)
                    for key in rows[0].unit_details}
        said = dict.fromkeys(warning for row in rows for warning in row.warnings)
        layouts = [row.layout for row in rows] if rows[0].layout is not None else []
        return Stacked(arrays, details, of_units, tuple(said), layouts)

    def _more(self, rows: list[RowResult]) -> dict[str, tuple[np.ndarray, int]]:
        """Give further arrays of the explanation, each with its number of axes of units."""
        return {}

    def _result(self, batch: Batch, bound: Bound, parts: list[Stacked], cost: Cost,
                watch: Stopwatch, warnings: tuple[str, ...]) -> Attribution:
        said = dict.fromkeys([*self.warnings_, *warnings, *(w for p in parts for w in p.warnings)])
        fields = {
            "method": type(self).__name__,
            **merged([part.arrays for part in parts]),
            "details": merged([part.details for part in parts]),
            "feature_details": merged([part.of_units for part in parts]),
            "output_names": bound.predictor.output_names or (),
            "settings": {**self._settings(), "scale": bound.predictor.scale,
                         **bound.masker.described()},
            "random_state": self.seed_,
            "cost": Cost(cost.model_rows, cost.unique_rows, cost.questions, cost.calls,
                         cost.model_seconds, watch.seconds),
            "warnings": tuple(said),
        }
        layouts = [layout for part in parts for layout in part.layouts]
        return laid_out(bound.masker, batch, layouts, {**fields, **self._names(layouts)})

    def _names(self, layouts: list[Any]) -> dict[str, Any]:
        """Give names of features that the units' layout does not give."""
        return {}


def laid_out(
    masker: Masker, batch: Batch, layouts: list[Any], fields: dict[str, Any]
) -> Attribution:
    """Make the explanation of a table, of texts or of images."""
    if masker.kind == "text":
        return TextAttribution(texts=tuple(batch), spans=layouts, **fields)
    if masker.kind == "image":
        assert isinstance(masker, ImageMasker)
        return ImageAttribution(images=batch, labels=np.stack(layouts),
                                channels=masker.channels_of(batch.shape), **fields)
    assert isinstance(masker, TabularMasker)
    return Attribution(
        data=masker.schema.to_frame(batch),
        row_names=tuple(getattr(batch, "index", range(len(batch)))),
        feature_names=masker.unit_names, **fields)


def merged(parts: list[dict[str, tuple[np.ndarray, int]]]) -> dict[str, np.ndarray]:
    """Put arrays of parts of the rows together; those of rows with fewer units are padded."""
    found = {}
    for key in list(parts[0]):
        axes = parts[0][key][1]
        # Taken out as it goes, and handed over to be kept: nothing is there twice for long.
        arrays = [part.pop(key)[0] for part in parts]
        same = all(array.shape[1:] == arrays[0].shape[1:] for array in arrays)
        found[key] = np.concatenate(arrays) if same else padded(
            [row for array in arrays for row in array], axes)
        found[key].flags.writeable = False
    return found


def padded(arrays: list[np.ndarray], axes: int = 1) -> np.ndarray:
    """Stack arrays (M, …) whose numbers of units differ, with NaN (or "") for what is not there.

    The first `axes` axes are of units.
    """
    most = max(len(array) for array in arrays)
    if all(len(array) == most for array in arrays):
        return np.stack(arrays)
    shape = (len(arrays), *(most,) * axes, *arrays[0].shape[axes:])
    text = arrays[0].dtype.kind == "U"
    out = np.full(shape, "" if text else np.nan, dtype=object if text else np.float64)
    for into, array in zip(out, arrays, strict=True):
        into[tuple(slice(len(array)) for _ in range(axes))] = array
    return out.astype(str) if text else out


def joined(batches: list[Batch]) -> Batch:
    """Put batches of one row each together."""
    if isinstance(batches[0], list):
        return [text for batch in batches for text in batch]
    if isinstance(batches[0], pd.DataFrame):
        return pd.concat(batches)
    return np.concatenate(batches)
