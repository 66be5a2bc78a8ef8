from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks import registry
from benchmarks.api.errors import UnknownNameError
from benchmarks.metrics import protocol
from benchmarks.metrics.protocol import MFSR_PAPER, PROTOCOLS, find


def test_the_papers_columns() -> None:
    names = [metric.partition("@")[0] for metric in MFSR_PAPER.with_reference]
    assert names == ["psnr", "ssim", "lpips", "dists", "fid", "niqe", "musiq", "maniqa", "clipiqa"]
    names = [metric.partition("@")[0] for metric in MFSR_PAPER.without_reference]
    assert names == ["niqe", "musiq", "maniqa", "clipiqa", "liqe"]


def test_every_metric_of_every_protocol_is_registered_and_fits() -> None:
    specs = registry.metric_specs()
    for found in PROTOCOLS.values():
        assert set(found.metrics) <= set(specs)
        assert not any(specs[metric].needs_reference for metric in found.without_reference)


def test_the_hash_is_frozen() -> None:
    # Whoever changes it changes what "mfsr-paper-v1" means: make a v2 instead.
    assert MFSR_PAPER.hash == "3aafa63c7c5d"


def test_the_hash_follows_what_could_change_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    before = MFSR_PAPER.hash
    assert replace(MFSR_PAPER, rule="Scored as float.").hash != before
    assert replace(MFSR_PAPER, without_reference=("niqe@matlab",)).hash != before
    assert replace(MFSR_PAPER, title="Another title").hash == before
    raised = [replace(s, version=s.version + 1) for s in protocol.METRICS if s.id == "ssim@y601"]
    others = [spec for spec in protocol.METRICS if spec.id != "ssim@y601"]
    monkeypatch.setattr(protocol, "METRICS", (*others, *raised))
    assert MFSR_PAPER.hash != before


def test_find_suggests() -> None:
    assert find("mfsr-paper-v1") is MFSR_PAPER
    with pytest.raises(UnknownNameError, match="Did you mean 'mfsr-paper-v1'"):
        find("mfsr-paper")
