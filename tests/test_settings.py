"""Settings: the vocabulary, and bad values of every setting that the package checks with it."""

from __future__ import annotations

import importlib
import inspect
import math
import pkgutil
import re

import numpy as np
import pytest

import xaikit as xk
from xaikit import explainers
from xaikit.errors import SettingError
from xaikit.explainers.base import Explainer
from xaikit.settings import (
    DESCRIPTIONS,
    SETTINGS,
    Either,
    Flag,
    Kind,
    Number,
    OneOf,
    Several,
    Whole,
    check,
    described,
    is_array,
    is_number,
    is_whole,
    shown,
)

NAN, INF = math.nan, math.inf

# --- the vocabulary


@pytest.mark.parametrize(("constraint", "words", "good", "bad"), [
    (Whole(), "a whole number of at least 1", [1, 2**70, np.int64(1), np.uint8(3)],
     [0, -1, True, np.True_, 1.0, np.float64(2.0), NAN, "1", None, [1], np.array([1])]),
    (Whole(0), "a whole number of at least 0", [0, 5], [-1, False, np.False_, 0.0]),
    (Whole(4, "pixels"), "a whole number of at least 4 (pixels)", [4], [3]),
    (Number(), "a number", [0, -1.5, np.float32(2), np.int8(-3), INF, -INF],
     [NAN, np.float64(NAN), True, np.True_, "1", None, 1j, [1.0], np.array([1.0])]),
    (Number(finite=True), "a finite number", [0, 1e300], [INF, -INF, NAN]),
    (Number(above=0.0), "a number above 0", [1e-9, 3, INF], [0, -0.0, -1, NAN, True]),
    (Number(above=0.0, below=1.0), "a number above 0 and below 1", [0.5], [0, 1, 0.0, 1.0, INF]),
    (Number(above=0.0, most=1.0), "a number above 0 and at most 1", [1, 1.0], [0.0, 1.1]),
    (Number(least=0.0, most=1.0), "a number of at least 0 and at most 1", [0, 1], [-0.1, 1.1]),
    (OneOf("a", 1, None), "one of 'a', 1, None", ["a", np.str_("a"), 1, None],
     ["b", "A", True, 1.0, 0, False, [], np.array(["a"])]),
    (OneOf("a"), "'a'", ["a"], ["b", None]),
    (Flag(), "True or False", [True, False, np.True_], [0, 1, None, "True", 1.0]),
    (Kind(callable, "a function"), "a function", [len, str], [0, "len", None]),
    (Either(Whole(1), "auto", None), "a whole number of at least 1 or 'auto' or None",
     [1, "auto", None], [0, "all", True, 1.5]),
    (Several(Whole(1)), "a sequence of at least 1, each a whole number of at least 1",
     [[1], (1, 2), np.array([3, 4])], [1, [], (), [0], [True], [1.0], "1", None, {1}, [[1]], [[1], [1, 2]],
      np.array([[1]]), np.array(1), np.array([1.0])]),
    (Several(Flag(), least=2, most=2), "a sequence of 2, each True or False", [[True, False]],
     [[True], [True] * 3, [1, 0]]),
])
def test_constraints(constraint, words, good, bad):
    assert str(constraint) == words
    for value in good:
        assert constraint.holds(value), value
    for value in bad:
        assert not constraint.holds(value), value


@pytest.mark.parametrize(("value", "whole", "number", "array"), [
    (3, True, True, False), (np.int8(3), True, True, False), (3.0, False, True, False),
    (NAN, False, True, False), (np.float32(3), False, True, False), (True, False, False, False),
    (np.False_, False, False, False), ("3", False, False, False), (None, False, False, False),
    ([3], False, False, True), ((), False, False, True), (np.zeros((2, 2)), False, False, True),
    (np.array(3), False, False, False), ({3}, False, False, False),
])
def test_what_is_a_number_and_an_array(value, whole, number, array):
    assert (is_whole(value), is_number(value), is_array(value)) == (whole, number, array)


def test_tensors_are_arrays():
    torch = pytest.importorskip("torch")
    assert is_array(torch.zeros(2))
    assert not is_array(torch.tensor(2.0))


def test_check_names_the_first_setting_that_is_wrong():
    check({})
    check({"max_memory": 1, "unknown to it": -1, "n_jobs": -2})
    with pytest.raises(SettingError, match=r"^max_memory must be a whole number of at least 1, got -1\.$"):
        check({"n_jobs": 1, "max_memory": -1, "n_repeats": 0})


def test_a_method_s_own_constraint_comes_before_the_shared_one():
    check({"budget": "auto"})
    with pytest.raises(SettingError, match=r"^budget must be a whole number of at least 4, got 'auto'\.$"):
        check({"budget": "auto"}, {"budget": Whole(4)})
    check({"budget": 4, "grid": 1}, {"budget": Whole(4)})


@pytest.mark.parametrize(("value", "words"), [
    ("all", "'all'"), (NAN, "nan"), (True, "True"), (None, "None"), ([1, 2], "[1, 2]"),
    (np.zeros((60, 80)), "ndarray of shape (60, 80)"),
    (np.zeros((2, 2)), "ndarray of shape (2, 2)"),  # its repr has two lines
    ("x" * 100, "str '" + "x" * 59 + "…"),
])
def test_long_values_are_shown_in_short(value, words):
    assert shown(value) == words
    with pytest.raises(SettingError, match=re.escape(f", got {words}.")):
        check({"max_memory": value})


def test_descriptions_are_filled_in():
    doc = "Do.\n\n    Parameters\n    ----------\n    {n_jobs, max_memory}\n    p : float\n        {as is}"
    got = described(doc)
    for name in ("n_jobs", "max_memory"):
        assert f"    {name} : {DESCRIPTIONS[name]}\n" in got
    assert got.endswith("    p : float\n        {as is}")
    assert described(None) is None
    assert described("No list of settings: {n_jobs}.") == "No list of settings: {n_jobs}."
    with pytest.raises(KeyError, match="n_job"):
        described("    {n_job}")


# --- every setting of the package

BAD = {
    "areas": (0.2, "a", (), (0,), (1.5,), (True,), (NAN,)),
    "baseline": (True, NAN, INF, "a", None),
    "beam": (-1, 0, True, 2.5, NAN, "a", None),
    "batch_size": (-1, 0, True, 2.5, NAN, "a", None),
    "budget": (-1, 0, True, 2.5, NAN, "a", None),
    "by_word": (-1, 0, 1, NAN, "a", None),
    "channels": (-1, 0, True, NAN, "a"),
    "clip": (-1, 0, 1, NAN, "a", None),
    "confidence": (-1, 0, 1, True, NAN, "a", None),
    "deduplicate": (-1, 0, 1, NAN, "a", None),
    "delta": (-1, 0, True, NAN, "a", None),
    "discretize": (-1, 0, True, NAN, "a"),
    "feature_names": (-1, 0, True, NAN, "a"),
    "grid": (-1, 0, True, 2.5, NAN, "a", None),
    "groups": (-1, 0, True, NAN, "a"),
    "interactions": (-1, 0, 1, NAN, "a", None),
    "k": (-1, 0, True, 2.5, NAN, "a", None),
    "kernel_width": (-1, 0, True, NAN, "a"),
    "least": (-1, 1.5, True, NAN, "a", None),
    "link": (-1, 0, True, NAN, "a", None),
    "mask_token": (-1, 0, True, NAN, ""),
    "max_background": (-1, 0, True, 2.5, NAN, "a", None),
    "max_display": (-1, 0, True, 2.5, NAN, "a"),
    "max_levels": (-1, 0, 1, True, 2.5, NAN, "a", None),
    "max_memory": (-1, 0, True, 2.5, NAN, "a", None),
    "max_seconds": (-1, 0, True, NAN, "a"),
    "max_length": (-1, 0, True, 2.5, NAN, "a", None),
    "mode": (-1, 0, True, NAN, "a", None),
    "n_bootstrap": (-1, 0, True, 2.5, NAN, "a", None),
    "verbose": (1, 0, None, "yes", NAN),
    "n_jobs": (0, True, 2.5, -1.5, NAN, "a"),
    "n_neighbours": (-1, 0, True, 2.5, NAN, "a", None),
    "n_picks": (-1, 0, True, 2.5, NAN, "a", None),
    "n_repeats": (-1, 0, True, 2.5, NAN, "a", None),
    "n_segments": (-1, 0, True, 2.5, NAN, "a", None),
    "output_names": (-1, 0, True, NAN, "a"),
    "outputs": (True, NAN, 2.5, (True,), [None]),
    "p": (-1, 0, 1, True, NAN, "a", None),
    "pool": (-1, 0, 1, True, 2.5, NAN, "a", None),
    "distribution": ("joint", 1, True, None, NAN),
    "keep_pool": (0, 1, "a", None, NAN),
    "prefer": ("short", 1, True, None, NAN),
    "precision": (-1, 0, 1.5, True, NAN, "a", None),
    "random_state": (-1, True, 2.5, NAN, "a"),
    "retries": (-1, True, 2.5, NAN, "a", None),
    "sampling": (-1, 0, True, NAN, "a", None),
    "scales": (-1, 0, True, NAN, "a", None, (), (0,), (True,), (NAN,)),
    "segmenter": (-1, 0, True, NAN, "a", None),
    "solver": (-1, 0, True, NAN, "a", None),
    "split": (-1, 0, True, NAN, "a"),
    "stride": (-1, 0, True, 2.5, NAN, "a", (1, 2, 3), (0, 1)),
    "sweep": (-1, 0, True, NAN, "a", None, (0,), (True,), (NAN,)),
    "task": (-1, 0, True, NAN, "a"),
    "thread_safe": (-1, 0, 1, NAN, "a"),
    "threshold": (True, NAN, INF, "a"),
    "tol": (-1, 0, 1, True, NAN, "a"),
    "weights": (-1, 0, True, NAN, "a"),
    "within": (-1, 0, True, NAN, INF, "a", None),
    "window": (-1, 0, True, 2.5, NAN, "a", (1, 2, 3), (0, 1)),
}
"""Values that each setting refuses wherever it stands."""

ELSEWHERE = {"explanation", "attribution", "model", "background", "X", "ax", "row", "output", "inputs", "scoring"}
"""Parameters that are data, or that name a row, an output, inputs or scorers: other tests feed them."""


def every_explainer(base=Explainer):
    for module in pkgutil.walk_packages(explainers.__path__, explainers.__name__ + "."):
        importlib.import_module(module.name)
    for kind in base.__subclasses__():
        if "__init__" in vars(kind):
            yield kind
        yield from every_explainer(kind)


def image_map():
    return xk.ImageAttribution(
        method="by hand", values=np.zeros((1, 4, 1)), base_values=[[0.0]], predictions=[[0.0]],
        output_names=("y",), images=np.zeros((1, 2, 2)), labels=np.arange(4).reshape(1, 2, 2))


def table_values():
    return xk.Attribution(method="by hand", values=np.ones((2, 3, 1)), base_values=[[0.0]] * 2,
                          predictions=[[3.0]] * 2, feature_names=("a", "b", "c"), output_names=("y",))


def text_values():
    return xk.TextAttribution(method="by hand", values=np.ones((1, 2, 1)), base_values=[[0.0]], predictions=[[2.0]],
                              output_names=("y",), texts=("so good",), spans=[[[0, 0, 2], [1, 3, 7]]])


TABLE = np.arange(12.0).reshape(4, 3)
CALLS = {
    **{kind.__name__: (kind, lambda kind=kind, **bad: kind(**bad).fit(None)) for kind in every_explainer()},
    "ImageMasker": (xk.ImageMasker, xk.ImageMasker),
    "TabularMasker": (xk.TabularMasker, lambda **bad: xk.TabularMasker(TABLE, **bad)),
    "TextMasker": (xk.TextMasker, xk.TextMasker),
    "kmeans_background": (xk.kmeans_background, lambda **bad: xk.kmeans_background(TABLE, **bad)),
    "regions": (xk.regions, lambda **bad: xk.regions(image_map(), **bad)),
    "submodular_pick": (xk.submodular_pick, lambda **bad: xk.submodular_pick(table_values(), **bad)),
    "wrap": (xk.wrap, lambda **bad: xk.wrap(len, **bad)),
}
PLOTS = {
    "bar": table_values, "beeswarm": table_values, "waterfall": lambda: table_values()[0],
    "text_highlight": text_values, "image_overlay": image_map,
}


def settings_of(call):
    return [name for name in inspect.signature(call).parameters if name not in ELSEWHERE]


@pytest.mark.parametrize("name", CALLS)
def test_every_setting_has_bad_values_here(name):
    missing = set(settings_of(CALLS[name][0])) - set(BAD)
    assert not missing, f"{name} has settings whose bad values are not in BAD"


def test_no_constraint_is_left_over():
    used = {setting for call, _ in CALLS.values() for setting in settings_of(call)}
    assert set(SETTINGS) - used <= {"max_display"}  # of plots
    assert set(DESCRIPTIONS) - used - ELSEWHERE == set()
    for kind in every_explainer():
        assert set(kind.own_settings) <= set(settings_of(kind)), kind


def test_every_docstring_names_its_settings():
    for kind in every_explainer():
        assert not re.search(r"^ *\{[a-z_, ]+\}$", kind.__doc__, flags=re.M), kind
        for setting in inspect.signature(kind).parameters:
            assert re.search(rf"^    ([a-z_]+, )*{setting}(, [a-z_]+)* :", kind.__doc__, flags=re.M), (kind, setting)


@pytest.mark.parametrize(("name", "setting", "value"), [
    (name, setting, value) for name, (call, _) in CALLS.items() for setting in settings_of(call)
    for value in BAD.get(setting, ())])
def test_bad_values_are_refused_with_one_kind_of_sentence(name, setting, value):
    with pytest.raises(SettingError, match=rf"^{setting} must be .*got {re.escape(repr(value))}\.$"):
        CALLS[name][1](**{setting: value})


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in PLOTS for value in BAD["max_display"]])
def test_plots_refuse_them_too(name, value):
    with pytest.raises(SettingError, match=rf"^max_display must be .*got {re.escape(repr(value))}\.$"):
        getattr(xk.plots, name)(PLOTS[name](), max_display=value)
