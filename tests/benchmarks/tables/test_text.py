"""Numbers as they are printed."""

from __future__ import annotations

import pytest

from benchmarks.tables.text import one_line, signed, significant


@pytest.mark.parametrize(
    ("value", "text"), [(0.004, "+0.00"), (-0.004, "+0.00"), (-0.126, "-0.13"), (1.0, "+1.00")]
)
def test_a_difference_has_a_sign_unless_it_rounds_to_nothing(value: float, text: str) -> None:
    assert signed(value, 2) == text


def test_three_digits_are_enough() -> None:
    numbers = (2265.4, 999.9, 16.28, 1.0, 0.1234, 0.000517, 0, None)
    texts = ["2265", "1000", "16.3", "1.00", "0.123", "0.000517", "0", "-"]
    assert [significant(number) for number in numbers] == texts


def test_a_name_stays_on_one_line() -> None:
    assert one_line("a\nb\x1b[0m\u202ec") == "a?b?[0m?c"
