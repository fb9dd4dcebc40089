"""What a fitted model knows of its columns: their names, kinds and levels, for reading of files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from xaikit.predictor.adapter import Predictor
from xaikit.predictor.attributes import attribute, declared_classes
from xaikit.tables.cells import FittedColumn

NUMBERS_ONLY = (
    "sklearn.linear_model", "sklearn.tree", "sklearn.svm", "sklearn.neighbors",
    "sklearn.neural_network", "sklearn.naive_bayes", "sklearn.discriminant_analysis",
    "sklearn.decomposition", "sklearn.cluster", "sklearn.cross_decomposition",
    "sklearn.preprocessing._data", "sklearn.preprocessing._polynomial",
    "sklearn.preprocessing._discretization", "sklearn.ensemble._forest", "sklearn.ensemble._gb",
    "sklearn.ensemble._iforest",
)
"""Modules whose estimators take numbers and nothing else."""
INNER = ("best_estimator_", "estimator_", "regressor_", "estimators_", "calibrated_classifiers_",
         "estimator")
"""Attributes under which estimators keep those that they were built around."""

Known = dict[str, FittedColumn]


def fitted_columns(predictor: Predictor) -> Known:
    """Return what the model of a predictor knows of its columns, by name.

    Encoders know their levels, boosters which columns are categories, and most other estimators of
    scikit-learn take numbers only. Of all other models nothing is known but the names, at most.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.linear_model import LinearRegression
    >>> from xaikit import wrap
    >>> X = pd.DataFrame({"age": [39, 50]})
    >>> fitted_columns(wrap(LinearRegression().fit(X, [1, 2])))["age"].kind
    'number'
    """
    model = predictor.model_of_methods
    names = attribute(model, "feature_names_in_")
    names = attribute(model, "feature_names") if names is None else names
    names = [str(name) for name in names] if isinstance(names, list | tuple | np.ndarray) else []
    return dict.fromkeys(names, FittedColumn()) | _of(model, names)


def fitted_labels(predictor: Predictor) -> FittedColumn:
    """Return what a classifier knows of its labels; nothing unless they are text.

    Numbers may be codes of the labels that a table has.
    """
    classes = declared_classes(predictor.model_of_methods)
    if isinstance(classes, np.ndarray) and classes.ndim == 1:
        known = FittedColumn.of_levels(classes)
        return known if known.kind == "text" else FittedColumn()
    return FittedColumn()


def _of(model: Any, names: Sequence[str]) -> Known:
    """Return what a model knows that was fitted on columns of these names."""
    names = tuple(str(n) for n in getattr(model, "feature_names_in_", names))
    library = type(model).__module__.split(".")[0]
    if library in BOOSTERS:
        return BOOSTERS[library](model)
    if hasattr(model, "steps"):
        return _of_steps([step for _, step in model.steps], names)
    if hasattr(model, "transformers_"):
        return _of_transformers(model, names)
    if len(getattr(model, "categories_", ())) == len(names) > 0:
        return {name: FittedColumn.of_levels(levels)
                for name, levels in zip(names, model.categories_, strict=True)}
    if hasattr(model, "is_categorical_"):
        return _of_histograms(model, names)
    if type(model).__module__.startswith(NUMBERS_ONLY):
        return dict.fromkeys(names, FittedColumn("number"))
    return _of_inner(model, names)


def _of_inner(model: Any, names: Sequence[str]) -> Known:
    """Return what the first estimator knows that a model was built around."""
    for name in INNER:
        inner = attribute(model, name)
        inner = inner[0] if isinstance(inner, list) and inner else inner
        inner = inner if hasattr(inner, "predict") else getattr(inner, "estimator", None)
        if hasattr(inner, "predict"):
            return _of(inner, names)
    return {}


def _of_steps(steps: Sequence[Any], names: Sequence[str]) -> Known:
    """Return what the steps of a pipeline know, up to the first that makes other columns."""
    known: Known = {}
    steps = [step for step in steps if step is not None and not isinstance(step, str)]
    for k, step in enumerate(steps):
        own = _of(step, names)
        after = type(steps[k + 1]).__module__ if k + 1 < len(steps) else ""
        if hasattr(step, "transformers_") and after.startswith(NUMBERS_ONLY):
            own = dict.fromkeys(_passed_on(step, names), FittedColumn("number")) | own
        if k > 0:
            # Objects that an imputer made of numbers are no objects in the table.
            own = {name: FittedColumn.of_levels(list(c.levels)) if c.levels is not None else c
                   for name, c in own.items()}
        known = own | known
        if not type(step).__module__.startswith("sklearn.impute") \
                or len(step.get_feature_names_out()) != len(names):
            break
    return known


def _of_transformers(model: Any, names: Sequence[str]) -> Known:
    known: Known = {}
    for _, transformer, columns in model.transformers_:
        if isinstance(transformer, str):
            continue
        own = _chosen(columns, names)
        known = _of(transformer, own) | known
        if isinstance(columns, str):  # such a column is handed over as a list of documents
            known = {own[0]: FittedColumn("text")} | known
    return known


def _passed_on(model: Any, names: Sequence[str]) -> list[str]:
    """Return the columns that a transformer of columns leaves as they are."""
    as_is = [columns for _, transformer, columns in model.transformers_
             if transformer == "passthrough" or (type(transformer).__name__ == "FunctionTransformer"
                                                 and transformer.func is None)]
    return [name for columns in as_is for name in _chosen(columns, names)]


def _chosen(columns: Any, names: Sequence[str]) -> tuple[str, ...]:
    if isinstance(columns, str):
        return (columns,)
    every = pd.Series(names, index=names, dtype=object)
    if isinstance(columns, slice):
        by_name = isinstance(columns.start or columns.stop, str)
        return tuple(every.loc[columns] if by_name else every.iloc[columns])
    by_name = all(isinstance(column, str) for column in columns)
    return tuple(columns) if by_name else tuple(every.iloc[list(columns)])


def _of_histograms(model: Any, names: Sequence[str]) -> Known:
    """Return what scikit-learn's histogram trees know."""
    if model.is_categorical_ is None:
        return dict.fromkeys(names, FittedColumn("number"))
    known = {}
    encoder = getattr(getattr(model, "_preprocessor", None), "named_transformers_", {}).get(
        "encoder")
    levels = iter(getattr(encoder, "categories_", ()))
    by_dtype = getattr(model, "categorical_features", None) == "from_dtype"
    for name, is_category in zip(names, model.is_categorical_, strict=True):
        known[name] = FittedColumn.of_levels(next(levels, ()), category=by_dtype) \
            if is_category else FittedColumn("number")
    return known


def _of_lightgbm(model: Any) -> Known:
    booster = getattr(model, "booster_", model)
    infos = booster.dump_model(num_iteration=1)["feature_infos"]
    names = booster.feature_name()
    levels = booster.pandas_categorical or []
    # Columns that never vary are left out of these infos, so that theirs are not known.
    categories = [name for name in names if infos.get(name, {}).get("values")]
    if len(categories) != len(levels):
        return {name: FittedColumn() for name in names}
    of_level = dict(zip(categories, levels, strict=True))
    return {name: FittedColumn.of_levels(of_level[name], category=True) if name in of_level
            else FittedColumn("number" if name in infos else None) for name in names}


def _of_xgboost(model: Any) -> Known:
    booster = model.get_booster() if hasattr(model, "get_booster") else model
    names, types = booster.feature_names or (), booster.feature_types
    if types is None:
        return dict.fromkeys(names, FittedColumn("number"))
    levels = dict(_xgboost_levels(booster)) if "c" in types else {}
    return {name: FittedColumn("number") if own != "c"
            else FittedColumn.of_levels(levels.get(name) or (), category=True)
            for name, own in zip(names, types, strict=True)}


def _xgboost_levels(booster: Any) -> Any:
    """Return (name, levels) of a booster; nothing in versions that do not keep levels."""
    try:
        found = booster.get_categories(export_to_arrow=True).to_arrow()
    except (AttributeError, ImportError):  # versions before 3.1; pyarrow is not installed
        return ()
    return [(name, None if levels is None else levels.to_pylist()) for name, levels in found]


def _of_catboost(model: Any) -> Known:
    names = model.feature_names_ or ()
    known = dict.fromkeys(names, FittedColumn("number"))
    known |= {names[j]: FittedColumn("text") for j in model.get_text_feature_indices()}
    hashed = FittedColumn("text", hashed=True)
    return known | {names[j]: hashed for j in model.get_cat_feature_indices()}


BOOSTERS = {"lightgbm": _of_lightgbm, "xgboost": _of_xgboost, "catboost": _of_catboost}
