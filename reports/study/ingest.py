"""From what came in to votes that may be counted: merged, checked, marked, nothing thrown away."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.api.errors import DataError, MFSRBenchError
from benchmarks.api.images import show
from reports.study.answers import Answer, Answers, marks, parse
from reports.study.collection import FILE, Collection
from reports.study.design import BLURRED, Trial
from reports.study.votes import RaterRow, Vote

if TYPE_CHECKING:
    from reports.study.study import Study

_LARGEST = 16 << 20  # bytes of a file of answers
_PARTS = ("journal", "wal", "shm")  # of a database, beside it


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A document that is no answer to this study, or a copy of one that is."""

    source: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """All that came in."""

    votes: tuple[Vote, ...]
    raters: tuple[RaterRow, ...]
    refused: tuple[Refused, ...]  # not this study's
    copies: tuple[Refused, ...]  # held by a document that is kept

    def counts(self) -> dict[str, Any]:
        """Return how much of everything there is."""
        return {
            "raters": len(self.raters),
            "raters_that_count": sum(not row.excluded for row in self.raters),
            "excluded": dict(Counter(row.excluded for row in self.raters if row.excluded)),
            "votes": len(self.votes),
            "kinds": dict(Counter(vote.kind for vote in self.votes if not vote.mark)),
            "marks": dict(Counter(vote.mark for vote in self.votes if vote.mark)),
            "wrong_codes": sum(row.code == "wrong" for row in self.raters),
            "copies": len(self.copies),
            "refused": len(self.refused),
        }


Document = tuple[str, str | bytes]  # source, text


def documents(study: Study, folder: Path, paths: Iterable[Path]) -> Iterator[Document | Refused]:
    """Yield everything that may be answers, the server's, then files; every file, or why not.

    Args:
        study: what was asked.
        folder: of the study, with or without the server's database.
        paths: downloaded files, folders of them, and databases of other machines.

    Raises:
        DataError: a path does not exist.
    """
    if (folder / FILE).is_file():
        yield from _collected(study, folder / FILE)
    for path in paths:
        if not path.exists():
            raise DataError(f"No such file: {show(path)}")
        for one in _in_folder(path) if path.is_dir() else [path]:
            yield from [one] if isinstance(one, Refused) else _of_file(study, one)


def _in_folder(folder: Path) -> Iterator[Path | Refused]:
    """Yield every file of a folder and of those in it."""
    closed: list[OSError] = []
    for place, folders, files in os.walk(folder, onerror=closed.append):
        folders.sort()
        for name in folders:
            if Path(place, name).is_symlink():
                yield Refused(source=show(Path(place, name)), why="a link to a folder")
        for name in sorted(files):
            whole, _, part = name.rpartition("-")
            if not (part in _PARTS and whole in files):
                yield Path(place, name)
    for error in closed:
        yield Refused(source=show(Path(error.filename)), why=_why(error))


def _of_file(study: Study, path: Path) -> Iterator[Document | Refused]:
    source = show(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            yield Refused(source=source, why="not a plain file")
            return
        with path.open("rb") as handle:
            text = handle.read(_LARGEST + 1)
    except OSError as error:
        yield Refused(source=source, why=_why(error))
        return
    if text.startswith(b"SQLite format 3\0"):
        try:
            yield from _collected(study, path)
        except MFSRBenchError as error:
            yield Refused(source=source, why=error.cause)
    elif text.startswith(b"PK\x03\x04"):
        yield Refused(source=source, why="an archive: unpack it, and give its folder")
    elif len(text) > _LARGEST:
        yield Refused(source=source, why=f"larger than {_LARGEST >> 20} MiB")
    else:
        yield source, text


def _collected(study: Study, path: Path) -> Iterator[Document]:
    for session, text in Collection(study, path).documents():
        yield f"{show(path)}:{session[:8]}", text


def _why(error: OSError) -> str:
    return f"cannot be read: {error.strerror or error}"


def ingest(study: Study, given: Iterable[Document | Refused]) -> Ingested:
    """Merge and check documents.

    Of the documents of one session the longest counts: the others were sent on the way. The same
    answers under another session are a copy as well.
    """
    refused: list[Refused] = []
    known: list[tuple[str, Answers]] = []
    for one in given:
        if isinstance(one, Refused):
            refused.append(one)
            continue
        source, text = one
        try:
            known.append((source, parse(text, study)))
        except DataError as error:
            refused.append(Refused(source=source, why=error.cause))
    kept, copies = _merged(known)
    votes: list[Vote] = []
    people: list[RaterRow] = []
    for source, answers in kept:
        mine = tuple(_votes(study, answers, source))
        votes += mine
        people.append(_person(study, answers, mine, source))
    return Ingested(
        votes=tuple(votes), raters=tuple(people), refused=tuple(refused), copies=tuple(copies)
    )


def _merged(
    known: Sequence[tuple[str, Answers]],
) -> tuple[list[tuple[str, Answers]], list[Refused]]:
    longest_first = sorted(known, key=lambda one: -len(one[1].answers))
    kept: dict[str, tuple[str, Answers]] = {}
    copies: list[Refused] = []
    contents: dict[tuple[str, tuple[Answer, ...]], str] = {}
    for source, answers in longest_first:
        content = (answers.rater, answers.answers)
        if answers.session in kept:
            other, longer = kept[answers.session]
            same = longer.answers[: len(answers.answers)] == answers.answers
            why = "a copy of" if same else "contradicts"
            copies.append(Refused(source=source, why=f"{why} {other}"))
        elif answers.answers and content in contents:
            copies.append(Refused(source=source, why=f"the same answers as {contents[content]}"))
        else:
            kept[answers.session] = (source, answers)
            contents[content] = source
    return sorted(kept.values(), key=lambda one: (one[1].rater, one[1].session)), copies


def _votes(study: Study, given: Answers, source: str) -> Iterator[Vote]:
    stimuli = study.stimuli()

    def plain(name: str) -> str:
        return stimuli[name][1] if name in stimuli else name

    for answer, (trial, mark) in zip(given.answers, marks(given, study), strict=True):
        dataset, image = trial.image if trial else ("", "")
        yield Vote(
            session=given.session,
            rater=given.rater,
            trial=answer.trial,
            kind=trial.kind if trial else "",
            dataset=dataset,
            image=image,
            shown=tuple(map(plain, answer.shown)),
            chosen=plain(answer.chosen),
            place=answer.shown.index(answer.chosen) + 1 if answer.chosen in answer.shown else 0,
            seconds=answer.ms / 1000,
            mark=mark or _too_fast(study, trial, answer),
            source=source,
        )


def _too_fast(study: Study, trial: Trial | None, answer: Answer) -> str:
    """Return a mark for answers that the packet does not let anybody give."""
    impossible = trial is not None and answer.ms < study.min_seconds * 1000 - 1
    return "faster than the packet allows" if impossible else ""


def _person(study: Study, given: Answers, votes: Sequence[Vote], source: str) -> RaterRow:
    good = [vote for vote in votes if not vote.mark]
    chosen = {vote.trial: vote.chosen for vote in good}
    plan = {trial.id: trial for trial, _ in marks(given, study) if trial}
    obvious = [vote for vote in good if vote.kind == "obvious"]
    repeats = [v for v in good if v.kind == "repeat" and plan[v.trial].repeats in chosen]
    screen = given.screen
    row = RaterRow(
        session=given.session,
        rater=given.rater,
        source=source,
        started=given.started,
        finished=given.finished,
        code=_code(study, given),
        rated=sum(vote.kind == "rated" for vote in good),
        trials=study.design.rated,
        marked=len(votes) - len(good),
        obvious=len(obvious),
        failed_obvious=sum(vote.chosen.startswith(BLURRED) for vote in obvious),
        repeats=len(repeats),
        agreed_repeats=sum(chosen[plan[v.trial].repeats] == v.chosen for v in repeats),
        fast=sum(vote.seconds < study.rule.fast_seconds for vote in votes),
        median_seconds=median(vote.seconds for vote in votes) if votes else 0.0,
        screen=f"{screen.width:g}x{screen.height:g}@{screen.ratio:g}",
        excluded="",
    )
    return _judged(study, row, len(votes))


def _code(study: Study, given: Answers) -> str:
    if not given.code:
        return ""
    return "right" if given.code == study.code(given.rater) else "wrong"


def _judged(study: Study, row: RaterRow, answered: int) -> RaterRow:
    """Return the row with the first clause of the exclusion rule that it falls under."""
    rule = study.rule
    if row.rated == 0 or row.rated < rule.answered * row.trials:
        why = "answered too few"
    elif row.failed_obvious >= rule.failed_obvious:
        why = "failed obvious trials"
    elif row.fast > rule.fast_share * answered:
        why = "too fast"
    elif row.repeats and row.agreed_repeats < rule.repeats_agreed * row.repeats:
        why = "disagreed with themselves"
    else:
        why = ""
    return replace(row, excluded=why)
