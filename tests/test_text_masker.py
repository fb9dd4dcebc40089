"""Tests of the text masker: texts with some of their units hidden, and their explanations."""

from __future__ import annotations

import pickle
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from text_cases import compose, pieces

import xaikit as xk
from xaikit.sampling.coalitions import all_coalitions, pack
from xaikit.sampling.text import TextMasker

pytestmark = pytest.mark.filterwarnings("error")


def naive(text, spans, kept, token=None):
    """Hide units by going through the text piece by piece; slow, and easy to check by eye."""
    parts, at = [], 0
    for unit, start, stop in spans:
        parts += [(text[at:start], None), (text[start:stop], unit)]
        at = stop
    parts.append((text[at:], None))
    if token is not None:
        return "".join(part if unit is None or kept[unit] else token for part, unit in parts)
    out, hidden = [], False  # hidden: whether a unit was left out since the last piece that was not
    for part, unit in parts:
        if unit is not None:
            if kept[unit]:
                out.append(part)
            hidden = not kept[unit]
            continue
        for run in re.findall(r"\s+|\S+", part):
            if run.isspace() and hidden and (not out or out[-1].isspace()):
                continue
            out.append(run)
            hidden = False
    joined = "".join(out)
    return joined.rstrip() if hidden else joined


# Hidden units ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "kept", "ref"), [
    ("a b c", [1, 0, 1], "a c"),
    ("a b c", [0, 1, 1], "b c"),
    ("a b c", [1, 1, 0], "a b"),
    ("a b c", [0, 0, 0], ""),
    ("a b  c\n", [1, 1, 0], "a b"),
    ("a, b.", [0, 1], ", b."),
    ("say (hello) now", [1, 0, 1], "say () now"),
    ("a - b", [1, 0], "a -"),
    ("wow!a b", [1, 0, 1], "wow! b"),
    ("  a b", [0, 1], "  b"),
    ("a\r\nb\r\nc", [1, 0, 1], "a\r\nc"),
    ("one", [0], ""),
    ("«one»", [0], "«»"),
])
def test_hidden_words_are_cut_out(text, kept, ref):
    assert compose(text, kept) == [ref]


def test_neighbours_without_space_do_not_run_together():
    # "ab" is two units here; hiding one of them must not take the space after it.
    assert compose("x ab c", [[1, 1, 0, 1], [1, 0, 1, 1], [1, 0, 0, 1]],
                   split=lambda text: [c for c in text if c != " "]) == ["x a c", "x b c", "x c"]


def test_hidden_words_are_replaced():
    assert compose("a, b c.", [[1, 0, 1], [0, 0, 0]], mask_token="[M]") == \
        ["a, [M] c.", "[M], [M] [M]."]
    assert compose("so, so good", [0, 1], mask_token="_", by_word=True) == ["_, _ good"]

TEXTS = ["a fine, well-made film!", " x  (y) z.\n\nNew: 3.5 \r\n", "so so good, so  good", "👍 ok👍",
         "\tone", "cafe\u0301 «été» — end ", "a.b c,d e", "x ab c"]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("token", [None, "[MASK]"])
@pytest.mark.parametrize("by_word", [False, True])
@pytest.mark.parametrize("split", ["word", "sentence", lambda text: [c for c in text if c.isalnum()]])
def test_every_mask_as_the_naive_twin(text, token, by_word, split):
    masker = TextMasker(split, token, by_word)
    row = masker.rows(text)[0]
    # All masks of few units; of many, the first ones and their complements.
    kept = all_coalitions(min(row.n_units, 7))
    kept = np.pad(kept, ((0, 0), (0, row.n_units - kept.shape[1])), constant_values=True)
    kept = np.concatenate([kept, ~kept])
    comp = row.compose(np.zeros(len(kept), dtype=int), pack(kept))
    assert comp == [naive(text, row.layout, own, token) for own in kept]

ALPHABET = "ab \t\n.,'-!?éE\u0301我😀👍3。\r\u200d"


@given(st.text(ALPHABET, max_size=40), st.sampled_from(["word", "sentence", "auto"]),
       st.sampled_from([None, "_", "a"]), st.booleans(), st.randoms(use_true_random=False))
def test_laws_of_any_text(text, split, token, by_word, random):
    masker = TextMasker(split, token, by_word)
    spans = masker.spans(text)
    assert (spans[:, 1] < spans[:, 2]).all()
    assert (spans[1:, 1] >= spans[:-1, 2]).all()
    firsts = list(dict.fromkeys(spans[:, 0].tolist()))
    assert firsts == list(range(len(firsts)))
    if len(spans) == 0:
        with pytest.raises(ValueError, match="to hide"):
            masker.rows(text)
        return
    row = masker.rows(text)[0]
    kept = np.array([[random.random() < 0.5 for _ in range(row.n_units)] for _ in range(4)])
    kept[0] = True
    comp = row.compose(np.zeros(4, dtype=int), pack(kept))
    assert comp[0] == text
    assert comp == [naive(text, spans, own, token) for own in kept]
    if token is None:
        for out, own in zip(comp, kept, strict=True):
            left = "".join(text[a:b] for u, a, b in spans if own[u])
            assert _in_order("".join(left.split()), out)
            assert _in_order(out, text)


def _in_order(part, whole):
    """Whether the characters of one text stand in another in their order."""
    characters = iter(whole)
    return all(c in characters for c in part)


@given(st.lists(st.sampled_from(["a", "bb", "c,", "(d)", "e"]), min_size=1, max_size=12),
       st.randoms(use_true_random=False))
def test_spaces_neither_pile_up_nor_go_missing(words, random):
    text = " ".join(words)
    kept = [random.random() < 0.5 for _ in words]
    (comp,) = compose(text, kept)
    bare = {"c,": ",", "(d)": "()"}
    left = [word if own else bare.get(word, "") for word, own in zip(words, kept, strict=True)]
    assert comp == " ".join(word for word in left if word)


def test_very_long_texts_and_words():
    text = " ".join(f"w{i}" for i in range(10_000))
    row = TextMasker().rows(text)[0]
    kept = np.arange(10_000)[None] % 2 == [[0], [1]]
    comp = row.compose(np.zeros(2, dtype=int), pack(kept))
    assert comp == [" ".join(f"w{i}" for i in range(first, 10_000, 2)) for first in (0, 1)]
    assert compose("a" * 100_000 + " b", [0, 1]) == ["b"]
    assert pieces("a-" * 50_000 + "b") == ["a-" * 50_000 + "b"]


# What a game needs -------------------------------------------------------------------------------


def test_a_masked_text():
    masker = TextMasker(mask_token="UNK")
    rows = masker.rows(["an UNK, film", "UNK"])
    assert len(rows) == 2
    row = rows[0]
    assert row.masker is masker
    assert (row.n_units, row.source, row.weights.tolist()) == (3, ["an UNK, film"], [1.0])
    # Hiding what reads like the token changes nothing.
    np.testing.assert_array_equal(row.differs, [[True, False, True]])
    np.testing.assert_array_equal(row.distances, [[1.0, 0.0, 1.0]])
    np.testing.assert_array_equal(row.layout, [[0, 0, 2], [1, 3, 6], [2, 8, 12]])
    assert row.base_keys.shape == (2, 1)
    assert row.base_keys.dtype == row.flip_keys.dtype == np.uint64
    assert (row.flip_keys[:, 1] == 0).all()
    assert (row.flip_keys[:, [0, 2]] != 0).all()
    assert len(set(row.flip_keys.ravel().tolist())) == 5
    assert row.row_bytes >= len("an UNK, film")
    assert not rows[1].differs.any()


def test_a_unit_of_several_words_differs_if_one_does():
    row = TextMasker(lambda text: text.split(), "x", by_word=True).rows("x y y")[0]
    np.testing.assert_array_equal(row.differs, [[False, True]])


@pytest.mark.parametrize("X", [
    "a b", ["a b"], ("a b",), np.array(["a b"]), np.array(["a b"], dtype=object),
    pd.Series(["a b"], index=["k"]), pd.Series(["a b"], dtype="string")])
def test_containers_of_texts(X):
    got = TextMasker().conform(X)
    assert got == ["a b"]
    assert type(got) is list
    assert type(got[0]) is str
    assert TextMasker().rows(X).texts == ["a b"]


def test_described():
    assert TextMasker().described() == {"split": "word", "mask_token": None, "by_word": False}
    assert TextMasker(None, "_", True).described() == \
        {"split": "auto", "mask_token": "_", "by_word": True}
    assert TextMasker(str.split).described()["split"] == "str.split"
    assert TextMasker(_Splitter()).described()["split"] == "_Splitter"


class _Splitter:
    def __call__(self, text):
        return text.split()


def test_maskers_and_rows_go_to_workers():
    rows = pickle.loads(pickle.dumps(TextMasker(_Splitter()).rows(["a b", "c"])))
    assert rows[0].compose(np.zeros(1, dtype=int), pack(np.array([[False, True]]))) == ["b"]
    assert rows[1].n_units == 1


# Bad input ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("settings", "error", "words"), [
    ({"split": "line"}, ValueError, "'word', 'sentence', 'auto' or a function that cuts a text, got 'line'"),
    ({"split": 3}, ValueError, "got 3"),
    ({"mask_token": 0}, ValueError, "mask_token must be text that is not empty, or None .*, got 0"),
    ({"mask_token": ""}, ValueError, "or None to cut hidden units out, got ''"),
    ({"by_word": "yes"}, ValueError, "by_word must be True or False, got 'yes'"),
])
def test_settings_that_cannot_be(settings, error, words):
    with pytest.raises(error, match=words):
        TextMasker(**settings)


@pytest.mark.parametrize(("X", "error", "words"), [
    ([], ValueError, "at least one text to explain, got an empty list"),
    (np.array([], dtype=str), ValueError, "an empty list"),
    (5, TypeError, "expected a text or a list of texts, got int"),
    (None, TypeError, "got NoneType"),
    (b"abc", TypeError, "got bytes"),
    ({"a": "b"}, TypeError, "got dict"),
    (np.array("abc"), TypeError, "got ndarray"),
    (["a", None], ValueError, "got None of type NoneType at position 1"),
    (pd.Series(["a", np.nan]), ValueError, "got nan of type float at position 1"),
    (pd.DataFrame({"text": ["a"]}), ValueError, "got a DataFrame of shape"),
    (["fine", ""], ValueError, "text 1 has no words to hide: ''; leave it out"),
    ("?!", ValueError, r"text 0 has no words to hide: '\?!'"),
    (" \n", ValueError, "text 0 has no words"),
    ("." * 100, ValueError, r"no words to hide: '\.{40}'…"),
])
def test_texts_that_cannot_be(X, error, words):
    for method in (TextMasker().conform, TextMasker().rows):
        with pytest.raises(error, match=words):
            method(X)


# Explained ---------------------------------------------------------------------------------------

WEIGHTS = {"good": 2.0, "bad": -3.0, "film": 0.5}


def score(texts):
    """Add up the weights of the words."""
    return np.array([sum(WEIGHTS.get(w, 0.0) for w in re.findall(r"\w+", t)) for t in texts])


@pytest.mark.parametrize("token", [None, "UNK"])
def test_a_model_that_counts_words_is_explained_exactly(token):
    texts = ["good, good film - not bad!", "bad", "A film is a film"]
    got = xk.KernelSHAP(random_state=0).fit(score, TextMasker(mask_token=token)).explain(texts)
    for i, text in enumerate(texts):
        one = got[i]
        ref = [WEIGHTS.get(word, 0.0) for word in re.findall(r"\w+", text)]
        np.testing.assert_allclose(one.values[0, :, 0], ref, atol=1e-12)
        np.testing.assert_allclose(one.base_values, 0.0, atol=1e-12)
        assert [name.split(" ")[0] for name in one.feature_names] == re.findall(r"\w+", text)
    assert got.settings["mask_token"] == token
    assert got.settings["split"] == "word"
    np.testing.assert_allclose(got.gap(), 0.0, atol=1e-12)


def test_equal_words_share_a_value_by_word():
    explainer = xk.KernelSHAP(random_state=0).fit(score, TextMasker(by_word=True))
    got = explainer.explain("good, good film")
    assert got.feature_names == ("good", "film")
    np.testing.assert_allclose(got.values[0, :, 0], [4.0, 0.5], atol=1e-12)


def test_sampled_values_of_a_long_text():
    text = " ".join(["good"] * 10 + ["film"] * 10 + ["plain"] * 10)
    got = xk.KernelSHAP(random_state=0, budget=500).fit(score, TextMasker()).explain(text)
    ref = np.repeat([2.0, 0.5, 0.0], 10)
    np.testing.assert_allclose(got.values[0, :, 0], ref, atol=1e-8)


def test_a_dummy_is_never_asked(counting):
    model = counting(score)
    got = xk.KernelSHAP(random_state=0).fit(model, TextMasker(mask_token="UNK")).explain("good UNK")
    np.testing.assert_allclose(got.values[0, :, 0], [2.0, 0.0], atol=1e-12)
    asked = {text for batch in model.batches for text in batch}
    assert asked == {"good UNK", "UNK UNK"}


def test_jobs_change_nothing():
    texts = ["good film", "bad film, bad", "good bad"]
    one = xk.KernelSHAP(random_state=0).fit(score, TextMasker()).explain(texts)
    two = xk.KernelSHAP(random_state=0, n_jobs=2).fit(score, TextMasker()).explain(texts)
    np.testing.assert_array_equal(one.values, two.values)


def test_a_pipeline_of_scikit_learn():
    pytest.importorskip("sklearn")
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    texts = ["a good film", "good acting, fine film", "bad film", "a bad, bad plot"]
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, [1, 1, 0, 0])
    got = xk.KernelSHAP(random_state=0).fit(model, TextMasker()).explain(texts)
    np.testing.assert_allclose(got.gap(), 0.0, atol=1e-9)
    np.testing.assert_allclose(got.predictions, model.predict_proba(texts), atol=1e-12)
    np.testing.assert_allclose(got.base_values, np.repeat(model.predict_proba([""]), 4, axis=0),
                               atol=1e-12)
    bad = got[3]
    assert bad[:, "bad", -1].values < 0
    assert bad[:, "bad (2)", -1].values == pytest.approx(float(bad[:, "bad", -1].values[0, 0, 0]))
    # "a" is too short for the vectorizer: hiding it changes nothing.
    assert bad[:, "a", -1].values == pytest.approx(0.0, abs=1e-12)
