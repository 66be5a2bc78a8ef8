"""`mfsr-bench report power`: what differences the data sets of a run can show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks import console
from benchmarks.api.errors import DataError
from benchmarks.options import Form, Json, TableFile
from benchmarks.results.read import read_run
from benchmarks.tables.model import Cell, Column, Document, Footnote, Group, Row, Table
from benchmarks.tables.write import chosen_format, write
from reports.comparison import compare
from reports.published.noise import NOISE_FLOOR
from reports.selection import select
from reports.statistics.detectable import POWER, Detectable, detectable

if TYPE_CHECKING:
    from reports.comparison import Comparison
    from reports.statistics.model import PerImage, PerImages


def power(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Run directories.")],
    *,
    datasets: Annotated[
        list[str] | None, typer.Option(metavar="NAMES", help="Only these data sets.")
    ] = None,
    metrics: Annotated[
        list[str] | None, typer.Option(metavar="NAMES", help="Only these metrics.")
    ] = None,
    form: Form = None,
    out: TableFile = None,
    json: Json = False,
) -> None:
    """Print the smallest difference of two methods that each data set would show.

    A paired two-sided test at 5 % finds a true difference of that size in 80 % of cases; "in the
    table" is the same after correction for all pairs of methods in all columns.

    Examples:
        mfsr-bench report power runs/x
    """
    from reports.statistics.per_image import all_per_image

    form = chosen_format(form, out, json=json)
    results = [read_run(run) for run in runs]
    comparison = select(compare(results), datasets=datasets, metrics=metrics)
    if comparison.unscored:
        console.say(comparison.unscored, style="yellow")
    known = all_per_image(comparison, results)
    found = [one for table in _tables(comparison, known) for one in detectable(table)]
    if not found:
        raise DataError(
            "Nothing to compare: no column has two methods with shared images.",
            "Run a second method into the same folder: mfsr-bench run --out RUN -m METHOD",
        )
    write(Document(tables=(_table(comparison, found),)), form, out)


def _tables(comparison: Comparison, known: PerImages) -> Iterator[list[PerImage]]:
    """Yield the columns of each table, in order: Holm's correction is over a table."""
    order = {
        (dataset, metric): position
        for position, (dataset, metric) in enumerate(
            product(comparison.datasets, comparison.metrics)
        )
    }
    columns = sorted(known.columns, key=lambda one: order[one.dataset, one.metric])
    for flag in (True, False):
        yield [one for one in columns if comparison.datasets[one.dataset].has_reference == flag]


def _table(comparison: Comparison, found: Sequence[Detectable]) -> Table:
    columns = [Column(title="data set", key="dataset"), Column(title="metric")]
    columns += [
        Column(title=title, key=key, numeric=True)
        for key, title in (
            ("n", "n"),
            ("sd", "sd"),
            ("single", "one pair"),
            ("corrected", "in the table"),
            ("noise_floor", "repeated"),
        )
    ]
    return Table(
        caption=f"Detectable differences of two methods: found with {POWER:.0%} power.",
        label="power",
        columns=tuple(columns),
        groups=(Group(rows=tuple(_row(comparison, one) for one in found)),),
        stub=2,
        footnotes=(
            Footnote(
                text="sd: of the differences on single images, median over the pairs of methods. "
                "repeated: how far one method moves when it is measured again."
            ),
        ),
    )


def _row(comparison: Comparison, one: Detectable) -> Row:
    dataset, metric = comparison.datasets[one.dataset], comparison.metrics[one.metric]
    values = (one.sd, one.single, one.corrected, NOISE_FLOOR.get(one.metric))
    numbers = (
        Cell() if value is None else Cell(text=f"{value:.{metric.decimals}f}", value=value)
        for value in values
    )
    names = (Cell(text=each.title, value=each.id) for each in (dataset, metric))
    return Row(cells=(*names, Cell(text=str(one.n), value=one.n), *numbers))
