"""Tables of other libraries: taken in losing nothing, given back as they were."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

import xaikit as xk
from xaikit.tables import containers
from xaikit.tables.containers import container_of, taken_in

pl = pytest.importorskip("polars")
try:
    import torch
except ImportError:
    torch = None
needs_torch = pytest.mark.skipif(torch is None, reason="torch is not installed")

N = 24
RNG = np.random.default_rng(0)
NOON = dt.datetime(2024, 3, 30, 12)
POLARS = {
    **{str(kind): pl.Series(RNG.integers(0, 99, N), dtype=kind) for kind in (
        pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64)},
    "Int128": pl.Series([None, 2**100, *range(N - 2)], dtype=pl.Int128),
    "gaps": pl.Series([None, *range(N - 1)], dtype=pl.Int16),
    "long": pl.Series([2**63 - 1 - i for i in range(N)]),
    "float32": pl.Series(RNG.normal(size=N), dtype=pl.Float32),
    "null and nan": pl.Series([None, float("nan"), float("inf"), *range(N - 3)], dtype=pl.Float64),
    "bool": pl.Series([None, *(bool(i % 2) for i in range(N - 1))]),
    "text": pl.Series([None, "", *("é" * i for i in range(N - 2))]),
    "categorical": pl.Series([None, *(str(i % 3) for i in range(N - 1))], dtype=pl.Categorical),
    "enum": pl.Series([None, *("ab"[i % 2] for i in range(N - 1))], dtype=pl.Enum(["b", "c", "a"])),
    "date": pl.Series([None, *(dt.date(2024, 1, 1) + dt.timedelta(i) for i in range(N - 1))]),
    "time": pl.Series([None, dt.time(1, 2, 3, 4), *(dt.time(i) for i in range(N - 2))]),
    "decimal": pl.Series([None, *(Decimal(i) / 100 for i in range(N - 1))],
                         dtype=pl.Decimal(10, 2)),
    "long decimal": pl.Series([Decimal(f"1234567890123456789.{i:02}") for i in range(N)],
                              dtype=pl.Decimal(30, 2)),
    **{f"datetime {unit}": pl.Series([NOON + dt.timedelta(hours=i) for i in range(N)],
                                     dtype=pl.Datetime(unit)) for unit in ("ms", "us", "ns")},
    # Across the night in which Berlin skips an hour.
    "zone": pl.Series([NOON + dt.timedelta(hours=i) for i in range(N)]).dt.replace_time_zone(
        "UTC").dt.convert_time_zone("Europe/Berlin"),
    **{f"duration {unit}": pl.Series([None, *(dt.timedelta(hours=i) for i in range(N - 1))],
                                     dtype=pl.Duration(unit)) for unit in ("ms", "us", "ns")},
}
FRAME = pl.DataFrame(POLARS)
Y = RNG.normal(size=N)


def there_and_back(X):
    return container_of(X).give(taken_in(X))


@pytest.mark.parametrize("name", POLARS)
def test_every_dtype_of_polars_comes_back(name):
    X = FRAME.select(name)
    got = there_and_back(X)
    assert got.schema == X.schema
    assert got.equals(X, null_equal=True)


def test_null_and_nan_stay_apart():
    got = there_and_back(FRAME)["null and nan"]
    assert (got.null_count(), int(got.is_nan().sum())) == (1, 1)


def test_a_frame_without_rows_comes_back():
    assert there_and_back(FRAME.head(0)).schema == FRAME.schema


@given(st.lists(st.tuples(st.none() | st.integers(-2**31, 2**31 - 1),
                          st.none() | st.floats(allow_nan=False), st.none() | st.text()),
                min_size=1, max_size=8))
def test_any_frame_of_polars_comes_back(rows):
    X = pl.DataFrame(rows, orient="row", schema={"a": pl.Int32, "b": pl.Float64, "c": pl.String})
    assert there_and_back(X).equals(X, null_equal=True)


@pytest.mark.parametrize(("X", "sentence"), [
    (FRAME.lazy(), "got a polars LazyFrame; call collect"),
    (pl.DataFrame({"a": [[1, 2]], "b": [1]}), "lists, structs or objects cannot be explained: a"),
    (pl.DataFrame({"s": [{"x": 1}]}), "Unnest them"),
])
def test_what_cannot_be_explained_is_refused(X, sentence):
    with pytest.raises(TypeError, match=sentence):
        xk.wrap(len).bind(X)


def test_a_fraction_among_whole_numbers_widens_the_column():
    home = container_of(FRAME.select("gaps"))
    got = home.give(pd.DataFrame({"gaps": [1.5, 2.0, np.nan]}))
    assert got["gaps"].to_list() == [1.5, 2.0, None]


def whole_frame(X):
    """A model that refuses any container or schema but its own."""
    assert isinstance(X, pl.DataFrame)
    assert X.schema == {name: FRAME.schema[name] for name in X.columns}
    return (X["float32"].cast(pl.Float64) + (X["enum"].cast(pl.String) == "a").cast(pl.Float64)
            .fill_null(0.5) + X["date"].dt.day().cast(pl.Float64).fill_null(-1.0))


def csr(X):
    assert sparse.issparse(X)
    assert X.format == "csr"
    return np.asarray(X.sum(axis=1)).ravel()


def halves(X):
    assert X.dtype == torch.bfloat16
    return X.double().sum(dim=1)


NUMBERS = np.where(RNG.random((N, 3)) < 0.5, RNG.normal(size=(N, 3)), 0)
CASES = pytest.mark.parametrize(("model", "X"), [
    pytest.param(whole_frame, FRAME.select("float32", "enum", "date", "gaps", "text", "zone"),
                 id="polars"),
    pytest.param(csr, sparse.csr_matrix(NUMBERS), id="sparse"),
    pytest.param(halves, torch and torch.tensor(NUMBERS, dtype=torch.bfloat16), id="tensor",
                 marks=needs_torch),
])


@CASES
def test_kernel_shap_asks_in_the_users_container(model, X):
    e = xk.KernelSHAP(random_state=0).fit(model, X[:10]).explain(X[10:12])
    total = e.values.sum(axis=1) + e.base_values
    np.testing.assert_allclose(total, xk.wrap(model)(X[10:12]), atol=1e-12)


@CASES
def test_mean_impact_and_permutation_ask_in_the_users_container(model, X):
    moved = xk.MeanImpactValue(random_state=0).fit(model).explain(X)
    shuffled = xk.PermutationImportance(random_state=0).fit(
        xk.wrap(model, task="regression")).explain(X, Y)
    assert len(moved.feature_names) == len(shuffled.feature_names) == X.shape[1]
    assert np.isfinite(shuffled.values).all()


@CASES
def test_a_report_asks_in_the_users_container(model, X, tmp_path):
    xk.report(model, X, pd.Series(Y), path=tmp_path / "r.html", n_explain=2, n_global=8)
    assert (tmp_path / "r.html").stat().st_size > 0


@CASES
def test_explanations_are_saved_exactly(model, X, tmp_path):
    e = xk.KernelSHAP(random_state=0).fit(model, X[:5]).explain(X[5:9])
    e.save(tmp_path / "e.json")
    back = xk.load_explanation(tmp_path / "e.json")
    pd.testing.assert_frame_equal(pd.DataFrame(back.data), pd.DataFrame(e.data), check_exact=True)


def test_kernel_shap_of_every_dtype_at_once():
    e = xk.KernelSHAP(random_state=0).fit(whole_frame, FRAME[:8]).explain(FRAME[8:10])
    total = e.values.sum(axis=1) + e.base_values
    np.testing.assert_allclose(total, xk.wrap(whole_frame)(FRAME[8:10]), atol=1e-12)


@pytest.mark.parametrize("name", POLARS)
def test_every_dtype_of_polars_can_be_drawn(name):
    X = FRAME.select("float32", name) if name != "float32" else FRAME.select(name)
    e = xk.KernelSHAP(random_state=0).fit(lambda Z: Z["float32"].to_numpy(), X[:5]).explain(X[5:])
    assert xk.plots.scatter(e, name) is not None
    assert xk.plots.waterfall(e[0]) is not None


# --- sparse

@pytest.mark.parametrize("layout", ["csr", "csc", "coo", "lil", "dok", "bsr", "dia"])
@pytest.mark.parametrize("kind", ["matrix", "array"])
def test_every_layout_comes_back(layout, kind):
    X = getattr(sparse, f"{layout}_{kind}")(NUMBERS.astype(np.float32))
    got = there_and_back(X)
    assert type(got) is type(X)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got.toarray(), X.toarray())


def test_a_sparse_table_too_big_to_be_dense_is_refused(monkeypatch):
    monkeypatch.setattr(containers, "MOST_DENSE", 8 * NUMBERS.size - 1)
    with pytest.raises(ValueError, match="would take .* with its zeros written out; hand over few"):
        xk.wrap(csr)(sparse.csr_matrix(NUMBERS))


# --- tensors

@needs_torch
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "int8", "int64",
                                   "uint8", "bool"])
def test_every_dtype_of_torch_comes_back(dtype):
    X = (torch.tensor(NUMBERS) * 3).to(getattr(torch, dtype))
    got = there_and_back(X)
    assert got.dtype == X.dtype
    assert torch.equal(got, X)


@needs_torch
@pytest.mark.parametrize("of", [
    lambda cells: torch.tensor(cells, requires_grad=True), lambda cells: torch.tensor(cells.T).T,
    lambda cells: torch.tensor(cells)[::2],
], ids=["gradient", "turned", "every other row"])
def test_gradients_and_strides_are_no_hindrance(of):
    X = of(NUMBERS)
    np.testing.assert_array_equal(xk.wrap(lambda Z: Z.sum(dim=1))(X)[:, 0],
                                  X.detach().numpy().sum(axis=1))


@needs_torch
def test_a_fraction_among_whole_numbers_widens_the_tensor():
    home = container_of(torch.tensor([[1, 2]]))
    assert home.give(np.array([[0.5, 1.0]])).tolist() == [[0.5, 1.0]]
