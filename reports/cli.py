"""`mfsr-bench report`: what a run found, for people and for papers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks import console
from benchmarks.api.errors import DataError, UsageError
from benchmarks.api.images import show
from benchmarks.options import Form, Json, Quiet, TableFile, choose, split_datasets, split_lists
from benchmarks.results.read import read_run
from benchmarks.tables.text import Highlight
from benchmarks.tables.write import chosen_format, write
from reports.audit.cli import audit
from reports.comparison import Comparison, compare
from reports.efficiency.cli import efficiency
from reports.figures.cli import app as figures
from reports.pictures import pictures_of, without_results
from reports.published.values import published_rows
from reports.selection import Originals, datasets_of, metrics_of, rows_of
from reports.statistics.cli import power
from reports.tables.build import build_report
from reports.tables.scope import Layout

if TYPE_CHECKING:
    from benchmarks.results.rows import RunResults
    from reports.statistics.model import PerImages

app = typer.Typer(
    help="Tables, figures and pages of finished and unfinished runs.", no_args_is_help=True
)

app.command()(audit)
app.command()(efficiency)
app.command()(power)
app.add_typer(figures, name="figure")


@app.command()
def table(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Run directories.")],
    *,
    highlight: Annotated[
        Highlight | None,
        typer.Option(
            help="Default: bold-underline in Markdown, red-blue elsewhere. tied: the best and all "
            "that a paired test does not tell from it."
        ),
    ] = None,
    published: Annotated[
        bool, typer.Option("--published", help="Add published rows of the same data sets.")
    ] = False,
    rank_published: Annotated[
        bool, typer.Option("--rank-published", help="The same, and rank them with ours.")
    ] = False,
    delta: Annotated[
        bool, typer.Option("--delta", help="Add a table of ours minus published.")
    ] = False,
    ci: Annotated[
        bool, typer.Option("--ci", help="Show 95 % intervals: 25.15 [24.69, 25.62].")
    ] = False,
    pm: Annotated[
        bool, typer.Option("--pm", help="Show half of their width: 25.15 ±0.47.")
    ] = False,
    sources: Annotated[
        list[str] | None,
        typer.Option(metavar="NAMES", help="Only published values of these: mfsr,flowsr,tadsr."),
    ] = None,
    by_steps: Annotated[
        bool, typer.Option("--by-steps", help="Part methods of one step from those of several.")
    ] = False,
    cite: Annotated[
        bool,
        typer.Option("--cite", help="LaTeX: cite the methods, by the keys of docs/references.bib."),
    ] = False,
    methods: Annotated[
        list[str] | None,
        typer.Option(metavar="NAMES", help="Only these rows, in this order: mfsr@2,OSEDiff-1s."),
    ] = None,
    datasets: Annotated[
        list[str] | None, typer.Option(metavar="NAMES", help="Only these data sets.")
    ] = None,
    metrics: Annotated[
        list[str] | None, typer.Option(metavar="NAMES", help="Only these columns, in this order.")
    ] = None,
    form: Form = None,
    out: TableFile = None,
    json: Json = False,
) -> None:
    """Print the tables of one or several runs, ranked, with the number of images behind each mean.

    A mean is over the images that every method of the table has. Ranks come from unrounded values,
    and ties share a mark. Several runs need the same protocol and the same data sets.
    """
    form = chosen_format(form, out, json=json)
    shown = published or rank_published
    tied = highlight is Highlight.TIED
    _refuse(ci=ci, pm=pm, tied=tied, rank_published=rank_published)
    results = [read_run(run) for run in runs]
    comparison = compare(results)
    others = [(row.title, row.card_title) for row in published_rows()] if shown else []
    rows = rows_of(comparison, methods, others=others)
    chosen = comparison.select(
        methods=None if rows is None else [row for row in rows if row in comparison.methods],
        datasets=datasets_of(comparison, datasets),
        metrics=metrics_of(comparison, metrics),
    )
    layout = Layout(
        published=shown,
        rank_published=rank_published,
        delta=delta,
        intervals="ci" if ci else "pm" if pm else "",
        tied=tied,
        sources=_sources(sources),
        by_steps=by_steps,
        cite=cite,
        published_titles=None if rows is None else {*rows, *_titles(chosen)},
    )
    document = build_report(chosen, layout, _per_image(chosen, results, layout))
    if not document.tables:
        raise DataError(
            "These runs have no results for what was asked.",
            f"Choose other --datasets or --metrics, or finish the run. {comparison.finish}",
        )
    if delta and all(one.facts["table"] != "difference" for one in document.tables):
        console.err().print("No published values of these methods on these data sets: no delta.")
    write(document, form, out, highlight)


def _sources(names: list[str] | None) -> tuple[str, ...] | None:
    known = dict.fromkeys((row.source for row in published_rows()), ())
    return choose(
        split_lists(names), known, what="source of published values", see="docs/protocols.md"
    )


def _refuse(*, ci: bool, pm: bool, tied: bool, rank_published: bool) -> None:
    if ci and pm:
        raise UsageError("--ci and --pm exclude each other.", "Give one of them.")
    if tied and rank_published:
        raise UsageError(
            "Published rows have no values per image, so they cannot be tested against ours.",
            "Use --published with --highlight tied: they are shown and not ranked.",
        )


def _per_image(
    comparison: Comparison, results: Sequence[RunResults], layout: Layout
) -> PerImages | None:
    """Return the values per image where intervals or tests are asked for."""
    if not (layout.intervals or layout.tied):
        return None
    from reports.statistics.per_image import all_per_image

    return all_per_image(comparison, results)


@app.command()
def diff(
    before: Annotated[Path, typer.Argument(metavar="A", help="Run directory, the earlier one.")],
    after: Annotated[Path, typer.Argument(metavar="B", help="Run directory, the later one.")],
    *,
    worst: Annotated[
        int, typer.Option(min=0, help="How many of the images that lost most are named.")
    ] = 5,
    form: Form = None,
    out: TableFile = None,
    json: Json = False,
) -> None:
    """Print what changed between two runs of the same methods and data sets.

    Images are compared by their files' hashes, scores by a paired sign-flip test over the images
    that both runs have, with Holm's correction over the table. Exit code 1 where a mean became
    worse.

    Example: mfsr-bench report diff runs/last-week runs/today
    """
    from reports.diff import changes_between

    form = chosen_format(form, out, json=json)
    document, worse = changes_between((read_run(before), read_run(after)), worst)
    write(document, form, out)
    raise typer.Exit(1 if worse else 0)


@app.command()
def html(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Run directories.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the page. Default: html in the first run."),
    ] = None,
    link: Annotated[
        bool,
        typer.Option("--link/--copy", help="Hard links to the run's images instead of copies."),
    ] = False,
    where: Originals = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Write a folder to look at: tables, images side by side, failures, provenance.

    It opens from disk, asks for nothing from outside, and can be moved or published as it is. The
    same command again brings it up to date.
    """
    from reports.html.page import write_page

    results = [read_run(run) for run in runs]
    comparison = compare(results)
    pictures = pictures_of(comparison, results, split_datasets(where))
    for dataset, cause in pictures.lacking.items():
        console.say(f"Without the LR and HR images of '{dataset}': {cause}", style="yellow")
    if without := without_results(comparison, pictures.every):
        console.say(without, style="yellow")
    folder = out or runs[0] / "html"
    with console.count("images") as progress:
        index = write_page(
            comparison,
            results,
            pictures,
            folder,
            link=link,
            progress=_silent if quiet else progress,
        )
    if json:
        console.print_json({"page": str(index), "lacking": dict(pictures.lacking)})
    else:
        console.out().print(show(index), markup=False)


def _silent(_done: int, _total: int) -> None:
    """Show no progress."""


def _titles(comparison: Comparison) -> list[str]:
    return [method.title for method in comparison.methods.values()]
