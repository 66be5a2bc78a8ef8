"""Names, sizes and weights are settled before anything is measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.api.errors import UsageError, WeightsMissingError
from benchmarks.bench.settle import BenchPlan, settle_bench
from benchmarks.request import BenchRequest, ask
from benchmarks.results.cache import ScoreCache
from benchmarks.settle import settled


def plan(**asked: Any) -> BenchPlan:
    request = ask(BenchRequest, {"device": "cpu", **asked})
    return settled(lambda: settle_bench(request, ScoreCache()))


def test_a_size_is_width_by_height() -> None:
    for text in ("160x120", "160X120"):
        conditions = plan(methods="nearest", lr_size=text).conditions
        assert (conditions.lr_width, conditions.lr_height) == (160, 120)


def test_there_is_a_case_per_method_and_batch_and_the_smallest_is_split() -> None:
    cases = plan(methods="bicubic,nearest", batch="8,2,8", lr_size="9x5").cases
    assert [(one.method.key, one.batch, one.split) for one in cases] == [
        ("bicubic", 2, True),
        ("bicubic", 8, False),
        ("nearest", 2, True),
        ("nearest", 8, False),
    ]
    assert {(one.height, one.width) for one in cases} == {(5, 9)}


def test_missing_weights_stop_everything_and_are_all_named() -> None:
    with pytest.raises(WeightsMissingError, match=r"osediff.pkl.*s3diff.pkl") as caught:
        plan(methods="bicubic,osediff,s3diff")
    assert caught.value.exit_code == 4
    assert "ram_swin" in str(caught.value), "the tagger's weights are needed too"


def test_empty_prompts_need_no_tagger_and_are_in_the_row() -> None:
    with pytest.raises(WeightsMissingError) as caught:
        plan(methods="osediff", prompts="none")
    assert "ram_swin" not in str(caught.value)


def test_what_computes_elsewhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to measure"):
        plan(methods=[f"precomputed:Theirs={tmp_path}"])


def test_conditions_name_the_machine() -> None:
    found = plan(methods="bicubic").conditions
    assert found.device_name == f"{found.machine['cpu']}, {found.machine['cores']} cores"
    assert found.packages["torch"]
