"""Explanations: shapes, slices, and numbers of their own."""

from __future__ import annotations

import copy
import pickle
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from explanation_cases import (
    FEATURES,
    OUTPUTS,
    PER_CELL,
    PER_OUTPUT,
    ROWS,
    assert_same,
    assert_same_array,
    attribution,
    data,
    importance,
)

import xaikit as xk
from xaikit.errors import SettingError
from xaikit.explanations.base import Explanation
from xaikit.explanations.choosing import resolve
from xaikit.explanations.image import ImageAttribution
from xaikit.explanations.text import TextAttribution


@pytest.mark.parametrize(("field", "shape"), [
    ("values", (4, 3)), ("values", (4, 2, 2)), ("values", (4, 3, 1)), ("standard_errors", (4, 3)),
    ("base_values", (2,)), ("base_values", (4, 1)), ("predictions", (3, 2)), ("base_errors", (4,)),
    ("fidelity", (4, 2, 1)),
])
def test_attribution_shapes_are_checked(field, shape):
    with pytest.raises(ValueError, match=f"{field} has shape"):
        attribution(**{field: np.zeros(shape)})


@pytest.mark.parametrize("more", [
    {"row_names": ("a", "b")}, {"data": data(3)},
])
def test_attribution_rows_are_checked(more):
    with pytest.raises(ValueError, match="4 rows of values do not fit"):
        attribution(**more)


@pytest.mark.parametrize(("field", "shape"), [
    ("values", (3,)), ("values", (2, 3)), ("lower", (3, 1)), ("upper", (3,)),
    ("standard_errors", (1, 2)), ("p_values", (3, 3)),
])
def test_importance_shapes_are_checked(field, shape):
    with pytest.raises(ValueError, match=f"{field} has shape"):
        importance(**{field: np.zeros(shape)})


@pytest.mark.parametrize("make", [attribution, importance])
def test_details_are_checked(make):
    with pytest.raises(ValueError, match=r"details\['x'\] has shape \(1,\)"):
        make(details={"x": [1.0]})


def test_what_is_not_given_is_unknown():
    e = attribution(standard_errors=None, base_errors=None, fidelity=None, row_names=None)
    for name in ("standard_errors", "base_errors", "fidelity"):
        assert np.isnan(getattr(e, name)).all()
    assert e.standard_errors.shape == (4, 3, 2)
    assert e.row_names == (0, 1, 2, 3)
    i = importance(lower=None)
    assert np.isnan(i.lower).all()
    assert i.p_values is None


@pytest.mark.parametrize("e", [attribution(), importance(p_values=np.zeros((3, 2)))],
                         ids=["attribution", "importance"])
def test_results_are_frozen(e):
    with pytest.raises(AttributeError):
        e.values = e.values
    arrays = [getattr(e, f.name) for f in fields(e)] + list(e.details.values())
    arrays = [a for a in arrays if isinstance(a, np.ndarray)]
    assert len(arrays) >= 6
    for array in arrays:
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0


def arrays_in(value):
    """Every array of a result: fields, details, and those in tuples."""
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, dict | tuple | list):
        parts = value.values() if isinstance(value, dict) else value
        return [array for part in parts for array in arrays_in(part)]
    return [a for f in fields(value) for a in arrays_in(getattr(value, f.name))] \
        if isinstance(value, Explanation) else []


N_ROWS, N_UNITS = 2, 3
CUBE = {"method": "m", "output_names": ("y",), "values": np.zeros((N_ROWS, N_UNITS, 1)),
        "base_values": np.zeros((N_ROWS, 1)), "predictions": np.zeros((N_ROWS, 1)),
        "interactions": np.zeros((N_ROWS, N_UNITS, N_UNITS, 1)),
        "interaction_errors": np.zeros((N_ROWS, N_UNITS, N_UNITS, 1)),
        "details": {"solver": np.array(["gp", "wls"])},
        "feature_details": {"conditions": np.full((N_ROWS, N_UNITS), "a > 1", dtype=object)}}


@pytest.mark.parametrize("copied", [lambda e: pickle.loads(pickle.dumps(e)), copy.deepcopy],
                         ids=["pickled", "copied"])
@pytest.mark.parametrize(("e", "least"), [
    (xk.Attribution(**CUBE, feature_names=("a", "b", "c")), 10),
    (ImageAttribution(**CUBE, images=np.zeros((N_ROWS, 2, 2)),
                         labels=np.zeros((N_ROWS, 2, 2), dtype=int)), 12),
    (TextAttribution(**CUBE, texts=("a b c", "d e f"), spans=[np.zeros((3, 3))] * 2), 12),
    (importance(p_values=np.zeros((3, 2))), 7),
], ids=["attribution", "image", "text", "importance"])
def test_copies_are_read_only_too(e, least, copied):
    arrays = arrays_in(copied(e))
    assert len(arrays) >= least
    assert not any(array.flags.writeable for array in arrays)


def test_results_own_their_arrays():
    values = np.zeros((4, 3, 2))
    e = attribution(values=values)
    values[:] = 1.0
    assert not e.values.any()


@pytest.mark.parametrize(("rows", "positions"), [
    (0, [0]), (-1, [3]), (np.int64(2), [2]), (slice(1, 3), [1, 2]), (slice(None, None, -2), [3, 1]),
    ("r0", [0]), (ROWS[3], [3]), ([2, 0], [2, 0]), (["r0", 1], [0, 1]), ([], []),
    (np.array([3, 3]), [3, 3]), (range(2), [0, 1]), (np.array([True, False, False, True]), [0, 3]),
    ([True, False, True, False], [0, 2]), (pd.Series([False, True, True, False]), [1, 2]),
    (pd.Index([1, 2]), [1, 2]), (slice(0, 0), []),
], ids=repr)
def test_rows_are_sliced(rows, positions):
    e = attribution()
    got = e[rows]
    assert got.row_names == tuple(ROWS[i] for i in positions)
    assert len(got) == got.n_rows == len(positions)
    for name in PER_CELL + PER_OUTPUT:
        assert_same_array(getattr(got, name), getattr(e, name)[positions])
    for name in e.details:
        np.testing.assert_array_equal(got.details[name], e.details[name][positions])
    pd.testing.assert_frame_equal(got.data, e.data.iloc[positions].reset_index(drop=True))
    assert (got.feature_names, got.output_names) == (FEATURES, OUTPUTS)


@pytest.mark.parametrize(("key", "features", "outputs"), [
    ((slice(None), "city"), [1], [0, 1]),
    ((slice(None), ["when", "age"]), [2, 0], [0, 1]),
    ((slice(None), np.array([True, False, True])), [0, 2], [0, 1]),
    ((slice(None), slice(None), "yes"), [0, 1, 2], [1]),
    ((slice(None), -1, 0), [2], [0]),
    ((slice(None), slice(1, None), [1, 0]), [1, 2], [1, 0]),
    ((slice(None), [], "yes"), [], [1]),
], ids=repr)
def test_features_and_outputs_are_sliced(key, features, outputs):
    e = attribution()
    got = e[key]
    assert_same_array(got.values, np.ascontiguousarray(e.values[:, features][:, :, outputs]))
    assert_same_array(got.fidelity, np.ascontiguousarray(e.fidelity[:, outputs]))
    assert got.feature_names == tuple(FEATURES[j] for j in features)
    assert got.output_names == tuple(OUTPUTS[k] for k in outputs)
    # The rows stay whole: a feature's partners are wanted for colours.
    assert list(got.data.columns) == list(e.data.columns)


def test_slices_of_slices():
    e = attribution()
    assert_same(e[1:][:, "age"][0], e[1, 0])
    assert_same(e[:, :, :], e)
    assert e[0, 0, 0].values.shape == (1, 1, 1)


@pytest.mark.parametrize(("key", "features", "outputs"), [
    ("city", [1], [0, 1]), (0, [0], [0, 1]), (slice(2), [0, 1], [0, 1]), (["when", "age"], [2, 0], [0, 1]),
    ((slice(None), "yes"), [0, 1, 2], [1]), ((-1, -1), [2], [1]),
], ids=repr)
def test_importance_is_sliced(key, features, outputs):
    i = importance(p_values=np.random.default_rng(0).random((3, 2)))
    got = i[key]
    for name in ("values", "standard_errors", "lower", "upper", "p_values"):
        np.testing.assert_array_equal(getattr(got, name), getattr(i, name)[np.ix_(features, outputs)])
    assert got.details["deep"].shape == (len(features), len(outputs), 5)
    assert got.feature_names == tuple(FEATURES[j] for j in features)


@pytest.mark.parametrize(("key", "error", "words"), [
    ("nobody", KeyError, "no row named 'nobody'"),
    (9, IndexError, "row 9 is out of range: there are 4"),
    (-5, IndexError, "out of range"),
    ((0, "sex"), KeyError, "no feature named 'sex'; there are age, city, when"),
    ((0, 0, "maybe"), KeyError, "no output named"),
    ((0, 0, 0, 0), IndexError, "at most rows, features and outputs"),
    (np.array([True, False]), IndexError, "does not fit 4 rows"),
    ([True, False], IndexError, "does not fit 4 rows"),
    ((0, 3), IndexError, "feature 3"),
], ids=repr)
def test_bad_keys(key, error, words):
    with pytest.raises(error, match=words):
        attribution()[key]


def test_bad_keys_of_importance():
    with pytest.raises(KeyError, match="no feature named"):
        importance()["sex"]
    with pytest.raises(IndexError, match="got 3 keys"):
        importance()[0, 0, 0]


def test_a_row_named_by_a_tuple_is_found():
    assert attribution()[[("a", 1)]].row_names == (("a", 1),)


def test_numbers_are_positions_and_text_is_names():
    assert list(resolve((3, 2, 1, 0), 0, "row")) == [0]
    assert list(resolve(("1", "0"), "0", "row")) == [1]


def test_gap():
    e = attribution()
    ref = np.array([[e.predictions[i, k] - e.base_values[i, k] - sum(e.values[i, :, k])
                     for k in range(2)] for i in range(4)])
    np.testing.assert_allclose(e.gap(), ref, atol=1e-14)


def test_importance_by_hand():
    values = np.array([[1.0, -4.0], [-3.0, 0.0], [2.0, 1.0]])[:, :, None]
    e = attribution(features=("a", "b"), outputs=("o",), rows=(0, 1, 2), values=values)
    got = e.importance()
    # |1|, |−3|, |2|: mean 2, deviation 1, error 1/√3. |−4|, 0, |1|: mean 5/3, deviation √(13/3).
    np.testing.assert_allclose(got.values[:, 0], [2.0, 5 / 3], rtol=1e-14)
    errors = np.array([1 / np.sqrt(3), np.sqrt(13 / 3) / np.sqrt(3)])
    np.testing.assert_allclose(got.standard_errors[:, 0], errors, rtol=1e-14)
    reach = 1.959963984540054 * errors
    np.testing.assert_allclose(got.upper[:, 0], [2.0 + reach[0], 5 / 3 + reach[1]], rtol=1e-12)
    # Mean sizes are not negative, so intervals end at 0.
    np.testing.assert_allclose(got.lower[:, 0], [2.0 - reach[0], 0.0], rtol=1e-12)
    np.testing.assert_allclose(got.details["signed"][:, 0], [0.0, -1.0], atol=1e-15)
    assert got.method == "mean |Test|"
    narrow = e.importance(confidence=0.5)
    np.testing.assert_allclose((narrow.upper - narrow.values)[:, 0], 0.6744897501960817 * errors,
                               rtol=1e-12)


@pytest.mark.parametrize("wrong", [0, 1, 95, True, "high", None])
def test_confidence_is_a_share(wrong):
    with pytest.raises(SettingError, match="confidence must be a number above 0 and below 1, got"):
        attribution().importance(confidence=wrong)


def test_importance_of_one_row_has_no_interval():
    got = attribution()[0].importance()
    assert np.isnan(got.standard_errors).all()
    assert np.isnan(got.upper).all()
    np.testing.assert_array_equal(got.values, np.abs(attribution().values[0]))


def test_order_and_ranks():
    i = importance(values=np.array([[1.0, 0.0], [-3.0, 0.0], [1.0, 2.0]]))
    assert list(i.order("no")) == [1, 0, 2]
    assert list(i.ranks("no")) == [2, 1, 3]
    assert list(i.order("yes")) == [2, 0, 1]
    assert len(i) == 3


def test_cost_adds_up():
    a, b = xk.Cost(1, 2, 3, 5.5, 6.5), xk.Cost(10, 20, 30, 50.0, 60.0)
    assert a + b == xk.Cost(11, 22, 33, 55.5, 66.5)
    assert a + xk.Cost() == a
    assert b.overhead_seconds == 10.0
    assert xk.Cost(model_seconds=9.0, seconds=3.0).overhead_seconds == 0.0
    assert str(xk.Cost(12345, calls=2)).startswith("12,345 model rows in 2 calls")
