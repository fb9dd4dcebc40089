"""Tests of the report: what it says, that it says it safely, and that it can be trusted to."""

from __future__ import annotations

import json
import os
import re
from html.parser import HTMLParser

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import xaikit as xk
from xaikit.explanations.base import Explanation
from xaikit.plots.style import INK
from xaikit.reporting import checks, document, performance, render
from xaikit.reporting import data as table_data
from xaikit.reporting.figures import draw
from xaikit.reporting.importance import Blind, with_noise
from xaikit.reporting.inputs import content_hash, read_labels
from xaikit.reporting.truth import Truth
from xaikit.tables import files

SECTIONS = ["provenance", "performance", "data", "importance", "contributions", "examples",
            "checks", "caveats", "tables"]
SMALL = {"n_explain": 12, "n_global": 60, "budget": 2500}
VOID = {"meta", "link", "br", "img", "input", "hr"}
NASTY = "<script>alert(1)</script>"


@pytest.fixture(autouse=True, scope="module")
def _few_resamples():
    """Draw few bootstrap samples: how wide intervals are is not what is tested here."""
    before, performance.N_BOOTSTRAP = performance.N_BOOTSTRAP, 20
    yield
    performance.N_BOOTSTRAP = before


class Page(HTMLParser):
    """Reads a page, insisting that every tag is closed in order."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.text, self.scripts = [], [], [], 0
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open
        assert self.open.pop() == tag

    def handle_data(self, text):
        self.text.append(text)

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def cancer():
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    return X.iloc[:300, :5], y[:300]


def classifier(X, y):
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)


@pytest.fixture(scope="module")
def made(_few_resamples, tmp_path_factory):
    """One report on a classifier, with its files."""
    X, y = cancer()
    path = tmp_path_factory.mktemp("report") / "report.html"
    return X, y, xk.report(classifier(X, y), X, y, path=path, data_name="cancer", **SMALL)


@pytest.fixture(scope="module")
def page(made):
    return Page(made[2].path.read_text(encoding="utf8"))


def quick(model, X, y=None, **settings):
    return xk.report(model, X, y, **{"path": None, **SMALL, **settings})


def without_times(text):
    return re.sub(r"<!-- timing: begin -->.*?<!-- timing: end -->", "", text, flags=re.DOTALL)


# ---------------------------------------------------------------- the page


def test_sections_are_there_in_order(made, page):
    assert [s.key for s in made[2].sections] == SECTIONS
    ids = [attrs.get("id") for attrs in page.all("h2")]
    assert ids == ["summary", *SECTIONS]
    assert 3 <= len(made[2].summary) <= 5


def test_page_asks_no_network_and_runs_only_its_own_script(made, page):
    html = made[2].to_html()
    assert "http://" not in html
    assert "https://" not in html
    assert "@import" not in html
    assert len(page.all("script")) == 1
    assert "src" not in page.all("script")[0]
    for tag, attrs in page.tags:
        assert not any(key.startswith("on") for key in attrs), tag
        for key in ("src", "href"):
            assert attrs.get(key, "#").startswith(("#", "data:"))
    policy = next(a["content"] for a in page.all("meta") if "content" in a and "http-equiv" in a)
    assert policy.startswith("default-src 'none'")


def test_every_drawing_has_words_and_a_table(made, page):
    drawings = [b for s in made[2].sections for b in s.blocks if isinstance(b, document.Figure)]
    assert len(drawings) >= 8
    assert len(page.all("svg")) == len(drawings)
    for attrs in page.all("svg"):
        assert attrs["role"] == "img"
        assert len(attrs["aria-label"]) > 20
    shown = {attrs.get("id") for attrs in page.all("table")}
    for drawing in drawings:
        assert len(drawing.table.frame) > 0
        assert f"table-{render.slug(drawing.table.name)}" in shown


def test_ids_are_unique_and_links_lead_somewhere(page):
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    for attrs in page.all("a") + page.all("use"):
        assert attrs["href"][1:] in ids


def test_colours_follow_the_page_and_keyboards_reach_it(made, page):
    html = made[2].to_html()
    assert INK not in html.split("</style>")[1]
    assert "var(--ink)" in html
    for wanted in ("prefers-color-scheme: dark", "@media print", ":focus-visible", "max-width: 30rem"):
        assert wanted in html
    assert page.all("a")[0]["class"] == "skip"
    assert all(a["tabindex"] == "0" for _, a in page.tags if a.get("role") == "region")


def test_files_are_written_and_can_be_read_again(made):
    _, _, r = made
    folder = r.path.parent
    assert sorted(p.name for p in folder.iterdir()) == [
        "attributions.csv", "importance.csv", "report.html", "report.json", "report.md"]
    state = json.loads((folder / "report.json").read_text())
    assert state["type"] == "Report"
    for key, e in r.explanations.items():
        back = Explanation.from_dict(state["explanations"][key])
        np.testing.assert_array_equal(back.values, e.values)
        assert back.cost.model_rows == e.cost.model_rows
    importance = pd.read_csv(folder / "importance.csv")
    assert set(importance["method"]) == set(r.explanations)
    attributions = pd.read_csv(folder / "attributions.csv")
    assert len(attributions) == 12 * 5
    text = (folder / "report.md").read_text()
    assert [line for line in text.splitlines() if line.startswith("## ")][3] == "## 4 · Importance"


def test_an_explanation_of_the_json_loads_on_its_own(made, tmp_path):
    state = made[2].to_dict()["explanations"]["kernel_shap"]
    (tmp_path / "e.json").write_text(json.dumps(state))
    assert xk.load_explanation(tmp_path / "e.json").feature_names == tuple(made[0].columns)


def test_same_seed_same_files_times_apart(made):
    X, y, r = made
    again = quick(classifier(X, y), X, y, data_name="cancer", path=r.path)
    assert without_times(again.to_html()) == without_times(r.to_html())
    assert without_times(again.to_markdown()) == without_times(r.to_markdown())
    one, two = r.to_dict(), again.to_dict()
    one.pop("timing"), two.pop("timing")
    assert json.dumps(one) == json.dumps(two)
    other = quick(classifier(X, y), X, y, data_name="cancer", random_state=1)
    assert without_times(other.to_html()) != without_times(r.to_html())


def test_no_figure_is_left_open(made):
    assert plt.get_fignums() == []


# ---------------------------------------------------------------- escaping


def test_names_and_values_are_text_everywhere():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({NASTY: rng.normal(size=40), "b|`*_x": rng.choice(["<b>&", "$x$"], 40)})
    y = np.where(X[NASTY] > 0, "<i>yes", "no&")

    def model(T):
        return 1 / (1 + np.exp(-T[NASTY].to_numpy() - (T["b|`*_x"] == "<b>&").to_numpy()))

    r = quick(xk.wrap(model, task="classification"), X, y, title=f"On {NASTY}",
              model_name="<img src=x onerror=alert(1)>", data_name='"><script>')
    html = r.to_html()
    page = Page(html)
    assert len(page.all("script")) == 1
    assert page.all("img") == page.all("i") == page.all("b") == []
    assert NASTY not in html
    assert any(NASTY in t for t in page.text)
    assert any(NASTY in a["aria-label"] for a in page.all("svg"))
    text = r.to_markdown()
    assert "<script>" not in text
    assert "<b>" not in text
    rows = [line for line in text.splitlines() if line.startswith("| b")]
    assert rows
    assert all("b|" not in line for line in rows)


def test_svg_leaves_the_text_of_users_alone():
    name = 'id="x" url(#y) ' + INK
    svg = draw("f", 'a "quoted" <alt>', 2, lambda ax: ax.set_xlabel(name))
    assert name in svg
    assert 'aria-label="a &quot;quoted&quot; &lt;alt&gt;"' in svg
    assert svg == draw("f", 'a "quoted" <alt>', 2, lambda ax: ax.set_xlabel(name))


# ---------------------------------------------------------------- paths


class Counting:
    def __init__(self):
        self.calls = 0

    def __call__(self, X):
        self.calls += 1
        return np.asarray(X)[:, 0]


def test_unwritable_paths_are_refused_before_any_model_call(tmp_path):
    model, X = Counting(), np.random.default_rng(0).normal(size=(20, 2))
    (tmp_path / "a_file").write_text("")
    (tmp_path / "taken.json").mkdir()
    cases = [(tmp_path, ValueError, "is a folder"),
             (tmp_path / "a_file" / "r.html", OSError, "cannot be written"),
             (tmp_path / "taken.html", OSError, "is a folder"),
             (tmp_path / "r.md", ValueError, "end it in .html")]
    for path, error, message in cases:
        with pytest.raises(error, match=message):
            xk.report(model, X, path=path)
    assert model.calls == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_no_permission_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match="cannot be written"):
        files.check_writable(tmp_path / "r.html")


def test_missing_folders_are_made_and_names_follow_the_stem(tmp_path):
    X = np.random.default_rng(0).normal(size=(30, 2))
    path = tmp_path / "new" / "folder" / "mine.html"
    r = quick(lambda T: T[:, 0], X, path=path, methods=["mean_impact"])
    assert r.path == path
    assert sorted(p.name for p in path.parent.iterdir()) == [
        "mine-attributions.csv", "mine-importance.csv", "mine.html", "mine.json", "mine.md"]
    assert "mine.html" in repr(r)


def test_a_failed_write_leaves_no_half_file(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    target = tmp_path / "r.html"
    target.write_text("old")
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        files.write_whole(target, "new")
    assert [p.name for p in tmp_path.iterdir()] == ["r.html"]
    assert target.read_text() == "old"


# ---------------------------------------------------------------- settings


@pytest.mark.parametrize(("settings", "message"), [
    ({"methods": ["shap"]}, "methods must be some of"),
    ({"methods": []}, "got none"),
    ({"y": [1, 2]}, "2 labels for 30 rows"),
    ({"y": np.zeros((30, 2))}, "one label a row"),
    ({"y": pd.DataFrame(np.zeros((30, 2)))}, "2 columns"),
    ({"output": "nope"}, "not one of the model's outputs"),
    ({"output": [0, 0]}, "one name or position"),
    ({"n_explain": 0}, "n_explain must be"),
    ({"background": np.zeros((0, 2))}, "background has no rows"),
])
def test_settings_that_do_not_fit_are_named(settings, message):
    X = np.random.default_rng(0).normal(size=(30, 2))
    with pytest.raises(ValueError, match=message):
        quick(lambda T: T[:, 0], X, **settings)


def test_empty_tables_are_refused():
    with pytest.raises(ValueError, match="X needs rows and columns"):
        quick(lambda T: T[:, 0], np.zeros((0, 2)))


# ---------------------------------------------------------------- performance


def test_performance_is_scikit_learns_own_on_the_same_rows(made):
    X, y, r = made
    model = classifier(X, y)
    p = model.predict_proba(X)
    shown = r.tables["performance"].set_index("measure")["model"]
    assert shown["accuracy"] == metrics.accuracy_score(y, model.predict(X))
    assert shown["balanced accuracy"] == metrics.balanced_accuracy_score(y, model.predict(X))
    assert shown["log-loss"] == pytest.approx(metrics.log_loss(y, p), abs=1e-12)
    assert shown["Brier score"] == pytest.approx(metrics.brier_score_loss(y, p[:, 1]), abs=1e-12)
    assert shown["ROC AUC"] == metrics.roc_auc_score(y, p[:, 1])
    guess = r.tables["performance"].set_index("measure")["constant guess"]
    assert guess["accuracy"] == y.value_counts(normalize=True).iloc[0]
    assert guess["ROC AUC"] == 0.5
    table = r.tables["confusion"].iloc[:, 1:3].to_numpy()
    np.testing.assert_array_equal(table, metrics.confusion_matrix(y, model.predict(X)))
    assert r.tables["calibration"]["rows"].sum() == 300


def test_regression():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    X = X.iloc[:150, :4]
    y = y[:150].copy()
    model = DecisionTreeRegressor(max_depth=4, random_state=0).fit(X, y)
    y.iloc[:7] = np.nan
    r = quick(model, X, y)
    known = y.notna()
    shown = r.tables["performance"].set_index("measure")
    assert shown.loc["R²", "model"] == metrics.r2_score(y[known], model.predict(X[known]))
    assert shown.loc["MAE", "model"] == metrics.mean_absolute_error(
        y[known], model.predict(X[known]))
    assert shown.loc["R²", "constant guess"] == pytest.approx(0.0, abs=1e-12)
    assert "7 rows without a label" in " ".join(r.texts["performance"])
    assert r.tables["residuals"]["rows"].sum() == 143
    assert "variance" in r.summary[0]


def test_several_classes_and_the_chosen_output():
    X, y = load_iris(return_X_y=True, as_frame=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    model = LogisticRegression(max_iter=500).fit(X, names)
    r = quick(model, X, names, output="versicolor")
    assert r.explanations["kernel_shap"].output_names == ("versicolor",)
    assert "versicolor" in " ".join(r.summary)
    shown = r.tables["performance"].set_index("measure")["model"]
    assert shown["ROC AUC"] == pytest.approx(
        metrics.roc_auc_score(names, model.predict_proba(X), multi_class="ovr"))
    assert "Brier score" not in shown
    default = quick(model, X, methods=["kernel_shap"])
    assert default.explanations["kernel_shap"].output_names[0] in names


def test_without_labels():
    X, y = cancer()
    r = quick(classifier(X, y), X)
    assert [s.key for s in r.sections] == SECTIONS
    assert "No labels were given" in r.texts["performance"][0]
    assert "performance" not in r.tables
    assert r.explanations["permutation"].output_names == ("1",)


def test_methods_can_be_left_out():
    X, y = cancer()
    r = quick(classifier(X, y), X, y, methods="permutation")
    assert list(r.explanations) == ["permutation"]
    assert "Needs Kernel SHAP" in r.texts["contributions"][0]
    assert len(r.attributions) == 0
    Page(r.to_html())


@pytest.mark.parametrize("labels", ["text", "bool", "number"])
def test_a_function_with_one_probability(labels):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3))
    hit = X[:, 0] + 0.3 * rng.normal(size=80) > 0
    y = {"text": np.where(hit, "yes", "no"), "bool": hit, "number": hit * 2.0 + 1}[labels]

    def model(T):
        return 1 / (1 + np.exp(-3 * T[:, 0]))

    r = quick(model, X, y, methods=["permutation"])
    said = " ".join(r.texts["performance"])
    assert "Assumed: the model is a classifier" in said
    assert "is the positive one" in said
    accuracy = r.tables["performance"].set_index("measure").loc["accuracy", "model"]
    assert accuracy == metrics.accuracy_score(hit, model(X) > 0.5)
    assert r.importances["feature"].iloc[0] == "x0"


def test_a_function_of_numbers_is_taken_for_a_regression():
    X = np.random.default_rng(0).normal(size=(60, 2))
    r = quick(lambda T: 3 * T[:, 1], X, X[:, 1])
    assert "Assumed: the model is a regression" in " ".join(r.texts["performance"])
    unfit = quick(lambda T: T[:, :1] * [[1.0, 2.0]], X, [f"t{i % 5}" for i in range(60)],
                  methods=["kernel_shap"])
    assert "do not fit each other" in " ".join(unfit.texts["performance"])


def test_a_decision_score_has_no_probabilities():
    X, y = cancer()
    r = quick(SVC().fit(X, y), X, y, methods=["permutation"])
    assert "no probabilities" in " ".join(r.texts["performance"])
    shown = r.tables["performance"].set_index("measure")["model"]
    assert shown["ROC AUC"] == metrics.roc_auc_score(y, SVC().fit(X, y).decision_function(X))


def test_labels_that_the_model_does_not_know():
    X, y = cancer()
    strange = y.astype(object).copy()
    strange.iloc[:5] = "?"
    r = quick(classifier(X, y), X, strange, methods=["mean_impact"])
    assert "5 rows left out" in " ".join(r.texts["performance"])
    none = quick(classifier(X, y), X, ["?"] * 300, methods=["mean_impact"])
    assert "none of the labels is among them" in " ".join(none.texts["performance"])
    missing = quick(classifier(X, y), X, [None] * 300, methods=["mean_impact"])
    assert "All labels are missing" in " ".join(missing.texts["performance"])


def test_calibration_error_by_hand():
    truth = Truth("classification", np.arange(4), np.array([0, 1, 1, 0]), np.zeros(4), ("a", "b"),
                  np.array([[0.95, 0.05], [0.95, 0.05], [0.05, 0.95], [0.05, 0.95]]))
    bins = performance.reliability(truth, 1)
    assert bins["came true"].tolist() == [0.5, 0.5]
    assert performance.calibration_error(bins) == pytest.approx(0.45)


# ---------------------------------------------------------------- data


def mixed(n=200):
    rng = np.random.default_rng(0)
    age = rng.integers(18, 80, n)
    city = rng.choice(["Ulm", "Bonn", "Kiel"], n)
    return pd.DataFrame({
        "age": age, "tenure": age + rng.normal(0, 1, n), "city": city,
        "zip": pd.Series(city).map({"Ulm": "89", "Bonn": "53", "Kiel": "24"}),
        "level": np.where(rng.random(n) < 0.5, "low", "high"),
        "constant": 1.0, "empty": np.nan, "gaps": np.where(rng.random(n) < 0.3, np.nan, 1.0),
        "id": [f"person {i}" for i in range(n)], "free": rng.normal(size=n),
    })


def test_clusters_are_found():
    frame = mixed()
    frame["score"] = np.where(frame["level"] == "low", 0.0, 10.0) + frame["free"]
    found = table_data.associate(frame, tuple(frame.columns), np.random.default_rng(0))
    assert set(found.clusters) == {("age", "tenure"), ("city", "zip"), ("level", "score")}
    measures = {(p.first, p.second): p.measure for p in found.pairs}
    assert measures == {("age", "tenure"): "Spearman ρ", ("city", "zip"): "Cramér's V",
                        ("level", "score"): "correlation ratio η"}
    assert found.skipped == ("id",)


def test_associations_of_unrelated_columns_are_near_zero():
    rng = np.random.default_rng(1)
    a, b = rng.integers(40, size=300), rng.integers(30, size=300)
    assert table_data.cramers_v(a, b) < 0.2
    assert table_data.correlation_ratio(a, rng.normal(size=300)) < 0.3
    assert np.isnan(table_data.cramers_v(a, np.zeros(300, dtype=int)))
    assert np.isnan(table_data.correlation_ratio(a[:5], rng.normal(size=5)))


def test_caveats_are_raised_by_the_data():
    X = mixed(90)
    y = np.array(["rare"] * 5 + ["common"] * 85)

    def model(T):
        return 0.2 + 0.001 * T["tenure"].to_numpy()

    r = quick(xk.wrap(model, task="classification"), X, y)
    said = " ".join(r.caveats)
    for wanted in ("age and tenure say nearly the same", "empty: all values are missing",
                   "constant", "identifier", "gaps (", "only 90 rows", "unbalanced",
                   "not clearly better than a constant guess"):
        assert wanted in said, wanted
    assert r.summary[-1].startswith("Above all keep in mind")


def test_a_background_that_is_sampled_down_is_a_caveat(made):
    assert any("random sample of 100 of 300" in c for c in made[2].caveats)


def test_methods_that_disagree_are_a_caveat():
    rng = np.random.default_rng(0)
    # A flag that moves the output a lot, but that no label follows.
    X = pd.DataFrame({"flag": rng.integers(0, 2, 120) * 10.0, "signal": rng.normal(size=120)})

    def model(T):
        return 5 * T["flag"].to_numpy() + T["signal"].to_numpy()

    r = quick(model, X, X["signal"] * 1.0 - 5 * X["flag"].mean(), methods=["mean_impact", "kernel_shap"])
    assert any("flag" in t for t in r.tables["ranks"]["feature"])
    one = xk.report(lambda T: np.where(T["flag"] > 5, 3.0, 0) * (T["signal"] > 0) + 2 * T["signal"],
                    X, path=None, **SMALL)
    firsts = {e.feature_names[e.order(0)[0]] for k, e in one.explanations.items()
              if k != "kernel_shap"}
    assert any("disagree" in c for c in one.caveats) == (len(firsts) > 1)


def test_thousands_of_levels_and_odd_cells():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"text": [f"word {i}" for i in rng.integers(0, 5000, 400)],
                      "n": rng.normal(size=400)})
    r = quick(lambda T: T["n"].to_numpy() + T["text"].str.len().to_numpy(), X)
    assert any("identifier" in c for c in r.caveats)
    assert len(r.to_html()) < 2_000_000


@pytest.mark.parametrize("labelled", [True, False])
def test_one_row(labelled):
    X = pd.DataFrame({"a": [1.0], "b": ["x"]})
    background = pd.DataFrame({"a": [0.0, 2.0, 3.0], "b": ["y", "x", "z"]})
    r = quick(lambda T: T["a"].to_numpy(), X, [1.0] if labelled else None, background=background)
    Page(r.to_html())
    assert any("only 1 row:" in c for c in r.caveats)
    assert any("no score can drop" in c for c in r.caveats) == labelled
    quick(lambda T: T["a"].to_numpy(), X, [1.0] if labelled else None)  # its own background


def test_a_constant_model():
    X = np.random.default_rng(0).normal(size=(30, 2))
    r = quick(lambda T: np.zeros(len(T)), X)
    assert "nothing to explain" in r.caveats[0]
    assert "No feature moves" in " ".join(r.summary)


def test_groups_and_missing_values():
    X, y = cancer()
    X = X.mask(np.random.default_rng(0).random(X.shape) < 0.1)
    model = DecisionTreeClassifier(max_depth=4, random_state=0).fit(X, y)
    groups = {"size": list(X.columns[[0, 2, 3]])}
    r = quick(model, X, y, groups=groups)
    assert r.explanations["kernel_shap"].feature_names[0] == "size" or (
        "size" in r.explanations["kernel_shap"].feature_names)
    Page(r.to_html())


def test_content_hash_sees_every_value():
    frame = mixed(20)
    schema = xk.Schema.of(frame)
    one = content_hash(frame, None, schema)
    assert one == content_hash(frame.copy(), None, schema)
    frame.loc[3, "free"] += 1e-9
    assert one != content_hash(frame, None, schema)
    assert one != content_hash(frame, np.zeros(20, dtype=object), schema)


def test_labels_are_read_as_objects():
    assert pd.isna(read_labels([1.0, np.nan], 2)[1])
    assert read_labels(np.array([[True], [False]]), 2).tolist() == [True, False]


# ---------------------------------------------------------------- importance and checks


def test_the_model_never_sees_the_noise():
    X, y = cancer()
    predictor = xk.wrap(classifier(X, y)).bind(X)
    blind = Blind(predictor)
    noisy = with_noise(X, "noise", np.random.default_rng(0))
    assert noisy.shape == (300, 6)
    np.testing.assert_array_equal(blind(noisy), predictor(X))
    np.testing.assert_array_equal(blind.predict(noisy), predictor.model.predict(X))
    assert not hasattr(blind, "fit")
    array = with_noise(X.to_numpy(), "noise", np.random.default_rng(0))
    np.testing.assert_array_equal(array[:, :5], X.to_numpy())


def test_importance_is_set_beside_noise(made):
    said = " ".join(made[2].texts["importance"])
    assert "never sees" in said
    assert "true importance is zero" in said
    frame = made[2].importances
    assert (frame.loc[frame["method"] == "permutation", "noise"] == 0).all()
    X = np.random.default_rng(0).normal(size=(100, 3))
    r = quick(lambda T: T[:, 0] + 1e-9 * T[:, 1], X, methods=["kernel_shap", "permutation"],
              background=X[:20])
    apart = r.importances.set_index(["method", "feature"])["told apart from noise"]
    assert apart["permutation", "x0"]
    assert not apart["permutation", "x2"]


def test_exact_explanations_pass_their_checks():
    X = np.random.default_rng(0).normal(size=(60, 3))
    r = quick(LinearRegression().fit(X, X @ [1.0, 2.0, 3.0]), X, X @ [1.0, 2.0, 3.0],
              budget="auto", background=X[:30])
    verdicts = {c.name: c.verdict for c in r.checks}
    assert verdicts["Additivity"] == verdicts["Sampling error"] == "fine"
    assert verdicts["Other seeds"] == verdicts["Fidelity of the sum"] == "fine"
    assert verdicts["Same question, same answer"] == verdicts["Input left unchanged"] == "fine"


def test_a_noisy_model_is_found_out():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2))
    r = quick(lambda T: T[:, 0] + rng.normal(size=len(T)), X, methods=["permutation"])
    assert {c.name: c.verdict for c in r.checks}["Same question, same answer"] == "act"
    assert any("check failed" in c for c in r.caveats)


def test_stability_by_hand():
    one = np.array([[3.0, 2.0, 0.0]])
    found = checks.compare([one, one])
    assert (found.shared, found.largest) == (1.0, 0.0)
    found = checks.compare([one, np.array([[0.0, 2.0, 1.0]])])
    assert found.shared == pytest.approx(1 / 3)
    assert found.largest == 3.0


def test_model_rows_are_counted_in_full():
    class Rows:
        n = 0

        def __call__(self, T):
            Rows.n += len(T)
            return T[:, 0] * T[:, 1]

    X = np.random.default_rng(0).normal(size=(50, 2))
    r = quick(Rows(), X)
    assert r.provenance["model rows asked"] == Rows.n


def test_cells_are_written_for_readers():
    shown = [document.Cell.of(v).text for v in
             (True, 12345, 1999, 0.00012345, np.nan, None, pd.NaT, "a" * 100, "x\ny")]
    assert shown == ["yes", "12,345", "1999", "0.000123", "–", "–", "–", "a" * 79 + "…", "x y"]
