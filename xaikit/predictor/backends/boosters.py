"""The native boosters of XGBoost, LightGBM and CatBoost; see `estimators` for the others."""

from __future__ import annotations

import json
import sys
from typing import Any, ClassVar

import pandas as pd

from xaikit.predictor.backends.base import Backend, Options, check_columns, check_width
from xaikit.tables.dtypes import kind_of, kind_of_column
from xaikit.tables.numeric import number_array
from xaikit.tables.tables import Batch, describe, is_table


class Booster(Backend):
    """What the three share: columns in the order of the fit, and a choice of answers."""

    library: ClassVar[str]
    type_name: ClassVar[str]

    @classmethod
    def accepts(cls, model: Any) -> bool:
        """Return whether `model` is this library's native model."""
        library = sys.modules.get(cls.library)
        return library is not None and isinstance(model, getattr(library, cls.type_name))

    def __init__(self, model: Any, options: Options) -> None:
        self.model = model
        answers = self._read()
        self.scale = options.output or next(iter(answers))
        if self.scale not in answers:
            raise ValueError(f"output of this {self.kind} must be one of {', '.join(answers)}, "
                             f"got {self.scale!r}.")
        self._keywords, self.class_names = answers[self.scale]

    def _read(self) -> dict[str, tuple[dict[str, Any], tuple[str, ...] | None]]:
        """Read names and task; return the keywords of `predict` and the names for each answer.

        The default answer comes first.
        """
        raise NotImplementedError

    def __call__(self, prepared: Any) -> Any:
        """Ask for the chosen answer."""
        return self.model.predict(prepared, **self._keywords)

    def _in_order(self, batch: Batch, width: int) -> Batch:
        """Put the columns in the order of the fit, by name if it had names, else by position."""
        if not is_table(batch):
            raise TypeError(f"a {self.kind} takes a table of rows and columns, "
                            f"got a {describe(batch)}.")
        if isinstance(batch, pd.DataFrame):
            if self.feature_names is not None:
                batch = check_columns(batch, self.feature_names, self.spell)
            batch = self._readable(batch)
        check_width(batch, width)
        return batch

    @staticmethod
    def spell(label: Any) -> str:
        """Write a column label as the booster does."""
        return str(label)

    @staticmethod
    def _readable(frame: pd.DataFrame) -> pd.DataFrame:
        return without_arrow(frame)


class XGBoostBooster(Booster):
    """``xgboost.Booster``: handed a DMatrix with the names and category types of the fit."""

    kind = "XGBoost booster"
    library, type_name = "xgboost", "Booster"

    def _read(self) -> dict[str, Any]:
        learner = json.loads(self.model.save_config())["learner"]
        objective = learner["learner_train_param"]["objective"]
        names = self.model.feature_names
        self.feature_names = None if names is None else tuple(names)
        if objective.startswith(("binary:", "multi:")):
            self.task = "classification"
        elif objective.startswith(("reg:", "count:", "survival:")):
            self.task = "regression"
        self.ranks = objective.startswith("rank:")
        classes = _numbered(int(learner["learner_model_param"]["num_class"]))
        margins = {"decision": ({"output_margin": True}, classes)}
        if objective in ("binary:logistic", "multi:softprob"):
            return {"proba": ({}, classes)} | margins
        if objective == "multi:softmax":
            # It answers with labels, which are names and not amounts, so margins are the default.
            return margins | {"prediction": ({}, None)}
        if objective == "binary:logitraw":
            return margins
        return {"prediction": ({}, classes)} | margins

    def prepare(self, batch: Batch) -> Any:
        """Build a DMatrix; XGBoost itself recodes categories to those of the fit."""
        xgboost = sys.modules["xgboost"]
        table = self._in_order(batch, self.model.num_features())
        if isinstance(table, pd.DataFrame) and self.feature_names is not None:
            table = self._with_levels(table).set_axis(list(self.feature_names), axis=1)
            return xgboost.DMatrix(table, enable_categorical=True)
        return xgboost.DMatrix(number_array(table, f"this {self.kind}"), enable_categorical=True,
                               feature_names=self.model.feature_names,
                               feature_types=self.model.feature_types)

    def _with_levels(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a frame with categories where the fit had them; text becomes categories there.

        Other differences raise ValueError, for XGBoost would read codes as values.
        """
        columns = [frame.iloc[:, c] for c in range(frame.shape[1])]
        for c, wanted in enumerate(self.model.feature_types or []):
            own = kind_of(columns[c].dtype)
            if wanted == "c" and own == "text":
                columns[c] = columns[c].astype("category")
            elif (wanted == "c") != (own == "category"):
                fitted = "categories" if wanted == "c" else "numbers"
                raise ValueError(f"column {str(frame.columns[c])!r} held {fitted} when the booster "
                                 f"was trained, got {columns[c].dtype}; convert it to that kind.")
        return pd.DataFrame(dict(enumerate(columns)), copy=False)


class LightGBMBooster(Booster):
    """``lightgbm.Booster``: handed a frame or an array; it takes columns by position, unchecked."""

    kind = "LightGBM booster"
    library, type_name = "lightgbm", "Booster"

    def _read(self) -> dict[str, Any]:
        self.feature_names = names_unless(self.model.feature_name(), "Column_")
        objective = str(self.model.params.get("objective", "")).split(" ")[0]
        classes = _numbered(self.model.num_model_per_iteration())
        margins = {"decision": ({"raw_score": True}, classes)}
        if objective in LIGHTGBM_CLASSIFIERS:
            self.task = "classification"
            return {"proba": ({}, classes)} | margins
        self.ranks = "rank" in objective or "xendcg" in objective
        self.task = "regression" if objective and not self.ranks else None
        return {"prediction": ({}, classes)} | margins

    def prepare(self, batch: Batch) -> Any:
        """Put the columns in the order of the fit; LightGBM itself does not check it."""
        return self._in_order(batch, self.model.num_feature())

    @staticmethod
    def spell(label: Any) -> str:
        """Write spaces as underscores, as LightGBM does."""
        return str(label).replace(" ", "_")

    @staticmethod
    def _readable(frame: pd.DataFrame) -> pd.DataFrame:
        return lightgbm_frame(frame)


def _ranks(model: Any) -> bool:
    """Return whether CatBoost learned to order rows: its losses for that are of groups or pairs."""
    loss = str((model.get_all_params() or {}).get("loss_function", ""))
    return loss.startswith(("YetiRank", "Pair", "Query", "StochasticRank", "LambdaMart"))


class CatBoostModel(Booster):
    """``catboost.CatBoost``: answers margins by default, unlike its estimators."""

    kind = "CatBoost model"
    library, type_name = "catboost", "CatBoost"

    @classmethod
    def accepts(cls, model: Any) -> bool:
        """Return whether `model` is CatBoost's plain model, not one of its estimators."""
        return super().accepts(model) and type(model) is sys.modules["catboost"].CatBoost

    def _read(self) -> dict[str, Any]:
        if not self.model.is_fitted():
            raise ValueError("the CatBoost model is not fitted; fit it before it is explained.")
        self.feature_names = names_unless(self.model.feature_names_, "")
        classes = tuple(str(c) for c in self.model.classes_)
        self.ranks = not classes and _ranks(self.model)
        self.task = "classification" if classes else None if self.ranks else "regression"
        if not classes:
            return {"prediction": ({}, None)}
        return {"decision": ({}, classes[1:] if len(classes) == 2 else classes),
                "proba": ({"prediction_type": "Probability"}, classes)}

    def prepare(self, batch: Batch) -> Any:
        """Put the columns in the order of the fit."""
        return self._in_order(batch, len(self.model.feature_names_))


LIGHTGBM_CLASSIFIERS = ("binary", "cross_entropy", "xentropy", "multiclass", "softmax",
                        "multiclassova", "multiclass_ova", "ova", "ovr")


def _numbered(n_classes: int) -> tuple[str, ...] | None:
    """Name several classes by their numbers, as both libraries count them."""
    return tuple(map(str, range(n_classes))) if n_classes > 1 else None


def names_unless(names: Any, invented: str) -> tuple[str, ...] | None:
    """Return the names of the fit; None if the library made them up for an array."""
    own = any(name != f"{invented}{j}" for j, name in enumerate(names))
    return tuple(names) if own else None


def lightgbm_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Convert a frame for LightGBM, which reads no Arrow columns and no text but categories.

    Numbers that are Python objects, such as `Decimal`, become floats.
    """
    frame = without_arrow(frame)
    others = [c for c, d in enumerate(frame.dtypes) if kind_of(d) == "text"]
    if not others:
        return frame
    columns = {c: frame.iloc[:, c] for c in range(frame.shape[1])}
    for c in others:
        number = kind_of_column(columns[c]) in ("integer", "float")
        columns[c] = columns[c].astype("float64" if number else "category")
    return pd.DataFrame(columns, copy=False).set_axis(frame.columns, axis=1)


def without_arrow(frame: pd.DataFrame) -> pd.DataFrame:
    """Convert Arrow columns, as in polars frames, to dtypes that the boosters can read."""
    arrow = [c for c, d in enumerate(frame.dtypes) if isinstance(d, pd.ArrowDtype)]
    if not arrow:
        return frame
    columns = {c: frame.iloc[:, c] for c in range(frame.shape[1])}
    for c in arrow:
        columns[c] = frame.iloc[:, c].array.__arrow_array__().to_pandas()
    made = pd.DataFrame({c: pd.Series(v).reset_index(drop=True) for c, v in columns.items()})
    return made.set_axis(frame.columns, axis=1)
