"""What the user asks to see of a comparison, by any of its names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks.api.errors import UsageError
from benchmarks.api.names import unknown
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
Published = Annotated[
    bool, typer.Option("--published", help="Add published rows of the same data sets.")
]
Sources = Annotated[
    list[str] | None,
    typer.Option(metavar="NAMES", help="Published rows of these sources alone: mfsr,flowsr,tadsr."),
]
KnownAs = Annotated[
    list[str] | None,
    typer.Option(
        "--as",
        metavar="NAMES",
        help="What a folder holds, so that published rows stand beside it: realsr, or "
        "folder-lr=realsr.",
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


def known_sets(comparison: Comparison, names: Iterable[str] | None) -> dict[str, str]:
    """Return which known set each folder holds, as `--as` says.

    Raises:
        UnknownNameError: no data set goes by that name.
        UsageError: it is not said which folder is meant.
    """
    from benchmarks import registry

    cards = registry.dataset_cards()
    folders = [name for name in comparison.datasets if name not in cards]
    found = {}
    for text in split_lists(names) or ():
        folder, equals, name = text.rpartition("=")
        if name not in cards:
            raise unknown("data set", name, cards, see="mfsr-bench list datasets")
        if not equals and len(folders) != 1:
            raise UsageError(
                f"These runs hold {len(folders)} data sets of folders: --as {name} names none.",
                "Use: --as FOLDER=" + name,
            )
        found[folder or folders[0]] = name
    for name in found:
        if name not in comparison.datasets:
            raise unknown("data set of these runs", name, comparison.datasets, see=_SEE)
    return found


def sources_of(names: Iterable[str] | None) -> tuple[str, ...] | None:
    """Return the sources of published values that `names` stand for; None for no names.

    Raises:
        UnknownNameError: nothing goes by one of them.
    """
    from reports.published.values import published_rows

    known = {row.source: () for row in published_rows()}
    return choose(
        split_lists(names), known, what="source of published values", see="docs/protocols.md"
    )
