"""Where the units of a text are: words, sentences, and what a function cuts."""

from __future__ import annotations

import re

import numpy as np
import pytest
from text_cases import compose, pieces

from xaikit.sampling.text import MOST_WORDS, TextMasker

pytestmark = pytest.mark.filterwarnings("error")


# Words, sentences and pieces ---------------------------------------------------------------------


@pytest.mark.parametrize(("text", "ref"), [
    ("a fine film", ["a", "fine", "film"]),
    ("Don't! (well-made) l'été", ["Don't", "well-made", "l'été"]),
    ("rock'n'roll 'quoted' dogs' aujourd’hui", ["rock'n'roll", "quoted", "dogs", "aujourd’hui"]),
    ("3.14 stars, 1,000 votes.", ["3.14", "stars", "1,000", "votes"]),
    ("7 of 9", ["7", "of", "9"]),
    ("U.S.A. a--b -x-", ["U", "S", "A", "a", "b", "x"]),
    ("foo_bar", ["foo_bar"]),
    ("cafe\u0301s nai\u0308ve", ["cafe\u0301s", "nai\u0308ve"]),
    ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
    ("می\u200cخواهم", ["می\u200cخواهم"]),
    ("我爱你。你好", ["我", "爱", "你", "你", "好"]),
    ("2024年iPhone手机", ["2024", "年", "iPhone", "手", "机"]),
    ("東京タワーはとても高い。", ["東", "京", "タワー", "はとても", "高", "い"]),
    ("らーめん、カ\u3099ス", ["らーめん", "カ\u3099ス"]),
    ("人々の日", ["人", "々", "の", "日"]),
    ("葛\U000e0100城", ["葛\U000e0100", "城"]),
    ("한국어 문장", ["한국어", "문장"]),
    ("great👍🏽👍 👨‍👩‍👧 🇩🇪🇫🇷 ❤️", ["great", "👍🏽", "👍", "👨‍👩‍👧", "🇩🇪", "🇫🇷", "❤️"]),
    ("one\r\ntwo\tthree", ["one", "two", "three"]),
    ("one", ["one"]),
])
def test_words(text, ref):
    assert pieces(text) == ref


@pytest.mark.parametrize(("text", "ref"), [
    ("It is good. It is 3.5 stars! Is it?", ["It is good.", "It is 3.5 stars!", "Is it?"]),
    ('He said "No!" Then (he left.) So…', ['He said "No!"', "Then (he left.)", "So…"]),
    ("One line\r\nand another\n\n  third ", ["One line", "and another", "third"]),
    ("你好。我爱你！真的？", ["你好。", "我爱你！", "真的？"]),
    ("Wait ... what?! ... Oh", ["Wait ...", "what?!", "Oh"]),
    ("see example.com now", ["see example.com now"]),
    ("Dr. Lee met Mrs. J. R. Poe. She left.", ["Dr. Lee met Mrs. J. R. Poe.", "She left."]),
    ("Take fruit, e.g. plums, i.e. this. Good.", ["Take fruit, e.g. plums, i.e. this.", "Good."]),
    ("Haus Nr. 5 ist z. B. alt. Es ist z.B. rot.", ["Haus Nr. 5 ist z. B. alt.", "Es ist z.B. rot."]),
    ("Pi is 3.14. Good.", ["Pi is 3.14.", "Good."]),
    ("The U.S. Army left. It was late.", ["The U.S. Army left.", "It was late."]),
    ("Is it good? No. It is No. 5.", ["Is it good?", "No.", "It is No. 5."]),
    ("Tea, milk etc. are here. Tea, etc. He left at 5 p.m. We stayed.",
     ["Tea, milk etc. are here.", "Tea, etc.", "He left at 5 p.m.", "We stayed."]),
    ("So do I. He does.", ["So do I.", "He does."]),
    ("He is a Dr.", ["He is a Dr."]),
    ("Ask Dr.\nLee.", ["Ask Dr.", "Lee."]),
    ("Really, Dr...? Yes. Oh Dr.! Go.", ["Really, Dr...?", "Yes.", "Oh Dr.!", "Go."]),
    ("it is bad. it is good. ok.", ["it is bad.", "it is good.", "ok."]),
    ("यह अच्छा है। वह नहीं।", ["यह अच्छा है।", "वह नहीं।"]),
    ("ｱｲ｡ｳｴ｡", ["ｱｲ｡", "ｳｴ｡"]),
])
def test_sentences(text, ref):
    assert pieces(text, split="sentence") == ref


def test_auto_takes_sentences_of_long_texts_only():
    sentence = "one two three four five. "
    short, long = sentence * (MOST_WORDS // 5), sentence * (MOST_WORDS // 5 + 1)
    for split in ("auto", None):
        assert len(pieces(short, split=split)) == MOST_WORDS
        assert len(pieces(long, split=split)) == MOST_WORDS // 5 + 1
        # One sentence alone would explain nothing.
        assert len(pieces(long.replace(".", ""), split=split)) == MOST_WORDS + 5
    assert len(pieces(long)) == MOST_WORDS + 5


def test_auto_counts_units_not_words():
    assert len(set(TextMasker("auto", by_word=True).spans("so good. " * 300)[:, 0])) == 2


def test_by_word_makes_one_unit_of_equal_words():
    got = TextMasker(by_word=True).spans("so, so good So")
    np.testing.assert_array_equal(got, [[0, 0, 2], [0, 4, 6], [1, 7, 11], [2, 12, 14]])
    assert compose("so, so good So", [0, 1, 1], by_word=True) == [", good So"]
    got = TextMasker("sentence", by_word=True).spans("Yes. No. Yes.")
    assert got[:, 0].tolist() == [0, 1, 0]


@pytest.mark.parametrize("split", [
    str.split,
    lambda text: [match.span() for match in re.finditer(r"\S+", text)],
    lambda text: np.array([match.span() for match in re.finditer(r"\S+", text)]),
    lambda text: iter(text.split()),
])
def test_a_function_may_cut(split):
    assert pieces("well, a-b  c!", split=split) == ["well,", "a-b", "c!"]
    assert compose("well, a-b  c!", [1, 0, 1], split=split) == ["well, c!"]


def test_equal_substrings_are_found_one_after_the_other():
    assert TextMasker(list).spans("aba").tolist() == [[0, 0, 1], [1, 1, 2], [2, 2, 3]]


# Nothing to cut, and functions that cut wrongly --------------------------------------------------


def test_other_units_that_a_text_has_not():
    with pytest.raises(ValueError, match="text 0 has no sentences to hide: '...'"):
        TextMasker("sentence").rows("...")
    with pytest.raises(ValueError, match="text 0 has no words to hide: '...'"):
        TextMasker("auto").rows("...")
    with pytest.raises(ValueError, match="text 1 has no pieces by split to hide: 'b'"):
        TextMasker(lambda text: [text] if text == "a" else []).rows(["a", "b"])


@pytest.mark.parametrize(("gives", "error", "words"), [
    (None, TypeError, r"split must return a list of \(start, stop\) pairs or of pieces of the text, got NoneType"),
    ("abc", TypeError, "got str"),
    (["b c", "a"], ValueError, "the piece 'a', which is not in the text after position 5"),
    (["A"], ValueError, "pieces must be unchanged and in order"),
    ([""], ValueError, r"the piece \(0, 0\), which is empty or outside of the text of 5 characters: 'a b c'"),
    ([(0, 9)], ValueError, r"\(0, 9\), which is empty or outside"),
    ([(-1, 2)], ValueError, r"\(-1, 2\), which is empty or outside"),
    ([(2, 1)], ValueError, r"\(2, 1\), which is empty or outside"),
    ([(0, 3), (2, 4)], ValueError, r"\(2, 4\), which begins before the last one ends, at 3"),
    ([(2, 3), (0, 1)], ValueError, "must be in order and not overlap"),
    ([3], TypeError, "pairs of whole numbers or pieces of the text, got 3 among them"),
    ([(0, 1, 2)], TypeError, r"got \(0, 1, 2\) among them"),
    ([(0.0, 1.0)], TypeError, r"got \(0.0, 1.0\) among them"),
    ([(False, True)], TypeError, "among them"),
])
def test_functions_that_cut_wrongly(gives, error, words):
    with pytest.raises(error, match=words):
        TextMasker(lambda _: gives).rows("a b c")


# Scripts without spaces --------------------------------------------------------------------------


@pytest.mark.parametrize("text", [
    "東京タワーはとても高い。行きたい！", "我爱你，iPhone 15。你好", "Dr. Lee, e.g. No. 5.  Bye ", "カ\u3099ス 人々",
    " ฉันรักแมว มาก",
])
@pytest.mark.parametrize("split", ["word", "sentence"])
@pytest.mark.filterwarnings("ignore:text 0 is in a script")
def test_all_units_make_up_the_text(text, split):
    masker = TextMasker(split)
    n_units = masker.rows(text)[0].n_units
    assert n_units > 0
    assert compose(text, np.ones(n_units), split=split) == [text]
    spans = masker.spans(text)
    inside = "".join(text[start:stop] for _, start, stop in spans)
    ends = [0, *spans[:, 2]]
    between = [text[stop:start] for stop, start in zip(ends, [*spans[:, 1], len(text)], strict=True)]
    assert len(inside) + sum(map(len, between)) == len(text)
    if split == "word":
        assert not re.search(r"\w", "".join(between))


@pytest.mark.parametrize("split", ["word", "sentence", "auto"])
def test_scripts_that_only_a_dictionary_splits_are_warned_of(split):
    with pytest.warns(UserWarning, match=r"text 1 is in a script that marks .* pass a tokenizer of that "
                                         r"language as split=, a function"):
        TextMasker(split).conform(["a film", "ฉันรักแมว"])
    assert TextMasker(str.split).conform("ฉัน รัก แมว") == ["ฉัน รัก แมว"]
