"""Tests of the plots: what was drawn, read back from the figure."""

from __future__ import annotations

import io
from xml.etree import ElementTree

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Text

from xaikit import plots
from xaikit.explanations.attribution import Attribution
from xaikit.explanations.importance import Importance
from xaikit.plots import style
from xaikit.plots.columns import level_codes, spread
from xaikit.tables import wording

pytestmark = pytest.mark.filterwarnings("error")

PLOTS = {
    "waterfall": plots.waterfall,
    "bar": plots.bar,
    "beeswarm": plots.beeswarm,
    "scatter": lambda e, **kw: plots.scatter(e, 0, **kw),
}


@pytest.fixture(autouse=True)
def _closed_figures():
    plt.close("all")
    yield
    plt.close("all")


@pytest.fixture(params=PLOTS.values(), ids=PLOTS)
def plot(request):
    return request.param


def table(n):
    rng = np.random.default_rng(0)
    return pd.DataFrame({
        "age": rng.integers(17, 90, n),
        "income": np.where(np.arange(n) % 5 == 2, np.nan, rng.normal(40_000, 9_000, n)),
        "work": pd.Categorical(np.where(np.arange(n) % 4 == 3, None, rng.choice(["b", "a"], n)),
                               categories=["b", "a", "unused"]),
        "job": rng.choice(["clerk", "cook"], n),
        "married": rng.random(n) < 0.5,
        "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), unit="D"),
    })


def make(n=20, k=1, *, gap=0.0, se=0.02, data=True, group=True, scale=1.0, **changes):
    """Make an explanation of a mixed table whose last feature is a group without a column."""
    if isinstance(data, bool):
        data = table(n) if data else None
    names = [*table(1).columns, *["address"] * group]
    rng = np.random.default_rng(1)
    values = rng.normal(size=(n, len(names), k)) * scale
    base = np.full((n, k), 0.25)
    fields = {
        "method": "exact", "feature_names": names,
        "output_names": [f"out{c}" for c in range(k)], "values": values, "base_values": base,
        "predictions": base + values.sum(axis=1) + gap, "data": data,
        "standard_errors": np.full(values.shape, se),
    }
    return Attribution(**{**fields, **changes})


def small(values, **changes):
    """Make an explanation of one row and output from a list of contributions."""
    values = np.array(values, dtype=float).reshape(1, -1, 1)
    fields = {
        "method": "exact", "feature_names": [f"f{j}" for j in range(values.shape[1])],
        "output_names": ["risk"], "values": values, "base_values": [[0.5]],
        "predictions": [[0.5 + np.nansum(values)]],
    }
    return Attribution(**{**fields, **changes})


def row_labels(ax):
    return [t.get_text() for t in ax.get_yticklabels()]


def side_numbers(ax):
    return [t.get_text() for t in ax.texts]


def widths(ax):
    return np.array([p.get_width() for p in ax.patches])


def whisker_ends(ax):
    """Give (row, low, high) of each horizontal whisker."""
    found = []
    for container in ax.containers:
        for lines in getattr(container, "lines", [None, None, ()])[2]:
            found += [(s[0, 1], s[0, 0], s[1, 0]) for s in lines.get_segments()]
    return np.array(sorted(found))


def points(ax):
    """Give the places of all points of a scatter or beeswarm."""
    sets = [c.get_offsets() for c in ax.collections if isinstance(c, matplotlib.collections.PathCollection)]
    return np.concatenate(sets)


def picture(ax):
    stream = io.BytesIO()
    ax.figure.savefig(stream, format="png", dpi=50)
    return stream.getvalue()


# ---- promises all plots keep ---------------------------------------------------------------


def test_public_names_are_complete():
    assert plots.__all__ == ["bar", "beeswarm", "image_overlay", "scatter", "text_highlight",
                             "waterfall"]
    assert all(callable(getattr(plots, name)) for name in plots.__all__)


def test_own_axes_are_used_and_no_figure_opened(plot):
    figure, axes = plt.subplots(1, 2)
    assert plot(make(), ax=axes[0]) is axes[0]
    assert plt.get_fignums() == [figure.number]
    assert not axes[1].has_data()


def test_without_axes_one_figure_is_opened_and_not_shown(plot, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *a, **k: pytest.fail("plt.show was called"))
    ax = plot(make())
    assert plt.get_fignums() == [ax.figure.number]
    assert ax.get_facecolor() == (0.0, 0.0, 0.0, 0.0)


def test_global_settings_stay(plot):
    before = dict(matplotlib.rcParams)
    plot(make())
    assert dict(matplotlib.rcParams) == before


def test_same_picture_every_time_and_global_generator_untouched(plot):
    state = np.random.get_state()[1].copy()
    assert picture(plot(make())) == picture(plot(make()))
    np.testing.assert_array_equal(np.random.get_state()[1], state)


def test_text_uses_only_the_two_replaceable_colours(plot):
    ax = plot(make())
    ax.figure.canvas.draw()
    for text in ax.figure.findobj(Text):
        if text.get_text():
            assert to_hex(text.get_color()) in {style.INK, style.MUTED}, text


def test_output_is_named_and_chosen(plot):
    def shown(e, **kw):
        ax = plot(e, **kw)
        return ax.get_title(loc="left") + ax.get_xlabel() + ax.get_ylabel()

    assert "out0" in shown(make(k=1))
    assert "out1" in shown(make(k=2))
    values = np.ones((4, 7, 3)) * [1.0, -5.0, 2.0]
    three = make(4, 3, values=values, predictions=np.zeros((4, 3)))
    assert "out1" in shown(three)
    assert "out2" in shown(three, output="out2")
    assert "out0" in shown(three, output=0)
    with pytest.raises(KeyError, match="no output named 'x'"):
        plot(three, output="x")
    with pytest.raises(TypeError, match="output must be one"):
        plot(three, output=[0, 1])


STRANGE = ("$a_b$", "$\\frac{", "a$", "\\$x$ \\", "two\nlines", "<b>&amp;</b>", "n" * 500, "",
           "tab\t\x00\x1b", "%d {} {0}")


@pytest.mark.parametrize("name", ["$\\frac{$", "\x00<b>&\n\x1b" * 40])
def test_any_name_and_value_can_be_drawn(plot, name):
    n = len(STRANGE)
    data = pd.DataFrame(dict.fromkeys(STRANGE, STRANGE))
    e = make(n, feature_names=STRANGE, output_names=[name], values=np.ones((n, n, 1)), data=data,
             standard_errors=None, predictions=np.ones((n, 1)), row_names=(name, *range(n - 1)))
    stream = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        plot(e).figure.savefig(stream, format="svg")
    ElementTree.fromstring(stream.getvalue())  # a control character would make it invalid
    if plot is not plots.bar:  # of many rows, and so without values
        assert "&lt;b&gt;&amp;amp;&lt;/b&gt;" in stream.getvalue()
    assert "$a_b$" in stream.getvalue()


@pytest.mark.parametrize("broken", [
    {"values": np.full((3, 7, 1), np.nan)},
    {"values": np.where(np.arange(7)[:, None] == 2, np.nan, np.ones((3, 7, 1)))},
    {"values": np.full((3, 7, 1), np.inf), "standard_errors": np.full((3, 7, 1), np.inf)},
    {"values": np.zeros((3, 7, 1)), "standard_errors": np.full((3, 7, 1), np.nan)},
    {"base_values": np.full((3, 1), np.nan), "predictions": np.full((3, 1), np.nan)},
])
def test_unknown_numbers_do_not_crash(plot, broken):
    e = make(3, **broken)
    if plot is plots.bar and np.isinf(e.values).any():
        e = e[0]  # the mean over rows is not ours to compute
    ax = plot(e, ax=plt.subplots()[1])
    picture(ax)
    assert np.isfinite([*ax.get_xlim(), *ax.get_ylim()]).all()


def test_one_row(plot):
    ax = plot(make(1))
    picture(ax)
    assert ax.has_data()


@pytest.mark.parametrize("wrong", [np.zeros((2, 2)), None, "text"])
def test_wrong_type_says_what_to_do(plot, wrong):
    with pytest.raises(TypeError, match=rf"needs an .*Attribution, got {type(wrong).__name__}; pass what"):
        plot(wrong)


@pytest.mark.parametrize("plot", [plots.waterfall, plots.beeswarm, PLOTS["scatter"]])
def test_importance_is_sent_to_bar(plot):
    with pytest.raises(TypeError, match=r"got Importance; plots.bar draws an Importance"):
        plot(make().importance())


def test_nothing_to_draw(plot):
    with pytest.raises(ValueError, match=r"nothing to draw: the values have shape \(0, 7, 1\)"):
        plot(make()[:0])


def test_wrong_axes(plot):
    with pytest.raises(TypeError, match="ax must be a matplotlib Axes, got Figure"):
        plot(make(), ax=plt.figure())


@pytest.mark.parametrize("name", ["waterfall", "bar", "beeswarm"])
def test_wrong_max_display(name):
    with pytest.raises(ValueError, match="at least 1, got 0"):
        PLOTS[name](make(), max_display=0)
    for wrong in (2.5, True, "all"):
        with pytest.raises(TypeError, match="whole number"):
            PLOTS[name](make(), max_display=wrong)


# ---- waterfall -----------------------------------------------------------------------------


def test_waterfall_goes_from_base_to_prediction():
    e = make()
    ax = plots.waterfall(e, row=3)
    starts = np.array([p.get_x() for p in ax.patches])
    ends = starts + widths(ax)
    values = e.values[3, :, 0]
    np.testing.assert_allclose(widths(ax), values[np.argsort(-np.abs(values))], rtol=1e-12)
    assert starts[0] == 0.25
    np.testing.assert_allclose(starts[1:], ends[:-1], rtol=1e-12)
    assert ends[-1] == pytest.approx(e.predictions[3, 0], rel=1e-12)


def test_waterfall_labels_values_and_signs():
    data = pd.DataFrame({"a": [39.0], "b": ["Private"], "c": [np.nan]})
    e = small([0.25, -1.5, 0.0], feature_names=["a", "b", "c"], data=data, row_names=("Ann",))
    ax = plots.waterfall(e)
    assert row_labels(ax) == ["base value", "b = Private", "a = 39", "c = missing", "prediction"]
    assert side_numbers(ax) == ["−1.5", "+0.25", "0", "0.5", "−0.75"]
    assert ax.get_title(loc="left") == "row Ann · risk"
    assert ax.get_xlabel() == "model output: risk"


def test_waterfall_adds_up_the_rest():
    e = small([5, -4, 3, 2, -1])
    ax = plots.waterfall(e, max_display=3)
    assert row_labels(ax) == ["base value", "f0", "f1", "3 other features", "prediction"]
    np.testing.assert_allclose(widths(ax), [5, -4, 4])
    assert row_labels(plots.waterfall(e, max_display=1))[1] == "5 features"
    assert len(plots.waterfall(e, max_display=5).patches) == 5


def test_waterfall_whiskers_are_196_standard_errors():
    e = small([3.0, 2.0, 1.0, 0.5], standard_errors=np.array([0.1, 0.0, np.nan, 0.2]).reshape(1, 4, 1),
              base_errors=[[0.05]])
    ax = plots.waterfall(e)
    expected = [[0, 0.5 - 0.098, 0.5 + 0.098], [1, 3.5 - 0.196, 3.5 + 0.196], [4, 7 - 0.392, 7 + 0.392]]
    np.testing.assert_allclose(whisker_ends(ax), expected, rtol=1e-12)
    assert ax.get_xlabel().endswith("whiskers: 95 % interval")


def test_waterfall_shows_what_is_not_explained():
    e = make(gap=0.7)
    ax = plots.waterfall(e)
    last = ax.patches[-1]
    assert row_labels(ax)[-2:] == ["not explained", "prediction"]
    assert last.get_width() == pytest.approx(0.7)
    assert last.get_x() + last.get_width() == pytest.approx(e.predictions[0, 0])
    assert last.get_hatch()
    assert "not explained" not in row_labels(plots.waterfall(make(gap=1e-9)))


def test_waterfall_leaves_out_unknown_contributions():
    ax = plots.waterfall(small([1.0, np.nan, 2.0]))
    assert row_labels(ax)[1:4] == ["f2", "f0", "f1"]
    np.testing.assert_allclose(widths(ax), [2, 1, 0])
    assert side_numbers(ax)[:3] == ["+2", "+1", "n/a"]


def test_waterfall_row_by_name_and_errors():
    e = make(3, row_names=("x", "y", "z"))
    assert plots.waterfall(e, row="y").get_title(loc="left").startswith("row y")
    assert plots.waterfall(e, row=-1).get_title(loc="left").startswith("row z")
    with pytest.raises(IndexError, match="row 7 is out of range"):
        plots.waterfall(e, row=7)
    with pytest.raises(TypeError, match="row must be one position or name"):
        plots.waterfall(e, row=[0, 1])


def test_big_numbers_have_no_offset_in_a_corner():
    ax = plots.waterfall(small([0.25, 0.5], base_values=[[1e6]], predictions=[[1e6 + 0.75]]))
    ax.figure.canvas.draw()
    assert ax.xaxis.get_offset_text().get_text() == ""


# ---- bar -----------------------------------------------------------------------------------


def importance(values, **fields):
    values = np.array(values, dtype=float).reshape(-1, 1)
    return Importance(**{"method": "permutation", "values": values, "output_names": ["risk"],
                         "feature_names": [f"f{j}" for j in range(len(values))], **fields})


def test_bar_of_importance_has_its_interval():
    e = importance([0.1, 0.4], lower=[[0.05], [0.1]], upper=[[0.3], [0.45]], settings={"confidence": 0.9})
    ax = plots.bar(e)
    assert row_labels(ax) == ["f1", "f0"]
    np.testing.assert_allclose(widths(ax), [0.4, 0.1])
    np.testing.assert_allclose(whisker_ends(ax), [[0, 0.1, 0.45], [1, 0.05, 0.3]])
    assert side_numbers(ax) == ["0.4", "0.1"]
    assert ax.get_xlabel() == "permutation · risk\nwhiskers: 90 % interval"


def test_bar_falls_back_to_standard_errors():
    ax = plots.bar(importance([2.0, 1.0], standard_errors=[[0.1], [np.nan]]))
    np.testing.assert_allclose(whisker_ends(ax), [[0, 2 - 0.196, 2 + 0.196]])


def test_bar_of_signed_importance_shows_signs():
    assert side_numbers(plots.bar(importance([2.0, -3.0]))) == ["−3", "+2"]


def test_bar_of_one_row_is_signed():
    e = make(1, se=0.1)
    ax = plots.bar(e)
    values = e.values[0, :, 0]
    order = np.argsort(-np.abs(values))
    np.testing.assert_allclose(widths(ax), values[order])
    ends = whisker_ends(ax)
    np.testing.assert_allclose(ends[:, 1:], np.c_[values[order] - 0.196, values[order] + 0.196])
    assert all(text[0] == ("+" if v > 0 else "−") for text, v in zip(side_numbers(ax), values[order], strict=True))
    assert any(label.startswith("age = ") for label in row_labels(ax))


def test_bar_of_rows_is_their_importance():
    e = make(20, se=0.0)
    ax, imp = plots.bar(e), e.importance()
    order = imp.order()
    np.testing.assert_allclose(widths(ax), imp.values[order, 0])
    np.testing.assert_allclose(whisker_ends(ax)[:, 1:], np.c_[imp.lower[order, 0], imp.upper[order, 0]])
    assert ax.get_xlabel().startswith("mean |contribution| to out0, 20 rows")


def test_bar_says_how_many_are_left_out():
    ax = plots.bar(make(), max_display=3)
    assert len(ax.patches) == 3
    assert ax.get_xlabel().endswith("4 smaller features not shown")


# ---- beeswarm ------------------------------------------------------------------------------


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
    dots = [c for c in ax.collections if isinstance(c, matplotlib.collections.PathCollection)]
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


# ---- scatter -------------------------------------------------------------------------------


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


# ---- small parts ---------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "text"), [
    (39, "39"), (39.0, "39"), (-0.0, "0"), (-2.5, "−2.5"), (0.123456, "0.1235"), (43624.03, "43624"),
    (33097.52, "33097.5"), (2024.0, "2024"), (np.float32(0.1), "0.1"), (True, "True"), (None, "missing"),
    (pd.NA, "missing"), (pd.NaT, "missing"), (float("inf"), "inf"), (pd.Timestamp("2024-05-01"), "2024-05-01"),
    (pd.Timestamp("2024-05-01 07:30"), "2024-05-01 07:30"), ("a\n b", "a b"), ("x" * 30, "x" * 12 + "…" + "x" * 7),
])
def test_cell_text(value, text):
    assert wording.cell_text(value) == text


@pytest.mark.parametrize(("value", "text"), [
    (0.5, "+0.5"), (-0.5, "−0.5"), (0.0, "0"), (-0.0, "0"), (12345.6, "+12,346"), (-1e-7, "−1e−07"),
    (np.nan, "n/a"), (np.inf, "n/a"),
])
def test_signed(value, text):
    assert wording.signed(value) == text


def test_plain_is_short_and_escaped():
    assert wording.plain("$a$", 10) == r"\$a\$"
    assert wording.plain("income_$", 8) == r"income_\$"
    assert wording.plain("job_of_the_customer=clerk", 16) == "job_of_th…=clerk"
    assert len(wording.plain("x" * 1000)) == 36


def test_spread_fans_out_equal_points_only():
    np.testing.assert_allclose(spread(np.array([0, 0, 0, 5.0]), 1.0, 0.4, 0.1), [0, 0.1, -0.1, 0])
    crowd = spread(np.zeros(1001), 0.0, 0.4, 0.1)
    assert np.abs(crowd).max() == pytest.approx(0.4)
    assert len(np.unique(crowd)) == 1001
    assert len(spread(np.zeros(0), 1.0, 0.4, 0.1)) == 0


def test_level_codes_collapse_the_rarest():
    column = pd.Series(["a", "b", "b", "c", "d", "d", None])
    codes, names = level_codes(column, 3)
    assert names == ["b", "d", "2 rarer levels"]
    np.testing.assert_array_equal(codes, [2, 0, 0, 2, 1, 1, -1])
    assert level_codes(column, 4)[1] == ["a", "b", "c", "d"]
