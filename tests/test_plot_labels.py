"""Labels in plots: names, levels, conditions, groups and numbers that a reader must tell apart."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from label_cases import MIDDLE, SETS
from plot_cases import make, row_labels, side_numbers, small

import xaikit as xk
from xaikit import plots
from xaikit.explanations.encoding import encode
from xaikit.explanations.importance import Importance
from xaikit.plots.columns import level_codes
from xaikit.plots.feature_labels import names_and_values, split_words
from xaikit.plots.style import fidelity_note
from xaikit.predictor.checkup import checkup
from xaikit.reporting.sections.examples import contributions_table
from xaikit.tables.cell_texts import cell_texts
from xaikit.tables.numeric import numbers_or_ranks

pytestmark = pytest.mark.filterwarnings("error")


def of_names(names, n=3):
    values = np.random.default_rng(0).normal(size=(n, len(names), 1))
    return make(n, feature_names=names, values=values, predictions=values.sum(axis=1) + 0.25,
                standard_errors=None, data=None)


@pytest.mark.parametrize("names", [*SETS.values(), ["same", "same", "same"]], ids=[*SETS, "same"])
def test_no_two_bars_have_the_same_label(names):
    names, n = names[:10], len(names[:10])
    e = of_names(names)
    of_rows = Importance(method="m", feature_names=names, output_names=["y"], values=np.ones((n, 1)))
    for ax, extra in ((plots.bar(e), 0), (plots.bar(e[0]), 0), (plots.beeswarm(e), 0),
                      (plots.waterfall(e), 2), (plots.bar(of_rows), 0)):
        shown = row_labels(ax)
        assert len(set(shown)) == n + extra
        assert all(label.strip() for label in shown)


def test_a_name_has_the_same_label_in_all_plots():
    e = of_names(MIDDLE, 4)
    known = set(row_labels(plots.beeswarm(e)))
    assert set(row_labels(plots.bar(e, max_display=1))) < known
    assert len({plots.scatter(make(4, data=pd.DataFrame(dict.fromkeys(MIDDLE, range(4))), feature_names=MIDDLE,
                                   values=np.ones((4, 3, 1)), standard_errors=None), j).get_xlabel()
                for j in range(3)}) == 3


@pytest.mark.parametrize("levels", [
    MIDDLE, ["missing", None, "b"], [0.123451, 0.123452], ["", " ", "a"], [1, "1", 2],
    ["1 rarer levels", *"abcdefghijklmnop"],
])
def test_levels_have_different_labels(levels):
    n = len(levels)
    column = pd.Series(pd.Categorical(levels, categories=[v for v in levels if v is not None]))
    e = make(n, data=pd.DataFrame({"age": range(n), "job": column}), feature_names=["age", "job"],
             values=np.ones((n, 2, 1)), standard_errors=None, predictions=np.ones((n, 1)))
    ticks = [t.get_text() for t in plots.scatter(e, "job").get_xticklabels()]
    assert len(set(ticks)) == min(n, 16)
    colours = [t.get_text() for t in plots.scatter(e, "age", color="job").figure.axes[1].get_yticklabels()]
    assert len(set(colours)) == len(colours) == min(len(column.cat.categories), 7)


@pytest.mark.parametrize(("x", "shown"), [
    (np.linspace(999.5, 1000.75, 9), ["999.5", "999.75", "1000", "1000.25", "1000.5", "1000.75"]),
    (1234567 + np.linspace(0.1, 0.9, 9), ["1234567.15", "1234567.3", "1234567.45", "1234567.6"]),
    (123456789012 + np.linspace(0.1, 0.9, 9), ["123456789012.25", "123456789012.4"]),
    (1e9 + np.linspace(0, 0.013, 9), ["1000000000.0025", "1000000000.005"]),
])
def test_ticks_are_written_in_full(x, shown):
    ax = plots.scatter(make(9, data=pd.DataFrame({"age": x}), feature_names=["age"], values=np.ones((9, 1, 1)),
                            standard_errors=None, predictions=np.ones((9, 1))), "age")
    ticks = [t.get_text() for t in ax.get_xticklabels()]
    assert set(shown) <= set(ticks)
    assert len(set(ticks)) == len(ticks)
    assert [float(t) for t in ticks] == pytest.approx(ax.get_xticks(), rel=1e-12)


def test_times_of_one_minute_differ():
    data = pd.DataFrame({"age": pd.Timestamp("2024-01-01 07:30") + pd.to_timedelta(np.arange(9) * 5, unit="s")})
    ax = plots.scatter(make(9, data=data, feature_names=["age"], values=np.ones((9, 1, 1)), standard_errors=None,
                            predictions=np.ones((9, 1))), "age")
    ticks = [t.get_text() for t in ax.get_xticklabels()]
    assert len(set(ticks)) == len(ticks) > 1


def test_words_that_look_like_a_missing_value_are_in_quotes():
    data = pd.DataFrame({"a": ["missing"], "b": [None], "c": [""]})
    e = small([3, 2, 1], feature_names=list("abc"), data=data)
    assert row_labels(plots.bar(e)) == ["a = 'missing'", "b = missing", "c = ''"]


NAME = "admission_date_of_the_patient"


@pytest.mark.parametrize(("words", "shown"), [
    ("28 < age <= 44", "28 < age <= 44"),
    (f"2024-01-01 00:00:00 < {NAME} <= 2024-04-01 00:00:00", f"2024-01-01 < {NAME} <= 2024-04-01"),
    (f"2024-01-01 12:00:00 < {NAME} <= 2024-04-01 00:00:00", f"2024-01-01… < {NAME} <= 2024-04-01"),
    (f"2024-01-01 07:00:00 < {NAME} <= 2024-01-01 09:30:00", f"2024-01-01 07:00 < {NAME} <= 2024-01-01 09:30"),
    (f"{NAME} > 2024-01-01 00:00:00", f"{NAME} > 2024-01-01"),
    (f"{NAME} = a level whose text is very long indeed", f"{NAME} = a level whose …ng indeed"),
    ("0.12345 < 1 <= 0.5", "0.12345 < 1 <= 0.5"),
    ("-2 < age <= -1.5", "−2 < age <= −1.5"),
    ("age missing", "age missing"), ("age", "age"),
    ("2020-01-01 00:00:00 < 2 <= 2020-06-30 00:00:00", "2020-01-01 < 2 <= 2020-06-30"),
    (f"1 days 00:00:00 < {NAME} <= 12 days 00:00:00", f"1 days < {NAME} <= 12 days"),
    (f"1 days 06:00:00 < {NAME} <= 1 days 07:30:00", f"1 days 06:00 < {NAME} <= 1 days 07:30"),
    (f"{NAME} > -3 days +06:00:00", f"{NAME} > −2 days 18:00"),
    (f"1 days 09:18:15 < {NAME} <= 3 days 23:38:19", f"1 days 09:18… < {NAME} <= 3 days 23:38…"),
    (f"1 days 09:18:15 < {NAME} <= 1 days 09:18:16", f"1 days 09:18:15 < {NAME} <= 1 days 09:18:16"),
    ("0 days 00:00:01.567500 < age <= 0 days 00:00:02", "00:00:01.5675 < age <= 00:00:02"),
    ("age <= -1 days +23:00:00", "age <= −01:00:00"), ("age > 0 days 00:00:00", "age > 0 days"),
    ("age > 2021-11-01 00:00:00", "age > 2021-11-01"), ("age > 2021-11-01 07:30:00", "age > 2021-11-01 07:30"),
    (f"2024-10-27 02:30:00+02:00 < {NAME} <= 2024-10-27 02:30:00+01:00",
     f"2024-10-27 02:30:00+02:00 < {NAME} <= 2024-10-27 02:30:00+01:00"),
    ("-3e-06 < age <= 1e-05", "−3e−06 < age <= 1e−05"), ("age = -3", "age = −3"), ("age = '-3'", "age = '-3'"),
    ("age <= 1 and b > 2", "age"), ("b > 2 and age <= 1", "age"), ("0 < age <= 1 and b > 2", "age"),
    ("b > 2 and 0 < age <= 1", "age"),
    (f"{NAME} > 2024-01-01 00:00:00+01:00", f"{NAME} > 2024-01-01"),
])
def test_a_condition_keeps_the_name_and_shortens_its_bounds(words, shown):
    name = next((n for n in (NAME, "age", " 2 ") if n in words), "1").strip()
    e = small([1.0], feature_names=[name], feature_details={"conditions": np.array([[[words]]])})
    assert row_labels(plots.bar(e)) == [shown]


def test_levels_of_conditions_that_differ_in_the_middle_have_different_labels():
    rows = len(MIDDLE)
    conditions = np.array([[[f"job = {level}"]] for level in MIDDLE])
    e = make(rows, feature_names=["job"], values=np.ones((rows, 1, 1)), standard_errors=None, data=None,
             feature_details={"conditions": conditions})
    shown = {row_labels(plots.waterfall(e, row=i))[1] for i in range(rows)}
    assert len(shown) == rows
    column = pd.Series(pd.Categorical(MIDDLE[:1], categories=MIDDLE), name="job")
    alone = make(1, feature_names=["job"], values=np.ones((1, 1, 1)), standard_errors=None,
                 data=pd.DataFrame({"job": column}), feature_details={"conditions": conditions[:1]})
    assert row_labels(plots.bar(alone))[0] in shown


def test_levels_of_two_columns_that_differ_in_the_middle_differ_in_one_plot():
    data = pd.DataFrame({"job": MIDDLE[:1], "work": MIDDLE[1:2], "code": [-3], "own": ["1 and b > 2"]})
    words = np.array([[[f"job = {MIDDLE[0]}"], [f"work = {MIDDLE[1]}"], ["code = -3"], ["own = 1 and b > 2"]]])
    for own, cells in itertools.product((data, None), ({"conditions": words}, {})):
        e = small([4, 3, 2, 1], feature_names=list(data), data=own, feature_details=cells)
        shown = [label.partition(" = ")[2] for label in row_labels(plots.bar(e))]
        if own is not None or cells:
            assert shown[0] != shown[1]
            assert shown[2:] == ["−3", "1 and b > 2"]


@pytest.mark.parametrize(("cells", "shown"), [
    (MIDDLE[:2], None), ([0.123451, 0.123452], ["0.123451", "0.123452"]), ([1, 1.0], ["1", "1"]),
    ([0.1 + 0.2, 0.3], ["0.3", "0.3"]), (["0.5", 0.5], ["'0.5'", "0.5"]), ([True, 1], ["True", "1"]),
    ([None, "missing"], ["missing", "'missing'"]), ([0.123451, 0.5], ["0.1235", "0.5"]),
    ([pd.Timestamp("2024-05-01 07:30:10"), pd.Timestamp("2024-05-01 07:30:20")],
     ["2024-05-01 07:30:10", "2024-05-01 07:30:20"]),
    ([pd.Timestamp("2024-05-01 07:30:00.000000001"), pd.Timestamp("2024-05-01 07:30")], None),
    ([pd.Timestamp("2024-05-01 07:30+01:00"), pd.Timestamp("2024-05-01 07:30+02:00")], None),
    ([pd.Timestamp("2024-05-01"), date(2024, 5, 1)], ["2024-05-01"] * 2),
    ([pd.Timedelta("1D 00:00:00.000000001"), pd.Timedelta("1D 00:00:01.000000001")], None),
], ids=str)
def test_values_of_two_columns_differ_in_plots_and_tables(cells, shown):
    data = pd.DataFrame({name: pd.Series([cell], dtype=None if isinstance(cell, pd.Timestamp) else object)
                         for name, cell in zip("ab", cells, strict=True)})
    e = small([2, 1], feature_names=["a", "b"], data=data)
    in_plot = [label.partition(" = ")[2] for label in row_labels(plots.bar(e))]
    in_table = contributions_table(e, 0)["value"].tolist()
    for found in (in_plot, in_table):
        assert found == shown if shown else found[0] != found[1]
        assert not any("(2)" in text for text in found)


def test_a_group_under_lime_is_labelled_with_its_name():
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)), columns=["a", "b", "c"])
    lime = xk.LIME(groups={"a": ["a", "b"], "last": ["c"]}, random_state=0, budget=200)
    e = lime.fit(lambda t: t["a"] + t["c"], X).explain(X[:1])
    assert set(row_labels(plots.bar(replace(e, feature_columns=None)))) == {"a", "last"}  # as in older files
    shown = row_labels(plots.bar(e[0]))
    assert "a" in shown
    assert any(("last" in label and "<" in label) or ">" in label for label in shown)
    assert not any("and" in label for label in shown)


@pytest.mark.parametrize("column", ["age", "1", "a < b", "x = 1", "missing", "a <= 1", " "])
@pytest.mark.parametrize("bin_", [{"low": 1.0}, {"high": 1.0}, {"low": -1.0, "high": 1.0}, {"levels": ["1 <= x"]},
                                  {"levels": [1]}, {"missing": "only"}], ids=str)
def test_words_of_bins_are_split_at_the_name(column, bin_):
    low, sign, high = split_words(xk.Condition(column, **bin_).words(), column)
    assert (low or None) == (f"{bin_['low']:g}" if len(bin_) == 2 else None)
    wanted = [str(v) for v in (bin_.get("high", bin_.get("low")), *bin_.get("levels", ["missing"])) if v is not None]
    assert high.strip("'").removesuffix(".0") in [v.removesuffix(".0") for v in wanted] or sign == " missing"


def test_a_date_condition_of_lime_keeps_the_name():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({NAME: pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, 60), unit="D"),
                      "x": rng.normal(size=60)})
    e = xk.LIME(random_state=0, budget=200).fit(lambda t: t[NAME].dt.month.to_numpy(float), X).explain(X[:1])
    assert any(NAME in label and "…_" not in label for label in row_labels(plots.waterfall(e)))


def test_a_group_does_not_show_the_value_of_a_member():
    X = pd.DataFrame({"zip": ["01067", "89073"], "city": ["Dresden", "Ulm"], "age": [1.0, 2.0]})
    fit = xk.Occlusion(groups={"zip": ["zip", "city"], "years": ["age"]}).fit(lambda t: t["age"] * 2, X)
    for e in (fit.explain(X), xk.Attribution.from_json(fit.explain(X).to_json()), fit.explain(X)[:, ["years", "zip"]]):
        assert e.feature_data("zip") is None
        assert e.feature_data("years").tolist() == [1.0, 2.0]  # a group of one column is that column
        assert set(row_labels(plots.bar(e[0]))) == {"zip", "years = 1"}
        with pytest.raises(ValueError, match="group of columns"):
            plots.scatter(e, "zip")
        frame = e.to_frame()
        assert set(frame["data"][frame["feature"] == "zip"]) == {""}
        assert "grey" in plots.beeswarm(e[:, ["zip"]]).get_xlabel()


def test_columns_of_one_name_have_their_own_values():
    data = pd.DataFrame([[1.0, 2.0]], columns=["a", "a"])
    e = small([2, 1], feature_names=["a", "a"], data=data, feature_columns=((0,), (1,)))
    assert row_labels(plots.bar(e)) == ["a = 1", "a (2) = 2"]
    with pytest.raises(ValueError, match="feature_columns has 1 entries"):
        small([2, 1], data=data, feature_columns=((0,),))
    with pytest.raises(ValueError, match="positions of the 2 columns"):
        small([2, 1], data=data, feature_columns=((0,), (2,)))


def test_base_and_prediction_near_a_thousand_differ():
    e = small([0.3, 0.2], base_values=[[999.7]], predictions=[[1000.2]])
    assert side_numbers(plots.waterfall(e)) == ["+0.3", "+0.2", "999.7", "1,000.2"]
    e = small([0.12341, 0.12343], base_values=[[0.0]], predictions=[[0.24684]])
    assert side_numbers(plots.waterfall(e)) == ["+0.12343", "+0.12341", "0", "0.247"]
    assert side_numbers(plots.bar(e)) == ["+0.12343", "+0.12341"]


def test_a_name_from_right_to_left_leaves_the_minus_of_its_value():
    e = small([1.0], feature_names=["\u05e9\u05dd"], data=pd.DataFrame({"\u05e9\u05dd": [-1.5]}))
    assert row_labels(plots.bar(e)) == ["\u200e\u05e9\u05dd\u200e = −1.5"]


def test_only_a_perfect_fidelity_reads_one():
    assert [fidelity_note(v).split()[-1] for v in (1.0, 0.9996, 0.87, -0.5)] == ["1.00", "0.9996", "0.87", "−0.50"]


def test_the_doctor_shows_levels_that_differ():
    X = pd.DataFrame({"job": ["the same beginning of two levels that are long, " + end for end in ("first", "second")]})
    lines = "\n".join(checkup(xk.wrap(lambda t: np.ones(len(t))).bind(X), X))
    assert "first" in lines
    assert "second" in lines


WRITTEN_ALIKE = {
    "numbers and text": (["1", 1, 1.0, True, None], ["1 (int)", "'1'", "1 (float)", "True"]),
    "floats": ([0.1, np.float32(0.1), "0.1"], ["0.1", "0.1000000015", "'0.1'"]),
    "a day": ([date(2024, 1, 1), "2024-01-01", pd.Timestamp("2024-01-01")],
              ["2024-01-01 (date)", "'2024-01-01'", "2024-01-01 (Timestamp)"]),
    "bytes": ([b"a", "b'a'", "a"], ["a", "b'a'", '"b\'a\'"']),
    "whole numbers": ([np.int64(1), 1, np.int8(1), "x"], ["1 (int)", "1 (int64)", "1 (int8)", "x"]),
}


@pytest.mark.parametrize(("cells", "labels"), WRITTEN_ALIKE.values(), ids=WRITTEN_ALIKE)
def test_levels_that_are_written_alike_stay_apart(cells, labels):
    """As ticks of a scatter, as numbers for shap, and as the values of a waterfall."""
    column = pd.Series(cells, dtype=object)
    known = sum(not pd.isna(v) for v in cells)
    codes, texts = level_codes(column, 9)
    assert sorted(texts) == sorted(labels)
    assert sorted(codes[codes >= 0]) == list(range(known))
    e = xk.KernelSHAP(random_state=0, verbose=False).fit(
        lambda t: t["c"].map(lambda v: float(len(type(v).__name__))) + t["k"],
        frame := pd.DataFrame({"c": column, "k": np.arange(len(cells)) * 1.0})).explain(frame)
    np.testing.assert_array_equal(numbers_or_ranks(e.data["c"])[:known], codes[codes >= 0])
    shown = [next(label for label in names_and_values(e, i, [0], 0)) for i in range(known)]
    assert sorted(shown) == sorted(f"c = {text}" for text in labels)


def test_durations_are_written_without_empty_parts():
    hours = pd.Series(pd.to_timedelta([1, 1.5, 40, 48, -30, 0], unit="h"))
    written = ["01:00:00", "01:30:00", "1 day 16:00:00", "2 days", "−1 day 06:00:00", "00:00:00"]
    assert cell_texts(hours) == written
    assert cell_texts(v.to_pytimedelta() for v in hours) == written
    assert cell_texts([timedelta.max]) == ["999999999 days, 23:59:59.999999"]


class Thing:
    """An object without a text of its own; its repr would hold an address in memory."""

    def __init__(self, k):
        self.k = k


def test_plain_objects_are_called_by_their_type_in_their_order():
    things = [Thing(k) for k in range(40)]
    assert cell_texts(things)[:3] == ["Thing", "Thing (2)", "Thing (3)"]
    assert level_codes(pd.Series(things, dtype=object), 99)[0].tolist() == list(range(40))
    with pytest.raises(TypeError, match="JSON cannot hold an object of type Thing exactly"):
        encode(things[0])
