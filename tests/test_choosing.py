"""What `output=` and `max_display=` mean, and that they mean it in every function that has them."""

from __future__ import annotations

import inspect

import numpy as np
import pandas as pd
import pytest
from explanation_cases import attribution
from plot_cases import make, row_labels

import xaikit as xk
from xaikit import plots
from xaikit.errors import SettingError
from xaikit.explanations.choosing import choose, choose_output, resolve
from xaikit.explanations.image import ImageAttribution
from xaikit.explanations.text import TextAttribution
from xaikit.settings import DESCRIPTIONS


def table(k):
    return make(4, k)


def images(k):
    return ImageAttribution(
        method="m", values=np.ones((1, 3, k)), base_values=np.zeros((1, k)),
        predictions=np.ones((1, k)), output_names=[f"out{c}" for c in range(k)],
        images=np.zeros((1, 2, 2)), labels=[[[0, 1], [2, 2]]])


def texts(k):
    return TextAttribution(
        method="m", texts=["one two three"], spans=[[[0, 0, 3], [1, 4, 7], [2, 8, 13]]],
        values=np.ones((1, 3, k)), base_values=np.zeros((1, k)), predictions=np.ones((1, k)),
        output_names=[f"out{c}" for c in range(k)])


def report(model, **settings):
    return xk.report(model, np.random.default_rng(0).normal(size=(9, 2)), path=None,
                     methods=["mean_impact"], **settings)


def outputs(k):
    def shares(X):
        sizes = np.exp(X[:, :1] * np.arange(1, k + 1))
        return sizes / sizes.sum(axis=1, keepdims=True)

    return xk.wrap(shares, output_names=[f"out{c}" for c in range(k)])


ONE_OUTPUT = {
    "waterfall": (plots.waterfall, table), "bar": (plots.bar, table),
    "beeswarm": (plots.beeswarm, table), "scatter": (plots.scatter, table),
    "image_overlay": (plots.image_overlay, images), "text_highlight": (plots.text_highlight, texts),
    "regions": (xk.regions, images), "report": (xk.report, outputs),
    "order": (xk.Importance.order, lambda k: table(k).importance()),
    "ranks": (xk.Importance.ranks, lambda k: table(k).importance()),
}
"""Every function with ``output=``, and what makes its first argument, of k outputs."""
MORE = {"scatter": {"feature": "age"}, "regions": {"segmenter": "grid"}}
SHOWN = {name: ONE_OUTPUT[name] for name in ("waterfall", "bar", "beeswarm", "image_overlay",
                                             "text_highlight")}
SHOWN["submodular_pick"] = (xk.submodular_pick, table)


@pytest.fixture(params=ONE_OUTPUT)
def one_output(request):
    """Return a function that calls another with an explanation (or model) of k outputs."""
    function, make_first = ONE_OUTPUT[request.param]
    function = report if request.param == "report" else function
    return lambda k, **settings: function(
        make_first(k), **MORE.get(request.param, {}), **settings)


def test_the_only_output_and_the_second_of_two():
    assert choose_output(("a",), None) == 0
    assert choose_output(("no", "yes"), None) == 1
    assert choose_output(("no", "yes"), "no") == choose_output(("no", "yes"), 0) == 0
    assert choose_output(("a", "b", "c"), -1) == 2


@pytest.mark.parametrize("names", [("a", "b", "c"), ()])
def test_no_output_is_guessed(names):
    with pytest.raises(SettingError, match=f"output=None needs one or two outputs, and there are {len(names)}"):
        choose_output(names, None)


def test_with_three_outputs_one_must_be_named(one_output):
    with pytest.raises(SettingError, match="there are 3; name one, such as output='out0'"):
        one_output(3)
    one_output(3, output="out1")


@pytest.mark.parametrize(("output", "error", "words"), [
    ("x", KeyError, "no output named 'x'; there are out0, out1"),
    (2, IndexError, "output 2 is out of range: there are 2"),
    ([0, 1], TypeError, r"output must be one position or name, got \[0, 1\]"),
    (True, KeyError, "a single True chooses no output"),
])
def test_outputs_that_are_not_there(one_output, output, error, words):
    with pytest.raises(error, match=words):
        one_output(2, output=output)


def test_the_default_of_two_is_the_second_everywhere():
    e = attribution()
    assert list(e.importance().order()) == list(e.importance().order("yes"))
    assert list(e.importance().ranks()) == list(e.importance().ranks(1))
    assert xk.regions(images(2), segmenter="grid").output_names == ("out1",)
    assert list(report(outputs(2)).explanations["mean_impact"].output_names) == ["out1"]


@pytest.mark.parametrize("name", ONE_OUTPUT)
def test_docstrings_say_the_same(name):
    function = ONE_OUTPUT[name][0]
    assert inspect.signature(function).parameters["output"].default is None
    said = " ".join(function.__doc__.split())
    assert " ".join(DESCRIPTIONS["output"].split()) in said or "As for `order`" in said


@pytest.mark.parametrize("wrong", [0, -1, True, 2.5, "all"])
@pytest.mark.parametrize("name", SHOWN)
def test_max_display_is_a_count_or_none(name, wrong):
    function, make_first = SHOWN[name]
    said = f"max_display must be a whole number of at least 1 or None, got {wrong!r}"
    with pytest.raises(SettingError, match=said):
        function(make_first(1), max_display=wrong)


@pytest.mark.parametrize("name", SHOWN)
def test_docstrings_say_what_max_display_is(name):
    said = " ".join(SHOWN[name][0].__doc__.split())
    assert " ".join(DESCRIPTIONS["max_display"].split()) in said


@pytest.mark.parametrize("plot", [plots.bar, plots.beeswarm])
def test_none_shows_all(plot):
    e = xk.Attribution(
        method="m", values=np.ones((2, 30, 1)), base_values=np.zeros((2, 1)),
        predictions=np.full((2, 1), 30), output_names=["o"], feature_names=list(map(str, range(30))))
    assert len(row_labels(plot(e, max_display=None))) == 30
    assert len(row_labels(plot(e))) < 30
    assert len(row_labels(plots.waterfall(e, max_display=None))) == 32


def test_one_row_or_feature_is_chosen():
    assert choose(("a", "b"), "b", "row") == 1
    with pytest.raises(TypeError, match="row must be one position or name"):
        choose(("a", "b"), slice(None), "row")
    with pytest.raises(TypeError, match="feature must be one position or name"):
        attribution().feature_data([0, 1])


DAYS = pd.to_timedelta([3, 1, 2], unit="D")
MASK = [True, False, True]


@pytest.mark.parametrize(("names", "key", "wanted"), [
    ("abc", pd.array(MASK), [0, 2]), ("abc", pd.array(MASK, dtype="bool[pyarrow]"), [0, 2]),
    ("abc", pd.Series(MASK, dtype="boolean"), [0, 2]), ("abc", pd.Series(MASK, dtype=object), [0, 2]),
    ("abc", np.array(MASK, dtype=object), [0, 2]), ("abc", pd.Index(MASK), [0, 2]),
    ("abc", pd.array([0, 2]), [0, 2]), ("abc", pd.array(["c", "a"], dtype="string"), [2, 0]),
    ("abc", pd.Categorical(["c", "a"]), [2, 0]), ("abc", np.array(2), [2]),
    (DAYS, DAYS[1], [1]), (DAYS, DAYS[1].to_timedelta64(), [1]), (DAYS, DAYS[:2], [0, 1]),
    (DAYS, pd.Series(DAYS[:2]), [0, 1]),
    ("abca", "a", [0, 3]), ("abca", ["a", "b"], [0, 3, 1]), ([(1, 2), "a", (1, 2)], (1, 2), [0, 2]),
    ([pd.NA, "a"], "a", [1]), ([np.nan, "a"], np.nan, [0]), ([None, "a"], None, [0]),
    # A Series is read by its index, as pandas does; one that counts, by position.
    ("cba", pd.Series(MASK, index=["a", "b", "c"]), [0, 2]),
    ("bca", pd.Series([True, False, False], index=["a", "b", "c"]), [2]),
    ("bca", pd.Series([True, False, False], index=["a", "b", "c"], dtype=object), [2]),
    ([9, "a", (1, 2)], pd.Series([True, False, False]), [0]),
    ("aba", pd.Series(MASK, index=["a", "b", "a"]), [0, 2]),
], ids=repr)
def test_what_is_chosen(names, key, wanted):
    assert resolve(tuple(names), key, "row").tolist() == wanted


def test_a_polars_mask_is_a_mask():
    polars = pytest.importorskip("polars")
    assert resolve(tuple("abc"), polars.Series(MASK), "row").tolist() == [0, 2]


@pytest.mark.parametrize(("names", "key", "error", "words"), [
    ("abc", pd.array([True, False, None]), IndexError, "a row mask holds missing values"),
    ("abc", [True, None, False], IndexError, "a row mask holds missing values"),
    ("abc", pd.array([True]), IndexError, r"a row mask of shape \(1,\) does not fit 3 rows"),
    ("abc", pd.Series(MASK, index=list("xyz")), IndexError, "the index of a row mask is not that of the rows"),
    ([2, 0, 1], pd.Series(MASK), IndexError, "leaves open which is meant; pass mask.to_numpy"),
    ("aba", pd.Series(MASK, index=list("aab")), IndexError, "leaves open which is meant"),
    ("abc", slice("a", "c"), TypeError, "a slice of rows counts positions, got 'a':'c'; pass a list of names"),
    ("abc", np.array([[0, 1]]), IndexError, r"rows are chosen by a list of them, got one of shape \(1, 2\)"),
    ("abc", [[0, 1]], IndexError, "rows are chosen by a list of them, got a list of lists"),
    ("abc", [np.array([True, False, True])], IndexError, "got a list of lists"),
], ids=repr)
def test_what_leaves_open_which_is_meant(names, key, error, words):
    with pytest.raises(error, match=words):
        resolve(tuple(names), key, "row")


def test_one_of_equal_names_is_chosen_by_position():
    with pytest.raises(TypeError, match="2 rows are named 'a'; choose one by its position, such as 0"):
        plots.waterfall(make(3, row_names=["a", "b", "a"]), row="a")
