"""What a run prints at its end, found by its entry point."""

from __future__ import annotations

import io

from rich.console import Console

from benchmarks import registry
from reports.summary import print_summary, summary_markdown


def test_the_summary_is_registered_and_prints_the_table(make_run) -> None:
    hook = registry.load("reports", "table", what="report", see="")
    assert hook is print_summary
    console = Console(file=io.StringIO())
    run = make_run({("realsr", "mfsr@2", "psnr@y601"): [20.0, 21.0, 22.0]})
    hook(run, console)
    assert isinstance(console.file, io.StringIO)
    assert "MFSR-2s  21.00" in console.file.getvalue()
    assert "| RealSR (n = 3) | MFSR-2s | 21.00 |" in summary_markdown(run)
