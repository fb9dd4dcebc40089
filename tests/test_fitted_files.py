"""CSV files of the frame that a model was fitted on: the model answers as it does to the frame."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

import xaikit as xk
from xaikit.predictor.fitted_columns import fitted_columns
from xaikit.tables.cells import FittedColumn
from xaikit.tables.csv_files import Options
from xaikit.tables.reading import read_tables

N = 30
TURN = np.arange(N) % 3
NUMBER = np.random.default_rng(0).normal(size=N)
DAYS = pd.Timestamp("2024-01-01") + pd.to_timedelta(TURN, unit="D")


def objects(*values):
    """Return a column of objects that takes three values in turn."""
    made = np.empty(3, dtype=object)
    made[:] = values
    return pd.Series(made[TURN], dtype=object)


COLUMNS = {
    "truths": pd.Series(TURN == 1), "truths as objects": objects(True, False, True),
    "truths and None": objects(True, False, None), "truths and NaN": objects(True, False, np.nan),
    "truths and NA": objects(True, False, None).astype("boolean"),
    "text and None": objects("a", "b", None), "text and NaN": objects("a", "b", np.nan),
    "numbers as objects": objects(0, 1, 2), "numbers and None": objects(0, 1, None),
    "Decimal": objects(Decimal("0.5"), Decimal(1), Decimal("1.50")),
    "days": objects(date(2024, 1, 1), date(2024, 1, 2), date(2024, 1, 3)),
    "a day and None": objects(date(2024, 1, 1), date(2024, 1, 2), None),
    "times": pd.Series(DAYS), "times in ns": pd.Series(DAYS).astype("datetime64[ns]"),
    "times of a day": pd.Series(DAYS + pd.to_timedelta(TURN, unit="h")),
    "times and NaT": pd.Series(DAYS).where(TURN > 0), "a zone": pd.Series(DAYS.tz_localize("Europe/Berlin")),
    "times as objects": pd.Series(DAYS).astype(object),
    "durations": pd.Series(pd.to_timedelta(TURN, unit="D")),
    "periods": pd.Series(DAYS.to_period("M")), "intervals": pd.Series(pd.cut(TURN, 3)).astype(object),
    "codes": objects("01", "1", "001"), "NA as text": objects("NA", "b", "None"),
    "truths as text": objects("True", "False", "x"),
}


def answers(model, frame, **options):
    """Return the largest difference between answers to a frame and to its CSV file, and the notes."""
    frame.to_csv("t.csv", index=False)
    predictor = xk.wrap(model)
    read = read_tables(["t.csv"], Options(**options), fitted_columns(predictor))
    return np.abs(predictor(frame) - predictor(read.frames[0])).max(), " ".join(read.notes)


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def table(column):
    return pd.DataFrame({"n": NUMBER, "c": column})


Y = NUMBER + np.array([0.0, 2.0, 5.0])[TURN]


@pytest.mark.parametrize("encoder", [OneHotEncoder(handle_unknown="ignore"), OrdinalEncoder(encoded_missing_value=-1), TargetEncoder(cv=2)],
                         ids=["one-hot", "ordinal", "target"])
@pytest.mark.parametrize("name", COLUMNS)
def test_levels_of_encoders(name, encoder):
    if (name, type(encoder)) == ("times and NaT", OrdinalEncoder):
        pytest.skip("scikit-learn does not find NaT among the levels of its own fit")
    if name == "intervals" and not isinstance(encoder, OneHotEncoder):
        pytest.skip("scikit-learn sorts no intervals")
    frame = table(COLUMNS[name])
    model = make_pipeline(make_column_transformer((encoder, ["c"]), remainder="passthrough"), LinearRegression())
    assert answers(model.fit(frame, Y), frame)[0] < 1e-9
    assert "fit" not in answers(model, frame)[1] or "levels of the fit in c" in answers(model, frame)[1]


CATEGORIES = ["truths", "truths and NaN", "numbers as objects", "days", "times", "periods"]


@pytest.mark.parametrize("name", CATEGORIES)
def test_categories_of_histogram_trees(name):
    frame = table(COLUMNS[name].astype("category"))
    model = HistGradientBoostingRegressor(max_iter=2, min_samples_leaf=2, categorical_features="from_dtype")
    assert answers(model.fit(frame, Y), frame)[0] < 1e-9


def test_categories_of_several_types_of_lightgbm():
    lightgbm = pytest.importorskip("lightgbm", reason="lightgbm is not installed")
    model = lightgbm.LGBMRegressor(n_estimators=3, min_child_samples=1, min_data_per_group=1, cat_smooth=0, verbose=-1)
    for column in (objects("a", 1, 2), objects(True, "a", False), *(COLUMNS[name] for name in CATEGORIES[:3])):
        frame = table(column.astype("category"))
        assert answers(model.fit(frame, Y), frame)[0] < 1e-9
    frame = table(objects(1, 2.5, "1").astype("category"))
    gap, notes = answers(model.fit(frame, Y), frame)
    assert gap > 0.1
    assert "column 'c' has '1' in 20 rows, which stands for levels of several types; it was read as" in notes


def catboost_model():
    catboost = pytest.importorskip("catboost", reason="catboost is not installed")
    return catboost.CatBoostRegressor(iterations=3, cat_features=["c"], verbose=0, allow_writing_files=False,
                                      thread_count=1)


def test_truth_values_of_catboost():
    model = catboost_model()
    for column in (COLUMNS["truths"], COLUMNS["truths"].astype("category")):
        gap, notes = answers(model.fit(table(column), Y), table(column))
        assert gap == 0
        assert "read as truth values; add --text-columns 'c' if the model was fitted on text" in notes
    for frame in (table(objects("True", "False", "False")), table(objects("True", "False", ""))):
        gap, notes = answers(model.fit(frame, Y), frame, text_columns=["c"])
        assert gap == 0
    mixed = table(objects(True, "a", False))
    gap, notes = answers(model.fit(mixed, Y), mixed)
    assert gap > 0.1
    assert "replace them by 1 and 0, which it takes for the same" in notes
    as_advised = mixed.assign(c=objects(1, "a", 0))
    np.testing.assert_array_equal(xk.wrap(model)(mixed), xk.wrap(model)(as_advised))
    assert answers(model, as_advised)[0] == 0


def test_empty_categories_of_catboost_are_empty_text():
    frame = table(objects("", "a", "b"))
    gap, notes = answers(catboost_model().fit(frame, Y), frame)
    assert gap == 0
    assert "has empty cells in 10 rows, read as the empty text, which the model takes in place of mis" in notes


def test_empty_cells_where_the_fit_had_empty_text_and_missing_cells():
    frame = table(objects("", "a", np.nan))
    model = make_pipeline(make_column_transformer((OneHotEncoder(), ["c"]), remainder="passthrough"),
                          LinearRegression()).fit(frame, Y)
    gap, notes = answers(model, frame)
    assert gap > 1
    assert ("column 'c' has empty cells in 20 rows, read as the empty text, which was a level of the fit, as "
            "missing was; add --na-values '' if they are missing.") in notes
    kept, gone = frame[TURN != 2], frame[TURN != 0]
    assert answers(model, kept)[0] < 1e-9
    assert answers(model, gone)[0] > 1
    assert answers(model, gone, na_values=[""])[0] < 1e-9
    assert "column 'c' has missing cells, read as NaN; the fit had None as another level" in answers(
        model.fit(table(objects("a", None, np.nan)), Y), table(objects("a", None, np.nan)))[1]


@pytest.mark.parametrize(("cells", "levels", "want", "sentence"), [
    (["2024-01-09", "old", "NA"], [date(2024, 1, 1)], [date(2024, 1, 9), "old", np.nan],
     "has '2024-01-09' and 'old' in 2 rows, which was no level of the fit"),
    (["1.0", "7"], np.array([1, 2], dtype=object), [1, 7], "has '7' in 1 row, which was no level"),
    (["true", "NA"], np.array([True, "NA"], dtype=object), [True, "NA"], ""),
])
def test_cells_that_are_no_level(cells, levels, want, sentence):
    with open("t.csv", "w") as file:
        file.write("c,n\n" + "".join(f"{cell},1\n" for cell in cells))
    read = read_tables(["t.csv"], None, {"c": FittedColumn.of_levels(levels)})
    got = read.frames[0]["c"].tolist()
    assert [(type(v), v) for v in got if v == v] == [(type(v), v) for v in want if v == v]
    assert sentence in " ".join(read.notes)


@pytest.mark.parametrize(("levels", "written", "encoding", "named"), [
    (("Ulm", "Bonn", "Kiel"), ("ulm", "Bonn", "Kiel"), "utf-8", "'ulm'"),
    (("Ulm", "Bonn", "Kiel"), ("Ulm!", "Bonn!", "Kiel!"), "utf-8", "'Ulm!', 'Bonn!' and 'Kiel!'"),
    (("Ulm", "Bonn", "Kiel"), ("Ulm ", "Bonn", "Kiel"), "utf-8", "'Ulm '"),
    (("Köln", "Bonn", "Kiel"), ("KÃ¶ln", "Bonn", "Kiel"), "utf-8", "'KÃ¶ln'"),
    (("Köln", "Bonn", "Kiel"), ("Köln", "Bonn", "Kiel"), "latin-1", "'KÃ¶ln'"),
], ids=["case", "signs", "blank", "wrong text", "wrong encoding"])
@pytest.mark.parametrize("encoder", [OneHotEncoder(handle_unknown="ignore"), TargetEncoder()])
def test_text_that_is_no_level_of_the_fit_is_named(levels, written, encoding, named, encoder):
    """An encoder that ignores strange levels answers as if nothing were wrong."""
    model = make_pipeline(make_column_transformer((encoder, ["c"])), LinearRegression())
    model.fit(table(objects(*levels)), Y)
    table(objects(*written)).to_csv("t.csv", index=False)
    read = read_tables(["t.csv"], Options(encoding=encoding), fitted_columns(xk.wrap(model)))
    n_strange = N if named.count("'") > 2 else N // 3
    assert f"column 'c' has {named} in {n_strange} rows, which was no level of the fit" in " ".join(read.notes)


def test_text_of_levels_of_the_fit_gets_no_sentence():
    model = make_pipeline(make_column_transformer((OneHotEncoder(), ["c"])), LinearRegression())
    model.fit(table(objects("Ulm", "Bonn", " Kiel")), Y)
    assert "no level" not in answers(model, table(objects("Ulm", "Bonn", " Kiel")))[1]
