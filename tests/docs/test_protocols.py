"""What docs/protocols.md says is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.conformance.columns import METRIC_OF_COLUMN
from benchmarks.metrics.tolerances import TOLERANCES

TEXT = (Path(__file__).parents[2] / "docs" / "protocols.md").read_text(encoding="utf-8")


def test_every_metric_of_the_default_protocol_is_described() -> None:
    assert all(f"| `{metric}` | " in TEXT for metric in METRIC_OF_COLUMN.values())


def test_the_tolerances_in_the_text_are_those_in_the_code() -> None:
    for metric, tolerance in TOLERANCES.items():
        (row,) = re.findall(rf"^\| `{metric}`.*\|([^|]*)\|([^|]*)\|$", _after(), re.MULTILINE)
        image, mean = (float(cell) if cell.strip() else None for cell in row)
        assert (image, mean) == (tolerance.image, tolerance.mean), metric


def _after() -> str:
    return TEXT.partition("## Agreement with published scores")[2].partition("## How large")[0]
