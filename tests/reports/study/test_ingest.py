"""What is handed in: merged, checked, marked, counted, and never thrown away."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from raters import attentive, document, everybody

from benchmarks.api.errors import ConflictError
from reports.study.collection import Collection
from reports.study.design import BLURRED, Trial, assignment
from reports.study.ingest import Ingested, documents, ingest
from reports.study.study import Study
from reports.study.votes import RaterRow, Vote, read_rows, write_rows

LIKES = {"first": 2.0, "second": 0.0, "third": -1.0}


def given(study: Study, *documents: Any) -> Ingested:
    return ingest(study, [(f"file{i}", json.dumps(one)) for i, one in enumerate(documents)])


def good(study: Study, rater: str = "r001") -> dict[str, Any]:
    return document(study, rater, attentive(LIKES, seed=1))


def change(of: dict[str, Any], at: int, **changes: Any) -> dict[str, Any]:
    found = deepcopy(of)
    found["answers"][at] |= changes
    return found


def test_everybody_counts_who_answers_with_care(study: Study) -> None:
    found = given(study, *everybody(study, LIKES))
    assert found.counts() == {
        "raters": 12,
        "raters_that_count": 12,
        "excluded": {},
        "votes": 144,
        "kinds": {"rated": 96, "repeat": 24, "obvious": 24},
        "marks": {},
        "wrong_codes": 0,
        "copies": 0,
        "refused": 0,
    }
    assert {row.code for row in found.raters} == {"right"}
    plan = {trial.id: trial for trial in assignment(study.design, "r001")}
    for vote in (one for one in found.votes if one.rater == "r001"):
        trial = plan[vote.trial]
        assert (vote.shown, (vote.dataset, vote.image)) == (trial.shown, trial.image)
        assert vote.shown[vote.place - 1] == vote.chosen


def test_marks_say_what_is_wrong_with_an_answer(study: Study) -> None:
    whole = good(study)
    shown = whole["answers"][0]["shown"]
    other = whole["answers"][1]["shown"]
    cases = {
        "unknown stimulus": change(whole, 0, chosen="0" * 20),
        "unknown trial": change(whole, 0, trial="t99"),
        "not what was to be shown": change(whole, 0, shown=shown[::-1]),
        "chosen was not shown": change(whole, 0, chosen=other[0]),
        "faster than the packet allows": change(whole, 0, ms=500),
    }
    for mark, one in cases.items():
        found = given(study, one)
        assert [vote.mark for vote in found.votes] == [mark, *[""] * 11]
        assert found.counts()["marks"] == {mark: 1}
        assert found.raters[0].marked == 1
    twice = deepcopy(whole)
    twice["answers"][5] = deepcopy(twice["answers"][4])
    assert given(study, twice).counts()["marks"] == {"duplicate": 1}


def test_documents_of_one_session_are_one_rater(study: Study) -> None:
    whole = good(study)
    part = whole | {"answers": whole["answers"][:5], "code": "", "finished": ""}
    found = given(study, part, whole, whole, change(part, 2, ms=9999))
    assert len(found.raters) == 1 and len(found.votes) == 12
    assert [one.why for one in found.copies] == [
        "a copy of file1",
        "a copy of file1",
        "contradicts file1",
    ]


def test_the_same_answers_under_another_session_are_a_copy(study: Study) -> None:
    whole = good(study)
    found = given(study, whole, whole | {"session": "f" * 32})
    assert len(found.raters) == 1
    assert [one.why for one in found.copies] == ["the same answers as file0"]


def test_two_people_with_one_number_both_count(study: Study) -> None:
    another = document(study, "r001", attentive(LIKES, seed=9), session="e" * 32)
    found = given(study, good(study), another)
    assert len(found.raters) == 2 and found.counts()["raters_that_count"] == 2


def careless(trial: Trial) -> str:
    return next((one for one in trial.shown if one.startswith(BLURRED)), trial.shown[0])


def test_the_rule_excludes_and_says_why(study: Study) -> None:
    whole = good(study)
    fast = deepcopy(whole)
    for answer in fast["answers"][:4]:
        answer["ms"] = 1500
    few = whole | {"answers": whole["answers"][:3], "code": "", "finished": ""}
    for why, one in {
        "failed obvious trials": document(study, "r001", careless),
        "too fast": fast,
        "answered too few": few,
    }.items():
        found = given(study, one)
        assert found.raters[0].excluded == why
        assert found.counts()["excluded"] == {why: 1}
        assert len(found.votes) == len(one["answers"])


def test_repeats_are_compared_with_what_they_repeat(study: Study) -> None:
    (steady,) = given(study, good(study)).raters
    assert (steady.repeats, steady.agreed_repeats) == (2, 2)
    (first_place,) = given(study, document(study, "r001", lambda trial: trial.shown[0])).raters
    assert (first_place.repeats, first_place.agreed_repeats) == (2, 0)


def test_a_wrong_completion_code_is_counted(study: Study) -> None:
    found = given(study, good(study) | {"code": "0000000000"})
    assert found.raters[0].code == "wrong" and found.counts()["wrong_codes"] == 1


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"study": "0" * 12}, "another study"),
        ({"schema": 2}, "schema is 2"),
        ({"rater": "r999"}, "unknown rater"),
        ({"session": "x"}, 'session is "x"'),
        ({"extra": 1}, "unknown key 'extra'"),
        ({"answers": [{}] * 3}, "'answers[0].trial' is missing"),
        ({"answers": [1] * 1000}, "answers[0] is 1"),
        ({"started": "\x1b[31m"}, "does not print"),
        ({"screen": {"width": True, "height": 1, "ratio": 1}}, "screen.width is true"),
        ({"screen": []}, "screen is []"),
    ],
)
def test_what_is_no_document_is_refused(study: Study, changes: Any, why: str) -> None:
    found = given(study, good(study) | changes)
    assert not found.raters and why in found.refused[0].why


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b"NaN"])
def test_garbage_is_refused(study: Study, text: bytes) -> None:
    found = ingest(study, [("x", text)])
    assert len(found.refused) == 1 and not found.votes


def test_rows_are_read_back_as_they_were_written(study: Study, tmp_path: Path) -> None:
    found = given(study, *everybody(study, LIKES))
    for name, kind, rows in (("v", Vote, found.votes), ("r", RaterRow, found.raters)):
        write_rows(tmp_path / name, kind, rows)
        assert read_rows(tmp_path / name, kind) == rows


def in_folder(tmp_path: Path, **files: bytes) -> Path:
    folder = tmp_path / "answers"
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def ingested(study: Study, tmp_path: Path, *paths: Path) -> Ingested:
    return ingest(study, documents(study, tmp_path / "study", paths))


def test_every_file_of_a_folder_is_read_or_refused_by_name(study: Study, tmp_path: Path) -> None:
    answers = [json.dumps(good(study, f"r00{n}")).encode() for n in range(1, 6)]
    names = ("a.json", "b.JSON", "c.json.txt", "deep/d", "deep/.e")
    refused = {
        "f.zip": (b"PK\x03\x04....", "an archive"),
        "g.html": (b"<!doctype html>", "not JSON"),
        "h.json": (b"", "not JSON"),
        "i.json": (b" " * (17 << 20), "larger than 16 MiB"),
        "Thumbs.db": (b"\xd0\xcf\x11\xe0", "not JSON"),
        "x-journal": (b"x", "not JSON"),
        "j.sqlite": (b"SQLite format 3\0" + b"\0" * 90, "cannot be read"),
    }
    contents = {name: content for name, (content, _) in refused.items()}
    folder = in_folder(tmp_path, **dict(zip(names, answers, strict=True)), **contents)
    os.mkfifo(folder / "pipe.json")
    (folder / "nothing.json").symlink_to(folder / "nowhere")
    (folder / "elsewhere").symlink_to(tmp_path)
    found = ingested(study, tmp_path, folder)
    assert {row.source for row in found.raters} == {str(folder / name) for name in names}
    why = {Path(one.source).name: one.why for one in found.refused}
    expected = {name: part for name, (_, part) in refused.items()} | {
        "pipe.json": "not a plain file",
        "nothing.json": "cannot be read: No such file",
        "elsewhere": "a link to a folder",
    }
    assert why.keys() == expected.keys()
    for name, part in expected.items():
        assert part in why[name], name


def answered(study: Study, path: Path, raters: int = 3) -> Collection:
    """A database of answers."""
    found = Collection(study, path)
    for n in range(raters):
        session = f"{n:032x}"
        rater = found.register(session)
        found.add(json.dumps(document(study, rater, attentive(LIKES, 1), session=session)))
    return found


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    "statements",
    [
        [],
        ["PRAGMA user_version = 0", "ALTER TABLE sessions RENAME TO others"],
        ["ALTER TABLE sessions RENAME TO others"],
        ["ALTER TABLE sessions DROP COLUMN body"],
        ["PRAGMA user_version = 7"],
        ["PRAGMA journal_mode = WAL"],
    ],
)
def test_databases_of_others_are_read_and_never_changed(
    study: Study, tmp_path: Path, statements: list[str]
) -> None:
    path = tmp_path / "other" / "answers.sqlite"
    answered(study, path)
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    before = contents(path.parent)
    found = ingested(study, tmp_path, path, path.parent)
    assert contents(path.parent) == before
    bad = statements and "WAL" not in statements[0]
    assert len(found.raters) == (0 if bad else 3) and len(found.refused) == (2 if bad else 0)
    assert all("answers.sqlite" in one.why for one in found.refused)


@pytest.mark.parametrize("value", ["5", "x'ff00'", "CAST(x'ff41' AS TEXT)", "''", "1e999"])
def test_one_damaged_document_of_a_database_is_refused_alone(
    study: Study, tmp_path: Path, value: str
) -> None:
    path = tmp_path / "other" / "answers.sqlite"
    answered(study, path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"UPDATE sessions SET body = {value} WHERE rater = 'r001'")
        connection.commit()
    found = ingested(study, tmp_path, path)
    assert len(found.raters) == 2 and len(found.refused) == 1


def test_what_a_killed_writer_left_is_read_and_never_changed(study: Study, tmp_path: Path) -> None:
    path = tmp_path / "other" / "answers.sqlite"
    answered(study, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("PRAGMA cache_spill = 1")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE sessions SET body = body || hex(zeroblob(200000))")
        killed = tmp_path / "killed"
        shutil.copytree(path.parent, killed)
        connection.execute("ROLLBACK")
    before = contents(killed)
    assert before["answers.sqlite-journal"] and before["answers.sqlite"] != path.read_bytes()
    found = ingested(study, tmp_path, killed / "answers.sqlite")
    assert len(found.raters) == 3 and not found.refused
    assert contents(killed) == before


def test_a_foreign_database_is_not_served_into(study: Study, tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE sessions (id INTEGER)")
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(ConflictError, match="not a database of mfsr-bench"):
        Collection(study, path).counts()
    assert path.read_bytes() == before
