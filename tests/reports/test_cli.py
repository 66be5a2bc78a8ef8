"""`mfsr-bench report table`, on runs as they lie on disk."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.api.errors import ConflictError, DataError, UnknownNameError, UsageError
from benchmarks.results.directory import RunDirectory
from benchmarks.results.rows import RunResults
from benchmarks.results.store import RunStore
from reports.cli import app

PSNR, NIQE = "psnr@y601", "niqe@pyiqa"


def write(run: RunResults, path: Path) -> Path:
    """Put a run where the engine would."""
    path.mkdir()
    notes = {key: value for key, value in run.run.items() if key not in ("schema", "identity")}
    RunDirectory(path).begin(run.run["identity"], **notes)
    store = RunStore(path)
    store.write([*run.scores, *run.set_scores, *run.failures])
    store.close()
    return path


@pytest.fixture
def run(make_run, tmp_path: Path) -> Path:
    values = {}
    for index, method in enumerate(("bicubic", "mfsr@1", "mfsr@2")):
        values["realsr", method, PSNR] = [20.0 + index] * 100
        values["realsr", method, NIQE] = [5.0 + index] * 100
    datasets = {"realsr": {"title": "RealSR", "n": 100, "has_reference": True}}
    return write(make_run(values, datasets=datasets), tmp_path / "first")


def table(*arguments: str | Path) -> str:
    done = CliRunner().invoke(app, ["table", *map(str, arguments)], catch_exceptions=False)
    if done.exception:
        raise done.exception
    return done.stdout


def shown(*arguments: str | Path) -> list[str]:
    (one,) = json.loads(table(*arguments, "--json"))["tables"]
    return [row["title"] for group in one["groups"] for row in group["rows"]]


def test_the_terminal_is_the_default(run: Path) -> None:
    assert "MFSR-2s  22.00" in table(run)


def test_out_writes_a_file_in_the_format_of_its_suffix(run: Path, tmp_path: Path) -> None:
    for suffix, start in (
        (".md", "<!--"),
        (".tex", "% protocol"),
        (".csv", "table,"),
        (".json", "{"),
    ):
        out = tmp_path / f"new/table{suffix}"
        assert table(run, "--out", out) == ""
        assert out.read_text(encoding="utf-8").startswith(start)
    assert table(run, "--format", "csv").startswith("table,dataset,n,method,")
    with pytest.raises(UsageError, match="names no format"):
        table(run, "--out", tmp_path / "table.docx")


def test_rows_columns_and_their_order_are_chosen_by_any_of_their_names(run: Path) -> None:
    assert shown(run, "--methods", "mfsr@2,Bicubic") == ["MFSR-2s", "Bicubic"]
    assert shown(run, "--methods", "mfsr") == ["MFSR-1s", "MFSR-2s"]
    assert shown(run, "--methods", "bicubic", "--methods", "mfsr-1s") == ["Bicubic", "MFSR-1s"]
    (one,) = json.loads(table(run, "--metrics", "NIQE,psnr", "--json"))["tables"]
    assert [column["metric"] for column in one["columns"]] == [NIQE, PSNR]


def test_published_rows_are_chosen_with_ours(run: Path) -> None:
    paper = ("--published", "--sources", "mfsr,osediff-realsr")
    assert len(shown(run, *paper)) == 3 + 16
    assert len(shown(run, "--published")) > 3 + 16
    assert shown(run, *paper, "--methods", "mfsr@2,OSEDiff") == [
        "MFSR-2s",
        "OSEDiff-1s",  # published rows keep the order of their tables
        "MFSR-2s",  # the counterpart of ours
        "OSEDiff-1s",
    ]


def test_a_folder_that_holds_a_known_set_has_its_published_rows(make_run, tmp_path: Path) -> None:
    def run_of(name: str, *sets: str, n: int = 100) -> Path:
        datasets = {key: {"title": key, "n": n, "has_reference": True} for key in sets}
        values = {(key, "mfsr@1", PSNR): [20.0] * n for key in sets}
        return write(make_run(values, datasets=datasets), tmp_path / name)

    one = run_of("one", "mine")
    assert shown(one) == shown(one, "--published") == ["MFSR-1s"]
    assert "OSEDiff-1s" in shown(one, "--as", "realsr")
    assert shown(one, "--as", "realsr") == shown(one, "--published", "--as", "mine=realsr")
    text = table(one, "--as", "realsr", "--sources", "mfsr", "--format", "md")
    assert "mine: taken for realsr, as --as says" in text
    assert "| *MFSR-1s*<sup>†</sup> | 21.51" in text
    difference = table(one, "--as", "realsr", "--delta", "--sources", "mfsr", "--format", "md")
    assert "Ours minus published" in difference and "1.51" in difference
    few = table(run_of("few", "mine", n=3), "--as", "realsr", "--format", "md")
    assert "published values are of 100 images, these runs have 3: left out" in few
    two = run_of("two", "a", "b")
    assert "OSEDiff-1s" in shown(two, "--as", "b=realsr")
    with pytest.raises(UsageError, match="hold 2 data sets of folders: --as realsr names none"):
        table(two, "--as", "realsr")
    with pytest.raises(UnknownNameError, match="Unknown data set 'realsrr'.*'realsr'"):
        table(one, "--as", "realsrr")
    with pytest.raises(UnknownNameError, match="Unknown data set of these runs 'mein'.*'mine'"):
        table(one, "--as", "mein=realsr")


def test_a_method_without_scores_is_named(run: Path, tmp_path: Path) -> None:
    facts = json.loads((run / "run.json").read_text())
    methods = facts["identity"]["methods"]
    methods["never@3"] = methods["bicubic"] | {"title": "Never"}
    (run / "run.json").write_text(json.dumps(facts))
    for words in (
        ("table", run),
        ("power", run),
        ("figure", "steps", run, "--format", "svg", "--out", tmp_path),
        ("figure", "scatter", run, "--format", "svg", "--out", tmp_path),
        ("figure", "distributions", run, "--format", "svg", "--out", tmp_path),
    ):
        done = CliRunner().invoke(app, list(map(str, words)), catch_exceptions=False)
        assert done.exit_code == 0
        assert "No scores of Never. Finish it: mfsr-bench run" in done.stderr
        assert "Never" not in done.stdout
    alone = CliRunner().invoke(app, ["table", str(run), "--methods", "mfsr"])
    assert "Never" not in alone.stderr


def test_unknown_names_are_met_with_the_nearest(run: Path) -> None:
    with pytest.raises(UnknownNameError, match="Unknown row 'mfsr@3'.*'mfsr@2'"):
        table(run, "--methods", "mfsr@3")
    with pytest.raises(UnknownNameError, match="Unknown data set of these runs 'realsrr'"):
        table(run, "--datasets", "realsrr")
    with pytest.raises(UnknownNameError, match="Unknown row 'OSEDiff'"):
        table(run, "--methods", "OSEDiff")


def test_two_runs_make_one_table_or_are_refused(make_run, run: Path, tmp_path: Path) -> None:
    datasets = {"realsr": {"title": "RealSR", "n": 100, "has_reference": True}}
    values = {("realsr", "tsdsr@1", PSNR): [23.0] * 100}
    second = write(make_run(values, datasets=datasets), tmp_path / "second")
    assert shown(run, second) == ["Bicubic", "MFSR-1s", "MFSR-2s", "TSD-SR-1s"]
    other = make_run(values, datasets=datasets, protocol_hash="99" * 32)
    with pytest.raises(ConflictError, match="'first' and 'third'"):
        table(run, write(other, tmp_path / "third"))


def test_formats_and_marks_that_do_not_go_together_are_refused(run: Path) -> None:
    with pytest.raises(UsageError, match="no colours"):
        table(run, "--format", "md", "--highlight", "red-blue")
    with pytest.raises(UsageError, match="exclude each other"):
        table(run, "--format", "md", "--json")


def test_a_delta_that_does_not_exist_is_said_on_stderr(run: Path) -> None:
    done = CliRunner().invoke(app, ["table", str(run), "--delta", "--methods", "bicubic"])
    assert "No published values" in done.stderr


def test_a_folder_without_a_run_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no run in"):
        table(tmp_path)


def test_nothing_to_show_is_a_data_error(make_run, tmp_path: Path) -> None:
    empty = make_run({("realsr", "bicubic", PSNR): []})
    with pytest.raises(DataError, match="no results for what was asked"):
        table(write(empty, tmp_path / "empty"))


def test_the_command_needs_no_torch(run: Path) -> None:
    code = (
        "import sys\n"
        "from benchmarks.cli.app import build\n"
        "build()(args=sys.argv[1:], standalone_mode=False)\n"
        "assert 'torch' not in sys.modules and 'matplotlib' not in sys.modules\n"
    )
    command = [sys.executable, "-c", code, "report", "table", str(run), "--published"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "MFSR-2s" in done.stdout
