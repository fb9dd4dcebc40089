"""Explanations as frames, and as explanations of shap."""

from __future__ import annotations

import numpy as np
import pytest
from explanation_cases import FEATURES, OUTPUTS, ROWS, attribution, data, importance


def test_long_frame():
    e = attribution()
    got = e.to_frame()
    assert list(got.columns) == ["row", "feature", "data", "output", "value", "standard_error"]
    assert len(got) == 4 * 3 * 2
    for i in range(4):
        for j in range(3):
            for k in range(2):
                line = got.iloc[(i * 3 + j) * 2 + k]
                assert (line["row"], line["feature"], line["output"]) == (ROWS[i], FEATURES[j], OUTPUTS[k])
                assert line["value"] == e.values[i, j, k]
                assert line["standard_error"] == e.standard_errors[i, j, k]
                assert line["data"] == str(e.data.iloc[i, j])


def test_wide_frame():
    e = attribution()
    got = e.to_frame("wide")
    assert list(got.columns) == ["row", "output", "base_value", "prediction", *FEATURES]
    for i in range(4):
        for k in range(2):
            line = got.iloc[i * 2 + k]
            assert (line["row"], line["output"]) == (ROWS[i], OUTPUTS[k])
            assert line["base_value"] == e.base_values[i, k]
            assert line["prediction"] == e.predictions[i, k]
            np.testing.assert_array_equal(line[list(FEATURES)].astype(float), e.values[i, :, k])


def test_frames_of_importance():
    i = importance(values=np.array([[1.0, 0.0], [-3.0, 0.5], [2.0, 2.0]]))
    long, wide = i.to_frame(), i.to_frame("wide")
    assert list(long["feature"]) == ["city", "when", "age", "when", "city", "age"]
    assert list(long["rank"]) == [1, 2, 3, 1, 2, 3]
    assert list(long["output"]) == ["no"] * 3 + ["yes"] * 3
    assert list(long["lower"][:3]) == list(i.lower[[1, 2, 0], 0])
    assert list(long["signed"][:3]) == list(i.details["signed"][[1, 2, 0], 0])
    assert "p_value" not in long
    assert "p_value" in importance(p_values=np.zeros((3, 2))).to_frame()
    assert list(wide.columns) == ["feature", *OUTPUTS]
    np.testing.assert_array_equal(wide[list(OUTPUTS)], i.values)


@pytest.mark.parametrize("features", [("row", "output"), ("value", "prediction"), ("a", "a")])
def test_frames_with_features_named_like_columns(features):
    e = attribution(features=features)
    assert e.to_frame("wide").shape == (8, 6)
    assert list(e.to_frame()["feature"][:4]) == [features[0]] * 2 + [features[1]] * 2


@pytest.mark.parametrize("e", [attribution(), importance()], ids=["attribution", "importance"])
def test_bad_layout(e):
    with pytest.raises(ValueError, match="layout must be 'long' or 'wide', got 'tall'"):
        e.to_frame("tall")


def test_frames_of_nothing():
    e = attribution()[[]]
    assert e.to_frame().shape == (0, 6)
    assert e.to_frame("wide").shape == (0, 7)
    assert importance()[[]].to_frame().empty


def test_feature_data():
    e = attribution()
    assert list(e.feature_data("age")) == [0.0, 10.0, 20.0, 30.0]
    assert e.feature_data(1).dtype == "category"
    assert attribution(data=None).feature_data("age") is None
    assert attribution(data=data().rename(columns={"age": "years"})).feature_data("age") is None


@pytest.fixture
def shap():
    """Return shap, whose import is slow."""
    return pytest.importorskip("shap")


def test_to_shap_holds_the_numbers(shap):
    e = attribution()
    got = e.to_shap()
    assert isinstance(got, shap.Explanation)
    np.testing.assert_array_equal(got.values, e.values)
    np.testing.assert_array_equal(got.base_values, e.base_values)
    assert list(got.feature_names) == list(FEATURES)
    # Codes in level order (Ulm 0, Kiel 1, Bonn 2); days in time order; missing ones stay missing.
    np.testing.assert_array_equal(
        got.data, [[0, 0, 1], [10, 2, 2], [20, np.nan, 0], [30, 0, np.nan]])
    assert got.display_data[0, 1] == "Ulm"
    single = e[:, :, "yes"].to_shap()
    np.testing.assert_array_equal(single.values, e.values[:, :, 1])
    np.testing.assert_array_equal(single.base_values, e.base_values[:, 1])
    assert attribution(data=None).to_shap().data is None


@pytest.mark.parametrize("output", ["single", "one of two"])
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_shap_s_own_plots(shap, output):
    rows = tuple(range(4))
    e = attribution(outputs=("o",), rows=rows) if output == "single" else attribution(rows=rows)
    got = e.to_shap()
    got = got if output == "single" else got[..., 1]
    shap.plots.waterfall(got[0], show=False)
    shap.plots.bar(got, show=False)
    shap.plots.beeswarm(got, show=False)
    shap.plots.scatter(got[:, "age"], show=False)
    shap.plots.scatter(got[:, 1], color=got[:, 0], show=False)
    import matplotlib.pyplot as plt

    assert plt.gcf().axes
