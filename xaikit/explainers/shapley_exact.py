"""Exact Shapley values of the games of single background rows, added up while answers come in."""

from __future__ import annotations

import numpy as np

from xaikit.kernels.shapley import add_interactions, add_marginals, add_submasks
from xaikit.sampling.coalitions import pack
from xaikit.sampling.game import Game
from xaikit.solvers.shapley import interaction_weights, shapley_weights


def exact_by_background(
    game: Game, kept: np.ndarray, wanted: np.ndarray, interactions: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Give the exact Shapley values of the games of single background rows.

    In the game of background row b every unit equal to b is a dummy: only the 2^d coalitions
    of the d units that differ are asked, and each answer is added to the values as it comes in.

    Parameters
    ----------
    game : Game
    kept : bool array (n_coalitions, M)
        Coalitions whose values are wanted too; they are among those asked.
    wanted : bool array (B,)
        Which background rows.
    interactions : array (M, M, n_outputs), optional
        Where their interactions are added up, by the rows' weights.

    Returns
    -------
    by_background : array (B, M, n_outputs)
        Their weighted mean is the Shapley value of the whole game, which is linear in them; 0 for
        rows not wanted.
    values : array (n_coalitions, n_outputs)
        v(S), summed over the wanted rows by their weights.
    """
    n_background, n_units = game.row.differs.shape
    # An unwanted row's list is its own answer alone, which is known.
    starts, players, n_players = submask_list(game.row.differs & wanted[:, None])
    gain, loss = shapley_weights(int(n_players.max()))
    masks, table = pack(kept), interaction_weights(int(n_players.max()))
    weights = np.where(wanted, game.row.weights, 0.0)
    halves = np.zeros((0, 0, 0)) if interactions is None else np.zeros(interactions.shape)
    shapley, values = np.zeros((0, 0, 0)), np.zeros((0, 0))
    for first in range(0, int(starts[-1]), game.chunk):
        n = min(game.chunk, int(starts[-1]) - first)
        ids = game.ask_submasks(starts, players, n_players, first, n)
        if first == 0:
            n_outputs = game.answers.shape[1]
            shapley = np.zeros((n_background, n_units, n_outputs))
            values = np.zeros((len(masks), n_outputs))
        add_marginals(starts, players, n_players, first, ids, game.answers, gain, loss, shapley)
        add_submasks(starts, players, n_players, first, masks, ids, game.answers, weights, values)
        if interactions is not None:
            add_interactions(starts, players, n_players, first, ids, game.answers, weights, table,
                             halves)
    if interactions is not None:
        interactions += halves + halves.transpose(1, 0, 2)
    return shapley, values


def submask_list(differs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number the submasks of all background rows: starts (B + 1,), players (B, M), how many."""
    n_players = differs.sum(axis=1).astype(np.int64)
    players = np.argsort(~differs, axis=1, kind="stable").astype(np.int64)
    return np.concatenate([[0], np.cumsum(2**n_players)]).astype(np.int64), players, n_players
