"""The cost of wrapping and composing a mixed frame, and what each package hands to the model."""

from __future__ import annotations

import contextlib
import io
import time
import warnings
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import dalex
import lime.lime_tabular
import numpy as np
import pandas as pd
import shap
from lightgbm import LGBMClassifier
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

import xaikit as xk
from xaikit.sampling.coalitions import pack

N_ROWS, N_BACKGROUND, N_QUESTIONS, ROUNDS = 100_000, 100, 20_000, 7


@cache
def mixed(n: int = N_ROWS) -> tuple[pd.DataFrame, np.ndarray]:
    """Build 30 columns: floats, integers, booleans, categories, text, dates, nullable integers."""
    rng = np.random.default_rng(0)
    towns = np.array(["Oslo", "Rome", "Lima", "Bonn", "Kyiv"], dtype=object)
    columns: dict[str, Any] = {f"float{k}": rng.normal(size=n) for k in range(10)}
    columns |= {f"short{k}": rng.normal(size=n).astype(np.float32) for k in range(2)}
    columns |= {f"int{k}": rng.integers(0, 100, n) for k in range(6)}
    columns |= {f"flag{k}": rng.random(n) < 0.3 for k in range(3)}
    columns |= {f"level{k}": pd.Categorical(towns[rng.integers(0, 5, n)], [*towns, "unused"])
                for k in range(4)}
    columns |= {f"text{k}": towns[rng.integers(0, 5, n)] for k in range(3)}
    columns["date"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D")
    columns["count"] = pd.array(rng.integers(0, 9, n), dtype="Int64")
    frame = pd.DataFrame(columns)
    frame.loc[rng.random(n) < 0.05, "count"] = pd.NA
    y = frame["float0"] + frame["int0"] / 50 + frame["flag0"] + (frame["text0"] == "Rome") > 1.2
    return frame, y.to_numpy()


@cache
def pipeline() -> Any:
    """Fit boosted trees on ordinal codes of text and categories; the date is left out."""
    frame, y = mixed()
    encoder = make_column_transformer(
        (OrdinalEncoder(), make_column_selector(pattern="^(text|level)")),
        ("drop", ["date"]), remainder="passthrough", verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    model = make_pipeline(encoder, HistGradientBoostingClassifier(random_state=0))
    return model.fit(frame[:20_000], y[:20_000])


@cache
def boosted() -> Any:
    """Fit a booster that is fast compared with the cost of a call, on the columns it accepts."""
    frame, y = mixed()
    plain = frame.select_dtypes(["number", "bool", "category"])
    return LGBMClassifier(verbose=-1, random_state=0).fit(plain[:20_000], y[:20_000])


def _proba(model: Any, X: pd.DataFrame) -> np.ndarray:
    return np.asarray(model.predict_proba(X))


def wrapping() -> list[dict[str, Any]]:
    """Measure the seconds of a direct call and of wrapped ones, in turn, on 100,000 rows."""
    whole, _ = mixed()
    plain = whole.select_dtypes(["number", "bool", "category"])
    rows = []
    for name, model, ask, frame in (
        ("pipeline of encoder and 100 trees", pipeline(), _proba, whole),
        ("LightGBM, 100 trees", boosted(), _proba, plain),
        ("a function that reads one column", _first_column, lambda m, X: m(X), whole),
    ):
        direct = partial(ask, model)
        ways: dict[str, Callable[[Any], Any]] = {
            "direct call": direct,
            "xaikit wrap": xk.wrap(model),
            "xaikit wrap, bound": xk.wrap(model).bind(frame[:100]),
            "shap.models.Model": shap.models.Model(direct),
            "dalex Explainer.predict": _dalex(direct, frame).predict,
        }
        seconds = _in_turn(ways, frame)
        base = np.array(seconds["direct call"])
        rows += [{"model": name, "way": way, "s (median)": float(np.median(taken)),
                  "added ms (median of pairs)": 1000 * float(np.median(np.array(taken) - base)),
                  "ratio to direct (median of pairs)": float(np.median(np.array(taken) / base))}
                 for way, taken in seconds.items()]
    return rows


def composing() -> list[dict[str, Any]]:
    """Measure the seconds to compose masked rows of the mixed frame: by column, and with pandas."""
    frame, _ = mixed()
    background, row = frame[1 : N_BACKGROUND + 1], frame[:1]
    rng = np.random.default_rng(0)
    kept = rng.random((N_QUESTIONS, frame.shape[1])) < 0.5
    of_background = np.sort(rng.integers(0, N_BACKGROUND, N_QUESTIONS))
    rows = xk.TabularMasker(background).rows(row)
    masks = pack(kept)
    ways = {
        "xaikit, by column": lambda: rows.compose(0, of_background, masks),
        "pandas, row by row": lambda: _row_by_row(background, row, of_background, kept),
        "pandas, column by column with where": lambda: _where(background, row, of_background, kept),
    }
    made = {name: way() for name, way in ways.items()}
    seconds = _in_turn({name: lambda _, way=way: way() for name, way in ways.items()}, None, 3)
    best = np.array(seconds["xaikit, by column"])
    return [{"way": name, "composed rows": N_QUESTIONS, "s (median)": float(np.median(taken)),
             "ratio to xaikit (median of pairs)": float(np.median(np.array(taken) / best)),
             "dtypes intact": f"{_intact(made[name], frame)} of {frame.shape[1]}",
             "cells equal to xaikit's": bool(_same_cells(made[name], made["xaikit, by column"]))}
            for name, taken in seconds.items()]


def handed_over() -> list[dict[str, Any]]:
    """Explain one row of the same frame with each package; record what reaches the model.

    Done on the mixed frame, and on its columns of numbers and booleans, which more packages accept.
    """
    frame, _ = mixed()
    plain = frame[[c for c in frame if c.startswith(("float", "short", "int", "flag"))]]
    return [*_handed_over("mixed", frame), *_handed_over("numbers and booleans", plain)]


def _handed_over(given: str, frame: pd.DataFrame) -> list[dict[str, Any]]:
    background, row = frame[1 : N_BACKGROUND + 1], frame[:1]
    ways: dict[str, Callable[[Any], Any]] = {
        "xaikit KernelSHAP": lambda f: xk.KernelSHAP(
            budget=512 * N_BACKGROUND, random_state=0).fit(f, background).explain(row),
        "shap KernelExplainer": lambda f: shap.KernelExplainer(f, background).shap_values(
            row, nsamples=512, l1_reg=False, silent=True),
        "shap PermutationExplainer": lambda f: shap.PermutationExplainer(f, background)(row),
        "lime LimeTabularExplainer": lambda f: lime.lime_tabular.LimeTabularExplainer(
            background.to_numpy(), feature_names=list(frame), mode="regression",
        ).explain_instance(row.to_numpy()[0], f),
        "dalex predict_parts(shap)": lambda f: _dalex(f, background).predict_parts(
            row, type="shap", B=25, N=N_BACKGROUND),
    }
    return [{"frame": given, **_witnessed(name, way, frame)} for name, way in ways.items()]


class Witness:
    """A model that keeps a copy of the first batch of many rows, and counts rows and seconds."""

    def __init__(self) -> None:
        self.first: Any = None
        self.rows, self.seconds = 0, 0.0

    def __call__(self, X: Any) -> np.ndarray:
        start = time.perf_counter()
        if self.first is None and len(X) > 2:
            self.first = X.copy()
        self.rows += len(X)
        answers = _first_column(X)
        self.seconds += time.perf_counter() - start
        return answers


def _witnessed(name: str, way: Callable[[Any], Any], frame: pd.DataFrame) -> dict[str, Any]:
    witness, failed = Witness(), ""
    _quietly(way, Witness())  # compiles and imports outside the measurement, even if it fails
    start = time.perf_counter()
    try:
        way(witness)
    except Exception as error:  # a peer's failure is a result
        failed = f"{type(error).__name__}: {error}".splitlines()[0][:90]
    seconds = time.perf_counter() - start
    got = witness.first
    dtypes = "nothing" if got is None else _dtypes(got)
    overhead = 1e6 * (seconds - witness.seconds) / max(witness.rows, 1)
    return {"package": name, "container": type(got).__name__ if got is not None else "none",
            "dtypes received": dtypes,
            "dtypes intact": f"{_intact(got, frame)} of {frame.shape[1]}",
            "rows asked": witness.rows,
            "overhead µs a row": "failed" if failed else round(overhead, 2),
            "error": failed or "none"}


def _quietly(way: Callable[[Any], Any], model: Any) -> None:
    with contextlib.suppress(Exception):
        way(model)


def _dtypes(table: Any) -> str:
    kinds = table.dtypes if isinstance(table, pd.DataFrame) else [table.dtype]
    return ", ".join(sorted({str(kind) for kind in kinds}))


def _intact(table: Any, frame: pd.DataFrame) -> int:
    if not isinstance(table, pd.DataFrame):
        return 0
    return sum(name in table and table[name].dtype == frame[name].dtype for name in frame)


def _same_cells(a: pd.DataFrame, b: pd.DataFrame) -> bool:
    def text(table: pd.DataFrame) -> pd.DataFrame:
        return table.reset_index(drop=True).astype(object).fillna("missing").astype(str)
    return bool((text(a[list(b)]) == text(b)).all(axis=None))


def _first_column(X: Any) -> np.ndarray:
    column = X["float0"] if isinstance(X, pd.DataFrame) else np.asarray(X)[:, 0]
    return np.asarray(column, dtype=np.float64)


def _dalex(model: Callable[[Any], Any], frame: pd.DataFrame) -> Any:
    def answers(_: Any, X: Any) -> np.ndarray:
        got = np.asarray(model(X))
        return got[:, 1] if got.ndim == 2 else got

    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dalex.Explainer(model, frame, predict_function=answers, verbose=False)


def _row_by_row(background: Any, row: Any, of_background: Any, kept: Any) -> pd.DataFrame:
    """Build each row as a Series, as `DataFrame.iterrows` and `apply(axis=1)` do."""
    here, made = row.iloc[0], []
    for b, mask in zip(of_background, kept, strict=True):
        made.append(background.iloc[b].where(~mask, here))
    return pd.DataFrame(made)


def _where(background: Any, row: Any, of_background: Any, kept: Any) -> pd.DataFrame:
    lent = background.iloc[of_background].reset_index(drop=True)
    return pd.DataFrame({
        name: lent[name].where(~kept[:, c], row[name].iloc[0]) for c, name in enumerate(lent)})


def _in_turn(ways: dict[str, Callable[[Any], Any]], X: Any, rounds: int = ROUNDS) -> dict[str, Any]:
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for repeat in range(rounds + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            way(X)
            if repeat:  # the first is the warm-up
                seconds[name].append(time.perf_counter() - start)
    return seconds
