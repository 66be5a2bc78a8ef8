"""Runs of strangers, edited or damaged: they are read or refused, and lead to no other files."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from mutation import DEEP, DROPPED, ODD, as_json, places, replaced
from runs import photographs, write_run
from typer.testing import CliRunner

from benchmarks.api.errors import ConflictError, DataError, MFSRBenchError
from benchmarks.api.images import UNFINISHED
from benchmarks.results.directory import SESSIONS
from benchmarks.results.store import FILE
from reports.cli import app

QUICKLY = settings(
    max_examples=30,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two methods on two images."""
    folder = tmp_path_factory.mktemp("strangers")
    return write_run(folder / "run", photographs(folder / "photos", ["a", "b"]), ["one", "two"])


@pytest.fixture
def run(original: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of it, and the folder that it lies in has a secret."""
    shutil.copytree(original, tmp_path / "run")
    (tmp_path / "secret.png").write_bytes((original / "images/one/photos/a.png").read_bytes())
    yield tmp_path / "run"


def report(*words: str | Path) -> str:
    """Run `mfsr-bench report`, and return what it prints."""
    done = CliRunner().invoke(app, list(map(str, words)), catch_exceptions=False)
    assert done.exit_code in (0, 1), done.output
    return done.output


def alter(run: Path, *statements: str) -> None:
    with closing(sqlite3.connect(run / FILE)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file() or path.is_symlink()}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE images SET image = '../../../../secret' WHERE image = 'a'",
        "UPDATE images SET dataset = '../../..', image = 'secret' WHERE image = 'a'",
        "UPDATE images SET dataset = '/' WHERE image = 'a'",
        "UPDATE images SET method = '..' WHERE image = 'a' AND method = 'one'",
        "UPDATE images SET image = 'a' || char(0) || 'b' WHERE image = 'a'",
        "UPDATE images SET image = replace(hex(zeroblob(300)), '00', 'x') WHERE image = 'a'",
        "INSERT INTO failures VALUES ('..', 'one', '../../x', 'restore', '', 'E', 'c')",
        "INSERT INTO failures VALUES ('photos', 'one', '../../x', 'restore', '', 'E', 'c')",
    ],
)
def test_names_of_rows_lead_nowhere_else(run: Path, statement: str) -> None:
    alter(run, statement)
    before = files(run.parent)
    with pytest.raises(DataError, match="under names that no run gives"):
        report("html", run)
    assert files(run.parent) == before


@pytest.mark.parametrize("key", ["datasets", "methods"])
def test_names_of_run_json_lead_nowhere_else(run: Path, key: str) -> None:
    record = json.loads((run / "run.json").read_text())
    facts = record["identity"][key].popitem()[1]
    record["identity"][key]["../../x" if key == "datasets" else ".."] = facts
    (run / "run.json").write_text(json.dumps(record))
    with pytest.raises(DataError, match="has such a"):
        report("html", run)


def test_a_link_to_what_is_no_image_is_not_followed(run: Path) -> None:
    secret = run.parent / "secret.txt"
    secret.write_text("password")
    image = run / "images" / "one" / "photos" / "a.png"
    image.unlink()
    image.symlink_to(secret)
    with pytest.raises(MFSRBenchError):
        report("html", run)
    copies = [path for path in (run / "html").rglob("*") if path.is_file()]
    assert not any(b"password" in path.read_bytes() for path in copies)


def test_folders_that_a_run_names_are_only_opened_if_it_knows_their_files(run: Path) -> None:
    record = json.loads((run / "run.json").read_text())
    del record["identity"]["datasets"]["photos"]["manifest_sha256"]
    (run / "run.json").write_text(json.dumps(record))
    assert "Use --where" in report("html", run)
    assert not (run / "html" / "lr").exists() and (run / "html" / "results").exists()


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE scores",
        "ALTER TABLE images DROP COLUMN sha256",
        "UPDATE scores SET value = 'many'",
        "UPDATE scores SET value = 9e999",
        "UPDATE scores SET value = NULL",
        "UPDATE images SET width = 'wide'",
        "UPDATE images SET width = 1.5",
        "UPDATE images SET image = x'ff' WHERE image = 'a'",
        "INSERT INTO timings VALUES ('photos', 'one', 'a', 1.0, '{')",
        "INSERT INTO timings VALUES"
        " ('photos', 'one', 'a', 1.0, replace(hex(zeroblob(9999)), '0', '['))",
        "PRAGMA user_version = 0",
    ],
)
def test_a_damaged_database_is_one_error(run: Path, statement: str) -> None:
    alter(run, statement)
    with pytest.raises((DataError, ConflictError)) as raised:
        report("table", run)
    assert raised.value.remedy


def tried(run: Path, original: Path, name: str, text: str) -> None:
    """Report on a run one of whose documents was replaced."""
    (run / name).write_text(text, "utf-8")
    try:
        report("table", run, "--format", "json")
        report("html", run)
    except MFSRBenchError as error:
        assert error.exit_code in (2, 3, 6)
    finally:
        shutil.copy(original / name, run / name)


@QUICKLY
@given(data=st.data(), value=st.sampled_from(ODD))
def test_any_run_json_is_read_or_refused(
    run: Path, original: Path, data: st.DataObject, value: Any
) -> None:
    record = json.loads((original / "run.json").read_text())
    at = data.draw(st.sampled_from(list(places(record))))
    tried(run, original, "run.json", as_json(replaced(record, at, value)))


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (("identity", "protocol", "metrics"), {}),
        (("identity", "protocol", "metrics", "psnr@y601"), DROPPED),
        (("identity", "methods", "one", "options"), None),
    ],
)
def test_run_json_that_says_too_little_is_refused(
    run: Path, at: tuple[str, ...], value: Any
) -> None:
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(as_json(replaced(record, at, value)))
    with pytest.raises(DataError, match=r"says nothing|options is null"):
        report("html", run)


@QUICKLY
@given(data=st.data(), value=st.sampled_from(ODD))
def test_any_session_is_read_or_refused(
    run: Path, original: Path, data: st.DataObject, value: Any
) -> None:
    session = json.loads((original / SESSIONS).read_text())
    at = data.draw(st.sampled_from(list(places(session))))
    tried(run, original, SESSIONS, as_json(replaced(session, at, value)) + "\n")


@QUICKLY
@given(text=st.binary(max_size=300))
@example(text=b"\xff\xfe{}")
@example(text=as_json(DEEP).encode())
def test_any_bytes_as_run_json_are_refused(run: Path, original: Path, text: bytes) -> None:
    (run / "run.json").write_bytes(text)
    with pytest.raises(DataError):
        report("table", run)


def test_a_page_that_was_killed_is_finished(run: Path, tmp_path: Path) -> None:
    page = tmp_path / "page"  # outside of the run, where images are copied
    report("html", run, "--out", page)
    whole = {path: path.read_bytes() for path in files(page)}
    (page / "index.html").unlink()
    (page / "unfinished.txt").touch()
    half = page / "results" / "one" / "photos" / "a.png"
    half.write_bytes(half.read_bytes()[:100])
    report("html", run, "--out", page)
    assert {path: path.read_bytes() for path in files(page)} == whole


def test_a_page_that_was_killed_at_its_first_file_is_written(run: Path) -> None:
    (run / "html").mkdir()
    (run / "html" / f"{UNFINISHED}abc").touch()
    report("html", run)
    assert (run / "html" / "index.html").is_file() and not (
        run / "html" / f"{UNFINISHED}abc"
    ).exists()


def test_a_page_that_did_not_fit_is_finished(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, os.strerror(28))

    page = tmp_path / "page"
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copy2", full)
        with pytest.raises(MFSRBenchError, match="No space left"):
            report("html", run, "--out", page)
    assert not (page / "index.html").exists()
    report("html", run, "--out", page)
    assert {path.name for path in page.iterdir()} >= {"index.html", "results", "lr"}
    assert not (page / "unfinished.txt").exists()


def test_no_other_site_is_written_over(run: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text("<title>Mine</title>")
    (site / ".new-mine").touch()
    with pytest.raises(ConflictError, match="holds other files"):
        report("html", run, "--out", site)
    assert {path.name for path in site.iterdir()} == {"index.html", ".new-mine"}
