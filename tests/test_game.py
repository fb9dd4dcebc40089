"""Tests of the game: its values, and above all what it asks the model."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import reference

import xaikit as xk
from xaikit.sampling.coalitions import all_coalitions
from xaikit.sampling.game import Game

pytestmark = pytest.mark.kernels


def smooth(X):
    """Two outputs, cell by cell: a row's answer has the same bytes in any batch."""
    X = np.nan_to_num(np.asarray(X, dtype=float), nan=0.25)
    product, total = np.ones(len(X)), np.zeros(len(X))
    for c in range(X.shape[1]):
        product = product * (1.0 + X[:, c])
        total = total + (c + 1) * X[:, c] ** 2
    return np.stack([product, total], axis=1)


def make_game(model, background, row, *, weights=None, groups=None, **settings):
    masker = xk.TabularMasker(background, groups=groups, weights=weights)
    return Game(xk.wrap(model), masker.rows(row)[0], **settings)


def integers(rng, shape, n_values=3):
    return rng.integers(n_values, size=shape).astype(float)


def subset(kept):
    return tuple(np.flatnonzero(kept))


@pytest.mark.parametrize(("n_units", "n_background"), [(1, 1), (1, 4), (3, 1), (4, 5), (6, 3)])
@pytest.mark.parametrize("weighted", [False, True])
def test_values(rng, n_units, n_background, weighted):
    background, row = rng.normal(size=(n_background, n_units)), rng.normal(size=n_units)
    weights = rng.random(n_background) if weighted else None
    kept = all_coalitions(n_units)
    v = reference.game(smooth, row, background, weights)
    ref = np.array([v(subset(z)) for z in kept])
    got = make_game(smooth, background, row, weights=weights).values(kept)
    # A mean of a few numbers near 1, summed in another order.
    np.testing.assert_allclose(got, ref, rtol=1e-12, atol=1e-12)


def test_values_of_groups(rng):
    background, row = rng.normal(size=(3, 5)), rng.normal(size=5)
    units = [[0, 3], [1], [2, 4]]
    v = reference.game(smooth, row, background, units=units)
    kept = all_coalitions(3)
    ref = np.array([v(subset(z)) for z in kept])
    got = make_game(smooth, background, row, groups=[[0, 3], [2, 4]]).values(kept)
    np.testing.assert_allclose(got, ref, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("container", [np.asarray, pd.DataFrame])
@pytest.mark.parametrize("max_memory", [2**26, 1])
def test_different_rows_are_asked_once_and_counted(rng, counting, container, max_memory):
    background, row = integers(rng, (6, 5), n_values=2), np.array([0.0, 1.0, 1.0, 0.0, 1.0])
    background[3] = background[1]
    model = counting(smooth)
    game = make_game(model, container(background), container(row[None]), max_memory=max_memory)
    kept = all_coalitions(5)
    game.values(kept)
    wanted = {tuple(np.where(z, row, b).tolist()) for z in kept for b in background}
    assert set(model.rows) == wanted
    # 192 questions fit the least chunk there is, so even a byte of memory asks nothing twice.
    assert len(model.rows) == len(wanted) == game.predictor.ledger.rows
    assert game.questions == 32 * 6
    assert game.predictor.ledger.calls == len(model.batches)


def test_nothing_is_asked_twice(rng, counting):
    background, row = integers(rng, (4, 6)), integers(rng, 6)
    model = counting(smooth)
    game = make_game(model, background, row)
    kept = all_coalitions(6)
    parts = [game.values(part) for part in np.array_split(kept, 5)]
    n_rows = model.n_rows
    again = game.values(kept[::-1])[::-1]
    assert model.n_rows == n_rows == len(set(model.rows))
    assert np.concatenate(parts).tobytes() == again.tobytes()
    assert game.questions == 2 * 64 * 4


def test_known_answers_to_the_background_are_not_asked_again(rng, counting):
    background, row = integers(rng, (5, 4)), np.full(4, 9.0)
    background[4] = background[0]
    model = counting(smooth)
    game = make_game(model, background, row, background_answers=smooth(background))
    got = game.values(np.zeros((1, 4), dtype=bool))
    np.testing.assert_allclose(got[0], smooth(background).mean(axis=0), rtol=1e-13)
    assert model.n_rows == 0
    got = game.values(all_coalitions(4))
    ref = make_game(smooth, background, row).values(all_coalitions(4))
    assert got.tobytes() == ref.tobytes()
    assert not set(model.rows) & {tuple(b) for b in background.tolist()}


def test_a_row_equal_to_its_background_asks_one_question_a_background_row(counting):
    model = counting(smooth)
    game = make_game(model, np.ones((3, 4)), np.ones(4))
    game.values(all_coalitions(4))
    assert model.rows == [(1.0, 1.0, 1.0, 1.0)]


@pytest.mark.parametrize("known", [False, True])
def test_little_memory_gives_the_same_bytes(rng, counting, known):
    background, row = integers(rng, (7, 8)), integers(rng, 8)
    kept = all_coalitions(8)
    answers = smooth(background) if known else None
    huge = make_game(smooth, background, row, background_answers=answers, max_memory=2**30)
    ref = huge.values(kept)
    model = counting(smooth)
    tiny = make_game(model, background, row, background_answers=answers, max_memory=1)
    got = tiny.values(kept)
    # 1,792 questions go through chunks of 256, and what was known is forgotten on the way.
    assert tiny.chunk == 256 < len(kept) * len(background)
    assert max(len(batch) for batch in model.batches) <= 256
    assert got.tobytes() == ref.tobytes()


def test_memory_bounds_batches_and_what_is_remembered(rng, counting):
    background, row = rng.normal(size=(3, 10)), rng.normal(size=10)
    model = counting(smooth)
    game = make_game(model, background, row, max_memory=2**17)
    game.values(all_coalitions(10))
    assert len(model.batches) > 1
    for batch in model.batches:
        assert len(batch) <= game.chunk
        assert batch.nbytes <= 2**17
    assert game.answers.nbytes <= 2**17
    huge = make_game(smooth, background, row)
    assert game.values(all_coalitions(10)).tobytes() == huge.values(all_coalitions(10)).tobytes()


def test_a_nan_in_row_and_background_is_the_same_value(counting):
    background = np.array([[np.nan, 1.0], [2.0, np.nan]])
    model = counting(smooth)
    game = make_game(model, background, np.array([np.nan, 3.0]))
    game.values(all_coalitions(2))
    # (NaN, 1), (NaN, 3), (2, NaN), (2, 3), and (NaN, NaN).
    assert len(model.rows) == len(set(model.rows)) == 5


@pytest.mark.parametrize("fail_at", [0, 1, 3])
def test_a_model_that_fails_midway_loses_nothing(rng, counting, fail_at):
    background, row = integers(rng, (5, 8)), integers(rng, 8)
    kept = all_coalitions(8)
    ref = make_game(smooth, background, row).values(kept)
    model = counting(smooth, fail_at=fail_at)
    game = make_game(model, background, row, background_answers=smooth(background), max_memory=1)
    with pytest.raises(xk.ModelError, match="no answer today"):
        game.values(kept)
    assert game.values(kept).tobytes() == ref.tobytes()
    assert game.predictor.ledger.rows == model.n_rows


@pytest.mark.parametrize("n_units", [64, 65, 100, 129])
def test_more_units_than_a_word_has_bits(rng, n_units):
    background, row = rng.normal(size=(2, n_units)), rng.normal(size=n_units)
    kept = rng.random((12, n_units)) < 0.5
    v = reference.game(lambda X: np.sin(X).sum(axis=1) * X[:, -1], row, background)
    ref = np.array([v(subset(z)) for z in kept])
    got = make_game(lambda X: np.sin(X).sum(axis=1) * X[:, -1], background, row).values(kept)
    np.testing.assert_allclose(got, ref, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kept", [
    np.zeros((0, 3), dtype=bool), np.zeros((2, 4), dtype=bool), np.zeros(3, dtype=bool)])
def test_coalitions_that_do_not_fit(kept):
    game = make_game(smooth, np.zeros((1, 3)), np.ones(3))
    with pytest.raises(ValueError, match="expected coalitions of shape"):
        game.values(kept)


def test_equal_values_of_different_units_are_different_questions(counting):
    model = counting(smooth)
    game = make_game(model, np.zeros((1, 2)), np.ones(2))
    got = game.values(np.array([[True, False], [False, True]]))
    assert sorted(model.rows) == [(0.0, 1.0), (1.0, 0.0)]
    np.testing.assert_array_equal(got, [[2.0, 1.0], [2.0, 2.0]])


@pytest.mark.parametrize("n_units", [1, 3, 70])
@pytest.mark.parametrize("max_memory", [2**26, 1])
def test_pairs_of_a_coalition_and_a_stand_in(rng, counting, n_units, max_memory):
    background, row = integers(rng, (5, n_units), n_values=2), integers(rng, n_units, n_values=2)
    model = counting(smooth)
    game = make_game(model, background, row, max_memory=max_memory)
    kept, chosen = rng.random((300, n_units)) < 0.5, rng.integers(5, size=300)
    # Some differ in their last units alone: of 70, those that no first word of a mask holds.
    kept[100:, :-6] = kept[100, :-6]
    wanted = np.where(kept, row, background[chosen])
    # A row's answer has the same bytes in any batch.
    np.testing.assert_array_equal(game.pairs(kept, chosen), smooth(wanted))
    if max_memory > 1:
        assert model.n_rows == len(np.unique(wanted, axis=0))
        model.clear()
        np.testing.assert_array_equal(game.pairs(kept[::-1], chosen[::-1]), smooth(wanted[::-1]))
        assert model.n_rows == 0


def test_pairs_and_values_share_their_answers(rng, counting):
    background, row = rng.normal(size=(4, 5)), rng.normal(size=5)
    model = counting(smooth)
    game = make_game(model, background, row)
    kept = all_coalitions(5)
    values = game.values(kept)
    model.clear()
    answers = game.pairs(kept.repeat(4, axis=0), np.tile(np.arange(4), 32))
    assert model.n_rows == 0
    # A mean of four, summed in another order.
    np.testing.assert_allclose(answers.reshape(32, 4, -1).mean(axis=1), values, rtol=1e-12, atol=1e-12)


def test_answers_to_the_stand_ins_are_asked_where_they_are_not_known(rng, counting):
    background, row = rng.normal(size=(4, 3)), rng.normal(size=3)
    model = counting(smooth)
    game = make_game(model, background, row)
    np.testing.assert_array_equal(game.background_answers, smooth(background))
    np.testing.assert_array_equal(game.background_answers, smooth(background))
    assert model.n_rows == 4
    known = make_game(model, background, row, background_answers=np.ones((4, 2)))
    np.testing.assert_array_equal(known.background_answers, 1.0)
