"""Reports for tests: a reader of pages, small tables and models, and reports of few rows."""

from __future__ import annotations

import contextlib
import re
from html.parser import HTMLParser
from unittest import mock

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import xaikit as xk
from xaikit.reporting import performance
from xaikit.reporting.sections import examples, importance, shape
from xaikit.reporting.sections import performance as sections_performance

SECTIONS = ["provenance", "performance", "data", "importance", "contributions", "examples",
            "checks", "caveats", "tables"]
SMALL = {"n_explain": 12, "n_global": 60, "budget": 2500}
DRAWN = (examples, importance, sections_performance, shape)
VOID = {"meta", "link", "br", "img", "input", "hr"}


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
    """Return 300 rows of three columns, and their labels."""
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    return X.iloc[:300, :3], y[:300]


def classifier(X, y):
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)


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


def quick(model, X, y=None, **settings):
    """Return a report of few rows, unless settings say otherwise, with few bootstrap samples."""
    with mock.patch.object(performance, "N_BOOTSTRAP", 20):
        return xk.report(model, X, y, **{"path": None, **SMALL, **settings})


def undrawn(model, X, y=None, **settings):
    """Return a quick report whose figures are empty: drawing takes a third of the time."""
    with contextlib.ExitStack() as stack:
        for module in DRAWN:
            stack.enter_context(mock.patch.object(module, "draw", return_value="<svg></svg>"))
        return quick(model, X, y, **settings)


def said(r, section):
    """Return the sentences of a section as one text."""
    return " ".join(r.texts[section])


def without_times(text):
    return re.sub(r"<!-- timing: begin -->.*?<!-- timing: end -->", "", text, flags=re.DOTALL)
