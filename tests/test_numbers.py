"""Numbers that are shown together: different ones look different, and everyday ones have no exponent."""

from __future__ import annotations

import numpy as np
import pytest

from xaikit.tables.wording import interval, number, numbers, signed, significant


@pytest.mark.parametrize(("values", "shown"), [
    ([999.7, 1000.2], ["999.7", "1,000.2"]),
    ([999.7], ["1,000"]),
    ([0.99999, 1.0], ["0.99999", "1"]),
    ([1234567.1, 1234567.9], ["1,234,567.1", "1,234,567.9"]),
    ([1e6, 1e6 + 0.75], ["1,000,000", "1,000,000.75"]),
    ([0.3, 0.1 + 0.2], ["0.3", "0.3"]),
    ([0.5, 0.12345], ["0.5", "0.123"]),
    ([5.0, 0.12341, 0.12343, -0.2], ["5", "0.12341", "0.12343", "−0.2"]),
    ([np.nan, np.inf, 2.0, 0.0, -0.0], ["n/a", "n/a", "2", "0", "0"]),
    ([], []),
])
def test_numbers_shown_together(values, shown):
    assert numbers(values) == shown


@pytest.mark.parametrize(("value", "text"), [
    (999.4, "999"), (999.5, "1,000"), (-999.7, "−1,000"), (1e9, "1,000,000,000"), (0.00012, "0.00012"),
    (1e12, "1e+12"), (-0.5, "−0.5"), (9.996, "10"), (1e-5, "1e−05"),
])
def test_everyday_numbers_have_no_exponent(value, text):
    assert number(value) == text


def test_significant_digits_are_rounded_up_without_exponent():
    assert [significant(v, 4) for v in (9999.7, 99999.5, -9999.7, 0.00099996)] == ["10000", "100000", "-10000", "0.001"]


def test_ends_of_intervals_differ():
    assert interval(0.1234, 0.1236) == "0.1234 to 0.1236"
    assert interval(-1000.2, -999.7) == "−1,000.2 to −999.7"


def test_random_numbers_are_told_apart(rng):
    for scale in (1e-3, 1.0, 1e6):
        values = 1000.0 + scale * rng.random(20)
        assert len(set(numbers(values, signed))) == 20
