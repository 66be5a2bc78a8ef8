"""Intervals and ties in every format of a table."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typeset import needs_tex, typeset

from benchmarks.tables import data, latex, markdown, terminal
from benchmarks.tables.model import Document
from benchmarks.tables.text import Highlight
from reports.comparison import compare
from reports.statistics.per_image import all_per_image
from reports.tables.build import build_report
from reports.tables.scope import Layout

PSNR, LPIPS, NIQE = "psnr@y601", "lpips@alex", "niqe@pyiqa"
REALSR = {"realsr": {"title": "RealSR", "n": 40, "has_reference": True}}


@pytest.fixture
def build(make_run):
    """Three methods, of which the last two are alike and the first is far below."""
    generator = np.random.default_rng(1)
    images = 3 * generator.standard_normal(40)
    images -= images.mean()
    values = {}
    for method, shift in (("bicubic", 20.0), ("mfsr@1", 25.0), ("osediff@1", 25.05)):
        noise = 0.5 * generator.standard_normal((2, 40))
        values["realsr", method, PSNR] = (images + noise[0] + shift).tolist()
        values["realsr", method, LPIPS] = (0.5 - (images + noise[1] + shift) / 100).tolist()
    run = make_run(values, {("realsr", "mfsr@1", "fid@clean"): (40, 99.0)}, datasets=REALSR)

    def built(**layout) -> Document:
        comparison = compare([run])
        return build_report(comparison, Layout(**layout), all_per_image(comparison, [run]))

    return built


def marks(report: Document, column: int) -> list[str]:
    return [row.cells[column + 1].mark for row in report.tables[0].rows]


def test_ties_share_the_mark_of_the_best_and_nothing_is_second(build) -> None:
    report = build(tied=True)
    assert sorted(marks(report, 0)) == ["", "best", "tied"]
    assert marks(report, 0)[0] == ""
    caption = report.tables[0].caption
    assert "Paired sign-flip tests, Holm over all 6 pairs of the table, 5%." in caption
    assert sorted(marks(build(), 0)) == ["", "best", "second"]


def test_a_column_without_values_per_image_has_no_ties_and_says_why(build) -> None:
    report = build(tied=True, intervals="ci")
    assert marks(report, 2) == ["", "", ""]
    (mark,) = report.tables[0].columns[3].notes
    text = next(note.text for note in report.tables[0].footnotes if note.mark == mark)
    assert text.startswith("FID on RealSR: it stands on 40 images")


def test_without_being_asked_for_there_is_no_interval(build) -> None:
    cell = build(tied=True).tables[0].groups[0].rows[0].cells[1]
    assert cell.interval is None
    assert build(intervals="pm").tables[0].groups[0].rows[0].cells[1].interval is not None


def test_the_terminal_shows_it_beside_the_value_and_keeps_columns_in_line(build) -> None:
    console = Console(file=io.StringIO(), width=200)
    terminal.show(build(intervals="ci", tied=True), console, Highlight.TIED)
    assert isinstance(console.file, io.StringIO)
    _, _, *rows = console.file.getvalue().splitlines()[:5]
    two = r"\d\d\.\d\d \[\d\d\.\d\d, \d\d\.\d\d\]  0\.\d{4} \[0\.\d{4}, 0\.\d{4}\]"
    assert all(re.search(two, row) for row in rows)
    assert len({row.index("]") for row in rows}) == 1
    assert "Brackets hold 95 % intervals (studentised bootstrap" in console.file.getvalue()
    assert "In bold the best and all that are not distinguishable" in console.file.getvalue()


def test_markdown_marks_the_value_and_not_its_interval(build) -> None:
    text = markdown.render(build(intervals="pm", tied=True), Highlight.TIED)
    assert len(re.findall(r"\*\*2[45]\.\d\d\*\* ±\d\.\d\d", text)) == 2
    assert "<ins>" not in text


def test_latex_marks_the_value_and_not_its_interval(build) -> None:
    beside = latex.render(build(intervals="pm", tied=True), Highlight.TIED)
    assert re.search(r"\\tiedbold\{2[45]\.\d\d\}\{\\tiny\\,\$\\pm\$\d\.\d\d\}", beside)
    assert r"\providecommand{\tiedbold}[1]{\textbf{#1}}" in beside
    below = latex.render(build(intervals="ci"))
    lines = below.splitlines()
    best = next(i for i, line in enumerate(lines) if r"\bestred{2" in line and "&" in line)
    assert re.search(r"-1s & \\bestred\{2\d\.\d\d\} & .* \\\\\[-3pt\]$", lines[best])
    assert re.match(r"\s+&  & \{\\tiny \[2\d\.\d\d, 2\d\.\d\d\]\} & ", lines[best + 1])
    assert r"\multirow{6}" in below


def test_csv_has_bounds_and_p_unrounded(build) -> None:
    report = build(intervals="ci", tied=True)
    first, second, third = csv.DictReader(io.StringIO(data.render_csv(report)))
    cell = report.tables[0].groups[0].rows[0].cells[1]
    assert (float(first[f"low:{PSNR}"]), float(first[f"high:{PSNR}"])) == cell.interval
    assert float(first[f"p:{PSNR}"]) == cell.p < 0.05
    assert {second[f"p:{PSNR}"], third[f"p:{PSNR}"]} >= {"1.0"}
    assert f"low:{PSNR}" not in data.render_csv(build())


@needs_tex
@pytest.mark.parametrize("intervals", ["ci", "pm"])
def test_a_real_tex_compiles_it(build, intervals: str, tmp_path: Path) -> None:
    report = build(intervals=intervals, tied=True)
    typeset(latex.render(report, Highlight.TIED), tmp_path, packages="booktabs,graphicx,multirow")


def test_published_rows_have_no_empty_line_for_intervals(make_run) -> None:
    values = {("realsr", "mfsr@1", PSNR): [20.0 + i / 50 for i in range(100)]}
    datasets = {"realsr": {"title": "RealSR", "n": 100, "has_reference": True}}
    run = make_run(values, datasets=datasets)
    comparison = compare([run])
    layout = Layout(published=True, intervals="ci", sources={"mfsr", "osediff-realsr"})
    source = latex.render(build_report(comparison, layout, all_per_image(comparison, [run])))
    rows = [line for line in source.splitlines() if line.endswith(("\\\\", "\\\\[-3pt]"))]
    assert len(rows) == 1 + 2 + 16  # head, ours with its interval, published
    assert r"\multirow{18}" in source
