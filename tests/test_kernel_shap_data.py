"""Kernel SHAP on special rows, on frames and arrays, and on long backgrounds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import reference
from kernel_shap_cases import WLS, background_and_rows, fit, third_order, two_outputs

import xaikit as xk


@pytest.fixture
def tables(rng):
    """Return a background and rows of 8 columns whose cells all differ."""
    return background_and_rows(rng)


# Special rows ------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [WLS, {"solver": "exact"}], ids=["wls", "exact"])
def test_a_row_equal_to_all_of_the_background(counting, settings):
    background = np.ones((4, 8))
    model = counting(third_order)
    explainer = fit(model, background, **settings)
    model.clear()
    got = explainer.explain(background[:1])
    np.testing.assert_array_equal(got.values, 0.0)
    np.testing.assert_array_equal(got.standard_errors, 0.0)
    np.testing.assert_array_equal(got.predictions, got.base_values)
    assert model.n_rows == 0
    assert np.isnan(got.fidelity).all()


@pytest.mark.parametrize("settings", [WLS, {"solver": "exact"}], ids=["wls", "exact"])
@pytest.mark.parametrize("value", [2.0, np.nan])
def test_a_constant_column_gets_nothing_and_is_never_asked(tables, counting, settings, value):
    background, X = (table.copy() for table in tables)
    background[:, 3] = X[:, 3] = value
    model = counting(lambda X: third_order(np.nan_to_num(X)))
    explainer = fit(model, background, **settings)
    got = explainer.explain(X)
    np.testing.assert_array_equal(got.values[:, 3], 0.0)
    np.testing.assert_array_equal(got.standard_errors[:, 3], 0.0)
    assert {row[3] for row in model.rows} == {"NaN" if np.isnan(value) else value}
    assert np.abs(got.gap()).max() < 1e-9


def test_a_single_active_unit_takes_all(counting):
    background = np.zeros((3, 100))
    row = np.zeros(100)
    row[77] = 2.0
    model = counting(lambda X: X.sum(axis=1) ** 2)
    explainer = fit(model, background, solver="wls", budget=1)
    model.clear()
    got = explainer.explain(row)
    assert model.n_rows == 1
    assert got[:, "x77"].values.item() == 4.0
    assert np.count_nonzero(got.values) == 1


def test_one_column():
    got = fit(lambda X: X[:, 0] ** 2, np.array([[1.0], [3.0]])).explain(np.array([[2.0], [5.0]]))
    np.testing.assert_allclose(got.values[:, 0, 0], [-1.0, 20.0])


@pytest.mark.parametrize("make", [lambda x: x, lambda x: x[None], list, lambda x: [list(x)],
                                  lambda x: pd.Series(x, index=[f"x{j}" for j in range(8)])])
@pytest.mark.parametrize("settings", [WLS, {"solver": "exact"}], ids=["wls", "exact"])
def test_a_single_row(tables, make, settings):
    background, X = tables
    explainer = fit(two_outputs, background, **settings)
    ref = explainer.explain(X)[2]
    got = explainer.explain(make(X[2]))
    assert got.values.shape == (1, 8, 2)
    assert reference.bytes_of(got) == reference.bytes_of(ref)


# Frames and arrays -------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [WLS, {"solver": "exact"}], ids=["wls", "exact"])
def test_frame_and_array_are_the_same(tables, settings):
    background, X = tables
    columns = list("hgfedcba")
    ref = fit(two_outputs, background, **settings).explain(X)
    frame = pd.DataFrame(X, columns=columns, index=[10, 20, 30, 40, 50])
    got = fit(two_outputs, pd.DataFrame(background, columns=columns), **settings).explain(frame)
    assert reference.bytes_of(got) == reference.bytes_of(ref)
    assert got.feature_names == tuple(columns)
    assert got.row_names == (10, 20, 30, 40, 50)
    assert ref.feature_names == tuple(f"x{j}" for j in range(8))
    pd.testing.assert_frame_equal(got.data, frame.reset_index(drop=True))


def test_columns_in_another_order_are_put_back(tables):
    background, X = (pd.DataFrame(t, columns=list("abcdefgh")) for t in tables)
    explainer = fit(third_order, background, **WLS)
    ref = explainer.explain(X)
    got = explainer.explain(X[X.columns[::-1]])
    assert reference.bytes_of(got) == reference.bytes_of(ref)
    assert got.feature_names == ref.feature_names


def test_names_of_a_model_fitted_on_a_frame_reach_arrays(rng):
    from sklearn.linear_model import LinearRegression

    frame = pd.DataFrame(rng.normal(size=(30, 3)), columns=["age", "height", "size"])
    model = LinearRegression().fit(frame, frame.sum(axis=1))
    got = fit(model, frame.to_numpy(), groups={"body": ["height", "size"]}).explain(frame.to_numpy()[:2])
    assert got.feature_names == ("age", "body")


def test_adult_as_a_mixed_frame(adult):
    """Categories reach the model as categories, and values add up to what it says."""
    seen = set()

    def model(frame):
        seen.add(tuple(str(d) for d in frame.dtypes))
        young = frame["age"].to_numpy() < 40
        wed = (frame["marital_status"] == "Married-civ-spouse").to_numpy()
        return young * wed + frame["education_num"].to_numpy() * wed / 16 + 0.1 * young

    X = adult.drop(columns="income")
    got = fit(model, X.iloc[:10], solver="exact").explain(X.iloc[30:33])
    assert seen == {tuple(str(d) for d in X.dtypes)}
    np.testing.assert_allclose(got.predictions[:, 0], model(X.iloc[30:33]), rtol=1e-12)
    assert np.abs(got.gap()).max() < 1e-9
    asked = ["age", "marital_status", "education_num"]
    others = [name for name in X.columns if name not in asked]
    np.testing.assert_allclose(got[:, others].values, 0.0, atol=1e-12)
    # Far below 2^14 coalitions on 10 background rows: units equal to the background's are not asked.
    assert got.details["model_rows"].max() < 10 * 2**13


# Nothing is changed ------------------------------------------------------------------------------


@pytest.mark.parametrize("container", [np.array, pd.DataFrame])
def test_tables_are_left_as_they_were(tables, container):
    def vandal(X):
        answers = third_order(X)
        if isinstance(X, pd.DataFrame):
            X.iloc[:, :] = -1.0
        else:
            X[:] = -1.0
        return answers

    background, X = (container(t) for t in tables)
    kept = [t.copy() for t in (background, X)]
    ref = fit(third_order, background, **WLS).explain(X)
    got = fit(vandal, background, **WLS).explain(X)
    for now, before in zip((background, X), kept, strict=True):
        np.testing.assert_array_equal(np.asarray(now), np.asarray(before))
    assert reference.bytes_of(got) == reference.bytes_of(ref)
    assert any("changes the batch" in w for w in got.warnings)
    assert not ref.warnings


def test_the_explanation_is_not_tied_to_the_table(tables):
    for X in (tables[1].copy(), pd.DataFrame(tables[1])):
        got = fit(third_order, tables[0], **WLS).explain(X)
        ref = got.data.copy()
        X[:] = 0.0
        pd.testing.assert_frame_equal(got.data, ref)


# Background --------------------------------------------------------------------------------------


@pytest.mark.parametrize("container", [np.array, pd.DataFrame])
def test_a_long_background_is_sampled_and_a_warning_says_so(rng, container):
    background, X = rng.normal(size=(50, 3)), rng.normal(size=(2, 3))
    explainer = fit(third_order, container(background), max_background=20)
    got = explainer.explain(container(X))
    assert got.warnings == ("The background is a random sample of 20 of 50 rows; raise "
                            "max_background or pass a TabularMasker to use more.",)
    chosen = np.asarray(explainer.masker_.background)
    assert len({tuple(row) for row in chosen} & {tuple(row) for row in background}) == 20
    other = fit(third_order, container(background), max_background=20, random_state=1)
    assert not np.array_equal(np.asarray(other.masker_.background), chosen)
    again = fit(third_order, container(background), max_background=20)
    np.testing.assert_array_equal(np.asarray(again.masker_.background), chosen)


def test_a_masker_or_room_enough_uses_all(rng):
    background = rng.normal(size=(50, 3))
    for given, most in ((xk.TabularMasker(background), 20), (background, 50)):
        explainer = fit(third_order, given, max_background=most)
        assert explainer.masker_.n_background == 50
        assert explainer.warnings_ == ()


def test_groups_are_kept_where_the_background_is_sampled(rng):
    explainer = fit(third_order, rng.normal(size=(50, 3)), max_background=5, groups=[[0, 2]])
    assert explainer.masker_.unit_names == ("0 + 2", "x1")
