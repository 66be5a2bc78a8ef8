"""A printed row is reproduced when every value of it was computed and agrees."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from program import Program, in_this_process

from benchmarks import registry
from benchmarks.api.errors import UsageError
from benchmarks.cli import reproduce as command
from benchmarks.conformance.reproduce import compare
from benchmarks.conformance.rows import NOISE, PrintedRow, printed_rows
from benchmarks.methods import resolve
from benchmarks.results.rows import RunResults

PSNR, SSIM, FID = "psnr@y601", "ssim@y601", "fid@clean"
ROW = PrintedRow(
    method="bicubic",
    dataset="sample",
    n=2,
    by="nobody",
    source="nowhere",
    values={PSNR: 25.0, SSIM: 0.75, FID: 100.0},
)


def _results(psnr: list[float], **changes: object) -> RunResults:
    scores = [SimpleNamespace(metric=PSNR, value=value) for value in psnr]
    scores += [SimpleNamespace(metric=SSIM, value=0.75) for _ in range(2)]
    sets = [SimpleNamespace(metric=FID, value=101.5)]
    return RunResults(path=Path("x"), run=changes, scores=tuple(scores), set_scores=tuple(sets))


def test_values_within_the_noise_agree() -> None:
    found = compare(ROW, _results([24.94, 25.14]))
    assert found.agrees
    assert [cell.ours for cell in found.cells] == [pytest.approx(25.04), 0.75, 101.5]
    assert not compare(ROW, _results([24.94, 25.18])).agrees


def test_a_value_that_is_missing_is_not_agreement() -> None:
    found = compare(ROW, _results([25.0]))
    assert not found.agrees
    assert found.cells[0].why == "1 of 2 images have a value"
    found = compare(ROW, _results([], skipped_metrics={PSNR: "weights missing"}))
    assert found.cells[0].why == "weights missing"


def test_rows_are_of_methods_data_sets_and_metrics_that_exist() -> None:
    methods, datasets = registry.entries("restorers"), registry.dataset_cards()
    for row in printed_rows():
        assert row.name in methods
        resolve(row.method)
        assert row.n == datasets[row.dataset].n
        assert row.values.keys() <= NOISE.keys() <= registry.metric_specs().keys()
    names = {row.name for row in printed_rows()}
    assert names >= {"mfsr", "osediff", "s3diff", "tsdsr", "sinsr", "dit4sr", "seesr", "addsr"}
    assert names >= {"realesrgan", "diffbir", "stablesr", "supir", "resshift", "ctmsr", "pasd"}


def test_a_row_that_papers_repeat_is_one_row_and_a_row_that_they_contradict_is_two() -> None:
    of_osediff = [row for row in printed_rows() if (row.name, row.dataset) == ("osediff", "realsr")]
    assert {row.by for row in of_osediff} == {"osediff-realsr", "scaleresfusion"}
    assert [len(row.values) for row in of_osediff] == [9, 8]


def test_rows_are_chosen_by_method_and_data_set() -> None:
    found = command._chosen(["addsr,sinsr"], ["realsr"])
    assert {row.method for row in found} == {"addsr@1", "sinsr"}
    assert {row.dataset for row in found} == {"realsr"}
    with pytest.raises(UsageError, match="No printed row"):
        command._chosen(["supir"], ["reallq250"])
    with pytest.raises(UsageError, match="dataset with a printed row"):
        command._chosen(None, ["sample"])


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    return in_this_process(monkeypatch, capsys)


def test_the_command_restores_scores_and_judges(
    program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    row = PrintedRow(
        method="nearest",
        dataset="sample",
        n=8,
        by="us",
        source="here",
        values={PSNR: 0.0, SSIM: 0.0},
    )
    monkeypatch.setattr(command, "printed_rows", lambda: (row,))
    arguments = ("reproduce", "nearest", "--out", str(tmp_path), "--workers", "0", "--json")
    first = program(*arguments)
    assert first.returncode == 1
    (found,) = json.loads(first.stdout)
    values = {cell["metric"]: cell["ours"] for cell in found["cells"]}
    assert 15 < values[PSNR] < 35
    again = PrintedRow(
        method="nearest", dataset="sample", n=8, by="us", source="here", values=values
    )
    monkeypatch.setattr(command, "printed_rows", lambda: (again,))
    assert program(*arguments).returncode == 0


def test_what_stands_in_the_way_is_the_answer(
    program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    row = PrintedRow(
        method="ldl", dataset="sample", n=8, by="us", source="here", values={PSNR: 25.0}
    )
    monkeypatch.setattr(command, "printed_rows", lambda: (row,))
    answer = program("reproduce", "--out", str(tmp_path), "--json")
    assert answer.returncode == 1
    assert "LDL_realworld_x4.pth" in json.loads(answer.stdout)[0]["why"]


def test_a_device_that_is_not_there_ends_it_before_any_row(
    program: Program, tmp_path: Path
) -> None:
    answer = program("reproduce", "--device", "cuda:99", "--out", str(tmp_path / "runs"))
    assert answer.returncode == 5
    assert "There is no GPU 99" in answer.stderr
    assert not answer.stdout and not (tmp_path / "runs").exists()


def test_a_metric_without_weights_is_named_with_its_reason(
    program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    values = {PSNR: 25.0, "musiq@koniq": 60.0}
    row = PrintedRow(method="nearest", dataset="sample", n=8, by="us", source="here", values=values)
    monkeypatch.setattr(command, "printed_rows", lambda: (row,))
    answer = program("reproduce", "--out", str(tmp_path), "--workers", "0", "--json")
    _, musiq = json.loads(answer.stdout)[0]["cells"]
    assert musiq["why"] == "weights missing"  # not "0 of 8 images have a value"
