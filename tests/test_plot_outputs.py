"""Which output a plot draws if nobody names one: of a class that the row is of, or none."""

from __future__ import annotations

import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.multiclass import OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.tree import DecisionTreeClassifier

import xaikit as xk
from xaikit import plots

RNG = np.random.default_rng(0)
X = pd.DataFrame(RNG.normal(size=(60, 3)), columns=list("abc"))
Y = np.array(["high", "low", "mid"])[np.digitize(X["a"] + X["b"], [-0.6, 0.6])]
THREE, TWO = LogisticRegression().fit(X, Y), LogisticRegression().fit(X, Y == "mid")
ROWS = X.iloc[[int(np.flatnonzero(THREE.predict(X) == name)[0]) for name in THREE.classes_]]
IMAGES = np.array([[[9.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 9.0]]])
TEXTS = ["good good fine", "bad film", "odd"]


def shares(scores):
    return np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)


def of_texts(texts):
    return shares(np.array([[t.count("good"), t.count("bad"), t.count("odd")] for t in texts], dtype=float))


def of_images(images):
    return shares(images.reshape(len(images), -1)[:, [0, 1, 3]])


TABLE = xk.KernelSHAP(random_state=0).fit(THREE, X).explain(ROWS)
BINARY = xk.KernelSHAP(random_state=0).fit(TWO, X).explain(ROWS)
TARGETS = xk.Occlusion().fit(LinearRegression().fit(X, X[["a", "b"]] * [1, 1000]), X).explain(ROWS)
LIME = xk.LIME(random_state=0).fit(THREE, X).explain(ROWS)
OF_TEXTS = xk.Occlusion().fit(of_texts, xk.TextMasker()).explain(TEXTS)
OF_IMAGES = xk.Occlusion().fit(of_images, xk.ImageMasker("grid", n_segments=4, baseline=0.0)).explain(IMAGES)

ONE_ROW = {  # plot of one row, by row= or of a slice
    "waterfall": (plots.waterfall, TABLE), "waterfall of two classes": (plots.waterfall, BINARY),
    "waterfall of LIME": (plots.waterfall, LIME), "waterfall of texts": (plots.waterfall, OF_TEXTS),
    "text_highlight": (plots.text_highlight, OF_TEXTS), "image_overlay": (plots.image_overlay, OF_IMAGES),
    "bar": (plots.bar, TABLE), "bar of two classes": (plots.bar, BINARY),
}
GLOBAL = {"bar": plots.bar, "beeswarm": plots.beeswarm,
          "scatter": lambda e, **more: plots.scatter(e, "a", **more)}


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def drawn(plot, e, r, **more):
    """Return the title of a row's plot."""
    whole = plot(e[r], **more).get_title(loc="left")
    if plot is not plots.bar:
        assert plot(e, row=e.row_names[r], **more).get_title(loc="left") == whole
    return whole


@pytest.mark.parametrize("name", ONE_ROW)
def test_a_plot_of_one_row_draws_the_class_that_is_largest_there(name):
    plot, e = ONE_ROW[name]
    n = len(e.output_names)
    for r in range(len(e)):
        largest = e.output_names[int(e.predictions[r].argmax())]
        title = drawn(plot, e, r)
        assert re.search(rf"· {largest}( = .*)? \(largest of {n}\)$", title)
        other = e.output_names[int(e.predictions[r].argmin())]
        assert re.search(rf"· {other}( = .*)?$", drawn(plot, e, r, output=other))
    assert len({e.predictions[r].argmax() for r in range(len(e))}) > 1


def test_the_same_row_is_the_same_picture():
    for r in range(3):
        ax, alone = plots.waterfall(TABLE, row=TABLE.row_names[r]), plots.waterfall(TABLE[r])
        assert [t.get_text() for t in ax.texts] == [t.get_text() for t in alone.texts]
        assert [t.get_text() for t in ax.get_yticklabels()] == [t.get_text() for t in alone.get_yticklabels()]


@pytest.mark.parametrize("name", GLOBAL)
def test_a_plot_of_several_rows_asks_for_one_of_three_classes(name):
    with pytest.raises(xk.SettingError, match="there are 3; name one, such as output='high'"):
        GLOBAL[name](TABLE)
    ax = GLOBAL[name](TABLE, output="low")
    assert "low" in ax.get_xlabel() + ax.get_ylabel() + ax.get_title(loc="left")


@pytest.mark.parametrize("name", GLOBAL)
def test_a_plot_of_several_rows_of_two_classes_draws_the_second(name):
    ax = GLOBAL[name](BINARY)
    assert "True" in ax.get_xlabel() + ax.get_ylabel() + ax.get_title(loc="left")


@pytest.mark.parametrize("plot", [plots.waterfall, *GLOBAL.values()])
def test_no_target_of_a_regression_is_chosen_by_its_size(plot):
    with pytest.raises(xk.SettingError, match="the model has 2 targets, and none is more likely"):
        plot(TARGETS)
    ax = plot(TARGETS, output=0)
    assert "output 0" in ax.get_xlabel() + ax.get_ylabel() + ax.get_title(loc="left")


@pytest.mark.parametrize("ask", [
    lambda m: plots.bar(xk.PermutationImportance().fit(m).explain(X)),
    lambda m: plots.bar(xk.MeanImpactValue().fit(m).explain(X)),
    lambda m: xk.PermutationImportance().fit(m).explain(X).top(1), lambda m: TARGETS.importance().top(1),
    lambda m: xk.MeanImpactValue().fit(m).explain(X).ranks(), lambda m: TARGETS.top(1),
    lambda m: xk.report(m, X, path=None, verbose=False)],
    ids=["bar of permutation", "bar of MIV", "top", "top of importance", "ranks", "top of rows", "report"])
def test_nothing_ranks_features_by_a_target_that_was_not_named(ask):
    targets = LinearRegression().fit(X, np.column_stack([X["a"], 1000 * X["b"]]))
    with pytest.raises(xk.SettingError, match="the model has 2 targets, and none is more likely"):
        ask(targets)


UNKNOWN = xk.Occlusion().fit(lambda Z: Z.to_numpy() * [1, 1000, 1], X).explain(ROWS)
WORDS = xk.Occlusion().fit(lambda T: np.array([[len(t), 1000 * t.count("bad")] for t in T]), xk.TextMasker())


@pytest.mark.parametrize("ask", [
    lambda: UNKNOWN.top(1), lambda: UNKNOWN[0].top(1), lambda: UNKNOWN.grouped({"g": ["a", "b"]}).top(1),
    lambda: (UNKNOWN[0] - UNKNOWN[1]).top(1), lambda: WORDS.explain(TEXTS).by_word().top(1),
    lambda: xk.submodular_pick(UNKNOWN, 1), lambda: xk.submodular_pick(WORDS.explain(TEXTS), 1)])
def test_sizes_of_outputs_that_may_have_other_units_are_not_compared(ask):
    with pytest.raises(xk.SettingError, match="outputs are of one unit, .*name one, such as output="):
        ask()


def test_sizes_of_one_output_or_of_classes_are_compared():
    assert UNKNOWN.top(1, output=0).feature_names == ("a",)
    assert len(xk.submodular_pick(UNKNOWN, 1, outputs=[0, 1])) == 1
    assert OF_TEXTS[0].top(1).n_units == 1
    assert len(xk.submodular_pick(TABLE, 2)) == 2
    with pytest.raises(xk.SettingError, match="the model has 2 targets, and none is more likely"):
        xk.submodular_pick(TARGETS, 1)


LABELS = np.column_stack([X["a"] > 0, X["b"] > 0]).astype(int)
SEVERAL = {"chain": ClassifierChain(LogisticRegression()), "one against all": OneVsRestClassifier(LogisticRegression()),
           "ridge": RidgeClassifier(), "multi": MultiOutputClassifier(LogisticRegression()),
           "network": MLPClassifier(max_iter=50, random_state=0), "tree": DecisionTreeClassifier(random_state=0)}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", SEVERAL)
def test_no_label_of_several_is_chosen_for_the_user(name):
    model = SEVERAL[name].fit(X, LABELS)
    e = xk.Occlusion().fit(model, X).explain(ROWS)
    for ask in (plots.waterfall, plots.bar, lambda e: e.top(1), lambda e: e.importance().order(),
                lambda e: xk.submodular_pick(e, 1), lambda e: xk.report(model, X, path=None, verbose=False)):
        with pytest.raises(xk.SettingError, match="the model has 2 targets, and none is more likely"):
            ask(e)
    assert plots.waterfall(e, output=1)
    of_one = xk.Occlusion(outputs=[len(e.output_names) - 1]).fit(model, X).explain(ROWS)
    assert plots.waterfall(of_one)
    assert len(of_one.top(1).feature_names) == 1


def test_no_score_of_several_is_chosen_for_the_user():
    e = xk.PermutationImportance(scoring=["accuracy", "neg_log_loss"]).fit(THREE).explain(X, Y)
    with pytest.raises(xk.SettingError, match="was given 2 scores, and none is more likely"):
        plots.bar(e)
    assert "accuracy" in plots.bar(e, output="accuracy").get_xlabel() + plots.bar(e, output=0).get_title(loc="left")


@pytest.mark.parametrize(("model", "n"), [
    (THREE, 3), (TWO, 2), (THREE.predict_proba, 3), (lambda Z: THREE.predict_proba(Z), 3),
    (lambda Z: THREE.predict_proba(Z).astype(np.float16), 3),
    (xk.wrap(THREE, output="decision"), 3), (xk.wrap(TWO, output="decision"), None),
    (xk.wrap(lambda Z: Z.to_numpy()[:, :2], task="classification"), 2), (lambda Z: Z.to_numpy()[:, :2], None),
    (xk.wrap(THREE, outputs=["low", "mid"]), 3), (LinearRegression().fit(X, X[["a", "b"]]), None),
    (LinearRegression().fit(X, X["a"]), None),
    (OutputCodeClassifier(LogisticRegression(), random_state=0).fit(X, Y), 3),
])
def test_whether_outputs_are_classes_is_recorded(model, n, tmp_path):
    e = xk.Occlusion().fit(model, X).explain(ROWS)
    assert e.settings["n_classes"] == n
    assert xk.load_explanation(e.save(tmp_path / "e.json")).settings["n_classes"] == n


ONE_OF = "outputs are here, and none is more likely to be meant; name one"


def test_none_of_some_classes_is_drawn_without_a_name():
    few = TABLE[:, :, ["low", "mid"]]
    kept = xk.wrap(THREE, outputs=["low", "mid"])
    of_model = xk.Occlusion().fit(kept, X).explain(ROWS)
    moved = xk.MeanImpactValue().fit(kept).explain(X)
    for ask in (plots.waterfall, *GLOBAL.values(), lambda e: e.top(1), lambda e: e.importance().order(),
                lambda e: plots.waterfall(e[0] - e[1])):
        for e in (few, of_model):
            with pytest.raises(xk.SettingError, match=f"2 of the model's 3 {ONE_OF}"):
                ask(e)
    with pytest.raises(xk.SettingError, match=f"2 of the model's 3 {ONE_OF}"):
        plots.bar(moved)
    with pytest.raises(xk.SettingError, match=f"2 of the model's 3 {ONE_OF}"):
        xk.report(kept, X, Y, path=None, verbose=False)
    assert plots.waterfall(few, output="mid").get_title(loc="left").endswith("mid")


@pytest.mark.parametrize("plot", [plots.waterfall, *GLOBAL.values()])
def test_no_output_of_an_unknown_kind_is_drawn_without_a_name(plot):
    two = xk.Occlusion().fit(lambda Z: Z.to_numpy()[:, :2] * [1, 1000], X).explain(ROWS)
    with pytest.raises(xk.SettingError, match="nothing says that the 2 outputs are of one unit"):
        plot(two)
    assert plot(two, output=1)


@pytest.mark.parametrize("explainer", [xk.KernelSHAP, xk.LIME, xk.Occlusion])
def test_nor_are_shares_of_the_background_alone_classes(explainer):
    def shares_at_zero(Z):
        return np.column_stack([np.exp(Z[:, 0]) / 2, 0.5 + 40 * Z[:, 1]])

    two = explainer().fit(shares_at_zero, np.zeros((1, 2))).explain([[1.0, 2.0], [2.0, -3.0]])
    with pytest.raises(xk.SettingError, match="nothing says that the 2 outputs are of one unit"):
        plots.waterfall(two, row=0)


def test_shares_are_those_of_classes_on_the_scale_of_log_odds_too():
    e = xk.KernelSHAP(link="logit", random_state=0).fit(lambda Z: TWO.predict_proba(Z), X).explain(ROWS)
    assert e.settings["n_classes"] == 2
    assert "(largest of 2)" in plots.waterfall(e, row=0).get_title(loc="left")


def test_nor_are_some_outputs_of_which_all_were_shares_of_the_background():
    def shares_at_zero(Z):
        return np.column_stack([np.exp(Z[:, 0]) / 2, 0.5 + 40 * Z[:, 1], 0 * Z[:, 0]])

    two = xk.Occlusion().fit(xk.wrap(shares_at_zero, outputs=[0, 1]), np.zeros((1, 2))).explain([[1.0, 2.0]])
    with pytest.raises(xk.SettingError, match="nothing says that the 2 outputs are of one unit"):
        plots.waterfall(two, row=0)


def test_shares_of_a_classifier_that_names_no_classes_are_of_classes():
    class Duck:
        def __init__(self):
            self.inner = LogisticRegression().fit(X, Y)

        def predict_proba(self, Z):
            return self.inner.predict_proba(Z)

    e = xk.Occlusion().fit(Duck(), X).explain(ROWS)
    for r in range(len(e)):
        assert f"output {e.predictions[r].argmax()} (largest of {len(e.output_names)})" in \
            plots.waterfall(e[r]).get_title(loc="left")


def test_nor_is_any_ranked_or_reported():
    def two(Z):
        return np.asarray(Z, dtype=float)[:, :2] * [1, 1000]

    for importance in (xk.MeanImpactValue().fit(two).explain(X), xk.PermutationImportance().fit(two).explain(X)):
        for ask in (plots.bar, xk.Importance.order, xk.Importance.ranks, lambda e: e.top(1)):
            with pytest.raises(xk.SettingError, match="nothing says that the 2 outputs are of one unit"):
                ask(importance)
        assert importance.top(1, output=1).feature_names == ("b",)
    with pytest.raises(xk.SettingError, match="nothing says that the 2 outputs are of one unit"):
        xk.report(two, X, path=None, verbose=False)


def test_a_report_of_several_targets_is_refused_before_the_work(counting):
    model = counting(lambda Z: np.asarray(Z, dtype=float)[:, :2])
    with pytest.raises(xk.SettingError, match="the model has 2 targets"):
        xk.report(xk.wrap(model, task="regression"), X, path=None, verbose=False)
    assert model.n_rows <= 9  # of the probe


def test_a_waterfall_of_a_difference_ends_at_a_difference():
    ax = plots.waterfall(TABLE[0] - TABLE[1], output="mid")
    assert [text.get_text() for text in ax.get_yticklabels()][-1] == "difference of predictions"


def test_the_classes_of_one_label_of_several_are_those_of_a_row():
    both = RandomForestClassifier(5, random_state=0).fit(X, np.column_stack([X["a"] > 0, X["b"] > 0]).astype(int))
    e = xk.Occlusion(outputs=[2, 3]).fit(both, X).explain(X.iloc[:20])
    assert {plots.waterfall(e[r]).get_title(loc="left").split("· ")[1] for r in range(20)} == {
        f"{name} (largest of 2)" for name in e.output_names}


def test_a_difference_of_rows_is_of_no_class():
    with pytest.raises(xk.SettingError, match="name one, such as output="):
        plots.waterfall(TABLE[0] - TABLE[1])


def test_rise_draws_the_class_of_the_image():
    stack = np.zeros((2, 12, 12), dtype=np.float32)
    stack[1] = 1.0

    def shares(images):
        bright = images.reshape(len(images), -1).mean(axis=1) * 0.9 + 0.05
        return np.column_stack([1 - bright, bright])

    e = xk.RISE(budget=200, random_state=0, verbose=False).fit(
        xk.wrap(shares, task="classification", output_names=["dark", "bright"]), xk.ImageMasker()).explain(stack)
    for row, name in enumerate(("dark", "bright")):
        assert f"{name} = 0.95 (largest of 2)" in plots.image_overlay(e, row=row).get_title(loc="left")


def test_the_waterfall_of_lime_begins_where_no_condition_holds_and_shows_its_fidelity():
    ax = plots.waterfall(LIME)
    assert ax.get_yticklabels()[0].get_text() == "no condition holds"
    k = LIME.predictions[0].argmax()
    assert f"fidelity: R² = {LIME.fidelity[0, k]:.2f}" in ax.get_xlabel()
    assert "fidelity" not in plots.waterfall(TABLE).get_xlabel()
    of_text = plots.waterfall(xk.LIME(random_state=0, budget=60).fit(of_texts, xk.TextMasker()).explain(TEXTS[:1]))
    assert of_text.get_yticklabels()[0].get_text() == "no unit shown"
    near = xk.LIME(discretize=None, random_state=0).fit(THREE, X).explain(ROWS[:1])
    assert plots.waterfall(near).get_yticklabels()[0].get_text() == "intercept"
