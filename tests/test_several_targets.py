"""Targets of several columns: by the names of the outputs, and to a user's own scorer as they came."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import xaikit as xk

RNG = np.random.default_rng(0)
X = pd.DataFrame(RNG.normal(size=(80, 3)), columns=list("abc"), index=np.arange(80) + 100)
Y = pd.DataFrame({"t1": 2 * X.a + RNG.normal(size=80), "t2": X.b - 5 * X.c})
MODEL = LinearRegression().fit(X, Y)
TURNED = Y[["t2", "t1"]]


def function(X):
    return pd.DataFrame(MODEL.predict(X), columns=["t1", "t2"])


def explained(model, y, scoring="r2", X=X, **settings):
    explainer = xk.PermutationImportance(scoring=scoring, random_state=0, verbose=False, n_repeats=3)
    return explainer.fit(model, X).explain(X, y, **settings)


@pytest.mark.parametrize("y", [Y, TURNED, TURNED.iloc[::-1]], ids=["as they are", "turned", "rows turned"])
@pytest.mark.parametrize("model", [
    xk.wrap(function, task="regression"), xk.wrap(MODEL, output_names=["t1", "t2"]),
    xk.wrap(lambda X: function(X)[["t2", "t1"]], task="regression"),
], ids=["frame", "named", "frame turned"])
def test_columns_of_y_go_by_the_names_of_the_outputs(model, y):
    found, want = explained(model, y), explained(MODEL, Y)
    assert found.settings["score"]["r2"] == pytest.approx(MODEL.score(X, Y), abs=1e-12)
    np.testing.assert_allclose(found.values, want.values, atol=1e-12)


@pytest.mark.parametrize(("output", "name"), [(0, "t1"), (1, "t2"), ("t2", "t2"), ([1, 0], None)])
def test_chosen_outputs_are_scored_on_their_own_targets(output, name, tmp_path):
    model = xk.wrap(MODEL, output_names=["t1", "t2"], outputs=output)
    said = MODEL.predict(X)
    want = MODEL.score(X, Y) if name is None else r2_score(Y[name], said[:, list(Y).index(name)])
    for y in (Y, TURNED):
        assert explained(model, y).settings["score"]["r2"] == pytest.approx(want, abs=1e-12)
        if name is not None:
            xk.report(model, X, y, path=tmp_path / "r.html", verbose=False)
            shown = re.search(r'R²</td><td class="n" data-v="([^"]+)"', (tmp_path / "r.html").read_text("utf8"))
            assert float(shown[1]) == pytest.approx(want, abs=1e-12)


def test_polars_targets_have_names_too():
    pl = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    model = xk.wrap(function, task="regression")
    y = pl.DataFrame({"t2": Y.t2.to_numpy(), "t1": Y.t1.to_numpy()})
    assert explained(model, y).settings["score"]["r2"] == pytest.approx(MODEL.score(X, Y), abs=1e-12)


def test_names_that_fit_only_in_part_are_refused():
    with pytest.raises(ValueError, match="the columns of y are t1 and t3, and the model's outputs t1 and t2"):
        explained(xk.wrap(function, task="regression"), Y.rename(columns={"t2": "t3"}))
    other = Y.set_axis(["one", "two"], axis=1)  # names of neither: by position, as in scikit-learn
    assert explained(MODEL, other).settings["score"] == explained(MODEL, Y).settings["score"]


# --- survival times, which only a scorer of one's own can read

EVENT, TIME = RNG.random(80) < 0.8, np.exp(-X.a + 0.1 * RNG.normal(size=80)).to_numpy()
FRAME = pd.DataFrame({"event": EVENT, "time": TIME}, index=X.index)
RECORDS = FRAME.to_records(index=False)
STRUCTURED = np.array(list(zip(EVENT, TIME, strict=True)), dtype=[("event", bool), ("time", float)])


def concordance(model, X, y):
    """Harrell's index: the share of comparable pairs whose risks are in the order of their times."""
    event, time, risk = np.asarray(y["event"]), np.asarray(y["time"]), model.predict(X)
    assert event.dtype == bool
    assert time.dtype == float
    right = n = 0
    for i in np.flatnonzero(event):
        later = time > time[i]
        right, n = right + (risk[i] > risk[later]).sum(), n + later.sum()
    return right / n


def same_rows(model, X, y):
    assert not isinstance(y, pd.DataFrame) or y.index.equals(X.index)
    return concordance(model, X, y)


class Risk:
    def predict(self, X):
        return X.a.to_numpy()


@pytest.mark.parametrize("y", [FRAME, FRAME.iloc[::-1], STRUCTURED, RECORDS],
                         ids=["frame", "rows turned", "structured", "records"])
def test_survival_times_reach_a_scorer_as_they_came(y):
    found = explained(xk.wrap(lambda X: X.a), y, same_rows)
    assert found.settings["score"]["same_rows"] == concordance(Risk(), X, FRAME)
    assert found.values[0, 0] > 0.3
    np.testing.assert_array_equal(found.values[1:], 0.0)
    assert 0 < found.standard_errors[0, 0] < 0.1


@pytest.mark.parametrize("task", ["regression", "classification", None])
def test_scorers_of_scikit_learn_do_not_read_structured_targets(task):
    model = xk.wrap(lambda X: X.a, task=task)
    with pytest.raises(ValueError, match="y is a structured array of event and time, which the scorers"):
        explained(model, STRUCTURED, "r2")


def test_a_report_of_survival_times_says_what_it_needs(tmp_path):
    for y, words in ((STRUCTURED, "a structured array of event and time"), (FRAME, "2 columns")):
        with pytest.raises(ValueError, match=f"y (is|has) {words}.*; a report needs one label per row"):
            xk.report(lambda X: X.a, X, y, path=tmp_path / "r.html", verbose=False)
    assert not any(tmp_path.iterdir())


# --- several labels a row, of which each is there or not

LABELS = np.column_stack([X.a > 0, X.b > 0, X.c > 0.5]).astype(int)
MULTILABEL = {
    "one-vs-rest": OneVsRestClassifier(LogisticRegression()),
    "network": MLPClassifier((8,), max_iter=30, random_state=0),
    "pipeline": make_pipeline(StandardScaler(), OneVsRestClassifier(LogisticRegression())),
    "search": GridSearchCV(OneVsRestClassifier(LogisticRegression()), {"estimator__C": [1.0]}, cv=2),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", MULTILABEL)
def test_each_of_several_labels_is_a_target(name, tmp_path):
    model = MULTILABEL[name].fit(X, LABELS)
    whole = explained(model, LABELS, "accuracy")
    assert whole.settings["score"]["accuracy"] == model.score(X, LABELS)
    assert xk.wrap(model).output_names == ("0", "1", "2")
    accuracy = (model.predict(X)[:, 1] == LABELS[:, 1]).mean()
    for y in (LABELS, LABELS[:, 1]):
        found = explained(xk.wrap(model, outputs=1), y, "accuracy")
        assert found.settings["score"]["accuracy"] == accuracy
        assert found.values[:, 0].argmax() == 1  # that label is b > 0
        report = xk.report(xk.wrap(model, outputs=1), X, y, path=None, verbose=False, n_explain=5,
                           methods=["permutation"])
        assert report.tables["performance"].iloc[0, 1] == pytest.approx(accuracy)
    with pytest.raises(xk.SettingError, match="the model has 3 targets, and none is more likely"):
        xk.plots.waterfall(xk.Occlusion(verbose=False).fit(model, X[:5]).explain(X[:1]))
