"""What `study serve` collects: one SQLite file, on disk before anyone is told so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from benchmarks.api.errors import ConflictError, DataError, ResourceError
from benchmarks.results import sqlite
from benchmarks.results.provenance import now
from reports.study.answers import marks, parse
from reports.study.design import raters

if TYPE_CHECKING:
    import sqlite3

    from reports.study.study import Study

FILE = "answers.sqlite"
_VERSION = 1
_SCHEMA = """
CREATE TABLE sessions (
    session TEXT PRIMARY KEY, rater TEXT NOT NULL, begun TEXT NOT NULL, received TEXT,
    answers INTEGER NOT NULL DEFAULT 0, body TEXT) WITHOUT ROWID;
"""
_SESSIONS_PER_RATER = 50  # people who open the page and go away; more is somebody's program


class Collection:
    """The answers to one study. Every call opens the file anew, so any thread may make it."""

    def __init__(self, study: Study, path: Path) -> None:
        self.study = study
        self.path = path
        self._turn = Lock()  # SQLite's own waiting lets a writer starve among many

    def register(self, session: str) -> str:
        """Return the rater that a session answers as: the one it had, or that lacks answers most.

        Raises:
            ResourceError: there are more sessions than any study has.
        """
        known = raters(self.study.design)
        with self._writing() as connection:
            query = "SELECT rater FROM sessions WHERE session = ?"
            row = connection.execute(query, (session,)).fetchone()
            if row:
                return str(row[0])
            rows = connection.execute("SELECT rater, answers FROM sessions").fetchall()
            if len(rows) >= _SESSIONS_PER_RATER * len(known):
                raise ResourceError("Too many sessions.")
            begun = dict.fromkeys(known, 0)
            complete = dict.fromkeys(known, 0)
            for rater, answers in rows:
                if rater not in begun:
                    raise sqlite.unreadable(self.path, f"it has the rater {str(rater)[:40]!r}")
                begun[rater] += 1
                complete[rater] += answers == self.study.design.trials
            rater = min(known, key=lambda one: (complete[one], begun[one]))
            connection.execute(
                "INSERT INTO sessions (session, rater, begun) VALUES (?, ?, ?)",
                (session, rater, now()),
            )
            return rater

    def add(self, text: str) -> int:
        """Keep a document, and return how many answers are there.

        Later documents of a session go on where earlier ones ended: nobody can change an answer.

        Raises:
            DataError: it is not one that this study's packet makes, or its session is unknown.
            ConflictError: it changes answers that are there.
        """
        given = parse(text, self.study)
        wrong = next((mark for _, mark in marks(given, self.study) if mark), "")
        if wrong:
            raise DataError(wrong)
        with self._writing() as connection:
            query = "SELECT rater, body FROM sessions WHERE session = ?"
            row = connection.execute(query, (given.session,)).fetchone()
            if row is None or row[0] != given.rater:
                raise DataError("unknown session")
            before = parse(row[1], self.study).answers if row[1] else ()
            if given.answers[: len(before)] != before:
                if before[: len(given.answers)] == given.answers:
                    return len(before)  # an earlier document, come late
                raise ConflictError("other answers are there already")
            connection.execute(
                "UPDATE sessions SET received = ?, answers = ?, body = ? WHERE session = ?",
                (now(), len(given.answers), text, given.session),
            )
            return len(given.answers)

    def documents(self) -> tuple[tuple[str, bytes], ...]:
        """Return (session, document) of all sessions that sent any. Nothing is written.

        Raises:
            DataError: the file is no collection of answers, or is damaged.
            ConflictError: it was written by another version.
        """
        query = (  # whatever types another program has put there
            "SELECT CAST(session AS BLOB), CAST(body AS BLOB) FROM sessions"
            " WHERE body IS NOT NULL ORDER BY session"
        )
        with closing(sqlite.open_to_read(self.path, _SCHEMA, version=_VERSION)) as connection:
            try:
                rows = connection.execute(query).fetchall()
            except sqlite.Error as error:
                raise sqlite.unreadable(self.path, error) from None
        return tuple((session.decode("utf-8", "replace"), body) for session, body in rows)

    def counts(self) -> tuple[int, int]:
        """Return the number of sessions that began, and of those that are complete."""
        connection = self._open()
        try:
            query = "SELECT COUNT(*), COALESCE(SUM(answers = ?), 0) FROM sessions"
            begun, complete = connection.execute(query, (self.study.design.trials,)).fetchone()
        finally:
            connection.close()
        return int(begun), int(complete)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._turn:
            connection = self._open()
            try:
                with sqlite.transaction(connection, self.path):
                    yield connection
            finally:
                connection.close()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite.connect(self.path, _SCHEMA, version=_VERSION)
        connection.execute("PRAGMA synchronous = FULL")  # survives power loss, not only kill -9
        return connection
