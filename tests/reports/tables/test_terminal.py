"""The terminal table at any width."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from benchmarks.tables.terminal import show
from benchmarks.tables.text import Highlight
from reports.comparison import compare
from reports.tables.build import build_report

PSNR, LPIPS, NIQE = "psnr@y601", "lpips@alex", "niqe@pyiqa"


@pytest.fixture(autouse=True)
def _no_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)


def printed(run, *, width: int = 80, terminal: bool = False, **options) -> str:
    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=terminal,
        color_system="standard" if terminal else None,
    )
    show(build_report(compare([run])), console, **options)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.fixture
def run(make_run):
    values = {}
    for index, method in enumerate(("bicubic", "mfsr@1", "mfsr@2")):
        for metric, value in ((PSNR, 20.0), (LPIPS, 0.3), (NIQE, 5.0)):
            values["realsr", method, metric] = [value + index] * 3
    return make_run(values, skipped={"fid@clean": "weights missing"})


def test_columns_line_up_and_the_empty_one_is_a_footnote(run) -> None:
    lines = printed(run).splitlines()
    assert lines[:5] == [
        "         PSNR↑  LPIPS↓   NIQE↓",
        "RealSR, n = 3",
        "Bicubic  20.00  0.3000  5.0000",
        "MFSR-1s  21.00  1.3000  6.0000",
        "MFSR-2s  22.00  2.3000  7.0000",
    ]
    assert lines[-1] == "ᵃ FID: not computed (weights missing)."


def test_a_narrow_terminal_gets_the_columns_below_each_other(run) -> None:
    lines = [
        re.sub(r"\x1b\[[\d;]*m", "", x) for x in printed(run, width=22, terminal=True).split("\n")
    ]
    heads = [line.split() for line in lines if "↑" in line or "↓" in line]
    assert heads == [["PSNR↑", "LPIPS↓"], ["NIQE↓"]]
    assert all(len(line) <= 22 for line in lines)


def test_best_and_second_are_seen_without_colours(run, monkeypatch) -> None:
    assert "\x1b[1;31m22.00" in printed(run, terminal=True)
    assert "\x1b[4;34m21.00" in printed(run, terminal=True)
    assert "\x1b[1m22.00" in printed(run, terminal=True, highlight=Highlight.BOLD_UNDERLINE)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[1m22.00" in printed(run, terminal=True)


def test_markup_and_escapes_in_names_are_shown_not_obeyed(make_run, make_method) -> None:
    evil = make_method("evil", title="[red]x[/]\x1b[31m")
    run = make_run({("realsr", "evil", PSNR): [20.0]}, methods={"evil": evil})
    text = printed(run)
    assert "[red]x[/]?[31m" in text
    assert "\x1b" not in text


def test_nothing_to_show_is_said(make_run) -> None:
    run = make_run({("realsr", "bicubic", PSNR): []}, skipped={PSNR: "weights missing"})
    assert printed(run) == ""
