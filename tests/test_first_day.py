"""A first day: what the README promises, on tables, texts, images, three classes and two targets, without a surprise."""

from __future__ import annotations

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import xaikit as xk

RNG = np.random.default_rng(0)
N = 90
PEOPLE = pd.DataFrame({
    "age": RNG.integers(18, 70, N), "income": RNG.normal(40_000, 9_000, N).round(),
    "city": RNG.choice(["Ulm", "Bonn", "Kiel"], N), "member": RNG.random(N) < 0.5,
}, index=RNG.permutation(np.arange(5_000, 5_000 + N)))
RISK = pd.Series(np.array(["high", "low", "middle"])[np.digitize(PEOPLE["age"] + 9 * PEOPLE["member"], [35, 55])],
                 PEOPLE.index)
SPENT = pd.DataFrame({"food": PEOPLE["income"] * 0.01, "rent": PEOPLE["age"] * 10.0}, PEOPLE.index)
TEXTS = ["a good film", "a bad film", "good, good fun", "bad and dull", "dull", "fun for all"] * 4
LIKED = np.array(["yes", "no", "yes", "no", "no", "yes"] * 4)


def pipeline(model):
    encode = make_column_transformer((OneHotEncoder(), ["city"]), remainder="passthrough")
    return make_pipeline(encode, model)


@pytest.fixture(autouse=True)
def _warnings_are_surprises():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
    plt.close("all")


@pytest.fixture(scope="module")
def classes():
    return pipeline(RandomForestClassifier(15, random_state=0)).fit(PEOPLE, RISK)


def quiet(capsys):
    said = capsys.readouterr()
    assert said.err == said.out == ""


def test_a_table_with_three_classes(classes, tmp_path, capsys):
    e = xk.explain(classes, PEOPLE.iloc[:4], PEOPLE, random_state=0)
    assert e.output_names == ("high", "low", "middle")
    assert e.warnings == ()
    np.testing.assert_allclose(e.gap(), 0.0, atol=1e-9)
    label = PEOPLE.index[2]
    named = classes.predict(PEOPLE.loc[[label]])[0]
    assert f"row {label} · {named} (largest of 3)" == xk.plots.waterfall(e, row=label).get_title(loc="left")
    xk.plots.bar(e, output="high")
    xk.plots.beeswarm(e, output="high")
    xk.plots.scatter(e, "age", output="high")
    assert xk.load_explanation(e.save(tmp_path / "e.json")).row_names == e.row_names
    assert e.loc[label].to_frame()["output"].nunique() == 3
    quiet(capsys)


def test_importance_of_a_table(classes, capsys):
    e = xk.PermutationImportance(random_state=0, n_repeats=3).fit(classes).explain(PEOPLE, RISK)
    assert e.top(2).feature_names == ("age", "member")
    assert e.settings["score"]["accuracy"] == classes.score(PEOPLE, RISK)
    impact = xk.MeanImpactValue().fit(classes).explain(PEOPLE)
    assert impact[:, "high"].to_frame()["feature"].iloc[0] == "age"
    assert e.warnings == impact.warnings == ()
    quiet(capsys)


def test_a_report_on_three_classes(classes, tmp_path, capsys):
    r = xk.report(classes, PEOPLE, RISK, output="high", path=tmp_path / "r.html", n_explain=5, n_global=40)
    measured = r.tables["performance"].set_index("measure")["model"]
    assert measured["accuracy"] == classes.score(PEOPLE, RISK)
    assert r.tables["ranks"]["feature"].iloc[0] == "age"
    assert {p.suffix for p in tmp_path.iterdir()} == {".html", ".md", ".json", ".csv"}
    quiet(capsys)


def test_two_targets(capsys):
    model = pipeline(RandomForestRegressor(5, random_state=0)).fit(PEOPLE, SPENT)
    wrapped = xk.wrap(model, output_names=["food", "rent"])
    e = xk.explain(wrapped, PEOPLE.iloc[:2], PEOPLE, random_state=0)
    xk.plots.waterfall(e, output="rent")
    with pytest.raises(xk.SettingError, match="the model has 2 targets.*name one, such as output='food'"):
        xk.plots.waterfall(e)
    for target, feature in (("food", "income"), ("rent", "age")):
        one = xk.wrap(wrapped, outputs=target)
        found = xk.PermutationImportance(random_state=0, n_repeats=2).fit(one).explain(PEOPLE, SPENT)
        assert found.top(1).feature_names == (feature,)
        r = xk.report(one, PEOPLE, SPENT, path=None, methods=["permutation"], n_global=40)
        assert r.tables["performance"]["model"].iloc[0] > 0.9
    quiet(capsys)


def test_lime_of_a_row(classes, capsys):
    e = xk.LIME(budget=400, random_state=0).fit(classes, PEOPLE).explain(PEOPLE.iloc[[5]])
    ax = xk.plots.waterfall(e)
    assert ax.get_yticklabels()[0].get_text() == "no condition holds"
    assert "fidelity: R² = " in ax.get_xlabel()
    quiet(capsys)


def test_texts(capsys):
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(TEXTS, LIKED)
    e = xk.explain(model, TEXTS[:2], random_state=0)
    for r, named in enumerate(model.predict(TEXTS[:2])):
        assert f"· {named} (largest of 2)" in xk.plots.text_highlight(e, row=r).get_title(loc="left")
    assert e.importance().top(1, output="yes").feature_names[0] in ("good", "bad")
    quiet(capsys)


def test_images(capsys):
    images = np.zeros((2, 8, 8))
    images[0, :4, :4], images[1, 4:, 4:] = 1.0, 1.0

    def model(stack):
        lit = np.stack([stack[:, :4, :4].mean(axis=(1, 2)), stack[:, 4:, 4:].mean(axis=(1, 2))], axis=1)
        return (lit + 0.1) / (lit + 0.1).sum(axis=1, keepdims=True)

    e = xk.explain(model, images, xk.ImageMasker("grid", n_segments=4, baseline=0.0), random_state=0)
    for r in range(2):
        assert f"output {r} = 0.917 (largest of 2)" in xk.plots.image_overlay(e, row=r).get_title(loc="left")
        assert e[r].top(1, output=r).n_units == 1
    quiet(capsys)
