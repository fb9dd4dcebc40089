"""Columns that never differ from the background: they cost nothing, and their value is 0."""

import numpy as np
import pytest

import xaikit as xk

RNG = np.random.default_rng(0)
BACKGROUND, ROWS = RNG.normal(size=(20, 6)), RNG.normal(size=(2, 6))
ROWS[1, 2] = BACKGROUND[0, 2]
BESIDE = 300
FIRST = np.arange(6) * 50 + 7  # where the six columns stand among the others


def model(X):
    return X[:, 0] * X[:, 1] + np.sin(X[:, 2]) * X[:, 3] + X[:, 4] - X[:, 5]**3


def wide(X):
    """Return the columns among hundreds of others that hold one value each."""
    out = np.tile(np.arange(6.0 + BESIDE), (len(X), 1))
    out[:, FIRST] = X
    return out


def wide_model(X):
    return model(X[:, FIRST])


METHODS = {
    "auto": lambda: xk.KernelSHAP(random_state=0, interactions=True),
    "wls": lambda: xk.KernelSHAP(solver="wls", random_state=0),
    "occlusion": xk.Occlusion,
    "difference": lambda: xk.PredictionDifference(n_neighbours=5),
    # The width is by the number of all columns: it decides how near a neighbour is.
    "bins": lambda: xk.LIME(random_state=0, kernel_width=2.0),
    "weighted bins": lambda: xk.LIME(random_state=0, kernel_width=2.0, sampling="weighted"),
    "near rows": lambda: xk.LIME(random_state=0, discretize=None, kernel_width=2.0),
}


@pytest.mark.parametrize("name", METHODS)
def test_other_columns_change_nothing(name):
    alone = METHODS[name]().fit(model, BACKGROUND).explain(ROWS)
    beside = METHODS[name]().fit(wide_model, wide(BACKGROUND)).explain(wide(ROWS))
    others = np.setdiff1d(np.arange(6 + BESIDE), FIRST)
    assert (beside.values[:, others] == 0.0).all()
    assert (beside.standard_errors[:, others] == 0.0).all()
    np.testing.assert_allclose(beside.values[:, FIRST], alone.values, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(beside.standard_errors[:, FIRST], alone.standard_errors, rtol=1e-6,
                               atol=1e-9)
    if name != "near rows":  # whose distances are means over all columns
        assert beside.cost.model_rows == alone.cost.model_rows
    if name == "auto":
        np.testing.assert_allclose(beside.interactions[np.ix_([0, 1], FIRST, FIRST)],
                                   alone.interactions, rtol=1e-9, atol=1e-9)


def test_the_budget_counts_the_units_of_each_row():
    background, row = np.zeros((3, 1025)), np.zeros((2, 1025))
    row[0, :25] = row[1, :12] = 1.0
    e = xk.KernelSHAP(solver="wls", random_state=0).fit(lambda X: X.sum(axis=1), background)
    np.testing.assert_array_equal(e.forecast(row).model_rows, [
        1 + 3 * (16 * 25 + 256 - 2), 1 + 3 * (16 * 12 + 256 - 2)])
    found = e.explain(row)
    np.testing.assert_allclose(found.values[0, :25, 0], 1.0, atol=1e-9)
    assert found.cost.model_rows <= e.forecast(row).model_rows.sum()


@pytest.mark.parametrize("name", METHODS)
def test_a_row_that_no_unit_can_change(name):
    background = np.ones((4, 3))
    e = METHODS[name]().fit(lambda X: X.sum(axis=1), background).explain(np.ones((1, 3)))
    assert (e.values == 0.0).all()
    assert (e.standard_errors == 0.0).all()
    np.testing.assert_array_equal(e.predictions, 3.0)
    np.testing.assert_allclose(e.base_values, 3.0, rtol=1e-15)
    assert e.cost.model_rows < 20


def test_lime_takes_units_beside_too_many_that_do_not_matter():
    background = np.zeros((5, 1030))
    background[:, :3] = RNG.normal(size=(5, 3))
    row = background[:1] + (np.arange(1030) < 3)
    e = xk.LIME(random_state=0).fit(lambda X: X[:, 0], background).explain(row)
    assert e.details["samples"][0] <= 8192
    assert (e.values[0, 3:] == 0.0).all()


def test_hidden_words_that_equal_the_token_do_not_matter():
    masker = xk.TextMasker(mask_token="[M]")
    texts = ["good good [M] words " + "stay " * 5]
    by_length = lambda texts: np.array([t.count("good") for t in texts], float)  # noqa: E731
    pieces = xk.TextMasker(split=lambda text: text.split(), mask_token="[M]")
    for explainer in (xk.LIME(random_state=0), xk.KernelSHAP(random_state=0), xk.Occlusion()):
        e = explainer.fit(by_length, pieces).explain(texts)
        np.testing.assert_allclose(e.values[0, :2, 0], 1.0, atol=1e-6)
        assert e.values[0, 2, 0] == 0.0
        assert e.standard_errors[0, 2, 0] == 0.0
    assert masker.rows(texts)[0].n_units > 3
