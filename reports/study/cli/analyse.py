"""`mfsr-bench study analyse`: from votes to what a paper prints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmarks import console
from benchmarks.api.errors import ConflictError
from benchmarks.api.images import show
from benchmarks.options import Form, Json
from benchmarks.tables.write import chosen_format, write
from reports.study.cli.collect import StudyFolder
from reports.study.study import Study, read_study
from reports.study.votes import RATERS, VOTES, RaterRow, Vote, read_rows

FOLDER = "analysis"


def analyse(
    study: StudyFolder,
    *,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Default: STUDY/analysis.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the resamples.")] = 0,
    form: Form = None,
    json: Json = False,
) -> None:
    """Print vote shares, strengths, agreement and tests, with intervals; write them and the figure.

    Reads what `study ingest` wrote. Only rated votes without a mark count, of raters whom the rule
    of the study does not exclude.

    Examples:
        mfsr-bench study analyse studies/x
    """
    from reports.study import text
    from reports.study.analysis import About
    from reports.study.analysis import analyse as analysed
    from reports.study.ballots import ballots
    from reports.study.figure import write_figure

    form = chosen_format(form, None, json=json)
    known = read_study(study)
    votes, people = read_rows(study / VOTES, Vote), read_rows(study / RATERS, RaterRow)
    _check(known, votes, study)
    about = About(
        study=known.id,
        titles=known.titles,
        excluded=sum(bool(row.excluded) for row in people),
        exclusion_rule=str(known.rule),
    )
    found = analysed(ballots(known.design.methods, votes, people), about, seed=seed)
    folder = out or study / FOLDER
    document = text.document(found)
    for name in ("analysis.json", "analysis.md", "analysis.tex", "analysis.csv"):
        write(document, chosen_format(None, folder / name), folder / name)
    write_figure(found, folder)
    write(document, form)
    console.say(f"Tables and figure: {show(folder)}")


def _check(study: Study, votes: tuple[Vote, ...], folder: Path) -> None:
    """Refuse votes that are not of this study.

    Raises:
        ConflictError: a vote that counts is for methods or images that the study does not have.
    """
    methods, images = set(study.design.methods), set(study.design.images)
    for vote in votes:
        if vote.kind != "rated" or vote.mark:
            continue
        shown = set(vote.shown)
        if not shown <= methods or vote.chosen not in shown:
            raise ConflictError(
                f"{show(folder / VOTES)} holds a vote for methods of another study: "
                f"session {vote.session:.8}, trial {vote.trial}.",
                f"Write it anew: mfsr-bench study ingest {show(folder)}",
            )
        if (vote.dataset, vote.image) not in images:
            raise ConflictError(
                f"{show(folder / VOTES)} holds a vote on an image of another study: {vote.image}.",
                f"Write it anew: mfsr-bench study ingest {show(folder)}",
            )
