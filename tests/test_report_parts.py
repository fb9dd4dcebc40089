"""Parts of reports by hand: calibration, associations, hashes, labels, noise, cells."""

from __future__ import annotations

from dataclasses import fields
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from explanation_cases import attribution, importance
from report_cases import cancer, classifier, mixed
from scipy.stats import binomtest

import xaikit as xk
from xaikit.reporting import caveats, checks, document, performance
from xaikit.reporting import data as table_data
from xaikit.reporting.facts import Facts
from xaikit.reporting.importance import Blind, with_noise
from xaikit.reporting.inputs import one_per_row
from xaikit.reporting.truth import Truth
from xaikit.tables.files import content_hash
from xaikit.tables.targets import read_labels


def test_calibration_error_by_hand():
    truth = Truth("classification", np.arange(4), np.array([0, 1, 1, 0]), np.zeros(4), ("a", "b"),
                  np.array([[0.95, 0.05], [0.95, 0.05], [0.05, 0.95], [0.05, 0.95]]))
    bins = performance.reliability(truth, 1)
    assert bins["observed share"].tolist() == [0.5, 0.5]
    assert performance.calibration_error(bins) == pytest.approx(0.45)


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


def test_content_hash_sees_every_value():
    frame = mixed(20)
    schema = xk.Schema.of(frame)
    one = content_hash(frame, None, schema)
    assert one == content_hash(frame.copy(), None, schema)
    frame.loc[3, "free"] += 1e-9
    assert one != content_hash(frame, None, schema)
    assert one != content_hash(frame, np.zeros(20, dtype=object), schema)


def test_labels_are_read_as_objects():
    def read(y):
        return one_per_row(read_labels(y, None, 2)).values

    assert pd.isna(read([1.0, np.nan])[1])
    assert read(np.array([[True], [False]])).tolist() == [True, False]
    with pytest.raises(ValueError, match="one label per row"):
        read(np.zeros((2, 2)))


@pytest.mark.parametrize(("hits", "n"), [(0, 7), (3, 7), (7, 7), (120, 400)])
def test_wilson_as_scipy_has_it(hits, n):
    want = binomtest(hits, n).proportion_ci(0.95, method="wilson")
    np.testing.assert_allclose(performance.wilson(hits / n, n), [want.low, want.high], atol=1e-12)


def test_the_model_never_sees_the_noise():
    X, y = cancer()
    predictor = xk.wrap(classifier(X, y)).bind(X)
    blind = Blind(predictor)
    noisy = with_noise(X, "noise", np.random.default_rng(0))
    assert noisy.shape == (300, 4)
    np.testing.assert_array_equal(blind(noisy), predictor(X))
    np.testing.assert_array_equal(blind.predict(noisy), predictor.model.predict(X))
    assert not hasattr(blind, "fit")
    array = with_noise(X.to_numpy(), "noise", np.random.default_rng(0))
    np.testing.assert_array_equal(array[:, :3], X.to_numpy())


def test_stability_by_hand():
    one = np.array([[3.0, 2.0, 0.0]])
    found = checks.compare([one, one])
    assert (found.shared, found.largest) == (1.0, 0.0)
    found = checks.compare([one, np.array([[0.0, 2.0, 1.0]])])
    assert found.shared == pytest.approx(1 / 3)
    assert found.largest == 3.0


def test_cells_are_written_for_readers():
    column = pd.Series([True, 12345, 1999, 0.00012345, np.nan, None, pd.NaT, "a" * 100, "x\ny"],
                       dtype=object)
    table = document.Table("cells", "", pd.DataFrame({"cell": column}))
    shown = [cell.text for cell, in table.rows]
    assert shown == ["yes", "12,345", "1999", "0.000123", "–", "–", "–", "a" * 48 + "…" + "a" * 31, "x y"]


def test_warnings_about_examples_are_caveats():
    """The rows of examples are explained apart from the sample, and may be warned of alone."""
    known = dict.fromkeys([f.name for f in fields(Facts)])
    background = "The background is a random sample of 3 of 9 rows."
    known["rankings"] = [SimpleNamespace(label="Mean impact", result=importance(warnings=("A.",))),
                         SimpleNamespace(label="Kernel SHAP", result=attribution(warnings=("A.", background)))]
    for examples, more in ((None, []), (attribution(warnings=(background, "A.", "B.")), ["Kernel SHAP: B."])):
        facts = Facts(**{**known, "examples_of": examples})
        assert [c.text for c in caveats._warnings(facts)] == ["Mean impact: A.", "Kernel SHAP: A.", *more]
