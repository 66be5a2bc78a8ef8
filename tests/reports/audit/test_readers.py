"""LaTeX, Markdown and CSV as people write them -> what the tables say."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.api.errors import DataError, UsageError
from reports.audit.model import PaperTable
from reports.audit.read import read_tables

LATEX = r"""
\newcommand{\fst}[1]{\textcolor{red}{#1}} % not a \begin{tabular}
\def\snd#1{\textcolor{blue}{#1}}
\begin{table*}[t]
\caption{Comparison on 100 images. Best in \fst{red}.\label{x}}
\resizebox{\linewidth}{!}{
\begin{tabular}{@{}l|l|ccc@{}}
\toprule
Datasets & Methods & PSNR$\uparrow$ & LPIPS $\downarrow$ & Time (s) \\ \midrule
\multirow{2}{*}{\textit{RealSR}} & StableSR-s200~\cite{a} & \fst{24.62} & 0.3070 & 13\\
 & \textbf{Ours} (1 step) & \snd{24.00}$_{\pm0.1}$ &
   {\color{red} \textbf{.2510}}$^\dagger$ & 1 \\[2pt]
\cmidrule(lr){1-4}
DRealSR & A \& B & -- & 0.3\% % a comment
& \\
\bottomrule
\end{tabular}}
\end{table*}
\begin{tabular}{ll}Key & Value \\ a & b\end{tabular}
"""

MARKDOWN = r"""
<!-- | a | b | -->
### Results on RealSR

| Method | Steps | PSNR (dB) ↑ | CLIP-IQA | CLIPIQA+ |
|:--|--|--:|---|---|
| *TSD\-SR* | 1 | **23.40**<sup>a</sup> | <u>0.7198</u> | 1 |
| SeeSR\|x | 50 | <ins>23.1</ins> ±0.2 | <b>0.72</b> [0.7, 0.8] | 2 |
| $\text{Ours}$ | 1 | $\mathbf{24.0}$ | - | |

text
"""


def tables(tmp_path: Path, name: str, text: str, dataset: str = "") -> tuple[PaperTable, ...]:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return read_tables([tmp_path / name], dataset).tables


def said(table: PaperTable) -> list[tuple[str, str, str, str, str | None]]:
    return [(e.dataset, e.row, e.name, e.text, e.mark) for e in table.entries]


def test_latex(tmp_path: Path) -> None:
    (table,) = tables(tmp_path, "a.tex", LATEX)
    assert said(table) == [
        ("RealSR", "StableSR-200s", "PSNR", "24.62", "best"),
        ("RealSR", "StableSR-200s", "LPIPS", "0.3070", ""),
        ("RealSR", "Ours-1s", "PSNR", "24.00", "second"),
        ("RealSR", "Ours-1s", "LPIPS", ".2510", "best"),
        ("DRealSR", "A & B", "LPIPS", "0.3", ""),
    ]
    assert table.name == "a.tex, table 1"
    assert table.caption == "Comparison on 100 images. Best in red."
    assert table.left_out == ("Time (s)",)
    assert table.arrows == {"psnr@y601": "↑", "lpips@alex": "↓"}
    assert [entry.line for entry in table.entries] == [10, 10, 11, 11, 14]


def test_markdown(tmp_path: Path) -> None:
    (table,) = tables(tmp_path, "a.md", MARKDOWN)
    assert said(table) == [
        ("RealSR", "TSD-SR-1s", "PSNR", "23.40", "best"),
        ("RealSR", "TSD-SR-1s", "CLIPIQA", "0.7198", "second"),
        ("RealSR", "SeeSR|x-50s", "PSNR", "23.1", "second"),
        ("RealSR", "SeeSR|x-50s", "CLIPIQA", "0.72", "best"),
        ("RealSR", "Ours-1s", "PSNR", "24.0", "best"),
    ]
    assert table.left_out == ("CLIPIQA+",)
    assert table.entries[0].line == 7


def test_csv_and_the_data_set_that_a_table_does_not_name(tmp_path: Path) -> None:
    text = 'table,method,n,psnr,ssim\n1,"A, 2-step@2",100,25.1,0.7\n2,B,,26,0.8\n\n'
    first, second = tables(tmp_path, "a.csv", text, dataset="RealSR")
    assert said(first)[0] == ("RealSR", "A, 2-step-2s", "PSNR", "25.1", None)
    assert first.n_of == {"RealSR": 100}
    assert (first.name, second.name) == ("a.csv, table 1", "a.csv, table 2")


def test_data_sets_above_groups_of_columns(tmp_path: Path) -> None:
    text = r"""\begin{tabular}{lcccc}
    & \multicolumn{2}{c}{RealSR ($n=100$)} & \multicolumn{2}{c}{DRealSR} \\
    Method & PSNR & SSIM & PSNR & SSIM \\
    A & 1 & 2 & 3 & 4 \\ \end{tabular}"""
    (table,) = tables(tmp_path, "a.tex", text)
    assert [(e.dataset, e.name, e.text) for e in table.entries] == [
        ("RealSR", "PSNR", "1"),
        ("RealSR", "SSIM", "2"),
        ("DRealSR", "PSNR", "3"),
        ("DRealSR", "SSIM", "4"),
    ]
    assert table.n_of == {"RealSR": 100}


def test_groups_of_metrics_are_no_data_sets(tmp_path: Path) -> None:
    text = r"""\begin{table}\caption{On RealSR.}\begin{tabular}{lcc}
    & \multicolumn{1}{c}{Fidelity} & \multicolumn{1}{c}{Perception} \\
    Method & PSNR & NIQE \\ A & 1 & 2 \\ \end{tabular}\end{table}"""
    (table,) = tables(tmp_path, "a.tex", text)
    assert {entry.dataset for entry in table.entries} == {"RealSR"}


def test_a_data_set_in_a_line_of_its_own(tmp_path: Path) -> None:
    text = r"""\begin{tabular}{lcc} Method & PSNR & NIQE \\
    \multicolumn{3}{c}{RealSR} \\ A & 1 & 2 \\ \multicolumn{3}{c}{DRealSR} \\ A & 3 & 4
    \end{tabular}"""
    (table,) = tables(tmp_path, "a.tex", text)
    assert [entry.dataset for entry in table.entries] == ["RealSR"] * 2 + ["DRealSR"] * 2


def test_metrics_as_rows(tmp_path: Path) -> None:
    text = r"""\begin{tabular}{llcc} Datasets & Metrics & StableSR-s200 & OSEDiff-s1 \\
    \multirow{2}{*}{RealSR} & PSNR$\uparrow$ & \textbf{24.70} & 25.15 \\ & NIQE & 5.91 & 5.65 \\
    \multirow{2}{*}{DRealSR} & PSNR & 28.03 & 27.92 \\ & NIQE & 6.52 & \textbf{6.49}
    \end{tabular}"""
    (table,) = tables(tmp_path, "a.tex", text)
    assert said(table)[:2] == [
        ("RealSR", "StableSR-200s", "PSNR", "24.70", "best"),
        ("RealSR", "StableSR-200s", "NIQE", "5.91", ""),
    ]
    assert said(table)[-1] == ("DRealSR", "OSEDiff-1s", "NIQE", "6.49", "best")
    assert table.unmarked == ("second",)


def test_bold_of_a_whole_row_is_no_mark(tmp_path: Path) -> None:
    rows = r"""A & \textbf{1} & 2 & 3 \\ B & \underline{2} & 2 & 4 \\
    \textbf{Ours} & \textbf{3} & \textbf{4} & \textbf{5}"""
    text = rf"\begin{{tabular}}{{lccc}} Method & PSNR & SSIM & NIQE \\ {rows} \end{{tabular}}"
    (table,) = tables(tmp_path, "a.tex", text)
    assert [entry.mark for entry in table.entries if entry.method == "Ours"] == [None] * 3
    assert table.entries[0].mark == "best"


@pytest.mark.parametrize(
    "text",
    [
        "",
        r"\begin{tabular}{ll} a & b",
        r"\begin{tabular}",
        r"\begin{tabular}{lcc} M & PSNR & SSIM \\ \multirow{",
        r"\begin{tabular}{lcc} M & PSNR & SSIM \\ A & " + "{" * 5000 + r" \end{tabular}",
        r"\begin{tabular}{lcc} M & PSNR & SSIM \\ \multicolumn{999999999}{c}{x}\end{tabular}",
        r"\newcommand{\a}[1]{\a{#1}} \begin{tabular}{l}\a{\a{x}}\end{tabular}\\" + "\\",
    ],
)
def test_broken_latex_is_an_error_and_nothing_worse(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match="holds no table"):
        tables(tmp_path, "a.tex", text)


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="names no format"):
        read_tables([tmp_path / "a.docx"])
    with pytest.raises(DataError, match="No such file"):
        read_tables([tmp_path / "a.tex"])
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="Cannot read"):
        read_tables([tmp_path / "a.csv"])
    with pytest.raises(DataError, match="is not CSV"):
        tables(tmp_path, "b.csv", 'method,psnr,ssim\n"a,1,2\n')
