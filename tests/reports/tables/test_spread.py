"""Intervals and ties in every format of a table."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from reports.comparison import compare
from reports.statistics.per_image import all_per_image
from reports.tables import data, latex, markdown, terminal
from reports.tables.build import build_report
from reports.tables.model import Report
from reports.tables.scope import Layout
from reports.tables.text import Highlight

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

    def built(**layout) -> Report:
        comparison = compare([run])
        return build_report(comparison, Layout(**layout), all_per_image(comparison, [run]))

    return built


def marks(report: Report, column: int) -> list[str]:
    return [row.cells[column].mark for row in report.tables[0].groups[0].rows]


def test_ties_share_the_mark_of_the_best_and_nothing_is_second(build) -> None:
    report = build(tied=True)
    assert sorted(marks(report, 0)) == ["", "best", "tied"]
    assert marks(report, 0)[0] == ""
    caption = report.tables[0].caption
    assert "Paired sign-flip tests, Holm over all 6 pairs of the table, 5%." in caption
    assert sorted(marks(build(), 0)) == ["", "best", "second"]


def test_a_column_without_values_per_image_has_no_ties_and_says_why(build) -> None:
    report = build(tied=True, spread="ci")
    assert marks(report, 2) == ["", "", ""]
    (mark,) = report.tables[0].columns[2].notes
    text = next(note.text for note in report.tables[0].footnotes if note.mark == mark)
    assert text.startswith("FID on RealSR: it stands on 40 images")


def test_without_being_asked_for_there_is_no_interval(build) -> None:
    cell = build(tied=True).tables[0].groups[0].rows[0].cells[0]
    assert cell.interval is None
    assert build(spread="pm").tables[0].groups[0].rows[0].cells[0].interval is not None


def test_the_terminal_shows_it_beside_the_value_and_keeps_columns_in_line(build) -> None:
    console = Console(file=io.StringIO(), width=200)
    terminal.show(build(spread="ci", tied=True), console, Highlight.TIED)
    assert isinstance(console.file, io.StringIO)
    _, _, *rows = console.file.getvalue().splitlines()[:5]
    two = r"\d\d\.\d\d \[\d\d\.\d\d, \d\d\.\d\d\]  0\.\d{4} \[0\.\d{4}, 0\.\d{4}\]"
    assert all(re.search(two, row) for row in rows)
    assert len({row.index("]") for row in rows}) == 1
    assert "Brackets hold 95 % intervals (studentised bootstrap" in console.file.getvalue()
    assert "In bold the best and all that are not distinguishable" in console.file.getvalue()


def test_markdown_marks_the_value_and_not_its_interval(build) -> None:
    text = markdown.render(build(spread="pm", tied=True), Highlight.TIED)
    assert len(re.findall(r"\*\*2[45]\.\d\d\*\* ±\d\.\d\d", text)) == 2
    assert "<ins>" not in text


def test_latex_marks_the_value_and_not_its_interval(build) -> None:
    beside = latex.render(build(spread="pm", tied=True), Highlight.TIED)
    assert re.search(r"\\tied\{2[45]\.\d\d\}\{\\tiny\\,\$\\pm\$\d\.\d\d\}", beside)
    assert r"\providecommand{\tied}[1]{\textbf{#1}}" in beside
    below = latex.render(build(spread="ci"))
    lines = below.splitlines()
    best = next(i for i, line in enumerate(lines) if r"\best{2" in line and "&" in line)
    assert re.search(r"-1s & \\best\{2\d\.\d\d\} & .* \\\\\[-3pt\]$", lines[best])
    assert re.match(r"\s+&  & \{\\tiny \[2\d\.\d\d, 2\d\.\d\d\]\} & ", lines[best + 1])
    assert r"\multirow{6}" in below


def test_csv_has_bounds_and_p_unrounded(build) -> None:
    report = build(spread="ci", tied=True)
    first, second, third = csv.DictReader(io.StringIO(data.render_csv(report)))
    cell = report.tables[0].groups[0].rows[0].cells[0]
    assert (float(first[f"low:{PSNR}"]), float(first[f"high:{PSNR}"])) == cell.interval
    assert float(first[f"p:{PSNR}"]) == cell.p < 0.05
    assert {second[f"p:{PSNR}"], third[f"p:{PSNR}"]} >= {"1.0"}
    assert f"low:{PSNR}" not in data.render_csv(build())


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no TeX on this machine")
@pytest.mark.parametrize("spread", ["ci", "pm"])
def test_a_real_tex_compiles_it(build, spread: str, tmp_path: Path) -> None:
    report = build(spread=spread, tied=True)
    (tmp_path / "table.tex").write_text(latex.render(report, Highlight.TIED), encoding="utf-8")
    (tmp_path / "main.tex").write_text(
        r"\documentclass[twocolumn]{article}\usepackage{booktabs,graphicx,multirow}"
        r"\begin{document}\input{table}Text.\end{document}",
        encoding="utf-8",
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "main.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-1500:]
    assert "Overfull" not in done.stdout
