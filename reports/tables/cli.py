"""`mfsr-bench report table` and `diff`: the scores of runs, and what changed between two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks import console
from benchmarks.api.errors import DataError, UsageError
from benchmarks.options import Form, Json, TableFile, unfolded
from benchmarks.tables.text import Highlight
from benchmarks.tables.write import chosen_format, write
from reports.selection import KnownAs, Published, Sources

if TYPE_CHECKING:
    from benchmarks.results.rows import RunResults
    from reports.comparison import Comparison
    from reports.statistics.model import PerImages
    from reports.tables.scope import Layout


@dataclass(frozen=True, kw_only=True)
class _Shown:
    """What is shown besides the values, and how."""

    highlight: Annotated[
        Highlight | None,
        typer.Option(
            help="Default: bold-underline in Markdown, red-blue elsewhere. tied: the best and all "
            "that a paired test does not tell from it."
        ),
    ] = None
    published: Published = False
    rank_published: Annotated[
        bool, typer.Option("--rank-published", help="The same, and rank them with ours.")
    ] = False
    delta: Annotated[bool, typer.Option("--delta", help="Add a table of ours minus published.")] = (
        False
    )
    sources: Sources = None
    ci: Annotated[bool, typer.Option("--ci", help="Show 95 % intervals: 25.15 [24.69, 25.62].")] = (
        False
    )
    pm: Annotated[bool, typer.Option("--pm", help="Show half of their width: 25.15 ±0.47.")] = False
    by_steps: Annotated[
        bool, typer.Option("--by-steps", help="Part methods of one step from those of several.")
    ] = False
    known_as: KnownAs = None
    printed: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE:TABLE",
            help="Rows, groups and columns of that printed table, and its values below: mfsr:1. "
            "Default: the table that a run was made after, where nothing is left out.",
        ),
    ] = None
    cite: Annotated[
        bool,
        typer.Option("--cite", help="LaTeX: cite the methods, by the keys of docs/references.bib."),
    ] = False

    @property
    def tied(self) -> bool:
        """Whether ties are marked."""
        return self.highlight is Highlight.TIED


@dataclass(frozen=True, kw_only=True)
class _Parts:
    """The parts of a comparison that are shown."""

    methods: Annotated[
        list[str] | None,
        typer.Option(metavar="NAMES", help="Only these rows, in this order: mfsr@2,OSEDiff-1s."),
    ] = None
    datasets: Annotated[
        list[str] | None, typer.Option(metavar="NAMES", help="Only these data sets.")
    ] = None
    metrics: Annotated[
        list[str] | None, typer.Option(metavar="NAMES", help="Only these columns, in this order.")
    ] = None


@unfolded
def table(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Run directories.")],
    shown: _Shown,
    parts: _Parts,
    *,
    form: Form = None,
    out: TableFile = None,
    json: Json = False,
) -> None:
    """Print the tables of one or several runs, ranked, with the number of images behind each mean.

    A mean is over the images that every method of the table has. Ranks come from unrounded values,
    and ties share a mark. Several runs need the same protocol and the same data sets.

    Examples:
        mfsr-bench report table runs/x
        mfsr-bench report table runs/x --published --format latex --out scores.tex
        mfsr-bench report table runs/x --as realsr
    """
    from benchmarks.results.read import read_run
    from reports.comparison import compare
    from reports.tables.build import build_report

    form = chosen_format(form, out, json=json)
    _refuse(shown)
    results = [read_run(run) for run in runs]
    printed = shown.printed or _made_after(results, parts)
    chosen, layout = _chosen(compare(results), shown, parts, printed)
    document = build_report(chosen, layout, _per_image(chosen, results, layout))
    if not document.tables:
        raise DataError(
            "These runs have no results for what was asked.",
            f"Choose other --datasets or --metrics, or finish the run. {chosen.finish}",
        )
    if chosen.unscored and not printed:  # a printed table says why of each of its rows
        console.say(chosen.unscored, style="yellow")
    if shown.delta and all(one.facts["table"] != "difference" for one in document.tables):
        console.say("No published values of these methods on these data sets: no delta.")
    write(document, form, out, shown.highlight)


def _made_after(results: Sequence[RunResults], parts: _Parts) -> str:
    """Return the printed table that all runs were made after, where all of them is shown."""
    found = {str(one.run.get("printed") or "") for one in results}
    partly = parts.methods or parts.datasets or parts.metrics
    return "" if partly or len(found) > 1 else found.pop()


def _refuse(shown: _Shown) -> None:
    if shown.ci and shown.pm:
        raise UsageError("--ci and --pm exclude each other.", "Give one of them.")
    if shown.tied and shown.rank_published:
        raise UsageError(
            "Published rows have no values per image, so they cannot be tested against ours.",
            "Use --published with --highlight tied: they are shown and not ranked.",
        )


def _chosen(
    comparison: Comparison, shown: _Shown, parts: _Parts, printed: str
) -> tuple[Comparison, Layout]:
    """Return the part of a comparison that is asked for, and what of it is shown."""
    from reports.published.printed import printed_table
    from reports.published.values import published_rows
    from reports.selection import datasets_of, known_sets, metrics_of, rows_of, sources_of
    from reports.tables.scope import Layout

    named = (shown.sources or shown.known_as) and not shown.delta
    published = shown.published or shown.rank_published or bool(named)
    known = published_rows()
    others = [(row.title, row.card_title) for row in known] if published else []
    rows = rows_of(comparison, parts.methods, others=others)
    chosen = comparison.select(
        methods=None if rows is None else [row for row in rows if row in comparison.methods],
        datasets=datasets_of(comparison, parts.datasets),
        metrics=metrics_of(comparison, parts.metrics),
    )
    ours = [method.title for method in chosen.methods.values()]
    layout = Layout(
        published=published,
        rank_published=shown.rank_published,
        delta=shown.delta,
        intervals="ci" if shown.ci else "pm" if shown.pm else "",
        tied=shown.tied,
        by_steps=shown.by_steps,
        cite=shown.cite,
        known_as=known_sets(comparison, shown.known_as),
        printed=printed_table(printed) if printed else None,
        published_titles=None if rows is None else {*rows, *ours},
        sources=sources_of(shown.sources),
    )
    return chosen, layout


def _per_image(
    comparison: Comparison, results: Sequence[RunResults], layout: Layout
) -> PerImages | None:
    """Return the values per image where intervals or tests are asked for."""
    if not (layout.intervals or layout.tied):
        return None
    from reports.statistics.per_image import all_per_image

    return all_per_image(comparison, results)


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
    from benchmarks.results.read import read_run
    from reports.diff import changes_between

    form = chosen_format(form, out, json=json)
    document, worse = changes_between((read_run(before), read_run(after)), worst)
    write(document, form, out)
    raise typer.Exit(1 if worse else 0)
