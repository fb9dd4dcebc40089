"""Promises that all plots keep, and their small parts."""

from __future__ import annotations

import io
from xml.etree import ElementTree

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Text
from plot_cases import PLOTS, make, picture

from xaikit import plots
from xaikit.plots import style
from xaikit.plots.columns import fan_out, level_codes
from xaikit.tables import wording
from xaikit.tables.cell_texts import cell_texts

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(params=PLOTS.values(), ids=PLOTS)
def plot(request):
    return request.param


def test_public_names_are_complete():
    assert plots.__all__ == ["bar", "beeswarm", "image_overlay", "image_rule", "precision_coverage",
                             "rule_card", "scatter", "text_highlight", "text_rule", "waterfall"]
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


@pytest.mark.parametrize(("value", "text"), [
    (39, "39"), (39.0, "39"), (-0.0, "0"), (-2.5, "−2.5"), (0.123456, "0.1235"), (43624.03, "43624"),
    (33097.52, "33097.5"), (2024.0, "2024"), (np.float32(0.1), "0.1"), (True, "True"), (None, "missing"),
    (pd.NA, "missing"), (pd.NaT, "missing"), (float("inf"), "inf"), (pd.Timestamp("2024-05-01"), "2024-05-01"),
    (pd.Timestamp("2024-05-01 07:30"), "2024-05-01 07:30"), ("a\n b", "a b"), ("x" * 30, "x" * 12 + "…" + "x" * 7),
])
def test_cell_text(value, text):
    assert cell_texts([value]) == [text]


@pytest.mark.parametrize(("value", "text"), [
    (0.5, "+0.5"), (-0.5, "−0.5"), (0.0, "0"), (-0.0, "0"), (12345.6, "+12,346"), (-1e-7, "−1e−07"),
    (np.nan, "n/a"), (np.inf, "n/a"),
])
def test_signed(value, text):
    assert wording.signed(value) == text


def test_plain_is_short_and_escaped():
    assert wording.label_text("$a$", 10) == r"\$a\$"
    assert wording.label_text("income_$", 8) == r"income_\$"
    assert wording.label_text("job_of_the_customer=clerk", 16) == "job_of_th…=clerk"
    assert len(wording.label_text("x" * 1000)) == 36


def test_fan_out_moves_equal_points_only():
    np.testing.assert_allclose(fan_out(np.array([0, 0, 0, 5.0]), 1.0, 0.4, 0.1), [0, 0.1, -0.1, 0])
    crowd = fan_out(np.zeros(1001), 0.0, 0.4, 0.1)
    assert np.abs(crowd).max() == pytest.approx(0.4)
    assert len(np.unique(crowd)) == 1001
    assert len(fan_out(np.zeros(0), 1.0, 0.4, 0.1)) == 0


def test_level_codes_collapse_the_rarest():
    column = pd.Series(["a", "b", "b", "c", "d", "d", None])
    codes, names = level_codes(column, 3)
    assert names == ["b", "d", "2 rarer levels"]
    np.testing.assert_array_equal(codes, [2, 0, 0, 2, 1, 1, -1])
    assert level_codes(column, 4)[1] == ["a", "b", "c", "d"]
