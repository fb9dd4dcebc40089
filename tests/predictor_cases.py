"""Models and tables that the tests of the predictor share."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

IRIS_X, IRIS_Y = load_iris(return_X_y=True)
SPECIES = np.array(["setosa", "versicolor", "virginica"])[IRIS_Y]
IRIS_FRAME = pd.DataFrame(IRIS_X, columns=["sl", "sw", "pl", "pw"])

# Fitted once: none of the tests may change a model.
ON_FRAME = LogisticRegression(max_iter=500).fit(IRIS_FRAME, SPECIES)
ON_ARRAY = LogisticRegression(max_iter=500).fit(IRIS_X, SPECIES)


class Seen(BaseEstimator, TransformerMixin):
    """A pipeline step that passes its input on and keeps what it saw."""

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        self.fitted_dtypes_ = list(X.dtypes)
        self.columns_ = list(X.columns)
        self.feature_names_in_ = np.array(X.columns, dtype=object)
        self.seen_ = []
        return self

    def transform(self, X):
        self.seen_.append(X)
        return X


class Recorder(BaseEstimator):
    """A regressor fitted on an array or a frame that keeps every batch."""

    def __init__(self, write=False):
        self.write = write

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        if isinstance(X, pd.DataFrame):
            self.feature_names_in_ = np.array(X.columns, dtype=object)
        self.seen_ = []
        return self

    def predict(self, X):
        self.seen_.append(X)
        out = np.asarray(X, dtype=float).sum(axis=1)
        if self.write:
            X[:, 0] = 0.0
        return out


def mixed_people(n=60):
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({
        "age": rng.integers(18, 80, n),
        "income": rng.normal(30, 9, n).astype(np.float32),
        "member": rng.random(n) < 0.5,
        "city": pd.Categorical(rng.choice(["Ulm", "Bonn"], n), categories=["Ulm", "Bonn", "Kiel"]),
        "grade": pd.Categorical(rng.choice(["lo", "hi"], n), categories=["lo", "mid", "hi"],
                                ordered=True),
        "job": rng.choice(["clerk", "cook"], n),
        "visits": pd.array(np.where(rng.random(n) < 0.2, None, rng.integers(0, 9, n)), "Int64"),
        "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D"),
        "score": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
    })
    y = (frame["age"] + 9 * frame["member"] + 5 * (frame["city"] == "Ulm") > 50).to_numpy()
    return frame, np.where(y, "yes", "no")


def people_pipeline(frame, y):
    columns = ColumnTransformer([
        ("numbers", SimpleImputer(), ["age", "income", "score"]),
        ("levels", OneHotEncoder(handle_unknown="ignore"), ["city", "grade", "job", "member"]),
    ])
    return make_pipeline(Seen(), columns, LogisticRegression(max_iter=1000)).fit(frame, y)
