"""The packet: what raters get. It names no method, and opens from disk or from a server."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.api.images import write_atomic
from reports.html.document import document
from reports.study.design import Trial, assignment, raters
from reports.study.stimuli import FOLDER
from reports.study.study import LR

if TYPE_CHECKING:
    from reports.study.study import Study

INDEX = "index.html"
_STYLES = ("reports.html:base.css", "reports.html:panes.css", "reports.study:study.css")
_SCRIPTS = (
    "reports.html:dom.js", "reports.html:panes.js", "reports.study:record.js",
    "reports.study:trial.js", "reports.study:study.js",
)  # fmt: skip


def write_packet(study: Study, folder: Path) -> None:
    """Write the packet's page; its images are written by `stimuli.write_stimuli`."""
    write_atomic(folder / INDEX, render(study).encode())


def render(study: Study) -> str:
    """Return the packet's page."""
    labels = study.wording.labels
    return document(
        "reports.study:study.html",
        title=study.wording.title,
        styles=_STYLES,
        scripts=_SCRIPTS,
        data=content(study),
        connect=True,
        texts={"language": labels.language, "noscript": labels.noscript},
    )


def content(study: Study) -> dict[str, Any]:
    """Return what the page knows: blind names, and which of them each rater sees where.

    A trial is [id, image, LR, results]: places in the lists of sizes and of names.
    """
    names = list(study.stimuli())
    places = {name: place for place, name in enumerate(names)}
    images = {image: place for place, image in enumerate(study.sizes)}

    def plain(trial: Trial) -> list[Any]:
        lr, *shown = (places[study.name(*trial.image, one)] for one in (LR, *trial.shown))
        return [trial.id, images[trial.image], lr, shown]

    return {
        "study": study.id,
        "title": study.wording.title,
        "question": study.wording.question,
        "consent": study.wording.consent.split("\n\n"),
        "labels": asdict(study.wording.labels),
        "min_seconds": study.min_seconds,
        "folder": FOLDER,
        "names": names,
        "sizes": list(study.sizes.values()),
        "raters": {
            rater: {
                "code": study.code(rater),
                "trials": [plain(trial) for trial in assignment(study.design, rater)],
            }
            for rater in raters(study.design)
        },
    }
