"""Names and numbers in reports: different ones look different, in every sentence and table."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from label_cases import MIDDLE
from report_cases import Page, undrawn

import xaikit as xk
from xaikit.reporting import checks, document, performance
from xaikit.reporting.data import describe_columns
from xaikit.reporting.examples import choose_examples
from xaikit.reporting.truth import Truth

LONG = [f"{name}_according_to_the_statistical_office_of_the_country" for name in MIDDLE]
NAMES = [*LONG, "zip", "city", "Ulm", "Ulm ", "", "output"]
JOBS = [f"worker in the {trade} industry since the beginning of the year" for trade in ("steel", "paper", "glass")]


@pytest.fixture(scope="module")
def found():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(40, len(NAMES))), columns=NAMES)
    X[LONG[0]] = X[LONG[1]] + 0.01 * X[LONG[2]]  # strongly associated
    X["job"] = rng.choice(JOBS, 40)
    X.index = [f"the household in the census of the whole country, number {k}" for k in range(40)]

    def model(t):
        a, b, c = (t.iloc[:, k].to_numpy() for k in (0, 6, 3))
        return 1000 + 0.3 * a + 0.5 * b + 0.1 * c

    return undrawn(model, X, model(X) + rng.normal(0, 0.1, 40), groups={"zip": ["zip", "city"]},
                   methods=("kernel_shap", "mean_impact"), n_explain=3, n_global=20, budget=1500)


def test_sentences_name_the_right_feature(found):
    assert "'Ulm ' (" in found.summary[1]
    assert "Ulm (" not in found.summary[1]
    said = " ".join([*found.summary, *found.caveats])
    assert "2018" in said
    cluster = next(s for s in found.caveats if "associated" in s)
    assert cluster.index("2018") < cluster.index("2019")
    assert len(next(s for s in found.texts["data"] if s.startswith("Cluster"))) < 150


def test_cells_of_a_column_of_names_differ(found):
    for name in ("schema", "ranks", "contributions"):
        table = next(t for s in found.sections for t in s.tables() if t.name == name)
        assert len({row[0].text for row in table.rows}) == len(table.frame) > 8
    pairs = next(t for s in found.sections for t in s.tables() if t.name == "associations")
    assert "2018" in pairs.rows[0][0].text
    assert "2019" in pairs.rows[0][1].text


def test_headings_of_the_wide_table_differ_and_a_feature_may_be_named_output(found):
    table = next(t for s in found.sections for t in s.tables() if t.name == "attributions")
    assert "output" in table.headings
    assert len(set(table.headings)) == table.frame.shape[1] == 3 + len(found.tables["ranks"])
    assert max(map(len, table.headings)) <= 40
    assert "<th" in found.to_html()
    Page(found.to_html())


def test_examples_show_groups_levels_and_labels(found):
    frames = [frame for name, frame in found.tables.items() if name.startswith("row ")]
    assert all(set(frame["value"][frame["feature"] == "zip"]) == {"–"} for frame in frames)
    jobs = {v for frame in frames for v in frame["value"][frame["feature"] == "job"]}
    assert jobs <= {v for v in jobs if any(trade in v for trade in ("steel", "paper", "glass"))}
    said = " ".join(found.texts["examples"])
    assert "e+03" not in said
    assert not any(len(word.strip(".;")) > 12 for word in said.split() if word[:1].isdigit())


def test_rows_of_examples_are_cut_unlike_each_other(found):
    shown = [text[text.index("(row "):] for text in found.texts["examples"] if "(row " in text]
    assert len(set(shown)) == len(shown) > 3


def test_labels_of_examples_are_cut_unlike_other_labels():
    y = np.array([f"a worker since the beginning of this year, in {trade}" for trade in ("steel", "paper", "glass")])
    case = SimpleNamespace(answers=np.array([[0.2], [0.1], [0.3]]), scored=np.arange(3), y=y)
    shown = [e.truth for e in choose_examples(case, Truth(None), 0)]
    assert [text.split("…")[1][-5:] for text in shown] == ["steel", "paper", "glass"]
    one = SimpleNamespace(answers=case.answers[:1], scored=np.arange(1), y=y)
    assert choose_examples(one, Truth(None), 0)[0].truth == shown[0]
    odd = SimpleNamespace(answers=np.ones((1, 1)), scored=np.arange(1), y=np.array([np.nan, " x"], dtype=object))
    assert choose_examples(odd, Truth(None), 0)[0].truth == "missing"


def test_a_sampling_error_that_is_not_known_is_no_failure(found):
    sample = found.explanations["kernel_shap"]
    unknown = replace(sample, standard_errors=np.full(sample.values.shape, np.nan))
    got = {c.name: (c.measured, c.verdict) for c in checks.check_attribution(unknown, 1.0)}
    assert got["Sampling error"] == ("not known", "look")


def test_cells_of_numbers_near_a_thousand_differ():
    assert _shown({"x": [999.7, 1000.2, np.nan]}) == [["999.7"], ["1,000.2"], ["–"]]


def _shown(columns, **settings):
    table = document.Table("numbers", "", pd.DataFrame(columns), **settings)
    return [[cell.text for cell in row] for row in table.rows]


def test_numbers_of_one_unit_share_their_digits():
    columns = {"row": [0, 1], "base": [1000.09, 1000.09], "prediction": [1000.06, 1000.5],
               "effect": [-0.03, 0.41]}
    assert _shown(columns, together=(1, 2)) == [["0", "1,000.09", "1,000.06", "−0.03"],
                                                ["1", "1,000.09", "1,000.5", "0.41"]]
    # A unit of its own in every row: 0.9995 is not 1, and 12.25 needs no four digits.
    columns = {"model": [0.9995, 12.25], "constant guess": [1.0, 15.0]}
    assert _shown(columns, across=True) == [["0.9995", "1"], ["12.2", "15"]]


def test_the_report_writes_base_and_prediction_apart(rng):
    X = pd.DataFrame({"a": rng.normal(size=40), "b": rng.normal(size=40)})
    found = xk.report(lambda X: 1000.0 + 0.01 * X.to_numpy()[:, 0], X, y=np.full(40, 1000.0),
                      methods=["kernel_shap"], random_state=0, path=None)
    table = next(t for s in found.sections for t in s.tables() if t.name == "attributions")
    for row, numbers in zip(table.rows, table.frame.itertuples(index=False), strict=True):
        assert (row[1].text == row[2].text) == (abs(numbers[1] - numbers[2]) < 1e-9)


def test_tenths_of_predictions_near_a_thousand_differ():
    target = 1000 + np.linspace(-0.5, 0.5, 40)
    table = performance.residuals(Truth("regression", np.arange(40), target, target))
    assert table["predicted"].is_unique
    assert table["predicted"][0].startswith("999.5 to 999.5")


def test_the_most_frequent_level_is_cut_unlike_the_others():
    jobs = [f"worker somewhere in the {trade} industry of the country" for trade in ["steel"] * 3 + ["paper"]]
    _, table = describe_columns(pd.DataFrame({"job": jobs}), ("job",))
    assert "steel" in table["most frequent"][0]


def test_cells_of_two_columns_differ_in_the_table_of_columns():
    jobs = [f"worker somewhere in the {trade} industry of the country" for trade in ("steel", "paper")]
    _, table = describe_columns(pd.DataFrame({
        "job": jobs[:1] * 3, "work": jobs[1:] * 3, "x": [0.123451, 0.123451, 0.5], "y": [0.123452, 0.2, 0.5],
        "z": [1.0, 2.0, 2.0], "none": [None] * 3}), ("job", "work", "x", "y", "z", "none"))
    assert table["most frequent"][0] != table["most frequent"][1]
    assert table["lowest"].tolist() == ["–", "–", "0.123451", "0.123452", "1", "–"]
    assert table["most frequent"].tolist()[2:] == ["0.123451 (67 %)", "0.123452 (33 %)", "2 (67 %)", "–"]
