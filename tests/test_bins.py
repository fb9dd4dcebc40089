"""Bins of columns, their names, and neighbours drawn bin by bin."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import reference_lime as naive
from hypothesis import given
from hypothesis import strategies as st

from xaikit.kernels.levels import draw_units, look_up
from xaikit.sampling.binned_rows import BinnedRows, even_points
from xaikit.sampling.bins import Column, columns_of
from xaikit.sampling.tabular import TabularMasker

pytestmark = pytest.mark.kernels


def binned(background, X, way="quartile", answers=None, groups=None, weights=None):
    masker = TabularMasker(background, groups, weights=weights)
    answers = np.zeros((masker.n_background, 1)) if answers is None else answers
    return BinnedRows(masker.rows(X), columns_of(masker, way, answers))


def edges_of(cells, way="quartile", answers=None, weights=None):
    frame = pd.DataFrame({"x": cells})
    masker = TabularMasker(frame, weights=weights)
    answers = np.zeros((len(frame), 1)) if answers is None else np.reshape(answers, (len(frame), -1))
    return columns_of(masker, way, answers)[0].edges


def words_of(column, cell, place):
    return column.words(column.condition(cell, place))


def mixed(n=40):
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({
        "number": rng.normal(size=n),
        "whole": rng.integers(0, 9, size=n).astype("int16"),
        "nullable": pd.array(rng.integers(0, 9, size=n), dtype="Int64"),
        "date": pd.date_range("2020-01-01", periods=n, freq="D"),
        "flag": rng.random(n) < 0.5,
        "kind": pd.Categorical(rng.choice(["a", "b", "c"], size=n), categories=["c", "b", "a", "z"]),
        "text": rng.choice(["x", "y"], size=n),
        "same": 1.0,
    })
    frame.loc[3, ["number", "text", "date"]] = None
    frame.loc[5, "nullable"] = pd.NA
    frame.loc[7, "kind"] = None
    return frame


# --- one column

def test_bins_of_numbers_are_closed_above():
    column = Column("x", np.array([1.0, 2.0]))
    cells = pd.Series([0.0, 1.0, 1.5, 2.0, np.inf, -np.inf, np.nan])
    assert column.bins(cells).tolist() == [0, 0, 1, 1, 2, 0, -1]


@pytest.mark.parametrize("cells", [
    pd.Series(["a", "b", "a", None]),
    pd.Series(pd.Categorical(["a", "b", "a", None], categories=["b", "a"])),
    pd.Series([True, False, True, None], dtype="boolean"),
])
def test_every_level_is_a_bin(cells):
    found = Column("x", None).bins(cells)
    assert found[0] == found[2] != found[1]
    assert found[3] == -1
    assert (found[:3] >= 0).all()


@pytest.mark.parametrize(("cell", "place", "words"), [
    (0.5, 0, "age <= 28"), (30, 1, "28 < age <= 37.5"), (40, 2, "age > 37.5"), (None, -1, "age missing"),
])
def test_conditions_of_numbers(cell, place, words):
    assert words_of(Column("age", np.array([28.0, 37.5])), cell, place) == words


def test_conditions_of_levels():
    assert words_of(Column("city", None), "Ulm", 3) == "city = Ulm"
    assert words_of(Column("city", None), None, -1) == "city missing"
    assert words_of(Column("same", np.zeros(0)), 1.0, 0) == "same"


@pytest.mark.parametrize(("edges", "words"), [
    ([1_000_000.0, 1_000_001.0], "1000000 < x <= 1000001"),
    ([45123.4, 61000.0], "45123 < x <= 61000"),
    ([0.123456, 0.5], "0.1235 < x <= 0.5"),
    ([0.123451, 0.123452], "0.123451 < x <= 0.123452"),
    ([1e-9, 2e20], "1e-09 < x <= 2e+20"),
    ([-2008.0, 2008.0], "-2008 < x <= 2008"),
])
def test_edges_are_told_apart_in_words(edges, words):
    assert words_of(Column("x", np.array(edges)), 0.0, 1) == words


def test_conditions_of_dates_are_dates():
    frame = pd.DataFrame({"day": pd.date_range("2020-01-01", periods=9, freq="D"),
                          "gap": pd.to_timedelta(range(9), unit="h")})
    rows = binned(frame, frame.iloc[[4]])
    assert rows.conditions(0) == ["2020-01-03 00:00:00 < day <= 2020-01-05 00:00:00",
                                  "0 days 02:00:00 < gap <= 0 days 04:00:00"]
    zoned = frame[["day"]].assign(day=frame["day"].dt.tz_localize("Europe/Berlin"))
    assert "2020-01-03 00:00:00+01:00 < day" in binned(zoned, zoned.iloc[[4]]).conditions(0)[0]


@pytest.mark.parametrize("way", ["quartile", "decile", "tree"])
def test_a_condition_holds_in_its_bin_and_nowhere_else(way):
    frame = mixed()
    masker = TabularMasker(frame)
    for column in columns_of(masker, way, np.arange(len(frame))[:, None] % 7):
        cells = frame[column.name]
        bins = column.bins(cells)
        for place in np.unique(bins):
            condition = column.condition(cells[np.flatnonzero(bins == place)[0]], place)
            np.testing.assert_array_equal(condition.mask(frame), bins == place)


def test_times_finer_than_the_background_s_are_in_their_own_bin():
    background = pd.DataFrame({"day": pd.date_range("2020-01-01", periods=9, freq="D").as_unit("s"),
                               "gap": pd.to_timedelta(range(9), unit="h").as_unit("s")})
    row = pd.DataFrame({"day": [pd.Timestamp("2020-01-04 00:00:00.000000001")],
                        "gap": [pd.Timedelta("3h") + pd.Timedelta(1)]})
    rows = binned(background, row)
    assert rows.conditions(0) == ["2020-01-03 00:00:00 < day <= 2020-01-05 00:00:00",
                                  "0 days 02:00:00 < gap <= 0 days 04:00:00"]
    np.testing.assert_allclose(rows.row(0).shares, [3 / 10, 3 / 10])


def test_a_bin_between_two_edges_of_one_second_can_be_named():
    # Quartiles of whole seconds fall between them, where a finer time may be.
    column = Column("t", np.array([1.25, 1.75, 9.5]), np.dtype("M8[s]"))
    assert words_of(column, None, 1) == "1970-01-01 00:00:01 < t <= 1970-01-01 00:00:02"


# --- edges

def test_quantile_edges_are_numpy_s(rng):
    cells = rng.normal(size=101)
    np.testing.assert_array_equal(edges_of(cells), np.quantile(cells, [0.25, 0.5, 0.75]))
    np.testing.assert_array_equal(edges_of(cells, "decile"), np.quantile(cells, np.arange(1, 10) / 10))
    some = np.append(cells, [np.nan, np.inf, -np.inf])
    np.testing.assert_array_equal(edges_of(some), np.quantile(cells, [0.25, 0.5, 0.75]))
    assert edges_of([1.0] * 6 + [2.0]).tolist() == [1.0]
    assert edges_of([np.nan, np.nan]).tolist() == []
    assert edges_of([3.0, 3.0]).tolist() == []
    assert edges_of(["a", "b"]) is None
    assert edges_of([True, False]) is None


@pytest.mark.parametrize("way", ["quartile", "decile", "tree"])
def test_a_column_of_mostly_its_largest_value_is_cut(way):
    cells = np.array([0] * 15 + [1] * 85)
    (edge,) = edges_of(cells, way, cells)
    assert 0 <= edge < 1


def test_quantile_edges_follow_the_weights():
    cells, weights = np.arange(4.0), np.array([1, 1, 1, 97])
    assert edges_of(cells, weights=weights).tolist() == [2.0]
    assert edges_of(cells, weights=np.full(4, 0.1)).tolist() == [0.75, 1.5, 2.25]


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (1e-12, 0.0), (1e300, 0.0), (1.0, 1e12)])
def test_tree_edges_are_where_the_answers_step(scale, shift):
    cells = np.linspace(0.0, 1.0, 101) * scale + shift
    steps = (cells > 0.305 * scale + shift) * 1.0 + (cells > 0.705 * scale + shift) * 3.0
    found = edges_of(cells, "tree", steps)
    np.testing.assert_allclose((found - shift) / scale, [0.305, 0.705], atol=1e-3)


def test_tree_edges_of_dates_are_to_the_second():
    # Float32, which trees read, has steps of two minutes at today's nanoseconds.
    cells = pd.date_range("2024-05-05 12:00:00", periods=60, freq="s")
    late = np.arange(60) >= 20
    (edge,) = edges_of(cells, "tree", late)
    np.testing.assert_array_equal(cells.astype("int64") <= edge, ~late)


@pytest.mark.parametrize("low", [1.0, np.nextafter(1.0, 2.0)])
def test_tree_edges_between_neighbouring_floats(low):
    high = np.nextafter(low, 2.0)
    cells = np.array([low] * 20 + [high] * 20)
    (edge,) = edges_of(cells, "tree", cells == high)
    assert low <= edge < high
    assert Column("x", np.array([edge])).bins(pd.Series([low, high])).tolist() == [0, 1]


def test_tree_edges_of_constant_answers_and_columns():
    assert edges_of(np.arange(30.0), "tree", np.ones(30)).tolist() == []
    assert edges_of(np.ones(30), "tree", np.arange(30.0)).tolist() == []
    assert edges_of([1.0], "tree", [2.0]).tolist() == []
    assert len(edges_of(np.arange(300.0), "tree", np.arange(300.0))) == 3
    assert edges_of(np.arange(30.0), "tree", (np.arange(30) > 9) * 1e200).tolist() == [9.5]


def test_a_few_rows_make_no_bin_of_their_own():
    answers = np.zeros(1000)
    answers[-5:] = 1e6
    edges = edges_of(np.arange(1000.0), "tree", answers)
    assert (np.diff([0.0, *edges, 1000.0]) >= 19.0).all()


# --- rows

def test_shares_count_the_row_itself():
    rows = binned(np.arange(1.0, 9.0)[:, None], np.array([[0.0], [7.0], [100.0]]))
    np.testing.assert_allclose([rows.row(i).shares[0] for i in range(3)], [3 / 9] * 3)


def test_shares_of_levels_missing_and_unseen_ones():
    frame = pd.DataFrame({"c": ["a", "a", "b", None], "n": [1.0, np.nan, np.nan, 2.0]})
    X = pd.DataFrame({"c": ["a", None, "new"], "n": [np.nan, 1.0, 9.0]})
    rows = binned(frame, X)
    np.testing.assert_allclose([rows.row(i).shares for i in range(3)],
                               [[3 / 5, 3 / 5], [2 / 5, 2 / 5], [1 / 5, 2 / 5]])
    assert rows.conditions(0) == ["c = a", "n missing"]
    assert rows.conditions(1)[0] == "c missing"
    assert rows.conditions(2) == ["c = new", "n > 1.75"]


def test_shares_follow_the_weights_of_the_background():
    background, weights = np.array([[0.0], [1.0], [2.0], [3.0]]), [1, 1, 1, 5]
    rows = binned(background, np.array([[3.0]]), weights=weights)
    row = rows.row(0)
    assert rows.conditions(0) == ["x0 > 2"]
    # The row counts as a background row does on average, a fifth of all; the others 4/5 · weight/8.
    np.testing.assert_allclose(row.shares, 1 / 5 + 4 / 5 * 5 / 8)
    drawn = row.draw(np.linspace(0.0, 0.9999, 10_000)[:, None], np.array([0.5]))
    counts = np.bincount(drawn[:, 0], minlength=5)
    np.testing.assert_allclose(counts, [1667, 1667, 1667, 3571, 1429], atol=3)


def test_a_group_is_within_if_all_its_columns_are():
    background = np.array([[0.0, 0.0], [0.0, 9.0], [9.0, 0.0], [9.0, 9.0]])
    answers = (background[:, 0] + 2 * background[:, 1])[:, None]
    groups = {"both": [0, 1]}
    rows = binned(background, background[:1], answers=answers, groups=groups)
    np.testing.assert_allclose(rows.row(0).shares, [2 / 5])
    assert rows.conditions(0) == ["x0 <= 0 and x1 <= 0"]


def test_neighbours_are_whole_cells_of_the_table(rng):
    frame = mixed()
    rows = binned(frame, frame.iloc[[3, 7, 0]])
    for i in range(3):
        row = rows.row(i)
        drawn = row.draw(rng.random((300, frame.shape[1])), np.full(frame.shape[1], 0.6))
        table, kept = row.table(drawn), row.kept(drawn)
        pd.testing.assert_series_equal(table.dtypes, frame.dtypes)
        assert list(table["kind"].cat.categories) == ["c", "b", "a", "z"]
        own = frame.iloc[[3, 7, 0]].iloc[[i]]
        columns = rows._columns
        for c, name in enumerate(frame.columns):
            both = pd.concat([own[name], table[name]], ignore_index=True).astype(frame[name].dtype)
            bins = columns[c].bins(both)
            np.testing.assert_array_equal(kept[:, c], bins[1:] == bins[0])
            assert set(table[name].dropna()) <= set(frame[name].dropna())
        assert kept[:, list(frame.columns).index("same")].all()
        np.testing.assert_allclose(kept.mean(axis=0)[:7], 0.6, atol=0.1)


def test_a_neighbour_s_groups_come_from_one_row(rng):
    background = np.stack([np.arange(30.0), np.arange(30.0) * 2.0, rng.normal(size=30)], axis=1)
    rows = binned(background, background[:2], groups={"g": [0, 1]})
    row = rows.row(1)
    table = row.table(row.draw(rng.random((200, 2)), np.array([0.5, 0.5])))
    np.testing.assert_array_equal(table[:, 1], 2.0 * table[:, 0])


@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 4), st.booleans())
def test_draw_units_is_the_loops(seed, n_pool, n_units, flat):
    rng = np.random.default_rng(seed)
    inside = rng.random((n_units, n_pool)) < 0.4
    inside[:, -1] = True
    inside[0] |= rng.random() < 0.3
    weights = np.ones(n_pool) if flat else rng.random(n_pool) + 0.01
    points, chances = rng.random((40, n_units)), rng.random(n_units) * 0.9 + 0.05
    points[0] = 0.0
    points[1] = np.nextafter(1.0, 0.0)
    order = np.argsort(~inside, axis=1, kind="stable")
    got = np.empty(points.shape, dtype=np.int64)
    draw_units(points, chances, order, inside.sum(axis=1), np.cumsum(weights[order], axis=1), got)
    ref = naive.draw_units(points, chances, inside, weights)
    # On the edge between two rows rounding decides.
    assert (got != ref).mean() < 0.02
    np.testing.assert_array_equal(np.take_along_axis(inside.T, got, 0),
                                  np.take_along_axis(inside.T, ref, 0))


def test_even_points_draw_rows_evenly(rng):
    background = rng.normal(size=(40, 3))
    row = binned(background, background[:1]).row(0)
    drawn = row.draw(even_points(2048, 3, rng), np.full(3, 0.5))
    for u in range(3):
        inside = row._inside[u]
        counts = np.bincount(drawn[:, u], minlength=41)
        np.testing.assert_allclose(counts[inside], 1024 / inside.sum(), atol=3)
        np.testing.assert_allclose(counts[~inside], 1024 / (~inside).sum(), atol=3)


def test_look_up(rng):
    table, drawn = rng.normal(size=(3, 7)), rng.integers(0, 7, size=(5, 3))
    for kind in (np.float64, np.bool_, np.int64):
        own, got = (table > 0 if kind is np.bool_ else table * 9).astype(kind), np.empty((5, 3), kind)
        look_up(drawn, own, got)
        ref = [[own[u, drawn[i, u]] for u in range(3)] for i in range(5)]
        np.testing.assert_array_equal(got, ref)


# --- levels

def test_levels_tell_rows_apart_and_share_their_part(rng):
    frame = mixed(200)
    row = binned(frame, frame.iloc[[0]]).row(0)
    of_position, units, within, shares = row.levels(np.full(8, 0.5), 4000)
    assert of_position.shape == (8, 201)
    for u in range(8):
        own = np.unique(of_position[u])
        np.testing.assert_array_equal(own, np.flatnonzero(units == u))
        for part in (False, True):
            here = (units == u) & (within == part)
            rows = row._inside[u] == part
            if rows.any():
                np.testing.assert_allclose(shares[here].sum(), 1.0)
                np.testing.assert_array_equal(
                    np.unique(of_position[u, rows]), np.flatnonzero(here))
                counts = np.bincount(of_position[u, rows], minlength=len(units))[here]
                np.testing.assert_allclose(shares[here], counts / rows.sum())
            else:
                assert not here.any()


def test_rare_levels_are_one(rng):
    frame = pd.DataFrame({"c": [f"level {i}" for i in range(50)] + ["often"] * 50})
    row = binned(frame, frame.iloc[[60]]).row(0)
    _, _, within, _ = row.levels(np.array([0.5]), 600)
    assert within.tolist() == [False, True]  # Each of 50 is seen in 6 of 600 neighbours.
    _, _, within, _ = row.levels(np.array([0.5]), 6000)
    assert len(within) == 51


# --- points

@pytest.mark.parametrize(("n", "n_units"), [(1, 1), (100, 3), (1000, 60)])
def test_points_fill_the_cube_and_fewer_are_the_first(n, n_units):
    points = even_points(n, n_units, np.random.default_rng(0))
    assert points.shape == (n, n_units)
    assert ((points >= 0.0) & (points < 1.0)).all()
    more = even_points(4 * n, n_units, np.random.default_rng(0))
    np.testing.assert_array_equal(more[:n], points)
    if n >= 100:
        np.testing.assert_allclose(points.mean(axis=0), 0.5, atol=0.02)


def test_points_of_more_columns_than_a_sequence_has(monkeypatch):
    monkeypatch.setattr("xaikit.sampling.binned_rows.MOST_SOBOL", 3)
    points = even_points(50, 4, np.random.default_rng(0))
    assert points.shape == (50, 4)
    np.testing.assert_array_equal(points, np.random.default_rng(0).random((50, 4)))
