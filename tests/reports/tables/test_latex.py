"""LaTeX: structure always, a real TeX where there is one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typeset import needs_tex, typeset

from benchmarks.tables.latex import escape, render
from benchmarks.tables.model import Document
from benchmarks.tables.text import Highlight
from reports.comparison import compare
from reports.tables.build import build_report
from reports.tables.scope import Layout

HOSTILE = 'a_b & 50% #1 {x} ~^\\ $y$ <script> "q" | é\n\\input{secret}'
PSNR, FID = "psnr@y601", "fid@clean"


@pytest.fixture
def report(make_run, make_method) -> Document:
    methods = {"mfsr@1": make_method("mfsr@1"), "evil": make_method("evil", title=HOSTILE)}
    run = make_run(
        {
            ("realsr", "mfsr@1", PSNR): [20.0] * 100,
            ("realsr", "evil", PSNR): [30.0] * 100,
            ("realsr", "bicubic", PSNR): [25.0] * 100,
            ("reallq250", "bicubic", "niqe@pyiqa"): [5.0] * 250,
        },
        {("realsr", "mfsr@1", FID): (100, 120.0)},
        methods=methods,
        datasets={
            "realsr": {"title": "Real_SR", "n": 100, "has_reference": True},
            "reallq250": {"title": "RealLQ250", "n": 250, "has_reference": False},
        },
        skipped={"lpips@alex": "weights missing: 100% of x_y.pth"},
        name="my_run%",
    )
    return build_report(
        compare([run]), Layout(published=True, delta=True, sources={"mfsr", "osediff-realsr"})
    )


def test_the_source_has_the_papers_form(report: Document) -> None:
    source = render(report)
    for expected in (
        r"\providecommand{\bestred}[1]{\textcolor{red}{#1}}",
        r"\usepackage{booktabs,graphicx,multirow,xcolor}",
        r"Dataset & Method & PSNR$\uparrow$ & LPIPS$\downarrow$\textsuperscript{a} &",
        r"\multirow{19}{*}{\shortstack[l]{Real\_SR\\$n=100$}} & MFSR-1s & 20.00 &",
        r"\bestred{30.00}",
        r"\secondblue{25.00}",
        r"\textit{TSD-SR-1s}$^{\dagger}$ & 23.40 & 0.2805 &",
        r"\midrule",
        r"\bottomrule",
        "% protocol mfsr-paper-v1, hash " + "ab" * 32,
        "% run my_run%: mfsr-bench 0.1.0, commit efefefefefef, seed 0",
        r"\label{tab:reallq250}",
        r"\textsuperscript{a}\,LPIPS: not computed (weights missing: 100\% of x\_y.pth).",
    ):
        assert expected in source


def test_every_row_has_every_column(report: Document) -> None:
    bodies = render(report).split(r"\begin{tabular}")[1:]
    for table, body in zip(report.tables, bodies, strict=True):
        rows = [line for line in body.splitlines() if line.endswith(r"\\")]
        assert len(rows) == 1 + sum(len(group.rows) for group in table.groups)
        cells = {re.sub(r"\\&", "", row).count("&") for row in rows}
        assert cells == {len(table.columns)}


def test_a_title_stays_text_on_one_line() -> None:
    assert escape(HOSTILE) == (
        r"a\_b \& 50\% \#1 \{x\} \textasciitilde{}\textasciicircum{}\textbackslash{} \$y\$ "
        r"\textless{}script\textgreater{} ''q'' \textbar{} é?\textbackslash{}input\{secret\}"
    )


def test_marks_can_be_restyled_or_left_out(report: Document) -> None:
    bold = render(report, Highlight.BOLD_UNDERLINE)
    assert r"\providecommand{\bestbold}[1]{\textbf{#1}}" in bold
    assert "xcolor" not in bold
    assert r"\best" not in render(report, Highlight.NONE)


def test_differences_are_signed_in_math_mode(report: Document) -> None:
    assert r"MFSR-1s$^{\dagger}$ & $-1.51$ &" in render(report)


@needs_tex
@pytest.mark.parametrize("highlight", list(Highlight))
def test_a_real_tex_compiles_it(report: Document, highlight: Highlight, tmp_path: Path) -> None:
    typeset(render(report, highlight), tmp_path, packages="booktabs,graphicx,multirow,xcolor")
