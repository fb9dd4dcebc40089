"""Reports: paths, settings, escaped text, and the same files from the same seed."""

from __future__ import annotations

import json
import os

import numpy as np
import pandas as pd
import pytest
from report_cases import Page, quick, without_times

import xaikit as xk
from xaikit.plots.style import INK
from xaikit.reporting import files
from xaikit.reporting.figures import draw
from xaikit.tables.files import write_whole

NASTY = "<script>alert(1)</script>"


def test_same_seed_same_files_times_apart(tmp_path):
    X = np.random.default_rng(0).normal(size=(40, 2))
    y = X[:, 0] + X[:, 1] ** 2

    def made(seed, **settings):
        return quick(lambda T: T[:, 0] * T[:, 1], X, y, path=tmp_path / "report.html",
                     random_state=seed, n_explain=4, n_global=30, **settings)

    r, again = made(0), made(0)
    assert without_times(again.to_html()) == without_times(r.to_html())
    assert without_times(again.to_markdown()) == without_times(r.to_markdown())
    one, two = r.to_dict(), again.to_dict()
    one.pop("timing"), two.pop("timing")
    assert json.dumps(one) == json.dumps(two)
    other = made(1, methods=["mean_impact"])
    assert without_times(other.to_html()) != without_times(r.to_html())
    assert not other.tables["performance"].equals(r.tables["performance"])


def test_names_and_values_are_text_everywhere():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({NASTY: rng.normal(size=40), "b|`*_x": rng.choice(["<b>&", "$x$"], 40)})
    y = np.where(X[NASTY] > 0, "<i>yes", "no&")

    def model(T):
        return 1 / (1 + np.exp(-T[NASTY].to_numpy() - (T["b|`*_x"] == "<b>&").to_numpy()))

    r = quick(xk.wrap(model, task="classification"), X, y, title=f"On {NASTY}", n_explain=4,
              methods=["kernel_shap", "mean_impact"],
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
        write_whole(target, "new")
    assert [p.name for p in tmp_path.iterdir()] == ["r.html"]
    assert target.read_text() == "old"


@pytest.mark.parametrize(("settings", "message"), [
    ({"n_global": 2.5}, "n_global must be a whole number of at least 1, got 2.5"),
    ({"n_explain": True}, "n_explain must be a whole number of at least 1, got True"),
    ({"budget": 0}, "budget must be"),
    ({"n_jobs": 0}, "n_jobs must be"),
    ({"methods": ["shap"]}, "methods must be some of"),
    ({"methods": []}, "got none"),
    ({"y": [1, 2]}, "2 labels for 30 rows"),
    ({"y": np.zeros((30, 2))}, "one label per row"),
    ({"y": pd.DataFrame(np.zeros((30, 2)))}, "2 columns"),
    ({"n_explain": 0}, "n_explain must be"),
    ({"background": np.zeros((0, 2))}, "background has no rows"),
])
def test_settings_that_do_not_fit_are_named(settings, message):
    X = np.random.default_rng(0).normal(size=(30, 2))
    with pytest.raises(ValueError, match=message):
        quick(lambda T: T[:, 0], X, **settings)


@pytest.mark.parametrize(("output", "error", "message"), [
    ("nope", KeyError, "no output named 'nope'; there are output"), (7, IndexError, "output 7 is out of range"),
    ([0, 0], TypeError, "output must be one position or name"),
])
def test_outputs_that_are_not_there_cost_no_explanation(output, error, message):
    model, X = Counting(), np.random.default_rng(0).normal(size=(30, 2))
    with pytest.raises(error, match=message):
        quick(model, X, output=output)
    bound = Counting()
    xk.wrap(bound).bind(X)(X)
    assert model.calls <= bound.calls


def test_empty_tables_are_refused():
    with pytest.raises(ValueError, match="X needs rows and columns"):
        quick(lambda T: T[:, 0], np.zeros((0, 2)))
