"""Explainers that hide units of a row, a text or an image: fit, games, and solving them in parts.

A method is a function from a game to a `RowResult`; everything around it is here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import MethodType
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy.special import expit

from xaikit.errors import ProbeError
from xaikit.explainers.base import Explainer
from xaikit.explainers.results import RowResult, Stacked, attribution, stacked
from xaikit.explainers.run import Stopwatch, row_slices, run
from xaikit.explanations.attribution import Attribution
from xaikit.predictor.adapter import Predictor
from xaikit.predictor.ledger import Ledger
from xaikit.predictor.probe import differs_alone
from xaikit.sampling.game import Game
from xaikit.sampling.maskers import Masker
from xaikit.sampling.seeds import resolve_seed, stream
from xaikit.sampling.tabular import TabularMasker, as_masker
from xaikit.solvers.links import linked
from xaikit.tables.containers import container_of
from xaikit.tables.tables import Batch, rows_of, take_rows


@dataclass(frozen=True)
class Turn:
    """Which of a part's rows it is, and the seconds that those before it took."""

    i: int
    n: int
    elapsed: float


Solve = Callable[[Game, Turn], RowResult]
"""A method: what it learns from one game."""


@dataclass(frozen=True)
class Request:
    """What an explainer was asked: a batch, and all that its games are made of.

    Attributes
    ----------
    batch : batch
    predictor : Predictor
        Knows the schema of the batch.
    masker : Masker
    answers : array (B, n_outputs) or None
        The model's answers to the background, where all rows have the same.
    max_memory : int
    warnings : tuple of str
        Of the probe.
    watch : Stopwatch
        Started with the request; counts what the fitted predictor's ledger does.
    games : list of Game or None
        Where the user handed over games that other explainers share.
    """

    batch: Batch
    predictor: Predictor
    masker: Masker
    answers: np.ndarray | None
    max_memory: int
    warnings: tuple[str, ...]
    watch: Stopwatch
    games: list[Game] | None = None


@dataclass(frozen=True)
class GameWork:
    """Solves the games of a part of the rows; goes to workers whole."""

    predictor: Predictor
    masker: Masker
    answers: np.ndarray | None
    max_memory: int
    solve: Solve

    def __call__(self, part: tuple[int, Batch]) -> tuple[list[RowResult], Ledger]:
        """Explain the rows of a part, which begins at a position of the whole batch."""
        predictor, (first, batch) = self.predictor.spawn(), part
        rows = self.masker.rows(batch, first=first)
        start, found = time.perf_counter(), []
        for i in range(len(rows)):
            game = Game(predictor, rows[i], self.answers, self.max_memory)
            before = predictor.ledger.rows
            result = self.solve(game, Turn(i, len(rows), time.perf_counter() - start))
            found.append(noted(result, game, before))
        return found, predictor.ledger


def noted(result: RowResult, game: Game, before: int) -> RowResult:
    """Add to a result what its game asked since `before` model rows, and where its units are.

    Its arrays become its own: a part of an array would keep all answers of the game in memory.
    """
    for name in ("values", "errors", "base", "prediction", "fidelity", "base_errors"):
        array = getattr(result, name)
        if array is not None and array.base is not None:
            setattr(result, name, array.copy())
    result.details["model_rows"] = game.predictor.ledger.rows - before
    result.layout = game.row.layout
    if game.n_units == 1 and game.row.masker.kind == "image":
        result.warnings.append(
            "Some images are one region as a whole, so that their parts cannot be told apart; use "
            "segmenter='grid', or pass labels.")
    return result


class GameExplainer(Explainer):
    """Base of the explainers that ask about rows, texts or images with some units hidden.

    A subclass has the settings ``groups``, ``outputs``, ``batch_size``, ``random_state``,
    ``n_jobs``, ``max_background`` and ``max_memory``, and returns its method from `_method`.
    """

    masker_: Any
    background_answers_: np.ndarray | None
    warnings_: tuple[str, ...]

    def fit(self, model: Any, background: Any = None) -> Self:
        """Wrap and probe the model, and keep the replacement values of hidden units.

        Parameters
        ----------
        model : estimator, torch module, callable or Predictor
        background : DataFrame, array (n_background, n_columns), or masker
            Rows whose values replace those of hidden features; a `TextMasker` for texts, an
            `ImageMasker` for images.

        Raises
        ------
        ValueError
            For settings out of range, an empty or unfit background, or a model that the probe finds
            cannot be explained.
        ModelError
            If the model fails.
        """
        self._bind(model, background)
        if self.masker_.kind == "table":
            ledger, rows = self.predictor_.ledger, self.masker_.background
            before = ledger.seconds
            self.background_answers_ = self.predictor_(rows)
            self.seconds_per_row_ = (ledger.seconds - before) / len(rows)
            self.warnings_ += tuple(differs_alone(self.predictor_, ledger))
            # A link that does not fit the model is refused before anything else is asked.
            linked(self.background_answers_, self.get_params(deep=False).get("link", "identity"))
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
        request = self._request(X)
        solve, ledger = self._method(request), self.predictor_.ledger
        if request.games is not None:
            return self._explanation(request, shared(request.games, solve, ledger))
        if request.predictor is not self.predictor_:
            ledger.add(request.predictor.ledger)  # of the probe
        work = GameWork(request.predictor, request.masker, request.answers,
                        request.max_memory, solve)
        parts = run(work, parts_of(request.batch), ledger, label=type(self).__name__,
                    n_jobs=self.get_params(deep=False)["n_jobs"], keep=stacked,
                    verbose=self.get_params(deep=False).get("verbose", True))
        return self._explanation(request, parts)

    def games(self, X: Any) -> list[Game]:
        """Make the games of rows, texts or images, for several explainers to share.

        A game remembers the answers to its questions while `max_memory` allows: what one explainer
        asked, the next one need not ask again.

        Parameters
        ----------
        X : what `explain` takes
        """
        request = self._request(X)
        rows = request.masker.rows(request.batch, first=0)
        return [Game(request.predictor.spawn(), rows[i], request.answers, request.max_memory)
                for i in range(len(rows))]

    def _method(self, request: Request) -> Solve:
        """Return the method: how a game becomes a result."""
        raise TypeError(f"{type(self).__name__} cannot explain.")

    def _explanation(self, request: Request, parts: list[Stacked]) -> Attribution:
        # A copy: what this call has compared is nothing to the next one.
        doubts = tuple(differs_alone(request.predictor.spawn(), self.predictor_.ledger))
        if games := request.games:  # the answers that one explainer asked are those of the next
            doubts = (*(d for game in games for d in game.doubts), *doubts)[:1]
            for game in games:
                game.doubts = doubts
        answers = (p.arrays["predictions"][0] for p in parts)
        if self.get_params(deep=False).get("link") == "logit":  # shares are those of probabilities
            answers = (expit(log_odds) for log_odds in answers)
        about = self._about(request.predictor, answers)
        if about["settings"].get("link") == "logit":
            about["settings"]["scale"] = "log-odds"
        about["settings"] |= request.masker.described()
        return attribution(request.masker, request.batch, parts, {
            **about, "output_names": request.predictor.output_names or (),
            "cost": request.watch.cost(),
            "warnings": (*self.warnings_, *request.warnings, *doubts)})

    def _request(self, X: Any) -> Request:
        """Conform what is to be explained, and bind the model to it."""
        self._check_ready()
        watch, masker = Stopwatch(self.predictor_.ledger), self.masker_
        max_memory = int(self.get_params(deep=False)["max_memory"])
        games = [X] if isinstance(X, Game) else X
        if isinstance(games, list) and any(isinstance(game, Game) for game in games):
            check_games(games, self.predictor_, masker)
            batch = joined([game.row.source for game in games])
            return Request(batch, games[0].predictor, masker, games[0].background_answers,
                            max_memory, (), watch, games)
        batch = masker.conform(X)
        if masker.kind == "table":
            return Request(batch, self.predictor_, masker, self.background_answers_, max_memory,
                            (), watch)
        predictor = bound_to(self.predictor_, masker, batch, X)
        said = (*predictor.findings.warnings, *masker.doubts(batch))
        return Request(batch, predictor, masker, None, max_memory, said, watch)

    def _bind(self, model: Any, background: Any) -> None:
        """Wrap and probe the model and make the masker; the background is not asked about."""
        self.check_settings()
        params = self.get_params(deep=False)
        self.seed_ = resolve_seed(params["random_state"])
        self.warnings_, self.background_answers_ = (), None
        if getattr(type(background), "kind", "table") == "table":
            self._bind_table(model, background, params.get("groups"))
        elif params.get("groups") is not None:
            raise ValueError("groups name columns of a table; the units of texts and images are "
                             "the masker's: see its settings.")
        else:
            # Documents and images are probed when there are some: see `_request`.
            self.predictor_, self.masker_ = self._wrap(model), background

    def _bind_table(self, model: Any, background: Any, groups: Any) -> None:
        ready = isinstance(background, TabularMasker)
        given = as_masker(background, groups if ready else None)
        rows = given.background if ready else self._thinned(given.background)
        predictor = self._wrap(model).bind(given.schema.native(rows))
        check_index_unread(predictor)
        # Groups name columns by the model's own names, which an array has only once it is bound.
        schema = predictor.columns
        self.masker_ = background if ready else as_masker(
            schema.native(schema.conform(rows)), groups, schema.names)
        self.predictor_ = predictor
        self.warnings_ += predictor.findings.warnings

    def _thinned(self, rows: Batch) -> Batch:
        n, most = len(rows), self.get_params(deep=False)["max_background"]
        if n <= most:
            return rows
        chosen = drawn_background(n, most, self.seed_)
        self.warnings_ += (
            f"The background is a random sample of {most} of {n:,} rows; raise "
            "max_background or pass a TabularMasker to use more.",
        )
        return rows_of(rows, chosen)


def check_index_unread(predictor: Predictor) -> None:
    """Raise ProbeError if a model reads the index: rows composed of two have none of their own."""
    if predictor.findings.reads_index:
        raise ProbeError(
            "the model's answers depend on the index of its rows, or it fails without it, and a "
            "row composed of two rows has no index of its own. Make the index a column: "
            "X.reset_index(), and wrap lambda X: model(X.set_index('index')) or whatever the "
            "column's name is then.")


def drawn_background(n: int, most: int, seed: int) -> np.ndarray:
    """Return the positions of the background rows that an explainer uses, at most `most` of `n`."""
    if n <= most:
        return np.arange(n)
    return np.sort(stream(seed, "background").permutation(n)[:most])


def bound_to(predictor: Predictor, masker: Masker, batch: Batch, X: Any) -> Predictor:
    """Return a predictor that knows texts or images, with a ledger of its own."""
    # The model is to see the container that it would be handed by the user: a tensor, say.
    home = container_of(X)
    return predictor.bind(batch if home is None or masker.kind == "text" else home.give(batch))


def parts_of(batch: Batch) -> list[tuple[int, Batch]]:
    """Cut a batch into parts, each with the position of its first row."""
    return [(s.start, take_rows(batch, np.arange(s.start, s.stop)))
            for s in row_slices(len(batch))]


def shared(games: list[Game], solve: Solve, ledger: Ledger) -> list[Stacked]:
    """Solve games that were handed over, each of which keeps what it learns."""
    start, parts = time.perf_counter(), []
    for i, game in enumerate(games):
        before = game.predictor.ledger.copy()
        result = solve(game, Turn(i, len(games), time.perf_counter() - start))
        parts.append(stacked([noted(result, game, before.rows)]))
        ledger.add(game.predictor.ledger.minus(before))
    return parts


def check_games(games: list[Game], predictor: Predictor, masker: Masker) -> None:
    """Raise if games are of another masker or model than an explainer was fitted with."""
    if not all(isinstance(game, Game) for game in games):
        raise TypeError("expected games alone, or data alone; got a list of both.")
    first, model, own = games[0].row.masker, games[0].predictor.model, predictor.model
    if any(game.row.masker is not first for game in games):
        raise ValueError("the games were made by different maskers; explain those of one masker at "
                         "a time.")
    if model is not own and not (isinstance(own, MethodType) and model == own):
        raise ValueError("the games ask another model than this explainer was fitted with.")
    if first is not masker:
        raise ValueError("the games were made by another masker than this explainer was fitted "
                         "with; call fit(model, games[0].row.masker).")


def joined(batches: list[Batch]) -> Batch:
    """Concatenate batches of one row each."""
    if isinstance(batches[0], list):
        return [text for batch in batches for text in batch]
    if isinstance(batches[0], pd.DataFrame):
        return pd.concat(batches)
    return np.concatenate(batches)
