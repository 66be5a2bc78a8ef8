from __future__ import annotations

import pytest

from benchmarks import registry
from benchmarks.api.errors import UnknownNameError, UsageError
from benchmarks.metrics.protocol import MFSR_PAPER
from benchmarks.metrics.select import of_protocol, select


def _ids(*names: str) -> list[str]:
    return [spec.id for spec in select(names, MFSR_PAPER)]


def test_bare_names_are_the_protocols() -> None:
    assert _ids("maniqa", "psnr", "liqe") == ["maniqa@pipal", "psnr@y601", "liqe@koniq"]


def test_ids_are_themselves_and_come_once() -> None:
    assert _ids("psnr@rgb", "psnr", "psnr@rgb") == ["psnr@rgb", "psnr@y601"]


def test_all_is_every_registered_metric() -> None:
    assert _ids("all") == list(registry.metric_specs())


@pytest.mark.parametrize(
    ("name", "suggestion"), [("pnsr", "psnr"), ("maniqa@pipall", "maniqa@pipal")]
)
def test_unknown_names_get_a_suggestion(name: str, suggestion: str) -> None:
    with pytest.raises(UnknownNameError, match=f"Did you mean .*'{suggestion}'"):
        _ids(name)


def test_a_name_that_no_protocol_fixes() -> None:
    specs = registry.metric_specs()
    two = {metric: specs[metric] for metric in ("niqe@matlab", "niqe@y601")}
    with pytest.raises(UsageError, match="niqe@matlab, niqe@y601"):
        select(["niqe"], MFSR_PAPER, two)
    one = {"niqe@matlab": specs["niqe@matlab"]}
    assert select(["niqe"], MFSR_PAPER, one) == (specs["niqe@matlab"],)


def test_of_protocol_depends_on_hr_images() -> None:
    with_hr = of_protocol(MFSR_PAPER, has_reference=True)
    without = of_protocol(MFSR_PAPER, has_reference=False)
    assert tuple(spec.id for spec in with_hr) == MFSR_PAPER.with_reference
    assert tuple(spec.id for spec in without) == MFSR_PAPER.without_reference
