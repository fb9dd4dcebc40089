"""Bad input: the right answer, or a sentence that says what came and what to do."""

from __future__ import annotations

import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import xaikit as xk

N = 30
RNG = np.random.default_rng(0)
X = pd.DataFrame(RNG.normal(size=(N, 3)), columns=["a", "b", "c"])
Y = X.sum(axis=1)
MODEL = LinearRegression().fit(X, Y)


def sums(table):
    return np.asarray(table, dtype=float).sum(axis=1)


def adds_up(model, background, rows):
    e = xk.KernelSHAP(random_state=0).fit(model, background).explain(rows)
    total = e.values.sum(axis=1) + e.base_values
    np.testing.assert_allclose(total, xk.wrap(model).bind(background)(rows), atol=1e-9)
    return e


# --- a model fitted on other columns

@pytest.mark.parametrize(("table", "sentence"), [
    (X.drop(columns="b"), "other columns; missing: b"),
    (X.assign(d=1.0), "other columns; not known to it: d"),
    (X.rename(columns={"a": "A"}), "missing: a; not known to it: A"),
    (X.to_numpy()[:, :2], "fitted on 3 columns, got 2"),
])
def test_other_columns_are_named(table, sentence):
    with pytest.raises(xk.ModelError, match=sentence):
        xk.wrap(MODEL)(table)


def test_another_order_is_put_right_before_and_after_binding():
    turned = X[["c", "a", "b"]]
    np.testing.assert_allclose(xk.wrap(MODEL)(turned)[:, 0], MODEL.predict(X))
    np.testing.assert_allclose(xk.wrap(MODEL).bind(turned)(X)[:, 0], MODEL.predict(X))


# --- classifiers

@pytest.mark.parametrize("labels", [["b", "a"], [7, -1], [True, False], ["zwölf", "10"]])
def test_classes_are_named_in_the_models_own_order(labels):
    y = np.array(labels)[(X["a"] > 0).astype(int)]
    model = LogisticRegression().fit(X, y)
    predictor = xk.wrap(model)
    assert predictor.output_names == tuple(str(c) for c in sorted(labels))
    np.testing.assert_array_equal(predictor(X), model.predict_proba(X))


class Turned:
    """A classifier by hand whose probabilities are in the order of appearance, not of classes_."""

    classes_ = np.array(["no", "yes"])

    def predict_proba(self, table):
        p = 1 / (1 + np.exp(-np.asarray(table)[:, 0]))
        return np.column_stack([p, 1 - p])

    def predict(self, table):
        return np.where(np.asarray(table)[:, 0] > 0, "yes", "no")


def test_probabilities_in_an_unexpected_order_are_warned_of():
    e = xk.KernelSHAP(random_state=0).fit(Turned(), X[:8]).explain(X[8:10])
    assert any("may not be in the order of classes_ (no, yes)" in w for w in e.warnings)


def test_a_classifier_of_one_class_is_explained_as_constant():
    class One:
        classes_ = np.array(["only"])

        def predict_proba(self, table):
            return np.ones((len(table), 1))

        def predict(self, table):
            return np.full(len(table), "only")

    e = adds_up(One(), X[:8], X[8:10])
    assert e.output_names == ("only",)
    np.testing.assert_array_equal(e.values, 0)


# --- columns

def test_mixed_objects_reach_the_model_as_they_are():
    table = pd.DataFrame({"o": pd.Series([1, "one", 2.5, None, True, (1, 2)] * 3, dtype=object),
                          "x": np.arange(18.0)})
    seen = []

    def model(Z):
        seen.extend(type(v) for v in Z["o"])
        return Z["x"] + np.array([isinstance(v, str) for v in Z["o"]])

    adds_up(model, table[:9], table[9:])
    assert set(seen) == {int, str, float, type(None), bool, tuple}


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/St_Johns"])
def test_zones_are_kept(zone):
    time = pd.date_range("2024-03-30", periods=N, freq="h", tz=zone)
    table = pd.DataFrame({"time": time, "x": np.arange(N)})

    def model(Z):
        assert str(Z["time"].dtype) == str(table["time"].dtype)
        return Z["time"].dt.hour + Z["x"]

    adds_up(model, table[:9], table[9:12])


def test_nullable_whole_numbers_with_gaps_are_kept():
    table = pd.DataFrame({"n": pd.array([None, *range(N - 1)], dtype="Int64"), "x": np.arange(N)})

    def model(Z):
        assert Z["n"].dtype == "Int64"
        return Z["n"].fillna(-5).to_numpy(dtype=float) * Z["x"]

    adds_up(model, table[:9], table[:3])


@pytest.mark.parametrize("make", [
    lambda: pd.DataFrame(X.to_numpy(), columns=["a", "b", "a"]),
    lambda: pd.DataFrame(X.to_numpy(), columns=[1, "1", "b"]),
])
def test_names_that_occur_twice_are_refused(make):
    with pytest.raises(ValueError, match="unique"):
        xk.wrap(sums).bind(make())


def test_a_repeated_column_among_the_rows_is_refused():
    bound = xk.wrap(sums).bind(X)
    with pytest.raises(ValueError, match="column names must be unique|not expected"):
        bound(pd.concat([X, X[["a"]]], axis=1))


@pytest.mark.parametrize("labels", [
    [0, 1, 2], [("p", 1), ("p", 2), ("q", 1)], [0, "b", 2.5],
    pd.date_range("2020", periods=3), pd.MultiIndex.from_tuples([("p", 1), ("p", 2), ("q", 1)]),
])
def test_labels_of_any_kind_reach_the_model(labels):
    table = X.set_axis(labels, axis=1)

    def model(Z):
        pd.testing.assert_index_equal(Z.columns, table.columns)
        return sums(Z)

    adds_up(model, table[:8], table[8:10])


@pytest.mark.parametrize("index", [
    range(100, 100 + N), list("ab") * (N // 2), pd.MultiIndex.from_product([range(N // 2), list("ab")]),
    pd.date_range("2020", periods=N)[::-1],
])
def test_the_index_does_not_matter(index):
    table = X.set_axis(index, axis=0)
    want = adds_up(MODEL, X[:8], X[8:10]).values
    np.testing.assert_array_equal(adds_up(MODEL, table[:8], table[8:10]).values, want)


def test_constant_columns_are_given_nothing():
    table = X.assign(b=4.0)
    e = adds_up(lambda Z: sums(Z) * Z["b"], table[:8], table[8:10])
    np.testing.assert_allclose(e.values[:, 1], 0, atol=1e-12)


def test_unknown_levels_say_which():
    table = pd.DataFrame({"town": pd.Categorical(["x", "y"] * 5), "n": range(10)})
    model = make_pipeline(make_column_transformer((OneHotEncoder(), ["town"]),
                                                  remainder="passthrough"), LinearRegression())
    explainer = xk.KernelSHAP().fit(model.fit(table, table["n"]), table)
    with pytest.raises(ValueError, match="'town' holds levels .* 'z'"):
        explainer.explain(pd.DataFrame({"town": ["z"], "n": [1]}))


@pytest.mark.parametrize("rest", [["c", "d"], [None, "c"]], ids=["text", "missing before it"])
def test_a_cell_that_is_no_number_is_named_with_its_row(rest):
    table = pd.DataFrame({"town": ["x", "y"] * 5, "n": np.arange(10.0)})
    model = make_pipeline(make_column_transformer((OneHotEncoder(), ["town"]),
                                                  remainder="passthrough"), LinearRegression())
    explainer = xk.KernelSHAP().fit(model.fit(table, table["n"]), table)
    n = pd.Series([1.0, 2.0, *rest], dtype=object)
    with pytest.raises(ValueError, match=f"column 'n' should hold numbers.*'c', in row {2 + rest.index('c')} "):
        explainer.explain(pd.DataFrame({"town": ["x"] * 4, "n": n}))


def test_an_arrow_table_says_what_to_pass():
    pa = pytest.importorskip("pyarrow")
    for made in (pa.Table.from_pandas(X), pa.RecordBatch.from_pandas(X)):
        with pytest.raises(TypeError, match=r"expected a DataFrame .*; pass its to_pandas\(\)"):
            xk.KernelSHAP().fit(sums, made)
        with pytest.raises(TypeError, match=r"; pass its to_pandas\(\)"):
            xk.KernelSHAP().fit(sums, X).explain(made)


def test_objects_that_a_model_does_not_take_are_named():
    def model(Z):
        if any(map(pd.api.types.is_object_dtype, Z.dtypes)):
            raise ValueError("wrong dtype")
        return Z.sum(axis=1)

    table = X.assign(a=[Decimal(f"{v:.2f}") for v in X["a"]])
    with pytest.raises(xk.ModelError, match=r"wrong dtype. Column 'a' holds Decimal objects: if the model "
                                            r"takes none, pass X.astype\({'a': float}\)"):
        xk.KernelSHAP().fit(model, table)


# --- arrays

@pytest.mark.parametrize("change", [
    lambda A: np.asfortranarray(A), lambda A: np.repeat(A, 2, axis=0)[::2], lambda A: A[::-1][::-1],
    lambda A: np.lib.stride_tricks.as_strided(A, writeable=False),
    lambda A: np.require(A.astype(">f8"), requirements="A"),
])
def test_arrays_of_any_layout(change):
    A = change(X.to_numpy())
    adds_up(lambda Z: np.asarray(Z).sum(axis=1), A[:8], A[8:10])


@pytest.mark.parametrize("rows", [1, 2, 3, 30])
@pytest.mark.parametrize("kind", [xk.KernelSHAP, xk.Occlusion, xk.LIME, xk.PredictionDifference,
                                  xk.PermutationImportance, xk.MeanImpactValue, xk.wrap])
def test_a_model_that_writes_past_pandas_never_reaches_what_the_caller_holds(kind, rows):
    """As torch does, which writes through from_numpy to what NumPy calls read-only."""
    def doubles(Z):
        total = Z.sum(axis=1).to_numpy().copy()
        for name in Z:
            column = Z[name].to_numpy()
            column.flags.writeable = True
            column *= 2
        return total

    background, asked = X[:rows].copy(), X[-rows:].copy()
    if kind is xk.wrap:
        xk.wrap(doubles)(asked)
    else:
        explainer = kind(random_state=0, verbose=False).fit(doubles, background)
        if kind not in (xk.LIME, xk.MeanImpactValue):
            explainer.explain(asked)
    pd.testing.assert_frame_equal(background, X[:rows])
    pd.testing.assert_frame_equal(asked, X[-rows:])


@pytest.mark.parametrize("rows", [1, 2, 3])
@pytest.mark.parametrize("kind", [xk.KernelSHAP, xk.Occlusion, xk.LIME, xk.PredictionDifference])
def test_a_model_that_works_in_place_never_reaches_what_the_caller_holds(kind, rows):
    def doubles(Z):
        A = Z.to_numpy() if isinstance(Z, pd.DataFrame) else Z
        if not A.flags.writeable:  # pandas 3 lends no cells
            A = A.copy()
        A *= 2
        return A.sum(axis=1)

    for given in (X, X.to_numpy()):
        background, asked = given[:rows].copy(), given[8:10].copy()
        e = kind(random_state=0).fit(doubles, background).explain(asked)
        plain = kind(random_state=0).fit(lambda Z: 2 * np.asarray(Z).sum(axis=1), background).explain(asked)
        np.testing.assert_allclose(e.values, plain.values, atol=1e-12)
        np.testing.assert_array_equal(background, given[:rows])
        np.testing.assert_array_equal(asked, given[8:10])


@pytest.mark.parametrize("cells", [
    np.array([2**64 - 1 - 1000 * i for i in range(12)], dtype=np.uint64), np.linspace(6e4, 6.5e4, 12, dtype=np.float16),
    np.arange(244, 256, dtype=np.uint8), np.arange(116, 128, dtype=np.int8)], ids=lambda cells: str(cells.dtype))
def test_relative_steps_do_not_overflow(cells):
    frame = pd.DataFrame({"a": cells, "b": np.arange(12.0)})
    e = xk.MeanImpactValue().fit(lambda Z: Z["a"].astype(float)).explain(frame)
    assert e.values[0, 0] == pytest.approx(0.2 * cells.astype(float).mean(), rel=2e-2)


def test_a_whole_number_among_dates_stays_one():
    days = pd.Series([pd.Timestamp("2020-01-01") + pd.Timedelta(days=i) for i in range(5)], dtype=object)
    frame = pd.DataFrame({"day": days, "b": np.arange(5.0)})
    row = frame.iloc[:1].assign(day=pd.Series([5], dtype=object))
    e = xk.Occlusion().fit(lambda Z: np.array([getattr(v, "year", -1.0) for v in Z["day"]]), frame).explain(row)
    assert e.values[0, 0, 0] == -1 - 2020


STACK = np.random.default_rng(0).random((5, 8, 8, 3))
NO_TABLE = {"images": (STACK, r"got images of shape \(5, 8, 8, 3\).*ImageMasker\(\)\), then"),
            "grey images": (STACK[..., 0], r"got images of shape \(5, 8, 8\).*ImageMasker"),
            "a list of images": (list(STACK), r"got images of shape \(5, 8, 8, 3\).*ImageMasker"),
            "texts": (["some text", "more of it"], r"got texts.*TextMasker\(\)\), then"),
            "a Series of texts": (pd.Series(["some text", "more of it"]), "got texts.*TextMasker")}


@pytest.mark.parametrize("kind", NO_TABLE)
@pytest.mark.parametrize("ask", [
    lambda f, Z: xk.KernelSHAP().fit(f, Z), lambda f, Z: xk.LIME().fit(f, X.to_numpy()).explain(Z),
    lambda f, Z: xk.PermutationImportance().fit(f).explain(Z),
    lambda f, Z: xk.MeanImpactValue().fit(f).explain(Z), lambda f, Z: xk.report(f, Z, path=None),
    lambda f, Z: xk.kmeans_background(Z, 2),
], ids=["background", "rows", "permutation", "MIV", "report", "kmeans"])
def test_texts_and_images_for_a_table_name_their_masker(ask, kind, counting):
    given, said = NO_TABLE[kind]
    model = counting(lambda Z: np.zeros(len(Z)))
    with pytest.raises(TypeError, match=f"expected a table .*{said}"):
        ask(model, given)
    assert not any(isinstance(batch, list) or np.ndim(batch) > 2 for batch in model.batches)


def test_images_with_their_channels_first_are_not_turned_around():
    first, model = np.moveaxis(STACK, -1, 1), lambda Z: Z.mean(axis=(1, 2, 3))
    masker = xk.ImageMasker("grid", n_segments=4)
    with pytest.raises(xk.ModelError, match=r"shape \(\d, 3, 8, 8\), seem to have their channels first already"):
        xk.Occlusion().fit(xk.wrap(model, channels="first"), masker).explain(first)
    with pytest.raises(ValueError, match=r"ImageMasker\(channels='first'\) says .* \(8, 8, 3\) seem to have theirs"):
        xk.Occlusion().fit(model, xk.ImageMasker("grid", channels="first")).explain(STACK)
    turned = xk.Occlusion().fit(xk.wrap(model, channels="first"), masker).explain(STACK)
    np.testing.assert_allclose(turned.predictions[:, 0], STACK.mean(axis=(1, 2, 3)))


def test_read_only_arrays_are_not_written_to_and_models_may():
    A = X.to_numpy().copy()
    A.flags.writeable = False

    def spoils(Z):
        Z += 1
        return Z.sum(axis=1)

    e = xk.KernelSHAP(random_state=0).fit(spoils, A[:8]).explain(A[8:10])
    assert any("changes the batch it is given" in w for w in e.warnings)
    np.testing.assert_allclose(e.values.sum(axis=1) + e.base_values,
                               (A[8:10] + 1).sum(axis=1, keepdims=True))


def test_half_precision_reaches_the_model_as_such():
    A = X.to_numpy(dtype=np.float16)

    def model(Z):
        assert Z.dtype == np.float16
        return Z.astype(float).sum(axis=1)

    adds_up(model, A[:8], A[8:10])


def test_a_sparse_array_reaches_the_model_as_such():
    S = sparse.csr_array(np.where(X > 0, X, 0))
    model = LogisticRegression().fit(S, X["a"] > 0)
    predictor = xk.wrap(model).bind(S)
    assert sparse.issparse(predictor.handed(S))
    np.testing.assert_array_equal(predictor(S), model.predict_proba(S))


@pytest.mark.parametrize(("table", "sentence"), [
    (np.ma.masked_greater(X.to_numpy(), 0), "masked arrays would lose"),
    (np.zeros(3, dtype=[("a", float), ("b", int)]), "structured arrays are not supported; pass"),
    ({"a": [1, 2]}, "expected"),
    (None, "a background is needed"),
    ("text.csv", "expected|shape|document"),
    (3.0, "expected"),
])
def test_what_is_no_table_says_what_was_expected(table, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        xk.KernelSHAP().fit(sums, table)


@pytest.mark.parametrize("table", [X[:0], X.to_numpy()[:0], X[[]], [], np.zeros((3, 0))])
def test_nothing_to_explain_is_refused(table):
    with pytest.raises(ValueError, match="expected|rows"):
        xk.wrap(sums).bind(table)


@pytest.mark.parametrize("row", [X.iloc[3], X.iloc[3].to_numpy(), X.iloc[[3]], X.iloc[3].tolist(),
                                 X.iloc[3][["c", "a", "b"]]])
def test_one_row_in_any_guise(row):
    np.testing.assert_allclose(xk.wrap(MODEL).bind(X)(row), MODEL.predict(X[3:4])[:, None])


# --- models that misbehave

def test_a_model_that_raises_half_way_loses_nothing_and_says_on_what():
    asked = []

    def model(Z):
        asked.append(len(Z))
        if len(asked) == 8:
            raise KeyError("no such customer")
        return sums(Z)

    with pytest.raises(xk.ModelError, match=r"no such customer") as caught:
        xk.wrap(model, batch_size=5)(pd.concat([X] * 2))
    assert isinstance(caught.value.__cause__, KeyError)
    assert "DataFrame of shape (5, 3) (float64)" in str(caught.value)


def test_answers_that_are_nan_half_way_name_their_rows():
    def model(Z):
        return np.where(np.asarray(Z)[:, 0] == X["a"][17], np.nan, 1.0)

    with pytest.raises(xk.ModelError, match=r"rows? 17"):
        xk.wrap(model)(X)


@pytest.mark.parametrize(("answer", "sentence"), [
    (lambda Z: ["high"] * len(Z), "number"),
    (lambda Z: None, r"answered with shape \(\)"),
    (lambda Z: np.ones(len(Z) + 1), f"{N + 1}"),
    (lambda Z: 1.0, "one|answer"),
    (lambda Z: np.ones((len(Z), 2, 2)), "shape"),
    (lambda Z: np.full(len(Z), np.inf), "finite|inf"),
    (lambda Z: np.ones(len(Z)) * 1j, "complex"),
    (lambda Z: (np.ones(len(Z)), np.ones(len(Z))), "tuple|wrap"),
    (lambda Z: iter([1.0] * len(Z)), "iterator"),
])
def test_answers_that_are_no_numbers_are_refused(answer, sentence):
    with pytest.raises(xk.ModelError, match=sentence):
        xk.wrap(answer)(X)


def test_a_function_that_keeps_state_is_warned_of():
    calls = []

    def drifting(Z):
        calls.append(1)
        return sums(Z) + len(calls)

    e = xk.KernelSHAP(random_state=0).fit(drifting, X[:8]).explain(X[8:10])
    assert any("answers the same rows differently" in w for w in e.warnings)


def test_a_function_that_writes_into_its_frame_never_reaches_the_users_own():
    table, before = X.copy(), X.copy()

    def spoils(Z):
        Z["a"] = 0.0
        del Z["c"]
        return np.arange(len(Z)) * 0.0

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        xk.KernelSHAP().fit(spoils, table[:8]).explain(table[8:10])
    pd.testing.assert_frame_equal(table, before)


def test_a_module_on_another_device_is_handed_tensors_there():
    torch = pytest.importorskip("torch")
    devices = []

    class Meta(torch.nn.Linear):
        def forward(self, x):
            devices.append(x.device.type)
            return torch.zeros(len(x), 1)

    xk.wrap(Meta(3, 1, device="meta"))(X)
    assert devices == ["meta"]


@pytest.mark.filterwarnings("ignore:The inplace keyword")
@pytest.mark.parametrize("late", [False, True], ids=["before it answers", "after it answered"])
@pytest.mark.parametrize("kind", [xk.KernelSHAP, xk.Occlusion, xk.LIME, xk.PredictionDifference,
                                  xk.PermutationImportance, xk.MeanImpactValue])
def test_a_model_that_drops_rows_in_place_is_refused_or_harmless(kind, late):
    """Its batch is shorter than what was asked, whatever it answers."""
    def drops(Z):
        full = Z.sum(axis=1).to_numpy().copy()
        if len(Z) > 4:
            Z.drop(index=Z.index[-2:], inplace=True)  # noqa: PD002 - what is tested
        return full if late else full[: len(Z)]

    explainer = kind(random_state=0, verbose=False)
    if late:
        want = kind(random_state=0, verbose=False).fit(lambda Z: Z.sum(axis=1), X).explain(X[:10])
        np.testing.assert_array_equal(explainer.fit(drops, X).explain(X[:10]).values, want.values)
        return
    with pytest.raises(xk.ModelError, match=r"was asked \d+ rows and answered with shape \(\d+,\)"):
        explainer.fit(drops, X).explain(X[:10])
