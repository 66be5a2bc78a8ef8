"""The header of a table: which column holds what."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import registry
from benchmarks.conformance.columns import metric_of
from benchmarks.conformance.published import plain_title

if TYPE_CHECKING:
    from reports.audit.grid import GridRow

_ROLES = {
    "dataset": "dataset", "datasets": "dataset", "data": "dataset", "testset": "dataset",
    "benchmark": "dataset", "method": "method", "methods": "method", "model": "model",
    "models": "model", "title": "title", "approach": "method", "algorithm": "method",
    "name": "model", "steps": "steps", "step": "steps", "nfe": "steps", "samplingsteps": "steps",
    "inferencesteps": "steps", "table": "none", "n": "n", "published": "published",
    "protocol": "protocol", "protocolhash": "none", "metric": "none", "metrics": "none",
}  # fmt: skip
_DERIVED = re.compile(r"^(?:n|low|high|p):")  # columns of our own files that are no scores
_FEWEST_METRICS = 2  # that make a row or column a header


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a header row says of the columns below it."""

    metrics: Mapping[int, str]  # column -> metric id
    above: Mapping[int, str]  # column -> what heads its group, where groups repeat the metrics
    roles: Mapping[str, int]  # "method", "dataset", "steps", "n" -> column, where it is named
    left: tuple[int, ...]  # the columns before the first metric that have no role
    arrows: Mapping[str, str]
    left_out: tuple[str, ...]  # titles of the columns that are no metric known here
    alike: tuple[str, ...]  # metrics that head several columns which nothing tells apart
    width: int


def is_header(row: GridRow) -> bool:
    """Whether a row names metrics."""
    metrics = {metric for cell in row.cells if (metric := metric_in(cell.text))}
    return len(metrics) >= _FEWEST_METRICS


def metric_in(title: str) -> str | None:
    """Return the metric id of a column title, however papers spell it.

    >>> metric_in("PSNR ↑"), metric_in("CLIP-IQA↑"), metric_in("CLIPIQA+"), metric_in("niqe@pyiqa")
    ('psnr@y601', 'clipiqa@rn50', None, 'niqe@pyiqa')
    """
    if _DERIVED.match(title):
        return None
    if "@" in title:
        return title if title in registry.metric_specs() else None
    return metric_of(re.sub(r"\((?:dB|%)\)|[↑↓\s.-]", "", title))


def read_header(rows: Sequence[GridRow], at: int) -> Header:
    """Return what the row `at` and those above it, which may name data sets, say."""
    cells = rows[at].cells
    metrics = {i: metric for i, cell in enumerate(cells) if (metric := metric_in(cell.text))}
    first = min(metrics)
    roles: dict[str, int] = {}
    left_out: list[str] = []
    arrows: dict[str, str] = {}
    for column, cell in enumerate(cells):
        if column in metrics:
            arrow = re.search("[↑↓]", cell.text)
            arrows |= {metrics[column]: arrow.group()} if arrow else {}
        elif role := _ROLES.get(plain_title(cell.text)):
            roles.setdefault(role, column)
        elif cell.text and column > first and not _DERIVED.match(cell.text):
            left_out.append(cell.text)
    model = roles.pop("model", None)  # what a method is called, unless it is what methods work on
    if model is not None:
        roles.setdefault("method", model)
    above = _above(rows[:at], metrics)
    alike = _alike(metrics, above)
    return Header(
        metrics={i: metric for i, metric in metrics.items() if metric not in alike},
        above=above,
        roles=roles,
        left=tuple(i for i in range(first) if i not in roles.values()),
        arrows=arrows,
        left_out=tuple(dict.fromkeys(left_out)),
        alike=alike,
        width=max(len(row.cells) for row in rows[: at + 1]),
    )


def _above(rows: Sequence[GridRow], metrics: Mapping[int, str]) -> dict[int, str]:
    """Return what heads groups of columns: data sets, where metrics are there more than once.

    As many of the rows above as it takes to tell all columns apart are joined.
    """
    names: dict[int, str] = {}
    repeated = len(set(metrics.values())) < len(metrics)
    for row in reversed(rows):
        texts = {i: row.cells[i].text for i in metrics if i < len(row.cells) and row.cells[i].text}
        if not repeated and not is_known_dataset(texts.values()):
            continue  # it heads groups of metrics
        for column, text in texts.items():
            names[column] = f"{text} {names[column]}" if column in names else text
        if not _alike(metrics, names):
            break
    return names


def _alike(metrics: Mapping[int, str], names: Mapping[int, str]) -> tuple[str, ...]:
    seen: set[tuple[str, str]] = set()
    found = []
    for column, metric in metrics.items():
        key = metric, names.get(column, "")
        if key in seen:
            found.append(metric)
        seen.add(key)
    return tuple(dict.fromkeys(found))


def is_known_dataset(names: Iterable[str]) -> bool:
    """Whether any of these is the title of a registered data set."""
    known = {plain_title(card.title) for card in registry.dataset_cards().values()}
    return any(plain_title(name) in known for name in names)
