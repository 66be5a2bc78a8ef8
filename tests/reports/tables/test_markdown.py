"""Markdown: a table that GitHub renders, whatever the names hold."""

from __future__ import annotations

from benchmarks.tables.markdown import escape, render
from benchmarks.tables.text import Highlight
from reports.comparison import compare
from reports.tables.build import build_report

PSNR = "psnr@y601"


def text(make_run, highlight: Highlight = Highlight.BOLD_UNDERLINE, **changes) -> str:
    values = {
        ("realsr", "bicubic", PSNR): [20.0, 21.0, 22.0],
        ("realsr", "mfsr@1", PSNR): [30.0, 31.0, 32.0],
        ("realsr", "mfsr@2", PSNR): [25.0, 26.0, 27.0],
    }
    return render(build_report(compare([make_run(values, **changes)])), highlight)


def test_the_table_is_a_table(make_run) -> None:
    lines = text(make_run).splitlines()
    start = lines.index(
        "| Dataset | Method | PSNR↑ | LPIPS↓<sup>a</sup> | FID↓<sup>a</sup> | NIQE↓<sup>a</sup> |"
    )
    assert lines[start + 1] == "| --- | --- | ---: | ---: | ---: | ---: |"
    assert lines[start + 2] == "| RealSR (n = 3) | Bicubic | 21.00 | - | - | - |"
    assert lines[start + 3] == "|  | MFSR-1s | **31.00** | - | - | - |"
    assert lines[start + 4] == "|  | MFSR-2s | <ins>26.00</ins> | - | - | - |"
    assert lines[-1] == "<sup>a</sup> LPIPS, FID, NIQE: not computed."


def test_without_highlight_there_are_no_marks(make_run) -> None:
    assert "**31.00**" not in text(make_run, Highlight.NONE)


def test_the_comment_cannot_be_closed_by_a_name(make_run) -> None:
    comment = text(make_run, name="x-->y").partition("\n-->\n")[0]
    assert comment.startswith("<!--\n")
    assert "--" not in comment.removeprefix("<!--")


def test_names_stay_text() -> None:
    assert escape("a|b_c *d* <img> [x](y)\n`z`") == (r"a\|b\_c \*d\* \<img\> \[x\](y)?\`z\`")
