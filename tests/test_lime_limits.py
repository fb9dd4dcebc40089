"""LIME as an estimator, its settings, tables that do not fit, and models that misbehave."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import reference
from lime_cases import ROWS, WAYS, X, curved, explain, text_model
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from xaikit.errors import ModelError
from xaikit.explainers.lime.lime import LIME
from xaikit.sampling.image import ImageMasker
from xaikit.sampling.text import TextMasker

# --- an estimator


def test_clone_and_parameters():
    explainer = LIME(budget=99, sampling="weighted", kernel_width=2.0, discretize="decile",
                     random_state=5)
    twin = clone(explainer)
    assert twin.get_params() == explainer.get_params()
    twin.set_params(budget="auto", discretize=None)
    assert (twin.budget, twin.discretize, explainer.budget) == ("auto", None, 99)
    assert repr(LIME(budget=9)) == "LIME(budget=9)"
    for one in (LIME().explain, LIME().games):
        with pytest.raises(NotFittedError):
            one(ROWS)


def test_random_state_none_says_what_it_drew():
    got = LIME(budget=50).fit(curved, X).explain(ROWS)
    same = LIME(budget=50, random_state=got.random_state).fit(curved, X).explain(ROWS)
    np.testing.assert_array_equal(got.values, same.values)


# --- settings


@pytest.mark.parametrize(("settings", "sentence"), [
    ({"budget": 0}, r"budget must be a whole number of at least 1 \(model rows\) or 'auto', got 0"),
    ({"budget": 2.5}, "budget must be"), ({"budget": True}, "budget must be"),
    ({"budget": "all"}, "budget must be"),
    ({"sampling": "lime"}, "sampling must be one of 'kernel', 'weighted', got 'lime'"),
    ({"discretize": "bins"}, "discretize must be one of None, 'auto', 'quartile', 'decile', 'tree'"),
    ({"kernel_width": 0}, "kernel_width must be a number above 0 or None, got 0"),
    ({"kernel_width": -1.0}, "kernel_width must be"), ({"kernel_width": np.nan}, "kernel_width must be"),
    ({"kernel_width": "wide"}, "kernel_width must be"), ({"kernel_width": True}, "kernel_width must be"),
])
def test_unknown_settings(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        LIME(**settings).fit(curved, X)
    with pytest.raises(ValueError, match=sentence):
        LIME().fit(curved, X).set_params(**settings).explain(ROWS)


def test_bins_are_for_tables():
    for masker, thing in ((TextMasker(), "a text"), (ImageMasker("grid", channels="grey"), np.zeros((1, 8, 8)))):
        with pytest.raises(ValueError, match="discretize='quartile' is for tables; the units of a"):
            explain(lambda batch: np.zeros(len(batch)), masker, thing, discretize="quartile")


def test_groups_are_for_tables():
    with pytest.raises(ValueError, match="groups name columns of a table"):
        LIME(groups={"g": [0, 1]}).fit(text_model, TextMasker())


# --- tables and models


def test_tables_that_do_not_fit():
    explainer = LIME(budget=100).fit(curved, pd.DataFrame(X, columns=list("abcd")))
    with pytest.raises(ValueError, match="no rows"):
        explainer.explain(pd.DataFrame(X[:0], columns=list("abcd")))
    with pytest.raises(ValueError, match="d"):
        explainer.explain(pd.DataFrame(X[:2, :3], columns=list("abc")))
    with pytest.raises(ValueError, match="needs rows and columns"):
        LIME().fit(curved, X[:0])
    with pytest.raises(ValueError, match="a background is needed"):
        LIME().fit(curved)


def test_a_long_background_is_thinned_and_says_so():
    got = explain(background=np.tile(X, (2, 1)), max_background=100)
    assert any("random sample of 100 of 600 rows" in warning for warning in got.warnings)


@pytest.mark.parametrize("settings", WAYS)
def test_a_constant_model(settings):
    got = explain(lambda t: np.full(len(t), 0.1), **settings)
    np.testing.assert_allclose(got.values, 0.0, atol=1e-15)
    np.testing.assert_allclose(got.base_values, 0.1, rtol=1e-12)
    np.testing.assert_allclose(got.standard_errors, 0.0, atol=1e-15)
    assert np.isnan(got.fidelity).all()


@pytest.mark.parametrize("settings", WAYS)
def test_a_model_that_fails_half_way(settings, counting):
    model = counting(curved)
    explainer = LIME(budget=400, batch_size=50, random_state=0, **settings).fit(model, X)
    ref = explainer.explain(ROWS)
    model.clear()
    model.fail_at = 5
    with pytest.raises(ModelError, match="no answer today"):
        explainer.explain(ROWS)
    # The explainer is none the worse for it.
    assert reference.bytes_of(explainer.explain(ROWS)) == reference.bytes_of(ref)


@pytest.mark.parametrize("settings", WAYS)
def test_a_model_that_answers_nan(settings):
    asked = []

    def model(table):
        asked.append(len(table))
        return np.full(len(table), np.nan if sum(asked) > 1500 else 1.0)

    explainer = LIME(budget=5000, batch_size=100, random_state=0, **settings).fit(model, X)
    with pytest.raises(ModelError, match="NaN|not finite|nan"):
        explainer.explain(X[:9])


@pytest.mark.parametrize("settings", WAYS)
def test_a_noisy_model(settings):
    rng = np.random.default_rng(9)
    noisy = lambda t: 3.0 * (np.asarray(t)[:, 0] > 0) + rng.normal(size=len(t))  # noqa: E731
    got = explain(noisy, budget=3000, **settings)
    assert any("answers the same rows differently" in warning for warning in got.warnings)
    assert (got.fidelity < 0.9).all()
    if settings["discretize"] is not None:
        assert (np.abs(got.values[:, 1:, 0]) <= 5 * got.standard_errors[:, 1:, 0]).all()
    else:
        # A question that comes again gets the answer it had: its noise is none of the sampling.
        assert (np.abs(got.values[:, 1:, 0]) < 0.7).all()
