"""The tables as text: terminal, Markdown, LaTeX; and the measurements as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from reports.tables import latex as tex
from reports.tables import markdown as md
from reports.tables.text import one_line

if TYPE_CHECKING:
    from benchmarks.bench.rows import BenchResults, BenchRow
    from reports.efficiency.model import Cell, Grid

_SUPERSCRIPT = str.maketrans("abcdefghijklmnoprstuvwxyz", "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ")
_TEX_SIGNS = str.maketrans({"×": r"$\times$"})
_ONE_COLUMN = 6  # columns that fit one column of a two-column paper


def terminal(grids: Sequence[Grid]) -> str:
    """Return the tables for people, columns in line."""
    return "\n".join("\n".join(_terminal(grid)) + "\n" for grid in grids)


def _terminal(grid: Grid) -> Iterator[str]:
    from rich.cells import cell_len

    rows = [[one_line(c.text) + c.mark.translate(_SUPERSCRIPT) for c in row] for row in grid.rows]
    head = [cell.text for cell in grid.head]
    widths = [max(map(cell_len, column)) for column in zip(head, *rows, strict=True)]

    def line(texts: Sequence[str]) -> str:
        padded = (
            text + pad if i < grid.words else pad + text
            for i, text in enumerate(texts)
            for pad in [" " * (widths[i] - cell_len(text))]
        )
        return "  ".join(padded).rstrip()

    yield line(head)
    yield "  ".join("─" * width for width in widths)
    yield from map(line, rows)
    yield one_line(grid.caption)
    for mark, text in grid.footnotes:
        yield f"{mark.translate(_SUPERSCRIPT)} {one_line(text)}".strip()


def markdown(grids: Sequence[Grid]) -> str:
    """Return the tables as GitHub renders them."""
    return "\n".join("\n".join(_markdown(grid)) + "\n" for grid in grids)


def _markdown(grid: Grid) -> Iterator[str]:
    def line(cells: Iterable[str]) -> str:
        return f"| {' | '.join(cells)} |"

    yield f"**{md.escape(grid.caption)}**"
    yield ""
    yield line(md.escape(cell.text) for cell in grid.head)
    yield line("---" if i < grid.words else "---:" for i in range(len(grid.head)))
    for row in grid.rows:
        yield line(md.escape(c.text) + (f"<sup>{c.mark}</sup>" if c.mark else "") for c in row)
    for mark, text in grid.footnotes:
        yield ""
        yield (f"<sup>{mark}</sup> " if mark else "") + md.escape(text)


def latex(grids: Sequence[Grid]) -> str:
    r"""Return the tables as LaTeX source to be read by `\input`."""
    needs = r"% Needs in the preamble: \usepackage{booktabs,graphicx}"
    return "\n".join([needs, *("\n" + "\n".join(_latex(grid)) for grid in grids)]) + "\n"


def _latex(grid: Grid) -> Iterator[str]:
    def line(cells: Iterable[Cell]) -> str:
        return f"    {' & '.join(map(_tex_cell, cells))} \\\\"

    environment = "table" if len(grid.head) <= _ONE_COLUMN else "table*"
    yield rf"\begin{{{environment}}}[t]"
    yield r"  \centering"
    yield rf"  \caption{{{_tex(grid.caption)}}}"
    yield rf"  \label{{tab:{grid.label}}}"
    yield r"  \par\smallskip"
    yield r"  \small\setlength{\tabcolsep}{3.5pt}"
    # Shrinks a table that is wider than the text, and only such a one.
    yield r"  \resizebox{\ifdim\width>\linewidth \linewidth\else \width\fi}{!}{%"
    yield rf"  \begin{{tabular}}{{{'l' * grid.words}{'r' * (len(grid.head) - grid.words)}}}"
    yield r"    \toprule"
    yield line(grid.head)
    grouped = not all(row[0].text for row in grid.rows)  # several rows of one method
    for number, row in enumerate(grid.rows):
        if number == 0 or (grouped and row[0].text):
            yield r"    \midrule"
        yield line(row)
    yield r"    \bottomrule"
    yield r"  \end{tabular}}"
    if grid.footnotes:
        yield r"  \par\smallskip"
        yield r"  \begin{minipage}{\linewidth}\footnotesize"
        for mark, text in grid.footnotes:
            yield f"    {_superscript(mark)}{_tex(text)}\\par"
        yield r"  \end{minipage}"
    yield rf"\end{{{environment}}}"


def _tex_cell(cell: Cell) -> str:
    return _tex(cell.text) + _superscript(cell.mark)


def _superscript(mark: str) -> str:
    return rf"\textsuperscript{{{mark}}}" if mark else ""


def _tex(text: str) -> str:
    return tex.escape(text).translate(_TEX_SIGNS)


def csv_text(results: BenchResults) -> str:
    """Return one line per method and batch size with unrounded values; failures have none."""
    at = results.conditions
    names = dict.fromkeys(name for row in results.rows for name in row.parts)
    shared = {
        "lr_width": at.lr_width,
        "lr_height": at.lr_height,
        "device": at.device,
        "device_name": at.device_name,
        "torch": results.torch.get("version", ""),
        "warm_up": at.warm_up,
        "repeats": at.repeats,
        "offload": at.offload,
    }
    lines = [{**_csv_row(row, names), **shared} for row in results.rows]
    lines += [
        {
            "method": failure.method,
            "title": failure.title,
            "batch": failure.batch,
            "failure": f"{failure.what}: {failure.error}: {failure.cause}",
            **shared,
        }
        for failure in results.failures
    ]
    columns = dict.fromkeys(name for line in lines for name in line)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(columns), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def _csv_row(row: BenchRow, parts: Iterable[str]) -> dict[str, object]:
    facts: dict[str, object] = {
        name: getattr(row, name)
        for name in (
            *("method", "title", "batch", "scale", "steps", "nfe", "dtype"),
            *("median_s", "p90_s", "images_per_s", "first_s", "load_s"),
            *("peak_memory_bytes", "memory", "reserved_bytes", "start_memory_bytes"),
            *("parameters", "macs"),
        )
    }
    for name in parts:
        part = row.parts.get(name)
        for what in ("seconds", "macs", "parameters"):
            facts[f"{name}:{what}"] = getattr(part, what) if part else None
    return {**facts, "failure": ""}
