"""What reaches a terminal, a pipe or a notebook, whatever others' text holds."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
import rich.console

from benchmarks import console
from benchmarks.api.errors import DataError
from benchmarks.api.text import cause_of, one_line, printable
from benchmarks.engine.events import (
    Advanced,
    Completed,
    ItemFailed,
    Loading,
    Noted,
    StageBegan,
)
from benchmarks.progress import progress
from benchmarks.results.rows import FailureRow
from benchmarks.results.store import RunStore
from benchmarks.tables.model import Document, listing
from benchmarks.tables.write import Format, write

HOSTILE = "a\x1b[31mred\x07\ud800\x9bé\u202e\x00"


@pytest.mark.parametrize("text", [HOSTILE, "\x1b]0;title\x07", "\ud8ff" * 3, "\x08" * 9])
def test_foreign_text_is_escaped_and_keeps_what_can_be_printed(text: str) -> None:
    safe = printable(text)
    assert safe.isprintable()
    assert safe.encode("utf-8").decode("unicode_escape", errors="ignore")
    assert printable(safe) == safe
    assert printable("é 漢字 [b]") == "é 漢字 [b]"


def test_causes_are_one_line_of_bounded_length() -> None:
    assert one_line("x" * 10_000_000) == "x" * 497 + "..."
    assert one_line(" a\n\n b\t\x1b[0m") == "a b \\x1b[0m"
    assert cause_of(RuntimeError("\n\n  first\nsecond")) == "first"
    assert cause_of(RuntimeError()) == "RuntimeError"
    assert cause_of(DataError("gone\x1b", "remedy")) == "gone\\x1b"

    class MuteError(Exception):
        def __str__(self) -> str:
            raise ValueError

    assert cause_of(MuteError()) == "MuteError"


def failure(cause: str) -> FailureRow:
    return FailureRow(
        dataset="d", method="m", image="i", stage="restore", metric="", error="E", cause=cause
    )


def test_a_failure_with_any_text_is_stored_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    store = RunStore(None)
    row = failure(one_line(HOSTILE))
    store.write([row])
    assert list(store.rows(FailureRow)) == [row]
    with progress() as show:
        show(StageBegan("restore", 1, 0))
        show(ItemFailed(failure(HOSTILE)))
        show(Noted(HOSTILE))
        show(Advanced(HOSTILE))
    console.print_error(DataError(HOSTILE, HOSTILE))
    write(Document(tables=(listing(["x"], [(HOSTILE,)]),)), Format.TERMINAL)
    captured = capsys.readouterr()
    for text in (captured.out, captured.err):
        assert all(line.isprintable() for line in text.splitlines())
    assert "a?[31mred" in captured.out and "\\x1b[31mred" in captured.err


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252", "gbk"])
def test_json_is_whole_in_any_encoding(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="replace")
    monkeypatch.setattr(sys, "stdout", stream)
    value = {"é↑😀": "漢\ud800"}
    console.print_json(value)
    stream.flush()
    assert json.loads(stream.buffer.getvalue().decode(encoding)) == value


def test_a_notebook_shows_bars_where_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rich.console, "_is_jupyter", lambda: True)
    for there in (True, False):
        found = object() if there else None
        monkeypatch.setattr(console, "find_spec", lambda name, found=found: found)
        assert console.shows_bars() is there


SHADOWED = "import sys; sys.argv = ['mfsr-bench', '--version']; from mfsr_bench import main; main()"


@pytest.mark.parametrize("name", ["benchmarks", "reports", "mfsr", "baselines"])
def test_a_package_of_another_project_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").touch()
    (tmp_path / name / "run.py").touch()
    done = subprocess.run(
        [sys.executable, "-c", SHADOWED], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    first, second = done.stderr.splitlines()
    assert f"'{name}' of another project hides ours: {tmp_path / name}" in first
    assert "PYTHONPATH" in second


def test_a_folder_that_is_no_package_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "benchmarks").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", SHADOWED], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_messages_break_between_words_and_leave_a_command_whole() -> None:
    command = "mfsr-bench weights fetch " + ",".join(["lpips@alex"] * 9)
    text = f"  LPIPS and several-other-metrics that need weights too (245.5 MB): {command}"
    *words, last = console._lines(text, 40)
    assert last == f"    {command}"
    assert all(len(line) <= 40 and line.startswith("  ") for line in words)
    assert " ".join(" ".join(words).split()) == text.partition(": ")[0].strip() + ":"
    assert list(console._lines("short", 40)) == ["short"]


def test_plain_lines_name_what_loads_and_say_pace_and_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr("benchmarks.progress.time.monotonic", lambda: float(next(clock)))
    with progress() as show:
        show(StageBegan("restore", 12, 9))
        show(Loading("mfsr@2"))
        show(Advanced("mfsr@2 realsr/a"))
        show(StageBegan("score", 4, 4))
        show(Completed(tmp_path, 0, (12, 36)))
    began, loading, line, done = capsys.readouterr().err.splitlines()
    assert (began, loading) == ("restore 9/12", "loading mfsr@2")
    assert line.startswith("restore 10/12, ") and line.endswith(" left, mfsr@2 realsr/a")
    assert " s each, " in line and " elapsed, " in line
    assert done == "nothing to do: 12 images and 36 scores were there"


def test_libraries_are_hushed_and_nobody_else() -> None:
    code = (
        "import logging, warnings\n"
        "from benchmarks.console import hush\n"
        "hush()\n"
        "logging.getLogger('bitsandbytes.backends.cpu.ops').warning('gemm_4bit_forward')\n"
        "warnings.warn('pkg_resources is deprecated as an API.', UserWarning)\n"
        "warnings.warn('something else', UserWarning)\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    assert "gemm_4bit" not in done.stderr and "pkg_resources" not in done.stderr
    assert "something else" in done.stderr
