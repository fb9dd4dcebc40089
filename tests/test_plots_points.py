"""Beeswarms and scatters, read back from the figure."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex
from plot_cases import make, picture, points, row_labels, table

from xaikit import plots
from xaikit.plots import style

pytestmark = pytest.mark.filterwarnings("error")


@pytest.mark.parametrize("n", [1, 50, 10_000])
def test_beeswarm_draws_every_point(n):
    e = make(n)
    ax = plots.beeswarm(e)
    places = points(ax)
    assert places.shape == (n * 7, 2)
    np.testing.assert_allclose(np.sort(places[:, 0]), np.sort(e.values.ravel()))
    assert np.abs(places[:, 1] - places[:, 1].round()).max() <= 0.38 + 1e-9
    np.testing.assert_array_equal(np.bincount(places[:, 1].round().astype(int)), np.full(7, n))
    if n == 50:  # neighbours in value are moved apart
        assert len(np.unique(places[:, 1])) > 7
    dots = [c for c in ax.collections if isinstance(c, PathCollection)]
    assert all(bool(c.get_rasterized()) == (n == 10_000) for c in dots)


def test_beeswarm_order_and_rest():
    values = np.ones((4, 7, 1)) * np.arange(7)[:, None]
    ax = plots.beeswarm(make(4, values=values), max_display=2)
    assert row_labels(ax) == ["address", "since"]
    assert "5 smaller features not shown" in ax.get_xlabel()


def test_beeswarm_colours_by_rank_and_marks_missing():
    e = make(40)[:, ["income"]]
    hollow, full = plots.beeswarm(e).collections[-2:]
    ranks = pd.Series(e.feature_data(0).to_numpy()).dropna().rank().to_numpy()
    np.testing.assert_allclose(full.get_array(), (ranks - 1) / (len(ranks) - 1))
    assert len(hollow.get_offsets()) == e.feature_data(0).isna().sum() == 8
    assert len(hollow.get_facecolor()) == 0


def test_beeswarm_leaves_values_without_order_grey():
    for name in ("job", "work", "address"):
        ax = plots.beeswarm(make(40)[:, [name]])
        dots = ax.collections[-1]
        assert dots.get_array() is None
        assert to_hex(dots.get_facecolor()[0]) == style.NEUTRAL
        assert "grey: no order" in ax.get_xlabel()
        assert len(ax.figure.axes) == 1  # no colour bar
    for name in ("age", "married", "since"):
        ax = plots.beeswarm(make(40)[:, [name]])
        assert ax.collections[-1].get_array() is not None
        assert [t.get_text() for t in ax.figure.axes[1].get_yticklabels()] == ["low", "high"]


def test_beeswarm_of_one_row_shows_values_and_no_data_is_fine():
    assert "married = " in " ".join(row_labels(plots.beeswarm(make(1))))
    assert len(points(plots.beeswarm(make(5, data=False)))) == 35


def test_beeswarm_counts_unknown_contributions():
    values = np.ones((3, 7, 1))
    values[1, 2] = np.nan
    ax = plots.beeswarm(make(3, values=values))
    assert len(points(ax)) == 20
    assert "1 unknown contributions not drawn" in ax.get_xlabel()


def test_scatter_draws_values_against_contributions():
    e = make(30, se=0.1)
    ax = plots.scatter(e, "age")
    y = e.values[:, 0, 0]
    np.testing.assert_allclose(points(ax), np.c_[e.data["age"], y])
    segments = np.array(ax.containers[0].lines[2][0].get_segments())
    np.testing.assert_allclose(segments[:, :, 1], np.c_[y - 0.196, y + 0.196])
    assert ax.get_xlabel() == "age\nwhiskers: 95 % interval"
    assert ax.get_ylabel() == "contribution to out0"


def test_scatter_of_many_rows_has_no_whiskers():
    ax = plots.scatter(make(301), "age")
    assert not ax.containers
    assert "more than 300 rows" in ax.get_xlabel()
    assert "whiskers" not in plots.scatter(make(301, se=0.0), "age").get_xlabel()


def test_scatter_puts_missing_numbers_aside():
    e = make(20)
    ax = plots.scatter(e, "income")
    gone = e.data["income"].isna().to_numpy()
    x = points(ax)[:, 0]
    np.testing.assert_allclose(x[~gone], e.data["income"][~gone])
    divider = ax.lines[-1].get_xdata()[0]
    assert (x[gone] > divider).all()
    assert divider > x[~gone].max()
    assert x.max() < ax.get_xlim()[1]
    assert ax.get_xticklabels()[-1].get_text() == "missing"
    assert max(ax.get_xticks()[:-1]) <= x[~gone].max()  # else the two labels would touch


@pytest.mark.parametrize(("name", "labels"), [
    ("work", ["b", "a", "missing"]), ("job", ["clerk", "cook"]), ("married", ["False", "True"]),
])
def test_scatter_of_levels(name, labels):
    e = make(40)
    ax = plots.scatter(e, name)
    assert [t.get_text() for t in ax.get_xticklabels()] == labels
    column = e.data[name].astype("string").fillna("missing")
    ticks = ax.get_xticks()[[labels.index(v) for v in column]]
    x, y = points(ax).T
    assert np.abs(x - ticks).max() <= 0.33 + 1e-9
    np.testing.assert_allclose(y, e.values[:, e.feature_names.index(name), 0])


def test_scatter_of_dates_and_constants():
    ax = plots.scatter(make(40), "since")
    assert all(len(t.get_text()) == 10 and t.get_text()[:2] == "20" for t in ax.get_xticklabels())
    same = plots.scatter(make(3, data=table(3).assign(age=7)), "age")
    assert [t.get_text() for t in same.get_xticklabels()] == ["7"]
    none = plots.scatter(make(3, data=table(3).assign(age=np.nan)), "age")
    assert [t.get_text() for t in none.get_xticklabels()] == ["missing"]
    picture(none)


def test_scatter_shows_infinite_values_aside():
    ax = plots.scatter(make(3, data=table(3).assign(age=[1.0, np.inf, 2.0])), "age")
    assert ax.get_xticklabels()[-1].get_text() == "missing or ∞"
    assert len(points(ax)) == 3


def test_scatter_coloured_by_numbers():
    e = make(200)
    ax = plots.scatter(e, "age", color="income")
    gone = e.data["income"].isna()
    full, hollow = ax.collections[-2:]
    np.testing.assert_allclose(full.get_array(), e.data["income"][~gone])
    assert len(hollow.get_offsets()) == gone.sum()
    assert "hollow: partner's value missing" in ax.get_xlabel()
    side = ax.figure.axes[1]
    assert side.get_ylabel() == "income"
    texts = [t.get_text() for t in side.get_yticklabels()]
    assert len(texts) == 3
    assert texts[0].startswith("≤ ")
    assert texts[-1].startswith("≥ ")


def test_scatter_coloured_by_levels():
    e = make(40)
    ax = plots.scatter(e, "age", color="job")
    dots = ax.collections[-1]
    dots.update_scalarmappable()
    colours = [to_hex(c) for c in dots.get_facecolor()]
    assert colours == [{"clerk": style.BLUE.lower(), "cook": style.VERMILION.lower()}[j] for j in e.data["job"]]
    assert [t.get_text() for t in ax.figure.axes[1].get_yticklabels()] == ["clerk", "cook"]


@pytest.mark.parametrize("partner", [
    ["x", "x", "x"], [1.0, 1.0, 1.0], [np.nan] * 3, [None] * 3, [True, None, False],
    pd.to_datetime(["2020-01-01", "2024-01-01", None]), pd.array([1, None, 2], dtype="Int64"),
    pd.to_datetime(["2020-01-01"] * 3).tz_localize("Europe/Vienna"), [np.inf, 1.0, 2.0], list("abc"),
    pd.Categorical(["lo", "hi", None], ["lo", "hi"], ordered=True), [1, "a", None],
])
def test_any_column_can_be_a_partner_and_a_feature(partner):
    data = table(3).assign(job=partner)
    e = make(3, data=data)
    assert len(points(plots.scatter(e, "age", color="job"))) == 3
    assert len(points(plots.scatter(e, "job"))) == 3
    assert len(points(plots.beeswarm(e[:, ["job"]]))) == 3


def test_scatter_needs_a_column():
    with pytest.raises(ValueError, match=r"feature 'address', but it is a group of columns; draw it with"):
        plots.scatter(make(), "address")
    with pytest.raises(ValueError, match=r"'address'.*group"):
        plots.scatter(make(), "age", color="address")
    with pytest.raises(ValueError, match="keeps no data"):
        plots.scatter(make(data=False), "age")
    with pytest.raises(KeyError, match="no feature named 'x'"):
        plots.scatter(make(), "x")
    with pytest.raises(TypeError, match="feature must be one"):
        plots.scatter(make(), ["age", "job"])
    assert not plt.get_fignums()  # a refused plot leaves no empty figure behind
