"""The words on the page of a study, other than title, question and consent: in any language."""

from __future__ import annotations

import re
from dataclasses import fields

from pydantic.dataclasses import dataclass as document

from benchmarks.api.documents import STRICT

_PLACE = re.compile(r"\{(\w*)\}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_LONGEST = 1000  # characters


@document(frozen=True, slots=True, kw_only=True, config=STRICT)
class Labels:
    """Every text, in English unless it is set; what stands in braces is filled in by the page."""

    language: str = "en"  # the tag of the page's language, as browsers and screen readers take it
    number: str = "Your participant number (1 to {most})"
    task_heading: str = "What you will do"
    task: str = (
        "There are {total} questions. Each shows a low-resolution photograph and {shown} enlarged "
        "versions of it. Each time you are asked:"
    )
    how: str = (
        "All images move and zoom together, so that you compare the same place. Choose a result "
        "with the mouse, by touch, or with the number keys, then press Next."
    )
    agree: str = "I have read this and want to take part."
    begin: str = "Begin"
    zoom: str = "Zoom of all images"
    whole: str = "Whole"
    progress: str = "Progress"
    count: str = "{number} of {total}"
    lr: str = "Low-resolution input"
    result: str = "Result {letter}"
    loading: str = "Loading the images …"
    loading_again: str = "An image does not load. Trying again …"
    move: str = "Drag to move, turn the wheel or pinch to zoom: all images follow."
    not_kept: str = "Do not reload or close this page: your browser keeps no answers."
    next: str = "Next"
    thanks: str = "Thank you"
    sending: str = "Sending your answers …"
    sent: str = "Your answers have arrived. You can close this page."
    unsent: str = (
        "Your answers could not be sent. Send them again, or download them and pass on the file."
    )
    send_again: str = "Send again"
    pass_on: str = "Download your answers and pass on the file as you were asked to."
    code: str = "Your completion code is"
    download: str = "Download my answers"
    another: str = "Another person begins"
    noscript: str = (
        "This study needs JavaScript. All of it is in this file; nothing is fetched from elsewhere."
    )

    def __post_init__(self) -> None:
        for field in fields(self):
            _check(field.name, getattr(self, field.name), str(field.default))
        if not _LANGUAGE.fullmatch(self.language):
            raise ValueError(f"language is {self.language[:40]!r}, which is no tag as 'en' or 'de'")


def _check(name: str, text: str, usual: str) -> None:
    if not text.strip() or len(text) > _LONGEST or not text.isprintable():
        raise ValueError(f"{name} is one line of 1 to {_LONGEST} characters that print")
    unknown = set(_PLACE.findall(text)).difference(_PLACE.findall(usual))
    if unknown:
        known = ", ".join(f"{{{one}}}" for one in _PLACE.findall(usual)) or "nothing"
        raise ValueError(f"{name} has {{{min(unknown)}}}; the page fills in {known} there")
