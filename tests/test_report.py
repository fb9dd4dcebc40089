"""One report on a classifier: its page, its files, and what it says."""

from __future__ import annotations

import json

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from report_cases import SECTIONS, Page, cancer, classifier, quick, said
from sklearn import metrics

import xaikit as xk
from xaikit.explanations.base import Explanation
from xaikit.plots.style import INK
from xaikit.reporting import document, render


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return the rows, the labels and the report of a classifier, with its files."""
    X, y = cancer()
    path = tmp_path_factory.mktemp("report") / "report.html"
    return X, y, quick(classifier(X, y), X, y, path=path, data_name="cancer")


@pytest.fixture(scope="module")
def page(made):
    """Return the page of that report."""
    return Page(made[2].path.read_text(encoding="utf8"))


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
    assert len(attributions) == 12 * 3
    text = (folder / "report.md").read_text()
    assert [line for line in text.splitlines() if line.startswith("## ")][3] == "## 4 · Importance"


def test_an_explanation_of_the_json_loads_on_its_own(made, tmp_path):
    state = made[2].to_dict()["explanations"]["kernel_shap"]
    (tmp_path / "e.json").write_text(json.dumps(state))
    assert xk.load_explanation(tmp_path / "e.json").feature_names == tuple(made[0].columns)


def test_no_figure_is_left_open(made):
    assert plt.get_fignums() == []


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


def test_a_background_that_is_sampled_down_is_a_caveat(made):
    assert any("random sample of 100 of 300" in c for c in made[2].caveats)


def test_importance_is_set_beside_noise(made):
    assert "never sees" in said(made[2], "importance")
    assert "true importance of this column is zero" in said(made[2], "importance")
    frame = made[2].importances
    assert (frame.loc[frame["method"] == "permutation", "noise"] == 0).all()
    X = np.random.default_rng(0).normal(size=(100, 3))
    r = quick(lambda T: T[:, 0] + 1e-9 * T[:, 1], X, methods=["kernel_shap", "permutation"],
              background=X[:20])
    above = r.importances.set_index(["method", "feature"])["above noise"]
    assert above["permutation", "x0"]
    assert not above["permutation", "x2"]
