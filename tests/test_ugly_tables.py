"""Ugly tables: the model sees cells like those of the input, and the numbers are those of a loop."""

from __future__ import annotations

import datetime as dt
import enum
import math
import warnings

import numpy as np
import pandas as pd
import pytest
import reference_importance as naive
from ugly_tables import (
    COLUMNS,
    TABLES,
    Additive,
    as_array,
    columns_of,
    frame,
    is_missing,
    plain_number,
    rows_of,
    term,
    terms,
    wide,
)

import xaikit as xk
from xaikit.plots.columns import level_codes
from xaikit.reporting.data import describe_columns
from xaikit.tables.cell_texts import cell_texts
from xaikit.tables.files import content_hash
from xaikit.tables.schema import Schema, schema_of

NAMES = list(COLUMNS)
GROUPS = [NAMES[first : first + 7] for first in range(0, len(NAMES), 7)]


def beside(names):
    """Return how to make a frame of some ugly columns and a plain one."""
    return lambda: pd.DataFrame({name: COLUMNS[name]() for name in names}).assign(z=frame()["z"])


MIXED = {", ".join(names): beside(names) for names in GROUPS}
CASES = MIXED | TABLES
NUMERIC = [name for name in MIXED if "sparse" in name or "huge" in name]
ROWS = {
    "exact": xk.KernelSHAP(solver="exact", random_state=0),
    "wls": xk.KernelSHAP(solver="wls", random_state=0, budget=300),
    "occlusion": xk.Occlusion(random_state=0),
    "difference": xk.PredictionDifference(random_state=0),
}


@pytest.fixture(autouse=True)
def warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture(params=CASES)
def name(request):
    return request.param


@pytest.fixture
def table(name):
    """Return a table; assert afterwards that it is as it was."""
    made = CASES[name]()
    yield made
    assert traits(made) == traits(CASES[name]())


def traits(table):
    about = [columns_of(table)]
    if isinstance(table, pd.DataFrame):
        about += [list(table.index), table.columns, table.dtypes.tolist(), table.attrs, type(table)]
    if isinstance(table, np.ndarray):
        about += [table.dtype, table.strides, table.flags.writeable]
    return repr(about)


def terms_of(table):
    return terms(as_array(table) if isinstance(table, list) else table)


def test_rows(name, table):
    """A contribution is the term of the cell less its mean over the background."""
    own, model = terms_of(table), Additive(table)
    last, wanted = rows_of(table, slice(len(own) - 1, len(own))), own[-1] - own.mean(axis=0)
    for method in ROWS if name in MIXED else ["exact"]:
        got = ROWS[method].fit(model, table).explain(last).values[0, :, 0]
        np.testing.assert_allclose(got, wanted, atol=1e-9, err_msg=method)


@pytest.mark.parametrize("name", MIXED, indirect=True)
def test_lime(table):
    """Near rows estimate the same; a column that does not vary has exactly nothing in any form."""
    own, model = terms_of(table), Additive(table)
    wanted = own[-1] - own.mean(axis=0)
    near = xk.LIME(random_state=0, discretize=None, budget=150).fit(model, table).explain(table[-1:])
    off = np.abs(near.values[0, :, 0] - wanted)
    assert (off <= 5 * np.nan_to_num(near.standard_errors[0, :, 0]) + 1e-9).all()
    bins = xk.LIME(random_state=0, discretize="quartile", budget=100).fit(model, table).explain(table[-1:])
    for e in (near, bins):
        assert (e.values[0, np.ptp(own, axis=0) == 0] == 0).all()


def test_permutation(table):
    own = terms_of(table)
    got = xk.PermutationImportance(n_repeats=1, random_state=3).fit(Additive(table)).explain(table)
    wanted = [np.mean([np.abs(own[order, c] - own[:, c]).mean()
                       for order in naive.sources(3, c, 1, schema_of(table).conform(table))]) for c in range(own.shape[1])]
    np.testing.assert_allclose(got.values[:, 0], wanted, rtol=1e-9, atol=1e-12)


TIMES = (np.datetime64, np.timedelta64, dt.datetime, dt.timedelta)
COARSE = {"float16": 2e-3, "array of float16": 2e-3, "float32": 1e-6, "Float32": 1e-6}
"""How far a column's own rounding of the points that it is moved to may be seen."""


def step_effects(model, c, cells, mode):
    """Return how far a linear term moves on each row from one target to the other."""
    found, most = [plain_number(cell) for cell in cells], model.scales[c][1]
    known = [v for v in found if v is not None]
    mean = sum(known) / max(len(known), 1)
    variance = sum((v - mean) ** 2 for v in known) / max(len(known) - 1, 1)
    spread = math.sqrt(variance / most**2)
    by_spread = mode == "sd" or any(isinstance(cell, TIMES) for cell in cells)
    return [0.0 if v is None else 0.2 * (spread if by_spread else float(v / most)) for v in found]


def swap_effects(c, cells):
    """Return the mean absolute effect of swapping every other level into each row."""
    known = {term(c, cell) for cell in cells if not is_missing(cell)}
    effects = []
    for cell in cells:
        others = [] if is_missing(cell) else known - {term(c, cell)}
        effects.append(np.mean([abs(other - term(c, cell)) for other in others]) if others else 0.0)
    return effects


@pytest.mark.parametrize(("name", "mode"), [(name, "relative") for name in CASES if "index" not in name]
                         + [(name, "sd") for name in NUMERIC], indirect=["name"])
def test_mean_impact(name, table, mode):
    """Numbers and times move by a step, and effects of a linear model are scaled to it exactly."""
    columns, model = columns_of(table), Additive(table, steps=True)
    e = xk.MeanImpactValue(mode=mode, random_state=0, n_bootstrap=1).fit(model).explain(table)
    for c, cells in enumerate(columns):
        effects = step_effects(model, c, cells, mode) if c in model.scales else swap_effects(c, cells)
        column = e.feature_names[c] if name in MIXED else name
        wanted = 0.0 if column == "denormal" else np.abs(effects).mean()
        np.testing.assert_allclose(e.details["absolute"][c, 0], wanted, atol=1e-9,
                                   rtol=COARSE.get(column, 1e-7), err_msg=column)


class Rank(enum.IntEnum):
    """Numbers of which there are only two."""

    LOW, HIGH = 1, 2


def test_members_of_an_enum_are_levels():
    table = pd.DataFrame({"rank": [Rank.LOW, Rank.HIGH] * 3}, dtype=object)
    e = xk.MeanImpactValue(random_state=0, n_bootstrap=1).fit(
        lambda X: np.array([v is Rank.HIGH for v in X["rank"]], dtype=float)).explain(table)
    np.testing.assert_allclose(e.details["absolute"], 1.0)


# --- files, reports and single rows

@pytest.mark.parametrize("names", GROUPS, ids=MIXED)
def test_files(names, tmp_path):
    """Every cell comes back from a file with its type; what cannot is named."""
    table = beside([n for n in names if n not in ("frozen sets", "functions")])()
    model = lambda X: X["z"].to_numpy()  # noqa: E731
    e = xk.Occlusion(random_state=0).fit(model, table).explain(table)
    e.save(tmp_path / "e.json")
    back = xk.load_explanation(tmp_path / "e.json").data
    assert traits(back) == traits(e.data)
    assert len(e.to_frame()) == e.values.size


@pytest.mark.parametrize("name", ["names and index of two levels", "names with a name, index of levels"])
def test_names_of_names_are_saved(name, tmp_path):
    table = TABLES[name]()
    xk.Occlusion(random_state=0).fit(Additive(table), table).explain(table).save(tmp_path / "e.json")
    assert xk.load_explanation(tmp_path / "e.json").data.columns.identical(table.columns)


@pytest.mark.parametrize("name", ["mixed types", "half surrogates", "long double", "Arrow's bytes",
                                  "times to their ends"])
def test_columns_described(name):
    column = COLUMNS[name]()
    table = pd.DataFrame({name: column})
    facts, _ = describe_columns(table, (name,))
    assert facts[0].distinct == len({(type(v), str(v)) for v in table[name] if not is_missing(v)})
    assert len(content_hash(table, None, Schema.of(table))) == 64
    assert len(level_codes(table[name], 20)[0]) == len(table)
    cell_texts(table[name])


def test_a_row_with_half_a_surrogate_pair():
    table = pd.DataFrame({"t": COLUMNS["half surrogates"](), "z": frame()["z"], "k": 1})
    model = Additive(table)
    e = xk.KernelSHAP(random_state=0).fit(model, table).explain(table.iloc[4])
    np.testing.assert_allclose(e.values[0, :, 0], terms(table)[4] - terms(table).mean(axis=0), atol=1e-9)


@pytest.mark.parametrize("name", ["huge", "float16", "float32", "huge and tiny"])
def test_a_step_beyond_the_range_of_floats_is_cut(name):
    """Nothing infinite is asked, and the effect is scaled back (above)."""
    seen = []
    xk.MeanImpactValue(random_state=0).fit(
        lambda X: seen.append(X["x"]) or np.zeros(len(X))).explain(pd.DataFrame({"x": COLUMNS[name]()}))
    assert np.isfinite(pd.concat(seen)).all()


# --- more columns than rows

@pytest.fixture(scope="module")
def broad():
    """Return the table, a linear model of it, and the terms of its cells (30, 200)."""
    table, weights = wide(), np.random.default_rng(1).normal(size=200)
    texts = table.dtypes.to_numpy() == table.dtypes.iloc[1]

    def terms_of(X):
        found = np.empty(X.shape)
        found[:, texts] = X.loc[:, texts].to_numpy(dtype=object) == "b"
        found[:, ~texts] = np.nan_to_num(X.loc[:, ~texts].to_numpy(dtype=float), nan=-1.0)
        return found * weights

    return table, lambda X: terms_of(X).sum(axis=1), terms_of(table)


@pytest.mark.parametrize("method", [
    xk.KernelSHAP(solver="wls", random_state=0, budget=4001), xk.KernelSHAP(random_state=0, budget=6001),
    xk.Occlusion(random_state=0), xk.LIME(discretize=None, random_state=0)], ids=["wls", "auto", "occlusion", "lime"])
def test_more_columns_than_rows(broad, method):
    table, model, own = broad
    e = method.fit(model, table[:10]).explain(table[-1:])
    off = np.abs(e.values[0, :, 0] - (own[-1] - own[:10].mean(axis=0)))
    known = np.nan_to_num(e.standard_errors[0, :, 0])
    assert (off <= 1e-8 + (6 * known if isinstance(method, xk.LIME) else 0)).all()
    assert (e.values[0, 3::4] == 0).all()


def test_bins_and_averages_of_more_columns_than_rows(broad):
    table, model, own = broad
    e = xk.LIME(random_state=0, budget=1601).fit(model, table).explain(table[-1:])
    assert (e.values[0, 3::4] == 0).all()
    assert np.isfinite(e.values).all()
    got = xk.PermutationImportance(n_repeats=1, random_state=3).fit(model).explain(table)
    wanted = [np.abs(own[naive.sources(3, c, 1, schema_of(table).conform(table))[0], c] - own[:, c]).mean() for c in range(200)]
    np.testing.assert_allclose(got.values[:, 0], wanted, rtol=1e-9, atol=1e-12)
    moved = xk.MeanImpactValue(random_state=0).fit(model).explain(table).details["absolute"][::4, 0]
    np.testing.assert_allclose(moved, 0.2 * np.abs(own[:, ::4]).mean(axis=0), rtol=1e-9)


# --- what is refused

def nested(kind):
    pa = pytest.importorskip("pyarrow")
    made = {"list": [[1], [2], None], "struct": [{"x": 1}, {"x": 2}, None]}[kind]
    return pd.DataFrame({"a": pd.arrays.ArrowExtensionArray(pa.chunked_array([made]))})


def lazy():
    return pytest.importorskip("polars").LazyFrame({"a": [1.0, 2.0]})


NESTED = "cannot be explained .*: unnest them into columns of their own"
REFUSED = {
    "lists": (lambda: pd.DataFrame({"a": [[1], [2]]}), TypeError, NESTED),
    "dicts": (lambda: pd.DataFrame({"a": [{"x": 1}, {}]}), TypeError, NESTED),
    "arrays": (lambda: pd.DataFrame({"a": [np.ones(2), np.ones(2)]}), TypeError, NESTED),
    "frames": (lambda: pd.DataFrame({"a": [frame(), frame()]}), TypeError, NESTED),
    "Arrow's lists": (lambda: nested("list"), TypeError, NESTED),
    "Arrow's structs": (lambda: nested("struct"), TypeError, NESTED),
    "list of dicts": (lambda: [{"a": 1}, {"a": 2}], TypeError, NESTED),
    "generator": (lambda: (row for row in [[1, 2]]), TypeError, "2-D array, got generator"),
    "dict": (lambda: {"a": [1, 2]}, TypeError, "2-D array, got dict"),
    "index": (lambda: pd.Index([1, 2]), TypeError, "2-D array, got Index"),
    "LazyFrame": (lazy, TypeError, r"call collect\(\) on it first"),
    "structured": (lambda: np.zeros(3, dtype=[("a", float)]), TypeError, r"pass pd.DataFrame\(array\)"),
    "raw bytes": (lambda: np.zeros((2, 2), dtype="V4"), TypeError, "structured arrays are not supported"),
    "masked": (lambda: np.ma.masked_equal([[0, 1]], 0), TypeError, r"array.filled\(np.nan\)"),
    "days": (lambda: np.array([["2024-01-01"]], dtype="M8[D]"), TypeError,
             r"in s, ms, us or ns, got an array of datetime64\[D\]; convert it: array.astype\('M8\[s\]'\)"),
    "durations in days": (lambda: np.ones((2, 2), dtype="m8[D]"), TypeError, r"array.astype\('m8\[s\]'\)"),
    "rows of two lengths": (lambda: [[1, 2], [3]], ValueError, "rows have one cell for each column"),
    "no columns": (lambda: frame()[[]], ValueError, r"rows and columns, got shape \(10, 0\)"),
    "no rows": (lambda: frame()[:0], ValueError, r"rows and columns, got shape \(0, 2\)"),
    "names that read alike": (lambda: frame((1, "1")), ValueError, "unique as text.*: 1. Rename"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_sentences(name):
    make, error, sentence = REFUSED[name]
    with pytest.raises(error, match=sentence):
        xk.KernelSHAP().fit(lambda X: np.zeros(len(X)), make()).explain(make())
    with pytest.raises(error, match=sentence):
        xk.PermutationImportance().fit(lambda X: np.zeros(len(X))).explain(make())


@pytest.mark.parametrize(("change", "sentence"), [
    (lambda X: X.drop(columns="z"), "missing: z"), (lambda X: X.assign(extra=1), "not expected: extra"),
    (lambda X: X.to_numpy()[:, :1], r"expected 2 columns \(ugly and z\), got 1"),
])
def test_columns_that_do_not_fit(change, sentence):
    table = frame()
    with pytest.raises(ValueError, match=sentence):
        xk.KernelSHAP().fit(lambda X: np.zeros(len(X)), table).explain(change(table))


def test_a_list_of_rows_taken_from_a_frame():
    rows = [row for _, row in pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 5.0]}).iterrows()]
    e = xk.KernelSHAP().fit(lambda X: X[:, 0] * 2 + X[:, 1], rows).explain(rows)
    np.testing.assert_allclose(e.values[:, :, 0], [[-1, -1], [1, 1]])
