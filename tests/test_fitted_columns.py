"""What fitted models know of their columns, by which files are read."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
    TargetEncoder,
)

import xaikit as xk
from xaikit.predictor.fitted_columns import fitted_columns, fitted_labels

N = 60
RNG = np.random.default_rng(0)
X = pd.DataFrame({
    "n": RNG.normal(size=N), "plz": RNG.choice(["01067", "10115"], N), "land": RNG.choice(["DE", "NA"], N),
    "k": RNG.integers(0, 3, N),
})
Y = ((X["n"] + (X["plz"] == "01067") + RNG.normal(size=N)) > 0).astype(int)
TEXTS = ["plz", "land"]


def known(model):
    """Return {column: (kind, levels, category)} of a fitted model."""
    return {name: (c.kind, None if c.levels is None else [v for v in c.levels if v == v], c.category)
            for name, c in fitted_columns(xk.wrap(model)).items()}


NUMBER, UNKNOWN = ("number", None, False), (None, None, False)
PLZ, LAND = ("text", ["01067", "10115"], False), ("text", ["DE", "NA"], False)
MIXED = {"n": NUMBER, "plz": PLZ, "land": LAND, "k": ("number", [0, 1, 2], False)}


def pipeline(encoder=None, texts=TEXTS):
    return make_pipeline(
        make_column_transformer((StandardScaler(), ["n"]), (encoder or OneHotEncoder(), [*texts, "k"])),
        LogisticRegression())


@pytest.mark.parametrize(("model", "want"), [
    (pipeline(), MIXED),
    (pipeline(OrdinalEncoder()), MIXED),
    (pipeline(TargetEncoder()), MIXED),
    (pipeline(make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder())), {
        "n": NUMBER, "plz": PLZ, "land": LAND, "k": ("number", [0, 1, 2], False)}),
    (GridSearchCV(pipeline(), {"logisticregression__C": [1.0]}, cv=2), MIXED),
    (CalibratedClassifierCV(pipeline(), cv=2), MIXED),
    (StackingClassifier([("a", pipeline())], cv=2), MIXED),
    (VotingClassifier([("a", pipeline())], voting="soft"), MIXED),
    (FrozenEstimator(pipeline().fit(X, Y)), MIXED),
    (make_pipeline(ColumnTransformer([
        ("a", StandardScaler(), [0]), ("b", OneHotEncoder(), slice(1, 3)), ("c", "drop", ["k"])]),
        LogisticRegression()), MIXED | {"k": UNKNOWN}),
    (make_pipeline(ColumnTransformer([
        ("a", StandardScaler(), make_column_selector(dtype_include="number")),
        ("b", OneHotEncoder(), slice("plz", "land"))]), LogisticRegression()), MIXED | {"k": NUMBER}),
    (make_pipeline(ColumnTransformer([
        ("a", "passthrough", [True, False, False, True]), ("b", TfidfVectorizer(), "plz"),
        ("c", TfidfVectorizer(), "land")]), LogisticRegression()),
     {"n": NUMBER, "plz": ("text", None, False), "land": ("text", None, False), "k": NUMBER}),
    (make_pipeline(make_column_transformer((OneHotEncoder(), ["plz", "land"]), remainder="passthrough"),
                   "passthrough", StandardScaler(with_mean=False), LogisticRegression()),
     MIXED | {"k": NUMBER}),
    (make_pipeline(make_column_transformer((OneHotEncoder(), ["plz", "land"]), remainder="passthrough"),
                   FunctionTransformer(), LogisticRegression()), MIXED | {"n": UNKNOWN, "k": UNKNOWN}),
    (make_pipeline(FunctionTransformer(lambda Z: Z[["n", "k"]]), LogisticRegression()),
     dict.fromkeys(X, UNKNOWN)),
])
def test_models_of_text_and_numbers(model, want):
    if not isinstance(model, FrozenEstimator):
        model.fit(X, Y)
    assert known(model) == want | {name: UNKNOWN for name in X if name not in want}


@pytest.mark.parametrize("model", [
    LogisticRegression(), RandomForestClassifier(3), make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()),
])
def test_models_of_numbers(model):
    assert known(model.fit(X[["n", "k"]], Y)) == {"n": NUMBER, "k": NUMBER}
    assert known(model.fit(X[["n", "k"]].to_numpy(), Y)) == {}


CATEGORIES = {"n": NUMBER, "plz": (*PLZ[:2], True), "land": (*LAND[:2], True), "k": NUMBER}


def with_categories():
    return X.astype(dict.fromkeys(TEXTS, "category"))


def test_histogram_trees():
    model = HistGradientBoostingClassifier(max_iter=2, categorical_features="from_dtype")
    assert known(model.fit(with_categories(), Y)) == CATEGORIES
    assert known(HistGradientBoostingClassifier(max_iter=2).fit(X[["n", "k"]], Y)) == {"n": NUMBER, "k": NUMBER}


def test_lightgbm():
    lightgbm = pytest.importorskip("lightgbm", reason="lightgbm is not installed")
    model = lightgbm.LGBMClassifier(n_estimators=2, verbose=-1).fit(with_categories().assign(flat=1.0), Y)
    for own in (model, model.booster_):
        assert known(own) == CATEGORIES | {"flat": UNKNOWN}


def test_xgboost():
    xgboost = pytest.importorskip("xgboost", reason="xgboost is not installed")
    model = xgboost.XGBClassifier(n_estimators=2, enable_categorical=True).fit(with_categories(), Y)
    for own in (model, model.get_booster()):
        got = known(own)
        assert {name: (kind, category) for name, (kind, _, category) in got.items()} == {
            "n": ("number", False), "k": ("number", False),
            "plz": (got["plz"][0], True), "land": (got["land"][0], True)}
        if hasattr(model.get_booster(), "get_categories") and pytest.importorskip("pyarrow"):
            assert got == CATEGORIES


def test_catboost():
    catboost = pytest.importorskip("catboost", reason="catboost is not installed")
    model = catboost.CatBoostClassifier(iterations=2, cat_features=TEXTS, verbose=0, allow_writing_files=False)
    assert known(model.fit(X, Y)) == {
        "n": NUMBER, "k": NUMBER, "plz": ("text", None, False), "land": ("text", None, False)}


def test_functions_know_their_names_at_most():
    def model(frame):
        return frame["n"]

    assert known(model) == {}
    model.feature_names = ["n", "k"]
    assert known(model) == {"n": UNKNOWN, "k": UNKNOWN}


@pytest.mark.parametrize(("labels", "kind"), [(["NA", "01"], "text"), ([0, 1], None), ([True, False], None)])
def test_labels(labels, kind):
    model = LogisticRegression().fit(X[["n"]], np.array(labels)[Y])
    assert fitted_labels(xk.wrap(model)).kind == kind
    assert fitted_labels(xk.wrap(lambda Z: Z[:, 0])).kind is None
