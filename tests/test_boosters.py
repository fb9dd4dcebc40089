"""Native boosters, and what their libraries' estimators do unlike scikit-learn's."""

from __future__ import annotations

import pickle
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import xaikit as xk

catboost = pytest.importorskip("catboost")
lightgbm = pytest.importorskip("lightgbm")
xgboost = pytest.importorskip("xgboost")

N = 80
RNG = np.random.default_rng(3)
X = pd.DataFrame({
    "age": RNG.normal(size=N),
    "town": pd.Categorical(RNG.choice(["Oslo", "Rome", "Lima"], N), ["Rome", "Oslo", "none", "Lima"]),
    "rooms": RNG.integers(0, 9, N),
    "new": RNG.random(N) < 0.5,
})
A = RNG.normal(size=(N, 3))
Y = ((X["age"] > 0) ^ (X["town"] == "Rome")).to_numpy().astype(int)
THREE = RNG.integers(0, 3, N)
QUIET = {"verbose": -1, "min_data_in_leaf": 5}
SILENT = {"iterations": 5, "verbose": 0, "allow_writing_files": False, "thread_count": 1}


def xgb(data=X, label=Y, **params):
    matrix = xgboost.DMatrix(data, label=label, enable_categorical=True)
    return xgboost.train({"objective": "binary:logistic", **params}, matrix, 5)


def lgb(data=X, label=Y, **params):
    return lightgbm.train({"objective": "binary", **QUIET, **params},
                          lightgbm.Dataset(data, label), 5)


def cat(data=X, label=Y, **params):
    levels = ["town"] if data is X else []
    return catboost.CatBoost({"loss_function": "Logloss", "cat_features": levels, **SILENT,
                              **params}).fit(data, label)


MAKERS = pytest.mark.parametrize("make", [xgb, lgb, cat])


@MAKERS
def test_columns_in_another_order_are_put_right(make):
    """LightGBM alone would take any order and say nothing."""
    predictor = xk.wrap(make())
    np.testing.assert_array_equal(predictor(X[["new", "town", "rooms", "age"]]), predictor(X))


@MAKERS
def test_levels_in_another_order_are_the_same_levels(make):
    recoded = X.assign(town=X["town"].cat.set_categories(["Lima", "Oslo", "Rome"]))
    predictor = xk.wrap(make())
    np.testing.assert_array_equal(predictor(recoded), predictor(X))


@MAKERS
def test_other_columns_are_named(make):
    with pytest.raises(xk.ModelError, match="missing: age; not known to it: Age"):
        xk.wrap(make())(X.rename(columns={"age": "Age"}))


@MAKERS
def test_another_width_of_an_array_is_an_error(make):
    with pytest.raises(xk.ModelError, match="fitted on 3 columns, got 2"):
        xk.wrap(make(A))(A[:, :2])


@MAKERS
def test_documents_are_refused(make):
    with pytest.raises(xk.ModelError, match="takes a table of rows and columns"):
        xk.wrap(make())(["a text", "another"])


@MAKERS
def test_a_frame_reaches_a_booster_of_arrays_by_position(make):
    booster = make(A)
    named = pd.DataFrame(A, columns=["p", "q", "r"])
    np.testing.assert_array_equal(xk.wrap(booster)(named), xk.wrap(booster)(A))


@MAKERS
def test_an_array_reaches_a_booster_of_names(make):
    frame = pd.DataFrame(A, columns=["p", "q", "r"])
    predictor = xk.wrap(make(frame)).bind(A)
    assert predictor.columns.names == ("p", "q", "r")
    np.testing.assert_array_equal(predictor(A), predictor(frame))


@MAKERS
def test_labels_that_are_no_text_are_known_by_their_text(make):
    frame = pd.DataFrame(A, columns=[10, 20, 30])
    booster = make(frame)
    np.testing.assert_array_equal(xk.wrap(booster)(frame[[30, 10, 20]]), xk.wrap(booster)(frame))


@MAKERS
def test_polars_frames_reach_them_as_pandas(make):
    pl = pytest.importorskip("polars")
    X_polars = pl.DataFrame({"age": X["age"].to_numpy(), "rooms": pl.Series(X["rooms"].to_numpy())})
    X_pandas = X[["age", "rooms"]]
    predictor = xk.wrap(make(X_pandas)).bind(X_polars)
    np.testing.assert_array_equal(predictor(X_polars), predictor(X_pandas))
    gaps = X_polars.with_columns(rooms=pl.when(pl.col("rooms") > 4).then(pl.col("rooms")))
    wanted = X_pandas.assign(rooms=X_pandas["rooms"].where(X_pandas["rooms"] > 4))
    np.testing.assert_array_equal(predictor(gaps), predictor(wanted))


@pytest.mark.parametrize("dtype", ["Categorical", "String"])
@pytest.mark.parametrize("make", [
    xgb, lgb, cat, lambda: lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(X, Y),
    lambda: catboost.CatBoostClassifier(cat_features=["town"], **SILENT).fit(X, Y),
])
def test_categories_of_polars_are_the_levels_of_the_fit(make, dtype):
    """LightGBM's own reader of polars ends the process on them."""
    pl = pytest.importorskip("polars")
    towns = pl.Series([str(t) for t in X["town"]], dtype=getattr(pl, dtype))
    X_polars = pl.DataFrame({n: X[n].to_numpy() for n in ("age", "rooms", "new")}).insert_column(
        1, towns.alias("town"))
    model = make()
    if dtype == "Categorical" and isinstance(model, catboost.CatBoostClassifier):
        X_polars = X_polars.cast({"town": pl.String})  # CatBoost 1.2.10 and polars 2 disagree
    np.testing.assert_allclose(xk.wrap(model).bind(X_polars)(X_polars), xk.wrap(model)(X),
                               rtol=1e-12)


@pytest.mark.parametrize(("make", "margin"), [
    (xgb, lambda b: b.predict(xgboost.DMatrix(X, enable_categorical=True), output_margin=True)),
    (lgb, lambda b: b.predict(X, raw_score=True)),
    (cat, lambda b: b.predict(X)),
])
def test_margins_are_had_for_the_asking(make, margin):
    booster = make()
    predictor = xk.wrap(booster, output="decision")
    assert predictor.scale == "decision"
    np.testing.assert_allclose(predictor(X)[:, 0], margin(booster), rtol=1e-7)


@pytest.mark.parametrize(("booster", "scale", "task", "names"), [
    (lambda: xgb(), "proba", "classification", ("output",)),
    (lambda: xgb(label=THREE, objective="multi:softprob", num_class=3), "proba", "classification",
     ("0", "1", "2")),
    (lambda: xgb(label=THREE, objective="multi:softmax", num_class=3), "decision", "classification",
     ("0", "1", "2")),
    (lambda: xgb(objective="binary:logitraw"), "decision", "classification", ("output",)),
    (lambda: xgb(objective="reg:squarederror"), "prediction", "regression", ("output",)),
    (lambda: xgb(objective="rank:pairwise"), "prediction", None, ("output",)),
    (lambda: lgb(), "proba", "classification", ("output",)),
    (lambda: lgb(label=THREE, objective="multiclass", num_class=3), "proba", "classification",
     ("0", "1", "2")),
    (lambda: lgb(objective="regression"), "prediction", "regression", ("output",)),
    (lambda: lightgbm.Booster(model_str=lgb().model_to_string()), "proba", "classification",
     ("output",)),
    (lambda: cat(), "decision", "classification", ("1",)),
    (lambda: cat(label=np.array(["a", "b", "c"])[THREE], loss_function="MultiClass"), "decision",
     "classification", ("a", "b", "c")),
    (lambda: cat(loss_function="RMSE"), "prediction", "regression", ("output",)),
])
def test_what_the_numbers_are_is_read_from_the_objective(booster, scale, task, names):
    predictor = xk.wrap(booster())
    predictor(X)
    assert (predictor.scale, predictor.task, predictor.output_names) == (scale, task, names)


def test_several_classes_of_softmax_are_had_as_labels_when_asked():
    booster = xgb(label=THREE, objective="multi:softmax", num_class=3)
    labels = xk.wrap(booster, output="prediction")(X)[:, 0]
    np.testing.assert_array_equal(labels, xk.wrap(booster)(X).argmax(axis=1))


def test_probabilities_of_plain_catboost_are_had_for_the_asking():
    model = cat(label=np.array(["no", "yes"])[Y])
    predictor = xk.wrap(model, output="proba")
    np.testing.assert_array_equal(predictor(X), model.predict(X, prediction_type="Probability"))
    assert predictor.output_names == ("no", "yes")


@MAKERS
def test_an_answer_that_a_booster_has_not_is_an_error(make):
    with pytest.raises(ValueError, match="must be one of .*, got 'logits'"):
        xk.wrap(make(), output="logits")


def test_xgboost_takes_no_codes_for_values():
    with pytest.raises(xk.ModelError, match="'town' held categories .* got int8"):
        xk.wrap(xgb())(X.assign(town=X["town"].cat.codes))
    with pytest.raises(xk.ModelError, match="'rooms' held numbers .* got category"):
        xk.wrap(xgb())(X.assign(rooms=X["rooms"].astype("category")))


def test_xgboost_reads_text_as_the_levels_of_the_fit():
    predictor = xk.wrap(xgb())
    np.testing.assert_array_equal(predictor(X.assign(town=X["town"].astype(str))), predictor(X))


def test_catboost_that_is_not_fitted_is_refused():
    with pytest.raises(ValueError, match="not fitted; fit it"):
        xk.wrap(catboost.CatBoost(SILENT))


@pytest.mark.parametrize("estimator", [
    lambda: lightgbm.LGBMClassifier(n_estimators=3, verbose=-1),
    lambda: catboost.CatBoostClassifier(**SILENT),
    lambda: xgboost.XGBClassifier(n_estimators=3),
])
def test_estimators_get_the_labels_they_were_fitted_with(estimator):
    """LightGBM remembers 'my age' as 'my_age', CatBoost under a name of its own."""
    frame = pd.DataFrame(A, columns=["my age", "q", "r"])
    model = estimator().fit(frame, Y)
    predictor = xk.wrap(model).bind(frame)
    np.testing.assert_array_equal(predictor(frame), model.predict_proba(frame))
    fresh = xk.wrap(model)
    np.testing.assert_array_equal(fresh(frame[["r", "my age", "q"]]), model.predict_proba(frame))
    assert list(fresh.handed(frame[["r", "my age", "q"]]).columns) == list(frame.columns)


@pytest.mark.parametrize("labels", [Y, THREE], ids=["two classes", "three"])
@pytest.mark.parametrize(("estimator", "margins"), [
    (lambda: lightgbm.LGBMClassifier(n_estimators=3, verbose=-1), {"raw_score": True}),
    (lambda: catboost.CatBoostClassifier(**SILENT), {"prediction_type": "RawFormulaVal"}),
    (lambda: xgboost.XGBClassifier(n_estimators=3), {"output_margin": True}),
], ids=["lightgbm", "catboost", "xgboost"])
def test_decisions_of_boosted_classifiers_are_their_margins(estimator, margins, labels):
    model = estimator().fit(A, labels)
    predictor = xk.wrap(model, output="decision")
    want = np.asarray(model.predict(A, **margins)).reshape(N, -1)
    np.testing.assert_array_equal(predictor(A), want.astype(float))
    assert predictor.output_names == (("1",) if labels is Y else ("0", "1", "2"))
    assert predictor.scale == "decision"


def test_regressors_without_a_decision_function_have_no_margins():
    with pytest.raises(ValueError, match="XGBRegressor has no decision_function"):
        xk.wrap(xgboost.XGBRegressor(n_estimators=2).fit(A, Y), output="decision")


def test_a_ranker_takes_its_queries_as_a_column_that_does_not_matter():
    frame = pd.DataFrame(A, columns=["p", "q", "r"]).assign(qid=np.repeat(np.arange(8), N // 8))
    model = xgboost.XGBRanker(n_estimators=3).fit(frame, Y)
    e = xk.KernelSHAP().fit(model, frame).explain(frame[:2])
    np.testing.assert_array_equal(e.values[:, 3], 0.0)
    np.testing.assert_allclose(e.predictions[:, 0], model.predict(frame[:2]), rtol=1e-6)


@pytest.mark.parametrize("around", [
    lambda model: GridSearchCV(model, {"num_leaves": [3, 5]}, cv=2),
    lambda model: CalibratedClassifierCV(model, cv=2),
    lambda model: make_pipeline(model),
])
def test_what_is_built_around_lightgbm_repeats_its_names(around):
    frame = pd.DataFrame(A, columns=["my age", "q", "r"])
    model = around(lightgbm.LGBMClassifier(n_estimators=3, verbose=-1)).fit(frame, Y)
    got = xk.wrap(model)(frame[["r", "q", "my age"]])
    np.testing.assert_array_equal(got, model.predict_proba(frame))


@pytest.mark.parametrize("estimator", [
    lambda: lightgbm.LGBMRegressor(n_estimators=3, verbose=-1),
    lambda: catboost.CatBoostRegressor(**SILENT),
    lambda: xgboost.XGBRegressor(n_estimators=3),
])
def test_estimators_of_arrays_get_arrays(estimator):
    model = estimator().fit(A, A[:, 0])
    predictor = xk.wrap(model)
    assert predictor.task == "regression"
    assert isinstance(predictor.handed(A), np.ndarray)
    assert isinstance(predictor.handed(pd.DataFrame(A, columns=["p", "q", "r"])), np.ndarray)


def test_labels_of_catboost_have_one_column():
    model = catboost.CatBoostClassifier(**SILENT).fit(A, THREE)
    np.testing.assert_array_equal(xk.wrap(model, output="prediction")(A), model.predict(A))


@MAKERS
def test_a_predictor_of_a_booster_can_be_pickled(make):
    predictor = xk.wrap(make()).bind(X)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(predictor))(X), predictor(X))


@MAKERS
def test_kernel_shap_of_a_booster_adds_up(make):
    booster = make()
    explanation = xk.KernelSHAP().fit(booster, X.iloc[:20]).explain(X.iloc[20:22])
    total = explanation.values.sum(axis=1) + explanation.base_values
    np.testing.assert_allclose(total, xk.wrap(booster)(X.iloc[20:22]), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("of", ["estimator", "booster"])
def test_numbers_that_are_objects_reach_lightgbm_as_numbers(of, rng):
    as_floats = pd.DataFrame({"price": rng.integers(0, 999, 80) / 4, "z": rng.normal(size=80)})
    fitted = lightgbm.LGBMRegressor(n_estimators=5, verbose=-1).fit(as_floats, as_floats["price"] + as_floats["z"])
    model = fitted if of == "estimator" else fitted.booster_
    as_objects = as_floats.assign(price=[Decimal(repr(v)) for v in as_floats["price"]])
    as_objects.loc[3, "price"] = as_floats.loc[3, "price"] = None
    np.testing.assert_array_equal(xk.wrap(model)(as_objects), xk.wrap(model)(as_floats))


QUERIES = np.repeat(np.arange(8), N // 8)


def rankers():
    frame = pd.DataFrame(A, columns=["p", "q", "r"])
    of_pairs = xgboost.DMatrix(frame, Y, qid=QUERIES)
    groups = [N // 8] * 8
    yield xgboost.XGBRanker(n_estimators=3).fit(frame, Y, qid=QUERIES)
    yield xgboost.train({"objective": "rank:ndcg"}, of_pairs, 3)
    yield lightgbm.LGBMRanker(n_estimators=3, verbose=-1).fit(frame, Y, group=groups)
    yield lightgbm.train({"objective": "lambdarank", "verbose": -1}, lightgbm.Dataset(frame, Y, group=groups), 3)
    yield catboost.CatBoostRanker(iterations=3, verbose=0).fit(frame, Y, group_id=QUERIES)
    yield catboost.CatBoost({"loss_function": "YetiRank", "iterations": 3, "verbose": 0}).fit(
        catboost.Pool(frame, Y, group_id=QUERIES))


def test_rankers_of_every_library_are_told_from_regressions():
    frame = pd.DataFrame(A, columns=["p", "q", "r"])
    for model in rankers():
        assert xk.wrap(model).ranks, type(model)
        assert xk.wrap(model).task is None
        with pytest.raises(ValueError, match="the model is a ranker.*choose a scorer of rankings"):
            xk.PermutationImportance().fit(model).explain(frame, Y)
        assert not xk.wrap(model, task="regression").ranks


def test_outputs_choose_the_target_of_a_catboost_model_of_several():
    frame = pd.DataFrame(A, columns=["p", "q", "r"])
    targets = np.column_stack([A[:, 0], 100 * A[:, 1]])
    model = catboost.CatBoostRegressor(iterations=20, loss_function="MultiRMSE", verbose=0).fit(frame, targets)
    for k in range(2):
        kept = xk.wrap(model, outputs=k)
        both, one = (xk.PermutationImportance(random_state=0, n_repeats=2).fit(kept).explain(frame, y) for y in (targets, targets[:, k]))
        np.testing.assert_array_equal(both.values, one.values)
        assert both.values[:, 0].argmax() == k
    assert xk.Occlusion().fit(model, frame).explain(frame[:1]).settings["n_targets"] == 2
