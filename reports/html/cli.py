"""`mfsr-bench report html`: the page of one or several runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmarks import console
from benchmarks.api.images import show
from benchmarks.options import Json, Quiet, split_datasets
from reports.selection import KnownAs, Originals, Published, Sources


def html(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Run directories.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the page. Default: html in the first run."),
    ] = None,
    link: Annotated[
        bool | None,
        typer.Option(
            "--link/--copy",
            help="Hard links to the run's images, or copies. Default: links where the page lies in "
            "its run, so that the images take no more space; copies elsewhere.",
        ),
    ] = None,
    where: Originals = None,
    published: Published = False,
    sources: Sources = None,
    known_as: KnownAs = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Write a folder to look at: tables, images side by side, failures, provenance.

    It opens from disk, asks for nothing from outside, and can be moved or published as it is. The
    same command again brings it up to date.

    Examples:
        mfsr-bench report html runs/x
        mfsr-bench report html runs/x --published
    """
    from benchmarks.results.read import read_run
    from reports.comparison import compare
    from reports.html.page import write_page
    from reports.pictures import pictures_of, without_results
    from reports.selection import known_sets, sources_of
    from reports.tables.scope import Layout

    results = [read_run(run) for run in runs]
    comparison = compare(results)
    layout = Layout(
        intervals="ci",
        published=published or bool(sources or known_as),
        sources=sources_of(sources),
        known_as=known_sets(comparison, known_as),
    )
    pictures = pictures_of(comparison, results, split_datasets(where))
    for dataset, cause in pictures.lacking.items():
        console.say(f"Without the LR and HR images of '{dataset}': {cause}", style="yellow")
    if without := without_results(comparison, pictures.every):
        console.say(without, style="yellow")
    folder = out or runs[0] / "html"
    link = False if link is None and out else link
    with console.count("images") as progress:
        shown = (lambda *_: None) if quiet else progress
        index = write_page(comparison, results, pictures, folder, layout, link=link, progress=shown)
    if json:
        console.print_json({"page": str(index), "lacking": dict(pictures.lacking)})
    else:
        console.out().print(show(index), markup=False)
