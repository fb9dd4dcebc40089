"""Conditions in words: bounds and levels read one way only."""

from __future__ import annotations

import pandas as pd
import pytest
from condition_cases import INTS, TEXTS
from hypothesis import example, given
from hypothesis import strategies as st

import xaikit as xk
from xaikit.tables.wording import level_text

Condition = xk.Condition


@pytest.mark.parametrize(("settings_", "want"), [
    ({"low": 28, "high": 44}, "28 < x <= 44"),
    ({"low": 28, "high": 44, "closed": "left"}, "28 <= x < 44"),
    ({"low": 28}, "x > 28"),
    ({"low": 28, "closed": "both"}, "x >= 28"),
    ({"high": 44, "closed": "neither"}, "x < 44"),
    ({"high": -0.0}, "x <= 0"),
    ({"high": 44, "missing": True}, "x <= 44 or missing"),
    ({"low": 0.123451, "high": 0.123452}, "0.123451 < x <= 0.123452"),
    ({"low": 2**53, "high": 2**53 + 1}, "9007199254740992 < x <= 9007199254740993"),
    ({"low": pd.Timestamp("2024-05-01")}, "x > 2024-05-01 00:00:00"),
    ({"low": 1, "excluded": [3]}, "x > 1 and not 3"),
    ({"levels": ["clerk"]}, "x = clerk"),
    ({"levels": ["cook", "clerk"]}, "x is clerk or cook"),
    ({"levels": ["a", "b", "c"], "missing": True}, "x is a, b, c or missing"),
    ({"levels": ["a", None]}, "x = a or missing"),
    ({"levels": [10, 9, 9.5]}, "x is 9, 9.5 or 10"),
    ({"excluded": ["a"]}, "x is not a"),
    ({"excluded": ["a", "b"], "missing": True}, "x is none of a, b or missing"),
    ({"missing": "only"}, "x missing"),
    ({}, "x known"),
    ({"missing": True}, "x known or missing"),
    ({"levels": []}, "x impossible"),
])
def test_words(settings_, want):
    assert Condition("x", **settings_).words() == want


@given(st.lists(st.lists(st.one_of(TEXTS, INTS), max_size=3), min_size=2, max_size=2), st.booleans(),
       st.booleans())
@example([["a or b"], ["a", "b"]], False, False)
@example([["a or missing"], ["a"]], False, True)
@example([["1"], [1]], False, False)
@example([["missing"], []], False, True)
def test_different_levels_have_different_words(lists, one_missing, other_missing):
    one, other = (Condition("x", levels=levels, missing=missing)
                  for levels, missing in zip(lists, (one_missing, other_missing), strict=True))
    assert (one.words() == other.words()) == (one == other)


@pytest.mark.parametrize(("text", "shown"), [
    ("Ulm", "Ulm"), ("7th-8th", "7th-8th"), ("<=50K", "<=50K"), ("a, b", "a, b"), ("7", "'7'"), ("1e5", "'1e5'"),
    ("nan", "'nan'"), ("True", "'True'"), ("2024-05-01", "'2024-05-01'"), ("", "''"), (" a", "' a'"),
    ("a\nb", r"'a\nb'"), ("'", '"\'"'), ("missing", "'missing'"),
])
def test_text_is_quoted_only_where_it_misleads(text, shown):
    assert level_text(text) == shown
