"""Sets of names that a short label must tell apart."""

from __future__ import annotations

MIDDLE = [f"mean_income_of_the_household_in_{year}_adjusted_for_inflation" for year in (2018, 2019, 2020)]
LONG = "the customer was called more than three times in the last twelve months"
SETS = {
    "middle": MIDDLE,
    "two places": [f"{name}_version_{k}_of_the_table_as_it_was_delivered" for name in MIDDLE for k in (1, 2)],
    "beginning": ["a" + LONG, "b" + LONG],
    "end": [LONG + "a", LONG + "b"],
    "length": ["a" * n for n in (36, 37, 60, 61, 200)],
    "one long word": ["x" * 40 + f"{k}" + "y" * 40 for k in range(30)],
    "blanks": ["Ulm", " Ulm", "Ulm ", "Ulm  x", "Ulm x", "Ulm\tx", "Ulm\nx", " ", "  ", ""],
    "invisible": ["Ulm", "Ulm\u200b", "U\u00adlm", "\ufeffUlm", "Ulm\u2060", "U\u034flm", "\u3164", "\u2800", "\x00"],
    "compositions": ["Z\u00fcrich", "Zu\u0308rich"],
    "case": ["age", "Age", "AGE"],
    "emoji": ["\u2764", "\u2764\ufe0f", "\U0001f469\u200d\U0001f52c", "\U0001f469\U0001f52c"],
    "right to left": ["\u05e9\u05dd", "\u05e9\u05dd\u200f", "\u0627\u0633\u0645"],
    "markup": ["$a_b$", "<b>", "&lt;b&gt;", "a_b", "a$", r"\$", "%d"],
    "quotes": ["a", "'a'", '"a"', "'a '", "a "],
    "tuples": ["('a', 1)", "('a', '1')", "None", "0"],
    "ellipsis": ["a" * 21 + "…" + "a" * 14, "a" * 50, "a" * 21 + "b" + "a" * 28],
    "numbering": ["x", "x (2)", "x (3)"],
}
