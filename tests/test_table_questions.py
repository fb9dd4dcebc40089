"""TableQuestions: every verb against one row at a time, what is asked, and in what batches."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

from xaikit.errors import ModelError
from xaikit.predictor.wrapping import wrap
from xaikit.sampling.table_questions import TableQuestions

PROBE_ROWS = 9
"""Rows the probe asks of a table of two rows or more."""
LEAST_BATCH = 64
ALONE = 3
"""Rows of a table that are asked alone, to compare them with the answers to all."""


def frame(n=150):
    """Columns of every kind, with missing cells."""
    rng = np.random.default_rng(7)
    return pd.DataFrame({
        "f": np.where(np.arange(n) % 9, rng.normal(size=n), np.nan),
        "i": rng.integers(0, 5, n),
        "c": pd.Categorical(rng.choice(list("ba"), n), categories=["b", "a", "never"]),
        "t": rng.choice(["x", "yy"], n),
        "n": pd.array(np.where(np.arange(n) % 4, 3, None), dtype="Int64"),
        "d": pd.to_datetime("2024-01-01") + pd.to_timedelta(rng.integers(0, 9, n), unit="D"),
    }, index=np.arange(n)[::-1])


def frame_model(table):
    days = (table["d"] - pd.Timestamp("2024-01-01")).dt.days.to_numpy(dtype=float)
    letters = (table["c"].astype(object) == "a").to_numpy(dtype=float)
    one = np.nan_to_num(table["f"].to_numpy()) * table["i"].to_numpy() + 3 * letters
    return np.column_stack([one, days * table["t"].str.len().to_numpy(dtype=float)
                            + table["n"].fillna(7).to_numpy(dtype=float)])


def array(n=150):
    rng = np.random.default_rng(7)
    return np.column_stack([rng.normal(size=n), rng.integers(0, 5, n), rng.integers(0, 2, n)])


def array_model(X):
    X = np.asarray(X, dtype=float)
    return np.column_stack([X[:, 0] * X[:, 1], X[:, 2] - X[:, 0] ** 2])


TABLES = {
    "frame": (frame_model, frame()),
    "array": (array_model, array()),
    "by column": (array_model, np.asfortranarray(array())),
    "float32": (array_model, array().astype(np.float32)),
    "objects": (array_model, array().astype(object)),
}


def cell(table, i, c):
    return table.iloc[i, c] if isinstance(table, pd.DataFrame) else table[i, c]


def naive(model, table, rows, changes):
    """Ask one row at a time; `changes` lists each row's new cells by column."""
    answers = []
    for i, new in zip(rows, changes, strict=True):
        one = table.iloc[[i]].copy() if isinstance(table, pd.DataFrame) else table[[i]].copy()
        for c, value in new.items():
            if isinstance(table, pd.DataFrame):
                cells = pd.Series([value], index=one.index)
                one[one.columns[c]] = cells.astype(table.dtypes.iloc[c])
            else:
                one[0, c] = value
        answers.append(model(one)[0])
    return np.array(answers)


# --- the verbs, against one row at a time

@pytest.mark.parametrize("max_memory", [1, 2**26])
@pytest.mark.parametrize("name", TABLES)
def test_base_is_the_answers_to_the_table(name, max_memory):
    model, table = TABLES[name]
    got = TableQuestions(wrap(model), table, max_memory=max_memory).base()
    np.testing.assert_array_equal(got, model(table))


@pytest.mark.parametrize("max_memory", [1, 2**26])
@pytest.mark.parametrize(("name", "columns"), [
    ("frame", [0]), ("frame", [2]), ("frame", [1, 4]), ("frame", [3, 5]), ("array", [0]),
    ("array", [0, 2]), ("by column", [1]), ("float32", [0, 1]), ("objects", [0, 1]),
])
def test_new_cells_for_some_rows(name, columns, max_memory, rng):
    model, table = TABLES[name]
    n = len(table)
    rows, sources = rng.integers(n, size=(2, 200))
    new = {c: table.iloc[sources, c] if isinstance(table, pd.DataFrame) else table[sources, c]
           for c in columns}
    got = TableQuestions(wrap(model), table, max_memory=max_memory).replaced(new, rows)
    want = naive(model, table, rows, [{c: cell(table, s, c) for c in columns} for s in sources])
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize(("name", "column", "value"), [
    ("frame", 0, np.array([0.25])), ("frame", 0, [2]), ("frame", 1, np.array([3], dtype=np.int8)),
    ("frame", 2, pd.Categorical(["a"], categories=["b", "a", "never"])), ("frame", 2, ["never"]),
    ("frame", 3, np.array(["yyyy"], dtype=object)), ("frame", 4, pd.array([None], dtype="Int64")),
    ("frame", 5, pd.to_datetime(["2025-01-01"])), ("array", 0, [0.25]), ("array", 1, [3]),
    ("by column", 2, [1.0]), ("float32", 0, [0.25]), ("objects", 0, [0.25]),
])
def test_one_cell_is_for_all_rows(name, column, value):
    model, table = TABLES[name]
    got = TableQuestions(wrap(model), table).replaced({column: value})
    want = naive(model, table, range(len(table)), [{column: value[0]}] * len(table))
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("max_memory", [1, 2**26])
@pytest.mark.parametrize(("name", "columns"), [
    ("frame", [0]), ("frame", [2, 3]), ("frame", [4]), ("frame", [0, 1, 5]), ("array", [0]),
    ("array", [1, 2]), ("by column", [0, 2]), ("float32", [1]), ("objects", [1, 0]),
])
def test_cells_of_other_rows(name, columns, max_memory, rng):
    model, table = TABLES[name]
    rows, donors = rng.integers(len(table), size=(2, 150))
    got = TableQuestions(wrap(model), table, max_memory=max_memory).borrowed(columns, rows, donors)
    want = naive(model, table, rows, [{c: cell(table, d, c) for c in columns} for d in donors])
    np.testing.assert_array_equal(got, want)


def test_text_arrays(counting):
    table = np.array([["a", "bb"], ["cc", "d"], ["a", "d"]])
    model = counting(lambda X: np.array([len("".join(row)) for row in X.tolist()], dtype=float))
    questions = TableQuestions(wrap(model), table)
    np.testing.assert_array_equal(questions.replaced({0: ["ee"]}).ravel(), [4, 3, 3])
    borrowed = questions.borrowed([1], np.array([0, 1]), np.array([1, 0])).ravel()
    np.testing.assert_array_equal(borrowed, [2, 4])
    assert {batch.dtype for batch in model.batches} == {table.dtype}
    with pytest.raises(ValueError, match="cannot hold the new cells"):
        questions.replaced({0: ["longer"]})


# --- what is asked

def test_the_base_is_asked_once_and_shared_with_workers(counting):
    model = counting(array_model)
    questions = TableQuestions(wrap(model), array())
    first = questions.base()
    worker = questions.spawn()
    assert questions.base() is first
    assert worker.base() is first
    assert model.n_rows == questions.ledger.rows == PROBE_ROWS + 150
    assert worker.ledger.rows == 0


def test_a_worker_counts_apart(counting):
    questions = TableQuestions(wrap(counting(array_model)), array())
    before = questions.ledger.copy()
    worker = questions.spawn()
    worker.replaced({0: [1.0]})
    worker.borrowed([1], np.array([0, 0]), np.array([0, 0]))
    # 150 new rows, and one row as it is: a worker that has no base asks for it.
    assert worker.ledger.rows == 300
    assert worker.ledger.spared == 2
    assert questions.ledger.minus(before).rows == 0


def test_equal_questions_are_asked_once(counting):
    X = np.column_stack([np.arange(6.0) % 2, np.arange(6.0)])
    model = counting(array_model_of_two)
    questions = TableQuestions(wrap(model), X)
    rows, donors = (part.ravel() for part in np.meshgrid(np.arange(6), np.arange(6)))
    got = questions.borrowed([0], rows, donors)
    want = array_model_of_two(np.column_stack([X[donors, 0], X[rows, 1]]))
    np.testing.assert_array_equal(got, want)
    # Of 36 questions six have the other value, and six are the rows as they are: the base.
    asked = model.rows[PROBE_ROWS:]
    assert len(set(asked)) == 12
    assert len(asked) == 12
    assert questions.ledger.spared == 36 - 6
    questions.borrowed([0], rows, donors)
    assert model.n_rows == PROBE_ROWS + 12 + 6


def array_model_of_two(X):
    return X[:, :1] * 10 + X[:, 1:]


def test_the_base_is_not_asked_where_every_cell_changes(counting):
    X = np.arange(6.0).reshape(3, 2)
    model = counting(lambda X: X.sum(axis=1))
    questions = TableQuestions(wrap(model), X)
    got = questions.borrowed([0], np.array([0, 1]), np.array([2, 0]))
    np.testing.assert_array_equal(got.ravel(), [5.0, 3.0])
    assert model.n_rows == 3 + 3 + 1 + 2  # the probe has three rows


def test_a_lone_column_of_a_pair_may_differ():
    X = np.array([[0.0, 1.0], [0.0, 2.0], [5.0, 1.0]])
    got = TableQuestions(wrap(lambda X: X[:, 0] - X[:, 1]), X).borrowed(
        [0, 1], np.array([0, 0, 0]), np.array([0, 1, 2]))
    np.testing.assert_array_equal(got.ravel(), [-1.0, -2.0, 4.0])


@pytest.mark.parametrize("name", ["frame", "array"])
def test_no_question_has_no_answer(name):
    model, table = TABLES[name]
    questions, nothing = TableQuestions(wrap(model), table), np.zeros(0, dtype=np.int64)
    assert questions.replaced({0: table.iloc[:0, 0] if name == "frame" else table[:0, 0]},
                              nothing).shape == (0, 2)
    assert questions.borrowed([0], nothing, nothing).shape == (0, 2)


@pytest.mark.parametrize("name", TABLES)
def test_what_reaches_the_model_has_the_form_of_the_table(name):
    model, table = TABLES[name]
    before, forms = table.copy(), []

    def form(batch):
        if isinstance(batch, pd.DataFrame):
            return [str(dtype) for dtype in batch.dtypes], list(batch["c"].cat.categories)
        return batch.dtype, batch.flags.f_contiguous

    def looking(batch):
        if len(batch) > 1:  # of a batch of one row both orders are true
            forms.append(form(batch))
        return model(batch)

    questions = TableQuestions(wrap(looking), table)
    forms.clear()
    questions.base()
    questions.replaced({0: [0.5], 1: [2]})
    questions.borrowed([0, 2], np.arange(len(table)), np.arange(len(table))[::-1])
    assert forms == [form(table)] * 3
    if isinstance(table, pd.DataFrame):
        pd.testing.assert_frame_equal(table, before)
    else:
        np.testing.assert_array_equal(table, before)


# --- batches

@pytest.mark.parametrize(("max_memory", "most"), [(1, 64), (4 * 8 * 3 * 100, 100), (2**26, 400)])
def test_batches_keep_to_the_memory(max_memory, most, counting, rng):
    model = counting(array_model)
    questions = TableQuestions(wrap(model), array(), max_memory=max_memory)
    rows = rng.integers(150, size=400)
    model.clear()
    questions.replaced({0: rng.normal(size=400)}, rows)
    assert [len(batch) for batch in model.batches] == [
        min(most, 400 - first) for first in range(0, 400, most)]


def test_a_model_that_fails_once_leaves_nothing_behind(counting):
    questions = TableQuestions(wrap(counting(array_model, fail_at=3)), array())
    with pytest.raises(ModelError, match="no answer today"):
        questions.base()
    np.testing.assert_array_equal(questions.base(), array_model(array()))


# --- methods of an estimator

def test_methods_have_bases_of_their_own():
    X = array()
    y = np.where(X[:, 0] > 0, "yes", "no")
    model = LogisticRegression().fit(X, y)
    questions = TableQuestions(wrap(model), X, max_memory=1)
    rows, donors = np.arange(150), np.arange(150)[::-1]
    swapped = X.copy()
    swapped[:, 0] = X[::-1, 0]
    assert questions.base("predict").tolist() == model.predict(X).tolist()
    got = questions.borrowed([0], rows, donors, "predict")
    assert got.tolist() == model.predict(swapped).tolist()
    # BLAS rounds by the height of a batch.
    np.testing.assert_allclose(questions.borrowed([0], rows, donors, "decision_function"),
                               model.decision_function(swapped), rtol=1e-12)
    np.testing.assert_allclose(questions.base(), model.predict_proba(X), rtol=1e-12)


class Wordy(ClassifierMixin, BaseEstimator):
    """Names classes in arrays no wider than what they hold."""

    def fit(self, X, y):
        self.classes_ = np.array(["no", "perhaps"])
        return self

    def predict(self, X):
        return np.array(["perhaps" if a > b else "no" for a, b in X.tolist()])

    def predict_proba(self, X):
        return np.column_stack([X[:, 0] <= X[:, 1], X[:, 0] > X[:, 1]]).astype(float)


def test_longer_labels_than_those_of_the_base_are_not_cut():
    X = np.array([[1.0, 5.0], [9.0, 10.0], [3.0, 4.0]])
    model = Wordy().fit(None, None)
    questions = TableQuestions(wrap(model), X)
    assert questions.base("predict").tolist() == ["no", "no", "no"]
    got = questions.borrowed([0], np.array([0, 1]), np.array([1, 1]), "predict")
    assert got.tolist() == ["perhaps", "no"]


# --- groups, workers and refusals

def test_units_are_groups_and_lone_columns():
    questions = TableQuestions(wrap(frame_model), frame(), {"pair": ["i", "d"]})
    assert questions.unit_names == ("f", "pair", "c", "t", "n")
    assert [unit.tolist() for unit in questions.units] == [[0], [1, 5], [2], [3], [4]]
    assert questions.column_names == ("f", "i", "c", "t", "n", "d")
    assert questions.output_names == ("output 0", "output 1")
    assert len(questions) == 150


def test_questions_travel():
    questions = TableQuestions(wrap(array_model), array())
    base = questions.base()
    away = pickle.loads(pickle.dumps(questions))
    np.testing.assert_array_equal(away.base(), base)
    assert away.ledger.rows == 0
    np.testing.assert_array_equal(away.replaced({0: [1.5]}), questions.replaced({0: [1.5]}))


def test_warnings_are_those_of_the_probe():
    draws = np.random.default_rng(0)
    questions = TableQuestions(wrap(lambda X: X[:, 0] + draws.normal(size=len(X))), array())
    assert any("same" in sentence for sentence in questions.doubts(questions.ledger))


@pytest.mark.parametrize(("name", "cells", "sentence"), [
    ("frame", {1: [2.5]}, "column 'i' holds int64, which cannot hold the new cells of float64"),
    ("frame", {2: ["z"]}, "column 'c' holds levels that its categories do not know: 'z'"),
    ("frame", {0: ["text"]}, "column 'f' should hold numbers"),
    ("frame", {0: [1.0, 2.0]}, "column 'f' got 2 new cells for 150 rows"),
    ("array", {0: ["text"]}, "column 'x0' holds float64, which cannot hold"),
    ("array", {0: np.zeros(149)}, "column 'x0' got 149 new cells for 150 rows; expected one a row"),
])
def test_cells_that_do_not_fit(name, cells, sentence):
    model, table = TABLES[name]
    with pytest.raises(ValueError, match=sentence):
        TableQuestions(wrap(model), table).replaced(cells)


def test_fractions_in_an_array_of_whole_numbers_are_refused():
    questions = TableQuestions(wrap(array_model), array().astype(np.int64))
    with pytest.raises(ValueError, match="column 'x1' holds int64, which cannot hold"):
        questions.replaced({1: [0.5]})
    questions.replaced({1: [4.0]})


def test_documents_have_no_columns():
    with pytest.raises(TypeError, match="expected a table"):
        TableQuestions(wrap(lambda texts: [len(t) for t in texts]), ["one text", "two"])
