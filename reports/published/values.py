"""Published numbers as rows of our tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from benchmarks.conformance.columns import metric_of
from benchmarks.conformance.logs import logs
from benchmarks.conformance.published import Source, lines_of, plain_title, publications

if TYPE_CHECKING:
    from reports.identity import Method


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRow:
    """One method on one data set, as somebody published it."""

    source: str  # "mfsr": its name in sources.toml, or that of a log
    citation: str
    dataset: str  # data set id
    n: int  # images of that set
    card_title: str  # "TSD-SR"
    steps: int
    options: str = ""  # of the method, as our titles have them
    texts: Mapping[str, str]  # by metric id, as printed
    unsure: frozenset[str] = frozenset()  # metrics whose value may be a misprint
    note: str = ""  # in what the data set may differ from ours

    @property
    def values(self) -> Mapping[str, float]:
        """The values by metric id, rounded as printed."""
        return {metric: float(text) for metric, text in self.texts.items()}

    def rounding(self, metric: str) -> float:
        """Return half a unit of the last printed digit of a value."""
        return 0.5 * 10.0 ** -len(self.texts[metric].partition(".")[2])

    @property
    def title(self) -> str:
        """The row's title: METHOD-Ns, and its options."""
        return f"{self.card_title}-{self.steps}s{self.options}"


def counterparts(method: Method, rows: Iterable[PublishedRow]) -> tuple[PublishedRow, ...]:
    """Return the rows that are about `method`, at most one per source.

    An option changes what a method is, so only defaults match. Steps have to be equal; a folder of
    precomputed images has none of its own and matches a title with them (`MFSR-2s`), or a bare
    title that the source has only once.
    """
    if method.options:
        return ()
    wanted = plain_title(method.card_title)
    by_source: dict[str, list[PublishedRow]] = {}
    for row in rows:
        by_title = wanted == plain_title(row.title)
        by_method = wanted == plain_title(row.card_title) and method.steps in (None, row.steps)
        if by_title or by_method:
            by_source.setdefault(row.citation, []).append(row)
    return tuple(found[0] for found in by_source.values() if len(found) == 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What is known of one data set as a run used it."""

    rows: tuple[PublishedRow, ...] = ()
    refused: str = ""  # why rows of this set were left out; empty where none were
    notes: tuple[str, ...] = field(default=())


def published_for(dataset: str, n: int) -> Published:
    """Return the published rows that are about this very set of images.

    Args:
        dataset: data set id.
        n: images of it that were tried, whether or not they succeeded.
    """
    return only([row for row in published_rows() if row.dataset == dataset], n)


def only(rows: Sequence[PublishedRow], n: int) -> Published:
    """Return the rows that are of `n` images, and what is to be said of the others."""
    same = tuple(row for row in rows if row.n == n)
    refused = ""
    if len(same) < len(rows):
        other = next(row.n for row in rows if row.n != n)
        refused = f"published values are of {other} images, these runs have {n}: left out"
    return Published(
        rows=same,
        refused=refused,
        notes=tuple(dict.fromkeys(row.note for row in same if row.note)),
    )


@cache
def published_rows() -> tuple[PublishedRow, ...]:
    """Return all published rows, papers first, in the order in which they were printed."""
    papers = [row for name, source in publications().sources.items() for row in _rows(name, source)]
    return (*papers, *_logs())


def bibkey(title: str, facts: Mapping[str, Any] | None = None) -> str:
    """Return the key of a method's paper in docs/references.bib; empty where it has none.

    Args:
        title: of the method.
        facts: what `run.json` says of it, where it was run.
    """
    paper = (facts or {}).get("card", {}).get("paper") or {}
    return str(paper.get("bibkey") or publications().bibkeys.get(title, ""))


def _rows(name: str, source: Source) -> Iterator[PublishedRow]:
    """Yield the rows of a source; a method that two of its tables repeat is one row."""
    found: dict[tuple[str, str, int], dict[str, str]] = {}
    for line in lines_of(source):
        texts = found.setdefault((line.dataset, line.method, line.steps), {})
        for metric, text in line.values(source.metrics).items():
            if texts.setdefault(metric, text) != text:
                raise AssertionError(f"Table {line.table} contradicts another: {line}, {metric}")
    for (dataset, method, steps), texts in found.items():
        yield row_of(name, source, dataset, method, steps, texts)


def row_of(
    name: str,
    source: Source,
    dataset: str,
    method: str,
    steps: int,
    texts: Mapping[str, str],
    *,
    options: str = "",
) -> PublishedRow:
    """Return one row of a source.

    Args:
        name: of the source.
        source: what it is.
        dataset: as the source names it.
        method: as the source names it.
        steps: of the method.
        texts: what is printed, by metric id; a question mark where it may be a misprint.
        options: of the method, as our titles have them: " +student=null-w6".
    """
    named = source.datasets[dataset]
    return PublishedRow(
        source=name,
        citation=source.citation,
        dataset=named.id,
        n=named.n,
        note=named.note,
        card_title=source.methods.get(method, method),
        steps=steps,
        options=options,
        texts={metric: text.removesuffix("?") for metric, text in texts.items()},
        unsure=frozenset(metric for metric, text in texts.items() if text.endswith("?")),
    )


def _logs() -> Iterator[PublishedRow]:
    for log in logs().values():
        yield PublishedRow(
            source=log.name,
            citation=f"set means of the log in {log.source}",
            dataset=log.dataset,
            n=log.n,
            card_title=log.method,
            steps=log.steps,
            texts={_metric(column): str(value) for column, value in log.means.items()},
        )


def _metric(column: str) -> str:
    metric = metric_of(column)
    assert metric is not None, column
    return metric
