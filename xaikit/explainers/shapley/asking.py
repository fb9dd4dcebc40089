"""What one row's Shapley values need of the model: the answers that a choice asks for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from xaikit.explainers.shapley.designs import Designs, pairs_of
from xaikit.explainers.shapley.plan import Choice, Rules
from xaikit.kernels.shapley import add_interactions, add_marginals, add_submasks
from xaikit.sampling.coalitions import all_coalitions, pack
from xaikit.sampling.game import Game, submask_list
from xaikit.solvers.shapley import interaction_weights, shapley_weights


@dataclass(frozen=True)
class Answers:
    """Answers for one row, on the model's own scale.

    Attributes
    ----------
    background : array (B, n_outputs)
    everything : array (1, n_outputs)
        v(all).
    pairs : array (n_blocks, 2m, n_outputs)
        v(S) of the blocks, each coalition before its complement.
    whole : array (2^d, n_outputs) or None
        Of all coalitions of the active units, where a link makes one game of all background rows.
    exact : ExactValues or None
        Of background rows that are asked whole.
    """

    background: np.ndarray
    everything: np.ndarray
    pairs: np.ndarray
    whole: np.ndarray | None = None
    exact: ExactValues | None = None

    @property
    def between(self) -> np.ndarray:
        """The answers to coalitions that neither show nor hide everything, (n, n_outputs)."""
        if self.whole is not None:
            return self.whole[1:-1]
        return self.pairs.reshape(-1, self.pairs.shape[-1])


def ask(game: Game, rules: Rules, choice: Choice) -> Answers:
    """Ask what a choice needs."""
    plan, background = choice.plan, game.background_answers
    everything = np.ones((1, game.n_units), dtype=bool)
    if not plan.blocks:
        # A block of no pairs: the row itself.
        kept, blocks = everything[None], [np.arange(len(background))]
    else:
        chosen = rules.designs.pairs(choice.key, plan.sets)
        # Written in place: with thousands of units each copy counts.
        kept = np.zeros((len(chosen), 1 + 2 * chosen.shape[1], game.n_units), dtype=bool)
        kept[:, 0] = True
        kept[:, 1::2, plan.active], kept[:, 2::2, plan.active] = chosen, ~chosen
        blocks = list(plan.blocks)
    values = game.block_values(kept, blocks)
    answers = Answers(background, values[0, :1], values[:, 1:])
    if len(plan.active) < 2 or not plan.exact.any():
        # Alone in its game, a unit takes the whole difference between the two ends.
        return answers
    if rules.link != "identity":
        return replace(answers, whole=ask_whole(game, plan.active)) if not plan.blocks else answers
    kept = measured(rules.designs, plan.active, game.n_units)
    return replace(answers, exact=exact_by_background(
        game, kept, plan.exact, interactions=rules.interactions))


def ask_whole(game: Game, active: np.ndarray) -> np.ndarray:
    """Ask about all coalitions of the active units."""
    kept = np.zeros((2 ** len(active), game.n_units), dtype=bool)
    kept[:, active] = all_coalitions(len(active))
    return game.values(kept)


def measured(designs: Designs, active: np.ndarray, n_units: int) -> np.ndarray:
    """Return the coalitions that the fidelity of exact values is measured on, bool (2m, M)."""
    return pairs_of(designs.measuring(len(active)).kept[0], active, n_units)


class ExactValues(NamedTuple):
    """What the games of single background rows add up to.

    Attributes
    ----------
    by_background : array (B, M, n_outputs)
        Their weighted mean is the Shapley value of the whole game, which is linear in them; 0 for
        rows not wanted.
    values : array (n_coalitions, n_outputs)
        v(S), summed over the wanted rows by their weights.
    interactions : array (M, M, n_outputs)
        Summed likewise; 0 if they were not asked for.
    """

    by_background: np.ndarray
    values: np.ndarray
    interactions: np.ndarray


def exact_by_background(
    game: Game, kept: np.ndarray, wanted: np.ndarray, *, interactions: bool = False
) -> ExactValues:
    """Compute the exact Shapley values of the games of single background rows.

    In the game of background row b every unit equal to b is a dummy: only the 2^d coalitions
    of the d units that differ are asked, and each answer is added to the values as it comes in.

    Parameters
    ----------
    game : Game
    kept : bool array (n_coalitions, M)
        Coalitions whose values are wanted too; they are among those asked.
    wanted : bool array (B,)
        Which background rows.
    interactions : bool
        Whether interactions are computed too.
    """
    n_background, n_units = game.row.differs.shape
    # An unwanted row's list is its own answer alone, which is known.
    starts, players, n_players = submask_list(game.row.differs & wanted[:, None])
    gain, loss = shapley_weights(int(n_players.max()))
    masks, table = pack(kept), interaction_weights(int(n_players.max()))
    weights = np.where(wanted, game.row.weights, 0.0)
    shapley, values, halves = np.zeros((0, 0, 0)), np.zeros((0, 0)), np.zeros((0, 0, 0))
    sums = np.zeros((0, 0))
    for first in range(0, int(starts[-1]), game.chunk):
        n = min(game.chunk, int(starts[-1]) - first)
        ids = game.ask_submasks(starts, players, n_players, first, n)
        if first == 0:
            n_outputs = game.answers.shape[1]
            shapley = np.zeros((n_background, n_units, n_outputs))
            values = np.zeros((len(masks), n_outputs))
            halves = np.zeros((n_units, n_units, n_outputs))
            sums = np.zeros((n_units + 1, n_outputs))
        add_marginals(starts, players, n_players, first, ids, game.answers, gain, loss, sums,
                      shapley)
        add_submasks(starts, players, n_players, first, masks, ids, game.answers, weights, values)
        if interactions:
            add_interactions(starts, players, n_players, first, ids, game.answers, weights, table,
                             halves)
    return ExactValues(shapley, values, halves + halves.transpose(1, 0, 2))
