"""Which rows a sweep over step counts runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.api.errors import UnknownNameError, UsageError
from benchmarks.cli import sweep
from benchmarks.cli.sweep import expand, expand_option
from benchmarks.request import RunRequest, SweepRequest


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


def test_methods_with_the_option_run_at_each_value_and_others_once() -> None:
    found = expand_option(["stablesr@4", "bicubic", "stablesr+dec-w=1"], "dec-w", ["0", "0.5"])
    assert found == (
        "stablesr@4+dec-w=0",
        "stablesr@4+dec-w=0.5",
        "bicubic",
        "stablesr+dec-w=1",
    )


def test_an_option_that_no_method_has_is_refused() -> None:
    with pytest.raises(UsageError, match="None of these methods has an option 't'; they have: .*w"):
        expand_option(["stablesr"], "t", ["0"])
    with pytest.raises(UsageError, match="they have: none"):
        expand_option([], "t", ["0"])


def test_a_figure_is_drawn_of_what_asks_for_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[tuple[str, Path]] = []
    monkeypatch.setattr(sweep, "_draw", lambda figure, run: seen.append((figure, run)))
    assert sweep.drawn(RunRequest()) is None
    for request in (RunRequest(figure="steps"), SweepRequest()):
        draw = sweep.drawn(request)
        assert draw
        draw(tmp_path)
    assert seen == [("steps", tmp_path)] * 2
