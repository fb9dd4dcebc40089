"""Labels of names and values that are shown together: short, on one line, and never two alike."""

from __future__ import annotations

import unicodedata

import numpy as np
import pandas as pd
import pytest
from label_cases import MIDDLE, SETS

from xaikit.tables.cell_texts import cell_texts
from xaikit.tables.labels import labels, numbered
from xaikit.tables.wording import label_text, label_texts, listed


def look(text):
    """Return what a reader sees: composed characters, without those that have no width."""
    seen = (c for c in unicodedata.normalize("NFC", text)
            if unicodedata.category(c) not in ("Cf", "Cc") and not 0xFE00 <= ord(c) <= 0xFE0F
            and c not in "\u034f\u3164\u2800")
    return " ".join("".join(seen).split())


@pytest.mark.parametrize("width", [12, 20, 36, 80])
@pytest.mark.parametrize("texts", SETS.values(), ids=SETS)
def test_different_texts_have_different_labels(texts, width):
    found = labels(texts, width)
    assert len({look(label) for label in found}) == len(texts)
    assert all(0 < len(label) <= width and label.isprintable() for label in found)
    assert labels([*texts, *texts], width) == found * 2


@pytest.mark.parametrize(("texts", "shown"), [
    (MIDDLE[:1], ["mean_income_of_the_ho…_for_inflation"]),
    (["short", "", None, 7, ("a", 1)], ["short", "''", "None", "7", "('a', 1)"]),
    (["Ulm", "Ulm "], ["Ulm", "'Ulm '"]),
    (["Ulm "], ["Ulm"]),
    (["a\nb", "a b"], [r"'a\nb'", "a b"]),
    (["a\nb"], ["a b"]),
])
def test_labels_of(texts, shown):
    assert labels(texts) == shown


def test_the_place_where_texts_differ_is_shown():
    assert all(str(year) in label for year, label in zip((2018, 2019, 2020), labels(MIDDLE), strict=True))


def test_names_at_different_places_are_numbered():
    assert numbered(["x", "x (2)", "x", "x"]) == ["x", "x (2)", "x (3)", "x (4)"]
    assert label_texts(["US$", "US$", "a"]) == [r"US\$", r"US\$ (2)", "a"]
    assert label_texts(["a" * 50] * 2, 12)[1] == "aaaaa…aa (2)"
    assert label_text("Ulm ", among=["Ulm", "Ulm "]) == "'Ulm '"


def test_listed_names_stay_different():
    assert len(set(listed(MIDDLE, width=20).replace(" and ", ", ").split(", "))) == 3
    assert listed(["a", "a", ""]) == "a, a and ''"


@pytest.mark.parametrize("values", [
    [0.12345, 0.12346], [1234567.12, 1234567.14], [0.99999, 1.0], [1e9 + 0.25, 1e9 + 0.5],
    [1, 1.0, True, "1", "True"], ["missing", None], ["", " ", "  "],
    [pd.Timestamp("2024-01-01 07:30:10"), pd.Timestamp("2024-01-01 07:30:11")],
    [pd.Timestamp("2024-01-01 07:30:10.1"), pd.Timestamp("2024-01-01 07:30:10.2")],
    [*MIDDLE], [np.float32(0.1), 0.1], [pd.Interval(0, 1), "(0, 1]"],
])
def test_different_values_have_different_labels(values):
    assert len(set(cell_texts(values))) == len(values)


def test_missing_values_are_one_and_not_the_word():
    assert cell_texts([None, np.nan, pd.NA, pd.NaT, "missing"]) == ["missing"] * 4 + ["'missing'"]
    assert cell_texts(["missing"]) == ["'missing'"]
