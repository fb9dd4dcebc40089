"""Ugly targets, weights, seeds, names and uses: the numbers of a naive loop, or a sentence."""

from __future__ import annotations

import pickle
from decimal import Decimal
from fractions import Fraction
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
import reference as naive
import reference_importance as by_loop
import scipy.sparse as sp
from cli_cases import run
from report_cases import said, undrawn
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import accuracy_score, r2_score

import xaikit as xk

X = np.random.default_rng(0).integers(-4, 5, (12, 2)) / 2.0
Y = (X[:, 0] > 0).astype(int)
Y[:2] = 1 - Y[:2]
NAMES = np.array(["no", "yes"])
LARGE = np.array([2**53, 2**53 + 1])  # equal as floats


class Rule(ClassifierMixin, BaseEstimator):
    """A classifier of the second class where the first column is above 0."""

    def __init__(self, classes=(0, 1), form=None):
        self.classes, self.form = classes, form
        self.classes_ = np.asarray(classes)

    def fit(self, X, y=None):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def predict(self, X):
        labels = self.classes_[(np.asarray(X)[:, 0] > 0) * 1]
        return labels if self.form is None else self.form(labels)


class Likely(Rule):
    """The same with probabilities, which do not sum to 1."""

    def predict_proba(self, X):
        above = (np.asarray(X)[:, 0] > 0) * 0.9
        return np.column_stack([1.0 - above, above])


class Line(RegressorMixin, BaseEstimator):
    """A regression whose answers have a form."""

    def __init__(self, form=None):
        self.form = form

    def fit(self, X, y=None):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def predict(self, X):
        line = 2 * np.asarray(X)[:, 0]
        return line if self.form is None else self.form(line)


def objects(values):
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out


def drops(score, predict, y):
    values, errors = by_loop.score_drops(score, predict, X, y, 0, 1)
    return values.mean(axis=1), errors


CLASS_DROPS = drops(accuracy_score, lambda Z: (Z[:, 0] > 0) * 1, Y)
T = np.round(2 * X[:, 0] + np.random.default_rng(1).normal(size=12))
LINE_DROPS = drops(r2_score, lambda Z: 2 * Z[:, 0], T)


def permute(model, y, **more):
    return xk.PermutationImportance(random_state=0, n_repeats=1).fit(model).explain(X, y, **more)


def is_of(got, want, warnings=()):
    np.testing.assert_allclose(got.values[:, 0], want[0], atol=1e-12)
    np.testing.assert_allclose(got.standard_errors[:, 0], want[1], atol=1e-12)
    assert got.warnings == warnings


CLASS = xk.wrap(lambda Z: (Z[:, 0] > 0) * 0.8 + 0.1, task="classification")
TRUTHS = objects([bool(v) if v else 0 for v in Y])
TARGETS = {
    "unused levels": (Likely(NAMES), pd.Categorical(NAMES[Y], ["maybe", "yes", "no"])),
    "levels of numbers": (Likely(), pd.Series(pd.Categorical(Y, [1, 0, 5]))),
    "boolean": (Likely((False, True)), pd.Series(Y == 1, dtype="boolean")),
    "array of boolean": (Likely((False, True)), pd.array(Y == 1, dtype="boolean")),
    "text of pandas": (Likely(NAMES), pd.Series(NAMES[Y], dtype="string")),
    "True beside 0": (Likely(), TRUTHS),
    "Decimal": (Likely(), objects([Decimal(int(v)) for v in Y])),
    "whole floats": (Likely(), Y.astype(np.float16)),
    "above 2**53": (Likely(LARGE), LARGE[Y]),
    "above 2**53, a list": (Likely(LARGE), LARGE[Y].tolist()),
    "above 2**53, nullable": (Likely(LARGE), pd.Series(LARGE[Y], dtype="Int64")),
    "list of lists": (Likely(), [[int(v)] for v in Y]),
    "column of objects": (Likely(), objects([int(v) for v in Y])[:, None]),
    "one-column frame": (Likely(NAMES), pd.DataFrame({("y", 1): NAMES[Y]})),
    "NumPy's texts": (Likely(NAMES), [np.str_(v) for v in NAMES[Y]]),
    "a function's texts": (CLASS, objects(NAMES[Y].tolist())),
    "a function's large numbers": (CLASS, LARGE[Y]),
    "a function's whole floats": (CLASS, Y * 1.0),
    "sparse": (CLASS, sp.csr_matrix(Y[:, None])),
    "nothing masked": (CLASS, np.ma.array(Y)),
    "labels in another order": (Rule(NAMES, lambda v: pd.Series(v).sort_values()), NAMES[Y]),
    "predict in another order": (Likely(NAMES, lambda v: pd.Series(v).sort_values()), NAMES[Y]),
    "labels as categories": (Rule(NAMES, pd.Categorical), NAMES[Y]),
    "labels as a list": (Rule(NAMES, list), NAMES[Y]),
}


@pytest.mark.parametrize("name", TARGETS)
def test_labels_of_odd_kinds_score_as_in_a_loop(name):
    is_of(permute(*TARGETS[name]), CLASS_DROPS)


def test_labels_of_polars():
    pl = pytest.importorskip("polars")
    is_of(permute(CLASS, pl.Series(NAMES[Y])), CLASS_DROPS)
    is_of(permute(CLASS, pl.DataFrame({"y": Y == 1})), CLASS_DROPS)


NUMBERS = {
    "whole numbers": T.astype(int), "Decimal": objects([Decimal(repr(float(v))) for v in T]),
    "Fraction": [Fraction(v) for v in T], "objects": T.astype(object),
    "nullable": pd.Series(T, dtype="Int64"), "levels": pd.Series(T, dtype="category"),
    "large": T, "list of lists": [[v] for v in T],
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_of_odd_kinds_score_as_in_a_loop(name):
    is_of(permute(Line(), NUMBERS[name]), LINE_DROPS)


def test_text_of_numbers_is_read_and_said():
    is_of(permute(Line(), T.astype(str)), LINE_DROPS, ("y holds text, which was read as the numbers that it shows.",))


@pytest.mark.parametrize("form", [
    lambda v: pd.Series(v).sort_values(), lambda v: pd.DataFrame(v)[::-1], list, lambda v: v[:, None],
    lambda v: pd.Series(v, dtype="Float64"), lambda v: v.astype(object), np.ma.array, np.float16,
])
def test_answers_of_predict_score_as_in_a_loop(form):
    is_of(permute(Line(form), T), LINE_DROPS)


# --- targets that are refused

def with_one(value):
    return [value, *NAMES[Y][1:].tolist()]


CLOCK = pd.Timestamp("2020-01-01") + pd.to_timedelta(T, unit="s")
GONE = "missing labels in 1 row"
ODD = "scikit-learn takes whole numbers, truth values or text of one type"
BAD_TARGETS = {
    "a None": (CLASS, with_one(None), GONE),
    "a NaN among texts": (CLASS, with_one(np.nan), GONE),
    "an NA": (Likely((False, True)), pd.Series([None, *(Y[1:] == 1)], dtype="boolean"), GONE),
    "an NA in an array": (Likely((False, True)), pd.array([None, *(Y[1:] == 1)], dtype="boolean"), GONE),
    "an NA among texts": (Likely(NAMES), pd.array([None, *NAMES[Y][1:]], dtype="string"), GONE),
    "a masked label": (Likely(), np.ma.array(Y, mask=np.arange(12) == 3), GONE),
    "a masked number": (Line(), np.ma.array(T, mask=np.arange(12) == 3), GONE),
    "Decimal's NaN": (Line(), [Decimal("NaN"), *map(Decimal, T[1:].astype(int).tolist())], GONE),
    "bytes": (CLASS, NAMES.astype("S")[Y], "y holds bytes. " + ODD),
    "bytes for texts": (Likely(NAMES), NAMES.astype("S")[Y], "which the model does not know"),
    "bytes of the model": (Likely(NAMES.astype("S")), NAMES.astype("S")[Y], "y holds bytes"),
    "1 and '1'": (CLASS, [1, "1"] * 6, "labels of several types, int and str"),
    "1 and '1' of the model": (Likely(objects([1, "1"])), [1, "1"] * 6, "holds int and str. " + ODD),
    "1, '1' and True": (CLASS, [1, "1", True, 1] * 3, "labels of several types, int and str"),
    "fractions": (CLASS, Y * 0.5, "y holds fractions. " + ODD),
    "complex": (CLASS, Y * 1j, "labels of complex, which have no order"),
    "tuples": (CLASS, objects([("a", int(v)) for v in Y]), "y holds tuple. " + ODD),
    "lists": (CLASS, pd.Series([[int(v)] for v in Y]), r"holds \[\d\] in a cell"),
    "records": (CLASS, np.array([(v,) for v in Y], dtype=[("p", int)]), "structured array of p"),
    "ragged": (CLASS, [[1], [0, 1]] * 6, "y holds lists of different lengths"),
    "a generator": (CLASS, (v for v in Y), r"y has shape \(\)"),
    "times of classes": (CLASS, CLOCK.to_numpy()[Y], "datetime64.*classifier: convert"),
    "times": (Line(), CLOCK, "datetime64.*regression: pass numbers"),
    "durations": (Line(), list(CLOCK - CLOCK[0]), "timedelta64.*regression: pass numbers"),
    **{f"text {v}": (Line(), ["1.5", v] * 6, f"y holds str such as '{v}', and the model is a regression")
       for v in ("2,5", "007", "1_000", "١٢", "1e999")},
    "objects of times": (Line(), objects([np.datetime64("2020-01-01T00") + i for i in range(12)]), "y holds datetime64.*pass numbers"),
    "objects of durations": (Line(), objects([np.timedelta64(i, "s") for i in range(12)]), "y holds timedelta64.*pass numbers"),
    "a signaling NaN": (Line(), objects([Decimal("sNaN"), *range(11)]), "sNaN|missing labels"),
    "too large": (Line(), objects([10**400, *range(11)]), "y holds int such as 10000"),
    "complex numbers": (Line(), T * 1j, "complex128, and the model is a regression"),
    "two targets": (Line(), np.column_stack([T, T]), "y has 2 columns, and the model 1 target: pass a column for each"),
    "a row": (Line(), T[None], "holds 1 label for 12 rows"),
}


@pytest.mark.parametrize("name", BAD_TARGETS)
def test_targets_that_are_refused(name):
    model, y, sentence = BAD_TARGETS[name]
    with pytest.raises(ValueError, match=sentence):
        permute(model, y)


def test_one_class_and_a_class_that_occurs_once():
    for y in (np.zeros(12, dtype=int), np.eye(12, dtype=int)[3]):
        want = drops(accuracy_score, lambda Z: (Z[:, 0] > 0) * 1, y)
        for labels in (y, y * 1.0):
            got = permute(Likely(), labels)
            np.testing.assert_allclose(got.values[:, 0], want[0], atol=1e-12)
            rare = y.any()
            assert np.isnan(got.standard_errors).all() == rare
            assert any("a class too rare" in w for w in got.warnings) == rare


ODD_PREDICTS = {
    "too few": (lambda v: v[:-1], "asked 12 rows and answered with shape"),
    "a scalar": (lambda v: v[0], r"answered with shape \("),
    "masked": (lambda v: np.ma.array(v, mask=np.arange(len(v)) == 0), "masked"),
}


@pytest.mark.parametrize("name", ODD_PREDICTS)
def test_predicts_that_are_refused(name):
    form, sentence = ODD_PREDICTS[name]
    for model in (Likely(NAMES, form), Rule(NAMES, lambda v: form(v) if len(v) == 12 else v)):
        with pytest.raises(xk.ModelError, match=sentence):
            permute(model, NAMES[Y])


@pytest.mark.parametrize(("form", "shown"), [
    (np.char.upper, "YES"), (np.char.encode, "b'yes'"),
    (lambda v: np.where(v == "yes", None, v), "None"),
])
def test_labels_that_are_none_of_the_classes(form, shown):
    for explain in (lambda m: permute(m, NAMES[Y]),
                    lambda m: xk.Occlusion().fit(m, X[:4]).explain(X[4:])):
        with pytest.raises(xk.ModelError, match=f"answered with {shown}.*none of the model's cla"):
            explain(Rule(NAMES, lambda v: form(np.append(v, "yes"))[:-1]))


def test_probabilities_that_are_none():
    negative = xk.wrap(lambda Z: Likely().predict_proba(Z) - 0.5, task="classification")
    with pytest.raises(ValueError, match="they are not probabilities"):
        xk.PermutationImportance(scoring="neg_log_loss").fit(negative).explain(X, Y)
    np.testing.assert_array_equal(permute(negative, Y).values, permute(Likely(), Y).values)
    got = xk.KernelSHAP(random_state=0).fit(negative, X[:4]).explain(X[4:6])
    want = [naive.shapley(naive.game(negative, row, X[:4]), 2) for row in X[4:6]]
    np.testing.assert_allclose(got.values, want, atol=1e-12)


@pytest.mark.parametrize(("weights", "sentence"), [
    (np.ma.array(np.ones(12), mask=np.arange(12) == 3), "got None of type NoneType in row 3"),
    (pd.array([None, *[1] * 11], dtype="Int64"), "got nan in row 0"),
    ([None, *[1.0] * 11], "got None of type NoneType in row 0"), ([-1, *[1.0] * 11], "got -1 in row 0"),
    (np.zeros(12), "their sum is 0"), ([np.nan, *[1.0] * 11], "got nan in row 0"),
    ([[1.0], [1.0, 2.0]] * 6, "lists of different lengths"), (["1"] * 12, "got '1' of type str in row 0"),
    ([Decimal("NaN"), *[Decimal(1)] * 11], "got nan in row 0"), ([[1.0, 2.0]] * 12, r"shape \(12, 2\)"),
])
def test_weights_that_are_refused(weights, sentence):
    with pytest.raises(ValueError, match=f"sample_weight.*{sentence}"):
        permute(CLASS, Y, sample_weight=weights)


@pytest.mark.parametrize("kind", [Decimal, Fraction, np.float32, int])
def test_weights_of_any_kind_of_number(kind):
    weights = [1, 2, 3] * 4
    found = permute(CLASS, Y, sample_weight=[kind(w) for w in weights])
    np.testing.assert_array_equal(found.values, permute(CLASS, Y, sample_weight=weights).values)


# --- seeds

def explain(random_state, table=X):
    rows = table.iloc if isinstance(table, pd.DataFrame) else table
    return xk.KernelSHAP(random_state=random_state).fit(twist, rows[:4]).explain(rows[4:7])


def twist(Z):
    Z = np.asarray(Z, dtype=float)
    return Z[:, 0] * Z[:, 1] + Z[:, 0]


SHAPLEY = np.array([naive.shapley(naive.game(twist, row, X[:4]), 2) for row in X[4:7]])


@pytest.mark.parametrize("seed", [3, np.int64(3), np.uint8(3), 2**200, None,
                                  np.random.default_rng(3)])
def test_seeds_that_reproduce(seed):
    got = explain(seed)
    assert type(got.random_state) is int
    again = explain(got.random_state)
    assert naive.bytes_of(again) == naive.bytes_of(got)
    assert type(got).from_json(got.to_json()).random_state == got.random_state


@pytest.mark.parametrize("seed", [-1, 1.0, True, "1", np.array(3), [1, 2], np.random.RandomState(0),
                                  np.random.SeedSequence(3), Decimal(3)])
def test_seeds_that_are_refused(seed):
    with pytest.raises(xk.SettingError, match="random_state must be a whole number of at least 0"):
        explain(seed)


# --- odd names of rows and columns

ROW_NAMES = {
    "repeated": [1, 1, 2, 2] * 3, "None": [None, "a", None, 1, 2.5, None, ("t", 1)] + [0] * 5,
    "two levels": pd.MultiIndex.from_product([list("abc"), range(4)]),
    "tuples": pd.Index([(1, i) for i in range(12)], tupleize_cols=False),
    "nullable": pd.Index([1, 2, None, 4] * 3, dtype="Int64"),
    "large": [2**70 + i for i in range(12)], "bytes": [b"a", b"b"] * 6,
    "times": pd.date_range("2020", periods=12, tz="Europe/Berlin"),
    "intervals": pd.interval_range(0, 12),
}
COLUMN_NAMES = {
    "numbers": [1, 0], "tuples": pd.Index([("a", 1), ("a", 2)], tupleize_cols=False),
    "two levels": pd.MultiIndex.from_product([["a"], [1, 2]]), "None": [None, "b"],
    "those of to_frame": ["value", "row"], "empty": ["", " "], "times": pd.date_range("2020", periods=2),
    "fractions": [0.5, 1.5], "bytes": [b"a", b"b"], "signs": ["a + b", "<b>\n$"],
}
ODD_NAMES = {**{f"rows: {k}": (v, ["a", "b"]) for k, v in ROW_NAMES.items()},
             **{f"columns: {k}": (None, v) for k, v in COLUMN_NAMES.items()}}


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names(name, tmp_path):
    index, columns = ODD_NAMES[name]
    table = pd.DataFrame(X, index=index, columns=columns)
    e = explain(0, table)
    np.testing.assert_allclose(e.values, SHAPLEY, atol=1e-12)
    assert e.feature_names == tuple(map(str, table.columns))
    for other in (xk.load_explanation(e.save(tmp_path / "e.json")), pickle.loads(pickle.dumps(e))):
        assert naive.bytes_of(other) == naive.bytes_of(e)
        assert str(other.row_names) == str(e.row_names)
        pd.testing.assert_frame_equal(other.data, e.data, check_freq=False)
    if find_spec("pyarrow"):
        got = pd.read_parquet(e.save(tmp_path / "e.parquet"))
        np.testing.assert_array_equal(got.iloc[:, 6:8], e.values[:, :, 0])
    for frame in (e.to_frame(), pd.read_csv(e.save(tmp_path / "e.csv"))):
        np.testing.assert_allclose(frame["value"], SHAPLEY.ravel(), atol=1e-12)
    wide = e.to_frame("wide").iloc[:, 4:]
    np.testing.assert_array_equal(wide, e.values[:, :, 0])
    np.testing.assert_allclose(e.importance().values, np.abs(SHAPLEY).mean(axis=0), atol=1e-12)
    np.testing.assert_array_equal(e[[2, 0], list(e.feature_names[::-1])].values,
                                  e.values[[2, 0]][:, ::-1])
    np.testing.assert_array_equal(e.feature_data(1), X[4:7, 1])
    assert "</table>" in e._repr_html_()


def test_to_shap_of_odd_names():
    pytest.importorskip("shap")
    columns = COLUMN_NAMES["two levels"]
    got = explain(0, pd.DataFrame(X, index=ROW_NAMES["two levels"], columns=columns)).to_shap()
    np.testing.assert_allclose(got.values, SHAPLEY[:, :, 0], atol=1e-12)
    assert got.feature_names == ["('a', 1)", "('a', 2)"]


@pytest.mark.parametrize("name", COLUMN_NAMES)
@pytest.mark.parametrize("by_name", [True, False])
def test_groups_of_odd_names(name, by_name):
    table = pd.DataFrame(X, columns=COLUMN_NAMES[name])
    members = list(table.columns) if by_name else [0, 1]
    for groups in ({("g", 1): members}, [members]):
        got = xk.PermutationImportance(random_state=0, n_repeats=1, groups=groups).fit(twist)
        want = by_loop.change(lambda Z: twist(Z)[:, None], X, [[0, 1]], 0, 1)[0]
        np.testing.assert_allclose(got.explain(table).values, want, atol=1e-12)


def test_workers_give_the_same_bytes():
    table = pd.DataFrame(X, index=ROW_NAMES["None"], columns=COLUMN_NAMES["two levels"])
    for settings in ({}, {"n_jobs": 2}):
        got = xk.PermutationImportance(random_state=0, n_repeats=1, **settings).fit(
            Likely(NAMES, pd.Categorical)).explain(table, with_one("no"))
        is_of(got, drops(accuracy_score, lambda Z: NAMES[(Z[:, 0] > 0) * 1],
                         np.array(with_one("no"))))


# --- reports and the command line

def test_reports_of_ugly_targets():
    table = pd.DataFrame(X, index=ROW_NAMES["two levels"], columns=COLUMN_NAMES["None"])
    few = {"methods": ["mean_impact"], "n_explain": 2}
    line = xk.wrap(lambda Z: 2 * Z.iloc[:, 0], task="regression")
    assert "the labels are Timedelta, not numbers" in said(undrawn(line, table, CLOCK - CLOCK[0], **few),
                                            "performance")
    likely = xk.wrap(lambda Z: (Z.iloc[:, 0] > 0) * 0.8 + 0.1, task="classification")
    for y in (np.ma.array(Y, mask=np.arange(12) == 3), with_one(np.nan)):
        assert "1 row without a label" in said(undrawn(likely, table, y, **few), "performance")


def test_the_command_on_ugly_models(capsys, place):
    (place.path / "ugly_models.py").write_text(
        "import numpy as np\nimport pandas as pd\nfrom scipy.sparse import csr_matrix\n"
        "def texts(X):\n    return np.where(X['a'] > 0, 'yes', 'no')\n"
        "def sparse(X):\n    return csr_matrix((2 * X['a'] + X['b']).to_numpy()[:, None])\n"
        "def unordered(X):\n    return (2 * X['a'] + X['b'])[::-1]\n")
    files = ["--data", "plain.csv", "--background", "plain.csv"]
    want = run(capsys, "explain", "--model", place.model("linear"), *files)[1]
    for name in ("sparse", "unordered"):
        assert run(capsys, "explain", "--model", f"ugly_models:{name}", *files)[:2] == (0, want)
    status, out, err = run(capsys, "explain", "--model", "ugly_models:texts", *files)
    assert (status, out) == (1, "")
    assert "expected numbers" in err
