"""What a packet hands in, checked in form and against the study's own plan.

One document of schema 1 holds what one person answered, complete or not:

    {"schema": 1, "study": "...", "rater": "r001", "session": 32 hex digits, "started": time,
     "finished": time or "", "code": completion code or "", "screen": {width, height, ratio},
     "answers": [{"trial": "t01", "shown": [names], "chosen": name, "ms": 5120}, ...]}
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass as document

from benchmarks.api import documents
from benchmarks.api.documents import STRICT
from benchmarks.api.errors import DataError
from reports.study.design import Trial, assignment, raters

if TYPE_CHECKING:
    from reports.study.study import Study

SCHEMA = 1
_SESSION = r"^[0-9a-f]{32}$"
_LONGEST_MS = 10**9


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("it holds what does not print")
    return text


_Text = Annotated[str, Field(max_length=64), AfterValidator(_printable)]
_Length = Annotated[float, Field(ge=0)]


@document(frozen=True, slots=True, config=STRICT)
class Answer:
    """One answer, in blind names."""

    trial: _Text
    shown: tuple[_Text, ...]
    chosen: _Text
    ms: Annotated[int, Field(ge=0, le=_LONGEST_MS)]  # that the images were seen


@document(frozen=True, slots=True, kw_only=True, config=STRICT)
class Screen:
    """What the answers were given on, in CSS pixels, and device pixels for each."""

    width: _Length
    height: _Length
    ratio: _Length


@document(frozen=True, slots=True, kw_only=True, config=STRICT)
class Answers:
    """What one person answered."""

    schema: Literal[1]
    study: _Text
    rater: _Text
    session: Annotated[str, Field(pattern=_SESSION)]
    started: _Text
    finished: _Text
    code: _Text
    screen: Screen
    answers: tuple[Answer, ...]


def parse(text: str | bytes, study: Study) -> Answers:
    """Read a document.

    Raises:
        DataError: it is not one of this study; the message says why.
    """
    given = documents.parse(Answers, text, where="not a document of answers", error=DataError)
    design = study.design
    if given.study != study.id:
        raise DataError(f"answers to another study: '{given.study}', not '{study.id}'")
    if given.rater not in raters(design):
        raise DataError(f"unknown rater '{given.rater}'")
    if len(given.answers) > design.trials:
        raise DataError(f"answers are a list of at most {design.trials}")
    if any(len(answer.shown) > design.shown for answer in given.answers):
        raise DataError(f"what was shown is a list of at most {design.shown} names")
    return given


def session_of(value: Any) -> str:
    """Return a session's id.

    Raises:
        DataError: it is none.
    """
    if not isinstance(value, str) or not re.fullmatch(_SESSION, value):
        raise DataError("a session is 32 hex digits")
    return value


def marks(given: Answers, study: Study) -> tuple[tuple[Trial | None, str], ...]:
    """Return the trial of each answer, and what is wrong with the answer; empty for nothing."""
    plan = {trial.id: trial for trial in assignment(study.design, given.rater)}
    names = study.stimuli()
    seen: set[str] = set()
    found: list[tuple[Trial | None, str]] = []
    for answer in given.answers:
        trial = plan.get(answer.trial)
        mark = _mark(answer, trial, study, names)
        if not mark and answer.trial in seen:
            mark = "duplicate"
        seen.add(answer.trial)
        found.append((trial, mark))
    return tuple(found)


def _mark(
    answer: Answer, trial: Trial | None, study: Study, names: Mapping[str, Sequence[object]]
) -> str:
    if not {answer.chosen, *answer.shown} <= names.keys():
        return "unknown stimulus"
    if trial is None:
        return "unknown trial"
    if answer.shown != tuple(study.name(*trial.image, source) for source in trial.shown):
        return "not what was to be shown"
    if answer.chosen not in answer.shown:
        return "chosen was not shown"
    return ""
