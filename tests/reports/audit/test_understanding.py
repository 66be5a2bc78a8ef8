"""What tables in the wild are dressed in is read, or named, and then nobody judges the ranks."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from reports.audit.checks import audit
from reports.audit.model import Finding, PaperTable, Severity
from reports.audit.read import read_tables
from reports.audit.tex import Vocabulary, read_cell

Check = Callable[..., tuple[tuple[PaperTable, ...], tuple[Finding, ...]]]
BEST, SECOND = r"\RB{%s}", r"\BB{%s}"


@pytest.fixture
def check(tmp_path: Path) -> Check:
    def run(*sources: str) -> tuple[tuple[PaperTable, ...], tuple[Finding, ...]]:
        paths = [tmp_path / f"{name}.tex" for name in "abc"[: len(sources)]]
        for path, source in zip(paths, sources, strict=True):
            path.write_text(source, encoding="utf-8")
        reading = read_tables(paths, "RealSR")
        return reading.tables, audit(reading.tables, notes=reading.notes)

    return run


def table(rows: str, *, head: str = "PSNR & SSIM & NIQE", caption: str = "") -> str:
    body = rf"\begin{{tabular}}{{lccc}}\toprule Method & {head} \\ \midrule {rows}"
    return rf"\begin{{table}}{body}\end{{tabular}}\caption{{{caption}}}\end{{table}}"


def marked(best: str, second: str, *, wrong: bool = True) -> str:
    """Return rows of five methods; with two wrong marks, of SSIM's second and NIQE's best."""
    right = (
        ("ABSR", (best, "25.10"), ("", ".7401"), ("", "5.10")),
        ("BSSR", (second, "24.90"), (best, ".7455"), ("", "5.60")),
        ("CDSR", ("", "24.80"), (second, ".7410"), (second, "5.00")),
        ("DMSR", ("", "24.10"), ("", ".7300"), (best, "4.80")),
        ("EFSR", ("", "23.90"), ("", ".7200"), ("", "5.90")),
    )
    rows = [[name, *(style % text if style else text for style, text in cells)]
            for name, *cells in right]  # fmt: skip
    if wrong:
        rows[2][2], rows[0][2] = ".7410", second % ".7401"  # third is marked second
        rows[3][3], rows[4][3] = "4.80", best % "5.90"  # last is marked best
    return r" \\ ".join(" & ".join(row) for row in rows) + r" \\"


def of(findings: tuple[Finding, ...], check: str) -> list[Finding]:
    return [finding for finding in findings if finding.check == check]


STYLES = {
    "bold and underline": (r"\textbf{%s}", r"\underline{%s}"),
    "mathematics": (r"$\mathbf{%s}$", r"\ensuremath{\underline{%s}}"),
    "switches": (r"{\bfseries %s}", r"{\underline{\smash{%s}}}"),
    "colours": (r"\textcolor{red}{%s}", r"{\color{blue}%s}"),
    "models of colours": (r"\textcolor[rgb]{1,0,0}{%s}", r"\textcolor[HTML]{1122EE}{%s}"),
    "cells": (r"\cellcolor{red!25}%s", r"\cellcolor{orange!25}{%s}"),
    "boxes": (r"\colorbox{red!20}{%s}", r"\colorbox[HTML]{FFC070}{%s}"),
    "names of ranks": (r"\best{%s}", r"\second{%s}"),
    "colours of ranks": (r"\cellcolor{tabfirst}%s", r"\cellcolor{tabsecond}%s"),
    "scaled": (r"\scalebox{.9}{\textbf{%s}}", r"\raisebox{1pt}{\uline{%s}}"),
    "multicolumn": (r"\multicolumn{1}{c|}{\textbf{%s}}", r"\multicolumn{1}{c}{\ul{%s}}"),
}


@pytest.mark.parametrize("name", STYLES)
def test_usual_marks_are_read_and_both_wrong_ones_found(check: Check, name: str) -> None:
    _, findings = check(table(marked(*STYLES[name])))
    assert [finding.severity for finding in of(findings, "marks")] == [Severity.ERROR] * 2
    ssim, niqe = (finding.evidence for finding in of(findings, "marks"))
    assert "ABSR .7401 is marked second; CDSR .7410 is not marked" in ssim
    assert "DMSR 4.80 is not marked; EFSR 5.90 is marked best" in niqe
    assert not of(findings, "unread")
    _, findings = check(table(marked(*STYLES[name], wrong=False)))
    assert not of(findings, "marks")
    assert not of(findings, "unread")


DEFINITIONS = {
    "newcommand": r"\newcommand{\RB}[1]{\textcolor{red}{\textbf{#1}}}"
    r"\newcommand\BB[1]{\textcolor{blue}{#1}}",
    "def": r"\def\RB#1{{\bf #1}} \long\def\BB#1{\underline{#1}}",
    "let": r"\newcommand{\RB}[1]{\textbf{#1}}\newcommand{\u}[1]{\underline{#1}}\let\BB\u",
    "optional": r"\newcommand{\RB}[2][red]{\textcolor{#1}{#2}}\newcommand{\BB}[1]{\RB[blue]{#1}}",
    "document": r"\NewDocumentCommand{\RB}{m}{\textbf{#1}}"
    r"\DeclareRobustCommand{\BB}[1]{\underline{#1}}",
    "colours": r"\definecolor{top}{HTML}{EE2211}\colorlet{next}{blue!60!black}"
    r"\newcommand{\RB}[1]{\textcolor{top}{#1}}\newcommand{\BB}[1]{\textcolor{next}{#1}}",
}


@pytest.mark.parametrize("how", DEFINITIONS)
@pytest.mark.parametrize("apart", [False, True])
def test_macros_are_learnt_from_all_files_given(check: Check, how: str, apart: bool) -> None:
    body = table(marked(BEST, SECOND))
    _, findings = check(*([body, DEFINITIONS[how]] if apart else [DEFINITIONS[how] + body]))
    assert len(of(findings, "marks")) == 2
    assert not of(findings, "unread")


def test_a_macro_that_nobody_defines_is_named_and_no_verdict_given(check: Check) -> None:
    _, findings = check(table(marked(BEST, SECOND)))
    assert not of(findings, "marks")
    (finding,) = of(findings, "unread")
    assert finding.severity is Severity.WARNING
    assert finding.evidence == (
        r"not understood: '\RB' around 3 of the numbers; '\BB' around 3 of the numbers: "
        "no verdict on the ranks of 3 columns"
    )
    assert "Give the file that defines" in finding.remedy


def test_a_macro_that_the_values_explain_is_read_with_reserve(check: Check) -> None:
    head = "PSNR & SSIM & LPIPS & MUSIQ & NIQE"
    rows = r"""A-SR & \RB{25.1} & \RB{.75} & \RB{.21} & \RB{66} & 6.0 \\
        B-SR & 24.9 & .74 & .22 & 65 & \RB{5.5} \\ C-SR & 24.1 & .73 & .25 & 60 & 5.0 \\"""
    _, findings = check(table(rows, head=head))
    (finding,) = of(findings, "marks")
    assert finding.severity is Severity.WARNING
    assert "B-SR 5.5 is marked best; C-SR 5.0 is not marked" in finding.evidence
    assert r"'\RB' is taken for the mark of the best: it is in 4 of 5 columns" in finding.evidence


@pytest.mark.parametrize(
    "number",
    [r"\frac{25}{1}", r"\RB{25}{10}", "25.1/.75", "25,1", "25.1--26.0", r"$\sim$25", r"$>$25.1",
     r"$2.5\times10^{1}$", r"25\,100", r"\multicolumn{2}{c}{25.1}", r"25.1$^{1}$"],
)  # fmt: skip
def test_a_number_that_is_not_understood_is_named_and_its_column_not_judged(
    check: Check, number: str
) -> None:
    rows = rf"""A-SR & {number} & 5.1 \\ B-SR & \textbf{{24.9}} & \textbf{{5.0}} \\
        C-SR & \underline{{24.8}} & \underline{{5.2}} \\ D-SR & 24.0 & 6.0 \\"""
    rows = rows.replace("25.1} & 5.1", "25.1}") if "multicolumn" in number else rows
    _, findings = check(table(rows, head="PSNR & NIQE"))
    (unread,) = of(findings, "unread")
    assert "not understood: " in unread.evidence
    assert not [finding for finding in of(findings, "marks") if "PSNR" in finding.place]


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (r"25.10$_{\pm0.12}$", "25.10"),
        (r"25.10 $\pm$ 0.12", "25.10"),
        (r"25.10(12)", "25.10"),
        (r"\num{25.10}", "25.10"),
        (r"\SI{25.10}{dB}", "25.10"),
        (r"25.10\,dB", "25.10"),
        (r"25.10$^\dagger$", "25.10"),
        (r"25.10\textsuperscript{*}", "25.10"),
        (r"25.10~\textcolor{gray}{(+0.30)}", "25.10"),
        (r"25.10$\uparrow$0.3", "25.10"),
        (r"\makecell{25.10 \\ (0.12)}", "25.10"),
        (r"\begin{tabular}[c]{@{}c@{}}25.10\\ \small(0.12)\end{tabular}", "25.10"),
        (r"{25.10}", "25.10"),
        (r"\phantom{0}5.10", "5.10"),
        (r"$-1.50$", "-1.50"),
        ("1,025.10", "1,025.10"),
        (".7341", ".7341"),
        (r"73.41\%", "73.41"),
    ],
)
def test_numbers_as_they_are_printed(check: Check, cell: str, said: str) -> None:
    (found,), findings = check(table(rf"A-SR & {cell} & 5.1 \\", head="PSNR & NIQE"))
    assert found.entries[0].text == said
    assert not of(findings, "unread")


@pytest.mark.parametrize("dash", ["-", "--", "---", r"$-$", r"\textemdash", "N/A", "", r"\xmark",
                                  r"\textit{OOM}", "/", r"$\times$", "{-}"])  # fmt: skip
def test_no_number_is_no_number(check: Check, dash: str) -> None:
    (found,), findings = check(table(rf"A-SR & {dash} & 5.1 \\", head="PSNR & NIQE"))
    assert [entry.text for entry in found.entries] == ["5.1"]
    assert not of(findings, "unread")


@pytest.mark.parametrize(
    ("caption", "best", "second"),
    [
        ("The best and second best results are in green and orange.", "green", "orange"),
        (r"Best in \textcolor{purple}{purple}, second in {\color{cyan}cyan}.", "purple", "cyan"),
        ("Blue: best; red: second best.", "blue", "red"),
        ("\\textcolor{blue}{Best} and \\textcolor{red}{second-best} values.", "blue", "red"),
        (
            r"\textbf{Best} values are in red and \textbf{second best} ones in blue.",
            "red",
            "blue",
        ),
        ("The 1st and 2nd places are marked green and blue, respectively.", "green", "blue"),
    ],
)  # fmt: skip
def test_a_caption_says_what_marks_mean(check: Check, caption: str, best: str, second: str) -> None:
    styles = [rf"\textcolor{{{colour}}}{{%s}}" for colour in (best, second)]
    _, findings = check(table(marked(*styles), caption=caption))
    assert len(of(findings, "marks")) == 2
    _, findings = check(table(marked(*styles, wrong=False), caption=caption))
    assert not of(findings, "marks")
    assert not of(findings, "unread")


def test_names_of_ranks_and_bold_may_stand_side_by_side(check: Check) -> None:
    for styles in ((r"\textbf{%s}", r"\underline{%s}"), (r"\first{%s}", r"\snd{%s}")):
        rows = marked(*styles, wrong=False).replace(styles[0] % "25.10", r"\best{25.10}")
        _, findings = check(table(rows))
        assert not of(findings, "marks")
    both = marked(r"\textcolor{red}{\textbf{%s}}", r"\textcolor{blue}{\textbf{%s}}", wrong=False)
    assert not of(check(table(both))[1], "marks")


def test_a_style_that_is_mostly_elsewhere_is_no_mark(check: Check) -> None:
    rows = r"""A-SR & 25.1 & \textbf{.73} & \textbf{6.6} \\ B-SR & \textbf{24.9} & .74 & 5.9 \\
        C-SR & 24.1 & .75 & 5.0 \\ D-SR & 24.0 & .70 & 6.0 \\"""
    _, findings = check(table(rows))
    assert not of(findings, "marks")
    (finding,) = of(findings, "unread")
    assert "'bold' is on the best value in 0 of 3 columns" in finding.evidence


GROUPS = r"""A-SR & \textbf{25.1} & \textbf{.75} & \textbf{6.0} \\ B-SR & 24.9 & .74 & 6.2 \\
    \midrule
    C-SR & 24.1 & .73 & \textbf{5.0} \\ D-SR & \textbf{24.5} & \textbf{.735} & 5.6 \\"""


def test_marks_within_groups_of_rows_are_no_errors(check: Check) -> None:
    _, findings = check(table(GROUPS))
    (note,) = of(findings, "marks")
    assert note.severity is Severity.NOTE
    assert "within each group of rows, not of all" in note.evidence
    _, findings = check(table(GROUPS.replace(r"\textbf{24.5}", "24.5")
                              .replace("24.1", r"\textbf{24.1}")))  # fmt: skip
    errors = [finding for finding in of(findings, "marks") if finding.severity == "error"]
    assert [finding.evidence.partition(";")[0] for finding in errors] == [
        "C-SR 24.1 is marked best"
    ]


def test_marks_within_equal_settings_are_no_errors(check: Check) -> None:
    rows = GROUPS.replace(r"\midrule", "").replace("A-SR &", "0.5 & A-SR &")
    for name, setting in (("B", 0.5), ("C", 0.9), ("D", 0.9)):
        rows = rows.replace(f"{name}-SR &", f"{setting} & {name}-SR &")
    _, findings = check(table(rows).replace("Method &", "Ratio & Method &"))
    assert [finding.severity for finding in of(findings, "marks")] == [Severity.NOTE]


@pytest.mark.parametrize(
    "first",
    [r"X-SR & \textcolor{gray}{29} & \textcolor{gray}{.9} & \textcolor{gray}{1} \\",
     r"Ground truth & 29 & .9 & 1 \\", r"HR (upper bound) & 29 & .9 & 1 \\"],
)  # fmt: skip
def test_rows_that_are_shown_beside_the_others_take_no_marks(check: Check, first: str) -> None:
    _, findings = check(table(first + marked(*STYLES["bold and underline"], wrong=False)))
    assert not [finding for finding in of(findings, "marks") if finding.severity == "error"]


def test_rows_that_are_left_out_on_purpose_are_named(check: Check) -> None:
    rows = r"Full-SR & 29.0 & .90 & 1.0 \\ " + marked(*STYLES["bold and underline"], wrong=False)
    _, findings = check(table(rows))
    (finding,) = of(findings, "marks")
    assert finding.severity is Severity.WARNING
    assert finding.evidence.endswith(
        "among the rows that carry marks, not of all: Full-SR carry none"
    )


def test_the_emphasis_of_a_row_may_be_a_mark_or_not(check: Check) -> None:
    rows = r"""A-SR & 24.9 & \underline{.74} & 6.0 \\
        B-SR & \underline{25.0} & .70 & \underline{6.5} \\
        \rowcolor{gray!20} \textbf{Ours} & \textbf{25.1} & \textbf{.75} & \textbf{6.9} \\"""
    _, findings = check(table(rows))
    assert not of(findings, "marks")


def test_a_multirow_of_a_negative_number_stands_for_the_rows_above(check: Check) -> None:
    rows = r"""& A-SR & 1 & 2 & 3 \\ \multirow{-2}{*}{RealSR} & B-SR & 4 & 5 & 6 \\ \midrule
        & A-SR & 7 & 8 & 9 \\ \multirow{-2}{*}{DRealSR} & B-SR & 10 & 11 & 12 \\"""
    text = table(rows).replace("Method &", "Dataset & Method &")
    (found,), _ = check(text)
    assert [(entry.dataset, entry.row) for entry in found.entries[::3]] == [
        ("RealSR", "A-SR"), ("RealSR", "B-SR"), ("DRealSR", "A-SR"), ("DRealSR", "B-SR"),
    ]  # fmt: skip


def test_kinds_of_methods_are_no_data_sets(check: Check) -> None:
    rows = r"""\multicolumn{4}{l}{\textit{GAN-based methods}} \\ A-SR & 1 & 2 & 3 \\
        \multicolumn{4}{l}{\textit{Diffusion-based methods}} \\ B-SR & 4 & 5 & 6 \\"""
    (found,), _ = check(table(rows))
    assert {entry.dataset for entry in found.entries} == {"RealSR"}
    named = rows.replace("GAN-based methods", "Set-X").replace("Diffusion-based methods", "Set-Y")
    (found,), _ = check(table(named.replace("B-SR", "A-SR")))
    assert {entry.dataset for entry in found.entries} == {"Set-X", "Set-Y"}


def test_settings_tell_rows_of_an_ablation_apart(check: Check) -> None:
    text = r"""\begin{tabular}{ccccc} FM & DM & PSNR & SSIM \\ \cmark & \xmark & 25 & .7 \\
        \xmark & \cmark & 24 & .6 \\ \cmark & \cmark & 26 & .8 \\ \end{tabular}"""
    (found,), findings = check(text)
    assert {entry.dataset for entry in found.entries} == {"RealSR"}
    assert [entry.method for entry in found.entries[::2]] == ["✓ ✗", "✗ ✓", "✓ ✓"]
    assert not of(findings, "contradiction")


def test_differences_between_rows_are_no_values(check: Check) -> None:
    rows = marked(*STYLES["bold and underline"], wrong=False)
    for last in (r"Improvement (\%) & 12.1 & 30 & 40 \\", r"vs. A-SR & +3.1 & +.01 & +.2 \\"):
        (found,), findings = check(table(rows + last))
        assert len(found.entries) == 15
        assert not of(findings, "marks")


def test_a_second_header_begins_a_part_of_its_own(check: Check) -> None:
    rows = r"A-SR & 1 & 2 & 3 \\ \midrule Method & LPIPS & PSNR & FID \\ A-SR & .1 & 20 & 30 \\"
    (found,), _ = check(table(rows))
    assert [(e.name, e.text) for e in found.entries[3:]] == [
        ("LPIPS", ".1"), ("PSNR", "20"), ("FID", "30"),
    ]  # fmt: skip


def test_columns_that_nothing_tells_apart_are_named(check: Check) -> None:
    (found,), findings = check(
        table(r"A-SR & 1 & 2 & B-SR & 3 & 4 \\", head="PSNR & NIQE & Method & PSNR & NIQE")
    )
    assert not found.entries or {e.name for e in found.entries} == set()
    assert "several columns are headed PSNR" in of(findings, "unread")[0].evidence


def test_a_row_that_is_longer_than_the_header_is_named(check: Check) -> None:
    _, findings = check(table(marked(*STYLES["cells"]) + r"X-SR & 30 & .9 & 2.0 & 7.0 \\"))
    assert "a row of 5 cells below a header of 4" in of(findings, "unread")[0].evidence
    assert not of(findings, "marks")


def test_tabularray_and_its_styles(check: Check) -> None:
    body = marked(r"\textbf{%s}", r"\underline{%s}")
    head = r"\begin{tblr}{colspec={lccc}} \hline Method & PSNR & SSIM & NIQE \\"
    text = rf"{head} {body} \end{{tblr}}"
    assert len(of(check(text)[1], "marks")) == 2
    styled = text.replace("colspec={lccc}", "colspec={lccc}, cell{3}{2}={bg=red}")
    _, findings = check(styled)
    assert not of(findings, "marks")
    assert "cell{3}{2}={bg=red}" in of(findings, "unread")[0].evidence
    spanned = text.replace("ABSR &", r"\SetCell[c=1]{c, bg=yellow} ABSR &")
    assert len(of(check(spanned)[1], "marks")) == 2


def test_what_tex_does_not_read_is_not_read(check: Check) -> None:
    rows = marked(*STYLES["cells"], wrong=False)
    hidden = table(marked(*STYLES["cells"]))
    for source in (
        "\n".join(f"% {line}" for line in hidden.splitlines()),
        rf"\iffalse {hidden} \fi",
        rf"\begin{{comment}}{hidden}\end{{comment}}",
        rf"\begin{{verbatim}}{hidden}\end{{verbatim}}",
    ):
        found, findings = check(source + "\n" + table(rows))
        assert len(found) == 1
        assert not of(findings, "marks")
    found, _ = check(table(rows) + r"\end{document}" + hidden)
    assert len(found) == 1


def test_inputs_are_followed_and_missing_ones_named(check: Check, tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "main.tex").write_text(table(marked(BEST, SECOND)))
    (tmp_path / "rows.tex").write_text(marked(BEST, SECOND, wrong=False))
    (tmp_path / "macros.tex").write_text(DEFINITIONS["newcommand"])
    text = table(r"\input{rows}")
    found, findings = check(rf"\input{{macros}} {text} \input{{tables/main}} \include{{gone}}")
    assert [one.name for one in found] == ["a.tex, table 1", "main.tex, table 1"]
    assert len(of(findings, "marks")) == 2
    (note,) = of(findings, "unread")
    assert note.evidence == r"not read: \include{gone}: there is no such file"


def test_a_table_with_one_known_metric_is_named(check: Check) -> None:
    _, findings = check(table(marked(*STYLES["cells"], wrong=False)) + table("A & 1", head="PSNR"))
    (note,) = of(findings, "unread")
    assert (note.severity, note.evidence[:12]) == (Severity.NOTE, "not audited:")


def test_markdown_marks_and_what_is_no_table(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text(
        "| m | PSNR | NIQE |\n|--|--|--|\n"
        '| A-SR | <span style="color:#e00000">25</span> | 🥇 5 |\n'
        '| B-SR | <font color="blue">24</font> | 6 🥈 |\n| C-SR | *23* | <mark>7</mark> |\n'
        "\n<table><tr><td>PSNR</td></tr></table>\n"
    )
    reading = read_tables([path])
    (found,) = reading.tables
    assert [entry.mark for entry in found.entries][1::2] == ["best", "second", ""]
    assert "1 HTML tables" in reading.notes[0].evidence


@pytest.mark.parametrize("seed", range(3))
def test_any_text_is_read_or_named_in_a_moment(seed: int) -> None:
    rng = random.Random(seed)
    pieces = [
        *"{}$^_&~%\\[]# 12.", r"\textbf", r"\multirow{2}{*}", r"\begin{tabular}", r"\end{tabular}",
        r"\cellcolor", r"\x", r"\newcommand{\x}[1]{\x{#1}\x{#1}}", r"\SetCell", r"\frac", "é",
        "\\\\",
    ]  # fmt: skip
    for _ in range(300):
        text = "".join(rng.choice(pieces) for _ in range(rng.randrange(40)))
        cell = read_cell(text, Vocabulary())
        assert len(cell.text) == len(cell.dress)


def test_models_that_methods_work_on_are_not_the_methods(check: Check) -> None:
    rows = r"""\multirow{3}{*}{\makecell{Big\\[2pt] model}} & A-SR & 1 & 2 & 3 \\
        & B-SR & 4 & 5 & 6 \\ & C-SR & 7 & 8 & 9 \\ \midrule
        \multirow{2}{*}{Small} & A-SR & 7 & 8 & 9 \\ & B-SR & 1 & 2 & 3 \\"""
    (found,), _ = check(table(rows).replace("Method &", "Model & Method &"))
    assert [(entry.dataset, entry.method) for entry in found.entries[::3]] == [
        ("Big model", "A-SR"), ("Big model", "B-SR"), ("Big model", "C-SR"),
        ("Small", "A-SR"), ("Small", "B-SR"),
    ]  # fmt: skip
