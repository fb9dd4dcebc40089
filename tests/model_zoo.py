"""Real models of every kind, fitted on every kind of input: the rows of the table in the docs.

Each function builds one row: a fitted model, its training input, the model's own answer, and the
method to watch for what reaches the model. A row whose library is not installed skips its tests.
`test_every_model` asks each model through the adapter.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import LinearSVC

os.environ.setdefault("KERAS_BACKEND", "torch")

N = 60
RNG = np.random.default_rng(0)
TOWNS = np.array(["Oslo", "Rome", "Lima"], dtype=object)


@dataclass
class Row:
    """One row of the table.

    ``own`` returns the model's own answer, ``place`` is the object and method whose first argument
    is what reaches the model, ``wanted`` returns what should reach it for a batch like ``X``.
    """

    model: Any
    X: Any
    own: Callable[[Any, Any], Any]
    place: tuple[Any, str] | None = None
    wanted: Callable[[Any], Any] = lambda X: X
    state: Callable[[Any], Any] = lambda model: None
    options: dict[str, Any] = field(default_factory=dict)
    tolerance: float = 1e-12


ROWS: dict[tuple[str, str], Callable[[], Row]] = {}


def row(kind: str, given: str) -> Callable[[Callable[[], Row]], Callable[[], Row]]:
    """Add a row to the table."""
    def enter(make: Callable[[], Row]) -> Callable[[], Row]:
        ROWS[kind, given] = make
        return make
    return enter


# --- inputs

MIXED = pd.DataFrame({
    "age": RNG.integers(18, 80, N),
    "income": RNG.normal(size=N),
    "short": RNG.normal(size=N).astype(np.float32),
    "member": RNG.random(N) < 0.4,
    "town": pd.Categorical(TOWNS[RNG.integers(0, 3, N)], ["Rome", "unused", "Oslo", "Lima"]),
    "size": pd.Categorical(np.array(["S", "M", "L"])[RNG.integers(0, 3, N)], ["S", "M", "L", "XL"],
                           ordered=True),
    "word": pd.Series(TOWNS[RNG.integers(0, 3, N)], dtype="str"),
    "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(RNG.integers(0, 90, N), "D"),
})
Y = ((MIXED["age"] > 45) ^ (MIXED["town"] == "Rome")).to_numpy().astype(int)
TARGET = MIXED["age"] / 50 + MIXED["income"] + (MIXED["town"] == "Rome")
LABELS = np.array(["no", "yes"])[Y]
GAPS = pd.DataFrame({
    "count": pd.array(RNG.integers(0, 9, N), dtype="Int64"),
    "ratio": RNG.normal(size=N),
    "flag": pd.array(RNG.random(N) < 0.5, dtype="boolean"),
})
GAPS.loc[::7, "count"] = pd.NA
GAPS.loc[::5, "ratio"] = np.nan
GAPS.loc[3::11, "flag"] = pd.NA
NUMBERS = MIXED[["age", "income", "member"]]
ARRAY = RNG.normal(size=(N, 3))
TEXTS = [f"{TOWNS[a]} was {'good' if g else 'bad'} again" for a, g in zip(
    RNG.integers(0, 3, N), Y, strict=True)]
IMAGES = RNG.integers(0, 255, size=(N, 8, 8, 3)).astype(np.uint8)


def array_of(dtype: Any, order: str = "C") -> np.ndarray:
    return np.array(ARRAY, dtype=dtype, order=order)


def float32(Z: Any) -> np.ndarray:
    return np.asarray(Z.to_numpy(dtype=np.float64) if hasattr(Z, "to_numpy") else Z,
                      dtype=np.float32)


def columns(X: Any) -> Any:
    return make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["town", "size", "word"]), ("drop", ["day"]),
        remainder="passthrough")


def proba(model: Any, X: Any) -> Any:
    return model.predict_proba(X)


def predicted(model: Any, X: Any) -> Any:
    return model.predict(X)


def params(model: Any) -> Any:
    # A search keeps masked arrays of its scores, which cannot be hashed.
    return joblib.hash(getattr(model, "best_estimator_", model)), sorted(vars(model))


def estimator(model: Any, X: Any, method: str = "predict_proba", **more: Any) -> Row:
    return Row(model, X, lambda m, Z: getattr(m, method)(Z), (model, method), state=params, **more)


# --- scikit-learn

@row("scikit-learn Pipeline, classifier", "pandas, mixed columns")
def _() -> Row:
    return estimator(make_pipeline(columns(MIXED), RandomForestClassifier(5, random_state=0))
                     .fit(MIXED, LABELS), MIXED)


@row("scikit-learn Pipeline, regressor", "pandas, mixed columns")
def _() -> Row:
    return estimator(make_pipeline(columns(MIXED), RandomForestRegressor(5, random_state=0))
                     .fit(MIXED, TARGET), MIXED, "predict")


@row("scikit-learn classifier", "pandas, nullable and missing")
def _() -> Row:
    return estimator(HistGradientBoostingClassifier(max_iter=5).fit(GAPS, LABELS), GAPS)


@row("scikit-learn classifier, native categories", "pandas, categories")
def _() -> Row:
    X = MIXED[["age", "town", "size"]]
    return estimator(HistGradientBoostingClassifier(max_iter=5, categorical_features="from_dtype")
                     .fit(X, Y), X)


@row("scikit-learn regressor", "array, float64")
def _() -> Row:
    return estimator(LinearRegression().fit(ARRAY, TARGET), ARRAY, "predict")


@row("scikit-learn regressor", "array, float32 by column")
def _() -> Row:
    X = array_of(np.float32, "F")
    return estimator(RandomForestRegressor(5, random_state=0).fit(X, TARGET), X, "predict")


@row("scikit-learn classifier", "array, float16")
def _() -> Row:
    X = array_of(np.float16)
    return estimator(RandomForestClassifier(5, random_state=0).fit(X, LABELS), X)


@row("scikit-learn regressor", "array, int64")
def _() -> Row:
    X = (ARRAY * 10).astype(np.int64)
    return estimator(RandomForestRegressor(5, random_state=0).fit(X, TARGET), X, "predict")


@row("scikit-learn Pipeline, regressor", "array, objects")
def _() -> Row:
    X = MIXED[["age", "word", "income"]].to_numpy(dtype=object)
    encoder = make_column_transformer((OrdinalEncoder(), [1]), remainder="passthrough")
    return estimator(make_pipeline(encoder, RandomForestRegressor(5, random_state=0))
                     .fit(X, TARGET), X, "predict")


@row("scikit-learn, decision_function only", "array, float64")
def _() -> Row:
    return estimator(LinearSVC().fit(ARRAY, LABELS), ARRAY, "decision_function")


@row("scikit-learn, decision_function only, three classes", "pandas, numbers")
def _() -> Row:
    classes = pd.qcut(TARGET, 3, labels=["low", "mid", "high"]).astype(str)
    return estimator(RidgeClassifier().fit(NUMBERS, classes), NUMBERS, "decision_function")


@row("scikit-learn, several targets, classifier", "pandas, numbers")
def _() -> Row:
    targets = np.column_stack([LABELS, MIXED["word"].to_numpy(dtype=object)])
    model = MultiOutputClassifier(RandomForestClassifier(5, random_state=0)).fit(NUMBERS, targets)
    return Row(model, NUMBERS, lambda m, X: np.concatenate(m.predict_proba(X), axis=1),
               (model, "predict_proba"), state=params)


@row("scikit-learn, several targets, regressor", "array, float64")
def _() -> Row:
    model = MLPRegressor(hidden_layer_sizes=4, max_iter=50, solver="lbfgs", random_state=0)
    return estimator(model.fit(ARRAY, np.column_stack([TARGET, -TARGET])), ARRAY, "predict")


@row("scikit-learn FrozenEstimator", "pandas, mixed columns")
def _() -> Row:
    fitted = make_pipeline(columns(MIXED), LogisticRegression()).fit(MIXED, LABELS)
    return estimator(FrozenEstimator(fitted), MIXED)


@row("scikit-learn GridSearchCV of a Pipeline", "pandas, mixed columns")
def _() -> Row:
    model = GridSearchCV(make_pipeline(columns(MIXED), LogisticRegression()),
                         {"logisticregression__C": [0.1, 1.0]}, cv=2)
    return estimator(model.fit(MIXED, LABELS), MIXED)


@row("scikit-learn CalibratedClassifierCV", "pandas, numbers")
def _() -> Row:
    return estimator(CalibratedClassifierCV(LinearSVC(), cv=2).fit(NUMBERS, LABELS), NUMBERS)


@row("scikit-learn StackingClassifier", "pandas, mixed columns")
def _() -> Row:
    model = StackingClassifier([("a", make_pipeline(columns(MIXED), LogisticRegression()))], cv=2)
    return estimator(model.fit(MIXED, LABELS), MIXED)


@row("scikit-learn TransformedTargetRegressor", "pandas, numbers")
def _() -> Row:
    model = TransformedTargetRegressor(make_pipeline(StandardScaler(), LinearRegression()),
                                       func=np.arcsinh, inverse_func=np.sinh)
    return estimator(model.fit(NUMBERS, TARGET), NUMBERS, "predict")


@row("scikit-learn Pipeline, classifier", "polars")
def _() -> Row:
    X = polars_mixed()
    encoder = make_column_transformer((OrdinalEncoder(), ["town", "word"]), remainder="passthrough")
    return estimator(make_pipeline(encoder, RandomForestClassifier(5, random_state=0))
                     .fit(X, LABELS), X)


@row("scikit-learn classifier", "SciPy sparse")
def _() -> Row:
    from scipy import sparse

    X = sparse.csr_array(np.where(ARRAY > 0.5, ARRAY, 0))
    return estimator(LogisticRegression().fit(X, LABELS), X)


@row("scikit-learn text Pipeline", "list of texts")
def _() -> Row:
    return estimator(make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(TEXTS, LABELS),
                     TEXTS)


# --- functions

@row("function", "pandas, mixed columns")
def _() -> Row:
    return function(MIXED, lambda X: X["age"] * 1.0 + (X["town"] == "Rome") + X["day"].dt.day)


@row("function", "array, float32 by column")
def _() -> Row:
    return function(array_of(np.float32, "F"), lambda X: X.sum(axis=1, dtype=np.float64))


@row("function", "polars")
def _() -> Row:
    return function(polars_mixed(), lambda X: X["age"] * 1.0 + (X["town"] == "Rome"))


@row("function", "torch tensor")
def _() -> Row:
    torch = pytest.importorskip("torch")
    return function(torch.tensor(ARRAY, dtype=torch.bfloat16), lambda X: X.float().sum(dim=1))


@row("function", "list of texts")
def _() -> Row:
    return function(TEXTS, lambda X: [float(len(text)) for text in X])


@row("function", "images, uint8")
def _() -> Row:
    return function(IMAGES, lambda X: X.reshape(len(X), -1).mean(axis=1))


@row("function with feature_names", "pandas, numbers")
def _() -> Row:
    order = ["member", "income", "age"]
    model = Ordered(lambda X: X["age"] * 1.0 + X["income"])
    model.feature_names = order
    return Row(model, NUMBERS, lambda m, X: m.answer(X), (model, "ask"), lambda X: X[order])


class Named:
    """A function as a method, so that a test can watch what it is given."""

    def __init__(self, answer: Callable[[Any], Any]) -> None:
        self.answer = answer

    def ask(self, X: Any) -> Any:
        return self.answer(X)


class Ordered(Named):
    """A function that says the order of its columns."""

    feature_names: list[str]

    def __call__(self, X: Any) -> Any:
        return self.ask(X)


def function(X: Any, answer: Callable[[Any], Any]) -> Row:
    named = Named(answer)
    return Row(lambda Z: named.ask(Z), X, lambda _, Z: answer(Z), (named, "ask"))


def polars_mixed() -> Any:
    pl = pytest.importorskip("polars")
    return pl.DataFrame({
        "age": pl.Series([None if i % 9 == 4 else int(a) for i, a in enumerate(MIXED["age"])],
                         dtype=pl.Int16).fill_null(40),
        "income": MIXED["income"].to_numpy(),
        "town": pl.Series([str(t) for t in MIXED["town"]],
                          dtype=pl.Enum(["Rome", "unused", "Oslo", "Lima"])),
        "word": [str(w) for w in MIXED["word"]],
        "member": MIXED["member"].to_numpy(),
    })
