"""The order of rows by content, and permutation importance of the same rows in another order."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
import reference_importance as naive
from sklearn.linear_model import LogisticRegression

import xaikit as xk
from xaikit.tables.ordering import order_by_content

RNG = np.random.default_rng(0)
N = 60
X = pd.DataFrame({
    "a": RNG.normal(size=N), "n": RNG.integers(3, size=N), "t": pd.Series(RNG.choice(np.array(["x", "y", "ü\ud83d", "1"], dtype=object), N), dtype=object),
    "c": pd.Categorical(RNG.choice(list("pq"), N)), "d": pd.date_range("2024-01-01", periods=N, tz="Europe/Berlin"),
    "o": RNG.choice(np.array([1, 1.5, None, "z", Decimal("2.5")], dtype=object), N),
    "i": pd.array(RNG.integers(5, size=N), dtype="Int64")})
X.loc[7, "i"] = pd.NA
FEW = pd.DataFrame({"a": RNG.integers(3, size=N), "b": RNG.integers(2, size=N)})  # with many equal rows
Y = (FEW["a"] + RNG.normal(size=N) > 1).to_numpy()
WEIGHTS = RNG.integers(0, 3, N).astype(float)
MODEL = LogisticRegression().fit(FEW, Y)


def test_any_order_of_the_rows_leads_to_the_same_order():
    other = RNG.permutation(N)
    pd.testing.assert_frame_equal(X.iloc[order_by_content(X)], X.iloc[other].iloc[order_by_content(X.iloc[other])])
    assert sorted(order_by_content(X)) == list(range(N))
    assert order_by_content(X).tolist() != list(range(N))
    # Equal rows are told apart by what is beside them.
    pair = [np.column_stack([FEW, Y, WEIGHTS])[rows][order_by_content(FEW.iloc[rows], Y[rows], WEIGHTS[rows])]
            for rows in (np.arange(N), other)]
    np.testing.assert_array_equal(*pair)


@pytest.mark.parametrize("same", [
    FEW.to_numpy(), FEW.astype(float), FEW.astype("Int64"), FEW.to_numpy(np.float32), FEW.astype("int8[pyarrow]"),
    FEW.astype(pd.SparseDtype("int64", 0))], ids=["array", "floats", "nullable", "narrow", "arrow", "sparse"])
def test_the_same_numbers_have_one_order(same):
    np.testing.assert_array_equal(order_by_content(same), order_by_content(FEW))


def test_labels_may_be_spelled_as_numbers_or_text():
    text = np.where(Y, "yes", "no")
    np.testing.assert_array_equal(order_by_content(FEW, text), order_by_content(FEW, Y.astype(int)))
    np.testing.assert_array_equal(order_by_content(FEW, text, np.ones(N)), order_by_content(FEW, text))
    assert order_by_content(FEW, text).tolist() != order_by_content(FEW).tolist()


@pytest.mark.parametrize("y", [None, Y], ids=["change", "score"])
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["alike", "weighted"])
@pytest.mark.parametrize("blocks", [10, np.repeat(list("abcdef"), 10)], ids=["drawn", "groups"])
def test_permutation_importance_does_not_depend_on_the_order_of_rows(y, weights, blocks):
    if y is None and np.ndim(blocks):
        pytest.skip("blocks are those of a score")
    other = RNG.permutation(N)

    def of(rows):
        own = {} if y is None else {"y": y[rows], "blocks": blocks[rows] if np.ndim(blocks) else blocks}
        return xk.PermutationImportance(n_repeats=3, random_state=0).fit(MODEL).explain(
            FEW.iloc[rows], sample_weight=None if weights is None else weights[rows], **own)

    one, two = of(np.arange(N)), of(other)
    for a, b in ((one.values, two.values), (one.standard_errors, two.standard_errors), (one.lower, two.lower),
                 (one.details["repeats"], two.details["repeats"])):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    assert one.values.max() > 0.01
    assert naive.numbers_of(one) == naive.numbers_of(of(np.arange(N)))


def test_the_order_of_queries_does_not_move_the_importance_of_ties():
    """Rows that are equal in all but the label may take each other's place."""
    table = np.zeros((40, 2))
    table[20:, 0] = 1
    y = np.arange(40) % 2 == 0
    other = np.r_[np.arange(40)[::-1]]
    model = xk.wrap(lambda Z: Z[:, 0] * 0.8 + 0.1, task="classification")
    one, two = (xk.PermutationImportance(n_repeats=2, random_state=1).fit(model).explain(table[rows], y[rows])
                for rows in (np.arange(40), other))
    np.testing.assert_allclose(one.values, two.values, atol=1e-12)
