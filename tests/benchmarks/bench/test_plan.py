"""Names, sizes and weights are settled before anything is measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.api.errors import ConfigError, UsageError, WeightsMissingError
from benchmarks.bench.plan import Request, conditions, parse_batches, parse_size, prepare


def test_a_size_is_width_by_height() -> None:
    assert parse_size("160x120") == parse_size("160X120") == (160, 120)


@pytest.mark.parametrize("text", ["128", "0x8", "8x0", "-8x8", "8x8x8", "ax8", "", "8 x 8"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="WIDTHxHEIGHT"):
        parse_size(text)


def test_batches_come_smallest_first_and_are_numbers() -> None:
    assert parse_batches(("16", "1", "4")) == (1, 4, 16)
    for text in ("0", "-1", "two", "1.5", "²"):
        with pytest.raises(UsageError, match="batch size"):
            parse_batches((text,))


def test_there_is_a_task_per_method_and_batch_and_the_smallest_is_split() -> None:
    tasks = prepare(Request(methods=("bicubic", "nearest"), batches=(2, 8), height=5, width=9))
    assert [(t.method.key, t.batch, t.split) for t in tasks] == [
        ("bicubic", 2, True),
        ("bicubic", 8, False),
        ("nearest", 2, True),
        ("nearest", 8, False),
    ]
    assert {(t.height, t.width) for t in tasks} == {(5, 9)}


def test_missing_weights_stop_everything_and_are_all_named() -> None:
    with pytest.raises(WeightsMissingError, match=r"osediff.pkl.*s3diff.pkl") as caught:
        prepare(Request(methods=("bicubic", "osediff", "s3diff")))
    assert caught.value.exit_code == 4
    assert "ram_swin" in str(caught.value), "the tagger's weights are needed too"


def test_empty_prompts_need_no_tagger_and_are_in_the_row() -> None:
    with pytest.raises(WeightsMissingError) as caught:
        prepare(Request(methods=("osediff",), prompts=False))
    assert "ram_swin" not in str(caught.value)


def test_what_computes_elsewhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to measure"):
        prepare(Request(methods=(f"precomputed:Theirs={tmp_path}",)))


def test_runs_are_at_least_one() -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        prepare(Request(methods=("bicubic",), warm_up=0))


def test_conditions_name_the_machine() -> None:
    found = conditions(Request(methods=("bicubic",)))
    assert found.device_name == f"{found.machine['cpu']}, {found.machine['cores']} cores"
    assert found.packages["torch"]
