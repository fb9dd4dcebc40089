"""Every explainer on three tables, texts and images, with fixed seeds: its arrays in one file.

    python benchmarks/byte_cases.py ARRAYS.npz

`benchmarks.same_bytes` runs this file on two versions of xaikit and compares what they write. It
uses only names that both have; `RENAMED` lists the settings that had another name.
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn import ensemble
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder

import xaikit as xk

RENAMED: dict[tuple[str, str], tuple[str, Callable[[Any], Any]]] = {
    ("KernelSHAP", "max_seconds"): ("budget", lambda seconds: f"{seconds}s"),
    # The image itself and the one replacement image of the default masker count towards a budget.
    ("RISE", "budget"): ("n_masks", lambda budget: budget - 2),
    ("PredictionDifference", "link"): (
        "scale", lambda link: {"identity": "difference", "logit": "log_odds"}[link]),
}
"""Settings by their new name: the old name, and how the old value follows from the new one."""


@dataclasses.dataclass(frozen=True)
class Data:
    """A model and what is explained; tables also have groups, and more rows with labels."""

    model: Any
    background: Any
    rows: Any
    groups: dict[str, list[str]] | None = None
    X: Any = None
    y: Any = None


def table(model: Any, X: pd.DataFrame, y: Any, groups: dict[str, list[str]]) -> Data:
    return Data(model.fit(X, y), X[:30], X[100:103], groups, X[:200], np.asarray(y)[:200])


def cancer() -> Data:
    """30 numbers, two classes."""
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    measures = [name.removeprefix("mean ") for name in X if name.startswith("mean ")]
    groups = {m: [name for name in X if m in (name[5:], name[6:], name[:-6])] for m in measures}
    return table(ensemble.HistGradientBoostingClassifier(max_iter=20, random_state=0), X, y, groups)


def diabetes() -> Data:
    """10 numbers, one of them with two values, regression."""
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    groups = {"person": ["age", "sex"], "cholesterol": ["s1", "s2", "s3", "s4"]}
    return table(ensemble.RandomForestRegressor(20, max_depth=6, random_state=0), X, y, groups)


def mixed(n: int = 400) -> Data:
    """Floats, integers, booleans, categories, text, dates, missing values; three classes."""
    rng = np.random.default_rng(0)
    towns = np.array(["Oslo", "Rome", "Lima", "Bonn"], dtype=object)
    X = pd.DataFrame({
        "age": np.where(rng.random(n) < 0.1, np.nan, rng.normal(40, 12, n)),
        "size": rng.gamma(2.0, 30.0, n).astype(np.float32),
        "rooms": rng.integers(1, 7, n),
        "floor": pd.array(np.where(rng.random(n) < 0.1, None, rng.integers(0, 9, n)), "Int64"),
        "owner": rng.random(n) < 0.4,
        "town": pd.Categorical(towns[rng.integers(0, 4, n)], [*towns, "Kyiv"]),
        "fuel": np.array(["gas", "oil", "sun"], dtype=object)[rng.integers(0, 3, n)],
        "built": pd.Timestamp("2001-01-01") + pd.to_timedelta(rng.integers(0, 9000, n), "D"),
    })
    X.loc[rng.random(n) < 0.1, "town"] = None
    score = X["size"] / 60 + X["owner"] + (X["town"] == "Rome") + X["built"].dt.year / 10 - 202
    y = np.digitize(score + rng.normal(0, 0.3, n), [-0.2, 1.2])
    encode = make_column_transformer(
        (OrdinalEncoder(), ["town", "fuel"]), (FunctionTransformer(_days), ["built"]),
        remainder="passthrough", verbose_feature_names_out=False).set_output(transform="pandas")
    boosted = ensemble.HistGradientBoostingClassifier(max_iter=10, max_leaf_nodes=8, random_state=0)
    return table(make_pipeline(encode, boosted), X, y, {"home": ["size", "rooms", "floor"]})


def _days(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.apply(lambda column: (column - pd.Timestamp("2000-01-01")).dt.days)


def texts() -> Data:
    """Documents through a pipeline of word counts, whose masked texts are counted, not written."""
    rng = np.random.default_rng(0)
    words = np.array([a + b for a in ("ba", "ke", "lo", "mi", "su") for b in ("n", "rt", "sta")])
    shares = rng.dirichlet(np.ones(len(words)), size=3)
    y = rng.integers(0, 3, 150)
    documents = [" ".join(rng.choice(words, 5, p=shares[k])).capitalize() + ", "
                 + " ".join(rng.choice(words, rng.integers(4, 9), p=shares[k])) + "." for k in y]
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(documents, y)
    return Data(model, xk.TextMasker(), documents[:3])


def written() -> Data:
    """The same documents for a plain function, with a word in place of hidden ones."""
    data = texts()
    return Data(data.model.predict_proba, xk.TextMasker(mask_token="kert"), data.rows)


def images() -> Data:
    """Digits in colour, 24 × 24 pixels of uint8, ten classes; 15 superpixels."""
    X, y = load_digits(return_X_y=True)
    forest = ensemble.ExtraTreesClassifier(20, max_depth=8, random_state=0).fit(X[:800], y[:800])
    shown = X[1000:1002].reshape(-1, 8, 8, 1).repeat(3, axis=1).repeat(3, axis=2)
    coloured = np.rint(shown * [15.0, 8.0, 4.0]).astype(np.uint8)
    return Data(lambda Z: forest.predict_proba(Z[:, 1::3, 1::3, 0].reshape(-1, 64) / 15.0),
                xk.ImageMasker("slic", n_segments=24), coloured)


DATA = {make.__name__: make for make in (cancer, diabetes, mixed, texts, written, images)}
EVERY = tuple(DATA)
TABLES, CLASSES = EVERY[:3], (EVERY[0], *EVERY[2:])

ASKED: list[tuple[tuple[str, ...], str, dict[str, Any]]] = [
    # groups=True stands for those of the data set; with y=True labels are passed to explain.
    *((EVERY, "KernelSHAP", {"solver": way}) for way in ("auto", "wls", "gp")),
    (("diabetes", "mixed", "images"), "KernelSHAP", {"solver": "exact"}),
    *((TABLES, "KernelSHAP", {"solver": way, "groups": True})
      for way in ("auto", "exact", "wls", "gp")),
    *((CLASSES, "KernelSHAP", {"solver": way, "link": "logit"}) for way in ("auto", "wls")),
    *((EVERY, "KernelSHAP", {"solver": way, "interactions": True}) for way in ("auto", "wls")),
    *((EVERY, "KernelSHAP", {"solver": way, "tol": 0.05}) for way in ("wls", "gp")),
    (TABLES, "KernelSHAP", {"solver": "wls", "max_seconds": 600, "groups": True}),
    (TABLES, "KernelSHAP", {"max_background": 9, "budget": 2000}),
    (("mixed", "texts", "images"), "KernelSHAP", {"outputs": [2, 0], "max_memory": 2**18}),
    *((EVERY, "LIME", {"sampling": way}) for way in ("kernel", "weighted")),
    *((TABLES, "LIME", {"discretize": way}) for way in ("tree", "quartile", "decile", None)),
    (TABLES, "LIME", {"discretize": None, "sampling": "weighted"}),
    (TABLES, "LIME", {"groups": True, "budget": 900}),
    (EVERY, "Occlusion", {}), (TABLES, "Occlusion", {"groups": True}),
    (("images",), "Occlusion", {"window": 6, "stride": 4}),
    (("images",), "RISE", {"budget": 1002, "grid": 5}), (EVERY, "PredictionDifference", {}),
    (CLASSES, "PredictionDifference", {"link": "logit"}),
    (TABLES, "PredictionDifference", {"n_neighbours": 5, "groups": True}),
    (EVERY, "ExtremalMask", {"areas": (0.1, 0.3), "outputs": [0]}),
    *((TABLES, "MeanImpactValue", {"mode": way})
      for way in ("relative", "relative_abs", "sd", "range", "quantile")),
    (TABLES, "MeanImpactValue", {"groups": True, "clip": True, "sweep": (0.2, 0.5)}),
    (TABLES, "PermutationImportance", {}), (TABLES, "PermutationImportance", {"groups": True}),
    (TABLES, "PermutationImportance", {"y": True, "n_repeats": 4}),
    (CLASSES[:2], "PermutationImportance",
     {"y": True, "groups": True, "scoring": ["accuracy", "neg_log_loss"], "n_repeats": 3}),
]


def build(explainer: str, **settings: Any) -> Any:
    """Build an explainer with the spelling of its settings that this checkout accepts."""
    accepted = inspect.signature(getattr(xk, explainer)).parameters
    for name in list(settings):
        if name not in accepted and (explainer, name) in RENAMED:
            old, spelled = RENAMED[explainer, name]
            settings[old] = spelled(settings.pop(name))
    return getattr(xk, explainer)(**settings, random_state=0)


def ask(data: Data, explainer: str, settings: dict[str, Any]) -> Any:
    labels = [data.y] if "y" in settings else []
    given = {"groups": data.groups} if "groups" in settings else {}
    built = build(explainer, **{k: v for k, v in (settings | given).items() if k != "y"})
    if explainer in ("MeanImpactValue", "PermutationImportance"):
        return built.fit(data.model).explain(data.X, *labels)
    background = None if explainer == "RISE" else data.background
    return built.fit(data.model, background).explain(data.rows)


def shared_games(data: Data) -> Any:
    """Explain the same games with two methods; the second finds answers there."""
    first = build("KernelSHAP", solver="wls", tol=0.1).fit(data.model, data.background)
    games = first.games(data.rows[:1])
    first.explain(games)
    return build("Occlusion").fit(data.model, games[0].row.masker).explain(games)


def regions(data: Data) -> Any:
    return xk.regions(build("RISE", budget=402).fit(data.model).explain(data.rows), output=3)


def submodular_pick(data: Data) -> Any:
    return xk.submodular_pick(build("LIME").fit(data.model, data.background).explain(data.rows), 2)


def kmeans_background(data: Data) -> Any:
    few = xk.kmeans_background(data.X, 12, random_state=0)
    return build("KernelSHAP", solver="wls").fit(data.model, few).explain(data.rows)


def rows_in_parts(data: Data) -> Any:
    """Explain more rows than one task holds."""
    return build("Occlusion").fit(data.model, data.background).explain(data.X)


FUNCTIONS: list[tuple[tuple[str, ...], Callable[[Data], Any]]] = [
    (EVERY, shared_games), (("images",), regions), (EVERY[:5], submodular_pick),
    (TABLES, kmeans_background), (TABLES, rows_in_parts)]


def cases() -> dict[str, tuple[tuple[str, ...], Callable[[Data], Any]]]:
    """Return by name each case: its data sets, and what explains one of them."""
    found = {f"{name}({', '.join(f'{k}={v!r}' for k, v in settings.items())})":
             (on, partial(ask, explainer=name, settings=settings))
             for on, name, settings in ASKED}
    return found | {function.__name__: (on, function) for on, function in FUNCTIONS}


def arrays_of(result: Any) -> dict[str, np.ndarray]:
    """Return by name all arrays of a result; settings, cost and names are none."""
    if isinstance(result, np.ndarray):
        return {"result": result}
    fields = {field.name: getattr(result, field.name) for field in dataclasses.fields(result)}
    arrays = {name: value for name, value in fields.items() if isinstance(value, np.ndarray)}
    return arrays | {f"{name}[{key}]": value for name in ("details", "feature_details")
                     for key, value in fields.get(name, {}).items()}


def collect() -> dict[str, np.ndarray]:
    """Run all cases; return their arrays by case, data set and name, as "case|data set|name"."""
    data, found = {name: make() for name, make in DATA.items()}, {}
    for case, (on, explain) in cases().items():
        for name in on:
            try:
                arrays = arrays_of(explain(data[name]))
            except Exception as error:  # `same_bytes` reports it
                arrays = {"failed": np.array(f"{type(error).__name__}: {error}")}
            found |= {f"{case}|{name}|{array}": value for array, value in arrays.items()}
    return found


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.savez(sys.argv[1], home=xk.__file__, **collect())
