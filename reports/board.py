"""`mfsr-bench report board`: a folder of packed runs as one static page of ranked tables."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks import console
from benchmarks.api.errors import DataError, MFSRBenchError
from benchmarks.api.images import show, write_atomic

if TYPE_CHECKING:
    from benchmarks.results.rows import RunResults
    from reports.identity import Dataset, Metric, Protocol

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>mfsr-bench: leaderboard</title>
<style>
:root {{ color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }}
body {{ max-width: 70rem; margin: 2rem auto; padding: 0 1rem }}
.wide {{ overflow-x: auto }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums }}
th, td {{ padding: .2rem .7rem; text-align: right; white-space: nowrap }}
th:first-child, td:first-child, td:nth-child(2), th:nth-child(2) {{ text-align: left }}
thead th {{ border-bottom: 1px solid; cursor: pointer }}
tr:nth-child(even) td {{ background: color-mix(in srgb, currentColor 5%, transparent) }}
b {{ text-decoration: underline }}
small {{ opacity: .75 }}
</style>
<h1>Leaderboard</h1>
<p>{n} packed runs. A value is the mean of one run over the images that all its methods have (n);
rows of different n are not ranked against each other. The best of each column is underlined.
A click on a column sorts.</p>
{tables}
{refused}
<script>
for (const head of document.querySelectorAll("thead th")) head.onclick = () => {{
  const place = head.cellIndex, body = head.closest("table").tBodies[0];
  const sign = head.dataset.up === "1" ? -1 : 1;
  head.dataset.up = sign === 1 ? "1" : "";
  const value = row => row.cells[place].dataset.value ?? row.cells[place].textContent;
  const order = (a, b) => {{
    const x = value(a), y = value(b), numbers = x !== "" && y !== "" && !isNaN(x) && !isNaN(y);
    return sign * (numbers ? x - y : x.localeCompare(y));
  }};
  body.append(...[...body.rows].sort(order));
}};
</script>
</html>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """One method of one run on one data set."""

    title: str
    run: str
    n: int  # images that its means stand on
    values: Mapping[str, float]  # by metric id


@dataclass(slots=True, kw_only=True)
class _Board:
    """The lines of one data set under one protocol."""

    dataset: Dataset
    protocol: Protocol
    metrics: dict[str, Metric]
    lines: list[_Line]


def board(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of packed runs (.zip).")],
    *,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The page. Default: DIR/index.html.")
    ] = None,
) -> None:
    """Write a folder of packed runs as one page: a table per data set and protocol.

    A bundle that is damaged is named on the page and left out. Runs of other protocols or of other
    images under the same name stand in tables of their own.

    Examples:
        mfsr-bench report board bundles
    """
    from benchmarks.results.bundle import check, read_bundle

    boards: dict[tuple[str, str, str], _Board] = {}
    refused = {}
    paths = sorted(folder.glob("*.zip"))
    if not paths:
        raise DataError(
            f"No packed runs in {show(folder)}.", "Write one: mfsr-bench pack run RUN --out FILE"
        )
    for path in paths:
        try:
            problems = check(path)
            if problems:
                raise DataError("; ".join(problems))
            _add(read_bundle(path), boards)
        except MFSRBenchError as error:
            refused[path.name] = error.cause
            console.say(f"Left out: {show(path)}: {error.cause}", style="yellow")
    place = out or folder / "index.html"
    page = _PAGE.format(
        n=len(paths) - len(refused),
        tables="\n".join(map(_table, boards.values())),
        refused="".join(
            f"<p>Left out: {html.escape(name)}: {html.escape(why)}</p>"
            for name, why in refused.items()
        ),
    )
    write_atomic(place, page.encode())
    console.out().print(show(place), markup=False)


def _add(results: RunResults, boards: dict[tuple[str, str, str], _Board]) -> None:
    from benchmarks.results.frames import means
    from reports.identity import identity_of

    known = identity_of(results)
    table = means(results)
    for name, dataset in known.datasets.items():
        key = (known.protocol.hash, name, dataset.manifest)
        one = boards.setdefault(
            key, _Board(dataset=dataset, protocol=known.protocol, metrics={}, lines=[])
        )
        one.metrics |= known.metrics
        for method, mine in table[table.dataset == name].groupby("method", sort=False):
            title = (
                known.methods[str(method)].title if str(method) in known.methods else str(method)
            )
            values = dict(zip(mine.metric, map(float, mine.value), strict=True))
            n = int(mine.n.min())
            one.lines.append(_Line(title=title, run=results.path.name, n=n, values=values))


def _table(one: _Board) -> str:
    metrics = [m for m in one.metrics.values() if any(m.id in line.values for line in one.lines)]
    most = max((line.n for line in one.lines), default=0)
    best = {metric.id: _best(metric, one.lines, most) for metric in metrics}
    heads = "".join(
        f"<th>{html.escape(m.title)}{'↑' if m.higher_is_better else '↓'}</th>" for m in metrics
    )
    rows = "\n".join(_row(line, metrics, best, most) for line in one.lines)
    return (
        f"<h2>{html.escape(one.dataset.title)}</h2>"
        f"<p><small>protocol {html.escape(one.protocol.label)}"
        f"{_manifest(one.dataset)}</small></p>"
        f'<div class="wide"><table><thead><tr><th>Method</th><th>Run</th><th>n</th>{heads}</tr>'
        f"</thead><tbody>\n{rows}\n</tbody></table></div>"
    )


def _manifest(dataset: Dataset) -> str:
    return f", images {html.escape(dataset.manifest[:12])}" if dataset.manifest else ""


def _best(metric: Metric, lines: Sequence[_Line], n: int) -> float | None:
    values = [line.values[metric.id] for line in lines if line.n == n and metric.id in line.values]
    pick = max if metric.higher_is_better else min
    return pick(values, default=None)


def _row(
    line: _Line, metrics: Sequence[Metric], best: Mapping[str, float | None], most: int
) -> str:
    cells = "".join(_cells(line, metrics, best, most))
    names = f"<td>{html.escape(line.title)}</td><td>{html.escape(line.run)}</td><td>{line.n}</td>"
    return f"<tr>{names}{cells}</tr>"


def _cells(
    line: _Line, metrics: Sequence[Metric], best: Mapping[str, float | None], most: int
) -> Iterator[str]:
    for metric in metrics:
        value = line.values.get(metric.id)
        if value is None:
            yield '<td data-value="">-</td>'
            continue
        text = f"{value:.{metric.decimals}f}"
        if line.n == most and value == best[metric.id]:
            text = f"<b>{text}</b>"
        yield f'<td data-value="{value!r}">{text}</td>'
