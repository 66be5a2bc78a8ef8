"""A method that belongs to a protocol is scored by that one alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from benchmarks.api.errors import UsageError
from benchmarks.metrics import protocol as protocols
from benchmarks.metrics.protocol import MFSR_PAPER, OFTSR_BICUBIC
from benchmarks.request import RunRequest
from benchmarks.results.cache import ScoreCache
from benchmarks.settle import settle_run


@pytest.fixture
def pairs(tmp_path: Path) -> str:
    for side, size in (("lr", (8, 8)), ("hr", (32, 32))):
        (tmp_path / side).mkdir()
        Image.new("RGB", size).save(tmp_path / side / "a.png")
    return f"folder:{tmp_path}/lr,{tmp_path}/hr"


def settled(tmp_path: Path, *datasets: str, protocol: str = OFTSR_BICUBIC.id) -> tuple[str, ...]:
    request = RunRequest(
        methods=("bicubic", "oftsr"),
        datasets=datasets,
        protocol=protocol,
        device="cpu",
        out=tmp_path / "run",
    )
    found = settle_run(request, ScoreCache(tmp_path / "cache.sqlite"))
    return tuple(spec.id for spec in found.plan.scoring.metrics[True])


def test_its_protocol_has_the_papers_columns(tmp_path: Path, pairs: str) -> None:
    columns = ("psnr@rgb", "lpips@alex", "fid@legacy-tensorflow")
    assert OFTSR_BICUBIC.with_reference == columns
    assert set(settled(tmp_path, pairs)) <= set(columns)
    assert OFTSR_BICUBIC.hash != MFSR_PAPER.hash == "3aafa63c7c5d"
    assert protocols.find("oftsr-bicubic") is OFTSR_BICUBIC


def test_another_protocol_or_set_is_refused(tmp_path: Path, pairs: str) -> None:
    with pytest.raises(UsageError, match=r"'oftsr@1' cannot be scored by protocol 'mfsr") as error:
        settled(tmp_path, pairs, protocol=MFSR_PAPER.id)
    assert "--protocol oftsr-bicubic --datasets div2k-bicubic" in error.value.remedy
    with pytest.raises(UsageError, match="'oftsr@1' cannot be scored on 'sample'"):
        settled(tmp_path, pairs, "sample")
