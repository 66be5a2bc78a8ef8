"""Numbers as they are printed."""

from __future__ import annotations

import pytest

from reports.tables.model import Cell, Column
from reports.tables.text import number, one_line

PSNR = Column(metric="psnr@y601", title="PSNR", higher_is_better=True, level="sample", decimals=2)


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (25.1511, "scores", "25.15"),
        (None, "scores", "-"),
        (0.004, "difference", "+0.00"),
        (-0.004, "difference", "+0.00"),
        (-0.126, "difference", "-0.13"),
        (1.0, "difference", "+1.00"),
    ],
)
def test_number(value, kind, text) -> None:
    assert number(Cell(value=value), PSNR, kind) == text


def test_a_name_stays_on_one_line() -> None:
    assert one_line("a\nb\x1b[0m\u202ec") == "a?b?[0m?c"
