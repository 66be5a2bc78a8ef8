"""A grid -> a paper's table: which cell is about which method, data set and metric."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from benchmarks import registry
from benchmarks.conformance.columns import metric_of
from reports.audit.grid import Grid, GridCell, GridRow, Style, spread_out
from reports.audit.model import Entry, Mark, PaperTable
from reports.published.values import plain_title

_ROLES = {
    "dataset": "dataset", "datasets": "dataset", "data": "dataset", "testset": "dataset",
    "benchmark": "dataset", "method": "method", "methods": "method", "model": "method",
    "models": "method", "title": "title", "approach": "method", "algorithm": "method",
    "name": "method", "steps": "steps", "step": "steps", "nfe": "steps", "samplingsteps": "steps",
    "inferencesteps": "steps", "table": "none", "n": "n", "published": "published",
    "protocol": "protocol", "protocolhash": "none", "metric": "none", "metrics": "none",
}  # fmt: skip
_NUMBER = re.compile(r"[-+−]?\d*\.?\d+")
_N = re.compile(r"\(?\s*n\s*=\s*(\d+)\s*\)?")
_STEPS = re.compile(
    r"^(?P<name>.*?\S)\s*(?:[-@]\s*(?P<a>\d+)\s*s?|-s(?P<b>\d+)|\(\s*(?P<c>\d+)\s*(?:s|steps?)?\s*\))$"
)
_DERIVED = re.compile(r"^(?:n|low|high|p):")  # columns of our own files that are no scores
_FEWEST_METRICS = 2  # that make a row or column a header
_SIGNS = re.compile(r"[†‡§¶*,]+$")  # of footnotes, behind the name of a method
_UNRANKED = re.compile(r"not ranked", re.IGNORECASE)
_PROTOCOL = re.compile(r"\bprotocol (\S+ \([0-9a-f]{8,}\))")


@dataclass(frozen=True, slots=True)
class _Marking:
    """How one table marks its best values."""

    best: frozenset[Style]
    second: frozenset[Style]

    def of(self, styles: Iterable[Style]) -> Mark:
        if self.second & set(styles) and not self.best & set(styles):
            return "second"
        return "best" if self.best & set(styles) else ""


# The first one that a table uses counts: beside colours or macros, bold is emphasis.
_MARKINGS = (
    _Marking(frozenset({"best", "red"}), frozenset({"second", "blue"})),
    _Marking(frozenset({"bold"}), frozenset({"underline"})),
)


def interpret(grid: Grid, dataset: str = "") -> PaperTable | None:
    """Return what a grid says, or None where it has no metrics: it is another kind of table.

    Metrics head the columns, or, in the other usual form, the rows.

    Args:
        grid: the cells.
        dataset: the data set of rows that name none, where the caption does not say it either.
    """
    rows = spread_out(grid.rows)
    at = next((i for i, row in enumerate(rows) if _is_header(row)), None)
    if at is None:
        turned = _turned(rows)
        at = next((i for i, row in enumerate(turned) if _is_header(row)), None)
        if at is None:
            return None
        rows = turned
    table = _Reading(rows, at, _in_caption(grid.caption) or dataset).table()
    if table.entries and all(entry.text[0] in "+-" for entry in table.entries):
        return None  # differences
    said = _PROTOCOL.search(grid.caption)
    return replace(
        table,
        name=grid.name,
        caption=grid.caption,
        protocol=said[1] if said else table.protocol,
        ranks_quoted=table.ranks_quoted and not _UNRANKED.search(grid.caption),
    )


def _is_header(row: GridRow) -> bool:
    metrics = {metric for cell in row.cells if (metric := _metric(cell.text))}
    return len(metrics) >= _FEWEST_METRICS


def _turned(rows: Sequence[GridRow]) -> tuple[GridRow, ...]:
    width = max((len(row.cells) for row in rows), default=0)
    padded = [[*row.cells, *[GridCell()] * (width - len(row.cells))] for row in rows]
    lines = [row.line for row in rows]
    return tuple(GridRow(cells=column, line=min(lines)) for column in zip(*padded, strict=True))


def _metric(title: str) -> str | None:
    """Return the metric id of a column title, however papers spell it.

    >>> _metric("PSNR ↑"), _metric("CLIP-IQA↑"), _metric("CLIPIQA+"), _metric("niqe@pyiqa")
    ('psnr@y601', 'clipiqa@rn50', None, 'niqe@pyiqa')
    """
    if _DERIVED.match(title):
        return None
    if "@" in title:
        return title if title in registry.metric_specs() else None
    return metric_of(re.sub(r"\((?:dB|%)\)|[↑↓\s.-]", "", title))


def _in_caption(caption: str) -> str:
    """Return the one data set that a caption names, by the titles of the registered ones."""
    found = {
        card.title
        for card in registry.dataset_cards().values()
        if re.search(rf"(?<![\w-]){re.escape(card.title)}(?![\w-])", caption, re.IGNORECASE)
    }
    return found.pop() if len(found) == 1 else ""


def _is_known(names: Iterable[str]) -> bool:
    """Whether any of these is the title of a registered data set."""
    known = {plain_title(card.title) for card in registry.dataset_cards().values()}
    return any(plain_title(name) in known for name in names)


def _with_unnamed(roles: Mapping[str, int], first: int) -> dict[str, int]:
    """Return the columns of method and data set also where a header does not name them.

    Unnamed columns left of the metrics are the method, and before it the data set.

    Args:
        roles: what the header names.
        first: the first column with a metric.
    """
    found = dict(roles)
    unnamed = [i for i in range(first) if i not in roles.values()]
    if "title" in found:
        found["method"] = found["title"]
    elif "method" not in found:
        found["method"] = unnamed.pop() if unnamed else 0
    if unnamed and "dataset" not in found:
        found["dataset"] = unnamed[-1]
    return found


class _Reading:
    """One table, with its header found and its cells spread out."""

    def __init__(self, rows: Sequence[GridRow], at: int, dataset: str) -> None:
        self._body = rows[at + 1 :]
        self._dataset = dataset
        self._metrics: dict[int, str] = {}
        self._arrows: dict[str, str] = {}
        self._left_out: list[str] = []
        self._n_of: dict[str, int] = {}
        self._protocol = ""
        roles: dict[str, int] = {}
        first = min(i for i, cell in enumerate(rows[at].cells) if _metric(cell.text))
        for column, cell in enumerate(rows[at].cells):
            metric, role = _metric(cell.text), _ROLES.get(plain_title(cell.text))
            if metric:
                self._metrics[column] = metric
                arrow = re.search("[↑↓]", cell.text)
                self._arrows |= {metric: arrow.group()} if arrow else {}
            elif role:
                roles.setdefault(role, column)
            elif cell.text and column > first and not _DERIVED.match(cell.text):
                self._left_out.append(cell.text)
        self._roles = _with_unnamed(roles, first)
        self._above = self._datasets_above(rows[:at])

    def _datasets_above(self, rows: Sequence[GridRow]) -> Mapping[int, str]:
        """Return the data sets that head groups of columns."""
        for row in reversed(rows):
            texts = {i: row.cells[i].text for i in self._metrics if i < len(row.cells)}
            names = {i: self._named(text) for i, text in texts.items() if text}
            # A metric that is there twice is there once per data set; other heads group metrics.
            repeated = len(set(self._metrics.values())) < len(self._metrics)
            if repeated or _is_known(names.values()):
                return names
        return {}

    def table(self) -> PaperTable:
        """Return the table, without its name and caption."""
        found = list(self._entries())
        entries = [entry for entry, _ in found]
        marking = next((one for one in _MARKINGS if self._uses(one, found)), None)
        unmarked: set[str] = set()
        if marking:
            entries = [replace(entry, mark=marking.of(styles)) for entry, styles in found]
            unmarked = {"best", "second"}.difference(entry.mark or "" for entry in entries)
        return PaperTable(
            name="",
            entries=tuple(entries),
            n_of=self._n_of,
            left_out=tuple(dict.fromkeys(self._left_out)),
            arrows=self._arrows,
            unmarked=tuple(sorted(unmarked)),
            protocol=self._protocol,
            ranks_quoted="published" not in self._roles,
        )

    @staticmethod
    def _uses(marking: _Marking, entries: Sequence[tuple[Entry, frozenset[Style]]]) -> bool:
        return any(marking.of(styles) for _, styles in entries)

    def _entries(self) -> Iterator[tuple[Entry, frozenset[Style]]]:
        dataset = self._dataset
        for row in self._body:
            values = {i: row.cells[i] for i in self._metrics if i < len(row.cells)}
            numbers = {i: text for i, cell in values.items() if (text := _number(cell.text))}
            heading = {cell.text for cell in row.cells if cell.text}
            if not numbers:
                # A line of its own between the rows heads those below it.
                if len(heading) == 1:
                    dataset = self._named(heading.pop())
                continue
            named = self._text(row, "dataset")
            if named:
                dataset = self._named(named)
            if (count := self._text(row, "n")).isdecimal():
                self._n_of[dataset] = int(count)
            method, steps = self._method(row)
            if not method:
                continue  # intervals below the values
            self._protocol = self._protocol or self._text(row, "protocol")
            signed = bool(_SIGNS.search(self._text(row, "method")))
            quoted = signed or bool(self._text(row, "published"))
            emphasised = len(numbers) > _FEWEST_METRICS and all(
                "bold" in values[i].styles for i in numbers
            )
            for i, text in numbers.items():
                entry = Entry(
                    dataset=self._above.get(i) or dataset,
                    method=method,
                    steps=steps,
                    metric=self._metrics[i],
                    text=text,
                    line=row.line,
                    quoted=quoted,
                )
                yield entry, values[i].styles - ({"bold"} if emphasised else set())

    def _text(self, row: GridRow, role: str) -> str:
        column = self._roles.get(role)
        return row.cells[column].text if column is not None and column < len(row.cells) else ""

    def _method(self, row: GridRow) -> tuple[str, int | None]:
        text = _SIGNS.sub("", self._text(row, "method")).strip()
        given = re.search(r"\d+", self._text(row, "steps"))
        found = _STEPS.match(text)
        if not found:
            return text, int(given.group()) if given else None
        steps = found["a"] or found["b"] or found["c"]
        return found["name"], int(given.group() if given else steps)

    def _named(self, text: str) -> str:
        """Return the name of a data set, and remember the number of images beside it."""
        name = _N.sub("", text).strip(" ,;:")
        found = _N.search(text)
        if found:
            self._n_of[name] = int(found.group(1))
        return name


def _number(text: str) -> str:
    """Return the number that a cell begins with, as printed; empty where there is none.

    >>> _number("25.15 ±0.47"), _number(".7341"), _number("−1.5"), _number("-"), _number("N/A")
    ('25.15', '.7341', '-1.5', '', '')
    """
    found = _NUMBER.match(text.strip())
    return found.group().replace("−", "-") if found else ""
