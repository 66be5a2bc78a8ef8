"""What the user asks to see of a comparison, by any of its names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks.options import choose, split_lists

if TYPE_CHECKING:
    from reports.comparison import Comparison

Originals = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="SPEC",
        help="Where a data set lies now: folder:NAME=LR,HR. Default: where the run found it.",
    ),
]
_SEE = "mfsr-bench report table RUN"


def datasets_of(comparison: Comparison, names: Iterable[str] | None) -> tuple[str, ...] | None:
    """Return the ids of the data sets that `names` stand for; None for no names.

    Raises:
        UnknownNameError: nothing goes by one of them.
    """
    known = {key: [one.title] for key, one in comparison.datasets.items()}
    return choose(split_lists(names), known, what="data set of these runs", see=_SEE)


def metrics_of(comparison: Comparison, names: Iterable[str] | None) -> tuple[str, ...] | None:
    """Return the metric ids that `names` stand for; None for no names.

    Raises:
        UnknownNameError: nothing goes by one of them.
    """
    known = {key: [one.name] for key, one in comparison.metrics.items()}
    return choose(split_lists(names), known, what="metric of these runs", see=_SEE)


def rows_of(
    comparison: Comparison, names: Iterable[str] | None, *, others: Iterable[tuple[str, str]] = ()
) -> tuple[str, ...] | None:
    """Return the keys of methods, and the titles of other rows, that `names` stand for.

    Args:
        comparison: what is compared.
        names: as typed; one may stand for several rows (`mfsr` for all its steps).
        others: titles of published rows, each with the title of its method.

    Raises:
        UnknownNameError: nothing goes by one of them.
    """
    known = {key: [one.title, one.card_title] for key, one in comparison.methods.items()}
    known |= {title: [method] for title, method in others}
    return choose(split_lists(names), known, what="row", see=_SEE, several=True)


def select(
    comparison: Comparison,
    *,
    methods: Iterable[str] | None = None,
    datasets: Iterable[str] | None = None,
    metrics: Iterable[str] | None = None,
) -> Comparison:
    """Return the part of a comparison that the names stand for, in the order given.

    Raises:
        UnknownNameError: nothing goes by one of the names.
    """
    return comparison.select(
        methods=rows_of(comparison, methods),
        datasets=datasets_of(comparison, datasets),
        metrics=metrics_of(comparison, metrics),
    )
