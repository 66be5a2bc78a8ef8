"""Times of one condition are joined; those of two never are."""

from __future__ import annotations

from typing import Any

import pytest
from bench_results import TORCH, failure, results, row

from benchmarks.api.errors import ConflictError
from benchmarks.bench.joining import join


def test_rows_of_one_condition_are_joined_and_the_later_ones_win() -> None:
    one = results(row("a"), row("b"), load_average=0.5)
    two = results(row("b", seconds=(9.0,)), failure("c"), load_average=0.7, tool={"commit": "new"})
    joined = join([one, two])
    assert [(r.method, r.seconds) for r in joined.rows] == [("a", (1.0, 2.0)), ("b", (9.0,))]
    assert [f.method for f in joined.failures] == ["c"]
    assert joined.load_average == 0.7
    assert len(one.rows) == 2, "what is joined stays as it was"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"device_name": "Another GPU"}, "device_name \\(A GPU, Another GPU\\)"),
        ({"lr_width": 64}, "lr_width \\(128, 64\\)"),
        ({"packages": {"torch": "2.7.0"}}, "packages torch \\(2.9.0, 2.7.0\\)"),
        ({"torch": {**TORCH, "threads": 1}}, "torch threads \\(8, 1\\)"),
        ({"offload": True}, "offload"),
        ({"repeats": 5}, "repeats"),
    ],
)
def test_other_conditions_are_refused_and_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConflictError, match=said):
        join([results(row("a")), results(row("b"), **changes)])


def test_where_nothing_could_be_measured_torch_is_unknown() -> None:
    joined = join([results(failure("a"), torch={}), results(row("b"))])
    assert joined.torch == TORCH
