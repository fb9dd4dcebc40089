"""The rows of XGBoost, LightGBM and CatBoost; see `model_zoo`."""

from __future__ import annotations

from typing import Any

import pytest
from model_zoo import ARRAY, MIXED, TARGET, Row, Y, estimator, row

LEVELS = MIXED[["age", "income", "town", "size", "member"]]


@row("XGBoost estimator", "pandas, categories and missing")
def _() -> Row:
    xgboost = pytest.importorskip("xgboost")
    X = LEVELS.assign(income=LEVELS["income"].where(LEVELS["income"] > -1))
    return estimator(xgboost.XGBClassifier(n_estimators=5, enable_categorical=True).fit(X, Y), X)


@row("XGBoost Booster", "pandas, categories and missing")
def _() -> Row:
    X = LEVELS.assign(income=LEVELS["income"].where(LEVELS["income"] > -1))
    return xgboost_row(X)


@row("XGBoost Booster", "array, float64")
def _() -> Row:
    return xgboost_row(ARRAY)


def xgboost_row(X: Any) -> Row:
    xgboost = pytest.importorskip("xgboost")

    def matrix(Z: Any, **more: Any) -> Any:
        return xgboost.DMatrix(Z, enable_categorical=True, **more)

    booster = xgboost.train({"objective": "binary:logistic"}, matrix(X, label=Y), 5)
    return Row(booster, X, lambda b, Z: b.predict(matrix(Z)), (booster, "predict"), matrix,
               lambda b: (bytes(b.save_raw()), b.attributes()), tolerance=1e-6)


@row("LightGBM estimator", "pandas, categories and missing")
def _() -> Row:
    lightgbm = pytest.importorskip("lightgbm")
    X = LEVELS.assign(income=LEVELS["income"].where(LEVELS["income"] > -1))
    return estimator(lightgbm.LGBMClassifier(n_estimators=5, verbose=-1).fit(X, Y), X)


@row("LightGBM estimator", "array, float64")
def _() -> Row:
    lightgbm = pytest.importorskip("lightgbm")
    return estimator(lightgbm.LGBMRegressor(n_estimators=5, verbose=-1).fit(ARRAY, TARGET), ARRAY,
                     "predict")


@row("LightGBM Booster", "pandas, categories and missing")
def _() -> Row:
    return lightgbm_row(LEVELS.assign(income=LEVELS["income"].where(LEVELS["income"] > -1)))


@row("LightGBM Booster", "array, float64")
def _() -> Row:
    return lightgbm_row(ARRAY)


def lightgbm_row(X: Any) -> Row:
    lightgbm = pytest.importorskip("lightgbm")
    booster = lightgbm.train({"objective": "binary", "verbose": -1, "min_data_in_leaf": 5},
                             lightgbm.Dataset(X, Y), 5)
    return Row(booster, X, lambda b, Z: b.predict(Z), (booster, "predict"),
               state=lambda b: (b.model_to_string(), b.params))


@row("CatBoost estimator", "pandas, categories and text")
def _() -> Row:
    return catboost_row("CatBoostClassifier", MIXED[["age", "income", "town", "word", "member"]],
                        ["town", "word"])


@row("CatBoost, native", "pandas, categories and text")
def _() -> Row:
    return catboost_row("CatBoost", MIXED[["age", "income", "town", "word", "member"]],
                        ["town", "word"], "predict")


@row("CatBoost estimator", "array, float64")
def _() -> Row:
    return catboost_row("CatBoostClassifier", ARRAY, [])


def catboost_row(name: str, X: Any, categories: list[str], method: str = "predict_proba") -> Row:
    catboost = pytest.importorskip("catboost")
    settings = {"iterations": 5, "cat_features": categories, "verbose": 0, "thread_count": 1,
                "allow_writing_files": False, "random_seed": 0}
    made = getattr(catboost, name)
    model = (made(settings) if name == "CatBoost" else made(**settings)).fit(X, Y)
    return Row(model, X, lambda m, Z: getattr(m, method)(Z), (model, method),
               state=lambda m: m.get_params())
