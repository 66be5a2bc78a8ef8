"""What the tables say, in every format."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from bench_results import failure, results, row
from typeset import needs_tex, typeset

from benchmarks.bench.rows import BenchResults, Part
from benchmarks.tables.data import render_csv
from benchmarks.tables.latex import render as latex
from benchmarks.tables.markdown import render as markdown
from benchmarks.tables.model import Footnote, Table
from benchmarks.tables.terminal import render as terminal
from reports.efficiency.build import build

PARTS = {
    "vae": Part(seconds=0.06, macs=1_795_200_000_000, parameters=83_653_863),
    "other": Part(seconds=0.01, macs=0, parameters=0),
    "text": Part(seconds=0.01, macs=22_600_000_000, parameters=340_387_840),
    "network": Part(seconds=0.02, macs=402_100_000_000, parameters=865_910_724),
    "prompt": Part(seconds=0.1, macs=162_200_000_000, parameters=212_117_045),
}


@pytest.fixture
def measured() -> BenchResults:
    return results(
        row(
            "osediff@1",
            title="OSEDiff-1s",
            nfe=1,
            seconds=(0.2, 0.21, 0.19),
            parts=PARTS,
            macs=2_382_100_000_000,
            parameters=1_502_069_472,
        ),
        row(
            "osediff@1",
            title="OSEDiff-1s",
            batch=4,
            seconds=(0.4,),
            peak_memory_bytes=9_900_000_000,
        ),
        row("bicubic", title="Bicubic", steps=None, nfe=None, dtype="fp32", parameters=0),
        failure("bicubic", title="Bicubic", batch=4),
        failure("a_b", title="50% of A_1 & B", cause="CUDA out of memory: 79 GiB {in use}."),
    )


def cells(table: Table, title: str) -> list[str]:
    return next([c.text for c in r.cells] for r in table.rows if r.cells[0].text == title)


def test_a_row_has_median_p90_memory_macs_and_parameters(measured: BenchResults) -> None:
    complexity = build(measured).tables[0]
    assert [cell.title for cell in complexity.columns][4:] == [
        "Time (s)", "p90 (s)", "Memory (GB)", "MACs (G)", "Params (M)",
    ]  # fmt: skip
    assert cells(complexity, "OSEDiff-1s") == [
        "OSEDiff-1s", "fp16", "1", "1", "0.200", "0.208", "6.10", "2382", "1502",
    ]  # fmt: skip
    assert cells(complexity, "Bicubic") == [
        "Bicubic", "fp32", "-", "-", "1.50", "1.90", "6.10", "-", "0",
    ]  # fmt: skip


def test_a_failure_keeps_its_row_and_says_its_cause(measured: BenchResults) -> None:
    complexity = build(measured).tables[0]
    last = complexity.rows[-1]
    assert [cell.text for cell in last.cells] == ["50% of A_1 & B", *"--------"]
    assert last.cells[0].notes == ("a",)
    cause = "OutOfMemoryError: CUDA out of memory: 79 GiB {in use}."
    assert complexity.footnotes == (Footnote(mark="a", text=cause),)


def test_the_caption_says_machine_size_batch_and_protocol(measured: BenchResults) -> None:
    caption = build(measured).tables[0].caption
    for fact in (
        "A GPU, torch 2.9.0+cu130",
        "128 × 128 LR",
        "512 × 512",
        "batch 1",
        "20 runs",
        "GPU",
    ):
        assert fact in caption


def test_the_split_has_the_parts_in_order_with_their_shares(measured: BenchResults) -> None:
    split = build(measured).tables[1]
    assert [[cell.text for cell in line.cells] for line in split.rows] == [
        ["OSEDiff-1s", "Tagger / captioner", "0.100", "50", "162", "212"],
        ["", "Text encoder", "0.0100", "5", "22.6", "340"],
        ["", "VAE", "0.0600", "30", "1795", "83.7"],
        ["", "Network", "0.0200", "10", "402", "866"],
        ["", "Other", "0.0100", "5", "0", "0"],
    ]


def test_throughput_is_images_per_second_of_each_batch(measured: BenchResults) -> None:
    throughput = build(measured).tables[2]
    assert [[cell.text for cell in line.cells] for line in throughput.rows][:2] == [
        ["OSEDiff-1s", "1", "0.200", "5.00", "6.10"],
        ["", "4", "0.400", "10.0", "9.90"],
    ]
    assert [cell.notes for cell in throughput.rows[3].cells] == [(), ("a",), (), (), ()]


def test_one_batch_size_is_no_throughput_and_no_parts_no_split() -> None:
    assert [table.label for table in build(results(row())).tables] == ["complexity"]


def test_macs_are_per_image_whatever_the_batch() -> None:
    parts = {"vae": Part(seconds=1, macs=8_000_000_000), "other": Part(seconds=1, macs=0)}
    whole = results(row(batch=4, macs=8_000_000_000, parts=parts))
    complexity, split = build(whole).tables
    assert "batch 4" in complexity.caption
    assert complexity.rows[0].cells[-2].text == split.rows[0].cells[-2].text == "2.00"


def test_methods_may_stand_side_by_side(measured: BenchResults) -> None:
    complexity = build(measured, methods_as_columns=True).tables[0]
    assert [cell.title for cell in complexity.columns] == [
        "Method", "OSEDiff-1s", "Bicubic", "50% of A_1 & B",
    ]  # fmt: skip
    assert cells(complexity, "MACs (G)") == ["MACs (G)", "2382", "-", "-"]


@pytest.mark.parametrize(
    ("device", "load", "busy"), [("cpu", 3.0, True), ("cpu", 0.5, False), ("cuda:0", 3.0, False)]
)
def test_a_busy_machine_is_said(device: str, load: float, busy: bool) -> None:
    complexity = build(results(row(memory="rss"), device=device, load_average=load)).tables[0]
    assert any("busy" in note.text for note in complexity.footnotes) == busy


def test_the_terminal_has_columns_in_line(measured: BenchResults) -> None:
    lines = terminal(build(measured)).splitlines()
    table = lines[: next(i for i, line in enumerate(lines) if line.startswith("Efficiency"))]
    ends = {line.rstrip().rfind(" ") for line in table[2:4]}
    assert table[0].endswith("Params (M)")
    assert table[2].split()[0] == "OSEDiff-1s"
    assert len({len(line) for line in table}) == 1, ends
    assert "ᵃ OutOfMemoryError" in "\n".join(lines)


def test_markdown_is_a_table_and_names_stay_text(measured: BenchResults) -> None:
    text = markdown(build(measured))
    assert r"| 50% of A\_1 \& B<sup>a</sup> | - |" in text
    for line in re.findall(r"^\|.*\|$", text, re.MULTILINE):
        assert len(re.findall(r"(?<!\\)\|", line)) in {10, 7, 6}


def test_csv_has_unrounded_values_parts_and_failures(measured: BenchResults) -> None:
    lines = list(csv.DictReader(io.StringIO(render_csv(build(measured)))))
    first = lines[0]
    assert float(first["median_s"]) == 0.2
    assert int(first["vae:macs"]) == 1_795_200_000_000
    assert first["device_name"] == "A GPU"
    failed = [line for line in lines if line["failure"]]
    assert [(line["method"], line["batch"], line["median_s"]) for line in failed] == [
        ("bicubic", "4", ""),
        ("a_b", "1", ""),
    ]


@needs_tex
@pytest.mark.parametrize("columns", [False, True])
def test_a_real_tex_compiles_it(measured: BenchResults, columns: bool, tmp_path: Path) -> None:
    typeset(
        latex(build(measured, methods_as_columns=columns)),
        tmp_path,
        packages="booktabs,graphicx",
    )
