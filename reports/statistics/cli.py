"""`mfsr-bench report power`: what differences the data sets of a run can show."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks import console
from benchmarks.api.errors import DataError
from benchmarks.options import Json
from benchmarks.results.read import read_run
from reports.comparison import compare
from reports.published.noise import NOISE_FLOOR
from reports.selection import select
from reports.statistics.detectable import POWER, Detectable, detectable
from reports.tables import plain

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
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    as_json: Json = False,
) -> None:
    """Print the smallest difference of two methods that each data set would show.

    A paired two-sided test at 5 % finds a true difference of that size in 80 % of cases; "in the
    table" is the same after correction for all pairs of methods in all columns.
    """
    from reports.statistics.per_image import all_per_image

    results = [read_run(run) for run in runs]
    comparison = select(compare(results), datasets=datasets, metrics=metrics)
    known = all_per_image(comparison, results)
    found = [one for table in _tables(comparison, known) for one in detectable(table)]
    if not found:
        raise DataError(
            "Nothing to compare: no column has two methods with shared images.",
            "Run a second method into the same folder: mfsr-bench run --out RUN -m METHOD",
        )
    if as_json:
        rows = [asdict(one) | {"noise_floor": NOISE_FLOOR.get(one.metric)} for one in found]
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
    elif markdown:
        sys.stdout.write(plain.to_markdown(_table(comparison, found)))
    else:
        plain.show(_table(comparison, found), console.out())


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


def _table(comparison: Comparison, found: Sequence[Detectable]) -> plain.Plain:
    rows = []
    for one in found:
        metric = comparison.metrics[one.metric]
        floor = NOISE_FLOOR.get(one.metric)
        values = (one.sd, one.single, one.corrected)
        numbers = [f"{value:.{metric.decimals}f}" for value in values]
        numbers.append("-" if floor is None else f"{floor:.{metric.decimals}f}")
        title = comparison.datasets[one.dataset].title
        rows.append((title, metric.title, str(one.n), *numbers))
    return plain.Plain(
        caption=f"Detectable differences of two methods: found with {POWER:.0%} power.",
        label="power",
        columns=("data set", "metric", "n", "sd", "one pair", "in the table", "repeated"),
        rows=tuple(rows),
        left=2,
        notes=(
            "sd: of the differences on single images, median over the pairs of methods. repeated: "
            "how far one method moves when it is measured again.",
        ),
    )
