"""Printed tables as forms, and the presets that are made after them."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from benchmarks import registry
from benchmarks.api.errors import UnknownNameError
from benchmarks.methods import Method, resolve_all
from benchmarks.metrics.protocol import find
from benchmarks.metrics.select import select
from benchmarks.presets import presets, read_preset
from benchmarks.results.rows import RunResults
from benchmarks.tables.latex import render
from reports.comparison import compare
from reports.published.printed import PrintedTable, printed_table
from reports.summary import document
from reports.tables.build import build_report
from reports.tables.scope import Layout

TABLES = [f"mfsr-table{number}" for number in (1, 2, 3, 4, 5)]
COLUMNS = ("psnr", "ssim", "lpips", "dists", "fid", "niqe", "musiq", "maniqa", "clipiqa", "liqe")

Make = Callable[..., RunResults]


def of_preset(name: str) -> tuple[dict[str, Any], tuple[Method, ...], PrintedTable]:
    asked = read_preset(name)
    return asked, resolve_all(asked["methods"]), printed_table(asked["printed"])


def results(
    make_run: Make,
    name: str,
    *,
    without: tuple[str, ...] = (),
    images: int | None = None,
    **changes: Any,
) -> RunResults:
    """Results of a preset as if its methods scored as printed, but for what is left out."""
    asked, methods, printed = of_preset(name)
    specs = {one.id: one for one in select(asked["metrics"], find(asked["protocol"]))}
    values: dict[tuple[str, str, str], list[float]] = {}
    sets: dict[tuple[str, str, str], tuple[int, float]] = {}
    for dataset in set(asked["datasets"]) - set(without):
        rows = {row.title: row for row in printed.rows_on(dataset)}
        for method in methods:
            row = rows.get(method.title)
            if row is None or method.title in without:
                continue
            n = images or row.n
            for metric, value in row.values.items():
                key = (dataset, method.key, metric)
                if specs[metric].level == "set":
                    sets[key] = (n, value)
                else:
                    values[key] = [value] * n
    cards = registry.dataset_cards()
    found = make_run(
        values,
        sets,
        datasets={
            one: {"title": cards[one].title, "n": cards[one].n, "has_reference": True}
            for one in {dataset for dataset, _, _ in values}
        },
        methods={
            one.key: {**one.identity({}), "card": {"title": one.card.title, "name": one.card.name}}
            for one in methods
            if one.title not in without
        },
        metrics={key: asdict(spec) for key, spec in specs.items()},
        protocol={"with_reference": list(specs), "without_reference": list(specs)},
    )
    found.run.update({"printed": asked["printed"], **changes})
    return found


def rows_of_latex(text: str) -> Iterator[tuple[str, str, list[str]]]:
    """Yield group, title and values of each row of a table."""
    group = ""
    for line in text.partition(r"\midrule")[2].partition(r"\bottomrule")[0].splitlines():
        if not line.endswith(r"\\"):
            continue
        first, title, *cells = (
            re.sub(r"\\textsuperscript\{[^}]*\}+|\$\^\{?[^$]*\$", "", cell.strip())
            for cell in line.strip().removesuffix(r"\\").split("&")
        )
        found = re.search(r"\{\*\}\{(?:\\shortstack\[l\]\{)?([\w-]+)", first)
        group = found.group(1) if found else group
        title = re.sub(r"\\textit\{([^}]*)\}", r"\1", title)
        yield group, title, [re.sub(r"\\\w+\{([^}]*)\}", r"\1", cell) for cell in cells]


def paper_rows(shared_data: Path, number: str) -> list[tuple[str, str, list[str]]]:
    """The rows of a table of the paper: group, title and values, in the order of the print."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    if number in "34":
        with (shared_data / "mfsr_paper_ablations.csv").open(encoding="utf-8") as handle:
            for row in csv.DictReader(handle):
                if row["table"] == number:
                    keys = (row["velocity"], row["guidance_scale"], row["ratio_t_ne_s"])
                    found.setdefault(("RealSR", " ".join(keys)), {})[row["metric"]] = row["value"]
    else:
        with (shared_data / "mfsr_paper_tables.csv").open(encoding="utf-8") as handle:
            for row in csv.DictReader(handle):
                if row["table"] == number:
                    title = f"{row['method']}-{row['steps']}s"
                    found.setdefault((row["dataset"], title), {})[row["metric"]] = row["value"]
    return [
        (group, title, [cells[one] for one in COLUMNS if one in cells])
        for (group, title), cells in found.items()
    ]


@pytest.mark.parametrize("name", TABLES)
def test_a_preset_gives_the_paper_s_rows_in_its_order(
    make_run: Make, shared_data: Path, name: str
) -> None:
    """Of results that equal the print, once ours and once published, group by group."""
    latex = render(document(results(make_run, name)))
    expected = paper_rows(shared_data, name[-1])
    ours: dict[str, list[list[str]]] = {}
    titles: dict[str, list[str]] = {}
    for group, title, cells in rows_of_latex(latex):
        ours.setdefault(group, []).append(cells)
        titles.setdefault(group, []).append(title)
    assert list(ours) == list(dict.fromkeys(group for group, _, _ in expected))
    for group, rows in ours.items():
        printed = [(title, cells) for of, title, cells in expected if of == group]
        half = len(printed)
        assert len(rows) == 2 * half
        numbers = [[float(cell) for cell in cells] for _, cells in printed]
        assert [[float(cell) for cell in cells] for cells in rows[:half]] == numbers
        assert [[float(cell) for cell in cells] for cells in rows[half:]] == numbers
        if name[-1] not in "34":
            spelt = [
                title.replace("TSDSR", "TSD-SR").replace("SUPiR", "SUPIR") for title, _ in printed
            ]
            assert titles[group] == spelt + spelt


@pytest.mark.parametrize("name", TABLES)
def test_a_preset_asks_for_what_its_table_has(name: str) -> None:
    asked, methods, printed = of_preset(name)
    assert {one.title for one in methods} == {row.title for row in printed.rows}
    assert len(methods) == len({one.title for one in methods})
    assert tuple(asked["datasets"]) == printed.datasets
    specs = select(asked["metrics"], find(asked["protocol"]))
    assert tuple(one.id for one in specs) == printed.metrics
    assert (asked["missing"], asked["out"]) == ("blank", f"runs/{name}")


def test_the_figure_has_the_sweep_and_the_methods_of_one_step() -> None:
    asked = read_preset("mfsr-figure5")
    steps = [one.steps for one in resolve_all(asked["methods"]) if one.card.name == "mfsr"]
    assert steps == [1, 2, 3, 4, 5, 8]
    others = {one.title for one in resolve_all(asked["methods"]) if one.card.name != "mfsr"}
    assert others == {row.title for row in printed_table("mfsr:2").rows} - {"MFSR-1s", "MFSR-2s"}
    assert asked["figure"] == "steps"
    assert [*asked["datasets"], *asked["metrics"]] == ["reallq250", "maniqa"]
    assert set(presets()) == {*TABLES, "mfsr-figure5"}


def test_what_is_left_out_is_blank_and_says_why(make_run: Make) -> None:
    found = results(
        make_run,
        "mfsr-table1",
        without=("AddSR-1s", "S3Diff-1s", "div2k-val"),
        blanks={
            "AddSR-1s": "'unet.safetensors' is not on this machine.",
            "div2k-val": "The data set 'div2k-val' is not on this machine.",
        },
    )
    (table,) = document(found).tables
    assert [group.title for group in table.groups] == ["DRealSR", "RealSR", "DIV2K-Val"]
    for group in table.groups[:2]:
        titles = [row.cells[0].text for row in group.rows]
        assert titles[:8] == titles[8:]
        blank = [row for row in group.rows[:8] if all(cell.value is None for cell in row.cells)]
        assert [row.cells[0].text for row in blank] == ["AddSR-1s", "S3Diff-1s"]
        assert [row.ruled for row in group.rows].index(True) == 8
    last = table.groups[2]
    assert all(cell.value is None for row in last.rows[:8] for cell in row.cells)
    assert all(row.quoted and row.cells[1].value for row in last.rows[8:])
    notes = " ".join(note.text for note in table.footnotes)
    assert "AddSR-1s: 'unet.safetensors' is not on this machine." in notes
    assert "S3Diff-1s: not run." in notes
    assert "DIV2K-Val: left out: The data set 'div2k-val' is not on this machine." in notes
    assert "laid out as Table 1 of the MFSR paper" in table.caption


def test_other_images_stand_without_the_printed_values(make_run: Make) -> None:
    (table,) = document(results(make_run, "mfsr-table2", images=3)).tables
    assert not any(row.quoted for row in table.rows)
    assert any("published values are of 250 images" in note.text for note in table.footnotes)


def test_what_the_print_lacks_is_shown_after_it(make_run: Make) -> None:
    """A method and a data set of the user's own, beside Table 2."""
    printed = printed_table("mfsr:2")
    metric = "niqe@pyiqa"
    found = make_run(
        {
            ("reallq250", "mine", metric): [4.0] * 250,
            ("reallq250", "mfsr@1", metric): [5.0] * 250,
            ("realsr", "mine", metric): [6.0] * 3,
        },
        datasets={
            "reallq250": {"title": "RealLQ250", "n": 250, "has_reference": False},
            "realsr": {"title": "RealSR", "n": 3, "has_reference": True},
        },
    )
    first, second = build_report(compare([found]), Layout(printed=printed)).tables
    titles = [row.cells[0].text for row in first.groups[0].rows]
    assert titles[:8] == [row.title for row in printed.rows_on("reallq250")] + ["mine"]
    assert [group.title for group in second.groups] == ["RealSR"]


def test_an_unknown_table_is_named() -> None:
    with pytest.raises(UnknownNameError, match="Unknown printed table 'mfsr:9'"):
        printed_table("mfsr:9")
    with pytest.raises(UnknownNameError, match=r"Unknown preset 'mfsr-table'.*mfsr-table"):
        read_preset("mfsr-table")
