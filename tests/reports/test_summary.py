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


def test_the_best_niqe_with_the_worst_ssim_is_doubted(make_run) -> None:
    def told(values: dict[str, tuple[float, float]]) -> bool:
        scores = {
            ("realsr", method, metric): [value] * 3
            for method, pair in values.items()
            for metric, value in zip(("ssim@y601", "niqe@pyiqa"), pair, strict=True)
        }
        ssim = {"title": "SSIM", "higher_is_better": True, "decimals": 4}
        run = make_run(scores, metrics={"ssim@y601": ssim})
        return "NIQE rewards noise: look at the images" in summary_markdown(run)

    assert told({"mfsr@1": (0.5, 3.0), "bicubic": (0.7, 8.0)})
    assert not told({"mfsr@1": (0.7, 3.0), "bicubic": (0.5, 8.0)})
    assert not told({"mfsr@1": (0.5, 3.0)})
