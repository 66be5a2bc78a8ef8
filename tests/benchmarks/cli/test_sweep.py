"""Which rows a sweep over step counts runs."""

from __future__ import annotations

import pytest

from benchmarks.api.errors import UnknownNameError
from benchmarks.cli.sweep import expand


def test_methods_with_several_step_counts_run_at_each_and_others_once() -> None:
    found = expand(["mfsr-tiny", "osediff", "bicubic", "dit4sr-tiny+guidance=1"], (1, 4))
    assert found == (
        "mfsr-tiny@1",
        "mfsr-tiny@4",
        "osediff",
        "bicubic",
        "dit4sr-tiny@1+guidance=1",
        "dit4sr-tiny@4+guidance=1",
    )


def test_typed_step_counts_stay_and_rows_are_named_once() -> None:
    assert expand(["dit4sr-tiny@40", "mfsr-tiny@1", "mfsr-tiny"], (1, 2)) == (
        "dit4sr-tiny@40",
        "mfsr-tiny@1",
        "mfsr-tiny@2",
    )


def test_unknown_methods_are_refused_before_anything_runs() -> None:
    with pytest.raises(UnknownNameError, match="mfsr-tiny"):
        expand(["mfsr-tinny"], (1,))
