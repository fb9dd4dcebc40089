"""Masked texts counted without being written: the same answers, in fewer steps."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler

import xaikit as xk
from xaikit.sampling.coalitions import pack
from xaikit.sampling.counted import counting

TEXTS = ["A fine film, well made; fine indeed.", "Dull, DULL and long (3.5 hours) café",
         "the film is not fine", "long and well made"] * 3
LABELS = np.array([1, 0, 0, 1] * 3)
TEXT = "A fine, well-made film: not dull, not long. Fine café!"
VECTORIZERS = {
    "tf-idf": lambda: TfidfVectorizer(),
    "sublinear, no norm": lambda: TfidfVectorizer(sublinear_tf=True, norm=None, smooth_idf=False),
    "l1, no idf": lambda: TfidfVectorizer(use_idf=False, norm="l1"),
    "counts": lambda: CountVectorizer(),
    "binary": lambda: CountVectorizer(binary=True, lowercase=False),
    "binary tf-idf": lambda: TfidfVectorizer(binary=True, stop_words="english"),
    "few": lambda: CountVectorizer(max_features=5),
    "float32": lambda: TfidfVectorizer(dtype=np.float32),
}
MASKERS = {
    "words": lambda: xk.TextMasker(), "token": lambda: xk.TextMasker(mask_token="film"),
    "by word": lambda: xk.TextMasker(by_word=True), "sentences": lambda: xk.TextMasker("sentence"),
}


def bound(model):
    return xk.wrap(model).bind(TEXTS)


def both(model, masker, text=TEXT, n=64):
    """Answers to random masks by way of counts and of texts."""
    predictor, row = bound(model), masker.rows(text)[0]
    kept = np.random.default_rng(0).random((n, row.n_units)) < 0.5
    short = row.shortcut(predictor)
    written = predictor(row.compose(np.zeros(n, dtype=int), pack(kept)))
    return None if short is None else short(kept), written


@pytest.mark.parametrize("masker", MASKERS)
@pytest.mark.parametrize("vectorizer", VECTORIZERS)
def test_counts_give_the_same_answers(vectorizer, masker):
    model = make_pipeline(VECTORIZERS[vectorizer](), LogisticRegression()).fit(TEXTS, LABELS)
    counted, written = both(model, MASKERS[masker]())
    assert counted is not None
    # Rows are added up word by word in the same order: equal but for a sum's last bits.
    np.testing.assert_allclose(counted, written, rtol=1e-6 if vectorizer == "float32" else 1e-13)
    assert np.ptp(written) > 0.01


def test_further_steps_and_regressors():
    model = make_pipeline(CountVectorizer(), MaxAbsScaler(), Ridge()).fit(TEXTS, LABELS)
    counted, written = both(model, xk.TextMasker())
    np.testing.assert_allclose(counted, written, rtol=1e-13)


@pytest.mark.parametrize("vectorizer", [
    CountVectorizer(ngram_range=(1, 2)), CountVectorizer(analyzer="char"),
    CountVectorizer(analyzer=str.split), CountVectorizer(tokenizer=str.split, token_pattern=None),
    CountVectorizer(strip_accents="ascii"), CountVectorizer(token_pattern=r"\w+ \w+"), TfidfVectorizer(preprocessor=str.title)])
def test_vectorizers_that_see_more_than_words_are_asked_about_texts(vectorizer):
    model = make_pipeline(vectorizer, LogisticRegression()).fit(TEXTS, LABELS)
    assert both(model, xk.TextMasker())[0] is None


@pytest.mark.parametrize(("text", "masker"), [
    ("good😀good film", xk.TextMasker()),
    ("football player", xk.TextMasker(lambda t: [(0, 4), (4, 8), (9, 15)])),
    ("football player", xk.TextMasker(lambda t: [(2, 6), (9, 15)])),
])
def test_words_across_the_border_of_a_unit(text, masker):
    model = make_pipeline(CountVectorizer(), LogisticRegression()).fit(TEXTS, LABELS)
    assert both(model, masker, text)[0] is None


def test_other_models_have_no_shortcut():
    row = xk.TextMasker().rows(TEXT)[0]
    assert counting(bound(lambda texts: [len(t) for t in texts]), TEXT, row.layout, None, list) is None


@pytest.mark.parametrize("settings", [{}, {"outputs": "1"}, {"outputs": [1, 0]}, {"batch_size": 7},
                                      {"output": "decision"}, {"deduplicate": True}])
def test_explanations_are_those_of_the_texts(settings):
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(TEXTS, LABELS)
    wrapped = xk.wrap(model, **settings)
    texts = [TEXT, "dull and long"]
    e = xk.LIME(random_state=0, budget=300).fit(wrapped, xk.TextMasker()).explain(texts)

    class Hidden:
        """The same model, in a class that no one knows."""

        classes_ = model.classes_

        def predict(self, X):
            return model.predict(X)

        def predict_proba(self, X):
            return model.predict_proba(X)

        def decision_function(self, X):
            return model.decision_function(X)

    plain = xk.LIME(random_state=0, budget=300).fit(
        xk.wrap(Hidden(), **settings), xk.TextMasker()).explain(texts)
    np.testing.assert_allclose(e.values, plain.values, rtol=1e-9, atol=1e-12)
    assert e.output_names == plain.output_names
    assert e.cost.model_rows == plain.cost.model_rows
    np.testing.assert_array_equal(e.details["model_rows"], plain.details["model_rows"])


def test_same_bytes_whatever_the_batches():
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(TEXTS, LABELS)
    first = xk.KernelSHAP(random_state=0).fit(model, xk.TextMasker()).explain([TEXT])
    for settings in ({"batch_size": 5}, {"max_memory": 2**14}, {"n_jobs": 2}):
        again = xk.KernelSHAP(random_state=0, **settings).fit(model, xk.TextMasker()).explain([TEXT])
        np.testing.assert_array_equal(first.values, again.values)


def test_a_tail_that_fails_is_a_model_error():
    class Broken(LogisticRegression):
        def predict_proba(self, X):
            if X.shape[0] > 10:
                raise RuntimeError("no answer today")
            return super().predict_proba(X)

    model = make_pipeline(CountVectorizer(), Broken()).fit(TEXTS, LABELS)
    with pytest.raises(xk.ModelError, match="no answer today"):
        xk.LIME(random_state=0).fit(model, xk.TextMasker()).explain(TEXT)
