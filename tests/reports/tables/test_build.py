"""A comparison -> tables: groups, columns, footnotes, published rows, differences."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from benchmarks.results.rows import FailureRow
from benchmarks.tables.model import Row, Table
from reports.comparison import compare
from reports.tables.build import build_report
from reports.tables.scope import Layout

PSNR, LPIPS, FID, NIQE = "psnr@y601", "lpips@alex", "fid@clean", "niqe@pyiqa"
PAPER = frozenset({"mfsr", "osediff-realsr"})  # sources of published values
SHOWN = Layout(published=True, sources=PAPER)
BOTH = replace(SHOWN, delta=True)
REALSR = {"title": "RealSR", "n": 100, "has_reference": True}


def note_of(table: Table, mark: str) -> str:
    return next(note.text for note in table.footnotes if note.mark == mark)


def failed(method: str, image: str, *, cause: str, metric: str = "") -> FailureRow:
    return FailureRow(
        dataset="realsr",
        method=method,
        image=image,
        stage="score" if metric else "restore",
        metric=metric,
        error="OutputError",
        cause=cause,
    )


def titles(table: Table) -> list[str]:
    return [row.cells[0].text for row in table.rows]


def row_of(table: Table, title: str, symbol: str = "") -> Row:
    wanted = (title, tuple(symbol))
    return next(row for row in table.rows if (row.cells[0].text, row.cells[0].notes) == wanted)


def test_data_sets_with_and_without_references_are_two_tables(make_run) -> None:
    run = make_run(
        {
            ("realsr", "bicubic", PSNR): [20.0, 21.0, 22.0],
            ("reallq250", "bicubic", NIQE): [5.0, 6.0, 7.0],
        }
    )
    first, second = build_report(compare([run])).tables
    assert [column.title for column in first.columns] == ["Method", "PSNR", "LPIPS", "FID", "NIQE"]
    assert [column.title for column in second.columns] == ["Method", "NIQE"]
    assert (second.groups[0].title, second.groups[0].n) == ("RealLQ250", 3)
    assert "mfsr-paper-v1 (abababababab)" in first.caption


def test_a_table_without_columns_is_no_table(make_run) -> None:
    run = make_run({("realsr", "bicubic", PSNR): [20.0], ("reallq250", "bicubic", NIQE): [5.0]})
    tables = build_report(compare([run]).select(metrics=[PSNR]), SHOWN).tables
    assert [table.label for table in tables] == ["realsr"]


def test_rows_and_columns_keep_the_order_of_the_command_line(make_run) -> None:
    run = make_run({("realsr", key, PSNR): [20.0] for key in ("mfsr@2", "bicubic", "mfsr@1")})
    (table,) = build_report(compare([run]).select(metrics=[NIQE, PSNR])).tables
    assert titles(table) == ["MFSR-2s", "Bicubic", "MFSR-1s"]
    assert [column.key for column in table.columns[1:]] == [NIQE, PSNR]


def test_a_skipped_metric_is_a_column_that_says_why(make_run) -> None:
    run = make_run(
        {("realsr", "bicubic", PSNR): [20.0, 21.0, 22.0]},
        skipped={LPIPS: "weights missing", FID: "weights missing"},
    )
    (table,) = build_report(compare([run])).tables
    lpips, fid, niqe = table.columns[2:]
    assert lpips.notes == fid.notes != niqe.notes
    assert note_of(table, lpips.notes[0]) == "LPIPS, FID: not computed (weights missing)."
    assert note_of(table, niqe.notes[0]) == "NIQE: not computed."
    assert [cell.value for cell in table.groups[0].rows[0].cells[1:]] == [21.0, None, None, None]


def test_a_column_is_where_the_protocol_has_it_or_where_it_was_measured(make_run) -> None:
    listed = {"with_reference": [PSNR, LPIPS], "without_reference": [NIQE]}
    run = make_run(
        {
            ("realsr", "bicubic", PSNR): [20.0, 21.0, 22.0],
            ("reallq250", "bicubic", NIQE): [5.0, 6.0, 7.0],
        },
        protocol=listed,
        skipped={LPIPS: "weights missing", FID: "weights missing"},
    )
    first, second = build_report(compare([run])).tables
    assert [column.key for column in first.columns[1:]] == [PSNR, LPIPS]
    assert [column.key for column in second.columns[1:]] == [NIQE]
    beyond = make_run({("realsr", "bicubic", NIQE): [5.0, 6.0, 7.0]}, protocol=listed)
    (table,) = build_report(compare([beyond])).tables
    assert [column.key for column in table.columns[1:]] == [PSNR, LPIPS, NIQE]


def test_a_failed_image_drops_out_for_all_and_n_says_so(make_run) -> None:
    run = make_run(
        {
            ("realsr", "bicubic", PSNR): [20.0, 21.0, 22.0],
            ("realsr", "mfsr@1", PSNR): [30.0, math.nan, 32.0],
            ("realsr", "bicubic", NIQE): [5.0, 5.0, 5.0],
            ("realsr", "mfsr@1", NIQE): [6.0, math.nan, 6.0],
            ("realsr", "bicubic", LPIPS): [0.1, 0.2, math.nan],
            ("realsr", "mfsr@1", LPIPS): [0.1, math.nan, 0.3],
        }
    )
    (table,) = build_report(compare([run])).tables
    group = table.groups[0]
    assert group.n == 2
    assert [cell.n for cell in group.rows[0].cells[1:]] == [2, 1, None, 2]
    assert note_of(table, group.notes[0]) == (
        "RealSR: means over 2 of 3 images (MFSR-1s has 2); LPIPS: n = 1."
    )


def test_a_method_that_failed_everywhere_keeps_its_row_and_its_cause(make_run) -> None:
    failures = tuple(failed("mfsr@1", f"i{i}", cause="the result holds NaN.") for i in range(3))
    from_conftest = make_run({("realsr", "mfsr@1", PSNR): []}).run["identity"]["methods"]
    run = make_run(
        {("realsr", "bicubic", PSNR): [20.0, 21.0, 22.0]},
        failures=failures,
        methods={"mfsr@1": from_conftest["mfsr@1"]},
    )
    (table,) = build_report(compare([run])).tables
    row = row_of(table, "MFSR-1s")
    assert row.cells[1].value is None
    text = note_of(table, row.cells[1].notes[0])
    assert text == "MFSR-1s: 3 failed, the first: the result holds NaN."
    assert table.groups[0].n == 3


def test_a_metric_without_any_value_says_what_happened(make_run) -> None:
    failure = failed(
        "bicubic", "i0", metric=NIQE, cause="SR is 8 x 8; niqe@pyiqa needs 96 pixels per side."
    )
    run = make_run(
        {
            ("realsr", "bicubic", PSNR): [20.0, math.nan],
            ("realsr", "mfsr@1", PSNR): [math.nan, 20.0],
        },
        failures=(failure,),
    )
    (table,) = build_report(compare([run])).tables
    texts = {column.title: note_of(table, column.notes[0]) for column in table.columns[1:]}
    assert texts["PSNR"] == "PSNR: no image that all methods share."
    assert texts["NIQE"].startswith("NIQE: 1 failed, the first: SR is 8 x 8;")
    assert table.groups[0].n == 0


def test_two_metrics_of_one_title_show_their_ids(make_run) -> None:
    rgb = {"psnr@rgb": {"title": "PSNR", "higher_is_better": True, "decimals": 2}}
    run = make_run({("realsr", "bicubic", "psnr@rgb"): [20.0]}, metrics=rgb)
    (table,) = build_report(compare([run]).select(metrics=[PSNR, "psnr@rgb"])).tables
    assert [c.title for c in table.columns[1:]] == ["PSNR (psnr@y601)", "PSNR (psnr@rgb)"]


def test_fid_of_fewer_images_says_its_n_and_is_not_ranked(make_run) -> None:
    run = make_run(
        {}, {("realsr", "bicubic", FID): (3, 120.0), ("realsr", "mfsr@1", FID): (2, 90.0)}
    )
    (table,) = build_report(compare([run])).tables
    cell = row_of(table, "MFSR-1s").cells[3]
    assert (cell.n, cell.mark) == (2, "")
    assert note_of(table, cell.notes[0]) == "FID over 2 images, not ranked against 3."
    assert table.groups[0].n == 3


def test_published_rows_follow_ours_and_are_not_ranked(make_run) -> None:
    run = make_run({("realsr", "mfsr@1", PSNR): [20.0] * 100}, datasets={"realsr": REALSR})
    (table,) = build_report(compare([run]), SHOWN).tables
    assert titles(table)[0] == "MFSR-1s"
    published = row_of(table, "TSD-SR-1s", "†")
    assert [cell.value for cell in published.cells[1:]] == [23.40, 0.2805, 114.56, 5.0924]
    assert [cell.n for cell in published.cells[1:]] == [100] * 4
    assert "arXiv:2603.20690" in note_of(table, "†")
    assert row_of(table, "OSEDiff-1s", "‡").cells[3].value == 123.493817
    assert not any(cell.mark for row in table.groups[0].rows for cell in row.cells)

    (ranked,) = build_report(compare([run]), replace(SHOWN, rank_published=True)).tables
    assert row_of(ranked, "ResShift-15s", "†").cells[1].mark == "best"


def test_another_set_of_the_same_name_has_no_published_rows(make_run) -> None:
    datasets = {
        "div2k-val-3k": {"title": "DIV2K-Val", "n": 100, "has_reference": True},
        "realsr": {"title": "RealSR", "n": 17, "has_reference": True},
    }
    run = make_run(
        {
            ("div2k-val-3k", "mfsr@1", PSNR): [20.0] * 100,
            ("realsr", "mfsr@1", PSNR): [20.0] * 17,
        },
        datasets=datasets,
    )
    (table,) = build_report(compare([run]), BOTH).tables
    assert titles(table) == ["MFSR-1s", "MFSR-1s"]
    assert note_of(table, table.groups[0].notes[-1]) == (
        "DIV2K-Val: published values are of 3000 images, these runs have 100: left out."
    )
    assert note_of(table, table.groups[1].notes[0]) == (
        "RealSR: published values are of 100 images, these runs have 17: left out."
    )


def test_a_run_of_some_images_of_a_set_has_no_published_rows(make_run) -> None:
    values = {("realsr", "mfsr@1", PSNR): [20.0] * 10}
    run = make_run(values, datasets={"realsr": REALSR})
    (table,) = build_report(compare([run]), BOTH).tables
    assert titles(table) == ["MFSR-1s"]
    assert [note_of(table, mark) for mark in table.groups[0].notes] == [
        "RealSR: means over 10 of 100 images (MFSR-1s has 10).",
        "RealSR: published values are of 100 images, these runs have 10: left out.",
    ]


def test_a_failed_image_does_not_keep_published_rows_away(make_run) -> None:
    failure = failed("mfsr@1", "i99", cause="NaN")
    values = {("realsr", "mfsr@1", PSNR): [20.0] * 99}
    run = make_run(values, datasets={"realsr": REALSR}, failures=(failure,))
    scores, delta = build_report(compare([run]), BOTH).tables
    assert len(scores.groups[0].rows) == 1 + 16
    assert delta.groups[0].n == 99
    assert "published values are over all 100 images" in note_of(delta, delta.groups[0].notes[1])


def test_delta_is_ours_minus_published_from_unrounded_values(make_run) -> None:
    run = make_run(
        {
            ("realsr", "mfsr@1", PSNR): [21.514] * 100,
            ("realsr", "bicubic", PSNR): [25.0] * 100,
        },
        {("realsr", "mfsr@1", FID): (100, 111.0)},
        datasets={"realsr": REALSR},
    )
    scores, delta = build_report(compare([run]), Layout(delta=True, sources=PAPER)).tables
    assert titles(scores) == ["MFSR-1s", "Bicubic"]
    assert delta.facts["table"] == "difference"
    assert titles(delta) == ["MFSR-1s"]
    psnr, lpips, fid, _ = delta.groups[0].rows[0].cells[1:]
    assert psnr.value == pytest.approx(0.004, abs=1e-12)
    assert fid.value == pytest.approx(0.86)
    assert note_of(delta, lpips.notes[0]) == "not computed."


def test_crops_that_cannot_be_the_papers_own_are_said_to_be_others(make_run) -> None:
    run = make_run(
        {("div2k-val", "mfsr@1", PSNR): [21.0] * 100},
        datasets={"div2k-val": {"title": "DIV2K-Val", "n": 100, "has_reference": True}},
    )
    scores, delta = build_report(compare([run]), BOTH).tables
    for table in (scores, delta):
        assert "not released" in note_of(table, table.groups[0].notes[0])


def test_provenance_names_protocol_runs_and_columns(make_run) -> None:
    run = make_run({("realsr", "bicubic", PSNR): [20.0]})
    lines = build_report(compare([run])).comment
    assert f"protocol mfsr-paper-v1, hash {'ab' * 32}" in lines
    assert "run run: mfsr-bench 0.1.0, commit efefefefefef, seed 0" in lines
    assert "column PSNR: psnr@y601" in lines


def published_table(make_run, **layout) -> Table:
    values = {("realsr", m, PSNR): [20.0 + i] * 100 for i, m in enumerate(("bicubic", "mfsr@2"))}
    run = make_run(values, datasets={"realsr": REALSR})
    (table,) = build_report(compare([run]), Layout(published=True, sources=PAPER, **layout)).tables
    return table


def test_published_rows_stand_below_a_rule_and_the_caption_says_that_they_are_not_ranked(
    make_run,
) -> None:
    table = published_table(make_run)
    assert [row.ruled for row in table.rows].index(True) == 2
    assert sum(row.ruled for row in table.rows) == 1
    assert "Rows with † or ‡ are published and not ranked." in table.caption
    assert "not ranked" not in published_table(make_run, rank_published=True).caption


def test_rows_are_parted_by_their_steps(make_run) -> None:
    table = published_table(make_run, by_steps=True)
    headings = [row.heading for row in table.rows if row.heading]
    assert headings == [
        "Without sampling", "Several steps", "Published, several steps", "Published, one step",
    ]  # fmt: skip
    steps = [int(row.cells[0].text.rpartition("-")[2][:-1]) for row in table.rows[2:]]
    assert steps == sorted(steps, key=lambda n: n == 1)


def test_methods_are_cited_by_the_keys_of_the_references(make_run, make_method) -> None:
    card = {"title": "MFSR", "paper": {"bibkey": "own2026"}}
    ours = {"mfsr@2": make_method("mfsr@2", card=card)}
    run = make_run(
        {("realsr", "mfsr@2", PSNR): [1.0] * 100}, methods=ours, datasets={"realsr": REALSR}
    )
    (table,) = build_report(compare([run]), Layout(published=True, cite=True, sources=PAPER)).tables
    cited = {row.cells[0].text: row.cite for row in table.rows[1:]}
    assert table.rows[0].cite == "own2026"
    assert cited["TSD-SR-1s"] == "dong2025tsdsr"
    assert all(cited.values())


def test_ranks_within_the_noise_of_repeated_measurement_are_said(make_run) -> None:
    def caption(*values: float, **layout) -> str:
        rows = {("realsr", f"m{i}@1", NIQE): [v] for i, v in enumerate(values)}
        return build_report(compare([make_run(rows)]), Layout(**layout)).tables[0].caption

    said = "Within the noise of repeated measurement: NIQE on RealSR."
    assert said in caption(5.0, 5.05)
    assert said in caption(4.0, 5.0, 5.06)  # who is second
    assert "noise" not in caption(5.0, 5.07)
    assert "noise" not in caption(5.0, 5.0)  # a tie
    assert "noise" not in caption(5.0, 5.05, intervals="ci")
    assert "noise" not in caption(4.0, 4.5, 5.0, 5.01)  # nobody's first or second


def test_sources_are_chosen_and_print_as_many_digits_as_they_have(make_run) -> None:
    values = {("realsr", "tsdsr@1", metric): [20.0] * 100 for metric in (PSNR, LPIPS, NIQE)}
    run = make_run(values, datasets={"realsr": REALSR})
    layout = Layout(published=True, delta=True, sources={"scaleresfusion"})
    scores, delta = build_report(compare([run]), layout).tables
    row = row_of(scores, "TSD-SR-1s", "†")
    assert [cell.text for cell in row.cells[1:]] == ["24.81", "0.27", "114.45", "5.13"]
    assert {row.facts["published"] for row in scores.rows[1:]} == {note_of(scores, "†")}
    assert "ScaleResfusion" in note_of(scores, "†")
    assert delta.rows[0].cells[1].text == "-4.81"


def test_a_likely_misprint_is_marked_and_rows_without_values_are_left_out(make_run) -> None:
    musiq = {"musiq@koniq": {"title": "MUSIQ", "higher_is_better": True, "decimals": 2}}
    run = make_run(
        {("realsr", "s3diff@1", "musiq@koniq"): [60.0] * 100},
        datasets={"realsr": REALSR},
        metrics=musiq,
    )
    comparison = compare([run])
    layout = Layout(published=True, sources={"tadsr"})
    (table,) = build_report(comparison.select(metrics=["musiq@koniq"]), layout).tables
    cell = row_of(table, "S3Diff-1s", "†").cells[1]
    assert cell.text == "65.82"
    assert note_of(table, cell.notes[0]) == "may be a misprint of its source."
    (bare,) = build_report(comparison.select(metrics=[NIQE, "musiq@koniq"]), layout).tables
    assert len(bare.rows) == len(table.rows)
