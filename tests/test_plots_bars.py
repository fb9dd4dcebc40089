"""Waterfalls and bars, read back from the figure."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from plot_cases import make, row_labels, side_numbers, small, whisker_ends, widths

from xaikit import plots
from xaikit.explanations.importance import Importance

pytestmark = pytest.mark.filterwarnings("error")


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
