"""What a packet hands in, checked in form and against the study's own plan.

One document of schema 1 holds what one person answered, complete or not:

    {"schema": 1, "study": "...", "rater": "r001", "session": 32 hex digits, "started": time,
     "finished": time or "", "code": completion code or "", "screen": {width, height, ratio},
     "answers": [{"trial": "t01", "shown": [names], "chosen": name, "ms": 5120}, ...]}
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.api.errors import DataError
from reports.study.design import Trial, assignment, raters

if TYPE_CHECKING:
    from reports.study.study import Study

SCHEMA = 1
_SESSION = re.compile(r"[0-9a-f]{32}")
_TEXT = 64  # characters of any string
_LONGEST_MS = 10**9
_KEYS = {
    "schema", "study", "rater", "session", "started", "finished", "code", "screen", "answers",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, in blind names."""

    trial: str
    shown: tuple[str, ...]
    chosen: str
    ms: int  # that the images were seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What one person answered."""

    rater: str
    session: str
    started: str
    finished: str
    code: str
    screen: Mapping[str, float]
    answers: tuple[Answer, ...]


def parse(text: str | bytes, study: Study) -> Answers:
    """Read a document.

    Raises:
        DataError: it is not one of this study; the message says why.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise DataError("not JSON") from None
    return _answers(content, study)


def _answers(content: Any, study: Study) -> Answers:
    if not isinstance(content, dict) or content.keys() != _KEYS:
        raise DataError("not a document of answers: its fields are others")
    if content["schema"] != SCHEMA:
        raise DataError(f"schema {content['schema']!r:.20}, not {SCHEMA}")
    if content["study"] != study.id:
        raise DataError(f"answers to another study: {content['study']!r:.20}, not '{study.id}'")
    rater = _text(content["rater"])
    if rater not in raters(study.design):
        raise DataError(f"unknown rater '{rater}'")
    return Answers(
        rater=rater,
        session=session_of(content["session"]),
        started=_text(content["started"]),
        finished=_text(content["finished"]),
        code=_text(content["code"]),
        screen=_screen(content["screen"]),
        answers=_list(content["answers"], study),
    )


def session_of(value: Any) -> str:
    """Return a session's id.

    Raises:
        DataError: it is none.
    """
    if not isinstance(value, str) or not _SESSION.fullmatch(value):
        raise DataError("a session is 32 hex digits")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _TEXT or not value.isprintable():
        raise DataError("a text is too long or not printable, or not a text")
    return value


def _screen(value: Any) -> dict[str, float]:
    if not isinstance(value, dict) or value.keys() != {"width", "height", "ratio"}:
        raise DataError("the screen is not width, height and ratio")
    for one in value.values():
        if isinstance(one, bool) or not isinstance(one, int | float) or not 0 <= one < math.inf:
            raise DataError("the screen is not three numbers")
    return {key: float(one) for key, one in value.items()}


def _list(value: Any, study: Study) -> tuple[Answer, ...]:
    if not isinstance(value, list) or len(value) > study.design.trials:
        raise DataError(f"answers are a list of at most {study.design.trials}")
    return tuple(_answer(one, study.design.shown) for one in value)


def _answer(value: Any, most: int) -> Answer:
    if not isinstance(value, dict) or value.keys() != {"trial", "shown", "chosen", "ms"}:
        raise DataError("an answer is trial, shown, chosen and ms")
    shown, ms = value["shown"], value["ms"]
    if not isinstance(shown, list) or len(shown) > most:
        raise DataError(f"what was shown is a list of at most {most} names")
    if isinstance(ms, bool) or not isinstance(ms, int) or not 0 <= ms <= _LONGEST_MS:
        raise DataError("a time is a whole number of milliseconds")
    return Answer(_text(value["trial"]), tuple(map(_text, shown)), _text(value["chosen"]), ms)


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
