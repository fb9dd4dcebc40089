"""What rules are sought for: models, the rows they learn from, rows to explain and rows held out.

Imported by xaikit's side and by the peers' (`peers_of_anchors`), which has another NumPy.
"""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks.cases import read_adult

ADULT_ROWS, RARE_ROWS, CANCER_ROWS, DIABETES_ROWS = 50, 24, 18, 40
"""Rows that all packages explain: as many as the peers do in about a minute each."""


@dataclass(frozen=True)
class Task:
    """A model of float arrays, whose answer is the side of `cut` that its score is on.

    `levels` are the names of the codes of text columns. `train` is what the model learned from and
    what explainers are fitted with; all packages explain `rows`, and xaikit alone `more`, for it
    takes many to see how often its rules hold. No explainer sees `held`.
    """

    name: str
    model: Any
    names: list[str]
    levels: dict[int, list[str]]
    train: np.ndarray
    rows: np.ndarray
    more: np.ndarray
    held: np.ndarray
    cut: float = 0.5

    def score(self, X: np.ndarray) -> np.ndarray:
        """Return the probability of the second class, or the number that is predicted."""
        if hasattr(self.model, "predict_proba"):
            return np.asarray(self.model.predict_proba(X)[:, 1])
        return np.asarray(self.model.predict(X))

    def says(self, X: np.ndarray) -> np.ndarray:
        """Return the side of the cut, 0 or 1."""
        return (self.score(X) >= self.cut).astype(int)

    def frame(self, X: np.ndarray) -> pd.DataFrame:
        """Return rows as a frame, whose text columns are categories."""
        return pd.DataFrame({name: X[:, c] if c not in self.levels else pd.Categorical.from_codes(
            X[:, c].astype(int), self.levels[c]) for c, name in enumerate(self.names)})

    def codes(self, frame: pd.DataFrame) -> np.ndarray:
        """Return the rows of a frame as the model takes them."""
        return np.column_stack([
            frame[name].cat.codes if c in self.levels else frame[name]
            for c, name in enumerate(self.names)]).astype(float)

    def save(self, folder: Path) -> None:
        """Write the task, and what the model says here of the rows held out."""
        folder.mkdir()
        with (folder / "model.pkl").open("wb") as file:
            _Portable(file).dump(self.model)
        (folder / "about.json").write_text(json.dumps(
            {"name": self.name, "names": self.names, "cut": self.cut,
             "levels": {str(c): names for c, names in self.levels.items()}}))
        np.savez(folder / "arrays.npz", train=self.train, rows=self.rows, held=self.held,
                 score=self.score(self.held))

    @classmethod
    def load(cls, folder: Path) -> Task:
        """Read a task, whose model must say what it said where it was saved."""
        about = json.loads((folder / "about.json").read_text())
        levels = {int(c): names for c, names in about.pop("levels").items()}
        with np.load(folder / "arrays.npz") as arrays:
            train, rows, held, score = (arrays[n] for n in ("train", "rows", "held", "score"))
        model = pickle.loads((folder / "model.pkl").read_bytes())
        task = cls(model=model, levels=levels, train=train, rows=rows, more=rows[:0],
                   held=held, **about)
        np.testing.assert_allclose(task.score(held), score, rtol=0.0, atol=1e-9)
        return task


class _Portable(pickle.Pickler):
    """Leaves out random generators, which other versions of NumPy cannot read."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, np.random.Generator | np.random.RandomState):
            return type(None), ()
        return NotImplemented


def tasks() -> list[Task]:
    """Train all models."""
    return [*_adult(), _rare(), _breast_cancer(), _diabetes()]


def _adult(n_train: int = 15_000) -> list[Task]:
    """Build three models of Adult, 12 features (without fnlwgt and education)."""
    table = read_adult().drop(columns=["fnlwgt", "education"])
    table = table.iloc[np.random.default_rng(0).permutation(len(table))]
    y = (table.pop("income") == ">50K").to_numpy()
    levels = {}
    for c, name in enumerate(table.columns):
        if not pd.api.types.is_numeric_dtype(table[name]):
            coded = table[name].astype("category").cat
            levels[c] = [str(level) for level in coded.categories]
            table[name] = coded.codes
    X = table.to_numpy(dtype=float)
    encoder = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), list(levels)),
        remainder=StandardScaler())
    models = {
        "logistic regression": make_pipeline(encoder, LogisticRegression(max_iter=1_000)),
        "boosted trees": HistGradientBoostingClassifier(random_state=0),
        "MLP": make_pipeline(encoder, MLPClassifier((50,), max_iter=15, random_state=0)),
    }
    parts = np.split(X, np.cumsum([n_train, ADULT_ROWS, 200]))
    return [Task(f"Adult, {name}", model.fit(X[:n_train], y[:n_train]), list(table.columns),
                 levels, *parts) for name, model in models.items()]


def _rare(n: int = 60_000, n_train: int = 20_000) -> Task:
    """Build trees of 6 normal features; 2 % are of the class that a rule of three of them gives.

    Every two hundredth label is flipped. Half of the explained rows are of the rare class by the
    model's answer.
    """
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 6))
    y = ((X[:, 0] > 1.0) & (X[:, 1] > 1.0) & (X[:, 2] < 1.0)) ^ (rng.random(n) < 0.005)
    model = HistGradientBoostingClassifier(random_state=0).fit(X[:n_train], y[:n_train])
    rest, half = X[n_train:], RARE_ROWS // 2
    rare = model.predict(rest).astype(bool)
    ones, zeros = np.flatnonzero(rare), np.flatnonzero(~rare)
    rows, more = (np.concatenate([ones[a:b], zeros[a:b]]) for a, b in (
        (0, half), (half, half + 100)))
    return Task("rare class, boosted trees", model, [f"x{c}" for c in range(6)], {}, X[:n_train],
                rest[rows], rest[more], np.delete(rest, np.concatenate([rows, more]), axis=0))


def _breast_cancer(n_train: int = 280) -> Task:
    """Build trees of the ten means; with all 30 columns the peers take 5 to 8 seconds a row."""
    data = load_breast_cancer()
    order = np.random.default_rng(0).permutation(len(data.data))
    X, y = data.data[order, :10], data.target[order]
    model = HistGradientBoostingClassifier(random_state=0).fit(X[:n_train], y[:n_train])
    return Task("breast cancer, boosted trees", model, list(map(str, data.feature_names[:10])), {},
                *np.split(X, np.cumsum([n_train, CANCER_ROWS, 50])))


def _diabetes(n_train: int = 220) -> Task:
    """Build trees that predict a number; the cut is the median of their answers."""
    data = load_diabetes(scaled=False)
    order = np.random.default_rng(0).permutation(len(data.data))
    X, y = data.data[order], data.target[order]
    model = HistGradientBoostingRegressor(random_state=0).fit(X[:n_train], y[:n_train])
    return Task("diabetes, boosted trees", model, list(data.feature_names), {},
                *np.split(X, np.cumsum([n_train, DIABETES_ROWS, 40])),
                float(np.median(model.predict(X[:n_train]))))
