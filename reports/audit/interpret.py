"""A grid -> a paper's table: which cell is about which method, data set and metric."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks import registry
from reports.audit.grid import Grid, GridCell, GridRow, spread_out
from reports.audit.header import Header, is_header, is_known_dataset, read_header
from reports.audit.meaning import with_marks
from reports.audit.model import Entry, PaperTable, Unread
from reports.audit.numbers import number_in

_N = re.compile(r"\(?\s*n\s*=\s*(\d+)\s*\)?")
_STEPS = re.compile(
    r"^(?P<name>.*?\S)\s*(?:[-@]\s*(?P<a>\d+)\s*s?|-s(?P<b>\d+)|\(\s*(?P<c>\d+)\s*(?:s|steps?)?\s*\))$"
)
_DIFFERENCE = re.compile(
    r"\W*(?:improv\w*|gains?|delta|diff(?:erence)?|relative|Δ|δ)(?![\w-])", re.IGNORECASE
)
_SIGNED = re.compile(r"\s*[+↑↓▲▼]|.*%\s*[↑↓▲▼)]")
_SIGNS = re.compile(r"[†‡§¶*,]+$")  # of footnotes, behind the name of a method
_UNRANKED = re.compile(r"not ranked", re.IGNORECASE)
_PROTOCOL = re.compile(r"\bprotocol (\S+ \([0-9a-f]{8,}\))")
_SPREAD = re.compile(r"[(±]\s*±?\s*[\d.]+\s*%?\s*\)?")


def interpret(grid: Grid, dataset: str = "") -> PaperTable | None:
    """Return what a grid says, or None where it has no metrics: it is another kind of table.

    Metrics head the columns, or, in the other usual form, the rows.

    Args:
        grid: the cells.
        dataset: the data set of rows that name none, where the caption does not say it either.
    """
    rows = spread_out(grid.rows)
    if not any(map(is_header, rows)):
        rows = _turned(rows)
        if not any(map(is_header, rows)):
            return None
    named = _in_caption(grid.caption.text) or dataset
    heads = [i for i, row in enumerate(rows) if is_header(row)]
    ends = [*heads[1:], len(rows)]
    parts = []
    for part, (at, end) in enumerate(zip(heads, ends, strict=True)):
        start = heads[part - 1] + 1 if part else 0
        above = rows[start:at] if not part else []
        header = read_header([*above, rows[at]], len(above))
        parts.append(_Part(header, rows[at + 1 : end], named, part).read())
    said = _PROTOCOL.search(grid.caption.text)
    table = PaperTable(
        name=grid.name,
        entries=tuple(entry for part in parts for entry in part.entries),
        caption=grid.caption.text,
        n_of={name: n for part in parts for name, n in part.n_of.items()},
        left_out=tuple(dict.fromkeys(title for part in parts for title in part.header.left_out)),
        arrows={metric: arrow for part in parts for metric, arrow in part.header.arrows.items()},
        unread=tuple(unread for part in parts for unread in part.unread),
        protocol=said[1] if said else next((p.protocol for p in parts if p.protocol), ""),
        ranks_quoted=not _UNRANKED.search(grid.caption.text)
        and not any("published" in part.header.roles for part in parts),
    )
    if table.entries and all(entry.text[0] in "+-" for entry in table.entries):
        return None  # differences
    return with_marks(table, grid.caption, grid.unread)


def _turned(rows: Sequence[GridRow]) -> tuple[GridRow, ...]:
    width = max((len(row.cells) for row in rows), default=0)
    padded = [[*row.cells, *[GridCell()] * (width - len(row.cells))] for row in rows]
    lines = [row.line for row in rows]
    return tuple(GridRow(cells=column, line=min(lines)) for column in zip(*padded, strict=True))


def _in_caption(caption: str) -> str:
    """Return the one data set that a caption names, by the titles of the registered ones."""
    found = {
        card.title
        for card in registry.dataset_cards().values()
        if re.search(rf"(?<![\w-]){re.escape(card.title)}(?![\w-])", caption, re.IGNORECASE)
    }
    return found.pop() if len(found) == 1 else ""


@dataclass(slots=True)
class _Line:
    """One row with numbers, and what it belongs to."""

    row: GridRow
    place: int
    method: str
    category: str  # what the rows around it have in common: a data set, or a kind of methods
    heading: str  # the line of its own above it
    group: int


@dataclass(slots=True)
class _Part:
    """The rows below one header."""

    header: Header
    rows: Sequence[GridRow]
    dataset: str  # of rows that name none
    part: int
    entries: list[Entry] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    n_of: dict[str, int] = field(default_factory=dict)
    protocol: str = ""

    def read(self) -> _Part:
        lines = list(self._lines())
        headings = _are_datasets([(line.heading, line.method) for line in lines])
        categories = _are_datasets([(line.category, line.method) for line in lines])
        named = []
        for line in lines:
            dataset = self._text(line.row, "dataset") or (line.category if categories else "")
            dataset = self._named(dataset or (line.heading if headings else "") or self.dataset)
            if (count := self._text(line.row, "n")).isdecimal():
                self.n_of[dataset] = int(count)
            self.protocol = self.protocol or self._text(line.row, "protocol")
            named.append((dataset, *self._method(line.row, line.method)))
        unnamed = not {"title", "method"} & set(self.header.roles)
        settings = unnamed and len(set(named)) < len(named)
        for line, (dataset, method, steps) in zip(lines, named, strict=True):
            whole = settings or named.count((dataset, method, steps)) > 1
            self._read_row(line, dataset, self._settings(line) if whole else method, steps)
        for metric in self.header.alike:
            title = metric.partition("@")[0].upper()
            what = f"several columns are headed {title}, and nothing tells them apart"
            self.unread.append(Unread(what=what))
        return self

    def _lines(self) -> Iterator[_Line]:
        """Yield the rows that hold numbers."""
        heading, group, category = "", 0, self._category()
        for place, row in enumerate(self.rows):
            values = [row.cells[i] for i in self.header.metrics if i < len(row.cells)]
            texts = {cell.text for cell in row.cells if cell.text}
            if not any(re.search(r"\d", cell.text) for cell in values) or len(texts) == 1:
                if len(texts) == 1:  # a line of its own heads those below it
                    heading, group = texts.pop(), group + 1
                continue
            yield _Line(
                row=row,
                place=place,
                method=self._title_of(row),
                category=row.cells[category].text if category is not None else "",
                heading=heading,
                group=row.group + 1000 * group,
            )

    def _category(self) -> int | None:
        """Return the column that may name data sets without being called so."""
        if "dataset" in self.header.roles or not self.header.left:
            return None
        has_method = {"method", "title"} & set(self.header.roles)
        spare = self.header.left if has_method else self.header.left[:-1]
        return next(iter(reversed(spare)), None)

    def _title_of(self, row: GridRow) -> str:
        for role in ("title", "method"):
            if role in self.header.roles:
                return self._text(row, role)
        if not self.header.left:
            return row.cells[0].text if 0 not in self.header.metrics else ""
        return row.cells[self.header.left[-1]].text if len(row.cells) > self.header.left[-1] else ""

    def _settings(self, line: _Line) -> str:
        """Return a title of all columns before the metrics: they tell rows of one name apart."""
        named = [
            self.header.roles[role] for role in ("title", "method") if role in self.header.roles
        ]
        columns = sorted({*named[:1], *self.header.left})
        texts = [line.row.cells[i].text for i in columns if i < len(line.row.cells)]
        return " ".join(filter(None, texts))

    def _read_row(self, line: _Line, dataset: str, method: str, steps: int | None) -> None:
        row = line.row
        columns = {
            i: (self._named(self.header.above.get(i, "")) or dataset, metric, self.part)
            for i, metric in self.header.metrics.items()
        }
        everywhere = frozenset(columns.values())
        if len(row.cells) > self.header.width:
            what = f"a row of {len(row.cells)} cells below a header of {self.header.width}"
            self.unread.append(Unread(what=what, line=row.line, columns=everywhere, numbers=True))
            return
        cells = {i: row.cells[i] for i in columns if i < len(row.cells)}
        if all(_SPREAD.fullmatch(cell.text) for cell in cells.values() if cell.text):
            return  # spreads below the values
        if _DIFFERENCE.match(method) or all(
            _SIGNED.match(cell.text) for cell in cells.values() if re.search(r"\d", cell.text)
        ):
            return  # differences between two rows
        if not method and all(_number_or_none(cell) is None for cell in cells.values()):
            return  # intervals below the values
        if not method:
            what = "a row of numbers without a name"
            self.unread.append(Unread(what=what, line=row.line, columns=everywhere, numbers=True))
            return
        for i, cell in cells.items():
            self._read_value(cell, columns[i], line, method, steps)

    def _read_value(
        self,
        cell: GridCell,
        column: tuple[str, str, int],
        line: _Line,
        method: str,
        steps: int | None,
    ) -> None:
        why = cell.unread or ("it spans columns" if cell.columns > 1 else "")
        try:
            number = number_in(cell.text)
        except ValueError:
            number, why = None, why or "no number that is known"
        if why and re.search(r"\d", cell.text):
            what = f"'{cell.text}' of {method}: {why}"
            self.unread.append(
                Unread(what=what, line=line.row.line, columns=frozenset([column]), numbers=True)
            )
        elif number:
            dataset, metric, part = column
            self.entries.append(
                Entry(
                    dataset=dataset,
                    method=method,
                    steps=steps,
                    metric=metric,
                    text=number.text,
                    line=line.row.line,
                    styles=cell.styles(number.start, number.end),
                    part=part,
                    group=line.group,
                    category=line.category,
                    quoted=bool(_SIGNS.search(line.method) or self._text(line.row, "published")),
                    place=line.place + 100_000 * self.part,
                )
            )

    def _text(self, row: GridRow, role: str) -> str:
        column = self.header.roles.get(role)
        return row.cells[column].text if column is not None and column < len(row.cells) else ""

    def _method(self, row: GridRow, text: str) -> tuple[str, int | None]:
        text = _SIGNS.sub("", text).strip()
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
            self.n_of[name] = int(found.group(1))
        return name


def _number_or_none(cell: GridCell) -> str | None:
    """Return the number of a cell, or None where it holds none that is known."""
    try:
        number = number_in(cell.text)
    except ValueError:
        return cell.text
    return number.text if number else None


def _are_datasets(named: Sequence[tuple[str, str]]) -> bool:
    """Whether what heads rows names data sets: the same methods come back under another one.

    Else it names kinds of methods, and their rows are ranked together.

    Args:
        named: what heads each row, and the row's method.
    """
    if is_known_dataset(_N.sub("", name).strip(" ,;:") for name, _ in named):
        return True
    if not any(re.search(r"[^\W\d_]", name) for name, _ in named):
        return False  # check marks and numbers: settings
    of: dict[str, set[str]] = {}
    for name, method in named:
        of.setdefault(method, set()).add(name)
    return len({name for name, _ in named}) > 1 and any(len(names) > 1 for names in of.values())
