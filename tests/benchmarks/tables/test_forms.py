"""One table in every form: lists for people and for programs, sections, citations."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import pytest
from rich.console import Console
from typeset import needs_tex, typeset

from benchmarks.api.errors import UsageError
from benchmarks.tables import data, latex, markdown, terminal
from benchmarks.tables.model import Cell, Column, Document, Group, Row, Table, cells, listing
from benchmarks.tables.text import Highlight
from benchmarks.tables.write import Format, chosen_format, write

FILES = [
    ("osediff", "unet.safetensors", 865_910_724, "Put it beside the others, or fetch it again."),
    ("sinsr", "a-name-of-one-word-that-nothing-may-break.pth", None, ""),
]


@pytest.fixture(autouse=True)
def _no_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def files() -> Document:
    columns = ["owner", "file", Column(title="bytes", numeric=True)]
    return Document(tables=(listing([*columns, Column(title="what to do", prose=True)], FILES),))


@pytest.fixture
def paper() -> Document:
    def row(title: str, value: float, **about) -> Row:
        return Row(cells=(Cell(text=title), Cell(text=f"{value:.2f}", value=value)), **about)

    group = Group(
        title="RealSR",
        n=100,
        rows=(
            row("A-1s", 25.0, heading="One step", cite="a2024"),
            row("B-15s", -1.0, heading="Many steps", ruled=True),
            row("C-50s", 3.0, ruled=True, quoted=True),
        ),
    )
    columns = (Column(title="Method"), Column(title="Δ", numeric=True, higher_is_better=True))
    return Document(
        tables=(
            Table(columns=columns, groups=(group,), heading="Dataset", label="x", caption="C."),
        )
    )


def printed(document: Document, width: int, *, terminal_: bool = True) -> list[str]:
    console = Console(file=io.StringIO(), width=width, force_terminal=terminal_, color_system=None)
    terminal.show(document, console)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_a_list_has_its_columns_in_line_where_there_is_room(files: Document) -> None:
    lines = printed(files, 120)
    assert lines[0].split() == ["owner", "file", "bytes", "what", "to", "do"]
    assert set(lines[1]) == {"─", " "}
    assert lines[2].index("865910724") + 9 == lines[0].index("bytes") + 5
    assert lines[3] == f"sinsr    {FILES[1][1]}          -"


def test_a_list_is_folded_between_words_where_there_is_less(files: Document) -> None:
    lines = printed(files, 90)
    assert all(len(line) <= 90 for line in lines)
    assert FILES[1][1] in lines[-1]
    start = lines[0].index("what to do")
    assert " ".join(line[start:] for line in lines[2:-1]) == FILES[0][3]


def test_a_list_is_blocks_where_a_word_would_not_fit(files: Document) -> None:
    lines = printed(files, 50)
    assert lines == [
        "osediff",
        "  unet.safetensors, 865910724",
        "  Put it beside the others, or fetch it again.",
        "sinsr",
        f"  {FILES[1][1]}, -",
    ]


def test_a_list_in_a_pipe_is_divided_by_tabs(files: Document) -> None:
    lines = printed(files, 50, terminal_=False)
    assert lines[0] == "owner\tfile\tbytes\twhat to do"
    assert lines[1] == "\t".join(map(str, FILES[0]))


def test_csv_and_json_have_the_values_and_nothing_for_what_is_missing(files: Document) -> None:
    first, second = csv.DictReader(io.StringIO(data.render_csv(files)))
    assert first == {
        "owner": "osediff",
        "file": "unet.safetensors",
        "bytes": "865910724",
        "what to do": FILES[0][3],
    }
    assert second["bytes"] == ""
    assert json.loads(data.render_json(files))[1]["bytes"] is None


def test_json_of_its_own_replaces_the_rows() -> None:
    document = Document(tables=(), data={"mean": math.nan, "all": [(1, math.inf)]})
    assert json.loads(data.render_json(document)) == {"mean": None, "all": [[1, None]]}


def test_sections_have_headings_and_rules(paper: Document) -> None:
    source = latex.render(paper)
    for expected in (
        r"\multirow{5}{*}{\shortstack[l]{RealSR\\$n=100$}} & \multicolumn{2}{l}{\textit{One step}}",
        r"     & A-1s~\cite{a2024} & 25.00 \\",
        r"    \cmidrule(l){2-3}",
        r"     & B-15s & $-1.00$ \\",
        r"     & \textit{C-50s} & 3.00 \\",
    ):
        assert expected in source
    assert source.count(r"\cmidrule") == 2
    lines = markdown.render(paper).splitlines()
    assert lines[4] == "| RealSR (n = 100) | *One step* |  |"
    assert lines[-1] == "|  | *C-50s* | 3.00 |"
    assert [line.strip() for line in printed(paper, 80)][1:4] == [
        "RealSR, n = 100", "One step", "A-1s   25.00",
    ]  # fmt: skip


@needs_tex
def test_tables_of_two_styles_keep_their_looks_in_one_paper(tmp_path: Path) -> None:
    def table(label: str) -> Document:
        rows = [
            Row(cells=(Cell(text=f"{i}†"), Cell(text=f"{i}", value=float(i), mark=mark)))
            for i, mark in enumerate(("best", "second", ""))
        ]
        columns = (
            Column(title="Method"),
            Column(title="PSNR", numeric=True, higher_is_better=True),
        )
        group = Group(rows=tuple(rows), title="RealSR", n=3, notes=("†",))
        one = Table(columns=columns, groups=(group,), heading="Dataset", ranked=True, label=label)
        return Document(tables=(one,))

    first, second = (
        latex.render(table("a"), Highlight.RED_BLUE),
        latex.render(table("b"), Highlight.BOLD_UNDERLINE),
    )
    for source, style in ((first, r"\textcolor{red}"), (second, r"\textbf")):
        (name,) = {line.split("}")[0] for line in source.splitlines() if style in line}
        assert source.count(name.removeprefix(r"\providecommand{") + "{0") == 1
    typeset(first + second, tmp_path, packages="booktabs,graphicx,multirow,xcolor")
    assert b"Type3" not in (tmp_path / "main.pdf").read_bytes()


def test_the_form_is_named_or_told_by_the_suffix(tmp_path: Path) -> None:
    assert chosen_format(None, None) is Format.TERMINAL
    assert chosen_format(None, tmp_path / "a.tex") is Format.LATEX
    assert chosen_format(Format.CSV, tmp_path / "a.tex") is Format.CSV
    assert chosen_format(None, tmp_path / "a.tex", json=True) is Format.JSON
    with pytest.raises(UsageError, match="exclude each other"):
        chosen_format(Format.CSV, None, json=True)
    with pytest.raises(UsageError, match="names no format"):
        chosen_format(None, tmp_path / "a.docx")


def test_every_form_goes_into_a_file_and_to_standard_output(
    paper: Document, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for form in Format:
        file = tmp_path / "new" / f"table.{form}"
        write(paper, form, file)
        write(paper, form)
        assert file.read_text("utf-8") == capsys.readouterr().out
    with pytest.raises(UsageError, match="no colours"):
        write(paper, Format.MARKDOWN, None, Highlight.RED_BLUE)


def test_cells_of_values() -> None:
    assert [one.text for one in cells("a", 1, None)] == ["a", "1", "-"]
